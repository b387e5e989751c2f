"""Fresh random numbers for every test, and how to have those of a failed run again."""

import os

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded anew each time; `FASTVJP_TEST_SEED=<the seed a failure shows> pytest ...` repeats a run."""
    seed = int(os.environ.get("FASTVJP_TEST_SEED") or int.from_bytes(os.urandom(4), "little"))
    print(f"FASTVJP_TEST_SEED={seed}")  # pytest shows it with a failure
    return np.random.default_rng(seed)
