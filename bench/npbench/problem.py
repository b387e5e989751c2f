"""A program as a function with one value, which NumPy computes and libraries differentiate.

The value is the sum of all results times fixed random weights, of complex ones the real part. Results are what the
program returns or, if that are no arrays, the arguments that it has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .checkout import JAX_RESULTS, SYMMETRIC, Program, is_array

STEPS = (1e-6, 1e-8, 1e-5, 1e-7, 1e-9, 1e-10, 1e-12, 1e-4)
"""Of differences, as parts of the largest number of an argument: the first one that agrees counts."""
NEGLIGIBLE = 1e-5
"""A derivative by a relative change that is no larger than that of the magnitude of the results."""
AGREES = 1e-5
"""Of derivatives that agree, by how much they differ at most, as a part."""


class Unsuitable(Exception):
    """A program that has no gradient, or a library that has not this one's."""


class Problem:
    """A program at a size.

    Args:
        program: of the checkout.
        size: the name of the size.

    Raises:
        Unsuitable: it has no floating arrays, or no results.
    """

    def __init__(self, program: Program, size: str) -> None:
        self.program = program
        self.arguments = program.arguments(size)
        self.names = program.differentiated(self.arguments)
        if not self.names:
            raise Unsuitable("no gradient: no argument is an array of floating numbers")
        self.numpy = program.function("numpy")
        given = self._copied()
        returned = _floating(_flat(self.numpy(*given.values())))
        self.changed: list[str] = []
        """The arguments that are results."""
        if not returned:
            same = [np.array_equal(given[k], self.arguments[k], equal_nan=True) for k in self.names]
            changed = [k for k, is_same in zip(self.names, same, strict=True) if not is_same]
            said = [k for k in self.names if k in program.described["output_args"]]  # not always right
            self.changed = changed or said  # what is linear may come to rest
        results = [*returned, *(given[k] for k in self.changed)]
        if not results:
            raise Unsuitable("no gradient: no result is an array of floating numbers")
        rng = np.random.default_rng(1)
        self.weights = [rng.normal(size=np.shape(x)) for x in results]
        self.magnitude = sum(float(np.sum(np.abs(w * x))) for w, x in zip(self.weights, results, strict=True))

    @property
    def primals(self) -> list[np.ndarray]:
        """What it is differentiated by."""
        return [self.arguments[name] for name in self.names]

    def _copied(self) -> dict[str, Any]:
        return {k: x.copy() if is_array(x) else x for k, x in self.arguments.items()}

    def loss(self, fun: Callable[..., Any], total: Callable[[Any], Any]) -> Callable[..., Any]:
        """The value as a function of the primals.

        Args:
            fun: the NumPy program, or a copy of it.
            total: the sum of an array, of complex numbers the real part.
        """

        def value(*primals: Any) -> Any:
            given = {**self.arguments, **dict(zip(self.names, primals, strict=True))}
            returned = fun(*given.values())
            results = [given[k] for k in self.changed] or _floating(_flat(returned))
            return sum(total(x * w) for x, w in zip(results, self.weights, strict=True))

        return value

    def jax_loss(self, jnp: Any) -> Callable[..., Any]:
        """The value by the JAX program, whose outer `jit` is left out: all is in one, and numbers stay numbers.

        Raises:
            Unsuitable: it has other results.
        """
        try:
            fun = self.program.function("jax")
        except FileNotFoundError:
            raise Unsuitable("there is no JAX program") from None
        fun = getattr(fun, "__wrapped__", fun)
        arguments = {k: jnp.asarray(x) if is_array(x) else x for k, x in self.arguments.items()}

        def value(*primals: Any) -> Any:
            given = {**arguments, **dict(zip(self.names, primals, strict=True))}
            returned = _floating(_flat(fun(*given.values())))
            places = JAX_RESULTS.get(self.program.name, range(len(self.weights)))
            results = [returned[k] for k in places if k < len(returned)]
            if [x.shape for x in results] != [w.shape for w in self.weights]:
                raise Unsuitable("its JAX program does not return these results")
            return sum(jnp.sum(x * w).real for x, w in zip(results, self.weights, strict=True))

        return value

    def error(self, gradients: Sequence[np.ndarray]) -> float:
        """By how much gradients differ from differences of NumPy's values along a random direction for each."""
        rng = np.random.default_rng(2)
        symmetric = SYMMETRIC.get(self.program.name, ())
        errors = []
        for k, (name, g) in enumerate(zip(self.names, gradients, strict=True)):
            direction = _direction(rng, g)
            errors.append(self._difference(k, g, direction + direction.T if name in symmetric else direction))
        return float(np.max(errors))  # nan if any is

    def _difference(self, k: int, gradient: np.ndarray, direction: np.ndarray) -> float:
        found = []
        for step in STEPS:
            moved = step * (np.abs(self.primals[k]).max() or 1) * direction
            there, back = (self._value_beside(k, sign * moved) for sign in (1, -1))
            expected = np.sum(np.conj(gradient) * moved).real
            scale = np.linalg.norm(gradient * moved) + NEGLIGIBLE * step * self.magnitude
            found.append(float(abs((there - back) / 2 - expected) / scale))
            if found[-1] < AGREES:
                break
        return min(found, key=lambda error: (np.isnan(error), error))

    def _value_beside(self, k: int, moved: np.ndarray) -> float:
        given = self._copied()
        primals = [given[name] for name in self.names]
        primals[k] = primals[k] + moved
        try:
            return float(self.loss(self.numpy, lambda x: np.sum(x).real)(*primals))
        except np.linalg.LinAlgError:  # too far
            return float("nan")


def _direction(rng: np.random.Generator, like: np.ndarray) -> np.ndarray:
    real = rng.normal(size=like.shape)
    return real + 1j * rng.normal(size=like.shape) if like.dtype.kind == "c" else real


def _flat(returned: Any) -> list[Any]:
    return list(returned) if isinstance(returned, tuple | list) else [returned]


def _floating(values: Sequence[Any]) -> list[Any]:
    return [x for x in values if getattr(x, "shape", ()) != () and np.dtype(x.dtype).kind in "fc"]
