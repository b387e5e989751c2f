"""Trees of parameters by dotted paths, under the names of `mlx.utils`.

Containers are lists, tuples, NamedTuples and dicts; everything else is a leaf, None too.
Keys have no dots in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .transforms.tree import tree_map

__all__ = ["tree_flatten", "tree_map", "tree_map_with_path", "tree_merge", "tree_reduce", "tree_unflatten"]

IsLeaf = Callable[[Any], bool] | None
_NOTHING: Any = object()


def _children(tree: Any) -> Iterator[tuple[Any, Any]] | None:
    """Keys and children of a container; None for a leaf."""
    if isinstance(tree, dict):
        return iter(tree.items())
    return iter(enumerate(tree)) if isinstance(tree, list | tuple) else None


def _rebuilt(tree: Any, values: list[Any]) -> Any:
    """A container like `tree` with other children."""
    if isinstance(tree, dict):
        return dict(zip(tree, values, strict=True))
    return type(tree)(*values) if hasattr(tree, "_fields") else type(tree)(values)


def _leaves(tree: Any, path: str, is_leaf: IsLeaf) -> Iterator[tuple[str, Any]]:
    """Paths and leaves in order."""
    children = None if is_leaf is not None and is_leaf(tree) else _children(tree)
    if children is None:
        yield path, tree
        return
    for key, child in children:
        yield from _leaves(child, f"{path}.{key}" if path else str(key), is_leaf)


def tree_flatten(tree: Any, prefix: str = "", is_leaf: IsLeaf = None, destination: Any = None) -> Any:
    """The leaves of a tree with their paths, keys and positions joined by dots.

    Args:
        tree: the tree.
        prefix: what paths begin with, behind its first character, as in MLX.
        is_leaf: what says of a subtree whether it is taken for a leaf.
        destination: a list or dict that is added to and returned; by default a new list.

    Returns:
        List of pairs (path, leaf), or dict.

    Raises:
        TypeError: another destination.

    Example:
        >>> from fastvjp.utils import tree_flatten
        >>> tree_flatten({"w": 1, "layers": [2, {"b": 3}]})
        [('w', 1), ('layers.0', 2), ('layers.1.b', 3)]
    """
    found = [] if destination is None else destination
    if not isinstance(found, list | dict):
        raise TypeError(
            f"[tree_flatten] Expected a list, a dict or None as destination, got {type(found).__name__}."
        )
    (found.extend if isinstance(found, list) else found.update)(_leaves(tree, prefix[1:], is_leaf))
    return found


def tree_unflatten(tree: Any) -> Any:
    """The tree of leaves with their paths: what `tree_flatten` gives, with lists for tuples.

    A container whose keys are all numbers is a list; numbers that are missing get an empty dict, as in MLX.

    Args:
        tree: list of pairs (path, leaf), or dict.

    Example:
        >>> from fastvjp.utils import tree_unflatten
        >>> tree_unflatten([("w", 1), ("layers.0", 2), ("layers.1.b", 3)])
        {'w': 1, 'layers': [2, {'b': 3}]}
    """
    items = list(tree.items() if isinstance(tree, dict) else tree)
    if len(items) == 1 and items[0][0] == "":
        return items[0][1]
    grouped: dict[str, list[tuple[str, Any]]] = {}
    for path, leaf in items:
        key, _, rest = path.partition(".")
        grouped.setdefault(key, []).append((rest, leaf))
    children = {key: tree_unflatten(rest) for key, rest in grouped.items()}
    numbered = {int(key): child for key, child in children.items() if key.isdecimal()}
    if len(numbered) < len(children) or not children:
        return children
    return [numbered.get(i, {}) for i in range(max(numbered) + 1)]


def tree_map_with_path(
    fn: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf = None, path: str | None = None
) -> Any:
    """Apply `fn(path, leaf, ...)` to the leaves of a tree and those of others at the same places.

    Args:
        fn: function of a path and of one leaf of each tree.
        tree: the tree whose structure the result has.
        rest: trees that have at least its structure.
        is_leaf: what says of a subtree whether it is taken for a leaf.
        path: what paths begin with.

    Example:
        >>> from fastvjp.utils import tree_map_with_path
        >>> tree_map_with_path(lambda path, x: f"{path}={x}", {"w": [1, 2]})
        {'w': ['w.0=1', 'w.1=2']}
    """
    children = None if is_leaf is not None and is_leaf(tree) else _children(tree)
    if children is None:
        return fn(path, tree, *rest)
    return _rebuilt(
        tree,
        [
            tree_map_with_path(
                fn, child, *(r[key] for r in rest), is_leaf=is_leaf, path=f"{path}.{key}" if path else str(key)
            )
            for key, child in children
        ],
    )


def tree_reduce(fn: Callable[[Any, Any], Any], tree: Any, initializer: Any = None, is_leaf: IsLeaf = None) -> Any:
    """Reduce the leaves of a tree to one value, from the first to the last.

    Args:
        fn: function of the value so far and of a leaf.
        tree: the tree.
        initializer: the first value; by default the first leaf.
        is_leaf: what says of a subtree whether it is taken for a leaf.

    Returns:
        The value; `initializer` where there is no leaf.

    Example:
        >>> from fastvjp.utils import tree_reduce
        >>> tree_reduce(lambda total, x: total + x, {"a": [1, 2], "b": 3}, 0)
        6
    """
    result = initializer
    for _, leaf in _leaves(tree, "", is_leaf):
        result = leaf if result is None else fn(result, leaf)
    return result


def tree_merge(tree_a: Any, tree_b: Any, merge_fn: Callable[[Any, Any], Any] | None = None) -> Any:
    """One tree with the leaves of two: a dict's update at any depth; lists are merged position by position.

    Args:
        tree_a: one tree.
        tree_b: the other; an empty container, or None, adds nothing.
        merge_fn: makes one leaf of two at one place.

    Raises:
        ValueError: two leaves at one place, and no `merge_fn`; containers of two kinds there.

    Example:
        >>> from fastvjp.utils import tree_merge
        >>> tree_merge({"a": {"w": 1}}, {"a": {"b": 2}})
        {'a': {'w': 1, 'b': 2}}
    """
    return _merged(tree_a, tree_b, merge_fn, "")


def _merged(a: Any, b: Any, merge_fn: Callable[[Any, Any], Any] | None, path: str) -> Any:
    a_empty, b_empty = (x is None or (isinstance(x, dict | list | tuple) and not x) for x in (a, b))
    if a_empty and b_empty and None not in (a, b) and type(a) is not type(b):
        kinds = f"{type(a).__name__} and {type(b).__name__}"
        raise ValueError(f"[tree_merge] Containers of two kinds at {path[1:]!r}: {kinds}.")
    if b_empty:
        return b if a is None else a
    if a_empty:
        return b
    if isinstance(a, dict) and isinstance(b, dict):
        keys = [*a, *(key for key in b if key not in a)]
        return {key: _merged(a.get(key), b.get(key), merge_fn, f"{path}.{key}") for key in keys}
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        long, short = (a, b) if len(a) >= len(b) else (b, a)
        merged = [_merged(*pair, merge_fn, f"{path}.{i}") for i, pair in enumerate(zip(a, b, strict=False))]
        return _rebuilt(a, [*merged, *long[len(short) :]])
    if merge_fn is None:
        raise ValueError(f"[tree_merge] Both trees have a leaf at {path[1:]!r}. Hint: give a merge_fn.")
    return merge_fn(a, b)
