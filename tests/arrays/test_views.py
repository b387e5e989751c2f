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


def written_otherwise(a):
    """Lists, and NumPy's integers, where others are tuples and Python's."""
    a.reshape([4, 3])[0] *= 2
    np.reshape(a, (np.int64(2), -1))[1] += 1
    np.transpose(a, [1, 0])[0] *= 3
    a.transpose(np.array([1, 0]))[1] += a[0, 0]
    np.moveaxis(a, [0], np.int64(1))[2] *= 2
    np.swapaxes(a, np.int64(0), 1)[0] -= 1
    np.expand_dims(a, [0])[0, 1] *= 2
    np.flip(a, (np.int64(0),))[0] *= 2  # type: ignore[arg-type]
    np.squeeze(a[None], np.int64(0))[2] += 3


def itself(a):
    """What gives a real array itself."""
    np.real(a)[0] *= 2
    a.real[1] += 1
    a.conj()[2] *= 3
    a.astype(float, copy=False)[0, 0] = 7
    np.astype(a, np.float64, copy=False)[0, 1] = 5


def copies(a):
    for part in (a.copy(), a.astype(float), a + 0, a.flatten(), a[[0, 1]], a[a > 0], a.T.reshape(-1),
                 a[np.array(0)], np.conj(a)):  # fmt: skip
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
    flipped, written_otherwise, itself, copies, copies_of_parts, elements,
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


