#!/usr/bin/env bash
# MLX 0.32.4: mx.jvp of mx.fft.irfft, irfft2 and irfftn for an odd length gives the tangent of the even length below it:
# one number too few, and other numbers. mx.vjp is right for odd lengths, and mx.jvp for even ones.
# The documentation of mlx.core.fft.irfft takes any n, the size of the transformed axis; a good guess: a tangent has the
# shape of the result, and the transform of the tangent is it, since the transform is linear.
# Seen for n = 5 of 1, 2, 3 along 1, 2, 3: the result [2.2, -0.524, -0.076, -0.076, -0.524] and the tangent
# [2, -0.5, 0, -0.5]. In a longer function it mostly is an error about shapes that blames a step of the user's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'mlx[cpu]==0.32.4' numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import mlx.core as mx
import numpy as np

mx.set_default_device(mx.cpu)
x = mx.array([1.0, 2, 3])
for n in (4, 5, 6, 7):

    def f(x):
        return mx.fft.irfft(x, n=n)

    values, tangents = mx.jvp(f, [x], [x])
    value, tangent = np.array(values[0]), np.array(tangents[0])
    print(f"n = {n}: value {value}, tangent {tangent}")
    assert np.allclose(value, np.fft.irfft([1, 2, 3], n=n), atol=1e-6)
    assert np.allclose(mx.vjp(f, [x], [mx.ones((n,))])[1][0], [1, 0, 0], atol=1e-6)
    expected = value if n % 2 == 0 else np.fft.irfft([1, 2, 3], n=n - 1)
    assert tangent.shape == expected.shape and np.allclose(tangent, expected, atol=1e-6), "the behaviour has changed"
PYTHON
