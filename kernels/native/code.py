"""Machine code without Numba: LLVM emits it as an object file and links object files into this process."""

from __future__ import annotations

import ctypes
import functools
import itertools
import traceback
from collections.abc import Callable
from typing import Any

ENTRY = "entry"
"""The name of the function that an object file is there for."""

_numbers = itertools.count()


class Code:
    """Machine code in memory, callable at its address while this object lives."""

    __slots__ = ("_kept", "address")

    def __init__(self, address: int, kept: Any) -> None:
        self.address = address
        self._kept = kept


@functools.cache
def llvm() -> Any:
    """llvmlite's binding, imported when it is first needed, with this machine's target initialised."""
    import llvmlite.binding as module

    module.initialize_native_target()
    module.initialize_native_asmprinter()
    return module


def cpu() -> tuple[str, str]:
    """Name and features of this CPU, which machine code is made for.

    Strided loads are done one by one: Intel's gather instructions, where mended (CVE-2022-40982), take twice
    the time, and else about as long.
    """
    features = llvm().get_host_cpu_features()
    single = ["+prefer-no-gather"] if features.get("avx2") else []
    return llvm().get_host_cpu_name(), ",".join([features.flatten(), *single])


def target_machine() -> Any:
    """What emits code for this CPU; position-independent, so that it can be put anywhere."""
    name, features = cpu()
    target = llvm().Target.from_triple(llvm().get_process_triple())
    return target.create_target_machine(cpu=name, features=features, opt=3, reloc="pic", codemodel="default")


def emit(modules: list[str]) -> bytes:
    """An object file of these modules in LLVM's language."""
    context = llvm().create_context()  # which goes with the modules: LLVM's usual one keeps what it has seen
    machine = target_machine()
    layout = f'target datalayout = "{machine.target_data}"\ntarget triple = "{llvm().get_process_triple()}"\n'
    modules = [modules[0].join([layout, ""]), *modules[1:]]
    module, *others = [llvm().parse_assembly(text, context) for text in modules]
    for other in others:
        module.link_in(other)
    for function in module.functions:
        if function.name != ENTRY and not function.is_declaration:
            function.linkage = "linkonce_odr"  # goes where all calls are inlined; what is so before is not linked
    module.verify()
    _optimise(module, machine)
    return machine.emit_object(module)


def _optimise(module: Any, machine: Any) -> None:
    """LLVM's usual passes, and before these what makes more loops fit to be vectorised."""
    for level in (0, 3):
        options = llvm().create_pipeline_tuning_options(speed_level=level)
        options.loop_vectorization = level > 0
        builder = llvm().create_pass_builder(machine, options)
        passes = builder.getModulePassManager()
        if level == 0:
            passes.add_loop_rotate_pass()
            passes.add_instruction_combine_pass()
            passes.add_jump_threading_pass()
            passes.add_refprune_pass()
        passes.run(module, builder)
        _close(passes)


def _close(passes: Any) -> None:
    """Free a pass manager, which keeps what its passes found out: a third of a megabyte for each kernel.

    In llvmlite 0.50 its own `close` does not: what it calls is the empty `_dispose` of another base class.
    """
    from llvmlite.binding import ffi, newpassmanagers

    if type(passes)._dispose is ffi.ObjectRef._dispose:
        newpassmanagers.NewPassManager._dispose(passes)
    passes.close()


@functools.cache
def _linker() -> Any:
    # LLVM's newer linker keeps the parts of a file together, as some CPUs' addressing requires
    return llvm().create_lljit_compiler(target_machine(), use_jit_link=True, suppress_errors=True)


def link(code: bytes) -> Code:
    """Put an object file into memory; RuntimeError if it calls a function that is not in this process."""
    builder = llvm().JITLibraryBuilder().add_object_img(code).add_current_process().export_symbol(ENTRY)
    library = builder.link(_linker(), f"fastvjp{next(_numbers)}")
    return Code(library[ENTRY], library)


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
