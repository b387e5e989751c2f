#!/usr/bin/env bash
# JAX 0.10.2: the second derivative of the Fresnel integral C of jax.scipy.special.fresnel is 0 at 1, 3, 5 and all
# other odd integers. The documentation defines C(x) as the integral from 0 to x of cos(pi t**2 / 2), so that the
# second derivative is -pi x sin(pi x**2 / 2): -pi at 1, -3 pi at 3. C and its first derivative are right everywhere,
# and so is S. The derivative's cosine takes the constant 0 where it is exactly 0, and a constant has no slope.
# Seen: 0 at 1, 3 and 5, right at 0.999 and 1.001, -3.1384 and -3.1447. Newton's method for the first maximum of C,
# which lies at 1 (the first bright fringe), divides by 0 when it gets there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import jax
import numpy as np
from jax.scipy.special import fresnel

jax.config.update("jax_enable_x64", True)
first = jax.grad(lambda x: fresnel(x)[1])
second = jax.grad(first)
for x in [0.999, 1.0, 1.001, 2.5, 3.0, 5.0]:
    h = 1e-5
    difference = float(first(x + h) - first(x - h)) / (2 * h)
    right = -np.pi * x * np.sin(np.pi * x**2 / 2)
    print(f"x = {x}: {float(second(x))}, difference of first derivatives {difference:.4f}, expected {right:.4f}")
    assert abs(difference - right) < 1e-6
    seen = second(x) == 0 if x in (1, 3, 5) else abs(second(x) - right) < 1e-9
    assert seen, "the behaviour has changed"
PYTHON
