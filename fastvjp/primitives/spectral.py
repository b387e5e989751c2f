"""Eigenvalues and singular values, which LAPACK computes; any leading axes are batches.

Where values are equal it is an accident which vectors belong to them, and what depends on that choice has no
derivative. What does not depend on it is of three kinds. Functions of the values alone, and functions of the
vectors alone, have their right derivatives. Of functions of both the cotangents of w and V do not tell all: at the
identity the projector V V^H and the matrix V diag(w) V^H have the same ones for V, and other derivatives. The
primitive `by_gaps`, by which all goes that concerns vectors, looks at what it is given and lets pass only what is
right.
"""

# ruff: noqa: PLW0108  a rule is called by the names of its parameters
from __future__ import annotations

import numpy as np

from ..arrays.array import array
from ..arrays.emit import cast, conjugated, emit, emit_all, reshaped, spread, zeros
from ..core import layouts
from ..core.avals import Aval, aval, complex64, complex128, float32
from ..core.primitive import structural
from .linalg import (
    adjoint,
    block,
    diagonal_matrix,
    diagonal_of,
    factored,
    hermitian,
    product,
    scaled,
    transposed,
    turned_back,
)

TURNED = {"both": "entries", "entries": "entries", "all": "entries"}
"""What `by_gaps` checks of tangents, where it checks this of cotangents; else nothing."""


def _real(dtype: np.dtype) -> np.dtype:
    return dtype.type(0).real.dtype


def _complex(dtype: np.dtype) -> np.dtype:
    return complex64 if dtype in (float32, complex64) else complex128


# --- inference -------------------------------------------------------------------------------------------


def _eigvalsh_aval(x: Aval, **_: object) -> Aval:
    return aval(x.shape[:-1], _real(x.dtype))


def _eigh_avals(x: Aval, **_: object) -> tuple[Aval, Aval]:
    return _eigvalsh_aval(x), x


def _eigvals_aval(x: Aval) -> Aval:
    return aval(x.shape[:-1], _complex(x.dtype))


def _eig_avals(x: Aval) -> tuple[Aval, Aval]:
    return _eigvals_aval(x), aval(x.shape, _complex(x.dtype))


def _svdvals_aval(x: Aval) -> Aval:
    return aval((*x.shape[:-2], min(x.shape[-2:])), _real(x.dtype))


def _svd_avals(x: Aval, full: bool) -> tuple[Aval, Aval, Aval]:
    (*batch, m, n), values = x.shape, _svdvals_aval(x)
    k = min(m, n)
    u, v = (*batch, m, m if full else k), (*batch, n if full else k, n)
    return aval(u, x.dtype), values, aval(v, x.dtype)


def _first(x: Aval, *_: Aval, **__: object) -> Aval:
    return x


def _sum(*terms: array | None) -> array | None:
    total = None
    for term in terms:
        total = term if total is None else total if term is None else emit("add", total, term)
    return total


# --- quotients by gaps -----------------------------------------------------------------------------------


def _gaps_x(g: array, x: array, w: array, d: array, check: str, of: str) -> array:
    return emit("by_gaps", g, conjugated(w), zeros(d), check=TURNED.get(check, "none"), of=of)


def _gaps_w(g: array, w: array, d: array, out: array, of: str) -> array:
    """Of x / (w_j - w_i): -+ g conj(out / (w_j - w_i)), summed over columns and rows."""
    term = emit("scale", g, emit("by_gaps", out, w, zeros(d), check="none", of=of))
    last = term.ndim - 1
    total = emit("subtract", emit("sum", term, axes=(last,)), emit("sum", term, axes=(last - 1,)))
    return total if w.dtype.kind == "c" or total.dtype.kind != "c" else emit("real", total)


# --- Hermitian matrices ----------------------------------------------------------------------------------


