"""l_p sensitivities: how long do they take, and how tight are they?

At 2000 x 8 the exact values of all rows are affordable, so that every method's intervals are held
against them; the time of each is divided by that of one `leverage_scores` call and of LAPACK's QR
with row norms on the same matrix in the same run. The usual script, one linear program per row
(p = 1, HiGHS, sparse equality form), solves 50 rows and is extrapolated; its values also check the
exact ones. At 200,000 x 20 only the methods that scale run, and 20 rows (3 at p = 1), spread evenly
over the order of the upper bounds, are solved exactly to see how tight the others are there.
Writes scores_sensitivities.json and .png through `bench.scores`; four minutes on two idle cores.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.sparse as sp
import threadpoolctl

import rnla
from bench._harness import COLOURS, new_figure, print_table, save_figure, seconds
from tests.families import FAMILIES

Row = dict[str, Any]

POWERS = (1.0, 1.5, 3.0, 4.0)
NAMES = ("gaussian", "cauchy", "legendre", "coherent", "time_series")
METHODS = ("exact", "coreset", "block", "bounds")
LARGE = ("gaussian", "legendre")
LINPROG = "linprog per row, 50 rows extrapolated"
TOTAL = "total_sensitivity"
QUANTILES = (0.05, 0.5, 0.95, 1.0)
_ROUNDING = 1e-8  # relative distance from an interval below which a value is not outside


# --- contestants ---------------------------------------------------------------------------------


def by_qr(A: np.ndarray) -> np.ndarray:
    """Leverage scores as LAPACK gives them."""
    Q, _ = scipy.linalg.qr(A, mode="economic")
    scores: np.ndarray = np.einsum("ij,ij->i", Q, Q)
    return scores


def by_linprog(A: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """sigma_i = 1 / min ||A x||_1 with a_i x = 1: minimise sum(u + v), A x = u - v, u, v >= 0."""
    n, d = A.shape
    eye = sp.eye_array(n)
    cost = np.concatenate([np.zeros(d), np.ones(2 * n)])
    limits = [(None, None)] * d + [(0, None)] * (2 * n)
    found = []
    for i in rows:
        ones = sp.hstack([sp.csr_array(A[[i]]), sp.csr_array((1, 2 * n))])
        left = sp.vstack([sp.hstack([sp.csr_array(A), -eye, eye]), ones]).tocsr()
        right = np.append(np.zeros(n), 1.0)
        result = scipy.optimize.linprog(cost, A_eq=left, b_eq=right, bounds=limits)
        found.append(1.0 / result.fun if result.status == 0 else np.nan)
    return np.array(found)


def seconds_of_qr(A: np.ndarray, repeats: int) -> float:
    """With LAPACK's own threads or one, whichever is faster: on small matrices threads hurt."""
    threaded = seconds(lambda: by_qr(A), repeats)
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        return min(threaded, seconds(lambda: by_qr(A), repeats))


