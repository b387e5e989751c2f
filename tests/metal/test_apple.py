"""What Apple's devices do, by public records: docs/metal-hardware.md says which, and where they are from."""

from __future__ import annotations

import re

import numpy as np
import pytest
from support.checks import forget
from support.emulating import on
from support.shaders import HEAD, held

import fastvjp as fv
from fastvjp.kernels.elements import registry
from fastvjp.metal import emulator
from fastvjp.metal.elements import library
from fastvjp.metal.emulator import compiler
from fastvjp.metal.emulator.source import translate
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
        with pytest.raises(emulator.error, match=r"held.*a race"):
            device.kernel(text).function("run")(group, out)
        return
    run = device.kernel(text).function("run")(group, out)
    del run
    np.testing.assert_array_equal(held(out, np.float32), np.arange(group)[::-1])


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


# --- subnormal numbers are zero --------------------------------------------------------------------------

TINY = np.array([1e-40, 3e-45, 1.1e-38, 0.0, -0.0, -1e-40, -1.1e-38, 2e-38, 1.0, -1.0], np.float32)


@pytest.mark.parametrize("setting", ["flush", "apple", "1024"])
def test_logarithms_of_subnormal_numbers(setting: str) -> None:
    x = np.abs(TINY)
    with np.errstate(divide="ignore"), on(setting):
        for fun, want in ((fv.log, np.log), (fv.log2, np.log2), (fv.log10, np.log10)):
            np.testing.assert_allclose(np.asarray(fun(fv.array(x))), want(x.astype(np.float64)), rtol=1e-6)
        got = np.asarray(fv.array(x[:3]) ** 0.25)
        roots = np.asarray(fv.cbrt(fv.array(TINY)))
    np.testing.assert_allclose(got, x[:3].astype(np.float64) ** 0.25, rtol=1e-6)
    np.testing.assert_allclose(roots, np.cbrt(TINY.astype(np.float64)), rtol=1e-6)


COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]


@pytest.mark.parametrize("setting", ["flush", "apple", "1024"])
def test_comparisons_of_subnormal_numbers(setting: str) -> None:
    """Compared, selected, sorted and made bool they keep their values; so where they only move."""
    x, y = (a.reshape(-1) for a in np.meshgrid(TINY, TINY))
    with on(setting):
        a, b = fv.array(x), fv.array(y)
        for name in COMPARISONS:
            np.testing.assert_array_equal(
                np.asarray(getattr(fv, name)(a, b)), getattr(np, name)(x, y), err_msg=name
            )
        np.testing.assert_array_equal(np.asarray(fv.maximum(a, b)), np.maximum(x, y))
        np.testing.assert_array_equal(np.asarray(fv.minimum(a, b)), np.minimum(x, y))
        np.testing.assert_array_equal(np.asarray(fv.sign(a)), np.sign(x))
        np.testing.assert_array_equal(np.asarray(a.astype(bool)), x.astype(bool))
        np.testing.assert_array_equal(np.asarray(fv.where(a > 0, a, b)), np.where(x > 0, x, y))
        few = fv.array(TINY)
        np.testing.assert_array_equal(np.asarray(fv.sort(few)), np.sort(TINY))
        assert int(fv.argmax(few[:5])) == 2 and float(fv.max(few[:5])) == TINY[2] and float(fv.min(few)) == -1


def test_products_of_subnormal_numbers_are_zero_never_nan() -> None:
    """What documentation says is zero: but a strong zero stays one where the other factor is infinite."""
    tiny = np.float32(1e-40)
    with on("flush"):
        x = fv.array(np.array([tiny, tiny], np.float32))
        np.testing.assert_array_equal(np.asarray(x * 1e10), 0)
        (slope,) = fv.vjp(fv.log, [fv.array(np.zeros(2, np.float32))], [x])[1]
        np.testing.assert_array_equal(np.asarray(slope), 0)
        np.testing.assert_array_equal(np.asarray(fv.xlogy(x, fv.array(np.zeros(2, np.float32)))), 0)


