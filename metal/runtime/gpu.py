"""A GPU, or an emulated one, as a device of fastvjp."""

from __future__ import annotations

import hashlib
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
from ..memory import MetalBuffer, check_size, held_dtype
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
    """

    def __init__(self, name: str, gpu: Any, error: type[Exception], kept: int = KEPT) -> None:
        self.name = name
        self.gpu = gpu
        self.error = error
        self.pool = Pool(self.memory_of, kept)
        self.lock = threading.Lock()
        self.warned = False
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

    def memory_of(self, content: int | bytes) -> Any:
        """New memory of so many bytes, or with this content; MemoryError where there is none."""
        try:
            return self.gpu.buffer(content)
        except self.error as error:
            size = content if isinstance(content, int) else len(content)
            raise MemoryError(f"[{self.name}] No memory for {size} bytes: {error}") from error

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
        """The compiled kernel of a dispatch; RuntimeError with the compiler's words where there is none."""
        source = "".join([text(stem) for stem in dispatch.library]) + dispatch.source
        with self.lock:
            found = self._kernels.get(source)
            if found is None:
                try:
                    found = self.gpu.kernel(source).function("run")
                except self.error as error:
                    digest = hashlib.sha256(source.encode()).hexdigest()
                    path = Path(tempfile.gettempdir()) / f"fastvjp-{digest[:16]}.metal"
                    path.write_text(source)
                    raise RuntimeError(
                        f"[{self.name}] The kernel `run` could not be compiled. Its source is {path}. {error}"
                    ) from error
                self._kernels[source] = found
            return found
