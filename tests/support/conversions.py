"""The rows of tables in documents as functions of an array, and what becomes of their gradients."""

from __future__ import annotations

import importlib
import linecache
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastvjp as fv

DOCUMENT = Path(__file__).parents[2] / "docs" / "conversions.md"
POINT = np.array([1.3, 0.7, 2.1])
OPTIONAL = ("pandas", "sparse", "xarray", "einops", "einops.array_api")
_MODULES = (
    "array", "cmath", "copy", "ctypes", "decimal", "fastvjp", "fractions", "functools", "itertools", "json",
    "math", "operator", "pickle", "scipy", "statistics", "struct", *OPTIONAL,
)  # fmt: skip
_SCIPY = (
    "cluster.vq", "constants", "differentiate", "fft", "integrate", "interpolate", "linalg", "ndimage", "optimize",
    "signal", "sparse.linalg", "spatial.distance", "spatial.transform", "special", "stats",
)  # fmt: skip


class Row(NamedTuple):
    """A line of a table."""

    line: int
    construct: str
    outcome: str
    instead: str


def rows(document: Path = DOCUMENT) -> Iterator[Row]:
    """All lines of tables with a construct in code."""
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if line.startswith("| `"):
            cells = [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]
            yield Row(number, cells[0].strip("` "), cells[1], cells[2].strip("`| ") if len(cells) > 2 else "")


def needs(code: str) -> list[str]:
    """Which optional packages a construct takes."""
    return [name for name in OPTIONAL if f"{name}." in code]


def function(code: str, name: str, **names: Any) -> Callable[[Any], Any]:
    """A construct as a function of `x`, whose source is in a file of this name; `names` stand for other things."""
    *before, last = code.split("; ")
    lines = ["def construct(x):\n", *[f"    {s}\n" for s in before], f"    return {last}\n"]
    linecache.cache[name] = (0, None, lines, name)
    scope = _scope(needs(code)) | names
    exec(compile("".join(lines), name, "exec"), scope)
    return scope["construct"]


def _scope(optional: list[str]) -> dict[str, Any]:
    for module in _SCIPY:
        importlib.import_module(f"scipy.{module}")
    names = [m for m in _MODULES if m not in OPTIONAL or m in optional]
    scope: dict[str, Any] = {m: importlib.import_module(m) for m in names}
    matrix = np.array([[2.0, 0.0, 0.0], [0.5, 1.5, 0.0], [0.25, 0.5, 1.0]])
    return {**scope, "np": np, "c": np.array([0.5, 1.0, 1.75]), "X": matrix}


def total(value: Any) -> Any:
    """The sum of all numbers of a result, of which none is like another."""
    if isinstance(value, list | tuple):
        return sum(total(v) * (i + 1) for i, v in enumerate(value))
    if isinstance(value, fv.array):
        flat = fv.real(value.reshape(-1))
        return fv.sum(flat * np.linspace(1, 2, flat.size))
    dense = next((name for name in ("toarray", "todense") if hasattr(value, name)), None)
    numbers = np.real(np.asarray(getattr(value, dense)() if dense else value)).reshape(-1)
    return sum(v * w for v, w in zip(numbers.tolist(), np.linspace(1, 2, numbers.size), strict=True))


def gradient(fun: Callable[[Any], Any]) -> np.ndarray:
    """The gradient that we find."""
    return np.asarray(fv.grad(lambda x: total(fun(x)))(POINT))


def slope(fun: Callable[[Any], Any]) -> np.ndarray:
    """The gradient by differences, of plain NumPy."""
    step = 1e-6
    steps = step * np.eye(3)
    with np.errstate(all="ignore"):
        return np.array([(total(fun(POINT + s)) - total(fun(POINT - s))) / (2 * step) for s in steps], float)
