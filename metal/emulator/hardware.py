"""What devices do that an emulator by itself does not, and faults: settings of `Device`, all off by default.

Each is something that public records tell of a device; docs/metal-hardware.md has them.
"""

from __future__ import annotations

from dataclasses import dataclass

SIMD = ("works", "zero", "refused")


@dataclass(frozen=True)
class Hardware:
    """How a device differs from what its language promises, or from what one would like.

    Args:
        flush: float32 subnormals are zero, in operands and results of all arithmetic and comparisons.
        regroup: SIMD functions combine lanes one after the other, from the last, not in pairs.
        late: a relaxed store to device memory is seen by other threadgroups after up to so many of their atomic
            accesses.
        simd: functions of a simdgroup work, or return zero, or no pipeline can be made that has them.
        max_buffer: bytes of the largest buffer.
        working_set: bytes of all buffers of a dispatch; one with more does nothing, and says nothing.
        operations: memory accesses after which a dispatch is ended, silently; counted in full mode.
        name: of the device.
    """

    flush: bool = False
    regroup: bool = False
    late: int = 0
    simd: str = "works"
    max_buffer: int | None = None
    working_set: int | None = None
    operations: int = 0
    name: str = "the emulator"

    def __post_init__(self) -> None:
        if self.simd not in SIMD:
            raise ValueError(f"[emulator] simd is {self.simd!r}. Expected: one of {', '.join(SIMD)}.")


@dataclass(frozen=True)
class Faults:
    """What goes wrong on a device. Dispatches and compiled texts are counted from 1, for each device.

    Args:
        drop: the dispatch of this number is not run, and nothing says so.
        ignore_from: from this number on no dispatch is, as by a driver that refuses a process after errors.
        compile_fails: as many texts, from the first one, are not compiled, as where the connection to the compiler
            is lost for a moment.
        compiler_lost_from: from the text of this number on none is.
        no_functions: as many libraries, from the first one, come without functions.
        pipeline_fails_from: from the dispatch of this number on no pipeline can be made, which ends the process.
        pipeline_lines: nor can one of a text of more lines.
        lost_by_fork: a process that is forked has no compiler.
    """

    drop: int = 0
    ignore_from: int = 0
    compile_fails: int = 0
    compiler_lost_from: int = 0
    no_functions: int = 0
    pipeline_fails_from: int = 0
    pipeline_lines: int = 0
    lost_by_fork: bool = False

    def drops(self, number: int) -> bool:
        """Whether the dispatch of this number does nothing."""
        return number == self.drop or 0 < self.ignore_from <= number

    def loses_compiler(self, number: int) -> bool:
        """Whether the compiler does not answer for the text of this number."""
        return number <= self.compile_fails or 0 < self.compiler_lost_from <= number

    def refuses_pipeline(self, number: int, lines: int) -> bool:
        """Whether no pipeline can be made for the dispatch of this number, of a text of so many lines."""
        return 0 < self.pipeline_fails_from <= number or 0 < self.pipeline_lines < lines
