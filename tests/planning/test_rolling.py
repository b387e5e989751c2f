"""Loops of Python as loops of a plan: the results of turn by turn, in plans that do not grow with the turns."""

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.loops import LOOPS, forget, loops, same, unrolled

import fastvjp
from fastvjp.planning import planner


def slope(f, args, along, h=1e-6):
    """The derivative along a direction, by differences of the fourth order."""
    at = lambda k: float(f(*[a + k * h * d for a, d in zip(args, along, strict=True)]))  # noqa: E731
    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
@pytest.mark.parametrize("transform", [lambda g: g, fastvjp.compile], ids=["plain", "compiled"])
def test_gradients_are_those_of_numpy_and_of_the_plan_turn_by_turn(loop, transform, rng, plans):
    n = int(rng.integers(41, 60))
    f, args = loop(n, rng)
    numbers = tuple(range(len(args)))
    value, gradient = transform(fastvjp.value_and_grad(f, numbers))(*args)
    assert loops(plans[-1])
    assert value == pytest.approx(f(*args), rel=1e-10)
    along = [rng.normal(size=a.shape) for a in args]
    expected = slope(f, args, along)
    found = sum(np.sum(g * d) for g, d in zip(gradient, along, strict=True))
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-7 * sum(np.sum(np.abs(g)) for g in gradient))
    with unrolled():
        same(gradient, fastvjp.grad(f, numbers)(*args))
        assert not loops(plans[-1])


@pytest.mark.parametrize("loop", LOOPS[:6], ids=lambda loop: loop.__name__)
def test_plans_do_not_grow_with_the_turns(loop, rng, plans):
    sizes = []
    for n in (48, 480):
        f, args = loop(n, rng)
        fastvjp.compile(fastvjp.grad(f))(*args)
        sizes.append(len(plans[-1].steps))
    assert sizes[1] <= sizes[0] + 2


@pytest.mark.parametrize(
    "derivative",
    [
        lambda f, x, k: fastvjp.hessian(f)(x, k),
        lambda f, x, k: fastvjp.jvp(lambda x: f(x, k), [x], [x])[1][0],
        lambda f, x, k: fastvjp.vmap(fastvjp.grad(f), in_axes=(0, None))(np.stack([x, 2 * x]), k),
        lambda f, x, k: fastvjp.grad(lambda x: np.sum(fastvjp.grad(f)(x, k) ** 2))(x),
        lambda f, x, k: fastvjp.grad(fastvjp.checkpoint(f), (0, 1))(x, k)[0],
        lambda f, x, k: fastvjp.njit(fastvjp.grad(f), x, k)(x, k),
    ],
    ids=["hessian", "jvp", "vmap", "grad of grad", "checkpoint", "njit"],
)
def test_other_transforms(derivative, rng, plans):
    n = int(rng.integers(41, 60))

    def f(x, k):
        for _ in range(n):
            x = x + 0.05 * np.sin(k * x) * x[::-1]
        return np.sum(x)

    x, k = rng.normal(size=3), np.array(1.2)
    found = derivative(f, x, k)
    assert loops(plans[-1])
    with unrolled():
        same([found], [derivative(f, x, k)])


def test_a_loop_that_differs_at_a_turn(rng, plans):
    odd = int(rng.integers(20, 40))

    def f(x):
        for i in range(60):
            x = np.cos(x) * 1.01 + (np.sqrt(x * x + 1) if i == odd else 0.3)
        return np.sum(x)

    x = rng.normal(size=4)
    found = fastvjp.grad(f)(x)
    assert len(loops(plans[-1])) >= 2
    with unrolled():
        same([found], [fastvjp.grad(f)(x)])


def test_an_error_of_a_turn_is_the_users_own_at_their_own_line(rng):
    def f(x, at):
        for turn in range(800):
            x = np.sin(x) + 0.1
            if turn == at:
                raise ValueError(f"turn {turn}")
        return np.sum(x)

    x = rng.normal(size=3)
    for g in (fastvjp.grad(f), fastvjp.compile(fastvjp.grad(f))):
        with pytest.raises(ValueError, match=r"^turn 731$") as raised:
            g(x, 731)
        assert str(raised.traceback[-1].path) == __file__
        assert raised.traceback[-1].frame.code.name == "f"
        same([g(x, -1)], [fastvjp.grad(f)(x, 900)])


