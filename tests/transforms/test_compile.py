"""compile, record and eval."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.checks import close, keep, same

import fastvjp as fv
from fastvjp.recording import ready
from fastvjp.recording.trie import trie
from fastvjp.transforms.compile import MAX_SIGNATURES


def counted(fun):
    """The function compiled, and a list that grows whenever it is recorded."""
    calls = []

    def wrapped(*args, **kwargs):
        calls.append(1)
        return fun(*args, **kwargs)

    return fv.compile(wrapped), calls


def test_records_once_per_signature(rng):
    f, calls = counted(lambda x, y: fv.sin(x) * y)
    for _ in range(3):
        x = rng.normal(size=3)
        close(f(x, x), np.sin(x) * x)
        close(f(fv.array(x), x), np.sin(x) * x)
    assert len(calls) == 2  # among NumPy's arrays alone slices are views
    close(f(x[:2], x[:2]), np.sin(x[:2]) * x[:2])
    assert len(calls) == 3
    f(x.astype(np.float32), x)
    assert len(calls) == 4
    f(x, x)
    assert len(calls) == 4


def test_leaves_that_are_no_arrays_are_static():
    f, calls = counted(lambda x, how, n: x * n if how == "times" else x + n)
    assert [float(f(fv.array(s), "times", 2)) for s in (1.0, 2.0, 3.0)] == [2, 4, 6]
    assert len(calls) == 1
    one = fv.array(1.0)
    assert float(f(one, "plus", 2)) == 3
    assert float(f(one, "plus", 3)) == 4
    assert len(calls) == 3


def test_a_new_number_is_recorded_but_not_planned_again(rng, monkeypatch):
    x = rng.normal(size=5)
    f, calls = counted(lambda x, s: fv.sum(fv.sin(x) * s))
    close(f(x, 0.5), np.sum(np.sin(x)) * 0.5)
    monkeypatch.setattr(ready, "make_plan", lambda *_: pytest.fail("planned again"))
    for s in rng.normal(size=3).tolist():
        close(f(x, s), np.sum(np.sin(x)) * s)
    assert len(calls) == 4


def test_signed_zero_and_nan_are_constants_of_their_own():
    f, calls = counted(lambda x, s: x / s)
    one = fv.array(1.0)
    assert [float(f(one, s)) for s in (0.0, -0.0, 0.0)] == [np.inf, -np.inf, np.inf]
    assert all(np.isnan(float(f(one, float("nan")))) for _ in range(2))
    assert len(calls) == 3


def test_remembered_signatures_are_bounded():
    f, calls = counted(lambda x, s: x * s)
    one = fv.array(1.0)
    for s in range(MAX_SIGNATURES + 1):
        assert float(f(one, s)) == s
    f(one, MAX_SIGNATURES)
    assert len(calls) == MAX_SIGNATURES + 1
    f(one, 0)
    assert len(calls) == MAX_SIGNATURES + 2


@pytest.mark.parametrize(("a", "b"), [(1, True), (0, False), (1, 1.0), (2, "2")])
def test_equal_static_values_of_other_types(a, b):
    f = fv.compile(lambda x, s: x * 1 if isinstance(s, bool) else x * 2 if isinstance(s, int) else x * 3)
    plain = lambda s: 1 if isinstance(s, bool) else 2 if isinstance(s, int) else 3  # noqa: E731
    for s in (a, b, a):
        assert float(f(fv.array(1.0), s)) == plain(s)


def test_unhashable_argument_is_named():
    with pytest.raises(TypeError, match=r"\[compile\].*set"):
        fv.compile(lambda x, s: x)(fv.array(1.0), {1, 2})


@dataclasses.dataclass
class Config:
    w: object
    times: int = dataclasses.field(default=1, metadata={"static": True})


def test_static_fields_are_part_of_the_signature():
    f = fv.compile(lambda c: c.w * c.times)
    assert [float(f(Config(fv.array(2.0), n))) for n in (1, 3, 1)] == [2, 6, 2]


def test_trees_keywords_and_outputs(rng):
    x = rng.normal(size=3)
    f = fv.compile(lambda p, *, k: {"out": (p["a"] * k, 3.5), "none": None})
    found: Any = f({"a": x}, k=2.0)
    close(found["out"][0], 2 * x)
    assert float(found["out"][1]) == 3.5 and found["none"] is None
    assert fv.compile(lambda x: [])(x) == []
    same(fv.compile(lambda x: x)(x), x)
    first, second = fv.compile(lambda x: (x, x))(x)
    first[0] = 9.0
    same(second, x)


def test_non_contiguous_and_broadcast_inputs(rng):
    x = rng.normal(size=(3, 4))
    f = fv.compile(lambda a: a * 2 + fv.sum(a))
    close(f(x.T), x.T * 2 + x.sum())
    close(f(fv.array(x).T), x.T * 2 + x.sum())
    close(f(fv.broadcast_to(fv.array(x[0]), (4, 4))), np.tile(x[0], (4, 1)) * 2 + 4 * x[0].sum())
    close(f(fv.zeros((4, 3), dtype=fv.float64)), np.zeros((4, 3)))


def test_captured_arrays_are_constants():
    c = fv.array(2.0)
    f = fv.compile(lambda x: x * c)
    assert float(f(fv.array(3.0))) == 6
    c[...] = 5.0
    assert float(f(fv.array(3.0))) == 6


@pytest.mark.parametrize("read", [float, bool, int, np.asarray, lambda a: a.item(), lambda a: a.tolist(), fv.eval])
def test_values_cannot_be_read(read):
    with pytest.raises(fv.TracedValueError, match=r"\[compile\].*float32\[\].*Hint"):
        fv.compile(lambda x: (read(x * 2), x)[1])(fv.array(1.0))
    assert float(fv.array(1.0) + 1) == 2


def test_value_of_a_captured_array_can_be_read():
    c = fv.array(2.0)
    assert float(fv.compile(lambda x: x * float(c) if c > 1 else x)(fv.array(3.0))) == 6


def test_leaked_array_says_so():
    kept: list[fv.array] = []
    fv.compile(lambda x: (keep(kept, x * 2), x)[1])(fv.array(1.0))
    for use in (
        float,
        lambda a: a + 1,
        lambda a: fv.compile(lambda x: x * a)(fv.array(1.0)),
        lambda a: fv.grad(lambda x: x * a)(fv.array(1.0)),
    ):
        with pytest.raises(fv.TracedValueError, match="compile has returned"):
            use(kept[0])


def test_exceptions_pass_and_are_not_cached():
    state = {"fail": True}

    def fun(x):
        if state["fail"]:
            raise KeyError("mine")
        return x * 2

    f = fv.compile(fun)
    with pytest.raises(KeyError, match="mine"):
        f(fv.array(1.0))
    state["fail"] = False
    assert float(f(fv.array(1.0))) == 2


def test_state_inputs_are_read_at_each_call():
    w = fv.array(2.0)
    f = fv.compile(lambda x: x * w, inputs=[w])
    assert float(f(fv.array(3.0))) == 6
    w[...] = 5.0
    assert float(f(fv.array(3.0))) == 15


def test_state_inputs_replaced_in_their_container():
    state = {"w": fv.array(2.0)}
    f, calls = counted(lambda x: x)
    calls.clear()

    def fun(x):
        calls.append(1)
        return x * state["w"]

    f = fv.compile(fun, inputs=state)
    assert float(f(fv.array(3.0))) == 6
    state["w"] = fv.array(5.0)
    assert float(f(fv.array(3.0))) == 15
    assert len(calls) == 1
    state["w"] = fv.array([1.0, 2.0])
    same(f(fv.array(3.0)), [3, 6])
    assert len(calls) == 2


def test_state_outputs_updated_in_place_and_replaced():
    a, state = fv.array(1.0), {"n": fv.array(0.0)}

    def step(x):
        a[...] = a + x
        state["n"] = state["n"] + 1
        return a * 10

    f = fv.compile(step, inputs=[a, state], outputs=[a, state])
    assert [float(f(fv.array(2.0))) for _ in range(3)] == [30, 50, 70]
    assert float(a) == 7 and float(state["n"]) == 3


def test_state_list_that_fun_appends_to():
    state = []

    def fun(x):
        state.append(x * 2)
        return x

    f = fv.compile(fun, outputs=state)
    f(fv.array(1.0))
    assert [float(s) for s in state] == [2]
    f(fv.array(3.0))
    assert [float(s) for s in state] == [6]


def test_state_is_restored_when_fun_raises():
    w = fv.array(2.0)

    def fun(x):
        w[...] = w * x
        raise KeyError

    with pytest.raises(KeyError):
        fv.compile(fun, inputs=[w], outputs=[w])(fv.array(3.0))
    assert float(w) == 2


def test_training_step_with_state(rng):
    x, y = rng.normal(size=(8, 3)), rng.normal(size=8)
    params = {"w": fv.array(np.zeros(3))}
    loss = lambda p, x, y: fv.mean((x @ p["w"] - y) ** 2)  # noqa: E731

    def step(x, y):
        value, g = fv.value_and_grad(loss)(params, x, y)
        params["w"] = params["w"] - 0.1 * g["w"]
        return value

    compiled = fv.compile(step, inputs=params, outputs=params)
    w, losses = np.zeros(3), []
    for _ in range(4):
        losses.append(np.mean((x @ w - y) ** 2))
        w = w - 0.1 * 2 * x.T @ (x @ w - y) / 8
        close(compiled(x, y), losses[-1])
        close(params["w"], w)


def test_inside_and_around_other_transforms(rng):
    x, v = rng.normal(size=3), rng.normal(size=3)
    f = fv.compile(lambda a: fv.sin(a) * a)
    slope = np.cos(x) * x + np.sin(x)
    close(fv.vjp(f, [x], [v])[1][0], slope * v)
    close(fv.jvp(f, [x], [v])[1][0], slope * v)
    close(fv.vmap(f)(x), np.sin(x) * x)
    close(fv.vmap(fv.grad(f))(x), slope)
    g, calls = counted(lambda a: fv.vjp(f, [a], [v])[1][0])
    for _ in range(3):
        close(g(x), slope * v)
    assert len(calls) == 1
    close(fv.compile(fv.vmap(fv.grad(lambda a: fv.sin(a) * a)))(x), slope)
    close(fv.grad(lambda x: fv.sum(g(x)))(x), (2 * np.cos(x) - x * np.sin(x)) * v)


def test_pullback_form_inside_compile(rng):
    x, v = rng.normal(size=3), rng.normal(size=3)

    def fun(x):
        (out,), pullback = fv.vjp(fv.sin, [x])
        return pullback([v])[0] + pullback([out])[0]

    close(fv.compile(fun)(x), np.cos(x) * (v + np.sin(x)))


def test_float64_precision_of_python_floats():
    x = np.ones(2)
    f = fv.compile(lambda x, s: x * s)
    for s in (0.1, 1 / 3):
        same(f(x, s), x * s)


def test_threads_share_a_compiled_function(rng):
    f, calls = counted(lambda x: fv.sin(x) * 2)
    x = rng.normal(size=(4, 100))
    found = {}
    threads = [threading.Thread(target=lambda i=i: found.update({i: np.asarray(f(x[i]))})) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for i in range(4):
        close(found[i], np.sin(x[i]) * 2)
    assert len(calls) == 1


def test_not_callable():
    for make in (fv.compile, fv.record):
        with pytest.raises(TypeError, match="function"):
            make(3)  # type: ignore[arg-type]


def test_record_prints_one_line_per_op():
    program = fv.record(lambda x, y: (fv.sin(x) * y + 2.0, fv.sum(y, axis=0)), fv.ones((2, 3)), fv.ones((2, 3)))
    lines = str(program).splitlines()
    assert lines[0] == "inputs: a: float32[2,3], b: float32[2,3]"
    assert lines[1] == "c: float32[2,3] = sin a"
    assert lines[2] == "d: float32[2,3] = multiply c b"
    assert lines[3] == "e: float32[2,3] = add d 2.0"
    assert lines[4] == "f: float32[3] = sum b axes=(0,)"
    assert lines[5] == "outputs: e, f"
    assert len(program) == 4 and repr(program) == str(program)


def test_record_of_constants_reads_and_many_names():
    c = fv.array([1.0, 2.0])
    text = str(fv.record(lambda x: x * c if float(x[0]) > 0 else x, fv.ones(2)))
    assert "constants: " in text and "multiply" in text
    long = fv.record(lambda x: sum((x * float(i) for i in range(40)), x), 1.0)
    names = [line.split(":")[0] for line in str(long).splitlines()[1:-1]]
    assert len(names) == len(set(names)) == len(long) == 80 and "aa" in names


def test_record_inside_a_transform_and_after_failure():
    programs = []

    def fun(x):
        programs.append(str(fv.record(fv.sin, x)))
        return x * 2

    same(fv.vjp(fun, [1.0], [1.0])[1][0], 2)
    assert "sin" in programs[0]
    with pytest.raises(ZeroDivisionError):
        fv.record(lambda x: 1 / 0, 1.0)
    assert float(fv.array(1.0) + 1) == 2


def test_eval_takes_trees_and_anything():
    fv.eval()
    fv.eval({"a": [fv.ones(2), None, 3, "text"]}, fv.ones(1))

    def evaluated(x):
        y = x * 2
        fv.eval(y)
        return y

    same(fv.grad(evaluated)(fv.array(1.0)), 2)


# --- objects -------------------------------------------------------------------------------------------------


class Layer:
    def __init__(self) -> None:
        self.bias = fv.array(1.0)


class Model:
    """Everything that an attribute may be."""

    def __init__(self) -> None:
        self.w, self.rate, self.layer = np.ones(3), 2.0, Layer()
        self.parameters = {"scales": [fv.ones(3), np.ones(3)]}
        self.seen: set[int] = set()

    def loss(self, x: Any) -> Any:
        first, second = self.parameters["scales"]
        return fv.sum(self.w * x * self.rate * first * second + self.layer.bias + len(self.seen))

    compiled = fv.compile(loss)

    def __call__(self, x: Any) -> Any:
        return self.loss(x)


def change(what: str) -> Callable[[Model], None]:
    return lambda model: exec(what, {"m": model, "np": np, "fv": fv, "Layer": Layer})


@pytest.mark.parametrize("what", [
    "m.w *= 3", "m.w = np.arange(3.0)", "m.w = fv.array(m.w * 2)", "m.w = m.w[:2]", "m.rate = 5.0",
    "m.layer.bias = fv.array(4.0)", "m.layer.bias += 1", "m.layer = Layer(); m.layer.bias = 7.0",
    "m.parameters['scales'][0] = fv.zeros(3)", "m.parameters['scales'][1][0] = 9", "m.seen.add(1)",
    "m.parameters = {'scales': [fv.ones(3), fv.zeros(3)]}",
])  # fmt: skip
def test_a_changed_attribute_is_noticed(what):
    model, x = Model(), np.arange(3.0)
    bound, called, gradient = fv.compile(model.loss), fv.compile(model), fv.compile(fv.grad(model.loss))
    argument = fv.compile(lambda m, x: m.loss(x))
    ways = (model.compiled, bound, called, lambda x: argument(model, x))
    for _ in range(2):
        x = x[: len(model.w)]
        if "[:2]" in what and len(model.w) == 2:
            model.parameters = {"scales": [1.0, 1.0]}
        for way in ways:
            close(way(x), model.loss(x))
        close(gradient(x), fv.grad(model.loss)(x))
        change(what)(model)
    assert isinstance(model.w, np.ndarray | fv.array) and isinstance(model.layer.bias, fv.array | float)


def test_attributes_are_given_like_arguments_not_recorded_anew():
    model = Model()
    f, calls = counted(lambda m, x: m.loss(x))
    for k in range(4):
        model.w = model.w * k
        model.layer.bias = fv.array(float(k))
        close(f(model, np.ones(3)), model.loss(np.ones(3)))
    assert len(calls) == 1


@pytest.mark.parametrize("what", [
    "m.w = m.w * 2", "m.layer.bias += 1", "m.more = 1", "m.parameters['scales'][0][0] = 3.0", "m.rate += 1",
    "del m.w",
])  # fmt: skip
def test_setting_an_attribute_is_an_error_and_undone(what):
    model = Model()
    before = [model.w, model.rate, model.layer.bias, model.parameters["scales"][0]]
    f = fv.compile(lambda m, x: (change(what)(m), x)[1])
    with pytest.raises(TypeError, match=r"\[compile\] The function sets (Model|Layer)\.\w+.*outputs="):
        f(model, np.ones(3))
    for x, y in zip(before, [model.w, model.rate, model.layer.bias, model.parameters["scales"][0]], strict=True):
        assert x is y
    same(model.w, np.ones(3))
    assert model.layer.bias.item() == 1 and not hasattr(model, "more")


def test_state_of_an_object_as_outputs():
    model = Model()

    def step(x: Any) -> Any:
        model.parameters["scales"][0] = model.parameters["scales"][0] + x
        return model.loss(x)

    f = fv.compile(step, inputs=model.parameters, outputs=model.parameters)
    for k in range(1, 4):
        f(fv.ones(3))
        close(model.parameters["scales"][0], np.ones(3) * (1 + k))


class Refusing(dict):
    """A dict that can only be changed item by item."""

    def update(self, *_: Any, **__: Any) -> None:
        raise PermissionError("no update")

    def clear(self) -> None:
        raise PermissionError("no clear")


def test_state_in_a_dict_of_the_user_s_own_kind():
    state = Refusing(w=fv.zeros(2), n=fv.array(0.0))

    def step(x: Any) -> Any:
        state["w"] = state["w"] + x
        return state["w"].sum()

    f = fv.compile(step, inputs=state, outputs=state)
    for k in range(1, 4):
        assert f(fv.ones(2)).item() == 2 * k
        assert type(state) is Refusing and list(state) == ["w", "n"]
        close(state["w"], np.ones(2) * k)


def test_the_signatures_used_last_are_kept():
    f, calls = counted(lambda x, s: x * s)
    one = fv.array(1.0)
    for s in range(MAX_SIGNATURES):
        f(one, s)
    f(one, 0)  # used again, so that 1 is the oldest
    f(one, MAX_SIGNATURES)
    recorded = len(calls)
    f(one, 0)
    assert len(calls) == recorded
    f(one, 1)
    assert len(calls) == recorded + 1


def test_many_shapes_leave_no_more_than_the_kept_ones():
    f = fv.compile(lambda x: fv.sum(fv.sin(x) * x))
    before, recordings = len(trie.root.next), len(trie.ends)
    for n in range(1, 50):
        f(np.ones(n))
    assert len(trie.root.next) == before
    assert len(trie.ends) == recordings
