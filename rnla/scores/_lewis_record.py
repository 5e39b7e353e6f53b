"""What `lewis_weights` returns: the weights, what kind of approximation they are, and the proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .._result import ArrayRecord, FloatArray, Status

__all__ = ["LewisKind", "LewisWeights"]

LewisKind = Literal["estimate", "two_sided", "one_sided"]


@dataclass(frozen=True, eq=False)
class LewisWeights(ArrayRecord):
    """Lewis weights of the rows, with measured errors. ``np.asarray(weights)`` gives `values`.

    Below, tau stands for the leverage scores of W^(1/2-1/p) A: exact Lewis weights have w = tau.

    Attributes
    ----------
    values : ndarray, shape (n,)
        The weights; float32 if the matrix was float32. Zero rows have weight 0. A Dask or CuPy
        array if the matrix was one.
    p : float
        The norm they belong to; may be infinite.
    kind : str
        How they relate to the exact weights w*. ``"estimate"``: every log w_i is within
        `estimate_error` of log w*_i, proven from the residual. ``"two_sided"``: every log w_i is
        within `residual` of log tau_i, which is too large for a proven bound to w*.
        ``"one_sided"``: w_i >= gamma tau_i, enough for sampling; the price is `total`, at least the
        rank.
    method : str
        ``"leverage"`` (p = 2), ``"damped"``, ``"fixed_point"``, ``"potential"``, ``"one_sided"`` or
        ``"active_set"``.
    residual : float
        ``max |log tau_i - log w_i|`` over rows of positive weight, measured with the `basis`
        returned.
        For one-sided weights the larger side only, log max tau_i / w_i, as it was before the
        weights were multiplied by it.
    gamma : float
        Largest number with w_i >= gamma tau_i for all rows, as measured; at most 1.
    estimate_error : float or None
        Proven bound on ``max |log w_i - log w*_i|``, rounding apart; None if there is none.
    total : float
        Sum of the weights. Exact Lewis weights sum to the rank.
    basis : ndarray, shape (d, rank)
        Lewis basis M: diag(w)^(1/2-1/p) A M has orthonormal columns.
    rank, condition, gap, path
        Of A itself, as in `Scores`.
    iterations : int
        Evaluations of leverage scores.
    passes : int
        Passes over the rows that were spent.
    seed : int
        Seed of the random choices inside the basis computation.
    status : Status
        How it ended; its value is a message for people.
    """

    values: Any
    p: float
    kind: LewisKind
    method: str
    residual: float
    gamma: float
    estimate_error: float | None
    total: float
    basis: FloatArray
    rank: int
    condition: float
    gap: float
    path: str
    iterations: int
    passes: int
    seed: int
    status: Status = Status.OK
