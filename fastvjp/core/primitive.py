"""The one registry of primitives: operand names, shape and dtype inference, and how the planner treats each.

Derivative rules stand in `rules.py` and batching rules in `batching.py`, under the primitive's name; kernels
in `kernels/` and `metal/`, under the same name. Operands of an elementwise primitive have one shape:
broadcasting and casting are primitives of their own, recorded by the public ops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..kernels.elements.registry import ELEMENTS, parameters
from . import layouts
from .avals import Aval, aval, bool_, int64
from .definitions import Definition

OPERANDS = ("g", "c", "x", "y", "z", "out")
"""Element function parameters that are arrays; any other is a static parameter, part of the kernel."""


@dataclass(frozen=True, eq=False)
class Primitive:
    """One primitive. Exactly one of `elementwise`, `view` and neither (a structural kernel) holds."""

    name: str
    inputs: tuple[str, ...]
    infer: Callable[..., Any]
    elementwise: bool = False
    statics: tuple[str, ...] = ()
    """Parameters that the kernel of an elementwise primitive, or of a user's, is specialised for."""
    view: Callable[..., layouts.Layout | None] | None = None
    opaque: bool = False
    """Has Python functions among its parameters: transforms of it are derived anew at each call."""
    unique: bool = False
    """Never merged with an equal op."""
    vjps: dict[str, Primitive] = field(default_factory=dict)
    """Backward kernels, by the operand whose cotangent they compute."""
    of: tuple[Primitive, str] | None = None
    """Of a backward kernel: the primitive and the operand."""
    element: str = ""
    """The element function, or a user's kernel, where its name is another than the primitive's."""
    definition: Definition | None = None
    """Of a user's primitive: its kernels."""
    rules: Mapping[str, Callable[..., Any]] | None = None
    """Of a user's primitive: its derivative rules, which stand in no table."""

    @property
    def may_fail(self) -> bool:
        """Whether it may be an error to run it: of its operands, or in what a user has written."""
        return "index" in self.inputs or self.definition is not None

    def __repr__(self) -> str:
        return self.name


REGISTRY: dict[str, Primitive] = {}


def register(primitive: Primitive) -> Primitive:
    """Add to the registry; a second primitive of the same name is an error."""
    if primitive.name in REGISTRY:
        raise ValueError(f"[primitives] {primitive.name} is registered twice")
    REGISTRY[primitive.name] = primitive
    return primitive


# --- elementwise -----------------------------------------------------------------------------------------


def _same(*operands: Aval, **_: Any) -> Aval:
    return operands[-1]


def _bool(*operands: Aval, **_: Any) -> Aval:
    return aval(operands[0].shape, bool_)


def _real(x: Aval, **_: Any) -> Aval:
    return aval(x.shape, x.dtype.type(0).real.dtype)


def _param_dtype(x: Aval, *_: Aval, dtype: np.dtype, **__: Any) -> Aval:
    return aval(x.shape, dtype)


def from_parameters(
    name: str, names: Sequence[str], infer: Callable[..., Aval] = _same, **fields: Any
) -> Primitive:
    """The primitive whose kernel is an element function with parameters of these names."""
    inputs = tuple(p for p in names if p in OPERANDS)
    statics = tuple(p for p in names if p not in OPERANDS)
    return Primitive(name, inputs, infer, elementwise=True, statics=statics, **fields)


def backward_kernel(of: Primitive, operand: str, name: str, names: Sequence[str], **fields: Any) -> Primitive:
    """The primitive that computes the cotangent of an operand of another one, which knows it from now on."""
    kernel = of.vjps[operand] = from_parameters(name, names, _param_dtype, of=(of, operand), **fields)
    return kernel


def elementwise(names: str, infer: Callable[..., Aval] = _same) -> None:
    """Register primitives whose kernels are element functions of these names."""
    for name in names.split():
        register(from_parameters(name, parameters(name), infer))


elementwise("add subtract multiply divide negative reciprocal square power integer_power sqrt rsqrt scale copy")
elementwise("maximum minimum floor ceil round sign floor_divide remainder select")
elementwise("exp expm1 log log1p log2 log10 finite_or_zero logaddexp sigmoid erf erfinv")
elementwise("sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh")
elementwise("equal not_equal less less_equal greater greater_equal isnan isinf isfinite", _bool)
elementwise("logical_not logical_and logical_or", _bool)
elementwise("bitwise_and bitwise_or bitwise_xor bitwise_invert left_shift right_shift conjugate")
elementwise("abs real imag angle", _real)
elementwise("astype", _param_dtype)
elementwise("normalize_index")
for _name in ELEMENTS:
    _base, _is_backward, _operand = _name.partition("_vjp")
    if _is_backward:
        _of = REGISTRY[_base]
        register(backward_kernel(_of, _operand[1:] or _of.inputs[0], _name, parameters(_name)))