def _eigh(g_w: array | None, g_v: array | None, w: array, v: array) -> array:
    """V (diag(g_w) + F o (V^H g_v)) V^H with F_ij = 1 / (w_j - w_i), and its Hermitian part (Giles 2008, 3.1)."""
    inner = None if g_w is None else diagonal_matrix(g_w, v.dtype)
    if g_v is not None:
        check, d = ("turns", zeros(w)) if g_w is None else ("both", emit("stop_gradient", g_w))
        inner = _sum(inner, emit("by_gaps", product(adjoint(v), g_v), w, d, check=check, of="eigh"))
    assert inner is not None
    return hermitian(product(product(v, inner), adjoint(v)))


def _eigvalsh(g: array, x: array, upper: bool) -> array:
    """V diag(g) V^H."""
    _, v = emit_all("eigh", x, upper=upper)
    return product(scaled(v, g), adjoint(v))


# --- any square matrices ---------------------------------------------------------------------------------


def _eig(g_w: array | None, g_v: array | None, x: array, w: array, v: array) -> array:
    """V^-H (diag(g_w) + conj(F) o (M - V^H V diag(Re M))) V^H with M = V^H g_v, F_ij = 1 / (w_j - w_i).

    Giles 2008, section 3.1, and what keeps vectors at length 1 (Boeddeker, Hanebrink, Drude, Heymann and
    Haeb-Umbach, "On the computation of complex-valued gradients with application to statistically optimum
    beamforming", 2017).
    """
    inner = None if g_w is None else diagonal_matrix(g_w, v.dtype)
    if g_v is not None:
        turned = product(adjoint(v), g_v)
        lengths = emit("real", diagonal_of(turned))
        turned = emit("subtract", turned, scaled(product(adjoint(v), v), lengths))
        check, d = ("vectors", zeros(w)) if g_w is None else ("all", emit("stop_gradient", g_w))
        inner = _sum(inner, emit("by_gaps", turned, conjugated(w), d, check=check, of="eig"))
    assert inner is not None
    right = transposed(product(inner, adjoint(v)))
    factors = factored(transposed(v))
    found = transposed(emit("solve", *factors, right, adjoined=True, checked=16, of="eig"))
    return found if x.dtype.kind == "c" else emit("real", found)


def _eigvals(g: array, x: array) -> array:
    w, v = emit_all("eig", x)
    return _eig(g, None, x, w, v)


# --- singular values -------------------------------------------------------------------------------------


def _svd(g_u: array | None, g_s: array | None, g_v: array | None, u: array, s: array, v: array) -> array:
    """The cotangent of a = U diag(s) V^H; `v` is V^H.

    U (diag(g_s) + E- o (M_u + M_v) + E+ o (M_u - M_v)) V^H, of which E- o and E+ o take the skew parts, with
    M_u = U^H g_u, M_v = V^H g_v, E-_ij = 1 / (s_j - s_i), E+_ij = 1 / (s_j + s_i), and what turns vectors out of
    the spaces of U and V (Townsend, "Differentiating the singular value decomposition", 2016; its terms are
    written here so that gaps matter only to what is said of both U and V).
    """
    m, n, k = u.shape[-2], v.shape[-1], s.shape[-1]
    if g_u is None and g_v is None:
        assert g_s is not None
        return _values_alone(g_s, block(u, 0, m, 0, k), s, block(v, 0, k, 0, n))
    inverse = emit("reciprocal", s)
    turned_u, out_u = (None, None) if g_u is None else _turned(g_u, u, inverse)
    turned_v, out_v = (None, None) if g_v is None else _turned(adjoint(g_v), adjoint(v), inverse)
    together = _sum(turned_u, turned_v)
    against = _sum(turned_u, None if turned_v is None else emit("negative", turned_v))
    assert together is not None and against is not None
    check, d = ("turns", zeros(s)) if g_s is None else ("both", emit("stop_gradient", g_s))
    gaps = hermitian(emit("by_gaps", together, s, d, check=check, of="svd"))
    sums = emit(
        "add",
        spread(reshaped(s, (*s.shape, 1)), together.shape),
        spread(reshaped(s, (*s.shape[:-1], 1, k)), together.shape),
    )
    skew = emit("subtract", against, hermitian(against))
    skew = emit("scale", skew, cast(emit("reciprocal", sums), skew.dtype))
    inner = _sum(gaps, skew, None if g_s is None else diagonal_matrix(g_s, u.dtype))
    assert inner is not None
    u, v = block(u, 0, m, 0, k), block(v, 0, k, 0, n)
    left = _sum(product(u, inner), out_u)
    assert left is not None
    found = product(left, v)
    return found if out_v is None else emit("add", found, product(u, adjoint(out_v)))


