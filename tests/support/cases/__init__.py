"""One row per primitive, and per choice of parameters that matters: what to call and what it should give.

Each file but case.py is a family and has its rows in a list `CASES`; a new file is found by itself. The tests
are driven by all of them together, and so is the per-op part of bench. A `<op>_vjp` primitive has no row of its
own: it is tested through the row of `<op>`.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType

from fastvjp.core.primitive import REGISTRY

from .case import Case

WITHOUT_CASE = {"marker": "stands around ops for custom_function and checkpoint, and is tested with them"}
"""Primitives that have no row, and why."""


def file_of(family: str) -> str:
    """The path of a family's file in the repository."""
    return f"tests/support/cases/{family}.py"


def families() -> list[ModuleType]:
    """The modules of this folder that have rows."""
    return [_imported(m.name) for m in pkgutil.iter_modules(__path__) if m.name != "case"]


def _imported(family: str) -> ModuleType:
    try:
        return importlib.import_module(f".{family}", __name__)
    except Exception as error:  # in whatever a row calls: the error names no more than a line of case.py
        raise ValueError(f"[cases] {file_of(family)}: {type(error).__name__}: {error}") from error


def collected(modules: Iterable[ModuleType]) -> list[Case]:
    """The rows of some families; each must be of a primitive, and have a name that no other one has."""
    files: dict[str, str] = {}
    found = []
    for module in modules:
        file = file_of(module.__name__.rpartition(".")[2])
        for case in module.CASES:
            if case.primitive not in REGISTRY:
                raise ValueError(f"[cases] {file}: {case} is for no primitive{_hint(case.primitive)}")
            if str(case) in files:
                raise ValueError(
                    f"[cases] {file}: {case} is the name of a row of {files[str(case)]}; give one a `variant`"
                )
            files[str(case)] = file
            found.append(case)
    return found


def _hint(name: str) -> str:
    near = difflib.get_close_matches(name, REGISTRY, 1)
    return f"; did you mean {near[0]}?" if near else ""


CASES = collected(families())
