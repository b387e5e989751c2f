"""`explain`: what a vjp is made of, from the op list to the source and the time of every kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .arrays.array import array
from .core.program import Program
from .planning.plan import Call, FusedStep, KernelStep, LoopStep, Operand, Plan, Reduce, Scalar, Step, View
from .recording.recorder import Recording, switch
from .transforms.tree import flatten
from .transforms.vjp import vjp

SHOWN = 400
"""Lines of an op list that are shown, half of them from its end."""


@dataclass(frozen=True)
class StepReport:
    """One step of a plan as it ran.

    Args:
        step: the step.
        read: bytes of the elements that it reads, each counted once.
        written: bytes of the elements that it writes.
        sources: the kernels that it became, empty for what a library does.
        seconds: the shortest time that it took.
        device: where: "cpu" on another device for what that one cannot compute.
    """

    step: Step
    read: int
    written: int
    sources: tuple[str, ...]
    seconds: float
    device: str


@dataclass(frozen=True)
class Explanation:
    """What `explain` found; `print` it.

    Args:
        program: the op list that was planned, forward and backward.
        plan: its steps.
        reports: one for each step.
        least: bytes of what the plan is given and of its results, which any way of computing them must move.
    """

    program: Program
    plan: Plan
    reports: tuple[StepReport, ...]
    least: int

    def __str__(self) -> str:
        moved = sum(r.read + r.written for r in self.reports)
        seconds = sum(r.seconds for r in self.reports)
        ops = str(self.program).splitlines()
        if len(ops) > SHOWN:
            left = f"... {len(ops) - SHOWN} lines more, in all by `print(explanation.program)` ..."
            ops[SHOWN // 2 : -SHOWN // 2] = [left]
        lines = ["# op list", *ops, "", "# plan"]
        for i, report in enumerate(self.reports):
            lines += [f"step {i}: {_title(report.step)}", *_inside(report.step)]
            lines.append(
                f"    {_bytes(report.read)} read, {_bytes(report.written)} written, "
                f"{_time(report.seconds)} in {len(report.sources)} kernels on {report.device}"
            )
        lines.append(f"in all: {_bytes(moved)} moved, {_bytes(self.least)} at least; {_time(seconds)}")
        lines.append(f"memory at the peak, beside what is given: {_bytes(self.plan.memory)}")
        for i, report in enumerate(self.reports):
            for source in dict.fromkeys(report.sources):
                lines += ["", f"# kernel of step {i}", source.rstrip()]
        return "\n".join(lines)

    __repr__ = __str__


def explain(fun: Callable[..., Any], primals: Sequence[Any], cotangents: Sequence[Any]) -> Explanation:
    """How `vjp(fun, primals, cotangents)` is computed: op list, plan, bytes and time per step, kernel sources.

    Args:
        fun: as for `vjp`.
        primals: as for `vjp`; the kernels run on them to be timed.
        cotangents: as for `vjp`.

    Returns:
        An `Explanation` to be printed. Its times are the shortest of several runs.

    Raises:
        TypeError, ValueError: as `vjp`.

    Example:
        >>> import fastvjp
        >>> x = fastvjp.arange(1000.0)
        >>> made = fastvjp.explain(lambda x: fastvjp.sum(x * x), [x], [1.0])
        >>> [type(report.step).__name__ for report in made.reports]
        ['FusedStep']
    """
    recording = Recording()
    try:
        switch(recording.trace)
        outputs, vjps = vjp(fun, primals, cotangents)
        results = [leaf._var for leaf in flatten((outputs, vjps))[0] if isinstance(leaf, array)]
        ready = recording.ready(results)
        listing = recording.trace.listing()
        ops = listing.ancestors(results)
        made = {v for op in ops for v in op.outputs}
        inputs = dict.fromkeys(v for op in ops for v in op.inputs if v in listing.sources and v not in made)
        program = Program([v for v in inputs if v.value is not None], ops, results)
        profile = ready.executable.profile(ready.given(recording.trace.leaves))
    finally:
        switch(recording.before)
        recording.end()
    plan: Plan = ready.executable.plan
    reports = tuple(
        StepReport(step, *moved(step), profiled.sources, profiled.seconds, profiled.device)
        for step, profiled in zip(plan.steps, profile, strict=True)
    )
    return Explanation(program, plan, reports, least(plan))


def moved(step: Step) -> tuple[int, int]:
    """Bytes that a step reads and that it writes."""
    if isinstance(step, LoopStep):
        read, written = map(sum, zip(*map(moved, step.body.steps), strict=True))
        return step.trips * read, step.trips * written
    return nbytes(step.reads), nbytes(step.writes)


def least(plan: Plan) -> int:
    """Bytes of what a plan reads of its leaves and of its outputs, each counted once."""
    leaves = {o for step in plan.steps for o in step.reads if isinstance(o, View) and o.buffer < len(plan.leaves)}
    return nbytes(leaves) + nbytes(plan.outputs)


def nbytes(operands: Iterable[Operand]) -> int:
    """Bytes of the elements of these views; of several views of one buffer those of the largest."""
    found: dict[int, int] = {}
    for o in operands:
        if isinstance(o, View):
            elements = math.prod(n for n, s in zip(o.layout.shape, o.layout.strides, strict=True) if s)
            found[o.buffer] = max(found.get(o.buffer, 0), elements * o.dtype.itemsize)
    return sum(found.values())


def _title(step: Step) -> str:
    if isinstance(step, LoopStep):
        return f"a loop of {step.trips} turns"
    if isinstance(step, KernelStep):
        params = ", ".join(f"{k}={v}" for k, v in step.params.items())
        return f"{step.primitive.name} {params}".rstrip()
    return f"fused over {step.shape}" + (f", rows of {step.shape[step.rows :]}" if step.has_rows else "")


def _inside(step: Step) -> list[str]:
    if isinstance(step, LoopStep):
        steps = [[f"step {i}: {_title(inner)}", *_inside(inner)] for i, inner in enumerate(step.body.steps)]
        return [f"    {line}" for lines in steps for line in lines]
    lines = [
        f"    v{i} = {_operand(o)}"
        for i, o in enumerate(step.loads if isinstance(step, FusedStep) else step.reads)
    ]
    if isinstance(step, FusedStep):
        for i, e in enumerate(step.body, len(step.loads)):
            operands = ", ".join(
                [*(f"v{k}" for k in e.operands), *map(str, e.statics if isinstance(e, Call) else ())]
            )
            lines.append(f"    v{i} = {'reduce ' if isinstance(e, Reduce) else ''}{e.name}({operands})")
        for s in step.stores:
            lines.append(f"    {_operand(s.view)} = {f'{s.combine} over ' if s.combine else ''}v{s.value}")
        if step.then:
            lines += ["    then", *(f"    {line}" for line in _inside(step.then))]
    else:
        names = ["result"] if len(step.outputs) == 1 else step.primitive.outputs
        lines += [f"    {_operand(o)} = {name}" for o, name in zip(step.outputs, names, strict=True)]
    return lines


def _operand(o: Operand) -> str:
    if isinstance(o, Scalar):
        return f"scalar {o.leaf}: {o.aval.dtype}"
    part = "" if o.inside is None else f" inside {o.inside}"
    return f"buffer {o.buffer}: {o.dtype}, strides {o.layout.strides}{part}"


def _bytes(n: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if n < 1000:
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:.3g} GB"


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.3g} us" if seconds < 1e-3 else f"{seconds * 1e3:.3g} ms"


__all__ = ["Explanation", "StepReport", "explain"]
