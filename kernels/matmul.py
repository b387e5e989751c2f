"""Matrix products: brought to a form that BLAS takes, with operands read where they lie if it can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..avals import aval
from ..layouts import Layout, broadcast_to, contiguous_strides, transpose
from ..plan import KernelStep, Operand, Scalar, View
from . import blas
from .loops import Allocate, Loop, Lowering
from .products import PREFIXES, Reading, product, reads_matrix, reads_vector
from .structure import aval_of, copy


def lower(step: KernelStep, allocate: Allocate) -> list[Loop] | None:
    """The product, behind copies of what BLAS cannot read. Integers and huge sizes are left to NumPy."""
    out = step.output
    if out.dtype.name not in PREFIXES:
        return None
    if 0 in out.layout.shape:
        return []
    x, copy_x = _in_memory(step.inputs[0], allocate)
    y, copy_y = _in_memory(step.inputs[1], allocate)
    x, y, out = _canonical(x, y, out)
    by_vector = out.layout.shape[-2] == 1 and x.layout.shape[-1] > 0
    x, read_x, again_x = _readable(x, reads_vector if by_vector else reads_matrix, allocate)
    y, read_y, again_y = _readable(y, reads_matrix, allocate)
    if max(*out.layout.shape[-2:], x.layout.shape[-1], read_x[1], read_y[1]) > blas.LARGEST_INTEGER:
        return None
    loops = product("gemv" if by_vector else "gemm", x, y, out, read_x, read_y, allocate)
    return [*copy_x, *copy_y, *again_x, *again_y, *loops]


def _in_memory(o: Operand, allocate: Allocate) -> tuple[View, list[Loop]]:
    if isinstance(o, View):
        return o, []
    matrix, loops = _copied(Scalar(o.leaf, aval(o.aval.shape[-2:], o.aval.dtype)), allocate)
    return View(matrix.buffer, matrix.dtype, broadcast_to(matrix.layout, o.aval.shape)), loops


def _copied(o: Operand, allocate: Allocate) -> tuple[View, list[Loop]]:
    dense = allocate(aval_of(o))
    return dense, copy(o, dense)


def _canonical(x: View, y: View, out: View) -> tuple[View, View, View]:
    """The same product with as few batch axes as can be, and the vector, if there is one, on the left."""
    for _ in range(2):
        x, y, out = (replace(v, layout=a) for v, a in zip((x, y, out), _tall(x, y, out), strict=True))
        if out.layout.shape[-1] == 1:
            x, y, out = (replace(v, layout=_swapped(v.layout)) for v in (y, x, out))
    return x, y, out


def _swapped(x: Layout) -> Layout:
    axes = range(len(x.shape))
    return transpose(x, (*axes[:-2], axes[-1], axes[-2]))


def _tall(*operands: View) -> tuple[Layout, Layout, Layout]:
    """Inner batch axes along which y repeats become rows of x."""
    x, y, out = (v.layout for v in operands)
    while len(out.shape) > 2:
        batch, rows = out.shape[-3:-1]
        if batch > 1 and y.strides[-3] != 0:
            break
        if batch > 1 and rows > 1 and any(v.strides[-3] != rows * v.strides[-2] for v in (x, out)):
            break
        x, out = (_rows_joined(v, batch * rows) for v in (x, out))
        y = Layout(y.shape[:-3] + y.shape[-2:], y.strides[:-3] + y.strides[-2:], y.offset)
    return x, y, out


def _rows_joined(x: Layout, rows: int) -> Layout:
    down = x.strides[-2] if x.shape[-2] > 1 else x.strides[-3]
    return Layout((*x.shape[:-3], rows, x.shape[-1]), (*x.strides[:-3], down, x.strides[-1]), x.offset)


def _readable(
    x: View, reads: Callable[[Layout], Reading | None], allocate: Allocate
) -> tuple[View, Reading, list[Loop]]:
    """The operand or, if BLAS cannot read it, a copy; what batch axes repeat is copied once."""
    shape, strides, offset = x.layout
    loops: list[Loop] = []
    if 0 in shape:
        x = View(x.buffer, x.dtype, Layout(shape, contiguous_strides(shape)))
    elif reads(x.layout) is None:
        repeats = [s == 0 for s in strides[:-2]] + [False, False]
        once = tuple(1 if r else n for n, r in zip(shape, repeats, strict=True))
        dense, loops = _copied(View(x.buffer, x.dtype, Layout(once, strides, offset)), allocate)
        x = View(dense.buffer, dense.dtype, broadcast_to(dense.layout, shape))
    reading = reads(x.layout)
    assert reading is not None
    return x, reading, loops


LOWERINGS: dict[str, Lowering] = {"matmul": lower}


def matmul(out: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Products of the matrices in the last two axes of x and y, whose other axes agree."""
    with np.errstate(all="ignore"):
        np.matmul(x, y, out=out)


LAUNCHERS: dict[str, Callable[..., Any]] = {"matmul": matmul}
