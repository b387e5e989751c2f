"""Shaders for the emulator: what stands in front of them, how one is run, and one that several tests run."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastvjp.metal import emulator

HEAD = "#include <metal_stdlib>\n#include <metal_simdgroup_matrix>\nusing namespace metal;\n"
TYPES = {
    "bool": "?",
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "long": "i8",
    "ulong": "u8",
    "half": "f2",
    "float": "f4",
}


ELEMENTWISE = """
namespace element {
template <typename T> inline T tanh_vjp(T g, T out) { return g * (T(1) - out * out); }
template <typename T> inline T relu(T x) { return select(T(0), x, x > T(0)); }
}
kernel void run(device float *out [[buffer(0)]], device const float *x [[buffer(1)]],
                constant uint *words [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < words[0]) out[i] = element::tanh_vjp(x[i], precise::tanh(element::relu(x[i])));
}
"""


def call(device: emulator.Device, text: str, count: int, out: np.ndarray, *arguments: object) -> np.ndarray:
    """Run the kernel with a fresh buffer like `out` in front of the arguments."""
    function = device.kernel(HEAD + text).function("run")
    buffer = device.buffer(out.nbytes)
    function(count, buffer, *arguments)
    return held(buffer, out.dtype).reshape(out.shape)


def held(buffer: Any, dtype: Any) -> np.ndarray:
    """What stands in a buffer; no copy."""
    return np.frombuffer(buffer, dtype)
