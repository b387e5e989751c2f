"""`fastvjp.scipy` against SciPy and finite differences; the imports of both namespaces."""

from __future__ import annotations

import importlib
import types
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
from support.checks import close, numeric_grad
from support.scipy_calls import LINALG

import fastvjp as fv
from fastvjp.arrays.public import NUMPY

X, W = np.array([0.3, 1.2, 2.0]), np.array([1.0, 2.0, -0.5])

ORDERS = ("j0", "j1", "y0", "y1", "i0", "i1", "i0e", "i1e", "k0", "k1", "k0e", "k1e")
COMPOSED = ("log1p", "expm1", "exp2", "cbrt", "exprel", "cosm1")
OF_ORDER = ("jv", "yv", "iv", "ive", "kv", "kve", "zeta")

FUNCTIONS: dict[str, Any] = {
    "norm.logpdf": lambda s, x: np.sum(s.stats.norm.logpdf(x, 0.2, x[0])),
    "norm.pdf": lambda s, x: np.sum(s.stats.norm.pdf(W, scale=x)),
    "norm.cdf": lambda s, x: np.sum(s.stats.norm.cdf(x, x[0], 2.0) * W),
    "norm.sf": lambda s, x: np.sum(s.stats.norm.sf(x, loc=0.1, scale=x[1]) * W),
    "frozen norm": lambda s, x: np.sum(s.stats.norm(x[0], scale=x[1]).logpdf(W)),
    "t.logpdf": lambda s, x: np.sum(s.stats.t.logpdf(x, 2.4, 0.1, x[1])),
    "t.pdf": lambda s, x: np.sum(s.stats.t.pdf(W, x)),
    "multivariate_normal.logpdf": lambda s, x: np.sum(
        W[:2] * s.stats.multivariate_normal.logpdf(np.outer(W[:2], x), x * x, np.outer(x, x) + np.eye(3))
    ),
    "multivariate_normal.pdf": lambda s, x: s.stats.multivariate_normal.pdf(x / 2, np.zeros(3), cov=x),
    "frozen multivariate_normal": lambda s, x: s.stats.multivariate_normal(x, x[1]).logpdf(W),
    "multivariate_normal of one variable": lambda s, x: np.sum(
        s.stats.multivariate_normal.logpdf(x, x[0], x[1]) * W
    ),
    "logsumexp": lambda s, x: s.special.logsumexp(x),
    "logsumexp with weights": lambda s, x: s.special.logsumexp(x, 0, W),
    "logsumexp with a sign": lambda s, x: np.prod(np.stack(s.special.logsumexp(x, None, W - 1.5, False, True))),
    "logsumexp of columns": lambda s, x: np.sum(
        s.special.logsumexp(x[:, None] * W, axis=0, b=np.exp(x)[:, None] * W**2, keepdims=True) * W
    ),
    "gammaln": lambda s, x: np.sum(s.special.gammaln(x) * W),
    "digamma": lambda s, x: np.sum(s.special.digamma(x) * W),
    "loggamma": lambda s, x: np.sum(s.special.loggamma(x) * W),
    "psi": lambda s, x: np.sum(s.special.psi(x) * W),
    "gamma": lambda s, x: np.sum(s.special.gamma(x) * W),
    "beta": lambda s, x: np.sum(s.special.beta(x, W**2) * W),
    "betaln": lambda s, x: np.sum(s.special.betaln(x, x[0]) * W),
    "binom": lambda s, x: np.sum(s.special.binom(x + 2, x[0]) * W),
    "gammainc": lambda s, x: np.sum(s.special.gammainc(x, x[1]) * W),
    "gammaincc": lambda s, x: np.sum(s.special.gammaincc(x[1], x * x) * W),
    "betainc": lambda s, x: np.sum(s.special.betainc(x, x[1], W**2 / 5) * W),
    "betaincc": lambda s, x: np.sum(s.special.betaincc(2.0, x, x / 4) * W),
    "erfc": lambda s, x: np.sum(s.special.erfc(x) * W),
    "erfcx": lambda s, x: np.sum(s.special.erfcx(x - 1) * W),
    "ndtr": lambda s, x: np.sum(s.special.ndtr(x - 1) * W),
    "log_ndtr": lambda s, x: np.sum(s.special.log_ndtr(x - 9) * W),
    "ndtri": lambda s, x: np.sum(s.special.ndtri(x / 3) * W),
    "owens_t": lambda s, x: np.sum(s.special.owens_t(x, x[0]) * W),
    "logit": lambda s, x: np.sum(s.special.logit(x / 3) * W),
    "log_expit": lambda s, x: np.sum(s.special.log_expit(x) * W),
    "xlog1py": lambda s, x: np.sum(s.special.xlog1py(x, x[0]) * W),
    "entr": lambda s, x: np.sum(s.special.entr(x) * W),
    "rel_entr": lambda s, x: np.sum(s.special.rel_entr(x, x[0] + 0.1) * W),
    "kl_div": lambda s, x: np.sum(s.special.kl_div(x, x[0] + 0.1) * W),
    **{
        name: lambda s, x, name=name: np.sum(getattr(s.special, name)(x) * W) for name in (*ORDERS, "expi", "exp1")
    },
    **{name: lambda s, x, name=name: np.sum(getattr(s.special, name)(1.5, x) * W) for name in OF_ORDER},
    "jn": lambda s, x: np.sum(s.special.jn(3, x) * W),
    "zeta of 1 at 1": lambda s, x: np.sum(s.special.zeta(2.5, x + 1) * W),
    "sinc": lambda s, x: np.sum(s.special.sinc(x) * W),
    **{name: lambda s, x, name=name: np.sum(getattr(s.special, name)(x - 1) * W) for name in COMPOSED},
    "exprel near 0": lambda s, x: np.sum(s.special.exprel((x - 1) / 9) * W),
    "boxcox": lambda s, x: np.sum(s.special.boxcox(x, x[0] - 1) * W),
    "boxcox by 0": lambda s, x: np.sum(s.special.boxcox(x + 1, 0 * x) * W),
    "boxcox1p": lambda s, x: np.sum(s.special.boxcox1p(x - 0.2, 1 - x[1]) * W),
    "inv_boxcox": lambda s, x: np.sum(s.special.inv_boxcox(x, x[0] / 3) * W),
    "inv_boxcox by 0": lambda s, x: np.sum(s.special.inv_boxcox(x, 0 * x) * W),
    "inv_boxcox1p": lambda s, x: np.sum(s.special.inv_boxcox1p(x, 2.0) * W),
    "huber": lambda s, x: np.sum(s.special.huber(x[::-1], x * 0.8) * W),
    "pseudo_huber": lambda s, x: np.sum(s.special.pseudo_huber(x, x[::-1] - 1) * W),
    "factorial": lambda s, x: np.sum(s.special.factorial(x) * W),
    "comb": lambda s, x: np.sum(s.special.comb(x + 3, x) * W) + np.sum(s.special.comb(x, 4.0)),
    "comb with repetition": lambda s, x: np.sum(s.special.comb(x + 1, 2.0, repetition=True) * W),
    "multigammaln": lambda s, x: np.sum(s.special.multigammaln(x + 1, 3) * W),
    "kn": lambda s, x: np.sum(s.special.kn(2, x) * W),
    "poch": lambda s, x: np.sum(s.special.poch(x, x[0] + 1) * W),
    "rgamma": lambda s, x: np.sum(s.special.rgamma(x - 2) * W),
    "erfi": lambda s, x: np.sum(s.special.erfi(x - 1) * W),
    "dawsn": lambda s, x: np.sum(s.special.dawsn(x * 5) * W),
    "wofz": lambda s, x: np.sum(np.abs(s.special.wofz(x * (5 - 0.2j))) ** 2 * W),
    "wofz of real numbers": lambda s, x: np.sum(np.imag(s.special.wofz(x)) * W),
    "stdtr": lambda s, x: np.sum(s.special.stdtr(x, x[::-1] - 1) * W),
    "fdtr": lambda s, x: np.sum(s.special.fdtr(x + 1, x[0] + 2, x[::-1]) * W),
    "fdtrc": lambda s, x: np.sum(s.special.fdtrc(x + 1, x[0] + 2, x[::-1]) * W),
    "gdtr": lambda s, x: np.sum(s.special.gdtr(x, x[0] + 1, x[::-1]) * W),
    "gdtrc": lambda s, x: np.sum(s.special.gdtrc(x, x[0] + 1, x[::-1]) * W),
    "chdtr": lambda s, x: np.sum(s.special.chdtr(x + 1, x[::-1]) * W),
    "chdtrc": lambda s, x: np.sum(s.special.chdtrc(x + 1, x[::-1]) * W),
    "pdtr": lambda s, x: np.sum(s.special.pdtr([0.0, 2.5, 3.0], x) * W),
    "pdtrc": lambda s, x: np.sum(s.special.pdtrc([0.0, 2.5, 3.0], x) * W),
    "bdtr": lambda s, x: np.sum(s.special.bdtr([0.0, 2.5, 4.0], 4, x / 3) * W),
    "bdtrc": lambda s, x: np.sum(s.special.bdtrc([-1.0, 2.5, 3.0], 4, x / 3) * W),
    "nbdtr": lambda s, x: np.sum(s.special.nbdtr([0.0, 2.0, 3.0], 3.0, x / 3) * W),
    "nbdtrc": lambda s, x: np.sum(s.special.nbdtrc([0.0, 2.0, 3.0], 3.0, x / 3) * W),
    "hyp0f1": lambda s, x: np.sum(s.special.hyp0f1(W + 1.2, x - 1) * W),
    "hyp1f1": lambda s, x: np.sum(s.special.hyp1f1(0.7, W + 1.2, x - 1) * W),
    "hyp2f1": lambda s, x: np.sum(s.special.hyp2f1(0.7, 1.2, W + 1.2, x / 4 - 0.2) * W),
    "hyperu": lambda s, x: np.sum(s.special.hyperu(0.7, 1.2, x) * W),
    "ellipk": lambda s, x: np.sum(s.special.ellipk(x - 1.2) * W),
    "ellipkm1": lambda s, x: np.sum(s.special.ellipkm1(x) * W),
    "ellipe": lambda s, x: np.sum(s.special.ellipe(x - 1.2) * W),
    "ellipkinc": lambda s, x: np.sum(s.special.ellipkinc(x * 3, x[::-1] - 1.2) * W),
    "ellipeinc": lambda s, x: np.sum(s.special.ellipeinc(x * 3, x[::-1] - 1.2) * W),
    "polygamma": lambda s, x: np.sum(s.special.polygamma(2, x) * W),
    "log_softmax": lambda s, x: np.sum(s.special.log_softmax(x) * W),
    "erf": lambda s, x: np.sum(s.special.erf(x) * W),
    "softmax": lambda s, x: np.sum(s.special.softmax(x, axis=0) * W),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_recorded(name):
    function = FUNCTIONS[name]
    ours = lambda x: function(fv.scipy, x)  # noqa: E731
    value, gradient = fv.value_and_grad(ours)(X)
    close(value, function(scipy, X), rtol=1e-12)
    close(gradient, numeric_grad(lambda x: function(scipy, x), X), rtol=1e-6, atol=1e-8)
    close(fv.hessian(ours)(X), fv.hessian(ours)(X).T, rtol=1e-9, atol=1e-10)
    slope = lambda x: np.sum(fv.grad(ours)(x) * W)  # noqa: E731
    close(fv.hessian(ours)(X) @ W, numeric_grad(slope, X), rtol=1e-5, atol=1e-7)


def test_every_function_that_is_declared_is_tested():
    tested = {f"scipy.{kind}.{name}" for kind, names in TESTED.items() for name in names.split()}
    stats = "scipy.stats."  # those are tested in test_distributions.py
    assert {name for name in NUMPY if isinstance(name, str) and not name.startswith(stats)} == tested


TESTED = {
    "special": "erf erfinv expit xlogy digamma psi polygamma gammaln loggamma gamma beta betaln binom gammainc "
    "gammaincc betainc betaincc gammaincinv betaincinv "
    "logsumexp softmax log_softmax erfc erfcx ndtr log_ndtr ndtri owens_t logit "
    "poch rgamma erfi dawsn wofz stdtr fdtr fdtrc gdtr gdtrc chdtr chdtrc pdtr pdtrc bdtr bdtrc nbdtr nbdtrc "
    "hyp0f1 hyp1f1 hyp2f1 hyperu ellipk ellipkm1 ellipe ellipkinc ellipeinc "
    "log_expit xlog1py entr rel_entr kl_div expi exp1 jn kn boxcox boxcox1p inv_boxcox inv_boxcox1p huber "
    "pseudo_huber factorial comb multigammaln " + " ".join(ORDERS + OF_ORDER + COMPOSED),
    "integrate": "odeint",
    "fft": "fft ifft rfft irfft hfft ihfft fftn ifftn rfftn irfftn fft2 ifft2 rfft2 irfft2 fftfreq rfftfreq "
    "fftshift ifftshift",
    "linalg": " ".join(LINALG),
}
"""Here, or in tests/primitives."""


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_box_cox_of_nothing(power):
    """The derivative is x**(power - 1), at 0 too."""
    value, gradient = fv.value_and_grad(lambda x: scipy.special.boxcox(x, power))(np.float64(0))
    assert value == scipy.special.boxcox(0.0, power)
    assert gradient == (np.inf if power < 1 else 0.0 ** (power - 1))


def test_second_derivatives_of_gammaln():
    close(fv.vmap(fv.grad(fv.grad(scipy.special.gammaln)))(X), scipy.special.polygamma(1, X), rtol=1e-12)


# --- where formulas change ---------------------------------------------------------------------------------


def test_derivatives_at_poles_of_gamma():
    """Of 1 / gamma: (-1)**n n! at -n (DLMF 5.2.1 and 5.4.1), and the next one by differences of SciPy's."""
    x = np.array([0.0, -1.0, -2.0, -3.0])
    slope = fv.vmap(fv.grad(scipy.special.rgamma))
    close(slope(x), [1.0, -1.0, 2.0, -6.0], rtol=1e-14)
    step = 1e-4
    curvature = (
        scipy.special.rgamma(x + step) - 2 * scipy.special.rgamma(x) + scipy.special.rgamma(x - step)
    ) / step**2
    close(fv.vmap(fv.grad(fv.grad(scipy.special.rgamma)))(x), curvature, rtol=1e-5)


def _exact(function, x):
    with mpmath.workdps(40):
        return [complex(function(mpmath.mpmathify(each))) for each in x]


def test_far_off_nothing_cancels():
    """Slopes and curvatures of Dawson's and Faddeeva's functions are small beside what they are composed of."""
    dawson = lambda z: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-z * z) * mpmath.erfi(z)  # noqa: E731
    x = np.array([-40.0, 6.9, 7.1, 12.0])
    exact = np.real([_exact(lambda z, n=n: mpmath.diff(dawson, z, n), x) for n in (1, 2)])
    slope = fv.grad(scipy.special.dawsn)
    close(fv.vmap(slope)(x), exact[0], rtol=1e-12)
    close(fv.vmap(fv.grad(slope))(x), exact[1], rtol=1e-10)
    faddeeva = lambda z: mpmath.exp(-z * z) * mpmath.erfc(-1j * z)  # noqa: E731
    z = np.array([8 + 1j, -9 - 0.5j, 0.5 + 8j, 1 - 7.5j])
    exact = np.array(_exact(lambda z: mpmath.diff(faddeeva, z), z))
    close(fv.vjp(scipy.special.wofz, [z], [np.ones(4, complex)])[1][0], exact.conj(), rtol=1e-11)