@pytest.mark.parametrize("write", WRITERS, ids=lambda f: f.__name__)
def test_the_namespace_of_the_array_api_has_views_too(rng, write):
    """Outside recordings, and in those whose inputs are our own arrays: libraries have NumPy in mind."""

    def fun(a):
        a = fv.array_api.asarray(a, copy=True)
        write(a)
        return np.sum(WEIGHT * a * a)

    x = rng.uniform(0.5, 2, (3, 4))
    ours = fv.array(x)
    expected = x.copy()
    write(expected)
    close(fun(ours), np.sum(WEIGHT * expected * expected))
    value, gradient = fv.value_and_grad(fun)(ours)
    close(value, fun(ours))
    close(gradient, numeric_grad(lambda a: fun(fv.array(a)).item(), x), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(ours, x)


def test_what_is_computed_from_the_namespace_has_views():
    x = fv.array(np.ones((2, 2)))
    y = 2 * fv.array_api.asarray(x)
    for part in y:
        part += 1
    (y.T + y)[0] = 9
    z = fv.array_api.sum(y, axis=0)
    z[:1][...] = 5
    assert (y.tolist(), z.tolist()) == ([[3, 3], [3, 3]], [5, 6])
    row = x[0]
    row += 1  # a value, as ever
    assert x.tolist() == [[1, 1], [1, 1]]
    fv.array_api.asarray(x)[0, 0] = 4  # as NumPy's asarray
    assert x.tolist() == [[4, 1], [1, 1]]


def test_parts_of_complex_numbers_are_views(rng):
    def fun(a):
        z = a * (1 + 2j)
        np.real(z)[0] *= 3
        z.imag[1] += a[0]
        z.real.T[0] = 0
        return np.sum(np.abs(z) ** 2 * WEIGHT)

    x = rng.uniform(0.5, 2, (3, 4))
    value, gradient = fv.value_and_grad(fun)(x)
    close(value, fun(x.copy()))
    close(gradient, numeric_grad(fun, x), rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match="imaginary part of a real array is read-only"):
        fv.grad(lambda a: a.imag.__setitem__(0, 1) or np.sum(a))(x)


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


def adds_first(a):
    part = a[1:]
    part += a[0]
    return a


def test_vmap_of_a_function_that_writes_to_a_copy(rng):
    x = rng.normal(size=(2, 3))
    close(fv.vmap(lambda a: adds_first(a.copy()))(x), [adds_first(row.copy()) for row in x])


def stored(a):
    a[0] = 5.0
    return a


@pytest.mark.parametrize("write", [adds_first, stored, lambda a: a.__imul__(2)])
@pytest.mark.parametrize(
    "call",
    [
        lambda fun, x: fv.vmap(fun)(x),
        lambda fun, x: fv.custom_function(fun)(x[0]),
        lambda fun, x: fv.njit(fun, x[0]),
        lambda fun, x: fv.grad(lambda x: np.sum(fv.vmap(fun)(x) * x))(x),
        lambda fun, x: fv.grad(lambda x: np.sum(fv.custom_function(fun)(x[0]) * x))(x),
    ],
)
def test_writes_that_would_not_reach_the_callers_array_are_errors(rng, call, write):
    x = rng.normal(size=(2, 3))
    kept = x.copy()
    with pytest.raises(ValueError, match=r"writes to an array among its arguments.*x = x.copy\(\)"):
        call(write, x)
    np.testing.assert_array_equal(x, kept)


def test_values_of_ours_stay_what_they_are_where_a_mapped_function_writes(rng):
    x = fv.array(rng.normal(size=(2, 3)))
    kept = np.array(x)
    close(fv.vmap(stored)(x), [stored(row.copy()) for row in kept])
    close(x, kept)


def test_scalars_rebind_as_numpys_do():
    def fun(x):
        total = first = x[0]
        total += x[1]
        return first * total

    close(fv.grad(fun)(np.array([2.0, 3.0])), [7.0, 2.0])


# --- memory: what NumPy does depends on how arrays lie -----------------------------------------------------


def reshaped_result(a):
    b = a * 2
    b.reshape(-1)[0] = 9
    a += b


def reshaped_argument(a):
    b = a.T
    a.reshape(-1)[1] = 2 * b[0, 0]
    a.ravel()[2:5] *= 3


def copied_rows(a):
    b = a.T.copy()
    b.reshape(-1)[0] = 9
    np.ravel(b)[1] = 7
    a += b.T


def contiguous(a):
    b = np.ascontiguousarray(a.T)
    b += 1
    a *= 1 + b.T


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("write", [*WRITERS, reshaped_result, reshaped_argument, copied_rows, contiguous],
                         ids=lambda f: f.__name__)  # fmt: skip
@pytest.mark.parametrize("make", [lambda f: f, fv.compile], ids=["plain", "compiled"])
def test_arguments_in_either_order(rng, write, order, make):
    def fun(a):
        write(a)
        return np.sum(WEIGHT * a * a)

    fun = fv.numpy.of(fun) if write is contiguous else fun
    x = np.array(rng.uniform(0.5, 2, (3, 4)), order=order)
    undecided = order == "F" and write is reshaped_result  # a * 2 has the order of a
    if write is copies and make is fv.compile:
        pytest.skip("it has a mask, whose values are not known")
    both = make(fv.value_and_grad(fun))
    if undecided:
        with pytest.raises(ValueError, match=r"\[reshape\].*view or a copy.*Hint: x.copy"):
            both(x)
        return
    value, gradient = both(x)
    close(value, fun(x.copy(order)))
    close(gradient, numeric_grad(lambda a: fun(np.array(a, order=order)), x), rtol=1e-6, atol=1e-6)


def test_a_compiled_function_tells_orders_and_kinds_of_arrays_apart(rng):
    def fun(a):
        part = a[0]
        part += a[1]
        a.reshape(-1)[1] = 7
        return np.sum(WEIGHT * a * a)

    both = fv.compile(fun)
    x = rng.uniform(0.5, 2, (3, 4))
    for make in (x.copy, lambda: np.asfortranarray(x), lambda: np.repeat(x, 2, 1)[:, ::2], x.copy):
        close(both(make()), fun(make()))
    values = float(both(fv.array(x)))  # where slices are values
    close(values, np.sum(WEIGHT * x * x))


OF_UNKNOWN_ORDER = [
    lambda a: a.T + 1,
    lambda a: np.concatenate([a.T, a.T]),
    lambda a: a[:, [0, 2]],
    lambda a: np.copy(a.T),
    lambda a: a * np.asfortranarray(WEIGHT),
]


@pytest.mark.parametrize("made", OF_UNKNOWN_ORDER)
@pytest.mark.parametrize("writes_to_base", [False, True])
def test_what_may_be_a_view_or_a_copy_is_not_written_to(rng, made, writes_to_base):
    def fun(a):
        b = made(a)
        part = b.reshape(-1)
        total = np.sum(part)  # reading is free
        if writes_to_base:
            b[0, 0] = 9
        else:
            part[0] = 9
        return total + np.sum(part) + np.sum(b)

    with pytest.raises(ValueError, match=r"\[reshape\].*view or a copy.*Hint: x.copy"):
        fv.grad(fun)(rng.normal(size=(3, 4)))


def test_reading_what_may_be_a_view_is_free(rng):
    x = rng.normal(size=(3, 4))
    close(fv.grad(lambda a: np.sum((a.T + 1).reshape(-1) ** 2))(x), 2 * (x + 1))


def test_buffers_lie_row_by_row_beside_what_is_transposed(rng):
    def fun(a):
        z = np.zeros((4, 3))
        z[...] = a.T
        z.reshape(-1)[1] = 5 * a[0, 0]
        like = np.zeros_like(z)
        like.ravel()[2] = a[0, 1]
        return np.sum(z**2) + np.sum(like * a.T)

    x = rng.uniform(0.5, 2, (3, 4))
    value, gradient = fv.value_and_grad(fv.numpy.of(fun))(x)
    close(value, fun(x))
    close(gradient, numeric_grad(fun, x), rtol=1e-6, atol=1e-6)


def increment(v):
    v += 1
    v *= v


@pytest.mark.parametrize("make", [lambda f: f, fv.compile], ids=["plain", "compiled"])
def test_arrays_without_axes_are_changed_and_scalars_are_not(make):
    def fun(x):
        increment(x)
        return x * x

    both = make(fv.value_and_grad(fun))
    for x in (np.array(2.0), np.float64(2.0), np.array(2.0)):
        value, gradient = both(x)
        close(value, fun(x.copy()))
        close(gradient, 108.0 if isinstance(x, np.ndarray) else 4.0)  # of (x + 1)**4, or of x**2


@pytest.mark.parametrize(
    "start",
    [
        np.array,
        np.copy,
        np.squeeze,
        np.sum,
        lambda x: np.asarray(x * 1),
        lambda x: np.zeros(()) + 0 * x,
        lambda x: x.copy(),
        lambda x: x * 1,
        lambda x: np.full((), x),
        lambda x: x[...],
        lambda x: x.reshape(()),
    ],
)
@pytest.mark.parametrize("kind", [np.array, np.float64])
def test_which_results_without_axes_change(start, kind):
    def fun(x):
        y = start(x)
        increment(y)
        return y * y + x

    value, gradient = fv.value_and_grad(fv.numpy.of(fun))(kind(2.0))
    close(value, fun(kind(2.0)))
    close(gradient, numeric_grad(lambda v: fun(kind(v)), np.array(2.0)), rtol=1e-6)


def test_views_that_were_made_before_a_change_see_it(rng):
    """However many there are, of each other, and whatever reads them before and after."""

    def f(a):
        parts = [a[1:], a[:, ::2], a[1:][0], a[2], a[::-1]]
        before = np.sum(parts[2] * parts[3])
        for k, part in enumerate(parts):
            part += (k + 1) * a[0, 1]
            part[..., 0] *= 2
        return before + np.sum(WEIGHT * a) + sum(np.sum((k + 1) * part**2) for k, part in enumerate(parts))

    a = rng.standard_normal((3, 4))
    value, g = fv.value_and_grad(f)(a)
    np.testing.assert_allclose(value, f(a.copy()))
    units = np.eye(a.size).reshape(-1, *a.shape)
    close(
        g.ravel(), [(f(a + e) - f(a - e)) / 2 for e in units], 1e-9
    )  # of what is quadratic: exact, if not rounded


@pytest.mark.parametrize(
    "transform", [fv.jacrev, fv.jacfwd, lambda f: fv.jacrev(fv.grad(lambda a: np.sum(f(a) ** 2)))]
)
def test_jacobians_of_what_writes_through_views(transform, rng):
    """As of the NumPy function itself: where a[::2] is doubled that of a diagonal matrix."""

    def doubled(a):
        part = a[::2]
        part *= 2
        return a * 1

    double = np.diag([2.0, 1, 2])
    want = double if transform in (fv.jacrev, fv.jacfwd) else 2 * double @ double
    np.testing.assert_allclose(transform(doubled)(rng.standard_normal(3)), want)


def test_bits_of_views_are_seen():
    """As values, from whatever view: of rows repeated, too."""
    x = np.ones(3)
    of_rows = lambda x: fv.view(fv.broadcast_to(x, (2, 3)), np.int64).astype(np.float64) * x  # noqa: E731
    value, pulled = fv.vjp(of_rows, [x], [np.ones((2, 3))])
    np.testing.assert_array_equal(value[0], np.full((2, 3), float(x.view(np.int64)[0])))
    np.testing.assert_array_equal(pulled[0], 2 * value[0][0])
    halves = fv.vjp(lambda x: fv.view(x[None], np.int32) * 1.0, [x], [np.ones((1, 6))])[0][0]
    np.testing.assert_array_equal(halves, x[None].view(np.int32))
