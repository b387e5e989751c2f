"""Values from outside (numbers, lists, NumPy arrays, ...) to variables of the op list, and back to NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import devices
from ..core.avals import as_dtype, aval, complex64, float32, int32, kind_of, promote, seen, weak_dtype
from ..core.errors import DtypeError
from ..core.primitive import REGISTRY
from ..core.program import Uniform, Var, uniform
from ..core.scalars import SCALARS, WEAK
from ..recording.recorder import bind, current, value_of


def numpy_of(var: Var) -> np.ndarray:
    """The values of a variable as a read-only NumPy array; runs what it needs."""
    value = value_of(var)
    if isinstance(value, Uniform):
        return np.broadcast_to(np.asarray(value.scalar, var.aval.dtype), var.aval.shape)
    return value.numpy()


def var_of(value: Any, where: str, dtype: np.dtype | None = None) -> Var:
    """A constant from what a public function accepts; TypeError or ValueError naming `where` otherwise."""
    kind = type(value)
    if kind in WEAK:
        return _of_scalar(value, dtype)
    if isinstance(value, np.generic):
        own = devices.current().dtype(as_dtype(value.dtype, where))
        if dtype is not None and dtype != own:
            return of_numpy(np.asarray(value), where, dtype)
        return uniform(own.type(value), (), own)
    if isinstance(value, np.ndarray):
        return of_numpy(value, where, dtype)
    if isinstance(value, list | tuple | range):
        return _of_sequence(value, where, dtype)
    if isinstance(value, float | int | complex):  # IntEnum and other subclasses
        base: Any = next(s for s in (int, float, complex) if isinstance(value, s))
        return _of_scalar(base(value), dtype)
    if any(hasattr(value, name) for name in _NUMPY_READS) or isinstance(value, bytearray | memoryview):
        return of_numpy(np.asarray(value), where, dtype)
    if hasattr(value, "__dlpack__"):
        return of_numpy(np.from_dlpack(value), where, dtype)
    if not isinstance(value, str | bytes):
        try:
            return of_numpy(np.asarray(memoryview(value)), where, dtype)  # array.array, ctypes, mmap
        except TypeError:
            pass
    raise TypeError(f"[{where}] Expected an array or a number, got {kind.__name__}: {value!r:.80}.")


_NUMPY_READS = ("__array__", "__array_interface__", "__array_struct__")


def cast_var(var: Var, dtype: np.dtype) -> Var:
    """A variable in another dtype, itself where it has it; of complex numbers a real dtype takes the real part."""
    own = var.aval.dtype
    if own.kind == "c" and dtype.kind not in "cb":
        var = bind(REGISTRY["real"], var)
    return var if var.aval.dtype == dtype else bind(REGISTRY["astype"], var, dtype=dtype)


def _of_scalar(value: Any, dtype: np.dtype | None) -> Var:
    if dtype is None:
        return uniform(value, (), weak_dtype(value))
    return uniform(dtype.type(value), (), dtype)


def of_numpy(value: np.ndarray, where: str, dtype: np.dtype | None = None) -> Var:
    """The values of a NumPy array, safe from later writes to it: copied unless nobody can write there."""
    if value.ndim > 1 and not value.flags.c_contiguous and (trace := current()) is not None:
        trace.rows = False
    device = devices.current()
    if dtype is None and type(value) is np.ndarray and (value.base is None or value.flags.writeable):
        a = seen(value.shape, value.dtype)
        if a is not None and device.dtype(a.dtype) is a.dtype:
            return Var(a, device.upload(value.copy()))
    own = as_dtype(value.dtype, where)
    dtype = device.dtype(own if dtype is None else dtype)
    device.check(value.shape, dtype)
    value = _taken(value, where, own, dtype)
    return Var(aval(value.shape, dtype), device.upload(value))


def _taken(value: np.ndarray, where: str, own: np.dtype, dtype: np.dtype) -> np.ndarray:
    """The values of any NumPy array, in a dtype; itself if nobody can write to it."""
    if type(value) is not np.ndarray:
        _check_class(value, where)
    if own.kind == "c" and dtype.kind not in "cb":
        value = value.real
    if _constant(value) and value.dtype == dtype and value.flags.c_contiguous and value.flags.aligned:
        return value
    return np.array(value, dtype, order="C", copy=True, subok=False)


def _check_class(value: np.ndarray, where: str) -> None:
    """TypeError for an array that is more than its values."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"[{where}] A masked array would lose its mask. Hint: fill it first, x.filled(0).")
    if isinstance(value, np.matrix):
        raise TypeError(
            f"[{where}] A matrix has a product of its own for *. Hint: np.asarray(x), and @ for products."
        )
    if type(value).__array_ufunc__ is not np.ndarray.__array_ufunc__:
        raise TypeError(
            f"[{where}] The {type(value).__name__} has arithmetic of its own, a unit say, that would be lost. "
            f"Hint: give its values, np.asarray(x)."
        )


