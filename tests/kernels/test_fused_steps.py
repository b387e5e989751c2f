"""What the planner decides: which ops share a step, and what is done in which loop. And kernels at the edges."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.checks import close, forget
from support.interpreting import arrays_of, limits, plan_of
from support.op_lists import fused
from support.oracles import check_derivatives

import fastvjp as fv
from fastvjp.devices import phases
from fastvjp.kernels.runtime.executable import Executable
from fastvjp.planning.plan import FusedStep, Reduce, View

INF, NAN = np.inf, np.nan

# --- what the planner decides ----------------------------------------------------------------------------


def steps_of(fun: Callable[..., Any], *args: Any) -> list[FusedStep]:
    """The steps of a function's plan, none of which is a kernel of its own."""
    return [fused(step) for step in plan_of(fv.record(fun, *args))[0].steps]


def reductions(step: FusedStep) -> int:
    return sum(isinstance(entry, Reduce) for entry in step.body)


def phases_of(step: FusedStep) -> list[phases.Phase]:
    """The loops over the columns of a row, where all operands vary along them."""
    return phases.schedule(step, [isinstance(o, View) for o in step.loads]).phases


def layernorm(x, weight, bias):
    centred = x - fv.mean(x, axis=-1, keepdims=True)
    variance = fv.mean(centred * centred, axis=-1, keepdims=True)
    return centred / fv.sqrt(variance + 1e-5) * weight + bias


def test_layernorm_forward_and_backward_is_one_step(rng):
    x, g, weight, bias = rng.random((6, 40)), rng.random((6, 40)), rng.random(40), rng.random(40)
    (step,) = steps_of(lambda *primals: fv.vjp(layernorm, primals, [g]), x, weight, bias)
    assert reductions(step) == 4 and step.rows == 1
    assert [store.combine for store in step.stores].count("add") == 2  # weight and bias, over rows


def test_softmax_is_one_step_that_keeps_exp_in_row_memory(rng):
    (step,) = steps_of(lambda x: fv.softmax(x, axis=-1), rng.random((6, 40)))
    assert reductions(step) == 2
    largest, total, quotient = phases_of(step)
    exp = next(k for k, call in enumerate(step.body, 1) if call.name == "exp")
    assert not largest.kept and total.kept == [exp] and quotient.recalled == {exp}


def test_cheap_values_are_computed_again_for_later_phases(rng):
    (step,) = steps_of(lambda x: x * x - fv.mean(x * x, axis=-1, keepdims=True), rng.random((6, 40)))
    first, second = phases_of(step)
    assert not first.kept and not second.recalled
    assert set(first.columns) < set(second.columns)


def test_a_sum_and_its_gradient_are_one_step_without_temporaries(rng):
    def fun(x, w, b):
        return fv.sum(fv.tanh(x * w + b) * fv.exp(-x * x))

    xs = rng.random((3, 100_000))
    plan, _ = plan_of(fv.record(fv.value_and_grad(fun, argnums=(0, 1, 2)), *xs))
    assert len(plan.steps) == 1 and plan.scratch == 0


def test_a_long_vector_less_its_mean_is_computed_again_not_stored(rng):
    program = fv.record(lambda x: x * x - fv.mean(x * x), rng.random(100_000))
    plan, _ = plan_of(program)
    total, difference = map(fused, plan.steps)
    assert [call.name for call in total.body] == ["multiply"] and len(total.stores) == 1
    assert [call.name for call in difference.body] == ["multiply", "divide", "subtract"]
    assert plan.scratch < 1000


def test_what_is_not_cheap_is_stored_for_later_steps(rng):
    def fun(x):
        y = fv.exp(x)
        return y - fv.mean(y)

    total, difference = steps_of(fun, rng.random(100_000))
    assert len(total.stores) == 2 and [call.name for call in difference.body] == ["divide", "subtract"]


def test_what_follows_from_one_number_takes_no_step(rng):
    def fun(x, scale):
        return fv.sum(x * x * fv.exp(scale)) / x.size

    x, scale, g = rng.random((4, 50)), fv.array(rng.random()), fv.array(rng.random())
    (step,) = steps_of(lambda x, scale, g: fv.vjp(fun, [x, scale], [g]), x, scale, g)
    assert [call.name for call in step.body].count("exp") == 1


