#!/usr/bin/env bash
# HIPS autograd 1.9.1: forward-mode derivatives of autograd.numpy.pad with mode="maximum", "minimum" and "median" pad
# the tangent by itself: with its largest number, instead of the tangent of the largest entry.
# NumPy's documentation of pad: "maximum" pads with the maximum value of the vector along each axis. The modes that are
# linear in the array (edge, reflect, wrap, mean, linear_ramp) come out right in forward mode; reverse mode refuses all
# but "constant", by an AssertionError that says so.
# Seen for [1, 3, 2] along [10, 1, 100]: "maximum" pads by 100, right is 1, which the difference quotient shows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet autograd==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import autograd.numpy as np
import numpy
from autograd import make_jvp

x, t, h = numpy.array([1.0, 3.0, 2.0]), numpy.array([10.0, 1.0, 100.0]), 1e-6
for mode in ("constant", "edge", "reflect", "wrap", "mean", "linear_ramp", "maximum", "minimum", "median"):
    tangent = make_jvp(lambda x: np.pad(x, 1, mode))(x)(t)[1]
    difference = (numpy.pad(x + h * t, 1, mode) - numpy.pad(x - h * t, 1, mode)) / (2 * h)
    print(f"{mode}: {tangent}, difference quotient {difference.round(3)}")
    right = numpy.allclose(tangent, difference, atol=1e-4)
    assert right == (mode not in ("maximum", "minimum", "median")), "the behaviour has changed"
PYTHON
