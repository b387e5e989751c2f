"""What of NumPy's, SciPy's and MLX's functions is differentiated, here and elsewhere: facts, and a page of them.

`NUMBA_DISABLE_JIT=1 PYTHONPATH=tests python -m support.coverage` tries the functions of which nothing is known, or
all with `--all`, where the peers are installed, keeps what it finds in `coverage.json` beside this file, and
writes `docs/coverage.md`.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import json
import re
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import fastvjp as fv
import fastvjp.autograd
from fastvjp.arrays.public import NUMPY, PUBLIC
from fastvjp.core.primitive import REGISTRY

from .numpy_calls import FUNCTIONS, UFUNCS
from .scipy_calls import LINALG

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
FACTS = Path(__file__).with_suffix(".json")
NAMESPACES = ("mlx.core", "numpy", "numpy.linalg", "numpy.fft", "scipy.special", "scipy.linalg")
COLUMNS = ("forward", "vjp", "jvp", "vmap", "second", "Metal", "njit", "MLX", "JAX", "PyTorch", "autograd")
PEERS: dict[str, dict[str, str]] = {
    "MLX": {
        "numpy": "mlx.core", "numpy.linalg": "mlx.core.linalg", "numpy.fft": "mlx.core.fft",
        "mlx.core": "mlx.core",
    },
    "JAX": {
        "numpy": "jax.numpy", "numpy.linalg": "jax.numpy.linalg", "numpy.fft": "jax.numpy.fft",
        "scipy.special": "jax.scipy.special jax.nn", "scipy.linalg": "jax.scipy.linalg",
        "mlx.core": "jax.numpy jax.scipy.special jax.nn jax.lax",
    },
    "PyTorch": {
        "numpy": "torch torch.special", "numpy.linalg": "torch.linalg", "numpy.fft": "torch.fft",
        "scipy.special": "torch.special", "scipy.linalg": "torch.linalg",
        "mlx.core": "torch torch.special torch.nn.functional",
    },
    "autograd": {
        "numpy": "autograd.numpy", "numpy.linalg": "autograd.numpy.linalg", "numpy.fft": "autograd.numpy.fft",
        "scipy.special": "autograd.scipy.special", "scipy.linalg": "autograd.scipy.linalg",
        "mlx.core": "autograd.numpy autograd.scipy.special",
    },
}  # fmt: skip
"""In which modules a library has what a namespace has."""
Trial = tuple[Callable[..., Any], np.ndarray]
"""A function of a module's function and an array, and the array."""

VECTOR = np.array([0.37, 0.71, 0.52, 0.64])
MATRIX = np.array([[2.1, 0.3, -0.4], [0.2, 3.2, 0.5], [0.6, -0.3, 4.3]])
SYMMETRIC = MATRIX @ MATRIX.T / 4
for _x in (VECTOR, MATRIX, SYMMETRIC):
    _x.flags.writeable = False  # some functions write into their argument
GENERIC: list[Trial] = [
    (lambda f, x: f(x), VECTOR),
    (lambda f, x: f(x, x[::-1] + 0.11), VECTOR),
    (lambda f, x: f(x), SYMMETRIC),
    (lambda f, x: f(x), 1 + VECTOR),
    (lambda f, x: f(x, x[0] + 1), SYMMETRIC),
    (lambda f, x: f(1.5, x), VECTOR),
    (lambda f, x: f(2, x), VECTOR),
    (lambda f, x: f(x, 2), VECTOR),
    (lambda f, x: f(x, x * 0.5, x * 0.7), VECTOR),
    (lambda f, x: f(2, 1.5, x), VECTOR),
    (lambda f, x: f(2, x, x * 0.5, x * 0.3), VECTOR),
    (lambda f, x: f(x, 1, 0), SYMMETRIC),
    (lambda f, x: f(x, 0), SYMMETRIC),
    (lambda f, x: f([x, x * 2]), VECTOR),
    (lambda f, x: f(x, (2, 2)), VECTOR),
    (lambda f, x: f(x, (4,)), VECTOR),
    (lambda f, x: f(3, x), VECTOR),
    (lambda f, x: f(x > 0.5, x, x * 2), VECTOR),
    (lambda f, x: f("i,i->i", x, x), VECTOR),
]
"""Calls that are tried in turn until the reference takes one: of one array, of two, of a matrix, with a number."""


