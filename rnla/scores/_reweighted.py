"""Leverage scores of diag(s) A for a sequence of row scales s: what every Lewis iteration asks
for.

With s_i = w_i^(1/2 - 1/p) and M orthonormalising diag(s) A, everything a Lewis iteration needs is
h_i = log ||a_i M||: the leverage is log tau_i = 2 (log s_i + h_i), and one step of the
fixed-point map of Cohen and Peng (arXiv 1412.0588) is log w_i <- p h_i. Each evaluation
preconditions with the basis before it and costs about two passes, 5 n d^2 flops and O(n + d^2)
memory. Rank and pivots are decided once, for the unweighted matrix. All of it is kept in
logarithms: with rows of very different size, leverages and weights leave the range of floating
point long before their roots do. Vectors are row vectors of either kind. Rows that are zero have no
logarithm; there they repeat one row that is not, which no maximum notices.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import FloatArray
from ..basis import Basis, orthonormal_basis
from ..tall import TallMatrix, rows, single_threaded_blas

__all__ = ["Iterate", "ReweightedLeverage", "scaled"]

_TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class Iterate:
    """Where an iteration ended: log-weights of the rows, and how good they are.

    `residual` is max |log tau_i - log w_i| for two-sided methods and log max tau_i / w_i (before
    any multiplication) for one-sided ones; `ratio` is max tau_i / w_i for the weights given.
    """

    log_w: Any
    residual: float
    ratio: float
    iterations: int
    converged: bool


class ReweightedLeverage:
    """Evaluates log ||a_i M|| for given log row scales; keeps the last basis as preconditioner."""

    def __init__(
        self,
        A: TallMatrix,
        *,
        rank: int | None = None,
        rcond: float | None = None,
        seed: int = 0,
    ) -> None:
        self.A = A
        self.seed = seed
        self.plain: Basis = orthonormal_basis(A, rank=rank, rcond=rcond, seed=seed)
        self.basis: Basis = self.plain
        self.rank = self.plain.rank
        norms = A.row_norms(self.plain.M) if self.rank else rows.like(A.scan().row_max, 0.0)
        self.count, self._first = rows.fold(_count, _both_counts, norms)
        #: Which rows are not zero, or None if all.
        self.alive = None if self.count == A.shape[0] else rows.settle(norms > 0)
        self._plain_norms = rows.settle(self._log(norms)) if self.count else norms
        self.evaluations = 0
        self._may_be_equal = True
        # Measured: residuals stall at 0.1 to 0.7 eps cond(A), at 20 eps for well-conditioned A.
        self.rounding = 2.0 * float(np.finfo(float).eps) * (self.plain.condition + 30.0)

    def live(self, values: Any, dead: float = 0.0) -> Any:
        """The row vector with the given number where rows are zero."""
        return values if self.alive is None else np.where(self.alive, values, dead)

    def constant(self, value: float) -> Any:
        """A row vector of equal numbers."""
        self._may_be_equal = True
        return rows.like(self._plain_norms, value)

    def uniform(self) -> Any:
        """Log-weights of the usual start: rank / (number of nonzero rows) each."""
        return self.constant(float(np.log(self.rank / max(self.count, 1))))

    def _log(self, lengths: Any) -> Any:
        if self.alive is not None:
            lengths = np.where(self.alive, lengths, lengths[self._first])
        # A nonzero row can still underflow; the floor keeps its logarithm finite.
        return np.log(np.maximum(lengths, _TINY))

    def norms(self, M: FloatArray) -> Any:
        """Log ||a_i M||: one pass."""
        return self._log(self.A.row_norms(M))

    def _row_scale(self, log_scale: Any) -> Any:
        return self.live(np.exp(log_scale))

    def __call__(self, log_scale: Any) -> Any:
        """h_i = log ||a_i M|| where diag(exp(log_scale)) A M is orthonormal."""
        self.evaluations += 1
        if self._may_be_equal:
            low, high = rows.extremes(log_scale)
            if low == high:  # equal scales: the basis of A itself, no pass
                self.basis = scaled(self.plain, -low)
                return self._plain_norms - low
            self._may_be_equal = False
        self.basis = orthonormal_basis(
            self.A,
            row_scale=self._row_scale(log_scale),
            start=self.basis,
            rank=self.rank,
            seed=self.seed,
        )
        return self.norms(self.basis.M)

    def advance(self, log_scale: Any, origin: Basis) -> tuple[Any, float]:
        """As a call, for scales within a constant factor of those of `origin`.

        Returns h and the change of log det(A^T S^2 A), which is accurate however small it is.
        """
        self.evaluations += 1
        G = self.A.gram(row_scale=self._row_scale(log_scale), M=origin.M)
        with single_threaded_blas():
            L = np.linalg.cholesky(G)
            M = np.linalg.solve(L, origin.M.T).T
        self.basis = dataclasses.replace(origin, M=M, R=L.T @ origin.R, path=origin.path)
        return self.norms(M), 2.0 * float(np.log(np.diag(L)).sum())


def _count(start: int, norms: FloatArray) -> tuple[int, int]:
    """How many rows are not zero, and the number of the first, or -1."""
    positive = norms > 0
    count = int(np.count_nonzero(positive))
    return count, start + int(np.argmax(positive)) if count else -1


def _both_counts(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
    return left[0] + right[0], left[1] if left[0] else right[1]


def scaled(basis: Basis, log_factor: float) -> Basis:
    """The basis with M multiplied by exp(log_factor): the rows were divided by as much."""
    factor = float(np.exp(log_factor))
    return dataclasses.replace(basis, M=basis.M * factor, R=basis.R / factor)
