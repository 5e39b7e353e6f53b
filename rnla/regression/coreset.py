"""Regression on a coreset: solve on a few reweighted rows, then measure the answer on all of them.

If S is an eps-embedding of [A b], the fit on the sample is within (1+eps)/(1-eps) of the best, in
p-th powers (SPEC section 5): both residuals are in the column space of [A b]. One sample of
[A b_1 ... b_k] serves k responses, and one of [A b] all quantiles: a check loss lies between
min(q, 1-q) and max(q, 1-q) times |r|, so its l1 scores are inflated by their ratio (SPEC A19),
which is a sample that many times as large. Two statements come with the answer: the one above with
the distortion that was found on this sample, and a lower bound on the minimum that is proved on all
rows (`full_data_bound`). Cost: the embedding, and three to five passes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import argument_error, check_fraction, check_p
from .._result import FloatArray, Status
from ..basis import orthonormal_basis
from ..embedding import Embedding, lp_subspace_embedding
from ..sampling import RowSample, sample_rows
from ..tall import TallMatrix, rows
from ._input import Problem
from ._record import LpFit
from ._sample_fit import fit_sample
from .full_data_bound import RowLoss, measure

__all__ = ["CoresetFit", "coreset_fit"]

_DELTA = 0.01
# Where slopes are smoothed for the bound: at these quantiles of the absolute residuals.
_WIDTHS = {True: (0.05, 0.15, 0.4), False: (0.05, 0.4)}


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
        What the sample says of the minimum: its own minimum over 1 + the distortion found. Closer
        than `lower` as a rule, but it rests on the distortion that a search found, which is not a
        proof.
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
        if self.embedding is not None:
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
    certify: bool = True,
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
    certify : bool
        Measure the distortion. Without, the default size is taken as it is.
    seed : int

    Returns
    -------
    CoresetFit
    """
    exponent, eps = check_p(p), check_fraction(eps, "eps")
    before = problem.A.passes
    fits = _fits(problem, exponent, quantile)
    low, high = _bounds(problem, lower, upper)
    sample, embedding = _sample(problem, exponent, fits, eps, size, method, certify, seed)
    taken = _columns(problem).take(sample.indices)
    d = problem.A.shape[1]
    small = taken[:, :d]
    small = sp.csr_array(small) if sp.issparse(small) else np.asarray(small, dtype=np.float64)
    responses = taken[:, d:].toarray() if sp.issparse(taken) else np.asarray(taken[:, d:])
    weights = sample.weights
    if problem.weights is not None:
        weights = weights * rows.host(problem.weights[sample.indices])
    solved = [
        fit_sample(small, responses[:, column], weights, loss, lower=low, upper=high)
        for column, loss in fits
    ]
    X = np.column_stack([fit.x for fit in solved])
    residuals = np.column_stack([responses[:, column] for column, _ in fits]) - small @ X
    basis = orthonormal_basis(problem.A, seed=seed)
    objective, proved = measure(
        problem.A,
        problem.b,
        problem.weights,
        X,
        [loss for _, loss in fits],
        _widths(residuals, weights, exponent),
        basis,
        lower=low,
        upper=high,
    )
    distortion, most = _distortion(problem, sample, embedding, fits, X)
    least = np.array([fit.lower for fit in solved])
    proved = np.maximum(proved, _proved_by_sample(sample, embedding, fits, least))
    proved = np.minimum(proved, objective)
    status = _status(solved, embedding, basis.status)
    x, intercept = problem.split(X)
    if problem.single and _is_scalar(quantile):
        x, intercept = x[:, 0], float(np.ravel(intercept)[0])
        objective, proved, least = float(objective[0]), float(proved[0]), float(least[0])
    return CoresetFit(
        x=x,
        objective=objective,
        lower=proved,
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
        estimate=np.minimum(least / most, objective) if certify else math.nan * least,
        distortion=distortion,
        embedding=embedding,
    )


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


def _columns(problem: Problem) -> TallMatrix:
    """[A b_1 ... b_k]."""
    b = problem.b
    if problem.single:
        return problem.A.with_columns(b)
    return problem.A.with_columns(*(b[:, j] for j in range(b.shape[1])))