def _rebuilt(w: Any, v: Any) -> Any:
    """Of vectors, whose signs are free."""
    return w, (v * w) @ v.T


IMAGES = np.cos(np.arange(32.0)).reshape(1, 4, 4, 2)
SPECIAL: dict[str, list[Trial]] = {
    **{name: [(lambda f, x: f(x, x[:, :2]), IMAGES[:, 0])]
       for name in ("conv1d", "conv_transpose1d", "conv_general")},
    **{name: [(lambda f, x: f(x, x[:, :2, :2]), IMAGES)] for name in ("conv2d", "conv_transpose2d")},
    **{name: [(lambda f, x: f(x, x[:, :2, :2, :2]), IMAGES[:, None].repeat(2, 1))]
       for name in ("conv3d", "conv_transpose3d")},
    **{name: [(lambda f, x: f(1.5, x), VECTOR)] for name in ("iv", "ive", "jv", "kv", "kve", "yv")},
    **{name: [(lambda f, x: f((x + x.T) / 2), MATRIX)] for name in ("eigvalsh", "cholesky")},
    "eigh": [(lambda f, x: _rebuilt(*f((x + x.T) / 2)), MATRIX)],
    "jn": [(lambda f, x: f(2, x), VECTOR)],
    "hyp0f1": [(lambda f, x: f(1.5, x), VECTOR)],
    **{name: [(lambda f, x: f(0.5, 1.5, x), VECTOR)] for name in ("hyp1f1", "hyperu")},
    "hyp2f1": [(lambda f, x: f(0.5, 1.2, 1.5, x), VECTOR)],
    **{name: [(lambda f, x: f(2.0, 4, x), VECTOR)] for name in ("bdtr", "bdtrc")},
    **{name: [(lambda f, x: f(2, 4, x), VECTOR)] for name in ("nbdtr", "nbdtrc")},
    "zeta": [(lambda f, x: f(2.5, x + 1), VECTOR)],
    "histogram": [(lambda f, x: f(VECTOR, 3, (0.0, 1.0), None, x), VECTOR)],
    "cho_solve": [(lambda f, x: f((np.linalg.cholesky(SYMMETRIC), True), x), VECTOR[:3])],
    "lu_solve": [(lambda f, x: f((MATRIX, np.arange(3)), x), VECTOR[:3])],
    "corrcoef": [(lambda f, x: f(x), MATRIX)],
    "addmm": [(lambda f, x: f(x, x, x), MATRIX)],
    "full": [(lambda f, x: f((3,), x[0]), VECTOR)],
    "linspace": [(lambda f, x: f(x[0], x[1], 4), VECTOR)],
    "tensordot": [(lambda f, x: f(x, x), MATRIX)],
    "norm": [(lambda f, x: f(x), MATRIX)],
}  # fmt: skip
"""Calls of functions that no generic one suits."""