def test_products_of_many_factors_do_not_lose_subnormal_ones() -> None:
    x = np.array([1e-40, 1e30, 3e-45, 2e35] + [1.0] * 60, np.float32)
    with on("flush"):
        got = np.asarray(fv.cumprod(fv.array(x)))
    want = np.cumprod(x.astype(np.float64))
    np.testing.assert_allclose(got[1:2], want[1:2], rtol=1e-5)
    np.testing.assert_allclose(got[3:], want[3:], rtol=1e-5, atol=1e-38)


# --- fast math -------------------------------------------------------------------------------------------


def test_what_fast_math_regroups() -> None:
    """Sums are added in any order: `fma` keeps what a rounding loses, a constant added to a constant does not."""
    x = np.linspace(-1, 1, 40001, dtype=np.float32)
    with on("apple"):
        got = np.asarray(fv.arccos(fv.array(x)))
        angle = np.asarray(fv.arctan2(fv.array(np.ones_like(x)), fv.array(-1 - np.abs(x))))
    for y, want in (
        (got, np.arccos(x.astype(np.float64))),
        (angle, np.arctan2(1.0, -1 - np.abs(x.astype(np.float64)))),
    ):
        error = np.abs(y - want) / np.spacing(np.maximum(np.abs(want), 1e-30).astype(np.float32))
        assert error[want > np.pi / 2 + 0.1].max() < 0.95  # with PI + PI_LOW folded it is 1.1


def test_remainders_next_to_multiples() -> None:
    """fmod in fast math is x - y * trunc(x / y): `precise::fmod` is exact."""
    x = np.array([20.0001, 1e8, 29.999998, -7.0], np.float32)
    y = np.array([10, 0.3, 10, 7], np.float32)
    with on("apple"):
        np.testing.assert_array_equal(np.asarray(fv.remainder(fv.array(x), fv.array(y))), np.remainder(x, y))


# --- what compilers get wrong ----------------------------------------------------------------------------

DIVISOR = re.compile(r"(?<![/*])[/%]=? *(\d+)[uUlL]*(?![\w.])")
LOOP = re.compile(r"(.*\n)? *for \(\w+ (\w+) = [^;]*;[^;]*;[^)]*\)")


def divisors(text: str) -> list[str]:
    """Literal divisors that are no powers of two: Apple's compiler makes wrong quotients of some."""
    plain = re.sub(r"//.*", "", text)
    return [m[0] for m in DIVISOR.finditer(plain) if int(m[1]) & (int(m[1]) - 1) or int(m[1]) == 0]


def indexed_at_run_time(text: str) -> list[str]:
    """Loops that index an array of the function's own and are not unrolled."""
    plain = re.sub(r"//.*", "", text)
    arrays = {name for names in PRIVATE_ARRAY.findall(plain) for name in names if name}
    found = []
    for m in LOOP.finditer(plain):
        body = plain[m.end() :]
        end = len(body)
        if body.lstrip().startswith("{"):
            depth = 0
            for i, c in enumerate(body):
                depth += (c == "{") - (c == "}")
                if depth == 0 and c == "}":
                    end = i
                    break
        else:
            end = body.index(";")
        used = [a for a in arrays if re.search(rf"\b{a}(\[\w+\])*\[[^\]]*\b{m[2]}\b", body[:end])]
        if used and "unroll(full)" not in (m[1] or ""):
            found.append(m[0].strip())
    return found


PRIVATE_ARRAY = re.compile(
    r"^ +(?:const )?(?:float|uint|int|E|type|simdgroup_float8x8|\w+::type) (\w+)(?:\[[\w:]+\])+(?:, (\w+)\[|)",
    re.M,
)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("uint a = i / 6;", 1),
        ("uint a = i % 65536;", 0),
        ("uint a = i / n % 3u;", 1),
        ("float a = x / 3.0f;  // or / 3", 0),
        ("a /= 10;", 1),
    ],
)
def test_literal_divisors_are_found(text: str, wrong: int) -> None:
    assert len(divisors(text)) == wrong


