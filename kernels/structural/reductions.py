"""Reductions that no fused step does: extremes of complex numbers, whose order NumPy knows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..loops import launches


def extreme(ufunc: np.ufunc) -> Callable[..., None]:
    """A launcher that reduces by a ufunc."""

    def launch(out: np.ndarray, x: np.ndarray, *, axes: tuple[int, ...]) -> None:
        if out.size:
            ufunc.reduce(x, axis=axes, out=out)

    return launch


launches("max")(extreme(np.maximum))
launches("min")(extreme(np.minimum))
