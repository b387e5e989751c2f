#!/usr/bin/env bash
# SciPy 1.17.1: scipy.linalg.solve_sylvester of an equation that has no solution returns numbers of 1e15, without an
# error or a warning. The documentation promises a LinAlgError where no solution was found, and solve() gives one, or
# a warning. LAPACK's trsyl says by info = 1 that eigenvalues of a and -b coincide and that it has moved them apart;
# only negative values of info are looked at.
# Seen: a = diag(1, 2), b = diag(-1, 3), of which 1 - 1 = 0, and a right side of ones: x[0, 0] is 1.5e15, where
# 0 * x[0, 0] = 1 was to hold. With a right side for which solutions exist one of them comes back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from scipy import linalg

warnings.simplefilter("error")
a, b, q = np.diag([1.0, 2.0]), np.diag([-1.0, 3.0]), np.ones((2, 2))
x = linalg.solve_sylvester(a, b, q)
print("x:", x.tolist(), "largest part of a x + x b - q:", np.abs(a @ x + x @ b - q).max())
assert x[0, 0] > 1e14, "the behaviour has changed"
x = linalg.solve_sylvester(a, np.diag([1.0, 3.0]), q)
assert np.allclose(a @ x + x @ np.diag([1.0, 3.0]), q)
try:
    linalg.solve(np.diag([0.0, 1.0]), np.ones(2))
    raise AssertionError("the behaviour has changed")
except linalg.LinAlgError as error:
    print("solve:", error)
PYTHON
