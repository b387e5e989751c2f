"""`njit`: values against the function called from Python, whatever the arguments' layout, and errors."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from support.checks import close, forget, same

import fastvjp as fv
from fastvjp.devices import threads
from fastvjp.kernels.native import jit

compiled = pytest.mark.skipif(jit.jit_disabled(), reason="without the JIT all of it is Python")


def log_density(theta, x, y):
    """A regression with a hyper-prior; scalars, a sum and captured data."""
    scale = np.exp(-theta[2])
    residual = (y - theta[0] - theta[1] * x) * scale
    return -0.5 * np.sum(residual**2) - len(x) * theta[2] - np.sum(theta**2) / 8


def through(f):
    """A Numba function that calls another."""

    @numba.njit
    def caller(*args):
        return f(*args)

    return caller


def gradient_of(function, *args):
    """The same from Python, of float64 arguments."""
    value, gradient = fv.value_and_grad(function)(*map(fv.array, args))
    return np.asarray(value), np.asarray(gradient)


@pytest.fixture
def density(rng):
    """A density of three parameters, and some of these."""
    x = rng.standard_normal(20)
    y = 1 + 2 * x + rng.standard_normal(20)
    return lambda theta: log_density(theta, x, y), rng.standard_normal(3)


def test_called_from_python_and_from_numba(density):
    f, theta = density
    both = fv.njit(fv.value_and_grad(f), theta)

    @numba.njit
    def steps(theta, n):
        total = 0.0
        for _ in range(n):
            value, gradient = both(theta)
            theta = theta + 1e-3 * gradient
            total += value
        return total, theta

    expected, at = 0.0, theta
    for _ in range(5):
        value, gradient = gradient_of(f, at)
        at = at + 1e-3 * gradient
        expected += value
    total, moved = steps(theta, 5)
    close(total, expected)
    close(moved, at)
    value, gradient = both(theta)
    assert isinstance(value, float) and type(gradient) is np.ndarray and gradient.flags.writeable
    close(value, f(theta))


@pytest.mark.parametrize(
    "lay",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: x[::-1].copy()[::-1],
        lambda x: np.ascontiguousarray(x.T).T,
        lambda x: np.lib.stride_tricks.as_strided(x, writeable=False),
    ],
)
def test_layouts(lay, rng):
    x = rng.standard_normal((4, 3))
    weights = rng.standard_normal((4, 3))
    f = fv.njit(fv.grad(lambda x: np.sum(weights * np.sin(x) * x[:, ::-1])), x)
    expected = weights * np.cos(x) * x[:, ::-1] + (weights * np.sin(x))[:, ::-1]
    given = lay(x)
    same(given, x)
    close(f(given), expected)
    close(through(f)(given), expected)
    same(given, x)


@compiled
def test_a_broadcast_and_a_frozen_global_argument(rng):
    row = rng.standard_normal(3)
    x = np.broadcast_to(row, (4, 3))
    f = fv.njit(lambda x: np.cumsum(x, axis=0), np.empty((4, 3)))
    close(numba.njit(lambda: f(x))(), np.cumsum(x, axis=0))


def test_several_results_in_lists_and_tuples(rng):
    x, y = rng.standard_normal((2, 5)), rng.standard_normal((5, 3))

    def f(x, y):
        product = x @ y
        return [product, (np.sum(product), product.T, x)], product, (x > 0,), ()

    made = fv.njit(f, x, y)
    (product, (total, transposed, again)), other, (positive,), nothing = made(x, y)
    close(product, x @ y)
    close(total, np.sum(x @ y))
    same(transposed, product.T)
    same(other, product)
    same(again, x)
    same(positive, x > 0)
    assert nothing == () and positive.dtype == bool and np.ndim(total) == 0
    arrays = [x, product, transposed, again, other, positive]
    assert all(a.flags.c_contiguous for a in arrays)
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


def test_results_that_are_constants_or_parts(rng):
    held = rng.standard_normal((3, 4))
    made = fv.njit(lambda x: (held.T, fv.array(held)[1], np.zeros(3), 2.5, x[1:3], x.reshape(2, 3)), np.empty(6))
    x = rng.standard_normal(6)
    expected = (held.T, held[1], np.zeros(3), 2.5, x[1:3], x.reshape(2, 3))
    for found, wanted in zip(made(x), expected, strict=True):
        close(found, wanted, rtol=1e-7)
    made(x)[0][...] = 7  # results are the caller's
    same(made(x)[0], held.T)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "int16", "uint64", "bool"])
def test_dtypes(dtype, rng):
    x = (rng.standard_normal(7) * 4).astype(dtype)
    one = x[0]
    made: Any = fv.njit(lambda x, one: (np.where(x == one, x, one), one, x[3]), x, one)
    array, first, fourth = made(x, one)
    same(array, np.full(7, one))
    assert array.dtype == dtype and first == one and fourth == x[3]
    if not jit.jit_disabled():
        # Numba hands bool and 64-bit numbers to Python as Python's
        signature = made.nopython_signatures[0].return_type
        assert [str(t) for t in signature] == [f"array({dtype}, 1d, C)", dtype, dtype]


def test_scalars(rng):
    x = rng.standard_normal(5)
    made = fv.njit(fv.value_and_grad(lambda a, b, x: np.sum((a * x + b) ** 2), argnums=(0, 1)), 1.0, 2.0, x)
    for a, b in ((2.5, 3), (np.float64(0.5), np.int64(-1)), (2, True), (np.array(1.5), np.float32(3))):
        value, (by_a, by_b) = made(a, b, x)
        close(value, np.sum((a * x + b) ** 2))
        close(by_a, np.sum(2 * (a * x + b) * x))
        close(by_b, np.sum(2 * (a * x + b)))


def test_empty_arrays(rng):
    made = fv.njit(fv.value_and_grad(lambda x: np.sum(x * x)), np.empty((0, 3)))
    value, gradient = made(np.empty((0, 3)))
    assert value == 0 and gradient.shape == (0, 3)


def test_no_arguments(rng):
    x = rng.standard_normal(3)
    close(fv.njit(lambda: np.exp(fv.array(x)))(), np.exp(x))


def test_higher_order_and_matrix_products(rng):
    weights, x = rng.standard_normal((6, 6)), rng.standard_normal(6)

    def f(x):
        return np.sum(np.tanh(weights @ x) * x)

    close(fv.njit(fv.hessian(f), x)(x), np.asarray(fv.hessian(f)(fv.array(x))))
    v = rng.standard_normal(6)
    output, product = fv.njit(lambda x, v: fv.jvp(f, [x], [v]), x, v)(x, v)
    close(output[0], f(x))
    close(product[0], np.asarray(fv.grad(f)(fv.array(x))) @ v)


def test_indices_and_scans(rng):
    index = rng.integers(0, 5, 20)
    x = rng.standard_normal(5)
    made = fv.njit(fv.grad(lambda x: np.sum(np.cumsum(x[index]) * fv.sort(x)[index])), x)
    close(made(x), np.asarray(fv.grad(lambda x: np.sum(np.cumsum(x[index]) * fv.sort(x)[index]))(fv.array(x))))


@compiled
def test_threads_of_numba(density, rng):
    f, _ = density
    both = fv.njit(fv.value_and_grad(f), np.empty(3))
    thetas = rng.standard_normal((200, 3))

    @numba.njit(parallel=True)
    def all_of(thetas):
        values, gradients = np.empty(len(thetas)), np.empty_like(thetas)
        for i in numba.prange(len(thetas)):
            for _ in range(20):
                values[i], gradients[i] = both(thetas[i])
        return values, gradients

    values, gradients = all_of(thetas)
    expected = [both(theta) for theta in thetas]
    same(values, [value for value, _ in expected])
    same(gradients, [gradient for _, gradient in expected])


@compiled
def test_large_work_is_shared_out_within_prange(rng, monkeypatch):
    monkeypatch.setattr(threads, "_threads", 2)
    f = fv.njit(fv.grad(lambda x: np.sum(np.tanh(x) * np.exp(-x))), np.empty(200_000))
    x = rng.standard_normal((4, 200_000))

    @numba.njit(parallel=True)
    def all_of(x):
        y = np.empty_like(x)
        for i in numba.prange(len(x)):
            y[i] = f(x[i])
        return y

    same(all_of(x), [f(row) for row in x])
    close(all_of(x), np.exp(-x) * (1 / np.cosh(x) ** 2 - np.tanh(x)), rtol=1e-12)


FORK = """
import os, numpy, fastvjp
fastvjp.set_num_threads(2)
x = numpy.random.default_rng().standard_normal(200_000)
f = fastvjp.njit(fastvjp.grad(lambda x: fastvjp.sum(fastvjp.tanh(x))), x)
def right():
    return numpy.allclose(f(x), 1 - numpy.tanh(x) ** 2)
