"""`scipy.integrate.odeint`, with the derivative by its adjoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays.array import as_array
from ..arrays.public import implements
from ..core.avals import float64
from ..custom.callback import pure_callback
from ..custom.function import custom_function
from ..ops import atleast_1d
from ..transforms.ravel import ravel_tree
from ..transforms.tree import TreeDef, flatten, unflatten
from ..transforms.vjp import vjp


@implements("scipy.integrate.odeint")
def _odeint(func: Callable[..., Any], y0: Any, t: Any, args: Any = (), **options: Any) -> Any:
    for name in options:
        if name not in ("rtol", "atol", "tfirst", "h0", "hmax", "hmin", "mxstep", "mxhnil", "mxordn", "mxords"):
            raise TypeError(f"[scipy.integrate.odeint] {name}= is not recorded.")
    leaves, definition = flatten(tuple(args))
    arrays = [as_array(x, "odeint") for x in leaves]
    problem = _Problem(func, definition, tuple(sorted(options.items())))
    start, times = as_array(y0, "odeint", float64), as_array(t, "odeint", float64)  # in which SciPy solves
    return _solution(problem)(atleast_1d(start), times, *arrays)


@dataclass(frozen=True)
class _Problem:
    """An ordinary differential equation: equal ones are the same step of a plan."""

    func: Callable[..., Any]
    definition: TreeDef
    options: tuple[tuple[str, Any], ...]

    def slope(self, y: Any, t: Any, *leaves: Any) -> Any:
        """The right-hand side."""
        args = unflatten(self.definition, list(leaves))
        return self.func(t, y, *args) if dict(self.options).get("tfirst") else self.func(y, t, *args)

    def solve(self, right: Callable[..., Any], y0: Any, t: Any) -> Any:
        """What SciPy finds for a right-hand side of y and t."""
        import scipy.integrate

        return scipy.integrate.odeint(right, y0, t, **(dict(self.options) | {"tfirst": False}))


@dataclass(frozen=True)
class _Values:
    """The solution at all times."""

    problem: _Problem

    def __call__(self, y0: Any, t: Any, *leaves: Any) -> Any:
        problem = self.problem
        return problem.solve(lambda y, s: problem.slope(y, s, *leaves), y0, t)


@dataclass(frozen=True)
class _Adjoint:
    """Cotangents of y0, t and the arguments: the adjoint equation, backward from each time to the one before.

    Chen, Rubanova, Bettencourt and Duvenaud, Neural ordinary differential equations (2018), appendix B.
    """

    problem: _Problem

    def __call__(self, found: Any, g: Any, y0: Any, t: Any, *leaves: Any) -> Any:
        n = len(y0)
        vector, unravel = ravel_tree(list(leaves)) if leaves else (np.zeros(0), None)

        def backward(state: Any, s: Any) -> Any:
            y, a = state[:n], state[n : 2 * n]
            outputs, (to_y, *to_leaves) = vjp(
                lambda y, *own: self.problem.slope(y, s, *own), [np.array(y), *map(np.asarray, leaves)], [a]
            )
            rest = np.concatenate([np.ravel(x) for x in to_leaves]) if leaves else np.zeros(0)
            return np.concatenate([outputs[0], -np.asarray(to_y), -rest])

        a, total, to_t = np.array(g[-1]), np.zeros_like(vector), np.zeros_like(t)
        for i in range(len(t) - 1, 0, -1):
            to_t[i] = np.dot(g[i], self.problem.slope(found[i], t[i], *leaves))
            start = np.concatenate([found[i], a, total])
            end = self.problem.solve(backward, start, np.array([t[i], t[i - 1]]))[1]
            a, total = end[n : 2 * n], end[2 * n :]
            if i == 1:
                to_t[0] = -np.dot(a, self.problem.slope(found[0], t[0], *leaves))
            a = a + g[i - 1]
        return [a, to_t, *(unravel(total) if unravel else [])]


def _solution(problem: _Problem) -> Any:
    """The solution as a function of y0, t and the leaves of the arguments."""

    @custom_function
    def solution(y0: Any, t: Any, *leaves: Any) -> Any:
        return pure_callback(_Values(problem), ((*t.shape, *y0.shape), y0.dtype), y0, t, *leaves)

    @solution.vjp
    def rule(primals: Any, g: Any, found: Any) -> Any:
        return tuple(pure_callback(_Adjoint(problem), list(primals), found, g, *primals))

    return solution
