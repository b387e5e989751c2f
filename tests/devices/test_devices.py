"""Choosing a device: environment, default, context manager, threads, error texts."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

import fastvjp as fv
from fastvjp import devices
from fastvjp.devices import choice

SHOW = "import fastvjp; print(fastvjp.default_device(), (fastvjp.ones(2) * 2).tolist())"
METAL = devices.why_unavailable("metal")


def run(code, **environment):
    env = {k: v for k, v in os.environ.items() if k != "FASTVJP_DEVICE"} | environment
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    monkeypatch.setattr(choice, "_default", choice._default)
    monkeypatch.delenv("FASTVJP_DEVICE", raising=False)


def fresh(monkeypatch, value=None):
    monkeypatch.setattr(choice, "_default", None)
    if value is not None:
        monkeypatch.setenv("FASTVJP_DEVICE", value)


def test_environment_in_a_new_process():
    found = run(SHOW, FASTVJP_DEVICE="cpu")
    assert found.stdout.split("\n")[0] == "cpu [2.0, 2.0]", found.stderr


def test_wrong_environment_fails_at_first_use_not_at_import():
    found = run("import fastvjp; print('imported'); fastvjp.ones(2) * 2", FASTVJP_DEVICE="gpu")
    assert found.stdout.strip() == "imported"
    assert "[FASTVJP_DEVICE] Device 'gpu' cannot be used" in found.stderr
    assert "known: cpu, metal" in found.stderr and "Available here: cpu" in found.stderr


@pytest.mark.parametrize("value", [None, "auto", ""])
def test_auto(value, monkeypatch):
    fresh(monkeypatch, value)
    assert fv.default_device() == ("cpu" if METAL else "metal")


def test_cpu(monkeypatch):
    fresh(monkeypatch, "cpu")
    assert fv.default_device() == "cpu"


@pytest.mark.parametrize("value", ["gpu", "CPU", " cpu", "cuda:0"])
def test_unknown_in_the_environment(value, monkeypatch):
    fresh(monkeypatch, value)
    with pytest.raises(ValueError, match=r"\[FASTVJP_DEVICE\].*known: cpu, metal.*Available here: cpu.*auto"):
        fv.default_device()
    monkeypatch.setenv("FASTVJP_DEVICE", "cpu")
    assert fv.default_device() == "cpu"


@pytest.mark.skipif(METAL is None, reason="metal is available here")
def test_metal_where_there_is_none(monkeypatch):
    fresh(monkeypatch, "metal")
    with pytest.raises(ValueError, match="Device 'metal' cannot be used") as error:
        fv.default_device()
    assert str(METAL) in str(error.value) and "Available here: cpu" in str(error.value)
    for choose in (fv.set_default_device, lambda name: fv.device(name).__enter__()):
        with pytest.raises(ValueError, match="Available here: cpu"):
            choose("metal")


def test_metal_that_fails_to_load_leaves_cpu(monkeypatch):
    def load(name, original=choice._load):
        if name == "metal":
            raise RuntimeError("no Apple GPU found")
        return original(name)

    monkeypatch.setattr(choice, "_load", load)
    fresh(monkeypatch, "auto")
    assert fv.default_device() == "cpu"
    with pytest.raises(ValueError, match="no Apple GPU found"):
        fv.set_default_device("metal")


@pytest.mark.parametrize("bad", ["gpu", None, 0, "", "auto", ["cpu"]], ids=str)
def test_set_default_device_refuses(bad):
    before = fv.default_device()
    with pytest.raises(ValueError, match=r"\[set_default_device\].*Available here: cpu"):
        fv.set_default_device(bad)
    assert fv.default_device() == before


def test_set_default_device_wins_over_the_environment(monkeypatch):
    fresh(monkeypatch, "gpu")
    fv.set_default_device("cpu")
    assert fv.default_device() == "cpu"


class Other:
    """A second device that computes as the cpu does, to see who is asked."""

    name = "metal"

    def __init__(self):
        self.plans = 0
        self.cpu = choice._load("cpu")

    def dtype(self, dtype):
        return dtype

    def check(self, shape, dtype):
        pass

    def upload(self, array):
        return self.cpu.upload(array)

    def repeats(self, op):
        return self.cpu.repeats(op)

    def compile(self, plan):
        self.plans += 1
        return self.cpu.compile(plan)


@pytest.fixture
def other(monkeypatch):
    device = Other()
    monkeypatch.setitem(choice._loaded, "metal", device)
    monkeypatch.setattr(choice, "_default", "cpu")
    return device


def test_context_manager_nests_and_restores(other):
    assert fv.default_device() == "cpu"
    with fv.device("metal"):
        assert fv.default_device() == "metal"
        assert (fv.ones(3) * 7).tolist() == [7, 7, 7]
        with fv.device("cpu"):
            assert fv.default_device() == "cpu"
        assert fv.default_device() == "metal"
    assert fv.default_device() == "cpu"
    with pytest.raises(KeyError), fv.device("metal"):
        raise KeyError
    assert fv.default_device() == "cpu"


def test_plans_are_cached_per_device(other):
    fun = lambda x: fv.sin(x) * 3.25  # noqa: E731
    first = fv.vjp(fun, [1.0], [1.0])[1][0].item()
    with fv.device("metal"):
        before = other.plans
        assert fv.vjp(fun, [1.0], [1.0])[1][0].item() == first
        assert other.plans > before
        again = other.plans
        fv.vjp(fun, [2.0], [1.0])
        assert other.plans == again
    compiled = fv.compile(fun)
    compiled(1.0)
    with fv.device("metal"):
        before = other.plans
        compiled(1.0)
        assert other.plans == before + 1


def test_arrays_of_one_device_serve_on_the_other(other):
    with fv.device("metal"):
        x = fv.array([1.0, 2.0])
    assert (x * 2).tolist() == [2, 4]


def test_the_choice_is_of_one_thread(other):
    seen = []
    with fv.device("metal"):
        t = threading.Thread(target=lambda: seen.append(fv.default_device()))
        t.start()
        t.join()
    assert seen == ["cpu"]
    fv.set_default_device("metal")
    t = threading.Thread(target=lambda: seen.append(fv.default_device()))
    t.start()
    t.join()
    assert seen == ["cpu", "metal"]
