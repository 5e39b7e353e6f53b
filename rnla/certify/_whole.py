"""What certificates of several samples share: the matrix, one basis, one set of leverage scores.

An embedding is certified once for every size tried, and once more for the uniform sample beside it;
all that does not depend on the sample is computed at most once here.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._result import FloatArray, IntArray
from ..basis import Basis, orthonormal_basis
from ..basis.power import power_view
from ..random import Stream
from ..tall import TallMatrix, rows
from ..tall._device import beside
from ..tall.extended import Extended
from ._gram_basis import gram_basis
from ._rows import HeldRows, dense_product
from ._sums import column_scale, sampled_rows

__all__ = ["DENSE_RANK", "Whole"]

DENSE_RANK = 512  # above, sparse matrices are searched in chosen columns, not in A M
_EXACT_LEVERAGE_RANK = 64
_PROJECTIONS = 32


class Whole:
    """A matrix and a norm; computes what several tiers and several samples need once.

    Inside, columns are scaled by powers of two to a largest entry near one, so x = c * (T z) for
    the coordinates z of a search; `lift` does that.
    """

    def __init__(self, A: TallMatrix, p: float, seed: int, *, basis: Basis | None = None) -> None:
        """`basis` is one of A, if the caller has it."""
        self.A, self.p, self.seed = A, p, seed
        self.column_scale = column_scale(A)
        self._basis = basis
        self.references: dict[int, HeldRows] = {}  # of the last size drawn

    def stream(self, purpose: str) -> Stream:
        """Random numbers of one part of the certificate."""
        return Stream(self.seed, f"certify {purpose}")

    @cached_property
    def basis(self) -> Basis:
        """Orthonormal, except for many sparse columns, where one Cholesky step is enough."""
        if self.A.is_sparse and self.A.shape[1] > DENSE_RANK:
            basis = gram_basis(self.A)
            if basis is not None:
                return basis
        return orthonormal_basis(self.A, seed=self.seed) if self._basis is None else self._basis

    @property
    def rank(self) -> int:
        return self.basis.rank

    @property
    def rounding(self) -> float:
        """Relative error of products with an orthonormal basis that is not extended."""
        return 32.0 * float(np.finfo(float).eps) * max(self.basis.condition, 1.0)

    def unscaled(self, M: FloatArray) -> FloatArray:
        """Coefficients for the scaled columns from coefficients for the columns of A."""
        return np.asarray(M / self.column_scale[:, None])

    @cached_property
    def transform(self) -> Any:
        """T with columns that span the row space: the basis, or chosen columns (many, sparse)."""
        if not self.A.is_sparse or self.rank <= DENSE_RANK:
            return self.unscaled(self.basis.M)
        pivots = self.basis.pivots
        position = (pivots, np.arange(pivots.size))
        return sp.csc_array((np.ones(pivots.size), position), (self.A.shape[1], pivots.size))

    def lift(self, Z: FloatArray) -> FloatArray:
        """x for the columns z of a search."""
        return np.asarray(self.column_scale[:, None] * (self.transform @ Z))

    def scaled(self, some: Any) -> Any:
        """Rows of A, dense or CSR, with scaled columns."""
        if sp.issparse(some):
            some = some.copy()
            some.data *= self.column_scale[some.indices]
            return some
        return some * self.column_scale

    def take(self, indices: IntArray) -> Any:
        """Rows of A with scaled columns, dense or CSR, float64."""
        return self.scaled(sampled_rows(self.A, indices))

    @cached_property
    def product(self) -> FloatArray | Extended:
        """Coefficients of coordinates: the orthonormal basis, extended where that matters."""
        if self.basis.low is None:
            return self.unscaled(self.basis.M)
        M, low = self.unscaled(self.basis.M), self.unscaled(self.basis.low)
        return Extended.prepare(M, low, np.ones(len(M)))

    def coordinates(self, some: Any) -> FloatArray:
        """Scaled rows times the orthonormal basis, dense."""
        return _coordinates(self.product, some)

    @property
    def entries(self) -> float:
        """Numbers needed to hold all rows for a search: non-zeros if sparse, else n r."""
        return self.A.entry_count if self.A.is_sparse else float(self.A.shape[0]) * self.rank

    def hold(self, some: Any, weights: FloatArray) -> HeldRows:
        """Some rows with scaled columns, ready for a search."""
        if self.A.is_sparse:
            return HeldRows(some, self.transform, weights, self.p)
        return HeldRows(self.coordinates(some), None, weights, self.p)

    @cached_property
    def held(self) -> HeldRows:
        """All rows with weight one, here, for small matrices: one pass."""
        n = self.A.shape[0]
        if self.A.is_sparse:
            return self.hold(self.take(np.arange(n)), np.ones(n))
        B = self.A.each(
            partial(_coordinates_of_block, self.product, self.column_scale), width=self.rank
        )
        return HeldRows(rows.host(B), None, np.ones(n), self.p)

    @cached_property
    def leverage(self) -> Any:
        """Leverage scores of all rows: exact up to rank 64, else from 32 random projections.

        The projected scores are within a factor of two of the exact ones but for one row in a
        thousand; they choose starts and describe weights, they prove nothing. A row vector, which
        stays where the rows are.
        """
        if self.rank <= _EXACT_LEVERAGE_RANK:
            return rows.settle(self.basis.leverage(self.A))
        directions = self.stream("leverage").normal(range(self.rank), _PROJECTIONS)
        norms = self.A.row_norms(self.basis.M @ (directions / np.sqrt(_PROJECTIONS)))
        return rows.settle(rows.each(_capped_square, norms))

    @cached_property
    def gram(self) -> FloatArray:
        """(A M)^T (A M), the identity but for rounding: one pass."""
        return self.A.gram(M=self.basis.M, low=self.basis.low)

    @cached_property
    def monomials(self) -> tuple[Basis, FloatArray]:
        """For p = 2k: a basis of the degree-k monomials of rows a_i M, and its Gram matrix."""
        view = power_view(self.A, int(self.p) // 2, M=self.basis.M)
        basis = orthonormal_basis(view, seed=self.seed)
        G = view.gram(M=basis.M, low=basis.low)
        self.A.passes += view.passes
        return basis, G


def _capped_square(norms: FloatArray) -> FloatArray:
    squares: FloatArray = norms * norms
    return np.minimum(squares, 1.0, out=squares)


def _coordinates(product: FloatArray | Extended, block: Any) -> FloatArray:
    if isinstance(product, Extended):
        return product.product(block)
    return dense_product(block, beside(block, product))


def _coordinates_of_block(
    product: FloatArray | Extended,
    column_scale: FloatArray,
    block: FloatArray,
    start: int,
    out: FloatArray,
) -> FloatArray:
    return _coordinates(product, block * beside(block, column_scale))
