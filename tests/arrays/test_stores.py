"""What an array of a dtype takes, and the methods that change an array, against NumPy on the same functions."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from support.checks import close, numeric_grad

import fastvjp as fv
import fastvjp.numpy as fnp

WEIGHT = np.linspace(-1, 2, 6).reshape(2, 3)


def _put(a, v):
    np.put(a, [1, 4], v)


STORES = {
    "element": lambda a, v: a.__setitem__((0, 1), v),
    "row": lambda a, v: a.__setitem__(0, v),
    "all": lambda a, v: a.__setitem__(Ellipsis, v),
    "part": lambda a, v: a[:, 1].__setitem__(0, v),
    "mask": lambda a, v: a.__setitem__(np.eye(2, 3, dtype=bool), v),
    "places": lambda a, v: a.__setitem__(([0, 1], [1, 1]), v),
    "fill": lambda a, v: a.fill(v),
    "put": _put,
    "put method": lambda a, v: a.put([1, 4], v),
    "putmask": lambda a, v: np.putmask(a, np.eye(2, 3, dtype=bool), v),
    "place": lambda a, v: np.place(a, np.eye(2, 3, dtype=bool), [v]),
    "fill_diagonal": np.fill_diagonal,
    "put_along_axis": lambda a, v: np.put_along_axis(a, np.array([[1], [0]]), v, 1),
    "flat": lambda a, v: a.flat.__setitem__(2, v),
    "real": lambda a, v: setattr(a, "real", v),
    "copyto": np.copyto,
    "copyto unsafe": lambda a, v: np.copyto(a, v, casting="unsafe"),
    "in place": lambda a, v: a.__iadd__(v),
    "out": lambda a, v: np.add(a, v, out=a),
}


@pytest.mark.parametrize("name", STORES)
def test_real_arrays_take_no_complex_numbers_of_pythons(rng, name):
    x = rng.uniform(0.5, 2, (2, 3))
    unsafe = name in ("real", "copyto unsafe")  # where NumPy warns
    with pytest.raises((TypeError, ValueError, np.exceptions.ComplexWarning)):
        STORES[name](x.copy(), 1j)
    with pytest.raises((TypeError, np.exceptions.ComplexWarning) if unsafe else TypeError):
        fv.grad(lambda a: STORES[name](a, 1j) or np.sum(a))(x)


@pytest.mark.parametrize("name", STORES)
def test_complex_arrays_in_real_ones_warn_as_numpys_do(rng, name):
    """Or are an error, where they are in NumPy."""
    x = rng.uniform(0.5, 2, (2, 3))

    def fun(a):
        value = a[0, 0] * np.array(1 + 2j)
        STORES[name](a, value)
        return np.sum(WEIGHT * a**2)

    with warnings.catch_warnings(record=True) as plain:
        warnings.simplefilter("always")
        try:
            expected = fun(x.copy())
        except TypeError:
            with pytest.raises(TypeError):
                fv.grad(fun)(x)
            return
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        value, gradient = fv.value_and_grad(fun)(x)
    assert any(w.category is np.exceptions.ComplexWarning for w in plain)
    assert any(w.category is np.exceptions.ComplexWarning and w.filename == __file__ for w in found)
    close(value, expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        close(gradient, numeric_grad(lambda a: fun(a.copy()), x), rtol=1e-6, atol=1e-6)


def test_lists_of_complex_numbers_are_pythons():
    x = np.ones((2, 3))
    with pytest.raises(TypeError):
        x.copy()[0] = [1j, 2, 3]
    with pytest.raises(TypeError, match="Complex numbers do not fit an array of float64"):
        fv.grad(lambda a: a.__setitem__(0, [1j, 2, 3]) or np.sum(a))(x)
    ours = fv.array(x)
    with pytest.raises(TypeError, match="Complex numbers do not fit"):
        ours[0, 0] = 1j


def test_complex_arrays_take_everything_and_booleans_too():
    def fun(a):
        z = a * 1j
        z[0, 0] = 2j
        z.real = a
        z.imag[1] *= 2
        return np.sum(np.abs(z) ** 2)

    x = np.ones((2, 3))
    value, gradient = fv.value_and_grad(fun)(x)
    close(value, fun(x.copy()))
    close(gradient, numeric_grad(fun, x), rtol=1e-6, atol=1e-6)
    flags = fv.array([False, False])
    flags[0] = 1j
    assert flags.tolist() == [True, False]


def sorts(a):
    a.sort()
    a[0, 0] *= 2
    a.T.sort()


def sorts_other_axis(a):
    a.sort(axis=0, kind="stable")
    a.T[1].sort()


def partitions(a):
    part = a[:, :1]
    a.partition(1)
    part *= 3


def fills(a):
    first = a[0, 0] * 1
    a[1].fill(7.0)
    a[:, 2].fill(first)


def puts(a):
    a.put([0, -1], [a[0, 1] * 1, 5.0])
    a.T.put([1], 4.0)
    a.put([7], 2.0, mode="wrap")
    np.put_along_axis(a, np.array([[1], [0]]), 3.0, 1)


def flat(a):
    a.flat[1] = a.flat[5] * 2
    a.flat[3:5] = [1.0, 2.0]
    a.T.flat[-1] *= 3
    assert len(a.flat) == 6
    a.flat[2] += sum(list(a.flat)[:2])
    part = a.flat[:3]
    part *= 2  # a copy


def all_of_flat(a):
    first = a[0, 0] * 1
    a.flat = [1.0, 2.0, 3.0, 4.0]
    a[0] += first


def parts(a):
    a.real = a * 2
    a.real[0] += 1


@pytest.mark.parametrize("write", [sorts, sorts_other_axis, partitions, fills, puts, flat, all_of_flat, parts],
                         ids=lambda f: f.__name__)  # fmt: skip
@pytest.mark.parametrize("make", [lambda f: f, fv.compile], ids=["plain", "compiled"])
def test_methods_that_change_an_array(rng, write, make):
    def fun(a):
        write(a)
        return np.sum(WEIGHT * a**2)

    x = rng.permutation(6).reshape(2, 3) + rng.uniform(0.1, 0.4, (2, 3))
    value, gradient = make(fv.value_and_grad(fun))(x)
    close(value, fun(x.copy()))
    close(gradient, numeric_grad(lambda a: fun(a.copy()), x), rtol=1e-6, atol=1e-6)


def test_they_change_arrays_of_ours_too():
    x = fv.array([3.0, 1.0, 2.0])
    x.sort()
    assert x.tolist() == [1, 2, 3]
    x.put([0], 9)
    x.flat[1] = 8
    assert x.tolist() == [9, 8, 3]
    x.fill(4)
    assert x.tolist() == [4, 4, 4]
    z = fv.array([1 + 2j])
    z.imag = 5
    assert z.tolist() == [1 + 5j]


@pytest.mark.parametrize("name", ["flags", "base", "tobytes", "resize", "setflags", "data", "tofile", "getfield"])
def test_what_is_missing_says_what_to_use(name):
    def fun(a):
        getattr(a, name)
        return np.sum(a)

    with pytest.raises(AttributeError, match=rf"\[{name}\] Arrays of fastvjp have no {name}. Hint: "):
        fv.grad(fun)(np.ones(3))
    assert not hasattr(fv.array(1.0), name)


def test_buffers_of_the_namespace_take_no_complex_numbers(rng):
    def fun(a):
        z = fnp.zeros(3)
        z[0] = a[0] * (1 + 1j)
        return np.sum(z)

    with pytest.warns(np.exceptions.ComplexWarning, match="only the real part"):
        close(fv.grad(fun)(rng.normal(size=2)), [1, 0])
