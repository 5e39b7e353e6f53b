"""CountSketch: one random sign in a random row of every column (Charikar et al., ICALP 2002).

As a subspace embedding (Clarkson and Woodruff, STOC 2013) it needs about (d^2 + d) / (eps^2 delta)
rows, since two rows of A that carry a direction alone must not meet; nothing is cheaper to apply.
Cost nnz(A), one pass at the speed of memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall._device import is_sparse_rows
from ._operator import Distribution
from ._sparse import Entries, SparseOperator, uniform_entries

__all__ = ["CountSketch", "CountSketchOperator"]

_PURPOSE = "sketch.count_sketch"


@dataclass(frozen=True)
class CountSketch(Distribution):
    """The distribution of CountSketches.

    Parameters
    ----------
    s, n : int
        Rows and columns of S; s at most 2^32.

    Examples
    --------
    >>> import numpy as np
    >>> S = CountSketch(16, 1000).draw(rng=0)
    >>> A = np.ones((1000, 3))
    >>> (S @ A).shape, (S.T @ np.ones(16)).shape
    ((16, 3), (1000,))
    """

    def draw(self, rng: RNGLike = None) -> CountSketchOperator:
        """Draw an operator; see `Distribution.draw`."""
        return CountSketchOperator(self, resolve_seed(rng))


@dataclass(frozen=True)
class CountSketchOperator(SparseOperator):
    """A drawn CountSketch."""

    distribution: CountSketch
    seed: int

    def entries(self, start: int, stop: int) -> Entries:
        """See `SparseOperator`."""
        from ..kernels import count_sketch

        return uniform_entries(*count_sketch.columns(self._key, start, stop - start, self.shape[0]))

    def entries_beside(self, start: int, stop: int, like: Any) -> Entries:
        """See `SparseOperator`."""
        from ..kernels import count_sketch

        s = self.shape[0]
        drawn = count_sketch.columns(self._key, start, stop - start, s, like=like)
        return uniform_entries(*drawn)

    @cached_property
    def _key(self) -> int:
        return Stream(self.seed, _PURPOSE).key

    def _add(self, start: int, block: Any, out: FloatArray) -> None:
        if is_sparse_rows(block):
            super()._add(start, block, out)
            return
        from ..kernels import count_sketch

        count_sketch.add_dense(self._key, start, block, out)
