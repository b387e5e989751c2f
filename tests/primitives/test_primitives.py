"""Every row of support/cases: values, derivatives of both orders, vmap, shapes, layouts, special points."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cases import CASES
from support.cases.case import FLOAT, Case
from support.oracles import (
    all_pairs,
    assert_close,
    assert_same_zeros,
    check_derivatives,
    direction,
    inner,
    is_inexact,
    precise,
)

import fastvjp as mx
from fastvjp.arrays.array import array
from fastvjp.arrays.conversion import numpy_of
from fastvjp.arrays.emit import emit
from fastvjp.core.primitive import REGISTRY
from fastvjp.kernels.elements.registry import ELEMENTS
from fastvjp.recording import ready
from fastvjp.recording.recorder import Recording, switch
from fastvjp.recording.trie import Node, trie

ELEMENTWISE = [case for case in CASES if case.elementwise]
DOUBLE = ("float64", "complex128")
"""Where finite differences tell something."""


def rows(cases: list[Case], *dtypes: str) -> Any:
    """Parametrize by cases and by those of the dtypes (all if none are given) that a case names."""
    pairs = [(case, d) for case in cases for d in case.dtypes if not dtypes or d in dtypes]
    return pytest.mark.parametrize(("case", "dtype"), [together(c.primitive, f"{c}-{d}", c, d) for c, d in pairs])


def together(primitive: str, shown: str, *values: Any) -> Any:
    """One parameter set; those of one primitive share a process, and so its compiled kernels."""
    return pytest.param(*values, id=shown, marks=pytest.mark.xdist_group(primitive))


def every(cases: list[Case]) -> Any:
    """Parametrize by cases."""
    return pytest.mark.parametrize("case", [together(case.primitive, str(case), case) for case in cases])


def listed(fun: Callable[..., Any]) -> Callable[..., list[Any]]:
    """The function with its result in a list."""
    return lambda *xs: [fun(*xs)]


def smooth(case: Case) -> Callable[..., list[Any]]:
    return listed(case.smooth or case.reference)


def arrays(xs: list[np.ndarray]) -> list[array]:
    return [mx.array(x) for x in xs]


def numpy_reference(case: Case, xs: list[np.ndarray]) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(case.reference(*xs))


# --- values ----------------------------------------------------------------------------------------------


@rows(CASES)
def test_forward(case: Case, dtype: str, rng: np.random.Generator) -> None:
    xs = case.draw(rng, dtype)
    got = case.fun(*arrays(xs))
    expected = numpy_reference(case, xs).dtype
    assert got.dtype == (np.float32 if expected == np.float16 else expected)
    narrow = {np.dtype(np.float16): np.float32}  # NumPy's result for 8-bit integers, no dtype of ours
    wide = [x.astype(np.float64) if expected in narrow else precise(x) for x in xs]
    assert_close(got, numpy_reference(case, wide), ulp(case, dtype), case.at_least)


def ulp(case: Case, dtype: str) -> int:
    """A complex operation is several real ones."""
    return case.ulp * (4 if dtype.startswith("complex") else 1)


def special_values(dtype: str) -> np.ndarray:
    """Zeros, ones, infinities, nan, denormals, and numbers that are huge, tiny or next to something."""
    limits = np.finfo(dtype)
    sizes: list[Any] = [0.0, 0.5, 1.0, 2.0, 3.0, 1e-8, 100.0, 1000.0, np.inf, limits.max, limits.tiny]
    sizes += [limits.smallest_subnormal, 1 + limits.eps, 1 - limits.eps]
    reals = np.array([*sizes, *[-s for s in sizes], np.nan], dtype)
    if reals.dtype.kind != "c":
        return reals
    parts = np.array([0.0, -0.0, 0.5, 1.0, -1.0, -2.0], reals.real.dtype)
    return (parts[:, None] + 1j * parts).ravel().astype(dtype)


@rows([case for case in ELEMENTWISE if "float32" in case.dtypes], *FLOAT)
def test_special_values(case: Case, dtype: str) -> None:
    xs = special_operands(case, dtype)
    got = case.fun(*arrays(xs))
    want = numpy_reference(case, [precise(x) for x in xs])
    assert_close(got, want, case.ulp, case.at_least)
    if case.primitive not in ("maximum", "minimum"):  # NumPy's choice between 0 and -0 varies
        with np.errstate(all="ignore"):
            assert_same_zeros(got, want.astype(got.dtype))


def special_operands(case: Case, dtype: str) -> list[np.ndarray]:
    given = [d.dtype or dtype for d in case.domains]
    count = sum(d == dtype for d in given)
    values = iter(all_pairs(special_values(dtype), count))
    size = len(special_values(dtype)) ** count
    return [next(values) if d == dtype else np.arange(size) % 2 == 0 for d in given]


# --- derivatives -----------------------------------------------------------------------------------------


@rows(CASES, *DOUBLE)
def test_first_order(case: Case, dtype: str, rng: np.random.Generator) -> None:
    check_derivatives(listed(case.fun), smooth(case), case.draw(rng, dtype), rng)


@rows(CASES, *DOUBLE)
def test_second_order(case: Case, dtype: str, rng: np.random.Generator) -> None:
    xs = case.draw(rng, dtype)
    u = direction(rng, np.asarray(case.reference(*xs)))

    def first(*operands: Any) -> list[Any]:
        *primals, g = operands
        found = mx.vjp(case.fun, primals, [g])[1]
        return [v for v in found if is_inexact(v)]

    if not is_inexact(u):
        return

    def first_in_numpy(*operands: np.ndarray) -> list[Any]:
        return [np.asarray(y) for y in first(*arrays(list(operands)))]

    check_derivatives(first, first_in_numpy, [*xs, u], rng, forward=False)


@rows(CASES, "float32", "complex64")
def test_single_precision_gradient(case: Case, dtype: str, rng: np.random.Generator) -> None:
    xs = case.draw(rng, dtype)
    u = direction(rng, np.asarray(case.fun(*arrays(xs))))
    outputs, vjps = mx.vjp(case.fun, arrays(xs), [mx.array(u)])
    _, expected = mx.vjp(case.fun, arrays([precise(x) for x in xs]), [mx.array(precise(u))])
    assert outputs[0].dtype == u.dtype
    for x, g, want in zip(xs, vjps, map(np.asarray, expected), strict=True):
        assert (g.shape, g.dtype) == (x.shape, x.dtype)
        size = np.abs(want).max(initial=1)
        np.testing.assert_allclose(np.asarray(g), want, rtol=2e-5, atol=2e-6 * size)


@rows(CASES, *DOUBLE)
def test_input_used_twice(case: Case, dtype: str, rng: np.random.Generator) -> None:
    """Two cotangents of one result add up; so do those of one array in the place of two operands."""
    xs = case.draw(rng, dtype)
    out = np.asarray(case.fun(*arrays(xs)))
    us = [direction(rng, out), direction(rng, out)]
    _, twice = mx.vjp(lambda *ops: [case.fun(*ops), case.fun(*ops)], arrays(xs), arrays(us))
    _, once = mx.vjp(case.fun, arrays(xs), [mx.array(us[0] + us[1])])
    for got, want in zip(twice, once, strict=True):
        assert_close(got, np.asarray(want), 64, 1)
    same = [i for i, x in enumerate(xs) if is_inexact(x) and x.shape == xs[-1].shape]
    if len(same) > 1:
        places = [xs[-1] if i in same else x for i, x in enumerate(xs)]
        rest = [mx.array(x) for i, x in enumerate(xs) if i not in same]

        def joined(x: array) -> Any:
            others = iter(rest)
            return case.fun(*[x if i in same else next(others) for i in range(len(xs))])

        _, (got,) = mx.vjp(joined, [mx.array(xs[-1])], [mx.array(us[0])])
        _, separate = mx.vjp(case.fun, arrays(places), [mx.array(us[0])])
        assert_close(got, np.sum([np.asarray(separate[i]) for i in same], axis=0), 64, 1)


@pytest.mark.parametrize(("source", "target"), [("float64", "float32"), ("float32", "float64")])
def test_cast_between_precisions(source: str, target: str, rng: np.random.Generator) -> None:
    """Finite differences of such a cast would be rounding errors."""
    x, u = rng.standard_normal(5).astype(source), rng.standard_normal(5).astype(target)
    (out,), (g,) = mx.vjp(lambda x: mx.astype(x, target), [x], [u])
    assert (out.dtype, g.dtype) == (target, source)
    np.testing.assert_array_equal(np.asarray(out), x.astype(target))
    np.testing.assert_array_equal(np.asarray(g), u.astype(source))


# --- the kernels of derivatives --------------------------------------------------------------------------


def backward_kernels() -> list[Any]:
    """Names of `<op>_vjp...` with a row of `<op>` and each double dtype of the row."""
    found = []
    for name in (n for n in ELEMENTS if "_vjp" in n):
        base = name.partition("_vjp")[0]
        case = next(c for c in ELEMENTWISE if c.primitive == base)
        found += [together(base, f"{name}-{d}", name, case, d) for d in DOUBLE if d in case.dtypes]
    return found


BACKWARD = pytest.mark.parametrize(("name", "case", "dtype"), backward_kernels())


def kernel_and_rule(
    name: str, xs: list[np.ndarray], cotangent: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """What a `<op>_vjp` primitive and the rule that defines it give at `xs`, for `cotangent(result)`."""
    base, _, operand = name.partition("_vjp")
    primitive, kernel = REGISTRY[base], REGISTRY[name]
    operand = operand.removeprefix("_") or primitive.inputs[0]
    statics = {name: {"n": 3, "sign": -1}[name] for name in primitive.statics if name != "dtype"}
    named: dict[str, Any] = dict(zip(primitive.inputs, arrays(xs), strict=True))
    out = emit(base, *named.values(), **statics)
    named |= {"g": mx.array(cotangent(np.asarray(out))), "out": out}
    rule = (primitive.rules or {})[operand]
    by_rule = rule(**{p: {**named, **statics}[p] for p in inspect.signature(rule).parameters})
    chosen = {p: statics[p] for p in kernel.statics}
    by_kernel = emit(name, *[named[n] for n in kernel.inputs], **chosen, dtype=named[operand].dtype)
    assert (by_kernel.shape, by_kernel.dtype) == (by_rule.shape, by_rule.dtype)
    return np.asarray(by_kernel), np.asarray(by_rule)


@BACKWARD
def test_kernel_is_the_rule(name: str, case: Case, dtype: str, rng: np.random.Generator) -> None:
    assert_close(*kernel_and_rule(name, case.draw(rng, dtype), functools.partial(direction, rng)), 32)
    assert_close(*kernel_and_rule(name, special_operands(case, dtype), np.ones_like), 32)


@BACKWARD
def test_zero_cotangent_is_strong(name: str, case: Case, dtype: str) -> None:
    """Zero even where the derivative is inf or nan, by the kernel and by its rule."""
    for got in kernel_and_rule(name, special_operands(case, dtype), np.zeros_like):
        np.testing.assert_array_equal(got, np.zeros_like(got))


@rows([case for case in ELEMENTWISE if "float32" in case.dtypes], *FLOAT)
def test_zero_cotangent_of_the_walk(case: Case, dtype: str) -> None:
    xs = special_operands(case, dtype)
    out = case.fun(*arrays(xs))
    _, vjps = mx.vjp(case.fun, arrays(xs), [mx.zeros_like(out)])
    for g in vjps:
        assert not np.asarray(g).any()


# --- batches, shapes, layouts ----------------------------------------------------------------------------


@every(CASES)
def test_vmap(case: Case, rng: np.random.Generator) -> None:
    """Value and vjps for every choice of batched operands, against one call for each element of the batch."""
    dtype = "float64" if "float64" in case.dtypes else case.dtypes[-1]
    size = 3
    single = case.draw(rng, dtype)
    batches = list(zip(*[case.draw(rng, dtype) for _ in range(size)], strict=True))
    out = np.asarray(case.fun(*arrays(single)))
    u = mx.array(direction(rng, out))

    def both(*xs: Any) -> list[Any]:
        outputs, vjps = mx.vjp(case.fun, xs, [u])
        return [*outputs, *vjps]

    for chosen in itertools.product((True, False), repeat=len(single)):
        if not any(chosen):
            continue
        operands = [np.stack(b) if c else x for x, b, c in zip(single, batches, chosen, strict=True)]
        axes = tuple([0 if c else None for c in chosen])
        together = mx.vmap(both, in_axes=axes)(*arrays(operands))
        for i in range(size):
            one = [b[i] if c else x for x, b, c in zip(single, batches, chosen, strict=True)]
            for got, want in zip(together, both(*arrays(one)), strict=True):
                assert_close(np.asarray(got)[i], np.asarray(want), 64, 1)


SHAPES: dict[int, list[list[tuple[int, ...]]]] = {
    1: [[()], [(1,)], [(0, 3)], [(2, 1, 3)]],
    2: [[(), ()], [(1,), (1, 1)], [(0, 3), (1, 3)], [(3, 1), (1, 4)], [(2, 3, 4), ()], [(4,), (3, 1)]],
    3: [[(), (), ()], [(3, 1), (), (4,)], [(0,), (1,), (1,)]],
}
"""Of the operands of elementwise primitives: scalars, size 1, empty, broadcast against one another."""


@every(ELEMENTWISE)
def test_shapes(case: Case, rng: np.random.Generator) -> None:
    dtype = next((d for d in DOUBLE if d in case.dtypes), case.dtypes[-1])
    for shapes in SHAPES[len(case.domains)]:
        xs = case.draw(rng, dtype, *shapes)
        want = numpy_reference(case, xs)
        if not is_inexact(want):
            assert_close(case.fun(*arrays(xs)), want)
            continue
        u = direction(rng, want)
        (out,), vjps = mx.vjp(case.fun, arrays(xs), [mx.array(u)])
        assert_close(out, want, ulp(case, dtype), case.at_least)
        full = [np.broadcast_to(x, want.shape) for x in xs]
        _, unreduced = mx.vjp(case.fun, arrays(full), [mx.array(u)])
        for x, got, whole in zip(xs, vjps, unreduced, strict=True):
            assert_close(got, reduced(np.asarray(whole), x.shape), 64, 1)


def reduced(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The sum over axes along which an operand of this shape was repeated."""
    g = g.sum(tuple(range(g.ndim - len(shape))), dtype=g.dtype)
    repeated = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(repeated, keepdims=True, dtype=g.dtype)


