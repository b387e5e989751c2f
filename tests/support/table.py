"""The house rule: each primitive has its kernels, rules, batching rule and row, and nothing stands alone.

`problems` says what is not so, each with the file, or the folder, where it is to be mended in front.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import fastvjp
import fastvjp.kernels.structural
import fastvjp.metal.structural  # they declare what `loops` and `dispatch` have
from fastvjp.arrays.array import array
from fastvjp.core.avals import aval, float32
from fastvjp.core.primitive import REGISTRY, NoDerivative, Primitive
from fastvjp.core.program import Op
from fastvjp.kernels import loops
from fastvjp.kernels.elements import registry
from fastvjp.kernels.loops import Loop
from fastvjp.metal import dispatch
from fastvjp.metal.elements import library
from fastvjp.planning.composites import fused
from fastvjp.planning.plan import KernelStep, Operand
from fastvjp.primitives.batching import applied
from fastvjp.primitives.elementwise import OPERANDS
from fastvjp.recording.recorder import Recording, switch

from .cases import CASES, WITHOUT_CASE, file_of
from .cases.case import Case
from .guarded import Memory

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Element:
    """An element function: what it takes, and where it stands."""

    parameters: tuple[str, ...]
    file: str


@dataclass(frozen=True)
class Device:
    """What the kernels of one device offer: element functions by name, and array kernels."""

    name: str
    folder: str
    suffix: str
    elements: dict[str, Element]
    structural: frozenset[str]
    ways: tuple[Mapping[str, Callable[..., Any]], ...] = ()
    """What makes a step, and memory for it, the device's own; what stands in several tables may answer None."""
    launches: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """What runs in Python a step of which all others answer None."""

    def twin(self, file: str) -> str:
        """The file of this device's element functions beside those of another device's file."""
        return f"{self.folder}/elements/{Path(file).stem}{self.suffix}"


@dataclass(frozen=True)
class Table:
    """Primitives, and the first row of each that has any."""

    primitives: dict[str, Primitive]
    rows: dict[str, Case]


def within(file: str) -> str:
    """A file's path in the repository."""
    return Path(file).resolve().relative_to(ROOT).as_posix()


def metal_elements() -> dict[str, Element]:
    """As the *.metal files say."""
    taken, homes = library.elements(), library.homes()
    return {n: Element(names, within(library.path(homes[f"element::{n}"]))) for n, names in taken.items()}


