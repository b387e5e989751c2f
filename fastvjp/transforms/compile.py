"""`compile`: record once per input signature; `record` and `eval`."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from .. import devices
from ..arrays.array import array, as_array, numpy_of
from ..arrays.conversion import var_of
from ..core.program import Program, Uniform, Var
from ..recording.hints import THREAD
from ..recording.reads import guard
from ..recording.recorder import Recording, abstract, is_recording, value_of
from .arguments import Arguments, check_callable
from .results import as_tree, handed_out
from .tree import LEAF, TreeDef, flatten

MAX_SIGNATURES = 256
"""Signatures that a compiled function remembers."""


def compile(
    fun: Callable[..., Any], inputs: Any = None, outputs: Any = None, shapeless: bool = False
) -> Callable[..., Any]:
    """A function that records `fun` once per input signature and afterwards only runs the plan.

    The signature is the structure of the arguments, shapes and dtypes of arrays, and the values of other
    leaves. A new Python number is recorded anew, but plans do not depend on numbers, so that nothing is planned
    or compiled again. Arrays that `fun` captures become constants. Inside another transform `fun` is simply
    called.

    Args:
        fun: returns a tree of arrays; it may not read values of its arguments.
        inputs: tree of arrays that `fun` reads without their being arguments; what it holds at a call is used.
        outputs: tree of arrays that `fun` updates, in place or by putting others into its lists and dicts;
            each call does the same.
        shapeless: accepted for MLX's sake; a new shape records again all the same.

    Raises:
        TypeError: `fun` is not callable or reads a value that depends on its arguments.

    Example:
        >>> import fastvjp
        >>> step = fastvjp.compile(fastvjp.grad(lambda x: x * x))
        >>> step(fastvjp.array(3.0))
        array(6, dtype=float32)
    """
    check_callable(fun, "compile")
    cache: OrderedDict[Hashable, _Compiled] = OrderedDict()
    lock = threading.Lock()

    def compiled(*args: Any, **kwargs: Any) -> Any:
        if is_recording():
            return fun(*args, **kwargs)
        call = _Call(args, kwargs, inputs)
        ready = cache.get(call.key)
        if ready is None:
            with lock:
                ready = cache.get(call.key)
                if ready is None:
                    ready = cache[call.key] = _Compiled(fun, call, inputs, outputs)
                    if len(cache) > MAX_SIGNATURES:
                        cache.popitem(last=False)
        results: Sequence[Any] = ready.run(call.given)
        if outputs is not None:
            n = ready.structure.leaves
            ready.update(outputs, results[n:])
            results = results[:n]
        if call.theirs and not call.ours:
            results = handed_out(results, ready.ready.executable.fresh)
        return as_tree(ready.structure, results)

    return compiled


class _Call:
    """The arguments and state of one call: what is given at run time, and the signature."""

    __slots__ = ("definition", "given", "key", "leaves", "named", "ours", "state", "theirs")

    def __init__(self, args: Any, kwargs: Any, inputs: Any) -> None:
        self.named = bool(kwargs)
        self.leaves, self.definition = flatten((args, kwargs) if kwargs else args)
        self.given: list[Var] = []
        self.state: list[array] = []
        self.ours = self.theirs = False
        key: list[Hashable] = [devices.current().name, self.named, self.definition]
        for x in self.leaves:
            if type(x) is array:
                v, self.ours = x._var, True
            elif isinstance(x, _ARRAYS):
                self.ours |= isinstance(x, array)
                self.theirs |= not isinstance(x, array)
                v = x._var if isinstance(x, array) else var_of(x, "compile")
            else:
                key.append(_constant(x))
                continue
            self.given.append(v)
            key.append(v.aval)
        if self.definition.fixed:
            key += map(_constant, _static_fields(self.definition))
        if inputs is not None:
            held, definition = flatten(inputs)
            key += [definition, *map(_constant, _static_fields(definition))]
            for x in held:
                if isinstance(x, array):
                    self.state.append(x)
                    self.given.append(x._var)
                    key.append(x._var.aval)
                else:
                    key.append(_constant(x))
        self.key = tuple(key)

    def arguments(self, stand_ins: Sequence[Var]) -> tuple[Any, Any]:
        """Positional and keyword arguments with these variables for the arrays."""
        arrays = iter(stand_ins)
        leaves = [array._of(next(arrays)) if isinstance(x, _ARRAYS) else x for x in self.leaves]
        found = self.definition.unflatten(iter(leaves))
        return found if self.named else (found, {})


_ARRAYS = (array, np.ndarray, np.generic)


def _constant(leaf: Any) -> Hashable:
    """A leaf that is no array as a part of the signature."""
    try:
        hash(leaf)
    except TypeError:
        raise TypeError(
            f"[compile] {type(leaf).__name__} cannot be part of the signature: it is not hashable. "
            f"Hint: close over it."
        ) from None
    # -0.0 equals 0.0 but is another constant, and nan equals nothing
    return (type(leaf), repr(leaf) if isinstance(leaf, float | complex) else leaf)


def _static_fields(definition: TreeDef) -> list[Any]:
    """What the dataclasses of a tree hold besides their children."""
    found = [x for child in definition.children for x in _static_fields(child)]
    if dataclasses.is_dataclass(definition.template):
        names = [f.name for f in dataclasses.fields(definition.template)]
        found += [getattr(definition.template, n) for n in names if n not in definition.keys]
    return found


class _Compiled:
    """One signature: the plan, and the structure of the results and of the state that `fun` updates."""

    def __init__(self, fun: Callable[..., Any], call: _Call, inputs: Any, outputs: Any) -> None:
        stand_ins = [abstract(v.aval, "compile") for v in call.given]
        args, kwargs = call.arguments(stand_ins)
        before = [(tree, *flatten(tree)) for tree in (inputs, outputs)]
        handles = {id(x): x for _, held, _ in before for x in held if isinstance(x, array)}.values()
        values = [x._var for x in handles]
        for x, v in zip(call.state, stand_ins[len(stand_ins) - len(call.state) :], strict=True):
            x._var = v
        with Recording() as recording:
            recording.trace.enter(stand_ins)
            try:
                found, self.structure = flatten(fun(*args, **kwargs))
                self.leaves, self.state = flatten(outputs)
                states = [x for x in self.leaves if isinstance(x, array)]
                results = [as_array(x, "compile")._var for x in (*found, *states)]
            finally:
                for x, v in zip(handles, values, strict=True):
                    x._var = v
                for tree, held, definition in before:
                    _filled(tree, definition, iter(held))
            self.ready = recording.ready(results, given=len(stand_ins))
            self.constants = recording.trace.leaves[len(stand_ins) :]
        same = before[1][2] == self.state
        self.kept = [same and x is y for x, y in zip_longest(self.leaves, before[1][1])]
        self.leaves = [None if isinstance(x, array) else x for x in self.leaves]

    def run(self, given: Sequence[Var]) -> list[Var]:
        """Results and state for these arguments."""
        leaves = []
        for v in given:
            leaves.append(_whole(v))
        return self.ready.run(leaves + self.constants)

    def update(self, outputs: Any, results: Sequence[Var]) -> None:
        """Give the state its new values: in the arrays that `fun` kept, else in new ones in their containers."""
        fresh = iter(results)
        leaves = [array._of(next(fresh)) if x is None else x for x in self.leaves]
        present, definition = flatten(outputs)
        if definition == self.state:
            for i, (old, new) in enumerate(zip(present, leaves, strict=True)):
                if self.kept[i] and isinstance(new, array):
                    old._var, leaves[i] = new._var, old
        _filled(outputs, self.state, iter(leaves))


def _filled(tree: Any, definition: TreeDef, leaves: Iterator[Any]) -> Any:
    """The tree of a definition and leaves, made in place of the containers of `tree` as far as these fit."""
    if definition is LEAF:
        return next(leaves)
    kind, children = definition.kind, definition.children
    if kind is list and isinstance(tree, list):
        tree[:] = [_filled(old, c, leaves) for old, c in zip_longest(tree[: len(children)], children)]
        return tree
    if kind is dict and isinstance(tree, dict):
        new = {k: _filled(tree.get(k), c, leaves) for k, c in zip(definition.keys, children, strict=True)}
        tree.clear()
        tree.update(new)
        return tree
    if isinstance(tree, tuple) and len(tree) == len(children):
        values = [_filled(old, c, leaves) for old, c in zip(tree, children, strict=True)]
        return type(tree)(*values) if hasattr(tree, "_fields") else tuple(values)
    if definition.template is not None and type(tree) is kind:
        for name, c in zip(definition.keys, children, strict=True):
            object.__setattr__(tree, name, _filled(getattr(tree, name), c, leaves))
        return tree
    return definition.unflatten(leaves)


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
    with Recording() as recording:
        inputs = arguments.enter(recording)
        start = recording.trace.size()
        returned = fun(*arguments.tree(inputs))
        outputs = [as_array(x, "record")._var for x in flatten(returned)[0]]
        return Program(inputs, recording.span(start), outputs)


def eval(*trees: Any) -> None:
    """Compute the values of all arrays in the trees now; needed nowhere, kept for MLX's sake.

    Example:
        >>> import fastvjp
        >>> fastvjp.eval({"x": fastvjp.ones(3)})
    """
    for leaf in flatten(trees)[0]:
        if isinstance(leaf, array):
            value_of(leaf._var)
