"""vmap: axes, prefix trees, errors, nesting."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from support.checks import close, keep, same

import fastvjp as fv


class Pair(NamedTuple):
    left: object
    right: object


@pytest.mark.parametrize("axis", [0, 1, -1, 2, -3])
def test_in_and_out_axes(axis, rng):
    x = rng.normal(size=(2, 3, 4))
    found = fv.vmap(lambda a: fv.cumsum(a, axis=0) * 2, in_axes=axis, out_axes=axis)(x)
    rows = [np.cumsum(a, axis=0) * 2 for a in np.moveaxis(x, axis, 0)]
    close(found, np.moveaxis(np.stack(rows), 0, axis))


def test_two_arguments_on_different_axes(rng):
    x, y = rng.normal(size=(3, 4)), rng.normal(size=(4, 3))
    found = fv.vmap(lambda a, b: a * b, in_axes=(0, 1), out_axes=1)(x, y)
    close(found, (x * y.T).T)
    close(fv.vmap(lambda a, b: a @ b, in_axes=[None, 0])(x, x), x @ x.T @ np.eye(3) if False else (x @ x.T).T)


def test_prefix_trees(rng):
    x, y = rng.normal(size=(3, 2)), rng.normal(size=(2, 3))

    def fun(p, q):
        return {"sum": p["a"] + p["b"][0], "q": (q.left * 2, q.right)}

    given = {"a": x, "b": [x]}, Pair(x, fv.array(7.0))
    found = fv.vmap(fun, in_axes=(0, [0, None]), out_axes={"sum": 1, "q": (0, None)})(*given)
    close(found["sum"], 2 * x.T)
    close(found["q"][0], 2 * x)
    same(found["q"][1], 7)
    found = fv.vmap(lambda p, q: p["a"] * q, in_axes=({"b": None, "a": 1}, 0))({"a": y, "b": 1.0}, x)
    close(found, y.T * x)


def test_axes_of_one_argument_or_output(rng):
    """As in MLX: a dict of axes is the only argument's, a tuple of one axis the only output's."""
    x, y = rng.normal(size=(3, 2)), rng.normal(size=(2, 3))
    close(fv.vmap(lambda p: p["a"] * p["b"][0], in_axes={"b": (1,), "a": 0})({"a": x, "b": (y,)}), x * y.T)
    for out_axes in (1, (1,), [1]):
        close(fv.vmap(fv.matmul, in_axes=(0, None), out_axes=out_axes)(x, y), (x @ y).T)
    with pytest.raises(ValueError, match="in_axes"):
        fv.vmap(lambda p, q: p["a"] * q, in_axes={"a": 0})({"a": x}, x)


def test_outputs_without_the_batch(rng):
    x = rng.normal(size=(3, 2))
    constant, half = fv.vmap(lambda a: (1.5, fv.array([1.0, 2.0])))(x)
    same(constant, np.full(3, 1.5))
    same(half, np.tile([1.0, 2.0], (3, 1)))
    same(fv.vmap(lambda a: 1.5, out_axes=None)(x), 1.5)
    assert fv.vmap(lambda a: None)(x) is None
    assert fv.vmap(lambda a: [])(x) == []


def test_other_arguments(rng):
    x = rng.normal(size=(3, 2))
    found = fv.vmap(lambda a, f, k: f(a) * k, in_axes=(0, None, None))(x, fv.sin, 2)
    close(found, np.sin(x) * 2)
    w = rng.normal(size=2)
    close(fv.vmap(lambda a, *, w: a @ w)(x, w=w), x @ w)


@pytest.mark.parametrize(
    ("in_axes", "args", "text"),
    [
        (2, (np.ones((3, 2)),), r"argument 0"),
        ((0, -2), (np.ones(3), np.ones(3)), r"argument 1"),
        ((0, 0), ({"a": np.ones(3), "b": np.ones(3)}, np.ones(())), r"argument 1"),
        (0, (np.ones(3), np.ones(2)), r"[Aa]rgument 1 has size 2"),
        (0, ({"a": np.ones(3), "b": np.ones(3)}, np.ones(2)), r"[Aa]rgument 1 has size 2"),
        (None, (np.ones(3),), "No argument is batched"),
        ((None, None), (np.ones(3), 1.0), "No argument is batched"),
        ((0,), (np.ones(3), np.ones(3)), "in_axes"),
        ((0, 0, 0), (np.ones(3), np.ones(3)), "in_axes"),
        ("0", (np.ones(3),), "in_axes"),
        (0.0, (np.ones(3),), "in_axes"),
        (True, (np.ones(3),), "in_axes"),
        (([0, 0],), (np.ones((2, 3)),), "in_axes"),
        (({"c": 0},), ({"a": np.ones(3)},), "in_axes"),
        (0, (), "No argument is batched"),
    ],
)  # fmt: skip
def test_bad_in_axes(in_axes, args, text):
    with pytest.raises(ValueError, match=text):
        fv.vmap(lambda *a: fv.ones(2), in_axes=in_axes)(*args)


@pytest.mark.parametrize("out_axes", [1, -2, (0, 0), None, "x", {"a": 0}])
def test_bad_out_axes(out_axes):
    with pytest.raises(ValueError, match="out_axes"):
        fv.vmap(lambda a: a * 2, out_axes=out_axes)(np.ones(3))


def test_axes_in_order_do_not_stand_for_a_dict():
    with pytest.raises(ValueError, match=r"out_axes \(0, 1\) is a tuple, but stands for \{'a': \*, 'b': \*\}"):
        fv.vmap(lambda a: {"a": a, "b": a}, out_axes=(0, 1))(np.ones((3, 3)))


def test_not_callable_and_bad_output():
    with pytest.raises(TypeError, match="function"):
        fv.vmap(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="str"):
        fv.vmap(lambda a: "text")(np.ones(3))


def test_values_cannot_be_read():
    for read in (float, bool, np.asarray, lambda a: a.item(), lambda a: a.tolist(), fv.eval, int):
        with pytest.raises(fv.TracedValueError, match=r"\[vmap\].*fastvjp.where"):
            fv.vmap(lambda a, read=read: (read(a), a)[1])(np.ones(3))
    kept: list[fv.array] = []
    fv.vmap(lambda a: keep(kept, a))(np.ones(3))
    with pytest.raises(fv.TracedValueError, match="vmap has returned"):
        float(kept[0])
    assert isinstance(repr(kept[0]), str)
    with pytest.raises(fv.TracedValueError):
        kept[0] + 1


def test_nested_over_different_axes(rng):
    x, y = rng.normal(size=(2, 3)), rng.normal(size=(4, 3))
    found = fv.vmap(lambda a: fv.vmap(lambda b: fv.sum(a * b))(y))(x)
    close(found, x @ y.T)
    swapped = fv.vmap(fv.vmap(lambda a: a * 2, in_axes=1), in_axes=0, out_axes=2)(rng_x := x[:, :, None] + y.T)
    close(swapped, np.moveaxis(np.moveaxis(rng_x, 2, 1) * 2, 0, 2))
    outer = fv.vmap(fv.vmap(fv.multiply, in_axes=(None, 0)), in_axes=(0, None))(x[:, 0], y[:, 0])
    close(outer, np.outer(x[:, 0], y[:, 0]))


def test_three_levels_with_captured_arrays(rng):
    a, b, c = rng.normal(size=2), rng.normal(size=3), rng.normal(size=4)
    found = fv.vmap(lambda x: fv.vmap(lambda y: fv.vmap(lambda z: x * y + z * x)(c))(b))(a)
    close(found, a[:, None, None] * b[:, None] + c * a[:, None, None])


def test_size_one_and_empty_batches(rng):
    x = rng.normal(size=(1, 3))
    close(fv.vmap(fv.sum)(x), x.sum(axis=1))
    found = fv.vmap(lambda a: fv.sin(a) @ fv.ones(3))(np.zeros((0, 3), np.float32))
    assert found.shape == (0,)
    assert fv.vmap(fv.sum)(np.zeros((2, 0))).tolist() == [0, 0]


def test_per_example_gradients(rng):
    x, w = rng.normal(size=(5, 3)), rng.normal(size=3)
    each = fv.vmap(fv.grad(lambda w, x: fv.tanh(x @ w)), in_axes=(None, 0))(w, x)
    close(each, x / np.cosh(x @ w)[:, None] ** 2)
    total = fv.grad(lambda w: fv.sum(fv.vmap(lambda x: fv.tanh(x @ w))(x)))(w)
    close(total, np.asarray(each).sum(axis=0))


def test_indexing_under_vmap(rng):
    x, i = rng.normal(size=(4, 3)), rng.integers(0, 3, size=4)
    close(fv.vmap(lambda a, k: a[k])(x, i), x[np.arange(4), i])
    close(fv.vmap(lambda k: fv.array(x[0])[k])(i), x[0][i])
    close(fv.vmap(lambda a: a[fv.array([2, 0, 0])])(x), x[:, [2, 0, 0]])
    g = fv.grad(lambda x: fv.sum(fv.vmap(lambda a, k: a[k] ** 2)(x, i)))(x)
    expected = np.zeros((4, 3))
    expected[np.arange(4), i] = 2 * x[np.arange(4), i]
    close(g, expected)


def test_setitem_under_vmap(rng):
    x = rng.normal(size=(4, 3))

    def fun(a, k):
        z = fv.zeros(3, dtype=fv.float64)
        z[k] = a[0]
        return z.at[1].add(a[2])

    i = rng.integers(0, 3, size=4)
    expected = np.zeros((4, 3))
    expected[np.arange(4), i] = x[:, 0]
    expected[:, 1] += x[:, 2]
    close(fv.vmap(fun)(x, i), expected)


def test_plain_numpy_under_vmap(rng):
    x = rng.normal(size=(4, 3))
    close(fv.vmap(lambda a: np.sum(np.tanh(a)) * np.ones(2))(x), np.tanh(x).sum(axis=1)[:, None] * np.ones(2))
