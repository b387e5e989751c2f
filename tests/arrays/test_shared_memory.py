"""What shares memory with its argument in NumPy does so here: a later write to either is seen in the other.

`np.shares_memory` of NumPy's own result decides for each function; then both are changed, and ours has to be what
NumPy's is: the same elements change, or none, or the write is an error in both.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from support.checks import close, numeric_grad

import fastvjp as fv

Function = Callable[[Any], Any]

METHODS: dict[str, list[tuple[Any, ...]]] = {
    "T": [()], "mT": [()], "real": [()], "imag": [()], "flat": [()],
    "astype": [(float,), ("f8",)], "conj": [()], "conjugate": [()], "copy": [()], "diagonal": [(), (1,), (-1,)],
    "flatten": [()], "ravel": [(), ("C",), ("F",), ("A",), ("K",)], "repeat": [(1,)], "reshape": [(-1,), (1, -1)],
    "round": [()], "squeeze": [()], "swapaxes": [(0, 1), (0, 0)], "take": [(0,), ([0, 1],)], "transpose": [()],
    "view": [(), (float,), (complex,), (np.int64,)], "clip": [(0, 9)], "cumsum": [()], "sum": [(0,)],
    "__getitem__": [(0,), (slice(None),), (Ellipsis,), (None,), ((Ellipsis, 0),), ((0, Ellipsis),), ([0, 1],),
                    (True,), ((None, True),), ((True, 0),), (np.True_,), (np.array([0]),), (np.array(0),),
                    (np.int64(0),), (slice(None, None, -1),), ((slice(None), None, 0),)],
    "__pos__": [()], "__abs__": [()], "__copy__": [()],
}  # fmt: skip

CALLS: dict[str, Function] = {
    "einsum transposes": lambda a: np.einsum("ij->ji", a),
    "einsum keeps": lambda a: np.einsum("...->...", a),
    "einsum takes a diagonal": lambda a: np.einsum("ii->i", a),
    "einsum takes a part of it": lambda a: np.einsum("iij->ji", a[:, :, None] if a.ndim == 2 else a),
    "einsum sums": lambda a: np.einsum("ij->i", a),
    "array_split": lambda a: np.array_split(a, 3)[0],
    "split": lambda a: np.split(a, [1], axis=-1)[1],
    "hsplit": lambda a: np.hsplit(a, 2)[0],
    "unstack": lambda a: np.unstack(a, axis=-1)[0],
    "broadcast_to": lambda a: np.broadcast_to(a, (3, *a.shape)),
    "broadcast_to its own shape": lambda a: np.broadcast_to(a, a.shape),
    "moveaxis": lambda a: np.moveaxis(a, 0, -1),
    "rollaxis": lambda a: np.rollaxis(a, a.ndim - 1),
    "roll": lambda a: np.roll(a, 0),
    "rot90": np.rot90,
    "rot90 four times": lambda a: np.rot90(a, 4),
    "expand_dims": lambda a: np.expand_dims(a, (0, -1)),
    "reshape of a transpose": lambda a: np.reshape(a.T, -1),
    "ravel of a transpose": lambda a: np.ravel(a.T),
    "ravel of a part": lambda a: a[::2].ravel(),
    "reshape of a part": lambda a: a[::2].reshape(-1, 1),
    "reshape of a reversed part": lambda a: a[::-1].reshape(1, -1),
    "ravel of a reversed part": lambda a: np.ravel(a[::-1]),
    "ravel of one element": lambda a: a[:1].ravel(),
    "ravel of a column": lambda a: a[:, 0].ravel(),
    "ravel of real parts": lambda a: np.ravel(np.real(a)),
    "reshape of real parts": lambda a: np.reshape(np.real(a), -1),
    "ravel of a new axis": lambda a: a[:, None].ravel(),
    "complex pairs": lambda a: a[..., :2].view(complex) if a.dtype == float else a.view(float),
    "parts of every other complex number": lambda a: np.ravel(a.view(float)[..., ::2]),
    "matrix_power": lambda a: np.linalg.matrix_power(a, 1),
    "matrix_power twice": lambda a: np.linalg.matrix_power(a, 2),
    "diag": lambda a: np.diag(a, 1),
    "linalg.diagonal": lambda a: np.linalg.diagonal(a, offset=-1),
    "diff of no times": lambda a: np.diff(a, 0),
    "nan_to_num": lambda a: np.nan_to_num(a, copy=False),
    "atleast_1d": np.atleast_1d,
    "atleast_2d": np.atleast_2d,
    "atleast_3d": np.atleast_3d,
    "block": np.block,
    "sliding_window_view": lambda a: np.lib.stride_tricks.sliding_window_view(a, 2, axis=0),
    "apply_along_axis": lambda a: np.apply_along_axis(lambda row: row, 0, a),
    "where": lambda a: np.where(np.ones(a.shape, bool), a, 0),
    "select": lambda a: np.select([np.ones(a.shape, bool)], [a]),
    "concatenate": lambda a: np.concatenate([a]),
    "stack": lambda a: np.stack([a]),
    "take all": lambda a: np.take(a, np.arange(len(a)), axis=0),
}  # fmt: skip

LEFT_OUT = {
    "from_dlpack", "frombuffer", "empty_like", "info", "save", "savetxt", "savez", "savez_compressed", "test",
    "show_config", "show_runtime",
}  # fmt: skip
"""What takes memory, writes files, prints, or takes nothing of its argument."""


def _functions() -> Iterator[tuple[str, Function]]:
    for home in (np, np.linalg):
        for name, function in sorted(vars(home).items()):
            if name.startswith("_") or not callable(function) or inspect.isclass(function) or name in LEFT_OUT:
                continue
            yield f"{home.__name__}.{name}", function
    for name, several in METHODS.items():
        for args in several:

            def method(a: Any, name: str = name, args: tuple[Any, ...] = args) -> Any:
                found = getattr(a, name)
                return found(*args) if callable(found) else found

            yield f"{name}{args}", method
    yield from CALLS.items()


FUNCTIONS = dict(_functions())
MINE = FUNCTIONS.keys() - {name for name in FUNCTIONS if name.startswith("numpy.")}

ARRAYS: dict[str, Callable[[Any], np.ndarray]] = {
    "no axes": lambda rng: np.array(rng.uniform(0.5, 2)),
    "line": lambda rng: rng.uniform(0.5, 2, 4),
    "strided line": lambda rng: rng.uniform(0.5, 2, 8)[::2],
    "one": lambda rng: rng.uniform(0.5, 2, 1),
    "square": lambda rng: rng.uniform(0.5, 2, (2, 2)),
    "rows": lambda rng: rng.uniform(0.5, 2, (2, 4)),
    "columns": lambda rng: np.asfortranarray(rng.uniform(0.5, 2, (2, 4))),
    "thin": lambda rng: rng.uniform(0.5, 2, (1, 2, 1)),
    "complex": lambda rng: rng.uniform(0.5, 2, (2, 2)) + 1j * rng.uniform(0.5, 2, (2, 2)),
}


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, tuple | list) and result else result


def _again(a: np.ndarray) -> np.ndarray:
    """A copy that lies in memory as the array does."""
    if a.ndim == 1 and not a.flags.c_contiguous:
        return np.repeat(a, 2)[::2]
    return a.copy("K")


def _write_to_argument(a: Any, function: Function) -> Any:
    result = _first(function(a))
    a[...] = 3 * a + 1
    return result


def _write_to_result(a: Any, function: Function) -> Any:
    _first(function(a))[...] = 7
    return a


def _ours(write: Callable[[Any, Function], Any], a: np.ndarray, function: Function) -> np.ndarray:
    """What it gives inside a transform."""
    kept = []

    def fun(x: Any) -> Any:
        kept.append(np.array(fv.stop_gradient(write(x, function))))
        return np.sum(np.real(x)) * 1.0

    fv.grad(fun)(a)
    return kept[0]


def _compare(name: str, given: str, a: np.ndarray, function: Function) -> bool:
    """Whether there was something to compare; AssertionError if ours is not NumPy's."""
    with np.errstate(all="ignore"):
        try:
            before = _again(a)
            plain = _first(function(before))
        except Exception:  # a function of other arguments
            return False
        if not isinstance(plain, np.ndarray) or plain.dtype.kind not in "fc" or not np.array_equal(before, a):
            return False
        shares = bool(plain.size and np.shares_memory(plain, before))
        expected = _write_to_argument(_again(a), function)
        try:
            found = _ours(_write_to_argument, _again(a), function)
        except (TypeError, ValueError):  # what we lack
            assert name not in MINE, (name, given)
            return False
        if shares:
            np.testing.assert_allclose(found, expected, err_msg=f"{name} of {given} is a view")
        else:
            unwritten = _ours(lambda x, f: _first(f(x)), _again(a), function)
            np.testing.assert_array_equal(found, unwritten, err_msg=f"{name} of {given} is a copy")
        try:
            expected = _write_to_result(_again(a), function)
        except ValueError:
            with pytest.raises(ValueError, match="read-only"):
                _ours(_write_to_result, _again(a), function)
            return True
        try:
            found = _ours(_write_to_result, _again(a), function)
        except ValueError as error:
            assert "read-only" in str(error) or "cannot be written" in str(error), (name, given)
            return True
    np.testing.assert_allclose(found, expected, err_msg=f"a write to {name} of {given}")
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("given", ARRAYS)
def test_what_shares_memory_in_numpy_does_so_in_recordings(rng, given):
    a = ARRAYS[given](rng)
    compared = [name for name, function in FUNCTIONS.items() if _compare(name, given, a, function)]
    assert len(compared) > 60


