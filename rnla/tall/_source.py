"""Where rows live. A source hands out row blocks and single rows; nothing above knows more."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .._result import FloatArray, IntArray

__all__ = ["Block", "DenseSource", "Source", "SparseSource", "csr_block"]

Block = Any  # a C-contiguous float64 ndarray, or a float csr_array


class Source(Protocol):
    """What a home for rows must offer.

    `row_cost`, elements per row, decides the block size; `entry_count` is the number of stored
    entries and `pair_count` that of products a_ij a_ik, the work of a Gram matrix.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    is_sparse: bool
    row_cost: float
    entry_count: float
    pair_count: float

    def read(self, start: int, stop: int) -> Block:
        """Rows start … stop-1, ready for arithmetic."""

    def read_raw(self, start: int, stop: int) -> Block:
        """The same rows without promotion to float64, for scans."""

    def take(self, rows: IntArray) -> Any:
        """The given rows in the user's kind and dtype, in the order asked."""


def csr_block(
    data: npt.NDArray[Any], indices: npt.NDArray[Any], indptr: npt.NDArray[Any], columns: int
) -> sp.csr_array:
    """A CSR array around three arrays, without the checks and copies that cost more than blocks."""
    block = sp.csr_array((indptr.size - 1, columns), dtype=data.dtype)
    block.data, block.indices, block.indptr = data, indices, indptr
    return block


class DenseSource:
    """A NumPy array of any memory order; float32 and integer blocks are promoted on reading."""

    is_sparse = False

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._array = array
        self.shape = (array.shape[0], array.shape[1])
        self.row_cost = float(array.shape[1])
        self.entry_count = float(array.size)
        self.pair_count = float(array.shape[0]) * array.shape[1] ** 2
        self.dtype = np.dtype(np.float32 if array.dtype == np.float32 else np.float64)

    def read(self, start: int, stop: int) -> FloatArray:
        return np.ascontiguousarray(self._array[start:stop], dtype=np.float64)

    def read_raw(self, start: int, stop: int) -> FloatArray:
        return np.ascontiguousarray(self._array[start:stop], dtype=self.dtype)

    def take(self, rows: IntArray) -> FloatArray:
        return np.ascontiguousarray(self._array[rows], dtype=self.dtype)


class SparseSource:
    """A canonical CSR array; blocks are views of its three arrays, never dense."""

    is_sparse = True

    def __init__(self, array: sp.csr_array) -> None:
        self._array = array
        n, d = self.shape = (array.shape[0], array.shape[1])
        # d / 16 keeps a block's dense counterpart, which some callers form, at a few megabytes.
        self.row_cost = max(array.nnz / max(n, 1), d / 16)
        self.entry_count = float(array.nnz)
        per_row = np.diff(array.indptr).astype(np.float64)
        self.pair_count = float(per_row @ per_row)
        self.dtype = np.dtype(array.dtype)

    def read(self, start: int, stop: int) -> sp.csr_array:
        # Slicing by hand: SciPy's row slice checks and copies, more work than a small block is.
        indptr = self._array.indptr[start : stop + 1]
        first, last = indptr[0], indptr[-1]
        return csr_block(
            self._array.data[first:last],
            self._array.indices[first:last],
            indptr - first,
            self.shape[1],
        )

    read_raw = read

    def take(self, rows: IntArray) -> sp.csr_array:
        return self._array[rows]
