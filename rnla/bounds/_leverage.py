"""Rows 1, 15-18 and 20: leverage scores, their p/2-th powers, and well-conditioned bases.

Sources: Yasuda, PhD thesis, CMU-CS-24-110 (2024), chapters 1, 6 and 8, which contain Woodruff and
Yasuda (arXiv 2306.00732); for the degree in row 20, Dasgupta, Drineas, Harb, Kumar and Mahoney,
SIAM J. Comput. 38 (2009). O(1) each.
"""

from __future__ import annotations

import math

from ._row import PRange, logarithm, power, row

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


@row(1, "d log d / eps^2", PRange(2.0, 2.0, True, True), source="Yasuda 2024, Theorem 1.3.3")
def leverage(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Leverage scores."""
    return d * logarithm(logs)(d) / eps**2


@row(
    15,
    "n^(1-p/2) d^(p/2) ((log n)^3 + log(1/delta)) / eps^2",
    _BELOW_TWO,
    source="Yasuda 2024, Theorem 8.1.1",
)
def root_leverage_below_two(
    p: float, d: int, eps: float, *, n: int, delta: float, logs: bool = True
) -> float:
    """Root leverage, one round."""
    factor = _oversampling(n, delta, logs)
    return power(n, 1 - p / 2) * power(d, p / 2) * factor / eps**2


@row(
    16,
    "d ((log n)^3 + log(1/delta))^(2/p) / eps^(4/p)",
    _BELOW_TWO,
    source="Yasuda 2024, Theorem 8.1.1",
)
def root_leverage_recursive_below_two(
    p: float, d: int, eps: float, *, n: int, delta: float, logs: bool = True
) -> float:
    """Root leverage, recursive."""
    return d * power(_oversampling(n, delta, logs), 2 / p) * power(1 / eps, 4 / p)


@row(
    17,
    "n^(1-2/p) d ((log n)^3 + log(1/delta)) / eps^2",
    _ABOVE_TWO,
    source="Yasuda 2024, Theorem 8.1.1",
)
def root_leverage_above_two(
    p: float, d: int, eps: float, *, n: int, delta: float, logs: bool = True
) -> float:
    """Root leverage, one round."""
    return power(n, 1 - 2 / p) * d * _oversampling(n, delta, logs) / eps**2


@row(
    18,
    "(d ((log n)^3 + log(1/delta)))^(p/2) / eps^p",
    _ABOVE_TWO,
    source="Yasuda 2024, Theorem 8.1.1",
)
def root_leverage_recursive_above_two(
    p: float, d: int, eps: float, *, n: int, delta: float, logs: bool = True
) -> float:
    """Root leverage, recursive."""
    return power(d * _oversampling(n, delta, logs), p / 2) * power(1 / eps, p)


@row(
    20,
    "d^(max(p/2+1,p)+1) log(1/eps) / eps^2",
    PRange(1.0, math.inf, True),
    source="Yasuda 2024, Theorem 6.1.3; degree by Dasgupta et al. 2009",
    evidence="full text; degree recalled, not checked",
    hidden="constant; the source says poly(d/eps), the degree is that of Dasgupta et al.",
)
def well_conditioned_basis(p: float, d: int, eps: float, *, logs: bool = True) -> float:
    """Row norms of a well-conditioned basis."""
    return power(d, max(p / 2 + 1, p) + 1) * logarithm(logs)(1 / eps) / eps**2
