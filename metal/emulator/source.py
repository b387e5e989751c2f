"""A shader's text becomes C++ for OpenCL, of which Metal's language differs in little.

That language has Metal's address spaces, 64-bit long, vectors and half, and lacks double and function pointers.
What is left to write differently: attributes, threadgroup variables, literals, constructors of vectors, and a
function for every kernel that calls it with its arguments. Lines stay where they are, for clang's messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .signature import POSITIONS, SPACES, Kernel, parse, refuse, split

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      | (?P<number>(?:\d|\.\d)(?:[eEpP][+-]|[\w.])*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<sign>\[\[|\]\]|::|->|&&|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*(?:include|import)[ \t]*([<\"])([^>\"\n]*)[>\"][^\n]*", re.MULTILINE)
STEMS = (
    "stdlib atomic common compute integer limits math matrix numeric relational simdgroup simdgroup_matrix "
    "type_traits types uniform"
)
HEADERS = {f"metal_{stem}" for stem in STEMS.split()}
SCALARS = {"bool", "char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "half", "float"}
VECTOR = re.compile(r"(?:u?char|u?short|u?int|u?long|half|float)[234]")
ATTRIBUTES = {*POSITIONS, "buffer", "threadgroup", "max_total_threads_per_threadgroup", "host_name", "kernel"}
TYPE_NAME = re.compile(r"\b(?:typename|struct)\s+(\w+)")
STANDARD_ATTRIBUTES = {"maybe_unused", "nodiscard", "fallthrough"}
OPERATORS = {*"+-*/%^&|<>,", "&&", "||"}
BEFORE_LAMBDA = {"=", "(", ",", "return", "{", ";", "&", "&&", "||", "?", ":"}


@dataclass(frozen=True)
class Token:
    """A word of a text: kinds are space, text, number, name and sign."""

    kind: str
    text: str
    line: int


def translate(text: str) -> tuple[str, list[Kernel]]:
    """The text for clang, and its kernels."""
    for match in INCLUDE.finditer(text):
        if match[1] != "<" or match[2] not in HEADERS:
            line = text[: match.start()].count("\n") + 1
            raise refuse(
                line, f"'{match[2]}' file not found", "of headers there are Metal's own, such as metal_stdlib"
            )
    text, includes = INCLUDE.subn("", text)
    if not includes:
        raise refuse(1, "nothing of Metal's library is known", "begin with #include <metal_stdlib>")
    reader = _Reader(text)
    code = reader.read()
    return f'#line 1 "kernel"\n{code}\n{"".join(reader.entries)}', reader.kernels


def literal(text: str) -> str:
    """A number; with a point or an exponent and without a suffix it is a float."""
    marks = "pP" if text[:2].lower() == "0x" else ".eE"
    return text + "f" if any(mark in text for mark in marks) and text[-1] not in "fFhH" else text


class _Reader:
    """Goes through a text once and keeps the kernels that it finds."""

    def __init__(self, text: str) -> None:
        self.tokens: list[Token] = []
        line = 1
        for match in TOKEN.finditer(text):
            self.tokens.append(Token(str(match.lastgroup), match[0], line))
            line += match[0].count("\n")
        self.types = SCALARS | set(TYPE_NAME.findall(text))
        self.kernels: list[Kernel] = []
        self.entries: list[str] = []
        self.depth = 0  # of braces
        self.body: int | None = None  # the depth around the body of the kernel that is read
        self.variables = 0

    def read(self) -> str:
        """The text, rewritten."""
        out: list[str] = []
        position, before, head = 0, ";", False  # the last token that is no space; a kernel's body is to come
        while position < len(self.tokens):
            token = self.tokens[position]
            text, end = token.text, position + 1
            if token.kind == "number":
                text = literal(text)
            elif token.kind == "name":
                if text in {"kernel", "vertex", "fragment"}:
                    head = self._kernel(position)
                    text = ""
                elif text == "threadgroup" and before in {";", "{", "}"}:
                    text, end = self._threadgroup(position)
                elif VECTOR.fullmatch(text) and self._words(end, 1, 1) == ["("]:
                    text = f"make_{text}"
                self._check_pointer(position)
                self._check_standard(position)
            elif text == "[[":
                end = self._closing(position, "[[", "]]")
                words = self._words(position + 1, 1, 1)
                if words == ["kernel"]:
                    head = self._kernel(position + 1)
                elif words[0] not in ATTRIBUTES | STANDARD_ATTRIBUTES:
                    raise refuse(token.line, f"unknown attribute {words[0]}", "see Metal's specification")
                text = "".join(t.text for t in self.tokens[position:end])
                text = text if words[0] in STANDARD_ATTRIBUTES else "\n" * text.count("\n")
            elif text == "[" and before in BEFORE_LAMBDA:
                raise refuse(
                    token.line, "Metal has no lambda expressions", "write a function or a struct with operator()"
                )
            elif text == ".":
                self._check_fold(position)
            elif text == "{":
                if head:
                    self.body, head = self.depth, False
                self.depth += 1
            elif text == "}":
                self.depth -= 1
                self.body = None if self.depth == self.body else self.body
            out.append(text)
            if token.kind != "space":
                before = self.tokens[end - 1].text
            position = end
        return "".join(out)

    def _words(self, position: int, step: int, count: int, stop: str = "") -> list[str]:
        """The next or, backward, the last tokens that are no spaces, up to one of some signs."""
        found: list[str] = []
        while 0 <= position < len(self.tokens) and len(found) < count:
            token = self.tokens[position]
            if token.kind == "sign" and token.text in stop:
                break
            if token.kind != "space":
                found.append(token.text)
            position += step
        return found

    def _closing(self, position: int, opening: str, closing: str) -> int:
        """Behind the token that closes what is opened at a position."""
        depth = 0
        for i in range(position, len(self.tokens)):
            depth += (self.tokens[i].text == opening) - (self.tokens[i].text == closing)
            if depth == 0:
                return i + 1
        raise refuse(self.tokens[position].line, f"'{opening}' is never closed", f"add '{closing}'")

    def _plain(self, start: int, end: int) -> list[str]:
        """Tokens with comments and line ends as blanks."""
        return [" " if t.kind == "space" else t.text for t in self.tokens[start:end]]

    def _kernel(self, position: int) -> bool:
        """Note a kernel by its head; whether it has a body, unlike an instance of a template."""
        token = self.tokens[position]
        if token.text != "kernel":
            raise refuse(token.line, f"a {token.text} function", "metalcompute runs kernels only")
        opening = position
        while opening < len(self.tokens) and self.tokens[opening].text != "(":
            at_attribute = self.tokens[opening].text == "[["
            opening = self._closing(opening, "[[", "]]") if at_attribute else opening + 1
        closing = self._closing(opening, "(", ")")
        words = [t.text for t in self.tokens[position:opening] if t.kind != "space"]
        if "void" not in words[:-1]:
            raise refuse(token.line, "a kernel that returns something", "kernels are of type void")
        called = words[words.index("void") + 1 :]
        start = position
        while start > 0 and self.tokens[start - 1].text not in {";", "}"}:
            start -= 1
        front = self._plain(start, position)
        if "template" in front and ">" in front[front.index("template") :]:
            return True  # its instances are the kernels
        behind = self._words(closing, 1, 16, "{;")
        attributes = "".join([*front, *words, *behind])
        name, parameters = called[0], self._plain(opening + 1, closing - 1)
        kernel, entry = parse(token.line, name, "".join(called), parameters, attributes)
        self.kernels.append(kernel)
        self.entries.append(entry)
        return "template" not in front

    def _threadgroup(self, position: int) -> tuple[str, int]:
        """A variable of the threadgroup becomes a reference to memory that the runtime gives it."""
        line = self.tokens[position].line
        end = position
        while end < len(self.tokens) and self.tokens[end].text not in {";", "(", "{", "="}:
            end += 1
        words = self._plain(position + 1, end)
        if {"*", "&"} & set("".join(words).partition("[")[0]) or self.tokens[end].text == "(":
            return "threadgroup", position + 1  # a pointer to such a variable
        if self.tokens[end].text != ";":
            raise refuse(
                line, "threadgroup variables are not initialised", "assign in the kernel, before a barrier"
            )
        if self.body is None:
            hint = "declare it in the kernel and pass a pointer"
            raise refuse(line, "threadgroup variables are declared in kernels only", hint)
        declared, base = [], ""
        for part in split(words):
            found = re.fullmatch(r"(.*?)\b(\w+)\s*((?:\[.*\])?)\s*", "".join(part), re.DOTALL)
            if found is None:
                raise refuse(line, "unknown kind of threadgroup variable", "write threadgroup type name[size];")
            base = found[1].strip() or base
            self.variables += 1
            kind = f"emu::type<{base} {found[3]}>"
            memory = f'emu::threadgroup_variable<{kind}>("{found[2]}", __PRETTY_FUNCTION__, {self.variables})'
            declared.append(f"threadgroup {kind} &{found[2]} = {memory};")
        return " ".join(declared) + "\n" * (self.tokens[end].line - line), end + 1

    def _check_standard(self, position: int) -> None:
        """Metal 2.3 is C++14, and clang reads C++17: what begins with this name is no novelty."""
        token = self.tokens[position]
        following = self._words(position + 1, 1, 3)
        what = ""
        if token.text == "if" and following[0] == "constexpr":
            what = "if constexpr"
        elif token.text == "if" and following[0] == "(" and self._has_initialiser(position):
            what = "an initialiser in an if"
        elif token.text == "auto" and "[" in (following[0], following[1]) and following[0] in "[&":
            what = "a structured binding"
        elif token.text == "namespace" and following[1:2] == ["::"] and "=" not in following:
            what = "a nested namespace"
        elif token.text == "inline":
            end = position
            while end < len(self.tokens) and self.tokens[end].text not in {"(", "{", "=", ";"}:
                end += 1
            what = "an inline variable" if end < len(self.tokens) and self.tokens[end].text in "=;" else ""
        if what:
            raise refuse(token.line, f"{what} is of C++17", "Metal 2.3 is C++14")

    def _has_initialiser(self, position: int) -> bool:
        opening = next(i for i in range(position, len(self.tokens)) if self.tokens[i].text == "(")
        closing = self._closing(opening, "(", ")")
        return any(t.text == ";" for t in self.tokens[opening:closing])

    def _check_fold(self, position: int) -> None:
        """Three points beside an operator and a parenthesis are a fold expression."""
        if [t.text for t in self.tokens[position : position + 3]] != [".", ".", "."]:
            return
        (before,) = self._words(position - 1, -1, 1)
        (behind,) = self._words(position + 3, 1, 1)
        if (before in OPERATORS and behind == ")") or (before == "(" and behind in OPERATORS):
            raise refuse(
                self.tokens[position].line, "a fold expression is of C++17", "Metal 2.3 is C++14: use recursion"
            )

    def _check_pointer(self, position: int) -> None:
        """A pointer or reference to a type that is known by its name says its address space."""
        token = self.tokens[position]
        if token.text not in self.types and not VECTOR.fullmatch(token.text):
            return
        behind = self._words(position + 1, 1, 2)
        if behind[:1] not in (["*"], ["&"]) or SPACES & {*self._words(position - 1, -1, 3, ";{},("), *behind[1:]}:
            return
        what = f"pointer or reference to {token.text} without an address space"
        raise refuse(token.line, what, "write device, constant, threadgroup or thread in front of the type")
