"""The examples in docstrings and README run and print what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastvjp

ROOT = Path(__file__).parents[2]
SUBMODULES = [m.name for m in pkgutil.walk_packages(fastvjp.__path__, "fastvjp.")]
MODULES = ["fastvjp", *sorted(name for name in SUBMODULES if not name.startswith("fastvjp.metal."))]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_public_functions_have_an_example():
    without = [
        name
        for name in fastvjp.__all__
        if callable(found := getattr(fastvjp, name))
        and not (isinstance(found, type) and issubclass(found, Exception))
        and not isinstance(found, np.dtype)
        and not (getattr(found, "__module__", None) or "").startswith("numpy")  # NumPy's own
        and ">>>" not in (found.__doc__ or "")
    ]
    assert without == []


def test_readme_examples(tmp_path):
    """Python blocks of the README: prompts as doctests; a script followed by a block of output prints that."""
    text = (ROOT / "README.md").read_text()
    failed, tried = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert failed == 0 and tried > 0
    scripts = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", text, re.DOTALL)
    for i, (script, output) in enumerate(s for s in scripts if ">>>" not in s[0]):
        path = tmp_path / f"script{i}.py"
        path.write_text(script)
        run = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        if output:
            assert run.stdout == output


def run_example(name, out, monkeypatch, capsys, *options):
    """What an example prints; the picture that it saves must be one."""
    for module in ("sklearn", "matplotlib", "tqdm"):
        pytest.importorskip(module)
    monkeypatch.setattr(sys, "argv", [name, *options, "--out", str(out)])
    runpy.run_path(str(ROOT / "docs" / "examples" / name), run_name="__main__")
    assert out.stat().st_size > 10_000
    return capsys.readouterr().out


def numbers(pattern, printed):
    """What the groups of a pattern match, which must be there."""
    found = re.search(pattern, printed)
    assert found is not None, printed
    return [float(group) for group in found.groups()]


def test_digits_example(tmp_path, monkeypatch, capsys):
    printed = run_example("digits.py", tmp_path / "digits.png", monkeypatch, capsys, "--steps", "250")
    (accuracy,) = numbers(r"accuracy: ([\d.]+) %", printed)
    assert accuracy > 95


def test_hmc_example(tmp_path, monkeypatch, capsys):
    printed = run_example("hmc.py", tmp_path / "hmc.png", monkeypatch, capsys, "--steps", "250")
    acceptance, rhat, size = numbers(r"acceptance: (\S+), largest R-hat: (\S+), least ESS: (\S+)", printed)
    assert 0.6 < acceptance < 1 and rhat < 1.1 and size > 100
    (bias,) = numbers(r"which should be 0: (\S+)", printed)
    assert bias < 1e-4


def test_minimize_example(tmp_path, monkeypatch, capsys):
    printed = run_example("minimize.py", tmp_path / "minimize.png", monkeypatch, capsys)
    before, after = numbers(r"(\S+) before, (\S+) after", printed)
    theirs, apart = numbers(r"Regression: (\S+); weights differ by (\S+)", printed)
    assert after < before / 10 and after == pytest.approx(theirs, abs=1e-5) and apart < 1e-4


def test_robust_example(tmp_path, monkeypatch, capsys):
    with fastvjp.device("cpu"):
        printed = run_example("robust.py", tmp_path / "robust.png", monkeypatch, capsys)
    (difference,) = numbers(r"difference to SciPy's t: (\S+)", printed)
    assert difference < 1e-14
    assert "forward and backward: 1; it fuses" in printed
    squares, robust = map(float, re.findall(r"held out, .*: (\S+)", printed))
    assert robust < 0.9 * squares


def test_gaussian_process_example(tmp_path, monkeypatch, capsys):
    printed = run_example("gaussian_process.py", tmp_path / "gp.png", monkeypatch, capsys, "--steps", "8")
    (apart,) = numbers(r"evidence and gradient: (\S+)", printed)
    before, after = numbers(r"log evidence: (\S+) before, (\S+) after", printed)
    ours, linear = numbers(r"held out: (\S+); of a linear fit: (\S+)", printed)
    (within,) = numbers(r"intervals: (\d+) %", printed)
    assert apart < 1e-12 and after > before + 40 and ours < 0.98 * linear and 90 <= within < 100


def test_convolutions_example(tmp_path, monkeypatch, capsys):
    printed = run_example("convolutions.py", tmp_path / "conv.png", monkeypatch, capsys, "--steps", "200")
    (accuracy,) = numbers(r"accuracy: ([\d.]+) %", printed)
    assert accuracy > 96


def test_spectrum_example(tmp_path, monkeypatch, capsys):
    printed = run_example("spectrum.py", tmp_path / "spectrum.png", monkeypatch, capsys)
    before, after = numbers(r"held out: (\S+) before, (\S+) after", printed)
    (apart,) = numbers(r"Wiener's gains: (\S+)", printed)
    exponent, noise = numbers(r"to the (\S+); noise ([\d.]+)", printed)
    assert after < before / 3 and apart < 1e-5 and 2 < exponent < 3 and 0.09 < noise < 0.13
