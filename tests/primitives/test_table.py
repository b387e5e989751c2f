"""The house rule holds, and what breaks it is found, with the file where to mend it in the message."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support import cases, declarations
from support.cases import exponential
from support.cases.case import Case
from support.table import CPU, DEVICES, METAL, ROOT, TABLE, Device, Element, Table, problems, within

from fastvjp.core.avals import aval, int8
from fastvjp.core.primitive import REGISTRY, Primitive
from fastvjp.kernels.loops import Allocate, Loop, calling, lowers
from fastvjp.metal.elements import library
from fastvjp.metal.structural.calls import Call, by_threads
from fastvjp.planning.plan import KernelStep
from fastvjp.primitives import elementwise
from fastvjp.recording.trie import Node, trie


def test_house_rule() -> None:
    found = [*declarations.forgotten(ROOT), *declarations.repeated(ROOT), *problems(TABLE, DEVICES)]
    assert not found, "\n".join(found)


# --- tables that are broken on purpose -------------------------------------------------------------------


NAMES = ("concatenate", "cumsum", "divide", "eigh", "exp", "matmul", "multiply", "reshape", "scale", "sin",
         "solve_triangular", "sum", "tanh")  # fmt: skip
FEW = Table(
    {name: p for name, p in REGISTRY.items() if name.partition("_vjp")[0] in NAMES},
    {name: TABLE.rows[name] for name in NAMES},
)
"""Those of which something is broken."""


def without(d: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    return {k: v for k, v in (d or {}).items() if k != name}


def changed(p: Primitive, **fields: Any) -> Table:
    """The table with another primitive in the place of this one."""
    return replace(FEW, primitives={**FEW.primitives, p.name: replace(p, **fields)})


def lowered(device: Device, name: str, *ways: Callable[..., Any] | None) -> tuple[Table, list[Device]]:
    """The device with other functions in its tables of array kernels."""
    changes = zip(device.ways, ways, strict=True)
    return on_device(device, ways=tuple({**table, name: way} if way else table for table, way in changes))


def dispatched(function: str, file: str) -> Callable[..., Any]:
    """A lowering to one call of a shader."""

    def lower(step: KernelStep, _: object) -> list[Any]:
        call = Call(function, (step.output,), tuple(step.inputs), (1,))
        return [by_threads(file, call, count=1)]

    return lower


def misspelt(step: KernelStep, _: object) -> list[Any]:
    calling("scan_row", step.output.dtype)
    return []


def beyond(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """One iteration too many."""
    return [replace(loop, count=loop.count + 1) for loop in lowers["cumsum"](step, allocate) or ()]


def narrower(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """As if infer had given another dtype."""
    found = lowers["cumsum"](step, allocate) or ()
    return [replace(loop, source=loop.source.replace("float64", "float32")) for loop in found]


def all_fused(step: KernelStep, _: object) -> list[Any]:
    return []


def without_rule(p: Primitive, operand: str) -> tuple[Table, list[Device]]:
    return changed(p, rules=without(p.rules, operand)), []


def with_rule(p: Primitive, rule: Callable[..., Any]) -> tuple[Table, list[Device]]:
    """Of the first operand."""
    return changed(p, rules={p.inputs[0]: rule}), []


def on_device(device: Device, **changes: Any) -> tuple[Table, list[Device]]:
    return FEW, [replace(device, **changes)]


HERE = "tests/primitives/test_table.py"
ARITHMETIC = str(ROOT / "kernels" / "elements" / "arithmetic.py")
CUBE = Primitive("cube", ("x",), lambda x: x, elementwise=True, rules={}, file=ARITHMETIC)
HALF = Element(("x",), "metal/elements/arithmetic.metal")
EXP, MULTIPLY, SOLVE, CUMSUM, EIGH, JOINED = (
    REGISTRY[name] for name in ("exp", "multiply", "solve_triangular", "cumsum", "eigh", "concatenate")
)
OF_SCANS, OF_JOINING, OF_LINALG = (f"Hint: its rules are in {p.file}." for p in (CUMSUM, JOINED, EIGH))
OF_RULES = "Hint: its rules are in fastvjp/rules.py."
SHADERS = library.path("scans")
NAMESPACES = (
    "Hint: a namespace is read from the line `namespace structural {` to the line `}  // namespace structural`, "
    "as it stands here."
)

BROKEN: dict[str, tuple[Table, list[Device]]] = {
    # --- what is missing, or stands alone
    "tests/support/cases/trigonometric.py: no row of tanh": (replace(FEW, rows=without(FEW.rows, "tanh")), []),
    "tests/support/cases/scans.py: no row of cumsum": (replace(FEW, rows=without(FEW.rows, "cumsum")), []),
    "fastvjp/rules.py: no rule of cube, which kernels/elements/arithmetic.py does not declare "
    "differentiable=False": (changed(CUBE), []),
    "kernels/elements/trigonometric.py: no tanh_vjp, though tanh is not linear in x": (
        replace(FEW, primitives=without(FEW.primitives, "tanh_vjp")),
        [],
    ),
    "fastvjp/rules.py: no rule of multiply that multiply_vjp_y computes": without_rule(MULTIPLY, "y"),
    "kernels/elements/exponential.py: exp_vjp asks for y, which exp does not have": (
        changed(REGISTRY["exp_vjp"], inputs=("g", "y")),
        [],
    ),
    "kernels/elements/arithmetic.py: divide takes ('y', 'x'), which are in another order than in "
    f"{elementwise.OPERANDS}": (changed(REGISTRY["divide"], inputs=("y", "x")), []),
    # --- rules
    "fastvjp/rules.py: TypeError: [multiply] It has no derivative with respect to y. Hint: give a rule for y in "
    "fastvjp/rules.py, or keep y constant by stop_gradient.": without_rule(MULTIPLY, "y"),
    "fastvjp/primitives/linalg.py: TypeError: [solve_triangular] It has no derivative with respect to x. Hint: "
    f"give a rule for x in {SOLVE.file}, or keep x constant by stop_gradient.": without_rule(SOLVE, "x"),
    "fastvjp/primitives/scans.py: TypeError: [cumsum] It has no derivative with respect to x. Hint: give a rule "
    f"for x in {CUMSUM.file}, or keep x constant by stop_gradient.": without_rule(CUMSUM, "x"),
    f"fastvjp/rules.py: [exp] The rule for x gave NoneType, expected float64[3,4]. {OF_RULES}": (
        with_rule(EXP, lambda g: None)
    ),
    f"fastvjp/rules.py: TypeError: [exp] The rule for x asks for y. Expected: some of x, g, out. {OF_RULES}": (
        with_rule(EXP, lambda g, y: g)
    ),
    "fastvjp/primitives/scans.py: TypeError: [cumsum] The rule for x asks for axes. Expected: some of x, g, out, "
    f"axis, reverse, exclusive. {OF_SCANS}": with_rule(CUMSUM, lambda g, axes: g),
    f"fastvjp/primitives/scans.py: [cumsum] The rule for x gave list, expected float64[2,3,4]. {OF_SCANS}": (
        with_rule(CUMSUM, lambda g: [g])
    ),
    "fastvjp/primitives/scans.py: [cumsum] The rule for x gave float64[3,4], expected float64[2,3,4]. "
    f"{OF_SCANS}": (with_rule(CUMSUM, lambda g: g[0])),
    "fastvjp/primitives/joining.py: [concatenate] The rule for *xs gave 1 cotangents, expected 3: one for each "
    f"operand. {OF_JOINING}": with_rule(JOINED, lambda g, xs: [g]),
    "fastvjp/primitives/joining.py: [concatenate] The rule for *xs gave fastvjp.array, expected 3: one for each "
    f"operand. {OF_JOINING}": with_rule(JOINED, lambda g: g),
    f"fastvjp/primitives/spectral.py: [eigh] The rule for x gave NoneType, expected float64[3,3]. {OF_LINALG}": (
        with_rule(EIGH, lambda g_w, x: g_w if g_w is None else x)  # as where only the vectors are used
    ),
    # --- batching rules
    "fastvjp/primitives/scans.py: no batching rule of cumsum, whose operands cannot have any leading axes": (
        changed(CUMSUM, batch=None),
        [],
    ),
    "fastvjp/primitives/views.py: no batching rule of reshape, whose operands cannot have any leading axes": (
        changed(REGISTRY["reshape"], batch=None),
        [],
    ),
    "fastvjp/primitives/scans.py: [cumsum] Its batching rule gave []. Expected: a list of float64[3,2,3,4]. Hint: "
    f"it is declared in {CUMSUM.file}.": (changed(CUMSUM, batch=lambda *_, **__: []), []),
    "fastvjp/primitives/scans.py: [cumsum] Its batching rule gave [float64[2,3,4]]. Expected: a list of "
    f"float64[3,2,3,4]. Hint: it is declared in {CUMSUM.file}.": (
        changed(CUMSUM, batch=lambda p, xs, *_, **__: [xs[0][0]]),
        [],
    ),
    # --- element functions
    "kernels/elements/trigonometric.py: no element function sin": (
        on_device(CPU, elements=without(CPU.elements, "sin"))
    ),
    "metal/elements/trigonometric.metal: no element function sin": (
        on_device(METAL, elements=without(METAL.elements, "sin"))
    ),
    "metal/elements/trigonometric.metal: no element function sin_vjp": (
        on_device(METAL, elements=without(METAL.elements, "sin_vjp"))
    ),
    "metal/elements/arithmetic.metal: scale takes ('x',), the primitive ('x', 'y')": (
        on_device(METAL, elements={**METAL.elements, "scale": HALF})
    ),
    "metal/elements/arithmetic.metal: half is the element function of no primitive": (
        on_device(METAL, elements={**METAL.elements, "half": HALF})
    ),
    # --- array kernels
    "kernels/structural: no kernel of matmul": on_device(CPU, structural=CPU.structural - {"matmul"}),
    'metal/structural: no kernel of matmul, unless fastvjp/primitives/products.py declares it on="cpu"': (
        on_device(METAL, structural=METAL.structural - {"matmul"})
    ),
    "kernels/structural: fft is the kernel of no primitive": (on_device(CPU, structural=CPU.structural | {"fft"})),
    f"{HERE}: [kernels] {ROOT / HERE} calls scan_row. Expected: the name of an @kernel. Hint: did you mean "
    "scan_rows?": lowered(CPU, "cumsum", None, misspelt),
    f"{HERE}: a kernel accesses float64 outside of its arrays: return scan_columns(args, start, stop, float64, "
    "add, 0)": lowered(CPU, "cumsum", None, beyond),
    f"{HERE}: a kernel accesses float32 in memory of numbers of 8 bytes: return scan_columns(args, start, stop, "
    "float32, add, 0)": lowered(CPU, "cumsum", None, narrower),
    f"kernels/structural/scans.py: cumsum is never reached, as all_fused in {HERE} takes every step": (
        lowered(CPU, "cumsum", all_fused, None)
    ),
    f"kernels/structural/matmul.py: matmul is never reached, as all_fused in {HERE} takes every step": (
        lowered(CPU, "matmul", all_fused, None)
    ),
    f"{HERE}: sum is never reached, as planning/composites.py has it in fused steps": (
        lowered(METAL, "sum", misspelt)
    ),
    f"{HERE}: [metal] {SHADERS} does not define structural::scanned. {NAMESPACES}": (
        lowered(METAL, "cumsum", dispatched("scanned<float>", "scans"))
    ),
    f"{HERE}: [metal] {SHADERS} does not define structural::gather. It is in {library.path('indexing')}. "
    f"{NAMESPACES}": lowered(METAL, "cumsum", dispatched("gather<float>", "scans")),
    f"{HERE}: [metal] There is no file scan.metal. Expected: one of {', '.join(library.stems())}.": (
        lowered(METAL, "cumsum", dispatched("scan_by_threads<float>", "scan"))
    ),
}
"""What `problems` must say, and the table of which it must say so."""


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_table_is_found(message: str) -> None:
    assert message in problems(*BROKEN[message])


# --- inference -------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[Primitive, Callable[..., Any], str]] = {
    "another dtype": (
        CUMSUM,
        lambda x, **_: aval(x.shape, int8),
        "cumsum: infer says int8[2,3,4], the row cumsum-",
    ),
    "another shape": (CUMSUM, lambda x, **_: aval(x.shape[1:], x.dtype), "cumsum: infer says bool[3,4], the row"),
    "none": (
        CUMSUM,
        lambda x, **_: None,
        "[cumsum] Its infer gave None. Expected: an Aval. Hint: it is declared in",
    ),
    "a shape": (CUMSUM, lambda x, **_: x.shape, "[cumsum] Its infer gave (2, 3, 4). Expected: an Aval. Hint:"),
    "two": (CUMSUM, lambda x, **_: (x, x), "Expected: an Aval. Hint:"),
    "one of two": (EIGH, lambda x, **_: x, "Expected: a tuple of an Aval for each of w, v. Hint:"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_inference_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    p, infer, message = WRONG[what]
    forget(monkeypatch)
    monkeypatch.setitem(REGISTRY, p.name, wrong := replace(p, infer=infer))
    file = within(p.file)
    found = problems(replace(TABLE, primitives={p.name: wrong}), [])
    assert any(line.startswith(f"{file}: {p.name}: ") and message in line for line in found), found


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls recorded with the right primitives must not stand in for those with wrong ones, nor the reverse."""
    monkeypatch.setattr(trie, "root", Node())
    monkeypatch.setattr(trie, "patterns", {})


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


@pytest.mark.parametrize(("text", "message"), [
    ("CASES = [1 / 0]", "cubes.py: ZeroDivisionError: division by zero"),
    ("from .case import *\nCASES = [elementwise('cubes', None, FLOAT, ANY)]",
     "cubes.py: ValueError: there is no fastvjp.cubes. Hint: declare it in fastvjp/ops, or give fun="),
    ("import fastvjp\nCASES = [fastvjp.cubes]", "cubes.py: AttributeError: module 'fastvjp' has no attribute"),
])  # fmt: skip
def test_a_row_that_cannot_be_made(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cubes.py").write_text(text)
    monkeypatch.setattr(cases, "__path__", [*cases.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match=re.escape(f"[cases] tests/support/cases/{message}")):
        cases.families()


def test_a_new_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cubes.py").write_text("CASES = []\n")
    monkeypatch.setattr(cases, "__path__", [*cases.__path__, str(tmp_path)])
    assert "support.cases.cubes" in [family.__name__ for family in cases.families()]
