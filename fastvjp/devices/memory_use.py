"""What `mlx.core` tells of the memory of its allocator, and its limits, for programs that call them.

Memory here is that of NumPy and of the system: nothing is counted, and no limit is set. What is asked for is 0.
"""

from __future__ import annotations


def get_active_memory() -> int:
    """Bytes in use by MLX's allocator: 0, as there is none.

    Example:
        >>> import fastvjp
        >>> fastvjp.get_active_memory()
        0
    """
    return 0


def get_peak_memory() -> int:
    """Most bytes that were in use by MLX's allocator: 0, as there is none.

    Example:
        >>> import fastvjp
        >>> fastvjp.get_peak_memory()
        0
    """
    return 0


def get_cache_memory() -> int:
    """Bytes that MLX's allocator keeps for later: 0, as there is none.

    Example:
        >>> import fastvjp
        >>> fastvjp.get_cache_memory()
        0
    """
    return 0


def reset_peak_memory() -> None:
    """Count the peak anew, which is 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.reset_peak_memory()
    """


def clear_cache() -> None:
    """Free what MLX's allocator keeps for later; nothing here.

    Example:
        >>> import fastvjp
        >>> fastvjp.clear_cache()
    """


_limits = {"memory": 0, "cache": 0, "wired": 0}


def _set(which: str, limit: int) -> int:
    """Note a limit, which is not enforced; returns the one before."""
    before = _limits[which]
    _limits[which] = limit
    return before


def set_memory_limit(limit: int) -> int:
    """Note a limit in bytes, which is not enforced; returns the one before.

    Example:
        >>> import fastvjp
        >>> before = fastvjp.set_memory_limit(1 << 30)
        >>> fastvjp.get_memory_limit() == 1 << 30 == fastvjp.set_memory_limit(before)
        True
    """
    return _set("memory", limit)


def get_memory_limit() -> int:
    """The limit that was noted last, 0 before: see `set_memory_limit`.

    Example:
        >>> import fastvjp
        >>> fastvjp.get_memory_limit()
        0
    """
    return _limits["memory"]


def set_cache_limit(limit: int) -> int:
    """Note a limit in bytes, which is not enforced; returns the one before.

    Example:
        >>> import fastvjp
        >>> fastvjp.set_cache_limit(0)
        0
    """
    return _set("cache", limit)


def set_wired_limit(limit: int) -> int:
    """Note a limit in bytes, which is not enforced; returns the one before.

    Example:
        >>> import fastvjp
        >>> fastvjp.set_wired_limit(0)
        0
    """
    return _set("wired", limit)
