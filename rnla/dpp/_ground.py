"""The rows of a matrix as a ground set: leverage once, then only the rows that are asked for.

Every law of this room depends on the column space alone, so a row stands for its coordinates
u_i = s_i a_i M in an orthonormal basis, s_i^2 its weight: sum u_i u_i^T = I, ||u_i||^2 = tau_i.
Cost: the passes of `leverage_scores`, 16 n bytes, and d r flops for each row taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import FloatArray, IntArray, Status
from ..basis import Basis, orthonormal_basis
from ..sampling._checks import check_scores
from ..tall import TallMatrix, as_tall, within_range

__all__ = ["Ground", "ground_set"]


@dataclass(frozen=True, eq=False)
class Ground:
    """Rows, a basis of their column space and their leverage scores.

    Attributes
    ----------
    A : TallMatrix, shape (n, d)
    basis : Basis
    leverage : ndarray, shape (n,)
        tau_i of the weighted rows.
    factors : ndarray, shape (n,), or None
        Square roots of the weights, up to a common factor.
    passes : int
    ridge : float
        In the units of A. With a ridge sum u_i u_i^T + ridge M^T M = I, and tau_i is a ridge
        leverage score.
    """

    A: TallMatrix
    basis: Basis
    leverage: FloatArray
    factors: FloatArray | None
    passes: int
    ridge: float = 0.0

    @property
    def n(self) -> int:
        """Number of rows."""
        return self.A.shape[0]

    @property
    def rank(self) -> int:
        """Dimension r of the column space."""
        return self.basis.rank

    @property
    def status(self) -> Status:
        """The decision about the rank."""
        return self.basis.status

    @cached_property
    def _cumulative(self) -> tuple[FloatArray, int]:
        sums = np.cumsum(self.leverage)
        return sums, int(np.searchsorted(sums, sums[-1], side="left"))

    def propose(self, points: FloatArray) -> IntArray:
        """Rows with probability tau_i / r, one for each uniform point."""
        sums, last = self._cumulative
        rows = np.searchsorted(sums, points * sums[-1], side="right")
        # A point that rounds up to the total belongs to the last row that adds to it.
        drawn: IntArray = np.minimum(rows, last)
        return drawn

    @property
    def ridge_root(self) -> FloatArray | None:
        """A matrix whose Gram matrix is what the ridge adds to sum u_i u_i^T."""
        return math.sqrt(self.ridge) * self.basis.M if self.ridge else None

    def features(self, rows: IntArray) -> FloatArray:
        """u_i, shape (len(rows), r)."""
        return self.features_of(self.A.take(rows), rows)

    def features_of(self, taken: Any, rows: IntArray) -> FloatArray:
        """u_i of rows that were taken before."""
        U = self.A.product_of_taken(taken, self.basis.M, low=self.basis.low)
        return U if self.factors is None else U * self.factors[rows, None]


def ground_set(A: Any, weights: Any, *, seed: int, ridge: float = 0.0) -> Ground:
    """Check the input and spend the passes for leverage scores."""
    tall = as_tall(A, require_tall=False)
    before = tall.passes
    factors = None
    if weights is not None:
        w = check_scores(weights, "weights")
        if w.size != tall.shape[0]:
            raise argument_error(
                "weights",
                f"{w.size} numbers",
                f"one per row of A, {tall.shape[0]}",
                "Pass the weight of every row.",
            )
        if not w.max() > 0.0:
            remedy = "Leave weights out for equal weights."
            raise argument_error("weights", "zeros only", "a positive weight", remedy)
        factors = np.sqrt(w / w.max())
    tall, units = within_range(tall, together=ridge > 0.0, with_gram=factors is None)
    if ridge and units is not None:
        ridge = _ridge_in_units(ridge, float(units[0]))
    basis = orthonormal_basis(tall, row_scale=factors, ridge=ridge, seed=seed)
    if basis.rank == 0:
        raise argument_error(
            "A",
            "numerical rank 0",
            "a matrix with a row that is not zero",
            "Pass features that span something.",
        )
    leverage = np.asarray(basis.leverage(tall, factors), dtype=np.float64)
    return Ground(tall, basis, leverage, factors, tall.passes - before, ridge)


def _ridge_in_units(ridge: float, unit: float) -> float:
    scaled = ridge * unit * unit
    if not math.isfinite(scaled):
        raise argument_error(
            "ridge",
            f"{ridge:g}, which is infinite beside the squares of the entries of A",
            "a ridge comparable to the squared singular values of A",
            "Rescale A by a power of two.",
        )
    return scaled
