"""Maximise a ratio U / L of sums of p-th powers over the lines through z along v.

p = 1: both sums are piecewise linear, U is convex, so the ratio is largest where L has a kink; all
kinks are visited by sorting, O(k log k), and the answer is the global maximum over the plane
spanned by z and v. Other p: expansion or halving of a first step, each trial one power sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._result import FloatArray
from ._sums import absolute_power

__all__ = ["LinePoint", "log_sum", "search_line", "sweep_plane"]


@dataclass(frozen=True)
class LinePoint:
    """The point cos * z + sin * v, the log ratio there, and the row of L that vanishes (or -1)."""

    cos: float
    sin: float
    log_ratio: float
    row: int = -1


def log_sum(y: FloatArray, weights: FloatArray, p: float) -> float:
    """log of the sum of weights |y|^p."""
    top = float(np.abs(y).max(initial=0.0))
    if top == 0.0:
        return -np.inf
    return float(np.log(weights @ absolute_power(y / top, p)) + p * np.log(top))


def _kinks(
    a: FloatArray, b: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Kinks t of f(t) = sum of w |a + t b|, sorted, their rows, and (f_a, f_b) left of each kink.

    Between kinks f(t) = f_a + t f_b; the arrays of coefficients have one more entry than t.
    """
    moving = np.flatnonzero(b)
    t = -a[moving] / b[moving]
    order = np.argsort(t)
    moving = moving[order]
    w, a_moving, b_moving = weights[moving], a[moving], b[moving]
    sign = np.sign(b_moving)
    still = float(weights @ np.abs(a)) - float(w @ np.abs(a_moving))
    f_a = np.empty(t.size + 1)
    f_b = np.empty(t.size + 1)
    f_a[0] = max(still, 0.0) - float(w @ (a_moving * sign))
    f_b[0] = -float(w @ np.abs(b_moving))
    f_a[1:] = f_a[0] + 2.0 * np.cumsum(w * a_moving * sign)
    f_b[1:] = f_b[0] + 2.0 * np.cumsum(w * np.abs(b_moving))
    return t[order], moving, f_a, f_b


def sweep_plane(
    upper: tuple[FloatArray, FloatArray, FloatArray],
    lower: tuple[FloatArray, FloatArray, FloatArray],
) -> LinePoint:
    """The largest U / L over span{z, v} at p = 1; sides are (rows . z, rows . v, weights)."""
    t, rows, l_a, l_b = _kinks(*lower)
    s, _, u_a, u_b = _kinks(*upper)
    where = np.searchsorted(s, t)
    low = l_a[1:] + t * l_b[1:]
    high = u_a[where] + t * u_b[where]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(low > 0, high / low, 0.0)
        # t = infinity, that is v itself, is a kink too if a row is orthogonal to v.
        ends = np.array([upper[2] @ np.abs(upper[i]) for i in (0, 1)]) / np.array(
            [lower[2] @ np.abs(lower[i]) for i in (0, 1)]
        )
    best = int(np.argmax(ratio)) if ratio.size else -1
    inside = ratio[best] if best >= 0 else 0.0
    end = int(np.nanargmax(ends)) if np.any(np.isfinite(ends)) else 0
    with np.errstate(divide="ignore"):
        if best < 0 or ends[end] > inside:
            point = (1.0, 0.0) if end == 0 else (0.0, 1.0)
            return LinePoint(*point, float(np.log(ends[end])))
        length = np.hypot(1.0, t[best])
        return LinePoint(
            float(1.0 / length), float(t[best] / length), float(np.log(inside)), int(rows[best])
        )


def search_line(
    upper: tuple[FloatArray, FloatArray, FloatArray],
    lower: tuple[FloatArray, FloatArray, FloatArray],
    p: float,
    first: float,
    start: float,
) -> LinePoint:
    """A better t > 0 for the log ratio at z + t v, from the trial step `first`; t = 0 if none."""

    def value(t: float) -> float:
        sides = [log_sum(a + t * b, w, p) for a, b, w in (upper, lower)]
        return sides[0] - sides[1]

    t, best = first, value(first)
    if best > start:
        for _ in range(10):
            further = value(2.0 * t)
            if not further > best:
                break
            t, best = 2.0 * t, further
    else:
        for _ in range(12):
            t /= 2.0
            best = value(t)
            if best > start:
                break
        else:
            return LinePoint(1.0, 0.0, start)
    for trial in (0.7 * t, 1.4 * t):
        further = value(trial)
        if further > best:
            t, best = trial, further
    return LinePoint(1.0, t, best)
