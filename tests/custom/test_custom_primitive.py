"""`custom_primitive`: a user's element functions on both devices: alone, fused, differentiated, redefined."""

from __future__ import annotations

import gc
import json
import math
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit
from scipy import special
from support.checks import close, numeric_grad, vjp1
from support.emulating import PLACES, at, on

import fastvjp as fv
from fastvjp.core.definitions import DEFINED
from fastvjp.kernels.elements.arithmetic import scale
from fastvjp.kernels.native import jit

# --- what a user writes --------------------------------------------------------------------------------------


def softplus(x):
    """log(1 + exp(x))."""
    return np.logaddexp(type(x)(0), x)


def softplus_vjp(g, x):
    return g / (type(x)(1) + np.exp(-x))


def softplus_rule(g, x):
    return g * fv.sigmoid(x)


SOFTPLUS = """
    template <typename T> inline T softplus(T x) { return element::logaddexp(T(0), x); }

    template <typename T>
    T softplus_vjp(T g, T x)
    {
        return g / (T(1) + exp(-x));  // metal::exp
    }
"""


def length(x, y):
    return np.sqrt(x * x + y * y)


def length_x(g, x, out):
    return g * x / out


def length_y(g, y, out):
    return g * y / out


LENGTH = """
template <typename T> inline T square_of(T x) { return x * x; }
template <typename T> inline T length(T x, T y) { return sqrt(square_of(x) + square_of(y)); }
template <typename T> inline T length_x(T g, T x, T out) { return g * x / out; }
template <typename T> inline T length_y(T g, T y, T out) { return g * y / out; }
"""


def lerp(x, y, z, power):
    return x + (y - x) * z**power


def lerp_x(g, z, power):
    return g * (type(z)(1) - z**power)


def lerp_y(g, z, power):
    return g * z**power


def lerp_z(g, x, y, z, power):
    return g * (y - x) * type(z)(power) * z ** (power - 1)


LERP = """
template <typename T> inline T raised(T x, int n) {
    T found = T(1);
    for (int i = 0; i < n; i++) found *= x;
    return found;
}
template <typename T> inline T lerp(T x, T y, T z, int power) { return x + (y - x) * raised(z, power); }
template <typename T> inline T lerp_x(T g, T z, int power) { return g * (T(1) - raised(z, power)); }
template <typename T> inline T lerp_y(T g, T z, int power) { return g * raised(z, power); }
template <typename T> inline T lerp_z(T g, T x, T y, T z, int power) {
    return g * (y - x) * T(power) * raised(z, power - 1);
}
"""


def softplus_op(**more: Any) -> Any:
    return fv.custom_primitive(softplus, softplus_vjp, metal=SOFTPLUS, **more)


def length_op(**more: Any) -> Any:
    return fv.custom_primitive(length, {"x": length_x, "y": length_y}, metal=LENGTH, **more)


def lerp_op() -> Any:
    return fv.custom_primitive(lerp, {"x": lerp_x, "y": lerp_y, "z": lerp_z}, metal=LERP)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[tuple[np.dtype, float]]:
    """On a device, in a dtype, to a tolerance."""
    with at(request.param) as dtype:
        yield dtype, {"float32": 2e-6, "float64": 1e-13}[dtype.name]


# --- values and derivatives ----------------------------------------------------------------------------------


