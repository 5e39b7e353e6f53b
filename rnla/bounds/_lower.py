"""Rows 24 and 25: what no choice of rows can beat.

Sources: Li, Wang and Woodruff 2021, restated as Theorem 6.1.5 of Yasuda, PhD thesis, CMU-CS-24-110
(2024); an unrefereed note of September 2026 on complete graphs, whose one-page proof was worked
through again. O(1) each.
"""

from __future__ import annotations

import math

from .._errors import argument_error
from ._row import PRange, power, row

__all__ = ["any_rows_lower", "complete_graph_lower"]


@row(
    24,
    "d / eps^2; for p > 2 the larger of it and d^(p/2) / eps",
    PRange(0.0, math.inf, without_even=True),
    source="Li, Wang and Woodruff 2021; Yasuda 2024, Theorem 6.1.5",
    kind="lower",
    hidden="constant and logarithms",
)
def any_rows_lower(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Any choice of rows.

    For some matrix; even p escapes it (see the exact power embedding).
    """
    flat = d / eps**2
    return max(flat, power(d, p / 2) / eps) if p > 2 else flat


@row(
    25,
    "(6 eps)^(-p) (d+1)/2",
    PRange(2.0, math.inf),
    source="note of September 2026 on complete-graph obstructions",
    kind="lower",
    evidence="unrefereed, proof repeated",
    hidden="nothing",
)
def complete_graph_lower(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Any reweighted rows of a complete graph (S = O(d)).

    For the incidence matrix of the complete graph on d + 1 vertices, whose total sensitivity is
    O(d): so (S + d) / eps^2 rows cannot suffice for p > 2. Stated for d >= 6^(-p) eps^(-(p+1)); a
    smaller d raises `ArgumentError`.
    """
    smallest = power(6.0, -p) * power(1 / eps, p + 1)
    if d < smallest:
        raise argument_error(
            "d",
            d,
            f"at least 6**-p * eps**-(p+1) = {smallest:.6g}, where row 25 is proved",
            "Raise eps; the complete graph on d + 1 vertices has too few edges for this one.",
        )
    return power(1 / (6 * eps), p) * (d + 1) / 2
