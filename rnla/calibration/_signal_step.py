"""The signal for given gains, by weighted least squares, and what a sweep needs to know of it.

Explicit operators: Gram matrices weighted by |d_i|^2, formed from the outer products of the rows in
one matrix product, p m n^2 once and m n^2 + n^3 a solve. Implicit ones: conjugate gradients, two
products an iteration, to no more accuracy than the sweep before was from the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._conjugate_gradient import conjugate_gradient
from ._cross import cross_adjoint, cross_matrix
from ._sketched_qr import sketched_factor
from ._small_steps import SmallSteps, is_batch_of_small
from ._successive import successive
from ._whitening import FactoredWhitening, Whitening, is_scaled
from .operators import DenseOperators
from .operators._base import Array
from .problem import Problem

__all__ = ["GainSums", "SignalStep"]

_GRAM_ENTRIES = 2**24
_EFFECTIVE_ROWS = 4  # in n
_INEXACT = 0.03  # of the change of the sweep before


class GainSums(NamedTuple):
    """sum conj(v) y and sum |v|^2 over l, d v, sum |y - d v|^2, its change, and what v was."""

    top: Array
    below: Array
    data: Array | None
    cost: Array
    change: Array
    gains: Array
    coordinates: Array


class SignalStep:
    """Weighted least squares for the signal, in the coordinates of a `Whitening`."""

    def __init__(self, problem: Problem, whitening: Whitening) -> None:
        self.problem, self.whitening = problem, whitening
        self.outer: Array | None = None
        self.rows: Array | None = None
        self.successive = successive(problem) if is_scaled(whitening) else None
        y = whitening.rooted(problem.data)
        self.cross = None if self.successive else cross_matrix(problem, whitening, y)
        self.tol = self.least = 64.0 * float(np.finfo(problem.real_dtype).eps)
        if self.successive is not None:
            self.tol = 1e-6
        self.small: SmallSteps | None = None
        if isinstance(whitening, FactoredWhitening) and isinstance(whitening.Q, DenseOperators):
            Q = whitening.Q.A
            if is_batch_of_small(problem, Q):
                self.small = SmallSteps(problem, Q)
            elif Q.size * Q.shape[-1] <= _GRAM_ENTRIES * (Q.shape[-3] if problem.repeated else 1):
                self.outer = self._outer(Q) * whitening.unit**2
            elif problem.repeated and Q.ndim == 3 and not problem.batch_shape:
                self.rows = Q

    def _outer(self, Q: Array) -> Array:
        """q_i^* q_i for every row (summed over l for one signal), shape (..., m, n^2)."""
        n = Q.shape[-1]
        if self.problem.repeated:
            rows = Q.swapaxes(-2, -3)  # (..., m, p, n): the gain is one for all l
            gram = rows.conj().swapaxes(-1, -2) @ rows
        else:
            gram = Q.conj()[..., :, None] * Q[..., None, :]
        return np.ascontiguousarray(gram.reshape(*gram.shape[:-2], n * n))

    @property
    def direct(self) -> bool:
        """Whether a start is of no use."""
        return self.outer is not None or self.small is not None

    def coordinates(self, x: Array) -> Array:
        """t of a signal."""
        whitening = self.whitening
        if not isinstance(whitening, FactoredWhitening):
            return x
        if is_scaled(whitening):
            return x / whitening.unit
        return whitening.analysis(whitening.rooted(self.problem.synthesis(x)))

    def signal(self, t: Array) -> Array:
        """The signal of t."""
        whitening = self.whitening
        if not isinstance(whitening, FactoredWhitening):
            return t
        return whitening.coordinates_to_signal(t)

    def synthesis(self, t: Array) -> Array:
        """W^{1/2} A x."""
        whitening = self.whitening
        if isinstance(whitening, FactoredWhitening):
            return whitening.synthesis(t)
        whitening.products += 1
        return whitening.rooted(self.problem.synthesis(t))

    def analysis(self, u: Array) -> Array:
        """The adjoint of `synthesis`."""
        whitening = self.whitening
        if isinstance(whitening, FactoredWhitening):
            return whitening.analysis(u)
        whitening.products += 1
        return self.problem.analysis(whitening.rooted(u))

    def gain_sums(
        self, y: Array, d: Array, t: Array, before: GainSums | None, active: Array | None = None
    ) -> GainSums:
        """`GainSums` of v = synthesis(t), the change since `before`.

        Problems that are not `active` have not changed, and need not be looked at.
        """
        if self.successive is not None:
            return self._one_by_one(d, t, before)
        v = self.synthesis(t)
        if self.small is not None:
            top, below, data, cost, change = self.small.sums(y, d, v, before, active)
            return GainSums(top, below, data, cost, change, d, t)
        data = d[..., None, :] * v
        left = y - data
        moved = data if before is None else data - before.data
        return GainSums(
            top=(v.conj() * y).sum(axis=-2),
            below=(v.real**2 + v.imag**2).sum(axis=-2),
            cost=(left.real**2 + left.imag**2).sum(axis=(-2, -1)),
            change=(moved.real**2 + moved.imag**2).sum(axis=(-2, -1)),
            data=data,
            gains=d,
            coordinates=t,
        )

    def _one_by_one(self, d: Array, t: Array, before: GainSums | None) -> GainSums:
        """Instead of the change itself a bound: no array of the size of Y."""
        one, whitening = self.successive, self.whitening
        assert one is not None
        assert isinstance(whitening, FactoredWhitening)
        whitening.products += 1
        above, under, cost = one.gain_sums(t * whitening.unit, one.split.arranged(d))
        top, below = one.split.in_order(above), one.split.in_order(under)
        change = np.inf
        if before is not None:
            moved = d - before.gains
            by_gains = float(((moved.real**2 + moved.imag**2) * below).sum()) ** 0.5
            by_signal = np.abs(before.gains).max() * np.linalg.norm(t - before.coordinates)
            change = float(by_gains + by_signal) ** 2
        return GainSums(top, below, None, np.asarray(cost), np.asarray(change), d, t)

    def changed(self, change: Array) -> None:
        """Tell how much the last sweep changed the data, relative to them."""
        if self.successive is not None:
            self.tol = min(self.tol, max(self.least, _INEXACT * float(change)))

    def solve(self, y: Array, d: Array, start: Array | None, active: Array | None = None) -> Array:
        """The minimiser of ||y - d o synthesis(t)||, of problems that are `active`."""
        if self.successive is not None:
            return self._iterated(d, start)
        if self.cross is not None:
            self.whitening.products += 1
            b = cross_adjoint(self.cross, d.conj())
        else:
            b = self.analysis(d.conj()[..., None, :] * y)
        if self.small is not None:
            return self.small.solve(d, b, active)
        power = d.real**2 + d.imag**2
        if self.outer is not None:
            return self._direct(power, b)
        guess = np.zeros_like(b) if start is None else start
        square = power[..., None, :]
        t, _ = conjugate_gradient(
            lambda t: self.analysis(square * self.synthesis(t)),
            b,
            guess,
            axes=1,
            tol=64.0 * float(np.finfo(self.problem.real_dtype).eps),
            max_iter=500,
            precondition=self._preconditioner(power),
        )
        return t

    def _iterated(self, d: Array, start: Array | None) -> Array:
        """From the start on, as far as it pays."""
        one, whitening = self.successive, self.whitening
        assert one is not None
        assert isinstance(whitening, FactoredWhitening)
        d = one.split.arranged(d)
        unit, power = whitening.unit, d.real**2 + d.imag**2
        if start is None:
            start = np.zeros(self.problem.signal_shape, dtype=self.problem.dtype)
        residual = one.gradient(unit * start, d) * unit
        # ||M t|| is near the mean of |d|^2 times ||t||.
        measure = power.mean() * start if start.any() else residual
        t, products = conjugate_gradient(
            lambda t: one.normal(t, power) * unit**2,
            measure,
            start,
            axes=1,
            tol=self.tol,
            max_iter=500,
            residual=residual,
        )
        whitening.products += 2 * products + 2
        return t

    def _preconditioner(self, power: Array) -> Callable[[Array], Array] | None:
        """From a sketch of the weighted rows, where few sensors carry most of the weight.

        Random rows with equal weights make a well-conditioned matrix from four times as many rows
        as columns on; what counts here is the effective number of rows.
        """
        if self.rows is None:
            return None
        p, m, n = self.rows.shape
        effective = p * power.sum() ** 2 / max(float((power**2).sum()), np.finfo(float).tiny)
        if effective > _EFFECTIVE_ROWS * n or p * m < 2 * _EFFECTIVE_ROWS * n:
            return None
        inverse = sketched_factor((np.sqrt(power)[:, None] * self.rows).reshape(-1, n))
        if inverse is None:
            return None
        back = inverse.conj().T
        return lambda r: inverse @ (back @ r)

    def _direct(self, power: Array, b: Array) -> Array:
        outer = self.outer
        assert outer is not None
        shared = outer.ndim == (2 if self.problem.repeated else 3)
        if not shared and self.problem.repeated:
            return self._solved((power[..., None, :] @ outer)[..., 0, :], b[..., None])[..., 0]
        if not shared:
            return self._solved((power[..., None, None, :] @ outer)[..., 0, :], b[..., None])[
                ..., 0
            ]
        # One product for the whole batch; real times complex is two real products.
        numbers, flat = outer.view(outer.real.dtype), power.reshape(-1, power.shape[-1])
        batch = power.shape[:-1]
        if self.problem.repeated:
            gram = (flat @ numbers).view(outer.dtype).reshape(*batch, -1)
            return self._solved(gram, b[..., None])[..., 0]
        if len(outer) == 1:  # one matrix for all measurements
            gram = (flat @ numbers[0]).view(outer.dtype).reshape(*batch, -1)
            return np.ascontiguousarray(self._solved(gram, b.swapaxes(-1, -2)).swapaxes(-1, -2))
        t = np.empty_like(b)
        for index, one in enumerate(numbers):
            gram = (flat @ one).view(outer.dtype).reshape(*batch, -1)
            t[..., index, :] = self._solved(gram, b[..., index, :, None])[..., 0]
        return t

    def _solved(self, gram: Array, right: Array) -> Array:
        """gram^{-1} right (..., n, k), for `gram` (..., n^2), which is spoiled."""
        n = right.shape[-2]
        diagonal = np.arange(0, n * n, n + 1)
        trace = gram[..., diagonal].real.sum(axis=-1)
        ridge = np.finfo(self.problem.real_dtype).eps * np.where(trace > 0, trace, 1.0) / n
        gram[..., diagonal] += ridge[..., None]
        gram = gram.reshape(*gram.shape[:-1], n, n)
        try:
            return np.asarray(np.linalg.solve(gram, right))
        except np.linalg.LinAlgError:  # too few gains that are not zero, and a ridge rounded away
            return np.asarray(np.linalg.pinv(gram, hermitian=True) @ right)
