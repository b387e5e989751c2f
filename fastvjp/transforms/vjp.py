"""`vjp` and its pullback form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..arrays.array import array
from ..core.program import Op, Program, Var, replay
from ..recording.recorder import Recording, abstract, bind_multiple, switch
from .arguments import Arguments, Aux, Outputs, check_callable, check_sequence, split_aux
from .backward import backward, zeros_for
from .results import as_tree, hand_out
from .tree import TreeDef

_OMITTED: Any = object()


def vjp(
    fun: Callable[..., Any], primals: Sequence[Any], cotangents: Any = _OMITTED, *, has_aux: bool = False
) -> tuple[Any, ...]:
    """Vector-Jacobian products of a function, as `mlx.core.vjp` defines them.

    Args:
        fun: takes as many positional arguments as `primals` has entries; returns an array, or a list or tuple
            of outputs. An output, like a primal, may be a tree of list, tuple, dict, NamedTuple, dataclass.
        primals: list or tuple of the arguments at which to evaluate.
        cotangents: list or tuple with one cotangent per output, of the output's shape; cast to its dtype.
            Omit it for the pullback form.
        has_aux: `fun` returns (outputs, aux); aux is returned behind the rest and not differentiated.

    Returns:
        `(outputs, vjps)`, two lists; `vjps[i]` has the structure, shapes and dtypes of `primals[i]` and is the
        sum over outputs of cotangent times Jacobian (for complex numbers: of the conjugate Jacobian).
        Without cotangents `(outputs, pullback)`: the forward pass is done once and `pullback(cotangents)`
        returns the vjps as often as it is called. With `has_aux`, aux follows as a third entry.

    Raises:
        TypeError: `fun` is not callable; primals or cotangents are no list or tuple, or hold what is no array;
            `fun` returns what is no array; a complex cotangent for a real output.
        ValueError: number, structure or shape of the cotangents does not match the outputs.

    Example:
        >>> import fastvjp
        >>> fastvjp.vjp(fastvjp.sin, [1.0], [1.0])
        ([array(0.841471, dtype=float32)], [array(0.540302, dtype=float32)])
    """
    check_callable(fun, "vjp")
    arguments = Arguments(check_sequence(primals, "vjp", "primals"), "vjp", "primals")
    if cotangents is not _OMITTED:
        cotangents = check_sequence(cotangents, "vjp", "cotangents")
    recording = Recording()
    try:
        switch(recording.trace)
        hand_out(recording, arguments.kinds, beside=() if cotangents is _OMITTED else cotangents)
        inputs = arguments.differentiated(recording)
        start = recording.trace.size()
        returned = fun(*arguments.given(inputs))
        returned, aux = split_aux(returned, has_aux, "vjp")
        outputs = Outputs(returned, "vjp")
        if cotangents is _OMITTED:
            values, pullback = _pullback(recording, start, arguments, inputs, outputs, aux)
            return (outputs.tree(values[: len(outputs.arrays)]), pullback, *aux.trees(values))
        given = outputs.cotangents(cotangents, "vjp")
        n = len(outputs.arrays)
        form = ("vjp", start, len(inputs), n)
        operands = (recording, start, inputs, outputs, given, aux)
        results = recording.finish(form, [*outputs.arrays, *given, *aux.arrays], _derive, *operands)
    finally:
        switch(recording.before)
        recording.end()
    return (outputs.tree(results[:n]), arguments.tree(results[n : n + len(inputs)]), *aux.trees(results))


def _derive(
    recording: Recording, start: int, inputs: list[Var], outputs: Outputs, given: list[array], aux: Aux
) -> list[Var]:
    """The outputs, the products and what is auxiliary."""
    values, rest = outputs.vars, aux.vars  # as they are before a user's rule may rebind them
    found = backward(recording.span(start), inputs, zip(values, [x._var for x in given], strict=True))
    return [*values, *zeros_for(found, inputs), *rest]


def _pullback(
    recording: Recording, start: int, arguments: Arguments, inputs: list[Var], outputs: Outputs, aux: Aux
) -> tuple[Sequence[Any], Callable[[Any], list[Any]]]:
    """Results of the forward pass, and the pullback: a program of cotangents and of what it reads of the pass."""
    trace = recording.trace

    def derive() -> list[Var]:
        values, rest = outputs.vars, aux.vars  # as they are before a user's rule may rebind them
        stand_ins = [abstract(v.aval, "vjp") for v in values]
        stop = trace.size()
        found = backward(recording.span(start, stop), inputs, zip(values, stand_ins, strict=True))
        vjps = zeros_for(found, inputs)
        emitted = set(recording.span(stop))
        ops = [op for op in trace.listing().ancestors(vjps) if op in emitted]
        made = {*stand_ins, *(v for op in ops for v in op.outputs)}
        read = dict.fromkeys([*(v for op in ops for v in op.inputs), *vjps])
        residuals = [v for v in read if v not in made and (v.trace is trace or v in trace.entered)]
        trace.memo = _detached(Program([*stand_ins, *residuals], ops, vjps))
        return [*values, *rest, *residuals]

    n = len(outputs.arrays) + len(aux.arrays)
    recording.numpy = min(recording.numpy, n)
    form = ("pullback", start, len(inputs), len(outputs.arrays))
    results = recording.finish(form, [*outputs.arrays, *aux.arrays], derive)
    linear: Program = recording.memo
    residuals = [array._of(v) for v in results[n:]]
    outputs.arrays = [x.copy() for x in outputs.arrays]  # whoever holds the others may rebind them

    return results[:n], _Pullback(arguments.definition, arguments.kinds, outputs, linear, residuals)


class _Pullback:
    """The products for cotangents, as often as it is called.

    Args:
        definition: the primals' tree.
        kinds: types of its leaves.
        outputs: what the function returned.
        linear: the program of cotangents and residuals.
        residuals: what it reads of the forward pass.
    """

    def __init__(
        self, definition: TreeDef, kinds: set[type], outputs: Outputs, linear: Program, residuals: list[array]
    ) -> None:
        self.definition, self.kinds, self.outputs = definition, kinds, outputs
        self.linear, self.residuals = linear, residuals

    def __call__(self, cotangents: Any) -> list[Any]:
        wanted = check_sequence(cotangents, "pullback", "cotangents")
        operands = [*self.outputs.cotangents(wanted, "pullback"), *self.residuals]
        recording = Recording()
        try:
            switch(recording.trace)
            hand_out(recording, self.kinds, cotangents)
            products = recording.finish(self.linear, operands, _inlined, self.linear, operands)
        finally:
            switch(recording.before)
            recording.end()
        return as_tree(self.definition, products)

    def __reduce__(self) -> tuple[Any, ...]:
        for op in self.linear.ops:
            if op.primitive.opaque:
                raise TypeError(
                    "[vjp] A pullback through a custom_function that has both vjp and jvp rules cannot be pickled "
                    "or copied. Hint: pickle the function and its arguments, and call vjp there."
                )
        return _Pullback, (self.definition, self.kinds, self.outputs, self.linear, self.residuals)


def _detached(program: Program) -> Program:
    """The same program on variables of its own, which hold neither a recording nor values of it."""
    inputs = [Var(v.aval) for v in program.inputs]
    env = dict(zip(program.inputs, inputs, strict=True))
    ops: list[Op] = []

    def again(op: Op, operands: tuple[Var, ...]) -> Sequence[Var]:
        ops.append(Op(op.primitive, operands, op.params, tuple([Var(v.aval) for v in op.outputs])))
        return ops[-1].outputs

    replay(program.ops, env, again)
    return Program(inputs, ops, [env.get(v, v) for v in program.outputs])


def _inlined(program: Program, operands: list[array]) -> list[Var]:
    return inline(program, [x._var for x in operands])


def inline(program: Program, inputs: Sequence[Var]) -> list[Var]:
    """Apply a program's ops to other inputs, appending them to the open op list; returns its outputs."""
    env = dict(zip(program.inputs, inputs, strict=True))

    def again(op: Op, operands: tuple[Var, ...]) -> Sequence[Var]:
        return bind_multiple(op.primitive, *operands, **op.params)

    replay(program.ops, env, again)
    return [env.get(v, v) for v in program.outputs]
