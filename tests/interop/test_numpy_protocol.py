"""Unmodified NumPy functions on our arrays: values as NumPy's, gradients against NumPy's differences."""
# ruff: noqa: PLW0108  each case is a call as a user writes it

import numpy as np
import pytest

import fastvjp
from fastvjp.interop import numpy_functions

A = (4, 3)
MASK = np.array([[True, False, True], [True, True, False], [False, True, True], [True, True, True]])
WITH_NAN = np.where(MASK, 0.0, np.nan)


def case(f, *shapes, low=-2.0, high=2.0):
    """A call, the shapes of its arguments, and the range from which their values are drawn."""
    return f, shapes, low, high


def function_cases():
    """name of np's function -> calls of it, each differentiated in all of its arguments."""
    c = case
    return {
        "sum": [
            c(lambda a: np.sum(a), A),
            c(lambda a: np.sum(a, 1, keepdims=True), A),
            c(lambda a: np.sum(a, axis=(0, 1), initial=2.0), A),
            c(lambda a: np.sum(a, 0, where=MASK), A),
            c(lambda a: np.sum(a, dtype=np.complex128), A),
        ],
        "prod": [
            c(lambda a: np.prod(a, 1), A),
            c(lambda a: np.prod(a, axis=0, where=MASK, initial=3.0, keepdims=True), A),
        ],
        "max": [
            c(lambda a: np.max(a, 1), A),
            c(lambda a: np.max(a, axis=0, keepdims=True, initial=0.3, where=MASK), A),
        ],
        "amax": [c(lambda a: np.amax(a), A)],
        "min": [c(lambda a: np.min(a, 1), A), c(lambda a: np.min(a, initial=-0.3), A)],
        "amin": [c(lambda a: np.amin(a, axis=-1), A)],
        "all": [
            c(lambda a: np.all(a > -1.9, axis=1, keepdims=True), A),
            c(lambda a: np.all(a > 0, where=a > 0), A),
        ],
        "any": [c(lambda a: np.any(a > 1.5, axis=0), A), c(lambda a: np.any(a > 0, where=a < 0), A)],
        "mean": [
            c(lambda a: np.mean(a), A),
            c(lambda a: np.mean(a, axis=(0, 1), keepdims=True), A),
            c(lambda a: np.mean(a, 1, where=MASK), A),
            c(lambda a: np.mean(a > 0, axis=0), A),
        ],
        "var": [
            c(lambda a: np.var(a, 1, ddof=1), A),
            c(lambda a: np.var(a, axis=1, where=MASK, keepdims=True), A),
            c(lambda a: np.var(a, correction=1), A),
        ],
        "std": [
            c(lambda a: np.std(a), A),
            c(lambda a: np.std(a, axis=0, ddof=1, keepdims=True), A),
            c(lambda a: np.std(a, axis=1, where=MASK), A),
        ],
        "ptp": [c(lambda a: np.ptp(a, axis=1, keepdims=True), A)],
        "average": [
            c(lambda a: np.average(a, axis=0), A),
            c(lambda a, w: np.average(a, weights=w, axis=1), A, A, low=0.5),
            c(lambda a, w: np.average(a, axis=0, weights=w, returned=True, keepdims=True), A, (4,), low=0.5),
            c(lambda a: np.average(a, returned=True), A),
        ],
        "median": [
            c(lambda a: np.median(a, axis=0), A),
            c(lambda a: np.median(a, axis=1, keepdims=True), A),
            c(lambda a: np.median(a), A),
        ],
        "quantile": [
            c(lambda a: np.quantile(a, 0.3, axis=0), A),
            c(lambda a: np.quantile(a, [0.1, 0.9], axis=1, keepdims=True), A),
        ],
        "percentile": [
            c(lambda a: np.percentile(a, 30, axis=(0, 1)), A),
            c(lambda a: np.percentile(a, [20, 60], axis=0), A),
        ],
        "nansum": [c(lambda a: np.nansum(a + WITH_NAN, axis=1), A)],
        "nanprod": [c(lambda a: np.nanprod(a + WITH_NAN, axis=1), A)],
        "nanmean": [c(lambda a: np.nanmean(a + WITH_NAN, axis=1, keepdims=True), A)],
        "nanvar": [c(lambda a: np.nanvar(a + WITH_NAN, ddof=1), A)],
        "nanstd": [c(lambda a: np.nanstd(a + WITH_NAN, axis=1), A)],
        "nanmax": [c(lambda a: np.nanmax(a + WITH_NAN, axis=1), A)],
        "nanmin": [c(lambda a: np.nanmin(a + WITH_NAN, axis=1), A)],
        "argmax": [c(lambda a: np.argmax(a, axis=1), A), c(lambda a: np.argmax(a), A)],
        "argmin": [c(lambda a: np.argmin(a, 0, keepdims=True), A)],
        "count_nonzero": [c(lambda a: np.count_nonzero(a > 0, axis=1), A)],
        "cumsum": [
            c(lambda a: np.cumsum(a), A),
            c(lambda a: np.cumsum(a, axis=1), A),
            c(lambda a: np.cumsum(a > 0, axis=1), A),
        ],
        "cumprod": [c(lambda a: np.cumprod(a, 0), A)],
        "cumulative_sum": [c(lambda a: np.cumulative_sum(a, axis=1), A)],
        "cumulative_prod": [c(lambda a: np.cumulative_prod(a, axis=1), A)],
        "diff": [
            c(lambda a: np.diff(a), A),
            c(lambda a: np.diff(a, n=2, axis=0), A),
            c(lambda a, b: np.diff(a, prepend=b, append=1.0), A, (4, 1)),
            c(lambda a: np.diff(a > 0), A),
        ],
        "trapezoid": [
            c(lambda a: np.trapezoid(a, dx=0.5), A),
            c(lambda a, x: np.trapezoid(a, x, axis=0), A, (4,)),
            c(lambda a, x: np.trapezoid(a, x=x, axis=0), A, A),
        ],
        "shape": [c(lambda a: a * np.shape(a)[0], A)],
        "ndim": [c(lambda a: a * np.ndim(a), A)],
        "size": [c(lambda a: a * np.size(a) * np.size(a, 1), A)],
        "reshape": [
            c(lambda a: np.reshape(a, (2, -1)), A),
            c(lambda a: np.reshape(a, shape=12, order="C"), A),
        ],
        "ravel": [c(lambda a: np.ravel(a) ** 2, A)],
        "transpose": [
            c(lambda a: np.transpose(a), A),
            c(lambda a: np.transpose(a, (1, 0, 2)), (2, 3, 4)),
            c(lambda a: np.permute_dims(a, axes=(2, 0, 1)), (2, 3, 4)),
        ],
        "matrix_transpose": [c(lambda a: np.matrix_transpose(a), (2, 3, 4))],
        "moveaxis": [
            c(lambda a: np.moveaxis(a, 0, -1), (2, 3, 4)),
            c(lambda a: np.moveaxis(a, source=[0, 1], destination=[1, 2]), (2, 3, 4)),
        ],
        "swapaxes": [c(lambda a: np.swapaxes(a, 0, 2), (2, 3, 4))],
        "broadcast_to": [c(lambda a: np.broadcast_to(a, (5, 4, 3)), A)],
        "broadcast_arrays": [c(lambda a, b: np.broadcast_arrays(a, b), A, (3,))],
        "expand_dims": [c(lambda a: np.expand_dims(a, 1), A), c(lambda a: np.expand_dims(a, axis=(0, 2)), A)],
        "squeeze": [c(lambda a: np.squeeze(a), (1, 3, 1)), c(lambda a: np.squeeze(a, axis=0), (1, 3, 1))],
        "atleast_1d": [c(lambda a, b: np.atleast_1d(a, b), (), (3,)), c(lambda a: np.atleast_1d(a), ())],
        "atleast_2d": [c(lambda a: np.atleast_2d(a), (3,))],
        "atleast_3d": [c(lambda a, b: np.atleast_3d(a, b), (3,), A)],
        "concatenate": [
            c(lambda a, b: np.concatenate([a, b]), A, (2, 3)),
            c(lambda a, b: np.concatenate((a, b), axis=1), A, (4, 1)),
            c(lambda a, b: np.concat([a, b, a], axis=None), A, (2,)),
        ],
        "stack": [c(lambda a, b: np.stack([a, b], axis=1), A, A), c(lambda a: np.stack([a, np.ones(A)]), A)],
        "vstack": [c(lambda a, b: np.vstack([a, b]), A, (3,))],
        "hstack": [
            c(lambda a, b: np.hstack([a, b]), A, (4, 2)),
            c(lambda a, b: np.hstack([a, b]), (3,), (2,)),
        ],
        "dstack": [c(lambda a, b: np.dstack([a, b]), A, A)],
        "column_stack": [c(lambda a, b: np.column_stack([a, b]), (4,), A)],
        "append": [
            c(lambda a, b: np.append(a, b), A, (2,)),
            c(lambda a, b: np.append(a, b, axis=0), A, (1, 3)),
        ],
        "split": [c(lambda a: np.split(a, 2), A), c(lambda a: np.split(a, [1, 2], axis=1), A)],
        "array_split": [
            c(lambda a: np.array_split(a, 3), A),
            c(lambda a: np.array_split(a, np.array([1, 2]), axis=1), A),
        ],
        "vsplit": [c(lambda a: np.vsplit(a, 2), A)],
        "hsplit": [c(lambda a: np.hsplit(a, 3), A), c(lambda a: np.hsplit(a, 2), (4,))],
        "dsplit": [c(lambda a: np.dsplit(a, 2), (2, 3, 4))],
        "unstack": [c(lambda a: np.unstack(a, axis=1), A)],
        "flip": [c(lambda a: np.flip(a), A), c(lambda a: np.flip(a, axis=1), A)],
        "flipud": [c(lambda a: np.flipud(a), A)],
        "fliplr": [c(lambda a: np.fliplr(a), A)],
        "rot90": [c(lambda a, k=k: np.rot90(a, k), A) for k in (0, 1, 2, 3, -1)],
        "roll": [c(lambda a: np.roll(a, 2), A), c(lambda a: np.roll(a, shift=(1, -1), axis=(0, 1)), A)],
        "pad": [
            c(lambda a: np.pad(a, 2), A),
            c(lambda a: np.pad(a, ((1, 0), (2, 1)), mode="constant", constant_values=3.0), A),
            c(lambda a: np.pad(a, 1, "edge"), A),
            c(lambda a: np.pad(a, 1, mode="reflect"), A),
        ],
        "tile": [c(lambda a: np.tile(a, 2), A), c(lambda a: np.tile(A=a, reps=(2, 1, 3)), A)],
        "repeat": [c(lambda a: np.repeat(a, 2), A), c(lambda a: np.repeat(a, [1, 0, 2], axis=1), A)],
        "diag": [c(lambda a: np.diag(a, 1), A), c(lambda a: np.diag(a, k=-1), (3,))],
        "diagflat": [c(lambda a: np.diagflat(a), (2, 2))],
        "diagonal": [
            c(lambda a: np.diagonal(a, offset=-1), A),
            c(lambda a: np.diagonal(a, 0, axis1=0, axis2=2), (2, 3, 4)),
        ],
        "trace": [
            c(lambda a: np.trace(a, offset=1), A),
            c(lambda a: np.trace(a, axis1=1, axis2=2), (2, 3, 4)),
        ],
        "tril": [c(lambda a: np.tril(a, k=1), A)],
        "triu": [c(lambda a: np.triu(a), A)],
        "meshgrid": [
            c(lambda a, b: np.meshgrid(a, b), (3,), (2,)),
            c(lambda a, b: np.meshgrid(a, b, indexing="ij", sparse=True), (3,), (2,)),
        ],
        "where": [
            c(lambda a, b: np.where(a > b, a, b * 2), A, (3,)),
            c(lambda a: a[np.where(a > 0)], A, low=0.1),
            c(lambda a: np.where(MASK, a, 0), A),
        ],
        "select": [c(lambda a: np.select([a > 1, a > 0], [a**2, 3 * a], default=-a), A)],
        "compress": [c(lambda a: np.compress([True, False, True], a, axis=1), A)],
        "extract": [c(lambda a: np.extract(MASK, a), A)],
        "take": [
            c(lambda a: np.take(a, [3, 0, 3]), A),
            c(lambda a: np.take(a, indices=np.array([[0, 2]]), axis=1, mode="raise"), A),
        ],
        "take_along_axis": [
            c(lambda a: np.take_along_axis(a, np.argsort(a, axis=1), axis=1), A),
            c(lambda a: np.take_along_axis(a, np.array([[2], [0], [1], [1]]), 1), A),
        ],
        "nonzero": [c(lambda a: a[np.nonzero(a > -3)], A)],
        "flatnonzero": [c(lambda a: np.ravel(a)[np.flatnonzero(a > -3)], A)],
        "argwhere": [c(lambda a: np.argwhere(a > 0), A)],
        "sort": [
            c(lambda a: np.sort(a), A),
            c(lambda a: np.sort(a, axis=None, kind="stable"), A),
            c(lambda a: np.sort(a, 0), A),
        ],
        "argsort": [c(lambda a: np.argsort(a, axis=0), A)],
        "dot": [
            c(lambda a, b: np.dot(a, b), A, (3, 2)),
            c(lambda a, b: np.dot(a, b), (2, 3), (4, 3, 2)),
            c(lambda a, b: np.dot(a, b), (), A),
            c(lambda a, b: a.dot(b), (3,), (3,)),
        ],
        "inner": [c(lambda a, b: np.inner(a, b), A, (2, 3))],
        "outer": [c(lambda a, b: np.outer(a, b), A, (2,))],
        "vdot": [c(lambda a, b: np.vdot(a, b), A, A)],
        "tensordot": [
            c(lambda a, b: np.tensordot(a, b, axes=([1, 0], [0, 1])), A, (3, 4, 2)),
            c(lambda a, b: np.tensordot(a, b, 1), A, (3, 2)),
        ],
        "einsum": [
            c(lambda a, b: np.einsum("ij,jk->ki", a, b, optimize=True), A, (3, 2)),
            c(lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]), A, (3, 2)),
            c(lambda a: np.einsum("...i->i...", a), A),
            c(lambda a, b: np.einsum(a, [0, ..., 1], b, [1, 2]), (2, 3, 4), (4, 2)),
        ],
        "kron": [c(lambda a, b: np.kron(a, b), A, (2, 2)), c(lambda a, b: np.kron(a, b), (2,), A)],
        "cross": [
            c(lambda a, b: np.cross(a, b), A, (3,)),
            c(lambda a, b: np.cross(a, b, axis=0), (3, 2), (3, 2)),
        ],
        "clip": [
            c(lambda a: np.clip(a, -0.5, 1.0), A),
            c(lambda a, b: np.clip(a, a_min=b, a_max=None), A, (3,)),
            c(lambda a: np.clip(a, min=0.1), A),
        ],
        "round": [c(lambda a: np.round(a, 1) + a, A), c(lambda a: np.round(a), A)],
        "around": [c(lambda a: np.around(a, decimals=2), A)],
        "fix": [c(lambda a: np.fix(a), A)],
        "sinc": [c(lambda a: np.sinc(a), A)],
        "real": [c(lambda a: np.real(a * (1 + 2j)), A)],
        "imag": [c(lambda a: np.imag(a * (1 + 2j)), A)],
        "angle": [c(lambda a: np.angle(a + 1j, deg=True), A)],
        "nan_to_num": [c(lambda a: np.nan_to_num(a + WITH_NAN, nan=2.0), A)],
        "isposinf": [c(lambda a: np.isposinf(a / np.zeros(3)), A)],
        "isneginf": [c(lambda a: np.isneginf(a / np.zeros(3)), A)],
        "isreal": [c(lambda a: np.isreal(a + np.array([0, 1j, 0])), A)],
        "iscomplex": [c(lambda a: np.iscomplex(a + np.array([0, 1j, 0])), A)],
        "isclose": [c(lambda a: np.isclose(a, a + np.array([1e-9, 1e-3, 0]), rtol=1e-5), A)],
        "allclose": [c(lambda a: np.allclose(a, a + 1e-9), A), c(lambda a: np.allclose(a, a + 1), A)],
        "array_equal": [c(lambda a: np.array_equal(a, a), A), c(lambda a: np.array_equal(a, a[:1]), A)],
        "zeros_like": [
            c(lambda a: np.zeros_like(a), A),
            c(lambda a: np.zeros_like(a, dtype=np.int32, shape=(2,)), A),
        ],
        "empty_like": [c(lambda a: np.empty_like(a) * 0, A)],
        "ones_like": [c(lambda a: np.ones_like(a), A)],
        "full_like": [c(lambda a: np.full_like(a, 2.5), A), c(lambda a, b: np.full_like(a, b), A, (3,))],
        "linspace": [
            c(lambda a, b: np.linspace(a, b, 7), (), ()),
            c(lambda a: np.linspace(a, 3.0, num=4, endpoint=False, axis=1), (3,)),
            c(lambda a, b: np.linspace(a, b, 5, retstep=True), (2,), (2,)),
        ],
        "copy": [c(lambda a: np.copy(a), A)],
        "astype": [c(lambda a: np.astype(a, np.float64), A), c(lambda a: np.astype(a * 3, np.int32), A)],
        "result_type": [c(lambda a: np.zeros(3, np.result_type(a, np.float32, 1.0)) + a, A)],
        "can_cast": [c(lambda a: a * np.can_cast(np.float64, np.complex128), A)],
        "iscomplexobj": [c(lambda a: a * (1 + np.iscomplexobj(a)), A)],
        "isrealobj": [c(lambda a: a * (1 + np.isrealobj(a)), A)],
        "array2string": [c(lambda a: a * len(np.array2string(a, precision=3)), A)],
        "array_repr": [c(lambda a: a * len(np.array_repr(a)), A)],
        "array_str": [c(lambda a: a * len(np.array_str(a)), A)],
        "digitize": [c(lambda a: np.digitize(a, np.array([-1.0, 0.0, 1.0])), A)],
        "lexsort": [c(lambda a, b: np.lexsort((a, b)), (5,), (5,))],
        "searchsorted": [c(lambda a: np.searchsorted(np.array([-1.0, 0.0, 1.0]), a, side="right"), A)],
    }


