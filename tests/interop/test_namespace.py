"""`fastvjp.numpy`: NumPy's namespace in recordings, and as it is outside them; the oracle is NumPy itself."""

from __future__ import annotations

import math
import types
from typing import Any

import numpy
import pytest
from support.checks import close, numeric_grad

import fastvjp as fv
import fastvjp.numpy as np

ONES = numpy.array([0.5, 1.0, 1.75])
PLAIN = {"np": numpy}
"""What the names of a function below are for the oracle."""

FUNCTIONS = {
    "array": lambda x: np.sum(np.array([x[0] ** 2, x[1], 1.0])),
    "array of arrays": lambda x: np.sum(np.array([[x[0], 1.0], x[:2]]) ** 2),
    "array with dtype and ndmin": lambda x: np.array([x[0], 2], dtype=np.float64, ndmin=3)[0, 0, 0],
    "array is a copy": lambda x: np.sum(x * (np.array(x).__imul__(2))),
    "asarray": lambda x: np.sum(np.asarray([x[0] ** 2, x[1]])),
    "asarray is no copy": lambda x: np.sum(x * (np.asarray(x).__imul__(2))),
    "ascontiguousarray": lambda x: np.sum(np.ascontiguousarray(x.T) ** 2),
    "sum of a list": lambda x: np.sum([x[0] ** 2, x[1]]),
    "mean of a list": lambda x: np.mean([v * v for v in x]),
    "dot of lists": lambda x: np.dot([x[0], 1.0], [x[1], x[0]]),
    "list by keyword": lambda x: np.sum(a=[x[0] ** 2, x[1]]),
    "concatenate": lambda x: np.sum(np.concatenate([[x[0]], [x[1]], [1.0]]) ** 2),
    "stack": lambda x: np.sum(np.stack([x, [x[0], 1.0, 2.0]]) ** 2),
    "full": lambda x: np.sum(np.full((2, 2), x[0]) ** 2),
    "full_like": lambda x: np.sum(np.full_like(np.zeros(3), x[0]) ** 2),
    "full_like of a constant": lambda x: np.sum(np.full_like([1.0, 2.0, 3.0], x[1]) * x),
    "diag of a list": lambda x: np.sum(np.diag([x[1], x[1]]) ** 2),
    "tile of a list": lambda x: np.sum(np.tile([x[0], 2.0], 2) ** 2),
    "geomspace": lambda x: (
        np.sum(np.geomspace(x[0], 5.0, 4) * x[1]) + np.geomspace(1.0, x[2], 3, endpoint=False)[1]
    ),
    "logspace": lambda x: (
        np.sum(np.logspace(x[0], x[1], 4, base=x[2])) + np.sum(np.logspace(0.0, x[:2], 3, axis=1)[1])
    ),
    "ix_": lambda x: np.sum(np.multiply(*np.ix_(x, [x[0], 2.0]))),
    "common_type": lambda x: np.sum(x.astype(np.common_type(x, numpy.arange(2)))),
    "result_type": lambda x: np.sum(x.astype(np.result_type(x, numpy.ones(2, numpy.float32)))),
    "piecewise of a constant": lambda x: np.sum(np.piecewise(ONES, [ONES > 0.8], [lambda v: v * x[0], x[1]])),
    "apply_along_axis of a constant": lambda x: np.sum(np.apply_along_axis(lambda row: row * x[0], 0, ONES)),
    "Polynomial": lambda x: np.polynomial.Polynomial(x)(2.0) * np.polynomial.Polynomial([1.0, 2.0])(x[0]),
    "product of polynomials": lambda x: (np.polynomial.Polynomial(x) * np.polynomial.Polynomial([1, 2.0])).deriv()(
        0.3
    ),
    "other polynomials": lambda x: np.polynomial.Legendre(x).convert(kind=np.polynomial.Chebyshev)(x[0]),
    "fit of a polynomial": lambda x: np.polynomial.Polynomial.fit([0.5, 1.0, 1.75], x, 1)(x[1]),
    "chebval": lambda x: np.sum(np.polynomial.chebyshev.chebval(x, [1.0, x[0], 3.0])),
    "polydiv": lambda x: np.sum(np.polynomial.polynomial.polydiv(x, [1.0, 2.0])[0]),
    "linspace": lambda x: np.sum(np.linspace(0, x[0], 3)),
    "arange": lambda x: np.sum(np.arange(x[0], 5.0, 0.7)),
    "arange of constants": lambda x: np.sum(np.arange(3.0) * x),
    "eye": lambda x: np.sum(np.eye(3) @ x),
    "r_": lambda x: np.sum(np.r_[x[0], x[1:], 1:3] ** 2),
    "c_": lambda x: np.sum(np.c_[x, x] ** 2),
    "vectorize": lambda x: np.sum(np.vectorize(lambda v, w: v**2 * w)(x, [[1.0], [2.0]])),
    "vectorize, two results": lambda x: np.sum(np.multiply(*np.vectorize(lambda v: (v, v * v))(x))),
    "fromiter": lambda x: np.sum(np.fromiter((v * v for v in x), float)),
    "ndenumerate": lambda x: sum(i[0] * v**2 for i, v in np.ndenumerate(x)),
    "apply_along_axis": lambda x: np.sum(np.apply_along_axis(lambda v: v * v[0], 1, np.stack([x, 2 * x]))),
    "apply_along_axis to numbers": lambda x: np.sum(np.apply_along_axis(np.sum, 0, np.stack([x, x * x])) ** 2),
    "piecewise": lambda x: np.sum(np.piecewise(x, [x < 1, x >= 1], [lambda v: v**2, lambda v: 3 * v])),
    "piecewise with a default": lambda x: np.sum(np.piecewise(x, [x < 1], [lambda v: v**2, 2.0])),
    "block": lambda x: np.sum(np.block([[x, 2 * x], [3 * x, x]]) ** 2),
    "lexsort": lambda x: np.sum(x[np.lexsort((x,))] * np.arange(3.0)),
    "lexsort of a list": lambda x: np.sum(x[np.lexsort([x, -x])] * np.arange(3.0)),
    "block of a list": lambda x: np.sum(np.block([x, x[:1]]) ** 2),
    "reduce": lambda x: np.maximum.reduce([x[0], x[1]]),
    "outer": lambda x: np.sum(np.multiply.outer([x[0], x[1]], [1.0, 2.0])),
}


