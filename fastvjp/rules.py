"""Rules of the elementwise primitives: what their `_vjp` element functions compute, composed of public ops.

The walk runs the element functions and differentiates these, so a rule asks for no more than its element
function does and equals it everywhere, special points included. The derivative goes onto the cotangent `g`
by `scale`: g * conj(derivative), but 0 where g is, so that a branch that `where` dropped cannot bring in nan.
"""

# ruff: noqa: PLW0108  a rule is called by the names of its parameters
from __future__ import annotations

import math

from . import ops as o
from .arrays.array import array
from .arrays.emit import emit
from .core.primitive import REGISTRY, Rule

# --- rules of more than a line ---------------------------------------------------------------------------


def _is_complex(x: array) -> bool:
    return x.dtype.kind == "c"


def _scale_y(g: array, x: array) -> array:
    """x * conj(g), zero where either is; as every rule linear in g, which `jvp` never knows the value of."""
    return o.where(o.equal(x, 0), 0, o.conjugate(o.scale(g, x)))


def _share(g: array, wins: array, ties: array) -> array:
    """Of maximum and minimum: all to the one that wins, half where both do."""
    return o.where(ties, g * 0.5, o.where(wins, g, 0))


def _power_x(g: array, x: array, y: array, n: int = 0) -> array:
    constant = o.logical_and(o.equal(x, 0), o.equal(y, n))
    return o.scale(g, o.where(constant, 0, (y - n) * emit("power_less", x, y, n=n + 1)))


def _power_y(g: array, x: array, y: array, out: array, n: int = 0) -> array:
    constant = o.logical_or(o.equal(out, 0), o.logical_and(o.equal(x, 0), o.greater_equal(o.real(y), n)))
    return o.scale(g, o.where(constant, 0, out * o.log(x)))


def _integer_power(g: array, x: array, n: int) -> array:
    return o.scale(g, o.integer_power(x, n - 1) * n) if n else o.zeros_like(g)


def _sigmoid(g: array, x: array) -> array:
    return o.scale(g, emit("tanh_slope", x * 0.5) * 0.25)


def _logaddexp(g: array, x: array, y: array) -> array:
    infinite = o.logical_and(o.equal(x, y), o.equal(x, math.inf))
    return o.scale(g, o.where(o.equal(x, -math.inf), 0, o.sigmoid(o.where(infinite, math.inf, x - y))))


def _inversion_x(g: array, x: array, y: array, out: array) -> array:
    other = emit("inversion", y, x)
    return o.scale(g, (other - out) * (other + out))


def _spherical_bessel(g: array, x: array, n: int) -> array:
    above = emit("spherical_bessel", x, n=n + 1)
    if n == 0:
        return o.scale(g, -above)
    return o.scale(g, (n * emit("spherical_bessel", x, n=n - 1) - (n + 1) * above) / (2 * n + 1))


def _over_one_less_square(x: array) -> array:
    """1 / (1 - x*x), whose derivative must not cancel where x is small, nor it itself near 1."""
    return o.where(o.less(o.abs(x), 0.5), o.reciprocal(1 - x * x), o.reciprocal(1 - x) * o.reciprocal(1 + x))


def _arctan(x: array) -> array:
    """1 / (1 + x*x); of real numbers as arctan2 has it, as the square of a rounded root is off by 4 ULP."""
    return o.square(_over_third_side(x, 1)) if _is_complex(x) else emit("inversion", o.ones_like(x), x)


def _over_third_side(x: array, sign: int) -> array:
    return o.reciprocal(emit("third_side", x, sign=sign))


def _tan(g: array, x: array, out: array) -> array:
    return o.scale(g, emit("tanh_slope", x * 1j) if _is_complex(x) else out * out + 1)


def _sign(g: array, x: array) -> array:
    """Of x / |x|, for complex numbers: the part of g along the circle, over |x|."""
    if not _is_complex(x):
        return o.zeros_like(g)
    u = o.sign(x)
    along = g - u * o.real(o.conjugate(u) * g)
    return o.scale(along, o.where(o.equal(x, 0), 0, o.reciprocal(o.abs(x))))


def _angle(g: array, x: array) -> array:
    if not _is_complex(x):
        return o.zeros_like(g)
    return o.scale(g, o.where(o.equal(x, 0), 0, o.conjugate(o.sign(x) * 1j) / o.abs(x)))


def _imag(g: array, x: array) -> array:
    return o.astype(g, x.dtype) * 1j if _is_complex(x) else o.zeros_like(g)


