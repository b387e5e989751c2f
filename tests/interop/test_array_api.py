"""The namespace of the array API standard, against array_api_strict: names, signatures, results, gradients."""

from __future__ import annotations

import inspect
import pickle
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import fastvjp as fv

xp = fv.array_api
strict = pytest.importorskip("array_api_strict")
strict.set_array_api_strict_flags(api_version="2024.12")

CALLS = """
asarray(x); asarray(x, dtype=float32); asarray(x, copy=True); asarray([0.1, 2]); asarray(3); asarray([[1, 2]])
asarray(1j); asarray([True]); arange(5); arange(1, 3, 0.5); arange(3, dtype=float32); eye(2); eye(2, 3, k=1)
linspace(0, 1, 5); linspace(1, 2, num=4, endpoint=False, dtype=float32); eye(2, dtype=int8); zeros(3)
zeros((2, 3), dtype=int32); ones(2); ones((1, 2), dtype=bool); full(2, 0.1); full((2, 1), 3); full(2, True)
full(2, 1, dtype=float32); empty((2, 3)) * 0; empty_like(i, dtype=int16) * 0; zeros_like(x); ones_like(i)
full_like(x, 2); full_like(i, 7, dtype=float64); from_dlpack(i); meshgrid(v, w); meshgrid(v, w, indexing="ij")
tril(m); tril(m, k=-1); triu(m); triu(m, k=1); astype(x, float32); astype(i, float64, copy=False)
astype(b, int8); broadcast_arrays(x, k); broadcast_to(k, (2, 4))
can_cast(int8, int16); can_cast(x, float32); isdtype(x.dtype, "real floating"); isdtype(int8, ("bool", int16))
result_type(int8, i); result_type(x, 1.0); finfo(float32); finfo(x); finfo(complex128); iinfo(int16); iinfo(i)
abs(x - y); acos(x); acosh(x + 1); add(x, y); add(x, 0.1); asin(x); asinh(x); atan(x); atan2(x, y); atanh(x)
bitwise_and(i, j); bitwise_or(i, j); bitwise_xor(i, j); bitwise_invert(i); bitwise_left_shift(i, j)
bitwise_right_shift(i, j); ceil(x); clip(x, 0.4, 0.7); clip(x, min=0.5); clip(x, max=y); conj(z)
copysign(x, y - 0.5); cos(x); cosh(x); divide(x, y); equal(i, j); exp(x); expm1(x); floor(x)
floor_divide(x, y); greater(x, y); greater_equal(x, 0.5); hypot(x, y); imag(z); isfinite(x); isinf(x); isnan(x)
less(x, y); less_equal(x, y); log(x); log1p(x); log2(x); log10(x); logaddexp(x, y); logical_and(b, ~b)
logical_or(b, b); logical_not(b); logical_xor(b, b); maximum(x, y); maximum(x, 0.5); minimum(x, y)
multiply(x, y); negative(x); nextafter(x, y); not_equal(x, y); positive(x); pow(x, y); pow(x, 2.0); pow(2.0, x)
real(z); reciprocal(x); remainder(x, y); round(x); sign(x - y); signbit(x - y); sin(x); sinh(x); square(x)
sqrt(x); subtract(x, y); tan(x); tanh(x); trunc(x); matmul(x, u); matrix_transpose(x); tensordot(x, y)
tensordot(x, u, axes=1); tensordot(x, y, axes=((0,), (0,))); vecdot(x, y); vecdot(x, y, axis=-2); concat([x, y])
concat([x, y], axis=1); concat([x, y], axis=None); expand_dims(x, axis=1); flip(x); flip(x, axis=0)
moveaxis(x, 0, 1); permute_dims(x, (1, 0)); repeat(x, 2); repeat(x, 2, axis=1); reshape(x, (4, 3))
reshape(x, (-1,), copy=True); roll(x, 1); roll(x, (1, 2), axis=(0, 1)); squeeze(x[None, ...], axis=0)
stack([x, y]); stack([x, y], axis=-1); tile(x, (2, 1)); unstack(x); unstack(x, axis=1); argmax(x)
argmax(x, axis=0, keepdims=True); argmin(x, axis=1); nonzero(b); count_nonzero(b)
count_nonzero(x, axis=1, keepdims=True); searchsorted(v, w); searchsorted(v, w, side="right"); where(b, x, y)
where(b, x, 0.5); unique_all(i); unique_counts(i); unique_inverse(i); unique_values(x); argsort(x)
argsort(i, axis=0, descending=True); sort(x); sort(x, axis=0, descending=True); take(x, n, axis=1)
take_along_axis(x, argsort(y)); take_along_axis(x, argsort(y, axis=0), axis=0); cumulative_sum(x, axis=1)
cumulative_sum(v, include_initial=True); cumulative_prod(x, axis=0); cumulative_prod(v, include_initial=True)
max(x); max(x, axis=0); min(x, axis=(0, 1), keepdims=True); mean(x); mean(x, axis=1, keepdims=True)
prod(x, axis=0); prod(x, dtype=float32); std(x); std(x, axis=0, correction=1, keepdims=True); sum(x, axis=1)
sum(x, dtype=float32, keepdims=True); sum(i); var(x, correction=1.0); all(b, axis=0); any(b); diff(x)
all(b, keepdims=True); diff(x, axis=0, n=2); diff(v, prepend=w, append=w); __array_namespace_info__() and None
linalg.cholesky(m); linalg.cross(v, w); linalg.cross(t, t + 1, axis=-2); linalg.det(m); linalg.diagonal(m)
linalg.diagonal(m, offset=1); linalg.eigvalsh(m); linalg.eigh(m)[0]; linalg.inv(m); linalg.matmul(m, t)
linalg.matrix_norm(x); linalg.matrix_norm(m, ord=2, keepdims=True); linalg.matrix_norm(x, ord=1)
linalg.matrix_power(m, 3); linalg.matrix_rank(m); linalg.matrix_transpose(m); linalg.outer(v, w)
linalg.pinv(x); linalg.qr(m)[1] ** 2; linalg.slogdet(m); linalg.solve(m, x); linalg.svdvals(x)
linalg.svd(x, full_matrices=False)[1]; linalg.tensordot(x, u, axes=1); linalg.trace(m); linalg.vecdot(x, y)
linalg.trace(m, offset=1); linalg.vecdot(x, y, axis=-2); linalg.vector_norm(x); linalg.vector_norm(x, ord=1)
linalg.vector_norm(x, axis=0, ord=3, keepdims=True); linalg.vector_norm(x, axis=(0, 1), ord=inf)
linalg.vector_norm(v, ord=0); fft.fft(z); fft.ifft(z, n=6, norm="ortho"); fft.fftn(z); fft.ifftn(z)
fft.rfft(x, axis=0); fft.irfft(z); fft.rfftn(x); fft.irfftn(z); fft.hfft(z); fft.ihfft(x); fft.fftshift(x)
fft.fftfreq(5, d=0.5); fft.fftfreq(4, dtype=float32); fft.rfftfreq(5); fft.ifftshift(x, axes=0)
"""
ALL = [call.strip() for call in re.split(r"[;\n]", CALLS) if call.strip()]

