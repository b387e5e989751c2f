"""Kernels that users define: where both devices find them, by names that nothing else has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary


@dataclass(frozen=True, eq=False)
class Definition:
    """The element functions, or the array kernels, of one primitive.

    In the names of element functions there is a hash of all that they are: so a kernel's text, which holds these
    names, says what it computes, as that of any other kernel does.

    Args:
        title: the primitive's name, for messages.
        name: of the forward function, and of the file of shaders.
        functions: Python functions by name.
        metal: contents of the file of shaders, or None: then steps with these functions run on the CPU.
        kept: whether kernels with these functions are kept on disk: not if the hash cannot tell what they are.
    """

    title: str
    name: str
    functions: Mapping[str, Callable[..., Any]]
    metal: str | None
    kept: bool


DEFINED: WeakValueDictionary[str, Definition] = WeakValueDictionary()
"""By the names of their functions, for as long as a primitive needs them."""
_lock = threading.Lock()


def define(definition: Definition) -> Definition:
    """Make a definition known; returns the one that is, if there is an equal one."""
    with _lock:
        found = DEFINED.get(definition.name)
        if found is None:
            found = definition
            DEFINED.update(dict.fromkeys(definition.functions, definition))
        return found
