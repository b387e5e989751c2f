"""Rows 32 to 54 of the table of semantics, and its sections on arrays.

Left out until their ops exist: the linalg half of row 43 (norm), and cholesky, inv, det, slogdet, lu, qr,
svd, eigh, pinv, solve and solve_triangular of the last section. The other transforms of that section are
tested in test_transforms.py, test_custom.py and test_compile.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.checks import close, same, vjp1

import fastvjp as fv


def test_row_32_nested_vjp():
    def order(n):
        fun: Callable[..., Any] = lambda x: x**3  # noqa: E731
        for _ in range(n):
            fun = lambda x, inner=fun: fv.vjp(inner, [x], [1.0])[1][0]  # noqa: E731
        return float(fun(fv.array(2.0)))

    assert [order(n) for n in range(5)] == [8, 12, 12, 6, 0]


def test_row_33_perturbation_confusion():
    inner = lambda x: fv.vjp(lambda y: x + y, [1.0], [1.0])[1][0]  # noqa: E731
    same(fv.vjp(lambda x: x * inner(x), [1.0], [1.0])[1][0], 1)
    product = lambda x: x * fv.grad(lambda y: x * y)(2.0)  # noqa: E731
    same(fv.grad(product)(3.0), 6)


def test_row_34_mixed_nesting(rng):
    x, v = rng.normal(size=3), rng.normal(size=3)
    push = lambda x: fv.jvp(fv.sin, [x], [v])[1][0]  # noqa: E731
    close(vjp1(push, x, np.ones(3)), -np.sin(x) * v)
    pull = lambda x: fv.vjp(fv.sin, [x], [v])[1][0]  # noqa: E731
    close(fv.jvp(pull, [x], [np.ones(3)])[1][0], -np.sin(x) * v)
    each = fv.vmap(lambda x: fv.vjp(lambda y: y**3, [x], [1.0])[1][0])
    close(each(x), 3 * x**2)
    close(vjp1(fv.vmap(lambda a: a**3), x, v), 3 * x**2 * v)
    close(vjp1(fv.compile(lambda a: a**3), x, v), 3 * x**2 * v)
    close(fv.compile(lambda a: fv.vjp(lambda y: y**3, [a], [v])[1][0])(x), 3 * x**2 * v)


def test_row_35_exception_leaves_nothing_open():
    def fails(x):
        fv.sin(x)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fv.vjp(fails, [1.0], [1.0])
    assert float(fv.array(2.0) * 3) == 6
    same(fv.vjp(lambda x: x * x, [3.0], [1.0])[1][0], 6)


def test_row_36_leaked_array_is_its_value():
    kept = []

    def fun(x):
        kept.append(x * x + 1)
        return x

    fv.vjp(fun, [3.0], [1.0])
    assert float(kept[0]) == 10
    same(kept[0] * 2, 20)
    same(fv.grad(lambda y: y * kept[0])(1.0), 10)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (), (1,), (1, 1), (3, 1)])
def test_row_37_zero_size_scalar_and_size_one(shape, rng):
    x, y = rng.normal(size=shape), rng.normal(size=(3, 1))
    out = np.sin(x) * y
    g = rng.normal(size=out.shape)
    (found,), (gx, gy) = fv.vjp(lambda x, y: fv.sin(x) * y, [x, y], [g])
    close(found, out)
    lead = tuple(range(out.ndim - x.ndim))
    kept = tuple(i + len(lead) for i, n in enumerate(shape) if n == 1)
    expected = (g * y).sum(axis=lead + kept).reshape(shape) * np.cos(x)
    close(gx, expected)
    close(gy, (g * np.broadcast_to(np.sin(x), out.shape)).sum(axis=1, keepdims=True).reshape(3, 1))


def test_row_38_complex_convention():
    (out,), (g,) = fv.vjp(lambda z: z * z, [np.complex128(1 + 2j)], [np.complex128(1)])
    close(out, np.complex128(-3 + 4j))
    close(g, np.complex128(2 - 4j))


@pytest.mark.parametrize("op", [fv.maximum, fv.minimum])
def test_row_39_ties_of_maximum(op):
    _, (x, y) = fv.vjp(op, [2.0, 2.0], [1.0])
    same(x, 0.5)
    same(y, 0.5)


def test_row_39_clip_composes_the_two():
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    same(vjp1(lambda a: fv.clip(a, -1.0, 1.0), x, np.ones(5)), [0, 0.5, 1, 0.5, 0])
    composed = vjp1(lambda a: fv.minimum(fv.maximum(a, -1.0), 1.0), x, np.ones(5))
    same(vjp1(lambda a: fv.clip(a, -1.0, 1.0), x, np.ones(5)), composed)


@pytest.mark.parametrize("op", [fv.max, fv.min])
def test_row_40_ties_of_max(op):
    same(vjp1(op, np.full(4, 3.0), 1.0), np.full(4, 0.25))
    x = np.array([[1.0, 1.0, 5.0], [5.0, 1.0, 5.0]])
    best = x == np.asarray(op(fv.array(x), axis=1, keepdims=True))
    same(vjp1(lambda a: op(a, axis=1), x, np.ones(2)), best / best.sum(axis=1, keepdims=True))


def test_row_41_abs_and_sqrt_at_zero():
    same(vjp1(fv.abs, np.zeros(1), np.ones(1)), [0])
    same(vjp1(fv.sqrt, np.zeros(1), np.ones(1)), [np.inf])


def test_row_41_arcsin_at_its_ends():
    """Both are steep upwards, in kernel and rule."""
    for x in (-1.0, 1.0):
        assert np.asarray(fv.grad(fv.arcsin)(np.float64(x))) == np.inf
        assert np.asarray(fv.grad(fv.arccos)(np.float64(x))) == -np.inf
        assert np.asarray(fv.hessian(fv.arcsin)(np.float64(x))) == np.copysign(np.inf, x)


@pytest.mark.parametrize("exponent", [0, 0.0, np.zeros(1), np.float64(0)], ids=["int", "float", "array", "numpy"])
def test_row_42_zeroth_power_at_zero(exponent):
    same(vjp1(lambda x: x**exponent, np.zeros(1), np.ones(1)), [0])


def test_row_43_std_of_a_constant():
    same(vjp1(fv.std, np.full(3, 2.0), 1.0), np.zeros(3))
    same(vjp1(lambda x: fv.std(x, axis=1), np.full((2, 3), 2.0), np.ones(2)), np.zeros((2, 3)))


@pytest.mark.parametrize("twice", [False, True], ids=["log", "log_squared"])
def test_row_44_strong_zero(twice):
    def fun(x):
        y = fv.log(x)
        return fv.where(x > 0, y**2 if twice else y, 0.0)

    x = np.array([0.0, -1.0, 2.0])
    expected = [0, 0, np.log(2.0) if twice else 0.5]
    close(vjp1(fun, x, np.ones(3)), expected)
    close(fv.vjp(fun, [0.0], [1.0])[1][0], 0.0)
    close(fv.jvp(fun, [x], [np.ones(3)])[1][0], expected)


@pytest.mark.parametrize("power", [1, 2])
def test_row_44_strong_zero_of_second_order(power):
    def fun(x):
        return fv.where(x > 0, fv.log(x) ** power, 0.0)

    second = vjp1(lambda x: fv.vjp(fun, [x], [np.ones(2)])[1][0], np.array([0.0, 2.0]), np.ones(2))
    close(second, [0, -0.25 if power == 1 else (1 - np.log(2.0)) / 2])


@pytest.mark.parametrize(
    "fun",
    [fv.sqrt, fv.log, fv.log1p, fv.reciprocal, fv.rsqrt, fv.arcsin, fv.arccosh, fv.arctanh, lambda x: x**-1.5],
    ids=["sqrt", "log", "log1p", "reciprocal", "rsqrt", "arcsin", "arccosh", "arctanh", "power"],
)  # fmt: skip
def test_row_44_zero_cotangent_stays_zero(fun):
    x = np.array([0.0, -1.0, 1.0, np.inf, -np.inf, np.nan])
    same(vjp1(fun, x, np.zeros(6)), np.zeros(6))


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_row_45_prod_and_cumprod_with_zeros(zeros, rng):
    x = rng.normal(size=4)
    x[:zeros] = 0
    rows = [np.prod(np.delete(x, i)) for i in range(4)]
    close(vjp1(fv.prod, x, 1.0), rows)
    g = rng.normal(size=4)
    cumulative = [sum(g[j] * np.prod(np.delete(x[: j + 1], i)) for j in range(i, 4)) for i in range(4)]
    close(vjp1(fv.cumprod, x, g), cumulative)


def test_row_46_full():
    g = np.arange(6.0).reshape(2, 3)
    same(vjp1(lambda a: fv.full((2, 3), a), np.float64(2), g), 15)


def test_row_47_float64_accuracy(rng):
    x = rng.normal(size=1000)
    for fun, oracle in (
        (fv.exp, np.exp),
        (fv.sin, np.sin),
        (fv.cos, np.cos),
        (fv.tanh, np.tanh),
        (fv.log, np.log),
    ):
        given = np.abs(x) + 0.1
        found = np.asarray(fun(fv.array(given)))
        assert found.dtype == np.float64
        assert np.max(np.abs(found - oracle(given)) / np.spacing(np.abs(oracle(given)))) <= 2
    assert fv.vjp(fv.exp, [x], [x])[1][0].dtype == np.float64


def test_row_48_numpy_keeps_its_dtype():
    with fv.device("cpu"):
        for dtype in (np.float64, np.float32, np.int8, np.uint16, np.complex64, np.bool_):
            assert fv.array(np.zeros(2, dtype)).dtype == dtype
        (out,), (g,) = fv.vjp(lambda x: x, [np.float64(1)], [1.0])
        assert out.dtype == np.float64 and g.dtype == np.float64


def masked(a):
    return fv.sum(a[a > 1] ** 2)


def test_row_49_boolean_mask_with_known_values():
    x = np.array([0.5, 2.0, 3.0])
    same(fv.grad(masked)(x), [0, 4, 6])
    same(vjp1(masked, x, 1.0), [0, 4, 6])
    same(fv.jvp(masked, [x], [np.ones(3)])[1][0], 10)


@pytest.mark.parametrize(
    ("transform", "x"), [(fv.vmap, np.ones((2, 3))), (fv.compile, np.ones(3))], ids=["vmap", "compile"]
)
def test_row_49_boolean_mask_without_values(transform, x):
    with pytest.raises(fv.TracedValueError, match="boolean-mask"):
        transform(masked)(x)


@pytest.mark.parametrize("index", [3, -4, [0, 3], np.array([0, -4])], ids=str)
def test_row_50_index_out_of_range(index):
    for a in (fv.zeros(3), fv.array([[1.0], [2.0], [3.0]])):
        with pytest.raises(IndexError, match="out of range"):
            a[index]
    with pytest.raises(IndexError):
        fv.vjp(lambda a: a[index], [fv.zeros(3)], [1.0])


@pytest.mark.parametrize("i", [10, -4, 10**9, -(10**9), 2**62])
def test_row_50_index_unknown_while_recording(i):
    pick = fv.compile(lambda x, i: x[i])
    x = np.arange(1.0, 4.0)
    same(pick(x, np.array([0, -1])), [1, 3])
    with pytest.raises(IndexError, match="out of range"):
        pick(x, np.array([0, i]))


def test_row_51_long_chain_and_many_primals():
    """60,000 ops are in test_recording.py; here no recursion limit is near."""

    def chain(x):
        for _ in range(3000):
            x = x * 1.0001
        return x

    close(vjp1(chain, np.ones(2), np.ones(2)), np.full(2, 1.0001**3000), rtol=1e-9)
    _, found = fv.vjp(lambda *xs: sum(xs), [float(i) for i in range(1000)], [2.0])
    assert len(found) == 1000 and all(float(g) == 2 for g in found[::100])


def test_row_52_threads():
    results = {}

    def work(k):
        results[k] = [float(fv.vjp(lambda x: x * x * k, [float(i)], [1.0])[1][0]) for i in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {k: [2.0 * i * k for i in range(20)] for k in range(4)}


def test_row_53_fun_adds_a_key_to_its_argument():
    def fun(p):
        p["extra"] = p["w"] * 2
        return p["extra"] * p["w"]

    given = {"w": fv.array(3.0)}
    _, (found,) = fv.vjp(fun, [given], [1.0])
    same(found["w"], 12)
    assert list(found) == ["w"] and list(given) == ["w"]
    same(fv.grad(fun)(given)["w"], 12)


def test_row_54_infinite_logsumexp():
    x = np.full(3, -np.inf)
    (out,), (g,) = fv.vjp(fv.logsumexp, [x], [1.0])
    same(out, -np.inf)
    same(g, np.zeros(3))
    (out,), (a, b) = fv.vjp(fv.logaddexp, [x, x], [np.ones(3)])
    same(out, x)
    same(a, np.zeros(3))
    same(b, np.zeros(3))


def test_arrays_default_dtypes():
    assert fv.array(1.0).dtype == np.float32 and fv.array([1.0, 2]).dtype == np.float32
    assert fv.array(1).dtype == np.int32 and fv.array([1, 2]).dtype == np.int32
    assert fv.array(True).dtype == np.bool_ and fv.array(1j).dtype == np.complex64
    for made in (fv.zeros(2), fv.ones(2), fv.full(2, 3.0), fv.linspace(0, 1, 3), fv.eye(2)):
        assert made.dtype == np.float32
    assert fv.arange(3).dtype == np.int32


@pytest.mark.parametrize("a", ["bool", "int8", "int32", "int64", "uint8", "float32", "float64", "complex64"])
@pytest.mark.parametrize("b", ["bool", "int8", "int32", "int64", "uint8", "float32", "float64", "complex64"])
def test_arrays_promotion_is_numpys(a, b):
    expected = (np.zeros(1, a) + np.zeros(1, b)).dtype
    assert (fv.zeros(1, dtype=a) + fv.zeros(1, dtype=b)).dtype == expected


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "float32", "float64", "complex64"])
def test_arrays_python_scalars_are_weak(dtype):
    x = fv.ones(2, dtype=dtype)
    for scalar in (True, 2, 2.5, 1j):
        assert (x * scalar).dtype == (np.ones(2, dtype) * scalar).dtype
        assert (scalar + x).dtype == (scalar + np.ones(2, dtype)).dtype


def test_arrays_are_values():
    a = fv.array([1.0, 2.0])
    b = a
    b += 1
    same(a, [2, 3])
    a -= 1
    same(b, [1, 2])
    s = t = fv.array(1.0)
    s += 2
    same(t, 3)
    c = fv.array(a)
    c[0] = 9.0
    same(a, [1, 2])
    d = a[:]
    d[0] = 5.0
    same(a, [1, 2])
    a[1] = 7.0
    same(d, [5, 2])


def test_arrays_share_memory_read_only_and_never_see_writes():
    theirs = np.arange(3.0)
    ours = fv.array(theirs)
    theirs[0] = 100
    same(ours, [0, 1, 2])
    first, second = np.asarray(ours), np.asarray(ours)
    assert np.shares_memory(first, second) and not first.flags.writeable
    y = ours * 1
    seen = np.asarray(y)
    y[0] = 50.0
    same(seen, [0, 1, 2])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tangents_of_integers_and_bools_are_zeros_that_can_be_computed_with(dtype, rng):
    x = fv.array(rng.normal(size=3)).astype(dtype)
    outputs, tangents = fv.jvp(lambda x: [x > 0, fv.argmax(x), x != x * 2], [x], [x])
    assert [y.dtype.kind for y in outputs] == ["b", "i", "b"]
    for t, y in zip(tangents, outputs, strict=True):
        assert t.dtype == dtype and t.shape == y.shape and not np.asarray(-t).any()
    forward, backward = (transform(lambda x: x > 0)(x) for transform in (fv.jacfwd, fv.jacrev))
    assert forward.dtype == backward.dtype == dtype and forward.shape == (3, 3)
    (product,) = fv.vjp(lambda x: fv.jvp(lambda y: [y > 0, y * y], [x], [x])[1], [x], [x, x])[1]
    np.testing.assert_allclose(product, 4 * np.asarray(x) ** 2, rtol=1e-5)
