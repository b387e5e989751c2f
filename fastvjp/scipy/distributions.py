"""Distributions of scipy.stats: logarithms of densities and what belongs to them, on recorded arrays.

Each is declared by functions of the standard variable z = (x - loc) / scale and of the parameters of its shape,
which stand in front of `loc` and `scale` as in SciPy. Formulas are those of SciPy's documentation; where x is
outside of the support densities are 0. Parameters that SciPy refuses give nan or a number without meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .. import ops, special
from ..arrays.array import array, as_arrays
from ..arrays.public import implements

LOG_TAU = math.log(2 * math.pi)
Function = Callable[..., array]


def _arguments(
    name: str, shapes: tuple[str, ...], x: Any, given: tuple[Any, ...], options: Mapping[str, Any], discrete: bool
) -> tuple[array, list[array], array]:
    """The standard variable, the parameters of the shape and the scale; TypeError for what SciPy does not know."""
    rest = ("loc",) if discrete else ("loc", "scale")
    names = (*shapes, *rest)
    found: dict[str, Any] = {"loc": 0, "scale": 1} | dict(zip(names, given, strict=False)) | dict(options)
    unknown = [n for n in found if n not in (*names, "scale")] + [n for n in shapes if n not in found]
    if unknown or len(given) > len(names):
        raise TypeError(
            f"[scipy.stats.{name}] Expected the parameters {', '.join(names)}, got {', '.join(found)}."
        )
    x, *parameters = as_arrays([x, *[found[n] for n in (*shapes, "loc", "scale")]], f"scipy.stats.{name}")
    *shape, loc, scale = parameters
    return (x - loc if discrete else (x - loc) / scale), shape, scale


def _declare(name: str, shapes: str, discrete: bool, methods: Mapping[str, Function]) -> None:
    """The methods of a distribution, by functions of the standard variable and the parameters of its shape."""
    for method, standard in methods.items():
        density = method in ("pdf", "logpdf")

        @implements(f"scipy.stats.{name}.{method}")
        def call(
            x: Any,
            *given: Any,
            _standard: Function = standard,
            _by_scale: str = method if density else "",
            **options: Any,
        ) -> array:
            z, shape, scale = _arguments(name, tuple(shapes.split()), x, given, options, discrete)
            found = ops.where(ops.isnan(z), z, _standard(z, *shape))
            if not _by_scale:
                return found
            return found / scale if _by_scale == "pdf" else found - ops.log(scale)


def _of_logarithm(function: Function) -> Function:
    return lambda *xs: ops.exp(function(*xs))


def _continuous(name: str, shapes: str = "", *, logpdf: Function, **methods: Function) -> None:
    _declare(name, shapes, False, {"logpdf": logpdf, "pdf": _of_logarithm(logpdf), **methods})


def _discrete(name: str, shapes: str, *, logpmf: Function, **methods: Function) -> None:
    """Of whole numbers: others have no probability."""

    def whole(k: array, *shape: array) -> array:
        return ops.where(ops.equal(ops.floor(k), k), logpmf(k, *shape), -math.inf)

    _declare(name, shapes, True, {"logpmf": whole, "pmf": _of_logarithm(whole), **methods})


def _at_least_0(z: array, value: array, otherwise: float = -math.inf) -> array:
    return ops.where(z >= 0, value, otherwise)


# --- continuous ones -------------------------------------------------------------------------------------

_continuous(
    "norm",
    logpdf=lambda z: -0.5 * z * z - 0.5 * LOG_TAU,
    cdf=special.ndtr,
    sf=lambda z: special.ndtr(-z),
    logcdf=special.log_ndtr,
    logsf=lambda z: special.log_ndtr(-z),
)


_continuous(
    "t",
    "df",
    logpdf=lambda z, df: -0.5 * ops.log(df) - special.betaln(df / 2, 0.5) - 0.5 * (df + 1) * ops.log1p(z * z / df),
    cdf=lambda z, df: special.stdtr(df, z),
    sf=lambda z, df: special.stdtr(df, -z),
)


def _gamma_logpdf(z: array, a: array) -> array:
    return _at_least_0(z, ops.xlogy(a - 1, z) - z - special.gammaln(a))


def _inside(z: array) -> array:
    return ops.maximum(z, 0)


_continuous(
    "gamma",
    "a",
    logpdf=_gamma_logpdf,
    cdf=lambda z, a: special.gammainc(a, _inside(z)),
    sf=lambda z, a: special.gammaincc(a, _inside(z)),
    logcdf=lambda z, a: ops.log(special.gammainc(a, _inside(z))),
    logsf=lambda z, a: ops.log(special.gammaincc(a, _inside(z))),
)
_continuous(
    "chi2",
    "df",
    logpdf=lambda z, df: _gamma_logpdf(z / 2, df / 2) - math.log(2),
    cdf=lambda z, df: special.gammainc(df / 2, _inside(z) / 2),
    sf=lambda z, df: special.gammaincc(df / 2, _inside(z) / 2),
    logcdf=lambda z, df: ops.log(special.gammainc(df / 2, _inside(z) / 2)),
    logsf=lambda z, df: ops.log(special.gammaincc(df / 2, _inside(z) / 2)),
)


def _beta_logpdf(z: array, a: array, b: array) -> array:
    value = special.xlog1py(b - 1, -z) + ops.xlogy(a - 1, z) - special.betaln(a, b)
    return ops.where(ops.logical_and(z >= 0, z <= 1), value, -math.inf)


def _unit(z: array) -> array:
    return ops.clip(z, 0, 1)


_continuous(
    "beta",
    "a b",
    logpdf=_beta_logpdf,
    cdf=lambda z, a, b: special.betainc(a, b, _unit(z)),
    sf=lambda z, a, b: special.betaincc(a, b, _unit(z)),
    logcdf=lambda z, a, b: ops.log(special.betainc(a, b, _unit(z))),
    logsf=lambda z, a, b: ops.log(special.betaincc(a, b, _unit(z))),
)
_continuous(
    "expon",
    logpdf=lambda z: _at_least_0(z, -z),
    cdf=lambda z: -ops.expm1(-_inside(z)),
    sf=lambda z: ops.exp(-_inside(z)),
    logcdf=lambda z: ops.log(-ops.expm1(-_inside(z))),
    logsf=lambda z: -_inside(z),
)


def _laplace_cdf(z: array) -> array:
    half = 0.5 * ops.exp(-ops.abs(z))
    return ops.where(z > 0, 1 - half, half)


def _laplace_logcdf(z: array) -> array:
    return ops.where(z > 0, ops.log1p(-0.5 * ops.exp(-ops.abs(z))), z - math.log(2))


_continuous(
    "laplace",
    logpdf=lambda z: -ops.abs(z) - math.log(2),
    cdf=_laplace_cdf,
    sf=lambda z: _laplace_cdf(-z),
    logcdf=_laplace_logcdf,
    logsf=lambda z: _laplace_logcdf(-z),
)
_continuous(
    "logistic",
    logpdf=lambda z: special.log_expit(z) + special.log_expit(-z),
    cdf=ops.sigmoid,
    sf=lambda z: ops.sigmoid(-z),
    logcdf=special.log_expit,
    logsf=lambda z: special.log_expit(-z),
)


def _lognorm_logpdf(z: array, s: array) -> array:
    log = ops.log(z)
    return ops.where(z > 0, -0.5 * (log / s) ** 2 - ops.log(s) - log - 0.5 * LOG_TAU, -math.inf)


def _log_over(z: array, s: array) -> array:
    return ops.log(_inside(z)) / s


_continuous(
    "lognorm",
    "s",
    logpdf=_lognorm_logpdf,
    cdf=lambda z, s: special.ndtr(_log_over(z, s)),
    sf=lambda z, s: special.ndtr(-_log_over(z, s)),
    logcdf=lambda z, s: special.log_ndtr(_log_over(z, s)),
    logsf=lambda z, s: special.log_ndtr(-_log_over(z, s)),
)
_continuous(
    "cauchy",
    logpdf=lambda z: -math.log(math.pi) - ops.log1p(z * z),
    cdf=lambda z: ops.arctan2(1, -z) / math.pi,  # which keeps its digits in the left tail
    sf=lambda z: ops.arctan2(1, z) / math.pi,
    logcdf=lambda z: ops.log(ops.arctan2(1, -z) / math.pi),
    logsf=lambda z: ops.log(ops.arctan2(1, z) / math.pi),
)
_continuous(
    "uniform",
    logpdf=lambda z: ops.where(ops.logical_and(z >= 0, z <= 1), 0 * z, -math.inf),
    cdf=_unit,
    sf=lambda z: 1 - _unit(z),
    logcdf=lambda z: ops.log(_unit(z)),
    logsf=lambda z: ops.log1p(-_unit(z)),
)
_continuous(
    "weibull_min",
    "c",
    logpdf=lambda z, c: _at_least_0(z, ops.log(c) + ops.xlogy(c - 1, z) - z**c),
    cdf=lambda z, c: -ops.expm1(-(_inside(z) ** c)),
    sf=lambda z, c: ops.exp(-(_inside(z) ** c)),
    logcdf=lambda z, c: ops.log(-ops.expm1(-(_inside(z) ** c))),
    logsf=lambda z, c: -(_inside(z) ** c),
)

# --- discrete ones ---------------------------------------------------------------------------------------


def _poisson_cdf(k: array, mu: array) -> array:
    return ops.where(k >= 0, special.gammaincc(_inside(ops.floor(k)) + 1, mu), 0.0)


_discrete(
    "poisson",
    "mu",
    logpmf=lambda k, mu: _at_least_0(k, ops.xlogy(k, mu) - special.gammaln(k + 1) - mu),
    cdf=_poisson_cdf,
    sf=lambda k, mu: ops.where(k >= 0, special.gammainc(_inside(ops.floor(k)) + 1, mu), 1.0),
    logcdf=lambda k, mu: ops.log(_poisson_cdf(k, mu)),
)


def _binom_logpmf(k: array, n: array, p: array) -> array:
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    value = ways + ops.xlogy(k, p) + special.xlog1py(n - k, -p)
    return ops.where(ops.logical_and(k >= 0, k <= n), value, -math.inf)


def _bernoulli_logpmf(k: array, p: array) -> array:
    value = ops.xlogy(k, p) + special.xlog1py(1 - k, -p)
    return ops.where(ops.logical_and(k >= 0, k <= 1), value, -math.inf)


def _nbinom_logpmf(k: array, n: array, p: array) -> array:
    ways = special.gammaln(n + k) - special.gammaln(k + 1) - special.gammaln(n)
    return _at_least_0(k, ways + n * ops.log(p) + special.xlog1py(k, -p))


_discrete("binom", "n p", logpmf=_binom_logpmf)
_discrete("bernoulli", "p", logpmf=_bernoulli_logpmf)
_discrete("nbinom", "n p", logpmf=_nbinom_logpmf)

# --- of several variables --------------------------------------------------------------------------------


@implements("scipy.stats.dirichlet.logpdf")
def _dirichlet_logpdf(x: Any, alpha: Any) -> array:
    """Of points in the first axis, all of their coordinates or all but the last."""
    x, alpha = as_arrays([x, alpha], "scipy.stats.dirichlet")
    if x.shape[0] + 1 == alpha.shape[0]:
        x = ops.concatenate([x, 1 - ops.sum(x, 0, keepdims=True)], 0)
    constant = special.gammaln(ops.sum(alpha)) - ops.sum(special.gammaln(alpha))
    powers = ops.reshape(alpha, alpha.shape + (1,) * (x.ndim - 1)) - 1
    return constant + ops.sum(ops.xlogy(powers, x), 0)


@implements("scipy.stats.dirichlet.pdf")
def _dirichlet_pdf(x: Any, alpha: Any) -> array:
    return ops.exp(_dirichlet_logpdf(x, alpha))