def _plainly(function):
    """The same function of NumPy."""
    return types.FunctionType(function.__code__, {**globals(), **PLAIN})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_recorded(name):
    x, function = numpy.array([1.3, 0.7, 2.1]), FUNCTIONS[name]
    value, gradient = fv.value_and_grad(function)(x)
    assert value.dtype == numpy.float64
    close(value, _plainly(function)(x.copy()))
    close(gradient, numeric_grad(_plainly(function), x), rtol=1e-6, atol=1e-6)
    close(function(x.copy()), _plainly(function)(x.copy()))  # and without a transform


def buffers(x):
    zeros, empty, ones = np.zeros(3), np.empty((3,)), np.ones((2, 3), dtype=np.float64)
    zeros[0] = x[0] * x[1]
    empty[:] = x * zeros
    ones[1] *= x
    unit = np.eye(3)
    unit[0, :] += x
    own = np.ndarray(2)
    own[:] = x[1:]
    zeros[np.arange(3)] += x
    chosen = np.zeros(3, bool)
    chosen[0] = x[0] > 0
    return np.sum(zeros**2) + np.sum(empty * ones) + np.sum(unit @ x) + zeros[chosen][0] + own[0] * own[1]


def writers(x):
    square, flat, target = np.zeros((3, 3)), np.zeros(3), np.ones(3)
    np.fill_diagonal(square, x)
    np.copyto(target, x * x, where=[True, False, True])
    np.put(flat, [0, 2], x[:2])
    np.putmask(target, [False, True, False], x * 5)
    np.add.at(square, ([0, 1, 0], [1, 1, 1]), x)
    np.maximum.at(square, (2, 2), x[0])
    np.place(flat, [False, True, False], [x[2] ** 3])
    np.copyto(src=x[:2], dst=square[2, :2])
    return np.sum(square @ x) + np.sum(target) + np.sum(flat * flat)


