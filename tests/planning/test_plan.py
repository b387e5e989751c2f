"""The planner and the code generator on their own: plain data in, plain data out."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.op_lists import Ops, fused, leaf, viewed

from fastvjp.core import avals
from fastvjp.core.layouts import Layout, contiguous_strides
from fastvjp.core.program import uniform
from fastvjp.devices.nest import nest_of
from fastvjp.kernels.fused.codegen import lower
from fastvjp.planning import fusion
from fastvjp.planning.plan import ALIGNMENT, FusedStep, KernelStep, Scalar, View

F = avals.float64


def names(step):
    return [c.name for c in step.body] if isinstance(step, FusedStep) else [step.primitive.name]


def all_names(made):
    return [names(s) for s in made.steps]


def test_elementwise_run_is_one_step():
    ops, x, y = Ops(), leaf(3), leaf(3)
    a = ops("sin", x)
    b = ops("multiply", a, y)
    c = ops("add", b, a)
    made = ops.plan([c], [x, y])
    (step,) = map(fused, made.steps)
    assert names(step) == ["sin", "multiply", "add"] and step.shape == (3,)
    assert [viewed(o).buffer for o in step.loads] == [0, 1]
    assert [c.operands for c in step.body] == [(0,), (2, 1), (3, 2)]
    assert [s.value for s in step.stores] == [4]
    assert made.outputs == step.writes and made.buffers == [c.aval]


def test_dead_ops_fall_away():
    ops, x = Ops(), leaf(3)
    ops("sum", ops("exp", x), axes=(0,))
    y = ops("sin", x)
    ops("cos", y)
    assert all_names(ops.plan([y], [x])) == [["sin"]]
    assert ops.plan([], [x]).steps == []
    assert ops.plan([x], [x]).steps == []


def test_equal_ops_are_merged():
    ops, x = Ops(), leaf(2, 3)
    first, second = ops("sum", ops("sin", x), axes=(0,)), ops("sum", ops("sin", x), axes=(0,))
    other = ops("sum", ops("sin", x), axes=(1,))
    made = ops.plan([first, second, other], [x])
    assert all_names(made) == [["sin", "add"]]
    assert made.outputs[0] == made.outputs[1] != made.outputs[2]


def test_barrier_keeps_equal_ops_apart_and_ends_a_step():
    ops, x = Ops(), leaf(3)
    a = ops("sin", x)
    b = ops("sin", ops("barrier", x))
    made = ops.plan([a, b], [x])
    assert all_names(made) == [["sin"], ["sin"]]
    ops = Ops()
    y = ops("exp", ops("barrier", ops("sin", x)))
    assert all_names(ops.plan([y], [x])) == [["sin"], ["exp"]]


def test_views_are_layouts_not_steps():
    ops, x = Ops(), leaf(2, 3)
    y = ops("transpose", x, axes=(1, 0))
    y = ops("slice", y, start=(1, 0), stop=(3, 2), step=(1, 1))
    y = ops("reshape", y, shape=(2, 1, 2))
    y = ops("broadcast_to", y, shape=(2, 5, 2))
    made = ops.plan([y], [x])
    assert made.steps == [] and made.buffers == []
    (out,) = map(viewed, made.outputs)
    assert out.buffer == 0 and out.layout == ((2, 5, 2), (1, 0, 3), 1)


def test_views_inside_a_fused_step_cost_nothing():
    ops, x = Ops(), leaf(3)
    y = ops("exp", ops("alias", ops("stop_gradient", ops("reshape", ops("sin", x), shape=(3,)))))
    assert all_names(ops.plan([y], [x])) == [["sin", "exp"]]


def test_a_product_with_one_term_is_an_outer_product() -> None:
    ops, x, y = Ops(), leaf(5, 1), leaf(1, 6)
    made = ops.plan([ops("sin", ops("matmul", x, y))], [x, y])
    assert all_names(made) == [["multiply", "sin"]]


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 1)])
def test_a_product_with_a_matrix_of_one_value_is_a_sum(shape: tuple[int, ...]) -> None:
    *lead, m, k, n = shape
    ops, x, left, right = Ops(), leaf(*lead, m, k), uniform(2.0, (*lead, n, m), F), uniform(3.0, (*lead, k, n), F)
    made = ops.plan([ops("matmul", x, right), ops("matmul", left, x)], [x, left, right])
    assert not any(isinstance(step, KernelStep) for step in made.steps)
    assert {name for found in all_names(made) for name in found} <= {"multiply", "add"}


def test_impossible_reshape_copies():
    ops, x = Ops(), leaf(2, 3)
    y = ops("reshape", ops("transpose", x, axes=(1, 0)), shape=(6,))
    made = ops.plan([y], [x])
    (step,) = map(fused, made.steps)
    assert names(step) == ["copy"] and step.shape == (3, 2)
    assert viewed(step.loads[0]).layout.strides == (1, 3)
    assert viewed(made.outputs[0]).layout == ((6,), (1,), 0)


def test_scalars_are_operands_without_memory():
    ops, x, two = Ops(), leaf(3), uniform(2.0, (3,), F)
    small = uniform(5.0, (), F)
    wide = ops("broadcast_to", small, shape=(3,))
    y = ops("add", ops("multiply", x, two), wide)
    made = ops.plan([y, wide], [x, two, small])
    (step,) = map(fused, made.steps)
    assert [type(o) for o in step.loads] == [View, Scalar, Scalar]
    assert made.outputs[1] == Scalar(2, wide.aval)


def test_kernel_steps_split_fusion_and_releases_follow_last_use():
    ops, x = Ops(), leaf(2, 3)
    a = ops("sin", x)
    total = ops("cumsum", a, axis=0, reverse=False, exclusive=False)
    y = ops("multiply", a, total)
    made = ops.plan([y], [x])
    assert all_names(made) == [["sin"], ["cumsum"], ["multiply"]]
    sin, reduced, product = made.steps
    stored = sin.writes[0].buffer
    assert isinstance(reduced, KernelStep) and reduced.params["axis"] == 0
    assert sin.release == () and reduced.release == ()
    assert set(product.release) == {stored, reduced.output.buffer}


def test_released_buffers_are_neither_leaves_nor_outputs_and_go_once():
    ops, x = Ops(), leaf(4)
    y = x
    kept = []
    for i in range(5):
        y = ops("cumsum", ops("sin", y), axis=0)
        if i % 2:
            kept.append(y)
    made = ops.plan(kept, [x])
    released = [b for s in made.steps for b in s.release]
    outputs = {viewed(o).buffer for o in made.outputs}
    assert len(set(released)) == len(released)
    assert not outputs & set(released) and 0 not in released
    last = {}
    for i, s in enumerate(made.steps):
        last.update({viewed(o).buffer: i for o in [*s.reads, *s.writes]})
    for i, s in enumerate(made.steps):
        assert all(last[b] == i for b in s.release)
    assert set(released) | outputs | {0} == set(range(1 + len(made.buffers)))


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_temporaries_that_live_together_lie_apart(data):
    ops, x = Ops(), leaf(4, 3)
    known = [x]
    scan = {"axis": 0, "reverse": False, "exclusive": False}
    params: dict[str, dict[str, Any]] = {"sin": {}, "softmax": {"axes": (1,)}, "cumsum": scan}
    for _ in range(data.draw(st.integers(1, 25))):
        v = known[data.draw(st.integers(max(0, len(known) - 4), len(known) - 1))]
        name = data.draw(st.sampled_from(sorted(params)))
        known.append(ops(name, v, **params[name]))
    total = known[1]
    for v in known[2:]:
        total = ops("add", total, v)
    made = ops.plan([total], [x])
    written: dict[int, int] = {}
    read: dict[int, int] = {}
    for i, step in enumerate(made.steps):
        for view in step.writes:
            written.setdefault(view.buffer, i)
            read[view.buffer] = i
        read.update((viewed(o).buffer, i) for o in step.reads)
    placed = {b: at for b, at in made.offsets.items() if b in written}
    assert set(placed) == {b for s in made.steps for b in s.release}
    spans = {b: (at, at + made.buffers[b - 1].size * F.itemsize) for b, at in placed.items()}
    assert all(at % ALIGNMENT == 0 and at >= 0 and end <= made.scratch for at, end in spans.values())
    for a, b in itertools.combinations(spans, 2):
        together = written[a] <= read[b] and written[b] <= read[a]
        apart = spans[a][1] <= spans[b][0] or spans[b][1] <= spans[a][0]
        assert apart or not together


def test_temporaries_share_memory():
    ops, x = Ops(), leaf(1000)
    v = x
    for _ in range(20):
        v = ops("cumsum", v, axis=0, reverse=False, exclusive=False)
    made = ops.plan([v], [x])
    assert len(made.offsets) == 19 and made.scratch < 3 * 1000 * F.itemsize


def test_long_runs_are_split_at_max_body():
    ops, x = Ops(), leaf(3)
    y = x
    for _ in range(3 * fusion.MAX_BODY + 5):
        y = ops("sin", y)
    sizes = [len(fused(s).body) for s in ops.plan([y], [x]).steps]
    assert sizes == [fusion.MAX_BODY] * 3 + [5]


def arrays(step):
    return len([o for o in step.loads if isinstance(o, View)]) + len(step.stores)


def test_many_inputs_are_split_at_max_arrays():
    ops, xs = Ops(), [leaf(3) for _ in range(3 * fusion.MAX_ARRAYS)]
    y = xs[0]
    for x in xs[1:]:
        y = ops("add", y, x)
    made = ops.plan([y], xs)
    assert len(made.steps) >= 3 and all(arrays(s) <= fusion.MAX_ARRAYS for s in made.steps)
    assert sum(len(fused(s).body) for s in made.steps) == len(xs) - 1


@pytest.mark.parametrize("inputs", [1, fusion.MAX_ARRAYS - 4])
def test_many_outputs_are_split_at_max_arrays(inputs):
    ops, xs = Ops(), [leaf(3) for _ in range(inputs)]
    base = xs[0]
    for x in xs[1:]:
        base = ops("add", base, x)
    outs = []
    for i in range(2 * fusion.MAX_ARRAYS):
        base = ops(("sin", "cos")[i % 2], base)
        outs.append(base)
    made = ops.plan(outs, xs)
    assert all(arrays(s) <= fusion.MAX_ARRAYS for s in made.steps)
    written = [v.buffer for s in made.steps for v in s.writes]
    assert len(written) == len(set(written)) and {viewed(o).buffer for o in made.outputs} <= set(written)
    available = set(range(len(xs)))
    for s in made.steps:  # nothing is read before it is written
        assert {o.buffer for o in fused(s).loads if isinstance(o, View)} <= available
        available |= {v.buffer for v in s.writes}


def test_steps_of_two_shapes_interleave_in_a_valid_order():
    ops, x, y = Ops(), leaf(2, 3), leaf(3)
    a, b = ops("sin", x), ops("exp", y)
    wide = ops("broadcast_to", b, shape=(2, 3))
    c = ops("multiply", a, wide)
    d = ops("sum", c, axes=(0,))
    e = ops("multiply", d, b)
    made = ops.plan([e, c], [x, y])
    available = {0, 1}
    for s in made.steps:
        assert {o.buffer for o in s.reads if isinstance(o, View)} <= available
        available |= {w.buffer for w in s.writes}
    assert {viewed(o).buffer for o in made.outputs} <= available


def step_of(shape, *operand_axes):
    """A fused step that multiplies leaves which lack some axes, and their broadcast views."""
    ops, leaves = Ops(), []
    factors = []
    for axes in operand_axes:
        x = leaf(*(n if i in axes else 1 for i, n in enumerate(shape)))
        leaves.append(x)
        factors.append(ops("broadcast_to", x, shape=shape) if x.aval.shape != shape else ops("alias", x))
    product = functools.reduce(functools.partial(ops, "multiply"), factors)
    (step,) = ops.plan([ops("sin", product)], leaves).steps
    return step


def loop(step):
    (made,) = lower(step, None)
    return made


@pytest.mark.parametrize("axes", [((0, 1),), ((0, 1), (1,)), ((0,), (0, 1), ()), ((1,), (0,))])
def test_source_is_the_same_for_all_sizes(axes):
    sources = {loop(step_of(shape, *axes)).source for shape in [(2, 30), (7, 50), (100, 1000)]}
    assert len(sources) == 1
    small, large = loop(step_of((2, 30), *axes)), loop(step_of((7, 50), *axes))
    assert small.count in (2, 60) and large.count in (7, 350)


def test_contiguous_operands_need_one_loop():
    made = loop(step_of((4, 5), (0, 1), (0, 1)))
    assert made.count == 20 and made.numbers == () and "i0" not in made.source
    assert "i0" in loop(step_of((4, 5), (0, 1), (1,))).source


@st.composite
def strided(draw):
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=0, max_size=4)))
    count = draw(st.integers(1, 3))
    views = []
    for _ in range(count):
        kept = [n if draw(st.booleans()) else 1 for n in shape]
        base = np.arange(int(np.prod(kept)), dtype=np.int64).reshape(kept)
        view = np.broadcast_to(base, shape)
        flips = tuple(slice(None, None, draw(st.sampled_from([1, -1]))) for _ in shape)
        views.append(view[flips])
    order = draw(st.permutations(range(len(shape))))
    return [v.transpose(order) for v in views]


@settings(max_examples=300, deadline=None)
@given(strided())
def test_merged_axes_visit_the_same_elements(views):
    shape = views[0].shape
    layouts = [Layout(shape, tuple(s // 8 for s in v.strides)) for v in views]
    nest = nest_of(FusedStep(shape, len(shape), [View(i, avals.int64, x) for i, x in enumerate(layouts)]))
    merged = (*nest.rows, *nest.columns)
    assert int(np.prod(merged)) == int(np.prod(shape)) and len(merged) <= max(len(shape), 1)
    strides = [(*place.row_strides, *place.column_strides) for place in nest.places]
    for view, s in zip(views, strides, strict=True):
        again = np.lib.stride_tricks.as_strided(view, merged, tuple(8 * k for k in s))
        assert again.ravel().tolist() == view.ravel().tolist()
    # nothing is left that could be merged
    for a in range(len(merged) - 1):
        assert any(s[a] != s[a + 1] * merged[a + 1] for s in strides)


@given(st.lists(st.integers(1, 5), max_size=4))
def test_contiguous_operands_have_one_axis(shape):
    layout = Layout(tuple(shape), contiguous_strides(tuple(shape)))
    nest = nest_of(FusedStep(layout.shape, len(shape), [View(i, F, layout) for i in range(2)]))
    assert nest.flat and nest.columns == (int(np.prod(shape)),)
