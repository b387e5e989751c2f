#!/usr/bin/env bash
# JAX 0.10.2: the Hessian of jax.scipy.special.betaln, and of jax.scipy.stats.beta.logpdf, is wrong where a ==
# b. Sorting the two by minimum and maximum halves the gradient at a tie: the first derivatives come out right
# (the function is symmetric), the second ones mix a and b. The Hessian of betaln is [[trigamma(a) - trigamma(a
# + b), -trigamma(a + b)], [-trigamma(a + b), trigamma(b) - trigamma(a + b)]].
# Seen at a = b = 2: all four entries 0.0386, so that the matrix is singular; right are 0.3611 and -0.2838, as
# JAX itself gives at (2, 2.0001). Beta(1, 1) and Beta(2, 2) are common starting points of a Newton method.
# Reported as jax-ml/jax issue 34353 in January 2026, not mended in this version.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betaln
from scipy.special import polygamma

jax.config.update("jax_enable_x64", True)
hessian = jax.hessian(lambda p: betaln(p[0], p[1]))

def exact(a, b):
    t = polygamma(1, a + b)
    return np.array([[polygamma(1, a) - t, -t], [-t, polygamma(1, b) - t]])

beside, tie = hessian(jnp.array([2.0, 2.0001])), hessian(jnp.array([2.0, 2.0]))
print("at (2, 2.0001):", beside.tolist())
print("at (2, 2):     ", tie.tolist(), "exact:", exact(2.0, 2.0).tolist())
assert np.allclose(beside, exact(2.0, 2.0001), rtol=1e-6)
assert np.allclose(tie, 0.0386440777, rtol=1e-6), "the behaviour has changed"
assert np.linalg.matrix_rank(tie, tol=1e-9) == 1
PYTHON
