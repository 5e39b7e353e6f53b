"""The passes of least squares for a matrix that is known by its products only.

A sketch S A takes the columns of A, d products in groups that fit in 64 MiB, since S^T has more
than d columns. Each residual is one product with A and one with its transpose.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._errors import ArgumentTypeError, argument_error
from ..._result import FloatArray
from ...sketch import SparseSign
from ...tall import as_tall, rows
from .rows import TallLeastSquares, power_of_two, weighted_rows

__all__ = ["OperatorLeastSquares"]

_GROUP = 2**23  # numbers


class OperatorLeastSquares:
    """A least-squares problem whose matrix is a `scipy.sparse.linalg.LinearOperator`."""

    def __init__(self, A: Any, b: FloatArray, weights: Any, ridge: float) -> None:
        self.n, self.d = A.shape
        self.k = 1 if b.ndim == 1 else b.shape[1]
        self._A = A
        self._given = b, weights, ridge
        single = A.dtype == np.float32
        self.dtype: np.dtype[Any] = np.dtype(np.float32 if single else np.float64)
        self.data_eps = float(np.finfo(self.dtype).eps)
        self.passes = 0
        scale, self.row_unit = weighted_rows(weights)
        self._row_scale = None if scale is None else rows.host(scale)[:, None]
        target = rows.host(b).reshape(self.n, -1)
        largest = np.abs(target if scale is None else target * self._row_scale).max(axis=0)
        self.column_units = power_of_two(largest)
        self._target = target * self.column_units
        self.ridge_root = np.full(self.d, np.sqrt(ridge) * self.row_unit)
        self.scale = np.ones(self.d)

    def coefficients(self, Z: FloatArray) -> FloatArray:
        """See `LeastSquares`."""
        return self.scale[:, None] * Z / self.column_units

    def variables(self, X: FloatArray) -> FloatArray:
        """See `LeastSquares`."""
        return X * self.column_units / self.scale[:, None]

    def as_dense(self) -> TallLeastSquares:
        """The same problem with all of A as an array: one product with the identity."""
        A = as_tall(self._columns(0, self.d), require_tall=False)
        dense = TallLeastSquares(A, *self._given)
        A.passes += 1
        dense.dtype, dense.data_eps = self.dtype, self.data_eps
        return dense

    def sketch(self, seed: int, size: int, nnz: int) -> tuple[FloatArray, FloatArray]:
        """See `LeastSquares`."""
        S = SparseSign(size, self.n, nnz=nnz).draw(seed)
        C = np.empty((size, self.d))
        step = max(1, _GROUP // self.n)
        self.passes += 1
        for start in range(0, self.d, step):
            stop = min(start + step, self.d)
            C[:, start:stop] = S @ self._weighted(self._columns(start, stop))
        return C, S @ self._weighted(self._target)

    def residual(self, Z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `LeastSquares`."""
        self.passes += 1
        r = self._weighted(self._target - self._product(self.scale[:, None] * Z))
        squares = np.einsum("ij,ij->j", r, r)
        gradient = self.scale[:, None] * self._transposed(self._weighted(r))
        return squares, gradient - (self.ridge_root * self.scale)[:, None] ** 2 * Z

    def normal(self, Z: FloatArray) -> FloatArray:
        """See `LeastSquares`."""
        self.passes += 1
        Y = self._weighted(self._weighted(self._product(self.scale[:, None] * Z)))
        product: FloatArray = self.scale[:, None] * self._transposed(Y)
        product += (self.ridge_root * self.scale)[:, None] ** 2 * Z
        return product

    def _weighted(self, Y: FloatArray) -> FloatArray:
        return Y if self._row_scale is None else Y * self._row_scale

    def _columns(self, start: int, stop: int) -> FloatArray:
        E = np.zeros((self.d, stop - start))
        E[np.arange(start, stop), np.arange(stop - start)] = 1.0
        return self._product(E)

    def _product(self, X: FloatArray) -> FloatArray:
        return _real(self._A.matmat(X), "A @ X")

    def _transposed(self, Y: FloatArray) -> FloatArray:
        try:
            product = self._A.rmatmat(Y)
        except (NotImplementedError, TypeError):
            raise argument_error(
                "A",
                "a LinearOperator without rmatvec",
                "products with A and with its transpose",
                "Pass rmatvec= to LinearOperator.",
                kind=ArgumentTypeError,
            ) from None
        return _real(product, "A.T @ Y")


def _real(product: Any, what: str) -> FloatArray:
    array = np.asarray(product)
    if array.dtype.kind not in "fiub":
        remedy = "Stack real and imaginary parts as separate rows or columns."
        expected = "real numbers"
        got = f"{what} of dtype {array.dtype}"
        raise argument_error("A", got, expected, remedy, kind=ArgumentTypeError)
    array = array.astype(np.float64, copy=False)
    if not np.all(np.isfinite(array)):
        remedy = "Check the products of the operator."
        raise argument_error("A", f"NaN or infinity in {what}", "finite numbers", remedy)
    return array
