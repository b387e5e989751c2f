"""Whether a GPU does what our kernels need: it is asked once, by another process (child.py), before it is used."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np

LANES = 32
THREADS = 64

TEXT = """
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
using namespace metal;

[[max_total_threads_per_threadgroup(64)]] kernel void run(
    device uint *out [[buffer(0)]], device const uint *given [[buffer(1)]],
    uint rank [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]],
    uint width [[threads_per_simdgroup]], uint group [[threadgroup_position_in_grid]]) {
    threadgroup uint held[64];
    threadgroup float factors[192];
    if (group > 0) return;
    const uint sum = simd_sum(lane + 1u);
    const uint before = simd_shuffle_up(rank + 1u, ushort(1));
    held[rank] = rank;
    factors[rank] = float(rank);
    factors[64 + rank] = rank % 8u == rank / 8u ? 2.0f : 0.0f;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    const uint other = held[63u - rank];
    if (rank < 32u) {
        simdgroup_float8x8 a, b, c = make_filled_simdgroup_matrix<float, 8, 8>(1.0f);
        simdgroup_load(a, factors, 8);
        simdgroup_load(b, factors + 64, 8);
        simdgroup_multiply_accumulate(c, a, b, c);
        simdgroup_store(c, factors + 128, 8);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    out[rank] = sum;
    out[64u + rank] = lane == 0u ? 0u : before;
    out[128u + rank] = other;
    out[192u + rank] = uint(factors[128u + rank]);
    out[256u + rank] = width;
    out[320u + rank] = as_type<uint>(as_type<float>(given[rank]) * as_type<float>(given[64u + rank]));
}
"""
"""What our kernels rely on, each by a threadgroup of two simdgroups."""

RANK = np.arange(THREADS, dtype=np.uint32)
WANTED = {
    "simd_sum": np.full(THREADS, LANES * (LANES + 1) // 2, np.uint32),
    "simd_shuffle_up": np.where(RANK % LANES == 0, 0, RANK),
    "a barrier between threads that exchange values": RANK[::-1],
    "a product of 8x8 matrices": 2 * RANK + 1,
    "the width of a simdgroup": np.full(THREADS, LANES, np.uint32),
}


def refused(system: str, machine: str) -> str | None:
    """Why a computer cannot have the device, or None."""
    if system != "darwin":
        return "Metal is macOS's; on other systems there is the device metal-emulator"
    if machine != "arm64":
        return (
            f"this Mac is not of Apple silicon ({machine}): GPUs of Intel and AMD have other simdgroups and no "
            f"8x8 matrices. Hint: use the cpu device, which FASTVJP_DEVICE=auto takes here"
        )
    return None


class Finding(NamedTuple):
    """What a GPU is.

    Its name, whether it is a virtual machine's, the bytes that it recommends to use at most, what does not work,
    and whether its float32 subnormals are zero.
    """

    name: str
    virtual: bool
    working_set: int
    wrong: list[str]
    flushes: bool


def opened(opening: dict[str, Any]) -> tuple[Any, type[Exception]]:
    """A `metalcompute.Device`, or with settings one of the emulator, and the exception that it raises."""
    if "emulator" not in opening:
        metalcompute: Any = importlib.import_module("metalcompute")
        return metalcompute.Device(), metalcompute.error
    from .. import emulator

    settings = dict(opening["emulator"])
    hardware = emulator.Hardware(**settings.pop("hardware", {}))
    faults = emulator.Faults(**settings.pop("faults", {}))
    return emulator.Device(**settings, hardware=hardware, faults=faults), emulator.error


def look(gpu: Any, opening: dict[str, Any]) -> Finding:
    """Run the probe; what an exception says is something that does not work."""
    name, working_set = described(gpu, opening)
    try:
        out = gpu.buffer(np.zeros(6 * THREADS, np.uint32))
        given = np.repeat(np.array([1e-40, 1.0], np.float32), THREADS)
        run = gpu.kernel(TEXT).function("run")(THREADS, out, given)
        del run
    except Exception as error:
        return Finding(name, "virtual" in name.lower(), working_set, [f"no kernel can be made: {error}"], False)
    found = np.frombuffer(out, np.uint32).reshape(6, THREADS)
    wrong = [
        f"{what} (it gives {got.tolist()[1:4]} ..., not {want.tolist()[1:4]} ...)"
        for (what, want), got in zip(WANTED.items(), found[:5], strict=True)
        if not np.array_equal(got, want)
    ]
    return Finding(name, "virtual" in name.lower(), working_set, wrong, not found[5].any())


def described(gpu: Any, opening: dict[str, Any]) -> tuple[str, int]:
    """The GPU's name and the bytes that it recommends to use at most."""
    if "emulator" in opening:
        return gpu.hardware.name, gpu.hardware.working_set or 0
    first: Any = importlib.import_module("metalcompute").get_devices()[0]
    return str(first.deviceName), int(first.recommendedWorkingSetSize)
