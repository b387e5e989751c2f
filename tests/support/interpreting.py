"""How op lists run in tests: as plans under small limits, their kernels as plain Python that is watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import strategies as st
from support.random_programs import Case

from fastvjp.core.program import Program, Uniform
from fastvjp.devices import phases
from fastvjp.kernels import loops
from fastvjp.kernels.fused import codegen, source, tiling
from fastvjp.kernels.native import jit
from fastvjp.kernels.native.pointers import PythonPointer
from fastvjp.kernels.runtime import columns, machine
from fastvjp.kernels.runtime.executable import Executable
from fastvjp.planning import composites, fusion
from fastvjp.planning.plan import Plan
from fastvjp.planning.planner import make_plan
from fastvjp.recording.ready import strides, structure


def fewer_the_more(steps: Any, turns: Sequence[int]) -> int:
    """A cost by which all temporaries are turned that can be."""
    return 1000 - len(turns)


LIMITS: dict[str, tuple[list[Any], list[Any]]] = {
    "CHUNK": ([loops], [0.001, 0.5, 2]),
    "TILE": ([codegen, source], [1, 3, 1000]),
    "LEAST": ([tiling], [1, 2, 100]),
    "MAX_PARTIALS": ([codegen], [1, 2]),
    "MAX_ROW_BYTES": ([codegen], [0, 30]),
    "SHORT": ([tiling], [0, 2, 100]),
    "HEAVY": ([tiling], [0, 10]),
    "SHORT_ROW": ([tiling], [0, 2, 100]),
    "LANES": ([tiling], [1, 6, 20]),
    "MIXED": ([tiling], [1, 2]),
    "UNIT": ([tiling], [1, 2]),
    "FEW": ([tiling], [0, 2]),
    "_cost": ([columns], [fewer_the_more, columns._cost]),
    "PRODUCTS": ([composites], [0]),
    "SINGLE_ROW": ([fusion], [0, 3]),
    "MAX_BODY": ([fusion], [1, 5, 20]),
    "MAX_ARRAYS": ([fusion], [2, 6, 12]),
    "CHEAP": ([fusion, phases], [0, 1]),
}
"""Limits of the planner and the code generator: where each is read, and values that small arrays reach."""
ALWAYS = {"CHUNK", "TILE", "LEAST", "LANES", "_cost", "PRODUCTS"}
"""Those without which small arrays have no chunks and tiles, are not turned, and products are not fused."""
drawn_limits = st.fixed_dictionaries(
    {name: st.sampled_from(values) for name, (_, values) in LIMITS.items() if name in ALWAYS},
    optional={name: st.sampled_from(values) for name, (_, values) in LIMITS.items() if name not in ALWAYS},
)


@contextmanager
def limits(**values: Any) -> Iterator[None]:
    """Run with these limits."""
    with ExitStack() as stack:
        for name, value in values.items():
            for module in LIMITS[name][0]:
                stack.enter_context(patch.object(module, name, value))
        yield


@pytest.fixture
def interpreted() -> Iterator[None]:
    """Generated source runs as plain Python, and no two chunks of a loop write to one place."""
    caches = jit.compile_loop, machine.runner
    with patch.object(jit, "jit_disabled", lambda: True), chunks_apart():
        for cache in caches:
            cache.cache_clear()
        yield
    for cache in caches:
        cache.cache_clear()


@contextmanager
def chunks_apart() -> Iterator[None]:
    """Watch what interpreted chunks write."""
    chunk: int | None = None
    written: dict[int, int] = {}
    python_loop, setitem = jit.python_loop, PythonPointer.__setitem__

    def watched_loop(code: int) -> Callable[[int, int, int], int]:
        loop = python_loop(code)
        written.clear()

        def call(args: int, start: int, stop: int) -> int:
            nonlocal chunk
            chunk = start
            try:
                return loop(args, start, stop)
            finally:
                chunk = None

        return call

    def watched_setitem(self: PythonPointer, i: int, value: Any) -> None:
        if chunk is not None:
            assert written.setdefault(self.address + int(i) * self.dtype.itemsize, chunk) == chunk
        setitem(self, i, value)

    with (
        patch.object(jit, "python_loop", watched_loop),
        patch.object(PythonPointer, "__setitem__", watched_setitem),
    ):
        yield


def plan_of(program: Program | Case) -> tuple[Plan, list[Any]]:
    """The plan of an op list, and the values of its leaves."""
    leaves = structure(program.ops, program.outputs)[1]
    return make_plan(program.ops, program.outputs, leaves, strides(leaves)), [v.value for v in leaves]


def run(program: Program | Case, ready: Callable[[Plan], Any] = Executable) -> list[np.ndarray]:
    """The outputs of an op list, by what makes its plan ready."""
    plan, values = plan_of(program)
    return arrays_of(program, ready(plan).run(values))


def arrays_of(program: Program | Case, results: Sequence[Any]) -> list[np.ndarray]:
    """What an executable gave for the outputs of an op list, in NumPy."""
    return [
        np.full(v.aval.shape, result.scalar, v.aval.dtype) if isinstance(result, Uniform) else result.numpy()
        for v, result in zip(program.outputs, results, strict=True)
    ]
