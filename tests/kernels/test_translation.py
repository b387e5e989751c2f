"""Translated kernels against the same functions compiled by Numba, bit by bit, and the language's own rules."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np
import pytest

from fastvjp.kernels.elements.registry import COLD, ELEMENTS, HELPERS, OPERATIONS, TRAITS, parameters
from fastvjp.kernels.native import cache, jit
from fastvjp.kernels.native import code as native

pytestmark = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled with NUMBA_DISABLE_JIT=1")

COUNT = 300


@pytest.fixture(scope="module")
def by_numba() -> dict[str, Any]:
    """Element functions as Numba compiles them: this folder's operations are its intrinsics."""
    from fastvjp.kernels.native import target
    from fastvjp.kernels.native.user_functions import own_function

    jitted: dict[str, Any] = {name: own_function(function) for name, function in OPERATIONS.items()}
    modules: dict[int, dict[str, Any]] = {}
    for name, function in {**ELEMENTS, **HELPERS, **COLD}.items():
        module = modules.setdefault(id(function.__globals__), dict(function.__globals__))
        copy = FunctionType(function.__code__, module, name, function.__defaults__)
        jitted[name] = target.inner(copy)
    for module in modules.values():
        module.update({name: jitted[name] for name in module.keys() & jitted.keys()})
    return jitted


def operands_of(name: str, dtype: np.dtype, rng: np.random.Generator) -> list[np.ndarray]:
    """Numbers of all sizes, and those at which functions are special."""
    special: list[Any]
    if dtype.kind in "iu":
        special = [0, 1, 2, np.iinfo(dtype).max, np.iinfo(dtype).min, np.iinfo(dtype).max // 3, 7, 63]
    else:
        special = [0.0, -0.0, 1, -1, 0.5, 2, 1e-3, np.inf, -np.inf, np.nan]
        special += [np.finfo(dtype).tiny, np.finfo(dtype).max]

    def numbers() -> np.ndarray:
        sizes = rng.normal(size=COUNT) * 10.0 ** rng.uniform(-3, 3, COUNT)
        sizes = np.abs(sizes) % 100 if dtype.kind == "u" else sizes % 100 - 50 if dtype.kind == "i" else sizes
        return rng.permutation(np.concatenate([sizes.astype(dtype), np.array(special * 4, dtype)]))

    given = []
    for p in parameters(name):
        if p == "c":
            given.append(rng.integers(0, 2, COUNT + 4 * len(special)).astype(bool))
        elif p in ("x", "y", "g", "out"):
            given.append(numbers())
    return given


def drawn(
    name: str, dtype: str, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[int], np.dtype, np.dtype]:
    """Operands of a function, its static parameters, the dtype, and the dtype of its result."""
    d = np.dtype(dtype)
    statics = [2 for p in parameters(name) if p not in ("c", "x", "y", "g", "out")]
    return operands_of(name, d, rng), statics, d, np.dtype(bool) if TRAITS[name].result == "bool" else d


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name in ELEMENTS if name != "astype"])
def test_element_functions_have_the_bits_that_numba_gives(
    name: str, dtype: str, by_numba: dict[str, Any], rng: np.random.Generator
) -> None:
    import numba

    given, statics, d, result = drawn(name, dtype, rng)
    try:
        expected = compiled_by_numba(by_numba[name], given, statics, result)
    except numba.core.errors.TypingError as error:
        assert is_of_integers(name), error
        with pytest.raises(jit.CompileError):
            translated(name, given, statics, d, result)
        return
    found = translated(name, given, statics, d, result)
    check_same(found, expected, given)


OF_INTEGERS = [
    name
    for name in ELEMENTS
    if ELEMENTS[name].__module__.endswith((".arithmetic", ".logical"))
    and not any(part in name for part in ("vjp", "cbrt", "sqrt", "reciprocal", "power_less"))
    and name not in ("astype", "signbit", "floor", "ceil")
]


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint32", "uint64"])
@pytest.mark.parametrize("name", OF_INTEGERS)
def test_element_functions_of_integers(
    name: str, dtype: str, by_numba: dict[str, Any], rng: np.random.Generator
) -> None:
    import numba

    given, statics, d, result = drawn(name, dtype, rng)
    try:
        expected = compiled_by_numba(by_numba[name], given, statics, result)
    except numba.core.errors.TypingError:
        pytest.skip("not of integers")
    check_same(translated(name, given, statics, d, result), expected, given)


def check_same(found: np.ndarray, expected: np.ndarray, given: list[np.ndarray]) -> None:
    """The same bits, but those of nan."""
    result = found.dtype
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    same &= np.signbit(found) == np.signbit(expected) if result.kind == "f" else True
    same |= np.isnan(found) & np.isnan(expected)
    where = [(*[g[i] for g in given], found[i], expected[i]) for i in np.flatnonzero(~same)[:5]]
    assert same.all(), where


def compiled_by_numba(element: Any, given: list[np.ndarray], statics: list[int], result: np.dtype) -> np.ndarray:
    """What Numba's function gives, of one array after the other."""
    from fastvjp.kernels.native import target
    from fastvjp.kernels.native.user_functions import called_as_c

    out = np.empty(len(given[0]), result)
    arrays = [a.view(np.uint8) if a.dtype == bool else a for a in (out, *given)]
    names = [f"a{i}" for i in range(len(given))]
    loaded = [f"{n}[i]" + (" != 0" if g.dtype == bool else "") for n, g in zip(names, given, strict=True)]
    call = f"element({', '.join([*loaded, *map(str, statics)])})"
    head = f"def loop(n, out, {', '.join(names)}):"
    source = f"{head}\n    for i in range(n):\n        out[i] = {call}\n    return 0\n"
    scope: dict[str, Any] = {"element": element}
    exec(source, scope)
    loop = target.inner(scope["loop"])
    with target.current():
        loop.compile(f"int64(int64, {', '.join(f'CPointer({a.dtype})' for a in arrays)})")
    (form,) = loop.overloads.values()
    code = native.link(native.emit(native.Program(called_as_c(form, native.ENTRY))), {})
    run = native.function_of_words(code.address, 1 + len(arrays))
    assert run(len(out), *[a.ctypes.data for a in arrays]) == 0
    return out