def _constant(value: Any) -> bool:
    """Whether nobody can write to the memory: it belongs to a `bytes` object.

    A read-only flag proves nothing: another view of the same memory may be writeable.
    """
    while isinstance(value, _VIEWS):
        value = value.base if isinstance(value, np.ndarray) else value.obj
    return isinstance(value, bytes)


_VIEWS = (np.ndarray, memoryview)


def _of_sequence(value: list[Any] | tuple[Any, ...] | range, where: str, dtype: np.dtype | None) -> Var:
    """A nested list. NumPy values in it decide the dtype as in NumPy; Python scalars alone are weak."""
    kinds = _kinds(value)
    odd = [k.__name__ for k in kinds if isinstance(k, type) and k not in SCALARS]
    if odd:
        raise DtypeError(f"[{where}] Expected numbers and arrays in a list, got {', '.join(sorted(odd))}.")
    strong = [as_dtype(k, where) for k in kinds if isinstance(k, np.dtype)]
    if dtype is None and strong:
        dtype = promote(*strong, *[k for k in kinds if isinstance(k, type)])
    if dtype is not None and strong and _holds_arrays(value):
        return _joined(value, where, devices.current().dtype(dtype))
    try:
        made = np.array(value, dtype)
    except ValueError as error:
        raise ValueError(f"[{where}] Expected a nested list of equal lengths, got a ragged one: {error}") from None
    if dtype is None:
        made = made.astype(_weak(made, kinds), copy=False)
    device = devices.current()
    made = made.astype(device.dtype(as_dtype(made.dtype, where)), copy=False)
    return Var(aval(made.shape, made.dtype), device.upload(made))


def _weak(made: np.ndarray, kinds: set[Any]) -> Any:
    """The dtype of an array made from Python scalars only."""
    if not kinds or kind_of(made.dtype) == "f":
        return float32
    if made.dtype.kind == "c":
        return complex64
    if (
        made.dtype.kind == "i"
        and made.size
        and weak_dtype(int(made.min())) == weak_dtype(int(made.max())) == int32
    ):
        return int32
    return made.dtype


def _kinds(value: Any) -> set[Any]:
    """Of the leaves of a nested list: dtypes of arrays and NumPy scalars, types of everything else."""
    kinds: set[Any] = set(map(type, value))
    if kinds <= _SCALAR_SET:
        return kinds
    kinds = set()
    for item in value:
        if isinstance(item, list | tuple | range):
            kinds |= _kinds(item)
        elif type(item) in _SCALAR_SET:
            kinds.add(type(item))
        elif hasattr(item, "__array__"):
            kinds.add(item.dtype if isinstance(item, np.ndarray | np.generic) else _aval_dtype(item))
        else:
            kinds.add(next((s for s in SCALARS if isinstance(item, s)), type(item)))
    return kinds


_SCALAR_SET = set(SCALARS)


def weak_kind(value: Any) -> type | None:
    """The widest type among Python's numbers, one or a (nested) list of them; None for anything else."""
    if type(value) not in (list, tuple):
        return WEAK.get(type(value))
    kinds = _kinds(value)
    return max(kinds, key=(bool, int, float, complex).index) if kinds and kinds <= _SCALAR_SET else None


def _aval_dtype(item: Any) -> np.dtype:
    return item._var.aval.dtype if hasattr(item, "_var") else np.asarray(item).dtype


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_holds_arrays, value))
    return hasattr(value, "_var")


def _joined(value: Any, where: str, dtype: np.dtype) -> Var:
    """A nested list that holds arrays, with a first axis for each level of it; differentiable in the arrays."""
    if hasattr(value, "_var"):
        return cast_var(value._var, dtype)
    if not _holds_arrays(value):
        return var_of(value, where, dtype)
    parts = [_joined(item, where, dtype) for item in value]
    shape = parts[0].aval.shape
    for part in parts:
        if part.aval.shape != shape:
            raise ValueError(f"[{where}] Expected equal shapes in a list, got {shape} and {part.aval.shape}.")
    rows = [bind(REGISTRY["reshape"], part, shape=(1, *shape)) for part in parts]
    return rows[0] if len(rows) == 1 else bind(REGISTRY["concatenate"], *rows, axis=0)
