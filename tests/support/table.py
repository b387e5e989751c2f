"""The house rule: each primitive has its kernels, rules, batching rule and row, and nothing stands alone.

`problems` says what is not so, each with the file, or the folder, where it is to be mended in front.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fastvjp
import fastvjp.kernels.structural
import fastvjp.metal.structural  # they declare what `loops` and `dispatch` have
from fastvjp.arrays.array import array
from fastvjp.core.primitive import REGISTRY, Primitive
from fastvjp.core.program import Op
from fastvjp.kernels import loops
from fastvjp.kernels.elements import registry
from fastvjp.metal import dispatch
from fastvjp.metal.elements import library
from fastvjp.planning.composites import fused
from fastvjp.primitives.batching import applied
from fastvjp.primitives.elementwise import OPERANDS
from fastvjp.recording.recorder import Recording

from .cases import CASES, WITHOUT_CASE, file_of
from .cases.case import Case

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
    return {
        name.removeprefix("element::"): Element(parameters, within(str(path)))
        for path in (ROOT / "metal").rglob("*.metal")
        for name, parameters in library.definitions(path.read_text("utf-8")).items()
        if name.startswith("element::")
    }


TABLE = Table(REGISTRY, {case.primitive: case for case in reversed(CASES)})
CPU = Device(
    "cpu",
    "kernels",
    ".py",
    {n: Element(registry.parameters(n), within(f.__code__.co_filename)) for n, f in registry.ELEMENTS.items()},
    frozenset({*loops.launches, *loops.lowers, *loops.fuses, *fused}),
)
METAL = Device(
    "metal",
    "metal",
    ".metal",
    metal_elements(),
    frozenset({*dispatch.lowers, *fused}),
)
DEVICES = [CPU, METAL]


def problems(table: Table, devices: list[Device]) -> list[str]:
    """One line for each breach of the house rule."""
    found = [*missing_parts(table), *rule_problems(table), *backward_problems(table)]
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
    """A rule for any number of operands gives a cotangent for each; without a batching rule axes may lead."""
    for name, p in forward(table).items():
        if p.elementwise or p.opaque or name not in table.rows:
            continue
        row, file = table.rows[name], within(p.file)
        if p.inputs[0].startswith("*") and p.rules:
            try:
                pulled_back(p, row)
            except ValueError as error:
                yield f"{file}: {error}"
        if p.batch is None and not takes_leading_axes(p, row):
            yield f"{file}: no batching rule of {name}, whose operands cannot have any leading axes"


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
    program = fastvjp.record(lambda *xs: rule(**dict(zip(names, xs, strict=True)), **statics), *values)
    read = {v for op in program.ops for v in op.inputs}
    return any(n not in ("g", "c") and v in read for n, v in zip(names, program.inputs, strict=True))


# --- what only running them shows ------------------------------------------------------------------------


def recorded(p: Primitive, row: Case, seed: int = 0) -> tuple[Op, list[np.ndarray]]:
    """The op that a row makes of a primitive, and random values of its operands."""
    dtype = "float64" if "float64" in row.dtypes else row.dtypes[-1]
    with Recording() as recording:
        row.fun(*map(fastvjp.array, row.draw(np.random.default_rng(seed), dtype)))
        op = next(op for op in recording.span() if op.primitive.name == p.name)
        return op, [np.asarray(array._of(v)) for v in op.inputs]


def pulled_back(p: Primitive, row: Case) -> None:
    """Walk back over an op of a primitive."""
    op, operands = recorded(p, row)
    xs = [fastvjp.array(x) for x in operands]
    cotangents = [fastvjp.ones_like(x) for x in applied(p, xs, **op.params)]
    fastvjp.vjp(lambda *xs: applied(p, xs, **op.params), xs, cotangents)


def takes_leading_axes(p: Primitive, row: Case) -> bool:
    """Whether the primitive of stacked operands is that of each of them, stacked."""
    (op, first), (_, second) = recorded(p, row, 0), recorded(p, row, 1)

    def results(operands: list[np.ndarray]) -> list[np.ndarray]:
        return [np.asarray(x) for x in applied(p, [fastvjp.array(x) for x in operands], **op.params)]

    stacked = [np.stack(pair) for pair in zip(first, second, strict=True)]
    each = [np.stack(pair) for pair in zip(results(first), results(second), strict=True)]
    try:
        found = results(stacked)
    except Exception:  # whatever it does with operands that do not fit it
        return False
    return all(x.shape == y.shape and np.allclose(x, y) for x, y in zip(found, each, strict=True))


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
