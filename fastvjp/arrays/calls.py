"""Public functions as recorded calls: decorators that look a call up before its function is run.

A call is known by the function, its operands (arrays, and Python scalars by their type: a value never makes a
difference) and its static arguments (by value). `stream=`, which means something in MLX, is taken and makes no
difference either. The function itself runs where the call is new: it promotes, casts, broadcasts and binds
primitives, which together are the call. It must read no values.
"""

from __future__ import annotations

import functools
import itertools
from bisect import bisect
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import EllipsisType, NoneType
from typing import Any, TypeVar

import numpy as np

from .. import devices
from ..core.program import Uniform, Var
from ..core.scalars import SCALARS, stand_in
from ..devices import check_stream
from ..recording.hints import THREAD
from ..recording.patterns import like
from ..recording.reads import guard
from ..recording.ready import Ready, kind
from ..recording.recorder import Recording, current, switch, value_of
from ..recording.trace import Trace
from ..recording.trie import Node, trie
from .array import array, array_with, arrays_of, as_arrays, from_numpy
from .views import VIEWS, Write, has_views, viewed

F = TypeVar("F", bound=Callable[..., Any])

_COMMON = frozenset({array, *SCALARS})
_new = object.__new__


NO_VIEW: Any = object()
"""In the place of what a view writes: the result is no view."""


def unary(fun: F) -> F:
    """Decorator of a function of one array."""

    @functools.wraps(fun)
    def call(a: Any, *, stream: Any = None) -> Any:
        if stream is not None:
            check_stream(stream)
        trace = current()
        if trace is None:
            v = a._held if type(a) is array and a._trace is None else None
            if type(v) is Var and v.trace is None and v.value.layout is None:  # type: ignore[union-attr]
                ready = trie.single.get((fun, devices.current().name, v.aval))
                if ready is not None:
                    return _one_of(ready, (v.value,))
            return at_once(fun, (a,))
        if not trace.capturing and type(a) is array:
            key = (fun, a._number if a._trace is trace else trace.number(a._var))
            node = trace.node.next.get(key)
            if node is None:
                return _of_one(trace, key, a)
            if node.aval is not None:
                return _result(trace, node)
        return new_call(fun, (a,))

    return call  # type: ignore[return-value]


def binary(fun: F) -> F:
    """Decorator of a function of two operands, of which one may be a Python scalar."""
    return functools.wraps(fun)(_of_two(fun, new_call))  # type: ignore[return-value]


_OPERANDS = {float, int, bool, complex, np.ndarray, list, tuple}


def is_operand(value: Any) -> bool:
    """Whether an operator takes `value`; for anything else its own reflected operator is tried."""
    kind: Any = type(value)
    if kind in _OPERANDS or issubclass(kind, array | np.generic | float | int | complex):
        return True
    return hasattr(value, "__array__") and not has_arithmetic(kind)


@functools.lru_cache(256)
def has_arithmetic(kind: type) -> bool:
    """Whether a type has operators of its own, which know more than its values: a unit, a mask, an index."""
    return any(
        getattr(kind, name, None) not in (None, getattr(np.ndarray, name))
        for name in ("__array_ufunc__", "__mul__", "__rmul__")
    )