def is_of_integers(name: str) -> bool:
    """Whether an element function has no form for real numbers."""
    return name.startswith("bitwise") or name.endswith("shift")


def translated(
    name: str, given: list[np.ndarray], statics: list[int], d: np.dtype, result: np.dtype
) -> np.ndarray:
    """What the translated function gives, of one array after the other."""
    out = np.empty(len(given[0]), result)
    arrays = [out, *given]
    stored = ["uint8" if a.dtype == bool else a.dtype.name for a in arrays]
    lines = [f"    p{i} = pointer(args[{i}], {t})" for i, t in enumerate(stored)]
    loaded = [f"p{i}[j] != 0" if arrays[i].dtype == bool else f"p{i}[j]" for i in range(1, len(arrays))]
    call = f"{result.name}({name}({', '.join([*loaded, *map(str, statics)])}))"
    source = "\n".join([
        "def fused(args, start, stop):", *lines, "    for j in range(start, stop):",
        f"        p0[j] = {stored[0]}({call})", "    return 0", "",
    ])  # fmt: skip
    code = jit.compile_loop(source)
    words = np.array([a.ctypes.data for a in arrays], np.int64)
    assert jit.python_loop(code.address)(words.ctypes.data, 0, len(out)) == 0
    return out


# --- the language ----------------------------------------------------------------------------------------

SNIPPETS = {
    "branches": "if x > y:\n    r = x - y\nelif x == y:\n    r = 7.5\nelse:\n    r = y - x\na[i] = r",
    "a wider type at the end of a turn": "s = 0\nfor j in range(5):\n    s = s + 0.5 * j\na[i] = s + x",
    "break and continue": (
        "s = 0.0\nfor j in range(20):\n    if j % 3 == 1:\n        continue\n    if s > 9 + y:\n        break\n"
        "    s += j\na[i] = s"
    ),
    "nested loops": (
        "s = 0.0\nfor j in range(3, -2, -1):\n    k = 0\n    while k < j:\n        s += k * x\n        k += 1\n"
        "a[i] = s"
    ),
    "a return within a loop": "for j in range(9):\n    if j * y > 2:\n        return j\n    a[i] = a[i] + j",
    "only what is needed": "a[i] = x if x < 0 or b[int(x * 0)] > 0 and y > 0 else y",
    "chained comparisons": "a[i] = 1.0 if -1 < x < y <= 1 else 2.0",
    "tuples": "s, t = x, y\nfor v in (s, t, s * t):\n    s, t = t, v + s\na[i] = s - t",
    "whole numbers": (
        "k = int(x * 10) - 3\na[i] = k // 4 + k % 4 * 100 + (k >> 1) - (k << 2) + (k & 6) + (k ^ 5) + ~k"
    ),
    "powers": "a[i] = abs(x)**3 + abs(y) ** 0.5 + 2.0 ** np.float64(int(y))",
    "what stands in the source": "n = 3 * 4 - 2\nif n == 10:\n    a[i] = x / n\nelse:\n    a[i] = missing",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_language_is_pythons(name: str, rng: np.random.Generator) -> None:
    body = ["a, b = pointer(args[0], float64), pointer(args[1], float64)", "for i in range(start, stop):"]
    body += [f"    {line}" for line in ["x, y = a[i], b[i]", *SNIPPETS[name].splitlines()]]
    source = "\n".join(["def fused(args, start, stop):", *[f"    {line}" for line in body], "    return 0", ""])
    results = []
    x, y = rng.normal(size=(2, 40)) * 3
    for code in (jit.compile_loop(source), jit.interpret_loop(source)):
        a, b = x.copy(), y.copy()
        words = np.array([a.ctypes.data, b.ctypes.data], np.int64)
        results.append((jit.python_loop(code.address)(words.ctypes.data, 0, 40), a.tolist()))
    assert results[0][0] == results[1][0]
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-15)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("if args[0] > 0:\n    r = 1\nreturn r", r"fused, line 4: r is not set on every path to here"),
        ("return missing(1)", r"fused, line 2: missing is not set"),
        ("return [1][0]", r"line 2: List is not in the language of kernels"),
        ("return tanh(args)", r"tanh, line \d+: .*Pointer"),
        ("x = args[0]\nfor i in range(3):\n    x = args\nreturn 0", r"int64 on one path and int64\* on another"),
        ("return real_tanh(1.0, 2.0)", r"real_tanh takes 1 arguments, not 2"),
    ],
)
def test_what_is_not_in_the_language_is_named(body: str, message: str) -> None:
    source = "\n".join(["def fused(args, start, stop):", *[f"    {line}" for line in body.splitlines()], ""])
    with pytest.raises(jit.CompileError, match=message):
        jit.compile_loop(source)


def test_a_changed_file_is_named() -> None:
    """Functions are read from files, which may be edited while a process runs."""
    file = cache.PACKAGE / "kernels" / "elements" / "arithmetic.py"
    cache.check_unchanged(str(file), file.read_bytes())
    with pytest.raises(RuntimeError, match=r"arithmetic\.py has changed since it was imported\. Hint: restart"):
        cache.check_unchanged(str(file), file.read_bytes() + b"\n")
