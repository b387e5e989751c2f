"""From an op list to a plan.

Dead ops fall away, equal ones are merged, views become layouts. Elementwise ops and reductions join a fused
step over their shape (steps.py), unless they need what depends on its results; every other op is a step of its
own. In the end the steps are put in an order in which each comes behind those that write what it reads.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence

from ..core.avals import Aval, aval
from ..core.layouts import Layout, contiguous_strides, same
from ..core.program import Op, Uniform, Var
from ..core.warnings import CompileWarning
from .composites import fused, fusible
from .in_place import written_where_computed
from .locations import Expression, Location, Register, shape_of, views_of
from .merging import merged
from .ordering import Ordered
from .plan import (
    Call,
    Entry,
    FusedStep,
    KernelStep,
    LoopStep,
    Operand,
    Plan,
    Scalar,
    Step,
    Store,
    Unrollable,
    View,
    with_own_outputs,
)
from .rolling import rolled
from .simplifying import SCATTERS, SECTIONS, late, live, without_equals
from .turns import LOOP, MEMORY, READ, WRITE, Turns
from .updates import Updates
from .widening import widened

REPEATING = ("reshape", "broadcast_to")
"""Views that leave the elements in order, one by one or repeated, as `layouts.same` does."""

Strides = tuple[int, ...]


def make_plan(
    ops: Sequence[Op],
    outputs: Sequence[Var],
    leaves: Sequence[Var],
    strides: Sequence[Strides | None],
    repeats: Callable[[Op], bool] | None = None,
) -> Plan:
    """Plan the ops that `outputs` need.

    Args:
        ops: in recorded order.
        outputs: variables whose values are wanted.
        leaves: the variables whose values the plan will be given.
        strides: those of the values, in elements; None for C-contiguous ones.
        repeats: whether a device can run an op in a loop; without, it runs no loops.
    """
    where: dict[Var, Operand] = {}
    for i, (v, s) in enumerate(zip(leaves, strides, strict=True)):
        if isinstance(v.value, Uniform):
            where[v] = Scalar(i, v.aval)
        else:
            where[v] = View(i, v.aval.dtype, Layout(v.aval.shape, s or contiguous_strides(v.aval.shape)))
    avals = [v.aval for v in leaves]
    ops, equals = without_equals(widened(live(ops, outputs)))
    outputs = [equals.get(v, v) for v in outputs]
    ops = late(live(ops, outputs))
    if repeats is not None:
        try:
            loops = rolled(ops, outputs, leaves, strides, repeats)
            return Planner(where, avals).plan(loops, outputs)
        except Unrollable:
            pass
        except Exception as error:  # whatever is wrong with it, there is the other way
            warnings.warn(
                f"{len(ops)} ops are planned one by one, as their loops could not be: {error!r}. Results are the "
                f"same. Hint: this is a fault of fastvjp's, please report it.",
                CompileWarning,
                stacklevel=2,
            )
    return Planner(where, avals).plan(ops, outputs)


class _Whole(Ordered):
    """A step that takes no further work."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step

    def steps(self) -> list[Step]:
        return [self.step]


