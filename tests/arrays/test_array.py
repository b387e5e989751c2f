"""`fastvjp.array` as a container: elements, printing, methods."""

import operator
import pickle

import numpy as np
import pytest
from support.checks import keep

import fastvjp
from fastvjp import array


def traced_as(f, *args):
    """What f returns inside vjp, on traced arrays."""
    kept = []

    def fun(*xs):
        kept.append(f(*xs))
        return fastvjp.array(0.0)

    fastvjp.vjp(fun, args, [1.0])
    return kept[0]


# --- elements --------------------------------------------------------------------------------------------


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


# --- printing --------------------------------------------------------------------------------------------


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
    shown: list[str] = []
    fastvjp.vmap(lambda x: (keep(shown, repr(x)), x)[1])(fastvjp.ones((2, 3)))
    assert shown == ["array(traced, shape=(3,), dtype=float32)"]


def test_leaked_traced_array_keeps_its_value():
    leaked = traced_as(lambda x: x * 3, array([1.0, 2.0]))
    assert leaked.tolist() == [3.0, 6.0]
    assert (leaked + 1).tolist() == [4.0, 7.0]


def test_value_that_is_not_known():
    kept: list[array] = []
    fastvjp.vmap(lambda x: keep(kept, x))(fastvjp.ones((2, 3)))
    for read in (array.tolist, np.asarray, pickle.dumps, np.from_dlpack, lambda x: bool(x[0])):
        with pytest.raises(fastvjp.TracedValueError, match="vmap"):
            read(kept[0])


# --- methods ---------------------------------------------------------------------------------------------

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
