"""Is the certificate of `rnla.approximate` honest, and what do the evaluations buy?

Ten standard functions of 1 to 10 variables, 50 seeds each, with a tolerance and with a budget. The
true squared error e2 of the best approximation in each space found comes from Gauss rules, exact
one-dimensional integrals or a large independent sample. Reported: how often the 90 % interval
covers e2 (it should in at least 88 % of the runs), how often the error of the surrogate is within
the tolerance, evaluations; and the error against evaluations beside least squares at independent
points of the measure in the total degree that turns out best. Writes approximate.json and .png;
about 10 minutes.

    python -m bench.approximate [--quick]
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import rnla
from bench._harness import COLOURS, new_figure, print_table, save_figure, write_results
from rnla.approximation import (
    Design,
    Gaussian,
    Measure,
    Product,
    TensorBasis,
    Uniform,
    iid_design,
    total_degree,
)

BUDGETS = (50, 100, 200, 400, 800)
NODES = {1: 400, 2: 60, 3: 36}


@dataclass(frozen=True)
class Problem:
    """A function, the law of its inputs, a tolerance and a budget."""

    f: Callable[[np.ndarray], np.ndarray]
    measure: Measure
    tol: float
    budget: int
    breaks: tuple[float, ...] = ()  # of a function of one variable
    factors: tuple[Callable[[np.ndarray], np.ndarray], ...] = ()  # whose product it is


def product_of(
    factors: Sequence[Callable[[np.ndarray], np.ndarray]],
) -> Callable[[np.ndarray], np.ndarray]:
    """The product of functions of one coordinate each."""
    return lambda x: np.prod([g(x[:, l]) for l, g in enumerate(factors)], axis=0)


def ishigami(x: np.ndarray) -> np.ndarray:
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def borehole(x: np.ndarray) -> np.ndarray:
    """Flow of water through a borehole; its radius and that of influence are lognormal."""
    rw, r = 0.1 + 0.0161812 * x[:, 0], np.exp(7.71 + 1.0056 * x[:, 1])
    tu, hu, tl, hl, length, kw = x[:, 2:].T
    ratio = np.log(r / rw)
    return 2 * np.pi * tu * (hu - hl) / (ratio + 2 * length * tu / (rw**2 * kw) + ratio * tu / tl)


def otl_circuit(x: np.ndarray) -> np.ndarray:
    """Mid-point voltage of an output transformerless push-pull circuit."""
    rb1, rb2, rf, rc1, rc2, beta = x.T
    vb1, gain = 12 * rb2 / (rb1 + rb2), beta * (rc2 + 9)
    first = (vb1 + 0.74) * gain / (gain + rf)
    return first + 11.35 * rf / (gain + rf) + 0.74 * rf * gain / ((gain + rf) * rc1)


PEAKS = [lambda t, l=l: 1 / (1 + (t - 0.2 - 0.1 * l) ** 2 * (3 - 0.5 * l)) for l in range(5)]
CORNERS = [lambda t, l=l: np.exp(-(2 - l) * np.abs(t - 0.4)) for l in range(2)]
TWO_OF_TEN = [
    {2: np.exp, 7: lambda t: np.cos(3 * t)}.get(l, lambda t: np.ones_like(t)) for l in range(10)
]
UNIT = Uniform(0.0, 1.0)
BOREHOLE = [
    (63070, 115600),
    (990, 1110),
    (63.1, 116),
    (700, 820),
    (1120, 1680),
    (9855, 12045),
]
OTL = [(50, 150), (25, 70), (0.5, 3), (1.2, 2.5), (0.25, 1.2), (50, 300)]

PROBLEMS = {
    "Runge": Problem(lambda x: 1 / (1 + 25 * x[:, 0] ** 2), Uniform(), 1e-3, 150),
    "kink": Problem(lambda x: np.abs(x[:, 0] - 0.1), Uniform(), 2e-2, 150, breaks=(0.1,)),
    "step": Problem(lambda x: np.sign(x[:, 0] - 0.2), Uniform(), 0.3, 200, breaks=(0.2,)),
    "bell": Problem(lambda x: np.exp(-((x[:, 0] - 1) ** 2) / 4), Gaussian(), 1e-4, 80),
    "corner peaks": Problem(
        product_of(CORNERS), Product([UNIT] * 2), 2e-2, 400, factors=tuple(CORNERS)
    ),
    "Ishigami": Problem(ishigami, Product([Uniform(-math.pi, math.pi)] * 3), 2e-2, 400),
    "product peak": Problem(
        product_of(PEAKS), Product([UNIT] * 5), 5e-3, 600, factors=tuple(PEAKS)
    ),
    "OTL circuit": Problem(otl_circuit, Product([Uniform(a, b) for a, b in OTL]), 1e-2, 400),
    "borehole": Problem(
        borehole,
        Product([Gaussian(), Gaussian(), *(Uniform(a, b) for a, b in BOREHOLE)]),
        0.3,
        400,
    ),
    "two of ten": Problem(
        product_of(TWO_OF_TEN), Product([Uniform()] * 10), 1e-2, 400, factors=tuple(TWO_OF_TEN)
    ),
}


# --- the truth -----------------------------------------------------------------------------------


def rule(measure: Any, breaks: Sequence[float], nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """A Gauss rule on the line, on each side of the breaks of its own."""
    if not breaks:
        return measure.orthonormal_family().gauss(nodes)
    low, high = measure.support[0]
    edges = [low, *breaks, high]
    pieces = [Uniform(a, b).orthonormal_family().gauss(nodes) for a, b in itertools.pairwise(edges)]
    shares = np.diff(edges) / (high - low)
    return (
        np.concatenate([x for x, _ in pieces]),
        np.concatenate([share * w for share, (_, w) in zip(shares, pieces, strict=True)]),
    )


def best_squared_error(problem: Problem, basis: TensorBasis) -> float:
    """Squared error of the best approximation in the space."""
    marginals = problem.measure.marginals
    if problem.factors:
        # Coefficients and norms are products.
        norm, coefficients = 1.0, np.ones(basis.dimension)
        for l, (g, marginal) in enumerate(zip(problem.factors, marginals, strict=True)):
            breaks = (0.4,) if problem.factors == tuple(CORNERS) else ()
            x, w = rule(marginal, breaks, 120)
            values = g(x)
            line = basis.families[l].evaluate(x, basis.degrees[l]).T @ (w * values)
            norm *= float(w @ values**2)
            coefficients *= line[basis.indices[:, l]]
        return norm - float(coefficients @ coefficients)
    d = len(marginals)
    if d in NODES:
        rules = [rule(marginal, problem.breaks, NODES[d]) for marginal in marginals]
        points = np.stack(np.meshgrid(*(x for x, _ in rules), indexing="ij"), -1).reshape(-1, d)
        weights = np.ones(1)
        for _, w in rules:
            weights = np.multiply.outer(weights, w).ravel()
        values, features = problem.f(points), basis.evaluate(points)
        coefficients = features.T @ (weights * values)
        return float(weights @ (values - features @ coefficients) ** 2)
    # Known to two per cent or so, from points that no run has seen.
    design = iid_design(basis, 30 * basis.dimension + 4000, rng=987_654_321)
    fit = rnla.weighted_least_squares(basis, design, problem.f(design.points))
    return float(fit.squared_error)


def true_error(problem: Problem, surrogate: Callable[[Any], Any]) -> float:
    """L2 error of the surrogate itself, from a large sample."""
    x = problem.measure.sample(20_000, rng=123_456_789)
    return float(np.sqrt(np.mean((problem.f(x) - surrogate(x)) ** 2)))


# --- what is measured ----------------------------------------------------------------------------


def runs(name: str, seeds: int, mode: str) -> list[dict[str, Any]]:
    """One line for every seed."""
    problem, found = PROBLEMS[name], []
    goal = {"tol": problem.tol} if mode == "tol" else {"budget": problem.budget}
    for seed in range(seeds):
        start = time.perf_counter()
        surrogate = rnla.approximate(problem.f, problem.measure, **goal, rng=seed)
        seconds = time.perf_counter() - start
        best = best_squared_error(problem, surrogate.fit.basis)
        low, high = surrogate.interval
        error = true_error(problem, surrogate)
        found.append(
            {
                "function": name,
                "mode": mode,
                "seed": seed,
                "status": surrogate.status.name,
                "evaluations": surrogate.evaluations,
                "dimension": surrogate.fit.dimension,
                "points": surrogate.fit.size,
                "looks": sum(not np.isnan(entry.interval[1]) for entry in surrogate.history),
                "true e2": best,
                "e2": surrogate.squared_error,
                "low": low,
                "high": high,
                "covered": bool(low <= best <= high),
                "level": surrogate.fit.level,
                "error": error,
                "estimated error": math.sqrt(surrogate.fit.fit_squared_error),
                "within tol": error <= problem.tol,
                "naive e2": exploration_error(surrogate),
                "lambda_min": surrogate.stability,
                "seconds": seconds,
            }
        )
    return found


def exploration_error(surrogate: Any) -> float:
    """What the points that chose the space say about its error, where they were asked."""
    m = surrogate.fit.dimension
    said = [e.squared_error for e in surrogate.history if e.dimension == m]
    return float(said[0]) if len(said) > 1 else math.nan


def summary(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rates and medians by function and mode, and of all."""
    table = []
    for mode in ("tol", "budget"):
        for name in [*PROBLEMS, "all"]:
            part = [r for r in lines if r["mode"] == mode and name in (r["function"], "all")]
            if not part:
                continue

            def middle(key: str, part: list[dict[str, Any]] = part) -> float:
                return float(np.median([r[key] for r in part]))

            table.append(
                {
                    "mode": mode,
                    "function": name,
                    "runs": len(part),
                    "covered": np.mean([r["covered"] for r in part]),
                    "e2 / true": np.mean([r["e2"] / r["true e2"] for r in part]),
                    "naive / true": np.nanmean([r["naive e2"] / r["true e2"] for r in part])
                    if not all(math.isnan(r["naive e2"]) for r in part)
                    else None,
                    "evaluations": middle("evaluations"),
                    "m": middle("dimension"),
                    "looks": np.mean([r["looks"] for r in part]),
                    "met": np.mean([r["status"] == "OK" for r in part]),
                    "within tol": np.mean(
                        [r["within tol"] for r in part if r["status"] == "OK"] or [math.nan]
                    ),
                    "error": middle("error"),
                    "seconds": middle("seconds"),
                }
            )
    return table


