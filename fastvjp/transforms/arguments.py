"""What the transforms share: trees of arguments to variables, outputs of the user's function to variables."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.conversion import of_numpy
from ..arrays.emit import cast
from ..arrays.views import has_views, lies_in_rows, lying_as
from ..core.avals import Aval
from ..core.errors import DtypeError
from ..core.primitive import REGISTRY
from ..core.program import Var, uniform
from ..recording.recorder import Recording, bind, is_recording
from .results import NUMPY, OURS, as_leaf, as_tree
from .tree import LEAF, TreeDef, flat, flatten


class Arguments:
    """A tree of arrays as variables: flat, with what is needed to build it again."""

    __slots__ = ("definition", "kinds", "memory", "vars")

    def __init__(self, tree: Any, where: str, what: str) -> None:
        leaves, self.definition = flatten(tree)
        self.vars: list[Var] = []
        self.memory: list[tuple[int, Any]] = []
        """Those for which it matters how they lie in NumPy's memory: see `array._like`."""
        ours, others, inside = False, False, is_recording()
        for i, x in enumerate(leaves):
            if type(x) is array:
                ours = True
                self.vars.append(x._var)
                if inside and hasattr(x, "_like"):
                    self.memory.append((i, x._like))
            elif type(x) is np.ndarray:
                self.vars.append(of_numpy(x, where))
                if x.ndim != 1 or not x.flags.c_contiguous:
                    self.memory.append((i, x))
            else:
                others = True
                self.vars.append(leaf_array(x, where, what, i)._var)
        self.kinds = OURS if ours else set(map(type, leaves)) if others or not leaves else NUMPY
        """The types of the leaves; where some are ours, no more than that."""

    def enter(self, recording: Recording) -> list[Var]:
        """Fresh variables of the same values, with respect to which ops can be differentiated."""
        if recording.outermost:
            if self.memory:
                recording.trace.rows = all(lies_in_rows(x) for _, x in self.memory)
            return recording.trace.inputs(self.vars)
        return [bind(REGISTRY["alias"], v) for v in self.vars]

    def differentiated(self, recording: Recording) -> list[Var]:
        """The same for a transform that does differentiate by them."""
        inputs = self.enter(recording)
        recording.differentiate(inputs)
        return inputs

    def given(self, inputs: Sequence[Var]) -> Any:
        """The tree that the function is given: these variables as arrays."""
        if not self.memory:
            return as_tree(self.definition, inputs)
        arrays = list(map(array._of, inputs))
        for i, x in self.memory:
            arrays[i]._like = x
        return as_tree(self.definition, arrays)

    def tree(self, results: Sequence[Any]) -> Any:
        """The tree with these variables as arrays at its leaves, or with what was handed out."""
        return as_tree(self.definition, results)

    def tangents(self, given: Any, where: str) -> list[array]:
        """Tangents of these arguments, of their avals; errors say which argument does not match.

        They are arrays of their own, as the function may rebind those that are given.
        """
        wanted = check_sequence(given, where, "tangents")
        if len(wanted) != len(self.definition.children):
            raise ValueError(
                f"[{where}] Number of primals ({len(self.definition.children)}) "
                f"does not match number of tangents ({len(wanted)})."
            )
        primals = [array._of(v) for v in self.vars]
        return [x.copy() for x in matched(wanted, self.definition, primals, where, ("tangent", "primal"))]


def own(x: Any) -> Any:
    """A further argument as the function is given it, in whose place at the caller's nothing traced stays behind.

    Arrays of ours, and the lists, tuples and dicts that they are in, are objects of the function's own. NumPy's
    arrays are not recorded, nor copied: they are the caller's. So is an object of a class derived from dict or
    list, such as a module of layers: the function may know it from elsewhere, and change it there.
    """
    kind: Any = type(x)
    if kind is array:
        return lying_as(array._of(x._var), x)
    if kind is list or kind is tuple:
        return kind(map(own, x))
    if kind is dict:
        return {key: own(value) for key, value in x.items()}
    if kind in _HANDED_ON or (isinstance(x, dict | list) and kind not in _PYTHONS):
        return x
    leaves, definition = flatten(x)
    return definition.unflatten(map(own, leaves)) if definition is not LEAF and array in map(type, leaves) else x


_HANDED_ON = frozenset({np.ndarray, float, int, bool, str})
_PYTHONS = frozenset({OrderedDict, defaultdict})


def refuse_writes(given: Iterable[Any], before: Iterable[Var], of: Iterable[Any], where: str) -> None:
    """ValueError if a function has written to an array that is the caller's, where NumPy's would be changed.

    Args:
        given: what the function was given.
        before: the variables that these arrays had then.
        of: the caller's arguments for which they stand.
        where: the transform.
    """
    for i, (x, v, leaf) in enumerate(zip(given, before, of, strict=True)):
        if x._var is not v and (isinstance(leaf, np.ndarray) or has_views(x)):
            raise ValueError(
                f"[{where}] The function writes to an array among its arguments (array {i}, of shape {x.shape}), "
                f"which does not reach the caller's. Hint: write to a copy, x = x.copy(), and return it if the "
                f"caller needs it."
            )


def leaf_array(leaf: Any, where: str, what: str, i: int) -> array:
    """A leaf of a tree of arrays; TypeError naming where it stands otherwise."""
    if isinstance(leaf, array | np.ndarray | np.generic | float | int | complex):
        return as_array(leaf, where)
    hint = "give its values, np.asarray(x)" if hasattr(leaf, "__array__") else "close over what is no array"
    raise DtypeError(
        f"[{where}] Expected an array or a number in the {what}, leaf {i}, "
        f"got {type(leaf).__name__}: {leaf!r:.80}. Hint: {hint}."
    )


