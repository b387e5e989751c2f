"""LU factors, what is solved by them, determinants; any leading axes are batches.

Matrices come as their transposes, which in memory are what LAPACK takes. `solve`, `det` and `slogdet` have the
matrix itself among their operands: derivatives go to it directly, not by way of the factors. `eliminate` solves
small systems, of which to factor a matrix again takes less time than to read its factors.
"""

# ruff: noqa: PLW0108  a rule is called by the names of its parameters
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays.array import array
from ..arrays.emit import cast, conjugated, constant, emit, emit_all, filled, permuted, reshaped, spread, zeros
from ..core import layouts
from ..core.avals import Aval, aval, int32
from ..core.primitive import REGISTRY, Primitive, structural
from .batching import leading
from .linalg import (
    adjoint,
    block,
    diagonal_matrix,
    diagonal_of,
    factored,
    identity,
    joined,
    product,
    transposed,
    triangle,
)


def _same(x: Aval, *_: Aval) -> Aval:
    return x


def _factors(x: Aval) -> tuple[Aval, Aval, Aval]:
    (n, m), batch = x.shape[-2:], x.shape[:-2]
    return x, aval((*batch, min(m, n)), int32), aval((*batch, m), int32)


def _solutions(x: Aval, factors: Aval, pivots: Aval, y: Aval, **_: object) -> Aval:
    return y


def _given(y: Aval, *_: Aval, **__: object) -> Aval:
    return y


# --- factors ---------------------------------------------------------------------------------------------


def _nothing(factors: array) -> array:
    return zeros(factors)


def permutation(rows: array, dtype: np.dtype) -> array:
    """P with A = P L U."""
    n = rows.shape[-1]
    shape = (*rows.shape, n)
    columns = spread(constant(np.arange(n, dtype=rows.dtype)), shape)
    return cast(emit("equal", spread(reshaped(rows, (*rows.shape, 1)), shape), columns), dtype)


def _lu(g_factors: array | None, factors: array, rows: array) -> array:
    """P L^-H (tril(L^H g_L, -1) + triu(g_U U^H)) U^-H, for square matrices.

    From L^-1 P^T dA U^-1 = L^-1 dL + dU U^-1, whose terms are strictly lower and upper (de Hoog, Anderssen and
    Lukas, "Differentiation of matrix functionals using triangular factorization", 2011). Further rows of L are
    A_2 U^-1, further columns of U L^-1 A_2.
    """
    assert g_factors is not None
    both, g = transposed(factors), transposed(g_factors)
    m, n = both.shape[-2:]
    k = min(m, n)
    square, g_lower = block(both, 0, k, 0, k), block(g, 0, k, 0, k)
    g_upper = triangle(g_lower, lower=False)

    def by_lower(x: array) -> array:
        return emit("solve_triangular", adjoint(square), x, lower=False, unit=True, of="lu")

    def by_upper(x: array) -> array:
        return adjoint(emit("solve_triangular", square, adjoint(x), lower=False, unit=False, of="lu"))

    more = None
    if m > n:
        more = by_upper(block(g, n, m - n, 0, n))
        g_upper = emit("subtract", g_upper, product(adjoint(block(both, n, m - n, 0, n)), more))
    elif n > m:
        more = by_lower(block(g, 0, m, m, n - m))
        g_lower = emit("subtract", g_lower, product(more, adjoint(block(both, 0, m, m, n - m))))
    lower, upper = triangle(square, lower=True, unit=True), triangle(square, lower=False)
    g_lower = triangle(g_lower, lower=True, unit=True)
    ones = identity(k, square)
    inner = emit(
        "add",
        triangle(product(adjoint(emit("add", lower, ones)), g_lower), lower=True, unit=True),
        triangle(product(g_upper, adjoint(upper)), lower=False),
    )
    found = by_upper(by_lower(inner))
    if more is not None:
        found = joined(-2 if m > n else -1, found, more)
    return transposed(product(permutation(rows, found.dtype), found))


# --- solutions -------------------------------------------------------------------------------------------


