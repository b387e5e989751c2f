"""Calls of scipy.linalg: of a namespace, a square matrix and a tall one; results that depend on no choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Call = Callable[[Any, Any, Any], Any]


def _sized(a: Any) -> Any:
    """Well conditioned."""
    return a / 4 + np.diag([1.0, 2.0, 3.0])


def _definite(a: Any) -> Any:
    return a @ np.swapaxes(a, -1, -2) + np.diag([1.0, 2.0, 3.0])


def _rebuilt(w: Any, v: Any) -> Any:
    """Eigenvectors, whose signs are free."""
    return w, (v * w) @ np.swapaxes(v, -1, -2)


def _projector(q: Any) -> Any:
    """Of vectors that may be turned."""
    return q @ np.swapaxes(q, -1, -2)


LINALG: dict[str, list[Call]] = {
    "inv": [
        lambda la, a, b: la.inv(_sized(a), False, True),
        lambda la, a, b: la.inv(_definite(a) + a, assume_a="pos"),
        lambda la, a, b: la.inv(_sized(a), assume_a="upper triangular"),
    ],
    "solve": [
        lambda la, a, b: la.solve(_sized(a), b, overwrite_a=False),
        lambda la, a, b: la.solve(_sized(a), b[:, 0], transposed=True),
        lambda la, a, b: la.solve(_sized(a), b, lower=True, assume_a="sym"),
        lambda la, a, b: la.solve(_sized(a), b, assume_a="lower triangular"),
    ],
    "solve_triangular": [
        lambda la, a, b: la.solve_triangular(_sized(a), b),
        lambda la, a, b: la.solve_triangular(_sized(a), b[:, 0], "T", lower=True, unit_diagonal=True),
        lambda la, a, b: la.solve_triangular(_sized(a), b, 2, True, check_finite=False),
    ],
    "solve_toeplitz": [
        lambda la, a, b: la.solve_toeplitz(a[0] + np.array([5.0, 0.0, 0.0]), b),
        lambda la, a, b: la.solve_toeplitz((a[0] + np.array([5.0, 0.0, 0.0]), a[1]), b[:, 0]),
    ],
    "solve_banded": [
        lambda la, a, b: la.solve_banded((1, 1), _sized(a) + 2 * np.eye(3)[[2, 1, 0]][:, ::-1], b),
        lambda la, a, b: la.solve_banded((0, 1), b[:, :2].T + np.array([[0.0], [4.0]]), a[0], overwrite_ab=False),
        lambda la, a, b: la.solve_banded((2, 0), a + np.array([[6.0], [0.0], [0.0]]), b),
    ],
    "solveh_banded": [
        lambda la, a, b: la.solveh_banded(b.T + np.array([[0.0], [9.0]]), a),
        lambda la, a, b: la.solveh_banded(a + np.array([[9.0], [0.0], [0.0]]), b[:, 0], lower=True),
    ],
    "null_space": [
        lambda la, a, b: _projector(la.null_space(b.T)),
        lambda la, a, b: _projector(la.null_space(b @ b.T, rcond=1e-10)),
    ],
    "orth": [lambda la, a, b: _projector(la.orth(b)), lambda la, a, b: _projector(la.orth(b @ b.T, 1e-10))],
    "solve_sylvester": [lambda la, a, b: la.solve_sylvester(_sized(a), _sized(a), a)],
    "solve_continuous_lyapunov": [lambda la, a, b: la.solve_continuous_lyapunov(_sized(a), a)],
    "pinv": [
        lambda la, a, b: la.pinv(b),
        lambda la, a, b: la.pinv(_sized(a), rtol=1e-3, return_rank=True),
    ],
    "pinvh": [lambda la, a, b: la.pinvh(_definite(a) + np.tril(a, -1), lower=False)],
    "lstsq": [
        lambda la, a, b: la.lstsq(b, a[0])[:3],
        lambda la, a, b: la.lstsq(b, a, cond=1e-6, lapack_driver="gelsd"),
        lambda la, a, b: la.lstsq(_sized(a), b)[0],
    ],
    "det": [lambda la, a, b: la.det(a), lambda la, a, b: la.det(np.stack([a, _sized(a)]))],
    "norm": [
        lambda la, a, b: la.norm(a),
        lambda la, a, b: la.norm(a, 2),
        lambda la, a, b: la.norm(b, "nuc"),
        lambda la, a, b: la.norm(b, 1, axis=0, keepdims=True),
    ],
    "cholesky": [
        lambda la, a, b: la.cholesky(_definite(a)),
        lambda la, a, b: la.cholesky(_definite(a), lower=True),
    ],
    "cho_factor": [lambda la, a, b: np.triu(la.cho_factor(_definite(a))[0])],
    "cho_solve": [lambda la, a, b: la.cho_solve(la.cho_factor(_definite(a), lower=True), b)],
    "lu": [
        lambda la, a, b: la.lu(_sized(a)),
        lambda la, a, b: la.lu(b, permute_l=True),
        lambda la, a, b: la.lu(_sized(a), p_indices=True)[1:],
    ],
    "lu_factor": [lambda la, a, b: la.lu_factor(_sized(a))[0]],
    "lu_solve": [lambda la, a, b: la.lu_solve(la.lu_factor(_sized(a)), b, 1)],
    "qr": [
        lambda la, a, b: la.qr(_sized(a)),
        lambda la, a, b: la.qr(b, mode="economic"),
        lambda la, a, b: la.qr(b, mode="r")[0],
    ],
    "polar": [lambda la, a, b: la.polar(_sized(a)), lambda la, a, b: la.polar(b, side="left")],
    "eigh": [
        lambda la, a, b: _rebuilt(*la.eigh(_definite(a))),
        lambda la, a, b: la.eigh(_definite(a), lower=False, eigvals_only=True, subset_by_index=[1, 2]),
        lambda la, a, b: _rebuilt(*la.eigh(_definite(a), _definite(a @ a))),
        lambda la, a, b: _rebuilt(*la.eigh(_definite(a), _definite(a @ a), type=2)),
        lambda la, a, b: _rebuilt(*la.eigh(_definite(a), _definite(a @ a), type=3)),
    ],
    "eigvalsh": [lambda la, a, b: la.eigvalsh(_definite(a) + np.triu(a, 1))],
    "eig": [
        lambda la, a, b: np.prod(la.eig(_sized(a))[0]),
        lambda la, a, b: np.sum(la.eig(_sized(a), right=False) ** 2),
    ],
    "eigvals": [lambda la, a, b: np.sum(la.eigvals(_sized(a)) ** 3)],
    "svd": [
        lambda la, a, b: la.svd(b, compute_uv=False),
        lambda la, a, b: la.svd(_sized(a), full_matrices=False)[0] @ la.svd(_sized(a))[2],
    ],
    "svdvals": [lambda la, a, b: la.svdvals(b)],
    "expm": [lambda la, a, b: la.expm(a), lambda la, a, b: la.expm(np.stack([a, _sized(a)]))],
    "expm_frechet": [
        lambda la, a, b: la.expm_frechet(_sized(a), a),
        lambda la, a, b: la.expm_frechet(a, a @ a, compute_expm=False),
    ],
    "logm": [lambda la, a, b: la.logm(_sized(a))],
    "sqrtm": [lambda la, a, b: la.sqrtm(_sized(a))],
    "cosm": [lambda la, a, b: la.cosm(a)],
    "sinm": [lambda la, a, b: la.sinm(a)],
    "tanm": [lambda la, a, b: la.tanm(a / 8)],
    "coshm": [lambda la, a, b: la.coshm(a)],
    "sinhm": [lambda la, a, b: la.sinhm(a)],
    "tanhm": [lambda la, a, b: la.tanhm(a)],
    "toeplitz": [lambda la, a, b: la.toeplitz(a[0]), lambda la, a, b: la.toeplitz(a[0], b[:, 0])],
    "circulant": [lambda la, a, b: la.circulant(a[0])],
    "hankel": [lambda la, a, b: la.hankel(a[0]), lambda la, a, b: la.hankel(a[0], np.ravel(b))],
    "khatri_rao": [lambda la, a, b: la.khatri_rao(b, a[:, :2])],
    "block_diag": [lambda la, a, b: la.block_diag(a, b[0], 2.0)],
}
"""By names, as SciPy has them."""
