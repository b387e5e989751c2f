#!/usr/bin/env bash
# SciPy 1.17.1 with SCIPY_ARRAY_API=1: scipy.signal.oaconvolve of JAX arrays is silently wrong wherever it works in
# blocks, that is where one input is much longer than the other. Its table of array API support marks JAX as
# supported, and fftconvolve, which it promises to equal, is right.
# Seen, 100 and 7 random numbers of float64, largest difference from numpy.convolve: oaconvolve about 1, fftconvolve
# 1e-15. The tails of blocks are added into a slice in place; a slice of a JAX array is a copy, so that
# what overlaps is lost.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scipy==1.17.1 numpy==2.4.6 jax==0.10.2
SCIPY_ARRAY_API=1 JAX_ENABLE_X64=1 "$folder/venv/bin/python" - <<'PYTHON'
import jax.numpy as jnp
import numpy as np
from scipy import signal

rng = np.random.default_rng(0)
long, short = rng.random(100), rng.random(7)
want = np.convolve(long, short)
error = {}
for name in ("oaconvolve", "fftconvolve"):
    found = getattr(signal, name)(jnp.asarray(long), jnp.asarray(short))
    error[name] = np.abs(np.asarray(found) - want).max()
    print(name, "of JAX arrays: largest error", error[name])
assert error["oaconvolve"] > 0.1 and error["fftconvolve"] < 1e-12, "the behaviour has changed"
assert np.abs(signal.oaconvolve(long, short) - want).max() < 1e-12, "the behaviour has changed"
PYTHON
