"""Reading the value of an array that is being differentiated, in a way that could flow back as a constant.

The gradient would be lost in silence, so that it is an error, unless `reads` or FASTVJP_READS says otherwise.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from contextvars import ContextVar

from ..core import environment
from ..core.callers import place
from ..core.program import Abstract, Var
from ..core.warnings import LostGradientWarning
from .hints import hint


class LostGradientError(TypeError):
    """A value that depends on an input being differentiated was read where it could only go on as a constant."""


MODES = ("error", "warn", "allow")

_chosen: ContextVar[str | None] = ContextVar("reads", default=None)
_warned: set[tuple[str, int]] = set()


@contextlib.contextmanager
def reads(mode: str) -> Iterator[None]:
    """What reading a value that is being differentiated is, in this thread inside a `with` block.

    Such a read (`float(x)`, `np.asarray(x)`, `math.sin(x)`, `z[0] = x` of a NumPy array `z`) gives a constant, so
    that the gradient through it is lost. FASTVJP_READS says the same for the whole process.

    Args:
        mode: "error", which is the default, "warn" to be warned once at every place, or "allow" as MLX does.

    Raises:
        ValueError: another mode.

    Example:
        >>> import fastvjp
        >>> with fastvjp.reads("allow"):
        ...     fastvjp.grad(lambda x: x * float(x))(3.0)
        array(3, dtype=float32)
    """
    token = _chosen.set(_checked(mode, "reads"))
    try:
        yield
    finally:
        _chosen.reset(token)


def _checked(mode: str, source: str) -> str:
    if mode not in MODES:
        raise ValueError(f"[{source}] Unknown mode {mode!r}. Expected: 'error', 'warn' or 'allow'.")
    return mode


def guard(var: Var, operation: str) -> None:
    """LostGradientError, or a warning, if a constant in the place of this variable would lose a gradient.

    Args:
        var: what is read.
        operation: how, where the stack does not tell what reads.
    """
    trace = var.trace
    if trace is None or type(trace) is Abstract or not trace.depends(var):  # type: ignore[union-attr]
        return
    mode = _chosen.get() or _checked(environment.reads(), "FASTVJP_READS")
    if mode == "allow":
        return
    file, line, function, source, called = place()
    if mode == "warn" and (file, line) in _warned:
        return
    shown = f"    {source}\n" if source else ""
    taker = "a store into an array" if called == "store" else called or operation
    message = (
        f"[{taker}] The gradient is lost in {function}, {file}:{line}\n"
        f"{shown}"
        f"where the value of an array that depends on an input being differentiated ({var.aval}) is taken as a "
        f"constant. Hint: {hint(called, operation)} If a constant is meant, say so: fastvjp.stop_gradient(x), or "
        f"x.item() for a number."
    )
    if mode == "error":
        raise LostGradientError(message)
    _warned.add((file, line))
    warnings.warn_explicit(message, LostGradientWarning, file, line)


def guard_libraries(var: Var, operation: str) -> None:
    """The same where NumPy or SciPy reads in a way that is free to users, who mean a constant by it."""
    if var.trace is None:
        return
    module = str(sys._getframe(2).f_globals.get("__name__", ""))
    if module.partition(".")[0] in ("numpy", "scipy"):
        guard(var, operation)


def unwrap(error: BaseException) -> None:
    """Raise the LostGradientError that NumPy, SciPy or the interpreter has put behind an error of its own."""
    if type(error) in (ValueError, SystemError) and isinstance(error.__cause__, LostGradientError):
        raise error.__cause__.with_traceback(error.__traceback__) from None
