"""`custom_kernel`: a user's kernels of whole arrays on both devices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numba import njit
from scipy import linalg, ndimage
from support.checks import close, numeric_grad
from support.emulating import PLACES, at, on

import fastvjp as fv


@njit
def blur(out, x, radius):
    rows, n = x.shape
    for row in range(rows):
        for i in range(n):
            total = x.dtype.type(0)
            for j in range(max(i - radius, 0), min(i + radius + 1, n)):
                total += x[row, j]
            out[row, i] = total


@njit
def blur_vjp(dx, g, radius):
    blur(dx, g, radius)


BLUR = """
    template <typename T>
    inline void blur(uint i, device T *out, device const T *x, constant int *x_shape, int radius) {
        const int n = x_shape[1], k = int(i) % n, row = int(i) - k;
        T total = T(0);
        for (int j = max(k - radius, 0); j < min(k + radius + 1, n); j++) total += x[row + j];
        out[i] = total;
    }

    template <typename T>
    inline void blur_vjp(uint i, int radius, device const T *g, device T *dx, constant int *dx_shape) {
        blur(i, dx, g, dx_shape, radius);
    }
"""


def blur_op(**more: Any) -> Any:
    return fv.custom_kernel(blur, blur_vjp, infer=lambda x: x.shape, metal=BLUR, **more)


def blurred(x: np.ndarray, radius: int) -> np.ndarray:
    """The same by SciPy."""
    size = 2 * radius + 1
    return size * ndimage.uniform_filter1d(x.astype(float), size, axis=1, mode="constant")


@njit
def outer(out, x, y):
    """x[i] * tanh(y[j])"""
    for i in range(x.size):
        for j in range(y.size):
            out[i, j] = x[i] * np.tanh(y[j])


@njit
def outer_x(dx, g, y):
    for i in range(dx.size):
        dx[i] = (g[i] * np.tanh(y)).sum()


@njit
def outer_y(dy, g, x, out):
    for j in range(dy.size):
        dy[j] = ((x - out[:, j] * out[:, j] / x) * g[:, j]).sum()


OUTER = """
template <typename T>
inline void outer(uint i, device T *out, device const T *x, device const T *y, constant int *y_shape) {
    const uint n = uint(y_shape[0]);
    out[i] = x[i / n] * element::tanh(y[i % n]);
}

template <typename T>
inline void outer_x(uint i, device T *dx, device const T *g, device const T *y, constant int *y_shape) {
    T total = T(0);
    for (int j = 0; j < y_shape[0]; j++) total += g[int(i) * y_shape[0] + j] * element::tanh(y[j]);
    dx[i] = total;
}

