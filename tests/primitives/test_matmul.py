"""Matrix products: every way in which operands can lie in memory, against NumPy's in higher precision."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastvjp as mx
from fastvjp.core.avals import aval
from fastvjp.core.primitive import REGISTRY
from fastvjp.core.program import Uniform, Var, apply
from fastvjp.kernels.native import blas
from fastvjp.kernels.runtime.buffers import upload
from fastvjp.kernels.runtime.executable import Executable
from fastvjp.kernels.runtime.lowering import Launch
from fastvjp.planning.plan import KernelStep
from fastvjp.planning.planner import make_plan
from fastvjp.recording.ready import strides

FLOATS = ["float32", "float64", "complex64", "complex128"]
EXACT = {
    "float32": np.float64, "complex64": np.complex128, "float64": np.longdouble, "complex128": np.clongdouble,
    "int64": np.int64,
}  # fmt: skip


def drawn(rng, shape, dtype):
    values = rng.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.normal(size=shape)
    return values.astype(dtype)


def c_order(rng, shape, dtype):
    return drawn(rng, shape, dtype)


def f_order(rng, shape, dtype):
    return np.swapaxes(drawn(rng, (*shape[:-2], *shape[:-3:-1]), dtype), -1, -2)


def row_strides(rng, shape, dtype):
    return drawn(rng, (*shape[:-2], 2 * shape[-2], shape[-1] + 3), dtype)[..., ::2, 2 : 2 + shape[-1]]


def column_strides(rng, shape, dtype):
    return drawn(rng, (*shape[:-1], 3 * shape[-1]), dtype)[..., ::3]


def backward_rows(rng, shape, dtype):
    return drawn(rng, shape, dtype)[..., ::-1, :]


def backward_columns(rng, shape, dtype):
    return drawn(rng, shape, dtype)[..., ::-1]


def one_row(rng, shape, dtype):
    return np.broadcast_to(drawn(rng, (1, shape[-1]), dtype), shape)


def one_column(rng, shape, dtype):
    return np.broadcast_to(drawn(rng, (*shape[:-1], 1), dtype), shape)


def one_value(rng, shape, dtype):
    return np.broadcast_to(drawn(rng, (), dtype), shape)


def one_matrix(rng, shape, dtype):
    return np.broadcast_to(drawn(rng, shape[-2:], dtype), shape)


def batch_inside(rng, shape, dtype):
    """The batch axes last in memory."""
    batch = len(shape) - 2
    return np.moveaxis(drawn(rng, (*shape[-2:], *shape[:-2]), dtype), range(2, 2 + batch), range(batch))


LAYOUTS = [
    c_order, f_order, row_strides, column_strides, backward_rows, backward_columns,
    one_row, one_column, one_value, one_matrix, batch_inside,
]  # fmt: skip


def executable(*operands):
    """The primitive on operands that lie as they do: `matmul` itself would hide broadcast axes."""
    leaves = [Var(aval(x.shape, x.dtype), Uniform(x.flat[0]) if uniform else upload(x)) for x, uniform in operands]
    op = apply(REGISTRY["matmul"], tuple(leaves), {})
    return Executable(make_plan([op], op.outputs, leaves, strides(leaves))), [v.value for v in leaves]


def multiplied(x, y, uniform=(False, False)):
    made, values = executable((x, uniform[0]), (y, uniform[1]))
    if any(isinstance(step, KernelStep) for step in made.plan.steps):  # more than a term, or a sum of another
        assert any(isinstance(step, Launch) for step in made.steps) == (x.dtype.name not in FLOATS)
    (result,) = made.run(values)
    return result.numpy()


def check(x, y, uniform=(False, False)):
    """Every element to within the rounding of its sum."""
    found = multiplied(x, y, uniform)
    kind, wider = x.dtype.kind, EXACT[x.dtype.name]
    exact = np.matmul(x.astype(wider), y.astype(wider))
    assert found.shape == exact.shape and found.dtype == x.dtype
    if kind == "i":
        np.testing.assert_array_equal(found, exact)
        return
    bound = np.matmul(abs(x).astype(np.float64), abs(y).astype(np.float64))
    terms = x.shape[-1] * (4 if kind == "c" else 1) + 2
    assert np.all(abs(found - exact) <= terms * np.finfo(x.dtype).eps * bound)


SHAPES = [((), 5, 4, 3), ((), 5, 4, 1), ((), 1, 4, 3), ((), 5, 1, 3), ((2, 3), 4, 5, 6), ((8, 9), 3, 2, 4)]


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("left", LAYOUTS)
@pytest.mark.parametrize("right", LAYOUTS)
def test_layouts(rng, left, right, dtype):
    for batch, rows, inner, columns in SHAPES:
        check(left(rng, (*batch, rows, inner), dtype), right(rng, (*batch, inner, columns), dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("uniform", [(True, False), (False, True), (True, True)])
def test_uniform_operands(rng, uniform, dtype):
    for batch, rows, inner, columns in SHAPES:
        shapes = (*batch, rows, inner), (*batch, inner, columns)
        x, y = ((one_value if u else c_order)(rng, s, dtype) for s, u in zip(shapes, uniform, strict=True))
        check(x, y, uniform)


SIZES = st.sampled_from([0, 1, 2, 3, 5, 16, 17])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_shapes(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    batch = tuple(data.draw(st.lists(SIZES, max_size=3)))
    rows, inner, columns = (data.draw(SIZES) for _ in range(3))
    dtype = data.draw(st.sampled_from([*FLOATS, "int64"]))
    left, right = (data.draw(st.sampled_from([c_order, f_order, one_matrix, batch_inside])) for _ in range(2))
    check(left(rng, (*batch, rows, inner), dtype), right(rng, (*batch, inner, columns), dtype))


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("left", [c_order, f_order])
@pytest.mark.parametrize("right", [c_order, f_order])
def test_panels(rng, left, right, dtype):
    """Products that are split, into panels of several sizes, or whose sums are."""
    shapes = [((), 301, 90, 517), ((3,), 150, 80, 270), ((), 700, 600, 1), ((), 1, 500, 801)]
    shapes += [((), 50, 3001, 70), ((2,), 20, 4000, 70), ((), 40, 20_011, 1), ((), 1, 400_003, 1)]
    for batch, rows, inner, columns in shapes:
        x, y = left(rng, (*batch, rows, inner), dtype), right(rng, (*batch, inner, columns), dtype)
        made, _ = executable((x, False), (y, False))
        (product, _), *_ = made.steps[0].loops
        assert product.count > np.prod(batch)
        check(x, y)


@pytest.mark.parametrize("shapes", [((301, 90), (90, 517)), ((50, 3001), (3001, 70)), ((900, 800), (800, 1))])
def test_results_do_not_depend_on_the_number_of_threads(rng, shapes):
    x, y = (mx.array(drawn(rng, shape, "float32")) for shape in shapes)
    before, results = mx.num_threads(), []
    try:
        for threads in (1, 2, 3):
            mx.set_num_threads(threads)
            results.append(np.asarray(x @ y))
    finally:
        mx.set_num_threads(before)
    assert all(np.array_equal(results[0], found) for found in results)


def test_one_matrix_for_a_batch_is_one_product(rng):
    for x, y in [
        (c_order(rng, (2, 3, 4, 5), "f4"), one_matrix(rng, (2, 3, 5, 6), "f4")),
        (one_matrix(rng, (2, 3, 4, 5), "f4"), c_order(rng, (2, 3, 5, 1), "f4")),
        (c_order(rng, (6, 1, 5), "f4"), one_matrix(rng, (6, 5, 1), "f4")),
    ]:
        made, _ = executable((x, False), (y, False))
        ((product, _),) = made.steps[0].loops
        assert product.count == 1
        check(x, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values(rng, dtype):
    for rows in (1, 7):
        x, y = drawn(rng, (rows, 20), dtype), drawn(rng, (20, 9), dtype)
        x[:, 3], y[3, 2], y[3, 5], x[0, 11], y[12, 4], y[2, 6] = 0, np.inf, np.nan, np.inf, -np.inf, np.nan
        with np.errstate(all="raise"):
            found = multiplied(x, y)
        with np.errstate(all="ignore"):
            expected = x @ y
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(found[~finite], expected[~finite])
        np.testing.assert_allclose(found[finite], expected[finite], rtol=1e-4)


@pytest.fixture
def context():
    found = blas.one_thread()
    if found is None:
        pytest.skip("no OpenBLAS")
    return found


@pytest.mark.parametrize("shapes", [((400, 400), (400, 400)), ((40, 72, 301), (40, 301, 72))])
def test_threads_of_blas_stay_the_users(rng, shapes, context):
    """Runs that overlap: each has the same bits, and in the end the number is what it was."""
    before = context.get()
    x, y = (mx.array(drawn(rng, shape, "float32")) for shape in shapes)
    expected = np.asarray(x @ y)
    try:
        for threads in (1, 2, 3):
            context.set(threads)
            with ThreadPoolExecutor(4) as pool:
                for found in pool.map(lambda _: np.asarray(x @ y), range(40)):
                    np.testing.assert_array_equal(found, expected)
            assert context.get() == threads
    finally:
        context.set(before)


def test_one_thread_until_the_last_has_left(context):
    before = context.get()
    try:
        context.set(2)
        assert context(lambda: (context(context.get), context.get())) == (1, 1)
        assert context.get() == 2
        entered, left = threading.Event(), threading.Event()

        def until():
            entered.set()
            left.wait()
            return context.get()

        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(context, until)
            entered.wait()
            assert context(context.get) == 1
            assert context.get() == 1
            left.set()
            assert other.result() == 1
        assert context.get() == 2
    finally:
        context.set(before)


FORK = """
import os
import numpy as np
import fastvjp
from fastvjp.kernels.native import blas

