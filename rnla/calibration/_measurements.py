"""What `Problem` takes: measurements, weights and a basis, checked; and the unit of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error
from ._squares import squares
from .operators._base import Array, check_entries, refuse_device, working_dtype

__all__ = ["checked_basis", "checked_measurements", "checked_weights", "root_mean_square"]

_SMALL = 1e-15


def checked_measurements(Y: npt.ArrayLike) -> Array:
    """Y as an array of numbers, none of them infinite."""
    refuse_device(Y, "Y")
    expected = "an array of shape (..., p, m) of numbers, nan where missing"
    try:
        array = np.asarray(Y)
    except (TypeError, ValueError) as error:
        got = f"{type(Y).__name__} ({error})"
        remedy = "Pass a NumPy array."
        raise argument_error("Y", got, expected, remedy, kind=ArgumentTypeError) from error
    if array.dtype.kind not in "fiubc":
        remedy = "Convert first, for example np.asarray(Y, dtype=complex)."
        raise argument_error("Y", f"dtype {array.dtype}", expected, remedy, kind=ArgumentTypeError)
    if array.ndim < 2 or array.size == 0:
        remedy = "One row for each measurement, one column for each sensor."
        raise argument_error("Y", f"shape {array.shape}", expected, remedy)
    array = array.astype(working_dtype(array.dtype), copy=False)
    infinite = np.isinf(array)
    if infinite.any():
        place = np.argwhere(infinite)[0]
        remedy = "Repair such values, or mark them as missing by nan."
        raise argument_error("Y", f"infinity{_where(place)}", expected, remedy)
    return array


def checked_basis(gain_basis: npt.ArrayLike, m: int) -> Array:
    """Independent columns of size one, whose span is that of the columns given."""
    basis = check_entries(gain_basis, "gain_basis")
    if basis.ndim != 2 or basis.shape[0] != m or basis.shape[1] > m:
        expected = f"shape ({m}, k) with k <= {m}"
        remedy = "One row for each sensor, one column for each function of the basis."
        raise argument_error("gain_basis", f"shape {basis.shape}", expected, remedy)
    # Only their span counts.
    size = np.abs(basis).max(axis=0)
    basis = np.asarray(basis / np.where(size > 0, size, 1))
    rank = int(np.linalg.matrix_rank(basis))
    if rank < basis.shape[1]:
        got = f"rank {rank} with {basis.shape[1]} columns"
        remedy = "Drop redundant columns."
        raise argument_error("gain_basis", got, "independent columns", remedy)
    return basis


def checked_weights(
    weights: npt.ArrayLike | None, valid: Array, dtype: np.dtype[Any]
) -> Array | None:
    """Weights of the shape of Y, zero where a value is not valid; None for ones."""
    if weights is None:
        return None if valid.all() else valid.astype(dtype)
    array = check_entries(weights, "weights")
    shape = valid.shape
    if array.dtype.kind == "c" or (array < 0).any():
        got = "complex numbers" if array.dtype.kind == "c" else f"{array.min()}"
        remedy = "Weights are reciprocal variances, 0 for missing values."
        raise argument_error("weights", got, "real numbers that are not negative", remedy)
    largest, limit = float(array.max()), float(np.finfo(dtype).max) ** 0.3
    if largest > 0 and not 1 / limit <= largest <= limit:
        remedy = "Divide them by the largest, and noise by its root."
        expected = f"a largest weight between {1 / limit:.0e} and {limit:.0e}"
        raise argument_error("weights", f"{largest:g}", expected, remedy)
    try:
        array = np.broadcast_to(array, shape)
    except ValueError as error:
        remedy = "One weight for each value of Y, or for each sensor."
        got = f"shape {array.shape}"
        raise argument_error("weights", got, f"shape {shape}", remedy) from error
    return np.where(valid, array, 0).astype(dtype)


def root_mean_square(data: Array, counts: Array, dtype: np.dtype[Any]) -> Array:
    """Of the values of every problem, of which `counts` (..., m) count; shape (..., 1, 1)."""
    largest = _largest(data)
    if not (largest > 0).all():
        place = np.argwhere(largest[..., 0, 0] == 0)[0] if data.ndim > 2 else ()
        got = f"nothing but zeros and missing values{_where(place)}"
        remedy = "There is nothing to calibrate on: leave that problem out."
        raise argument_error("Y", got, "a value that is not zero", remedy)
    safe = bool(((largest > _SMALL) & (largest < 1 / _SMALL)).all())
    unit = np.ones_like(largest) if safe else largest  # squares neither over- nor underflow
    sums = squares(data if safe else data / largest, "...lm", "...")[..., None, None]
    total = counts.sum(axis=-1)[..., None, None]
    result: Array = (unit * np.sqrt(sums / total)).astype(dtype)
    return result


def _largest(data: Array) -> Array:
    """The largest part of a number of each problem, shape (..., 1, 1)."""
    parts = (data.real, data.imag) if data.dtype.kind == "c" else (data,)
    ends = [end(axis=(-2, -1), keepdims=True) for part in parts for end in (part.max, part.min)]
    return np.asarray(np.max(np.abs(ends), axis=0))


def _where(place: Any) -> str:
    return f" at {[int(i) for i in place]}" if len(place) else ""
