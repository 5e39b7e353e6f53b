"""Sketches whose entries are all nonzero: columns are drawn a few at a time and multiplied."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._result import FloatArray
from ..tall._device import is_sparse_rows, on_device
from ._operator import Operator

__all__ = ["DenseOperator"]

_PIECE = 2**18  # entries of S that exist at a time, per thread
_PIECE_ON_DEVICE = 2**24


class DenseOperator(Operator):
    """A drawn dense sketch: n s numbers are drawn and 2 nnz(A) s flops spent in every product."""

    @abstractmethod
    def rows_of_transpose(self, start: int, stop: int, like: Any = None) -> FloatArray:
        """Columns start … stop-1 of S as the rows of a new (stop - start, s) array, drawn where the
        array `like` is."""

    def block(self, start: int, stop: int) -> FloatArray:
        """Columns start … stop-1 of S as a dense (s, stop - start) array."""
        self._check_columns(start, stop)
        return self.rows_of_transpose(start, stop).T

    def _pieces(self, start: int, stop: int, like: Any) -> Iterator[tuple[int, int]]:
        step = max(16, (_PIECE_ON_DEVICE if on_device(like) else _PIECE) // self.shape[0])
        for first in range(start, stop, step):
            yield first, min(first + step, stop)

    def _add(self, start: int, block: Any, out: FloatArray) -> None:
        like = block.data if is_sparse_rows(block) else block
        for first, last in self._pieces(start, start + block.shape[0], like):
            T = self.rows_of_transpose(first, last, like)
            rows = block[first - start : last - start]
            if is_sparse_rows(block):
                out += (rows.T @ T).T
            else:
                out += T.T @ rows

    def _transposed(self, start: int, stop: int, Y: FloatArray) -> FloatArray:
        parts = [self.rows_of_transpose(*piece, Y) @ Y for piece in self._pieces(start, stop, Y)]
        return np.concatenate(parts) if parts else Y[:0]
