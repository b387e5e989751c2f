"""From recorded ops to values: compiled plans, cached by the structure of what they run, ready for new leaves."""

from __future__ import annotations

import hashlib
import itertools
import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from .. import devices
from ..core import progress
from ..core.avals import Aval
from ..core.program import Abstract, Buffer, Op, Uniform, Var, as_numpy
from ..planning.plan import FusedStep, LoopStep, Plan, Unrollable
from ..planning.planner import make_plan
from ..planning.repetition import LONG
from .constants import with_few_constants
from .listing import Leaf, Listing
from .restored import with_restored


class TracedValueError(TypeError):
    """The value of an array was asked for where only its shape and dtype are known."""


class Ready:
    """Results of a recording, ready to be computed from the values of its leaves.

    Args:
        listing: the op list.
        results: variables of it.
        given: how many of the leaves, which come first, may be abstract: values are given for them.
    """

    __slots__ = ("avals", "constants", "executable", "memo", "pick", "values")

    def __init__(self, listing: Listing, results: Sequence[Var], given: int = 0) -> None:
        ops = listing.ancestors(results)
        if len(ops) >= LONG:
            first = given or len(listing.leaves)  # leaves behind those of which values are given are captured

            def is_constant(v: Var) -> bool:
                return listing.sources.get(v, first) >= first

            ops = with_few_constants(with_restored(ops, set(results), is_constant), is_constant)
        self.executable, used = executable(ops, results)
        sources: list[int] = []
        self.constants: list[Buffer | Uniform] = []
        """Values that rules made: they belong to the structure."""
        for v in used:
            leaf = listing.sources.get(v)
            if leaf is None:
                leaf = len(listing.leaves) + len(self.constants)
                self.constants.append(known(v))
            elif leaf >= given:
                check(listing.leaves[leaf], v)
            sources.append(leaf)
        in_order = sources == list(range(len(listing.leaves)))
        self.pick = None if in_order else partial(_picked, _picker(sources), self.constants)
        """Picks what the executable is given; None where it takes the leaves as they come."""
        run = self.executable.run
        self.values = run if self.pick is None else partial(_run_picked, run, self.pick)
        """The values of the results, by those of the leaves."""
        self.avals = [v.aval for v in results]
        self.memo: Any = None
        """What a transform remembers with it."""

    def given(self, leaves: Sequence[Leaf]) -> Sequence[Any]:
        """What the executable is given."""
        return leaves if self.pick is None else self.pick(leaves)

    def run(self, leaves: Sequence[Leaf], numpy: int = 0) -> list[Any]:
        """The results: so many of the first as NumPy arrays and scalars, the others as variables with values."""
        found: list[Any] = self.executable.run(self.given(leaves))
        for i, a in enumerate(self.avals):
            found[i] = as_numpy(found[i], a, self.executable.fresh[i]) if i < numpy else Var(a, found[i])
        return found


def _picked(pick: Callable[[Sequence[Any]], Sequence[Any]], constants: list[Any], leaves: Sequence[Any]) -> Any:
    return pick([*leaves, *constants] if constants else leaves)


def _run_picked(run: Callable[[Any], Any], pick: Callable[[Any], Any], leaves: Sequence[Any]) -> Any:
    return run(pick(leaves))


