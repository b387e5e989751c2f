"""float16 and bfloat16: conversions, rounding, rows of support/cases, promotion, transforms, other libraries."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from support.cases import CASES
from support.cases.case import Case
from support.stored import STORED, all_numbers, name_of, near_ties, off

import fastvjp as fv
from fastvjp.arrays.array import array
from fastvjp.core.avals import DTYPES, promote
from fastvjp.kernels.elements.scalars import (
    bfloat16,
    bfloat16_bits,
    bfloat16_of,
    float16,
    float16_bits,
    float16_of,
)

pytestmark = pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered in cast:RuntimeWarning")
"""NumPy's of its own casts, with which ours are compared."""
EACH = pytest.mark.parametrize("dtype", STORED, ids=name_of)
ROUNDED = 0.51
"""ULP that rounding once leaves; float32 itself may differ with what a kernel is."""


# --- conversions -----------------------------------------------------------------------------------------


@EACH
def test_all_numbers_go_there_and_back(dtype: np.dtype) -> None:
    numbers = all_numbers(dtype)
    x = fv.array(numbers)
    wide = numbers.astype(np.float32)
    assert x.dtype == dtype
    np.testing.assert_array_equal(np.asarray(x).view(np.uint16), numbers.view(np.uint16))
    np.testing.assert_array_equal(np.asarray(x.astype(fv.float32)), wide)
    np.testing.assert_array_equal(np.asarray(x.astype(fv.float64)), wide.astype(np.float64))
    back = np.asarray(x.astype(fv.float32).astype(dtype)).astype(np.float32)
    np.testing.assert_array_equal(back, wide)
    np.testing.assert_array_equal(np.signbit(back), np.signbit(wide))


@EACH
def test_float32_is_rounded_to_the_nearest(dtype: np.dtype, rng: np.random.Generator) -> None:
    ties = near_ties(dtype)
    exact = ties.astype(np.float32)
    given = np.concatenate([
        rng.integers(0, 1 << 32, 1 << 18, dtype=np.uint32).view(np.float32),
        exact, np.nextafter(exact, np.float32(np.inf)), np.nextafter(exact, np.float32(-np.inf)),
        np.array([np.inf, -np.inf, np.nan, 0, -0.0, 3e38, -3e38, 65519, 65520], np.float32),
    ])  # fmt: skip
    wanted = given.astype(dtype)
    np.testing.assert_array_equal(as_float32(fv.array(given).astype(dtype)), as_float32(wanted))


@EACH
def test_float64_is_rounded_once(dtype: np.dtype, rng: np.random.Generator) -> None:
    """By way of float32, what is right beside the middle would go to the wrong side."""
    ties = near_ties(dtype)
    given = np.concatenate([ties, rng.normal(size=1 << 16) * 10 ** rng.uniform(-9, 4, 1 << 16)])
    got = as_float32(fv.array(given).astype(dtype)).astype(np.float64)
    np.testing.assert_array_equal(got, nearest(given, dtype))
    twice = given.astype(np.float32).astype(dtype).astype(np.float64)
    assert (twice != nearest(given, dtype)).any()  # the check tells


