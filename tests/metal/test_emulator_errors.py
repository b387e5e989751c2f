"""Wrong shaders, one for each kind of mistake: the emulator finds it and names kernel, buffer and thread."""

from typing import Any

import numpy as np
import pytest
from support.shaders import held

from fastvjp.metal import emulator

HEAD = "#include <metal_stdlib>\nusing namespace metal;\n"
OUT = "device float *out [[buffer(0)]]"
X = "device const float *x [[buffer(1)]]"
I = "uint i [[thread_position_in_grid]]"  # noqa: E741
LOCAL = "uint local [[thread_position_in_threadgroup]]"
GROUP = "uint group [[threadgroup_position_in_grid]]"
LANE = "uint lane [[thread_index_in_simdgroup]]"
BARRIER = "threadgroup_barrier(mem_flags::mem_threadgroup);"


def kernel(parameters: list[str], body: str, before: str = "") -> str:
    return f"{HEAD}{before}\nkernel void run({', '.join(parameters)}) {{ {body} }}"


def run(text: str, count: int = 1024, out: int = 1024, **settings: Any) -> np.ndarray:
    """Run over `out` floats and 1024 random ones."""
    device = emulator.Device(**{"mode": "full", "group": 256, **settings})
    function = device.kernel(text).function("run")
    buffer = device.buffer(4 * out)
    function(count, buffer, np.random.default_rng().standard_normal(1024).astype(np.float32))
    return held(buffer, np.float32)


def fails(match: str, *arguments: Any, **settings: Any) -> str:
    with pytest.raises(emulator.error, match=match) as caught:
        run(*arguments, **settings)
    return str(caught.value)


ADD = kernel([OUT, X, I], "out[i] = x[i] + 1;")


def test_missing_guard() -> None:
    message = fails(
        r"\[metal\] run: thread 1000 .* outside: 4 bytes at byte 4000 of buffer 0 \(out\)", ADD, 1000, 1000
    )
    assert "1000 threads are rounded up to 1024" in message and "i < n" in message


@pytest.mark.parametrize("index", ["i + 1", "i - 1", "i + 4096", "i * 1000003u", "i - 123456u"])
def test_outside(index: str) -> None:
    # guarded accesses count too: the one past the end belongs to no buffer
    message = fails(r"outside: 4 bytes at byte -?\d+ of buffer", kernel([OUT, X, I], f"out[i] = x[{index}];"))
    assert "thread" in message and "reads" in message


def test_outside_on_the_other_side() -> None:
    text = kernel([OUT, X, I], "out[int(i) - 1] = x[i];")
    fails(r"run: thread 0 .*writes outside: 4 bytes at byte -4 of buffer 0 \(out\)", text)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 16, 100, 4096, 4097])
@pytest.mark.parametrize("mode", ["fast", "full"])
def test_small_buffers_have_their_size(size: int, mode: str) -> None:
    device = emulator.Device(mode=mode, group=32)
    text = HEAD + "kernel void run(device uchar *out [[buffer(0)]], constant uint &n [[buffer(1)]], " + I + ") {"
    function = device.kernel(text + "if (i < n) out[i] = i; }").function("run")
    buffer = device.buffer(size)
    function(size, buffer, np.uint32(size))
    np.testing.assert_array_equal(held(buffer, np.uint8), np.arange(size).astype(np.uint8))
    if mode == "full":
        with pytest.raises(emulator.error, match="outside"):
            function(size + 1, buffer, np.uint32(size + 1))


def test_fault_without_checks() -> None:
    # the first page belongs to nobody, while far behind a buffer there may be other memory of this process
    text = kernel([OUT, X, I], "if (i == 5) *(device float *)(ulong(i) * 16) = x[i];")
    fails(r"run: thread 5 .*faults", text, mode="fast")
    fails(r"buffer 0 \(out\)", kernel([OUT, X, I], "if (i == 5) out[2000] = x[i];"), mode="fast")


def test_barrier_behind_a_return() -> None:
    text = kernel([OUT, X, I], f"if (i >= 1000) return; {BARRIER} out[i] = x[i];")
    assert "early return" in fails(r"run: thread 1000 .*has ended, and thread 768", text, 1000, 1000)
    run(text, 512)


