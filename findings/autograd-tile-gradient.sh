#!/usr/bin/env bash
# HIPS autograd 1.9.1: the gradient of autograd.numpy.tile is put together wrongly where reps is shorter than the number
# of axes. NumPy's documentation of tile: reps is then promoted by ones in front, so that a number, or the last ones,
# count for the last axes. autograd takes them for the first axes, and reshapes what comes out to the shape of the input.
# Seen: tile of a (2, 2) array by 2, weighted by [[0, 1, 2, 3], [4, 5, 6, 7]]: the gradient is [[4, 6], [8, 10]], right is
# [[2, 4], [10, 12]]. The shape and the sum are right, so that neither a shape check nor a constant weight shows it;
# with reps=(1, 2), the same tiling, it is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet autograd==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import autograd.numpy as np
import numpy
from autograd import grad

weights, x = numpy.arange(8.0).reshape(2, 4), numpy.ones((2, 2))
assert numpy.array_equal(numpy.tile(x, 2), numpy.tile(x, (1, 2)))
short = grad(lambda x: np.sum(weights * np.tile(x, 2)))(x).tolist()
full = grad(lambda x: np.sum(weights * np.tile(x, (1, 2))))(x).tolist()
print("reps=2:", short, "reps=(1, 2):", full)
assert full == [[2, 4], [10, 12]]
assert short == [[4, 6], [8, 10]], "the behaviour has changed"
PYTHON
