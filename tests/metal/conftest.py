"""The emulator with all the settings that its users have."""

from __future__ import annotations

import pytest

from fastvjp.metal import emulator

SETTINGS = [
    {"mode": "full", "group": 1024},
    {"mode": "full", "group": 256},
    {"mode": "full", "group": 96},
    {"mode": "full", "group": 64, "fast_math": True},
    {"mode": "fast", "group": 1024},
    {"mode": "fast", "group": 96, "fast_math": True},
]


@pytest.fixture(params=SETTINGS, ids=lambda s: "-".join(str(v) for v in s.values()))
def device(request: pytest.FixtureRequest) -> emulator.Device:
    return emulator.Device(**request.param)
