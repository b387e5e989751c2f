"""docs/coverage.md is what its facts say, and the facts are those of today."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from support import coverage

KEPT = json.loads(coverage.FACTS.read_text())
OF_NUMPY = [(space, name) for space in KEPT if space != "mlx.core" for name in coverage.names_of(space)]
"""What NumPy and SciPy have as they are installed."""
TRY = """
import json, sys
from support.coverage import try_ours
json.dump([try_ours(*f) for f in json.load(sys.stdin)], sys.stdout)
"""
REMEDY = "Hint: NUMBA_DISABLE_JIT=1 PYTHONPATH=tests python -m support.coverage, with all peers installed."


def test_the_page_has_the_facts():
    assert coverage.PAGE.read_text() == coverage.page(KEPT), REMEDY


def test_the_facts_know_what_is_recorded():
    known = [(space, name) for space, name in OF_NUMPY if name in KEPT[space]]
    wrong = [
        f"{space}.{name}"
        for space, name in known
        if (coverage.ours_of(space, name)[1] is not None) != ("forward" in KEPT[space][name])
    ]
    assert not wrong, REMEDY
    assert len(known) > 800


def test_facts_are_found_again(rng: np.random.Generator) -> None:
    """Those of some functions of ours, by kernels that run as plain Python: in a process of their own."""
    recorded = [(s, n) for s, n in OF_NUMPY if "forward" in KEPT[s].get(n, {})]
    chosen = [recorded[i] for i in rng.choice(len(recorded), 25, replace=False)]
    run = subprocess.run(
        [sys.executable, "-c", TRY], input=json.dumps(chosen), cwd=Path(__file__).parents[1],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    for (space, name), found in zip(chosen, json.loads(run.stdout), strict=True):
        kept = {fact: v for fact, v in KEPT[space][name].items() if fact not in coverage.PEERS}
        assert found == kept, f"{space}.{name}. {REMEDY}"


def test_what_is_missing_is_said() -> None:
    """A function that is not recorded is none of ours, and has no derivative here."""
    lacking = [facts for functions in KEPT.values() for facts in functions.values() if "forward" not in facts]
    assert lacking and all(set(coverage.row(facts)[:7]) == {"-"} for facts in lacking)
