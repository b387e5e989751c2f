"""Trees of list, tuple, dict, NamedTuple and dataclass, with arrays as leaves; None is a tree without leaves.

Dicts of other kinds, as OrderedDict and defaultdict, NamedTuples, dataclasses and classes derived from list and
tuple keep their type.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Any

import numpy as np

from ..arrays.array import array

_is_fixed = attrgetter("fixed")


class TreeDef:
    """Shape of a tree: `kind` is the container's type (None for a leaf), `keys` its dict keys or field names."""

    __slots__ = ("_hash", "children", "fixed", "flat", "keys", "kind", "template")

    def __init__(
        self,
        kind: type | None,
        keys: tuple[Any, ...] = (),
        children: tuple[TreeDef, ...] = (),
        template: Any = None,
    ) -> None:
        self.kind = kind
        self.keys = keys
        self.children = children
        self.template = template
        """A dataclass instance, for the fields that are no children, a dict of another kind, or the class of what
        is derived from list or tuple; not compared."""
        self.flat = template is None and kind is not None and children.count(LEAF) == len(children)
        """Whether it is a container of leaves, and of nothing else."""
        self.fixed: bool = template is not None or any(map(_is_fixed, children))
        """Whether there is a template in it."""
        self._hash = hash((kind, keys, children))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, TreeDef)
            and self._hash == other._hash
            and self.kind is other.kind
            and self.keys == other.keys
            and self.children == other.children
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _treedef, (self.kind, self.keys, self.children, self.template)

    @property
    def leaves(self) -> int:
        """Number of leaves."""
        return 1 if self is LEAF else sum(c.leaves for c in self.children)

    def unflatten(self, leaves: Iterator[Any]) -> Any:
        """Build the tree again, taking its leaves in order."""
        if self is LEAF:
            return next(leaves)
        kind, children = self.kind, self.children
        values: Any = islice(leaves, len(children)) if self.flat else [c.unflatten(leaves) for c in children]
        if kind is list or kind is tuple:
            return kind(values) if self.template is None else _derived(self.template, kind, values)
        if kind is type(None):
            return None
        if kind is dict or kind is OrderedDict:
            return kind(zip(self.keys, values, strict=True))
        if self.template is None:  # a NamedTuple
            return kind._make(values)  # type: ignore[union-attr]
        rebuilt = copy.copy(self.template)
        if isinstance(rebuilt, dict):
            for key, value in zip(self.keys, values, strict=True):
                rebuilt[key] = value
            return rebuilt
        for name, value in zip(self.keys, values, strict=True):
            object.__setattr__(rebuilt, name, value)
        return rebuilt

    def __str__(self) -> str:
        if self is LEAF:
            return "*"
        inside = [str(c) for c in self.children]
        if isinstance(self.kind, type) and issubclass(self.kind, dict):
            shown = "{" + ", ".join(f"{k!r}: {c}" for k, c in zip(self.keys, inside, strict=True)) + "}"
            return shown if self.kind is dict else f"{self.kind.__name__}({shown})"
        if self.kind is list:
            return "[" + ", ".join(inside) + "]"
        if self.kind is tuple:
            return "(" + ", ".join(inside) + ("," if len(inside) == 1 else "") + ")"
        if self.kind is type(None):
            return "None"
        assert self.kind is not None
        return self.kind.__name__ + "(" + ", ".join(inside) + ")"


def _derived(cls: Any, kind: Any, values: list[Any]) -> Any:
    """A list or tuple of a class derived from it, whose own constructor may want something else."""
    made = kind.__new__(cls, values)
    if kind is list:
        made.extend(values)
    return made


LEAF = TreeDef(None)


def _treedef(kind: type | None, *rest: Any) -> TreeDef:
    """One from a pickle: there is one leaf only."""
    return LEAF if kind is None else TreeDef(kind, *rest)


def flatten(tree: Any) -> tuple[list[Any], TreeDef]:
    """Leaves of a tree in order, and its definition. Anything that is no container is a leaf."""
    kind: Any = type(tree)
    if (kind is list or kind is tuple) and _LEAVES.issuperset(map(type, tree)):
        return list(tree), flat(kind, len(tree))
    leaves: list[Any] = []
    return leaves, _definition(tree, leaves)


_LEAVES = frozenset({array, np.ndarray, float, int, bool, complex, str})


@functools.lru_cache
def flat(kind: Any, length: int) -> TreeDef:
    """A list or tuple of leaves."""
    return TreeDef(kind, (), (LEAF,) * length)


@functools.lru_cache(4096)
def _nested(kind: type, children: tuple[TreeDef, ...]) -> TreeDef:
    """A list or tuple with containers in it."""
    return TreeDef(kind, (), children)