def test_loops_over_private_arrays_are_found() -> None:
    loop = "    float q[8];\n    for (uint j = 0; j < n; ++j) q[j] = 0.0f;\n"
    assert len(indexed_at_run_time(loop)) == 1
    assert not indexed_at_run_time(loop.replace("    for", "#pragma clang loop unroll(full)\n    for"))


@pytest.mark.parametrize("stem", library.stems())
def test_hand_written_texts(stem: str) -> None:
    text = library.text(stem)
    assert not divisors(text) and not indexed_at_run_time(text)
    for name, behind in re.findall(r"(\w+) = [^;]*simd_shuffle[^;]*;((?:[^;]*;){3})", text):
        assert not re.search(rf"\?[^;]*\b{name}\b", behind)  # a select of what is shuffled took the wrong side
    assert not re.search(r"(?<!::)\b(clamp|fmod)\(", text)  # of NaN only the precise ones are defined


def test_generated_texts(sources: list[str], rng: np.random.Generator) -> None:
    x = rng.normal(size=(60, 3, 7)).astype(np.float32)
    with on("1024"):
        a = fv.array(x)
        fv.vjp(lambda a: fv.sum(fv.softmax(a, axis=-1) * 3, axis=0), [a], [fv.ones((3, 7))])
        np.asarray(fv.sum(a * 2, axis=0)), np.asarray(fv.sum(a.reshape(-1, 5) * 2, axis=0))
        np.asarray(fv.pad(a, 2)[::2, 1:, ::-1] * 2), np.asarray(fv.matmul(a, fv.swapaxes(a, 1, 2)))
        np.asarray(fv.cumsum(a, axis=0)), np.asarray(fv.argmax(a, axis=1)), np.asarray(fv.tile(a, (3, 1, 1)))
    assert len(sources) > 8
    for text in sources:
        assert not divisors(text) and not indexed_at_run_time(text), text


def test_no_arithmetic_in_half() -> None:
    """One report has halves lose their fraction: they are computed as float."""
    own = [
        n
        for n in registry.ELEMENTS
        if len(set(registry.parameters(n)) - {"c", "dtype"}) == len(registry.parameters(n))
    ]
    kernels = ""
    for name in own:
        if name.startswith(("bitwise", "left_", "right_", "normalize")) or name in (
            "conjugate",
            "real",
            "imag",
            "angle_vjp",
        ):
            continue
        given = ", ".join("2" if p in ("n", "size", "sign") else "x[i]" for p in registry.parameters(name))
        kernels += f"kernel void {name}(device half *to [[buffer(0)]], device const half *x [[buffer(1)]], "
        kernels += f"uint i [[thread_position_in_grid]]) {{ to[i] = half(element::{name}({given})); }}\n"
    text, _ = translate("".join(library.text(stem) for stem in library.libraries(kernels)) + kernels)
    flags = [*compiler._flags(False, False, False), "-include", str(compiler.INCLUDE / "metal_stdlib.h")]
    plain = [*flags, "-S", "-emit-llvm", "-Xclang", "-disable-llvm-passes", "-o", "-", "-"]
    listing = compiler._clang(plain, text).decode()
    bodies = re.findall(r"^define .*?^}", listing, re.M | re.S)
    ours = [b for b in bodies if re.search(r"@_ZN(7element|6helper)", b.split("\n", 1)[0])]
    assert len(ours) > 100
    assert not [b.split("(", 1)[0] for b in ours if re.search(r"= f(add|sub|mul|div|neg|rem)\b.*\bhalf\b", b)]


