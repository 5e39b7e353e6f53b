"""How many labels does a regression need, if each label costs?

Excess loss over the best fit against labels read, for Lewis weights, leverage scores and uniform
rows, p = 1, 1.5 and 3, on three kinds of data; and the labels at which 95 % of the runs stay within
eps. Theory: d / eps^2 labels for p = 1, d / eps for 1 < p <= 2, d^(p/2) / eps^(p-1) above, all up
to logarithms, for Lewis weights; none for the others. Writes active.json and active.png; about 3
minutes.

    python -m bench.active [--quick]
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import rnla
from bench._harness import COLOURS, new_figure, print_table, save_figure, write_results

POWERS = (1.0, 1.5, 3.0)
METHODS = ("lewis", "leverage", "uniform")
EPS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
N, D = 10_000, 5
RATE = {1.0: 2.0, 1.5: 1.0, 3.0: 2.0}  # labels grow like eps to minus this power, at worst


def noisy(A: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A signal with noise 1, and a tenth of the labels wrong by 100."""
    b = A @ rng.standard_normal(A.shape[1]) + rng.standard_normal(len(A))
    b[rng.choice(len(A), len(A) // 10, replace=False)] += 100.0
    return b


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels of one kind."""
    rng = np.random.default_rng(0)
    if name == "coins":
        ones = N // D // 2 + 50  # majorities of 5 %: the lower bound for p = 1
        votes = [rng.permutation(np.arange(N // D) < ones) for _ in range(D)]
        return np.repeat(np.eye(D), N // D, axis=0), np.concatenate(votes).astype(float)
    A = rng.standard_normal((N, D))
    if name == "rows alone in a direction":
        A = np.vstack([1e4 * np.eye(D), 0.01 * A[D:]])
    return A, noisy(A, rng)


DATA = ("gaussian rows, wrong labels", "rows alone in a direction", "coins")


def excesses(quick: bool) -> list[dict[str, Any]]:
    """Median and 95th percentile of F(x) / min F - 1 by labels read."""
    sizes = (50, 400) if quick else (15, 30, 60, 120, 250, 500, 1000, 2000, 4000)
    runs = 3 if quick else 40
    found = []
    for name in DATA:
        A, b = data(name)
        for p in POWERS:
            least = rnla.lp_regression(A, b, p, rng=0).objective
            for method in METHODS:
                for size in sizes:
                    fits = [
                        rnla.active_lp_regression(
                            A, lambda rows, b=b: b[rows], p, size=size, method=method, rng=seed
                        )
                        for seed in range(runs)
                    ]
                    loss = [float(np.sum(np.abs(b - A @ fit.x) ** p)) for fit in fits]
                    excess = np.maximum(np.array(loss) / least - 1.0, 1e-16)
                    found.append(
                        {
                            "data": name,
                            "p": p,
                            "scores": method,
                            "labels": float(np.mean([fit.labels_read for fit in fits])),
                            "median excess": float(np.median(excess)),
                            "95 % excess": float(np.quantile(excess, 0.95)),
                            "runs": runs,
                        }
                    )
    return found


def needed(measured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Labels at which 95 % of the runs are within eps, and stay so with more."""
    table = []
    for name in DATA:
        for p in POWERS:
            for method in METHODS:
                curve = select(measured, name, p, method)
                line: dict[str, Any] = {"data": name, "p": p, "scores": method}
                for eps in EPS:
                    good = [point["95 % excess"] <= eps for point in curve]
                    first = next((k for k in range(len(curve)) if all(good[k:])), None)
                    line[f"eps = {eps:g}"] = (
                        None if first is None else round(curve[first]["labels"])
                    )
                table.append(line)
    return table


def select(
    measured: list[dict[str, Any]], name: str, p: float, method: str
) -> list[dict[str, Any]]:
    """One curve."""
    return [
        row for row in measured if row["data"] == name and row["p"] == p and row["scores"] == method
    ]


def picture(measured: list[dict[str, Any]]) -> None:
    """Excess against labels: a row of panels for each kind of data, a column for each p."""
    figure, axes = new_figure(len(DATA), len(POWERS), figsize=(12.5, 9.5), sharex=True)
    for line, name in zip(axes, DATA, strict=True):
        for ax, p in zip(line, POWERS, strict=True):
            for method, colour in zip(METHODS, COLOURS, strict=False):
                curve = select(measured, name, p, method)
                labels = [point["labels"] for point in curve]
                worst = [max(point["95 % excess"], 1e-6) for point in curve]
                ax.loglog(labels, worst, "o-", color=colour, markersize=4, label=method)
            span = np.array([60.0, 4000.0])
            ax.loglog(span, (span / 60.0) ** (-1 / RATE[p]), ":", color=COLOURS[6], label="theory")
            ax.set_title(f"{name}, p = {p:g}", fontsize=9)
            ax.set_ylim(1e-6, 1e4)
    for ax in axes[-1]:
        ax.set_xlabel(f"labels read, of {N:,}")
    for ax in axes[:, 0]:
        ax.set_ylabel("excess loss, 95 % of runs")
    axes[0, 0].legend(fontsize=8, frameon=False)
    save_figure(figure, "active")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing written")
    quick = parser.parse_args().quick
    measured = excesses(quick)
    table = needed(measured)
    print_table(table)
    if not quick:
        picture(measured)
        write_results("active", {"excess": measured, "needed": table})


if __name__ == "__main__":
    main()
