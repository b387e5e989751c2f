"""Dispatches that call hand-written kernels, functions in the namespace `structural`, on operands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...planning.plan import Operand, Scalar, View
from ..dispatch import Dispatch, type_name
from ..elements.library import check_defined, libraries

LIBRARY = ("scalars", "reductions", "structure")
"""Files that all structural kernels need."""
LARGEST_GROUP = 256
"""Threads of a threadgroup at most, unless a kernel wants more."""
GROUPS = 1 << 16
"""Threadgroups at most: each goes on to further work."""
ARRAYS = 29
"""Arrays at most: a kernel is given 31 buffers, of which two are the state and the words."""

ERROR_STATE = 4
"""Bytes of the state of a kernel that can fail."""
Error = Callable[[int], Exception]
"""The exception for the first word of the state."""

LONGEST = 1 << 34
"""Operations of a dispatch at most: a GPU's watchdog ends what takes some seconds."""

_PLACE = ("uint place [[thread_position_in_grid]]",)
_GROUP = (
    "uint rank [[thread_index_in_threadgroup]]",
    "uint threads [[threads_per_threadgroup]]",
    "uint local [[threadgroup_position_in_grid]]",
    "uint locals [[threadgroups_per_grid]]",
    "uint lane [[thread_index_in_simdgroup]]",
    "uint simdgroup [[simdgroup_index_in_threadgroup]]",
    "uint simdgroups [[simdgroups_per_threadgroup]]",
)


@dataclass(frozen=True)
class Call:
    """A function, without its namespace but with its template arguments, and what it is called on."""

    function: str
    outputs: tuple[View, ...]
    inputs: tuple[Operand, ...]
    numbers: tuple[int, ...]


def strides(o: Operand) -> tuple[int, ...]:
    """Offset and strides of an operand, as numbers of a call; a scalar has strides of zero."""
    if isinstance(o, Scalar):
        return (0,) * (1 + len(o.aval.shape))
    return (o.layout.offset, *o.layout.strides)


def type_of(o: Operand) -> str:
    """Metal's name for the type of an operand's elements."""
    return type_name(o.aval.dtype if isinstance(o, Scalar) else o.dtype)


def pointer(o: Operand) -> str:
    """The type as which a function is given an operand that it reads."""
    return f"helper::Uniform<{type_of(o)}>" if isinstance(o, Scalar) else f"device const {type_of(o)} *"


def by_threads(file: str, *calls: Call, count: int, error: Error | None = None, work: int = 1) -> Dispatch:
    """Calls `function(words, i, [state,] outputs..., inputs...)` by so many threads.

    The functions are defined in the file of that stem. With `error` they are given the state. A thread does `work`
    operations: where that is too much for one run, there are several, each of some of the threads.
    """
    parts = _parts(count, work)
    return _dispatch(file, calls, ["i"], _PLACE, [], -(-count // parts), error, parts=parts)


def _parts(shares: int, work: int) -> int:
    """Runs, if each of so many shares of the work takes so many operations."""
    return max(min(-(-shares * work // LONGEST), shares), 1)


def by_groups(
    file: str,
    call: Call,
    groups: int,
    memory: Sequence[tuple[str, int]] = (),
    threads: int = LARGEST_GROUP,
    error: Error | None = None,
    work: int = 1,
) -> Dispatch:
    """A call `function(words, memory..., group, [state,] outputs..., inputs...)` by threadgroups.

    The memory of a threadgroup is given as types and sizes. A threadgroup has at most so many threads. If Metal
    allows fewer, there are more threadgroups than asked for, so functions go through their work in strides. `work`
    are the operations for each of the groups asked for.
    """
    names = [f"memory{k}" for k in range(len(memory))]
    head = [f"threadgroup {kind} {name}[{size}];" for name, (kind, size) in zip(names, memory, strict=True)]
    head.append("const helper::Group group = {rank, threads, index, count, lane, simdgroup, simdgroups};")
    started = min(groups, GROUPS)
    parts = _parts(started, -(-groups // started) * work)
    count = -(-started // parts) * threads
    return _dispatch(file, [call], [*names, "group"], _GROUP, head, count, error, threads, parts)


def _dispatch(
    file: str,
    calls: Sequence[Call],
    place: Sequence[str],
    built_in: Sequence[str],
    head: list[str],
    count: int,
    error: Error | None,
    threads: int | None = None,
    parts: int = 1,
) -> Dispatch:
    for call in calls:
        check_defined(f"structural::{call.function.partition('<')[0]}", file)
    views = [(v, "device ") for call in calls for v in call.outputs]
    views += [(o, "device const ") for call in calls for o in call.inputs if isinstance(o, View)]
    arrays: dict[tuple[int, str], tuple[View, str]] = {}
    for view, space in views:
        arrays.setdefault((view.buffer, type_of(view)), (view, f"{space}{type_of(view)} *"))
    scalars = list(dict.fromkeys(o for call in calls for o in call.inputs if isinstance(o, Scalar)))
    numbers = [n for call in calls for n in call.numbers]
    at = len(numbers)
    if threads is None:
        own = [f"const uint i = uint(words[{at}]) + place;"]
        last = f"place == uint(words[{at + 1}])"
        numbers += [0, count - 1]
    else:
        own = [f"const uint index = uint(words[{at}]) * locals + local, count = uint(words[{at + 1}]) * locals;"]
        last = "local == locals - 1u && rank == 0u"
        numbers += [0, parts]
    part = at, count if threads is None else 1
    size = ERROR_STATE if error else 0

    def name(o: Operand) -> str:
        if isinstance(o, Scalar):
            return f"s{scalars.index(o)}"
        return f"a{list(arrays).index((o.buffer, type_of(o)))}"

    buffers = [f"{kind}a{k}" for k, (_, kind) in enumerate(arrays.values())]
    buffers += ["device atomic_uint *state", "constant int *words"]
    parameters = [f"{text} [[buffer({k})]]" for k, text in enumerate(buffers)] + list(built_in)
    body = [*own, *head]
    for k, o in enumerate(scalars):
        value = f"helper::scalar<{type_of(o)}>(words + {len(numbers) + 2 * k})"
        body.append(f"const {pointer(o)} s{k} = {{{value}}};")
    at = 0
    for call in calls:
        state = ["state"] * (error is not None)
        given = [f"words + {at}", *place, *state, *map(name, [*call.outputs, *call.inputs])]
        body.append(f"structural::{call.function}({', '.join(given)});")
        at += len(call.numbers)
    body.append(f"if ({last}) helper::finished(state + {size // 4}u);")
    limit = f"[[max_total_threads_per_threadgroup({threads})]] " if threads else ""
    source = "\n".join([
        f"{limit}kernel void run(",
        ",\n".join(f"    {text}" for text in parameters) + ") {",
        *(f"    {line}" for line in body),
        "}\n",
    ])  # fmt: skip
    library = tuple(dict.fromkeys((*LIBRARY, file, *libraries(source))))
    bound = tuple(view for view, _ in arrays.values())
    return Dispatch(source, library, bound, tuple(scalars), tuple(numbers), count, size, error, parts, part)
