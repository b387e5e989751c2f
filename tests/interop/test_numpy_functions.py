"""Unmodified NumPy functions on our arrays: values as NumPy's, gradients against NumPy's differences."""

import numpy as np
import pytest
from support.numpy_calls import FUNCTIONS, METHODS, UFUNCS, A

import fastvjp
from fastvjp.arrays.public import NUMPY

ALL = [
    pytest.param(*c, id=f"{name}-{i}")
    for table in (UFUNCS, FUNCTIONS, METHODS)
    for name, calls in table.items()
    for i, c in enumerate(calls)
]


def leaves(result):
    return list(result) if isinstance(result, tuple | list) else [result]


def draw(rng, shapes, low, high):
    """Random arguments; all elements are apart from one another, from 0 and from round numbers."""
    total = sum(int(np.prod(s)) for s in shapes)
    spaced = np.linspace(low, high, 7 * total + 2)[1:-1].reshape(total, 7)[:, 2]
    values = rng.permutation(spaced + rng.uniform(0, (high - low) / (40 * total), total))
    return [
        part.reshape(shape)
        for part, shape in zip(
            np.split(values, np.cumsum([int(np.prod(s)) for s in shapes])[:-1]), shapes, strict=True
        )
    ]


@pytest.mark.filterwarnings("ignore:.*(divide|invalid|encountered).*:RuntimeWarning")
@pytest.mark.parametrize(("f", "shapes", "low", "high"), ALL)
def test_numpy_function(f, shapes, low, high, rng):
    check(f, shapes, low, high, rng)


def check(f, shapes, low, high, rng):
    """Values, shapes and dtypes as NumPy's; <cotangents, J d> by NumPy's differences == <vjps, d>."""
    primals = draw(rng, shapes, low, high)
    expected = leaves(f(*primals))
    concrete = leaves(f(*map(fastvjp.array, primals)))
    cotangents = [rng.normal(size=np.shape(e)).astype(np.asarray(e).dtype) for e in expected]
    outputs, vjps = fastvjp.vjp(lambda *xs: leaves(f(*xs)), primals, cotangents)
    for got, kinds in ((concrete, fastvjp.array), (outputs, np.ndarray | np.generic)):
        assert len(got) == len(expected)
        for g, e in zip(got, expected, strict=True):
            assert isinstance(g, kinds)
            assert (g.shape, g.dtype) == (np.shape(e), np.asarray(e).dtype)
            np.testing.assert_allclose(np.asarray(g), e, rtol=1e-13, atol=1e-13)

    directions = [rng.normal(size=p.shape) for p in primals]
    step = 1e-7

    def moved(sign):
        return leaves(f(*[p + sign * step * d for p, d in zip(primals, directions, strict=True)]))

    forward = 0.0
    for ct, plus, minus in zip(cotangents, moved(1), moved(-1), strict=True):
        if np.asarray(plus).dtype.kind in "fc":
            slope = (plus - minus) / (2 * step)
            forward += float(np.sum(np.where(np.isnan(slope), 0, np.conj(ct) * slope)).real)
    backward = sum(float(np.sum(np.asarray(v) * d)) for v, d in zip(vjps, directions, strict=True))
    np.testing.assert_allclose(backward, forward, rtol=2e-5, atol=2e-6)


def test_what_is_implemented_has_a_call():
    by_effect = {"save", "savez", "savez_compressed", "savetxt", "may_share_memory", "shares_memory"}
    by_effect |= {
        "fill_diagonal",
        "copyto",
        "put",
        "putmask",
        "place",
        "put_along_axis",
    }  # test_namespace.py, test_stores.py
    by_effect |= set(np.fft.__all__)  # test_fft.py has them
    by_effect |= {"convolve", "correlate"}  # test_convolution.py has them
    by_effect |= {"cov", "corrcoef", "histogram"}  # test_statistics.py has them
    by_effect |= {"convolve", "correlate"}  # test_convolution.py has them
    by_name = {function for function in NUMPY if isinstance(function, str)}  # test_scipy_namespace.py has them
    called = by_effect | FUNCTIONS.keys() | UFUNCS.keys() | METHODS.keys()
    missing = {name_of(function) for function in NUMPY.keys() - by_name} - called
    assert not missing, f"tests/support/numpy_calls.py has no call of {', '.join(sorted(missing))}"


def name_of(function):
    """`sum`, or `add.reduce` for a method of a ufunc."""
    of = getattr(function, "__self__", None)
    return f"{of.__name__}.{function.__name__}" if isinstance(of, np.ufunc) else function.__name__


