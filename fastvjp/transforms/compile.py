"""`compile`: record once per input signature; `record` and `eval`."""

from __future__ import annotations

import dataclasses
import functools
import sys
import sysconfig
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import islice, zip_longest
from types import MethodType
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from .. import devices
from ..arrays.array import array, as_array, numpy_of
from ..arrays.conversion import of_numpy, var_of
from ..arrays.views import lies_in_rows, lying_as
from ..core.avals import Aval, as_dtype, aval
from ..core.program import Program, Uniform, Var
from ..recording.hints import THREAD
from ..recording.reads import guard
from ..recording.recorder import Recording, abstract, current, switch, value_of
from .arguments import Arguments, check_callable
from .results import ALL, finished, gives_numpy, hand_out
from .transformed import Transformed
from .tree import LEAF, TreeDef, builder, flatten, flattener, unflatten

P = ParamSpec("P")
R = TypeVar("R")

MAX_SIGNATURES = 256
"""Signatures that a compiled function remembers."""


def compile(
    fun: Callable[P, R], inputs: Any = None, outputs: Any = None, shapeless: bool = False
) -> Transformed[P, R]:
    """A function that records `fun` once per input signature and afterwards only runs the plan.

    The signature is the structure of the arguments, shapes and dtypes of arrays, and the values of other
    leaves. A new Python number is recorded anew, but plans do not depend on numbers, so that nothing is planned
    or compiled again. The 256 signatures that were used last are kept, of some 30 KB each for a function of a few
    ops. Inside another transform `fun` is simply called.

    Objects among the arguments, as `self` of a method, and the object of a bound method count by their attributes:
    arrays there, in lists and dicts and in further objects too, are read at every call, like arguments; other
    values are part of the signature. All else that `fun` captures, in globals and closures, is a constant from the
    first call on. What `fun` writes to the arrays among its arguments, each call writes to those that it is given;
    lists and dicts among them are objects of its own.

    Args:
        fun: returns a tree of arrays; it may not read values of its arguments.
        inputs: tree of arrays that `fun` reads without their being arguments; what it holds at a call is used.
        outputs: tree of arrays that `fun` updates, in place or by putting others into its lists and dicts;
            each call does the same.
        shapeless: accepted for MLX's sake; a new shape records again all the same.

    Raises:
        TypeError: `fun` is not callable, reads a value that depends on its arguments, or sets an attribute of an
            object, which only the first call would do.
        ValueError: `fun` writes to an argument that is read-only, or shares memory with another.

    Example:
        >>> import fastvjp
        >>> step = fastvjp.compile(fastvjp.grad(lambda x: x * x))
        >>> step(fastvjp.array(3.0))
        array(6, dtype=float32)
    """
    check_callable(fun, "compile")
    cache: OrderedDict[Hashable, _Compiled] = OrderedDict()
    known: OrderedDict[Hashable, None] = OrderedDict()
    lock = threading.Lock()
    owner = _owner(fun)
    flatten_arguments = flattener()

    def compiled(*args: Any, **kwargs: Any) -> Any:
        if current() is not None:
            return fun(*args, **kwargs)
        device = devices.current()
        leaves, definition = flatten_arguments((args, kwargs) if kwargs else args)
        key, values, lent, numpy, states = _signature(
            [device.name, bool(kwargs), definition], leaves, inputs, owner
        )
        ready = cache.get(key)
        if lent:  # to a run that is over before anybody may write to them, if `fun` itself does not
            take = device.upload if ready is not None and ready.lends else _copied
            for i in lent:
                values[i] = take(values[i])
        if ready is None:
            with lock:
                ready = cache.get(key)
                if ready is None:
                    call = _Call(leaves, definition, bool(kwargs), states, numpy)
                    kinds = (call.named, definition, *call.avals())
                    again = kinds in known  # with other numbers, with which more may come
                    known[kinds] = None
                    ready = cache[key] = _Compiled(fun, call, outputs, again)
                    for kept in (cache, known):
                        if len(kept) > MAX_SIGNATURES:
                            kept.popitem(last=False)
        elif len(cache) >= MAX_SIGNATURES:
            with lock:
                if key in cache:
                    cache.move_to_end(key)
        values += ready.constants
        if ready.pure:
            return ready.build(finished(ready.ready, values, ready.numpy))
        _check_writes(leaves, ready.written)
        n = ready.returned
        results = finished(ready.ready, values, min(n, ready.numpy))
        last = len(results) - len(ready.written)
        ready.write(leaves, results[last:])
        if outputs is not None:
            ready.update(outputs, results[n:last])
        return ready.build(results[:n])

    made: Transformed[P, R] = Transformed(compiled, compile, fun, inputs, outputs, shapeless)
    made._state = inputs is not None or outputs is not None
    return made


