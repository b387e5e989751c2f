#!/usr/bin/env bash
# HIPS autograd 1.9.1: the gradient of autograd.numpy.where with respect to an operand that is broadcast is not summed
# over what it was broadcast to: grad returns an array of the shape of the result, even for a number.
# NumPy's documentation of where: x, y and condition need to be broadcastable to some shape. A good guess: a
# gradient has the shape of its argument, as it has for +, * and np.maximum, where autograd sums.
# Seen: where(mask, a, 0) with a mask of shape (2, 3), [[T, F, T], [T, T, F]], and all summed. For a number a the gradient
# is the mask, right is 4; for a of shape (3,) it is the mask, right is [2, 1, 1]. No error; a = a - rate * gradient turns
# a parameter of shape (3,) into one of shape (2, 3), which from then on means another model.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet autograd==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import autograd.numpy as np
import numpy
from autograd import grad

mask = numpy.array([[True, False, True], [True, True, False]])

def chosen(a):
    return np.sum(np.where(mask, a, 0.0))

def multiplied(a):
    return np.sum(mask * a)

number, row = grad(chosen)(1.0), grad(chosen)(numpy.ones(3))
print("where:", numpy.asarray(number).tolist(), row.tolist())
print("product with the mask:", grad(multiplied)(1.0), grad(multiplied)(numpy.ones(3)).tolist())
assert grad(multiplied)(1.0) == 4 and grad(multiplied)(numpy.ones(3)).tolist() == [2, 1, 1]
assert numpy.shape(number) == row.shape == (2, 3), "the behaviour has changed"
assert numpy.array_equal(number, mask) and numpy.array_equal(row, mask), "the behaviour has changed"
PYTHON
