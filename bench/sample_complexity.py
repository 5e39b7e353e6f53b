"""How many rows does each method need? Found distortion against rows, families M1-M16, five p.

For every family of the test suite, p in {1, 1.5, 2, 3, 4} and every method, samples of growing size
are drawn with several seeds and their distortion is searched for (certificate tier "found"). The
pictures draw the median with theory's slope m^(-1/2). Writes bench/results/sample_complexity.json
and one picture per p. About 15 minutes on two cores; --quick for a minute.

    python -m bench.sample_complexity [--quick]
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import rnla
from bench._harness import results_path, write_results
from rnla.embedding.scoring import score_rows
from tests.families import (
    FAMILIES,
    FAMILY_NUMBERS,
    complete_graph,
    random_graph,
    road_network,
)

EXPONENTS = (1.0, 1.5, 2.0, 3.0, 4.0)
# Graphs need more columns before they are graphs; K_40 stands for M16.
GRAPHS = {
    "random_graph": lambda: random_graph(3000, 40, 0),
    "road_network": lambda: road_network(1200, 150, 0),
    "complete_graph": lambda: complete_graph(40),
}
NUMBERS = {**FAMILY_NUMBERS, "complete_graph": "M16"}
FAMILY_NAMES = [
    name for name in FAMILIES if int(FAMILY_NUMBERS[name][1:]) <= 16 and name != "zero_rows"
] + ["complete_graph"]
ROWS, COLUMNS = 3000, 6
SIZES = (48, 96, 192, 384, 768, 1536)
SEEDS = 3
STARTS = 4


def methods_for(p: float) -> list[str]:
    """Uniform first, then every importance method that applies to p."""
    names = ["uniform", "leverage", "root_leverage", "lewis", "sensitivity"]
    if p == 2.0:
        names.remove("root_leverage")  # the same scores as leverage
    names.append("sensitivity+leverage" if p <= 2.0 else "mixed")
    if p == 4.0:
        names.append("even_power")
    return names


def measure(task: tuple[str, float, tuple[int, ...], int]) -> list[dict[str, object]]:
    """All methods, sizes and seeds of one family at one p."""
    family, p, sizes, seeds = task
    A = GRAPHS[family]() if family in GRAPHS else FAMILIES[family](ROWS, COLUMNS, 0)
    tall = rnla.as_tall(A)
    records = []
    for method in methods_for(p):
        began = time.perf_counter()
        scoring = score_rows(tall, p, method, eps=0.25, delta=0.01, seed=0)
        seconds = time.perf_counter() - began
        for size in sizes:
            if size >= tall.shape[0]:
                continue
            found = []
            for seed in range(seeds):
                sample = rnla.sample_rows(scoring.values, size, p=p, rng=seed)
                certificate = rnla.certify_embedding(
                    tall, sample, p, tiers=("ascent",), starts=STARTS, rng=seed
                )
                found.append(certificate.found)
            records.append(
                {
                    "family": family,
                    "number": NUMBERS[family],
                    "p": p,
                    "method": method,
                    "n": tall.shape[0],
                    "d": tall.shape[1],
                    "rank": scoring.rank,
                    "size": size,
                    "found_median": float(np.median(found)),
                    "found_max": float(np.max(found)),
                    "seconds_scores": seconds,
                }
            )
    return records


def fitted_slopes(records: list[dict[str, object]]) -> list[dict[str, object]]:
    """Least-squares slope of log found distortion against log size, where 0 < found < 0.9."""
    slopes = []
    key = lambda r: (r["family"], r["p"], r["method"])  # noqa: E731
    for group, rows in itertools.groupby(sorted(records, key=key), key=key):
        points = [
            (math.log(r["size"]), math.log(r["found_median"]))
            for r in rows
            if 1e-3 < r["found_median"] < 0.9
        ]
        if len(points) >= 3:
            x, y = np.array(points).T
            slope = float(np.polyfit(x, y, 1)[0])
            slopes.append(dict(zip(("family", "p", "method"), group, strict=True), slope=slope))
    return slopes


def picture(records: list[dict[str, object]], p: float) -> None:
    """One panel per family, one line per method, theory's slope dashed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from rnla.plotting import method_style

    columns = 4
    lines = math.ceil(len(FAMILY_NAMES) / columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(13, 2.6 * lines), sharex=True, sharey=True, layout="constrained"
    )
    for ax, family in zip(axes.flat, FAMILY_NAMES, strict=False):
        for method in methods_for(p):
            rows = [r for r in records if (r["family"], r["p"], r["method"]) == (family, p, method)]
            if rows:
                ax.loglog(
                    [r["size"] for r in rows],
                    [max(r["found_median"], 1e-3) for r in rows],
                    marker="o",
                    markersize=3,
                    color=method_style(method)[0],
                    label=method.replace("_", " "),
                )
        guide = np.array(SIZES, dtype=float)
        ax.loglog(guide, 0.5 * (guide / 100.0) ** -0.5, "k--", linewidth=0.8, label="slope -1/2")
        ax.set_title(f"{NUMBERS[family]} {family.replace('_', ' ')}", fontsize=9)
        ax.set_ylim(1e-2, 30)
    for ax in axes.flat[len(FAMILY_NAMES) :]:
        ax.axis("off")
    for ax in axes[:, 0]:
        ax.set_ylabel("found distortion")
    for ax in axes[-1]:
        ax.set_xlabel("rows kept")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle(
        f"Distortion found against rows kept, p = {p:g}, n = {ROWS}, d = {COLUMNS} "
        f"(graphs: d = 40, 150, 39; median of {SEEDS} seeds)"
    )
    figure.savefig(results_path(f"sample_complexity_p{p:g}.png"), dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two families, fewer sizes and seeds")
    quick = parser.parse_args().quick
    names = FAMILY_NAMES[:2] if quick else FAMILY_NAMES
    sizes, seeds = (SIZES[2:5], 2) if quick else (SIZES, SEEDS)
    tasks = [(family, p, sizes, seeds) for family in names for p in EXPONENTS]
    records: list[dict[str, object]] = []
    with ProcessPoolExecutor(2) as pool:
        for rows in pool.map(measure, tasks):
            records += rows
            if not rows:
                continue
            head = rows[0]
            print(f"{head['number']:>4} {head['family']:<22} p={head['p']:<4g}", end=" ")
            print(
                "  ".join(
                    f"{r['method']} {r['found_median']:.2f}" for r in rows if r["size"] == 384
                )
            )
    if quick:
        return
    write_results("sample_complexity", {"rows": records, "slopes": fitted_slopes(records)})
    for p in EXPONENTS:
        picture(records, p)


if __name__ == "__main__":
    main()
