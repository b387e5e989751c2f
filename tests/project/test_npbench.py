"""The bench's external suite, on a checkout that is made here: what it reads, finds wrong, and stops."""

from __future__ import annotations

import json
from importlib.util import find_spec
from unittest.mock import patch

import numpy as np
import pytest

from bench.__main__ import main
from bench.npbench import suite
from bench.npbench.checkout import programs
from bench.npbench.problem import Problem
from bench.npbench.report import verdict

START = """
import numpy as np

def initialize(N):
    rng = np.random.default_rng(0)
    return np.float32(0.25), rng.random((N, N), dtype=np.float32), rng.random(N, dtype=np.float32)
"""
SWEEP = """
import numpy as np

def kernel(TSTEPS, alpha, A, x):
    y = np.zeros(x.shape, dtype=np.float32)
    for t in range(TSTEPS):
        y[1:] = alpha * (A @ x)[1:]
        x[:] = np.tanh(y)
"""
SWEEP_JAX = """
import jax
import jax.numpy as jnp

@jax.jit
def kernel(TSTEPS, alpha, A, x):
    def turn(t, x):
        return jnp.tanh(jnp.zeros(x.shape, dtype=jnp.float32).at[1:].set(alpha * (A @ x)[1:]))

    return jax.lax.fori_loop(0, TSTEPS, turn, x)
"""
WRONG = """
import numpy as np
import fastvjp

@fastvjp.custom_function
def half(x):
    return np.tanh(x)

@half.vjp
def rule(x, g, out):
    return g / 2

def kernel(TSTEPS, alpha, A, x):
    return half(A @ x)
"""
SLOW = """
import time
import numpy as np

calls = []

def kernel(TSTEPS, alpha, A, x):
    calls.append(x)
    if len(calls) > 1:  # NumPy's own values are there at once
        time.sleep(100)
    return A @ x
"""
WHOLE = """
def kernel(TSTEPS, alpha, A, x):
    return len(x)
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout with four programs."""
    texts = {"sweep": (SWEEP, SWEEP_JAX), "wrong": (WRONG, ""), "slow": (SLOW, ""), "whole": (WHOLE, "")}
    (tmp_path / "bench_info").mkdir()
    for name, (text, jax_text) in texts.items():
        folder = tmp_path / "npbench" / "benchmarks" / "some" / name
        folder.mkdir(parents=True)
        for suffix, content in (("", START), ("_numpy", text), ("_jax", jax_text)):
            (folder / f"{name}{suffix}.py").write_text(content)
        described = {
            "name": name, "short_name": name, "relative_path": f"some/{name}", "module_name": name,
            "func_name": "kernel", "parameters": {"S": {"TSTEPS": 3, "N": 5}, "M": {"TSTEPS": 3, "N": 50}},
            "init": {"func_name": "initialize", "input_args": ["N"], "output_args": ["alpha", "A", "x"]},
            "input_args": ["TSTEPS", "alpha", "A", "x"], "array_args": ["A", "x"], "output_args": [],
        }  # fmt: skip
        (tmp_path / "bench_info" / f"{name}.json").write_text(json.dumps({"benchmark": described}))
    return tmp_path


def measured(checkout, name):
    (program,) = programs(checkout, [name])
    return suite.measured(program, "S", 0.05)


def test_programs_are_read_in_double_precision(checkout):
    sweep, wrong = programs(checkout, ["sweep", "wrong"])
    assert (sweep.name, wrong.name, sweep.sizes) == ("sweep", "wrong", ["S", "M"])
    arguments = sweep.arguments("S")
    assert list(arguments) == ["TSTEPS", "alpha", "A", "x"] and arguments["TSTEPS"] == 3
    assert arguments["A"].dtype == arguments["x"].dtype == np.float64
    assert sweep.differentiated(arguments) == ["A", "x"]
    problem = Problem(sweep, "S")
    assert problem.changed == ["x"] and [w.shape for w in problem.weights] == [(5,)]


def test_errors_are_those_of_the_gradients(checkout):
    """Of x -> tanh(A x / 4) once, whose gradient is known, and of what is a little beside it."""
    (program,) = programs(checkout, ["sweep"])
    program.described["parameters"]["S"]["TSTEPS"] = 1
    problem = Problem(program, "S")
    a, x = problem.primals
    inner = np.where(np.arange(5) > 0, problem.weights[0] / np.cosh(a @ x / 4) ** 2, 0)
    gradients = [np.outer(inner, x) / 4, a.T @ inner / 4]
    assert problem.error(gradients) < 1e-7
    assert 1e-4 < problem.error([gradients[0] * 1.001, gradients[1]]) < 1e-2
    assert problem.error([gradients[0], -gradients[1]]) > 0.1
    assert np.isnan(problem.error([gradients[0], gradients[1] * np.nan]))


def test_a_right_program_is_right_by_both(checkout):
    pytest.importorskip("jax")
    row = measured(checkout, "sweep")
    assert verdict(row) == "right" and not row["refused"]
    assert max(row["differ"].values()) < 1e-12 and row["error"] < 1e-6
    assert min(*row["us"].values(), *row["first_s"].values()) > 0


def test_a_wrong_gradient_is_said_to_be_wrong(checkout):
    row = measured(checkout, "wrong")
    assert verdict(row) == "WRONG" and row["error"] > 0.1
    missing = "kernel" if find_spec("jax") else "jax"  # the JAX program has no kernel
    assert "differ" not in row and missing in row["refused"]["jax.jit"]


def test_what_takes_too_long_is_stopped(checkout):
    with patch.object(suite, "LIMIT", 3):
        row = measured(checkout, "slow")
    assert verdict(row) == "MISSING" and row["refused"]["fastvjp compiled"] == "takes more than 3 s"


def test_a_process_that_dies_is_a_row_too(checkout):
    (checkout / "npbench/benchmarks/some/slow/slow_numpy.py").write_text("import os\n\nos._exit(7)\n")
    row = measured(checkout, "slow")
    assert verdict(row) == "MISSING" and row["refused"]["fastvjp compiled"].startswith("dies with 7")


def test_the_command_line_shows_all_programs(checkout, tmp_path, capsys):
    pytest.importorskip("tqdm", reason="the bench's progress bar, of the extra `bench`, is not installed")
    path = tmp_path / "found.json"
    main(["--npbench", str(checkout), "--workloads", "whole", "wrong", "--seconds", "0.05", "--json", str(path)])
    printed = capsys.readouterr().out
    assert "whole S" in printed and "no gradient: no result is an array of floating numbers" in printed
    assert [row["program"] for row in json.loads(path.read_text())["npbench"]] == ["whole", "wrong"]


def test_a_folder_that_is_no_checkout_is_an_error(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--npbench", str(tmp_path)])
    assert "Expected: a checkout of the repository spcl/npbench" in capsys.readouterr().err
