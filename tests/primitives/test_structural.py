"""Structural primitives as native loops: sizes around their blocks, layouts, chunks, scalars, nan, bad indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.checks import close, same
from support.op_lists import Ops, leaf

import fastvjp as fv
from fastvjp.arrays.emit import emit
from fastvjp.core import avals
from fastvjp.core.program import Var, uniform
from fastvjp.kernels import device, loops
from fastvjp.kernels.loops import MOVED
from fastvjp.kernels.runtime.executable import Native
from fastvjp.kernels.structural.sorting import BLOCK, RUN, TILE
from fastvjp.recording import ready
from fastvjp.recording.trie import trie


def cumulated(x: np.ndarray, axis: int, reverse: bool = False, exclusive: bool = False) -> np.ndarray:
    x = np.flip(x, axis) if reverse else x
    found = np.cumsum(x, axis)
    found = found - x if exclusive else found
    return np.flip(found, axis) if reverse else found


def recurred(x: np.ndarray, y: np.ndarray, axis: int, reverse: bool = False) -> np.ndarray:
    x, y = np.moveaxis(x, axis, 0), np.moveaxis(y, axis, 0)
    out, h = np.zeros(y.shape), np.zeros(y.shape[1:])
    for t in range(len(y))[:: -1 if reverse else 1]:
        out[t] = h = x[t] * h + y[t]
    return np.moveaxis(out, 0, axis)


def scattered(x: np.ndarray, index: np.ndarray, y: np.ndarray) -> np.ndarray:
    out = np.array(x)
    np.add.at(out, index, y)
    return out


# --- sizes -----------------------------------------------------------------------------------------------

SIZES = [1, 2, RUN - 1, RUN, RUN + 1, 4 * RUN, BLOCK - 1, BLOCK + 1, TILE - 1, TILE, TILE + 1, 3 * TILE + 7]


@pytest.fixture(params=[None, 5], ids=["whole", "chunks"])
def chunks(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans made anew, with loops in one chunk and in many."""
    monkeypatch.setattr(ready, "_cache", type(ready._cache)())
    trie.forget()
    monkeypatch.setattr(loops, "MOVED", request.param or MOVED)


def shapes_around(n: int) -> list[tuple[tuple[int, ...], int]]:
    """Shapes and an axis, where the axis or what is behind it has this size."""
    return [((n,), 0), ((3, n), 1), ((3, n), 0), ((2, 3, n), 1), ((2, n, 3), 1)]


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("n", SIZES)
def test_order(n: int, rng: np.random.Generator) -> None:
    for shape, axis in shapes_around(n):
        for x in (
            rng.normal(size=shape),
            rng.integers(-3, 4, shape),
            np.arange(float(np.prod(shape))).reshape(shape),
        ):
            same(fv.argsort(fv.array(x), axis=axis), np.argsort(x, axis, kind="stable"))
            same(fv.argmax(fv.array(x), axis=axis), np.argmax(x, axis))
            same(fv.argmin(fv.array(x), axis=axis), np.argmin(x, axis))


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("n", SIZES)
def test_scans(n: int, rng: np.random.Generator) -> None:
    for shape, axis in shapes_around(n):
        x, y = rng.uniform(-1, 1, size=shape), rng.normal(size=shape)
        for reverse in (False, True):
            found = emit("linear_recurrence", fv.array(x), fv.array(y), axis=axis, reverse=reverse)
            close(found, recurred(x, y, axis, reverse), atol=1e-9)
            for exclusive in (False, True):
                found = emit("cumsum", fv.array(x), axis=axis, reverse=reverse, exclusive=exclusive)
                close(found, cumulated(x, axis, reverse, exclusive), atol=1e-9)


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 300])
def test_rows(size: int, rng: np.random.Generator) -> None:
    x, y, index = rng.normal(size=(7, size)), rng.normal(size=(40, size)), rng.integers(0, 7, 40)
    arrays = [fv.array(a) for a in (x, index, y)]
    same(emit("gather", *arrays[:2]), x[index])
    close(emit("scatter_add", *arrays), scattered(x, index, y))
    last = np.array(x)
    for place, row in zip(index, y, strict=True):
        last[place] = row
    same(emit("scatter_set", *arrays), last)


# --- layouts ---------------------------------------------------------------------------------------------


@st.composite
def views(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[Any, ...], tuple[int, ...]]:
    """A shape, and a section of it (steps forward, backward, beyond one) with its axes permuted."""
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    steps = st.sampled_from(
        [slice(None), slice(None, None, -1), slice(1, None), slice(None, None, 2), slice(0, 0)]
    )
    return shape, tuple(draw(steps) for _ in shape), tuple(draw(st.permutations(range(len(shape)))))


