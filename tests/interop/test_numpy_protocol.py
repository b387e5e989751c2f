"""NumPy's protocols: what they refuse in a recording, leave to NumPy outside, write into; dtypes, extremes."""

from typing import Any

import numpy as np
import pytest

import fastvjp

# --- what is refused, and by what name -------------------------------------------------------------------

X: Any = fastvjp.array([1.0, 2.0, 3.0])
"""An operand that NumPy's own types know nothing of."""


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda: np.gcd(X.astype(int), 2), r"\[np.gcd\] No such function.*stop_gradient\(x\)\) gives"),
        (lambda: np.polydiv(X, X), r"\[np.polydiv\] Not supported"),
        (lambda: np.copyto(np.zeros(3), X), r"\[np.copyto\]"),
        (lambda: np.gcd(X, 2), r"\[np.gcd\] No such function"),
        (lambda: np.subtract.reduceat(X, [0, 1]), r"\[np.subtract.reduceat\] No such method"),
        (lambda: np.divide.reduce(X), r"\[np.divide.reduce\] No such method"),
        (lambda: np.sort(X, order="f"), r"\[np.sort\] order='f'"),
        (lambda: np.reshape(X, (3, 1), copy=False), r"\[np.reshape\] copy=False"),
        (lambda: np.var(X, mean=X), r"\[np.var\] mean=array"),
        (lambda: np.quantile(X, 0.5, weights=X, method="inverted_cdf"), r"weights=array"),
        (lambda: np.add.reduce(X, out=None, nothing=1), r"nothing"),  # type: ignore[call-overload]
        (lambda: np.sin(X, where=X > 1), r"\[np.sin\] where= without out=.*np.where"),
        (lambda: np.sin(X, dtype=np.int32), r"\[np.sin\] It does not compute in dtype int32"),
        (lambda: np.sin(X, casting="unsafe"), r"\[np.sin\] casting='unsafe'"),
        (lambda: np.add(X, 1, out=np.zeros(3)), r"\[np.add\] .*cannot be written into a ndarray.*y = y \+ x"),
        (lambda: np.sum(X, out=np.zeros(())), r"\[np.sum\] .*cannot be written into a ndarray"),
        (lambda: np.concatenate([X, X], casting="unsafe"), r"\[np.concatenate\] casting='unsafe'"),
    ],
)
def test_refused_by_name_in_a_recording(f, words):
    with pytest.raises(TypeError, match=words):
        fastvjp.record(f)


def test_what_is_refused_anywhere():
    with pytest.raises(TypeError, match=r"\[add\] Unsupported dtype object"):
        np.add(X, np.array([None]))


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_has_a_product_of_its_own():
    with pytest.raises(TypeError, match=r"\[grad\] A matrix has a product of its own.*asarray"):
        fastvjp.grad(lambda m: np.sum(m * m))(np.matrix([[1.0, 2.0], [3.0, 4.0]]))


@pytest.mark.filterwarnings("ignore:you are shuffling")
def test_shuffle_loses_no_rows(rng):
    """NumPy's own swaps memory where the array is its own, and views elsewhere."""

    def shuffled(x, shuffle):
        shuffle(x)
        return np.sum(x[0] * x[1])

    x = rng.normal(size=(6, 2))
    for shuffle in (np.random.default_rng(1).shuffle, np.random.shuffle):
        with pytest.raises(TypeError, match=r"test_numpy_protocol.py:\d+: shuffle\(x\) exchanges rows"):
            fastvjp.grad(lambda x, shuffle=shuffle: shuffled(x, shuffle))(x)

    def exchanged(x):
        x[0], x[1] = x[1], x[0]  # which are views
        return np.sum(x[0] * x[1])

    np.testing.assert_allclose(fastvjp.value_and_grad(exchanged)(x)[0], exchanged(x.copy()))


def test_dtypes_of_steps():
    for dtype in (np.float32, np.float64):
        assert np.heaviside(fastvjp.array([1.0, 0.0], dtype), 0.5).dtype == dtype


