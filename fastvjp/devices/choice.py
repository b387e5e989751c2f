"""Which devices there are, and which is chosen."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..core import environment
from ..core.forks import without_forks
from ..core.program import Buffer, Op, Uniform
from ..planning.plan import Plan
from .names import Device


class Profile(NamedTuple):
    """How a step of a plan runs: the sources of its kernels, the seconds that it takes, on which device."""

    sources: tuple[str, ...]
    seconds: float
    device: str


class Executable(Protocol):
    """A plan made ready by a device."""

    plan: Plan
    fresh: list[bool]
    """For every output whether its memory is new with each run, and its alone."""

    @property
    def sources(self) -> list[tuple[str, ...]]:
        """For every step of the plan the sources of its kernels, one for each time that one is started."""
        ...

    def run(self, values: Any) -> list[Buffer | Uniform]:
        """Run on the values of the leaves and return those of the outputs."""
        ...

    def profile(self, values: Any) -> list[Profile]:
        """How each step of the plan runs."""
        ...


class Backend(Protocol):
    """What a device offers: `kernels/device.py` is the cpu's."""

    name: str

    def dtype(self, dtype: np.dtype) -> np.dtype:
        """The dtype that an array of this one gets here."""
        ...

    def holds(self, dtype: np.dtype) -> bool:
        """Whether it has numbers of this dtype, not only arrays that are said to be of it."""
        ...

    def check(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        """ValueError if it cannot have such an array, before anything is copied."""
        ...

    def upload(self, array: np.ndarray) -> Buffer:
        """Take over a NumPy array."""
        ...

    def repeats(self, op: Op) -> bool:
        """Whether an op can be part of a loop here."""
        ...

    def compile(self, plan: Plan) -> Executable:
        """Make a plan ready to run; `Unrollable` for one with loops that cannot run here after all."""
        ...


_MODULES = {"cpu": "kernels.device", "metal": "metal.device", "metal-emulator": "metal.emulated"}
NAMES = tuple(_MODULES)

_lock = threading.Lock()
_loaded: dict[str | None, Any] = {}
_default: str | None = None


_chosen: ContextVar[Backend | None] = ContextVar("device", default=None)


def _load(name: str) -> Backend:
    """Import a device; RuntimeError with the reason where it is not available."""
    with without_forks(), _lock:
        if name not in _loaded:
            _loaded[name] = importlib.import_module(f"fastvjp.{_MODULES[name]}")
        return _loaded[name]


def why_unavailable(name: str) -> str | None:
    """Why a known device cannot be used here, or None where it can."""
    try:
        _load(name)
    except RuntimeError as error:
        return str(error)
    return None


def usable() -> list[str]:
    """Names of the devices that can be used here."""
    return [name for name in NAMES if why_unavailable(name) is None]


def _checked(name: str, source: str) -> str:
    reason = f"no device of this name (known: {', '.join(NAMES)}; in small letters)"
    if isinstance(name, str) and name in NAMES:
        unavailable = why_unavailable(name)
        if unavailable is None:
            return name
        reason = unavailable
    raise ValueError(
        f"[{source}] Device {name!r} cannot be used: {reason}. Available here: {', '.join(usable())}. "
        f"Hint: 'auto' in FASTVJP_DEVICE takes metal where there is a GPU, else cpu."
    )


def _from_environment() -> str:
    wanted = environment.device()
    if wanted == "auto":
        usable = why_unavailable("metal") is None and getattr(_load("metal"), "by_itself", True)
        return "metal" if usable else "cpu"
    return _checked(wanted, "FASTVJP_DEVICE")


def default_device() -> Device:
    """The device on which ops run: a string, 'cpu', 'metal' or 'metal-emulator', with MLX's attributes.

    The first of: an enclosing `fastvjp.device(...)`, `set_default_device`, the environment variable
    FASTVJP_DEVICE (one of these, or 'auto', which takes metal where there is an Apple GPU that has passed a trial
    in another process and is not one of a virtual machine, else cpu).

    Raises:
        ValueError: FASTVJP_DEVICE names no usable device; says which are and why the other is not.

    Example:
        >>> import fastvjp
        >>> with fastvjp.device("cpu"):
        ...     print(fastvjp.default_device())
        cpu
    """
    global _default  # noqa: PLW0603  read once, at the first use, so that a wrong value does not fail the import
    chosen = _chosen.get()
    if chosen is not None:
        return Device(chosen.name)
    if _default is None:
        _default = _from_environment()
    return Device(_default)


def set_default_device(device: str) -> None:
    """Run ops of all threads on this device from now on: a name, `fastvjp.cpu`, `fastvjp.gpu` or a `Device`.

    Raises:
        ValueError: no such device, or it is not available here (with the reason).

    Example:
        >>> import fastvjp
        >>> fastvjp.set_default_device("cpu")
    """
    global _default  # noqa: PLW0603
    _default = _checked(device, "set_default_device")


@contextlib.contextmanager
def device(name: str) -> Iterator[None]:
    """Run ops of this thread on the named device inside a `with` block.

    Raises:
        ValueError: no such device, or it is not available here (with the reason).

    Example:
        >>> import fastvjp
        >>> with fastvjp.device("cpu"):
        ...     y = fastvjp.sin(fastvjp.array(0.0))
    """
    token = _chosen.set(_load(_checked(name, "device")))
    try:
        yield
    finally:
        _chosen.reset(token)


def current() -> Backend:
    """The device in force."""
    return _chosen.get() or _loaded.get(_default) or _load(default_device())


def layout(value: Buffer) -> tuple[int, ...] | None:
    """Strides with which the device in force sees a value: what it has to take over becomes C-contiguous."""
    return value.layout if value.layout is None or value.device == current().name else None
