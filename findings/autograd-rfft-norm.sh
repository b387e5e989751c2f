#!/usr/bin/env bash
# HIPS autograd 1.9.1: the gradient of autograd.numpy.fft.rfft and irfft ignores how norm="backward" and
# norm="forward" scale: it is wrong by a factor of the length. NumPy's documentation of rfft: "backward"
# is the default, the same as None, which autograd differentiates rightly; "ortho" is right as well, and fft and ifft are
# right with all of them. Values are right everywhere. rfft2, rfftn, irfft2 and irfftn are wrong in the same way.
# Seen, sum of squares of the moduli of rfft of 1, 2, ..., 6: with None [24, 36, 36, 48, 48, 60] (right), with "backward"
# the sixth part of that, with "forward" [4, 6, 6, 8, 8, 10], six times too much. A step of gradient descent has the
# wrong length, and in a sum with other terms the wrong direction.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet autograd==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import autograd.numpy as np
import numpy
from autograd import grad

x, step = numpy.arange(1.0, 7.0), 1e-5

def measure(norm, transform):
    def f(x):
        return np.sum(np.abs(transform(x, norm=norm)) ** 2)

    expected = numpy.array([(f(x + step * e) - f(x - step * e)) / (2 * step) for e in numpy.eye(6)])
    return grad(f)(x), expected

ratio = {}
for transform in (np.fft.fft, np.fft.rfft):
    for norm in (None, "ortho", "backward", "forward"):
        found, expected = measure(norm, transform)
        print(transform.__name__, norm, "gradient:", found.round(6), "finite differences:", expected.round(6))
        ratio[transform, norm] = (found / expected).round(6).tolist()
for key in [(np.fft.fft, norm) for norm in (None, "ortho", "backward", "forward")]:
    assert ratio[key] == [1.0] * 6
assert ratio[np.fft.rfft, None] == ratio[np.fft.rfft, "ortho"] == [1.0] * 6
assert ratio[np.fft.rfft, "backward"] == [0.166667] * 6, "the behaviour has changed"
assert ratio[np.fft.rfft, "forward"] == [6.0] * 6, "the behaviour has changed"
PYTHON
