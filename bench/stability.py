"""How many points make 200 functions stable? cond(G) <= 3 with probability .99, d = 1, 2, 5, 10.

Spaces of dimension m = 200: products of Legendre polynomials, the first 200 by total degree. For
i.i.d. points, volume sampling and repeated DPPs the smallest n, in steps of m, from which on at
least 99 % of 150 draws have a condition number of at most 3; beside it the share of the draws and
its lower 95 % confidence limit. "greedy" removes points from repeated DPPs of 14 m points (6 m for
d = 1) by the largest distance of eigenvalues from 1, in steps of 50, while the condition number is
at most 3: the larger size of two runs, which meet the event for certain. Each is compared with
half of 26,599, the size that published theory asks of i.i.d. points. Writes stability.json and
stability.png; about four minutes on two cores.

    python -m bench.stability [--quick]
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from scipy.stats import beta

from bench._draws import Row, call, in_parts, workers
from bench._harness import COLOURS, new_figure, print_table, save_figure, write_results
from rnla.approximation import (
    Product,
    TensorBasis,
    Uniform,
    greedy_design,
    repeated_dpp_design,
    total_degree,
)
from tests.approximation.experiments import draw_points, spectra

DIMENSIONS = (1, 2, 5, 10)
PUBLISHED = 26_599
BOUND, SHARE, DRAWS, RUNS = 3.0, 0.99, 150, 2
NAMES = {"iid": "i.i.d.", "volume": "volume", "repeated": "repeated DPP"}
# Largest number of points tried, over m: on the line, and in more dimensions.
REACH = {"iid": (42, 36), "volume": (42, 36), "repeated": (16, 22)}


def space(d: int, m: int) -> TensorBasis:
    """The first m products of Legendre polynomials by total degree."""
    p = 0
    while len(total_degree(d, p)) < m:
        p += 1
    indices = total_degree(d, p)
    first = np.argsort(indices.sum(axis=1), kind="stable")[:m]
    return TensorBasis(Product([Uniform()] * d), indices[first])


def conditions(d: int, m: int, law: str, sizes: list[int], first: int, draws: int) -> np.ndarray:
    """cond(G) at the sizes of each draw."""
    basis = space(d, m)
    # One draw at a time: thousands of points in memory are enough.
    points = (
        draw_points(basis, law, sizes[-1], 1, seed=201, first=first + i) for i in range(draws)
    )
    values = np.concatenate([spectra(basis, one, sizes) for one in points])
    found: np.ndarray = values[..., 1] / np.maximum(values[..., 0], np.finfo(float).tiny)
    return found


def greedy_sizes(d: int, m: int, step: int, first: int, runs: int) -> np.ndarray:
    """The smallest size reached with a condition number of at most 3, for each run."""
    basis = space(d, m)
    found = []
    for draw in range(first, first + runs):
        design = repeated_dpp_design(basis, (6 if d == 1 else 14) * m, rng=202, draw=draw)
        smallest = design.size if design.condition <= BOUND else None
        while design.size > m + step:
            size = design.size - step
            design = greedy_design(basis, design, delta=0.9, size=size)
            if design.size > size or (smallest is not None and design.condition > BOUND):
                break
            if design.condition <= BOUND:
                smallest = design.size
        found.append(np.inf if smallest is None else smallest)
    return np.array(found)


def line(d: int, m: int, law: str, n: int | None, hits: int | None, draws: int) -> Row:
    """One line of the table; the confidence limit is Clopper and Pearson's."""
    lower = beta.ppf(0.05, hits, draws - hits + 1) if hits else None
    return {
        "d": d,
        "law": law,
        "n": n,
        "n/m": None if n is None else n / m,
        "share": None if hits is None else hits / draws,
        "share at least": lower,
        "draws": draws,
        "half of the published": PUBLISHED / 2,
        "met": "yes" if n is not None and n <= PUBLISHED / 2 else "no",
    }


def measured(
    pool: ProcessPoolExecutor, d: int, m: int, draws: int, runs: int
) -> tuple[list[Row], list[Row]]:
    """The table and the curves of one dimension."""
    table, curves = [], []
    for law, name in NAMES.items():
        sizes = [ratio * m for ratio in range(5, REACH[law][d > 1] + 1)]
        found = in_parts(pool, call(conditions, d, m, law, sizes), draws, size=5)
        good = (found <= BOUND).sum(axis=0)
        curves.append({"d": d, "law": name, "n": sizes, "share": (good / draws).tolist()})
        enough = good >= SHARE * draws
        place = next((i for i in range(len(sizes)) if enough[i:].all()), None)
        n = None if place is None else sizes[place]
        table.append(line(d, m, name, n, int(good[-1 if place is None else place]), draws))
    # Two runs, one on each process.
    sizes = in_parts(pool, call(greedy_sizes, d, m, max(1, m // 4)), runs, size=1)
    largest = None if np.isinf(sizes).any() else int(sizes.max())
    # Its condition number is known when it is made: no probability.
    table.append(line(d, m, "greedy", largest, None, runs))
    return table, curves


def picture(curves: list[Row], table: list[Row]) -> None:
    """P(cond <= 3) against the number of points, a panel for each dimension."""
    figure, axes = new_figure(1, len(DIMENSIONS), figsize=(3.2 * len(DIMENSIONS), 3.4))
    for ax, d in zip(axes[0], DIMENSIONS, strict=True):
        for row, colour in zip((r for r in curves if r["d"] == d), COLOURS, strict=False):
            ax.plot(row["n"], row["share"], color=colour, label=row["law"])
        greedy = next(r["n"] for r in table if r["d"] == d and r["law"] == "greedy")
        if greedy is not None:
            ax.axvline(greedy, color=COLOURS[3], linestyle="--", label="greedy")
        ax.set_title(f"d = {d}")
        ax.set_xlabel("points")
    axes[0, 0].set_ylabel("P(condition number at most 3)")
    axes[0, 0].legend(fontsize=8, frameon=False)
    save_figure(figure, "stability")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="m = 20, few draws, nothing written")
    quick = parser.parse_args().quick
    table: list[Row] = []
    curves: list[Row] = []
    with workers() as pool:
        for d in DIMENSIONS:
            rows, lines = measured(pool, d, *((20, 20, 2) if quick else (200, DRAWS, RUNS)))
            print_table(rows)
            table += rows
            curves += lines
    if not quick:
        picture(curves, table)
        write_results("stability", {"rows": table, "curves": curves})


if __name__ == "__main__":
    main()
