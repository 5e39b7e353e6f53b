"""l_p regression at equal gaps: how long, against a conic solver, and what an iteration costs.

Rows with Student noise, d = 20. Contestants at 20,000 rows: CVXPY with Clarabel at gap 1e-8, for
p = inf SciPy's HiGHS as well. Targets: 50 times faster for p = 1.5 and 3, and at most 1.5 weighted
Gram matrices per iteration. Then out to 10^6 rows, where only we run, and SPEC check 38: p = 8 for
1000 x 800 uniform numbers to 1e-8 within 80 linear solves. Writes lp_regression.json and .png;
about three minutes, most of them the peer's.

    python -m bench.lp_regression [--quick]
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import scipy.optimize

import rnla
from bench._harness import (
    COLOURS,
    new_figure,
    run_benchmark,
    save_figure,
    seconds,
)

POWERS = (1.5, 3.0, 8.0, math.inf)
TARGET = {1.5: 50.0, 3.0: 50.0}
COLUMNS = 20


def problem(n: int, d: int = COLUMNS) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian rows and responses with Student noise of three degrees of freedom."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((n, d))
    return A, A @ rng.standard_normal(d) + rng.standard_t(3, n)


def value(A: np.ndarray, b: np.ndarray, x: np.ndarray, p: float) -> float:
    """The p-norm of the residual, which does not overflow."""
    return float(np.linalg.norm(b - A @ x, p))


def conic(A: np.ndarray, b: np.ndarray, p: float) -> tuple[float, np.ndarray]:
    """CVXPY with Clarabel: one run, in seconds with the time to state the problem."""
    import cvxpy

    start = time.perf_counter()
    x = cvxpy.Variable(A.shape[1])
    statement = cvxpy.Problem(cvxpy.Minimize(cvxpy.norm(A @ x - b, "inf" if math.isinf(p) else p)))
    statement.solve(solver=cvxpy.CLARABEL, tol_gap_rel=1e-9, tol_gap_abs=1e-9, tol_feas=1e-9)
    return time.perf_counter() - start, np.asarray(x.value)


def program(A: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray]:
    """p = inf by HiGHS on all rows."""
    n, d = A.shape
    start = time.perf_counter()
    ones = np.ones((n, 1))
    result = scipy.optimize.linprog(
        np.append(np.zeros(d), 1.0),
        A_ub=np.block([[A, -ones], [-A, -ones]]),
        b_ub=np.concatenate([b, -b]),
        bounds=[(None, None)] * d + [(0, None)],
        method="highs",
    )
    return time.perf_counter() - start, result.x[:d]


def race_peers(quick: bool) -> list[dict[str, Any]]:
    """Us and the peers on the same rows."""
    n = 2_000 if quick else 20_000
    A, b = problem(n)
    lines = []
    for p in POWERS:
        fit = rnla.lp_regression(A, b, p)
        ours = seconds(lambda p=p: rnla.lp_regression(A, b, p), 5)
        best = value(A, b, fit.x, p)
        time_conic, x = conic(A, b, p)
        line = {
            "p": p,
            "n": n,
            "rnla s": ours,
            "gap": fit.gap,
            "iterations": fit.iterations,
            "Clarabel s": time_conic,
            "Clarabel's norm over ours - 1": value(A, b, x, p) / best - 1.0,
            "times faster": time_conic / ours,
            "target": TARGET.get(p),
        }
        if math.isinf(p):
            line["HiGHS s"], x = program(A, b)
            line["HiGHS' norm over ours - 1"] = value(A, b, x, p) / best - 1.0
        lines.append(line)
    return lines


def growth(quick: bool) -> list[dict[str, Any]]:
    """Time, passes and the cost of an iteration from 10^4 to 10^6 rows."""
    lines = []
    for n in (2_000, 20_000) if quick else (10_000, 100_000, 1_000_000):
        A, b = problem(n)
        tall = rnla.as_tall(A)
        scale = np.random.default_rng(1).uniform(0.5, 1.5, n)
        tall.scan()
        for p in POWERS:
            fit = rnla.lp_regression(A, b, p)
            rounds = 5 if n < 10**6 else 3
            gram = seconds(lambda tall=tall, scale=scale: tall.gram(row_scale=scale), rounds)
            whole = seconds(lambda A=A, b=b, p=p: rnla.lp_regression(A, b, p), rounds)
            line = {
                "n": n,
                "p": p,
                "seconds": whole,
                "gap": fit.gap,
                "iterations": fit.iterations,
                "passes": fit.passes,
                "weighted Gram s": gram,
                "Grams per iteration": None,
            }
            if not math.isinf(p) and "sample" not in fit.reason:
                line["Grams per iteration"] = iteration(tall, b, p, rounds) / gram
            lines.append(line)
    return lines


def iteration(tall: Any, b: np.ndarray, p: float, rounds: int) -> float:
    """Seconds per iteration of Newton's method, the basis being known."""
    from rnla.regression.smooth.newton import minimise

    first = minimise(tall, b, rnla.regression.Power(p))
    whole = seconds(lambda: minimise(tall, b, rnla.regression.Power(p), basis=first.basis), rounds)
    return whole / first.iterations


