"""checkpoint and stop_gradient."""

from __future__ import annotations

import numpy as np
import pytest
from support.checks import close, same

import fastvjp as fv


@pytest.fixture
def xyv(rng):
    return rng.normal(size=3), rng.normal(size=3), rng.normal(size=3)


def test_checkpoint_of_captured_arrays(xyv):
    x, c, v = xyv
    for x0 in (x, float(x[0]), np.float32(x[0])):
        fun = lambda x, c: fv.exp(fv.checkpoint(lambda a: fv.sin(a) * c * a)(x))  # noqa: E731
        plain = lambda x, c: fv.exp(fv.sin(x) * c * x)  # noqa: E731
        for found, expected in zip(fv.vjp(fun, [x0, c], [v])[1], fv.vjp(plain, [x0, c], [v])[1], strict=True):
            close(found, expected, rtol=1e-6 if found.dtype == np.float32 else 1e-10)


def test_checkpoint_identity_constants_and_trees(xyv):
    x, _, v = xyv
    same(fv.grad(fv.checkpoint(lambda x: x))(3.0), 1)
    close(fv.vjp(fv.checkpoint(lambda x: (x, x, fv.sin(x))), [x], [v, v, v])[1][0], 2 * v + np.cos(x) * v)
    same(fv.vjp(fv.checkpoint(lambda x: 1.5), [x], [1.0])[1][0], np.zeros(3))
    assert fv.vjp(fv.checkpoint(lambda x: []), [x], [])[0] == []
    found = fv.grad(lambda p: fv.sum(fv.checkpoint(lambda p: {"y": p["x"] ** 2})(p)["y"]))({"x": x})
    close(found["x"], 2 * x)
    c = fv.array(x)
    close(fv.vjp(lambda x: fv.checkpoint(lambda: x * c)(), [x], [v])[1][0], x * v)


def test_checkpoint_orders_and_modes(xyv):
    x, _, v = xyv
    f = fv.checkpoint(lambda a: fv.sum(fv.exp(a * a)))
    e = np.exp(x * x)
    close(fv.grad(f)(x), 2 * x * e)
    close(fv.jvp(f, [x], [v])[1][0], np.sum(2 * x * e * v))
    close(fv.hessian(f)(x), np.diag((2 + 4 * x * x) * e))
    close(fv.hvp(f, [x], [v])[0], (2 + 4 * x * x) * e * v)
    scalar = fv.checkpoint(lambda a: fv.exp(a * a))
    close(fv.vmap(fv.grad(fv.grad(fv.grad(scalar))))(x), (12 * x + 8 * x**3) * e)
    close(fv.grad(lambda x: fv.sum(fv.vmap(scalar)(x) * v))(x), 2 * x * e * v)


def test_checkpoint_under_vmap_with_captured_arrays(xyv):
    x, c, _v = xyv
    each = fv.vmap(lambda a: fv.checkpoint(lambda z: fv.sum(fv.sin(z * c)))(a * c))
    fun = lambda x, c: fv.sum(fv.vmap(fv.checkpoint(lambda z: fv.sum(fv.sin(z * c))))(x))  # noqa: E731
    close(each(x), np.sin(x[:, None] * c * c).sum(axis=1))
    gx, gc = fv.grad(fun, argnums=(0, 1))(x, c)
    close(gx, (np.cos(np.outer(x, c)) * c).sum(axis=1))
    close(gc, (np.cos(np.outer(x, c)) * x[:, None]).sum(axis=0))


def test_checkpoint_recomputes(xyv):
    """Forward ops appear a second time, behind a barrier, in the recorded program."""
    x, _, v = xyv
    inner = lambda a: fv.sin(fv.exp(a))  # noqa: E731
    count = lambda f: str(fv.record(lambda a: fv.vjp(f, [a], [v])[1][0], x)).count("= exp ")  # noqa: E731
    assert count(inner) == 1
    assert count(fv.checkpoint(inner)) == 2


def test_checkpoint_of_what_raises_or_is_no_function():
    with pytest.raises(TypeError, match="function"):
        fv.checkpoint(3)  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        fv.grad(fv.checkpoint(lambda x: 1 / 0))(1.0)
    assert float(fv.array(1.0) + 1) == 2


def test_stop_gradient(xyv):
    x, _, v = xyv
    fun = lambda x: fv.stop_gradient(x) * x  # noqa: E731
    close(fv.vjp(fun, [x], [v])[1][0], x * v)
    close(fv.jvp(fun, [x], [v])[1][0], x * v)
    close(fv.vmap(fv.grad(fun))(x), x)
    same(fv.grad(fv.grad(fun))(2.0), 0)
    same(fv.stop_gradient(x), x)
    same(fv.vjp(fv.stop_gradient, [x], [v])[1][0], np.zeros(3))


POLICIES = [lambda name: name == "matmul", lambda name: name in ("tanh", "sum"), lambda name: True]


@pytest.mark.parametrize("policy", POLICIES, ids=["matmul", "tanh and sum", "all"])
def test_what_a_policy_keeps_changes_no_derivative(policy, rng):
    w, x, v = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)

    def plain(x, w):
        y = np.tanh(w @ x) + np.exp(-x)
        return np.sum(y) * y

    kept = fv.checkpoint(plain, policy)
    for found, expected in zip(fv.vjp(kept, [x, w], [v])[1], fv.vjp(plain, [x, w], [v])[1], strict=True):
        close(found, expected)
    of = lambda f: lambda x: np.sum(f(x, w) ** 2)  # noqa: E731
    close(fv.hessian(of(kept))(x), fv.hessian(of(plain))(x))
    close(fv.jvp(fv.grad(of(kept)), [x], [v])[1][0], fv.jvp(fv.grad(of(plain)), [x], [v])[1][0])
    rows = rng.normal(size=(4, 3))
    close(fv.vmap(fv.grad(of(kept)))(rows), fv.vmap(fv.grad(of(plain)))(rows))
    close(fv.compile(fv.grad(of(kept)))(x), fv.grad(of(plain))(x))


def test_what_a_policy_keeps_is_not_computed_again(rng):
    w, x = rng.normal(size=(3, 3)), rng.normal(size=3)

    def count(policy):
        step = fv.checkpoint(lambda x: np.tanh(w @ x), policy)
        made = fv.explain(lambda x: np.sum(np.sin(step(step(x)))), [x], [1.0])
        return sum(step.computes == "matmul" for step in made.plan.steps)

    assert count(None) == 2 + 2 + 2  # forward, again, backward
    assert count(lambda name: name == "matmul") == 2 + 2
    with pytest.raises(TypeError, match=r"policy to be a function.*Hint: policy=lambda"):
        fv.checkpoint(np.sin, "matmul")  # type: ignore[arg-type]
