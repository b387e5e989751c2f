"""Pieces of the source of kernels."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from ...core.avals import COMPUTED


def fill_source(dtype: np.dtype, combine: str) -> str:
    """A kernel that sets elements of an array to the identity of a combination."""
    return (
        "def fused(args, start, stop):\n"
        f"    a = pointer(args[0], {stored_name(dtype)})\n"
        "    for j in range(start, stop):\n"
        f"        store(a, j, {to_memory(dtype, identity(combine, dtype))}, 0, 1)\n"
        "    return 0\n"
    )


def identity(combine: str, dtype: np.dtype) -> str:
    """What changes nothing where it is combined, as source."""
    if combine in ("add", "multiply"):
        return "0" if combine == "add" else "1"
    if dtype.kind == "f":
        return "-np.inf" if combine == "maximum" else "np.inf"
    if dtype == np.bool_:
        return "0" if combine == "maximum" else "1"
    limits = np.iinfo(dtype)
    return str(limits.min if combine == "maximum" else limits.max)


def identity_value(combine: str, dtype: np.dtype) -> str:
    """The same as a value of the dtype."""
    text = identity(combine, dtype)
    return str(text == "1") if dtype == np.bool_ else f"{dtype}({text})"


def combination(combine: str, dtype: np.dtype, x: str, y: str) -> str:
    """Two values combined, as source: operators, so that the loop's leave to reorder sums applies."""
    if dtype == np.bool_:
        return f"{x} {'|' if combine in ('add', 'maximum') else '&'} {y}"
    if combine in ("add", "multiply"):
        return f"{dtype}({x} {'+' if combine == 'add' else '*'} {y})"
    if dtype.kind == "f":
        return f"{'larger' if combine == 'maximum' else 'smaller'}({x}, {y})"
    return f"({x} if {x} {'>' if combine == 'maximum' else '<'} {y} else {y})"


def folded(name: str, values: Sequence[str]) -> str:
    """Calls of a function of two arguments that take in all values, as source."""
    return functools.reduce(lambda x, y: f"{name}({x}, {y})", values)


@functools.cache
def name_of(dtype: np.dtype) -> str:
    """Name of the dtype, which NumPy finds out anew each time."""
    return str(dtype)


@functools.cache
def stored_name(dtype: np.dtype) -> str:
    """Name of the dtype in memory: bools are bytes there, and numbers of 16 bits their bits."""
    if dtype in COMPUTED:
        return "uint16"
    return "uint8" if dtype == np.bool_ else name_of(dtype)


def to_memory(dtype: np.dtype, value: str) -> str:
    """A value as it lies in memory, as source."""
    return f"{dtype}_bits({value})" if dtype in COMPUTED else f"{stored_name(dtype)}({value})"


def from_memory(dtype: np.dtype, value: str) -> str:
    """What lies in memory as a value."""
    if dtype in COMPUTED:
        return f"{dtype}_of({value})"
    return f"({value} != 0)" if dtype == np.bool_ else value


def indented(lines: Sequence[str]) -> list[str]:
    """One level deeper."""
    return ["    " + line for line in lines]
