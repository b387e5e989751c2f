"""Workloads x libraries x sizes side by side: `python -m bench --help`."""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PARTS = ("workloads", "limits", "plans", "startup", "first", "memory", "recording", "growth", "eager",
         "gradients", "loops")  # fmt: skip
THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "FASTVJP_NUM_THREADS",
    "NPROC",  # XLA's
)  # fmt: skip


def set_threads(args: Sequence[str] | None) -> tuple[argparse.ArgumentParser, Path | None]:
    """Heed --threads before NumPy or any other library is imported; returns the parser of it, and --npbench."""
    parser = argparse.ArgumentParser("python -m bench", add_help=False)
    text = "for all libraries (default: what each one takes)"
    parser.add_argument("--threads", type=_counting, metavar="N", help=text)
    text = "a checkout of the repository spcl/npbench, whose programs are measured instead"
    parser.add_argument("--npbench", type=Path, metavar="PATH", help=text)
    found = parser.parse_known_args(args)[0]
    if found.threads:
        os.environ.update(dict.fromkeys(THREADS, str(found.threads)))
    return parser, found.npbench


def parse(args: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    first, checkout = set_threads(args)
    from .libraries import LIBRARIES
    from .npbench.checkout import programs
    from .workloads import WORKLOADS, label

    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, parents=[first])
    workloads, sizes = list(WORKLOADS), "table"
    if checkout is not None:
        try:
            workloads, sizes = [program.name for program in programs(checkout)], "S"
        except ValueError as error:
            parser.error(str(error))
    parser.add_argument("--parts", nargs="+", choices=(*PARTS, "all"), default=["workloads", "limits", "plans"],
                        help="what to measure (default: %(default)s)")  # fmt: skip
    parser.add_argument("--workloads", nargs="+", choices=workloads, default=workloads, metavar="NAME",
                        help=f"of {', '.join(workloads)}")  # fmt: skip
    parser.add_argument("--libraries", nargs="+", choices=list(LIBRARIES), default=list(LIBRARIES), metavar="NAME",
                        help=f"of {', '.join(LIBRARIES)}")  # fmt: skip
    parser.add_argument("--sizes", nargs="+", default=[sizes], metavar="SIZE",
                        help="'table', 'quick', or sizes as shown, such as 1000000; of NPBench S, M, L or paper "
                             "(default: %(default)s)")  # fmt: skip
    parser.add_argument("--dtypes", nargs="+", choices=("float32", "float64"), default=["float32", "float64"])
    parser.add_argument("--seconds", type=_positive, default=1.0, help="per library and cell (default: 1)")
    parser.add_argument("--repeats", type=_counting, default=3, help="of a fresh process (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="where to draw the table, as PNG")
    options = parser.parse_args(args)
    if checkout is not None:
        if options.chart:
            parser.error("--chart draws the table of the bench's own workloads: leave out --npbench")
        return options
    known = {"table", "quick", *(label(size) for name in options.workloads for size in WORKLOADS[name].table)}
    if unknown := [size for size in options.sizes if size not in known]:
        parser.error(f"no size {', '.join(unknown)} in these workloads; there are {', '.join(sorted(known))}")
    if options.chart and "workloads" not in options.parts and "all" not in options.parts:
        parser.error("--chart draws the table: add 'workloads' to --parts")
    return options


def _counting(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _positive(text: str) -> float:
    if (value := float(text)) <= 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


def chosen_sizes(options: argparse.Namespace) -> list[Any]:
    """Workloads and their sizes."""
    from .workloads import WORKLOADS, label

    found = []
    for workload in (WORKLOADS[name] for name in options.workloads):
        sizes = [workload.quick] if "quick" in options.sizes else []
        sizes += [
            s for s in workload.table if ("table" in options.sizes or label(s) in options.sizes) and s not in sizes
        ]
        found += [(workload, s) for s in sizes]
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All chosen parts, with a progress bar."""
    from tqdm import tqdm

    from . import gradients, limits, loops, plans, processes, scaling
    from .libraries import LIBRARIES
    from .measure import cell
    from .report import conditions, summarise, write_json
    from .workloads import WORKLOADS, problem

    parts = PARTS if "all" in options.parts else options.parts
    chosen = [LIBRARIES[name] for name in options.libraries]
    missing = {lib.name: reason for lib in chosen if (reason := lib.missing())}
    libraries = [lib for lib in chosen if lib.name not in missing]
    sizes = chosen_sizes(options)
    cells = [(w, s, d) for w, s in sizes for d in w.dtypes if d in options.dtypes] if "workloads" in parts else []
    automatic = [lib for lib in libraries if lib.automatic]
    per_library = sum(part in parts for part in ("startup", "memory", "growth"))
    planned = sizes if "plans" in parts else []
    first = [WORKLOADS[name] for name in options.workloads] if "first" in parts else []
    total = len(cells) * len(libraries) + per_library * len(automatic) + len(planned) + len(first)
    results: dict[str, Any] = {
        "conditions": conditions(libraries, options.threads),
        "missing": missing,
        "rows": [],
    }
    with tqdm(total=total, unit="", dynamic_ncols=True) as progress:
        if "limits" in parts:
            results["limits"] = limits.limits(options.seconds)
        if "recording" in parts:
            results["recording"] = scaling.recording(options.seconds)
        if "eager" in parts:
            results["eager"] = scaling.eager(options.seconds)
        if "gradients" in parts:
            results["gradients"] = gradients.gradients(options.seconds)
        if "loops" in parts:
            results["loops"] = loops.measured(options.seconds)
        if planned:
            results["plans"] = plans.plans(planned, progress)
        for workload, size, dtype in cells:
            results["rows"].append(cell(problem(workload, size, dtype), libraries, options.seconds, progress))
            if options.json:  # a long run may be broken off
                write_json(results, options.json)
        if "startup" in parts:
            results["startup"] = processes.startup(automatic, options.repeats, progress)
        if first:
            results["first"] = processes.first(first, automatic, options.repeats, progress)
        if "memory" in parts:
            results["memory"] = processes.memory(automatic, progress)
        if "growth" in parts:
            results["growth"] = scaling.growth(automatic, options.seconds, progress)
    summarise(results)
    return results


def measure_suite(options: argparse.Namespace) -> dict[str, Any]:
    """The programs of a checkout, with a progress bar."""
    from tqdm import tqdm

    from .libraries import LIBRARIES
    from .npbench.checkout import programs
    from .npbench.suite import measured
    from .report import conditions, write_json

    chosen = programs(options.npbench, options.workloads)
    pairs = [(program, size) for size in options.sizes for program in chosen if size in program.sizes]
    libraries = [
        lib for lib in LIBRARIES.values() if lib.name in ("fastvjp compiled", "jax.jit") and not lib.missing()
    ]
    results: dict[str, Any] = {"conditions": conditions(libraries, options.threads), "rows": [], "npbench": []}
    with tqdm(pairs, unit="", dynamic_ncols=True) as progress:
        for program, size in progress:
            progress.set_postfix_str(program.name)
            results["npbench"].append(measured(program, size, options.seconds))
            if options.json:  # a long run may be broken off
                write_json(results, options.json)
    return results


def main(args: Sequence[str] | None = None) -> None:
    """Measure, print, and write what was asked for."""
    options = parse(args)
    warnings.simplefilter("ignore")
    results = measure(options) if options.npbench is None else measure_suite(options)

    from . import report
    from .chart import chart
    from .npbench.report import table

    print(report.heading(results), end="\n\n")
    if "npbench" in results:
        print(table(results["npbench"]))
    if results["rows"]:
        print(report.table(results), end="\n\n")
    print(report.other_parts(results))
    if options.json:
        report.write_json(results, options.json)
    if options.chart and "geometric_mean" in results:
        chart(results, options.chart)


if __name__ == "__main__":
    main()
