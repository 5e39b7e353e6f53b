"""Many samples instead of one: independent seeds, a vote on their fits, and one pooled sample."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..._result import FloatArray
from ...random import Stream
from ...sampling import RowSample
from ...tall import TallMatrix

__all__ = ["central", "copy_seeds", "distances", "pool"]


def copy_seeds(seed: int, count: int) -> list[int]:
    """Seeds of independent samples."""
    words = Stream(seed, "regression.active.copy").words(range(count)).astype(np.uint64)
    return [int(high << np.uint64(32) | low) for high, low in words[:, :2]]


def distances(A: TallMatrix, X: FloatArray, p: float) -> FloatArray:
    """||A (x_i - x_j)||_p^p for all pairs of columns of X, in a common unit: one pass."""
    k = X.shape[1]
    largest = float((A.scan().column_max @ np.abs(X)).max())
    X = X / (largest or 1.0)
    return A.fold(partial(_add_distances, X, p), (k, k))


def _add_distances(X: FloatArray, p: float, block: Any, start: int, out: FloatArray) -> None:
    Y = block @ X
    for i in range(X.shape[1]):
        out[i] += (np.abs(Y - Y[:, i : i + 1]) ** p).sum(axis=0)


def central(distances: FloatArray) -> int:
    """The candidate that needs the smallest radius to reach half of the others.

    If any candidate has half of them within the 80th percentile of all distances (the test of SPEC
    A14), or within any other radius, then this one has.
    """
    radius = np.sort(distances, axis=1)[:, len(distances) // 2]  # position 0 is itself
    return int(np.argmin(radius))


def pool(samples: list[RowSample], seed: int) -> RowSample:
    """The average of the samples' estimates as one sample, whose rows count as often as drawn."""
    first = samples[0]
    rows, at, times = np.unique(
        np.concatenate([sample.indices for sample in samples]),
        return_index=True,
        return_counts=True,
    )
    expected = len(samples) * np.concatenate([sample.probabilities for sample in samples])[at]
    return RowSample(
        rows, times / expected, expected, design=first.design, seed=seed, n=first.n, p=first.p
    )
