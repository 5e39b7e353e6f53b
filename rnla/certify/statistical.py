"""Tier V5: what a sample looks like statistically. It describes and warns, and proves nothing.

Typical distortion: |N / D - 1| over Gaussian x = M z; typical, because no x is searched.

Balance: T = sum over the sample of weight x score minus the sum of all scores, with score
tau_i^(p/2), proportional to the mean of |a_i . x|^p over those x. Unbiased weights give T mean
zero; the variance is estimated from the kept rows and their probabilities (Horvitz and Thompson
1952), and Bernstein's inequality turns T into a p-value. Below `FALSE_ALARM_RATE` a warning is
issued, so unbiased Poisson samples raise it at most that often, as far as the estimated variance
can be trusted: heavy rows that had little chance to be drawn make T alarm too, a fault of the
sample even if not of its weights.

Weights: effective sample size (sum w)^2 / sum w^2 and the largest weight x score.

`details`: ``typical_median``, ``typical_95``, ``balance`` (T relative to the sum of scores),
``balance_p_value``, ``effective_sample_size``, ``max_weight_score`` (times size over total: 1 if
rows were drawn in proportion to their scores), ``warnings``. No pass beside the leverage scores.
"""

from __future__ import annotations

import math

import numpy as np

from .._result import FloatArray
from ..tall import rows
from ._certificate import TierResult
from ._problem import Problem
from ._row_vectors import power

__all__ = ["FALSE_ALARM_RATE", "balance_test", "random_directions", "statistical_tier"]

FALSE_ALARM_RATE = 1e-3
_DIRECTIONS = 60


def random_directions(problem: Problem) -> FloatArray:
    """x = M z for independent Gaussian z, (d, 60): A x is uniform over directions of the range."""
    generator = problem.whole.stream("typical").generator()
    return np.asarray(problem.basis.M @ generator.standard_normal((problem.rank, _DIRECTIONS)))


def statistical_tier(problem: Problem, typical: FloatArray, rank_preserved: bool) -> TierResult:
    """Describe the sample; `typical` are the ratios at `random_directions`."""
    exponent = problem.p / 2.0
    kept = problem.kept_leverage**exponent / rows.total(power(exponent, problem.leverage))
    omega = problem.weights
    balance, p_value = balance_test(kept, omega, problem.probabilities, repeats=problem.repeats)
    deviation = np.abs(typical - 1.0)
    effective = float((omega / omega.max()).sum() ** 2 / np.sum((omega / omega.max()) ** 2))
    largest = float(np.max(omega * kept)) * omega.size
    warnings = []
    if p_value < FALSE_ALARM_RATE:
        warnings.append(
            f"the weights count a random x {balance:+.1%} off (p-value {p_value:.1e}): they are "
            "biased, or heavy rows had little chance to be drawn"
        )
    counts = omega * problem.probabilities
    if np.any(np.abs(counts - np.maximum(np.rint(counts), 1.0)) > 1e-6 * np.maximum(counts, 1.0)):
        warnings.append("some weights are not whole counts divided by the stated probabilities")
    if effective < problem.rank:
        warnings.append(
            f"the weights are as uneven as {effective:.1f} equal ones, fewer than the rank "
            f"{problem.rank}: a few rows decide everything"
        )
    if not rank_preserved:
        warnings.append("the sample has lost rank: some x with Ax != 0 have SAx = 0")
    details = {
        "typical_median": float(np.median(deviation)),
        "typical_95": float(np.quantile(deviation, 0.95)),
        "balance": balance,
        "balance_p_value": p_value,
        "effective_sample_size": effective,
        "max_weight_score": largest,
        "warnings": tuple(warnings),
    }
    return TierResult("statistical", np.empty((problem.A.shape[1], 0)), details=details)


def balance_test(
    kept: FloatArray,
    weights: FloatArray,
    probabilities: FloatArray,
    *,
    repeats: bool = False,
) -> tuple[float, float]:
    """T relative to the sum of scores, and a two-sided Bernstein p-value for mean zero.

    `kept` are the scores of the kept rows relative to the sum of all, `probabilities` the expected
    counts of the kept rows under the design that is claimed; `repeats` says that rows were drawn
    with replacement. Rows that are certain to be kept add no variance.
    """
    T = float(weights @ kept) - 1.0
    if abs(T) <= 1e-9:
        return T, 1.0
    q = probabilities if repeats else np.minimum(probabilities, 1.0)
    terms = kept / q
    counts = np.maximum(np.rint(weights * probabilities), 1.0) if repeats else 1.0 - q
    variance = float(np.sum(counts * terms**2))
    uncertain = terms if repeats else terms[q < 1.0]
    largest = float(uncertain.max(initial=0.0))
    exponent = T**2 / (2.0 * (variance + largest * abs(T) / 3.0 + 1e-300))
    return T, min(1.0, 2.0 * math.exp(-min(exponent, 700.0)))
