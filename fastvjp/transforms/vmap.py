"""`vmap`: record the function on arrays without the batch axis, then emit each op again with it."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.emit import spread
from ..arrays.views import lies_in_rows, lying_as
from ..core.avals import aval
from ..core.program import Op, Var
from ..ops.shape import moveaxis
from ..primitives.batching import leading
from ..recording.recorder import Recording, abstract, switch
from .arguments import check_callable, own, refuse_writes
from .results import as_tree, hand_out
from .transformed import Transformed
from .tree import LEAF, TreeDef, flatten

P = ParamSpec("P")
R = TypeVar("R")


def vmap(fun: Callable[P, R], in_axes: Any = 0, out_axes: Any = 0) -> Transformed[P, R]:
    """Vectorise a function over an axis of its arguments.

    Args:
        fun: takes arrays (or trees of arrays) without the batch axis, returns a tree of arrays.
        in_axes: an axis for all positional arguments, or a list or tuple with one entry per argument: an
            axis, None for an argument that is not batched, or a tree of these that is a prefix of the
            argument. Keyword arguments are not batched.
        out_axes: where the batch axis goes in the outputs: an axis or a prefix tree of axes.

    Returns:
        A function of the batched arguments.

    Raises:
        ValueError: an axis out of range, sizes that differ, no batched argument, or an `in_axes` that does
            not fit the arguments; the message names the argument. Or `fun` writes to an array of NumPy's that is
            batched.

    Example:
        >>> import fastvjp
        >>> fastvjp.vmap(lambda x, y: x @ y)(fastvjp.ones((4, 3)), fastvjp.ones((4, 3)))
        array([3, 3, 3, 3], dtype=float32)
    """
    check_callable(fun, "vmap")

    def batched(*args: Any, **kwargs: Any) -> Any:
        leaves, definition = flatten(args)
        # as in MLX: a dict is the only argument's, a tuple of one the only output's
        axes = axes_per_leaf((in_axes,) if isinstance(in_axes, dict) else in_axes, definition, "in_axes")
        arrays, axes, size = _batched_leaves(leaves, axes, _places(definition))
        recording = Recording()
        try:
            switch(recording.trace)
            recording.trace.once = "vmap"
            hand_out(recording, set(map(type, leaves)), kwargs)
            env: dict[Var, Var] = {}
            given = list(map(own, leaves))
            for i, axis in enumerate(axes):
                if axis is not None:
                    front = moveaxis(arrays[i], axis, 0)
                    stand_in = abstract(aval(front.shape[1:], front.dtype), "vmap")
                    env[stand_in] = front._var
                    given[i] = array._of(stand_in)
                    if size and isinstance(leaves[i], np.ndarray):
                        row = np.moveaxis(leaves[i], axis, 0)[0, ...]
                        lying_as(given[i], row)
                        recording.trace.rows &= lies_in_rows(row)
            handed = [i for i, x in enumerate(given) if type(x) is array]
            before = [given[i]._var for i in handed]
            start = recording.trace.size()
            returned = fun(*definition.unflatten(iter(given)), **own(kwargs))
            refuse_writes([given[i] for i in handed], before, [leaves[i] for i in handed], "vmap")
            outputs, structure = flatten(returned)
            results = [as_array(x, "vmap") for x in outputs]
            single = structure is LEAF and isinstance(out_axes, list | tuple) and len(out_axes) == 1
            targets = axes_per_leaf(out_axes[0] if single else out_axes, structure, "out_axes")

            def derive() -> list[Var]:
                extended = dict(env)
                batch_ops(recording.span(start), extended, size)
                pairs = zip(results, targets, strict=True)
                return [_place(x, axis, extended, size)._var for x, axis in pairs]

            form = ("vmap", start, size, tuple(targets), len(env))
            mapped = [array._of(v) for v in (*env, *env.values())]
            done = recording.finish(form, [*mapped, *results], derive)
        finally:
            switch(recording.before)
            recording.end()
        return as_tree(structure, done)

    return Transformed(batched, vmap, fun, in_axes, out_axes)


def batch_ops(ops: Sequence[Op], env: MutableMapping[Var, Var], size: int) -> None:
    """Emit again those ops that depend on variables of `env`, with the batch axis first; extends `env`."""
    for op in ops:
        flags = [v in env for v in op.inputs]
        if not any(flags):
            continue
        operands = [array._of(env.get(v, v)) for v in op.inputs]
        if op.primitive.opaque:
            results: list[array | None] = op.params["marker"].batch(op, operands, flags, size, env)
            found = [(v, r._var) for v, r in zip(op.outputs, results, strict=True) if r is not None]
        else:
            rule = op.primitive.batch or leading
            rows = rule(op.primitive, operands, flags, size, **op.params)
            found = list(zip(op.outputs, _fitting(op, rows, size), strict=True))
        env.update(found)


def _fitting(op: Op, rows: Any, size: int) -> list[Var]:
    """What a batching rule gave: the results of the op, each with the batch axis in front."""
    rows = rows if isinstance(rows, list | tuple) else [rows]
    found = [x._var if isinstance(x, array) else None for x in rows]
    expected = [aval((size, *v.aval.shape), v.aval.dtype) for v in op.outputs]
    if [v and v.aval for v in found] != expected:
        shown = ", ".join(str(v.aval) if v else type(x).__name__ for x, v in zip(rows, found, strict=True))
        raise ValueError(
            f"[{op.primitive}] Its batching rule gave [{shown}]. Expected: a list of "
            f"{', '.join(map(str, expected))}.{op.primitive.hint}"
        )
    return [v for v in found if v is not None]


def _place(x: array, axis: int | None, env: dict[Var, Var], size: int) -> array:
    if axis is None:
        if x._var in env:
            raise ValueError(
                f"[vmap] out_axes is None for an output that depends on a batched argument (shape {x.shape} "
                f"for each of {size}). Expected: an axis."
            )
        return x
    found = env.get(x._var)
    whole = spread(x, (size, *x.shape)) if found is None else array._of(found)
    if not -whole.ndim <= axis < whole.ndim:
        raise ValueError(f"[vmap] out_axes {axis} is out of range for an output with {whole.ndim} axes.")
    return moveaxis(whole, 0, axis)


def axes_per_leaf(axes: Any, definition: TreeDef, what: str) -> list[int | None]:
    """Spread a prefix tree of axes over the leaves of a tree."""
    if axes is None or (isinstance(axes, int | np.integer) and not isinstance(axes, bool)):
        return [axes if axes is None else int(axes)] * definition.leaves
    kind = type(axes)
    entries = list(axes.values()) if isinstance(axes, dict) else list(axes) if kind in (list, tuple) else None
    if entries is None:
        raise ValueError(f"[vmap] {what} must hold integers and None, got {kind.__name__}: {axes!r}.")
    named = isinstance(definition.kind, type) and issubclass(definition.kind, dict)
    if named and not isinstance(axes, dict):
        raise ValueError(f"[vmap] {what} {axes!r} is a {kind.__name__}, but stands for {definition}.")
    if definition is LEAF or len(entries) != len(definition.children):
        count = "one array" if definition is LEAF else f"{len(definition.children)} entries"
        raise ValueError(f"[vmap] {what} {axes!r} has {len(entries)} entries, but stands for {count}.")
    if isinstance(axes, dict):
        if set(axes) != set(definition.keys):
            raise ValueError(f"[vmap] {what} has the keys {list(axes)}, expected {list(definition.keys)}.")
        entries = [axes[k] for k in definition.keys]
    return [
        a
        for entry, child in zip(entries, definition.children, strict=True)
        for a in axes_per_leaf(entry, child, what)
    ]


def _places(definition: TreeDef) -> list[str]:
    """For each leaf of the arguments, which argument it is or is in."""
    return [
        f"{k}" if child is LEAF else f"{k} (leaf {i})"
        for k, child in enumerate(definition.children)
        for i in range(child.leaves)
    ]


def _batched_leaves(
    leaves: list[Any], axes: list[int | None], places: list[str]
) -> tuple[list[Any], list[int | None], int]:
    """Arrays, non-negative axes and the batch size; errors name the argument."""
    arrays: list[Any] = [None] * len(leaves)
    positive: list[int | None] = [None] * len(leaves)
    size: int | None = None
    for i, (leaf, axis) in enumerate(zip(leaves, axes, strict=True)):
        if axis is None:
            continue
        arrays[i] = x = as_array(leaf, "vmap")
        which = f"argument {places[i]}"
        if not -x.ndim <= axis < x.ndim:
            raise ValueError(
                f"[vmap] Axis {axis} is out of range for {which}, which has {x.ndim} axes (shape {x.shape})."
            )
        positive[i] = axis % x.ndim
        n = x.shape[axis]
        if size is not None and n != size:
            raise ValueError(
                f"[vmap] {which.capitalize()} has size {n} along its batch axis {axis} (shape {x.shape}), but "
                f"an array before it has {size}."
            )
        size = n
    if size is None:
        raise ValueError("[vmap] No argument is batched. Expected: an axis for at least one argument.")
    return arrays, positive, size
