"""Discrete Fourier transforms by NumPy's pocketfft, line by line.

An array is (outer, n, inner), any strides, and its lines go along the middle axis. Transforms over several axes
are made one after the other in the place of the result.
"""

from __future__ import annotations

import math

import numpy as np

from ...devices.operands import around, aval_of
from ...planning.plan import KernelStep, Operand, View
from ..elements.registry import kernel
from ..loops import Allocate, Loop, calling, grain_for, lowers
from ..native import ufuncs
from ..native.pointers import address, call, row_memory
from .structure import shaped

TOGETHER = 16
"""Lines that pocketfft computes side by side at most, in the lanes of vectors: a chunk has a multiple of them."""
# argument words, behind those of the result and of the operand; strides are in bytes
FUNCTION, DATA, POINTS, FREQUENCIES, INNER = range(2, 7)
OUT_LINE, OUT_STEP, OUT_COLUMN, X_LINE, X_STEP, X_COLUMN, FACTOR = range(7, 14)


@kernel
def fft(args, start, stop):
    """Lines that lie behind one another along the last axis are one call."""
    memory = row_memory(11, np.int64)
    arrays, sizes, steps = address(memory), address(memory) + 24, address(memory) + 48
    inner, i = args[INNER], start
    memory[1] = address(args) + 8 * FACTOR
    memory[4], memory[5] = args[POINTS], args[FREQUENCIES]
    memory[7], memory[9], memory[10] = 0, args[X_STEP], args[OUT_STEP]
    memory[6], memory[8] = (args[X_COLUMN], args[OUT_COLUMN]) if inner > 1 else (args[X_LINE], args[OUT_LINE])
    while i < stop:
        line, column = i // inner, i % inner
        count = min(inner - column, stop - i) if inner > 1 else stop - i
        memory[0] = args[1] + line * args[X_LINE] + column * args[X_COLUMN]
        memory[2] = args[0] + line * args[OUT_LINE] + column * args[OUT_COLUMN]
        memory[3] = count
        call(args[FUNCTION], (arrays, sizes, steps, args[DATA]))
        i += count
    return 0


@lowers("fft")
def lower_fft(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Complex to complex, over any axes."""
    name, source, loops = "ifft" if step.params["inverse"] else "fft", step.inputs[0], []
    for axis in reversed(step.params["axes"]):
        n = step.output.layout.shape[axis]
        loops += _lines(name, source, step.output, axis, n, step.params["norm"], allocate)
        source = step.output
    return loops


@lowers("rfft")
def lower_rfft(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Real to complex, of which there is half."""
    axis, norm = step.params["axis"], step.params["norm"]
    n = aval_of(step.inputs[0]).shape[axis]
    return _lines(f"rfft_n_{'odd' if n % 2 else 'even'}", step.inputs[0], step.output, axis, n, norm, allocate)


@lowers("irfft")
def lower_irfft(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Half of what is complex, to real."""
    axis, n, norm = step.params["axis"], step.params["n"], step.params["norm"]
    return _lines("irfft", step.inputs[0], step.output, axis, n, norm, allocate)


def _lines(name: str, source: Operand, out: View, axis: int, n: int, norm: int, allocate: Allocate) -> list[Loop]:
    """The loops of a transform of length n along an axis."""
    found = ufuncs.transform(name, source.dtype if isinstance(source, View) else source.aval.dtype)
    shape, whole = aval_of(source).shape, out.layout.shape
    outer, points, inner = around(shape, (axis,))
    if not outer * inner:
        return []
    x, copies = shaped(source, (outer, points, inner), allocate)
    steps = [stride * x.dtype.itemsize for stride in x.layout.strides]
    out_steps = [stride * out.dtype.itemsize for stride in (whole[axis] * inner, inner, 1)]
    factor = n ** (-norm / 2) if norm != 2 else 1 / n
    word = np.array(factor, f"f{np.empty(0, x.dtype).real.itemsize}").tobytes().ljust(8, b"\0")
    numbers = (*found, points, whole[axis], inner, *out_steps, *steps, *np.frombuffer(word, np.int64).tolist())
    grain = -(-grain_for(outer * inner, 50 + 0.6 * n * math.log2(n + 1)) // TOGETHER) * TOGETHER
    return [*copies, Loop(calling("fft"), (out, x), (), numbers, outer * inner, grain)]
