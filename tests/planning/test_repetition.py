"""Where a stretch may be repeated, as hashes say and as comparing says."""

from __future__ import annotations

import numpy as np
import pytest

from fastvjp.planning.repetition import ALIKE, LEAST_OPS, LEAST_TRIPS, TRIED, _repeats


def compared(kinds):
    """For each node the next ones from which the same follow, and whether what lies between is repeated."""
    n, kinds = len(kinds), kinds.tolist()
    again, repeats = np.full((TRIED, n), n), np.zeros((TRIED, n), bool)
    for i in range(n):
        window = kinds[i : i + ALIKE]
        found = [j for j in range(i + 1, n) if len(window) == ALIKE and kinds[j : j + ALIKE] == window][:TRIED]
        for k, j in enumerate(found):
            again[k, i] = j
            equal = next((m for m in range(n - j) if kinds[i + m] != kinds[j + m]), n - j)
            trips = equal // (j - i) + 1
            repeats[k, i] = trips >= LEAST_TRIPS and trips * (j - i) >= LEAST_OPS
    return again, repeats


@pytest.mark.parametrize("seed", range(20))
def test_hashes_find_what_comparing_finds(seed):
    rng = np.random.default_rng(seed)
    parts = [np.tile(rng.integers(4, size=rng.integers(1, 30)), rng.integers(1, 9)) for _ in range(12)]
    kinds = np.concatenate(parts)
    again, repeats = compared(kinds)
    found_again, found = _repeats(kinds)
    np.testing.assert_array_equal(found, repeats)
    np.testing.assert_array_equal(np.minimum(found_again, len(kinds)), again)
    assert repeats.any() and not repeats.all()


@pytest.mark.parametrize("n", [0, 1, ALIKE - 1, ALIKE, ALIKE + 1])
def test_few_nodes_repeat_nothing(n):
    assert not _repeats(np.zeros(n, np.int64))[1].any()