# x - (-1) is x + 1, except that it keeps the sign of a zero imaginary part, which tells the side of a cut
def _arccosh_slope(x: array) -> array:
    return o.reciprocal(o.sqrt(x - 1) * o.sqrt(x - (-1)))


def _ndtr_hazard(g: array, x: array, out: array) -> array:
    """-out (x + out), the sum as a quotient below 0, where its terms would cancel."""
    u = x * -math.sqrt(0.5)
    quotient = math.sqrt(2) * emit("scaled_ierfc", u, n=1) / emit("scaled_ierfc", u, n=0)
    return o.scale(g, o.scale(out, -o.where(o.less(x, 0), quotient, x + out)))


# --- the table -------------------------------------------------------------------------------------------

RULES: dict[str, dict[str, Rule]] = {
    # arithmetic
    "copy": {"x": lambda g: g},
    "astype": {"x": lambda g, x: o.astype(g, x.dtype)},
    "add": {"x": lambda g: g, "y": lambda g: g},
    "subtract": {"x": lambda g: g, "y": lambda g: -g},
    "negative": {"x": lambda g: -g},
    "multiply": {"x": lambda g, y: o.scale(g, y), "y": lambda g, x: o.scale(g, x)},
    "scale": {"x": lambda g, y: o.scale(g, o.conjugate(y)), "y": _scale_y},
    "divide": {
        "x": lambda g, y: o.scale(g, o.reciprocal(y)),
        "y": lambda g, y, out: o.scale(g, -(out / y)),
    },
    "reciprocal": {"x": lambda g, out: o.scale(g, -(out * out))},
    "square": {"x": lambda g, x: o.scale(g, x + x)},
    "sqrt": {"x": lambda g, out: o.scale(g, 0.5 / out)},
    "rsqrt": {"x": lambda g, x, out: o.scale(g, out * -0.5 / x)},
    "cbrt": {"x": lambda g, out: o.scale(g, 1 / 3 / out / out)},
    "power": {"x": lambda g, x, y: _power_x(g, x, y), "y": lambda g, x, y, out: _power_y(g, x, y, out)},
    "power_less": {"x": _power_x, "y": _power_y},
    "integer_power": {"x": _integer_power},
    "maximum": {
        "x": lambda g, x, y: _share(g, o.greater(x, y), o.equal(x, y)),
        "y": lambda g, x, y: _share(g, o.less(x, y), o.equal(x, y)),
    },
    "minimum": {
        "x": lambda g, x, y: _share(g, o.less(x, y), o.equal(x, y)),
        "y": lambda g, x, y: _share(g, o.greater(x, y), o.equal(x, y)),
    },
    "sign": {"x": _sign},
    "abs": {"x": lambda g, x: o.scale(g, o.conjugate(o.sign(x)))},
    "remainder": {"x": lambda g: g, "y": lambda g, x, y: o.scale(g, -o.floor_divide(x, y))},
    "select": {"x": lambda g, c: o.where(c, g, 0), "y": lambda g, c: o.where(c, 0, g)},
    # exponentials and logarithms
    "exp": {"x": lambda g, out: o.scale(g, out)},
    "expm1": {"x": lambda g, x: o.scale(g, o.exp(x))},
    "log": {"x": lambda g, x: o.scale(g, o.reciprocal(x))},
    "log1p": {"x": lambda g, x: o.scale(g, o.reciprocal(x + 1))},
    "log2": {"x": lambda g, x: o.scale(g, 1 / math.log(2) / x)},
    "log10": {"x": lambda g, x: o.scale(g, 1 / math.log(10) / x)},
    "finite_or_zero": {"x": lambda g, x: o.where(o.isfinite(x), g, 0)},
    "logaddexp": {"x": _logaddexp, "y": lambda g, x, y: _logaddexp(g, y, x)},
    "xlogy": {
        "x": lambda g, y: o.scale(g, o.log(y)),
        "y": lambda g, x, y: o.scale(g, o.where(o.equal(x, 0), 0, x / y)),
    },
    "sigmoid": {"x": _sigmoid},
    "erf": {"x": lambda g, x: o.scale(g, emit("erf_slope", x))},
    "erf_slope": {"x": lambda g, x, out: o.scale(g, o.scale(out, -2 * x))},
    "erfinv": {"x": lambda g, out: o.scale(g, o.reciprocal(emit("erf_slope", out)))},
    # the gamma function
    "gammaln": {"x": lambda g, x: o.scale(g, emit("polygamma", x, n=0))},
    "polygamma": {"x": lambda g, x, n: o.scale(g, emit("polygamma", x, n=n + 1))},
    # the normal distribution
    "erfc": {"x": lambda g, x: o.scale(g, -emit("erf_slope", x))},
    "scaled_ierfc": {"x": lambda g, x, n: o.scale(g, -2 * (n + 1) * emit("scaled_ierfc", x, n=n + 1))},
    "ndtr": {"x": lambda g, x: o.scale(g, emit("ndtr_slope", x))},
    "ndtr_slope": {"x": lambda g, x, out: o.scale(g, o.scale(out, -x))},
    "log_ndtr": {"x": lambda g, x: o.scale(g, emit("ndtr_hazard", x))},
    "ndtr_hazard": {"x": _ndtr_hazard},
    # entropy
    "xlog1py": {
        "x": lambda g, y: o.scale(g, o.log1p(y)),
        "y": lambda g, x, y: o.scale(g, o.where(o.equal(x, 0), 0, x / (y + 1))),
    },
    "log_ratio": {"x": lambda g, x: o.scale(g, o.reciprocal(x)), "y": lambda g, y: o.scale(g, -o.reciprocal(y))},
    "kl_div": {
        "x": lambda g, x, y: o.scale(g, emit("log_ratio", x, y)),
        "y": lambda g, x, y: o.scale(g, (y - x) / y),
    },
    "rel_entr": {
        "x": lambda g, x, y: o.scale(g, emit("log_ratio", x, y) + 1),
        "y": lambda g, x, y: o.scale(g, -x / y),
    },
    # trigonometry
    "sin": {"x": lambda g, x: o.scale(g, o.cos(x))},
    "cos": {"x": lambda g, x: o.scale(g, -o.sin(x))},
    "tan": {"x": _tan},
    "spherical_bessel": {"x": _spherical_bessel},
    "hypot": {
        "x": lambda g, x, y: o.scale(g, emit("hypot_slope", x, y)),
        "y": lambda g, x, y: o.scale(g, emit("hypot_slope", y, x)),
    },
    "hypot_slope": {
        "x": lambda g, x, y: o.scale(g, emit("hypot_slope", y, x) * emit("inversion", y, x)),
        "y": lambda g, x, y, out: o.scale(g, -out * emit("inversion", y, x)),
    },
    "inversion": {"x": _inversion_x, "y": lambda g, x, y, out: o.scale(g, -2 * out * emit("inversion", y, x))},
    "third_side": {"x": lambda g, x, out, sign: o.scale(g, sign * x / out)},
    "arcsin": {"x": lambda g, x: o.scale(g, _over_third_side(x, -1))},
    "arccos": {"x": lambda g, x: o.scale(g, -_over_third_side(x, -1))},
    "arctan": {"x": lambda g, x: o.scale(g, _arctan(x))},
    "arctan2": {
        "x": lambda g, x, y: o.scale(g, emit("inversion", y, x)),
        "y": lambda g, x, y: o.scale(g, -emit("inversion", x, y)),
    },
    "sinh": {"x": lambda g, x: o.scale(g, o.cosh(x))},
    "cosh": {"x": lambda g, x: o.scale(g, o.sinh(x))},
    "tanh": {"x": lambda g, x: o.scale(g, emit("tanh_slope", x))},
    "tanh_slope": {"x": lambda g, x, out: o.scale(g, -2 * out * o.tanh(x))},
    "arcsinh": {"x": lambda g, x: o.scale(g, _over_third_side(x, 1))},
    "arccosh": {"x": lambda g, x: o.scale(g, _arccosh_slope(x))},
    "arctanh": {"x": lambda g, x: o.scale(g, _over_one_less_square(x))},
    # complex parts
    "conjugate": {"x": lambda g: o.conjugate(g)},
    "real": {"x": lambda g, x: o.astype(g, x.dtype)},
    "imag": {"x": _imag},
    "angle": {"x": _angle},
}


def _declare(name: str, rules: dict[str, Rule]) -> None:
    """Give a primitive its rules; ValueError unless there is one that has derivatives and these operands."""
    p = REGISTRY.get(name)
    if p is None or not p.elementwise or p.of is not None:
        raise ValueError(f"[fastvjp/rules.py] Rules for {name}, which is no element function in kernels/elements.")
    if p.rules is None:
        raise ValueError(f"[fastvjp/rules.py] Rules for {name}, which is declared not to be differentiable.")
    for operand in rules.keys() - set(p.inputs):
        raise ValueError(f"[fastvjp/rules.py] A rule of {name} for {operand}. Expected: one of {p.inputs}.")
    for operand in rules.keys() & p.rules.keys():
        raise ValueError(f"[fastvjp/rules.py] A second rule of {name} for {operand}.")
    p.rules.update(rules)


for _name, _rules in RULES.items():
    _declare(_name, _rules)
