"""`explain`: what it shows is what the vjp does."""

from __future__ import annotations

import numpy as np
import pytest

import fastvjp as fv
from fastvjp.planning.plan import FusedStep


def normalised(x, w):
    centred = x - np.mean(x, -1, keepdims=True)
    return np.sum(np.tanh(centred / np.sqrt(np.mean(centred**2, -1, keepdims=True) + 1e-5) * w))


def test_forward_and_backward_of_a_normalisation_are_one_step_that_moves_no_more_than_it_must(rng):
    x, w = rng.normal(size=(32, 100)), rng.normal(size=100)
    made = fv.explain(normalised, [x, w], [1.0])
    (report,) = made.reports
    assert isinstance(report.step, FusedStep) and report.seconds > 0
    moved = x.nbytes + w.nbytes
    assert report.read == moved and report.written == moved + 8  # the value, too
    assert made.least == report.read + report.written and made.plan.scratch == 0
    assert made.plan.memory == 64 + x.nbytes + 832  # w's gradient, up to the next cache line
    text = str(made)
    for part in ["# op list", "sum", "# plan", "step 0: fused over (32, 100), rows of (100,)", "reduce add",
                 "def fused(args, start, stop):", "us", "kB at least"]:  # fmt: skip
        assert part in text


def test_steps_of_a_library_and_errors(rng):
    a = rng.normal(size=(3, 4))
    made = fv.explain(lambda a: a @ a.T, [a], [np.ones((3, 3))])
    assert "matmul" in str(made) and len(made.reports) == len(made.plan.steps)
    assert all(np.isfinite(r.seconds) for r in made.reports)
    with pytest.raises(ValueError, match="does not match number of cotangents"):
        fv.explain(np.sin, [a], [])


def test_the_result_is_left_alone(rng):
    x = rng.normal(size=10)
    before = fv.vjp(np.sin, [x], [x])
    fv.explain(np.sin, [x], [x])
    after = fv.vjp(np.sin, [x], [x])
    assert np.array_equal(before[1][0], after[1][0]) and np.allclose(after[1][0], x * np.cos(x))
