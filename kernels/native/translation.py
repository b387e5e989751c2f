"""Kernels from Python's syntax tree to LLVM's language, in one pass and without Numba.

A kernel, and every function that it calls, is translated for the types of its arguments. Types flow forward: a
value has the type of what computes it, a variable that of the value which it was set to last. Where paths meet,
or a loop begins again, it is one value of the common type. What stands in the source (numbers, dtypes, functions,
tuples) is computed as the kernel is translated, and a condition of such values leaves one branch.

The language: assignments, `if`, `while`, `for` over a range or a tuple, `break`, `continue`, `return`, operators,
calls of such functions, of operations (instructions.py) and of NumPy's (operators.py). A variable that is first
set in a branch or a loop is not known behind it.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..elements.registry import COLD, ELEMENTS, HELPERS, KERNELS, OPERATIONS
from . import cache, pointer_instructions, scalar_instructions  # noqa: F401  the latter fill INSTRUCTIONS
from .builder import Block, Builder, Module, phi_text
from .code import ENTRY, SHARED, SHARED_SYMBOL, Program
from .cost import operations
from .instructions import INSTRUCTIONS, type_of
from .operators import (
    FUNCTIONS,
    IN_PYTHON,
    OPERATORS,
    cast,
    compare,
    imaginary_part,
    inverted,
    logical_not,
    negative,
    real_part,
    truth,
)
from .pointer_instructions import pointer_of
from .pointers import PYTHON_OPERATIONS
from .types import (
    BOOL,
    INT64,
    Pointer,
    TranslationError,
    Type,
    Value,
    as_dtype,
    common,
    constant_text,
    llvm_type,
    number_type,
    parts_of,
)

Names = dict[str, Any]
Edge = tuple[Block, Names]
"""A block that goes on somewhere, and what names stand for at its end."""
RETURNS = "  unreachable"
"""The end of a block that returns, until all that is returned is known."""
HEAVY = 12
"""Operations of a function that kernels share, where they call it once."""
LONG = 64
"""Characters of what stands in the source that are part of a function's name."""


class Foreign:
    """A function that is not translated: what stands for a user's (user_functions.py)."""

    __name__: str

    def called(self, b: Translation, arguments: Sequence[Any]) -> Value:
        """A call of it."""
        raise NotImplementedError


@functools.cache
def _definitions(path: str) -> dict[str, ast.FunctionDef]:
    content = Path(path).read_bytes()
    cache.check_unchanged(path, content)
    return {node.name: node for node in ast.parse(content).body if isinstance(node, ast.FunctionDef)}


def definition(function: FunctionType) -> ast.FunctionDef:
    """The syntax tree of one of this folder's functions."""
    return _definitions(function.__code__.co_filename)[function.__name__]


@functools.cache
def _instructions() -> dict[Any, Callable[..., Any]]:
    """Instructions by themselves, and by the functions that stand for them in Python."""
    in_python = {**OPERATIONS, **PYTHON_OPERATIONS}
    found = {in_python[name]: instruction for name, instruction in INSTRUCTIONS.items()}
    return {**found, **{instruction: instruction for instruction in INSTRUCTIONS.values()}, **FUNCTIONS}


def _own(name: str) -> FunctionType:
    """One of this folder's functions."""
    return next(table[name] for table in (HELPERS, ELEMENTS, COLD, KERNELS) if name in table)


_known: dict[str, tuple[Module, Any]] = {}
"""Functions by their names with their arguments' types: modules, and what is like their results."""


class _Open(threading.local):
    """Those that this thread is translating."""

    def __init__(self) -> None:
        self.names: list[str] = []


_open = _Open()


def function_for(function: FunctionType, arguments: Sequence[Any]) -> tuple[str, Module, Any]:
    """One of this folder's functions for such arguments: its symbol, its module, and what is like its result."""
    name = f"{function.__name__}({', '.join(map(_key, arguments))})"
    symbol = f'@"{name}"'
    if name in _open.names:
        raise TranslationError(f"{name} calls itself")
    if name not in _known:
        _open.names.append(name)
        try:
            found = _translated(
                definition(function), function.__globals__, arguments, f"define weak_odr {{}} {symbol}"
            )
        finally:
            _open.names.remove(name)
        if any(
            module.others for module in found[0].all()
        ):  # a user's function, of which another may have the name
            return symbol, *found
        _known[name] = found
    return symbol, *_known[name]


