"""What needs a fresh process: time to the first gradient, and peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from .libraries import Library
from .workloads import Workload

ELEMENTS = 10_000_000
PATIENCE = 120
"""Seconds for a child: jax.jit has no gradient of some batches within minutes."""
CACHES = {
    "FASTVJP_CACHE_DIR": "fastvjp",
    "NUMBA_CACHE_DIR": "numba",
    "JAX_COMPILATION_CACHE_DIR": "jax",
    "TORCHINDUCTOR_CACHE_DIR": "torch",
    "TMPDIR": "",  # where MLX keeps what it compiled
}
ALWAYS = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "PYTHONDONTWRITEBYTECODE": "",  # all have their bytecode, as what pip installs has
}


@contextmanager
def fresh_caches() -> Iterator[dict[str, str]]:
    """An environment in which every library's cache is empty."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        yield {**os.environ, **ALWAYS, **{name: str(Path(folder, sub)) for name, sub in CACHES.items()}}


def _child(environment: dict[str, str], *args: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.child", *args]
    root = Path(__file__).parent.parent
    given: dict[str, Any] = {"env": environment, "cwd": root, "capture_output": True, "text": True}
    try:
        done = subprocess.run(command, check=False, timeout=PATIENCE, **given)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"takes more than {PATIENCE} s") from None
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1][:300])
    return json.loads(done.stdout.splitlines()[-1])


def startup(libraries: Sequence[Library], repeats: int, progress: Any) -> dict[str, Any]:
    """Seconds to the MLP's first gradient: with empty caches, and with those that this left behind."""
    found: dict[str, Any] = {}
    for library in libraries:
        progress.set_postfix_str(f"first gradient: {library.name}")
        cold, warm = [], []
        try:
            with fresh_caches() as environment:
                _child(environment, "startup", library.name)  # its files are in memory from here on
            for _ in range(1 if library.slow_to_build else repeats):
                with fresh_caches() as environment:
                    cold.append(_child(environment, "startup", library.name)["seconds"])
                    warm.append(_child(environment, "startup", library.name)["seconds"])
            found[library.name] = {"cold_s": median(cold), "warm_s": median(warm)}
        except RuntimeError as error:
            found[library.name] = {"skipped": str(error)}
        progress.update()
    return found


def first(
    workloads: Sequence[Workload], libraries: Sequence[Library], repeats: int, progress: Any
) -> dict[str, dict[str, Any]]:
    """Milliseconds of the first gradient of each workload, imports and inputs aside, and megabytes of the process.

    `cold_ms`: with empty caches; `warm_ms`: with those that this left behind; `new_shape_ms`: of other shapes in
    the first process.
    """
    found: dict[str, dict[str, Any]] = {workload.name: {} for workload in workloads}
    for workload in workloads:
        times: dict[str, list[dict[str, float]]] = {library.name: [] for library in libraries}
        for turn in range(repeats):
            for library in libraries:
                if turn and (library.slow_to_build or not times[library.name]):
                    continue
                progress.set_postfix_str(f"first call of {workload.name}: {library.name}")
                try:
                    with fresh_caches() as environment:
                        cold = _child(environment, "first", library.name, workload.name)
                        warm = _child(environment, "first", library.name, workload.name)
                    times[library.name].append({
                        "cold_ms": cold["seconds"] * 1e3,
                        "warm_ms": warm["seconds"] * 1e3,
                        "new_shape_ms": cold["new_shape"] * 1e3,
                        "peak_mb": cold["peak"] / 1e6,
                    })  # fmt: skip
                except RuntimeError as error:
                    found[workload.name][library.name] = {"skipped": str(error)}
        for name, turns in times.items():
            if turns:
                found[workload.name][name] = {key: median(t[key] for t in turns) for key in turns[0]}
        progress.update()
    return found


def memory(libraries: Sequence[Library], progress: Any) -> dict[str, Any]:
    """Growth of a process in one call of chain and in two, over the bytes of inputs and of results."""
    found: dict[str, Any] = {}
    for library in libraries:
        progress.set_postfix_str(f"memory: {library.name}")
        try:
            got = _child(dict(os.environ), "memory", library.name, str(ELEMENTS))
            names = {"peak": "peak_over_results", "peak_of_two": "second_call_over_results"}
            found[library.name] = {new: got[old] / got["bytes"] for old, new in names.items()}
        except RuntimeError as error:
            found[library.name] = {"skipped": str(error)}
        progress.update()
    return found
