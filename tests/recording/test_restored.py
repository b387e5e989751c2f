"""Cotangents of sections that are read and then replaced: the array is left as it is."""

import numpy as np
import pytest

import fastvjp
from fastvjp.recording import ready


def added_to(n):
    def f(u, w):
        for _ in range(n):
            u[1:-1] += 0.1 * np.tanh(w * u[2:] - 2 * u[1:-1] + u[:-2])
            u[::2] *= 0.9
            u[3] -= u[2] * w
        return np.sum(u**2)

    return f


def read_elsewhere(n):
    def f(u, w):
        s = 0.0
        for _ in range(n):
            v = u[1:4] * w
            s = s + np.sum(u)
            u[1:4] = np.sin(v) + v
            u[1:4] = 0.0 * w + u[1:4]
        return np.sum(u) + s / n

    return f


def set_to_zero(n):
    def f(u, w):
        for _ in range(n):
            v = np.cos(u[2:5])
            u[2:5] = 0.0
            u = 0.9 * u
            u[2:5] += v * w
        return np.sum(u**2)

    return f


@pytest.mark.parametrize("loop", [added_to, read_elsewhere, set_to_zero], ids=lambda loop: loop.__name__)
def test_gradients_are_those_without(loop, rng, monkeypatch):
    f = fastvjp.numpy.of(loop(int(rng.integers(24, 40))))
    args = rng.normal(size=9), np.array(rng.uniform(0.1, 0.6))
    seen = []
    restored = ready.with_restored

    def kept(ops, *others):
        seen.append((len(ops), len(restored(ops, *others))))
        return restored(ops, *others)

    monkeypatch.setattr(ready, "with_restored", kept)
    found = fastvjp.compile(fastvjp.grad(f, (0, 1)))(*args)
    if loop is added_to:
        assert seen[-1][1] < seen[-1][0]
    monkeypatch.setattr(ready, "with_restored", lambda ops, *_: ops)
    expected = fastvjp.compile(fastvjp.grad(f, (0, 1)))(*args)
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-12)
    h = 1e-6
    along = rng.normal(size=9), rng.normal()
    at = [float(f(args[0] + k * h * along[0], args[1] + k * h * along[1])) for k in (-2, -1, 1, 2)]
    slope = (8 * (at[2] - at[1]) - (at[3] - at[0])) / (12 * h)
    assert np.sum(found[0] * along[0]) + found[1] * along[1] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_what_a_call_is_given_is_not_taken_for_zero(rng):
    def f(u, k):
        for _ in range(40):
            v = u[1:4]
            u[1:4] = k
            u = u + np.pad(v, (1, 2)) * 0.5
            u = np.sin(u)
        return np.sum(u)

    u = rng.normal(size=6)
    for k in (0.0, 0.3):
        found = fastvjp.grad(fastvjp.numpy.of(f))(u, k)
        h, along = 1e-6, rng.normal(size=6)
        slope = (f(u + h * along, k) - f(u - h * along, k)) / (2 * h)
        assert np.sum(found * along) == pytest.approx(slope, rel=1e-5, abs=1e-7)
