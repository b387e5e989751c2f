#!/usr/bin/env bash
# PyTorch 2.13.0: torch.special.polygamma(1, x) of float64, the derivative of digamma, has only nine right digits.
# The documentation of polygamma says nothing of an error; digamma itself, and polygamma of higher n, are exact.
# A Newton step or a Hessian of a gamma, beta or Dirichlet likelihood in float64 inherits it.
# Seen: relative error 4.9e-10 at 1.1286 and more than 1e-10 for a part of the arguments from 0.5 to 3; 2e-16 is a unit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 mpmath==1.3.0
"$folder/venv/bin/python" - <<'PYTHON'
import mpmath
import torch

mpmath.mp.dps = 30


def worst(n):
    """Largest relative error of polygamma(n, x), and where it is."""
    x = torch.linspace(0.5, 3, 501, dtype=torch.float64)
    found = torch.special.digamma(x) if n == 0 else torch.special.polygamma(n, x)
    right = [mpmath.psi(n, mpmath.mpf(v)) for v in x.tolist()]
    size = [float(abs(g - r) / max(abs(r), mpmath.mpf("0.1"))) for g, r in zip(found.tolist(), right, strict=True)]
    return max(size), x[size.index(max(size))].item()


x = torch.tensor(1.1286, dtype=torch.float64, requires_grad=True)
(slope,) = torch.autograd.grad(torch.special.digamma(x), x)
print("digamma's slope off by", float(abs(slope.item() / mpmath.psi(1, mpmath.mpf(x.item())) - 1)))
for n in range(4):
    print("polygamma", n, worst(n))
assert worst(0)[0] < 1e-14
assert worst(2)[0] < 1e-13
assert worst(1)[0] > 1e-10, "the behaviour has changed"
PYTHON
