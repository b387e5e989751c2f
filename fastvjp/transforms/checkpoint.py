"""`checkpoint` and `stop_gradient`: values that are computed again, or that no derivative flows through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from ..arrays.array import array, as_array
from ..arrays.calls import recorded
from ..arrays.emit import emit
from ..core.primitive import REGISTRY
from ..core.program import Op, Program, Uniform, Var
from ..recording.recorder import Recording, bind, is_recording, switch
from .arguments import check_callable
from .backward import backward
from .marker import Flat, Marker, arrays_of, mark
from .results import like_arguments
from .transformed import Transformed
from .tree import flatten
from .vjp import inline

P = ParamSpec("P")
R = TypeVar("R")


def checkpoint(fun: Callable[P, R]) -> Transformed[P, R]:
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
            program = Program(external, body, results)
            marker = Marker(len(external), lambda xs, gs, _: _recomputed(program, xs, gs), through=False)
            return definition.unflatten(iter(arrays_of(mark(marker, external, results))))
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


def _recomputed(program: Program, primals: Flat, cotangents: Flat) -> list[array | None]:
    # a scalar is not computed again: in loops there is one for each turn
    scalar = [isinstance(x._var.value, Uniform) for x in primals]
    fresh = [bind(REGISTRY["alias" if s else "barrier"], x._var) for x, s in zip(primals, scalar, strict=True)]
    recording = Recording()
    try:
        switch(recording.trace)
        outputs = inline(program, fresh)
        found = backward(recording.span(), fresh, zip(outputs, [g._var for g in cotangents], strict=True))
    finally:
        switch(recording.before)
        recording.end()
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
