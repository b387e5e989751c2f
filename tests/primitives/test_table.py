"""The house rule holds, and what breaks it is found, with the file where to mend it in the message."""

from __future__ import annotations

import runpy
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support import cases
from support.cases import exponential
from support.cases.case import Case
from support.table import CPU, DEVICES, METAL, ROOT, TABLE, Device, Element, Table, problems

import fastvjp as mx
from fastvjp import rules
from fastvjp.core.primitive import REGISTRY, Primitive
from fastvjp.kernels.elements import registry
from fastvjp.primitives import elementwise


def test_house_rule() -> None:
    found = problems(TABLE, DEVICES)
    assert not found, "\n".join(found)


# --- tables that are broken on purpose -------------------------------------------------------------------


def without(d: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    return {k: v for k, v in (d or {}).items() if k != name}


def changed(p: Primitive, **fields: Any) -> Table:
    """The table with another primitive in the place of this one."""
    return replace(TABLE, primitives={**REGISTRY, p.name: replace(p, **fields)})


def on(device: Device, **changes: Any) -> list[Device]:
    return [replace(device, **changes)]


ARITHMETIC = str(ROOT / "kernels" / "elements" / "arithmetic.py")
CUBE = Primitive("cube", ("x",), lambda x: x, elementwise=True, rules={}, file=ARITHMETIC)
HALF = Element(("x",), "metal/elements/arithmetic.metal")
EXP, DIVIDE, MULTIPLY, TANH = (REGISTRY[name] for name in ("exp", "divide", "multiply", "tanh"))
BROKEN: dict[str, tuple[Table, list[Device]]] = {
    "tests/support/cases/trigonometric.py: no row of tanh": (
        replace(TABLE, rows=without(TABLE.rows, "tanh")),
        DEVICES,
    ),
    "tests/support/cases/scans.py: no row of cumsum": (
        replace(TABLE, rows=without(TABLE.rows, "cumsum")),
        DEVICES,
    ),
    "fastvjp/rules.py: no rule of cube, which kernels/elements/arithmetic.py does not declare "
    "differentiable=False": (changed(CUBE), DEVICES),
    "kernels/elements/trigonometric.py: no tanh_vjp, though tanh is not linear in x": (
        replace(TABLE, primitives=without(REGISTRY, "tanh_vjp")),
        DEVICES,
    ),
    "fastvjp/rules.py: no rule of multiply that multiply_vjp_y computes": (
        changed(MULTIPLY, rules=without(MULTIPLY.rules, "y")),
        DEVICES,
    ),
    "kernels/elements/exponential.py: exp_vjp asks for y, which exp does not have": (
        changed(REGISTRY["exp_vjp"], inputs=("g", "y")),
        DEVICES,
    ),
    "kernels/elements/arithmetic.py: divide takes ('y', 'x'), which are in another order than in "
    f"{elementwise.OPERANDS}": (changed(DIVIDE, inputs=("y", "x")), DEVICES),
    "fastvjp/primitives/scans.py: no batching rule of cumsum, whose operands cannot have any leading axes": (
        changed(REGISTRY["cumsum"], batch=None),
        DEVICES,
    ),
    "fastvjp/primitives/views.py: no batching rule of reshape, whose operands cannot have any leading axes": (
        changed(REGISTRY["reshape"], batch=None),
        DEVICES,
    ),
    "fastvjp/primitives/joining.py: [concatenate] The rule for *xs gave 1 cotangents, expected 3: one for each "
    f"operand. Hint: it is declared in {REGISTRY['concatenate'].file}.": (
        changed(REGISTRY["concatenate"], rules={"*xs": lambda g, xs: [g]}),
        DEVICES,
    ),
    "kernels/elements/trigonometric.py: no element function sin": (
        TABLE,
        on(CPU, elements=without(CPU.elements, "sin")),
    ),
    "metal/elements/trigonometric.metal: no element function sin": (
        TABLE,
        on(METAL, elements=without(METAL.elements, "sin")),
    ),
    "metal/elements/trigonometric.metal: no element function sin_vjp": (
        TABLE,
        on(METAL, elements=without(METAL.elements, "sin_vjp")),
    ),
    "metal/elements/arithmetic.metal: scale takes ('x',), the primitive ('x', 'y')": (
        TABLE,
        on(METAL, elements={**METAL.elements, "scale": HALF}),
    ),
    "metal/elements/arithmetic.metal: half is the element function of no primitive": (
        TABLE,
        on(METAL, elements={**METAL.elements, "half": HALF}),
    ),
    "kernels/structural: no kernel of matmul": (TABLE, on(CPU, structural=CPU.structural - {"matmul"})),
    'metal/structural: no kernel of matmul, unless fastvjp/primitives/products.py declares it on="cpu"': (
        TABLE,
        on(METAL, structural=METAL.structural - {"matmul"}),
    ),
    "kernels/structural: fft is the kernel of no primitive": (
        TABLE,
        on(CPU, structural=CPU.structural | {"fft"}),
    ),
}
"""What `problems` must say, and the table of which it must say so."""


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_table_is_found(message: str) -> None:
    assert message in problems(*BROKEN[message])


# --- errors at import ------------------------------------------------------------------------------------

STRUCTURAL = "from fastvjp.core.primitive import structural\n"
ELEMENT = "from fastvjp.kernels.elements.registry import element\n@element\n"
DECLARED: dict[str, tuple[str, str]] = {
    "two structural primitives": (
        STRUCTURAL + 'structural("cumsum", "x", None, vjp=None)',
        r"cumsum is declared twice: in \S*/fastvjp/primitives/scans\.py and in \S*/cubes\.py\.",
    ),
    "a structural primitive and an element function": (
        STRUCTURAL + 'structural("exp", "x", None, vjp=None)',
        r"exp is declared twice: in \S*/kernels/elements/exponential\.py and in \S*/cubes\.py\.",
    ),
    "two element functions": (
        ELEMENT + "def exp(x):\n    return x",
        r"exp is defined twice: in \S*/kernels/elements/exponential\.py and in \S*/cubes\.py\.",
    ),
    "two kernels": (
        'from fastvjp.kernels.loops import lowers\n@lowers("gather")\ndef gather(step, allocate):\n    return []',
        r"gather is declared twice: in \S*/kernels/structural/indexing\.py and in \S*/cubes\.py\.",
    ),
    "a rule for what is no operand": (
        STRUCTURAL + 'structural("cubes", "x", None, vjp={"y": None})',
        r"cubes has a rule for y\. Expected: one of x\. .* in \S*/cubes\.py\.",
    ),
}


@pytest.mark.parametrize("what", DECLARED)
def test_declared_wrongly(what: str, tmp_path: Path) -> None:
    text, message = DECLARED[what]
    (tmp_path / "cubes.py").write_text(text)
    traits = dict(registry.TRAITS)
    with pytest.raises(ValueError, match=message):
        runpy.run_path(str(tmp_path / "cubes.py"))
    assert "cubes" not in REGISTRY and traits == registry.TRAITS


def test_a_structural_primitive_says_whether_it_has_rules(tmp_path: Path) -> None:
    (tmp_path / "cubes.py").write_text(STRUCTURAL + 'structural("cubes", "x", None)')
    with pytest.raises(TypeError, match="'vjp'") as caught:
        runpy.run_path(str(tmp_path / "cubes.py"))
    assert traceback.extract_tb(caught.value.__traceback__)[-1].filename == str(tmp_path / "cubes.py")


def test_a_backward_function_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.ELEMENTS, "cube_vjp", registry.ELEMENTS["exp_vjp"])
    with pytest.raises(ValueError, match=r"cube_vjp in \S*/exponential\.py is .* of cube, which is missing"):
        elementwise._declare("cube_vjp")


