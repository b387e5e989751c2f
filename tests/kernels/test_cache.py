"""Compiled kernels on disk: hits, keys, damage, directories, size; and kernels that cannot be compiled."""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import llvmlite
import numpy as np
import pytest

import fastvjp as fv
from fastvjp.kernels.elements import registry
from fastvjp.kernels.native import cache, jit
from fastvjp.kernels.native import code as native
from fastvjp.kernels.runtime import executable, machine

pytestmark = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")

ROOT = Path(__file__).parents[2]
GRADIENT = """
import json, sys
import numpy as np
import fastvjp as fv
x = np.linspace(-2, 2, 7)
(value,), (gradient,) = fv.vjp(lambda x: fv.tanh(x * 3) * fv.exp(-x * x), [x], [np.ones(7)])
assert "numba" not in sys.modules
translated = "fastvjp.kernels.native.translation" in sys.modules
print(json.dumps([translated, np.asarray(value).tolist(), np.asarray(gradient).tolist()]))
"""
DIRECTORY = cache.directory.__wrapped__
X = np.linspace(-2, 2, 7)
VALUE = np.tanh(3 * X) * np.exp(-X * X)
SLOPE = 3 / np.cosh(3 * X) ** 2 * np.exp(-X * X) - 2 * X * VALUE


def start(folder, cwd=None, **environment):
    """A process that prints what it found; warnings are errors in it."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", GRADIENT],
        cwd=cwd,
        env={**os.environ, "FASTVJP_CACHE_DIR": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, shift=0.0):
    """Whether the process has translated kernels; what it found must be right, but for a shift of tanh."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    translated, value, gradient = json.loads(out)
    np.testing.assert_allclose(value, VALUE + shift * np.exp(-X * X), rtol=1e-13, atol=1e-15)
    if not shift:
        np.testing.assert_allclose(gradient, SLOPE, rtol=1e-12, atol=1e-14)
    return translated


def files(folder):
    return sorted(p.name for p in folder.iterdir())


def path_of(text):
    """Where a text's code is kept, in a folder that is there."""
    path = cache.path_of(text)
    assert path is not None
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache of the user's choice for this process."""
    chosen = tmp_path / "kernels"
    use(monkeypatch, chosen)
    return chosen


def use(monkeypatch, chosen):
    monkeypatch.setenv("FASTVJP_CACHE_DIR", str(chosen))
    monkeypatch.setattr(cache, "directory", DIRECTORY)
    monkeypatch.setattr(cache, "_stored", itertools.count())
    monkeypatch.setattr(cache, "_refused", itertools.count())


def source(number):
    """A loop that adds a number to float64s."""
    return (
        "def fused(args, start, stop):\n    x = pointer(args[0], float64)\n"
        f"    for i in range(start, stop):\n        x[i] = add(x[i], float64({number}))\n    return 0\n"
    )


def check(number=1.5):
    """Compile or load the loop and run it; the words that it came from."""
    code = jit.compile_loop.__wrapped__(source(number))
    values = np.arange(3.0)
    words = np.array([values.ctypes.data], np.int64)
    assert native.function_of_words(code.address, 3)(words.ctypes.data, 1, 3) == 0
    assert values.tolist() == [0, 1 + number, 2 + number]
    return code


@pytest.fixture
def compiles(monkeypatch):
    """How many functions Numba has compiled."""
    count = []
    original = jit._object_file

    def counted(*args):
        count.append(1)
        return original(*args)

    monkeypatch.setattr(jit, "_object_file", counted)
    return count


# --- hits ------------------------------------------------------------------------------------------------


def test_a_second_process_translates_nothing(tmp_path):
    assert finish(start(tmp_path))
    kept = files(tmp_path)
    assert kept and not finish(start(tmp_path))
    assert files(tmp_path) == kept


def test_processes_at_the_same_time(tmp_path):
    processes = [start(tmp_path / "new" / "folder") for _ in range(4)]
    for process in processes:
        finish(process)
    assert all(len(name) == 64 + len(cache.SUFFIX) for name in files(tmp_path / "new" / "folder"))
    assert not finish(start(tmp_path / "new" / "folder"))


def test_threads_at_the_same_time(folder):
    errors = []

    def run(k):
        try:
            check(k % 3)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(9)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors and len(files(folder)) == 3


def test_hit(folder, compiles):
    check()
    check()
    assert len(compiles) == len(files(folder)) == 1


def test_code_outlives_other_code_and_goes_with_its_last_user(folder):
    kept = check(1)
    for k in range(20):
        check(k + 2)
    values = np.zeros(2)
    words = np.array([values.ctypes.data], np.int64)
    native.function_of_words(kept.address, 3)(words.ctypes.data, 0, 2)
    assert values.tolist() == [1, 1]


# --- keys ------------------------------------------------------------------------------------------------


