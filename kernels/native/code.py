"""Machine code without Numba: LLVM emits it as an object file and links object files into this process."""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import re
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, cast

from ...core.forks import without_forks

ENTRY = "entry"
"""The name of the function that an object file is there for."""

SHARED = "shared "
"""How symbols begin of functions that kernels call, each of which has an object file of its own."""
SHARED_SYMBOL = SHARED + r"(\w+)\(([\w, ]+)\)"

F = TypeVar("F", bound=Callable[..., Any])
_numbers = itertools.count()


def once(function: F) -> F:
    """A function whose result is made once for each of its arguments, whatever threads ask for it.

    Code is in memory as long as its object lives: of two that threads made at once, one would be lost to the
    cache, with an address that is in use.
    """
    made: dict[tuple[Any, ...], Any] = {}
    lock = threading.RLock()

    @functools.wraps(function)
    def found(*args: Any) -> Any:
        if args not in made:
            with without_forks(), lock:  # a forked child must not find it held
                if args not in made:
                    made[args] = function(*args)
        return made[args]

    return cast(F, found)


class Code:
    """Machine code in memory, callable at its address while this object lives."""

    __slots__ = ("_kept", "address")

    def __init__(self, address: int, kept: Any) -> None:
        self.address = address
        self._kept = kept


_left: list[Any] = []
"""LLVM's parts of code that nobody has any more. They go when other code comes and interrupts wait: one that came
while they go could leave llvmlite's lock held, for good."""


class _Linked(Code):
    """Code that LLVM has linked."""

    __slots__ = ()

    def __del__(self, leave: Callable[[Any], None] = _left.append) -> None:
        leave(self._kept)


@functools.cache
def llvm() -> Any:
    """llvmlite's binding, imported when it is first needed, with this machine's target initialised."""
    import llvmlite.binding as module

    module.initialize_native_target()
    module.initialize_native_asmprinter()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_renew_lock)
    return module


def _renew_lock() -> None:
    """Objects of LLVM die in any thread, under llvmlite's lock, which in a forked child would be held for good."""
    from llvmlite.binding import ffi

    lock: Any = getattr(ffi.lib, "_lock", None)
    if hasattr(lock, "_lock"):
        lock._lock = threading.RLock()


def release_lock() -> None:
    """Let go of llvmlite's lock, for callers that are within no call of llvmlite.

    This thread holds it for good if an interrupt came while an object of LLVM died, Numba's say.
    """
    from llvmlite.binding import ffi

    lock: Any = getattr(getattr(ffi.lib, "_lock", None), "_lock", None)
    while hasattr(lock, "_is_owned") and lock._is_owned():
        lock.release()


def cpu() -> tuple[str, str]:
    """Name and features of this CPU, which machine code is made for.

    Strided loads are done one by one: Intel's gather instructions, where mended (CVE-2022-40982), take twice
    the time, and else about as long.
    """
    features = llvm().get_host_cpu_features()
    single = ["+prefer-no-gather"] if features.get("avx2") else []
    return llvm().get_host_cpu_name(), ",".join([features.flatten(), *single])


class Effort(NamedTuple):
    """What LLVM does for a function: levels of its usual passes, in order, and the level of its code generator.

    Passes of level 0 take in what is to be inlined and simplify loops, which makes more of them fit to be
    vectorised by the passes of a higher level.
    """

    passes: tuple[int, ...]
    code: int
    unrolled: bool = True
    """Whether several turns of a loop may stand side by side."""


THOROUGH = Effort((0, 2), 2)
"""For loops: takes 20 ms and more. Levels of 3 take a fifth more, for code that is no faster."""
COMPACT = Effort((0, 2), 2, False)
"""For loops that take a small part of the time: 0.6 of what is above."""
STRAIGHT = Effort((1,), 0)
"""For what runs each instruction once at most."""
CALLING = Effort((0,), 1)
"""For what calls others, which take most of its time."""
BRIEF = Effort((0,), 0)
"""For loops with next to nothing to do: takes 2 ms."""


class Program(NamedTuple):
    """Modules in LLVM's language that are compiled together."""

    modules: list[str]
    effort: Effort = THOROUGH


class _PerThread(threading.local):
    """What LLVM has for one thread at a time."""

    def __init__(self) -> None:
        self.machines: dict[int, Any] = {}


_per_thread = _PerThread()


def target_machine(level: int = 3) -> Any:
    """What emits code for this CPU, for this thread."""
    machines = _per_thread.machines
    if level not in machines:
        machines[level] = _target_machine(level)
    return machines[level]


