#!/usr/bin/env bash
# HIPS autograd 1.9.1: the gradient of autograd.numpy.kron is wrong for arrays of three and more axes, in both operands.
# NumPy's documentation of kron: for arrays of N axes kron(a, b)[k0, ..., kN] is a[i0, ..., iN] * b[j0, ..., jN], where
# kt = it * st + jt. Values follow it, and so do gradients of one and two axes.
# Seen for shapes (1, 2, 2) and (2, 2, 2), weights 0 to 31, b = 1 to 8: the gradient with respect to a is
# [[272, 416], [848, 992]], right is [[524, 596], [812, 884]]. The shape is right, and there is no error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet autograd==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import autograd.numpy as np
import numpy
from autograd import grad

a, b = numpy.arange(1.0, 5).reshape(1, 2, 2), numpy.arange(1.0, 9).reshape(2, 2, 2)

def gradient(f, a, b, argument):
    shape = numpy.kron(a, b).shape
    weights = numpy.arange(float(numpy.prod(shape))).reshape(shape)
    return grad(lambda *operands: np.sum(weights * f(*operands)), argument)(a, b)

def multiplied(a, b):
    product = a[:, None, :, None, :, None] * b[None, :, None, :, None, :]
    return np.reshape(product, [m * n for m, n in zip(a.shape, b.shape)])

assert numpy.array_equal(multiplied(a, b), numpy.kron(a, b))
for argument in (0, 1):
    wrong, right = gradient(np.kron, a, b, argument), gradient(multiplied, a, b, argument)
    print(f"argument {argument}: {wrong.tolist()}, expected {right.tolist()}")
    assert wrong.shape == right.shape and not numpy.allclose(wrong, right), "the behaviour has changed"
    two = gradient(np.kron, a[0], b[0], argument)
    assert numpy.allclose(two, gradient(multiplied, a[:1], b[:1], argument)[0])
PYTHON
