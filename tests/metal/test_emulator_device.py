"""The emulator's device: buffers, settings, threads, the cache of what is compiled, its documentation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.shaders import ELEMENTWISE, HEAD, call

from fastvjp.metal import emulator


def test_buffers() -> None:
    device: Any = emulator.Device()
    fast: Any = emulator.Device(mode="fast")
    values = np.arange(10, dtype=np.float32)
    buffer = device.buffer(values)
    view = np.frombuffer(buffer, np.float32)
    np.testing.assert_array_equal(view, values)
    view[3] = 7  # no copy
    assert np.frombuffer(buffer, np.float32)[3] == 7 and values[3] == 3
    assert memoryview(buffer).nbytes == 40
    assert np.isnan(np.frombuffer(device.buffer(8), np.float32)).all()
    assert np.isnan(np.frombuffer(device.buffer(8), np.float16)).all()
    assert not np.frombuffer(fast.buffer(8), np.uint8).any()
    del buffer
    assert view[3] == 7  # the view keeps the memory
    with pytest.raises(emulator.error):
        device.buffer(values[::2])


def test_the_same_text_is_compiled_once() -> None:
    device = emulator.Device()
    text = HEAD + ELEMENTWISE
    assert device.kernel(text) is device.kernel(text)


def test_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTVJP_EMULATOR", "fast")
    monkeypatch.setenv("FASTVJP_EMULATOR_GROUP", "64")
    monkeypatch.setenv("FASTVJP_EMULATOR_FAST_MATH", "1")
    device = emulator.Device()
    assert (device.mode, device.group, device.fast_math) == ("fast", 64, True)


def test_several_threads(rng: np.random.Generator) -> None:
    device = emulator.Device(mode="full", group=64)
    arrays = [rng.standard_normal(3000).astype(np.float32) for _ in range(4)]
    wrong = (
        HEAD
        + "kernel void run(device float *out [[buffer(0)]], uint i [[thread_position_in_grid]]) { out[i + 9999] = 1; }"
    )
    results: dict[int, bool] = {}

    def work(k: int) -> None:
        x = arrays[k]
        for _ in range(5):
            result = call(device, ELEMENTWISE + f"// {k}", x.size, x, x, np.uint32(x.size))
            results[k] = np.allclose(result, x * (1 - np.tanh(np.maximum(x, 0)) ** 2), rtol=1e-4, atol=1e-6)
            with pytest.raises(emulator.error, match="outside"):
                device.kernel(wrong).function("run")(64, device.buffer(4))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(range(4), True)


@pytest.mark.parametrize("damage", [False, True])
def test_cache(tmp_path: Path, damage: bool) -> None:
    """A second process compiles nothing; what is damaged is compiled again."""
    code = f"""
import sys
import numpy as np
from fastvjp.metal import emulator
from fastvjp.metal.emulator import compiler
runs = []
original = compiler._run
compiler._run = lambda *arguments: runs.append(1) or original(*arguments)
device = emulator.Device()
buffer = device.buffer(40)
device.kernel({HEAD + ELEMENTWISE!r}).function("run")(10, buffer, np.ones(10, np.float32), np.uint32(10))
assert abs(np.frombuffer(buffer, np.float32) - 0.4199743).max() < 1e-6
print(len(runs))
"""

    def compiled() -> int:
        environment = os.environ | {"FASTVJP_CACHE_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    first = compiled()
    assert first >= 2
    if damage:
        for path in tmp_path.iterdir():
            path.write_bytes(path.read_bytes()[:-9] + b"nonsense!")
    assert compiled() == (first if damage else 0)


def test_documentation(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The example prints what docs/emulator.md says, but for line ends."""
    text = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text()
    ((code, shown),) = re.findall(r"```python\n(.*?)```\n\n((?:    [^\n]*\n)+)", text, re.DOTALL)
    for name in ("", "_GROUP", "_FAST_MATH"):
        monkeypatch.delenv("FASTVJP_EMULATOR" + name, raising=False)
    exec(code, {})
    assert capsys.readouterr().out.split() == shown.split()
