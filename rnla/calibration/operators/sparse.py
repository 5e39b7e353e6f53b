"""Operators given as sparse matrices: a product costs the stored entries, nothing is densified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from ..._errors import ArgumentTypeError, argument_error
from ._base import Array, Operators, check_entries, refuse_device, working_dtype

__all__ = ["SparseOperators"]


class SparseOperators(Operators):
    """Maps given as SciPy sparse matrices.

    Parameters
    ----------
    matrices : sparse array or sequence of sparse arrays, each of shape (m, n)
        One map for all measurements, or one for each.

    Examples
    --------
    >>> import scipy.sparse
    >>> from rnla.calibration import SparseOperators
    >>> SparseOperators([scipy.sparse.eye_array(4, 3), scipy.sparse.eye_array(4, 3, k=-1)]).shape
    (2, 4, 3)
    """

    def __init__(self, matrices: Any) -> None:
        refuse_device(matrices, "matrices")
        given = [matrices] if scipy.sparse.issparse(matrices) else list(matrices)
        for A in given:
            refuse_device(A, "matrices")
        if not given or not all(scipy.sparse.issparse(A) for A in given):
            raise argument_error(
                "matrices",
                type(matrices).__name__,
                "a SciPy sparse array, or a sequence of them",
                "Pass dense matrices to DenseOperators.",
                kind=ArgumentTypeError,
            )
        if len({A.shape for A in given}) > 1:
            got = f"shapes {[A.shape for A in given]}"
            raise argument_error("matrices", got, "equal shapes", "Pad with zero rows or columns.")
        for A in given:
            check_entries(A.data if A.nnz else np.zeros(1), "matrices")
        self.dtype = working_dtype(*(A.dtype for A in given))
        self.matrices = [scipy.sparse.csr_array(A).astype(self.dtype) for A in given]
        self._adjoints = [scipy.sparse.csr_array(A.conj().T) for A in self.matrices]
        m, n = given[0].shape
        self.shape = (len(given), int(m), int(n))

    def astype(self, dtype: npt.DTypeLike) -> SparseOperators:
        """See `Operators`."""
        return SparseOperators([A.astype(dtype) for A in self.matrices])

    def _apply(self, X: Array) -> Array:
        return _products(self.matrices, X)

    def _adjoint(self, U: Array) -> Array:
        return _products(self._adjoints, U)


def _products(matrices: Sequence[Any], X: Array) -> Array:
    m, n = matrices[0].shape
    p, q = len(matrices), X.shape[-2]
    if p == 1:
        result: Array = (matrices[0] @ X.reshape(-1, n).T).T.reshape(*X.shape[:-1], m)
        return result
    out = np.empty((*X.shape[:-2], p, m), dtype=np.result_type(matrices[0].dtype, X.dtype))
    for index, A in enumerate(matrices):
        vectors = X[..., 0 if q == 1 else index, :]
        out[..., index, :] = (A @ vectors.reshape(-1, n).T).T.reshape(*vectors.shape[:-1], m)
    return out
