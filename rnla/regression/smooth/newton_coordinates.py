"""Coordinates y of x = unit T y in which Newton systems are well conditioned, and their solution.

Without constraints T = M of an orthonormal basis of diag(sqrt(w)) A, on pivot columns if the rank
is deficient. A box or a ridge lives in x itself, so T is then a diagonal of powers of two. Where A
is well conditioned, weighted Gram matrices are formed from its own rows and transformed after the
pass; otherwise, rows are multiplied by M first, at twice the cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._result import FloatArray, Status
from ...basis import Basis, orthonormal_basis
from ...constrained._spd import spd_solver
from ...tall import TallMatrix, single_threaded_blas
from .box_quadratic import box_quadratic

__all__ = ["Coordinates"]

_LARGE = 1e100  # columns beyond this size, or below its inverse, are scaled as they are read


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Maps between x, y and what a pass sees.

    Attributes
    ----------
    A : TallMatrix
        Whose rows the passes read.
    T : ndarray, shape (d, r)
        x = unit T y.
    inner : ndarray, or None
        Multiplied with the rows inside a pass.
    outer : ndarray
        Applied to what a pass returns: T = inner @ outer where both are at work.
    basis : Basis or None
    lower, upper : ndarray, shape (r,), or None
        The box, for unit = 1.
    ridge : ndarray, shape (r,), or None
        Its diagonal in y, for unit = 1.
    """

    A: TallMatrix
    T: FloatArray
    inner: FloatArray | None
    outer: FloatArray | None
    basis: Basis | None
    lower: FloatArray | None
    upper: FloatArray | None
    ridge: FloatArray | None

    @classmethod
    def of(
        cls,
        A: TallMatrix,
        row_scale: Any,
        lower: FloatArray | None,
        upper: FloatArray | None,
        ridge: float | FloatArray,
        basis: Basis | None,
    ) -> Coordinates:
        """`row_scale` are the square roots of the weights; `basis` one that belongs to them."""
        largest = A.scan().column_max
        low = high = None
        if lower is not None and upper is not None and np.isfinite([lower, upper]).any():
            low, high = lower, upper
        extreme = bool(np.any((largest > _LARGE) | ((largest < 1.0 / _LARGE) & (largest > 0.0))))
        if low is None and not np.any(ridge):
            if basis is None:
                basis = orthonormal_basis(A, row_scale=row_scale)
            if basis.rank > 0:
                if basis.path == "gram" and not extreme:
                    return cls(A, basis.M, None, basis.M, basis, None, None, None)
                return cls(A, basis.M, basis.M, None, basis, None, None, None)
        exponent = np.clip(np.frexp(np.where(largest > 0.0, largest, 1.0))[1], -1000, 1000)
        units = np.ldexp(1.0, -exponent)
        if low is not None and high is not None:
            low, high = low / units, high / units
        form = ridge * units**2 if np.any(ridge) else None
        if extreme:
            return cls(A.twin(units), np.diag(units), None, None, None, low, high, form)
        return cls(A, np.diag(units), None, np.diag(units), None, low, high, form)

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return int(self.T.shape[1])

    @property
    def rank(self) -> int | None:
        """Numerical rank, if it was decided."""
        return None if self.basis is None else self.basis.rank

    @property
    def status(self) -> Status:
        """What the basis says of the rank."""
        return Status.OK if self.basis is None else self.basis.status

    def seen(self, Y: FloatArray) -> FloatArray:
        """Coefficients of the rows of a pass, for coordinates as columns of Y."""
        product: FloatArray = Y if self.outer is None else self.outer @ Y
        return product

    def gram(self, G: FloatArray) -> FloatArray:
        """A Gram matrix of a pass, in the coordinates."""
        return G if self.outer is None else self.outer.T @ G @ self.outer

    def vector(self, g: FloatArray) -> FloatArray:
        """A^T u of a pass, in the coordinates."""
        return g if self.outer is None else self.outer.T @ g

    def lift(self, y: FloatArray, unit: float) -> FloatArray:
        """The coefficients x."""
        x: FloatArray = self.T @ (y * unit)
        if self.lower is None or self.upper is None:
            return x
        units = np.diag(self.T)
        low, high = self.lower * units, self.upper * units
        x = np.where(y <= self.lower / unit, low, np.where(y >= self.upper / unit, high, x))
        return np.clip(x, low, high)

    def moved(self, x: FloatArray, s: FloatArray) -> FloatArray:
        """x after a step s of y for unit = 1, exactly at the bounds that it meets."""
        if self.lower is not None:
            return self.lift(self.of_coefficients(x, 1.0) + s, 1.0)
        after: FloatArray = x + self.T @ s
        return after

    def of_coefficients(self, x: FloatArray, unit: float) -> FloatArray:
        """The y that stands for x, moved into the box."""
        if self.basis is not None:
            y: FloatArray = self.basis.R @ (x / unit)
            return y
        y = x / np.diag(self.T) / unit
        return self.inside(y, unit)

    def inside(self, y: FloatArray, unit: float) -> FloatArray:
        """The nearest point of the box."""
        if self.lower is None or self.upper is None:
            return y
        return np.clip(y, self.lower / unit, self.upper / unit)

    def solve(self, H: FloatArray, g: FloatArray, y: FloatArray, unit: float) -> FloatArray:
        """The step s with least s^T H s / 2 - g^T s such that y + s is in the box."""
        with single_threaded_blas():
            if self.lower is None or self.upper is None:
                return spd_solver(H)(g)
            # Box constraints need a definite matrix; dependent columns make it singular.
            H = H + np.diag(1e-14 * np.diag(H) + 1e-300)
            return box_quadratic(H, g, self.lower / unit - y, self.upper / unit - y)

    def longest(self, y: FloatArray, s: FloatArray, unit: float) -> float:
        """The longest step along s inside the box."""
        if self.lower is None or self.upper is None:
            return np.inf
        with np.errstate(divide="ignore", invalid="ignore"):
            up = np.where(s > 0.0, (self.upper / unit - y) / s, np.inf)
            down = np.where(s < 0.0, (self.lower / unit - y) / s, np.inf)
        return float(min(up.min(initial=np.inf), down.min(initial=np.inf)))
