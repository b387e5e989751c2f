"""Orders of elements, "C", "F", "A" and "K", against NumPy on the same arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastvjp as fv
import fastvjp.numpy as fnp

A = np.arange(24.0).reshape(2, 3, 4)
WEIGHTS = np.linspace(-1, 2, 24)
INPUTS = {
    "C": A,
    "F": np.asfortranarray(A),
    "axes": np.ascontiguousarray(A.transpose(1, 2, 0)).transpose(2, 0, 1),
    "strided": np.arange(96.0).reshape(4, 3, 8)[::-2, :, ::2],
}
PARTS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda x: x,
    "transposed": lambda x: x.T,
    "permuted": lambda x: np.transpose(x, (1, 0, 2)),
    "cut": lambda x: x[:, 1:, ::2],
    "turned": lambda x: x[:, ::-1].T,
    "element": lambda x: x[1].T,
    "line": lambda x: x[:, 1, 1],
}
FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "np.ravel": lambda x, order: np.ravel(x, order=order),
    "ravel": lambda x, order: x.ravel(order),
    "flatten": lambda x, order: x.flatten(order),
    "flatten=": lambda x, order: x.flatten(order=order),
    "np.reshape": lambda x, order: np.reshape(x, (-1, 2), order=order) if x.size % 2 == 0 else x,
    "reshape": lambda x, order: x.reshape(2, -1, order=order) if x.size % 2 == 0 else x,
    "copy": lambda x, order: x.copy(order),
    "np.copy": lambda x, order: np.copy(x, order=order),
    "np.array": lambda x, order: (np if isinstance(x, np.ndarray) else fnp).array(x, order=order),
    "astype": lambda x, order: x.astype("float32", order=order),
}


def allowed(function: str, order: str) -> bool:
    return order != "K" or "reshape" not in function


@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("order", list("CFAK"))
def test_orders_are_numpys(given: str, order: Any) -> None:
    """Of arguments in any order and of views of them; the gradient goes back the same way."""
    a = INPUTS[given]
    for part in PARTS.values():
        for name, function in FUNCTIONS.items():
            if not allowed(name, order):
                continue

            def both(x: Any, part: Any = part, function: Any = function) -> Any:
                return function(part(x), order)

            want = np.asarray(both(a))
            weights = np.asarray(WEIGHTS[: want.size].reshape(want.shape), want.dtype)
            (out,), (gradient,) = fv.vjp(both, [a], [weights])
            np.testing.assert_array_equal(out, want)
            numbered = np.arange(a.size, dtype=a.dtype)  # where each element went
            placed = np.asarray(both(_like(a, numbered)), int).ravel()
            expected = np.zeros(a.size)
            expected[placed] = weights.ravel()
            np.testing.assert_array_equal(gradient, expected.reshape(a.shape))


def _like(a: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values in an array that lies as `a` does."""
    holder = np.zeros(96)
    laid = np.lib.stride_tricks.as_strided(holder, a.shape, tuple(map(abs, a.strides)))
    laid = laid[tuple(slice(None, None, -1 if s < 0 else 1) for s in a.strides)]
    laid[...] = values.reshape(a.shape)
    return laid


@pytest.mark.parametrize("order", list("AK"))
def test_results_of_ordered_arrays_lie_in_order(order: Any) -> None:
    """What elementwise functions and the like make of C-ordered arguments is known; other results are not."""

    def known(x: Any) -> Any:
        return np.ravel(np.tanh(x @ A[0, :1].T) + x.sum(0, keepdims=True)[:, :2], order=order)

    def unknown(x: Any) -> Any:
        return np.ravel(x.T + 0, order=order)

    a = A[0, :2]
    np.testing.assert_allclose(fv.vjp(known, [a.copy()], [np.ones(4)])[0][0], known(a))
    (copied,), _ = fv.vjp(lambda x: np.ravel(x.T.copy(), order=order), [a], [np.ones(8)])
    np.testing.assert_array_equal(copied, np.ravel(a.T.copy(), order=order))
    with pytest.raises(ValueError, match=rf"\[ravel\] order='{order}' .* not known here.*Hint: use order 'C'"):
        fv.vjp(unknown, [a], [np.ones(8)])
    with pytest.raises(ValueError, match="not known here"):
        fv.vjp(lambda x: np.ravel(x + 0, order=order), [np.asfortranarray(a)], [np.ones(8)])


