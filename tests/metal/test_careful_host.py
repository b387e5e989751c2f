"""What the host does where a GPU lies, drops work, lacks memory, or loses its compiler: errors, never numbers."""

from __future__ import annotations

import contextlib
import multiprocessing
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from support.checks import forget

import fastvjp as fv
from fastvjp.devices import choice
from fastvjp.metal import emulated, emulator
from fastvjp.metal.emulator import Faults, Hardware
from fastvjp.metal.runtime import child, probe
from fastvjp.metal.runtime.child import Trials
from fastvjp.metal.runtime.gpu import MetalDevice
from fastvjp.metal.structural import calls

pytest.importorskip("ziglang", reason="the emulator's compiler, of the extra `emulator`, is not installed")

WAY_OUT = "set_default_device\\('cpu'\\)"


@contextlib.contextmanager
def on(device: Any) -> Iterator[None]:
    """Compute on a device of which nothing is known yet."""
    forget()
    token = choice._chosen.set(device)
    try:
        yield
    finally:
        choice._chosen.reset(token)


def with_faults(hardware: Hardware | None = None, mode: str = "fast", **faults: Any) -> MetalDevice:
    """Without the emulator's own checks, which would find what is wrong earlier."""
    named = hardware or Hardware(name="Apple M9")
    return emulated.emulated("faulty", mode=mode, hardware=named, faults=Faults(**faults))


def work(x: Any) -> Any:
    """Several dispatches in a row."""
    return fv.cumsum(fv.sort(fv.tanh(x)))[::-1] * 2


X = np.linspace(-2, 2, 300, dtype=np.float32)
WANT = np.cumsum(np.sort(np.tanh(X)))[::-1] * 2


def test_work_without_faults() -> None:
    with on(with_faults()):
        f = fv.compile(work)
        for _ in range(3):
            np.testing.assert_allclose(np.asarray(f(fv.array(X))), WANT, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dropped", [1, 2, 3, 4, 6])
def test_a_dispatch_that_is_dropped_is_an_error(dropped: int) -> None:
    with on(with_faults(drop=dropped)):
        f, x, failed = fv.compile(work), fv.array(X), 0
        for _ in range(4):
            try:
                got = np.asarray(f(x))
            except RuntimeError as error:
                failed += 1
                assert "did not come to its end" in str(error) and "Apple M9" in str(error)
            else:
                np.testing.assert_allclose(got, WANT, rtol=1e-4, atol=1e-4)
        assert failed == 1


def test_a_device_that_ignores_all_work() -> None:
    with on(with_faults(ignore_from=3)):
        for _ in range(3):
            with pytest.raises(RuntimeError, match=f"start a new one.*{WAY_OUT}"):
                np.asarray(work(fv.array(X)))


def test_work_that_takes_too_long_is_ended_and_reported() -> None:
    with (
        on(with_faults(Hardware(operations=20_000, name="Apple M9"), mode="full")),
        pytest.raises(RuntimeError, match="took too long"),
    ):
        np.asarray(fv.cumsum(fv.array(np.ones((30, 3000), np.float32)), axis=1))


def test_more_memory_than_a_device_has() -> None:
    with (
        on(with_faults(Hardware(max_buffer=1000, name="Apple M9"))),
        pytest.raises(MemoryError, match=f"1200 bytes on Apple M9.*{WAY_OUT}"),
    ):
        fv.array(X)
    with (
        on(with_faults(Hardware(working_set=2000, name="Apple M9"))),
        pytest.raises(RuntimeError, match="memory was short"),
    ):
        np.asarray(fv.array(X) * 2)


@pytest.mark.parametrize("faults", [{"compile_fails": 1}, {"no_functions": 1}])
def test_a_compiler_that_fails_once_is_asked_again(faults: dict[str, Any]) -> None:
    with on(with_faults(**faults)):
        np.testing.assert_array_equal(np.asarray(fv.array(X) * 2), X * 2)


def test_a_compiler_that_is_lost() -> None:
    with (
        on(with_faults(compiler_lost_from=1)),
        pytest.raises(RuntimeError, match=r"XPC.*start a new process") as caught,
    ):
        np.asarray(fv.array(X) * 3)
    assert "Apple M9" in str(caught.value)


def _forked(queue: Any) -> None:
    try:
        np.asarray(fv.array(X) * 7)
    except RuntimeError as error:
        queue.put(str(error))
    else:
        queue.put("nothing")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_is_forked_cannot_go_on() -> None:
    with on(with_faults(lost_by_fork=True)):
        np.asarray(fv.array(X) * 2)
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        process = context.Process(target=_forked, args=(queue,))
        process.start()
        message = queue.get()
        process.join()
    assert "forked" in message and "spawn" in message


SPLIT: dict[str, Any] = {
    "matmul, tiles": lambda x: fv.matmul(x, x.T),
    "matmul, threads": lambda x: fv.matmul(x[:, :4], x[:4]),
    "matmul, a vector": lambda x: fv.matmul(x[0], x),
    "convolution": lambda x: fv.conv2d(x[None, :, :, None], x[None, :3, :3, None]),
}


@pytest.mark.parametrize("longest", [5_000, 2_000])
@pytest.mark.parametrize("name", SPLIT)
def test_long_work_is_split(name: str, longest: int, rng: np.random.Generator) -> None:
    """Into dispatches that a watchdog does not end; whole numbers, whose sums are exact."""
    x = rng.integers(-9, 9, (80, 80)).astype(np.float32)
    with fv.device("cpu"):
        want = np.asarray(SPLIT[name](fv.array(x)))
    with patch.object(calls, "LONGEST", longest), on(with_faults(mode="full")):
        f = fv.compile(SPLIT[name])
        for _ in range(2):
            np.testing.assert_array_equal(np.asarray(f(fv.array(x))), want)
        report = fv.explain(SPLIT[name], [fv.array(x)], [fv.array(np.ones_like(want))])
    assert max(len(r.sources) for r in report.reports) > 1


# --- before a device is used -----------------------------------------------------------------------------


@contextlib.contextmanager
def trials(seconds: float = 60.0, **emulated: Any) -> Iterator[Trials]:
    made = Trials({"emulator": {"mode": "fast", **emulated}}, seconds)
    try:
        yield made
    finally:
        made.close()


def test_a_device_that_works_is_found_to() -> None:
    with trials(hardware={"flush": True, "name": "Apple M9"}) as tried:
        found = tried.look()
    assert found == probe.Finding("Apple M9", False, 0, [], True)
    assert probe.look(emulator.Device(), {"emulator": {}}).flushes is False


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hardware": {"simd": "zero"}}, "simd_sum .*it gives .0, 0, 0"),
        ({"faults": {"ignore_from": 1}}, "simd_sum"),
        ({"faults": {"compiler_lost_from": 1}}, "no kernel can be made"),
    ],
)
def test_a_device_that_lies_is_refused(settings: dict[str, Any], words: str) -> None:
    with trials(**settings) as tried:
        found = tried.look()
    assert re.search(words, found.wrong[0])


