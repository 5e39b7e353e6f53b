"""How fast is an exact quantile regression, and who else gets the objective?

Median regression with Cauchy noise, d = 20, at growing n: `rnla.quantile_regression` against
statsmodels' QuantReg, scikit-learn's QuantileRegressor, the dual linear program by HiGHS, and the
fit on as many uniform rows as we sample. Targets: 10 times statsmodels at 10^6 rows, 100 times
scikit-learn at 20,000, at an equal or lower objective. Then SPEC check 35, a sample and a polish
against the full program, which HiGHS gets parts of: it is extrapolated.
Then check 36: quantiles 0.05, 0.5 and 0.95 on a coreset. Writes quantile_regression.json and .png;
about four minutes. --full runs check 35 at 10^7 x 50: 4 GB, and as much again at work.

    python -m bench.quantile_regression [--quick] [--full]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.optimize

import rnla
from bench._harness import (
    COLOURS,
    machine,
    new_figure,
    print_table,
    race,
    save_figure,
    write_results,
)
from rnla.regression.polyhedral.frisch_newton import frisch_newton

D = 20
OURS, UNIFORM = "rnla", "uniform sample"


def data(n: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian rows and Cauchy noise."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d))
    return A, A @ np.linspace(-1.0, 1.0, d) + rng.standard_cauchy(n)


def loss(A: np.ndarray, b: np.ndarray, q: float, x: np.ndarray) -> float:
    """Sum of rho_q(b_i - a_i x)."""
    r = b - A @ x
    return float(np.sum(np.maximum(q * r, (q - 1.0) * r)))


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """One call, for contestants of many seconds."""
    start = time.perf_counter()
    found = run()
    return found, time.perf_counter() - start


def statsmodels_fit(A: np.ndarray, b: np.ndarray, q: float) -> np.ndarray:
    """statsmodels' iteratively reweighted least squares, at its defaults."""
    import warnings

    import statsmodels.api as sm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the iteration limit is reached
        return np.asarray(sm.QuantReg(b, A).fit(q=q).params)


def sklearn_fit(A: np.ndarray, b: np.ndarray, q: float) -> np.ndarray:
    """scikit-learn's linear program by HiGHS."""
    from sklearn.linear_model import QuantileRegressor

    model = QuantileRegressor(quantile=q, alpha=0.0, fit_intercept=False, solver="highs")
    return np.asarray(model.fit(A, b).coef_)


def highs_fit(A: np.ndarray, b: np.ndarray, q: float) -> np.ndarray:
    """The dual linear program, d rows and n boxed variables, by HiGHS."""
    found = scipy.optimize.linprog(
        -b, A_eq=A.T, b_eq=np.zeros(A.shape[1]), bounds=(q - 1.0, q), method="highs"
    )
    return -np.asarray(found.eqlin.marginals)


def uniform_fit(A: np.ndarray, b: np.ndarray, q: float) -> np.ndarray:
    """An exact fit of as many uniform rows as globbing samples."""
    n, d = A.shape
    m = min(n, int(np.ceil((2.0 * n * np.sqrt(d)) ** (2 / 3))))
    rows = np.random.default_rng(1).choice(n, m, replace=False)
    return frisch_newton(A[rows], b[rows], q).x


def growth(quick: bool) -> list[dict[str, Any]]:
    """Seconds and excess objective of everyone who finishes in time."""
    sizes = (1000, 4000) if quick else (10_000, 20_000, 100_000, 10**6)
    most = {"statsmodels": 10**6, "scikit-learn": 20_000, "HiGHS, dual": 20_000}
    out = []
    for n in sizes:
        A, b = data(n, D)
        tall = {
            OURS: lambda A=A, b=b: rnla.quantile_regression(A, b, 0.5, rng=0),
            UNIFORM: lambda A=A, b=b: uniform_fit(A, b, 0.5),
        }
        seconds = race(tall, 1 if quick else 3)
        fit = tall[OURS]()
        answers = {OURS: fit.x, UNIFORM: tall[UNIFORM]()}
        for name, solver in (
            ("statsmodels", statsmodels_fit),
            ("scikit-learn", sklearn_fit),
            ("HiGHS, dual", highs_fit),
        ):
            if n <= most[name]:
                answers[name], seconds[name] = timed(partial(solver, A, b, 0.5))
        out += [
            {
                "n": n,
                "d": D,
                "solver": name,
                "seconds": seconds[name],
                "times ours": seconds[name] / seconds[OURS],
                "excess": loss(A, b, 0.5, answers[name]) / fit.objective - 1.0,
                "gap": fit.gap if name == OURS else None,
                "passes": fit.passes if name == OURS else None,
            }
            for name in answers
        ]
    return out


