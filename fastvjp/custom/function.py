"""`custom_function`, `checkpoint` and `stop_gradient`: rules that replace the recorded ops' own.

A call records its ops as usual and behind them a marker, whose outputs are its last operands. The marker
takes the cotangents of the outputs and hands them on by its rule; the transforms find it in the op list, so
that no rule is lost however they are nested.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.calls import recorded
from ..arrays.emit import emit, full_like_aval
from ..core.avals import aval, is_differentiable
from ..core.primitive import REGISTRY
from ..core.program import Op, Program, Var
from ..ops.reductions import sum as sum_
from ..ops.shape import moveaxis
from ..primitives.marker import MARKER
from ..recording.recorder import Recording, abstract, bind, bind_multiple, is_recording
from ..transforms.arguments import check_callable
from ..transforms.backward import backward, zeros_for
from ..transforms.tree import TreeDef, flatten, unflatten
from ..transforms.vjp import inline
from ..transforms.vmap import axes_per_leaf, batch_ops

Flat = list[array]
Rule = Callable[[Flat, Flat, Flat], "list[array | None]"]
"""(primals, cotangents, outputs) -> cotangents of the primals; or (primals, tangents, []) -> tangents out."""


class Marker:
    """How to differentiate and batch a marked call; all its rules work on flat lists of arrays.

    Args:
        primals: how many of the marker's operands are primals; the outputs follow.
        vjp: cotangents of the primals.
        jvp: tangents of the outputs.
        vmap: (operands, axes, size) -> outputs with the batch axis first.
        through: the ops before the marker get the outputs' cotangents too, for arrays that they captured.
    """

    def __init__(
        self,
        primals: int,
        vjp: Rule | None,
        jvp: Rule | None = None,
        vmap: Callable[[Flat, Sequence[bool], int], Flat] | None = None,
        through: bool = True,
    ) -> None:
        self.primals = primals
        self.vjp = vjp
        self.jvp = jvp
        self.vmap = vmap
        self.through = through

    def pull(self, op: Op, outgoing: Sequence[Var | None], needed: Sequence[bool]) -> list[tuple[Var, Var]]:
        """Pairs of an operand and its cotangent."""
        n = self.primals
        cotangents = zeros_for(outgoing, op.outputs)
        pairs: list[tuple[Var, Var]] = []
        if (self.vjp or self.jvp) and any(needed[:n]):
            found = self._pull_primals(op, cotangents)
            pairs += [(v, c) for v, c, k in zip(op.inputs, found, needed, strict=False) if k and c is not None]
        if self.through:
            behind = zip(op.inputs[n:], outgoing, needed[n:], strict=True)
            pairs += [(v, g) for v, g, k in behind if k and g is not None]
        return pairs

    def _pull_primals(self, op: Op, cotangents: list[Var]) -> list[Var | None]:
        primals = _arrays(op.inputs[: self.primals])
        if self.vjp is None:
            return self._transposed(primals, op.outputs, cotangents)
        held = cotangents
        if self.jvp is not None:  # the rule's result is linear in the cotangents: say how to transpose it
            held = [bind(REGISTRY["stop_gradient"], v) for v in cotangents]
        found = self.vjp(primals, _arrays(held), _arrays(op.outputs))
        if self.jvp is None:
            return [None if x is None else x._var for x in found]
        present = [i for i, x in enumerate(found) if x is not None]
        jvp = self.jvp

        def transposed(_: Flat, tangents: Flat, __: Flat) -> list[array | None]:
            along = [full_like_aval(x._var.aval, 0) for x in primals]
            for i, t in zip(present, tangents, strict=True):
                along[i] = t
            return jvp(primals, along, [])

        linear = Marker(len(cotangents), transposed)
        results = mark(linear, cotangents, [x._var for x in found if x is not None])
        everything: list[Var | None] = [None] * len(found)
        for i, v in zip(present, results, strict=True):
            everything[i] = v
        return everything

    def _transposed(self, primals: Flat, outputs: Sequence[Var], cotangents: list[Var]) -> list[Var | None]:
        """The vjp that the jvp rule implies."""
        assert self.jvp is not None
        along = [abstract(x._var.aval, "custom_function") for x in primals]
        with Recording() as recording:
            tangents = self.jvp(primals, _arrays(along), [])
            pairs = [(t._var, c) for t, c in zip(tangents, cotangents, strict=True) if t is not None]
            return backward(recording.span(), along, pairs)

    def batch(
        self, op: Op, operands: Flat, batched: Sequence[bool], size: int, env: MutableMapping[Var, Var]
    ) -> list[array | None]:
        """The outputs with a batch axis in front, marked by the batched rules; None for one without.

        `env` has the batched variables for those that the rules may have captured.
        """
        n = self.primals
        outputs, flags = operands[n:], list(batched[n:])
        if any(batched[:n]):
            if self.vmap is not None:
                ruled = self.vjp is not None or self.jvp is not None
                inside = [emit("stop_gradient", x) if ruled else x for x in operands[:n]]
                outputs = self.vmap(inside, batched[:n], size)
            else:
                outputs = [x if b else _repeat(x, size) for x, b in zip(outputs, flags, strict=True)]
            flags = [True] * len(outputs)
        primals = operands[:n]
        vjp = None if self.vjp is None else _batched_pull(self.vjp, batched[:n], flags, size, env)
        jvp = None if self.jvp is None else _batched_push(self.jvp, batched[:n], size, env)
        marker = Marker(n, vjp, jvp, None, self.through)
        results = mark(marker, [x._var for x in primals], [x._var for x in outputs])
        return [x if f else None for x, f in zip(_arrays(results), flags, strict=True)]


def mark(marker: Marker, primals: Sequence[Var], outputs: Sequence[Var]) -> Sequence[Var]:
    """Record a marker over these operands; returns the marked outputs."""
    if not outputs:
        return ()
    return bind_multiple(MARKER, *primals, *outputs, marker=marker, count=len(outputs))


def _arrays(variables: Sequence[Var]) -> Flat:
    return [array._of(v) for v in variables]


def _repeat(x: array, size: int) -> array:
    return emit("broadcast_to", x, shape=(size, *x.shape))


def _batched_pull(
    rule: Rule, primals: Sequence[bool], outputs: Sequence[bool], size: int, env: MutableMapping[Var, Var]
) -> Rule:
    """A vjp rule over a batch: cotangents of a primal without the batch axis are summed over it."""

    def batched(xs: Flat, gs: Flat, outs: Flat) -> list[array | None]:
        rows = _batched_call(rule, ((xs, primals), (gs, outputs), (outs, outputs)), size, env)
        return [x if x is None or b else sum_(x, axis=0) for x, b in zip(rows, primals, strict=True)]

    return batched


def _batched_push(rule: Rule, primals: Sequence[bool], size: int, env: MutableMapping[Var, Var]) -> Rule:
    """A jvp rule over a batch."""

    def batched(xs: Flat, ts: Flat, _: Flat) -> list[array | None]:
        return _batched_call(rule, ((xs, primals), (ts, [True] * len(ts)), ([], [])), size, env)

    return batched


def _batched_call(
    rule: Rule,
    groups: Sequence[tuple[Flat, Sequence[bool]]],
    size: int,
    env: MutableMapping[Var, Var],
) -> list[array | None]:
    """Results of a rule with the batch axis in front, where some of its operands and captured arrays have it."""
    extended = ChainMap({}, env)
    stand_ins: list[Flat] = []
    with Recording() as recording:
        for arrays, flags in groups:
            stand_ins.append(list(arrays))
            for i, (x, b) in enumerate(zip(arrays, flags, strict=True)):
                if b:
                    v = abstract(aval(x.shape[1:], x.dtype), "vmap")
                    extended[v] = x._var
                    stand_ins[-1][i] = array._of(v)
        found = rule(*stand_ins)
        batch_ops(recording.span(), extended, size)
    return [
        None if x is None else array._of(extended[x._var]) if x._var in extended else _repeat(x, size)
        for x in found
    ]


class custom_function:
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
        ValueError: a rule returns a wrong number of results, or results of wrong shape.
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

    def __init__(self, fun: Callable[..., Any]) -> None:
        check_callable(fun, "custom_function")
        self._fun = fun
        self._rules: dict[str, Callable[..., Any]] = {}

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
        self._rules[kind] = rule
        return rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function; under a transform the rules take effect."""
        leaves, definition = flatten(args)
        at = [i for i, leaf in enumerate(leaves) if isinstance(leaf, array | np.ndarray)]
        with Recording() as recording:
            primals = [as_array(leaves[i], "custom_function")._var for i in at]
            ruled = "vjp" in self._rules or "jvp" in self._rules
            inside = [bind(REGISTRY["stop_gradient"], v) for v in primals] if ruled else primals
            call = _Call(self._rules, kwargs, leaves, definition, at)
            returned = self._fun(*call.arguments(_arrays(inside)), **kwargs)
            outputs, call.structure = flatten(returned)
            results = [as_array(x, "custom_function")._var for x in outputs]
            call.outputs = [v.aval for v in results]
            marked = list(mark(call.marker(), primals, results))
            done = recording.run(marked)
        return call.structure.unflatten(iter(_arrays(done)))


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
            x = _repeat(x, size) if axis is None else moveaxis(x, axis, 0)
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


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function recompute its intermediate values in the backward pass instead of keeping them.

    Gradients, also those of arrays that the function captured, are the same as without it.

    Example:
        >>> import fastvjp
        >>> fastvjp.grad(fastvjp.checkpoint(lambda x: fastvjp.exp(fastvjp.sin(x))))(0.0)
        array(1, dtype=float32)
    """
    check_callable(fun, "checkpoint")

    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not is_recording():  # nothing will be differentiated
            return fun(*args, **kwargs)
        with Recording() as recording:
            leaves, definition = flatten(fun(*args, **kwargs))
            results = [as_array(x, "checkpoint")._var for x in leaves]
            body = _needed(recording.span(), results)
            made = {v for op in body for v in op.outputs}
            used = [*(v for op in body for v in op.inputs), *results]
            external = list(dict.fromkeys(v for v in used if v not in made))
            program = Program(external, body, results)
            marker = Marker(len(external), lambda xs, gs, _: _recomputed(program, xs, gs), through=False)
            return definition.unflatten(iter(_arrays(mark(marker, external, results))))

    return checkpointed


def _needed(ops: Sequence[Op], results: Sequence[Var]) -> list[Op]:
    """The ops on which results depend: what an inner vmap or jvp left behind has no value to recompute."""
    wanted = set(results)
    kept = []
    for op in reversed(ops):
        if not wanted.isdisjoint(op.outputs):
            kept.append(op)
            wanted.update(op.inputs)
    return kept[::-1]


def _recomputed(program: Program, primals: Flat, cotangents: Flat) -> list[array | None]:
    fresh = [bind(REGISTRY["barrier"], x._var) for x in primals]
    with Recording() as recording:
        outputs = inline(program, fresh)
        found = backward(recording.span(), fresh, zip(outputs, [g._var for g in cotangents], strict=True))
    return [None if v is None else array._of(v) for v in found]


@recorded()
def stop_gradient(x: Any) -> array:
    """The same values, through which no derivative flows.

    Example:
        >>> import fastvjp
        >>> fastvjp.grad(lambda x: x * fastvjp.stop_gradient(x))(3.0)
        array(3, dtype=float32)
    """
    return emit("stop_gradient", as_array(x, "stop_gradient"))
