#!/usr/bin/env bash
# MLX 0.32.4: the second derivative of mlx.nn.losses.huber_loss and smooth_l1_loss is 0 where the inputs equal the
# targets, in both modes; it should be 1, as it is everywhere else within delta (beta).
# The documentation: 0.5 * (inputs - targets)**2 for differences up to delta. It is computed from the absolute value of
# the difference, of which the derivative at 0 is 0, and is taken for the slope of the square's root.
# Seen: 1 at a difference of 0.5 and 1e-6, 0 at 0, also of the square of mx.abs. A Newton step or a Gauss-Newton matrix
# from Hessian-vector products loses the points that already fit, and the matrix is singular where all do.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'mlx[cpu]==0.32.4' numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import mlx.core as mx
import mlx.nn as nn

mx.set_default_device(mx.cpu)
target = mx.array(2.0)
losses = {
    "huber_loss": lambda x: nn.losses.huber_loss(x, target),
    "smooth_l1_loss": lambda x: nn.losses.smooth_l1_loss(x, target),
    "square of abs": lambda x: mx.square(mx.abs(x - target)) / 2,
    "square": lambda x: mx.square(x - target) / 2,
}
for name, loss in losses.items():

    def tangent(x, loss=loss):
        return mx.jvp(loss, [x], [mx.array(1.0)])[1][0]

    found = {}
    for difference in (0.5, 1e-6, 0.0):
        x = target + difference
        reverse, forward = mx.grad(mx.grad(loss))(x).item(), mx.jvp(tangent, [x], [mx.array(1.0)])[1][0].item()
        found[difference] = reverse, forward
    print(name, found)
    assert found[0.5] == (1, 1) and mx.grad(loss)(target).item() == 0
    assert found[0.0] == ((1, 1) if name == "square" else (0, 0)), "the behaviour has changed"
PYTHON
