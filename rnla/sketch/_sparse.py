"""Sketches whose columns have few entries: a kind supplies the entries of any columns."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from .._result import FloatArray, IntArray
from ..tall._device import array_module, beside, is_sparse_rows
from ._operator import Operator

__all__ = ["Entries", "SparseOperator", "uniform_entries"]

#: indptr (count + 1,), rows of S (entries,), values (entries,): columns in compressed form.
Entries = tuple[IntArray, IntArray, FloatArray]


def uniform_entries(places: IntArray, values: FloatArray) -> Entries:
    """Entries of columns that all have the same number of them: (count,) or (count, nnz) arrays."""
    nnz = 1 if places.ndim == 1 else places.shape[1]
    indptr = array_module(places).arange(0, nnz * len(places) + 1, nnz, dtype=np.int64)
    return indptr, places.ravel(), values.ravel()


class SparseOperator(Operator):
    """A drawn sketch with few entries per column; applying it costs nnz(A) times as many."""

    @abstractmethod
    def entries(self, start: int, stop: int) -> Entries:
        """Entries of columns start … stop-1: (indptr, rows, values), column after column."""

    def entries_beside(self, start: int, stop: int, like: Any) -> Entries:
        """The same where `like` is: drawn on the host and copied to a GPU, or drawn there."""
        indptr, places, values = self.entries(start, stop)
        return beside(like, indptr), beside(like, places), beside(like, values)

    def block(self, start: int, stop: int) -> FloatArray:
        """Columns start … stop-1 of S as a dense (s, stop - start) array."""
        self._check_columns(start, stop)
        indptr, places, values = self.entries(start, stop)
        dense = np.zeros((self.shape[0], stop - start))
        dense[places, np.repeat(np.arange(stop - start), np.diff(indptr))] = values
        return dense

    def tosparse(self) -> Any:
        """S as a scipy.sparse.csc_array."""
        import scipy.sparse as sp

        indptr, places, values = self.entries(0, self.shape[1])
        return sp.csc_array((values, places, indptr), shape=self.shape)

    def _add(self, start: int, block: Any, out: FloatArray) -> None:
        from ..kernels import sparse_columns

        like = block.data if is_sparse_rows(block) else block
        entries = self.entries_beside(start, start + block.shape[0], like)
        if not is_sparse_rows(block):
            sparse_columns.add_dense(*entries, block, out)
        else:
            sparse_columns.add_csr(*entries, block.data, block.indices, block.indptr, out)

    def _transposed(self, start: int, stop: int, Y: FloatArray) -> FloatArray:
        from ..kernels import sparse_columns

        result: FloatArray = sparse_columns.transposed(*self.entries_beside(start, stop, Y), Y)
        return result
