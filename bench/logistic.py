"""How many rows does a logistic or Huber regression need, and when will uniform sampling do?

Excess loss at the optimum of a coreset against its size, for Lewis weights, root leverage scores
and uniform sampling, on data from flat to heavy-tailed, with the complexity mu of each; the same
for Huber regression by levels, with uniform sampling. Then time to full accuracy against
scikit-learn and statsmodels. Writes logistic.json and logistic.png; about 3 minutes.

    python -m bench.logistic [--quick]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import rnla
from bench._harness import COLOURS, new_figure, print_table, race, save_figure, write_results
from rnla.regression.smooth.losses import Huber

METHODS = ("lewis", "root_leverage", "uniform")
THRESHOLD = 1.345
D = 10


def rows(name: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of one kind, n x D."""
    if name == "gaussian":
        return rng.standard_normal((n, D))
    if name == "Student t, 2 degrees":
        return rng.standard_t(2, (n, D))
    if name == "Cauchy":
        return rng.standard_cauchy((n, D))
    A = rng.standard_normal((n, D))  # five large rows along each axis
    A[: 5 * D] = np.repeat(n / 20 * np.eye(D), 5, axis=0)
    return A


DATA = ("gaussian", "Student t, 2 degrees", "Cauchy", "a few large rows")


def labels(name: str, A: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels of a logistic model; coins for Cauchy rows, whose mu would be in the thousands."""
    x = rng.standard_normal(D)
    x *= (0.0 if name == "Cauchy" else 1.0) / np.linalg.norm(x)
    odds = np.exp(-np.clip(A @ x, -500.0, 500.0))
    y = np.where(rng.random(len(A)) * (1.0 + odds) < 1.0, 1.0, -1.0)
    if name == "a few large rows":
        y[: 5 * D] = np.tile([1.0, -1.0, 1.0, 1.0, -1.0], D)
    return y


def logistic_errors(quick: bool) -> list[dict[str, Any]]:
    """Excess loss of coreset optima over `seeds` draws."""
    n, seeds = (5000, 3) if quick else (100_000, 10)
    sizes = (200, 800) if quick else (200, 400, 800, 1600, 3200, 6400)
    found = []
    for name in DATA:
        rng = np.random.default_rng(0)
        A = rows(name, n, rng)
        y = labels(name, A, rng)
        mu = rnla.mu_complexity(A, y)
        best = rnla.logistic_regression(A, y).objective
        for method in METHODS:
            for size in sizes:
                excess = []
                coherence = None
                for seed in range(seeds):
                    coreset = rnla.logistic_coreset(A, y, size=size, method=method, rng=seed)
                    coherence = coreset.coherence
                    fit = rnla.logistic_regression(
                        coreset.take(A), y[coreset.indices], weights=coreset.weights, tol=1e-6
                    )
                    separable = fit.status is rnla.Status.SEPARABLE
                    loss = np.logaddexp(0.0, -y * (A @ fit.x)).sum()
                    excess.append(np.inf if separable else loss / best - 1.0)
                found.append(
                    {
                        "data": name,
                        "n": n,
                        "d": D,
                        "mu": mu.value,
                        "method": method,
                        "size": size,
                        "coherence": coherence,
                        "median excess": float(np.median(excess)),
                        "largest excess": float(np.max(excess)),
                    }
                )
    return found


def huber_errors(quick: bool) -> list[dict[str, Any]]:
    """Excess Huber loss of coreset optima over `seeds` draws."""
    n, seeds = (5000, 3) if quick else (100_000, 10)
    sizes = (200, 800) if quick else (200, 400, 800, 1600, 3200, 6400)
    found = []
    loss = Huber(THRESHOLD)
    for name in DATA:
        rng = np.random.default_rng(1)
        A = rows(name, n, rng)
        b = A @ rng.standard_normal(D) + rng.standard_t(1.5, n)
        best = rnla.huber_regression(A, b, threshold=THRESHOLD).objective
        for method in ("levels", "uniform"):
            for size in sizes:
                excess = []
                for seed in range(seeds):
                    coreset = rnla.regression.m_estimator_coreset(
                        A, b, size=size, method=method, repeats=4, rng=seed
                    )
                    fit = rnla.huber_regression(
                        coreset.take(A),
                        b[coreset.indices],
                        threshold=THRESHOLD,
                        weights=coreset.weights,
                        tol=1e-6,
                    )
                    excess.append(loss.value(b - A @ fit.x).sum() / best - 1.0)
                found.append(
                    {
                        "data": name,
                        "n": n,
                        "d": D,
                        "method": method,
                        "size": size,
                        "coherence": coreset.coherence,
                        "median excess": float(np.median(excess)),
                        "largest excess": float(np.max(excess)),
                    }
                )
    return found


def times(quick: bool) -> list[dict[str, Any]]:
    """Seconds to a gap of 1e-8, beside what users run today, and the excess of each."""
    from sklearn.linear_model import HuberRegressor, LogisticRegression
    from statsmodels.robust.norms import HuberT
    from statsmodels.robust.robust_linear_model import RLM

    n, d = (5000, 10) if quick else (200_000, 20)
    rng = np.random.default_rng(2)
    A = rng.standard_normal((n, d))
    x = rng.standard_normal(d) / np.sqrt(d)
    y = rng.random(n) * (1.0 + np.exp(-2.0 * (A @ x))) < 1.0
    sign = np.where(y, 1.0, -1.0)
    b = A @ x + rng.standard_t(2, n)
    fits: dict[str, Any] = {}

    def keep(name: str, run: Callable[[], np.ndarray]) -> Callable[[], None]:
        def call() -> None:
            fits[name] = run()

        return call

    solver = {"C": np.inf, "fit_intercept": False, "tol": 1e-8, "max_iter": 1000}
    logistic = {
        "rnla.logistic_regression": lambda: rnla.logistic_regression(A, y).x,
        "rnla, polish=False": lambda: rnla.logistic_regression(A, y, polish=False, rng=0).x,
        "rnla.mu_complexity": lambda: rnla.mu_complexity(A, y).direction,
        "scikit-learn lbfgs": lambda: LogisticRegression(**solver).fit(A, y).coef_[0],
        "scikit-learn newton-cholesky": lambda: (
            LogisticRegression(solver="newton-cholesky", **solver).fit(A, y).coef_[0]
        ),
    }
    huber = {
        "rnla.huber_regression": lambda: rnla.huber_regression(A, b, threshold=THRESHOLD).x,
        "rnla huber, polish=False": lambda: (
            rnla.huber_regression(A, b, threshold=THRESHOLD, polish=False, rng=0).x
        ),
        "statsmodels RLM": lambda: RLM(b, A, M=HuberT(THRESHOLD)).fit().params,
        "scikit-learn HuberRegressor": lambda: (
            HuberRegressor(alpha=0.0, fit_intercept=False, max_iter=1000).fit(A, b).coef_
        ),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        taken = race(
            {name: keep(name, run) for name, run in {**logistic, **huber}.items()},
            1 if quick else 3,
            warm_up=1,
        )
    best = rnla.logistic_regression(A, y, tol=1e-12).objective
    found = []
    for name, seconds in taken.items():
        row = {"contestant": name, "n": n, "d": d, "seconds": seconds, "excess loss": None}
        if name in logistic and name != "rnla.mu_complexity":
            row["excess loss"] = np.logaddexp(0.0, -sign * (A @ fits[name])).sum() / best - 1.0
        found.append(row)
    return found


FLOOR = 1e-8  # what is less is drawn here


def picture(logistic: list[dict[str, Any]], huber: list[dict[str, Any]]) -> None:
    """Largest excess against size: logistic above, Huber below."""
    figure, axes = new_figure(2, len(DATA), figsize=(14.0, 6.4), sharey="row")
    for line, (table, methods) in enumerate([(logistic, METHODS), (huber, ("levels", "uniform"))]):
        for ax, name in zip(axes[line], DATA, strict=True):
            for k, method in enumerate(methods):
                chosen = [r for r in table if r["data"] == name and r["method"] == method]
                size = [row["size"] for row in chosen]
                colour = COLOURS[6] if method == "uniform" else COLOURS[k]
                worst = [max(r["largest excess"], FLOOR) for r in chosen]
                median = [max(r["median excess"], FLOOR) for r in chosen]
                ax.loglog(size, worst, "o-", color=colour, label=f"{method}, largest", markersize=4)
                ax.loglog(size, median, ":", color=colour)
            title = name if line else f"{name}\nmu = {chosen[0]['mu']:.3g}"
            ax.set_title(title, fontsize=9)
            ax.set_xticks(size, [f"{s:,}" for s in size], fontsize=8)
            ax.minorticks_off()
            ax.set_xlabel("rows of the coreset")
        axes[line, 0].set_ylabel(("logistic" if line == 0 else "Huber") + ": excess loss")
        axes[line, 0].legend(fontsize=7)
    save_figure(figure, "logistic")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, for a trial run")
    quick = parser.parse_args().quick
    logistic = logistic_errors(quick)
    print_table(logistic)
    huber = huber_errors(quick)
    print_table(huber)
    taken = times(quick)
    print_table(taken)
    if not quick:
        write_results("logistic", {"logistic": logistic, "huber": huber, "times": taken})
        picture(logistic, huber)


if __name__ == "__main__":
    main()
