"""`python -m fastvjp`, as a user calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastvjp
from fastvjp.core.environment import with_variables

MODEL = """
import numpy as np

from beside import power


def loss(w, x):
    return np.sum(np.tanh(x @ w) ** power)


def both(x):
    return np.sin(x), np.sum(x)


def wrong(x):
    raise ValueError("the user's own")
"""


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fastvjp", *arguments],
        capture_output=True,
        text=True,
        env=with_variables(variables),
        check=False,
    )


@pytest.fixture
def model(tmp_path: Path) -> str:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "beside.py").write_text("power = 2\n")
    return str(tmp_path / "model.py")


def test_info(tmp_path: Path) -> None:
    found = run("info", FASTVJP_CACHE_DIR=str(tmp_path), FASTVJP_DEVICE="cpu")
    assert (found.returncode, found.stderr) == (0, "")
    lines = found.stdout.splitlines()
    assert lines[0].startswith(f"fastvjp {fastvjp.__version__} in ")
    assert f"numpy {np.__version__}" in lines
    assert "device cpu: available" in lines
    assert "default device: cpu" in lines
    assert f"kept 0 kernels of 0.0 MB in {tmp_path}" in lines
    assert "FASTVJP_DEVICE=cpu" in lines


def test_info_tells_what_is_wrong() -> None:
    found = run("info", FASTVJP_DEVICE="CPU", FASTVJP_CACHE_DIR="off")
    assert found.returncode == 0
    assert "default device: none. [FASTVJP_DEVICE] Device 'CPU' cannot be used" in found.stdout
    assert "kernels are not kept: FASTVJP_CACHE_DIR is off" in found.stdout


def test_cache(tmp_path: Path, model: str) -> None:
    folder = str(tmp_path / "kernels")
    run("explain", f"{model}:both", "--shape", "5", FASTVJP_CACHE_DIR=folder)
    (tmp_path / "kernels" / "notes.txt").write_text("not a kernel")
    kernels = len(list((tmp_path / "kernels").glob("*.kernel")))
    assert kernels > 0
    assert run("cache", FASTVJP_CACHE_DIR=folder).stdout.startswith(f"kept {kernels} kernels of ")
    assert run("cache", "--clear", FASTVJP_CACHE_DIR=folder).stdout.startswith(f"removed {kernels} kernels of ")
    assert [path.name for path in (tmp_path / "kernels").iterdir()] == ["notes.txt"]
    assert run("cache", FASTVJP_CACHE_DIR=folder).stdout == f"kept 0 kernels of 0.0 MB in {folder}\n"
    assert run("cache", FASTVJP_CACHE_DIR=str(tmp_path / "none")).stdout.startswith("kept 0 kernels")


def test_explain(model: str) -> None:
    found = run("explain", f"{model}:loss", "--shape", "3", "--shape", "5,3")
    assert (found.returncode, found.stderr) == (0, "")
    assert "inputs: a: float64[3], b: float64[5,3]" in found.stdout
    assert "matmul" in found.stdout
    several = run("explain", f"{model}:both", "--shape", "4", "--dtype", "float32")
    assert "a: float32[4]" in several.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.py"], "Expected FILE:FUNCTION, as in model.py:loss, and a file, got 'model.py'"),
        (["nowhere.py:loss"], "Expected FILE:FUNCTION"),
        (["{}:los", "--shape", "3"], "has no function 'los'. It has: loss, both, wrong."),
        (["{}:loss"], "is called with no arguments. Hint: --shape 3,4 for each of them."),
        (["{}:loss", "--shape", "3,a"], "Expected a shape such as 3,4, got '3,a'"),
        (["{}:both", "--shape", "3", "--dtype", "float23"], "--dtype float23"),
    ],
)
def test_misuse(model: str, arguments: list[str], message: str) -> None:
    found = run("explain", *[text.format(model) for text in arguments])
    assert found.returncode == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_errors_of_the_function_are_its_own(model: str) -> None:
    found = run("explain", f"{model}:wrong", "--shape", "3")
    assert found.returncode == 1
    assert found.stderr.endswith("ValueError: the user's own\n")
    assert "in wrong" in found.stderr
