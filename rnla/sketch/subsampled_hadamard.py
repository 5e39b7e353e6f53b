"""Subsampled randomized Hadamard transform, SRHT (Ailon and Chazelle 2006; Tropp 2011).

S = sqrt(N / s) R H D with random signs D, the orthogonal Walsh-Hadamard matrix H of order N, the
power of two at or above n, and s distinct random rows R. An entry is +-1/sqrt(s) with the parity of
the bits that row and column number share. Rows of A need not be in memory together: since
(i, j) -> popcount(i & j) splits into low and high bits, a block of 2^q rows is transformed alone,
and each row of S A picks one of its rows. Cost n d log2(block) + s d n / block, one pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import FloatArray, IntArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall._device import array_module, beside, is_sparse_rows, on_device
from ._choice import distinct
from ._operator import Distribution, Operator

__all__ = ["SubsampledHadamard", "SubsampledHadamardOperator"]

_SIGNS = "sketch.subsampled_hadamard.signs"
_ROWS = "sketch.subsampled_hadamard.rows"
_TILE = 2**16  # numbers of a piece that is transformed at a time
_TILE_ON_DEVICE = 2**24


@dataclass(frozen=True)
class SubsampledHadamard(Distribution):
    """The distribution of subsampled randomized Hadamard transforms.

    Parameters
    ----------
    s, n : int
        Rows and columns of S; s at most n rounded up to a power of two.

    Examples
    --------
    >>> import numpy as np
    >>> S = SubsampledHadamard(64, 1000).draw(rng=0)
    >>> bool(np.allclose(abs(S.block(500, 503)), 1 / 8))
    True
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.s > self.order:
            raise argument_error(
                "s",
                self.s,
                f"at most {self.order} rows, the order of the transform",
                "Use fewer rows; that many keep A exactly.",
            )

    @property
    def order(self) -> int:
        """N, the order of the Hadamard matrix."""
        return 1 << (self.n - 1).bit_length()

    def draw(self, rng: RNGLike = None) -> SubsampledHadamardOperator:
        """Draw an operator; see `Distribution.draw`."""
        return SubsampledHadamardOperator(self, resolve_seed(rng))


@dataclass(frozen=True)
class SubsampledHadamardOperator(Operator):
    """A drawn subsampled randomized Hadamard transform."""

    distribution: SubsampledHadamard
    seed: int

    @cached_property
    def chosen(self) -> IntArray:
        """Row numbers of the Hadamard matrix that S keeps, (s,)."""
        s, order = self.distribution.s, self.distribution.order
        return distinct(Stream(self.seed, _ROWS), s, order)

    def signs(self, start: int, stop: int, *, like: Any = None) -> FloatArray:
        """Diagonal entries start … stop-1 of D, on the GPU of `like`, if that is an array there."""
        return Stream(self.seed, _SIGNS).signs(range(start, stop), like=like)

    def block(self, start: int, stop: int) -> FloatArray:
        """Columns start … stop-1 of S as a dense (s, stop - start) array."""
        self._check_columns(start, stop)
        shared = np.bitwise_count(self.chosen[:, None] & np.arange(start, stop)[None, :])
        parity = 1.0 - 2.0 * (shared & 1)
        entries: FloatArray = parity * self.signs(start, stop) / np.sqrt(self.shape[0])
        return entries

    def _pieces(self, start: int, stop: int, X: Any) -> Iterator[tuple[int, int]]:
        """Cut start … stop-1 into parts of aligned ranges of 2^q; yield (first row, 2^q).

        Their size is that for as many columns as X has, where it is.
        """
        tile = _TILE_ON_DEVICE if on_device(X) else _TILE
        largest = 1 << max(4, (tile // max(X.shape[1], 1)).bit_length() - 1)
        while start < stop:
            size = min(largest, start & -start) if start else largest
            while size // 2 >= stop - start:
                size //= 2
            yield start, size
            start += size

    def _add(self, start: int, block: Any, out: FloatArray) -> None:
        from ..kernels import fwht

        scale, chosen = 1.0 / np.sqrt(self.shape[0]), beside(block, self.chosen)
        stop = start + block.shape[0]
        for first, size in self._pieces(start, stop, block):
            last = min(first + size, stop)
            rows = block[first - start : last - start]
            tile = array_module(block).zeros((size, block.shape[1]), dtype=np.float64)
            dense = rows.toarray() if is_sparse_rows(rows) else rows
            signs = self.signs(first, last, like=dense)
            np.multiply(dense, signs[:, None], out=tile[: last - first])
            fwht.transform(tile)
            fwht.add_signed_rows(tile, first, chosen, scale, out)

    def _transposed(self, start: int, stop: int, Y: FloatArray) -> FloatArray:
        from ..kernels import fwht, sparse_columns

        xp = array_module(Y)
        result: FloatArray = xp.empty((stop - start, Y.shape[1]), dtype=np.float64)
        one_each = beside(Y, np.arange(self.shape[0] + 1))
        scale = 1.0 / np.sqrt(self.shape[0])
        for first, size in self._pieces(start, stop, Y):
            last = min(first + size, stop)
            tile = xp.zeros((size, Y.shape[1]), dtype=np.float64)
            parity = 1.0 - 2.0 * (np.bitwise_count(self.chosen & first) & 1)
            places = beside(Y, self.chosen & (size - 1))
            sparse_columns.add_dense(one_each, places, beside(Y, scale * parity), Y, tile)
            fwht.transform(tile)
            np.multiply(
                tile[: last - first],
                self.signs(first, last, like=Y)[:, None],
                out=result[first - start : last - start],
            )
        return result
