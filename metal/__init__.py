"""The Metal device: hand-written shaders through metalcompute; and what `mlx.core.metal` tells of a GPU."""

from __future__ import annotations

from typing import Any

from fastvjp.devices import gpu, streams

__all__ = ["device_info", "is_available"]


def is_available() -> bool:
    """Whether there is a GPU that can be used here.

    Example:
        >>> import fastvjp
        >>> fastvjp.metal.is_available() == fastvjp.is_available(fastvjp.gpu)
        True
    """
    return streams.is_available(gpu)


def device_info() -> dict[str, Any]:
    """What is known of the GPU; see `fastvjp.device_info`.

    Raises:
        ValueError: there is none.

    Example:
        >>> import fastvjp
        >>> fastvjp.metal.device_info()  # doctest: +SKIP
    """
    return streams.device_info(gpu)
