"""`jvp`: the vjp of the vjp, which is linear in its cotangent; and the derivatives built of both modes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

import numpy as np

from ..arrays.array import array
from ..arrays.emit import emit, full_like_aval
from ..core.avals import aval, float32, is_differentiable, promote
from ..core.program import Var
from ..ops.creation import eye
from ..recording.recorder import Recording, abstract, switch
from .arguments import Arguments, Outputs, check_callable, check_sequence, own
from .backward import backward
from .grad import grad
from .results import as_leaf, hand_out
from .transformed import Transformed
from .tree import flatten, unflatten
from .vjp import vjp
from .vmap import vmap

P = ParamSpec("P")


def jvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Jacobian-vector products: the directional derivative of each output along `tangents`.

    Args:
        fun: as for `vjp`.
        primals: list or tuple of the arguments at which to evaluate.
        tangents: one per primal, of its structure and shapes; cast to its dtypes.

    Returns:
        `(outputs, tangents_out)`, two lists; `tangents_out` has the shapes and dtypes of the outputs, but zeros of
        the tangents' dtype for an output of integers or bools.

    Raises:
        TypeError: `fun` is not callable; an entry is no array; a complex tangent for a real primal.
        ValueError: number, structure or shape of the tangents does not match the primals.

    Example:
        >>> import fastvjp
        >>> fastvjp.jvp(fastvjp.sin, [0.0], [2.0])
        ([array(0, dtype=float32)], [array(2, dtype=float32)])

    The transposition is that of Radul et al., "You Only Linearize Once" (2022), run twice.
    """
    check_callable(fun, "jvp")
    arguments = Arguments(check_sequence(primals, "jvp", "primals"), "jvp", "primals")
    along = arguments.tangents(tangents, "jvp")
    recording = Recording()
    try:
        switch(recording.trace)
        hand_out(recording, arguments.kinds, beside=tangents)
        inputs = arguments.differentiated(recording)
        start = recording.trace.size()
        outputs = Outputs(fun(*arguments.given(inputs)), "jvp")

        def derive() -> list[Var]:
            stop = recording.trace.size()
            return [*outputs.vars, *push(recording, start, stop, inputs, outputs.vars, along)]

        n = len(outputs.arrays)
        results = recording.finish(("jvp", start, len(inputs), n), [*along, *outputs.arrays], derive)
    finally:
        switch(recording.before)
        recording.end()
    return outputs.tree(results[:n]), outputs.tree(results[n:])


def push(
    recording: Recording, start: int, stop: int, inputs: list[Var], outputs: list[Var], tangents: list[array]
) -> list[Var]:
    """Tangents of the outputs: transpose the ops recorded from start to stop, then transpose that."""
    stand_ins = [abstract(v.aval, "jvp") for v in outputs]
    forward = recording.span(start, stop)
    middle = recording.trace.size()
    transposed = backward(forward, inputs, zip(outputs, stand_ins, strict=True))
    pairs = [(v, t._var) for v, t in zip(transposed, tangents, strict=True) if v is not None]
    found = backward(recording.span(middle), stand_ins, pairs)
    # a bool is no direction: -t is an error
    inexact = [t.dtype for t in tangents if t._aval.inexact] or [float32]
    likes = [v.aval if v.aval.inexact else aval(v.aval.shape, promote(*inexact)) for v in outputs]
    return [full_like_aval(a, 0)._var if g is None else g for g, a in zip(found, likes, strict=True)]


def jacrev(fun: Callable[P, Any], argnums: int | Sequence[int] = 0) -> Transformed[P, Any]:
    """Function that returns the Jacobian, computed row by row of the outputs (reverse mode, vmapped).

    Args:
        fun: returns a tree of arrays.
        argnums: position or positions of the arguments to differentiate; each may be a tree of arrays.

    Returns:
        A function with the arguments of `fun`. For an output of shape S and an argument of shape P its result
        has shape S + P; trees of outputs of trees of arguments otherwise.

    Example:
        >>> import fastvjp
        >>> fastvjp.jacrev(lambda x: x * x)(fastvjp.array([1.0, 2.0]))
        array([[2, 0],
               [0, 4]], dtype=float32)
    """
    check_callable(fun, "jacrev")

    def jacobian(*args: Any) -> Any:
        chosen, partial, pick = _choose(fun, args, argnums, "jacrev")
        recording = Recording()
        try:
            switch(recording.trace)
            hand_out(recording, set(), args)
            (output,), pullback = vjp(lambda *xs: [partial(*xs)], chosen)
            leaves, definition = flatten(output)
            rows = []
            for i, leaf in enumerate(leaves):

                def row(g: array, i: int = i) -> Any:
                    cts = [g if i == j else full_like_aval(x._var.aval, 0) for j, x in enumerate(leaves)]
                    return pullback([unflatten(definition, cts)])

                found, structure = flatten(vmap(row)(_basis(leaf)))
                shaped = [emit("reshape", x, shape=leaf.shape + x.shape[1:]) for x in found]
                rows.append((structure, shaped))
            results = recording.run([x._var for _, shaped in rows for x in shaped])
        finally:
            switch(recording.before)
            recording.end()
        done = map(as_leaf, results)
        return unflatten(definition, [pick(structure.unflatten(done)) for structure, _ in rows])

    return Transformed(jacobian, jacrev, fun, argnums)


