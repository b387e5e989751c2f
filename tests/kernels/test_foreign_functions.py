"""Element functions of users that reach what Numba has jitted for itself, or what needs its runtime."""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import pytest

import fastvjp as fv
from fastvjp.kernels.native import jit

pytestmark = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled with NUMBA_DISABLE_JIT=1")

module = types.ModuleType("module")
"""Of which a function takes attributes: these are not seen where a definition is read."""


@numba.njit
def twice(x):
    return 2 * x


@numba.njit
def factorial(n):
    return 1.0 if n <= 1 else n * factorial(n - 1)


@numba.vectorize
def thrice(x):
    return 3 * x


def overloaded(x):
    return 7 * x


@numba.extending.overload(overloaded)
def _overloaded(x):
    def calling(x):
        return twice(x) + 5 * x

    return calling


vars(module).update(twice=twice, factorial=factorial, thrice=thrice, overloaded=overloaded)
TABLE = np.array([3.0, 1.0, 2.0])
PLACES = np.arange(3.0)
F = TypeVar("F", bound=Callable[..., Any])


Functions = list[tuple[Callable[..., Any], Callable[[np.ndarray], np.ndarray]]]
COMPILED: Functions = []
"""Element functions, and what they compute."""
IN_PYTHON: Functions = []


def case(cases: Functions, expected: Callable[[np.ndarray], np.ndarray]) -> Callable[[F], F]:
    def added(function: F) -> F:
        cases.append((function, expected))
        return function

    return added


@case(COMPILED, lambda x: 2 * x)
def of_a_module(x):
    return module.twice(x)


@case(COMPILED, np.vectorize(lambda x: math.prod((x - i for i in range(math.ceil(x) - 1)), start=1.0)))
def recursive(x):
    return module.factorial(x)


@case(COMPILED, lambda x: 6 * x)
def vectorised(x):
    return thrice(x) + module.thrice(x)


@case(COMPILED, lambda x: 14 * x)
def of_an_overload(x):
    return overloaded(x) + module.overloaded(x)


@case(COMPILED, lambda x: TABLE[x.astype(int) % 3] * x)
def looked_up(x):
    return TABLE[int(x) % 3] * x


@case(IN_PYTHON, lambda x: x)
def with_a_new_array(x):
    return np.zeros(3).sum() + x


@case(IN_PYTHON, lambda x: 6 * x)
def with_a_list(x):
    return sum([x * i for i in range(4)])


@case(IN_PYTHON, lambda x: 2 * x)
def with_a_dict(x):
    return {1: x, 2: 2 * x}[2]


@case(IN_PYTHON, lambda x: np.interp(x, np.arange(3.0), TABLE))
def interpolated(x):
    return np.interp(x, PLACES, TABLE)


@pytest.mark.parametrize(("function", "expected"), COMPILED, ids=lambda f: f.__name__)
def test_compiled(function: Any, expected: Any, rng: np.random.Generator) -> None:
    x = rng.uniform(0, 6, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(fv.custom_primitive(function)(x), expected(x), rtol=1e-13)


@pytest.mark.parametrize(("function", "expected"), IN_PYTHON, ids=lambda f: f.__name__)
def test_in_plain_python_with_a_warning(function: Any, expected: Any, rng: np.random.Generator) -> None:
    x = rng.uniform(0, 2, 20)
    with pytest.warns(fv.CompileWarning, match="in plain Python"):
        np.testing.assert_allclose(fv.custom_primitive(function)(x), expected(x), rtol=1e-13)


def test_numba_is_left_alone() -> None:
    """Behind a compile of ours."""

    def root_and_more(x):
        return math.sqrt(x) + twice(x)

    fv.custom_primitive(root_and_more)(1.0)

    @numba.njit
    def later(n):
        return np.zeros(n).sum() + len([twice(i) for i in range(n)])

    assert later(3) == 3
