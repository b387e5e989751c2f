"""Windows into arrays: pooling as NumPy's users write it, any strides that stay inside, none that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.checks import close, same
from support.oracles import check_derivatives

import fastvjp as fv
from fastvjp.arrays.emit import emit
from fastvjp.kernels.native import jit

compiled = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
windows = np.lib.stride_tricks.sliding_window_view


def added(size: int, places: np.ndarray, y: np.ndarray) -> np.ndarray:
    out = np.zeros(size)
    np.add.at(out, places, y)
    return out


@st.composite
def strided(draw: st.DrawFn) -> tuple[int, np.ndarray, tuple[int, ...], int]:
    """A size, and for each place of a shape an element that is there, with the strides that say so."""
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=4)))
    strides = tuple(draw(st.integers(-7, 7)) for _ in shape)
    places = np.tensordot(np.array(strides, int), np.indices(shape), 1) if shape else np.array(0)
    offset = int(-places.min()) + draw(st.integers(0, 3))
    return int(places.max()) + offset + 1 + draw(st.integers(0, 3)), places + offset, strides, offset


@settings(max_examples=120, deadline=None)
@given(case=strided(), step=st.sampled_from([1, 2, -1]), seed=st.integers(0, 2**32 - 1))
def test_any_strides(case: Any, step: int, seed: int) -> None:
    size, places, strides, offset = case
    rng = np.random.default_rng(seed)
    memory = rng.normal(size=size * abs(step))
    x, y = memory[::step], rng.normal(size=places.shape)
    pick = lambda x: fv.as_strided(x, places.shape, strides, offset)  # noqa: E731
    same(pick(fv.array(x)), x[places])
    same(fv.compile(lambda m: pick(m[::step]))(memory), x[places])
    close(fv.vjp(pick, [x], [y])[1][0], added(size, places, y))
    rows = np.stack([y, 2 * y])
    found = fv.vmap(lambda y: emit("strided_add", fv.array(x), y, strides=strides, offset=offset))(fv.array(rows))
    close(found, np.stack([x + added(size, places, row) for row in rows]))


@pytest.mark.parametrize("shape", [(2, 7, 6), (50, 40, 30)])
@pytest.mark.parametrize(
    ("window", "axis"), [((3, 2), (1, 2)), (3, 0), ((2, 2), (1, 1)), ((1, 7, 2), None), (2, -1)]
)
def test_sliding_windows(shape: tuple[int, ...], window: Any, axis: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=shape)
    if axis == 0 and shape[0] < 3:
        axis = 1
    expected = windows(x, window, axis)
    y = rng.normal(size=expected.shape)
    same(windows(fv.array(x), window, axis=axis), expected)
    close(fv.sliding_window_view(x, window, axis), expected)
    found = fv.vjp(lambda x: windows(x, window, axis, writeable=False), [x], [y])[1][0]
    places = windows(np.arange(x.size).reshape(x.shape), window, axis)
    close(found, added(x.size, places, y).reshape(x.shape))


def pooled(x: Any) -> Any:
    """The largest of each 2 x 2 block, and means of windows that overlap."""
    largest = windows(x, (2, 2), axis=(1, 2))[:, ::2, ::2].max(axis=(-2, -1))
    return np.sum(largest**2) + np.sum(np.mean(windows(x, 3, axis=1), axis=-1) ** 3)


def test_pooling(rng: np.random.Generator) -> None:
    x = rng.permutation(2 * 6 * 4).reshape(2, 6, 4) / 8.0
    check_derivatives(lambda x: [pooled(x)], lambda x: [pooled(x)], [x], rng)
    gradient = fv.grad(pooled)
    check_derivatives(lambda x: [gradient(x)], lambda x: [np.asarray(gradient(x))], [x], rng)
    blocks = np.zeros_like(x)
    of_blocks = x.reshape(2, 3, 2, 2, 2)
    largest = of_blocks.max((2, 4), keepdims=True)
    blocks = np.where(of_blocks == largest, 2 * largest, 0).reshape(x.shape)
    close(fv.grad(lambda x: np.sum(windows(x, (2, 2), axis=(1, 2))[:, ::2, ::2].max((-2, -1)) ** 2))(x), blocks)
    rows = [gradient(row) for row in np.stack([x, -x])]
    close(fv.vmap(gradient)(np.stack([x, -x])), np.stack(rows))


def test_maxima_are_read_where_they_lie() -> None:
    """No copy is made of windows that are reduced."""
    made = fv.explain(lambda x: fv.sum(windows(x, 5).max(-1)), [np.ones(1000)], [1.0])
    assert [report.step.computes for report in made.reports][-1].startswith("strided_add")
    assert len(made.reports) == 2


@compiled
def test_in_compiled_code(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 6, 4))
    value, gradient = fv.njit(fv.value_and_grad(pooled), x)(x)
    close(value, pooled(x))
    close(gradient, fv.grad(pooled)(x))


def test_on_the_emulator(rng: np.random.Generator) -> None:
    pytest.importorskip("ziglang")
    x = rng.normal(size=(2, 6, 4)).astype(np.float32)
    with fv.device("metal-emulator"):
        got = np.asarray(fv.grad(pooled)(x))
    close(got, fv.grad(pooled)(x.astype(float)), rtol=1e-4, atol=1e-4)


# --- NumPy's namespace -----------------------------------------------------------------------------------


def diagonal_sums(np: Any) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        bands = np.lib.stride_tricks.as_strided(x, (3, 2), (x.strides[0], x.strides[1] + x.strides[0]))
        x[0, 0] = 3 * x[1, 1]
        return np.sum(bands**2)

    return f


def test_numpys_as_strided_is_a_view(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 3))
    f = diagonal_sums(fv.numpy)
    expected = np.zeros((4, 3))
    expected[[1, 2, 2, 3], [0, 0, 1, 1]] = 2 * x[[1, 2, 2, 3], [0, 0, 1, 1]]
    expected[1, 1] = 2 * x[1, 1] + 18 * x[1, 1]
    close(fv.grad(f)(x), expected)
    close(fv.grad(fv.numpy.of(diagonal_sums(np)))(x), expected)
    close(f(x.copy()), diagonal_sums(np)(x.copy()))


def test_writes_to_windows_are_errors() -> None:
    def f(x: Any, read: Callable[[Any], Any]) -> Any:
        view = read(x)
        view[0] = 1.0
        return np.sum(view)

    as_strided = fv.numpy.lib.stride_tricks.as_strided
    for read in (
        lambda x: windows(x, 2),
        lambda x: as_strided(x, (2, 2), (8, 8)),
        lambda x: fv.as_strided(x, (2,)),
    ):
        with pytest.raises(ValueError, match="This view is read-only"):
            fv.grad(f)(np.ones(4), read)


def test_numpys_as_strided_of_what_lies_otherwise() -> None:
    as_strided = fv.numpy.lib.stride_tricks.as_strided
    with pytest.raises(
        ValueError, match=r"Expected an array that is stored row by row.*Hint: as_strided\(x\.copy\(\)"
    ):
        fv.grad(lambda x: np.sum(as_strided(x.T, (2,), (8,))))(np.ones((2, 3)))
    with pytest.raises(ValueError, match="Expected strides in multiples of 8 bytes"):
        fv.grad(lambda x: np.sum(as_strided(x, (2,), (4,))))(np.ones(3))
    with pytest.raises(ValueError, match="reaches beyond it"):
        fv.grad(lambda x: np.sum(as_strided(x, (4,))))(np.ones(3))


def test_strides_of_views() -> None:
    def f(x: Any) -> Any:
        assert x.strides == (24, 8)
        assert x.T.strides == (8, 24)
        assert x[:, ::2].strides == (24, 16)
        assert windows(x, 2, 1).reshape(2, 4).strides == (32, 8)
        assert fv.as_strided(x, (2, 2), (1, 3)).T.strides == (24, 8)
        return np.sum(x)

    fv.grad(f)(np.ones((2, 3)))


# --- errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: fv.as_strided(x, (4,), (2,)),
            r"\[as_strided\] Elements 0 to 6 of an array with 6.*count elements",
        ),
        (lambda x: fv.as_strided(x, (2,), (-1,)), r"Elements -1 to 0 of an array with 6"),
        (lambda x: fv.as_strided(x, (2, 3), offset=1), r"Elements 1 to 6 of an array with 6"),
        (lambda x: fv.as_strided(x, (1,), (1,), 2**62), r"reaches beyond it"),
        (lambda x: fv.as_strided(x, (2**40, 2**40), (2**40, 0)), r"reaches beyond it"),
        (lambda x: fv.as_strided(x[:0], (1,)), r"Elements 0 to 0 of an array with 0"),
        (lambda x: fv.as_strided(x, (2,), (1, 1)), r"1 sizes do not match 2 strides"),
        (lambda x: fv.as_strided(x, (-2,)), r"Expected no negative sizes"),
        (lambda x: windows(x, 7), r"A window of \(7,\) does not fit axes \[0\] of the shape \(6,\)"),
        (lambda x: windows(x, (3, 5), axis=(0, 0)), r"A window of \(3, 5\) does not fit"),
        (lambda x: windows(x, -1), r"A window of \(-1,\) does not fit"),
        (lambda x: windows(x, (2, 2)), r"2 sizes of windows do not match 1 axes"),
        (lambda x: windows(x, 2, axis=1), r"Axis 1 is out of range for an array with 1 axes"),
    ],
)
def test_what_is_not_there(call: Callable[[Any], Any], message: str) -> None:
    for of, x in ((call, fv.ones(6)), (fv.compile(call), fv.ones(6)), (fv.vmap(call), fv.ones((2, 6)))):
        with pytest.raises(ValueError, match=message):
            of(x)


def test_windows_of_nothing() -> None:
    assert fv.as_strided(fv.zeros(0), (0, 3), (5, 7), 100).shape == (0, 3)
    assert windows(fv.zeros((2, 3)), 0, 1).shape == windows(np.zeros((2, 3)), 0, 1).shape
    close(fv.grad(lambda x: fv.sum(windows(x, 0, 1)))(np.ones((2, 3))), np.zeros((2, 3)))


# --- window functions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 7, 16])
def test_window_functions(n: int) -> None:
    for name in ("hanning", "hamming", "bartlett", "blackman"):
        found = getattr(fv, name)(n)
        assert found.dtype == np.float32
        close(found, getattr(np, name)(n), rtol=1e-6, atol=1e-7)
    close(fv.kaiser(n, 8.6), np.kaiser(n, 8.6), rtol=1e-6, atol=1e-7)
