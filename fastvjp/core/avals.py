"""Abstract values (shape and dtype), the supported dtypes and NumPy 2's promotion with weak scalars."""

from __future__ import annotations

import math
import threading
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from .scalars import WEAK, PyScalar

bool_ = np.dtype(np.bool_)
int8, int16, int32, int64 = (np.dtype(f"int{bits}") for bits in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64))
float32, float64 = np.dtype(np.float32), np.dtype(np.float64)
complex64, complex128 = np.dtype(np.complex64), np.dtype(np.complex128)

DTYPES = {
    d.name: d
    for d in (bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64,
              float32, float64, complex64, complex128)
}  # fmt: skip

_SUPPORTED = frozenset(DTYPES.values())


class Aval:
    """Shape and dtype of an array, known before its values are. Build it with `aval`: equal ones are identical."""

    __slots__ = ("__weakref__", "dtype", "inexact", "ndim", "shape", "size")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape = shape
        self.dtype = dtype
        self.inexact = dtype.kind in "fc"
        self.ndim = len(shape)
        self.size = math.prod(shape)

    def __reduce__(self) -> tuple[Any, ...]:
        return aval, (self.shape, self.dtype)

    def __repr__(self) -> str:
        return f"{self.dtype.name}[{','.join(map(str, self.shape))}]"


_interning = threading.Lock()
_interned: WeakValueDictionary[tuple[tuple[int, ...], np.dtype], Aval] = WeakValueDictionary()
_reference = _interned.data.get  # type: ignore[attr-defined]
_promoted: dict[tuple[Any, ...], np.dtype] = {}
_CACHE_LIMIT = 1 << 16


def aval(shape: tuple[int, ...], dtype: np.dtype) -> Aval:
    """Return the one `Aval` of this shape and dtype."""
    found = seen(shape, dtype)
    if found is None:
        with _interning:
            found = _interned.setdefault((shape, dtype), Aval(shape, dtype))
    return found


def seen(shape: tuple[int, ...], dtype: np.dtype) -> Aval | None:
    """The same if there is one already: then its dtype is a supported one."""
    reference = _reference((shape, dtype))
    return None if reference is None else reference()


def as_dtype(spec: Any, where: str) -> np.dtype:
    """Return the supported NumPy dtype that `spec` names; TypeError naming `where` otherwise."""
    if isinstance(spec, np.dtype) and spec in _SUPPORTED:
        return spec
    try:
        dtype = np.dtype(spec).newbyteorder("=")
    except TypeError:
        dtype = None
    if dtype is None or DTYPES.get(dtype.name) is None:
        shown = spec if dtype is None else dtype
        hint = " Hint: cast it to float32 first." if dtype == np.float16 else ""
        if isinstance(spec, int) and not isinstance(spec, bool):
            hint = " Hint: a shape of several axes is one tuple, as in zeros((2, 3))."
        raise TypeError(f"[{where}] Unsupported dtype {shown}. Supported: {', '.join(DTYPES)}.{hint}")
    return DTYPES[dtype.name]


def weak_dtype(scalar: PyScalar) -> np.dtype:
    """The dtype that a Python scalar takes where no array decides: bool, int32 (int64), float32, complex64."""
    if WEAK[type(scalar)] is bool:
        return bool_
    if isinstance(scalar, int):
        if -(1 << 31) <= scalar < 1 << 31:
            return int32
        return int64 if scalar < 1 << 63 else uint64
    return float32 if isinstance(scalar, float) else complex64


def promote(*operands: np.dtype | type) -> np.dtype:
    """NumPy 2 result dtype of dtypes and of Python scalar *types* (which are weak)."""
    found = _promoted.get(operands)
    if found is None:
        weak: dict[Any, Any] = {bool: bool_, int: 1, float: 1.0, complex: 1j}
        found = np.result_type(*(weak[o] if isinstance(o, type) else o for o in operands))
        if found == np.float16:  # NumPy's answer for some 8-bit mixes; not a dtype of ours
            found = float32
        if len(_promoted) >= _CACHE_LIMIT:
            _promoted.clear()
        found = _promoted[operands] = DTYPES[found.name]
    return found


def inexact(dtype: np.dtype) -> np.dtype:
    """The floating dtype in which NumPy computes sin, exp, ... of this dtype (float32 instead of float16)."""
    if dtype.kind in "fc":
        return dtype
    return float32 if dtype.itemsize <= 2 else float64


def is_differentiable(dtype: np.dtype) -> bool:
    """Whether arrays of this dtype have a non-trivial tangent space (floating and complex ones)."""
    return dtype.kind in "fc"
