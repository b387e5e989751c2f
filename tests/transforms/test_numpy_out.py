"""NumPy in, NumPy out: which kind of arrays the outermost transform returns, and whose memory they are."""

from typing import Any

import numpy as np
import pytest

import fastvjp as fv

rng = np.random.default_rng()

SHAPE = (3, 2)


def loss(x: Any) -> Any:
    return np.sum(np.sin(x) * x)


def pulled_back(x: Any) -> Any:
    outputs, pullback = fv.vjp(np.exp, [x])
    return outputs, pullback([x])


def raveled(x: Any) -> Any:
    vector, unravel = fv.ravel_tree({"a": x})
    return vector, unravel(vector)


TRANSFORMS: dict[str, Any] = {
    "grad": fv.grad(loss),
    "value_and_grad": fv.value_and_grad(loss),
    "value_and_grad, aux": fv.value_and_grad(lambda x: (loss(x), {"aux": x * 2, "name": "x"})),
    "grad of a keyword": lambda x: fv.grad(lambda *, x: loss(x), argnames="x")(x=x),
    "vjp": lambda x: fv.vjp(lambda x: [x * x, loss(x)], [x], [x, 1.0]),
    "vjp, aux": lambda x: fv.vjp(lambda x: (x * x, x + 1), [x], [x], has_aux=True),
    "pullback": pulled_back,
    "jvp": lambda x: fv.jvp(lambda x: [x * x, loss(x)], [x], [x]),
    "vmap": fv.vmap(lambda x: [np.sin(x), np.sum(x)]),
    "jacrev": fv.jacrev(np.sin),
    "jacfwd": fv.jacfwd(np.sin),
    "hessian": fv.hessian(loss),
    "hvp": lambda x: fv.hvp(loss, [x], [x]),
    "compile": fv.compile(lambda x: {"a": x * 2, "b": loss(x)}),
    "compile, grad": fv.compile(fv.value_and_grad(loss)),
    "checkpoint": fv.checkpoint(fv.sin),
    "custom_function": fv.custom_function(lambda x: (np.sin(x), np.sum(x))),
    "ravel_tree": raveled,
}


def arrays_in(tree: Any) -> list[Any]:
    found: list[Any] = []
    fv.tree_map(lambda leaf: found.append(leaf) if hasattr(leaf, "dtype") else None, tree)
    return found


@pytest.mark.parametrize("name", TRANSFORMS)
def test_kind_and_values(name, rng):
    x = rng.normal(size=SHAPE)
    ours, theirs = TRANSFORMS[name](fv.array(x)), TRANSFORMS[name](x)
    pairs = list(zip(arrays_in(ours), arrays_in(theirs), strict=True))
    assert pairs
    for a, b in pairs:
        assert type(a) is fv.array
        assert type(b) is (np.ndarray if a.shape else np.float64)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_array_equal(np.asarray(a), b)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_memory_is_the_callers(name, rng):
    x = rng.normal(size=SHAPE)
    kept = x.copy()
    first = arrays_in(TRANSFORMS[name](x))
    values = [a.copy() for a in first]
    for a in first:
        if a.shape:
            assert a.flags.writeable and a.flags.c_contiguous and a.flags.aligned
            a[...] = 77.0
    np.testing.assert_array_equal(x, kept)
    for a, value in zip(arrays_in(TRANSFORMS[name](x)), values, strict=True):
        np.testing.assert_array_equal(a, value)


@pytest.mark.parametrize("n", [3, 70_000])  # small, and of memory that is used again
def test_results_that_share_memory_are_copied(n, rng):
    x = rng.normal(size=(n, 2))
    captured = fv.array(x) * 1.0

    def fun(a):
        y = np.exp(a)
        if y[0, 0] > 0:  # a value that was read stays with the recording
            return [a, a.T, y, y, y[::2], y * 0 + 1, captured, captured * 1.0]
        return []

    outputs, pullback = fv.vjp(fun, [x])
    before = [np.array(v) for v in outputs]
    for i, v in enumerate(outputs):
        v += 5.0
        for other, value in list(zip(outputs, before, strict=True))[i + 1 :]:
            np.testing.assert_array_equal(other, value)
    np.testing.assert_array_equal(np.asarray(captured), x)
    ones = [np.ones_like(v) for v in before]
    (slope,) = pullback(ones)
    expected = 2 + 2 * np.exp(x)
    expected[::2] += np.exp(x[::2])
    np.testing.assert_allclose(slope, expected, rtol=1e-14)
    again = slope.copy()
    slope[...] = 0
    np.testing.assert_array_equal(pullback(ones)[0], again)


