"""`ravel_tree`: a tree of arrays as one vector, and back."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from .. import ops
from ..arrays.array import as_array
from .arguments import leaf_array
from .results import as_tree, like_arguments
from .tree import TreeDef, flatten


def ravel_tree(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """A tree of arrays as one vector, for optimisers and samplers that know vectors only, and the way back.

    Args:
        tree: of arrays and numbers, one at least.

    Returns:
        (vector, unravel): the elements of all leaves in one array with one axis, of the dtype to which theirs
        promote; and a function from such a vector to the tree, with the shapes and dtypes of these leaves. Both
        directions can be differentiated.

    Raises:
        TypeError: a leaf is no array or number.
        ValueError: there are no leaves; `unravel` is given an array of another shape.

    Example:
        >>> import fastvjp
        >>> vector, unravel = fastvjp.ravel_tree({"w": fastvjp.ones((2, 2)), "b": fastvjp.zeros(1)})
        >>> vector
        array([1, 1, 1, 1, 0], dtype=float32)
        >>> unravel(vector * 2)
        {'w': array([[2, 2],
               [2, 2]], dtype=float32), 'b': array([0], dtype=float32)}
    """
    leaves, definition = flatten(tree)
    if not leaves:
        raise ValueError("[ravel_tree] Expected a tree of arrays, got one without leaves.")
    arrays = [leaf_array(leaf, "ravel_tree", "tree", i) for i, leaf in enumerate(leaves)]
    kinds = [(a.shape, a.dtype) for a in arrays]
    vector = like_arguments(ops.concatenate(arrays, axis=None), leaves)
    return vector, functools.partial(_unravelled, definition, kinds)


def _unravelled(definition: TreeDef, kinds: Sequence[tuple[tuple[int, ...], np.dtype]], vector: Any) -> Any:
    """The tree of a vector; shapes and dtypes of its leaves are given."""
    x = as_array(vector, "unravel")
    ends = list(accumulate((math.prod(shape) for shape, _ in kinds), initial=0))
    if x.shape != (ends[-1],):
        raise ValueError(f"[unravel] Expected an array of shape {(ends[-1],)}, got one of shape {x.shape}.")
    parts = [x[start:stop] for start, stop in pairwise(ends)]
    restored = [p.reshape(shape).astype(dtype) for p, (shape, dtype) in zip(parts, kinds, strict=True)]
    return like_arguments(as_tree(definition, [r._var for r in restored]), vector)