assert right()
child = os.fork()
if child == 0:
    os._exit(0 if right() else 1)
assert os.waitpid(child, 0)[1] == 0
assert right()
print("well")
"""


@compiled
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_in_a_forked_child():
    found = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=False, timeout=300)
    assert found.stdout == "well\n", found.stderr


def test_threads_of_python(density, rng):
    f, _ = density
    both = fv.njit(fv.value_and_grad(f), np.empty(3))
    thetas = rng.standard_normal((4, 3))
    expected = [both(theta)[1] for theta in thetas]
    right = [False] * 4

    def work(i):
        right[i] = all((both(thetas[i])[1] == expected[i]).all() for _ in range(50))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(right)


@compiled
def test_captured_arrays_live_as_long_as_code_that_uses_them(rng):
    def made():
        data = fv.array(rng.standard_normal(1000))
        f = fv.njit(lambda x: fv.sum(x * data), 1.0)

        @numba.cfunc("float64(float64)")
        def caller(x):
            return f(x)

        for name in ("_pyfunc", "_compiler", "__wrapped__"):  # only the code is left
            delattr(caller, name)
        return caller, weakref.ref(f), weakref.ref(np.asarray(data).base), 2 * np.sum(np.asarray(data))

    caller, function, captured, expected = made()
    forget()
    gc.collect()
    assert function() is None
    assert captured() is not None
    close(ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(caller.address)(2.0), expected, rtol=1e-12)
    del caller
    gc.collect()
    assert captured() is None


@compiled
def test_numba_does_not_cache_callers(tmp_path):
    path = tmp_path / "caller.py"
    path.write_text(
        "import fastvjp, numba, numpy as np\nf = fastvjp.njit(lambda x: x * 2, 1.0)\n"
        "@numba.njit(cache=True)\ndef caller(x):\n    return f(x)\nassert caller(2.0) == 4\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    found = subprocess.run(
        [sys.executable, str(path)], env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert "Cannot cache compiled function" in found.stderr and not list(Path(tmp_path).rglob("*.nbc"))


@compiled
def test_the_address_of_a_cfunc(density):
    f, theta = density
    both = fv.njit(fv.value_and_grad(f), theta)
    real, pointer = numba.types.float64, numba.types.CPointer(numba.types.float64)

    @numba.cfunc(real(pointer, pointer))
    def log_density_of(theta, gradient):
        value, slope = both(numba.carray(theta, (3,)))
        numba.carray(gradient, (3,))[:] = slope
        return value

    gradient = np.empty(3)
    assert log_density_of.address is not None
    call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p)(log_density_of.address)
    value = call(theta.ctypes.data, gradient.ctypes.data)
    expected = gradient_of(f, theta)
    close(value, expected[0])
    close(gradient, expected[1])


def test_wrong_arguments(rng):
    made = fv.njit(lambda a, x: a * x, 1.0, np.empty((2, 3)))
    right = rng.standard_normal((2, 3))
    for f in (made, through(made)):
        with pytest.raises(ValueError, match=r"Argument 1 .*Expected: float64\[2,3\], got.*\(3, 2\)"):
            f(1.0, np.empty((3, 2)))
        with pytest.raises(TypeError, match=r"Argument 1 .*Expected: float64\[2,3\], got .*float32"):
            f(1.0, np.empty((2, 3), np.float32))
        with pytest.raises(TypeError, match=r"Argument 1 .*Expected: float64\[2,3\], got"):
            f(1.0, np.empty(6))
        with pytest.raises(TypeError, match=r"Argument 1 .*Expected: float64\[2,3\], got"):
            f(1.0, 2.0)
        with pytest.raises(TypeError, match=r"Argument 0 .*Expected: float64\[\], got .*complex128"):
            f(1j, right)
        with pytest.raises(TypeError, match=r"Argument 0 .*Expected: float64\[\], got"):
            f(right, right)
        close(f(2.0, right), 2 * right)
    with pytest.raises(TypeError, match=r"Argument 0 .*Expected: int64\[\], got"):
        fv.njit(lambda n: n + 1, 1)(1.5)


def test_an_index_that_is_out_of_range(rng):
    made = fv.njit(fv.value_and_grad(lambda x, index: np.sum(np.take(x, index) ** 2)), np.empty(5), np.arange(3))
    x = rng.standard_normal(5)
    for f in (made, through(made)):
        value, gradient = f(x, np.array([1, -1, 1]))
        close(value, 2 * x[1] ** 2 + x[4] ** 2)
        close(gradient, [0, 4 * x[1], 0, 0, 2 * x[4]])
        with pytest.raises(IndexError, match=r"\[gather\] An index is out of range.*, 2\)"):
            f(x, np.array([1, 0, 5]))
        close(f(x, np.array([0, 0, 0]))[0], 3 * x[0] ** 2)


def test_an_index_that_is_none_of_a_row(rng):
    def fun(x, index):
        y = fv.exp(x)
        return fv.sum(y / fv.sum(y, axis=1, keepdims=True), axis=1) * y[fv.arange(4), index]

    made = fv.njit(lambda x, index: fv.vjp(lambda x: fun(x, index), [x], [np.ones(4)])[1][0], np.empty((4, 3)),
                   np.arange(4))  # fmt: skip
    x = rng.standard_normal((4, 3))
    for f in (made, through(made)):
        close(f(x, np.array([1, -1, 0, 1])), np.exp(x) * (np.arange(3) == [[1], [2], [0], [1]]))
        with pytest.raises(IndexError, match=r"\[pick\] An index is out of range.*, 2\)"):
            f(x, np.array([1, 0, 5, -4]))


def test_what_cannot_be_made(rng):
    x = rng.standard_normal(3)
    with pytest.raises(TypeError, match=r"Only Python can run max of complex128\."):
        fv.njit(np.max, x + 1j)
    with pytest.raises(TypeError, match="one argument for each array"):
        fv.njit(lambda x: x, [x])
    with pytest.raises(TypeError, match=r"lists and tuples of arrays as results, got \{'x': \*\}"):
        fv.njit(lambda x: {"x": x}, x)
    with pytest.raises(TypeError, match="The value of an array was read"):
        fv.njit(lambda x: x if x[0] > 0 else -x, x)
    with pytest.raises(TypeError, match="Expected a function first"):
        fv.njit(x)
    with pytest.raises(RuntimeError, match="within a transform"):
        fv.grad(lambda a: a * fv.njit(fv.sin, 1.0)(1.0))(1.0)


@pytest.mark.skipif(jit.jit_disabled(), reason="this is that run")
def test_with_the_jit_disabled():
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", Path(__file__).name],
        cwd=Path(__file__).parent,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