def _target_machine(level: int) -> Any:
    """Position-independent, so that code can be put anywhere."""
    name, features = cpu()
    target = llvm().Target.from_triple(llvm().get_process_triple())
    return target.create_target_machine(cpu=name, features=features, opt=level, reloc="pic", codemodel="default")


def emit(program: Program) -> bytes:
    """An object file of a program."""
    context = llvm().create_context()  # which goes with the modules: LLVM's usual one keeps what it has seen
    modules, effort = program
    machine = target_machine(effort.code)
    layout = f'target datalayout = "{machine.target_data}"\ntarget triple = "{llvm().get_process_triple()}"\n'
    modules = [layout + modules[0], *modules[1:]]
    module, *others = [llvm().parse_assembly(text, context) for text in modules]
    for other in others:
        module.link_in(other)
    for function in module.functions:
        if function.name != ENTRY and not function.is_declaration:
            function.linkage = "linkonce_odr"  # goes where all calls are inlined; what is so before is not linked
    module.verify()
    _optimise(module, machine, effort)
    return _object_file(machine, module)


def _optimise(module: Any, machine: Any, effort: Effort) -> None:
    """LLVM's usual passes."""
    for level in effort.passes:
        options = llvm().create_pipeline_tuning_options(speed_level=level)
        options.loop_vectorization = level > 0
        options.loop_unrolling = options.loop_interleaving = effort.unrolled
        builder = llvm().create_pass_builder(machine, options)
        passes = builder.getModulePassManager()
        if level == 0:
            passes.add_loop_rotate_pass()
            passes.add_instruction_combine_pass()
            passes.add_jump_threading_pass()
            passes.add_refprune_pass()
        _without_lock("LLVMPY_RunNewModulePassManager")(passes, module, builder)
        _close(passes)


def _without_lock(name: str) -> Any:
    """One of llvmlite's functions without its lock, which lets one thread at a time into LLVM.

    Threads that share a context need that. Here each module has one of its own, and each thread its machines.
    """
    from llvmlite.binding import ffi

    function = getattr(ffi.lib, name)
    return getattr(function, "_cfn", function)


def _object_file(machine: Any, module: Any) -> bytes:
    from llvmlite.binding import ffi

    with ffi.OutputString() as error:
        buffer = _without_lock("LLVMPY_TargetMachineEmitToMemory")(machine, module, 1, error)
        if not buffer:
            raise RuntimeError(str(error))
    try:
        return ctypes.string_at(ffi.lib.LLVMPY_GetBufferStart(buffer), ffi.lib.LLVMPY_GetBufferSize(buffer))
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)


def _close(passes: Any) -> None:
    """Free a pass manager, which keeps what its passes found out: a third of a megabyte for each kernel.

    In llvmlite 0.50 its own `close` does not: what it calls is the empty `_dispose` of another base class.
    """
    from llvmlite.binding import ffi, newpassmanagers

    if type(passes)._dispose is ffi.ObjectRef._dispose:
        newpassmanagers.NewPassManager._dispose(passes)
    passes.close()


@once
def _linker() -> Any:
    # LLVM's newer linker keeps the parts of a file together, as some CPUs' addressing requires
    return llvm().create_lljit_compiler(_target_machine(3), use_jit_link=True, suppress_errors=True)


def shared_symbols(code: bytes) -> list[str]:
    """The shared functions that an object file calls."""
    return sorted({found[0].decode() for found in re.finditer(SHARED_SYMBOL.encode(), code)})


def link(code: bytes, shared: Mapping[str, int]) -> Code:
    """Put an object file into memory; RuntimeError if it calls a function that is not in this process.

    Args:
        code: the object file.
        shared: addresses of the shared functions that it calls.
    """
    builder = llvm().JITLibraryBuilder().add_object_img(code).add_current_process().export_symbol(ENTRY)
    for symbol, address in shared.items():
        builder.import_symbol(symbol, address)
    library = builder.link(_linker(), f"fastvjp{next(_numbers)}")
    _left.clear()
    return _Linked(library[ENTRY], library)


def function_of_words(address: int, arguments: int) -> Callable[..., int]:
    """Machine code that takes and returns int64 words, as a Python function; it releases the GIL."""
    # pointers take any int of their size and convert faster than c_int64
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * arguments)(address)


def callback(function: Callable[[int, int, int], int]) -> Code:
    """A Python function of three words that machine code can call; -1 stands for an exception."""

    def call(*words: int) -> int:
        try:
            return function(*words)
        except Exception:
            traceback.print_exc()
            return -1

    kept = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 3)(call)
    return Code(ctypes.cast(kept, ctypes.c_void_p).value or 0, kept)
