"""Every workload in every library, small: `python -m pytest bench --benchmark-only`.

Compilers that take seconds for each are left to `python -m bench`, which compares at full size.
"""

from __future__ import annotations

from typing import Any

import pytest

from .libraries import LIBRARIES, Library, Unsupported
from .measure import prepare, reference
from .workloads import WORKLOADS, Workload, problem

QUICK = [library for library in LIBRARIES.values() if not library.slow_to_build]


@pytest.mark.parametrize("library", QUICK, ids=lambda lib: lib.name)
@pytest.mark.parametrize(
    ("workload", "dtype"),
    [pytest.param(w, d, id=f"{w.name}-{d}") for w in WORKLOADS.values() for d in w.dtypes],
)
def test_value_and_gradients(benchmark: Any, workload: Workload, dtype: str, library: Library) -> None:
    benchmark.group = f"{workload.name} {dtype}"
    if reason := library.missing():
        pytest.skip(f"{library.name}: {reason}")
    small = problem(workload, workload.quick, dtype)
    try:
        call, _ = prepare(library, small, reference(small))
    except (Unsupported, ArithmeticError) as reason:
        if library.ours:
            raise
        pytest.skip(f"{library.name}: {reason}")
    benchmark(call)
