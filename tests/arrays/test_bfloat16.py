"""bfloat16 is ml_dtypes', which is imported by the first who needs it: in a process of its own for each."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import fastvjp as fv

FIRST = {
    "its name": 'fv.array([1.0, 2.0], dtype="bfloat16")',
    "ours": "fv.array([1.0, 2.0], dtype=fv.bfloat16)",
    "a class of ml_dtypes": "fv.array([1.0, 2.0], dtype=ml_dtypes.bfloat16)",
    "a dtype of ml_dtypes": "fv.array([1.0, 2.0], dtype=np.dtype(ml_dtypes.bfloat16))",
    "a NumPy array": "fv.array(np.array([1.0, 2.0], ml_dtypes.bfloat16))",
    "a cast": 'fv.array([1.0, 2.0]).astype("bfloat16")',
    "a pickle": "pickle.loads(GIVEN)",
    "codes": "fv.from_fp8(fv.to_fp8(fv.array([1.0, 2.0])))",
    "a file": 'fv.load(FILE)["x"]',
}


def run(program: str) -> str:
    """What a fresh process prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("first", FIRST)
def test_whoever_meets_it_first(first: str, tmp_path: Path) -> None:
    values = fv.array([1.0, 2.0], dtype=fv.bfloat16)
    if "FILE" in FIRST[first]:
        pytest.importorskip("safetensors")
        fv.save_safetensors(tmp_path / "x.safetensors", {"x": values})
    given = FIRST[first].replace("GIVEN", repr(pickle.dumps(values)))
    given = given.replace("FILE", repr(str(tmp_path / "x.safetensors")))
    program = f"""
import pickle, sys
import numpy as np
import fastvjp as fv
assert "ml_dtypes" not in sys.modules
{"import ml_dtypes" if "ml_dtypes" in given else ""}
x = {given}
value, slope = fv.value_and_grad(lambda x: fv.sum(x * x))(x)
print(*(a.dtype for a in (x, value, slope, x + fv.ones(2))), float(value), *slope.tolist())
"""
    assert run(program).split() == [*["bfloat16"] * 3, "float32", "5.0", "2.0", "4.0"]


def test_questions_about_it_need_not_import_it() -> None:
    program = """
import sys
import numpy as np
import fastvjp as fv
assert not {"ml_dtypes", "llvmlite", "numba", "scipy"} & set(sys.modules)
x = fv.array([1.0, 2.0])
fv.grad(lambda x: fv.sum(fv.tanh(x)))(x)
fv.grad(lambda x: fv.sum(x))(x.astype(fv.float16))
fv.isdtype(fv.float32, "real floating"), fv.issubdtype(fv.int8, fv.integer), fv.finfo(fv.float32).eps
fv.can_cast(fv.float32, fv.float64), fv.random.uniform(shape=(2,)), fv.random.normal((2,))
assert "ml_dtypes" not in sys.modules
print(fv.issubdtype("bfloat16", fv.floating), fv.isdtype("bfloat16", "numeric"))
print(fv.can_cast("bfloat16", "float32"))
print(fv.finfo("bfloat16").bits, fv.finfo("bfloat16").dtype)
"""
    assert run(program).split() == ["True", "True", "True", "16", "bfloat16"]
