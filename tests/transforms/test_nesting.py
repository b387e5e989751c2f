"""All pairs and triples of transforms agree with the closed form; and with JAX where it can be imported."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from support.checks import close

import fastvjp as fv

# An elementwise f becomes f' (or f again); each transform maps functions of a vector to such functions.


def by_vjp(f):
    return lambda x: fv.vjp(f, [x], [fv.ones_like(x)])[1][0]


def by_pullback(f):
    return lambda x: fv.vjp(f, [x])[1]([fv.ones_like(x)])[0]


def by_grad(f):
    return fv.grad(lambda x: fv.sum(f(x)))


def by_jvp(f):
    return lambda x: fv.jvp(f, [x], [fv.ones_like(x)])[1][0]


def by_jacfwd(f):
    return lambda x: fv.sum(fv.jacfwd(f)(x), axis=1)


def by_jacrev(f):
    return lambda x: fv.sum(fv.jacrev(f)(x), axis=0)


def vmapped(f):
    return fv.vmap(lambda a: f(fv.reshape(a, (1,)))[0])


def rows(f):
    return lambda x: fv.vmap(f, in_axes=1, out_axes=1)(fv.stack([x, x], axis=1))[:, 0]


def customised(f):
    inner = fv.custom_function(f)
    inner.vjp(lambda x, g, out: fv.vjp(f, [x], [g])[1][0])
    return inner


def customised_jvp(f):
    inner = fv.custom_function(f)
    inner.jvp(lambda x, t: fv.jvp(f, [x], [t])[1][0])
    return inner


def customised_both(f):
    inner = fv.custom_function(f)
    inner.vjp(lambda x, g, out: fv.vjp(f, [x], [g])[1][0])
    inner.jvp(lambda x, t: fv.jvp(f, [x], [t])[1][0])
    return inner


DERIVE = [by_vjp, by_pullback, by_grad, by_jvp, by_jacfwd, by_jacrev]
KEEP = [vmapped, rows, fv.compile, fv.checkpoint, customised, customised_jvp, customised_both]


def base(x):
    return fv.sin(x * 2) * x


def expected(x, order):
    """Derivatives of x sin 2x: 2^n (x sin(2x + n pi/2) + (n/2) sin(2x + (n-1) pi/2))."""
    shift = lambda k: np.sin(2 * x + k * np.pi / 2)  # noqa: E731
    return 2.0**order * (x * shift(order) + order / 2 * shift(order - 1))


def run(chain, x):
    f = base
    for transform in chain:
        f = transform(f)
    return f(x), expected(x, sum(t in DERIVE for t in chain))


@pytest.mark.parametrize("inner", DERIVE + KEEP, ids=lambda t: t.__name__)
@pytest.mark.parametrize("outer", DERIVE + KEEP, ids=lambda t: t.__name__)
def test_pairs(inner, outer, rng):
    found, wanted = run((inner, outer), rng.normal(size=3))
    close(found, wanted, rtol=1e-9)


TRIPLES = [
    t
    for t in itertools.permutations([by_vjp, by_jvp, vmapped, fv.compile, fv.checkpoint, customised_both], 3)
    if by_vjp in t or by_jvp in t
]


@pytest.mark.parametrize("chain", TRIPLES, ids=lambda c: "-".join(t.__name__ for t in c))
def test_triples(chain, rng):
    found, wanted = run(chain, rng.normal(size=3))
    close(found, wanted, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("derive", [by_vjp, by_pullback, by_jvp], ids=lambda t: t.__name__)
def test_orders(derive, order, rng):
    found, wanted = run((derive,) * order, rng.normal(size=3))
    close(found, wanted, rtol=1e-8)


@pytest.mark.parametrize("keep", [rows, fv.compile, fv.checkpoint], ids=lambda t: t.__name__)
def test_closures_over_outer_traced_arrays(keep, rng):
    """d/dx of sum over y-derivatives of x^2 sin(x y) at y = x: the inner function captures the outer array."""
    x = rng.normal(size=3)

    def fun(x):
        inner = keep(lambda y: x * x * fv.sin(x * y))
        return fv.sum(by_vjp(inner)(fv.stop_gradient(x)))  # x^3 cos(x y)

    close(fv.grad(fun)(x), 3 * x**2 * np.cos(x * x) - x**4 * np.sin(x * x), rtol=1e-9)


def test_agreement_with_jax(rng):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    x, w, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)

    def loss(m, log_softmax, w, b):
        h = m.tanh(x @ w + b)
        return m.mean(m.exp(h) * log_softmax(h, axis=1)) + m.sum(m.where(h > 0, h, h**2))

    ours = lambda w, b: loss(fv, fv.log_softmax, w, b)  # noqa: E731
    theirs = lambda w, b: loss(jnp, jax.nn.log_softmax, w, b)  # noqa: E731
    for mine, peer in zip(
        fv.grad(ours, argnums=(0, 1))(w, b), jax.grad(theirs, argnums=(0, 1))(w, b), strict=True
    ):
        close(mine, np.asarray(peer))
    close(fv.hessian(ours, argnums=1)(w, b), np.asarray(jax.hessian(theirs, argnums=1)(w, b)))
    close(fv.jacfwd(fv.jacrev(ours))(w, b), np.asarray(jax.jacfwd(jax.jacrev(theirs))(w, b)))
    close(
        fv.vmap(fv.grad(ours, argnums=1), in_axes=(None, 0))(w, np.stack([b, -b])),
        np.asarray(jax.vmap(jax.grad(theirs, argnums=1), in_axes=(None, 0))(w, np.stack([b, -b]))),
    )
