"""`pure_callback`: any Python function of NumPy arrays, SciPy's or Fortran's say, as a step of the plan."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from .. import devices
from ..arrays.array import array
from ..core.avals import Aval, as_dtype, aval
from ..core.definitions import Definition, define
from ..core.dtypes import can_cast
from ..core.primitive import Primitive
from ..primitives.batching import all_batched, applied
from ..recording.recorder import bind_multiple, outside
from ..transforms.arguments import as_tree, check_callable, leaf_array
from ..transforms.tree import TreeDef, flatten

METHODS = ("sequential", "expand_dims", "broadcast_all")


def pure_callback(
    fun: Callable[..., Any],
    result_shape_dtypes: Any,
    *args: Any,
    vmap_method: str | None = "sequential",
    **kwargs: Any,
) -> Any:
    """Call a Python function on NumPy arrays, as a step of its own that fuses with nothing.

    `fun` runs each time that the plan runs, under `compile` too, and whenever its result is needed: it may be
    called more than once or, where nobody needs the result, never. So it must have no side effects and depend on
    nothing but its arguments. Calls are known by `fun`: define it once, not anew for every call.

    It has no derivative of its own. Put the call into a `custom_function` with a rule, which may be a callback
    too; `jvp` through a callback that takes the cotangent needs both a vjp and a jvp rule, and second derivatives
    a rule for the call in the rule. Where one is missing, that is an error.

    Args:
        fun: takes the arguments as NumPy arrays of its own, which it may write to and keep; returns arrays or
            numbers. It may call fastvjp's functions. Exceptions propagate.
        result_shape_dtypes: what `fun` returns, as a tree: each leaf a (shape, dtype) pair, an example array, or
            any object that has `shape` and `dtype` (`jax.ShapeDtypeStruct`).
        args: arrays, numbers and trees of them; `kwargs` too.
        vmap_method: how to batch: "sequential", one call for each element; "expand_dims", one call on all, where
            arguments that have no batch axis have one of size 1 in front; "broadcast_all", where these are
            repeated; None, not at all.

    Returns:
        A tree of arrays like `result_shape_dtypes`.

    Raises:
        TypeError: `fun` is not callable or not hashable; an argument is no array; what `fun` returns has another
            structure or dtype; it is differentiated.
        ValueError: what `fun` returns has another shape; an unknown vmap_method, or None under `vmap`.

    Example:
        >>> import fastvjp, numpy as np
        >>> def solve(a, b):
        ...     return np.linalg.solve(a, b)
        >>> @fastvjp.custom_function
        ... def solved(a, b):
        ...     return fastvjp.pure_callback(solve, b, a, b)
        >>> @solved.vjp
        ... def rule(primals, g, x):
        ...     back = solved(primals[0].T, g)
        ...     return -fastvjp.outer(back, x), back
        >>> a, b = fastvjp.array([[2.0, 0.0], [0.0, 4.0]]), fastvjp.array([1.0, 1.0])
        >>> fastvjp.grad(lambda b: solved(a, b).sum())(b)
        array([0.5, 0.25], dtype=float32)
    """
    check_callable(fun, "pure_callback")
    if vmap_method is not None and vmap_method not in METHODS:
        raise ValueError(
            f"[pure_callback] Unknown vmap_method {vmap_method!r}. Expected: {', '.join(METHODS)} or None."
        )
    leaves, structure = flatten(_results(result_shape_dtypes))
    if not leaves:
        raise ValueError(
            "[pure_callback] Expected a result, got a result_shape_dtypes without leaves. Hint: ((), np.float64) "
            "is a scalar's."
        )
    results = tuple([_result(leaf, i) for i, leaf in enumerate(leaves)])
    given, arguments = flatten((args, kwargs))
    operands = [leaf_array(x, "pure_callback", "arguments", i)._var for i, x in enumerate(given)]
    call = _Callback(fun, arguments, structure, results, vmap_method)
    try:
        primitive = _primitive(call)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        raise TypeError(f"[pure_callback] {call.title} is not hashable. Hint: wrap it in a function.") from None
    return as_tree(structure, bind_multiple(primitive, *operands))


def _results(tree: Any) -> Any:
    """The tree with avals for (shape, dtype) pairs, which are no trees."""
    if isinstance(tree, dict):
        return {k: _results(x) for k, x in tree.items()}
    if type(tree) is tuple and len(tree) == 2 and type(tree[0]) is tuple and not isinstance(tree[1], tuple):
        return aval(tuple(map(int, tree[0])), as_dtype(tree[1], "pure_callback"))
    return type(tree)(map(_results, tree)) if type(tree) in (list, tuple) else tree


def _result(leaf: Any, i: int) -> Aval:
    try:
        return aval(tuple(map(int, leaf.shape)), as_dtype(leaf.dtype, "pure_callback"))
    except AttributeError:
        raise TypeError(
            f"[pure_callback] Result {i} is given as {type(leaf).__name__}: {leaf!r:.80}. Expected: a "
            f"(shape, dtype) pair, or what has a shape and a dtype, as an example array."
        ) from None


@dataclass(frozen=True)
class _Callback:
    """A function with what it takes and returns; `batch` has, for every vmap around it, what is batched."""

    fun: Callable[..., Any]
    arguments: TreeDef
    structure: TreeDef
    results: tuple[Aval, ...]
    method: str | None
    batch: tuple[tuple[tuple[bool, ...], int], ...] = ()

    @property
    def title(self) -> str:
        return f"pure_callback({getattr(self.fun, '__name__', type(self.fun).__name__)})"

    @property
    def avals(self) -> list[Aval]:
        """Of the results, batch axes included."""
        sizes = tuple([size for _, size in reversed(self.batch)])
        return [aval(sizes + a.shape, a.dtype) for a in self.results]

    def __call__(self, xs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The results for these arrays."""
        if not self.batch or self.method != "sequential":
            args, kwargs = self.arguments.unflatten(iter(xs))
            return self._checked(self.fun(*args, **kwargs))
        (flags, size), inner = self.batch[-1], replace(self, batch=self.batch[:-1])
        rows = [inner([x[i] if b else x.copy() for x, b in zip(xs, flags, strict=True)]) for i in range(size)]
        if not rows:
            return [np.empty(a.shape, a.dtype) for a in self.avals]
        return [np.stack(column) for column in zip(*rows, strict=True)]

    def _checked(self, returned: Any) -> list[np.ndarray]:
        leaves, found = flatten(returned)
        if found != self.structure:
            raise TypeError(f"[{self.title}] It returned the structure {found}. Expected: {self.structure}.")
        return [self._one(x, a, i) for i, (x, a) in enumerate(zip(leaves, self.avals, strict=True))]

    def _one(self, x: Any, expected: Aval, i: int) -> np.ndarray:
        value = np.asarray(x)
        if value.shape != expected.shape:
            raise ValueError(f"[{self.title}] Result {i} has the shape {value.shape}. Expected: {expected.shape}.")
        weak = isinstance(x, int | float | complex) and not isinstance(x, np.generic)
        fits = value.dtype in (expected.dtype, devices.current().dtype(expected.dtype))  # which may lack float64
        if not (fits or (weak and can_cast(value.dtype, expected.dtype, "same_kind"))):
            raise TypeError(
                f"[{self.title}] Result {i} has the dtype {value.dtype}. Expected: {expected.dtype}. Hint: return "
                f"result.astype(np.{expected.dtype}), or say so in result_shape_dtypes."
            )
        return value


