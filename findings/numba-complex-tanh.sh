#!/usr/bin/env bash
# Numba 0.65.1: np.tanh of a complex number is nan in compiled code once the real part passes about 355. NumPy
# and cmath give 1 there, and so does cmath.tanh in compiled code: only NumPy's function fails, as a scalar and as
# a ufunc on arrays. Numba's documentation (Supported NumPy features, Trigonometric functions) lists tanh.
# Seen: z = 354+1j -> 1, z = 400+1j -> nan+nanj; complex64 already at 60+1j. No warning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numba==0.65.1 llvmlite==0.47.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import cmath

import numba
import numpy as np

by_numpy, by_cmath = numba.njit(lambda z: np.tanh(z)), numba.njit(lambda z: cmath.tanh(z))
for z in (354 + 1j, 400 + 1j):
    print(z, "compiled np.tanh", by_numpy(z), "compiled cmath.tanh", by_cmath(z), "NumPy", np.tanh(z))
single = np.array([60 + 1j], np.complex64)
print(single, "compiled", by_numpy(single), "NumPy", np.tanh(single))
assert by_numpy(354 + 1j) == 1
assert by_cmath(400 + 1j) == np.tanh(400 + 1j) == 1 and np.tanh(single)[0] == 1
assert np.isnan(by_numpy(400 + 1j)) and np.isnan(by_numpy(single)[0]), "the behaviour has changed"
PYTHON
