"""Complex functions at zeros, infinities, nan and large arguments, by NumPy; values and derivatives by mpmath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpc, mpf

import fastvjp as fv

NAMES = [
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
    "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "reciprocal", "abs", "sign",
]  # fmt: skip
PARTS = [0.0, -0.0, 1, -1, 0.5, -2, 20, -20, 400, -400, 800, 1e10, 1e200, -1e200, 1e-200, np.inf, -np.inf, np.nan]


def grid(dtype: Any) -> np.ndarray:
    """All pairs of special parts."""
    with np.errstate(over="ignore"):
        parts = np.array(PARTS).astype(dtype(0).real.dtype)
    z = np.empty((parts.size, parts.size), dtype)
    z.real, z.imag = np.meshgrid(parts, parts, indexing="ij")
    return z.ravel()


def agree(got: np.ndarray, want: np.ndarray, size: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Whether parts are within some ULPs of a size, or both nan; signs of zeros and infinities may be free."""
    with np.errstate(all="ignore"):
        near = np.abs(got - want) <= 8 * np.spacing(size)
        same = near | (got == want) | (np.isnan(got) & np.isnan(want)) | (free & (np.abs(got) == np.abs(want)))
    return same & ((np.signbit(got) == np.signbit(want)) | (want != 0) | (got != 0) | free)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("name", NAMES)
def test_special_parts_are_numpys(name: str, dtype: Any) -> None:
    """C99 leaves signs free where a part is nan, or both are infinite."""
    z = grid(dtype)
    with np.errstate(all="ignore"):
        want = getattr(np, name)(z)
        if name == "expm1":  # NumPy's has inf * 0 in it: there it is exp
            far = (np.abs(z.real) > 80) | np.isnan(z.real)
            want.real[far], want.imag[far] = np.exp(z).real[far] - 1, np.exp(z).imag[far]
        if name == "log1p":  # NumPy's real part is log(abs(1 + z)), which is 0 near 0
            want.real = np.where((np.abs(z) < 1e-20) & (z.real != 0), z.real, want.real)
    got = np.asarray(getattr(fv, name)(z))
    assert got.dtype == want.dtype
    free = np.isnan(z.real) | np.isnan(z.imag) | (np.isinf(z.real) & np.isinf(z.imag))
    size = np.where(np.isfinite(want), np.abs(want), 0).astype(want.real.dtype)
    same = agree(got.real, want.real, size, free) & agree(got.imag, want.imag, size, free)
    assert same.all(), list(zip(z[~same], got[~same], want[~same], strict=True))[:5]


def test_what_is_right_where_numpys_is_not() -> None:
    """exp(inf + 0i) is inf + 0i, and so is expm1; log1p of a small number is that number."""
    for z in (np.inf + 0j, complex(800, 0), complex(800, -0.0)):
        got = complex(fv.expm1(fv.array(z, np.complex128)).item())
        assert got.real == np.inf and got.imag == 0
        assert np.signbit(got.imag) == np.signbit(complex(z).imag)
    small = np.array([1e-200 + 1e-200j, -1e-300 + 0j])
    np.testing.assert_array_equal(fv.log1p(small), small)


# --- accuracy --------------------------------------------------------------------------------------------


def i_times(z: Any) -> Any:
    return mpc(-z.imag, z.real)


