"""From an op list to a plan.

Dead ops fall away, equal ones are merged, views become layouts. Elementwise ops and reductions join a fused
step over their shape (steps.py), unless they need what depends on its results; every other op is a step of its
own. In the end the steps are put in an order in which each comes behind those that write what it reads.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

from ..core.avals import aval
from ..core.layouts import Layout, contiguous_strides, same
from ..core.program import Op, Uniform, Var
from .composites import fused, fusible
from .locations import Expression, Location, Register, shape_of
from .merging import merged
from .ordering import Ordered
from .plan import KernelStep, Operand, Plan, Scalar, View
from .updates import SCATTERS, SECTIONS, Updates
from .widening import widened

REPEATING = ("reshape", "broadcast_to")
"""Views that leave the elements in order, one by one or repeated, as `layouts.same` does."""

Strides = tuple[int, ...]


def make_plan(
    ops: Sequence[Op], outputs: Sequence[Var], leaves: Sequence[Var], strides: Sequence[Strides | None]
) -> Plan:
    """Plan the ops that `outputs` need.

    Args:
        ops: in recorded order.
        outputs: variables whose values are wanted.
        leaves: the variables whose values the plan will be given.
        strides: those of the values, in elements; None for C-contiguous ones.
    """
    return Planner(leaves, strides).plan(widened(_live(ops, outputs)), outputs)


def _live(ops: Sequence[Op], outputs: Sequence[Var]) -> list[Op]:
    wanted = {v for v in outputs if v.value is None}
    live = []
    for op in reversed(ops):
        if not wanted.isdisjoint(op.outputs):
            live.append(op)
            wanted.update(v for v in op.inputs if v.value is None)
    return live[::-1]


class _Kernel(Ordered):
    """A `KernelStep` among the steps."""

    def __init__(self, step: KernelStep) -> None:
        super().__init__()
        self.step = step

    def steps(self) -> list[KernelStep]:
        return [self.step]


class Planner(Updates):
    """Where values are, while op by op is planned.

    Args:
        leaves, strides: as for `make_plan`.
        overwritable: numbers of leaves that nobody needs but the plan, which may write to them.
    """

    def __init__(
        self, leaves: Sequence[Var], strides: Sequence[Strides | None], overwritable: Collection[int] = ()
    ) -> None:
        super().__init__([v.aval for v in leaves], overwritable)
        for i, (v, s) in enumerate(zip(leaves, strides, strict=True)):
            self.locate(v, self._leaf(i, v, s))

    def _leaf(self, i: int, var: Var, strides: Strides | None) -> Operand:
        if isinstance(var.value, Uniform):
            return Scalar(i, var.aval)
        return View(i, var.aval.dtype, Layout(var.aval.shape, strides or contiguous_strides(var.aval.shape)))

    def plan(self, ops: Sequence[Op], outputs: Sequence[Var]) -> Plan:
        """The plan of ops in order."""
        seen: dict[Hashable, tuple[Var, ...]] = {}
        equals: dict[Var, Var] = {}
        calls = []
        for op in ops:
            inputs = tuple([equals.get(v, v) for v in op.inputs])
            if not (op.primitive.unique or op.primitive.opaque):
                key = (op.primitive, inputs, tuple(op.params.items()))
                equal = seen.setdefault(key, op.outputs)
                if equal is not op.outputs:
                    equals.update(zip(op.outputs, equal, strict=True))
                    continue
            calls.append((op, inputs))
        outputs = [equals.get(v, v) for v in outputs]
        for op, inputs in self.calls(calls, outputs):
            self.add(op, inputs)
        results = [self.stored(self.where[v]) for v in outputs]
        segments = [[step for ordered in part for step in ordered.steps()] for part in self.segment.finish()]
        steps, results = self.versions.united(merged(segments, results, self.versions), results)
        return Plan(self.leaves, self.buffers, steps, results)

    def add(self, op: Op, inputs: tuple[Var, ...]) -> None:
        """Plan one op."""
        name, out = op.primitive.name, op.outputs[0]
        operands = [self.where[v] for v in inputs]
        if op.primitive.elementwise:
            statics = tuple([op.params[p] for p in op.primitive.statics])
            self.locate(out, self.fuse(op.primitive.element or name, out.aval, operands, statics))
        elif op.primitive.view is not None:
            self.locate(out, self.view(op, operands[0]))
        elif op.primitive.opaque:  # a marker: its outputs are, in order, its last inputs
            for v, location in zip(op.outputs, operands[-len(op.outputs) :], strict=True):
                self.locate(v, location)
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
        kernel = _Kernel(KernelStep(op.primitive, op.params, read, []))
        self.add_step(kernel)
        for o in read:
            self.require(kernel, o)
        for v in op.outputs:
            out = self.allocate(v.aval, kernel) if onto is None else self.version(onto, kernel)
            kernel.step.outputs.append(out)
            self.locate(v, out)

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
