"""The house rule: each primitive has its kernels, rules, batching rule and case, and nothing stands alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support import cases
from support.cases import exponential
from support.cases.case import Case

import fastvjp as mx
import fastvjp.kernels.structural
import fastvjp.metal.structural
from fastvjp.core.primitive import REGISTRY, Primitive
from fastvjp.kernels import loops
from fastvjp.kernels.elements import registry
from fastvjp.metal import dispatch
from fastvjp.metal.elements.library import elements
from fastvjp.planning.composites import FUSED
from fastvjp.primitives.elementwise import OPERANDS


@dataclass(frozen=True)
class Table:
    """What the package says of its primitives."""

    primitives: dict[str, Primitive]
    cases: frozenset[str]


@dataclass(frozen=True)
class Device:
    """What the kernels of one device offer: parameters of element functions by name, array kernels."""

    name: str
    elements: dict[str, tuple[str, ...]]
    structural: frozenset[str]


TABLE = Table(
    REGISTRY,
    frozenset(case.primitive for case in cases.CASES) | frozenset(cases.WITHOUT_CASE),
)
CPU = Device(
    "cpu",
    {name: registry.parameters(name) for name in registry.ELEMENTS},
    frozenset({*loops.launches, *loops.lowers, *loops.fuses, *FUSED}),
)
METAL = Device("metal", elements(), frozenset({*dispatch.lowers, *FUSED}))
"""As its *.metal files say."""
DEVICES = [CPU, METAL]


# --- what must hold --------------------------------------------------------------------------------------


def problems(table: Table, devices: list[Device]) -> list[str]:
    """One line for each breach of the house rule."""
    found = [*missing_parts(table), *orphans(table), *rule_problems(table)]
    for device in devices:
        found += [f"{device.name}: {line}" for line in kernel_problems(table, device)]
        found += [f"{device.name}: {line}" for line in differing_elements(devices[0], device)]
    return found


def forward(table: Table) -> dict[str, Primitive]:
    """Primitives but for the backward kernels, which belong to them."""
    return {name: p for name, p in table.primitives.items() if "_vjp" not in name}


def is_structural(p: Primitive) -> bool:
    return not (p.elementwise or p.view or p.opaque)


def missing_parts(table: Table) -> list[str]:
    found = []
    for name, p in forward(table).items():
        if name not in table.cases:
            found.append(f"{name} has no case")
        if p.elementwise and p.rules == {}:
            found.append(f"{name} has no rule in fastvjp/rules.py, or is to be declared differentiable=False")
    return found


def orphans(table: Table) -> list[str]:
    return [f"case of no primitive: {n}" for n in table.cases if n not in forward(table)]


def rule_problems(table: Table) -> list[str]:
    """A rule is for an operand that exists and asks for what there is; where it is not linear it has a kernel."""
    found = []
    for name, p in forward(table).items():
        for operand, rule in (p.rules or {}).items():
            if operand not in p.inputs:
                found.append(f"{name} has a rule for {operand}, which is no operand")
                continue
            if p.elementwise:
                kernel = kernel_name(p, operand)
                if kernel not in table.primitives and depends_on_operands(p, rule):
                    found.append(f"{name} is not linear in {operand} but has no {kernel}")
    for name, p in table.primitives.items():
        base, is_backward, operand = name.partition("_vjp")
        if is_backward:
            of = table.primitives.get(base)
            wanted = {kernel_name(of, o) for o in of.rules or {}} if of else set()
            if name not in wanted:
                found.append(f"{name} has no rule that it computes")
            known = {"g", "out", *(table.primitives[base].inputs if base in table.primitives else ())}
            if not set(p.inputs) <= known:
                found.append(f"{name} asks for {', '.join(sorted(set(p.inputs) - known))}")
    return found


def kernel_name(p: Primitive, operand: str) -> str:
    return f"{p.name}_vjp" if len(p.inputs) == 1 else f"{p.name}_vjp_{operand}"


def depends_on_operands(p: Primitive, rule: Callable[..., Any]) -> bool:
    """Whether a rule, on real numbers, uses values of the operands (but for a condition) or of the result."""
    needs = inspect.signature(rule).parameters
    statics = {s: 3 for s in p.statics if s in needs}
    names = [n for n in needs if n not in statics]
    values = [mx.array(np.ones(2, bool if n == "c" else float)) for n in names]
    program = mx.record(lambda *xs: rule(**dict(zip(names, xs, strict=True)), **statics), *values)
    read = {v for op in program.ops for v in op.inputs}
    return any(n not in ("g", "c") and v in read for n, v in zip(names, program.inputs, strict=True))


def kernel_problems(table: Table, device: Device) -> list[str]:
    found = []
    for name, p in table.primitives.items():
        if p.elementwise:
            parameters = device.elements.get(name)
            if parameters is None:
                found.append(f"{name} has no element function")
            elif parameters != (*p.inputs, *p.statics):
                found.append(f"{name} takes {parameters}, the primitive has {(*p.inputs, *p.statics)}")
            elif list(p.inputs) != sorted(p.inputs, key=OPERANDS.index):
                found.append(f"{name} has its operands in another order: {parameters}")
        elif is_structural(p) and p.on in ("all", device.name) and name not in device.structural:
            found.append(f"{name} has no array kernel")
    for name in device.elements:
        if name not in table.primitives or not table.primitives[name].elementwise:
            found.append(f"element function of no primitive: {name}")
    for name in device.structural:
        if name not in table.primitives or not is_structural(table.primitives[name]):
            found.append(f"array kernel of no primitive: {name}")
    return found


def differing_elements(first: Device, second: Device) -> list[str]:
    """Element functions have one name, and the same parameters in the same order, on every device."""
    names = first.elements.keys() | second.elements.keys()
    return [
        f"{n} takes {second.elements.get(n)}, on {first.name} {first.elements.get(n)}"
        for n in sorted(names)
        if first.elements.get(n) != second.elements.get(n)
    ]


# --- the package, and tables that are broken on purpose --------------------------------------------------


def test_house_rule() -> None:
    assert problems(TABLE, DEVICES) == []


def without(d: Any, name: str) -> Any:
    return {k: v for k, v in d.items() if k != name} if isinstance(d, dict) else d - {name}


def cpu(**changes: Any) -> list[Device]:
    return [replace(CPU, **changes)]


NEW = Primitive("cube", ("x",), lambda x: x, elementwise=True, rules={})
EXP, MULTIPLY = REGISTRY["exp"], REGISTRY["multiply"]


def changed(p: Primitive, **fields: Any) -> Table:
    """The table with another primitive in the place of this one."""
    return replace(TABLE, primitives={**REGISTRY, p.name: replace(p, **fields)})


BROKEN: dict[str, tuple[Table, list[Device]]] = {
    "tanh has no case": (replace(TABLE, cases=TABLE.cases - {"tanh"}), DEVICES),
    "case of no primitive: cube": (replace(TABLE, cases=TABLE.cases | {"cube"}), DEVICES),
    "cube has no rule in fastvjp/rules.py, or is to be declared differentiable=False": (changed(NEW), DEVICES),
    "exp has a rule for y, which is no operand": (
        changed(EXP, rules={**(EXP.rules or {}), "y": lambda g: g}),
        DEVICES,
    ),
    "tanh is not linear in x but has no tanh_vjp": (
        replace(TABLE, primitives=without(REGISTRY, "tanh_vjp")),
        DEVICES,
    ),
    "multiply_vjp_y has no rule that it computes": (
        changed(MULTIPLY, rules=without(MULTIPLY.rules or {}, "y")),
        DEVICES,
    ),
    "exp_vjp asks for y": (
        replace(TABLE, primitives={**REGISTRY, "exp_vjp": replace(REGISTRY["exp_vjp"], inputs=("g", "y"))}),
        DEVICES,
    ),
    "cpu: sin has no element function": (TABLE, cpu(elements=without(CPU.elements, "sin"))),
    "cpu: sin_vjp has no element function": (TABLE, cpu(elements=without(CPU.elements, "sin_vjp"))),
    "cpu: exp takes ('y',), the primitive has ('x',)": (TABLE, cpu(elements={**CPU.elements, "exp": ("y",)})),
    "cpu: element function of no primitive: cube": (TABLE, cpu(elements={**CPU.elements, "cube": ("x",)})),
    "cpu: matmul has no array kernel": (TABLE, cpu(structural=CPU.structural - {"matmul"})),
    "cpu: array kernel of no primitive: fft": (TABLE, cpu(structural=CPU.structural | {"fft"})),
    "metal: exp takes ('y',), on cpu ('x',)": (
        TABLE,
        [CPU, replace(CPU, name="metal", elements={**CPU.elements, "exp": ("y",)})],
    ),
    "cpu: divide has its operands in another order: ('y', 'x')": (
        replace(TABLE, primitives={**REGISTRY, "divide": replace(REGISTRY["divide"], inputs=("y", "x"))}),
        cpu(elements={**CPU.elements, "divide": ("y", "x")}),
    ),
}
"""What `problems` must say, and the table of which it must say so."""


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_table_is_found(message: str) -> None:
    assert message in problems(*BROKEN[message])


# --- the rows --------------------------------------------------------------------------------------------


def family(*rows: Case) -> ModuleType:
    module = ModuleType("support.cases.cubes")
    module.CASES = list(rows)  # type: ignore[attr-defined]
    return module


def test_two_rows_of_one_name() -> None:
    row = next(case for case in cases.CASES if case.primitive == "exp")
    with pytest.raises(
        ValueError, match=r"tests/support/cases/cubes\.py: exp is the name of a row of .*cubes\.py"
    ):
        cases.collected([family(row, row)])
    with pytest.raises(
        ValueError, match=r"tests/support/cases/cubes\.py: exp is .* tests/support/cases/exponential\.py"
    ):
        cases.collected([exponential, family(row)])
    assert len(cases.collected([family(row, replace(row, variant="again"))])) == 2


def test_a_row_of_no_primitive() -> None:
    row = Case("expp", np.exp, np.exp, (), (), ())
    with pytest.raises(
        ValueError, match=r"tests/support/cases/cubes\.py: expp .* no primitive; did you mean exp\?"
    ):
        cases.collected([family(row)])


def test_a_new_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cubes.py").write_text("CASES = []\n")
    monkeypatch.setattr(cases, "__path__", [*cases.__path__, str(tmp_path)])
    assert "support.cases.cubes" in [family.__name__ for family in cases.families()]
