"""Rows of views: no values move."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

import fastvjp as mx

from .case import ANY, FLOAT, KINDS, Case, Shape, primitive, structural, variants


def _slice(shape: Shape, dtypes: tuple[str, ...], *items: Any) -> Case:
    shown = ",".join(str(i).removeprefix("slice") for i in items).replace(" ", "")
    shown = f"{shape},{shown}".replace(" ", "")
    sliced = operator.itemgetter(items)
    return structural("slice", sliced, sliced, (ANY, shape), dtypes=dtypes, variant=shown)


CASES = [
    structural("alias", primitive("alias"), np.copy, (ANY, (2, 3)), dtypes=KINDS),
    structural("stop_gradient", mx.stop_gradient, np.copy, (ANY, (2, 3)), dtypes=KINDS, smooth=np.zeros_like),
    structural("barrier", primitive("barrier"), np.copy, (ANY, (2, 3)), dtypes=KINDS),
    *variants("reshape", mx.reshape, np.reshape, ANY, ((2, 3, 4), {"shape": (4, 6)}), ((), {"shape": (1, 1)}),
              ((1, 1), {"shape": ()}), ((0, 3), {"shape": (2, 0)}), dtypes=KINDS),
    *variants("broadcast_to", mx.broadcast_to, np.broadcast_to, ANY, ((3, 1), {"shape": (2, 3, 4)}),
              ((), {"shape": (2, 3)}), ((1,), {"shape": (0,)}), ((1, 4), {"shape": (1, 4)}), dtypes=KINDS),
    *variants("transpose", mx.transpose, np.transpose, ANY, ((2, 3, 4), {"axes": (2, 0, 1)}), ((3, 4), {}),
              ((0, 2), {}), dtypes=KINDS),
    _slice((4, 5), KINDS, slice(1, 4, 2), slice(None, None, -2)),
    _slice((4, 5), FLOAT, slice(-1, None), 2),
    _slice((4, 5), FLOAT, slice(3, 0, -1), None, slice(0, 0)),
]  # fmt: skip