def _owner(fun: Any) -> Any:
    """The object of a bound method, or one that is called itself, inside transforms and partials; None without."""
    while not isinstance(fun, MethodType):
        inner = getattr(fun, "__dict__", {}).get("__wrapped__")
        if inner is None:
            inner = fun.func if isinstance(fun, functools.partial) else None
        if inner is None:
            return fun if _has_attributes(fun) else None
        fun = inner
    return fun.__self__ if _has_attributes(fun.__self__) else None


def _has_attributes(x: Any) -> bool:
    """Whether an object counts by its attributes: one of a class of the user's, not of an installed library."""
    kind: Any = type(x)
    return _is_users(kind)


@functools.lru_cache
def _is_users(kind: Any) -> bool:
    if kind.__dictoffset__ == 0 or issubclass(kind, type):
        return False
    module = kind.__module__
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return module.partition(".")[0] not in _LIBRARIES and not file.startswith(_INSTALLED)


_LIBRARIES = {"fastvjp", *sys.stdlib_module_names} - {"__main__"}
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})


class _State(NamedTuple):
    """A tree that is read without being an argument: `inputs`, or the attributes of an object."""

    tree: Any
    leaves: list[Any]
    definition: TreeDef
    owner: Any = None


def _signature(
    key: list[Any], leaves: list[Any], inputs: Any, owner: Any
) -> tuple[Hashable, list[Any], list[int], bool, list[_State]]:
    """What a call is known by, and what it gives.

    Args:
        key: the beginning of what it is known by, up to the definition of the tree of arguments.
        leaves: of that tree.
        inputs: what is read without being an argument.
        owner: the object of a method.

    Returns:
        The signature; values of the arrays, as plans expect them, but for NumPy's, which are still to be lent or
        copied; the places of those; whether results are NumPy's; and what else than arguments is read.
    """
    ours = theirs = False
    if key[-1].fixed:
        key += map(_constant, _static_fields(key[-1]))
    values: list[Any] = []
    lent: list[int] = []
    objects = [] if owner is None else [owner]
    value: Any
    for x in leaves:
        if type(x) is array:
            ours = True
            v = x._held
            if type(v) is not Var:
                v = x._var
            value = v.value
            if v.trace is not None or value.layout is not None:
                value = _whole(v)
            values.append(value)
            key.append(v.aval)
        elif type(x) is np.ndarray:
            theirs = True
            lent.append(len(values))
            values.append(x)
            key += (x.dtype, x.shape, x.flags.c_contiguous or x.strides)
        elif isinstance(x, _ARRAYS):
            ours |= isinstance(x, array)
            theirs |= not isinstance(x, array)
            key.append(_give(x, values))
        elif _has_attributes(x):
            objects.append(x)
        else:
            key.append(_constant(x))
    states = [] if inputs is None and not objects else _states(inputs, objects, key, values)
    numpy = theirs and not ours
    key.append(numpy)
    return tuple(key), values, lent, numpy, states


def _states(inputs: Any, objects: list[Any], key: list[Hashable], values: list[Any]) -> list[_State]:
    """What else than arguments is read; extends the signature and the values."""
    states: list[_State] = []

    def enter(state: _State) -> None:
        states.append(state)
        key.extend([state.definition, *map(_constant, _static_fields(state.definition))])
        for x in state.leaves:
            if isinstance(x, _ARRAYS):
                key.append(_give(x, values))
            elif _has_attributes(x):
                objects.append(x)
            else:
                key.append(_attribute(x) if state.owner is not None else _constant(x))

    if inputs is not None:
        enter(_State(inputs, *flatten(inputs)))
    entered = set()
    for x in objects:  # which grows
        key.append(id(x))
        if id(x) not in entered:
            entered.add(id(x))
            enter(_State(vars(x), *flatten(vars(x)), x))
    return states


