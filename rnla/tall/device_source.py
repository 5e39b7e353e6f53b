"""Rows in the memory of a GPU: CuPy arrays and CSR matrices.

CSC and COO are converted once, on the device; PyTorch's tensors of a GPU are taken over through
DLPack without a copy. No dense data are copied, float32 is promoted block by block or by the
kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error, import_optional
from .._result import IntArray
from ._device import array_module, is_sparse_rows, on_device, package_of
from ._source import Block, DenseSource, Header, Source, SparseSource

__all__ = ["DeviceDense", "DeviceSparse", "canonical", "csr_rows", "in_memory", "taken_over"]


def taken_over(A: Any, name: str) -> Any:
    """A tensor of PyTorch as a CuPy or NumPy array of the same memory; others as they are."""
    if package_of(A) != "torch" or not hasattr(A, "detach"):
        return A
    if str(A.layout) != "torch.strided":
        raise argument_error(
            name,
            f"a tensor of layout {A.layout}",
            "a dense tensor, or a sparse matrix of SciPy or CuPy",
            "Build scipy.sparse.csr_array((values, col_indices, crow_indices)) from its parts.",
            kind=ArgumentTypeError,
        )
    A = A.detach()
    if A.device.type == "cpu":
        return A.numpy()
    cupy = import_optional("cupy", extra="cuda", purpose="to compute on a GPU")
    return cupy.from_dlpack(A)


class DeviceDense:
    """A CuPy array of any memory order."""

    is_sparse = False
    streamed = False
    unit_bytes = 0.0

    def __init__(self, array: Any) -> None:
        self._array = array
        self._xp = array_module(array)
        self.shape = (int(array.shape[0]), int(array.shape[1]))
        self.dtype = np.dtype(np.float32 if array.dtype == np.float32 else np.float64)
        header = Header.dense(self.shape, self.dtype)
        self.row_cost, self.entry_count = header.row_cost, header.entry_count
        self.pair_count = header.pair_count

    def read(self, start: int, stop: int) -> Block:
        return self._xp.ascontiguousarray(self._array[start:stop], dtype=np.float64)

    def read_raw(self, start: int, stop: int) -> Block:
        return self._xp.ascontiguousarray(self._array[start:stop], dtype=self.dtype)

    def load(self, start: int, stop: int) -> DeviceDense:
        return DeviceDense(self._array[start:stop])

    def take(self, rows: IntArray) -> Any:
        taken = self._array[self._xp.asarray(rows)]
        return self._xp.ascontiguousarray(taken, dtype=self.dtype)

    def check(self) -> None:
        pass

    def where(self, row: int) -> str:
        return ""


class DeviceSparse:
    """A canonical CSR matrix of CuPy; blocks share its values and column numbers."""

    is_sparse = True
    streamed = False
    unit_bytes = 0.0

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix
        self._xp = array_module(matrix)
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        self.dtype = np.dtype(matrix.dtype)
        per_row = (matrix.indptr[1:] - matrix.indptr[:-1]).astype(np.float64)
        pairs = float((per_row * per_row).sum()) if self.shape[0] else 0.0
        header = Header.sparse(self.shape, self.dtype, float(matrix.nnz), pairs)
        self.row_cost, self.entry_count = header.row_cost, header.entry_count
        self.pair_count = header.pair_count

    @classmethod
    def of(cls, A: Any) -> DeviceSparse:
        """A sparse matrix of any format of CuPy's."""
        return cls(canonical(A))

    def read(self, start: int, stop: int) -> Block:
        if (start, stop) == (0, self.shape[0]):
            return self._matrix
        indptr = self._matrix.indptr[start : stop + 1]
        first, last = int(indptr[0]), int(indptr[-1])
        parts = self._matrix.data[first:last], self._matrix.indices[first:last], indptr - first
        return csr_rows(type(self._matrix), parts, (stop - start, self.shape[1]))

    read_raw = read

    def load(self, start: int, stop: int) -> DeviceSparse:
        return DeviceSparse(self.read(start, stop))

    def take(self, rows: IntArray) -> Any:
        return self._matrix[self._xp.asarray(rows)]

    def check(self) -> None:
        pass

    def where(self, row: int) -> str:
        return ""


def canonical(A: Any) -> Any:
    """A sparse matrix of any format of CuPy's as a CSR matrix in canonical form."""
    csr = A.tocsr()
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    return csr if csr.dtype in (np.float32, np.float64) else csr.astype(np.float64)


def in_memory(block: Block) -> Source:
    """A source over rows of any kind that are in memory, of the host or of a GPU."""
    if on_device(block):
        return DeviceSparse(block) if is_sparse_rows(block) else DeviceDense(block)
    return SparseSource(block) if is_sparse_rows(block) else DenseSource(block)


def csr_rows(kind: Any, parts: tuple[Any, Any, Any], shape: tuple[int, int]) -> Any:
    """A CSR matrix around three arrays that are known to be in canonical form."""
    block = kind(parts, shape=shape)
    block.has_canonical_format = True  # or every product would look for duplicates
    return block
