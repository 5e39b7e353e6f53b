"""Volume sampling by reverse elimination, of all rows or of pools accepted by their determinant.

A pool of rows drawn by leverage, scaled to squared length r, is accepted with probability det G, at
most 1 because the trace of G is r; accepted pools are reduced to `size` rows by reverse elimination
(Derezinski, Warmuth and Hsu, arXiv 1802.06749, Algorithm 1). Many draws go through a kernel at
once; elimination of a pool starts from its triangle.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import ConvergenceError
from .._result import FloatArray, IntArray
from ..kernels import reverse_elimination
from ..random import Stream
from ..tall._device import beside, on_device, to_host
from .ground_set import GroundSet

__all__ = ["by_pools", "remove_rows"]

_TOGETHER = 2**25  # bytes of the pools that are looked at together
_ON_DEVICE_TOGETHER = 2**30  # on a GPU, where each draw is a block and many run at once


def remove_rows(
    U: Any,
    size: int,
    stream: Stream,
    draws: IntArray,
    *,
    start: Any = None,
    root: FloatArray | None = None,
) -> IntArray:
    """Rows that stay for each draw, increasing: the kernel's arguments, small ones from here."""
    kept = reverse_elimination.reverse_elimination(
        U, size, stream.key, beside(U, draws), start=start, root=beside(U, root)
    )
    indices: IntArray = np.sort(to_host(kept), axis=1)
    if indices.min(initial=0) < 0:
        raise ConvergenceError(
            f"volume sampling: no row left in {reverse_elimination.PATIENCE} trials, every other "
            "one of which should take one. The basis of the columns is far from orthonormal, since "
            "the matrix is next to rank-deficient. Remove columns that nearly depend on others."
        )
    return indices


def by_pools(
    ground: GroundSet, size: int, seed: int, draws: int, cap: int
) -> tuple[IntArray, IntArray]:
    """Rows of each draw, and how many were looked at."""
    r = ground.rank
    pool = max(size, 2 * r * r)
    limit = _ON_DEVICE_TOGETHER if ground.A.is_on_device else _TOGETHER
    together = max(1, limit // (8 * ground.A.shape[1] * pool))
    stream = Stream(seed, "volume_sample reverse")
    tests = Stream(seed, "volume_sample tests")
    indices = np.empty((draws, size), dtype=np.int64)
    proposals = np.empty(draws, dtype=np.int64)
    waiting, attempt = np.arange(draws), 0
    while waiting.size:
        if attempt == cap:
            raise ConvergenceError(
                f"volume_sample: {cap} pools of {pool} rows were rejected in a row. A cap this "
                "tight does that. Raise cap, or pass method='dpp'."
            )
        rejected = []
        for first in range(0, waiting.size, together):
            own = waiting[first : first + together]
            rows, X = _pools(ground, seed, own, attempt * pool, pool)
            index = range(attempt, attempt + 1)
            coins = np.concatenate([tests.uniform(index, draw=draw) for draw in own.tolist()])
            good = coins < _determinants(X)
            rejected.append(own[~good])
            if not good.any():
                continue
            if size < pool:
                X = X[beside(X, np.flatnonzero(good))]
                start = reverse_elimination.triangles(X)
                kept = remove_rows(X, size, stream, own[good], start=start)
                indices[own[good]] = np.take_along_axis(rows[good], kept, axis=1)
            else:
                indices[own[good]] = rows[good]
            proposals[own[good]] = (attempt + 1) * pool
        waiting, attempt = np.concatenate(rejected), attempt + 1
    return indices, proposals


def _determinants(X: Any) -> FloatArray:
    """det G of every pool, G the mean of x_i x_i^T: by BLAS here, by the triangle on a GPU."""
    pool, r = X.shape[1:]
    if on_device(X):
        R = to_host(reverse_elimination.triangles(X).reshape(X.shape[0], r * r)[:, :: r + 1])
        found: FloatArray = np.prod(R * R / pool, axis=1)
        return found
    G = np.matmul(X.transpose(0, 2, 1), X / pool)
    sign, logarithm = np.linalg.slogdet(G)
    # A matrix that rounding makes singular or worse has a determinant next to nothing.
    return np.where(sign > 0.0, np.exp(logarithm), 0.0)


def _pools(
    ground: GroundSet, seed: int, draws: IntArray, start: int, pool: int
) -> tuple[IntArray, Any]:
    """Rows of a pool for each draw, shape (k, pool), and features of squared length r."""
    stream, span = Stream(seed, "volume_sample pool"), range(start, start + pool)
    points = np.concatenate([stream.uniform(span, draw=draw) for draw in draws.tolist()])
    drawn = ground.propose(points)[0].reshape(draws.size, pool)
    features = ground.features_of_draws(drawn)
    X = np.stack(features) if isinstance(features, list) else features
    X *= ((ground.rank / (X * X).sum(axis=2)) ** 0.5)[:, :, None]
    return drawn, X
