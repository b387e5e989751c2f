"""Documents: their programs print what stands behind them, and the files that they name are there."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import operator
import re
from pathlib import Path
from typing import Any

import pytest
from support.documents import programs

import fastvjp

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for folder in (ROOT, ROOT / "docs", ROOT / ".github")
    for path in (folder.glob("*.md") if folder == ROOT else folder.rglob("*.md"))
)
PROGRAMS = ["docs/architecture.md", "docs/numpy.md", *(d for d in DOCUMENTS if d.startswith("docs/guides/"))]
SOURCES = ("fastvjp", "kernels", "metal", "tests", "bench", "docs")
FILES = {path.name for folder in SOURCES for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts}


def without_times(text: str) -> str:
    return re.sub(r"[\d.]+ [um]s", "some time", text)


@pytest.mark.parametrize("document", PROGRAMS)
def test_programs_print_what_they_say(document):
    """Its blocks are one program that prints the texts behind them; an ellipsis stands for anything."""
    names: dict[str, Any] = {"__name__": document}
    for program, output in programs((ROOT / document).read_text()):
        with contextlib.redirect_stdout(io.StringIO()) as printed, fastvjp.device("cpu"):
            exec(compile(program, document, "exec"), names)
        expected, found = without_times(output), without_times(printed.getvalue())
        assert doctest.OutputChecker().check_output(expected, found, doctest.ELLIPSIS), found


def test_programs_print_something():
    outputs = [output for d in PROGRAMS for _, output in programs((ROOT / d).read_text()) if output]
    assert len(outputs) > 40


@pytest.mark.parametrize("document", [d for d in PROGRAMS if d.startswith("docs/guides/")])
def test_names_of_guides_are_there(document):
    """Those of tables and text, which do not run."""
    importlib.import_module("fastvjp.utils")
    for name in re.findall(r"\b(?:fv|fastvjp)((?:\.[a-z]\w*)+)", (ROOT / document).read_text()):
        assert operator.attrgetter(name[1:])(fastvjp) is not None, name


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    """Those to files of the repository, and to headings in them."""
    path = ROOT / document
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, heading = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}, target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_are_there(document):
    """Paths from the root, names of files anywhere; `<family>` and such stand for any name."""
    text = re.sub(r"```.*?```", "", (ROOT / document).read_text(), flags=re.DOTALL)
    if document == "docs/primitives.md":
        text = re.sub(r"^\d+\. `[^`]+`", "", text, flags=re.MULTILINE)  # steps that make files of these names
    for name in re.findall(r"`(?!fastvjp\.)([\w./<>-]+(?:/|\.(?:py|pyi|md|metal|toml|h|c)))`", text):
        pattern = re.sub(r"<\w+>", "*", name.rstrip("/"))
        found = pattern in FILES or any(ROOT.glob(pattern))
        assert found, name


@pytest.mark.parametrize("folder", ["fastvjp", "kernels", "metal"])
def test_files_that_sources_name_are_there(folder):
    """In comments and docstrings, by their paths from the root."""
    for path in (ROOT / folder).rglob("*.*"):
        if path.suffix in (".py", ".metal", ".h", ".c"):
            for name in re.findall(r"\b(?:fastvjp|kernels|metal|docs|tests)/[\w/]+\.\w+", path.read_text()):
                assert (ROOT / name).exists(), f"{path}: {name}"
