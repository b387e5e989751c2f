"""`custom_function`: a function with derivative or batching rules of the user's own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.emit import full_like_aval
from ..arrays.views import lying_as
from ..core.avals import aval, is_differentiable
from ..core.primitive import REGISTRY
from ..ops.shape import moveaxis
from ..recording.recorder import Recording, bind, switch
from ..transforms.arguments import check_callable, own, refuse_writes
from ..transforms.marker import Flat, Marker, mark, repeated
from ..transforms.results import as_tree, hand_out
from ..transforms.transformed import make_findable, signature_of_wrapped, wrappers
from ..transforms.tree import TreeDef, flatten, unflatten
from ..transforms.vmap import axes_per_leaf

P = ParamSpec("P")
R = TypeVar("R")


class custom_function(Generic[P, R]):
    """Decorator of a function whose derivative or batching rules you give yourself.

    Primals, cotangents and outputs reach a rule with the structure of the function's arguments and result:
    a single argument bare, several as a tuple. Gradients with respect to arrays that the function captured
    are those of its body.

    Rules:
        vjp: `rule(primals, cotangents, outputs)` returns one cotangent per primal (None for zero).
        jvp: `rule(primals, tangents)` returns one tangent per output. One of vjp and jvp suffices: the other
            transform transposes it.
        vmap: `rule(primals, axes)` returns (outputs, out_axes), axes as for `vmap`.

    Raises:
        ValueError: a rule returns a wrong number of results, or results of wrong shape; the function writes to an
            argument that is NumPy's.
        TypeError: a rule returns what is no array, or a complex cotangent for a real primal.

    Example:
        >>> import fastvjp
        >>> @fastvjp.custom_function
        ... def clipped(x):
        ...     return x
        >>> @clipped.vjp
        ... def rule(x, g, out):
        ...     return fastvjp.clip(g, -1.0, 1.0)
        >>> fastvjp.vjp(clipped, [2.0], [10.0])
        ([array(2, dtype=float32)], [array(1, dtype=float32)])
    """

    def __init__(self, fun: Callable[P, R]) -> None:
        check_callable(fun, "custom_function")
        functools.update_wrapper(self, fun, updated=())
        self._fun = fun
        self._rules = SimpleNamespace()

    if not TYPE_CHECKING:
        __getattr__ = signature_of_wrapped

    def __reduce__(self) -> tuple[Any, ...]:
        make_findable(self._fun)
        rules = vars(self._rules)
        make_findable(rules, self, "_rules")
        return _remade, (self._fun, rules)

    def vjp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: give the rule for vector-Jacobian products."""
        return self._set("vjp", rule)

    def jvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: give the rule for Jacobian-vector products."""
        return self._set("jvp", rule)

    def vmap(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: give the batching rule."""
        return self._set("vmap", rule)

    def _set(self, kind: str, rule: Callable[..., Any]) -> Callable[..., Any]:
        check_callable(rule, f"custom_function.{kind}")
        setattr(self._rules, kind, rule)
        return rule

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function; under a transform the rules take effect."""
        leaves, definition = flatten(args)
        at = [i for i, leaf in enumerate(leaves) if isinstance(leaf, array | np.ndarray)]
        recording = Recording()
        try:
            switch(recording.trace)
            hand_out(recording, set(map(type, leaves)), kwargs)
            primals = [as_array(leaves[i], "custom_function")._var for i in at]
            rules = vars(self._rules)
            ruled = "vjp" in rules or "jvp" in rules
            inside = [bind(REGISTRY["stop_gradient"], v) for v in primals] if ruled else primals
            call = _Call(rules, kwargs, leaves, definition, at)
            given = [lying_as(array._of(v), leaves[i]) for i, v in zip(at, inside, strict=True)]
            returned = self._fun(*call.arguments(given), **own(kwargs))
            refuse_writes(given, inside, [leaves[i] for i in at], "custom_function")
            outputs, call.structure = flatten(returned)
            results = [as_array(x, "custom_function")._var for x in outputs]
            call.outputs = [v.aval for v in results]
            marked = list(mark(call.marker(), primals, results))
            done = recording.run(marked)
        finally:
            switch(recording.before)
            recording.end()
        return as_tree(call.structure, done)


def _remade(fun: Callable[..., Any], rules: dict[str, Callable[..., Any]]) -> custom_function[..., Any]:
    """A custom function from a pickle: the one that is found under the function's name, or a new one."""
    for found, _ in wrappers(fun):
        if isinstance(found, custom_function) and found._fun is fun:
            return found
    made = custom_function(fun)
    vars(made._rules).update(rules)
    return made


