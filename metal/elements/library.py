"""What the *.metal files define, read from their text: element functions and the files that each needs.

Element functions are the templates in the namespace `element`; helpers stand in `helper`. As every use is
qualified, the text says which names a file uses, and so which other files have to stand before it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
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
    root = resources.files("fastvjp.metal")
    return by_stem([f for folder in FOLDERS for f in root.joinpath(folder).iterdir()])


def by_stem(files: Iterable[Traversable]) -> dict[str, Traversable]:
    """Those of shaders, of which no two may have one name, whatever folders they are in."""
    found: dict[str, Traversable] = {}
    for file in sorted((f for f in files if f.name.endswith(".metal")), key=lambda f: f.name):
        first = found.setdefault(file.name.removesuffix(".metal"), file)
        if first is not file:
            raise ValueError(f"[metal] Two files of shaders have one name: {first} and {file}.")
    return found


@functools.cache
def _file(stem: str) -> str:
    return _files()[stem].read_text("utf-8")


def stems() -> tuple[str, ...]:
    """All files, by name."""
    return tuple(_files())


def definitions(source: str) -> dict[str, tuple[str, ...]]:
    """Qualified names that a text defines, with parameter names; overloads must agree about these in `element`."""
    found: dict[str, tuple[str, ...]] = {}
    heads = set()
    for space, body in _NAMESPACE.findall(source):
        for match in _DEFINITION.finditer(body):
            function, parameters, *other = match.groups("")
            name = f"{space}::{function or ''.join(other)}"
            names = _parameter_names(parameters)
            head = (space, "".join(match[0].split()))  # of overloads, each has one of its own
            if function and head in heads:
                raise ValueError(f"[metal] {name} is defined twice, with the same parameters")
            heads.add(head)
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
def homes() -> dict[str, str]:
    """The stem of the file of each qualified name."""
    return collected({stem: text(stem) for stem in stems()})


def collected(texts: Mapping[str, str]) -> dict[str, str]:
    """The stem of the text of each qualified name; ValueError if one is defined twice."""
    found: dict[str, str] = {}
    for stem, source in texts.items():
        try:
            names = definitions(source)
        except ValueError as error:
            raise ValueError(f"{error}: in {path(stem)}.") from None
        for name in names:
            if found.setdefault(name, stem) != stem:
                raise ValueError(f"[metal] {name} is defined twice: in {path(found[name])} and in {path(stem)}.")
    return found


def path(stem: str) -> str:
    """A file for messages."""
    return str(_files().get(stem, f"{stem}.metal"))


def check_defined(name: str, stem: str) -> None:
    """ValueError unless the file of this stem defines a qualified name."""
    if homes().get(name) == stem or (stem in DEFINED and name in definitions(text(stem))):
        return
    if stem not in _files():
        raise ValueError(f"[metal] There is no file {stem}.metal. Expected: one of {', '.join(stems())}.")
    there = f" It is in {path(homes()[name])}." if name in homes() else ""
    space = name.partition("::")[0]
    raise ValueError(
        f"[metal] {path(stem)} does not define {name}.{there} Hint: a namespace is read from the line "
        f"`namespace {space} {{` to the line `}}  // namespace {space}`, as it stands here."
    )


def _home(name: str) -> str | None:
    """The file that defines a qualified name, if one does."""
    definition = DEFINED.get(name.removeprefix("element::"))
    return homes().get(name) if definition is None else definition.name


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