def without_memory(way: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a step as one that is given memory, too."""
    return functools.wraps(way)(lambda step, _: way(step))


TABLE = Table(REGISTRY, {case.primitive: case for case in reversed(CASES)})
CPU = Device(
    "cpu",
    "kernels",
    ".py",
    {n: Element(registry.parameters(n), within(f.__code__.co_filename)) for n, f in registry.ELEMENTS.items()},
    frozenset({*loops.launches, *loops.lowers, *loops.fuses, *fused}),
    ({name: without_memory(way) for name, way in loops.fuses.items()}, loops.lowers),
    loops.launches,
)
METAL = Device(
    "metal",
    "metal",
    ".metal",
    metal_elements(),
    frozenset({*dispatch.lowers, *fused}),
    (dispatch.lowers,),
)
DEVICES = [CPU, METAL]


def problems(table: Table, devices: list[Device]) -> list[str]:
    """One line for each breach of the house rule."""
    found = [
        *missing_parts(table),
        *rule_problems(table),
        *backward_problems(table),
    ]
    for device in devices:
        found += [*element_problems(table, device), *kernel_problems(table, device)]
    return found


# --- primitives ------------------------------------------------------------------------------------------


def forward(table: Table) -> dict[str, Primitive]:
    """Primitives but for the backward kernels, which belong to them."""
    return {name: p for name, p in table.primitives.items() if "_vjp" not in name}


def is_structural(p: Primitive) -> bool:
    """Whether it needs an array kernel."""
    return not (p.elementwise or p.view or p.opaque)


def missing_parts(table: Table) -> Iterator[str]:
    """A row, and of an elementwise primitive a rule."""
    for name, p in forward(table).items():
        file = within(p.file)
        if name not in table.rows and name not in WITHOUT_CASE:
            yield f"{file_of(Path(file).stem)}: no row of {name}"
        if p.elementwise and p.rules == {}:
            yield f"fastvjp/rules.py: no rule of {name}, which {file} does not declare differentiable=False"
        if p.elementwise and list(p.inputs) != sorted(p.inputs, key=OPERANDS.index):
            yield f"{file}: {name} takes {p.inputs}, which are in another order than in {OPERANDS}"


def rule_problems(table: Table) -> Iterator[str]:
    """Results are what the row expects; rules and batching rules give what they must, or axes may lead."""
    for name, p in forward(table).items():
        if p.opaque or name not in table.rows:
            continue
        row, file = table.rows[name], within(p.file)
        yield from error_of(f"{file}: {name}", check_results, row)
        if p.rules is not None:
            yield from error_of("fastvjp/rules.py" if p.elementwise else file, pull_back, p, row)
        if p.batch is not None:
            yield from error_of(file, batch, p, row)
        elif not p.elementwise:
            yield from error_of(file, check_leading_axes, p, row)


def error_of(place: str, check: Callable[..., object], *arguments: Any) -> Iterator[str]:
    """What a check raises, behind the place where to mend it."""
    try:
        check(*arguments)
    except Exception as error:  # whatever code that is not yet right does
        yield f"{place}: {shown(error)}"


def shown(error: Exception) -> str:
    """An error as a line says it."""
    return f"{error}" if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def backward_problems(table: Table) -> Iterator[str]:
    """Rules that are not linear have backward functions, which ask for what there is; none stands alone."""
    for name, p in table.primitives.items():
        base, is_backward, _ = name.partition("_vjp")
        if not is_backward:
            for operand, rule in (p.rules or {}).items() if p.elementwise else ():
                kernel = kernel_name(p, operand)
                if kernel not in table.primitives and depends_on_operands(p, rule):
                    yield f"{within(p.file)}: no {kernel}, though {name} is not linear in {operand}"
            continue
        of = table.primitives[base]
        if name not in {kernel_name(of, operand) for operand in of.rules or {}}:
            yield f"fastvjp/rules.py: no rule of {base} that {name} computes"
        unknown = set(p.inputs) - {"g", "out", *of.inputs}
        if unknown:
            yield f"{within(p.file)}: {name} asks for {', '.join(sorted(unknown))}, which {base} does not have"


def kernel_name(p: Primitive, operand: str) -> str:
    """The backward function for an operand."""
    return f"{p.name}_vjp" if len(p.inputs) == 1 else f"{p.name}_vjp_{operand}"


def depends_on_operands(p: Primitive, rule: Callable[..., Any]) -> bool:
    """Whether a rule, on real numbers, uses values of the operands (but for a condition) or of the result."""
    needs = inspect.signature(rule).parameters
    statics = {s: 3 for s in p.statics if s in needs}
    names = [n for n in needs if n not in statics]
    values = [fastvjp.array(np.ones(2, bool if n == "c" else float)) for n in names]
    try:
        program = fastvjp.record(lambda *xs: rule(**dict(zip(names, xs, strict=True)), **statics), *values)
    except Exception:  # of which rule_problems tells
        return False
    read = {v for op in program.ops for v in op.inputs}
    return any(n not in ("g", "c") and v in read for n, v in zip(names, program.inputs, strict=True))


# --- what only running them shows ------------------------------------------------------------------------


def recorded(p: Primitive, row: Case, seed: int = 0, dtype: str = "") -> tuple[Op, list[np.ndarray]]:
    """The op that a row makes of a primitive, and random values of its operands."""
    dtype = dtype or ("float64" if "float64" in row.dtypes else row.dtypes[-1])
    recording = Recording()
    try:
        switch(recording.trace)
        row.fun(*map(fastvjp.array, row.draw(np.random.default_rng(seed), dtype)))
        op = next(op for op in recording.span() if op.primitive.name == p.name)
        return op, [np.asarray(array._of(v)) for v in op.inputs]
    finally:
        switch(recording.before)
        recording.end()


def check_results(row: Case) -> None:
    """Shape and dtype of what is recorded are the reference's: of anything else a kernel writes out of bounds."""
    for dtype in row.dtypes:
        xs = row.draw(np.random.default_rng(0), dtype)
        with np.errstate(all="ignore"):
            expected = np.asarray(row.reference(*xs))
        wanted = aval(expected.shape, float32 if expected.dtype == np.float16 else expected.dtype)
        (found,) = fastvjp.record(row.fun, *map(fastvjp.array, xs)).outputs
        if found.aval is not wanted:
            raise ValueError(f"infer says {found.aval}, the row {row} {wanted}, for operands of {dtype}")


def pull_back(p: Primitive, row: Case) -> None:
    """Record the walk back over an op by rules alone: from all results and, if there are several, from each."""
    op, operands = recorded(p, row)
    every = range(len(op.outputs))
    pull_back_from(every, replace(p, vjps={}), op, operands)
    for i in every if len(every) > 1 else ():
        pull_back_from([i], p, op, operands)


def pull_back_from(results: Sequence[int], p: Primitive, op: Op, operands: list[np.ndarray]) -> None:
    """Record the walk back from some results."""
    avals = [op.outputs[i].aval for i in results]

    rules = p.rules or {}
    held = [isinstance(rules.get(operand), NoDerivative) for operand in p.inputs] + [False] * len(operands)

    def fun(*xs: array) -> list[array]:
        kept = [fastvjp.stop_gradient(x) if h else x for x, h in zip(xs, held, strict=False)]
        found = applied(p, kept, **op.params)
        return [found[i] for i in results]

    cotangents = [fastvjp.ones(a.shape, a.dtype) for a in avals]
    fastvjp.record(lambda *xs: fastvjp.vjp(fun, xs, cotangents)[1], *map(fastvjp.array, operands))


def batch(p: Primitive, row: Case) -> None:
    """Record the primitive of one operand with a batch axis, and of all."""
    op, operands = recorded(p, row)
    for batched in {(True,) * len(operands), (True, *(False,) * (len(operands) - 1))}:
        xs = [np.stack([x, x, x]) if b else x for x, b in zip(operands, batched, strict=True)]
        axes = tuple(0 if b else None for b in batched)
        mapped = fastvjp.vmap(lambda *xs: applied(p, xs, **op.params), in_axes=axes)
        fastvjp.record(mapped, *map(fastvjp.array, xs))


def check_leading_axes(p: Primitive, row: Case) -> None:
    """ValueError unless the primitive of stacked operands is that of each of them, stacked."""
    (op, first), (_, second) = recorded(p, row, 0), recorded(p, row, 1)

    def results(operands: list[np.ndarray]) -> list[np.ndarray]:
        return [np.asarray(x) for x in applied(p, [fastvjp.array(x) for x in operands], **op.params)]

    stacked = [np.stack(pair) for pair in zip(first, second, strict=True)]
    each = [np.stack(pair) for pair in zip(results(first), results(second), strict=True)]
    try:
        found = results(stacked)
    except Exception:  # whatever it does with operands that do not fit it
        found = []
    if not found or not all(x.shape == y.shape and np.allclose(x, y) for x, y in zip(found, each, strict=True)):
        raise ValueError(f"no batching rule of {p.name}, whose operands cannot have any leading axes")


# --- kernels ---------------------------------------------------------------------------------------------


def element_problems(table: Table, device: Device) -> Iterator[str]:
    """Element functions have one name, and the same parameters in the same order, on every device."""
    for name, p in table.primitives.items():
        if not p.elementwise:
            continue
        element, expected = device.elements.get(name), (*p.inputs, *p.statics)
        if element is None:
            yield f"{device.twin(p.file)}: no element function {name}"
        elif element.parameters != expected:
            yield f"{element.file}: {name} takes {element.parameters}, the primitive {expected}"
    for name, element in device.elements.items():
        if name not in table.primitives or not table.primitives[name].elementwise:
            yield f"{element.file}: {name} is the element function of no primitive"


def kernel_problems(table: Table, device: Device) -> Iterator[str]:
    """Structural primitives that run on a device have array kernels there, and nothing else has."""
    folder = f"{device.folder}/structural"
    for name, p in table.primitives.items():
        if is_structural(p) and p.on in ("all", device.name) and name not in device.structural:
            hint = "" if device.name == "cpu" else f', unless {within(p.file)} declares it on="cpu"'
            yield f"{folder}: no kernel of {name}{hint}"
    for name in device.structural:
        if name not in table.primitives or not is_structural(table.primitives[name]):
            yield f"{folder}: {name} is the kernel of no primitive"
        elif name in table.rows:
            yield from lowering_problems(table.primitives[name], table.rows[name], device)


def lowering_problems(p: Primitive, row: Case, device: Device) -> Iterator[str]:
    """What makes a step of the row's op the device's own can do so, and lets through what stands behind it."""
    ways = [way[p.name] for way in device.ways if p.name in way]
    last = [device.launches[p.name]] if p.name in device.launches else []
    if ways and p.name in fused and device.name != "cpu":
        yield f"{home(ways[0])}: {p.name} is never reached, as planning/composites.py has it in fused steps"
    for way, behind in zip(ways, [*ways, *last, None][1:], strict=False):
        try:
            found = [becomes(way, p, row, dtype) for dtype in (row.dtypes if behind else [""])]
        except Exception as error:  # whatever code that is not yet right does
            yield f"{home(way)}: {shown(error)}"
        else:
            if behind and None not in found:
                place = f"{way.__name__} in {home(way)}"
                yield f"{home(behind)}: {p.name} is never reached, as {place} takes every step"


def becomes(way: Callable[..., Any], p: Primitive, row: Case, dtype: str) -> Any:
    """What the step of a row's op becomes; loops are run, each access of theirs checked."""
    op, values = recorded(p, row, 0, dtype)
    memory = Memory()
    operands: list[Operand] = [memory.holding(x) for x in values]
    step = KernelStep(p, op.params, operands, [memory.allocate(v.aval) for v in op.outputs])
    found = way(step, memory.allocate)
    memory.run([loop for loop in found or () if isinstance(loop, Loop)])
    return found


def home(function: Callable[..., Any]) -> str:
    """The file of a function."""
    return within(inspect.getsourcefile(inspect.unwrap(function)) or "")