@pytest.mark.parametrize("compiled", [False, True])
def test_shapes_and_indices_that_do_not_fit_at_a_turn_are_errors_at_the_users_line(compiled, rng):
    def shapes(x):
        for turn in range(800):
            x = np.sin(x) + (np.ones(3) if turn < 731 else np.ones(4))
        return np.sum(x)

    def places(x):
        x, y = np.sin(x), 0.0
        for turn in range(800):
            y = y + x[turn % 3 + (turn == 731) * 7]
        return y

    for f, error in ((shapes, ValueError), (places, IndexError)):
        g = fastvjp.compile(fastvjp.grad(f)) if compiled else fastvjp.grad(f)
        with pytest.raises(error) as raised:
            g(rng.normal(size=3))
        assert f.__name__ in [entry.frame.code.name for entry in raised.traceback]


def test_values_that_a_turn_reads_are_an_error_where_there_are_none(rng):
    def f(x):
        for turn in range(800):
            x = np.sin(x) + 0.1
            if turn == 731 and x[0] > 0:
                x = 2 * x
        return np.sum(x)

    x = rng.normal(size=3)
    assert np.all(np.isfinite(fastvjp.grad(f)(x)))
    with pytest.raises(fastvjp.TracedValueError, match="was read") as raised:
        fastvjp.compile(fastvjp.grad(f))(x)
    assert "f" in [entry.frame.code.name for entry in raised.traceback]


def test_turns_that_change_the_shape_or_look_at_values(rng):
    def f(x, w):
        for turn in range(120):
            x = np.tanh(w * x) + 0.3
            if turn == 50:
                x = np.concatenate([x, x[:1]])
            if turn % 40 == 0 and float(fastvjp.stop_gradient(x)[0]) > 0:
                x = 0.5 * x
        return np.sum(x)

    x, w = rng.normal(size=3), np.array(1.1)
    gradient = fastvjp.grad(f, (0, 1))(x, w)
    assert sum(np.sum(g) for g in gradient) == pytest.approx(
        slope(f, [x, w], [np.ones(3), np.array(1.0)]), rel=1e-6
    )


def test_temporaries_of_loops_within_loops_are_counted(rng, plans):
    def f(x, w):
        for _ in range(40):
            z = x
            for _ in range(12):
                z = w @ (np.sin(w @ z) + z)
            x = 0.1 * z + np.cos(x)
        return np.sum(x)

    fastvjp.compile(f)(rng.normal(size=50), rng.normal(size=(50, 50)) / 20)
    outer, inner = loops(plans[-1])
    row = 50 * 8
    assert inner.body.scratch >= 2 * row
    assert plans[-1].temporaries == plans[-1].scratch + outer.body.scratch + inner.body.scratch
    assert plans[-1].memory >= plans[-1].temporaries + 8


@pytest.mark.parametrize("n", [11, 13, 15])
def test_values_of_many_turns_before(n, rng):
    """The last turn alone takes what a turn has made."""

    def f(*given):
        seen = list(given)
        for _ in range(n):
            y = seen[-len(given)]
            for function in (np.sin, np.tanh, np.arctan, np.cos):
                y = function(y * y + 0.5)
                y = y / (1 + y * y)
            seen.append(y)
        return np.sum(np.stack(seen) ** 2)

    given = [rng.normal(size=2) for _ in range(n - 1)]
    forget()
    found = fastvjp.compile(f)(*given)
    assert found == pytest.approx(f(*given), rel=1e-9)


def test_an_index_out_of_range_is_the_same_error_within_a_loop(rng):
    def f(x, index):
        s = np.zeros(2)
        for i in range(60):
            s = np.sin(s + x[index[i]])
        return np.sum(s)

    x, index = rng.normal(size=(5, 2)), rng.integers(0, 5, (60, 2))
    compiled = fastvjp.compile(fastvjp.grad(f))
    with unrolled():
        expected = fastvjp.grad(f)(x, index)
    same([compiled(x, index)], [expected])
    index[37, 1] = 5
    with pytest.raises(IndexError, match="out of range"):
        compiled(x, index)
    index[37, 1] = 4
    compiled(x, index)


def test_loops_in_threads(rng):
    f, args = LOOPS[1](50, rng)
    g = fastvjp.compile(fastvjp.grad(f))
    expected, found = g(*args), {}

    def work(i):
        for _ in range(20):
            found[i] = g(*args)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        assert (found[i] == expected).all()


