"""Element functions in Metal against those of kernels/, which run here as plain Python in float64.

One kernel for each function and dtype runs through the emulator of metalcompute. All of one file's stand in one
source, with only the files in front of it that `libraries` names.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from support.cases import CASES
from support.cases.case import Case
from support.emulating import GPU, raw_gpu
from support.samples import SAMPLES

import fastvjp as mx
from fastvjp.core.avals import aval
from fastvjp.core.primitive import REGISTRY
from fastvjp.kernels.elements import registry
from fastvjp.metal.dispatch import TYPES
from fastvjp.metal.elements import library as elements
from fastvjp.primitives.elementwise import OPERANDS

emulator = pytest.importorskip("fastvjp.metal.emulator")

FLOAT32 = np.dtype(np.float32)
LIMITS = np.finfo(FLOAT32)
COUNT = 200
"""Random arguments of a function."""
STATICS = {"n": 3, "size": 5, "sign": -1}
COMPLEX_ONLY = {"conjugate", "real", "imag", "angle_vjp"}
"""Trivial for real numbers."""

BOUND = 2.5
"""ULPs that a function of numbers may be off by, ..."""
BACKWARD = 3.5
"""... a backward function: half for the last rounding, one for each of three before it, as half an ULP of a number
just above a power of two is one of a product just below the next, ..."""
BOUNDS: dict[str, tuple[float, str]] = {
    "sin": (4, "Apple's precise::sin"),
    "cos": (4, "Apple's precise::cos"),
    "tan": (6, "Apple's precise::tan"),
    "sin_vjp": (8.5, "twice that, as said above, and a product"),
    "cos_vjp": (8.5, "twice that, and a product"),
    "erfinv": (4, "the polynomial's terms are of both signs"),
    "power_vjp_x": (5, "a power, a quotient and two products"),
    "power_less": (4, "a power and three quotients"),
    "power_less_vjp_x": (6.5, "a power, four quotients, a sum and two products"),
    "spherical_bessel": (8, "sums of which both signs are"),
    "spherical_bessel_vjp": (12, "two of them, and a sum of both signs"),
    "erf_vjp": (4.5, "an exponential, its correction and two products"),
    "erfinv_vjp": (4.5, "an exponential, its correction and two products"),
    "logaddexp_vjp_x": (5, "a sigmoid and a product"),
    "logaddexp_vjp_y": (5, "a sigmoid and a product"),
    "hypot_slope_vjp_x": (7, "two quotients, a root and three products: measured 5.5"),
    "hypot_slope_vjp_y": (4.5, "a quotient, a root and four products: measured 3.4"),
    "inversion": (3, "two quotients and a product, of a rounded sum of squares: measured 2.3"),
    "inversion_vjp_y": (4, "a quotient, a root and three products: measured 3.4"),
    "inversion_vjp_x": (6, "two quotients, two sums and two products"),
    "tanh_slope": (4.5, "an exponential, a sum that comes twice, a product and a quotient: measured 4"),
    "tanh_vjp": (6, "that and a product: measured 4.9"),
    "tanh_slope_vjp": (5, "a tanh and two products"),
    "sigmoid_vjp": (5.5, "an exponential, a sum that comes twice, two products and a quotient: measured 4.5"),
    "sigmoid": (3, "an exponential, a sum and a quotient: measured 2.4"),
    "arccosh": (3, "a root of a sum, two sums and a logarithm: measured 2.4"),
    "xlog1py": (3, "a logarithm and a product: measured 2.4"),
    "kl_div": (3.5, "a logarithm, a product and two sums: measured 2.8"),
    "rel_entr": (3.5, "a logarithm, 1.4, which a product may double, and half: measured 2.7"),
    "rel_entr_vjp_x": (4, "a logarithm, a sum and a product: measured 3.3"),
    "erf_slope": (3.5, "an exponential, its correction and a product: measured 2.8"),
    "ndtr_slope": (3.5, "an exponential, its correction and a product: measured 2.7"),
    "erfc": (5, "an exponential, its correction, a quotient and two products: measured 3.9"),
    "erfc_vjp": (4.5, "an exponential, its correction and two products: measured 3.8"),
    "ndtr": (5, "an exponential, its correction, a quotient and two products: measured 4.2"),
    "ndtr_vjp": (4.5, "an exponential, its correction and two products: measured 3.4"),
    "log_ndtr": (6, "a logarithm of a tail: measured 4.8"),
    "log_ndtr_vjp": (6, "a quotient of an exponential and a tail"),
    "ndtr_hazard": (6, "a quotient of an exponential and a tail"),
    "ndtr_hazard_vjp": (12, "that, a quotient of two polynomials, a sum and two products"),
    "ndtr_slope_vjp": (4.5, "an exponential, its correction and three products"),
    "scaled_ierfc": (40, "a recurrence that cancels"),
    "scaled_ierfc_vjp": (40, "a recurrence that cancels"),
    "gammaln": (4, "a logarithm less 1, times a number, and two sums"),
    "gammaln_vjp": (6, "a quotient, a polynomial and two sums, below 0 a quotient more, and a product"),
    "polygamma": (6, "a dozen of powers that are added up: measured 4.4, where two sums cancel"),
    "polygamma_vjp": (9, "a dozen of powers that are added up: measured 7.1, where two sums cancel"),
    "arccosh_vjp": (5.5, "two sums, two roots and two products"),
    "arctanh_vjp": (4.5, "two sums, two products and a quotient"),
}
"""... and some others, and why. "Measured" is the largest error in a million arguments or more, with and without
fast math; the bound lies above it by what another factor of 100 would add. The emulator's sin, cos and tan are the
C library's: a Mac must show Apple's."""


def from_pole(x: np.ndarray) -> np.ndarray:
    """Distances from whole numbers."""
    return np.maximum(np.abs(x - np.rint(x)), 1e-3)


AGAINST: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: np.maximum(np.abs(x), np.abs(y)),
    "subtract": lambda x, y: np.maximum(np.abs(x), np.abs(y)),
    "logaddexp": lambda x, y: np.maximum(1, np.maximum(np.abs(x), np.abs(y))),
    "remainder": lambda x, y: np.abs(y),
    "kl_div": lambda x, y: np.abs(x) + np.abs(y),
    "scaled_ierfc_vjp": lambda g, x: np.where((x > 0) & (x < 1.4), np.abs(g), 0),
    "rel_entr_vjp_x": lambda g, x, y: np.abs(g),
    "gammaln": lambda x: np.where(x < 0, np.maximum(1, np.abs(x)), 0),  # which has zeros between the poles
    "gammaln_vjp": lambda g, x: np.where(x < 0, np.abs(g) * np.maximum(1, 1 / from_pole(x)), 0),
    "polygamma_vjp": lambda g, x: np.where(x < 0, np.abs(g) * 24 / from_pole(x) ** 5, 0),
    "inversion_vjp_x": lambda g, x, y, out: np.abs(g) / (x * x + y * y),
    "logaddexp_vjp_x": lambda g, x, y: np.abs(g * np.exp(-np.logaddexp(0, y - x)) * (x - y)),
    "logaddexp_vjp_y": lambda g, x, y: np.abs(g * np.exp(-np.logaddexp(0, x - y)) * (x - y)),
}
"""What ULPs are of where operands cancel, or an exponential is taken of what was rounded: numbers of this size if
the result is smaller."""

SPECIAL = [0.0, -0.0, 1, -1, 0.5, -0.5, 3, -2, np.inf, -np.inf, np.nan, 1e-20, 3e38, -3e38, 100.5, -1e10]
COTANGENTS = [0.0, -0.0, 1, -2.5, 1e-20, np.nan, np.inf, 3e38]
MODERATE = COTANGENTS[:6]
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")

Values = dict[str, np.ndarray]


# --- through the emulator --------------------------------------------------------------------------------


def operands(name: str) -> list[str]:
    return [p for p in registry.parameters(name) if p in OPERANDS]


def result_dtype(name: str, dtype: str) -> str:
    """What the registry infers: bool for tests and comparisons, else what goes in."""
    p = REGISTRY[name]
    return p.infer(*[aval((), np.dtype(dtype)) for _ in p.inputs], dtype=np.dtype(dtype)).dtype.name


def kernel(name: str, dtype: str) -> str:
    """Source of the kernel that applies a function to arrays."""
    arrays = [("bool" if p == "c" else TYPES[dtype], p) for p in operands(name)]
    bound = [f"device const {t} *{p} [[buffer({i})]]" for i, (t, p) in enumerate(arrays, 1)]
    given = [f"{p}[i]" if p in OPERANDS else str(STATICS[p]) for p in registry.parameters(name)]
    result = TYPES[result_dtype(name, dtype)]
    return (
        f"kernel void {name}(device {result} *to [[buffer(0)]], {', '.join(bound)}, "
        f"constant uint &count [[buffer({len(bound) + 1})]], uint i [[thread_position_in_grid]]) {{\n"
        f"    if (i < count) to[i] = {result}(element::{name}({', '.join(given)}));\n}}\n"
    )


def source(names: Sequence[str], dtype: str, change: Callable[[str], str] = lambda text: text) -> str:
    kernels = "".join(kernel(name, dtype) for name in names)
    return change("".join(elements.text(stem) for stem in elements.libraries(kernels))) + kernels


@functools.cache
def library(names: tuple[str, ...], dtype: str, fast: bool | str) -> Any:
    return device(fast).kernel(source(names, dtype))


def device(fast: bool | str) -> Any:
    """With fast math and subnormals as zero, both of which a GPU has, or without either; or "gpu"."""
    if fast == "gpu":
        return raw_gpu()
    return emulator.Device(fast_math=bool(fast), hardware=emulator.Hardware(flush=bool(fast)))


def run(compiled: Any, name: str, dtype: str, values: Values) -> np.ndarray:
    """A function of arrays by a compiled source."""
    count = len(next(iter(values.values())))
    made = getattr(compiled, "device", None) or raw_gpu()
    to = made.buffer(max(count * np.dtype(result_dtype(name, dtype)).itemsize, 1))
    bound = [np.ascontiguousarray(values[p]) for p in operands(name)]
    handle = compiled.function(name)(count, to, *bound, np.uint32(count))
    del handle
    return np.frombuffer(to, result_dtype(name, dtype), count).copy()


def by_file(wanted: Callable[[str], bool]) -> list[tuple[str, ...]]:
    """Element functions of each file."""
    homes = [elements.definitions(elements.text(stem)) for stem in elements.stems()]
    groups = [[n for n in registry.ELEMENTS if f"element::{n}" in home and wanted(n)] for home in homes]
    return [tuple(names) for names in groups if names]


# --- as Python -------------------------------------------------------------------------------------------


def reference(name: str, values: Values, dtype: Any) -> np.ndarray:
    """The function of kernels/, for each element, in a dtype."""
    statics = [STATICS[p] for p in registry.parameters(name) if p not in OPERANDS]
    columns = [values[p] if p == "c" else values[p].astype(dtype) for p in operands(name)]
    with np.errstate(all="ignore"):
        found = [registry.ELEMENTS[name](*row, *statics) for row in zip(*columns, strict=True)]
    return np.array(found).astype(bool if result_dtype(name, "float32") == "bool" else dtype)


def base(name: str) -> str:
    return name.partition("_vjp")[0]


@functools.cache
def rows() -> dict[str, Case]:
    """The first row of each elementwise primitive."""
    return {case.primitive: case for case in reversed(CASES) if case.elementwise}


def drawn(name: str, dtype: str, rng: np.random.Generator) -> Values:
    """Random arguments of the domain; `out` is that of the other ones."""
    forward = base(name)
    case = rows()[forward]
    values = dict(zip(operands(forward), case.draw(rng, dtype, *[(COUNT,)] * len(case.domains)), strict=True))
    return completed(name, rng.uniform(-1, 1, COUNT).astype(dtype), values, dtype)


def completed(name: str, g: np.ndarray, values: Values, dtype: str) -> Values:
    if "out" in operands(name):
        with np.errstate(all="ignore"):
            values["out"] = reference(base(name), values, np.float64).astype(dtype)
    return {p: {**values, "g": g}[p] for p in operands(name)}


def grid(name: str, cotangents: list[float]) -> Values:
    """All combinations of special values."""
    forward = operands(base(name))
    axes = [[False, True] if p == "c" else SPECIAL for p in forward]
    combined = list(zip(*itertools.product(*axes, cotangents if "g" in operands(name) else [1]), strict=True))
    values = {
        p: np.array(column, bool if p == "c" else np.float32)
        for p, column in zip([*forward, "g"], combined, strict=True)
    }
    return completed(name, values["g"], values, "float32")


# --- what must hold --------------------------------------------------------------------------------------


def size_of(name: str, values: Values, want: np.ndarray) -> np.ndarray:
    """Of what an error is measured in ULPs."""
    given = {p: v.astype(np.float64) for p, v in values.items()}
    size = np.maximum(np.abs(want), AGAINST[name](**given) if name in AGAINST else 0)
    return np.minimum(size, np.finfo(want.dtype).max).astype(want.dtype)


def check_values(name: str, dtype: str, got: np.ndarray, values: Values) -> None:
    """Assert that a result is within the function's bound."""
    want = reference(name, values, np.float64)
    if got.dtype == bool:
        np.testing.assert_array_equal(got, want)
        return
    bound = BOUNDS.get(name, (BACKWARD if "_vjp" in name else BOUND, ""))[0]
    size = size_of(name, values, want)
    unit = np.spacing(np.maximum(size, float(np.finfo(dtype).tiny)).astype(dtype)).astype(np.float64)
    error = np.abs(got - want) / unit
    worst = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    at = {p: v[worst].item() for p, v in values.items()}
    assert error[worst] <= bound, f"{name}({at}) is {got[worst]}, not {want[worst]}: {error[worst]:.2f} ULP"


