"""Ctrl-C, at any moment: the next call works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fastvjp.kernels.native.interrupts import postponed

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, random, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background ignores
import numpy as np
import fastvjp as fv

random.seed(int(sys.argv[1]))

def interrupt(seconds):
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGINT)

def value(x, k):
    return np.sum(np.tanh(x) ** k * np.exp(-x) + np.sort(x)) + np.sum(np.linalg.eigh(np.outer(x, x))[0] ** k)

def slope(x, k):
    return fv.grad(lambda x: value(x, k))(x)

interrupted = 0
x = np.linspace(0.1, 1.0, 5)
for turn in range(int(sys.argv[2])):
    thread = threading.Thread(target=interrupt, args=(random.uniform(0, 0.3),))
    thread.start()
    try:
        while True:  # until the interrupt comes
            slope(x, float(turn // 3 + 2))
    except KeyboardInterrupt:
        interrupted += 1
    thread.join()
    assert type(fv.array(1.0) + 1) is fv.array and (fv.array(1.0) + 1).item() == 2
    d = 1e-6 * np.eye(5)
    differences = [(value(x + e, 3.0) - value(x - e, 3.0)) / 2e-6 for e in d]
    np.testing.assert_allclose(np.asarray(slope(x, 3.0)), differences, rtol=1e-6)
    compiled = fv.compile(fv.grad(lambda x: value(x, 3.0)))
    np.testing.assert_allclose(np.asarray(compiled(x)), differences, rtol=1e-6)
assert fv.kernels.native.interrupts.signal.getsignal(signal.SIGINT) is signal.default_int_handler
import numba
assert numba.njit(lambda x: x + 1)(2) == 3
assert fv.njit(fv.grad(lambda x: value(x, 3.0)), x)(x).shape == (5,)
print(interrupted)
"""


@pytest.mark.parametrize("seed", range(2))
def test_the_next_call_works(seed, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(seed), "5"], capture_output=True, text=True, check=False, cwd=ROOT,
        env=os.environ | {"FASTVJP_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) == 5


AT_ANY_MOMENT = """
import random, signal, sys
import fastvjp as fv
from fastvjp.kernels.native import blas
from fastvjp.recording.recorder import current

random.seed(int(sys.argv[1]))
signal.signal(signal.SIGALRM, signal.default_int_handler)

def interrupted(work, check, longest):
    for _ in range(4000):
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, longest))
            while True:  # until the interrupt comes
                work()
        except KeyboardInterrupt:
            check()

def nothing_is_open():
    assert current() is None

def threads_are_the_users():
    assert context.get() == 2 and not context.lock.locked()

x = fv.ones(10)
slope = fv.value_and_grad(lambda x: fv.sum(x * x))
slope(x)
interrupted(lambda: slope(x), nothing_is_open, 60e-6)
context = blas.one_thread()
if context is not None:
    context.set(2)
    interrupted(lambda: context(context.get), threads_are_the_users, 30e-6)
"""


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_left_open_or_lowered(seed, tmp_path):
    """Thousands of interrupts in what takes microseconds: behind every instruction that lets one through."""
    run = subprocess.run(
        [sys.executable, "-c", AT_ANY_MOMENT, str(seed)], capture_output=True, text=True, check=False, cwd=ROOT,
        env=os.environ | {"FASTVJP_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


@pytest.fixture
def _pythons_handler():
    """Which a job in the background has not: it ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_pythons_handler")
def test_an_interrupt_waits():
    done = []
    with pytest.raises(KeyboardInterrupt), postponed():
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            done.append(1)
    assert len(done) == 1000
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("_pythons_handler")
def test_an_error_goes_on_without_an_interrupt():
    with pytest.raises(ZeroDivisionError), postponed():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_and_handlers_are_left_alone():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with postponed():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    seen = []

    def other() -> None:
        with postponed():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [before]
