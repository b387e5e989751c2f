#!/usr/bin/env bash
# PyTorch 2.13.0: the second derivative of torch.sinc is nan at 0 and 0 close to it, where it should be -pi**2 / 3.
# The documentation defines sinc(x) = sin(pi x) / (pi x), and 1 at 0: 1 - (pi x)**2 / 6 + ..., smooth everywhere.
# The first derivative is right.
# Seen: nan at 0, 0 at 1e-9, -3.2899 (right) from 1e-6 on; so a penalty on curvature is nan where one argument is 0.
# Reported as pytorch/pytorch issues 89459 (2022) and 196703 (2026), not mended in this version; those do not have
# the 0 beside it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import math

import torch

x = torch.tensor([0.0, 1e-9, 1e-6, 1e-3], dtype=torch.float64, requires_grad=True)
(first,) = torch.autograd.grad(torch.sinc(x).sum(), x, create_graph=True)
(second,) = torch.autograd.grad(first.sum(), x)
right = -(math.pi**2) / 3
print("first:", first.tolist(), "second:", second.tolist(), "expected:", right)
assert torch.allclose(first, right * x, rtol=1e-3, atol=1e-8)
assert torch.allclose(second[2:], torch.full((2,), right, dtype=torch.float64), rtol=1e-3)
assert second[0].isnan() and second[1] == 0, "the behaviour has changed"
PYTHON