def _turned(g: array, u: array, inverse: array) -> tuple[array, array | None]:
    """How the vectors u turn within their space, U^H g, and out of it, over the values.

    With further vectors, a basis of what is left, the last is U_2 (U_2^H g_1 - g_2^H U_1).
    """
    m, p, k = *u.shape[-2:], inverse.shape[-1]
    first, g_first = block(u, 0, m, 0, k), block(g, 0, m, 0, k)
    turned = product(adjoint(first), g_first)
    if m == k:
        return turned, None
    out = emit("subtract", g_first, product(first, turned))
    if p > k:
        out = emit("subtract", out, turned_back(u, g, k, "svd"))
    return turned, scaled(out, inverse)


def _values_alone(g: array, u: array, s: array, v: array) -> array:
    """U diag(g) V^H; zero for a value of zero, which is a kink as that of the absolute value."""
    zero = emit("equal", s, zeros(s))
    return product(scaled(u, emit("select", zero, zeros(s), g)), v)


def _svdvals(g: array, x: array) -> array:
    u, s, v = emit_all("svd", x, full=False)
    return _values_alone(g, u, s, v)


# --- pseudoinverses --------------------------------------------------------------------------------------


def _pinv(g: array, x: array, out: array) -> array:
    """-P^H g P^H + (1 - A P) g^H P P^H + P^H P g^H (1 - P A), for P of A (Golub and Pereyra, 1973).

    It takes nothing apart, so that equal singular values, and zeros that stay so, make no difference. Products are
    taken in the order in which they are small.
    """
    p, p_h, g_h = out, adjoint(out), adjoint(g)
    m, n = x.shape[-2:]
    if m >= n:
        left, right = product(g_h, product(p, p_h)), emit("subtract", g_h, product(g_h, product(p, x)))
        right = product(p_h, product(p, right))
    else:
        left, right = product(product(g_h, p), p_h), product(product(p_h, p), g_h)
        right = emit("subtract", right, product(product(right, p), x))
    left = emit("subtract", left, product(x, product(p, left)))
    middle = product(product(p_h, g), p_h)
    return emit("subtract", emit("add", left, right), middle)


structural(
    "by_gaps",
    "x w d",
    _first,
    vjp={"x": _gaps_x, "w": _gaps_w, "d": lambda d: zeros(d)},
    on="cpu",
    fails=True,
)
structural("eigh", "x", _eigh_avals, outputs="w v", vjp={"x": _eigh}, on="cpu", fails=True)
structural("eigvalsh", "x", _eigvalsh_aval, vjp={"x": _eigvalsh}, on="cpu", fails=True)
structural("eig", "x", _eig_avals, outputs="w v", vjp={"x": _eig}, on="cpu", fails=True)
structural("eigvals", "x", _eigvals_aval, vjp={"x": _eigvals}, on="cpu", fails=True)
structural("svd", "x", _svd_avals, outputs="u s v", vjp={"x": _svd}, on="cpu", fails=True)
structural("svdvals", "x", _svdvals_aval, vjp={"x": _svdvals}, on="cpu", fails=True)
structural("pinv", "y x", _first, view=layouts.same, vjp={"y": lambda y: zeros(y), "x": _pinv})
