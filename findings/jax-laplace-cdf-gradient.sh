#!/usr/bin/env bash
# JAX 0.10.2: the gradient of jax.scipy.stats.laplace.cdf is nan in both tails, where |x - loc| / scale is above 88.7 in
# single and above 709.8 in double precision; it should be 0.
# The documentation defines it as the integral of laplace.pdf, whose own gradient is right in both tails. Both branches
# of the piecewise function are computed, the one that is not taken overflows, and 0 times inf is nan.
# Seen for float32: at 5 and 88 right, at 89 and -89 nan with respect to x, loc and scale, where the values are 1 and 0.
# One such point makes the gradient of a whole censored likelihood nan.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import jax
import numpy as np
from jax.scipy.stats import laplace

gradient = jax.grad(laplace.cdf, (0, 1, 2))
for x in [-1000.0, -89.0, -88.0, 5.0, 88.0, 89.0, 1000.0]:
    value, slopes = float(laplace.cdf(x, 0.0, 1.0)), [float(g) for g in gradient(x, 0.0, 1.0)]
    print(f"x = {x}: cdf {value}, gradient {slopes}, density {float(laplace.pdf(x))}")
    assert np.isfinite(value) and np.isfinite(jax.grad(laplace.pdf)(x))
    assert np.isnan(slopes).all() if abs(x) > 88.7 else np.isfinite(slopes).all(), "the behaviour has changed"
PYTHON
