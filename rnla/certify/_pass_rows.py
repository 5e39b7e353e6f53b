"""All rows of A as one side of the ratio, read from the tall matrix again at every question."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from .._result import FloatArray
from ._problem import Problem
from ._rows import congruence

__all__ = ["PassRows"]


class PassRows:
    """The `Side` of all rows with weight one: every method is one pass, memory O(n)."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        n, self.rank = problem.A.shape[0], problem.rank
        self.weights = np.ones(n)
        self.gram_flops = float(n) * self.rank**2
        self.product_flops = 2.0 * n * self.rank

    def forward(self, Z: FloatArray) -> FloatArray:
        columns = Z if Z.ndim == 2 else Z[:, None]
        product: FloatArray = self._problem.A.matmul(self._problem.lift(columns))
        return product if Z.ndim == 2 else product[:, 0]

    def backward(self, c: FloatArray) -> FloatArray:
        scaled = self._problem.A.rmatmul(c) * self._problem.column_scale
        return np.asarray(self._problem.transform.T @ scaled)

    def gram(self, scale: FloatArray) -> FloatArray:
        A, T = self._problem.A, self._problem.transform
        if not sp.issparse(T):
            return A.gram(row_scale=np.sqrt(scale), M=self._problem.basis.M)
        G = A.gram(row_scale=np.sqrt(scale)) * self._problem.column_scale
        G *= self._problem.column_scale[:, None]
        return congruence(G, T)