def test_an_array_of_ours_anywhere_decides():
    x, f = np.ones(3), lambda a, b: np.sum(a * b)
    assert type(fv.grad(f)(x, fv.ones(3))) is fv.array
    assert type(fv.grad(lambda a, b: f(a, b["w"][0]))(x, {"w": [fv.ones(3)]})) is fv.array
    assert type(fv.grad(lambda a, *, b: f(a, b))(x, b=fv.ones(3))) is fv.array
    assert type(fv.grad(f)(x, np.ones(3))) is np.ndarray
    assert type(fv.grad(lambda a: f(a, fv.ones(3)))(x)) is np.ndarray  # what is captured is no argument
    assert type(fv.vjp(np.exp, [x], [fv.ones(3)])[1][0]) is fv.array
    assert type(fv.vjp(np.exp, [x])[1]([fv.ones(3)])[0]) is fv.array
    assert type(fv.vjp(np.exp, [fv.ones(3)])[1]([x])[0]) is fv.array
    assert type(fv.jvp(np.exp, [x], [fv.ones(3)])[1][0]) is fv.array
    assert type(fv.vmap(f, in_axes=(0, None))(x, fv.ones(3))) is fv.array
    assert type(fv.compile(f)(x, fv.ones(3))) is fv.array
    assert type(fv.jacrev(f)(x, fv.ones(3))) is type(fv.jacfwd(f)(x, fv.ones(3))) is fv.array


def test_python_numbers_decide_nothing():
    square = lambda x: x * x  # noqa: E731
    assert type(fv.grad(square)(2.0)) is fv.array
    assert type(fv.vjp(square, [2.0], [1.0])[0][0]) is fv.array
    assert type(fv.compile(square)(2.0)) is fv.array
    slope = fv.grad(lambda x, data: x * np.sum(data))(2.0, np.ones(3))
    assert type(slope) is np.float32 and slope == 3


def test_dtypes_are_those_of_the_inputs():
    for dtype in (np.float32, np.float64, np.complex64, np.complex128):
        x = np.arange(1, 4).astype(dtype)
        assert fv.vjp(np.sin, [x], [x])[1][0].dtype == dtype
        assert type(fv.vjp(np.sin, [dtype(1)], [1.0])[1][0]) is dtype
    (integers,) = fv.vjp(lambda n: n * 2.0, [np.arange(3)], [np.ones(3)])[1]
    assert integers.dtype == np.int64 and not integers.any()


def test_within_a_recording_arrays_are_traced():
    seen = []

    def fun(x):
        inner = fv.grad(lambda y: np.sum(y**3))(np.ones(2))
        seen.append(type(inner))
        return np.sum(x * inner)

    np.testing.assert_array_equal(fv.grad(fun)(np.ones(2)), [3, 3])
    assert seen == [fv.array]


def test_compiled_state_stays_ours():
    state = {"w": fv.ones(3)}

    def step(x):
        state["w"] = state["w"] - 0.5 * x
        return np.sum(state["w"])

    total = fv.compile(step, inputs=state, outputs=state)(np.ones(3, np.float32))
    assert type(total) is np.float32 and total == 1.5
    assert type(state["w"]) is fv.array and state["w"].tolist() == [0.5] * 3


def test_memory_of_another_device_is_not_handed_out():
    with fv.device("metal-emulator"):
        first = fv.grad(loss)(np.ones(3, np.float32))
        first[:] = 7
        second = fv.grad(loss)(np.ones(3, np.float32))
    assert first.tolist() == [7, 7, 7]
    np.testing.assert_allclose(second, np.sin(1) + np.cos(1), rtol=1e-6)


def test_a_compiled_function_that_is_lent_its_arguments_hands_out_memory_of_its_own():
    same = fv.compile(lambda x, y: (x, x.T, y + 1.0, x[1:]))
    for _ in range(3):  # the first call copies, further ones read the arguments where they lie
        x, y = rng.normal(size=(3, 4)), rng.normal(size=5)
        before = x.copy()
        results = same(x, y)
        for r in results:
            assert type(r) is np.ndarray and not np.shares_memory(r, x) and not np.shares_memory(r, y)
            r += 1.0
        np.testing.assert_array_equal(x, before)


def test_lent_arguments_of_all_layouts_are_read_right():
    double = fv.compile(lambda x: x * 2.0)
    x = rng.normal(size=(4, 6))
    odd = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float64).reshape(4, 6)  # not aligned
    for given in (x, x.T, x[::-1, ::2], np.asfortranarray(x), odd, x[:, :0], x[0, 0:1], x.astype(">f8")):
        for _ in range(2):
            np.testing.assert_array_equal(double(given), given * 2.0)


def test_arrays_that_keep_an_argument_are_safe_from_later_writes_to_it():
    kept = fv.compile(lambda x, y: (x, x + y))
    for _ in range(3):
        x = rng.normal(size=4)
        before = x.copy()
        first, _ = kept(x, fv.zeros(4, fv.float64))
        x[:] = 0.0
        np.testing.assert_array_equal(np.asarray(first), before)