def test_divergent_barriers() -> None:
    text = kernel([OUT, X, I], f"if (i % 2 == 0) {{ {BARRIER} }} else {{ {BARRIER} out[i] = x[i]; }}")
    fails("run: thread 1 .*waits at another threadgroup_barrier than thread 0", text)


SHIFTED = "threadgroup float s[256]; s[local] = x[i]; {} out[i] = s[(local + 1) % 256];"


def test_missing_barrier() -> None:
    message = fails(r"threadgroup variable s", kernel([OUT, X, I, LOCAL], SHIFTED.format("")))
    assert "run: thread" in message
    text = "threadgroup float s[256]; s[local] = 0; {} s[local] = x[i]; {} out[i] = s[255 - local];"
    message = fails(r"writes .* of threadgroup variable s, and thread 127 .* has read it: a race",
                    kernel([OUT, X, I, LOCAL], text.format(BARRIER, "")))  # fmt: skip
    assert "threadgroup_barrier" in message
    run(kernel([OUT, X, I, LOCAL], text.format(BARRIER, BARRIER)))


def test_missing_second_barrier() -> None:
    """A write after other threads have read."""
    text = "threadgroup float s[256]; s[local] = x[i]; {0} float v = s[255 - local]; {1} s[local] = v; {0} out[i] = s[local];"
    message = fails(
        "reads .*threadgroup variable s, and thread .* has written it",
        kernel([OUT, X, I, LOCAL], text.format(BARRIER, "")),
    )
    assert "race" in message
    run(kernel([OUT, X, I, LOCAL], text.format(BARRIER, BARRIER)))


def test_barrier_of_the_wrong_memory() -> None:
    wrong = "threadgroup_barrier(mem_flags::mem_device);"
    fails("race", kernel([OUT, X, I, LOCAL], SHIFTED.format(wrong)))
    body = "out[i] = x[i]; {} float v = out[i ^ 1]; threadgroup_barrier(mem_flags::mem_device); out[i] = v;"
    fails(r"reads .*buffer 0 \(out\).*race", kernel([OUT, X, I], body.format(BARRIER)))
    run(kernel([OUT, X, I], body.format(wrong)))


def test_simdgroup_barrier_does_not_order_a_threadgroup() -> None:
    body = "threadgroup float s[256]; s[local] = x[i]; simdgroup_barrier(mem_flags::mem_threadgroup); out[i] = s[local ^ {}];"
    run(kernel([OUT, X, I, LOCAL], body.format(1)))
    fails("threadgroup variable s", kernel([OUT, X, I, LOCAL], body.format(64)))


def test_race_between_threadgroups() -> None:
    message = fails(r"run: thread 256 \(number 0 of threadgroup 1\) writes .*buffer 0 \(out\).*"
                    r"thread 0 \(number 0 of threadgroup 0\) has written it",
                    kernel([OUT, X, I, LOCAL], "out[local] = x[i];"))  # fmt: skip
    assert "separate dispatches" in message
    text = kernel(
        [OUT, X, I, LOCAL],
        "out[i] = x[i]; threadgroup_barrier(mem_flags::mem_device); if (i > 256) out[i] = out[0];",
    )
    fails(r"reads .*buffer 0 \(out\).*race", text)
    text = kernel([OUT, X, I], "if (i == 1023) out[0] = x[i]; else out[i] = i == 0 ? 0.0 : 1.0;")
    fails(r"run: thread 1023 .*writes", text)


def test_race_of_a_read_before_a_write_of_another_group() -> None:
    device = emulator.Device(mode="full", group=32)
    text = kernel(
        ["device float *x [[buffer(0)]]", "device float *out [[buffer(1)]]", I],
        "if (i == 64) x[5] = 1; else out[i] = x[5];",
    )
    function = device.kernel(text).function("run")
    with pytest.raises(
        emulator.error, match=r"thread 64 .*writes 4 bytes at byte 20 of buffer 0 \(x\).*has read it"
    ):
        function(96, np.ones(96, np.float32), device.buffer(400))


