#!/usr/bin/env bash
# PyTorch 2.13.0: the gradient of torch.distributions.GeneralizedPareto(...).log_prob by the concentration is 0 at a
# concentration of 0, as are those of cdf and icdf. The documentation has it as the special case of the exponential
# distribution; the density is smooth there, and the derivative of its logarithm is z**2 / 2 - z, with z = (x - loc) /
# scale. Values are right: the limit is taken where the concentration is close to 0, and it does not depend on it.
# Seen at x = 0.9, loc = 0.5, scale = 2: 0 at a concentration of 0 and 1e-8, right is -0.18, which it gives at 1e-6.
# 0 is what one starts a fit of tails from, and an optimiser of first order stays there for good.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch

torch.set_default_dtype(torch.float64)
x, loc, scale = torch.tensor(0.9), torch.tensor(0.5), torch.tensor(2.0)
z = (x - loc) / scale

def value(method, concentration):
    return getattr(torch.distributions.GeneralizedPareto(loc, scale, concentration), method)(x)

for method, right in [("log_prob", z**2 / 2 - z), ("cdf", -(z**2) / 2 * torch.exp(-z)), ("icdf", None)]:
    for c in (1e-3, 1e-6, 1e-8, 0.0):
        concentration = torch.tensor(c, requires_grad=True)
        (gradient,) = torch.autograd.grad(value(method, concentration), concentration)
        up, down = (value(method, torch.tensor(c + h)) for h in (1e-4, -1e-4))
        difference = (up - down) / 2e-4
        print(f"{method}, concentration {c}: gradient {gradient:.6f}, difference quotient {difference:.6f}")
        assert right is None or torch.isclose(difference, right, rtol=1e-2)
        seen = torch.isclose(gradient, difference, rtol=1e-2) if c > 1e-7 else gradient == 0
        assert seen, "the behaviour has changed"
PYTHON
