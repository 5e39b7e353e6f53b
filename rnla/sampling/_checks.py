"""Validation shared by the designs: vectors of scores or probabilities, permutations of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error
from .._result import IntArray

__all__ = [
    "as_vector",
    "check_order",
    "check_probabilities",
    "check_scores",
    "first_bad",
]

Vector = npt.NDArray[np.float64]


def as_vector(values: object, name: str) -> Vector:
    """Return a one-dimensional float64 array, or raise; not copied if it already is one."""
    expected = "a one-dimensional array of real numbers"
    try:
        array: npt.NDArray[Any] = np.asarray(values)
    except (TypeError, ValueError) as error:
        remedy = "Pass a NumPy array or a list of numbers of one length."
        raise argument_error(
            name, f"{type(values).__name__} ({error})", expected, remedy, kind=ArgumentTypeError
        ) from error
    if array.dtype.kind not in "fiub":
        remedy = f"Convert first, for example np.asarray({name}, dtype=float)."
        raise argument_error(name, f"dtype {array.dtype}", expected, remedy, kind=ArgumentTypeError)
    if array.ndim != 1:
        remedy = f"Pass one number per row, for example {name}.ravel() for a single column."
        raise argument_error(name, f"shape {array.shape}", expected, remedy)
    return np.ascontiguousarray(array, dtype=np.float64)


def first_bad(name: str, values: Vector, bad: npt.NDArray[np.bool_]) -> str:
    """Name the first offending entry."""
    i = int(np.flatnonzero(bad)[0])
    return f"{name}[{i}] = {float(values[i])!r}"


def check_scores(values: object, name: str) -> Vector:
    """Return finite non-negative scores, at least one of them."""
    scores = as_vector(values, name)
    expected = "finite, non-negative scores, one per row"
    if scores.size == 0:
        raise argument_error(name, "an empty array", expected, "Pass at least one score.")
    bad = ~(np.isfinite(scores) & (scores >= 0.0))
    if bad.any():
        remedy = "Clip rounding noise with np.maximum(scores, 0) and drop rows that are not finite."
        raise argument_error(name, first_bad(name, scores, bad), expected, remedy)
    return scores


def check_probabilities(values: object, name: str) -> Vector:
    """Return inclusion probabilities in [0, 1], at least one of them."""
    q = as_vector(values, name)
    expected = "inclusion probabilities between 0 and 1, one per row"
    if q.size == 0:
        raise argument_error(name, "an empty array", expected, "Pass at least one probability.")
    bad = ~((q >= 0.0) & (q <= 1.0))
    if bad.any():
        remedy = "Give size= as well to have scores of any scale turned into probabilities."
        raise argument_error(name, first_bad(name, q, bad), expected, remedy)
    return q


def check_order(order: object, n: int) -> IntArray:
    """Return a permutation of 0 ... n-1 as int64, or raise."""
    expected = f"a permutation of the row numbers 0 to {n - 1}"
    remedy = "Use np.argsort of what the rows should be visited by, or spatial_order(coordinates)."
    array = np.asarray(order)
    if array.dtype.kind not in "iu":
        raise argument_error(
            "order", f"dtype {array.dtype}", expected, remedy, kind=ArgumentTypeError
        )
    if array.shape != (n,):
        raise argument_error("order", f"shape {array.shape}", expected, remedy)
    rows: IntArray = np.ascontiguousarray(array, dtype=np.int64)
    seen = np.zeros(n, dtype=bool)
    inside = (rows >= 0) & (rows < n)
    seen[rows[inside]] = True
    if not seen.all():
        missing = int(np.flatnonzero(~seen)[0])
        raise argument_error("order", f"an array without row {missing}", expected, remedy)
    return rows
