#!/usr/bin/env bash
# JAX 0.10.2: the gradient of jnp.logaddexp(x, y) at x = inf, y = 1 is (1, e), and in general (1, exp(y)). The two
# derivatives are weights that sum to 1, whatever x and y are; a good guess: (1, 0), as PyTorch 2.13 gives. That of
# jax.nn.logsumexp([inf, 1]), the same function, is [nan, 0].
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6
JAX_ENABLE_X64=1 "$folder/venv/bin/python" - <<'PYTHON'
import math

import jax
import jax.numpy as jnp

for y in (1.0, 3.0, -2.0):
    by_x, by_y = jax.grad(jnp.logaddexp, (0, 1))(math.inf, y)
    print(f"logaddexp(inf, {y}): derivatives {by_x} and {by_y}, which should sum to 1")
    assert by_x == 1 and math.isclose(by_y, math.exp(y)), "the behaviour has changed"
found = jax.grad(jax.nn.logsumexp)(jnp.array([math.inf, 1.0]))
print("logsumexp([inf, 1]):", found)
assert math.isnan(found[0]) and found[1] == 0, "the behaviour has changed"
assert jax.grad(jnp.logaddexp, (0, 1))(700.0, 1.0)[1] < 1e-300
PYTHON