def check_35(quick: bool, full: bool) -> list[dict[str, Any]]:
    """A sample and a polish on all rows; HiGHS on two parts; all rows by our interior point."""
    n, d = (20_000, 10) if quick else (10**7 if full else 10**6, 50)
    parts = (1000, 2000) if quick else (20_000, 100_000)
    A, b = data(n, d)
    fit, seconds = timed(lambda: rnla.lp_regression(A, b, 1, rng=0))
    rows = [{"solver": "rnla: sample and polish", "n": n, "d": d, "seconds": seconds}]
    rows[0]["gap"] = fit.gap
    few = [timed(partial(highs_fit, A[:part], b[:part], 0.5))[1] for part in parts]
    for part, taken in zip(parts, few, strict=True):
        rows.append({"solver": "HiGHS, dual, a part", "n": part, "d": d, "seconds": taken})
    power = np.log(few[1] / few[0]) / np.log(parts[1] / parts[0])
    for name, exponent in (("in proportion", 1.0), (f"as n^{power:.2f}, measured", power)):
        taken = few[1] * (n / parts[1]) ** exponent
        rows.append({"solver": f"HiGHS, dual, {name}", "n": n, "d": d, "seconds": taken})
    if not full:
        whole, taken = timed(lambda: frisch_newton(A, b, 0.5))
        gap = (whole.value - whole.lower) / whole.value
        rows.append(
            {"solver": "our interior point, all rows", "n": n, "d": d, "seconds": taken, "gap": gap}
        )
    return [{**row, "times ours": row["seconds"] / seconds} for row in rows]


def check_36(quick: bool) -> list[dict[str, Any]]:
    """Loss on a coreset against the least, at three quantiles."""
    n, d, eps = (4000, 4, 0.5) if quick else (100_000, 10, 0.25)
    A, b = data(n, d)
    levels = [0.05, 0.5, 0.95]
    exact, polished = timed(lambda: rnla.quantile_regression(A, b, levels, rng=0))
    fit, seconds = timed(
        lambda: rnla.quantile_regression(A, b, levels, polish=False, eps=eps, rng=0)
    )
    return [
        {
            "q": q,
            "n": n,
            "d": d,
            "eps": eps,
            "rows kept": fit.sample.size if fit.sample is not None else n,
            "excess": fit.objective[j] / exact.objective[j] - 1.0,
            "proved gap": fit.gap[j],
            "seconds, all three": seconds,
            "exact, all three": polished,
        }
        for j, q in enumerate(levels)
    ]


def picture(rows: list[dict[str, Any]]) -> None:
    """Seconds and excess objective against n."""
    figure, axes = new_figure(1, 2)
    names = list(dict.fromkeys(row["solver"] for row in rows))
    for name, colour in zip(names, COLOURS, strict=False):
        mine = [row for row in rows if row["solver"] == name]
        n = [row["n"] for row in mine]
        style = "o--" if name == UNIFORM else "o-"
        axes[0, 0].loglog(n, [row["seconds"] for row in mine], style, color=colour, label=name)
        excess = [max(row["excess"], 1e-16) for row in mine]
        axes[0, 1].loglog(n, excess, style, color=colour, label=name)
    axes[0, 0].set_xlabel("rows")
    axes[0, 0].set_ylabel("seconds")
    axes[0, 0].set_title(f"Median regression, d = {D}, Cauchy noise")
    axes[0, 0].legend(fontsize=8, frameon=False)
    axes[0, 1].set_xlabel("rows")
    axes[0, 1].set_ylabel("objective over ours, less 1")
    axes[0, 1].set_title("What is lost")
    save_figure(figure, "quantile_regression")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing written")
    parser.add_argument("--full", action="store_true", help="check 35 at 10^7 x 50")
    options = parser.parse_args()
    print({name: value for name, value in machine().items() if name != "versions"}, end="\n\n")
    parts = {
        "growth": growth(options.quick),
        "check 35": check_35(options.quick, options.full),
        "check 36": check_36(options.quick),
    }
    for rows in parts.values():
        print_table(rows)
    if not options.quick:
        picture(parts["growth"])
        write_results("quantile_regression", parts)


if __name__ == "__main__":
    main()