template <typename T>
inline void outer_y(
    uint i, device T *dy, device const T *g, device const T *x, device const T *out, constant int *out_shape
) {
    T total = T(0);
    for (int k = 0; k < out_shape[0]; k++) {
        const T v = out[k * out_shape[1] + int(i)];
        total += (x[k] - v * v / x[k]) * g[k * out_shape[1] + int(i)];
    }
    dy[i] = total;
}
"""


def outer_op() -> Any:
    vjp: dict[str, Any] = {"x": outer_x, "y": outer_y}
    return fv.custom_kernel(outer, vjp, infer=lambda x, y: (x.size, y.size), metal=OUTER)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[tuple[np.dtype, float]]:
    """On a device, in a dtype, to a tolerance."""
    with at(request.param) as dtype:
        yield dtype, {"float32": 3e-6, "float64": 1e-13}[dtype.name]


# --- values and derivatives ----------------------------------------------------------------------------------


def test_values_of_any_layout(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place
    x = rng.uniform(1, 2, (5, 7)).astype(dtype)
    op = blur_op()
    made = fv.array(x)
    for seen, want in (
        (made, x),
        (made[1:], x[1:]),
        (made[:, ::-2], x[:, ::-2]),
        (made.T, x.T),
        (made[2:2], x[2:2]),
    ):
        close(op(seen, 2), blurred(want, 2) if want.size else want, rtol)
    assert op(made, 2).dtype == dtype
    close(op(fv.ones((2, 4), dtype), radius=1), [[2, 3, 3, 2]] * 2)


def test_gradients_among_other_ops(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place
    x = rng.uniform(1, 2, (3, 6)).astype(dtype)
    op = blur_op()
    value, gradient = fv.value_and_grad(lambda x: (op(x * 2, 1) ** 2).sum())(x)
    b = blurred(2 * x, 1)
    close(value, (b**2).sum(), rtol)
    close(gradient, 4 * blurred(b, 1), rtol)


def test_two_operands(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place
    x, y, g = rng.uniform(1, 2, 3).astype(dtype), rng.normal(size=5).astype(dtype), rng.normal(size=(3, 5))
    (out,), (gx, gy) = fv.vjp(outer_op(), [x, y], [g.astype(dtype)])
    a, t = x.astype(float), np.tanh(y.astype(float))
    close(out, np.outer(a, t), rtol)
    close(gx, g @ t, 10 * rtol, 10 * rtol)
    close(gy, (a @ g) * (1 - t * t), 10 * rtol, 10 * rtol)


def test_transforms(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place
    x = rng.uniform(1, 2, (4, 2, 6)).astype(dtype)

    def adjoint(g, radius):
        return op(g, radius)

    op = blur_op(rule=adjoint)

    def loss(x):
        return fv.sum(op(x, 1) ** 2)

    want = np.stack([2 * blurred(blurred(row, 1), 1) for row in x])
    close(fv.vmap(fv.grad(loss))(x), want, rtol)
    close(fv.vmap(fv.grad(loss))(fv.zeros((0, 2, 6), dtype)), np.zeros((0, 2, 6)))
    close(fv.compile(fv.grad(loss))(fv.array(x[0])), want[0], rtol)
    close(fv.grad(fv.checkpoint(loss))(x[0]), want[0], rtol)
    v = rng.normal(size=(2, 6)).astype(dtype)
    close(fv.jvp(lambda x: op(x, 1), [x[0]], [v])[1][0], blurred(v, 1), rtol, rtol)
    close(fv.hvp(loss, [x[0]], [v])[0], 2 * blurred(blurred(v, 1), 1), 10 * rtol, 10 * rtol)


def test_the_kernel_is_what_runs() -> None:
    def wrong(dx, g):
        dx[:] = 1000

    op = fv.custom_kernel(blur, wrong, infer=lambda x: x.shape)
    close(fv.grad(lambda x: op(x, 1).sum())(fv.ones((1, 3))), [[1000, 1000, 1000]])


def test_a_function_of_another_library(rng: np.random.Generator) -> None:
    """A linear solve: x = y^-1 x, with a dtype that is inferred."""

    def solve(out, x, y):
        out[:] = linalg.solve(y, x)

    def solve_x(dx, g, y):
        dx[:] = linalg.solve(y.T, g)

    def solve_y(dy, g, y, out):
        dy[:] = -np.outer(linalg.solve(y.T, g), out)

    op = fv.custom_kernel(
        solve, {"x": solve_x, "y": solve_y}, infer=lambda x, y: (x.shape, np.result_type(x.dtype, y.dtype))
    )
    b, a = rng.normal(size=4), rng.normal(size=(4, 4)) + 4 * np.eye(4)
    assert op(b.astype(np.float32), a).dtype == np.float64
    close(op(b, a), np.linalg.solve(a, b))
    close(
        fv.grad(lambda a: (op(b, a) ** 2).sum())(a),
        numeric_grad(lambda a: (np.linalg.solve(a, b) ** 2).sum(), a),
        1e-6,
        1e-7,
    )


def test_names_of_the_house_and_of_each_other(place: Any) -> None:
    """Kernels that are called as the house's, which the planner fuses, and as one another."""
    dtype, rtol = place

    def made(k):
        def sum(out, x):
            out[:] = k * x

        def sum_vjp(dx, g):
            dx[:] = -k * g

        text = f"""
        template <typename T> void sum(uint i, device T *out, device const T *x) {{ out[i] = T({k}) * x[i]; }}
        template <typename T> void sum_vjp(uint i, device T *dx, device const T *g) {{ dx[i] = T({-k}) * g[i]; }}
        """
        return fv.custom_kernel(sum, sum_vjp, infer=lambda x: x.shape, metal=text)

    x = fv.array(np.array([1.0, 2.0], dtype))
    ops = [made(k) for k in (2, 3)]
    for _ in range(2):
        for k, op in zip((2, 3), ops, strict=True):
            close(op(x), [k, 2 * k], rtol)
            close(fv.grad(lambda x, op=op: fv.sum(op(x)))(x), [-k, -k], rtol)


# --- where it runs -------------------------------------------------------------------------------------------


def test_it_is_a_step_of_its_own(place: Any) -> None:
    dtype, _ = place
    made = fv.explain(lambda x: blur_op()(x * 2, 1) + 1, [np.ones((2, 3), dtype)], [np.ones((2, 3), dtype)])
    assert [step.computes for step in made.plan.steps if "blur" in step.computes] == ["blur", "blur_vjp"]
    assert {report.device for report in made.reports} == {fv.default_device()}
    assert "blur radius=1" in str(made)


