"""What is declared wrongly is an error, at import or where it is used, that names the file."""

from __future__ import annotations

import runpy
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from support import declarations

import fastvjp as mx
from fastvjp import rules
from fastvjp.core.primitive import REGISTRY
from fastvjp.kernels.elements import registry
from fastvjp.kernels.loops import launches
from fastvjp.metal.elements import library
from fastvjp.primitives import elementwise
from fastvjp.primitives.batching import applied
from fastvjp.recording.trie import Node, trie

EXP, EIGH = REGISTRY["exp"], REGISTRY["eigh"]


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls recorded with the right primitives must not stand in for those with wrong ones, nor the reverse."""
    monkeypatch.setattr(trie, "root", Node())
    monkeypatch.setattr(trie, "patterns", {})


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
        "import fastvjp.kernels.structural\nfrom fastvjp.kernels.loops import lowers\n"
        '@lowers("gather")\ndef gather(step, allocate):\n    return []',
        r"gather is declared twice: in \S*/kernels/structural/indexing\.py and in \S*/cubes\.py\.",
    ),
    "a result of no kind": (
        ELEMENT.replace("@element", '@element(result="float")') + "def cubes(x):\n    return x",
        r"@element\(result='float'\) in \S*/cubes\.py\. Expected: same or bool or real or given\.",
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


def test_what_nobody_declared() -> None:
    with pytest.raises(KeyError, match=r"\[kernels\.launches\] Nothing is declared for cubes\."):
        launches["cubes"]
    assert launches.get("cubes") is None


def test_a_structural_primitive_says_whether_it_has_rules(tmp_path: Path) -> None:
    (tmp_path / "cubes.py").write_text(STRUCTURAL + 'structural("cubes", "x", None)')
    with pytest.raises(TypeError, match="'vjp'") as caught:
        runpy.run_path(str(tmp_path / "cubes.py"))
    assert traceback.extract_tb(caught.value.__traceback__)[-1].filename == str(tmp_path / "cubes.py")


def test_a_backward_function_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.ELEMENTS, "cube_vjp", registry.ELEMENTS["exp_vjp"])
    with pytest.raises(ValueError, match=r"cube_vjp in \S*/exponential\.py is .* of cube, which is missing"):
        elementwise._declare("cube_vjp")


@pytest.mark.parametrize(("name", "like", "expected"), [
    ("multiply_vjp", "exp_vjp", "multiply. Expected: multiply_vjp_x or multiply_vjp_y"),
    ("multiply_vjp_z", "exp_vjp", "multiply. Expected: multiply_vjp_x or multiply_vjp_y"),
    ("exp_vjp_x", "exp_vjp", "exp. Expected: exp_vjp"),
])  # fmt: skip
def test_a_backward_function_for_no_operand(
    name: str, like: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.ELEMENTS, name, registry.ELEMENTS[like])
    with pytest.raises(
        ValueError, match=rf"{name} in \S*/kernels/elements/\w+\.py is for no operand of {expected}\."
    ):
        elementwise._declare(name)


@pytest.mark.parametrize(
    ("name", "operand", "message"),
    [
        ("cube", "x", "Rules for cube, which is no element function in kernels/elements"),
        ("sum", "x", "Rules for sum, which is no element function in kernels/elements"),
        ("floor", "x", "Rules for floor, which is declared not to be differentiable"),
        ("exp", "y", r"A rule of exp for y\. Expected: one of \('x',\)"),
        ("exp", "x", r"A second rule of exp for x"),
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


def test_without_a_rule_no_gradient_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an element function with neither backward function nor rule, it is an error that names the file."""
    forget(monkeypatch)
    monkeypatch.setitem(REGISTRY, "exp", replace(EXP, rules={}, vjps={}))
    with pytest.raises(TypeError, match=r"\[exp\] It has no derivative .* give a rule for x in fastvjp/rules\.py"):
        mx.grad(lambda x: mx.exp(x).sum())(mx.ones(7))


def test_second_derivatives_without_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch)
    assert EXP.rules is not None
    monkeypatch.delitem(EXP.rules, "x")
    with pytest.raises(TypeError, match=r"\[exp\] .* cannot .* without a rule\. Hint: .* in fastvjp/rules\.py"):
        mx.grad(lambda x: mx.grad(lambda x: mx.exp(x).sum())(x).sum())(mx.ones(7))


