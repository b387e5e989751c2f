"""Fused steps against NumPy on random op lists, and proof that mistakes of planner and code generator are found.

Most of it runs the generated source as plain Python, where many small cases cost no compiling, under limits so
small that small arrays have chunks, tiles, splits and row memory.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.interpreting import drawn_limits, interpreted, limits, run
from support.oracles import TOLERANCE, direction, inner
from support.random_programs import Case, cases

import fastvjp as fv
import fastvjp.devices.nest as nests
from fastvjp.core.layouts import Layout
from fastvjp.devices import phases
from fastvjp.kernels.fused import arrays, row_memory, tile_arrays, tiles, values
from fastvjp.kernels.fused.text import combination, identity_value
from fastvjp.kernels.runtime import columns
from fastvjp.planning import fusion, steps
from fastvjp.planning.plan import View

__all__ = ["interpreted"]

WHOLE = ("float64", "int32", "int64", "uint8", "float32", "complex128")
KINDS = ("real", *WHOLE)


def check(case: Case) -> None:
    """Assert that a plan gives what NumPy gave: whole numbers exactly."""
    for var, result in zip(case.outputs, run(case), strict=True):
        expected = case.values[var]
        assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
        if case.exact:
            np.testing.assert_array_equal(result, expected)
        else:
            np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-9)


def property_test(examples: int) -> settings:
    """For properties of so many random cases."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


# --- random op lists -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("interpreted")
@property_test(400)
@given(cases(WHOLE), drawn_limits)
def test_whole_numbers(case, small):
    with limits(**small):
        check(case)


@pytest.mark.usefixtures("interpreted")
@property_test(300)
@given(cases(["real"]), drawn_limits)
def test_real_numbers(case, small):
    with limits(**small):
        check(case)


@property_test(15)
@given(cases(KINDS), drawn_limits)
def test_compiled(case, small):
    with limits(**small):
        check(case)


MOVES: list[Callable[[Any, Any, Any], Any]] = [
    lambda m, x, y: m.tanh(x) * y,
    lambda m, x, y: x + m.sin(y * x),
    lambda m, x, y: x - m.mean(x, axis=-1, keepdims=True),
    lambda m, x, y: m.exp(m.tanh(x)) / m.sum(m.exp(m.tanh(x)), axis=-1, keepdims=True),
    lambda m, x, y: x / m.sqrt(1 + m.sum(x * x, axis=(-2, -1), keepdims=True)),
    lambda m, x, y: m.tanh(x * m.sum(x * y, axis=0)),
    lambda m, x, y: x * m.prod(1 + x / 4, axis=0, keepdims=True),
    lambda m, x, y: m.concatenate([x[..., 1:] * y[..., :-1], x[..., :1]], axis=-1),
    lambda m, x, y: x[..., ::-1] - y[:1],
    lambda m, x, y: m.transpose(m.reshape(m.transpose(x) * m.transpose(y), x.shape[::-1])),
    lambda m, x, y: m.reshape(m.reshape(x, (-1,)) * m.sum(m.reshape(y, (-1,))), x.shape),
    lambda m, x, y: y + m.sum(m.sum(x, axis=-1)),
]
"""Smooth functions of two arrays of one shape, of numpy's or fastvjp's, to one of that shape."""


@pytest.mark.usefixtures("interpreted")
@property_test(60)
@given(
    st.lists(st.sampled_from(MOVES), min_size=1, max_size=4),
    st.sampled_from([(3, 3), (2, 4), (2, 3, 2), (1, 3), (4, 1)]),
    st.integers(0, 2**32 - 1),
    drawn_limits,
)
def test_vjp_of_compositions(moves, shape, seed, small):
    """<v, J^T u> = <J v, u>, with J v from NumPy by a complex step, of which no digits cancel."""

    def fun(m: Any, x: Any, y: Any) -> Any:
        for move in moves:
            x, y = y, move(m, x, y)
        return m.sum(x * y, axis=-1)

    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-1, 1, (2, *shape))
    u, v, w = direction(rng, np.sum(x, -1)), direction(rng, x), direction(rng, y)
    program = fv.record(lambda x, y, u: fv.vjp(lambda x, y: fun(fv, x, y), [x, y], [u])[1], x, y, u)
    with limits(**small):
        gradients = run(program)
    left, left_size = inner([v, w], gradients)
    step = 1e-30
    right, right_size = inner([u], [fun(np, x + 1j * step * v, y + 1j * step * w).imag / step])
    # What is composed may be constant but for rounding: a sum of differences to the mean, say. So numbers of order
    # one, as all inputs are, count as well.
    assert abs(left - right) <= TOLERANCE * max(1, left_size + right_size)


