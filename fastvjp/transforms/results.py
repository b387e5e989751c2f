"""What a transform hands out: NumPy arrays to those who gave NumPy arrays, our own arrays to all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.array import array
from ..arrays.conversion import ndarray_of
from ..core.program import Var
from ..recording.recorder import is_recording
from .tree import TreeDef, flatten, tree_map

_NUMPY = (np.ndarray, np.generic)


def gives_numpy(kinds: set[type], *others: Any) -> bool:
    """Whether results are NumPy's: some argument is a NumPy array or scalar, and none is an array of ours.

    Args:
        kinds: types of leaves of the arguments.
        others: trees of further arguments.
    """
    if array in kinds:
        return False
    for tree in others:
        kinds = kinds.union(map(type, flatten(tree)[0]))
    theirs = False
    for kind in kinds:
        if issubclass(kind, array):
            return False
        theirs = theirs or issubclass(kind, _NUMPY)
    return theirs


def handed_out(results: Sequence[Var], fresh: Sequence[bool]) -> list[Any]:
    """Results as NumPy's arrays and scalars; `fresh` tells for each whether nobody else has its memory."""
    return list(map(ndarray_of, results, fresh))


def as_leaf(result: Any) -> Any:
    """The array of a variable; a NumPy array or scalar as it is."""
    return array._of(result) if type(result) is Var else result


def as_tree(definition: TreeDef, results: Sequence[Any]) -> Any:
    """Build a tree of arrays from variables, or from what was handed out."""
    leaves = []
    for r in results:
        leaves.append(array._of(r) if type(r) is Var else r)
    return leaves if definition.flat and definition.kind is list else definition.unflatten(iter(leaves))


def like_arguments(returned: Any, arguments: Any) -> Any:
    """A tree that a function returned, with NumPy arrays for ours where its arguments ask for them."""
    if is_recording() or not gives_numpy(set(), arguments):
        return returned
    return tree_map(lambda x: ndarray_of(x._var) if isinstance(x, array) else x, returned)
