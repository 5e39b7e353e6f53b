"""Operators given as arrays: a product is one matrix product for all problems of the batch.

Cost p m n multiply-adds for each problem and product, memory p m n.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error
from ._base import Array, Operators, check_entries

__all__ = ["DenseOperators"]


class DenseOperators(Operators):
    """Maps given as a dense array.

    Parameters
    ----------
    A : array_like, shape (m, n), (p, m, n) or (..., p, m, n)
        One map for all measurements, one for each, or other ones for each problem of a batch.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import DenseOperators
    >>> operators = DenseOperators(np.ones((3, 4, 2)))
    >>> operators.apply(np.array([1.0, 2.0])).shape
    (3, 4)
    """

    def __init__(self, A: npt.ArrayLike) -> None:
        array = check_entries(A, "A")
        if array.ndim < 2:
            expected = "shape (m, n), (p, m, n) or (..., p, m, n)"
            remedy = "Pass one matrix, or one for each measurement along the first axis."
            raise argument_error("A", f"shape {array.shape}", expected, remedy)
        self.A = array[None] if array.ndim == 2 else array
        p, m, n = self.A.shape[-3:]
        self.shape = (p, m, n)
        self.dtype = array.dtype

    def astype(self, dtype: npt.DTypeLike) -> DenseOperators:
        """See `Operators`."""
        return DenseOperators(self.A.astype(dtype, copy=False))

    def dense(self) -> Array:
        """The array itself."""
        return self.A

    def _apply(self, X: Array) -> Array:
        return _products(self.A, X)

    def _adjoint(self, U: Array) -> Array:
        return _products(self.A.swapaxes(-1, -2), U.conj()).conj()  # no conjugated copy of A


def _products(A: Array, X: Array) -> Array:
    """A_l x_l: one matrix product wherever several vectors meet the same map."""
    p, m, n = A.shape[-3:]
    batch, q = X.shape[:-2], X.shape[-2]
    if A.ndim > 3 or not batch:
        if p == 1 and q > 1:  # every vector meets the one map
            result: Array = X @ A[..., 0, :, :].swapaxes(-1, -2)
            return result
        return np.asarray(np.matmul(A, X[..., None])[..., 0])
    if p == 1 or q == 1:  # every vector meets all maps
        flat = X.reshape(-1, n) @ A.reshape(p * m, n).T
        return flat.reshape(*batch, p if q == 1 else q, m)
    each: Any = np.matmul(X.reshape(-1, p, n).transpose(1, 0, 2), A.transpose(0, 2, 1))
    return np.ascontiguousarray(each.transpose(1, 0, 2)).reshape(*batch, p, m)
