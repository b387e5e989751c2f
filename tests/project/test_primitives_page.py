"""docs/primitives.md: what it tells a newcomer to write is added to a copy of fastvjp, and works there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "primitives.md").read_text().partition("## Your own primitive")[0]
RULES = "RULES: dict[str, dict[str, Rule]] = {\n"
ELEMENTS = "}  // namespace element\n"
USE = """
import doctest
from dataclasses import replace

import fastvjp as fv
import numpy as np
from fastvjp.metal import emulator
from primitives import test_primitives as rows
from support import declarations
from support.cases import CASES
from support.oracles import assert_close
from support.table import DEVICES, ROOT, TABLE, problems

NAMES = ("softplus", "reverse_rows", "lapack_inverse")
print(fv.__file__)
primitives = {name: TABLE.primitives[name] for name in (*NAMES, "softplus_vjp")}
found = [*declarations.forgotten(ROOT), *declarations.repeated(ROOT)]
found += problems(replace(TABLE, primitives=primitives, rows={n: TABLE.rows[n] for n in NAMES}), DEVICES)
assert not [line for line in found if "of no primitive" not in line], found
for module in (fv.ops.exponential, fv.ops.reversal, fv.ops.solving):
    assert doctest.testmod(module).failed == 0

rng = np.random.default_rng()
for name in NAMES:
    cases = [case for case in CASES if case.primitive == name]
    for dtype in cases[0].dtypes:
        rows.test_forward(cases[0], dtype, rng)
    for case in cases:
        rows.test_first_order(case, "float64", rng)
    rows.test_second_order(cases[0], "float64", rng)
    rows.test_vmap(cases[0], rng)
rows.test_kernel_is_the_rule("softplus_vjp", TABLE.rows["softplus"], "float64", rng)
rows.test_zero_cotangent_is_strong("softplus_vjp", TABLE.rows["softplus"], "float64")
x = rng.uniform(-1, 1, (2, 3, 3))
def inverse(x):
    return fv.linalg.lapack_inverse(x + 9 * fv.eye(3, dtype=x.dtype))
for function in (fv.softplus, fv.reverse_rows, inverse):
    one = fv.grad(lambda x: fv.sum(function(x) ** 2))
    np.testing.assert_allclose(fv.njit(one, x)(x), one(x), rtol=1e-12)
try:
    fv.linalg.lapack_inverse(np.ones((2, 2, 2)))
except np.linalg.LinAlgError as error:
    assert "[lapack_inverse] a[0] is singular." in str(error)
try:
    emulator.check_compiler()
except emulator.error:
    print("no emulator")
else:
    x = rng.uniform(-1, 1, (2, 3, 3)).astype(np.float32)
    for function in (fv.softplus, fv.reverse_rows, inverse):
        expected = function(x)
        with fv.device("metal-emulator"):
            assert_close(function(fv.array(x)), np.asarray(expected), 8, 1)
    with fv.device("metal-emulator"):  # of a scalar, which has no memory
        assert fv.reverse_rows(fv.ones((2, 3)) * 2).tolist() == [[2, 2, 2], [2, 2, 2]]
"""


def steps(page: str) -> list[tuple[str, str]]:
    """The files that the numbered steps of a page begin with, each with the block of code in the step."""
    found = re.findall(r"^\d+\. `([^`]+)`(.*?)(?=^\S)", page + "\n.", re.MULTILINE | re.DOTALL)
    blocks = [
        (file, re.search(r"^    ```\w+\n(.*?)^    ```$", text, re.MULTILINE | re.DOTALL)) for file, text in found
    ]
    return [(file, dedent(block[1])) for file, block in blocks if block is not None]


def added(path: Path, block: str) -> None:
    """Write a block to where it belongs; a new file is imported by its folder."""
    if not path.exists():
        path.write_text(block)
        init = path.parent / "__init__.py"
        if path.suffix == ".py" and path.parent.name != "cases":
            line = f"from .{path.stem} import *" if path.parent.name == "ops" else f"from . import {path.stem}"
            init.write_text(init.read_text().replace("\nfrom .", f"\n{line}\nfrom .", 1))
        return
    text = path.read_text()
    for place, replacement in ((RULES, RULES + block), (ELEMENTS, block + ELEMENTS)):
        if text.count(place) == 1:
            path.write_text(text.replace(place, replacement))
            return
    path.write_text(f"{text}\n\n{block}")


def test_its_primitives_work(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("fastvjp", "kernels", "metal", "tests/support", "tests/primitives"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=ignored)
    found = steps(PAGE)
    assert len(found) == 5 + 6 + 4
    for file, block in found:
        added(tmp_path / file, block)
    (tmp_path / "use.py").write_text(USE)
    run = subprocess.run(
        [sys.executable, "use.py"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={
            **os.environ,
            "FASTVJP_CACHE_DIR": str(tmp_path / "kept"),
            "PYTHONPATH": os.pathsep.join(map(str, (tmp_path, tmp_path / "tests"))),
        },
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    place, *rest = run.stdout.split("\n", 1)
    assert Path(place) == tmp_path / "fastvjp" / "__init__.py"
    if "no emulator" in rest:
        pytest.skip("without its emulator the shaders do not run")
