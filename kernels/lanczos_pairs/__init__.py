"""The largest eigenvalues, and the vectors of the first, of many small matrices by Lanczos.

What `rnla.calibration` does step by step for one large problem, here problem by problem with
vectors that stay in cache: full reorthogonalisation, and each problem ends by itself (Golub and
Underwood, 1977; Daniel et al., 1976). A step costs m r multiply-adds (twice for products of two),
2 j m for j steps before, and 80 j for a look at the tridiagonal matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Pairs", "hermitian_sums", "lanczos_pairs"]


class Pairs(NamedTuple):
    """For each problem: eigenvalues, unit vector, norm of the residual, and what it took."""

    value: np.ndarray
    second: np.ndarray
    vector: np.ndarray
    residual: np.ndarray
    converged: np.ndarray
    steps: np.ndarray


def lanczos_pairs(
    A: np.ndarray,
    start: np.ndarray,
    locked: np.ndarray | None,
    *,
    square: bool,
    tol: float,
    max_iter: int | np.ndarray,
    stagnation: float = 0.0,
) -> Pairs:
    """Pairs of A A^* for A (b, m, r), or with `square` of Hermitian A (b, m, m).

    Real or complex in double precision, with eigenvalues of the order of one, from the rows of
    `start` (b, m) and orthogonal to the unit rows of `locked`. Each ends where the residual is
    below tol times the value, after its `max_iter` steps, or with `stagnation` where its value has
    changed by less than this fraction in each of the last three.
    """
    from . import cpu

    count, m = start.shape
    parts = 2 if A.dtype.kind == "c" else 1
    vector = np.empty((count, m), dtype=A.dtype)
    value, second, residual = np.empty(count), np.empty(count), np.empty(count)
    converged, steps = np.empty(count, dtype=np.bool_), np.empty(count, dtype=np.int64)
    fixed = np.empty((count, 0, m), dtype=A.dtype) if locked is None else locked[:, None, :]
    cpu.lanczos_pairs(
        _parts(A).reshape(*A.shape, parts),
        _parts(start).reshape(count, m, parts),
        _parts(fixed).reshape(*fixed.shape, parts),
        square,
        tol,
        np.broadcast_to(np.asarray(max_iter, dtype=np.int64), count),
        stagnation,
        (value, second, residual, converged, steps),
        vector.view(np.float64).reshape(count, m, parts),
    )
    return Pairs(value, second, vector, residual, converged, steps)


def hermitian_sums(y: np.ndarray, P: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """sum_l diag(scale conj(y_l)) P_l diag(y_l scale) for y (b, p, m), Hermitian P (p or 1, m, m).

    Only the diagonal and what is above it are read of P.
    """
    from . import cpu

    out = np.empty((y.shape[0], *P.shape[1:]), dtype=np.result_type(y, P))
    cpu.hermitian_sums(y, P, scale, out)
    return out


def _parts(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).view(np.float64)
