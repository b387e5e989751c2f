"""What becomes an array, with what dtype, and who may write to whose memory."""

import array as stdlib_array
import copy
import enum
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


# --- conversion in ---------------------------------------------------------------------------------------


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
        ([np.array([1, 2], np.float32), [3, 4]], "float32"),
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
    assert array([array([1 + 2j]), [3.0]], "float32").tolist() == [[1.0], [3.0]]
    assert array([array([1 + 2j]), [3.0]]).dtype == np.complex64  # weak float
    deep = [[array([1, 2]), range(2)], [np.array([3, 4]), (array(5), 6)]]
    assert array(deep).tolist() == [[[1, 2], [0, 1]], [[3, 4], [5, 6]]]
    with pytest.raises(OverflowError):
        array([array([1], "uint8"), [300]])


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
        ([array([1.0]), array([1.0, 2.0])], ValueError, r"\[array\] Expected equal shapes .*\(1,\) and \(2,\)"),
        ([array([1.0]), []], ValueError, r"\[array\] Expected equal shapes .*\(1,\) and \(0,\)"),
        ([array(300), [2]], ValueError, r"\[array\] Expected equal shapes .*\(\) and \(1,\)"),
        (np.array(["a"]), TypeError, r"\[array\] Unsupported dtype <U1. Supported: bool, int8"),
        (np.array([object()]), TypeError, "Unsupported dtype object"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, "Unsupported dtype datetime64"),
        (np.longdouble(1), TypeError, "Unsupported dtype"),
        (np.array([1], np.longdouble), TypeError, "Unsupported dtype"),
        (np.zeros(1, [("x", "f4")]), TypeError, "Unsupported dtype"),
        (np.ma.masked_array([1.0, 2.0], [False, True]), TypeError, "mask.*Hint: fill"),
        ([1 << 70], TypeError, "Unsupported dtype object"),
    ],
)
def test_what_is_no_array(value, error, words):
    with pytest.raises(error, match=words):
        array(value)


def test_dtype_that_is_none():
    for dtype in ("longdouble", object, "text", np.dtype("U3")):
        with pytest.raises(TypeError, match=r"\[array\] Unsupported dtype"):
            array([1.0], dtype)


# --- memory ----------------------------------------------------------------------------------------------


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