LOST = ("unique_",)
"""How calls begin through which no gradient goes."""


ARRAY = type(strict.asarray(0))


def function(call: str) -> str:
    return call.partition("(")[0]


def values(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The arguments of the calls: elements are apart from one another and from where functions jump."""
    x, y = rng.permutation(np.linspace(0.15, 0.95, 24) + rng.uniform(0, 0.01, 24)).reshape(2, 3, 4)
    a = rng.normal(size=(3, 3))
    return {
        "x": x,
        "y": y,
        "v": np.sort(x[:, 0]),
        "w": y[:, 0],
        "u": rng.normal(size=(4, 2)),
        "t": rng.normal(size=(3, 3)),
        "m": a @ a.T + np.eye(3),
        "z": x + 1j * y,
        "i": rng.integers(0, 5, (3, 4)),
        "j": rng.integers(0, 5, (3, 4)),
        "n": np.array([3, 0]),
        "k": np.array([0.5, 1.5, 2.5, 3.5]),
        "b": x > y,
    }


def results(call: str, module: Any, arrays: dict[str, Any]) -> list[Any]:
    """What a call gives: one or several arrays, or something else."""
    names = {name: getattr(module, name) for name in strict.__all__ if hasattr(module, name)}
    result = eval(call, names | arrays)
    return list(result) if isinstance(result, tuple | list) and not hasattr(result, "bits") else [result]


def by_strict(call: str, arrays: dict[str, np.ndarray]) -> list[Any]:
    """The results of array_api_strict, with NumPy's arrays and dtypes in the place of its own."""
    found = results(call, strict, {name: strict.asarray(a) for name, a in arrays.items()})
    return [np.from_dlpack(r) if isinstance(r, ARRAY) else getattr(r, "_np_dtype", r) for r in found]


def same(got: Any, expected: Any) -> bool:
    """Whether a result is the expected one: of values that are close to it, if it is an array."""
    if isinstance(expected, np.ndarray):
        assert isinstance(got, fv.array)
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        close = 1e-6 if expected.dtype.itemsize == 4 else 1e-12
        return np.allclose(got, expected, rtol=close, atol=1e-13)
    if hasattr(expected, "bits"):
        names = ("bits", "eps", "max", "min", "smallest_normal")
        return all(getattr(got, n, None) == getattr(expected, n, None) for n in names)
    return type(got) is type(expected) and got == expected


def test_every_function_is_called_here():
    spaces = [("", strict), ("linalg.", strict.linalg), ("fft.", strict.fft)]
    new = {"broadcast_shapes", "isin"}  # of 2025.12
    names = {start + n for start, m in spaces for n in m.__all__ if inspect.isfunction(getattr(m, n))}
    assert {function(call) for call in ALL} == {n for n in names - new if "strict" not in n}


@pytest.mark.parametrize("call", ALL)
def test_call(call, rng):
    given = values(rng)
    got = results(call, xp, {name: fv.array(a) for name, a in given.items()})
    assert all(same(g, e) for g, e in zip(got, by_strict(call, given), strict=True))


def inexact(found: list[Any]) -> list[Any]:
    return [r for r in found if isinstance(r, np.ndarray | fv.array) and r.dtype.kind in "fc"]


@pytest.mark.parametrize("call", ALL)
def test_gradient(call, rng):
    """Through every function: right, or the error that says that it is lost."""
    given = values(rng)
    floats = {name: a for name, a in given.items() if a.dtype.kind in "fc" and name in re.findall(r"\w+", call)}
    rest = {name: fv.array(a) for name, a in given.items() if name not in floats}

    def outputs(*arrays: Any) -> list[Any]:
        return inexact(results(call, xp, dict(zip(floats, arrays, strict=True)) | rest))

    expected = inexact(by_strict(call, given))
    if not floats or not expected:
        return
    if call.startswith(LOST):
        with pytest.raises(fv.LostGradientError, match="The gradient is lost"):
            fv.vjp(outputs, list(floats.values()), expected)
        return
    cotangents = [rng.normal(size=e.shape).astype(e.dtype) for e in expected]
    found, backward = fv.vjp(outputs, list(floats.values()), cotangents)
    assert all(isinstance(r, np.ndarray | np.generic) for r in found)
    directions = {name: rng.normal(size=a.shape) for name, a in floats.items()}
    if "m" in directions:
        directions["m"] = directions["m"] + directions["m"].T  # it stays symmetric

    def moved(step: float) -> list[Any]:
        return inexact(by_strict(call, given | {n: a + step * directions[n] for n, a in floats.items()}))

    step = 1e-2 if expected[0].dtype.itemsize == 4 else 1e-6
    slopes = [(p - m) / (2 * step) for p, m in zip(moved(step), moved(-step), strict=True)]
    forward = sum(np.sum(np.conj(c) * s).real for c, s in zip(cotangents, slopes, strict=True))
    along = sum(np.sum(np.conj(g) * directions[n]).real for n, g in zip(floats, backward, strict=True))
    exact = 1e-2 if step == 1e-2 else 1e-6
    np.testing.assert_allclose(along, forward, rtol=exact, atol=exact)


def test_members_of_the_namespace():
    assert xp.__array_api_version__ == "2024.12"
    for name in ("e", "inf", "pi", "newaxis"):
        assert getattr(xp, name) == getattr(np, name)
    assert np.isnan(xp.nan)
    for name in ("int8", "uint64", "float32", "complex128"):
        assert getattr(xp, name) == getattr(fv, name)
    assert xp.bool == fv.bool_
    assert {"sum", "linalg", "fft", "special", "float64"} <= set(dir(xp))
    for name in ("matrix", "longdouble", "random_", "ndarray"):
        with pytest.raises(AttributeError, match=name):
            getattr(xp, name)


@pytest.mark.parametrize("member", [xp.add, xp.sum, xp.zeros, xp.sort, xp.linalg.det, xp.fft.fftfreq, xp.asarray])
def test_functions_are_pickled_by_name(member):
    assert pickle.loads(pickle.dumps(member)) is member


@pytest.mark.parametrize("version", [None, "2021.12", "2022.12", "2023.12", "2024.12"])
def test_namespace_of_an_array(version):
    assert fv.array(1.0).__array_namespace__(api_version=version) is xp
    assert fv.grad(lambda x: x if x.__array_namespace__() is xp else 0 * x)(2.0).item() == 1


def test_a_version_that_is_not_followed():
    with pytest.raises(ValueError, match=r"No version '2020.1' .* Known: 2021.12, 2022.12"):
        fv.array(1.0).__array_namespace__(api_version="2020.1")


NUMBERS = st.floats(-9, 9) | st.integers(-9, 9) | st.booleans()


@settings(deadline=None)
@given(st.recursive(NUMBERS, lambda s: st.lists(s, min_size=1, max_size=2), max_leaves=6))
def test_numbers_have_numpys_dtypes(tree):
    """As NumPy makes arrays of numbers and nested lists; ragged ones are an error in both."""
    try:
        expected = np.asarray(tree)
    except ValueError:
        with pytest.raises(ValueError, match="inhomogeneous"):
            xp.asarray(tree)
    else:
        assert same(xp.asarray(tree), expected)


FEW = st.sampled_from([-1.5, -0.0, 0.0, 2.0, np.inf, -np.inf])
SHAPES = arrays.array_shapes(max_dims=2, max_side=4)
MANY = st.sampled_from([np.int64, np.float64]).flatmap(
    lambda d: arrays.arrays(d, SHAPES, elements=st.integers(-2, 2).map(d) if d is np.int64 else FEW)
)


@settings(deadline=None, max_examples=50)
@given(MANY, st.booleans(), st.booleans())
def test_order(a, descending, first):
    """Equal elements keep their order, ascending and descending."""
    axis = 0 if first else -1
    for call in ("sort", "argsort"):
        text = f"{call}(a, axis={axis}, descending={descending}, stable=True)"
        assert same(results(text, xp, {"a": fv.array(a)})[0], by_strict(text, {"a": a})[0])


def test_a_list_of_what_is_recorded():
    gradient = fv.grad(lambda x: xp.sum(xp.asarray([x[0] * x[1], 0.1 * x[1], 2]) ** 2))(np.array([2.0, 3.0]))
    np.testing.assert_allclose(gradient, [2 * 6 * 3, 2 * 6 * 2 + 2 * 0.3 * 0.1])


def test_python_floats_are_not_rounded():
    """0.1 is float64 in the namespace, which float32 does not hold."""
    assert (xp.asarray(0.1) * fv.array(np.ones(1))).item() == 0.1
    assert xp.full(1, 0.1).item() == xp.linspace(0.1, 0.2, 2)[0].item() == 0.1


def test_copies():
    a = xp.asarray([1.0, 2.0])
    b = xp.asarray(a, copy=True)
    b[0] = 5
    assert a[0].item() == 1
    for i, same_memory in enumerate(
        [xp.asarray(a), xp.asarray(a, copy=False), xp.astype(a, xp.float64, copy=False)]
    ):
        same_memory[0] = i + 5
        assert a[0].item() == i + 5
    for made in ({"obj": [1.0]}, {"obj": np.ones(2)}, {"obj": a, "dtype": xp.float32}):
        with pytest.raises(ValueError, match=r"\[asarray\].*copy=False"):
            xp.asarray(made.pop("obj"), copy=False, **made)


def test_what_is_no_array():
    for bad in ("abc", object(), np.ma.masked_array([1.0, 2.0], [True, False]), {1: 2}):
        with pytest.raises(TypeError, match=r"\[asarray\]"):
            xp.asarray(bad)
    with pytest.raises(TypeError, match="Unsupported dtype"):
        xp.zeros(2, dtype="longdouble")


def test_arrays_of_one_value_take_no_memory():
    """They would be 32 GB."""
    for made in (xp.zeros((65536, 65536)), xp.ones((65536, 65536)), xp.full((65536, 65536), 0.5)):
        assert made[0, 0].item() in (0, 1, 0.5)


def test_devices():
    known = xp.__array_namespace_info__()
    assert known.default_device() == fv.default_device()
    for device in known.devices():
        made = xp.asarray([1.0, 2.0], dtype=xp.float32, device=device)
        assert made.device == xp.zeros(2, device=device).to_device(device).device == device
        assert xp.arange(3, device=device).device == device
        assert made.to_device(device) is made
        assert made.to_device("cpu").tolist() == [1, 2]
        has = known.dtypes(device=device)
        assert ("float64" in has) == (device == "cpu")
        assert set(known.default_dtypes(device=device).values()) <= set(has.values())
    assert fv.grad(lambda x: x.to_device("cpu") ** 2)(3.0).item() == 6


def test_devices_that_are_not_there():
    for call in (fv.array(1.0).to_device, lambda d: xp.zeros(2, device=d), lambda d: xp.arange(2, device=d)):
        with pytest.raises(ValueError, match=r"Device 'tpu' cannot be used"):
            call("tpu")
    with pytest.raises(ValueError, match="Expected no stream, got 1"):
        fv.array(1.0).to_device("cpu", stream=1)  # type: ignore[arg-type]


def test_kinds_of_dtypes():
    info = xp.__array_namespace_info__()
    assert list(info.dtypes(kind="bool")) == ["bool"]
    assert list(info.dtypes(kind=("real floating", "complex floating"))) == [
        "float32", "float64", "complex64", "complex128"
    ]  # fmt: skip
    assert len(info.dtypes(kind="integral")) == 8
    assert len(info.dtypes()) == len(info.dtypes(kind="numeric")) + 1
    assert info.capabilities() == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}


