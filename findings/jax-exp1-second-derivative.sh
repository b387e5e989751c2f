#!/usr/bin/env bash
# JAX 0.10.2: jax.scipy.special.exp1 has a gradient, but the gradient of its gradient is a TypeError of JAX's
# inside.
# A good guess: jax.grad composes (as the documentation's page on automatic differentiation shows),
# and exp1''(x) = exp(-x) (1 / x + 1 / x**2). A function that cannot be differentiated twice usually says so by
# name.
# Seen: exp1'(0.5) = -1.2131 (right), then "TypeError: No constant handler for type: <class
# '...DynamicJaxprTracer'>", which names neither exp1 nor the user's line. expi, of the same family, is right
# twice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import jax
from jax.scipy.special import exp1, expi

jax.config.update("jax_enable_x64", True)
first = float(jax.grad(exp1)(0.5))
print("exp1'(0.5) =", first)
assert abs(first + 1.2130613194252668) < 1e-9
print("expi''(0.5) =", float(jax.grad(jax.grad(expi))(0.5)))
try:
    second = jax.grad(jax.grad(exp1))(0.5)
except TypeError as error:
    print("exp1''(0.5): TypeError:", error)
    assert "No constant handler" in str(error), "the behaviour has changed"
else:
    raise SystemExit(f"the behaviour has changed: exp1''(0.5) = {second}")
PYTHON
