#!/usr/bin/env bash
# MLX 0.32.4: the gradient of a power and of mx.cumprod of complex numbers lacks a conjugate: the imaginary part has
# the wrong sign, so that a step against the gradient goes uphill. Products, mx.square, mx.sqrt, exp and log have it.
# A good guess: z**3 and z * z * z are the same function, and z**0.5 is mx.sqrt; jvp agrees for both.
# Seen at 1 + 2j, cotangent 1: z**3 has -9 + 12j, z * z * z has -9 - 12j; z**2 2 + 4j, mx.square 2 - 4j. For a real
# loss, real(z**3), the difference quotient along the imaginary axis is -12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'mlx[cpu]==0.32.4' numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import mlx.core as mx

mx.set_default_device(mx.cpu)
z = mx.array(1 + 2j)

def vjp(f):
    return mx.vjp(f, [z], [mx.array(1 + 0j)])[1][0].item()

def jvp(f):
    return mx.jvp(f, [z], [mx.array(1 + 0j)])[1][0].item()

pairs = {
    "cube": (lambda z: z**3, lambda z: z * z * z),
    "square": (lambda z: z**2, mx.square),
    "root": (lambda z: z**0.5, mx.sqrt),
    "power of itself": (lambda z: z**z, lambda z: mx.exp(z * mx.log(z))),
}
for name, (power, other) in pairs.items():
    print(f"{name}: vjp {vjp(power):.4f} and {vjp(other):.4f}, jvp {jvp(power):.4f} and {jvp(other):.4f}")
    assert abs(jvp(power) - jvp(other)) < 1e-4
    assert abs(vjp(other) - jvp(other).conjugate()) < 1e-4
    assert abs(vjp(power) - vjp(other).conjugate()) < 1e-4, "the behaviour has changed"
products = mx.vjp(lambda z: mx.cumprod(mx.stack([z, z]))[1], [z], [mx.array(1 + 0j)])[1][0].item()
h = 1e-2
slope = (mx.real((z + 1j * h) ** 3) - mx.real((z - 1j * h) ** 3)).item() / (2 * h)
print(f"cumprod of z, z: {products}; difference quotient of real(z**3) along the imaginary axis: {slope:.2f}")
assert abs(slope + 12) < 0.1 and abs(products - (2 + 4j)) < 1e-4, "the behaviour has changed"
PYTHON
