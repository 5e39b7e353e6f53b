"""One matrix in every kind that `as_tall` accepts, for tests of the passes."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def base_matrix(n=500, d=7, seed=0):
    """Entries that float32 and int16 hold exactly, two in three of them zero."""
    rng = np.random.default_rng(seed)
    return rng.integers(-50, 50, (n, d)) * (rng.uniform(size=(n, d)) < 0.4)


def _strided(A):
    big = np.full((2 * A.shape[0], 3 * A.shape[1]), np.nan)
    big[::2, ::3] = A
    return big[::2, ::3]


def _read_only(A):
    A = A.astype(np.float64)
    A.flags.writeable = False
    return A


def _unsorted_csr(A):
    """CSR with descending indices and every entry split into two duplicates."""
    csr = sp.csr_array(A.astype(np.float64))
    order = np.concatenate(
        [np.arange(b - 1, a - 1, -1) for a, b in zip(csr.indptr, csr.indptr[1:], strict=False)]
    ).astype(int)
    data, indices = np.repeat(csr.data[order] / 2, 2), np.repeat(csr.indices[order], 2)
    return sp.csr_array((data, indices, 2 * csr.indptr), shape=A.shape)


def _long_indices(A):
    csr = sp.csr_array(A.astype(np.float64))
    csr.indices, csr.indptr = csr.indices.astype(np.int64), csr.indptr.astype(np.int64)
    return csr


KINDS = {
    "C order": lambda A: np.ascontiguousarray(A, dtype=np.float64),
    "F order": lambda A: np.asfortranarray(A, dtype=np.float64),
    "strided": _strided,
    "reversed": lambda A: np.ascontiguousarray(A[::-1, ::-1], dtype=np.float64)[::-1, ::-1],
    "read-only": _read_only,
    "float32": lambda A: A.astype(np.float32),
    "big-endian": lambda A: A.astype(">f8"),
    "int64": lambda A: A.astype(np.int64),
    "int16": lambda A: A.astype(np.int16),
    "list": lambda A: A.tolist(),
    "CSR": lambda A: sp.csr_array(A.astype(np.float64)),
    "CSR int64 indices": _long_indices,
    "CSR float32": lambda A: sp.csr_array(A.astype(np.float32)),
    "CSR integer": lambda A: sp.csr_array(A.astype(np.int64)),
    "CSR unsorted duplicates": _unsorted_csr,
    "CSR matrix": lambda A: sp.csr_matrix(A.astype(np.float64)),
    "CSC": lambda A: sp.csc_array(A.astype(np.float64)),
    "COO": lambda A: sp.coo_array(A.astype(np.float64)),
}
FLOAT32 = ("float32", "CSR float32")
