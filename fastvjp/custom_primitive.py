"""`custom_primitive`: a user's own element functions, forward and backward, as an op like the house's own."""

from __future__ import annotations

import functools
import hashlib
import inspect
import operator
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .array import array
from .calls import binary, recorded, unary
from .definitions import Definition, define
from .kernels.jit import is_own
from .kernels.snapshot import Snapshot
from .metal.elements import user_file
from .ops.common import operands as promoted
from .primitives import OPERANDS, backward_kernel, from_parameters
from .recording import bind

Function = Callable[..., Any]
ByOperand = Function | Mapping[str, Function] | None

FORWARD = ("x", "y", "z")
"""What operands are called."""
RESERVED = ("dtype", *(name for name in OPERANDS if name not in FORWARD))
"""Names that are no static parameter's."""


def custom_primitive(
    forward: Function, vjp: ByOperand = None, *, rule: ByOperand = None, metal: str | None = None
) -> Callable[..., array]:
    """Make an elementwise op of your own kernels, forward and backward, for the CPU and the GPU.

    It is recorded, differentiated, batched and fused into one kernel with its neighbours like any other op.
    Operands are promoted to one floating dtype and broadcast, like those of `exp` or `logaddexp`.

    Args:
        forward: element function that Numba can compile: numbers of one dtype in, one number out. Its name is the
            op's. Operands are called x, y and z; any other parameter, behind them, is static: an integer that the
            kernel is specialised for. Constants take the dtype of an operand (`type(x)(2)`), or float32 is
            computed in float64. It may call further functions, plain or jitted, and raises no exceptions. All
            that it refers to counts as it is now.
        vjp: backward element function; with several operands a dict of one for each, `{"x": ..., "y": ...}`. It
            gives the cotangent of the operand, by the names of its parameters: `g` the cotangent of the result,
            which it multiplies by the derivative, `out` the result, operands and static parameters.
        rule: the same, composed of fastvjp's functions of arrays. It is what is differentiated for second
            derivatives, so it may ask for no more than `vjp` does. Without `vjp` it serves for the first, too.
        metal: text in Metal's language with functions of the same names, parameters and order: templates of the
            operands' type, static parameters as `int`. `element::exp`, `element::scale` and so on are fastvjp's
            own functions. Without it the op runs on the CPU where the device is Metal.

    Returns:
        The op. First derivatives need `vjp` or `rule`, and so does `jvp` (of complex numbers `rule`); second
        derivatives need `rule`.

    Raises:
        TypeError: a function is none that Numba could compile, or its parameters do not fit. Numba's own error, or
            that a function gives no number, shows where the op is used.
        ValueError: `vjp` or `rule` is for no operand; the Metal text lacks a function, or its parameters differ.
        NameError: a function refers to what is not defined.

    Example:
        >>> import fastvjp
        >>> import numpy as np
        >>> def softplus(x):
        ...     return np.logaddexp(type(x)(0), x)
        >>> def softplus_vjp(g, x):
        ...     return g / (type(x)(1) + np.exp(-x))
        >>> softplus = fastvjp.custom_primitive(softplus, softplus_vjp)
        >>> fastvjp.grad(lambda x: softplus(x).sum())(fastvjp.array([0.0, 100.0]))
        array([0.5, 1], dtype=float32)

    The same name may be defined again, in a notebook or elsewhere: kernels are found by all that makes up the
    functions. Where that cannot be told, as they refer to more than numbers, arrays, functions and NumPy's and
    Python's own modules, kernels are not kept on disk.
    """
    title = _title(forward)
    parameters = _parameters(forward, title)
    operands, statics = _split(parameters, title, title)
    vjps = _by_operand(vjp, operands, title, "vjp")
    rules = _by_operand(rule, operands, title, "rule")
    allowed = ("g", *operands, "out", *statics)
    for function in vjps.values():
        names = _parameters(function, title)
        _check(names, allowed, title, function)
        _split(names, title, _name(function), OPERANDS)
        if "g" not in names:
            raise TypeError(f"[{title}] {_name(function)} does not take g, the cotangent that it passes on.")
    for operand, function in rules.items():
        asked = _parameters(vjps[operand], title) if operand in vjps else allowed
        _check(_parameters(function, title), ("g", *asked), title, function)
    ends = {operand: "_vjp" if len(operands) == 1 else f"_vjp_{operand}" for operand in vjps}
    definition = _defined(title, {"": forward} | {ends[operand]: f for operand, f in vjps.items()}, metal)
    primitive = from_parameters(title, parameters, element=definition.name, definition=definition, rules=rules)
    for operand, function in vjps.items():
        names, element = _parameters(function, title), definition.name + ends[operand]
        backward_kernel(primitive, operand, title + ends[operand], names, element=element, definition=definition)
    signature = inspect.signature(forward)

    @functools.wraps(forward)
    def call(*args: Any, **options: Any) -> array:
        try:
            bound = signature.bind(*args, **options)
        except TypeError as error:
            raise TypeError(f"[{title}] {error}. Expected: {title}{signature}.") from None
        bound.apply_defaults()
        given = bound.arguments
        chosen = {name: _static(given[name], name, title) for name in statics}
        xs = promoted(title, *[given[name] for name in operands], floating=True)
        return array._of(bind(primitive, *[x._var for x in xs], **chosen))

    if statics or len(operands) > 2:
        return recorded(len(operands))(call)
    return (unary if len(operands) == 1 else binary)(call)