def test_without_metal_text_it_runs_on_the_cpu(rng: np.random.Generator) -> None:
    pytest.importorskip("ziglang", reason="the emulator's compiler is not installed")
    x = rng.uniform(1, 2, (3, 5)).astype(np.float32)
    op = fv.custom_kernel(blur, blur_vjp, infer=lambda x: x.shape)
    with on("1024"):
        made = fv.explain(lambda x: op(x * 2, 1), [x], [x])
        close(fv.vjp(lambda x: op(x * 2, 1), [x], [x])[1][0], 2 * blurred(x, 1), 1e-6)
    assert {r.device for r in made.reports if "blur" in r.step.computes} == {"cpu"}
    assert {r.device for r in made.reports} != {"cpu"}


# --- errors --------------------------------------------------------------------------------------------------


def plain(out, x):
    out[:] = x


def only_written(out):
    pass


def no_g(dx, x):
    pass


def takes_a(out, x, a, y):
    pass


def vector(x):
    return x.shape


NAMED: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "lambda": (lambda out, x: None, {}, TypeError, r"\[custom_kernel\] Expected a function with a name"),
    "no operand": (only_written, {}, TypeError, r"\[only_written\] only_written takes \(\)"),
    "order": (takes_a, {}, TypeError, r"takes \(x, a, y\).*first the operands"),
    "no g": (plain, {"vjp": no_g}, TypeError, r"\[plain\] no_g does not take g"),
    "unknown": (plain, {"vjp": takes_a}, TypeError, r"takes_a asks for a. It may ask for g, x, out"),
    "wrong operand": (plain, {"vjp": {"y": no_g}}, ValueError, r"vjp is given for y"),
    "infer": (plain, {"infer": lambda z: z.shape}, TypeError, r"\[plain\] <lambda> asks for z. It may ask for x"),
    "no text": (
        plain,
        {"metal": ""},
        ValueError,
        r"plain is missing in .*plain\(uint i, device T \*out, device",
    ),
    "text": (
        plain,
        {"metal": "template <typename T> void plain(uint i, device T *out, device const T *y) {}"},
        ValueError,
        r"plain takes i, out, y in the Metal text.*constant int \*x_shape",
    ),
    "text without i": (
        plain,
        {"metal": "template <typename T> void plain(device T *out, device const T *x) {}"},
        ValueError,
        r"plain takes out, x in",
    ),
}


@pytest.mark.parametrize("case", NAMED)
def test_errors_of_a_definition(case: str) -> None:
    forward, options, kind, message = NAMED[case]
    with pytest.raises(kind, match=message):
        fv.custom_kernel(forward, **{"infer": vector, **options})


@pytest.mark.parametrize("shape", [3, [2], (2, -1), (1.5,), None, ((2,), "float32", 1)])
def test_infer_must_give_a_shape(shape: Any) -> None:
    with pytest.raises(TypeError, match=r"\[plain\] infer gave .*Expected: a shape"):
        fv.custom_kernel(plain, infer=lambda x: shape)(fv.ones(2))


def test_missing_derivatives() -> None:
    x = fv.ones((1, 3))
    with pytest.raises(TypeError, match=r"\[plain\] It has no derivative with respect to x. Hint"):
        fv.grad(lambda x: fv.custom_kernel(plain, infer=vector)(x).sum())(x)
    message = r"\[blur\] Its backward function for x cannot be differentiated without a rule"
    with pytest.raises(TypeError, match=message):
        fv.jvp(lambda x: blur_op()(x, 1), [x], [x])
    with pytest.raises(TypeError, match=message):
        fv.hvp(lambda x: (blur_op()(x, 1) ** 2).sum(), [x], [x])


def test_errors_of_a_call() -> None:
    op = blur_op()
    with pytest.raises(TypeError, match=r"\[blur\] missing a required argument: 'radius'. Expected: blur\(x, "):
        op(fv.ones((2, 2)))
    with pytest.raises(TypeError, match=r"\[blur\] The static parameter radius must be an integer, got float"):
        op(fv.ones((2, 2)), 1.5)

    def failing(out, x):
        raise ZeroDivisionError("as it is")

    with pytest.raises(ZeroDivisionError, match="as it is"):
        fv.custom_kernel(failing, infer=vector)(fv.ones(2))


def test_inside_numba_code_it_is_named() -> None:
    with pytest.raises(TypeError, match=r"\[njit\] Only Python can run blur of float64"):
        fv.njit(lambda x: blur_op()(x, 1), np.ones((2, 3)))


def test_an_access_outside_is_found_by_the_emulator() -> None:
    pytest.importorskip("ziglang", reason="the emulator's compiler is not installed")
    text = "template <typename T> void plain(uint i, device T *out, device const T *x) { out[i] = x[i + 1]; }"
    op = fv.custom_kernel(plain, infer=vector, metal=text)
    with on("1024"), pytest.raises(RuntimeError, match="plain"):
        op(fv.array(np.arange(4096, dtype=np.float32)))
