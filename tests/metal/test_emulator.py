"""Right shaders of every kind, through the emulator, against NumPy."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from fastvjp.metal import emulator

HEAD = "#include <metal_stdlib>\n#include <metal_simdgroup_matrix>\nusing namespace metal;\n"
SETTINGS = [
    {"mode": "full", "group": 1024},
    {"mode": "full", "group": 256},
    {"mode": "full", "group": 96},
    {"mode": "full", "group": 32, "fast_math": True},
    {"mode": "fast", "group": 1024},
    {"mode": "fast", "group": 96, "fast_math": True},
]


@pytest.fixture(params=SETTINGS, ids=lambda s: "-".join(str(v) for v in s.values()))
def device(request: pytest.FixtureRequest) -> emulator.Device:
    return emulator.Device(**request.param)


def call(device: emulator.Device, text: str, count: int, out: np.ndarray, *arguments: object) -> np.ndarray:
    """Run the kernel with a fresh buffer like `out` in front of the arguments."""
    function = device.kernel(HEAD + text).function("run")
    buffer = device.buffer(out.nbytes)
    function(count, buffer, *arguments)
    return np.frombuffer(buffer, out.dtype).reshape(out.shape)


ELEMENTWISE = """
namespace element {
template <typename T> inline T tanh_vjp(T g, T out) { return g * (T(1) - out * out); }
template <typename T> inline T relu(T x) { return select(T(0), x, x > T(0)); }
}
kernel void run(device float *out [[buffer(0)]], device const float *x [[buffer(1)]], constant uint *words [[buffer(2)]],
                uint i [[thread_position_in_grid]]) {
    if (i < words[0]) out[i] = element::tanh_vjp(x[i], precise::tanh(element::relu(x[i])));
}
"""


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
TYPES = {
    "bool": "?",
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "long": "i8",
    "ulong": "u8",
    "half": "f2",
    "float": "f4",
}


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
    np.testing.assert_array_equal(np.frombuffer(bins, np.int32), np.bincount(x, minlength=9))
    np.testing.assert_array_equal(np.frombuffer(most, np.uint32), [x.max(), np.bitwise_xor.reduce(x)])


def test_positions(device: emulator.Device) -> None:
    names = [
        "thread_position_in_grid", "thread_position_in_threadgroup", "thread_index_in_threadgroup",
        "threadgroup_position_in_grid", "threads_per_threadgroup", "threadgroups_per_grid", "threads_per_grid",
        "thread_index_in_simdgroup", "simdgroup_index_in_threadgroup", "simdgroups_per_threadgroup", "threads_per_simdgroup",
    ]  # fmt: skip
    parameters = ", ".join(f"uint p{k} [[{name}]]" for k, name in enumerate(names))
    body = " ".join(f"out[{len(names)} * p0 + {k}] = p{k};" for k in range(len(names)))
    text = f"kernel void run(device uint *out [[ buffer(0) ]], {parameters}, uint3 q [[thread_position_in_grid]]) {{ {body} if (q.x != p0 || q.y) out[0] = 1; }}"
    group = device.group
    i = np.arange(3 * group)
    local = i % group
    every = np.ones_like(i)
    columns = [
        i,
        local,
        local,
        i // group,
        group * every,
        3 * every,
        3 * group * every,
        i % 32,
        local // 32,
        group // 32 * every,
        32 * every,
    ]
    result = call(device, text, 2 * group + 1, np.empty((3 * group, len(names)), np.uint32))
    np.testing.assert_array_equal(result, np.stack(columns, 1))


LANGUAGE = """
#define TWICE(x) ((x) * 2)
constant float table[3] = {1.5, 2.5e0, 3.};
constant constexpr int four = 4;
[[maybe_unused]] constant float unused = 2;
struct Pair { float a; int b; };
struct Add { template <typename T> T operator()(T a, T b) const { return a + b; } };
template <typename T> T load(device const T *p, uint i) { return p[i]; }
template <typename T> T load(threadgroup const T *p, uint i) { return p[i] + T(1); }
template <typename T> T load(constant T *p, uint i) { return p[i]; }
template <typename T> T load(thread const T *p, uint i) { return p[i]; }
template <typename T, int N> struct Fixed { T values[N]; T sum() thread const { T s = 0; for (int k = 0; k < N; k++) s += values[k]; return s; } };
kernel void run(device float *out [[buffer(0)]], device const Pair *pairs [[buffer(1)]], constant Pair &pair [[buffer(2)]],
                device float4 *vectors [[buffer(3)]], uint i [[thread_position_in_grid]]) {
    threadgroup float s[2], t;
    threadgroup Pair shared[2];
    if (i == 0) {
        s[0] = 1.0; s[1] = 2; t = 3;
        Pair p = pairs[1];
        shared[0] = p;
        Pair q = shared[0];
        out[0] = p.a + p.b + q.b + pair.a;
        out[1] = load(table, 2) + load(s, 1) + load(&pairs[0].a, 0) + table[1];
        Add add;
        float private_[2] = {1, 2};
        out[2] = add(load(private_, 1), TWICE(1.25)) + four;
        float4 v = float4(1, 2.0, p.a, float(p.b)) * 2 + float4(1);
        float2 w = v.zw;
        vectors[0] = v;
        out[3] = dot_(w) + float4(int4(1, 2, 3, 4)).w;
        half h = 1.5h + half(0.25);
        out[4] = h;
        out[5] = as_type<float>(as_type<uint>(1.0f) + 1u);
        Fixed<float, 3> fixed;
        for (int k = 0; k < 3; k++) fixed.values[k] = k;
        out[6] = fixed.sum() + t;
        uint2 u = uint2(7u);
        out[7] = float(u.x + popcount(255u) + clz(1u) + ctz(8u)) + float(mulhi(0x80000000u, 4u));
        long big = 1l << 40;
        out[8] = float(big >> 38) + (isnan(NAN) || true ? 1.0 : 0.0) + numeric_limits<int>::max() * 0.0;
        thread float &r = private_[0];
        r = 1e1;
        out[9] = private_[0] + fma(2.0, 3.0, 4.0) + clamp(5, 1, 3) + min(1.0, 2.0) + fmod(7.5, 2.0);
    }
}
"""


def test_language(device: emulator.Device) -> None:
    text = "template <typename V> float dot_(V v) { return v.x * v.x + v.y * v.y; }\n" + LANGUAGE
    pairs = np.array([(1.0, 2), (3.0, 4)], [("a", "f4"), ("b", "i4")])
    vectors = device.buffer(16)
    result = call(device, text, 1, np.empty(10, np.float32), pairs, pairs[:1], vectors)
    np.testing.assert_array_equal(np.frombuffer(vectors, np.float32), [3, 5, 7, 9])
    expected = [
        3 + 4 + 4 + 1,
        3 + 3 + 1 + 2.5,
        4.5 + 4,
        49 + 81 + 4,
        1.75,
        np.nextafter(np.float32(1), 2),
        3 + 3,
        7 + 8 + 31 + 3 + 2,
        5,
        10 + 10 + 3 + 1 + 1.5,
    ]
    np.testing.assert_array_equal(result, np.array(expected, np.float32))


def test_functions_of_templates(device: emulator.Device) -> None:
    text = HEAD + """
    template <typename T> [[kernel]] void twice(device T *out [[buffer(0)]], uint i [[thread_position_in_grid]]) { out[i] *= T(2); }
    template [[host_name("twice_float")]] [[kernel]] void twice<float>(device float *out [[buffer(0)]], uint i [[thread_position_in_grid]]);
    template [[host_name("twice_int")]] kernel void twice<int>(device int *out [[buffer(0)]], uint i [[thread_position_in_grid]]);
    kernel void other(device int *out [[buffer(0)]]) { out[0] = 1; }
    """  # fmt: skip
    kernel = device.kernel(text)
    for name, dtype in {"twice_float": np.float32, "twice_int": np.int32}.items():
        buffer = device.buffer(np.arange(device.group, dtype=dtype))
        kernel.function(name)(device.group, buffer)
        np.testing.assert_array_equal(np.frombuffer(buffer, dtype), 2 * np.arange(device.group))
    with pytest.raises(emulator.error, match="Function not found"):
        kernel.function("twice")


FUNCTIONS = {
    "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh, "sqrt": np.sqrt,
    "exp2": np.exp2, "log2": np.log2, "log10": np.log10, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh,
    "atanh": np.arctanh, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "rint": np.rint, "fabs": np.abs, "sign": np.sign,
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(device: emulator.Device, rng: np.random.Generator, name: str) -> None:
    x = rng.uniform(0.01, 0.99, 100).astype(np.float16).astype(np.float32)
    text = f"""kernel void run(device float *out [[buffer(0)]], device const float *x [[buffer(1)]], device half *y [[buffer(2)]],
        uint i [[thread_position_in_grid]]) {{ if (i < 100) {{ out[i] = {name}(x[i]); y[i] = {name}(half(x[i])); }} }}"""
    halves = device.buffer(200)
    np.testing.assert_allclose(call(device, text, 100, x, x, halves), FUNCTIONS[name](x), rtol=1e-5, atol=1e-6)
    expected = FUNCTIONS[name](x)
    np.testing.assert_allclose(np.frombuffer(halves, np.float16), expected, rtol=1e-3, atol=1e-3)


def test_precise_functions_keep_nan_with_fast_math() -> None:
    text = """kernel void run(device uint *out [[buffer(0)]], device const float *x [[buffer(1)]], uint i [[thread_position_in_grid]]) {
        if (i < 4) out[i] = (as_type<uint>(precise::log(x[i])) & 0x7fffffffu) > 0x7f800000u; }"""
    x = np.array([-1, np.nan, 1, np.inf], np.float32)
    for fast_math in (False, True):
        result = call(emulator.Device(fast_math=fast_math), text, 4, np.empty(4, np.uint32), x)
        np.testing.assert_array_equal(result, [1, 1, 0, 0])


def test_documentation(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The example prints what docs/emulator.md says, but for line ends."""
    text = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text()
    code, shown = re.search(r"```python\n(.*?)```\n\n((?:    [^\n]*\n)+)", text, re.DOTALL).groups()
    for name in ("", "_GROUP", "_FAST_MATH"):
        monkeypatch.delenv("FASTVJP_EMULATOR" + name, raising=False)
    exec(code, {})
    assert capsys.readouterr().out.split() == shown.split()


