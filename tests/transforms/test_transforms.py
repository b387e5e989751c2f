"""vjp as a pullback, grad, value_and_grad and jvp against closed forms."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest
from support.checks import close, keep, numeric_grad, same

import fastvjp as fv
from fastvjp.planning.plan import Plan
from fastvjp.recording import ready


class Pair(NamedTuple):
    left: object
    right: object


@dataclasses.dataclass
class Layer:
    w: object
    b: object
    name: str = dataclasses.field(default="dense", metadata={"static": True})


@pytest.fixture
def xyv(rng):
    return rng.normal(size=3), rng.normal(size=3), rng.normal(size=3)


# --- the pullback form ---


def test_pullback_is_callable_often(xyv):
    x, y, v = xyv
    calls = []

    def fun(x, y):
        calls.append(1)
        return fv.sin(x) * y

    (out,), pullback = fv.vjp(fun, [x, y])
    close(out, np.sin(x) * y)
    for scale in (1.0, -2.0, 0.0):
        gx, gy = pullback([v * scale])
        close(gx, np.cos(x) * y * v * scale)
        close(gy, np.sin(x) * v * scale)
    assert len(calls) == 1


def test_pullback_does_not_see_later_changes(xyv):
    x, _, v = xyv
    a = fv.array(x)
    _, pullback = fv.vjp(lambda b: b * b * a, [a])
    a[0] = 100.0
    close(pullback([v])[0], 2 * x * x * v)


def test_pullback_checks_cotangents():
    _, pullback = fv.vjp(lambda x: [x, x], [fv.ones(3)])
    with pytest.raises(ValueError, match=r"\[pullback\] Number of outputs .*\(2\).*\(1\)"):
        pullback([fv.ones(3)])
    with pytest.raises(ValueError, match="at output 1"):
        pullback([fv.ones(3), fv.ones(2)])
    with pytest.raises(TypeError, match="wrap it in a list"):
        pullback(fv.ones(3))


def test_pullback_is_differentiable_in_its_cotangent(xyv):
    x, _, v = xyv
    _, pullback = fv.vjp(fv.sin, [x])
    found = fv.grad(lambda g: fv.sum(pullback([g * g])[0]))(v)
    close(found, 2 * v * np.cos(x))
    close(fv.vmap(lambda g: pullback([g])[0])(np.eye(3)), np.diag(np.cos(x)))
    close(fv.compile(lambda g: pullback([g])[0])(v), np.cos(x) * v)


def test_pullback_made_inside_another_transform(xyv):
    x, y, v = xyv

    def fun(x):
        (out,), pullback = fv.vjp(lambda a: a**3 * y, [x])
        return fv.sum(pullback([out])[0])

    # out = y x^3, pulled back: 3 y^2 x^5
    close(fv.grad(fun)(x), 15 * y**2 * x**4)
    close(fv.jvp(fun, [x], [v])[1][0], np.sum(15 * y**2 * x**4 * v))


def test_pullback_that_outlives_its_transform(xyv):
    x, _, v = xyv
    kept = []

    def fun(x):
        kept.append(fv.vjp(fv.sin, [x * 2])[1])
        return x

    fv.vjp(fun, [x], [v])
    close(kept[0]([v])[0], np.cos(2 * x) * v)
    close(kept[0]([v * 3])[0], np.cos(2 * x) * v * 3)


def test_pullbacks_of_pullbacks(xyv):
    x, _, v = xyv
    (first,), outer = fv.vjp(lambda a: fv.vjp(lambda b: b**4, [a])[1]([v])[0], [x])
    close(first, 4 * x**3 * v)
    close(outer([v])[0], 12 * x**2 * v * v)


def test_pullback_of_nothing_and_identity():
    _, pullback = fv.vjp(lambda x: x, [2.0])
    same(pullback([5.0])[0], 5)
    (_out,), pullback = fv.vjp(lambda x: 1.0, [2.0])
    same(pullback([5.0])[0], 0)
    outputs, pullback = fv.vjp(lambda: [], [])
    assert outputs == [] and pullback([]) == []


def test_has_aux_everywhere(xyv):
    x, _, v = xyv

    def fun(x):
        y = fv.sin(x)
        return y, {"y": y, "text": "kept", "none": None, "list": [y * 2, 3]}

    for found in (fv.vjp(fun, [x], [v], has_aux=True), fv.vjp(fun, [x], has_aux=True)):
        outputs, _, aux = found
        close(outputs[0], np.sin(x))
        assert aux["text"] == "kept" and aux["none"] is None and aux["list"][1] == 3
        close(aux["list"][0], 2 * np.sin(x))
    close(fv.vjp(fun, [x], [v], has_aux=True)[1][0], np.cos(x) * v)
    with pytest.raises(ValueError, match="outputs, aux"):
        fv.vjp(lambda x: x, [x], [v], has_aux=True)


def test_aux_of_an_inner_transform_stays_differentiable(xyv):
    x, _, v = xyv

    def fun(x):
        _, (g,), aux = fv.vjp(lambda a: (a * a, fv.exp(a)), [x], [v], has_aux=True)
        return fv.sum(aux + g)

    close(fv.grad(fun)(x), np.exp(x) + 2 * v)


# --- grad, value_and_grad ---


def test_grad_argnums(xyv):
    x, y, _ = xyv
    fun = lambda x, y: fv.sum(x * x * y)  # noqa: E731
    close(fv.grad(fun)(x, y), 2 * x * y)
    close(fv.grad(fun, argnums=1)(x, y), x * x)
    both = fv.grad(fun, argnums=(1, 0))(x, y)
    assert type(both) is tuple
    close(both[0], x * x)
    close(both[1], 2 * x * y)
    (one,) = fv.grad(fun, argnums=[1])(x, y)
    close(one, x * x)


def test_grad_argnames(xyv):
    x, y, _ = xyv
    fun = lambda x, *, scale, shift: fv.sum(x * scale + shift)  # noqa: E731
    nothing, by_name = fv.grad(fun, argnames="scale")(x, scale=y, shift=y)
    assert nothing is None and list(by_name) == ["scale"]
    close(by_name["scale"], x)
    value, (first, by_name) = fv.value_and_grad(fun, argnums=0, argnames=["scale", "shift"])(x, scale=y, shift=2.0)
    close(value, np.sum(x * y + 2))
    close(first, y)
    close(by_name["scale"], x)
    close(by_name["shift"], np.float32(3))


@pytest.mark.parametrize(
    ("argnums", "argnames", "error"),
    [(-1, (), ValueError), ((0, 0), (), ValueError), (2, (), ValueError), (0, ("k", "k"), ValueError),
     (0, "missing", ValueError), (0.5, (), TypeError), (True, (), TypeError)],
)  # fmt: skip
def test_grad_bad_choices(argnums, argnames, error):
    with pytest.raises(error):
        fv.grad(lambda x, y, k=1.0: x * y * k, argnums=argnums, argnames=argnames)(1.0, 2.0)


def test_value_and_grad_aux(xyv):
    x, _, _ = xyv
    (value, doubled, text), g = fv.value_and_grad(lambda x: (fv.sum(x * x), x * 2, "note"))(x)
    close(value, np.sum(x * x))
    close(doubled, 2 * x)
    assert text == "note"
    close(g, 2 * x)


@pytest.mark.parametrize(
    "bad", [fv.ones(3), fv.ones(1), [fv.array(1.0)], {"a": 1.0}, None, "text", ()], ids=lambda b: type(b).__name__
)
def test_grad_of_what_is_no_scalar(bad):
    with pytest.raises(ValueError, match="scalar"):
        fv.grad(lambda x: bad)(1.0)


def test_grad_names_the_shape():
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        fv.grad(lambda x: x)(fv.ones((2, 3)))


@pytest.mark.parametrize("make", [dict, list, tuple, Pair, Layer], ids=lambda m: m.__name__)
def test_grad_of_trees(make, xyv):
    x, y, _ = xyv
    build = {dict: lambda a, b: {"a": a, "b": b}, list: lambda a, b: [a, b], tuple: lambda a, b: (a, b)}
    parts = {dict: lambda t: t.values(), Pair: tuple, Layer: lambda t: (t.w, t.b)}
    given = build.get(make, make)(x, y)
    split = parts.get(make, list)

    def fun(tree):
        a, b = split(tree)
        return fv.sum(fv.sin(a) * b)

    _value, found = fv.value_and_grad(fun)(given)
    assert type(found) is make
    a, b = split(found)
    close(a, np.cos(x) * y)
    close(b, np.sin(x))
    assert all(type(p) is np.ndarray for p in split(given))
    if make is Layer:
        assert found.name == "dense"


def test_grad_of_empty_trees_and_none(xyv):
    x, _, _ = xyv
    assert fv.grad(lambda t: fv.array(1.0))({}) == {}
    assert fv.grad(lambda t: fv.array(1.0))([]) == []
    found = fv.grad(lambda t: fv.sum(t["w"] * 2))({"w": x, "b": None, "rest": ()})
    close(found["w"], np.full(3, 2.0))
    assert found["b"] is None and found["rest"] == ()


@pytest.mark.parametrize("bad", ["text", object(), fv.sin, {1, 2}], ids=lambda b: type(b).__name__)
def test_grad_of_what_is_no_array(bad):
    with pytest.raises(TypeError, match="close over"):
        fv.grad(lambda x: fv.array(1.0))({"a": bad})


def test_grad_with_other_arguments_of_any_type(xyv):
    x, _, _ = xyv
    fun = lambda x, f, n, *, how: fv.sum(f(x) ** n) if how == "sum" else None  # noqa: E731
    close(fv.grad(fun)(x, fv.sin, 2, how="sum"), 2 * np.sin(x) * np.cos(x))


def test_grad_of_one_array_given_twice(xyv):
    x, _, _ = xyv
    a = fv.array(x)
    close(fv.grad(lambda t: fv.sum(t[0] * t[1] * t[0]))([a, a])[0], 2 * x * x)
    gx, gy = fv.grad(lambda x, y: fv.sum(x * y * y), argnums=(0, 1))(a, a)
    close(gx, x * x)
    close(gy, 2 * x * x)


def test_grad_to_order_four():
    fun = lambda x: fv.exp(2 * x) * x  # noqa: E731
    x = 0.3
    for n in range(1, 5):
        fun = fv.grad(fun)
        # (x e^{2x})^(n) = 2^n e^{2x} (x + n/2)
        close(fun(np.float64(x)), 2**n * np.exp(2 * x) * (x + n / 2), rtol=1e-9)


def test_grad_agrees_with_finite_differences(rng):
    x, w = rng.normal(size=(2, 3)), rng.normal(size=(3, 4))

    def fun(x):
        h = fv.tanh(fv.array(x) @ w)
        return fv.logsumexp(fv.softmax(h, axis=1) * h - fv.max(h, axis=1, keepdims=True))

    close(fv.grad(fun)(x), numeric_grad(fun, x), rtol=1e-6, atol=1e-8)


# --- jvp ---


def test_grad_does_not_compute_the_value(monkeypatch):
    plans: list[Plan] = []
    make_plan = ready.make_plan
    monkeypatch.setattr(ready, "make_plan", lambda *args: keep(plans, make_plan(*args)))
    x = np.linspace(0, 1, 37)
    fun = lambda x: (fv.sum(fv.sin(fv.cos(x))), x * 7)  # noqa: E731
    close(fv.grad(fun)(x), -np.cos(np.cos(x)) * np.sin(x))
    fv.value_and_grad(fun)(x)
    assert [len(plan.outputs) for plan in plans] == [1, 3]


def test_grad_where_the_value_is_an_error():
    row = fv.array([1.0, 2.0])
    with pytest.raises(IndexError, match="gather"):
        fv.grad(lambda x: x + row[x.astype(fv.int32)])(5.0)


def test_jvp_closed_forms(xyv):
    x, y, v = xyv
    outputs, tangents = fv.jvp(lambda x, y: [x * y, fv.sum(fv.sin(x)), x], [x, y], [v, 2 * v])
    close(outputs[0], x * y)
    close(tangents[0], v * y + 2 * v * x)
    close(tangents[1], np.sum(np.cos(x) * v))
    close(tangents[2], v)


def test_jvp_constant_duplicate_and_integer_outputs(xyv):
    x, _, v = xyv
    _, tangents = fv.jvp(lambda x: [fv.array(2.0), x, x, fv.argmax(x), x * 2, x * 2], [x], [v])
    assert [float(fv.sum(t)) for t in tangents[:1]] == [0]
    close(tangents[1], v)
    close(tangents[2], v)
    same(tangents[3], 0)
    close(tangents[5], 2 * v)


def test_jvp_trees_and_integer_primals(xyv):
    x, _, v = xyv
    fun = lambda p, n: {"out": p["x"] * n}  # noqa: E731
    (out,), (t,) = fv.jvp(fun, [{"x": x}, np.array([1, 2, 3])], [{"x": v}, np.zeros(3)])
    close(out["out"], x * [1, 2, 3])
    close(t["out"], v * [1, 2, 3])


def test_jvp_errors():
    x = fv.ones(3)
    with pytest.raises(ValueError, match=r"primals \(2\).*tangents \(1\)"):
        fv.jvp(fv.add, [x, x], [x])
    with pytest.raises(ValueError, match=r"\[jvp\] Primal shape \(3\) does not match tangent shape \(2\)"):
        fv.jvp(fv.sin, [x], [fv.ones(2)])
    with pytest.raises(TypeError, match="complex"):
        fv.jvp(fv.sin, [x], [fv.ones(3, dtype=fv.complex64)])
    with pytest.raises(TypeError, match="wrap it in a list"):
        fv.jvp(fv.sin, x, [x])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="function"):
        fv.jvp(None, [x], [x])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="structure"):
        fv.jvp(lambda p: p["a"], [{"a": x}], [{"b": x}])


def test_jvp_is_the_transpose_of_vjp(rng):
    x, v = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    g = rng.normal(size=2)
    fun = lambda x: fv.prod(fv.exp(x) + x[::-1], axis=0)  # noqa: E731
    (t,) = fv.jvp(fun, [x], [v])[1]
    (pulled,) = fv.vjp(fun, [x], [g])[1]
    close(np.vdot(t, g), np.vdot(v, pulled))


# --- attacks ---


def test_fun_may_mutate_its_arguments(xyv):
    x, _, _ = xyv

    def fun(p):
        p["x"][0] = 5.0
        p["x"] *= 2
        p.pop("y")
        return fv.sum(p["x"] ** 2)

    given = {"x": fv.array(x), "y": fv.array(1.0)}
    found = fv.grad(fun)(given)
    same(given["x"], x)
    close(found["x"], np.concatenate([[0], 8 * x[1:]]))
    same(found["y"], 0)


def test_outer_array_changed_in_place_inside_an_inner_transform(xyv):
    x, _, _ = xyv

    def outer(x):
        def inner(y):
            x[0] = y[0] * 3
            return fv.sum(x * y)

        return fv.sum(fv.grad(inner)(x * 2))

    (g,) = fv.vjp(outer, [x], [1.0])[1]
    # inner: 3 y0^2 + x1 y1 + x2 y2, its gradient 6 y0, x1, x2 at y = 2x: 12 x0 + x1 + x2
    close(g, [12, 1, 1])


def test_transform_as_decorator_and_of_a_method(xyv):
    x, _, _ = xyv

    class Model:
        w = fv.array(2.0)

        def loss(self, x):
            return fv.sum(x * self.w)

    close(fv.grad(Model().loss)(x), np.full(3, 2.0))

    @fv.vmap
    @fv.grad
    def slope(x):
        return x**3

    close(slope(x), 3 * x**2)
