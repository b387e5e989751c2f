"""`grad` and `value_and_grad`: `vjp` of a scalar function with cotangent 1, over chosen arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..array import array, as_array
from ..avals import is_differentiable
from ..ops.common import full_like_aval
from ..program import Var
from ..recording import Recording
from .arguments import NO_AUX, Arguments, Aux, check_callable
from .backward import backward, zeros_for


def value_and_grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    argnames: str | Sequence[str] = (),
) -> Callable[..., tuple[Any, Any]]:
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
    return _differentiated("value_and_grad", fun, argnums, argnames)


def grad(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None = None,
    argnames: str | Sequence[str] = (),
) -> Callable[..., Any]:
    """Function that returns the gradient of a scalar function; see `value_and_grad` for the arguments.

    Example:
        >>> import fastvjp
        >>> fastvjp.grad(lambda x: x**3)(2.0)
        array(12, dtype=float32)
    """
    both = _differentiated("grad", fun, argnums, argnames)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return gradient


def _differentiated(
    where: str, fun: Callable[..., Any], argnums: int | Sequence[int] | None, argnames: str | Sequence[str]
) -> Callable[..., tuple[Any, Any]]:
    check_callable(fun, where)
    names = [argnames] if isinstance(argnames, str) else list(argnames)
    if argnums is None and not names:
        argnums = 0
    single = isinstance(argnums, int)
    numbers: list[int] = [] if argnums is None else [argnums] if isinstance(argnums, int) else list(argnums)
    _check_choice(where, numbers, names)

    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        for n in numbers:
            if n >= len(args):
                raise ValueError(
                    f"[{where}] Can't compute the gradient of argument index {n} because the function is "
                    f"called with only {len(args)} positional arguments."
                )
        for name in names:
            if name not in kwargs:
                raise ValueError(
                    f"[{where}] Can't compute the gradient of keyword argument '{name}' because the function "
                    f"is called with keyword arguments {sorted(kwargs)}."
                )
        chosen = [*[args[n] for n in numbers], *[kwargs[name] for name in names]]
        arguments = Arguments(chosen, where, "differentiated arguments")
        _check_dtypes(where, arguments.vars)
        with Recording() as recording:
            inputs = arguments.enter(recording)
            start = recording.trace.size()
            traced = arguments.tree(inputs)
            given = list(args)
            for n, x in zip(numbers, traced, strict=False):
                given[n] = x
            named = dict(zip(names, traced[len(numbers) :], strict=True))
            returned = fun(*given, **{**kwargs, **named})
            value, aux = _scalar(returned, where)

            def derive() -> list[Var]:
                one = full_like_aval(value.aval, 1)._var
                found = backward(recording.span(start), inputs, [(value, one)])
                return [*zeros_for(found, inputs), value, *aux.vars]

            results = recording.finish(("grad", start, len(inputs)), [*inputs, value, *aux.vars], derive)
        gradients = arguments.tree(results[: len(inputs)])
        out = array._of(results[len(inputs)])
        (rest,) = aux.trees(results) if aux.given else ((),)
        gradient = None if not numbers else gradients[0] if single else tuple(gradients[: len(numbers)])
        if names:
            gradient = (gradient, dict(zip(names, gradients[len(numbers) :], strict=True)))
        return (out, *rest) if aux.given else out, gradient

    return value_and_gradient


def _scalar(returned: Any, where: str) -> tuple[Var, Aux]:
    """The scalar and the auxiliary outputs of what the function returned."""
    several = isinstance(returned, tuple)
    if several and not returned:
        raise ValueError(f"[{where}] The function returned an empty tuple. Expected its first entry a scalar.")
    value = returned[0] if several else returned
    if isinstance(value, list | dict | tuple | str) or value is None:
        raise ValueError(
            f"[{where}] The function must return a scalar array or a tuple that starts with one, "
            f"got {type(value).__name__}."
        )
    out = as_array(value, where)
    if out._var.aval.ndim:
        raise ValueError(
            f"[{where}] The function must return a scalar to differentiate, got an array of shape {out.shape}. "
            f"Hint: reduce it with .sum() or .mean(), or use fastvjp.vjp or fastvjp.jacrev."
        )
    return out._var, Aux(tuple(returned[1:]), True) if several else NO_AUX


def _check_choice(where: str, numbers: list[int], names: list[str]) -> None:
    for n in numbers:
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"[{where}] argnums must be integers, got {n!r}.")
        if n < 0:
            raise ValueError(f"[{where}] argnums must not be negative, got {n}.")
    for chosen, what in ((numbers, "argnums"), (names, "argnames")):
        if len(set(chosen)) != len(chosen):
            raise ValueError(f"[{where}] Duplicate entries in {what}: {chosen}.")


def _check_dtypes(where: str, variables: Sequence[Var]) -> None:
    for v in variables:
        if not is_differentiable(v.aval.dtype):
            raise TypeError(
                f"[{where}] Cannot differentiate with respect to an array of dtype {v.aval.dtype}: only "
                f"floating and complex arguments have gradients. Hint: x.astype(fastvjp.float32)."
            )
