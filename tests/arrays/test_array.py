"""`fastvjp.array` as a container: conversion, operators, indexing, printing, other libraries."""

import array as stdlib_array
import copy
import enum
import operator
import pickle
import pickletools

import numpy as np
import pytest

import fastvjp
from fastvjp import array

DTYPES = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


def random(rng, shape, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        return rng.integers(0, 2 if dtype.kind == "b" else 100, shape).astype(dtype)
    x = rng.normal(size=shape)
    return (x + 1j * rng.normal(size=shape) if dtype.kind == "c" else x).astype(dtype)


def traced_as(f, *args):
    """What f returns inside vjp, on traced arrays."""
    kept = []

    def fun(*xs):
        kept.append(f(*xs))
        return fastvjp.array(0.0)

    fastvjp.vjp(fun, args, [1.0])
    return kept[0]


# --- conversion in -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
def test_numpy_arrays_keep_their_dtype_and_values(rng, dtype, shape):
    x = random(rng, shape, dtype)
    a = array(x)
    assert (a.shape, a.dtype, a.ndim, a.size) == (x.shape, x.dtype, x.ndim, x.size)
    assert (a.nbytes, a.itemsize) == (x.nbytes, x.itemsize)
    np.testing.assert_array_equal(np.asarray(a), x)
    assert a.tolist() == x.tolist()


def test_layouts_and_byte_orders(rng):
    x = random(rng, (4, 6), "float64")
    packed = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float64).reshape(4, 6)  # not aligned
    for view in (
        x.T,
        x[::2, ::-1],
        np.asfortranarray(x),
        x.astype(">f8"),
        np.broadcast_to(x[0], (4, 6)),
        packed,
    ):
        np.testing.assert_array_equal(np.asarray(array(view)), view)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, "float32"),
        (3, "int32"),
        (1 << 40, "int64"),
        (1 << 63, "uint64"),
        (True, "bool"),
        (1j, "complex64"),
        (np.float64(2), "float64"),
        (np.int8(2), "int8"),
        (np.True_, "bool"),
        ([1.0, 2], "float32"),
        ([1, 2], "int32"),
        ([1, 1 << 40], "int64"),
        ([True, False], "bool"),
        ([1, 1j], "complex64"),
        ([True, 2], "int32"),
        ([], "float32"),
        ([[], []], "float32"),
        (range(3), "int32"),
        ((1, (2, 3))[1], "int32"),
        ([np.float64(1), 2], "float64"),
        ([np.float32(1), 2.5], "float32"),
        ([np.int8(1), 2], "int8"),
        ([np.arange(2.0), [3, 4]], "float64"),
        ([np.float32([1, 2]), [3, 4]], "float32"),
        (stdlib_array.array("d", [1, 2]), "float64"),
        (memoryview(b"ab"), "uint8"),
        (bytearray(b"ab"), "uint8"),
    ],
)
def test_default_dtypes(value, dtype):
    a = array(value)
    assert a.dtype == dtype
    expected = np.array(value.tolist() if hasattr(value, "tolist") else value, dtype)
    np.testing.assert_array_equal(np.asarray(a), expected)


def test_a_wanted_dtype_is_reached_directly():
    assert np.asarray(array(0.1, "float64")) == 0.1  # not through float32
    assert np.asarray(array([0.1], fastvjp.float64))[0] == 0.1
    assert array(np.array([1.9]), int).tolist() == [1]
    assert array([1 + 2j], np.complex128).dtype == np.complex128
    assert array(array([1.5]), "int64").dtype == np.int64
    assert array(np.float32(3), "uint8").item() == 3
    assert array(np.array([1 + 2j]), "float32").tolist() == [1.0]
    with pytest.raises(OverflowError):
        array([300], "uint8")


