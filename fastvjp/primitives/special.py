"""Special functions that are no element functions: those of scipy.special, and derivatives by parameters.

Families are closed: a derivative is composed of primitives here and of element functions, so that there are
some of any order, but where `_LAST` says otherwise. Where a formula would cancel, the difference is a function of
its own.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays.array import array
from ..arrays.emit import emit, filled
from ..core.avals import COMPUTED, Aval
from ..core.primitive import REGISTRY, NoDerivative, Rule, structural


def _alike(x: Aval, *_: Aval, **__: Any) -> Aval:
    return x


def _function(name: str, operands: str = "x", **rules: Rule) -> None:
    kept = {operand: rule for operand, rule in rules.items() if isinstance(rule, NoDerivative)}
    named = operands.split()
    computed = {operand: _in_single(name, named, rule) for operand, rule in rules.items() if operand not in kept}
    structural(name, operands, _alike, vjp={**computed, **kept}, on="cpu")


def _in_single(name: str, operands: Sequence[str], rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule, in float32 for numbers of 16 bits: between its terms they would lose what is left of them.

    So would the result that was rounded to 16 bits: a rule that takes it takes the operands as well, and gets that
    of float32.
    """
    takes = inspect.signature(rule).parameters
    assert "out" not in takes or all(operand in takes for operand in operands), name

    def single(value: Any) -> Any:
        stored = isinstance(value, array) and value.dtype in COMPUTED
        return emit("astype", value, dtype=COMPUTED[value.dtype]) if stored else value

    @functools.wraps(rule)
    def computed(g: array, **given: Any) -> array:
        if g.dtype not in COMPUTED:
            return rule(g, **given)
        wide = {key: single(value) for key, value in given.items()}
        if "out" in wide:
            params = {key: value for key, value in wide.items() if key not in ("out", *operands)}
            wide["out"] = emit(name, *[wide[operand] for operand in operands], **params)
        return emit("astype", rule(single(g), **wide), dtype=g.dtype)

    return computed


# --- gamma and beta --------------------------------------------------------------------------------------


def rise(x: array, y: array, n: int = 0) -> array:
    """polygamma(n, x + y) - polygamma(n, x)."""
    return emit("polygamma_rise", x, y, n=n)


def _scaled(g: array, derivative: array) -> array:
    return emit("scale", g, derivative)


def _all(like: array, value: float) -> array:
    return filled(like.shape, like, value)


_function("gamma", x=lambda g, x, out: _scaled(g, out * emit("polygamma", x, n=0)))
_function(
    "polygamma_rise",
    "x y",
    x=lambda g, x, y, n: _scaled(g, rise(x, y, n + 1)),
    y=lambda g, x, y, n: _scaled(g, emit("polygamma", x + y, n=n + 1)),
)
_function(
    "betaln",
    "x y",
    x=lambda g, x, y: _scaled(g, -rise(x, y)),
    y=lambda g, x, y: _scaled(g, -rise(y, x)),
)
_function(
    "beta",
    "x y",
    x=lambda g, x, y, out: _scaled(g, -out * rise(x, y)),
    y=lambda g, x, y, out: _scaled(g, -out * rise(y, x)),
)
_function(
    "binom",
    "x y",
    x=lambda g, x, y, out: _scaled(g, out * rise(x - y + 1, y)),
    y=lambda g, x, y, out: _scaled(g, out * rise(y + 1, x - 2 * y)),
)


def _rgamma(g: array, x: array, out: array) -> array:
    """Left of 1/2 of sin(pi x) gamma(1 - x) / pi (DLMF 5.5.3), which is smooth at the poles."""
    left = emit("less", x, _all(x, 0.5))
    mirrored = emit("select", left, 1 - x, _all(x, 1))
    straight = emit("select", left, _all(x, 1), x)
    by_mirror = emit("cos", math.pi * x) * emit("gamma", mirrored) - out * emit("polygamma", mirrored, n=0)
    return _scaled(g, emit("select", left, by_mirror, -out * emit("polygamma", straight, n=0)))


_function("rgamma", x=_rgamma)
_function(
    "poch",
    "x y",
    x=lambda g, x, y, out: _scaled(g, out * rise(x, y)),
    y=lambda g, x, y, out: _scaled(g, out * emit("polygamma", x + y, n=0)),
)

