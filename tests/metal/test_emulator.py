"""Right kernels of every kind, through the emulator, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from support.shaders import ELEMENTWISE, TYPES, call, held

from fastvjp.metal import emulator


@pytest.mark.parametrize("n", [1, 31, 1000, 5000])
def test_elementwise(device: emulator.Device, rng: np.random.Generator, n: int) -> None:
    x = rng.standard_normal(n).astype(np.float32)
    result = call(device, ELEMENTWISE, n, x, x, np.uint32(n))
    np.testing.assert_allclose(result, x * (1 - np.tanh(np.maximum(x, 0)) ** 2), rtol=1e-5, atol=1e-6)


STRIDED = """
template <typename T>
void copy(device T *out, device const T *x, constant int *words, uint i) {
    uint rows = words[0], columns = words[1];
    if (i < rows * columns) {
        uint row = i / columns, column = i % columns;
        out[i] = x[uint(words[2]) + row * uint(words[3]) + column * uint(words[4])];
    }
}
kernel void run(device TYPE *out [[buffer(0)]], device const TYPE *x [[buffer(1)]], constant int *words [[buffer(2)]],
                uint i [[thread_position_in_grid]]) { copy<TYPE>(out, x, words, i); }
"""


@pytest.mark.parametrize("name", TYPES)
def test_strided(device: emulator.Device, rng: np.random.Generator, name: str) -> None:
    x = rng.integers(0, 100, (7, 30)).astype(TYPES[name])
    expected = x[::-1, 3::2]
    words = np.array([*expected.shape, 6 * 30 + 3, -30, 2], np.int32)
    result = call(device, STRIDED.replace("TYPE", name), expected.size, expected, x, words)
    np.testing.assert_array_equal(result, expected)


SOFTMAX = """
kernel void run(device float *out [[buffer(0)]], device const float *x [[buffer(1)]], constant uint &columns [[buffer(2)]],
                constant uint &rows [[buffer(3)]], uint row [[threadgroup_position_in_grid]],
                uint local [[thread_position_in_threadgroup]], uint size [[threads_per_threadgroup]],
                uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]]) {
    threadgroup float part[32];
    threadgroup float total;
    if (row < rows) {
        device const float *in = x + row * columns;
        float top = -INFINITY;
        for (uint k = local; k < columns; k += size) top = max(top, in[k]);
        top = simd_max(top);
        if (simdgroup == 0) part[lane] = -INFINITY;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (lane == 0) part[simdgroup] = top;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (simdgroup == 0) {
            float all = simd_max(part[lane]);
            if (lane == 0) total = all;
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        top = total;
        float sum = 0;
        for (uint k = local; k < columns; k += size) sum += precise::exp(in[k] - top);
        sum = simd_sum(sum);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (simdgroup == 0) part[lane] = 0;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (lane == 0) part[simdgroup] = sum;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        sum = simd_sum(part[lane]);
        for (uint k = local; k < columns; k += size) out[row * columns + k] = precise::exp(in[k] - top) / sum;
    }
}
"""


@pytest.mark.parametrize("shape", [(1, 1), (3, 100), (5, 2000)])
def test_softmax_of_rows(device: emulator.Device, rng: np.random.Generator, shape: tuple[int, int]) -> None:
    x = rng.standard_normal(shape).astype(np.float32)
    rows, columns = shape
    text = SOFTMAX if not device.fast_math else SOFTMAX.replace("-INFINITY", "-3.0e38")
    result = call(device, text, rows * device.group, x, x, np.uint32(columns), np.uint32(rows))
    e = np.exp(x - x.max(1, keepdims=True))
    np.testing.assert_allclose(result, e / e.sum(1, keepdims=True), rtol=1e-5)


SIMD = """
kernel void run(device TYPE *out [[buffer(0)]], device const TYPE *x [[buffer(1)]],
                uint i [[thread_position_in_grid]], uint lane [[thread_index_in_simdgroup]]) {
    TYPE v = x[i];
    device TYPE *o = out + 14 * i;
    o[0] = simd_sum(v);
    o[1] = simd_product(v);
    o[2] = simd_min(v);
    o[3] = simd_max(v);
    o[4] = simd_prefix_inclusive_sum(v);
    o[5] = simd_prefix_exclusive_sum(v);
    o[6] = simd_broadcast(v, 5);
    o[7] = simd_broadcast_first(v);
    o[8] = simd_shuffle(v, 31 - lane);
    o[9] = simd_shuffle_xor(v, 7);
    o[10] = simd_shuffle_down(v, 3);
    o[11] = simd_shuffle_up(v, 3);
    o[12] = simd_shuffle_rotate_down(v, 3);
    o[13] = TYPE(simd_any(v > TYPE(1))) + TYPE(simd_all(v > TYPE(0))) * 2;
}
"""


@pytest.mark.parametrize("name", ["float", "int", "uint", "short", "uchar", "half"])
def test_simd_functions(device: emulator.Device, rng: np.random.Generator, name: str) -> None:
    n = device.group
    dtype = np.dtype(TYPES[name])
    x = np.ones((n // 32, 32), dtype)
    x[:, rng.permutation(32)[:8]] = 2
    lane = np.arange(32)
    result = call(device, SIMD.replace("TYPE", name), n, np.empty((n // 32, 32, 14), dtype), x)
    ones = np.ones_like(x)
    sums = np.cumsum(x, 1, dtype=dtype)
    expected = [
        ones * sums[:, -1:], ones * x.astype(np.float64).prod(1, keepdims=True).astype(np.int64).astype(dtype),
        ones * x.min(1, keepdims=True), ones * x.max(1, keepdims=True), sums, sums - x, ones * x[:, 5:6], ones * x[:, :1],
        x[:, ::-1], x[:, lane ^ 7], np.where(lane < 29, np.roll(x, -3, 1), x), np.where(lane >= 3, np.roll(x, 3, 1), x),
        np.roll(x, -3, 1), ones * (2 + (x > 1).any(1, keepdims=True)).astype(dtype),
    ]  # fmt: skip
    for column, values in enumerate(expected):
        np.testing.assert_array_equal(result[..., column], values, err_msg=str(column))


def test_simd_functions_in_some_lanes(device: emulator.Device) -> None:
    """Reductions are of the lanes that take part, in loops of different lengths too."""
    text = """
    kernel void run(device uint *out [[buffer(0)]], uint i [[thread_position_in_grid]], uint lane [[thread_index_in_simdgroup]]) {
        uint sum = 0;
        if (lane % 3 == 0) sum = simd_sum(lane);
        for (uint k = 0; k < lane / 8; k++) sum += 1000 * simd_sum(1u);
        out[i] = sum + 100000 * simd_sum(1u);
    }"""
    result = call(device, text, device.group, np.empty((device.group // 32, 32), np.uint32))
    lane = np.arange(32)
    loops = np.array([0, 24, 24 + 16, 24 + 16 + 8])[lane // 8]
    np.testing.assert_array_equal(
        result, np.tile(np.where(lane % 3 == 0, 165, 0) + 1000 * loops + 3200000, (len(result), 1))
    )


MATMUL = """
[[max_total_threads_per_threadgroup(64)]]
kernel void run(device TYPE *c [[buffer(0)]], device const TYPE *a [[buffer(1)]], device const TYPE *b [[buffer(2)]],
                constant uint &n [[buffer(3)]], uint group [[threadgroup_position_in_grid]],
                uint simdgroup [[simdgroup_index_in_threadgroup]], uint simdgroups [[simdgroups_per_threadgroup]],
                uint local [[thread_position_in_threadgroup]], uint size [[threads_per_threadgroup]]) {
    threadgroup TYPE tile[2 * 64];
    uint tiles = n / 8, t = group * simdgroups + simdgroup;
    uint row = t / tiles * 8, column = t % tiles * 8;
    simdgroup_matrix<TYPE, 8, 8> x, y, sum(TYPE(0));
    for (uint k = 0; k < n; k += 8) {
        if (t < tiles * tiles) {
            simdgroup_load(x, a + row * n + k, n);
            simdgroup_load(y, b, n, ulong2(k, column), true);  // b is transposed
            simdgroup_multiply_accumulate(sum, x, y, sum);
        }
    }
    simdgroup_store(sum, tile + 64 * simdgroup);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint k = local; k < simdgroups * 64; k += size) {
        uint t = group * simdgroups + k / 64, at = k % 64;
        if (t < tiles * tiles) c[(t / tiles * 8 + at / 8) * n + t % tiles * 8 + at % 8] = tile[k];
    }
}
"""


@pytest.mark.parametrize(("name", "tolerance"), [("float", 1e-5), ("half", 2e-2)])
def test_tiled_matmul(device: emulator.Device, rng: np.random.Generator, name: str, tolerance: float) -> None:
    n = 24
    a, b = rng.standard_normal((2, n, n)).astype(TYPES[name])
    result = call(device, MATMUL.replace("TYPE", name), 9 * 32, a, a, np.ascontiguousarray(b.T), np.uint32(n))
    expected = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(result, expected, rtol=tolerance, atol=10 * tolerance)


SCAN = """
kernel void run(device int *out [[buffer(0)]], device const int *x [[buffer(1)]], constant uint &n [[buffer(2)]],
                uint local [[thread_position_in_threadgroup]], uint size [[threads_per_threadgroup]],
                uint group [[threadgroup_position_in_grid]], uint simdgroup [[simdgroup_index_in_threadgroup]],
                uint lane [[thread_index_in_simdgroup]]) {
    threadgroup int sums[32];
    if (group == 0) {
        int before = 0;
        for (uint start = 0; start < n; start += size) {
            uint i = start + local;
            int v = simd_prefix_inclusive_sum(i < n ? x[i] : 0);
            if (lane == 31) sums[simdgroup] = v;
            threadgroup_barrier(mem_flags::mem_threadgroup);
            int all = 0;
            for (uint k = 0; k < size / 32; k++) {
                if (k < simdgroup) v += sums[k];
                all += sums[k];
            }
            if (i < n) out[i] = before + v;
            before += all;
            threadgroup_barrier(mem_flags::mem_threadgroup);
        }
    }
}
"""


@pytest.mark.parametrize("n", [1, 1000, 3333])
def test_scan(device: emulator.Device, rng: np.random.Generator, n: int) -> None:
    x = rng.integers(-9, 9, n).astype(np.int32)
    np.testing.assert_array_equal(call(device, SCAN, 1, x, x, np.uint32(n)), np.cumsum(x))


ATOMICS = """
template <typename A> void count(device A *bins, uint k) { atomic_fetch_add_explicit(&bins[k], 1, memory_order_relaxed); }
kernel void run(device int *unused [[buffer(0)]], device const int *x [[buffer(1)]], constant uint &n [[buffer(2)]],
                device atomic_int *bins [[buffer(3)]], device atomic_uint *most [[buffer(4)]],
                uint i [[thread_position_in_grid]], uint local [[thread_position_in_threadgroup]]) {
    threadgroup atomic_uint greatest;
    if (local == 0) atomic_store_explicit(&greatest, 0, memory_order_relaxed);
    if (i == 0) unused[0] = 0;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (i < n) {
        count(bins, x[i]);
        atomic_fetch_max_explicit(&greatest, uint(x[i]), memory_order_relaxed);
        uint old = atomic_load_explicit(most + 1, memory_order_relaxed);
        while (!atomic_compare_exchange_weak_explicit(most + 1, &old, old ^ uint(x[i]), memory_order_relaxed, memory_order_relaxed)) {}
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (local == 0) atomic_fetch_max_explicit(most, atomic_load_explicit(&greatest, memory_order_relaxed), memory_order_relaxed);
}
"""


def test_atomics(device: emulator.Device, rng: np.random.Generator) -> None:
    x = rng.integers(0, 9, 2000).astype(np.int32)
    bins, most = device.buffer(np.zeros(9, np.int32)), device.buffer(np.zeros(2, np.uint32))
    call(device, ATOMICS, x.size, np.empty(1, np.int32), x, np.uint32(x.size), bins, most)
    np.testing.assert_array_equal(held(bins, np.int32), np.bincount(x, minlength=9))
    np.testing.assert_array_equal(held(most, np.uint32), [x.max(), np.bitwise_xor.reduce(x)])
