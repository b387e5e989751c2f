"""Rows of the functions of fastvjp/primitives/special.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import scipy.special

import fastvjp as mx

from .case import COMPLEX, FLOAT, INEXACT, POSITIVE, SIGNED, UNIT, Case, Domain, primitive, structural

INSIDE = Domain(((0.1, 0.9),))
ABOVE = Domain(((0.5, 4),))
SHAPE = (2, 3)


def _row(name: str, *domains: Domain) -> Case:
    """Of a function of scipy.special under its own name."""
    fun, reference = getattr(mx.special, name), getattr(scipy.special, name)
    return structural(name, fun, reference, *[(d, SHAPE) for d in domains], dtypes=FLOAT)


def _of_order(name: str) -> Case:
    """Of a function of scipy.special of a number and an operand."""
    fun, reference = getattr(mx.special, name), getattr(scipy.special, name)
    return structural(
        name, lambda x: fun(2, x), lambda x: np.asarray(reference(2, x), x.dtype), (ABOVE, SHAPE), dtypes=FLOAT
    )


def _exactly(name: str, exact: Callable[..., Any], *domains: Domain, **params: int) -> Case:
    """Of a primitive, against a function of mpmath's numbers."""

    def reference(*xs: Any) -> Any:
        with mpmath.workdps(30):
            found = [
                float(exact(*map(mpmath.mpf, map(float, each)))) for each in zip(*map(np.ravel, xs), strict=True)
            ]
        return np.array(found, xs[0].dtype).reshape(np.shape(xs[0]))

    operands = [(d, SHAPE) for d in domains]
    return structural(name, primitive(name, **params), reference, *operands, dtypes=FLOAT)


def _gammainc(a: Any, x: Any) -> Any:
    return mpmath.gammainc(a, 0, x, regularized=True)


def _betainc(a: Any, b: Any, x: Any) -> Any:
    return mpmath.betainc(a, b, 0, x, regularized=True)


def _gamma_density(a: Any, x: Any) -> Any:
    return x ** (a - 1) * mpmath.exp(-x) / mpmath.gamma(a)


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    return x ** (a - 1) * (1 - x) ** (b - 1) / mpmath.beta(a, b)


CASES = [
    _row("gamma", POSITIVE),
    _row("beta", POSITIVE, POSITIVE),
    _row("betaln", POSITIVE, POSITIVE),
    _row("binom", POSITIVE, INSIDE),
    _row("gammainc", POSITIVE, POSITIVE),
    _row("gammaincc", POSITIVE, POSITIVE),
    _row("betainc", POSITIVE, POSITIVE, INSIDE),
    _row("betaincc", POSITIVE, POSITIVE, INSIDE),
    _row("gammaincinv", POSITIVE, INSIDE),
    _row("betaincinv", POSITIVE, POSITIVE, INSIDE),
    structural(  # of which random numbers take the next whole number
        "pdtrik",
        primitive("pdtrik"),
        scipy.special.pdtrik,
        (INSIDE, SHAPE),
        (POSITIVE, SHAPE),
        dtypes=FLOAT,
        smooth=lambda u, mean: np.zeros_like(u),
    ),
    _exactly("polygamma_rise", lambda x, y: mpmath.psi(1, x + y) - mpmath.psi(1, x), POSITIVE, POSITIVE, n=1),
    _exactly("gammainc_by_x", lambda a, x: mpmath.diff(lambda a: _gammainc(a, x), a), POSITIVE, POSITIVE, n=1),
    _exactly(
        "gamma_density", lambda a, x: mpmath.diff(lambda a: _gamma_density(a, x), a), POSITIVE, POSITIVE, n=1
    ),
    _exactly(
        "betainc_by_xy",
        lambda a, b, x: mpmath.diff(_betainc, (a, b, x), (0, 1, 0)),
        POSITIVE,
        POSITIVE,
        INSIDE,
        m=0,
        n=1,
    ),
    _exactly(
        "beta_density",
        lambda a, b, x: mpmath.diff(_beta_density, (a, b, x), (1, 0, 0)),
        POSITIVE,
        POSITIVE,
        INSIDE,
        m=1,
        n=0,
    ),
]

CASES += [
    *[_row(name, ABOVE) for name in ("j0", "j1", "y0", "y1", "i0", "i1", "i0e", "i1e", "k0", "k1", "k0e", "k1e")],
    *[_row(name, ABOVE) for name in ("expi", "exp1")],
    _row("ndtri", INSIDE),
    _row("owens_t", ABOVE, ABOVE),
    *[_of_order(name) for name in ("jv", "yv", "iv", "ive", "kv", "kve", "zeta")],
]

HALF = Domain(((-3, 0.8),))
COMPLEX_PLANE = Domain(((-9, 9),), parts=((-2, -0.2), (0.2, 9)))


def _by_last(name: str, *parameters: float, domain: Domain, dtypes: tuple[str, ...] = FLOAT) -> Case:
    """Of a function of scipy.special with a derivative by its last operand alone; parameters have few digits."""
    fun, reference = getattr(mx.special, name), getattr(scipy.special, name)
    return structural(
        name,
        lambda x: fun(*parameters, x),
        lambda x: np.asarray(reference(*parameters, x), x.dtype),
        (domain, SHAPE),
        dtypes=dtypes,
    )


def _elliptic(second: int) -> Callable[..., Any]:
    def integral(x: Any, y: Any) -> Any:
        return mpmath.quad(lambda t: mpmath.sin(t) ** 2 * (1 - y * mpmath.sin(t) ** 2) ** (second - 1.5), [0, x])

    return integral


CASES += [
    *[_row(name, HALF) for name in ("rgamma", "ellipk", "ellipe")],
    _row("ellipkm1", POSITIVE),
    _row("poch", POSITIVE, POSITIVE),
    _row("dawsn", Domain(((-12, 12),))),
    structural("erfi", mx.special.erfi, scipy.special.erfi, (UNIT, SHAPE), dtypes=INEXACT),
    structural("wofz", mx.special.wofz, scipy.special.wofz, (COMPLEX_PLANE, SHAPE), dtypes=COMPLEX),
    _row("stdtr", ABOVE, SIGNED),
    _row("ellipkinc", Domain(((-4, 4),)), HALF),
    _row("ellipeinc", Domain(((-4, 4),)), HALF),
    *[_exactly(f"ellip{kind}inc_by_m", _elliptic(i), UNIT, HALF, n=1) for i, kind in enumerate("ke")],
    _by_last("hyp0f1", 1.375, domain=SIGNED),
    _by_last("hyp1f1", 0.6875, 1.375, domain=SIGNED),
    _by_last("hyperu", 0.6875, 1.375, domain=ABOVE),
    _by_last("hyp2f1", 0.6875, 1.1875, 2.375, domain=HALF),
]
