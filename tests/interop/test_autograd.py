"""`fastvjp.autograd`: autograd's names on known derivatives."""

from __future__ import annotations

import numpy
import pytest
import scipy.signal
from support.checks import close, numeric_grad

import fastvjp as fv
import fastvjp.numpy as np
from fastvjp import autograd


def cubes(x, w=1.0):
    return np.sum(w * x**3)


def test_derivatives_by_argument():
    x, w = numpy.array([1.0, -2.0]), numpy.array([2.0, 3.0])
    close(autograd.grad(cubes, argnum=1)(x, w), x**3)
    value, (to_x, to_w) = autograd.value_and_grad(cubes, argnum=(0, 1))(x, w)
    close(value, cubes(x, w))
    close(to_x, 3 * w * x**2)
    close(to_w, x**3)
    close(autograd.elementwise_grad(autograd.elementwise_grad(numpy.sin))(x), -numpy.sin(x))
    close(autograd.jacobian(lambda x: np.outer(x, x))(x), fv.jacrev(lambda x: np.outer(x, x))(x))
    close(autograd.hessian(cubes)(x), numpy.diag(6 * x))
    close(autograd.hessian_vector_product(cubes)(x, w), 6 * x * w)


def test_one_element_of_any_shape_is_a_scalar():
    x = np.array([3.0, 2.0])
    np.testing.assert_allclose(autograd.grad(lambda x: (x**2)[None, :1])(x), [6, 0])
    value, g = autograd.value_and_grad(lambda x: x[1:] ** 3)(x)
    assert value == 8
    np.testing.assert_allclose(g, [0, 12])
    with pytest.raises(ValueError, match="scalar"):
        autograd.grad(lambda x: x)(x)


def test_python_floats_are_float64():
    found = autograd.grad(autograd.grad(numpy.sqrt))(2.0)
    assert type(found) is numpy.float64
    close(found, -(2.0**-1.5) / 4, rtol=1e-14)


def test_rules_of_ones_own():
    @autograd.primitive
    def scaled(x, y):
        return x * y

    autograd.defvjp(scaled, lambda ans, x, y: lambda g: 10 * g * y, None)
    x, y = numpy.array([1.0, 2.0]), numpy.array([3.0, 4.0])
    to_x, to_y = autograd.grad(lambda x, y: np.sum(scaled(x, y)), (0, 1))(x, y)
    close(to_x, 10 * y)
    close(to_y, 0 * y)
    autograd.defvjp(scaled, lambda ans, x, y: lambda g: g * ans, argnums=[1])
    close(autograd.grad(lambda y: np.sum(scaled(x, y)))(y), x * y)


def test_check_grads():
    autograd.check_grads(lambda x, y: np.sin(x) * y)(numpy.array([1.0, 2.0]), 0.5)

    @autograd.primitive
    def wrong(x):
        return x * x

    autograd.defvjp(wrong, lambda ans, x: lambda g: g * x)
    with pytest.raises(AssertionError, match=r"\[check_grads\] wrong: .* by rev"):
        autograd.check_grads(wrong, modes=["rev"])(numpy.array([1.0, 2.0]))


def test_fixed_points_of_any_order():
    def root(a):
        return autograd.fixed_point(lambda a: lambda x: 0.5 * (x + a / x), a, 1.0, lambda x, y: abs(x - y), 1e-13)

    for a in (2.0, numpy.array(3.0)):
        close(root(a), a**0.5)
        close(autograd.grad(root)(a), 0.5 * a**-0.5)
        close(autograd.grad(autograd.grad(root))(a), -0.25 * a**-1.5)


@pytest.mark.parametrize("optimizer", [autograd.sgd, autograd.rmsprop, autograd.adam])
def test_optimisers_of_trees(optimizer):
    goal = {"w": numpy.array([1.0, -2.0]), "b": 0.5}
    seen = []

    def loss(p, i):
        return np.sum((p["w"] - goal["w"]) ** 2) + (p["b"] - goal["b"]) ** 2

    start = {"w": numpy.zeros(2), "b": numpy.float64(0)}
    found = optimizer(
        autograd.grad(loss),
        start,
        callback=lambda p, i, g: seen.append((i, loss(p, i))),
        num_iters=800,
        step_size=0.02,
    )
    close(found["w"], goal["w"], atol=2e-2)
    close(found["b"], goal["b"], atol=2e-2)
    assert [i for i, _ in seen] == list(range(800))
    assert seen[-1][1] < seen[0][1]


def test_functions_of_one_vector():
    f, unflatten, x = autograd.flatten_func(lambda p: cubes(p["a"]) + p["b"], {"a": numpy.ones(2), "b": 2.0})
    close(f(x), 4.0)
    close(autograd.grad(f)(x), [3, 3, 1])
    assert set(unflatten(x)) == {"a", "b"}


@pytest.mark.parametrize("mode", ["full", "valid", "same"])
@pytest.mark.parametrize("shapes", [((5, 6), (3, 2)), ((2, 3), (4, 5))])
def test_convolutions_are_scipys(mode, shapes, rng):
    a, b = [rng.normal(size=shape) for shape in shapes]
    close(
        autograd.scipy.signal.convolve(a, b, mode=mode), scipy.signal.convolve(a, b, mode), rtol=1e-12, atol=1e-12
    )


def test_convolutions_that_sum_over_channels(rng):
    images, filters = rng.normal(size=(4, 3, 7, 8)), rng.normal(size=(3, 2, 3, 3))

    def convolved(images, filters):
        return autograd.convolve(images, filters, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid")

    expected = numpy.zeros((4, 2, 5, 6))
    for n, c, d in numpy.ndindex(4, 3, 2):
        expected[n, d] += scipy.signal.convolve(images[n, c], filters[c, d], "valid")
    close(convolved(images, filters), expected, rtol=1e-10, atol=1e-12)
    close(convolved(images[..., :3, :3], filters.repeat(2, 3)).shape, (4, 2, 1, 4))
    weight = rng.normal(size=expected.shape)
    loss = lambda filters: np.sum(weight * convolved(images, filters))  # noqa: E731
    close(autograd.grad(loss)(filters), numeric_grad(loss, filters), rtol=1e-6, atol=1e-6)