def test_elliptic_integrals_at_their_edges():
    """Slopes at 0 are those of the series pi / 2 (1 + m / 4) and pi / 2 (1 - m / 4); near 1 mpmath's."""
    close(fv.grad(scipy.special.ellipk)(np.float64(0)), np.pi / 8, rtol=1e-15)
    close(fv.grad(scipy.special.ellipe)(np.float64(0)), -np.pi / 8, rtol=1e-15)
    p = np.array([1e-200, 1e-9, 0.5])
    with mpmath.workdps(40):
        exact = [float(mpmath.diff(lambda q: mpmath.ellipk(1 - q), mpmath.mpf(1e-9), h=1e-19))]
    found = fv.vmap(fv.grad(scipy.special.ellipkm1))(p)
    close(found[:2] * p[:2], [-0.5, exact[0] * 1e-9], rtol=1e-8)
    for function, beyond in (
        (scipy.special.ellipk, 1.5),
        (scipy.special.ellipkm1, -0.5),
        (scipy.special.ellipe, 1.5),
    ):
        assert np.isnan(function(beyond)) and np.isnan(fv.grad(function)(np.float64(beyond)))
    assert fv.grad(scipy.special.ellipk)(np.float64(1)) == np.inf
    phi = np.array([np.pi / 2, 1.5707, 1e-5, 0.0])
    slope = fv.vmap(fv.grad(scipy.special.ellipkinc, 1))
    with mpmath.workdps(30):
        exact = [float(mpmath.diff(lambda m, f=f: mpmath.ellipf(f, m), 0.999)) for f in phi]
    close(slope(phi, np.full(4, 0.999)), exact, rtol=1e-11)


