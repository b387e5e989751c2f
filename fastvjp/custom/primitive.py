"""`custom_primitive`: a user's own element functions, forward and backward, as an op like the house's own."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from typing import Any

from ..arrays.array import array
from ..arrays.calls import binary, recorded, unary
from ..core.definitions import Definition, define
from ..kernels.elements.registry import is_own
from ..kernels.native.snapshot import Snapshot
from ..metal.user_text import elements_file
from ..ops.common import operands as promoted
from ..primitives.elementwise import backward_kernel, from_parameters
from ..recording.recorder import bind
from .signatures import ByOperand, Function, Functions, as_op, name_of


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
    given = Functions("custom_primitive", forward, vjp, rule)
    title, definition = given.title, _defined(given, metal)
    names = (*given.operands, *given.statics)
    primitive = from_parameters(title, names, element=definition.name, definition=definition, rules=given.rules)
    for operand, end in given.ends.items():
        names = given.parameters(given.by_end[end])
        element = definition.name + end
        backward_kernel(primitive, operand, title + end, names, element=element, definition=definition)

    @functools.wraps(forward)
    def call(*args: Any, **options: Any) -> array:
        operands, statics = given.bound(args, options)
        xs = promoted(title, *operands, floating=True)
        return array._of(bind(primitive, *[x._var for x in xs], **statics))

    if given.statics or len(given.operands) > 2:
        op = recorded(len(given.operands))(call)
    else:
        op = (unary if len(given.operands) == 1 else binary)(call)
    return as_op(op, given, primitive, custom_primitive, forward, vjp, rule=rule, metal=metal)


def _defined(given: Functions, metal: str | None) -> Definition:
    """The definition of element functions: an equal one, if there is one."""
    snapshot = Snapshot(given.title, is_own)
    copies = {end: snapshot.function(f) for end, f in given.by_end.items()}
    told = repr((list(copies), snapshot.content, metal)).encode()
    digest = hashlib.sha256(told).hexdigest()[:16] if snapshot.complete else os.urandom(8).hex()
    name = f"{given.title}_{digest}"
    text = None
    if metal is not None:
        wanted = {name + end: (name_of(f), *given.split(f)) for end, f in given.by_end.items()}
        text = elements_file(given.title, name, metal, wanted)
    functions = {name + end: f for end, f in copies.items()}
    return define(Definition(given.title, name, functions, text, snapshot.complete))
