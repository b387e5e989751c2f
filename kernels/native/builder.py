"""Instructions of a function in LLVM's language, block by block, and the module that functions belong to."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .code import STRAIGHT, THOROUGH, Program
from .types import Pointer, Type, Value, constant_text, in_memory, llvm_type, number_type, part_of


class Block:
    """Instructions that run one after the other, and what comes then."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.phis: list[str] = []
        self.lines: list[str] = []
        self.end: str | None = None
        """The instruction that leaves it."""

    def text(self) -> str:
        """All of it."""
        return "\n".join([f"{self.label}:", *self.phis, *self.lines, self.end or "  unreachable"])


_numbers = itertools.count(1)
_nodes: dict[str, int] = {}
"""Numbers of metadata, the same in all modules, so that functions can be part of several."""


class Module:
    """A function and what it needs: declarations and tables, metadata, and the modules of what it calls."""

    def __init__(self) -> None:
        self.function = ""
        self.has_loops = False
        self.lines: dict[str, None] = {}
        """Declarations and tables."""
        self.metadata: dict[str, None] = {}
        self.calls: dict[Module, None] = {}
        self.others: dict[str, None] = {}
        """Modules in LLVM's language to link with it."""

    def declare(self, line: str) -> None:
        """Add a declaration or a table."""
        self.lines[line] = None

    def node(self, content: str) -> str:
        """The number of a node of metadata."""
        number = f"!{_nodes.get(content) or _nodes.setdefault(content, next(_numbers))}"
        self.metadata[f"{number} = {content}"] = None
        return number

    def all(self) -> dict[Module, None]:
        """It and all that it calls, at any depth."""
        found: dict[Module, None] = {}
        waiting = [self]
        while waiting:
            module = waiting.pop()
            if module not in found:
                found[module] = None
                waiting += module.calls
        return found

    def program(self) -> Program:
        """It and all that it calls, to be compiled together."""
        modules = self.all()
        parts: list[dict[str, None]] = [{}, {}, {}, {}]
        for module in modules:
            for part, more in zip(
                parts, (module.lines, {module.function: None}, module.metadata, module.others), strict=True
            ):
                part |= more
        lines, functions, metadata, others = parts
        straight = not others and not any(module.has_loops for module in modules)
        effort = STRAIGHT if straight else THOROUGH
        return Program(["\n".join([*lines, *functions, *metadata, ""]), *others], effort)


