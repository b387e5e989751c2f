"""What a primitive is, and the one registry of them.

Primitives are declared in `fastvjp/primitives`, by families, each whole where it stands: operands, inference,
derivative rules, batching rule. Their kernels stand in `kernels/` and `metal/`, under the same names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

from . import layouts
from .definitions import Definition

Rule = Callable[..., Any]
"""A derivative rule: the cotangent of an operand composed of primitives. Its parameters say what it needs.

`g` is the cotangent of the result, `out` the result; the others are operands and parameters of the primitive, by
name. Of several results, `w` and `v` say, the cotangents are `g_w` and `g_v`, None where nothing depends on one.
A rule that asks for `before`, the cotangent of its operand from later ops or None, gives the sum of both: so what
follows from a small part of an operand costs no more than the part.
"""


@dataclass(frozen=True)
class NoDerivative:
    """A rule for an operand by which there is no derivative: NotImplementedError, where one is asked for."""

    message: str

    def __call__(self, g: Any) -> Any:
        """Never a cotangent."""
        raise NotImplementedError(self.message)


Batch = Callable[..., Any]
"""A batching rule, called as `rule(primitive, operands, batched, size, **params)` with operands that carry a batch
axis in front where `batched` says so; the results carry it, too."""


@dataclass(frozen=True, eq=False)
class Primitive:
    """One primitive. At most one of `elementwise`, `view` and `opaque` holds; without, it has an array kernel."""

    name: str
    inputs: tuple[str, ...]
    """Names of the operands; one, `*xs`, stands for any number of them."""
    infer: Callable[..., Any]
    """Avals of the results, a tuple if there are several, from those of the operands and the parameters."""
    outputs: tuple[str, ...] = ("out",)
    """Names of the results."""
    elementwise: bool = False
    statics: tuple[str, ...] = ()
    """Parameters that the kernel of an elementwise primitive, or of a user's, is specialised for."""
    view: Callable[..., layouts.Layout | None] | None = None
    opaque: bool = False
    """Has Python functions among its parameters: transforms of it are derived anew at each call."""
    moves: bool = False
    """Computes nothing, but moves values: it takes numbers of 16 bits as they are stored."""
    unique: bool = False
    """Never merged with an equal op."""
    on: Literal["all", "cpu"] = "all"
    """Which devices have kernels of it: on the others, too, a step of a primitive "cpu" runs on the CPU."""
    fails: bool = False
    """Whether it may be an error to run it, for values of its operands."""
    rules: dict[str, Rule] | None = None
    """Derivative rules by operand; None if no cotangents pass, as no small change changes the results."""
    batch: Batch | None = None
    """None: operands may have any leading axes, so that they take the batch axis in front as it is."""
    vjps: dict[str, Primitive] = field(default_factory=dict)
    """Backward kernels, by the operand whose cotangent they compute."""
    of: tuple[Primitive, str] | None = None
    """Of a backward kernel: the primitive and the operand."""
    element: str = ""
    """The element function, or a user's kernel, where its name is another than the primitive's."""
    definition: Definition | None = None
    """Of a user's primitive: its kernels."""
    file: str = ""
    """Where it is declared, for messages."""
    function: Callable[..., Any] | None = None
    """Of a user's primitive: what stands for it, and can be pickled; it has the primitive as an attribute."""

    @property
    def may_fail(self) -> bool:
        """Whether it may be an error to run it: of its operands, or in what a user has written."""
        return self.fails or "index" in self.inputs or self.definition is not None

    @property
    def passes_cotangents(self) -> bool:
        """Whether results change with operands; a user's that says nothing about it is asked all the same."""
        base = self if self.of is None else self.of[0]
        return base.opaque or base.rules is not None

    @property
    def hint(self) -> str:
        """Where it is declared, as the end of a message; nothing of a user's."""
        return f" Hint: it is declared in {self.file}." if self.file else ""

    def __reduce__(self) -> tuple[Any, ...]:
        if REGISTRY.get(self.name) is self:
            return _registered, (self.name,)
        if self.of is not None:
            base, operand = self.of
            return _backward_kernel, (base, operand)
        if self.function is None:
            raise TypeError(f"[{self.name}] This step cannot be pickled: it is a user's, without a name.")
        return attrgetter("primitive"), (self.function,)

    def __repr__(self) -> str:
        return self.name


def _registered(name: str) -> Primitive:
    return REGISTRY[name]


def _backward_kernel(base: Primitive, operand: str) -> Primitive:
    return base.vjps[operand]


REGISTRY: dict[str, Primitive] = {}


def register(primitive: Primitive) -> Primitive:
    """Add to the registry; a second primitive of the same name is an error."""
    if primitive.name in REGISTRY:
        first = REGISTRY[primitive.name].file
        raise ValueError(f"[primitives] {primitive.name} is declared twice: in {first} and in {primitive.file}.")
    REGISTRY[primitive.name] = primitive
    return primitive


def structural(
    name: str,
    operands: str,
    infer: Callable[..., Any],
    *,
    vjp: Mapping[str, Rule] | None,
    outputs: str = "out",
    batch: Batch | None = None,
    on: Literal["all", "cpu"] = "all",
    **more: Any,
) -> Primitive:
    """Declare a primitive that works on whole arrays.

    Args:
        name: new among all primitives; kernels are found by it.
        operands: their names, or `*xs` for any number of them.
        infer: avals of the results, from those of the operands and from parameters, which come by keyword.
        vjp: derivative rules by operand; None if no cotangents pass.
        outputs: names of the results.
        batch: batching rule; by default operands may have any leading axes, and vmap needs no more.
        on: "cpu" if only the CPU has a kernel, on which it then runs whatever the device.
        more: further fields of `Primitive`.

    Raises:
        ValueError: the name is taken, or a rule is for what is no operand.

    Example:
        >>> from fastvjp.core.primitive import REGISTRY
        >>> REGISTRY["cumsum"].inputs
        ('x',)
    """
    inputs, rules = tuple(operands.split()), None if vjp is None else dict(vjp)
    file = sys._getframe(1).f_code.co_filename
    for operand in rules or ():
        if operand not in inputs:
            raise ValueError(
                f"[primitives] {name} has a rule for {operand}. Expected: one of {', '.join(inputs)}. Hint: it is "
                f"declared in {file}."
            )
    return register(
        Primitive(name, inputs, infer, tuple(outputs.split()), rules=rules, batch=batch, on=on, file=file, **more)
    )