DERIVATIVES: dict[str, Callable[[Any], Any]] = {
    "exp": mpmath.exp,
    "expm1": mpmath.exp,
    "log": lambda z: 1 / z,
    "log1p": lambda z: 1 / (1 + z),
    "log2": lambda z: 1 / z / mpmath.log(2),
    "log10": lambda z: 1 / z / mpmath.log(10),
    "sqrt": lambda z: 1 / mpmath.sqrt(z) / 2,
    "reciprocal": lambda z: -1 / z**2,
    "sin": mpmath.cos,
    "cos": lambda z: -mpmath.sin(z),
    "tan": lambda z: 1 / mpmath.cos(z) ** 2,
    "sinh": mpmath.cosh,
    "cosh": mpmath.sinh,
    "tanh": lambda z: 1 / mpmath.cosh(z) ** 2,
    "arcsin": lambda z: 1 / mpmath.sqrt(1 - z) / mpmath.sqrt(1 + z),
    "arccos": lambda z: -1 / mpmath.sqrt(1 - z) / mpmath.sqrt(1 + z),
    "arctan": lambda z: 1 / (1 + z * z),
    "arcsinh": lambda z: 1 / mpmath.sqrt(1 - i_times(z)) / mpmath.sqrt(1 + i_times(z)),
    "arccosh": lambda z: 1 / mpmath.sqrt(z - 1) / mpmath.sqrt(z + 1),
    "arctanh": lambda z: 1 / (1 - z * z),
}
VALUES: dict[str, Callable[[Any], Any]] = {
    "reciprocal": lambda z: 1 / z,
    "log1p": lambda z: mpmath.log(1 + z),
    "log2": lambda z: mpmath.log(z) / mpmath.log(2),
    **{f"arc{n}": getattr(mpmath, f"a{n}") for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}
ENTIRE = ("exp", "expm1", "sin", "cos", "sinh", "cosh")
"""They overflow beyond some hundreds."""


def arguments(name: str, rng: np.random.Generator) -> np.ndarray:
    """Random ones of moderate size, near zeros of a logarithm and poles of a tangent, and far out.

    So far that nothing overflows, but squares may.
    """
    near = rng.normal(size=(40, 2)) * 3
    angle, distance = rng.uniform(-np.pi, np.pi, 40), 10.0 ** rng.uniform(-12, 0, 40)
    if name in ("log", "log2", "log10"):
        hard = (1 + distance) * np.exp(1j * np.where(rng.uniform(size=40) < 0.5, angle, distance * angle))
    elif name in ("tan", "tanh"):
        pole = np.pi / 2 * rng.choice([-3, -1, 1, 3], 40) * (1 if name == "tan" else 1j)
        hard = pole + distance * np.exp(1j * angle)
    else:
        hard = np.empty(0, complex)
    if name in ENTIRE:
        far = rng.uniform(-700, 700, (40, 2))
    elif name in ("tan", "tanh"):
        far = rng.uniform(-330, 330, (40, 2))
    else:
        far = rng.choice([-1, 1], (40, 2)) * 10.0 ** rng.uniform(-100, 150, (40, 1)) * rng.uniform(0.1, 1, (40, 2))
    x = np.concatenate([near, far])
    return np.concatenate([hard, x[:, 0] + 1j * x[:, 1]])


def off(got: np.ndarray, want: list[Any], z: np.ndarray) -> tuple[float, complex]:
    """The largest error, in ULPs of the modulus, and where."""
    found: tuple[float, complex] = (0.0, 0j)
    for g, w, at in zip(got.tolist(), want, z.tolist(), strict=True):
        size = max(abs(w), mpf(2.0) ** -1022)
        error = float(abs(mpc(g) - w) / size * 2**52)
        found = found if error <= found[0] else (error, at)
    return found


@pytest.mark.parametrize("name", DERIVATIVES)
def test_values_and_derivatives(name: str, rng: np.random.Generator) -> None:
    """By vjp, whose cotangent is multiplied by the conjugate, and by jvp."""
    z = arguments(name, rng)
    fun = getattr(fv, name)
    one = np.ones_like(z)
    (value,), (back,) = fv.vjp(fun, [z], [one])
    _, (along,) = fv.jvp(fun, [z], [one])
    with mp.workprec(1400):
        exact = VALUES.get(name) or getattr(mpmath, name)
        points = [mpc(a) for a in z.tolist()]
        for got, f, what in ((value, exact, "value"), (np.conj(back), DERIVATIVES[name], "vjp"),
                             (along, DERIVATIVES[name], "jvp")):  # fmt: skip
            error, at = off(got, [f(p) for p in points], z)
            bound = 4 if what == "value" and name != "log1p" else 16
            assert error <= bound, f"{what} of {name} at {at} is off by {error} ULP"


def test_far_out_a_tanh_is_flat() -> None:
    """1, and its derivative 0; it was 1 - 1, or nan."""
    z = np.array([400 + 1j, -400 - 1j, 1e200 + 3j, np.inf + 2j])
    (value,), (slope,) = fv.vjp(np.tanh, [z], [np.ones_like(z)])
    np.testing.assert_array_equal(value, [1, -1, 1, 1])
    np.testing.assert_array_equal(slope, 0)
    (value,), (slope,) = fv.vjp(np.tan, [1j * z[:3]], [np.ones_like(z[:3])])
    np.testing.assert_array_equal(value, [1j, -1j, 1j])
    np.testing.assert_array_equal(slope, 0)


def test_inverse_functions_far_out() -> None:
    """About 1 / z, whose squares would overflow."""
    z = np.array([1e200 + 1e200j, -1e250 + 1j, 1e-250 + 1e200j])
    for fun in (np.arcsin, np.arccos, np.arcsinh, np.arccosh):
        _, (slope,) = fv.vjp(fun, [z], [np.ones_like(z)])
        np.testing.assert_allclose(np.abs(slope) * np.abs(z), 1, rtol=1e-15)
    for flat in (np.arctan, np.arctanh):
        _, (slope,) = fv.vjp(flat, [z], [np.ones_like(z)])
        np.testing.assert_array_equal(slope, 0)
