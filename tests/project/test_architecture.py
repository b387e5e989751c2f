"""Modules import only what stands on their own floor or on one below, and no two of them each other."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from glob import glob
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = [
    ["kernels.elements"],
    ["core"],
    ["planning"],
    ["devices"],
    # the devices themselves, which devices.choice loads by name
    ["kernels.native"],
    ["kernels.loops"],
    ["kernels.fused"],
    ["kernels.structural"],
    ["kernels.runtime"],
    ["kernels.device", "kernels"],
    ["metal.elements"],
    ["metal.dispatch", "metal.memory", "metal.user_text"],
    ["metal.structural"],
    ["metal.fused"],
    ["metal.runtime", "metal.emulator"],
    ["metal.device", "metal.emulated", "metal"],
    # what needs not know which there are
    ["recording"],
    ["arrays"],
    ["primitives"],
    ["ops"],
    ["interop", "rules", "fast", "fft", "linalg", "numpy", "random", "special", "array_api"],
    ["transforms"],
    ["custom", "explain"],
    ["scipy", "autograd", "utils"],
    ["__init__"],
    ["__main__"],
]
"""Of fastvjp, from the ground: docs/architecture.md says what each is for."""


class Import(NamedTuple):
    """One module imports another, in this line of its file."""

    importer: str
    imported: str
    place: str


def modules(root: Path) -> dict[str, Path]:
    """The files of a package by the names of their modules; those of links too."""
    files = {name: root / name for name in glob("**/*.py", root_dir=root, recursive=True)}
    return {".".join(Path(name).with_suffix("").parts).removesuffix(".__init__"): f for name, f in files.items()}


def imports(root: Path) -> Iterator[Import]:
    """All imports between modules of the package: those within functions and those for type checkers too."""
    files = modules(root)
    for module, file in files.items():
        package = [root.name, *(module.split(".") if file.name == "__init__.py" else module.split(".")[:-1])]
        package = package[:1] if module == "__init__" else package
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) + 1 - node.level] if node.level else []
                origin = [*above, *(node.module.split(".") if node.module else [])]
                names = [".".join([*origin, alias.name]) for alias in node.names]
            else:
                continue
            for name in names:
                first, _, rest = name.partition(".")
                imported = rest if rest in files else rest.rpartition(".")[0] or "__init__"
                if first == root.name and imported in files:
                    yield Import(module, imported, f"{file.relative_to(root.parent)}:{node.lineno}")


def floor(module: str, floors: list[list[str]]) -> int:
    """The floor on which a module stands."""
    names = [module.rsplit(".", dots)[0] for dots in range(module.count(".") + 1)]
    found = [i for name in names for i, those in enumerate(floors) if name in those]
    assert found, f"{module} stands on no floor. Hint: name it, or its folder, in FLOORS of {Path(__file__).name}."
    return found[0]


def upward(edges: Iterable[Import], floors: list[list[str]]) -> list[str]:
    """What is wrong: imports of a higher floor."""
    return [
        f"{edge.place}: {' and '.join(floors[low])} must not import {edge.imported}, which stands higher, on the "
        f"floor of {' and '.join(floors[high])}"
        for edge in edges
        if (low := floor(edge.importer, floors)) < (high := floor(edge.imported, floors))
    ]


def circle(edges: Iterable[Import]) -> list[str]:
    """What is wrong: a circle of imports, if there is one."""
    graph: dict[str, dict[str, str]] = {}
    for edge in edges:
        graph.setdefault(edge.importer, {})[edge.imported] = edge.place
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"{graph[b][a]}: {b} imports {a}" for a, b in pairwise(error.args[1])]
    return []


def test_no_import_of_a_higher_floor():
    assert upward(imports(ROOT / "fastvjp"), FLOORS) == []


def test_no_circle():
    assert circle(imports(ROOT / "fastvjp")) == []


def test_every_floor_is_there():
    """And its imports are seen, behind links too."""
    on = {floor(module, FLOORS) for edge in imports(ROOT / "fastvjp") for module in edge[:2]}
    assert on == set(range(len(FLOORS)))


def test_the_document_shows_the_floors():
    """From the top to the ground; below the line what devices are made of."""
    picture = (ROOT / "docs" / "architecture.md").read_text().partition("```text\n")[2].partition("```")[0]
    shown = [line[:28].replace(".py", "").split() for line in picture.splitlines() if line.strip("-")]
    names = [[name.strip("/").replace("/", ".").removeprefix("fastvjp.") for name in names] for names in shown]
    heights = [{floor(name, FLOORS) for name in same} for same in names]
    assert all(len(same) == 1 for same in heights)
    assert heights == sorted(heights, key=max, reverse=True)


# --- the checks themselves -----------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path):
    """Makes a package of two floors with these files, and returns its folder."""

    def build(files: dict[str, str]) -> Path:
        root = tmp_path / "house"
        for name, text in {"__init__.py": "", "low/__init__.py": "", "high/__init__.py": "", **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return root

    return build


TWO = [["low"], ["high", "__init__"]]
ABOVE = "low must not import high.b, which stands higher, on the floor of high and __init__"
UP = {
    "from": "from ..high.b import name",
    "module": "from ..high import b",
    "absolute": "import house.high.b",
    "in a function": "def f():\n    from ..high import b",
    "for type checkers": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..high.b import name",
}


@pytest.mark.parametrize("how", UP)
def test_an_import_of_a_higher_floor_is_found(house, how):
    root = house({"low/a.py": UP[how], "high/b.py": "name = 1"})
    line = 1 + UP[how].count("\n")
    assert upward(imports(root), TWO) == [f"house/low/a.py:{line}: {ABOVE}"]


@pytest.mark.parametrize("text", ["from ..low import a", "import numpy", "from . import c", "from .c import low"])
def test_other_imports_are_in_order(house, text):
    root = house({"low/a.py": "", "high/b.py": text, "high/c.py": "low = 1"})
    assert upward(imports(root), TWO) == []
    assert circle(imports(root)) == []


@pytest.mark.parametrize("back", ["from .a import x", "def f():\n    from . import a"])
def test_a_circle_is_found(house, back):
    root = house({"low/a.py": "from .b import y", "low/b.py": "from .c import z", "low/c.py": back})
    line = 1 + back.count("\n")
    assert sorted(circle(imports(root))) == [
        "house/low/a.py:1: low.a imports low.b",
        "house/low/b.py:1: low.b imports low.c",
        f"house/low/c.py:{line}: low.c imports low.a",
    ]


def test_a_folder_without_a_floor_is_found(house):
    with pytest.raises(AssertionError, match=r"new\.a stands on no floor.*FLOORS"):
        upward(imports(house({"new/a.py": "from ..low import b", "low/b.py": ""})), TWO)


def test_links_are_followed(house, tmp_path):
    root = house({"low/a.py": ""})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.py").write_text("from ..low import a")
    (root / "high" / "linked").symlink_to(tmp_path / "elsewhere")
    assert "high.linked.b" in modules(root)