def test_lists_of_arrays_are_stacked_and_differentiable():
    def fun(x, y):
        made = array([[x, 2], [y * 3, 1.5]])
        assert made.dtype == np.float32
        return fastvjp.sum(made * made)

    _, (dx, dy) = fastvjp.vjp(fun, [2.0, 1.0], [1.0])
    assert (dx.item(), dy.item()) == (4.0, 18.0)
    assert array([array(1), 2.5]).dtype == np.float64  # int32 array, weak float
    assert array([array([1.0]), np.array([2.0])]).dtype == np.float64
    assert array([array([1.0]), [2.0]], "float64").tolist() == [[1.0], [2.0]]


def test_int_enum_and_other_protocols(rng):
    class Number(enum.IntEnum):
        three = 3

    class Dlpack:
        def __init__(self, x):
            self.x = x

        def __dlpack__(self, **kwargs):
            return self.x.__dlpack__(**kwargs)

        def __dlpack_device__(self):
            return self.x.__dlpack_device__()

    class Arraylike:
        def __array__(self, dtype=None, copy=None):
            return np.array([1.0, 2.0])

    assert array(Number.three).dtype == np.int32
    assert array([Number.three, 1]).tolist() == [3, 1]
    x = rng.normal(size=3)
    a = array(Dlpack(x))
    before = x.copy()
    x[:] = 0
    np.testing.assert_array_equal(np.asarray(a), before)
    assert (array([3.0, 4.0]) + Arraylike()).tolist() == [4.0, 6.0]
    assert (Arraylike() * array([3.0, 4.0])).tolist() == [3.0, 8.0]


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ("text", TypeError, r"\[array\] Expected an array or a number, got str"),
        (b"bytes", TypeError, "got bytes"),
        (None, TypeError, "got NoneType"),
        ({1: 2}, TypeError, "got dict"),
        (object(), TypeError, "got object"),
        ([[1, 2], [3]], ValueError, r"\[array\] Expected a nested list of equal lengths"),
        ([1, [2]], ValueError, "ragged"),
        ([1, "a"], TypeError, "in a list, got str"),
        ([None], TypeError, "in a list, got NoneType"),
        ([array([1.0]), array([1.0, 2.0])], ValueError, r"\[stack\]"),
        (np.array(["a"]), TypeError, r"\[array\] Unsupported dtype <U1. Supported: bool, int8"),
        (np.array([object()]), TypeError, "Unsupported dtype object"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, "Unsupported dtype datetime64"),
        (np.float16([1]), TypeError, "float16.*Hint: cast it to float32"),
        (np.float16(1), TypeError, "float16"),
        (np.longdouble([1]), TypeError, "Unsupported dtype"),
        (np.zeros(1, [("x", "f4")]), TypeError, "Unsupported dtype"),
        (np.ma.masked_array([1.0, 2.0], [0, 1]), TypeError, "mask.*Hint: fill"),
        ([1 << 70], TypeError, "Unsupported dtype object"),
    ],
)
def test_what_is_no_array(value, error, words):
    with pytest.raises(error, match=words):
        array(value)


def test_dtype_that_is_none():
    for dtype in ("float16", object, "text", np.dtype("U3")):
        with pytest.raises(TypeError, match=r"\[array\] Unsupported dtype"):
            array([1.0], dtype)


# --- memory ------------------------------------------------------------------------------------------------


def test_later_writes_to_the_source_are_not_seen(rng):
    x = rng.normal(size=5)
    part = x[1:4]
    frozen = x.view()
    frozen.flags.writeable = False
    owner = rng.normal(size=5)
    window = owner[:]
    owner.flags.writeable = False  # and yet window can write there
    listed = [x, x + 1]
    arrays = [array(x), array(part), array(frozen), array(owner), array(listed), x + array(0.0)]
    before = [np.array(a) for a in arrays]
    x[:] = 0
    window[:] = 0
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(np.asarray(a), b)


def test_bytes_are_not_copied():
    x = np.frombuffer(np.arange(4.0).tobytes())
    assert np.shares_memory(np.asarray(array(x)), x)
    assert not np.shares_memory(np.asarray(array(x[::2])), x)


