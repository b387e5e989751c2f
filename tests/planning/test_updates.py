"""Updates in place: what is written where, and that nobody sees it who should not."""

from __future__ import annotations

import itertools
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.interpreting import run
from support.op_lists import Ops, fused, leaf, viewed

import fastvjp as fv
from fastvjp.core import avals
from fastvjp.core.layouts import Layout, disjoint, is_distinct, slice_
from fastvjp.core.program import Var
from fastvjp.kernels.fused import arrays
from fastvjp.planning import fusion, updates, versions
from fastvjp.planning.plan import KernelStep, Plan, dense
from fastvjp.planning.planner import Planner


def property_test(examples: int) -> settings:
    """For properties of so many random cases."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


def row(i: int, n: int) -> dict[str, Any]:
    return {"start": (i, 0), "stop": (i + 1, n), "step": (1, 1)}


def recurrence(ops: Ops, a: Var, turns: int) -> Var:
    """`a[i] = tanh(a[i - 1])` for the first rows."""
    n = a.aval.shape[1]
    for i in range(1, turns + 1):
        new = ops(
            "reshape", ops("tanh", ops("reshape", ops("slice", a, **row(i - 1, n)), shape=(n,))), shape=(1, n)
        )
        a = ops("slice_update", a, new, **row(i, n))
    return a


def written(made: Plan) -> int:
    """Elements that steps write."""
    return sum(np.prod(view.layout.shape, dtype=int) for step in made.steps for view in step.writes)


# --- layouts ---------------------------------------------------------------------------------------------


def places(x: Layout) -> list[int]:
    ranges = [[i * s for i in range(n)] for n, s in zip(x.shape, x.strides, strict=True)]
    return [x.offset + sum(index) for index in itertools.product(*ranges)]


layouts = st.integers(0, 3).flatmap(
    lambda ndim: st.builds(
        lambda shape, strides, offset: Layout(tuple(shape), tuple(strides), offset),
        st.lists(st.integers(0, 4), min_size=ndim, max_size=ndim),
        st.lists(st.integers(-12, 12), min_size=ndim, max_size=ndim),
        st.integers(0, 40),
    )
)


@given(layouts, layouts)
def test_no_place_in_common_and_no_place_twice(x: Layout, y: Layout) -> None:
    if disjoint(x, y):
        assert set(places(x)).isdisjoint(places(y))
    if is_distinct(x):
        assert len(set(places(x))) == len(places(x))


@given(st.data(), st.lists(st.integers(1, 5), min_size=1, max_size=3))
def test_sections_of_an_array_are_told_apart(data: st.DataObject, shape: list[int]) -> None:
    def section() -> Layout:
        found = []
        for n in shape:
            low = data.draw(st.integers(0, n - 1))
            high, step = data.draw(st.integers(low + 1, n)), data.draw(st.sampled_from([1, -1]))
            found.append((low, high, 1) if step > 0 else (high - 1, low - 1, -1))
        whole = Layout(tuple(shape), tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape))))
        return slice_(whole, *[tuple(s[k] for s in found) for k in range(3)])

    x, y = section(), section()
    assert is_distinct(x)
    assert disjoint(x, y) == set(places(x)).isdisjoint(places(y))


# --- plans -----------------------------------------------------------------------------------------------


def test_a_recurrence_of_rows_moves_each_row_once() -> None:
    ops, a = Ops(), leaf(40, 10)
    made = ops.plan([recurrence(ops, a, 39)], [a])
    assert 790 <= written(made) <= 900  # the copy of the leaf, and all rows but the first, some of them twice


def test_what_was_computed_is_overwritten_itself() -> None:
    ops, x, y = Ops(), leaf(4, 5), leaf(1, 5)
    made = ops.plan([ops("slice_update", ops("exp", x), y, **row(2, 5))], [x, y])
    assert written(made) == 20 + 5


def test_what_is_read_later_is_not_overwritten() -> None:
    ops, x, y = Ops(), leaf(4, 5), leaf(1, 5)
    old = ops("exp", x)
    new = ops("slice_update", old, y, **row(2, 5))
    made = ops.plan([new, ops("cumsum", old, axis=0, reverse=False, exclusive=False)], [x, y])
    assert viewed(made.outputs[0]).buffer != viewed(made.steps[-1].reads[0]).buffer
    made = ops.plan([new, old], [x, y])
    assert len({viewed(o).buffer for o in made.outputs}) == 2
    ops, x = Ops(), leaf(4, 5)
    made = ops.plan([ops("slice_update", x, y, **row(2, 5))], [x, y])
    assert viewed(made.outputs[0]).buffer > 1  # a leaf is somebody else's


def test_a_small_view_that_is_read_later_is_copied_before() -> None:
    ops, x, y = Ops(), leaf(8, 5), leaf(1, 5)
    old = ops("cumsum", x, axis=0, reverse=False, exclusive=False)
    kept, other = ops("slice", old, **row(2, 5)), ops("slice", old, **row(3, 5))
    new = ops("slice_update", old, y, **row(2, 5))
    made = ops.plan([new, kept, other], [x, y])
    assert written(made) == 40 + 5 + 5
    where = [viewed(o) for o in made.outputs]
    assert where[0].buffer == where[2].buffer != where[1].buffer


def test_an_update_waits_for_those_that_read_behind_it() -> None:
    ops, x, y = Ops(), leaf(8, 5), leaf(1, 5)
    old = ops("cumsum", x, axis=0, reverse=False, exclusive=False)
    new = ops("slice_update", old, y, **row(2, 5))
    row_of_old = ops("cumsum", ops("slice", old, **row(2, 5)), axis=1, reverse=False, exclusive=False)
    made = ops.plan([row_of_old, ops("sin", new)], [x, y])
    assert written(made) == 40 + 5 + 5 + 40


def test_leaves_that_may_be_overwritten_are() -> None:
    ops, a = Ops(), leaf(6, 5)
    out = recurrence(ops, a, 5)
    made = Planner({a: dense(0, a.aval)}, [a.aval], overwritable={0}).plan(ops, [out])
    assert written(made) == 25 and viewed(made.outputs[0]).buffer == 0 and made.scratch == 0
    made = Planner({a: dense(0, a.aval)}, [a.aval], overwritable={0}).plan(ops, [out, a])
    assert viewed(made.outputs[0]).buffer != viewed(made.outputs[1]).buffer == 0


def test_scatters_write_into_what_nobody_reads() -> None:
    ops, x, index, y = Ops(), leaf(6, 5), Var(avals.aval((2,), avals.int64)), leaf(2, 5)
    out = ops("exp", x)
    for _ in range(3):
        out = ops("scatter_add", out, index, y)
    made = ops.plan([out], [x, index, y])
    steps = [step for step in made.steps if isinstance(step, KernelStep)]
    assert len(steps) == 3 and all(step.inputs[0] == step.output for step in steps)


def test_sections_that_follow_from_one_another_are_one_step() -> None:
    ops, a = Ops(), leaf(4, 5)
    made = ops.plan([recurrence(ops, a, 3)], [a])
    copied, computed = map(fused, made.steps)
    assert not copied.body and [call.name for call in computed.body] == ["tanh"] * 3
    assert len(computed.loads) == 1 and len(computed.stores) == 3


# --- programs --------------------------------------------------------------------------------------------

Env = dict[str, Any]


def next_row(e: Env, i: int, j: int) -> None:
    e["a"][i] = np.tanh(e["a"][i - 1])


def next_column(e: Env, i: int, j: int) -> None:
    e["a"][:, j] = e["a"][:, j - 1] * e["row"][j]


def halo(e: Env, i: int, j: int) -> None:
    e["a"][1:-1] += 0.5 * (e["a"][:-2] - e["a"][2:])


def shifted(e: Env, i: int, j: int) -> None:
    e["a"][1:] = e["a"][:-1]


def turned(e: Env, i: int, j: int) -> None:
    e["a"][:] = e["a"][::-1] * np.sin(e["a"])


def row_is_a_view(e: Env, i: int, j: int) -> None:
    e["row"] = e["a"][i]


def row_is_a_value(e: Env, i: int, j: int) -> None:
    e["row"] = e["a"][i] * 2 - e["row"]


def written_through_a_view(e: Env, i: int, j: int) -> None:
    e["row"][1:] = np.sin(e["row"][:-1])


def row_into_array(e: Env, i: int, j: int) -> None:
    e["a"][i] = e["row"]


def one_element(e: Env, i: int, j: int) -> None:
    e["a"][i, j] = np.sin(e["a"][i - 1, j]) + e["a"][i, j - 1]


def onto_one_element(e: Env, i: int, j: int) -> None:
    e["row"][j] += np.sum(e["a"][i] * e["row"])


def rows_by_index(e: Env, i: int, j: int) -> None:
    e["a"][[i, 0]] += e["row"]


def kept(e: Env, i: int, j: int) -> None:
    e["old"] = e["a"].copy()


def mixed(e: Env, i: int, j: int) -> None:
    e["a"] = e["a"] * 0.5 + e["old"]


def rolled(e: Env, i: int, j: int) -> None:
    e["row"] = np.roll(e["row"], j)


def summed(e: Env, i: int, j: int) -> None:
    e["total"] = e["total"] + np.sum(np.tanh(e["a"][i, j]) * e["row"])


MOVES = [
    next_row, next_column, halo, shifted, turned, row_is_a_view, row_is_a_value, written_through_a_view,
    row_into_array, one_element, onto_one_element, rows_by_index, kept, mixed, rolled, summed,
]  # fmt: skip
programs = st.lists(
    st.tuples(st.sampled_from(MOVES), st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=12
)


def program(moves: Any) -> Any:
    """A function of an array of shape (4, 5) and of one of shape (5,), which it changes."""

    def fun(a: Any, row: Any) -> Any:
        e: Env = {"a": a, "row": row, "old": a * row, "total": np.sum(row)}
        for move, i, j in moves:
            move(e, i, j)
        return np.sum(e["a"] * e["old"], 1), e["row"], e["total"]

    return fun


def drawn(seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (4, 5)), rng.uniform(-1, 1, 5)


def along(fun: Any, xs: Any, vs: Any) -> list[np.ndarray]:
    """The derivative in a direction, by a complex step, of which no digits cancel."""
    return [y.imag / 1e-30 for y in fun(*[x + 1e-30j * v for x, v in zip(xs, vs, strict=True)])]


def close(found: Any, expected: Any) -> None:
    for one, other in zip(found, expected, strict=True):
        scale = max(1.0, float(np.max(np.abs(other))))
        np.testing.assert_allclose(np.asarray(one) / scale, other / scale, rtol=0, atol=1e-11)


@property_test(25)
@given(programs, st.integers(0, 2**32 - 1))
def test_programs_that_change_arrays(moves: Any, seed: int) -> None:
    fun, xs, vs = program(moves), drawn(seed), drawn(seed + 1)
    close(fv.compile(lambda a, row: fun(a.copy(), row.copy()))(*xs), fun(*[x.copy() for x in xs]))
    outputs, tangents = fv.jvp(lambda a, row: fun(a.copy(), row.copy()), list(xs), list(vs))
    close(outputs, fun(*[x.copy() for x in xs]))
    expected = along(fun, xs, vs)
    close(tangents, expected)
    us = [np.random.default_rng(seed).uniform(-1, 1, y.shape) for y in expected]
    _, gradients = fv.vjp(lambda a, row: fun(a.copy(), row.copy()), list(xs), us)
    left = sum(np.sum(np.asarray(g) * v) for g, v in zip(gradients, vs, strict=True))
    close([left], [np.asarray(sum(np.sum(u * y) for u, y in zip(us, expected, strict=True)))])


@property_test(5)
@given(programs, st.integers(0, 2**32 - 1))
def test_programs_that_change_arrays_composed(moves: Any, seed: int) -> None:
    """Their gradients, in a batch, compiled, and differentiated once more."""
    fun, (a, row), (va, vrow) = program(moves), drawn(seed), drawn(seed + 1)

    def loss(a: Any, row: Any) -> Any:
        return sum(np.sum(np.sin(y)) for y in fun(a.copy(), row.copy()))

    gradient = fv.grad(loss, (0, 1))
    first = gradient(a, row)
    batch = fv.compile(fv.vmap(gradient))(np.stack([a, va]), np.stack([row, vrow]))
    close([b[0] for b in batch], [np.asarray(g) for g in first])
    close([b[1] for b in batch], [np.asarray(g) for g in gradient(va, vrow)])

    def inner(a: Any, row: Any) -> Any:
        return sum(np.sum(g * v) for g, v in zip(gradient(a, row), (va, vrow), strict=True))

    second = fv.grad(inner, (0, 1))(a, row)
    _, other = fv.jvp(gradient, [a, row], [va, vrow])
    close(second, [np.asarray(x) for x in other])
    step = 1e-5
    ahead, behind = (gradient(a + s * va, row + s * vrow) for s in (step, -step))
    for one, high, low in zip(second, ahead, behind, strict=True):
        found, size = np.asarray(one), max(1.0, float(np.max(np.abs(np.asarray(one)))))
        np.testing.assert_allclose(
            found / size, (np.asarray(high) - np.asarray(low)) / (2 * step * size), atol=1e-5, rtol=0
        )


# --- hazards ---------------------------------------------------------------------------------------------


def arrays_that_are_read() -> None:
    """What is read behind an update, or given out."""

    def fun(x: Any) -> Any:
        a = fv.cumsum(x)
        new = a.at[2:9].set(x[2:9])
        return fv.cumsum(a * fv.sum(new)), new

    x = np.random.default_rng(7).uniform(1, 2, 12)
    new = np.cumsum(x)
    new[2:9] = x[2:9]
    close(run(fv.record(fun, x)), [np.cumsum(np.cumsum(x) * new.sum()), new])


def sections_that_overlap() -> None:
    """The later one is there in the end."""

    def fun(x: Any) -> Any:
        return [fv.cumsum(x).at[:5].set(x[:5] * 2).at[1:6].set(x[1:6] * 3)]

    x = np.random.default_rng(8).uniform(1, 2, 8)
    expected = np.cumsum(x)
    expected[:1], expected[1:6] = x[:1] * 2, x[1:6] * 3
    close(run(fv.record(fun, x)), [expected])


def reads_before_updates() -> None:
    """A step that stands before one that reads an array could take over the update of it."""

    def fun(x: Any, z: Any) -> Any:
        a = fv.cumsum(x)
        y = fv.sin(z)
        return y, fv.cumsum(a), a.at[:3].set(y)

    x, z = np.random.default_rng(9).uniform(1, 2, (2, 12))
    a = np.cumsum(x)
    new = np.concatenate([np.sin(z[:3]), a[3:]])
    close(run(fv.record(fun, x, z[:3])), [np.sin(z[:3]), np.cumsum(a), new])


def overwritten_sources() -> None:
    """What is so cheap that later steps rather compute it again, of what has been overwritten meanwhile."""

    def fun(x: Any, y: Any) -> Any:
        a = fv.cumsum(x)
        twice = a * 2
        new = a.at[1:3].set(y * fv.sum(a))
        return fv.cumsum(new), fv.cumsum(twice + fv.sum(new))

    x, y = np.random.default_rng(3).uniform(-1, 1, (2, 6))
    a = np.cumsum(x)
    new = a.copy()
    new[1:3] = y[:2] * a.sum()
    close(run(fv.record(fun, x, y[:2])), [np.cumsum(new), np.cumsum(2 * a + new.sum())])


def overwritten_angles() -> None:
    """Far from 0 a kernel computes sines once more, with more care: not of what it has put in their place."""

    def fun(x: Any) -> Any:
        a = fv.cumsum(x, 0)
        for i in range(3):
            a = a.at[i].set(fv.sin(a[i]) * 1e9)
        return fv.cumsum(a, 1)

    x = 1e9 * np.random.default_rng(4).uniform(-1, 1, (3, 400))
    (found,) = run(fv.record(fun, x))
    close([found], [np.cumsum(np.sin(np.cumsum(x, 0)) * 1e9, 1)])


def parts_of_one_array() -> None:
    """An array's own elements, one place further."""

    def fun(x: Any) -> Any:
        a = fv.cumsum(x)
        return [a.at[1:].set(a[:-1])]

    x = np.random.default_rng(6).uniform(1, 2, 50)
    close(run(fv.record(fun, x)), [np.cumsum(x)[[0, *range(49)]]])