# --- their incomplete integrals --------------------------------------------------------------------------

_LAST = 3
"""Order up to which derivatives by parameters are computed (kernels/elements/incomplete.py)."""


def _by_parameter(name: str, *xs: array, **orders: int) -> array:
    """A derivative by parameters, of these orders; NotImplementedError for higher ones."""
    if sum(orders.values()) > _LAST:
        raise NotImplementedError(
            f"[{name.partition('_')[0]}] Derivatives of order {sum(orders.values())} by parameters are not "
            f"computed. Expected: up to {_LAST}. Hint: keep a parameter constant by fastvjp.stop_gradient."
        )
    return emit(name, *xs, **orders)


def _gamma_density_y(g: array, x: array, y: array, out: array, n: int) -> array:
    """Of the derivative of order n by x: n of them by the factor x - 1."""
    derivative = out * ((x - 1 - y) / y)
    if n:
        derivative = derivative + n * emit("gamma_density", x, y, n=n - 1) / y
    return _scaled(g, derivative)


def _beta_density_z(g: array, x: array, y: array, z: array, out: array, m: int, n: int) -> array:
    derivative = out * ((x - 1) / z - (y - 1) / (1 - z))
    if m:
        derivative = derivative + m * emit("beta_density", x, y, z, m=m - 1, n=n) / z
    if n:
        derivative = derivative - n * emit("beta_density", x, y, z, m=m, n=n - 1) / (1 - z)
    return _scaled(g, derivative)


_function(
    "gamma_density",
    "x y",
    x=lambda g, x, y, n: _scaled(g, _by_parameter("gamma_density", x, y, n=n + 1)),
    y=_gamma_density_y,
)
_function(
    "gammainc_by_x",
    "x y",
    x=lambda g, x, y, n: _scaled(g, _by_parameter("gammainc_by_x", x, y, n=n + 1)),
    y=lambda g, x, y, n: _scaled(g, emit("gamma_density", x, y, n=n)),
)
_function(
    "beta_density",
    "x y z",
    x=lambda g, x, y, z, m, n: _scaled(g, _by_parameter("beta_density", x, y, z, m=m + 1, n=n)),
    y=lambda g, x, y, z, m, n: _scaled(g, _by_parameter("beta_density", x, y, z, m=m, n=n + 1)),
    z=_beta_density_z,
)
_function(
    "betainc_by_xy",
    "x y z",
    x=lambda g, x, y, z, m, n: _scaled(g, _by_parameter("betainc_by_xy", x, y, z, m=m + 1, n=n)),
    y=lambda g, x, y, z, m, n: _scaled(g, _by_parameter("betainc_by_xy", x, y, z, m=m, n=n + 1)),
    z=lambda g, x, y, z, m, n: _scaled(g, emit("beta_density", x, y, z, m=m, n=n)),
)


def _incomplete(suffix: str, signed: Callable[[array], array]) -> None:
    """The integrals from 0 and, with the other sign, those up to the end."""
    _function(
        f"gammainc{suffix}",
        "x y",
        x=lambda g, x, y: _scaled(g, signed(emit("gammainc_by_x", x, y, n=1))),
        y=lambda g, x, y: _scaled(g, signed(emit("gamma_density", x, y, n=0))),
    )
    _function(
        f"betainc{suffix}",
        "x y z",
        x=lambda g, x, y, z: _scaled(g, signed(emit("betainc_by_xy", x, y, z, m=1, n=0))),
        y=lambda g, x, y, z: _scaled(g, signed(emit("betainc_by_xy", x, y, z, m=0, n=1))),
        z=lambda g, x, y, z: _scaled(g, signed(emit("beta_density", x, y, z, m=0, n=0))),
    )


_incomplete("", lambda x: x)
_incomplete("c", operator.neg)

# --- the inverses of these, of which random numbers are made ------------------------------------------------


def _implicit(g: array, by_parameter: array, density: array) -> array:
    """-F_a / f, as F(a, out) stays what it is (Figurnov et al. 2018)."""
    return _scaled(g, -by_parameter / density)