def total_degree_fit(problem: Problem, budget: int, seed: int) -> float:
    """The least error of least squares at points of mu in a total degree, over the degrees."""
    d = problem.measure.dimension
    points = problem.measure.sample(budget, rng=seed)
    values, design = problem.f(points), Design(points, law="iid")
    errors, p = [], 0
    while 1.5 * math.comb(d + p, d) <= budget:
        basis = TensorBasis(problem.measure, total_degree(d, p))
        try:
            fit = rnla.weighted_least_squares(basis, design, values)
        except rnla.ArgumentError:  # numerically dependent at these points
            break
        errors.append(true_error(problem, fit))
        p = max(p + 1, math.ceil(1.2 * p))
    return min(errors)


def curves(seeds: int, budgets: Sequence[int]) -> list[dict[str, Any]]:
    """Median errors by budget."""
    found = []
    for name, problem in PROBLEMS.items():
        for budget in budgets:
            ours = [
                true_error(
                    problem, rnla.approximate(problem.f, problem.measure, budget=budget, rng=s)
                )
                for s in range(seeds)
            ]
            theirs = [total_degree_fit(problem, budget, s) for s in range(seeds)]
            found.append(
                {
                    "function": name,
                    "budget": budget,
                    "approximate": float(np.median(ours)),
                    "worst": max(ours),
                    "total degree": float(np.median(theirs)),
                    "total degree, worst": max(theirs),
                }
            )
    return found


