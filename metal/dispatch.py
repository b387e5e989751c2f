"""What every step becomes on this device: dispatches of kernels with their arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.avals import Aval, is_bfloat16
from ..core.declared import Declared
from ..planning.plan import KernelStep, Scalar, View


@dataclass(frozen=True)
class Dispatch:
    """One kernel over `count` threads, rounded up by Metal to whole threadgroups.

    Its source is the text of the files named by `library` (stems of *.metal, in that order, each once), and
    behind it `source`, which defines one kernel, `run`. Bound are first the buffers of `arrays`, in order and at
    their beginning, whatever the views' offsets; then memory of `state` bytes and a word, the receipt. It begins
    as zeros and stays from one run to the next: the last thread adds 1 to the receipt. As the last one
    `constant int *words` is bound: first `numbers` (sizes, strides, offsets in elements, each a 32-bit word), then
    the scalars, two words each.
    """

    source: str
    library: tuple[str, ...]
    arrays: tuple[View, ...]
    scalars: tuple[Scalar, ...]
    numbers: tuple[int, ...]
    count: int
    state: int = 0
    error: Callable[[int], Exception] | None = None
    """The exception for the first word of `state`, if a run left it other than zero; the host sets it back."""
    parts: int = 1
    """Runs of `count` threads that share the work, one after the other: a single one might take too long."""
    part: tuple[int, int] = (0, 0)
    """The word that tells a run which part it is, and how much larger it is for the next part."""


Allocate = Callable[[Aval], View]
"""Memory for the time of one step."""

Lowering = Callable[[KernelStep, Allocate], list[Dispatch]]
"""The dispatches of a structural primitive, which run one after the other."""

lowers = Declared[Lowering]("metal.lowers")
"""Structural primitives as dispatches. They know no complex numbers."""

TYPES = {
    "bool": "bool",
    "int8": "char",
    "int16": "short",
    "int32": "int",
    "int64": "long",
    "uint8": "uchar",
    "uint16": "ushort",
    "uint32": "uint",
    "uint64": "ulong",
    "float16": "half",
    "bfloat16": "ushort",
    "float32": "float",
    "float64": "float",
}
"""Metal's name for a dtype in memory: float64 is held as float32, of bfloat16, which Metal 2.3 lacks, the bits."""


def type_name(dtype: np.dtype) -> str:
    """Metal's name for a dtype in memory; KeyError for complex ones, which it lacks."""
    return TYPES[dtype.name]


def value_name(dtype: np.dtype) -> str:
    """Metal's name for what a value of a dtype is while it is computed with."""
    return "float" if is_bfloat16(dtype) else type_name(dtype)


def converted(dtype: np.dtype, value: str) -> str:
    """A value as one of a dtype, as source."""
    return f"helper::bfloat16({value})" if is_bfloat16(dtype) else f"{type_name(dtype)}({value})"


def to_memory(dtype: np.dtype, value: str) -> str:
    """A value as it lies in memory."""
    return f"helper::bfloat16_bits({value})" if is_bfloat16(dtype) else value


def from_memory(dtype: np.dtype, value: str) -> str:
    """What lies in memory as a value."""
    return f"helper::bfloat16_of({value})" if is_bfloat16(dtype) else value