def on_masks(f):
    return lambda a: f(a > 0, MASK)


def on_integers(f):
    return lambda a: f((a * 5).astype(np.int32), np.array([1, 0, 2], np.int32))


UFUNC_CASES = {
    **{
        name: [case(getattr(np, name), A, (3,))]
        for name in [
            "add",
            "subtract",
            "multiply",
            "divide",
            "maximum",
            "minimum",
            "fmax",
            "fmin",
            "logaddexp",
            "logaddexp2",
            "arctan2",
            "hypot",
            "equal",
            "not_equal",
            "less",
            "less_equal",
            "greater",
            "greater_equal",
            "logical_and",
            "logical_or",
            "logical_xor",
            "floor_divide",
        ]
    },
    **{
        name: [case(getattr(np, name), A)]
        for name in [
            "negative",
            "positive",
            "absolute",
            "fabs",
            "sign",
            "square",
            "exp",
            "exp2",
            "expm1",
            "sin",
            "cos",
            "tan",
            "arctan",
            "sinh",
            "cosh",
            "tanh",
            "arcsinh",
            "degrees",
            "radians",
            "deg2rad",
            "rad2deg",
            "floor",
            "ceil",
            "trunc",
            "rint",
            "conjugate",
            "isnan",
            "isinf",
            "isfinite",
            "logical_not",
            "cbrt",
        ]
    },
    **{
        name: [case(getattr(np, name), A, low=0.2)]
        for name in ["sqrt", "reciprocal", "log", "log1p", "log2", "log10"]
    },
    **{name: [case(getattr(np, name), A, low=-0.9, high=0.9)] for name in ["arcsin", "arccos", "arctanh"]},
    "arccosh": [case(lambda a: np.arccosh(a), A, low=1.2)],
    "remainder": [
        case(lambda a, b: np.remainder(a, b), A, (3,), low=0.6, high=1.0),
        case(lambda a: np.mod(a, 5.0), A),
    ],
    "divmod": [case(lambda a, b: np.divmod(a, b), A, (3,), low=0.6, high=1.0)],
    "power": [
        case(lambda a, b: np.power(a, b), A, (3,), low=0.3),
        case(lambda a: np.power(a, 3), A),
        case(lambda a: np.pow(a, 2.0), A),
    ],
    "float_power": [case(lambda a, b: np.float_power(a, b), A, (3,), low=0.3)],
    "matmul": [
        case(lambda a, b: np.matmul(a, b), A, (3, 2)),
        case(lambda a, b: np.matmul(a, b), (2, 4, 3), (3,)),
    ],
    "vecdot": [case(lambda a, b: np.vecdot(a, b), A, (3,))],
    "matvec": [case(lambda a, b: np.matvec(a, b), (2, 4, 3), (3,))],
    "vecmat": [case(lambda a, b: np.vecmat(a, b), (4,), (2, 4, 3))],
    **{name: [case(on_masks(getattr(np, name)), A)] for name in ["bitwise_and", "bitwise_or", "bitwise_xor"]},
    "invert": [case(lambda a: np.invert(a > 0), A)],
    **{name: [case(on_integers(getattr(np, name)), A)] for name in ["left_shift", "right_shift"]},
}

