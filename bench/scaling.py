"""How costs grow: per recorded op, with op count, number of primals and array size; and eager ops."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from .libraries import Library, Unsupported
from .measure import interleaved
from .workloads import WORKLOADS, Workload, problem

OPS = (1_000, 4_000, 15_000, 60_000)
PRIMALS = (10, 100, 1_000)
SIZES = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
RECORDED = (200, 500, 1_000)
EAGER = ("add", "exp", "tanh", "sum")


def cheap_ops(np: Any, x: Any, ops: int) -> Any:
    """A chain of cheap ops on ten elements."""
    for _ in range(ops // 2):
        x = x * 0.999 + 0.001
    return np.sum(x)


def many_primals(np: Any, *xs: Any) -> Any:
    """Sum of squares of many small arrays."""
    total = 0.0
    for x in xs:
        total = total + np.sum(x * x)
    return total


CHAIN = Workload("ops", cheap_ops, lambda rng, ops: ([rng.normal(size=10)], []), {}, (), static=("ops",))
MANY = Workload("primals", many_primals, lambda rng, n: ([rng.normal(size=10) for _ in range(n)], []), {}, ())


def _grown(library: Library, workload: Workload, sizes: Sequence[dict[str, int]], seconds: float) -> list[Any]:
    """First call and repeated call at each size, in microseconds per unit of size."""
    rows = []
    for size in sizes:
        (units,) = size.values()
        call = library.build(problem(workload, size, "float32"))
        start = time.perf_counter()
        call()
        first = time.perf_counter() - start
        repeated = interleaved({"": call}, seconds / 5, rounds=3)[""]["us"]
        rows.append({"n": units, "first_us_per": first * 1e6 / units, "us_per": repeated / units})
    return rows


def growth(libraries: Sequence[Library], seconds: float, progress: Any) -> dict[str, Any]:
    """For each library: op count (linear if `us_per` stays the same), primals, array size.

    Compilers of whole programs are left out of the long chains: minutes of compiling tell nothing here.
    """
    found: dict[str, Any] = {}
    for library in libraries:
        progress.set_postfix_str(f"growth: {library.name}")
        row = found[library.name] = {}
        compiles = library.slow_to_build or library.name == "jax.jit"
        parts = {
            "ops": (CHAIN, [] if compiles else [{"ops": n} for n in OPS]),
            "primals": (MANY, [] if compiles else [{"n": n} for n in PRIMALS]),
            "elements": (WORKLOADS["chain"], [{"n": n} for n in SIZES]),
        }
        for name, (workload, sizes) in parts.items():
            try:
                row[name] = _grown(library, workload, sizes, seconds)
            except Unsupported as reason:
                row[name] = str(reason)
            except (Exception, RecursionError) as error:
                row[name] = f"{type(error).__name__}: {error}"[:200]
        progress.update()
    return found


def recording(seconds: float) -> dict[str, float]:
    """Microseconds per recorded op, as slopes over the length of a chain.

    Of a repeated call of `grad` what it takes more than the compiled call, which runs the same plan; of JAX, which
    records but once, `make_jaxpr`.
    """
    import fastvjp

    from .libraries.namespaces import fastvjp_namespace, jax_namespace

    x = fastvjp.array(np.ones(10, np.float32))
    calls: dict[str, Any] = {}
    for n in RECORDED:
        plain = fastvjp.grad(lambda x, n=n: cheap_ops(fastvjp_namespace(), x, n))
        compiled = fastvjp.compile(plain)
        calls[f"fastvjp {n}"] = lambda plain=plain: plain(x)
        calls[f"compiled {n}"] = lambda compiled=compiled: compiled(x)
    try:
        import jax

        ones = np.ones(10, np.float32)
        for n in RECORDED:
            # a new function each time: make_jaxpr caches
            calls[f"jax {n}"] = lambda n=n: jax.make_jaxpr(lambda x: cheap_ops(jax_namespace(), x, n))(ones)
    except ImportError:
        pass
    times = interleaved(calls, seconds)

    def slope(name: str) -> float:
        return float(np.polyfit(RECORDED, [times[f"{name} {n}"]["us"] for n in RECORDED], 1)[0])

    found = {"fastvjp": slope("fastvjp") - slope("compiled")}
    return found | ({"jax": slope("jax")} if f"jax {RECORDED[0]}" in calls else {})


def eager(seconds: float) -> list[dict[str, Any]]:
    """Ops outside any transform against NumPy's, in microseconds."""
    import fastvjp

    rows = []
    for name in EAGER:
        for n in (10, 1_000_000):
            x = np.random.default_rng(0).normal(size=n).astype(np.float32)
            y = fastvjp.array(x)
            ours, theirs = getattr(fastvjp, name), getattr(np, name)
            pair = (lambda f, x: lambda: f(x, x)) if name == "add" else (lambda f, x: lambda: f(x))
            times = interleaved({"fastvjp": pair(ours, y), "numpy": pair(theirs, x)}, seconds)
            rows.append({"op": name, "n": n, **{f"{k}_us": t["us"] for k, t in times.items()}})
    return rows
