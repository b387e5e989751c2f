"""docs/conversions.md is true: what converts an array has its gradient, or is an error that names the line."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from support.conversions import Row, function, gradient, needs, rows, slope

import fastvjp as fv

ROWS = list(rows())
LOST = [row for row in ROWS if row.outcome == "LostGradientError"]


def constructs(code: str, name: str):
    """The function; skips where a package is missing."""
    for module in needs(code):
        pytest.importorskip(module)
    return function(code, name)


@pytest.fixture(autouse=True)
def _silence():
    """Libraries warn of what they do after an error of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_there_are_enough_rows():
    assert len(ROWS) >= 300 and len(LOST) >= 150
    assert len({row.construct for row in ROWS if row.outcome != "gradient"}) >= 200


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.construct[:60])
def test_row(row: Row):
    name = f"conversions-{row.line}.py"
    fun = constructs(row.construct, name)
    if row.outcome == "gradient":
        np.testing.assert_allclose(gradient(fun), slope(fun), rtol=1e-4, atol=1e-6)
        return
    with pytest.raises(Exception) as caught:
        gradient(fun)
    assert row.outcome in ("error", *(kind.__name__ for kind in type(caught.value).__mro__))
    if row.outcome == "LostGradientError":
        assert f"{name}:{2 + row.construct.count('; ')}" in str(caught.value) or "; " in row.construct
        assert "Hint: " in str(caught.value) and name in str(caught.value)


@pytest.mark.parametrize("row", [row for row in ROWS if row.instead], ids=lambda row: row.construct[:60])
def test_what_stands_instead_has_the_gradient(row: Row):
    found = gradient(constructs(row.instead, f"instead-{row.line}.py"))
    np.testing.assert_allclose(found, slope(constructs(row.construct, "")), rtol=1e-4, atol=1e-6)


def test_without_the_error_gradients_are_lost():
    """The rows are worth their error: with reads allowed, nearly all that compute are wrong."""
    wrong = right = 0
    for row in LOST:
        if needs(row.construct):
            continue
        fun = function(row.construct, "")
        try:
            with fv.reads("allow"):
                found = gradient(fun)
            wanted = slope(fun)
        except Exception:
            continue
        same = np.allclose(found, wanted, rtol=1e-4, atol=1e-6)
        right, wrong = right + same, wrong + (not same)
    assert wrong > 100 and right < 10
