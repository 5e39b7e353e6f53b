"""How far the law sampled is from the data's, from errors of the fields, and the best ε for it.

Girsanov's theorem gives KL(ρ_1 | ρ̂_1) ≤ (1/4ε) ∫ E|δb + ε δs|² dt for the SDE with drift b + ε s,
and with |δb + ε δs|² ≤ 2|δb|² + 2ε²|δs|² the bound (1/2ε) ∫E|δb|² + (ε/2) ∫E|δs|², smallest at
ε² = ∫E|δb|² / ∫E|δs|² (arXiv 2303.08797, section 2.5, with constants re-derived; our reading).
"""

from __future__ import annotations

import math

from ..._errors import check_positive

__all__ = ["best_epsilon", "divergence_bound"]


def divergence_bound(velocity_error: float, score_error: float, *, epsilon: float) -> float:
    """Upper bound of KL(ρ_1 | ρ̂_1) for sampling with learned b and s.

    Parameters
    ----------
    velocity_error, score_error : float
        Mean squared errors ∫ E|b - b̂|² dt and ∫ E|s - ŝ|² dt; twice the excess of an `objective`
        over its minimum.
    epsilon : float
        Positive and constant in time.

    Returns
    -------
    float

    Notes
    -----
    With excesses of the objectives in place of squared errors the factors are 1/ε and ε. A
    Brownian motion with errors δb = ε δs attains the bound.

    Examples
    --------
    >>> divergence_bound(0.04, 0.01, epsilon=2.0)
    0.02
    """
    epsilon = check_positive(epsilon, "epsilon")
    velocity_error = check_positive(velocity_error, "velocity_error", allow_zero=True)
    score_error = check_positive(score_error, "score_error", allow_zero=True)
    return velocity_error / (2.0 * epsilon) + 0.5 * epsilon * score_error


def best_epsilon(velocity_error: float, score_error: float) -> float:
    """The ε that makes `divergence_bound` smallest: the root of the ratio of the errors.

    Parameters
    ----------
    velocity_error, score_error : float
        As for `divergence_bound`; the second positive.

    Returns
    -------
    float

    Examples
    --------
    >>> best_epsilon(0.04, 0.01)
    2.0
    """
    velocity_error = check_positive(velocity_error, "velocity_error", allow_zero=True)
    return math.sqrt(velocity_error / check_positive(score_error, "score_error"))
