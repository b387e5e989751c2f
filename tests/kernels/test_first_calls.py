"""First calls that end early, by an interrupt or a compiler thread that dies: the same call again is right."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import traceback
from collections import Counter
from typing import Any

import numpy as np
import pytest
from support.checks import forget

import fastvjp as fv
from fastvjp.core import forks, progress
from fastvjp.devices import threads
from fastvjp.kernels.native import cache, jit
from fastvjp.kernels.runtime import lowering
from fastvjp.recording.recorder import current

pytestmark = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")

WEIGHTS = np.arange(12.0).reshape(4, 3) / 7


def loss(x):
    """Two fused steps, a product between them, and a sort."""
    rows = np.tanh(x @ WEIGHTS)
    return np.sum(np.exp(-rows * rows)) + np.sum(np.sort(x, axis=1)[:, 0] ** 3)


def check(x):
    """The gradient, made anew, against differences of NumPy's values."""
    found = fv.grad(loss)(x)
    expected = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = 1e-6
        expected[i] = (loss(x + step) - loss(x - step)) / 2e-6
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@pytest.fixture
def anew(monkeypatch, tmp_path):
    """Forgets all plans and kernels."""
    monkeypatch.setattr(cache, "directory", lambda: tmp_path)
    monkeypatch.setattr(threads, "_threads", 2)

    def forgotten(on_disk: bool = True) -> None:
        forget()
        jit.compile_loop.cache_clear()
        if on_disk:
            for path in tmp_path.iterdir():
                path.unlink()

    with fv.device("cpu"):
        yield forgotten
    jit.compile_loop.cache_clear()


@pytest.fixture
def _pythons_handler():
    """Python's own handler; afterwards it is in force, and nothing is open."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    found = signal.signal(signal.SIGINT, before)
    assert found is signal.default_int_handler


def calls(work, stop=0):
    """How many functions have been called until `work` ended; at the one of this number comes an interrupt."""
    number = 0

    def profile(frame, event, argument):
        nonlocal number
        if event == "call":
            number += 1
            if number == stop:
                signal.raise_signal(signal.SIGINT)

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return number


def nothing_is_open():
    assert current() is None and progress.current() is None
    assert forks._forks.running == 0 and forks._forks.depth == 0
    assert not [t for t in threading.enumerate() if t.name == "fastvjp-compiler"]


@pytest.mark.usefixtures("_pythons_handler")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of interrupts within __del__
@pytest.mark.parametrize("on_disk", [True, False])
def test_an_interrupt_at_any_call(on_disk, anew, rng):
    x = rng.standard_normal((3, 4))
    anew()
    check(x)
    anew(on_disk)
    last = calls(lambda: fv.grad(loss)(x))
    moments = [int(n) for n in rng.integers(1, last, 30)]
    interrupted: Counter[str] = Counter()
    for moment in moments:
        anew(on_disk)
        try:
            calls(lambda: fv.grad(loss)(x), moment)
        except KeyboardInterrupt as error:
            interrupted[traceback.extract_tb(error.__traceback__)[-2].name] += 1
        nothing_is_open()
        check(x)
    assert interrupted.total() >= 20, interrupted


def test_a_lock_that_an_interrupt_left_held(anew, rng):
    """An object of Numba's that died meanwhile leaves it so: other threads would wait for good."""
    from llvmlite.binding import ffi

    anew()
    ffi.lib._lock._lock.acquire()
    check(rng.standard_normal((3, 4)))
    assert not ffi.lib._lock._lock._is_owned()


@pytest.mark.usefixtures("_pythons_handler")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_while_code_goes(anew, rng):
    """Without it llvmlite's lock stayed held, which other threads then waited for."""
    source = "def fused(args, start, stop):\n    return {}\n"
    for moment in range(1, 12):
        codes = [jit.compile_loop.__wrapped__(source.format(moment))]
        with contextlib.suppress(KeyboardInterrupt):
            calls(codes.clear, moment)
        found: list[Any] = []
        thread = threading.Thread(
            target=lambda found=found: found.append(
                jit.compile_loop.__wrapped__(source.format(rng.integers(1 << 30)))
            ),
            daemon=True,
        )
        thread.start()
        thread.join(30)
        assert len(found) == 1


@pytest.mark.parametrize("kind", [ValueError, IndexError, MemoryError, SystemExit])
@pytest.mark.parametrize("dies", ["a helper", "the caller", "all"])
def test_a_compiler_thread_that_dies(kind, dies, anew, monkeypatch, rng):
    """Two threads are at work, of which one or both fail."""
    here, began, fails = threading.current_thread(), threading.Barrier(2), True

    def dying(original):
        def compiles(*source):
            if fails and progress.current() is not None:
                began.wait(20)
                if dies == "all" or (threading.current_thread() is here) == (dies == "the caller"):
                    raise kind("broken")
            return original(*source)

        return compiles

    x = rng.standard_normal((3, 4))
    anew()
    monkeypatch.setattr(lowering, "compile_loop", dying(jit.compile_loop))
    monkeypatch.setattr(lowering, "run_code", dying(lowering.run_code))
    with pytest.raises(kind, match="broken"):
        fv.grad(loss)(x)
    nothing_is_open()
    fails = False
    check(x)