@settings(max_examples=80, deadline=None)
@given(view=views(), repeated=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_any_view(view: Any, repeated: bool, seed: int) -> None:
    """Views of an argument, inside one plan, against the same views in NumPy."""
    rng = np.random.default_rng(seed)
    shape, items, axes = view

    def viewed(x: Any) -> Any:
        x = x[items].transpose(axes)
        return np.broadcast_to(x[:1], x.shape) if repeated else x

    x, y = rng.normal(size=shape), rng.normal(size=shape)
    v, w = viewed(x), viewed(y)
    axis = int(rng.integers(v.ndim))
    index = rng.integers(0, max(len(v), 1), len(v) and 4)
    rows = rng.normal(size=(len(index), *v.shape[1:]))
    halves = tuple(slice(n % 2, None, 2) for n in v.shape)

    def run(x: Any, y: Any, i: Any, rows: Any) -> list[Any]:
        v, w = viewed(x), viewed(y)
        return [
            emit("cumsum", v, axis=axis, reverse=True, exclusive=True),
            emit("linear_recurrence", v, w, axis=axis, reverse=False),
            fv.argsort(v, axis=axis),
            fv.concatenate([v, w, v], axis=axis),
            emit("gather", v, i[::-1]),
            emit("scatter_add", v, i[::-1], rows),
            v.at[halves].set(w[halves]),
            *([fv.argmax(v, axis=axis)] if v.shape[axis] else []),
        ]

    updated = np.array(v)
    updated[halves] = w[halves]
    wanted = [
        cumulated(v, axis, True, True),
        recurred(v, w, axis),
        np.argsort(v, axis, kind="stable"),
        np.concatenate([v, w, v], axis),
        v[index[::-1]],
        scattered(v, index[::-1], rows),
        updated,
        *([np.argmax(v, axis)] if v.shape[axis] else []),
    ]
    found = fv.compile(run)(*[fv.array(a) for a in (x, y, index, rows)])
    for got, want in zip(found, wanted, strict=True):
        close(got, want)


def test_scalar_operands() -> None:
    """Operands that have no memory: one number stands for all elements."""
    ones, zeros, twos = fv.ones((3, 4)), fv.zeros((3, 4)), fv.full((2, 4), 2.0)
    first = fv.zeros(2, dtype=fv.int64)
    close(emit("cumsum", ones, axis=0, reverse=False, exclusive=False), np.arange(1, 4)[:, None] * np.ones(4))
    close(emit("linear_recurrence", twos, twos, axis=1, reverse=False), [[2, 6, 14, 30]] * 2)
    same(fv.argsort(ones, axis=1), [[0, 1, 2, 3]] * 3)
    same(fv.argmax(ones, axis=0), [0] * 4)
    same(emit("gather", ones, first), np.ones((2, 4)))
    same(emit("scatter_add", zeros, first, twos), [[4] * 4, [0] * 4, [0] * 4])
    same(fv.concatenate([ones, twos]), [[1] * 4] * 3 + [[2] * 4] * 2)
    same(zeros.at[1:].set(twos), [[0] * 4, [2] * 4, [2] * 4])
    same(fv.concatenate([fv.ones(2, dtype=fv.bool_), fv.zeros(1, dtype=fv.bool_)]), [True, True, False])


# --- nan and infinities ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("n", [5, 40, 200])
def test_order_with_nan(dtype: str, n: int, rng: np.random.Generator) -> None:
    special = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.0])

    def drawn() -> np.ndarray:
        return rng.choice(special, (6, n))

    x = np.empty((6, n), dtype)
    x.real = drawn()
    if dtype.startswith("complex"):
        x.imag = drawn()
    x[0] = np.where(np.isnan(x[0]), 0, x[0])  # a row without
    for axis in (0, 1):
        same(fv.argsort(fv.array(x), axis=axis), np.argsort(x, axis, kind="stable"))
        same(fv.argmax(fv.array(x), axis=axis), np.argmax(x, axis))
        same(fv.argmin(fv.array(x), axis=axis), np.argmin(x, axis))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_scattered_extremes_of_complex_numbers(dtype: str, rng: np.random.Generator) -> None:
    x, y, index = np.ones((5, 2), dtype), np.empty((60, 2), dtype), rng.integers(0, 5, 60)
    y.real, y.imag = rng.choice([np.nan, np.inf, -np.inf, 0.0, 1.0, -1.0], (2, 60, 2))
    for name, combine in (("scatter_max", np.maximum), ("scatter_min", np.minimum)):
        want = np.array(x)
        combine.at(want, index, y)
        same(emit(name, fv.array(x), fv.array(index), fv.array(y)), want)


# --- bad indices -----------------------------------------------------------------------------------------

BAD = [-1, 4, 10**9, 2**62, -(2**63), 2**63 - 1]


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("row", [(), (3,), (200,), (0,)], ids=str)
@pytest.mark.parametrize("name", ["gather", "scatter_set", "scatter_add", "scatter_max"])
def test_index_out_of_range(name: str, row: tuple[int, ...], bad: int, rng: np.random.Generator) -> None:
    """The error says which index, and where; a run after it is right."""
    index = rng.integers(0, 4, 20)
    index[13] = bad
    x, y = rng.normal(size=(4, *row)), rng.normal(size=(20, *row))
    operands = [fv.array(x), fv.array(index), fv.array(y)][: 2 if name == "gather" else 3]
    with pytest.raises(IndexError, match=rf"\[{name}\] Index {bad} is out of .* size 4 \(element 13 of"):
        emit(name, *operands)
    operands[1] = fv.array(np.where(index == bad, 0, index))
    assert np.isfinite(np.asarray(emit(name, *operands))).all()


