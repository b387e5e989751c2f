"""Steps that go through tiles of neighbouring rows: compiled, at the limits that users have, against NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.interpreting import plan_of
from support.oracles import check_derivatives

import fastvjp as fv
from fastvjp.devices.nest import Nest
from fastvjp.kernels.fused.tiling import LEAST, MIXED, MOST, SHORT, SHORT_ROW, UNIT, apart, tiled_nest
from fastvjp.kernels.runtime.columns import by_column
from fastvjp.kernels.runtime.executable import Executable
from fastvjp.planning.plan import FusedStep


def softmax(m: Any, x: Any) -> Any:
    e = m.exp(x - m.max(x, axis=-1, keepdims=True))
    return e / m.sum(e, axis=-1, keepdims=True)


def standardised(m: Any, x: Any) -> Any:
    centred = x - m.mean(x, axis=-1, keepdims=True)
    return m.tanh(centred / m.sqrt(m.mean(centred * centred, axis=-1, keepdims=True) + 1))


FUNCTIONS = {
    "softmax": softmax,
    "standardised": standardised,
    "to_each_column": lambda m, x: m.sum(m.sin(x), axis=tuple(range(x.ndim - 1))),
    "to_each_row": lambda m, x: m.sum(m.exp(-x * x), axis=-1),
    "to_one": lambda m, x: m.sum(m.tanh(x) * x[..., :1]),
    "distances": lambda m, x: m.sum((x[..., :, None, :] - x[..., None, :5, :]) ** 2, axis=-1),
    "mixture": lambda m, x: m.log(
        1 + m.sum(m.exp(-m.sum((x[..., :, None, :] - x[..., None, :5, :]) ** 2, axis=-1)), axis=-1)
    ),
    "kept_for_later": lambda m, x: m.sum(
        m.exp(x) / m.sum(m.exp(x), axis=-1, keepdims=True) * m.sin(9 * x), axis=-1
    ),
    "padded": lambda m, x: x[1:] * x[:-1] + m.exp(x[1:]) * m.sum(x[1:], axis=-1, keepdims=True),
    "other_order": lambda m, x: m.tanh(m.swapaxes(x, -1, -2)) * m.reshape(x, m.swapaxes(x, -1, -2).shape),
    "other_order_with_sums": lambda m, x: m.sum(
        m.exp(-m.swapaxes(x, -1, -2)) * m.reshape(x, m.swapaxes(x, -1, -2).shape), axis=0
    ),
}
ROWS = (LEAST - 1, LEAST, UNIT + 1, MIXED + 3, 2 * MOST + 5)


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_values_and_derivatives(name: str, data: st.DataObject) -> None:
    """In float64, and the values in float32."""
    rows, columns = data.draw(st.sampled_from(ROWS)), data.draw(st.integers(1, SHORT_ROW + 1))
    shape = data.draw(st.sampled_from([(rows, columns), (2, rows, columns), (rows, 3, columns)]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = rng.uniform(-1, 1, shape)
    if data.draw(st.booleans()):
        x = np.asfortranarray(x)
    function = FUNCTIONS[name]
    expected = function(np, x)
    check_derivatives(lambda x: [function(fv, x)], lambda x: [function(np, x)], [x], rng, forward=False)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(function(fv, fv.array(x)), expected, rtol=1e-12, atol=1e-13 * scale)
    single = fv.compile(lambda x: function(fv, x))(x.astype("float32"))
    np.testing.assert_allclose(single, function(np, x.astype("float32")), rtol=2e-4, atol=2e-5 * scale)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "complex64"])
def test_other_dtypes(rng: np.random.Generator, dtype: str) -> None:
    x = rng.integers(0, 2 if dtype in ("bool", "complex64") else 5, (300, 5)).astype(dtype)
    for fun in (np.sum, np.prod, np.any) if dtype == "complex64" else (np.sum, np.prod, np.max, np.min, np.any):
        for axis in (0, 1):
            ours = getattr(fv, fun.__name__)
            got = ours(fv.where(fv.array(x) == x[:, :1], x, x[0]), axis=axis)
            np.testing.assert_array_equal(got, fun(np.where(x == x[:, :1], x, x[0]), axis=axis))


def nests(fun: Any, *args: np.ndarray) -> list[Nest]:
    return [tiled_nest(step) for step in plan_of(fv.record(fun, *args))[0].steps if isinstance(step, FusedStep)]


@pytest.mark.parametrize(
    ("fun", "shape", "tiled"),
    [
        (softmax, (300, SHORT), True),
        (softmax, (300, SHORT_ROW), True),
        (softmax, (300, SHORT_ROW + 1), False),
        (softmax, (LEAST - 1, SHORT), False),
        (standardised, (300, 10), True),
        (lambda m, x: m.sum(x * x, axis=1), (300, SHORT), True),
        (lambda m, x: m.sum(x * x, axis=1), (300, SHORT + 1), False),  # too little to copy rows for
        (lambda m, x: x + m.tanh(x.T), (300, 300), True),
        (lambda m, x: m.tanh(x.T), (300, 300), True),
        (lambda m, x: m.tanh(x[:, ::2]), (300, 300), True),
        (lambda m, x: m.tanh(x[::2, 0]), (300, 3), True),
        (lambda m, x: m.tanh(x) + x[0], (300, 300), False),
    ],
)
def test_which_steps_are_tiled(rng: np.random.Generator, fun: Any, shape: tuple[int, int], tiled: bool) -> None:
    (nest,) = nests(lambda x: fun(fv, x), rng.random(shape))
    assert bool(nest.lanes) == tiled and nest.lanes % UNIT == 0


@pytest.mark.parametrize(
    ("fun", "turned"),
    [
        (lambda x, y: fv.sum(fv.logsumexp(-fv.sum((x[:, None] - y) ** 2, axis=-1), axis=-1)), True),
        (lambda x, y: fv.sum(softmax(fv, x) @ y), False),  # a product takes rows
        (lambda x, y: fv.sum(fv.sin(fv.cumsum(x, axis=0) * 2)), False),
    ],
)
def test_temporaries_are_turned(rng: np.random.Generator, fun: Any, turned: bool) -> None:
    """Behind which only arguments and results are copied for tiles."""
    x, y = rng.random((5000, 8)), rng.random((8, 8))
    plan, _ = plan_of(fv.record(lambda x, y: fv.vjp(fun, [x, y], [1.0]), x, y))
    found = Executable(plan).plan
    assert (found is not plan) == turned
    if turned:
        assert by_column(found) is found
        steps = [step for step in found.steps if isinstance(step, FusedStep) and tiled_nest(step).lanes]
        copied = {step.views[a].buffer for step in steps for a in apart(tiled_nest(step))}
        assert copied.isdisjoint(found.offsets)


def test_nothing_of_a_turned_temporary_is_a_result(rng: np.random.Generator) -> None:
    x, y = rng.random((5000, 8)), rng.random((8, 8))

    def fun(x: Any, y: Any) -> Any:
        squares = fv.sum((x[:, None] - y) ** 2, axis=-1)
        return fv.logsumexp(-squares, axis=-1), fv.concatenate([squares[:0], squares[:0]])

    plan, _ = plan_of(fv.record(fun, x, y))
    assert Executable(plan).plan is not plan
    found, nothing = fv.compile(fun)(x, y)
    expected = np.log(np.exp(-((x[:, None] - y) ** 2).sum(-1)).sum(-1))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert nothing.shape == (0, 8)


@pytest.mark.parametrize("rows", ROWS)
def test_one_value_for_some_columns_of_each_row(rng: np.random.Generator, rows: int) -> None:
    """A load that lies apart, does not move along the columns, and ends among them."""
    x, y = rng.random((rows, 3)), rng.random((rows, 4))

    def fun(x: Any, y: Any) -> Any:
        values = fv.broadcast_to(y[:, 3:], (rows, 2))
        return fv.vjp(lambda x: x[:, 1:], [x], [values])[1][0] * 2 + x

    expected = x.copy()
    expected[:, 1:] += 2 * y[:, 3:]
    np.testing.assert_allclose(fv.compile(fun)(x, y), expected, rtol=1e-15)


@pytest.mark.parametrize("rows", ROWS)
def test_one_value_for_some_other_rows_of_each_row(rng: np.random.Generator, rows: int) -> None:
    """A load that lies apart, does not move along another axis of rows, and ends there."""
    x, y = rng.random((rows, 3, 4)), rng.random((rows, 5))

    def fun(x: Any, y: Any) -> Any:
        values = fv.broadcast_to(y[:, :1, None], (rows, 2, 4))
        return fv.sum(fv.vjp(lambda x: x[:, 1:], [x], [values])[1][0] * x, axis=2)

    expected = x.sum(axis=2) * y[:, :1]
    expected[:, 0] = 0
    np.testing.assert_allclose(fv.compile(fun)(x, y), expected, rtol=1e-13)


@pytest.mark.parametrize("axes", ["ni,nj,nk->nijk", "ni,nj->nij", "nik,nj->nijk", "nj,nik->nijk", "njk,ni->nijk"])
def test_arrays_that_move_along_some_axes_of_rows(rng: np.random.Generator, axes: str) -> None:
    """They are copied, and what is combined there is collected, in the loops over these axes."""
    terms, out = axes.split("->")
    sizes = {"n": 2 * MOST + 5, "i": 3, "j": 2, "k": 4}
    xs = [rng.random([sizes[axis] for axis in term]) for term in terms.split(",")]

    def fun(m: Any, *xs: Any) -> Any:
        views = [x[tuple([slice(None) if axis in term else None for axis in out])]
                 for x, term in zip(xs, terms.split(","), strict=True)]  # fmt: skip
        return m.sum(m.exp(math.prod(views)), axis=-1)

    np.testing.assert_allclose(fv.compile(lambda *xs: fun(fv, *xs))(*xs), fun(np, *xs), rtol=1e-12)
    check_derivatives(lambda *xs: [fun(fv, *xs)], lambda *xs: [fun(np, *xs)], [x[:40] for x in xs], rng)


def test_many_axes_of_rows(rng: np.random.Generator) -> None:
    """Which take as little time to put in order as few."""
    x = rng.random((2 * MOST, *[2] * 9, 3))
    orders = [(0, *range(9, 0, -1), 10), (0, 2, 1, 4, 3, 6, 5, 8, 7, 9, 10)]

    def fun(m: Any, x: Any) -> Any:
        first, second = (m.transpose(x, order) for order in orders)
        return m.sum(m.tanh(first) * second * x, axis=-1)

    np.testing.assert_allclose(fv.compile(lambda x: fun(fv, x))(x), fun(np, x), rtol=1e-12)


def test_an_index_that_is_none_of_a_row_is_found_in_any_tile(rng: np.random.Generator) -> None:
    rows = 3 * MOST
    index = rng.integers(0, 5, rows)
    x = rng.random((rows, 5))
    pick = fv.compile(lambda x, i: fv.exp(x)[fv.arange(rows), i] / fv.sum(fv.exp(x), axis=1))
    expected = np.exp(x)[np.arange(rows), index] / np.exp(x).sum(axis=1)
    np.testing.assert_allclose(pick(x, index), expected, rtol=1e-12)
    bad = int(rng.integers(rows))
    index[bad] = 5
    with pytest.raises(IndexError, match=rf"out of range for an axis of size 5 \(element {bad} of"):
        pick(x, index)
