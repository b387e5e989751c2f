"""A GPU, or an emulated one, as a device of fastvjp."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ...core.avals import Aval, aval, float64
from ...core.program import Op
from ...core.warnings import PrecisionWarning
from ...devices.pool import Pool
from ...planning.plan import Plan
from ..dispatch import Dispatch
from ..elements.library import text
from ..memory import ON_CPU, MetalBuffer, check_size, held_dtype
from .child import Trials
from .executable import Executable

KEPT = 1 << 28
"""Bytes of memory that are kept while no array lies there."""


class MetalDevice:
    """What a device offers, through metalcompute.

    Args:
        name: of the device.
        gpu: a `metalcompute.Device`, or one with the same methods.
        error: the exception that it raises.
        kept: bytes of memory that are kept for further arrays.
        label: the GPU's own name, with what is known of it, for messages.
        forks: whether a process that is forked can go on with it.
        trials: another process that tries kernels first, or None.
    """

    def __init__(
        self,
        name: str,
        gpu: Any,
        error: type[Exception],
        kept: int = KEPT,
        *,
        label: str = "the emulator",
        forks: bool = True,
        trials: Trials | None = None,
    ) -> None:
        self.name = name
        self.gpu = gpu
        self.error = error
        self.pool = Pool(self.memory_of, kept)
        self.lock = threading.Lock()
        self.warned = False
        self.label = label
        self.trials = trials
        self._process = None if forks else os.getpid()
        self._kernels: dict[str, Any] = {}

    def dtype(self, dtype: np.dtype) -> np.dtype:
        """The dtype that an array of this one gets here."""
        if dtype == float64:
            self.warn_of_precision()
        return held_dtype(dtype)

    def repeats(self, op: Op) -> bool:
        """Whether an op can be part of a loop: none yet, they are run turn by turn."""
        return False

    def holds(self, dtype: np.dtype) -> bool:
        """It has no float64."""
        return held_dtype(dtype) == dtype

    def warn_of_precision(self) -> None:
        """Warn once that there is no float64."""
        if not self.warned:
            self.warned = True
            warnings.warn(
                f"The device {self.name} has no float64: such arrays become float32, and what is float64 by "
                f"NumPy's rules is computed in float32.",
                PrecisionWarning,
                stacklevel=2,
            )

    def check_process(self) -> None:
        """RuntimeError in a process that was forked after the device was opened."""
        if self._process not in (None, os.getpid()):
            raise RuntimeError(
                f"[{self.name}] This process was forked from one that had opened {self.label}, which Metal does "
                f"not survive. Hint: start processes by spawn (multiprocessing.set_start_method('spawn')), or use "
                f"the device first in the child; {ON_CPU}."
            )

    def memory_of(self, content: int | bytes) -> Any:
        """New memory of so many bytes, or with this content; MemoryError where there is none."""
        self.check_process()
        try:
            return self.gpu.buffer(content)
        except self.error as error:
            size = content if isinstance(content, int) else len(content)
            raise MemoryError(
                f"[{self.name}] No memory for {size} bytes on {self.label}: {error}. Hint: work on parts; "
                f"{ON_CPU}."
            ) from error

    def check(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        """ValueError for more elements than kernels can read."""
        check_size(self.name, f"an array, {dtype},", shape)

    def upload(self, array: np.ndarray) -> MetalBuffer:
        """A copy of an array in memory of the device; ValueError if it has more elements than kernels can read."""
        self.check(array.shape, array.dtype)
        made = self.empty(aval(array.shape, array.dtype))
        made.held()[...] = array
        return made

    def empty(self, a: Aval) -> MetalBuffer:
        """An array to be written by a plan."""
        return MetalBuffer(self.name, self.pool, a)

    def compile(self, plan: Plan) -> Executable:
        """Make a plan ready to run."""
        if any(a.dtype == float64 for a in (*plan.leaves, *plan.buffers)):
            self.warn_of_precision()
        return Executable(self, plan)

    def kernel(self, dispatch: Dispatch) -> Any:
        """The compiled kernel of a dispatch; RuntimeError with the compiler's words where there is none.

        The compiler is a service of the system that may be lost for a moment: what fails is tried once more. A
        pipeline that cannot be made would end the process: with `trials` another process makes it first.
        """
        self.check_process()
        source = "".join([text(stem) for stem in dispatch.library]) + dispatch.source
        with self.lock:
            found = self._kernels.get(source)
            if found is None:
                found = self._kernels[source] = self._made(source, dispatch)
            return found

    def _made(self, source: str, dispatch: Dispatch) -> Any:
        refused = self.trials and self.trials.refuses(source, dispatch)
        if refused:
            raise RuntimeError(
                f"[{self.name}] No kernel for {self.label} can be made of {_written(source)}: the process that "
                f"tried it {refused}. Hint: please report it with this file; {ON_CPU}."
            )
        try:
            return self.gpu.kernel(source).function("run")
        except self.error:
            pass
        try:
            return self.gpu.kernel(source).function("run")
        except self.error as error:
            raise RuntimeError(
                f"[{self.name}] The kernel `run` could not be compiled for {self.label}, tried twice. Its source "
                f"is {_written(source)}. {error}. Hint: if the text is not at fault, the system's compiler is "
                f"lost: start a new process; {ON_CPU}."
            ) from error


def _written(source: str) -> Path:
    """A file with a text, for whoever wants to look at it."""
    digest = hashlib.sha256(source.encode()).hexdigest()
    path = Path(tempfile.gettempdir()) / f"fastvjp-{digest[:16]}.metal"
    path.write_text(source)
    return path
