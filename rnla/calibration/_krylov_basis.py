"""Orthonormal rows of a Krylov space, kept in place, and what is orthogonal to them.

Long rows are worked on in blocks of columns with fixed boundaries, in threads with one BLAS thread
each, and sums are added in the order of the blocks: the result does not depend on their number.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..tall import single_threaded_blas, thread_count
from .operators._base import Array

__all__ = ["KrylovBasis", "row_norms"]

_COLUMNS = 2**16
_ROOM = 32  # rows at first: memory that is not written to costs nothing
_KEPT = 0.5  # of the norm after a subtraction: then one is enough (Daniel et al., 1976)


class KrylovBasis:
    """Rows (..., j, k) with room for more; the first `fixed` of them given from outside."""

    def __init__(
        self,
        locked: Array | None,
        shape: tuple[int, ...],
        dtype: Any,
        workspace: list[Array] | None = None,
    ) -> None:
        self.fixed = self.size = 0 if locked is None else locked.shape[-2]
        wanted = (*shape[:-2], _ROOM, shape[-1])
        self._workspace = [] if workspace is None else workspace
        if self._workspace and self._workspace[-1].shape == wanted:
            self._store = self._workspace.pop()
        else:
            self._store = np.empty(wanted, dtype=dtype)
        if locked is not None:
            self._store[..., : self.size, :] = locked
        k = shape[-1]
        long = len(shape) == 2 and k > _COLUMNS
        starts = range(0, k, _COLUMNS) if long else (0,)
        self._blocks = [slice(at, min(at + _COLUMNS, k) if long else k) for at in starts]
        self._pool = ThreadPoolExecutor(thread_count()) if long else None

    @property
    def rows(self) -> Array:
        """All rows so far."""
        return self._store[..., : self.size, :]

    @property
    def free(self) -> Array:
        """Those that were not given from outside."""
        return self._store[..., self.fixed : self.size, :]

    def release(self) -> None:
        """Give the memory to the next basis: fresh pages cost more than what is written to them."""
        self._workspace.append(self._store)

    def append(self, block: Array) -> None:
        """More rows."""
        end = self.size + block.shape[-2]
        if end > self._store.shape[-2]:
            old, shape = self.rows, list(self._store.shape)
            shape[-2] = 2 * end
            self._store = np.empty(shape, dtype=old.dtype)
            self._store[..., : self.size, :] = old
        rows = self._store[..., self.size : end, :]
        self._map(lambda at: np.copyto(rows[..., at], block[..., at]))
        self.size = end

    def purged(self, W: Array, *, recent: int = 0) -> tuple[Array, Array]:
        """W without its components along the rows, and these, shape (..., j, b).

        The last `recent` rows first, along which the image of a Lanczos step has large components;
        the others then take nothing but rounding errors, and once is enough. Where they took more
        than half of it, twice.
        """
        components = np.zeros((*W.shape[:-2], self.size, W.shape[-2]), dtype=W.dtype)
        if self.size == 0:
            return W, components
        if 0 < recent < self.size:
            W, last = self._subtracted(W, slice(self.size - recent, self.size))
            components[..., self.size - recent :, :] += last
        for _ in range(2):
            before = self.norms(W)
            W, more = self._subtracted(W, slice(0, self.size))
            components += more
            if (self.norms(W) >= _KEPT * before).all():
                break
        return W, components

    def combination(self, coefficients: Array) -> Array:
        """coefficients @ free rows."""
        parts = self._map(lambda at: coefficients @ self.free[..., at])
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)

    def norms(self, W: Array) -> Array:
        """Norms of rows."""
        if len(self._blocks) == 1:
            return row_norms(W)
        parts = self._map(lambda at: row_norms(W[..., at]))
        return np.asarray(np.linalg.norm(np.stack(parts), axis=0))

    def _subtracted(self, W: Array, kept: slice) -> tuple[Array, Array]:
        V = self._store[..., kept, :]
        # Without a conjugated copy of V.
        parts = self._map(lambda at: (V[..., at] @ W[..., at].conj().swapaxes(-1, -2)).conj())
        inner = parts[0] if len(parts) == 1 else np.stack(parts).sum(axis=0)
        back = inner.swapaxes(-1, -2)
        if len(self._blocks) == 1:
            return W - back @ V, inner
        left = np.empty_like(W)

        def subtract(at: slice) -> None:
            np.subtract(W[..., at], back @ V[..., at], out=left[..., at])

        self._map(subtract)
        return left, inner

    def _map(self, function: Callable[[slice], Any]) -> list[Any]:
        if self._pool is None:
            return [function(at) for at in self._blocks]
        with single_threaded_blas():
            return list(self._pool.map(function, self._blocks))


def row_norms(W: Array) -> Array:
    """Norms along the last axis, without an array of moduli."""
    if W.shape[-1] < _COLUMNS:
        return np.asarray(np.linalg.norm(W, axis=-1))
    squares = np.einsum("...i,...i->...", W.real, W.real)
    if W.dtype.kind == "c":
        squares = squares + np.einsum("...i,...i->...", W.imag, W.imag)
    return np.asarray(np.sqrt(squares))
