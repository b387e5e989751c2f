"""Numba functions whose machine code is kept on disk, with that of kernels.

What is kept is Numba's object file of a function, with what Numba needs to link it into others. What only one
process has, addresses and captured arrays, the code finds through a variable of its own, the anchor. Numba knows
functions by their names: here these say all that a function is, and which of equal ones in this process it is, so
that code of another process cannot be taken for anything else.
"""

from __future__ import annotations

import ctypes
import hashlib
import itertools
import pickle
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
from numba.core import serialize, sigutils, types
from numba.core.compiler import CompileResult
from numba.core.registry import CPUDispatcher

from . import cache
from .interrupts import postponed
from .memory import address_of
from .target import OPTIONS

ALIKE = 8
"""Equal functions of a process whose code is kept: each captures something else."""
SIMPLE = {types.Array, types.Boolean, types.Complex, types.Float, types.Integer}
"""Types of arguments of which the name says all."""
UNCACHED = "numba.dynamic.globals."
"""How the names of variables begin because of which Numba's own cache refuses code: here that of callers."""
ANYWHERE = ("NRT_", "__excinfo_unwrap_args")
"""How the names of functions begin that are the same in all code of Numba's."""

_numbers: dict[str, itertools.count[int]] = {}


class Anchored:
    """What the code of one function finds when it runs: words, and what these refer to.

    Args:
        text: all that the code depends on.
        words: as int64.
        owner: lives as long as code that was linked with the function's.
    """

    def __init__(self, text: str, words: np.ndarray, owner: object) -> None:
        identity = hashlib.sha256(text.encode()).hexdigest()
        self.number = next(_numbers.setdefault(identity, itertools.count()))
        self.name = f"fastvjp_{identity[:40]}_{self.number}"
        self.anchor = UNCACHED + self.name
        self.words = words
        self.owner = owner

    def hold(self, library: Any) -> None:
        """Let code that has come into memory find the words."""
        at = library.codegen._engine.get_global_value_address(self.anchor)
        if not at:
            raise RuntimeError(f"[njit] The code has no {self.anchor}.")  # or it would write to nowhere
        ctypes.c_int64.from_address(at).value = address_of(self.words)
        library.anchored = self  # whoever links it keeps it


class Cache:
    """What Numba asks of a cache.

    Args:
        anchored: the function whose code is kept.
        target: Numba's, which runs it.
    """

    cache_path = None

    def __init__(self, anchored: Anchored, target: Any) -> None:
        self.anchored = anchored
        self.target = target

    def flush(self) -> None:
        """Forget nothing: a file is of the code that its name says."""

    def load_overload(self, sig: Any, target: Any) -> Any:
        """The code that was kept, or None."""
        path = self._path(sig)
        kept = None if path is None else cache.load(path)
        if kept is None:
            return None
        target.refresh()  # Numba's functions are loaded when they are first needed
        try:
            return CompileResult._rebuild(target, *pickle.loads(kept))
        except Exception:  # whatever is wrong with it, it can be made anew
            return None

    def save_overload(self, sig: Any, made: Any) -> None:
        """Keep code, unless parts of it have names that could be something else's in another process."""
        path = self._path(sig)
        names = [function.name for function in made.library.get_defined_functions()]
        if path is not None and all(self.anchored.name in name or name.startswith(ANYWHERE) for name in names):
            *code, environments = made._reduce()
            own = tuple([e for e in environments if self.anchored.name in e.env_name])
            cache.store(path, serialize.dumps((*code, own)))

    def _path(self, sig: Any) -> Path | None:
        arguments, result = sigutils.normalize_signature(sig)
        if result is not None or self.anchored.number >= ALIKE or any(type(t) not in SIMPLE for t in arguments):
            return None
        return cache.path_of(f"{self.anchored.name} {arguments} {self.target.codegen().magic_tuple()}")


class Dispatcher(CPUDispatcher):
    """A function of Numba's with an anchor."""

    def __init__(self, function: FunctionType, anchored: Anchored) -> None:
        function.__qualname__ = anchored.name
        super().__init__(function, targetoptions={"nopython": True, "boundscheck": None, **OPTIONS})
        self.anchored = anchored
        self._cache = Cache(anchored, self.targetctx)

    @postponed()
    def compile(self, sig: Any) -> Any:
        """The code for a signature."""
        return super().compile(sig)

    def add_overload(self, cres: Any) -> None:
        """From here on it may be called."""
        self.anchored.hold(cres.library)
        super().add_overload(cres)
