#!/usr/bin/env bash
# JAX 0.10.2: the gradient of jax.scipy.special.spence is nan for 1 < z <= 2, and 0 at z = 1.
# The documentation of jax.scipy.special.spence defines it as the integral from 1 to z of log(t) / (1 - t), so
# that its derivative is log(z) / (1 - z): -0.8109 at z = 1.5, and -1 in the limit z = 1. Values are right
# everywhere.
# Seen: z = 0.5 -> -1.3863 (right), z = 1.0 -> 0.0 (expected -1), z = 1.5 and 2.0 -> nan, z = 3.0 -> -0.5493
# (right). A loss with spence in it is fine on (0, 1) and beyond 2; between them it gives nan, and at 1 a wrong
# number.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import jax
import numpy as np
from jax.scipy.special import spence

jax.config.update("jax_enable_x64", True)
h = 1e-6
for z, expected in [(0.5, "right"), (1.0, "zero"), (1.5, "nan"), (2.0, "nan"), (3.0, "right")]:
    gradient = float(jax.grad(spence)(z))
    difference = float(spence(z + h) - spence(z - h)) / (2 * h)
    print(f"z = {z}: gradient {gradient:.4f}, central difference {difference:.4f}")
    assert np.isfinite(difference)
    seen = {"right": abs(gradient - difference) < 1e-6, "zero": gradient == 0, "nan": np.isnan(gradient)}
    assert seen[expected], "the behaviour has changed"
PYTHON
