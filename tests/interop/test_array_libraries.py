"""Libraries that are written for the array API: docs/array-api.md is true, and array_api_compat knows us."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from support.array_api import ROWS, SCIPY, outcome
from support.conversions import needs
from support.documents import programs

import fastvjp as fv
from fastvjp.interop.imported import when_imported

xp = fv.array_api
ROOT = Path(__file__).parents[2]


def python(code: str, **environment: str) -> str:
    """What a program prints in a process of its own; it finds what tests find."""
    places = os.pathsep.join([str(ROOT / "tests"), *filter(None, sys.path)])
    environment = os.environ | {"PYTHONPATH": places} | environment
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def is_as_told(found: list[str], told: str) -> bool:
    return told in found or found[0] == told


def test_scipy():
    """In one process, which takes a minute: SciPy reads the setting when it is imported."""
    scipy = pytest.importorskip("scipy")
    if tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 17):
        pytest.skip(f"the rows are those of SciPy 1.17, here is {scipy.__version__}")
    code = "import runpy; runpy.run_module('support.array_api', run_name='__main__')"
    found = json.loads(python(code, SCIPY_ARRAY_API="1"))
    wrong = {row.construct: f[0] for row, f in zip(SCIPY, found, strict=True) if not is_as_told(f, row.outcome)}
    assert wrong == {}
    assert sum(row.outcome == "gradient" for row in SCIPY) > 60


@pytest.mark.parametrize("row", [row for row in ROWS if row not in SCIPY], ids=lambda row: row.construct[:60])
def test_row(row):
    for module in needs(row.construct):
        pytest.importorskip(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = outcome(row)
    assert is_as_told(found, row.outcome), found[0]


# --- array_api_compat ----------------------------------------------------------------------------------------


def test_array_api_compat():
    compat = pytest.importorskip("array_api_compat")
    x = fv.array(np.ones((2, 3)))
    assert compat.is_array_api_obj(x)
    assert compat.array_namespace(x, fv.array(1.0), None, 2.0) is xp
    assert compat.array_namespace(x, api_version="2024.12") is xp
    assert (compat.device(x), compat.size(x)) == (x.device, 6)
    assert compat.to_device(x, "cpu").device == "cpu"
    assert compat.is_array_api_strict_namespace(xp) is compat.is_numpy_namespace(xp) is False
    assert compat.is_writeable_array(x)
    with pytest.raises(TypeError, match="Multiple namespaces"):
        compat.array_namespace(x, np.ones(2))


def test_array_api_compat_in_recordings():
    compat = pytest.importorskip("array_api_compat")

    def loss(x):
        module = compat.array_namespace(x)
        assert module is xp
        assert compat.device(x) == fv.default_device()
        return module.sum(module.exp(x) * module.asarray([1.0, 2.0]))

    x = np.array([0.5, -0.5])
    np.testing.assert_allclose(fv.grad(loss)(x), np.exp(x) * [1, 2])
    np.testing.assert_allclose(fv.hessian(loss)(x), np.diag(np.exp(x) * [1, 2]))
    np.testing.assert_allclose(fv.vmap(fv.grad(loss))(np.stack([x, 2 * x])), np.exp([x, 2 * x]) * [1, 2])
    np.testing.assert_allclose(fv.compile(fv.grad(loss))(x), np.exp(x) * [1, 2])


def test_array_api_extra():
    """What SciPy updates arrays with."""
    xpx = pytest.importorskip("array_api_extra")

    def loss(x):
        y = xpx.at(x * 2, 0).set(x[1] ** 2)
        y = xpx.at(y, xp.asarray([False, True, True])).multiply(3.0)
        return xp.sum(xpx.apply_where(y > 1, y, lambda v: v**2, fill_value=0.0))

    np.testing.assert_allclose(fv.grad(loss)(np.array([9.0, 2.0, 0.01])), [0, 4 * 8 + 72 * 2, 0])


# --- einops --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["einops", "fastvjp"])
def test_einops_finds_us_in_either_order(first):
    pytest.importorskip("einops")
    second = "fastvjp" if first == "einops" else "einops"
    code = f"""
import importlib, inspect, sys
importlib.import_module({first!r})
assert {second!r} not in sys.modules
importlib.import_module({second!r})
import einops, einops._backends, fastvjp
print(einops.rearrange(fastvjp.ones((2, 3)), "a b -> b a").shape)
assert "get_backend" in inspect.getsource(einops._backends)
assert einops._backends.__spec__.loader is einops._backends.__loader__
assert not [f for f in sys.meta_path if type(f).__module__.startswith("fastvjp")]
"""
    assert python(code) == "(3, 2)\n"


def test_who_waits_for_a_module_is_called_once(tmp_path, monkeypatch):
    (tmp_path / "awaited_module.py").write_text("value = 1")
    monkeypatch.syspath_prepend(tmp_path)
    told: list[int] = []
    for name in ("awaited_module", "awaited_module", "a_module_that_is_nowhere"):
        when_imported(name)(lambda module: told.append(module.value))
    for _ in range(2):
        importlib.import_module("awaited_module")
    assert told == [1, 1]
    when_imported("awaited_module")(lambda module: told.append(module.value))
    assert told == [1, 1, 1]
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_nowhere"):
        importlib.import_module("a_module_that_is_nowhere")


def test_the_first_program_of_the_document():
    program, output = next(programs((ROOT / "docs" / "array-api.md").read_text()))
    assert python(program) == output
