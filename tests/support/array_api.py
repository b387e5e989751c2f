"""The rows of docs/array-api.md, and what becomes of their gradients.

SciPy reads SCIPY_ARRAY_API when it is imported: `SCIPY_ARRAY_API=1 python -m support.array_api` tells of its rows.
"""

from __future__ import annotations

import json
import warnings

import numpy as np

import fastvjp as fv

from .conversions import DOCUMENT, POINT, Row, function, gradient, rows, slope, total

ROWS = list(rows(DOCUMENT.with_name("array-api.md")))
SCIPY = [row for row in ROWS if "scipy." in row.construct]
CONSTANT = np.array([0.5, 1.0, 1.75])


def outcome(row: Row) -> list[str]:
    """What comes of a row, by all of its names: those of an error are its classes."""
    name = f"array-api-{row.line}.py"
    ours = function(row.construct, name, c=fv.array(CONSTANT))
    numpys = function(row.construct, name, c=CONSTANT)
    try:
        value, expected = total(ours(fv.array(POINT))), total(numpys(POINT))
        if not np.allclose(np.asarray(value), expected, rtol=1e-9):
            return [f"outside transforms: {value}, not {expected}"]
        found = gradient(ours)
    except Exception as error:
        return [kind.__name__ for kind in type(error).__mro__]
    wanted = slope(numpys)
    return ["gradient" if np.allclose(found, wanted, rtol=1e-4, atol=1e-6) else f"wrong: {found}, not {wanted}"]


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # libraries warn of what they do after an error of ours
    print(json.dumps([outcome(row) for row in SCIPY]))
