"""Rows 2-7, 19 and 23: sampling by lp Lewis weights, offline, one-sided, online and by groups.

Sources: Cohen and Peng (arXiv 1412.0588); Yasuda, PhD thesis, CMU-CS-24-110 (2024), chapter 6,
which contains Woodruff and Yasuda (arXiv 2207.08268); Manoj and Ovsiankin (arXiv 2311.10013). O(1).
"""

from __future__ import annotations

import math

from ._row import PRange, logarithm, power, row

__all__ = [
    "block_lewis",
    "lewis_above_two",
    "lewis_above_two_older",
    "lewis_below_two",
    "lewis_one",
    "one_sided_lewis_above_two",
    "one_sided_lewis_below_two",
    "online_lewis_above_two",
    "online_lewis_below_two",
]

_BELOW_TWO = PRange(0.0, 2.0)
_ABOVE_TWO = PRange(2.0, math.inf)


@row(
    2,
    "d log(d/eps) / eps^2",
    PRange(1.0, 1.0, True, True),
    source="Cohen and Peng 2015; Yasuda 2024, Theorem 6.1.9",
)
def lewis_one(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Lewis weights."""
    log = logarithm(logs)
    return d * log(d / eps) / eps**2


@row(3, "d log(d/eps) loglog(d/eps) / eps^2", PRange(1.0, 2.0), source="Yasuda 2024, Theorem 6.1.9")
def lewis_below_two(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Lewis weights."""
    log = logarithm(logs)
    return d * log(d / eps) * log(log(d / eps)) / eps**2


@row(4, "d^(p/2) log d log(1/eps) / eps^5", _ABOVE_TWO, source="Yasuda 2024, Theorem 6.1.9")
def lewis_above_two_older(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Lewis weights, older analysis."""
    log = logarithm(logs)
    return power(d, p / 2) * log(d) * log(1 / eps) / eps**5


@row(5, "d^(p/2) (log d)^2 log(d/eps) / eps^2", _ABOVE_TWO, source="Yasuda 2024, Theorem 6.1.11")
def lewis_above_two(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Lewis weights."""
    log = logarithm(logs)
    return power(d, p / 2) * log(d) ** 2 * log(d / eps) / eps**2


@row(
    6,
    "W (log d)^2 log n log(1/delta) / (gamma eps^2)",
    _BELOW_TWO,
    source="Yasuda 2024, Theorem 6.5.1",
)
def one_sided_lewis_below_two(
    p: float,
    weight_sum: float,
    eps: float,
    *,
    d: int,
    n: int,
    delta: float,
    gamma: float = 1.0,
    logs: bool = True,
) -> float:
    """One-sided Lewis weights.

    The weights satisfy w_i >= gamma tau_i(W^(1/2-1/p) A), and W in the size is their sum.
    """
    log = logarithm(logs)
    return weight_sum * log(d) ** 2 * log(n) * log(1 / delta) / (gamma * eps**2)


@row(
    7,
    "(W/gamma)^(p/2) (log d)^2 log(n/eps) log(1/delta) / eps^2",
    _ABOVE_TWO,
    source="Yasuda 2024, Theorem 6.5.1",
)
def one_sided_lewis_above_two(
    p: float,
    weight_sum: float,
    eps: float,
    *,
    d: int,
    n: int,
    delta: float,
    gamma: float = 1.0,
    logs: bool = True,
) -> float:
    """One-sided Lewis weights.

    The notation is that of row 6.
    """
    log = logarithm(logs)
    factor = log(d) ** 2 * log(n / eps) * log(1 / delta) / eps**2
    return power(weight_sum / gamma, p / 2) * factor


@row(
    19,
    "row 6 with W = d log(n kappa)",
    _BELOW_TWO,
    source="Yasuda 2024, Lemma 6.6.6 and Theorem 6.5.1",
)
def online_lewis_below_two(
    p: float,
    d: int,
    eps: float,
    *,
    n: int,
    delta: float,
    online_condition: float,
    logs: bool = True,
) -> float:
    """Online Lewis weights.

    kappa is the online condition number.
    """
    weight_sum = d * logarithm(logs)(n * online_condition)
    return one_sided_lewis_below_two(p, weight_sum, eps, d=d, n=n, delta=delta, logs=logs)


@row(
    19,
    "row 7 with W = d log(n kappa)",
    _ABOVE_TWO,
    source="Yasuda 2024, Lemma 6.6.6 and Theorem 6.5.1",
)
def online_lewis_above_two(
    p: float,
    d: int,
    eps: float,
    *,
    n: int,
    delta: float,
    online_condition: float,
    logs: bool = True,
) -> float:
    """Online Lewis weights.

    kappa is the online condition number.
    """
    weight_sum = d * logarithm(logs)(n * online_condition)
    return one_sided_lewis_above_two(p, weight_sum, eps, d=d, n=n, delta=delta, logs=logs)


@row(
    23,
    "d^max(1,p/2) (log d)^2 log(d/eps) / eps^2",
    PRange(1.0, math.inf, True),
    source="Manoj and Ovsiankin 2023 (arXiv 2311.10013)",
    evidence="abstract only",
    counts="groups",
)
def block_lewis(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Block norms, Lewis weights of groups."""
    log = logarithm(logs)
    return power(d, max(1.0, p / 2)) * log(d) ** 2 * log(d / eps) / eps**2
