"""How many rows a second does each design draw from, on one core?

Medians of repeated runs for the compiled pivotal passes alone (probabilities and uniform numbers
given) and for every design from probabilities to `RowSample`, with one row in two and one in a
hundred kept. NumPy's `Generator.choice` without replacement is the contestant everyone has. Writes
bench/results/sampling.json and sampling.png. About a minute; --quick for a few seconds.

    python -m bench.sampling [--quick]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from bench._harness import print_table, results_path, write_results
from rnla.kernels import ordered_pivotal, tree_pivotal
from rnla.sampling import DESIGNS, sample_rows, sampling_probabilities, spatial_order

SIZES = (100_000, 1_000_000, 10_000_000)
SHARES = (0.5, 0.01)
CHECK_33 = 5e7


def seconds(function: Callable[[], object], repeats: int) -> float:
    """Median wall time after one warm-up call."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def contestants(n: int, share: float) -> dict[str, Callable[[], object]]:
    """Everything that is timed for one size and share, ready to call."""
    rng = np.random.default_rng(0)
    scores = rng.exponential(size=n)
    size = max(1, int(share * n))
    q = sampling_probabilities(scores, size)
    inner = np.where(q < 1.0, q, 0.0)
    uniforms = rng.random(n)
    points = rng.random((n, 2))
    weights = scores / scores.sum()
    calls: dict[str, Callable[[], object]] = {
        "ordered pivotal pass": lambda: ordered_pivotal.ordered_pivotal(inner, uniforms),
        "tree pivotal pass": lambda: tree_pivotal.tree_pivotal(inner, uniforms),
        "budget": lambda: sampling_probabilities(scores, size),
        "spatial order, 2-D": lambda: spatial_order(points),
    }
    for design in DESIGNS:
        calls[design] = lambda design=design: sample_rows(q, design=design, rng=0)  # type: ignore[misc]
    if n <= 1_000_000:
        calls["numpy choice"] = lambda: rng.choice(n, size, replace=False, p=weights)
    return calls


def measure(sizes: tuple[int, ...], repeats: int) -> list[dict[str, object]]:
    """One record per size, share and contestant."""
    records: list[dict[str, object]] = []
    for n in sizes:
        for share in SHARES:
            batch: list[dict[str, object]] = []
            for name, call in contestants(n, share).items():
                elapsed = seconds(call, repeats)
                numbers = {"seconds": elapsed, "rows_per_second": n / elapsed}
                batch.append({"rows": n, "kept": share, "what": name, **numbers})
            print_table(batch)
            records += batch
    return records


def picture(records: list[dict[str, object]]) -> None:
    """Bars: rows per second at the largest size up to a million that everyone ran."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    largest = max(int(r["rows"]) for r in records if r["what"] == "numpy choice")  # type: ignore[call-overload]
    figure, axes = plt.subplots(figsize=(8.0, 5.0), layout="constrained")
    names = [r["what"] for r in records if r["rows"] == largest and r["kept"] == SHARES[0]]
    for k, share in enumerate(SHARES):
        values = [
            r["rows_per_second"] for r in records if r["rows"] == largest and r["kept"] == share
        ]
        axes.barh(np.arange(len(names)) + 0.4 * k, values, height=0.38, label=f"{share:.0%} kept")
    axes.axvline(CHECK_33, color="black", linestyle="--", linewidth=1, label="target of the pass")
    axes.set_yticks(np.arange(len(names)) + 0.2, names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel(f"rows per second on one core, n = {largest:,}")
    axes.legend()
    figure.savefig(results_path("sampling.png"), dpi=120)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="smallest size only, three repeats")
    arguments = parser.parse_args()
    sizes, repeats = (SIZES[:1], 3) if arguments.quick else (SIZES, 7)
    records = measure(sizes, repeats)
    write_results("sampling", {"rows": records})
    picture(records)


if __name__ == "__main__":
    main()