# --- views: no values move -------------------------------------------------------------------------------


def _shaped(x: Aval, shape: tuple[int, ...]) -> Aval:
    return aval(shape, x.dtype)


def _transpose(x: Aval, axes: tuple[int, ...]) -> Aval:
    return aval(tuple(x.shape[a] for a in axes), x.dtype)


def _slice(x: Aval, start: tuple[int, ...], stop: tuple[int, ...], step: tuple[int, ...]) -> Aval:
    """`stop` is exclusive and may be -1 under a negative step, as in Python's range."""
    return aval(tuple(len(range(*s)) for s in zip(start, stop, step, strict=True)), x.dtype)


register(Primitive("alias", ("x",), _same, view=layouts.same))
register(Primitive("stop_gradient", ("x",), _same, view=layouts.same))
register(Primitive("barrier", ("x",), _same, view=layouts.same, unique=True))
register(Primitive("reshape", ("x",), _shaped, view=layouts.reshape))
register(Primitive("broadcast_to", ("x",), _shaped, view=layouts.broadcast_to))
register(Primitive("transpose", ("x",), _transpose, view=layouts.transpose))
register(Primitive("slice", ("x",), _slice, view=layouts.slice_))


# --- structural: an array kernel each --------------------------------------------------------------------


def structural(name: str, inputs: str, infer: Callable[..., Aval]) -> None:
    """Register a primitive whose kernel works on whole arrays."""
    register(Primitive(name, tuple(inputs.split()), infer))


def _reduce(x: Aval, axes: tuple[int, ...]) -> Aval:
    return aval(tuple(n for i, n in enumerate(x.shape) if i not in axes), x.dtype)


def _arg_reduce(x: Aval, axis: int) -> Aval:
    return aval(x.shape[:axis] + x.shape[axis + 1 :], int64)


def _first(x: Aval, *_: Aval, **__: Any) -> Aval:
    return x


def _gather(x: Aval, index: Aval) -> Aval:
    """Rows of x (any shape behind the first axis) by a 1-D index."""
    return aval(index.shape + x.shape[1:], x.dtype)


def _pick(x: Aval, index: Aval) -> Aval:
    """An element of each row, of which there is one for each element of the index."""
    return aval(x.shape[:-1], x.dtype)


def _one_hot(x: Aval, index: Aval, columns: int) -> Aval:
    """Rows of zeros but for one element of x each: the adjoint of `pick`."""
    return aval((*x.shape, columns), x.dtype)


def _concatenate(*xs: Aval, axis: int) -> Aval:
    shape = list(xs[0].shape)
    shape[axis] = sum(x.shape[axis] for x in xs)
    return aval(tuple(shape), xs[0].dtype)


def _matmul(x: Aval, y: Aval) -> Aval:
    return aval((*x.shape[:-1], y.shape[-1]), x.dtype)


for _name in ("sum", "prod", "max", "min", "logsumexp"):
    structural(_name, "x", _reduce)
for _name in ("argmax", "argmin"):
    structural(_name, "x", _arg_reduce)
structural("softmax", "x", _first)
structural("cumsum", "x", _first)
structural("cumprod", "x", _first)
structural("linear_recurrence", "x y", _first)
structural("argsort", "x", lambda x, axis: aval(x.shape, int64))
structural("gather", "x index", _gather)
structural("pick", "x index", _pick)
structural("one_hot", "x index", _one_hot)
for _name in ("scatter_set", "scatter_add", "scatter_multiply", "scatter_max", "scatter_min"):
    structural(_name, "x index y", _first)
structural("slice_update", "x y", _first)
structural("concatenate", "*xs", _concatenate)
structural("matmul", "x y", _matmul)


# --- markers: a rule of the user's around recorded ops ---------------------------------------------------


def _marked(*operands: Aval, marker: Any, count: int) -> tuple[Aval, ...]:
    return operands[len(operands) - count :]


MARKER = register(Primitive("marker", ("*xs",), _marked, opaque=True))
"""Its outputs are its last `count` operands; `marker` says how to differentiate and batch it."""