def test_race_with_atomics() -> None:
    text = HEAD + "kernel void run(device atomic_uint *out [[buffer(0)]], " + I + ") { {} }"
    device = emulator.Device(mode="full", group=64)
    start = np.zeros(4, np.uint32)

    def attempt(body: str) -> np.ndarray:
        buffer = device.buffer(start)
        device.kernel(text.replace("{}", body)).function("run")(200, buffer)
        return held(buffer, np.uint32)

    add = "atomic_fetch_add_explicit(out + 1, 1u, memory_order_relaxed);"
    assert attempt(add)[1] == 256
    with pytest.raises(emulator.error, match=r"buffer 0 \(out\).*race"):
        attempt(add + " if (i == 70) ((device uint *)out)[1] = 3;")


def test_uninitialised_threadgroup_memory() -> None:
    text = kernel(
        [OUT, X, I, LOCAL],
        f"threadgroup float s[256]; if (local != 7) s[local] = x[i]; {BARRIER} out[i] = s[local];",
    )
    message = fails("run: thread 7 .*reads 4 bytes at byte 28 of threadgroup variable s, which no thread", text)
    assert "undefined" in message
    text = kernel(
        [OUT, X, I, LOCAL, GROUP],
        f"threadgroup float s[256]; if (group == 0) s[local] = x[i]; {BARRIER} out[i] = s[local];",
    )
    fails("run: thread 256 ", text)
    text = kernel(
        [OUT, X, I, LOCAL],
        "threadgroup atomic_uint n; atomic_fetch_add_explicit(&n, 1u, memory_order_relaxed); out[i] = 0;",
    )
    fails("threadgroup variable n", text)
    fails("threadgroup variable s", kernel([OUT, I], "threadgroup float s; out[i] = s;"))


def test_unwritten_output_is_poison() -> None:
    result = run(kernel([OUT, X, I], "if (i != 3) out[i] = x[i];"))
    assert np.isnan(result[3]) and not np.isnan(np.delete(result, 3)).any()
    fails("was never written", kernel([OUT, X, I], "if (i > 5000) out[i] = x[i];"))


def test_reading_what_nobody_wrote() -> None:
    fails(r"run: thread 0 .*reads 4 bytes at byte 0 of buffer 0 \(out\), .*nobody has ever written",
          kernel([OUT, X, I], "out[i] += x[i];"))  # fmt: skip
    device = emulator.Device(mode="full", group=32)
    buffer = device.buffer(400)
    held(buffer, np.float32)[:] = 1  # the host's writing counts
    device.kernel(kernel([OUT, I], "if (i < 100) out[i] += 1;")).function("run")(100, buffer)
    np.testing.assert_array_equal(held(buffer, np.float32), 2)


def test_threadgroup_array_smaller_than_the_group() -> None:
    message = fails(
        r"run: thread 128 .*index 128 of an array float\[128\]",
        kernel([OUT, X, I, LOCAL], SHIFTED.replace("256", "128").format(BARRIER)),
    )
    assert "256 threads here" in message
    before = "template <typename T> void put(threadgroup T *s, uint at, T value) { s[at] = value; }"
    text = kernel(
        [OUT, X, I, LOCAL],
        f"threadgroup float s[128], t[128]; put(s, local, x[i]); put(t, local & 127, x[i]); {BARRIER} out[i] = s[local];",
        before,
    )
    fails("run: thread 128 .*(threadgroup variable s|index 128)", text)
    run(text.replace("128]", "256]").replace("local & 127", "local"))


def test_private_array_overrun() -> None:
    text = kernel([OUT, X, I], "float a[4] = {0, 0, 0, 0}; a[i / 100] = x[i]; out[i] = a[i % 4];")
    fails(r"run: thread 400 .*index 4 of an array float\[4\] in line 4", text)
    before = (
        "float sum(thread float *a, uint n) { float s = 0; for (uint k = 0; k < n; k++) s += a[k]; return s; }\n"
    )
    text = kernel(
        [OUT, X, I], "float a[4] = {0, 0, 0, 0}; a[i % 4] = x[i]; out[i] = sum(a, i == 999 ? 100000 : 4);", before
    )
    fails("run: thread 999 .*its own variables", text)


