"""metalcompute on the CPU: the same shaders, compiled by clang, with the mistakes found that a GPU hides."""

from .api import Buffer, Device, Function, Kernel, Run, get_devices
from .errors import error

__all__ = ["Buffer", "Device", "Function", "Kernel", "Run", "error", "get_devices"]
