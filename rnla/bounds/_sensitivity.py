"""Rows 8-14: sampling by lp sensitivities, alone and combined with leverage scores.

Sources: Woodruff and Yasuda, ICML 2023 (arXiv 2306.00732); Yasuda, PhD thesis, CMU-CS-24-110
(2024), chapter 7; Chen and Derezinski, COLT 2021 (arXiv 2105.14261); Munteanu and Omlor, ICML 2024
(arXiv 2406.00328). `total_sensitivity` is S = sum of the sensitivities. O(1) each.
"""

from __future__ import annotations

import math

from ._row import PRange, logarithm, power, row

__all__ = [
    "crossover_mixed",
    "crossover_sensitivity",
    "leverage_sensitivity_mix",
    "sensitivity_above_two",
    "sensitivity_below_two",
    "sensitivity_below_two_sharp",
    "sensitivity_generic",
    "sensitivity_plus_leverage",
    "sensitivity_recursive",
]

_ONE_TO_TWO = PRange(1.0, 2.0, True, True)
_ABOVE_TWO = PRange(2.0, math.inf)
_HIDES_LOGS = "constant and logarithms"


@row(
    8,
    "S d / eps^2",
    PRange(0.0, math.inf),
    source="Yasuda 2024, section 1.3.1",
    hidden=_HIDES_LOGS,
)
def sensitivity_generic(
    p: float, total_sensitivity: float, eps: float, *, d: int, logs: bool = True
) -> float:
    """Sensitivities, generic dimension bound."""
    return total_sensitivity * d / eps**2


@row(
    9,
    "S^(2/p) (L^(2/p-1) (log d/(2-p) + log(L/eps)) (log d)^2 + l) / eps^2",
    PRange(1.0, 2.0, True),
    source="Woodruff and Yasuda 2023; Yasuda 2024, Theorem 7.4.3",
    hidden="constants, also that of the moment order l",
)
def sensitivity_below_two(
    p: float,
    total_sensitivity: float,
    eps: float,
    *,
    d: int,
    n: int,
    delta: float,
    logs: bool = True,
) -> float:
    """Sensitivities.

    L = l log n, where l is the order of the moment that the proof bounds, read here as
    log(1/delta) + loglog n.
    """
    leading = power(total_sensitivity, 2 / p) / eps**2
    if not logs:
        return leading
    log = logarithm(True)
    order = log(1 / delta) + log(log(n))
    mass = order * log(n)
    factor = power(mass, 2 / p - 1) * (log(d) / (2 - p) + log(mass / eps)) * log(d) ** 2 + order
    return leading * factor


@row(
    10,
    "S d^(1-p/2) / eps^2",
    _ONE_TO_TWO,
    source="Chen and Derezinski 2021, Theorem 5; tight by Munteanu and Omlor 2024",
    evidence="full text; tightness from the abstract",
    hidden=_HIDES_LOGS,
)
def sensitivity_below_two_sharp(
    p: float, total_sensitivity: float, eps: float, *, d: int, logs: bool = True
) -> float:
    """Sensitivities.

    Never above row 9, since S >= d^(p/2), and tight for plain sensitivities.
    """
    return total_sensitivity * power(d, 1 - p / 2) / eps**2


@row(
    11,
    "S^(2-2/p) / eps^2",
    _ABOVE_TWO,
    source="Woodruff and Yasuda 2023, Theorem 1.5; Yasuda 2024, Theorem 7.4.5",
    hidden=_HIDES_LOGS,
)
def sensitivity_above_two(
    p: float, total_sensitivity: float, eps: float, *, logs: bool = True
) -> float:
    """Sensitivities.

    The factor left out is polynomial in log n, log(1/delta) and p.
    """
    return power(total_sensitivity, 2 - 2 / p) / eps**2


@row(
    12, "p^2 S^(2-2/p) log(pd)^2 log(pd/eps) / eps^2", _ABOVE_TWO, source="Yasuda 2024, Lemma 7.4.4"
)
def sensitivity_recursive(
    p: float, total_sensitivity: float, eps: float, *, d: int, logs: bool = True
) -> float:
    """Sensitivities, recursive halving."""
    log = logarithm(logs)
    factor = log(p * d) ** 2 * log(p * d / eps)
    return p**2 * power(total_sensitivity, 2 - 2 / p) * factor / eps**2


@row(
    13,
    "(S + d) / eps^2",
    _ONE_TO_TWO,
    source="Munteanu and Omlor 2024 (arXiv 2406.00328)",
    evidence="abstract only",
    hidden=_HIDES_LOGS,
)
def sensitivity_plus_leverage(
    p: float, total_sensitivity: float, eps: float, *, d: int, logs: bool = True
) -> float:
    """Sensitivities plus leverage."""
    return (total_sensitivity + d) / eps**2


@row(
    14,
    "d^(2/p) S^(2-4/p) / eps^2",
    _ABOVE_TWO,
    source="Woodruff and Yasuda 2023, abstract",
    evidence="abstract only",
    hidden=_HIDES_LOGS,
)
def leverage_sensitivity_mix(
    p: float, total_sensitivity: float, eps: float, *, d: int, logs: bool = True
) -> float:
    """Leverage and sensitivities mixed."""
    return power(d, 2 / p) * power(total_sensitivity, 2 - 4 / p) / eps**2


def crossover_sensitivity(p: float, d: int) -> float:
    """Total sensitivity below which row 11 beats Lewis weights (row 5): d^(p^2/(4p-4)), p > 2.

    Logarithms and constants are left out on both sides.
    """
    p, d = _above_two(p, d)
    return power(d, p * p / (4 * p - 4))


def crossover_mixed(p: float, d: int) -> float:
    """Total sensitivity below which row 14 beats Lewis weights (row 5): d^((p+2)/4), p > 2.

    It solves d^(2/p) S^(2-4/p) = d^(p/2); logarithms and constants are left out on both sides.
    """
    p, d = _above_two(p, d)
    return power(d, (p + 2) / 4)


def _above_two(p: float, d: int) -> tuple[float, int]:
    # One evaluation of a row checks both arguments with that row's own messages.
    leverage_sensitivity_mix(p, 1.0, 0.5, d=d)
    return float(p), int(d)
