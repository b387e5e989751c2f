"""Kernels are plain Python underneath: the table-driven tests pass with the JIT off, too.

For line coverage of the kernels run
`NUMBA_DISABLE_JIT=1 coverage run -m pytest -n 0 tests/primitives/test_primitives.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="this is that run")
def test_primitives_with_the_jit_disabled():
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", "primitives/test_primitives.py"],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
