#!/usr/bin/env bash
# MLX 0.32.4: mx.vjp of mx.hadamard_transform is wrong for lengths with a factor 20 or 28 (20, 28, 40, 56, ...); mx.jvp
# is right. The documentation: the transform is a product with a Hadamard matrix, for sizes m * 2**k with m in (1, 12,
# 20, 28). Its derivative is that matrix forward and the transpose backward; the same transform is taken for both, and
# the matrices for 20 and 28 are not symmetric.
# Seen, largest difference between vjp and the transposed matrix, for a cotangent of 1, 2, ..., n: 0 for 4, 12 and 24,
# 188 for 20, 288 for 28. A layer of 28 * 2**k numbers, for which the sizes are offered, gets such a gradient.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'mlx[cpu]==0.32.4' numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import mlx.core as mx
import numpy as np

mx.set_default_device(mx.cpu)

def transform(x):
    return mx.hadamard_transform(x, scale=1.0)

for n in (4, 12, 20, 24, 28, 40, 56):
    matrix = np.array(transform(mx.eye(n))).T
    zeros, w = mx.zeros((n,)), np.arange(1.0, n + 1, dtype=np.float32)
    assert np.array_equal(matrix @ matrix.T, n * np.eye(n))
    forward = np.array(mx.jvp(transform, [zeros], [mx.array(w)])[1][0])
    backward = np.array(mx.vjp(transform, [zeros], [mx.array(w)])[1][0])
    off, symmetric = np.abs(backward - matrix.T @ w).max(), np.array_equal(matrix, matrix.T)
    print(f"n = {n}: symmetric {symmetric}, jvp off by {np.abs(forward - matrix @ w).max()}, vjp off by {off}")
    assert np.array_equal(forward, matrix @ w)
    assert off > 10 if n % 20 == 0 or n % 28 == 0 else off == 0, "the behaviour has changed"
PYTHON
