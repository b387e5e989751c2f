#!/usr/bin/env bash
# MLX 0.32.4: mx.vmap over the weights of a grouped convolution gives wrong values, without an error.
# The documentation of mlx.core.vmap: "returns a vectorized version of fun"; a good guess: what a Python loop
# gives.
# Seen: with groups=1 vmap and loop agree; with groups=2 they differ by more than the size of the values, in the
# result and in the gradient. Mapped over the input, or over input and weights together, it is right. Per-model
# weights (ensembles, per-sample gradients of depthwise layers) run into it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'mlx[cpu]==0.32.4' numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import mlx.core as mx

mx.set_default_device(mx.cpu)
mx.random.seed(0)
x = mx.random.normal((2, 9, 4))

def difference(groups, gradient):
    weights = mx.random.normal((3, 4, 3, 4 // groups))
    f = lambda w: mx.conv1d(x, w, groups=groups)
    if gradient:
        f = mx.grad(lambda w: (mx.conv1d(x, w, groups=groups) ** 2).sum())
    loop = mx.stack([f(w) for w in weights])
    return (mx.abs(mx.vmap(f)(weights) - loop).max() / mx.abs(loop).max()).item()

for gradient in (False, True):
    one, two = difference(1, gradient), difference(2, gradient)
    print("gradient" if gradient else "value", "relative difference: groups=1", one, "groups=2", two)
    assert one < 1e-5
    assert two > 0.1, "the behaviour has changed"
PYTHON
