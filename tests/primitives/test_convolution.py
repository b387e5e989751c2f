"""Convolutions: values and gradients as MLX, PyTorch and JAX have them, in any form, with groups, under vmap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cases.convolution import meetings
from support.checks import close, same
from support.oracles import check_derivatives, direction

import fastvjp as fv
from fastvjp.arrays.emit import emit
from fastvjp.kernels.native import jit
from fastvjp.kernels.structural import convolution

compiled = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
Arrays = tuple[np.ndarray, np.ndarray]


# --- the form --------------------------------------------------------------------------------------------


@st.composite
def forms(draw: st.DrawFn) -> dict[str, Any]:
    """Sizes and parameters of the three primitives."""
    axes = draw(st.integers(1, 3))
    longest = 9 if axes == 1 else 5

    def sizes(least: int, most: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(least, most)) for _ in range(axes))

    return {
        "sizes": (sizes(1, longest), sizes(1, 3), sizes(1, longest)),
        "channels": draw(st.integers(1, 3)),
        "filters": draw(st.integers(1, 20 if axes == 1 else 3)),
        "images": draw(st.integers(1, 3)),
        "form": (sizes(1, 3), sizes(-2, 2), sizes(1, 2)),
    }


@settings(max_examples=100, deadline=None)
@given(case=forms(), dtype=st.sampled_from(["float32", "float64", "complex128"]), seed=st.integers(0, 2**32 - 1))
def test_any_form(case: Any, dtype: str, seed: int) -> None:
    """All three are of one trilinear form, of which each is the derivative by what it makes."""
    rng = np.random.default_rng(seed)
    xs, ws, ys = case["sizes"]
    shapes = [(case["images"], *xs, case["channels"]), (case["filters"], *ws, case["channels"])]
    shapes.append((case["images"], *ys, case["filters"]))
    x, w, y = (direction(rng, np.empty(shape, dtype)) for shape in shapes)
    expected = [np.zeros_like(a) for a in (x, w, y)]
    for at, k, o in meetings(case["sizes"], case["form"]):
        at, k, o = ((slice(None), *place) for place in (at, k, o))
        expected[0][at] += y[o] @ w[k]
        expected[1][k] += np.tensordot(y[o], x[at], (tuple(range(y.ndim - 1)),) * 2)
        expected[2][o] += x[at] @ w[k].T
    form = dict(zip(("strides", "low", "dilation"), case["form"], strict=True))
    arrays = [fv.array(a) for a in (x, w, y)]
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"atol": 1e-11}
    close(emit("conv", *arrays[:2], sizes=ys, **form), expected[2], **tolerance)
    close(emit("conv_x", *arrays[1:], sizes=xs, **form), expected[0], **tolerance)
    close(emit("conv_w", arrays[0], arrays[2], sizes=ws, **form), expected[1], **tolerance)


@pytest.mark.parametrize("form", [((1, 1), (1, 1), (1, 1)), ((2, 1), (0, 1), (1, 2))])
@pytest.mark.parametrize("channels", [1, 3, 16])
@pytest.mark.parametrize("filters", [1, 20])
def test_many_rows(form: Any, channels: int, filters: int, rng: np.random.Generator, monkeypatch: Any) -> None:
    """So many that threads share them, in patches of a few rows."""
    monkeypatch.setattr(convolution, "PATCH", 512)
    monkeypatch.setattr(convolution, "LARGE_PATCH", 512)
    monkeypatch.setattr(convolution, "LEAST_ROWS", 5 + channels)
    monkeypatch.setattr(convolution, "CHUNK", 1000)
    sizes = ((13, 11), (3, 2), (6, 12))
    x, w = rng.normal(size=(5, 13, 11, channels)), rng.normal(size=(filters, 3, 2, channels))
    y = rng.normal(size=(5, 6, 12, filters))
    total = 0.0
    for at, k, o in meetings(sizes, form):
        total += np.einsum("nuvc,dc,nuvd->", x[:, *at], w[:, *k], y[:, *o])
    names = dict(zip(("strides", "low", "dilation"), form, strict=True))
    close(np.sum(emit("conv", fv.array(x), fv.array(w), sizes=(6, 12), **names) * y), total, rtol=1e-9, atol=1e-9)
    close(
        np.sum(emit("conv_x", fv.array(w), fv.array(y), sizes=(13, 11), **names) * x), total, rtol=1e-9, atol=1e-9
    )
    close(np.sum(emit("conv_w", fv.array(x), fv.array(y), sizes=(3, 2), **names) * w), total, rtol=1e-9, atol=1e-9)


def test_operands_in_any_layout(rng: np.random.Generator) -> None:
    x, w = rng.normal(size=(3, 6, 5, 2)), rng.normal(size=(4, 3, 2, 3))
    turned = lambda x, w: fv.conv2d(x.T, w[:, ::-1], padding=1)  # noqa: E731
    dense = fv.conv2d(np.ascontiguousarray(x.T), np.ascontiguousarray(w[:, ::-1]), padding=1)
    close(fv.compile(turned)(x, w), dense)
    same(fv.conv2d(fv.ones((1, 4, 4, 1)), fv.ones((1, 3, 3, 1))), np.full((1, 2, 2, 1), 9.0))
    ones = lambda s: fv.sum(fv.conv2d(fv.broadcast_to(s, (2, 4, 4, 3)), fv.ones((5, 2, 2, 3))))  # noqa: E731
    close(fv.grad(ones)(np.float64(2.0)), 2 * 9 * 5 * 12)


# --- as others have them ---------------------------------------------------------------------------------

CONVOLUTIONS: list[tuple[int, dict[str, Any]]] = [
    (1, {"stride": 2, "padding": 1}),
    (1, {"dilation": 2, "groups": 2, "padding": 3}),
    (2, {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2)}),
    (2, {"groups": 4, "padding": 1}),
    (2, {}),
    (3, {"stride": (1, 2, 1), "padding": 1}),
]
TRANSPOSED: list[tuple[int, dict[str, Any]]] = [
    (1, {"stride": 2, "padding": 1, "output_padding": 1}),
    (1, {"groups": 2, "dilation": 2}),
    (2, {"stride": (3, 1), "padding": (1, 0), "dilation": (1, 2), "output_padding": (2, 0)}),
    (2, {"stride": 2, "groups": 4}),
    (3, {"stride": (1, 2, 1), "padding": 1}),
]


def operands(axes: int, groups: int, rng: np.random.Generator) -> Arrays:
    return rng.normal(size=(2, *(7, 6, 5)[:axes], 4)), rng.normal(size=(8, *(3, 2, 3)[:axes], 4 // groups))


@pytest.mark.parametrize(("axes", "named"), CONVOLUTIONS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_as_pytorch(axes: int, named: dict[str, Any], dtype: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    x, w = (direction(rng, a.astype(dtype)) for a in operands(axes, named.get("groups", 1), rng))
    theirs = [torch.tensor(np.moveaxis(a, -1, 1).copy(), requires_grad=True) for a in (x, w)]
    expected = getattr(torch.nn.functional, f"conv{axes}d")(*theirs, **named)
    ours = lambda x, w: getattr(fv, f"conv{axes}d")(x, w, **named)  # noqa: E731
    close(ours(x, w), np.moveaxis(expected.detach().numpy(), 1, -1), atol=1e-11)
    u = direction(rng, expected.detach().numpy())
    expected.backward(torch.tensor(u))
    _, pulled = fv.vjp(ours, [x, w], [np.moveaxis(u, 1, -1)])
    for found, leaf in zip(pulled, theirs, strict=True):
        close(found, np.moveaxis(leaf.grad.resolve_conj().numpy(), 1, -1), atol=1e-11)


@pytest.mark.parametrize(("axes", "named"), TRANSPOSED)
def test_transposes_as_pytorch(axes: int, named: dict[str, Any], rng: np.random.Generator) -> None:
    """Whose filters are in the order (channels, filters // groups, ...)."""
    torch = pytest.importorskip("torch")
    groups = named.get("groups", 1)
    x, w = operands(axes, groups, rng)
    by_groups = w.reshape(groups, 8 // groups, *w.shape[1:])
    turned = np.moveaxis(np.moveaxis(by_groups, -1, 1), 2, 2).reshape(4, 8 // groups, *w.shape[1:-1])
    theirs = [
        torch.tensor(np.moveaxis(x, -1, 1).copy(), requires_grad=True),
        torch.tensor(turned, requires_grad=True),
    ]
    expected = getattr(torch.nn.functional, f"conv_transpose{axes}d")(*theirs, **named)
    ours = lambda x, w: getattr(fv, f"conv_transpose{axes}d")(x, w, **named)  # noqa: E731
    close(ours(x, w), np.moveaxis(expected.detach().numpy(), 1, -1), atol=1e-11)
    u = rng.normal(size=expected.shape)
    expected.backward(torch.tensor(u))
    _, (dx, dw) = fv.vjp(ours, [x, w], [np.moveaxis(u, 1, -1)])
    close(dx, np.moveaxis(theirs[0].grad.numpy(), 1, -1), atol=1e-11)
    back = np.moveaxis(theirs[1].grad.numpy().reshape(groups, 4 // groups, 8 // groups, *w.shape[1:-1]), 1, -1)
    close(dw, back.reshape(w.shape), atol=1e-11)


@settings(max_examples=40, deadline=None)
@given(
    stride=st.integers(1, 3), low=st.integers(-1, 3), high=st.integers(-1, 3), dilation=st.integers(1, 2),
    apart=st.integers(1, 3), groups=st.sampled_from([1, 2, 4]), flip=st.booleans(), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_as_jax(
    stride: int, low: int, high: int, dilation: int, apart: int, groups: int, flip: bool, seed: int
) -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(seed)
    x, w = operands(2, groups, rng)

    def ours(x: Any, w: Any) -> Any:
        return fv.conv_general(x, w, (stride, 1), ([low, 0], [high, 1]), (1, dilation), (apart, 1), groups, flip)

    def theirs(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(
            x, w[:, ::-1, ::-1] if flip else w, (stride, 1), [(low, high), (0, 1)], (apart, 1), (1, dilation),
            ("NHWC", "OHWI", "NHWC"), groups,
        )  # fmt: skip

    expected, pull = jax.vjp(theirs, x, w)
    close(ours(x, w), expected, atol=1e-11)
    u = rng.normal(size=expected.shape)
    for found, wanted in zip(fv.vjp(ours, [x, w], [u])[1], pull(u), strict=True):
        close(found, wanted, atol=1e-11)


def test_as_mlx(rng: np.random.Generator) -> None:
    mx = pytest.importorskip("mlx.core")
    for axes, named in CONVOLUTIONS + TRANSPOSED:
        name = f"conv_transpose{axes}d" if (axes, named) in TRANSPOSED else f"conv{axes}d"
        if named.get("groups", 1) > 1 and axes > 1 and "transpose" in name:
            continue  # which it lacks
        x, w = (a.astype(np.float32) for a in operands(axes, named.get("groups", 1), rng))
        expected = np.array(getattr(mx, name)(mx.array(x), mx.array(w), **named))
        close(getattr(fv, name)(x, w, **named), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "int64", "bool"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_signals_are_numpys(mode: Any, dtype: str, rng: np.random.Generator) -> None:
    for n in range(1, 6):
        for m in range(1, 6):
            a, v = rng.integers(-9, 9, (2, 9)).astype(dtype)
            a, v = (
                a[:n] + (1j * a[-n:] if dtype == "complex128" else 0),
                v[:m] * (1j if dtype == "complex128" else 1),
            )
            a, v = a.astype(dtype), v.astype(dtype)
            for function in (np.convolve, np.correlate):
                expected = function(a, v, mode)
                found = function(fv.array(a), v, mode)
                assert found.dtype == expected.dtype
                close(found, expected, rtol=1e-5)
    close(fv.convolve(2.0, [1.0, 2.0]), [2, 4])


# --- derivatives -----------------------------------------------------------------------------------------


@pytest.fixture
def weights(rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.normal(size=(2, 5, 4, 2)), rng.normal(size=(6, 3, 2, 1)), rng.normal(size=4)]


def hidden(x: Any, w: Any, v: Any) -> Any:
    """Not linear, with groups, a transpose and a signal."""
    y = np.tanh(fv.conv2d(x, w, stride=2, padding=1, groups=2))
    z = fv.conv_transpose2d(y, np.concatenate([w, w, w], -1)[:4], stride=(1, 2), groups=2)
    return np.sum(z**3) + np.sum(np.convolve(np.sin(x).reshape(-1), v, "same") ** 2)


def test_both_orders(weights: list[np.ndarray], rng: np.random.Generator) -> None:
    check_derivatives(lambda *xs: [hidden(*xs)], lambda *xs: [np.asarray(hidden(*xs))], weights, rng)
    gradient = fv.grad(hidden, argnums=(0, 1, 2))
    check_derivatives(lambda *xs: list(gradient(*xs)), lambda *xs: [*map(np.asarray, gradient(*xs))], weights, rng)


@pytest.mark.parametrize("axes", [(0, None, None), (None, 0, None), (0, 1, 0)])
def test_vmap_is_a_loop(axes: Any, weights: list[np.ndarray], rng: np.random.Generator) -> None:
    """With groups, whichever operands are batched."""
    batches = [rng.normal(size=(3, *a.shape)) if b is not None else a for a, b in zip(weights, axes, strict=True)]
    given = [np.moveaxis(a, 0, b) if b else a for a, b in zip(batches, axes, strict=True)]
    for f in (hidden, fv.grad(hidden, argnums=1)):
        rows = [f(*[a[i] if b is not None else a for a, b in zip(batches, axes, strict=True)]) for i in range(3)]
        close(fv.vmap(f, in_axes=axes)(*given), np.stack(rows), rtol=1e-9, atol=1e-10)


def test_no_images(rng: np.random.Generator) -> None:
    x, w = np.zeros((0, 5, 4, 2)), rng.normal(size=(6, 3, 2, 1))
    found, (dx, dw) = fv.value_and_grad(lambda x, w: fv.sum(fv.conv2d(x, w, groups=2)), argnums=(0, 1))(x, w)
    assert found == 0 and dx.shape == x.shape
    same(dw, np.zeros(w.shape))


# --- devices and compiled code ---------------------------------------------------------------------------


@compiled
def test_in_compiled_code(weights: list[np.ndarray]) -> None:
    value, gradients = fv.njit(fv.value_and_grad(hidden, argnums=(0, 1)), *weights)(*weights)
    close(value, hidden(*weights))
    for found, wanted in zip(gradients, fv.grad(hidden, argnums=(0, 1))(*weights), strict=True):
        close(found, wanted)


def test_on_the_emulator(weights: list[np.ndarray]) -> None:
    pytest.importorskip("ziglang")
    given = [a.astype(np.float32) for a in weights]
    with fv.device("metal-emulator"):
        got = [np.asarray(g) for g in fv.grad(hidden, argnums=(0, 1, 2))(*given)]
    for found, wanted in zip(got, fv.grad(hidden, argnums=(0, 1, 2))(*weights), strict=True):
        close(found, wanted, rtol=1e-3, atol=1e-3)


# --- errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, w: fv.conv2d(x, w[:, 0]), r"\[conv2d\] Expected arrays of shape .* with 2 axes of space, got"),
        (lambda x, w: fv.conv_general(x[0, 0], w[0, 0]), r"\[conv_general\] .*one to three axes of space"),
        (
            lambda x, w: fv.conv2d(x, w, groups=2),
            r"4 channels and filters of shape \(6, 3, 3, 4\) do not fit .* 2 groups",
        ),
        (lambda x, w: fv.conv2d(x, w[..., :1], groups=4), r"do not fit each other in 4 groups"),
        (lambda x, w: fv.conv2d(x, w, groups=0), r"in 0 groups"),
        (lambda x, w: fv.conv2d(x, w, stride=0), r"Expected stride to be 2 integers of at least 1.*, got 0"),
        (lambda x, w: fv.conv2d(x, w, stride=(1, 1, 1)), r"Expected stride to be 2 integers"),
        (lambda x, w: fv.conv2d(x, w, dilation=(1, -1)), r"Expected dilation to be 2 integers"),
        (
            lambda x, w: fv.conv2d(x, w, dilation=3),
            r"A filter of \(3, 3\) with dilation \(3, 3\) is longer than an image",
        ),
        (lambda x, w: fv.conv2d(x[:, :0], w), r"is longer than an image of \(0, 6\)"),
        (lambda x, w: fv.conv2d(x, w[:, :0]), r"A filter of \(0, 3\)"),
        (lambda x, w: fv.conv_transpose2d(x, w, padding=9), r"\[conv_transpose2d\] Images of .* have a result of"),
        (
            lambda x, w: fv.conv_transpose2d(x, w, output_padding=-1),
            r"Expected output_padding to be 2 integers of at",
        ),
        (fv.convolve, r"\[convolve\] Expected two signals with one axis and elements"),
        (lambda x, w: fv.correlate(x[0, 0, 0], w[0, 0, 0][:0]), r"\[correlate\] Expected two signals"),
        (
            lambda x, w: fv.convolve(x[0, 0, 0], w[0, 0, 0], "some"),
            r"Unknown mode 'some'\. Expected: 'full', 'same'",
        ),
    ],
)
def test_what_does_not_fit(call: Callable[[Any, Any], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(fv.ones((2, 5, 6, 4)), fv.ones((6, 3, 3, 4)))


def test_integers_count_as_floating() -> None:
    found = fv.conv1d(np.arange(4).reshape(1, 4, 1), np.ones((1, 2, 1), int))
    assert found.dtype == np.float64
    close(found[0, :, 0], [1, 3, 5])


def test_scipys_convolutions_have_hints(rng: np.random.Generator) -> None:
    signal = pytest.importorskip("scipy.signal")
    x = rng.normal(size=5)
    for name, instead in (
        ("convolve", "fastvjp.convolve"),
        ("correlate", "fastvjp.correlate"),
        ("stft", "fastvjp.fft.stft"),
    ):
        with pytest.raises(fv.LostGradientError, match=rf"Hint: {instead}"):
            fv.grad(lambda x, name=name: fv.sum(getattr(signal, name)(x, x)[0]))(x)