# --- a wrong plan or kernel is found ---------------------------------------------------------------------


def aligned_last(builder: fusion.Builder, layout: Layout) -> Layout:
    """Values for rows as if they were values for columns, where there are so many: none is written beyond."""
    missing = len(builder.shape) - len(layout.strides)
    enough = all(n <= m for n, m in zip(builder.shape[missing:], layout.shape, strict=True))
    strides = (0,) * missing + layout.strides if enough else layout.strides + (0,) * missing
    return Layout(builder.shape, strides, layout.offset)


def on_one_place(turn: columns._Turn, view: View) -> View:
    """All columns of a temporary on the place of one."""
    shape, strides, offset = view.layout
    return replace(view, layout=Layout(shape, tuple(s // turn.columns for s in strides), offset // turn.columns))


def combined_wrongly(combine: str, *rest: Any) -> str:
    return combination("add" if combine == "maximum" else combine, *rest)


def identity_of_another(combine: str, dtype: np.dtype) -> str:
    return identity_value("multiply" if combine == "add" else combine, dtype)


WRONG = {
    "combination of a reduction": (values, "combination", combined_wrongly),
    "combination at an edge": (arrays, "combination", combined_wrongly),
    "identity of a reduction": (values, "identity_value", identity_of_another),
    "identity at an edge": (arrays, "identity_value", identity_of_another),
    "phase": (phases._Scheduler, "at", lambda self, k: self.ready[k]),
    "place in row memory": (row_memory.RowMemory, "linear", lambda self: "0"),
    "places of a tile": (row_memory.RowMemory, "place", lambda self, name: f"{name}[lane]"),
    "values of the row of a tile": (tiles.Tiles, "handed", lambda self, reads: []),
    "what a tile collects": (tile_arrays.TileArrays, "end", lambda self, a: "pass"),
    "columns of temporaries": (columns._Turn, "__call__", on_one_place),
    "chunks that meet": (nests.Nest, "unit", lambda self, place: 1),
    "bounds of padded views": (arrays.Arrays, "bounds", lambda self, a: [f"in{a} = True"]),
    "rows": (fusion.Builder, "layout", aligned_last),
    "places of results": (steps, "reduced_layout", lambda shape, axes: Layout(shape, (0,) * len(shape))),
}


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_is_found(wrong):
    def fails_once(drawn: tuple[Case, dict[str, float]]) -> bool:
        case, small = drawn
        try:
            with limits(**small):
                check(case)
        except Exception:
            return True
        return False

    def fails(drawn: tuple[Case, dict[str, float]]) -> bool:
        return fails_once(drawn) and fails_once(drawn)  # a failure that passes is none of the mistake's

    found: list[tuple[Case, dict[str, float]]] = []

    class Stop(Exception):
        """Enough is found."""

    @settings(property_test(1000), database=None, phases=[Phase.generate])
    @given(st.tuples(cases(KINDS), drawn_limits))
    def search(drawn: tuple[Case, dict[str, float]]) -> None:
        if found or fails(drawn):
            found.append(drawn)
            raise Stop

    module, name, replacement = WRONG[wrong]
    # hypothesis runs what it has found again: a case that reads foreign memory may then pass, Stop comes again
    with patch.object(module, name, replacement), suppress(Stop):
        search()
    assert found
    assert not fails(found[0])  # the mistake alone is to blame