def nearest(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """In float64, by scaling to whole numbers: of finite ones that do not overflow."""
    limits = fv.finfo(dtype)
    exponent = np.maximum(np.frexp(x)[1] - 1, int(limits.minexp))
    unit = np.ldexp(float(limits.eps), exponent)
    return np.rint(x / unit) * unit


@EACH
def test_integers_and_bools(dtype: np.dtype, rng: np.random.Generator) -> None:
    for name in ("bool", "int8", "int16", "int32", "int64", "uint8", "uint64"):
        given = rng.integers(0, 2 if name == "bool" else 100, 300).astype(name)
        np.testing.assert_array_equal(as_float32(fv.array(given).astype(dtype)), given.astype(np.float32))
        np.testing.assert_array_equal(np.asarray(fv.array(given).astype(dtype).astype(name)), given)
    large = fv.array([70_000, -70_000]).astype(dtype)
    assert np.isinf(as_float32(large)).all() == (dtype == fv.float16)


def as_float32(x: Any) -> np.ndarray:
    return np.asarray(x).astype(np.float32)


@pytest.mark.parametrize(
    ("rounded", "bits", "number", "dtype"),
    [(float16, float16_bits, float16_of, STORED[0]), (bfloat16, bfloat16_bits, bfloat16_of, STORED[1])],
    ids=["float16", "bfloat16"],
)
def test_python_forms_are_the_instructions(
    rounded: Any, bits: Any, number: Any, dtype: np.dtype, rng: np.random.Generator
) -> None:
    given = rng.choice(near_ties(dtype), 500)
    with np.errstate(all="ignore"):
        for xs in (given, given.astype(np.float32)):
            got = np.asarray(fv.array(xs).astype(dtype))
            np.testing.assert_array_equal([bits(x) for x in xs], got.view(np.uint16))
            np.testing.assert_array_equal([rounded(x) for x in xs], as_float32(got))
        few = rng.choice(all_numbers(dtype), 500)
        np.testing.assert_array_equal([number(b) for b in few.view(np.uint16)], as_float32(few))


# --- every row -------------------------------------------------------------------------------------------


LAPACKS = {"det", "slogdet", "lu", "solve", "eliminate", "inverse", "qr", "cholesky", "cholesky_back",
           "eigh", "eigvalsh", "eig", "eigvals", "svd", "svdvals", "pinv", "expm", "logm", "sqrtm",
           "sylvester"}  # fmt: skip
"""Primitives whose public functions refuse numbers of 16 bits."""
OF_SEVERAL = {"solve_triangular", "banded_solve", "adjugate"}
"""Rows that prepare their operands by operations of their own: each rounds."""
ROWS = [case for case in CASES if "float32" in case.dtypes and case.primitive not in OF_SEVERAL]


def every(cases: list[Case]) -> Any:
    """Rows; those of one primitive share a process, and so its compiled kernels."""
    marked = [pytest.param(c, id=str(c), marks=pytest.mark.xdist_group(c.primitive)) for c in cases]
    return pytest.mark.parametrize("case", marked)


def operands(case: Case, dtype: np.dtype, rng: np.random.Generator) -> tuple[list[array], list[array]]:
    """Those of a row in a dtype, and the same numbers in float32."""
    xs = [x.astype(dtype) if x.dtype == np.float32 else x for x in case.draw(rng, "float32")]
    return [fv.array(x) for x in xs], [fv.array(x.astype(np.float32) if x.dtype == dtype else x) for x in xs]


def listed(x: Any) -> list[array]:
    return list(x) if isinstance(x, tuple | list) else [x]


@every(ROWS)
def test_rows(case: Case, rng: np.random.Generator) -> None:
    """A row is rounded once: it is float32's result of the same numbers."""
    dtype = STORED[rng.integers(2)]
    xs, wide = operands(case, dtype, rng)
    if case.primitive in LAPACKS:
        with pytest.raises(
            TypeError, match=rf"^\[\w+\] Unsupported dtype {dtype}\. Hint: cast it to float32 first"
        ):
            case.fun(*xs)
        return
    for got, wanted in zip(listed(case.fun(*xs)), listed(case.fun(*wide)), strict=True):
        if wanted.dtype != np.float32:
            assert got.dtype == wanted.dtype
            np.testing.assert_allclose(np.asarray(got), np.asarray(wanted), rtol=1e-5)
        else:
            assert got.dtype == dtype
            assert off(got, wanted, case.at_least) <= ROUNDED


SOME = {"multiply", "divide", "power", "exp", "log", "tanh", "sqrt", "erf", "maximum", "select", "arctan2", "sinc"}
"""Elementwise ones, which all go the same way."""
FIRST = {
    c.primitive: c for c in reversed(ROWS) if c.primitive in SOME or not (c.elementwise or c.primitive in LAPACKS)
}


@every(list(FIRST.values()))
def test_gradients(case: Case, rng: np.random.Generator) -> None:
    """Float32's gradients within some units of the largest: the result, and what rules compute, are rounded."""
    dtype = STORED[rng.integers(2)]
    xs, wide = operands(case, dtype, rng)
    out = case.fun(*xs)
    if out.dtype != dtype:
        return
    g = rng.normal(size=out.shape).astype(dtype)
    _, found = fv.vjp(case.fun, xs, [fv.array(g)])
    _, wanted = fv.vjp(case.fun, wide, [fv.array(g.astype(np.float32))])
    for x, got, want in zip(xs, found, wanted, strict=True):
        assert (got.shape, got.dtype) == (x.shape, x.dtype)
        if got.dtype == dtype:
            size = np.abs(np.asarray(want)).max(initial=0)
            assert off(got, want, size) <= 8, (got, want)


@pytest.mark.parametrize("fun", [fv.special.dawsn, fv.special.rgamma, fv.special.i0e, fv.special.k0e])
def test_slopes_do_not_come_from_the_rounded_result(fun: Any, rng: np.random.Generator) -> None:
    """Where 1 - 2 x f(x) or f'(x) - f(x) cancels, a rounded f would leave few digits."""
    for dtype in STORED:
        x = rng.uniform(0.5, 8, 200).astype(dtype)
        slopes = [
            fv.grad(lambda v: fv.sum(fun(v).astype(np.float32)))(fv.array(v)) for v in (x, x.astype(np.float32))
        ]
        assert slopes[0].dtype == dtype
        assert off(slopes[0], slopes[1], float(fv.finfo(dtype).smallest_normal)) <= 1.5


def test_the_bounds_tell() -> None:
    """The neighbour of a number is 1 ULP off; rounding towards 0 leaves more than the bound."""
    for dtype in STORED:
        one = np.ones(1, dtype)
        assert off(one, one.astype(np.float32)) == 0
        assert off(one, np.array([1 + float(fv.finfo(dtype).eps)], np.float32)) == 1
        assert off(one, np.array([1 + 0.75 * float(fv.finfo(dtype).eps)], np.float32)) > ROUNDED
        assert off(np.array([np.inf], dtype), np.array([1], np.float32)) == np.inf


# --- what is rounded, and when ---------------------------------------------------------------------------


@EACH
def test_values_do_not_depend_on_fusion(dtype: np.dtype, rng: np.random.Generator) -> None:
    """A chain is, bit by bit, the operations one after the other, each of which is rounded."""
    x, y = (fv.array(rng.normal(size=3000).astype(dtype)) for _ in range(2))

    def chain(x: array, y: array) -> array:
        return (x * y + x) * 3 - y / 7

    steps = x * y
    np.asarray(steps)
    steps = steps + x
    np.asarray(steps)
    steps = steps * 3
    np.asarray(steps)
    fused = np.asarray(fv.compile(chain)(x, y))
    np.testing.assert_array_equal(fused, np.asarray(steps - y / 7))
    wide = np.asarray(chain(x.astype(fv.float32), y.astype(fv.float32))).astype(dtype)
    assert (wide != fused).any()  # which rounding at the end alone is not


@EACH
@pytest.mark.parametrize("shape", [(300_000,), (1000, 300), (3, 100_000), (40_000, 8)], ids=str)
def test_reductions_accumulate_in_float32(
    dtype: np.dtype, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    x = rng.uniform(0, 1, shape).astype(dtype)
    wide = x.astype(np.float64)
    for axis in (None, 0, -1):
        assert off(fv.sum(x, axis), wide.sum(axis)) <= 0.6
        assert off(fv.mean(x, axis), wide.mean(axis)) <= 0.6
        assert off(fv.var(x, axis), wide.var(axis)) <= 0.6
        assert off(fv.logsumexp(fv.array(x), axis), np.log(np.exp(wide).sum(axis))) <= 0.6
    assert off(fv.max(fv.array(x), 0), wide.max(0)) == 0


@EACH
def test_what_is_computed_in_between_does_not_overflow(dtype: np.dtype) -> None:
    x = fv.full((1 << 17,), 300, dtype)
    assert float(fv.mean(x)) == float(x[0])
    assert float(fv.var(x)) == float(fv.std(x)) == 0
    assert float(fv.linalg.norm(x[:4] / 1)) == 600
    ones = np.asarray(fv.fast.rms_norm(x[:64], None, 0.0)).astype(np.float32)
    np.testing.assert_array_equal(ones, np.ones(64))


@EACH
def test_composed_functions_round_once(dtype: np.dtype, rng: np.random.Generator) -> None:
    x = fv.array(rng.normal(size=(6, 40)).astype(dtype))
    w = fv.array(rng.normal(size=40).astype(dtype))
    q, k, v = (fv.array(rng.normal(size=(2, 4, 5, 8)).astype(dtype)) for _ in range(3))
    index = fv.array(rng.integers(0, 40, 6))
    functions: list[tuple[Callable[..., array], list[array]]] = [
        (fv.log_softmax, [x]),
        (lambda x: fv.std(x, 0), [x]),
        (lambda x: fv.linalg.norm(x, axis=1), [x]),
        (lambda x: fv.linalg.norm(x, 2), [x]),
        (lambda x, w: fv.fast.rms_norm(x, w, 1e-5), [x, w]),
        (lambda x, w: fv.fast.layer_norm(x, w, w, 1e-5), [x, w]),
        (lambda x: fv.fast.cross_entropy(x, index), [x]),
        (lambda q, k, v: fv.fast.scaled_dot_product_attention(q, k, v, scale=0.3, mask="causal"), [q, k, v]),
    ]
    for function, xs in functions:
        got, wanted = function(*xs), function(*[a.astype(fv.float32) for a in xs])
        assert got.dtype == dtype
        assert off(got, wanted) <= ROUNDED


# --- promotion -------------------------------------------------------------------------------------------

OTHERS = [d for d in (*DTYPES.values(), fv.bfloat16) if d.name not in ("complex128",)]


@EACH
@pytest.mark.parametrize("other", OTHERS, ids=name_of)
def test_promotion_is_that_of_mlx(dtype: np.dtype, other: np.dtype) -> None:
    """The whole table; float64 and its complex numbers, which MLX has on the CPU alone, included."""
    mx = pytest.importorskip("mlx.core")
    names = {"bool": "bool_"}
    theirs = [getattr(mx, names.get(d.name, d.name)) for d in (dtype, other)]
    with mx.stream(mx.cpu):
        wanted = (mx.zeros(1, theirs[0]) * mx.zeros(1, theirs[1])).dtype
    ours = (fv.zeros(1, dtype) * fv.zeros(1, other)).dtype
    assert str(wanted).removeprefix("mlx.core.") == ours.name == promote(other, dtype).name
    assert fv.result_type(dtype, other) == np.result_type(fv.zeros(1, dtype), fv.zeros(1, other)) == ours


@EACH
@pytest.mark.parametrize("other", OTHERS, ids=name_of)
def test_promotion_is_that_of_jax(dtype: np.dtype, other: np.dtype) -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        assert jax.numpy.promote_types(dtype, other) == promote(dtype, other)


@EACH
def test_promotion_of_several_and_of_python_numbers(dtype: np.dtype) -> None:
    x = fv.ones(2, dtype)
    assert [(x * s).dtype for s in (True, 2, 2.5)] == [dtype] * 3
    assert (x * 2j).dtype == (x * fv.ones(2, fv.complex64)).dtype == np.complex64
    assert (x * fv.ones(2, fv.complex128)).dtype == np.complex128
    assert promote(*STORED, np.dtype(np.int64)) == np.float32
    assert promote(dtype, np.dtype(np.int8), float, np.dtype(np.bool_)) == dtype
    assert fv.concatenate([x, fv.ones(2, fv.int32)]).dtype == fv.where(x > 0, x, 1).dtype == dtype
    assert fv.array([x[0], 2.5]).dtype == fv.array([dtype.type(1), 2]).dtype == dtype
    assert (fv.sin(x).dtype, fv.sum(x).dtype, fv.argmax(x).dtype) == (dtype, dtype, np.int64)
    assert fv.fft.fft(x).dtype == np.complex64
    with pytest.raises(OverflowError, match="does not fit int8"):
        fv.ones(2, fv.int8) * 1000


# --- transforms ------------------------------------------------------------------------------------------


def model(w: array, x: array) -> array:
    return fv.mean(fv.square(fv.softmax(fv.tanh(x @ w), axis=-1) - 0.25))


@EACH
def test_transforms(dtype: np.dtype, rng: np.random.Generator) -> None:
    w, x = fv.array(rng.normal(size=(5, 4)).astype(dtype)), fv.array(rng.normal(size=(7, 5)).astype(dtype))
    wide = [a.astype(fv.float32) for a in (w, x)]
    value, gradient = fv.value_and_grad(model)(w, x)
    wanted, wanted_gradient = fv.value_and_grad(model)(*wide)
    assert value.dtype == gradient.dtype == dtype
    assert off(value, wanted) <= 8
    size = float(fv.max(fv.abs(wanted_gradient)))
    assert off(gradient, wanted_gradient, size) <= 8
    for same in (fv.compile(fv.value_and_grad(model)), fv.value_and_grad(fv.checkpoint(model))):
        again = same(w, x)
        np.testing.assert_array_equal(np.asarray(again[0]), np.asarray(value))
        np.testing.assert_array_equal(np.asarray(again[1]), np.asarray(gradient))
    per_row = fv.vmap(fv.grad(model), in_axes=(None, 0))(w, x)
    assert (per_row.shape, per_row.dtype) == ((7, 5, 4), dtype)
    one = fv.grad(model)(w, x[2])
    np.testing.assert_array_equal(np.asarray(per_row[2]), np.asarray(one))
    (out,), (tangent,) = fv.jvp(model, [w, x], [fv.ones_like(w), fv.zeros_like(x)])
    assert out.dtype == tangent.dtype == dtype
    # a sum of numbers that are each rounded, and may cancel
    assert off(tangent, fv.sum(wanted_gradient), 20 * size) <= 8
    second = fv.hessian(lambda x: fv.sum(x * x * x))(x[0])
    assert second.dtype == dtype
    assert off(second, np.diag(6 * np.asarray(wide[1][0]))) <= 2


@EACH
def test_numpy_in_numpy_out(dtype: np.dtype, rng: np.random.Generator) -> None:
    x = rng.normal(size=5).astype(dtype)
    outputs, vjps = fv.vjp(lambda x: x * 2, [x], [np.ones(5, dtype)])
    assert [type(outputs[0]), type(vjps[0])] == [np.ndarray] * 2
    assert outputs[0].dtype == vjps[0].dtype == dtype
    np.testing.assert_array_equal(outputs[0], x * dtype.type(2))
    _, (g,) = fv.vjp(lambda x: x * 2, [fv.ones(3)], [np.ones(3, dtype)])  # a cotangent is cast
    assert g.dtype == np.float32


@EACH
def test_indexing_and_assignment(dtype: np.dtype, rng: np.random.Generator) -> None:
    """Moved numbers are the same, bit by bit."""
    numbers = rng.choice(all_numbers(dtype), (6, 5))
    x, at = fv.array(numbers), rng.integers(0, 6, 4)

    def check(got: array, wanted: np.ndarray) -> None:
        assert got.dtype == dtype
        np.testing.assert_array_equal(as_float32(got), as_float32(wanted))

    check(x[1:5:2, ::-1], numbers[1:5:2, ::-1])
    check(x[fv.array(at)], numbers[at])
    check(x.T.reshape(-1), numbers.T.reshape(-1))
    check(fv.concatenate([x, x[:1]]), np.concatenate([numbers, numbers[:1]]))
    check(
        fv.zeros((6, 5), dtype).at[fv.array([1, 3])].set(x[:2]),
        placed(np.zeros((6, 5), dtype), [1, 3], numbers[:2]),
    )
    check(fv.take_along_axis(x, fv.array(at[:1])[None], 0), np.take_along_axis(numbers, at[:1][None], 0))
    finite = fv.array(rng.integers(-9, 9, (6, 5)).astype(dtype))
    added = np.array(finite)
    np.add.at(added, at, 1)
    check(finite.at[fv.array(at)].add(1), added)
    y = fv.array(np.asarray(finite))
    y[2] = 7
    y += 1
    check(y, placed(np.array(finite), 2, 7) + dtype.type(1))
    check(fv.sort(finite, 0), np.sort(np.asarray(finite).astype(np.float32), 0).astype(dtype))


def placed(x: np.ndarray, at: Any, values: Any) -> np.ndarray:
    x[at] = values
    return x


# --- around it -------------------------------------------------------------------------------------------


@EACH
def test_arrays_from_and_to_anywhere(dtype: np.dtype) -> None:
    x = fv.array([1.5, -0.0, 0.1], dtype)
    nearest_tenth = {"float16": 0.0999755859375, "bfloat16": 0.10009765625}[dtype.name]
    assert repr(x) == f"array([1.5, -0, {nearest_tenth:.6g}], dtype={dtype})"
    assert x.tolist() == [1.5, 0.0, nearest_tenth]
    assert (x[2].item(), float(x[2]), x.itemsize, x.nbytes) == (nearest_tenth, nearest_tenth, 2, 6)
    loaded = pickle.loads(pickle.dumps(x))
    assert loaded.dtype == dtype
    np.testing.assert_array_equal(np.asarray(loaded), np.asarray(x))
    assert (fv.finfo(dtype).bits, float(fv.finfo(dtype).max)) == (16, float(ml_dtypes.finfo(dtype).max))
    for made in (
        fv.zeros(2, dtype),
        fv.full((2,), 0.1, dtype),
        fv.arange(3, dtype=dtype),
        fv.eye(2, dtype=dtype),
        fv.linspace(0, 1, 3, dtype=dtype),
        fv.ones_like(x),
        fv.array(dtype.type(2)),
        fv.array(x.tolist(), dtype),
    ):
        assert made.dtype == dtype  # fmt: skip
    assert fv.issubdtype(dtype, fv.floating) and fv.issubdtype(dtype, fv.inexact) and fv.issubdtype(dtype, dtype)
    assert not (fv.issubdtype(dtype, fv.integer) or fv.issubdtype(dtype, STORED[dtype == STORED[0]]))
    assert fv.isdtype(dtype, "real floating") and fv.isdtype(dtype, ("bool", "numeric"))
    assert not fv.isdtype(dtype, "complex floating")
    assert fv.can_cast(dtype, fv.float32) and fv.can_cast(fv.float32, dtype, "same_kind")
    assert not (fv.can_cast(fv.float32, dtype) or fv.can_cast(fv.complex64, dtype, "same_kind"))


def test_numpys_files_have_no_bfloat16() -> None:
    file = io.BytesIO()
    fv.save(file, fv.array([0.5], fv.float16))
    file.seek(0)
    assert fv.load(file, format="npy").dtype == np.float16
    for save in (lambda x: fv.save(io.BytesIO(), x), lambda x: fv.savez(io.BytesIO(), x=x)):
        with pytest.raises(
            TypeError, match=r"^\[savez?\] NumPy's formats have no bfloat16\. Hint: cast to float32"
        ):
            save(fv.ones(2, fv.bfloat16))


@EACH
def test_njit_refuses(dtype: np.dtype) -> None:
    with pytest.raises(TypeError, match=rf"^\[njit\] Numba has no {dtype}\. Hint: cast to and from float32"):
        fv.njit(lambda x: x * 2, fv.ones(3, dtype))


@EACH
def test_users_functions_compute_in_float32(dtype: np.dtype) -> None:
    seen = []

    def cube(out: np.ndarray, x: np.ndarray) -> None:
        seen.append(x.dtype)
        out[...] = x * x * x

    made = fv.custom_kernel(cube, infer=lambda x: x.shape)(fv.array([2.0, 3.0], dtype))
    assert (made.dtype, made.tolist(), seen) == (dtype, [8, 27], [np.float32])

    def shifted(x):
        return x + type(x)(1)

    made = fv.custom_primitive(shifted)(fv.array([2.0, 3.0], dtype))
    assert (made.dtype, made.tolist()) == (dtype, [3, 4])


@EACH
@pytest.mark.parametrize(
    "name", ["add", "subtract", "multiply", "divide", "maximum", "exp", "tanh", "sqrt", "sum"]
)
def test_values_are_those_of_mlx(name: str, dtype: np.dtype, rng: np.random.Generator) -> None:
    """Arithmetic bit by bit; of functions both are within a unit."""
    mx = pytest.importorskip("mlx.core")
    count = 1 if name in ("exp", "tanh", "sqrt", "sum") else 2
    xs = [np.abs(rng.normal(size=2000)).astype(dtype) for _ in range(count)]
    with mx.stream(mx.cpu):
        theirs = getattr(mx, name)(*[mx.array(x.astype(np.float32)).astype(getattr(mx, dtype.name)) for x in xs])
        theirs = np.array(theirs.astype(mx.float32))
    ours = getattr(fv, name)(*map(fv.array, xs))
    if count == 2:
        np.testing.assert_array_equal(as_float32(ours), theirs)
    else:
        assert off(ours, theirs) <= 1