def module_of(name: str) -> Any:
    """A module by its name, None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def names_of(namespace: str) -> list[str]:
    """The public functions of a module: no types, dtypes, constants, modules."""
    module = module_of(namespace)
    public = getattr(module, "__all__", None) or dir(module)
    return sorted(n for n in set(public) if not n.startswith("_") and _is_function(getattr(module, n, None)))


def _is_function(found: Any) -> bool:
    return callable(found) and not isinstance(found, type)


OTHERS = re.compile(
    r"stop_|stream|device|memory|cache|save|load|export|import|print|quantiz|qmm|qqmm|fp8|^eval$|async|synchron|compile|"
    r"checkpoint|grad$|^[jv][jv]?p$|vmap|custom|depends|dlpack|seterr|show|info|test|buffer|fromfile|file|txt|"
    r"pyfunc|distributed|iinfo|finfo|bufsize|typename|mintypecode|generate"
)
"""Names of functions that are not of arrays, or whose trial may end the process; nothing is tried of them."""


def ours_of(namespace: str, name: str) -> tuple[str, Callable[..., Any] | None]:
    """The public name of our function, if it is another one, and what is called."""
    if namespace == "mlx.core":
        return "", getattr(fv, name, None)
    if namespace.startswith("scipy"):
        found = NUMPY.get(f"{namespace}.{name}")
        return _name(found, name), getattr(getattr(fv.scipy, namespace[6:]), name) if found else None
    function = getattr(importlib.import_module(namespace), name)
    found = next((NUMPY[f] for f in [function] if f in NUMPY), None)
    return _name(found, name), function if found else None


def _name(found: Any, name: str) -> str:
    public = next((n for n, f in PUBLIC.items() if f is found), "")
    return "" if public.rpartition(".")[2] == name else public


# --- trying ----------------------------------------------------------------------------------------------


def total(result: Any) -> Any:
    """The sum of all numbers of a result, of which none counts like another; None if none is inexact."""
    parts = [total(r) for r in result] if isinstance(result, tuple | list) else [_weighed(result)]
    known = [p for p in parts if p is not None]
    return sum(known[1:], known[0]) if known else None


def _weighed(x: Any) -> Any:
    kind, shape = str(getattr(x, "dtype", "")), tuple(getattr(x, "shape", ()))
    if "float" not in kind and "complex" not in kind:
        return None
    real = x.real if "complex" in kind else x
    weights = np.cos(0.3 * np.arange(int(np.prod(shape)))).reshape(shape)
    maker = {"torch": "tensor", "mlx": "array"}.get(type(x).__module__.partition(".")[0])
    module = {"tensor": "torch", "array": "mlx.core"}.get(maker or "")
    return (real * (getattr(importlib.import_module(module), str(maker))(weights) if module else weights)).sum()


def slope(f: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    """The gradient of the reference, by differences."""
    found = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[i] = 1e-5
        found[i] = (float(f(x + step)) - float(f(x - step))) / 2e-5
    return found


def trials(namespace: str, name: str) -> Iterator[Trial]:
    """Calls of a function that may suit it: those of the tests' tables, then generic ones."""
    yield from SPECIAL.get(name, [])
    table = {"numpy": FUNCTIONS | UFUNCS, "numpy.linalg": FUNCTIONS}.get(namespace, {})
    for f, shapes, low, high in table.get(name, []):
        if isinstance(f, types.FunctionType) and shapes:
            sizes = [int(np.prod(s)) for s in shapes]
            size = sum(sizes)
            places = (np.random.default_rng(0).permutation(size) + 0.4) / size
            yield _split(f, sizes, shapes), low + (high - low) * places
    for call in LINALG.get(name, []) if namespace == "scipy.linalg" else []:
        yield _of_matrix(call, name), MATRIX
    yield from GENERIC


def _split(f: types.FunctionType, sizes: list[int], shapes: tuple[tuple[int, ...], ...]) -> Callable[..., Any]:
    """A call of several arrays as one of a vector that holds them; `np` is another module."""
    ends = np.cumsum(sizes).tolist()

    def trial(_: Any, x: Any, np: Any) -> Any:
        parts = [x[end - n : end].reshape(s) for n, end, s in zip(sizes, ends, shapes, strict=True)]
        return _with_names(f, {"np": np})(*parts)

    return trial


def _of_matrix(call: Callable[..., Any], name: str) -> Callable[..., Any]:
    return lambda f, x: call(types.SimpleNamespace(**{name: f}), x, x[:, :2])


def _with_names(f: types.FunctionType, names: dict[str, Any]) -> Callable[..., Any]:
    """A function whose `np` is another module."""
    return types.FunctionType(f.__code__, {**f.__globals__, **names}, f.__name__, f.__defaults__, f.__closure__)


def _of(trial: Callable[..., Any], function: Callable[..., Any], np_: Any) -> Callable[[Any], Any]:
    """A trial as a function of its array, which returns what `total` makes of the result."""
    if "np" in inspect.signature(trial).parameters:
        return lambda x: total(trial(function, x, np=np_))
    return lambda x: total(trial(function, x))


