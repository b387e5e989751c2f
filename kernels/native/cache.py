"""Compiled kernels on disk: one file for each, named by a hash of all that its machine code depends on.

A file is a checksum and an object file. It is written under another name and then renamed, so that processes
never read each other's half-written files; what is damaged all the same is compiled and written again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import sys
import threading
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ...core import environment
from ...core.warnings import CacheWarning
from . import code as native

LIMIT = 256 << 20
"""Bytes of all files together, more or less: the size is looked at rarely."""
CHECK_EVERY = 256
"""Files that a process writes from one look to the next, the first of which is at its first file."""
DAY = 86400
SUFFIX = ".kernel"

SOURCE = (".py", ".metal", ".h", ".c")
"""Endings of the files that a package is made of."""


def hashes_of_sources(package: Path) -> dict[str, bytes]:
    """A hash of the content of each source file of a package, at any depth, by its path in the package."""
    found = {}
    for folder, folders, files in os.walk(package, followlinks=True):
        folders.sort()
        for name in sorted(files):
            if name.endswith(SOURCE):  # plain strings, as every process does this for hundreds of files
                path = os.path.join(folder, name)
                with open(path, "rb", buffering=0) as file:
                    content = file.read()
                found[path[len(str(package)) + 1 :].replace(os.sep, "/")] = hashlib.sha256(content).digest()
    return found


PACKAGE = Path(__file__).parents[2]
_SOURCES = hashes_of_sources(PACKAGE)
"""Read as this module is imported: an edit later on is not what this process compiles."""


def check_unchanged(path: str, content: bytes) -> None:
    """RuntimeError if a file of this package is no longer what was imported: its functions are read from it."""
    if hashlib.sha256(content).digest() != _SOURCES.get(Path(path).relative_to(PACKAGE).as_posix()):
        raise RuntimeError(f"{path} has changed since it was imported. Hint: restart Python.")


_stored = itertools.count()
_refused = itertools.count()


@functools.cache
def directory() -> Path | None:
    """Where files are kept, or None if nowhere."""
    given = environment.cache_dir()
    if given is None:
        from platformdirs import user_cache_dir

        given = user_cache_dir("fastvjp", appauthor=False)
    return Path(given).expanduser() if given else None


@functools.cache
def _circumstances() -> bytes:
    """What all machine code of this process depends on."""
    import llvmlite
    import numpy

    spec = find_spec("numba")  # without importing it
    assert spec is not None
    assert spec.origin is not None
    numba = Path(spec.origin).with_name("_version.py")
    facts = (sys.version, llvmlite.__version__, numpy.__version__, *native.cpu(), environment.numba_options())
    return repr(_SOURCES).encode() + numba.read_bytes() + repr(facts).encode()


def path_of(text: str) -> Path | None:
    """The file for the kernel that this text describes; None if nothing is kept."""
    folder = directory()
    if folder is None:
        return None
    return folder / (hashlib.sha256(_circumstances() + text.encode()).hexdigest() + SUFFIX)


def load(path: Path) -> bytes | None:
    """The object file that was stored there, or None."""
    try:
        data = path.read_bytes()
        if time.time() - path.stat().st_mtime > DAY:
            os.utime(path)  # files that were not used for longest go first
    except OSError:
        return None
    checksum, code = data[:32], data[32:]
    return code if hashlib.sha256(code).digest() == checksum else None


def store(path: Path, code: bytes) -> None:
    """Keep an object file; where that cannot be, warn once if the directory is the user's choice."""
    unfinished = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}{SUFFIX}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(hashlib.sha256(code).digest() + code)
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        if next(_stored) % CHECK_EVERY == 0:
            _remove_oldest(path.parent)
    except OSError as error:
        if environment.cache_dir() and next(_refused) == 0:
            warnings.warn(
                f"[FASTVJP_CACHE_DIR] Compiled kernels cannot be kept in {path.parent}: {error}. They are "
                f"compiled again in every process. Hint: name a directory that can be written, or 'off'.",
                CacheWarning,
                stacklevel=2,
            )


class File(NamedTuple):
    """A kernel on disk: sorted, those that were not used for longest come first."""

    used: float
    """When, in seconds."""
    size: int
    path: Path


def files(folder: Path) -> list[File]:
    """All that are kept in a folder."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            if entry.name.endswith(SUFFIX):
                with contextlib.suppress(FileNotFoundError):  # another process may remove it
                    status = entry.stat()
                    found.append(File(status.st_mtime, status.st_size, Path(entry.path)))
    return found


def _remove_oldest(folder: Path) -> None:
    """Keep to the limit, and well below where it was passed."""
    kept = files(folder)
    excess = sum(file.size for file in kept) - LIMIT
    if excess <= 0:
        return
    excess += LIMIT // 4
    for file in sorted(kept):
        if excess <= 0:
            break
        file.path.unlink(missing_ok=True)
        excess -= file.size
