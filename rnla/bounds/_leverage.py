"""Rows 1, 15-18 and 20: leverage scores, their p/2-th powers, and well-conditioned bases.

Sources: Yasuda, PhD thesis, CMU-CS-24-110 (2024), chapters 1, 6 and 8, which contain Woodruff and
Yasuda (arXiv 2306.00732); for the degree in row 20, Dasgupta, Drineas, Harb, Kumar and Mahoney,
SIAM J. Comput. 38 (2009). O(1) each.
"""

from __future__ import annotations

import math

from rnla.bounds._row import PRange, logarithm, power, row

__all__ = [
    "leverage",
    "root_leverage_above_two",
    "root_leverage_below_two",
    "root_leverage_recursive_above_two",
    "root_leverage_recursive_below_two",
    "well_conditioned_basis",
]

_BELOW_TWO = PRange(0.0, 2.0)
_ABOVE_TWO = PRange(2.0, math.inf)


def _oversampling(n: int, delta: float, logs: bool) -> float:
    log = logarithm(logs)
    return log(n) ** 3 + log(1 / delta) if logs else 1.0


@row(1, "leverage scores", PRange(2.0, 2.0, True, True), source="Yasuda 2024, Theorem 1.3.3")
def leverage(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Row 1, p = 2: d log d / eps^2 (Yasuda 2024, Theorem 1.3.3)."""
    return d * logarithm(logs)(d) / eps**2


@row(15, "root leverage, one round", _BELOW_TWO, source="Yasuda 2024, Theorem 8.1.1")
def root_leverage_below_two(
    p: float, d: int, eps: float, *, n: int, delta: float, logs: bool = True
) -> float:
    """Row 15, p < 2: n^(1-p/2) d^(p/2) ((log n)^3 + log(1/delta)) / eps^2 (Yasuda 2024, 8.1.1)."""
    factor = _oversampling(n, delta, logs)
    return power(n, 1 - p / 2) * power(d, p / 2) * factor / eps**2


@row(16, "root leverage, recursive", _BELOW_TWO, source="Yasuda 2024, Theorem 8.1.1")
def root_leverage_recursive_below_two(
    p: float, d: int, eps: float, *, n: int, delta: float, logs: bool = True
) -> float:
    """Row 16, p < 2: d ((log n)^3 + log(1/delta))^(2/p) / eps^(4/p) (Yasuda 2024, 8.1.1)."""
    return d * power(_oversampling(n, delta, logs), 2 / p) * power(1 / eps, 4 / p)


@row(17, "root leverage, one round", _ABOVE_TWO, source="Yasuda 2024, Theorem 8.1.1")
def root_leverage_above_two(
    p: float, d: int, eps: float, *, n: int, delta: float, logs: bool = True
) -> float:
    """Row 17, p > 2: n^(1-2/p) d ((log n)^3 + log(1/delta)) / eps^2 (Yasuda 2024, 8.1.1)."""
    return power(n, 1 - 2 / p) * d * _oversampling(n, delta, logs) / eps**2


@row(18, "root leverage, recursive", _ABOVE_TWO, source="Yasuda 2024, Theorem 8.1.1")
def root_leverage_recursive_above_two(
    p: float, d: int, eps: float, *, n: int, delta: float, logs: bool = True
) -> float:
    """Row 18, p > 2: (d ((log n)^3 + log(1/delta)))^(p/2) / eps^p (Yasuda 2024, 8.1.1)."""
    return power(d * _oversampling(n, delta, logs), p / 2) * power(1 / eps, p)


@row(
    20,
    "row norms of a well-conditioned basis",
    PRange(1.0, math.inf, True),
    source="Yasuda 2024, Theorem 6.1.3; degree by Dasgupta et al. 2009",
    hidden="constant; the source says poly(d/eps), the degree is that of Dasgupta et al.",
)
def well_conditioned_basis(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Row 20, p >= 1: d^(max(p/2+1,p)+1) log(1/eps) / eps^2 (Dasgupta et al. 2009).

    Yasuda 2024, Theorem 6.1.3, states poly(d/eps); the degree shown is the earlier paper's.
    """
    return power(d, max(p / 2 + 1, p) + 1) * logarithm(logs)(1 / eps) / eps**2