def _solve_x(
    g: array,
    x: array,
    factors: array,
    pivots: array,
    out: array,
    adjoined: bool,
    checked: int | None,
    of: str,
) -> array:
    """-w out^H for the matrix, with w of `_solve_y`; all three transposed here (Giles 2008, section 2.3.1)."""
    w = _solve_y(g, x, factors, pivots, adjoined, checked, of)
    left, right = (w, out) if adjoined else (out, w)
    return emit("negative", product(adjoint(left), right))


def _solve_y(
    g: array, x: array, factors: array, pivots: array, adjoined: bool, checked: int | None, of: str
) -> array:
    """What the adjoint matrix gives g of."""
    return emit("solve", x, factors, pivots, g, adjoined=not adjoined, checked=checked, of=of)


def _systems_together(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, /, **params: object
) -> list[array]:
    """Right hand sides of one matrix are solved in one go."""
    if any(batched[:-1]):
        return leading(p, xs, batched, size, **params)
    *matrix, y = xs
    (*lead, systems, n) = y.shape[1:]
    axes = tuple(range(1, len(lead) + 1))
    y = reshaped(permuted(y, (*axes, 0, y.ndim - 2, y.ndim - 1)), (*lead, size * systems, n))
    out = reshaped(emit(p.name, *matrix, y, **params), (*lead, size, systems, n))
    back = (len(lead), *range(len(lead)), out.ndim - 2, out.ndim - 1)
    return [permuted(out, back)]


def _factored_once(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, /, checked: bool, of: str
) -> list[array]:
    """Many right hand sides of one matrix are worth its factors."""
    x, y = xs
    if batched[0]:
        return leading(p, xs, batched, size, checked=checked, of=of)
    solve, told = REGISTRY["solve"], {"adjoined": False, "checked": 0 if checked else None, "of": of}
    (rows,) = _systems_together(
        solve, [*factored(transposed(x)), transposed(y)], [False, False, False, True], size, **told
    )
    return [transposed(rows)]


def _eliminate_x(g: array, x: array, out: array, checked: bool, of: str) -> array:
    """-w out^H with w of `_eliminate_y` (Giles 2008, section 2.3.1)."""
    return emit("negative", product(_eliminate_y(g, x, checked, of), adjoint(out)))


def _eliminate_y(g: array, x: array, checked: bool, of: str) -> array:
    """The w with x^H w = g."""
    return emit("eliminate", adjoint(x), g, checked=checked, of=of)


def _inverse_back_x(g: array, y: array, x: array) -> array:
    """-(y x^H g^H + g^H x^H y)."""
    left, right = product(product(y, adjoint(x)), adjoint(g)), product(product(adjoint(g), adjoint(x)), y)
    return emit("negative", emit("add", left, right))


# --- determinants ----------------------------------------------------------------------------------------


def _det(g: array, x: array, factors: array, pivots: array) -> array:
    """g times the cofactors, which are the transposed adjugate: of singular matrices, too."""
    adjugate = emit("adjugate", x, factors, pivots)
    return emit("scale", spread(reshaped(g, (*g.shape, 1, 1)), x.shape), adjugate)


def _adjugate(g: array, x: array) -> array:
    """U (diag(q diag(G)) - q o G) V^H, for x = U diag(s) V^H, with G = conj(c) V^H g U, c = det(U V^H).

    As adj(x) = c V adj(diag(s)) U^H, and adj(diag(s) + E) is linear in small E, with products q_ij of all s but
    two: zeros among them, and equal ones, do no harm. (`x` is transposed, the adjugate is not.)
    """
    u, s, v = emit_all("svd", x, full=False)
    c = conjugated(emit("multiply", determinant(u), determinant(v)))
    turned = product(product(v, transposed(g)), u)
    turned = emit("multiply", turned, spread(reshaped(c, (*c.shape, 1, 1)), x.shape))
    q = cast(_products_of_others(s), x.dtype)
    diagonal = product(q, reshaped(diagonal_of(turned), (*s.shape, 1)))
    inner = diagonal_matrix(reshaped(diagonal, s.shape), x.dtype)
    return product(product(u, emit("subtract", inner, emit("multiply", q, turned))), v)