@pytest.mark.parametrize("function", [buffers, writers])
def test_buffers_are_recorded(function):
    x = numpy.array([1.3, 0.7, 2.1])
    value, gradient = fv.value_and_grad(function)(x)
    close(value, _plainly(function)(x))
    close(gradient, numeric_grad(_plainly(function), x), rtol=1e-6, atol=1e-6)


def test_outside_recordings_everything_is_numpys():
    for name in ("zeros", "ones", "empty"):
        assert type(getattr(np, name)(2)) is numpy.ndarray
    assert type(np.array([1.0])) is type(np.r_[1.0, 2.0]) is type(np.ndarray(3)) is numpy.ndarray
    assert np.float64 is numpy.float64
    assert np.pi is numpy.pi
    assert np.newaxis is None
    assert set(dir(numpy)) <= set(dir(np))
    assert isinstance(numpy.zeros(2), np.ndarray)
    assert not isinstance(3.0, np.ndarray)
    a = numpy.zeros(2)
    assert np.asarray(a) is a
    assert np.add.reduce([1, 2]) == 3
    with pytest.raises(AttributeError, match="nothing"):
        np.nothing  # noqa: B018


def test_integers_stay_numpys_in_a_recording():
    def fun(x):
        assert type(np.arange(3)) is type(np.zeros(2, int)) is numpy.ndarray
        assert isinstance(x, np.ndarray)
        assert isinstance(np.zeros(2), np.ndarray)
        return np.sum(x)

    fv.grad(fun)(numpy.ones(2))


def test_unsupported_forms_are_named_errors():
    with pytest.raises(TypeError, match=r"\[np.add.at\] Expected a fastvjp array"):
        fv.grad(lambda x: np.add.at(numpy.zeros(2), [0], x[:1]))(numpy.ones(2))
    with pytest.raises(TypeError, match=r"\[np.power.at\] Expected add"):
        fv.grad(lambda x: np.power.at(np.zeros(2), [0], x[:1]))(numpy.ones(2))
    with pytest.raises(TypeError, match=r"\[np.r_\] Directives"):
        fv.grad(lambda x: np.sum(np.r_["0,2", x, x]))(numpy.ones(2))
    with pytest.raises(TypeError, match=r"\[np.vectorize\] signature="):
        fv.grad(lambda x: np.sum(np.vectorize(lambda v: v, signature="(n)->(n)")(x)))(numpy.ones(2))


# --- of ----------------------------------------------------------------------------------------------------

