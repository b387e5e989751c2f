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


def test_an_interrupt_waits():
    done = []
    with pytest.raises(KeyboardInterrupt), postponed():
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            done.append(1)
    assert len(done) == 1000
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


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
