"""min ||B z||_1 subject to h^T z = 1 by a primal-dual interior point, the fast route for p = 1.

The dual is the box-constrained linear program max lambda: B^T u = lambda h, -1 <= u <= 1, with
multipliers z for its r equality rows. Mehrotra's predictor-corrector on it is the Frisch-Newton
method that Portnoy and Koenker (Statistical Science 1997) use for quantile regression: every
iteration is one weighted r x r Gram matrix, so n r^2 flops and O(n) extra memory, and 8 to 20
iterations suffice whatever n is. Any u with B^T u = h gives the lower bound 1 / max |u|, so the
returned gap does not rest on the iteration having converged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._result import FloatArray
from ._norms import Solution, relative_gap
from ._range import Range
from ._spd import spd_solver
from .quadratic import quadratic

__all__ = ["interior_point"]

_BACK_OFF = 0.9995  # fraction of the step to the boundary
_TINY = 1e-300
_PATIENCE = 4  # iterations without a better bound or value after which rounding has won


@dataclass
class _Step:
    """A direction of every variable of `_State`."""

    z: FloatArray
    y: FloatArray
    u: FloatArray
    value: float
    plus: FloatArray
    minus: FloatArray


@dataclass
class _State:
    """B z = y = plus - minus with plus, minus > 0; room_up = 1 - u and room_down = 1 + u > 0."""

    z: FloatArray
    y: FloatArray
    value: float
    plus: FloatArray
    minus: FloatArray
    room_up: FloatArray
    room_down: FloatArray

    @property
    def u(self) -> FloatArray:
        return 0.5 * (self.room_down - self.room_up)

    def complementarity(
        self, step: _Step | None = None, primal: float = 0, dual: float = 0
    ) -> float:
        """Mean of plus * room_up and minus * room_down, now or after a step."""
        plus, minus, up, down = self.plus, self.minus, self.room_up, self.room_down
        if step is not None:
            plus, minus = plus + primal * step.plus, minus + primal * step.minus
            up, down = up - dual * step.u, down + dual * step.u
        return float(plus @ up + minus @ down) / (2 * len(plus))

    def lengths(self, step: _Step) -> tuple[float, float]:
        """Longest primal and dual steps, up to 1, that keep every slack non-negative."""
        shrink = max(np.max(-step.plus / self.plus), np.max(-step.minus / self.minus), 1.0)
        squeeze = max(np.max(step.u / self.room_up), np.max(-step.u / self.room_down), 1.0)
        return 1.0 / float(shrink), 1.0 / float(squeeze)

    def move(self, step: _Step, primal: float, dual: float) -> None:
        self.z = self.z + primal * step.z
        self.y = self.y + primal * step.y
        self.plus = np.maximum(self.plus + primal * step.plus, _TINY)
        self.minus = np.maximum(self.minus + primal * step.minus, _TINY)
        self.value += dual * step.value
        self.room_up = np.maximum(self.room_up - dual * step.u, _TINY)
        self.room_down = np.maximum(self.room_down + dual * step.u, _TINY)


def interior_point(
    B: Range,
    h: FloatArray,
    *,
    start: FloatArray | None = None,
    tol: float = 1e-10,
    max_iter: int = 150,
) -> Solution:
    """Return the minimiser to relative gap `tol`, or the best pair found before rounding wins."""
    state, best_u = _initial(B, h, start)
    best_z, upper, lower = state.z, np.inf, 0.0
    idle = iterations = 0
    while iterations < max_iter:
        iterations += 1
        idle += 1
        height = float(h @ state.z)
        norm = float(np.sum(np.abs(state.y))) / height
        if norm < upper * (1.0 - 1e-15):
            best_z, upper, idle = state.z / height, norm, 0
        if state.value > 0.0:
            u = state.u / state.value
            u = u + B.image(h - B.adjoint(u))
            bound = 1.0 / float(np.max(np.abs(u)))
            if bound > lower * (1.0 + 1e-15):
                best_u, lower, idle = u, bound, 0
        if relative_gap(upper, lower, 1.0) <= tol or idle >= _PATIENCE:
            break
        find = _newton_step(B, h, state)
        zero = np.zeros_like(state.y)
        predictor = find(zero, zero)
        now = state.complementarity()
        after = state.complementarity(predictor, *state.lengths(predictor))
        target = now * (after / now) ** 3
        corrector = find(
            target + predictor.plus * predictor.u, target - predictor.minus * predictor.u
        )
        if not np.all(np.isfinite(corrector.z)):
            break
        primal, dual = state.lengths(corrector)
        state.move(corrector, _BACK_OFF * primal, _BACK_OFF * dual)
    upper = float(np.sum(np.abs(B.image(best_z))))  # free of what y gathered on the way
    return Solution(best_z, best_u, upper, lower, iterations)


def _initial(B: Range, h: FloatArray, start: FloatArray | None) -> tuple[_State, FloatArray]:
    """Least squares gives a dual feasible start, so B^T u = lambda h holds from the beginning."""
    least_squares = quadratic(B, h)
    z = least_squares.z if start is None else start
    y = B.image(z)
    value = 0.9 / float(np.max(np.abs(least_squares.u)))
    u = value * least_squares.u
    spread = 0.1 * float(np.mean(np.abs(y)))
    plus, minus = np.maximum(y, 0.0) + spread, np.maximum(-y, 0.0) + spread
    return _State(z, y, value, plus, minus, 1.0 - u, 1.0 + u), least_squares.u


def _newton_step(
    B: Range, h: FloatArray, state: _State
) -> Callable[[FloatArray, FloatArray], _Step]:
    """Factor once; return the step towards plus * room_up = up and minus * room_down = down."""
    ratio_up, ratio_down = state.plus / state.room_up, state.minus / state.room_down
    weights = 1.0 / (ratio_up + ratio_down)
    solve = spd_solver(B.gram(weights))
    solved_h = solve(h)
    infeasible = B.adjoint(state.u) - state.value * h
    split = state.y - state.plus + state.minus

    def find(up: FloatArray, down: FloatArray) -> _Step:
        a, b = up / state.room_up - state.plus, down / state.room_down - state.minus
        shift = split - a + b
        t = solve(-infeasible - B.adjoint(weights * shift))
        value = -float(h @ t) / float(h @ solved_h)
        z = t + value * solved_h
        y = B.image(z)
        u = weights * (y + shift)
        return _Step(z, y, u, value, a + ratio_up * u, b - ratio_down * u)

    return find
