"""NumPy's namespace for functions that are differentiated: `import fastvjp.numpy as np`.

Everything that NumPy has is here, float64 by default as there. What takes part in a recording is recorded: lists
with traced values in them, buffers that are written to, `np.vectorize`, `np.r_`. Outside transforms the functions
are NumPy's on NumPy's arrays. `of(fun)` gives this namespace to a function that is not to be edited.
"""

from __future__ import annotations

import sys as _sys
from typing import Any

import numpy as _numpy

from .interop.namespace import named as _named
from .interop.namespace import of

_ours = _named("numpy")
for _part in ("fft", "lib", "linalg", "ma", "polynomial", "random"):  # for `import fastvjp.numpy.linalg`
    _sys.modules[f"{__name__}.{_part}"] = _named(f"numpy.{_part}")


def __getattr__(name: str) -> Any:
    return getattr(_ours, name)


def __dir__() -> list[str]:
    return sorted({*dir(_ours), "of"})


__all__ = ["of", *_numpy.__all__]  # noqa: PLE0604
