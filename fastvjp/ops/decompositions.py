"""Decompositions of matrices: triangular factors, eigenvalues, singular values."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arrays.array import array
from ..arrays.calls import recorded
from ..arrays.emit import emit, emit_all, filled
from ..arrays.public import public
from ..primitives.linalg import identity, transposed
from .common import ArrayLike
from .matrices import matrices, square


@public(recorded(), within="linalg", numpy=np.linalg.cholesky)
def cholesky(a: ArrayLike, upper: bool = False) -> array:
    """Cholesky factors of Hermitian, positive definite matrices: a = L L^H with L lower triangular.

    Args:
        a: matrices of shape (..., n, n), of which one triangle is read: the upper with `upper`, else the lower.
        upper: return the upper factor instead, U with a = U^H U.

    Returns:
        Array of that shape, floating. Derivatives are those of a function of Hermitian matrices: the cotangent of
        `a` is Hermitian, whichever triangle was read (Murray, "Differentiation of the Cholesky decomposition",
        2016).

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices, or a matrix is not positive definite; says which one.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.cholesky(fastvjp.array([[4.0, 2.0], [2.0, 5.0]]))
        array([[2, 0],
               [1, 2]], dtype=float32)
    """
    return emit("cholesky", square("cholesky", a), upper=bool(upper))


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: array
    R: array


@public(within="linalg", numpy=np.linalg.qr)
def qr(a: ArrayLike, mode: str = "reduced") -> Any:
    """QR decompositions of matrices: a = Q R with orthonormal columns of Q, and R upper triangular.

    Args:
        a: matrices of shape (..., m, n).
        mode: "reduced" (or "economic") for Q of shape (..., m, k) and R of shape (..., k, n), k = min(m, n);
            "complete" (or "full") for Q of shape (..., m, m) and R of shape (..., m, n), where further columns of
            Q are a basis of what is left; "r" for R of the reduced one alone.

    Returns:
        A named tuple of `Q` and `R`, or R; floating. Derivatives: Walter and Lehmann, "Algorithmic differentiation
        of linear algebra functions with application in optimum experimental design", 2010, and, of wide matrices,
        Roberts and Roberts, "QR and LQ decomposition matrix backpropagation algorithms", 2020. What depends on the
        choice of further columns of Q has no derivative.

    Raises:
        ValueError: another `mode`.
        numpy.linalg.LinAlgError: `a` has no matrices. Of derivatives: the first k columns of a matrix are linearly
            dependent, or see above.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.qr(fastvjp.array([[3.0], [4.0]])).R
        array([[-5]], dtype=float32)
    """
    modes = {"reduced": False, "economic": False, "r": False, "complete": True, "full": True}
    if mode not in modes:
        raise ValueError(f"[qr] Expected mode to be 'reduced', 'complete' or 'r', got {mode!r}.")
    q, r = _qr(a, modes[mode])
    return r if mode == "r" else QRResult(q, r)


@recorded()
def _qr(a: ArrayLike, complete: bool) -> tuple[array, ...]:
    x = matrices("qr", a)
    m, n = x.shape[-2:]
    if not min(m, n):
        q, r = emit_all("qr", transposed(x), complete=False)
        return (identity(m, x), filled(x.shape, x)) if complete else (transposed(q), r)
    q, r = emit_all("qr", transposed(x), complete=complete and m > n)
    return transposed(q), r


# --- eigenvalues -----------------------------------------------------------------------------------------


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: array
    eigenvectors: array


@public(within="linalg", numpy=np.linalg.eigh)
def eigh(a: ArrayLike, UPLO: str = "L") -> EighResult:
    """Eigenvalues and eigenvectors of Hermitian matrices.

    Args:
        a: matrices of shape (..., n, n), of which one triangle is read.
        UPLO: which one, "L" for the lower or "U" for the upper.

    Returns:
        A named tuple: `eigenvalues` of shape (..., n), real and ascending, and `eigenvectors` of shape
        (..., n, n), one in each column. Derivatives are those of a function of Hermitian matrices (Giles,
        "Collected matrix derivative results", 2008, section 3.1).

        Vectors of equal eigenvalues may be chosen in many ways. There what depends on values alone, or on vectors
        alone but not on their choice, has its derivative; what depends on the choice, or on both in a way of which
        the cotangents do not tell all (as V diag(f(w)) V^H), is an error.

    Raises:
        ValueError: another `UPLO`.
        numpy.linalg.LinAlgError: `a` has no square matrices, or the eigenvalues of one did not converge; says of
            which. Of derivatives: see above.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.eigh(fastvjp.array([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
        array([1, 2], dtype=float32)
    """
    return EighResult(*_eigh(a, _is_upper("eigh", UPLO)))


@recorded()
def _eigh(a: ArrayLike, upper: bool) -> tuple[array, ...]:
    return tuple(emit_all("eigh", square("eigh", a), upper=upper))


def _is_upper(name: str, triangle: str) -> bool:
    upper = {"L": False, "U": True}.get(triangle.upper()) if isinstance(triangle, str) else None
    if upper is None:
        raise ValueError(f"[{name}] Expected UPLO to be 'L' or 'U', got {triangle!r}.")
    return upper


@public(recorded(), within="linalg", numpy=np.linalg.eigvalsh)
def eigvalsh(a: ArrayLike, UPLO: str = "L") -> array:
    """Eigenvalues of Hermitian matrices.

    Args:
        a: matrices of shape (..., n, n), of which one triangle is read.
        UPLO: which one, "L" for the lower or "U" for the upper.

    Returns:
        Array of shape (..., n), real and ascending. The vjp is V diag(g) V^H, V the eigenvectors (Giles 2008,
        section 3.1): where eigenvalues are equal, that of a symmetric function of them is its derivative; of
        another, as the largest, one of those beside.

    Raises:
        ValueError: another `UPLO`.
        numpy.linalg.LinAlgError: `a` has no square matrices, or the eigenvalues of one did not converge; says of
            which.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.eigvalsh(fastvjp.array([[2.0, 0.0], [0.0, 1.0]]))
        array([1, 2], dtype=float32)
    """
    return emit("eigvalsh", square("eigvalsh", a), upper=_is_upper("eigvalsh", UPLO))


class EigResult(NamedTuple):
    """What `eig` returns."""

    eigenvalues: array
    eigenvectors: array


@public(within="linalg", numpy=np.linalg.eig)
def eig(a: ArrayLike) -> EigResult:
    """Eigenvalues and right eigenvectors of square matrices.

    Args:
        a: matrices of shape (..., n, n).

    Returns:
        A named tuple: `eigenvalues` of shape (..., n), in no order, and `eigenvectors` of shape (..., n, n), one
        of length 1 in each column. Both are complex, for real matrices too, where NumPy's dtype depends on the
        values. Derivatives: Boeddeker et al., "On the computation of complex-valued gradients with application to
        statistically optimum beamforming", 2017. Where eigenvalues are equal the same holds as for `eigh`; what
        depends on the phase of a vector has no derivative.

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices, or the eigenvalues of one did not converge; says of
            which. Of derivatives: see `eigh`; or a matrix has too few eigenvectors.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.eig(fastvjp.array([[2.0, 1.0], [0.0, 1.0]])).eigenvalues
        array([2+0j, 1+0j], dtype=complex64)
    """
    return EigResult(*_eig(a))


@recorded()
def _eig(a: ArrayLike) -> tuple[array, ...]:
    return tuple(emit_all("eig", square("eig", a)))


@public(recorded(), within="linalg", numpy=np.linalg.eigvals)
def eigvals(a: ArrayLike) -> array:
    """Eigenvalues of square matrices.

    Args:
        a: matrices of shape (..., n, n).

    Returns:
        Array of shape (..., n), complex, in no order. The vjp is V^-H diag(g) V^H, V the eigenvectors.

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices, or the eigenvalues of one did not converge; says of
            which. Of derivatives: a matrix has too few eigenvectors.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.eigvals(fastvjp.array([[0.0, 1.0], [-1.0, 0.0]])).imag
        array([1, -1], dtype=float32)
    """
    return emit("eigvals", square("eigvals", a))


# --- singular values -------------------------------------------------------------------------------------


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: array
    S: array
    Vh: array


@public(within="linalg", numpy=np.linalg.svd)
def svd(a: ArrayLike, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Singular value decompositions of matrices: a = U diag(S) Vh.

    Args:
        a: matrices of shape (..., m, n).
        full_matrices: return square U and Vh, whose further vectors are a basis of what is left.
        compute_uv: return U and Vh; else S only.
        hermitian: accepted for NumPy's sake: it says how, not what.

    Returns:
        A named tuple: `U` of shape (..., m, m) or (..., m, k), k = min(m, n), `S` of shape (..., k), real and
        descending, and `Vh` of shape (..., n, n) or (..., k, n). Derivatives: Townsend, "Differentiating the
        singular value decomposition", 2016. Where singular values are equal the same holds as for `eigh`; what
        depends on the phase of a vector, or on the choice of further vectors, has no derivative.

    Raises:
        numpy.linalg.LinAlgError: `a` has no matrices, or the singular values of one did not converge; says of
            which. Of derivatives: see `eigh`.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.svd(fastvjp.array([[0.0, 2.0], [1.0, 0.0]])).S
        array([2, 1], dtype=float32)
    """
    return SVDResult(*_svd(a, bool(full_matrices))) if compute_uv else svdvals(a)


@recorded()
def _svd(a: ArrayLike, full: bool) -> tuple[array, ...]:
    x = matrices("svd", a)
    m, n = x.shape[-2:]
    if min(m, n):
        return tuple(emit_all("svd", x, full=full and m != n))
    u, s, v = emit_all("svd", x, full=False)
    return (identity(m, x), s, identity(n, x)) if full else (u, s, v)


@public(recorded(), within="linalg", numpy=np.linalg.svdvals)
def svdvals(a: ArrayLike) -> array:
    """Singular values of matrices.

    Args:
        a: matrices of shape (..., m, n).

    Returns:
        Array of shape (..., min(m, n)), real and descending. The vjp is U diag(g) Vh (Giles 2008, section 3.2):
        where singular values are equal, that of a symmetric function of them is its derivative; at a value of
        exactly zero, a kink as that of the absolute value, it is zero.

    Raises:
        numpy.linalg.LinAlgError: `a` has no matrices, or the singular values of one did not converge; says of
            which.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.svdvals(fastvjp.array([[0.0, 2.0], [1.0, 0.0]]))
        array([2, 1], dtype=float32)
    """
    return emit("svdvals", matrices("svdvals", a))