def test_asarray_shares_read_only():
    a = array([1.0, 2.0])
    first, second = np.asarray(a), np.asarray(a)
    assert np.shares_memory(first, second)
    for view in (first, np.asarray(fastvjp.zeros(3)), np.asarray(a * 2), np.asarray(a[::2])):
        assert not view.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1
    fresh = np.array(a)
    fresh[:] = 0
    assert a.tolist() == [1.0, 2.0]
    assert np.asarray(a, np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="copy=False"):
        np.asarray(a, np.float64, copy=False)


def test_dlpack():
    a = array([[1.0, 2.0], [3.0, 4.0]])
    x = np.from_dlpack(a)
    assert not x.flags.writeable
    np.testing.assert_array_equal(x, a.tolist())
    old_style = a.__dlpack__()  # a consumer that knows no read-only flag takes a copy
    assert "dltensor" in repr(old_style)
    with pytest.raises(BufferError, match="copy=False"):
        a.__dlpack__(copy=False)
    assert a.__dlpack_device__() == (1, 0)

    class Old:
        def __dlpack__(self, **_):
            return a.__dlpack__()

        def __dlpack_device__(self):
            return (1, 0)

    y = np.from_dlpack(Old())
    assert not np.shares_memory(y, np.asarray(a))


def test_torch_takes_dlpack():
    torch = pytest.importorskip("torch")
    a = array([1.0, 2.0])
    assert torch.from_dlpack(a).tolist() == [1.0, 2.0]


def test_buffer():
    a = array([[1.0, 2.0]])
    view = a.__buffer__(0)  # what memoryview(a) calls from Python 3.12 on
    assert (view.tolist(), view.readonly, view.shape) == ([[1.0, 2.0]], True, (1, 2))
    with pytest.raises(BufferError, match="read-only"):
        a.__buffer__(1)


def test_pickle_and_copy(rng):
    for a in (
        array(random(rng, (2, 3), "complex64")),
        fastvjp.zeros((2, 2)),
        array(3),
        array(np.zeros((0, 2))),
    ):
        for b in (pickle.loads(pickle.dumps(a)), copy.copy(a), copy.deepcopy(a), a.copy()):
            assert b is not a
            assert (b.dtype, b.shape) == (a.dtype, a.shape)
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    a = array([1.0, 2.0])
    b = copy.copy(a)
    b[0] = 5.0
    assert a.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_names_the_public_class(protocol):
    text = pickle.dumps(array([1.0, 2.0]), protocol)
    named = [value for op, value, _ in pickletools.genops(text) if "fastvjp" in str(value)]
    assert named in (["fastvjp array"], ["fastvjp"]) and b"arrays" not in text
    assert pickle.loads(text).tolist() == [1.0, 2.0]


# --- operators ---------------------------------------------------------------------------------------------

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
def test_in_place_rebinds_and_keeps_the_dtype(rng, name):
    x, y = rng.uniform(0.5, 2, (2, 3)).astype(np.float32), rng.uniform(0.5, 2, 3)
    a = array(x)
    b = a
    b = getattr(operator, name)(b, y)
    np.testing.assert_array_equal(np.asarray(a), x)
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
    assert (a.tolist(), b.tolist()) == ([1, 2], [8, 12])
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
    assert (value.item(), dx.tolist(), x.tolist()) == (12.0, [2.0, 5.0], [1.0, 2.0])


def test_hash_is_identity():
    a, b = array([1.0]), array([1.0])
    assert {a: 1, b: 2}[a] == 1
    assert len({a, b, a}) == 2


# --- elements ----------------------------------------------------------------------------------------------


def test_indexing_delegates(rng):
    x = rng.normal(size=(4, 3))
    a = array(x)
    for index in (
        0,
        (1, 2),
        slice(None, None, 2),
        (..., 0),
        None,
        [0, 2],
        x[:, 0] > 0,
        (np.array([1, 0]), [2, 1]),
    ):
        np.testing.assert_array_equal(np.asarray(a[index]), x[index])
    b = a
    a[1:3, 0] = 7.0
    x[1:3, 0] = 7.0
    np.testing.assert_array_equal(np.asarray(a), x)
    assert b is a
    updated = a.at[0].add(1.0)
    np.testing.assert_array_equal(np.asarray(updated[0]), x[0] + 1)
    np.testing.assert_array_equal(np.asarray(a), x)


