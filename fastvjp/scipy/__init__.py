"""SciPy's namespace for functions that are differentiated: `from fastvjp.scipy.stats import norm`.

Everything that SciPy has is here. What takes part in a recording is recorded, as far as we have it; what we lack
is SciPy's own, for which a traced array is an error. Outside transforms everything is SciPy's, on NumPy's arrays.
`fastvjp.numpy.of(fun)` gives this namespace to a function that is not to be edited.
"""

from __future__ import annotations

import sys as _sys
from typing import Any

from ..interop.namespace import named as _named
from . import distributions, functions, integration, matrices, multivariate  # noqa: F401  what they declare

_PARTS = (
    "cluster", "constants", "differentiate", "fft", "integrate", "interpolate", "io", "linalg", "ndimage",
    "optimize", "signal", "sparse", "spatial", "special", "stats",
)  # fmt: skip
for _part in _PARTS:  # so that `import fastvjp.scipy.stats` finds it; SciPy's is imported when it is used
    _sys.modules[f"{__name__}.{_part}"] = _named(f"scipy.{_part}")


def __getattr__(name: str) -> Any:
    return getattr(_named("scipy"), name)


def __dir__() -> list[str]:
    return sorted(dir(_named("scipy")))