def test_in_place_on_a_numpy_array_is_refused_in_a_recording():
    y = np.zeros(3)

    def fun():
        nonlocal y
        y += X

    with pytest.raises(TypeError, match=r"\[np.add\].*ndarray"):
        fastvjp.record(fun)
    np.testing.assert_array_equal(y, 0)


# --- what is left to NumPy outside recordings ------------------------------------------------------------

LEFT: dict[str, Any] = {
    "interp": lambda x: np.interp(x, [0, 2, 4], [1, 2, 5]),
    "fft": np.fft.fft,
    "gcd": lambda x: np.gcd(x.astype(np.int64), 2),
    "reduceat": lambda x: np.add.reduceat(x, [0, 1]),
    "divide.reduce": np.divide.reduce,
    "ravel, order": lambda x: np.ravel(np.outer(x, x + 1), order="F"),
    "quantile, method": lambda x: np.quantile(x, 0.4, method="nearest"),
    "sin, casting": lambda x: np.sin(x, casting="unsafe"),
    "add, dtype": lambda x: np.add(x, 1, dtype=np.complex64),
    "histogram": lambda x: np.histogram(x, bins=2),
    "polydiv": lambda x: np.polydiv(x, [1.0, 2.0]),
    "cov": lambda x: np.cov(x, x + 1),
    "array_equal": lambda x: np.array_equal(x, [1, 2, 3]),
    "frompyfunc": lambda x: np.frompyfunc(lambda a: a + 1, 1, 1)(x).astype(float),
}


@pytest.mark.parametrize("f", LEFT.values(), ids=LEFT)
def test_left_to_numpy(f):
    values = np.array([1.0, 2.0, 3.0])
    got, expected = f(fastvjp.array(values)), f(values)
    pairs = zip(got, expected, strict=True) if isinstance(expected, tuple) else [(got, expected)]
    for g, e in pairs:
        assert isinstance(g, type(e) | fastvjp.array)  # what has one of ours in the end is ours
        np.testing.assert_allclose(np.asarray(g), e, rtol=1e-6)


def test_numpy_arrays_are_written_into():
    w: Any = np.array([1.0, 2.0, 3.0])
    same = w
    w -= 0.5 * X
    assert w is same and w.tolist() == [0.5, 1, 1.5]
    assert np.add(X, 1, out=w) is w and w.tolist() == [2, 3, 4]
    np.sqrt(X * X, out=w, where=[True, False, True])
    assert w.tolist() == [1, 3, 3]
    total = np.zeros(())
    assert np.sum(X, out=total) is total and total == 6
    np.copyto(w, X)
    assert w.tolist() == [1, 2, 3]
    quotient, rest = np.zeros(3), fastvjp.zeros(3)
    divmod_: Any = np.divmod
    divmod_(X, 2.0, out=(quotient, rest))
    assert (quotient.tolist(), rest.tolist()) == ([0, 1, 1], [1, 0, 1])
    w[:2] = X[1:]
    assert w.tolist() == [2, 3, 3]
    integers: Any = np.zeros(3, int)
    with pytest.raises(TypeError, match="same_kind"):
        integers += X
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        frozen += X
    ours: Any = fastvjp.zeros(3, np.int32)
    assert np.gcd(fastvjp.array([4, 6, 9]), 6, out=ours) is ours
    assert ours.tolist() == [2, 6, 3]


def test_ufunc_at_rebinds_the_name():
    a, alias = fastvjp.array([1.0, 2.0]), fastvjp.array([1.0, 2.0])
    kept = a.copy()
    np.add.at(a, [0, 0], X[1:])
    assert (a.tolist(), kept.tolist(), alias.tolist()) == ([6, 2], [1, 2], [1, 2])
    y = np.zeros(2)
    np.add.at(y, [1, 1], X[:2])
    assert y.tolist() == [0, 3]


def test_foreign_types_are_left_to_themselves():
    class Foreign:
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return "foreign ufunc"

        def __array_function__(self, func, types, args, kwargs):
            return "foreign function"

    foreign: Any = Foreign()
    assert np.concatenate([X, foreign]) == "foreign function"
    assert np.add(X, foreign) == "foreign ufunc"

    class Unknown:
        pass

    unknown: Any = Unknown()
    with pytest.raises(TypeError):
        np.add(X, unknown)