def jacfwd(fun: Callable[P, Any], argnums: int | Sequence[int] = 0) -> Transformed[P, Any]:
    """Function that returns the Jacobian, computed column by column of the inputs (forward mode, vmapped).

    Arguments and result are those of `jacrev`; it is the faster one where inputs are fewer than outputs.

    Example:
        >>> import fastvjp
        >>> fastvjp.jacfwd(lambda x: fastvjp.stack([x, x * x]))(3.0)
        array([1, 6], dtype=float32)
    """
    check_callable(fun, "jacfwd")

    def jacobian(*args: Any) -> Any:
        chosen, partial, pick = _choose(fun, args, argnums, "jacfwd")
        recording = Recording()
        try:
            switch(recording.trace)
            arguments = Arguments(chosen, "jacfwd", "differentiated arguments")
            hand_out(recording, arguments.kinds, args)
            inputs = arguments.differentiated(recording)
            start = recording.trace.size()
            outputs = Outputs([partial(*arguments.given(inputs))], "jacfwd")
            outputs.arrays = [x.copy() for x in outputs.arrays]  # a user's rule may rebind the others
            stop = recording.trace.size()
            zeros = [full_like_aval(v.aval, 0) for v in inputs]
            columns: list[list[Var]] = []
            for i, v in enumerate(inputs):

                def column(t: array, i: int = i) -> Any:
                    along = [t if i == j else z for j, z in enumerate(zeros)]
                    given = [*outputs.arrays, *along]
                    derive = lambda: push(recording, start, stop, inputs, outputs.vars, along)  # noqa: E731
                    form = ("jacfwd", start, stop, len(inputs))
                    return [array._of(x) for x in recording.call(form, given, derive)]

                found = vmap(column, out_axes=-1)(_basis(array._of(v)))
                columns.append([emit("reshape", x, shape=x.shape[:-1] + v.aval.shape)._var for x in found])
            n, count = len(inputs), len(outputs.arrays)
            done = recording.run([c[k] for k in range(count) for c in columns])
        finally:
            switch(recording.before)
            recording.end()
        by_output = [pick(arguments.tree(done[k * n : (k + 1) * n])) for k in range(count)]
        return outputs.definition.unflatten(iter(by_output))[0]

    return Transformed(jacobian, jacfwd, fun, argnums)


def hessian(fun: Callable[P, Any], argnums: int | Sequence[int] = 0) -> Transformed[P, Any]:
    """Function that returns the matrix of second derivatives of a scalar function: shape P + P.

    Example:
        >>> import fastvjp
        >>> fastvjp.hessian(lambda x: fastvjp.sum(x**3))(fastvjp.array([1.0, 2.0]))
        array([[6, 0],
               [0, 12]], dtype=float32)
    """
    return jacfwd(jacrev(fun, argnums), argnums)


def hvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """Hessian-vector products of a scalar function, without its Hessian: the jvp of its gradient.

    Args:
        fun: returns a scalar.
        primals: list or tuple of the arguments at which to evaluate.
        tangents: one per primal, of its structure and shapes.

    Returns:
        A list with the structure, shapes and dtypes of `primals`.

    Example:
        >>> import fastvjp
        >>> fastvjp.hvp(lambda x: fastvjp.sum(x**3), [fastvjp.array([1.0, 2.0])], [fastvjp.array([1.0, 1.0])])
        [array([6, 12], dtype=float32)]
    """
    check_callable(fun, "hvp")
    numbers = tuple(range(len(check_sequence(primals, "hvp", "primals"))))
    return jvp(grad(fun, argnums=numbers), primals, tangents)[1]


def _basis(x: array) -> array:
    """All unit vectors of the space of `x`, stacked along a new first axis."""
    return emit("reshape", eye(x.size, dtype=x.dtype), shape=(x.size, *x.shape))


def _choose(
    fun: Callable[..., Any], args: tuple[Any, ...], argnums: int | Sequence[int], where: str
) -> tuple[list[Any], Callable[..., Any], Callable[[list[Any]], Any]]:
    """The chosen arguments, `fun` of these alone, and how to give back results for them."""
    single = isinstance(argnums, int)
    numbers = [argnums] if isinstance(argnums, int) else list(argnums)
    for n in numbers:
        if not 0 <= n < len(args) or numbers.count(n) > 1:
            raise ValueError(f"[{where}] argnums {argnums} does not fit {len(args)} positional arguments.")
    for leaf in flatten([args[n] for n in numbers])[0]:
        dtype = leaf.dtype if hasattr(leaf, "dtype") else np.result_type(type(leaf))
        if not is_differentiable(np.dtype(dtype)):
            raise TypeError(f"[{where}] Cannot differentiate with respect to dtype {dtype}: cast it first.")

    def partial(*chosen: Any) -> Any:
        given = list(map(own, args))
        for n, x in zip(numbers, chosen, strict=True):
            given[n] = x
        return fun(*given)

    return [args[n] for n in numbers], partial, (lambda found: found[0] if single else tuple(found))
