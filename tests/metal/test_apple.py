"""What Apple's devices do, by public records: docs/metal-hardware.md says which, and where they are from."""

from __future__ import annotations

import numpy as np
import pytest
from support.checks import forget
from support.emulating import on
from support.shaders import HEAD

import fastvjp as fv
from fastvjp.metal import emulator
from fastvjp.metal.runtime import gpu

pytest.importorskip("ziglang", reason="the emulator's compiler, of the extra `emulator`, is not installed")


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of all kernels that are made."""
    made: list[str] = []
    right = gpu.MetalDevice.kernel

    def kept(self: gpu.MetalDevice, dispatch: gpu.Dispatch) -> object:
        made.append(dispatch.source)
        return right(self, dispatch)

    monkeypatch.setattr(gpu.MetalDevice, "kernel", kept)
    forget()
    return made


# --- barriers in groups of 32 ----------------------------------------------------------------------------

EXCHANGE = """
kernel void run(device float *out [[buffer(0)]], uint i [[thread_index_in_threadgroup]],
                uint n [[threads_per_threadgroup]]) {{
    threadgroup float held[64];
    held[i] = float(i);
    threadgroup_barrier({flags});
    out[i] = held[n - 1 - i];
}}
"""


@pytest.mark.parametrize(
    ("group", "flags", "right"),
    [
        (64, "mem_flags::mem_threadgroup", True),
        (32, "mem_flags::mem_threadgroup", False),
        (32, "mem_flags::mem_device | mem_flags::mem_threadgroup", True),
    ],
)
def test_a_barrier_in_a_group_of_32_orders_no_threadgroup_memory(group: int, flags: str, right: bool) -> None:
    device = emulator.Device(mode="full")
    text = f"{HEAD}[[max_total_threads_per_threadgroup({group})]] {EXCHANGE.format(flags=flags)}"
    out = device.buffer(4 * group)
    if not right:
        with pytest.raises(emulator.error, match="held.*a race"):
            device.kernel(text).function("run")(group, out)
        return
    run = device.kernel(text).function("run")(group, out)
    del run
    np.testing.assert_array_equal(np.frombuffer(out, np.float32), np.arange(group)[::-1])


@pytest.mark.parametrize("columns", [9, 10, 31, 32, 33, 64, 100])
def test_rows_of_few_columns(columns: int, sources: list[str], rng: np.random.Generator) -> None:
    """A softmax, whose rows are combined by simdgroups without memory, or by threadgroups of 64 or more."""
    x = rng.normal(size=(37, columns)).astype(np.float32)
    with on("1024"):
        got = np.asarray(fv.softmax(fv.array(x), axis=-1))
    want = np.exp(x - x.max(-1, keepdims=True)) / np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    assert sources and all("max_total_threads_per_threadgroup(32)" not in text for text in sources)
    for text in sources:
        assert ("threadgroup_barrier" in text or "shared_" in text) == (columns > 32)