@pytest.mark.parametrize(
    ("name", "operand", "message"),
    [
        ("cube", "x", "Rules for cube, which is no element function in kernels/elements"),
        ("sum", "x", "Rules for sum, which is no element function in kernels/elements"),
        ("floor", "x", "Rules for floor, which is declared not to be differentiable"),
        ("exp", "y", r"A rule of exp for y\. Expected: one of \('x',\)"),
    ],
)
def test_rules_of_elementwise_primitives(name: str, operand: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"\[fastvjp/rules\.py\] " + message):
        rules._declare(name, {operand: lambda g: g})


def test_a_rule_that_gives_too_few_cotangents(monkeypatch: pytest.MonkeyPatch) -> None:
    joined = REGISTRY["concatenate"]
    assert joined.rules is not None
    monkeypatch.setitem(joined.rules, "*xs", lambda g, xs: [g])
    with pytest.raises(ValueError, match=r"\*xs gave 1 cotangents, expected 2: .*/fastvjp/primitives/joining\.py"):
        mx.grad(lambda x: mx.concatenate([x, x, x][:2]).sum())(mx.ones(7))


# --- rows ------------------------------------------------------------------------------------------------


def family(*rows: Case) -> ModuleType:
    module = ModuleType("support.cases.cubes")
    module.__dict__["CASES"] = list(rows)
    return module


def test_two_rows_of_one_name() -> None:
    row = next(case for case in cases.CASES if case.primitive == "exp")
    with pytest.raises(ValueError, match=r"/cubes\.py: exp is the name of a row of tests/support/cases/cubes\.py"):
        cases.collected([family(row, row)])
    with pytest.raises(ValueError, match=r"/cubes\.py: exp .* of tests/support/cases/exponential\.py"):
        cases.collected([exponential, family(row)])
    assert len(cases.collected([family(row, replace(row, variant="again"))])) == 2


def test_a_row_of_no_primitive() -> None:
    row = Case("expp", np.exp, np.exp, (), (), ())
    message = r"tests/support/cases/cubes\.py: expp is for no primitive; did you mean exp\?"
    with pytest.raises(ValueError, match=message):
        cases.collected([family(row)])


def test_a_new_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cubes.py").write_text("CASES = []\n")
    monkeypatch.setattr(cases, "__path__", [*cases.__path__, str(tmp_path)])
    assert "support.cases.cubes" in [family.__name__ for family in cases.families()]
