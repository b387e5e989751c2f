"""Abstract values (shape and dtype), the supported dtypes and their promotion with weak scalars.

All that is particular to numbers of 16 bits is said here: they are stored as such and computed as float32.
"""

from __future__ import annotations

import functools
import math
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

from .scalars import WEAK, PyScalar

bool_ = np.dtype(np.bool_)
int8, int16, int32, int64 = (np.dtype(f"int{bits}") for bits in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64))
float16, float32, float64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
complex64, complex128 = np.dtype(np.complex64), np.dtype(np.complex128)
bfloat16: np.dtype

DTYPES = {
    d.name: d
    for d in (bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64,
              float16, float32, float64, complex64, complex128)
}  # fmt: skip
"""The supported dtypes that are NumPy's own: all but bfloat16."""

COMPUTED = {float16: float32}
"""Of the dtypes that arrays are only stored in, the dtype in which their numbers are computed with. bfloat16 is
added before there is an array of it."""

_SUPPORTED = frozenset(DTYPES.values())


@functools.cache
def _bfloat16() -> np.dtype:
    """When it is first needed: importing ml_dtypes takes up to half a second, as long as all else."""
    import ml_dtypes

    found = np.dtype(ml_dtypes.bfloat16)
    COMPUTED[found] = float32
    return found


if not TYPE_CHECKING:

    def __getattr__(name: str) -> np.dtype:
        if name == "bfloat16":
            return _bfloat16()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def is_bfloat16(dtype: Any) -> bool:
    """Whether a dtype, its class or its name is bfloat16, without importing what has it."""
    if isinstance(dtype, np.dtype):
        return dtype.kind == "V" and dtype.name == "bfloat16"
    name = getattr(dtype, "__name__", dtype)
    return isinstance(name, str) and name == "bfloat16"


def kind_of(dtype: np.dtype) -> str:
    """NumPy's letter of a dtype's kind (b i u f c), and of bfloat16, which is none of NumPy's own, f."""
    return "f" if is_bfloat16(dtype) else dtype.kind


class Aval:
    """Shape and dtype of an array, known before its values are. Build it with `aval`: equal ones are identical."""

    __slots__ = ("__weakref__", "dtype", "inexact", "ndim", "shape", "size")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape = shape
        self.dtype = dtype
        self.inexact = kind_of(dtype) in "fc"
        if is_bfloat16(dtype):
            _bfloat16()
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
    if is_bfloat16(spec):
        return _bfloat16()
    try:
        dtype = np.dtype(spec).newbyteorder("=")
    except TypeError:
        dtype = None
    if dtype is not None and is_bfloat16(dtype):
        return _bfloat16()
    if dtype is None or DTYPES.get(dtype.name) is None:
        shown = spec if dtype is None else dtype
        hint = ""
        if isinstance(spec, int) and not isinstance(spec, bool):
            hint = " Hint: a shape of several axes is one tuple, as in zeros((2, 3))."
        raise TypeError(f"[{where}] Unsupported dtype {shown}. Supported: {', '.join(DTYPES)}, bfloat16.{hint}")
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
    """NumPy 2 result dtype of dtypes and of Python scalar *types* (which are weak).

    Numbers of 16 bits promote as in MLX: bool and integers do not count beside them, else they are float32.
    """
    found = _promoted.get(operands)
    if found is None:
        if len(_promoted) >= _CACHE_LIMIT:
            _promoted.clear()
        found = _promoted[operands] = _promoted_anew(operands)
    return found


_WEAK: dict[Any, Any] = {bool: bool_, int: 1, float: 1.0, complex: 1j}


def _promoted_anew(operands: tuple[Any, ...]) -> np.dtype:
    stored = {o for o in operands if o in COMPUTED}
    others = [o for o in operands if o not in COMPUTED]
    if stored:
        others = [o for o in others if o is complex or (isinstance(o, np.dtype) and o.kind in "fc")]
    if len(stored) == 1 and not others:
        return stored.pop()
    return DTYPES[np.result_type(*map(COMPUTED.get, stored), *[_WEAK.get(o, o) for o in others]).name]


def inexact(dtype: np.dtype) -> np.dtype:
    """The floating dtype in which NumPy computes sin, exp, ... of this dtype (float32 instead of float16)."""
    if kind_of(dtype) in "fc":
        return dtype
    return float32 if dtype.itemsize <= 2 else float64


def is_differentiable(dtype: np.dtype) -> bool:
    """Whether arrays of this dtype have a non-trivial tangent space (floating and complex ones)."""
    return kind_of(dtype) in "fc"
