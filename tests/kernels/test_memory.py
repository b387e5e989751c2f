"""Addresses and scratch memory of the CPU device."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.checks import close
from support.emulating import PLACES, at
from support.interpreting import arrays_of, plan_of

import fastvjp as fv
from fastvjp import devices
from fastvjp.devices.pool import Pool
from fastvjp.kernels.native import memory
from fastvjp.kernels.runtime import frame


@pytest.fixture
def fresh_scratch(monkeypatch):
    monkeypatch.setattr(memory, "_scratch", memory._Scratch())


def test_address(rng):
    x = rng.normal(size=(4, 5))
    for view in (x, x[1:, ::2], x.T, x[::-1], x[:0], np.asarray(1.0)):
        assert memory.address_of(view) == view.ctypes.data


def test_scratch_grows_and_is_kept(fresh_scratch):
    first = memory.scratch_memory(1000)
    assert memory.scratch_memory(10) is first
    second = memory.scratch_memory(1001)
    assert second.nbytes >= 2000 and memory.scratch_memory(1500) is second


def test_every_thread_has_its_own_scratch(fresh_scratch):
    other = []
    thread = threading.Thread(target=lambda: other.append(memory.scratch_memory(100)))
    thread.start()
    thread.join()
    assert not np.shares_memory(memory.scratch_memory(100), other[0])


def test_scratch_that_is_too_large_is_not_kept(fresh_scratch, monkeypatch, rng):
    for module in (memory, frame):
        monkeypatch.setattr(module, "KEPT_SCRATCH", 1000)
    seen = []

    def scratch_memory(size):
        found = memory.scratch_memory(size)
        seen.append(weakref.ref(found))
        return found

    monkeypatch.setattr(frame, "scratch_memory", scratch_memory)
    x = rng.normal(size=500)
    f = fv.compile(lambda x: fv.cumsum(fv.sin(fv.cumsum(x))))
    for _ in range(2):
        close(f(x), np.cumsum(np.sin(np.cumsum(x))))
    assert len(seen) == 2 and all(found() is None for found in seen)
    assert memory._scratch.memory is memory.NO_SCRATCH


@pytest.fixture
def fresh_outputs(monkeypatch):
    monkeypatch.setattr(memory._Lease, "free", Pool(memory._Lease.free.make, memory.KEPT_OUTPUTS))


def large(elements=memory.LARGE // 8):
    """A large output's array and its address."""
    array = memory.output_memory(8 * elements)((elements,), np.dtype(np.float64))
    return array, memory.address_of(array)


def test_memory_of_a_large_output_is_used_again_when_nothing_sees_it(fresh_outputs):
    array, address = large()
    for _ in range(3):
        view = array[10:].reshape(-1, 2)[::2]
        del array
        other, elsewhere = large()
        assert elsewhere != address
        del view
        array, again = large()
        assert again == address and not np.shares_memory(array, other)


def test_buffers_of_other_libraries_keep_the_memory_of_an_output(fresh_outputs):
    array, address = large()
    seen = memoryview(array)
    del array
    assert large()[1] != address
    del seen
    assert large()[1] == address


def test_outputs_differ(fresh_outputs, rng):
    x = fv.array(rng.normal(size=memory.LARGE // 4))
    f = fv.compile(lambda x, y: (x + y, x * y))
    kept = []
    for y in range(5):
        kept.append(f(x, float(y)))
        f(x, -1.0)
    for y, (total, product) in enumerate(kept):
        np.testing.assert_array_equal(np.asarray(total), np.asarray(x) + y)
        np.testing.assert_array_equal(np.asarray(product), np.asarray(x) * y)


def test_memory_of_outputs_is_bounded(fresh_outputs, monkeypatch):
    monkeypatch.setattr(memory._Lease.free, "most", 3 * memory.LARGE)
    free = memory._Lease.free
    arrays = [large(memory.LARGE // 8 + i)[0] for i in range(5)]
    sizes = [a.nbytes for a in arrays]
    while arrays:
        del arrays[0]
    assert list(free.kept) == sizes[3:] and free.size == sum(sizes[3:])
    large(memory.LARGE)  # more than is kept at all
    assert list(free.kept) == sizes[3:]
    for array in [large(memory.LARGE // 8)[0] for _ in range(5)]:
        del array
    assert free.size == sum(m.nbytes for found in free.kept.values() for m in found) == 3 * memory.LARGE


def test_outputs_come_and_go_while_another_thread_is_at_it(fresh_outputs):
    array, address = large()
    with memory._Lease.free.lock:
        assert large()[1] != address
        del array
    assert not memory._Lease.free.kept


def test_small_outputs_are_new_arrays():
    assert memory.output_memory(memory.LARGE - 1) is np.empty


def test_what_no_step_writes_takes_no_memory_beside_a_launch(rng):
    """One step hands on the doubled numbers, so that they are not stored; a product of integers is a launch."""
    x = rng.integers(-3, 4, (100, 100))

    def fun(x):
        doubled = fv.reshape(fv.reshape(x + x, (10000,)), (100, 100))
        few = fv.reshape(fv.sum(doubled + x, axis=1)[:4], (2, 2))
        return few @ few

    few = 3 * x.sum(axis=1)[:4].reshape(2, 2)
    np.testing.assert_array_equal(fv.compile(fun)(x), few @ few)


@pytest.fixture
def no_collection():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def loops(x, y):
    return fv.sum(fv.cumsum(fv.sin(fv.cumsum(x * 2.0, axis=1)), axis=1) + y, axis=0)


def a_launch(x, y):
    few = fv.astype(x, fv.int32)[:3, :3]
    return (few + few) @ few + y[:3]


@pytest.mark.parametrize("fun", [loops, a_launch])
@pytest.mark.parametrize("columns", [10, 1000])
@pytest.mark.parametrize("place", PLACES[1:3])
def test_an_executable_dies_with_its_last_reference(place, columns, fun, rng, no_collection):
    with at(place) as dtype:
        x, y = rng.normal(size=(4, columns)).astype(dtype), rng.normal(size=columns).astype(dtype)
        program = fv.record(fun, x, y)
        plan, values = plan_of(program)
        executable = devices.current().compile(plan)
        expected = arrays_of(program, executable.run(values))
        with ThreadPoolExecutor(2) as pool:
            for found in pool.map(executable.run, [values] * 4):
                np.testing.assert_array_equal(arrays_of(program, found), expected)
        executable.profile(values)
        dead = weakref.ref(executable), weakref.ref(executable.run)
        assert dead[0]() is executable
        del executable
        assert dead[0]() is None and dead[1]() is None


GROWTH = """
import resource, sys
import fastvjp as fv
from fastvjp.kernels.native import code

given, emit = [], code.emit
code.emit = lambda modules: given.append(modules) or emit(modules)
fv.grad(lambda x: fv.sin(x) * fv.tanh(x))(1.0)
unit = 1024 if sys.platform == "linux" else 1 << 20
peaks = []
for rounds in (5, 40):
    for _ in range(rounds):
        emit(given[0])
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
print(peaks[1] - peaks[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the module resource is of Unix")
def test_compiling_leaves_no_memory_behind():
    alone = {**os.environ, "FASTVJP_CACHE_DIR": "off"}
    found = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True, env=alone)
    assert float(found.stdout) < 6  # megabytes; 12 where passes and contexts stay
