"""Calls of NumPy functions as a user writes them, by the name of the function.

Each has the shapes of its arguments and the range from which their values are drawn.
"""
# ruff: noqa: PLW0108  each case is a call as a user writes it

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

A = (4, 3)
MASK = np.array([[True, False, True], [True, True, False], [False, True, True], [True, True, True]])
WITH_NAN = np.where(MASK, 0.0, np.nan)


Shape = tuple[int, ...]
Call = tuple[Callable[..., Any], tuple[Shape, ...], float, float]


def call(f: Callable[..., Any], *shapes: Shape, low: float = -2.0, high: float = 2.0) -> Call:
    """A call, the shapes of its arguments, and the range from which their values are drawn."""
    return f, shapes, low, high


def sections(ufunc: np.ufunc, indices: Any, **options: Any) -> Callable[..., Any]:
    """A ufunc's `reduceat`."""
    return lambda a: ufunc.reduceat(a, indices, **options)


def on_masks(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a: f(a > 0, MASK)


def on_integers(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a: f((a * 5).astype(np.int32), np.array([1, 0, 2], np.int32))


FUNCTIONS: dict[str, list[Call]] = {
    "block": [call(lambda a, b: np.block([[a, b], [b, a]]), A, (4, 1))],
    "piecewise": [call(lambda a: np.piecewise(a, [MASK], [lambda v: v**2, 3.0]), A)],
    "apply_along_axis": [call(lambda a: np.apply_along_axis(lambda v: v * v[0], 0, a), A)],
    "sum": [
        call(lambda a: np.sum(a), A),
        call(lambda a: np.sum(a, 1, keepdims=True), A),
        call(lambda a: np.sum(a, axis=(0, 1), initial=2.0), A),
        call(lambda a: np.sum(a, 0, None, None, True), A),
        call(lambda a: np.sum(a, 0, where=MASK), A),
        call(lambda a: np.sum(a, dtype=np.complex128), A),
    ],
    "prod": [
        call(lambda a: np.prod(a, 1), A),
        call(lambda a: np.prod(a, axis=0, where=MASK, initial=3.0, keepdims=True), A),
    ],
    "max": [
        call(lambda a: np.max(a, 1), A),
        call(lambda a: np.max(a, axis=0, keepdims=True, initial=0.3, where=MASK), A),
    ],
    "amax": [call(lambda a: np.amax(a), A)],
    "min": [call(lambda a: np.min(a, 1), A), call(lambda a: np.min(a, initial=-0.3), A)],
    "amin": [call(lambda a: np.amin(a, axis=-1), A)],
    "all": [
        call(lambda a: np.all(a > -1.9, axis=1, keepdims=True), A),
        call(lambda a: np.all(a > 0, where=a > 0), A),
    ],
    "any": [call(lambda a: np.any(a > 1.5, axis=0), A), call(lambda a: np.any(a > 0, where=a < 0), A)],
    "mean": [
        call(lambda a: np.mean(a), A),
        call(lambda a: np.mean(a, axis=(0, 1), keepdims=True), A),
        call(lambda a: np.mean(a, 1, where=MASK), A),
        call(lambda a: np.mean(a > 0, axis=0), A),
    ],
    "var": [
        call(lambda a: np.var(a, 1, ddof=1), A),
        call(lambda a: np.var(a, axis=1, where=MASK, keepdims=True), A),
        call(lambda a: np.var(a, correction=1), A),
    ],
    "std": [
        call(lambda a: np.std(a), A),
        call(lambda a: np.std(a, axis=0, ddof=1, keepdims=True), A),
        call(lambda a: np.std(a, axis=1, where=MASK), A),
    ],
    "ptp": [call(lambda a: np.ptp(a, axis=1, keepdims=True), A)],
    "average": [
        call(lambda a: np.average(a, axis=0), A),
        call(lambda a, w: np.average(a, weights=w, axis=1), A, A, low=0.5),
        call(lambda a, w: np.average(a, axis=0, weights=w, returned=True, keepdims=True), A, (4,), low=0.5),
        call(lambda a: np.average(a, returned=True), A),
    ],
    "median": [
        call(lambda a: np.median(a, axis=0), A),
        call(lambda a: np.median(a, axis=1, keepdims=True), A),
        call(lambda a: np.median(a), A),
    ],
    "quantile": [
        call(lambda a: np.quantile(a, 0.3, axis=0), A),
        call(lambda a: np.quantile(a, [0.1, 0.9], axis=1, keepdims=True), A),
    ],
    "percentile": [
        call(lambda a: np.percentile(a, 30, axis=(0, 1)), A),
        call(lambda a: np.percentile(a, [20, 60], axis=0), A),
        call(lambda a: np.percentile(a, 20, 0, method="hazen"), A),
    ],
    "nanpercentile": [call(lambda a: np.nanpercentile(a + WITH_NAN, [20, 60], axis=0), A)],
    "nanquantile": [call(lambda a: np.nanquantile(a + WITH_NAN, 0.3, keepdims=True, method="midpoint"), A)],
    "unique": [call(lambda a: np.unique(a), A), call(lambda a: np.unique(a, return_counts=True)[0], A)],
    "nansum": [call(lambda a: np.nansum(a + WITH_NAN, axis=1), A)],
    "nanprod": [call(lambda a: np.nanprod(a + WITH_NAN, axis=1), A)],
    "nanmean": [call(lambda a: np.nanmean(a + WITH_NAN, axis=1, keepdims=True), A)],
    "nanvar": [call(lambda a: np.nanvar(a + WITH_NAN, ddof=1), A)],
    "nanstd": [call(lambda a: np.nanstd(a + WITH_NAN, axis=1), A)],
    "nanmax": [call(lambda a: np.nanmax(a + WITH_NAN, axis=1), A)],
    "nanmin": [call(lambda a: np.nanmin(a + WITH_NAN, axis=1), A)],
    "argmax": [
        call(lambda a: np.argmax(a, axis=1), A),
        call(lambda a: np.argmax(a), A),
        call(lambda a: np.argmax(a, 0, None, keepdims=True), A),
    ],
    "argmin": [call(lambda a: np.argmin(a, 0, keepdims=True), A)],
    "count_nonzero": [call(lambda a: np.count_nonzero(a > 0, axis=1), A)],
    "cumsum": [
        call(lambda a: np.cumsum(a), A),
        call(lambda a: np.cumsum(a, axis=1), A),
        call(lambda a: np.cumsum(a, 0, np.complex128), A),
        call(lambda a: np.cumsum(a > 0, axis=1), A),
    ],
    "cumprod": [call(lambda a: np.cumprod(a, 0), A)],
    "nancumsum": [call(lambda a: np.nancumsum(a + WITH_NAN, axis=0), A)],
    "nancumprod": [call(lambda a: np.nancumprod(a + WITH_NAN), A)],
    "nanmedian": [
        call(lambda a: np.nanmedian(a + WITH_NAN, axis=1, keepdims=True), A),
        call(lambda a: np.nanmedian(a + WITH_NAN), A),
        call(lambda a: np.nanmedian(a, axis=0), A),
    ],
    "cumulative_sum": [
        call(lambda a: np.cumulative_sum(a, axis=1), A),
        call(lambda a: np.cumulative_sum(a, axis=-1, include_initial=True), A),
    ],
    "cumulative_prod": [call(lambda a: np.cumulative_prod(a, axis=1), A)],
    "diff": [
        call(lambda a: np.diff(a), A),
        call(lambda a: np.diff(a, n=2, axis=0), A),
        call(lambda a, b: np.diff(a, prepend=b, append=1.0), A, (4, 1)),
        call(lambda a: np.diff(a > 0), A),
    ],
    "trapezoid": [
        call(lambda a: np.trapezoid(a, dx=0.5), A),
        call(lambda a, x: np.trapezoid(a, x, axis=0), A, (4,)),
        call(lambda a, x: np.trapezoid(a, x=x, axis=0), A, A),
    ],
    "shape": [call(lambda a: a * np.shape(a)[0], A)],
    "ndim": [call(lambda a: a * np.ndim(a), A)],
    "size": [call(lambda a: a * np.size(a) * np.size(a, 1), A)],
    "reshape": [
        call(lambda a: np.reshape(a, (2, -1)), A),
        call(lambda a: np.reshape(a, shape=12, order="C"), A),
    ],
    "ravel": [call(lambda a: np.ravel(a) ** 2, A)],
    "transpose": [
        call(lambda a: np.transpose(a), A),
        call(lambda a: np.transpose(a, (1, 0, 2)), (2, 3, 4)),
        call(lambda a: np.permute_dims(a, axes=(2, 0, 1)), (2, 3, 4)),
    ],
    "matrix_transpose": [call(lambda a: np.matrix_transpose(a), (2, 3, 4))],
    "moveaxis": [
        call(lambda a: np.moveaxis(a, 0, -1), (2, 3, 4)),
        call(lambda a: np.moveaxis(a, source=[0, 1], destination=[1, 2]), (2, 3, 4)),
    ],
    "swapaxes": [call(lambda a: np.swapaxes(a, 0, 2), (2, 3, 4))],
    "broadcast_to": [call(lambda a: np.broadcast_to(a, (5, 4, 3)), A)],
    "broadcast_arrays": [call(lambda a, b: np.broadcast_arrays(a, b), A, (3,))],
    "expand_dims": [call(lambda a: np.expand_dims(a, 1), A), call(lambda a: np.expand_dims(a, axis=(0, 2)), A)],
    "squeeze": [call(lambda a: np.squeeze(a), (1, 3, 1)), call(lambda a: np.squeeze(a, axis=0), (1, 3, 1))],
    "atleast_1d": [call(lambda a, b: np.atleast_1d(a, b), (), (3,)), call(lambda a: np.atleast_1d(a), ())],
    "atleast_2d": [call(lambda a: np.atleast_2d(a), (3,))],
    "atleast_3d": [call(lambda a, b: np.atleast_3d(a, b), (3,), A)],
    "concatenate": [
        call(lambda a, b: np.concatenate([a, b]), A, (2, 3)),
        call(lambda a, b: np.concatenate((a, b), axis=1), A, (4, 1)),
        call(lambda a, b: np.concat([a, b, a], axis=None), A, (2,)),
    ],
    "stack": [call(lambda a, b: np.stack([a, b], axis=1), A, A), call(lambda a: np.stack([a, np.ones(A)]), A)],
    "vstack": [call(lambda a, b: np.vstack([a, b]), A, (3,))],
    "hstack": [
        call(lambda a, b: np.hstack([a, b]), A, (4, 2)),
        call(lambda a, b: np.hstack([a, b]), (3,), (2,)),
    ],
    "dstack": [call(lambda a, b: np.dstack([a, b]), A, A)],
    "column_stack": [call(lambda a, b: np.column_stack([a, b]), (4,), A)],
    "append": [
        call(lambda a, b: np.append(a, b), A, (2,)),
        call(lambda a, b: np.append(a, b, axis=0), A, (1, 3)),
    ],
    "split": [
        call(lambda a: np.split(a, np.int64(2)), A),
        call(lambda a: np.split(a, [1, 2], axis=1), A),
        call(lambda a: np.split(ary=a, indices_or_sections=np.array([1, 2])), A),
    ],
    "array_split": [
        call(lambda a: np.array_split(a, 3), A),
        call(lambda a: np.array_split(a, np.array([1, 2]), axis=1), A),
    ],
    "vsplit": [call(lambda a: np.vsplit(a, 2), A)],
    "hsplit": [call(lambda a: np.hsplit(a, 3), A), call(lambda a: np.hsplit(a, 2), (4,))],
    "dsplit": [call(lambda a: np.dsplit(a, 2), (2, 3, 4))],
    "unstack": [call(lambda a: np.unstack(a, axis=1), A)],
    "sliding_window_view": [
        call(lambda a: np.lib.stride_tricks.sliding_window_view(a, 2, axis=-1), A),
        call(lambda a: np.lib.stride_tricks.sliding_window_view(a, (2, 3)), A),
        call(lambda a: np.lib.stride_tricks.sliding_window_view(a, (2, 2), axis=(0, 0)), A),
    ],
    "flip": [
        call(lambda a: np.flip(a), A),
        call(lambda a: np.flip(a, axis=1), A),
        call(lambda a: np.flip(axis=0, m=a), A),
    ],
    "flipud": [call(lambda a: np.flipud(a), A)],
    "fliplr": [call(lambda a: np.fliplr(a), A)],
    "rot90": [call(lambda a, k=k: np.rot90(a, k), A) for k in (0, 1, 2, 3, -1)],
    "roll": [call(lambda a: np.roll(a, 2), A), call(lambda a: np.roll(a, shift=(1, -1), axis=(0, 1)), A)],
    "pad": [
        call(lambda a: np.pad(a, 2), A),
        call(lambda a: np.pad(a, ((1, 0), (2, 1)), mode="constant", constant_values=3.0), A),
        call(lambda a: np.pad(a, 2, constant_values=(1.0, 2.0)), A),
        call(lambda a, b: np.pad(a, ((1, 0), (2, 1)), constant_values=b), A, (2, 2)),
        call(lambda a: np.pad(a, 1, "edge"), A),
        call(lambda a: np.pad(a, 1, mode="reflect"), A),
        *[
            call(lambda a, m=m: np.pad(a, ((2, 1), (0, 3)), m), A)
            for m in ("mean", "maximum", "minimum", "median", "linear_ramp")
        ],
        *[
            call(lambda a, m=m: np.pad(a, 2, m, stat_length=((1, 2), (9, 2))), A)
            for m in ("mean", "maximum", "minimum", "median")
        ],
        call(lambda a, b: np.pad(a, ((1, 2), (3, 1)), "linear_ramp", end_values=b), (2, 2), (2, 2)),
        call(lambda a: np.pad((3 * a).astype(int), 2, "mean"), A),
        call(lambda a: np.pad((9 * a).astype(int), 3, "linear_ramp", end_values=2), A),
    ],
    "tile": [call(lambda a: np.tile(a, 2), A), call(lambda a: np.tile(A=a, reps=(2, 1, 3)), A)],
    "repeat": [call(lambda a: np.repeat(a, 2), A), call(lambda a: np.repeat(a, [1, 0, 2], axis=1), A)],
    "diag": [call(lambda a: np.diag(a, 1), A), call(lambda a: np.diag(a, k=-1), (3,))],
    "diagflat": [call(lambda a: np.diagflat(a), (2, 2))],
    "diagonal": [
        call(lambda a: np.diagonal(a, offset=-1), A),
        call(lambda a: np.diagonal(a, 0, axis1=0, axis2=2), (2, 3, 4)),
    ],
    "trace": [
        call(lambda a: np.linalg.trace(a, offset=-1), (2, 3, 4)),
        call(lambda a: np.trace(a, offset=1), A),
        call(lambda a: np.trace(a, axis1=1, axis2=2), (2, 3, 4)),
    ],
    "tril": [call(lambda a: np.tril(a, k=1), A)],
    "triu": [call(lambda a: np.triu(a), A), call(lambda a: np.triu(a, 1), (4,))],
    "meshgrid": [
        call(lambda a, b: np.meshgrid(a, b), (3,), (2,)),
        call(lambda a, b: np.meshgrid(a, b, indexing="ij", sparse=True), (3,), (2,)),
    ],
    "where": [
        call(lambda a, b: np.where(a > b, a, b * 2), A, (3,)),
        call(lambda a: a[np.where(a > 0)], A, low=0.1),
        call(lambda a: np.where(MASK, a, 0), A),
    ],
    "select": [call(lambda a: np.select([a > 1, a > 0], [a**2, 3 * a], default=-a), A)],
    "compress": [call(lambda a: np.compress([True, False, True], a, axis=1), A)],
    "extract": [call(lambda a: np.extract(MASK, a), A)],
    "take": [
        call(lambda a: np.take(a, [3, 0, 3]), A),
        call(lambda a: np.take(a, indices=np.array([[0, 2]]), axis=1, mode="raise"), A),
        call(lambda a: np.take(a, [3, 99, -99], mode="clip", axis=0), A),
        call(lambda a: np.take(a, [[3, 99], [-99, -1]], mode="wrap"), A),
        call(lambda a: a.take(-5, 0, mode="wrap"), A),
    ],
    "i0": [call(lambda a: np.i0(a), A)],
    "real_if_close": [
        call(lambda a: np.real_if_close(a * (1 + 0j)), A),
        call(lambda a: np.real_if_close(a * 1j), A),
    ],
    "take_along_axis": [
        call(lambda a: np.take_along_axis(a, np.argsort(a, axis=1), axis=1), A),
        call(lambda a: np.take_along_axis(a, np.array([[2], [0], [1], [1]]), 1), A),
    ],
    "nonzero": [call(lambda a: a[np.nonzero(a > -3)], A)],
    "flatnonzero": [call(lambda a: np.ravel(a)[np.flatnonzero(a > -3)], A)],
    "argwhere": [call(lambda a: np.argwhere(a > 0), A)],
    "sort": [
        call(lambda a: np.sort(a), A),
        call(lambda a: np.sort(a, axis=None, kind="stable"), A),
        call(lambda a: np.sort(a, 0), A),
    ],
    "argsort": [call(lambda a: np.argsort(a, axis=0), A)],
    "dot": [
        call(lambda a, b: np.dot(a, b), A, (3, 2)),
        call(lambda a, b: np.dot(a, b), (2, 3), (4, 3, 2)),
        call(lambda a, b: np.dot(a, b), (), A),
        call(lambda a, b: a.dot(b), (3,), (3,)),
    ],
    "inner": [call(lambda a, b: np.inner(a, b), A, (2, 3))],
    "outer": [call(lambda a, b: np.outer(a, b), A, (2,))],
    "vdot": [call(lambda a, b: np.vdot(a, b), A, A)],
    "tensordot": [
        call(lambda a, b: np.tensordot(a, b, axes=([1, 0], [0, 1])), A, (3, 4, 2)),
        call(lambda a, b: np.tensordot(a, b, 1), A, (3, 2)),
    ],
    "einsum": [
        call(lambda a, b: np.einsum("ij,jk->ki", a, b, optimize=True), A, (3, 2)),
        call(lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]), A, (3, 2)),
        call(lambda a: np.einsum("...i->i...", a), A),
        call(lambda a, b: np.einsum(a, [0, ..., 1], b, [1, 2]), (2, 3, 4), (4, 2)),
    ],
    "cholesky": [call(lambda a: np.linalg.cholesky(a @ np.swapaxes(a, -1, -2) + 9 * np.eye(3)), (2, 3, 3))],
    "eigh": [call(lambda a: np.linalg.eigh(a + a.T + np.diag([0.0, 20.0, 40.0]))[0], (3, 3))],
    "inv": [call(lambda a: np.linalg.inv(a + 5 * np.eye(3)), (2, 3, 3))],
    "solve": [
        call(lambda a, b: np.linalg.solve(a + 5 * np.eye(3), b), (2, 3, 3), (3, 2)),
        call(lambda a, b: np.linalg.solve(a + 5 * np.eye(9), b=b), (9, 9), (9,)),
    ],
    "tensorinv": [call(lambda a: np.linalg.tensorinv(a + 5 * np.eye(4).reshape(4, 2, 2), ind=1), (4, 2, 2))],
    "tensorsolve": [
        call(lambda a, b: np.linalg.tensorsolve(a + 5 * np.eye(4).reshape(2, 2, 4), b), (2, 2, 4), (2, 2))
    ],
    "det": [call(lambda a: np.linalg.det(a), (2, 3, 3)), call(lambda a: np.linalg.det(a), (4, 4))],
    "slogdet": [call(lambda a: np.linalg.slogdet(a), (2, 3, 3))],
    "eigvalsh": [call(lambda a: np.linalg.eigvalsh(a + a.T, UPLO="U"), (3, 3))],
    "eig": [call(lambda a: np.linalg.eig(a + 1j * np.diag([0.0, 20.0, 40.0]))[0], (3, 3))],
    "eigvals": [call(lambda a: np.linalg.eigvals(a + 1j * np.diag([0.0, 20.0, 40.0])), (3, 3))],
    "svd": [
        call(lambda a: np.linalg.svd(a, compute_uv=False), A),
        call(lambda a: np.linalg.svd(a, full_matrices=False)[1], A),
    ],
    "qr": [
        call(lambda a: np.linalg.qr(a), (2, 4, 3)),
        call(lambda a: np.linalg.qr(a, mode="r"), (3, 4)),
    ],
    "pinv": [
        call(lambda a: np.linalg.pinv(a), (2, 4, 3)),
        call(lambda a: np.linalg.pinv(a, rcond=1e-9, hermitian=False), A),
    ],
    "lstsq": [
        call(lambda a, b: np.linalg.lstsq(a, b, rcond=None), A, (4, 2)),
        call(lambda a, b: np.linalg.lstsq(a, b)[:2], A, (4,)),
    ],
    "cond": [call(lambda a: np.linalg.cond(a), (2, 4, 3)), call(lambda a: np.linalg.cond(a, p=1), (3, 3))],
    "matrix_power": [
        call(lambda a: np.linalg.matrix_power(a, 3), (2, 3, 3)),
        call(lambda a: np.linalg.matrix_power(a + 5 * np.eye(3), n=-2), (3, 3)),
    ],
    "multi_dot": [call(lambda a, b, c: np.linalg.multi_dot([a, b, c]), (2, 3), (3, 4), (4,))],
    "svdvals": [call(lambda a: np.linalg.svdvals(a), A)],
    "kron": [call(lambda a, b: np.kron(a, b), A, (2, 2)), call(lambda a, b: np.kron(a, b), (2,), A)],
    "cross": [
        call(lambda a, b: np.cross(a, b), A, (3,)),
        call(lambda a, b: np.cross(a, b, axis=0), (3, 2), (3, 2)),
    ],
    "clip": [
        call(lambda a: np.clip(a, -0.5, 1.0), A),
        call(lambda a, b: np.clip(a, a_min=b, a_max=None), A, (3,)),
        call(lambda a: np.clip(a, min=0.1), A),
    ],
    "round": [call(lambda a: np.round(a, 1) + a, A), call(lambda a: np.round(a), A)],
    "around": [call(lambda a: np.around(a, decimals=2), A)],
    "fix": [call(lambda a: np.fix(a), A)],
    "sinc": [call(lambda a: np.sinc(a), A)],
    "real": [call(lambda a: np.real(a * (1 + 2j)), A)],
    "imag": [call(lambda a: np.imag(a * (1 + 2j)), A)],
    "angle": [call(lambda a: np.angle(a + 1j, deg=True), A)],
    "nan_to_num": [
        call(lambda a: np.nan_to_num(a + WITH_NAN, nan=2.0), A),
        call(lambda a: np.nan_to_num(a + WITH_NAN, True, 3.0), A),
    ],
    "isposinf": [call(lambda a: np.isposinf(a / np.zeros(3)), A)],
    "isneginf": [call(lambda a: np.isneginf(a / np.zeros(3)), A)],
    "isreal": [call(lambda a: np.isreal(a + np.array([0, 1j, 0])), A)],
    "iscomplex": [call(lambda a: np.iscomplex(a + np.array([0, 1j, 0])), A)],
    "isclose": [call(lambda a: np.isclose(a, a + np.array([1e-9, 1e-3, 0]), rtol=1e-5), A)],
    "allclose": [call(lambda a: np.allclose(a, a + 1e-9), A), call(lambda a: np.allclose(a, a + 1), A)],
    "array_equal": [
        call(lambda a: np.array_equal(a, a), A),
        call(lambda a: np.array_equal(a1=a, a2=a[:1]), A),
    ],
    "zeros_like": [
        call(lambda a: np.zeros_like(a), A),
        call(lambda a: np.zeros_like(a, dtype=np.int32, shape=(2,)), A),
    ],
    "empty_like": [call(lambda a: np.empty_like(a) * 0, A)],
    "ones_like": [call(lambda a: np.ones_like(a), A)],
    "full_like": [call(lambda a: np.full_like(a, 2.5), A), call(lambda a, b: np.full_like(a, b), A, (3,))],
    "geomspace": [
        call(lambda a, b: np.geomspace(a, b, 5), (2,), (2,), low=0.5),
        call(lambda a: np.geomspace(a, 9.0, 4, False, axis=-1), (3,), low=0.5),
    ],
    "logspace": [
        call(lambda a, b: np.logspace(a, b, 5), (2,), (2,)),
        call(lambda a: np.logspace(a, 2.0, 4, base=1.5), ()),
    ],
    "ix_": [call(lambda a, b: np.ix_(a, b), (3,), (2,))],
    "common_type": [call(lambda a: a.astype(np.common_type(a, np.arange(2))), (3,))],
    "linspace": [
        call(lambda a, b: np.linspace(a, b, 7), (), ()),
        call(lambda a: np.linspace(a, 3.0, num=4, endpoint=False, axis=1), (3,)),
        call(lambda a, b: np.linspace(a, b, 5, retstep=True), (2,), (2,)),
    ],
    "copy": [call(lambda a: np.copy(a), A)],
    "astype": [call(lambda a: np.astype(a, np.float64), A), call(lambda a: np.astype(a * 3, np.int32), A)],
    "result_type": [call(lambda a: np.zeros(3, np.result_type(a, np.float32, 1.0)) + a, A)],
    "can_cast": [call(lambda a: a * np.can_cast(np.float64, np.complex128), A)],
    "iscomplexobj": [call(lambda a: a * (1 + np.iscomplexobj(a)), A)],
    "isrealobj": [call(lambda a: a * (1 + np.isrealobj(a)), A)],
    "array2string": [call(lambda a: a * len(np.array2string(a, precision=3)), A)],
    "array_repr": [call(lambda a: a * len(np.array_repr(a)), A)],
    "array_str": [call(lambda a: a * len(np.array_str(a)), A)],
    "isin": [call(lambda a: np.isin(a > 0, [True]), A)],
    "nanargmax": [call(lambda a: np.nanargmax(a + WITH_NAN, axis=0), A)],
    "nanargmin": [call(lambda a: np.nanargmin(a + WITH_NAN), A)],
    "matrix_rank": [call(lambda a: np.linalg.matrix_rank(a), A)],
    "norm": [
        call(lambda a: np.linalg.norm(a), A),
        call(lambda a: np.linalg.norm(a, axis=1, keepdims=True), A),
        call(lambda a: np.linalg.norm(a, 3, -1), A),
        call(lambda a: np.linalg.norm(a, 1), A),
        call(lambda a: np.linalg.norm(a, -1, (1, 0)), A),
        call(lambda a: np.linalg.norm(a, np.inf, (0, 2), True), (2, 3, 4)),
        call(lambda a: np.linalg.norm(a, "fro", (2, 0)), (2, 3, 4)),
    ],
    "matrix_norm": [call(lambda a: np.linalg.matrix_norm(a, keepdims=True), (2, 3, 4))],
    "vector_norm": [
        call(lambda a: np.linalg.vector_norm(a, axis=1), A),
        call(lambda a: np.linalg.vector_norm(a, axis=0, ord=4, keepdims=True), A),
        call(lambda a: np.linalg.vector_norm(a * (1 + 2j), ord=-1), A, low=0.5),
    ],
    "interp": [
        call(lambda a: np.interp(a, [-1.0, 0.0, 1.5], [2.0, -1.0, 3.0]), A),
        call(lambda a, b: np.interp(a, [-1.0, 0.0, 1.5], b, left=7.0, right=a[0, 0]), A, (3,)),
        call(lambda a, b: np.interp(a, np.sort(b), [2.0, -1.0, 3.0]), A, (3,)),
        call(lambda a: np.interp(a, [0.3, 2.1, 1.1], [2.0, -1.0, 3.0], period=2.5), A),
        call(lambda a: np.interp(a, [0.0], a[0, :1]), A),
    ],
    "gradient": [
        call(lambda a: np.gradient(a), A),
        call(lambda a: np.gradient(a, 0.5, edge_order=2), A),
        call(lambda a: np.gradient(a, axis=1), A),
        call(lambda a, b: np.gradient(a, np.cumsum(b), axis=0, edge_order=2), A, (4,), low=0.5),
        call(lambda a: np.gradient(a, 2.0, [0.0, 1.0, 3.0]), A),
        call(lambda a: np.gradient(a[:2], axis=0), A),
    ],
    "unwrap": [
        call(lambda a: np.unwrap(5 * a), A),
        call(lambda a: np.unwrap(5 * a, axis=0, period=3.0), A),
        call(lambda a: np.unwrap(5 * a, 4.0), A),
    ],
    "bincount": [call(lambda a: np.bincount([0, 2, 0, 1], a[:, 0], minlength=5), A)],
    "polyval": [
        call(lambda a: np.polyval([1.0, -2.0, 3.0], a), A),
        call(lambda a, b: np.polyval(a, b), (4,), A),
    ],
    "polyadd": [call(lambda a, b: np.polyadd(a, b), (4,), (2,))],
    "polysub": [call(lambda a, b: np.polysub(a, b), (2,), (4,))],
    "polymul": [call(lambda a, b: np.polymul(a, b), (2,), (4,))],
    "roots": [
        call(lambda a: np.roots(a + np.array([3.0, 0.0, 9.0, 4.0])), (4,)),
        call(lambda a: np.roots(np.concatenate([[0.0], a + np.array([2.5, 30.0, 90.0, 60.0])])), (4,)),
        call(lambda a: np.roots(np.concatenate([a + np.array([3.0, 0.0, 9.0]), [0.0]])), (3,)),
        call(lambda a: np.roots(a + 1j * a[::-1] + np.array([6.0, 0.0, 2.0])), (3,)),
    ],
    "poly": [
        call(lambda a: np.poly(a), (4,)),
        call(lambda a: np.poly(a), (3, 3)),
        call(lambda a: np.poly(a + 1j * a[::-1]), (3,)),
        call(lambda a: np.poly(np.array([1j, -1j]) * a[0]), (3,)),
    ],
    "partition": [
        call(lambda a: np.partition(a, 1)[..., 1], A),
        call(lambda a: np.sum(np.partition(a, [1, 3], axis=None)[:2]), A),
        call(lambda a: np.partition(a, -1, 0)[-1], A),
    ],
    "argpartition": [call(lambda a: np.argpartition(a, 1)[..., 1], A)],
    "polyder": [call(lambda a: np.polyder(a), (4,)), call(lambda a: np.polyder(a, 2), (4,))],
    "polyint": [call(lambda a: np.polyint(a), (4,)), call(lambda a, b: np.polyint(a, 2, b), (4,), (2,))],
    "polyfit": [
        call(lambda a, b: np.polyfit(a, b, 2), (6,), (6,)),
        call(lambda a: np.polyfit(np.arange(4.0), a, 1, w=[1.0, 2.0, 1.0, 0.5]), A),
    ],
    "vander": [call(lambda a: np.vander(a), (4,)), call(lambda a: np.vander(a, 3, increasing=True), (4,))],
    "insert": [
        call(lambda a, b: np.insert(a, 1, b, axis=0), A, (3,)),
        call(lambda a, b: np.insert(a, [0, 2], b, axis=1), A, (4, 2)),
        call(lambda a: np.insert(a, [1, 5], a[0, :2]), A),
        call(lambda a: np.insert(a, -1, 3.0), A),
        call(lambda a, b: np.insert(a, 1, b, axis=1), A, (2, 4)),
        call(lambda a: np.insert(a, slice(1, 3), 9.0, axis=0), A),
    ],
    "delete": [
        call(lambda a: np.delete(a, 1, axis=0), A),
        call(lambda a: np.delete(a, [0, -1], axis=1), A),
        call(lambda a: np.delete(a, slice(2, 5)), A),
    ],
    "ediff1d": [call(lambda a: np.ediff1d(a), A), call(lambda a: np.ediff1d(a, a[0], 3.0), A)],
    "resize": [call(lambda a: np.resize(a, (5, 4)), A), call(lambda a: np.resize(a, 2), A)],
    "rollaxis": [
        call(lambda a: np.rollaxis(a, 2), (2, 3, 4)),
        call(lambda a: np.rollaxis(a, 0, 2), (2, 3, 4)),
        call(lambda a: np.rollaxis(a, -1, -2), (2, 3, 4)),
    ],
    "trim_zeros": [call(lambda a: np.trim_zeros(np.concatenate([[0.0], a, [0.0, 0.0]]), "f"), (3,))],
    "choose": [
        call(lambda a, b: np.choose([[0, 1, 0]], [a, b]), A, (3,)),
        call(lambda a: np.choose((a > 0).astype(int), [a, -(a**2)]), A),
    ],
    "apply_over_axes": [call(lambda a: np.apply_over_axes(np.sum, a, [0, 2]), (2, 3, 4))],
    "sort_complex": [call(lambda a: np.sort_complex(a[:, 0] + 1j * a[:, 1]), A)],
    "tril_indices_from": [call(lambda a: a[np.tril_indices_from(a, -1)], A)],
    "triu_indices_from": [call(lambda a: a[np.triu_indices_from(a, 1)], A)],
    "diag_indices_from": [call(lambda a: a[np.diag_indices_from(a)], (3, 3))],
    "digitize": [call(lambda a: np.digitize(a, np.array([-1.0, 0.0, 1.0])), A)],
    "lexsort": [call(lambda a, b: np.lexsort((a, b)), (5,), (5,))],
    "searchsorted": [call(lambda a: np.searchsorted(np.array([-1.0, 0.0, 1.0]), a, side="right"), A)],
}
"""Each is differentiated in all of its arguments."""