def test_a_batching_rule_that_gives_too_few_results(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch)
    monkeypatch.setitem(
        REGISTRY, "eigh", replace(EIGH, batch=lambda p, xs, *_, **given: applied(p, xs, **given)[:1])
    )
    with pytest.raises(
        ValueError, match=r"batching rule gave \[float32\[2,3\]\]\. .*/fastvjp/primitives/spectral\.py"
    ):
        mx.vmap(lambda x: mx.linalg.eigh(x)[1])(mx.ones((2, 3, 3)))


# --- what the source text shows --------------------------------------------------------------------------

FORGOTTEN: dict[str, tuple[str, str]] = {
    "fastvjp/ops": ("@public(unary)\ndef cubes(a): ...", "public"),
    "fastvjp/primitives": ('structural("cubes", "x", None, vjp=None)', "structural"),
    "kernels/elements": ("@element(cheap=True)\ndef cubes(x): ...", "element"),
    "kernels/structural": ('@lowers("cubes")\ndef lower(step, allocate): ...', "lowers"),
    "metal/structural": ('lowers("cubes")(scan("add"))', "lowers"),
}


def tree(root: Path, **files: str) -> Path:
    """A repository with an empty `__init__.py` in each folder where something is declared."""
    for folder in declarations.DECLARING:
        (root / folder).mkdir(parents=True)
        (root / folder / "__init__.py").write_text("from . import squares\nfrom .halves import *\n")
    (root / "fastvjp" / "rules.py").write_text("")
    return root


@pytest.mark.parametrize("folder", FORGOTTEN)
def test_a_file_that_nothing_imports(folder: str, tmp_path: Path) -> None:
    text, by = FORGOTTEN[folder]
    root = tree(tmp_path)
    for name in ("cubes", "squares", "halves"):
        (root / folder / f"{name}.py").write_text(text)
    (root / folder / "common.py").write_text("def helper(): ...")
    expected = f"{folder}/__init__.py: no import of cubes.py, which declares by {by}"
    assert list(declarations.forgotten(root)) == [expected]


def test_two_rules_of_one_name(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / "fastvjp" / "rules.py").write_text('RULES = {\n    "cubes": {},\n    "cubes": {"x": 1, "x": 2},\n}\n')
    (root / "fastvjp" / "primitives" / "cubes.py").write_text('vjp = {"x": 1, "y": 1, "x": 2}\n')
    assert list(declarations.repeated(root)) == [
        "fastvjp/rules.py: cubes is given twice in the dict of line 1",
        "fastvjp/rules.py: x is given twice in the dict of line 3",
        "fastvjp/primitives/cubes.py: x is given twice in the dict of line 1",
    ]


SHADER = "namespace element {{\ntemplate <typename T> inline {}\n}}  // namespace element\n"
CUBES = SHADER.format("T cubes(T x) { return x * x * x; }")


def test_two_shaders_of_one_name() -> None:
    twice = CUBES + SHADER.format("T  cubes(T x) { return x; }")
    with pytest.raises(
        ValueError, match=r"element::cubes is defined twice, with the same parameters: in cubes\.metal"
    ):
        library.collected({"cubes": twice})
    with pytest.raises(ValueError, match=r"element::cubes takes \('y',\), elsewhere \('x',\): in cubes\.metal"):
        library.collected({"cubes": CUBES + SHADER.format("T cubes(T y) { return y; }")})
    message = r"element::cubes is defined twice: in cubes\.metal and in \S*/metal/structural/scans\.metal"
    with pytest.raises(ValueError, match=message):
        library.collected({"cubes": CUBES, "scans": CUBES})
    overload = "namespace element {\ninline float cubes(float x) { return x; }\n}  // namespace element\n"
    assert library.collected({"cubes": CUBES + overload}) == {"element::cubes": "cubes"}


def test_two_files_of_shaders_of_one_name(tmp_path: Path) -> None:
    files = [tmp_path / folder / "cubes.metal" for folder in ("elements", "structural")]
    with pytest.raises(ValueError, match=r"\S*/elements/cubes\.metal and \S*/structural/cubes\.metal"):
        library.by_stem(files)