def _give(x: Any, values: list[Any]) -> Aval:
    """Append the value of an array of any kind."""
    v = x._var if isinstance(x, array) else var_of(x, "compile")
    values.append(_whole(v))
    return v.aval


def _copied(x: np.ndarray) -> Any:
    """The value of an array of NumPy's, safe from later writes to it."""
    return _whole(of_numpy(x, "compile"))


class _Call(NamedTuple):
    """The arguments and state of the first call of a signature."""

    leaves: list[Any]
    definition: TreeDef
    named: bool
    states: list[_State]
    numpy: bool
    """Whether results are NumPy's."""

    def avals(self) -> list[Aval]:
        """Of the arrays."""
        given = [*self.leaves, *(x for state in self.states for x in state.leaves)]
        return [_aval_of(x) for x in given if isinstance(x, _ARRAYS)]

    def lendable(self) -> bool:
        """Whether NumPy's arrays may be lent: where they lie as plans expect them, and as what the device has."""
        arrays = [x for x in self.leaves if type(x) is np.ndarray]
        return self.numpy and all(x.flags.c_contiguous and _aval_of(x).dtype == x.dtype for x in arrays)

    def handles(self, arrays: Iterator[Var]) -> list[Any]:
        """The leaves of the arguments with these variables for the arrays."""
        return [lying_as(array._of(next(arrays)), x) if isinstance(x, _ARRAYS) else x for x in self.leaves]

    def arguments(self, leaves: list[Any]) -> tuple[Any, Any]:
        """Positional and keyword arguments of these leaves."""
        found = unflatten(self.definition, leaves)
        return found if self.named else (found, {})


def _aval_of(x: Any) -> Aval:
    if isinstance(x, array):
        return x._aval
    return aval(x.shape, devices.current().dtype(as_dtype(x.dtype, "compile")))


_ARRAYS = (array, np.ndarray, np.generic)


def _constant(leaf: Any) -> Hashable:
    """A leaf that is no array as a part of the signature."""
    try:
        hash(leaf)
    except TypeError:
        raise TypeError(
            f"[compile] {type(leaf).__name__} cannot be part of the signature: it is not hashable. Hint: "
            + ("give its values, np.asarray(x)." if hasattr(leaf, "__array__") else "close over it.")
        ) from None
    # -0.0 equals 0.0 but is another constant, and nan equals nothing
    return (type(leaf), repr(leaf) if isinstance(leaf, float | complex) else leaf)


def _attribute(leaf: Any) -> Hashable:
    """The same of an attribute: what is not hashable counts by its identity."""
    if isinstance(leaf, set):
        return (set, frozenset(leaf))
    return id(leaf) if getattr(type(leaf), "__hash__", None) is None else _constant(leaf)


def _static_fields(definition: TreeDef) -> list[Any]:
    """What a tree holds besides its children."""
    found = [x for child in definition.children for x in _static_fields(child)]
    if isinstance(definition.template, type):  # a class derived from list or tuple
        found.append(definition.template)
    elif dataclasses.is_dataclass(definition.template):
        names = [f.name for f in dataclasses.fields(definition.template)]
        found += [getattr(definition.template, n) for n in names if n not in definition.keys]
    return found


