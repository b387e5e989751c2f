"""Every row of tests/support/cases: the op outside any transform and its vjp.

python -m pytest bench/test_primitives.py --benchmark-only
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastvjp

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # which is no package
from support.cases import CASES


def _operands(case: Any) -> list[Any]:
    dtype = "float32" if "float32" in case.dtypes else case.dtypes[0]
    shapes = [(1000,)] * len(case.shapes) if case.elementwise else case.shapes
    return [fastvjp.array(x) for x in case.draw(np.random.default_rng(0), dtype, *shapes)]


ROWS = [pytest.param(case, id=str(case)) for case in CASES]


@pytest.mark.parametrize("case", ROWS)
def test_eager(benchmark: Any, case: Any) -> None:
    benchmark.group = "eager op"
    operands = _operands(case)
    benchmark(lambda: case.fun(*operands))


@pytest.mark.parametrize("case", ROWS)
def test_vjp(benchmark: Any, case: Any) -> None:
    benchmark.group = "vjp"
    operands = _operands(case)
    inexact = [i for i, x in enumerate(operands) if x.dtype.kind in "fc"]
    out = case.fun(*operands)
    if not inexact or out.dtype.kind not in "fc":
        pytest.skip("nothing to differentiate")

    def fun(*wrt: Any) -> Any:
        given = list(operands)
        for i, x in zip(inexact, wrt, strict=True):
            given[i] = x
        return case.fun(*given)

    primals = [operands[i] for i in inexact]
    cotangents = [fastvjp.ones_like(out)]
    benchmark(lambda: fastvjp.vjp(fun, primals, cotangents))
