"""Memory that the GPU shares with the CPU, and arrays that lie in it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.avals import Aval, float32, float64
from ..devices.pool import Pool

ON_CPU = "the cpu device has no such limits: FASTVJP_DEVICE=cpu, or fastvjp.set_default_device('cpu')"
"""The way out of what a GPU cannot do, for messages."""
LARGEST = 1 << 32
"""Elements that 32-bit positions, with which kernels compute, can tell apart."""


def check_size(device: str, what: str, shape: tuple[int, ...]) -> None:
    """ValueError for too many elements; `what` says of which array or work."""
    if math.prod(shape) >= LARGEST:
        raise ValueError(
            f"[{device}] Expected fewer than 2**32 elements, which 32-bit positions can tell apart, got "
            f"{math.prod(shape)} in {what} of shape {shape}. Hint: work on parts of it, or on the cpu device."
        )


def held_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype in which values lie on this device, which has no float64."""
    return float32 if dtype == float64 else dtype


def nbytes(a: Aval) -> int:
    """Bytes of an array: at least a word, since Metal has no empty buffers."""
    return max(a.size * held_dtype(a.dtype).itemsize, 4)


class _Lease(np.ndarray):
    """All bytes of a buffer, the base of every view of it: when it dies the buffer is free."""

    pool: Pool[Any] | None = None
    buffer: Any = None

    def __del__(self) -> None:
        if self.pool is not None:
            self.pool.give_back(self.buffer, self.nbytes)


class _Bytes(np.ndarray):
    """Bytes of a buffer. Not a plain array: for one of those NumPy would pass over the lease as a view's base."""


class MetalBuffer:
    """An array in memory of the device, C-contiguous, that nobody writes to any more."""

    __slots__ = ("aval", "buffer", "device", "lease")

    layout: tuple[int, ...] | None = None

    def __init__(self, device: str, pool: Pool[Any], a: Aval) -> None:
        self.device = device
        self.aval = a
        size = nbytes(a)
        self.buffer = pool.take(size)
        self.lease = np.frombuffer(self.buffer, np.uint8, size).view(_Bytes).view(_Lease)
        self.lease.pool = pool
        self.lease.buffer = self.buffer

    def held(self) -> np.ndarray:
        """The values as they lie there, to be written before anybody else has the buffer."""
        a, dtype = self.aval, held_dtype(self.aval.dtype)
        return self.lease[: a.size * dtype.itemsize].view(dtype).reshape(a.shape).view(np.ndarray)

    def __reduce__(self) -> tuple[Any, ...]:
        from ..kernels.runtime.buffers import upload

        return upload, (
            np.array(self.numpy(), order="C"),
        )  # another process may have no GPU: to memory of the CPU

    def numpy(self) -> np.ndarray:
        """A read-only view, or a copy where the device holds another dtype."""
        values = self.held()
        if values.dtype != self.aval.dtype:
            values = values.astype(self.aval.dtype)
        values.flags.writeable = False
        return values

    def own(self) -> np.ndarray:
        """A copy: user code is no place for memory of the device."""
        return self.numpy().copy()
