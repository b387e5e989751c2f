"""Element functions: logarithms of quotients and relative entropies. Conventions: see arithmetic.py."""

from __future__ import annotations

import numpy as np

from .arithmetic import scale
from .real_entropy import real_kl_div, real_log_ratio
from .real_exponential import real_log1p
from .registry import element
from .scalars import choose


@element
def xlog1py(x, y):
    """x log(1 + y), and 0 where x is, unless y is nan."""
    product = x * real_log1p(y)
    return choose(x == 0 and not np.isnan(y), type(x)(0), product)


@element
def xlog1py_vjp_x(g, y):
    return scale(g, real_log1p(y))


@element
def xlog1py_vjp_y(g, x, y):
    """0 where x is: there the function is 0 for every y."""
    return scale(g, choose(x == 0, type(x)(0), x / (type(x)(1) + y)))


@element
def log_ratio(x, y):
    """log(x / y), which keeps its digits where x and y are near."""
    return real_log_ratio(x, y)


@element
def log_ratio_vjp_x(g, x):
    return scale(g, np.reciprocal(x))


@element
def log_ratio_vjp_y(g, y):
    return scale(g, -np.reciprocal(y))


@element
def kl_div(x, y):
    """x log(x / y) - x + y."""
    return real_kl_div(x, y)


@element
def kl_div_vjp_x(g, x, y):
    return scale(g, real_log_ratio(x, y))


@element
def kl_div_vjp_y(g, x, y):
    return scale(g, (y - x) / y)


@element
def rel_entr(x, y):
    """x log(x / y); 0 where x is and y is not below 0, inf where it is not defined."""
    none, infinity = type(x)(0), type(x)(np.inf)
    value = choose((x > none) & (y > none), x * real_log_ratio(x, y), infinity)
    value = choose((x == none) & (y >= none), none, value)
    return choose(np.isnan(x), x, choose(np.isnan(y), y, value))


@element
def rel_entr_vjp_x(g, x, y):
    return scale(g, real_log_ratio(x, y) + type(x)(1))


@element
def rel_entr_vjp_y(g, x, y):
    return scale(g, -x / y)
