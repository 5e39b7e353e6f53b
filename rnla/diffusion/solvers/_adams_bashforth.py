"""Weights of the Adams-Bashforth formulas for equal steps: the newest slope first.

The integral over the next step of the polynomial through the newest slopes (Hairer, Nørsett and
Wanner, Solving Ordinary Differential Equations I, section III.1). Second order whatever the steps
if they change slowly; orders 3 and above need equal steps.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ADAMS_BASHFORTH", "mixture"]

#: Weights by order.
ADAMS_BASHFORTH: dict[int, tuple[float, ...]] = {
    1: (1.0,),
    2: (3 / 2, -1 / 2),
    3: (23 / 12, -16 / 12, 5 / 12),
    4: (55 / 24, -59 / 24, 37 / 24, -9 / 24),
    5: (1901 / 720, -2774 / 720, 2616 / 720, -1274 / 720, 251 / 720),
}


def mixture(history: Sequence[str], order: int) -> dict[str, float]:
    """Weights of the newest registers of a history, oldest first, by the order it allows."""
    weights = ADAMS_BASHFORTH[min(order, len(history))]
    return dict(zip(reversed(history), weights, strict=False))