def succeeds(check: Callable[[], Any]) -> bool:
    """Whether it returns something true."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return bool(check())
    except Exception:
        return False


def same(found: Any, expected: np.ndarray, tolerance: float = 1e-4) -> bool:
    """Equal in shape, and up to rounding."""
    x = np.asarray(found, float)
    atol = tolerance * np.abs(expected).max(initial=0)
    return x.shape == expected.shape and np.allclose(x, expected, rtol=tolerance, atol=atol)


Call = tuple[Callable[..., Any], np.ndarray, np.ndarray | None]
"""A trial that the reference takes, its array, and the gradient; None for results without one."""
MOST = 6
"""Calls of one function at most."""


@functools.cache
def calls_of(namespace: str, name: str) -> list[Call]:
    """Calls that the reference takes."""
    return [] if OTHERS.search(name) else list(itertools.islice(_taken(namespace, name), MOST))


def _taken(namespace: str, name: str) -> Iterator[Call]:
    module = importlib.import_module(namespace)
    reference = getattr(module, name)
    of_mlx = namespace == "mlx.core"
    for trial, x in trials(namespace, name):
        f = _of(trial, reference, np)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                value = f(module.array(x) if of_mlx else x.copy())
                expected = None
                if value is not None:
                    if not np.isfinite(np.asarray(value)):
                        continue
                    expected = slope(_of(trial, _fine(name, trial, x, value) if of_mlx else reference, np), x)
        except Exception:  # it takes other arguments
            continue
        yield trial, x, expected


def _fine(name: str, trial: Callable[..., Any], x: np.ndarray, value: Any) -> Callable[..., Any]:
    """What stands for a function of MLX's, whose numbers are too coarse for differences."""
    numpys = getattr(np, name, None)
    if numpys and succeeds(lambda: abs(_of(trial, numpys, np)(x.copy()) - np.asarray(value)) < 1e-4):
        return numpys
    return getattr(fv, name)


def try_ours(namespace: str, name: str) -> dict[str, str]:
    """The facts of ours: "yes", "no", "constant" where there is nothing to differentiate, "unknown"."""
    other, function = ours_of(namespace, name)
    if function is None:
        return {"ours": ""}
    facts = {"ours": other, "forward": "yes"}
    calls = calls_of(namespace, name)
    if not calls:
        return facts
    trial, x, expected = calls[0]
    f = _of(trial, function, np)
    if expected is None:
        return {**facts, "vjp": "constant"}
    along = np.cos(np.arange(x.size)).reshape(x.shape)
    facts["vjp"] = _said(lambda: same(fv.grad(f)(x), expected))
    if not expected.any() and facts["vjp"] == "yes":
        facts["vjp"] = "constant"
    facts["jvp"] = _said(lambda: same(fv.jvp(f, [x], [along])[1][0], np.asarray(np.sum(expected * along))))
    facts["vmap"] = _said(lambda: same(fv.vmap(fv.grad(f))(np.stack([x, x]))[1], expected))
    curve = _said(lambda: same(fv.hvp(f, [x], [along])[0], _curvature(f, x, along), 1e-3))
    facts["second"] = curve
    facts["njit"] = _said(lambda: same(fv.njit(fv.grad(f), x)(x), expected))
    facts["Metal"] = _said(lambda: _on_the_gpu(f, x))
    return facts


def _said(check: Callable[[], Any]) -> str:
    return "yes" if succeeds(check) else "no"


def _curvature(f: Callable[[Any], Any], x: np.ndarray, along: np.ndarray) -> np.ndarray:
    step = 1e-5
    return (np.asarray(fv.grad(f)(x + step * along)) - np.asarray(fv.grad(f)(x - step * along))) / (2 * step)


def _on_the_gpu(f: Callable[[Any], Any], x: np.ndarray) -> bool:
    """Whether every op of value and gradient has a kernel there."""
    ops = fv.record(fv.value_and_grad(f), x).ops
    return all(REGISTRY[op.primitive.name].on != "cpu" for op in ops)


def try_peer(peer: str, namespace: str, name: str) -> str:
    """Whether a peer's function of the same name has this gradient; "" where it is not installed."""
    place = PEERS[peer].get(namespace)
    if place is None:
        return "no"
    if module_of(place.split()[0].partition(".")[0]) is None:
        return ""
    function = next((f for m in place.split() if (f := getattr(module_of(m), name, None))), None)
    if function is None:
        return "no"
    calls = calls_of(namespace, name)
    if not calls:
        return "unknown"
    if calls[0][2] is None:
        return "constant"
    names = module_of(PEERS[peer]["numpy"].split()[0])
    for trial, x, expected in calls:
        if expected is not None:
            f = _of(trial, function, names)
            if succeeds(lambda f=f, x=x, e=expected: same(GRADIENTS[peer](f, x.copy()), e, 1e-3)):  # type: ignore[misc]
                return "yes" if calls[0][2].any() else "constant"
    return "no"


def _jax(f: Any, x: np.ndarray) -> Any:
    import jax

    with jax.enable_x64(True):
        return jax.grad(f)(jax.numpy.array(x))


