"""A projection DPP whose orthonormal columns, real or complex, are at hand (SPEC A7).

Rows v_i of V with V^* V = I are picked one after the other with probability proportional to their
squared distance from the span of the rows picked before (Hough, Krishnapur, Peres and Virag 2006;
Gillenwater 2014). O(N k^2) flops for N rows and k columns, two sweeps over V for each pick.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._result import IntArray
from ._kernel import Matrix

__all__ = ["eigenvector_chain"]

_REFRESH = 64  # picks after which the distances are computed afresh


def eigenvector_chain(V: Matrix, uniforms: npt.NDArray[np.float64]) -> IntArray:
    """The rows picked with one uniform number each, sorted, shape (k,)."""
    k = V.shape[1]
    picked = np.empty(k, dtype=np.int64)
    F: npt.NDArray[Any] = np.zeros((k, k), dtype=V.dtype)  # orthonormal columns spanning the picks
    distance = _squared(V).sum(axis=1)
    for i in range(k):
        # The sum as it comes out, not k - i: rounding must not leave a gap at the end.
        cumulative = np.cumsum(distance)
        point = uniforms[i] * cumulative[-1]
        last = int(np.searchsorted(cumulative, cumulative[-1], side="left"))
        j = min(int(np.searchsorted(cumulative, point, side="right")), last)
        picked[i] = j
        f = V[j].copy()
        for _ in range(2):  # twice is enough
            f -= F[:, :i] @ (F[:, :i].conj().T @ f)
        F[:, i] = f / np.linalg.norm(f)
        if (i + 1) % _REFRESH == 0:
            span = F[:, : i + 1]
            distance = _squared(V - (V @ span.conj()) @ span.T).sum(axis=1)
        else:
            distance -= _squared(V @ F[:, i].conj())
            np.maximum(distance, 0.0, out=distance)
        distance[picked[: i + 1]] = 0.0
    return np.sort(picked)


def _squared(x: Matrix) -> npt.NDArray[np.float64]:
    result: npt.NDArray[np.float64] = x.real**2 + x.imag**2 if np.iscomplexobj(x) else x**2
    return result