def test_nested_transforms_know_how_arguments_lie() -> None:
    a = np.asfortranarray(A[0])

    def outer(x: Any) -> Any:
        return fv.grad(lambda y: (np.ravel(y, order="K") * WEIGHTS[:12]).sum())(x).sum() + (x * x).sum()

    np.testing.assert_allclose(fv.grad(outer)(a), 2 * a)
    inner = fv.grad(lambda x: fv.vjp(lambda y: np.ravel(y, order="K")[1], [x], [1.0])[0][0])(a)
    np.testing.assert_array_equal(inner, np.arange(12).reshape(3, 4) == 4)


@pytest.mark.parametrize("order", list("CFAK"))
def test_compiled_functions_go_by_how_arguments_lie(order: Any) -> None:
    compiled = fv.compile(lambda x: np.ravel(x, order=order))
    for a in (A, np.asfortranarray(A), A):
        np.testing.assert_array_equal(compiled(a), a.ravel(order))


def test_rows_of_a_batch_lie_in_order() -> None:
    np.testing.assert_array_equal(fv.vmap(lambda x: np.ravel(x + 0, order="K"))(A), A.reshape(2, 12))
    a = np.asfortranarray(A)
    rows = [np.ravel(x, order="K") for x in a]
    np.testing.assert_array_equal(fv.vmap(lambda x: np.ravel(x, order="K"))(a), rows)
    with pytest.raises(ValueError, match="not known here"):
        fv.vmap(lambda x: np.ravel(x + 0, order="K"))(a)


@pytest.mark.parametrize("order", list("CAK"))
def test_arrays_of_ours_are_values_in_c_order(order: Any) -> None:
    x = fv.array(A)
    np.testing.assert_array_equal(np.ravel(x.T, order=order), A.T.ravel())
    (out,), _ = fv.vjp(lambda x: x.T.flatten(order), [x], [fv.ones(24)])
    np.testing.assert_array_equal(out, A.T.ravel())


def test_writes_reach_the_base_as_numpys_do() -> None:
    """x.ravel("F") of a transposed array is a view, of another one a copy."""

    def write(x: Any) -> Any:
        x.T.ravel("F")[1] = 7
        x.ravel("F")[0] = 5
        return x

    a = A[0].copy()
    (out,), _ = fv.vjp(write, [a], [np.ones((3, 4))])
    np.testing.assert_array_equal(out, write(a.copy()))


def test_bad_orders() -> None:
    x = fv.array(A)
    for call in (lambda: x.ravel("Q"), lambda: x.copy("Q"), lambda: x.reshape(24, order="Q")):
        with pytest.raises(ValueError, match="Expected order 'C', 'F', 'A' or 'K', got 'Q'"):
            call()
    with pytest.raises(ValueError, match="Expected order 'C', 'F' or 'A', got 'K'"):
        x.reshape(24, order="K")
    with pytest.raises(ValueError, match="only some axes"):
        x.flatten(1, order="F")


def test_what_arrays_choose_lies_row_by_row_where_it_does_for_numpy(rng: np.random.Generator) -> None:
    """Where indices come first and lie so themselves; elsewhere NumPy's order is not known, which is an error."""
    known = 0
    for _ in range(150):
        shape = tuple(rng.integers(2, 4, rng.integers(1, 4)))
        first = [np.asarray(rng.integers(0, n, rng.integers(1, 4, rng.integers(0, 3)))) for n in shape[:1]]
        more = [int(rng.integers(n)) if rng.random() < 0.5 else slice(None) for n in shape[1:]]
        index: Any = (*first, *more)
        if rng.random() < 0.3:
            index = (index[0].T,) if rng.random() < 0.5 else tuple(reversed(index[: len(shape)]))
        source = rng.standard_normal(shape)
        try:
            want = source[index]
        except IndexError:
            continue

        def loss(x: Any, index: Any = index) -> Any:
            chosen = x[index] * 2
            return (np.ravel(chosen, "K") * np.arange(chosen.size)).sum()

        try:
            value, g = fv.value_and_grad(loss)(source)
        except ValueError as error:
            assert "which is not known" in str(error)
            continue
        known += want.ndim > 1
        np.testing.assert_allclose(value, loss(source), atol=1e-12)
        place = np.arange(source.size).reshape(shape)[index]
        weight = np.zeros(source.size)
        np.add.at(weight, np.ravel(place * 1, "K"), 2 * np.arange(place.size))
        np.testing.assert_allclose(np.ravel(g), weight)
    assert known > 10
