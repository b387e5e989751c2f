"""What went wrong in a run, in words: kernel, buffer, thread, what was expected and a hint."""

from __future__ import annotations

from .errors import error
from .runtime import Report
from .source import Kernel, Parameter

KINDS = ["NONE", "OUTSIDE", "MISALIGNED", "RACE", "UNINITIALISED", "NEVER_WRITTEN", "DIVERGENT_BARRIER", "MISSED_BARRIER", "INACTIVE_LANE", "DIVERGENT_MATRIX", "THREADGROUP_LIMIT", "PRIVATE_OVERRUN", "ARRAY_INDEX", "MEMORY_FAULT", "ARITHMETIC_FAULT", "OTHER_FAULT", "TIMEOUT", "NO_MEMORY"]


def missing_buffer(kernel: Kernel, parameter: Parameter, given: int) -> error:
    """A kernel was called with too few buffers."""
    return error(
        f"[metal] {kernel.name}: buffer {parameter.index} ({parameter.name}) is missing; {given} were given. "
        f"Hint: pass a buffer for every [[buffer(n)]]."
    )


def describe(report: Report, kernel: Kernel, buffers: list, group: int, count: int) -> error:
    """The exception for a report."""
    return error(f"[metal] {kernel.name}: {KINDS[report.kind]} thread {report.group * group + report.thread}")
