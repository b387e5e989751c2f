"""What LLVM does for a kernel: little where there is little to compute, with the same numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from support.interpreting import arrays_of, plan_of

import fastvjp as fv
from fastvjp.kernels import loops
from fastvjp.kernels.native import cache, code, jit
from fastvjp.kernels.native.code import BRIEF, CALLING, COMPACT, THOROUGH, Effort
from fastvjp.kernels.runtime.executable import Executable, Native

pytestmark = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
LITTLE = loops.LITTLE
DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def efforts(executable: Executable) -> set[Effort | None]:
    return {loop.effort for part in executable.parts if isinstance(part, Native) for loop, _ in part.loops}


def found(fun: Callable[..., Any], *args: Any, little: float) -> tuple[set[Effort | None], list[np.ndarray]]:
    """The efforts for a function's kernels, and its results, where so many operations are little."""
    program = fv.record(fun, *args)
    plan, values = plan_of(program)
    with patch.multiple(loops, LITTLE=little, LITTLE_SHARE=0, SMALL_SHARE=0):
        executable = Executable(plan)
    return efforts(executable), arrays_of(program, executable.run(values))


@DTYPES
@pytest.mark.parametrize(
    "fun",
    [
        lambda x: x * 3 - x * x,
        lambda x: fv.tanh(x) * fv.exp(-x * x),
        lambda x: fv.sin(1e7 * x) / (1 + abs(x)),
        lambda x: fv.where(x > 0, fv.log1p(abs(x)), fv.erf(x)),
        lambda x: fv.reshape(x, (-1, 3)).T * 2 + 1,
    ],
)
@pytest.mark.parametrize("n", [3, 36, 3000])
def test_elements_have_the_same_bits(
    n: int, fun: Callable[[Any], Any], dtype: str, rng: np.random.Generator
) -> None:
    x = rng.normal(size=n).astype(dtype)

    def gradient(x: Any) -> Any:
        return fv.vjp(fun, [x], [fv.ones_like(fun(x))])

    brief, results = found(gradient, x, little=math.inf)
    thorough, expected = found(gradient, x, little=0)
    assert (brief, thorough) == ({BRIEF}, {THOROUGH})
    for mine, theirs in zip(results, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@DTYPES
@pytest.mark.parametrize("n", [1, 5, 2000])
def test_sums_are_those_of_the_numbers(n: int, dtype: str, rng: np.random.Generator) -> None:
    x = rng.normal(size=(n, 7)).astype(dtype)
    for little in (0, math.inf):
        _, (total, rows, columns, largest) = found(
            lambda x: (fv.sum(x), fv.sum(x, axis=1), fv.sum(x, axis=0), fv.max(x)), x, little=little
        )
        bound = 4 * np.finfo(dtype).eps * np.abs(x).sum()
        assert abs(total - math.fsum(x.ravel())) <= bound
        np.testing.assert_allclose(rows, [math.fsum(row) for row in x], rtol=0, atol=bound)
        np.testing.assert_allclose(columns, [math.fsum(column) for column in x.T], rtol=0, atol=bound)
        assert largest == x.max()


def test_the_amount_of_work_decides() -> None:
    few, many = np.ones(10, np.float32), np.ones(10_000, np.float32)
    assert found(lambda x: fv.exp(x) * x, few, little=LITTLE)[0] == {BRIEF}
    assert found(lambda x: fv.exp(x) * x, many, little=LITTLE)[0] == {THOROUGH}
    assert CALLING in found(lambda x: fv.outer(x, x) @ x, many[:50], little=LITTLE)[0]


def loop(source: str, work: float = math.inf, effort: Effort | None = None) -> loops.Loop:
    return loops.Loop(source, (), (), (), 1, work=work, effort=effort)


def test_a_small_share_gets_little() -> None:
    given = [loop("most", 1e7), loop("few", 2000), loop("few", 1000), loop("some", 50_000), loop("who knows")]
    given += [loop("a product", 100, CALLING), loop("more", 4e5)]
    found = [each.effort for each in loops.efforts(given)]
    assert found == [THOROUGH, BRIEF, BRIEF, COMPACT, THOROUGH, CALLING, THOROUGH]


def test_many_small_ones_are_not_small() -> None:
    with patch.object(loops, "LITTLE", 1000):
        for given in ([loop(f"kernel {k}", 300) for k in range(5000)], [loop("the same", 300)] * 5000):
            found = [each.effort for each in loops.efforts(given)]
            assert found.count(BRIEF) <= 3
            assert found.count(THOROUGH) >= 0.99 * len(found) - 1


def test_nobody_knows_what_a_function_of_users_takes() -> None:
    @fv.custom_primitive
    def collatz(x):
        steps = 0.0
        while x > 1:
            x = x / 2 if x % 2 == 0 else 3 * x + 1
            steps += 1
        return steps

    assert found(collatz, np.array([27.0, 1.0]), little=1e9)[0] == {THOROUGH}


def test_one_source_with_several_efforts_is_several_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setattr(cache, "directory", lambda: tmp_path)
    start = int(rng.integers(1 << 40))  # nobody has compiled that before
    body = f"n = {start}\n    for i in range(start, stop):\n        n += args[i]\n    return n"
    words = np.arange(5)
    for number, effort in enumerate((BRIEF, THOROUGH, CALLING), 1):
        compiled = jit.compile_loop(f"def fused(args, start, stop):\n    {body}\n", effort)
        assert code.function_of_words(compiled.address, 3)(words.ctypes.data, 1, 4) == start + 1 + 2 + 3
        assert len(list(tmp_path.iterdir())) == number
