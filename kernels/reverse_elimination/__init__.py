"""Reverse iterative volume sampling of many draws: remove rows one by one until `size` are left.

A row of the current set S leaves it with probability proportional to h_i = 1 - u_i^T Z u_i, Z the
inverse of U_S^T U_S + Lambda: in proportion to the determinant that remains (Derezinski and
Warmuth, JMLR 2018 and AISTATS 2018). While more than 2 r rows are left a row is picked uniformly
and leaves with probability h_i, at least 1/2 on average, so that only one h_i is computed (their
fast version). Z comes from R^T R = U_S^T U_S + Lambda, R by Householder reflections of 32 rows
after another, afresh for a quarter of the set, every r removals among the last 2 r, and after a
removal with h_i below 1e-6, whose update loses digits. O(n r^2) flops a draw.

Every number is a sum in the order of its index, on either device, so decisions are the same to the
last bit. On a GPU a block does a draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["DELICATE", "PATIENCE", "reverse_elimination", "triangles"]

DELICATE = 1e-6
PATIENCE = 1000  # trials in a row in which a row stays; at most every other one should


def triangles(X: Any) -> Any:
    """R (B, r, r), upper triangular with R^T R = X^T X, of each of B matrices X (B, m, r)."""
    device = device_of(X)
    if device is not None:
        from . import cuda

        return cuda.triangles(device, X)
    from . import cpu

    R = np.empty((X.shape[0], X.shape[2], X.shape[2]))
    cpu.triangles(np.ascontiguousarray(X, dtype=np.float64), R)
    return R


def reverse_elimination(
    U: Any, size: int, key: int, draws: Any, *, start: Any = None, root: Any = None
) -> Any:
    """Rows that stay, int64 (B, size), in no order.

    Those of a draw are -1 if nothing leaves: if PATIENCE trials fail, one after another, or no
    probability of the last rows is positive. Only NaN and rows far from what they have to be do so.

    Parameters
    ----------
    U : array, shape (n, r) or (B, n, r)
        float64 rows, the same for all draws or those of each.
    size : int
        Rows to keep, at least r if there is no Lambda.
    key : int
        Of the uniform numbers: 2 t and 2 t + 1 for trial t, 2^40 + t for the t-th of the last rows.
    draws : int64 array, shape (B,)
        Draw numbers of the generator, on the device of U.
    start : array, shape (B, r, r), optional
        R of all rows, upper triangular. Without it U^T U + Lambda has to be the identity.
    root : array, shape (k, r), optional
        Lambda = root^T root, zero by default.
    """
    device = device_of(U, draws, start, root)
    if device is not None:
        from . import cuda

        return cuda.reverse_elimination(device, U, size, key, draws, start, root)
    from . import cpu

    r = U.shape[-1]
    kept = np.empty((draws.shape[0], size), dtype=np.int64)
    cpu.reverse_elimination(
        np.ascontiguousarray(U if U.ndim == 3 else U[None], dtype=np.float64),
        np.uint64(key),
        np.ascontiguousarray(draws, dtype=np.int64),
        np.empty((0, r, r)) if start is None else np.ascontiguousarray(start, dtype=np.float64),
        np.empty((0, r)) if root is None else np.ascontiguousarray(root, dtype=np.float64),
        DELICATE,
        PATIENCE,
        kept,
    )
    return kept