def test_the_comparison_finds_a_copy_that_should_be_a_view_and_a_view_that_should_be_a_copy(rng):
    a = rng.uniform(0.5, 2, (2, 3))
    is_numpys = lambda x: isinstance(x, np.ndarray)  # noqa: E731
    with pytest.raises(AssertionError, match="is a view"):
        _compare("copied", "a", a, lambda x: x.T if is_numpys(x) else x.T.copy())
    with pytest.raises(AssertionError, match="is a copy"):
        _compare("seen", "a", a, lambda x: x.T.copy() if is_numpys(x) else x.T)


def double_parts(a):
    """Writes to what shares memory with `a`, or does not."""
    np.einsum("ii->i", a)[...] *= a[0, 1]
    np.einsum("ij->ji", a)[1] += a[0]
    np.matrix_transpose(a)[0] *= 2
    np.linalg.matrix_transpose(a)[:, 1] *= a[1, 0]
    a.mT[1, 1] += a[0, 0] * a[0, 1]
    diagonal = np.diag(a)
    np.linalg.matrix_power(a, 1)[0] *= 3
    a[:, ::2].ravel()[0] = 9
    a[True][0, 0] = 5
    a.view(complex)[0, 0] *= 1 + 2j
    np.atleast_2d(a)[1] -= diagonal
    np.linalg.diagonal(a).copy()[0] = 8
    return np.sum(a**2) + np.sum(diagonal**3)


