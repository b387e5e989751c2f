#!/usr/bin/env bash
# HIPS autograd 1.9.1: the gradient of autograd.numpy.linalg.norm(x, np.inf) is nan for every vector with an entry above
# 1, in both modes, with a warning from inside. The orders that have no gradient (1, -inf, 0.5) say so by a
# NotImplementedError; inf passes as an order above 1 and is put into the formula of a finite one.
# NumPy's documentation of norm: for ord=inf the norm is max(abs(x)), which autograd differentiates.
# Seen at [1, 2, -3]: [0, nan, nan]; that of np.max(np.abs(x)) is [0, 0, -1]. Along an axis it is nan as well.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet autograd==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import autograd.numpy as np
import numpy
from autograd import grad, make_jvp

warnings.simplefilter("ignore")
x = numpy.array([1.0, 2.0, -3.0])
norm, written = grad(lambda x: np.linalg.norm(x, numpy.inf))(x), grad(lambda x: np.max(np.abs(x)))(x)
print("norm:", norm, "max of abs:", written)
assert np.linalg.norm(x, numpy.inf) == 3 and written.tolist() == [0, 0, -1]
assert numpy.allclose(grad(lambda x: np.linalg.norm(x, 40))(x), written, atol=1e-6)
try:
    grad(lambda x: np.linalg.norm(x, 1))(x)
except NotImplementedError as error:
    print("order 1:", error)
rows = grad(lambda x: np.sum(np.linalg.norm(x, numpy.inf, axis=1)))(numpy.stack([x, x]))
tangent = make_jvp(lambda x: np.linalg.norm(x, numpy.inf))(x)(numpy.ones(3))[1]
print("along an axis:", rows.tolist(), "forward:", tangent)
assert numpy.isnan(norm).any() and numpy.isnan(rows).any() and numpy.isnan(tangent), "the behaviour has changed"
PYTHON
