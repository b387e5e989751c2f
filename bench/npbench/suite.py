"""Each program of the suite by two libraries, each in a process of its own, which take turns."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

import numpy as np

from ..measure import difference
from ..processes import fresh_caches
from .checkout import Program

LIMIT = 120
"""Seconds for the first call, for the check of gradients, and for all turns."""
MEMORY = 8 << 30
"""Bytes of data of a process."""
ROUNDS = 7
OURS, PLAIN, JAX = "fastvjp compiled", "fastvjp", "jax.jit"
READS = "TracedValueError"
"""What `compile` says of a program that reads values; without it there are gradients all the same."""
NO_GRADIENT = "no gradient"
"""What every library says of a program that has none."""


class Refused(Exception):
    """What a process says that has no answer."""


class Process:
    """A child and what it is asked."""

    def __init__(
        self, environment: dict[str, str], program: Program, size: str, library: str, folder: str
    ) -> None:
        names = [str(program.root.resolve()), program.name, size, library, folder, str(MEMORY)]
        command = [sys.executable, "-m", "bench.npbench.child", *names]
        root = Path(__file__).parent.parent.parent
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  closed at the exit
        self.process = subprocess.Popen(
            command, env=environment, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.kill()
        self.process.communicate()
        self.errors.close()

    def ask(self, command: str) -> Any:
        """The answer to a command.

        Raises:
            Refused: it is an error, there is none in time, or the process has died.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(f"{command}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Refused(self.died()) from None
        read, deadline = b"", time.monotonic() + LIMIT
        while not read.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                raise Refused(f"takes more than {LIMIT} s")
            part = os.read(self.process.stdout.fileno(), 4096)
            if not part:
                raise Refused(self.died())
            read += part
        answer = json.loads(read)
        if "refused" in answer:
            raise Refused(answer["refused"])
        return answer

    def died(self) -> str:
        """Why there is no process any more."""
        code = self.process.wait()
        self.errors.seek(0)
        last = self.errors.read().decode(errors="replace").strip().splitlines()[-1:] or [""]
        return f"dies with {code}: {last[0]}"[:300]


def measured(program: Program, size: str, seconds: float) -> dict[str, Any]:
    """A row of the table: what both libraries take, by how much they differ, and ours from differences."""
    row: dict[str, Any] = {"program": program.name, "size": size, "first_s": {}, "us": {}, "refused": {}}
    with fresh_caches() as environment, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        running: dict[str, Process] = {}

        def begin(library: str) -> None:
            process = stack.enter_context(Process(environment, program, size, library, folder))
            try:
                row["first_s"][library] = process.ask("first")["first_s"]
                running[library] = process
            except Refused as reason:
                row["refused"][library] = str(reason)

        begin(OURS)
        if row["refused"].get(OURS, "").startswith(READS):
            begin(PLAIN)
        for process in running.values():
            try:
                row["error"] = process.ask("check")["error"]
            except Refused as reason:
                row["refused"]["check"] = str(reason)
        if not row["refused"].get(OURS, "").startswith(NO_GRADIENT):
            begin(JAX)
        if len(running) == 2:
            row["differ"] = _differ(*[Path(folder, f"{library}.npz") for library in running])
        _take_turns(row, running, seconds)
    return row


def _differ(*files: Path) -> dict[str, float]:
    """The differences of values, and the largest of gradients."""
    ours, others = ([x for _, x in np.load(file).items()] for file in files)
    return {"value": difference(ours[:1], others[:1]), "gradients": difference(ours[1:], others[1:])}


def _take_turns(row: dict[str, Any], running: dict[str, Process], seconds: float) -> None:
    """The median of turns; there are fewer where calls are slow."""
    start, times = time.monotonic(), {library: list[float]() for library in running}
    for turn in range(ROUNDS):
        names = list(running)
        for library in names[turn % 2 :] + names[: turn % 2]:
            try:
                times[library].append(running[library].ask(f"turn {seconds / ROUNDS}")["us"])
            except Refused as reason:
                row["refused"][library] = str(reason)
                del running[library]
        if time.monotonic() - start > LIMIT / 4:
            break
    row["us"] = {library: median(found) for library, found in times.items() if found}
