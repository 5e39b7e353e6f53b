"""From equation error to output error by weights, a purely linear pipeline (SPEC A7).

The residual y_l o s - A_l x of a linear method is s_i times the true one at sensor i: loud for weak
sensors. Weights w / |s_i|^2 from one solution make the next one nearer to maximum likelihood. Weak
sensors are left out first, otherwise the weights run away to one of them. Each round is one
canonical correlation, started from the last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._errors import argument_error, check_fraction, check_size
from ..random import RNGLike, resolve_seed
from .canonical_correlation import CanonicalCorrelation, canonical_correlation
from .elimination import without_weak
from .operators._base import Array
from .polish import gain_step
from .problem import Problem

__all__ = ["Reweighted", "reweighting"]

_FLOOR = 0.1  # of the median reciprocal gain


@dataclass(frozen=True, eq=False)
class Reweighted:
    """The best of a sequence of reweighted canonical correlations.

    Attributes
    ----------
    solution : CanonicalCorrelation
        Of the round kept: `inverse_gains`, `signal` and its certificates are for its weights.
    gains : ndarray, shape (..., m)
        That fit the signal best, at weak sensors too.
    costs : ndarray, shape (rounds + 1, ...)
        sum w |y - D A x|^2 with these gains, before the first round and after each, in units of
        `Problem.scale`, with the weights of the problem.
    rounds : int
        Computed.
    best : ndarray of int, shape (...)
        The round kept, 0 for none.
    concentration : ndarray, shape (...)
        Largest share of the weight at one sensor in the round kept.
    stopped : {"rounds", "cost", "concentration"}
        All rounds were made; the cost rose; or one sensor would have got more weight than allowed.
    products : int
    """

    solution: CanonicalCorrelation
    gains: Array
    costs: Array
    rounds: int
    best: Array
    concentration: Array
    stopped: str
    products: int


def reweighting(
    problem: Problem,
    *,
    rounds: int = 5,
    limit: float = 0.5,
    tol: float | None = None,
    max_iter: int = 1000,
    rng: RNGLike = 0,
) -> Reweighted:
    """Reciprocal gains and signals by canonical correlations with weights from the gains.

    Parameters
    ----------
    problem : Problem
        One problem, without a batch.
    rounds : int
        Solves after the first, at most.
    limit : float
        Ends before one sensor gets more than this share of the weight.
    tol, max_iter, rng
        As in `canonical_correlation`.

    Returns
    -------
    Reweighted

    Raises
    ------
    ArgumentError
        For a batch, or unknown options.

    Notes
    -----
    Ends where the sum of squared true residuals rises and returns the round before it, which makes
    it safe but not a minimiser: `polish` reaches the minimum.

    Works on arrays in host memory.

    Examples
    --------
    >>> from rnla.calibration import Problem, relative_error, reweighting, simulate
    >>> data = simulate("repeated", m=64, n=32, p=8, gains="log-normal", snr=40.0, rng=0)
    >>> found = reweighting(Problem(data.Y, data.operators))
    >>> bool(found.costs[found.best] < 0.5 * found.costs[0])
    True
    """
    count, limit = check_size(rounds, name="rounds"), check_fraction(limit, "limit")
    if problem.batch_shape:
        remedy = "Call it for each problem, or use calibrate, which polishes batches."
        raise argument_error("problem", f"a batch {problem.batch_shape}", "one problem", remedy)
    seed = resolve_seed(rng)
    strong = without_weak(problem)
    weights = np.ones(problem.data.shape, dtype=problem.real_dtype)
    if strong.weights is not None:
        weights = strong.weights
    share = 1.0 / max(1, int(np.count_nonzero(weights.any(axis=0))))
    current, start = strong, None
    kept: tuple[CanonicalCorrelation, Array, float, int] | None = None
    costs: list[float] = []
    products = 0
    stopped = "rounds"
    for round_ in range(count + 1):
        solution = canonical_correlation(current, tol=tol, max_iter=max_iter, start=start, rng=seed)
        gains = gain_step(problem, solution.signal)
        residual = problem.data - problem.predict(gains, solution.signal)
        costs.append(float(problem.weighted(np.abs(residual) ** 2).sum()))
        products += solution.products + 2
        if kept is not None and costs[-1] > costs[-2]:
            stopped = "cost"
            break
        kept = solution, gains, share, round_
        start = solution.inverse_gains
        size = np.abs(start)
        floor = _FLOOR * np.median(size[solution.usable])
        new = weights / np.maximum(size, floor) ** 2
        share = float(new.sum(axis=0).max() / new.sum())
        if share > limit:
            stopped = "concentration"
            break
        new = new * (np.count_nonzero(new) / new.sum())
        current = problem.with_weights(new.astype(problem.real_dtype))
    assert kept is not None
    return Reweighted(
        solution=kept[0],
        gains=kept[1],
        costs=np.array(costs),
        rounds=len(costs) - 1,
        best=np.asarray(kept[3]),
        concentration=np.asarray(kept[2]),
        stopped=stopped,
        products=products,
    )