FUNCTION_CASES = function_cases()

METHOD_CASES = {
    "add.reduce": [case(lambda a: np.add.reduce(a), A)],
    "add.reduce-all": [case(lambda a: np.add.reduce(a, axis=None, initial=1.0, where=MASK, keepdims=True), A)],
    "add.reduce-dtype": [case(lambda a: np.add.reduce(a, 1, dtype=np.float64), A)],
    "multiply.reduce": [case(lambda a: np.multiply.reduce(a, axis=1, keepdims=True), A)],
    "maximum.reduce": [case(lambda a: np.maximum.reduce(a, axis=1), A)],
    "minimum.reduce": [case(lambda a: np.minimum.reduce(a, initial=0.1), A)],
    "logical_and.reduce": [case(lambda a: np.logical_and.reduce(a > -1), A)],
    "logical_or.reduce": [case(lambda a: np.logical_or.reduce(a > 1), A)],
    "logaddexp.reduce": [case(lambda a: np.logaddexp.reduce(a, axis=1), A)],
    "add.accumulate": [case(lambda a: np.add.accumulate(a), A)],
    "multiply.accumulate": [case(lambda a: np.multiply.accumulate(a, axis=1), A)],
    "multiply.outer": [case(lambda a, b: np.multiply.outer(a, b), A, (2,))],
    "subtract.outer": [case(lambda a, b: np.subtract.outer(a, b), (), (2,))],
    "add-dtype": [case(lambda a, b: np.add(a, b, dtype=np.complex128), A, (3,))],
    "add-defaults": [case(lambda a: np.add(a, 1, casting="same_kind", order="K", subok=True), A)],
    "greater-dtype": [case(lambda a: np.greater(a, 0, dtype=bool), A)],
    "ndarray*array": [case(lambda a: np.ones(3) * a, A)],
    "generic*array": [case(lambda a: np.float64(2) * a, A)],
    "array-ndarray": [case(lambda a: a - np.ones(3), A)],
    "ndarray@array": [case(lambda a: np.ones(A) @ a.T, A)],
    "composed": [case(lambda a: np.sum(np.tanh(a @ np.ones((3, 2))), axis=1), A)],
    "float32/float64": [case(lambda a: np.float32(2) * np.ones(3, np.float32) / a, A, low=0.5)],
}


