"""Loops of the CPU device in plain Python, every access to memory checked: compiled, a wrong one is silent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest import mock

import numpy as np

from fastvjp.core.avals import Aval, aval
from fastvjp.kernels.loops import Loop
from fastvjp.kernels.native import jit
from fastvjp.kernels.native.pointers import PythonPointer
from fastvjp.planning.plan import View, dense

access = PythonPointer._at


class Memory:
    """Buffers, numbered as they are asked for, and which of their bytes a loop may touch as what."""

    def __init__(self) -> None:
        self.buffers: list[np.ndarray] = []

    def allocate(self, a: Aval) -> View:
        """A buffer, full of ones as bits."""
        return self.holding(np.frombuffer(b"\xff" * (a.size * a.dtype.itemsize), a.dtype).reshape(a.shape).copy())

    def holding(self, values: np.ndarray) -> View:
        """A buffer with these values."""
        self.buffers.append(np.ascontiguousarray(values))
        return dense(len(self.buffers) - 1, aval(values.shape, values.dtype))

    def run(self, loops: Sequence[Loop]) -> None:
        """Run loops; ValueError for an access outside of what a loop was given, or as numbers of another size."""
        for loop in loops:
            self._run(loop)

    def _run(self, loop: Loop) -> None:
        words = np.array([*(self._address(view) for view in loop.arrays), *loop.numbers], np.int64)
        given = [(words, words.itemsize), *((self.buffers[v.buffer], v.dtype.itemsize) for v in loop.arrays)]
        spans = [(x.ctypes.data, x.ctypes.data + x.nbytes, size) for x, size in given]

        def checked(pointer: PythonPointer, i: Any) -> np.ndarray:
            size = pointer.dtype.itemsize
            first = pointer.address + int(i) * size
            if not any(low <= first and first + size <= high and size == item for low, high, item in spans):
                inside = [f"{item} bytes" for low, high, item in spans if low <= first < high]
                where = f"in memory of numbers of {' or '.join(inside)}" if inside else "outside of its arrays"
                called = loop.source.splitlines()[-1].strip()
                raise ValueError(f"a kernel accesses {pointer.dtype} {where}: {called}")
            return access(pointer, i)

        code = jit.interpret_loop(loop.source)
        run, grain = jit.python_loop(code.address), loop.grain or max(loop.count, 1)
        with mock.patch.object(PythonPointer, "_at", checked):
            for start in range(0, loop.count, grain):
                run(words.ctypes.data, start, min(start + grain, loop.count))

    def _address(self, view: View) -> int:
        return self.buffers[view.buffer].ctypes.data + view.layout.offset * view.dtype.itemsize
