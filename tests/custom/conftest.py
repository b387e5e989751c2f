"""Where the ops of a user must work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from support.emulating import PLACES, at


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[tuple[np.dtype, float]]:
    """On a device, in a dtype, to a tolerance."""
    with at(request.param) as dtype:
        yield dtype, {"float32": 2e-6, "float64": 1e-13}[dtype.name]