class _Compiled:
    """One signature: the plan, and the structure of the results and of the state that `fun` updates."""

    def __init__(self, fun: Callable[..., Any], call: _Call, outputs: Any, shared: bool) -> None:
        stand_ins = [abstract(a, "compile") for a in call.avals()]
        arrays = iter(stand_ins)
        own = call.handles(arrays)
        args, kwargs = call.arguments(own)
        before = [*call.states, _State(outputs, *flatten(outputs))]
        handles = {id(x): x for state in before for x in state.leaves if isinstance(x, array)}.values()
        values = [x._var for x in handles]
        recording = Recording()
        try:
            switch(recording.trace)
            recording.trace.once = "compile"
            if not shared:
                recording.trace.leave_trie()
            recording.trace.views = gives_numpy(set(map(type, call.leaves)))
            recording.trace.rows = all(lies_in_rows(x) for x in call.leaves if type(x) is np.ndarray)
            recording.trace.enter(stand_ins)
            try:
                rebound: set[int] = set()
                placed = [_placed(state, arrays, rebound) for state in call.states]
                found, structure = flatten(fun(*args, **kwargs))
                self.build, self.returned = builder(structure), len(found)
                """The function that makes a tree of results, and of how many."""
                self.leaves, self.state = flatten(outputs)
                states = [x for x in self.leaves if isinstance(x, array)]
                self.written = _written(own, stand_ins)
                written = [own[i] for i in self.written]
                results = [as_array(x, "compile")._var for x in (*found, *states, *written)]
                for state, kept in zip(call.states, placed, strict=True):
                    if state.owner is not None and outputs is None:
                        _check_kept(state, kept)
            finally:
                for x, v in zip(handles, values, strict=True):
                    x._var = v
                for state in before:
                    _filled(state.tree, state.definition, iter(state.leaves))
            self.ready = recording.ready(results, given=len(stand_ins))
            self.constants = recording.trace.leaves[len(stand_ins) :]
        finally:
            switch(recording.before)
            recording.end()
        self.pure = outputs is None and not self.written
        """Whether `fun` only returns results."""
        self.numpy = ALL if call.numpy else 0
        """How many of the results are NumPy's."""
        self.lends = self.pure and call.lendable()
        """Whether arrays of NumPy's need no copies."""
        same = before[-1].definition == self.state
        self.kept = [same and x is y for x, y in zip_longest(self.leaves, before[-1].leaves)]
        self.leaves = [None if isinstance(x, array) else x for x in self.leaves]
        self.alive = [state.owner for state in call.states], [state.leaves for state in call.states]
        """What is known by its `id` in the signature."""

    def write(self, arguments: Sequence[Any], results: Sequence[array]) -> None:
        """Write to the arguments what `fun` does, which a call of `fun` itself would have changed."""
        for i, result in zip(self.written, results, strict=True):
            x = arguments[i]
            if isinstance(x, array):
                x._var = result._var
            else:
                x[...] = result._values()

    def update(self, outputs: Any, results: Sequence[array]) -> None:
        """Give the state its new values: in the arrays that `fun` kept, else in new ones in their containers."""
        fresh = iter(results)
        leaves = [next(fresh) if x is None else x for x in self.leaves]
        present, definition = flatten(outputs)
        if definition == self.state:
            for i, (old, new) in enumerate(zip(present, leaves, strict=True)):
                if self.kept[i] and isinstance(new, array):
                    old._var, leaves[i] = new._var, old
        _filled(outputs, self.state, iter(leaves))


def _written(own: Sequence[Any], given: Sequence[Var]) -> list[int]:
    """Which of the leaves of the arguments a function has changed in place."""
    variables = iter(given)
    arrays = [(i, x, next(variables)) for i, x in enumerate(own) if isinstance(x, array)]
    return [i for i, x, v in arrays if x._var is not v]


def _check_writes(arguments: Sequence[Any], written: Sequence[int]) -> None:
    """ValueError, before anything is written, if an array is read-only or a part of another argument."""
    for i in written:
        x = arguments[i]
        if isinstance(x, np.ndarray) and not x.flags.writeable:
            raise ValueError(
                f"[compile] The function writes to an argument (leaf {i}) that is read-only. Hint: give it a copy."
            )
        for j, y in enumerate(arguments):
            both = type(x) is np.ndarray and isinstance(y, np.ndarray)
            if i != j and (np.shares_memory(x, y) if both else x is y):
                raise ValueError(
                    f"[compile] The function writes to an argument (leaf {i}) that shares memory with another "
                    f"(leaf {j}), but each is compiled as an array of its own. Hint: give it a copy of one."
                )


def _placed(state: _State, arrays: Iterator[Var], rebound: set[int]) -> list[tuple[Any, Var | None]]:
    """Put these variables in the place of a state's arrays; returns its leaves, each with its variable."""
    placed: list[tuple[Any, Var | None]] = []
    for x in state.leaves:
        v = next(arrays) if isinstance(x, _ARRAYS) else None
        if isinstance(x, array) and v is not None:
            if id(x) not in rebound:
                x._var = v
            rebound.add(id(x))
            placed.append((x, x._var))
        else:
            placed.append((x, None) if v is None else (array._of(v), v))
    _filled(state.tree, state.definition, iter([x for x, _ in placed]))
    return placed


