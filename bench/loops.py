"""Python loops with their gradients, by trips: what the first call takes, and what a further one takes.

A loop is a step that takes what the turn before made and maybe a row of data. We and `jax.jit` are given it as a
Python loop; `jax.lax.scan` the step. JAX's Python loops are left out beyond UNROLLED trips, as it compiles for
minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .measure import difference, interleaved

TRIPS = (10, 100, 1000, 10_000)
UNROLLED = 100
"""Trips up to which `jax.jit` gets the Python loop."""

Carry = tuple[Any, ...]


@dataclass(frozen=True)
class Loop:
    """A loop over trips.

    Args:
        parameters: what is differentiated.
        begin: the first carry, from a namespace and the parameters.
        step: the next one, from a namespace, the parameters, the carry and a row of data.
        value: the scalar result, from a namespace and the last carry.
        rows: the shape of a row of data.
    """

    parameters: np.ndarray
    begin: Callable[[Any, Any], Carry]
    step: Callable[[Any, Any, Carry, Any], Carry]
    value: Callable[[Any, Carry], Any]
    rows: tuple[int, ...] = ()

    def function(self, xp: Any, rows: Any) -> Callable[[Any], Any]:
        """The Python loop, as a function of the parameters."""

        def looped(p: Any) -> Any:
            carry = self.begin(xp, p)
            for t in range(len(rows)):
                carry = self.step(xp, p, carry, rows[t])
            return self.value(xp, carry)

        return looped


def _lorenz(xp: Any, p: Any, carry: Carry, _: Any) -> Carry:
    x, y, z = carry
    dx, dy, dz = p[0] * (y - x), x * (p[1] - z) - y, x * y - p[2] * z
    return x + 0.001 * dx, y + 0.001 * dy, z + 0.001 * dz


def _volatility(xp: Any, p: Any, carry: Carry, r: Any) -> Carry:
    s, loss = carry
    s = p[0] + p[1] * r * r + p[2] * s
    return s, loss + xp.log(s) + r * r / s


def _network(xp: Any, p: Any, carry: Carry, x: Any) -> Carry:
    return (xp.tanh(p @ carry[0] + x),)


def _heat(xp: Any, p: Any, carry: Carry, _: Any) -> Carry:
    (u,) = carry
    near = xp.roll(u, 1, 0) + xp.roll(u, -1, 0) + xp.roll(u, 1, 1) + xp.roll(u, -1, 1)
    return (u + p[0] * (near - 4 * u),)


def _oscillator(xp: Any, p: Any, carry: Carry, _: Any) -> Carry:
    def slope(y: Any) -> Any:
        return xp.stack([y[1], p[0] * (1 - y[0] * y[0]) * y[1] - y[0]])

    (y,), h = carry, 0.01
    k1 = slope(y)
    k2 = slope(y + h / 2 * k1)
    k3 = slope(y + h / 2 * k2)
    return (y + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(y + h * k3)),)


def _transport(xp: Any, p: Any, carry: Carry, _: Any) -> Carry:
    u, _v = carry
    v = 0.05 / (p.T @ u)
    return 0.05 / (p @ v), v


def _paths(xp: Any, p: Any, carry: Carry, z: Any) -> Carry:
    s, v = carry  # Heston's model by Euler's method: logarithms of prices, variances
    positive, dt = xp.maximum(v, 1e-6), 0.001
    root = xp.sqrt(positive * dt)
    other = p[3] * z[0] + xp.sqrt(1 - p[3] * p[3]) * z[1]
    return s - 0.5 * positive * dt + root * z[0], v + p[0] * (p[1] - positive) * dt + p[2] * root * other


def _filter(xp: Any, p: Any, carry: Carry, y: Any) -> Carry:
    m, c, loss = carry  # Kalman's filter: the state's mean and covariance, and what the observations cost
    m, c = p @ m, p @ c @ p.T + 0.1 * xp.eye(3)
    s = c[:2, :2] + 0.2 * xp.eye(2)
    k, e = xp.linalg.solve(s, c[:2]).T, y - m[:2]
    loss = loss + xp.log(xp.linalg.det(s)) + e @ xp.linalg.solve(s, e)
    return m + k @ e, c - k @ c[:2], loss


def _clusters(points: np.ndarray) -> Callable[..., Carry]:
    def step(xp: Any, p: Any, carry: Carry, _: Any) -> Carry:
        (c,) = carry
        w = xp.exp(-p * xp.sum((points[:, None] - c) ** 2, -1))
        w = w / xp.sum(w, 1, keepdims=True)
        return ((w.T @ points) / xp.sum(w, 0)[:, None],)

    return step


def _relaxed(xp: Any, p: Any, carry: Carry, _: Any) -> Carry:
    (u,) = carry  # Jacobi's method inside of a square
    inner = p[0] * (u[1:-1, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] + u[2:, 1:-1] + u[:-2, 1:-1])
    return (xp.pad(inner, 1),)


def _total(xp: Any, carry: Carry) -> Any:
    return sum(xp.sum(x * x) for x in carry)


def loops() -> dict[str, Loop]:
    """All loops, by name."""
    rng = np.random.default_rng(0)
    grid = np.sin(np.arange(64 * 64.0)).reshape(64, 64)
    points = rng.normal(size=(200, 3))
    point, rates = np.array([10.0, 28.0, 2.6]), np.array([0.1, 0.2, 0.6])
    return {
        "lorenz": Loop(point, lambda xp, p: (p[0] / 10, p[0] / 10, p[0] / 10), _lorenz, _total),
        "garch": Loop(rates, lambda xp, p: (p[0] * 10, p[0] * 0), _volatility, lambda xp, c: c[1]),
        # so large that gradients do not become subnormal: XLA rounds such numbers to 0, CPUs are slow with them
        "rnn": Loop(rng.normal(size=(32, 32)) / 5, lambda xp, p: (p[0] * 0,), _network, _total, (32,)),
        "heat": Loop(np.array([0.1]), lambda xp, p: (p[0] * 0 + grid,), _heat, _total),
        "oscillator": Loop(np.array([0.5, 1.0]), lambda xp, p: (p * 1,), _oscillator, _total),
        "heston": Loop(
            np.array([2.0, 0.04, 0.3, -0.5]),
            lambda xp, p: (p[0] * xp.zeros(100), p[1] * xp.ones(100)), _paths,
            lambda xp, c: xp.mean(xp.log1p(xp.exp(c[0]))), (2, 100),
        ),
        "kalman": Loop(
            np.eye(3) * 0.9 + rng.normal(size=(3, 3)) / 50,
            lambda xp, p: (p[0] * 0, p * 0 + xp.eye(3), p[0, 0] * 0), _filter, lambda xp, c: c[2], (2,),
        ),
        "clusters": Loop(
            np.array(0.5), lambda xp, p: (p * 0 + points[:5],), _clusters(points), _total
        ),
        "jacobi": Loop(np.array([0.2]), lambda xp, p: (p[0] * 0 + grid,), _relaxed, _total),
        "transport": Loop(
            np.exp(-rng.random((20, 20))), lambda xp, p: (p[0] * 0 + 0.05, p[0] * 0), _transport, _total
        ),
    }  # fmt: skip


def measured(seconds: float) -> list[dict[str, Any]]:
    """For each loop and number of trips: seconds of first calls, microseconds of further ones."""
    found = []
    for name, loop in loops().items():
        for trips in TRIPS:
            rows = np.random.default_rng(trips).normal(size=(trips, *loop.rows)) / 4
            calls, first = _calls(loop, rows)
            times = interleaved({n: call for n, (call, _) in calls.items()}, seconds / 5, rounds=3)
            ours = calls["fastvjp"][1]
            found.append({
                "loop": name, "trips": trips, "first_s": first,
                "us": {n: times[n]["us"] for n in calls},
                "difference": max([difference(ours, other) for n, (_, other) in calls.items()]),
            })  # fmt: skip
    return found


def _calls(loop: Loop, rows: np.ndarray) -> tuple[dict[str, tuple[Callable[[], Any], Any]], dict[str, float]]:
    """Of every library a call with its result, and the seconds that its first one took."""
    import fastvjp

    made: dict[str, Callable[[], Any]] = {}
    ours = fastvjp.compile(fastvjp.value_and_grad(loop.function(np, rows)))
    made["fastvjp"] = lambda: ours(loop.parameters)
    try:
        import jax
    except ImportError:
        pass
    else:
        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp

        data, parameters = jnp.asarray(rows), jnp.asarray(loop.parameters)

        def scanned(p: Any) -> Any:
            last, _ = jax.lax.scan(lambda c, x: (loop.step(jnp, p, c, x), None), loop.begin(jnp, p), data)
            return loop.value(jnp, last)

        scan = jax.jit(jax.value_and_grad(scanned))
        made["jax.lax.scan"] = lambda: jax.block_until_ready(scan(parameters))
        if len(rows) <= UNROLLED:
            unrolled = jax.jit(jax.value_and_grad(loop.function(jnp, data)))
            made["jax.jit"] = lambda: jax.block_until_ready(unrolled(parameters))
    calls, first = {}, {}
    for name, call in made.items():
        start = time.perf_counter()
        result = call()
        first[name] = time.perf_counter() - start
        calls[name] = call, [np.asarray(x) for x in result]
    return calls, first
