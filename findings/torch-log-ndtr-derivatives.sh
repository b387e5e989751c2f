#!/usr/bin/env bash
# PyTorch 2.13.0: the derivatives of torch.special.log_ndtr lose their digits in the left tail, where the values have
# all of theirs. The rule is exp(-(log_ndtr(x) + x**2 / 2)) / sqrt(2 pi), the exponential of a small difference of
# large numbers, and the second derivative is a difference of such.
# The documentation calls it the logarithm of the area under the normal density; a good guess: its derivative, which
# is close to -x there, is as good as the value, and the second one, which is close to -1, lies between -1 and 0.
# Seen in single precision: the second is -3 at -100 and 146 at -300, the first is off by 2e-4 at -100 and by 8 % at
# -3000. In double precision the second is -1.00003 at -1000, -1.54 at -1e4 and -7403 at -1e5. Outliers of a probit or
# censored model have such arguments early in a fit, where Newton's method then steps the wrong way.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import math

import torch

def derivatives(x, dtype):
    x = torch.tensor(x, dtype=dtype, requires_grad=True)
    y = torch.special.log_ndtr(x)
    (first,) = torch.autograd.grad(y, x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    return y.item(), first.item(), second.item()

def right(x):
    """From the asymptotic series of Mills' ratio."""
    ratio = -x / (1 - x**-2 + 3 * x**-4 - 15 * x**-6 + 105 * x**-8)
    return -(x**2) / 2 - math.log(2 * math.pi) / 2 - math.log(ratio), ratio, -1 + x**-2 - 6 * x**-4

eps = {torch.float32: 1.2e-7, torch.float64: 2.3e-16}
for dtype, points in [(torch.float32, [-100.0, -300.0, -3000.0]), (torch.float64, [-100.0, -1e3, -1e4, -1e5])]:
    for x in points:
        found, expected = derivatives(x, dtype), right(x)
        errors = [abs(f / e - 1) for f, e in zip(found, expected)]
        print(f"{dtype}, {x}: second derivative {found[2]:.6g}, relative errors {[float(f'{e:.1e}') for e in errors]}")
        assert errors[0] < 4 * eps[dtype]
        if (dtype, x) != (torch.float64, -100.0):
            assert errors[1] > 100 * eps[dtype] and errors[2] > 1e-6, "the behaviour has changed"
PYTHON