def test_probabilities_where_there_are_none():
    edges = {
        "stdtr": ([3.0, 3.0, -1.0], [-np.inf, np.inf, 1.0]),
        "fdtr": ([2.0, 2.0, 2.0, 2.0], [3.0, 3.0, 3.0, 3.0], [-1.0, 0.0, np.inf, 1e30]),
        "fdtrc": ([2.0, 2.0, 2.0, 2.0], [3.0, 3.0, 3.0, 3.0], [-1.0, 0.0, np.inf, 1e30]),
        "gdtr": ([2.0, 2.0, 2.0], [3.0, 3.0, 3.0], [-1.0, 0.0, np.inf]),
        "chdtrc": ([2.0, 2.0, 2.0], [-1.0, 0.0, np.inf]),
        "pdtr": ([-1.0, 2.5, 2.0], [1.0, 2.0, 0.0]),
        "pdtrc": ([-1.0, 2.5, 2.0], [1.0, 2.0, 0.0]),
        "bdtr": ([-1.0, 2.5, 4.0, 5.0, 3.0, 4.0], [4] * 6, [0.3, 0.3, 0.3, 0.3, 2.0, 2.0]),
        "bdtrc": ([-1.0, 2.5, 4.0, 5.0, 3.0, 4.0], [4] * 6, [0.3, 0.3, 0.3, 0.3, 2.0, 2.0]),
    }
    for name, given in edges.items():
        function = getattr(scipy.special, name)
        xs = [np.array(x) for x in given]  # SciPy deprecates numbers of trials that are no integers
        close(fv.vjp(function, xs, [np.ones(len(xs[0]))])[0][0], function(*xs), rtol=1e-13)


