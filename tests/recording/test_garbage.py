"""Full garbage collections wait while a recording grows, and come back whatever ends it."""

from __future__ import annotations

import gc
import itertools
import os
import threading

import numpy as np
import pytest

import fastvjp as fv
from fastvjp.core.garbage import NEVER, Growing

USUAL = gc.get_threshold()
SIZES = itertools.count(10)
"""Of arrays, each once: what has been recorded before does not grow."""


@pytest.fixture(autouse=True)
def usual():
    """Whatever happens, the next test begins with the usual thresholds."""
    yield
    found = gc.get_threshold()
    gc.set_threshold(*USUAL)
    assert found == USUAL


def recorded(seen=None, end=None):
    """A function that looks at the thresholds between its ops."""

    def fun(x):
        for _ in range(3):
            x = np.tanh(x)
            if seen is not None:
                seen.append(gc.get_threshold()[2])
        if end is not None:
            end()
        return np.sum(x)

    return fun


@pytest.mark.parametrize("transform", [fv.grad, lambda f: fv.compile(fv.grad(f)), fv.hessian])
def test_there_are_none_while_it_grows_and_there_are_behind_it(transform):
    seen: list[int] = []
    transform(recorded(seen))(np.ones(next(SIZES)))
    assert seen[1:] and set(seen[1:]) == {NEVER}
    assert gc.get_threshold() == USUAL


def test_no_full_collection_comes_between():
    generations = []

    def noted(phase, info):
        generations.append(info["generation"])

    def long(x):
        gc.callbacks.append(noted)
        for i in range(3000):
            x = x * 1.001 + np.float64(i)
        gc.callbacks.remove(noted)
        return np.sum(x)

    fv.grad(long)(np.ones(next(SIZES)))
    assert 0 in generations and 2 not in generations


def test_an_error_ends_it():
    def wrong():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fv.grad(recorded(end=wrong))(np.ones(next(SIZES)))
    assert gc.get_threshold() == USUAL


def test_what_others_set_meanwhile_stays():
    fv.grad(recorded(end=lambda: gc.set_threshold(500, 7, 9)))(np.ones(next(SIZES)))
    assert gc.get_threshold() == (500, 7, 9)
    gc.set_threshold(*USUAL)


def test_the_last_of_several_ends_it():
    one, other = Growing(), Growing()
    one.end()
    one.end()
    assert gc.get_threshold()[2] == NEVER
    del other
    assert gc.get_threshold() == USUAL


def test_threads_count_together():
    inside, go_on = threading.Event(), threading.Event()

    def wait():
        inside.set()
        assert go_on.wait(60)

    thread = threading.Thread(target=lambda: fv.grad(recorded(end=wait))(np.ones(next(SIZES))))
    thread.start()
    assert inside.wait(60)
    fv.grad(recorded())(np.ones(next(SIZES)))
    assert gc.get_threshold()[2] == NEVER
    go_on.set()
    thread.join(60)
    assert gc.get_threshold() == USUAL


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_others():
    other = Growing()
    child = os.fork()
    if child == 0:
        os._exit(0 if gc.get_threshold() == USUAL else 1)
    _, status = os.waitpid(child, 0)
    other.end()
    assert os.waitstatus_to_exitcode(status) == 0
