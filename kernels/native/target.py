"""A Numba target that ends where LLVM begins: functions become text in LLVM's language, and nothing else.

Numba's own target optimises every function that another one calls and makes machine code of it, though the
caller takes it in all the same. Here code.py does so once, of a kernel as a whole.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from numba.core import cgutils, codegen, compiler, cpu, dispatcher, fastmathpass, registry, typing
from numba.core.descriptors import TargetDescriptor
from numba.core.target_extension import CPU, dispatcher_registry, jit_registry, target_override, target_registry
from numba.np.ufunc.dufunc import DUFunc

NAME = "fastvjp"
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
INSIDE: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""For functions that only other jitted ones call: what Python would call them through takes time to compile."""


class Library(codegen.JITCodeLibrary):
    """The texts of a function and of all that it calls."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.texts: dict[str, None] = {}

    def add_ir_module(self, ir_module: Any) -> None:
        """Add a text."""
        self.texts[cgutils.normalize_ir_text(str(ir_module))] = None

    def add_llvm_module(self, ll_module: Any) -> None:
        """Add one that is no text."""
        self.texts[str(ll_module)] = None

    def add_linking_library(self, library: Any) -> None:
        """Add those of a function that is called."""
        self.texts |= library.texts


class Codegen(codegen.JITCPUCodegen):
    """What makes libraries."""

    _library_class = Library


class Types(typing.Context):
    """The types of what functions can call."""

    def resolve_value_type(self, val: Any) -> Any:
        """Functions that are jitted for Numba's own target are compiled for this one."""
        kind = type(val)
        if issubclass(kind, DUFunc):
            val = _here(val._dispatcher)
        elif issubclass(kind, dispatcher.Dispatcher) and not issubclass(kind, Dispatcher):
            val = _here(val)
        return super().resolve_value_type(val)


class Lowering(cpu.CPUContext):
    """How what functions can call becomes LLVM's language."""

    def init(self) -> None:
        """Set up what text is made with."""
        super().init()
        self._internal_codegen = Codegen(NAME)

    def post_lowering(self, mod: Any, library: Any) -> None:
        """Grant what a loop may do to sums; Numba's runtime, which counts references, is not linked."""
        if self.fastmath:
            fastmathpass.rewrite_module(mod, self.fastmath)

    def get_executable(self, library: Any, fndesc: Any, env: Any) -> Any:
        """What a function is found by: there is nothing to execute."""
        return fndesc


class Target(TargetDescriptor):
    """What belongs together."""

    options = cpu.CPUTargetOptions

    @functools.cached_property
    def typing_context(self) -> Types:
        """Of all functions."""
        return Types()

    @functools.cached_property
    def target_context(self) -> Lowering:
        """Of all functions."""
        return Lowering(self.typing_context, NAME)


class Dispatcher(dispatcher.Dispatcher):
    """A function and its compiled forms, which Python cannot call."""

    targetdescr = Target(NAME)

    def add_overload(self, cres: Any) -> None:
        """Add a compiled form."""
        self.overloads[tuple(cres.signature.args)] = cres


class FastVJP(CPU):
    """By its name Numba knows the target; it has all that the CPU has."""


def jit(
    pipeline: type[compiler.CompilerBase] = compiler.Compiler,
    locals: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Numba's decorator for this target."""
    options["nopython"] = True
    return lambda function: Dispatcher(
        function, locals=dict(locals or {}), targetoptions=options, pipeline_class=pipeline
    )


def inner(function: Callable[..., Any], forceinline: bool = False) -> Any:
    """A function that only what is compiled here calls.

    What a loop may do to its sums, functions that it calls may not: Numba would hand that down.
    """
    _load()
    return jit(**OPTIONS, **INSIDE, fastmath=False, forceinline=forceinline, _nrt=True)(function)


@functools.lru_cache(maxsize=256)
def _here(function: Any) -> Dispatcher:
    """A function that is jitted for another target."""
    return inner(function.py_func)


target_registry[NAME] = FastVJP
dispatcher_registry[FastVJP] = Dispatcher
jit_registry[FastVJP] = jit


def current() -> AbstractContextManager[None]:
    """While something is compiled."""
    return target_override(NAME)


@functools.cache
def _load() -> None:
    """Load all that Numba can compile."""
    registry.cpu_target.target_context.refresh()  # Numba's runtime belongs to its own target, whoever is first
    for part in (Dispatcher.targetdescr.target_context, Dispatcher.targetdescr.typing_context):
        part.load_additional_registries()
