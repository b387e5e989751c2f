"""jacrev, jacfwd, hessian and hvp against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from support.checks import close, same

import fastvjp as fv


@pytest.fixture
def xyv(rng):
    return rng.normal(size=3), rng.normal(size=3), rng.normal(size=3)


@pytest.mark.parametrize("jacobian", [fv.jacrev, fv.jacfwd])
def test_jacobians(jacobian, rng):
    x, a = rng.normal(size=3), rng.normal(size=(2, 3))
    close(jacobian(lambda x: a @ fv.sin(x))(x), a * np.cos(x))
    close(jacobian(lambda x: fv.sum(x * x))(x), 2 * x)
    found = jacobian(lambda a: a.T)(a)
    assert found.shape == (3, 2, 2, 3)
    close(found, np.einsum("il,jk->ijkl", np.eye(3), np.eye(2)))
    first, second = jacobian(lambda x, y: x * y, argnums=(0, 1))(x, 2 * x)
    close(first, np.diag(2 * x))
    close(second, np.diag(x))


@pytest.mark.parametrize("jacobian", [fv.jacrev, fv.jacfwd])
def test_jacobians_of_trees(jacobian, xyv):
    x, y, _ = xyv
    found = jacobian(lambda p: {"prod": p["x"] * p["y"], "parts": [fv.sum(p["y"])]})({"x": x, "y": y})
    close(found["prod"]["x"], np.diag(y))
    close(found["prod"]["y"], np.diag(x))
    close(found["parts"][0]["x"], np.zeros(3))
    close(found["parts"][0]["y"], np.ones(3))


@pytest.mark.parametrize("jacobian", [fv.jacrev, fv.jacfwd])
def test_jacobians_of_empty_scalar_and_integer(jacobian):
    same(jacobian(lambda x: x * 2)(np.zeros(0)), np.zeros((0, 0)))
    same(jacobian(lambda x: x**2)(3.0), 6)
    same(jacobian(fv.argmax)(np.ones(2)), np.zeros(2))
    with pytest.raises(ValueError, match="argnums"):
        jacobian(lambda x: x, argnums=1)(1.0)


def test_hessian_and_hvp(xyv):
    x, y, v = xyv
    fun = lambda x: fv.sum(fv.sin(x) * x) + fv.prod(x)  # noqa: E731
    d = 2 * np.cos(x) - x * np.sin(x)
    cross = np.array([[0, x[2], x[1]], [x[2], 0, x[0]], [x[1], x[0], 0]])
    close(fv.hessian(fun)(x), np.diag(d) + cross)
    close(fv.hvp(fun, [x], [v])[0], (np.diag(d) + cross) @ v)
    both = fv.hvp(lambda x, y: fv.sum(x * x * y), [x, y], [v, 3 * v])
    close(both[0], 2 * y * v + 6 * x * v)
    close(both[1], 2 * x * v)
    blocks = fv.hessian(lambda x, y: fv.sum(x * x * y), argnums=(0, 1))(x, y)
    close(blocks[0][0], np.diag(2 * y))
    close(blocks[0][1], np.diag(2 * x))
    close(blocks[1][1], np.zeros((3, 3)))


def test_third_derivative_by_nested_jacobians(xyv):
    x, _, _ = xyv
    fun = lambda x: fv.sum(x**4)  # noqa: E731
    third = fv.jacfwd(fv.jacrev(fv.jacfwd(fun)))(x)
    expected = np.zeros((3, 3, 3))
    expected[(range(3),) * 3] = 24 * x
    close(third, expected)
