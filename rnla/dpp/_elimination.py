"""One sweep of the LU sampler: an item is kept with its pivot as probability (SPEC A9).

Gaussian elimination of a marginal kernel K, item by item: the pivot is the probability of the item
given the decisions before it, and is lowered by one if the item is left out (Poulson, "High-
performance sampling of generic determinantal point processes", 2020; Launay, Galerne and Desolneux
2020). Right-looking by panels: N^3 / 3 multiply-adds for Hermitian K, 2 N^3 / 3 otherwise, nearly
all in matrix products.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error
from .._result import IntArray
from ._kernel import Matrix

__all__ = ["eliminate"]

PANEL = 64
STRIP = 256


def eliminate(
    A: Matrix, uniforms: npt.NDArray[np.float64], *, hermitian: bool, tolerance: float
) -> IntArray:
    """The items kept with one uniform number each; probabilities may be off by the tolerance.

    A is overwritten; of a Hermitian A only the lower half is used.
    """
    n = A.shape[0]
    kept = np.zeros(n, dtype=bool)
    for start in range(0, n, PANEL):
        stop = min(start + PANEL, n)
        pivots = np.empty(stop - start)
        for j in range(start, stop):
            _bring_up_to_date(A, start, j, pivots, hermitian)
            pivot = _probability(A[j, j], j, tolerance)
            kept[j] = uniforms[j] < pivot
            A[j, j] = pivot if kept[j] else pivot - 1.0
            if hermitian:
                pivots[j - start] = A[j, j].real
            else:
                A[j, j + 1 :] -= A[j, start:j] @ A[start:j, j + 1 :]
            A[j + 1 :, j] /= A[j, j]
        _update(A, start, stop, pivots, hermitian)
    return np.flatnonzero(kept)


def _bring_up_to_date(
    A: Matrix, start: int, j: int, pivots: npt.NDArray[np.float64], hermitian: bool
) -> None:
    """Subtract from column j what the panel has to say; its head is the probability of item j."""
    across = A[j, start:j].conj() * pivots[: j - start] if hermitian else A[start:j, j]
    A[j:, j] -= A[j:, start:j] @ across


def _probability(pivot: Any, j: int, tolerance: float) -> float:
    value = complex(pivot)
    is_real = abs(value.imag) <= tolerance
    if not (is_real and -tolerance <= value.real <= 1.0 + tolerance):
        text = f"{value.real:.6g}" if is_real else f"{value:.6g}"
        raise argument_error(
            "K",
            f"the probability {text} for item {j} given the items before it",
            "a marginal kernel, whose conditional probabilities all lie in [0, 1]",
            "Such a K describes no point process; for a likelihood kernel L use marginal_kernel.",
        )
    return min(max(value.real, 0.0), 1.0)


def _update(
    A: Matrix, start: int, stop: int, pivots: npt.NDArray[np.float64], hermitian: bool
) -> None:
    """What the panel subtracts from the rest of the matrix."""
    n = A.shape[0]
    if not hermitian:
        A[stop:, stop:] -= A[stop:, start:stop] @ A[start:stop, stop:]
        return
    right = (A[stop:, start:stop].conj() * pivots).T
    for left in range(stop, n, STRIP):  # the lower half only
        end = min(left + STRIP, n)
        A[left:, left:end] -= A[left:, start:stop] @ right[:, left - stop : end - stop]
