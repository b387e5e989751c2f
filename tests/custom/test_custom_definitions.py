"""What a user's element function may refer to, and which definitions share kernels, in memory and on disk."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit
from scipy import special
from support.checks import close
from support.emulating import on

import fastvjp as fv
from fastvjp.core.definitions import DEFINED
from fastvjp.kernels.elements.arithmetic import scale
from fastvjp.kernels.native import jit

# --- what a function may refer to ------------------------------------------------------------------------

FACTOR = 3.0
TABLE = np.linspace(0, 1, 11) ** 2


@njit(fastmath=True)
def jitted_helper(x):
    return x * type(x)(FACTOR)


def plain_helper(x):
    return jitted_helper(x) + type(x)(1)


def calling(x):
    return plain_helper(x) + scale(x, x)


def looked_up(x):
    i = min(max(int(x * 10), 0), 9)
    t = x * 10 - i
    return TABLE[i] * (1 - t) + TABLE[i + 1] * t


def test_helpers_globals_and_arrays() -> None:
    x = np.array([0.0, 0.31, 0.99])
    op = fv.custom_primitive(calling)
    close(op(x), 3 * x + 1 + x * x)
    close(fv.custom_primitive(looked_up)(x), np.interp(x, np.linspace(0, 1, 11), TABLE))
    assert next(d for d in DEFINED.values() if d.title == "calling").kept


def test_later_changes_make_no_difference() -> None:
    table, shift = np.array([10.0, 20.0]), 1.0

    def stepped(x):
        return table[int(x > 0)] + shift

    first = fv.custom_primitive(stepped)
    table[:] = 0
    shift = 2.0
    second = fv.custom_primitive(stepped)
    x = np.array([-1.0, 1.0])
    close(first(x), [11, 21])
    close(second(x), [2, 2])
    close(first(x), [11, 21])


# --- defined again ---------------------------------------------------------------------------------------


def test_definitions_of_one_name_are_not_mixed_up(place: Any) -> None:
    dtype, rtol = place
    x = fv.array(np.array([1.0, 2.0], dtype))

    def made(k):
        def times(x):
            return x * type(x)(k)

        def times_vjp(g):
            return g * type(g)(-k)

        text = f"""
        template <typename T> inline T times(T x) {{ return x * T({k}); }}
        template <typename T> inline T times_vjp(T g) {{ return g * T({-k}); }}
        """
        return fv.custom_primitive(times, times_vjp, metal=text)

    ops = [made(k) for k in range(2, 6)]
    for _ in range(2):
        for k, op in enumerate(ops, 2):
            close(op(x), [k, 2 * k], rtol)
            close(fv.grad(lambda x, op=op: op(x).sum())(x), [-k, -k], rtol)
    both = fv.compile(lambda x: ops[0](x) + ops[1](x) * 10)
    close(both(x), [32, 64], rtol)


def test_the_same_text_for_metal_is_part_of_a_definition() -> None:
    pytest.importorskip("ziglang", reason="the emulator's compiler is not installed")

    def same(x):
        return x

    texts = [f"template <typename T> inline T same(T x) {{ return x * T({k}); }}" for k in (1, 2)]
    ops = [fv.custom_primitive(same, metal=text) for text in texts]
    with on("1024"):
        assert [float(op(fv.array(1.5))) for op in ops] == [1.5, 3.0]


def test_an_equal_definition_shares_its_kernels() -> None:
    def halved(x):
        return x * type(x)(0.5)

    first, second = fv.custom_primitive(halved), fv.custom_primitive(halved)
    before = jit.compile_loop.cache_info().misses
    x = fv.array([1.0, 2.0])
    close(first(x), [0.5, 1])
    middle = jit.compile_loop.cache_info().misses
    close(second(x), [0.5, 1])
    assert jit.compile_loop.cache_info().misses == middle > before


def test_names_of_the_house_stay_the_house_s(place: Any, rng: np.random.Generator) -> None:
    dtype, rtol = place

    def exp(x):
        return type(x)(2) * x

    def exp_vjp(g):
        return type(g)(7) * g

    text = """
    template <typename T> inline T exp(T x) { return T(2) * x; }
    template <typename T> inline T exp_vjp(T g) { return T(7) * g; }
    """
    op = fv.custom_primitive(exp, exp_vjp, metal=text)
    x = rng.normal(size=3).astype(dtype)
    g = fv.grad(lambda x: (op(x) + 100 * fv.exp(x)).sum())(x)
    close(g, 7 + 100 * np.exp(x.astype(float)), 10 * rtol)
    close(op(x) + fv.exp(x), 2 * x.astype(float) + np.exp(x.astype(float)), rtol, 10 * rtol)


def test_what_nobody_uses_is_forgotten() -> None:
    def fleeting(x):
        return x

    op = fv.custom_primitive(fleeting)
    assert any(d.title == "fleeting" for d in DEFINED.values())
    del op
    gc.collect()
    assert all(d.title != "fleeting" for d in DEFINED.values())


# --- kernels on disk -------------------------------------------------------------------------------------

SCRIPT = """
import json, sys
from typing import NamedTuple
import numpy as np
import fastvjp as fv

