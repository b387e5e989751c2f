"""A shader's text becomes C++ for OpenCL, of which Metal's language differs in little.

That language has Metal's address spaces, 64-bit long, vectors and half, and lacks double, function pointers and
lambdas. What is left to write differently: attributes, threadgroup variables, literals, constructors of vectors,
and a function for every kernel that calls it with its arguments. Lines stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import error

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      | (?P<number>(?:\d|\.\d)(?:[eEpP][+-]|[\w.])*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<sign>\[\[|\]\]|::|->|\#|.)""",
    re.VERBOSE | re.DOTALL,
)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*(?:include|import)[ \t]*([<\"])([^>\"\n]*)[>\"][^\n]*", re.MULTILINE)
HEADERS = {
    f"metal_{stem}"
    for stem in ("stdlib", "atomic", "common", "compute", "integer", "limits", "math", "matrix", "numeric")
    + ("relational", "simdgroup", "simdgroup_matrix", "type_traits", "types", "uniform")
}
SPACES = {"device", "constant", "threadgroup", "thread"}
SCALARS = {"bool", "char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "half", "float"}
VECTOR = re.compile(r"(?:u?char|u?short|u?int|u?long|half|float)[234]")
POSITIONS = {  # an attribute's value in one dimension, and what it is in the others
    "thread_position_in_grid": ("thread_position_in_grid", 0),
    "thread_position_in_threadgroup": ("thread_position_in_threadgroup", 0),
    "threadgroup_position_in_grid": ("threadgroup_position_in_grid", 0),
    "threads_per_threadgroup": ("threads_per_threadgroup", 1),
    "threadgroups_per_grid": ("threadgroups_per_grid", 1),
    "threads_per_grid": ("threads_per_grid", 1),
    "dispatch_threads_per_threadgroup": ("threads_per_threadgroup", 1),
    "thread_index_in_threadgroup": ("thread_position_in_threadgroup", 0),
    "thread_index_in_simdgroup": ("thread_position_in_threadgroup % 32", 0),
    "simdgroup_index_in_threadgroup": ("thread_position_in_threadgroup / 32", 0),
    "simdgroups_per_threadgroup": ("threads_per_threadgroup / 32", 1),
    "dispatch_simdgroups_per_threadgroup": ("threads_per_threadgroup / 32", 1),
    "threads_per_simdgroup": ("threads_per_simdgroup", 1),
    "thread_execution_width": ("threads_per_simdgroup", 1),
}
IGNORED = {"max_total_threads_per_threadgroup", "host_name", "kernel", "unroll", "clang"}


@dataclass(frozen=True)
class Parameter:
    """A buffer that a kernel takes."""

    name: str
    index: int
    type: str  # what it points at
    constant: bool


@dataclass(frozen=True)
class Kernel:
    """A kernel function: its name for the host, buffers, and limit of threads in a threadgroup (0: none)."""

    name: str
    parameters: tuple[Parameter, ...]
    limit: int


@dataclass(frozen=True)
class Token:
    """A word of a text: kinds are space, text, number, name and sign."""

    kind: str
    text: str
    line: int


def tokens(text: str) -> list[Token]:
    """All of a text, in order."""
    found, line = [], 1
    for match in TOKEN.finditer(text):
        found.append(Token(str(match.lastgroup), match[0], line))
        line += match[0].count("\n")
    return found


def translate(text: str) -> tuple[str, list[Kernel]]:
    """The text for clang, and its kernels."""
    included = False

    def include(match: re.Match[str]) -> str:
        nonlocal included
        if match[1] != "<" or match[2] not in HEADERS:
            raise _error(text[: match.start()].count("\n") + 1, f"'{match[2]}' file not found",
                         "a kernel is one text; of headers there are Metal's own only")  # fmt: skip
        included = True
        return ""

    text = INCLUDE.sub(include, text)
    if not included:
        raise _error(1, "nothing of Metal's library is known", "begin with #include <metal_stdlib>")
    reader = _Reader(tokens(text))
    code = reader.read()
    return f'#line 1 "kernel"\n{code}\n{"".join(reader.entries)}', reader.kernels


def _error(line: int, what: str, hint: str) -> error:
    return error(f"[metal] kernel:{line}: {what}. Hint: {hint}.")


class _Reader:
    """Goes through a text once, and keeps what is found on the way."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.kernels: list[Kernel] = []
        self.entries: list[str] = []
        self.body_depth: int | None = None  # of the braces of the kernel's body that is read
        self.variables = 0

    def read(self) -> str:
        out: list[str] = []
        depth = position = 0
        before = ";"  # the last token that is no space
        pending = False  # a kernel's head was read, its body is next
        while position < len(self.tokens):
            token = self.tokens[position]
            text = token.text
            end = position + 1
            if token.kind == "number":
                text = literal(text)
            elif token.kind == "name":
                if text in {"kernel", "vertex", "fragment"} and before not in {".", "->", "::"}:
                    self._kernel(position)
                    text, pending = "", True
                elif text == "threadgroup" and before in {";", "{", "}"}:
                    text, end = self._threadgroup(position, depth)
                elif VECTOR.fullmatch(text) and self._next(end) == "(" and before not in {"make_", "(("}:
                    text = f"make_{text}"
                self._check_pointer(position)
            elif text == "[[":
                end = self._closing(position, "[[", "]]")
                if self._next(position + 1) == "kernel":
                    self._kernel(position)
                    pending = True
                text = self._attribute(position, end)
            elif text == "[" and before in {"=", "(", ",", "return", "{", ";", "&", "&&", "||", "?", ":"}:
                raise _error(
                    token.line, "Metal has no lambda expressions", "write a function, or a struct with operator()"
                )
            elif text == "{":
                if pending:
                    self.body_depth, pending = depth, False
                depth += 1
            elif text == "}":
                depth -= 1
                if depth == self.body_depth:
                    self.body_depth = None
            out.append(text)
            if token.kind != "space":
                before = self.tokens[end - 1].text
            position = end
        return "".join(out)

    def _next(self, position: int) -> str:
        while position < len(self.tokens) and self.tokens[position].kind == "space":
            position += 1
        return self.tokens[position].text if position < len(self.tokens) else ""

    def _closing(self, position: int, opening: str, closing: str) -> int:
        """Behind the token that closes what is opened at a position."""
        depth = 0
        for i in range(position, len(self.tokens)):
            depth += (self.tokens[i].text == opening) - (self.tokens[i].text == closing)
            if depth == 0:
                return i + 1
        raise _error(self.tokens[position].line, f"'{opening}' is never closed", f"add '{closing}'")

    def _attribute(self, position: int, end: int) -> str:
        """Attributes go; those that are no attributes but indexing, as in a[b[i]], stay."""
        inside = [t.text for t in self.tokens[position + 1 : end - 1] if t.kind != "space"]
        known = {*POSITIONS, *IGNORED, "buffer", "threadgroup", "id", "function_constant", "texture", "sampler"}
        if inside and inside[0] in known:
            return "\n" * sum(t.text.count("\n") for t in self.tokens[position:end])
        raise _error(
            self.tokens[position].line, f"unknown attribute {' '.join(inside)!r}", "see Metal's specification"
        )

    def _threadgroup(self, position: int, depth: int) -> tuple[str, int]:
        """A variable of the threadgroup: a reference to memory that the runtime gives it."""
        line = self.tokens[position].line
        end = position
        while self.tokens[end].text != ";":
            if self.tokens[end].text in {"(", "{", "="}:
                break
            end += 1
        if self.tokens[end].text == "=" or self.tokens[end].text == "{":
            if any(t.text in "*&" for t in self.tokens[position:end]):
                return "threadgroup", position + 1  # a pointer to it, which may be initialised
            raise _error(
                line, "threadgroup variables cannot be initialised", "assign in the kernel, before a barrier"
            )
        words = [t.text if t.kind != "space" else " " for t in self.tokens[position + 1 : end]]
        if self.tokens[end].text == "(" or "*" in words or "&" in words:
            return "threadgroup", position + 1
        if self.body_depth is None or depth <= self.body_depth:
            raise _error(line, "threadgroup variables are declared in kernel functions only",
                         "declare it in the kernel and pass a pointer")  # fmt: skip
        declared = []
        base = ""
        for part in _split(words):
            found = re.fullmatch(r"(.*?)\b(\w+)\s*((?:\[.*\])?)\s*", "".join(part), re.DOTALL)
            if found is None:
                raise _error(line, "unknown kind of threadgroup variable", "write threadgroup type name[size];")
            kind, name, sizes = found.groups()
            base = kind if kind.strip() else base
            self.variables += 1
            of = f"emu::type<{base.strip()} {sizes}>"
            call = f'emu::threadgroup_variable<{of}>("{name}", __PRETTY_FUNCTION__, {self.variables})'
            declared.append(f"threadgroup {of} &{name} = {call};")
        return " ".join(declared) + "\n" * sum(w.count("\n") for w in words), end + 1

    def _check_pointer(self, position: int) -> None:
        """A pointer or reference to a type of Metal's own names an address space."""
        if self.tokens[position].text not in SCALARS and not VECTOR.fullmatch(self.tokens[position].text):
            return
        following = self._significant(position + 1, 1, 3)
        if not following or following[0] not in {"*", "&"}:
            return
        if len(following) > 1 and not re.fullmatch(r"[A-Za-z_]\w*|[,)>*]|const", following[1]):
            return
        preceding = self._significant(position - 1, -1, 4)
        if not SPACES & set(preceding) and not SPACES & set(following[1:2]):
            if preceding and preceding[0] in {")", "]"}:
                return
            raise _error(self.tokens[position].line,
                         f"pointer or reference to {self.tokens[position].text} without an address space",
                         "write device, constant, threadgroup or thread in front of the type")  # fmt: skip

    def _significant(self, position: int, step: int, count: int) -> list[str]:
        found: list[str] = []
        while 0 <= position < len(self.tokens) and len(found) < count:
            token = self.tokens[position]
            if token.kind != "space":
                if step < 0 and token.text in {";", "{", "}", ",", "("}:
                    break
                found.append(token.text)
            position += step
        return found

    def _kernel(self, position: int) -> None:
        """The head of a kernel: its entry, which calls it with all arguments."""
        line = self.tokens[position].line
        if self.tokens[position].text in {"vertex", "fragment"}:
            raise _error(line, f"{self.tokens[position].text} functions are not for computing", "write a kernel")
        opening = position
        while opening < len(self.tokens) and self.tokens[opening].text != "(":
            opening = self._closing(opening, "[[", "]]") if self.tokens[opening].text == "[[" else opening + 1
        closing = self._closing(opening, "(", ")")
        head = [t.text for t in self.tokens[position:opening] if t.kind != "space"]
        name = head[head.index("void") + 1] if "void" in head[:-1] else ""
        if not name:
            raise _error(line, "a kernel that returns something", "kernels return void")
        called = "".join(head[head.index("void") + 1 :])
        host_name = re.search(
            r'host_name\s*\(\s*"([^"]+)"', "".join(t.text for t in self.tokens[max(0, position - 12) : position])
        )
        around = "".join(t.text for t in self.tokens[max(0, position - 12) : position]) + "".join(
            t.text for t in self.tokens[closing : closing + 8]
        )
        limit = re.search(r"max_total_threads_per_threadgroup\s*\(\s*(\d+)\s*\)\s*\]\]", around)
        parameters, arguments = [], []
        for part in _split([t.text if t.kind != "space" else " " for t in self.tokens[opening + 1 : closing - 1]]):
            argument, parameter = _argument("".join(part), line)
            arguments.append(argument)
            if parameter is not None:
                parameters.append(parameter)
        seen = [p.index for p in parameters]
        if len(set(seen)) != len(seen):
            raise _error(line, "two parameters with the same [[buffer(n)]]", "number them 0, 1, 2, ...")
        host = host_name[1] if host_name else name
        self.kernels.append(
            Kernel(host, tuple(sorted(parameters, key=lambda p: p.index)), int(limit[1]) if limit else 0)
        )
        sizes = " ".join(f"case {p.index}: return emu::granule<{p.type}>::value;" for p in parameters)
        self.entries.append(
            f'extern "C" __attribute__((no_sanitize("thread"))) void emu_entry_{host}'
            f"(const ulong *emu_buffers, const emu::position *emu_position) {{ {called}({', '.join(arguments)}); }}\n"
            f'extern "C" uint emu_granule_{host}(uint index) {{ switch (index) {{ {sizes} default: return 0; }} }}\n'
        )


def _argument(text: str, line: int) -> tuple[str, Parameter | None]:
    """What a kernel's entry passes for a parameter, and the parameter if it is a buffer."""
    attributes = re.findall(r"\[\[\s*(\w+)\s*(?:\(\s*(\w+)\s*\))?\s*\]\]", text)
    declared = re.sub(r"\[\[.*?\]\]", "", text, flags=re.DOTALL).strip()
    found = re.fullmatch(r"(.*?)(\w+)", declared, re.DOTALL)
    if found is None:
        raise _error(line, f"unknown kind of parameter {declared!r}", "write a type, a name and an attribute")
    kind, name = found[1].strip(), found[2]
    if not attributes:
        raise _error(
            line, f"parameter {name} has no attribute", "write [[buffer(n)]] or [[thread_position_in_grid]]"
        )
    attribute, number = attributes[0]
    if attribute == "buffer":
        if not number.isdigit() or int(number) > 30:
            raise _error(line, f"parameter {name} is buffer {number}", "buffers are numbered from 0 to 30")
        pointed = kind[:-1].strip()
        spaces = SPACES & set(pointed.split())
        if kind[-1] not in "*&" or not spaces & {"device", "constant"} or spaces & {"threadgroup", "thread"}:
            raise _error(line, f"parameter {name} is no pointer or reference to device or constant memory",
                         f"write device {pointed or 'float'} *{name}")  # fmt: skip
        plain = " ".join(word for word in pointed.split() if word not in {*SPACES, "const", "volatile"})
        constant = "constant" in spaces or "const" in pointed.split()
        value = f"({pointed} *)emu_buffers[{number}]"
        return (f"*{value}" if kind[-1] == "&" else value), Parameter(name, int(number), plain, constant)
    if attribute not in POSITIONS:
        raise _error(line, f"parameter {name} has the attribute {attribute}",
                     "metalcompute binds buffers only, and no threadgroup memory")  # fmt: skip
    kind = " ".join(word for word in kind.split() if word != "const")
    if kind not in {"uint", "ushort", "uint2", "uint3", "ushort2", "ushort3"}:
        raise _error(line, f"parameter {name} is of type {kind}", "positions and sizes are of type uint")
    value, rest = POSITIONS[attribute]
    value = "32" if value == "threads_per_simdgroup" else f"emu_position->{value}"
    return f"emu::parameter<{kind}>::of({value}, {rest})", None


def _split(words: list[str]) -> Iterator[list[str]]:
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


def literal(text: str) -> str:
    """A number; where it has a point or an exponent and no suffix it is a float."""
    if text[:2].lower() == "0x":
        return text + "f" if re.search(r"[pP]", text) and text[-1] not in "fFhH" else text
    return text + "f" if re.search(r"[.eE]", text) and text[-1] not in "fFhHlL" else text
