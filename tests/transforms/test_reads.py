"""Reads of what is being differentiated: which are an error, which are free, under every transform."""

from __future__ import annotations

import contextvars
import math
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from support.checks import close

import fastvjp as fv
from fastvjp.recording import hints

X = np.array([1.5, 2.0])


def lost(*words: str):
    """Expect the error, with these words in it."""
    return pytest.raises(fv.LostGradientError, match="(?s)" + ".*".join(words))


READS: dict[str, Callable[[Any], Any]] = {
    "float": lambda x: float(x[0]),
    "complex": lambda x: complex(x[0]),
    "asarray": np.asarray,
    "array": lambda x: np.array([x[0], x[1]]),
    "copy": lambda x: np.array(x, copy=True),
    "dtype": lambda x: np.asarray(x, np.float32),
    "dlpack": np.from_dlpack,
    "old dlpack": lambda x: x.__dlpack__(),
    "buffer": lambda x: x.__buffer__(0),
    "pickle": pickle.dumps,
}
FREE: dict[str, Callable[[Any], Any]] = {
    "bool": lambda x: bool(x[0]),
    "compare": lambda x: x[0] > 1 and x[0] != 3,
    "int": lambda x: int(x[0]),
    "len": len,
    "format": lambda x: f"{x[0]:.2f} {x}",
    "repr": repr,
    "item": lambda x: x[0].item() + x.item(1),
    "tolist": lambda x: x.tolist(),
    "stopped": lambda x: np.asarray(fv.stop_gradient(x)) + np.asarray(fv.stop_gradient(x) * 2.0),
    "integers": lambda x: np.asarray(fv.argsort(x)) + np.asarray(x.astype(np.int32)),
    "bools": lambda x: np.asarray(x > 1),
    "floor": lambda x: np.asarray(np.floor(x)),
    "eval": fv.eval,
    "save": np.array2string,
}
TRANSFORMS = {
    "grad": lambda f: fv.grad(f)(X),
    "value_and_grad": lambda f: fv.value_and_grad(f)(X),
    "vjp": lambda f: fv.vjp(f, [X], [1.0]),
    "pullback": lambda f: fv.vjp(f, [X]),
    "jvp": lambda f: fv.jvp(f, [X], [X]),
    "jacrev": lambda f: fv.jacrev(f)(X),
    "jacfwd": lambda f: fv.jacfwd(f)(X),
    "hessian": lambda f: fv.hessian(f)(X),
    "hvp": lambda f: fv.hvp(f, [X], [X]),
    "second": lambda f: fv.grad(lambda x: fv.sum(fv.grad(f)(x)))(X),
    "checkpoint": lambda f: fv.grad(fv.checkpoint(f))(X),
    "custom": lambda f: fv.grad(fv.custom_function(f))(X),
    "grad of vmap over another": lambda f: fv.grad(lambda x: fv.sum(fv.vmap(lambda t: f(x) * t)(X)))(X),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("read", READS)
def test_reads_that_lose_a_gradient(read, transform):
    def fun(x):
        y = x * 2.0
        READS[read](y)
        return fv.sum(y * x)

    with lost("The gradient is lost in ", "test_reads.py:[0-9]+", "Hint: ", "stop_gradient", "item"):
        TRANSFORMS[transform](fun)
    with lost():
        TRANSFORMS[transform](lambda x: (READS[read](x), fv.sum(x * x))[1])  # the input itself
    with fv.reads("allow"):
        TRANSFORMS[transform](fun)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("read", FREE)
def test_free_reads(read, transform):
    def fun(x):
        y = x * 2.0
        FREE[read](y)
        return fv.sum(y * x * x)

    TRANSFORMS[transform](fun)
    close(fv.grad(fun)(X), 6 * X**2)


def test_a_value_that_was_read_before_is_no_less_lost():
    def fun(x):
        y = x[0] * x[1]
        assert y > 0 and y.item() == 3  # now its value is known
        return y * float(y)

    with lost("float64"):
        fv.grad(fun)(X)


def test_constants_are_read_freely():
    c = fv.array(X)

    def fun(x):
        k = float(fv.sum(c * 2.0)) + float(c[0])  # closure, and what is computed of it
        k += np.asarray(fv.grad(lambda z: fv.sum(z * z))(c))[0]  # a gradient that is done
        return fv.sum(x * k)

    close(fv.grad(fun)(X), [7 + 1.5 + 3] * 2)
    close(fv.vjp(lambda n, x: x * float(n), [np.int32(3), X], [X])[1][1], 3 * X)  # an integer
    assert float(fv.record(lambda x: x * float(x[0]), X).inputs[0].aval.size) == 2  # nothing is differentiated


def test_arrays_that_leaked_are_read_when_the_transform_is_done():
    kept = []

    def outer(y):
        def inner(x):
            kept.append(x * 2.0)
            return fv.sum(x * x)

        fv.grad(inner)(fv.array(X))
        kept.append(float(kept[0][0]))  # the inner transform is done, the outer one is not concerned
        with lost():
            float(y[0])
        return fv.sum(y)

    fv.grad(outer)(X)
    assert kept[1] == 3.0
    close(np.asarray(kept[0]), 2 * X)


def test_a_nested_transform_knows_the_inputs_of_the_outer_one():
    with lost("math.exp"):
        fv.grad(lambda x: fv.grad(lambda t: t * math.exp(x[0]))(1.0))(X)
    with lost():
        fv.grad(lambda x: float(fv.grad(lambda t: t * t * x[0])(1.0)))(X)
    with lost():
        fv.jvp(lambda x: float(fv.jvp(lambda t: t * x[0], [1.0], [1.0])[1][0]) * x, [X], [X])


def test_no_values_are_known_under_vmap_and_compile():
    for read in READS.values():
        fun = lambda x, read=read: fv.sum(x * (read(x) is None))  # noqa: E731
        for transformed in (fv.compile(fun), fv.compile(fv.grad(fun))):
            with pytest.raises(fv.TracedValueError):
                transformed(X)
        for batched in (fv.vmap(fun), fv.vmap(fv.grad(fun))):
            with pytest.raises(fv.TracedValueError):
                batched(np.stack([X, X]))


def test_rules_read_what_nobody_differentiates_any_more():
    @fv.custom_function
    def cubed(x):
        return fv.array(np.asarray(x) ** 3)  # a function that has a rule is a constant inside

    @cubed.vjp
    def rule(x, g, out):
        return fv.array(3 * np.asarray(x) ** 2 * np.asarray(g))

    close(fv.grad(lambda x: fv.sum(cubed(x)))(X), 3 * X**2)
    close(fv.vjp(lambda x: cubed(x * 2.0), [X], [X])[1][0], 24 * X**3)
    with lost("rule"):  # its second derivative would be 0
        fv.grad(lambda x: fv.sum(fv.grad(lambda x: fv.sum(cubed(x)))(x)))(X)


# --- threads -----------------------------------------------------------------------------------------------


def in_thread(fun):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(fun).result()


@pytest.mark.parametrize(
    "use",
    [
        lambda y: y + 1.0, fv.sum, lambda y: y[0], np.sin, lambda y: float(y[0]),
        lambda y: fv.grad(lambda z: fv.sum(z * y))(X), fv.grad(fv.sum), fv.compile(fv.sin),
        lambda y: fv.vmap(lambda t: t * y)(X), np.linalg.norm,
    ],
)  # fmt: skip
def test_another_thread_would_lose_the_gradient(use):
    for made in (lambda x: x, lambda x: x * 2.0):  # the input itself, whose value is known, and what is not

        def fun(x, made=made):
            y = made(x)
            in_thread(lambda: use(y))
            return fv.sum(y)

        with lost("another thread|float|norm"):
            fv.grad(fun)(X)


def test_another_thread_has_constants_and_transforms_of_its_own():
    def fun(x):
        held = fv.stop_gradient(x)
        k = in_thread(lambda: float(fv.sum(held * 2.0)) + float(fv.grad(lambda t: t * t)(1.0)))
        return fv.sum(x) * k

    close(fv.grad(fun)(X), [9.0, 9.0])


def test_a_thread_in_the_same_context_records():
    def fun(x):
        context = contextvars.copy_context()
        return in_thread(lambda: context.run(lambda: fv.sum(x * x)))

    close(fv.grad(fun)(X), 2 * X)


# --- what the error says -----------------------------------------------------------------------------------


def test_the_line_is_the_users_own():
    scipy_special = pytest.importorskip("scipy.special")

    def helper(x):
        return scipy_special.logsumexp(x)

    line = helper.__code__.co_firstlineno + 1
    with lost(r"\[scipy.special.logsumexp\]", f"helper, {__file__}:{line}", "return scipy", "fastvjp.logsumexp"):
        fv.grad(helper)(X)


def test_an_error_without_source():
    scope: dict[str, Any] = {"np": np}
    exec("def fun(x):\n    return np.array([x[0]])[0]", scope)
    with lost(r"\[np.asarray\] The gradient is lost in fun, <string>:2", "fastvjp.array"):
        fv.grad(scope["fun"])(X)


def test_hints_name_what_there_is():
    assert {"fastvjp.logsumexp", "fastvjp.linalg.eigh"} <= {
        hints.hint(f"scipy.{name}", "").split(" ")[0] for name in ("special.logsumexp", "linalg.eigh")
    }
    assert not any("asarray" in text or "float(" in text for text in hints._HINTS.values())  # as the fault itself
    assert hints.hint("math.sin", "") == "np.sin records it."
    assert "np.pad(fastvjp.array" in hints.hint("np.pad", "")
    assert hints.hint("scipy.stats.norm.logpdf", "") == "fastvjp.scipy.stats.norm.logpdf records it."
    assert "whose logpdf is recorded" in hints.hint("logpdf of scipy.stats", "")
    assert "custom_function" in hints.hint("scipy.stats.pareto.logpdf", "")


def test_a_swallowed_error_leaves_nothing_behind():
    def fun(x):
        try:
            k = float(x[0])
        except TypeError:
            k = x[0]
        return fv.sum(x * k)

    for _ in range(2):
        close(fv.grad(fun)(X), [2 * X[0] + X[1], X[0]])


# --- settings ----------------------------------------------------------------------------------------------


def reading(x):
    return fv.sum(x * float(x[0]))


def test_allow_gives_constants_and_ends():
    with fv.reads("allow"):
        close(fv.grad(reading)(X), [1.5, 1.5])
        with fv.reads("error"), lost():
            fv.grad(reading)(X)
        with lost():
            in_thread(lambda: fv.grad(reading)(X))  # in this thread alone
    with lost():
        fv.grad(reading)(X)


def test_warn_warns_once_at_every_place():
    def twice(x):
        return fv.sum(x * float(x[0])) * float(x[1])

    with fv.reads("warn"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            close(fv.grad(twice)(X), [3.0, 3.0])
        fv.grad(lambda x: fv.sum(x) * float(x[0]))(X)
    assert [w.category for w in caught] == [fv.LostGradientWarning] * 2
    assert {w.filename for w in caught} == {__file__} and len({w.lineno for w in caught}) == 2


@pytest.mark.parametrize("mode", ["on", "", "ERROR", None])
def test_an_unknown_mode(mode):
    with pytest.raises(ValueError, match=r"\[reads\] .*Expected: 'error', 'warn' or 'allow'"), fv.reads(mode):
        pass


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("allow", "1.5"),
        ("error", "LostGradientError"),
        ("", "LostGradientError"),
        ("on", "[FASTVJP_READS] Unknown"),
    ],
)
def test_the_environment(value, printed):
    code = (
        "import fastvjp as fv\n"
        "try: print(fv.grad(lambda x: x * float(x))(1.5))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    environment = {**os.environ, "FASTVJP_READS": value}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert printed in run.stdout
