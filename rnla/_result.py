"""What results have in common: a status whose value is a message for people, and `np.asarray`."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ArrayRecord", "FloatArray", "IntArray", "Status"]

FloatArray = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]


class Status(enum.Enum):
    """How a computation ended: each value says what happened, why, and what to try."""

    OK = "The computation finished and met its tolerance."
    EXACT = "The answer is exact: sampling would not have saved anything, so nothing was sampled."
    RANK_DEFICIENT = (
        "The columns are linearly dependent to working precision. The result is for the column "
        "space that remains. Drop redundant columns, or set rank= or rcond= if this is wrong."
    )
    AMBIGUOUS_RANK = (
        "The gap between the last kept and the first dropped pivot is below 1000, so the numerical "
        "rank is a matter of choice. Rescale the columns, or fix it with rank= or rcond=."
    )
    NOT_CONVERGED = (
        "The iteration stopped before its tolerance was met. Likely causes: a tolerance below "
        "rounding error, or an extreme p. Loosen tol, raise max_iter, or try another method."
    )
    ROUNDING_LIMITED = (
        "The tolerance is below rounding error for a matrix of this condition number, and the "
        "iteration stopped there: the result is as accurate as the arithmetic allows. Loosen tol, "
        "or remove nearly dependent columns."
    )
    EPS_NOT_MET = (
        "The largest sample tried still shows a distortion above eps. Likely causes: eps too small "
        "for this many rows, or a method whose bound does not suit p. Raise size, raise eps, or "
        "try method='lewis'."
    )
    AMBIGUOUS = (
        "More than one answer fits the data equally well: the gap to the second one is closed, or "
        "below what noise can move. Measure more often or differently, or add prior knowledge of "
        "the gains."
    )
    SEPARABLE = (
        "A hyperplane separates the two classes, so the logistic loss falls for ever along one "
        "direction and has no minimiser. Add a ridge penalty (ridge=1.0, say), or drop the columns "
        "that give the class away."
    )
    BUDGET_SPENT = (
        "The evaluations allowed were spent before the tolerance was met. The result is the best "
        "that they gave, with its error. Raise budget, loosen tol, or check whether the function "
        "is noisy or has jumps."
    )
    BASIS_TOO_SMALL = (
        "No function of the space given comes as close as the tolerance asks. Take a larger space, "
        "leave out basis= so that one is found, or loosen tol."
    )


class ArrayRecord:
    """A result whose main content is the array `values`; NumPy functions accept it directly.

    Values that are a Dask array are computed and brought here by that. Values on a GPU are not:
    CuPy raises, and ``values.get()`` brings them.
    """

    values: Any

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> FloatArray:
        return np.array(np.asarray(self.values), dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.values)
