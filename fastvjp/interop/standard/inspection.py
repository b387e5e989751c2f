"""What the standard tells of dtypes and devices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ... import devices
from ...arrays.array import array
from ...core import dtypes
from ...core.avals import COMPUTED, DTYPES, as_dtype, complex128, float64, int64
from .members import adopted, held, placed, standard


class finfo_object(NamedTuple):
    """Limits of a floating dtype, as Python numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype


class iinfo_object(NamedTuple):
    """Limits of an integer dtype, as Python numbers."""

    bits: int
    max: int
    min: int
    dtype: np.dtype


def _dtype(type: Any, name: str) -> np.dtype:
    return type.dtype if isinstance(type, array | np.ndarray) else as_dtype(type, name)


@standard(np.finfo)
def finfo(type: Any, /) -> finfo_object:
    """Limits of a floating dtype, or of that of an array; of a complex one those of its parts."""
    found = dtypes.finfo(_dtype(type, "finfo"))
    eps, most, least, normal = map(float, (found.eps, found.max, found.min, found.smallest_normal))
    return finfo_object(found.bits, eps, most, least, normal, found.dtype)


@standard(np.iinfo)
def iinfo(type: Any, /) -> iinfo_object:
    """Limits of an integer dtype, or of that of an array."""
    dtype = _dtype(type, "iinfo")
    found = np.iinfo(dtype)
    return iinfo_object(found.bits, int(found.max), int(found.min), dtype)


def _frequencies(original: Any) -> Any:
    def frequencies(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> array:
        with placed(device):
            made = original(n, d)
            return adopted(made if dtype is None else made.astype(dtype))

    frequencies.__name__ = frequencies.__qualname__ = original.__name__
    frequencies.__doc__ = f"`numpy.fft.{original.__name__}`, in a dtype."
    return standard(original)(frequencies)


fftfreq, rfftfreq = map(_frequencies, (np.fft.fftfreq, np.fft.rfftfreq))


class Info:
    """What the namespace can do."""

    def capabilities(self) -> dict[str, Any]:
        """Masks as indices, shapes that depend on values (not in a compiled function), as many axes as NumPy."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """The device in force."""
        return devices.default_device()

    def devices(self) -> list[str]:
        """Those that can be used here."""
        return devices.usable()

    def default_dtypes(self, *, device: str | None = None) -> dict[str, np.dtype]:
        """NumPy's, as far as a device has them."""
        with placed(device):
            return {
                "real floating": held(float64),
                "complex floating": complex128,
                "integral": int64,
                "indexing": int64,
            }

    def dtypes(self, *, device: str | None = None, kind: Any = None) -> dict[str, np.dtype]:
        """The dtypes of a kind, or of several, that a device has; the standard knows none that are only stored."""
        with placed(device):
            device_holds = devices.current().holds
        own = {n: d for n, d in DTYPES.items() if d not in COMPUTED and device_holds(d)}
        return {n: d for n, d in own.items() if kind is None or np.isdtype(d, kind)}


@standard(np.__array_namespace_info__)
def __array_namespace_info__() -> Info:
    """What the namespace can do."""
    return Info()
