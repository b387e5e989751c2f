"""Names of devices, with what `mlx.core` asks of them."""

from __future__ import annotations

import enum


class DeviceType(enum.StrEnum):
    """Kinds of devices; each is the name of its device, too.

    Example:
        >>> import fastvjp
        >>> fastvjp.DeviceType.gpu == fastvjp.gpu == "metal"
        True
    """

    cpu = "cpu"
    gpu = "metal"

    def __repr__(self) -> str:
        return f"DeviceType.{self.name}"


cpu, gpu = DeviceType.cpu, DeviceType.gpu


class Device(str):
    """The name of a device, with MLX's attributes.

    Args:
        type: `fastvjp.cpu`, `fastvjp.gpu`, or a name.
        index: number of the device among those of its type; there is one of each.

    Raises:
        ValueError: another number than 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.Device(fastvjp.cpu) == fastvjp.cpu == "cpu"
        True
    """

    __slots__ = ()

    def __new__(cls, type: str, index: int = 0) -> Device:
        """The device of this type or name."""
        if index:
            raise ValueError(f"[Device] Expected 0, as there is one device of each type, got {index}.")
        return super().__new__(cls, type.value if isinstance(type, DeviceType) else type)

    @property
    def type(self) -> DeviceType:
        """Whether it is a CPU or a GPU; the emulator stands for one."""
        return cpu if str(self) == "cpu" else gpu

    @property
    def index(self) -> int:  # type: ignore[override]
        """Number of the device among those of its type."""
        return 0

    def __repr__(self) -> str:
        return f"Device({self.type.name}, {self.index})"
