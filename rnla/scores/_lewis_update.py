"""One step of a Lewis iteration on the log-weights, wherever the row vectors are.

With h = log ||a_i M|| at the current weights, log tau - log w = 2 h - (2/p) log w.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .._result import FloatArray
from ..tall import rows

__all__ = ["residuals", "towards"]


def residuals(h: Any, log_w: Any, p: float, *vectors: Any) -> tuple[tuple[float, float], Any]:
    """Smallest and largest log tau - log w, and vectors as by `rows.settle`, in one go."""
    return rows.settled_fold(partial(_extremes, p), rows.wider, (h, log_w), *vectors)


def _extremes(p: float, start: int, h: FloatArray, log_w: FloatArray) -> tuple[float, float]:
    from ..kernels import lewis_update

    least, most = lewis_update.extremes(h, log_w, p)
    return float(least), float(most)


def towards(
    h: Any, log_w: Any, before: Any, p: float, *, kept: float, factor: float, divisor: float = 1.0
) -> Any:
    """kept * before + factor * (log T(w) - log w) / divisor, with T the fixed-point map."""
    return rows.each(partial(_step, p, kept, factor, divisor), h, log_w, before)


def _step(
    p: float,
    kept: float,
    factor: float,
    divisor: float,
    h: FloatArray,
    log_w: FloatArray,
    before: FloatArray | None,
) -> Any:
    from ..kernels import lewis_update

    return lewis_update.steps(h, log_w, before, p, kept, factor, divisor)