def test_iteration_length_containment():
    a = array([[1.0, 2.0], [3.0, 4.0]])
    assert [row.tolist() for row in a] == a.tolist()
    assert len(a) == 2
    assert 3.0 in a
    assert 5 not in a
    _, second = a
    assert second.tolist() == [3.0, 4.0]
    for f in (len, iter):
        with pytest.raises(TypeError, match="without axes"):
            f(array(1.0))


def test_conversion_to_python():
    a = array([[2.5]])
    assert (float(a), int(a), complex(a), bool(a), a.item()) == (2.5, 2, 2.5 + 0j, True, 2.5)
    assert type(array(True).item()) is bool
    assert type(array(3).item()) is int
    assert array([[1, 2], [3, 4]]).item(1, 0) == 3
    assert [10, 20, 30][array(1)] == 20
    assert f"{array(0.5):.2f} {array([1.0])}" == "0.50 array([1], dtype=float32)"
    many = array([1.0, 2.0])
    for f in (float, int, complex, array.item):
        with pytest.raises(ValueError, match=r"one element, got the shape \(2,\)"):
            f(many)
    for x in (many, array(np.zeros(0))):
        with pytest.raises(ValueError, match=r"ambiguous. Hint: use any\(\) or all\(\)"):
            bool(x)
    for x in (array(1.0), array([1]), array(True)):
        with pytest.raises(TypeError, match=r"\[index\] Expected an integer array without axes"):
            operator.index(x)
    with pytest.raises(TypeError):
        float(array(1j))


# --- printing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.84147098), "array(0.841471, dtype=float32)"),
        ([1.0, 2.0], "array([1, 2], dtype=float32)"),
        (np.array([1e-7, np.nan, -np.inf, 1e6]), "array([1e-07, nan, -inf, 1e+06], dtype=float64)"),
        ([[1, 20], [3, 4]], "array([[1, 20],\n       [3, 4]], dtype=int32)"),
        ([True, False], "array([True, False], dtype=bool)"),
        ([1 + 2j, -0.5j], "array([1+2j, -0-0.5j], dtype=complex64)"),
        (np.zeros(0), "array([], dtype=float64)"),
        (np.zeros((0, 3), int), "array([], shape=(0, 3), dtype=int64)"),
        (np.arange(5000), "array([0, 1, 2, ..., 4997, 4998, 4999], dtype=int64)"),
    ],
)
def test_repr(value, text):
    assert repr(array(value)) == str(array(value)) == text


def test_repr_of_long_lines_and_stacks():
    lines = repr(array(np.arange(100.0))).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith("       ") for line in lines[1:])
    assert repr(array(np.zeros((2, 1, 1)))) == "array([[[0]],\n\n       [[0]]], dtype=float64)"


def test_repr_runs_nothing():
    def fun(x):
        y = x * 2
        assert repr(y) == "array(traced, shape=(3,), dtype=float32)"
        assert y._var.value is None
        assert y.tolist() == [2.0, 4.0, 6.0]  # reading runs
        assert repr(y) == "array([2, 4, 6], dtype=float32)"
        return y

    fastvjp.vjp(fun, [array([1.0, 2.0, 3.0])], [fastvjp.ones(3)])
    shown = []
    fastvjp.vmap(lambda x: shown.append(repr(x)) or x)(fastvjp.ones((2, 3)))
    assert shown == ["array(traced, shape=(3,), dtype=float32)"]


def test_leaked_traced_array_keeps_its_value():
    leaked = traced_as(lambda x: x * 3, array([1.0, 2.0]))
    assert leaked.tolist() == [3.0, 6.0]
    assert (leaked + 1).tolist() == [4.0, 7.0]