def test_index_read_in_place_is_the_one_in_the_error() -> None:
    pick = fv.compile(lambda x, i: emit("gather", x, i[::-2]))
    x, index = fv.array(np.arange(3.0)), np.array([0, 1, 9, 2, 0, 1])
    same(pick(x, fv.array(index % 3)), [1, 2, 1])
    index[1] = 7
    with pytest.raises(IndexError, match=r"Index 7 .* \(element 2 of"):
        pick(x, fv.array(index))


def test_nothing_can_be_picked_from_nothing() -> None:
    empty, index = fv.zeros((0, 2)) + fv.array(np.zeros((0, 2))), fv.array(np.array([0]))
    with pytest.raises(IndexError, match=r"Index 0 .* size 0"):
        emit("gather", empty, index)
    with pytest.raises(IndexError, match=r"Index 0 .* size 0"):
        emit("scatter_add", empty, index, fv.array(np.ones((1, 2))))
    same(emit("gather", empty, index[:0]), np.zeros((0, 2)))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64"])
def test_any_integer_is_an_index(dtype: str) -> None:
    x, index = np.arange(4.0), np.array([3, 0, 2], dtype)
    same(emit("gather", fv.array(x), fv.array(index)), x[index])
    with pytest.raises(IndexError, match=f"Index {np.iinfo(dtype).max} "):
        emit("gather", fv.array(x), fv.array(np.array([np.iinfo(dtype).max], dtype)))


# --- one native call -------------------------------------------------------------------------------------


def test_a_plan_of_structural_primitives_is_one_native_call(rng: np.random.Generator) -> None:
    ops, x, index = Ops(), leaf(6, 5), Var(avals.aval((4,), avals.int64))
    rows = ops("gather", ops("cumsum", x, axis=0, reverse=False, exclusive=False), index)
    y = ops("scatter_add", ops("transpose", x, axes=(1, 0)), index, ops("concatenate", rows, rows, axis=1))
    y = ops("sin", ops("slice_update", y, rows, start=(0, 0), stop=(4, 5), step=(1, 1)))
    y = ops("linear_recurrence", y, y, axis=1, reverse=True)
    order, first = ops("argsort", y, axis=1), ops("argmax", y, axis=0)
    made = device.compile(ops.plan([y, order, first], [x, index]))
    assert [type(step) for step in made.steps] == [Native]


def test_the_gradient_of_indexing_is_one_native_call() -> None:
    """The zeros that a gradient is gathered in have no memory before."""
    ops, g, index = Ops(), leaf(4), Var(avals.aval((4,), avals.int64))
    zeros = uniform(0.0, (7,), avals.float64)
    made = device.compile(ops.plan([ops("scatter_add", zeros, index, g)], [g, index, zeros]))
    assert [type(step) for step in made.steps] == [Native]


GRIDS = {
    "a grid": lambda n, last: (np.arange(n)[:, None], np.arange(n), last),
    "the same grid in full": lambda n, last: (*np.indices((n, n)), last),
    "transposed": lambda n, last: (np.arange(n), np.arange(n)[:, None], last),
    "diagonal": lambda n, last: (np.arange(n), np.arange(n), last),
    "one axis reversed": lambda n, last: (np.arange(n)[::-1, None], np.arange(n), last),
    "one for all": lambda n, last: (np.arange(n)[:, None], np.arange(n), last[:1]),
    "one for each": lambda n, last: (np.arange(n)[:, None], np.arange(n), last[:, :1]),
    "more axes": lambda n, last: (np.arange(n)[:, None], np.arange(n), last[None]),
    "a slice between": lambda n, last: (np.arange(n), slice(None), last[0]),
    "a section of the rows": lambda n, last: (np.arange(n - 1)[:, None], np.arange(n), last[1:]),
}
"""Indices of an array of shape (n, n, m), some of which pick one element of each row."""


@pytest.mark.parametrize("traced", [False, True], ids=["known", "traced"])
@pytest.mark.parametrize("grid", GRIDS)
def test_indices_that_are_a_grid_or_look_like_one(grid: str, traced: bool, rng: np.random.Generator) -> None:
    n, m = int(rng.integers(2, 5)), int(rng.integers(1, 6))
    x, last = rng.normal(size=(n, n, m)), rng.integers(-m, m, (n, n))
    index = GRIDS[grid](n, last)
    g = rng.normal(size=x[index].shape)

    def gradient(x: Any, last: Any, g: Any) -> Any:
        (value,), (slope,) = fv.vjp(lambda x: fv.exp(x)[GRIDS[grid](n, last)], [x], [g])
        return value, slope

    value, slope = fv.compile(gradient)(x, last, g) if traced else gradient(x, last, g)
    expected = np.zeros_like(x)
    np.add.at(expected, index, g)
    np.testing.assert_allclose(value, np.exp(x)[index])
    np.testing.assert_allclose(slope, expected * np.exp(x))