def laid_out(x: np.ndarray, layout: str) -> array:
    """The same values, not in C order in memory: a view that an op made."""
    if layout == "transposed":
        return mx.transpose(mx.array(x.T))
    if layout == "reversed":
        return mx.flip(mx.array(np.flip(x)))
    return mx.broadcast_to(mx.array(x[:1] if x.ndim else x), x.shape)  # repeated: all rows are one


LAYOUTS = ["transposed", "reversed", "repeated"]


@every(CASES)
def test_layouts(case: Case, rng: np.random.Generator) -> None:
    """Every layout for all operands of array kernels; random ones in generated loops, which are all alike."""
    dtype = next((d for d in DOUBLE if d in case.dtypes), case.dtypes[-1])
    choices = [[layout] * len(case.shapes) for layout in LAYOUTS]
    for layouts in [rng.choice(LAYOUTS, len(case.shapes))] if case.elementwise else choices:
        xs = case.draw(rng, dtype)
        for i, layout in enumerate(layouts):
            if layout == "repeated" and xs[i].shape:
                xs[i] = np.array(np.broadcast_to(xs[i][:1], xs[i].shape))
        u = mx.array(direction(rng, numpy_reference(case, xs)))
        placed = [laid_out(x, layout) for x, layout in zip(xs, layouts, strict=True)]
        (out,), vjps = mx.vjp(case.fun, placed, [u])
        (want,), expected = mx.vjp(case.fun, arrays(xs), [u])
        for got, known in zip([out, *vjps], [want, *expected], strict=True):
            assert_close(got, np.asarray(known), 64, 1)


