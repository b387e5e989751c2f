"""The op list: `Var`s (values), `Op`s (applied primitives) and the `Program` that holds them in order."""

from __future__ import annotations

import itertools
import string
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from .avals import Aval, aval
from .primitive import Primitive
from .scalars import PyScalar


class Buffer(Protocol):
    """Values of one array, resident on a device. Never written again once an op has produced it."""

    device: str
    layout: tuple[int, ...] | None
    """Strides in elements, or None where C-contiguous."""

    def numpy(self) -> np.ndarray:
        """The values as a read-only NumPy array, without a copy where the device allows."""
        ...

    def own(self) -> np.ndarray:
        """The values as an array that may be written to, for the last who holds the buffer."""
        ...


class Uniform:
    """One scalar standing for an array of any shape: a value without memory, on no device."""

    __slots__ = ("scalar",)

    layout = ()
    """Another one than that of a buffer."""

    def __init__(self, scalar: PyScalar | np.generic) -> None:
        self.scalar = scalar


def as_numpy(value: Buffer | Uniform, a: Aval, fresh: bool = False) -> Any:
    """A value as NumPy has it: an array that may be written to, or a scalar without axes.

    It is a copy unless the memory is `fresh`: of a result that nobody else has.
    """
    if isinstance(value, Uniform):
        return np.full(a.shape, value.scalar, a.dtype) if a.shape else a.dtype.type(value.scalar)
    if not a.shape:
        return value.own()[()]
    return value.own() if fresh else np.array(value.numpy(), order="C")


class Abstract:
    """What stands for the value of an input of which `transform` knows only shape and dtype."""

    __slots__ = ("transform",)

    def __init__(self, transform: str) -> None:
        self.transform = transform


class Source(Protocol):
    """The recording that a traced variable belongs to."""

    def value(self, var: Var) -> Buffer | Uniform:
        """The value of the variable, seen from outside the recording."""
        ...

    def depends(self, var: Var) -> bool:
        """Whether the variable depends on an input of a transform that is running, by which it differentiates."""
        ...


class Var:
    """One value of a program: its aval and, once known, its value.

    A traced one has `number`, its place among the variables of `trace`, which knows the op that makes it. An
    abstract one has an `Abstract` as its trace.
    """

    __slots__ = ("aval", "number", "trace", "value")

    def __init__(
        self,
        aval: Aval,
        value: Buffer | Uniform | None = None,
        trace: Source | Abstract | None = None,
        number: int = -1,
    ) -> None:
        self.aval = aval
        self.value = value
        self.trace = trace
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return Var, (self.aval, self.value)  # of no recording


class Form:
    """What ops have in common that differ in nothing but their variables; two forms may be alike."""

    __slots__ = ("met", "number", "outputs", "params", "primitive")

    def __init__(self, primitive: Primitive, params: dict[str, Any], outputs: tuple[Aval, ...]) -> None:
        self.primitive = primitive
        self.params = params
        self.outputs = outputs
        self.met = False
        """Whether an op of this form has been differentiated."""
        self.number = 0
        """Its number in keys of plans, once it has one."""


