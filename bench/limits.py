"""What the machine can do, measured in the same run: memory bandwidth and matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from .measure import interleaved

TRIAD = 10_000_000


def _triad(dtype: str) -> Any:
    a, b = np.ones(TRIAD, dtype), np.ones(TRIAD, dtype)
    c = np.empty_like(a)
    try:
        import numba
    except ImportError:
        return lambda: np.add(a, b, out=c)

    @numba.njit(parallel=True, fastmath=True)
    def triad(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
        for i in numba.prange(a.shape[0]):
            c[i] = a[i] + a.dtype.type(3) * b[i]

    triad(a, b, c)
    return lambda: triad(a, b, c)


def _gemm(dtype: str, n: int) -> Any:
    a, b = np.ones((n, n), dtype), np.ones((n, n), dtype)
    c = np.empty_like(a)
    return lambda: np.matmul(a, b, out=c)


def limits(seconds: float) -> dict[str, float]:
    """GB/s of a STREAM-like triad (2 reads, 1 write, of arrays beyond the caches), GFLOP/s of gemm."""
    n = 1024
    calls = {f"triad {d}": _triad(d) for d in ("float32", "float64")}
    calls |= {f"gemm {d}": _gemm(d, n) for d in ("float32", "float64")}
    times = interleaved(calls, seconds)
    sizes = {"float32": 4, "float64": 8}
    found = {f"triad_{d}_gb_s": 3 * TRIAD * s / times[f"triad {d}"]["us"] / 1e3 for d, s in sizes.items()}
    return found | {f"gemm_{d}_gflop_s": 2 * n**3 / times[f"gemm {d}"]["us"] / 1e3 for d in sizes}


def limit_us(row: dict[str, Any], found: dict[str, float]) -> float:
    """Time in which inputs and outputs can be moved once and the matrix products done, whichever is longer."""
    moved = row["bytes"] / found[f"triad_{row['dtype']}_gb_s"] / 1e3
    return max(moved, row["flops"] / found[f"gemm_{row['dtype']}_gflop_s"] / 1e3)
