"""Densities of scipy.stats."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import ops
from ..arrays.array import array, as_arrays
from ..arrays.public import NUMPY, implements

# --- the normal distribution -------------------------------------------------------------------------------------


def _standard(x: Any, loc: Any, scale: Any) -> tuple[array, array]:
    """The argument of the standard density, and the scale."""
    x, loc, scale = as_arrays([x, loc, scale], "scipy.stats")
    return (x - loc) / scale, scale


@implements("scipy.stats.norm.logpdf")
def _norm_logpdf(x: Any, loc: Any = 0, scale: Any = 1) -> array:
    z, scale = _standard(x, loc, scale)
    return -0.5 * z * z - ops.log(scale) - 0.5 * math.log(2 * math.pi)


@implements("scipy.stats.norm.cdf")
def _norm_cdf(x: Any, loc: Any = 0, scale: Any = 1) -> array:
    return 0.5 * (1 + ops.erf(_standard(x, loc, scale)[0] / math.sqrt(2)))


@implements("scipy.stats.norm.sf")
def _norm_sf(x: Any, loc: Any = 0, scale: Any = 1) -> array:
    return _norm_cdf(-_standard(x, loc, scale)[0])


# --- Student's t -------------------------------------------------------------------------------------------------


@implements("scipy.stats.t.logpdf")
def _t_logpdf(x: Any, df: Any, loc: Any = 0, scale: Any = 1) -> array:
    gammaln = NUMPY["scipy.special.gammaln"]
    x, df, loc, scale = as_arrays([x, df, loc, scale], "scipy.stats.t")
    z = (x - loc) / scale
    constant = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * ops.log(df * math.pi)
    return constant - 0.5 * (df + 1) * ops.log1p(z * z / df) - ops.log(scale)


def _density(name: str, logpdf: Callable[..., array]) -> None:
    @implements(f"scipy.stats.{name}.pdf")
    def pdf(*args: Any, **options: Any) -> array:
        return ops.exp(logpdf(*args, **options))


_density("norm", _norm_logpdf)
_density("t", _t_logpdf)