def test_layouts_are_views() -> None:
    """Otherwise the test before this one shows nothing."""
    x = np.arange(12.0).reshape(3, 4)
    strides = [numpy_of(laid_out(x, layout)._var).strides for layout in LAYOUTS]
    assert strides == [(8, 24), (-32, -8), (0, 8)]


# --- shapes that nobody thought of -----------------------------------------------------------------------

fresh = settings(deadline=None, max_examples=30, database=None, print_blob=True)


@st.composite
def broadcast_shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast, of up to three axes."""
    full = draw(st.lists(st.integers(0, 4), max_size=3))

    def part() -> tuple[int, ...]:
        kept = full[draw(st.integers(0, len(full))) :]
        return tuple(1 if draw(st.booleans()) else n for n in kept)

    return part(), part()


@fresh
@given(shapes=broadcast_shapes(), seed=st.integers(0, 2**32 - 1))
def test_any_broadcast(shapes: tuple[tuple[int, ...], tuple[int, ...]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    xs = [rng.uniform(-2, 2, shape) for shape in shapes]
    check_derivatives(listed(mx.multiply), listed(np.multiply), xs, rng, forward=False)
    assert_close(mx.multiply(*arrays(xs)), np.multiply(*xs))


@st.composite
def reductions(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], bool]:
    """A shape of up to four axes, some of them, and keepdims."""
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=4)))
    axes = [i for i in range(len(shape)) if draw(st.booleans())]
    return shape, tuple(i - len(shape) if draw(st.booleans()) else i for i in axes), draw(st.booleans())


def log_of_sum(x: np.ndarray, **keywords: Any) -> Any:
    return np.log(np.sum(np.exp(x), **keywords))


@pytest.mark.parametrize("name", ["sum", "prod", "max", "logsumexp"])
@fresh
@given(choice=reductions(), seed=st.integers(0, 2**32 - 1))
def test_any_reduction(name: str, choice: tuple[Any, ...], seed: int) -> None:
    shape, axes, keepdims = choice
    rng = np.random.default_rng(seed)
    case = next(c for c in CASES if c.primitive == name)
    x = case.domains[0].draw(rng, shape, "float64")
    if name == "prod":  # differences of 64 factors, of which some are nearly 0, tell nothing
        x = np.copysign(rng.uniform(0.5, 1.5, shape), x)
    fun = functools.partial(getattr(mx, name), axis=axes, keepdims=keepdims)
    naive = {"logsumexp": log_of_sum}.get(name) or getattr(np, name)
    reference = functools.partial(naive, axis=axes, keepdims=keepdims)
    assert_close(fun(mx.array(x)), reference(x), 16, 1)
    check_derivatives(listed(fun), listed(reference), [x], rng, forward=False)


# --- the tests themselves --------------------------------------------------------------------------------


def test_rows_run_their_primitive(rng: np.random.Generator) -> None:
    """The public function of a row records the primitive that the row is for, in one variant at least."""
    covered = set()
    for case in CASES:
        recording = Recording()
        try:
            switch(recording.trace)
            case.fun(*arrays(case.draw(rng, case.dtypes[-1])))
            covered |= {op.primitive.name for op in recording.span()} & {case.primitive}
        finally:
            switch(recording.before)
            recording.end()
    assert covered == {case.primitive for case in CASES}


@pytest.mark.parametrize(("name", "rule"), [
    ("subtract", {"y": lambda g: g}),
    ("conjugate", {"x": lambda g: g * 1}),
    ("sum", {"x": lambda g, x, axes: mx.zeros_like(x)}),
    ("linear_recurrence", {"x": lambda g: g}),
    ("matmul", {"y": lambda g, x: mx.matmul(mx.transpose(x), g) * 1.000001}),
])  # fmt: skip
def test_a_wrong_rule_is_found(
    name: str, rule: dict[str, Any], rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gradient check fails for a wrong sign, a wrong conjugate, a missing term and a small error."""
    forget_plans(monkeypatch)
    case = next(c for c in CASES if c.primitive == name)
    dtype = next(d for d in ("complex128", "float64") if d in case.dtypes)
    xs = case.draw(rng, dtype)
    check_derivatives(listed(case.fun), smooth(case), xs, rng)
    forget_plans(monkeypatch)
    for operand, wrong in rule.items():
        monkeypatch.setitem(rules_of(name), operand, wrong)
    with pytest.raises(AssertionError, match="<v, J"):
        check_derivatives(listed(case.fun), smooth(case), xs, rng)