USER = '''
"""A module that nobody may edit."""
import functools
import math
import numpy
import numpy as np
import numpy.linalg as la
from math import sin
from numpy import zeros

SCALE = 2.0

def helper(x):
    y = zeros(3)
    y[:] = SCALE * x
    return y

def traced(function):
    @functools.wraps(function)
    def wrapper(*args):
        buffer = numpy.zeros(1)
        buffer[0] = function(*args)
        return buffer[0]
    return wrapper

@traced
def decorated(x):
    return np.sum(helper(x) ** 2)

def factorial(x, n):
    if n == 0:
        return np.array([x[0]])
    return n * factorial(x, n - 1)

def even(x, n):
    return np.sum([x[0], x[1]]) if n == 0 else odd(x, n - 1)

def odd(x, n):
    return even(2 * x, n - 1)

def generated(x):
    for i in range(3):
        z = np.zeros(1)
        z[0] = x[i] ** i
        yield z

def over_generator(x):
    return sum(z[0] for z in generated(x))

def nested(x):
    def inner(k):
        z = np.zeros(2)
        z[k % 2] = x[k]
        return z
    return sum(np.sum(inner(k)) * k for k in range(3))

by_lambda = lambda x, f=helper: np.sum(f(x))

def make(power):
    count = 0
    def closed(x):
        nonlocal count
        count += 1
        return np.sum(np.array([v ** power for v in x])) * count
    return closed

closed = make(3)

def with_math(x):
    return math.sqrt(x[0]) * sin(x[1]) + math.hypot(x[0], x[2]) + math.log(x[2], 3.0) + math.floor(2.5)

class Model:
    rate = 2.0
    def __init__(self, shift):
        self.shift = shift
    @property
    def twice(self):
        return self.shift * 2
    @staticmethod
    def buffer(x):
        z = np.zeros(3)
        z[1:] = x[1:]
        return z
    def loss(self, x):
        return np.sum(self.buffer(x) * self.rate) + self.twice
    def __call__(self, x):
        return self.loss(x) ** 2

class Child(Model):
    def loss(self, x):
        return super().loss(x) + np.sum(np.array([x[0]]))

class Grandchild(Child):
    buffer = staticmethod(lambda x: 2 * x)
    twice = 4.0

MODEL = Model(1.5)

def with_bases(x):
    last = Grandchild(x[0])
    assert isinstance(last, Child) and isinstance(last, Model) and issubclass(Grandchild, Model)
    return last.loss(x) * super(Grandchild, last).loss(x)

def with_objects(x):
    return MODEL.loss(x) + Model(x[0]).loss(x) + MODEL(x)

def remembers(x):
    return cached(2) * np.sum(np.array([x[0], x[1]]))

@functools.lru_cache
def cached(n):
    return n + 0.5

def updates(v, A):
    v += A @ v
    v[0] = 1.0

def with_updates(x):
    updates(x, np.ones((3, 3)))
    return np.sum(x * x)

part = functools.partial(lambda scale, x: np.sum(np.array([scale * x[0]])), 3.0)
'''


@pytest.fixture(scope="module")
def user():
    module = types.ModuleType("a_users_module")
    exec(USER, module.__dict__)
    return module


@pytest.mark.parametrize(
    "name",
    ["decorated", "over_generator", "nested", "by_lambda", "with_math", "with_objects", "with_bases", "remembers",
     "with_updates", "part"],
)  # fmt: skip
def test_functions_that_nobody_edits(user, name):
    x, function = numpy.array([1.3, 0.7, 2.1]), getattr(user, name)
    value, gradient = fv.value_and_grad(np.of(function))(x)
    close(value, function(x.copy()))
    close(gradient, numeric_grad(lambda x: function(x.copy()), x), rtol=1e-6, atol=1e-6)
    close(np.of(function)(x.copy()), function(x.copy()))


def test_recursion(user):
    close(fv.grad(lambda x: np.of(user.factorial)(x, 4)[0])(numpy.ones(2)), [24, 0])
    close(fv.grad(lambda x: np.of(user.even)(x, 4))(numpy.ones(2)), [4, 4])


def test_variables_are_shared_with_the_original(user, monkeypatch):
    copied = np.of(user.closed)
    x = numpy.array([1.0, 2.0])
    close(fv.grad(copied)(x), 3 * x**2)
    close(fv.grad(copied)(x), 2 * 3 * x**2)
    close(user.closed(x), 3 * 9.0)
    helper = np.of(user.helper)
    monkeypatch.setattr(user, "SCALE", 5.0)
    close(fv.grad(lambda x: np.sum(helper(x)))(numpy.ones(3)), [5, 5, 5])


def test_bound_methods(user):
    model = user.Model(0.5)
    close(fv.grad(np.of(model.loss))(numpy.ones(3)), [0, 2, 2])
    assert np.of(model.loss).__name__ == "loss"


def test_functions_of_no_module():
    scope: dict[str, Any] = {"np": numpy}
    exec("def f(x): return np.sum(np.array([x[0], 2 * x[1]]))", scope)
    close(fv.grad(np.of(scope["f"]))(numpy.ones(2)), [1, 2])


def test_what_is_not_written_in_python_is_named():
    for function in (math.sin, hash, len):
        with pytest.raises(TypeError, match=rf"\[of\] Expected a function .*{function.__name__}"):
            np.of(function)


