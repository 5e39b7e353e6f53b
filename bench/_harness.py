"""What every benchmark shares: timing, memory, the machine beside each number, tables and pictures.

Numbers without the machine they were taken on mean nothing, so `write_results` records processor,
cores, memory, versions and, measured in the same run, copy bandwidth and matrix-product rate.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
PACKAGES = ("rnla", "numpy", "scipy", "numba", "statsmodels", "dppy")

# Okabe and Ito's colours, one per contestant in order of appearance.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#595959", "#000000")


# --- timing and memory ---------------------------------------------------------------------------


def seconds(function: Callable[[], Any], repeats: int = 5, *, warm_up: int = 1) -> float:
    """Median wall time of `repeats` calls after `warm_up` calls that compile and touch memory."""
    for _ in range(warm_up):
        function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def race(
    contestants: Mapping[str, Callable[[], Any]], repeats: int = 5, *, warm_up: int = 1
) -> dict[str, float]:
    """Median wall time of each contestant, taking turns, so that a busy minute hits all alike.

    Before each turn a pause: idle OpenBLAS threads of the contestant before spin for some 25 ms,
    and would take a core from the next.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(warm_up + repeats):
        for name, function in contestants.items():
            time.sleep(0.1)
            start = time.perf_counter()
            function()
            if turn >= warm_up:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def peak_bytes(function: Callable[[], Any]) -> int | None:
    """Growth of resident memory during one call, at its highest; None where it cannot be read.

    Linux only: writing 5 to clear_refs resets the high-water mark that VmHWM reports.
    """
    try:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    before = _status("VmRSS")
    function()
    return max(0, _status("VmHWM") - before)


def _status(field: str) -> int:
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return 1024 * int(line.split()[1])
    raise OSError(f"{field} is not in /proc/self/status")


# --- the machine ---------------------------------------------------------------------------------


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (OSError, ValueError, AttributeError):
        return None


@functools.cache
def reference_rates() -> dict[str, float]:
    """Copy bandwidth (bytes read and written) and matrix-product rate, best of five each."""
    source = np.ones(2**25)
    target = np.empty_like(source)
    copy = min(seconds(lambda: np.copyto(target, source), 1, warm_up=0) for _ in range(5))
    square = np.random.default_rng(0).standard_normal((1500, 1500))
    product = min(seconds(lambda: square @ square, 1, warm_up=0) for _ in range(5))
    return {
        "copy GB/s": round(2 * source.nbytes / copy / 1e9, 2),
        "matrix product GFlop/s": round(2 * 1500**3 / product / 1e9, 2),
    }


def machine() -> dict[str, Any]:
    """Hardware, versions, threads and date: what a number has to be read with."""
    import scipy.linalg  # noqa: F401  (its BLAS appears among the pools below)
    import threadpoolctl

    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    pools = {
        f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}".strip(): pool[
            "num_threads"
        ]
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    }
    return {
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "architecture": platform.machine(),
        "cores": cores(),
        "memory GiB": _memory_gib(),
        "system": platform.system(),
        "versions": versions,
        "blas threads": pools,
        "rates": reference_rates(),
    }


# --- results -------------------------------------------------------------------------------------


def results_path(name: str) -> pathlib.Path:
    """A path in bench/results, whose folder exists afterwards."""
    RESULTS.mkdir(exist_ok=True)
    return RESULTS / name


def write_results(name: str, content: Mapping[str, Any]) -> pathlib.Path:
    """Write `content` and the machine it was measured on to bench/results/<name>.json."""
    path = results_path(f"{name}.json")
    record = {"machine": machine(), **content}
    path.write_text(json.dumps(record, indent=1, default=_plain, allow_nan=True) + "\n")
    return path


def run_benchmark(
    name: str,
    description: str,
    parts: Mapping[str, Callable[[bool], list[dict[str, Any]]]],
    picture: Callable[[dict[str, list[dict[str, Any]]]], None],
) -> dict[str, list[dict[str, Any]]]:
    """The command line of a benchmark: measure each part and print it; write all unless --quick."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing written")
    quick = parser.parse_args().quick
    print({key: value for key, value in machine().items() if key != "versions"}, end="\n\n")
    results = {key: measure(quick) for key, measure in parts.items()}
    for rows in results.values():
        print_table(rows)
    if not quick:
        picture(results)
        write_results(name, results)
    return results


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    return str(value)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (float, np.floating)):
        return f"{value:.3g}"
    return str(value)


def format_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of named values as an aligned table; columns in order of first appearance."""
    if not rows:
        return "(nothing)"
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    numeric = [
        all(isinstance(row.get(name), (int, float, np.number, type(None))) for row in rows)
        for name in names
    ]
    widths = [max(len(name), *(len(line[k]) for line in cells)) for k, name in enumerate(names)]

    def aligned(line: Sequence[str]) -> str:
        parts = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ]
        return "  ".join(parts).rstrip()

    return "\n".join([aligned(names), *map(aligned, cells)])


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print `format_table(rows)` and an empty line."""
    print(format_table(rows), end="\n\n", flush=True)


# --- pictures ------------------------------------------------------------------------------------


def new_figure(lines: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """Figure and array of axes in the style of every benchmark picture, without a display."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    size = options.pop("figsize", (5.2 * columns, 3.6 * lines))
    figure, axes = plt.subplots(
        lines, columns, figsize=size, layout="constrained", squeeze=False, **options
    )
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(visible=True, which="major", linewidth=0.4, alpha=0.5)
        ax.set_axisbelow(True)
    return figure, axes


def footnote() -> str:
    """One line on the machine, for the foot of a picture."""
    rates = reference_rates()
    return (
        f"{_processor()}, {cores()} cores; copy {rates['copy GB/s']:g} GB/s, "
        f"matrix product {rates['matrix product GFlop/s']:g} GFlop/s"
    )


def save_figure(figure: Any, name: str) -> pathlib.Path:
    """Write the figure with the machine at its foot to bench/results/<name>.png and close it."""
    import matplotlib.pyplot as plt

    figure.supxlabel(footnote(), fontsize=7, color="#555555")
    path = results_path(f"{name}.png")
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
