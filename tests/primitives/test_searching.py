"""Quantiles, positions, distinct elements, parts by computed places, the Hadamard transform, views of bits."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from support.checks import close

import fastvjp as fv

METHODS = [
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen"),
    *("weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest"),
]


def slope(f, x, direction, step=1e-6):
    return (f(x + step * direction) - f(x - step * direction)) / (2 * step)


@pytest.mark.parametrize("method", METHODS)
def test_quantiles_by_all_methods(method, rng):
    x = rng.normal(size=(7, 5))
    q = np.concatenate([rng.uniform(size=3), [0.0, 0.25, 0.5, 1.0]])
    expected = np.quantile(x, q, 0, method=method)
    close(fv.quantile(x, q, 0, method=method), expected)
    close(fv.vmap(partial(fv.quantile, q=q, method=method), in_axes=1, out_axes=1)(fv.array(x)), expected)
    holes = np.where(rng.uniform(size=x.shape) < 0.3, np.nan, x)
    holes[:, 0] = np.nan
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="All-NaN"):
        without = np.nanquantile(holes, q, 0, method=method)
    close(np.nanquantile(fv.array(holes), q, 0, method=method), without)
    g, d = rng.normal(size=expected.shape), rng.normal(size=x.shape)
    (dx,) = fv.vjp(lambda x: np.quantile(x, q, 0, method=method), [x], [g])[1]
    close(np.sum(dx * d), np.sum(g * slope(lambda x: np.quantile(x, q, 0, method=method), x, d)), 1e-5, 1e-8)


@pytest.mark.parametrize("method", ["linear", "hazen", "weibull", "median_unbiased", "interpolated_inverted_cdf"])
def test_the_gradient_by_q(method, rng):
    x, q = rng.normal(size=6), rng.uniform(0.25, 0.8, 3)
    q = np.where(np.abs(q * 30 - np.rint(q * 30)) < 0.1, q + 0.007, q)  # nowhere near an element
    (dq,) = fv.vjp(lambda q: np.quantile(x, q, method=method), [q], [np.ones(3)])[1]
    close(dq, slope(lambda q: np.quantile(x, q, method=method), q, np.ones(3)), 1e-6)
    (under,) = fv.vjp(fv.compile(lambda q: np.quantile(x, q, method=method)), [q], [np.ones(3)])[1]
    close(under, dq)


def test_quantiles_of_other_kinds(rng):
    x = rng.integers(0, 9, (2, 3, 4))
    for axis in (None, 1, (0, 2)):
        for keepdims in (False, True):
            found, expected = fv.median(x, axis, keepdims), np.median(x, axis, keepdims=keepdims)
            assert found.shape == expected.shape and found.dtype == expected.dtype
            close(found, expected)
    assert fv.median(np.array([1, 2], np.float32)).dtype == np.float32
    assert np.isnan(float(fv.median(fv.array([1.0, np.nan]))))
    with pytest.raises(ValueError, match="range"):
        fv.quantile(fv.ones(3), 1.5)
    with pytest.raises(ValueError, match="Unknown method 'cubic'"):
        fv.quantile(fv.ones(3), 0.5, method="cubic")
    with pytest.raises(ValueError, match="no elements over axes"):
        fv.median(fv.zeros((0, 2)), 0)


@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted_where_values_are_known_and_where_not(side, rng):
    edges = np.sort(np.append(rng.integers(0, 9, 6), [np.nan] * 2))
    values = np.append(rng.integers(-1, 10, (3, 4)), [[np.nan] * 4], 0).astype(float)
    expected = np.searchsorted(edges, values, side)
    np.testing.assert_array_equal(fv.searchsorted(edges, values, side), expected)
    np.testing.assert_array_equal(fv.vmap(lambda v: np.searchsorted(edges, v, side))(fv.array(values)), expected)
    np.testing.assert_array_equal(fv.compile(partial(fv.searchsorted, side=side))(edges, values), expected)
    order = rng.permutation(edges.size)
    found = fv.searchsorted(edges[order], values, side, sorter=np.argsort(order))
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match=r"got the shape \(2, 2\)"):
        fv.searchsorted(fv.ones((2, 2)), 1.0)


def test_unique(rng):
    x = rng.integers(0, 5, (3, 4)).astype(float)
    for ours, numpys in zip(fv.unique(x, None, True, True, True), np.unique(x, True, True, True), strict=True):
        np.testing.assert_array_equal(ours, np.reshape(numpys, ours.shape))
    assert fv.unique(x, None, False, True)[1].shape == x.shape
    g = rng.normal(size=np.unique(x).size)
    (dx,) = fv.vjp(np.unique, [x], [g])[1]
    expected = np.zeros(12)
    expected[np.unique(x, return_index=True)[1]] = g
    np.testing.assert_array_equal(dx, expected.reshape(3, 4))
    with pytest.raises(ValueError, match="no element to fill up with"):
        fv.unique(fv.zeros(0), 2)


def test_unique_of_a_size_as_mlx_has_it(rng):
    mx = pytest.importorskip("mlx.core")
    x = rng.integers(0, 5, (3, 4)).astype(np.int32)
    for size in (1, 3, 8):
        for fill in (None, 7):
            ours = fv.unique(x, size, True, True, True, fill)
            theirs = mx.unique(mx.array(x), size, True, True, True, fill_value=fill)
            n = min(size, np.unique(x).size)
            np.testing.assert_array_equal(ours[0], np.array(theirs[0]))
            np.testing.assert_array_equal(np.asarray(ours[1])[:n], np.array(theirs[1])[:n])
            np.testing.assert_array_equal(ours[3], np.array(theirs[3]))
            if size >= n == np.unique(x).size:
                np.testing.assert_array_equal(ours[2], np.array(theirs[2]))


def test_parts_by_computed_places(rng):
    x, start = rng.normal(size=(4, 5, 6)), np.array([1, 2])

    def part(x, start):
        return fv.slice(x, start, (2, 0), (2, 5, 3))

    np.testing.assert_array_equal(part(x, start), x[2:4, :, 1:4])
    np.testing.assert_array_equal(fv.vmap(part, in_axes=(None, 0))(fv.array(x), fv.array([start, start - 1]))[1],
                                  x[1:3, :, 0:3])  # fmt: skip
    g = rng.normal(size=(2, 5, 3))
    expected = np.zeros_like(x)
    expected[2:4, :, 1:4] = g
    np.testing.assert_array_equal(fv.vjp(part, [x, start], [g])[1][0], expected)

    def updated(x, y):
        return fv.slice_update(x, y, fv.array(start), (2, 0))

    written = x.copy()
    written[2:4, :, 1:4] = g
    np.testing.assert_array_equal(updated(x, g), written)
    h = rng.normal(size=x.shape)
    dx, dy = fv.vjp(updated, [x, g], [h])[1]
    np.testing.assert_array_equal(dx, np.where(expected != 0, 0, h))
    np.testing.assert_array_equal(dy, h[2:4, :, 1:4])
    with pytest.raises(IndexError, match="Index 6 is out of range for axis 2"):
        fv.slice(x, np.array([5, 2]), (2, 0), (2, 5, 3))
    with pytest.raises(ValueError, match="a start for each of those named"):
        fv.slice(x, np.array([5, 2]), (2,), (2, 5, 3))


@pytest.mark.parametrize("n", [1, 2, 8, 32])
def test_hadamard_transform(n, rng):
    scipy = pytest.importorskip("scipy.linalg")
    x, g = rng.normal(size=(2, 3, n))
    matrix = scipy.hadamard(n)
    close(fv.hadamard_transform(x, 0.5), 0.5 * x @ matrix)
    close(fv.vjp(fv.hadamard_transform, [x], [g])[1][0], g @ matrix / np.sqrt(n))
    close(fv.hadamard_transform(fv.hadamard_transform(x)), x)
    with pytest.raises(ValueError, match=r"power of two, got the shape \(2, 12\)"):
        fv.hadamard_transform(fv.ones((2, 12)))


def test_views_of_bits(rng):
    x = rng.normal(size=(3, 4)).astype(np.float32)
    for dtype in ("int32", "uint8", "complex64", "float64", "float32"):
        np.testing.assert_array_equal(fv.view(x, dtype), x.view(dtype))
    np.testing.assert_array_equal(fv.array(x).view(fv.uint32).view(fv.float32), x)
    assert fv.grad(lambda x: fv.sum(x.view(fv.float32) ** 2))(fv.ones(2)).tolist() == [2, 2]
    with pytest.raises(ValueError, match=r"float32\[3,3\] cannot be seen as float64"):
        fv.view(fv.ones((3, 3)), fv.float64)


def test_others(rng):
    x = rng.normal(size=(3, 4))
    for ours, numpys in zip(fv.unstack(x, axis=-1), np.unstack(x, axis=-1), strict=True):
        np.testing.assert_array_equal(ours, numpys)
    least, most = fv.minmax(x, 0)
    np.testing.assert_array_equal(least, x.min(0))
    np.testing.assert_array_equal(most, x.max(0))
    close(fv.vecdot(x * 1j, x, axis=0), np.sum(np.conj(x * 1j) * x, 0))
    np.testing.assert_array_equal(fv.matrix_transpose(x), x.T)
    np.testing.assert_array_equal(fv.cumulative_prod(x, axis=1, include_initial=True)[:, 0], 1)
    with pytest.raises(ValueError, match="needs an axis"):
        fv.cumulative_sum(x)
    with pytest.raises(ValueError, match="at least 0, got -1"):
        fv.diff(x, -1)
