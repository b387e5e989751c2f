"""A kernel function's head: its buffers, and the function that calls it with all its arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .errors import error

SPACES = {"device", "constant", "threadgroup", "thread"}
_HERE = "emu_position->"
POSITIONS = {  # an attribute's value in the one dimension of the grid, and in the others
    "thread_position_in_grid": (_HERE + "thread_position_in_grid", 0),
    "thread_position_in_threadgroup": (_HERE + "thread_position_in_threadgroup", 0),
    "threadgroup_position_in_grid": (_HERE + "threadgroup_position_in_grid", 0),
    "threads_per_threadgroup": (_HERE + "threads_per_threadgroup", 1),
    "dispatch_threads_per_threadgroup": (_HERE + "threads_per_threadgroup", 1),
    "threadgroups_per_grid": (_HERE + "threadgroups_per_grid", 1),
    "threads_per_grid": (_HERE + "threads_per_grid", 1),
    "thread_index_in_threadgroup": (_HERE + "thread_position_in_threadgroup", 0),
    "thread_index_in_simdgroup": (_HERE + "thread_position_in_threadgroup % 32", 0),
    "simdgroup_index_in_threadgroup": (_HERE + "thread_position_in_threadgroup / 32", 0),
    "simdgroups_per_threadgroup": (_HERE + "threads_per_threadgroup / 32", 1),
    "dispatch_simdgroups_per_threadgroup": (_HERE + "threads_per_threadgroup / 32", 1),
    "threads_per_simdgroup": ("32", 1),
    "thread_execution_width": ("32", 1),
}
POSITION_TYPES = {"uint", "ushort", "uint2", "uint3", "ushort2", "ushort3"}
MOST_BUFFERS = 31


@dataclass(frozen=True)
class Parameter:
    """A buffer that a kernel takes."""

    name: str
    index: int
    type: str  # what it points at
    constant: bool


@dataclass(frozen=True)
class Kernel:
    """A kernel function: its name for the host, its buffers, most threads of a threadgroup (0: no limit)."""

    name: str
    parameters: tuple[Parameter, ...]
    limit: int


def refuse(line: int, what: str, hint: str) -> error:
    """The exception for a text that Metal refuses and clang would not, or not as clearly."""
    return error(f"[metal] kernel:{line}: {what}. Hint: {hint}.")


def parse(line: int, name: str, called: str, words: Iterable[str], attributes: str) -> tuple[Kernel, str]:
    """A kernel from the words between its head's parentheses, and the functions that are its entry.

    `called` is the function, with template arguments, `attributes` what stands around the head.
    """
    parameters, arguments = [], []
    for part in split(words):
        argument, parameter = _argument("".join(part), line)
        arguments.append(argument)
        if parameter is not None:
            parameters.append(parameter)
    if len({p.index for p in parameters}) != len(parameters):
        raise refuse(line, "two parameters with the same [[buffer(n)]]", "number them 0, 1, 2, ...")
    limit = re.search(r"max_total_threads_per_threadgroup\s*\(\s*(\d+)", attributes)
    host_name = re.search(r'host_name\s*\(\s*"(\w+)"', attributes)
    kernel = Kernel(
        host_name[1] if host_name else name,
        tuple(sorted(parameters, key=lambda p: p.index)),
        int(limit[1]) if limit else 0,
    )
    granules = " ".join(f"case {p.index}: return emu::granule<{p.type}>::value;" for p in parameters)
    entry = (
        f'extern "C" __attribute__((no_sanitize("thread"))) void emu_entry_{kernel.name}'
        f"(const ulong *emu_buffers, const emu::position *emu_position) {{ {called}({', '.join(arguments)}); }}\n"
        f'extern "C" uint emu_granule_{kernel.name}(uint index) '
        f"{{ switch (index) {{ {granules} default: return 0; }} }}\n"
    )
    return kernel, entry


def split(words: Iterable[str]) -> Iterator[list[str]]:
    """Parts between commas that no bracket encloses."""
    part: list[str] = []
    depth = 0
    for word in words:
        depth += (word in {"(", "[", "{", "<", "[["}) - (word in {")", "]", "}", ">", "]]"})
        if word == "," and depth == 0:
            yield part
            part = []
        else:
            part.append(word)
    if "".join(part).strip():
        yield part


def _argument(text: str, line: int) -> tuple[str, Parameter | None]:
    """What a kernel's entry passes for a parameter, and the parameter if it is a buffer."""
    attributes = re.findall(r"\[\[\s*(\w+)\s*(?:\(\s*(\w+)\s*\))?\s*\]\]", text)
    found = re.fullmatch(r"(.*?)(\w+)", re.sub(r"\[\[.*?\]\]", "", text, flags=re.DOTALL).strip(), re.DOTALL)
    if found is None:
        raise refuse(line, f"unknown kind of parameter {text.strip()!r}", "write a type, a name and an attribute")
    kind, name = found[1].strip(), found[2]
    if not attributes:
        hint = "write [[buffer(n)]], or [[thread_position_in_grid]] or another position"
        raise refuse(line, f"parameter {name} has no attribute", hint)
    attribute, number = attributes[0]
    if attribute == "buffer":
        return _buffer(kind, name, number, line)
    if attribute not in POSITIONS:
        hint = "metalcompute binds buffers only: no threadgroup memory, textures or function constants"
        raise refuse(line, f"parameter {name} has the attribute {attribute}", hint)
    kind = " ".join(word for word in kind.split() if word != "const")
    if kind not in POSITION_TYPES:
        raise refuse(line, f"parameter {name} is of type {kind}", "positions and sizes are of type uint")
    value, rest = POSITIONS[attribute]
    return f"emu::parameter<{kind}>::of({value}, {rest})", None


def _buffer(kind: str, name: str, number: str, line: int) -> tuple[str, Parameter]:
    if not number.isdigit() or int(number) >= MOST_BUFFERS:
        raise refuse(line, f"parameter {name} is buffer {number}", "buffers are numbered from 0 to 30")
    pointed = kind[:-1].strip()
    words = pointed.split()
    spaces = SPACES & set(words)
    if kind[-1:] not in {"*", "&"} or spaces not in ({"device"}, {"constant"}):
        raise refuse(
            line,
            f"parameter {name} is no pointer or reference to device or constant memory",
            f"write device {pointed or kind} *{name}",
        )
    plain = " ".join(word for word in words if word not in {*SPACES, "const", "volatile"})
    value = f"({pointed} *)emu_buffers[{number}]"
    parameter = Parameter(name, int(number), plain, "constant" in spaces or "const" in words)
    return (f"*{value}" if kind[-1] == "&" else value), parameter
