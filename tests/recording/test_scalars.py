"""Python scalars of recorded calls: each is found again by which operand it is, never by its value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.checks import close, forget, same

import fastvjp as fv
from fastvjp.arrays.calls import recorded
from fastvjp.recording.trace import Trace

NAN = float("nan")
PAIRS: dict[str, list[tuple[Any, Any]]] = {
    "floats": [(1.0, 1.0), (2.0, 3.0), (3.0, 2.0)],
    "zeros": [(0.0, -0.0), (-0.0, 0.0), (0.0, 0.0), (1.5, -0.0)],
    "nan": [(NAN, NAN), (NAN, 1.0), (1.0, NAN), (2.0, 3.0)],
    "ints": [(1, 1), (2, 3), (3, 2), (10**6, -(10**6))],
    "an int and a float": [(2, 2.0), (3, 4.5), (-1, 1.0)],
    "a float and an int": [(2.0, 2), (4.5, 3), (1.0, -1)],
    "complex": [(1j, 1j), (2 + 1j, 3 - 1j), (0j, -0j)],
    "bools": [(True, True), (True, False), (False, True), (False, False)],
    "a bool and an int": [(True, 1), (False, 3), (True, 0), (False, 1)],
    "a bool and a float": [(True, 1.0), (False, 3.0), (True, 0.0)],
    "NumPy's": [(np.float64(1), np.float64(1)), (np.float64(2), np.float64(3)), (np.int32(2), np.int32(1))],
    "NumPy's and Python's": [(np.float64(1), 1.0), (np.float64(2), 3.0), (2.0, np.float64(3))],
}


@recorded(operands=3)
def reversed_(x, a, b):
    """Uses its scalars out of order."""
    return x * b - a


@recorded(operands=3)
def nested(x, a, b):
    """Hands them on to a recorded function, out of order."""
    return fv.where(x > 0, b, a) * x


@recorded(operands=3)
def one_ignored(x, a, b):
    """Has a constant of its own that may equal the scalar that it does not use."""
    return (x + 1.0) * b


@recorded(operands=3)
def twice(x, a, b):
    return (x * b + a) * b


@recorded(operands=3)
def changed(x, a, b):
    """Values made from the scalars, of which some equal the other one."""
    return x * -b + abs(a)


@recorded(operands=3)
def turned(x, a, b):
    """Truth of the scalars, of which some is the other one."""
    return fv.where(x > 0, not b, not a)


def naive_nested(x, a, b):
    return np.where(x > 0, b, a) * x


OPS = {
    reversed_: lambda x, a, b: x * b - a,
    nested: naive_nested,
    one_ignored: lambda x, a, b: (x + 1.0) * b,
    twice: lambda x, a, b: (x * b + a) * b,
    changed: lambda x, a, b: x * -b + abs(a),
    turned: lambda x, a, b: np.where(x > 0, not b, not a),
}
UNFIT = {("changed", "bools"), ("changed", "a bool and an int"), ("changed", "a bool and a float")}
"""NumPy negates no bool, and what Python makes of one is another number to it."""
WAYS = {
    "outside": lambda op, x, a, b: op(x, a, b),
    "inside": lambda op, x, a, b: fv.vmap(lambda row: op(row, a, b))(x[None])[0],
    "behind another call": lambda op, x, a, b: fv.compile(lambda x: op(x * 1.0, a, b))(x),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("op", "pairs"),
    [(op, pairs) for op in OPS for pairs in PAIRS if (op.__name__, pairs) not in UNFIT],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_scalars_keep_their_places(op, pairs, way, rng):
    """Whichever values come first, and however often they come."""
    x = rng.normal(size=6)
    for first in range(len(PAIRS[pairs])):
        forget()
        order = PAIRS[pairs][first:] + PAIRS[pairs][:first]
        for a, b in order + order:
            found = np.asarray(WAYS[way](op, fv.array(x), a, b))
            expected = np.asarray(OPS[op](x, a, b), found.dtype)
            close(found, expected, rtol=1e-15)
            zero = expected == 0
            same(np.signbit(found.real[zero]), np.signbit(expected.real[zero]))


@pytest.fixture
def private(monkeypatch):
    """The names of functions whose calls are not to be found again."""
    names = []
    add = Trace._add

    def noting(self, key, *args):
        add(self, key, *args)
        if self.private:
            names.append(key[0].__name__)

    monkeypatch.setattr(Trace, "_add", noting)
    return names


@pytest.mark.parametrize("scalar", [3, 2.5, True, 2 + 1j], ids=repr)
def test_calls_with_scalars_are_found_again(scalar, private, rng):
    """Of all functions of two operands, and of `where`, but where a dtype cannot take the scalar."""
    x = fv.array(rng.integers(1, 9, 5) if type(scalar) in (int, bool) else rng.normal(size=5) + 0j * scalar)
    forget()
    found = []
    for name in sorted({*fv.__all__}):
        fun = getattr(fv, name)
        if getattr(getattr(fun, "__code__", None), "co_qualname", "") != "_of_two.<locals>.call":
            continue
        for operands in ((x, scalar), (scalar, x)):
            try:
                fun(*operands)
            except (TypeError, ValueError):
                continue
            found.append(name)
    fv.where(x > 0 if x.dtype.kind != "c" else fv.isfinite(x), scalar, scalar)
    assert len(set(found)) > 10
    assert not private


def test_changed_scalars_are_not_found_again(private, rng):
    x = fv.array(rng.normal(size=5))
    forget()
    for op in (changed, turned, one_ignored):
        private.clear()
        op(x, 1, -1)
        assert private == [op.__name__]
