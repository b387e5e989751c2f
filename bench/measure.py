"""One cell of the table: every library on one problem, checked, then timed in turns."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from .libraries import LIBRARIES, Library, Unsupported
from .libraries.base import Call
from .libraries.namespaces import numpy_namespace
from .workloads import Problem

ROUNDS = 7
PAUSE = 0.15
"""Seconds before a turn, in which the threads of the library before it stop spinning: OpenBLAS's take 0.1."""


def reference(problem: Problem) -> list[np.ndarray]:
    """Value and gradients by fastvjp in float64, which must agree with NumPy's values and differences."""
    exact = problem.astype("float64")
    ours = LIBRARIES["fastvjp"]
    value, *gradients = ours.numpy(ours.build(exact)())
    fun = exact.fun(numpy_namespace())
    rng = np.random.default_rng(1)
    steps = [1e-6 * rng.normal(size=x.shape) * np.abs(x).max() for x in exact.wrt]

    def moved(sign: int) -> Any:
        wrt = [x + sign * step for x, step in zip(exact.wrt, steps, strict=True)]
        return np.sum(fun(*wrt, *exact.constants) * exact.cotangent)

    here = fun(*exact.wrt, *exact.constants)
    expected = (moved(1) - moved(-1)) / 2
    found = sum(np.sum(g * step) for g, step in zip(gradients, steps, strict=True))
    scale = sum(np.linalg.norm(g * step) for g, step in zip(gradients, steps, strict=True))
    if (
        difference([value], [np.asarray(here)]) > 1e-9
        or abs(found - expected) > 1e-3 * scale + 1e-12 * abs(here).max()
    ):
        raise ArithmeticError(f"reference of {problem.label} disagrees with NumPy: {found} for {expected}")
    return [value, *gradients]


def difference(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> float:
    """Largest difference over the largest entry, of the value and of each gradient; inf for wrong shapes."""
    if [x.shape for x in found] != [x.shape for x in expected]:
        return float("inf")
    pairs = zip(found, expected, strict=True)
    errors = [float(np.abs(a - b).max() / (np.abs(b).max() or 1)) for a, b in pairs if b.size]
    return float(np.max(errors))  # nan if any is


def prepare(library: Library, problem: Problem, expected: Sequence[np.ndarray]) -> tuple[Call, dict[str, float]]:
    """A checked call, with its error and the milliseconds of building and calling it first.

    Raises `Unsupported` for a library that cannot do it, `ArithmeticError` for a wrong result.
    """
    start = time.perf_counter()
    call = library.build(problem)
    result = call()
    first = time.perf_counter() - start
    found = library.numpy(result)
    if any(x.dtype != problem.dtype for x in found):
        raise Unsupported(f"results are {', '.join(sorted({str(x.dtype) for x in found}))}")
    error = difference(found, expected)
    if not error <= problem.tolerance:
        raise ArithmeticError(f"differs from the reference by more than {problem.tolerance:.0e} (by {error:.1e})")
    return call, {"first_ms": first * 1e3, "error": error}


def interleaved(calls: Mapping[str, Call], seconds: float, rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Microseconds per call: median and best over rounds, in each of which every library has its turn."""
    turn = seconds / rounds
    times: dict[str, list[float]] = {name: [] for name in calls}
    counts = {name: _count(call, turn) for name, call in calls.items()}
    for i in range(rounds):
        names = list(calls)
        for name in names[i % len(names) :] + names[: i % len(names)]:
            times[name].append(_turn(calls[name], counts[name], turn))
    return {name: {"us": median(ts) * 1e6, "best_us": min(ts) * 1e6} for name, ts in times.items()}


def _turn(call: Call, count: int, seconds: float) -> float:
    """Mean seconds of about `count` calls, fewer where they take much longer than expected."""
    time.sleep(PAUSE)
    call()  # after others had the caches
    gc.collect(0)
    enabled = gc.isenabled()
    gc.disable()
    batch = -(-count // 8)
    try:
        done, start = 0, time.perf_counter()
        while True:
            for _ in range(batch):
                call()
            done += batch
            spent = time.perf_counter() - start
            if done >= count or spent > 2 * seconds:
                return spent / done
    finally:
        if enabled:
            gc.enable()


def _count(call: Call, seconds: float) -> int:
    """Calls that fill a turn, by the median of some; this also warms up."""
    samples: list[float] = []
    while sum(samples) < seconds and len(samples) < 1000:
        start = time.perf_counter()
        call()
        samples.append(time.perf_counter() - start)
    return max(1, int(seconds / max(median(samples), 1e-9)))


def cell(problem: Problem, libraries: Sequence[Library], seconds: float, progress: Any) -> dict[str, Any]:
    """One row of the table: what was timed, what was not and why."""
    expected = reference(problem)
    calls: dict[str, Call] = {}
    facts: dict[str, dict[str, float]] = {}
    skipped: dict[str, str] = {}
    for library in libraries:
        progress.set_postfix_str(f"{problem.label}: {library.name}")
        try:
            calls[library.name], facts[library.name] = prepare(library, problem, expected)
        except Unsupported as reason:
            skipped[library.name] = str(reason)
        except Exception as error:
            text = str(error).strip().partition("\n")[0]
            skipped[library.name] = f"{type(error).__name__}: {text}"[:200]
        progress.update()
    timings = interleaved(calls, seconds)
    return {
        "workload": problem.workload.name,
        "size": dict(problem.size),
        "dtype": problem.dtype,
        "bytes": problem.nbytes,
        "flops": problem.flops,
        "tolerance": problem.tolerance,
        "libraries": {name: {**timings[name], **facts[name]} for name in calls},
        "skipped": skipped,
    }
