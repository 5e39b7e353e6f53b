"""The matrix as the basis algorithms see it: diag(s) A D, with the rows of a ridge appended.

D holds powers of two that bring every column's largest entry near one: scaling is exact, leverage
is invariant under it, and nothing over- or underflows for columns of any size. Cost: one scan.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import FloatArray
from ..sketch import SparseSign
from ..tall import TallMatrix, rows

__all__ = ["Operand", "inverse_power_of_two"]

# Outside this range of column sizes squares may leave the floating-point range.
_SMALL, _LARGE = 1e-100, 1e100


def inverse_power_of_two(size: FloatArray | float) -> FloatArray:
    """2^-e with size * 2^-e in [1/2, 1), for each positive entry; 1 for zeros."""
    exponent = np.clip(np.frexp(size)[1], -1000, 1000)
    return np.where(size > 0, np.ldexp(1.0, -exponent), 1.0)


def _finite(X: FloatArray) -> FloatArray:
    if not np.all(np.isfinite(X)):
        raise argument_error(
            "A",
            "columns whose norms, or the inverses of them, exceed the floating-point range",
            "column norms between 1e-300 and 1e300",
            "Rescale A by a power of two.",
        )
    return X


class Operand:
    """diag(s) A D over sqrt(ridge) D, with its passes; algorithms work in the scaled columns."""

    def __init__(self, A: TallMatrix, row_scale: Any = None, ridge: float = 0.0) -> None:
        self.A = A
        self.n, self.d = A.shape
        scan = A.scan()
        self.unit = 1.0
        if row_scale is not None:
            # Relative to the largest entry, which the column scales bring near one.
            row_max = scan.row_max * float(inverse_power_of_two(np.max(scan.column_max)))
            found, (row_scale,) = rows.settled_extremes(row_scale * row_max, row_scale)
            self.unit = float(inverse_power_of_two(found[1]))
            row_scale = row_scale * self.unit
        self.row_scale = row_scale
        self.column_scale = inverse_power_of_two(scan.column_max)
        nonzero = scan.column_max[scan.column_max > 0]
        self.extreme = bool(np.any((nonzero < _SMALL) | (nonzero > _LARGE)))
        self._ridge_rows = np.sqrt(ridge) * self.unit * self.column_scale if ridge else None
        self.alive = (scan.column_max > 0) | (ridge > 0)

    def coefficients(self, M: FloatArray) -> FloatArray:
        """Coefficients for A itself from coefficients for the scaled columns."""
        with np.errstate(over="ignore"):
            return _finite(M * self.column_scale[:, None] * self.unit)

    def factor(self, R: FloatArray) -> FloatArray:
        """The triangular factor for A itself from that of the scaled columns."""
        with np.errstate(over="ignore"):
            return _finite(R / self.unit / self.column_scale)

    def gram(self, M: FloatArray | None = None, low: FloatArray | None = None) -> FloatArray:
        """(B M)^T (B M) for the operand B: one pass. `low` as in `TallMatrix.gram`."""
        scale = self.column_scale[:, None]
        if M is not None:
            low = None if low is None else scale * low
            G = self.A.gram(row_scale=self.row_scale, M=scale * M, low=low)
        elif self.extreme:
            G = self.A.gram(row_scale=self.row_scale, M=np.diag(self.column_scale))
        else:
            G = self.A.gram(row_scale=self.row_scale) * self.column_scale * scale
        if self._ridge_rows is not None:
            E = np.diag(self._ridge_rows) if M is None else self._ridge_rows[:, None] * M
            G = G + E.T @ E
        return G

    def sketch(self, seed: int, rows: int | None = None) -> FloatArray:
        """Rows whose column geometry is that of B within a constant factor: one pass.

        With s = 4 d rows and 8 signs per column the singular values of B R^-1 lie near
        1 / (1 +- (d / s)^(1/2)): between 2/3 and 2. A ridge has few rows and is not sketched.
        """
        S = SparseSign(max(4 * self.d, 32) if rows is None else rows, self.n).draw(seed)
        scale = self.column_scale
        if self.extreme:
            C = self.A.sketch(S, row_scale=self.row_scale, column_scale=scale)
        else:
            C = self.A.sketch(S, row_scale=self.row_scale) * scale
        return C if self._ridge_rows is None else np.vstack([C, np.diag(self._ridge_rows)])

    def rows(self) -> FloatArray:
        """All rows as one dense array, for small matrices only: one pass."""
        B = self.A.whole()
        B *= self.column_scale
        if self.row_scale is not None:
            B *= rows.host(self.row_scale)[:, None]
        return B if self._ridge_rows is None else np.vstack([B, np.diag(self._ridge_rows)])
