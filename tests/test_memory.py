"""Addresses and scratch memory of the CPU device."""

from __future__ import annotations

import threading
import weakref

import numpy as np
import pytest
from checks import close
from fastvjp.kernels import device, memory

import fastvjp as fv


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
    for module in (memory, device):
        monkeypatch.setattr(module, "KEPT_SCRATCH", 1000)
    seen = []

    def scratch_memory(size):
        found = memory.scratch_memory(size)
        seen.append(weakref.ref(found))
        return found

    monkeypatch.setattr(device, "scratch_memory", scratch_memory)
    x = rng.normal(size=500)
    f = fv.compile(lambda x: fv.cumsum(fv.sin(fv.cumsum(x))))
    for _ in range(2):
        close(f(x), np.cumsum(np.sin(np.cumsum(x))))
    assert len(seen) == 2 and all(found() is None for found in seen)
    assert memory._scratch.memory is memory.NO_SCRATCH
