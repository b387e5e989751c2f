"""`grad` and `value_and_grad`: `vjp` of a scalar function with cotangent 1, over chosen arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from ..arrays.array import array, as_array
from ..arrays.emit import full_like_aval
from ..core.program import Var
from ..recording.recorder import Recording, switch
from .arguments import NO_AUX, Arguments, Aux, check_callable, own
from .backward import backward, zeros_for
from .results import as_leaf, hand_out
from .transformed import Transformed

P = ParamSpec("P")
R = TypeVar("R")


def value_and_grad(
    fun: Callable[P, R],
    argnums: int | Sequence[int] | None = None,
    argnames: str | Sequence[str] = (),
) -> Transformed[P, tuple[R, Any]]:
    """Function that returns the value of `fun` and its gradient.

    Args:
        fun: returns a scalar, or a tuple whose first entry is the scalar and whose others are auxiliary.
        argnums: position or positions of the arguments to differentiate; 0 unless argnames are given. An
            argument may be a tree of arrays.
        argnames: name or names of keyword arguments to differentiate.

    Returns:
        A function with the arguments of `fun`, returning (value, gradient): value is what `fun` returned; the
        gradient has the structure, shapes and dtypes of the argument, is a tuple for a sequence of argnums,
        and (gradient or None, dict by name) with argnames. For a complex argument it is the `vjp` of
        cotangent 1.

    Raises:
        ValueError: argnums out of range, negative or given twice; the value is no scalar (with its shape).
        TypeError: `fun` is not callable; a differentiated argument is of integer or bool dtype.

    Example:
        >>> import fastvjp
        >>> fastvjp.value_and_grad(lambda x: fastvjp.sum(x * x))(fastvjp.array([1.0, 2.0]))
        (array(5, dtype=float32), array([2, 4], dtype=float32))
    """
    call = _differentiated("value_and_grad", fun, argnums, argnames, with_value=True)
    return Transformed(call, value_and_grad, fun, argnums, argnames)


def grad(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    argnames: str | Sequence[str] = (),
) -> Transformed[P, Any]:
    """Function that returns the gradient of a scalar function; see `value_and_grad` for the arguments.

    Example:
        >>> import fastvjp
        >>> fastvjp.grad(lambda x: x**3)(2.0)
        array(12, dtype=float32)
    """
    call = _differentiated("grad", fun, argnums, argnames, with_value=False)
    return Transformed(call, grad, fun, argnums, argnames)


def _differentiated(
    where: str,
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None,
    argnames: str | Sequence[str],
    with_value: bool,
) -> Callable[..., Any]:
    """The function of the gradient, or of the value, with what is auxiliary, and the gradient."""
    check_callable(fun, where)
    names = [argnames] if isinstance(argnames, str) else list(argnames)
    if argnums is None and not names:
        argnums = 0
    if not isinstance(argnums, int | Sequence | None) or isinstance(argnums, str):
        raise TypeError(
            f"[{where}] Expected an int or a sequence of ints as argnums, got {type(argnums).__name__}. "
            f"Hint: arguments go to the function that is returned, {where}(f)(x)."
        )
    single = isinstance(argnums, int)
    numbers: list[int] = [] if argnums is None else [argnums] if isinstance(argnums, int) else list(argnums)
    _check_choice(where, numbers, names)

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        chosen = []
        for n in numbers:
            if n >= len(args):
                raise ValueError(
                    f"[{where}] Can't compute the gradient of argument index {n} because the function is "
                    f"called with only {len(args)} positional arguments."
                )
            chosen.append(args[n])
        for name in names:
            if name not in kwargs:
                raise ValueError(
                    f"[{where}] Can't compute the gradient of keyword argument '{name}' because the function "
                    f"is called with keyword arguments {sorted(kwargs)}."
                )
            chosen.append(kwargs[name])
        arguments = Arguments(chosen, where, "differentiated arguments")
        _check_dtypes(where, arguments.vars)
        recording = Recording()
        try:
            switch(recording.trace)
            others = (args, kwargs) if len(args) + len(kwargs) > len(chosen) else ()
            hand_out(recording, arguments.kinds, *others)
            inputs = arguments.differentiated(recording)
            start = recording.trace.size()
            traced = arguments.given(inputs)
            given = list(map(own, args)) if others else list(args)
            for i, n in enumerate(numbers):
                given[n] = traced[i]
            if others:
                kwargs = own(kwargs)
            if names:
                kwargs.update(zip(names, traced[len(numbers) :], strict=True))
            value, aux = _scalar(fun(*given, **kwargs), where)
            form = ("grad", with_value, start, len(inputs))
            operands = (recording, start, inputs, value, aux, with_value)
            results = recording.finish(form, [value, *aux.arrays], _derive, *operands)
        finally:
            switch(recording.before)
            recording.end()
        gradients = arguments.tree(results[: len(inputs)])
        gradient = None if not numbers else gradients[0] if single else tuple(gradients[: len(numbers)])
        if names:
            gradient = (gradient, dict(zip(names, gradients[len(numbers) :], strict=True)))
        if not with_value:
            return gradient
        out = as_leaf(results[len(inputs)])
        return (out, *aux.trees(results)[0]) if aux.given else out, gradient

    return differentiated


def _derive(
    recording: Recording, start: int, inputs: list[Var], value: array, aux: Aux, with_value: bool
) -> list[Var]:
    """The gradient by the inputs; behind it the value and what is auxiliary."""
    ops, values = recording.span(start), [value._var, *aux.vars]  # before a user's rule may rebind them
    one = full_like_aval(value._aval, 1)._var
    found = zeros_for(backward(ops, inputs, [(value._var, one)]), inputs)
    # a value that nobody asks for is computed only where that may be an error
    wanted = with_value or any(op.primitive.may_fail for op in ops)
    return [*found, *values] if wanted else found


def _scalar(returned: Any, where: str) -> tuple[array, Aux]:
    """The scalar and the auxiliary outputs of what the function returned."""
    value, aux = returned, NO_AUX
    if isinstance(returned, tuple):
        if not returned:
            raise ValueError(f"[{where}] The function returned an empty tuple. Expected its first entry a scalar.")
        value, aux = returned[0], Aux(tuple(returned[1:]), True)
    if not isinstance(value, array):
        if isinstance(value, list | dict | tuple | str) or value is None:
            raise ValueError(
                f"[{where}] The function must return a scalar array or a tuple that starts with one, "
                f"got {type(value).__name__}."
            )
        value = as_array(value, where)
    if value._aval.ndim:
        raise ValueError(
            f"[{where}] The function must return a scalar to differentiate, got an array of shape {value.shape}. "
            f"Hint: reduce it with .sum() or .mean(), or use fastvjp.vjp or fastvjp.jacrev."
        )
    return value, aux


def _check_choice(where: str, numbers: list[int], names: list[str]) -> None:
    for n in numbers:
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"[{where}] argnums must be integers, got {n!r}.")
        if n < 0:
            raise ValueError(f"[{where}] argnums must not be negative, got {n}. Hint: count from the first.")
    for chosen, what in ((numbers, "argnums"), (names, "argnames")):
        if len(set(chosen)) != len(chosen):
            raise ValueError(f"[{where}] Duplicate entries in {what}: {chosen}.")


def _check_dtypes(where: str, variables: Sequence[Var]) -> None:
    for i, v in enumerate(variables):
        if not v.aval.inexact:
            which = "" if len(variables) == 1 else f" (leaf {i} of the differentiated arguments)"
            raise TypeError(
                f"[{where}] Cannot differentiate with respect to an array of dtype {v.aval.dtype}{which}: only "
                f"floating and complex arguments have gradients. Hint: x.astype(fastvjp.float32)."
            )
