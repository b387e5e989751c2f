"""`ravel_tree`: there and back, and its derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from support.checks import close, same

import fastvjp as fv


def test_there_and_back(rng):
    tree = {
        "a": rng.standard_normal((2, 3)).astype(np.float32),
        "b": (rng.standard_normal(4), [rng.integers(9), 2.5]),
    }
    vector, unravel = fv.ravel_tree(tree)
    same(vector, np.concatenate([tree["a"].ravel(), tree["b"][0], tree["b"][1]]))
    assert vector.dtype == fv.float64
    for given in (vector, np.asarray(vector)):
        back = unravel(given)
        same(back["a"], tree["a"])
        same(back["b"][0], tree["b"][0])
        assert back["a"].dtype == fv.float32 and back["b"][1][0].dtype == fv.int64
        assert [x.item() for x in back["b"][1]] == tree["b"][1]


def test_gradient_of_a_function_of_the_tree(rng):
    tree = {"w": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}
    x = rng.standard_normal((5, 3))

    def loss(p):
        return np.sum(np.tanh(x @ p["w"] + p["b"]))

    vector, unravel = fv.ravel_tree(tree)
    found = unravel(fv.grad(lambda v: loss(unravel(v)))(vector))
    expected = fv.grad(loss)({k: fv.array(v) for k, v in tree.items()})
    for name in tree:
        close(found[name], np.asarray(expected[name]))


def test_errors():
    with pytest.raises(ValueError, match="without leaves"):
        fv.ravel_tree({})
    with pytest.raises(TypeError, match="tree, leaf 1"):
        fv.ravel_tree([1.0, "x"])
    _, unravel = fv.ravel_tree([1.0, np.zeros(3)])
    with pytest.raises(ValueError, match=r"Expected an array of shape \(4,\), got one of shape \(5,\)"):
        unravel(np.zeros(5))
