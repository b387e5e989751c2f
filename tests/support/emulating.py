"""Metal devices for tests: emulated ones with any settings, and the GPU where there is one."""

from __future__ import annotations

import contextlib
import dataclasses
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
    "apple": {"mode": "fast", "fast_math": True, "group": 96, "flush": True, "regroup": True},
    "448": {"mode": "full", "group": 448, "regroup": True, "late": 60},
    "896": {"mode": "full", "group": 896, "regroup": True, "late": 1000},
    "flush": {"mode": "full", "group": 1024, "flush": True},
}
"""Of the emulator, and of its `Hardware`; `device("gpu")` is a real one. What is compiled is shared by
those of one mode, `fast_math` and `flush`."""

COLUMNS = ["1024", "any group", "apple"]
"""Settings for kernels in which threads work together: with these, what is compiled is compiled twice. "any group"
is another one of each run."""
DRAWN = {"any group": ["256", "448", "896"]}


def drawn(setting: str, rng: np.random.Generator) -> str:
    """One of the settings that a column stands for."""
    name = str(rng.choice(DRAWN.get(setting, [setting])))
    print(f"on {name}")
    return name


GPU = pytest.param(
    "gpu",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(choice.why_unavailable("metal") is not None, reason="no Apple GPU here"),
    ],
)
"""A setting that is the GPU itself."""


def raw_gpu() -> Any:
    """The GPU as metalcompute has it."""
    return device("gpu")._device.gpu


@functools.cache
def device(setting: str) -> Any:
    """The device of a setting; "fresh" is one on which nothing has run."""
    if setting == "gpu":
        return choice._load("metal")
    pytest.importorskip("ziglang", reason="the emulator's compiler, of the extra `emulator`, is not installed")
    from fastvjp.metal.emulated import emulated
    from fastvjp.metal.emulator import Hardware

    own = dict(SETTINGS.get(setting, {}))
    hardware = {field.name: own.pop(field.name) for field in dataclasses.fields(Hardware) if field.name in own}
    return emulated(f"emulator {setting}", **own, hardware=Hardware(**hardware))


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
