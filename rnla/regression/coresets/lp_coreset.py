"""Regression on a coreset: solve on a few reweighted rows, then measure the answer on all of them.

If S is an eps-embedding of [A b], the fit on the sample is within (1+eps)/(1-eps) of the best, in
p-th powers (SPEC section 5): both residuals are in the column space of [A b]. One sample of
[A b_1 ... b_k] serves k responses, and one of [A b] all quantiles: a check loss lies between
min(q, 1-q) and max(q, 1-q) times |r|, so its l1 scores are inflated by their ratio (SPEC A19),
which is a sample that many times as large. What comes with the answer is a lower bound on the
minimum that is proved on all rows (`full_data_bound`); where it does not prove the factor, or on
request, the distortion of the sample is searched for. Cost: scores (see `lp_subspace_embedding`)
and four to seven passes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..._errors import argument_error, check_fraction, check_p
from ..._result import FloatArray, Status
from ...basis import orthonormal_basis
from ...embedding import Embedding
from ...sampling import RowSample
from .._input import Problem
from .._record import LpFit, relative_gap
from .coreset_rows import certified, columns, distortion_found, draw, proved_by_sample, row_weights
from .full_data_bound import RowLoss, measure
from .sample_fit import fit_all, fit_sample

__all__ = ["CoresetFit", "coreset_fit"]

# Where slopes are smoothed for the bound: at these quantiles of the absolute residuals.
_WIDTHS = {True: (0.015, 0.05, 0.15, 0.4), False: (0.05, 0.4)}


@dataclass(frozen=True, eq=False)
class CoresetFit(LpFit):
    """A fit on a sample, its value on all rows, and what is known of the best value.

    Attributes
    ----------
    objective : float or ndarray, shape (k,)
        On all rows, measured.
    lower : float or ndarray, shape (k,)
        Proved on all rows: no x has a smaller objective.
    estimate : float or ndarray, shape (k,)
        What the sample says of the minimum: its own minimum over 1 + the distortion found. It rests
        on the distortion that a search found, which is not a proof; nan if not measured.
    distortion : float
        Largest distortion found of the loss of any [A b] z on the sample; nan if not measured.
    embedding : Embedding or None
        The sample with its certificate; None if all rows were used without one.
    """

    estimate: Any = 0.0
    distortion: float = math.nan
    embedding: Embedding | None = None

    @property
    def factor(self) -> float:
        """(1 + eps)/(1 - eps) for the distortion eps: objective over minimum, if no x is worse."""
        eps = self.distortion
        return (1.0 + eps) / (1.0 - eps) if eps < 1.0 else math.inf

    def explain(self) -> str:
        """Say in sentences what was fitted, on which rows, and how good it is for all."""
        lines = [self.reason, f"Objective on all rows: {_numbers(self.objective)}."]
        lines.append(
            f"Proved: the minimum is at least {_numbers(self.lower)}, a relative gap of "
            f"{_numbers(self.gap)}."
        )
        if not math.isnan(self.distortion):
            lines.append(
                f"If the sample distorts no residual by more than the {self.distortion:.3g} that "
                f"was found, the objective is at most {self.factor:.4g} times the minimum."
            )
        if self.embedding is not None and self.embedding.certificate is not None:
            lines += ["About the sample:", self.embedding.explain()]
        return "\n".join(lines)


def coreset_fit(
    problem: Problem,
    p: float,
    *,
    eps: float = 0.1,
    size: int | None = None,
    method: str = "auto",
    quantile: float | Sequence[float] | None = None,
    lower: FloatArray | None = None,
    upper: FloatArray | None = None,
    certify: bool | None = None,
    seed: int = 0,
) -> CoresetFit:
    """Fit on an lp subspace embedding of [A b], and measure the fit on all rows.

    Parameters
    ----------
    problem : Problem
        From `_input.prepare`.
    p : float
        1 <= p < inf; 1 with `quantile`.
    eps : float
        Distortion of the loss that is wanted.
    size : int, optional
        Rows to keep instead.
    method : str
        Scores: see `rnla.lp_subspace_embedding`.
    quantile : float or sequence of floats, optional
        Check loss instead of a power; several share the sample and give a column each.
    lower, upper : ndarray, optional
        Bounds of the coefficients; an intercept may be left out.
    certify : bool, optional
        Search for the worst distortion of the sample, which takes longer than all the rest. By
        default only if the bound on all rows does not prove (1 + eps)/(1 - eps) anyway.
    seed : int

    Returns
    -------
    CoresetFit
        Its status is EPS_NOT_MET if neither the bound nor the distortion found reaches `eps`.
    """
    exponent, eps = check_p(p), check_fraction(eps, "eps")
    before = problem.A.passes
    fits = _fits(problem, exponent, quantile)
    low, high = _bounds(problem, lower, upper)
    sample, embedding = draw(problem, exponent, fits, eps, size, method, seed)
    basis = orthonormal_basis(problem.A, seed=seed)
    if embedding is None or embedding.status is Status.EXACT:
        solved = fit_all(problem, fits, lower=low, upper=high, seed=seed)
        X = np.column_stack([fit.x for fit in solved])
        objective = np.array([fit.objective for fit in solved])
        proved = np.array([fit.lower for fit in solved])
        estimate, distortion = proved, 0.0
    else:
        solved, residuals, weights = _solve(problem, sample, fits, low, high)
        X = np.column_stack([fit.x for fit in solved])
        widths = _widths(residuals, weights, exponent)
        losses = [loss for _, loss in fits]
        objective, proved = measure(
            problem.A,
            problem.b,
            problem.weights,
            X,
            losses,
            widths,
            basis,
            lower=low,
            upper=high,
            unit=np.maximum(np.abs(residuals).max(axis=0), widths.max(axis=1)),
        )
        if not np.isfinite(objective).all():
            got = f"residuals whose powers p = {exponent:g} have no finite sum"
            remedy = "Divide b by its largest entry; coefficients are divided by it as well."
            raise argument_error("b", got, "numbers of moderate size", remedy)
        least = np.array([fit.lower for fit in solved])
        short = np.any(relative_gap(objective, proved) > 2.0 * eps / (1.0 + eps))
        if certify or (certify is None and short):
            embedding = certified(problem, embedding)
        distortion, most = distortion_found(problem, sample, embedding, fits, X)
        proved = np.maximum(proved, proved_by_sample(embedding, fits, least))
        proved, estimate = np.minimum(proved, objective), np.minimum(least / most, objective)
    status = _status(solved, embedding, basis.status, size is None)
    x, intercept = problem.split(X)
    value: Any
    bound: Any
    guess: Any
    if problem.single and _is_scalar(quantile):
        x, intercept = x[:, 0], float(np.ravel(intercept)[0])
        value, bound, guess = (float(numbers[0]) for numbers in (objective, proved, estimate))
    else:
        value, bound, guess = objective, proved, estimate
    return CoresetFit(
        x=x,
        objective=value,
        lower=bound,
        p=exponent,
        iterations=sum(fit.iterations for fit in solved),
        method="coreset",
        status=status,
        intercept=intercept,
        rank=basis.rank,
        passes=problem.A.passes - before,
        seed=seed,
        sample=sample,
        reason=_reason(problem, sample, embedding, solved),
        estimate=guess,
        distortion=distortion,
        embedding=embedding,
    )


def _solve(
    problem: Problem,
    sample: RowSample,
    fits: list[tuple[int, RowLoss]],
    lower: FloatArray | None,
    upper: FloatArray | None,
) -> tuple[list[LpFit], FloatArray, FloatArray]:
    """The fits on the sample, their residuals there, and how much each row counts."""
    taken, d = columns(problem).take(sample.indices), problem.A.shape[1]
    if sp.issparse(taken):
        small, responses = sp.csr_array(taken[:, :d]), taken[:, d:].toarray()
    else:
        small, responses = np.ascontiguousarray(taken[:, :d]), taken[:, d:]
    weights = row_weights(problem, sample)
    solved = [
        fit_sample(small, responses[:, column], weights, loss, lower=lower, upper=upper)
        for column, loss in fits
    ]
    fitted = small @ np.column_stack([fit.x for fit in solved])
    return solved, responses[:, [column for column, _ in fits]] - fitted, weights


def _is_scalar(quantile: float | Sequence[float] | None) -> bool:
    return quantile is None or np.ndim(quantile) == 0


def _fits(
    problem: Problem, p: float, quantile: float | Sequence[float] | None
) -> list[tuple[int, RowLoss]]:
    """The response and the loss of every fit."""
    count = 1 if problem.single else problem.b.shape[1]
    if quantile is None:
        return [(column, RowLoss(p)) for column in range(count)]
    if p != 1.0:
        remedy = "Quantiles belong to p = 1."
        raise argument_error("p", f"{p:g} with a quantile", "1", remedy)
    levels = [check_fraction(q, "quantile") for q in np.ravel(quantile).tolist()]
    if len(levels) > 1 and count > 1:
        remedy = "Fit one response at a time."
        raise argument_error("b", f"{count} columns", "one column for several quantiles", remedy)
    if len(levels) == 1:
        return [(column, RowLoss(p, levels[0])) for column in range(count)]
    return [(0, RowLoss(p, level)) for level in levels]


def _bounds(
    problem: Problem, lower: FloatArray | None, upper: FloatArray | None
) -> tuple[FloatArray | None, FloatArray | None]:
    """Bounds of all columns, none if all are infinite."""
    d = problem.A.shape[1]
    low = np.full(d, -np.inf)
    high = np.full(d, np.inf)
    if lower is not None:
        low[: len(lower)] = lower
    if upper is not None:
        high[: len(upper)] = upper
    if np.isinf(low).all() and np.isinf(high).all():
        return None, None
    return low, high


def _widths(residuals: FloatArray, weights: FloatArray, p: float) -> FloatArray:
    """Weighted quantiles of the sizes of the residuals that are not zero, for every fit."""
    levels = _WIDTHS[p == 1.0]
    widths = np.ones((residuals.shape[1], len(levels)))
    for j, column in enumerate(np.abs(residuals.T)):
        positive = np.flatnonzero((column > 0.0) & (weights > 0.0))
        if positive.size:
            order = positive[np.argsort(column[positive], kind="stable")]
            share = np.cumsum(weights[order])
            at = np.searchsorted(share, np.array(levels) * share[-1])
            widths[j] = column[order[np.minimum(at, order.size - 1)]]
    return widths


def _status(
    solved: list[LpFit], embedding: Embedding | None, rank: Status, searched: bool
) -> Status:
    for fit in solved:
        if fit.status is not Status.OK:
            return fit.status
    if rank is not Status.OK:
        return rank
    if embedding is None or embedding.status is Status.EXACT:
        return Status.EXACT
    certificate = embedding.certificate
    if searched and certificate is not None and certificate.found > embedding.eps:
        return Status.EPS_NOT_MET
    return Status.OK


def _reason(
    problem: Problem, sample: RowSample, embedding: Embedding | None, solved: list[LpFit]
) -> str:
    n, solver = problem.A.shape[0], solved[0].method
    if embedding is None or embedding.status is Status.EXACT:
        return f"All {n} rows were used, by {solver}: sampling would have saved nothing."
    kind = embedding.method
    return f"Fitted by {solver} to {sample.size} of {n} rows, drawn by {kind} scores of [A b]."


def _numbers(values: Any) -> str:
    return ", ".join(f"{value:.6g}" for value in np.ravel(values))