def test_cotangents_of_slices_are_padded_loads(rng):
    def fun(x):
        return fv.sum((x[1:] - x[:-1] ** 2) ** 2)

    *_, last = steps_of(fv.grad(fun), rng.random(100))
    inside = {o.inside for o in last.loads if isinstance(o, View)}
    assert inside == {((0, 99),), ((1, 100),)}


def test_small_steps_of_one_domain_are_one_step_unless_another_comes_between(rng):
    def fun(x, between):
        y = fv.tanh(x)
        total = fv.sum(y)
        return y * total, (fv.cumsum(y) if between else y) + total

    x = rng.random(5000)
    first, second = steps_of(lambda x: fun(x, False), x)
    assert [len(first.stores), len(second.stores)] == [2, 2]
    plan, _ = plan_of(fv.record(lambda x: fun(x, True), x))
    assert len(plan.steps) == 3 and sum(isinstance(step, FusedStep) for step in plan.steps) == 2


def test_work_on_rows_joins_the_step_that_reduces_them(rng):
    def fun(x, y):
        small = fv.exp(y) + fv.log(y)  # as it is recorded first, no step with such rows is known
        return fv.sum(fv.tanh(x), axis=1) * small, small

    (step,) = steps_of(fun, rng.random((40, 30)), rng.random(40))
    assert step.shape == (40, 30) and step.rows == 1 and all(store.row for store in step.stores)


def test_many_small_products_share_a_step_with_what_is_around(rng):
    def fun(x, y, scale):
        products = x @ x + y @ x
        return scale[:, None, None] * (x + products)

    x, y, scale = rng.normal(size=(500, 3, 3)), rng.normal(size=(500, 3, 3)), rng.normal(size=500)
    (step,) = steps_of(fun, x, y, scale)
    assert reductions(step) == 2 and len(step.stores) == 1
    expected = scale[:, None, None] * (x + (x + y) @ x)
    np.testing.assert_allclose(fv.compile(fun)(x, y, scale), expected, rtol=1e-12, atol=1e-13)
    few = [x[:70], y[:70], scale[:70]]
    check_derivatives(lambda *xs: [fun(*xs)], lambda *xs: [fun(*xs)], few, rng)


@pytest.mark.parametrize(("batch", "size", "dtype"), [(5, 3, "float32"), (500, 6, "float64"), (500, 3, "int32")])
def test_other_products_are_steps_of_their_own(rng, batch, size, dtype):
    x = (9 * rng.random((batch, size, size))).astype(dtype)
    (step,) = plan_of(fv.record(lambda x: x @ x, x))[0].steps
    assert not isinstance(step, FusedStep)


def test_what_merged_steps_alone_need_is_not_stored(rng):
    x, g = rng.random(300), fv.array(2.0)
    (step,) = steps_of(lambda x, g: fv.vjp(lambda x: fv.sum(fv.sin(x) ** 2) / fv.sum(x), [x], [g]), x, g)
    assert len(step.stores) == 2


def test_a_step_goes_on_with_what_it_has_combined(rng):
    x = rng.random(100_000)
    (step,) = steps_of(lambda x: fv.sqrt(fv.mean(x * x)) + fv.max(x), x)
    assert step.then is not None and [s.combine for s in step.stores] == ["add", "maximum"]
    found = fv.compile(lambda x: fv.sqrt(fv.mean(x * x)) + fv.max(x))(x)
    np.testing.assert_allclose(found, np.sqrt(np.mean(x * x)) + x.max(), rtol=1e-14)


def cross_entropy(scores, labels):
    return fv.sum(fv.logsumexp(scores, axis=1) - scores[fv.arange(len(scores)), labels])


def test_cross_entropy_forward_and_backward_is_one_step(rng):
    x, b, labels = rng.random((12, 10)), rng.random(10), fv.array(rng.integers(-10, 10, 12))

    def gradients(x, b, labels, g):
        return fv.vjp(lambda x, b: cross_entropy(x + b, labels), [x, b], [g])

    (step,) = steps_of(gradients, x, b, labels, fv.array(2.0))
    assert len(step.matches) == 1 and [store.combine for store in step.stores].count("add") == 2


