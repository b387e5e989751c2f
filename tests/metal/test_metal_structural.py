"""Structural shaders against NumPy, in the emulator with all its checks, in threadgroups of several sizes."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.dispatching import Memory, launch
from support.emulating import GPU, raw_gpu

from fastvjp.core.avals import aval
from fastvjp.metal.dispatch import lowers, type_name
from fastvjp.metal.elements.library import text
from fastvjp.metal.structural.reductions import operation, reduce_dispatches

emulator = pytest.importorskip("fastvjp.metal.emulator")

SIZES = [1, 2, 31, 32, 33, 255, 256, 257, 1023, 1025, 3000]
DTYPES = ["float32", "float16", "int32", "int64", "uint8", "bool"]
UNITS = {"float32": 2.0**-23, "float16": 2.0**-10}
"""Distance of 1 and the next number."""
SMALLEST = {"float32": 2.0**-126, "float16": 2.0**-24}
"""Where numbers are as far apart as at 0, about."""

seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from(DTYPES)
examples = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@functools.cache
def device(group: int, fast_math: bool = False, late: int = 0) -> Any:
    hardware = emulator.Hardware(regroup=late > 0, late=late)
    return emulator.Device(mode="full", group=group, fast_math=fast_math, hardware=hardware)


@pytest.fixture(
    params=[(1024,), (448, False, 100), (96,), (256, True), GPU],
    ids=["1024", "448", "96", "fast-math", "gpu"],
    scope="module",
)
def metal(request: Any) -> Any:
    return raw_gpu() if request.param == "gpu" else device(*request.param)


def run(metal: Any, name: str, *inputs: Any, **params: Any) -> np.ndarray:
    return launch(metal, lowers[name], name, *inputs, **params)


@st.composite
def shapes(draw: st.DrawFn, largest: int = 4000) -> tuple[tuple[int, ...], int]:
    """A shape and an axis of one of the sizes, with few elements in all."""
    n = draw(st.sampled_from(SIZES))
    shape, others = [n], max(largest // n, 1)
    for _ in range(draw(st.integers(0, 2))):
        other = draw(st.integers(1, min(others, 5)))
        others //= other
        shape.insert(draw(st.integers(0, len(shape))), other)
    return tuple(shape), draw(st.sampled_from([i for i, size in enumerate(shape) if size == n]))


def values(rng: np.random.Generator, shape: Any, dtype: str, special: bool = False) -> np.ndarray:
    """Random values, among them equal ones; with NaN, infinities and zeros of both signs if wanted."""
    x = (3 * rng.normal(size=shape)).astype(np.int64 if dtype in ("bool", "uint8") else dtype).astype(dtype)
    if special and dtype in UNITS:
        places = rng.integers(0, 50, shape)
        for k, value in enumerate((np.nan, np.inf, -np.inf, 0.0, -0.0, np.finfo(dtype).smallest_subnormal)):
            x[places == k] = value
    return x


def viewed(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """The same values as a section of a larger array: axes permuted, steps forward and backward."""
    order = rng.permutation(x.ndim)
    steps = rng.choice([1, 1, 2, -1, -2], x.ndim)
    sizes = [int(x.shape[a] * abs(steps[a]) + rng.integers(2)) for a in order]
    base = values(rng, sizes, x.dtype.name)
    view = base.transpose(np.argsort(order))
    items = []
    for n, step in zip(x.shape, steps, strict=True):
        first = 0 if step > 0 or n == 0 else (n - 1) * -step
        items.append(slice(first, first + n * step if first + n * step >= 0 else None, step))
    view = view[tuple(items)]
    view[...] = x
    return view


def near(found: np.ndarray, expected: np.ndarray, size: Any, roundings: int) -> None:
    """Within so many roundings of float, of values of this size in all, and one to the dtype."""
    dtype = found.dtype.name
    if dtype not in UNITS:
        np.testing.assert_array_equal(found, expected)
        return
    allowed = roundings * UNITS["float32"] * size + UNITS[dtype] * np.abs(expected) + SMALLEST[dtype]
    wrong = np.abs(found.astype(np.float64) - expected) > allowed
    assert found.shape == expected.shape
    assert not wrong.any(), (np.argwhere(wrong)[:5], found[wrong][:5], expected[wrong][:5])


def exact(x: np.ndarray) -> np.ndarray:
    """In a dtype in which sums and products are as good as exact, or wrap."""
    return x.astype(np.float64) if x.dtype.kind == "f" else x


# --- combining threads -----------------------------------------------------------------------------------

OPERATIONS = {"add": np.add, "multiply": np.multiply, "maximum": np.maximum, "minimum": np.minimum}
KERNEL = """
kernel void run(device {0} *out [[buffer(0)]], device const {0} *x [[buffer(1)]], constant uint &n [[buffer(2)]],
    uint i [[thread_position_in_grid]], uint index [[threadgroup_position_in_grid]],
    uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
    uint simdgroups [[simdgroups_per_threadgroup]]) {{
    threadgroup {0} memory[32];
    {0} value = helper::{1}::identity<{0}>();
    if (i < n) value = x[i];
    const {0} first = helper::group_combine<{0}, helper::{1}>(value, memory, lane, simdgroup, simdgroups);
    const {0} second = helper::group_combine<{0}, helper::{1}>(value, memory, lane, simdgroup, simdgroups);
    if (lane == 0 && simdgroup == 0) {{
        out[2 * index] = first;
        out[2 * index + 1] = second;
    }}
}}
"""


@pytest.mark.parametrize("dtype", [*DTYPES, "int8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_threadgroups_combine(name: str, dtype: str, metal: Any, rng: np.random.Generator) -> None:
    n = 2500
    x = values(rng, n, dtype, special=name.endswith("imum"))
    if name == "multiply":
        x = (
            (1 + rng.uniform(-1, 1, n) / n).astype(dtype)
            if dtype in UNITS
            else np.where(x == 0, x + x.dtype.type(1), x)
        )
    op = operation(name).removeprefix("helper::")
    if dtype == "bool":
        op = "Or" if name in ("add", "maximum") else "And"
    source = text("scalars") + text("reductions") + KERNEL.format(type_name(np.dtype(dtype)), op)
    groups = -(-n // metal.group)
    out = metal.buffer(2 * groups * x.itemsize)
    metal.kernel(source).function("run")(n, out, x, np.uint32(n))
    found = np.frombuffer(out, dtype).reshape(groups, 2)
    ufunc = OPERATIONS[name]
    for k in range(groups):
        part = x[k * metal.group : (k + 1) * metal.group]
        expected = ufunc.reduce(exact(part), dtype=None if dtype in UNITS else dtype)
        if name.endswith("imum"):
            np.testing.assert_array_equal(found[k], np.full(2, expected, dtype))
        else:
            size = ufunc.reduce(np.abs(exact(part))) * (UNITS[dtype] / UNITS["float32"] if dtype in UNITS else 1)
            near(found[k], np.full(2, expected), size, len(part))


@examples
@given(sizes=shapes(), dtype=dtypes, name=st.sampled_from(list(OPERATIONS)), seed=seeds)
def test_reductions(metal: Any, sizes: Any, dtype: str, name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape, axis = sizes
    shape = (int(np.prod(shape[:axis])), shape[axis], int(np.prod(shape[axis + 1 :])))
    check_reduction(metal, name, viewed(rng, values(rng, shape, dtype, special=name.endswith("imum"))), rng)


@pytest.mark.parametrize(
    "shape", [(1, 70_000, 1), (2, 20_000, 1), (1, 700, 40), (3000, 3, 2), (3, 0, 2), (0, 3, 2)]
)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_large_and_empty_reductions(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    check_reduction(device(256), "add", values(rng, shape, dtype), rng)


def check_reduction(metal: Any, name: str, x: np.ndarray, rng: np.random.Generator) -> None:
    if name == "multiply" and x.dtype.kind == "f":
        x[...] = 1 + rng.uniform(-1, 1, x.shape) / x.shape[1]
    memory = Memory(metal)
    source, target = memory.operand(x), memory.allocate(aval((x.shape[0], x.shape[2]), x.dtype))
    memory.run(reduce_dispatches(name, source, target, memory.allocate))
    found = memory.array(target)
    expected = OPERATIONS[name].reduce(exact(x), axis=1, dtype=None if x.dtype.kind == "f" else x.dtype)
    if name.endswith("imum"):
        np.testing.assert_array_equal(found, expected.astype(x.dtype))
    else:
        near(found, expected, OPERATIONS[name].reduce(np.abs(exact(x)), axis=1), x.shape[1])


# --- moving values ---------------------------------------------------------------------------------------


@examples
@given(sizes=shapes(), dtype=dtypes, seed=seeds)
def test_moves(metal: Any, sizes: Any, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape, axis = sizes
    x, z = (viewed(rng, values(rng, shape, dtype, special=True)) for _ in range(2))
    y = viewed(rng, values(rng, (*shape[:axis], 5, *shape[axis + 1 :]), dtype))
    value = values(rng, (), dtype)
    found = run(metal, "concatenate", x, y, (value, shape, dtype), z, axis=axis)
    np.testing.assert_array_equal(found, np.concatenate([x, y, np.full(shape, value, dtype), z], axis))


def test_many_arrays_and_many_axes(rng: np.random.Generator) -> None:
    xs = [values(rng, (3, n), "float32") for n in rng.integers(0, 4, 70)]
    np.testing.assert_array_equal(run(device(256), "concatenate", *xs, axis=1), np.concatenate(xs, 1))
    x = viewed(rng, values(rng, (2,) * 9, "float64"))
    found = run(device(256), "concatenate", x, x, axis=4)
    np.testing.assert_array_equal(found, np.concatenate([x, x], 4).astype(np.float32))


# --- scans -----------------------------------------------------------------------------------------------


def accumulated(ufunc: np.ufunc, x: np.ndarray, axis: int, reverse: bool, exclusive: bool) -> np.ndarray:
    x = np.moveaxis(np.flip(x, axis) if reverse else x, axis, 0)
    found = ufunc.accumulate(x, 0, dtype=x.dtype)
    if exclusive:
        found = np.concatenate([np.full_like(found[:1], ufunc.identity), found[:-1]])
    found = np.moveaxis(found, 0, axis)
    return np.flip(found, axis) if reverse else found


def check_scan(metal: Any, x: np.ndarray, axis: int, name: str, reverse: bool, exclusive: bool) -> None:
    found = run(metal, name, x, axis=axis, reverse=reverse, exclusive=exclusive)
    ufunc = np.add if name == "cumsum" else np.multiply
    expected, size = (accumulated(ufunc, a, axis, reverse, exclusive) for a in (exact(x), np.abs(exact(x))))
    near(found, expected, size, 2 * x.shape[axis])


@examples
@given(
    sizes=shapes(),
    dtype=dtypes,
    name=st.sampled_from(["cumsum", "cumprod"]),
    reverse=st.booleans(),
    exclusive=st.booleans(),
    seed=seeds,
)
def test_scans(metal: Any, sizes: Any, dtype: str, name: str, reverse: bool, exclusive: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape, axis = sizes
    x = values(rng, shape, dtype)
    if name == "cumprod" and dtype in UNITS:
        x = (1 + rng.uniform(-1, 1, shape) / shape[axis]).astype(dtype)
    check_scan(metal, viewed(rng, x), axis, name, reverse, exclusive)


RUNNING = {"cummax": np.maximum, "cummin": np.minimum, "logcumsumexp": np.logaddexp}


def check_running(metal: Any, x: np.ndarray, axis: int, name: str, reverse: bool) -> None:
    """A running extreme is exact, a logsumexp good to an ULP of itself, or of 1, for each step."""
    found = run(metal, name, x, axis=axis, reverse=reverse)
    expected = accumulated(RUNNING[name], exact(x), axis, reverse, False)
    if name != "logcumsumexp":
        np.testing.assert_array_equal(found, expected.astype(found.dtype))
        return
    near(found, expected, np.maximum(np.abs(expected), 1), 2 * x.shape[axis])


@examples
@given(sizes=shapes(), dtype=dtypes, name=st.sampled_from(sorted(RUNNING)), reverse=st.booleans(), seed=seeds)
def test_running_extremes_and_logsumexp(
    metal: Any, sizes: Any, dtype: str, name: str, reverse: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shape, axis = sizes
    dtype = "float32" if name == "logcumsumexp" else dtype
    check_running(metal, viewed(rng, values(rng, shape, dtype)), axis, name, reverse)


def test_running_extremes_and_logsumexp_of_special_values(metal: Any) -> None:
    x = np.array([-np.inf, -np.inf, 1, 3, 3, np.inf, 2, np.inf, np.nan, 5], np.float32)
    for part in (x, x[:8], x[::-1], np.tile(x[:5], 40)):
        for name, ufunc in RUNNING.items():
            found = run(metal, name, part, axis=0, reverse=False)
            with np.errstate(invalid="ignore"):
                expected = ufunc.accumulate(part.astype(float))
            np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize(("shape", "axis"), [((40_001,), 0), ((2, 33_000), 1), ((17_000, 2), 0)])
def test_long_scans(shape: tuple[int, ...], axis: int, dtype: str, rng: np.random.Generator) -> None:
    """By several threadgroups for each line."""
    check_scan(device(256), values(rng, shape, dtype), axis, "cumsum", True, False)
    check_recurrence(device(256), rng, shape, axis, dtype, False)
    check_running(device(256), values(rng, shape, dtype), axis, "cummin", False)
    if dtype == "float32":
        check_running(device(256), values(rng, shape, dtype), axis, "logcumsumexp", True)


def test_products_that_overflow_after_a_zero(metal: Any) -> None:
    x = np.full(3000, -2, np.float32)
    x[700], x[600] = 0, np.float32(2.0**-120)
    found = run(metal, "cumprod", x, axis=0, reverse=False, exclusive=False)
    assert not found[700:].any()
    h = run(metal, "linear_recurrence", x, np.zeros_like(x), axis=0, reverse=False)
    assert not h.any()


def recurred(x: np.ndarray, y: np.ndarray, axis: int, reverse: bool) -> np.ndarray:
    x, y = np.moveaxis(x, axis, 0), np.moveaxis(y, axis, 0)
    out, h = np.zeros_like(y), np.zeros_like(y[:1])
    for t in range(len(y))[:: -1 if reverse else 1]:
        out[t : t + 1] = h = x[t : t + 1] * h + y[t : t + 1]
    return np.moveaxis(out, 0, axis)


def check_recurrence(metal: Any, rng: Any, shape: Any, axis: int, dtype: str, reverse: bool) -> None:
    x, y = values(rng, shape, dtype), values(rng, shape, dtype)
    if dtype in UNITS:
        x = rng.uniform(-1.01, 1.01, shape).astype(dtype)
    x, y = viewed(rng, x), viewed(rng, y)
    found = run(metal, "linear_recurrence", x, y, axis=axis, reverse=reverse)
    expected = recurred(exact(x), exact(y), axis, reverse)
    near(found, expected, recurred(np.abs(exact(x)), np.abs(exact(y)), axis, reverse), 4 * shape[axis])


@examples
@given(sizes=shapes(), dtype=st.sampled_from(DTYPES[:-1]), reverse=st.booleans(), seed=seeds)
def test_recurrences(metal: Any, sizes: Any, dtype: str, reverse: bool, seed: int) -> None:
    shape, axis = sizes
    check_recurrence(metal, np.random.default_rng(seed), shape, axis, dtype, reverse)


# --- order -----------------------------------------------------------------------------------------------


@examples
@given(sizes=shapes(), dtype=dtypes, seed=seeds)
def test_order(metal: Any, sizes: Any, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape, axis = sizes
    x = viewed(rng, values(rng, shape, dtype, special=bool(rng.integers(2))))
    np.testing.assert_array_equal(run(metal, "argmax", x, axis=axis), np.argmax(x, axis))
    np.testing.assert_array_equal(run(metal, "argmin", x, axis=axis), np.argmin(x, axis))
    np.testing.assert_array_equal(run(metal, "argsort", x, axis=axis), np.argsort(x, axis, kind="stable"))


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
@pytest.mark.parametrize(("shape", "axis"), [((20_000,), 0), ((2, 4096), 1), ((2500, 3), 0), ((700, 5), 1)])
def test_order_of_many(shape: tuple[int, ...], axis: int, dtype: str, rng: np.random.Generator) -> None:
    """Runs that are merged, once and twice; lines that share a threadgroup."""
    x = viewed(rng, values(rng, shape, dtype, special=True))
    np.testing.assert_array_equal(run(device(256), "argsort", x, axis=axis), np.argsort(x, axis, kind="stable"))


def test_one_value_has_an_order_too(metal: Any) -> None:
    x = (np.nan, (2, 300), "float32")
    assert not run(metal, "argmax", x, axis=1).any()
    np.testing.assert_array_equal(run(metal, "argsort", x, axis=1), np.tile(np.arange(300), (2, 1)))


# --- rows by index ---------------------------------------------------------------------------------------

SCATTERS = {
    "scatter_set": None,
    "scatter_add": np.add,
    "scatter_multiply": np.multiply,
    "scatter_max": np.maximum,
    "scatter_min": np.minimum,
}


def check_scatter(
    metal: Any, name: str, dtype: str, rows: int, size: tuple[int, ...], picks: int, rng: np.random.Generator
) -> None:
    special = name not in ("scatter_add", "scatter_multiply")
    x, y = (viewed(rng, values(rng, (n, *size), dtype, special)) for n in (rows, picks))
    if name == "scatter_multiply":
        factors = (-1) ** rng.integers(0, 2, y.shape) * (1 + rng.uniform(-1, 1, y.shape) / picks)
        y[...] = factors.astype(dtype) if dtype in UNITS else np.where(y == 0, 1, y)
    index = viewed(rng, rng.integers(0, rows, picks).astype(rng.choice(["int64", "int32"])))
    expected, most = exact(x).copy(), np.abs(exact(x))
    for place, row in zip(index, exact(y), strict=True):
        ufunc = SCATTERS[name]
        expected[place] = row if ufunc is None else ufunc(expected[place], row)
        most[place] = row if ufunc is None else ufunc(most[place], np.abs(row))
    found = run(metal, name, x, index, y)
    if special:
        np.testing.assert_array_equal(found, expected.astype(dtype))
    else:
        near(found, expected, most, picks + 1)


@examples
@given(
    name=st.sampled_from(list(SCATTERS)),
    dtype=dtypes,
    rows=st.sampled_from([1, 5, 33, 300]),
    size=st.sampled_from([(), (1,), (7,), (3, 2), (33,)]),
    picks=st.sampled_from([1, 31, 64, 65, 257, 1025, 3000]),
    seed=seeds,
)
def test_scatters(metal: Any, name: str, dtype: str, rows: int, size: Any, picks: int, seed: int) -> None:
    check_scatter(metal, name, dtype, rows, size, picks, np.random.default_rng(seed))


@pytest.mark.parametrize("name", ["scatter_add", "scatter_set"])
@pytest.mark.parametrize(("rows", "size", "picks"), [(3000, 70, 100), (3000, 2, 3000)])
def test_scatters_of_sorted_picks(name: str, rows: int, size: int, picks: int, rng: np.random.Generator) -> None:
    check_scatter(device(256), name, "float32", rows, (size,), picks, rng)


@examples
@given(
    dtype=dtypes, size=st.sampled_from([(), (1,), (7,), (3, 2), (257,)]), picks=st.sampled_from(SIZES), seed=seeds
)
def test_gather(metal: Any, dtype: str, size: Any, picks: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = viewed(rng, values(rng, (9, *size), dtype, special=True))
    index = viewed(rng, rng.integers(0, 9, picks))
    np.testing.assert_array_equal(run(metal, "gather", x, index), x[index])
    np.testing.assert_array_equal(run(metal, "gather", x, (4, (picks,), "int64")), x[np.full(picks, 4)])


@pytest.mark.parametrize("bad", [9, -1, -(1 << 62), 1 << 40])
@pytest.mark.parametrize("size", [0, 1, 3])
@pytest.mark.parametrize("picks", [40, 500])
def test_an_index_out_of_range(bad: int, size: int, picks: int, metal: Any, rng: np.random.Generator) -> None:
    x, y, index = rng.normal(size=(9, size)), rng.normal(size=(picks, size)), rng.integers(0, 9, picks)
    index[[17, 23]] = bad
    for name in ("gather", "scatter_add", "scatter_set"):
        inputs = (x, index) if name == "gather" else (x, index, y)
        with pytest.raises(IndexError, match=rf"\[{name}\].* size 9 \(element 17 "):
            run(metal, name, *(a.astype(np.float32) if a.dtype == np.float64 else a for a in inputs))


def test_scatter_to_one_value(metal: Any, rng: np.random.Generator) -> None:
    index, y = rng.integers(0, 9, 40), values(rng, (40, 3), "int32")
    expected = np.full((9, 3), 7, np.int32)
    np.add.at(expected, index, y)
    np.testing.assert_array_equal(run(metal, "scatter_add", (7, (9, 3), "int32"), index, y), expected)


# --- products of matrices --------------------------------------------------------------------------------


def check_matmul(metal: Any, x: np.ndarray, y: np.ndarray) -> None:
    found = run(metal, "matmul", x, y)
    near(found, exact(x) @ exact(y), np.abs(exact(x)) @ np.abs(exact(y)), x.shape[-1] + 1)


@examples
@given(
    batch=st.sampled_from([(), (), (2,), (2, 3)]),
    rows=st.sampled_from([1, 2, 31, 64, 65]),
    inner=st.sampled_from([0, 1, 8, 9, 33, 257]),
    columns=st.sampled_from([1, 3, 32, 63, 130]),
    repeated=st.integers(0, 2),
    dtype=dtypes,
    seed=seeds,
)
def test_matmul(
    metal: Any, batch: Any, rows: int, inner: int, columns: int, repeated: int, dtype: str, seed: int
) -> None:
    """With any strides, and batches along which an operand repeats."""
    rng = np.random.default_rng(seed)
    inner = inner if dtype in UNITS else min(inner, 9)
    operands = []
    for k, matrix in enumerate([(rows, inner), (inner, columns)]):
        once = () if k == repeated else batch
        operands.append(np.broadcast_to(viewed(rng, values(rng, (*once, *matrix), dtype)), (*batch, *matrix)))
    x, y = operands
    check_matmul(metal, x, y)


@pytest.mark.parametrize(
    ("rows", "inner", "columns"), [(1, 3000, 1), (1, 1500, 70), (20, 1100, 33), (1, 12, 9000)]
)
def test_matmul_in_pieces(rows: int, inner: int, columns: int, rng: np.random.Generator) -> None:
    for dtype in ("float32", "float16"):
        x, y = values(rng, (rows, inner), dtype), values(rng, (inner, columns), dtype)
        check_matmul(device(256), x, y)
        check_matmul(device(256), x, np.asfortranarray(y))


def test_matmul_of_one_value(metal: Any, rng: np.random.Generator) -> None:
    y = values(rng, (12, 70), "float32")
    found = run(metal, "matmul", (0.5, (70, 12), "float32"), y)
    near(found, np.full((70, 12), 0.5) @ exact(y), np.full((70, 12), 0.5) @ np.abs(exact(y)), 13)
