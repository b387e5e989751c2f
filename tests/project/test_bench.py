"""The bench's count of what plans cost, against what runs and against the arrays themselves."""

from __future__ import annotations

import json
from unittest.mock import patch

import pytest

import fastvjp as fv
from bench.__main__ import main
from bench.libraries import LIBRARIES
from bench.libraries.ours import FastvjpCompiled
from bench.measure import prepare, reference
from bench.plans import METAL, costs
from bench.workloads import WORKLOADS, problem
from fastvjp import devices
from fastvjp.kernels.native import jit

QUICK = {name: problem(w, w.quick, "float32") for name, w in WORKLOADS.items()}


@pytest.mark.parametrize("name", ["chain", "mlp", "kmeans"])
def test_kernels_are_counted_as_they_are_started(name):
    pytest.importorskip("ziglang", reason="the emulator's compiler, of the extra `emulator`, is not installed")
    from fastvjp.metal.runtime.executable import Launch

    started = []

    def start(self, *args):
        started.append(self)
        return call(self, *args)

    call = Launch.__call__
    with fv.device(METAL):
        run = FastvjpCompiled().build(QUICK[name])
        run()
        with patch.object(Launch, "__call__", start):
            run()
    assert costs(QUICK[name], METAL)["kernels"] == len(started)


@pytest.mark.parametrize("name", ["chain", "black_scholes", "layernorm_gelu"])
def test_one_step_moves_inputs_and_results_once(name):
    found = costs(QUICK[name], "cpu")
    assert found["steps"] == 1 and found["bytes"] == found["least_bytes"] == QUICK[name].nbytes


@pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
@pytest.mark.parametrize("library", ["numba by hand", "numba, short functions"])
@pytest.mark.parametrize("name", ["chain", "black_scholes"])
def test_kernels_by_hand_give_what_they_are_measured_for(name, library):
    _, found = prepare(LIBRARIES[library], QUICK[name], reference(QUICK[name]))  # which compares them
    assert found["error"] <= QUICK[name].tolerance


def test_what_cannot_be_planned_is_named(tmp_path, capsys):
    pytest.importorskip("tqdm", reason="the bench's progress bar, of the extra `bench`, is not installed")

    def without_compiler(name):
        return f"no compiler for {name}" if name == METAL else None

    path = tmp_path / "found.json"
    options = ["--parts", "plans", "--workloads", "chain", "matmul", "--sizes", "quick", "--json", str(path)]
    with patch.object(devices, "why_unavailable", without_compiler):
        main(options)
    printed = capsys.readouterr().out
    assert f"not planned for {METAL}: no compiler for {METAL}" in printed and "chain 1000 f32" in printed
    found = json.loads(path.read_text())["plans"]
    assert [row["workload"] for row in found["rows"]] == ["chain", "matmul"]
    assert all(list(row["devices"]) == ["cpu"] for row in found["rows"]) and METAL in found["missing"]


def test_first_calls_are_measured_and_shown(capsys):
    pytest.importorskip("tqdm", reason="the bench's progress bar, of the extra `bench`, is not installed")
    libraries = ["fastvjp compiled", "fastvjp"]
    main(["--parts", "first", "--workloads", "rosenbrock", "--libraries", *libraries, "--repeats", "1"])
    tables = capsys.readouterr().out.split("\n\n")[1:]
    assert [table.split(",")[0] for table in tables] == [
        "first gradient in a fresh process", "the same in a second process",
        "first gradient of other shapes in the first process", "peak memory of the first process",
    ]  # fmt: skip
    for table in tables:
        _, row = table.strip().splitlines()
        name, *values, ratio = row.split()
        assert name == "rosenbrock" and ratio == "-" and all(float(value) > 0 for value in values)