_function(
    "gammaincinv",
    "x y",
    x=lambda g, x, y, out: _implicit(g, *_gamma_parts(x, out)),
    y=lambda g, x, y, out: _scaled(g, 1 / emit("gamma_density", x, out, n=0)),
)
_function(
    "betaincinv",
    "x y z",
    x=lambda g, x, y, z, out: _implicit(g, *_beta_parts(x, y, out, 1, 0)),
    y=lambda g, x, y, z, out: _implicit(g, *_beta_parts(x, y, out, 0, 1)),
    z=lambda g, x, y, z, out: _scaled(g, 1 / emit("beta_density", x, y, out, m=0, n=0)),
)


def _gamma_parts(x: array, out: array) -> tuple[array, array]:
    return emit("gammainc_by_x", x, out, n=1), emit("gamma_density", x, out, n=0)


def _beta_parts(x: array, y: array, out: array, m: int, n: int) -> tuple[array, array]:
    return emit("betainc_by_xy", x, y, out, m=m, n=n), emit("beta_density", x, y, out, m=0, n=0)


def _student_density(x: array, y: array) -> array:
    """Of Student's t distribution at y, for x degrees of freedom."""
    log = emit("log1p", y * y / x) * (-0.5 * (x + 1)) - emit("betaln", 0.5 * x, _all(x, 0.5))
    return emit("exp", log) / emit("sqrt", x)


def _stdtr_x(g: array, x: array, y: array) -> array:
    """The integral from 0 is half an incomplete beta function, of y**2 / (x + y**2), or 1 less that of the rest.

    That argument contributes -y / (2 x) times the density. The smaller one is taken, which keeps its digits.
    """
    # at 0 just beside it: there the slope by y is that of the density, not an infinity times 0
    beside = _all(y, float(np.finfo(y.dtype).tiny) ** 0.45)
    y = emit("select", emit("equal", y, _all(y, 0)), y + beside, y)
    square = y * y
    near, half, halves = emit("less", square, x), _all(x, 0.5), 0.5 * x
    below = emit("select", near, square / (x + square), half)
    above = emit("select", near, half, x / (x + square))
    inside = emit("betainc_by_xy", half, halves, below, m=0, n=1)
    outside = emit("betainc_by_xy", halves, half, above, m=1, n=0)
    grown = 0.25 * emit("sign", y) * emit("select", near, inside, -outside)
    finite = emit("isfinite", y)
    flow = emit("select", finite, y, _all(y, 0)) * _student_density(x, y)
    return _scaled(g, grown - 0.5 * flow / x)


_function("stdtr", "x y", x=_stdtr_x, y=lambda g, x, y: _scaled(g, _student_density(x, y)))

structural("pdtrik", "x y", _alike, vjp=None, on="cpu")


# --- Bessel functions ------------------------------------------------------------------------------------


def _of_order(name: str, order: float, x: array) -> array:
    """The primitive of whole orders 0 and 1 where there is one: it is faster."""
    letter, order = name[0], 1 if order == -1 and name[0] in "ik" else order
    own = f"{letter}{order:.0f}{name[2:]}"
    return emit(own, x) if order in (0, 1) and own in REGISTRY else emit(name, x, order=float(order))


def _turning(name: str) -> Callable[[float, array], array]:
    """Of J and Y: half of those of the orders below and above, with other signs (DLMF 10.6.1)."""
    return lambda v, x: (_of_order(name, v - 1, x) - _of_order(name, v + 1, x)) / 2


def _growing(name: str) -> Callable[[float, array], array]:
    """Of I, and of K with the other sign (DLMF 10.29.1)."""
    return lambda v, x: (_of_order(name, v - 1, x) + _of_order(name, v + 1, x)) / 2


def _minus(slope: Callable[[float, array], array]) -> Callable[[float, array], array]:
    return lambda v, x: -slope(v, x)


_SLOPES = {"jv": _turning("jv"), "yv": _turning("yv"), "iv": _growing("iv"), "kv": _minus(_growing("kv"))}
"""Derivatives of the functions of order v, and for 0 and 1 under names of their own: v - 1 is -1, of which ..."""
_REFLECTED = {"jv": -1, "yv": -1, "iv": 1, "kv": 1}
"""... the function is that of order 1, times this."""