ALL = [
    pytest.param(*c, id=f"{name}-{i}")
    for table in (UFUNC_CASES, FUNCTION_CASES, METHOD_CASES)
    for name, cases in table.items()
    for i, c in enumerate(cases)
]


def leaves(result):
    return list(result) if isinstance(result, tuple | list) else [result]


def draw(rng, shapes, low, high):
    """Random arguments; all elements are apart from one another, from 0 and from round numbers."""
    total = sum(int(np.prod(s)) for s in shapes)
    spaced = np.linspace(low, high, 7 * total + 2)[1:-1].reshape(total, 7)[:, 2]
    values = rng.permutation(spaced + rng.uniform(0, (high - low) / (40 * total), total))
    return [
        part.reshape(shape)
        for part, shape in zip(
            np.split(values, np.cumsum([int(np.prod(s)) for s in shapes])[:-1]), shapes, strict=True
        )
    ]


@pytest.mark.filterwarnings("ignore:.*(divide|invalid|encountered).*:RuntimeWarning")
@pytest.mark.parametrize(("f", "shapes", "low", "high"), ALL)
def test_numpy_function(f, shapes, low, high, rng):
    check(f, shapes, low, high, rng)


def check(f, shapes, low, high, rng):
    """Values, shapes and dtypes as NumPy's; <cotangents, J d> by NumPy's differences == <vjps, d>."""
    primals = draw(rng, shapes, low, high)
    expected = leaves(f(*primals))
    concrete = leaves(f(*map(fastvjp.array, primals)))
    cotangents = [rng.normal(size=np.shape(e)).astype(np.asarray(e).dtype) for e in expected]
    outputs, vjps = fastvjp.vjp(lambda *xs: leaves(f(*xs)), primals, cotangents)
    for got in (concrete, outputs):
        assert len(got) == len(expected)
        for g, e in zip(got, expected, strict=True):
            assert isinstance(g, fastvjp.array)
            assert (g.shape, g.dtype) == (np.shape(e), np.asarray(e).dtype)
            np.testing.assert_allclose(np.asarray(g), e, rtol=1e-13, atol=1e-13)

    directions = [rng.normal(size=p.shape) for p in primals]
    step = 1e-7

    def moved(sign):
        return leaves(f(*[p + sign * step * d for p, d in zip(primals, directions, strict=True)]))

    forward = 0.0
    for ct, plus, minus in zip(cotangents, moved(1), moved(-1), strict=True):
        if np.asarray(plus).dtype.kind in "fc":
            slope = (plus - minus) / (2 * step)
            forward += float(np.sum(np.where(np.isnan(slope), 0, np.conj(ct) * slope)).real)
    backward = sum(float(np.sum(np.asarray(v) * d)) for v, d in zip(vjps, directions, strict=True))
    np.testing.assert_allclose(backward, forward, rtol=2e-5, atol=2e-6)