def test_buffers() -> None:
    device = emulator.Device()
    values = np.arange(10, dtype=np.float32)
    buffer = device.buffer(values)
    view = np.frombuffer(buffer, np.float32)
    np.testing.assert_array_equal(view, values)
    view[3] = 7  # no copy
    assert np.frombuffer(buffer, np.float32)[3] == 7 and values[3] == 3
    assert memoryview(buffer).nbytes == 40
    assert np.isnan(np.frombuffer(device.buffer(8), np.float32)).all()
    assert np.isnan(np.frombuffer(device.buffer(8), np.float16)).all()
    assert not np.frombuffer(emulator.Device(mode="fast").buffer(8), np.uint8).any()
    del buffer
    assert view[3] == 7  # the view keeps the memory
    with pytest.raises(emulator.error):
        device.buffer(values[::2])


def test_the_same_text_is_compiled_once() -> None:
    device = emulator.Device()
    text = HEAD + ELEMENTWISE
    assert device.kernel(text) is device.kernel(text)


def test_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTVJP_EMULATOR", "fast")
    monkeypatch.setenv("FASTVJP_EMULATOR_GROUP", "64")
    monkeypatch.setenv("FASTVJP_EMULATOR_FAST_MATH", "1")
    device = emulator.Device()
    assert (device.mode, device.group, device.fast_math) == ("fast", 64, True)


