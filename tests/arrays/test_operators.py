"""Operators of arrays, among themselves and with other operands."""

import operator

import numpy as np
import pytest

import fastvjp
from fastvjp import array

BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]
COMPARE = ["eq", "ne", "lt", "le", "gt", "ge"]
BITS = ["and_", "or_", "xor", "lshift", "rshift"]


@pytest.mark.parametrize("name", BINARY + COMPARE)
@pytest.mark.parametrize("kind", ["array", "ndarray", "generic", "scalar", "list"])
def test_binary_operators_both_ways(rng, name, kind):
    f = getattr(operator, name)
    x = rng.uniform(0.5, 2, (2, 3))
    y = {"scalar": 2.0, "generic": np.float64(1.5), "list": [1.0, 2.0, 3.0]}.get(kind, rng.uniform(0.5, 2, 3))
    other = array(y) if kind == "array" else y
    plain = np.asarray(y, np.float64) if kind == "list" else y
    for got, expected in ((f(array(x), other), f(x, plain)), (f(other, array(x)), f(plain, x))):
        assert isinstance(got, array)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-14)


@pytest.mark.parametrize("name", BITS)
def test_bit_operators(rng, name):
    f = getattr(operator, name)
    x, y = rng.integers(0, 100, (2, 3)), rng.integers(0, 7, 3)
    for got in (f(array(x), array(y)), f(array(x), y), f(x, array(y)), f(array(x), y.tolist())):
        np.testing.assert_array_equal(np.asarray(got), f(x, y))
    np.testing.assert_array_equal(np.asarray(f(3, array(y))), f(3, y))


def test_matmul_divmod_and_unary(rng):
    x, y = rng.normal(size=(2, 3)), rng.normal(size=(3, 2))
    for got in (array(x) @ array(y), array(x) @ y, x @ array(y)):
        np.testing.assert_allclose(np.asarray(got), x @ y)
    for got, expected in zip(divmod(array(x), y.T), divmod(x, y.T), strict=True):
        np.testing.assert_allclose(np.asarray(got), expected)
    for got, expected in zip(divmod(7, array([2, 3])), divmod(7, np.array([2, 3])), strict=True):
        np.testing.assert_array_equal(np.asarray(got), expected)
    a = array(x)
    for got, expected in (
        (-a, -x),
        (+a, x),
        (abs(a), abs(x)),
        (round(a), np.round(x)),
        (round(a, 1), np.round(x, 1)),
    ):
        np.testing.assert_allclose(np.asarray(got), expected)
    np.testing.assert_array_equal(np.asarray(~array([1, 2])), [-2, -3])
    np.testing.assert_array_equal(np.asarray(~array([True, False])), [False, True])


def test_unknown_operands():
    a = array([1.0])
    assert (a == None) is False  # noqa: E711  identity, as for any object that == does not know
    assert (a != "text") is True
    for f in (operator.add, operator.lt, operator.matmul, operator.iadd):
        with pytest.raises(TypeError):
            f(a, "text")

    class Other:
        def __radd__(self, x):
            return "reflected"

    assert a + Other() == "reflected"


def test_python_scalars_are_weak():
    assert (array([1.0]) * 2.5).dtype == np.float32
    assert (array([1], "int8") + 1).dtype == np.int8
    assert (array([1]) * 2.5).dtype == np.float64
    assert (array([1.0], "float64") * 1j).dtype == np.complex128
    with pytest.raises(OverflowError):
        array([1], "int8") + 1000


@pytest.mark.parametrize("name", ["iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow"])
def test_in_place_changes_the_object_and_keeps_the_dtype(rng, name):
    x, y = rng.uniform(0.5, 2, (2, 3)).astype(np.float32), rng.uniform(0.5, 2, 3)
    a = array(x)
    b = getattr(operator, name)(a, y)
    assert b is a
    assert b.dtype == np.float32
    np.testing.assert_allclose(np.asarray(b), getattr(operator, name)(x.copy(), y), rtol=1e-6)


def test_in_place_bits_and_matmul():
    a = array([1, 2])
    b = a
    b |= 4
    b ^= 1
    b &= 6
    b <<= 2
    b >>= 1
    assert a is b
    assert a.tolist() == [8, 12]
    m = array([[1.0, 2.0], [3.0, 4.0]])
    m @= np.eye(2)
    assert (m.dtype, m.tolist()) == (np.float32, [[1.0, 2.0], [3.0, 4.0]])


def test_in_place_errors():
    a = array([1, 2])
    with pytest.raises(
        TypeError, match=r"\[\+=\] A result of dtype float64 does not fit an array of int32.*a = a \+ b"
    ):
        a += 1.5
    with pytest.raises(TypeError, match=r"\[/=\]"):
        a /= 2
    with pytest.raises(ValueError, match=r"\[\*=\] A result of shape \(3, 2\)"):
        a *= np.ones((3, 1), int)
    assert a.tolist() == [1, 2]
    s = array(1)  # as NumPy's scalars do, an array without axes promotes
    s += 0.5
    s = s * np.ones(2)
    assert s.tolist() == [1.5, 1.5]


def test_in_place_inside_a_transform():
    x = array([1.0, 2.0])

    def fun(a):
        b = a
        b *= a
        a[0] = 5.0
        a += b
        return fastvjp.sum(a)

    (value,), (dx,) = fastvjp.vjp(fun, [x], [1.0])
    assert (value.item(), dx.tolist(), x.tolist()) == (18.0, [0.0, 8.0], [1.0, 2.0])


def test_hash_is_identity():
    a, b = array([1.0]), array([1.0])
    assert {a: 1, b: 2}[a] == 1
    assert len({a, b, a}) == 2