def test_every_table_entry_has_a_case():
    by_effect = {"save", "savez", "savez_compressed", "savetxt", "may_share_memory", "shares_memory"}
    functions = {f.__name__ for f in numpy_functions.FUNCTIONS} - by_effect
    assert functions <= FUNCTION_CASES.keys(), functions - FUNCTION_CASES.keys()
    ufuncs = {u.__name__ for u in numpy_functions.UFUNCS}
    assert ufuncs <= UFUNC_CASES.keys(), ufuncs - UFUNC_CASES.keys()


def test_the_gradient_check_finds_a_wrong_gradient(rng):
    def wrong(a):  # its value is right
        return fastvjp.stop_gradient(a) * a if isinstance(a, fastvjp.array) else a * a

    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check(wrong, (A,), 0.5, 2.0, rng)


# --- what is refused, and by what name ---------------------------------------------------------------------

X = fastvjp.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda: np.interp(X, [0, 1], [1, 2]), r"\[np.interp\] Not supported.*np.asarray\(x\) gives"),
        (lambda: np.linalg.norm(X), r"\[np.linalg.norm\] Not supported"),
        (lambda: np.fft.fft(X), r"\[np.fft.fft\] Not supported"),
        (lambda: np.copyto(np.zeros(3), X), r"\[np.copyto\]"),
        (lambda: np.gcd(X, 2), r"\[np.gcd\] No such function"),
        (lambda: np.add.at(X, [0], 1.0), r"\[np.add.at\] No such method"),
        (lambda: np.add.reduceat(X, [0, 1]), r"\[np.add.reduceat\] No such method"),
        (lambda: np.divide.reduce(X), r"\[np.divide.reduce\] No such method"),
        (lambda: np.take(X, [5], mode="clip"), r"\[np.take\] mode='clip' is not supported"),
        (lambda: np.ravel(X, order="F"), r"\[np.ravel\] order='F'"),
        (lambda: np.reshape(X, (3, 1), copy=False), r"\[np.reshape\] copy=False"),
        (lambda: np.var(X, mean=X), r"\[np.var\] mean=array"),
        (lambda: np.quantile(X, 0.5, method="nearest"), r"method='nearest'"),
        (lambda: np.sum(X, 0, None, None, True), r"\[np.sum\] Expected at most 3 positional .*by keyword"),
        (lambda: np.add.reduce(X, out=None, nothing=1), r"nothing"),
        (lambda: np.sin(X, where=X > 1), r"\[np.sin\] where= without out=.*np.where"),
        (lambda: np.sin(X, dtype=np.int32), r"\[np.sin\] It does not compute in dtype int32"),
        (lambda: np.sin(X, casting="unsafe"), r"\[np.sin\] casting='unsafe'"),
        (lambda: np.add(X, 1, out=np.zeros(3)), r"\[np.add\] .*cannot be written into a ndarray.*y = y \+ x"),
        (lambda: np.sum(X, out=np.zeros(())), r"\[np.sum\] .*cannot be written into a ndarray"),
        (lambda: np.add(X, np.array([None])), r"\[add\] Unsupported dtype object"),
        (lambda: np.concatenate([X, X], casting="unsafe"), r"\[np.concatenate\] casting='unsafe'"),
    ],
)
def test_refused_by_name(f, words):
    with pytest.raises(TypeError, match=words):
        f()


