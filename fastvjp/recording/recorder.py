"""Who records: the recording of each thread, `bind` (every op passes through it), reading values, running.

One recording per thread is open at a time. A nested transform records in the enclosing one, so that the enclosing
transform can differentiate or batch what it did; only the outermost one runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from .. import devices
from ..core.avals import Aval
from ..core.primitive import Primitive
from ..core.program import Abstract, Buffer, Op, Uniform, Var
from .dependence import Differentiated
from .reads import unwrap
from .ready import Ready, TracedValueError, known
from .trace import Named, Trace

_open: ContextVar[Trace | None] = ContextVar("open", default=None)
current: Callable[[], Trace | None] = _open.get
"""The open recording of this thread."""


switch: Callable[[Trace | None], object] = _open.set
"""Make another recording the open one."""


class Recording:
    """Ops of this thread are recorded, not run, while it is the open one.

        recording = Recording()
        try:
            switch(recording.trace)
            ...
        finally:
            switch(recording.before)
            recording.end()

    No interrupt leaves it open: Python raises one behind a call or at the first instruction of a Python function.
    So it comes before `switch` is called or when all is done, but it could come before all that the `__exit__` of
    a context manager does.
    """

    __slots__ = ("around", "before", "handled", "memo", "numpy", "once", "outermost", "start", "trace")

    def __init__(self) -> None:
        self.before = before = current()
        """What is open around it."""
        self.outermost = before is None
        self.trace = trace = before or Trace()
        self.start = 0 if before is None else before.size()
        self.around = trace.differentiated
        self.once = trace.once
        self.handled = sys.exception()
        self.memo: Any = None
        """What a transform has remembered with what it has derived."""
        self.numpy = 0
        """Of the outermost recording: how many results, from the first on, are handed out as NumPy's arrays."""

    def end(self) -> None:
        """Let go of what was recorded."""
        if self.outermost:
            self.trace.close()
        else:
            self.trace.differentiated, self.trace.once = self.around, self.once
        error = sys.exception()
        if error is not self.handled and error is not None:
            unwrap(error)

    def differentiate(self, inputs: Sequence[Var]) -> None:
        """Until results are derived, reading what depends on these variables loses a gradient."""
        self.trace.differentiated = Differentiated(inputs, self.trace.node, self.around)

    def span(self, start: int | None = None, stop: int | None = None) -> list[Op]:
        """The ops from one position to another, by default those recorded since this recording began."""
        return self.trace.listing().ops[self.start if start is None else start : stop]

    def call(
        self, transform: Hashable, given: Sequence[Named], derive: Callable[..., list[Var]], *operands: Any
    ) -> Sequence[Var]:
        """What a transform derives from the recorded ops by emitting further ones: `derive(*operands)`.

        It must depend on nothing but `transform`, the recorded ops and `given`: it is a recorded call, and a
        repeated one does not derive again. Inputs of a transform are known by how many they are, and by how many
        ops were recorded when they entered.
        """
        self.trace.differentiated = self.around
        if self.trace.capturing:
            return derive(*operands)
        return self.trace.call(self.trace.key(transform, given), partial(derive, *operands))

    def run(self, results: Sequence[Var]) -> Sequence[Any]:
        """Run what `results` need if this is the outermost recording; otherwise leave it to that."""
        if not self.outermost:
            return results
        return self.ready(results).run(self.trace.leaves, self.numpy)

    def finish(
        self, transform: Hashable, given: Sequence[Named], derive: Callable[..., list[Var]], *operands: Any
    ) -> Sequence[Any]:
        """Derive results as `call` does, and run them if this is the outermost recording."""
        trace = self.trace
        inside, trace.differentiated = trace.differentiated, self.around
        if not self.outermost:
            results = self.call(transform, given, derive, *operands)
            self.memo = trace.memo if trace.capturing else trace.node.memo
            return results
        key = (trace.key(transform, given), devices.current().name)  # which may enter variables
        before = trace.node
        ready = before.ready.get(key)
        if ready is None:
            found = trace.last(partial(derive, *operands))
            ready = self._made(found)
            ready.memo = trace.node.memo
            if before.is_shared and not trace.private:
                before.keep(key, ready)
        self.memo = ready.memo
        trace.differentiated = inside  # a Python function that the plan calls may read what it was not given
        return ready.run(trace.leaves, self.numpy)

    def ready(self, results: Sequence[Var], given: int = 0) -> Ready:
        """What computes results from the leaves, of which the first `given` may be abstract."""
        return self.kept(results, given, *map(self.trace.number, results))

    def kept(self, results: Sequence[Var], given: int = 0, *numbers: int) -> Ready:
        """What computes results, kept for recordings like this: there they are the same, or have these numbers."""
        trace = self.trace
        key = (devices.current().name, *numbers) if numbers else devices.current().name
        if key not in trace.node.ready:
            trace.node.keep(key, self._made(results, given))
        return trace.node.ready[key]

    def _made(self, results: Sequence[Var], given: int = 0) -> Ready:
        trace = self.trace
        return Ready(trace.listing(), [trace.inside(v) for v in results], given)


__all__ = [
    "Recording",
    "TracedValueError",
    "abstract",
    "bind",
    "bind_multiple",
    "called_once_by",
    "is_recording",
    "outside",
    "switch",
    "value_of",
]


@contextmanager
def outside() -> Iterator[None]:
    """No recording is open: for Python functions that a plan calls, and that may use fastvjp themselves."""
    token = _open.set(None)
    try:
        yield
    finally:
        _open.reset(token)


def called_once_by() -> str | None:
    """The transform that calls the running function once for many results, if one does."""
    trace = current()
    return None if trace is None else trace.once


def is_recording() -> bool:
    """Whether ops of this thread are being recorded."""
    return current() is not None


def bind(primitive: Primitive, /, *inputs: Var, **params: Any) -> Var:
    """Apply a primitive: record it or, outside all recordings, run it at once."""
    return bind_multiple(primitive, *inputs, **params)[0]


def bind_multiple(primitive: Primitive, /, *inputs: Var, **params: Any) -> Sequence[Var]:
    """`bind` for a primitive with several outputs."""
    trace = current()
    if trace is None:
        recording = Recording()
        try:
            switch(recording.trace)
            return recording.run(bind_multiple(primitive, *inputs, **params))
        finally:
            switch(recording.before)
            recording.end()
    if trace.capturing:
        return trace.apply(primitive, inputs, params)
    return trace.bind(primitive, inputs, params)


def abstract(a: Aval, transform: str) -> Var:
    """An input of which `transform` knows only shape and dtype."""
    return Var(a, None, Abstract(transform))


def value_of(var: Var) -> Buffer | Uniform:
    """The value of a variable; runs the ops that it needs."""
    if var.value is None:
        trace = var.trace
        if trace is current() and isinstance(trace, Trace):
            trace.read(var)
        else:
            value = known(var)
            if isinstance(trace, Trace) and trace.open:  # in another thread, where it stays traced
                return value
            var.value, var.trace = value, None
    return var.value  # type: ignore[return-value]
