"""Types and values of kernels as they are translated: numbers, pointers to numbers, tuples of values.

A type is a NumPy dtype or a `Pointer`. A value that exists only when a kernel runs is a `Value`; all else (numbers
that stand in the source, dtypes, functions, tuples) is what Python has.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Pointer:
    """The type of pointers to numbers of a dtype."""

    of: np.dtype  # not `dtype`: what has one of these equals it, to NumPy

    @property
    def name(self) -> str:
        """As dtypes have it."""
        return f"{self.of.name}*"


Type = np.dtype | Pointer


@dataclass(frozen=True, slots=True)
class Value:
    """What is known when a kernel runs: its type, and LLVM's names of its parts; complex numbers have two."""

    type: Type
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """What LLVM calls it, if it has one part."""
        (text,) = self.parts
        return text


BOOL, INT64 = np.dtype(np.bool_), np.dtype(np.int64)
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
PARTS: dict[str, np.dtype] = {"complex64": FLOAT32, "complex128": FLOAT64}
"""The dtype of the parts of complex numbers."""
LLVM = {"bool": "i1", "float32": "float", "float64": "double"}


class TranslationError(Exception):
    """A kernel has what cannot be translated."""


@functools.cache
def llvm_type(t: Type) -> str:
    """LLVM's name of a type with one part, or of each part."""
    if isinstance(t, Pointer):
        return "ptr"
    if t.name in PARTS:
        return LLVM[PARTS[t.name].name]
    return LLVM.get(t.name) or f"i{8 * t.itemsize}"


@functools.cache
def part_of(t: Type) -> np.dtype:
    """The type of each part of a number."""
    if isinstance(t, Pointer):
        raise TranslationError(f"a {t.name} is no number")
    return PARTS.get(t.name, t)


def parts_of(t: Type) -> int:
    """How many parts a value has."""
    return 2 if isinstance(t, np.dtype) and t.kind == "c" else 1


@functools.cache
def in_memory(t: np.dtype) -> str:
    """LLVM's name of a number in memory."""
    return f"{{{llvm_type(t)}, {llvm_type(t)}}}" if t.kind == "c" else llvm_type(t)


def constant_text(value: Any, t: np.dtype) -> str:
    """A number of one part as LLVM writes it: real ones as the bits of a float64."""
    if t.kind == "f":
        (bits,) = struct.unpack("<Q", struct.pack("<d", float(t.type(value))))
        return f"0x{bits:016X}"
    if t.kind == "b":
        return "true" if value else "false"
    width = 8 * t.itemsize
    return str((int(value) + (1 << width - 1)) % (1 << width) - (1 << width - 1))


def number_type(value: Any) -> np.dtype | None:
    """The type of a number that stands in the source; None of what is no number."""
    if isinstance(value, np.generic):
        return value.dtype
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return INT64 if value < 1 << 63 else np.dtype(np.uint64)
    if isinstance(value, float):
        return FLOAT64
    return np.dtype(np.complex128) if isinstance(value, complex) else None


def as_dtype(value: Any) -> np.dtype | None:
    """A class or dtype as a dtype; None of what is none."""
    if isinstance(value, np.dtype):
        return value
    if isinstance(value, type) and (issubclass(value, np.generic) or value in (bool, int, float, complex)):
        return np.dtype(value)
    return None


def common(x: Type, y: Type) -> Type:
    """The type that holds values of both, as NumPy has it; pointers have no other."""
    if x == y:
        return x
    if isinstance(x, Pointer) or isinstance(y, Pointer):
        raise TranslationError(f"a value is {x.name} on one path and {y.name} on another")
    return np.promote_types(x, y)