def check_special(name: str, got: np.ndarray, values: Values, fast: bool | str) -> None:
    """Assert NaN, infinities, overflow and, without fast math, signs of zeros; subnormal numbers may be 0."""
    want = reference(name, values, np.float32)
    if got.dtype == bool:
        np.testing.assert_array_equal(got, want)
        return
    with np.errstate(all="ignore"):
        near = np.abs(got - want) <= 8 * np.spacing(size_of(name, values, want)) + LIMITS.tiny
    same = near | (got == want) | (np.isnan(got) & np.isnan(want))
    if fast:  # what a subnormal factor makes is 0, and a derivative where there is no value may be anything
        same |= (got == 0) & (np.abs(want) < 100 * LIMITS.tiny)
        given = {p: values[p] for p in operands(base(name)) if p in values}
        if "_vjp" in name and len(given) == len(operands(base(name))):
            same |= np.isnan(reference(base(name), given, np.float64))
    else:
        same &= (np.signbit(got) == np.signbit(want)) | (want != 0) | (got != 0)
    wrong = np.flatnonzero(~same)[:5]
    shown = [({p: v[i].item() for p, v in values.items()}, got[i], want[i]) for i in wrong]
    assert not shown, f"{name}: (arguments, result, wanted) {shown}"


def test_names_parameters_and_order_are_those_of_kernels() -> None:
    assert elements.elements() == {name: registry.parameters(name) for name in registry.ELEMENTS}


