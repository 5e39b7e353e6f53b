"""The rows of a check-loss problem as its solvers see them: scaled, stacked, well conditioned.

Row i, its response and its residual are multiplied by the weight w_i, so that every dual interval
is [q_i - 1, q_i]; rows of constraints G x >= g follow, whose dual interval is [0, inf). Columns are
replaced by B = X R^{-1} with R from `orthonormal_basis`, solved against the rows, so B has
orthonormal columns and z = R x unknowns. Cost 2 m d^2 flops; sparse rows stay sparse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sla
import scipy.sparse as sp

from ..._result import FloatArray, IntArray
from ...basis import orthonormal_basis
from ...tall import TallMatrix, as_tall

__all__ = ["CheckRows"]

_ROUNDING = 1e-15  # of the sum of the responses
_OUTSIDE = 1e-12  # of the terms of a constraint
_TAME = 1e5  # condition up to which sparse rows are multiplied before the change of columns
_THREADED = 10**8  # flops of a Gram matrix from which threads over strips pay


class CheckRows:
    """min sum_i rho_i(y_i - B_i z) subject to B_i z >= y_i for the constraint rows.

    Attributes
    ----------
    y : ndarray, shape (m,)
        Weighted responses, then the right sides of the constraints, in units of `unit`.
    count : int
        Number of rows that are not constraints; they come first.
    low, high : ndarray, shape (m,)
        Dual intervals.
    rank : int
        Number of columns of B.
    """

    def __init__(
        self,
        rows: Any,
        b: FloatArray,
        q: FloatArray,
        weights: FloatArray,
        constraints: tuple[Any, FloatArray] | None,
    ) -> None:
        self.count = len(b)
        self.constraint_scale = np.zeros(0)
        scaled = _scaled(rows, weights)
        y = weights * b
        if constraints is not None:
            G, g = constraints
            factor = _constraint_scale(scaled, G)
            self.constraint_scale = factor
            scaled = _stacked(scaled, _scaled(G, factor))
            y = np.append(y, factor * g)
        largest = float(np.abs(y).max(initial=0.0))
        self.unit = float(np.ldexp(1.0, int(np.frexp(largest)[1]))) if largest > 0.0 else 1.0
        self.y = y / self.unit
        extra = len(y) - self.count
        self.low = np.append(q - 1.0, np.zeros(extra))
        self.high = np.append(q, np.full(extra, np.inf))
        self.rows = len(y)
        self._d = scaled.shape[1]
        tall = as_tall(scaled, require_tall=False)
        self._basis = orthonormal_basis(tall)
        self._pivots = self._basis.pivots
        self._R = np.ascontiguousarray(self._basis.R[:, self._pivots])
        self.rank = len(self._pivots)
        self.row_size = np.ones(self.rows)
        self._X: Any = None
        self._tall: TallMatrix | None = None
        self._B: FloatArray | None = None
        if sp.issparse(scaled):
            self._X = sp.csr_array(scaled)
            self._transposed = sp.csr_array(self._X.T)
            self._tall = tall
            self.row_size = np.sqrt(self._basis.leverage(tall))
        else:
            self._B = np.zeros((self.rows, 0))
            if self.rank:
                columns = scaled[:, self._pivots].T
                solved = sla.solve_triangular(self._R, columns, trans="T", check_finite=False)
                self._B = np.ascontiguousarray(solved.T)
                self.row_size = _row_size(self._B)
            if self.rows * self.rank**2 > _THREADED:
                self._tall = as_tall(self._B, require_tall=False)

    def image(self, z: FloatArray) -> FloatArray:
        """B z."""
        result: FloatArray = self._X @ (self._basis.M @ z) if self._B is None else self._B @ z
        return result

    def adjoint(self, u: FloatArray) -> FloatArray:
        """B^T u."""
        if self._B is None:
            result: FloatArray = self._basis.M.T @ (self._transposed @ u)
            return result
        product: FloatArray = u @ self._B
        return product

    def gram(self, weights: FloatArray) -> FloatArray:
        """B^T diag(weights) B."""
        scale = np.sqrt(weights)
        if self._tall is None:
            assert self._B is not None
            S = self._B * scale[:, None]
            product: FloatArray = S.T @ S
            return product
        if self._B is not None:
            return self._tall.gram(row_scale=scale)
        M = self._basis.M
        if self._basis.condition > _TAME:
            return self._tall.gram(row_scale=scale, M=M)
        transformed: FloatArray = M.T @ self._tall.gram(row_scale=scale) @ M
        return transformed

    @property
    def rounding(self) -> float:
        """A loss that rounding alone may cause."""
        return _ROUNDING * float(np.abs(self.y[: self.count]).sum())

    def value(self, z: FloatArray) -> float:
        """The loss, whether z is within the constraints or not."""
        m = self.count
        r = self.y[:m] - self.image(z)[:m]
        high = self.high[:m]
        return float(np.sum(np.maximum(high * r, (high - 1.0) * r)))

    def is_outside(self, z: FloatArray) -> bool:
        """Whether z violates a constraint by more than rounding."""
        m = self.count
        size = np.abs(self.y[m:]) + self.row_size[m:] * float(np.sqrt(z @ z))
        return bool(np.any((self.y - self.image(z))[m:] > _OUTSIDE * size))

    def inside(self, u: FloatArray) -> FloatArray:
        """Multipliers with B^T u = 0, scaled into their intervals."""
        m = self.count
        over = np.maximum(u[:m] / self.high[:m], u[:m] / self.low[:m]).max(initial=1.0)
        scaled: FloatArray = u / over
        scaled[m:] = np.maximum(scaled[m:], 0.0)
        return scaled

    def bound(self, z: FloatArray, u: FloatArray) -> float:
        """The lower bound y^T u; y - B z has the same products, and less to cancel."""
        return max(0.0, float((self.y - self.image(z)) @ self.inside(u)))

    def dense(self, indices: IntArray) -> FloatArray:
        """Some rows of B."""
        result: FloatArray = (
            self._X[indices] @ self._basis.M if self._B is None else self._B[indices]
        )
        return result

    def lift(self, z: FloatArray) -> FloatArray:
        """The x with these coordinates, zero on columns that depend on others."""
        x = np.zeros(self._d)
        if self.rank:
            x[self._pivots] = sla.solve_triangular(self._R, z * self.unit, check_finite=False)
        return x

    def lower(self, x: FloatArray) -> FloatArray:
        """The coordinates of x."""
        z: FloatArray = self._basis.R @ x / self.unit
        return z


def _scaled(rows: Any, factor: FloatArray) -> Any:
    if sp.issparse(rows):
        return sp.csr_array(sp.diags_array(factor) @ rows.astype(np.float64))
    return np.asarray(rows, dtype=np.float64) * factor[:, None]


def _stacked(top: Any, bottom: Any) -> Any:
    if sp.issparse(top) or sp.issparse(bottom):
        return sp.csr_array(sp.vstack([sp.csr_array(top), sp.csr_array(bottom)]))
    return np.vstack([top, bottom])


def _row_size(rows: Any) -> FloatArray:
    if sp.issparse(rows):
        squares = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
    else:
        squares = np.einsum("ij,ij->i", rows, rows)
    size: FloatArray = np.sqrt(squares)
    return size


def _constraint_scale(X: Any, G: Any) -> FloatArray:
    """Factors that make constraints, at columns of X of equal size, as large as a typical row."""
    columns = _largest(X, 0)
    unit = np.where(columns > 0.0, columns, 1.0)
    sizes = _largest(_over(X, unit), 1)
    typical = float(np.sqrt(np.mean(sizes**2))) if sizes.any() else 1.0
    own = _largest(_over(G, unit), 1)
    factor: FloatArray = typical / np.where(own > 0.0, own, 1.0)
    return factor


def _largest(rows: Any, axis: int) -> FloatArray:
    """Largest size of an entry of each column (axis 0) or row (axis 1)."""
    if 0 in rows.shape:
        return np.zeros(rows.shape[1 - axis])
    largest = abs(rows).max(axis=axis)
    result: FloatArray = np.ravel(largest.toarray() if sp.issparse(largest) else largest)
    return result


def _over(rows: Any, unit: FloatArray) -> Any:
    if sp.issparse(rows):
        return sp.csr_array(rows @ sp.diags_array(1.0 / unit))
    return rows / unit
