"""Functions of scipy.linalg: ours, as SciPy calls them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .. import linalg, ops
from ..arrays.array import array, as_array, as_arrays
from ..arrays.emit import emit
from ..arrays.public import implements
from ..ops.matrix_functions import expm_frechet
from ..transforms.checkpoint import stop_gradient

F = TypeVar("F", bound=Callable[..., Any])
HOW = {
    "overwrite_a",
    "overwrite_b",
    "overwrite_ab",
    "check_finite",
    "lapack_driver",
    "driver",
    "lwork",
    "blocksize",
    "method",
}
"""Parameters that say how SciPy is to compute, not what."""
OPERANDS = {"a", "b", "c", "r", "q", "A", "E"}


def _declared(fun: F) -> F:
    """A function, by its parameters, for SciPy's of the same name; what else SciPy's takes is not recorded."""
    name = f"scipy.linalg.{fun.__name__.strip('_')}"
    known = inspect.signature(fun).parameters

    @implements(name)
    @functools.wraps(fun)
    def call(*args: Any, **options: Any) -> Any:
        theirs = _signature(name)
        given = theirs.bind(*args, **options).arguments
        for parameter in given.keys() - known.keys():
            if parameter in HOW and not isinstance(given[parameter], array):
                continue
            value, default = given[parameter], theirs.parameters[parameter].default
            if value is not default and not (isinstance(value, bool | int | str) and value == default):
                raise TypeError(f"[{name}] {parameter}= is not recorded.")
        operands = [p for p in given if p in OPERANDS and given[p] is not None]
        if len(operands) > 1:  # together: lists take the dtype of arrays that they meet
            given |= zip(operands, as_arrays([given[p] for p in operands], name), strict=True)
        return fun(**{parameter: value for parameter, value in given.items() if parameter in known})

    return fun


@functools.cache
def _signature(name: str) -> inspect.Signature:
    import scipy.linalg

    return inspect.signature(getattr(scipy.linalg, name.rpartition(".")[2]))


def _adjoint(a: array) -> array:
    return ops.conj(ops.swapaxes(a, -1, -2))


# --- systems and inverses ----------------------------------------------------------------------------------


def _whole(name: str, a: Any, structure: str | None, lower: bool) -> array:
    """Matrices of which SciPy reads a triangle alone."""
    x = as_array(a, name)
    if structure in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        half = ops.tril(x) if lower else ops.triu(x)
        other = ops.tril(x, -1) if lower else ops.triu(x, 1)
        turned = ops.swapaxes(other, -1, -2)
        return half + (turned if structure.startswith("sym") else ops.conj(turned))
    if structure in ("lower triangular", "upper triangular"):
        return ops.tril(x) if structure[0] == "l" else ops.triu(x)
    return x


@_declared
def _inv(a: Any, assume_a: Any = None, lower: bool = False) -> array:
    return linalg.inv(_whole("inv", a, assume_a, lower))


@_declared
def _solve(a: Any, b: Any, lower: bool = False, assume_a: Any = None, transposed: bool = False) -> array:
    x = _whole("solve", a, assume_a, lower)
    return linalg.solve(ops.swapaxes(x, -1, -2) if transposed else x, b)


@_declared
def _solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> array:
    return linalg.solve_triangular(a, b, trans, bool(lower), unit_diagonal)


@_declared
def _solve_toeplitz(c_or_cr: Any, b: Any) -> array:
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    x, y, z = as_arrays([c, c if r is None else r, b], "solve_toeplitz")
    return linalg.solve(linalg.toeplitz(x, None if r is None else y), z)


def _banded(name: str, ab: Any, b: Any, rows: int) -> tuple[array, array, bool]:
    """Diagonals as rows and right hand sides as columns, of one dtype and batch; whether these are a vector."""
    x, y = as_arrays([ab, b], name)
    dtype = np.result_type(x.dtype, y.dtype, np.float32)
    x, y, vector = ops.astype(x, dtype), ops.astype(y, dtype), y.ndim == 1
    y = ops.expand_dims(y, -1) if vector else y
    if x.ndim < 2 or x.shape[-2] != rows or y.ndim < 2 or y.shape[-2] != x.shape[-1]:
        raise ValueError(
            f"[scipy.linalg.{name}] Diagonals of shape {x.shape} and right hand sides of {np.shape(b)} do not "
            f"fit. Expected: {rows} diagonals in the rows of ab, and as many elements of b as each has."
        )
    lead = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    return ops.broadcast_to(x, (*lead, *x.shape[-2:])), ops.broadcast_to(y, (*lead, *y.shape[-2:])), vector


def _banded_solved(x: array, y: array, vector: bool, below: int, above: int, name: str) -> array:
    """By what is inside of the band in each column."""
    told = {"below": below, "above": above, "definite": name == "solveh_banded", "of": name}
    found = emit("banded_solve", ops.swapaxes(x, -1, -2), ops.swapaxes(y, -1, -2), **told)
    return found[..., 0, :] if vector else ops.swapaxes(found, -1, -2)


@_declared
def _solve_banded(l_and_u: tuple[int, int], ab: Any, b: Any) -> array:
    """By LU factors inside of the band."""
    below, above = map(int, l_and_u)
    x, y, vector = _banded("solve_banded", ab, b, below + above + 1)
    return _banded_solved(x, y, vector, below, above, "solve_banded")


@_declared
def _solveh_banded(ab: Any, b: Any, lower: bool = False) -> array:
    """By Cholesky factors: the other half of the band has the conjugates of the elements given, moved along."""
    width = as_array(ab, "solveh_banded").shape[-2] - 1
    x, y, vector = _banded("solveh_banded", ab, b, width + 1)
    given = [x[..., width - k if not lower else k, :] for k in range(width + 1)]
    moved = [ops.conj(_moved(row, -k if not lower else k)) for k, row in enumerate(given)]
    upper, under = (moved, given) if lower else (given, moved)
    whole = ops.stack([*upper[:0:-1], *under], -2)
    return _banded_solved(whole, y, vector, width, width, "solveh_banded")


def _moved(row: array, steps: int) -> array:
    """A diagonal so many columns to the right, with zeros in front, or to the left."""
    n, size = row.shape[-1], min(abs(steps), row.shape[-1])
    none = ops.zeros((*row.shape[:-1], size), row.dtype)
    return ops.concatenate([none, row[..., : n - size]] if steps > 0 else [row[..., size:], none], -1)


@_declared
def _pinv(a: Any, rtol: Any = None, return_rank: bool = False) -> Any:
    x = as_array(a, "pinv")
    part = max(x.shape[-2:]) * float(np.finfo(x.dtype).eps) if rtol is None else rtol
    found = linalg.pinv(x, part)
    return (found, linalg.matrix_rank(x, rtol=part)) if return_rank else found


@_declared
def _pinvh(a: Any, rtol: Any = None, lower: bool = True, return_rank: bool = False) -> Any:
    return _pinv(_whole("pinvh", a, "her", lower), rtol, return_rank)


@_declared
def _lstsq(a: Any, b: Any, cond: Any = None) -> tuple[array, ...]:
    x, y = as_arrays([a, b], "lstsq")
    part = float(np.finfo(np.result_type(x.dtype, y.dtype, np.float32)).eps) if cond is None else cond
    found, residuals, rank, values = linalg.lstsq(x, y, part)
    return found, (residuals[0] if y.ndim == 1 and residuals.size else residuals), rank, values


# --- factors -----------------------------------------------------------------------------------------------


@_declared
def _cholesky(a: Any, lower: bool = False) -> array:
    return linalg.cholesky(a, upper=not lower)


@_declared
def _lu(a: Any, permute_l: bool = False, p_indices: bool = False) -> tuple[array, ...]:
    return linalg.lu(a, permute_l, p_indices)


@_declared
def _qr(a: Any, mode: str = "full") -> Any:
    if mode == "raw":
        raise TypeError("[scipy.linalg.qr] mode='raw' is not recorded.")
    if mode == "r":  # of the shape of the full one
        return (linalg.qr(a, "full")[1],)
    return tuple(linalg.qr(a, mode))


@_declared
def _polar(a: Any, side: str = "right") -> tuple[array, array]:
    u, s, v = linalg.svd(a, full_matrices=False)
    scale, unitary = s[..., None, :], u @ v
    return unitary, ((_adjoint(v) * scale) @ v if side == "right" else (u * scale) @ _adjoint(u))


# --- eigenvalues and singular values -----------------------------------------------------------------------


@_declared
def _eigh(
    a: Any,
    b: Any = None,
    lower: bool = True,
    eigvals_only: bool = False,
    type: int = 1,
    subset_by_index: Any = None,
) -> Any:
    """Of a v = w b v by Cholesky factors b = L L^H: with C = L^-1 a L^-H, C y = w y and v = L^-H y."""
    x, factor = _whole("eigh", a, "her", lower), None
    if b is not None:
        factor = linalg.cholesky(_whole("eigh", b, "her", lower))
        if type == 1:
            x = linalg.solve_triangular(factor, _adjoint(linalg.solve_triangular(factor, x)))
        else:  # a b v = w v, or b a v = w v
            x = _adjoint(factor) @ x @ factor
    first, last = (0, x.shape[-1] - 1) if subset_by_index is None else subset_by_index
    if eigvals_only:
        return linalg.eigvalsh(x)[..., first : last + 1]
    w, v = linalg.eigh(x)
    if factor is not None:
        v = factor @ v if type == 3 else linalg.solve_triangular(factor, v, "C", lower=True)
    return w[..., first : last + 1], v[..., first : last + 1]


@_declared
def _eigvalsh(a: Any, b: Any = None, lower: bool = True, type: int = 1, subset_by_index: Any = None) -> array:
    return _eigh(a, b, lower, True, type, subset_by_index)


@_declared
def _eig(a: Any, right: bool = True) -> Any:
    return tuple(linalg.eig(a)) if right else linalg.eigvals(a)


@_declared
def _null_space(A: Any, rcond: Any = None) -> array:
    """Vectors that A makes 0. What depends on their choice has no derivative."""
    x = as_array(A, "null_space")
    _, s, v = linalg.svd(x)
    return ops.conj(ops.swapaxes(v[..., _rank("null_space", x, s, rcond) :, :], -1, -2))


@_declared
def _orth(A: Any, rcond: Any = None) -> array:
    """An orthonormal basis of the columns: left singular vectors."""
    x = as_array(A, "orth")
    u, s, _ = linalg.svd(x, full_matrices=False)
    return u[..., : _rank("orth", x, s, rcond)]


def _rank(name: str, x: array, s: array, rcond: Any) -> int:
    """How many singular values count: as the result has so many columns, it is read, and is one for a batch."""
    part = max(x.shape[-2:]) * float(np.finfo(s.dtype).eps) if rcond is None else rcond
    if not s.size:
        return 0
    s = stop_gradient(s)
    ranks = np.unique(np.asarray(ops.sum(s > ops.max(s, -1, keepdims=True) * part, -1)))
    if ranks.size > 1:
        raise ValueError(f"[scipy.linalg.{name}] Matrices of the ranks {ranks.tolist()}. Expected: of one rank.")
    return int(ranks[0])


@_declared
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    found = linalg.svd(a, full_matrices, compute_uv)
    return tuple(found) if compute_uv else found


# --- functions of matrices ---------------------------------------------------------------------------------


@_declared
def _logm(A: Any) -> array:
    return linalg.logm(A)


@_declared
def _sqrtm(A: Any) -> array:
    return linalg.sqrtm(A)


@_declared
def _expm_frechet(A: Any, E: Any, compute_expm: bool = True) -> Any:
    along = expm_frechet(A, E)
    return (linalg.expm(A), along) if compute_expm else along


def _of_exponentials(name: str, combine: Callable[[Any, Any], Any], imaginary: bool) -> None:
    """What is made of exp(X) and exp(-X), or of exp(iX) and exp(-iX)."""

    def function(A: Any) -> array:
        x = as_array(A, name)
        turned = 1j * x if imaginary else x
        found = combine(linalg.expm(turned), linalg.expm(-turned))
        return ops.real(found) if imaginary and x.dtype.kind != "c" else found

    function.__name__ = name
    _declared(function)


_of_exponentials("cosm", lambda p, m: (p + m) / 2, True)
_of_exponentials("sinm", lambda p, m: (p - m) / 2j, True)
_of_exponentials("tanm", lambda p, m: -1j * linalg.solve(p + m, p - m), True)
_of_exponentials("coshm", lambda p, m: (p + m) / 2, False)
_of_exponentials("sinhm", lambda p, m: (p - m) / 2, False)
_of_exponentials("tanhm", lambda p, m: linalg.solve(p + m, p - m), False)


@_declared
def _solve_continuous_lyapunov(a: Any, q: Any) -> array:
    """a x + x a^H = q."""
    x = as_array(a, "solve_continuous_lyapunov")
    return linalg.solve_sylvester(x, _adjoint(x), q)


# --- matrices of parts -------------------------------------------------------------------------------------


@_declared
def _circulant(c: Any) -> array:
    x = as_array(c, "circulant")
    return linalg.toeplitz(x, ops.concatenate([x[..., :1], ops.flip(x[..., 1:], -1)], -1))


@_declared
def _hankel(c: Any, r: Any = None) -> array:
    """Constant along each diagonal that rises: a Toeplitz matrix from the last column on."""
    x, y = as_arrays([c, c if r is None else r], "hankel")
    y = ops.zeros_like(x) if r is None else y
    column = ops.concatenate([x[..., -1:], y[..., 1:]], -1)
    return ops.flip(linalg.toeplitz(ops.flip(x, -1), column), -2)


@_declared
def _khatri_rao(a: Any, b: Any) -> array:
    """The Kronecker product of each column with that of the other."""
    x, y = as_arrays([a, b], "khatri_rao")
    found = x[..., :, None, :] * y[..., None, :, :]
    return ops.reshape(found, (*found.shape[:-3], x.shape[-2] * y.shape[-2], x.shape[-1]))


for _function in (
    linalg.norm, linalg.det, linalg.cho_factor, linalg.cho_solve, linalg.lu_factor, linalg.lu_solve,
    linalg.eigvals, linalg.svdvals, linalg.solve_sylvester, linalg.toeplitz,
):  # fmt: skip
    _declared(_function)
implements("scipy.linalg.expm")(linalg.expm)
implements("scipy.linalg.block_diag")(linalg.block_diag)