BINARY = """
add subtract multiply divide maximum minimum fmax fmin logaddexp logaddexp2 arctan2 hypot equal not_equal
less less_equal greater greater_equal logical_and logical_or logical_xor floor_divide
"""
UNARY = """
negative positive absolute fabs sign square exp exp2 expm1 sin cos tan arctan sinh cosh tanh arcsinh
degrees radians deg2rad rad2deg floor ceil trunc rint conjugate isnan isinf isfinite logical_not cbrt
"""
UFUNCS: dict[str, list[Call]] = {
    **{name: [call(getattr(np, name), A, (3,))] for name in BINARY.split()},
    **{name: [call(getattr(np, name), A)] for name in UNARY.split()},
    **{
        name: [call(getattr(np, name), A, low=0.2)]
        for name in ["sqrt", "reciprocal", "log", "log1p", "log2", "log10"]
    },
    **{name: [call(getattr(np, name), A, low=-0.9, high=0.9)] for name in ["arcsin", "arccos", "arctanh"]},
    "arccosh": [call(lambda a: np.arccosh(a), A, low=1.2)],
    "remainder": [
        call(lambda a, b: np.remainder(a, b), A, (3,), low=0.6, high=1.0),
        call(lambda a: np.mod(a, 5.0), A),
    ],
    "divmod": [call(lambda a, b: np.divmod(a, b), A, (3,), low=0.6, high=1.0)],
    "power": [
        call(lambda a, b: np.power(a, b), A, (3,), low=0.3),
        call(lambda a: np.power(a, 3), A),
        call(lambda a: np.pow(a, 2.0), A),
    ],
    "float_power": [call(lambda a, b: np.float_power(a, b), A, (3,), low=0.3)],
    "matmul": [
        call(lambda a, b: np.matmul(a, b), A, (3, 2)),
        call(lambda a, b: np.matmul(a, b), (2, 4, 3), (3,)),
    ],
    "vecdot": [
        call(lambda a, b: np.vecdot(a, b), A, (3,)),
        call(lambda a, b: np.vecdot(a * 1j, b, axis=0), A, A),  # type: ignore[call-overload]
        call(lambda a, b: np.linalg.vecdot(a, b, axis=-2), A, A),  # type: ignore[call-overload]
    ],
    "copysign": [call(lambda a, b: np.copysign(a, b), A, (3,))],
    "heaviside": [call(lambda a, b: np.heaviside(np.round(a), b), A, (3,))],
    "fmod": [call(lambda a, b: np.fmod(a, b), A, (3,), low=0.6, high=1.0), call(lambda a: np.fmod(a, -0.7), A)],
    "modf": [call(lambda a: np.modf(a), A)],
    "ldexp": [call(lambda a: np.ldexp(a, [3, -2, 0]), A)],
    "frexp": [call(lambda a: np.frexp(a), A)],
    "nextafter": [call(lambda a, b: np.nextafter(a, b), A, (3,))],
    "spacing": [call(lambda a: np.spacing(a), A)],
    "signbit": [call(lambda a: np.signbit(a), A)],
    "matvec": [call(lambda a, b: np.matvec(a, b), (2, 4, 3), (3,))],
    "vecmat": [call(lambda a, b: np.vecmat(a, b), (4,), (2, 4, 3))],
    **{name: [call(on_masks(getattr(np, name)), A)] for name in ["bitwise_and", "bitwise_or", "bitwise_xor"]},
    "invert": [call(lambda a: np.invert(a > 0), A)],
    **{name: [call(on_integers(getattr(np, name)), A)] for name in ["left_shift", "right_shift"]},
}