def test_the_median_of_students_distribution():
    value, slopes = fv.value_and_grad(scipy.special.stdtr, (0, 1))(np.float64(3), np.float64(0))
    assert value == 0.5
    close(slopes, [0.0, scipy.stats.t.pdf(0, 3)], rtol=1e-14, atol=1e-100)
    curves = fv.hessian(lambda p: scipy.special.stdtr(p[0], p[1]))(np.array([3.0, 0.0]))
    mixed = numeric_grad(lambda df: scipy.stats.t.pdf(0, df), np.array(3.0))
    close(curves, [[0.0, mixed], [mixed, 0.0]], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name, count", [("hyp0f1", 1), ("hyp1f1", 2), ("hyperu", 2), ("hyp2f1", 3)])
def test_parameters_of_hypergeometric_functions_are_constant(name, count):
    function = getattr(scipy.special, name)
    given = [np.float64(x) for x in (0.7, 1.2, 1.9)[:count]] + [np.float64(0.3)]
    assert np.isfinite(fv.grad(function, count)(*given))
    for i in range(count):
        with pytest.raises(NotImplementedError, match=rf"\[{name}\] There is no derivative by .*stop_gradient"):
            fv.grad(function, i)(*given)


def test_outside_recordings_all_is_scipys():
    assert type(fv.scipy.stats.norm.logpdf(0.5)) is type(scipy.stats.norm.logpdf(0.5))
    assert fv.scipy.stats.norm(1.0, 2.0).mean() == 1
    assert fv.scipy.optimize.rosen_der is scipy.optimize.rosen_der
    assert "stats" in dir(fv.scipy)


@pytest.mark.parametrize(
    "name", ["scipy.stats", "scipy.special", "scipy.spatial.distance", "numpy.random", "numpy.linalg"]
)
def test_modules_are_imported_by_their_names(name):
    rest = name.partition(".")[2]
    found = importlib.import_module(f"fastvjp.{'.'.join(name.split('.')[:2])}")
    for part in rest.split(".")[1:]:
        found = getattr(found, part)
    assert set(dir(importlib.import_module(name))) <= set(dir(found))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: fv.scipy.stats.beta.rvs(x, 1.0, random_state=0),
        lambda x: fv.scipy.signal.lfilter([1.0], [1.0, 0.5], x),
        lambda x: fv.scipy.signal.savgol_filter(x, 3, 1),
        lambda x: fv.scipy.linalg.hessenberg(np.outer(x, x)),
        lambda x: fv.scipy.stats.multivariate_normal.logpdf(x, x, allow_singular=True),
        fv.scipy.optimize.rosen,
        lambda x: fv.scipy.integrate.odeint(lambda y, t: -y, x, [0.0, 1.0], Dfun=lambda y, t: -1)[1],
    ],
)
def test_what_is_lacking_is_an_error(call):
    with pytest.raises(TypeError, match=r"gradient is lost|is not recorded"):
        fv.grad(lambda x: np.sum(call(x)))(X)


