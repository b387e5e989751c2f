#!/usr/bin/env bash
# JAX 0.10.2: the derivatives of jax.scipy.stats.truncnorm.logpdf with respect to the limits are nan where the lower
# one is above some 8.3; those of cdf, sf, logcdf and logsf are nan where x is. In single precision it is above 5.5.
# The values are right there: the mass between the limits is taken from the tail in which it can be had. A good guess:
# the derivative of a logarithm of the mass is a ratio of densities, and is as tame as on the other side of the
# distribution, where it is right.
# Seen, x = a + 0.5 and b = a + 1: at a = 8.2 d logpdf / da is 8.3198, at 8.3 it is nan, the difference quotient is
# 8.4183. A limit gets there as soon as (limit - loc) / scale does, that is for a small scale in the course of a fit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import jax
import numpy as np
from jax.scipy.stats import truncnorm

jax.config.update("jax_enable_x64", True)
h = 1e-6
for a, right in [(5.0, True), (8.2, True), (8.3, False), (12.0, False)]:
    x, b = a + 0.5, a + 1.0
    gradient = float(jax.grad(truncnorm.logpdf, 1)(x, a, b))
    difference = float(truncnorm.logpdf(x, a + h, b) - truncnorm.logpdf(x, a - h, b)) / (2 * h)
    others = [float(jax.grad(f)(x, a, b)) for f in (truncnorm.cdf, truncnorm.sf, truncnorm.logcdf, truncnorm.logsf)]
    print(f"a = {a}: d logpdf / da {gradient:.4f}, difference {difference:.4f}, d / dx of the four others {others}")
    assert np.isfinite(difference)
    assert abs(gradient - difference) < 1e-4 if right else np.isnan(gradient), "the behaviour has changed"
    assert np.isfinite(others).all() if x < 8 else np.isnan(others).all(), "the behaviour has changed"
single = np.float32
assert np.isnan(jax.grad(truncnorm.logpdf, 1)(single(6.0), single(5.6), single(6.6))), "the behaviour has changed"
PYTHON