def timed(function: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Median seconds and the last result; one call only where a call takes over a second."""
    start = time.perf_counter()
    result = function()
    once = time.perf_counter() - start
    return (once, result) if once > 1.0 else (seconds(function, repeats, warm_up=0), result)


# --- against exact values ------------------------------------------------------------------------


def tightness(found: Any, low: np.ndarray, high: np.ndarray, rows: Any = slice(None)) -> Row:
    """Ratios to the true values, each known to lie in [low, high], and how many fall outside."""
    upper, lower = np.asarray(found.upper)[rows], np.asarray(found.lower)[rows]
    true = np.sqrt(low * high)
    outside = (low > upper * (1 + _ROUNDING)) | (high < lower * (1 - _ROUNDING))
    over, under = upper / true, true / lower
    return {
        "mean upper / true": float(np.mean(over)),
        "worst upper / true": float(np.max(over)),
        "mean true / lower": float(np.mean(under)),
        "worst true / lower": float(np.max(under)),
        "outside": float(np.mean(outside)),
        "upper too low": float(np.mean(upper < low * (1 - _ROUNDING))),
        "certified": found.certified,
        "quantiles": np.quantile(over, QUANTILES).tolist(),
    }


def warm_up(A: np.ndarray) -> None:
    """Every kernel compiles before the first clock starts."""
    for p in POWERS:
        for method in METHODS:
            rnla.lp_sensitivities(A, p, method=method, rng=0)
        rnla.total_sensitivity(A, p, rng=0)


def baselines(A: np.ndarray, repeats: int) -> tuple[float, float]:
    """Seconds of one exact leverage computation, and of QR with row norms."""
    return seconds(lambda: rnla.leverage_scores(A, rng=0), repeats), seconds_of_qr(A, repeats)


def small(
    name: str, p: float, shape: tuple[int, int], units: tuple[float, float], quick: bool
) -> tuple[list[Row], list[Row]]:
    """All methods on one matrix: rows on intervals, and one row on the total."""
    A = FAMILIES[name](*shape, 0)
    repeats = 1 if quick else 3
    leverage, qr = units
    results = {
        method: timed(lambda m=method: rnla.lp_sensitivities(A, p, method=m, rng=0), repeats)
        for method in METHODS
    }
    truth = results["exact"][1]
    low, high = np.asarray(truth.lower), np.asarray(truth.upper)

    def line(method: str, taken: float, **more: Any) -> Row:
        ratios = {"leverage equivalents": taken / leverage, "QR equivalents": taken / qr}
        return {"family": name, "p": p, "method": method, "seconds": taken} | ratios | more

    rows = [
        line(method, taken, solves=found.solves, **tightness(found, low, high))
        for method, (taken, found) in results.items()
    ]
    if p == 1.0:
        some = np.random.default_rng(0).choice(len(A), 5 if quick else 50, replace=False)
        start = time.perf_counter()
        values = by_linprog(A, some)
        taken = (time.perf_counter() - start) * len(A) / len(some)
        apart = np.abs(values / np.sqrt(low * high)[some] - 1.0)
        rows.append(line(LINPROG, taken, solves=len(A), **{"off exact": float(np.max(apart))}))
    total = float(np.sum(np.sqrt(low * high)))
    seeds = 3 if quick else 20
    start = time.perf_counter()
    sums = [rnla.total_sensitivity(A, p, solves=30, rng=seed) for seed in range(seeds)]
    taken = (time.perf_counter() - start) / seeds
    off = np.abs(np.array([float(s) for s in sums]) / total - 1.0)
    errors = {
        "total": total,
        "mean error": float(np.mean(off)),
        "worst error": float(np.max(off)),
        "standard error / total": float(np.mean([s.standard_error for s in sums])) / total,
        "upper / lower": sums[0].upper / sums[0].lower,
    }
    return rows, [line(f"{TOTAL}, 30 solves", taken, seeds=seeds, **errors)]


# --- large ---------------------------------------------------------------------------------------


def large(name: str, p: float, shape: tuple[int, int]) -> list[Row]:
    """Bounds, "auto" and total; a few rows solved exactly stand for the truth.

    At p = 1, where a row takes many seconds and a coreset to within a factor minutes, three rows
    and no such coreset.
    """
    A = FAMILIES[name](*shape, 0)
    leverage, qr = baselines(A, 5)
    results = {
        method: timed(lambda m=method: rnla.lp_sensitivities(A, p, method=m, rng=0), 3)
        for method in ("bounds", "auto", *(["coreset"] if p > 1.0 else []))
    }
    order = np.argsort(np.asarray(results["bounds"][1].upper))
    chosen = np.sort(order[np.linspace(0, len(A) - 1, 20 if p > 1.0 else 3).astype(int)])
    start = time.perf_counter()
    truth = rnla.lp_sensitivities(A, p, method="exact", rows=chosen, rng=0)
    taken = time.perf_counter() - start
    low, high = np.asarray(truth.lower)[chosen], np.asarray(truth.upper)[chosen]
    label = {"n": shape[0], "d": shape[1], "family": name, "p": p}
    rows: list[Row] = []
    for method, (spent, found) in results.items():
        said = method if found.method == method else f"{method}: {found.method}"
        row = {"method": said, "seconds": spent, "solves": found.solves}
        rows.append(label | row | tightness(found, low, high, chosen))
    rows.append(
        label | {"method": f"exact, {len(chosen)} rows", "seconds": taken, "solves": truth.solves}
    )
    spent, total = timed(lambda: rnla.total_sensitivity(A, p, rng=0), 3)
    rows.append(
        label
        | {"method": f"{TOTAL}, 30 solves", "seconds": spent, "solves": total.solves}
        | {"total": total.value, "standard error / total": total.standard_error / total.value}
    )
    for row in rows:
        row["leverage equivalents"] = row["seconds"] / leverage
        row["QR equivalents"] = row["seconds"] / qr
    return rows


# --- picture -------------------------------------------------------------------------------------


def picture(rows: list[Row], totals: list[Row]) -> None:
    """Left: quantiles of upper / true over families and rows. Right: time per family and p."""
    figure, axes = new_figure(1, 2, figsize=(13, 4.8))
    left, right = axes[0]
    methods = [*METHODS, LINPROG, totals[0]["method"]]
    colour = dict(zip(methods, COLOURS, strict=False))
    shown = [method for method in METHODS if method != "exact"]
    for k, method in enumerate(shown):
        for i, p in enumerate(POWERS):
            for j, name in enumerate(NAMES):
                (q,) = (
                    row["quantiles"]
                    for row in rows
                    if (row["method"], row["p"], row["family"]) == (method, p, name)
                )
                x = i + 0.28 * (k - 1) + 0.045 * (j - 2)
                left.plot([x, x], [q[0], q[2]], color=colour[method], linewidth=3, alpha=0.5)
                left.plot(x, q[1], "o", color=colour[method], markersize=4)
                left.plot(x, q[3], "_", color=colour[method], markersize=6)
        left.plot([], [], "o-", color=colour[method], label=method)
    left.axhline(1.0, color="black", linewidth=0.8, linestyle="--")
    left.set_yscale("log")
    marks = [0.8, 1, 1.5, 2, 3, 4, 6, 8]
    left.set_yticks(marks, [f"{mark:g}" for mark in marks])
    left.set_yticks([], minor=True)
    left.set_ylabel("upper end / true sensitivity")
    left.set_title(
        "2000 x 8: median, 5 to 95 % and worst row;\nin each group "
        + ", ".join(NAMES).replace("_", " "),
        fontsize=9,
    )
    spread = 0.8 / len(methods)
    for k, method in enumerate(methods):
        mine = [row for row in rows + totals if row["method"] == method]
        x = [POWERS.index(row["p"]) + (k - len(methods) / 2 + 0.5) * spread for row in mine]
        y = [row["leverage equivalents"] for row in mine]
        right.plot(x, y, "o", color=colour[method], markersize=5, alpha=0.8, label=method)
    right.set_yscale("log")
    right.set_ylabel("time / one exact leverage computation")
    right.set_title("2000 x 8: one point per family; the total takes 30 solves", fontsize=9)
    for ax in (left, right):
        ax.set_xticks(range(len(POWERS)), [f"p = {p:g}" for p in POWERS])
        ax.legend(fontsize=7, frameon=False)
    save_figure(figure, "scores_sensitivities")


def measure(quick: bool) -> dict[str, Any]:
    """Run everything, print as it goes, and return what to write."""
    shape, big = ((300, 4), (20_000, 8)) if quick else ((2000, 8), (200_000, 20))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # other work shows here
    rows: list[Row] = []
    totals: list[Row] = []
    warm_up(FAMILIES["gaussian"](200, shape[1], 0))
    units = {name: baselines(FAMILIES[name](*shape, 0), 50) for name in NAMES}
    for p in POWERS:
        for name in NAMES:
            batch, total = small(name, p, shape, units[name], quick)
            rows += batch
            totals += total
        print_table(_plain([row for row in rows if row["p"] == p]))
    print_table(totals)
    scale: list[Row] = []
    for p in (1.0, 3.0):
        for name in LARGE:
            scale += large(name, p, big)
    print_table(_plain(scale))
    if not quick:
        picture(rows, totals)
    return {"load before": load, "rows": rows, "totals": totals, "large": scale}


def _plain(rows: list[Row]) -> list[Row]:
    return [{name: row[name] for name in row if name != "quantiles"} for row in rows]
