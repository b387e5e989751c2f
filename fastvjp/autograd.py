"""What HIPS/autograd calls by other names: for scripts of which only the imports are changed.

| in the script | instead |
| --- | --- |
| `import autograd.numpy as np`, `import autograd.numpy.random as npr` | `fastvjp.numpy`, `fastvjp.numpy.random` |
| `from autograd.scipy.stats import norm` and the rest of `autograd.scipy` | `fastvjp.scipy` |
| `from autograd import grad` and what comes from `.misc`, `.extend`, `.test_util` | this module, for all of them |
| `import autograd.scipy.signal`, for its `convolve` | `from fastvjp import autograd` |
| `from autograd.builtins import tuple` | `builtins` |

Derivatives are those of fastvjp's transforms. Python floats are taken as float64, as autograd takes them.
"""

from __future__ import annotations

import functools
import string
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as _np

from . import numpy as np
from . import ops as _ops
from .arrays.array import as_arrays as _as_arrays
from .custom.function import custom_function as primitive
from .transforms import forward as _forward
from .transforms import grad as _grad
from .transforms.ravel import ravel_tree as _ravel_tree
from .transforms.tree import tree_map as _tree_map
from .transforms.vjp import vjp as _vjp

# --- derivatives -------------------------------------------------------------------------------------------------


def _widened(x: Any) -> Any:
    return _np.float64(x) if type(x) is float else x


def _in_float64(transform: Callable[..., Any], fun: Callable[..., Any], argnum: Any) -> Any:
    """What a transform makes of the function, with Python's floats as float64 where it differentiates."""
    made = transform(fun, argnum)
    numbers = argnum if isinstance(argnum, tuple | list) else (argnum,)

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = list(args)
        for n in numbers:
            given[n] = _tree_map(_widened, given[n])
        return made(*given, **kwargs)

    return call