def complex_parts(a):
    z = a * (1 - 2j)
    z.view(float)[0, 1] = a[1, 1] ** 2
    z.view(float)[1:] *= 2
    parts = np.ravel(z.real)  # a copy, as they do not lie side by side
    parts[1] = 40
    return np.sum(np.abs(z) ** 2) + np.sum(parts)


@pytest.mark.parametrize("fun", [double_parts, complex_parts], ids=lambda f: f.__name__)
@pytest.mark.parametrize("make", [lambda f: f, fv.compile], ids=["plain", "compiled"])
def test_gradients_of_writes_to_shared_memory(rng, fun, make):
    x = rng.uniform(0.5, 2, (2, 2))
    value, gradient = make(fv.value_and_grad(fun))(x)
    close(value, fun(x.copy()))
    close(gradient, numeric_grad(lambda a: fun(a.copy()), x), rtol=1e-6, atol=1e-6)


def every_other(a):
    part = a[::2]
    part *= 2
    return np.sum(a**2)


PLAIN = {
    "njit": fv.njit,
    "custom_function": lambda f, x: fv.custom_function(f),
    "checkpoint": lambda f, x: fv.checkpoint(f),
    "compile": lambda f, x: fv.compile(f),
    "vmap": lambda f, x: lambda y: fv.vmap(f)(y[None])[0],
    "jvp": lambda f, x: lambda y: fv.jvp(f, [y], [np.zeros_like(y)])[0][0],
    "vjp": lambda f, x: lambda y: fv.vjp(f, [y], [1.0])[0][0],
}


