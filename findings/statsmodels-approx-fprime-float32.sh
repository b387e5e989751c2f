#!/usr/bin/env bash
# statsmodels 0.15.0: statsmodels.tools.numdiff.approx_fprime of a float32 point is off by tens of percents, by
# default: the function is called once at the point in single precision and once beside it in double precision, with
# the step for double precision, so that the rounding of the one is divided by 1.5e-8.
# The documentation gives the default step, EPS**(1/s) * x, and says nothing of dtypes; a good guess: a derivative to
# half of the digits that the argument has, as scipy.optimize.approx_fprime gives, or an error.
# Seen for x[0]**2 * x[1] + sin(x[0]) at (1, 2): [6.42, 1.94] in float32, right is [4.54, 1], as in float64. With
# centered=True both are in double precision and right; approx_hess is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import scipy.optimize
from statsmodels.tools.numdiff import approx_fprime

def f(x):
    return x[0] ** 2 * x[1] + np.sin(x[0])

right = np.array([4 + np.cos(1), 1])
double, single = np.array([1.0, 2.0]), np.array([1.0, 2.0], np.float32)
found = approx_fprime(single, f)
print("float64:", approx_fprime(double, f), "float32:", found, "centred:", approx_fprime(single, f, centered=True))
print("scipy, float32:", scipy.optimize.approx_fprime(single, f))
assert np.allclose(approx_fprime(double, f), right, rtol=1e-6)
assert np.allclose(approx_fprime(single, f, centered=True), right, rtol=1e-6)
assert np.allclose(scipy.optimize.approx_fprime(single, f), right, rtol=1e-2)
assert (np.abs(found / right - 1) > 0.1).all(), "the behaviour has changed"
PYTHON