def test_in_place_on_a_numpy_array_is_refused():
    y = np.zeros(3)
    with pytest.raises(TypeError, match=r"\[np.add\].*ndarray"):
        y += X
    np.testing.assert_array_equal(y, 0)


def test_foreign_types_are_left_to_themselves():
    class Foreign:
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return "foreign ufunc"

        def __array_function__(self, func, types, args, kwargs):
            return "foreign function"

    assert np.concatenate([X, Foreign()]) == "foreign function"
    assert np.add(X, Foreign()) == "foreign ufunc"

    class Unknown:
        pass

    with pytest.raises(TypeError):
        np.add(X, Unknown())


# --- out and where -----------------------------------------------------------------------------------------


def test_out_rebinds_an_array(rng):
    x = rng.normal(size=(2, 3))
    out = fastvjp.zeros((2, 3))
    same = np.add(x, fastvjp.array(x), out=out)
    assert same is out
    assert out.dtype == np.float32
    np.testing.assert_allclose(np.asarray(out), 2 * x, rtol=1e-6)
    total = fastvjp.array([0.0, 0.0, 0.0], "float64")
    np.sum(fastvjp.array(x), axis=0, out=total)
    np.testing.assert_allclose(np.asarray(total), x.sum(0))
    np.maximum.reduce(fastvjp.array(x), out=total)
    np.testing.assert_allclose(np.asarray(total), x.max(0))
    np.add(X, 1, out=out)  # broadcasts into out, as in NumPy
    assert out.tolist() == [[2, 3, 4]] * 2
    with pytest.raises(ValueError, match="broadcast"):
        np.add(fastvjp.array(x), 1, out=total)
    with pytest.raises(TypeError, match=r"\[np.add\] A result of dtype float64 does not fit an array of int32"):
        np.add(fastvjp.array(x), 1, out=fastvjp.zeros((2, 3), np.int32))
    quotient, rest = fastvjp.zeros(3), fastvjp.zeros(3)
    np.divmod(X, 2.0, out=(quotient, rest))
    assert (quotient.tolist(), rest.tolist()) == ([0, 1, 1], [1, 0, 1])