# --- buffers of NumPy's that are not made inside ---------------------------------------------------------


def doubled_into(x, out):
    out[:] = 2 * x
    out[0] *= x[1]
    return np.sum(out * out)


@pytest.mark.parametrize("make", [lambda f: f, fv.compile], ids=["plain", "compiled"])
def test_buffers_that_are_arguments_are_written_to(rng, make):
    x, out = rng.uniform(1, 2, 3), rng.normal(size=3)
    before = out.copy()
    value, gradient = make(fv.value_and_grad(fv.numpy.of(doubled_into)))(x, out)
    close(value, doubled_into(x, out.copy()))
    close(gradient, numeric_grad(lambda x: doubled_into(x, np.empty(3)), x), rtol=1e-6)
    close(fv.grad(fv.numpy.of(doubled_into))(x, out=out), gradient)
    np.testing.assert_array_equal(out, before)


def test_one_buffer_given_twice_is_one(rng):
    def f(x, out, same):
        out[0] = x[0]
        return same[0] * x[1]

    x = rng.normal(size=2)
    close(fv.grad(fv.numpy.of(f))(x, z := np.zeros(2), z), x[::-1])


BUFFER = np.zeros(3)


def into_a_global(x):
    BUFFER[0] = x[0]
    return np.sum(BUFFER)


def into_a_default(x, out=np.zeros(3)):  # noqa: B008
    out[1:] = x[1:]
    return np.sum(out)


class Holder:
    buffer = np.zeros(3)


def into_an_attribute(x):
    Holder.buffer[...] = x
    return np.sum(Holder.buffer)


def into_what_is_closed_over():
    out = np.zeros(3)

    def f(x):
        out[0] += x[0]
        return np.sum(out)

    return f


def into_a_list(x):
    out = [BUFFER]
    np.add(x, 1, out=out[0])
    return np.sum(out[0])


def into_one_of_two_that_overlap(x):
    def f(x, a, b):
        a[0] = x[0]
        return b[0] * x[1]

    whole = BUFFER[:2]
    return fv.numpy.of(f)(x, whole, whole[:1])


OUTSIDE = [into_a_global, into_a_default, into_an_attribute, into_what_is_closed_over(), into_a_list,
           into_one_of_two_that_overlap]  # fmt: skip


@pytest.mark.parametrize("of", [lambda f: f, fv.numpy.of], ids=["plain", "of"])
@pytest.mark.parametrize("write", OUTSIDE, ids=lambda f: f.__name__)
def test_buffers_from_outside_refuse_traced_values(rng, write, of):
    BUFFER[:] = 0
    with pytest.raises(TypeError, match=r"(?s)(The gradient is lost in|cannot be written into).*Hint"):
        fv.grad(of(write))(rng.normal(size=3))
    assert not BUFFER.any()
    of(write)(rng.normal(size=3))  # with numbers it is NumPy's


def test_writes_of_a_copy_to_an_array_of_its_caller():
    fill = np.of(_fills)

    def traced(x):
        buffer = numpy.zeros(3)
        fill(x, buffer)
        return np.sum(buffer) + np.sum(x)

    def constants(x):
        buffer = numpy.zeros(3)
        fill(ONES, buffer)
        return np.sum(buffer * x)

    with pytest.raises(fv.LostGradientError, match=r"fill\(x, buffer\)"):
        fv.grad(traced)(ONES)
    close(fv.grad(constants)(ONES), 2 * ONES)
    close(fv.grad(lambda x, buffer: np.sum(np.of(_filled)(x, buffer)))(ONES, ONES), [2.0, 2.0, 2.0])


def _fills(x, buffer):
    buffer[:] = 2 * x


def _filled(x, buffer):
    return 2 * x + buffer


def test_functions_of_numpys_own_are_as_they_are():
    x = numpy.array([1.3, 0.7, 2.1])
    assert np.of(numpy.sum) is numpy.sum
    assert np.of(numpy.sin) is numpy.sin
    close(fv.grad(np.of(numpy.prod))(x), numpy.prod(x) / x)