def test_a_wrong_kernel_is_found(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both by the gradient check and by the comparison with the rule."""
    forget_plans(monkeypatch)
    case = next(c for c in CASES if c.primitive == "cos")
    xs = case.draw(rng, "float64")
    monkeypatch.setitem(REGISTRY, "cos_vjp", REGISTRY["sin_vjp"])
    monkeypatch.setitem(REGISTRY["cos"].vjps, "x", REGISTRY["sin_vjp"])
    with pytest.raises(AssertionError, match="<v, J"):
        check_derivatives(listed(case.fun), smooth(case), xs, rng)
    with pytest.raises(AssertionError, match="ulp"):
        assert_close(*kernel_and_rule("cos_vjp", xs, np.ones_like), 32)


def test_a_wrong_rule_behind_a_kernel_is_found(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk of the first order runs the kernel, so that only the second order sees this rule."""
    forget_plans(monkeypatch)
    monkeypatch.setitem(rules_of("sin"), "x", lambda g, x: mx.multiply(g, mx.cos(x * 1.001)))
    case = next(c for c in CASES if c.primitive == "sin")
    check_derivatives(listed(case.fun), smooth(case), case.draw(rng, "float64"), rng, forward=False)
    with pytest.raises(AssertionError, match="<v, J"):
        test_second_order(case, "float64", rng)


def rules_of(name: str) -> dict[str, Any]:
    rules = REGISTRY[name].rules
    assert rules is not None
    return rules


def forget_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of right rules must not stand in for those of wrong ones, nor the reverse."""
    monkeypatch.setattr(ready, "_cache", type(ready._cache)())
    monkeypatch.setattr(trie, "root", Node())
    monkeypatch.setattr(trie, "patterns", {})


def test_inner_is_the_real_one() -> None:
    x, y = np.array([1 + 2j]), np.array([3 - 1j])
    assert inner([x], [y]) == (1.0, 1.0)


def test_quotients_and_remainders(rng: np.random.Generator) -> None:
    """x - y * floor(x / y): slope 1 by x, and minus the quotient by y; that of the quotient itself is 0."""
    x, y = rng.uniform(-9, 9, 20), rng.uniform(0.5, 3, 20) * rng.choice([-1, 1], 20)
    g, h = rng.standard_normal((2, 20))
    for function in (mx.divmod, np.divmod):
        (quotient, rest), (by_x, by_y) = mx.vjp(function, (mx.array(x), mx.array(y)), [mx.array(h), mx.array(g)])
        np.testing.assert_array_equal(quotient, x // y)
        np.testing.assert_allclose(rest, x % y, rtol=1e-14)
        np.testing.assert_allclose(by_x, g, rtol=1e-14)
        np.testing.assert_allclose(by_y, -g * (x // y), rtol=1e-14)
        _, (_, tangent) = mx.jvp(function, (mx.array(x), mx.array(y)), [mx.array(g), mx.array(h)])
        np.testing.assert_allclose(tangent, g - h * (x // y), rtol=1e-13)
    by_x, by_y = mx.grad(lambda x, y: mx.sum(mx.remainder(x, y) * g), (0, 1))(x, y)
    np.testing.assert_allclose(by_x, g, rtol=1e-14)
    np.testing.assert_allclose(by_y, -g * (x // y), rtol=1e-14)


@pytest.mark.parametrize("alpha, beta", [(1, 1), (0.5, -2), (0, 3), (2.5, 0)])
def test_addmm_with_factors(alpha: float, beta: float, rng: np.random.Generator) -> None:
    """beta * c + alpha * a @ b is linear in each of the three."""
    c, a, b = rng.standard_normal((3, 5)), rng.standard_normal((3, 4)), rng.standard_normal((4, 5))
    moved = [rng.standard_normal(x.shape) for x in (c, a, b)]
    g = rng.standard_normal((3, 5))

    def addmm(c: Any, a: Any, b: Any) -> Any:
        return mx.addmm(c, a, b, alpha=alpha, beta=beta)

    (out,), (tangent,) = mx.jvp(addmm, (c, a, b), moved)
    np.testing.assert_allclose(out, beta * c + alpha * a @ b, atol=1e-13)
    np.testing.assert_allclose(tangent, beta * moved[0] + alpha * (moved[1] @ b + a @ moved[2]), atol=1e-13)
    _, found = mx.vjp(addmm, (c, a, b), [g])
    for got, want in zip(found, (beta * g, alpha * g @ b.T, alpha * a.T @ g), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-13)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32"])
@pytest.mark.parametrize("name", ["sum", "prod", "cumsum", "cumprod"])
def test_sums_of_small_integers_do_not_wrap(name: str, dtype: str, rng: np.random.Generator) -> None:
    """They are of 64 bits, as NumPy's."""
    high = 2 if dtype == "bool" else min(np.iinfo(dtype).max, 1000)
    x = rng.integers(1, high, (3, 6), endpoint=dtype != "bool").astype(dtype)
    for axis in (0, 1, None):
        want = getattr(np, name)(x, axis=axis)
        for function in (getattr(mx, name), getattr(np, name)):
            got = np.asarray(function(mx.array(x), axis=axis))
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)
