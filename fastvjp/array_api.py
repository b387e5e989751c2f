"""The namespace of the Python array API standard for fastvjp's arrays: `x.__array_namespace__()`.

Libraries that are written for the standard (SciPy with SCIPY_ARRAY_API=1, array_api_compat, einops, xarray) find
it by themselves and are recorded. What NumPy has besides the standard is here too. All functions return fastvjp
arrays; the dtypes are NumPy's, float64 by default. What cannot be recorded is computed from values, and is a
`LostGradientError` where a gradient would be lost: docs/array-api.md.
"""

from __future__ import annotations

import sys
from functools import cache as _cache
from typing import Any

import numpy as _numpy

from .arrays.array import array as _array
from .arrays.public import attach as _attach
from .interop.standard import Special as _Special
from .interop.standard import namespace as _namespace
from .recording.recorder import current as _current

__array_api_version__ = "2024.12"
_VERSIONS = (None, "2021.12", "2022.12", "2023.12", __array_api_version__)

_ours = _namespace(_numpy)
_find = _cache(lambda name: getattr(_ours, name))
special = _Special("special")


def __getattr__(name: str) -> Any:
    return _find(name)


def __dir__() -> list[str]:
    functions = {name for name in _numpy.__all__ if hasattr(_ours, name)}
    return sorted({*functions, "__array_api_version__", "__array_namespace_info__", "fft", "linalg", "special"})


def _array_namespace(self: _array, /, *, api_version: str | None = None) -> Any:
    """The namespace of the Python array API standard, `fastvjp.array_api`.

    Raises:
        ValueError: a version of the standard that it does not follow.
    """
    if api_version not in _VERSIONS:
        raise ValueError(
            f"[__array_namespace__] No version {api_version!r} of the standard here. "
            f"Known: {', '.join(map(str, _VERSIONS[1:]))}."
        )
    trace = _current()
    if trace is not None:
        trace.views = True  # who asks writes for NumPy
    return sys.modules[__name__]


_attach("__array_namespace__", _array_namespace)
