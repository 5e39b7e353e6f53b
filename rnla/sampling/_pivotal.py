"""What the two pivotal designs share: who duels, who is left, and the record at the end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ._checks import Vector
from ._rows import TINY, integral_total
from .row_sample import RowSample

__all__ = ["contested", "finish", "settle"]


def contested(q: Vector) -> Vector:
    """Probabilities of the rows that must duel; 0 for the certain and the impossible ones."""
    return np.where((q < 1.0) & (q >= TINY), q, 0.0)


def settle(inner: Vector, standing: int, mass: float, uniform: float) -> npt.NDArray[np.int64]:
    """Accept the last row standing with its residual probability: an array of one row, or none.

    `uniform` belongs to the first row of the order, whose number was not needed in any duel.
    """
    total = integral_total(float(np.sum(inner)))
    keep = standing >= 0 and (mass > 0.5 if total is not None else uniform < mass)
    return np.array([standing] if keep else [], dtype=np.int64)


def finish(
    q: Vector, accepted: npt.NDArray[np.int64], design: str, seed: int, p: float | None
) -> RowSample:
    """Sorted record of the accepted rows and the certain ones."""
    keep = q == 1.0
    keep[accepted] = True
    rows = np.flatnonzero(keep)
    return RowSample(rows, 1.0 / q[rows], q[rows], design=design, seed=seed, n=q.size, p=p)
