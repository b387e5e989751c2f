"""Source of the loop around the element functions of a fused step, and its arguments.

One loop form serves all layouts: axes over which every operand moves evenly are merged; if one axis is left,
the loop runs over elements [start, stop), else over rows, with the last axis inside. Sizes, strides and
addresses are arguments, so that steps that differ in nothing else share a kernel.
"""

from __future__ import annotations

import numpy as np

from ..plan import Call, FusedStep, Scalar, View
from .jit import HELPERS, operations, parameters
from .loops import Loop, grain_for

SCALARS = {"f": "float64", "c": "complex128", "i": "int64", "u": "uint64", "b": "int64"}
"""How a scalar argument lies in memory, by the kind of its dtype."""

MOVE = 0.02
"""Nanoseconds for a byte to or from memory, ..."""
REAL = 0.005
"""... for an operation on vectors, for each byte of an element, ..."""
COMPLEX = 0.3
"""... and for a complex operation. As measured: they say how large a chunk is to be, not more."""


def merge_axes(
    shape: tuple[int, ...], strides: list[tuple[int, ...]]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Drop axes of size 1 and merge neighbours wherever every operand moves over both evenly."""
    axes = [i for i, n in enumerate(shape) if n != 1]
    merged: list[int] = []
    kept: list[list[int]] = [[] for _ in strides]
    for i in axes:
        if merged and all(k[-1] == s[i] * shape[i] for k, s in zip(kept, strides, strict=True)):
            merged[-1] *= shape[i]
            for k, s in zip(kept, strides, strict=True):
                k[-1] = s[i]
        else:
            merged.append(shape[i])
            for k, s in zip(kept, strides, strict=True):
                k.append(s[i])
    if not merged:
        return (1,), [(0,) for _ in strides]
    return tuple(merged), [tuple(k) for k in kept]


def loop(step: FusedStep) -> Loop:
    """Generate the loop of a fused step."""
    views = list(dict.fromkeys([*(o for o in step.loads if isinstance(o, View)), *(v for _, v in step.stores)]))
    scalars = [o for o in step.loads if isinstance(o, Scalar)]
    shape, strides = merge_axes(step.shape, [v.layout.strides for v in views])
    outer = len(shape) - 1
    slot = {v: i for i, v in enumerate(views)}
    first_number = len(views) + len(scalars)

    # numbers: outer sizes, inner size, then per array its outer strides and, unless 0 or 1, its inner stride
    numbers: list[int] = list(shape) if outer else []
    lines = ["def fused(args, start, stop):"]
    for i, s in enumerate(scalars):
        dtype = s.aval.dtype
        lines.append(f"    s{i} = {dtype}(pointer(args[{len(views) + i}], {SCALARS[dtype.kind]})[0])")
    inner: list[str] = []
    bases: list[str] = []
    for i, (view, stride) in enumerate(zip(views, strides, strict=True)):
        size = view.dtype.itemsize
        terms = [f"args[{i}]"]
        for axis in range(outer):
            terms.append(f"i{axis} * args[{first_number + len(numbers)}]")
            numbers.append(stride[axis] * size)
        last = stride[-1]
        if last == 0:
            index = "0"
        elif last == 1:
            index = "j"
        else:
            index = f"j * t{i}"
            lines.append(f"    t{i} = args[{first_number + len(numbers)}]")
            numbers.append(last)
        bases.append(f"a{i} = pointer({' + '.join(terms)}, {_stored(view.dtype)})")
        inner.append(f"a{i}[{index}]")

    if outer:
        for axis in range(outer + 1):
            lines.append(f"    n{axis} = args[{first_number + axis}]")
        lines.append("    for row in range(start, stop):")
        lines.append("        rest = row")
        for axis in range(outer - 1, 0, -1):
            lines += [f"        i{axis} = rest % n{axis}", f"        rest = rest // n{axis}"]
        lines.append("        i0 = rest")
        lines += [f"        {base}" for base in bases]
        header, indent = f"for j in range(n{outer}):", " " * 8
    else:
        lines += [f"    {base}" for base in bases]
        header, indent = "for j in range(start, stop):", " " * 4
    lines += [indent + line for line in _inner_loop(step, slot, inner, header)]
    lines.append("    return 0")
    count = int(np.prod(shape[:outer])) if outer else shape[0]
    grain = grain_for(count, _cost(step, views) * (shape[-1] if outer else 1))
    return Loop("\n".join(lines) + "\n", tuple(views), tuple(scalars), tuple(numbers), count, grain)


def _cost(step: FusedStep, views: list[View]) -> float:
    """Nanoseconds that an element takes on one core, very roughly: its way through memory and its operations."""
    cost = sum(MOVE * v.dtype.itemsize for v in views)
    for call in step.body:
        cost += operations(call.name) * (COMPLEX if call.dtype.kind == "c" else REAL * call.dtype.itemsize)
    return cost


def _inner_loop(step: FusedStep, slot: dict[View, int], inner: list[str], header: str) -> list[str]:
    """The loop, and if near forms of element functions serve in it, once more in case they cannot."""
    in_place = not {v.buffer for _, v in step.stores}.isdisjoint(
        o.buffer for o in step.loads if isinstance(o, View)
    )
    angles = [] if in_place else [call.operands[at] for call in step.body if (at := _angle(call)) is not None]
    full = [header, *("    " + line for line in _body(step, slot, inner))]
    if not angles:
        return full
    near = [*_body(step, slot, inner, near=True), *(f"far |= is_far(v{k})" for k in dict.fromkeys(angles))]
    lines = ["far = False", header, *("    " + line for line in near), "if far:"]
    return lines + ["    " + line for line in full]


def _angle(call: Call) -> int | None:
    """Which operand of a call is an angle that a near form takes; None if there is no such form."""
    if call.dtype.kind != "f" or f"{call.name}_near" not in HELPERS:
        return None
    return parameters(call.name).index("x")


def _body(step: FusedStep, slot: dict[View, int], inner: list[str], near: bool = False) -> list[str]:
    lines = []
    scalar = 0
    for k, operand in enumerate(step.loads):
        if isinstance(operand, Scalar):
            lines.append(f"v{k} = s{scalar}")
            scalar += 1
        else:
            lines.append(f"v{k} = {_load(inner[slot[operand]], operand.dtype)}")
    for k, call in enumerate(step.body, len(step.loads)):
        operands = [f"v{i}" for i in call.operands]
        if call.name == "astype":
            lines.append(f"v{k} = {call.dtype}({operands[0]})")
        else:
            arguments = ", ".join([*operands, *map(repr, call.statics)])
            name = f"{call.name}_near" if near and _angle(call) is not None else call.name
            lines.append(f"v{k} = {call.dtype}({name}({arguments}))")
    lines += [f"{inner[slot[view]]} = {_stored(view.dtype)}(v{k})" for k, view in step.stores]
    return lines


def _stored(dtype: np.dtype) -> str:
    """Name of the dtype in memory: Numba has no pointers to bool."""
    return "uint8" if dtype == np.bool_ else str(dtype)


def _load(element: str, dtype: np.dtype) -> str:
    return f"{element} != 0" if dtype == np.bool_ else element
