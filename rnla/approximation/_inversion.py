"""Inverses of distribution functions: Newton's iteration inside a bracket, all points in step.

A step is Newton's while it stays inside the bracket and shrinks as fast as bisection would, which
is taken otherwise. Near a zero of the density convergence is linear; a few steps elsewhere. Stops
when the residual, the bracket relative to its ends, or Newton's step is one unit of rounding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .family import IntArray
from .measures import Array

__all__ = ["invert"]

_STEPS = 200
_ROUNDING = float(np.finfo(np.float64).eps)

Function = Callable[[Array, IntArray], tuple[Array, Array]]


def invert(
    function: Function,
    u: Array,
    low: Array,
    high: Array,
    start: Array,
    *,
    tolerance: float = _ROUNDING,
) -> Array:
    """The t with F(t) = u, where function(t, rows) gives F and its density for some of the rows.

    `low` and `high` (n,) must bracket the answers; they and `start` are overwritten. `tolerance` is
    the residual to stop at: no less than what F is accurate to, or bisection goes on in the noise.
    """
    t = start
    before = high - low  # length of the step before the last
    last = before.copy()
    active = np.arange(u.size)
    for _ in range(_STEPS):
        here, level = t[active], u[active]
        value, density = function(here, active)
        residual = value - level
        low[active] = np.where(residual < 0.0, here, low[active])
        high[active] = np.where(residual > 0.0, here, high[active])
        down, up = low[active], high[active]
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            step = -residual / density
            trial = here + step
        good = (trial > down) & (trial < up) & (np.abs(step) <= 0.5 * before[active])
        trial = np.where(good, trial, 0.5 * (down + up))
        before[active] = last[active]
        last[active] = np.abs(trial - here)
        ulp = _ROUNDING * np.maximum(np.abs(down), np.abs(up))
        done = (np.abs(residual) <= tolerance) | (up - down <= ulp)
        done |= np.abs(step) <= _ROUNDING * np.abs(here)
        t[active] = np.where(done, here, trial)
        active = active[~done]
        if active.size == 0:
            break
    return t
