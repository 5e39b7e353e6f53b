"""Sparse sign embedding: a few +-1/sqrt(nnz) entries in distinct random rows of every column of S.

With s = O(d log d / eps^2) rows and O(log d / eps) entries per column it embeds every d-dimensional
subspace with distortion eps (Cohen, SODA 2016, refining Kane-Nelson and Nelson-Nguyen); in practice
4 d to 8 d rows and 8 entries do for any matrix, coherent ones included. Also known as SASO, SJLT
and OSNAP. Cost nnz(A) * nnz, one pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._errors import argument_error, check_size
from .._result import FloatArray, IntArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall._device import is_sparse_rows
from ._operator import Distribution
from ._sparse import Entries, SparseOperator, uniform_entries

__all__ = ["SparseSign", "SparseSignOperator"]

_PURPOSE = "sketch.sparse_sign"


@dataclass(frozen=True)
class SparseSign(Distribution):
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
    >>> int(np.count_nonzero(S.block(417, 418)))
    8
    """

    nnz: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.nnz, name="nnz")
        if self.s >= 2**31:
            raise argument_error(
                "s", self.s, "fewer than 2^31 rows", "Use CountSketch for a table of that size."
            )
        if self.nnz > self.s:
            raise argument_error(
                "nnz",
                self.nnz,
                f"at most s = {self.s} nonzeros per column",
                "Raise s or lower nnz.",
            )

    def draw(self, rng: RNGLike = None) -> SparseSignOperator:
        """Draw an operator; see `Distribution.draw`."""
        return SparseSignOperator(self, resolve_seed(rng))


@dataclass(frozen=True)
class SparseSignOperator(SparseOperator):
    """A drawn sparse sign embedding; holds a seed, not a matrix."""

    distribution: SparseSign
    seed: int

    def columns(self, start: int, stop: int, *, like: Any = None) -> tuple[IntArray, FloatArray]:
        """Row numbers and values of the entries of columns start … stop-1, each (count, nnz).

        On the GPU of `like`, if that is an array there.
        """
        from ..kernels import sparse_sign

        s, nnz = self.distribution.s, self.distribution.nnz
        places, signs = sparse_sign.columns(self._key, start, stop - start, s, nnz, like=like)
        signs *= 1.0 / np.sqrt(nnz)
        return places, signs

    def entries(self, start: int, stop: int) -> Entries:
        """See `SparseOperator`."""
        return uniform_entries(*self.columns(start, stop))

    def entries_beside(self, start: int, stop: int, like: Any) -> Entries:
        """See `SparseOperator`."""
        return uniform_entries(*self.columns(start, stop, like=like))

    @cached_property
    def _key(self) -> int:
        return Stream(self.seed, _PURPOSE).key

    def _add(self, start: int, block: Any, out: FloatArray) -> None:
        if is_sparse_rows(block):
            super()._add(start, block, out)
            return
        from ..kernels import sparse_sign

        sparse_sign.add_dense(self._key, start, block, self.distribution.nnz, out)
