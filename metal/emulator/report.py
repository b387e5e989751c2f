"""What went wrong in a run, in words: kernel, buffer, thread, what was expected, and a hint."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .errors import error
from .runtime import Report
from .signature import Kernel, Parameter

# in the order of `enum kind` in runtime.h
KINDS = [
    "none",
    "outside",
    "misaligned",
    "race",
    "uninitialised",
    "never_written",
    "divergent_barrier",
    "missed_barrier",
    "inactive_lane",
    "divergent_matrix",
    "threadgroup_limit",
    "private_overrun",
    "array_index",
    "memory_fault",
    "arithmetic_fault",
    "other_fault",
    "timeout",
    "no_memory",
    "watchdog",
]
UNKNOWN = 0xFFFFFFFF


def missing_buffer(kernel: Kernel, parameter: Parameter, given: int) -> error:
    """A kernel was called with too few buffers."""
    return error(
        f"[metal] {kernel.name}: buffer {parameter.index} ({parameter.name}) is missing: {given} were given. "
        f"Hint: pass one for every [[buffer(n)]], in order."
    )


def nothing_written(kernel: Kernel, parameter: Parameter, count: int) -> error:
    """No thread wrote anything."""
    return error(
        f"[metal] {kernel.name}: none of the {count} threads wrote to a buffer, and buffer {parameter.index} "
        f"({parameter.name}) was never written. Hint: look at the bounds guard, and at the sizes that are bound."
    )


def bound_twice(kernel: Kernel, written: Parameter, other: Parameter) -> error:
    """A buffer that is written is bound to two parameters."""
    return error(
        f"[metal] {kernel.name}: one buffer is bound twice, to buffer {written.index} ({written.name}), which may "
        f"be written, and to buffer {other.index} ({other.name}). Hint: Metal's compiler takes it that buffers do "
        f"not overlap: copy, or write to another one."
    )


def describe(report: Report, kernel: Kernel, sizes: Sequence[int], group: int, count: int) -> error:
    """The exception for what the runtime reports of a run of `count` threads over buffers of these sizes."""
    text, hint = _Words(report, kernel, sizes, group, count).sentence()
    return error(f"[metal] {kernel.name}: {text}. Hint: {hint}.")


class _Words:
    def __init__(self, report: Report, kernel: Kernel, sizes: Sequence[int], group: int, count: int) -> None:
        self.report = report
        self.kernel = kernel
        self.sizes = sizes
        self.group = group
        self.count = count

    def sentence(self) -> tuple[str, str]:
        """What happened, and a hint."""
        return getattr(self, KINDS[self.report.kind])()

    @property
    def thread(self) -> str:
        return self._thread(self.report.thread, self.report.group)

    @property
    def other(self) -> str:
        if self.report.other == UNKNOWN:
            return "another thread"
        if self.report.other_group == UNKNOWN:
            return f"thread {self.report.other} of a threadgroup"
        return self._thread(self.report.other, self.report.other_group)

    def _thread(self, thread: int, group: int) -> str:
        return f"thread {group * self.group + thread} (number {thread} of threadgroup {group})"

    @property
    def place(self) -> str:
        """Bytes of a buffer or a threadgroup variable."""
        r = self.report
        where = f"{r.size} bytes at byte {r.offset} of" if r.size else f"at byte {r.offset} of"
        if r.buffer >= 0:
            names = [p.name for p in self.kernel.parameters if p.index == r.buffer]
            return (
                f"{where} buffer {r.buffer} ({names[0] if names else 'unused'}), which has {self.sizes[r.buffer]}"
            )
        return f"{where} threadgroup variable {r.name.decode()}" if r.name else "memory that is no buffer's"

    @property
    def verb(self) -> str:
        return "writes" if self.report.write & 1 else "reads"

    def outside(self) -> tuple[str, str]:
        number = self.report.group * self.group + self.report.thread
        if number >= self.count:
            threads = -(-self.count // self.group) * self.group
            hint = f"{self.count} threads are rounded up to {threads}, whole threadgroups: guard with if (i < n)"
        elif self.report.buffer < 0 and self.report.name:
            hint = (
                f"a threadgroup has {self.group} threads here and up to 1024 elsewhere: size its arrays for that"
            )
        else:
            hint = "compare indices, strides and sizes with what is bound"
        return f"{self.thread} {self.verb} outside: {self.place}", hint

    def misaligned(self) -> tuple[str, str]:
        return f"{self.thread} {self.verb} {self.place}: not a multiple of the type's size", "align it"

    def race(self) -> tuple[str, str]:
        before = "written" if self.report.write & 2 else "read"
        hint = "put a threadgroup_barrier with this memory's mem_flags between them"
        if self.report.other_group not in (self.report.group, UNKNOWN) or self.report.other == UNKNOWN:
            hint += "; threadgroups are ordered by separate dispatches only, or use atomics"
        return f"{self.thread} {self.verb} {self.place}, and {self.other} has {before} it: a race", hint

    def uninitialised(self) -> tuple[str, str]:
        hint = "threadgroup memory begins undefined in every threadgroup: write all that is read"
        return f"{self.thread} reads {self.place}, which no thread of the group has written", hint

    def never_written(self) -> tuple[str, str]:
        hint = "write all of it in an earlier run, or make the buffer from an array"
        return f"{self.thread} reads {self.place}, and nobody has ever written it", hint

    def divergent_barrier(self) -> tuple[str, str]:
        text = f"{self.thread} waits at another threadgroup_barrier than {self.other}"
        return text, "all threads of a group pass the same barriers: move it out of the branch or loop"

    def missed_barrier(self) -> tuple[str, str]:
        text = f"{self.thread} has ended, and {self.other} waits at a threadgroup_barrier"
        return text, "no early return in front of a barrier: put the guard around what it guards"

    def inactive_lane(self) -> tuple[str, str]:
        text = (
            f"{self.thread} asks lane {self.report.offset} for its value, which takes no part in the SIMD function"
        )
        return text, "call SIMD functions in all lanes of the simdgroup"

    def divergent_matrix(self) -> tuple[str, str]:
        text = f"{self.thread} is in a function on simdgroup matrices that other lanes of its simdgroup are not in"
        return text, "call them in all lanes of the simdgroup"

    def threadgroup_limit(self) -> tuple[str, str]:
        name = self.report.name.decode() if self.report.name else "?"
        text = f"threadgroup variables of {self.report.size} bytes or more, with {name}; {self.thread} declares it"
        return text, "32768 bytes is all the threadgroup memory there is"

    def private_overrun(self) -> tuple[str, str]:
        text = f"{self.thread} leaves the bounds of its own variables or arrays"
        return text, "check the indices of its arrays; all they may take here is 256 KiB"

    def array_index(self) -> tuple[str, str]:
        kind = re.findall("'([^']*)'", self.report.name.decode())[-1]  # the last one is what an alias stands for
        kind = re.sub(r"__\w+ ", "", kind)
        text = f"{self.thread} uses index {self.report.offset} of an array {kind} in line {self.report.line}"
        if self.report.thread >= 32 and self.report.offset >= 32:
            return text, f"a threadgroup has {self.group} threads here, and up to 1024 elsewhere"
        return text, "check the index, and the array's size"

    def memory_fault(self) -> tuple[str, str]:
        return f"{self.thread} touches {self.place}, and faults there", "run it in full mode, which says more"

    def arithmetic_fault(self) -> tuple[str, str]:
        return f"{self.thread} divides an integer by zero, or the least one by -1", "Metal's result is undefined"

    def other_fault(self) -> tuple[str, str]:
        return f"{self.thread} executes code that cannot be reached", "look for undefined behaviour"

    def timeout(self) -> tuple[str, str]:
        text = f"{self.thread} has not ended when the time limit passed"
        return text, "look for an endless loop, or give Device a larger time_limit"

    def watchdog(self) -> tuple[str, str]:
        return f"{self.thread} runs when the dispatch is ended, for it takes too long", "split the work"

    def no_memory(self) -> tuple[str, str]:
        return "there is no memory for threads' stacks", "free memory"
