"""`njit` in a second process: nothing is compiled again, and nothing wrong is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastvjp.kernels.native import cache, jit

pytestmark = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")

FUNCTION = """
import json, os, random, sys, threading
import numba
import numpy as np
import fastvjp as fv
from fastvjp.kernels.native import dispatcher

def made(power, data, *examples):
    return fv.njit(fv.value_and_grad(lambda x: np.sum(data * np.tanh(x) ** power)), *(examples or (data,)))

def right(found, power, data, x):
    value, slope = found
    np.testing.assert_allclose(value, np.sum(data * np.tanh(x) ** power), rtol=1e-12)
    np.testing.assert_allclose(slope, data * power * np.tanh(x) ** (power - 1) / np.cosh(x) ** 2, rtol=1e-12)

def hits(*functions):
    return [sum(f.stats.cache_hits.values()) for f in functions]
"""


def run(program, folder, **environment):
    """What a program prints as JSON, with the kernels of a folder; warnings are errors in it."""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", FUNCTION + program],
        env={**os.environ, "FASTVJP_CACHE_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def kept(folder):
    return {p.name: p.read_bytes() for p in Path(folder).iterdir()}


ONCE = """
rng = np.random.default_rng()
data, x = rng.normal(size=(2, 4))
f = made(3, data)
right(f(x), 3, data, x)
right(f(np.repeat(x, 2)[::2]), 3, data, x)  # another layout

@numba.njit
def caller(x):
    value, slope = f(x)
    return value, slope

right(caller(x), 3, data, x)
print(json.dumps(hits(f)))
"""


def test_a_second_process_compiles_nothing(tmp_path):
    assert run(ONCE, tmp_path) == [0]
    before = kept(tmp_path)
    assert run(ONCE, tmp_path) == [2]  # the arrays that it captures are others
    assert kept(tmp_path) == before


def test_off(tmp_path):
    assert run(ONCE, "off") == run(ONCE, "off") == [0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="permissions of POSIX")
def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    ignored = {"PYTHONWARNINGS": "ignore"}
    program = "import warnings; warnings.simplefilter('ignore', fv.CacheWarning)\n" + ONCE
    assert run(program, tmp_path / "file", **ignored) == [0]


FIVE = """
rng = np.random.default_rng()
order = [(power, k) for power in (2, 3) for k in range(3)]
random.shuffle(order)
for _ in range(random.randrange(4)):  # which makes Numba count otherwise
    numba.njit(lambda x: np.empty(3) + np.ascontiguousarray(x))(np.ones((3, 3))[0])
functions = []
for power, k in order:
    shape = (2 + power, 3)
    data, x = rng.normal(size=(2, *shape))
    functions.append((made(power, data), power, data, x))
    if random.random() < 0.5:
        right(functions[-1][0](x), power, data, x)
    if random.random() < 0.3:  # something new among them
        size = random.randrange(5, 500)
        data, x = rng.normal(size=(2, size))
        functions.append((made(2, data), 2, data, x))
random.shuffle(functions)
for _ in range(2):
    for f, power, data, x in functions:
        right(f(x), power, data, x)
        right(f(np.asfortranarray(x)), power, data, x)
        try:
            f(x[:-1])
        except ValueError as error:
            assert str(list(data.shape)).replace(" ", "") in str(error), error
        else:
            raise AssertionError
one, other = functions[0][0], functions[-1][0]

@numba.njit
def two(x, y):
    return one(x), other(y)

first, last = functions[0], functions[-1]
for found, (_, power, data, x) in zip(two(first[3], last[3]), (first, last)):
    right(found, power, data, x)
print(json.dumps(hits(*[f for f, *_ in functions])))
"""


def test_several_functions_in_any_order(tmp_path):
    """Equal ones with other data, others, and new ones: Numba must not take one's code for another's."""
    for turn in range(4):
        found = run(FIVE, tmp_path)
        assert (sum(found) >= 2 * 6) == (turn > 0), found


def test_of_many_that_are_alike_some_are_kept(tmp_path):
    program = """