def test_out_and_where_are_differentiable():
    def fun(x):
        out = x * 10
        np.multiply(x, x, out=out, where=[True, False, True])
        return out

    (value,), (dx,) = fastvjp.vjp(fun, [X], [fastvjp.ones(3)])
    assert (value.tolist(), dx.tolist()) == ([1, 20, 9], [2, 10, 6])


# --- values only -------------------------------------------------------------------------------------------


def test_files_take_the_values(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", X, y=X * 2)
    np.savez_compressed(tmp_path / "c.npz", y=X)
    np.savetxt(tmp_path / "x.txt", X)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), [1, 2, 3])
    np.testing.assert_array_equal(np.load(tmp_path / "x.npz")["y"], [2, 4, 6])
    np.testing.assert_array_equal(np.load(tmp_path / "c.npz")["y"], [1, 2, 3])
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "x.txt"), [1, 2, 3])


def test_memory_questions():
    assert np.shares_memory(X, np.asarray(X))
    assert not np.may_share_memory(X, np.ones(3))


def test_values_that_are_not_known():
    with pytest.raises(fastvjp.TracedValueError):
        fastvjp.vmap(lambda x: np.searchsorted(np.arange(3.0), x))(fastvjp.ones((2, 3)))


# --- around it ---------------------------------------------------------------------------------------------