def operator(call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The operator of `array` that stands for a function: NotImplemented for what is no operand."""
    composed = _DIRECT.get(call)
    if composed is not None:
        return lambda a, b: composed(a, b) if type(b) is array or is_operand(b) else NotImplemented
    fun: Any = call.__wrapped__  # type: ignore[attr-defined]

    def otherwise(fun: Callable[..., Any], operands: Sequence[Any]) -> Any:
        return call(*operands) if all(map(is_operand, operands)) else NotImplemented

    return _of_two(fun, otherwise)


def _of_two(fun: Callable[..., Any], otherwise: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """A call of two operands that is known, or `otherwise(fun, operands)`."""

    def call(a: Any, b: Any, *, stream: Any = None) -> Any:
        if stream is not None:
            check_stream(stream)
        trace = current()
        if trace is None and type(a) in _COMMON and type(b) in _COMMON:
            found = _known_of_two(fun, a, b)
            return at_once(fun, (a, b)) if found is None else found
        if trace is None or trace.capturing:
            return otherwise(fun, (a, b))
        if type(b) is np.ndarray:
            b = from_numpy(b, fun.__name__)
        elif type(a) is np.ndarray:
            a = from_numpy(a, fun.__name__)
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
                return otherwise(fun, (a, b))
        elif type(b) is array and (type(a) is float or (type(a) is int and b._aval.inexact)):
            n = b._number if b._trace is trace else trace.number(b._var)
            m, scalar = type(a), a
        else:
            return otherwise(fun, (a, b))
        key = (fun, m, n)
        node = trace.node.next.get(key)
        if node is None:
            node = trace.again(key, *_like(key, (a, b)))
        if node is None or node.aval is None:
            return otherwise(fun, (a, b))
        if scalar is not None:
            trace.leaves.append(Uniform(scalar))
        return _result(trace, node)

    return call


def _known_of_two(fun: Callable[..., Any], a: Any, b: Any) -> array | None:
    """`at_once` of two usual operands, where that is known: in two thirds of its time."""
    v = a._held if type(a) is array and a._trace is None else None
    if type(v) is not Var or v.trace is not None or v.value.layout is not None:  # type: ignore[union-attr]
        return None
    second: Any
    other: Any
    if type(b) is float:
        second, other = float, Uniform(b)
    else:
        w = b._held if type(b) is array and b._trace is None else None
        if type(w) is not Var or w.trace is not None or w.value.layout is not None:  # type: ignore[union-attr]
            return None
        second, other = w.aval, w.value
    ready = trie.single.get((fun, devices.current().name, v.aval, second))
    return None if ready is None else _one_of(ready, (v.value, other))


def keyed(fun: F) -> F:
    """Decorator of a function of an array and a key: a static argument that is known to be fit for one."""

    @functools.wraps(fun)
    def call(a: Any, key: Any) -> Any:
        trace = current()
        if trace is not None and not trace.capturing and type(a) is array:
            full = (fun, a._number if a._trace is trace else trace.number(a._var), key)
            node = trace.node.next.get(full)
            if node is None:
                return _of_one(trace, full, a)
            if node.aval is not None:
                return _result(trace, node)
        return new_call(fun, (a,), (key,))

    return call  # type: ignore[return-value]


def direct(fun: F) -> F:
    """Decorator of a function that is no recorded call: it makes arrays, or is composed of calls."""

    @functools.wraps(fun)
    def call(*args: Any, stream: Any = None, **options: Any) -> Any:
        if stream is not None:
            check_stream(stream)
        return fun(*args, **options)

    _DIRECT[call] = fun
    return call  # type: ignore[return-value]


_DIRECT: dict[Callable[..., Any], Callable[..., Any]] = {}
"""What such a decorator was given, for operators, which take no `stream`."""


def recorded(operands: int = 1, view: Write | None = NO_VIEW) -> Callable[[F], F]:
    """Decorator of a function of so many operands and of static arguments; its result may be a tuple of arrays.

    Args:
        operands: number of operands.
        view: what writing to the result writes to its operand, if NumPy's result is a view: see `views`.
    """

    def decorate(fun: F) -> F:
        @functools.wraps(fun)
        def call(*args: Any, stream: Any = None, **options: Any) -> Any:
            if stream is not None:
                check_stream(stream)
            statics = args[operands:]
            for value in (*statics, *options.values()) if options else statics:
                if type(value) not in _STATIC and not _is_static(value):
                    return seen(fun(*args, **options), args, options)
            trace = current()
            if operands == 1 and trace is not None and not trace.capturing and args and type(args[0]) is array:
                a = args[0]
                m = a._number if a._trace is trace else trace.number(a._var)
                key = (fun, m, *statics, *options.items()) if options else (fun, m, *statics)
                node = trace.node.next.get(key) or trace.again(key, *_like(key, (a,)))
                if node is not None and node.aval is not None:
                    result = _result(trace, node)
                    if view is NO_VIEW or not trace.views:
                        return result
                    return viewed(result, a, call, view, statics, options)
            if len(args) < operands:
                return fun(*args, **options)
            return seen(new_call(fun, args[:operands], statics, options), args, options)

        def seen(result: Any, args: tuple[Any, ...], options: Options) -> Any:
            """The result, as a view if it is one."""
            if view is NO_VIEW or not args or type(args[0]) is not array or not has_views(args[0]):
                return result
            return viewed(result, args[0], call, view, args[operands:], options)

        return call  # type: ignore[return-value]

    return decorate


def _result(trace: Trace, node: Node) -> array:
    """The result of a call that is known, and go on from there."""
    trace.node = node
    result = _new(array)
    result._held = node.aval
    result._trace = trace
    result._number = node.end - 1
    return result


def _of_one(trace: Trace, key: tuple[Any, ...], a: array) -> Any:
    """The result of a call of one array and static arguments that is new at its place."""
    like, given = _like(key, (a,))
    node = trace.again(key, like, given)
    if node is not None and node.aval is not None:
        return _result(trace, node)
    fun, _, *statics = key
    found = trace.call(key, lambda: _variables(fun(array._of(a._var), *statics)), (), like, given)
    return array._of(found[0]) if len(found) == 1 else tuple(map(array._of, found))


def _like(key: tuple[Any, ...], operands: Sequence[Any]) -> tuple[Hashable, tuple[int, ...]]:
    """What all calls have in common that record the same ops, and the numbers of this one's arrays.

    A call is known by its function, its operands (arrays by number), and its static arguments.
    """
    kinds: list[Hashable] = []
    given: list[int] = []
    end = len(operands) + 1
    for x, number in zip(operands, key[1:end], strict=True):
        if type(x) is array:
            held = x._held
            kinds.append(held if type(held) is not Var else like(held))
            given.append(number)
        else:
            kinds.append(number)
    same = () if len({*given}) == len(given) else tuple(map(key.index, key[1:end]))
    return (key[0], *kinds, *key[end:], same), tuple(given)


_STATIC = frozenset({int, bool, str, NoneType, EllipsisType, type})


def _is_static(value: Any) -> bool:
    """Whether an argument can be part of a key, where equal ones mean the same."""
    if type(value) is tuple:
        return all(map(_is_static, value))
    return type(value) in _STATIC or isinstance(value, np.dtype)


Options = Mapping[str, Hashable]
_NONE: Options = {}


def new_call(
    fun: Callable[..., Any], operands: Sequence[Any], statics: tuple[Any, ...] = (), options: Options = _NONE
) -> Any:
    """A call that was not found at once, whatever its operands."""
    trace = current()
    if trace is not None and trace.capturing:
        return fun(*operands, *statics, **options)
    return (at_once if trace is None else record)(fun, operands, statics, options)


def record(fun: Callable[..., Any], operands: Sequence[Any], statics: tuple[Any, ...], options: Options) -> Any:
    """A call in a recording."""
    operands, scalars = _converted(fun, operands)
    if len(scalars) == len(operands):
        return fun(*operands, *statics, **options)
    trace = current()
    assert trace is not None
    kinds = [trace.number(x._var) if type(x) is array else _kind(x, operands) for x in operands]
    key = (fun, *kinds, *statics, *options.items())
    found = trace.call(
        key,
        lambda: _variables(fun(*_standing_in(operands), *statics, **options)),
        scalars,
        *_like(key, operands),
    )
    return array._of(found[0]) if len(found) == 1 else tuple(map(array._of, found))


def with_views(a: array) -> array:
    """An array whose parts are views: outside recordings a view of all of it."""
    trace = current()
    if trace is not None:
        trace.views = True
    elif not has_views(a) and a._var.trace is None:
        whole = a.copy()
        whole._trace = VIEWS
        return viewed(whole, a, _asarray, _all)
    return a


def _asarray(base: array) -> array:
    return base.copy()


def _all(base: array, value: array) -> array:
    return value


def _variables(result: Any) -> list[Var]:
    """Of an array, or of a tuple of two or more."""
    return [x._var for x in result] if type(result) is tuple else [result._var]


def at_once(
    fun: Callable[..., Any], operands: Sequence[Any], statics: tuple[Any, ...] = (), options: Options = _NONE
) -> Any:
    """A call outside all recordings: a recording of its own, kept ready for all operands of the same kinds."""
    key: list[Hashable] = [fun, devices.current().name]
    leaves: list[Any] = []
    scalars: list[Any] = []
    views = False
    value: Any
    for x in operands:
        if type(x) is array:
            v = x._held
            if type(v) is not Var:
                v = x._var
            if x._trace is not None:
                views |= has_views(x)
            value = v.value
            if v.trace is not None:
                guard(v, THREAD)
                value = value or value_of(v)
            leaves.append(value)
            key.append(v.aval if value.layout is None else kind(v.aval, value))
        elif type(x) in SCALARS:
            key.append(_kind(x, operands))
            scalars.append(x)
        else:
            return at_once(fun, _converted(fun, operands)[0], statics, options)
    if not leaves:
        return fun(*operands, *statics, **options)
    if scalars:
        leaves += map(Uniform, scalars)
    if statics or options:
        key += (*statics, *options.items())
    ready = trie.single.get(tuple(key))
    if ready is None:
        recording = Recording()
        try:
            switch(recording.trace)
            recording.trace.leave_trie()
            # an array given twice is two: the key does not tell
            own = iter(recording.trace.inputs([x._var for x in operands if type(x) is array]))
            given = [array._of(next(own)) if type(x) is array else x for x in operands]
            ready = recording.kept(_variables(record(fun, given, statics, options)))
            if not recording.trace.private:
                trie.keep(tuple(key), ready)
            leaves = recording.trace.leaves
        finally:
            switch(recording.before)
            recording.end()
    if not views and len(ready.avals) == 1:
        return _one_of(ready, leaves)
    results = arrays_of(ready.avals, ready.values(leaves))
    if views:
        for result in results:
            result._trace = VIEWS
    return results[0] if len(results) == 1 else tuple(results)


def _one_of(ready: Ready, leaves: Sequence[Any]) -> array:
    """The only result."""
    return array_with(ready.avals[0], ready.values(leaves)[0])


def _converted(fun: Callable[..., Any], operands: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The operands as arrays and Python scalars, and the scalars among them."""
    arrays = iter(as_arrays([x for x in operands if type(x) not in SCALARS], fun.__name__))
    found = [x if type(x) in SCALARS else array._of(next(arrays)._var) for x in operands]
    return found, [x for x in found if type(x) is not array]


def _standing_in(operands: Sequence[Any]) -> list[Any]:
    """The operands as a new call is given them: stand-ins for Python scalars."""
    place = itertools.count()
    return [x if type(x) is array else stand_in(x, next(place)) for x in operands]


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
