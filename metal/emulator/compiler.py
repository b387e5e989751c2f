"""The clang inside ziglang: shaders and the runtime become object files, which are kept in the kernel cache."""

from __future__ import annotations

import atexit
import functools
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ...core import environment
from ...kernels.native import cache
from ...kernels.native import code as native
from .errors import error

FOLDER = Path(__file__).parent
INCLUDE = FOLDER / "include"
RUNTIME = FOLDER / "runtime"

# Metal's address spaces and half, no double; C++ without the undefined behaviour that Metal does not have
LANGUAGE = [
    *("-x", "clcpp", "-cl-std=clc++2021", "-cl-no-stdinc", "-nostdinc", "-fno-builtin", "-fPIC"),
    *("-Xclang", "-cl-ext=-all", "-Xclang", "-cl-ext=+cl_khr_fp16,+__opencl_c_generic_address_space"),
    *("-fwrapv", "-fno-finite-loops", "-fno-strict-float-cast-overflow", "-fno-strict-aliasing"),
    *("-fno-asynchronous-unwind-tables", "-fstack-clash-protection", "-Wno-everything"),
    *("-Werror=uninitialized", "-Wno-sometimes-uninitialized"),
]
UNCHECKED = ["-O1"]
# the sanitizers' calls go to the runtime
CHECKED = [
    *("-O1", "-fsanitize=thread,bounds,integer-divide-by-zero", "-fno-sanitize-trap=all"),
    *("-fno-sanitize-recover=all", "-ftrivial-auto-var-init=pattern"),
    *("-mllvm", "-tsan-instrument-func-entry-exit=0", "-mllvm", "-tsan-instrument-read-before-write=1"),
    *("-mllvm", "-tsan-handle-cxx-exceptions=0"),
]
FAST_MATH = ["-ffast-math", "-ffp-contract=fast"]
NO_FAST_MATH = ["-ffp-contract=off"]
NEVER_SPECIAL = (" nofpclass(nan inf)",)
"""What this clang says under fast math of every parameter and result, and not only of operations and functions. As
it also makes comparisons of floats from those of bits, no test of bits could be right. It is taken out: Metal's
compilers, up to those of macOS 27, do not say it."""
FLUSH = ["-fdenormal-fp-math=preserve-sign,preserve-sign"]
"""Subnormals are zero: without it clang makes comparisons with zero of tests of bits."""

_lock = threading.Lock()


def compile_shader(text: str, *, checked: bool, fast_math: bool, flush: bool = False) -> bytes:
    """The object file of a translated shader; `error` with clang's text where it is refused."""
    flags = _flags(checked, fast_math, flush)

    def compiled() -> bytes:
        front = [*flags, "-include-pch", str(_precompiled(checked, fast_math, flush))]
        if not fast_math:
            return _clang([*front, "-c", "-o", "-", "-"], text)
        listing = _clang(
            [*front, "-S", "-emit-llvm", "-Xclang", "-disable-llvm-passes", "-o", "-", "-"], text
        ).decode()
        for words in NEVER_SPECIAL:
            listing = listing.replace(words, "")
        back = [*_target(), "-x", "ir", "-fPIC", "-Wno-everything", *(CHECKED if checked else UNCHECKED)]
        return _clang([*back, "-c", "-o", "-", "-"], listing)

    return _kept(text, flags, compiled)


def compile_runtime() -> list[bytes]:
    """The object files of the runtime, which is C."""
    return [_compile_c(source) for source in sorted(RUNTIME.glob("*.c"))]


def _compile_c(source: Path) -> bytes:
    flags = ["-std=gnu11", "-O2", "-fPIC", "-fno-sanitize=all", "-fno-stack-protector", "-U_FORTIFY_SOURCE"]
    flags += ["-fno-asynchronous-unwind-tables", "-fno-strict-aliasing", "-target", _zig_target()]
    headers = "".join(path.read_text() for path in sorted(RUNTIME.glob("*.h")))

    def compiled() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "runtime.o"
            places = {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder}
            _run([_zig(), "cc", *flags, "-c", str(source), "-o", str(out)], "", environment.with_variables(places))
            return out.read_bytes()

    return _kept(source.name + source.read_text() + headers, tuple(flags), compiled)


@functools.cache
def _precompiled(checked: bool, fast_math: bool, flush: bool) -> Path:
    """The header in front of every shader, precompiled for these flags, as a file of this process."""
    flags = _flags(checked, fast_math, flush)
    arguments = ["-Xclang", "-emit-pch", "-Xclang", "-fno-pch-timestamp", "-o", "-", "-c"]
    header = str(INCLUDE / "metal_stdlib.h")
    with _lock:
        path = _folder() / f"metal_stdlib-{checked:d}{fast_math:d}{flush:d}.pch"
        path.write_bytes(_kept("precompiled", flags, lambda: _clang([*flags, *arguments, header], "")))
        return path


def _kept(text: str, flags: tuple[str, ...], compile_: Callable[[], bytes]) -> bytes:
    """What is compiled from a text with these flags, from the cache where it is there."""
    folder = cache.directory()
    if folder is None:
        return compile_()
    key = hashlib.sha256(_circumstances() + repr(flags).encode() + text.encode()).hexdigest()
    path = folder / (key + cache.SUFFIX)
    code = cache.load(path)
    if code is None:
        code = compile_()
        cache.store(path, code)
    return code


@functools.cache
def _circumstances() -> bytes:
    """What all that is compiled depends on; a precompiled header also on its place."""
    headers = b"".join(path.read_bytes() for path in sorted(INCLUDE.glob("*.h")))
    return hashlib.sha256(repr((headers, NEVER_SPECIAL, str(INCLUDE), version("ziglang"))).encode()).digest()


@functools.cache
def _target() -> tuple[str, ...]:
    name, features = native.cpu()
    flags = [f"--target={native.llvm().get_process_triple()}", "-Xclang", "-target-cpu", "-Xclang", name]
    for feature in sorted({"+f16c", "+fma"} & set(features.split(","))):
        flags += ["-Xclang", "-target-feature", "-Xclang", feature]
    return tuple(flags)


@functools.cache
def _flags(checked: bool, fast_math: bool, flush: bool) -> tuple[str, ...]:
    math = FAST_MATH if fast_math else NO_FAST_MATH
    return (*_target(), *LANGUAGE, *(CHECKED if checked else UNCHECKED), *math, *(FLUSH if flush else ()))


@functools.cache
def _folder() -> Path:
    """For files of this process."""
    folder = tempfile.mkdtemp(prefix="fastvjp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def check_compiler() -> None:
    """Raise `error` where there is none."""
    _zig()


@functools.cache
def _zig() -> str:
    found = find_spec("ziglang")
    if found is None or found.origin is None:
        raise error(
            "[metal] The emulator needs clang. Hint: pip install 'fastvjp[emulator]' (the package ziglang)."
        )
    return str(Path(found.origin).parent / "zig")


def _zig_target() -> str:
    machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())
    return f"{machine}-macos" if sys.platform == "darwin" else f"{machine}-linux-gnu"


def _clang(arguments: list[str], text: str) -> bytes:
    return _run([_zig(), "clang", *arguments], text, None)


def _run(command: list[str], text: str, variables: dict[str, str] | None) -> bytes:
    done = subprocess.run(command, input=text.encode(), capture_output=True, env=variables, check=False)
    if done.returncode != 0:
        raise error("[metal] The text does not compile.\n" + done.stderr.decode(errors="replace").strip())
    return done.stdout
