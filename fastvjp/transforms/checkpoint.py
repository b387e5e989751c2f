"""`checkpoint` and `stop_gradient`: values that are computed again, or that no derivative flows through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from ..arrays.array import array, as_array
from ..arrays.calls import recorded
from ..arrays.emit import emit
from ..core.primitive import REGISTRY
from ..core.program import Op, Program, Uniform, Var, replay
from ..recording.recorder import Recording, bind, bind_multiple, is_recording, switch
from .arguments import check_callable
from .backward import backward
from .marker import Flat, Marker, arrays_of, mark
from .results import like_arguments
from .transformed import Transformed
from .tree import flatten

P = ParamSpec("P")
R = TypeVar("R")


def checkpoint(fun: Callable[P, R], policy: Callable[[str], bool] | None = None) -> Transformed[P, R]:
    """Make a function recompute its intermediate values in the backward pass instead of keeping them.

    Gradients, also those of arrays that the function captured, are the same as without it. A step of a loop keeps
    what each turn begins with and nothing else; `explain` prints the memory at the peak.

    Args:
        fun: function of arrays and trees of arrays.
        policy: says by a primitive's name, such as "matmul", whether its results are kept after all. By default
            none are.

    Returns:
        A function of the same arguments with the same results.

    Raises:
        TypeError: `fun` or `policy` is not callable.

    Example:
        >>> import fastvjp
        >>> fastvjp.grad(fastvjp.checkpoint(lambda x: fastvjp.exp(fastvjp.sin(x))))(0.0)
        array(1, dtype=float32)
        >>> step = fastvjp.checkpoint(lambda x, w: fastvjp.tanh(x @ w), policy=lambda name: name == "matmul")
    """
    check_callable(fun, "checkpoint")
    if policy is not None and not callable(policy):
        raise TypeError(
            f"[checkpoint] Expected policy to be a function of a primitive's name, got {type(policy).__name__}: "
            f"{policy!r}. Hint: policy=lambda name: name == 'matmul'."
        )

    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not is_recording():  # nothing will be differentiated
            return like_arguments(fun(*args, **kwargs), (args, kwargs))
        recording = Recording()
        try:
            switch(recording.trace)
            leaves, definition = flatten(fun(*args, **kwargs))
            results = [as_array(x, "checkpoint")._var for x in leaves]
            body = _needed(recording.span(), results)
            made = {v for op in body for v in op.outputs}
            used = [*(v for op in body for v in op.inputs), *results]
            external = list(dict.fromkeys(v for v in used if v not in made))
            kept = [v for op in body if policy and policy(op.primitive.name) for v in op.outputs]
            program = Program(external, body, results)
            primals = [*external, *kept]
            marker = Marker(len(primals), lambda xs, gs, _: _recomputed(program, kept, xs, gs), through=False)
            return definition.unflatten(iter(arrays_of(mark(marker, primals, results))))
        finally:
            switch(recording.before)
            recording.end()

    return Transformed(checkpointed, checkpoint, fun)


def _needed(ops: Sequence[Op], results: Sequence[Var]) -> list[Op]:
    """The ops on which results depend: what an inner vmap or jvp left behind has no value to recompute."""
    wanted = set(results)
    kept = []
    for op in reversed(ops):
        if not wanted.isdisjoint(op.outputs):
            kept.append(op)
            wanted.update(op.inputs)
    return kept[::-1]


def _recomputed(program: Program, kept: Sequence[Var], primals: Flat, cotangents: Flat) -> list[array | None]:
    """Cotangents of what the program was given; primals are these, and behind them the values of what is kept."""
    n = len(program.inputs)
    values = {v: x._var for v, x in zip(kept, primals[n:], strict=True)}
    # a scalar is not computed again: in loops there is one for each turn
    scalar = [isinstance(x._var.value, Uniform) for x in primals[:n]]
    fresh = [bind(REGISTRY["alias" if s else "barrier"], x._var) for x, s in zip(primals, scalar, strict=False)]
    recording = Recording()
    try:
        switch(recording.trace)
        env = dict(zip(program.inputs, fresh, strict=True))

        def again(op: Op, operands: tuple[Var, ...]) -> Sequence[Var]:
            outputs = bind_multiple(op.primitive, *operands, **op.params)
            if op.outputs[0] not in values:
                return outputs
            return mark(_kept(len(outputs)), outputs, [values[v] for v in op.outputs])

        replay(program.ops, env, again)
        outputs = [env.get(v, v) for v in program.outputs]
        found = backward(recording.span(), fresh, zip(outputs, [g._var for g in cotangents], strict=True))
    finally:
        switch(recording.before)
        recording.end()
    return [*(None if v is None else array._of(v) for v in found), *[None] * len(kept)]


def _kept(n: int) -> Marker:
    """Values that are kept, in the place of n that would be computed again and have the derivatives."""
    return Marker(n, lambda xs, gs, _: list(gs), through=False)


@recorded()
def stop_gradient(x: Any) -> array:
    """The same values, through which no derivative flows.

    Example:
        >>> import fastvjp
        >>> fastvjp.grad(lambda x: x * fastvjp.stop_gradient(x))(3.0)
        array(3, dtype=float32)
    """
    return emit("stop_gradient", as_array(x, "stop_gradient"))
