"""The Metal device through the emulator: dtypes, large reductions, what falls back to the CPU, bad input."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from support.checks import forget, keep
from support.emulating import COLUMNS, GPU, device, drawn, on

import fastvjp as fv
from bench.libraries.ours import FastvjpCompiled
from bench.measure import difference, reference
from bench.workloads import WORKLOADS, problem
from fastvjp.devices import choice
from fastvjp.metal import emulated
from fastvjp.metal.fused import codegen, combining, grid
from fastvjp.metal.runtime import gpu

pytest.importorskip("ziglang", reason="the emulator's compiler, of the extra `emulator`, is not installed")


# --- values ----------------------------------------------------------------------------------------------


def _compiled(m: Any, fun: Callable[..., Any]) -> Callable[..., Any]:
    return fv.compile(fun) if m is fv else fun


REDUCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "all": lambda m, x: m.sum(x * x),
    "first axis": lambda m, x: m.sum(x * x, axis=0),
    "last axis": lambda m, x: m.sum(x * x, axis=-1),
    "middle axis": lambda m, x: m.sum(x.reshape(6, -1, x.shape[-1]) * 2, axis=1),
    "few columns": lambda m, x: m.sum(x.reshape(-1, 5) * 2, axis=0),
    "largest": lambda m, x: m.max(x) + m.min(x) + m.max(x * 3, axis=0)[0],
    "what follows": lambda m, x: _compiled(m, lambda x: m.sum(x * x) / 4 + m.max(x))(x),
    "first of three axes": lambda m, x: _compiled(m, lambda x: m.sum(x[:, :5, None] * x[:, None, :7], axis=0))(x),
    "any row": lambda m, x: m.sum(m.max(x, axis=1) * m.sum(x, axis=1)),
    "any and all": lambda m, x: m.any(x > 8, axis=0).astype("float32") + m.all(x > -9).astype("float32"),
}


def check_reduction(name: str, setting: str, rng: np.random.Generator) -> None:
    """Whole numbers, whose sums are exact, more than one threadgroup combines."""
    x = rng.integers(-9, 10, (300, 70)).astype(np.float32)
    assert x.size > grid.SERIAL
    with on(setting):
        got = np.asarray(REDUCTIONS[name](fv, fv.array(x)))
    np.testing.assert_array_equal(got, REDUCTIONS[name](np, x))


@pytest.mark.parametrize("setting", [*COLUMNS, GPU])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_large_reductions(name: str, setting: str, rng: np.random.Generator) -> None:
    check_reduction(name, drawn(setting, rng), rng)


MISTAKES = {
    "all": (combining.OverRows, "slot", lambda self, i: 1),
    "first axis": (combining.OverRows, "own", lambda self, i: f"acc{i}[j]" if i in self.accumulated else f"q{i}"),
    "middle axis": (grid.Kind, "IRREGULAR", grid.Kind.ROW),
    "few columns": (combining, "over_team", lambda *_: ""),
}
"""Mistakes, by the reduction that goes wrong."""


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(name: str, rng: np.random.Generator) -> None:
    owner, attribute, wrong = MISTAKES[name]
    replaced = patch.object(owner, attribute, wrong)
    if owner is grid.Kind:
        replaced = patch.object(grid, "_kind", lambda *args, right=grid._kind: _regular(right(*args)))
    forget()
    with replaced, pytest.raises((AssertionError, RuntimeError)):
        check_reduction(name, "fresh", rng)


def _regular(kind: grid.Kind) -> grid.Kind:
    return grid.Kind.ROW if kind is grid.Kind.IRREGULAR else kind


@pytest.mark.parametrize("setting", ["1024", "apple"])
@pytest.mark.parametrize("name", WORKLOADS)
def test_workloads(name: str, setting: str) -> None:
    workload = WORKLOADS[name]
    stated = problem(workload, workload.quick, "float32")
    expected = reference(stated)
    with on(setting):
        library = FastvjpCompiled()
        assert difference(library.numpy(library.build(stated)()), expected) < 1e-5


@pytest.mark.parametrize(
    ("name", "most"), [("chain", 1), ("black_scholes", 1), ("layernorm_gelu", 2), ("mlp", 8), ("kmeans", 5)]
)
def test_dispatches(name: str, most: int) -> None:
    made: list[Any] = []
    ready = gpu.MetalDevice.compile
    stated = problem(WORKLOADS[name], WORKLOADS[name].quick, "float32")
    with on("1024"), patch.object(gpu.MetalDevice, "compile", lambda *args: keep(made, ready(*args))):
        forget()
        FastvjpCompiled().build(stated)()
    assert sum(len(part.launches) for part in made[-1].parts) <= most


# --- dtypes ----------------------------------------------------------------------------------------------


def test_float64_becomes_float32_with_one_warning(rng: np.random.Generator) -> None:
    x = rng.normal(size=5)
    made = emulated.emulated("emulator float64")
    token = choice._chosen.set(made)
    try:
        with pytest.warns(fv.PrecisionWarning, match="no float64") as caught:
            y = fv.sin(fv.array(x))
            z = fv.sin(fv.array([1, 2])) + np.float64(1)
        assert len(caught) == 1
        assert y.dtype == np.float32 and z.dtype == np.float64  # NumPy's rule for integers, held as float32
        np.testing.assert_allclose(np.asarray(y), np.sin(x), rtol=1e-6)
        np.testing.assert_allclose(np.asarray(z), np.sin([1, 2]) + 1, rtol=1e-6)
    finally:
        choice._chosen.reset(token)


def test_complex_numbers_fall_back_to_the_cpu(rng: np.random.Generator) -> None:
    x = rng.normal(size=4).astype(np.float32)

    def f(x: Any) -> Any:
        return fv.sum(fv.abs(fv.exp(1j * x) + x) * x)

    with on("1024"):
        value, gradient = fv.value_and_grad(f)(x)
        shown = fv.explain(f, [x], [1.0])
    expected, slope = fv.value_and_grad(f)(x.astype(np.float64))
    np.testing.assert_allclose(np.asarray(value), np.asarray(expected), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(gradient), np.asarray(slope), rtol=1e-4, atol=1e-5)
    assert "on cpu" in str(shown) and {report.device for report in shown.reports} >= {"cpu"}


def test_arrays_of_the_cpu_in_any_layout(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4, 5)).astype(np.float32)
    views = [fv.array(x).transpose(2, 0, 1), fv.array(x)[:, ::-1, 1:], fv.broadcast_to(fv.array(x[0]), (2, 4, 5))]
    with on("1024"):
        for view in views:
            np.testing.assert_array_equal(np.asarray(view * 2), np.asarray(view) * 2)
            with fv.device("cpu"):
                np.testing.assert_array_equal(np.asarray(view * 2), np.asarray(view) * 2)


# --- bad input -------------------------------------------------------------------------------------------


def test_calls_after_wrong_indices_are_right(rng: np.random.Generator) -> None:
    x = rng.normal(size=7).astype(np.float32)
    with on("1024"):
        f = fv.compile(lambda x, i, j: x[i] * x[j])
        wrong, good = np.array([1, 9]), np.array([2, 3])
        for _ in range(2):
            with pytest.raises(IndexError, match="out of range for an axis of size 7"):
                f(x, wrong, wrong)
        np.testing.assert_array_equal(np.asarray(f(x, good, good)), x[good] ** 2)


def test_a_kernel_that_does_not_compile() -> None:
    def wrong(*arguments: Any) -> Any:
        (made,) = right(*arguments)
        return [type(made)(**{**made.__dict__, "source": made.source + "nonsense"})]

    right = codegen.lower
    with on("1024"), patch.object(codegen, "lower", wrong), pytest.raises(RuntimeError) as caught:
        forget()
        fv.exp(fv.ones(3) * 1.5)
    message = str(caught.value)
    path = message.split("Its source is ")[1].split(". ", maxsplit=1)[0]
    assert "nonsense" in message
    with open(path) as file:
        assert "element" in file.read()
    os.remove(path)


def test_a_fault_names_the_ops() -> None:
    made = device("1024")
    with on("1024"):
        f = fv.compile(lambda x: fv.tanh(x) * 3)
        x = fv.ones(2000)
        f(x)

        def out_of_bounds(self: Any, *arguments: Any, start: Any = emulated.emulator.Function.__call__) -> Any:
            return start(self, arguments[0], *[made.memory_of(bytes(4)) for _ in arguments[1:-1]], arguments[-1])

        with (
            patch.object(emulated.emulator.Function, "__call__", out_of_bounds),
            pytest.raises(RuntimeError, match=r"tanh, multiply.*outside"),
        ):
            f(x)
        np.testing.assert_allclose(np.asarray(f(x)), np.tanh(1) * 3, rtol=1e-5)


N = 1 << 16
TOO_LARGE: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "a result": (lambda x, y: fv.exp(x[:, None]) * y, "in a result of multiply, float32, of shape"),
    "a result in another layout": (lambda x, y: fv.ones((N, N)) + fv.sum(x), "a result of .*, of shape"),
    "a result that is one number": (lambda x, y: fv.ones((N, N)) + 1, "a result of .*, of shape"),
    "a result of a kernel": (
        lambda x, y: fv.matmul(fv.broadcast_to(x[:, None], (N, 2)), fv.broadcast_to(y, (2, N))),
        "in a result of matmul, float32, of",
    ),
    "what is only summed": (
        fv.compile(lambda x, y: fv.sum(fv.exp(x[:, None]) * y)),
        "elements over which .*multiply.* goes",
    ),
    "a gradient": (
        lambda x, y: fv.vjp(lambda x: fv.sum(fv.tanh(x[:, None] * y), axis=0), [x], [y])[1][0],
        "elements over which .*tanh.* goes",
    ),
    "input": (lambda x, y: fv.array(np.broadcast_to(np.float32(1), (N, N))), "in an array, float32, of shape"),
}
"""What has 2**32 elements or more, and which of it the error names."""


@pytest.mark.parametrize("name", TOO_LARGE)
def test_too_many_elements_are_an_error_before_anything_is_allocated(name: str) -> None:
    fun, named = TOO_LARGE[name]
    metal = device("1024")
    small = np.ones(N, np.float32)

    def memory_of(content: int | bytes) -> Any:
        assert (
            content if isinstance(content, int) else len(content)
        ) <= 2 * small.nbytes  # matrices of two columns
        return allocate(content)

    allocate = metal.memory_of
    with on("1024"), patch.object(metal, "memory_of", memory_of), patch.object(metal.pool, "make", memory_of):
        x, y = fv.array(small), fv.array(small)
        with pytest.raises(
            ValueError, match=rf"fewer than 2\*\*32 elements.*{named}.*65536, 65536.*Hint: "
        ) as error:
            np.asarray(fun(x, y))
    assert f"got {N * N} in" in str(error.value)


def test_no_memory() -> None:
    with pytest.raises(MemoryError, match="No memory for 1152921504606846976 bytes"):
        device("1024").memory_of(1 << 60)


@pytest.mark.parametrize(
    ("name", "value"),
    [("FASTVJP_EMULATOR", "quick"), ("FASTVJP_EMULATOR_GROUP", "1000"), ("FASTVJP_EMULATOR_FAST_MATH", "yes")],
)
def test_wrong_settings(name: str, value: str) -> None:
    code = "import fastvjp; fastvjp.ones(3) * 2"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"FASTVJP_DEVICE": "metal-emulator", name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Device 'metal-emulator' cannot be used" in found.stderr
    assert name in found.stderr and value in found.stderr
