"""Python's numbers, and lists of them, take the dtype of the inexact arrays that they meet: in every function.

A call with a number or a list is compared with the call with an array of that dtype in its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastvjp as fv
from fastvjp.arrays.public import NUMPY, PUBLIC

OPERANDS = {
    "float32": ([1, 2, 3], (0.5, 1, 2.5), 2),
    "float64": ([0.1, 0.2, 0.3], (0.1, 1, 2), [1, 2, 3], 0.1),
}
"""What meets arrays of a dtype."""

EACH_ITS_OWN = {
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "meshgrid", "ix_",  # they return what they get
    "depends", "contiguous", "save_safetensors", "random.categorical",
    "full_like", "nan_to_num", "astype", "flatten", "result_type", "ones_like", "zeros_like", "searchsorted",
    "digitize", "linspace", "compress", "extract", "median", "percentile", "quantile", "nanmedian",
    "nanpercentile", "nanquantile", "spacing", "real_if_close",
    "select", "trapezoid",  # see below
    "cov", "corrcoef", "histogram",  # see tests/interop/test_statistics.py
}  # fmt: skip
"""Functions whose operands do not meet: the result has the dtype of one, or there is none."""


def calls(x: Any, y: Any) -> list[tuple[Any, ...]]:
    return [(x, y), (y, x), (x, x, y), (x, y, x), (y, x, x), (y, y, x), ([x, y],), ([y, x],), ([[x], [y]],)]


def named(function: Any) -> str:
    return getattr(function, "__name__", str(function))


FUNCTIONS = {f"fastvjp.{name}": f for name, f in PUBLIC.items() if name not in EACH_ITS_OWN}
FUNCTIONS |= {f"numpy.{named(f)}": ours for f, ours in NUMPY.items() if named(f) not in EACH_ITS_OWN}


def ops_of(function: Any, place: int, x: Any, given: Any) -> tuple[str, list[Any]] | None:
    """The ops of a call and the dtypes of its results; None where it takes no such arguments."""
    try:
        made = fv.record(lambda x: function(*calls(x, given)[place]), x)
    except (TypeError, ValueError, IndexError, AttributeError):
        return None
    return str(made), [v.aval.dtype for v in made.outputs]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_lists_and_numbers_are_weak(name):
    function = FUNCTIONS[name]
    for dtype, operands in OPERANDS.items():
        x = fv.array(np.array([0.1, 0.7, 2.3], dtype))
        for given in operands:
            for place in range(len(calls(x, given))):
                weak, strong = (ops_of(function, place, x, y) for y in (given, np.array(given, dtype)))
                if weak is None or strong is None:
                    continue
                assert weak[1] == strong[1], (given, place)
                assert dtype != "float64" or "float32" not in weak[0], (given, place)  # it has been rounded


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: np.select([x > 0.5], [y], x),
        lambda x, y: np.select([x > 0.5], [x], y),
        np.trapezoid,
        lambda x, y: np.trapezoid(y, x),
        lambda x, y: np.average(x, weights=y),
        lambda x, y: np.average(y, weights=x),
        lambda x, y: np.diff(x, prepend=y),
        lambda x, y: np.pad(x, 1, constant_values=y[0]),
        lambda x, y: np.sum(x, initial=y[0]),
        lambda x, y: np.block([x, y[0]]),
    ],
)
def test_operands_that_have_places_of_their_own(call):
    for dtype, (given, *_) in OPERANDS.items():
        x = fv.array(np.array([0.1, 0.7, 2.3], dtype))
        found, expected = call(x, given), call(x, np.array(given, dtype))
        assert found.dtype == expected.dtype == dtype
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_the_check_sees_a_function_that_breaks_the_rule():
    x = fv.array(np.array([0.1, 0.7, 2.3]))
    rounding = ops_of(lambda a, b: a + fv.array(b), 0, x, [0.1, 0.2, 0.3])
    assert rounding is not None
    assert "float32" in rounding[0]


@pytest.mark.parametrize(
    "meet, dtype",
    [
        (lambda: fv.array([1, 2, 3]) * [1, 2, 3], "int32"),
        (lambda: np.arange(3, dtype="int64") * fv.array([1, 2, 3]), "int64"),
        (lambda: fv.array([1, 2, 3]) * [0.5, 1, 2], "float64"),
        (lambda: fv.array([1, 2, 3]) * 0.5, "float64"),
        (lambda: fv.array([True, False]) * [1, 2], "int32"),
        (lambda: fv.ones(3) * [True, False, True], "float32"),
        (lambda: fv.ones(2) * [1j, 2], "complex64"),
        (lambda: fv.array([0.5, 1.5]) * fv.array([1, 2]), "float64"),  # what has become an array is one
        (lambda: fv.array([0.5, 1.5]) * np.array([1, 2]), "float64"),
    ],
)
def test_where_they_meet_no_inexact_array_or_are_arrays_already(meet, dtype):
    assert meet().dtype == dtype
