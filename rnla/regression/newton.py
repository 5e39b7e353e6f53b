"""min sum_i w_i f(b_i - a_i x) + ridge |x|^2 / 2 in a box for a smooth convex f: Newton in passes.

One pass over the rows per iteration, which costs little more than the weighted Gram matrix it is
about. The Newton step s solves A^T D A s = A^T f'(r) (in a box, the quadratic model is minimised
exactly), and f'(r) - D A s is then a feasible point of the Fenchel dual: every pass also returns a
lower bound, whose gap closes like the square of the gradient and does not rest on convergence.

Powers |r|^p. For p > 2 the direction is used for ||r||_p^2, whose Newton step is that of ||r||_p^p
times 1 / (1 - (1 - 2/p) lambda^2 / F): p - 1 far away, where the plain step is too short by that
factor, and 1 in the end; p grows from 2 by factors of at most 1.5 (SPEC K3, A18). For p < 2 slopes
are linearised about those that the previous step predicted (primal-dual: Chan, Golub, Mulet, SISC
1999), as the plain method needs hundreds of steps for p near 1. Measured on Gaussian, Cauchy,
uniform and polynomial columns, gap 1e-9: 3 to 20 passes for 1.1 <= p <= 4, up to 60 for p = 1.02
and p = 50.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import FloatArray, Status
from ..basis import Basis
from ..tall import TallMatrix, single_threaded_blas
from . import _newton_pass
from ._newton_bound import lower_bound
from ._newton_pass import Found, Trial
from ._newton_problem import Problem, power_of_two
from ._rounding import Known, known
from .losses import Loss, Power

__all__ = ["Minimum", "minimise"]

_FLOOR_ABOVE_TWO = 1e-10  # curvatures are those of residuals of this size, relative to the mean
_FLOOR_BELOW_TWO = 1e-12
_RAISE = 100.0  # factor of the curvature at the floor after steps that went too far
_LEAST_RAISED = 1e-6  # of that curvature
_GROWTH = 1.5  # factor of p from stage to stage
_STAGE_END = 0.1  # squared decrement over the value at which the next exponent takes over
_PATIENCE = 8  # passes without a better value or bound after which rounding has won
_CLOSE = 2.0**-48  # residuals over terms, of a sum of squares that might be rounding
_REFINEMENTS = 3
_LARGEST = float(np.finfo(np.float64).max)
_PATIENT = 20  # passes of a stage in which a bound that is bound to be loose is not computed
_CERTIFIED = 0.5  # squared Newton decrement over the value below which the bound is computed


@dataclass(frozen=True, eq=False)
class Minimum:
    """What `minimise` returns.

    Attributes
    ----------
    x : ndarray, shape (d,)
    objective : float
    lower : float
        Lower bound on the minimum; -inf if none was found.
    iterations : int
        Passes over the rows that formed a weighted Gram matrix.
    status : Status
    gap : float
        (objective - lower) / objective, also where these leave the range of numbers.
    rank : int or None
        Of A, where it was decided.
    basis : Basis or None
        Of diag(sqrt(w)) A, for further responses with the same weights.
    """

    x: FloatArray
    objective: float
    lower: float
    iterations: int
    status: Status
    gap: float = 0.0
    rank: int | None = None
    basis: Basis | None = None


def minimise(
    A: TallMatrix,
    b: Any,
    loss: Loss,
    *,
    weights: Any = None,
    start: FloatArray | None = None,
    lower: FloatArray | None = None,
    upper: FloatArray | None = None,
    ridge: float | FloatArray = 0.0,
    tol: float = 1e-8,
    max_iter: int = 200,
    basis: Basis | None = None,
) -> Minimum:
    """Minimise to relative gap `tol`.

    Parameters
    ----------
    A : TallMatrix, shape (n, d)
        Any n, any rank.
    b : row vector, shape (n,)
    loss : Loss
        Of one residual b_i - a_i x.
    weights : row vector, shape (n,), optional
        Non-negative.
    start : ndarray, shape (d,), optional
        Default: least squares, and for p > 2 the minimisers of smaller p.
    lower, upper : ndarray, shape (d,), optional
        Bounds on x, possibly infinite.
    ridge : float, or ndarray of shape (d,)
        Adds ridge |x|^2 / 2, or sum_j ridge_j x_j^2 / 2.
    tol : float
        Relative gap between the value and its lower bound.
    max_iter : int
        Largest number of passes.
    basis : Basis, optional
        That of an earlier `Minimum` with the same A and weights.

    Returns
    -------
    Minimum

    Notes
    -----
    n d^2 flops and one pass per iteration, and one pass before for the basis. Three row vectors are
    kept. Dependent columns get coefficient zero unless there is a box.
    """
    problem = Problem.of(A, b, loss, weights, lower, upper, ridge, basis)
    with single_threaded_blas():  # once: limits cost as much as a small pass
        return _Newton(problem, tol, max_iter).run(start)


@dataclass(frozen=True, eq=False)
class _Point:
    """A point and what its pass found, with the ridge added."""

    y: FloatArray
    found: Found
    value: float
    gradient: FloatArray  # the negative one: a step s with gradient^T s > 0 descends
    hessian: FloatArray


class _Newton:
    """One minimisation. Coordinates y stand for x = unit T y."""

    def __init__(self, problem: Problem, tol: float, max_iter: int) -> None:
        self.problem, self.space = problem, problem.space
        self.tol, self.max_iter = tol, max_iter
        self.iterations = 0
        self.norms: FloatArray | None = None  # of columns; known after least squares
        self.gram: FloatArray | None = None  # of them, unless it is the identity

    def run(self, start: FloatArray | None) -> Minimum:
        problem, loss = self.problem, self.problem.loss
        p = loss.degree
        unit = 1.0 if p is None else power_of_two(problem.largest)
        y = np.zeros(self.space.size)
        if start is not None:
            y = self.space.of_coefficients(np.asarray(start, dtype=np.float64), unit)
        y = self.space.inside(y, unit)
        if p is None:
            if problem.largest > 0.0 or self.space.basis is None:
                y = self._least_squares(y, unit, fit=start is None and problem.largest > 0.0)[0]
            return self._finish(*self._stage(loss, y, unit, self.tol), unit)
        y, mean, perfect = self._least_squares(y, unit, fit=start is None)
        if perfect is not None:
            fit = self._known(perfect, p, unit)
            return self._minimum(perfect, fit.value, fit.value, Status.OK, unit)
        y, unit = y / mean, unit * mean
        stages = [p] if start is not None else _stages(p)
        for q in stages[:-1]:
            y, value, _ = self._stage(_floored(q), y, unit, 0.5, rough=True)
            mean = (value / problem.total) ** (1.0 / q)
            if not mean > 0.0:
                return self._finish(y, 1.0, 0.0, unit)
            y, unit = y / mean, unit * mean
        return self._finish(*self._stage(_floored(p), y, unit, self.tol), unit)

    def _finish(self, y: FloatArray, value: float, lower: float, unit: float) -> Minimum:
        space, p = self.space, self.problem.loss.degree
        x, status = space.lift(y, unit), Status.OK
        # Passes that multiply rows by M saw the residuals of y, not those of x.
        doubtful = space.inner is not None or value - lower > self.tol * value
        if p is not None and space.ridge is None and doubtful:
            fit = self._known(x, p, unit)
            if value - lower > 0.5 * value:
                x, fit = self._perfected(x, fit, p, unit)
            value, lower = fit.value, min(lower, fit.value)
            if fit.perfect:
                lower = value
            elif value - lower > self.tol * value and value - lower <= fit.slack:
                status = Status.ROUNDING_LIMITED
        if status is Status.OK and not value - lower <= self.tol * abs(value):
            status = Status.NOT_CONVERGED
        return self._minimum(x, value, lower, status, unit)

    def _minimum(
        self, x: FloatArray, value: float, lower: float, status: Status, unit: float
    ) -> Minimum:
        problem, space, p = self.problem, self.space, self.problem.loss.degree
        with np.errstate(over="ignore", under="ignore"):
            objective, bound = (
                _scaled(v, unit, p or 0.0, problem.weight_unit) for v in (value, lower)
            )
        return Minimum(
            x,
            objective,
            min(bound, objective, _LARGEST),
            self.iterations,
            status,
            (value - lower) / value if value > 0.0 else 0.0,
            space.rank,
            space.basis,
        )

    def _known(self, x: FloatArray, p: float, unit: float) -> Known:
        problem, space = self.problem, self.space
        return known(
            problem.A,
            problem.b,
            problem.weights,
            x,
            p,
            T=space.T,
            gram=self.gram,
            unit=unit,
            weight_unit=problem.weight_unit,
        )

    def _perfected(
        self, x: FloatArray, fit: Known, p: float, unit: float
    ) -> tuple[FloatArray, Known]:
        """The fit after steps of least squares on x itself, if they make it perfect."""
        space = self.space
        gram = np.eye(space.size) if self.gram is None else self.gram
        start, here = x, fit
        for _ in range(_REFINEMENTS):
            if here.perfect:
                return start, here
            y = space.of_coefficients(start, 1.0)
            start = space.moved(start, space.solve(gram, here.gradient, y, 1.0))
            if not np.all(np.isfinite(start)):
                break
            here = self._known(start, p, unit)
        return (start, here) if here.perfect else (x, fit)

    def _least_squares(
        self, y: FloatArray, unit: float, *, fit: bool
    ) -> tuple[FloatArray, float, FloatArray | None]:
        """A start (least squares if `fit`), its root mean square residual in `unit`, and the
        coefficients of a fit that is perfect up to rounding, if there is one."""
        loss, total = Power(2.0), self.problem.total
        point = self._point(loss, y, unit)
        self.norms = np.sqrt(0.5 * np.diag(point.hessian))
        if self.space.basis is None:
            self.gram = 0.5 * point.hessian
        for trial in range(3):
            perfect = self._perfect(point, unit)
            if perfect is not None:
                return point.y, 1.0, perfect
            if not fit or trial == 2:
                break
            s = self.space.solve(point.hessian, point.gradient, point.y, unit)
            y = self.space.inside(point.y + s, unit)
            value = point.value - float(point.gradient @ s) + 0.5 * float(s @ point.hessian @ s)
            if value > 1e-6 * point.value:
                return y, math.sqrt(value / total), None
            after = self._point(loss, y, unit)
            if not after.value < point.value:
                break
            point = after
        return point.y, math.sqrt(point.value / total), None

    def _perfect(self, point: _Point, unit: float) -> FloatArray | None:
        """Coefficients whose residuals are rounding; passes of their own where sums allow it."""
        x = self.space.lift(point.y, unit)
        if not point.value > 0.0:
            return x
        terms = self._size(point.y) + math.sqrt(self.problem.total) * self.problem.largest / unit
        if math.sqrt(point.value) > _CLOSE * (self.problem.A.shape[1] + 2) * terms:
            return None
        x, fit = self._perfected(x, self._known(x, 2.0, unit), 2.0, unit)
        return x if fit.perfect else None

    def _size(self, y: FloatArray) -> float:
        """Norm of the terms of A x, which b cancels in a perfect fit."""
        assert self.norms is not None
        basis = self.space.basis
        if basis is None or basis.rank == 0:
            return float(np.abs(y) @ self.norms)
        x = self.space.lift(y, 1.0)
        largest = np.abs(basis.R).max(axis=0)
        with np.errstate(over="ignore"):
            norms = largest * np.linalg.norm(
                basis.R / np.where(largest > 0.0, largest, 1.0), axis=0
            )
            return float(np.abs(x) @ norms)

    def _point(
        self,
        loss: Loss,
        y: FloatArray,
        unit: float,
        *,
        step: FloatArray | None = None,
        length: float = 1.0,
        since: _Point | None = None,
        shrink: float = 1.0,
        certify: bool = False,
    ) -> _Point:
        """One pass at y, which lies `length` times `step` from the point `since`."""
        problem, space = self.problem, self.space
        columns = [y]
        if since is not None and step is not None and (certify or loss.guesses):
            columns += [step, since.y]
        trial = Trial(
            loss,
            space.inner,
            np.ascontiguousarray(space.seen(np.column_stack(columns) * unit).T),
            length,
            unit,
            problem.weight_unit,
            shrink,
            problem.weights is not None,
            certify,
            loss.guesses,
        )
        known = None if since is None else since.found.rows
        found = _newton_pass.run(space.A, problem.b, problem.weights, known, trial)
        self.iterations += 1
        value, ridge = found.value, problem.ridge(unit)
        with np.errstate(invalid="ignore", over="ignore"):
            gradient, hessian = space.vector(found.gradient), space.gram(found.gram)
        if ridge is not None:
            value += 0.5 * float(ridge @ y**2)
            gradient = gradient - ridge * y
            hessian = hessian + np.diag(ridge)
        return _Point(y, found, value, gradient, hessian)

    def _bound(self, loss: Loss, point: _Point, value: float, unit: float) -> float:
        space, p = self.space, loss.degree
        box = None
        if space.lower is not None and space.upper is not None:
            box = space.lower / unit, space.upper / unit
        return lower_bound(
            loss,
            point.found,
            space.vector(point.found.leak),
            point.y,
            value=value,
            spread=0.0 if p is None else self.problem.spread(p),
            norms=np.ones(space.size) if self.norms is None else self.norms,
            box=box,
            ridge=self.problem.ridge(unit),
        )

    def _stage(
        self,
        loss: Loss,
        y: FloatArray,
        unit: float,
        tol: float,
        *,
        rough: bool = False,
    ) -> tuple[FloatArray, float, float]:
        """Minimise one loss from y: the best point, its value, and the best bound.

        A `rough` stage goes without a bound, and ends when the next exponent may take over.
        """
        here = self._point(loss, y, unit)
        best, lower = here, 0.0  # no loss is below 0
        if not here.value > 0.0:
            return y, here.value, lower
        idle, damping, shrink = 0, 0.0, 1.0
        begun = self.iterations
        while self.iterations < self.max_iter and idle < _PATIENCE:
            s, length, decrement = self._direction(loss, here, unit, damping)
            if rough and decrement <= _STAGE_END * here.value:
                break
            near = min(_CERTIFIED, 100.0 * math.sqrt(tol))  # the gap is about the decrement squared
            patient = self.iterations < begun + _PATIENT and self.iterations < self.max_iter - 2
            certify = not rough and decrement <= (near if patient else _CERTIFIED) * here.value
            rejected = 0
            while self.iterations < self.max_iter:
                idle += 1
                there = self._point(
                    loss,
                    self.space.inside(here.y + length * s, unit),
                    unit,
                    step=s,
                    length=length,
                    since=here,
                    shrink=shrink,
                    certify=certify,
                )
                if math.isfinite(there.value) and there.value < best.value:
                    idle = 0 if there.value < best.value * (1.0 - 1e-15) else idle
                    best = there
                if certify and math.isfinite(there.value):
                    if there.found.excess * shrink <= 1e-12:
                        bound = self._bound(loss, there, best.value, unit)
                        idle, lower = (0, bound) if bound > lower * (1.0 + 1e-15) else (idle, lower)
                    shrink = _shrink(loss, there.found.excess)
                if best.value - lower <= tol * best.value:
                    return best.y, best.value, lower
                if self._accepts(loss, here, there, s, length):
                    here, damping = there, 0.25 * damping if damping > 1e-6 else 0.0
                    if not rejected:
                        loss = _bolder(loss)
                    break
                if idle >= _PATIENCE:
                    break
                length, rejected = _shorter(loss, here, there, s, length), rejected + 1
                if rejected >= 2 and math.isfinite(loss.smoothness):
                    damping = max(4.0 * damping, 1e-3)
                    break
                if rejected >= 2 and loss.degree is not None:
                    here, loss = self._careful(loss, here, unit)
                    break
        return best.y, best.value, lower

    def _careful(self, loss: Loss, here: _Point, unit: float) -> tuple[_Point, Loss]:
        """The point with larger curvatures, after steps from it that went too far.

        For p < 2 those of parabolas above the loss, whose minimum is not above it; for p > 2 small
        residuals get those of larger ones.
        """
        assert isinstance(loss, Power)
        if loss.p > 2.0:
            higher = _RAISE ** (1.0 / (loss.p - 2.0))
            least = _LEAST_RAISED ** (1.0 / (loss.p - 2.0))
            loss = Power(loss.p, floor=min(max(higher * loss.floor, least), 1.0))
        return self._point(loss, here.y, unit), loss

    def _direction(
        self, loss: Loss, here: _Point, unit: float, damping: float
    ) -> tuple[FloatArray, float, float]:
        """The Newton step, the length to try first, and the squared decrement."""
        hessian, p = here.hessian, loss.degree
        if damping:
            norms = np.ones(self.space.size) if self.norms is None else self.norms
            hessian = hessian + np.diag(damping * loss.smoothness * norms**2)
        s = self.space.solve(hessian, here.gradient, here.y, unit)
        decrement = float(here.gradient @ s)
        length = 1.0
        if p is not None and p > 2.0 and self.space.ridge is None:
            part = min(decrement / here.value, p / (p - 1.0))
            length = 1.0 / max(1.0 - (1.0 - 2.0 / p) * part, 1.0 / (p - 1.0))
            length = max(1.0, min(length, self.space.longest(here.y, s, unit)))
        return s, length, decrement

    @staticmethod
    def _accepts(loss: Loss, here: _Point, there: _Point, s: FloatArray, length: float) -> bool:
        if not math.isfinite(there.value):
            return False
        if there.value <= here.value * (1.0 + 1e-14):
            return True
        if loss.degree is not None and loss.degree > 2.0:
            return False
        # Primal-dual steps may go up a little, as long as the slope beyond is not as steep.
        return float(-(there.gradient @ s)) <= 0.9 * abs(float(here.gradient @ s))


def _shorter(loss: Loss, here: _Point, there: _Point, s: FloatArray, length: float) -> float:
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


def _bolder(loss: Loss) -> Loss:
    """With a smaller floor of curvatures, if it was raised."""
    if not isinstance(loss, Power) or loss.p <= 2.0 or loss.floor <= _FLOOR_ABOVE_TWO:
        return loss
    lower = _RAISE ** (-1.0 / (loss.p - 2.0))
    return Power(loss.p, floor=max(lower * loss.floor, _FLOOR_ABOVE_TWO))


def _shrink(loss: Loss, excess: float) -> float:
    """A factor that takes slopes off by at most `excess` into a domain around 0."""
    low, high = loss.domain
    room = min(-low, high)
    if excess <= 0.0 or not 0.0 < room < math.inf:
        return 1.0
    return room / (room + excess)


def _scaled(value: float, unit: float, p: float, weight_unit: float) -> float:
    """value unit^p weight_unit, where its factors may overflow or vanish."""
    if not value > 0.0:
        return value
    part, power = math.frexp(value)
    log = p * math.log2(unit) if p else 0.0
    whole = math.floor(log)
    power += whole + math.frexp(weight_unit)[1] - 1
    return math.inf if power > 1100 else math.ldexp(part * 2.0 ** (log - whole), max(power, -1200))


def _stages(p: float) -> list[float]:
    """Exponents from 2 to p, growing by at most a factor."""
    if p <= 2.0 * _GROWTH:
        return [p]
    count = math.ceil(math.log(p / 2.0) / math.log(_GROWTH))
    return [2.0 * (p / 2.0) ** (k / count) for k in range(1, count)] + [p]


def _floored(p: float) -> Power:
    return Power(p, floor=_FLOOR_ABOVE_TWO if p > 2.0 else _FLOOR_BELOW_TWO)
