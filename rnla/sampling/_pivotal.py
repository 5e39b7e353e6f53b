"""What the two pivotal designs share: who duels, who is left, and the record at the end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..random import Stream
from ._checks import Vector
from ._rows import TINY, integral_total
from .row_sample import RowSample

__all__ = ["contested", "finish", "settle"]


def contested(q: Vector) -> Vector:
    """Probabilities of the rows that must duel; 0 for the certain and the impossible ones."""
    return np.where((q < 1.0) & (q >= TINY), q, 0.0)


def settle(
    inner: Vector, standing: int, mass: float, stream: Stream, first: int
) -> npt.NDArray[np.int64]:
    """Accept the last row standing with its residual probability: an array of one row, or none.

    The first row of the order decides: its number was not needed in any duel.
    """
    if integral_total(float(np.sum(inner))) is not None:
        keep = mass > 0.5
    else:
        keep = bool(stream.uniform(np.array([first]))[0] < mass)
    return np.array([standing] if keep and standing >= 0 else [], dtype=np.int64)


def finish(
    q: Vector, accepted: npt.NDArray[np.int64], design: str, seed: int, p: float | None
) -> RowSample:
    """Sorted record of the accepted rows and the certain ones."""
    rows = np.sort(np.concatenate([np.flatnonzero(q == 1.0), accepted]))
    return RowSample(rows, 1.0 / q[rows], q[rows], design=design, seed=seed, n=q.size, p=p)