def _of_one(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a result of one element as a scalar, which autograd does not ask for."""

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        out = fun(*args, **kwargs)
        return out.reshape(()) if getattr(out, "size", 0) == 1 and out.ndim else out

    return call


def grad(fun: Callable[..., Any], argnum: int | Sequence[int] = 0) -> Callable[..., Any]:
    """`fastvjp.grad`, by autograd's name for the argument; of one element of any shape."""
    return _in_float64(_grad.grad, _of_one(fun), argnum)


def value_and_grad(fun: Callable[..., Any], argnum: int | Sequence[int] = 0) -> Callable[..., Any]:
    """`fastvjp.value_and_grad`, by autograd's name for the argument; of one element, a scalar in the end."""
    return _in_float64(_grad.value_and_grad, _of_one(fun), argnum)


def elementwise_grad(fun: Callable[..., Any], argnum: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The gradient of the sum of the results: of a function of single elements its derivative at each.

    Example:
        >>> import numpy as np
        >>> from fastvjp.autograd import elementwise_grad
        >>> elementwise_grad(elementwise_grad(lambda x: x**3))(np.array([1.0, 2.0]))
        array([ 6., 12.])
    """

    @functools.wraps(fun)
    def total(*args: Any, **kwargs: Any) -> Any:
        return np.sum(fun(*args, **kwargs))

    return grad(total, argnum)


def jacobian(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """`fastvjp.jacrev`, by autograd's name for the argument."""
    return _in_float64(_forward.jacrev, fun, argnum)


def hessian(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """`fastvjp.hessian`, by autograd's name for the argument."""
    return _in_float64(_forward.hessian, fun, argnum)


def hessian_vector_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """A function of the arguments of `fun` and of a vector: the Hessian times the vector."""
    slope = grad(fun, argnum)

    def product(*args: Any, **kwargs: Any) -> Any:
        *rest, vector = args
        return grad(lambda *own: np.sum(slope(*own, **kwargs) * vector), argnum)(*rest)

    return product


# --- rules of one's own ------------------------------------------------------------------------------------------


def defvjp(fun: Any, *makers: Callable[..., Any] | None, argnums: Sequence[int] | None = None) -> None:
    """Give a `primitive` its derivative: each `maker(result, *args)` returns a function of the cotangent.

    There is a maker for each argument. `primitive` is `fastvjp.custom_function`: unlike autograd's its body is
    recorded, too.
    """
    places = range(len(makers)) if argnums is None else argnums

    @fun.vjp
    def rule(primals: Any, g: Any, result: Any) -> Any:
        args = primals if isinstance(primals, tuple) else (primals,)
        found: list[Any] = [None] * len(args)
        for place, maker in zip(places, makers, strict=True):
            found[place] = None if maker is None else maker(result, *args)(g)
        return tuple(found) if isinstance(primals, tuple) else found[0]


def fixed_point(
    f: Callable[[Any], Callable[[Any], Any]], a: Any, x0: Any, distance: Callable[[Any, Any], Any], tol: float
) -> Any:
    """The x that `f(a)` leaves as it is, differentiated as a function of `a` by the implicit function theorem.

    Example:
        >>> from fastvjp.autograd import fixed_point, grad
        >>> def root(a):
        ...     return fixed_point(lambda a: lambda x: 0.5 * (x + a / x), a, 1.0, lambda x, y: abs(x - y), 1e-12)
        >>> round(float(grad(root)(4.0)), 6)
        0.25
    """

    @primitive
    def solution(a: Any) -> Any:
        step = f(a)
        before, x = x0, step(x0)
        while distance(x, before) > tol:
            before, x = x, step(x)
        return x

    @solution.vjp
    def rule(a: Any, g: Any, x: Any) -> Any:
        def backward(given: Any) -> Callable[[Any], Any]:
            a, x, g = given
            return lambda v: g + _vjp(f(a), [x], [v])[1][0]

        v = fixed_point(backward, (a, x, g), 0.0 * g, distance, tol)
        return _vjp(lambda a: f(a)(x), [a], [v])[1][0]

    return solution(_tree_map(_widened, a))


def check_grads(
    fun: Callable[..., Any], modes: Sequence[str] = ("fwd", "rev"), order: int = 2
) -> Callable[..., None]:
    """A function of the arguments that compares derivatives with finite differences in random directions.

    AssertionError where they differ by more than 1e-6, absolutely and relatively.
    """

    def check(*args: Any) -> None:
        x, unravel = flatten(list(args))
        random = _np.random.default_rng(0)
        f = lambda x: flatten(fun(*unravel(x)))[0]  # noqa: E731
        for _ in range(order):
            v, w = random.normal(size=x.shape), random.normal(size=_np.shape(f(x)))
            numeric = _np.sum(w * (f(x + 5e-7 * v) - f(x - 5e-7 * v))) / 1e-6
            for mode in modes:
                if mode == "rev":
                    found = _np.sum(v * _np.asarray(_vjp(f, [x], [w])[1][0]))
                else:
                    found = _np.sum(w * _np.asarray(_forward.jvp(f, [x], [v])[1][0]))
                apart = abs(found - numeric)
                if not (apart < 1e-6 or apart / abs(found + numeric) < 1e-6):
                    name = getattr(fun, "__name__", fun)
                    raise AssertionError(f"[check_grads] {name}: {found} by {mode}, {numeric} by differences.")
            f = functools.partial(lambda f, w, x: _vjp(f, [x], [w])[1][0], f, w)

    return check


# --- trees and optimisers ----------------------------------------------------------------------------------------


def flatten(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """`fastvjp.ravel_tree`: a tree as one vector, and the way back."""
    return _ravel_tree(_tree_map(_widened, value))


def flatten_func(fun: Callable[..., Any], example: Any) -> tuple[Callable[..., Any], Callable[[Any], Any], Any]:
    """A function of a tree as a function of one vector, the way back to the tree, and the example as a vector."""
    vector, unflatten = flatten(example)
    return lambda x, *args: flatten(fun(unflatten(x), *args))[0][0], unflatten, vector


def _optimizer(steps: Callable[..., Any]) -> Callable[..., Any]:
    """An optimiser of trees from one of vectors."""

    @functools.wraps(steps)
    def optimize(grad: Callable[..., Any], x0: Any, callback: Any = None, *args: Any, **options: Any) -> Any:
        x, unflatten = flatten(x0)
        gradient = lambda x, i: flatten(grad(unflatten(x), i))[0]  # noqa: E731
        report = None if callback is None else lambda x, i, g: callback(unflatten(x), i, unflatten(g))
        return unflatten(steps(gradient, x, report, *args, **options))

    return optimize


@_optimizer
def sgd(
    grad: Callable[..., Any], x: Any, callback: Any = None, num_iters: int = 200, step_size: float = 0.1,
    mass: float = 0.9,
) -> Any:  # fmt: skip
    """Gradient descent with momentum on a tree: `grad(x, i)`, `callback(x, i, gradient)`."""
    velocity = _np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        velocity = mass * velocity - (1 - mass) * g
        x = x + step_size * velocity
    return x


@_optimizer
def rmsprop(
    grad: Callable[..., Any], x: Any, callback: Any = None, num_iters: int = 100, step_size: float = 0.1,
    gamma: float = 0.9, eps: float = 1e-8,
) -> Any:  # fmt: skip
    """Gradient descent, scaled by a running mean of squares, on a tree: as `sgd`."""
    squares = _np.ones(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        squares = gamma * squares + (1 - gamma) * g**2
        x = x - step_size * g / (_np.sqrt(squares) + eps)
    return x


@_optimizer
def adam(
    grad: Callable[..., Any], x: Any, callback: Any = None, num_iters: int = 100, step_size: float = 0.001,
    b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
) -> Any:  # fmt: skip
    """Adam (Kingma and Ba, 2015) on a tree: as `sgd`."""
    mean, squares = _np.zeros(len(x)), _np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        mean = b1 * mean + (1 - b1) * g
        squares = b2 * squares + (1 - b2) * g**2
        away = (mean / (1 - b1 ** (i + 1))) / (_np.sqrt(squares / (1 - b2 ** (i + 1))) + eps)
        x = x - step_size * away
    return x


# --- convolution -------------------------------------------------------------------------------------------------


def convolve(a: Any, b: Any, axes: Any = None, dot_axes: Any = None, mode: str = "full") -> Any:
    """autograd.scipy.signal.convolve: along pairs of axes, summed over further pairs.

    Args:
        a: array.
        b: array.
        axes: the axes of `a` and those of `b` along which to convolve; by default all.
        dot_axes: the axes of each over which to sum products.
        mode: "full", "valid" or "same", as of `scipy.signal.convolve`.

    Returns:
        Array with the other axes of `a`, those of `b`, then the convolved ones.
    """
    x, y = _as_arrays([a, b], "convolve")
    axes = (range(x.ndim), range(x.ndim)) if axes is None else axes
    sums = ((), ()) if dot_axes is None else dot_axes
    (of_x, of_y), sizes = axes, [(x.shape[i], y.shape[j]) for i, j in zip(*axes, strict=True)]
    if mode == "valid" and any(n < m for n, m in sizes):
        if any(n > m for n, m in sizes):
            raise ValueError(f"[convolve] One array must be the larger along all axes, got sizes {sizes}.")
        rest = [z.ndim - len(along) - len(summed) for z, along, summed in zip((x, y), axes, sums, strict=True)]
        swapped = convolve(y, x, axes[::-1], sums[::-1], mode)
        order = [*range(rest[1], sum(rest)), *range(rest[1]), *range(sum(rest), swapped.ndim)]
        return _ops.transpose(swapped, order)
    if mode != "valid":
        around = dict(zip(of_x, [m - 1 for _, m in sizes], strict=True))
        x = _ops.pad(x, [(around.get(i, 0),) * 2 for i in range(x.ndim)])
    if mode == "same":  # the middle of the full one
        cut = [slice(None)] * x.ndim
        for i, (n, m) in zip(of_x, sizes, strict=True):
            cut[i] = slice((m - 1) // 2, (m - 1) // 2 + n + m - 1)
        x = x[tuple(cut)]
    windows = _ops.sliding_window_view(x, tuple([m for _, m in sizes]), tuple(of_x))
    letters = iter(string.ascii_letters)
    left, right = [next(letters) for _ in range(x.ndim)], [next(letters) for _ in range(y.ndim)]
    for i, j in zip(*sums, strict=True):
        right[j] = left[i]
    kept = [left[i] for i in range(x.ndim) if i not in (*of_x, *sums[0])]
    kept += [right[j] for j in range(y.ndim) if j not in (*of_y, *sums[1])] + [left[i] for i in of_x]
    inside = [right[j] for j in of_y]
    return _ops.einsum(
        f"{''.join(left + inside)},{''.join(right)}->{''.join(kept)}", windows, _ops.flip(y, tuple(of_y))
    )


scipy = SimpleNamespace(signal=SimpleNamespace(convolve=convolve))
"""For `autograd.scipy.signal.convolve`, whose arguments are not SciPy's."""

__all__ = [
    "adam", "check_grads", "convolve", "defvjp", "elementwise_grad", "fixed_point", "flatten", "flatten_func",
    "grad", "hessian", "hessian_vector_product", "jacobian", "primitive", "rmsprop", "scipy", "sgd",
    "value_and_grad",
]  # fmt: skip
