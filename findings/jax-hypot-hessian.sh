#!/usr/bin/env bash
# JAX 0.10.2: the Hessian of jnp.hypot(x, y) is 0 wherever |x| == |y|, and its gradient is wrong or nan for large and
# for small arguments. The second derivatives are y**2 / r**3, -x y / r**3 and x**2 / r**3, where r = hypot(x, y); the
# gradient (x, y) / r is of size 1 everywhere. Values are right.
# The documentation calls hypot numerically more stable than sqrt(x**2 + y**2); a good guess: so are its derivatives.
# Inside, the two are sorted by maximum and minimum, which halve what comes back at a tie, and a square is divided by.
# Seen, in float64: at (1, 1) all second derivatives 0, expected 0.3536 and -0.3536; sqrt(x**2 + y**2) has them. At
# (1e160, 1e160) the gradient (1.0607, 1.0607), expected (0.7071, 0.7071); at (2e-200, 1e-200) (-inf, nan).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)

def hessian(f, x, y):
    return np.array(jax.hessian(f, (0, 1))(x, y))

def gradient(x, y):
    return np.array(jax.grad(jnp.hypot, (0, 1))(x, y))

tie, beside = hessian(jnp.hypot, 1.0, 1.0), hessian(jnp.hypot, 1.0, 1.001)
plain = hessian(lambda x, y: jnp.sqrt(x**2 + y**2), 1.0, 1.0)
print("Hessian at (1, 1):", tie.tolist(), "at (1, 1.001):", beside.tolist(), "of the square root:", plain.tolist())
large, small = gradient(1e160, 1e160), gradient(2e-200, 1e-200)
print("gradient at (1e160, 1e160):", large, "at (2e-200, 1e-200):", small)
right = 8**-0.5 * np.array([[1, -1], [-1, 1]])
assert np.allclose(plain, right) and np.allclose(beside, right, rtol=0.01)
assert np.allclose(gradient(1.0, 1.0), 0.5**0.5) and np.allclose(jnp.hypot(1e160, 1e160), 2**0.5 * 1e160)
assert not tie.any() and np.allclose(large, 0.75 * 2**0.5), "the behaviour has changed"
assert not np.isfinite(small).any(), "the behaviour has changed"
PYTHON
