"""What every score function returns: the scores and how they were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._result import ArrayRecord, Status

__all__ = ["Scores"]


@dataclass(frozen=True, eq=False)
class Scores(ArrayRecord):
    """One number per row, with the decisions behind it. ``np.asarray(scores)`` gives `values`.

    Attributes
    ----------
    values : ndarray, shape (n,)
        The scores, float32 if the matrix was float32. Raw: never forced to sum to the rank. A Dask
        or CuPy array if the matrix was one.
    kind : str
        What they are: "leverage", "ridge leverage", "root leverage", "lewis", ...
    p : float
        The norm they belong to.
    rank : int
        Numerical rank of the matrix (or the rank asked for).
    condition : float
        Estimated condition number after scaling the columns to equal norm.
    gap : float
        Last kept over first dropped pivot or singular value; infinite if nothing was dropped.
    path : str
        Algorithm that ran.
    passes : int
        Passes over the rows that were spent.
    seed : int
        Seed of the random choices; 0 if none were made.
    status : Status
        How it ended; its value is a message for people.
    diagnostics : mapping
        Further numbers, such as the sum of the scores.
    """

    values: Any
    kind: str
    p: float
    rank: int
    condition: float
    gap: float
    path: str
    passes: int
    seed: int
    status: Status = Status.OK
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