@functools.lru_cache(maxsize=512)
def _primitive(call: _Callback) -> Primitive:
    """The primitive of a callback, found again by its function."""
    name = f"pure_callback_{os.urandom(8).hex()}"

    def launch(*arrays: np.ndarray) -> None:
        outs, xs = arrays[: len(call.results)], arrays[len(call.results) :]
        with outside():
            for out, value in zip(outs, call([np.array(x, order="C") for x in xs]), strict=True):
                out[...] = value

    def infer(*_: Aval) -> tuple[Aval, ...]:
        return tuple([aval(a.shape, devices.current().dtype(a.dtype)) for a in call.avals])

    def no_derivative(xs: Any) -> NoReturn:
        raise TypeError(
            f"[pure_callback] {call.title} has no derivative of its own, and one was asked for. Hint: put the "
            f"call into a fastvjp.custom_function with a vjp rule; if the rule is a callback, too, give a jvp "
            f"rule for jvp; for second derivatives let it be of fastvjp's functions, or a custom_function again."
        )

    return Primitive(
        call.title,
        ("*xs",),
        infer,
        tuple([f"out{i}" for i in range(len(call.results))]),
        rules={"*xs": no_derivative},
        batch=functools.partial(_batched, call),
        element=name,
        definition=define(Definition(call.title, name, {name: launch}, None, False)),
        on="cpu",
    )


def _batched(
    call: _Callback, _: Primitive, operands: Sequence[array], batched: Sequence[bool], size: int, /
) -> list[array]:
    if call.method is None:
        raise ValueError(
            f"[vmap] {call.title} has no vmap_method. Expected: one of {', '.join(METHODS)}. Hint: "
            f'vmap_method="sequential" calls it once for each element.'
        )
    flags = tuple(batched)
    if call.method == "broadcast_all":
        operands = all_batched(operands, batched, size)
    elif call.method == "expand_dims":
        operands = [x if b else x.reshape(1, *x.shape) for x, b in zip(operands, batched, strict=True)]
    return applied(_primitive(replace(call, batch=(*call.batch, (flags, size)))), operands)