class Planner(Updates):
    """Where values are, while op by op is planned.

    Args:
        given: where the values are that the plan is given, in its leaves.
        leaves: what those are.
        written: leaves that are parts of arrays which the plan writes to, and which array that is.
        overwritable: numbers of leaves that nobody needs but the plan, which may write to them.
    """

    def __init__(
        self,
        given: Mapping[Var, Operand],
        leaves: Sequence[Aval],
        written: Mapping[int, int] | None = None,
        overwritable: Collection[int] = (),
    ) -> None:
        super().__init__(leaves, overwritable)
        self.entered = given
        self.memories = written or {}
        self.versions.past |= self.memories.keys()  # what was read of them is not computed from them again
        for v, location in given.items():
            self.locate(v, location)

    def plan(self, ops: Sequence[Op], outputs: Sequence[Var]) -> Plan:
        """The plan of ops in order."""
        for op in self.in_turn(ops, outputs):
            self.add(op)
        results = [self.stored(self.where[v]) for v in outputs]
        segments = [[step for ordered in part for step in ordered.steps()] for part in self.segment.finish()]
        kept = [o for o in self.entered.values() if isinstance(o, View) and o.buffer in self.memories]
        steps = merged(segments, [*results, *kept], self.versions)
        steps, results = self.versions.united(steps, results)
        if self.memories:
            steps = written_where_computed(steps, results, self.memories)
        return Plan(self.leaves, self.buffers, steps, results)

    def add(self, op: Op) -> None:
        """Plan one op."""
        operands = [self.where[v] for v in op.inputs]
        if op.primitive is LOOP:
            return self.repeat(op, operands)
        if op.primitive is WRITE:
            return self.write(op, *operands)
        name, out = op.primitive.name, op.outputs[0]
        if op.primitive is MEMORY:
            self.locate(out, self.copied(operands[0], out.aval))
        elif op.primitive is READ:
            self.locate(out, operands[0])
        elif op.primitive.elementwise:
            statics = tuple([op.params[p] for p in op.primitive.statics])
            self.locate(out, self.fuse(op.primitive.element or name, out.aval, operands, statics))
        elif op.primitive.view is not None:
            self.locate(out, self.view(op, operands[0]))
        elif op.primitive.definition is not None:  # a user's, under any name
            self.launch(op, operands)
        elif name in SECTIONS:
            self.locate(out, self.update(op, *operands))
        elif name in SCATTERS:
            self.launch(op, *self.scatter(op, operands))
        else:
            composite = fused.get(name) or fusible.get(name)
            planned = None if composite is None else composite(self, op, *operands)
            if planned is None:
                self.launch(op, operands)
            else:
                self.locate(out, planned)

    def launch(self, op: Op, operands: Sequence[Location], onto: View | None = None) -> None:
        """A step of its own, which gives all results of the op: in new memory, or in an operand's."""
        read = [self.stored(location) for location in operands]
        step = KernelStep(op.primitive, op.params, read, [])
        whole = self._append(step)
        for v in op.outputs:
            out = self.allocate(v.aval, whole) if onto is None else self.version(onto, whole)
            step.outputs.append(out)
            self.locate(v, out)

    def _append(self, step: Step) -> _Whole:
        """Append a step that takes no further work."""
        whole = _Whole(step)
        for view in step.writes:
            self.written[view.buffer] = whole
        self.add_step(whole)
        for o in step.reads:
            self.require(whole, o)
        return whole

    # --- loops -------------------------------------------------------------------------------------------

    def repeat(self, op: Op, operands: Sequence[Location]) -> None:
        """A step of its own that runs a plan over and over."""
        turns: Turns = op.params["turns"]
        inputs, moves, leaves = list[Operand](), list[int](), list[Aval]()
        own, carried, where = dict[int, int](), dict[int, int](), dict[Var, Operand]()
        numbers: list[int] = []
        places: dict[tuple[int, int], tuple[int, int]] = {}
        """For sections of an array that move alike, the leaf and where in the array it begins."""
        for g, first, second in turns.operands(operands):
            o = self._contiguous(first, g.var.aval) if g.carried is not None else self.stored(first)
            n = 0 if second is None else _distance(o, self.stored(second))
            number, offset = len(leaves), 0
            if isinstance(o, View) and g.carried is None and not g.words:
                number, first_offset = places.setdefault((o.buffer, n), (number, o.layout.offset))
                offset = o.layout.offset - first_offset
            where[g.var] = _leaf(number, o, g.var.aval, offset)
            numbers.append(number)
            if number < len(leaves):
                continue
            inputs.append(o)
            leaves.append(g.var.aval)
            moves.append(g.words if isinstance(o, Scalar) else n)
            if g.carried is not None:
                carried[number] = g.carried
            elif g.words and isinstance(o, View):
                own[number] = g.words
        results = [r.var for r in turns.results]
        memories = {numbers[k]: i for i, m in enumerate(turns.memories) for k in (m.whole, *m.windows)}
        body = with_own_outputs(Planner(where, leaves, memories).plan(turns.ops, results))
        written = {m.output: operands[turns.places[m.whole]] for m in turns.memories}
        found = [written.get(k) or self.allocate(v.aval, None) for k, v in enumerate(op.outputs)]
        outputs, strides = list[View](), list[int]()
        for r in turns.results:
            a = r.var.aval
            layout = Layout(a.shape, contiguous_strides(a.shape), (r.slot or 0) * a.size)
            place = found[r.output]
            assert isinstance(place, View)
            outputs.append(View(place.buffer, a.dtype, layout))
            strides.append(r.slots * a.size)
        twice = [k for k in {*carried.values()} if not turns.results[k].slots]
        spares = {k: self.allocate(results[k].aval, None) for k in twice}
        given = (
            [o for o in map(self.where.get, self.entered) if isinstance(o, View | Scalar)] if turns.has_own else []
        )
        changed = [o for o in written.values() if isinstance(o, View)]
        step = LoopStep(turns.trips, body, inputs, moves, carried, outputs, strides, spares, changed, own, given)
        self._change(step, changed)
        for v, location in zip(op.outputs, found, strict=True):
            self.locate(v, location)

    def write(self, op: Op, window: Location, y: Location) -> None:
        """A step that changes an array in memory."""
        assert isinstance(window, View)
        shape, y = window.layout.shape, self.stored(y)
        if op.params["adds"]:
            body: list[Entry] = [Call("add", window.dtype, (0, 1))]
            step = FusedStep(shape, len(shape), [window, y], body, [Store(2, window)])
        else:
            step = FusedStep(shape, len(shape), [y], [], [Store(0, window)])
        self._change(step, [window])

    def _change(self, step: Step, changed: Sequence[View]) -> None:
        """A step that changes arrays: who reads them later has what they are now, and nothing passes it."""
        arrays = {self.memories[view.buffer] for view in changed if view.buffer in self.memories}
        if not arrays:
            self._append(step)
            return
        for v, location in [*self.where.items()]:
            if v not in self.entered and self.last.get(v, -1) > self.now and self._reads(location, arrays):
                self.locate(v, self.copied(location, v.aval))
        self.close()
        self._append(step)
        self.close()

    def _reads(self, location: Location, arrays: Collection[int]) -> bool:
        """Whether a value is read from one of these arrays when it is needed."""
        return any(self.memories.get(view.buffer) in arrays for view in views_of(location))

    def _contiguous(self, location: Location, a: Aval) -> View:
        """The location in memory, its elements one behind the other."""
        found = self.stored(location)
        if isinstance(found, View) and found.layout.strides == contiguous_strides(a.shape):
            return found
        return self.copied(found, a)

    # --- views -------------------------------------------------------------------------------------------

    def view(self, op: Op, found: Location) -> Location:
        """What a view primitive makes of a location."""
        if op.primitive.unique:  # a barrier: what follows it goes to later steps
            self.close()
        shape = op.outputs[0].aval.shape
        in_order = op.primitive.view is same or op.primitive.name in REPEATING
        if in_order and shape == shape_of(found):
            return found
        if isinstance(found, Scalar):
            return Scalar(found.leaf, op.outputs[0].aval)
        if isinstance(found, Expression):
            return Expression(found.call, shape)
        if isinstance(found, Register) and found.row and op.primitive.name in REPEATING:
            builder = found.builder
            # broadcasting counts axes from the last, so rows keep their place if none are added in front
            in_place = op.primitive.name == "reshape" or len(found.shape) in (0, len(shape))
            if in_place and builder.is_row(found.shape) and (builder.is_row(shape) or shape == builder.shape):
                return Register(builder, found.value, shape, row=True)
        source, view = self.stored(found), op.primitive.view
        assert isinstance(source, View)
        assert view is not None
        layout = view(source.layout, **op.params)
        if layout is None:
            source = self.stored(self.fuse("copy", aval(shape_of(found), source.dtype), [source]))
            assert isinstance(source, View)
            layout = view(source.layout, **op.params)
            assert layout is not None
        return View(source.buffer, source.dtype, layout)


def _leaf(number: int, o: Operand, a: Aval, offset: int) -> Operand:
    """Where the body of a loop finds in a leaf what is this at the first turn."""
    if isinstance(o, Scalar):
        return Scalar(number, a)
    return View(number, o.dtype, o.layout._replace(offset=offset))


def _distance(first: Operand, second: Operand) -> int:
    """By how many elements a section moves from turn to turn."""
    if isinstance(first, Scalar) or isinstance(second, Scalar):
        if first != second:
            raise Unrollable
        return 0
    if first.buffer != second.buffer or first.layout[:2] != second.layout[:2]:
        raise Unrollable
    return second.layout.offset - first.layout.offset
