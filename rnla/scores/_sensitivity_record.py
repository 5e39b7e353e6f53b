"""What `lp_sensitivities` returns: an interval for every row, and how it was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._result import ArrayRecord, FloatArray, Status

__all__ = ["Sensitivities"]


@dataclass(frozen=True, eq=False)
class Sensitivities(ArrayRecord):
    """An interval for every l_p sensitivity. ``np.asarray(sensitivities)`` gives `values`.

    Attributes
    ----------
    values : ndarray, shape (n,)
        The number to sample with: `upper`. float32 if the matrix was float32.
    lower, upper : ndarray, shape (n,)
        lower_i <= sigma_i <= upper_i if `certified`. Otherwise estimates of such an interval, which
        the sensitivity can leave on either side.
    kind : str
        "sensitivity".
    method : str
        ``"leverage"`` (p = 2), ``"share"`` (rank 1), ``"exact"``, ``"coreset"``, ``"block"`` or
        ``"bounds"``.
    certified : bool
        True if every interval is proven. False for ``"block"``, whose upper ends hold with the
        stated probability, and for ``"coreset"``, which brackets the sensitivity with respect to
        a sample: the two differ by the distortion of that sample, which the interval does not
        include. Both stay within the proven bounds of the screening.
    p : float
    rank : int
        Numerical rank of the matrix.
    solves : int
        Convex programs solved.
    passes : int
        Passes over the rows.
    seed : int
        Seed of the random choices.
    status : Status
        How it ended; its value is a message for people.
    diagnostics : mapping
        Further numbers, such as the size of the coreset.
    """

    values: FloatArray
    lower: FloatArray
    upper: FloatArray
    kind: str
    method: str
    certified: bool
    p: float
    rank: int
    solves: int
    passes: int
    seed: int
    status: Status = Status.OK
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> tuple[float, float]:
        """Bounds on the total sensitivity: the sums of `lower` and of `upper`."""
        return float(np.sum(self.lower, dtype=float)), float(np.sum(self.upper, dtype=float))