def _bessel(name: str) -> None:
    """A family: any order, and the orders 0 and 1."""
    letter, slope, sign = name[:-1], _SLOPES[name], _REFLECTED[name]
    outer = -1 if name == "kv" else 1

    def zero(g: array, x: array) -> array:
        first = emit(f"{letter}1", x)
        return _scaled(g, first if sign * outer > 0 else -first)

    _function(name, x=lambda g, x, order: _scaled(g, slope(order, x)))
    _function(f"{letter}0", x=zero)
    _function(f"{letter}1", x=lambda g, x: _scaled(g, slope(1, x)))


for _name in _SLOPES:
    _bessel(_name)


def _scaled_bessel(name: str, sign: int) -> None:
    """Times exp(-|x|) for I, exp(x) for K: then what that gives goes off again."""
    letter, slope = name[:-2], _growing(name)

    def derivative(order: float, x: array, out: array) -> array:
        if sign > 0:
            return slope(order, x) - emit("sign", x) * out
        return out - slope(order, x)

    _function(name, x=lambda g, x, out, order: _scaled(g, derivative(order, x, out)))
    _function(f"{letter}0e", x=lambda g, x, out: _scaled(g, derivative(0, x, out)))
    _function(f"{letter}1e", x=lambda g, x, out: _scaled(g, derivative(1, x, out)))


_scaled_bessel("ive", 1)
_scaled_bessel("kve", -1)

# --- hypergeometric functions ------------------------------------------------------------------------------


def _no_derivative(name: str, operand: str) -> Rule:
    """Of a parameter by which there is no closed form."""
    return NoDerivative(
        f"[{name}] There is no derivative by {operand}, only by the last operand. Hint: keep {operand} constant "
        f"by fastvjp.stop_gradient."
    )


def _hypergeometric(name: str, operands: str, slope: Callable[..., array]) -> None:
    """The last operand is the argument; the others, parameters, have SciPy's names in messages."""
    *parameters, last = operands.split()
    named = {"hyp0f1": "v"}.get(name, "abc")
    rules: dict[str, Rule] = {p: _no_derivative(name, n) for p, n in zip(parameters, named, strict=False)}
    _function(name, operands, **rules, **{last: slope})


# DLMF 16.3.1 and 13.3.22
_hypergeometric("hyp0f1", "x y", lambda g, x, y: _scaled(g, emit("hyp0f1", x + 1, y) / x))
_hypergeometric("hyp1f1", "x y z", lambda g, x, y, z: _scaled(g, x / y * emit("hyp1f1", x + 1, y + 1, z)))
_hypergeometric("hyperu", "x y z", lambda g, x, y, z: _scaled(g, -x * emit("hyperu", x + 1, y + 1, z)))
_hypergeometric(
    "hyp2f1",
    "a b x y",
    lambda g, a, b, x, y: _scaled(g, a * b / x * emit("hyp2f1", a + 1, b + 1, x + 1, y)),
)

# --- elliptic integrals ------------------------------------------------------------------------------------


def _gauss(a: float, b: float, c: float, x: array) -> array:
    return emit("hyp2f1", _all(x, a), _all(x, b), _all(x, c), x)


# of K and E by their series pi / 2 F(1/2, 1/2; 1; x) and pi / 2 F(-1/2, 1/2; 1; x) (DLMF 19.5.1 and 19.5.2), with
# Euler's transformation (DLMF 15.8.1) where F would have a pole at 1: nothing cancels, neither at 0 nor at 1
def _inside(x: array, inside: array) -> array:
    """The number; nan where there is no integral, as the function's value is."""
    return emit("select", inside, x, _all(x, math.nan))


def _up_to_1(x: array) -> array:
    return _inside(x, emit("less_equal", x, _all(x, 1)))


def _ellipk(g: array, x: array) -> array:
    m = _up_to_1(x)
    return _scaled(g, math.pi / 8 * _gauss(0.5, 0.5, 2, m) / (1 - m))


def _ellipkm1(g: array, x: array) -> array:
    p = _inside(x, emit("less_equal", _all(x, 0), x))
    return _scaled(g, -math.pi / 8 * _gauss(0.5, 0.5, 2, 1 - p) / p)


