"""The backward walk: the one place where cotangents move from outputs to inputs.

It emits further ops to the open op list, first the hand-written `<op>_vjp` kernels. Walking back through such
a kernel (a higher order, or `jvp`) goes through the rule that defines it, composed of primitives.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..arrays.array import array, as_array
from ..arrays.emit import cast, full_like_aval
from ..core.avals import Aval, is_differentiable
from ..core.primitive import REGISTRY, Primitive, Rule
from ..core.program import Op, Var
from ..recording.recorder import Recording, bind, current, switch

Contribution = Var | Callable[[Var | None], Var]
"""A cotangent, or what adds it to the one before, of which there may be none."""


def backward(
    ops: Sequence[Op], wrt: Sequence[Var], cotangents: Iterable[tuple[Var, Var | None]]
) -> list[Var | None]:
    """Cotangents of `wrt` after a walk back over `ops`; None where nothing depends on one.

    Args:
        ops: op list in recorded order, none of which produces a variable of `wrt`.
        wrt: distinct variables.
        cotangents: pairs of an output and its cotangent (None is zero).
    """
    active = {v for v in wrt if is_differentiable(v.aval.dtype)}
    path = []
    for op in ops:
        if not active.isdisjoint(op.inputs) and op.primitive.passes_cotangents:
            path.append(op)
            active.update(v for v in op.outputs if is_differentiable(v.aval.dtype))
    pending: dict[Var, Contribution] = {}

    def accumulate(var: Var, more: Contribution) -> None:
        before = pending.get(var)
        if before is None:
            pending[var] = more
        elif isinstance(more, Var):
            pending[var] = before(more) if callable(before) else _sum(before, more)
        else:
            pending[var] = more(_whole(before))

    for var, cotangent in cotangents:
        if cotangent is not None and var in active:
            accumulate(var, cotangent)
    for op in reversed(path):
        outgoing = [_whole(pending.pop(v, None)) for v in op.outputs]
        if all(g is None for g in outgoing):
            continue
        needed = [v in active for v in op.inputs]
        for var, more in _pull(op, outgoing, needed):
            accumulate(var, more)
    return [_whole(pending.get(v)) for v in wrt]


def zeros_for(cotangents: Iterable[Var | None], wrt: Iterable[Var]) -> list[Var]:
    """The cotangents with zeros for None."""
    return [full_like_aval(v.aval, 0)._var if g is None else g for g, v in zip(cotangents, wrt, strict=True)]


def _whole(found: Contribution | None) -> Var | None:
    """The cotangent."""
    return found(None) if callable(found) else found


def _pull(op: Op, outgoing: Sequence[Var | None], needed: Sequence[bool]) -> Iterable[tuple[Var, Contribution]]:
    primitive = op.primitive
    if primitive.opaque:
        return op.params["marker"].pull(op, outgoing, needed)
    if primitive.of is not None:
        (g,) = outgoing
        assert g is not None
        return _pull_through_definition(op, g, needed)
    if primitive.inputs[0].startswith("*"):
        results = _of_all(op, outgoing)
        return [(v, r) for v, r, wanted in zip(op.inputs, results, needed, strict=True) if wanted]
    return [(op.inputs[i], _cotangent(op, outgoing, i)) for i, wanted in enumerate(needed) if wanted]


def _given(op: Op, outgoing: Sequence[Var | None]) -> dict[str, Any]:
    """What a rule may ask for: cotangents, results, parameters."""
    names = op.primitive.outputs
    cotangents = ["g"] if len(names) == 1 else [f"g_{name}" for name in names]
    arrays = {c: None if g is None else array._of(g) for c, g in zip(cotangents, outgoing, strict=True)}
    return {**arrays, **{n: array._of(v) for n, v in zip(names, op.outputs, strict=True)}, **op.params}


def _of_all(op: Op, outgoing: Sequence[Var | None]) -> list[Var]:
    """The cotangents of any number of operands, by one rule."""
    primitive = op.primitive
    (operand,) = primitive.inputs
    named = {**_given(op, outgoing), operand[1:]: [array._of(v) for v in op.inputs]}
    results = _call(primitive, operand, named)
    if not isinstance(results, list | tuple) or len(results) != len(op.inputs):
        what = f"{len(results)} cotangents" if isinstance(results, list | tuple) else type(results).__name__
        raise ValueError(
            f"[{primitive.name}] The rule for {operand} gave {what}, expected {len(op.inputs)}: one for each "
            f"operand.{_hint(primitive)}"
        )
    return [_fitting(primitive, operand, x, v.aval) for x, v in zip(results, op.inputs, strict=True)]


def _cotangent(op: Op, outgoing: Sequence[Var | None], i: int) -> Contribution:
    primitive = op.primitive
    operand = primitive.inputs[i]
    kernel = primitive.vjps.get(operand)
    if kernel is not None:
        return _recorded(op, outgoing, kernel, None, lambda: _by_kernel(op, outgoing, i, kernel))
    if operand not in _rules_of(primitive):
        wanted = "a backward function (vjp) or a rule" if primitive.definition else "a rule"
        raise TypeError(
            f"[{primitive.name}] It has no derivative with respect to {operand}. Hint: give {wanted} for "
            f"{operand} {_beside(primitive)}, or keep {operand} constant by stop_gradient."
        )
    rule = _rules_of(primitive)[operand]
    adds = "before" in _needs(rule)

    def added(before: Var | None) -> Var:
        def emit() -> Var:
            operands = {name: array._of(v) for name, v in zip(primitive.inputs, op.inputs, strict=True)}
            named = {**operands, **_given(op, outgoing)}
            if adds:
                named["before"] = None if before is None else array._of(before)
            return _by_rule(primitive, operand, named, op.inputs[i].aval)

        return emit() if primitive.definition is not None else _recorded(op, outgoing, rule, before, emit)

    return added if adds else added(None)


def _by_kernel(op: Op, outgoing: Sequence[Var | None], i: int, kernel: Primitive) -> Var:
    """The cotangent of an operand by a kernel."""
    (g,) = outgoing
    assert g is not None
    named = dict(zip(op.primitive.inputs, op.inputs, strict=True)) | {"g": g, "out": op.outputs[0]}
    statics = {p: op.params[p] for p in kernel.statics}
    a = op.inputs[i].aval
    given: dict[str, Any] = {"dtype": a.dtype} if op.primitive.elementwise else {"result": a}
    return bind(kernel, *[named[n] for n in kernel.inputs], **statics, **given)


def _sum(x: Var, y: Var) -> Var:
    add = REGISTRY["add"]
    trace = current()
    assert trace is not None
    return trace.derived((add, x.aval, x is y), [x, y], lambda: bind(add, x, y))


def _recorded(
    op: Op, outgoing: Sequence[Var | None], rule: Primitive | Rule, before: Var | None, emit: Callable[[], Var]
) -> Var:
    """What a rule gives, by the pattern of its ops where it has one for ops of this form."""
    form = op.form
    if form is None or not form.met:
        if form is not None:
            form.met = True
        return emit()
    trace = current()
    assert trace is not None
    given = [*op.inputs, *op.outputs, *outgoing]
    if before is not None:
        given.append(before)
    key: tuple[Any, ...] = (form, rule, before is None)
    if len({*given}) < len(given) or None in given:
        key += tuple([None if v is None else given.index(v) for v in given])
    return trace.derived(key, [v for v in given if v is not None], emit)


def _rules_of(primitive: Primitive) -> Mapping[str, Rule]:
    return primitive.rules or {}


def _by_rule(primitive: Primitive, operand: str, named: dict[str, Any], like: Aval) -> Var:
    """The cotangent of an operand by its rule."""
    return _fitting(primitive, operand, _call(primitive, operand, named), like)


def _fitting(primitive: Primitive, operand: str, found: Any, like: Aval) -> Var:
    """What a rule gave: an array like the operand; a user's may be of another dtype, and is cast."""
    if primitive.definition is not None:
        x = as_array(found, primitive.name)
        if x.shape != like.shape:
            raise ValueError(
                f"[{primitive.name}] The rule for {operand} gave shape {x.shape}, expected {like.shape}."
            )
        return cast(x, like.dtype)._var
    if not isinstance(found, array) or found._var.aval is not like:
        what = found._var.aval if isinstance(found, array) else type(found).__name__
        raise ValueError(
            f"[{primitive.name}] The rule for {operand} gave {what}, expected {like}.{_hint(primitive)}"
        )
    return found._var


