"""What a type checker says of a user's program: it reads declarations, not what is set on a class at run time."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastvjp
from fastvjp import ops
from fastvjp.interop import in_place, operators
from fastvjp.interop.numpy import products
from fastvjp.ops import indexing

ROOT = Path(__file__).parents[2]
ARRAY = "fastvjp.arrays.array.array"
MADE = "fastvjp.transforms.transformed.Transformed"
LOSS = "def loss(x: int, *, k: float = 1.0) -> str: return ''"
REVEALED = {
    "fv.array(1.0) + 1": ARRAY,
    "1 / x": ARRAY,
    "2 @ -x": ARRAY,
    "x == 1": ARRAY,
    "x[0, ..., None]": ARRAY,
    "x.at[0].add(1)": ARRAY,
    "divmod(x, 2)": f"tuple[{ARRAY}, {ARRAY}]",
    "abs(x)": ARRAY,
    "1 in x": "bool",
    "x.T": ARRAY,
    "x.real": ARRAY,
    "x.sum()": ARRAY,
    "x.max(axis=0, keepdims=True)": ARRAY,
    "x.reshape(2, -1).dot(x)": ARRAY,
    "x.split(2)": f"list[{ARRAY}]",
    "x.shape": "tuple[int, ...]",
    "fv.sin(x)": ARRAY,
    "fv.true_divide": f"def (a: Any, b: Any) -> {ARRAY}",
    "[y for y in x]": f"list[{ARRAY}]",
    "fv.grad(loss)": f"{MADE}[[x: int, *, k: float =], Any]",
    "fv.value_and_grad(loss)(1)": "tuple[str, Any]",
    "fv.compile(fv.vmap(loss))(1, k=2.0)": "str",
    "fv.checkpoint(loss)(1)": "str",
    "fv.custom_function(loss)(1)": "str",
    "fv.hessian(lambda y: y**3)(2.0)": "Any",
}
"""Expressions, and the types that they must have."""
WRONG = {
    "x.sum(axes=0)": 'Unexpected keyword argument "axes"',
    "x.nothing": '"array" has no attribute "nothing"',
    'fv.grad(loss)("a")': 'Argument 1 to "__call__" of "Transformed" has incompatible type "str"; expected "int"',
    "fv.compile(loss)(1, m=2)": 'Unexpected keyword argument "m" for "__call__" of "Transformed"',
    "fv.nothing": 'Module has no attribute "nothing"',
    "fv.emit": 'Module has no attribute "emit"',
}


def said(folder: Path, lines: list[str]) -> dict[int, str]:
    """What mypy says of each line of a program behind an import of fastvjp, an array and a function."""
    program = folder / "program.py"
    program.write_text("\n".join(["import fastvjp as fv", "x = fv.array([1.0, 2.0])", LOSS, *lines]))
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file="]
    command += [f"--cache-dir={folder / 'cache'}", str(program)]
    run = subprocess.run(
        command, cwd=folder, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    found = re.findall(r"^program.py:(\d+): \w+: (.*)", run.stdout, re.MULTILINE)
    return {int(number): words for number, words in reversed(found)}


def test_expressions_have_their_types(tmp_path):
    pytest.importorskip("mypy")
    lines = [f"reveal_type({expression})" for expression in REVEALED] + list(WRONG)
    words = [f'Revealed type is "{kind}"' for kind in REVEALED.values()] + list(WRONG.values())
    found = said(tmp_path, lines)
    assert len(found) == len(lines)
    for number, (line, expected) in enumerate(zip(lines, words, strict=True), 4):
        assert found[number].startswith(expected), (line, found[number])


def declared() -> dict[str, ast.stmt]:
    """The members of `Methods` in the stub."""
    stub = ast.parse((ROOT / "fastvjp" / "arrays" / "methods.pyi").read_text())
    (body,) = (node.body for node in stub.body if isinstance(node, ast.ClassDef))
    found: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.Assign):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = node
    return found


def test_the_stub_declares_what_is_set_on_array():
    def is_set_from_above(member: object) -> bool:
        getter = getattr(member, "fget", member)
        module = getattr(getter, "__module__", None)
        missing = getattr(getter, "__name__", None) == "missing"  # it only says what to use instead
        return module is not None and module != "fastvjp.arrays.array" and not missing

    members = {name for name, member in vars(fastvjp.array).items() if is_set_from_above(member)}
    assert members == set(declared())


def test_the_stub_names_the_functions_that_are_set():
    places = {
        "ops": ops,
        "operators": operators,
        "in_place": in_place,
        "products": products,
        "getitem": indexing.getitem,
    }
    for name, node in declared().items():
        if isinstance(node, ast.Assign):
            function = eval(compile(ast.Expression(node.value), name, "eval"), {**places})
            assert getattr(fastvjp.array, name) is function
