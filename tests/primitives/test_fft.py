"""Fourier transforms: values as NumPy's, gradients as PyTorch's and JAX's, on every device, in compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.checks import close, same
from support.oracles import check_derivatives, direction, inner

import fastvjp as fv
from fastvjp.kernels.native import jit, ufuncs

compiled = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
ALONG = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
OVER = ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")
OF_REALS = ("rfft", "ihfft", "rfft2", "rfftn")
NORMS = ("backward", "ortho", "forward", None)


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return direction(rng, np.empty(shape, dtype))


def tolerance(x: np.ndarray) -> dict[str, float]:
    """Of what is computed with numbers of this precision."""
    return {"rtol": 1e-4, "atol": 1e-4} if x.dtype in (np.float32, np.complex64) else {"atol": 1e-11}


@st.composite
def transforms(draw: st.DrawFn) -> tuple[str, tuple[int, ...], str, dict[str, Any]]:
    """A function, a shape, a dtype, and keywords."""
    name = draw(st.sampled_from(ALONG + OVER))
    shape = tuple(draw(st.lists(st.integers(2, 7), min_size=2, max_size=3)))
    dtypes = ["float32", "float64", "int32"] + ([] if name in OF_REALS else ["complex64", "complex128"])
    keywords: dict[str, Any] = {"norm": draw(st.sampled_from(NORMS))}
    length = st.integers(2, 9)
    if name in ALONG:
        keywords |= {"axis": draw(st.integers(-len(shape), len(shape) - 1)), "n": draw(st.none() | length)}
    else:
        chosen = tuple(draw(st.permutations(range(len(shape))))[: 2 if name.endswith("2") else None])
        keywords["axes"] = chosen
        sizes = st.lists(length | st.just(-1), min_size=len(chosen), max_size=len(chosen)).map(tuple)
        keywords["s"] = draw(st.none() | sizes)
    return name, shape, draw(st.sampled_from(dtypes)), keywords


# --- values ----------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(case=transforms(), seed=st.integers(0, 2**32 - 1))
def test_values_and_dtypes_are_numpys(case: Any, seed: int) -> None:
    name, shape, dtype, keywords = case
    rng = np.random.default_rng(seed)
    x = rng.integers(-9, 9, shape) if dtype == "int32" else numbers(rng, shape, dtype)
    x = np.swapaxes(x.astype(dtype), 0, -1)[::-1]
    expected = getattr(np.fft, name)(x, **keywords)
    ours = getattr(fv.fft, name)
    found = ours(fv.array(x), **keywords)
    assert found.dtype == expected.dtype
    close(found, expected, **tolerance(expected))
    close(fv.compile(lambda x: ours(x, **keywords))(x), expected, **tolerance(expected))


@pytest.mark.parametrize("n", [1, 2, 3, 8, 97, 1000, 1009, 4096])
@pytest.mark.parametrize("shape", ["{n}", "{n}, 40", "3, {n}", "2, {n}, 3"])
def test_any_length(n: int, shape: str, rng: np.random.Generator) -> None:
    """Prime ones, too, and so many lines that threads share them."""
    sizes = tuple(map(int, shape.format(n=n).split(", ")))
    axis = sizes.index(n)
    x, z = rng.normal(size=sizes), numbers(rng, sizes, "complex128")
    close(fv.fft.rfft(x, axis=axis), np.fft.rfft(x, axis=axis), atol=1e-9)
    close(fv.fft.fft(z, axis=axis), np.fft.fft(z, axis=axis), atol=1e-9)
    close(fv.fft.irfft(z, n, axis=axis), np.fft.irfft(z, n, axis=axis), atol=1e-9)


def test_many_lines(rng: np.random.Generator) -> None:
    z = numbers(rng, (60, 64, 50), "complex128")
    for axes in ((1,), (0, 1, 2), (2, 0)):
        close(fv.fft.fftn(z, axes=axes), np.fft.fftn(z, axes=axes), atol=1e-9)
    x = rng.normal(size=(64, 3000)).T
    close(fv.fft.rfft(x), np.fft.rfft(x), atol=1e-11)


def test_an_axis_twice_is_transformed_twice(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    close(fv.fft.fftn(x, axes=(1, 0, 1)), np.fft.fftn(x, axes=(1, 0, 1)), atol=1e-11)
    with pytest.warns(DeprecationWarning):
        expected = np.fft.fftn(x, s=(2,))
    close(fv.fft.fftn(x, s=(2,)), expected)
    same(fv.fft.fftn(fv.array(x), axes=()), x)


def test_arrays_of_one_number() -> None:
    close(fv.fft.fft(fv.ones(4, dtype="float64")), [4, 0, 0, 0])
    close(fv.grad(lambda s: fv.sum(fv.abs(fv.fft.rfft(fv.broadcast_to(s, (2, 3))))))(fv.array(2.0)), 6)
    assert fv.fft.fft(fv.zeros((0, 3))).shape == (0, 3)


def test_frequencies(rng: np.random.Generator) -> None:
    for n in (1, 2, 5, 8):
        close(fv.fft.fftfreq(n, np.float64(0.3)), np.fft.fftfreq(n, 0.3))
        close(fv.fft.rfftfreq(n, np.float64(0.3)), np.fft.rfftfreq(n, 0.3))
        assert fv.fft.fftfreq(n, 0.3).dtype == fv.fft.rfftfreq(n).dtype == np.float32
        x = rng.normal(size=(n, 3))
        for axes in (None, 0, (1, 0), [-1]):
            same(fv.fft.fftshift(fv.array(x), axes), np.fft.fftshift(x, axes))
            same(fv.fft.ifftshift(fv.array(x), axes), np.fft.ifftshift(x, axes))
    for frequencies in (fv.fft.fftfreq, fv.fft.rfftfreq):
        words = rf"\[{frequencies.__name__}\] Expected a distance of samples that is not 0"
        with pytest.raises(ValueError, match=words):
            frequencies(4, 0.0)
    close(fv.grad(lambda d: fv.sum(fv.fft.rfftfreq(5, d)))(np.float64(0.5)), -12 / 5)
    close(fv.grad(lambda d: np.sum(np.fft.rfftfreq(5, d)))(np.float64(0.5)), -12 / 5)


# --- derivatives -----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(case=transforms(), seed=st.integers(0, 2**32 - 1))
def test_derivatives(case: Any, seed: int) -> None:
    """A transform is linear: its jvp is itself, and its vjp the adjoint of that."""
    name, shape, dtype, keywords = case
    rng = np.random.default_rng(seed)
    x = numbers(rng, shape, "complex128" if dtype.startswith("complex") else "float64")
    transform = getattr(np.fft, name)
    u, v = numbers(rng, *_like(transform(x, **keywords))), numbers(rng, *_like(x))
    pulled = fv.vjp(lambda x: transform(x, **keywords), [x], [u])[1][0]
    pushed = fv.jvp(lambda x: transform(x, **keywords), [x], [v])[1][0]
    assert (pulled.shape, pulled.dtype) == (x.shape, x.dtype)
    close(pushed, transform(v, **keywords), atol=1e-11)
    left, right = inner([v], [pulled]), inner([u], [np.asarray(pushed)])
    close(left[0], right[0], atol=1e-11 * (1 + left[1] + right[1]))


def _like(x: np.ndarray) -> tuple[tuple[int, ...], str]:
    return x.shape, x.dtype.name


def spectrum(x: Any) -> Any:
    """A function that is not linear, of a real array."""
    return np.sum(np.log1p(np.abs(np.fft.rfft(x, axis=0, norm="ortho")) ** 2)) + np.sum(
        np.fft.irfft2(x * x, (4, 5)) ** 3
    )


def test_both_orders(rng: np.random.Generator) -> None:
    x = rng.normal(size=(6, 4))
    check_derivatives(lambda x: [spectrum(x)], lambda x: [spectrum(x)], [x], rng)
    gradient = lambda x: [np.asarray(fv.grad(spectrum)(x))]  # noqa: E731
    check_derivatives(lambda x: [fv.grad(spectrum)(x)], gradient, [x], rng)


@pytest.mark.parametrize("name", ALONG + OVER)
def test_gradients_are_pytorchs(name: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    for norm in NORMS[:3]:
        for odd in (0, 1):
            x = numbers(rng, (3, 4 + odd, 5 - odd), "float64" if name in OF_REALS else "complex128")
            u = numbers(rng, *_like(getattr(np.fft, name)(x, norm=norm)))
            given = torch.tensor(x, requires_grad=True)
            getattr(torch.fft, name)(given, norm=norm).backward(torch.tensor(u))
            pulled = fv.vjp(lambda x, norm=norm: getattr(fv.fft, name)(x, norm=norm), [x], [u])[1][0]
            close(pulled, given.grad.resolve_conj().numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", OVER)
def test_gradients_are_jaxs(name: str, rng: np.random.Generator) -> None:
    """But for their convention: JAX's cotangents are the conjugates of ours."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    for sizes in ((6, 3), (2, 5)):
        x = numbers(rng, (3, 4, 5), "float64" if name in OF_REALS else "complex128")
        u = numbers(rng, *_like(getattr(np.fft, name)(x, s=sizes, axes=(0, 2))))
        transform = lambda x, s=sizes: getattr(jax.numpy.fft, name)(x, s=s, axes=(0, 2))  # noqa: E731
        theirs = np.conj(jax.vjp(transform, x)[1](np.conj(u))[0])
        ours = fv.vjp(lambda x, s=sizes: getattr(fv.fft, name)(x, s=s, axes=(0, 2)), [x], [u])[1][0]
        close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_vmap_is_a_loop(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 5, 4))
    for axis in (0, 1, 2):
        for f in (spectrum, np.fft.fft2, lambda x: np.fft.irfft(x, 3, axis=0)):
            rows = [f(row) for row in np.moveaxis(x, axis, 0)]
            close(fv.vmap(f, in_axes=axis)(x), np.stack(rows), atol=1e-11)
        rows = [fv.grad(spectrum)(row) for row in np.moveaxis(x, axis, 0)]
        close(fv.vmap(fv.grad(spectrum), in_axes=axis)(x), np.stack(rows), atol=1e-11)


