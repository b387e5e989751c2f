"""Another process that tries what could end ours: the device when it is opened, then every new kernel.

metalcompute ends the process where Metal makes no pipeline of a kernel, and a broken driver may do that, or hang.
So a child opens the GPU first, tries its functions (probe.py) and says what it found; then it is given the text of
every new kernel, makes its pipeline, and answers. The two talk in lines of JSON through pipes.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from ...core import environment
from ...kernels.native import cache
from ..dispatch import Dispatch
from .probe import Finding, look, opened

SECONDS = 60.0
"""After which a child that does not answer is given up."""
DUMMY_BYTES = 1 << 16
"""Of each buffer in a trial: its words are zeros, so that no kernel does anything."""


class Trials:
    """A child process, started when it is needed, that opens the GPU and makes pipelines before we do.

    Args:
        opening: what `probe.opened` takes: which device, and with which settings.
        seconds: that it may take to answer.
    """

    def __init__(self, opening: dict[str, Any], seconds: float = SECONDS) -> None:
        self.opening, self.seconds = opening, seconds
        self._child: subprocess.Popen[str] | None = None
        self.lock = threading.Lock()

    def look(self) -> Finding:
        """What the GPU is and what does not work; RuntimeError that says how the child ended where it did."""
        with self.lock:
            answer = self._started()
        if isinstance(answer, str):
            raise RuntimeError(f"the process that tried the GPU {answer}")
        return Finding(**answer)

    def refuses(self, source: str, dispatch: Dispatch) -> str | None:
        """How the child ended when it made a pipeline of a text; None if it did not end."""
        known = self._known(source)
        if known is not None and known.exists():
            return None
        buffers = len(dispatch.arrays) + 1
        words = max(len(dispatch.numbers) + 2 * len(dispatch.scalars), 1)
        with self.lock:
            if self._child is None:
                answer = self._started()
                if isinstance(answer, str):
                    return answer
            found = self._asked({"source": source, "buffers": buffers, "words": words})
        if isinstance(found, str):
            return found
        if known is not None and found["ok"]:
            cache.store(known, b"")
        return None

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def _known(self, source: str) -> Any:
        """The file that says that a pipeline was made of a text here."""
        folder = cache.directory()
        if folder is None:
            return None
        there = repr((self.opening, platform.mac_ver()[0], platform.version(), source))
        return folder / ("pipeline-" + hashlib.sha256(there.encode()).hexdigest() + cache.SUFFIX)

    def _started(self) -> dict[str, Any] | str:
        if not sys.executable:
            return "could not be started: there is no sys.executable"
        command = [sys.executable, "-c", "from fastvjp.metal.runtime.child import serve; serve()"]
        places = os.pathsep.join([str(Path(__file__).parents[3]), *filter(None, sys.path)])
        variables = environment.with_variables({"FASTVJP_DEVICE": "cpu", "PYTHONPATH": places})
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=variables)
        return self._asked(self.opening)

    def _asked(self, question: dict[str, Any]) -> dict[str, Any] | str:
        """The answer, or how the child ended."""
        child = self._child
        assert child is not None and child.stdin is not None and child.stdout is not None
        late = threading.Timer(self.seconds, child.kill)
        late.start()
        try:
            child.stdin.write(json.dumps(question) + "\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            in_time = late.is_alive()
            late.cancel()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._child = None
        _, errors = child.communicate()
        if not in_time:
            return f"did not answer for {self.seconds:.0f} s: the driver hangs"
        last = (errors.strip().splitlines() or ["nothing was said"])[-1]
        return f"ended with code {child.returncode}: {last}"


def serve() -> None:
    """The child: it answers each line of its input by one of its output, until there is none."""
    gpu: Any = None
    error: type[Exception] = Exception
    for line in sys.stdin:
        question = json.loads(line)
        if gpu is None:
            gpu, error = opened(question)
            answer = look(gpu, question)._asdict()
        else:
            answer = {"ok": _made(gpu, error, question)}
        print(json.dumps(answer), flush=True)


def _made(gpu: Any, error: type[Exception], question: dict[str, Any]) -> bool:
    """Whether a text compiles; its pipeline is made by a run that does nothing, as all its words are zeros."""
    try:
        function = gpu.kernel(question["source"]).function("run")
        buffers = [gpu.buffer(bytes(DUMMY_BYTES)) for _ in range(question["buffers"])]
        run = function(1, *buffers, gpu.buffer(bytes(4 * question["words"])))
        del run
    except error:
        return False
    return True