def wrapped(symbol: str, body: Callable[..., Any], arguments: Sequence[Any]) -> tuple[Module, Any]:
    """A function that is what `body` builds of its arguments, and what is like its result."""
    b, given = Translation({}), list[str]()
    values = [_rebuilt(argument, lambda t: _parameter(b, t, given)) for argument in arguments]
    b.returns.append((b.block, body(b, *values)))
    b.block.end = RETURNS
    return _finished(b, b.returned(None), given, f"define weak_odr {{}} {symbol}")


def _translated(
    node: ast.FunctionDef,
    names: Mapping[str, Any],
    arguments: Sequence[Any],
    head: str,
    flags: str | None = None,
) -> tuple[Module, Any]:
    """A function of the source; one with flags is what C calls, and returns a word."""
    b = Translation(names, flags)
    parameters = [a.arg for a in node.args.args]
    if len(parameters) != len(arguments):
        raise TranslationError(f"{node.name} takes {len(parameters)} arguments, not {len(arguments)}")
    given: list[str] = []
    for parameter, argument in zip(parameters, arguments, strict=True):
        b.names[parameter] = _rebuilt(argument, lambda t: _parameter(b, t, given))
    try:
        b.statements(node.body)
        result = b.returned(None if flags is None else INT64)
    except (TranslationError, TypeError, AttributeError, ValueError) as error:
        line = getattr(b.at_node, "lineno", node.lineno)
        raise TranslationError(f"{node.name}, line {line}: {error}") from error
    return _finished(b, result, given, head, "" if node.name in COLD else " alwaysinline")


def _finished(
    b: Translation, result: Any, given: Sequence[str], head: str, inline: str = " alwaysinline"
) -> tuple[Module, Any]:
    head = f"{head.format(result_type(result))}({', '.join(given)}){inline} nounwind {{"
    b.module.function = "\n".join([head, *[block.text() for block in b.blocks], "}"])
    return b.module, result


def translated(node: ast.stmt, names: Mapping[str, Any], types: Sequence[str], flags: str = "") -> Program:
    """A function of words and pointers to words that C may call.

    Args:
        node: its definition.
        names: what its names stand for.
        types: of its arguments: "int64" or "int64*".
        flags: what may be done to its operations of real numbers, as LLVM says it.
    """
    assert isinstance(node, ast.FunctionDef)
    arguments = [Value(Pointer(INT64) if t == "int64*" else INT64, ("?",)) for t in types]
    module, _ = _translated(node, names, arguments, f"define {{}} @{ENTRY}", flags)
    return module.program()


def shared_function(symbol: str) -> Program:
    """The same of a function that kernels share, by its symbol."""
    matched = re.fullmatch(SHARED_SYMBOL, symbol)
    assert matched
    function = _own(matched[1])
    arguments = [Value(np.dtype(name), ("?",)) for name in matched[2].split(", ")]
    module, _ = wrapped(f"@{ENTRY}", lambda b, *given: b.call_function(function, given), arguments)
    return Program(module.program().modules)


def _parameter(b: Builder, t: Type, given: list[str]) -> Value:
    names = [b.name() for _ in range(parts_of(t))]
    given += [f"{llvm_type(t)} {name}" for name in names]
    return Value(t, tuple(names))


def _key(x: Any) -> str:
    """What a function is translated anew for."""
    if isinstance(x, Value):
        return x.type.name
    if isinstance(x, tuple) and any(isinstance(v, Value) for v in x):
        return f"({', '.join(map(_key, x))})"
    if isinstance(x, FunctionType | Foreign):
        return x.__name__
    t = as_dtype(x)
    text = repr(x) if t is None else f"type {t.name}"
    return text if len(text) <= LONG and '"' not in text else hashlib.sha256(text.encode()).hexdigest()[:16]


def _rebuilt(x: Any, change: Callable[[Type], Any]) -> Any:
    """The same with other values."""
    if isinstance(x, Value):
        return change(x.type)
    return tuple([_rebuilt(v, change) for v in x]) if isinstance(x, tuple) else x


def flat(x: Any) -> Iterator[Value]:
    """The values in a result."""
    if isinstance(x, Value):
        yield x
    elif isinstance(x, tuple):
        for v in x:
            yield from flat(v)


def _flat_types(x: Any) -> list[str]:
    return [llvm_type(v.type) for v in flat(x) for _ in range(parts_of(v.type))]


