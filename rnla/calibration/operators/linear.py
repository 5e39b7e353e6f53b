"""Operators given as SciPy `LinearOperator`s: one matmat for each measurement and product."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator

from ..._errors import ArgumentTypeError, argument_error
from ...random import Stream
from ._base import Array, Operators, working_dtype

__all__ = ["UserOperators"]

PURPOSE = "calibration.adjoint"


class UserOperators(Operators):
    """Maps given as SciPy linear operators with products and adjoint products.

    Parameters
    ----------
    operators : LinearOperator or sequence of LinearOperator, each of shape (m, n)
        One map for all measurements, or one for each. `rmatvec` (or `rmatmat`) is needed.
    scalar_gram : float, optional
        c if A_l^* A_l = c I for every l: saves all factorisations.

    Notes
    -----
    The first use of the adjoints compares <u, A_l x> with <A_l^* u, x>, and `scalar_gram` with
    |A_l x|^2, for one random pair: two products more. Others raise an ArgumentError.

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
        self._tested = False

    def astype(self, dtype: npt.DTypeLike) -> UserOperators:
        """The same functions: their products are rounded to the precision asked for."""
        other = UserOperators(self.operators, scalar_gram=self.scalar_gram)
        other.dtype = working_dtype(dtype)
        return other

    def _test_adjoints(self) -> None:
        """<u, A x> = <A^* u, x> for a random pair, and |A x|^2 = c |x|^2."""
        self._tested = True
        _, m, n = self.shape
        numbers = Stream(0, PURPOSE).normal(range(m + n), 2)
        if self.dtype.kind == "c":
            numbers = numbers[:, :1] + 1j * numbers[:, 1:]
        u, x = numbers[:m, 0].astype(self.dtype), numbers[m:, 0].astype(self.dtype)
        image, back = self._apply(x[None]), self._adjoint(u[None])
        tol = float(np.sqrt(np.finfo(self.dtype).eps))
        size = np.linalg.norm(u) * np.linalg.norm(image, axis=-1)
        size = size + np.linalg.norm(x) * np.linalg.norm(back, axis=-1)
        wrong = np.abs(image @ u.conj() - back.conj() @ x) > tol * size
        if wrong.any():
            got = f"operator {int(np.argmax(wrong))} with <u, A x> != <A^* u, x>"
            remedy = "Correct its rmatvec: the transpose without the conjugate is a common mistake."
            raise argument_error("operators", got, "products with A and its adjoint", remedy)
        if self.scalar_gram is None:
            return
        ratio = (np.linalg.norm(image, axis=-1) / np.linalg.norm(x)) ** 2 / self.scalar_gram
        if not (np.abs(ratio - 1.0) <= tol).all():
            got = f"{self.scalar_gram} with |A x|^2 / |x|^2 = {ratio[0] * self.scalar_gram:.6g}"
            remedy = "Leave it out unless the columns are orthogonal and of equal length."
            raise argument_error("scalar_gram", got, "c with A^* A = c I", remedy)

    def _apply(self, X: Array) -> Array:
        return self._products(X, self.shape[1], adjoint=False)

    def _adjoint(self, U: Array) -> Array:
        if not self._tested:
            self._test_adjoints()
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
            if product.dtype.kind == "c" and out.dtype.kind != "c":
                got = f"complex products of operator {index} of dtype {A.dtype}"
                remedy = "Pass dtype=complex to LinearOperator."
                raise argument_error("operators", got, "products of its dtype", remedy)
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
    except ValueError as error:
        what = "rmatvec" if adjoint else "matvec"
        remedy = f"A of shape {A.shape} maps {A.shape[1]} numbers to {A.shape[0]}."
        raise argument_error("operators", f"{what}: {error}", "its shape", remedy) from error
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
