"""Rows 24 and 25: what no choice of rows can beat.

Sources: Li, Wang and Woodruff 2021, restated as Theorem 6.1.5 of Yasuda, PhD thesis, CMU-CS-24-110
(2024); an unrefereed note of September 2026 on complete graphs, whose one-page proof was worked
through again. O(1) each.
"""

from __future__ import annotations

import math

from rnla._errors import argument_error
from rnla.bounds._row import PRange, power, row

__all__ = ["any_rows_lower", "complete_graph_lower"]


@row(
    24,
    "any choice of rows",
    PRange(0.0, math.inf, without_even=True),
    source="Li, Wang and Woodruff 2021; Yasuda 2024, Theorem 6.1.5",
    kind="lower",
    hidden="constant and logarithms",
)
def any_rows_lower(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Row 24, p not an even integer: d / eps^2, and for p > 2 also d^(p/2) / eps; the larger.

    Up to a constant and logarithms, for some matrix (Li, Wang and Woodruff 2021; restated in
    Yasuda 2024, Theorem 6.1.5).
    """
    flat = d / eps**2
    return max(flat, power(d, p / 2) / eps) if p > 2 else flat


@row(
    25,
    "any reweighted rows of a complete graph (S = O(d))",
    PRange(2.0, math.inf),
    source="note of September 2026 on complete-graph obstructions",
    kind="lower",
    evidence="unrefereed, proof repeated",
    hidden="nothing",
)
def complete_graph_lower(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Row 25, p > 2: (6 eps)^(-p) (d+1)/2 rows, for the complete graph on d + 1 vertices.

    Its total sensitivity is O(d), so eps^-2 (S + d) rows cannot suffice for p > 2. The statement
    needs d >= 6^(-p) eps^(-(p+1)); a smaller d raises `ArgumentError`.
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
