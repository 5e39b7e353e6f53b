"""Rows 21 and 22: how many labels an lp regression has to read when labels are hidden.

Sources: Yasuda, PhD thesis, CMU-CS-24-110 (2024), chapter 12, which contains Musco, Musco, Woodruff
and Yasuda (arXiv 2111.04888); Chen and Derezinski, COLT 2021 (arXiv 2105.14261). O(1) each.
"""

from __future__ import annotations

import math

from ._row import PRange, logarithm, power, row

__all__ = [
    "active_above_two",
    "active_at_most_one",
    "active_below_two",
    "active_one",
    "active_one_lower",
]

_SOURCE = "Yasuda 2024, Theorem 12.1.3 (tight)"
_HIDES_LOGS = "constant and logarithms"
_ONE = PRange(1.0, 1.0, True, True)


@row(
    21,
    "d / eps^2",
    PRange(0.0, 1.0, high_closed=True),
    source=_SOURCE,
    hidden=_HIDES_LOGS,
    counts="labels",
)
def active_at_most_one(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Active regression."""
    return d / eps**2


@row(
    21,
    "d / eps",
    PRange(1.0, 2.0),
    source=_SOURCE,
    hidden=_HIDES_LOGS,
    counts="labels",
)
def active_below_two(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Active regression."""
    return d / eps


@row(
    21,
    "d^(p/2) / eps^(p-1)",
    PRange(2.0, math.inf),
    source=_SOURCE,
    hidden=_HIDES_LOGS,
    counts="labels",
)
def active_above_two(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Active regression."""
    return power(d, p / 2) * power(1 / eps, p - 1)


@row(
    22,
    "d log(d/(eps delta)) / eps^2",
    _ONE,
    source="Chen and Derezinski 2021, Theorem 2",
    counts="labels",
)
def active_one(p: float, d: int, eps: float, *, delta: float, logs: bool = True) -> float:
    """Active l1 regression."""
    return d * logarithm(logs)(d / (eps * delta)) / eps**2


@row(
    22,
    "(d + log(1/delta)) / eps^2",
    _ONE,
    source="Chen and Derezinski 2021, Theorem 2",
    kind="lower",
    counts="labels",
)
def active_one_lower(p: float, d: int, eps: float, *, delta: float, logs: bool = True) -> float:
    """Active l1 regression, any method.

    For some matrix and labels.
    """
    return (d + (logarithm(True)(1 / delta) if logs else 0.0)) / eps**2
