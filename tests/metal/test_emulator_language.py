"""What the shading language has, through the emulator: positions, address spaces, templates, functions."""

from __future__ import annotations

import numpy as np
import pytest
from support.shaders import HEAD, call, held

from fastvjp.metal import emulator


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
    np.testing.assert_array_equal(held(vectors, np.float32), [3, 5, 7, 9])
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
        np.testing.assert_array_equal(held(buffer, dtype), 2 * np.arange(device.group))
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
    np.testing.assert_allclose(held(halves, np.float16), expected, rtol=1e-3, atol=1e-3)


def test_precise_functions_keep_nan_with_fast_math() -> None:
    text = """kernel void run(device uint *out [[buffer(0)]], device const float *x [[buffer(1)]], uint i [[thread_position_in_grid]]) {
        if (i < 4) out[i] = (as_type<uint>(precise::log(x[i])) & 0x7fffffffu) > 0x7f800000u; }"""
    x = np.array([-1, np.nan, 1, np.inf], np.float32)
    for fast_math in (False, True):
        result = call(emulator.Device(fast_math=fast_math), text, 4, np.empty(4, np.uint32), x)
        np.testing.assert_array_equal(result, [1, 1, 0, 0])


NOVELTIES = {
    "if constexpr": "template <typename T> T f(T x) { if constexpr (sizeof(T) > 4) return x; else return T(0); }",
    "fold": "template <typename... T> float f(T... x) { return (x + ...); }",
    "fold expression": "template <typename... T> float f(T... x) { return (... * x); }",
    "structured binding": "struct P { float a, b; }; float f(P p) { auto [a, b] = p; return a; }",
    "inline variable": "inline constant float X = 1.0f;",
    "nested namespace": "namespace a::b { inline float f() { return 1.0f; } }",
    "initialiser in an if": "float f(float x) { if (float y = 2 * x; y > 1) return y; return x; }",
}


@pytest.mark.parametrize("name", NOVELTIES)
def test_what_is_newer_than_metal(name: str) -> None:
    head = "#include <metal_stdlib>\nusing namespace metal;\n"
    with pytest.raises(emulator.error, match=rf"kernel:3: .*{name.rsplit(maxsplit=1)[-1]}.* is of C\+\+17"):
        emulator.Device().kernel(head + NOVELTIES[name])


def test_what_looks_like_it_is_taken() -> None:
    text = """
    constant constexpr uint N = 3;
    template <typename T> inline T sum(T x) { return x; }
    template <typename T, typename... More> inline T sum(T x, More... more) { return x + sum<T>(more...); }
    namespace own { namespace inner { inline float two() { return 2.0f; } } }
    namespace other = own::inner;
    kernel void run(device float *out [[buffer(0)]], uint i [[thread_position_in_grid]]) {
        auto two = other::two();
        if (i < N) out[i] = sum(1.0f, two, 3.0f);
    }
    """
    np.testing.assert_array_equal(call(emulator.Device(), text, 3, np.empty(3, np.float32)), 6)
