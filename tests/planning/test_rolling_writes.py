"""Loops that write into arrays: results are NumPy's own, whatever is read before and after it is written."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.loops import forget, loops, same, unrolled

import fastvjp
from fastvjp.planning import in_place


def recurrence(n, rng):
    def f(a, w):
        for i in range(1, n):
            a[i] = np.tanh(w * a[i - 1]) + a[i]
        return np.sum(a**2)

    return f, (rng.normal(size=(n, 4)), np.array(0.7))


def sweeps(n, rng):
    def f(a):
        for _ in range(2):
            for i in range(1, 8):
                for j in range(1, n):
                    a[i, j] = (a[i - 1, j] + a[i, j - 1] + a[i, j] + a[i, j + 1] + a[i + 1, j]) / 5
        return np.sum(a**2)

    return f, (rng.normal(size=(9, n + 1)),)


def filtered(n, rng):
    def f(x, y):
        p = q = 0.0
        for i in range(n):
            y[i] = x[i] + 0.5 * p - 0.2 * q
            p, q = y[i], p
        return np.sum(y**2)

    return f, (rng.normal(size=n), np.zeros(n))


def backwards(n, rng):
    def f(x, y):
        for i in range(n - 2, -1, -1):
            y[i] = np.sin(y[i + 1]) + x[i] * y[i]
        return np.sum(y)

    return f, (rng.normal(size=n), rng.normal(size=n))


def borders(n, rng):
    def f(u):
        for _ in range(n):
            u[0] = u[-2]
            u[-1] = u[1]
            u[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
        return np.sum(u**2)

    return f, (rng.normal(size=8),)


def two_arrays(n, rng):
    def f(a, b):
        for _ in range(n):
            b[1:-1] = (a[:-2] + a[1:-1] + a[2:]) / 3
            a[1:-1] = (b[:-2] + b[1:-1] + b[2:]) / 3
        return np.sum(a * b)

    return f, (rng.normal(size=7), rng.normal(size=7))


def sums(n, rng):
    def f(x, s):
        for i in range(n):
            s[i % 3] += np.sin(x[i] * s[2])
        return np.sum(s**2)

    return f, (rng.normal(size=n), rng.normal(size=3))


def read_before(n, rng):
    def f(a, b):
        s = np.zeros(4)
        for i in range(1, n):
            v = a[i] * 0.5  # which is cheap to compute again, but not from what is written
            a[i] = b * 1.5
            s = np.sin(s) + (v + a[i - 1]) * 0.1
            a[i] = a[i] + s
        return np.sum(s * b) + np.sum(a)

    return f, (rng.normal(size=(n, 4)), rng.normal(size=4))


def smoothed(n, rng):
    def f(a, b):
        for _ in range(n):
            b[1:-1, 1:-1] = 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])
            a[1:-1, 1:-1] = 0.2 * (b[1:-1, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:] + b[2:, 1:-1] + b[:-2, 1:-1])
        return np.sum(np.sin(a) * b)

    return f, (rng.normal(size=(7, 6)), rng.normal(size=(7, 6)))


def staggered(n, rng):
    def f(x, y, z, source):
        for t in range(n):
            y[0, :] = source[t]
            y[1:, :] -= 0.3 * (z[1:, :] - z[:-1, :])
            x[:, 1:] -= 0.3 * (z[:, 1:] - z[:, :-1])
            z[:-1, :-1] -= 0.4 * (x[:-1, 1:] - x[:-1, :-1] + y[1:, :-1] - y[:-1, :-1])
        return np.sum(x * x) + np.sum(np.sin(y * z))

    shape = (6, 5)
    return f, (*(rng.normal(size=shape) for _ in range(3)), rng.normal(size=n))


def stencil(n, rng):
    def f(u):
        for _ in range(n):
            u[1:-1] += 0.1 * np.tanh(u[2:] - 2 * u[1:-1] + u[:-2])
        return np.sum(u**2)

    return f, (rng.normal(size=19),)


def three_in_turns(n, rng):
    def f(a, b, c):
        for _ in range(n):
            b[1:-1] = (a[:-2] + a[2:]) / 2
            c[1:-1] = (b[:-2] + b[2:]) / 2
            a[1:-1] = (c[:-2] + c[2:]) / 2
        return np.sum(a * b * np.cos(c))

    return f, tuple(rng.normal(size=9) for _ in range(3))


WRITING = [
    recurrence, sweeps, filtered, backwards, borders, two_arrays, sums, read_before, smoothed, staggered, stencil,
    three_in_turns,
]  # fmt: skip


@pytest.mark.parametrize("loop", WRITING, ids=lambda loop: loop.__name__)
def test_values_are_those_of_numpy(loop, rng, plans):
    f, args = loop(int(rng.integers(60, 90)), rng)
    value = fastvjp.compile(fastvjp.numpy.of(f))(*[a.copy() for a in args])
    assert loops(plans[-1])
    assert value == pytest.approx(f(*[a.copy() for a in args]), rel=1e-12)


@pytest.mark.parametrize("loop", WRITING, ids=lambda loop: loop.__name__)
def test_gradients_are_those_turn_by_turn(loop, rng):
    f, args = loop(int(rng.integers(40, 60)), rng)
    g = fastvjp.grad(fastvjp.numpy.of(f), tuple(range(len(args))))
    forget()
    found = g(*args)
    with unrolled():
        same(found, g(*args))


@pytest.mark.parametrize("loop", [two_arrays, smoothed, staggered, three_in_turns], ids=lambda loop: loop.__name__)
def test_every_section_is_written_once_where_it_stands(loop, rng, plans):
    f, args = loop(60, rng)
    fastvjp.compile(fastvjp.numpy.of(f))(*args)
    (step,) = loops(plans[-1])
    assert not step.outputs  # nothing is carried but in the arrays
    assert len(step.body.steps) == {staggered: 4, three_in_turns: 3}.get(loop, 2)
    assert all(len(single.stores) == 1 for single in step.body.steps)


def test_arrays_that_are_written_to_by_turns_are_not_kept_of_each_turn(rng):
    memory = []
    for n in (40, 400):
        f, args = two_arrays(n, rng)
        memory.append(fastvjp.explain(fastvjp.numpy.of(f), args, [1.0]).plan.memory)
    assert memory[0] == memory[1]


def test_what_is_read_beside_its_place_is_read_before_anything_is_written(rng, plans, monkeypatch):
    f, (u,) = stencil(60, rng)
    expected = f(u.copy())
    assert fastvjp.compile(fastvjp.numpy.of(f))(u) == pytest.approx(expected, rel=1e-12)
    assert len(loops(plans[-1])[0].body.steps) == 2
    monkeypatch.setattr(in_place, "_is_read_before", lambda *_: True)  # and that is seen where it is not so
    forget()
    assert fastvjp.compile(fastvjp.numpy.of(f))(u) != pytest.approx(expected, rel=1e-9)
    assert len(loops(plans[-1])[0].body.steps) == 1
    forget()


SECTIONS = [
    "a[i]",
    "a[i + 1]",
    "a[i - 1]",
    "a[-1 - i]",
    "a[2]",
    "b[i]",
    "b[i, 1:]",
    "b[:, 1]",
    "b[0]",
    "b[-1 - i]",
]
SHAPES = {"b[i, 1:]": "[1:]", "b[:, 1]": None}


@st.composite
def bodies(draw):
    """What a turn writes into two arrays, and reads from them: means, as sums of many would make errors grow."""
    lines = []
    for k in range(draw(st.integers(1, 5))):
        to, x, y = (draw(st.sampled_from(SECTIONS)) for _ in range(3))
        value = f"0.5 * sin({x}.mean()) + 0.4 * w * {y}.mean()"
        kind = draw(st.integers(0, 3))
        if kind == 0:
            lines.append(f"v{k} = {x}")  # a view, as NumPy's: it is read behind what is written
            lines.append(f"{to} = {value} + 0.1 * v{k}.mean()")
        elif kind == 1:
            lines.append(f"{to} += {value}")
        elif kind == 2:
            lines.append(f"s = 0.9 * s + {x}.mean()")
            lines.append(f"{to} = 0.5 * {to} + 0.01 * s")
        else:
            lines.append(f"{to} = {value}")
    return "\n        ".join(lines)


@given(bodies(), st.integers(40, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_random_writes(body, n, seed):
    source = f"""def f(a, b, w):
    s = 0.0
    for i in range(1, {n}):
        {body}
    return sum(a * a) + sum(b) + s"""
    names: dict[str, Any] = {"sin": np.sin, "sum": np.sum}
    exec(source, names)
    rng = np.random.default_rng(seed)
    f, args = names["f"], (rng.normal(size=(n + 1, 3)), rng.normal(size=(n + 1, 3)), rng.normal())
    copies = [np.copy(a) for a in args]
    expected = f(*copies)
    value = fastvjp.compile(fastvjp.numpy.of(f))(*args)
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)
    g = fastvjp.grad(fastvjp.numpy.of(f), (0, 1, 2))
    forget()
    found = g(*args)
    with unrolled():
        same(found, g(*args))


STENCILS = ["[:-2]", "[1:-1]", "[2:]"]


@st.composite
def stencils(draw):
    """Sections of three arrays that a turn makes of others; what it makes are means, which do not grow."""
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        to, x, y = (draw(st.sampled_from("abc")) for _ in range(3))
        at, place, other = (draw(st.sampled_from(STENCILS)) for _ in range(3))
        value = f"0.4 * sin({x}{place}) + 0.3 * w * {y}{other}"
        kind = draw(st.integers(0, 4))
        if kind == 0:
            lines.append(f"{to}[{draw(st.sampled_from([0, -1, 3]))}] = {x}[{draw(st.sampled_from([-2, 1]))}]")
        elif kind == 1:
            lines.append(f"{to}{at} += 0.1 * ({value})")
            lines.append(f"{to}{at} *= 0.9")
        elif kind == 2:
            lines.append(f"{to}{at} -= 0.2 * ({to}{at} - {x}{place})")
        elif kind == 3:
            lines.append(f"{to}{at} = 0.0")
            lines.append(f"{to}{at} += {value}")
        else:
            lines.append(f"{to}{at} = {value}")
    if draw(st.booleans()):
        lines.append("s = 0.5 * s + a.mean() * b.mean()")
    return "\n        ".join(lines)


@given(stencils(), st.integers(24, 36), st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_random_stencils(body, n, seed):
    source = f"""def f(a, b, c, w):
    s = 0.0
    for i in range({n}):
        {body}
    return sum(a * b) + sum(c) + s"""
    names: dict[str, Any] = {"sin": np.sin, "sum": np.sum}
    exec(source, names)
    rng = np.random.default_rng(seed)
    f, args = names["f"], (*rng.normal(size=(3, 7)), np.array(rng.normal()))
    expected = f(*[np.copy(a) for a in args])
    compiled = fastvjp.compile(fastvjp.value_and_grad(fastvjp.numpy.of(f), (0, 1, 2, 3)))
    value, found = compiled(*args)
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)
    g = fastvjp.grad(fastvjp.numpy.of(f), (0, 1, 2, 3))
    forget()
    plain = g(*args)
    with unrolled():
        turn_by_turn = g(*args)
    same(plain, turn_by_turn)
    same(found, turn_by_turn)
