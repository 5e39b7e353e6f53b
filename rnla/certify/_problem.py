"""What the tiers share: the matrix, the sample, one basis, one set of leverage scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import ArgumentTypeError, argument_error
from .._result import FloatArray, IntArray
from ..basis import Basis, orthonormal_basis
from ..random import Stream
from ..tall import TallMatrix
from ..tall.extended import Extended
from ._gram_basis import gram_basis
from ._rows import HeldRows, dense_product
from ._sums import SampleLike, column_scale, distortion_ratios, sampled_rows

__all__ = ["Kept", "Problem", "check_sample"]

DENSE_RANK = 512  # above, sparse matrices are searched in chosen columns, not in A M
_EXACT_LEVERAGE_RANK = 64
_PROJECTIONS = 32


@dataclass(frozen=True, eq=False)
class Kept:
    """Rows with weights, and the number of rows they were taken from."""

    indices: IntArray
    weights: FloatArray
    n: int


class Problem:
    """A matrix, a sample of its rows and a norm; computes what several tiers need once.

    Inside, columns are scaled by powers of two to a largest entry near one, so x = c * (T z) for
    the coordinates z of a search; `lift` does that.
    """

    def __init__(self, A: TallMatrix, sample: SampleLike, p: float, seed: int) -> None:
        self.A, self.p, self.seed = A, p, seed
        self.sample = check_sample(A, sample, "sample")
        positive = np.asarray(self.sample.weights) > 0
        self.indices = np.asarray(self.sample.indices)[positive]
        self.weights = np.asarray(self.sample.weights, dtype=np.float64)[positive]
        self.kept = Kept(self.indices, self.weights, A.shape[0])
        self.column_scale = column_scale(A)

    @property
    def probabilities(self) -> FloatArray:
        """Expected counts of the kept rows; one over the weights if the sample does not say."""
        stated = getattr(self.sample, "probabilities", None)
        if stated is None:
            return np.asarray(1.0 / self.weights)
        return np.asarray(stated, dtype=np.float64)[np.asarray(self.sample.weights) > 0]

    @property
    def repeats(self) -> bool:
        """Whether rows may have been drawn more than once."""
        return "replacement" in str(getattr(self.sample, "design", ""))

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
        return orthonormal_basis(self.A, seed=self.seed)

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

    def take(self, indices: IntArray) -> Any:
        """Rows of A with scaled columns, dense or CSR, float64."""
        rows = sampled_rows(self.A, indices)
        if sp.issparse(rows):
            rows = rows.copy()
            rows.data *= self.column_scale[rows.indices]
            return rows
        return rows * self.column_scale

    @cached_property
    def rows(self) -> Any:
        """The sampled rows with scaled columns, without weights."""
        return self.take(self.indices)

    def coordinates(self, rows: Any) -> FloatArray:
        """Rows times the orthonormal basis, dense, in extended precision where that matters."""
        if self.basis.low is None:
            return dense_product(rows, self.unscaled(self.basis.M))
        M, low = self.unscaled(self.basis.M), self.unscaled(self.basis.low)
        return Extended.prepare(M, low, np.ones(len(M))).product(rows)

    @cached_property
    def entries(self) -> int:
        """Numbers needed to hold all rows for a search: non-zeros if sparse, else n r."""
        if self.A.is_sparse:
            return int(sum(block.nnz for _, block in self.A.blocks()))
        return self.A.shape[0] * self.rank

    def hold(self, sample: SampleLike | None = None) -> HeldRows:
        """Rows of a sample with its weights, or all rows with weight one, ready for a search."""
        if sample is not None:
            rows, weights = self.take(sample.indices), np.asarray(sample.weights, dtype=np.float64)
            if self.A.is_sparse:
                return HeldRows(rows, self.transform, weights, self.p)
            return HeldRows(self.coordinates(rows), None, weights, self.p)
        weights = np.ones(self.A.shape[0])
        if self.A.is_sparse:
            rows = self.take(np.arange(self.A.shape[0]))
            return HeldRows(rows, self.transform, weights, self.p)
        B = np.empty((self.A.shape[0], self.rank))
        for start, block in self.A.blocks():
            B[start : start + len(block)] = self.coordinates(block * self.column_scale)
        return HeldRows(B, None, weights, self.p)

    @cached_property
    def leverage(self) -> FloatArray:
        """Leverage scores of all rows: exact up to rank 64, else from 32 random projections.

        The projected scores are within a factor of two of the exact ones but for one row in a
        thousand; they choose starts and describe weights, they prove nothing.
        """
        if self.rank <= _EXACT_LEVERAGE_RANK:
            return self.basis.leverage(self.A)
        directions = self.stream("leverage").normal(range(self.rank), _PROJECTIONS)
        M = self.basis.M @ (directions / np.sqrt(_PROJECTIONS))
        return np.asarray(np.minimum(self.A.row_norms(M) ** 2, 1.0))

    def ratios(self, X: FloatArray, plain: FloatArray | None = None) -> FloatArray:
        """||S A x||_p^p / ||A x||_p^p for the columns of X, then `plain`, on all rows: one pass."""
        return distortion_ratios(self.A, self.sample, X, self.p, plain=plain)


def check_sample(A: TallMatrix, sample: Any, name: str) -> SampleLike:
    """Return the sample if it fits the matrix and keeps anything, or raise."""
    expected = "a RowSample of the rows of A"
    if not all(hasattr(sample, field) for field in ("indices", "weights", "n")):
        remedy = "Draw one with rnla.sampling.sample_rows, or pass embedding.sample."
        raise argument_error(name, type(sample).__name__, expected, remedy, kind=ArgumentTypeError)
    if sample.n != A.shape[0]:
        raise argument_error(
            name,
            f"a sample of {sample.n} rows",
            f"a sample of the {A.shape[0]} rows of A",
            "Pass the matrix that the sample was drawn from.",
        )
    weights = np.asarray(sample.weights)
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise argument_error(
            name,
            "negative or non-finite weights",
            "weights that are finite and not negative",
            "A weight is one over an inclusion probability.",
        )
    if not np.any(weights > 0):
        raise argument_error(
            name,
            "no row with positive weight",
            "at least one",
            "Draw a larger sample: an empty one preserves nothing.",
        )
    checked: SampleLike = sample
    return checked