def test_value_that_is_not_known():
    kept = []
    fastvjp.vmap(lambda x: kept.append(x) or x)(fastvjp.ones((2, 3)))
    for read in (array.tolist, np.asarray, pickle.dumps, np.from_dlpack, lambda x: bool(x[0])):
        with pytest.raises(fastvjp.TracedValueError, match="vmap"):
            read(kept[0])


# --- methods -----------------------------------------------------------------------------------------------

SAME_AS_NUMPY = {
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "real": lambda x: x.real,
    "imag": lambda x: x.imag,
    "reshape": lambda x: x.reshape(3, -1),
    "reshape-tuple": lambda x: x.reshape((3, 4)),
    "reshape-one": lambda x: x.reshape(-1),
    "transpose": lambda x: x.transpose(),
    "transpose-axes": lambda x: x.transpose(1, 0),
    "transpose-tuple": lambda x: x.transpose((1, 0)),
    "flatten": lambda x: x.flatten(),
    "ravel": lambda x: x.ravel(),
    "squeeze": lambda x: x[:1].squeeze(0),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "diagonal": lambda x: x.diagonal(),
    "trace": lambda x: x.trace(),
    "take": lambda x: x.take([1, 0], axis=1),
    "repeat": lambda x: x.repeat(2, axis=0),
    "nonzero": lambda x: x.nonzero()[1],
    "argsort": lambda x: x.argsort(axis=0),
    "astype": lambda x: x.astype(np.float32),
    "conj": lambda x: x.conj(),
    "conjugate": lambda x: x.conjugate(),
    "round": lambda x: x.round(1),
    "clip": lambda x: x.clip(-0.5, 0.5),
    "copy": lambda x: x.copy(),
    "dot": lambda x: x.dot(x.T),
    "sum": lambda x: x.sum(axis=0, keepdims=True),
    "mean": lambda x: x.mean(1),
    "prod": lambda x: x.prod(axis=1),
    "max": lambda x: x.max(axis=0),
    "min": lambda x: x.min(),
    "var": lambda x: x.var(axis=0, ddof=1),
    "std": lambda x: x.std(),
    "all": lambda x: x.all(axis=0),
    "any": lambda x: (x > 1).any(axis=0),
    "argmax": lambda x: x.argmax(axis=0),
    "argmin": lambda x: x.argmin(),
    "cumsum": lambda x: x.cumsum(axis=1),
    "cumprod": lambda x: x.cumprod(0),
}


@pytest.mark.parametrize("name", SAME_AS_NUMPY)
def test_methods_as_numpy(rng, name):
    f = SAME_AS_NUMPY[name]
    x = rng.normal(size=(3, 4))
    got, expected = f(array(x)), f(x)
    assert isinstance(got, array)
    assert (got.shape, got.dtype) == (np.shape(expected), expected.dtype)
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-13)
    traced = traced_as(f, array(x))
    np.testing.assert_allclose(np.asarray(traced), expected, rtol=1e-13)


@pytest.mark.parametrize(
    "name",
    [
        "abs",
        "square",
        "sqrt",
        "rsqrt",
        "reciprocal",
        "exp",
        "log",
        "log1p",
        "log2",
        "log10",
        "sin",
        "cos",
        "logsumexp",
        "diag",
    ],
)
def test_methods_as_functions(rng, name):
    a = array(rng.uniform(0.5, 2, (3, 3)))
    np.testing.assert_array_equal(np.asarray(getattr(a, name)()), np.asarray(getattr(fastvjp, name)(a)))


def test_methods_with_operands(rng):
    a = array(rng.normal(size=(4, 3)))
    np.testing.assert_array_equal(np.asarray(a.moveaxis(0, 1)), np.asarray(a).T)
    assert [p.shape for p in a.split(2)] == [(2, 3), (2, 3)]
    np.testing.assert_array_equal(np.asarray(a.maximum(0)), np.maximum(np.asarray(a), 0))
    np.testing.assert_array_equal(np.asarray(a.minimum(0)), np.minimum(np.asarray(a), 0))
