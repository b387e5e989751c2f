"""Loops as people write them, each with its arguments for so many turns; and plans without loops beside them."""

from __future__ import annotations

import contextlib

import numpy as np

from fastvjp.kernels import device
from fastvjp.planning.plan import LoopStep
from fastvjp.recording import ready
from fastvjp.recording.trie import trie


@contextlib.contextmanager
def unrolled():
    """All that is planned within is planned turn by turn, op by op as it was recorded."""
    repeats, device.repeats = device.repeats, lambda op: False
    restored, ready.with_restored = ready.with_restored, lambda ops, *_: ops
    forget()
    try:
        yield
    finally:
        device.repeats, ready.with_restored = repeats, restored
        forget()


def forget():
    """Let everything be planned anew."""
    ready._cache.clear()
    trie.forget()


def loops(plan):
    """The loops of a plan, outer ones first."""
    found = [step for step in plan.steps if isinstance(step, LoopStep)]
    return found + [inner for step in found for inner in loops(step.body)]


def same(found, expected):
    """Equal but for the order of sums."""
    for x, y in zip(found, expected, strict=True):
        x, y = np.asarray(x), np.asarray(y)
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-11 * (1 + np.abs(y).max()))


def lorenz(n, rng):
    def f(p, s):
        x, y, z = p[0], p[1], p[2]
        for _ in range(n):
            dx, dy, dz = s[0] * (y - x), x * (s[1] - z) - y, x * y - s[2] * z
            x, y, z = x + 0.01 * dx, y + 0.01 * dy, z + 0.01 * dz
        return x + y * z

    return f, (rng.normal(size=3), np.array([10.0, 28.0, 2.6]))


def recurrent_network(n, rng):
    def f(w, u, x, h):
        seen = []
        for t in range(n):
            h = np.tanh(w @ h + u @ x[t])
            seen.append(h)
        return np.sum(np.stack(seen) ** 2)

    return f, (rng.normal(size=(4, 4)) / 4, rng.normal(size=(4, 3)), rng.normal(size=(n, 3)), np.zeros(4))


def heat(n, rng):
    def f(u):
        for _ in range(n):
            near = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1)
            u = u + 0.1 * (near - 4 * u)
        return np.sum(u**2)

    return f, (rng.normal(size=(7, 6)),)


def volatility(n, rng):
    def f(p, r):
        s, loss = np.mean(r**2), 0.0
        for t in range(n):
            s = p[0] + p[1] * r[t] ** 2 + p[2] * s
            loss = loss + np.log(s) + r[t] ** 2 / s
        return loss

    return f, (np.array([0.1, 0.2, 0.6]), rng.normal(size=n))


def two_steps_back(n, rng):
    def f(x, k):
        a, b = x, 0.99 * x
        for _ in range(n):
            a, b = b, 2 * b - a - 0.01 * k * np.sin(b)
        return np.sum(b * a)

    return f, (rng.normal(size=3), np.array(1.3))


def many_two_steps_back(n, rng):
    f, (_, k) = two_steps_back(n, rng)
    return f, (rng.normal(size=20), k)


def runge_kutta(n, rng):
    def f(y, a):
        def slope(y, t):
            return np.stack([y[1] * a, -y[0] + np.sin(t) * y[1]])

        h = 0.01
        for i in range(n):
            t = i * h
            k1 = slope(y, t)
            k2 = slope(y + h / 2 * k1, t + h / 2)
            k3 = slope(y + h / 2 * k2, t + h / 2)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(y + h * k3, t + h))
        return np.sum(y)

    return f, (rng.normal(size=2), np.array(1.1))


def loop_in_loop(n, rng):
    def f(x, w):
        s = np.zeros(3)
        for i in range(n):
            z = np.cos(x[i])
            for _ in range(12):
                z = np.sin(z * w[0]) + w[1] * x[i]
            s = s + 0.1 * z * s[0] + z
        return np.sum(s)

    return f, (rng.normal(size=(n, 3)), np.array([0.3, 0.2]))


def mirrored(n, rng):
    def f(x):
        s = 0.0
        for i in range(n):
            s = s + np.tanh(x[i]) * np.tanh(x[n - 1 - i]) + x[0]
        return s

    return f, (rng.normal(size=n),)


def filtered(n, rng):
    def f(a, c, y):
        m, p, loss = np.zeros(3), np.eye(3), 0.0
        for t in range(n):
            m, p = a @ m, a @ p @ a.T + 0.1 * np.eye(3)
            s = c @ p @ c.T + 0.2 * np.eye(2)
            k, e = np.linalg.solve(s, c @ p).T, y[t] - c @ m
            loss = loss + np.log(np.linalg.det(s)) + e @ np.linalg.solve(s, e)
            m, p = m + k @ e, p - k @ c @ p
        return loss

    return f, (np.eye(3) + rng.normal(size=(3, 3)) / 50, rng.normal(size=(2, 3)), rng.normal(size=(n, 2)))


def clusters(n, rng):
    def f(x, c):
        for _ in range(n):
            w = np.exp(-np.sum((x[:, None] - c) ** 2, -1))
            w = w / np.sum(w, 1, keepdims=True)
            c = (w.T @ x) / np.sum(w, 0)[:, None]
        return np.sum(c**2)

    return f, (rng.normal(size=(9, 2)), rng.normal(size=(3, 2)))


def transport(n, rng):
    def f(k):
        a = u = np.ones(5) / 5
        for _ in range(n):
            v = a / (k.T @ u)
            u = a / (k @ v)
        return np.sum(u[:, None] * k * v * np.cos(k))

    return f, (np.exp(-rng.random((5, 5))),)


def paths(n, rng):
    def f(p, z):
        v, s, dt = p[0] * np.ones(6), np.zeros(6), 1 / n
        for t in range(n):
            positive = np.maximum(v, 1e-6)
            other = p[4] * z[t, 0] + np.sqrt(1 - p[4] ** 2) * z[t, 1]
            s = s - 0.5 * positive * dt + np.sqrt(positive * dt) * z[t, 0]
            v = v + p[1] * (p[2] - positive) * dt + p[3] * np.sqrt(positive * dt) * other
        return np.mean(np.log1p(np.exp(s)))

    return f, (np.array([0.04, 2.0, 0.04, 0.3, -0.5]), rng.normal(size=(n, 2, 6)))


def collected(n, rng):
    def f(x):
        seen, y = [], x
        for i in range(n):
            y = np.cos(y) + 0.1 * x
            seen.append(np.sum(y) * i)
        return np.sum(np.stack(seen) * np.arange(n)) / n**2 + seen[3] * seen[-1]

    return f, (rng.normal(size=3),)


def matrices(n, rng):
    def f(a, s):
        for _ in range(n):
            d = np.linalg.det(a + s * np.eye(6))
            s = 0.9 * s + 0.1 * np.tanh(d) + np.sum(np.linalg.pinv(a[:, :3] + s) * a[:3]) / 50
        return s

    return f, (rng.normal(size=(6, 6)) / 3 + np.eye(6), np.array(0.5))


def delayed(n, rng):
    def f(x):
        seen = [x[0], x[1] * 2, x[2]]
        for t in range(n):
            seen.append(np.sin(seen[-3] * x[t]) + 0.5 * seen[-1])
        return np.sum(np.stack(seen))

    return f, (rng.normal(size=(n, 3)),)


LOOPS = [
    lorenz, recurrent_network, heat, volatility, two_steps_back, runge_kutta, loop_in_loop, mirrored, filtered,
    clusters, transport, paths, collected, matrices, delayed, many_two_steps_back,
]  # fmt: skip
