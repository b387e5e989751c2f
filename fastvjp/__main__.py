"""`python -m fastvjp`: what a report of a fault should contain, the kept kernels, and `explain` of a function."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import fastvjp

from .core import environment
from .devices.choice import NAMES, why_unavailable
from .kernels.native import cache
from .kernels.native import code as native

BESIDE = ("numpy", "scipy", "numba", "llvmlite", "ml_dtypes", "tbb", "metalcompute", "ziglang")
"""Packages whose versions make a difference."""


class Misuse(ValueError):
    """Arguments that mean nothing; what a user's own function raises is not this."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the status of the process."""
    parser = argparse.ArgumentParser("python -m fastvjp", description=fastvjp.__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("info", help="versions, devices, processor, threads, settings")
    command.set_defaults(run=lambda _: info())

    command = commands.add_parser("cache", help="where compiled kernels are kept, and how many bytes of them")
    command.add_argument("--clear", action="store_true", help="remove them")
    command.set_defaults(run=lambda given: kept(given.clear))

    command = commands.add_parser("explain", help="how the gradient of a function is computed")
    command.add_argument("function", metavar="FILE:FUNCTION")
    command.add_argument(
        "--shape",
        action="append",
        default=[],
        help="of an argument, say 3,4 ('' for a number); once for each, in order; the arguments are random",
    )
    command.add_argument("--dtype", default="float64", help="of the arguments (default: %(default)s)")
    command.set_defaults(run=lambda given: explain(given.function, given.shape, given.dtype))

    given = parser.parse_args(arguments)
    try:
        lines: Iterator[str] = given.run(given)
        for line in lines:
            print(line)
    except Misuse as error:
        parser.error(str(error))
    return 0


def info() -> Iterator[str]:
    """What somebody who looks into a fault would ask."""
    yield f"fastvjp {fastvjp.__version__} in {Path(fastvjp.__file__).parent}"
    yield f"Python {platform.python_version()} ({platform.python_implementation()}), {platform.platform()}"
    for name in BESIDE:
        yield f"{name} {_version(name)}"
    yield f"BLAS of NumPy: {_blas()}"
    yield f"processor: {native.cpu()[0]}, {os.cpu_count()} cores, {fastvjp.num_threads()} threads in use"
    for name in NAMES:
        yield f"device {name}: {why_unavailable(name) or 'available'}"
    try:
        yield f"default device: {fastvjp.default_device()}"
    except ValueError as error:
        yield f"default device: none. {error}"
    yield from kept(clear=False)
    for name, value in environment.settings().items():
        yield f"{name}={value}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "is not installed"


def _blas() -> str:
    config: Any = np.show_config(mode="dicts")
    blas = config.get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".rstrip()


def kept(clear: bool) -> Iterator[str]:
    """What is in the folder of compiled kernels; with `clear` they are removed."""
    folder = cache.directory()
    if folder is None:
        yield "kernels are not kept: FASTVJP_CACHE_DIR is off"
        return
    files = cache.files(folder)
    size = sum(file.size for file in files)
    if clear:
        for file in files:
            file.path.unlink(missing_ok=True)
    yield f"{'removed' if clear else 'kept'} {len(files)} kernels of {size / 1e6:.1f} MB in {folder}"


def explain(name: str, shapes: Sequence[str], dtype: str) -> Iterator[str]:
    """`fastvjp.explain` of a function in a file, at random arguments and cotangents of 1."""
    fun = _function(name)
    rng = np.random.default_rng(0)
    try:
        primals = [rng.normal(size=_shape(text)).astype(dtype) for text in shapes]
    except TypeError as error:
        raise Misuse(f"[explain] --dtype {dtype}: {error}") from None
    if not primals:
        raise Misuse(f"[explain] {name} is called with no arguments. Hint: --shape 3,4 for each of them.")
    outputs = fun(*map(fastvjp.array, primals))
    cotangents = fastvjp.tree_map(fastvjp.ones_like, outputs)
    yield str(fastvjp.explain(fun, primals, cotangents if isinstance(outputs, tuple | list) else [cotangents]))


def _function(name: str) -> Callable[..., Any]:
    """The function that FILE:FUNCTION names; the file is run as an import runs it, with its folder on the path."""
    file, _, function = name.rpartition(":")
    path = Path(file).resolve()
    if not file or not path.is_file():
        raise Misuse(f"[explain] Expected FILE:FUNCTION, as in model.py:loss, and a file, got {name!r}.")
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise Misuse(f"[explain] {file} is no file of Python's.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    fun = getattr(module, function, None)
    if not callable(fun):
        names = [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]
        raise Misuse(f"[explain] {file} has no function {function!r}. It has: {', '.join(names)}.")
    return fun


def _shape(text: str) -> tuple[int, ...]:
    """Of `3,4`; () of the empty text."""
    try:
        return tuple([int(part) for part in text.split(",") if part.strip()])
    except ValueError:
        raise Misuse(f"[explain] Expected a shape such as 3,4, got {text!r}.") from None


if __name__ == "__main__":
    sys.exit(main())