METHODS: dict[str, list[Call]] = {
    "add.reduce": [call(lambda a: np.add.reduce(a), A)],
    "add.reduce-all": [call(lambda a: np.add.reduce(a, axis=None, initial=1.0, where=MASK, keepdims=True), A)],
    "add.reduce-dtype": [call(lambda a: np.add.reduce(a, 1, dtype=np.float64), A)],
    "multiply.reduce": [call(lambda a: np.multiply.reduce(a, axis=1, keepdims=True), A)],
    "maximum.reduce": [call(lambda a: np.maximum.reduce(a, axis=1), A)],
    "minimum.reduce": [call(lambda a: np.minimum.reduce(a, initial=0.1), A)],
    "logical_and.reduce": [call(lambda a: np.logical_and.reduce(a > -1), A)],
    "logical_or.reduce": [call(lambda a: np.logical_or.reduce(a > 1), A)],
    "logaddexp.reduce": [call(lambda a: np.logaddexp.reduce(a, axis=1), A)],
    "add.accumulate": [call(lambda a: np.add.accumulate(a), A)],
    "multiply.accumulate": [call(lambda a: np.multiply.accumulate(a, axis=1), A)],
    "maximum.accumulate": [call(lambda a: np.maximum.accumulate(a), A)],
    "minimum.accumulate": [call(lambda a: np.minimum.accumulate(a, 1), A)],
    "logaddexp.accumulate": [
        call(lambda a: np.logaddexp.accumulate(a), A),
        call(lambda a: np.logaddexp.accumulate(30 * a, axis=1), A),
    ],
    **{
        f"{name}.reduceat": [
            call(sections(getattr(np, name), [0, 2, 1]), A),
            call(sections(getattr(np, name), np.array([1, 1]), axis=1), A),
        ]
        for name in ("add", "multiply", "maximum", "minimum", "logaddexp")
    },
    "hypot.outer": [call(lambda a, b: np.hypot.outer(a, b), A, (2,))],
    "multiply.outer": [call(lambda a, b: np.multiply.outer(a, b), A, (2,))],
    "subtract.outer": [call(lambda a, b: np.subtract.outer(a, b), (), (2,))],
    "add-dtype": [call(lambda a, b: np.add(a, b, dtype=np.complex128), A, (3,))],
    "add-defaults": [call(lambda a: np.add(a, 1, casting="same_kind", order="K", subok=True), A)],
    "greater-dtype": [call(lambda a: np.greater(a, 0, dtype=bool), A)],
    "ndarray*array": [call(lambda a: np.ones(3) * a, A)],
    "generic*array": [call(lambda a: np.float64(2) * a, A)],
    "array-ndarray": [call(lambda a: a - np.ones(3), A)],
    "ndarray@array": [call(lambda a: np.ones(A) @ a.T, A)],
    "composed": [call(lambda a: np.sum(np.tanh(a @ np.ones((3, 2))), axis=1), A)],
    "float32/float64": [call(lambda a: np.float32(2) * np.ones(3, np.float32) / a, A, low=0.5)],
}