def result_type(result: Any) -> str:
    """LLVM's type of what a function returns."""
    types = _flat_types(result)
    return "void" if not types else types[0] if len(types) == 1 else f"{{{', '.join(types)}}}"


class Translation(Builder):
    """The translation of one function. What C calls has flags, if empty ones."""

    def __init__(self, names: Mapping[str, Any], flags: str | None = None) -> None:
        super().__init__(Module(), flags or "")
        self.is_entry = flags is not None
        self.outside = names
        self.names: Names = {}
        self.returns: list[tuple[Block, Any]] = []
        self.loops: list[tuple[list[Edge], list[Edge]]] = []
        """Of each loop around: what goes on with its next turn, and what leaves it."""
        self.at_node: ast.AST | None = None

    # --- functions ---------------------------------------------------------------------------------------

    def call_named(self, name: str, *arguments: Any) -> Any:
        """A call of one of this folder's functions."""
        return self.call_function(_own(name), arguments)

    def call_function(self, function: FunctionType, given: Sequence[Any]) -> Any:
        """The same of the function itself."""
        arguments = [x if isinstance(x, bool) or number_type(x) is None else self.value(x) for x in given]
        symbol, module, result = function_for(function, arguments)
        if self.is_entry and not self.loops and _is_heavy(function.__name__, arguments):
            symbol = f'@"{SHARED}{symbol[2:]}'
            self.module.declare(
                f"declare {result_type(result)} {symbol}({', '.join(_flat_types(tuple(arguments)))})"
            )
        else:
            self.module.calls[module] = None
        words = [f"{llvm_type(v.type)} {part}" for x in arguments for v in flat(x) for part in v.parts]
        types = _flat_types(result)
        instruction = f"call {result_type(result)} {symbol}({', '.join(words)})"
        if not types:
            self.do(instruction)
            return result
        made = self.make(instruction)
        kind, parts = result_type(result), [made]
        if len(types) > 1:
            parts = [self.make(f"extractvalue {kind} {made}, {i}") for i in range(len(types))]
        rest = iter(parts)
        return _rebuilt(result, lambda t: Value(t, tuple([next(rest) for _ in range(parts_of(t))])))

    def returned(self, wanted: Type | None) -> Any:
        """End the blocks that return; returns what is like the result."""
        if self.block.end is None:
            self.returns.append((self.block, None))
        values = [value for _, value in self.returns]
        if all(value is None for value in values):
            result = None
        else:
            result = functools.reduce(self._common, values) if wanted is None else Value(wanted, ("?",))
            result = _rebuilt(_runtime(self, result), lambda t: Value(t, ("?",)))
        kind = result_type(result)
        for block, value in self.returns:
            with self.at(block):
                parts = [part for v in flat(self.as_like(value, result)) for part in v.parts]
                types = _flat_types(result)
                text = parts[0] if len(parts) == 1 else "undef"
                for i, part in enumerate(parts if len(parts) > 1 else ()):
                    text = self.make(f"insertvalue {kind} {text}, {types[i]} {part}, {i}")
                self.leave(f"ret {kind} {text}" if parts else "ret void")
        return result

    def _common(self, x: Any, y: Any) -> Any:
        """What is like both results."""
        if isinstance(x, tuple):
            if not isinstance(y, tuple) or len(x) != len(y):
                raise TranslationError("results differ")
            return tuple([self._common(*pair) for pair in zip(x, y, strict=True)])
        if x is None or y is None:
            raise TranslationError("a path returns nothing")
        return Value(common(self._type(x), self._type(y)), ("?",))

    @staticmethod
    def _type(x: Any) -> Type:
        t = x.type if isinstance(x, Value) else number_type(x)
        if t is None:
            raise TranslationError(f"{x!r} is no number")
        return t

    def as_like(self, x: Any, like: Any) -> Any:
        """A value, or a tuple of them, cast to the types of another."""
        if isinstance(like, Value):
            return cast(self, x, like.type)
        if isinstance(like, tuple):
            return tuple([self.as_like(*pair) for pair in zip(x, like, strict=True)])
        return x

    # --- statements --------------------------------------------------------------------------------------

    def statements(self, body: Sequence[ast.stmt]) -> None:
        """Those of a body, up to one that leaves it."""
        for node in body:
            if self.block.end is not None:
                return
            self.at_node = node
            getattr(self, f"_do_{type(node).__name__}", self._unknown)(node)

    def _unknown(self, node: ast.AST) -> Any:
        raise TranslationError(f"{type(node).__name__} is not in the language of kernels")

    def _do_Expr(self, node: ast.Expr) -> None:
        self.evaluate(node.value)

    def _do_Return(self, node: ast.Return) -> None:
        value = None if node.value is None else self.evaluate(node.value)
        self.returns.append((self.block, value))
        self.block.end = RETURNS
        self.block = self._left()

    def _left(self) -> Block:
        """A block that is never run."""
        block = Block("left")
        block.end = ""
        return block

    def at(self, block: Block) -> Any:
        """Append to another block, behind which its end stays."""
        if block.end == RETURNS:
            block.end = None
        return super().at(block)

    def _do_Assign(self, node: ast.Assign) -> None:
        value = self.evaluate(node.value)
        for target in node.targets:
            self.assign(target, value)

    def _do_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            before = self.name_value(node.target.id)
            self.assign(node.target, self.operate(type(node.op).__name__, before, self.evaluate(node.value)))
            return
        assert isinstance(node.target, ast.Subscript)
        pointer, place = self._place(node.target)
        before = self.load(pointer_of(pointer).of, place)
        value = self.operate(type(node.op).__name__, before, self.evaluate(node.value))
        self.store(cast(self, value, pointer_of(pointer).of), place)

    def assign(self, target: ast.expr, value: Any) -> None:
        """Set a name, an element, or several."""
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif isinstance(target, ast.Tuple):
            if not isinstance(value, tuple) or len(value) != len(target.elts):
                raise TranslationError("what is unpacked has another length")
            for each, part in zip(target.elts, value, strict=True):
                self.assign(each, part)
        elif isinstance(target, ast.Subscript):
            pointer, place = self._place(target)
            self.store(cast(self, value, pointer_of(pointer).of), place)
        else:
            self._unknown(target)

    def _place(self, node: ast.Subscript) -> tuple[Any, str]:
        pointer, index = self.evaluate(node.value), self.evaluate(node.slice)
        return pointer, pointer_instructions.element(self, pointer, index)

    # --- branches ----------------------------------------------------------------------------------------

    def condition(self, node: ast.expr) -> Value | bool:
        """Whether an expression is true; a bool where the source says it."""
        value = self.evaluate(node)
        return truth(self, value) if isinstance(value, Value) else bool(value)

    def _do_If(self, node: ast.If) -> None:
        condition = self.condition(node.test)
        if isinstance(condition, bool):
            self.statements(node.body if condition else node.orelse)
            return
        before, edges = self.names, []
        blocks = self.new_block(), self.new_block()
        self.branch(condition.text, *blocks)
        for block, body in zip(blocks, (node.body, node.orelse), strict=True):
            self.block, self.names = block, dict(before)
            self.statements(body)
            if self.block.end is None:
                edges.append((self.block, self.names))
        self.meet(edges)

    def meet(self, edges: Sequence[Edge]) -> None:
        """Go on where these edges lead."""
        if not edges:
            self.block = self._left()
            return
        if len(edges) == 1:
            ((self.block, self.names),) = edges
            return
        block = self.new_block()
        names: Names = {}
        for name in edges[0][1]:
            if all(name in given for _, given in edges):
                with contextlib.suppress(TranslationError):  # it may be set again before it is used
                    names[name] = self.joined(block, [(edge, given[name]) for edge, given in edges])
        for edge, _ in edges:
            with self.at(edge):
                self.jump(block)
        self.block, self.names = block, names

    def joined(self, block: Block, edges: Sequence[tuple[Block, Any]]) -> Any:
        """What comes along edges, which do not yet lead to the block, as one value."""
        values = [value for _, value in edges]
        first = values[0]
        if all(v is first or (type(v) is type(first) and not isinstance(v, float) and v == first) for v in values):
            return first
        if isinstance(first, tuple):
            if not all(isinstance(v, tuple) and len(v) == len(first) for v in values):
                raise TranslationError("paths give different values")
            items = range(len(first))
            return tuple([self.joined(block, [(edge, value[i]) for edge, value in edges]) for i in items])
        t = functools.reduce(common, map(self._type, values))
        found = []
        for edge, value in edges:
            with self.at(edge):
                found.append((edge, cast(self, value, t).parts))
        kind = llvm_type(t)
        return Value(t, tuple([self.phi(block, kind, [(e, p[i]) for e, p in found]) for i in range(parts_of(t))]))

    # --- loops -------------------------------------------------------------------------------------------

    def _do_While(self, node: ast.While) -> None:
        self._loop(node, [], lambda values: self.condition(node.test), lambda values: [])

    def _do_For(self, node: ast.For) -> None:
        over = node.iter
        if not (isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.func.id == "range"):
            for value in self.evaluate(over):
                self.assign(node.target, value)
                self.statements(node.body)
            return
        bounds = [self.evaluate(a) for a in over.args]
        start, stop, step = {1: (0, *bounds, 1), 2: (*bounds, 1), 3: tuple(bounds)}[len(bounds)]
        start, last = cast(self, start, INT64), cast(self, stop, INT64)
        width = cast(self, step, INT64)

        def condition(values: Sequence[Value]) -> Value:
            (i,) = values
            self.assign(node.target, i)
            up = f"icmp slt i64 {i.text}, {last.text}"
            if not isinstance(step, Value):
                return Value(BOOL, (self.make(up if step > 0 else f"icmp sgt i64 {i.text}, {last.text}"),))
            rising = self.make(f"icmp sgt i64 {width.text}, 0")
            ways = self.make(up), self.make(f"icmp sgt i64 {i.text}, {last.text}")
            return Value(BOOL, (self.make(f"select i1 {rising}, i1 {ways[0]}, i1 {ways[1]}"),))

        def following(values: Sequence[Value]) -> list[Value]:
            return [Value(INT64, (self.make(f"add nsw i64 {values[0].text}, {width.text}"),))]

        self._loop(node, [start], condition, following)

    def _loop(
        self,
        node: ast.While | ast.For,
        counters: list[Value],
        condition: Callable[[Sequence[Value]], Value | bool],
        following: Callable[[Sequence[Value]], list[Value]],
    ) -> None:
        """A loop, with counters that have other values at the next turn.

        What its turns carry on has a type that is found out by translating the body: if a turn ends with a wider
        one, that is done again.
        """
        target = {node.target.id} if isinstance(node, ast.For) and isinstance(node.target, ast.Name) else set()
        self.module.has_loops = True
        before, entry = dict(self.names), self.block
        changed = [name for name in before if name in _assigned(node) - target and _is_runtime(before[name])]
        likes = {name: _runtime(self, before[name]) for name in changed}
        lines, blocks = len(entry.lines), len(self.blocks)
        while True:
            wider = self._turn(node, counters, condition, following, before, likes)
            if not wider:
                return
            likes |= wider
            del entry.lines[lines:], self.blocks[blocks:]
            entry.end, self.block, self.names = None, entry, dict(before)

    def _turn(
        self,
        node: ast.While | ast.For,
        counters: list[Value],
        condition: Callable[[Sequence[Value]], Value | bool],
        following: Callable[[Sequence[Value]], list[Value]],
        before: Names,
        likes: Names,
    ) -> Names:
        """Translate a loop, if all that is carried on has these types; else returns wider ones."""
        entry = self.block
        starts = [*counters, *flat(tuple([self.as_like(before[name], like) for name, like in likes.items()]))]
        head = self.new_block()
        self.jump(head)
        self.block = head
        phis = [Value(v.type, tuple([self.name() for _ in v.parts])) for v in starts]
        rest = iter(phis[len(counters) :])
        self.names |= {name: _rebuilt(like, lambda t: next(rest)) for name, like in likes.items()}
        goes_on = condition(phis[: len(counters)])
        test, turn, end = self.block, self.new_block(), self.new_block()
        again: list[Edge] = []
        left: list[Edge] = [(end, {name: self.names[name] for name in before})]
        if isinstance(goes_on, bool):
            goes_on = self.value(goes_on)
        self.branch(goes_on.text, turn, end)
        assert test.end
        self.block, self.names = turn, dict(self.names)
        self.loops.append((again, left))
        self.statements(node.body)
        self.loops.pop()
        if self.block.end is None:
            again.append((self.block, self.names))
        self.meet(again)
        returns: list[Value] = []
        if again:
            wider = {}
            for name, like in likes.items():
                if name not in self.names:
                    raise TranslationError(f"{name} has no one value at the end of a turn")
                found = self._common(like, self.names[name])
                if any(a.type != b.type for a, b in zip(flat(found), flat(like), strict=True)):
                    wider[name] = found
            if wider:
                return wider
            returns = [*following(phis[: len(counters)])]
            returns += flat(tuple([self.as_like(self.names[name], like) for name, like in likes.items()]))
            self.jump(head)
        latch = self.block
        for k, phi in enumerate(phis):
            for i, name in enumerate(phi.parts):
                edges = [(entry, starts[k].parts[i])]
                edges += [(latch, returns[k].parts[i])] if again else []
                head.phis.append(f"  {name} = {phi_text(llvm_type(phi.type), edges)}")
        self.meet([(block, {name: names[name] for name in before if name in names}) for block, names in left])
        return {}

    def _do_Break(self, node: ast.Break) -> None:
        self._leave_turn(1)

    def _do_Continue(self, node: ast.Continue) -> None:
        self._leave_turn(0)

    def _leave_turn(self, way: int) -> None:
        self.loops[-1][way].append((self.block, self.names))
        self.block = self._left()

    # --- expressions -------------------------------------------------------------------------------------

    def evaluate(self, node: ast.expr) -> Any:
        """A value, or what stands in the source."""
        return getattr(self, f"_of_{type(node).__name__}", self._unknown)(node)

    def _of_Constant(self, node: ast.Constant) -> Any:
        return node.value

    def _of_Name(self, node: ast.Name) -> Any:
        return self.name_value(node.id)

    def name_value(self, name: str) -> Any:
        """What a name stands for."""
        if name in self.names:
            return self.names[name]
        if name not in self.outside and not hasattr(builtins, name):
            raise TranslationError(f"{name} is not set on every path to here")
        return self.outside[name] if name in self.outside else getattr(builtins, name)

    def _of_Tuple(self, node: ast.Tuple) -> tuple[Any, ...]:
        return tuple([self.evaluate(each) for each in node.elts])

    def _of_Attribute(self, node: ast.Attribute) -> Any:
        value = self.evaluate(node.value)
        if isinstance(value, ModuleType):
            return getattr(value, node.attr)
        parts = {"real": real_part, "imag": imaginary_part}
        return parts[node.attr](self, value) if node.attr in parts else self._unknown(node)

    def _of_Subscript(self, node: ast.Subscript) -> Any:
        value = self.evaluate(node.value)
        if isinstance(value, Value):
            place = pointer_instructions.element(self, value, self.evaluate(node.slice))
            return self.load(pointer_of(value).of, place)
        index = self.evaluate(node.slice)
        return self._looked_up(value, index) if isinstance(index, Value) else value[index]

    def _looked_up(self, table: Any, index: Value) -> Value:
        """An element of a table that stands in the source."""
        t = np.result_type(*map(type_of, table))
        kind, values = llvm_type(t), ", ".join(f"{llvm_type(t)} {constant_text(x, t)}" for x in table)
        name = f"@table.{hashlib.sha256(values.encode()).hexdigest()[:16]}"
        self.module.declare(f"{name} = private unnamed_addr constant [{len(table)} x {kind}] [{values}]")
        place = self.make(f"getelementptr inbounds {kind}, ptr {name}, i64 {cast(self, index, INT64).text}")
        return self.load(t, place)

    def operate(self, name: str, x: Any, y: Any) -> Any:
        """An operator, by its name in the syntax tree."""
        if isinstance(x, Value) or isinstance(y, Value):
            return OPERATORS[name](self, x, y)
        return IN_PYTHON[name](x, y)

    def _of_BinOp(self, node: ast.BinOp) -> Any:
        return self.operate(type(node.op).__name__, self.evaluate(node.left), self.evaluate(node.right))

    def _of_UnaryOp(self, node: ast.UnaryOp) -> Any:
        value, name = self.evaluate(node.operand), type(node.op).__name__
        if isinstance(value, Value):
            return {"USub": negative, "Invert": inverted, "Not": logical_not}[name](self, value)
        return {"USub": lambda: -value, "Invert": lambda: ~value, "Not": lambda: not value}[name]()

    def _of_Compare(self, node: ast.Compare) -> Any:
        values = [self.evaluate(each) for each in (node.left, *node.comparators)]
        found: Any = True
        for op, x, y in zip(node.ops, values, values[1:], strict=False):
            name = type(op).__name__
            known = not isinstance(x, Value) and not isinstance(y, Value)
            one = IN_PYTHON[name](x, y) if known else compare(self, name, x, y)
            found = one if found is True else self.operate("BitAnd", found, one)
        return found

    def _of_BoolOp(self, node: ast.BoolOp) -> Any:
        """The rest is computed if it is needed, or at once where that is no work."""
        is_and = isinstance(node.op, ast.And)
        value = self.evaluate(node.values[0])
        for i, each in enumerate(node.values[1:], 1):
            if not isinstance(value, Value):
                if bool(value) != is_and:
                    return value
                value = self.evaluate(each)
                continue
            if _is_light(each):
                value = self.operate("BitAnd" if is_and else "BitOr", truth(self, value), self._flag(each))
                continue
            value = truth(self, value)
            rest = ast.BoolOp(node.op, node.values[i:]) if i + 1 < len(node.values) else each
            other, end, first = self.new_block(), self.new_block(), self.block
            self.branch(value.text, *((other, end) if is_and else (end, other)))
            self.block = other
            edges = [(first, "false" if is_and else "true"), (other, self._flag(rest).text)]
            edges[1] = (self.block, edges[1][1])
            self.jump(end)
            self.block = end
            return Value(BOOL, (self.phi(end, "i1", edges),))
        return value

    def _flag(self, node: ast.expr) -> Value:
        return truth(self, self.evaluate(node))

    def _of_IfExp(self, node: ast.IfExp) -> Any:
        condition = self.condition(node.test)
        if isinstance(condition, bool):
            return self.evaluate(node.body if condition else node.orelse)
        arms = (node.body, node.orelse)
        if all(map(_is_light, arms)):
            values = [self.evaluate(arm) for arm in arms]
            t = common(*map(self._type, values))
            return self.select(condition.text, t, *[cast(self, v, t) for v in values])
        blocks, edges = (self.new_block(), self.new_block()), []
        self.branch(condition.text, *blocks)
        for block, arm in zip(blocks, arms, strict=True):
            self.block = block
            value = self.evaluate(arm)
            edges.append((self.block, value))
        end = self.new_block()
        value = self.joined(end, edges)
        for edge, _ in edges:
            with self.at(edge):
                self.jump(end)
        self.block = end
        return value

    def _of_Call(self, node: ast.Call) -> Any:
        function = self.evaluate(node.func)
        arguments = [self.evaluate(each) for each in node.args]
        if isinstance(function, Foreign):
            return function.called(self, arguments)
        if function is isinstance:
            value, classes = arguments
            found = [as_dtype(c) for c in (classes if isinstance(classes, tuple) else (classes,))]
            return self._type(value) in found
        if function is type:
            return self._type(arguments[0])
        if function in _instructions():
            return _instructions()[function](self, *arguments)
        dtype = as_dtype(function)
        if dtype is not None:
            (value,) = arguments
            return cast(self, value, dtype)
        if isinstance(function, FunctionType):
            return self.call_function(function, arguments)
        raise TranslationError(f"{ast.unparse(node.func)} is no function of kernels")


