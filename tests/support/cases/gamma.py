"""Rows of the element functions of kernels/elements/gamma.py.

SciPy's are off by many digits near the poles, and inf at the smallest numbers: so the reference is mpmath.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import numpy as np
import scipy.special

import fastvjp as mx

from .case import FLOAT, POSITIVE, Case, Domain, elementwise, primitive

BELOW = Domain(((-2.7, -2.3), (-0.7, -0.3), (0.3, 3)))
"""Between the poles, too."""


def _exactly(exact: Callable[[Any], Any], at_poles: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of mpmath's, and SciPy's at infinities and poles, of an array."""

    def reference(x: Any) -> Any:
        x = np.asarray(x, np.result_type(x.dtype, np.float32))
        other = np.asarray(at_poles(x.astype(np.float64)))
        regular = np.isfinite(x) & ~((x <= 0) & (x == np.floor(x)))
        with mpmath.workprec(120):
            found = [float(exact(mpmath.mpf(float(a)))) for a in x[regular]]
        other[regular] = found
        return other.astype(x.dtype)

    return reference


def _gammaln(x: Any) -> Any:
    return mpmath.log(abs(mpmath.gamma(x))) if -1e3 < x < 1 else mpmath.loggamma(x).real


GAMMALN = _exactly(_gammaln, scipy.special.gammaln)
POLYGAMMA = [_exactly(partial(mpmath.psi, n), partial(scipy.special.polygamma, n)) for n in range(3)]


def _row(n: int, **more: Any) -> Case:
    return elementwise("polygamma", POLYGAMMA[n], FLOAT, POSITIVE, fun=primitive("polygamma", n=n), ulp=8, **more)


CASES = [
    elementwise("gammaln", GAMMALN, ("int32", *FLOAT), BELOW, fun=mx.special.gammaln, at_least=1),
    elementwise("polygamma", POLYGAMMA[0], ("int32", *FLOAT), BELOW, fun=mx.special.digamma, at_least=1, ulp=8),
    *[_row(n, variant=f"n={n}") for n in (1, 2)],
]
