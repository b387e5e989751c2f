"""A long first call says what it does, on terminals and to `logging`, and nothing of it stays."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
from support.checks import forget

import fastvjp as fv
from fastvjp.core import progress
from fastvjp.kernels.native import jit
from fastvjp.recording import ready


class Terminal(io.StringIO):
    """A stream that says that it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def slow(monkeypatch):
    """Planning takes until something is shown, if it is to be, and what is long is soon."""
    original = ready.make_plan

    def plan(*given):
        time.sleep(0.1)
        stream: Any = sys.stderr
        with contextlib.suppress(ValueError):  # it is closed
            for _ in range(2000):
                if not progress._is_shown() or stream.getvalue():
                    break
                time.sleep(0.01)
        return original(*given)

    monkeypatch.delenv("FASTVJP_PROGRESS", raising=False)
    monkeypatch.setattr(ready, "make_plan", plan)
    monkeypatch.setattr(progress, "LONG", 0.02)
    monkeypatch.setattr(progress, "EVERY", 0.02)


def first_call(rng):
    """A function that has not been called before, and its gradient."""
    power, x = int(rng.integers(2, 1 << 30)), rng.standard_normal(3)
    with fv.device("cpu"):
        slope = fv.grad(lambda x: np.sum(np.tanh(x) * power))(x)
    np.testing.assert_allclose(slope, power / np.cosh(x) ** 2, rtol=1e-12)


def shown(monkeypatch, stream, rng):
    """What a first call writes there; nothing goes on writing."""
    forget()
    monkeypatch.setattr("sys.stderr", stream)
    first_call(rng)
    for thread in threading.enumerate():
        if thread.name == "fastvjp-progress":
            thread.join(10)
            assert not thread.is_alive()
    return stream.getvalue()


def test_a_line_on_a_terminal(slow, monkeypatch, rng):
    monkeypatch.delenv("FASTVJP_PROGRESS", raising=False)
    text = shown(monkeypatch, Terminal(), rng)
    first, *_, last, end = text.split("\r")[1:]
    assert first.startswith("fastvjp: planning ") and " operations, 0 s" in first
    assert end == "" and last.strip() == "" and len(last) >= len(first)  # it is cleared


@pytest.mark.parametrize(("mode", "stream"), [("off", Terminal), ("auto", io.StringIO), ("", io.StringIO)])
def test_no_line(mode, stream, slow, monkeypatch, rng):
    monkeypatch.setenv("FASTVJP_PROGRESS", mode)
    assert shown(monkeypatch, stream(), rng) == ""


def test_a_line_wherever(slow, monkeypatch, rng):
    monkeypatch.setenv("FASTVJP_PROGRESS", "on")
    assert "planning" in shown(monkeypatch, io.StringIO(), rng)


def test_quick_calls_write_nothing(monkeypatch, rng):
    monkeypatch.setattr(progress, "LONG", 60.0)
    assert shown(monkeypatch, Terminal(), rng) == ""


def test_without_a_stream_or_with_a_closed_one(slow, monkeypatch, rng):
    monkeypatch.setenv("FASTVJP_PROGRESS", "auto")
    closed = Terminal()
    closed.close()
    for stream in (None, closed):
        forget()
        monkeypatch.setattr("sys.stderr", stream)
        first_call(rng)


def test_a_wrong_setting_is_an_error_and_no_more(monkeypatch, rng):
    forget()
    monkeypatch.setenv("FASTVJP_PROGRESS", "loud")
    with pytest.raises(ValueError, match=r"\[FASTVJP_PROGRESS\] Unknown mode 'loud'\. Expected: 'auto'"):
        first_call(rng)
    monkeypatch.setenv("FASTVJP_PROGRESS", "off")
    first_call(rng)


@pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
def test_the_log_tells_what_there_was_to_do(monkeypatch, caplog, rng, tmp_path):
    monkeypatch.setattr(jit.cache, "directory", lambda: tmp_path)
    with caplog.at_level(logging.DEBUG, "fastvjp"):
        for _ in range(2):
            forget()
            jit.compile_loop.cache_clear()
            first_call(rng)
    compiled, loaded = [record for record in caplog.records if record.name == "fastvjp"]
    assert compiled.levelno == loaded.levelno == logging.DEBUG
    for record, words in (
        (compiled, "1 functions were compiled and 0"),
        (loaded, "0 functions were compiled and 1"),
    ):
        assert "planned in 0." in record.getMessage() and words in record.getMessage()


def test_long_calls_are_logged_as_information(slow, caplog, rng):
    forget()
    with caplog.at_level(logging.INFO, "fastvjp"):
        first_call(rng)
    (record,) = [record for record in caplog.records if record.name == "fastvjp"]
    assert record.levelno == logging.INFO


def test_an_error_ends_it(slow, monkeypatch, rng):
    planned = ready.make_plan

    def fails(*given):
        planned(*given)
        raise MemoryError("none left")

    monkeypatch.setattr(ready, "make_plan", fails)
    forget()
    monkeypatch.setenv("FASTVJP_PROGRESS", "on")
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with pytest.raises(MemoryError):
        first_call(rng)
    assert progress.current() is None
    for thread in threading.enumerate():
        if thread.name == "fastvjp-progress":
            thread.join(10)
    assert stream.getvalue().endswith(" \r")
