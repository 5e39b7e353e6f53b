"""`DppSample`: which rows were drawn, from which law, and how much each counts in least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import IntArray, Status
from ..sampling import RowSample

__all__ = ["DppSample"]


@dataclass(frozen=True, eq=False)
class DppSample:
    """Independent draws of a random set of rows.

    Attributes
    ----------
    indices : ndarray of int, shape (size,) or (draws, size)
        Rows drawn, increasing; one line per draw unless one draw was asked for without saying so.
        A tuple of arrays if the law leaves the size of a draw to chance. A law with replacement may
        repeat a row.
    law : str
        The distribution, in words.
    method : str
        The algorithm that ran.
    n : int
        Rows of the matrix.
    rank : int
        Numerical rank of the matrix; None for methods that do not need it.
    seed : int
        The same seed gives the same rows; draw k depends on the seed and k alone.
    weights : ndarray like `indices`, or None
        What each row drawn counts for in weighted least squares with this law; None where the law
        has no such weights.
    proposals : ndarray of int, shape (draws,)
        Candidates looked at for each draw; zeros for methods without rejection.
    passes : int
        Passes over the rows that were spent, those for leverage scores included; none for a ground
        set that has them.
    status : Status
        OK, RANK_DEFICIENT or AMBIGUOUS_RANK.
    marginals : ndarray, Dask or CuPy array, shape (n,), or None
        Expected number of times that each row is drawn, where it is known in closed form. It stays
        with the rows of a Dask collection or on a GPU.
    loss_factor : float or None
        For volume sampling: the weighted residual sum of squares of the fit on one draw, times
        this, estimates the smallest sum over all rows without bias. Infinite if the draw has no
        more rows than the rank: the fit is an interpolation then and has no residual.
    """

    indices: Any
    law: str
    method: str
    n: int
    rank: int | None
    seed: int
    weights: Any
    proposals: IntArray
    passes: int
    status: Status = Status.OK
    marginals: Any = None
    loss_factor: float | None = None

    def __repr__(self) -> str:
        return (
            f"DppSample({self.draws} draw(s) from {self.n} rows, law={self.law!r}, "
            f"method={self.method!r}, rank={self.rank}, seed={self.seed})"
        )

    @property
    def draws(self) -> int:
        """Number of independent draws."""
        return len(self.sets())

    def sets(self) -> list[IntArray]:
        """The rows of every draw, one array each."""
        if isinstance(self.indices, tuple):
            return list(self.indices)
        return list(np.atleast_2d(self.indices))

    def row_sample(self) -> RowSample:
        """All draws together as one weighted sample for least squares.

        Returns
        -------
        RowSample
            Weights are divided by the number of draws, those of rows drawn more than once are
            added, and `p` is 2: ``sample @ A`` has the rows of a weighted least-squares problem.

        Raises
        ------
        ArgumentError
            If the law has no weights.

        Notes
        -----
        For a projection DPP drawn r times this is the repeated DPP: row i counts 1 / (r tau_i)
        each time it is drawn, so that sums of squares over all rows are estimated without bias.
        """
        if self.weights is None:
            raise argument_error(
                "weights",
                f"none: the law is {self.law}",
                "a law with weights for least squares",
                "Use projection_dpp or volume_sample.",
            )
        drawn = np.concatenate(self.sets())
        each = np.ravel(self.weights)
        rows, first, counts = np.unique(drawn, return_index=True, return_counts=True)
        weights = counts * each[first] / self.draws
        return RowSample(
            rows, weights, counts / weights, design=self.law, seed=self.seed, n=self.n, p=2.0
        )
