"""The table as a picture: how many times longer than compiled fastvjp the others take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .report import COMPILED, PEERS, _title

COLOURS = {"jax.jit": "#e69f00", "torch": "#d55e00", "torch fused": "#cc3311", "torch.compile": "#882255",
           "mlx": "#56b4e9", "mlx compile": "#0072b2", "autograd": "#009e73", "fastvjp": "#000000",
           "numpy by hand": "#999999", "numba by hand": "#bbbb00",
           "numba, short functions": "#dddd66"}  # fmt: skip


def chart(results: dict[str, Any], path: Path) -> None:
    """A bar per row for the best peer, and a mark for every library, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [row for row in reversed(results["rows"]) if "ratio" in row]
    height = 1.9 + 0.34 * len(rows)
    figure, ax = plt.subplots(figsize=(11, height), layout="constrained")
    for y, row in enumerate(rows):
        own = row["libraries"][COMPILED]["us"]
        ratio = row["ratio"]
        colour = "#8fbf8f" if ratio >= 1 else "#e0a0a0"
        ax.barh(y, ratio - 1, left=1, height=0.72, color=colour, zorder=1)
        for name, colour in COLOURS.items():
            if name in row["libraries"]:
                marker = "o" if name in PEERS else "D"
                x = row["libraries"][name]["us"] / own
                ax.plot(x, y, marker, color=colour, markersize=5, zorder=3, markeredgewidth=0)
        ax.text(1.005, y, f"{ratio:.2g}x  {row['best_peer']}", transform=ax.get_yaxis_transform(), va="center",
                fontsize=8)  # fmt: skip
    for name, colour in COLOURS.items():
        if any(name in row["libraries"] for row in rows):
            ax.plot([], [], "o" if name in PEERS else "D", color=colour, markersize=5, label=name)
    ax.axvline(1, color="black", linewidth=1.2, zorder=2)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    ax.set_axisbelow(True)
    ax.grid(axis="x", color="#dddddd")
    labels = [f"{_title(row)}  ({row['libraries'][COMPILED]['us']:,.0f} us)" for row in rows]
    ax.set_yticks(range(len(rows)), labels, fontsize=8)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xlabel(
        "time over that of fastvjp compiled (at the line; its time in brackets); bar and number: best peer"
    )
    title = f"Value and gradients: {results['geometric_mean']:.2f} times the speed of each row's best peer"
    machine = f"{results['conditions']['cpu']}, {results['conditions']['cores']} cores"
    ax.set_title(f"{title} (geometric mean)\n{machine}", fontsize=10)
    figure.legend(loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