def is_float(name: str) -> bool:
    """Whether a function is tested on floating numbers (casts are tested apart)."""
    return name != "astype" and name not in COMPLEX_ONLY and "float32" in rows()[base(name)].dtypes


FLOATS = by_file(is_float)


@pytest.mark.parametrize("fast", [False, True, GPU])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("names", FLOATS, ids=lambda names: names[0])
def test_values(names: tuple[str, ...], dtype: str, fast: bool | str, rng: np.random.Generator) -> None:
    compiled = library(names, dtype, fast)
    for name in names:
        values = drawn(name, dtype, rng)
        check_values(name, dtype, run(compiled, name, dtype, values), values)


@pytest.mark.parametrize("fast", [False, True, GPU])
@pytest.mark.parametrize("names", FLOATS, ids=lambda names: names[0])
def test_values_of_all_sizes(names: tuple[str, ...], fast: bool | str, rng: np.random.Generator) -> None:
    """The arguments of test_accuracy.py, where neither they nor the result are denormal or overflow."""
    compiled = library(names, "float32", fast)
    for name in names:
        for sample in SAMPLES.get(name, ()):
            values = {p: x.astype(np.float32) for p, x in zip(operands(name), sample(rng, FLOAT32), strict=True)}
            with np.errstate(over="ignore"):
                results = [*values.values(), reference(name, values, np.float64).astype(np.float32)]
            normal = np.all([(np.abs(x) > LIMITS.tiny) & np.isfinite(x) for x in results], axis=0)
            values = {p: x[normal] for p, x in values.items()}
            check_values(name, "float32", run(compiled, name, "float32", values), values)


