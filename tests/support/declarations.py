"""What the source text alone shows: declarations in files that nothing imports, and keys that are given twice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

DECLARING = {
    "fastvjp/ops": {"public", "implements"},
    "fastvjp/primitives": {"structural", "register"},
    "kernels/elements": {"element"},
    "kernels/structural": {"lowers", "fuses", "launches"},
    "metal/structural": {"lowers"},
}
"""Folders whose `__init__.py` imports the files that declare something, and by what they declare it."""
KEYED = ("fastvjp/rules.py", "fastvjp/primitives")
"""Where rules stand in dicts."""


def forgotten(root: Path) -> Iterator[str]:
    """One line for each file that declares what nobody will see."""
    for folder, declaring in DECLARING.items():
        named = imported(parsed(root / folder / "__init__.py"))
        for path in sorted((root / folder).glob("*.py")):
            used = declaring & called(parsed(path))
            if used and path.stem not in named and path.stem not in ("__init__", "registry"):
                by = ", ".join(sorted(used))
                yield f"{folder}/__init__.py: no import of {path.name}, which declares by {by}"


def repeated(root: Path) -> Iterator[str]:
    """One line for each key that a dict gives twice: of two rules of one name the first is lost."""
    for place in KEYED:
        for path in [root / place] if place.endswith(".py") else sorted((root / place).glob("*.py")):
            file = path.relative_to(root).as_posix()
            for node in ast.walk(parsed(path)):
                if isinstance(node, ast.Dict):
                    keys = [k.value for k in node.keys if isinstance(k, ast.Constant)]
                    for key in dict.fromkeys(k for k in keys if keys.count(k) > 1):
                        yield f"{file}: {key!s} is given twice in the dict of line {node.lineno}"


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text("utf-8"), str(path))


def imported(tree: ast.Module) -> set[str]:
    """The names that a module imports from its own folder, as modules or with what is in them."""
    found = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 1]
    return {name for node in found for name in ([node.module] if node.module else [a.name for a in node.names])}


def called(tree: ast.Module) -> set[str]:
    """The names that a module calls, or decorates with."""
    nodes = list(ast.walk(tree))
    functions = [node.func for node in nodes if isinstance(node, ast.Call)]
    functions += [d for node in nodes if isinstance(node, ast.FunctionDef) for d in node.decorator_list]
    return {f.id for f in functions if isinstance(f, ast.Name)}
