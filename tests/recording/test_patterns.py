"""Calls and rules that are like earlier ones: they are recorded without being run, and nothing shows it."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from support.checks import close, forget

import fastvjp as fv
from fastvjp.arrays.array import as_array
from fastvjp.arrays.calls import binary, recorded
from fastvjp.arrays.emit import cast, emit
from fastvjp.core.avals import promote
from fastvjp.core.primitive import REGISTRY
from fastvjp.recording import ready, trie
from fastvjp.recording.ready import Plans, structure


@pytest.fixture(autouse=True)
def anew():
    forget()


@pytest.fixture
def runs():
    """A product and a section, with a list that grows by one where either is run."""
    made = []

    @binary
    def product(a, b):
        made.append("product")
        x, y = as_array(a, "product"), as_array(b, "product")
        dtype = promote(x.dtype, y.dtype)
        return emit("multiply", cast(x, dtype), cast(y, dtype))

    @recorded(1)
    def first(a, count):
        made.append("first")
        return as_array(a, "first")[:count]

    return product, first, made


def test_a_call_like_one_elsewhere_is_not_run(runs, rng):
    product, first, made = runs
    x, y = rng.normal(size=(2, 6))

    def f(x, y):
        a = product(x, y)
        b = product(a, x)
        return fv.sum(first(product(b, a), 3)) + fv.sum(first(b, 3))

    def naive(x, y):
        return np.sum((x * y * x * x * y)[:3]) + np.sum((x * y * x)[:3])

    found = fv.grad(f, argnums=(0, 1))(x, y)
    assert made == ["product"] * 3 + ["first"]  # of two values, one and none that are known
    assert fv.record(f, x, y).ops[-1].primitive.name == "add"
    step = 1e-6
    for k, g in enumerate(found):
        e = np.eye(6)[1] * step
        lower, upper = ((x - e, y), (x + e, y)) if k == 0 else ((x, y - e), (x, y + e))
        close(g[1], (naive(*upper) - naive(*lower)) / (2 * step), rtol=1e-7)


def test_what_a_call_depends_on_tells_calls_apart(runs, rng):
    product, first, _ = runs
    x = rng.normal(size=6)

    def f(x):
        single, other = x.astype(fv.float32), fv.array(np.ones(6))
        results = [product(x, x + 1), product(x, x), product(single, x), product(x, single), product(x, other)]
        return [*results, first(x, 2), first(x, 3), first(single, 2)]

    results = [np.asarray(r) for r in fv.vjp(f, [x], [r * 0 + 1 for r in f(fv.array(x))])[0]]
    single = x.astype(np.float32)
    expected = [x * (x + 1), x * x, single * x, x * single, x, x[:2], x[:3], single[:2]]
    for r, e in zip(results, expected, strict=True):
        assert r.dtype == e.dtype
        close(r, e)


def test_missing_cotangents_are_told_apart(rng):
    """The cotangent of one of several results does not stand for that of another, which is like it."""
    a = rng.normal(size=(4, 4))
    a = a + a.T + np.diag([0.0, 5.0, 10.0, 20.0])

    def f(a, first):
        total = 0.0
        for k in range(6):
            w, v = np.linalg.eigh(a + float(k))
            total = total + (np.sum(w**3) if (k % 2) == first else np.sum(np.cos(v[:, 0] ** 2)))
        return total

    for first in (0, 1):
        forget()
        found = fv.grad(lambda a: f(a, first))(a)  # noqa: B023  called at once
        e = rng.normal(size=(4, 4))
        e, step = e + e.T, 1e-5
        slope = (f(a + step * e, first) - f(a - step * e, first)) / (2 * step)
        close(np.sum(found * e), slope, rtol=1e-6)


def test_orders_and_operands_given_twice(rng):
    x = rng.uniform(0.5, 1, 3)

    def f(x):
        y = x
        for _ in range(3):
            y = y * y + x * y
        return fv.sum(y)

    def slopes(x, order):
        y = np.polynomial.Polynomial([0, 1])
        t = y
        for _ in range(3):
            y = y * y + t * y
        return y.deriv(order)(x)

    close(fv.grad(f)(x), slopes(x, 1))
    close(fv.grad(lambda x: fv.sum(fv.grad(f)(x)))(x), slopes(x, 2))
    third = fv.grad(lambda x: fv.sum(fv.grad(lambda x: fv.sum(fv.grad(f)(x)))(x)))
    close(third(x), slopes(x, 3))
    close(fv.jvp(f, [x], [np.ones(3)])[1][0], np.sum(slopes(x, 1)))


def test_arrays_kept_from_a_rule_and_from_a_function(rng):
    kept = []

    def twice_vjp(primals, cotangents, outputs):
        kept.append(cotangents * 3.0)
        return cotangents * 2.0

    twice = fv.custom_function(lambda x: x * 2.0)
    twice.vjp(twice_vjp)

    def f(x):
        kept.append(x + 1.0)
        return fv.sum(twice(x) * x)

    x = rng.normal(size=3)
    for _ in range(3):
        close(fv.grad(f)(x), 4 * x)
        close(kept.pop(), 3 * x)
        close(kept.pop(), x + 1)


def test_a_rule_is_not_run_for_every_op(monkeypatch, rng):
    calls = []
    rules = REGISTRY["cumsum"].rules
    assert rules is not None
    original = rules["x"]

    def counting(g, axis, reverse, exclusive):
        calls.append(1)
        return original(g, axis, reverse, exclusive)

    monkeypatch.setitem(rules, "x", counting)

    def f(x):
        for _ in range(20):
            x = fv.cumsum(x * 0.5)
        return fv.sum(x)

    x = rng.uniform(0.5, 1, 3)
    close(fv.grad(f)(x), np.ones(3) @ np.linalg.matrix_power(np.tril(np.full((3, 3), 0.5)), 20))
    assert 0 < len(calls) < 5


# --- long ones -------------------------------------------------------------------------------------------------


def test_a_long_chain_that_does_not_repeat_itself():
    """No recursion, no memory that grows with the square; neither when it is made nor when it is let go."""
    kinds = np.random.default_rng(0).integers(0, 3, 6000).tolist()

    def f(x):
        slope = 1.0
        for k in kinds:
            x, slope = (x * 0.999, slope * 0.999) if k == 0 else (x + 1e-4, slope) if k == 1 else (-x, -slope)
        return (x, slope)

    x = np.array(0.7)
    gradient = fv.grad(lambda x: f(x)[0])
    for _ in range(2):
        close(gradient(x), f(0.7)[1], rtol=1e-10)
    trie.trie.forget()
    gc.collect()


# --- keys of plans ---------------------------------------------------------------------------------------------


def key(f, *args):
    program = fv.record(f, *args)
    return structure(program.ops, program.outputs)[0]


def test_keys_tell_plans_apart():
    x, y = np.ones(3), np.ones(3)
    functions = [
        lambda x, y: x - y,
        lambda x, y: x - x,
        lambda x, y: x + y,
        lambda x, y: (x - y) - y,
        lambda x, y: fv.sum(x, keepdims=True) + y,
        lambda x, y: x[:2] + y[1:],
        lambda x, y: x[1:] + y[:2],
        lambda x, y: (x - y).astype(fv.float32),
    ]
    keys = [key(f, x, y) for f in functions]
    assert len(set(keys)) == len(functions)
    assert keys == [key(f, x + 1, y + 2) for f in functions]
    assert key(functions[0], np.ones(4), np.ones(4)) != keys[0]
    assert key(functions[0], np.ones(3, np.float32), np.ones(3, np.float32)) != keys[0]


def test_keys_when_numbers_are_given_anew(monkeypatch):
    monkeypatch.setattr(ready, "MAX_NUMBERS", 3)
    x = np.ones(3)
    before = [key(lambda x, k=k: fv.sum(x * 2.0)[None] + k * x[:1], x) for k in range(4)]
    assert len({*before}) <= 4
    for n in range(2, 8):
        x = np.linspace(0.1, 1, n)
        close(fv.grad(lambda x: fv.sum(fv.sin(x) * x))(x), np.cos(x) * x + np.sin(x))


def test_plans_used_last_are_kept(monkeypatch):
    monkeypatch.setattr(ready, "MAX_PLANS", 3)
    monkeypatch.setattr(ready, "MAX_STEPS", 100)
    plans = Plans()
    for k in range(3):
        plans.put(k, f"plan {k}", 10)
    assert plans.get(0) == "plan 0"
    plans.put(3, "plan 3", 10)
    assert [plans.get(k) for k in range(4)] == ["plan 0", None, "plan 2", "plan 3"]
    plans.put(4, "a long plan", 1000)
    assert [plans.get(k) for k in range(5)] == [None] * 4 + ["a long plan"]
    plans.put(5, "plan 5", 10)
    assert (plans.get(4), plans.get(5)) == (None, "plan 5")