def _definition(tree: Any, leaves: list[Any]) -> TreeDef:
    kind: Any = type(tree)
    if kind in _LEAVES:
        leaves.append(tree)
        return LEAF
    if kind is list or kind is tuple:
        if _LEAVES.issuperset(map(type, tree)):
            leaves.extend(tree)
            return flat(kind, len(tree))
        children = tuple([_definition(c, leaves) for c in tree])
        return TreeDef(kind, (), children) if any(map(_is_fixed, children)) else _nested(kind, children)
    if tree is None:
        return TreeDef(kind)
    if isinstance(tree, dict):
        template = None if kind is dict or kind is OrderedDict else copy.copy(tree)
        return TreeDef(kind, tuple(tree), tuple([_definition(c, leaves) for c in tree.values()]), template)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return TreeDef(kind, tree._fields, tuple([_definition(c, leaves) for c in tree]))
    if isinstance(tree, list | tuple):
        plain = list if isinstance(tree, list) else tuple
        return TreeDef(plain, (), tuple([_definition(c, leaves) for c in tree]), kind)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = tuple(f.name for f in dataclasses.fields(tree) if not f.metadata.get("static"))
        children = tuple([_definition(getattr(tree, n), leaves) for n in names])
        return TreeDef(kind, names, children, tree)
    leaves.append(tree)
    return LEAF


def flattener() -> Callable[[Any], tuple[list[Any], TreeDef]]:
    """`flatten` for trees of which one mostly has the structure of the one before."""
    latest = LEAF, reader(LEAF)

    def flatten_again(tree: Any) -> tuple[list[Any], TreeDef]:
        nonlocal latest
        definition, read = latest
        leaves = read(tree)
        if leaves is None:
            leaves, definition = flatten(tree)
            if not definition.fixed:  # a template may hold arrays
                latest = definition, reader(definition)
        return leaves, definition

    return flatten_again


@functools.lru_cache
def reader(definition: TreeDef) -> Callable[[Any], list[Any] | None]:
    """A function that finds the leaves of trees of one structure without templates, much faster than `flatten`.

    It is generated, as straight code through the structure. For a tree of another structure, and for one with
    objects of other types than the common ones, of which only `flatten` knows whether they are leaves, it returns
    None.
    """
    names: dict[str, Any] = {"common": _LEAVES.issuperset}
    lines: list[str] = []
    leaves: list[str] = []
    todo = [("tree", definition)]
    while todo:
        name, this = todo.pop()
        if this is LEAF:
            leaves.append(name)
            continue
        n = len(names)
        names[f"kind{n}"] = this.kind
        same, inside = f"len({name}) == {len(this.children)}", name
        if this.kind is type(None):
            same, inside = "True", "()"
        elif this.kind is dict or this.kind is OrderedDict:
            names[f"keys{n}"] = list(this.keys)
            same, inside = f"[*{name}] == keys{n}", f"{name}.values()"
        lines.append(f"if type({name}) is not kind{n} or not {same}: return None")
        if this.flat:
            leaves.append(f"*{inside}")
            continue
        parts = [f"x{n}_{i}" for i in range(len(this.children))]
        lines.append(f"{''.join(f'{part}, ' for part in parts)}= {inside}")
        todo += reversed(list(zip(parts, this.children, strict=True)))
    lines += [f"leaves = [{', '.join(leaves)}]", "return leaves if common(map(type, leaves)) else None"]
    exec("def read(tree):\n    " + "\n    ".join(lines), names)
    return names.pop("read")


def builder(definition: TreeDef) -> Callable[[list[Any]], Any]:
    """A function that does what `unflatten` does for one structure, generated where that has no templates."""
    if definition.fixed:
        return functools.partial(unflatten, definition)
    names: dict[str, Any] = {}
    lines: list[str] = []

    def build(this: TreeDef, start: int) -> str:
        """The name of a part, whose leaves begin here."""
        if this is LEAF:
            return f"leaves[{start}]"
        if this.kind is type(None):
            return "None"
        parts, end = [], start
        for child in this.children:
            parts.append("" if this.flat else build(child, end))
            end += child.leaves
        inside = f"leaves[{start}:{end}]" if this.flat else f"[{', '.join(parts)}]"
        n = len(names)
        names[f"kind{n}"], names[f"keys{n}"] = this.kind, this.keys
        if this.kind is dict or this.kind is OrderedDict:
            inside = f"kind{n}(zip(keys{n}, {inside}, strict=True))"
        elif this.kind is tuple:
            inside = f"tuple({inside})"
        elif this.kind is not list:  # a NamedTuple
            inside = f"kind{n}._make({inside})"
        lines.append(f"x{n} = {inside}")
        return f"x{n}"

    lines.append(f"return {build(definition, 0)}")
    exec("def build(leaves):\n    " + "\n    ".join(lines), names)
    return names.pop("build")


def unflatten(definition: TreeDef, leaves: list[Any]) -> Any:
    """Inverse of `flatten`, which may take over the list."""
    if definition is LEAF:
        return leaves[0]
    return leaves if definition.flat and definition.kind is list else definition.unflatten(iter(leaves))


def tree_map(fun: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Apply `fun` to corresponding leaves of trees of one structure.

    Raises:
        ValueError: the trees differ in structure.

    Example:
        >>> from fastvjp import tree_map
        >>> tree_map(lambda p, g: p - g, {"w": 3, "b": (1, 2)}, {"w": 1, "b": (1, 1)})
        {'w': 2, 'b': (0, 1)}
    """
    leaves, definition = flatten(tree)
    others = [flatten(r) for r in rest]
    for _, other in others:
        if other != definition:
            raise ValueError(f"[tree_map] Trees differ: {definition} and {other}.")
    return unflatten(definition, [fun(*xs) for xs in zip(leaves, *(o for o, _ in others), strict=True)])
