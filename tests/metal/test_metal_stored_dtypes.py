"""float16 and bfloat16 on the emulated GPU: the CPU's numbers, bit by bit of operations that round correctly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.emulating import on
from support.stored import STORED, all_numbers, name_of, near_ties, off

import fastvjp as fv

pytest.importorskip("ziglang", reason="the emulator's compiler, of the extra `emulator`, is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered in cast:RuntimeWarning")
EACH = pytest.mark.parametrize("dtype", STORED, ids=name_of)
SETTING = "1024"


def on_both(fun: Callable[..., Any], *xs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A function's value on the GPU and on the CPU."""
    with on(SETTING):
        got = np.asarray(fun(*map(fv.array, xs)))
    wanted = np.asarray(fun(*map(fv.array, xs)))
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    return got, wanted


def check_equal(fun: Callable[..., Any], *xs: np.ndarray) -> None:
    got, wanted = on_both(fun, *xs)
    np.testing.assert_array_equal(got.astype(np.float32), wanted.astype(np.float32))


@EACH
def test_conversions(dtype: np.dtype) -> None:
    numbers = all_numbers(dtype)
    check_equal(lambda x: fv.astype(x, np.float32), numbers)
    check_equal(lambda x: fv.astype(fv.astype(x, np.float32), dtype), numbers)
    ties = near_ties(dtype).astype(np.float32)
    given = np.concatenate(
        [ties, np.nextafter(ties, np.float32(np.inf)), np.array([np.inf, np.nan, 65520, 3e38], np.float32)]
    )
    check_equal(lambda x: fv.astype(x, dtype), given)
    check_equal(lambda x: fv.astype(x, dtype), np.arange(-300, 300))
    check_equal(lambda x: fv.astype(x, bool), numbers[:1000])


@EACH
def test_arithmetic_and_moves(dtype: np.dtype, rng: np.random.Generator) -> None:
    x, y = (rng.normal(size=(40, 30)).astype(dtype) for _ in range(2))
    at = fv.array(rng.integers(0, 40, 7))
    check_equal(lambda x, y: (x * y + x) * 0.3 - y / 7, x, y)
    check_equal(lambda x: fv.concatenate([x[at], x[::2], fv.full((1, 30), 0.1, dtype)]), x)
    check_equal(lambda x: fv.zeros((40, 30), dtype).at[fv.array([1, 3])].set(x[:2]), x)
    check_equal(lambda x: fv.full((40, 30), 0.1, dtype).at[2:4, 1:].set(x[:2, 1:]), x)
    check_equal(fv.sort, x)
    check_equal(lambda x: fv.max(x, 1), x)


@EACH
def test_functions(dtype: np.dtype, rng: np.random.Generator) -> None:
    """Float32 results that differ by some ULP there are rounded to neighbours at most."""
    x = rng.normal(size=(64, 300)).astype(dtype)
    functions: list[Callable[..., Any]] = [
        fv.exp,
        fv.sum,
        lambda x: fv.sum(x, 0),
        lambda x: fv.softmax(x, -1),
        lambda x: x @ x.T,
        fv.grad(lambda x: fv.sum(fv.tanh(x) * 0.1)),
    ]
    for fun in functions:
        got, wanted = on_both(fun, x)
        assert off(got, wanted.astype(np.float32), 0 if got.shape != (64, 64) else 16) <= 1


@EACH
def test_steps_run_on_the_gpu(dtype: np.dtype) -> None:
    with on(SETTING):
        made = fv.explain(lambda x: fv.sum(fv.tanh(x * 2), 0), [fv.ones((3, 4), dtype)], [fv.ones(4, dtype)])
        shown = str(made)
    assert f"on emulator {SETTING}" in shown and "on cpu" not in shown
    assert ("helper::bfloat16" in shown) == (dtype == fv.bfloat16)
