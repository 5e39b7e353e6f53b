"""One side of the ratio: a sum of weighted p-th powers over rows b_i, and what a search asks of it.

b_i = a_i T, where the columns of T (d x r) span the row space of A: an orthonormal basis when r is
moderate, else a sparse choice and scaling of columns, since d x r x r products would dominate.
`HeldRows` keeps its rows in memory, parallel rows merged into one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from .._result import FloatArray
from ..tall._device import on_device
from ..tall.rows import float64

__all__ = ["HeldRows", "congruence", "dense_product", "merge_parallel", "sparse_gram"]

_CHUNK_ENTRIES = 2**17


class HeldRows:
    """Rows in memory: dense rows b_i, or sparse rows a_i together with T."""

    def __init__(self, rows: Any, transform: Any, weights: FloatArray, p: float) -> None:
        """Dense `rows` are the b_i, and `transform` is None; CSR `rows` are the a_i."""
        self._rows, self.weights = merge_parallel(rows, weights, p)
        self._transform = transform
        if transform is None:
            self.rank = int(rows.shape[1])
            self.gram_flops = float(len(self)) * self.rank**2
            self.product_flops = 2.0 * len(self) * self.rank
        else:
            self.rank = int(transform.shape[1])
            dense_part = 0.0 if sp.issparse(transform) else 2.0 * transform.size
            squares = np.sum(np.diff(self._rows.indptr).astype(np.float64) ** 2)
            self.gram_flops = float(squares) + dense_part * transform.shape[0]
            self.product_flops = 2.0 * self._rows.nnz + dense_part

    def __len__(self) -> int:
        return int(self._rows.shape[0])

    def forward(self, Z: FloatArray) -> FloatArray:
        if self._transform is not None:
            Z = self._transform @ Z
        return np.asarray(self._rows @ Z)

    def forward_chunk(self, start: int, stop: int, Z: FloatArray) -> FloatArray:
        """The same for rows start ... stop-1 only."""
        if self._transform is not None:
            Z = self._transform @ Z
        return np.asarray(self._rows[start:stop] @ Z)

    def backward(self, c: FloatArray) -> FloatArray:
        product = np.asarray(self._rows.T @ c)
        return product if self._transform is None else np.asarray(self._transform.T @ product)

    def gram(self, scale: FloatArray) -> FloatArray:
        root = np.sqrt(scale)
        if self._transform is not None:
            return congruence(sparse_gram(self._rows, root), self._transform)
        G = np.zeros((self.rank, self.rank))
        step = max(64, _CHUNK_ENTRIES // self.rank)
        for start in range(0, len(self), step):
            scaled = self._rows[start : start + step] * root[start : start + step, None]
            G += scaled.T @ scaled
        return G

    def dense(self, rows: Any) -> FloatArray:
        """Some rows b_i, (k, r)."""
        chosen = self._rows[rows]
        return chosen if self._transform is None else dense_product(chosen, self._transform)

    def lengths(self) -> FloatArray:
        """Euclidean norms of the b_i."""
        step = max(64, _CHUNK_ENTRIES // self.rank)
        parts = [
            _lengths(self.dense(slice(start, start + step))) for start in range(0, len(self), step)
        ]
        return np.concatenate(parts)


def _lengths(rows: FloatArray) -> FloatArray:
    """Row norms, never zero, so that dividing by them is safe; squares of tiny rows underflow."""
    tiny = np.finfo(float).tiny
    largest = np.maximum(np.abs(rows).max(axis=1, initial=0.0), tiny)
    lengths: FloatArray = largest * np.linalg.norm(rows / largest[:, None], axis=1)
    return np.maximum(lengths, tiny)


def sparse_gram(rows: Any, scale: FloatArray) -> FloatArray:
    """Sum over CSR rows of s_i^2 a_i a_i^T, in one accumulator and one thread.

    A pass adds up one d x d matrix per task, which for thousands of columns costs more than the
    few products that every row contributes.
    """
    from ..kernels.csr_gram import add_csr_gram

    G = np.zeros((rows.shape[1], rows.shape[1]))
    add_csr_gram(rows.data, rows.indices, rows.indptr, scale, G)
    return np.asarray(np.triu(G) + np.triu(G, 1).T)


def congruence(G: FloatArray, T: Any) -> FloatArray:
    """T^T G T for symmetric G, as a dense array."""
    return np.asarray(T.T @ np.asarray(T.T @ G).T)


def dense_product(rows: Any, T: Any) -> FloatArray:
    """rows @ T as a dense float64 array, whatever is sparse."""
    product = rows @ T
    dense: FloatArray = product.toarray() if sp.issparse(product) else product
    return float64(dense) if on_device(dense) else np.asarray(dense, dtype=np.float64)


def merge_parallel(rows: Any, weights: FloatArray, p: float) -> tuple[Any, FloatArray]:
    """Drop zero rows and replace rows that are multiples of one another by their longest.

    c a with weight w counts like a with weight w |c|^p, so no sum of p-th powers changes. Parallel
    rows are recognised by their products with three fixed random vectors (equal ratios to 1e-11);
    a pair missed through cancellation merely stays apart. O(k log k) beside the three products.
    """
    random = np.random.Generator(np.random.Philox(key=20)).standard_normal((rows.shape[1], 3))
    key = np.asarray(rows @ random)
    filled = np.flatnonzero((np.abs(key).max(axis=1) > 0) & (weights > 0))
    key = key[filled]
    length = np.abs(key[:, 0])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        first, second = key[:, 1] / key[:, 0], key[:, 2] / key[:, 0]
    order = np.argsort(first, kind="stable")
    near = np.ones(order.size, dtype=bool)
    near[:1] = False
    for ratio in (first[order], second[order]):
        with np.errstate(invalid="ignore", over="ignore"):
            near[1:] &= np.abs(np.diff(ratio)) <= 1e-11 * (1.0 + np.abs(ratio[1:]))
    if np.count_nonzero(near) < 0.1 * order.size:  # not worth a copy
        whole = filled.size == rows.shape[0]
        return (rows, weights) if whole else (rows[filled], weights[filled])
    starts = np.flatnonzero(~near)
    group = np.cumsum(~near) - 1
    longest = np.maximum.reduceat(length[order], starts)
    share = weights[filled[order]] * (length[order] / longest[group]) ** p
    by_length = np.lexsort((-length[order], group))
    return rows[filled[order[by_length[starts]]]], np.add.reduceat(share, starts)