# --- copies of SciPy's own functions -----------------------------------------------------------------------

COPIED: dict[str, Any] = {
    "gumbel_r.logpdf": lambda s, x: np.sum(s.stats.gumbel_r.logpdf(W, x[0], x[1])),
    "gumbel_l.logcdf": lambda s, x: np.sum(s.stats.gumbel_l.logcdf(W, x[0], x[1])),
    "pareto.logpdf": lambda s, x: np.sum(s.stats.pareto.logpdf(x + 1, x[0]) * W),
    "truncnorm.logpdf": lambda s, x: np.sum(s.stats.truncnorm.logpdf(W / 4, -2.0, 2.0, x[0], x[1])),
    "skewnorm.logpdf": lambda s, x: np.sum(s.stats.skewnorm.logpdf(x, x[0], x[1], x[2]) * W),
    "geom.logpmf": lambda s, x: np.sum(s.stats.geom.logpmf([1, 2, 4], x / 3) * W),
    "norm.ppf": lambda s, x: np.sum(s.stats.norm.ppf(x / 3, x[0], x[1]) * W),
    "norm.rvs": lambda s, x: np.sum(s.stats.norm.rvs(x[0], x, random_state=0) * W),
    "norm.entropy": lambda s, x: np.sum(s.stats.norm.entropy(x, x[1])),
    "frozen invgamma": lambda s, x: np.sum(s.stats.invgamma(x[0] + 1, scale=x[1]).logpdf(x) * W),
    "wishart.logpdf": lambda s, x: s.stats.wishart.logpdf(np.eye(3) + 0.1, 5, np.diag(x)),
    "multinomial.logpmf": lambda s, x: s.stats.multinomial.logpmf([1, 2, 3], 6, x / np.sum(x)),
    "zscore": lambda s, x: np.sum(s.stats.zscore(x, ddof=1) * W),
    "entropy": lambda s, x: s.stats.entropy(x, x[::-1]),
    "gmean": lambda s, x: s.stats.gmean(x),
    "skew": lambda s, x: s.stats.skew(x) * s.stats.kurtosis(x),
    "pearsonr": lambda s, x: s.stats.pearsonr(x, W)[0],
    "ttest_1samp": lambda s, x: s.stats.ttest_1samp(x, 0.4).pvalue,
    "simpson": lambda s, x: s.integrate.simpson(np.stack([x, x * x]), x=x)[1],
    "cumulative_trapezoid": lambda s, x: np.sum(s.integrate.cumulative_trapezoid(x, W, initial=0) * W),
    "companion": lambda s, x: np.sum(s.linalg.companion(x) @ W[:2]),
    "discrete Lyapunov": lambda s, x: np.sum(s.linalg.solve_discrete_lyapunov(np.outer(x, W) / 9, np.diag(x))),
    "detrend": lambda s, x: np.sum(s.signal.detrend(x) * W),
    "hilbert": lambda s, x: np.sum(np.abs(s.signal.hilbert(x)) * W),
    "resample": lambda s, x: np.sum(s.signal.resample(x, 5) ** 2),
    "euclidean": lambda s, x: s.spatial.distance.euclidean(x, W) * s.spatial.distance.cosine(x, W),
    "scipy.fft": lambda s, x: np.sum(np.abs(s.fft.rfft(x, 5, workers=1)) * W),
    "diric": lambda s, x: np.sum(s.special.diric(x, 3) * W),
}  # fmt: skip


