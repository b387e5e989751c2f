"""Threads: the chunks of a step are shared out among those of TBB, as Numba's thread layer runs them.

The extension module of that layer has a C function `parallel_for`, which calls a function on several threads at
once. It is loaded from where Numba is installed, without importing Numba; Numba functions of the user's that run
on TBB share its threads. The chunks are divided into ranges of neighbours, one for each thread, which begins
with its own: so what the step before has left in a core's cache is read there. It takes the next chunk of a
range until none is left, then those of the other ranges: so a thread whose core is busy with something else
holds up one chunk, and a thread that comes late finds nothing to do.

Without TBB chunks run one after the other: docs/decisions.md says why not on another layer.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np

from ... import devices
from ..elements.registry import helper
from . import jit
from .code import BRIEF, Code, once
from .interrupts import postponed
from .memory import address_of
from .pointers import address, call, fetch_add, fetch_min, pointer, row_memory

LEAST_TBB = 12060
"""The interface version of TBB (2021.6) for which Numba's layer is compiled."""

# words of the pool
PARALLEL_FOR, SHARE_OUT, WORK, THREADS = range(4)

MOST_RANGES = 64
"""Ranges of a job; where there are more threads, some begin with the same one."""
# words of a job, which lies on the runner's stack: what is to be run, ...
FAILED, KERNEL, ARGUMENTS, COUNT, GRAIN, SHARE, RANGES = range(7)
# ... two operands of `parallel_for` with their number and steps, and for every range the iteration that comes next
JOB, OWN, SIZES, JOB_STEP, OWN_STEP, NEXT = range(7, 13)
JOB_WORDS = NEXT + MOST_RANGES


def pool() -> int:
    """Address of the pool's words for the runner; 0 if it is to run chunks one after the other."""
    threads = devices.num_threads()
    started = _start() if threads > 1 else None
    return 0 if started is None else started.with_threads(threads)


class _Pool:
    """TBB's threads. In a forked child they do not exist: it runs chunks one after the other."""

    def __init__(self, layer: ModuleType) -> None:
        self.layer = layer
        self.words = np.array([layer.parallel_for, *(each.address for each in code()), 0], np.int64)
        self.address = address_of(self.words)
        os.register_at_fork(after_in_child=self._leave)

    def with_threads(self, threads: int) -> int:
        """The address of the words, for so many threads; 0 in a forked child."""
        if self.address:
            self.words[THREADS] = threads
        return self.address

    def _leave(self) -> None:
        self.address = 0
        self.words[THREADS] = 1  # Numba functions have the address in their code


@once
@postponed()
def _start() -> _Pool | None:
    layer = _layer()
    if layer is None:
        return None
    if threading.current_thread() is threading.main_thread():
        # as Numba would: from now on it stops before a fork, if that is in the same thread, and starts after it
        launch_threads = ctypes.PYFUNCTYPE(None, ctypes.c_int)(layer.launch_threads)
        launch_threads(devices.default_num_threads("NUMBA_NUM_THREADS"))
    return _Pool(layer)


def is_usable() -> bool:
    """Whether chunks are to be shared out among several threads."""
    return devices.num_threads() > 1 and _layer() is not None


@once
def _layer() -> ModuleType | None:
    """Numba's TBB layer, the same module that Numba would import; None where it or TBB is missing."""
    if jit.jit_disabled():
        return None
    numba = find_spec("numba")
    if numba is None or not numba.submodule_search_locations:
        return None
    packages = Path(numba.submodule_search_locations[0]).parent
    file = "libtbb.12.dylib" if sys.platform == "darwin" else "libtbb.so.12"
    # where pip puts it, of which the loader does not know: first beside Python, then beside Numba
    for path in (Path(sys.prefix, "lib", file), packages.parents[1] / file, file):
        try:
            tbb = ctypes.CDLL(str(path))
            break
        except OSError:
            continue
    else:
        return None
    if tbb.TBB_runtime_interface_version() < LEAST_TBB:
        return None
    name = "numba.np.ufunc.tbbpool"
    path = packages.joinpath(*name.split(".")).with_suffix(EXTENSION_SUFFIXES[0])
    spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    try:
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError:
        return None
    return module


@helper
def work(operands: int, sizes: int, steps: int, data: int) -> int:
    """What each thread does, as `parallel_for` calls it: chunks of its own range, then of the others'."""
    address, own = pointer(operands, np.int64)[0], pointer(operands, np.int64)[1]
    job, first = pointer(address, np.int64), address + 8 * NEXT
    kernel, arguments, count, grain = job[KERNEL], job[ARGUMENTS], job[COUNT], job[GRAIN]
    share, ranges = job[SHARE], job[RANGES]
    for i in range(ranges):
        at = ((own - first) // 8 + i) % ranges
        stop = min((at + 1) * share, count)
        start = fetch_add(first + 8 * at, grain)
        while start < stop:
            if call(kernel, (arguments, start, min(start + grain, count))) != 0:
                fetch_min(address + 8 * FAILED, start)
            start = fetch_add(first + 8 * at, grain)
    return 0


@helper
def share_out(pool: int, kernel: int, arguments: int, count: int, grain: int) -> int:
    """Run the chunks of a step on several threads; returns where the first that failed begins, or the count."""
    words, job = pointer(pool, np.int64), row_memory(JOB_WORDS, np.int64)
    at, chunks = address(job), (count + grain - 1) // grain
    threads = min(words[THREADS], chunks)
    ranges = min(threads, MOST_RANGES)
    share = (chunks + ranges - 1) // ranges * grain
    job[KERNEL], job[ARGUMENTS], job[COUNT], job[GRAIN] = kernel, arguments, count, grain
    job[FAILED], job[SHARE], job[RANGES] = count, share, ranges
    for i in range(ranges):
        job[NEXT + i] = i * share
    # as many calls as there are threads, each with the job's address and one that tells its range
    job[JOB], job[OWN], job[SIZES] = at, at + 8 * NEXT, threads
    job[JOB_STEP], job[OWN_STEP] = 0, 8
    operands, sizes, steps = at + 8 * JOB, at + 8 * SIZES, at + 8 * JOB_STEP
    call(words[PARALLEL_FOR], (words[WORK], operands, sizes, steps, 0, 0, 2, threads))
    return job[FAILED]


@once
def code() -> tuple[Code, Code]:
    """Machine code of `share_out` and `work`, which live as long as the process."""
    return jit.compile_function(share_out, 5, BRIEF), jit.compile_function(work, 4, BRIEF)


@helper
def run_chunks(pool: int, kernel: int, arguments: int, count: int, grain: int) -> int:
    """Run a step; returns 0 or a status. If chunks fail it is that of the first of them, whatever the threads."""
    first = np.int64(0)
    if pool != 0 and count > grain and pointer(pool, np.int64)[THREADS] > 1:
        # of what failed there the first chunk once more, to see its status
        first = np.int64(call(pointer(pool, np.int64)[SHARE_OUT], (pool, kernel, arguments, count, grain)))
    for start in range(first, count, grain):
        status = call(kernel, (arguments, start, min(start + grain, count)))
        if status != 0:
            return status
    return 0