_function("ellipk", x=_ellipk)
_function("ellipkm1", x=_ellipkm1)
_function("ellipe", x=lambda g, x: _scaled(g, -math.pi / 8 * _gauss(0.5, 1.5, 2, _up_to_1(x))))


def _root(x: array, y: array) -> tuple[array, array]:
    """sin(x)**2, and 1 - y sin(x)**2 so that it keeps its digits where it is small."""
    s, c = emit("sin", x), emit("cos", x)
    return s * s, c * c + (1 - y) * (s * s)


def _elliptic(name: str, second: int) -> None:
    """The integral of (1 - y sin(t)**2)**(second - 1/2) over 0 < t < x, and its derivatives by y, less factors."""
    by_y, sign = f"{name}_by_m", -1 if second else 1

    def slope(x: array, y: array, n: int = 0) -> array:
        square, rest = _root(x, y)
        root = emit("sqrt", rest)
        return root if n < second else square**n / (root * rest ** (n - second))

    _function(
        name,
        "x y",
        x=lambda g, x, y: _scaled(g, slope(x, y)),
        y=lambda g, x, y: _scaled(g, 0.5 * sign * emit(by_y, x, y, n=1)),
    )
    _function(
        by_y,
        "x y",
        x=lambda g, x, y, n: _scaled(g, slope(x, y, n)),
        y=lambda g, x, y, n: _scaled(g, (n + 0.5 - second) * emit(by_y, x, y, n=n + 1)),
    )


_elliptic("ellipkinc", 0)
_elliptic("ellipeinc", 1)

# --- Dawson's and Faddeeva's functions ---------------------------------------------------------------------

_FAR = 7.0
"""From there on the series in 1 / (2 x**2) has all digits: its terms fall to exp(-49)."""
_TERMS: Sequence[int] = (1, *[2 * k + 1 for k in range(1, 24)])
"""The coefficient of one over that of the one before: 1, 3, 5, ..."""


def _far_slope(x: array) -> array:
    """1 - 2 x times the asymptotic series of Dawson's function (DLMF 7.12.1), whose first term is 1."""
    z = 0.5 / (x * x)
    found = _all(x, 1)
    for factor in reversed(_TERMS[1:]):
        found = 1 + found * z * factor
    return -found * z


def _dawsn(g: array, x: array, out: array) -> array:
    far = emit("less", _all(x, _FAR), emit("abs", x))
    slope = emit("select", far, _far_slope(emit("select", far, x, _all(x, _FAR))), 1 - 2 * x * out)
    return _scaled(g, slope)


def _wofz(g: array, x: array, out: array) -> array:
    """-2 x w + 2 i / sqrt(pi) (DLMF 7.10.3); far off by the series, for w(x) = 2 exp(-x**2) - w(-x) below."""
    size, height = emit("abs", x), emit("imag", x)
    far, below = emit("less", _all(size, _FAR), size), emit("less", height, _all(height, 0))
    upper = emit("select", below, -x, x)
    constant = 2j / math.sqrt(math.pi)
    slope = emit(
        "select", far, constant * _far_slope(emit("select", far, upper, _all(x, _FAR))), constant - 2 * x * out
    )
    lower = emit("select", emit("logical_and", far, below), x, _all(x, 0))
    return _scaled(g, slope - 4 * lower * emit("exp", -lower * lower))


_function("erfi", x=lambda g, x: _scaled(g, 2 / math.sqrt(math.pi) * emit("exp", x * x)))
_function("dawsn", x=_dawsn)
_function("wofz", x=_wofz)

# --- others ----------------------------------------------------------------------------------------------

_function("ndtri", x=lambda g, x, out: _scaled(g, 1 / emit("ndtr_slope", out)))
_function("expi", x=lambda g, x: _scaled(g, emit("exp", x) / x))
_function("exp1", x=lambda g, x: _scaled(g, -emit("exp", -x) / x))
_function("zeta", x=lambda g, x, order: _scaled(g, -order * emit("zeta", x, order=order + 1)))
_function(
    "owens_t",
    "x y",
    x=lambda g, x, y: _scaled(g, emit("ndtr_slope", x) * (0.5 - emit("ndtr", x * y))),
    y=lambda g, x, y: _scaled(g, emit("ndtr_slope", x) * emit("ndtr_slope", x * y) / (1 + y * y)),
)
