"""`Tangent`: in which directions gains can be wrong when something is known about them.

d + T h to first order: h complex or real, T a diagonal or a matrix with orthonormal columns. The
direction h0 = `gauge` only changes the common factor (its phase or its scale under a constraint).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .operators._base import Array, check_entries
from .problem import Problem

__all__ = ["Tangent", "tangent"]


@dataclass(frozen=True)
class Tangent:
    """Directions T h, |T|^2 as a weight of the entries of h, and the free one.

    `diagonal` (m,) or `matrix` (m, k) is T. `turn` is the phase of the free direction of the signal
    where only that part of a complex factor is free: 1j for a phase, 1 for a scale, None for all of
    it, 0 for nothing.
    """

    diagonal: Array | None
    matrix: Array | None
    gauge: Array
    real: bool
    turn: complex | None

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return len(self.gauge)

    @property
    def factor(self) -> float:
        """Real coordinates have half of the variance of complex noise."""
        return 0.5 if self.real else 1.0

    @property
    def share(self) -> float:
        """How much of a complex factor is free."""
        if self.turn is None:
            return 1.0
        return 0.5 if self.turn else 0.0

    def gains(self, h: Array) -> Array:
        """T h of rows h."""
        if self.diagonal is not None:
            return h * self.diagonal
        assert self.matrix is not None
        return np.asarray(h @ self.matrix.T)

    def gains_adjoint(self, d: Array) -> Array:
        """T^* d of rows d, its real part for real coordinates."""
        if self.diagonal is not None:
            h = d * self.diagonal.conj()
        else:
            assert self.matrix is not None
            h = np.asarray(d @ self.matrix.conj())
        return h.real.astype(h.dtype) if self.real else h

    def rows(self, L: Array) -> Array:
        """L T."""
        if self.diagonal is not None:
            return L * self.diagonal
        assert self.matrix is not None
        return np.asarray(L @ self.matrix)

    def compress(self, S: Array) -> Array:
        """T^* S T, its real part for real coordinates."""
        if self.diagonal is not None:
            S = self.diagonal.conj()[:, None] * S * self.diagonal
        else:
            assert self.matrix is not None
            S = self.matrix.conj().T @ S @ self.matrix
        return np.asarray(S.real if self.real else S)

    def units(self, g: Array) -> Array:
        """One over the root of the diagonal of T^* diag(g) T, 0 where that is 0."""
        if self.diagonal is not None:
            squares = np.abs(self.diagonal) ** 2 * g
        else:
            assert self.matrix is not None
            squares = g @ np.abs(self.matrix) ** 2
        kept = squares > np.finfo(np.float64).eps * squares.max(initial=0.0)
        return np.where(kept, 1.0 / np.sqrt(np.where(kept, squares, 1)), 0.0)

    def _dual(self) -> Array:
        """The row that measures how much of the free direction there is."""
        weights = 1.0 if self.diagonal is None else np.abs(self.diagonal) ** 2
        dual = weights * self.gauge
        total = np.vdot(dual, self.gauge).real
        return np.asarray(dual / total if total > 0 else 0 * dual)

    def projected(self, h: Array) -> Array:
        """Columns h without the free direction, so that T h is orthogonal to it."""
        return np.asarray(h - np.outer(self.gauge, self._dual().conj() @ h))

    def projected_adjoint(self, h: Array) -> Array:
        """The adjoint of `projected`."""
        return np.asarray(h - np.outer(self._dual(), self.gauge.conj() @ h))

    def free(self, inner: Array) -> Array:
        """The part of complex numbers that a change of the common factor accounts for."""
        if self.turn is None:
            return inner
        return np.asarray(self.turn * (np.conj(self.turn) * inner).real)

    def along(self, u: Array, L: Array) -> Array:
        """The part of the columns of L along the free direction of the signal (unit column u)."""
        return np.asarray(u @ self.free(u.conj().T @ L))

    def variance(self, covariance: Array) -> Array:
        """Diagonal of T covariance T^*."""
        if self.diagonal is not None:
            variances = np.diagonal(covariance).real * np.abs(self.diagonal) ** 2
        else:
            assert self.matrix is not None
            variances = ((self.matrix @ covariance) * self.matrix.conj()).sum(axis=-1).real
        return np.asarray(np.maximum(variances, 0.0) * self.factor)

    def mass(self, h: Array) -> Array:
        """Squares of T h summed over the columns h."""
        moved = self.gains(h.T)
        return np.asarray((np.abs(moved) ** 2).sum(axis=0) / max(1.0, self._largest()))

    def _largest(self) -> float:
        return 1.0 if self.diagonal is None else float(np.max(np.abs(self.diagonal) ** 2))


def tangent(problem: Problem, d: Array, constraint: Any) -> Tangent:
    """The directions that a constraint (checked by `polish`) and a basis of 1/d leave open."""
    wide = np.result_type(problem.dtype, np.float64)
    d = d.astype(wide)
    complex_data = problem.dtype.kind == "c"
    if isinstance(constraint, str) and constraint == "phase":
        # Signs of real data cannot be wrong by a little.
        diagonal = 1j * d if complex_data else 0.0 * d
        return Tangent(diagonal, None, np.ones(len(d)), complex_data, 1j if complex_data else 0.0)
    if isinstance(constraint, str) and constraint == "positive":
        open_ = np.where(d != 0, 1.0, 0.0)
        gauge = d.real if complex_data else d
        return Tangent(open_, None, gauge, complex_data, 1.0 if complex_data else None)
    basis: Any = None
    if problem.gain_basis is not None:
        basis = (d**2)[:, None] * problem.gain_basis
    elif constraint is not None and not callable(constraint):
        basis = check_entries(constraint, "constraint")
    if basis is None:
        return Tangent(np.ones(len(d)), None, d, False, None)
    Q = np.linalg.qr(basis.astype(wide))[0]
    return Tangent(None, Q, Q.conj().T @ d, False, None)