@pytest.mark.parametrize("fast", [False, True, GPU])
@pytest.mark.parametrize("names", FLOATS, ids=lambda names: names[0])
def test_special_values(names: tuple[str, ...], fast: bool | str) -> None:
    compiled = library(names, "float32", fast)
    for name in names:
        values = grid(name, MODERATE if fast else COTANGENTS)
        check_special(name, run(compiled, name, "float32", values), values, fast)


@pytest.mark.parametrize("dtype", ["bool", *INTEGERS])
def test_integers(dtype: str, rng: np.random.Generator) -> None:
    """The limits of the dtype and numbers between them, all combinations."""
    for names in by_file(lambda n: "_vjp" not in n and n != "astype" and takes(n, dtype)):
        compiled = library(names, dtype, False)
        for name in names:
            axes = [[False, True] if p == "c" else integers(dtype, rng) for p in operands(name)]
            combined = zip(*itertools.product(*axes), strict=True)
            values = {
                p: np.array(column, bool if p == "c" else dtype)
                for p, column in zip(operands(name), combined, strict=True)
            }
            got = run(compiled, name, dtype, values)
            statics = [STATICS[p] for p in registry.parameters(name) if p not in OPERANDS]
            with np.errstate(all="ignore"):
                want = [registry.ELEMENTS[name](*row, *statics) for row in zip(*values.values(), strict=True)]
            np.testing.assert_array_equal(got, np.array(want).astype(got.dtype), err_msg=name)


