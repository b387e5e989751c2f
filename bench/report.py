"""The results as text, JSON and a chart."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .libraries import LIBRARIES, Library
from .limits import limit_us
from .workloads import label

COMPILED = "fastvjp compiled"
PEERS = [name for name, library in LIBRARIES.items() if library.automatic and not library.ours]
SHORT = {"fastvjp compiled": "compiled", "fastvjp": "vjp", "fastvjp compiled numpy": "comp. np",
         "fastvjp numpy": "vjp np", "numpy by hand": "np hand", "numba by hand": "nb hand",
         "numba, short functions": "nb short", "torch.compile": "torch.cmp",
         "torch fused": "torch fus", "mlx compile": "mlx cmp"}  # fmt: skip

SETTINGS = ("FASTVJP_", "NUMBA_", "OPENBLAS_", "MKL_", "OMP_", "XLA_", "JAX_", "MLX_", "TORCH")
"""How environment variables begin that change what libraries do, such as which CPU OpenBLAS has kernels for."""


def cpu_model() -> str:
    """As the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def conditions(libraries: Sequence[Library], threads: int | None) -> dict[str, Any]:
    """Versions, processor and threads: what a figure depends on."""
    try:
        import threadpoolctl

        pools = [
            f"{p['internal_api']} {p.get('architecture', '')} {p['num_threads']}"
            for p in threadpoolctl.threadpool_info()
        ]
    except ImportError:
        pools = ["threadpoolctl is not installed"]
    return {
        "cpu": cpu_model(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "threads": threads or "defaults of each library",
        "thread_pools": pools,
        "environment": {k: v for k, v in sorted(os.environ.items()) if k.startswith(SETTINGS)},
        "load_average": [round(x, 1) for x in os.getloadavg()],
        "versions": {lib.package.partition(".")[0]: lib.version() for lib in libraries},
    }


def heading(results: dict[str, Any]) -> str:
    """The conditions that matter most, in a line."""
    found = results["conditions"]
    settings = [f"{k}={v}" for k, v in found["environment"].items()]
    return ", ".join([found["cpu"], f"{found['cores']} cores", *found["thread_pools"], *settings])


def summarise(results: dict[str, Any]) -> None:
    """Add to each row the best peer and the ratio to it, and to the whole the geometric mean."""
    ratios = []
    for row in results["rows"]:
        times = {name: t["us"] for name, t in row["libraries"].items()}
        peers = {name: times[name] for name in PEERS if name in times}
        if "limits" in results:
            row["limit_us"] = limit_us(row, results["limits"])
        if not peers or COMPILED not in times:
            continue
        row["best_peer"] = min(peers, key=peers.__getitem__)
        row["ratio"] = peers[row["best_peer"]] / times[COMPILED]
        ratios.append(row["ratio"])
    if ratios:
        results["geometric_mean"] = math.exp(sum(map(math.log, ratios)) / len(ratios))


def number(x: float | None) -> str:
    """A figure with about three digits, or a dash."""
    return "-" if x is None else f"{x:.{0 if x >= 100 else 1 if x >= 10 else 2}f}"


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, its columns below each other."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        return "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )

    return "\n".join([line(header), *map(line, rows)])


def _title(row: dict[str, Any]) -> str:
    return f"{row['workload']} {label(row['size'])} {row['dtype'].replace('float', 'f')}"


def table(results: dict[str, Any]) -> str:
    """Microseconds per call, and how many times faster compiled fastvjp is than the best peer."""
    shown = [name for name in LIBRARIES if any(name in row["libraries"] for row in results["rows"])]
    header = ["us per call", *(SHORT.get(name, name) for name in shown), "limit", "ratio", "best peer"]
    lines = []
    for row in results["rows"]:
        times = [number(row["libraries"].get(name, {}).get("us")) for name in shown]
        ratio = number(row.get("ratio"))
        lines.append([_title(row), *times, number(row.get("limit_us")), ratio, row.get("best_peer", "-")])
    text = columns(header, lines)
    if "geometric_mean" in results:
        text += f"\n\ngeometric mean of ratio (best peer / fastvjp compiled): {results['geometric_mean']:.2f}"
    skipped: dict[str, list[str]] = {}
    for row in results["rows"]:
        for name, reason in row["skipped"].items():
            common, _, own = reason.partition(" (")
            skipped.setdefault(f"{name}: {common}", []).append(_title(row) + (own and f" {own[:-1]}"))
    notes = [
        f"  {why} ({', '.join(rows) if len(rows) < 10 else f'{len(rows)} rows'})" for why, rows in skipped.items()
    ]
    notes += [f"  {name}: {why} (everywhere)" for name, why in results.get("missing", {}).items()]
    return text + ("\n\nnot timed:\n" + "\n".join(notes) if notes else "")