def test_a_buffer_that_is_written_is_bound_once() -> None:
    """Metal's compiler takes it that no two parameters overlap."""
    text = f"{HEAD}kernel void run(device float *a [[buffer(0)]], device const float *b [[buffer(1)]], "
    text += "uint i [[thread_position_in_grid]]) { if (i < 8) a[i] = b[i]; }"
    device = emulator.Device()
    function, memory = device.kernel(text).function("run"), device.buffer(np.ones(8, np.float32))
    with pytest.raises(emulator.error, match="bound twice"):
        function(8, memory, memory)
    run = function(8, device.buffer(32), memory)
    del run


def test_sums_in_place_bind_their_memory_once(sources: list[str], rng: np.random.Generator) -> None:
    x = rng.integers(-9, 9, 9).astype(np.float32)

    def f(x: fv.array) -> fv.array:
        y = x * x
        y = y.at[2:5].add(x[:3])
        return y + y

    with on("1024"):
        got = np.asarray(fv.compile(f)(fv.array(x)))
    want = x * x
    want[2:5] += x[:3]
    np.testing.assert_array_equal(got, want + want)


def of_four(expression: str, x: list[float], fast_math: bool) -> np.float32:
    """What the emulator makes of an expression of four numbers."""
    text = f"{HEAD}kernel void run(device float *out [[buffer(0)]], device const float *x [[buffer(1)]], "
    text += f"uint i [[thread_position_in_grid]]) {{ if (i == 0) out[0] = {expression}; }}"
    device = emulator.Device(fast_math=fast_math)
    out = device.buffer(4)
    run = device.kernel(text).function("run")(1, out, np.array(x, np.float32))
    del run
    return np.float32(np.frombuffer(out, np.float32)[0])  # type: ignore[call-overload]


def test_the_runtime_compilers_own_case() -> None:
    """With fast math (a + b) + (c + d) may be added in any order: so much may a sum on the GPU be off."""
    x = [0.75, 0.25, 3 * 2**-26, 2**-25]
    as_written, one_by_one = np.float32(1) + np.float32(2**-23), np.float32(1)
    assert of_four("(x[0] + x[1]) + (x[2] + x[3])", x, fast_math=False) == as_written
    assert of_four("((x[0] + x[1]) + x[2]) + x[3]", x, fast_math=False) == one_by_one
    assert of_four("(x[0] + x[1]) + (x[2] + x[3])", x, fast_math=True) in (as_written, one_by_one)


def test_fast_remainders_are_as_wrong_as_a_gpus() -> None:
    """So that `precise::fmod`, which is exact, is needed."""
    x = [1e8, 0.3, 0, 0]
    exact = np.fmod(np.float32(1e8), np.float32(0.3))
    assert of_four("precise::fmod(x[0], x[1])", x, fast_math=True) == exact
    assert of_four("fmod(x[0], x[1])", x, fast_math=True) > 1


def test_a_network_learns_on_such_a_device(rng: np.random.Generator) -> None:
    """Groups of 96, fast math, subnormals as zero, other orders: its losses are those of the CPU."""
    x = rng.normal(size=(60, 8)).astype(np.float32)
    labels = (x @ rng.normal(size=(8, 10))).argmax(1)
    start = [0.3 * rng.normal(size=s).astype(np.float32) for s in ((8, 16), (16,), (16, 10), (10,))]

    def loss(*p: fv.array) -> fv.array:
        logits = fv.tanh(fv.array(x) @ p[0] + p[1]) @ p[2] + p[3]
        return fv.mean(fv.logsumexp(logits, axis=1) - fv.take_along_axis(logits, labels[:, None], axis=1)[:, 0])

    def losses() -> list[float]:
        p, found = [fv.array(a) for a in start], []
        step = fv.value_and_grad(loss, argnums=[0, 1, 2, 3])
        for _ in range(12):
            value, slopes = step(*p)
            p = [a - 0.5 * g for a, g in zip(p, slopes, strict=True)]
            found.append(float(value))
        return found

    want = losses()
    with on("apple"):
        got = losses()
    np.testing.assert_allclose(got, want, rtol=1e-4)
    assert got[-1] < 0.8 * got[0]
