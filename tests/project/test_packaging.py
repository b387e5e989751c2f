"""What is installed: a wheel, in an environment of its own, used from another folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USE = """
import numpy as np
import fastvjp as fv
print(fv.__file__)
print(float(fv.grad(lambda x: np.sum(np.tanh(x) * x))(np.array([0.5])).item()))
with fv.device("metal-emulator"):
    print(float(fv.grad(lambda x: fv.sum(fv.softmax(x)[0]))(fv.array([0.5, 1.5])).tolist()[0]))
"""


def run(*command: str, **options) -> str:
    found = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel, what was said while it was built, and the clone it was built in."""
    source, folder = tmp_path_factory.mktemp("source") / "fastvjp", tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("fastvjp", "kernels", "metal"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = (sys.executable, "-m", "pip", "wheel", "-v", "--no-deps", "--no-build-isolation", "-w", str(folder))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # of which it warns
    said = run(*pip, str(source), env=environment)
    (wheel,) = folder.glob("*.whl")
    return wheel, said, source


def test_no_warning_while_it_is_built(built):
    assert not re.findall(r"(?i)^.*(?:warning: |deprecated|is absent).*$", built[1], re.MULTILINE)


def test_a_wheel_has_every_file_of_the_package(built):
    names = {name for name in zipfile.ZipFile(built[0]).namelist() if name.startswith("fastvjp/")}
    folder = ROOT / "fastvjp"
    walked = [Path(at, name) for at, _, files in os.walk(folder, followlinks=True) for name in files]
    expected = {path.relative_to(ROOT).as_posix() for path in walked if "__pycache__" not in path.parts}
    assert names == expected
    assert {"fastvjp/py.typed", "fastvjp/metal/emulator/include/types.h"} <= names


@pytest.fixture(scope="module")
def archive(built):
    """The source distribution."""
    run(sys.executable, "-c", "from setuptools import build_meta as b; b.build_sdist('made')", cwd=built[2])
    (found,) = (built[2] / "made").glob("*.tar.gz")
    return found


def test_a_source_distribution_has_every_file_of_the_package_as_a_file(built, archive):
    with tarfile.open(archive) as content:
        files = {m.name.partition("/")[2] for m in content.getmembers() if m.isfile()}
    with zipfile.ZipFile(built[0]) as wheel:
        expected = {name for name in wheel.namelist() if name.startswith("fastvjp/")}
    assert expected <= files


def test_a_clone_works_from_its_own_folder(built, tmp_path):
    environment = {**os.environ, "FASTVJP_CACHE_DIR": str(tmp_path), "PYTHONPATH": ""}
    place, first, _ = run(sys.executable, "-c", USE, cwd=built[2], env=environment).split()
    assert Path(place) == built[2] / "fastvjp" / "__init__.py"
    assert abs(float(first) - 0.8553409) < 1e-6


def test_what_is_installed_works_from_another_folder(built, archive, tmp_path):
    """From the wheel, and in its place from the source distribution: the same files."""
    venv.create(tmp_path / "env", symlinks=True)
    python = str(tmp_path / "env" / "bin" / "python")
    paths = {"base": str(tmp_path / "env"), "platbase": str(tmp_path / "env")}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    # what it depends on, without the links of editable installs, which work in the site-packages of their own only
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet")
    environment = {**os.environ, "FASTVJP_CACHE_DIR": str(tmp_path / "kept"), "PYTHONPATH": ""}
    installed = []
    for package in (built[0], archive):
        run(*pip, "--no-build-isolation", "--ignore-installed", str(package))
        place, first, second = run(python, "-c", USE, cwd=tmp_path, env=environment).split()
        assert Path(place) == site / "fastvjp" / "__init__.py"
        assert abs(float(first) - 0.8553409) < 1e-6  # tanh(x) + x / cosh(x)**2 at 0.5
        assert abs(float(second) - 0.1966119) < 1e-6  # s (1 - s), s = 1 / (1 + e)
        walked = (path for path in (site / "fastvjp").rglob("*") if path.suffix != ".pyc")
        installed.append(
            {path.relative_to(site).as_posix(): path.read_bytes() for path in walked if path.is_file()}
        )
        shutil.rmtree(site / "fastvjp")
    assert installed[0] == installed[1]


@pytest.mark.parametrize(
    ("system", "machine", "python", "wanted"),
    [
        ("darwin", "arm64", "3.11", True),
        ("darwin", "arm64", "3.13", True),
        ("darwin", "arm64", "3.14", False),
        ("darwin", "x86_64", "3.13", False),
        ("linux", "aarch64", "3.13", False),
    ],
)
def test_metalcompute_is_asked_for_where_it_has_wheels(system, machine, python, wanted):
    from packaging.requirements import Requirement

    given = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (marker,) = [r.marker for r in map(Requirement, given) if r.name == "metalcompute"]
    there = {"sys_platform": system, "platform_machine": machine, "python_version": python}
    assert marker is not None and marker.evaluate(there) is wanted