def picture(lines: list[dict[str, Any]], measured: list[dict[str, Any]]) -> None:
    """A panel for each function: error against evaluations, and the certified runs."""
    figure, axes = new_figure(2, 5, figsize=(16, 6.8))
    for ax, (name, problem) in zip(axes.flat, PROBLEMS.items(), strict=True):
        part = [r for r in measured if r["function"] == name]
        budgets = [r["budget"] for r in part]
        for key, colour in (("approximate", COLOURS[1]), ("total degree", COLOURS[0])):
            label = {
                "approximate": "rnla.approximate",
                "total degree": "best total degree, points of μ",
            }
            ax.loglog(budgets, [r[key] for r in part], "o-", color=colour, ms=4, label=label[key])
        runs_to_tol = [r for r in lines if r["function"] == name and r["mode"] == "tol"]
        ax.plot(
            [r["evaluations"] for r in runs_to_tol],
            [r["error"] for r in runs_to_tol],
            ".",
            color=COLOURS[2],
            ms=3,
            label="runs to the tolerance",
        )
        ax.axhline(problem.tol, color=COLOURS[6], lw=0.8, ls=":", label="tolerance")
        ax.set_title(f"{name}, d = {problem.measure.dimension}", fontsize=9)
        ax.set_xticks(BUDGETS, [str(n) for n in BUDGETS], minor=False)
        ax.xaxis.set_minor_formatter("")
    for ax in axes[-1]:
        ax.set_xlabel("evaluations")
    for ax in axes[:, 0]:
        ax.set_ylabel("L2 error of the surrogate")
    axes[0, 0].legend(fontsize=7, frameon=False)
    save_figure(figure, "approximate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few seeds, nothing written")
    quick = parser.parse_args().quick
    seeds = 2 if quick else 50
    lines = [r for m in ("tol", "budget") for name in PROBLEMS for r in runs(name, seeds, m)]
    table = summary(lines)
    print_table(table)
    measured = curves(1, BUDGETS[1:3]) if quick else curves(10, BUDGETS)
    print_table(measured)
    if not quick:
        picture(lines, measured)
        write_results("approximate", {"summary": table, "curves": measured, "runs": lines})


if __name__ == "__main__":
    main()
