#!/usr/bin/env bash
# HIPS autograd 1.9.1: gradients of autograd.scipy.linalg.solve_triangular ignore unit_diagonal=True, values do not.
# SciPy's documentation: the diagonal elements of a are then assumed to be 1 and are not referenced. So the
# factors of an LU decomposition can be used as they come, packed in one matrix. autograd solves the transposed system
# with the diagonal that was not to be looked at.
# Seen for a = [[4, 2], [0, 5]] and b = [1, 1]: the solution is [-1, 1] in both; the gradient of its sum with respect to b
# is [0.25, 0.1], right is [1, -1] (finite differences); that with respect to a is wrong likewise. With ones stored on
# the diagonal, b's is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet autograd==1.9.1 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import autograd.numpy as np
import numpy
from autograd import grad
from autograd.scipy.linalg import solve_triangular

packed, b, step = numpy.array([[4.0, 2.0], [0.0, 5.0]]), numpy.ones(2), 1e-6
ones = numpy.array([[1.0, 2.0], [0.0, 1.0]])

def total(a, b):
    return np.sum(solve_triangular(a, b, unit_diagonal=True))

assert solve_triangular(packed, b, unit_diagonal=True).tolist() == [-1, 1]
expected_b = [(total(packed, b + step * e) - total(packed, b - step * e)) / (2 * step) for e in numpy.eye(2)]
corner = numpy.array([[0.0, step], [0.0, 0.0]])
expected_a = (total(packed + corner, b) - total(packed - corner, b)) / (2 * step)
found_a, found_b = grad(total)(packed, b), grad(total, 1)(packed, b)
print("along b:", found_b.tolist(), "finite differences:", numpy.round(expected_b, 6).tolist())
print("along a[0, 1]:", found_a[0, 1], "finite difference:", round(expected_a, 6))
assert numpy.allclose(expected_b, [1, -1]) and numpy.isclose(expected_a, -1)
assert numpy.allclose(grad(total, 1)(ones, b), [1, -1])
assert numpy.allclose(found_b, [0.25, 0.1]), "the behaviour has changed"
assert numpy.isclose(found_a[0, 1], -0.25), "the behaviour has changed"
PYTHON
