"""`fastvjp.array`: a handle of an immutable value, concrete or traced; in-place operations give it another.

This is what an array is: its value, and the way to Python and to NumPy. Operators and methods are built of arrays
and are set on the class by those who declare them (`public.attach`); type checkers find them in `methods.pyi`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import devices
from ..core.avals import Aval, as_dtype, promote
from ..core.program import Var, uniform
from ..core.scalars import WEAK
from ..recording.reads import guard, guard_libraries
from .conversion import cast_var, numpy_of, of_numpy, var_of, weak_kind
from .views import VIEWS, View, is_memory, kept_order, placed, view_of

if TYPE_CHECKING:
    from .methods import Methods  # a stub
else:
    Methods = object

_new = object.__new__


class array(Methods):
    """An n-dimensional array with NumPy's operators.

    `a += 1` and `a[i] = v` change the object, whatever names it has. Slices, transposes and the like are values
    of their own, as MLX's are; where a transform is given NumPy arrays, they are views inside it, as NumPy's are.
    As in NumPy an in-place operation keeps shape and dtype (except for an array without axes, which promotes as
    NumPy's scalars do): TypeError where the dtype cannot hold the result, ValueError where the shape would grow.

    Args:
        value: a number, (nested) list or tuple, NumPy array or scalar, another `array`, or what offers
            `__array__`, DLPack or a buffer. Later writes to its memory are not seen.
        dtype: element type; by default that of NumPy input, float32 for Python floats, int32 for ints.

    Raises:
        ValueError: a ragged nested list.
        TypeError: a dtype that is not supported (object, strings, dates, float16), or no array at all.

    Example:
        >>> import fastvjp
        >>> fastvjp.array([1.0, 2.0]) * 3
        array([3, 6], dtype=float32)
    """

    __module__ = "fastvjp"  # where it is found, by pickles too
    __slots__ = ("__weakref__", "_held", "_like", "_number", "_trace")

    _held: Any
    """The value; its aval as long as it is only a number in a recording, and if it is a view."""
    _number: int
    _trace: Any
    """The recording; of a view, its `View`; VIEWS of a finished array whose parts are views."""
    _like: Any
    """Where NumPy would have memory for it, an argument or a buffer: True if it lies row by row, False if that is
    not known, else an array that lies so; see `views.layout`. Unset elsewhere."""

    __array_priority__ = 1000.0
    __hash__ = object.__hash__  # by identity, although == compares elements: arrays can be keys of a dict

    def __init__(self, value: Any, dtype: Any = None) -> None:
        self._trace = None
        self._var = as_array(value, "array", None if dtype is None else as_dtype(dtype, "array"))._var

    @staticmethod
    def _of(var: Var) -> array:
        self = _new(array)
        self._held = var
        self._trace = var.trace
        self._number = var.number
        return self

    @property
    def _var(self) -> Var:
        held = self._held
        if type(held) is not Var:
            trace = self._trace
            held = trace.variable(self._number, held)
            if type(trace) is not View:
                self._held = held
        return held

    @_var.setter
    def _var(self, var: Var) -> None:
        view = view_of(self)
        if view is not None:
            view.assign(array._of(var))
            return
        self._held = var
        self._number = var.number
        if self._trace is not VIEWS or var.trace is not None:
            self._trace = var.trace

    def _values(self) -> np.ndarray:
        """The values, read-only; runs what they need."""
        values = numpy_of(self._var)
        if type(self._held) is Var and self._trace is not VIEWS:
            self._trace = self._held.trace  # a recording that has ended is not needed any more
        return values

    def _memory(self, operation: str) -> np.ndarray:
        """The values for what makes a constant of them, read-only and C-contiguous: in place where they lie so.

        LostGradientError where a gradient would be lost.
        """
        values = self._values()
        guard(self._var, operation)
        if not values.flags.c_contiguous:
            values = values.copy()
            values.flags.writeable = False
        return values

    @property
    def _aval(self) -> Aval:
        held = self._held
        return held.aval if type(held) is Var else held

    # --- what it is ----------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self._aval.shape

    @property
    def dtype(self) -> np.dtype:
        """Element type, a NumPy dtype."""
        return self._aval.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._aval.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._aval.size

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self._var.aval.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._var.aval.size * self._var.aval.dtype.itemsize

    @property
    def device(self) -> str:
        """Name of the device on which the values lie; for those that lie nowhere yet that of the one in force."""
        return getattr(self._var.value, "device", None) or devices.current().name

    # --- elements ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("[len] An array without axes has no length.")
        return self.shape[0]

    def __iter__(self) -> Iterator[array]:
        if not self.shape:
            raise TypeError("[iter] An array without axes cannot be iterated over.")
        return (self[i] for i in range(self.shape[0]))

    # --- values: each of these reads, and runs what it needs -----------------------------------------------
    # What can only be control flow, printing or meant as a constant is free; docs/conversions.md has the table.

    def item(self, *index: int) -> Any:
        """The one element as a Python number; with an index, that element.

        Raises:
            ValueError: there is not exactly one element, and no index.
        """
        value = self._values().item(*index) if index else self._single("item")
        guard_libraries(self._var, "item")
        return value

    def tolist(self) -> Any:
        """The elements as Python numbers in nested lists; one number where there are no axes."""
        values = self._values().tolist()
        guard_libraries(self._var, "tolist")
        return values

    def _single(self, where: str) -> Any:
        if self.size != 1:
            raise ValueError(f"[{where}] Expected an array of one element, got the shape {self.shape}.")
        return self._values().item()

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(
                f"[bool] The truth value of an array of shape {self.shape} is ambiguous. Hint: use any() or all()."
            )
        return bool(self._values().item())

    def __int__(self) -> int:
        return int(self._single("int"))

    def __float__(self) -> float:
        value = self._single("float")
        guard(self._var, "float")
        return float(value)

    def __complex__(self) -> complex:
        value = self._single("complex")
        guard(self._var, "complex")
        return complex(value)

    def __floor__(self) -> int:
        return math.floor(self._single("floor"))

    def __ceil__(self) -> int:
        return math.ceil(self._single("ceil"))

    def __trunc__(self) -> int:
        return math.trunc(self._single("trunc"))

    def __index__(self) -> int:
        if self.shape or self.dtype.kind not in "iu":
            raise TypeError(f"[index] Expected an integer array without axes, got {self._var.aval}.")
        return int(self._values().item())

    def __format__(self, spec: str) -> str:
        if spec and self.size != 1:
            raise TypeError(f"[format] Expected an array of one element, got the shape {self.shape}.")
        return format(self._single("format"), spec) if spec else str(self)

    def __repr__(self) -> str:
        if self._var.value is None:  # a value is never computed in order to print it
            return f"array(traced, shape={self.shape}, dtype={self.dtype})"
        shape = f"shape={self.shape}, " if self.size == 0 and self.ndim > 1 else ""
        suffix = f", {shape}dtype={self.dtype})"
        own: Any = {"all": _shown} if _PRINT_OPTIONS.items() <= np.get_printoptions().items() else None
        values = np.array2string(self._values(), separator=", ", prefix="array(", suffix=suffix, formatter=own)
        return f"array({values}{suffix}"

    # --- other libraries -----------------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Callable[..., array], tuple[np.ndarray]]:
        return array, (self._memory("pickle"),)

    def copy(self, order: str = "C") -> array:
        """Another name for the same values; an in-place operation on either leaves the other as it is.

        Args:
            order: of NumPy's copy in memory, which only `ravel` and its kin in the orders "A" and "K" can tell.
        """
        copied = array._of(self._var)
        if order != "C":
            return placed(copied, self, order, "copy")
        if self.shape or is_memory(self):
            copied._like = True
        return copied

    def __copy__(self) -> array:
        return kept_order(self.copy(), self)

    def __deepcopy__(self, memo: dict[int, Any]) -> array:
        return array._of(self._var)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        value = self._values()
        guard(self._var, "np.asarray")
        if dtype is not None and value.dtype != dtype:
            if copy is False:
                raise ValueError(f"[__array__] {value.dtype} becomes {dtype} only by a copy, but copy=False.")
            return value.astype(dtype, "C")
        return value.copy() if copy else self._memory("np.asarray")

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """Export the values in host memory: read-only for consumers of DLPack 1.0, a copy for older ones."""
        value = self._memory("__dlpack__")
        if max_version is None or max_version[0] < 1:  # no flag for read-only memory
            if copy is False:
                raise BufferError("[__dlpack__] Read-only values need DLPack 1.0 or a copy, but copy=False.")
            return value.copy().__dlpack__(stream=stream)
        return value.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __buffer__(self, flags: int, /) -> memoryview:
        """A read-only buffer. Python calls this from 3.12 on (PEP 688); before, memoryview(np.asarray(x))."""
        if flags & 1:  # inspect.BufferFlags.WRITABLE
            raise BufferError("[__buffer__] The values of an array are read-only.")
        return self._memory("__buffer__").data


# not "array": reprlib, which goes by the name, would take it for Python's array.array
array.__name__ = "fastvjp.array"


_PRINT_OPTIONS = {"precision": 8, "suppress": False, "formatter": None, "floatmode": "maxprec", "sign": "-"}
"""NumPy's defaults: elements show as MLX prints them unless one of these is set otherwise."""


def _shown(x: Any) -> str:
    """One element: six digits, and nothing behind the point of a whole number, as MLX prints."""
    if isinstance(x, np.floating):
        return f"{x:g}"
    if isinstance(x, np.complexfloating):
        return f"{x.real:g}{'-' if math.copysign(1, x.imag) < 0 else '+'}{abs(x.imag):g}j"
    return str(x)


def array_with(a: Aval, value: Any) -> array:
    """`array._of(Var(a, value))` in half of the time."""
    var = _new(Var)
    var.aval = a
    var.value = value
    var.trace = None
    var.number = -1
    self = _new(array)
    self._held = var
    self._trace = None
    self._number = -1
    return self


def arrays_of(avals: Sequence[Aval], values: Sequence[Any]) -> list[array]:
    """Arrays of values."""
    return [*map(array_with, avals, values)]


def as_array(value: Any, where: str, dtype: np.dtype | None = None) -> array:
    """Convert what a public function accepts; TypeError or ValueError naming `where` otherwise."""
    if isinstance(value, array):
        return value if dtype is None or value.dtype == dtype else array._of(cast_var(value._var, dtype))
    return array._of(var_of(value, where, dtype))


def as_arrays(values: Sequence[Any], where: str) -> list[array]:
    """Arrays of operands that meet: Python's numbers, and lists of them, take the dtype of inexact ones there."""
    if _OURS.issuperset(map(type, values)):
        return list(values)
    kinds = [weak_kind(x) for x in values]
    found = [as_array(x, where) if kind in (None, bool) else x for x, kind in zip(values, kinds, strict=True)]
    met = [x.dtype for x in found if isinstance(x, array) and x._aval.inexact]
    return [
        x if isinstance(x, array) else _weak(x, where, promote(*met, kind) if met and kind else None)
        for x, kind in zip(found, kinds, strict=True)
    ]


_OURS = frozenset({array})


def _weak(x: Any, where: str, dtype: np.dtype | None) -> array:
    """A number or a list in a dtype that can hold it; a number that stands for one stays so."""
    return as_array(x, where, dtype) if dtype is None or type(x) not in WEAK else array._of(uniform(x, (), dtype))


def as_operands(values: Sequence[Any], where: str) -> list[Any]:
    """The same, but for Python's numbers, which stay as they are."""
    met = iter(as_arrays([x for x in values if type(x) not in WEAK], where))
    return [x if type(x) in WEAK else next(met) for x in values]


def from_numpy(value: np.ndarray, where: str) -> array:
    """The values of a NumPy array, safe from later writes to it."""
    return array._of(of_numpy(value, where))


__all__ = ["array", "arrays_of", "as_array", "as_arrays", "as_operands", "from_numpy", "numpy_of"]
