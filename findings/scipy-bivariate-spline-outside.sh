#!/usr/bin/env bash
# SciPy 1.17.1: outside of its rectangle a RectBivariateSpline is constant, but its derivatives, by dx=, dy= and
# partial_derivative, are those of the boundary, not 0: the derivative is not that of the function.
# The documentation of RectBivariateSpline says that points outside of the data range are extrapolated; they are moved
# to the nearest boundary. UnivariateSpline with ext="const" has 0 for the derivative there.
# Seen for sin(x) cos(y) on [0, 4] x [0, 4], half a unit to the left, at y = 2.1: dx=1 gives -0.537, the difference
# quotient is 0. A minimiser with this gradient walks on for ever, along a plateau, or reports a failed line search.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from scipy.interpolate import RectBivariateSpline, UnivariateSpline

grid = np.linspace(0, 4, 6)
spline = RectBivariateSpline(grid, grid, np.sin(grid)[:, None] * np.cos(grid))
h = 1e-6
for x in (1.3, 4.5, -0.5):
    derivative = spline(x, 2.1, dx=1, grid=False)
    partial = spline.partial_derivative(1, 0)(x, 2.1, grid=False)
    difference = (spline(x + h, 2.1, grid=False) - spline(x - h, 2.1, grid=False)) / (2 * h)
    print(f"x = {x}: dx=1 {derivative:.4f}, partial_derivative {partial:.4f}, difference quotient {difference:.4f}")
    if x == 1.3:
        assert abs(derivative - difference) < 1e-6
    else:
        assert difference == 0 and abs(derivative) > 0.1, "the behaviour has changed"
        assert spline(x, 2.1, grid=False) == spline(np.clip(x, 0, 4), 2.1, grid=False)
one = UnivariateSpline(grid, np.sin(grid), s=0, ext="const")
print("UnivariateSpline at -0.5:", one.derivative()(-0.5))
assert one.derivative()(-0.5) == 0
PYTHON