def test_an_edited_element_function_is_compiled_anew(tmp_path):
    package = tmp_path / "copy" / "fastvjp"
    copy_package(package)
    place = {"cwd": package.parent, "PYTHONDONTWRITEBYTECODE": "1"}
    finish(start(tmp_path / "kept", **place))
    assert not finish(start(tmp_path / "kept", **place))
    edited = package / "kernels" / "elements" / "trigonometric.py"
    text = edited.read_text()
    assert text.count("return real_tanh(x)") == 1
    edited.write_text(text.replace("return real_tanh(x)", "return real_tanh(x) + type(x)(1)"))
    assert finish(start(tmp_path / "kept", **place), shift=1.0)
    edited.write_text(text)
    assert not finish(start(tmp_path / "kept", **place))


def copy_package(target):
    """The package as a wheel has it: the links to folders beside it become folders."""
    shutil.copytree(ROOT / "fastvjp", target, ignore=shutil.ignore_patterns("__pycache__"))


def hash_of(package):
    return repr(cache.hashes_of_sources(package))


def test_every_source_file_is_in_the_key(tmp_path):
    """A changed, renamed, moved or new file of any folder would else run with machine code of the old one."""
    package = tmp_path / "fastvjp"
    copy_package(package)
    sources = [path for path in package.rglob("*") if path.is_file() and path.suffix not in (".typed", ".pyi")]
    folders = {path.parent.relative_to(package).as_posix() for path in sources}
    assert {".", "kernels", "metal", "metal/emulator/include", "transforms"} <= folders
    seen = {hash_of(ROOT / "fastvjp"), hash_of(package)}
    assert len(seen) == 1  # wherever it lies
    for path in sources:
        text = path.read_bytes()
        for changed in (text + b"\n", text[:-1]):
            path.write_bytes(changed)
            seen.add(hash_of(package))
        path.write_bytes(text)
        path.rename(path.with_name(f"other_{path.name}"))
        seen.add(hash_of(package))
        path.with_name(f"other_{path.name}").rename(path)
    assert len(seen) == 1 + 3 * len(sources)
    moved = package / "kernels" / "native" / "cache.py"
    moved.rename(package / "cache.py")
    assert hash_of(package) not in seen


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (native, "cpu", lambda: ("another", "+avx")),
        (cache, "_SOURCES", b"others"),
        (sys, "version", "4.0"),
        (np, "__version__", "9.9.9"),
        (llvmlite, "__version__", "9.9.9"),
    ],
    ids=["cpu", "sources", "python", "numpy", "llvmlite"],
)
def test_circumstances_are_in_the_key(module, name, value, folder, monkeypatch):
    monkeypatch.setattr(cache, "_circumstances", cache._circumstances.__wrapped__)
    before = path_of("text")
    assert path_of("text") == before != path_of("texts")
    monkeypatch.setattr(module, name, value)
    assert path_of("text") != before


def test_options_of_numba_are_in_the_key(folder, monkeypatch):
    monkeypatch.setattr(cache, "_circumstances", cache._circumstances.__wrapped__)
    before = path_of("text")
    monkeypatch.setenv("NUMBA_OPT", "1")
    assert path_of("text") != before


# --- damage ----------------------------------------------------------------------------------------------


def flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:7],
        lambda data: data[:32],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        flipped,
        lambda data: os.urandom(len(data)),
        lambda data: b"\x7fELF" + data,
    ],
    ids=["empty", "start", "checksum", "cut", "longer", "bit", "noise", "shifted"],
)
def test_damaged_file_is_compiled_and_written_again(damage, folder, compiles):
    check()
    (name,) = files(folder)
    good = (folder / name).read_bytes()
    (folder / name).write_bytes(damage(good))
    check()
    assert len(compiles) == 2 and files(folder) == [name]
    check()
    assert len(compiles) == 2


# --- directories -----------------------------------------------------------------------------------------


def refuse(monkeypatch, number):
    def write(self, data):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "write_bytes", write)


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_directory_that_cannot_be_written(number, folder, monkeypatch, compiles):
    refuse(monkeypatch, number)
    with pytest.warns(fv.CacheWarning, match=r"FASTVJP_CACHE_DIR.*cannot be kept in .*Hint") as found:
        check(1)
        check(2)
        check(1)
    assert len(found) == 1 and len(compiles) == 3 and files(folder) == []


