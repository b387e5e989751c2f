"""Random compositions of functions: value and gradient against finite differences, and against JAX if installed.

Kernels run as plain Python, where many small cases cost no compiling.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from support.checks import forget
from support.compositions import Composition, compositions
from support.interpreting import interpreted
from support.oracles import TOLERANCE, differences, direction, inner

import fastvjp as fv
from fastvjp.core.primitive import REGISTRY

__all__ = ["interpreted"]


def gradient(made: Composition) -> list[np.ndarray]:
    """By all inputs, beside a value that is NumPy's."""
    value, found = fv.value_and_grad(lambda *xs: made(np, *xs), list(range(len(made.inputs))))(*made.inputs)
    np.testing.assert_allclose(value, made(np, *made.inputs), rtol=1e-11, atol=1e-11)
    return found


def check(made: Composition) -> None:
    """<gradient, v> by differences along a random v; values in between are of the size of 1."""
    found = gradient(made)
    vs = [direction(np.random.default_rng(), x) for x in made.inputs]
    (slope,) = differences(lambda *xs: [made(np, *xs)], made.inputs, vs)
    along, size = inner(found, vs)
    assert abs(along - slope) <= TOLERANCE * max(1, size), f"{along} along {vs}, {slope} by differences"


def several(examples: int) -> settings:
    """For so many random compositions."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.usefixtures("interpreted")
@several(300)
@given(compositions())
def test_gradients_by_differences(made):
    check(made)


@pytest.mark.usefixtures("interpreted")
@several(12)
@given(compositions())
def test_gradients_by_jax(made):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        expected = jax.grad(lambda *xs: made(jax.numpy, *xs), list(range(len(made.inputs))))(*made.inputs)
    size = max([1.0, *(np.abs(np.asarray(g)).max() for g in expected)])
    for got, want in zip(gradient(made), expected, strict=True):
        np.testing.assert_allclose(got, np.asarray(want), rtol=0, atol=1e-10 * size)


# --- rules that are wrong on purpose ---------------------------------------------------------------------

WRONG: dict[str, tuple[str, Callable[..., Any]]] = {
    "concatenate": ("*xs", lambda g, xs: [fv.zeros_like(x) for x in xs]),
    "matmul": ("y", lambda g, x: fv.matmul(fv.conj(fv.swapaxes(x, -1, -2)), g) * 1.001),
    "gather": ("x", lambda g, x: fv.zeros_like(x)),
}
"""The operand and the rule, by the primitive."""


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    operand, rule = WRONG[name]
    right = REGISTRY[name]
    wrong = replace(right, rules={**(right.rules or {}), operand: rule})
    found: list[Composition] = []

    def fails(made: Composition) -> bool:
        forget()  # recorded calls have the primitives of their time
        try:
            check(made)
        except AssertionError:
            return True
        return False

    class Stop(Exception):
        """Enough is found."""

    @settings(several(2000), database=None, phases=[Phase.generate])
    @given(compositions())
    def search(made: Composition) -> None:
        if found or fails(made):
            found.append(made)
            raise Stop

    with monkeypatch.context() as patched:
        patched.setitem(REGISTRY, name, wrong)
        with suppress(Stop):
            search()
        assert found
    assert not fails(found[0])  # the rule alone is to blame