REFUSING = {"njit", "custom_function", "vmap"}
"""Of them those whose functions may not write to what the caller has."""


def refused() -> Any:
    return pytest.raises(ValueError, match="writes to an array among its arguments")


@pytest.mark.parametrize("kind", PLAIN)
def test_functions_called_with_numpy_arrays_have_views(rng, kind):
    x = rng.uniform(0.5, 2, 5)
    expected = every_other(x.copy())
    if kind in REFUSING:
        with refused():
            PLAIN[kind](every_other, x)(x.copy())
        close(PLAIN[kind](lambda a: every_other(a.copy()), x)(x), expected)
    else:
        close(PLAIN[kind](every_other, x)(x.copy()), expected)


@pytest.mark.parametrize("kind", sorted(PLAIN.keys() - REFUSING))
@pytest.mark.parametrize("step", [1, 2, -1])
def test_ravel_of_an_argument_goes_by_how_it_lies(rng, kind, step):
    def fun(a):
        np.ravel(a)[0] = 9.0
        a.reshape(-1)[1] *= 2
        return np.sum(a**2)

    x = rng.uniform(0.5, 2, 6)[::step]
    expected = fun(np.repeat(x, 2)[::2] if step != 1 else x.copy())
    given = np.repeat(x, 2)[::2] if step != 1 else x.copy()
    close(PLAIN[kind](fun, x)(given), expected)


@pytest.mark.parametrize("step", [1, 2, -1])
def test_ravel_is_a_write_to_an_argument_where_that_lies_in_order(rng, step):
    def fun(a):
        np.ravel(a)[0] = 9.0
        return np.sum(a**2)

    x = rng.uniform(0.5, 2, 6)[::step]
    for call in (fv.custom_function(fun), lambda y: fv.vmap(fun)(y[None])[0]):
        if step == 1:
            with refused():
                call(x)
        else:
            close(call(x), np.sum(x**2))


def test_njit_does_not_know_how_arguments_lie(rng):
    x = rng.uniform(0.5, 2, 4)
    close(fv.njit(lambda a: np.sum(np.ravel(a) ** 2), x)(x), np.sum(x**2))

    def fun(a):
        np.ravel(a)[0] = 1
        return np.sum(a)

    with pytest.raises(ValueError, match=r"\[ravel\].*view or a copy.*Hint: x.copy"):
        fv.njit(fun, x)


def test_columns_of_a_batch_lie_as_numpys_do(rng):
    def fun(a):
        np.ravel(a)[0] = 9.0
        return a * 1

    x = rng.uniform(0.5, 2, (3, 4))
    close(fv.vmap(fun, in_axes=1)(x), [fun(column) for column in x.copy().T])
    with refused():
        fv.vmap(fun)(x)
