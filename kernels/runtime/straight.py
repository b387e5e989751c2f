"""Loops of a plan over few numbers, written out: one kernel, in which the numbers of a turn stay in registers.

The body's plan is run once, on names of numbers instead of numbers, and writes a line for whatever it computes.
What lies in buffers of the body is known by name; what is carried is a variable of the kernel's loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...core.avals import COMPUTED, kind_of
from ...core.definitions import DEFINED
from ...core.layouts import Layout
from ...devices.operands import aval_of
from ...planning.plan import Call, FusedStep, KernelStep, LoopStep, Operand, Reduce, Scalar, Step, Store, View
from ..fused.arguments import SCALARS, Arguments
from ..fused.text import combination, from_memory, identity_value, indented, stored_name, to_memory
from ..fused.tiling import operations
from ..fused.values import computed
from ..loops import Failure, Loop
from ..native.pointers import PythonPointer
from ..structural.lapack import matrices
from ..structural.written import Term, writes

LINES = 1200
"""Of a kernel, at most: numbers that a turn loads, computes and stores."""
ELEMENTS = 16
"""Of an array, at most."""
APART = 100
"""Operations that may follow one another instead of going side by side: they take as long as starting a step."""


class Unwritable(Exception):
    """A loop is too large to be written out, or does what is done on arrays only."""


@dataclass(frozen=True)
class Number:
    """A number that the kernel has, by name."""

    name: str
    dtype: np.dtype


def straight(step: LoopStep, fused: Callable[[Step], list[FusedStep] | None]) -> Loop | None:
    """The kernel of a loop, if its turns take few numbers.

    Args:
        step: the loop.
        fused: what steps of its body are as fused steps.
    """
    if step.own:
        return None
    try:
        return _Straight(step, fused).loop()
    except Unwritable:
        return None


class _Straight:
    """The lines of a kernel."""

    def __init__(self, step: LoopStep, fused: Callable[[Step], list[FusedStep] | None]) -> None:
        self.step, self.fused = step, fused
        arrays = [o for o in step.inputs if isinstance(o, View)]
        self.views = list(dict.fromkeys([*map(_whole, arrays), *map(_whole, step.outputs)]))
        self.changes = bool(step.memories)
        """Whether turns write to arrays that they are given: any two of these may be parts of one."""
        self.scopes = list(dict.fromkeys([self._scope(v) for v in self.views]))
        scalars = [o for o in step.inputs if isinstance(o, Scalar)]
        self.arguments = Arguments(self.views, list(dict.fromkeys(scalars)))
        self.memory: dict[tuple[int, int], Number] = {}
        """What lies in the buffers of the body, by buffer and element."""
        self.apart = 0
        """Operations so far on elements behind the first of an array."""
        self.before: list[str] = []
        self.lines: list[str] = []
        self.known: dict[str, Number] = {}
        self.carried: dict[tuple[int, int], Number] = {}
        """What is carried, by leaf of the body and element."""
        self.matrices: np.dtype | None = None
        """The dtype of tiny matrices, of which the kernel has one, ..."""
        self.failures: list[Failure] = []
        """... and what is wrong with some of them, where the status counts from a multiple of `LINES`."""

    def loop(self) -> Loop:
        """The kernel."""
        step = self.step
        for part in step.body.steps:
            self._run(part)
        for k, view in enumerate(step.outputs):
            for e in range(math.prod(view.layout.shape)):
                self._store(view, view.layout.offset + e, step.strides[k], self._result(k, e))
        following = [(f"n{i}", variable, self._result(step.carried[leaf], e))
                     for i, ((leaf, e), variable) in enumerate(self.carried.items())]  # fmt: skip
        body = [*self.lines, *(f"{name} = {number.name}" for name, _, number in following)]
        body += [f"{variable.name} = {name}" for name, variable, _ in following]
        trips = self.arguments.number(step.trips)
        lines = [*self.before, f"for turn in range({trips}):", *indented(body)]
        if self.matrices is not None:
            lines.insert(0, f"dtype, real_dtype = {self.matrices.name}, {self.matrices.type(0).real.dtype.name}")
        self.arguments.read_scalars()
        source, arrays, found, numbers = self.arguments.kernel(lines, "0")
        return Loop(source, arrays, found, numbers, 1, failure=self._failure(), work=len(self.lines) * step.trips)

    def _failure(self) -> Failure | None:
        """What is wrong where the kernel's status is not 0."""
        if not self.failures:
            return None
        first, failures = self.failures[0], self.failures

        def describe(place: int, args: PythonPointer) -> Exception:
            return failures[place // LINES].of(place % LINES + 1, args)

        message = (
            first.message if len(failures) == 1 else "[loop] A matrix of a turn is not what it must be, by number"
        )
        return Failure(first.exception, message, describe)

    def _result(self, k: int, element: int) -> Number:
        """An element of a result of a turn."""
        view = self.step.body.outputs[k]
        assert isinstance(view, View)
        return self.memory[view.buffer, view.layout.offset + element]

    # --- numbers -----------------------------------------------------------------------------------------

    def number(self, text: str, dtype: np.dtype) -> Number:
        """What this text computes, once."""
        found = self.known.get(text)
        if found is None:
            found = self.known[text] = self._named(text, dtype)
        return found

    def _named(self, text: str, dtype: np.dtype) -> Number:
        found = Number(f"v{len(self.lines)}", dtype)
        self._add(f"{found.name} = {text}")
        return found

    def _add(self, line: str) -> None:
        self.lines.append(line)
        if len(self.lines) > LINES:
            raise Unwritable

    def _element(self, view: View, offset: int) -> Number:
        """The number at a place in a buffer of the body, or in a leaf."""
        if view.buffer >= len(self.step.inputs):
            found = self.memory.get((view.buffer, offset))
            if found is None:
                raise Unwritable
            return found
        if view.buffer in self.step.carried:
            return self._variable(view.buffer, offset)
        outer = self.step.inputs[view.buffer]
        assert isinstance(outer, View)
        if outer.dtype.itemsize != view.dtype.itemsize:
            raise Unwritable
        text = self._load(outer, outer.layout.offset + offset, self.step.moves[view.buffer])
        if self.changes:  # what is there now
            return self._named(text, outer.dtype)
        return self.number(text, outer.dtype)

    def _variable(self, leaf: int, element: int) -> Number:
        """An element of what is carried: before the first turn, it is what the loop is given."""
        found = self.carried.get((leaf, element))
        if found is None:
            outer = self.step.inputs[leaf]
            assert isinstance(outer, View)
            found = self.carried[leaf, element] = Number(f"c{len(self.carried)}", outer.dtype)
            self.before.append(f"{found.name} = {self._load(outer, outer.layout.offset + element, 0)}")
        return found

    def _scalar(self, o: Scalar | None) -> Number:
        """A scalar that the body is given."""
        assert o is not None
        scalar, words = self.step.inputs[o.leaf], self.step.moves[o.leaf]
        assert isinstance(scalar, Scalar)
        dtype = scalar.aval.dtype
        if not words:
            return Number(self.arguments.scalar(scalar), dtype)
        place = len(self.views) + self.arguments.scalars.index(scalar)
        moved = f"{self.arguments.set(f'w{place}', self.arguments.word(place))} + turn * {self._move(words * 8)}"
        return self.number(f"{dtype}(pointer({moved}, {SCALARS[kind_of(dtype)]})[0])", dtype)

    # --- memory around the loop ---------------------------------------------------------------------------

    def _place(self, view: View, element: int, move: int) -> tuple[str, int]:
        """Pointer and index of an element in an array, and the scope of that."""
        a = self.views.index(_whole(view))
        pointer = self.arguments.set(f"p{a}", f"pointer({self.arguments.word(a)}, {stored_name(view.dtype)})")
        index = f"{element} + turn * {self._move(move)}" if move else str(element)
        return f"{pointer}, {index}", self.scopes.index(self._scope(view))

    def _scope(self, view: View) -> int:
        """What stands for all arrays that share memory with this one."""
        given = [o.buffer for o in self.step.inputs if isinstance(o, View)]
        return given[0] if self.changes and view.buffer in given else view.buffer

    def _move(self, move: int) -> str:
        return self.arguments.constant(f"move{move}".replace("-", "_"), move)

    def _load(self, view: View, element: int, move: int) -> str:
        place, scope = self._place(view, element, move)
        return from_memory(view.dtype, f"load({place}, {scope}, {len(self.scopes)})")

    def _store(self, view: View, element: int, move: int, value: Number) -> None:
        place, scope = self._place(view, element, move)
        self._add(f"store({place}, {to_memory(view.dtype, value.name)}, {scope}, {len(self.scopes)})")

    # --- steps -------------------------------------------------------------------------------------------

    def _run(self, part: Step) -> None:
        """Write the lines of a step of the body."""
        steps = self.fused(part)
        if steps is not None:
            for single in steps:
                self._fused(single)
        elif isinstance(part, KernelStep) and part.primitive.name == "matmul":
            self._product(part)
        elif isinstance(part, KernelStep) and not part.primitive.definition and part.primitive.name in writes:
            self._matrices(part)
        else:
            raise Unwritable

    def _fused(self, step: FusedStep) -> None:
        """Everything is loaded before anything is stored, as in loops that know no order."""
        size = math.prod(step.shape)
        self.apart += (size - 1) * operations(step.body)
        if size > ELEMENTS or self.apart > APART * len(self.step.body.steps):
            raise Unwritable
        columns = math.prod(step.shape[step.rows :]) if step.has_rows else 1
        values = [self._loaded(o, step.shape) for o in step.loads]
        if step.body and any(
            x.dtype != aval_of(o).dtype for o, xs in zip(step.loads, values, strict=True) for x in xs
        ):
            raise Unwritable  # what is only moved may be seen as something else
        for entry in step.body:
            operands = [values[k] for k in entry.operands]
            if isinstance(entry, Reduce) and entry.where is None:
                (whole,) = operands
                rows = [whole[i : i + columns] for i in range(0, len(whole), columns)]
                values.append(
                    [x for row in rows for x in [self._combined(entry.name, entry.dtype, row)] * columns]
                )
            elif isinstance(entry, Call) and entry.name not in DEFINED and entry.dtype not in COMPUTED:
                values.append([self._called(entry, given) for given in zip(*operands, strict=True)])
            else:
                raise Unwritable
        for store in step.stores:
            self._stored(store, values[store.value], columns if store.row else 1)
        if step.then:
            self._fused(step.then)

    def _called(self, entry: Call, operands: Sequence[Number]) -> Number:
        return self.number(computed(entry, [x.name for x in operands]), entry.dtype)

    def _combined(self, combine: str, dtype: np.dtype, values: Sequence[Number]) -> Number:
        """All values combined, from the first to the last."""
        total = self.number(identity_value(combine, dtype), dtype)
        for x in values:
            total = self.number(combination(combine, dtype, total.name, x.name), dtype)
        return total

    def _loaded(self, o: Operand, shape: Sequence[int]) -> list[Number]:
        """All elements of an operand."""
        if isinstance(o, Scalar):
            return [self._scalar(o)] * math.prod(shape)
        if o.dtype in COMPUTED:
            raise Unwritable
        return [self._element(o, place) if lies else self._scalar(o.fill) for place, lies in _elements(o)]

    def _stored(self, store: Store, values: Sequence[Number], every: int) -> None:
        """Put values where they belong, of rows the first in each."""
        view = store.view
        at = [place for place, _ in _elements(view)]
        if store.combine:
            meeting: dict[int, list[Number]] = {}
            for place, x in zip(at[::every], values[::every], strict=True):
                meeting.setdefault(place, []).append(x)
            found = {place: self._combined(store.combine, view.dtype, xs) for place, xs in meeting.items()}
        else:
            found = dict(zip(at[::every], values[::every], strict=True))
        for place, x in found.items():
            self._put(view, place, x)

    def _put(self, view: View, element: int, x: Number) -> None:
        if view.dtype.itemsize != x.dtype.itemsize:
            raise Unwritable
        if view.buffer >= len(self.step.inputs):
            self.memory[view.buffer, element] = x
            return
        outer = self.step.inputs[view.buffer]
        assert isinstance(outer, View)
        if outer.dtype != x.dtype:
            raise Unwritable
        self._store(outer, outer.layout.offset + element, self.step.moves[view.buffer], x)

    def _product(self, part: KernelStep) -> None:
        """Products of matrices, element by element."""
        out = part.output
        terms = math.prod(out.layout.shape) * aval_of(part.inputs[0]).shape[-1]
        if terms > LINES or out.dtype == np.bool_ or out.dtype in COMPUTED:
            raise Unwritable
        x, y = [np.empty(aval_of(o).shape, object) for o in part.inputs]
        for matrix, o in zip((x, y), part.inputs, strict=True):
            matrix.ravel()[:] = self._loaded(o, matrix.shape)
        for (*batch, i, j), (place, _) in zip(np.ndindex(*out.layout.shape), _elements(out), strict=True):
            pairs = zip(x[*batch, i], y[*batch, :, j], strict=True)
            products = [
                self.number(combination("multiply", out.dtype, a.name, b.name), out.dtype) for a, b in pairs
            ]
            self._put(out, place, self._combined("add", out.dtype, products))

    def _matrices(self, part: KernelStep) -> None:
        """Tiny matrices, one after the other."""
        writing, out = writes[part.primitive.name](part), aval_of(part.output)
        if writing is None or self.matrices not in (None, out.dtype) or out.dtype in COMPUTED:
            raise Unwritable
        self.matrices = out.dtype
        program, failure = writing
        operands = [self._terms(o) for o in part.inputs]
        results = [np.empty((matrices(out), *aval_of(o).shape[-2:]), object) for o in part.outputs]
        upper = bool(part.params.get("upper"))
        for i in range(matrices(out)):
            given = [x[i].T if upper else x[i] for x in operands]
            found, term = program(*[x.tolist() for x in given])
            for result, rows in zip(results, found, strict=True):
                result[i] = np.array(rows, object).T if upper else np.array(rows, object)
            if failure is not None and term is not None:
                place = len(self.failures) * LINES + i
                self.lines += [f"if {term.name} == real_dtype(0):", f"    return {place + 1}"]
            if len(self.lines) > LINES:
                raise Unwritable
        self.failures += [failure] if failure is not None else []
        for o, result in zip(part.outputs, results, strict=True):
            for (place, _), x in zip(_elements(o), result.ravel().tolist(), strict=True):
                self._put(o, place, Number(x.name, o.dtype))

    def _terms(self, o: Operand) -> np.ndarray:
        """The matrices of an operand, as terms."""
        shape = aval_of(o).shape
        found = np.empty(math.prod(shape), object)
        found[:] = [Term(self.lines, "", x.name) for x in self._loaded(o, shape)]
        return found.reshape(-1, *shape[-2:])


def _elements(view: View) -> list[tuple[int, bool]]:
    """The places of all elements of a view, and whether they lie in its buffer."""
    shape, strides, offset = view.layout
    inside = view.inside or tuple([(0, n) for n in shape])
    places, lie = np.array(offset), np.array(True)
    for n, stride, (first, end) in zip(shape, strides, inside, strict=True):
        index = np.arange(n)
        places = places[..., None] + index * stride
        lie = lie[..., None] & (index >= first) & (index < end)
    return list(zip(places.ravel().tolist(), lie.ravel().tolist(), strict=True))


def _whole(view: View) -> View:
    """What stands for all views of a buffer: its address."""
    return View(view.buffer, view.dtype, Layout((), ()))