class Builder:
    """Appends instructions to a block; `flags` stand in those of real numbers."""

    def __init__(self, module: Module, flags: str = "") -> None:
        self.module = module
        self.flags = flags
        self.blocks: list[Block] = []
        self.entry = self.block = self.new_block()
        self.made = 0

    def call_named(self, name: str, *arguments: Any) -> Any:
        """A call of one of this folder's functions, which translation.py translates."""
        raise NotImplementedError

    # --- blocks ------------------------------------------------------------------------------------------

    def new_block(self) -> Block:
        """A block that nothing leads to yet."""
        self.blocks.append(Block(f"b{len(self.blocks)}"))
        return self.blocks[-1]

    @contextlib.contextmanager
    def at(self, block: Block) -> Iterator[None]:
        """Append to another block."""
        before, self.block = self.block, block
        yield
        self.block = before

    def leave(self, instruction: str) -> None:
        """End the block."""
        assert self.block.end is None
        self.block.end = f"  {instruction}"

    def jump(self, block: Block) -> None:
        """Go on there."""
        self.leave(f"br label %{block.label}")

    def branch(self, condition: str, then: Block, otherwise: Block) -> None:
        """Go on in one of two blocks."""
        self.leave(f"br i1 {condition}, label %{then.label}, label %{otherwise.label}")

    # --- instructions ------------------------------------------------------------------------------------

    def name(self) -> str:
        """A new name."""
        self.made += 1
        return f"%v{self.made}"

    def do(self, instruction: str) -> None:
        """Append an instruction that gives nothing."""
        self.block.lines.append(f"  {instruction}")

    def make(self, instruction: str) -> str:
        """Append an instruction; returns the name of what it gives."""
        name = self.name()
        self.do(f"{name} = {instruction}")
        return name

    def real(self, operation: str, t: Type, *operands: str) -> str:
        """An instruction of real numbers of this type."""
        return self.make(f"{operation} {self.flags}{llvm_type(t)} {', '.join(operands)}")

    def integer(self, operation: str, t: Type, *operands: str) -> str:
        """One of integers."""
        return self.make(f"{operation} {llvm_type(t)} {', '.join(operands)}")

    def convert(self, operation: str, source: Type, text: str, target: Type) -> str:
        """One that changes a type."""
        return self.make(f"{operation} {llvm_type(source)} {text} to {llvm_type(target)}")

    def intrinsic(self, name: str, t: Type, *operands: str) -> str:
        """A call of LLVM's function of this name for operands of a type, of which its result is."""
        suffix = f"f{8 * t.itemsize}" if isinstance(t, np.dtype) and t.kind == "f" else llvm_type(t)
        return self.foreign(f"llvm.{name}.{suffix}", t, *operands)

    def foreign(self, symbol: str, t: Type, *operands: str) -> str:
        """A call of a function of this process whose operands are of one type, as is its result."""
        kind = llvm_type(t)
        self.module.declare(f"declare {kind} @{symbol}({', '.join([kind] * len(operands))})")
        return self.make(f"call {self.flags}{kind} @{symbol}({', '.join(f'{kind} {o}' for o in operands)})")

    def phi(self, block: Block, t: str, edges: Sequence[tuple[Block, str]]) -> str:
        """At the beginning of a block, what comes along each edge."""
        name = self.name()
        block.phis.append(f"  {name} = {phi_text(t, edges)}")
        return name

    def select(self, condition: str, t: Type, x: Value, y: Value) -> Value:
        """One of two values of a type."""
        kind = llvm_type(t)
        pairs = zip(x.parts, y.parts, strict=True)
        return Value(t, tuple([self.make(f"select i1 {condition}, {kind} {a}, {kind} {b}") for a, b in pairs]))

    # --- memory ------------------------------------------------------------------------------------------

    def element(self, pointer: Value, index: str) -> str:
        """Where an element lies."""
        assert isinstance(pointer.type, Pointer)
        kind = in_memory(pointer.type.of)
        return self.make(f"getelementptr inbounds {kind}, ptr {pointer.text}, i64 {index}")

    def load(self, t: np.dtype, place: str, notes: str = "") -> Value:
        """A number in memory."""
        kind = llvm_type(t)
        size = part_of(t).itemsize
        return Value(t, tuple([
            self.make(f"load {kind}, ptr {at}, align {size}{notes}") for at in self._places(t, place)
        ]))  # fmt: skip

    def store(self, value: Value, place: str, notes: str = "") -> None:
        """Set it."""
        assert isinstance(value.type, np.dtype)
        kind = llvm_type(value.type)
        size = part_of(value.type).itemsize
        for at, part in zip(self._places(value.type, place), value.parts, strict=True):
            self.do(f"store {kind} {part}, ptr {at}, align {size}{notes}")

    def _places(self, t: np.dtype, place: str) -> list[str]:
        if t.kind != "c":
            return [place]
        return [place, self.make(f"getelementptr inbounds {in_memory(t)}, ptr {place}, i64 0, i32 1")]

    def scopes(self, scope: int, scopes: int) -> str:
        """What says that arrays of other scopes lie elsewhere."""
        node = self.module.node
        domain = node('!{!"arrays"}')
        nodes = [node(f'!{{!"array {i}", {domain}}}') for i in range(scopes)]
        others = [each for i, each in enumerate(nodes) if i != scope]
        notes = f", !alias.scope {node('!{' + nodes[scope] + '}')}"
        return notes + (f", !noalias {node('!{' + ', '.join(others) + '}')}" if others else "")

    # --- values ------------------------------------------------------------------------------------------

    def constant(self, value: Any, t: np.dtype) -> Value:
        """A number that stands in the source, as one of a type."""
        if t.kind == "c":
            part, number = part_of(t), complex(value)
            return Value(t, (constant_text(number.real, part), constant_text(number.imag, part)))
        return Value(t, (constant_text(value, t),))

    def value(self, x: Any) -> Value:
        """A value; a number that stands in the source as one of its own type."""
        if isinstance(x, Value):
            return x
        t = number_type(x)
        if t is None:
            raise TypeError(f"{x!r} is no number")
        return self.constant(x, t)


def phi_text(t: str, edges: Sequence[tuple[Block, str]]) -> str:
    """The instruction that takes what comes along each edge."""
    return f"phi {t} " + ", ".join(f"[{text}, %{block.label}]" for block, text in edges)