def test_one_operand(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place
    x, g = rng.normal(size=(2, 5, 7)).astype(dtype)
    op = softplus_op()
    assert (op.__name__, op.__doc__) == ("softplus", "log(1 + exp(x)).")
    for given in (x, fv.array(x)):
        assert op(given).dtype == dtype
        close(op(given), np.log1p(np.exp(x.astype(float))), rtol)
        close(vjp1(op, given, g), g * special.expit(x.astype(float)), rtol)


def test_two_operands_broadcast(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place
    x, y = rng.normal(size=(3, 1)).astype(dtype), rng.normal(size=(2, 1, 4)).astype(dtype)
    g = rng.normal(size=(2, 3, 4)).astype(dtype)
    (out,), (gx, gy) = fv.vjp(length_op(), [x, y], [g])
    a, b, c = x.astype(float), y.astype(float), g.astype(float)
    close(out, np.hypot(a, b), rtol)
    close(gx, (c * a / np.hypot(a, b)).sum(axis=(0, 2))[:, None], rtol, atol=10 * rtol)
    close(gy, (c * b / np.hypot(a, b)).sum(axis=1, keepdims=True), rtol, atol=10 * rtol)


def test_three_operands_and_a_static_parameter(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place
    x, y, z = rng.uniform(0.5, 2, (3, 6)).astype(dtype)
    op = lerp_op()
    for n in (1, 3):
        (out,), (gx, gy, gz) = fv.vjp(lambda x, y, z, n=n: op(x, y, z, power=n), [x, y, z], [np.ones_like(x)])
        a, b, c = x.astype(float), y.astype(float), z.astype(float)
        close(out, a + (b - a) * c**n, rtol, rtol)
        close(gx, 1 - c**n, rtol, 10 * rtol)
        close(gy, c**n, rtol)
        close(gz, (b - a) * n * c ** (n - 1), rtol, rtol)


def test_dtypes_are_those_of_floating_ops() -> None:
    one, two = softplus_op(), length_op()
    assert one(1.0).dtype == one([1.5, 2.5]).dtype == np.float32
    assert one(np.arange(3)).dtype == np.float64
    assert one(np.arange(3, dtype=np.int8)).dtype == np.float32
    x = fv.ones(3)
    assert two(x, 2).dtype == two(2.0, x).dtype == np.float32
    assert two(x, np.ones(3)).dtype == np.float64
    close(two(3, np.full(2, 4.0)), [5, 5])
    with pytest.raises(ValueError, match=r"\[length\] Shapes \(3,\) and \(2,\)"):
        two(x, fv.ones(2))


def test_integers_are_constants() -> None:
    assert fv.grad(lambda x: (softplus_op()(np.arange(3)) * x).sum())(fv.zeros(3)).tolist() == pytest.approx(
        np.log1p(np.exp([0, 1, 2])), rel=1e-6
    )


def test_the_kernel_is_what_runs() -> None:
    """A wrong backward function gives wrong first derivatives, a wrong rule wrong second ones."""

    def wrong(g, x):
        return type(x)(1000) * g

    x = np.array([0.3, -2.0])
    op = fv.custom_primitive(softplus, wrong, rule=softplus_rule)
    close(fv.grad(lambda x: op(x).sum())(x), [1000, 1000])
    s = special.expit(x)
    close(fv.hessian(lambda x: op(x).sum())(x), np.diag(s * (1 - s)))
    op = fv.custom_primitive(softplus, softplus_vjp, rule=lambda g, x: 5 * g * x)
    close(fv.grad(lambda x: op(x).sum())(x), s)
    close(fv.hessian(lambda x: op(x).sum())(x), np.diag([5, 5]))


def test_second_order(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place
    x, v = rng.normal(size=(2, 4)).astype(dtype)
    op = softplus_op(rule=softplus_rule)
    s = special.expit(x.astype(float))
    close(fv.hessian(lambda x: op(x).sum())(x), np.diag(s * (1 - s)), rtol, 10 * rtol)
    (found,) = fv.hvp(lambda x: (op(x) ** 2).sum(), [x], [v])
    f = np.log1p(np.exp(x.astype(float)))
    close(found, v * (2 * s * s + 2 * f * s * (1 - s)), rtol, 10 * rtol)


def test_mixed_second_derivatives(rng: np.random.Generator) -> None:
    rules = {"x": lambda g, x, out: g * x / out, "y": lambda g, y, out: g * y / out}
    op = length_op(rule=rules)
    x = rng.normal(size=2)
    jacobian = fv.hessian(lambda v: op(v[0], v[1]))(x)
    gradient = [numeric_grad(lambda v, i=i: fv.grad(lambda v: op(v[0], v[1]))(v)[i], x) for i in range(2)]
    close(jacobian, gradient, 1e-7, 1e-8)
    n = np.hypot(*x)
    close(jacobian, (np.eye(2) - np.outer(x, x) / n**2) / n, 1e-12, 1e-13)


def test_third_order() -> None:
    op = softplus_op(rule=softplus_rule)
    s = special.expit(0.7)
    third = fv.grad(fv.grad(fv.grad(op)))(np.float64(0.7))
    assert float(third) == pytest.approx(s * (1 - s) * (1 - 2 * s), rel=1e-12)


def test_a_rule_of_another_custom_primitive() -> None:
    """The derivative as a primitive of its own."""

    def slope(x):
        return type(x)(1) / (type(x)(1) + np.exp(-x))

    def slope_vjp(g, out):
        return g * out * (type(out)(1) - out)

    derivative = fv.custom_primitive(slope, slope_vjp)
    op = fv.custom_primitive(softplus, softplus_vjp, rule=lambda g, x: g * derivative(x))
    x = np.array([0.3, -2.0])
    s = special.expit(x)
    close(fv.hessian(lambda x: op(x).sum())(x), np.diag(s * (1 - s)))


def test_a_rule_alone_serves_the_first_order_too(rng: np.random.Generator) -> None:
    x = rng.normal(size=5)
    op = fv.custom_primitive(softplus, rule=softplus_rule)
    close(fv.grad(lambda x: op(x).sum())(x), special.expit(x))
    close(fv.jvp(op, [x], [x])[1][0], special.expit(x) * x)


def test_jvp_needs_no_rule(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place
    x, y, v, w = rng.uniform(1, 2, (4, 5)).astype(dtype)
    a, b, t, u = (z.astype(float) for z in (x, y, v, w))
    close(fv.jvp(softplus_op(), [x], [v])[1][0], special.expit(a) * t, rtol)
    close(fv.jvp(length_op(), [x, y], [v, w])[1][0], (a * t + b * u) / np.hypot(a, b), rtol)


def test_transforms(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place
    x = rng.normal(size=(3, 4)).astype(dtype)
    op, s = softplus_op(), special.expit(x.astype(float))

    def loss(row):
        return np.sum(op(row) * 2)

    f = 2 * np.log1p(np.exp(x.astype(float)))
    close(fv.vmap(op)(x), f / 2, rtol)
    close(fv.vmap(fv.grad(loss))(x), 2 * s, rtol)
    close(fv.grad(fv.checkpoint(loss))(x), 2 * s, rtol)
    value, gradient = fv.compile(fv.value_and_grad(loss))(fv.array(x))
    close(value, f.sum(), 10 * rtol)
    close(gradient, 2 * s, rtol)
    close(fv.jacrev(op)(x[0]), np.diag(s[0]), rtol)
    close(fv.vmap(length_op(), in_axes=(0, None))(x, x[0]), np.hypot(x, x[0]), rtol)


def test_inside_numba_code(rng: np.random.Generator) -> None:
    op = softplus_op()
    gradient = fv.njit(fv.value_and_grad(lambda x: op(x).sum()), np.zeros(3))
    x = rng.normal(size=3)
    value, slope = gradient(x)
    close(value, np.log1p(np.exp(x)).sum())
    close(slope, special.expit(x))


def test_complex_numbers(rng: np.random.Generator) -> None:
    def cube(x):
        return x * x * x

    def cube_vjp(g, x):
        return g * np.conj(x * x * type(x)(3))

    x = rng.normal(size=4) + 1j * rng.normal(size=4)
    op = fv.custom_primitive(cube, cube_vjp)
    close(op(x), x**3)
    close(vjp1(op, x, x), vjp1(lambda x: x**3, x, x))
    with pytest.raises(TypeError, match=r"\[cube\] Its backward function for x cannot .* without a rule"):
        fv.jvp(op, [x], [x])


def test_large_arrays(rng: np.random.Generator) -> None:
    """More than one chunk."""
    x = rng.normal(size=300_001)
    close(fv.grad(lambda x: softplus_op()(x).sum())(x), special.expit(x), 1e-13)


# --- fusion --------------------------------------------------------------------------------------------------


def test_one_kernel_forward_and_backward(place: Any) -> None:
    dtype, _ = place
    x = np.linspace(-1, 1, 12, dtype=dtype)
    op = softplus_op()
    made = fv.explain(lambda x: fv.sum(fv.tanh(op(x * 2) + 1)), [x], [1.0])
    (report,) = made.reports
    (source,) = report.sources
    name = next(name for name, d in DEFINED.items() if d.title == "softplus" and name in source)
    assert source.count(f"{name.removesuffix('_vjp')}(") == source.count(f"{name.removesuffix('_vjp')}_vjp(") == 1
    assert report.device == fv.default_device()
    assert "softplus_vjp" in str(made.program)


def test_without_metal_text_the_step_runs_on_the_cpu(rng: np.random.Generator) -> None:
    pytest.importorskip("ziglang", reason="the emulator's compiler is not installed")
    x = rng.normal(size=8).astype(np.float32)
    op = fv.custom_primitive(softplus, softplus_vjp)
    with on("1024"):
        made = fv.explain(lambda x: fv.cumsum(op(x) * 2) + 1, [x], [np.ones_like(x)])
        devices = [report.device for report in made.reports]
        (out,), (g,) = fv.vjp(lambda x: fv.cumsum(op(x) * 2) + 1, [x], [np.ones_like(x)])
    assert "cpu" in devices and set(devices) != {"cpu"}
    close(out, np.cumsum(2 * np.log1p(np.exp(x.astype(float)))) + 1, 1e-6)
    close(g, 2 * np.arange(8, 0, -1) * special.expit(x.astype(float)), 1e-6)


# --- what a function may refer to ----------------------------------------------------------------------------

FACTOR = 3.0
TABLE = np.linspace(0, 1, 11) ** 2


@njit(fastmath=True)
def jitted_helper(x):
    return x * type(x)(FACTOR)


def plain_helper(x):
    return jitted_helper(x) + type(x)(1)


def calling(x):
    return plain_helper(x) + scale(x, x)


def looked_up(x):
    i = min(max(int(x * 10), 0), 9)
    t = x * 10 - i
    return TABLE[i] * (1 - t) + TABLE[i + 1] * t


def test_helpers_globals_and_arrays() -> None:
    x = np.array([0.0, 0.31, 0.99])
    op = fv.custom_primitive(calling)
    close(op(x), 3 * x + 1 + x * x)
    close(fv.custom_primitive(looked_up)(x), np.interp(x, np.linspace(0, 1, 11), TABLE))
    assert next(d for d in DEFINED.values() if d.title == "calling").kept


def test_later_changes_make_no_difference() -> None:
    table, shift = np.array([10.0, 20.0]), 1.0

    def stepped(x):
        return table[int(x > 0)] + shift

    first = fv.custom_primitive(stepped)
    table[:] = 0
    shift = 2.0
    second = fv.custom_primitive(stepped)
    x = np.array([-1.0, 1.0])
    close(first(x), [11, 21])
    close(second(x), [2, 2])
    close(first(x), [11, 21])


# --- defined again -------------------------------------------------------------------------------------------


def test_definitions_of_one_name_are_not_mixed_up(place: Any) -> None:
    dtype, rtol = place
    x = fv.array(np.array([1.0, 2.0], dtype))

    def made(k):
        def times(x):
            return x * type(x)(k)

        def times_vjp(g):
            return g * type(g)(-k)

        text = f"""
        template <typename T> inline T times(T x) {{ return x * T({k}); }}
        template <typename T> inline T times_vjp(T g) {{ return g * T({-k}); }}
        """
        return fv.custom_primitive(times, times_vjp, metal=text)

    ops = [made(k) for k in range(2, 6)]
    for _ in range(2):
        for k, op in enumerate(ops, 2):
            close(op(x), [k, 2 * k], rtol)
            close(fv.grad(lambda x, op=op: op(x).sum())(x), [-k, -k], rtol)
    both = fv.compile(lambda x: ops[0](x) + ops[1](x) * 10)
    close(both(x), [32, 64], rtol)


def test_the_same_text_for_metal_is_part_of_a_definition() -> None:
    pytest.importorskip("ziglang", reason="the emulator's compiler is not installed")

    def same(x):
        return x

    texts = [f"template <typename T> inline T same(T x) {{ return x * T({k}); }}" for k in (1, 2)]
    ops = [fv.custom_primitive(same, metal=text) for text in texts]
    with on("1024"):
        assert [float(op(fv.array(1.5))) for op in ops] == [1.5, 3.0]


def test_an_equal_definition_shares_its_kernels() -> None:
    def halved(x):
        return x * type(x)(0.5)

    first, second = fv.custom_primitive(halved), fv.custom_primitive(halved)
    before = jit.compile_loop.cache_info().misses
    x = fv.array([1.0, 2.0])
    close(first(x), [0.5, 1])
    middle = jit.compile_loop.cache_info().misses
    close(second(x), [0.5, 1])
    assert jit.compile_loop.cache_info().misses == middle > before


def test_names_of_the_house_stay_the_house_s(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place

    def exp(x):
        return type(x)(2) * x

    def exp_vjp(g):
        return type(g)(7) * g

    text = """
    template <typename T> inline T exp(T x) { return T(2) * x; }
    template <typename T> inline T exp_vjp(T g) { return T(7) * g; }
    """
    op = fv.custom_primitive(exp, exp_vjp, metal=text)
    x = rng.normal(size=3).astype(dtype)
    g = fv.grad(lambda x: (op(x) + 100 * fv.exp(x)).sum())(x)
    close(g, 7 + 100 * np.exp(x.astype(float)), 10 * rtol)
    close(op(x) + fv.exp(x), 2 * x.astype(float) + np.exp(x.astype(float)), rtol, 10 * rtol)


def test_what_nobody_uses_is_forgotten() -> None:
    def fleeting(x):
        return x

    op = fv.custom_primitive(fleeting)
    assert any(d.title == "fleeting" for d in DEFINED.values())
    del op
    gc.collect()
    assert all(d.title != "fleeting" for d in DEFINED.values())


# --- kernels on disk -----------------------------------------------------------------------------------------

SCRIPT = """
import json, sys
from typing import NamedTuple
import numpy as np
import fastvjp as fv

class Pair(NamedTuple):
    value: float

PAIR, FACTOR = Pair(float(sys.argv[1])), float(sys.argv[1])

def scaled(x):
    return x * type(x)(FACTOR)

def scaled_vjp(g):
    return g * type(g)(FACTOR)

def held(x):
    return x * type(x)(PAIR.value)

op = fv.custom_primitive({function}, {vjp})
x = np.array([1.0, 2.0])
out = op(x).tolist()
slope = fv.grad(lambda x: (op(x) * 1).sum())(x).tolist() if {vjp} else None
print(json.dumps([out, slope, "numba" in sys.modules]))
"""


def run(folder: Path, factor: float, function: str = "scaled", vjp: str = "scaled_vjp") -> Any:
    text = SCRIPT.format(function=function, vjp=vjp)
    environment = {**os.environ, "FASTVJP_CACHE_DIR": str(folder), "FASTVJP_DEVICE": "cpu"}
    command = [sys.executable, "-W", "error", "-c", text, str(factor)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
def test_another_process_finds_kernels_and_no_wrong_ones(tmp_path: Path) -> None:
    assert run(tmp_path, 3.0) == [[3, 6], [3, 3], True]
    files = sorted(tmp_path.iterdir())
    assert run(tmp_path, 3.0) == [[3, 6], [3, 3], False]
    assert sorted(tmp_path.iterdir()) == files
    assert run(tmp_path, 5.0) == [[5, 10], [5, 5], True]


@pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
def test_what_cannot_be_told_apart_is_not_kept(tmp_path: Path) -> None:
    """A function that refers to an object whose content is not looked into."""
    assert run(tmp_path, 3.0, "held", "None")[0] == [3, 6]
    files = sorted(tmp_path.iterdir())
    assert run(tmp_path, 5.0, "held", "None")[::2] == [[5, 10], True]
    assert sorted(tmp_path.iterdir()) == files


# --- errors --------------------------------------------------------------------------------------------------


def no_operand(a):
    return a


def static_first(n, x):
    return x


def takes_g(g, x):
    return g


def many(*x):
    return x


def raising(x):
    if x < 0:
        raise ValueError
    return x


def recursive(x):
    return recursive(x)


def undefined(x):
    return not_there(x)  # noqa: F821


def without_g(x):
    return x


def asks_for_y(g, y):
    return g


BUILT_IN = math.exp
NAMED: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "operands": (no_operand, {}, TypeError, r"\[no_operand\] no_operand takes \(a\).*x, y and z"),
    "order": (static_first, {}, TypeError, r"first the operands"),
    "reserved": (takes_g, {}, TypeError, r"other names than dtype, result, g, c, out"),
    "special": (many, {}, TypeError, r"has the parameter \*x"),
    "lambda": (lambda x: x, {}, TypeError, r"a function with a name.*<lambda>.*Hint"),
    "built-in": (BUILT_IN, {}, TypeError, r"\[exp\]"),
    "raises": (raising, {}, TypeError, r"\[raising\] raising raises an exception"),
    "recursion": (recursive, {}, TypeError, r"\[recursive\] recursive calls itself"),
    "undefined": (undefined, {}, NameError, r"\[undefined\] undefined uses .*'not_there'"),
    "no function": (softplus, {"vjp": 3}, TypeError, r"\[softplus\] Expected a function, got 3"),
    "no g": (softplus, {"vjp": without_g}, TypeError, r"\[softplus\] without_g does not take g"),
    "unknown": (softplus, {"vjp": asks_for_y}, TypeError, r"asks_for_y asks for y. It may ask for g, x, out"),
    "one for two": (length, {"vjp": length_x}, TypeError, r'vjp one function for each operand: {"x": ..., "y"'),
    "wrong operand": (softplus, {"vjp": {"y": softplus_vjp}}, ValueError, r"vjp is given for y.*operands are x"),
    "rule": (softplus, {"rule": lambda g, y: g}, TypeError, r"asks for y"),
    "rule and vjp": (
        length,
        {"vjp": {"x": length_x}, "rule": {"x": lambda g, x, y: g}},
        TypeError,
        r"asks for y. It may ask for g, x, out",
    ),
    "no text": (
        softplus,
        {"metal": "// nothing"},
        ValueError,
        r"softplus is missing .*no function.*T softplus\(T x\)",
    ),
    "text": (
        softplus,
        {"vjp": softplus_vjp, "metal": "inline float softplus(float x) { return x; }"},
        ValueError,
        r"softplus_vjp is missing in the Metal text, which defines softplus.*softplus_vjp\(T g, T x\)",
    ),
    "text's order": (
        length,
        {"metal": "template <typename T> inline T length(T y, T x) { return x; }"},
        ValueError,
        r"length takes y, x in the Metal text.*\(T x, T y\)",
    ),
    "text's statics": (
        lerp,
        {"metal": "template <typename T> inline T lerp(T x, T y, T z, int n) { return x; }"},
        ValueError,
        r"lerp\(T x, T y, T z, int power\)",
    ),
}


@pytest.mark.parametrize("case", NAMED)
def test_errors_of_a_definition(case: str) -> None:
    forward, options, kind, message = NAMED[case]
    with pytest.raises(kind, match=message):
        fv.custom_primitive(forward, **options)


def test_errors_of_a_call() -> None:
    op = lerp_op()
    x = fv.ones(2)
    with pytest.raises(TypeError, match=r"\[lerp\] missing a required argument: 'power'. Expected: lerp\(x, y, z"):
        op(x, x, x)
    for wrong in (x, 1.5):
        with pytest.raises(TypeError, match=r"\[lerp\] The static parameter power must be an integer.*Hint"):
            op(x, x, x, power=wrong)
    close(op(x, 3 * x, x, np.int64(2)), [3, 3])


def test_no_derivative() -> None:
    op = fv.custom_primitive(length, {"x": length_x})
    x = fv.array([3.0])
    with pytest.raises(
        TypeError, match=r"\[length\] It has no derivative with respect to y. Hint: .*stop_gradient"
    ):
        fv.grad(lambda y: op(x, y).sum())(x)
    close(fv.grad(lambda v: op(v, 4.0).sum())(x), [0.6], 1e-6)
    close(fv.grad(lambda v: op(v, fv.stop_gradient(v)).sum())(x), [0.5**0.5], 1e-6)


def test_no_second_derivative() -> None:
    message = (
        r"\[softplus\] Its backward function for x cannot be differentiated without a rule. Hint: .*rule for x"
    )
    for transform in (fv.hessian, lambda f: fv.grad(fv.grad(f)), lambda f: lambda x: fv.hvp(f, [x], [x])):
        with pytest.raises(TypeError, match=message):
            transform(softplus_op())(fv.array(1.0))


def test_what_a_rule_gives_is_cast_and_checked() -> None:
    x = fv.array([0.5, 1.0])
    op = softplus_op(rule=lambda g, x: g * fv.sigmoid(x) * np.float64(1))
    found = fv.hessian(lambda x: op(x).sum())(x)
    s = special.expit([0.5, 1.0])
    assert found.dtype == np.float32
    close(found, np.diag(s * (1 - s)), 1e-6)
    for op in (softplus_op(rule=lambda g, x: g.sum()), fv.custom_primitive(softplus, rule=lambda g, x: g.sum())):
        with pytest.raises(ValueError, match=r"\[softplus\] The rule for x gave shape \(\), expected \(2,\)"):
            fv.hvp(lambda x, op=op: op(x).sum(), [x], [x])


def nothing(x):
    pass


def sometimes(x):
    if x > 0:
        return x


def two(x):
    return x, x


def imaginary(x):
    return x * 1j


def text(x):
    return x + "a"


@pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
@pytest.mark.parametrize("function", [nothing, sometimes, two, imaginary, text])
def test_functions_that_give_no_number(function: types.FunctionType) -> None:
    with fv.device("cpu"), pytest.raises(TypeError, match=rf"\[{function.__name__}\] The element function"):
        fv.custom_primitive(function)(fv.ones(3) * 2)


@pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
def test_a_backward_function_that_cannot_be_compiled_is_named() -> None:
    def broken(g, x):
        return g.nothing

    op = fv.custom_primitive(softplus, broken)
    close(op(np.zeros(2)), np.log([2, 2]))
    with pytest.raises(TypeError, match=r"\[softplus\] The element function broken cannot be compiled by Numba"):
        fv.grad(lambda x: op(x).sum())(np.zeros(2))


def test_metal_text_that_does_not_compile() -> None:
    pytest.importorskip("ziglang", reason="the emulator's compiler is not installed")
    op = fv.custom_primitive(softplus, metal="template <typename T> inline T softplus(T x) { return wrong(x); }")
    with on("1024"), pytest.raises(RuntimeError, match=r"Its source is .*(?s:.*)wrong"):
        op(fv.ones(2))


def test_with_the_jit_disabled() -> None:
    """The functions then run as Python."""
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "import numpy as np, fastvjp as fv, test_custom_primitive as t\n"
        "x = np.array([0.5, -1.0])\n"
        "slope = fv.grad(lambda x: t.softplus_op()(x).sum())(x)\n"
        "print(slope.tolist(), fv.custom_primitive(t.calling)(x).tolist())"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "FASTVJP_DEVICE": "cpu"}
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(Path(__file__).parents[1])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    slope, value = done.stdout.split("] [")
    close(json.loads(slope + "]"), special.expit([0.5, -1.0]))
    close(json.loads("[" + value), [2.75, -1.0])
