"""Settings from the environment. The one place that reads environment variables."""

from __future__ import annotations

import os


def device() -> str:
    """FASTVJP_DEVICE, the device of the user's choice: "auto" or one of the devices."""
    return os.environ.get("FASTVJP_DEVICE", "auto") or "auto"


def reads() -> str:
    """FASTVJP_READS, what reading a value that is being differentiated is: "error", "warn" or "allow"."""
    return text("FASTVJP_READS") or "error"


def progress() -> str:
    """FASTVJP_PROGRESS, whether a long first call shows what it does: "auto" (on a terminal), "on" or "off"."""
    return text("FASTVJP_PROGRESS") or "auto"


def cache_dir() -> str | None:
    """FASTVJP_CACHE_DIR, where compiled kernels are kept: None for the default, "" for nowhere."""
    value = os.environ.get("FASTVJP_CACHE_DIR")
    return "" if value == "off" else value


def text(name: str) -> str:
    """The value of a variable; empty where it is not set."""
    return os.environ.get(name, "").strip()


def jit_disabled() -> bool:
    """Whether NUMBA_DISABLE_JIT asks for kernels in plain Python."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0").strip() not in ("", "0")


def numba_options() -> str:
    """Numba's environment variables, some of which change what it compiles."""
    return repr(sorted((name, value) for name, value in os.environ.items() if name.startswith("NUMBA_")))


def settings() -> dict[str, str]:
    """All variables that are ours or Numba's, or number threads."""
    ours = ("FASTVJP_", "NUMBA_", "OPENBLAS_", "OMP_", "MKL_")
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(ours)}


def emulator_mode() -> str:
    """FASTVJP_EMULATOR, how Metal is emulated: "full", with all checks, or "fast"."""
    return text("FASTVJP_EMULATOR") or "full"


def emulator_group() -> str:
    """FASTVJP_EMULATOR_GROUP, how many threads a threadgroup of the emulator has."""
    return text("FASTVJP_EMULATOR_GROUP") or "1024"


def emulator_fast_math() -> str:
    """FASTVJP_EMULATOR_FAST_MATH, whether the emulator compiles with fast math: "0" or "1"."""
    return text("FASTVJP_EMULATOR_FAST_MATH") or "0"


def with_variables(more: dict[str, str]) -> dict[str, str]:
    """The environment of a program that is started, with these variables in it."""
    return os.environ | more