def test_too_much_private_memory() -> None:
    text = kernel([OUT, X, I], "float a[100000]; for (uint k = 0; k < 100000; k++) a[k] = x[i]; out[i] = a[i];")
    fails("run: thread 0 .*its own variables or arrays", text)
    fails("run: thread 0 .*its own variables or arrays", text, mode="fast")


def test_too_much_threadgroup_memory() -> None:
    text = kernel([OUT, X, I, LOCAL], f"threadgroup float s[8192]; s[local] = x[i]; {BARRIER} out[i] = s[local];")
    run(text)
    message = fails("run: threadgroup variables of 32772 bytes or more, with s", text.replace("8192", "8193"))
    assert "32768" in message
    fails("with t", text.replace("s[8192];", "s[8192]; threadgroup char t; t = 1;"))


@pytest.mark.parametrize("mode", ["fast", "full"])
@pytest.mark.parametrize(
    "body", ["while (i == 77) {}", "while (true) { if (i != 77) break; }", f"while (true) {{ {BARRIER} }}"]
)
def test_endless_loop(mode: str, body: str) -> None:
    fails(
        r"run: thread \d+ .*has not ended",
        kernel([OUT, X, I], body + " out[i] = x[i];"),
        mode=mode,
        time_limit=0.3,
    )


def test_integer_division_by_zero() -> None:
    text = (
        HEAD
        + "kernel void run(device int *out [[buffer(0)]], device const int *x [[buffer(1)]], "
        + I
        + ") { if (i < 8) out[i] = x[i] / x[i + 8]; }"
    )
    device = emulator.Device(mode="full")
    with pytest.raises(emulator.error, match=r"run: thread 3 .*divides an integer by zero"):
        device.kernel(text).function("run")(8, device.buffer(32), np.array([1] * 11 + [0] + [1] * 4, np.int32))


def test_results_appear_when_they_are_waited_for() -> None:
    device = emulator.Device(mode="full")
    function = device.kernel(kernel([OUT, X, I], "if (i < 100) out[i] = x[i] + 1;")).function("run")
    first, second = device.buffer(400), device.buffer(400)
    early, late = function(100, first, np.ones(100, np.float32)), None
    late = function(100, second, first)  # a run sees what an earlier one wrote
    assert np.isnan(held(first, np.float32)).all()
    assert np.isnan(held(second, np.float32)).all()
    del early
    assert (held(first, np.float32) == 2).all() and np.isnan(held(second, np.float32)).all()
    del late
    assert (held(second, np.float32) == 3).all()


def test_the_last_handle_waits_for_all() -> None:
    device = emulator.Device(mode="full")
    function = device.kernel(kernel([OUT, X, I], "if (i < 100) out[i] = x[i] + 1;")).function("run")
    first, second = device.buffer(400), device.buffer(400)
    runs = [function(100, first, np.ones(100, np.float32)), function(100, second, first)]
    runs.pop()
    assert (held(first, np.float32) == 2).all() and (held(second, np.float32) == 3).all()


def test_lanes_that_take_no_part() -> None:
    fails(
        "run: thread 0 .*asks lane 1 ",
        kernel([OUT, X, I, LANE], "float v = 0; if (lane != 1) v = simd_shuffle(x[i], 1); out[i] = v;"),
    )
    matrix = "simdgroup_float8x8 m; if (lane < 16) simdgroup_load(m, x); out[i] = 0;"
    fails("run: thread .*simdgroup matrices", kernel([OUT, X, I, LANE], matrix))


