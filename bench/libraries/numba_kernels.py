"""One fused Numba kernel for value and gradients, written by hand: the mark to come near to.

Threads over blocks, outputs allocated once, and exp, log, tanh and erf as branch-free polynomials in float32, as
Numba without SVML does not vectorise those of libm: fastvjp's, good to 2 ULP for all numbers, or shorter ones,
good to about 1e-6 for moderate numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..workloads.base import Problem
from .base import Call, Library, Unsupported

BLOCK = 4096


def _bits(source: Any, target: Any) -> Any:
    """The same 32 bits as another type."""
    from numba.extending import intrinsic

    @intrinsic
    def cast(context: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], context.get_value_type(target))

        return target(source), generate

    return cast


def _short_functions() -> dict[str, Callable[..., Any]]:
    import numba
    from numba import float32, int32

    element = numba.njit(inline="always", error_model="numpy", fastmath={"contract"})
    one, half, two = float32(1), float32(0.5), float32(2)
    as_int, as_float = _bits(float32, int32), _bits(int32, float32)

    @element
    def exp(x):
        x = min(max(x, float32(-87)), float32(88))
        n = np.floor(x * float32(1.44269504) + half)
        r = (x - n * float32(0.693359375)) + n * float32(2.12194440e-4)
        p = float32(1.9875691500e-4) * r + float32(1.3981999507e-3)
        p = p * r + float32(8.3334519073e-3)
        p = p * r + float32(4.1665795894e-2)
        p = p * r + float32(1.6666665459e-1)
        p = p * r + half
        return (p * r * r + r + one) * as_float(int32((int32(n) + int32(127)) << int32(23)))

    @element
    def log(x):
        bits = as_int(x)
        n = int32(bits - int32(0x3F3504F3)) >> int32(23)
        m = as_float(int32(bits - int32(n << int32(23))))
        s = (m - one) / (m + one)
        z = s * s
        p = ((float32(0.22222222) * z + float32(0.28571429)) * z + float32(0.4)) * z + float32(0.66666667)
        return float32(n) * float32(0.69314718) + s * (two + z * p)

    @element
    def tail(x, e):
        """1 - Phi(|x|) with e = exp(-x^2 / 2), as in Abramowitz and Stegun 7.1.26."""
        t = one / (one + float32(0.3275911 * 0.5**0.5) * abs(x))
        p = (float32(1.061405429) * t - float32(1.453152027)) * t + float32(1.421413741)
        return half * ((p * t - float32(0.284496736)) * t + float32(0.254829592)) * t * e

    @element
    def tanh(x):
        q = exp(-two * abs(x))
        t = (one - q) / (one + q)
        return t if x > float32(0) else -t

    @element
    def normal(x, e):
        q = tail(x, e)
        return one - q if x > float32(0) else q

    return {"exp": exp, "log": log, "tanh": tanh, "normal": normal}


def _exact_functions() -> dict[str, Callable[..., Any]]:
    import numba
    from numba import float32

    from fastvjp.kernels.elements.registry import ELEMENTS
    from fastvjp.kernels.native.user_functions import own_function

    exp, log, tanh, erf = (own_function(ELEMENTS[name]) for name in ("exp", "log", "tanh", "erf"))
    half, root_half = float32(0.5), float32(0.5**0.5)

    @numba.njit(error_model="numpy", forceinline=True)
    def normal(x, e):
        return half + half * erf(x * root_half)

    return {"exp": exp, "log": log, "tanh": tanh, "normal": normal}


def _kernels(functions: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    import numba
    from numba import float32

    loop = numba.njit(error_model="numpy", fastmath={"contract", "reassoc"})
    driver = numba.njit(parallel=True, error_model="numpy", fastmath={"contract", "reassoc"})
    one, half, two = float32(1), float32(0.5), float32(2)
    exp, log, tanh, normal = (functions[name] for name in ("exp", "log", "tanh", "normal"))

    @loop
    def chain_block(x, w, b, gx, gw, gb):
        total = float32(0)
        for i in range(x.shape[0]):
            xi = x[i]
            t, e = tanh(xi * w[i] + b[i]), exp(-xi * xi)
            value = t * e
            inner = (one - t * t) * e
            total += value
            gx[i] = inner * w[i] - two * xi * value
            gw[i] = inner * xi
            gb[i] = inner
        return total

    @driver
    def chain(x, w, b, ct, value, gx, gw, gb):
        total = 0.0
        for k in numba.prange((x.shape[0] + BLOCK - 1) // BLOCK):
            s = slice(k * BLOCK, min(x.shape[0], (k + 1) * BLOCK))
            total += chain_block(x[s], w[s], b[s], gx[s], gw[s], gb[s])
        value[()] = total

    @loop
    def black_scholes_block(spot, strike, time, vol, ct, value, gs, gk, gt, gv):
        rate, norm = float32(0.03), float32((2 * np.pi) ** -0.5)
        for i in range(spot.shape[0]):
            s, k, t, v, g = spot[i], strike[i], time[i], vol[i], ct[i]
            root = np.sqrt(t)
            d1 = (log(s / k) + (rate + half * v * v) * t) / (v * root)
            d2 = d1 - v * root
            e1, discount = exp(-half * d1 * d1), exp(-rate * t)
            n1, n2 = normal(d1, e1), normal(d2, exp(-half * d2 * d2))
            density = g * s * e1 * norm
            value[i] = s * n1 - k * discount * n2
            gs[i] = g * n1
            gk[i] = -g * discount * n2
            gt[i] = density * v / (two * root) + g * rate * k * discount * n2
            gv[i] = density * root

    @driver
    def black_scholes(spot, strike, time, vol, ct, value, gs, gk, gt, gv):
        for b in numba.prange((spot.shape[0] + BLOCK - 1) // BLOCK):
            i = slice(b * BLOCK, min(spot.shape[0], (b + 1) * BLOCK))
            black_scholes_block(spot[i], strike[i], time[i], vol[i], ct[i], value[i], gs[i], gk[i], gt[i], gv[i])

    return {"chain": chain, "black_scholes": black_scholes}


class NumbaByHand(Library):
    """The kernels above, with functions as accurate as fastvjp's."""

    name = "numba by hand"
    package = "numba"
    automatic = False
    functions = staticmethod(_exact_functions)

    @functools.cached_property
    def kernels(self) -> dict[str, Callable[..., Any]]:
        """The kernels, by workload: made when Numba is there and needed."""
        return _kernels(self.functions())

    def build(self, problem: Problem) -> Call:
        if problem.dtype != "float32" or problem.workload.name not in ("chain", "black_scholes"):
            raise Unsupported("written by hand for chain and black_scholes in float32 only")
        kernel = self.kernels[problem.workload.name]
        value, gradients = np.empty_like(problem.cotangent), [np.empty_like(x) for x in problem.wrt]
        given = [*problem.wrt, problem.cotangent]

        def run() -> Any:
            kernel(*given, value, *gradients)
            return value, gradients

        return run


class NumbaShort(NumbaByHand):
    """The same with short functions."""

    name = "numba, short functions"
    functions = staticmethod(_short_functions)
