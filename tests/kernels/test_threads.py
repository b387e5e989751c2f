"""Threads: equal results on any number of them, wrong numbers, forks, Python threads, Numba functions beside."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import fastvjp as fv
from fastvjp import devices
from fastvjp.devices import threads as cpu_threads
from fastvjp.kernels import loops
from fastvjp.kernels.elements import registry
from fastvjp.kernels.native import jit, threads
from fastvjp.kernels.native.cost import operations
from fastvjp.kernels.native.memory import address_of
from fastvjp.kernels.runtime.assembly import Assembly
from fastvjp.kernels.runtime.machine import POOL, failure, runner

compiled = pytest.mark.skipif(jit.jit_disabled(), reason="plain Python runs on one thread")


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    monkeypatch.setattr(cpu_threads, "_threads", cpu_threads._threads)
    monkeypatch.delenv("FASTVJP_NUM_THREADS", raising=False)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)


@pytest.fixture
def pool():
    """A pool of two threads."""
    fv.set_num_threads(2)
    if threads.pool() == 0:
        pytest.skip("no TBB here, or one core")


def run(code, **environment):
    names = ("FASTVJP_NUM_THREADS", "NUMBA_NUM_THREADS")
    env = {k: v for k, v in os.environ.items() if k not in names} | environment
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


def flat(x):
    return fv.sum(fv.tanh(x * 2) * fv.exp(-x * x))


def rows(x):
    return fv.sum(fv.sin(x.reshape(-1, 500)[:, 3:400] * 3.0) ** 2)


def single(x):
    return fv.sum(fv.erf(x.astype(fv.float32)))


@pytest.mark.parametrize("function", [flat, rows, single])
def test_results_do_not_depend_on_the_number_of_threads(function, rng, pool):
    x = fv.array(rng.standard_normal(150_000))
    found = []
    for n in (1, 2, 3):
        fv.set_num_threads(n)
        value, gradient = fv.value_and_grad(function)(x)
        found.append((value.tolist(), np.asarray(gradient).tobytes()))
    assert found[0] == found[1] == found[2]


def test_large_arrays_as_numpy(rng, pool):
    x = rng.standard_normal(150_000)
    np.testing.assert_allclose(np.asarray(fv.tanh(fv.array(x))), np.tanh(x), rtol=1e-15, atol=0)
    gradient = np.asarray(fv.grad(lambda x: fv.sum(fv.tanh(x)))(fv.array(x)))
    np.testing.assert_allclose(gradient, 1 - np.tanh(x) ** 2, rtol=1e-13, atol=1e-15)


@compiled
def test_number_from_the_environment_in_new_processes():
    code = """
import hashlib, numpy, fastvjp
x = fastvjp.array(numpy.random.default_rng(3).standard_normal(150_000))
gradient = fastvjp.grad(lambda x: fastvjp.sum(fastvjp.tanh(x)))(x)
print(fastvjp.num_threads(), hashlib.sha256(numpy.asarray(gradient).tobytes()).hexdigest())
"""
    found = [run(code, FASTVJP_NUM_THREADS=str(n)).stdout.split() for n in (1, 2, 3)]
    cores = cpu_threads._cores()
    assert [int(n) for n, _ in found] == [min(n, cores) for n in (1, 2, 3)]
    assert len({digest for _, digest in found}) == 1


def one_loop(source, count, grain, arrays):
    """The words of a plan of one loop, written by hand; its first argument words are the arrays' addresses."""
    assembly = Assembly([], [], [])
    loop = loops.Loop(source, (), (), tuple(address_of(a) for a in arrays), count, grain)
    assembly.add(loop)
    return finished(assembly)


def finished(assembly):
    """The words of one loop, and where their call begins."""
    (start,) = assembly.finish()
    call = assembly.call(start, 1)
    return np.array(assembly.words, np.int64), call


def run_words(words, call, pool):
    words[call], words[call + POOL] = address_of(words), pool
    return runner()(address_of(words) + 8 * call)