def _beside(primitive: Primitive) -> str:
    """Where its rules stand, in a message."""
    if primitive.definition is not None:
        return "with it"
    return f"in {'fastvjp/rules.py' if primitive.elementwise else primitive.file}"


def _hint(primitive: Primitive) -> str:
    """The same as the end of a message."""
    return f" Hint: its rules are {_beside(primitive)}."


def _pull_through_definition(op: Op, g: Var, needed: Sequence[bool]) -> list[tuple[Var, Var]]:
    """Walk back through a `<op>_vjp` kernel: apply the rule that it computes, and walk back over that."""
    assert op.primitive.of is not None
    base, operand = op.primitive.of
    if operand not in _rules_of(base):
        return _transposed(op, g, needed, base, operand)
    # inside fresh variables, so that an operand passed twice has two cotangents, and only the needed ones
    wrt = [bind(REGISTRY["alias"], v) for v in op.inputs]
    recording = Recording()
    try:
        switch(recording.trace)
        arrays = {name: array._of(v) for name, v in zip(op.primitive.inputs, wrt, strict=True)}
        result = _by_rule(base, operand, {**arrays, **op.params}, op.outputs[0].aval)
        wanted = [v for v, n in zip(wrt, needed, strict=True) if n]
        found = iter(backward(recording.span(), wanted, [(result, g)]))
    finally:
        switch(recording.before)
        recording.end()
    return [(v, c) for v, n in zip(op.inputs, needed, strict=True) if n and (c := next(found)) is not None]


def _transposed(op: Op, g: Var, needed: Sequence[bool], base: Primitive, operand: str) -> list[tuple[Var, Var]]:
    """The same without a rule: with respect to the cotangent an element function of real numbers is symmetric."""
    at = op.primitive.inputs.index("g")
    own_transpose = base.elementwise and g.aval.dtype.kind != "c"
    if not own_transpose or any(n for i, n in enumerate(needed) if i != at):
        raise TypeError(
            f"[{base.name}] Its backward function for {operand} cannot be differentiated without a rule. Hint: "
            f"give a rule for {operand} {_beside(base)}, the same derivative composed of fastvjp's functions."
        )
    inputs = [g if i == at else v for i, v in enumerate(op.inputs)]
    return [(op.inputs[at], bind(op.primitive, *inputs, **op.params))]


@functools.lru_cache(maxsize=1024)
def _needs(rule: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(rule).parameters)


def _call(primitive: Primitive, operand: str, named: dict[str, Any]) -> Any:
    rule = _rules_of(primitive)[operand]
    try:
        given = {name: named[name] for name in _needs(rule)}
    except KeyError as error:
        raise TypeError(
            f"[{primitive.name}] The rule for {operand} asks for {error.args[0]}. Expected: some of "
            f"{', '.join(named)}.{_hint(primitive)}"
        ) from None
    return rule(**given)
