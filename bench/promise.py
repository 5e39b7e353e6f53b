"""Is the promise kept, and at what price? Failure rate of eps and rows used, over 200 seeds.

For six families `lp_subspace_embedding(A, p, eps=...)` runs with 200 seeds. A run fails if a
second, stronger search (more starts, another seed) finds a distortion above eps. Beside it stands
the smallest size, on a grid of steps 2^(1/4), at which plain sampling by the same method keeps that
failure rate at delta, and the ratio of rows used to it, which must not exceed 2. Writes
bench/results/promise.json and promise.png. About a quarter of an hour on two cores; --quick for a
minute.

    python -m bench.promise [--quick]
"""

from __future__ import annotations

import argparse
import math
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial

import numpy as np

import rnla
from bench._harness import print_table, results_path, write_results
from rnla.embedding.scoring import score_rows
from tests.families import FAMILIES, FAMILY_NUMBERS

CASES = (
    ("gaussian", 1.0),
    ("cauchy", 1.0),
    ("coherent", 1.5),
    ("legendre", 2.0),
    ("time_series", 1.0),
    ("low_rank_plus_sparse", 3.0),
)
ROWS, COLUMNS = 6000, 5
EPS, DELTA = 0.3, 0.01
SEEDS = 200
STRONG_STARTS = 20
GRID_STEP = 2.0**0.25


def strong_distortion(A: rnla.TallMatrix, sample: rnla.RowSample, p: float, seed: int) -> float:
    """Distortion by a longer search than the library's own, with unrelated starts."""
    certificate = rnla.certify_embedding(A, sample, p, starts=STRONG_STARTS, rng=10_000 + seed)
    return float(certificate.found)


def run(case: tuple[str, float], seed: int) -> dict[str, float]:
    """One call of the library, judged by the stronger search."""
    family, p = case
    A = rnla.as_tall(FAMILIES[family](ROWS, COLUMNS, 0))
    embedding = rnla.lp_subspace_embedding(A, p, eps=EPS, delta=DELTA, rng=seed)
    return {
        "size": embedding.sizes["used"],
        "default": embedding.sizes["default"],
        "own": embedding.certificate.found,
        "strong": strong_distortion(A, embedding.sample, p, seed),
        "admitted": embedding.status is rnla.Status.EPS_NOT_MET,
        "method": embedding.method,
    }


@lru_cache(maxsize=1)
def scored(case: tuple[str, float], method: str) -> tuple[rnla.TallMatrix, np.ndarray]:
    """The matrix of a case and its scores, once per process and case."""
    family, p = case
    A = rnla.as_tall(FAMILIES[family](ROWS, COLUMNS, 0))
    return A, score_rows(A, p, method, eps=EPS, delta=DELTA, seed=0).values


def fails_at(case: tuple[str, float], size: int, method: str, seed: int) -> bool:
    """Whether plain sampling at one size exceeds eps for one seed."""
    A, scores = scored(case, method)
    sample = rnla.sample_rows(scores, size, p=case[1], rng=seed)
    found = rnla.certify_embedding(A, sample, case[1], rng=20_000 + seed).found
    return bool(found > EPS)


def smallest_passing(
    pool: ProcessPoolExecutor, case: tuple[str, float], method: str, start: int, seeds: int
) -> int:
    """Smallest grid size whose failure rate is at most delta; walks down from a passing size."""
    allowed = math.floor(DELTA * seeds)

    def passes(size: int) -> bool:
        failures = 0
        for first in range(0, seeds, 20):
            block = range(first, min(first + 20, seeds))
            failures += sum(pool.map(partial(fails_at, case, size, method), block))
            if failures > allowed:
                return False
        return True

    size = start
    while not passes(size):
        size = math.ceil(size * GRID_STEP)
    while True:
        smaller = math.floor(size / GRID_STEP)
        if smaller < COLUMNS or not passes(smaller):
            return size
        size = smaller


def picture(rows: list[dict[str, object]]) -> None:
    """Strong distortion of every run per family, with eps, and rows used over the smallest size."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    labels = [f"{row['family'].replace('_', ' ')}\np = {row['p']:g}" for row in rows]
    left.boxplot([row["strong"] for row in rows], tick_labels=labels, whis=(1, 99), sym=".")
    left.axhline(EPS, color="tab:red", label=f"eps = {EPS}")
    left.set_ylabel("distortion found by the stronger search")
    left.set_title(f"{SEEDS} runs per family: whiskers at 1 % and 99 %")
    left.legend()
    right.bar(labels, [row["ratio"] for row in rows], color="tab:blue")
    right.axhline(2.0, color="tab:red", label="target: at most 2")
    right.set_ylabel("rows used / smallest passing size")
    right.set_title("Price of not knowing the size")
    right.legend()
    for ax in (left, right):
        ax.tick_params(axis="x", labelsize=7)
    figure.savefig(results_path("promise.png"), dpi=120)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="six seeds, one family")
    quick = parser.parse_args().quick
    seeds = 6 if quick else SEEDS
    rows: list[dict[str, object]] = []
    with ProcessPoolExecutor(2) as pool:
        for case in CASES[:1] if quick else CASES:
            runs = list(pool.map(partial(run, case), range(seeds)))
            used = float(np.median([r["size"] for r in runs]))
            smallest = smallest_passing(pool, case, str(runs[0]["method"]), int(used), seeds)
            failures = sum(r["strong"] > EPS and not r["admitted"] for r in runs)
            rows.append(
                {
                    "family": case[0],
                    "number": FAMILY_NUMBERS[case[0]],
                    "p": case[1],
                    "method": runs[0]["method"],
                    "eps": EPS,
                    "delta": DELTA,
                    "seeds": seeds,
                    "failures": failures,
                    "failure_rate": failures / seeds,
                    "admitted": sum(r["admitted"] for r in runs),
                    "default": runs[0]["default"],
                    "used_median": used,
                    "used_max": max(r["size"] for r in runs),
                    "smallest_passing": smallest,
                    "ratio": used / smallest,
                    "strong": [r["strong"] for r in runs],
                }
            )
            print_table([{k: v for k, v in row.items() if k != "strong"} for row in rows[-1:]])
            if not quick:
                write_results("promise", {"rows": rows})
                picture(rows)


if __name__ == "__main__":
    main()