def check_callable(fun: Any, where: str) -> None:
    """TypeError unless `fun` can be called."""
    if not callable(fun):
        raise TypeError(f"[{where}] Expected a function first, got {type(fun).__name__}: {fun!r:.80}.")


def check_sequence(values: Any, where: str, what: str) -> list[Any]:
    """A list of the given list or tuple; TypeError with a hint otherwise."""
    if type(values) is list:
        return values
    if isinstance(values, (list, tuple)):
        return list(values)
    raise TypeError(
        f"[{where}] Expected {what} as a list or tuple with one entry per argument, "
        f"got {type(values).__name__}. Hint: wrap it in a list: [{what[:-1]}]."
    )


class Outputs:
    """What the user's function returned, as arrays.

    A returned list or tuple is several outputs; anything else, a dict say, is one.
    """

    __slots__ = ("arrays", "count", "definition")

    def __init__(self, returned: Any, where: str) -> None:
        if type(returned) is array:
            self.count, self.definition, self.arrays = 1, flat(list, 1), [returned]
            return
        several = isinstance(returned, list | tuple) and not hasattr(returned, "_fields")
        leaves, self.definition = flatten(list(returned) if several else [returned])
        self.count = len(self.definition.children)
        if not self.definition.flat:
            for i, child in enumerate(self.definition.children):
                if child.kind is type(None):
                    self._leaf(None, where, i)
        self.arrays = [self._leaf(leaf, where, i) for i, leaf in enumerate(leaves)]

    @staticmethod
    def _leaf(leaf: Any, where: str, i: int) -> array:
        if isinstance(leaf, array | np.ndarray | np.generic | float | int | complex):
            return as_array(leaf, where)
        raise TypeError(
            f"[{where}] The function's output {i} is of type {type(leaf).__name__}. "
            f"Expected: arrays, numbers, or lists, tuples and dicts of them."
        )

    @property
    def vars(self) -> list[Var]:
        """The variables of the arrays."""
        return [x._var for x in self.arrays]

    def tree(self, results: Sequence[Any]) -> list[Any]:
        """The list of outputs with these variables as arrays at the leaves, or with what was handed out."""
        return as_tree(self.definition, results)

    def cotangents(self, wanted: list[Any], where: str) -> list[array]:
        """The cotangents, of the outputs' avals; errors say which output does not match."""
        if len(wanted) != self.count:
            raise ValueError(
                f"[{where}] Number of outputs to compute gradients for ({self.count}) "
                f"does not match number of cotangents ({len(wanted)})."
            )
        return matched(wanted, self.definition, self.arrays, where, ("cotangent", "output"))


class Aux:
    """Auxiliary outputs: any tree; its arrays are results like others, but take no cotangent."""

    def __init__(self, tree: Any, given: bool) -> None:
        self.given = given
        self.leaves, self.definition = flatten(tree)
        self.at = [i for i, leaf in enumerate(self.leaves) if isinstance(leaf, array)]
        self.arrays: list[array] = [self.leaves[i] for i in self.at]

    @property
    def vars(self) -> list[Var]:
        """The variables of the arrays."""
        return [x._var for x in self.arrays]

    def trees(self, results: Sequence[Any]) -> tuple[Any, ...]:
        """The tree with the last of the results at its arrays; an empty tuple where there is none."""
        if not self.given:
            return ()
        leaves = list(self.leaves)
        for i, v in zip(self.at, results[len(results) - len(self.at) :], strict=True):
            leaves[i] = as_leaf(v)
        return (self.definition.unflatten(iter(leaves)),)


NO_AUX = Aux((), False)


def split_aux(returned: Any, has_aux: bool, where: str) -> tuple[Any, Aux]:
    """Split what a function returned into outputs and aux."""
    if not has_aux:
        return returned, NO_AUX
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        raise ValueError(
            f"[{where}] With has_aux=True the function must return (outputs, aux), got {type(returned).__name__}."
        )
    return returned[0], Aux(returned[1], True)


def matched(
    given: list[Any], definition: TreeDef, likes: Sequence[array], where: str, names: tuple[str, str]
) -> list[array]:
    """Cotangents of outputs, or tangents of primals, of the avals of these."""
    leaves, structure = flatten(given)
    if structure is not definition and structure != definition:
        what, whose = names
        raise ValueError(
            f"[{where}] {what.capitalize()}s have the structure {structure}, {whose}s {definition}. "
            f"Expected: one {what} for every array of the {whose}s."
        )
    for i, like in enumerate(likes):
        x, a = leaves[i], like._aval
        if type(x) is not array or x._aval is not a:
            leaves[i] = _matched(x, a, where, names, i)
    return leaves


def _matched(leaf: Any, like: Aval, where: str, names: tuple[str, str], i: int) -> array:
    if type(leaf) is float and like.shape == () and like.inexact:
        return array._of(uniform(leaf, (), like.dtype))
    what, whose = names
    if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype == np.float16:
        leaf = leaf.astype(np.float32)
    given = leaf_array(leaf, where, f"{what}s", i)
    if given.shape != like.shape:
        wanted, got = ["(" + ",".join(map(str, shape)) + ")" for shape in (like.shape, given.shape)]
        scalar = given.size == 1 and what == "cotangent"
        hint = " If you are using grad your function must return a scalar." if scalar else ""
        raise ValueError(
            f"[{where}] {whose.capitalize()} shape {wanted} does not match {what} shape {got}, "
            f"at {whose} {i}.{hint}"
        )
    if given.dtype.kind == "c" and like.dtype.kind != "c":
        raise TypeError(
            f"[{where}] The {what} of {whose} {i} is {given.dtype}, but the {whose} is {like.dtype}. "
            f"Expected a real one. Hint: fastvjp.real({what})."
        )
    return cast(given, like.dtype) if like.inexact else given