# --- out and where ---------------------------------------------------------------------------------------


def test_out_rebinds_an_array(rng):
    x = rng.normal(size=(2, 3))
    a: Any = fastvjp.array(x)
    out: Any = fastvjp.zeros((2, 3))
    same = np.add(x, a, out=out)
    assert same is out
    assert out.dtype == np.float32
    np.testing.assert_allclose(np.asarray(out), 2 * x, rtol=1e-6)
    total: Any = fastvjp.array([0.0, 0.0, 0.0], "float64")
    np.sum(a, axis=0, out=total)
    np.testing.assert_allclose(np.asarray(total), x.sum(0))
    np.maximum.reduce(a, out=total)
    np.testing.assert_allclose(np.asarray(total), x.max(0))
    np.add(X, 1, out=out)  # broadcasts into out, as in NumPy
    assert out.tolist() == [[2, 3, 4]] * 2
    with pytest.raises(ValueError, match="broadcast"):
        np.add(a, 1, out=total)
    integers: Any = fastvjp.zeros((2, 3), np.int32)
    with pytest.raises(TypeError, match=r"\[np.add\] A result of dtype float64 does not fit an array of int32"):
        np.add(a, 1, out=integers)
    quotient: Any = fastvjp.zeros(3)
    rest: Any = fastvjp.zeros(3)
    np.divmod(X, 2.0, out=(quotient, rest))
    assert (quotient.tolist(), rest.tolist()) == ([0, 1, 1], [1, 0, 1])


def test_out_and_where_are_differentiable():
    def fun(x):
        out = x * 10
        np.multiply(x, x, out=out, where=[True, False, True])
        return out

    (value,), (dx,) = fastvjp.vjp(fun, [X], [fastvjp.ones(3)])
    assert (value.tolist(), dx.tolist()) == ([1, 20, 9], [2, 10, 6])


# --- values only -----------------------------------------------------------------------------------------


def test_files_take_the_values(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", X, y=X * 2)
    np.savez_compressed(tmp_path / "c.npz", y=X)
    np.savetxt(tmp_path / "x.txt", X)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), [1, 2, 3])
    np.testing.assert_array_equal(np.load(tmp_path / "x.npz")["y"], [2, 4, 6])
    np.testing.assert_array_equal(np.load(tmp_path / "c.npz")["y"], [1, 2, 3])
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "x.txt"), [1, 2, 3])


def test_memory_questions():
    assert np.shares_memory(X, np.asarray(X))
    assert not np.may_share_memory(X, np.ones(3))


def test_values_that_are_not_known():
    with pytest.raises(fastvjp.TracedValueError):
        fastvjp.vmap(lambda x: np.lexsort((x,)))(fastvjp.ones((2, 3)))


# --- around it -------------------------------------------------------------------------------------------


def test_dtypes_follow_numpy(rng):
    for dtype in (np.bool_, np.int8, np.int32, np.uint16, np.int64, np.float32, np.complex64):
        x = rng.integers(0, 2, (2, 3)).astype(dtype)
        for f in (np.sum, np.prod, np.cumsum, np.mean, np.std, np.median, np.max, np.add.reduce):
            if dtype == np.complex64 and f is np.median:
                continue
            got, expected = f(fastvjp.array(x)), f(x)
            if expected.dtype != np.float16:
                assert got.dtype == expected.dtype, (f, dtype)
            np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-6)
    assert np.result_type(X, np.float64) == np.float64
    assert np.can_cast(np.float32, X.dtype)
    assert (np.linspace(X[0], 2.0, 3).dtype, np.linspace(0, X[1], 3, dtype=np.float64).dtype) == ("f4", "f8")


