"""The clang inside ziglang: shaders and the runtime become object files, which are kept in the kernel cache."""

from __future__ import annotations

import functools
import hashlib
import platform
import subprocess
import sys
import tempfile
import threading
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ... import environment
from ...kernels import cache, native
from .errors import error

FOLDER = Path(__file__).parent
INCLUDE = FOLDER / "include"
RUNTIME = FOLDER / "runtime"

LANGUAGE = (
    "-x clcpp -cl-std=clc++2021 -cl-no-stdinc -nostdinc -fno-builtin -fPIC -fwrapv -fno-finite-loops "
    "-fno-strict-float-cast-overflow -fno-strict-aliasing -fno-asynchronous-unwind-tables -Wno-everything "
    "-Werror=uninitialized -Xclang -cl-ext=-all "
    "-Xclang -cl-ext=+cl_khr_fp16,+__opencl_c_generic_address_space"
).split()
UNCHECKED = ["-O1"]
CHECKED = (
    "-O1 -fsanitize=thread,bounds -fno-sanitize-trap=all -fno-sanitize-recover=all -ftrivial-auto-var-init=pattern "
    "-mllvm -tsan-instrument-func-entry-exit=0 -mllvm -tsan-instrument-read-before-write=1 "
    "-mllvm -tsan-handle-cxx-exceptions=0"
).split()
FAST_MATH = ["-ffast-math", "-ffp-contract=fast"]
NO_FAST_MATH = ["-ffp-contract=off"]
NEVER_SPECIAL = (" nofpclass(nan inf)", '"no-nans-fp-math"="true"', '"no-infs-fp-math"="true"')
"""What this clang says under fast math of every parameter, result and function, and not only of operations. As it
also makes comparisons of floats from those of bits, no test of bits could be right. It is taken out: whether Metal's
compilers do the same is unknown, and the pragma of scalars.metal turns fast math off in those that heed it."""

_lock = threading.Lock()


def compile_shader(text: str, *, checked: bool, fast_math: bool) -> bytes:
    """The object file of a translated shader; `error` with clang's text where it is refused."""
    flags = _flags(checked, fast_math)
    path = _path(text, *flags)
    code = cache.load(path) if path is not None else None
    if code is None:
        front = [*flags, "-include-pch", str(_precompiled(checked, fast_math))]
        if fast_math:
            listing = _clang([*front, "-S", "-emit-llvm", "-Xclang", "-disable-llvm-passes", "-o", "-", "-"], text)
            text = functools.reduce(lambda code, words: code.replace(words, ""), NEVER_SPECIAL, listing.decode())
            front = [*_target(), "-x", "ir", "-fPIC", "-Wno-everything", *(CHECKED if checked else UNCHECKED)]
        code = _clang([*front, "-c", "-o", "-", "-"], text)
        if path is not None:
            cache.store(path, code)
    return code


def compile_runtime() -> list[bytes]:
    """The object files of the runtime, which is C."""
    found = []
    headers = "".join(path.read_text() for path in sorted(RUNTIME.glob("*.h")))
    for source in sorted(RUNTIME.glob("*.c")):
        flags = ["-std=gnu11", "-O2", "-fPIC", "-fno-sanitize=all", "-fno-stack-protector", "-U_FORTIFY_SOURCE"]
        flags += ["-fno-asynchronous-unwind-tables", "-fno-strict-aliasing", "-target", _zig_target()]
        path = _path(source.name + source.read_text() + headers, *flags)
        code = cache.load(path) if path is not None else None
        if code is None:
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "runtime.o"
                places = {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder}
                command = [_zig(), "cc", *flags, "-c", str(source), "-o", str(out)]
                _run(command, None, environment.with_variables(places))
                code = out.read_bytes()
            if path is not None:
                cache.store(path, code)
        found.append(code)
    return found


@functools.cache
def _zig() -> str:
    found = find_spec("ziglang")
    if found is None or found.origin is None:
        raise error("[metal] The emulator needs clang. Hint: pip install 'fastvjp[emulator]' (the package ziglang).")
    return str(Path(found.origin).parent / "zig")


@functools.cache
def _zig_target() -> str:
    machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())
    return f"{machine}-macos" if sys.platform == "darwin" else f"{machine}-linux-gnu"


@functools.cache
def _target() -> tuple[str, ...]:
    target = [f"--target={native.llvm().get_process_triple()}"]
    name, features = native.cpu()
    target += ["-Xclang", "-target-cpu", "-Xclang", name]
    for feature in features.split(","):
        target += ["-Xclang", "-target-feature", "-Xclang", feature] if feature.startswith(("+f16c", "+fma")) else []
    return tuple(target)


def _flags(checked: bool, fast_math: bool) -> tuple[str, ...]:
    """Of clang; they are also part of what a compiled shader is kept under."""
    math = FAST_MATH if fast_math else NO_FAST_MATH
    return (*_target(), *LANGUAGE, *(CHECKED if checked else UNCHECKED), *math)


@functools.cache
def _circumstances() -> bytes:
    headers = b"".join(path.read_bytes() for path in sorted(INCLUDE.glob("*.h")))
    return hashlib.sha256(
        headers + repr(NEVER_SPECIAL).encode() + str(INCLUDE).encode() + version("ziglang").encode()
    ).digest()


def _path(text: str, *flags: str) -> Path | None:
    folder = cache.directory()
    key = hashlib.sha256(_circumstances() + repr(flags).encode() + text.encode()).hexdigest()
    return None if folder is None else folder / (key + cache.SUFFIX)


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fastvjp")


@functools.cache
def _precompiled(checked: bool, fast_math: bool) -> Path:
    """The header that stands in front of every shader, precompiled once for these flags, in this process's files."""
    with _lock:
        path = Path(_temporary().name) / f"metal_stdlib-{checked:d}{fast_math:d}.pch"
        kept = _path("precompiled", *_flags(checked, fast_math))
        code = cache.load(kept) if kept is not None else None
        if code is None:
            header = INCLUDE / "metal_stdlib.h"
            code = _clang([*_flags(checked, fast_math), "-Xclang", "-emit-pch", "-Xclang", "-fno-pch-timestamp",
                           "-o", "-", "-c", str(header)], "")  # fmt: skip
            if kept is not None:
                cache.store(kept, code)
        path.write_bytes(code)
        return path


def _clang(arguments: list[str], text: str) -> bytes:
    return _run([_zig(), "clang", *arguments], text, None)


def _run(command: list[str], text: str | None, variables: dict[str, str] | None) -> bytes:
    done = subprocess.run(command, input=(text or "").encode(), capture_output=True, env=variables, check=False)
    if done.returncode != 0:
        raise error("[metal] The text does not compile.\n" + done.stderr.decode(errors="replace").strip())
    return done.stdout
