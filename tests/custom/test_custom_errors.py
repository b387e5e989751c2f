"""What `custom_primitive` refuses: definitions, calls, derivatives, functions that cannot be compiled."""

from __future__ import annotations

import math
import types
from typing import Any

import numpy as np
import pytest
from scipy import special
from support.checks import close
from support.emulating import on
from support.user_functions import length, length_x, lerp, lerp_op, softplus, softplus_op, softplus_vjp

import fastvjp as fv
from fastvjp.kernels.native import jit


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
    return not_there(x)  # type: ignore[name-defined]  # noqa: F821


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