def check_38(quick: bool) -> list[dict[str, Any]]:
    """p = 8 on uniform numbers: linear solves to gap 1e-8."""
    n, d = (200, 160) if quick else (1000, 800)
    rng = np.random.default_rng(0)
    A, b = rng.random((n, d)), rng.random(n)
    start = time.perf_counter()
    fit = rnla.lp_regression(A, b, 8.0)
    took = time.perf_counter() - start
    return [
        {
            "p": 8,
            "n": n,
            "d": d,
            "linear solves": fit.iterations,
            "most allowed": 80,
            "gap": fit.gap,
            "seconds": took,
        }
    ]


def picture(peers: list[dict[str, Any]], sizes: list[dict[str, Any]]) -> None:
    """Seconds against the peer's; seconds against rows."""
    figure, axes = new_figure(1, 2, figsize=(11.0, 4.2))
    ax = axes[0, 0]
    at = np.arange(len(peers))
    ax.bar(at - 0.2, [row["rnla s"] for row in peers], 0.38, color=COLOURS[1], label="rnla")
    ax.bar(
        at + 0.2,
        [row["Clarabel s"] for row in peers],
        0.38,
        color=COLOURS[6],
        label="CVXPY + Clarabel",
    )
    for k, row in enumerate(peers):
        ax.text(k, row["Clarabel s"] * 1.1, f"{row['times faster']:.0f}x", ha="center", fontsize=8)
    ax.set_xticks(at, [f"p = {row['p']:g}" for row in peers])
    ax.set_yscale("log")
    ax.set_ylabel("seconds, gap 1e-8")
    ax.set_title(f"{peers[0]['n']} x {COLUMNS}, Student noise")
    ax.legend(fontsize=8, frameon=False)
    ax = axes[0, 1]
    for p, colour in zip(POWERS, COLOURS, strict=False):
        rows = [row for row in sizes if row["p"] == p]
        ax.loglog(
            [row["n"] for row in rows],
            [row["seconds"] for row in rows],
            "o-",
            color=colour,
            label=f"p = {p:g}",
        )
    rows = [row for row in sizes if row["p"] == POWERS[0]]
    ax.loglog(
        [row["n"] for row in rows],
        [row["weighted Gram s"] for row in rows],
        "--",
        color=COLOURS[6],
        label="one weighted Gram matrix",
    )
    ax.set_xlabel("rows")
    ax.set_ylabel("seconds")
    ax.set_title("To gap 1e-8, d = 20")
    ax.legend(fontsize=8, frameon=False)
    save_figure(figure, "lp_regression")


def main() -> None:
    parts = {"peers": race_peers, "growth": growth, "check 38": check_38}
    run_benchmark(
        "lp_regression", __doc__, parts, lambda found: picture(found["peers"], found["growth"])
    )


if __name__ == "__main__":
    main()
