"""fastvjp in three forms: plain `vjp`, compiled, and plain NumPy code on NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workloads.base import Problem
from .base import Call, Library
from .namespaces import Namespace, fastvjp_namespace, numpy_namespace


class Fastvjp(Library):
    """`vjp`, called anew each time: `fun` is recorded at every call."""

    name = "fastvjp"
    package = "fastvjp"
    ours = True

    def namespace(self) -> Namespace:
        """What the workload is stated in."""
        return fastvjp_namespace()

    def convert(self, x: np.ndarray) -> Any:
        """An input, outside the timing."""
        import fastvjp

        return fastvjp.array(x)

    def build(self, problem: Problem) -> Call:
        import fastvjp

        fun = problem.fun(self.namespace())
        wrt, constants = ([self.convert(x) for x in xs] for xs in (problem.wrt, problem.constants))
        cotangents = [self.convert(problem.cotangent)]

        def run() -> Any:
            (value,), gradients = fastvjp.vjp(lambda *wrt: fun(*wrt, *constants), wrt, cotangents)
            return value, gradients

        return run


class FastvjpCompiled(Fastvjp):
    """`compile` of a function that calls `vjp`."""

    name = "fastvjp compiled"

    def build(self, problem: Problem) -> Call:
        import fastvjp

        fun = problem.fun(self.namespace())

        def gradient(wrt: Any, constants: Any, cotangent: Any) -> Any:
            (value,), gradients = fastvjp.vjp(lambda *wrt: fun(*wrt, *constants), wrt, [cotangent])
            return value, gradients

        compiled = fastvjp.compile(gradient)
        wrt, constants = ([self.convert(x) for x in xs] for xs in (problem.wrt, problem.constants))
        cotangent = self.convert(problem.cotangent)
        return lambda: compiled(wrt, constants, cotangent)


class FastvjpNumpy(Fastvjp):
    """`vjp` of a function written for NumPy, from NumPy arrays to NumPy arrays."""

    name = "fastvjp numpy"

    def namespace(self) -> Namespace:
        return numpy_namespace()

    def convert(self, x: np.ndarray) -> Any:
        return x


class FastvjpCompiledNumpy(FastvjpNumpy, FastvjpCompiled):
    """The same, compiled."""

    name = "fastvjp compiled numpy"