class _Call:
    """One call of a custom function: its rules as flat ones, with checks."""

    structure: TreeDef
    outputs: list[Any]

    def __init__(
        self,
        rules: dict[str, Any],
        kwargs: dict[str, Any],
        leaves: list[Any],
        definition: TreeDef,
        at: list[int],
    ) -> None:
        self.rules, self.kwargs = dict(rules), kwargs
        self.leaves, self.definition, self.at = leaves, definition, at

    def marker(self) -> Marker:
        rules = self.rules
        return Marker(
            len(self.at),
            self.vjp if "vjp" in rules else None,
            self.jvp if "jvp" in rules else None,
            self.vmap if "vmap" in rules else None,
        )

    def arguments(self, at_arrays: Sequence[Any], elsewhere: Any = None) -> tuple[Any, ...]:
        leaves = list(self.leaves) if elsewhere is None else [elsewhere(x) for x in self.leaves]
        for i, x in zip(self.at, at_arrays, strict=True):
            leaves[i] = x
        return unflatten(self.definition, leaves)

    def bare(self, at_arrays: Sequence[Any], elsewhere: Any = None) -> Any:
        arguments = self.arguments(at_arrays, elsewhere)
        return arguments[0] if len(arguments) == 1 else arguments

    def vjp(self, primals: Flat, cotangents: Flat, outputs: Flat) -> list[array | None]:
        trees = [self.structure.unflatten(iter(xs)) for xs in (cotangents, outputs)]
        returned = self.rules["vjp"](self.bare(primals), *trees, **self.kwargs)
        wrapped = (returned,) if len(self.definition.children) == 1 else returned
        if not isinstance(wrapped, tuple | list) or len(wrapped) != len(self.definition.children):
            count = len(wrapped) if isinstance(wrapped, tuple | list) else 1
            raise ValueError(
                f"[custom_function.vjp] The rule returned {count} cotangents, expected one for each of the "
                f"{len(self.definition.children)} arguments (None for zero)."
            )
        found: list[array | None] = []
        self._collect(self.definition.children, wrapped, found)
        return [
            _checked(found[i], x, "vjp", f"the cotangent of primal {k}")
            for k, (i, x) in enumerate(zip(self.at, primals, strict=True))
        ]

    def _collect(self, children: Sequence[TreeDef], values: Sequence[Any], found: list[Any]) -> None:
        """Leaves of what a rule returned, None standing for a whole subtree."""
        for child, value in zip(children, values, strict=True):
            if value is None:
                found.extend([None] * child.leaves)
                continue
            leaves, definition = flatten(value)
            if definition != child and child.leaves != len(leaves):
                raise ValueError(
                    f"[custom_function.vjp] The rule returned the structure {definition}, expected {child}."
                )
            found.extend(leaves)

    def jvp(self, primals: Flat, tangents: Flat, _: Flat) -> list[array | None]:
        along = self.bare(tangents, lambda leaf: None)
        returned = self.rules["jvp"](self.bare(primals), along, **self.kwargs)
        leaves, definition = flatten(returned)
        if len(leaves) != self.structure.leaves:
            raise ValueError(
                f"[custom_function.jvp] The rule returned {len(leaves)} tangents ({definition}), expected "
                f"{self.structure.leaves}, one per output."
            )
        likes = [full_like_aval(a, 0) for a in self.outputs]
        return [
            _checked(x, like, "jvp", f"the tangent of output {k}")
            for k, (x, like) in enumerate(zip(leaves, likes, strict=True))
        ]

    def vmap(self, primals: Flat, batched: Sequence[bool], size: int) -> Flat:
        axes = self.bare([0 if b else None for b in batched], lambda leaf: None)
        returned = self.rules["vmap"](self.bare(primals), axes, **self.kwargs)
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise ValueError("[custom_function.vmap] The rule must return (outputs, out_axes).")
        leaves, definition = flatten(returned[0])
        if len(leaves) != self.structure.leaves:
            raise ValueError(
                f"[custom_function.vmap] The rule returned {len(leaves)} outputs, expected "
                f"{self.structure.leaves}."
            )
        out_axes = axes_per_leaf(returned[1], definition, "out_axes")
        found = []
        for k, (leaf, axis, a) in enumerate(zip(leaves, out_axes, self.outputs, strict=True)):
            x = as_array(leaf, "custom_function.vmap")
            x = repeated(x, size) if axis is None else moveaxis(x, axis, 0)
            if x._var.aval != aval((size, *a.shape), a.dtype):
                raise (ValueError if x.dtype == a.dtype else TypeError)(
                    f"[custom_function.vmap] Output {k} is {x.dtype} of shape {x.shape} with its batch axis in "
                    f"front, expected {a.dtype} of {(size, *a.shape)}."
                )
            found.append(x)
        return found


def _checked(value: Any, like: array, kind: str, what: str) -> array | None:
    """A result of a user's rule, of the shape and dtype of `like`; None for zero or for an integer."""
    if value is None or not is_differentiable(like.dtype):
        return None
    x = as_array(value, f"custom_function.{kind}")
    if x.shape != like.shape:
        raise ValueError(
            f"[custom_function.{kind}] The rule returned shape {x.shape} as {what}, expected {like.shape}."
        )
    if x.dtype.kind == "c" and like.dtype.kind != "c":
        raise TypeError(f"[custom_function.{kind}] The rule returned {x.dtype} as {what}, expected {like.dtype}.")
    return x.astype(like.dtype)