def _torch(f: Any, x: np.ndarray) -> Any:
    import torch

    a = torch.tensor(x, requires_grad=True)
    f(a).backward()
    return a.grad


def _mlx(f: Any, x: np.ndarray) -> Any:
    import mlx.core as mx

    with mx.stream(mx.cpu):
        return np.array(mx.grad(f)(mx.array(x)))


def _autograd(f: Any, x: np.ndarray) -> Any:
    import autograd

    return autograd.grad(f)(x)


GRADIENTS: dict[str, Callable[..., Any]] = {"MLX": _mlx, "JAX": _jax, "PyTorch": _torch, "autograd": _autograd}


def tried(kept: dict[str, dict[str, dict[str, str]]]) -> dict[str, dict[str, dict[str, str]]]:
    """All facts, of which those that are kept and still say what is recorded are not tried again."""

    def facts_of(space: str, name: str) -> dict[str, str]:
        known = kept.get(space, {}).get(name)
        if known and ("forward" in known) == (ours_of(space, name)[1] is not None):
            return known
        return {**try_ours(space, name), **{peer: try_peer(peer, space, name) for peer in PEERS}}

    return {space: {name: facts_of(space, name) for name in names_of(space)} for space in NAMESPACES}


# --- the page --------------------------------------------------------------------------------------------

SIGNS = {"yes": "✓", "no": "-", "constant": "0", "unknown": "?", "": "?"}


def row(facts: dict[str, str]) -> tuple[str, ...]:
    """The signs of a function."""
    if "forward" not in facts:
        return (*("-",) * 7, *(SIGNS[facts.get(c, "")] for c in COLUMNS[7:]))
    return tuple(SIGNS[facts.get(c, "")] for c in COLUMNS)


def page(facts: dict[str, dict[str, dict[str, str]]]) -> str:
    """The text of docs/coverage.md."""
    lines = [HEAD]
    for space, functions in facts.items():
        groups: dict[tuple[str, ...], list[str]] = {}
        for name, known in functions.items():
            other = known["ours"]
            groups.setdefault(row(known), []).append(f"{name} ({other})" if other else name)
        ours = sum("forward" in known for known in functions.values())
        lines.append(f"\n## {space}\n\n{ours} of {len(functions)} functions.\n")
        lines.append(f"| functions | {' | '.join(COLUMNS)} |\n|{' --- |' * (1 + len(COLUMNS))}")
        for signs, names in sorted(groups.items(), key=lambda g: (g[0][0] != "✓", -len(g[1]))):
            lines.append(f"| {', '.join(names)} | {' | '.join(signs)} |")
    return "\n".join(lines) + "\n"


HEAD = """\
# Coverage

Every public function of six modules, and whether its derivative is here and in other libraries. Functions with the
same signs share a line; in brackets stands our name where it is another one. The page is written by
`tests/support/coverage.py`, and `tests/project/test_coverage.py` compares.

- **✓** yes, **-** no, **0** results without a derivative, or one of 0, **?** not tried, as no call that suits was
  found.
- **forward**: it is recorded in a function that is differentiated. What is not is an error there.
- **vjp**, **jvp**: a weighted sum of all results has the derivative that differences of the reference have, to
  1e-4. **vmap**: so has its gradient under `vmap`. **second**: the product with the Hessian is a difference of
  gradients. **njit**: the gradient is made for Numba code.
- All of it runs on the CPU. **Metal**: every operation of value and gradient has a kernel for the GPU; those that
  have none run on the CPU there, too.
- **MLX** 0.32, **JAX** 0.10, **PyTorch** 2.13, **autograd** 1.9: the function of the same name in a module that
  corresponds has this gradient, to 1e-3. A **-** may also be another signature or another name, which are not
  looked for.

Ours is tried with one call, the first one that the reference takes: of the tests' tables of calls, or else of an
array, of two, of a matrix, of a number and an array, and so on; the others with up to six, of which one suffices.
NumPy 2.4 and SciPy 1.17 are the references, and for `mlx.core`, which has no float64, NumPy's function of this
name if it has the same value, else ours."""


def main() -> None:
    """Try, keep, write."""
    facts = tried({} if "--all" in sys.argv else json.loads(FACTS.read_text()))
    FACTS.write_text(json.dumps(facts, indent=0, ensure_ascii=False, sort_keys=True) + "\n")
    PAGE.write_text(page(json.loads(FACTS.read_text())))


if __name__ == "__main__":
    main()
