"""What a gradient costs beside its function, in time and in bytes moved, for loops over rows and elements.

A gradient costs a small multiple of its function, at every size: a ratio that grows with the size is a mistake.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .measure import interleaved


def elements(x: Any) -> Any:
    """Sum of a function of each element."""
    return sum(np.tanh(x[i]) for i in range(len(x)))


def diagonal(a: Any) -> Any:
    """The same of a diagonal."""
    return sum(np.tanh(a[i, i]) for i in range(len(a)))


def rows(a: Any) -> Any:
    """Each row follows from the one before, in place."""
    a = a.copy()
    for i in range(1, len(a)):
        a[i] = np.tanh(a[i - 1])
    return np.sum(a)


def rows_as_values(a: Any) -> Any:
    """The same with values that never change."""
    found = [a[0]]
    for _ in range(1, len(a)):
        found.append(np.tanh(found[-1]))
    return np.sum(np.stack(found))


def onto_rows(a: Any) -> Any:
    """Each row adds to the next one."""
    a = a.copy()
    for i in range(1, len(a)):
        a[i] += np.sin(a[i - 1])
    return np.sum(a)


def columns(a: Any) -> Any:
    """Each column follows from the one before."""
    a = a.copy()
    for j in range(1, a.shape[1]):
        a[:, j] = np.sin(a[:, j - 1])
    return np.sum(a)


def halo(a: Any) -> Any:
    """Steps of diffusion, inside of fixed ends."""
    a = a.copy()
    for _ in range(20):
        a[1:-1] = 0.5 * (a[:-2] + a[2:])
    return np.sum(a * a)


LOOPS: dict[Callable[..., Any], list[tuple[int, ...]]] = {
    elements: [(100,), (500,), (2000,)],
    diagonal: [(100, 100), (200, 200), (400, 400)],
    rows: [(10, 1000), (40, 1000), (160, 1000)],
    rows_as_values: [(10, 1000), (40, 1000), (160, 1000)],
    onto_rows: [(10, 1000), (40, 1000), (160, 1000)],
    columns: [(1000, 10), (1000, 40)],
    halo: [(1000,), (100_000,)],
}
"""Loops, and sizes."""


def moved(fun: Callable[..., Any], x: np.ndarray) -> int:
    """Bytes that the steps of a function's plan read and write, those of each view by themselves."""
    import fastvjp
    from fastvjp import devices
    from fastvjp.planning.plan import LoopStep, Step, View
    from fastvjp.planning.planner import make_plan
    from fastvjp.recording.ready import strides, structure

    program = fastvjp.record(fun, x)
    leaves = structure(program.ops, program.outputs)[1]
    plan = make_plan(program.ops, program.outputs, leaves, strides(leaves), devices.current().repeats)

    def of(step: Step) -> int:
        if isinstance(step, LoopStep):
            return step.trips * sum(map(of, step.body.steps))
        views = [o for o in (*step.reads, *step.writes) if isinstance(o, View)]
        sizes = [[n for n, s in zip(v.layout.shape, v.layout.strides, strict=True) if s] for v in views]
        return sum(math.prod(size) * v.dtype.itemsize for size, v in zip(sizes, views, strict=True))

    return sum(map(of, plan.steps))


def gradients(seconds: float) -> list[dict[str, Any]]:
    """Microseconds and bytes of each loop, compiled, without and with its gradient."""
    import fastvjp

    found = []
    for fun, shapes in LOOPS.items():
        for shape in shapes:
            x = np.random.default_rng(0).uniform(-1, 1, shape)
            both = fastvjp.value_and_grad(fun)
            compiled = {"value": fastvjp.compile(fun), "both": fastvjp.compile(both)}
            calls = {name: (lambda f=f, x=x: f(x)) for name, f in compiled.items()}
            times = interleaved(calls, seconds / 5, rounds=3)
            found.append({
                "loop": fun.__name__,
                "shape": list(shape),
                "us": {name: times[name]["us"] for name in calls},
                "bytes": {"value": moved(fun, x), "both": moved(both, x)},
            })  # fmt: skip
    return found