def test_what_fails_to_be_a_loop_is_planned_turn_by_turn(rng, plans, monkeypatch):
    f, args = LOOPS[0](100, rng)
    with unrolled():
        expected = fastvjp.grad(f)(*args)
    monkeypatch.setattr(planner, "rolled", lambda *_: dict[str, int]()["missing"])
    with pytest.warns(fastvjp.CompileWarning, match="planned one by one.*KeyError"):
        same([fastvjp.grad(f)(*args)], [expected])
    assert not loops(plans[-1])


def test_explain_shows_loops(rng):
    f, args = LOOPS[0](100, rng)
    shown = str(fastvjp.explain(f, args, [1.0]))
    assert "a loop of " in shown
    assert "def fused" in shown
    assert "lines more, in all by" in shown
    assert len(shown.splitlines()) < len(str(fastvjp.explain(f, args, [1.0]).program).splitlines())


def test_memory_of_loops_is_what_backward_needs_of_each_turn_or_recomputes(rng):
    def step(x, w):
        return np.tanh(np.sin(x) * w) + np.exp(-x * x)

    def memory(step, n):
        def f(x, w):
            for _ in range(n):
                x = step(x, w)
            return np.sum(x)

        return fastvjp.explain(f, [rng.normal(size=500), np.array(0.3)], [1.0]).plan.memory

    kept, recomputed = (memory(s, 400) - memory(s, 200) for s in (step, fastvjp.checkpoint(step)))
    turn = 200 * 500 * 8
    assert recomputed == pytest.approx(turn, rel=0.1)  # what a turn begins with
    assert 2 * turn < kept < 6 * turn


NAMES = "abc"
UNARY = {"sin": np.sin, "tanh": np.tanh, "square": lambda x: 0.1 * x * x, "mean": lambda x: x - np.mean(x)}
BINARY = {"add": lambda x, y: 0.5 * (x + y), "multiply": lambda x, y: 0.5 * np.sin(x) * y, "maximum": np.maximum}


@st.composite
def bodies(draw):
    """What a turn does with three arrays, from which it makes the next ones, and the inputs; nothing grows."""
    sources = st.sampled_from([*NAMES, "x[t]", "x[-1 - t]", "x[2]", "w"])
    lines = []
    for _ in range(draw(st.integers(1, 7))):
        target = draw(st.sampled_from(NAMES))
        if draw(st.booleans()):
            lines.append(f"{target} = {draw(st.sampled_from(sorted(UNARY)))}({draw(sources)})")
        else:
            lines.append(f"{target} = {draw(st.sampled_from(sorted(BINARY)))}({draw(sources)}, {draw(sources)})")
    if draw(st.booleans()):
        lines.append("a, b = b, a")
    if draw(st.booleans()):
        lines.append("seen.append(c)")
    if draw(st.booleans()):
        lines.append(f"if t == {draw(st.integers(0, 59))}: a = b * 0.5")
    if draw(st.booleans()):
        lines.append("for _ in range(9): c = 0.9 * sin(c) + a")
    return "\n        ".join(lines)


@given(bodies(), st.integers(24, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_random_loops(body, n, seed):
    source = f"""def f(x, w):
    a, b, c, seen = x[0], w, 0.5 * w, []
    for t in range({n}):
        {body}
    return sum(a) + sum(b * c) + (sum(stack(seen)) + sum(seen[3]) if seen else 0.0)"""
    names: dict[str, Any] = {**UNARY, **BINARY, "sum": np.sum, "stack": np.stack}
    exec(source, names)
    f: Any = names["f"]
    rng = np.random.default_rng(seed)
    args = rng.normal(size=(n, 3)), rng.normal(size=3)
    plain = fastvjp.value_and_grad(f, (0, 1))(*args)
    compiled = fastvjp.compile(fastvjp.value_and_grad(f, (0, 1)))(*args)
    assert plain[0] == pytest.approx(f(*args), rel=1e-9, abs=1e-9)
    with unrolled():
        value, gradient = fastvjp.value_and_grad(f, (0, 1))(*args)
    same([plain[0], *plain[1]], [value, *gradient])
    same([compiled[0], *compiled[1]], [value, *gradient])
