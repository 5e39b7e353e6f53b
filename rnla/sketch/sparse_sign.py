"""Sparse sign embedding: a few +-1/sqrt(nnz) entries in distinct random rows of every column of S.

With s = O(d log d / eps^2) rows and O(log d / eps) entries per column it embeds every d-dimensional
subspace with distortion eps (Cohen, SODA 2016, refining Kane-Nelson and Nelson-Nguyen); in practice
4 d to 8 d rows and 8 entries do for any matrix, coherent ones included. One entry per column
(CountSketch) is not offered here: it needs about d^2 rows. Cost nnz(A) * nnz, one pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import argument_error, check_size
from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed

__all__ = ["SparseSign", "SparseSignOperator"]

_PURPOSE = "sketch.sparse_sign"


@dataclass(frozen=True)
class SparseSign:
    """The distribution of sparse sign embeddings.

    Parameters
    ----------
    s, n : int
        Rows and columns of S.
    nnz : int
        Nonzeros per column, at most s.

    Examples
    --------
    >>> import numpy as np
    >>> S = SparseSign(20, 1000).draw(rng=0)
    >>> S.shape
    (20, 1000)
    >>> block = np.ones((1, 1))
    >>> int(np.count_nonzero(S.apply_block(417, block)))
    8
    """

    s: int
    n: int
    nnz: int = 8

    def __post_init__(self) -> None:
        check_size(self.s, name="s")
        check_size(self.n, name="n")
        check_size(self.nnz, name="nnz")
        if self.nnz > self.s:
            raise argument_error(
                "nnz",
                self.nnz,
                f"at most s = {self.s} nonzeros per column",
                "Raise s or lower nnz.",
            )

    def draw(self, rng: RNGLike = None) -> SparseSignOperator:
        """Draw an operator; the same seed gives the same bits everywhere."""
        return SparseSignOperator(self, resolve_seed(rng))


@dataclass(frozen=True)
class SparseSignOperator:
    """A drawn sparse sign embedding; holds a seed, not a matrix.

    Attributes
    ----------
    distribution : SparseSign
    seed : int
    """

    distribution: SparseSign
    seed: int

    @property
    def shape(self) -> tuple[int, int]:
        """(s, n)."""
        return self.distribution.s, self.distribution.n

    def columns(self, start: int, stop: int) -> tuple[FloatArray, FloatArray]:
        """Row numbers and values of the entries of columns start … stop-1, each (count, nnz)."""
        from ..kernels import sparse_sign

        s, nnz = self.distribution.s, self.distribution.nnz
        places, signs = sparse_sign.columns(self._key, start, stop - start, s, nnz)
        return places, signs / np.sqrt(nnz)

    def apply_block(self, start: int, block: Any, *, out: FloatArray | None = None) -> FloatArray:
        """S[:, start : start + len(block)] @ block.

        Parameters
        ----------
        start : int
            Global index of the block's first row.
        block : ndarray or csr_array, shape (rows, d)
        out : ndarray, shape (s, d), optional
            Accumulator to add to.

        Returns
        -------
        ndarray, shape (s, d)
            `out`, or a new array.
        """
        from ..kernels import sparse_sign

        s, n = self.shape
        if start < 0 or start + block.shape[0] > n:
            raise argument_error(
                "start",
                f"rows {start} to {start + block.shape[0]}",
                f"a block within the {n} columns of S",
                "Draw the operator with n equal to the number of rows of A.",
            )
        if out is None:
            out = np.zeros((s, block.shape[1]))
        nnz = self.distribution.nnz
        if isinstance(block, np.ndarray):
            block = np.ascontiguousarray(block, dtype=np.float64)
            sparse_sign.add_dense_sketch(self._key, start, block, nnz, out)
        else:
            sparse_sign.add_csr_sketch(
                self._key, start, block.data, block.indices, block.indptr, nnz, out
            )
        return out

    @property
    def _key(self) -> int:
        return Stream(self.seed, _PURPOSE).key
