"""Python scalars as operands: which types count as one, and stand-ins that tell whose value they are.

A function that is called anew is given stand-ins, so that its constants show which scalar each of them is: values
do not, as two scalars may be equal. What Python computes from a stand-in is a plain number again.
"""

from __future__ import annotations

from typing import Any

PyScalar = bool | int | float | complex


class _Float(float):
    place: int


class _Int(int):
    place: int


class _Bool(int):  # nothing can be a subclass of bool
    place: int


class _Complex(complex):
    place: int


SCALARS = (float, int, bool, complex)
_STAND_INS: Any = dict(zip(SCALARS, (_Float, _Int, _Bool, _Complex), strict=True))
WEAK: dict[type, type] = {t: t for t in SCALARS} | {_STAND_INS[t]: t for t in SCALARS}
"""The type of a scalar, by its own type or that of its stand-in."""


def stand_in(scalar: PyScalar, place: int) -> Any:
    """A scalar of this value, known to be the one in this place."""
    found = _STAND_INS[type(scalar)](scalar)
    found.place = place
    return found


def place_of(scalar: Any) -> int | None:
    """Whose value a constant is; None for any other."""
    return getattr(scalar, "place", None)


def as_float(x: Any) -> Any:
    """An int or bool as the float of the same value, in the same place; anything else as it is."""
    if WEAK.get(type(x)) not in (int, bool):
        return x
    place = place_of(x)
    return float(x) if place is None else stand_in(float(x), place)