@pytest.mark.parametrize("settings", [{"hardware": {"simd": "refused"}}, {"faults": {"pipeline_fails_from": 1}}])
def test_a_device_that_aborts_is_refused(settings: dict[str, Any]) -> None:
    with trials(**settings) as tried, pytest.raises(RuntimeError, match=r"ended with code -6.*endEncoding"):
        tried.look()


def test_a_driver_that_hangs_is_given_up() -> None:
    with trials(seconds=0.01) as tried, pytest.raises(RuntimeError, match="driver hangs"):
        tried.look()


def test_a_pipeline_that_cannot_be_made_does_not_end_this_process(tmp_path: Any) -> None:
    """The child aborts in its place; the next kernel has another child."""
    plain = emulated.emulated("plain", mode="fast").gpu
    folder = patch.object(child.cache, "directory", lambda: tmp_path)
    with trials(faults={"pipeline_fails_from": 3}) as tried, folder:  # the first dispatch is the probe's
        device = MetalDevice("metal", plain, emulator.error, kept=0, label="Apple M9", trials=tried)
        with on(device):
            np.testing.assert_array_equal(np.asarray(fv.array(X) * 2), X * 2)
            with pytest.raises(RuntimeError, match=f"Apple M9 can be made.*code -6.*{WAY_OUT}"):
                np.asarray(fv.sort(fv.array(X)))
            np.testing.assert_array_equal(np.asarray(fv.array(X) + fv.array(X[::-1])), X + X[::-1])
        assert len(list(tmp_path.glob("pipeline-*"))) == 2  # what was made need not be tried again
        tried.close()
        with on(MetalDevice("metal", plain, emulator.error, kept=0, label="Apple M9", trials=tried)):
            np.testing.assert_array_equal(np.asarray(fv.array(X) * 2), X * 2)
        assert tried._child is None


# --- which device is taken -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [
        ("linux", "x86_64", "macOS's"),
        ("darwin", "x86_64", "Apple silicon.*Hint: use the cpu"),
        ("darwin", "arm64", None),
    ],
)
def test_only_apple_silicon_has_the_device(system: str, machine: str, words: str | None) -> None:
    refusal = probe.refused(system, machine)
    assert refusal is None if words is None else re.search(words, refusal or "")


@pytest.mark.parametrize(("by_itself", "chosen"), [(True, "metal"), (False, "cpu"), (None, "cpu")])
def test_auto_takes_no_device_of_a_virtual_machine(by_itself: bool | None, chosen: str) -> None:
    found = None if by_itself is not None else "it lies"
    with (
        patch.object(choice.environment, "device", lambda: "auto"),
        patch.object(choice, "why_unavailable", lambda name: found),
        patch.object(choice, "_load", lambda name: SimpleNamespace(by_itself=by_itself)),
    ):
        assert choice._from_environment() == chosen


def test_a_paravirtual_device_is_one_of_a_virtual_machine() -> None:
    named = emulator.Device(hardware=Hardware(name="Apple Paravirtual device"))
    assert probe.look(named, {"emulator": {}}).virtual


def test_the_suite_names_its_device() -> None:
    """Whatever there is: with a GPU `auto` would run all tests on it."""
    assert choice.environment.device() == "cpu"
