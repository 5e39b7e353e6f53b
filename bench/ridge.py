"""What does the penalty of ridge regression cost? Exact leave-one-out errors for a whole grid.

10^6 x 64 doubles, 25 penalties, intercept fitted: `rnla.ridge` beside scikit-learn's RidgeCV, the
same formula on NumPy's SVD, and 25 separate fits that know no errors. Every contestant's errors are
compared. Then the time against the number of penalties, and a curve beside the error on fresh data.
Writes ridge.json and ridge.png; about two minutes.

    python -m bench.ridge [--quick]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
from sklearn.linear_model import RidgeCV

import rnla
from bench._harness import (
    COLOURS,
    new_figure,
    race,
    run_benchmark,
    save_figure,
    seconds,
)

ALPHAS = np.logspace(-2.0, 6.0, 25)
OURS = "rnla.ridge"


def problem(n: int, d: int, seed: int = 0, noise: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated columns, small effects, noise so many times the signal."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d)) @ (np.eye(d) + 0.3 * rng.standard_normal((d, d)))
    x = 0.1 * np.random.default_rng(1).standard_normal(d)
    signal = A @ x
    return A, 5.0 + signal + noise * signal.std() * rng.standard_normal(n)


def ours(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    return rnla.ridge(A, b, alphas=ALPHAS, intercept=True).loo


def ridge_cv(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(RidgeCV(ALPHAS, store_cv_results=True).fit(A, b).cv_results_.mean(axis=0))


def by_svd(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The formula of the textbook on the left singular vectors of the centred rows."""
    centred, target = A - A.mean(axis=0), b - b.mean()
    U, s, _ = np.linalg.svd(centred, full_matrices=False)
    c, squares = U.T @ target, U * U
    loo = []
    for alpha in ALPHAS:
        shares = s * s / (s * s + alpha)
        error = (target - U @ (shares * c)) / (1.0 - 1.0 / len(b) - squares @ shares)
        loo.append(float(error @ error) / len(b))
    return np.array(loo)


def separate_fits(A: np.ndarray, b: np.ndarray) -> None:
    """A Cholesky factorisation for each penalty, from the rows each time; no errors."""
    for alpha in ALPHAS:
        centre, level = A.mean(axis=0), b.mean()
        G = A.T @ A - len(b) * np.outer(centre, centre) + alpha * np.eye(A.shape[1])
        scipy.linalg.solve(G, A.T @ b - len(b) * level * centre, assume_a="pos")


def contest(quick: bool) -> list[dict[str, Any]]:
    """Time of each contestant, and how far its errors are from ours."""
    n, d = (20_000, 32) if quick else (10**6, 64)
    A, b = problem(n, d)
    fast: dict[str, Callable[[], Any]] = {
        OURS: lambda: ours(A, b),
        "one Gram matrix, A.T @ A": lambda: A.T @ A,
        f"{len(ALPHAS)} fits of SciPy, no errors": lambda: separate_fits(A, b),
    }
    taken = race(fast, 1 if quick else 3)
    found = {OURS: ours(A, b)}
    slow = {"scikit-learn RidgeCV": ridge_cv, "NumPy SVD, formula": by_svd}
    for name, method in slow.items():

        def run(name: str = name, method: Callable[..., np.ndarray] = method) -> None:
            found[name] = method(A, b)

        taken[name] = seconds(run, 1, warm_up=0)
    return [
        {
            "method": name,
            "n": n,
            "d": d,
            "penalties": len(ALPHAS),
            "seconds": time,
            "times rnla.ridge": time / taken[OURS],
            "errors differ by": float(np.abs(found[name] / found[OURS] - 1.0).max())
            if name in found
            else None,
        }
        for name, time in sorted(taken.items(), key=lambda item: item[1])
    ]


def penalties(quick: bool) -> list[dict[str, Any]]:
    """Time against the number of penalties."""
    A, b = problem(*((20_000, 32) if quick else (10**6, 64)))
    return [
        {
            "penalties": m,
            "seconds": seconds(
                lambda m=m: rnla.ridge(A, b, alphas=np.logspace(-2, 6, m), intercept=True),
                1 if quick else 3,
            ),
        }
        for m in (1, 10, 25, 50, 100)
    ]


def curve() -> list[dict[str, Any]]:
    """Leave-one-out errors of 400 rows of 200 columns, and errors on 10^5 fresh rows."""
    d, few = 200, 400
    A, b = problem(few + 10**5, d, seed=3, noise=1.5)
    path = rnla.ridge(A[:few], b[:few], intercept=True)
    new, labels = A[few:], b[few:]
    errors = [
        float(np.mean((labels - new @ x - level) ** 2))
        for x, level in zip(path.coefficients, path.intercepts, strict=True)
    ]
    return [
        {
            "alpha": float(alpha),
            "leave-one-out": float(loo),
            "standard error": float(spread),
            "fresh rows": error,
            "degrees of freedom": float(freedom),
        }
        for alpha, loo, spread, error, freedom in zip(
            path.alphas, path.loo, path.loo_error, errors, path.degrees_of_freedom, strict=True
        )
    ]


def picture(times: list[dict[str, Any]], points: list[dict[str, Any]]) -> None:
    """Times of the contestants; the curve."""
    figure, axes = new_figure(1, 2, figsize=(12.0, 4.2))
    ax = axes[0, 0]
    names = [row["method"] for row in times]
    ax.barh(
        range(len(names)),
        [row["seconds"] for row in times],
        color=[COLOURS[1] if name == OURS else COLOURS[6] for name in names],
    )
    for k, row in enumerate(times):
        ax.text(row["seconds"], k, f" {row['seconds']:.2g} s", va="center", fontsize=8)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set_xscale("log")
    ax.margins(x=0.2)
    ax.set_xlabel("seconds")
    ax.set_title(f"10⁶ x 64, {len(ALPHAS)} penalties, leave-one-out errors")
    ax = axes[0, 1]
    alpha, loo, spread, fresh = (
        np.array([row[name] for row in points])
        for name in ("alpha", "leave-one-out", "standard error", "fresh rows")
    )
    ax.fill_between(alpha, loo - spread, loo + spread, color=COLOURS[1], alpha=0.2, linewidth=0)
    ax.semilogx(alpha, loo, color=COLOURS[1], label="leave-one-out, one standard error")
    ax.semilogx(alpha, fresh, color=COLOURS[0], linestyle="--", label="on fresh rows")
    best = int(np.argmin(loo))
    ax.plot(alpha[best], loo[best], "o", color=COLOURS[1])
    ax.set_xlabel("penalty")
    ax.set_ylabel("mean squared error")
    ax.set_title("400 rows, 200 columns")
    ax.legend(frameon=False, fontsize=8)
    save_figure(figure, "ridge")


def main() -> None:
    parts = {"contest": contest, "penalties": penalties, "curve": lambda quick: curve()}
    run_benchmark("ridge", __doc__, parts, lambda found: picture(found["contest"], found["curve"]))


if __name__ == "__main__":
    main()