# --- devices, compiled code, other ways to call ------------------------------------------------------------


def test_on_a_device_without_transforms(rng: np.random.Generator) -> None:
    pytest.importorskip("ziglang")
    x = rng.normal(size=(6, 4)).astype(np.float32)
    with fv.device("metal-emulator"):
        made = fv.explain(spectrum, [x], [1.0])
        got = np.asarray(fv.grad(spectrum)(x))
    devices = {report.device for report in made.reports if "rfft" in report.step.computes}
    assert devices == {"cpu"}
    close(got, fv.grad(spectrum)(x.astype(float)), rtol=1e-3, atol=1e-3)


@compiled
def test_in_compiled_code(rng: np.random.Generator) -> None:
    x = rng.normal(size=(6, 4))
    value, gradient = fv.njit(fv.value_and_grad(spectrum), x)(x)
    close(value, spectrum(x))
    close(gradient, fv.grad(spectrum)(x))


def test_addresses_are_those_of_ufuncs_as_we_know_them() -> None:
    single, double = (ufuncs.transform("fft", np.dtype(d)) for d in ("complex64", "complex128"))
    assert single != double
    for name, dtype in (("fft", "int64"), ("dct", "complex64")):
        with pytest.raises(
            RuntimeError, match=rf"has no function {name} of {np.dtype(dtype).char}.*Hint: another version"
        ):
            ufuncs.transform(name, np.dtype(dtype))


