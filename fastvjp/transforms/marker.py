"""Markers: rules that replace those of recorded ops, for `custom_function` and `checkpoint`.

A call records its ops as usual and behind them a marker, whose outputs are its last operands. The marker
takes the cotangents of the outputs and hands them on by its rule; the transforms find it in the op list, so
that no rule is lost however they are nested.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, MutableMapping, Sequence

from ..arrays.array import array
from ..arrays.emit import emit, full_like_aval
from ..core.avals import aval
from ..core.primitive import REGISTRY
from ..core.program import Op, Var
from ..ops.reductions import sum as sum_
from ..primitives.marker import MARKER
from ..recording.recorder import Recording, abstract, bind, bind_multiple, switch
from .backward import backward, zeros_for
from .vmap import batch_ops

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
        primals = arrays_of(op.inputs[: self.primals])
        if self.vjp is None:
            return self._transposed(primals, op.outputs, cotangents)
        held = cotangents
        if self.jvp is not None:  # the rule's result is linear in the cotangents: say how to transpose it
            held = [bind(REGISTRY["stop_gradient"], v) for v in cotangents]
        found = self.vjp(primals, arrays_of(held), arrays_of(op.outputs))
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
        recording = Recording()
        try:
            switch(recording.trace)
            tangents = self.jvp(primals, arrays_of(along), [])
            pairs = [(t._var, c) for t, c in zip(tangents, cotangents, strict=True) if t is not None]
            return backward(recording.span(), along, pairs)
        finally:
            switch(recording.before)
            recording.end()

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
                outputs = [x if b else repeated(x, size) for x, b in zip(outputs, flags, strict=True)]
            flags = [True] * len(outputs)
        primals = operands[:n]
        vjp = None if self.vjp is None else _batched_pull(self.vjp, batched[:n], flags, size, env)
        jvp = None if self.jvp is None else _batched_push(self.jvp, batched[:n], size, env)
        marker = Marker(n, vjp, jvp, None, self.through)
        results = mark(marker, [x._var for x in primals], [x._var for x in outputs])
        return [x if f else None for x, f in zip(arrays_of(results), flags, strict=True)]


def mark(marker: Marker, primals: Sequence[Var], outputs: Sequence[Var]) -> Sequence[Var]:
    """Record a marker over these operands; returns the marked outputs."""
    if not outputs:
        return ()
    return bind_multiple(MARKER, *primals, *outputs, marker=marker, count=len(outputs))


def arrays_of(variables: Sequence[Var]) -> Flat:
    """Variables as arrays."""
    return [array._of(v) for v in variables]


def repeated(x: array, size: int) -> array:
    """`x` with a batch axis in front."""
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
    recording = Recording()
    try:
        switch(recording.trace)
        for arrays, flags in groups:
            stand_ins.append(list(arrays))
            for i, (x, b) in enumerate(zip(arrays, flags, strict=True)):
                if b:
                    v = abstract(aval(x.shape[1:], x.dtype), "vmap")
                    extended[v] = x._var
                    stand_ins[-1][i] = array._of(v)
        found = rule(*stand_ins)
        batch_ops(recording.span(), extended, size)
    finally:
        switch(recording.before)
        recording.end()
    return [
        None if x is None else array._of(extended[x._var]) if x._var in extended else repeated(x, size)
        for x in found
    ]
