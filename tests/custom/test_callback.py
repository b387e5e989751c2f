"""pure_callback: functions of NumPy arrays as steps of a plan."""

from __future__ import annotations

import threading
import traceback
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from support.checks import close

import fastvjp as fv


def solve(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.solve(a, b)


@fv.custom_function
def solved(a: Any, b: Any) -> Any:
    return fv.pure_callback(solve, b, a, b)


@solved.vjp
def _(primals: Any, g: Any, x: Any) -> Any:
    back = solved(primals[0].T, g)
    return -fv.outer(back, x), back


def energy(a: Any, b: Any) -> Any:
    return fv.sum(solved(a, b) ** 2)


@pytest.fixture
def system(rng):
    return rng.normal(size=(3, 3)) + 4 * np.eye(3), rng.normal(size=3)


def slopes(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the energy, by its formula."""
    x = np.linalg.solve(a, b)
    back = np.linalg.solve(a.T, 2 * x)
    return -np.outer(back, x), back


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_by_a_rule_around_it(system, compiled):
    f = fv.grad(energy, argnums=(0, 1))
    for got, wanted in zip((fv.compile(f) if compiled else f)(*system), slopes(*system), strict=True):
        close(got, wanted)


def test_second_derivatives_by_a_rule_that_is_a_custom_function_again(system):
    a, b = system
    inverse = np.linalg.inv(a)
    close(fv.hessian(lambda b: energy(a, b))(b), 2 * inverse.T @ inverse)


def test_under_vmap_and_of_gradients(system, rng):
    a, _ = system
    many = rng.normal(size=(4, 3))
    close(fv.vmap(solved, in_axes=(None, 0))(a, many), np.linalg.solve(a, many.T).T)
    found = fv.vmap(fv.grad(energy), in_axes=(None, 0))(a, many)
    close(found, np.stack([slopes(a, b)[0] for b in many]))


def test_jvp_by_a_rule_of_its_own(system, rng):
    a, b = system
    t = rng.normal(size=3)

    @fv.custom_function
    def linear(x: Any) -> Any:
        return fv.pure_callback(times, x, x)

    def times(x: np.ndarray) -> np.ndarray:
        return a @ x

    def transposed(x: np.ndarray) -> np.ndarray:
        return a.T @ x

    linear.vjp(lambda x, g, out: fv.pure_callback(transposed, x, g))
    with pytest.raises(TypeError, match=r"pure_callback\(transposed\) has no derivative.*jvp rule"):
        fv.jvp(linear, [b], [t])
    linear.jvp(lambda x, t: fv.pure_callback(times, x, t))
    close(fv.jvp(linear, [b], [t])[1][0], a @ t)
    close(fv.vjp(linear, [b], [t])[1][0], a.T @ t)
    close(fv.compile(lambda b, t: fv.jvp(linear, [b], [t])[1][0])(b, t), a @ t)


@pytest.mark.parametrize(
    "transform", [fv.grad, lambda f: fv.compile(fv.grad(f)), fv.hessian, lambda f: lambda x: fv.jvp(f, [x], [x])]
)
def test_without_a_rule_a_derivative_is_an_error(transform):
    def f(x: Any) -> Any:
        return fv.sum(fv.pure_callback(np.sin, x, x))

    with pytest.raises(
        TypeError, match=r"\[pure_callback\] pure_callback\(sin\) has no derivative.*custom_function"
    ):
        transform(f)(np.ones(3))
    close(fv.grad(lambda x: f(fv.stop_gradient(x)) + fv.sum(x))(np.ones(3)), np.ones(3))


def test_second_derivatives_through_a_rule_of_numpy_alone_are_an_error():
    def cosine(x: np.ndarray) -> np.ndarray:
        return np.cos(x)

    @fv.custom_function
    def sine(x: Any) -> Any:
        return fv.pure_callback(np.sin, x, x)

    sine.vjp(lambda x, g, out: g * fv.pure_callback(cosine, x, x))
    close(fv.grad(lambda x: fv.sum(sine(x)))(np.ones(2)), np.cos(np.ones(2)))
    close(fv.jvp(sine, [np.ones(2)], [np.ones(2)])[1][0], np.cos(np.ones(2)))
    with pytest.raises(TypeError, match=r"pure_callback\(cosine\) has no derivative"):
        fv.hessian(lambda x: fv.sum(sine(x)))(np.ones(2))


def test_library_functions_trees_and_several_results(rng):
    x = rng.normal(size=(3, 3))

    def parts(p: dict[str, np.ndarray], *, scale: np.ndarray) -> dict[str, Any]:
        lower, upper = scipy.linalg.lu(p["x"], permute_l=True)
        return {"factors": (lower * scale, upper), "rank": int(np.linalg.matrix_rank(p["x"]))}

    like = {"factors": (SimpleNamespace(shape=(3, 3), dtype="float64"), x), "rank": ((), np.int64)}
    f = fv.compile(lambda x: fv.pure_callback(parts, like, {"x": x * 2}, scale=3.0))
    found = f(x)
    lower, upper = scipy.linalg.lu(2 * x, permute_l=True)
    close(found["factors"][0], lower * 3)
    close(found["factors"][1], upper)
    assert found["rank"].item() == 3 and found["rank"].dtype == np.int64


@pytest.mark.parametrize("method", ["sequential", "expand_dims", "broadcast_all"])
def test_methods_of_vmap(method, rng):
    x, y = rng.normal(size=2), rng.normal(size=3)
    calls: list[tuple[int, ...]] = []

    def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        calls.append(a.shape)
        return a + b

    def f(x: Any, y: Any) -> Any:
        return fv.pure_callback(add, ((), np.float64), x, y, vmap_method=method)

    table = fv.vmap(fv.vmap(f, in_axes=(0, None)), in_axes=(None, 0))
    close(table(x, y), y[:, None] + x)
    assert len(calls) == (6 if method == "sequential" else 1)
    assert np.asarray(fv.vmap(f)(np.empty(0), np.empty(0))).shape == (0,)


def test_without_a_method_vmap_is_an_error():
    with pytest.raises(ValueError, match=r"\[vmap\] pure_callback\(sin\).*vmap_method"):
        fv.vmap(lambda x: fv.pure_callback(np.sin, x, x, vmap_method=None))(np.ones(3))


def test_a_callback_owns_its_arguments():
    kept = []

    def greedy(x: np.ndarray) -> np.ndarray:
        kept.append(x)
        x *= 2
        return x

    one = np.arange(6.0).reshape(2, 3)
    f = fv.compile(lambda x: (fv.pure_callback(greedy, ((3, 2), float), (x + 1).T), x * 1))
    for _ in range(2):
        found, same = f(one)
        close(found, 2 * (one.T + 1))
        close(same, one)
    assert all(x.flags.c_contiguous and x.flags.writeable for x in kept)
    close(kept[0], 2 * (one.T + 1))


def test_a_callback_may_use_fastvjp_and_the_plan_that_calls_it(rng):
    x = rng.normal(size=5_000)  # temporaries do not fit a place of the plan's own

    def slope(x: np.ndarray) -> np.ndarray:
        return np.asarray(fv.grad(lambda y: fv.sum(fv.sin(y) * fv.exp(y)))(x))

    def f(x: Any) -> Any:
        return fv.sum(fv.exp(x) * fv.pure_callback(slope, x, fv.tanh(x)) + fv.sort(x))

    t = np.tanh(x)
    close(f(fv.array(x)), np.sum(np.exp(x) * np.exp(t) * (np.sin(t) + np.cos(t)) + x), rtol=1e-9)

    def descend(n: np.ndarray, x: np.ndarray) -> np.ndarray:
        return x if n == 0 else np.asarray(nested(n - 1, x / 2))

    nested = fv.compile(lambda n, x: fv.sort(x) + fv.pure_callback(descend, x, n, x))
    expected = sum(np.sort(x) / 2**k for k in range(4)) + x / 8
    close(nested(np.int64(3), x), expected)


def test_an_exception_propagates_and_leaves_nothing_behind(rng):
    x = rng.normal(size=4)
    fail = [True]

    def fragile(x: np.ndarray) -> np.ndarray:
        if fail[0]:
            raise ZeroDivisionError("on purpose")
        return x

    f = fv.compile(lambda x: fv.sort(fv.pure_callback(fragile, x, x * 2)) + fv.sin(x))
    stopped = lambda x: f(fv.stop_gradient(x)) * x  # noqa: E731
    for attempt in (f, f, lambda x: fv.pure_callback(fragile, x, x), lambda x: fv.vjp(stopped, [x], [x])):
        with pytest.raises(ZeroDivisionError, match="on purpose") as caught:
            attempt(x)
        assert any(frame.name == "fragile" for frame in traceback.extract_tb(caught.value.__traceback__))
        assert float(fv.array(1.0) + 1) == 2  # no recording is open
    fail[0] = False
    close(f(x), np.sort(2 * x) + np.sin(x))


def test_threads(rng):
    xs = rng.normal(size=(8, 100))
    f = fv.compile(lambda x: fv.pure_callback(np.sort, x, fv.exp(x)) * 2)
    found: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: [np.asarray(f(xs[i])) for _ in range(20)]}))
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, x in enumerate(xs):
        for got in found[i]:
            close(got, 2 * np.sort(np.exp(x)))


def test_on_a_device_without_float64():
    with fv.device("metal-emulator"):
        x = fv.array([1.0, 2.0])
        close(fv.pure_callback(np.cumsum, x, x * 2), [2.0, 6.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("result", "returned", "error", "text"),
    [
        (((3,), float), np.ones(4), ValueError, r"shape \(4,\). Expected: \(3,\)"),
        (((3,), np.float32), np.ones(3), TypeError, "dtype float64. Expected: float32.*Hint"),
        (((), np.int64), 1.5, TypeError, "dtype float64. Expected: int64"),
        (((3,), float), [np.ones(3)], TypeError, r"structure \[\*\]. Expected: \*"),
        ([((3,), float)] * 2, [np.ones(3)], TypeError, "structure"),
        (((3,), float), None, TypeError, "structure None"),
        (((3,), float), "text", ValueError, "shape"),
    ],
)
def test_results_are_checked(result, returned, error, text):
    def wrong(x: Any) -> Any:
        return returned

    for f in (
        lambda x: fv.pure_callback(wrong, result, x),
        fv.compile(lambda x: fv.pure_callback(wrong, result, x)),
    ):
        with pytest.raises(error, match=r"\[pure_callback\(wrong\)\].*" + text):
            f(np.ones(3))


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self, x: Any) -> Any:
        return x


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((3, ((), float)), TypeError, "Expected a function"),
        ((np.sin, 1.0, 2.0), TypeError, "Result 0 is given as float.*shape, dtype"),
        ((np.sin, ((), "U3"), 2.0), TypeError, "Unsupported dtype"),
        ((np.sin, [], 2.0), ValueError, "Expected a result"),
        ((np.sin, ((), float), "two"), TypeError, "Expected an array"),
        ((Unhashable(), ((), float), 2.0), TypeError, "not hashable"),
    ],
)
def test_wrong_arguments(arguments, error, text):
    with pytest.raises(error, match=r"\[pure_callback\].*" + text):
        fv.pure_callback(*arguments)
    with pytest.raises(ValueError, match=r"Unknown vmap_method 'all'.*sequential"):
        fv.pure_callback(np.sin, ((), float), 2.0, vmap_method="all")


def test_inside_numba_code_it_is_named():
    with pytest.raises(TypeError, match=r"\[njit\] Only Python can run pure_callback\(sin\) of float64"):
        fv.njit(lambda x: fv.pure_callback(np.sin, x, x) * 2, np.ones(3))


def test_what_the_function_reads_beside_its_arguments_is_no_constant():
    ones = np.ones(3)

    def loss(x, read):
        @fv.custom_function
        def scaled(y):
            return fv.pure_callback(lambda v: v * read(x), y, y)

        @scaled.vjp
        def rule(primals, g, out):
            return g

        return fv.sum(scaled(fv.array(ones)) * x)

    x = np.arange(1.0, 4.0)
    for read in (np.asarray, lambda x: float(x[0]), lambda x: np.asarray(x * x)):
        with pytest.raises(fv.LostGradientError, match=r"test_callback.py:\d+"):
            fv.grad(lambda x, read=read: loss(x, read))(x)

    def of_constant(x):
        constant = np.asarray(fv.stop_gradient(x))
        return loss(x, lambda _: constant)

    close(fv.grad(of_constant)(x), x)
