"""What the harness asks of a library."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..workloads.base import Problem

Call = Callable[[], Any]


class Unsupported(Exception):
    """This library has no such workload or dtype; the text says why."""


class Library:
    """One way of computing value and gradients."""

    name: str
    package: str
    """What has to be importable."""
    ours = False
    automatic = True
    """Whether it differentiates; hand-written gradients are no peers of a library that does."""
    slow_to_build = False

    def missing(self) -> str | None:
        """Why it cannot be used here, or None."""
        try:
            importlib.import_module(self.package)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None

    def version(self) -> str:
        """Of the package behind it."""
        return importlib.metadata.version(self.package.partition(".")[0])

    def build(self, problem: Problem) -> Call:
        """A call without arguments that computes, to the end, `(value, gradients)`."""
        raise NotImplementedError

    def numpy(self, result: Any) -> list[np.ndarray]:
        """Value and gradients as NumPy arrays."""
        value, gradients = result
        return [self.array(x) for x in (value, *_sequence(gradients))]

    def array(self, x: Any) -> np.ndarray:
        """One result as a NumPy array."""
        return np.asarray(x)


def _sequence(gradients: Any) -> Iterable[Any]:
    return gradients if isinstance(gradients, list | tuple) else [gradients]
