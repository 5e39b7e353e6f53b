"""Operators given as SciPy `LinearOperator`s: one matmat for each measurement and product."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator

from ..._errors import ArgumentTypeError, argument_error
from ._base import Array, Operators, working_dtype

__all__ = ["UserOperators"]


class UserOperators(Operators):
    """Maps given as SciPy linear operators with products and adjoint products.

    Parameters
    ----------
    operators : LinearOperator or sequence of LinearOperator, each of shape (m, n)
        One map for all measurements, or one for each. `rmatvec` (or `rmatmat`) is needed.
    scalar_gram : float, optional
        c if A_l^* A_l = c I for every l: saves all factorisations.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse.linalg import aslinearoperator
    >>> from rnla.calibration import UserOperators
    >>> UserOperators([aslinearoperator(np.ones((4, 2)))] * 3).shape
    (3, 4, 2)
    """

    def __init__(self, operators: Any, *, scalar_gram: float | None = None) -> None:
        given = [operators] if isinstance(operators, LinearOperator) else list(operators)
        if not given or not all(isinstance(A, LinearOperator) for A in given):
            raise argument_error(
                "operators",
                type(operators).__name__,
                "a scipy.sparse.linalg.LinearOperator, or a sequence of them",
                "Wrap functions with LinearOperator(shape, matvec=..., rmatvec=...).",
                kind=ArgumentTypeError,
            )
        if len({A.shape for A in given}) > 1:
            got = f"shapes {[A.shape for A in given]}"
            raise argument_error("operators", got, "equal shapes", "Pad with zero rows.")
        self.operators = given
        m, n = given[0].shape
        self.shape = (len(given), int(m), int(n))
        self.dtype = working_dtype(*(A.dtype for A in given))
        self.scalar_gram = scalar_gram

    def astype(self, dtype: npt.DTypeLike) -> UserOperators:
        """The same functions: their products are rounded to the precision asked for."""
        other = UserOperators(self.operators, scalar_gram=self.scalar_gram)
        other.dtype = working_dtype(dtype)
        return other

    def _apply(self, X: Array) -> Array:
        return self._products(X, self.shape[1], adjoint=False)

    def _adjoint(self, U: Array) -> Array:
        return self._products(U, self.shape[2], adjoint=True)

    def _products(self, X: Array, rows: int, *, adjoint: bool) -> Array:
        p, q = self.shape[0], X.shape[-2]
        maps = max(p, q)
        out = np.empty((*X.shape[:-2], maps, rows), dtype=np.result_type(self.dtype, X.dtype))
        for index in range(maps):
            A = self.operators[0 if p == 1 else index]
            vectors = X[..., 0 if q == 1 else index, :]
            flat = vectors.reshape(-1, X.shape[-1]).T
            product = _product(A, flat, adjoint=adjoint)
            if not np.isfinite(product).all():
                what = "A^* u" if adjoint else "A x"
                got = f"NaN or infinity in {what} of operator {index}"
                remedy = "Check the products of the operator."
                raise argument_error("operators", got, "finite products", remedy)
            out[..., index, :] = product.T.reshape(*vectors.shape[:-1], rows)
        return out


def _product(A: Any, flat: Array, *, adjoint: bool) -> Array:
    try:
        return np.asarray(A.rmatmat(flat) if adjoint else A.matmat(flat))
    except (NotImplementedError, TypeError) as error:
        if not adjoint:
            raise
        raise argument_error(
            "operators",
            "a LinearOperator without rmatvec",
            "products with A and with its adjoint",
            "Pass rmatvec= to LinearOperator.",
            kind=ArgumentTypeError,
        ) from error
