"""Views: what is written through a part of an array reaches it, where NumPy's inputs give NumPy's semantics.

The oracle is NumPy itself: each function here runs on plain arrays, too.
"""

from __future__ import annotations

import numpy as np
import pytest
from support.checks import close, numeric_grad

import fastvjp as fv

WEIGHT = np.linspace(-1, 2, 12).reshape(3, 4)


def row(a):
    part = a[0]
    part += a[1]


def transposed(a):
    a.T[0] = 2 * a[1, 1]
    np.transpose(a, (1, 0))[2] *= a[0, 0]


def reshaped(a):
    a.reshape(-1)[0] = 7
    a.ravel()[3:7] = 2 * a.ravel()[:4]
    a.reshape(2, 6)[1] *= a.reshape(2, 6)[0]


def rows(a):
    for part in a:
        part *= part


def column(a):
    a[:, 0] += a[:, 1]


def written_by_out(a):
    np.add(a[1], a[2], out=a[0])


def view_of_views(a):
    part = a[1:][:, ::2].T
    part *= part
    part[0, 0] = a[0, 0]


def unpacked(a):
    first, second, third = a
    first[:] = second * third
    second += first


def halves(a):
    left, right = np.split(a, 2, axis=1)
    left *= right
    right[...] = left


def other_integers(a):
    part = a[np.int64(1)]
    part *= a[0]
    part = a[np.argmax(a[0]) % 3, 1:]
    part += 1


def axes(a):
    part = np.swapaxes(a, 0, 1)[None]
    part[0, 1:] *= 2
    np.squeeze(part)[0] += part[0, 1]
    np.moveaxis(a, 0, 1)[1:] *= 2
    np.expand_dims(a, 0)[0, 0] = a[1]
    np.atleast_3d(a)[1] *= 2


def flipped(a):
    np.flip(a, 0)[0] *= 3
    np.flipud(a)[1] += 1
    np.rot90(a)[0] *= a[0, 0]


def copies(a):
    for part in (a.copy(), a.astype(float), a + 0, a.flatten(), a[[0, 1]], a[a > 0], a.T.reshape(-1)):
        part += 1


def copies_of_parts(a):
    a[::2].reshape(-1)[0] = 9
    a[:2].reshape(-1)[0] = 9 * a[0, 1]


def elements(a):
    part = a[0, 0]
    part += 1
    last = a[0, 1, ...]
    last += a[2, 2]


WRITERS = [
    row, transposed, reshaped, rows, column, written_by_out, view_of_views, unpacked, halves, other_integers, axes,
    flipped, copies, copies_of_parts, elements,
]  # fmt: skip


@pytest.mark.parametrize("write", WRITERS, ids=lambda f: f.__name__)
def test_writes_reach_the_base_as_with_numpy(rng, write):
    def fun(a):
        write(a)
        return np.sum(WEIGHT * a * a)

    x = rng.uniform(0.5, 2, (3, 4))
    before = x.copy()
    value, gradient = fv.value_and_grad(fun)(x)
    np.testing.assert_array_equal(x, before)
    close(value, fun(x.copy()))
    close(gradient, numeric_grad(fun, x), rtol=1e-6, atol=1e-6)


def test_later_writes_to_the_base_are_seen(rng):
    def fun(a):
        part, diagonal = a[1:], np.diagonal(a)
        wide = np.broadcast_to(a[2], (2, 4))
        a[1] = 5 * a[0]
        a[2, 2] = a[0, 0]
        return np.sum(WEIGHT[1:] * part * part) + np.sum(diagonal**3) + np.sum(wide**2)

    x = rng.uniform(0.5, 2, (3, 4))
    value, gradient = fv.value_and_grad(fun)(x)
    close(value, fun(x.copy()))
    close(gradient, numeric_grad(fun, x), rtol=1e-6, atol=1e-6)


def test_all_names_of_an_argument_see_a_write(rng):
    def kernel(v, w):
        v += w

    def fun(v):
        kernel(v, 2 * v)
        return np.sum(v**2)

    v = rng.normal(size=3)
    close(fv.grad(fun)(v), 18 * v)


@pytest.mark.parametrize("write", [np.diagonal, lambda a: np.broadcast_to(a, (2, 3, 3))])
def test_read_only_views_say_so(write):
    def fun(a):
        write(a)[0] = 1
        return np.sum(a)

    with pytest.raises(ValueError, match="read-only"):
        fun(np.eye(3))
    with pytest.raises(ValueError, match="read-only, as NumPy's is"):
        fv.grad(fun)(np.eye(3))


def test_slices_of_our_own_arrays_are_values():
    def fun(a):
        part = a[1:]
        part *= 2
        return fv.sum(a) + fv.sum(part)

    assert fv.grad(fun)(fv.ones(3)).tolist() == [1, 3, 3]


def _squared_in_place(a):
    part = a[1:]
    part *= part
    return np.sum(a[:1] ** 2) + np.sum(part)


def test_in_compiled_functions_and_second_derivatives(rng):
    x = rng.uniform(1, 2, 3)
    close(fv.compile(fv.grad(_squared_in_place))(x), 2 * x)
    close(fv.hessian(_squared_in_place)(x), 2 * np.eye(3))
    close(fv.jvp(_squared_in_place, [x], [np.ones(3)])[1][0], 2 * x.sum())


def test_vmap_of_a_function_that_writes(rng):
    def fun(a):
        part = a[1:]
        part += a[0]
        return a

    x = rng.normal(size=(2, 3))
    close(fv.vmap(fun)(x), [fun(row.copy()) for row in x])


def test_scalars_rebind_as_numpys_do():
    def fun(x):
        total = first = x[0]
        total += x[1]
        return first * total

    close(fv.grad(fun)(np.array([2.0, 3.0])), [7.0, 2.0])