@compiled
@pytest.mark.parametrize("number", [2, 3, threads.MOST_RANGES + 36])
@pytest.mark.parametrize(("count", "grain"), [(1, 1), (1000, 7), (1000, 1000), (1001, 1000), (64, 1)])
def test_each_iteration_runs_once(count, grain, number, pool, monkeypatch):
    """Whatever number of threads there is said to be, and however many of them come."""
    monkeypatch.setattr(devices, "num_threads", lambda: number)
    seen = np.zeros(count, np.int64)
    source = (
        "def fused(args, start, stop):\n    seen = pointer(args[0], int64)\n"
        "    for i in range(start, stop):\n        seen[i] += 1\n    return 0\n"
    )
    words, call = one_loop(source, count, grain, [seen])
    assert run_words(words, call, threads.pool()) == 0
    assert (seen == 1).all()


@compiled
def test_the_first_chunk_that_fails_gives_the_status(rng, pool):
    source = "def fused(args, start, stop):\n    return start if start >= args[0] else 0\n"
    for first in rng.integers(1, 500, 50):
        assembly = Assembly([], [], [])
        assembly.add(loops.Loop(source, (), (), (int(first),), 500, 3))
        words, call = finished(assembly)
        expected = -(-int(first) // 3) * 3
        for pool_ in (0, threads.pool()):
            failed = failure(run_words(words, call, pool_))
            assert failed == ((1, expected) if expected < 500 else (0, 0))


def test_several_python_threads(rng, pool):
    x = fv.array(rng.standard_normal(100_000))
    f = fv.compile(fv.grad(lambda x: fv.sum(fv.exp(x) * fv.tanh(x))))
    expected = np.asarray(f(x)).tobytes()
    same: list[bool] = []

    def work():
        same.extend(np.asarray(f(x)).tobytes() == expected for _ in range(25))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert same == [True] * 100


FORK = """
import os, sys, threading, numpy, fastvjp
from fastvjp.kernels.native import threads
x = numpy.random.default_rng().standard_normal(150_000)
def right():
    gradient = fastvjp.grad(lambda x: fastvjp.sum(fastvjp.tanh(x)))(fastvjp.array(x))
    return numpy.allclose(numpy.asarray(gradient), 1 - numpy.tanh(x) ** 2)
def fork():
    child = os.fork()
    if child == 0:
        os._exit(0 if right() and threads.pool() == 0 else 1)
    assert os.waitpid(child, 0)[1] == 0
def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()
{order}
assert right()
print("well")
"""


@compiled
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("first", ["right()", "in_thread(right)"])
@pytest.mark.parametrize("then", ["fork(); fork()", "in_thread(fork)"])
def test_a_forked_child_runs_on_one_thread(first, then):
    found = run(FORK.format(order=f"{first}; {then}"))
    assert found.stdout == "well\n", found.stderr


FORK_WHILE_COMPILING = """
import itertools, os, signal, threading, time, numpy as np, fastvjp
x = np.linspace(0.1, 1, 50)
functions = [np.tanh, np.sin, np.sqrt, np.arctan, np.log1p]
new = itertools.product(functions, repeat=7)  # each a kernel of its own
def right(chain):
    def f(x):
        for function in chain:
            x = function(x)
        return x
    return np.allclose(fastvjp.value_and_grad(lambda x: f(x).sum())(x)[0], f(x).sum())
assert right([np.cos])  # what is imported once
stop = False
def compiling():
    while not stop:
        assert right(next(new))
threads = [threading.Thread(target=compiling) for _ in range(2)]
for thread in threads:
    thread.start()
for k in range(6):
    time.sleep(0.05)
    chain = [np.cos, *functions[k % 5:], *functions[:k % 5]]
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        os._exit(0 if right(chain) else 1)
    assert os.waitpid(child, 0)[1] == 0
stop = True
for thread in threads:
    thread.join()
print("well")
"""


@compiled
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_while_kernels_are_compiled():
    found = run(FORK_WHILE_COMPILING, FASTVJP_CACHE_DIR="off")
    assert found.stdout == "well\n", found.stderr


PRANGE = """
import numpy, numba, fastvjp
x = numpy.random.default_rng().standard_normal(150_000)
@numba.njit(parallel=True)
def user(x):
    y = numpy.empty_like(x)
    for i in numba.prange(len(x)):
        y[i] = 2 * x[i]
    return y
def users():
    assert (user(x) == 2 * x).all()
def ours():
    gradient = fastvjp.grad(lambda x: fastvjp.sum(fastvjp.tanh(x)))(fastvjp.array(x))
    assert numpy.allclose(numpy.asarray(gradient), 1 - numpy.tanh(x) ** 2)
for turn in {order}:
    turn()
print("well")
"""


@compiled
@pytest.mark.parametrize("order", ["(users, ours, users)", "(ours, users, ours)"])
@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_numba_functions_of_the_user(order, layer):
    found = run(PRANGE.format(order=order), NUMBA_THREADING_LAYER=layer)
    assert found.stdout == "well\n", found.stderr


def test_the_layer_is_loaded_without_numba(pool):
    code = (
        "import sys; from fastvjp.kernels.native import threads\n"
        "print(threads._layer() is None, 'numba' in sys.modules)"
    )
    assert run(code).stdout == "False False\n"


@compiled
def test_without_a_layer_on_one_thread(monkeypatch, rng):
    monkeypatch.setattr(threads, "_start", lambda: None)
    fv.set_num_threads(2)
    x = rng.standard_normal(150_000)
    np.testing.assert_allclose(np.asarray(fv.exp(fv.array(x))), np.exp(x), rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", ["FASTVJP_NUM_THREADS", "NUMBA_NUM_THREADS"])
@pytest.mark.parametrize("value", ["0", "-2", "two", "1.5", "²"])
def test_wrong_numbers_in_the_environment(name, value, monkeypatch):
    monkeypatch.setattr(cpu_threads, "_threads", None)
    monkeypatch.setenv(name, value)
    with pytest.raises(
        ValueError, match=rf"\[{name}\] Expected a whole number of threads, 1 or more, got '?{value}'?"
    ):
        fv.num_threads()


def test_a_wrong_number_fails_at_first_use_not_at_import():
    found = run("import fastvjp; print('imported'); fastvjp.ones(2) * 2", FASTVJP_NUM_THREADS="many")
    assert found.stdout == "imported\n"
    assert (
        "ValueError: [FASTVJP_NUM_THREADS] Expected a whole number of threads, 1 or more, got 'many'"
        in found.stderr
    )


@pytest.mark.parametrize("n", [0, -1, 1.0, "2", None])
def test_wrong_numbers_in_code(n):
    with pytest.raises(ValueError, match=r"\[set_num_threads\] Expected a whole number"):
        fv.set_num_threads(n)


def test_number_in_force(monkeypatch):
    cores = cpu_threads._cores()
    for set_, expected in [({}, cores), ({"NUMBA_NUM_THREADS": "1"}, 1), ({"FASTVJP_NUM_THREADS": "9999"}, cores)]:
        monkeypatch.setattr(cpu_threads, "_threads", None)
        for name, value in set_.items():
            monkeypatch.setenv(name, value)
        assert fv.num_threads() == expected
    fv.set_num_threads(1)
    assert fv.num_threads() == 1
    fv.set_num_threads(10**9)
    assert fv.num_threads() == cores


@pytest.mark.parametrize(("iterations", "cost"), [(0, 1.0), (10, 0.1), (10**6, 0.5), (3, 10.0**9), (10**9, 3.0)])
def test_grain(iterations, cost):
    grain = loops.grain_for(iterations, cost)
    if iterations * cost < 2 * loops.CHUNK:
        assert grain == 0
    else:
        assert 0 < grain < iterations
        assert grain == 1 or loops.CHUNK <= grain * cost < 2 * loops.CHUNK


def test_cost_of_element_functions():
    found = {name: operations(name) for name in registry.ELEMENTS}
    assert found["add"] == 1
    assert found["copy"] < found["exp"] < found["power"]
    assert max(found.values()) < 1000
