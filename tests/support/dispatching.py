"""Runs dispatches of the Metal device one by one, on anything with the interface of metalcompute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastvjp.core.avals import Aval, aval
from fastvjp.core.layouts import Layout, contiguous_strides
from fastvjp.core.primitive import REGISTRY
from fastvjp.devices.operands import aval_of
from fastvjp.metal.dispatch import Dispatch
from fastvjp.metal.elements.library import text
from fastvjp.metal.memory import held_dtype
from fastvjp.metal.structural.calls import ERROR_STATE
from fastvjp.planning.plan import KernelStep, Operand, Scalar, View


class Memory:
    """Buffers and scalars under the numbers that operands have."""

    def __init__(self, device: Any) -> None:
        self.device = device
        self.values: list[Any] = []

    def operand(self, x: np.ndarray) -> View:
        """The memory behind an array, any view of a base that is all of it."""
        base = x
        while base.base is not None:
            base = base.base
        start = x.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        strides = tuple(s // x.itemsize for s in x.strides)
        self.values.append(self.device.buffer(base.ravel("K").astype(held_dtype(base.dtype)).tobytes() or 4))
        return View(len(self.values) - 1, x.dtype, Layout(x.shape, strides, start // x.itemsize))

    def scalar(self, value: Any, shape: tuple[int, ...], dtype: np.dtype) -> Scalar:
        """An operand of which every element is one value."""
        packed = np.asarray(value, np.float32 if dtype.kind == "f" else np.int64)
        self.values.append(np.frombuffer(packed.tobytes().ljust(8, b"\0"), np.int32))
        return Scalar(len(self.values) - 1, aval(shape, dtype))

    def allocate(self, a: Aval) -> View:
        """Memory that is full of ones, as words of bits, so that nothing can rely on it."""
        size = a.size * held_dtype(a.dtype).itemsize
        self.values.append(self.device.buffer(b"\xff" * max(size, 4)))
        return View(len(self.values) - 1, a.dtype, Layout(a.shape, contiguous_strides(a.shape)))

    def array(self, x: View) -> np.ndarray:
        """What a dense view holds."""
        n = int(np.prod(x.layout.shape))
        return np.frombuffer(self.values[x.buffer], held_dtype(x.dtype), n).reshape(x.layout.shape)

    def run(self, dispatches: list[Dispatch]) -> None:
        """Run the dispatches in order; raises what they have found wrong."""
        for d in dispatches:
            source = "".join(map(text, d.library)) + d.source
            state = [self.device.buffer(bytes(d.state + 4))]
            function = self.device.kernel(source).function("run")
            for part in range(d.parts):
                numbers = list(d.numbers)
                if part:
                    numbers[d.part[0]] += part * d.part[1]
                words = np.array([n & 0xFFFFFFFF for n in numbers], np.uint32).view(np.int32)
                words = np.concatenate([words, *(self.values[s.leaf] for s in d.scalars)])
                handle = function(d.count, *(self.values[v.buffer] for v in d.arrays), *state, words)
                del handle
            assert np.frombuffer(state[0], np.uint32)[-1] == d.parts, (
                "the last thread has said that it is the last"
            )
            if d.error is not None:
                assert d.state == ERROR_STATE
                status, _ = np.frombuffer(state[0], np.uint32)
                if status:
                    raise d.error(int(status))


Lower = Callable[..., list[Dispatch]]


def launch(device: Any, lower: Lower, name: str, *inputs: Any, **params: Any) -> np.ndarray:
    """The result of a structural primitive of arrays; a tuple (value, shape, dtype) stands for a scalar."""
    memory = Memory(device)
    operands: list[Operand] = [
        memory.scalar(x[0], x[1], np.dtype(x[2])) if isinstance(x, tuple) else memory.operand(x) for x in inputs
    ]
    out = memory.allocate(REGISTRY[name].infer(*map(aval_of, operands), **params))
    memory.run(lower(KernelStep(REGISTRY[name], params, operands, [out]), memory.allocate))
    return memory.array(out)
