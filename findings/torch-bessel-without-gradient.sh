#!/usr/bin/env bash
# PyTorch 2.13.0: torch.special.bessel_j0, bessel_j1, bessel_y0, bessel_y1, modified_bessel_i0 and _i1, _k0, _k1,
# scaled_modified_bessel_k0 and _k1, spherical_bessel_j0 and airy_ai give results without a gradient, for an input
# that requires one, and say nothing. In a sum their part is silently missing: x + J0(x) has the gradient 1. Their
# documentation does not mention it; torch.special.i0 and i1, the same functions as modified_bessel_i0 and _i1, are
# differentiable. Autograd for eight of the twelve was proposed in pytorch/pytorch pull request 189872 (July 2026).
# Seen: requires_grad is False; the gradient of x + J0(x) at 1.5 is 1, right is 1 - J1(1.5) = 0.4421.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import torch

warnings.simplefilter("error")
NAMES = [
    *("bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_i0", "modified_bessel_i1"),
    *("modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1"),
    *("spherical_bessel_j0", "airy_ai"),
]
x = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
lost = [name for name in NAMES if not getattr(torch.special, name)(x).requires_grad]
print("without a gradient:", *lost)
(gradient,) = torch.autograd.grad(x + torch.special.bessel_j0(x), x)
print("of x + J0(x):", gradient.item(), "expected", 1 - torch.special.bessel_j1(x).item())
assert torch.special.i0(x).requires_grad and torch.special.i1(x).requires_grad
assert lost == NAMES, "the behaviour has changed"
assert gradient.item() == 1, "the behaviour has changed"
PYTHON
