"""Control of the steps of Newton's method: lengths, floors of curvatures, exponents in between.

For p > 2 a row with a residual near 0 has next to no curvature, so a step can take it too far by
many orders of magnitude. Its length is then read off from the growth of the value, and if that is
not the only such row, the floor below which residuals get the curvature of larger ones is raised
until steps fit, and comes down again as they do. For p < 2 the curvature of the parabola that
touches the loss from above (iteratively reweighted least squares) does the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..._result import FloatArray
from .losses import Loss, Power
from .newton_pass import Found

__all__ = [
    "CERTIFIED",
    "Point",
    "accepts",
    "bolder",
    "careful",
    "floored",
    "near",
    "shorter",
    "shrink",
    "stages",
]

CERTIFIED = 0.5  # squared Newton decrement over the value below which a bound can be of use
_FLOOR_ABOVE_TWO = 1e-10  # curvatures are those of residuals of this size, relative to the mean
_FLOOR_BELOW_TWO = 1e-12
_RAISE = 100.0  # factor of the curvature at the floor after steps that went too far
_LEAST_RAISED = 1e-4  # of the curvature of a residual as large as the norm of all
_GROWTH = 1.5  # factor of p from stage to stage


@dataclass(frozen=True, eq=False)
class Point:
    """A point and what its pass found, with the ridge added."""

    loss: Loss
    y: FloatArray
    found: Found
    value: float
    gradient: FloatArray  # the negative one: a step s with gradient^T s > 0 descends
    hessian: FloatArray


def accepts(loss: Loss, here: Point, there: Point, s: FloatArray, length: float) -> bool:
    """Whether to go on from `there`."""
    if not math.isfinite(there.value):
        return False
    if there.value <= here.value * (1.0 + 1e-14):
        return True
    if loss.degree is not None and loss.degree > 2.0:
        return False
    # Primal-dual steps may go up a little, as long as the slope beyond is not as steep.
    return float(-(there.gradient @ s)) <= 0.9 * abs(float(here.gradient @ s))


def shorter(loss: Loss, here: Point, there: Point, s: FloatArray, length: float) -> float:
    """Where the secant of the two slopes vanishes, within limits."""
    if not math.isfinite(there.value):
        return 1e-3 * length
    before, after = float(here.gradient @ s), -float(there.gradient @ s)
    part = before / (before + after) if after > 0.0 else 0.5
    least = 0.1
    if loss.degree is not None and there.value > here.value > 0.0:
        # Far away the value grows like a power of the length.
        least = min(least, (here.value / there.value) ** (1.0 / loss.degree))
    return length * min(max(part, least), 0.7)


def careful(loss: Power, value: float) -> Power:
    """What to take curvatures from after steps that went too far from a point of this value."""
    if loss.p < 2.0:
        return loss
    root, norm = _root(loss.p), value ** (1.0 / loss.p)
    floor = max(_RAISE**root * loss.floor, _LEAST_RAISED**root * norm)
    return Power(loss.p, floor=min(floor, norm))


def bolder(loss: Loss) -> Loss:
    """With a smaller floor of curvatures, if it was raised."""
    if not isinstance(loss, Power) or loss.p <= 2.0 or loss.floor <= _FLOOR_ABOVE_TWO:
        return loss
    return Power(loss.p, floor=max(loss.floor / _RAISE ** _root(loss.p), _FLOOR_ABOVE_TWO))


def _root(p: float) -> float:
    """What takes a curvature |r|^(p - 2) to its residual."""
    return min(1.0 / (p - 2.0), 50.0)


def shrink(loss: Loss, excess: float) -> float:
    """A factor that takes slopes off by at most `excess` into a domain around 0."""
    low, high = loss.domain
    room = min(-low, high)
    if excess <= 0.0 or not 0.0 < room < math.inf:
        return 1.0
    return room / (room + excess)


def near(loss: Loss, tol: float) -> float:
    """Squared decrement over the value at which the gap after the next step may be `tol`.

    Measured: for p > 2 that gap is the decrement to the fourth power over the value squared, within
    a factor of ten; for p < 2 it falls late, and the later the nearer p is to 1.
    """
    p = loss.degree
    if p is None:
        decrement = 100.0 * math.sqrt(tol)
    else:
        decrement = 3.0 * math.sqrt(tol) if p >= 2.0 else tol * 100.0**p
    return min(CERTIFIED, decrement)


def stages(p: float) -> list[float]:
    """Exponents from 2 to p, growing by at most a factor."""
    if p <= 2.0 * _GROWTH:
        return [p]
    count = math.ceil(math.log(p / 2.0) / math.log(_GROWTH))
    return [2.0 * (p / 2.0) ** (k / count) for k in range(1, count)] + [p]


def floored(p: float) -> Power:
    """The loss with curvatures of residuals that are not too small."""
    return Power(p, floor=_FLOOR_ABOVE_TWO if p > 2.0 else _FLOOR_BELOW_TWO)
