"""Rows 1 to 31 of the table of semantics: arguments, outputs, errors and what may happen inside `fun`.

Rows 32 to 54 and the sections behind the table stand in test_semantics_values.py.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from support.checks import close, same, vjp1

import fastvjp as fv


class Pair(NamedTuple):
    left: object
    right: object


def test_row_01_tuple_of_two_lists():
    found = fv.vjp(fv.sin, [1.0], [1.0])
    assert type(found) is tuple and len(found) == 2
    assert type(found[0]) is list and type(found[1]) is list
    close(found[0][0], np.float32(np.sin(1.0)), rtol=2e-7)
    close(found[1][0], np.float32(np.cos(1.0)), rtol=2e-7)


def test_row_02_list_tuple_keywords():
    for primals, cotangents in (([2.0], [3.0]), ((2.0,), (3.0,)), ([2.0], (3.0,))):
        outputs, vjps = fv.vjp(fun=lambda x: x * x, primals=primals, cotangents=cotangents)
        same(outputs[0], 4)
        same(vjps[0], 12)


@pytest.mark.parametrize("primals", [fv.array(1.0), 1.0, np.float64(1)], ids=["array", "float", "numpy"])
def test_row_03_bare_scalar_primals(primals):
    with pytest.raises(TypeError, match="wrap it in a list"):
        fv.vjp(fv.sin, primals, [1.0])


@pytest.mark.parametrize("make", [fv.array, np.array], ids=["array", "numpy"])
def test_row_04_bare_vector_primals(make):
    with pytest.raises(TypeError, match="wrap it in a list"):
        fv.vjp(fv.sin, make([1.0, 2.0]), [1.0])
    with pytest.raises(TypeError, match="wrap it in a list"):
        fv.vjp(fv.sin, [make([1.0, 2.0])], make([1.0, 2.0]))


@pytest.mark.parametrize("make", [float, np.float64, np.array, np.float32], ids=lambda m: m.__name__)
def test_row_05_numbers_and_numpy(make):
    outputs, vjps = fv.vjp(lambda x: x * 3, [make(2.0)], [make(5.0)])
    kind = fv.array if make is float else np.float32 if make is np.float32 else np.float64
    assert type(outputs[0]) is type(vjps[0]) is kind
    same(outputs[0], 6)
    same(vjps[0], 15)


def test_row_06_trees():
    def fun(p, s):
        return {"sum": p["w"] + p["b"][0] * s.left, "pair": (s.right, p["w"] * 2)}, p["b"][0] * 1

    w, b, x, y = (fv.array(v) for v in (2.0, 3.0, 5.0, 7.0))
    ct = {"sum": fv.array(1.0), "pair": (fv.array(10.0), fv.array(100.0))}
    outputs, vjps = fv.vjp(fun, [{"w": w, "b": [b]}, Pair(x, y)], [ct, 1000.0])
    assert list(outputs[0]) == ["sum", "pair"] and type(outputs[0]["pair"]) is tuple
    same(outputs[0]["sum"], 17)
    same(outputs[0]["pair"][1], 4)
    same(vjps[0]["w"], 201)
    assert type(vjps[0]["b"]) is list
    same(vjps[0]["b"][0], 1005)
    assert type(vjps[1]) is Pair
    same(vjps[1].left, 3)
    same(vjps[1].right, 10)


def test_row_06_flat_list_stays_flat():
    outputs, vjps = fv.vjp(lambda a, b: [a * b, a + b], [2.0, 3.0], [1.0, 1.0])
    assert [float(x) for x in outputs] == [6, 5]
    assert [float(x) for x in vjps] == [4, 3]


def test_row_07_none_cotangents_and_not_callable():
    with pytest.raises(TypeError, match="cotangents"):
        fv.vjp(fv.sin, [1.0], None)
    fun: Any
    for fun in (3, None, [fv.sin]):
        with pytest.raises(TypeError, match="function"):
            fv.vjp(fun, [1.0], [1.0])


ROW_8 = r"\[vjp\] Number of outputs to compute gradients for \({}\) does not match number of cotangents \({}\)\."


def test_row_08_too_few_cotangents():
    with pytest.raises(ValueError, match=ROW_8.format(2, 1)):
        fv.vjp(lambda x: [x, x], [1.0], [1.0])


def test_row_09_too_many_cotangents():
    with pytest.raises(ValueError, match=ROW_8.format(1, 2)):
        fv.vjp(fv.sin, [1.0], [1.0, 2.0])


def test_row_10_cotangent_shape():
    text = r"\[vjp\] Output shape \(3\) does not match cotangent shape \(2\), at output 1\."
    with pytest.raises(ValueError, match=text):
        fv.vjp(lambda x: [x, x], [fv.ones(3)], [fv.ones(3), fv.ones(2)])
    with pytest.raises(ValueError, match=r"Output shape \(2,3\) does not match cotangent shape \(3\)"):
        fv.vjp(lambda x: x, [fv.ones((2, 3))], [fv.ones(3)])


def test_row_11_vector_cotangent_of_a_scalar():
    text = r"Output shape \(\) does not match.* If you are using grad your function must return a scalar\."
    with pytest.raises(ValueError, match=text):
        fv.vjp(fv.sin, [1.0], [fv.ones(1)])


@pytest.mark.parametrize("dtype", [np.float16, np.int32, np.bool_, np.float64, np.uint8])
def test_row_12_cotangent_is_cast(dtype):
    _, (found,) = fv.vjp(lambda x: x * 2, [fv.ones(3)], [np.ones(3, dtype)])
    assert found.dtype == np.float32
    same(found, [2, 2, 2])


def test_row_13_complex_cotangent_of_a_real_output():
    with pytest.raises(TypeError, match="complex"):
        fv.vjp(fv.sin, [1.0], [1j])


@pytest.mark.parametrize("kind", [tuple, list, lambda x: x[0]], ids=["tuple", "list", "array"])
def test_row_14_outputs_is_a_list(kind):
    outputs, vjps = fv.vjp(lambda x: kind([x * 2]), [3.0], [1.0])
    assert type(outputs) is list and type(vjps) is list
    same(outputs[0], 6)


def test_row_15_constant_outputs():
    fixed = np.arange(3.0)
    outputs, vjps = fv.vjp(lambda x: [1.5, fixed, x, 2], [3.0], [1.0, np.ones(3), 5.0, 0])
    assert float(outputs[0]) == 1.5
    same(outputs[1], fixed)
    same(vjps[0], 5)


@pytest.mark.parametrize("bad", [None, {1.0}, "text", object(), lambda: 1, (x for x in [1.0])])
def test_row_15_other_outputs(bad):
    with pytest.raises(TypeError, match=rf"output 1 is of type {type(bad).__name__}"):
        fv.vjp(lambda x: [x, bad], [1.0], [1.0, 1.0])


def test_row_15_generator_function_and_none():
    def yields(x):
        yield x

    with pytest.raises(TypeError, match="generator"):
        fv.vjp(yields, [1.0], [1.0])
    with pytest.raises(TypeError, match="output 0 is of type NoneType"):
        fv.vjp(lambda x: None, [1.0], [1.0])


def test_row_16_no_outputs():
    outputs, (zero,) = fv.vjp(lambda x: [], [fv.ones((2, 3))], [])
    assert outputs == []
    same(zero, np.zeros((2, 3)))


def test_row_17_no_primals():
    (out,), vjps = fv.vjp(lambda: fv.array(1.0), [], [1.0])
    same(out, 1)
    assert vjps == []


def test_row_18_unused_primal_and_constant_output(rng):
    x, y = rng.normal(size=(2, 3)), rng.normal(size=4).astype(np.float32)
    outputs, vjps = fv.vjp(lambda x, y: [fv.sum(x), fv.array(2.0)], [x, y], [1.0, 1.0])
    same(vjps[0], np.ones((2, 3)))
    same(vjps[1], np.zeros(4))
    assert vjps[0].dtype == np.float64 and vjps[1].dtype == np.float32
    same(outputs[1], 2)


def test_row_19_primal_returned_unchanged():
    a = fv.array([1.0, 2.0])
    (out,), (g,) = fv.vjp(lambda x: x, [a], [fv.array([7.0, 7.0])])
    same(g, [7, 7])
    same(out, a)
    assert out is not a
    out[0] = 100.0
    same(a, [1, 2])


def test_row_20_output_twice():
    def fun(a):
        y = 2 * a
        return [y, y]

    same(fv.vjp(fun, [3.0], [1.0, 10.0])[1][0], 22)


def test_row_21_primal_as_two_outputs():
    same(fv.vjp(lambda a: [a, a], [3.0], [1.0, 10.0])[1][0], 11)


def test_row_22_same_array_as_both_primals():
    a = fv.array(3.0)
    _, (x, y) = fv.vjp(lambda x, y: x * x * y, [a, a], [1.0])
    same(x, 18)
    same(y, 9)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.bool_])
def test_row_23_integer_primals(dtype):
    n = np.ones(2, dtype)
    (_out,), (gn, gx) = fv.vjp(lambda n, x: n * fv.sin(x) + fv.sin(n), [n, np.ones(2)], [np.ones(2)])
    assert gn.dtype == dtype
    same(gn, np.zeros(2))
    close(gx, np.cos(np.ones(2)))
    for transform in (fv.grad, fv.value_and_grad, fv.jacrev, fv.jacfwd):
        with pytest.raises(TypeError, match=r"cast|astype"):
            transform(lambda n: fv.sum(fv.sin(n)))(n)


@pytest.mark.parametrize(
    "fun",
    [lambda x: x > 0.5, fv.argmax, fv.argmin, fv.sign, fv.floor, fv.round, fv.ceil, fv.isnan, lambda x: x == 1],
    ids=["greater", "argmax", "argmin", "sign", "floor", "round", "ceil", "isnan", "equal"],
)
def test_row_24_piecewise_constant_outputs(fun, rng):
    x = rng.normal(size=3)
    (_out,), (g,) = fv.vjp(fun, [x], [np.ones(np.shape(np.asarray(fun(fv.array(x)))))])
    same(g, np.zeros(3))
    assert g.dtype == np.float64


def test_row_25_index_computed_from_a_primal():
    x = np.array([3.0, 9.0, 4.0])
    same(vjp1(lambda a: a[fv.argmax(a)], x, 2.0), [0, 2, 0])
    same(vjp1(lambda a: fv.take(a, fv.argsort(a)[:2]), x, np.array([1.0, 10.0])), [1, 0, 10])

    def scattered(a):
        return fv.zeros(3, dtype=fv.float64).at[fv.argsort(a)].add(a * 2)

    same(vjp1(scattered, x, np.array([1.0, 10.0, 100.0])), [2, 200, 20])

    def by_value(a):
        return a[a.astype(fv.int32) - 3]

    same(vjp1(by_value, np.array([3.0, 5.0, 4.0]), np.array([1.0, 10.0, 100.0])), [1, 100, 10])


def test_row_26_stop_gradient_output():
    def fun(a):
        return [fv.stop_gradient(a), 3 * a]

    with pytest.raises(ValueError, match=ROW_8.format(2, 1)):
        fv.vjp(fun, [1.0], [5.0])
    same(fv.vjp(fun, [1.0], [0.0, 5.0])[1][0], 15)
    same(fv.vjp(fun, [1.0], [9.0, 5.0])[1][0], 15)


def test_row_27_in_place_inside_fun():
    def fun(a):
        a[0] = 0.0
        a += 1
        a *= a
        return a

    a = fv.array([1.0, 2.0])
    (out,), (g,) = fv.vjp(fun, [a], [fv.ones(2)])
    same(out, [1, 9])
    same(g, [0, 6])
    same(a, [1, 2])


def test_row_28_setitem_and_duplicates(rng):
    x = rng.normal(size=3)

    def fun(a):
        z = fv.zeros(4, dtype=fv.float64)
        z[1:4] = a * a
        z[1] += a[0]
        return z

    g = rng.normal(size=4)
    close(vjp1(fun, x, g), 2 * x * g[1:] + [g[1], 0, 0])
    found = vjp1(fv.zeros(2, dtype=fv.float64).at[[0, 1, 0]].add, x, np.array([1.0, 10.0]))
    same(found, [1, 10, 1])


def test_row_29_last_write_wins():
    def fun(a):
        b = fv.zeros(2)
        b[[0, 0]] = a[:2]
        return b

    (out,), (g,) = fv.vjp(fun, [fv.array([5.0, 6.0, 7.0])], [fv.ones(2)])
    same(out, [6, 0])
    same(g, [0, 1, 0])


def test_row_30_values_are_read_as_constants():
    def fun(a):
        if a[0] > 1:
            a = a * a[0].item()
        k = a[1].item()
        while k > 1:
            k /= 2
        c = np.array(fv.stop_gradient(a))
        fv.eval(a)
        assert bool(a[0] == 4.0) and int(a[1]) == 6 and a.tolist() == [4, 6]
        return a * k + c.sum()

    (out,), (g,) = fv.vjp(fun, [np.array([2.0, 3.0])], [np.ones(2)])
    k = 0.75
    close(out, np.array([4.0, 6.0]) * k + 10)
    close(g, [2 * k, 2 * k])


def plain_numpy(a, b):
    h = np.sin(a) * np.float64(2) + np.ones(3) * a
    h = np.where(h > 0, h, np.tanh(b))
    return np.sum(np.concatenate([h, b])) + np.exp(a).mean()


def test_row_31_plain_numpy_function(rng):
    a, b = rng.normal(size=3), rng.normal(size=3)
    (out,), (ga, gb) = fv.vjp(plain_numpy, [a, b], [1.0])
    close(out, plain_numpy(a, b))
    positive = np.sin(a) * 2 + a > 0
    close(ga, positive * (2 * np.cos(a) + 1) + np.exp(a) / 3)
    close(gb, 1 + ~positive / np.cosh(b) ** 2)


def test_row_31_pieces(rng):
    x = rng.normal(size=3)
    g = rng.normal(size=3)
    close(vjp1(np.sin, x, g), np.cos(x) * g)
    close(vjp1(lambda a: np.sum(a) * 1, x, 2.0), np.full(3, 2.0))
    close(vjp1(lambda a: np.concatenate([a, a]), x, np.concatenate([g, g])), 2 * g)
    close(vjp1(lambda a: np.where(a > 0, a, 0 * a), x, g), (x > 0) * g)
    close(vjp1(lambda a: np.ones(3) * a, x, g), g)
    close(vjp1(lambda a: np.float64(2) * a, x, g), 2 * g)
    close(vjp1(lambda a: np.arange(3.0) - a, x, g), -g)
    assert isinstance(np.sin(fv.array(x)), fv.array)
