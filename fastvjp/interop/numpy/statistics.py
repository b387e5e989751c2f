"""Covariances and histograms."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array, as_arrays, numpy_of
from ...arrays.public import implements


@implements(np.cov)
def _cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, *, dtype: Any = None
) -> array:
    given = as_arrays([m] if y is None else [m, y], "cov")
    if any(x.ndim > 2 for x in given):
        raise ValueError(f"[np.cov] Expected at most two axes, got shapes {[x.shape for x in given]}.")
    rows = [ops.reshape(x, (1, -1)) if x.ndim < 2 else x if rowvar or x.shape[0] == 1 else x.T for x in given]
    x = ops.concatenate(rows, 0)
    x = ops.astype(x, np.result_type(x.dtype, np.float64) if dtype is None else dtype)
    away = x - ops.mean(x, 1, True)
    freedom = x.shape[1] - ((0 if bias else 1) if ddof is None else ddof)
    return ops.squeeze(away @ ops.conj(away).T / max(freedom, 0))


@implements(np.corrcoef)
def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> array:
    covariance = _cov(x, y, rowvar, dtype=dtype)
    if covariance.ndim == 0:
        return covariance / covariance
    deviations = ops.sqrt(ops.real(ops.diagonal(covariance)))
    return covariance / deviations[:, None] / deviations


@implements(np.histogram)
def _histogram(a: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None) -> Any:
    """Which bin an element is in is read; weights, and edges that follow from the elements, are recorded."""
    x = ops.ravel(as_array(a, "histogram"))
    values = numpy_of(x._var)
    edges: Any = np.histogram_bin_edges(values, bins, range)
    place = np.searchsorted(edges, values, "right") - 1
    place[values == edges[-1]] = len(edges) - 2
    inside = np.nonzero((place >= 0) & (place < len(edges) - 1))[0]
    if weights is None:
        found: Any = np.bincount(place[inside], minlength=len(edges) - 1)
    else:
        w = ops.ravel(as_array(weights, "histogram"))
        found = ops.zeros(len(edges) - 1, w.dtype).at[place[inside]].add(w[inside])
    if np.ndim(bins) == 0 and range is None and x.size:
        around = 0.0 if values.min() < values.max() else 0.5
        edges = ops.linspace(ops.min(x) - around, ops.max(x) + around, len(edges), dtype=edges.dtype)
    elif isinstance(bins, array):
        edges = bins
    if density:
        found = found / ops.sum(as_array(found, "histogram")) / (edges[1:] - edges[:-1])
    return as_array(found, "histogram"), as_array(edges, "histogram")
