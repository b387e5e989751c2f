"""Recorded calls: what is looked up, what is recorded anew, and that neither shows in results."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from support.checks import close, forget, keep, same

import fastvjp as fv
from fastvjp.arrays.array import as_array
from fastvjp.arrays.calls import binary
from fastvjp.arrays.emit import emit
from fastvjp.recording import recorder, trace, trie


@pytest.fixture
def new_calls(monkeypatch):
    """Grows by one for every call that is not found."""
    made = []
    original = trace.Trace._first

    def counting(self, key, *args, **options):
        made.append(key)
        return original(self, key, *args, **options)

    monkeypatch.setattr(trace.Trace, "_first", counting)
    return made


# --- scalars ---------------------------------------------------------------------------------------------------


def test_values_of_scalars_are_not_part_of_a_call(new_calls, rng):
    def fun(x, a, n):
        return fv.sum(fv.where(x > a, a * x, a + x) / n - fv.maximum(x, a) * n + fv.clip(x, -a, a))

    def naive(x, a, n):
        return np.sum(np.where(x > a, a * x, a + x) / n - np.maximum(x, a) * n + np.clip(x, -a, a))

    x = rng.normal(size=50)
    close(fv.vjp(lambda x: fun(x, 0.3, 3), [x], [1.0])[0][0], naive(x, 0.3, 3))
    new_calls.clear()
    for a, n in zip(rng.uniform(0, 1, 5).tolist(), (1, -7, 300, 2**40, 10**30), strict=True):
        close(fv.vjp(lambda x, a=a, n=n: fun(x, a, n), [x], [1.0])[0][0], naive(x, a, float(n)))
    assert new_calls == []


def test_two_scalars_of_one_call_keep_their_places(rng):
    x = rng.normal(size=20)
    for a, b in ((1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (0.0, -0.0), (float("nan"), 1.0), (1, 2.5), (2, 1.5)):
        found = fv.vjp(lambda x, a=a, b=b: fv.where(x > 0, a, b) * x, [x], [np.ones(20)])[0][0]
        expected = np.where(x > 0, a, b) * x
        same(found, expected)
        same(np.signbit(np.asarray(found)), np.signbit(expected))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "uint64"])
def test_integers_are_checked_against_the_dtype_each_time(dtype):
    info = np.iinfo(dtype)
    x = fv.array(np.array([1, 2], dtype))
    inside = lambda n: fv.compile(lambda x: x + n)(x)  # noqa: E731
    for add in (inside, lambda n: x + n):
        for _ in range(2):
            for n in (1, 3, int(info.max)):
                same(add(n), np.array([1, 2], dtype) + np.array(n, dtype))
            for n in (int(info.max) + 1, int(info.min) - 1):
                with pytest.raises(OverflowError, match="does not fit"):
                    add(n)


def test_comparison_with_integers_out_of_range():
    x = fv.array(np.array([-3, 0, 3], np.int8))
    for n in (0, 2, 300, -300, 1, 400):
        for fun in (fv.less, lambda a, b: fv.record(fv.less, a, b) and fv.less(a, b)):
            same(fun(x, n), np.array([-3, 0, 3]) < n)
        same(fv.vmap(lambda v, n=n: v < n)(x), np.array([-3, 0, 3]) < n)


def test_types_of_scalars_are_told_apart(rng):
    x = rng.integers(1, 5, 4)
    for operand in (2, 2.0, True, 2 + 0j, np.float64(2), np.int64(2), 2, 2.0):
        for fun in (lambda x, k=operand: x * k, lambda x, k=operand: x**k, lambda x, k=operand: k - x):
            found = fv.vmap(fun)(x)
            expected = fun(x) if operand is not True else None
            if expected is not None:
                close(found, expected)
                assert found.dtype == expected.dtype


def test_exponents_are_part_of_a_call(rng):
    x = rng.uniform(1, 2, 5)
    for p in (2, 3, 2.0, 0, -1, 0.5, 2.5, 1, 40, 3.5, 2):
        close(fv.grad(lambda x, p=p: fv.sum(x**p))(x), p * x ** (p - 1.0))
    with pytest.raises(ValueError, match="negative integer power"):
        fv.vmap(lambda x: x**-1)(np.arange(1, 3))
    exponents = np.array([1, 2])
    same(fv.vmap(lambda x: x ** fv.array(exponents))(np.array([[3, 4]])), [[3, 16]])
    exponents[0] = -1
    with pytest.raises(ValueError, match="negative integer power"):
        fv.vmap(lambda x: x ** fv.array(exponents))(np.array([[3, 4]]))


# --- arrays from outside -----------------------------------------------------------------------------------------


def test_captured_arrays_enter_by_value_each_time(new_calls, rng):
    x = rng.normal(size=(3, 4))
    call = lambda c: fv.vjp(lambda x: x * c + fv.sin(c), [x], [np.ones((3, 4))])  # noqa: E731
    kinds = {
        "contiguous": lambda: fv.array(rng.normal(size=(3, 4))),
        "transposed": lambda: fv.array(rng.normal(size=(4, 3))).T,
        "uniform": lambda: fv.full((3, 4), rng.normal(), dtype=fv.float64),
        "row": lambda: fv.array(rng.normal(size=4)),
        "float32": lambda: fv.array(rng.normal(size=(3, 4)).astype(np.float32)),
    }
    for make in kinds.values():
        for _ in range(2):
            c = make()
            (out,), (g,) = call(c)
            tolerance = 1e-6 if c.dtype == np.float32 else 1e-10
            close(out, x * np.asarray(c) + np.sin(np.asarray(c)), rtol=tolerance, atol=1e-6)
            close(g, np.broadcast_to(np.asarray(c), x.shape))
    new_calls.clear()
    for make in kinds.values():
        call(make())
    assert new_calls == []


def test_one_array_in_two_roles_and_two_equal_ones(rng):
    x = rng.normal(size=4)
    shared = fv.array(rng.normal(size=4))
    for a, b in ((shared, shared), (shared, fv.array(x)), (fv.array(x), shared), (shared, shared)):
        close(fv.vjp(lambda x, a=a, b=b: x * a - b, [x], [a])[1][0], np.asarray(a) ** 2)
        close(fv.vjp(lambda x, a=a, b=b: x * a - b, [x], [b])[1][0], np.asarray(a) * np.asarray(b))
        close(a * b, np.asarray(a) * np.asarray(b))


def test_outputs_that_are_captured_arrays(rng):
    for _ in range(2):
        c, x = fv.array(rng.normal(size=3)), rng.normal(size=3)
        (out, same_x), (g,) = fv.vjp(lambda x, c=c: [c, x], [x], [np.ones(3), x])
        close(out, np.asarray(c))
        close(same_x, x)
        close(g, x)


# --- structure ---------------------------------------------------------------------------------------------------


def test_a_structure_that_changes_in_the_middle(rng):
    x = rng.normal(size=6)

    def fun(x, k):
        y = fv.sin(x) * 2.0
        for _ in range(k % 3):
            y = y * x
        if k % 2:
            y = fv.cos(y)
        return fv.sum(y + x)

    def naive(x, k):
        y = 2 * np.sin(x) * x ** (k % 3)
        return np.sum((np.cos(y) if k % 2 else y) + x)

    for k in (0, 1, 2, 3, 4, 5, 0, 3, 1):
        close(fv.value_and_grad(fun)(x, k)[0], naive(x, k))
        eps = 1e-6 * rng.normal(size=6)
        slope = (naive(x + eps, k) - naive(x - eps, k)) / 2
        close(np.sum(np.asarray(fv.grad(fun)(x, k)) * eps), slope, rtol=1e-4, atol=1e-10)


def test_static_arguments_by_value_and_kind(rng):
    x = rng.normal(size=(3, 3))
    for axis in (0, 1, -1, None, (0, 1), [0], 0):
        for keepdims in (False, True):
            found = fv.vmap(lambda a, axis=axis, k=keepdims: fv.sum(a, axis, k))(x[None])
            close(found[0], np.sum(x, tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims))
            close(fv.sum(fv.array(x), axis=axis, keepdims=keepdims), found[0])
    for index in (1, True, slice(1, None), slice(None, 1), None, ..., (1, 2), (True, 1), slice(None, None, -1), 1):
        close(fv.vmap(lambda a, i=index: a[i])(x[None])[0], x[index])
        close(fv.array(x)[index], x[index])
    wrong: Any = 1.0
    calls = fv.vmap(lambda a: a[wrong:]), lambda a: fv.array(a)[wrong:], lambda a: fv.sum(fv.array(a), wrong)
    for call in calls:
        with pytest.raises((TypeError, IndexError)):
            call(x[None])


def test_a_call_that_fails_leaves_the_recording_as_it_was(rng):
    x = rng.normal(size=3)

    def fun(x):
        y = x * 2.0
        for bad in (np.ones(2), np.ones(4)):
            with pytest.raises(ValueError, match="broadcast"):
                fv.array(bad) + y
        with pytest.raises(TypeError):
            fv.sin("text")
        return fv.sum(y * x)

    for _ in range(3):
        close(fv.grad(fun)(x), 4 * x)


def test_operators_leave_others_their_turn():
    class Other:
        def __radd__(self, left):
            return "radd"

        def __rpow__(self, left):
            return "rpow"

        def __lt__(self, other):
            return "lt"

    def check(x):
        assert x + Other() == "radd" and x ** Other() == "rpow" and (x > Other()) == "lt"
        for call in (lambda: x * "text", lambda: None - x, lambda: x**None):
            with pytest.raises(TypeError):
                call()
        return x

    for _ in range(2):
        check(fv.array([1.0]))
        fv.grad(lambda x: fv.sum(check(x)))(np.ones(2))


# --- values that are read ----------------------------------------------------------------------------------------


def test_values_read_decide_anew_each_time(new_calls, rng):
    def fun(x):
        y = x * x
        turns = 0
        while fv.sum(y).item() > 1.0:
            y = y * 0.5
            turns += 1
        return fv.sum(y * x) if turns % 2 else fv.sum(y)

    def naive(x):
        y, turns = x * x, 0
        while y.sum() > 1:
            y, turns = y * 0.5, turns + 1
        return 3 * y if turns % 2 else 2 * y / x

    for scale in (0.1, 1, 3, 0.1, 1, 3):
        x = rng.uniform(0.5, 1, 4) * scale
        close(fv.grad(fun)(x), naive(x))
    new_calls.clear()
    x = x * (1 + 1e-9)
    close(fv.grad(fun)(x), naive(x))
    assert new_calls == []


def test_a_rule_that_reads_a_value_is_run_each_time(rng):
    @fv.custom_function
    def halved(x):
        return x * 1.0

    @halved.vjp
    def rule(x, g, out):
        return g * 0.5 if float(fv.sum(g)) > 0 else g * 2.0

    x = rng.normal(size=3)
    for sign in (1, -1, 1):
        g = sign * np.ones(3)
        close(fv.vjp(lambda x: halved(x) * 3.0, [x], [g])[1][0], 3 * g * (0.5 if sign > 0 else 2))


def test_arrays_of_another_threads_recording(rng):
    for _ in range(2):
        x, z = rng.normal(size=3), rng.normal(size=3)
        found: list[fv.array] = []

        def fun(x, z=z, found=found):
            y = x * 2.0
            held = fv.stop_gradient(y)

            def elsewhere():
                found.append(fv.grad(lambda z: fv.sum(z * held))(z))
                found.append(held + 1.0)

            t = threading.Thread(target=elsewhere)
            t.start()
            t.join()
            return fv.sum(y * y)

        close(fv.grad(fun)(x), 8 * x)
        close(found[0], 2 * x)
        close(found[1], 2 * x + 1)


# --- nesting -----------------------------------------------------------------------------------------------------


def test_nested_transforms_are_calls_too(new_calls, rng):
    loss = lambda x, s: fv.sum(fv.sin(x * s) * x)  # noqa: E731
    calls = {
        "hessian": lambda x, s: fv.hessian(lambda x: loss(x, s))(x),
        "hvp": lambda x, s: fv.hvp(lambda x: loss(x, s), [x], [x])[0],
        "jacobian": lambda x, s: fv.jacrev(lambda x: fv.grad(loss)(x, s))(x),
        "pullback": lambda x, s: fv.vjp(lambda x: fv.grad(loss)(x, s), [x])[1]([x])[0],
        "vmap of grad": lambda x, s: fv.vmap(fv.grad(lambda x: loss(x, s)))(fv.stack([x, x])),
        "third": lambda x, s: fv.grad(lambda x: fv.sum(fv.grad(lambda x: fv.sum(fv.grad(loss)(x, s)))(x)))(x),
    }
    for call in calls.values():
        call(rng.normal(size=4), 2.0)
    x, s = rng.normal(size=4), 0.7
    new_calls.clear()
    known = {name: np.asarray(call(x, s)) for name, call in calls.items()}
    assert new_calls == []
    forget()
    for name, call in calls.items():
        close(call(x, s), known[name], rtol=1e-12)
    second = 2 * s * np.cos(s * x) - s * s * x * np.sin(s * x)
    close(known["hessian"], np.diag(second))
    close(known["jacobian"], np.diag(second))
    close(known["pullback"], second * x)
    close(known["third"], -3 * s * s * np.sin(s * x) - s**3 * x * np.cos(s * x))


def test_a_pullback_that_outlives_the_transform_it_was_made_in(rng):
    for _ in range(2):
        kept: list[Any] = []

        def fun(x, kept=kept):
            (out,), pullback = fv.vjp(lambda y: fv.sin(y) * y, [x * 2.0])
            kept.append(pullback)
            return fv.sum(out * pullback([x])[0])

        x, g = rng.normal(size=3), rng.normal(size=3)
        z, slope = 2 * x, np.cos(2 * x) * 2 * x + np.sin(2 * x)
        curve = 2 * np.cos(z) - z * np.sin(z)
        close(fv.grad(fun)(x), 2 * slope * slope * x + np.sin(z) * z * (2 * curve * x + slope))
        close(kept[0]([g])[0], slope * g)


# --- memory and threads ------------------------------------------------------------------------------------------


def recording_of(n):
    return lambda x: fv.sum(sum((x * float(i) for i in range(n)), x))


def nodes(at):
    return 1 + sum(map(nodes, at.next.values()))


def test_the_trie_is_bounded(monkeypatch, rng):
    forget()
    monkeypatch.setattr(trie, "MAX_OPS", 100)
    monkeypatch.setattr(trie, "MAX_SINGLE", 8)
    monkeypatch.setattr(trie, "MAX_PATTERNS", 8)
    x = rng.normal(size=3)
    for n in (3, 10, 7, 10, 50, 2, 9, 4):
        close(fv.grad(recording_of(n))(x), 1 + n * (n - 1) / 2 + 0 * x)
        assert trie.trie.count <= 100
        assert nodes(trie.trie.root) < 80
        assert len(trie.trie.patterns) <= 8
    for n in range(1, 40):
        close(fv.ones(n, dtype=fv.float64) * 2.0, np.full(n, 2.0))
        assert len(trie.trie.single) <= 8


def test_recordings_used_last_are_remembered(monkeypatch, rng):
    """One that is long, or several one after the other, leave those alone that are in use, and single calls."""
    forget()
    monkeypatch.setattr(trie, "MAX_OPS", 200)
    x = rng.normal(size=3)
    calls = []

    @binary
    def counted(a, b):
        calls.append(1)
        return emit("multiply", as_array(a, "counted"), as_array(b, "counted"))

    def short(x):
        return fv.sum(counted(fv.sin(x), x))

    eager = fv.array(x)
    for n in (3, 90, 40, 41, 42):  # 90: more than may be remembered of one
        for _ in range(2):
            trie.trie.patterns.clear()
            close(fv.grad(short)(x), np.cos(x) * x + np.sin(x))
            close(counted(eager, eager), x * x)
            close(fv.grad(recording_of(n))(x), 1 + n * (n - 1) / 2 + 0 * x)
    assert len(calls) == 2


def test_nothing_waits_for_the_collector(rng):
    class Break(Exception):
        pass

    kept = []

    def leaks(x):
        kept.append(x * 3.0)
        return fv.sum(x)

    def fails(x):
        fv.exp(x)
        raise Break

    def reads(x):
        return x * 2.0 if fv.sum(fv.exp(x)) > 0 else x

    def run(x):
        fv.grad(leaks)(x)
        close(kept.pop(), 3 * np.asarray(x))
        with pytest.raises(Break):
            fv.grad(fails)(x)
        fv.vjp(reads, [x], [x])
        fv.hessian(lambda x: fv.sum(fv.sin(x)))(x)
        fv.vmap(fv.grad(fv.checkpoint(lambda x: x * fv.exp(x))))(x)
        fv.compile(fv.sin)(x)
        fv.vjp(lambda y: fv.exp(y) * x, [x])[1]([x])

    run(fv.array(rng.normal(size=3)))
    gc.collect()
    gc.disable()
    try:
        for _ in range(2):
            x = fv.array(rng.normal(size=3))
            held = weakref.ref(np.asarray(x).base)
            run(x)
            del x
            assert held() is None
            forget()
    finally:
        gc.enable()


def test_a_kept_array_that_was_read_holds_no_recording(rng):
    kept: list[fv.array] = []
    x = fv.array(rng.normal(size=3))
    held = weakref.ref(np.asarray(x).base)
    fv.grad(lambda x: (keep(kept, x * 3.0), fv.sum(x))[1])(x)
    close(kept[0], 3 * np.asarray(x))
    gc.disable()
    try:
        del x
        assert held() is None
    finally:
        gc.enable()


def test_threads_that_record_the_same_at_once(rng):
    x = rng.normal(size=(8, 5))
    for _ in range(5):
        forget()
        start = threading.Barrier(4)
        found: dict[int, fv.array] = {}

        def work(k, start=start, found=found):
            start.wait()
            for i in range(k, 8, 4):
                f = lambda x, i=i: fv.sum(fv.tanh(x * float(i)) * x + fv.array(x_of(i)))  # noqa: E731
                found[i] = fv.grad(f)(x[i])

        def x_of(i):
            return x[i]

        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for i in range(8):
            close(found[i], np.tanh(i * x[i]) + i * x[i] / np.cosh(i * x[i]) ** 2)
    assert not recorder.is_recording()
