"""`custom_primitive`: a user's element functions on both devices: alone, differentiated, fused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special
from support.checks import close, numeric_grad, vjp1
from support.emulating import on
from support.user_functions import length_op, lerp_op, softplus, softplus_op, softplus_rule, softplus_vjp

import fastvjp as fv
from fastvjp.core.definitions import DEFINED

# --- values and derivatives ------------------------------------------------------------------------------


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


# --- fusion ----------------------------------------------------------------------------------------------


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


def test_products_are_taken_in_their_order():
    """Not (x * x) * 1e-200, which overflows: a loop may regroup its sums, what it calls may not."""

    def scaled_square(x):
        return x * type(x)(1e-200) * x

    square = fv.custom_primitive(scaled_square, rule=lambda g, x: g * x * 2e-200)
    x = np.array([1e180, 1e-180])
    np.testing.assert_allclose(square(fv.array(x)), [1e160, 0], rtol=1e-15)