@pytest.mark.parametrize("name", COPIED)
def test_functions_of_scipy_that_are_written_in_python(name, rng):
    function, x = COPIED[name], X + rng.uniform(-0.1, 0.1, 3)
    value, gradient = fv.value_and_grad(lambda x: function(fv.scipy, x))(x)
    close(value, function(scipy, x), rtol=1e-10)
    close(gradient, numeric_grad(lambda x: function(scipy, x), x), rtol=1e-5, atol=1e-7)


def test_what_a_library_takes_for_a_constant_is_lost():
    library = types.ModuleType("scipy.made_up")
    exec("def first(x): return x.item(0) * x[0]\ndef last(x): return x.tolist()[-1] * x[0]", library.__dict__)
    for function in (library.first, library.last):
        with pytest.raises(fv.LostGradientError, match="gradient is lost"):
            fv.grad(function)(X)


# --- odeint ----------------------------------------------------------------------------------------------

TIMES = np.array([0.0, 0.4, 0.7, 1.5])
WEIGHTS = np.arange(1.0, 9).reshape(4, 2)


def spiral(y: Any, t: Any, a: Any, speed: Any) -> Any:
    return np.dot(y**3, a) * speed["s"] + 0.1 * t


@pytest.mark.parametrize("argnums", [0, 1, 2, 3])
@pytest.mark.parametrize("make", [lambda f: f, fv.compile], ids=["plain", "compiled"])
def test_odeint(argnums, make):
    def loss(integrate: Any, y0: Any, t: Any, a: Any, s: Any) -> Any:
        found = integrate.odeint(spiral, y0, t, (a, {"s": s}), rtol=1e-10, atol=1e-10)
        return np.sum(WEIGHTS * found * found)

    given = [np.array([1.2, 0.3]), TIMES, np.array([[-0.1, 2.0], [-2.0, -0.1]]), np.array(0.7)]
    value, gradient = make(fv.value_and_grad(lambda *g: loss(fv.scipy.integrate, *g), argnums))(*given)
    close(value, loss(scipy.integrate, *given), rtol=1e-8)

    def at(x: Any) -> Any:
        others: list[Any] = [*given[:argnums], x, *given[argnums + 1 :]]
        return loss(scipy.integrate, *others)

    close(gradient, numeric_grad(at, given[argnums]), rtol=1e-5, atol=1e-6)