def test_scipy_takes_the_module_as_a_backend(rng: np.random.Generator) -> None:
    fft = pytest.importorskip("scipy.fft")
    x = rng.normal(size=(3, 4))
    expected = fv.grad(lambda x: np.sum(np.abs(np.fft.rfftn(x, s=(5, 2))) ** 3))(x)
    with pytest.raises(fv.LostGradientError, match=r"fastvjp\.fft\.rfftn records it"):
        fv.grad(lambda x: np.sum(np.abs(fft.rfftn(x))))(x)
    with fft.set_backend(fv.fft):
        found = fv.grad(lambda x: np.sum(np.abs(fft.rfftn(x, s=(5, 2), workers=1)) ** 3))(x)
        close(fft.fft(x), np.fft.fft(x))
        with pytest.raises(fv.LostGradientError, match=r"scipy\.fft\.dct"):
            fv.grad(lambda x: np.sum(fft.dct(x)))(x)
    close(found, expected)


def test_out_is_written(rng: np.random.Generator) -> None:
    x = rng.normal(size=5)
    out: Any = fv.zeros(5, dtype="complex128")
    assert np.fft.fft(fv.array(x), out=out) is out
    close(out, np.fft.fft(x))


# --- errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: fv.fft.fft(x, 0), r"\[fft\] A transform of length 0 along axis 1\. Expected: at least 1"),
        (lambda x: fv.fft.irfft(x[:, :1]), r"\[irfft\] A transform of length 0"),
        (lambda x: fv.fft.fft(x[:, :0]), r"\[fft\] A transform of length 0"),
        (lambda x: fv.fft.hfft(x, axis=2), r"\[hfft\] Axis 2 is out of range for an array with 2 axes"),
        (lambda x: fv.fft.fft(x[0, 0]), r"\[fft\] Axis -1 is out of range"),
        (lambda x: fv.fft.fft2(x, norm="no"), r"\[fft2\] Unknown norm 'no'\. Expected: 'backward', 'ortho'"),
        (lambda x: fv.fft.rfftn(x, s=(2,), axes=(0, 1)), r"\[rfftn\] 1 lengths do not match 2 axes"),
        (lambda x: fv.fft.irfftn(x, axes=()), r"\[irfftn\] Expected at least one axis"),
        (lambda x: fv.fft.fftn(x, s=(2, 2, 2)), r"\[fftn\] Axis -3 is out of range"),
        (lambda x: fv.fft.fftshift(x, 2), r"\[fftshift\] Axis 2 is out of range"),
        (lambda x: fv.fft.fftfreq(0), r"\[fftfreq\] A transform of length 0"),
    ],
)
def test_what_cannot_be_transformed(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(fv.ones((2, 3)))


def test_complex_numbers_where_real_ones_are_meant() -> None:
    for name, instead in (("rfft", "fft"), ("ihfft", "ifft"), ("rfft2", "fft2"), ("rfftn", "fftn")):
        with pytest.raises(TypeError, match=rf"\[{name}\] Unsupported dtype complex64.*Hint: {instead} takes"):
            getattr(fv.fft, name)(fv.ones((2, 2), dtype="complex64"))
