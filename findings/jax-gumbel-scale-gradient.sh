#!/usr/bin/env bash
# JAX 0.10.2: jax.scipy.stats.gumbel_r and gumbel_l, pdf and logpdf, cannot be differentiated with respect to scale; ppf
# not with respect to the probability. It is a TypeError about float0 that names neither the function nor the argument.
# A good guess: a likelihood in jax.scipy.stats has gradients for its parameters; norm, logistic and laplace have, and so
# have cdf, sf and their logarithms of the same two distributions. The derivative of gumbel_r.logpdf with respect
# to scale is (z - 1 - z exp(-z)) / scale, where z = (x - loc) / scale.
# Seen: "Called multiply with a float0 array", in both modes; with respect to x and loc it is right. So a
# Gumbel distribution (floods, annual maxima) cannot be fitted by maximum likelihood with these gradients.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import math

import jax
from jax.scipy.stats import gumbel_l, gumbel_r, logistic

jax.config.update("jax_enable_x64", True)
x, loc, scale = 0.4, 0.1, 1.4
z = (x - loc) / scale
assert math.isclose(jax.grad(gumbel_r.logpdf)(x, loc, scale), (math.exp(-z) - 1) / scale, rel_tol=1e-12)
for other in (gumbel_r.cdf, gumbel_l.cdf, logistic.logpdf):
    assert math.isfinite(jax.grad(other, argnums=2)(x, loc, scale))
print("expected along scale:", (z - 1 - z * math.exp(-z)) / scale)
refused = set()
for name, f, argument in (
    [(f"{d.__name__}.{part}", getattr(d, part), 2) for d in (gumbel_r, gumbel_l) for part in ("pdf", "logpdf")]
    + [(f"{d.__name__}.ppf", d.ppf, 0) for d in (gumbel_r, gumbel_l)]
):
    for mode in (jax.grad, jax.jacfwd):
        try:
            mode(f, argnums=argument)(x, loc, scale)
        except TypeError as error:
            assert "float0" in str(error)
            print(name, str(error)[:60])
            refused.add((name, mode.__name__))
assert len(refused) == 12, "the behaviour has changed"
PYTHON