def _check_kept(state: _State, placed: list[tuple[Any, Var | None]]) -> None:
    """TypeError if an object's attributes have changed: later calls would not change them."""
    expected, changed = iter(placed), [name for name in state.tree if name not in state.definition.keys]
    for name, child in zip(state.definition.keys, state.definition.children, strict=True):
        before = list(islice(expected, child.leaves))
        after, definition = flatten(state.tree.get(name))
        same = definition == child and all(
            x is y and (v is None or x._var is v) for x, (y, v) in zip(after, before, strict=True)
        )
        if not same:
            changed.append(name)
    if changed:
        what = f"{type(state.owner).__name__}.{changed[0]}"
        raise TypeError(
            f"[compile] The function sets {what}, which only its first call would do. Hint: return the new value "
            f"and set it outside, or hold it in a dict or list and give that as inputs= and outputs=."
        )


def _filled(tree: Any, definition: TreeDef, leaves: Iterator[Any]) -> Any:
    """The tree of a definition and leaves, made in place of the containers of `tree` as far as these fit."""
    if definition is LEAF:
        return next(leaves)
    kind, children = definition.kind, definition.children
    if kind is list and isinstance(tree, list):
        tree[:] = [_filled(old, c, leaves) for old, c in zip_longest(tree[: len(children)], children)]
        return tree
    if isinstance(kind, type) and issubclass(kind, dict) and isinstance(tree, dict):
        _set_items(
            tree, {k: _filled(tree.get(k), c, leaves) for k, c in zip(definition.keys, children, strict=True)}
        )
        return tree
    if isinstance(tree, tuple) and len(tree) == len(children):
        values = [_filled(old, c, leaves) for old, c in zip(tree, children, strict=True)]
        return type(tree)(*values) if hasattr(tree, "_fields") else tuple(values)
    if definition.template is not None and type(tree) is kind:
        for name, c in zip(definition.keys, children, strict=True):
            object.__setattr__(tree, name, _filled(getattr(tree, name), c, leaves))
        return tree
    return definition.unflatten(leaves)


def _set_items(tree: dict[Any, Any], new: dict[Any, Any]) -> None:
    """Give a dict these items, in this order; one of the user's own kind is never empty meanwhile."""
    for key in [key for key in tree if key not in new]:
        del tree[key]
    ordered = list(tree) == list(new)
    for key, value in new.items():
        if not ordered and key in tree:
            del tree[key]
        if key not in tree or tree[key] is not value:
            tree[key] = value


def _whole(var: Var) -> Any:
    """The value as a plan of abstract inputs expects it: in memory and C-contiguous."""
    if var.trace is not None:
        guard(var, THREAD)
    value: Any = var.value or value_of(var)
    if type(value) is Uniform or value.layout is not None:
        return devices.current().upload(np.array(numpy_of(var), order="C"))
    return value


def record(fun: Callable[..., Any], *args: Any) -> Program:
    """The op list of `fun` on these arguments; `print` shows one line per op.

    Example:
        >>> import fastvjp
        >>> print(fastvjp.record(lambda x, y: fastvjp.sin(x) * y, 1.0, 2.0))
        inputs: a: float32[], b: float32[]
        c: float32[] = sin a
        d: float32[] = multiply c b
        outputs: d
    """
    check_callable(fun, "record")
    arguments = Arguments(args, "record", "arguments")
    recording = Recording()
    try:
        switch(recording.trace)
        hand_out(recording, arguments.kinds)
        inputs = arguments.enter(recording)
        start = recording.trace.size()
        returned = fun(*arguments.given(inputs))
        outputs = [as_array(x, "record")._var for x in flatten(returned)[0]]
        return Program(inputs, recording.span(start), outputs)
    finally:
        switch(recording.before)
        recording.end()


def eval(*trees: Any) -> None:
    """Compute the values of all arrays in the trees now; needed nowhere, kept for MLX's sake.

    Example:
        >>> import fastvjp
        >>> fastvjp.eval({"x": fastvjp.ones(3)})
    """
    for leaf in flatten(trees)[0]:
        if isinstance(leaf, array):
            value_of(leaf._var)


async_eval = eval
