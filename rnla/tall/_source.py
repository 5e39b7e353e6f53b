"""Where rows live. A source hands out row blocks and single rows; nothing above knows more."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .._result import FloatArray, IntArray

__all__ = ["Block", "DenseSource", "Header", "Source", "SparseSource", "aligned", "csr_block"]

Block = Any  # a C-contiguous float64 ndarray, or a float csr_array


class Source(Protocol):
    """What a home for rows must offer.

    `row_cost`, elements per row, decides the block size; `entry_count` is the number of stored
    entries and `pair_count` that of products a_ij a_ik, the work of a Gram matrix. A `streamed`
    source (a file, an iterator) is read in order through `load` by one thread, and only the rows
    that `load` returns are asked for blocks; `unit_bytes` is what it may hold besides.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    is_sparse: bool
    row_cost: float
    entry_count: float
    pair_count: float
    streamed: bool
    unit_bytes: float

    def read(self, start: int, stop: int) -> Block:
        """Rows start … stop-1, ready for arithmetic; from any thread. Not for streamed sources."""

    def read_raw(self, start: int, stop: int) -> Block:
        """The same rows without promotion to float64, for scans."""

    def load(self, start: int, stop: int) -> Source:
        """Rows start … stop-1 in memory, numbered from 0.

        Called with increasing ranges that follow one another; a smaller start begins a new pass.
        """

    def check(self) -> None:
        """Raise if the rows are known to be others than before; called when a pass begins."""

    def where(self, row: int) -> str:
        """Where a row is stored, for messages: file and chunk; empty if there is nothing to say."""

    def take(self, rows: IntArray) -> Any:
        """The given rows in the user's kind and dtype, in the order asked."""


def csr_block(
    data: npt.NDArray[Any], indices: npt.NDArray[Any], indptr: npt.NDArray[Any], columns: int
) -> sp.csr_array:
    """A CSR array around three arrays, without the checks and copies that cost more than blocks."""
    block = sp.csr_array((indptr.size - 1, columns), dtype=data.dtype)
    block.data, block.indices, block.indptr = data, indices, indptr
    return block


def aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array, copied if its numbers do not begin at multiples of their size.

    Messages and files leave arrays anywhere; NumPy multiplies such arrays in another order.
    """
    return array if array.flags.aligned else array.copy()


@dataclass(frozen=True)
class Header:
    """What a source says about its rows, without the rows."""

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    is_sparse: bool
    row_cost: float
    entry_count: float
    pair_count: float
    streamed: bool = False
    unit_bytes: float = 0.0

    @classmethod
    def of(cls, source: Source) -> Header:
        """The header of a source."""
        return cls(*(getattr(source, field.name) for field in fields(cls)))

    @classmethod
    def dense(cls, shape: tuple[int, int], dtype: np.dtype[Any]) -> Header:
        """The header of a dense matrix."""
        n, d = shape
        return cls(shape, dtype, False, float(d), float(n) * d, float(n) * d**2)

    @classmethod
    def sparse(
        cls, shape: tuple[int, int], dtype: np.dtype[Any], entries: float, pairs: float
    ) -> Header:
        """The header of a sparse matrix with so many stored entries, and products of two in a row.

        A row costs at least d / 16, which keeps a block's dense counterpart, which some callers
        form, at a few megabytes.
        """
        n, d = shape
        return cls(shape, dtype, True, max(entries / max(n, 1), d / 16), entries, pairs)


class DenseSource:
    """A NumPy array of any memory order; float32 and integer blocks are promoted on reading."""

    is_sparse = False
    streamed = False
    unit_bytes = 0.0

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._array = array
        self.shape = (array.shape[0], array.shape[1])
        single = array.dtype.kind == "f" and array.dtype.itemsize == 4  # of either byte order
        self.dtype = np.dtype(np.float32 if single else np.float64)
        header = Header.dense(self.shape, self.dtype)
        self.row_cost, self.entry_count = header.row_cost, header.entry_count
        self.pair_count = header.pair_count

    def read(self, start: int, stop: int) -> FloatArray:
        return aligned(np.ascontiguousarray(self._array[start:stop], dtype=np.float64))

    def read_raw(self, start: int, stop: int) -> FloatArray:
        return aligned(np.ascontiguousarray(self._array[start:stop], dtype=self.dtype))

    def load(self, start: int, stop: int) -> DenseSource:
        return DenseSource(self._array[start:stop])

    def take(self, rows: IntArray) -> FloatArray:
        return np.ascontiguousarray(self._array[rows], dtype=self.dtype)

    def check(self) -> None:
        pass

    def where(self, row: int) -> str:
        return ""


class SparseSource:
    """A canonical CSR array; blocks are views of its three arrays, never dense."""

    is_sparse = True
    streamed = False
    unit_bytes = 0.0

    def __init__(self, array: sp.csr_array) -> None:
        self._array = array
        self.shape = (array.shape[0], array.shape[1])
        self.dtype = np.dtype(array.dtype)
        per_row = np.diff(array.indptr).astype(np.float64)
        header = Header.sparse(self.shape, self.dtype, float(array.nnz), float(per_row @ per_row))
        self.row_cost, self.entry_count = header.row_cost, header.entry_count
        self.pair_count = header.pair_count

    def read(self, start: int, stop: int) -> sp.csr_array:
        # Slicing by hand: SciPy's row slice checks and copies, more work than a small block is.
        indptr = self._array.indptr[start : stop + 1]
        first, last = indptr[0], indptr[-1]
        return csr_block(
            aligned(self._array.data[first:last]),
            aligned(self._array.indices[first:last]),
            indptr - first,
            self.shape[1],
        )

    read_raw = read

    def load(self, start: int, stop: int) -> SparseSource:
        return SparseSource(self.read(start, stop))

    def take(self, rows: IntArray) -> sp.csr_array:
        return self._array[rows]

    def check(self) -> None:
        pass

    def where(self, row: int) -> str:
        return ""
