"""Derivatives of incomplete elliptic integrals by the parameter, in float64.

Carlson's form of the integral (DLMF 19.29), over w = exp(q), has no poles nearer to the real axis of q than pi,
whatever the parameters are: so the rule of trapezoids in q has all its digits (Trefethen and Weideman, 2014), also
next to logarithmic singularities.
"""

from __future__ import annotations

import numpy as np

from .real_exponential import real_log
from .registry import helper

FIRST, STEP, COUNT = -115.0, 0.4, 450
PLACES = np.exp(FIRST + STEP * np.arange(COUNT))


@helper
def ellipkinc_by_m(x, y, n):
    """The integral of sin(t)**(2 n) (1 - y sin(t)**2)**(-n - 1/2) over 0 < t < x, for n >= 1."""
    return elliptic(x, y, n, 0)


@helper
def ellipeinc_by_m(x, y, n):
    """The integral of sin(t)**(2 n) (1 - y sin(t)**2)**(1/2 - n) over 0 < t < x, for n >= 1."""
    return elliptic(x, y, n, 1)


@helper
def elliptic(x, y, n, second):
    """Whole periods, and the rest up to a quarter of one: of the second kind if `second` is 1."""
    if not (abs(x) < np.inf and y > -np.inf):
        return np.nan
    turns, s, c = np.rint(x / np.pi), np.sin(x), np.cos(x)
    total = 0.5 * abs(s) ** (2 * n + 1) * carlson(c * c, (1 - y) * s * s + c * c, n, second)
    total = total if (s > 0) == (c > 0) else -total
    if turns != 0:
        total += turns * carlson(0.0, 1 - y, n, second)
    return total


@helper
def carlson(p, q, n, second):
    """The integral of (1 + w)**(-1/2 - k) (w + q)**(k - 1/2 - n) (w + p)**(-1/2) over w > 0, for k = `second`.

    p and q are cos(x)**2 and 1 - y sin(x)**2.
    """
    if not q >= 0:
        return np.nan
    if q + p == 0:
        return np.inf
    # below `first` is less than an epsilon of the integral, and behind `last`
    small = q if q < 1 else 1.0
    smaller = p if p < small else small
    first = (real_log(smaller) - 38 if smaller > 0 else FIRST) if p > 0 else real_log(small) - 76
    last = 30 + (real_log(q) if q > 1 else 0.0)
    start, stop = int((first - FIRST) / STEP), int((last - FIRST) / STEP) + 1
    total = 0.0
    for i in range(max(0, start), min(COUNT, stop)):
        w = PLACES[i]
        value = w / np.sqrt((1 + w) * (w + q) * (w + p))
        if second:
            value *= (w + q) / (1 + w)
        for _ in range(n):
            value /= w + q
        total += value
    return STEP * total