@pytest.mark.parametrize("columns", [3, 50])
@pytest.mark.parametrize("seen", [slice(None), slice(1, None)], ids=["all", "gradient"])
def test_an_index_that_is_none_of_a_row_is_an_error(rng, columns, seen):
    def fun(x, labels):
        return fv.vjp(lambda x: cross_entropy(fv.exp(x), labels), [x], [2.0])[seen]

    x, labels = rng.random((7, 100, columns))[:, 0], rng.integers(0, columns, 7)
    compiled = fv.compile(fun)
    before = np.asarray(compiled(x, labels)[-1][0])
    for bad in (columns, -columns - 1):
        wrong = labels.copy()
        wrong[4:] = bad
        with pytest.raises(IndexError, match=rf"out of range for an axis of size {columns} \(element 4 of"):
            compiled(x, wrong)
    np.testing.assert_array_equal(compiled(x, labels)[-1][0], before)


def test_what_is_picked_keeps_its_sign_and_is_not_touched_by_others():
    x = np.array([[-0.0, NAN, 1], [INF, 2, -INF], [NAN, -INF, 3]])
    index = np.array([0, 2, 0])

    def fun(m, x):
        y = m.negative(x)
        return y[m.arange(3), index], m.max(y, axis=1)  # as rows are gone through anyway

    for given in (x, -x):
        picked, expected = np.asarray(fv.compile(lambda x: fun(fv, x))(given)[0]), fun(np, given)[0]
        np.testing.assert_array_equal(picked, expected)
        number = ~np.isnan(expected)  # the sign of a nan means nothing
        np.testing.assert_array_equal(np.signbit(picked[number]), np.signbit(expected[number]))


def test_values_that_only_other_steps_use_again_leave_no_step(rng):
    with limits(MAX_BODY=1):
        x = rng.random(9)
        steps = steps_of(lambda: (-fv.ones(9)) * (-fv.ones(9)) + x)
    assert all(step.stores for step in steps)


# --- compiled, at the edges ------------------------------------------------------------------------------


def row(v, m=np):
    return m.sin(v) / m.max(m.sin(v), axis=1, keepdims=True)


ANGLES = {
    "register": lambda v, m=np: m.sum(m.sin(v), axis=1),
    "added to an array": lambda v, m=np: m.sum(m.sin(v) * m.cos(v + 1), axis=0),
    "row memory": row,
    "row memory, added": lambda v, m=np: m.sum(row(v, m), axis=0),
}


