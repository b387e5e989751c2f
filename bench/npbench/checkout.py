"""Programs of a checkout of NPBench: what its descriptions say of them, and their functions.

What a program has in single precision it has in double precision here: its text is read with other words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

REAL = {"compute": ("array_1", "array_2"), "floyd_warshall": ("path",)}
"""Arguments that are integers there, and could as well be real numbers."""
PIECEWISE = {"azimint_hist": ("radius",), "azimint_naive": ("radius",)}
"""Arguments in which a program jumps: they say into which bin a number goes."""
SYMMETRIC = {"cholesky2": ("A",)}
"""Matrices of which NumPy reads a half, and derivatives of a factor are by both as one."""
JAX_RESULTS = {"gemver": (0, 2, 1), "vadv": (3,)}
"""Where the results of the NumPy program are among those of the JAX program, if not at the beginning."""


@dataclass(frozen=True)
class Program:
    """A program of the checkout.

    Args:
        name: of the file that describes it.
        root: the checkout.
        described: what that file says.
    """

    name: str
    root: Path
    described: dict[str, Any]

    @property
    def sizes(self) -> list[str]:
        """The names of the sizes."""
        return list(self.described["parameters"])

    def function(self, framework: str) -> Callable[..., Any]:
        """The program as it is written for `numpy` or `jax`."""
        found: Callable[..., Any] = getattr(self._module(f"_{framework}"), self.described["func_name"])
        return found

    def arguments(self, size: str) -> dict[str, Any]:
        """What the program is given, in its order."""
        values = dict(self.described["parameters"][size])
        init = self.described.get("init")
        if init:
            np.random.seed(0)  # which one of them draws from
            made = getattr(self._module(""), init["func_name"])(*[values[name] for name in init["input_args"]])
            names = init["output_args"]
            values |= zip(names, made if len(names) > 1 else (made,), strict=True)
        rng = np.random.default_rng(0)
        for name in REAL.get(self.name, ()):
            values[name] = values[name] + rng.random(values[name].shape)  # no two are alike
        return {name: values[name] for name in self.described["input_args"]}

    def differentiated(self, arguments: dict[str, Any]) -> list[str]:
        """The arguments by which it is differentiated: arrays of real or complex numbers."""
        jumps = PIECEWISE.get(self.name, ())
        return [k for k, x in arguments.items() if is_array(x) and x.dtype.kind in "fc" and k not in jumps]

    def _module(self, suffix: str) -> ModuleType:
        folder = self.root / "npbench" / "benchmarks" / self.described["relative_path"]
        path = folder / f"{self.described['module_name']}{suffix}.py"
        text = path.read_text().replace("float32", "float64").replace("complex64", "complex128")
        module = ModuleType(path.stem)
        exec(compile(text, str(path), "exec"), module.__dict__)
        return module


def is_array(x: Any) -> bool:
    """Whether it is an array of NumPy's with axes."""
    return isinstance(x, np.ndarray) and x.ndim > 0


def programs(root: Path, names: Iterable[str] = ()) -> list[Program]:
    """Those of a checkout, or some of them.

    Raises:
        ValueError: it is no checkout, or has none of a name.
    """
    files = {path.stem: path for path in sorted((root / "bench_info").glob("*.json"))}
    if not files:
        raise ValueError(f"{root} has no bench_info/*.json. Expected: a checkout of the repository spcl/npbench.")
    unknown = [name for name in names if name not in files]
    if unknown:
        raise ValueError(f"no program {', '.join(unknown)} in the checkout; there are {', '.join(files)}")
    chosen = list(names) or list(files)
    return [Program(name, root, json.loads(files[name].read_text())["benchmark"]) for name in chosen]
