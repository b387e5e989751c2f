#!/usr/bin/env bash
# MLX 0.32.4: the second derivative of mx.tanh is nan from |x| of about 90 on (float32), where it should be 0.
# A good guess: tanh'' = -2 tanh (1 - tanh**2) is bounded and vanishes in the tails; the first derivative is
# right there (0), and so are both of mx.sigmoid.
# Seen: at 10 -1.65e-8, at 60 0, at 100 nan; one saturated unit makes a whole Hessian-vector product nan.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'mlx[cpu]==0.32.4' numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import math

import mlx.core as mx

mx.set_default_device(mx.cpu)
first, second = mx.grad(mx.tanh), mx.grad(mx.grad(mx.tanh))
for x in (10.0, 60.0, 100.0):
    print(x, first(mx.array(x)).item(), second(mx.array(x)).item())
assert first(mx.array(100.0)).item() == 0
assert abs(second(mx.array(60.0)).item()) == 0
assert mx.grad(mx.grad(mx.sigmoid))(mx.array(100.0)).item() == 0
assert math.isnan(second(mx.array(100.0)).item()), "the behaviour has changed"
PYTHON
