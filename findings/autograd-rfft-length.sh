#!/usr/bin/env bash
# HIPS autograd 1.9.1: the gradient of autograd.numpy.fft.rfft(x, n=...) is wrong for every n that is not the length of
# x, and says nothing. NumPy's documentation: a smaller n crops the input, a larger one pads it with zeros, so
# that the gradient is that of the cropped or padded one. fft with the same n is right, and so is rfft of a padded array.
# Seen, sum of squares of the moduli of rfft of 1, 2, ..., 6: with n=4 [21, 27, 33, 39, 0, 0], right is [12, 20, 20, 28, 0,
# 0]; with n=8, the usual padding to a power of 2, [24.2, 22.8, 38.3, ...], right is [26, 40, 42, ...]. Odd lengths raise
# NotImplementedError where n is not given, as they should; with n=5 given there is no error, and a wrong gradient.
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

def by_length(n):
    return lambda x: np.sum(np.abs(np.fft.rfft(x, n=n)) ** 2)

def by_padding(x):
    return np.sum(np.abs(np.fft.rfft(np.concatenate([x, numpy.zeros(2)]))) ** 2)

wrong = {}
for n in (4, 5, 6, 8):
    f = by_length(n)
    expected = numpy.array([(f(x + step * e) - f(x - step * e)) / (2 * step) for e in numpy.eye(6)])
    found = grad(f)(x)
    print("n =", n, "gradient:", found.round(3), "finite differences:", expected.round(3))
    wrong[n] = not numpy.allclose(found, expected, rtol=1e-3)
padded = grad(by_padding)(x)
print("rfft of a padded array:", padded.round(3))
assert numpy.allclose(padded, [26, 40, 42, 56, 58, 72])
assert wrong == {4: True, 5: True, 6: False, 8: True}, "the behaviour has changed"
PYTHON
