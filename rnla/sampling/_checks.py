"""Validation shared by the designs: scores, probabilities, permutations, the parts of a sample."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_p
from .._result import IntArray
from ..tall import rows
from ..tall._device import chunks_stay
from ..tall._device import refuse_device as _refuse_device

__all__ = [
    "as_vector",
    "check_column",
    "check_exponent",
    "check_indices",
    "check_order",
    "check_probabilities",
    "check_scores",
    "first_bad",
    "refuse_device",
]

Vector = npt.NDArray[np.float64]


def as_vector(values: object, name: str) -> Vector:
    """Return a one-dimensional float64 array, or raise; not copied if it already is one."""
    expected = "a one-dimensional array of real numbers"
    refuse_device(values, name)
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


def refuse_device(values: object, name: str) -> None:
    """Raise for an array on a GPU, where one on the host is needed."""
    _refuse_device(values, name, "a step that works on the host")
    if rows.in_parts_on_device(values):
        raise chunks_stay(name, "a step that works on the host")


def first_bad(name: str, values: Vector, bad: npt.NDArray[np.bool_]) -> str:
    """Name the first offending entry."""
    i = int(np.flatnonzero(bad)[0])
    return f"{name}[{i}] = {float(values[i])!r}"


def _as_rows(values: Any, name: str) -> Any:
    """The same for a Dask or CuPy array, which stays where it is; Dask's is cut where strips may
    end."""
    if values.dtype.kind not in "fiub":
        remedy = f"Convert first, for example {name}.astype(float)."
        expected = "a one-dimensional array of real numbers"
        raise argument_error(
            name, f"dtype {values.dtype}", expected, remedy, kind=ArgumentTypeError
        )
    if values.ndim != 1:
        remedy = f"Pass one number per row, for example {name}.ravel() for a single column."
        expected = "a one-dimensional array of real numbers"
        raise argument_error(name, f"shape {values.shape}", expected, remedy)
    if not rows.is_distributed(values):
        return rows.float64(values)
    if any(np.isnan(size) for size in values.chunks[0]):
        remedy = f"Call {name}.compute_chunk_sizes() first."
        raise argument_error(name, "chunks of unknown size", "chunks of known size", remedy)
    return rows.settle(rows.float64(rows.aligned(values)))


def _first_outside(most: float, start: int, x: Vector) -> tuple[int, float] | None:
    """The first entry that is not from 0 to `most` or not finite: where, and what it is."""
    bad = np.flatnonzero(np.logical_not(np.isfinite(x) & (x >= 0.0) & (x <= most)))
    if not bad.size:
        return None
    first = int(bad[0])
    return start + first, float(x[first])


def _earlier(left: Any, right: Any) -> Any:
    return right if left is None else left


def _vector(values: Any, name: str, dask: bool, device: bool) -> Any:
    kept = dask if rows.is_distributed(values) else device and not rows.is_here(values)
    return _as_rows(values, name) if kept else as_vector(values, name)


def check_scores(values: Any, name: str, *, keep: bool = False, device: bool = False) -> Any:
    """Return finite non-negative scores, at least one of them; with `keep` a Dask array stays, with
    `device` a CuPy array."""
    scores = _vector(values, name, keep, device)
    expected = "finite, non-negative scores, one per row"
    if scores.size == 0:
        raise argument_error(name, "an empty array", expected, "Pass at least one score.")
    bad = rows.fold(partial(_first_outside, np.inf), _earlier, scores)
    if bad is not None:
        remedy = "Clip rounding noise with np.maximum(scores, 0) and drop rows that are not finite."
        raise argument_error(name, f"{name}[{bad[0]}] = {bad[1]!r}", expected, remedy)
    return scores


def check_probabilities(values: Any, name: str, *, keep: bool = False) -> Any:
    """Return inclusion probabilities in [0, 1], at least one of them; with `keep` a Dask array
    stays. A CuPy array stays always."""
    q = _vector(values, name, keep, True)
    expected = "inclusion probabilities between 0 and 1, one per row"
    if q.size == 0:
        raise argument_error(name, "an empty array", expected, "Pass at least one probability.")
    bad = rows.fold(partial(_first_outside, 1.0), _earlier, q)
    if bad is not None:
        remedy = "Give size= as well to have scores of any scale turned into probabilities."
        raise argument_error(name, f"{name}[{bad[0]}] = {bad[1]!r}", expected, remedy)
    return q


def check_order(order: object, n: int) -> IntArray:
    """Return a permutation of 0 ... n-1 as int64, or raise."""
    expected = f"a permutation of the row numbers 0 to {n - 1}"
    remedy = "Use np.argsort of what the rows should be visited by, or spatial_order(coordinates)."
    refuse_device(order, "order")
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


def check_exponent(p: float) -> float:
    """Any positive exponent: weights make sense below 1 too."""
    exponent = check_p(p, minimum=0.0, allow_infinite=True)
    if exponent == 0.0:
        raise argument_error("p", "0", "a positive exponent", "Use take for unweighted rows.")
    return exponent


def check_indices(values: object, n: int) -> IntArray:
    """Return a read-only copy of strictly increasing row numbers below n, or raise."""
    refuse_device(values, "indices")
    array = np.asarray(values)
    expected = f"strictly increasing row numbers from 0 to {n - 1}"
    if array.size == 0 and array.ndim == 1:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise argument_error(
            "indices",
            f"dtype {array.dtype}, shape {array.shape}",
            expected,
            "Pass a one-dimensional integer array.",
            kind=ArgumentTypeError,
        )
    indices: IntArray = np.array(array, dtype=np.int64)
    if indices.size:
        low, high = int(indices.min()), int(indices.max())
        if low < 0 or high >= n:
            wrong = low if low < 0 else high
            remedy = "Check n: it counts the rows of the whole matrix."
            raise argument_error("indices", f"row {wrong}", expected, remedy)
        steps = np.diff(indices)
        if steps.size and steps.min() <= 0:
            i = int(np.flatnonzero(steps <= 0)[0])
            remedy = "Sort the rows with their weights, and add the weights of repeated rows."
            raise argument_error(
                "indices", f"row {indices[i]} followed by row {indices[i + 1]}", expected, remedy
            )
    indices.flags.writeable = False
    return indices


def check_column(values: object, name: str, size: int) -> Vector:
    """Return a read-only copy of finite, non-negative numbers, one per kept row, or raise."""
    array = as_vector(values, name)
    expected = f"{size} finite, non-negative numbers, one per kept row"
    if array.size != size:
        raise argument_error(name, f"{array.size} numbers", expected, "Pass one per kept row.")
    bad = ~(np.isfinite(array) & (array >= 0.0))
    if bad.any():
        remedy = "A weight is one over an inclusion probability; remove rows that have none."
        raise argument_error(name, first_bad(name, array, bad), expected, remedy)
    column: Vector = np.array(array, dtype=np.float64)
    column.flags.writeable = False
    return column
