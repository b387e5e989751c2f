"""custom_function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.checks import close, same

import fastvjp as fv


@pytest.fixture
def xyv(rng):
    return rng.normal(size=3), rng.normal(size=3), rng.normal(size=3)


def cube(*rules):
    """x**3 whose rules are off by a factor, so that it shows who was asked: vjp 10, jvp 100, vmap 1000."""

    @fv.custom_function
    def f(x):
        return x**3

    if "vjp" in rules:
        f.vjp(lambda x, g, out: 30 * x**2 * g)
    if "jvp" in rules:
        f.jvp(lambda x, t: 300 * x**2 * t)
    if "vmap" in rules:
        f.vmap(lambda x, axis: (1000 * fv.moveaxis(x, axis, 0) ** 3, 0))
    return f


VJP = {"": 3, "vjp": 30, "jvp": 300, "vmap": 3, "vjp jvp": 30, "vjp vmap": 30, "jvp vmap": 300, "vjp jvp vmap": 30}
JVP = {**VJP, "vjp jvp": 300, "vjp jvp vmap": 300}


@pytest.mark.parametrize("rules", list(VJP))
def test_each_hook_alone_and_together(rules, xyv):
    x, _, v = xyv
    f = cube(*rules.split())
    close(f(x), x**3)
    (out,), (g,) = fv.vjp(f, [x], [v])
    close(out, x**3)
    close(g, VJP[rules] * x**2 * v)
    (out,), (t,) = fv.jvp(f, [x], [v])
    close(out, x**3)
    close(t, JVP[rules] * x**2 * v)
    forward = 1000 if "vmap" in rules else 1
    close(fv.vmap(f)(x), forward * x**3)
    close(fv.vmap(f, in_axes=1, out_axes=1)(np.stack([x, v])), forward * np.stack([x, v]) ** 3)


@pytest.mark.parametrize("rules", list(VJP))
def test_hooks_nested(rules, xyv):
    x, _, v = xyv
    f = cube(*rules.split())
    by_vjp, by_jvp = VJP[rules], JVP[rules]
    # vmap's rule stands for the values; what is differentiated before it has its own
    around = by_vjp if "vjp" in rules or "jvp" in rules else by_vjp * (1000 if "vmap" in rules else 1)
    close(fv.grad(lambda x: fv.sum(fv.vmap(f)(x) * v))(x), around * x**2 * v)
    close(fv.vmap(fv.grad(f))(x), by_vjp * x**2)
    close(fv.jvp(fv.vmap(f), [x], [v])[1][0], around * by_jvp / by_vjp * x**2 * v)
    push = lambda a, t: fv.jvp(f, [a], [t])[1][0]  # noqa: E731
    close(fv.vmap(push)(x, v), by_jvp * x**2 * v)
    close(fv.compile(lambda x: fv.vjp(f, [x], [v])[1][0])(x), by_vjp * x**2 * v)
    close(fv.grad(lambda x: fv.sum(fv.compile(f)(x)))(x), by_vjp * x**2)
    # a derivative of a rule differentiates the rule's own ops
    close(fv.grad(lambda x: fv.sum(fv.vjp(f, [x], [v])[1][0]))(x), 2 * by_vjp * x * v)
    close(fv.jvp(lambda x: fv.vjp(f, [x], [v])[1][0], [x], [v])[1][0], 2 * by_vjp * x * v * v)
    close(fv.grad(lambda x: fv.sum(fv.jvp(f, [x], [v])[1][0]))(x), 2 * by_jvp * x * v)
    close(fv.jvp(lambda x: fv.jvp(f, [x], [v])[1][0], [x], [v])[1][0], 2 * by_jvp * x * v * v)
    close(fv.jacrev(f)(x), np.diag(by_vjp * x**2))


def test_derivative_with_respect_to_the_cotangent(xyv):
    x, _, v = xyv
    for rules, factor in (("vjp", 30), ("jvp", 300), ("vjp jvp", 300)):
        f = cube(*rules.split())
        pulled = lambda g, f=f: fv.sum(fv.vjp(f, [x], [g])[1][0] * v)  # noqa: E731
        # with both rules the transpose of the vjp rule is the jvp rule
        close(fv.grad(pulled)(x), factor * x**2 * v)


def test_several_arguments_and_outputs_of_trees(xyv):
    x, y, v = xyv
    seen: dict[str, Any] = {}

    @fv.custom_function
    def f(p, y, *, k):
        return {"prod": p["x"] * y * k, "sum": fv.sum(y)}

    @f.vjp
    def rule(primals, cotangents, outputs, *, k):
        _p, y = primals
        seen.update(outputs=outputs, k=k)
        return {"x": cotangents["prod"] * y * k}, None

    outputs, vjps = fv.vjp(lambda p, y: f(p, y, k=2.0), [{"x": x}, y], [{"prod": v, "sum": 1.0}])
    close(outputs[0]["prod"], 2 * x * y)
    close(vjps[0]["x"], 2 * y * v)
    same(vjps[1], np.zeros(3))
    assert list(seen["outputs"]) == ["prod", "sum"] and seen["k"] == 2.0


def test_captured_arrays_keep_their_gradients(xyv):
    x, y, v = xyv

    def outer(c):
        @fv.custom_function
        def f(x):
            return x * c

        f.vjp(lambda x, g, out: 10 * g * c)
        return f(x * c)

    # through the rule 10 * c * x, through the body x * c
    close(fv.vjp(outer, [y], [v])[1][0], (10 * y * x + x * y) * v)
    close(fv.vjp(fv.vmap(lambda c: outer_of(x, c)), [y], [v])[1][0], 11 * y * np.sum(x) * v)


def outer_of(x, c):
    @fv.custom_function
    def f(z):
        return z * c

    f.vjp(lambda z, g, out: 10 * g * c)
    return fv.sum(f(x * c))


@pytest.mark.parametrize("rule", ["vjp", "jvp"])
def test_rule_that_captures_a_batched_array(rule, xyv):
    """The rule runs when vmap has already left its scalar view of `c` behind."""
    x, c, _ = xyv

    def each(x, c):
        @fv.custom_function
        def f(x):
            return x * 1

        if rule == "vjp":
            f.vjp(lambda x, g, out: g * c)
        else:
            f.jvp(lambda x, t: t * c)
        return f(x)

    close(fv.grad(lambda x: fv.sum(fv.vmap(each)(x, c)))(x), c)
    close(fv.vmap(fv.grad(each))(x, c), c)
    twice = lambda x: fv.sum(fv.vmap(lambda x: fv.vmap(lambda c: each(x * c, c))(c))(x))  # noqa: E731
    close(fv.grad(twice)(x), np.full(3, (c * c).sum()))
    with pytest.raises(fv.TracedValueError, match="vmap"):  # neither operand nor result is batched: no silence
        fv.grad(lambda x: fv.sum(fv.vmap(lambda c: each(x, c))(c)))(x)


def test_a_rule_may_rebind_what_the_function_returned():
    """Results are what they were when it returned, at the first call and when it is repeated."""
    returned: dict[str, fv.array] = {}

    @fv.custom_function
    def doubled(x):
        return 2 * x

    @doubled.vjp
    def rule(primals, cotangent, output):
        for x in returned.values():
            x[...] = x * 100 + 1
        return 2 * cotangent

    def fun(a, b):
        returned["y"] = y = doubled(a * b)
        return y

    def with_aux(a, b):
        y = fun(a, b)
        returned["loss"], returned["aux"] = fv.sum(y), fv.sum(a)
        return returned["loss"], returned["aux"]

    a, b = fv.array([1.0, 2.0]), fv.array([3.0, 4.0])
    for _ in range(2):
        outputs, vjps = fv.vjp(fun, [a, b], [a])
        same([*outputs, *vjps], [[6, 16], [6, 16], [2, 8]])
        (value, aux), gradient = fv.value_and_grad(with_aux)(a, b)
        same([value, aux, *gradient], [22, 3, 6, 8])
        outputs, pullback = fv.vjp(fun, [a, b])
        same([*outputs, *pullback([a])], [[6, 16], [6, 16], [2, 8]])
        for jacobian in (fv.jacfwd, fv.jacrev):
            same(jacobian(fun, argnums=(0, 1))(a, b), [[[6, 0], [0, 8]], [[2, 0], [0, 4]]])


def test_bare_and_unused_arguments(xyv):
    x, _, v = xyv
    f = fv.custom_function(lambda x, mode, n: x * n if mode == "scale" else x)
    f.vjp(lambda primals, g, out: (g * 7, None, None))
    close(fv.vjp(lambda x: f(x, "scale", 2), [x], [v])[1][0], 7 * v)
    close(f(x, "other", 2), x)


def test_output_that_is_an_input_and_integer_outputs(xyv):
    x, y, v = xyv
    f = fv.custom_function(lambda x: (x, fv.argmax(x), fv.array(y)))
    f.vjp(lambda x, g, out: g[0] * 5 + g[2])
    _, (g,) = fv.vjp(lambda x: [f(x)[0], f(x)[2]], [x], [v, v])
    close(g, 6 * v)
    empty: list[Any] = []
    nothing = fv.custom_function(lambda x: empty)
    nothing.vjp(lambda x, g, out: x)
    assert fv.vjp(nothing, [x], [])[0] == []


BAD_VJP = [
    (lambda p, g, out: g, ValueError, r"returned 1 cotangents, expected one for each of the 2"),
    (lambda p, g, out: (g, g, g), ValueError, r"returned 3 cotangents"),
    (lambda p, g, out: (g[:2], g), ValueError, r"shape \(2,\) as the cotangent of primal 0, expected \(3,\)"),
    (lambda p, g, out: (g, fv.sum(g)), ValueError, r"shape \(\) as the cotangent of primal 1"),
    (lambda p, g, out: (g, g * 1j), TypeError, r"complex.* primal 1"),
    (lambda p, g, out: (g, "text"), TypeError, r"custom_function\.vjp.*str"),
    (lambda p, g, out: (g, [g, g]), ValueError, r"structure"),
    (lambda p, g, out: None, ValueError, r"cotangents"),
    (lambda p, g, out: 1 / 0, ZeroDivisionError, "division"),
]


@pytest.mark.parametrize(("rule", "error", "text"), BAD_VJP)
def test_bad_vjp_rules(rule, error, text, xyv):
    x, y, v = xyv
    f = fv.custom_function(fv.multiply)
    f.vjp(rule)
    for attempt in (
        lambda: fv.vjp(f, [x, y], [v]),
        lambda: fv.vjp(f, [x, y])[1]([v]),
        lambda: fv.grad(lambda x: fv.sum(fv.vmap(lambda a: f(a, y))(fv.stack([x, x]))))(x),
    ):
        with pytest.raises(error, match=text):
            attempt()
        same(fv.vjp(fv.square, [3.0], [1.0])[1][0], 6)  # nothing was left open


BAD_JVP = [
    (lambda x, t: (t, t), ValueError, r"returned 2 tangents"),
    (lambda x, t: t[:1], ValueError, r"shape \(1,\) as the tangent of output 0, expected \(3,\)"),
    (lambda x, t: t * 1j, TypeError, r"complex"),
    (lambda x, t: "text", TypeError, r"custom_function\.jvp"),
    (lambda x, t: 1 / 0, ZeroDivisionError, "division"),
]


@pytest.mark.parametrize(("rule", "error", "text"), BAD_JVP)
def test_bad_jvp_rules(rule, error, text, xyv):
    x, _, v = xyv
    f = fv.custom_function(fv.sin)
    f.jvp(rule)
    for attempt in (lambda: fv.jvp(f, [x], [v]), lambda: fv.vjp(f, [x], [v])):
        with pytest.raises(error, match=text):
            attempt()


BAD_VMAP = [
    (lambda x, axis: x, ValueError, r"\(outputs, out_axes\)"),
    (lambda x, axis: (x[0], 0), ValueError, r"shape \(3,\).*expected float64 of \(2, 3\)"),
    (lambda x, axis: ([x, x], 0), ValueError, r"returned 2 outputs"),
    (lambda x, axis: (x, 5), ValueError, r"5"),
    (lambda x, axis: (x, "0"), (ValueError, TypeError), r"axis|axes"),
    (lambda x, axis: ("text", 0), TypeError, r"custom_function\.vmap"),
    (lambda x, axis: (x.astype(fv.float32), 0), TypeError, r"float32"),
]


@pytest.mark.parametrize(("rule", "error", "text"), BAD_VMAP)
def test_bad_vmap_rules(rule, error, text, rng):
    f = fv.custom_function(fv.sin)
    f.vmap(rule)
    with pytest.raises(error, match=text):
        fv.vmap(f)(rng.normal(size=(2, 3)))


def test_vmap_rule_gets_axes_and_may_answer_none(rng):
    x, y = rng.normal(size=(2, 3)), rng.normal(size=3)
    seen = []
    f = fv.custom_function(lambda x, y: (x * y, y * 2))

    @f.vmap
    def rule(primals, axes):
        seen.append(axes)
        return (primals[0] * primals[1], primals[1] * 2), (axes[0], None)

    first, second = fv.vmap(f, in_axes=(0, None))(x, y)
    assert seen == [(0, None)]
    close(first, x * y)
    close(second, np.stack([y * 2] * 2))


def test_not_callable():
    for make in (
        fv.custom_function,
        fv.custom_function(fv.sin).vjp,
        fv.custom_function(fv.sin).vmap,
    ):
        with pytest.raises(TypeError, match="function"):
            make(3)  # type: ignore[arg-type]


def test_checkpoint_nested_with_custom_and_reads(xyv):
    x, _, v = xyv

    def fun(a):
        k = a[0].item()  # a value read while recording: a constant
        return fv.checkpoint(lambda b: cube("vjp")(b) * k)(a) * 2

    close(fv.vjp(fv.checkpoint(fun), [x], [v])[1][0], 60 * x**2 * x[0] * v)
