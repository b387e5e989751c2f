"""Public functions as recorded calls: decorators that look a call up before its function is run.

A call is known by the function, its operands (arrays, and Python scalars by their type: a value never makes a
difference) and its static arguments (by value). The function itself runs where the call is new: it promotes,
casts, broadcasts and binds primitives, which together are the call. It must read no values.
"""

from __future__ import annotations

import functools
from bisect import bisect
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import EllipsisType, NoneType
from typing import Any, TypeVar

import numpy as np

from . import devices
from .array import array, as_array
from .execution import signature
from .program import Uniform
from .recording import Recording, current, value_of
from .trace import Trace
from .trie import Node, trie

F = TypeVar("F", bound=Callable[..., Any])

SCALARS = (float, int, bool, complex)
_new = object.__new__


def unary(fun: F) -> F:
    """Decorator of a function of one array."""

    @functools.wraps(fun)
    def call(a: Any) -> Any:
        trace = current()
        if trace is None:
            return at_once(fun, (a,))
        if trace.capturing:
            return fun(a)
        if type(a) is array:
            m = a._number if a._trace is trace else trace.number(a._var)
            node = trace.node.next.get((fun, m))
            if node is not None and node.aval is not None:
                return _result(trace, node)
        return record(trace, fun, (a,))

    return call  # type: ignore[return-value]


def binary(fun: F) -> F:
    """Decorator of a function of two operands, of which one may be a Python scalar."""

    @functools.wraps(fun)
    def call(a: Any, b: Any) -> Any:
        trace = current()
        if trace is None:
            return at_once(fun, (a, b))
        if trace.capturing:
            return fun(a, b)
        m: Any
        n: Any
        scalar = None
        if type(a) is array:
            m = a._number if a._trace is trace else trace.number(a._var)
            if type(b) is array:
                n = b._number if b._trace is trace else trace.number(b._var)
            elif type(b) is float or (type(b) is int and a._aval.inexact):
                n, scalar = type(b), b
            else:
                return record(trace, fun, (a, b))
        elif type(b) is array and (type(a) is float or (type(a) is int and b._aval.inexact)):
            n = b._number if b._trace is trace else trace.number(b._var)
            m, scalar = type(a), a
        else:
            return record(trace, fun, (a, b))
        node = trace.node.next.get((fun, m, n))
        if node is None or node.aval is None:
            return record(trace, fun, (a, b))
        if scalar is not None:
            trace.leaves.append(Uniform(scalar))
        return _result(trace, node)

    return call  # type: ignore[return-value]


def recorded(operands: int = 1, checked: bool = True) -> Callable[[F], F]:
    """Decorator of a function of so many operands and of static arguments.

    Args:
        operands: how many.
        checked: look at the static arguments, whether they can be part of a key.
    """

    def decorate(fun: F) -> F:
        @functools.wraps(fun)
        def call(*args: Any, **options: Any) -> Any:
            trace = current()
            if (trace is not None and trace.capturing) or len(args) < operands:
                return fun(*args, **options)
            first, statics = args[:operands], args[operands:]
            for value in (*statics, *options.values()) if checked else ():
                if type(value) not in _STATIC and not _is_static(value):
                    return fun(*args, **options)
            if trace is None:
                return at_once(fun, first, statics, options)
            if operands == 1 and type(args[0]) is array:
                a = args[0]
                m = a._number if a._trace is trace else trace.number(a._var)
                node = trace.node.next.get((fun, m, *statics, *options.items()))
                if node is not None and node.aval is not None:
                    return _result(trace, node)
            return record(trace, fun, first, statics, options)

        return call  # type: ignore[return-value]

    return decorate


def _result(trace: Trace, node: Node) -> array:
    """The result of a call that is known, and go on from there."""
    trace.node = node
    result = _new(array)
    result._held = node.aval
    result._trace = trace
    result._number = node.number
    return result


_STATIC = frozenset({int, bool, str, NoneType, EllipsisType, type})


def _is_static(value: Any) -> bool:
    """Whether an argument can be part of a key, where equal ones mean the same."""
    if type(value) is tuple:
        return all(map(_is_static, value))
    return type(value) in _STATIC or isinstance(value, np.dtype)


Options = Mapping[str, Hashable]
_NONE: Options = {}


def record(
    trace: Trace, fun: Callable[..., Any], operands: Sequence[Any], statics: tuple = (), options: Options = _NONE
) -> Any:
    """A call in a recording."""
    operands, scalars = _converted(fun, operands)
    if len(scalars) == len(operands):
        return fun(*operands, *statics, **options)
    kinds = [trace.number(x._var) if isinstance(x, array) else _kind(x, operands) for x in operands]
    key = (fun, *kinds, *statics, *options.items())
    (v,) = trace.call(key, lambda: (fun(*operands, *statics, **options)._var,), scalars)
    return array._of(v)


def at_once(
    fun: Callable[..., Any], operands: Sequence[Any], statics: tuple = (), options: Options = _NONE
) -> Any:
    """A call outside all recordings: a recording of its own, kept ready for all operands of the same kinds."""
    operands, scalars = _converted(fun, operands)
    variables = list(dict.fromkeys([x._var for x in operands if isinstance(x, array)]))
    if not variables:
        return fun(*operands, *statics, **options)
    values: list[Any] = [value_of(v) for v in variables]
    kinds = [variables.index(x._var) if isinstance(x, array) else _kind(x, operands) for x in operands]
    key = (fun, devices.current().name, *kinds, *map(signature, variables), *statics, *options.items())
    ready = trie.root.ready.get(key)
    if ready is None:
        with Recording() as recording:
            trace = recording.trace
            for v in variables:
                trace.number(v)
            result = record(trace, fun, operands, statics, options)._var
            ready = recording.kept((), [result])
            if not trace.shared():
                return array._of(ready.run(trace.leaves)[0])
            trie.keep(key, ready)
    return array._of(ready.run([*values, *map(Uniform, scalars)])[0])


def _converted(fun: Callable[..., Any], operands: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The operands as arrays and Python scalars, and the scalars among them."""
    found = [x if type(x) is array or type(x) in SCALARS else as_array(x, fun.__name__) for x in operands]
    return found, [x for x in found if not isinstance(x, array)]


_LIMITS = sorted(
    {int(end) + side for d in "bBhHiIlL" for end, side in ((np.iinfo(d).min, 0), (np.iinfo(d).max, 1))}
)


def _kind(scalar: Any, operands: Sequence[Any]) -> Any:
    """What of a Python scalar matters: its type and, where dtypes are integers, which of them hold it."""
    if type(scalar) is not int or (len(operands) == 2 and any(map(_is_inexact, operands))):
        return type(scalar)
    return ~bisect(_LIMITS, scalar)


def _is_inexact(x: Any) -> bool:
    return isinstance(x, array) and x._var.aval.inexact
