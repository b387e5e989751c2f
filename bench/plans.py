"""What the compiled plan of each workload costs, whatever the machine: kernels started, and bytes moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .workloads import Problem, Size, Workload, problem

METAL = "metal-emulator"
"""It plans as a GPU does, and nothing has to run for it."""


def device_names() -> tuple[list[str], dict[str, str]]:
    """The devices of which plans can be made here, and why others cannot be used."""
    from fastvjp import devices

    reasons = {name: devices.why_unavailable(name) for name in ("cpu", METAL)}
    missing = {name: reason for name, reason in reasons.items() if reason is not None}
    return [name for name in reasons if name not in missing], missing


def executable(problem: Problem, device: str) -> Any:
    """What `fastvjp.compile` of a function that calls `vjp` would run, made ready on a device but not run."""
    import fastvjp
    from fastvjp.recording.recorder import Recording, abstract, switch

    from .libraries.namespaces import fastvjp_namespace

    fun = problem.fun(fastvjp_namespace())
    with fastvjp.device(device):
        given = [fastvjp.array(x) for x in (*problem.wrt, *problem.constants, problem.cotangent)]
        recording = Recording()
        try:
            switch(recording.trace)
            inputs = [abstract(x._var.aval, "bench") for x in given]
            recording.trace.enter(inputs)
            arrays = [fastvjp.array._of(v) for v in inputs]
            wrt, constants = arrays[: len(problem.wrt)], arrays[len(problem.wrt) : -1]
            values, gradients = fastvjp.vjp(lambda *wrt: fun(*wrt, *constants), wrt, arrays[-1:])
            results = [x._var for x in (*values, *gradients)]
            return recording.ready(results, given=len(inputs)).executable
        finally:
            switch(recording.before)
            recording.end()


def costs(problem: Problem, device: str) -> dict[str, int]:
    """Steps of the plan, kernels started for one vjp, bytes read and written, and the least that these can be."""
    from fastvjp.explain import least, nbytes

    found = executable(problem, device)
    steps = found.plan.steps
    return {
        "steps": len(steps),
        "kernels": sum(map(len, found.sources)),
        "bytes": sum(nbytes(step.reads) + nbytes(step.writes) for step in steps),
        "least_bytes": least(found.plan),
    }


def plans(sizes: Sequence[tuple[Workload, Size]], progress: Any) -> dict[str, Any]:
    """The costs of every workload, in float32, on every device, and why a device is missing."""
    names, missing = device_names()
    rows = []
    for workload, size in sizes:
        given = problem(workload, size, "float32")
        progress.set_postfix_str(f"{given.label}: plans")
        row = {"workload": workload.name, "size": dict(size), "dtype": given.dtype}
        rows.append({**row, "devices": {name: costs(given, name) for name in names}})
        progress.update()
    return {"rows": rows, "missing": missing}