def plan_table(found: dict[str, Any]) -> str:
    """For each device, kernels started for one vjp and the bytes that it moves over the least."""
    names = list(dict.fromkeys(name for row in found["rows"] for name in row["devices"]))
    short = [name.removesuffix("-emulator") for name in names]
    header = ["plan of a vjp", *(f"{name}: {what}" for name in short for what in ("kernels", "bytes / least"))]
    lines = []
    for row in found["rows"]:
        costs = [row["devices"][name] for name in names]
        pairs = [(str(c["kernels"]), number(c["bytes"] / c["least_bytes"])) for c in costs]
        lines.append([_title(row), *(text for pair in pairs for text in pair)])
    notes = [f"not planned for {name}: {why}" for name, why in found["missing"].items()]
    return "\n".join([columns(header, lines), *notes])


def other_parts(results: dict[str, Any]) -> str:
    """Limits, plans, first gradients, memory, growth and eager ops."""
    parts = []
    if "limits" in results:
        parts.append("limits: " + ", ".join(f"{k} {v:.1f}" for k, v in results["limits"].items()))
    if "plans" in results:
        parts.append(plan_table(results["plans"]))
    for name, title in (
        ("startup", "first gradient of the MLP in a fresh process"),
        ("memory", "memory of chain"),
    ):
        if name in results:
            keys = list(dict.fromkeys(k for row in results[name].values() for k in row if k != "skipped"))
            rows = [[n, *(number(r.get(k)) for k in keys)] for n, r in results[name].items()]
            parts.append(columns([title, *keys], rows))
    if "first" in results:
        parts += first_tables(results["first"])
    if "recording" in results:
        parts.append("recording, us per op: " + ", ".join(f"{k} {v:.2f}" for k, v in results["recording"].items()))
    for name, unit, scale in (("ops", "us per op", 1), ("primals", "us per primal", 1),
                              ("elements", "ns per element", 1000)):  # fmt: skip
        grown = {n: r[name] for n, r in results.get("growth", {}).items() if r[name]}
        if not grown:
            continue
        counts = next(([str(r["n"]) for r in rows] for rows in grown.values() if not isinstance(rows, str)), [])
        lines = []
        for n, rows in grown.items():
            failed = isinstance(rows, str)
            cells = ["-"] * len(counts) if failed else [number(r["us_per"] * scale) for r in rows]
            lines.append([f"{n}: {rows}" if failed else n, *cells])
            if not failed and LIBRARIES[n].ours and name != "elements":
                lines.append([f"{n}, first call", *(number(r["first_us_per"]) for r in rows)])
        parts.append(columns([f"{unit}, by number of {name}", *counts], lines))
    if "eager" in results:
        rows = [[f"{r['op']} {r['n']}", number(r["fastvjp_us"]), number(r["numpy_us"])] for r in results["eager"]]
        parts.append(columns(["eager op, us", "fastvjp", "numpy"], rows))
    if "gradients" in results:
        rows = []
        for r in results["gradients"]:
            pairs = [(r[key]["value"], r[key]["both"]) for key in ("us", "bytes")]
            (us, both), (size, moved) = pairs
            ratios = [number(both / us), number(moved / max(size, 1))]
            rows.append([f"{r['loop']} {r['shape']}", number(us), number(both), *ratios])
        parts.append(columns(["loop, us", "value", "with gradient", "times", "times the bytes"], rows))
    if "loops" in results:
        parts.append(loop_table(results["loops"]))
    return "\n\n".join(parts)


def loop_table(found: list[dict[str, Any]]) -> str:
    """First and further calls of loops, by trips."""
    names = list(dict.fromkeys(name for row in found for name in row["us"]))
    lines = []
    for row in found:
        cells = [number(row[key].get(name)) for key in ("first_s", "us") for name in names]
        lines.append([f"{row['loop']} {row['trips']}", *cells, f"{row['difference']:.0e}"])
    header = ["loop, trips", *(f"{n}, first s" for n in names), *(f"{n}, us" for n in names), "differ by"]
    return columns(header, lines)


def first_tables(found: dict[str, dict[str, Any]]) -> list[str]:
    """What first calls take, a table for each measure, with our time over that of jax.jit."""
    shown = [name for name in LIBRARIES if any("cold_ms" in row.get(name, {}) for row in found.values())]
    tables = []
    for key, title in (
        ("cold_ms", "first gradient in a fresh process, empty cache, ms"),
        ("warm_ms", "the same in a second process, ms"),
        ("new_shape_ms", "first gradient of other shapes in the first process, ms"),
        ("peak_mb", "peak memory of the first process, MB"),
    ):
        lines, ratios = [], []
        for workload, row in found.items():
            values = {name: row.get(name, {}).get(key) for name in shown}
            ours, peer = values.get(COMPILED), values.get("jax.jit")
            ratio = ours / peer if ours and peer else None
            ratios += [ratio] if ratio else []
            lines.append([workload, *map(number, values.values()), number(ratio)])
        text = columns([title, *(SHORT.get(name, name) for name in shown), "compiled / jax.jit"], lines)
        if ratios:
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            text += f"\n\ngeometric mean of compiled / jax.jit: {mean:.2f}"
        tables.append(text)
    return tables


def write_json(results: dict[str, Any], path: Path) -> None:
    """Everything, for later comparison; holds no host name and no path."""
    path.write_text(json.dumps(results, indent=1) + "\n")
