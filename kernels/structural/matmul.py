"""Matrix products: brought to a form that BLAS takes, with operands read where they lie if it can."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...core.avals import aval
from ...core.layouts import Layout, broadcast_to, contiguous_strides
from ...devices.operands import aval_of, canonical
from ...planning.plan import KernelStep, Operand, Scalar, View
from ..loops import Allocate, Loop, launches, lowers
from ..native import blas
from .products import Reading, product, reads_matrix, reads_vector
from .structure import copy


@lowers("matmul")
def lower(step: KernelStep, allocate: Allocate) -> list[Loop] | None:
    """The product, behind copies of what BLAS cannot read. Integers and huge sizes are left to NumPy."""
    out = step.output
    if out.dtype.name not in blas.PREFIXES:
        return None
    if 0 in out.layout.shape:
        return []
    x, copy_x = _in_memory(step.inputs[0], allocate)
    y, copy_y = _in_memory(step.inputs[1], allocate)
    x, y, out = canonical(x, y, out)
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


@launches("matmul")
def matmul(out: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Products of the matrices in the last two axes of x and y, whose other axes agree."""
    with np.errstate(all="ignore"):
        np.matmul(x, y, out=out)