def _is_heavy(name: str, arguments: Sequence[Any]) -> bool:
    """Whether a function of numbers has enough to do to be called by kernels that do so once."""
    numbers = all(isinstance(x, Value) and isinstance(x.type, np.dtype) for x in arguments)
    return numbers and (name in ELEMENTS or name in HELPERS) and operations(name) >= HEAVY


def _is_runtime(x: Any) -> bool:
    """Whether a value can be one at run time."""
    if isinstance(x, tuple):
        return all(map(_is_runtime, x))
    return isinstance(x, Value) or number_type(x) is not None


def _runtime(b: Builder, x: Any) -> Any:
    """What stands in the source as values."""
    if isinstance(x, tuple):
        return tuple([_runtime(b, v) for v in x])
    return x if x is None else b.value(x)


def _assigned(node: ast.AST) -> set[str]:
    """Names that are set in a statement."""
    found: set[str] | None = getattr(node, "assigned", None)
    if found is None:
        found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        node.assigned = found  # type: ignore[attr-defined]
    return found


LIGHT = (ast.Name, ast.Constant, ast.Compare, ast.UnaryOp, ast.Attribute, ast.operator, ast.unaryop, ast.cmpop)


def _is_light(node: ast.expr) -> bool:
    """Whether an expression may be computed whether it is needed or not."""
    found: bool | None = getattr(node, "light", None)
    if found is None:
        found = all(isinstance(n, (*LIGHT, ast.expr_context)) for n in ast.walk(node))
        node.light = found  # type: ignore[attr-defined]
    return found
