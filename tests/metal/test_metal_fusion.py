"""Fused kernels of the Metal device: random op lists of whole numbers, whose results are exact in any order."""

from __future__ import annotations

from contextlib import ExitStack
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.emulating import GPU, device, on
from support.interpreting import run
from support.random_programs import Case, cases

from fastvjp.metal.fused import grid

LIMITS = {
    "SERIAL": (grid, [0, 6, 4096]),
    "MAX_CHUNKS": (grid, [2, 3, 128]),
    "MAX_PARTIALS": (grid, [1, 8, 1 << 18]),
    "PER_THREAD": (grid, [1, 4]),
    "LARGEST_GROUP": (grid, [64, 1024]),
    "SHORT": (grid, [1, 2, 8]),
}
"""Values that small arrays reach."""


@pytest.mark.parametrize("setting", ["1024", "448", "apple", GPU])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    case=cases(("float32", "int32", "int64", "uint8")),
    small=st.fixed_dictionaries({name: st.sampled_from(values) for name, (_, values) in LIMITS.items()}),
)
def test_whole_numbers(setting: str, case: Case, small: dict[str, int]) -> None:
    with ExitStack() as stack:
        for name, value in small.items():
            stack.enter_context(patch.object(LIMITS[name][0], name, value))
        stack.enter_context(on(setting))
        results = run(case, device(setting).compile)
    for var, result in zip(case.outputs, results, strict=True):
        expected = case.values[var]
        assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_array_equal(result, expected)
