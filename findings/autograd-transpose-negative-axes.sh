#!/usr/bin/env bash
# HIPS autograd 1.9.1: the gradient of autograd.numpy.transpose with negative axes is put back in the wrong order.
# NumPy's documentation of transpose: a negative axis counts from the last one; so (-1, 0, 1) is (2, 0, 1) for three
# axes. The gradient sorts the axes as they are written in order to invert them.
# Seen for an array of shape (2, 2, 2), weights 0 to 7: with (-1, 0, 1) the weights come back as they are, with
# (2, 0, 1) they are [[[0, 4], [1, 5]], [[2, 6], [3, 7]]], which is right. Shape and sum are right here; with axes of
# different lengths grad returns an array of another shape than its argument.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet autograd==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import autograd.numpy as np
import numpy
from autograd import grad

weights = numpy.arange(8.0).reshape(2, 2, 2)

def gradient(axes, x=weights):
    return grad(lambda x: np.sum(weights.reshape(numpy.transpose(x, axes).shape) * np.transpose(x, axes)))(x)

for negative, positive in [((-1, 0, 1), (2, 0, 1)), ((0, -1, 1), (0, 2, 1))]:
    assert numpy.array_equal(numpy.transpose(weights, negative), numpy.transpose(weights, positive))
    wrong, right = gradient(negative), gradient(positive)
    print(negative, wrong.tolist(), positive, right.tolist())
    assert numpy.array_equal(right, numpy.transpose(weights, numpy.argsort(positive)))
    assert wrong.shape == right.shape and not numpy.array_equal(wrong, right), "the behaviour has changed"
flat = numpy.ones((1, 2, 4))
print("shape for an argument of shape (1, 2, 4):", gradient((-1, 0, 1), flat).shape)
assert gradient((2, 0, 1), flat).shape == (1, 2, 4)
assert gradient((-1, 0, 1), flat).shape != (1, 2, 4), "the behaviour has changed"
PYTHON
