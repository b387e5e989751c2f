"""Derivatives that another library gets wrong, by the scripts in findings: each by a formula or by differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.checks import close, numeric_grad

import fastvjp as fv


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e160])
@pytest.mark.parametrize("signs", [(1.0, 1.0), (-1.0, 1.0)])
def test_hypot_of_equal_operands(scale: float, signs: tuple[float, float], rng: np.random.Generator) -> None:
    p = np.array(signs) * rng.uniform(1, 2) * scale
    r = np.sqrt(2) * abs(p[0])
    u = p / r
    close(fv.grad(lambda p: fv.hypot(p[0], p[1]))(p), u, rtol=1e-14)
    other = np.array([u[1], -u[0]])
    close(fv.hessian(lambda p: fv.hypot(p[0], p[1]))(p) * r, np.outer(other, other), rtol=1e-13)


def test_piecewise_exponential_far_out(rng: np.random.Generator) -> None:
    x = rng.uniform(750, 2000, 3) * [1, -1, 1]

    def cdf(x: Any) -> Any:
        return np.where(x > 0, 1 - 0.5 * np.exp(-x), 0.5 * np.exp(x))

    for f in (cdf, fv.scipy.stats.laplace.cdf):
        close(fv.grad(lambda x, f=f: np.sum(f(x)))(x), np.zeros(3))


@pytest.mark.parametrize("axes", [(-1, 0, 1), (0, -1, 1), (1, -1, 0), (-2, -1, -3)])
def test_transpose_by_negative_axes(axes: tuple[int, ...], rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4))
    weights = rng.normal(size=np.transpose(x, axes).shape)
    positive = [axis % 3 for axis in axes]
    found = fv.grad(lambda x: np.sum(weights * np.transpose(x, axes)))(x)
    close(found, np.transpose(weights, np.argsort(positive)))


def test_kron_of_three_axes(rng: np.random.Generator) -> None:
    a, b, weights = rng.normal(size=(1, 2, 2)), rng.normal(size=(2, 3, 1)), rng.normal(size=(2, 6, 2))
    of_a, of_b = fv.grad(lambda a, b: np.sum(weights * np.kron(a, b)), argnums=(0, 1))(a, b)
    close(of_a, numeric_grad(lambda a: float(np.sum(weights * np.kron(a, b))), a), rtol=1e-6)
    close(of_b, numeric_grad(lambda b: float(np.sum(weights * np.kron(a, b))), b), rtol=1e-6)


def test_norm_of_order_infinity(rng: np.random.Generator) -> None:
    x = rng.permutation([1.5, -2.5, 4.0, -8.0])
    close(fv.grad(lambda x: np.linalg.norm(x, np.inf))(x), np.where(abs(x) == 8, -1.0, 0.0))


@pytest.mark.parametrize("mode", ["maximum", "minimum", "mean"])
def test_padding_by_a_statistic_in_forward_mode(mode: str, rng: np.random.Generator) -> None:
    x, t, h = rng.permutation([1.0, 3.0, 2.0]), rng.permutation([10.0, 1.0, 100.0]), 1e-6
    differences = (np.pad(x + h * t, 1, mode) - np.pad(x - h * t, 1, mode)) / (2 * h)  # type: ignore[call-overload]
    close(fv.jvp(lambda x: np.pad(x, 1, mode), [x], [t])[1][0], differences, rtol=1e-6)  # type: ignore[call-overload]


@pytest.mark.parametrize("n", [4, 5, 6, 7])
def test_tangents_of_real_transforms_of_odd_lengths(n: int, rng: np.random.Generator) -> None:
    x, t = rng.normal(size=(2, 3))
    close(fv.jvp(lambda x: fv.fft.irfft(x, n=n), [x], [t])[1][0], np.fft.irfft(t, n=n), atol=1e-15)


def test_powers_and_products_of_complex_numbers(rng: np.random.Generator) -> None:
    z, w = rng.normal(size=3) + 1j * rng.normal(size=3), rng.normal(size=3) + 1j * rng.normal(size=3)
    close(fv.vjp(lambda z: z**3, [z], [w])[1][0], w * np.conj(3 * z**2), rtol=1e-13)
    close(fv.vjp(lambda z: z**z, [z], [w])[1][0], w * np.conj(z**z * (np.log(z) + 1)), rtol=1e-12)
    last = fv.vjp(lambda z: fv.cumprod(z)[-1], [z], [1j])[1][0]
    close(last, 1j * np.conj(np.prod(z) / z), rtol=1e-12)


def test_a_slice_of_each_written_by_one_update(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(3, 5)), rng.normal(size=2)

    def assign(a: Any, b: Any) -> Any:
        a = a.copy()
        a[1:3] = b
        return a

    wanted = a.copy()
    wanted[:, 1:3] = b
    close(fv.vmap(assign, in_axes=(0, None))(a, b), wanted)
    close(fv.vmap(lambda a: fv.slice_update(a, b, np.array([1]), [0]))(a), wanted)
    close(fv.vmap(lambda a: a.at[1:3].add(b))(fv.array(a)), a + np.pad(b, (1, 2)))


@pytest.mark.parametrize("name", ["det", "slogdet", "solve", "cumprod", "layer_norm"])
def test_second_derivatives_in_every_order_of_modes(name: str, rng: np.random.Generator) -> None:
    weights, b = rng.normal(size=(2, 3, 3))
    functions = {
        "det": np.linalg.det,
        "slogdet": lambda a: np.linalg.slogdet(a)[1],
        "solve": lambda a: np.sum(weights * np.linalg.solve(a, b)),
        "cumprod": lambda a: np.sum(weights * np.cumprod(a * np.array([1.0, 0, 1]), axis=1)),
        "layer_norm": lambda a: np.sum(weights * fv.fast.layer_norm(a, None, None, 0.1)),
    }
    f: Any = functions[name]
    a, direction, h = 2 * np.eye(3) + rng.uniform(-0.5, 0.5, (3, 3)), rng.normal(size=(3, 3)), 1e-6
    gradient = fv.grad(f)
    wanted = (gradient(a + h * direction) - gradient(a - h * direction)) / (2 * h)
    for outer in (fv.jacfwd, fv.jacrev):
        for inner in (fv.jacfwd, fv.jacrev):
            close(np.tensordot(outer(inner(f))(a), direction, 2), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 3e-6), (np.float64, 1e-13)])
def test_log_ndtr_in_the_left_tail(dtype: type, rtol: float, rng: np.random.Generator) -> None:
    x: np.ndarray = -(10 ** rng.uniform(2, 5, 5)).astype(dtype)
    z = x.astype(np.float64)
    mills = -z / (1 - z**-2 + 3 * z**-4 - 15 * z**-6 + 105 * z**-8)  # to 1e-17, from its asymptotic series
    first = fv.grad(lambda x: np.sum(fv.special.log_ndtr(x)))
    close(first(x), mills, rtol=rtol)
    close(fv.grad(lambda x: np.sum(first(x)))(x), -1 + z**-2 - 6 * z**-4 + 50 * z**-6, rtol=rtol)


@pytest.mark.parametrize("mode", ["mxfp4", "mxfp8"])
@pytest.mark.parametrize("size", [1e-30, 1e-36, 1e-38, 1e-40, 0.0])
def test_blocks_of_small_numbers(mode: str, size: float, rng: np.random.Generator) -> None:
    w = (rng.uniform(-1, 1, (2, 64)) * size).astype(np.float32)
    packed, scales = fv.quantize(w, mode=mode)
    back = np.asarray(fv.dequantize(packed, scales, mode=mode), np.float64)
    assert np.abs(back - w).max() <= max(0.3 * size, 2.0**-126)
