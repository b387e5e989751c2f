"""Systems of banded matrices, each column of which is what it has inside of the band."""

from __future__ import annotations

from ..arrays.array import array
from ..arrays.emit import conjugated, emit, filled, reshaped, section, spread
from ..core.avals import Aval
from ..core.primitive import structural


def _solution(x: Aval, y: Aval, **_: object) -> Aval:
    return y


def padded(x: array, axis: int, before: int, after: int) -> array:
    """With so many zeros along an axis."""
    shape = x.shape
    parts = [filled((*shape[:axis], n, *shape[axis + 1 :]), x) for n in (before, after)]
    return emit("concatenate", parts[0], x, parts[1], axis=axis) if before + after else x


def beside(parts: list[array]) -> array:
    """Arrays of one shape along a new last axis."""
    wide = [reshaped(part, (*part.shape, 1)) for part in parts]
    return emit("concatenate", *wide, axis=wide[0].ndim - 1) if len(wide) > 1 else wide[0]


def banded_adjoint(x: array, below: int, above: int) -> array:
    """The conjugate transpose: its element i of column j is that of j in column i."""
    rows, last = x.ndim - 2, x.ndim - 1
    n, wide = x.shape[rows], padded(x, rows, below, above)
    turned = [section(section(wide, rows, e, e + n), last, k, k + 1) for e, k in _across(below, above)]
    return conjugated(emit("concatenate", *turned, axis=last) if len(turned) > 1 else turned[0])


def _across(below: int, above: int) -> list[tuple[int, int]]:
    return [(e, below + above - e) for e in range(below + above + 1)]


def _banded_solve_x(g: array, x: array, out: array, below: int, above: int, definite: bool, of: str) -> array:
    """-w out^H inside of the band, for the w of `_banded_solve_y` (Giles 2008, section 2.3.1)."""
    w = _banded_solve_y(g, x, below, above, definite, of)
    n, sides = out.shape[-1], out.ndim - 2
    wide = padded(w, out.ndim - 1, above, below)
    near = beside([section(wide, out.ndim - 1, d, d + n) for d in range(below + above + 1)])
    each = emit("multiply", near, spread(reshaped(conjugated(out), (*out.shape, 1)), near.shape))
    return emit("negative", emit("sum", each, axes=(sides,)))


def _banded_solve_y(g: array, x: array, below: int, above: int, definite: bool, of: str) -> array:
    """The w with x^H w = g."""
    turned = banded_adjoint(x, below, above)
    return emit("banded_solve", turned, g, below=above, above=below, definite=definite, of=of)


structural(
    "banded_solve",
    "x y",
    _solution,
    vjp={"x": _banded_solve_x, "y": _banded_solve_y},
    on="cpu",
    fails=True,
)
