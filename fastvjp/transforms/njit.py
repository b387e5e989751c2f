"""`njit`: a function and its gradients as a Numba function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import devices
from ..arrays.array import array, as_array
from ..core.avals import Aval, as_dtype, aval
from ..core.program import Var
from ..planning.plan import with_own_outputs
from ..recording.recorder import Recording, abstract, is_recording, switch
from .arguments import check_callable, refuse_writes
from .results import gives_numpy
from .transformed import make_findable
from .tree import LEAF, TreeDef, flatten

_NUMPYS = [np.empty(0)]
"""What stands for the arguments of a call: always NumPy's."""


def njit(fun: Callable[..., Any], *args: Any) -> Callable[..., Any]:
    """A Numba function of `fun`, to be called from other Numba functions, or from Python.

    `fun` is recorded once, for arguments of these shapes and dtypes. The function that it becomes takes NumPy
    arrays of any layout, and numbers where an argument has no axes; it calls no Python and holds no GIL, also
    within `numba.prange`. Arrays that `fun` captures become constants. Its machine code is kept on disk; that of
    functions that call it is not, by Numba's `cache=True`. With NUMBA_DISABLE_JIT=1 it is a Python function. Where
    an example is a NumPy array, slices are views inside `fun`.

    Args:
        fun: takes arrays and returns one, or lists and tuples of them; it may not read values of its arguments.
        args: examples of the arguments, of which shape and dtype count; a Python float stands for a float64.

    Returns:
        A Numba dispatcher. It returns new arrays, numbers for results without axes, and tuples of them where
        `fun` returns lists or tuples. Calls raise TypeError for another dtype or number of axes, ValueError for
        another shape, IndexError for an index that is out of range. To give C code an address, call it within a
        `numba.cfunc`.

    Raises:
        ValueError: `fun` writes to an argument, which would not reach what a call is given.
        TypeError: `fun` is not callable, reads a value, returns something else, or has steps that only Python
            can run (the message names them).
        RuntimeError: called within a transform.

    Example:
        >>> import numba, numpy as np, fastvjp
        >>> slope = fastvjp.njit(fastvjp.grad(lambda x: fastvjp.sum(x**4)), np.zeros(2))
        >>> @numba.njit
        ... def descend(x, steps):
        ...     for _ in range(steps):
        ...         x = x - 0.1 * slope(x)
        ...     return x
        >>> descend(np.array([1.0, 0.5]), 2)
        array([0.5136 , 0.41355])
    """
    check_callable(fun, "njit")
    if is_recording():
        raise RuntimeError("[njit] Called within a transform. Hint: make the function before, outside it.")
    return _compiled(fun, [_aval_of(x, i) for i, x in enumerate(args)], gives_numpy(set(map(type, args))))


def _compiled(fun: Callable[..., Any], avals: Sequence[Aval], views: bool = False) -> Callable[..., Any]:
    """The Numba function for arguments of these avals, in which slices are views or not."""
    recording = Recording()
    try:
        switch(recording.trace)
        recording.trace.once = "njit"
        with devices.device("cpu"):
            inputs = [abstract(a, "njit") for a in avals]
            recording.trace.enter(inputs)
            recording.trace.views = views
            recording.trace.rows = all(a.ndim < 2 for a in avals)
            given = list(map(_argument, inputs))
            found, structure = flatten(fun(*given))
            refuse_writes(given, inputs, _NUMPYS * len(given), "njit")
            results = [as_array(x, "njit")._var for x in found]
            ready = recording.ready(results, given=len(inputs))
            values = ready.given([*range(len(inputs)), *recording.trace.leaves[len(inputs) :]])
    finally:
        switch(recording.before)
        recording.end()
    from ..kernels.runtime.njit import numba_function

    outputs = (f"{{{i}}}" for i in range(len(results)))
    made: Any = numba_function(
        with_own_outputs(ready.executable.plan), values, avals, _expression(structure, outputs)
    )
    functools.update_wrapper(made, fun, updated=())
    # pickle and copy ask the object itself, whose class is Numba's: record again where it is loaded
    made.__reduce_ex__ = functools.partial(_reduced, fun, avals, views)
    return made


def _argument(v: Var) -> array:
    """An argument, of which each call may give an array that lies otherwise."""
    made = array._of(v)
    if v.aval.shape:
        made._like = False
    return made


def _reduced(fun: Callable[..., Any], avals: Sequence[Aval], views: bool, _: int) -> tuple[Any, ...]:
    make_findable(fun)
    return _compiled, (fun, avals, views)


def _aval_of(x: Any, position: int) -> Aval:
    """What an example stands for."""
    if isinstance(x, array):
        return x._var.aval
    if not isinstance(x, np.ndarray | np.generic | float | int | complex):
        raise TypeError(
            f"[njit] Expected an array or a number as argument {position}, got {type(x).__name__}: {x!r:.80}. "
            f"Hint: one argument for each array; close over what is none."
        )
    given = np.asarray(x)
    return aval(given.shape, as_dtype(given.dtype, "njit"))


def _expression(structure: TreeDef, names: Iterator[str]) -> str:
    """The results as they are returned."""
    if structure is LEAF:
        return next(names)
    if structure.kind not in (list, tuple):
        raise TypeError(f"[njit] Expected lists and tuples of arrays as results, got {structure}.")
    return "(" + "".join(f"{_expression(c, names)}, " for c in structure.children) + ")"
