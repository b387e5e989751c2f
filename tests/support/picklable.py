"""Functions of every transform, as a module of the user's has them: with names, decorated, with rules."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastvjp as fv

X = np.array([1.0, 2.0, 3.0])


def loss(x: np.ndarray, *, scale: float = 1.0) -> Any:
    """The sum of cubes."""
    return np.sum(x**3) * scale


@fv.grad
def decorated(x: np.ndarray) -> Any:
    """The sum of squares."""
    return np.sum(x**2)


@fv.compile
@fv.value_and_grad
def twice_decorated(x: np.ndarray) -> Any:
    return np.sum(x**4)


@fv.custom_function
def clipped(x: Any) -> Any:
    """The same, with a gradient that is clipped."""
    return x


@clipped.vjp
def _(x: Any, g: Any, out: Any) -> Any:
    return fv.clip(g, -1.0, 1.0)


@clipped.vmap
def _(x: Any, axis: Any) -> Any:
    return x, axis


def _softplus(x):
    return np.logaddexp(type(x)(0), x)


def _softplus_vjp(g, x):
    return g / (type(x)(1) + np.exp(-x))


def differences(out: Any, x: Any) -> Any:
    """Of neighbours."""
    out[:] = x[1:] - x[:-1]


def _differences_vjp(dx: np.ndarray, g: np.ndarray) -> None:
    dx[0], dx[1:-1], dx[-1] = -g[0], g[:-1] - g[1:], g[-1]


def _shape(x: Any) -> tuple[int, ...]:
    return (x.size - 1,)


softplus = fv.custom_primitive(_softplus, _softplus_vjp)
differences = fv.custom_kernel(differences, _differences_vjp, infer=_shape)


def of_everything(x: np.ndarray) -> Any:
    return np.sum(clipped(softplus(x))) + np.sum(made["custom_kernel"](x) ** 2) + np.sum(np.sort(x)[0])


gradient = fv.grad(loss)
made: dict[str, Any] = {
    "grad": gradient,
    "value_and_grad": fv.value_and_grad(loss),
    "jacrev": fv.jacrev(loss),
    "jacfwd": fv.jacfwd(loss),
    "hessian": fv.hessian(loss),
    "compile": fv.compile(gradient),
    "checkpoint": fv.checkpoint(loss),
    "vmap": fv.vmap(np.sin),
    "njit": fv.njit(gradient, X),
    "decorated": decorated,
    "twice decorated": twice_decorated,
    "custom_function": clipped,
    "custom_primitive": softplus,
    "custom_kernel": differences,
}
"""All take `X`."""


class Estimator:
    """What is fitted holds functions of its own method."""

    def __init__(self) -> None:
        self.target = np.zeros(3)
        self.gradient_ = fv.grad(self.loss)
        self.compiled_ = fv.compile(self.gradient_)

    def loss(self, w: Any) -> Any:
        return np.sum((w - self.target) ** 2)


state = {"w": fv.zeros(3)}


def add(x: Any) -> Any:
    state["w"] = state["w"] + x
    return state["w"].sum()


stateful = fv.compile(add, inputs=state, outputs=state)
stateful_elsewhere = {"step": fv.compile(lambda x: x, inputs=state, outputs=state)}


def slope(x: np.ndarray) -> list[float]:
    """What a worker is asked for."""
    return np.asarray(twice_decorated(x)[1]).tolist()