def test_scipy_ufuncs(rng):
    special = pytest.importorskip("scipy.special")
    x = rng.uniform(-0.9, 0.9, 5)
    for f in (special.expit, special.erf, special.erfinv):
        (value,), (slope,) = fastvjp.vjp(f, [x], [np.ones(5)])
        np.testing.assert_allclose(np.asarray(value), f(x), rtol=1e-13)
        np.testing.assert_allclose(np.asarray(slope), (f(x + 1e-6) - f(x - 1e-6)) / 2e-6, rtol=1e-6)
    with pytest.raises(TypeError, match=r"\[scipy.special.spence\] No such function"):
        fastvjp.grad(lambda x: special.spence(x).sum())(x)
    np.testing.assert_array_equal(special.spence(fastvjp.array(x)), special.spence(x))


def test_a_ufunc_that_only_shares_a_name_is_refused():
    pretender = np.frompyfunc(lambda x: -1.0, 1, 1)
    with pytest.raises(TypeError, match="No such function"):
        fastvjp.record(lambda: pretender(X))


@pytest.mark.filterwarnings("ignore:.*(divide|invalid|overflow).*:RuntimeWarning")
def test_special_values_as_numpy():
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e200, 3.0])
    y = x[::-1].copy()
    f: Any
    for f in (np.hypot, np.fmax, np.fmin, np.maximum, np.logaddexp2):
        np.testing.assert_allclose(np.asarray(f(fastvjp.array(x), y)), f(x, y), rtol=1e-14)
    for f in (np.cbrt, np.exp2, np.fabs, np.sinc, np.rint, np.nan_to_num):
        np.testing.assert_allclose(np.asarray(f(fastvjp.array(x))), f(x), rtol=1e-14)
    for f in (np.median, np.quantile):
        q = (0.4,) if f is np.quantile else ()
        np.testing.assert_array_equal(np.asarray(f(fastvjp.array(x), *q)), f(x, *q))


def test_zero_size(rng):
    x = np.zeros((0, 3))
    for f in (
        np.sum,
        np.prod,
        lambda a: np.max(a, initial=1.0),
        lambda a: np.sum(a, axis=0),
        np.ravel,
        np.sort,
    ):
        np.testing.assert_array_equal(np.asarray(f(fastvjp.array(x))), f(x))


# --- Python's floats beside arrays -----------------------------------------------------------------------

WEAK: dict[str, Any] = {
    "dot": lambda x: np.dot(x, [0.1, 0.9]),
    "matmul": lambda x: x @ [0.1, 0.9],
    "reflected": lambda x: [0.1, 0.9] * x,
    "maximum": lambda x: np.maximum(x, [0.1, 0.9]),
    "pad": lambda x: np.pad(x, 1, constant_values=0.1),
    "append": lambda x: np.append(x, [0.1]),
    "append one": lambda x: np.append(x, 0.1),
    "stack": lambda x: np.stack([x, [0.1, 0.9]]),
    "concatenate": lambda x: np.concatenate([[0.1], x]),
    "hypot": lambda x: np.hypot(x, 0.1),
    "hypot of a list": lambda x: np.hypot(x, [0.1, 0.9]),
    "float_power": lambda x: np.float_power(x, 0.1),
    "diff": lambda x: np.diff(x, prepend=0.1, append=[0.9]),
    "where": lambda x: np.where([True, False], x, [0.1, 0.9]),
    "einsum": lambda x: np.einsum("i,i", x, [0.1, 0.9]),
    "nested": lambda x: x * ((0.1, 0.9), (0.3, 0.7)),
    "equal": lambda x: (x - x + np.array(0.1)) == [0.1, 0.2],
}


@pytest.mark.parametrize("f", WEAK.values(), ids=WEAK)
def test_python_floats_take_the_dtype_of_the_arrays_they_meet(f):
    values = np.array([1.0, 2.0])
    got, expected = f(fastvjp.array(values)), f(values)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-15)
    if f is not WEAK["float_power"] and expected.dtype == np.float64:
        assert f(fastvjp.array(values, np.float32)).dtype == (np.float64 if f is WEAK["equal"] else np.float32)


def test_a_numpy_bool_is_an_operand():
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(np.asarray(fastvjp.array(x) * np.True_), x)
    np.testing.assert_array_equal(fastvjp.grad(lambda t: np.sum(t * (np.mean(x) > 0)))(x), [1, 1])
    assert fastvjp.full(2, np.True_).tolist() == [True, True]
