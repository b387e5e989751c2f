#!/usr/bin/env bash
# Numba 0.65.1: np.cumsum and np.cumprod of small integers wrap around in compiled code; np.sum does not.
# NumPy's documentation of cumsum (dtype): integers with less precision than the platform's integer are
# accumulated in the platform's integer. Numba keeps that rule for np.sum and np.prod, but takes the dtype of
# the input here.
# Seen for uint8 [250, 10, 5]: sum 265 in both; cumsum [250, 4, 9] of uint8 compiled, [250, 260, 265] of uint64
# in NumPy. So the last entry of the cumulative sum is not the sum, within one compiled function.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numba==0.65.1 llvmlite==0.47.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numba
import numpy as np

def f(a):
    return np.sum(a), np.cumsum(a), np.cumprod(a)

a = np.array([250, 10, 5], np.uint8)
total, sums, products = numba.njit(f)(a)
print("compiled:", total, sums, sums.dtype, products)
print("NumPy:   ", *f(a))
assert total == f(a)[0] == f(a)[1][-1] == 265
assert sums.dtype == products.dtype == np.uint8, "the behaviour has changed"
assert sums.tolist() == [250, 4, 9] and products.tolist() == [250, 196, 212], "the behaviour has changed"
PYTHON
