"""The runtime's functions and structures, as ctypes has them, and kernels linked with it."""

from __future__ import annotations

import ctypes
import functools
import itertools
import threading
from collections.abc import Callable
from typing import Any

from ...kernels.native import code as native
from . import compiler
from .errors import error

NAME = "fastvjp_metal_runtime"
_numbers = itertools.count()
lock = threading.RLock()
"""Held while a kernel is linked or runs: the runtime's state is global."""


class Region(ctypes.Structure):
    """Memory whose accesses are checked."""

    _fields_ = [
        ("base", ctypes.c_uint64), ("size", ctypes.c_uint64), ("cells", ctypes.c_void_p),
        ("granule", ctypes.c_uint32), ("fresh", ctypes.c_uint32), ("written", ctypes.c_uint32),
        ("unused", ctypes.c_uint32),
    ]  # fmt: skip


class Report(ctypes.Structure):
    """What went wrong, where."""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("kind", "thread", "group", "other", "other_group")),
        *((name, ctypes.c_uint32) for name in ("size", "write", "line")),
        ("buffer", ctypes.c_int32), ("unused", ctypes.c_uint32), ("offset", ctypes.c_int64),
        ("name", ctypes.c_char_p),
    ]  # fmt: skip


class Dispatch(ctypes.Structure):
    """One run of a kernel."""

    _fields_ = [
        ("entry", ctypes.c_void_p), ("buffers", ctypes.POINTER(Region)), ("buffer_count", ctypes.c_uint32),
        ("group_size", ctypes.c_uint32), ("groups", ctypes.c_uint32), ("checked", ctypes.c_uint32),
        ("code_size", ctypes.c_uint64), ("time_limit", ctypes.c_double),
        *((name, ctypes.c_uint32) for name in ("flush", "regroup", "late", "no_simd")),
        ("operations", ctypes.c_uint64), ("report", Report),
    ]  # fmt: skip


class Runtime:
    """The runtime in this process's memory."""

    def __init__(self) -> None:
        builder = native.llvm().JITLibraryBuilder().add_current_process()
        for code in compiler.compile_runtime():
            builder.add_object_img(code)
        names = ("run_dispatch", "guard", "fill_poison")
        for name in names:
            builder.export_symbol(name)
        self._linker = native.llvm().create_lljit_compiler(
            native.target_machine(), use_jit_link=True, suppress_errors=True
        )
        self._library = builder.link(self._linker, NAME)
        word = ctypes.c_uint64
        self.run_dispatch = self._function("run_dispatch", None, ctypes.POINTER(Dispatch))
        self.guard = self._function("guard", ctypes.c_int, ctypes.c_void_p, word)
        self.fill_poison = self._function("fill_poison", None, ctypes.c_void_p, word)

    def _function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        return ctypes.CFUNCTYPE(result, *arguments)(self._library[name])

    def link(self, code: bytes, names: list[str]) -> Any:
        """Put a shader into memory; the result maps these names to addresses while it lives."""
        builder = native.llvm().JITLibraryBuilder().add_object_img(code)
        builder.add_jit_library(NAME).add_current_process()
        for name in names:
            builder.export_symbol(name)
        try:
            return builder.link(self._linker, f"shader{next(_numbers)}")
        except RuntimeError as problem:
            raise error(f"[metal] The kernel cannot be linked: {problem}. Hint: define all functions.") from None


@functools.cache
def runtime() -> Runtime:
    """Compiled and linked when it is first needed."""
    return Runtime()
