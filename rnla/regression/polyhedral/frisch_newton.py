"""min sum_i w_i rho_q(b_i - a_i x), G x >= g, on rows in memory: interior point, then a vertex.

rho_q(r) = max(q r, (q - 1) r). The dual is max b^T u + g^T v subject to A^T u + G^T v = 0,
(q - 1) w_i <= u_i <= q w_i and v >= 0, with x as its multipliers. Mehrotra's predictor-corrector on
it is the Frisch-Newton method of Portnoy and Koenker (Statistical Science 1997): an iteration is
one weighted d x d Gram matrix and O(m) vectors, and 10 to 30 suffice. `vertex_descent` then makes
the answer interpolate d rows exactly. The lower bound comes from a u made feasible, so it does not
rest on convergence. Cost about 20 m d^2 flops; memory twice the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._result import FloatArray
from ...constrained._spd import spd_solver
from ...tall import single_threaded_blas
from .check_rows import CheckRows
from .vertex import vertex_descent

__all__ = ["CheckFit", "check_value", "frisch_newton", "rounding"]

_BACK_OFF = 0.9995  # fraction of the step to the boundary
_TINY = 1e-300
_ROUNDING = 16.0 * 2.0**-52  # times d + 2, of the terms of a residual: what rounding makes of it
_PATIENCE = 10  # iterations without progress after which rounding has won


@dataclass(frozen=True, eq=False)
class CheckFit:
    """A fit with its certificate.

    Attributes
    ----------
    x : ndarray, shape (d,)
    value, lower : float
        The loss at x, and a lower bound on the least one.
    u : ndarray, shape (m,)
        Dual feasible multipliers of the rows.
    v : ndarray
        Those of the constraints.
    iterations : int
        Interior point steps and edges.
    rank : int
        Of the rows, and of the constraints if there are any.
    rounding : float
        How well the loss at x can be known; see `rounding`.
    """

    x: FloatArray
    value: float
    lower: float
    u: FloatArray
    v: FloatArray
    iterations: int
    rank: int
    rounding: float


def check_value(r: FloatArray, q: Any, weights: Any = 1.0) -> float:
    """Sum of w_i rho_q(r_i)."""
    return float(np.sum(weights * np.maximum(q * r, (q - 1.0) * r)))


def rounding(rows: Any, b: FloatArray, x: FloatArray, weights: Any = 1.0) -> float:
    """How well the loss at x can be known: sum_i w_i c d eps (|b_i| + |a_i| |x|).

    That is the rounding of the residuals, and the change that a backward error of that size in each
    row makes (Higham, Accuracy and Stability, section 3.5). A fit with a loss below it is perfect.
    """
    terms = np.abs(b) + abs(rows) @ np.abs(x)
    return _ROUNDING * (len(x) + 2) * float(np.sum(weights * terms))


def frisch_newton(
    rows: Any,
    b: FloatArray,
    q: npt.ArrayLike,
    *,
    weights: FloatArray | None = None,
    constraints: tuple[Any, FloatArray] | None = None,
    start: FloatArray | None = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    vertex: bool = True,
    near: FloatArray | None = None,
) -> CheckFit:
    """Return the minimiser to relative gap `tol`, or the best found before rounding wins.

    Parameters
    ----------
    rows : ndarray or csr_array, shape (m, d)
    b : ndarray, shape (m,)
    q : float or ndarray, shape (m,)
        Quantile of each row.
    weights : ndarray, shape (m,), optional
        Positive.
    constraints : (G, g), optional
        G x >= g must have a solution.
    start : ndarray, shape (d,), optional
        A guess of x.
    tol : float
    max_iter : int
    vertex : bool
        Whether to finish at a vertex.
    near : ndarray, shape (m,), optional
        Multipliers of the rows at `start`, if that is a vertex a few edges from the optimum: the
        interior point runs only if following edges does not reach it.
    """
    m = len(b)
    w = np.ones(m) if weights is None else weights
    quantile = np.broadcast_to(np.asarray(q, dtype=np.float64), (m,))
    with single_threaded_blas():
        data = CheckRows(rows, b, quantile, w, constraints)
        guess = None if start is None else data.lower(start)
        best = None
        if near is not None and guess is not None:
            best = _from_vertex(data, guess, near / w)
        if best is None or best.gap > tol:
            best = _from_inside(data, guess, tol, max_iter, vertex)
    x, value, lower = data.lift(best.z), best.value * data.unit, best.lower * data.unit
    known = rounding(rows, b, x, w)
    return CheckFit(
        x,
        value,
        value if lower < value <= known else lower,
        best.u[:m] * w,
        best.u[m:] * data.constraint_scale,
        best.iterations,
        data.rank,
        known,
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """A pair of feasible points, in coordinates."""

    z: FloatArray
    u: FloatArray
    value: float
    lower: float
    iterations: int

    @property
    def gap(self) -> float:
        return (self.value - self.lower) / self.value if self.value > 0.0 else 0.0


def _found(data: CheckRows, z: FloatArray, u: FloatArray, iterations: int) -> _Found:
    value = data.value(z)
    return _Found(z, data.inside(u), value, min(value, data.bound(z, u)), iterations)


def _from_vertex(data: CheckRows, z: FloatArray, near: FloatArray) -> _Found | None:
    if not data.rank:
        return None
    size = np.abs(data.y - data.image(z))
    weights = 1.0 / (size + 1e-12 * float(size.max(initial=_TINY)))
    u = np.append(near, np.zeros(data.rows - len(near)))
    vertex = vertex_descent(data, z, u, weights)
    return None if vertex is None else _found(data, vertex.z, vertex.u, vertex.pivots)


def _from_inside(
    data: CheckRows, z: FloatArray | None, tol: float, max_iter: int, vertex: bool
) -> _Found:
    if not data.rank:
        u = np.where(data.y > 0.0, data.high, np.where(data.y < 0.0, data.low, 0.0))
        return _found(data, np.zeros(0), u, 0)
    state = _State(data, z)
    iterations = state.run(tol, max_iter)
    u = state.feasible()
    best = _found(data, state.z, u, iterations)
    if not vertex or (best.value <= data.rounding and not data.is_outside(best.z)):
        return best
    corner = vertex_descent(data, state.z, u, state.weights)
    if corner is None:
        return best
    iterations += corner.pivots
    better = data.value(corner.z) <= best.value * (1.0 + 1e-14) or data.is_outside(best.z)
    z = corner.z if better else best.z
    pairs = [_found(data, z, multipliers, iterations) for multipliers in (corner.u, u)]
    return max(pairs, key=lambda pair: pair.lower)


class _State:
    """Residuals y - B z = plus - minus, and rooms up = high - u, down = u - low, all positive.

    Constraint rows have minus and down only.
    """

    def __init__(self, data: CheckRows, z: FloatArray | None) -> None:
        self.data = data
        m = data.count
        self.z = data.adjoint(data.y) if z is None else z
        self.u = np.zeros(data.rows)
        self.r = data.y - data.image(self.z)
        size = np.abs(self.r[:m])
        spread = 0.1 * float(size.mean()) if m else 0.0
        spread = max(spread, 1e-3 * float(np.abs(self.r).max(initial=0.0)) * (m < data.rows), _TINY)
        self.u[m:] = 0.1
        self.plus = np.maximum(self.r[:m], 0.0) + spread
        self.minus = np.maximum(-self.r, 0.0) + spread
        self.up = data.high[:m] - self.u[:m]
        self.down = self.u - data.low

    @property
    def weights(self) -> FloatArray:
        """1 / (plus / up + minus / down): large where a row is interpolated."""
        ratio = self.minus / self.down
        ratio[: self.data.count] += self.plus / self.up
        return 1.0 / ratio

    def run(self, tol: float, max_iter: int) -> int:
        """Iterate; return how often."""
        data, m = self.data, self.data.count
        terms = m + data.rows
        least, best, idle = np.inf, np.inf, 0
        for iteration in range(max_iter):
            total = self._complementarity()
            value = self._loss()
            split = self.r + self.minus
            split[:m] -= self.plus
            balance = data.adjoint(self.u)
            error = total + float(np.abs(split).sum() + np.abs(balance) @ np.abs(self.z))
            if error <= tol * value:
                return iteration
            if value <= data.rounding and not data.is_outside(self.z):
                return iteration
            idle = 0 if error < 0.9 * best or value < 0.999 * least else idle + 1
            best, least = min(best, error), min(least, value)
            # From outside the constraints the first steps can be short, and the loss may rise.
            if idle >= _PATIENCE and not data.is_outside(self.z):
                return iteration
            find = self._newton(split, balance)
            step = find(0.0, 0.0)
            after = self._complementarity(step, *self._lengths(step))
            target = total / terms * (after / total) ** 3
            step = find(target + step.plus * step.u[:m], target - step.minus * step.u)
            if not np.all(np.isfinite(step.z)):
                return iteration
            self._move(step, *self._lengths(step))
        return max_iter

    def _loss(self) -> float:
        m = self.data.count
        return check_value(self.r[:m], self.data.high[:m])

    def _complementarity(
        self, step: _Step | None = None, primal: float = 0.0, dual: float = 0.0
    ) -> float:
        plus, minus, up, down = self.plus, self.minus, self.up, self.down
        if step is not None:
            plus, minus = plus + primal * step.plus, minus + primal * step.minus
            up, down = up - dual * step.u[: self.data.count], down + dual * step.u
        return float(plus @ up + minus @ down)

    def _lengths(self, step: _Step) -> tuple[float, float]:
        """Longest primal and dual steps, up to 1, short of the boundary."""
        shrink = _steepest(-step.plus, self.plus, -step.minus, self.minus)
        squeeze = _steepest(step.u[: self.data.count], self.up, -step.u, self.down)
        return min(1.0, _BACK_OFF / shrink), min(1.0, _BACK_OFF / squeeze)

    def _newton(self, split: FloatArray, balance: FloatArray) -> Callable[[Any, Any], _Step]:
        """Factor once; return the step towards plus * up = a and minus * down = b."""
        data, m = self.data, self.data.count
        ratio_up, ratio_down = self.plus / self.up, self.minus / self.down
        weights = ratio_down.copy()
        weights[:m] += ratio_up
        np.reciprocal(weights, out=weights)
        solve = spd_solver(data.gram(weights))

        def find(a: Any, b: Any) -> _Step:
            plus, minus = a / self.up - self.plus, b / self.down - self.minus
            shift = split + minus
            shift[:m] -= plus
            z = solve(data.adjoint(weights * shift) + balance)
            image = data.image(z)
            u = weights * (shift - image)
            plus += ratio_up * u[:m]
            minus -= ratio_down * u
            return _Step(z, image, u, plus, minus)

        return find

    def _move(self, step: _Step, primal: float, dual: float) -> None:
        m = self.data.count
        self.z = self.z + primal * step.z
        self.r = self.data.y - self.data.image(self.z)
        self.plus = np.maximum(self.plus + primal * step.plus, _TINY)
        self.minus = np.maximum(self.minus + primal * step.minus, _TINY)
        self.u = self.u + dual * step.u
        self.up = np.maximum(self.up - dual * step.u[:m], _TINY)
        self.down = np.maximum(self.down + dual * step.u, _TINY)

    def feasible(self) -> FloatArray:
        """The multipliers with B^T u = 0 up to rounding, moved where there is room to."""
        data, u = self.data, self.u
        room = self.down.copy()
        room[: data.count] = np.minimum(self.up, self.down[: data.count])
        solve = spd_solver(data.gram(room))
        for _ in range(3):
            u = u - room * data.image(solve(data.adjoint(u)))
        return u


@dataclass
class _Step:
    z: FloatArray
    image: FloatArray
    u: FloatArray
    plus: FloatArray
    minus: FloatArray


def _steepest(
    down: FloatArray, room: FloatArray, other_down: FloatArray, other_room: FloatArray
) -> float:
    first = float(np.max(down / room, initial=_TINY))
    return max(first, float(np.max(other_down / other_room, initial=_TINY)))
