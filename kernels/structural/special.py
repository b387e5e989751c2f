"""Functions of single numbers that are no element functions: scipy.special's ufuncs, and long ones of ours.

They run on the CPU, whatever the device. Operands have one shape, any strides.
"""

from __future__ import annotations

import numpy as np

from ...devices.operands import aval_of
from ...planning.plan import KernelStep, View
from ..elements.registry import kernel
from ..loops import Allocate, Loop, Lowering, calling, grain_for, lowers
from ..native import ufuncs
from ..native.pointers import address, call, pointer, row_memory
from .structure import shaped

# argument words, behind the addresses of the result and of the operands: the loop and its data, the order, which
# is an operand in front of the others if the ufunc has one more, and the strides of result and operands
FUNCTION, DATA, ORDER, STRIDES = 0, 1, 2, 3
BLOCK = 64
"""Numbers that are converted at a time."""


@kernel
def ufunc(args, start, stop, operands, order):
    """`order`: whether the word ORDER is the first operand of the ufunc; up to 7 operands."""
    memory = row_memory(24, np.int64)
    words = 1 + operands
    memory[0], memory[8], memory[16] = address(args) + 8 * (words + ORDER), 0, stop - start
    for i in range(operands + 1):
        place = (operands if i == 0 else i - 1) + order
        memory[8 + place] = args[words + STRIDES + i]
        memory[place] = args[i] + start * memory[8 + place]
    call(args[words], (address(memory), address(memory) + 128, address(memory) + 64, args[words + DATA]))
    return 0


@kernel
def ufunc_in_float64(args, start, stop, dtype, operands):
    """The same of numbers of another dtype, a few at a time; without an order."""
    memory, numbers = row_memory(24, np.int64), row_memory((operands + 1) * BLOCK, np.float64)
    words = 1 + operands
    for i in range(operands + 1):
        place = operands if i == 0 else i - 1
        memory[place], memory[8 + place] = address(numbers) + 8 * BLOCK * i, 8
    for first in range(start, stop, BLOCK):
        size = min(BLOCK, stop - first)
        memory[16] = size
        for i in range(1, operands + 1):
            given, stride = pointer(args[i] + first * args[words + STRIDES + i], dtype), args[words + STRIDES + i]
            for k in range(size):
                numbers[i * BLOCK + k] = pointer(address(given) + k * stride, dtype)[0]
        call(args[words], (address(memory), address(memory) + 128, address(memory) + 64, args[words + DATA]))
        out = pointer(args[0] + first * args[words + STRIDES], dtype)
        for k in range(size):
            out[k] = dtype(numbers[k])
    return 0


@kernel
def mapped_two(args, start, stop, dtype, function, n):
    """A function of two numbers and a static parameter, computed in float64."""
    out, x, y = pointer(args[0], dtype), pointer(args[1], dtype), pointer(args[2], dtype)
    for i in range(start, stop):
        out[i] = dtype(function(np.float64(x[i * args[4]]), np.float64(y[i * args[5]]), n))
    return 0


@kernel
def mapped_three(args, start, stop, dtype, function, m, n):
    """Of three numbers and two static parameters."""
    out, x, y, z = (
        pointer(args[0], dtype),
        pointer(args[1], dtype),
        pointer(args[2], dtype),
        pointer(args[3], dtype),
    )
    for i in range(start, stop):
        a, b, c = np.float64(x[i * args[5]]), np.float64(y[i * args[6]]), np.float64(z[i * args[7]])
        out[i] = dtype(function(a, b, c, m, n))
    return 0


def _flat(step: KernelStep, allocate: Allocate) -> tuple[tuple[View, ...], list[Loop]]:
    """The result and the operands along one axis, and the loops that bring them there."""
    shaped_ones = [shaped(o, (aval_of(step.output).size,), allocate) for o in (step.output, *step.inputs)]
    return tuple(view for view, _ in shaped_ones), [loop for _, loops in shaped_ones for loop in loops]


def ufunc_of(name: str, cost: float) -> Lowering:
    """Lowering to the loop of scipy.special's ufunc of this name, of so many nanoseconds an element."""

    def lower(step: KernelStep, allocate: Allocate) -> list[Loop]:
        a = aval_of(step.output)
        views, copies = _flat(step, allocate)
        order = step.params.get("order")
        converted = name in COARSE and a.dtype != np.float64
        found = ufuncs.special(
            name, np.dtype(np.float64) if converted else a.dtype, len(step.inputs) + (order is not None)
        )
        word = b"" if order is None else np.array(order, a.dtype).tobytes()
        strides = [view.layout.strides[0] * a.dtype.itemsize for view in views]
        numbers = (*found, *np.frombuffer(word.ljust(8, b"\0"), np.int64).tolist(), *strides)
        source = calling("ufunc", len(step.inputs), int(order is not None))
        if converted:
            source = calling("ufunc_in_float64", a.dtype, len(step.inputs))
        return [*copies, Loop(source, views, (), numbers, a.size, grain_for(a.size, cost))]

    return lower


def function_of(name: str, kernel: str, parameters: tuple[str, ...], cost: float) -> Lowering:
    """Lowering to a loop that calls a function of kernels/elements, a helper, of so many nanoseconds."""

    def lower(step: KernelStep, allocate: Allocate) -> list[Loop]:
        a = aval_of(step.output)
        views, copies = _flat(step, allocate)
        source = calling(kernel, a.dtype, name, *[step.params[p] for p in parameters])
        strides = tuple(view.layout.strides[0] for view in views)
        return [*copies, Loop(source, views, (), strides, a.size, grain_for(a.size, cost))]

    return lower


UFUNCS = {
    "gamma": 20, "beta": 60, "betaln": 60, "binom": 60, "gammainc": 100, "gammaincc": 100, "betainc": 200,
    "betaincc": 200, "j0": 15, "j1": 15, "jv": 300, "y0": 20, "y1": 20, "yv": 400, "i0": 10, "i1": 10, "iv": 300,
    "i0e": 10, "i1e": 10, "ive": 300, "k0": 15, "k1": 15, "kv": 300, "k0e": 15, "k1e": 15, "kve": 300, "ndtri": 20,
    "expi": 30, "exp1": 30, "owens_t": 50, "gammaincinv": 500, "betaincinv": 1000, "pdtrik": 500, "poch": 30,
    "rgamma": 15, "wofz": 70, "erfi": 15, "dawsn": 10, "stdtr": 150, "hyp0f1": 170, "hyp1f1": 100, "hyp2f1": 150,
    "hyperu": 150, "ellipk": 10, "ellipe": 10, "ellipkm1": 10, "ellipkinc": 120, "ellipeinc": 120,
}  # fmt: skip
"""Those of the primitives of the same names."""
COARSE = {"betainc", "betaincinv", "stdtr"}
"""Whose own loops of float32 are off by about a hundred ULP (SciPy 1.17.1); others compute in float64."""
for _name, _cost in UFUNCS.items():
    lowers(_name)(ufunc_of(_name, _cost))
lowers("zeta")(ufunc_of("_zeta", 100))
OF_TWO = {
    "polygamma_rise": 200, "gamma_density": 80, "gammainc_by_x": 3000, "ellipkinc_by_m": 1500,
    "ellipeinc_by_m": 1500,
}  # fmt: skip
for _name, _cost in OF_TWO.items():
    lowers(_name)(function_of(_name, "mapped_two", ("n",), _cost))
for _name, _cost in {"beta_density": 200, "betainc_by_xy": 4000}.items():
    lowers(_name)(function_of(_name, "mapped_three", ("m", "n"), _cost))
