"""A few reweighted rows for logistic regression: importance scores mixed with uniform sampling.

The loss log(1 + exp(-y a x)) is (-y a x)^+ plus a bounded part. The first is at least 1/(1 + mu) of
||Ax||_1, which l1 Lewis weights preserve; the second needs 1/n for every row. Rows O~(d mu^2/eps^2)
by Lewis weights (Mai, Musco, Rao, NeurIPS 2021), O~(n^(1/2) d^(3/2) mu/eps^2) by square roots of
leverage scores (Munteanu, Schwiegelshohn, Sohler, Woodruff, NeurIPS 2018), O~(d mu/eps^2) by
sensitivities with leverage scores (Munteanu, Omlor, ICML 2024), constants and logarithms
unspecified. Cost: the scores, and mu where no size is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..._errors import argument_error, check_fraction, check_size
from ..._result import FloatArray, Status
from ...basis import orthonormal_basis
from ...bounds import coupon_floor
from ...random import RNGLike, resolve_seed
from ...sampling import RowSample, sample_rows
from ...scores import leverage_scores, lewis_weights, lp_sensitivities, root_leverage_scores
from ...tall import TallMatrix, as_tall, rows
from .._input import check_weights
from .._labels import check_labels
from ..mu_complexity import MuComplexity, estimate_mu, mu_complexity
from .loss_coreset import Coreset
from .mixture import coherence, mixed_with_uniform

__all__ = ["LogisticCoreset", "logistic_coreset"]

_METHODS = ("auto", "lewis", "root_leverage", "sensitivity", "uniform")
_LEWIS_TOLERANCE = 1e-2
_EXACT_MU = 2**20  # entries up to which mu costs no more than the scores, and is computed exactly
_BOUNDS: dict[str, tuple[str, Callable[[int, int, float, float], float] | None]] = {
    "lewis": (
        "d mu^2 / eps^2 (Mai, Musco, Rao 2021); constant and logarithms unspecified",
        lambda n, d, mu, eps: d * mu**2 / eps**2,
    ),
    "root_leverage": (
        "n^(1/2) d^(3/2) mu / eps^2 (Munteanu et al. 2018); constant and logarithms unspecified",
        lambda n, d, mu, eps: math.sqrt(n) * d**1.5 * mu / eps**2,
    ),
    "sensitivity": (
        "d mu / eps^2 (Munteanu, Omlor 2024); constant and logarithms unspecified",
        lambda n, d, mu, eps: d * mu / eps**2,
    ),
    "uniform": ("none: rows that matter may be missed", None),
}


@dataclass(frozen=True, eq=False)
class LogisticCoreset(Coreset):
    """Reweighted rows on which a logistic regression costs little.

    Fit it with ``logistic_regression(coreset.take(A), y[coreset.indices],
    weights=coreset.weights)``.

    Attributes
    ----------
    sample : RowSample
        Rows and weights; ``indices``, ``weights`` and ``size`` are its own.
    eps, delta : float
        What was asked for.
    n, d, rank : int
        Shape of A and its numerical rank, the column of ones included.
    method, reason : str
        How rows were scored, and why.
    bound : str
        The theorem behind the method.
    sizes : dict
        ``theory`` (the bound with constants and logarithms left out, None without a bound or
        without mu), ``default`` (the practical rule, None if a size was given) and ``used``.
    mu : MuComplexity, float or None
        The complexity that the sizes rest on; None if a size was given.
    coherence : float or None
        Largest over mean importance: about how many times as many rows uniform sampling needs.
    status : Status
        OK; EXACT if every row is kept; SEPARABLE if mu is infinite, and every row is kept as well.
    passes : int
        Passes over A.
    seed : int
        Passing it as ``rng=`` repeats the result.
    """

    sample: RowSample
    eps: float
    delta: float
    n: int
    d: int
    rank: int
    method: str
    reason: str
    bound: str
    sizes: dict[str, float | None]
    mu: MuComplexity | float | None
    coherence: float | None
    status: Status
    passes: int
    seed: int

    def __repr__(self) -> str:
        return (
            f"LogisticCoreset({self.size} of {self.n} rows, method={self.method!r}, "
            f"{self.status.name})"
        )

    def explain(self) -> str:
        """Say in sentences what was done and what it rests on."""
        theory, default = self.sizes["theory"], self.sizes["default"]
        lines = [
            f"Kept {self.size} of {self.n} rows for logistic loss, rank {self.rank}.",
            f"Method: {self.method}. {self.reason}",
            f"Bound: {self.bound}.",
        ]
        if theory is not None:
            lines.append(f"With every constant and logarithm set to 1 that is {theory:.3g} rows.")
        if default is not None:
            lines.append(f"The practical rule says {default} rows; it was measured, not proved.")
        if self.mu is not None:
            kind = "given" if not isinstance(self.mu, MuComplexity) else self.mu.method
            lines.append(f"Complexity mu = {float(self.mu):.4g} ({kind}).")
        if self.coherence is not None:
            advice = "will do as well" if self.coherence <= 3.0 else "has to draw more"
            lines.append(
                f"The largest importance is {self.coherence:.3g} times the mean: uniform sampling "
                f"{advice}."
            )
        lines.append(f"Status {self.status.name}: {self.status.value}")
        return "\n".join(lines)


def logistic_coreset(
    A: Any,
    y: Any,
    *,
    weights: Any = None,
    eps: float = 0.1,
    delta: float = 0.01,
    size: int | None = None,
    mu: MuComplexity | float | None = None,
    method: str = "auto",
    intercept: bool = False,
    rng: RNGLike = None,
) -> LogisticCoreset:
    """Choose and reweight few rows whose logistic loss stands for that of all rows.

    Parameters
    ----------
    A : array_like, sparse matrix, Dask array or TallMatrix, shape (n, d)
        Real, n >= d, any home of rows. Not modified.
    y : array_like or Dask array, shape (n,)
        Labels of two classes: {0, 1}, {-1, 1}, booleans or any two values.
    weights : array_like, shape (n,), optional
        Non-negative, what each row's loss counts for. The weights of the coreset do not contain
        them: multiply.
    eps : float, default 0.1
        Relative error of the loss at the optimum of the coreset, strictly between 0 and 1.
    delta : float, default 0.01
        Failure probability of the default size, strictly between 0 and 1.
    size : int, optional
        Expected number of rows, 1 to n. By default r (1 + mu) / eps plus twice
        ``bounds.coupon_floor(r, delta)``, r being the rank.
    mu : MuComplexity or float, optional
        The complexity, if it is known. Otherwise `mu_complexity` finds it if no size is given:
        exactly up to a million entries, from a sample above.
    method : {"auto", "lewis", "root_leverage", "sensitivity", "uniform"}
        How rows are scored; all but "uniform" are mixed half and half with uniform sampling.
        "auto" is "lewis".
    intercept : bool
        The regression will have an intercept: a column of ones takes part in the scores.
    rng : None, int, numpy Generator or SeedSequence
        The same seed gives the same rows, wherever they live.

    Returns
    -------
    LogisticCoreset

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN or infinite entries, wrong lengths, labels that are not of two classes, and options
        out of range.

    Notes
    -----
    The published sizes promise a relative error of eps at *every* x, and leave constants open. The
    default size aims at the optimum of the coreset only, whose excess loss falls like 1/size. What
    was reached is certified by ``logistic_regression(A, y, polish=False)``, which evaluates the
    coreset's optimum and a lower bound on all rows.

    Passes: those of `lewis_weights` (about 12), and of `mu_complexity`. Memory O(n + d^2) beyond
    mu's, nothing n x d.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    References
    ----------
    Munteanu, Schwiegelshohn, Sohler and Woodruff, *On coresets for logistic regression*, NeurIPS
    2018. Mai, Musco and Rao, *Coresets for classification: simplified and strengthened*, NeurIPS
    2021. Munteanu and Omlor, *Optimal bounds for lp sensitivity sampling via l2 augmentation*, ICML
    2024.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((50_000, 4))
    >>> y = rng.random(50_000) < 1 / (1 + np.exp(-A[:, 0]))
    >>> coreset = rnla.logistic_coreset(A, y, eps=0.1, rng=0)
    >>> coreset.size < 500, round(float(coreset.mu), 1)
    (True, 3.1)
    """
    eps, delta = check_fraction(eps, "eps"), check_fraction(delta, "delta")
    if method not in _METHODS:
        raise argument_error("method", repr(method), f"one of {', '.join(_METHODS)}", "Use 'auto'.")
    given = as_tall(A)
    before, n = given.passes, given.shape[0]
    labels = check_labels(y, n)
    w = None if weights is None else check_weights(weights, n)
    wanted = None if size is None else check_size(size, n)
    complexity = None if mu is None else _check_mu(mu)
    seed = resolve_seed(rng)
    given.scan()
    tall = given.distributed()
    if intercept:
        tall = tall.with_columns(ones=True)
    reason = "It was asked for."
    if method == "auto":
        method, reason = "lewis", "The method with the best bound at the cost of a few passes."
    weighted = tall if w is None else tall.scaled_rows(w)
    importance, rank, status = _importance(weighted, method, seed)
    base = rows.like(importance, 1.0) if w is None else w
    if complexity is None and wanted is None:
        signed = labels.signs if w is None else labels.signs * w
        if n * tall.shape[1] <= _EXACT_MU:
            complexity = mu_complexity(tall, labels.signs, weights=w, method="exact")
        elif method == "lewis":
            complexity = estimate_mu(tall, signed, importance, rank, seed)
        else:
            complexity = mu_complexity(tall, labels.signs, weights=w, method="sampled", rng=seed)
    default = None
    if wanted is None:
        assert complexity is not None
        default = wanted = _default_size(max(rank, 1), float(complexity), eps, delta, n)
    scores = base if method == "uniform" else mixed_with_uniform(importance, base)
    sample = sample_rows(scores, wanted, rng=seed)
    bound, formula = _BOUNDS[method]
    theory = None
    if complexity is not None and formula is not None:
        theory = float(formula(n, rank, float(complexity), eps))
    if complexity is not None and math.isinf(float(complexity)):
        status = Status.SEPARABLE
    elif wanted >= n:
        status = Status.EXACT
    return LogisticCoreset(
        sample=sample,
        eps=eps,
        delta=delta,
        n=n,
        d=given.shape[1],
        rank=rank,
        method=method,
        reason=reason,
        bound=bound,
        sizes={"theory": theory, "default": default, "used": wanted},
        mu=complexity,
        coherence=None if method == "uniform" else coherence(importance),
        status=status,
        passes=given.passes - before,
        seed=seed,
    )


def _check_mu(mu: MuComplexity | float) -> MuComplexity | float:
    if not isinstance(mu, MuComplexity):
        mu = float(mu)
    if not float(mu) >= 1.0:
        remedy = "Pass what rnla.mu_complexity(A, y) returns, or leave mu out."
        raise argument_error("mu", repr(mu), "a number of at least 1", remedy)
    return mu


def _importance(A: TallMatrix, method: str, seed: int) -> tuple[Any, int, Status]:
    """Scores, the numerical rank, and what is to be said of it."""
    if method == "uniform":
        basis = orthonormal_basis(A, seed=seed)
        return rows.like(A.scan().row_max, 1.0), basis.rank, basis.status
    if method == "lewis":
        weights = lewis_weights(A, 1.0, tol=_LEWIS_TOLERANCE, rng=seed)
        return rows.float64(weights.values), weights.rank, weights.status
    if method == "root_leverage":
        roots = root_leverage_scores(A, 1.0, rng=seed)
        return rows.float64(roots.values), roots.rank, roots.status
    sensitivities = lp_sensitivities(A, 1.0, rng=seed)
    leverage = leverage_scores(A, rng=seed)
    both = rows.each(_sum, rows.float64(sensitivities.values), rows.float64(leverage.values))
    return both, leverage.rank, leverage.status


def _sum(left: FloatArray, right: FloatArray) -> FloatArray:
    return left + right


def _default_size(rank: int, mu: float, eps: float, delta: float, n: int) -> int:
    rule = rank * (1.0 + mu) / eps + 2.0 * coupon_floor(rank, delta)
    return n if rule >= n else math.ceil(rule)
