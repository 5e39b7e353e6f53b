"""Visiting order from recursive median splits: neighbours in space become neighbours in order.

A node of positions lo ... hi-1 puts its smaller half left of (lo + hi) // 2, by one coordinate (the
axes take turns) or by the projection on the node's first principal direction. Points compare by
(value, row), so every node's two halves are unique. Quickselect: O(n k log n) time, O(n) memory.
"""

from __future__ import annotations

import numpy as np

__all__ = ["spatial_order"]


def spatial_order(points: np.ndarray, principal: bool) -> np.ndarray:
    """Return the permutation (int64) of the rows of a finite (n, k) float64 array, k at least 1."""
    from . import cpu

    order = np.arange(points.shape[0], dtype=np.int64)
    points = np.ascontiguousarray(points, dtype=np.float64)
    cpu.spatial_order(points, principal, order, np.empty(points.shape[0]))
    return order
