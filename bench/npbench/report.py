"""The suite's table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..report import columns, number
from .suite import JAX, NO_GRADIENT, OURS, PLAIN

AGREES = 1e-4
"""By how much a derivative may differ from a difference, as a part: differences are good for no more."""
SAME = 1e-5
"""By how much two libraries may differ, as a part of the largest entry."""


def verdict(row: dict[str, Any]) -> str:
    """Whether our gradient is right, and JAX's."""
    if row["refused"].get(OURS, "").startswith(NO_GRADIENT):
        return "none"
    if not row["first_s"].keys() & {OURS, PLAIN}:
        return "MISSING"
    if "error" not in row:
        return "unchecked"
    if not row["error"] <= AGREES:
        return "WRONG"
    differ = max(row.get("differ", {"": 0.0}).values(), key=lambda x: (math.isnan(x), x))
    return "right" if differ <= SAME else "right, jax.jit differs"


def mean(ratios: Iterable[float]) -> str:
    """The geometric mean, as text."""
    logs = [math.log(r) for r in ratios]
    return f"{math.exp(sum(logs) / len(logs)):.2f}" if logs else "-"


def table(rows: list[dict[str, Any]]) -> str:
    """First and further calls, how many times faster ours are, and what is right; below it what was refused."""
    lines, refused, firsts, ratios = [], [], [], []
    for row in rows:
        title = f"{row['program']} {row['size']}"
        mine = PLAIN if PLAIN in row["first_s"] else OURS
        first, us = ([row[key].get(name) for name in (mine, JAX)] for key in ("first_s", "us"))
        if all(us):
            firsts.append(first[1] / first[0])
            ratios.append(us[1] / us[0])
        differ = row.get("differ", {})
        cells = [*first, *us, us[1] / us[0] if all(us) else None]
        errors = [differ.get("value"), differ.get("gradients"), row.get("error")]
        lines.append(
            [title, *map(number, cells), *("-" if e is None else f"{e:.0e}" for e in errors), verdict(row)]
        )
        refused += [f"  {title}, {name}: {why}" for name, why in row["refused"].items()]
    header = ["program", "first s", "jax.jit's", "us", "jax.jit's", "ratio", "values differ", "gradients differ",
              "from differences", "gradient"]  # fmt: skip
    text = columns(header, lines)
    text += f"\n\ngeometric mean of {len(ratios)} ratios (jax.jit / fastvjp): first call {mean(firsts)}, "
    text += f"repeated call {mean(ratios)}"
    return text + ("\n\nrefused:\n" + "\n".join(refused) if refused else "")
