"""What every regression takes: rows, responses, weights and bounds, checked once at the door."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error
from .._result import FloatArray
from ..tall import TallMatrix, as_tall, rows
from ..tall._device import on_device, on_host, stays_on_device, to_host

__all__ = [
    "Problem",
    "at_home",
    "check_bounds",
    "check_column",
    "check_columns",
    "check_start",
    "check_weights",
    "prepare",
]


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows of A beside responses, and how much each row counts.

    Attributes
    ----------
    A : TallMatrix, shape (n, d)
        With a last column of ones if there is an intercept.
    b : row vector, shape (n,) or (n, k)
        float64.
    weights : row vector, shape (n,), or None
        Finite, non-negative, not all zero.
    intercept : bool
    """

    A: TallMatrix
    b: Any
    weights: Any
    intercept: bool

    @property
    def single(self) -> bool:
        """Whether there is one response, a vector."""
        return len(self.b.shape) == 1

    def split(self, x: FloatArray) -> tuple[FloatArray, Any]:
        """Coefficients of the user's columns, and the intercept: 0.0 without one, (k,) for many."""
        if not self.intercept:
            return x, 0.0 if x.ndim == 1 else np.zeros(x.shape[1])
        return x[:-1], float(x[-1]) if x.ndim == 1 else x[-1]


def prepare(
    A: Any,
    b: Any,
    *,
    weights: Any = None,
    intercept: bool = False,
    require_tall: bool = False,
    device: bool = False,
) -> Problem:
    """Check the data of a regression.

    Parameters
    ----------
    A : anything `rnla.as_tall` takes, shape (n, d)
        Finite: the first pass finds out.
    b : array_like or Dask array, shape (n,) or (n, k)
    weights : array_like or Dask array, shape (n,), optional
    intercept : bool
    require_tall : bool
        Refuse n < d.
    device : bool
        Whether the regression takes rows on a GPU; its row vectors must then be there too.
    """
    tall = as_tall(A, require_tall=require_tall)
    if tall.is_on_device and not device:
        raise stays_on_device("A", "rows on a GPU", "a regression")
    n, there = tall.shape[0], tall.is_on_device
    tall = tall.distributed() if there else tall
    target = check_columns(b, "b", n, device=there)
    w = None if weights is None else check_weights(weights, n, device=there)
    tall.scan()
    if intercept:
        tall = tall.with_columns(ones=True)
    return Problem(tall, target, w, intercept)


def at_home(values: Any, name: str, device: bool) -> Any:
    """A row vector as an array where the rows are: a CuPy array if `device` says so, else a NumPy
    or Dask array."""
    if not device:
        return values if rows.is_distributed(values) else on_host(values, name, "a regression")
    if not (on_device(values) or rows.in_parts_on_device(values)):
        got, remedy = f"{type(values).__name__}, for rows on a GPU", f"Pass cupy.asarray({name})."
        raise argument_error(name, got, "a CuPy array too", remedy, kind=ArgumentTypeError)
    return values


def check_start(x0: Any, d: int) -> FloatArray:
    """The coefficients to start from, here."""
    start: FloatArray = check_column(to_host(x0), "x0", d)
    return start


def check_column(values: Any, name: str, n: int, *, device: bool = False) -> Any:
    """Return n finite float64 numbers as a row vector, or raise; on a GPU if `device` says so."""
    return _checked(values, name, n, (1,), device)


def check_columns(values: Any, name: str, n: int, *, device: bool = False) -> Any:
    """Return a finite float64 row vector of shape (n,) or (n, k), or raise; `device` as above."""
    return _checked(values, name, n, (1, 2), device)


def check_weights(values: Any, n: int, name: str = "weights", *, device: bool = False) -> Any:
    """Return n finite non-negative float64 numbers that are not all zero, or raise."""
    w = check_column(values, name, n, device=device)
    low, high = rows.extremes(w)
    if low < 0.0:
        remedy = "Weights count observations; drop the rows that should not count."
        raise argument_error(name, f"{low!r}", "non-negative numbers", remedy)
    if high == 0.0:
        remedy = f"At least one row must count; leave {name} out to count all alike."
        raise argument_error(name, "zeros only", "a positive weight somewhere", remedy)
    return w


def check_bounds(
    bounds: tuple[npt.ArrayLike, npt.ArrayLike], d: int
) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds of d coefficients, or raise."""
    expected = f"a pair (lower, upper) of numbers or of arrays of {d} numbers, lower <= upper"
    remedy = "Nonnegative coefficients are bounds=(0, numpy.inf)."
    try:
        low, high = bounds
        lower = np.broadcast_to(np.asarray(low, dtype=np.float64), (d,)).copy()
        upper = np.broadcast_to(np.asarray(high, dtype=np.float64), (d,)).copy()
    except (TypeError, ValueError):
        raise argument_error("bounds", repr(bounds), expected, remedy) from None
    bad = np.flatnonzero(~(lower <= upper) | (lower == np.inf) | (upper == -np.inf))
    if bad.size:
        j = bad[0]
        got = f"({lower[j]!r}, {upper[j]!r}) for column {j}"
        raise argument_error("bounds", got, expected, remedy)
    return lower, upper


def _checked(
    values: Any, name: str, n: int, dimensions: tuple[int, ...], device: bool = False
) -> Any:
    array = at_home(values, name, device)
    here = isinstance(array, np.ndarray)
    expected = f"{n} finite real numbers, one per row"
    if dimensions != (1,):
        expected += ", or a column of them for each response"
    if array.dtype.kind not in "fiub":
        remedy = f"Convert first, for example np.asarray({name}, dtype=float)."
        raise argument_error(name, f"dtype {array.dtype}", expected, remedy, kind=ArgumentTypeError)
    shape = tuple(array.shape)
    if len(shape) not in dimensions or shape[0] != n or (len(shape) == 2 and shape[1] == 0):
        remedy = f"Pass a {name} with one entry per row of A."
        raise argument_error(name, f"shape {shape}", expected, remedy)
    column = rows.aligned(rows.float64(array))
    if rows.is_distributed(column):
        column = rows.settle(column)
    elif here and column is array:
        column = column.view()
        column.flags.writeable = False  # it is the user's
    flat = column if len(shape) == 1 else np.abs(column).max(axis=1)  # keeps NaN and infinity
    position = rows.fold(partial(_first_bad, n), min, flat)
    if position < n:
        got = f"{name}[{position}] = {rows.host(array[position])}"
        raise argument_error(name, got, expected, "Drop or impute those rows first.")
    return column


def _first_bad(n: int, start: int, values: FloatArray) -> int:
    fine = np.isfinite(values)
    return n if fine.all() else start + int(np.argmin(fine))
