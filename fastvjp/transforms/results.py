"""What a transform hands out: NumPy arrays to those who gave NumPy arrays, our own arrays to all others."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.array import array, arrays_of
from ..core.program import Var, as_numpy
from ..recording.ready import Ready
from ..recording.recorder import Recording, is_recording, value_of
from .tree import TreeDef, flatten, tree_map, unflatten

NUMPY: set[type] = {np.ndarray}
OURS: set[type] = {array}


def gives_numpy(kinds: set[type], *others: Any) -> bool:
    """Whether results are NumPy's: some argument is a NumPy array or scalar, and none is an array of ours.

    Args:
        kinds: types of leaves of the arguments.
        others: trees of further arguments.
    """
    if kinds is NUMPY and not others:
        return True
    if array in kinds:
        return False
    for tree in others:
        kinds = kinds.union(map(type, flatten(tree)[0]))
    theirs = False
    for kind in kinds:
        if issubclass(kind, array):
            return False
        theirs = theirs or issubclass(kind, np.ndarray | np.generic)
    return theirs


ALL = sys.maxsize
"""All results of a recording."""


def hand_out(recording: Recording, kinds: set[type], *others: Any, beside: Any = ()) -> None:
    """Let a recording hand out NumPy's arrays, and have views, where arguments ask for it: see `gives_numpy`.

    Args:
        recording: the recording.
        kinds: types of leaves of the arguments of the function.
        others: trees of further arguments of it.
        beside: what only the transform is given, cotangents say: for views it makes no difference.
    """
    theirs = recording.outermost and gives_numpy(kinds, *others)
    recording.trace.views |= theirs
    recording.numpy = ALL if theirs and (not beside or gives_numpy(kinds, beside)) else 0


def as_leaf(result: Any) -> Any:
    """The array of a variable; a NumPy array or scalar as it is."""
    return array._of(result) if type(result) is Var else result


def as_tree(definition: TreeDef, results: Sequence[Any]) -> Any:
    """Build a tree of arrays from variables, or from what was handed out."""
    leaves = []
    for r in results:
        leaves.append(array._of(r) if type(r) is Var else r)
    return unflatten(definition, leaves)


def finished(ready: Ready, leaves: Sequence[Any], numpy: int) -> list[Any]:
    """The results for the values of leaves: so many of the first as NumPy's arrays, the others as ours."""
    values = ready.executable.run(ready.given(leaves))
    avals = ready.avals
    if not numpy:
        return arrays_of(avals, values)
    fresh = ready.executable.fresh
    found = [as_numpy(values[i], a, fresh[i]) for i, a in enumerate(avals[:numpy])]
    return found + arrays_of(avals[numpy:], values[numpy:]) if numpy < len(avals) else found


def like_arguments(returned: Any, arguments: Any) -> Any:
    """A tree that a function returned, with NumPy arrays for ours where its arguments ask for them."""
    if is_recording() or not gives_numpy(set(), arguments):
        return returned
    return tree_map(lambda x: as_numpy(value_of(x._var), x._aval) if isinstance(x, array) else x, returned)
