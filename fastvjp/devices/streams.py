"""Devices and streams under the names of `mlx.core`, for programs that name them.

A stream is a queue of work in MLX. Here results are there when a call returns, so there is nothing to queue or to
wait for: a stream says only on which device `with fastvjp.stream(...)` runs what is inside.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import platform
from contextlib import AbstractContextManager
from typing import Any

from .choice import default_device, device, set_default_device, why_unavailable
from .names import Device, DeviceType


class Stream:
    """A stream of a device; see `new_stream`.

    Example:
        >>> import fastvjp
        >>> fastvjp.Stream(7, fastvjp.Device(fastvjp.cpu))
        Stream(Device(cpu, 0), 7)
    """

    __slots__ = ("device", "index")

    def __init__(self, index: int, device: Device) -> None:
        self.index = index
        self.device = device

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and (self.index, self.device) == (other.index, other.device)

    def __hash__(self) -> int:
        return hash((self.index, self.device))

    def __repr__(self) -> str:
        return f"Stream({self.device!r}, {self.index})"


_numbers = itertools.count(len(DeviceType))
_defaults: dict[DeviceType, Stream] = {}


def check_stream(stream: Any) -> None:
    """TypeError where what is given as `stream` to a function is none; it makes no difference there."""
    if not isinstance(stream, Stream | Device | DeviceType):
        raise TypeError(f"[stream] Expected a Stream, a Device, fastvjp.cpu, fastvjp.gpu or None, got {stream!r}.")


def is_available(device: str) -> bool:
    """Whether a device can be used here.

    Example:
        >>> import fastvjp
        >>> fastvjp.is_available(fastvjp.cpu)
        True
    """
    return why_unavailable(Device(device)) is None


def device_count(device_type: DeviceType) -> int:
    """How many devices of a type there are: one, or none.

    Example:
        >>> import fastvjp
        >>> fastvjp.device_count(fastvjp.cpu)
        1
    """
    return int(is_available(device_type))


def device_info(device: str | None = None) -> dict[str, Any]:
    """What is known of a device, by default of the one in force.

    Returns:
        `device_name`, `architecture` and, where the system tells, `memory_size` in bytes.

    Raises:
        ValueError: a device that cannot be used here.

    Example:
        >>> import fastvjp
        >>> sorted(fastvjp.device_info(fastvjp.cpu))[:2]
        ['architecture', 'device_name']
    """
    name = default_device() if device is None else Device(device)
    if not is_available(name):
        raise ValueError(f"[device_info] Device {str(name)!r} cannot be used: {why_unavailable(name)}.")
    found = {
        "device_name": platform.processor() or platform.machine() or str(name),
        "architecture": platform.machine(),
    }
    with contextlib.suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        return {**found, "memory_size": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}
    return found


def default_stream(device: str) -> Stream:
    """The stream of a device that is in force.

    Raises:
        ValueError: a device that cannot be used here.

    Example:
        >>> import fastvjp
        >>> fastvjp.default_stream(fastvjp.cpu)
        Stream(Device(cpu, 0), 0)
    """
    usable = _usable(device, "default_stream")
    return _defaults.get(usable.type) or Stream(list(DeviceType).index(usable.type), usable)


def set_default_stream(stream: Stream) -> None:
    """Put a stream in force: its device becomes the default one, too.

    Example:
        >>> import fastvjp
        >>> fastvjp.set_default_stream(fastvjp.default_stream(fastvjp.cpu))
    """
    set_default_device(stream.device)
    _defaults[stream.device.type] = stream


def new_stream(device: str) -> Stream:
    """Another stream of a device.

    Raises:
        ValueError: a device that cannot be used here.

    Example:
        >>> import fastvjp
        >>> fastvjp.new_stream(fastvjp.cpu).device == fastvjp.cpu
        True
    """
    return Stream(next(_numbers), _usable(device, "new_stream"))


def _usable(device: str, name: str) -> Device:
    if not is_available(device):
        raise ValueError(f"[{name}] Device {str(device)!r} cannot be used: {why_unavailable(Device(device))}.")
    return Device(device)


def stream(s: Stream | Device | DeviceType) -> AbstractContextManager[None]:
    """Run what is inside a `with` block on the device of a stream, or on a device; see `device`.

    Raises:
        ValueError: a device that cannot be used here.

    Example:
        >>> import fastvjp
        >>> with fastvjp.stream(fastvjp.cpu):
        ...     y = fastvjp.sin(fastvjp.array(0.0))
    """
    check_stream(s)
    return device(s.device if isinstance(s, Stream) else Device(s))


def synchronize(stream: Stream | None = None) -> None:
    """Wait for the work of a stream; there is none left when a call has returned.

    Example:
        >>> import fastvjp
        >>> fastvjp.synchronize()
    """


def clear_streams() -> None:
    """Forget which streams were put in force.

    Example:
        >>> import fastvjp
        >>> fastvjp.clear_streams()
    """
    _defaults.clear()