def _defined(title: str, functions: Mapping[str, Function], metal: str | None) -> Definition:
    """The definition of functions, which are given by the ends of their names."""
    snapshot = Snapshot(title, is_own)
    copies = {end: snapshot.function(f) for end, f in functions.items()}
    told = repr((list(copies), snapshot.content, metal)).encode()
    digest = hashlib.sha256(told).hexdigest()[:16] if snapshot.complete else secrets.token_hex(8)
    name = f"{title}_{digest}"
    text = None
    if metal is not None:
        described = {
            name + end: (_name(f), *_split(_parameters(f, title), title, _name(f), OPERANDS))
            for end, f in functions.items()
        }
        text = user_file(title, name, metal, described)
    return define(Definition(title, name, {name + end: f for end, f in copies.items()}, text, snapshot.complete))


# --- what was given ------------------------------------------------------------------------------------------


def _title(forward: Function) -> str:
    title = _name(forward)
    if not (title.isidentifier() and title.isascii()):
        raise TypeError(
            f"[custom_primitive] Expected a function with a name, which becomes the op's, got {title}. "
            f"Hint: define it by def."
        )
    return title


def _name(function: Function) -> str:
    return getattr(function, "__name__", repr(function))


def _parameters(function: Function, title: str) -> tuple[str, ...]:
    """Names of a function's parameters, none of which is special."""
    if not callable(function):
        raise TypeError(f"[{title}] Expected a function, got {function!r}.")
    found = inspect.signature(function).parameters.values()
    special = [str(p) for p in found if p.kind is not p.POSITIONAL_OR_KEYWORD]
    if special:
        raise TypeError(f"[{title}] {_name(function)} has the parameter {special[0]}. Expected: plain parameters.")
    return tuple([p.name for p in found])


def _split(
    names: Sequence[str], title: str, function: str, known: Sequence[str] = FORWARD
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Operands and static parameters, which stand behind them."""
    operands = tuple([n for n in names if n in known])
    statics = tuple([n for n in names if n not in known])
    reserved = [n for n in statics if n in RESERVED]
    if not operands or reserved or (*operands, *statics) != tuple(names):
        raise TypeError(
            f"[{title}] {function} takes ({', '.join(names)}). Expected: first the operands, called x, y and z, "
            f"then static parameters, with other names than {', '.join(RESERVED)}."
        )
    return operands, statics


def _by_operand(given: ByOperand, operands: Sequence[str], title: str, what: str) -> dict[str, Function]:
    """Functions by operand; for the only operand the function may be given alone."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        if len(operands) > 1:
            names = ", ".join(f'"{n}": ...' for n in operands)
            raise TypeError(f"[{title}] Expected as {what} one function for each operand: {{{names}}}.")
        given = {operands[0]: given}
    unknown = [n for n in given if n not in operands]
    if unknown:
        raise ValueError(f"[{title}] {what} is given for {unknown[0]}. The operands are {', '.join(operands)}.")
    return dict(given)


def _check(names: Sequence[str], allowed: Sequence[str], title: str, function: Function) -> None:
    unknown = [n for n in names if n not in allowed]
    if unknown:
        known = ", ".join(dict.fromkeys(allowed))
        raise TypeError(f"[{title}] {_name(function)} asks for {unknown[0]}. It may ask for {known}.")


def _static(value: Any, name: str, title: str) -> int:
    try:
        return int(operator.index(value))
    except TypeError:
        raise TypeError(
            f"[{title}] The static parameter {name} must be an integer, got {type(value).__name__}. "
            f"Hint: operands, which may be anything, are called x, y and z."
        ) from None
