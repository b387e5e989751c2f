"""Metal devices for tests: emulated ones with any settings, and the GPU where there is one."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import fastvjp as fv
from fastvjp.devices import choice

SETTINGS: dict[str, dict[str, Any]] = {
    "1024": {"mode": "full", "group": 1024},
    "256": {"mode": "full", "group": 256},
    "fast-math": {"mode": "fast", "fast_math": True},
}
"""Of the emulator; `device("gpu")` is a real one."""


@functools.cache
def device(setting: str) -> Any:
    """The device of a setting; "fresh" is one on which nothing has run."""
    if setting == "gpu":
        return choice._load("metal")
    from fastvjp.metal.emulated import emulated

    return emulated(f"emulator {setting}", **SETTINGS.get(setting, {}))


@contextlib.contextmanager
def on(setting: str) -> Iterator[None]:
    """Compute on the device of a setting; that it has no float64 is known."""
    token = choice._chosen.set(device(setting))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", fv.PrecisionWarning)
            yield
    finally:
        choice._chosen.reset(token)


PLACES = ["cpu float32", "cpu float64", "1024 float32", "256 float32"]
"""Devices, or settings of the emulator, each with a dtype."""


@contextlib.contextmanager
def at(place: str) -> Iterator[np.dtype]:
    """Compute at one of these places, in its dtype."""
    setting, dtype = place.split()
    if setting != "cpu":
        pytest.importorskip("ziglang", reason="the emulator's compiler is not installed")
    with fv.device("cpu") if setting == "cpu" else on(setting):
        yield np.dtype(dtype)