class Op:
    """A primitive applied to inputs. `index` grows in recorded order, over all op lists."""

    __slots__ = ("form", "index", "inputs", "outputs", "params", "primitive")

    _counter = itertools.count()

    def __init__(
        self,
        primitive: Primitive,
        inputs: tuple[Var, ...],
        params: dict[str, Any],
        outputs: tuple[Var, ...],
        form: Form | None = None,
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.params = params
        self.outputs = outputs
        self.index = next(Op._counter)
        self.form = form
        """None where it is not known that others are alike."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Op, (self.primitive, self.inputs, self.params, self.outputs)


def apply(primitive: Primitive, inputs: tuple[Var, ...], params: dict[str, Any]) -> Op:
    """Build the op and its output variables; nothing runs."""
    avals = [v.aval for v in inputs]
    form = form_of(primitive, avals, params)
    if form is None:
        return Op(primitive, inputs, params, tuple(map(Var, _inferred(primitive, avals, params))))
    return Op(primitive, inputs, form.params, tuple(map(Var, form.outputs)), form)


MAX_FORMS = 1 << 14
"""Forms that are remembered; then all are forgotten."""
_forms: dict[Hashable, Form] = {}


def form_of(primitive: Primitive, avals: Sequence[Aval], params: dict[str, Any]) -> Form | None:
    """The form of ops by what a primitive is applied to: inferred once. None for a user's primitives."""
    if primitive.opaque or primitive.definition is not None:
        return None
    key = (primitive, *avals, *params.items(), *map(type, params.values()))
    form = _forms.get(key)
    if form is None:
        form = Form(primitive, params, _inferred(primitive, avals, params))
        if len(_forms) >= MAX_FORMS:
            _forms.clear()
        _forms[key] = form
    return form


def _inferred(primitive: Primitive, inputs: Sequence[Aval], params: dict[str, Any]) -> tuple[Aval, ...]:
    inferred = primitive.infer(*inputs, **params)
    avals = (inferred,) if type(inferred) is Aval else inferred
    if not primitive.opaque and (
        type(avals) is not tuple or [*map(type, avals)] != [Aval] * len(primitive.outputs)
    ):
        raise ValueError(
            f"[{primitive.name}] Its infer gave {inferred!r}. Expected: {_expected(primitive)}.{primitive.hint}"
        )
    return avals


def _expected(primitive: Primitive) -> str:
    outputs = primitive.outputs
    return "an Aval" if len(outputs) == 1 else f"a tuple of an Aval for each of {', '.join(outputs)}"


def uniform(scalar: PyScalar | np.generic, shape: tuple[int, ...], dtype: np.dtype) -> Var:
    """A variable whose elements all equal `scalar`; it takes no memory and no op."""
    # kernels take no NumPy bool for an int, as they do for other NumPy scalars
    return Var(aval(shape, dtype), Uniform(bool(scalar) if type(scalar) is np.bool_ else scalar))


class Program:
    """An op list with its inputs and outputs; `print(program)` shows one line per op.

    Example:
        >>> import fastvjp
        >>> print(fastvjp.record(lambda x: fastvjp.sum(x * x), fastvjp.ones(3)))
        inputs: a: float32[3]
        b: float32[3] = multiply a a
        c: float32[] = sum b axes=(0,)
        outputs: c
    """

    def __init__(self, inputs: Sequence[Var], ops: Sequence[Op], outputs: Sequence[Var]) -> None:
        self.inputs = tuple(inputs)
        self.ops = tuple(ops)
        self.outputs = tuple(outputs)

    def __len__(self) -> int:
        return len(self.ops)

    def __str__(self) -> str:
        names: dict[Var, str] = {}
        fresh = _letters()

        def name(var: Var) -> str:
            if var not in names:
                known = var not in made
                if known and isinstance(var.value, Uniform):
                    return f"{var.value.scalar}"
                names[var] = next(fresh)
                if known:
                    constants.append(f"{names[var]}: {var.aval}")
            return names[var]

        made = {*self.inputs, *(v for op in self.ops for v in op.outputs)}
        constants: list[str] = []
        inputs = ", ".join(f"{name(v)}: {v.aval}" for v in self.inputs)
        lines = []
        for op in self.ops:
            operands = [name(v) for v in op.inputs]
            params = [f"{key}={_shown(value)}" for key, value in op.params.items()]
            results = ", ".join(f"{name(v)}: {v.aval}" for v in op.outputs)
            lines.append(" ".join([f"{results} = {op.primitive.name}", *operands, *params]))
        outputs = ", ".join(name(v) for v in self.outputs)
        head = [f"inputs: {inputs}", *([f"constants: {', '.join(constants)}"] if constants else [])]
        return "\n".join([*head, *lines, f"outputs: {outputs}"])

    __repr__ = __str__


def _shown(value: Any) -> str:
    if isinstance(value, np.dtype):
        return value.name
    return getattr(value, "__name__", None) or str(value).replace(" ", "")


def _letters() -> Iterator[str]:
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_lowercase, repeat=length):
            yield "".join(letters)


def replay(ops: Iterable[Op], env: dict[Var, Var], bind: Any) -> None:
    """Apply `ops` again through `bind(op, inputs) -> outputs`, with `env` replacing variables; extends `env`."""
    for op in ops:
        outputs = bind(op, tuple(env.get(v, v) for v in op.inputs))
        env.update(zip(op.outputs, outputs, strict=True))
