"""What a function writes to its arguments, and whose objects these are: the tables of docs/numpy.md."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.checks import close, numeric_grad

import fastvjp as fv


def scaled(p, a):
    """Writes traced values to an argument by which nothing is differentiated."""
    a *= p
    return fv.sum(p * a)


def scaled_entry(p, d):
    d["a"] *= p
    d["b"] = p
    return fv.sum(p * d["a"])


TRANSFORMS = {
    "grad": lambda f, x, y: fv.grad(f)(x, y),
    "value_and_grad": lambda f, x, y: fv.value_and_grad(f)(x, y)[1],
    "jacrev": lambda f, x, y: fv.jacrev(f)(x, y),
    "jacfwd": lambda f, x, y: fv.jacfwd(f)(x, y),
    "hessian": lambda f, x, y: fv.hessian(f)(x, y),
    "vmap": lambda f, x, y: fv.vmap(f, in_axes=(0, None))(fv.stack([x, x]), y),
    "by name": lambda f, x, y: fv.grad(lambda p, *, a: f(p, a))(x, a=y),
    "custom_function": lambda f, x, y: fv.custom_function(lambda p, *, a: f(p, a))(x, a=y),
    "grad of vmap": lambda f, x, y: fv.grad(lambda p: fv.sum(fv.vmap(f, (0, None))(fv.stack([p, p]), y)))(x),
}


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_nothing_traced_stays_behind_in_arrays_of_the_callers(rng, kind):
    x, y = fv.array(rng.normal(size=3)), fv.array(rng.normal(size=3))
    before = y.tolist()
    TRANSFORMS[kind](scaled, x, y)
    assert "traced" not in repr(y)
    assert y.tolist() == before


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_nor_in_dicts(rng, kind):
    x, y = fv.array(rng.normal(size=3)), fv.array(rng.normal(size=3))
    given, before = {"a": y}, y.tolist()
    TRANSFORMS[kind](scaled_entry, x, given)
    assert given.keys() == {"a"}
    assert given["a"] is y
    assert y.tolist() == before


@dataclasses.dataclass
class Model:
    weights: fv.array
    name: str = "model"


def test_nor_in_dataclasses_lists_and_tuples(rng):
    x, y = fv.array(rng.normal(size=3)), fv.array(rng.normal(size=3))
    before = y.tolist()

    def fun(p, model, pair):
        model.weights *= p
        pair[0].append(p)
        return fv.sum(model.weights * pair[1])

    model = Model(y)
    pair: tuple[list[fv.array], fv.array] = ([], y)
    close(fv.grad(fun)(x, model, pair), np.asarray(y) ** 2)
    assert (model.weights is y, pair[0], y.tolist()) == (True, [], before)


def test_the_gradient_is_that_of_the_function(rng):
    x, y = rng.normal(size=(2, 3))
    close(fv.grad(scaled)(fv.array(x), fv.array(y)), 2 * x * y)


def test_numpy_arrays_that_are_not_recorded_are_the_callers(rng):
    """As without fastvjp; traced values do not fit into them, unless a copy of the function records them."""

    def fun(p, a):
        a *= 2
        return np.sum(p * a)

    def traced(p, a):
        a *= p
        return np.sum(p * a)

    x, y = rng.normal(size=(2, 3))
    ours, plain = y.copy(), y.copy()
    value, gradient = fv.value_and_grad(fun)(x, ours)
    close(value, fun(x, plain))
    np.testing.assert_array_equal(ours, plain)
    close(gradient, 2 * y)
    with pytest.raises(TypeError, match="cannot be written into a ndarray"):
        fv.grad(traced)(x, y)
    before = y.copy()
    close(fv.grad(fv.numpy.of(traced))(x, y), 2 * x * y)
    np.testing.assert_array_equal(y, before)
    shared = {"a": y}
    fv.grad(lambda p, d: np.sum(p * d.setdefault("b", p)))(x, shared)
    assert shared.keys() == {"a"}


def test_arguments_by_which_it_differentiates_stay(rng):
    def fun(a):
        part = a[1:]
        part *= 3
        return np.sum(a**2)

    for x in (rng.normal(size=3), fv.array(rng.normal(size=3))):
        before = np.array(x)
        fv.grad(fun)(x)
        for mapped in (lambda y: fv.vmap(fun)(y[None] * 1.0), fv.custom_function(fun)):
            if isinstance(x, np.ndarray):
                with pytest.raises(ValueError, match="writes to an array among its arguments"):
                    mapped(x)
            else:
                mapped(x)
        np.testing.assert_array_equal(x, before)


# --- compile: a compiled function does what the function does ----------------------------------------------


def swapped(a, b, scale=1.0):
    """Values of both before and after are needed."""
    old = a.copy()
    a[...] = b * scale
    b += old
    a[0] *= 2
    return np.sum(a * old), old


@pytest.mark.parametrize("times", [1, 3])
def test_a_compiled_function_writes_to_its_arguments(rng, times):
    compiled = fv.compile(swapped)
    plain = list(rng.normal(size=(2, 4)))
    ours = [x.copy() for x in plain]
    arrays = [fv.array(x) for x in plain]
    values = [fv.array(x) for x in plain]
    for _ in range(times):
        expected = swapped(*plain)
        for found in (compiled(*ours), compiled(*arrays), swapped(*values)):
            close(found[0], expected[0])
            close(found[1], expected[1])
    for x, y, z, v in zip(plain, ours, arrays, values, strict=True):
        close(y, x)
        close(z, x)
        assert z.tolist() == v.tolist()


def test_arrays_in_trees_of_any_layout_and_by_name(rng):
    def fun(tree, *, a):
        tree["x"][0][::2] = a[1, 0]
        a.T[0] *= 2
        return np.sum(a)

    x, a = rng.normal(size=(4, 3))[::2, 0], np.asfortranarray(rng.normal(size=(2, 2)))
    plain, other = x.copy(), a.copy("K")
    expected = fun({"x": [plain]}, a=other)
    compiled = fv.compile(fun)
    close(compiled({"x": [x]}, a=a), expected)
    close(x, plain)
    close(a, other)
    close(compiled({"x": [x]}, a=a), fun({"x": [plain]}, a=other))
    close(a, other)


def test_an_array_without_axes(rng):
    def fun(x):
        x += 1
        return x * x

    compiled = fv.compile(fun)
    for _ in range(2):
        x = np.array(rng.normal())
        plain = x.copy()
        close(compiled(x), fun(plain))
        close(x, plain)
    close(compiled(np.float64(2.0)), 9.0)


def test_inside_another_transform_too(rng):
    compiled = fv.compile(lambda a: a.__imul__(3) is None)

    def fun(a):
        compiled(a)
        return np.sum(a**2)

    x = rng.normal(size=3)
    close(fv.grad(fun)(x), 18 * x)
    close(fv.compile(fv.grad(fun))(x), 18 * x)


def test_memory_that_cannot_be_written_or_belongs_to_two(rng):
    def fun(a, b):
        a += 1
        return np.sum(a * b)

    compiled = fv.compile(fun)
    x = rng.normal(size=4)
    fixed = x.copy()
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        fun(fixed, x)
    with pytest.raises(ValueError, match="read-only"):
        compiled(fixed, x)
    before = x.copy()
    for one, other in ((x, x), (x[:3], x[1:])):
        with pytest.raises(ValueError, match=r"\[compile\].*shares memory with another.*Hint"):
            compiled(one, other)
    y = fv.array(x)
    with pytest.raises(ValueError, match="shares memory with another"):
        compiled(y, y)
    np.testing.assert_array_equal(x, before)
    compiled(x[:2], x[2:])
    close(x, before + np.array([1, 1, 0, 0]))


# --- which inputs have views -------------------------------------------------------------------------------

INPUTS = {
    "NumPy": (lambda x: (x, 2.0), True),
    "NumPy, by an argument that is not differentiated": (lambda x: (2.0, x), True),
    "ours": (lambda x: (fv.array(x), 2.0), False),
    "ours beside NumPy's": (lambda x: (fv.array(x), np.ones(3)), False),
    "NumPy's beside ours": (lambda x: (x, fv.ones(3)), False),
    "Python's": (lambda x: (3.0, 2.0), False),
    "a scalar of NumPy's": (lambda x: (np.float64(3.0), 2.0), True),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_there_are_views_where_numpys_arrays_are_returned(rng, kind):
    given, has_views = INPUTS[kind]

    def fun(a, b):
        c = a * b * np.arange(1.0, 4.0)
        part = c[1:]
        part *= 2
        return np.sum(c)

    args = given(rng.uniform(1, 2, 3))
    value, gradient = fv.value_and_grad(fun)(*args)
    plain = [np.asarray(x) for x in args]
    doubled = fun(*plain)
    undoubled = np.sum(plain[0] * plain[1] * np.arange(1.0, 4.0))
    close(value, doubled if has_views else undoubled, rtol=1e-6)
    assert isinstance(gradient, np.ndarray | np.generic) == has_views
    if has_views and np.ndim(args[0]):
        close(gradient, numeric_grad(lambda x: fun(x, args[1]), args[0]), rtol=1e-6, atol=1e-6)


def test_cotangents_and_tangents_make_no_difference_to_views(rng):
    def fun(a):
        part = a[1:]
        part *= 2
        return a * 1

    x = rng.normal(size=3)
    close(fv.vjp(fun, [x], [fv.array(np.ones(3))])[1][0], [1, 2, 2])
    close(fv.jvp(fun, [x], [fv.array(np.ones(3))])[1][0], [1, 2, 2])
    close(fv.vjp(fun, [fv.array(x)], [np.ones(3)])[1][0], [1, 1, 1])


def test_a_read_only_argument_leaves_the_others_as_they_are():
    def both(a, b):
        a *= 2
        b *= 3
        return np.sum(a * b)

    compiled, free, fixed = fv.compile(both), np.ones(3), np.ones(3)
    fixed.flags.writeable = False
    for _ in range(2):  # the first call, and one that finds the plan
        with pytest.raises(ValueError, match=r"\[compile\].*leaf 1.*read-only"):
            compiled(free, fixed)
        np.testing.assert_array_equal(free, 1)


class Layer(dict[str, fv.array]):
    """A module as in MLX: a dict of its parameters that is known by its name elsewhere."""

    def __call__(self, x):
        return x @ self["weight"]


@pytest.mark.parametrize("by_name", [False, True])
def test_an_object_derived_from_dict_or_list_is_the_callers(by_name, rng):
    layer, x, w = Layer(weight=fv.zeros(3)), fv.array(rng.normal(size=(2, 3))), fv.array(rng.normal(size=3))

    def loss(parameters, layer_again, x):
        layer.update(parameters)
        assert layer_again is layer
        return fv.sum(layer_again(x) ** 2)

    if by_name:
        found = fv.grad(loss)({"weight": w}, x=x, layer_again=layer)
    else:
        found = fv.grad(loss)({"weight": w}, layer, x)
    close(found["weight"], 2 * np.asarray(x).T @ (np.asarray(x) @ np.asarray(w)))
    close(layer["weight"], w)
