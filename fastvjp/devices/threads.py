"""On how many threads the cpu device computes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..core import environment

_threads: int | None = None


def num_threads() -> int:
    """On how many threads the cpu device computes: 1 or more.

    The first of: `set_num_threads`, the environment variables FASTVJP_NUM_THREADS and NUMBA_NUM_THREADS, the
    number of cores that this process may use, which is also the most.

    Raises:
        ValueError: an environment variable holds something else than a whole number from 1.

    Example:
        >>> import fastvjp
        >>> fastvjp.set_num_threads(1)
        >>> fastvjp.num_threads()
        1
    """
    global _threads  # noqa: PLW0603  read once, at the first use, so that a wrong value does not fail the import
    if _threads is None:
        _threads = default_num_threads("FASTVJP_NUM_THREADS", "NUMBA_NUM_THREADS")
    return _threads


def set_num_threads(n: int) -> None:
    """Compute on so many threads from now on, at most on as many as this process may use cores.

    Results do not depend on it, to the last bit. It holds for all threads of Python.

    Raises:
        ValueError: `n` is not a whole number from 1.

    Example:
        >>> import fastvjp
        >>> fastvjp.set_num_threads(1)
    """
    global _threads  # noqa: PLW0603
    _threads = _checked_threads(n, "set_num_threads")


def default_num_threads(*variables: str) -> int:
    """The first of these environment variables that is set, else the cores that this process may use."""
    for name in variables:
        value = environment.text(name)
        if value:
            return _checked_threads(int(value) if value.isdecimal() else value, name)
    return _cores()


def _checked_threads(n: int | str, source: str) -> int:
    if not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(
            f"[{source}] Expected a whole number of threads, 1 or more, got {n!r}. "
            f"Hint: this process may use {_cores()} cores."
        )
    return min(int(n), _cores())


def _cores() -> int:
    """The cores that this process may use, by its affinity and the limit of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(min(cores, -(-int(quota) // int(period))), 1)
    except (OSError, ValueError):  # no such file, or "max"
        return cores