class Pair(NamedTuple):
    value: float

PAIR, FACTOR = Pair(float(sys.argv[1])), float(sys.argv[1])

def scaled(x):
    return x * type(x)(FACTOR)

def scaled_vjp(g):
    return g * type(g)(FACTOR)

def held(x):
    return x * type(x)(PAIR.value)

op = fv.custom_primitive({function}, {vjp})
x = np.array([1.0, 2.0])
out = op(x).tolist()
slope = fv.grad(lambda x: (op(x) * 1).sum())(x).tolist() if {vjp} else None
print(json.dumps([out, slope, "numba" in sys.modules]))
"""


def run(folder: Path, factor: float, function: str = "scaled", vjp: str = "scaled_vjp") -> Any:
    text = SCRIPT.format(function=function, vjp=vjp)
    environment = {**os.environ, "FASTVJP_CACHE_DIR": str(folder), "FASTVJP_DEVICE": "cpu"}
    command = [sys.executable, "-W", "error", "-c", text, str(factor)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
def test_another_process_finds_kernels_and_no_wrong_ones(tmp_path: Path) -> None:
    assert run(tmp_path, 3.0) == [[3, 6], [3, 3], True]
    files = sorted(tmp_path.iterdir())
    assert run(tmp_path, 3.0) == [[3, 6], [3, 3], False]
    assert sorted(tmp_path.iterdir()) == files
    assert run(tmp_path, 5.0) == [[5, 10], [5, 5], True]


@pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
def test_what_cannot_be_told_apart_is_not_kept(tmp_path: Path) -> None:
    """A function that refers to an object whose content is not looked into."""
    assert run(tmp_path, 3.0, "held", "None")[0] == [3, 6]
    files = sorted(tmp_path.iterdir())
    assert run(tmp_path, 5.0, "held", "None")[::2] == [[5, 10], True]
    assert sorted(tmp_path.iterdir()) == files


# --- without a compiler ----------------------------------------------------------------------------------


def test_with_the_jit_disabled() -> None:
    """The functions then run as Python."""
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "import numpy as np, fastvjp as fv\n"
        "from support.user_functions import softplus_op\n"
        "from test_custom_definitions import calling\n"
        "x = np.array([0.5, -1.0])\n"
        "slope = fv.grad(lambda x: softplus_op()(x).sum())(x)\n"
        "print(slope.tolist(), fv.custom_primitive(calling)(x).tolist())"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "FASTVJP_DEVICE": "cpu"}
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(Path(__file__).parents[1])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    slope, value = done.stdout.split("] [")
    close(json.loads(slope + "]"), special.expit([0.5, -1.0]))
    close(json.loads("[" + value), [2.75, -1.0])