def _sample(
    problem: Problem,
    p: float,
    fits: list[tuple[int, RowLoss]],
    eps: float,
    size: int | None,
    method: str,
    certify: bool,
    seed: int,
) -> tuple[RowSample, Embedding | None]:
    """An embedding of [A b] with weights, for the widest of the losses."""
    bordered = _columns(problem)
    n, width = bordered.shape
    if n <= width or (size is not None and size >= n):
        return sample_rows(np.ones(n), n, p=p, rng=seed), None
    if problem.weights is not None:
        bordered = bordered.scaled_rows(rows.each(partial(_root, p), problem.weights))
    inflation = max(_inflation(loss) for _, loss in fits)
    embedding = lp_subspace_embedding(
        bordered,
        p,
        eps=eps / math.sqrt(inflation),  # rows grow like the inverse square
        delta=_DELTA,
        size=size,
        method=method,
        certify=certify,
        rng=seed,
    )
    return embedding.sample, embedding


def _root(p: float, weights: FloatArray) -> FloatArray:
    return np.asarray(weights ** (1.0 / p))


def _inflation(loss: RowLoss) -> float:
    """max(q, 1 - q) / min(q, 1 - q), 1 for powers."""
    q = 0.5 if loss.quantile is None else loss.quantile
    return max(q, 1.0 - q) / min(q, 1.0 - q)


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


def _distortion(
    problem: Problem,
    sample: RowSample,
    embedding: Embedding | None,
    fits: list[tuple[int, RowLoss]],
    X: FloatArray,
) -> tuple[float, FloatArray]:
    """The distortion found, and for every fit the ratio to divide the sample's minimum by."""
    k = len(fits)
    if embedding is None or embedding.status is Status.EXACT:
        return 0.0, np.ones(k)
    certificate = embedding.certificate
    if certificate is None:
        return math.nan, np.full(k, math.nan)
    if fits[0][1].quantile is None:
        return certificate.found, np.full(k, max(certificate.upper, 1.0))
    # What distorts |r| most, and what is fitted, with both signs: check losses are not even.
    d = problem.A.shape[1]
    Z = np.zeros((certificate.d, k + 2))
    for j, (column, _) in enumerate(fits):
        Z[:d, j], Z[d + column, j] = -X[:, j], 1.0
    Z[:, k], Z[:, k + 1] = certificate.witnesses.lower, certificate.witnesses.upper
    Z = np.hstack([Z, -Z])
    bordered = _columns(problem)
    losses = [loss for _, loss in fits]
    visit = partial(_add_losses, Z, losses)
    shape = (k, Z.shape[1])
    w = problem.weights
    whole = bordered.fold(visit, shape, rows=() if w is None else (w,))
    part = np.zeros(shape)
    weights = sample.weights if w is None else sample.weights * rows.host(w[sample.indices])
    visit(bordered.take(sample.indices), 0, part, weights)
    ratio = np.divide(part, whole, out=np.ones(shape), where=whole > 0.0)
    return float(np.abs(ratio - 1.0).max()), np.maximum(ratio.max(axis=1), 1.0)


def _add_losses(
    Z: FloatArray,
    losses: list[RowLoss],
    block: Any,
    start: int,
    out: FloatArray,
    weights: FloatArray | None = None,
) -> None:
    residuals = np.asarray(block @ Z)
    for j, loss in enumerate(losses):
        values = loss.value(residuals)
        out[j] += values.sum(axis=0) if weights is None else weights @ values


def _proved_by_sample(
    sample: RowSample,
    embedding: Embedding | None,
    fits: list[tuple[int, RowLoss]],
    least: FloatArray,
) -> FloatArray:
    """The sample's minimum over the largest ratio that any x can have, where one is proved."""
    if embedding is None or embedding.status is Status.EXACT:
        return least
    certificate = embedding.certificate
    if certificate is None or certificate.certified_upper is None or fits[0][1].quantile:
        return np.zeros_like(least)
    return least / certificate.certified_upper


def _status(solved: list[LpFit], embedding: Embedding | None, rank: Status) -> Status:
    for fit in solved:
        if fit.status is not Status.OK:
            return fit.status
    if embedding is None:
        return rank if rank is not Status.OK else Status.EXACT
    if embedding.status in (Status.EPS_NOT_MET, Status.EXACT) and rank is Status.OK:
        return embedding.status
    return rank


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
