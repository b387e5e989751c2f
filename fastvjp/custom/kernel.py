"""`custom_kernel`: a user's own kernels of whole arrays, forward and backward, as an op."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.calls import recorded
from ..core.avals import Aval, as_dtype, aval
from ..core.definitions import Definition, define
from ..core.primitive import Primitive
from ..metal.user_text import kernels_file
from ..primitives.batching import one_by_one
from ..recording.recorder import bind, outside
from .signatures import ByOperand, Function, Functions, as_op, name_of


def custom_kernel(
    forward: Function,
    vjp: ByOperand = None,
    *,
    infer: Callable[..., Any],
    rule: ByOperand = None,
    metal: str | None = None,
) -> Callable[..., array]:
    """Make an op of your own kernels of whole arrays, forward and backward, for the CPU and the GPU.

    What `custom_primitive` is for functions of single elements, this is for all else: a stencil, a scan, a solver,
    a function of another library. It is a step of its own, and fuses with nothing.

    Args:
        forward: `forward(out, x, ...)` writes the result into `out`, all of it, a C-contiguous NumPy array. It is
            called from Python, on NumPy arrays that it must not change: jit it with Numba, or let it call what it
            likes. Operands are called x, y and z, and are neither cast nor broadcast; any other parameter, behind
            them, is a static integer.
        vjp: `vjp(dx, g, ...)` writes the cotangent of the operand into its first parameter; the others, by their
            names, are the cotangent `g` of the result, operands, the result `out` and static parameters. With
            several operands a dict of one for each.
        infer: shape of the result, or (shape, dtype), from operands (their `shape`, `dtype`, `ndim` and `size`)
            and static parameters, by the names of its parameters. The dtype is by default the first operand's.
        rule: the cotangent composed of fastvjp's functions of arrays, for `jvp` and second derivatives; it may ask
            for no more than `vjp` does. Without `vjp` it serves for first derivatives, too.
        metal: text in Metal's language with functions of the same names. Each is run by one thread for every
            element of what it writes, whose number it takes as `uint i`. It may take the arrays (`device T *out`,
            `device const T *x`, C-contiguous), their shapes (`constant int *x_shape`) and static parameters, by
            these names, in any order. Without it the op runs on the CPU where the device is Metal.

    Returns:
        The op. Under `vmap` it runs once for each element of the batch.

    Raises:
        TypeError: parameters do not fit, or `infer` gives no shape.
        ValueError: `vjp` or `rule` is for no operand; the Metal text lacks a function, or its parameters differ.

    Example:
        >>> import fastvjp
        >>> import numpy as np
        >>> def differences(out, x):
        ...     out[:] = x[1:] - x[:-1]
        >>> def differences_vjp(dx, g):
        ...     dx[0], dx[1:-1], dx[-1] = -g[0], g[:-1] - g[1:], g[-1]
        >>> differences = fastvjp.custom_kernel(differences, differences_vjp, infer=lambda x: (x.size - 1,))
        >>> fastvjp.grad(lambda x: (differences(x) ** 2).sum())(fastvjp.array([1.0, 2.0, 4.0]))
        array([-2, -2, 4], dtype=float32)
    """
    given = Functions("custom_kernel", forward, vjp, rule, writes=True)
    title, definition = given.title, _defined(given, metal)
    primitive = Primitive(
        title,
        given.operands,
        _inference(infer, given),
        statics=given.statics,
        element=definition.name,
        definition=definition,
        rules=given.rules,
        batch=one_by_one,
    )
    for operand, end in given.ends.items():
        inputs, statics = given.split(given.by_end[end])
        primitive.vjps[operand] = Primitive(
            title + end,
            inputs,
            _result,
            statics=statics,
            of=(primitive, operand),
            element=definition.name + end,
            definition=definition,
            batch=one_by_one,
        )

    @functools.wraps(forward)
    def call(*args: Any, **options: Any) -> array:
        operands, statics = given.bound(args, options)
        xs = [as_array(x, title) for x in operands]
        return array._of(bind(primitive, *[x._var for x in xs], **statics))

    op = recorded(len(given.operands))(call)
    return as_op(op, given, primitive, custom_kernel, forward, vjp, infer=infer, rule=rule, metal=metal)


def _defined(given: Functions, metal: str | None) -> Definition:
    """A definition of its own for every call: kernels that Python calls are nowhere found by a name."""
    name = f"{given.title}_{os.urandom(8).hex()}"
    launchers = {name + end: _launcher(f, given.split(f)[1]) for end, f in given.by_end.items()}
    text = None
    if metal is not None:
        wanted = {}
        for end, f in given.by_end.items():
            operands, statics = given.split(f)
            wanted[name + end] = (name_of(f), (given.written(f), *operands), statics)
        text = kernels_file(given.title, name, metal, wanted)
    return define(Definition(given.title, name, launchers, text, False))


def _launcher(function: Function, statics: Sequence[str]) -> Callable[..., None]:
    """The function as the CPU device calls those that are launched from Python."""

    def launch(out: np.ndarray, *inputs: np.ndarray, **params: Any) -> None:
        with outside():
            function(out, *inputs, *[params[name] for name in statics])

    return launch


def _inference(infer: Function, given: Functions) -> Callable[..., Aval]:
    names = given.check(infer, (*given.operands, *given.statics))

    def inferred(*avals: Aval, **statics: int) -> Aval:
        named = {**dict(zip(given.operands, avals, strict=True)), **statics}
        found = infer(**{name: named[name] for name in names})
        both = isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], tuple)
        shape, dtype = found if both else (found, avals[0].dtype)
        if not isinstance(shape, tuple) or not all(isinstance(n, int | np.integer) and n >= 0 for n in shape):
            raise TypeError(f"[{given.title}] infer gave {found!r}. Expected: a shape, or a shape and a dtype.")
        return aval(tuple(map(int, shape)), as_dtype(dtype, given.title))

    return inferred


def _result(*_: Aval, result: Aval, **__: Any) -> Aval:
    return result
