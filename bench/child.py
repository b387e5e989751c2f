"""Runs in a fresh process: `python -m bench.child startup LIBRARY`, `first LIBRARY WORKLOAD`, `memory LIBRARY N`.

It prints what it found.

startup: seconds from the first line of Python to the gradient of the MLP of the table, imports included.
first: seconds of a workload's first gradient, inputs being there, and of its next one with other shapes; memory.
memory: bytes by which the process grew at most in a call of chain on N elements, gradients included.
"""

import time

START = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402


def startup(name: str) -> dict[str, float]:
    from .libraries import LIBRARIES
    from .workloads import WORKLOADS, problem

    workload = WORKLOADS["mlp"]
    library = LIBRARIES[name]
    found = library.build(problem(workload, workload.table[0], "float32"))()
    seconds = time.perf_counter() - START
    assert library.numpy(found)[0] > 0
    return {"seconds": seconds}


def first(name: str, workload: str) -> dict[str, float]:
    from .libraries import LIBRARIES
    from .workloads import WORKLOADS, problem

    chosen, library = WORKLOADS[workload], LIBRARIES[name]
    found = {}
    for size, title in ((chosen.table[0], "seconds"), (chosen.quick, "new_shape")):
        given = problem(chosen, size, chosen.dtypes[0])
        call = library.build(given)
        start = time.perf_counter()
        result = call()
        found[title] = time.perf_counter() - start
        assert all(map(_is_finite, library.numpy(result)))
    return {**found, "peak": _resident(peak=True)}


def _is_finite(x: Any) -> bool:
    import numpy as np

    return bool(np.isfinite(x).all())


def memory(name: str, n: str) -> dict[str, float]:
    from .libraries import LIBRARIES
    from .workloads import WORKLOADS, problem

    library = LIBRARIES[name]
    library.build(problem(WORKLOADS["chain"], {"n": 1000}, "float32"))()  # imports and compiles
    large = problem(WORKLOADS["chain"], {"n": int(n)}, "float32")
    given = sum(x.nbytes for x in large.wrt)
    call = library.build(large)
    start = _resident(reset=True)
    result = call()
    peak = _resident(peak=True) - start
    del result
    call()
    second = _resident(peak=True) - start
    return {"bytes": given + large.cotangent.nbytes, "peak": peak, "peak_of_two": second}


def _resident(peak: bool = False, reset: bool = False) -> int:
    """Bytes of this process in memory, now or at most since the reset."""
    status = Path("/proc/self/status")
    if not status.exists():  # macOS: the most so far is all there is
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    field = "VmHWM:" if peak else "VmRSS:"
    line = next(line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    parts: dict[str, Callable[..., dict[str, float]]] = {"startup": startup, "first": first, "memory": memory}
    what, *given = sys.argv[1:]
    print(json.dumps(parts[what](*given)))
