"""The Metal device, emulated and checked, against the CPU: every primitive forward, first and second order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.cases import CASES
from support.cases.case import Case
from support.emulating import COLUMNS, GPU, drawn, on
from support.oracles import direction, is_inexact, precise

import fastvjp as mx

RTOL, ATOL = 4e-5, 4e-6
"""Some hundred units in the last place: what rounding in float32 leaves of a few functions after each other."""


def settings(case: Case, dtype: str) -> list[Any]:
    """Several for kernels in which threads work together; fast math in elementwise ones is tested elsewhere."""
    chosen = ["1024"] if case.elementwise or dtype != "float32" else COLUMNS
    return [*map(pytest.param, chosen), GPU]


PAIRS = [(c, d) for c in CASES for d in c.dtypes if d not in ("float64", "complex128", "complex64")]


@pytest.mark.parametrize(
    ("case", "dtype", "setting"),
    [
        pytest.param(c, d, *s.values, id=f"{c}-{d}-{s.values[0]}", marks=s.marks)
        for c, d in PAIRS
        for s in settings(c, d)
    ],
)
def test_primitives(case: Case, dtype: str, setting: str, rng: np.random.Generator) -> None:
    setting = drawn(setting, rng)
    xs = case.draw(rng, dtype)
    with np.errstate(all="ignore"):
        result = np.asarray(case.reference(*[precise(x) for x in xs]))
    if not is_inexact(result) or dtype != "float32":
        compare(lambda *xs: [case.fun(*xs)], xs, setting, case.at_least)
        return
    u = single(direction(rng, result))

    def first(*operands: Any) -> list[Any]:
        *primals, g = operands
        outputs, vjps = mx.vjp(case.fun, primals, [g])
        return [*outputs, *(v for v in vjps if is_inexact(v))]

    compare(first, [*xs, u], setting, case.at_least)
    vs = [single(direction(rng, np.asarray(v))) for v in first(*map(mx.array, [*xs, u]))]

    def of_first(*operands: Any) -> list[Any]:
        return [
            v for v in mx.vjp(first, operands[: len(xs) + 1], list(operands[len(xs) + 1 :]))[1] if is_inexact(v)
        ]

    compare(of_first, [*xs, u, *vs], setting, case.at_least)


def single(x: np.ndarray) -> np.ndarray:
    """In single precision."""
    return x.astype(np.complex64 if x.dtype.kind == "c" else np.float32)


def compare(fun: Callable[..., list[Any]], xs: list[np.ndarray], setting: str, at_least: float = 0) -> None:
    """The function on the emulator in float32, on the CPU in float64; results of integers are equal."""
    want = [np.asarray(y) for y in fun(*[mx.array(precise(x)) for x in xs])]
    with on(setting):
        got = [np.asarray(y) for y in fun(*[mx.array(x) for x in xs])]
    for y, reference in zip(got, want, strict=True):
        assert y.shape == reference.shape
        if y.dtype.kind in "iub" and reference.dtype.kind in "iub":
            np.testing.assert_array_equal(y, reference)
            continue
        size = np.abs(reference[np.isfinite(reference)]).max(initial=max(at_least, 1))
        np.testing.assert_allclose(y.astype(np.result_type(y, np.float64)), reference, rtol=RTOL, atol=ATOL * size)