@pytest.mark.parametrize("columns", [3, 50, 9000])
@pytest.mark.parametrize("fun", ANGLES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_angles_far_from_zero(rng, fun, dtype, columns):
    x = rng.uniform(-3, 3, (7, columns)).astype(dtype)
    x[3] = rng.uniform(1e9, 1e12, columns)
    result = np.asarray(fv.compile(lambda v: ANGLES[fun](v, fv))(x))
    rtol = 2e-4 if dtype == "float32" else 1e-11
    np.testing.assert_allclose(result, ANGLES[fun](x), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("reduce", ["max", "min", "sum", "prod"])
def test_infinities_and_nan(reduce, axis):
    x = np.array([[1, NAN, 2], [INF, 1, -INF], [-INF, -INF, -INF], [3, 4, -INF], [INF, NAN, 0]])
    with np.errstate(invalid="ignore"):
        expected = getattr(np, reduce)(x, axis=axis)
    np.testing.assert_array_equal(fv.compile(lambda x: getattr(fv, reduce)(x, axis=axis))(x), expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_logsumexp_of_infinities(axis):
    x = np.array([[1, NAN, 2], [INF, 1, -INF], [-INF, -INF, -INF], [3, 4, -INF]])
    result = fv.compile(lambda x: fv.logsumexp(x, axis=axis))(x if axis else x.T)
    np.testing.assert_allclose(result, [NAN, INF, -INF, np.logaddexp(3, 4)])


def test_bool_rows_in_row_memory(rng):
    x, y = rng.uniform(-1, 1, (2, 20, 30))

    def fun(m, x, y):
        above = m.exp(x) > y + 2.6
        return m.where(m.any(above, axis=1, keepdims=True), x, y) * above

    np.testing.assert_array_equal(fv.compile(lambda x, y: fun(fv, x, y))(x, y), fun(np, x, y))


def test_complex_rows_in_row_memory(rng):
    z = rng.uniform(-1, 1, (20, 30)) + 1j * rng.uniform(-1, 1, (20, 30))

    def fun(m, z):
        return m.exp(z) / m.sum(m.exp(z), axis=1, keepdims=True)

    np.testing.assert_allclose(fv.compile(lambda z: fun(fv, z))(z), fun(np, z), rtol=1e-12)


@pytest.mark.parametrize("reduce", ["max", "min", "sum", "prod"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64"])
def test_integers_wrap_around_and_have_identities(rng, dtype, reduce):
    bounds = np.iinfo(dtype)
    x = rng.integers(bounds.min, bounds.max, (6, 50), dtype, endpoint=True)
    keywords = {"dtype": dtype} if reduce in ("sum", "prod") else {}
    result = fv.compile(lambda x: [getattr(fv, reduce)(x, axis=axis, **keywords) for axis in (0, 1, None)])(x)
    for got, axis in zip(result, (0, 1, None), strict=True):
        np.testing.assert_array_equal(got, getattr(np, reduce)(x, axis=axis, **keywords))


def test_broadcasting_a_row_value_along_leading_axes(rng):
    x = rng.random((3, 3))
    np.testing.assert_allclose(fv.compile(lambda x: fv.sum(x, axis=1) * x)(x), np.sum(x, axis=1) * x)


def on_small_stack(fun: Callable[[], Any]) -> Any:
    """The result of a function on a thread with a stack of 1 MB."""
    results = []
    before = threading.stack_size(1 << 20)
    try:
        thread = threading.Thread(target=lambda: results.append(fun()))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return results[0]


def test_wide_rows_of_angles_do_not_need_the_stack(rng):
    x = rng.random((2, 300_000))
    fun = fv.compile(lambda x: fv.sum(fv.sin(x), axis=0))
    fun(x)
    np.testing.assert_allclose(on_small_stack(lambda: fun(x)), np.sum(np.sin(x), axis=0), rtol=1e-12)


def test_row_memory_is_bounded(rng):
    def fun(m, x):
        powers = [m.exp(x * (k / 20)) for k in range(20)]
        total = m.sum(sum(powers), axis=1, keepdims=True)
        return sum(power / total for power in powers)

    x = rng.random((16, 8192))
    compiled = fv.compile(lambda x: fun(fv, x))
    compiled(x)
    np.testing.assert_allclose(on_small_stack(lambda: compiled(x)), fun(np, x), rtol=1e-12)


def test_picks_from_rows_too_wide_for_row_memory(rng):
    x, labels = rng.random((3, 50)), rng.integers(0, 50, 3)
    with limits(MAX_ROW_BYTES=0):
        forget()  # plans made with other limits
        value, (gradient,) = fv.vjp(lambda x: cross_entropy(fv.exp(x), labels), [x], [1.0])
    forget()
    powers = np.exp(np.exp(x))
    total = powers.sum(axis=1, keepdims=True)
    rows = np.arange(3)
    close(value[0], np.sum(np.log(total[:, 0]) - np.exp(x)[rows, labels]))
    expected = powers / total
    expected[rows, labels] -= 1
    close(gradient, expected * np.exp(x))


def test_tiles_of_many_arrays_are_bounded(rng):
    xs = [rng.random((3000, 8)) + 1j for _ in range(12)]

    def fun(*xs):
        return fv.real(sum(fv.sum(fv.sum(fv.exp(x), axis=1, keepdims=True) * x) for x in xs))

    gradients = fv.compile(fv.grad(fun, argnums=range(12)))
    gradients(*xs)
    expected = [
        np.conj(np.exp(x) * x.sum(axis=1, keepdims=True) + np.exp(x).sum(axis=1, keepdims=True)) for x in xs
    ]
    np.testing.assert_allclose(on_small_stack(lambda: gradients(*xs)), expected, rtol=1e-10)


def test_sums_of_long_rows_lose_little(rng):
    x = rng.random((8, 1_000_000), np.float32)
    total = np.asarray(fv.compile(lambda x: fv.sum(x * x, axis=1))(x))
    np.testing.assert_allclose(total, np.sum(np.square(x, dtype=np.float64), axis=1), rtol=2e-6)


def test_the_same_plan_gives_the_same_bits(rng):
    xs = rng.standard_normal((3, 300_001)), rng.standard_normal((3000, 7)), rng.standard_normal((500, 600))

    def fun(*xs):
        return [fv.sum(fv.exp(x), axis=axis) for x in xs for axis in (0, 1, (0, 1))]

    program = fv.record(fun, *xs)
    plan, values = plan_of(program)
    executable = Executable(plan)
    first = [a.tobytes() for a in arrays_of(program, executable.run(values))]
    for _ in range(5):
        assert [a.tobytes() for a in arrays_of(program, executable.run(values))] == first
