"""What the tests compare with: finite differences, inner products, and how far off a result may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import fastvjp as mx

STEP = 1e-3
"""Of finite differences of the fourth order: truncation and rounding errors both stay below `TOLERANCE`."""
TOLERANCE = 1e-7
ROUNDING = 4 * np.finfo(float).eps
"""Of the values of a function, relative, up to which their differences are not told from 0."""

Function = Callable[..., list[Any]]
"""Takes arrays, returns a list of arrays."""


def is_inexact(x: Any) -> bool:
    return x.dtype.kind in "fc"


def direction(rng: np.random.Generator, like: np.ndarray) -> np.ndarray:
    """Random numbers in [-1, 1] of the same shape and dtype; zeros where it is not floating."""
    values = rng.uniform(-1, 1, like.shape)
    if like.dtype.kind == "c":
        values = values + 1j * rng.uniform(-1, 1, like.shape)
    return (values if is_inexact(like) else np.zeros(like.shape)).astype(like.dtype)


def inner(xs: Sequence[Any], ys: Sequence[Any]) -> tuple[float, float]:
    """The real inner product of lists of arrays, and the sum of the sizes of its terms."""
    terms = [(np.conj(x) * y).real.ravel() for x, y in zip(xs, ys, strict=True) if is_inexact(x)]
    flat = np.concatenate(terms) if terms else np.zeros(0)
    return float(flat.sum()), float(np.abs(flat).sum())


def differences(fun: Function, xs: Sequence[np.ndarray], vs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Derivative of a NumPy function along `vs`.

    Where a quarter of the step gives something else, a singularity or a kink is near: each number is then that of
    the step that differs least from the one before.
    """
    found = last = _by_step(fun, xs, vs, STEP)
    gaps = [np.full(np.shape(y), np.inf) for y in found]
    for quarter in range(1, 4):
        finer = _by_step(fun, xs, vs, STEP / 4**quarter)
        with np.errstate(invalid="ignore"):
            now = [np.abs(y - z) for y, z in zip(finer, last, strict=True)]
        if all((n <= TOLERANCE / 100 * np.maximum(1, np.abs(y))).all() for n, y in zip(now, last, strict=True)):
            break
        found = [np.where(n < gap, y, z) for n, gap, y, z in zip(now, gaps, finer, found, strict=True)]
        gaps = [np.fmin(n, gap) for n, gap in zip(now, gaps, strict=True)]
        last = finer
    return found


def _by_step(fun: Function, xs: Sequence[np.ndarray], vs: Sequence[np.ndarray], step: float) -> list[np.ndarray]:
    def at(t: float) -> list[np.ndarray]:
        moved = [x + t * v if is_inexact(x) else x for x, v in zip(xs, vs, strict=True)]
        values = [np.asarray(y) for y in fun(*moved)]
        return [y if is_inexact(y) else y.astype(float) for y in values]

    weights = {1: 8, -1: -8, 2: -1, -2: 1}
    points = [[w * y for y in at(i * step)] for i, w in weights.items()]
    return [_sum_of(terms) / (12 * step) for terms in zip(*points, strict=True)]


def _sum_of(terms: Sequence[np.ndarray]) -> np.ndarray:
    """The sum of some arrays, and 0 where it may be all rounding errors: so a derivative of 0 is found to be 0."""
    total = sum(terms[1:], terms[0])
    return np.where(np.abs(total) <= ROUNDING * sum(map(np.abs, terms)), 0, total)


def check_derivatives(
    fun: Function,
    smooth: Function,
    primals: Sequence[np.ndarray],
    rng: np.random.Generator,
    *,
    forward: bool = True,
) -> None:
    """Assert that vjp and, with `forward`, jvp of `fun` are those of the NumPy function `smooth`.

    <v, J^T u> = <J v, u> for random u and v, with J v from finite differences; for complex numbers the inner
    product is the real one.
    """
    arrays = [mx.array(x) for x in primals]
    outputs = [np.asarray(y) for y in smooth(*primals)]
    us = [direction(rng, np.asarray(y)) for y in fun(*arrays)]
    vs = [direction(rng, x) for x in primals]
    expected = differences(smooth, primals, vs)
    _, vjps = mx.vjp(fun, arrays, [mx.array(u) for u in us])
    assert [(g.shape, g.dtype) for g in vjps] == [(x.shape, x.dtype) for x in primals]
    assert all(not np.asarray(g).any() for g in vjps if not is_inexact(g))
    left, left_size = inner(vs, [np.asarray(g) for g in vjps])
    right, right_size = inner(us, expected)
    error = abs(left - right)
    assert error <= TOLERANCE * (left_size + right_size), f"<v, J^T u> = {left}, <J v, u> = {right}"
    if forward:
        _, tangents = mx.jvp(fun, arrays, [mx.array(v) for v in vs])
        for tangent, wanted, output in zip(tangents, expected, outputs, strict=True):
            if is_inexact(output):
                size = max(np.abs(wanted).max(initial=0), np.abs(output).max(initial=0))
                np.testing.assert_allclose(np.asarray(tangent), wanted, rtol=TOLERANCE, atol=TOLERANCE * size)
            else:  # where a step is crossed, differences are no derivative
                assert not np.asarray(tangent).any()


def assert_close(got: Any, want: np.ndarray, ulp: float = 4, at_least: float = 0) -> None:
    """Assert shape, and values within `ulp` units in the last place of the result or of `at_least`.

    The dtype of `got` says what a unit is; `want` may be more precise. Complex numbers are measured whole.
    """
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    if not is_inexact(got):
        np.testing.assert_array_equal(got, want.astype(got.dtype))
        return
    with np.errstate(all="ignore"):
        rounded = want.astype(got.dtype)
        special = ~np.isfinite(rounded) | ~np.isfinite(got)
        np.testing.assert_array_equal(got[special], rounded[special])
        limits = np.finfo(got.dtype)
        unit = np.maximum(np.maximum(np.abs(want), at_least) * limits.eps, limits.smallest_subnormal)
        error = np.where(special, 0, np.abs(got.astype(want.dtype) - want) / unit)
    worst = np.argmax(error) if error.size else None
    if worst is not None and error.flat[worst] > ulp:
        raise AssertionError(f"{got.flat[worst]!r} is {error.flat[worst]:.3g} ulp from {want.flat[worst]!r}")


def assert_same_zeros(got: Any, want: np.ndarray) -> None:
    """Assert that zeros of a real result have the sign that they should have."""
    got = np.asarray(got)
    if got.dtype.kind == "f":
        zeros = (want == 0) & (got == 0)
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(want[zeros]))


def precise(x: np.ndarray) -> np.ndarray:
    """The same numbers in double precision."""
    return x.astype({"float32": "float64", "complex64": "complex128"}.get(x.dtype.name, x.dtype))


def all_pairs(values: np.ndarray, count: int) -> list[np.ndarray]:
    """All combinations of `count` of the values, as that many 1-D arrays."""
    return [np.ascontiguousarray(grid.ravel()) for grid in np.meshgrid(*[values] * count, indexing="ij")]