def _picker(places: list[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What picks the entries at these places; for fewer than two, `itemgetter` is given a slice."""
    if len(places) > 1:
        return itemgetter(*places)
    first = places[0] if places else 0
    return itemgetter(slice(first, first + len(places)))


def known(var: Var) -> Buffer | Uniform:
    """The value of a variable from outside the recording."""
    if var.value is not None:
        return var.value
    check(var.trace, var)
    return var.trace.value(var)  # type: ignore[union-attr]


def check(value: Any, var: Var) -> None:
    """TracedValueError for what stands in for the value of an abstract variable."""
    if type(value) is Abstract:
        name = value.transform
        raise TracedValueError(
            f"[{name}] The value of an array was read, but {name} calls the function on arrays of "
            f"which only shape and dtype are known (here {var.aval}). Expected: no `if`, `while`, float(), "
            f".item(), np.asarray() or boolean-mask indexing that depends on it, and no use of it after "
            f"{name} has returned. Hint: use fastvjp.where, or do that part outside {name}."
        )


def executable(ops: Sequence[Op], outputs: Sequence[Var]) -> tuple[devices.Executable, list[Var]]:
    """The compiled plan of ops, and the leaves whose values it takes."""
    key, leaves = structure(ops, outputs)
    device = devices.current()
    key = (key, device.name)
    found = _cache.get(key)
    if found is None:
        given = (ops, outputs, leaves, strides(leaves))
        with progress.working(len(ops)) as work:
            plan = make_plan(*given, device.repeats)
            work.planned = work.seconds
            try:
                found = device.compile(plan)
            except Unrollable:
                plan = make_plan(*given)
                found = device.compile(plan)
        _cache.put(key, found, _steps(plan))
    return found, leaves


def strides(leaves: Iterable[Var]) -> list[tuple[int, ...] | None]:
    """Those with which the device in force sees the values of leaves; None for C-contiguous ones."""
    return [None if v.value is None or isinstance(v.value, Uniform) else devices.layout(v.value) for v in leaves]


def structure(ops: Iterable[Op], outputs: Sequence[Var]) -> tuple[Hashable, list[Var]]:
    """What a plan depends on, as a hashable key, and the leaves: variables whose values the plan is given.

    Scalars enter by dtype and shape, arrays by layout too, never by value. The key is a digest: of a long op list
    it would take as much memory as the plan.
    """
    number: dict[Var, int] = {}
    key: list[int] = []
    leaves: list[Var] = []

    def leaf(var: Var) -> int:
        number[var] = len(number)
        leaves.append(var)
        key.append(_number_of(signature(var)))
        return number[var]

    for op in ops:
        inputs = [number[v] if v in number else leaf(v) for v in op.inputs]
        key.append(_form_number(op))
        key += inputs
        for v in op.outputs:
            if v.value is None:
                number[v] = len(number)
            else:
                leaf(v)
    found = [number[v] if v in number else leaf(v) for v in outputs]
    key += [-1, *found]
    return hashlib.blake2b(array("q", key).tobytes(), digest_size=32).digest(), leaves


MAX_NUMBERS = 1 << 16
"""Parts of keys that have numbers; then all are given anew."""
_numbers: dict[Hashable, int] = {}
_next_number = itertools.count(1)


def _number_of(part: Hashable) -> int:
    """The number of a part of a key: of equal parts the same, of others never."""
    found = _numbers.get(part)
    if found is None:
        if len(_numbers) >= MAX_NUMBERS:
            _numbers.clear()
        found = _numbers.setdefault(part, next(_next_number))
    return found


def _form_number(op: Op) -> int:
    """The number of what an op is; how many numbers of operands follow it is a part of that."""
    form = op.form
    if form is not None and form.number:
        return form.number
    about = len(op.outputs) if op.primitive.opaque else tuple(op.params.items())
    found = _number_of((op.primitive, len(op.inputs), about))
    if form is not None:
        form.number = found
    return found


def signature(var: Var) -> Hashable:
    """What of a leaf matters to a plan."""
    if var.value is not None:
        return kind(var.aval, var.value)
    if type(var.trace) is Abstract:
        return ("abstract", var.aval)
    return kind(var.aval, known(var))  # of a recording that has ended, and a constant from here on


def kind(a: Aval, value: Buffer | Uniform) -> Hashable:
    """What of a value matters to a plan: its aval, and its layout or that it is one scalar."""
    if type(value) is Uniform:
        return (Uniform, a)
    if value.layout is None:
        return a
    layout = devices.layout(value)  # type: ignore[arg-type]
    return a if layout is None else (layout, a)


MAX_PLANS = 4096
MAX_STEPS = 200_000
"""So many plans are kept, of so many steps and calls in them, at some 2 to 10 KB each: those used last."""


class Plans:
    """Compiled plans by what they depend on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._steps = 0

    def get(self, key: Hashable) -> Any:
        """The plan, which is then the last one that was used; None without."""
        with self._lock:
            found = self._found.get(key)
            if found is None:
                return None
            self._found.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: Any, steps: int) -> None:
        """Keep a plan of so many steps; the last one is kept whatever its size."""
        with self._lock:
            self._steps += steps - self._found.pop(key, (None, 0))[1]
            self._found[key] = value, steps
            while len(self._found) > 1 and (len(self._found) > MAX_PLANS or self._steps > MAX_STEPS):
                self._steps -= self._found.popitem(last=False)[1][1]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._found.clear()
            self._steps = 0


def _steps(plan: Plan) -> int:
    """How many steps a plan has, and calls in them."""
    inner = [step.body for step in plan.steps if isinstance(step, LoopStep)]
    calls = [len(step.body) for step in plan.steps if isinstance(step, FusedStep)]
    return len(plan.steps) + sum(calls) + sum(map(_steps, inner))


_cache = Plans()
