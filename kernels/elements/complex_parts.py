"""Element functions: the parts of a complex number. Conventions: see arithmetic.py."""

from __future__ import annotations

import numpy as np

from .arithmetic import scale, sign
from .registry import element


@element
def conjugate(x):
    return np.conj(x)


@element(result="real")
def real(x):
    return x.real if isinstance(x, (complex, np.complex64)) else x


@element(result="real")
def imag(x):
    return x.imag if isinstance(x, (complex, np.complex64)) else type(x)(0)


@element(result="real")
def angle(x):
    if isinstance(x, (complex, np.complex64)):
        return np.arctan2(x.imag, x.real)
    return np.arctan2(type(x)(0), x)


@element
def angle_vjp(g, x):
    """Along the circle, 1 / |x| steep; zero at the origin, and on the real line, where the angle jumps."""
    if isinstance(x, (complex, np.complex64)):
        direction = type(x)(1j) * sign(x)
        return scale(g, type(x)(0) if x == 0 else np.conj(direction) / type(x)(np.abs(x)))
    return type(g)(0)
