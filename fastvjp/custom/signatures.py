"""The functions of a user's primitive: what they take, which the names of their parameters say."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core.primitive import Primitive
from ..primitives.elementwise import OPERANDS
from ..transforms.transformed import Transformed

Function = Callable[..., Any]
ByOperand = Function | Mapping[str, Function] | None
Names = tuple[str, ...]

FORWARD = ("x", "y", "z")
"""What operands are called."""
RESERVED = ("dtype", "result", *(name for name in OPERANDS if name not in FORWARD))
"""Names that no static parameter has."""


class Functions:
    """Functions forward and backward, and rules, that fit together.

    Args:
        where: the public function that was given them.
        forward: its name is the primitive's.
        vjp: backward functions.
        rule: derivative rules.
        writes: whether what forward and backward functions compute is their first parameter.

    Raises:
        TypeError: no function, or parameters that do not fit.
        ValueError: a function for what is no operand.
    """

    def __init__(
        self, where: str, forward: Function, vjp: ByOperand, rule: ByOperand, writes: bool = False
    ) -> None:
        self.title = name_of(forward)
        if not (self.title.isidentifier() and self.title.isascii()):
            raise TypeError(
                f"[{where}] Expected a function with a name, which becomes the op's, got {self.title}. "
                f"Hint: define it by def."
            )
        self.first = 1 if writes else 0
        self.operands, self.statics = self.split(forward, FORWARD)
        signature = inspect.signature(forward)
        self.signature = signature.replace(parameters=list(signature.parameters.values())[self.first :])
        vjps = self._by_operand(vjp, "vjp")
        self.rules = self._by_operand(rule, "rule")
        allowed = ("g", *self.operands, "out", *self.statics)
        for function in vjps.values():
            self.check(function, allowed, self.first)
            if "g" not in self.split(function)[0]:
                raise TypeError(f"[{self.title}] {name_of(function)} does not take g, the cotangent to pass on.")
        for operand, function in self.rules.items():
            asked = self.parameters(vjps[operand]) if operand in vjps else allowed
            self.check(function, ("g", *asked))
        one = len(self.operands) == 1
        self.ends = {operand: "_vjp" if one else f"_vjp_{operand}" for operand in vjps}
        """What stands behind the name of the forward function in those of backward functions."""
        self.by_end = {"": forward, **{self.ends[operand]: f for operand, f in vjps.items()}}

    def parameters(self, function: Function) -> Names:
        """Names of what a function is given."""
        return self._all_parameters(function)[self.first :]

    def written(self, function: Function) -> str:
        """Name of what a function writes."""
        return self._all_parameters(function)[0]

    def split(
        self, function: Function, known: Sequence[str] = OPERANDS
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Operands and static parameters, which stand behind them."""
        names = self.parameters(function)
        operands = tuple([n for n in names if n in known])
        statics = tuple([n for n in names if n not in known])
        if not operands or (*operands, *statics) != names or any(n in RESERVED for n in statics):
            raise TypeError(
                f"[{self.title}] {name_of(function)} takes ({', '.join(names)}). Expected: first the operands, "
                f"called x, y and z, then static parameters, with other names than {', '.join(RESERVED)}."
            )
        return operands, statics

    def check(self, function: Function, allowed: Sequence[str], first: int = 0) -> Names:
        """Names of a function's parameters from the first on; TypeError for one that stands for nothing."""
        names = self._all_parameters(function)[first:]
        for name in names:
            if name not in allowed:
                known = ", ".join(dict.fromkeys(allowed))
                raise TypeError(f"[{self.title}] {name_of(function)} asks for {name}. It may ask for {known}.")
        return names

    def bound(self, args: Sequence[Any], options: Mapping[str, Any]) -> tuple[list[Any], dict[str, int]]:
        """Operands and static parameters of a call."""
        try:
            bound = self.signature.bind(*args, **options)
        except TypeError as error:
            raise TypeError(f"[{self.title}] {error}. Expected: {self.title}{self.signature}.") from None
        bound.apply_defaults()
        given = bound.arguments
        statics = {name: self._static(name, given[name]) for name in self.statics}
        return [given[name] for name in self.operands], statics

    def _static(self, name: str, value: Any) -> int:
        try:
            return int(operator.index(value))
        except TypeError:
            raise TypeError(
                f"[{self.title}] The static parameter {name} must be an integer, got {type(value).__name__}. "
                f"Hint: operands, which may be anything, are called x, y and z."
            ) from None

    def _all_parameters(self, function: Function) -> Names:
        if not callable(function):
            raise TypeError(f"[{self.title}] Expected a function, got {function!r}.")
        found = inspect.signature(function).parameters.values()
        special = [str(p) for p in found if p.kind is not p.POSITIONAL_OR_KEYWORD]
        if special:
            name = name_of(function)
            raise TypeError(f"[{self.title}] {name} has the parameter {special[0]}. Expected: plain parameters.")
        return tuple([p.name for p in found])

    def _by_operand(self, given: ByOperand, what: str) -> dict[str, Function]:
        """Functions by operand; for the only operand the function may be given alone."""
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            if len(self.operands) > 1:
                names = ", ".join(f'"{n}": ...' for n in self.operands)
                raise TypeError(f"[{self.title}] Expected as {what} one function for each operand: {{{names}}}.")
            given = {self.operands[0]: given}
        for name in given:
            if name not in self.operands:
                operands = ", ".join(self.operands)
                raise ValueError(f"[{self.title}] {what} is given for {name}. The operands are {operands}.")
        return dict(given)


def name_of(function: Function) -> str:
    """A function's name, for messages."""
    return getattr(function, "__name__", repr(function))


def as_op(
    call: Function, given: Functions, primitive: Primitive, make: Function, *args: Any, **kwargs: Any
) -> Any:
    """The function that stands for a user's primitive, which it has as an attribute: both can be pickled."""
    op: Transformed[..., Any] = Transformed(call, make, *args, **kwargs)
    op.__signature__ = given.signature
    op.primitive = primitive
    object.__setattr__(primitive, "function", op)  # the two refer to each other
    return op
