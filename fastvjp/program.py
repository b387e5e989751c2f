"""The op list: `Var`s (values), `Op`s (applied primitives) and the `Program` that holds them in order."""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .avals import Aval, PyScalar, aval

if TYPE_CHECKING:
    from .primitives import Primitive


class Buffer(Protocol):
    """Values of one array, resident on a device. Never written again once an op has produced it."""

    device: str
    layout: tuple[int, ...] | None
    """Strides in elements, or None where C-contiguous."""

    def numpy(self) -> np.ndarray:
        """The values as a read-only NumPy array, without a copy where the device allows."""
        ...


class Uniform:
    """One scalar standing for an array of any shape: a value without memory, on no device."""

    __slots__ = ("scalar",)

    def __init__(self, scalar: PyScalar | np.generic) -> None:
        self.scalar = scalar


class Var:
    """One value of a program: what is known before it runs (aval, producing op) and, once known, its value."""

    __slots__ = ("aval", "op", "value")

    def __init__(self, aval: Aval, op: Op | None = None, value: Buffer | Uniform | None = None) -> None:
        self.aval = aval
        self.op = op
        self.value = value


class Op:
    """A primitive applied to inputs. `index` grows in recorded order, over all op lists."""

    __slots__ = ("index", "inputs", "outputs", "params", "primitive")

    _counter = itertools.count()

    def __init__(self, primitive: Primitive, inputs: tuple[Var, ...], params: dict[str, Any]) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.params = params
        self.outputs: tuple[Var, ...] = ()
        self.index = next(Op._counter)


def apply(primitive: Primitive, inputs: tuple[Var, ...], params: dict[str, Any]) -> Op:
    """Build the op and its output variables; nothing runs."""
    op = Op(primitive, inputs, params)
    inferred = primitive.infer(*[v.aval for v in inputs], **params)
    op.outputs = (Var(inferred, op),) if type(inferred) is Aval else tuple(Var(a, op) for a in inferred)
    return op


def uniform(scalar: PyScalar | np.generic, shape: tuple[int, ...], dtype: np.dtype) -> Var:
    """A variable whose elements all equal `scalar`; it takes no memory and no op."""
    return Var(aval(shape, dtype), None, Uniform(scalar))


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
                if isinstance(var.value, Uniform) and var.op is None and var not in self.inputs:
                    return f"{var.value.scalar}"
                names[var] = next(fresh)
                if var.op is None and var not in self.inputs:
                    constants.append(f"{names[var]}: {var.aval}")
            return names[var]

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


def ancestors(outputs: Iterable[Var]) -> list[Op]:
    """The ops that must run to know `outputs`, in recorded order; stops at known values and abstract inputs."""
    found: set[Op] = set()
    todo = [v for v in outputs if v.value is None]
    while todo:
        op = todo.pop().op
        if op is not None and op not in found and op.inputs:
            found.add(op)
            todo.extend(v for v in op.inputs if v.value is None)
    return sorted(found, key=lambda op: op.index)


def replay(ops: Iterable[Op], env: dict[Var, Var], bind: Any) -> None:
    """Apply `ops` again through `bind(op, inputs) -> outputs`, with `env` replacing variables; extends `env`."""
    for op in ops:
        outputs = bind(op, tuple(env.get(v, v) for v in op.inputs))
        env.update(zip(op.outputs, outputs, strict=True))
