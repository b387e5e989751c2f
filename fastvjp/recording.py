"""Who records: the op list of each thread, `bind` (every op passes through it), reading values, running.

One op list per thread is open at a time. A nested transform appends to the enclosing list, so that the
enclosing transform can differentiate or batch what it did; only the outermost one runs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from . import devices
from .avals import Aval
from .planner import make_plan
from .primitives import INPUT, Primitive
from .program import Buffer, Op, Uniform, Var, ancestors, apply


class _State(threading.local):
    ops: list[Op] | None = None


_state = _State()


class TracedValueError(TypeError):
    """The value of an array was asked for where only its shape and dtype are known."""


class Recording:
    """`with Recording() as recording:` ops of this thread are appended to `recording.ops`, not run."""

    def __enter__(self) -> Recording:
        self.outermost = _state.ops is None
        if _state.ops is None:
            _state.ops = []
        self.ops: list[Op] = _state.ops
        self.start = len(self.ops)
        return self

    def __exit__(self, *_: object) -> None:
        if self.outermost:
            _state.ops = None

    def span(self) -> list[Op]:
        """The ops recorded since this recording began."""
        return self.ops[self.start :]

    def finish(self, transform: Hashable, given: Sequence[Var], derive: Callable[[], list[Var]]) -> list[Var]:
        """Derive the transform's results by emitting further ops; run them if this is the outermost.

        `derive` must depend on nothing but the recorded ops and `given`, so that its outcome is cached under
        their structure: a repeated call neither derives nor plans again.
        """
        if not self.outermost or any(op.primitive.opaque for op in self.ops):
            return self.run(derive())
        key, leaves = structure(self.ops, given)
        key = ("derived", transform, key, devices.current().name)
        derived: Derived | None = _cache_get(key)
        if derived is None:
            derived = Derived(derive(), leaves)
            _cache_put(key, derived)
        return derived.run(leaves)

    def run(self, results: list[Var]) -> list[Var]:
        """Run what `results` need if this is the outermost recording; otherwise leave it to that."""
        if not self.outermost:
            return results
        values = execute(ancestors(results), results)
        return [Var(v.aval, None, value) for v, value in zip(results, values, strict=True)]


class Derived:
    """What a transform made of a recorded structure, ready to run on new leaves."""

    def __init__(self, results: list[Var], leaves: list[Var]) -> None:
        ops = ancestors(results)
        self.executable, used = _executable(ops, results)
        position = {v: i for i, v in enumerate(leaves)}
        # a leaf that the recorded ops do not have was made by a rule: a constant of the structure
        self.sources: list[int | Var] = [position.get(v, v) for v in used]
        _known([v for v in used if v not in position])
        self.avals = [v.aval for v in results]

    def run(self, leaves: Sequence[Var]) -> list[Var]:
        """Run on the values of these leaves."""
        given = [leaves[s] if isinstance(s, int) else s for s in self.sources]
        values = self.executable.run(_known(given))
        return [Var(a, None, value) for a, value in zip(self.avals, values, strict=True)]


def is_recording() -> bool:
    """Whether ops of this thread are being recorded."""
    return _state.ops is not None


def bind(primitive: Primitive, *inputs: Var, **params: Any) -> Var:
    """Apply a primitive: append it to the open op list or, where none is open, run it at once."""
    return bind_multiple(primitive, *inputs, **params)[0]


def bind_multiple(primitive: Primitive, *inputs: Var, **params: Any) -> tuple[Var, ...]:
    """`bind` for a primitive with several outputs."""
    op = apply(primitive, inputs, params)
    if _state.ops is not None:
        _state.ops.append(op)
        return op.outputs
    values = execute([op], op.outputs)
    results = tuple([Var(v.aval, None, value) for v, value in zip(op.outputs, values, strict=True)])
    op.outputs = ()  # they refer back to the op: without the cycle its inputs are freed at once
    return results


def abstract(a: Aval, transform: str) -> Var:
    """An input of which `transform` knows only shape and dtype."""
    return Var(a, Op(INPUT, (), {"transform": transform}))


def is_abstract(var: Var) -> bool:
    """Whether the variable is an input made by `abstract`."""
    return var.op is not None and var.op.primitive is INPUT


def value_of(var: Var) -> Buffer | Uniform:
    """The value of a variable; runs the ops that it needs.

    While the op list is open their results are all kept, so that a loop that reads a value at every turn
    stays linear; afterwards only the value asked for is.
    """
    if var.value is None:
        ops = ancestors([var])
        for v in (var, *(v for op in ops for v in op.inputs)):
            if v.value is None and is_abstract(v):
                raise TracedValueError(_no_value(v))
        wanted = [v for op in ops for v in op.outputs] if is_recording() else [var]
        for known, value in zip(wanted, execute(ops, wanted), strict=True):
            known.value = value
    assert var.value is not None
    return var.value


def _no_value(var: Var) -> str:
    assert var.op is not None
    transform = var.op.params["transform"]
    return (
        f"[{transform}] The value of an array was read, but {transform} calls the function on arrays of "
        f"which only shape and dtype are known (here {var.aval}). Expected: no `if`, `while`, float(), "
        f".item(), np.asarray() or boolean-mask indexing that depends on it, and no use of it after "
        f"{transform} has returned. Hint: use fastvjp.where, or do that part outside {transform}."
    )


def execute(ops: Sequence[Op], outputs: Sequence[Var]) -> list[Buffer | Uniform]:
    """Run `ops` for the values of `outputs`, through the plan cached for their structure."""
    executable, leaves = _executable(ops, outputs)
    return executable.run(_known(leaves))


def _executable(ops: Sequence[Op], outputs: Sequence[Var]) -> tuple[devices.Executable, list[Var]]:
    """The compiled plan of ops, and the leaves whose values it takes."""
    key, leaves = structure(ops, outputs)
    key = (key, devices.current().name)
    executable = _cache_get(key)
    if executable is None:
        executable = devices.current().compile(make_plan(ops, outputs, leaves))
        _cache_put(key, executable)
    return executable, leaves


def _known(variables: Sequence[Var]) -> list[Buffer | Uniform]:
    """The values of variables; TracedValueError where one is known to a transform by shape and dtype alone."""
    for v in variables:
        if v.value is None:
            raise TracedValueError(_no_value(v))
    return [v.value for v in variables]  # type: ignore[misc]


def structure(ops: Iterable[Op], given: Sequence[Var]) -> tuple[Hashable, list[Var]]:
    """What a plan depends on, as a hashable key, and the leaves: variables whose values the plan is given.

    Scalars enter by dtype and shape, arrays by layout too, never by value.
    """
    number: dict[Var, int] = {}
    key: list[Hashable] = []
    leaves: list[Var] = []

    def leaf(var: Var) -> int:
        number[var] = len(number)
        leaves.append(var)
        key.append(_signature(var))
        return number[var]

    for op in ops:
        inputs = tuple([number[v] if v in number else leaf(v) for v in op.inputs])
        key.append(
            (op.primitive, inputs, tuple(op.params.items()) if not op.primitive.opaque else len(op.outputs))
        )
        for v in op.outputs:
            if v.value is None:
                number[v] = len(number)
            else:
                leaf(v)
    key.append(tuple([number[v] if v in number else leaf(v) for v in given]))
    return tuple(key), leaves


def _signature(var: Var) -> Hashable:
    if var.value is None:
        if is_abstract(var):
            return ("abstract", var.aval)
        value_of(var)  # recorded by a transform that has ended: from here on a constant
    if isinstance(var.value, Uniform):
        return ("uniform", var.aval)
    return (var.aval, var.value.layout)  # type: ignore[union-attr]


_CACHE_SIZE = 4096
_cache: OrderedDict[Hashable, Any] = OrderedDict()
_cache_lock = threading.Lock()


def _cache_get(key: Hashable) -> Any:
    with _cache_lock:
        found = _cache.get(key)
        if found is not None:
            _cache.move_to_end(key)
        return found


def _cache_put(key: Hashable, value: Any) -> None:
    with _cache_lock:
        _cache[key] = value
        while len(_cache) > _CACHE_SIZE:
            _cache.popitem(last=False)
