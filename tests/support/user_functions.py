"""Element functions as a user writes them, and ops of them."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastvjp as fv


def softplus(x):
    """log(1 + exp(x))."""
    return np.logaddexp(type(x)(0), x)


def softplus_vjp(g, x):
    return g / (type(x)(1) + np.exp(-x))


def softplus_rule(g, x):
    return g * fv.sigmoid(x)


SOFTPLUS = """
    template <typename T> inline T softplus(T x) { return element::logaddexp(T(0), x); }

    template <typename T>
    T softplus_vjp(T g, T x)
    {
        return g / (T(1) + exp(-x));  // metal::exp
    }
"""


def length(x, y):
    return np.sqrt(x * x + y * y)


def length_x(g, x, out):
    return g * x / out


def length_y(g, y, out):
    return g * y / out


LENGTH = """
template <typename T> inline T square_of(T x) { return x * x; }
template <typename T> inline T length(T x, T y) { return sqrt(square_of(x) + square_of(y)); }
template <typename T> inline T length_x(T g, T x, T out) { return g * x / out; }
template <typename T> inline T length_y(T g, T y, T out) { return g * y / out; }
"""


def lerp(x, y, z, power):
    return x + (y - x) * z**power


def lerp_x(g, z, power):
    return g * (type(z)(1) - z**power)


def lerp_y(g, z, power):
    return g * z**power


def lerp_z(g, x, y, z, power):
    return g * (y - x) * type(z)(power) * z ** (power - 1)


LERP = """
template <typename T> inline T raised(T x, int n) {
    T found = T(1);
    for (int i = 0; i < n; i++) found *= x;
    return found;
}
template <typename T> inline T lerp(T x, T y, T z, int power) { return x + (y - x) * raised(z, power); }
template <typename T> inline T lerp_x(T g, T z, int power) { return g * (T(1) - raised(z, power)); }
template <typename T> inline T lerp_y(T g, T z, int power) { return g * raised(z, power); }
template <typename T> inline T lerp_z(T g, T x, T y, T z, int power) {
    return g * (y - x) * T(power) * raised(z, power - 1);
}
"""


def softplus_op(**more: Any) -> Any:
    return fv.custom_primitive(softplus, softplus_vjp, metal=SOFTPLUS, **more)


def length_op(**more: Any) -> Any:
    return fv.custom_primitive(length, {"x": length_x, "y": length_y}, metal=LENGTH, **more)


def lerp_op() -> Any:
    return fv.custom_primitive(lerp, {"x": lerp_x, "y": lerp_y, "z": lerp_z}, metal=LERP)
