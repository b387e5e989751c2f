"""Scans along an axis: cumsum, cumprod, cummax, cummin, logcumsumexp, linear_recurrence.

An array is (outer, n, inner), any strides; a scan from the end is one of flipped views. A line is scanned by a
thread if it is short or one of many, else by a threadgroup, or by several, each a section of it.
"""

from __future__ import annotations

from ...core.avals import aval, uint32
from ...devices.operands import around, combination, flipped, number, seen_as
from ...planning.plan import KernelStep, Operand, View
from ..dispatch import Allocate, Dispatch, Lowering, lowers
from .calls import LARGEST_GROUP, Call, by_groups, by_threads, pointer, strides
from .reductions import SIMDGROUPS, operation, wide
from .structure import shaped

SERIAL = 32
"""Elements of a line that a thread scans by itself, ..."""
MANY = 1 << 14
"""... and lines from which on it does so with any."""
SECTION = 1 << 14
"""Elements that a threadgroup scans at least before others share in."""
SECTIONS = 64
"""Threadgroups for all lines, if their sections are to be shorter than the lines."""
LARGE_GROUP = 1024
"""Threads of a threadgroup that scans long lines: each scans four elements at a time."""


def scan(combine: str) -> Lowering:
    """Lowering of a primitive that accumulates by the element function of this name."""

    def lower(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
        dtype = step.output.dtype
        plain = f"helper::Plain<{wide(dtype)}, {operation(combination(combine, dtype))}>"
        together = "helper::Scaled" if combine == "multiply" and dtype.kind == "f" else plain
        return _along(step, allocate, "Cumulation", plain, together)

    return lower


@lowers("linear_recurrence")
def linear_recurrence(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
    """h = x * h + y along the axis, from h = 0."""
    element = f"helper::Affine<{wide(step.output.dtype)}>"
    return _along(step, allocate, "Recurrence", element, element)


def _along(step: KernelStep, allocate: Allocate, name: str, alone: str, together: str) -> list[Dispatch]:
    """A scan of elements of these types, where one thread scans a line and where several do."""
    shape = step.output.layout.shape
    if 0 in shape:
        return []
    sizes = outer, n, inner = around(shape, (step.params["axis"],))
    dispatches: list[Dispatch] = []
    views: list[Operand] = []
    for o in (step.output, *step.inputs):
        view, copies = shaped(o, sizes, allocate)
        dispatches += copies
        if isinstance(view, View):
            view = seen_as(number(view.dtype), view)
            view = flipped(view, 1) if step.params["reverse"] else view
        views.append(view)
    out, *inputs = views
    assert isinstance(out, View)
    lines = outer * inner
    serial = n <= SERIAL or lines >= MANY
    element = alone if serial else together
    kind = f"helper::{name}<{', '.join([element, *map(pointer, inputs)])}>"
    sections = 1 if serial else max(min(-(-n // SECTION), SECTIONS // lines), 1)
    size = -(-n // sections)
    exclusive = int(step.params.get("exclusive", False))
    numbers = (lines, n, inner, exclusive, sections, size, *(k for o in views for k in strides(o)))
    if serial:
        call = Call(f"scan_by_threads<{kind}>", (out,), tuple(inputs), numbers)
        return [*dispatches, by_threads("scans", call, count=lines)]
    words = 4 if name == "Recurrence" else 2
    memory = [(f"uint{words}", SIMDGROUPS)]
    threads = LARGE_GROUP if size > LARGE_GROUP else LARGEST_GROUP
    if sections == 1:
        call = Call(f"scan_by_groups<{kind}>", (out,), tuple(inputs), numbers)
        return [*dispatches, by_groups("scans", call, lines, memory, threads)]
    totals = allocate(aval((lines * sections * words,), uint32))
    first = Call(f"scan_totals<{kind}>", (totals,), tuple(inputs), numbers)
    second = Call(f"scan_sections<{kind}>", (out,), (totals, *inputs), numbers)
    return [
        *dispatches,
        *(by_groups("scans", call, lines * sections, memory, threads) for call in (first, second)),
    ]


lowers("cumsum")(scan("add"))
lowers("cumprod")(scan("multiply"))
lowers("cummax")(scan("maximum"))
lowers("cummin")(scan("minimum"))
lowers("logcumsumexp")(scan("logaddexp"))