def takes(name: str, dtype: str) -> bool:
    """Whether a primitive is tested on a dtype and keeps it."""
    if name not in rows() or dtype not in rows()[name].dtypes:
        return False
    x = mx.array(np.ones(2, dtype))
    program = mx.record(rows()[name].fun, *[mx.array(np.ones(2, bool)) if p == "c" else x for p in operands(name)])
    return all(op.primitive.name != "astype" for op in program.ops)


def integers(dtype: str, rng: np.random.Generator) -> list[Any]:
    if dtype == "bool":
        return [False, True]
    limits = np.iinfo(dtype)
    some = {limits.max, limits.max - 1, 0, 1, 2, 3, 7, 8, 100, *rng.integers(0, 127, 3).tolist()}
    return sorted(some | {limits.min} | ({-x for x in some} if limits.min < 0 else set()))


@pytest.mark.parametrize("fast", [False, True, GPU])
def test_casts(fast: bool | str) -> None:
    """NaN is true, and so is every number but 0."""
    x = np.array([0.0, -0.0, 1.5, -7.9, np.nan, np.inf, 1e-20], np.float32)
    for target, values in (("bool", x), ("int32", x[:4]), ("float16", x)):
        kernels = (
            f"kernel void run(device {TYPES[target]} *to [[buffer(0)]], device const float *x [[buffer(1)]], "
            "constant uint &count [[buffer(2)]], uint i [[thread_position_in_grid]]) {\n"
            f"    if (i < count) to[i] = element::astype(x[i], {TYPES[target]}(0));\n}}\n"
        )
        text = "".join(elements.text(stem) for stem in elements.libraries(kernels)) + kernels
        made = device(fast)
        to = made.buffer(values.size * np.dtype(target).itemsize)
        handle = made.kernel(text).function("run")(values.size, to, values, np.uint32(values.size))
        del handle
        np.testing.assert_array_equal(np.frombuffer(to, target, values.size), values.astype(target))


WRONG = {
    "tan_vjp": ("1.0f + helper::wide(out)", "1.0f - helper::wide(out)"),
    "exp": ("0.041666463f", "0.0417f"),
    "log1p": ("fma(scale, x, scale - 1.0f)", "scale * (1.0f + x) - 1.0f"),
    "maximum": ("helper::choose(helper::is_nan(x), x, helper::choose(helper::is_nan(y), y, larger))", "larger"),
    "scale": (
        "helper::choose(helper::vanishes(x), T(0), T(helper::wide(x) * helper::wide(y)))",
        "T(x * y)",
    ),
}
"""What to change in the text, and into what."""


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_function_is_found(name: str, rng: np.random.Generator) -> None:
    before, after = WRONG[name]
    assert before in source([name], "float32")
    text = source([name], "float32", lambda text: text.replace(before, after))
    compiled = emulator.Device().kernel(text)
    with pytest.raises(AssertionError):
        for values in (drawn(name, "float32", rng), drawn(name, "float32", rng)):
            small = {p: v * np.float32(1e-3) for p, v in values.items()} if name == "log1p" else values
            check_values(name, "float32", run(compiled, name, "float32", small), small)
        values = grid(name, COTANGENTS)
        check_special(name, run(compiled, name, "float32", values), values, fast=False)
