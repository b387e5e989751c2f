"""Fresh random numbers for every test, and how to have those of a failed run again; kernels as of large arrays."""

import os
from typing import Any
from zlib import crc32

os.environ["FASTVJP_DEVICE"] = "cpu"  # whatever there is: tests of another device name it

import numpy as np
import pytest
from support.loops import forget

from fastvjp.kernels import loops
from fastvjp.recording import ready

LITTLE = loops.LITTLE


def pytest_runtest_setup(item: pytest.Item) -> None:
    """In every other test LLVM does for small arrays all that it does for large ones."""
    loops.LITTLE = LITTLE if crc32(item.nodeid.encode()) % 2 else 0


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded anew each time; `FASTVJP_TEST_SEED=<the seed a failure shows> pytest ...` repeats a run."""
    seed = int(os.environ.get("FASTVJP_TEST_SEED") or int.from_bytes(os.urandom(4), "little"))
    print(f"FASTVJP_TEST_SEED={seed}")  # pytest shows it with a failure
    return np.random.default_rng(seed)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """All plans that are made."""
    made, make_plan = [], ready.make_plan

    def kept(*args: Any) -> Any:
        made.append(make_plan(*args))
        return made[-1]

    monkeypatch.setattr(ready, "make_plan", kept)
    forget()
    return made