def test_constants_of_a_recording_have_values():
    """What we lack is computed from values where they are known and nothing is lost."""

    def f(x, c):
        return xp.sum(x * xp.unique_values(c)) + xp.linalg.det(fv.stop_gradient(x)[None, :1])

    c = np.array([2.0, 1.0, 2.0])
    np.testing.assert_allclose(fv.grad(f)(np.array([3.0, 5.0]), c), [1, 2])


def test_what_has_no_values_is_an_error():
    for transform in (fv.vmap, fv.compile):
        with pytest.raises(fv.TracedValueError):
            transform(xp.unique_values)(fv.array(np.ones((2, 2))))


def test_second_derivatives_of_the_norm_at_zeros():
    point = np.array([0.0, 3.0, 4.0])
    expected = np.eye(3) / 5 - np.outer(point, point) / 125
    np.testing.assert_allclose(fv.hessian(xp.linalg.vector_norm)(point), expected, atol=1e-15)
    for order in (1, 2, 3):
        zero = fv.grad(lambda x, order=order: xp.linalg.vector_norm(x, ord=order))(np.zeros(3))
        np.testing.assert_array_equal(zero, 0)


def test_reshape_is_a_view_where_it_can_be():
    a = xp.asarray([[1.0, 2.0], [3.0, 4.0]])
    xp.reshape(a, (4,), copy=False)[0] = 9
    xp.reshape(a, (4,), copy=True)[1] = 9
    assert a.tolist() == [[9, 2], [3, 4]]
    with pytest.raises(ValueError, match=r"\[reshape\] The shape \(4,\) takes a copy"):
        xp.reshape(a.T, (4,), copy=False)

    def f(x):
        y = xp.reshape(x.T + 1, (-1,))  # NumPy's method would be a view or a copy
        y[0] = 3 * x[1, 1]
        return xp.sum(y**2)

    np.testing.assert_allclose(fv.grad(f)(np.ones((2, 2))), [[0, 4], [4, 22]])


def test_an_axis_that_is_not_there_is_no_index():
    """In the standard; elsewhere a ValueError."""
    for kind in (IndexError, ValueError):
        with pytest.raises(kind, match=r"\[expand_dims\] Axis 3 is out of range"):
            xp.expand_dims(fv.ones(2), axis=3)