def test_the_gradient_check_finds_a_wrong_gradient(rng):
    def wrong(a):  # its value is right
        return fastvjp.stop_gradient(a) * a if isinstance(a, fastvjp.array) else a * a

    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check(wrong, (A,), 0.5, 2.0, rng)


@pytest.mark.parametrize("number", [0.0, -0.0, 2.0, -2.0, np.inf, -np.inf, np.nan, -np.nan])
@pytest.mark.parametrize("make", [fastvjp.vmap, fastvjp.compile])
def test_signs_where_values_are_not_known(number, make):
    y = np.array([number, 1.0], np.float32)
    np.testing.assert_array_equal(np.signbit(make(lambda y: np.copysign(3.0, y))(y)), np.signbit(y))
    np.testing.assert_array_equal(make(np.signbit)(y), np.signbit(y))


# --- polynomials' roots, partitions and padding at their edges -----------------------------------------------


@pytest.mark.parametrize(
    "p",
    [[0.0, 0.0], [], [3.0], [0.0, 5.0], [0.0, 2.0, 0.0], [1.0, -3.0, 2.0, 0.0, 0.0], [1.0, 0.0, 1.0], [2, 4, -6]],
)
def test_roots_are_numpys(p):
    """Zeros at the ends, and real ones as real numbers."""
    given, expected = np.array(p), np.roots(p)
    (found,), _ = fastvjp.vjp(np.roots, [given])[0], None
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_slopes_and_curvatures_of_roots():
    """Of x**2 + b x + c, by the formula of its solutions; and of a root of 0 by a coefficient of 0."""

    def larger(b, c):
        return (-b + np.sqrt(b * b - 4 * c)) / 2

    at = [np.float64(-5.0), np.float64(3.0)]
    ours = lambda b, c: np.max(np.roots(np.stack([1.0 + 0 * b, b, c])))  # noqa: E731
    for make in (lambda f: fastvjp.grad(f, (0, 1)), lambda f: fastvjp.grad(fastvjp.grad(f, 1), (0, 1))):
        np.testing.assert_allclose(make(ours)(*at), make(larger)(*at), rtol=1e-12)
    slope = fastvjp.grad(lambda p: np.roots(p)[-1])(np.array([1.0, 4.0, 0.0]))
    np.testing.assert_allclose(slope, [0, 0, -0.25], atol=1e-15)


@pytest.mark.parametrize(
    "z", [[], [2.0], np.array([1j, -1j, 3.0]), np.array([1j, 2.0]), np.array([[2, 1], [0, 3]])]
)
def test_polynomials_of_roots_are_numpys(z):
    given, expected = np.asarray(z), np.poly(z)
    found = fastvjp.vjp(np.poly, [given])[0]
    found = found[0] if isinstance(found, list) else found
    assert np.asarray(found).dtype.kind == np.asarray(expected).dtype.kind
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_partitions_are_permutations(rng):
    """What is before and behind the place is what NumPy has there, in any order; the Jacobian is a permutation."""
    x = rng.normal(size=7)
    found = fastvjp.vjp(lambda x: np.partition(x, (2, -2)), [x], [x])[0][0]
    for part in (slice(0, 2), slice(3, 5), slice(6, 7)):
        np.testing.assert_array_equal(np.sort(found[part]), np.sort(np.partition(x, (2, -2))[part]))
    jacobian = fastvjp.jacrev(lambda x: np.partition(x, 3))(x)
    np.testing.assert_array_equal(jacobian @ x, fastvjp.vjp(lambda x: np.partition(x, 3), [x], [x])[0][0])
    assert set(jacobian.ravel()) == {0.0, 1.0} and (jacobian.sum(0) == 1).all() and (jacobian.sum(1) == 1).all()
    with pytest.raises(ValueError, match=r"\[partition\] kth 7 is out of range"):
        fastvjp.vjp(lambda x: np.partition(x, [2, 7]), [x], [x])


def test_padding_that_has_nothing_to_go_by():
    with pytest.raises(ValueError, match="Axis 0 is empty; mode 'mean'"):
        fastvjp.vjp(lambda x: np.pad(x, 1, "mean"), [np.zeros((0, 2))], [np.zeros((2, 4))])
    with pytest.raises(ValueError, match="stat_length 0 yields no value"):
        fastvjp.vjp(lambda x: np.pad(x, 1, "maximum", stat_length=0), [np.ones(3)], [np.ones(5)])
    with pytest.raises(ValueError, match="Unknown mode 'empty'"):
        fastvjp.vjp(lambda x: np.pad(x, 1, "empty"), [np.ones(3)], [np.ones(5)])