REFUSED = {
    "space mixed": (kernel([OUT, X, I], "thread float *p = out; p[0] = 1;"), "cannot initialize"),
    "constant written": (kernel([OUT, "constant float *c [[buffer(1)]]", I], "c[i] = 1;"), "cannot assign|read-only"),
    "const written": (kernel([OUT, X, I], "x[i] = 1;"), "cannot assign|read-only"),
    "space lost": (kernel([OUT, X, I], "device float *p = (device float *)&i; p[0] = 1;"), "address space"),
    "threadgroup for device": (
        kernel([OUT, X, I], "threadgroup float s[4]; f(s);", "void f(device float *p) { p[0] = 1; }"), "no matching"),
    "no space": (kernel([OUT, X, I], "float *p = 0;"), "kernel:4: pointer or reference to float without an address space"),
    "no space in a parameter": (kernel([OUT], "", "void f(float &x) { x = 1; }"), "address space"),
    "double": (kernel([OUT, X, I], "double d = x[i]; out[i] = d;"), "double"),
    "atomic_float": (kernel(["device atomic_float *out [[buffer(0)]]"], ""), "atomic_float"),
    "std": (kernel([OUT, X, I], "out[i] = std::exp(x[i]);"), "std"),
    "lambda": (kernel([OUT, X, I], "auto f = [&](float a) { return a; }; out[i] = f(x[i]);"), "lambda"),
    "bfloat": (kernel(["device bfloat *out [[buffer(0)]]"], ""), "bfloat"),
    "memory order": (
        kernel(["device atomic_int *out [[buffer(0)]]"], "atomic_store_explicit(out, 1, memory_order_seq_cst);"), "memory_order_seq_cst"),
    "no using": (kernel([OUT, X, I], "out[i] = exp(x[i]);").replace("using namespace metal;", ""), "undeclared identifier 'exp'"),
    "no include": (kernel([OUT, X, I], "").replace("#include <metal_stdlib>", ""), "metal_stdlib"),
    "other include": ('#include "other.h"\n' + kernel([OUT], ""), "kernel:1: 'other.h' file not found"),
    "no function of Metal's": (kernel([OUT, X, I], "out[i] = erf(x[i]);"), "erf"),
    "global variable": (kernel([OUT], "", "float y = 1;"), "address space"),
    "threadgroup in a helper": (kernel([OUT], "", "void f() { threadgroup float s[4]; s[0] = 1; }"), "in kernels only"),
    "initialised": (kernel([OUT], "threadgroup float s = 1; out[0] = s;"), "not initialised"),
    "no attribute": (kernel(["device float *out"], ""), "parameter out has no attribute"),
    "threadgroup argument": (kernel(["threadgroup float *s [[threadgroup(0)]]"], ""), "parameter s has the attribute threadgroup"),
    "value argument": (kernel(["float x [[buffer(0)]]"], ""), "no pointer or reference"),
    "same buffer": (kernel([OUT, "device float *y [[buffer(0)]]"], ""), "same"),
    "simd of long": (kernel([OUT, I], "out[i] = simd_sum(long(i));"), "8, 16 and 32 bits"),
    "uninitialised variable": (kernel([OUT, I], "float s; s += i; out[i] = s;"), "uninitialized"),
    "syntax": (kernel([OUT, I], "out[i] = ;"), "kernel:4:.*expected expression"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    text, match = REFUSED[name]
    with pytest.raises(emulator.error, match=match):
        emulator.Device(mode="fast").kernel(text)


def test_wrong_calls() -> None:
    device = emulator.Device()
    kernel = device.kernel(ADD)
    with pytest.raises(emulator.error, match="Function not found"):
        kernel.function("other")
    with pytest.raises(emulator.error, match=r"run: buffer 1 \(x\) is missing"):
        kernel.function("run")(1024, device.buffer(4096))
    with pytest.raises(emulator.error, match="Buffer not found"):
        kernel.function("run")(1024)
    for wrong in (0, -1, "text", None):
        with pytest.raises(emulator.error):
            device.buffer(wrong)
    with pytest.raises(emulator.error, match="32"):
        device.kernel(HEAD + "[[max_total_threads_per_threadgroup(16)]] kernel void run(" + OUT + ") {}").function(
            "run"
        )


@pytest.mark.parametrize(
    "settings", [{"mode": "both"}, {"group": 0}, {"group": 100}, {"group": 2048}, {"fast_math": 2}]
)
def test_wrong_settings(settings: dict) -> None:
    with pytest.raises(emulator.error, match="FASTVJP_EMULATOR"):
        emulator.Device(**settings)


def test_wrong_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"": "slow", "_GROUP": "many", "_FAST_MATH": "yes"}.items():
        monkeypatch.setenv("FASTVJP_EMULATOR" + name, value)
        with pytest.raises(emulator.error, match=rf"\[FASTVJP_EMULATOR{name}\].*{value}"):
            emulator.Device()
        monkeypatch.delenv("FASTVJP_EMULATOR" + name)