AGAIN = fusion.Builder.again
HAZARDS = {
    arrays_that_are_read: (updates.Updates, "is_read", lambda self, x, touched: False),
    sections_that_overlap: (versions.Versions, "can_be_one", lambda self, loads, stores, in_rows: True),
    reads_before_updates: (versions.Versions, "rewrites", lambda self, step: []),
    overwritten_sources: (fusion.Builder, "again", lambda self, other, value, past: AGAIN(self, other, value)),
    parts_of_one_array: (updates.Updates, "_apart", lambda self, y, written: y),
    overwritten_angles: (arrays.Arrays, "changes", lambda self, store: False),
}
"""What is right, and a mistake by which it is not."""


@pytest.mark.parametrize("check", HAZARDS)
def test_hazards(check: Any) -> None:
    check()
    owner, name, replacement = HAZARDS[check]
    with patch.object(owner, name, replacement), pytest.raises(AssertionError):
        check()


def test_a_plan_for_numba() -> None:
    def fun(a: Any) -> Any:
        a = a * 2
        for i in range(1, 5):
            a = a.at[i].add(fv.tanh(a[i - 1]))
        return a

    a = np.random.default_rng(5).uniform(-1, 1, (5, 3))
    expected = 2 * a
    for i in range(1, 5):
        expected[i] += np.tanh(expected[i - 1])
    np.testing.assert_allclose(fv.njit(fun, a)(a), expected, rtol=1e-12)