def test_several_threads(rng: np.random.Generator) -> None:
    device = emulator.Device(mode="full", group=64)
    arrays = [rng.standard_normal(3000).astype(np.float32) for _ in range(4)]
    wrong = (
        HEAD
        + "kernel void run(device float *out [[buffer(0)]], uint i [[thread_position_in_grid]]) { out[i + 9999] = 1; }"
    )
    results: dict[int, bool] = {}

    def work(k: int) -> None:
        x = arrays[k]
        for _ in range(5):
            result = call(device, ELEMENTWISE + f"// {k}", x.size, x, x, np.uint32(x.size))
            results[k] = np.allclose(result, x * (1 - np.tanh(np.maximum(x, 0)) ** 2), rtol=1e-4, atol=1e-6)
            with pytest.raises(emulator.error, match="outside"):
                device.kernel(wrong).function("run")(64, device.buffer(4))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(range(4), True)


@pytest.mark.parametrize("damage", [False, True])
def test_cache(tmp_path: Path, damage: bool) -> None:
    """A second process compiles nothing; what is damaged is compiled again."""
    code = f"""
import sys
import numpy as np
from fastvjp.metal import emulator
from fastvjp.metal.emulator import compiler
runs = []
original = compiler._run
compiler._run = lambda *arguments: runs.append(1) or original(*arguments)
device = emulator.Device()
buffer = device.buffer(40)
device.kernel({HEAD + ELEMENTWISE!r}).function("run")(10, buffer, np.ones(10, np.float32), np.uint32(10))
assert abs(np.frombuffer(buffer, np.float32) - 0.4199743).max() < 1e-6
print(len(runs))
"""

    def compiled() -> int:
        environment = os.environ | {"FASTVJP_CACHE_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    first = compiled()
    assert first >= 2
    if damage:
        for path in tmp_path.iterdir():
            path.write_bytes(path.read_bytes()[:-9] + b"nonsense!")
    assert compiled() == (first if damage else 0)
