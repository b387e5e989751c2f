#!/usr/bin/env bash
# MLX 0.32.4: mx.jvp of mx.addmm leaves out alpha and beta; mx.vjp has them.
# The documentation of mlx.core.addmm: alpha is the scaling factor for the matrix product of a and b, beta
# that for c. So the derivative along a tangent of c is beta times it.
# Seen with alpha = 0.5, beta = 2: along c the tangent is 1 (expected 2), along a it is [12, 14] (expected [6,
# 7]). Forward and reverse disagree, and a check of one by the other is how it shows; values are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'mlx[cpu]==0.32.4' numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import mlx.core as mx

mx.set_default_device(mx.cpu)
a, b = mx.array([[1.0, 2.0], [3.0, 4.0]]), mx.array([[5.0, 6.0], [7.0, 8.0]])
c, one, zero = mx.ones((2, 2)), mx.ones((2, 2)), mx.zeros((2, 2))

def f(c, a, b):
    return mx.addmm(c, a, b, alpha=0.5, beta=2.0)

along_c = mx.jvp(f, [c, a, b], [one, zero, zero])[1][0].tolist()
along_a = mx.jvp(f, [c, a, b], [zero, one, zero])[1][0].tolist()
reverse = [g.tolist() for g in mx.vjp(f, [c, a, b], [one])[1]]
print("jvp along c:", along_c, "along a:", along_a)
print("vjp:", reverse)
assert reverse == [[[2, 2], [2, 2]], [[5.5, 7.5], [5.5, 7.5]], [[2, 2], [3, 3]]]
assert along_c == [[1, 1], [1, 1]] and along_a == [[12, 14], [12, 14]], "the behaviour has changed"
PYTHON