context = blas.one_thread()
context.set(2)
x = np.random.default_rng(0).normal(size=(300, 300))
expected = np.asarray(fastvjp.matmul(x, x))

def fork():
    child = os.fork()
    if child == 0:
        right = context.get() == 2 and np.array_equal(fastvjp.matmul(x, x), expected) and context.get() == 2
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert context.get() == 1

context(fork)
assert context.get() == 2
"""


@pytest.mark.usefixtures("context")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fork_while_products_run():
    run = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr


def test_blas_of_scipy_where_numpys_is_not_found(rng, monkeypatch):
    blas.one_thread.cache_clear()
    monkeypatch.setattr(blas, "_numpy_library", lambda: None)
    try:
        for dtype in FLOATS:
            check(drawn(rng, (40, 90), dtype), drawn(rng, (90, 70), dtype))
            check(drawn(rng, (1, 90), dtype), drawn(rng, (90, 70), dtype))
        check(drawn(rng, (300, 300), "float64"), drawn(rng, (300, 300), "float64"))
    finally:
        blas.one_thread.cache_clear()


def test_sizes_beyond_the_integers_of_blas_are_left_to_numpy():
    x = np.broadcast_to(np.zeros((2, 1), np.float32), (2, 2**31))
    made, _ = executable((np.zeros((1, 2), np.float32), False), (x, False))
    assert isinstance(made.steps[0], Launch)
