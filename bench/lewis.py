"""What do Lewis weights cost, in exact leverage scores of the same matrix?

Every row of the table is one call of `lewis_weights`, its time divided by that of `leverage_scores`
on the same matrix in the same run (medians). The targets are 12 for p = 1 to a residual of 1e-3 and
5 for one-sided weights. Beside it stands the loop that people write by hand: a Gram matrix, its
pseudo-inverse and 20 rounds of the fixed-point map, whatever p is. The picture shows residuals per
iteration for constant damping, with acceleration, and for that map. Writes scores_lewis.json and
.png through `bench.scores`; about six minutes on two cores.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

import rnla
from bench._harness import COLOURS, new_figure, print_table, save_figure
from rnla.scores._reweighted import ReweightedLeverage
from rnla.scores.lewis_damped import damped
from tests.families import FAMILIES

CASES = (
    (1.0, "auto", 1e-3),
    (1.0, "auto", 1e-8),
    (1.0, "one_sided", None),
    (1.5, "auto", 1e-3),
    (3.0, "auto", 1e-3),
    (4.0, "auto", 1e-3),
    (4.0, "one_sided", None),
    (8.0, "auto", 1e-3),
    (8.0, "one_sided", None),
    (np.inf, "one_sided", None),
)
TARGETS = {(1.0, "auto", 1e-3): 12.0, (1.0, "one_sided", None): 5.0, (4.0, "one_sided", None): 5.0}


def matrices(n: int) -> dict[str, Any]:
    """Dense with condition 1 and 1e12, coherent, and sparse at 2 % density."""
    rng = np.random.default_rng(0)
    gaussian = rng.standard_normal((n, 64))
    turn = np.linalg.qr(rng.standard_normal((64, 64)))[0]
    return {
        f"gaussian {n} x 64": gaussian,
        f"condition 1e12 {n} x 64": (gaussian * np.logspace(0, -12, 64)) @ turn,
        f"coherent {n} x 64": FAMILIES["coherent"](n, 64, 0),
        f"sparse {n} x 200": scipy.sparse.random_array(
            (n, 200), density=0.02, format="csr", rng=rng
        ),
    }


def seconds(function: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Median wall time after one warm-up call, and the last result."""
    result = function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def by_hand(A: np.ndarray, p: float) -> np.ndarray:
    """The usual script: 20 rounds, Gram matrix and pseudo-inverse, w never looked at again."""
    w = np.ones(len(A))
    for _ in range(20):
        inverse = np.linalg.pinv(A.T @ (w[:, None] ** (1 - 2 / p) * A))
        w = ((A @ inverse) * A).sum(axis=1) ** (p / 2)
    return w


def residual_of(A: np.ndarray, w: np.ndarray, p: float) -> float:
    """max |log tau - log w|, infinite if a weight is not positive."""
    if not (w > 0).all():
        return float("inf")
    tau = rnla.leverage_scores(w[:, None] ** (0.5 - 1 / p) * A, rng=0).values
    return float(np.abs(np.log(tau) - np.log(w)).max())


def time_one(name: str, A: Any, repeats: int) -> list[dict[str, Any]]:
    """One row per case, and one for the loop by hand where A is dense."""
    leverage, _ = seconds(lambda: rnla.leverage_scores(A, rng=0), repeats + 2)
    rows = []
    for p, method, tol in CASES:
        options = {} if tol is None else {"tol": tol}
        taken, w = seconds(
            lambda p=p, m=method, o=options: rnla.lewis_weights(A, p, method=m, rng=0, **o), repeats
        )
        rows.append(
            {
                "matrix": name,
                "p": p,
                "method": w.method,
                "tol": tol,
                "iterations": w.iterations,
                "passes": w.passes,
                "residual": w.residual,
                "sum / rank": w.total / w.rank,
                "status": w.status.name,
                "seconds": taken,
                "leverage equivalents": taken / leverage,
                "target": TARGETS.get((p, method, tol)),
            }
        )
    if not scipy.sparse.issparse(A):
        taken, w = seconds(lambda: by_hand(A, 1.0), 1)
        rows.append(
            {
                "matrix": name,
                "p": 1.0,
                "method": "20 rounds by hand",
                "iterations": 20,
                "residual": residual_of(A, w, 1.0),
                "seconds": taken,
                "leverage equivalents": taken / leverage,
            }
        )
    return rows


class Recorder(ReweightedLeverage):
    """Notes the residual of every evaluation."""

    def __init__(self, A: Any, p: float) -> None:
        super().__init__(rnla.as_tall(A))
        self.p = p
        self.residuals: list[float] = []

    def __call__(self, log_scale: np.ndarray) -> np.ndarray:
        h = super().__call__(log_scale)
        log_w = log_scale / (0.5 - 1 / self.p)
        self.residuals.append(float(np.abs(2 * h - (2 / self.p) * log_w).max()))
        return h


def convergence(A: np.ndarray, p: float) -> dict[str, list[float]]:
    """Residuals per iteration of three ways to step."""
    curves = {}
    for label, momentum in (("constant damping", False), ("accelerated", True)):
        recorder = Recorder(A, p)
        damped(recorder, p, tol=1e-10, max_iter=60, momentum=momentum)
        curves[label] = recorder.residuals
    recorder = Recorder(A, p)
    log_w = recorder.uniform()
    for _ in range(30):
        log_w = p * recorder((0.5 - 1 / p) * log_w)
        if recorder.residuals[-1] < 1e-10 or np.abs(log_w).max() > 300:
            break
    curves["fixed-point map"] = recorder.residuals
    return curves


def picture(curves: dict[float, dict[str, list[float]]]) -> None:
    """One panel per p, one line per way to step."""
    figure, axes = new_figure(1, len(curves), figsize=(4 * len(curves), 3.6), sharey=True)
    for ax, (p, lines) in zip(axes[0], curves.items(), strict=True):
        for (label, residuals), colour in zip(lines.items(), COLOURS, strict=False):
            ax.semilogy(range(1, len(residuals) + 1), residuals, ".-", color=colour, label=label)
        ax.set(title=f"p = {p:g}", xlabel="iteration", ylim=(1e-11, 1e3))
    axes[0, 0].set_ylabel("residual max |log tau - log w|")
    axes[0, 0].legend(fontsize=8, frameon=False)
    save_figure(figure, "scores_lewis")


def measure(quick: bool) -> dict[str, Any]:
    """Run everything, print as it goes, and return what to write."""
    rows: list[dict[str, Any]] = []
    for name, A in matrices(20_000 if quick else 1_000_000).items():
        batch = time_one(name, A, 1 if quick else 3)
        print_table(batch)
        rows += batch
    A = FAMILIES["cauchy"](2000, 10, 0)
    curves = {p: convergence(A, p) for p in (1.0, 3.0, 6.0, 16.0)}
    if not quick:
        picture(curves)
    return {"rows": rows, "convergence": curves}