functions = []
for _ in range(dispatcher.ALIKE + 2):
    data, x = np.random.default_rng().normal(size=(2, 3))
    functions.append(made(2, data))
    right(functions[-1](x), 2, data, x)
print(json.dumps(hits(*functions)))
"""
    first, second = run(program, tmp_path), run(program, tmp_path)
    assert sum(first) == 0 and second == [1] * (len(first) - 2) + [0, 0]


def test_processes_at_the_same_time(tmp_path):
    environment = {**os.environ, "FASTVJP_CACHE_DIR": str(tmp_path / "new")}
    processes = [
        subprocess.Popen([sys.executable, "-c", FUNCTION + ONCE], env=environment, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in processes:
        _, err = process.communicate()
        assert process.returncode == 0, err.decode()
    assert all(name.endswith(cache.SUFFIX) and name.count(".") == 1 for name in kept(tmp_path / "new"))
    assert run(ONCE, tmp_path / "new") == [2]


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:32], lambda b: b[:99] + b"?" + b[100:]]
)
def test_damaged_files(damage, tmp_path):
    run(ONCE, tmp_path)
    before = kept(tmp_path)
    for name, content in before.items():
        (tmp_path / name).write_bytes(damage(content))
    assert run(ONCE, tmp_path) == [0]
    assert kept(tmp_path).keys() == before.keys()
    assert run(ONCE, tmp_path) == [2]


def test_code_that_numba_cannot_load(tmp_path):
    """The file is as it was written, but Numba can do nothing with it."""
    program = ONCE.replace("f = made", "dispatcher.CompileResult._rebuild = None\nf = made")
    run(ONCE, tmp_path)
    assert run(program, tmp_path) == [0]


def test_threads_that_call_first(tmp_path):
    program = """
data, x = np.random.default_rng().normal(size=(2, 4))
f, found = made(2, data), []
threads = [threading.Thread(target=lambda: found.append(f(x))) for _ in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
for result in found:
    right(result, 2, data, x)
print(json.dumps([len(found), *hits(f)]))
"""
    assert run(program, tmp_path) == [4, 0]
    assert run(program, tmp_path) == [4, 1]


def test_other_versions_options_and_cpus_are_other_files(tmp_path):
    run(ONCE, tmp_path)
    assert run(ONCE, tmp_path, NUMBA_OPT="2") == [0]
    assert run(ONCE, tmp_path, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="") == [0]
    assert run(ONCE, tmp_path) == [2]


def test_errors_of_a_kept_function(tmp_path):
    program = """
f = fv.njit(lambda x, i: np.take(x, i) * 2, np.ones(4), np.arange(3))
x = np.random.default_rng().normal(size=4)
np.testing.assert_array_equal(f(x, np.array([3, 0, -1])), 2 * x[[3, 0, -1]])
for given, error, words in [
    ((x, np.array([0, 9, 0])), IndexError, "1)"),
    ((x, np.arange(4)), ValueError, "Argument 1"),
    ((x[:3], np.arange(3)), ValueError, "Argument 0"),
    ((x.astype(np.float32), np.arange(3)), TypeError, "Argument 0"),
]:
    try:
        f(*given)
    except error as found:
        assert words in str(found), found
    else:
        raise AssertionError(words)
print(json.dumps(hits(f)))
"""
    assert run(program, tmp_path) == [0]
    assert run(program, tmp_path) == [1]


def test_the_text_says_what_the_code_depends_on():
    """Names in this process differ where the text does, and among equal texts."""
    from fastvjp.kernels.native.dispatcher import Anchored

    words = np.zeros(1, np.int64)
    names = [Anchored(text, words, None).name for text in ("a", "b", "a", "a")]
    assert len(set(names)) == 4
    assert [name.rsplit("_", 1)[1] for name in names[2:]] == ["1", "2"]
