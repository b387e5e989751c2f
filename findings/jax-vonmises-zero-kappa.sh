#!/usr/bin/env bash
# JAX 0.10.2: jax.scipy.stats.vonmises.logpdf and pdf are nan for kappa = 0, and their gradients are 0 there.
# The documentation of both says that kappa >= 0; for kappa = 0 the density is uniform, 1 / (2 pi), and scipy.stats has
# it. The derivative of logpdf with respect to kappa at 0 is cos(x).
# Seen at x = 1: nan, expected log(1 / (2 pi)) = -1.8379; derivative -0.0, expected 0.5403. At kappa = 1e-6 both are
# right. So a loss that starts from no concentration is nan, and an optimiser that only looks at the gradient stays.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import math

import jax
import numpy as np
import scipy.stats
from jax.scipy.stats import vonmises

jax.config.update("jax_enable_x64", True)
slope = jax.grad(vonmises.logpdf, 1)
for kappa in [1e-6, 0.0]:
    print(f"kappa = {kappa}: logpdf {vonmises.logpdf(1.0, kappa)}, scipy {scipy.stats.vonmises.logpdf(1.0, kappa)}")
    print(f"  derivative {slope(1.0, kappa)}, expected {math.cos(1) - kappa / 2}")
assert np.isclose(scipy.stats.vonmises.logpdf(1.0, 0.0), -math.log(2 * math.pi))
assert np.isclose(slope(1.0, 1e-6), math.cos(1), atol=1e-5)
assert np.isnan(vonmises.logpdf(1.0, 0.0)) and np.isnan(vonmises.pdf(1.0, 0.0)), "the behaviour has changed"
assert slope(1.0, 0.0) == 0, "the behaviour has changed"
PYTHON
