"""QR decompositions, which LAPACK computes; any leading axes are batches.

Matrices come as their transposes, which in memory are what LAPACK takes, and Q goes as its transpose.
"""

from __future__ import annotations

import numpy as np

from ..arrays.array import array
from ..arrays.emit import constant, emit, spread, zeros
from ..core.avals import Aval, aval
from ..core.primitive import structural
from .linalg import adjoint, block, hermitian, joined, product, transposed, triangle, turned_back


def _factors(x: Aval, complete: bool) -> tuple[Aval, Aval]:
    *batch, n, m = x.shape
    columns = m if complete else min(m, n)
    return aval((*batch, columns, m), x.dtype), aval((*batch, columns, n), x.dtype)


def _qr(g_q: array | None, g_r: array | None, q: array, r: array) -> array:
    """(g_Q + Q copy(g_R R^H - Q^H g_Q)) R^-H, where copy takes a Hermitian matrix from the upper triangle.

    Walter and Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum
    experimental design", 2010. Further columns of R, behind a square part, are Q^H A_2 (Roberts and Roberts, "QR
    and LQ decomposition matrix backpropagation algorithms for square, wide, and deep matrices", 2020). Further
    columns of Q, a basis of what is left, turn against the first: -Q_2 g_2^H Q_1 R^-H.
    """
    whole, g_whole = transposed(q), zeros(transposed(q)) if g_q is None else transposed(g_q)
    g_r = zeros(r) if g_r is None else g_r
    (m, columns), n = whole.shape[-2:], r.shape[-1]
    k = min(m, n)
    first, g_first = block(whole, 0, m, 0, k), block(g_whole, 0, m, 0, k)
    square, g_square = block(r, 0, k, 0, k), triangle(block(g_r, 0, k, 0, k), lower=False)
    more = None
    if n > m:
        rest, g_rest = block(r, 0, m, m, n - m), block(g_r, 0, m, m, n - m)
        more = product(first, g_rest)
        g_first = emit("add", g_first, product(product(first, rest), adjoint(g_rest)))
    turned = emit("subtract", product(g_square, adjoint(square)), product(adjoint(first), g_first))
    found = emit("add", g_first, product(first, _copied(turned)))
    if columns > k:
        found = emit("subtract", found, turned_back(whole, g_whole, k, "qr"))
    found = adjoint(emit("solve_triangular", square, adjoint(found), lower=False, unit=False, of="qr"))
    return transposed(found if more is None else joined(-1, found, more))


def _copied(x: array) -> array:
    """The Hermitian matrices with this upper triangle, of which the diagonal is made real."""
    n = x.shape[-1]
    weights = np.triu(np.full((n, n), 2), 1) + np.eye(n)
    return hermitian(emit("multiply", x, spread(constant(weights.astype(x.dtype)), x.shape)))


structural("qr", "x", _factors, outputs="q r", vjp={"x": _qr}, on="cpu")
