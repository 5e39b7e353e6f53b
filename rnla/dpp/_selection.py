"""Pick rows one after another, each by its distance from the span of the rows before it.

`Selection` keeps an orthonormal basis Q of the span of the features picked so far. New directions
are orthogonalised twice, so Q stays orthonormal to rounding (max |Q^T Q - I| about 1e-15).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._result import FloatArray

__all__ = ["NEGLIGIBLE", "Selection", "squares"]

NEGLIGIBLE = 1e-12  # share of its length below which a residual counts as rounding


class Selection:
    """Orthonormal rows, real or complex, that span the features picked so far; room for r."""

    def __init__(self, r: int, dtype: npt.DTypeLike = np.float64) -> None:
        self._rows = np.empty((r, r), dtype=dtype)
        self.size = 0

    @property
    def basis(self) -> FloatArray:
        """Orthonormal rows, shape (size, r)."""
        rows: FloatArray = self._rows[: self.size]
        return rows

    def coordinates(self, U: FloatArray) -> FloatArray:
        """Coefficients in the basis of the projection on the span, of a row or of each row."""
        coefficients: FloatArray = U @ self.basis.conj().T
        return coefficients

    def residuals(
        self, U: FloatArray, coordinates: FloatArray | None = None, *, first: int = 0
    ) -> FloatArray:
        """A row, or each row of U, minus its projection on the span, orthogonalised twice.

        `coordinates` are those of U where they are known; basis rows before `first` are left out.
        """
        Q = self.basis[first:]
        if not Q.shape[0]:
            return U.copy()
        adjoint = Q.conj().T
        R: FloatArray = U - (U @ adjoint if coordinates is None else coordinates) @ Q
        R -= (R @ adjoint) @ Q
        return R

    def append(self, residual: FloatArray) -> FloatArray:
        """Take a residual in; returns the unit vector that was added."""
        v: FloatArray = self._rows[self.size]
        np.divide(residual, np.sqrt(np.vdot(residual, residual).real), out=v)
        self.size += 1
        return v


def squares(R: FloatArray) -> FloatArray:
    """Squared lengths of the rows, or squares of the entries of a vector."""
    if np.iscomplexobj(R):
        return squares(R.real) + squares(R.imag)
    lengths: FloatArray = R * R if R.ndim == 1 else np.einsum("ij,ij->i", R, R)
    return lengths