def determinant(x: array) -> array:
    """The determinants of matrices, by their factors."""
    x, lu, pivots = factored(x)
    signed = emit("multiply", diagonal_of(lu), exchanges(pivots, lu.dtype))
    return emit("det", emit("prod", signed, axes=(signed.ndim - 1,)), x, lu, pivots)


def exchanges(pivots: array, dtype: np.dtype) -> array:
    """-1 for each exchange of rows, else 1."""
    shape = pivots.shape
    own = spread(constant(np.arange(shape[-1], dtype=pivots.dtype)), shape)
    one = cast(filled(shape, pivots, 1), dtype)
    return emit("select", emit("equal", pivots, own), one, emit("negative", one))


def _products_of_others(s: array) -> array:
    """For i and j the product of all but s_i and s_j; 0 for i = j."""
    shape, n, last = (*s.shape, s.shape[-1]), s.shape[-1], s.ndim
    rows = spread(reshaped(s, (*s.shape[:-1], 1, n)), shape)
    later = spread(constant(np.tri(n, k=-1, dtype=bool).T.copy()), shape)
    between = emit(
        "cumprod", emit("select", later, rows, filled(shape, s, 1)), axis=last, reverse=False, exclusive=True
    )
    before = emit("cumprod", s, axis=last - 1, reverse=False, exclusive=True)
    behind = emit("cumprod", s, axis=last - 1, reverse=True, exclusive=True)
    before = spread(reshaped(before, (*s.shape, 1)), shape)
    behind = spread(reshaped(behind, (*s.shape[:-1], 1, n)), shape)
    above = triangle(emit("multiply", emit("multiply", before, between), behind), lower=False, unit=True)
    return emit("add", above, transposed(above))


def _slogdet(g: array, y: array, x: array, factors: array, pivots: array, out: array, part: str) -> array:
    """c A^-H with c = g for the logarithm (Giles 2008, section 2.2.4), i Im(g conj(sign)) for the sign."""
    if part == "sign":
        along = emit("imag", emit("scale", g, out))
        g = emit("multiply", cast(along, x.dtype), filled(g.shape, x, 1j))
    inverse = emit(
        "solve", x, factors, pivots, identity(x.shape[-1], x), adjoined=False, checked=None, of="slogdet"
    )
    c = spread(reshaped(cast(g, x.dtype), (*g.shape, 1, 1)), x.shape)
    return emit("scale", c, transposed(inverse))


structural("lu", "x", _factors, outputs="factors pivots rows", vjp={"x": _lu}, on="cpu")
structural(
    "solve",
    "x factors pivots y",
    _solutions,
    vjp={"x": _solve_x, "factors": _nothing, "y": _solve_y},
    batch=_systems_together,
    on="cpu",
    fails=True,
)
structural(
    "eliminate",
    "x y",
    lambda x, y, **_: y,
    vjp={"x": _eliminate_x, "y": _eliminate_y},
    batch=_factored_once,
    on="cpu",
    fails=True,
)
structural(
    "inverse",
    "x",
    lambda x, **_: x,
    vjp={"x": lambda g, out: emit("inverse_back", g, out)},
    on="cpu",
    fails=True,
)
structural(
    "inverse_back",  # -x^H y x^H (Giles 2008, section 2.2.3)
    "y x",
    _same,
    vjp={"y": lambda g, x: emit("inverse_back", g, adjoint(x)), "x": _inverse_back_x},
    on="cpu",
)
structural("adjugate", "x factors pivots", _same, vjp={"x": _adjugate, "factors": _nothing}, on="cpu")
structural(
    "det",
    "y x factors pivots",
    _given,
    view=layouts.same,
    vjp={"y": lambda y: zeros(y), "x": _det, "factors": _nothing},
)
structural(
    "slogdet",
    "y x factors pivots",
    _given,
    view=layouts.same,
    vjp={"y": lambda y: zeros(y), "x": _slogdet, "factors": _nothing},
)