def test_file_in_place_of_the_directory(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    for chosen in (tmp_path / "file", tmp_path / "file" / "below"):
        use(monkeypatch, chosen)
        with pytest.warns(fv.CacheWarning, match=str(chosen)):
            check()
    assert (tmp_path / "file").read_text() == "mine"


def test_directory_in_place_of_a_file(folder):
    path = path_of(source(3))
    (path / "inside").mkdir(parents=True)
    with pytest.warns(fv.CacheWarning):
        check(3)


def test_warning_as_error(folder, monkeypatch):
    refuse(monkeypatch, errno.EROFS)
    with warnings.catch_warnings():
        warnings.simplefilter("error", fv.CacheWarning)
        with pytest.raises(fv.CacheWarning):
            check()


def test_default_directory_that_cannot_be_written_is_no_problem_of_the_users(folder, monkeypatch):
    monkeypatch.delenv("FASTVJP_CACHE_DIR")
    refuse(monkeypatch, errno.EROFS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(7.25)


@pytest.mark.parametrize("value", ["off", ""])
def test_off(value, folder, monkeypatch, compiles):
    monkeypatch.setenv("FASTVJP_CACHE_DIR", value)
    monkeypatch.chdir(folder.parent)
    check()
    check()
    assert len(compiles) == 2 and cache.directory() is None and files(folder.parent) == []


def test_home(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("FASTVJP_CACHE_DIR", "~/here")
    check()
    assert len(files(folder / "here")) == 1


def test_default_directory(folder, monkeypatch):
    monkeypatch.delenv("FASTVJP_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    if sys.platform == "linux":
        assert cache.directory() == folder / "fastvjp"
    directory = cache.directory()
    assert directory is not None and directory.name == "fastvjp"


# --- size ------------------------------------------------------------------------------------------------


def test_oldest_files_go_first(folder, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 100_000)
    monkeypatch.setattr(cache, "CHECK_EVERY", 1)
    folder.mkdir()
    (folder / "mine.txt").write_bytes(bytes(200_000))
    paths = [path_of(str(k)) for k in range(20)]
    code = os.urandom(9_000)
    now = time.time()
    for k, path in enumerate(paths):
        cache.store(path, code)
        os.utime(path, (now + k - 100, now + k - 100))
        kept = [p for p in paths if p.exists()]
        assert sum(p.stat().st_size for p in kept) <= cache.LIMIT
    assert kept == paths[-len(kept) :] and len(kept) >= 5
    assert all(cache.load(path) == code for path in kept)
    assert (folder / "mine.txt").exists()


def test_use_keeps_a_file_young(folder):
    path = path_of("text")
    cache.store(path, b"code")
    old = time.time() - 10 * cache.DAY
    os.utime(path, (old, old))
    assert cache.load(path) == b"code"
    assert time.time() - path.stat().st_mtime < cache.DAY


# --- what cannot be compiled -----------------------------------------------------------------------------


@pytest.fixture
def failing(folder, monkeypatch):
    """Function names: what calls two of them, or one of the `broken`, is not compiled, and kept nowhere."""
    broken: set[str] = set()
    original = jit._object_file

    def compile_or_fail(program):
        names = set(re.findall(r'define .*@"(\w+)\(', "".join(program().modules))) & set(registry.ELEMENTS)
        if len(names) > 1 or names & broken:
            raise NotImplementedError(f"no {' '.join(sorted(names))} today")
        return original(program)

    monkeypatch.setattr(jit, "_object_file", compile_or_fail)
    jit.compile_loop.cache_clear()
    yield broken
    jit.compile_loop.cache_clear()


def fun(x):
    return fv.where(fv.greater(x, 0.5), fv.tanh(x * 3) * fv.exp(-x * x), x - 1)


def in_numpy(x):
    return np.where(x > 0.5, np.tanh(x * 3) * np.exp(-x * x), x - 1)


@pytest.mark.parametrize(
    ("names", "shape"),  # shapes differ, as plans are kept
    [(set(), (5,)), (set(), (2, 3)), ({"tanh"}, (6,)), ({"tanh"}, (3, 2)), ({*registry.ELEMENTS}, (2, 7))],
)
def test_step_that_cannot_be_compiled(names, shape, failing, rng):
    failing |= names
    x = rng.normal(size=shape)
    compiled = fv.compile(lambda a: fun(fv.transpose(a)))
    with pytest.warns(fv.CompileWarning, match=r"A kernel of .*tanh.* could not be compiled.*today") as found:
        value = compiled(fv.array(x))
    assert len(found) == 1
    np.testing.assert_allclose(np.asarray(value), in_numpy(x.T), rtol=1e-12)
    again = compiled(fv.array(x + 1))
    np.testing.assert_allclose(np.asarray(again), in_numpy(x.T + 1), rtol=1e-12)


def test_compile_warning_as_error(failing):
    with warnings.catch_warnings():
        warnings.simplefilter("error", fv.CompileWarning)
        with pytest.raises(fv.CompileWarning):
            fv.compile(lambda x: fv.tanh(x) + 41.0)(fv.ones(3))


def test_plan_runner_that_cannot_be_compiled(failing, monkeypatch, rng):
    failing.add("tanh")
    monkeypatch.setattr(machine, "runner", machine.runner.__wrapped__)
    monkeypatch.setattr(executable, "runner", machine.runner)

    def no_runner():
        raise jit.CompileError("no runner today")

    monkeypatch.setattr(machine, "run_code", no_runner)
    x = rng.normal(size=4)
    with pytest.warns(fv.CompileWarning, match=r"plain Python.*today"):
        value = fv.compile(lambda x: fun(x) - 1)(fv.array(x))
    np.testing.assert_allclose(np.asarray(value), in_numpy(x) - 1, rtol=1e-12)