def test_dtypes_follow_numpy(rng):
    for dtype in (np.bool_, np.int8, np.int32, np.uint16, np.int64, np.float32, np.complex64):
        x = rng.integers(0, 2, (2, 3)).astype(dtype)
        for f in (np.sum, np.prod, np.cumsum, np.mean, np.std, np.median, np.max, lambda a: np.add.reduce(a)):
            if dtype == np.complex64 and f is np.median:
                continue
            got, expected = f(fastvjp.array(x)), f(x)
            if expected.dtype != np.float16:
                assert got.dtype == expected.dtype, (f, dtype)
            np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-6)
    assert np.result_type(X, np.float64) == np.float64
    assert np.can_cast(np.float32, X.dtype)
    assert (np.linspace(X[0], 2.0, 3).dtype, np.linspace(0, X[1], 3, dtype=np.float64).dtype) == ("f4", "f8")


def test_scipy_ufuncs(rng):
    special = pytest.importorskip("scipy.special")
    x = rng.uniform(-0.9, 0.9, 5)
    for f in (special.expit, special.erf, special.erfinv):
        (value,), (slope,) = fastvjp.vjp(f, [x], [np.ones(5)])
        np.testing.assert_allclose(np.asarray(value), f(x), rtol=1e-13)
        np.testing.assert_allclose(np.asarray(slope), (f(x + 1e-6) - f(x - 1e-6)) / 2e-6, rtol=1e-6)
    with pytest.raises(TypeError, match=r"\[np.gammaln\] No such function"):
        special.gammaln(fastvjp.array(x))


def test_a_ufunc_that_only_shares_a_name_is_refused():
    pretender = np.frompyfunc(lambda x: -1.0, 1, 1)
    with pytest.raises(TypeError, match="No such function"):
        pretender(X)


@pytest.mark.filterwarnings("ignore:.*(divide|invalid|overflow).*:RuntimeWarning")
def test_special_values_as_numpy():
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e200, 3.0])
    y = x[::-1].copy()
    for f in (np.hypot, np.fmax, np.fmin, np.maximum, np.logaddexp2):
        np.testing.assert_allclose(np.asarray(f(fastvjp.array(x), y)), f(x, y), rtol=1e-14)
    for f in (np.cbrt, np.exp2, np.fabs, np.sinc, np.rint, np.nan_to_num):
        np.testing.assert_allclose(np.asarray(f(fastvjp.array(x))), f(x), rtol=1e-14)
    for f in (np.median, np.quantile):
        q = (0.4,) if f is np.quantile else ()
        np.testing.assert_array_equal(np.asarray(f(fastvjp.array(x), *q)), f(x, *q))


def test_zero_size(rng):
    x = np.zeros((0, 3))
    for f in (
        np.sum,
        np.prod,
        lambda a: np.max(a, initial=1.0),
        lambda a: np.sum(a, axis=0),
        np.ravel,
        np.sort,
    ):
        np.testing.assert_array_equal(np.asarray(f(fastvjp.array(x))), f(x))
