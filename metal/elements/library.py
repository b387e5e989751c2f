"""What the *.metal files define, read from their text: element functions and the files that each needs.

Element functions are the templates in the namespace `element`; helpers stand in `helper`. As every use is
qualified, the text says which names a file uses, and so which other files have to stand before it.
"""

from __future__ import annotations

import functools
import re
from importlib import resources
from importlib.resources.abc import Traversable

from ...core.definitions import DEFINED

HEAD = "scalars"
"""The file that stands first in every source."""

_DEFINITION = re.compile(
    r"^(?:template\s*<[^>]*>\s*)?(?:inline\s+)?(?:typename )?[\w:]+\s+(\w+)\s*\(([^)]*)\)\s*\{"
    r"|^(?:template <[^>]*> )?struct (\w+)|^constant (?:constexpr )?\w+ (\w+) =",
    re.MULTILINE,
)
_NAMESPACE = re.compile(r"^namespace (\w+) \{$(.*?)^\}  // namespace \1$", re.MULTILINE | re.DOTALL)
_USE = re.compile(r"\b((?:element|helper)::\w+)")


def text(stem: str) -> str:
    """The source text of one file, or of what a user defined."""
    definition = DEFINED.get(stem)
    return _file(stem) if definition is None else definition.metal or ""


FOLDERS = ("elements", "fused", "structural")
"""Where files lie, beside this folder."""


@functools.cache
def _files() -> dict[str, Traversable]:
    """All files by stem."""
    folders = [resources.files("fastvjp.metal").joinpath(name) for name in FOLDERS]
    files = sorted((f for folder in folders for f in folder.iterdir()), key=lambda f: f.name)
    return {f.name.removesuffix(".metal"): f for f in files if f.name.endswith(".metal")}


@functools.cache
def _file(stem: str) -> str:
    return _files()[stem].read_text("utf-8")


def stems() -> tuple[str, ...]:
    """All files, by name."""
    return tuple(_files())


def definitions(source: str) -> dict[str, tuple[str, ...]]:
    """Qualified names that a text defines, with parameter names; overloads must agree about these in `element`."""
    found: dict[str, tuple[str, ...]] = {}
    for space, body in _NAMESPACE.findall(source):
        for function, parameters, *other in _DEFINITION.findall(body):
            name = f"{space}::{function or ''.join(other)}"
            names = _parameter_names(parameters)
            if space == "element" and found.setdefault(name, names) != names:
                raise ValueError(f"[metal] {name} takes {names}, elsewhere {found[name]}")
            found[name] = names
    return found


def functions(source: str) -> dict[str, tuple[str, ...]]:
    """Functions that a text defines outside of any namespace, with parameter names."""
    return {name: _parameter_names(given) for name, given, *_ in _DEFINITION.findall(source) if name}


def _parameter_names(parameters: str) -> tuple[str, ...]:
    return tuple(p.split()[-1].lstrip("*&") for p in parameters.split(",") if p.strip())


@functools.cache
def _homes() -> dict[str, str]:
    """The file of each qualified name."""
    found: dict[str, str] = {}
    for stem in stems():
        for name in definitions(text(stem)):
            if found.setdefault(name, stem) != stem:
                raise ValueError(f"[metal] {name} is defined in {stem} and in {found[name]}")
    return found


def _home(name: str) -> str | None:
    """The file that defines a qualified name, if one does."""
    definition = DEFINED.get(name.removeprefix("element::"))
    return _homes().get(name) if definition is None else definition.name


@functools.cache
def elements() -> dict[str, tuple[str, ...]]:
    """Parameter names of every element function.

    Example:
        >>> from fastvjp.metal.elements import elements
        >>> elements()["tanh_vjp"]
        ('g', 'out')
    """
    found = {name: taken for stem in stems() for name, taken in definitions(text(stem)).items()}
    return {name.removeprefix("element::"): taken for name, taken in found.items() if name.startswith("element::")}


def libraries(source: str) -> tuple[str, ...]:
    """The files that a text needs in front of it, in an order in which each stands behind what it needs.

    Example:
        >>> from fastvjp.metal.elements import libraries
        >>> libraries("element::exp(x)")
        ('scalars', 'real_exponential', 'arithmetic', 'exponential')
    """
    found = [HEAD]
    for name in dict.fromkeys(_USE.findall(source)):
        stem = _home(name)
        if stem is not None:
            found += [s for s in closure(stem) if s not in found]
    return tuple(found)


@functools.cache
def closure(stem: str) -> tuple[str, ...]:
    """A file behind all that it needs."""
    body = text(stem)
    found: list[str] = []
    for name in dict.fromkeys(_USE.findall(body)):
        home = _home(name) or stem
        if home != stem:
            found += [s for s in closure(home) if s not in found]
    return (*found, stem)
