#!/usr/bin/env bash
# JAX 0.10.2: the derivative of jax.scipy.special.expn(0, x) is nan for 0 < x <= 1, in both modes. Values are right.
# The documentation defines expn(n, x) as x**(n - 1) times the integral of exp(-t) / t**n from x on; for n = 0 that is
# exp(-x) / x, with the derivative -exp(-x) (1 / x + 1 / x**2), smooth for x > 0. For n >= 1 the derivative is -expn(n - 1, x)
# and right.
# Seen: nan at 0.3 and 1, right from just above 1 on: -0.5777 at 1.1. A transfer model with the order as a parameter
# trains for n >= 1 and gives nan for n = 0, at small arguments alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import math

import jax
from jax.scipy.special import expn

jax.config.update("jax_enable_x64", True)
found = {}
for x in (0.3, 1.0, 1.1, 2.0):
    assert math.isclose(expn(0, x), math.exp(-x) / x, rel_tol=1e-12)
    assert math.isclose(jax.grad(lambda x: expn(1, x))(x), -math.exp(-x) / x, rel_tol=1e-12)
    expected = -math.exp(-x) * (1 / x + 1 / x**2)
    found[x] = float(jax.grad(lambda x: expn(0, x))(x))
    forward = float(jax.jvp(lambda x: expn(0, x), (x,), (1.0,))[1])
    print("x =", x, "reverse:", found[x], "forward:", forward, "expected:", expected)
    assert math.isnan(forward) == math.isnan(found[x])
    assert math.isnan(found[x]) or math.isclose(found[x], expected, rel_tol=1e-12)
assert [x for x in found if math.isnan(found[x])] == [0.3, 1.0], "the behaviour has changed"
PYTHON
