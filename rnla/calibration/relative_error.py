"""`relative_error`: distance from an estimate to the truth when a common factor is free.

min_c ||c a - b|| / ||b|| is the sine of the angle between a and b. O(n) flops.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import FloatArray
from .operators._base import check_entries

__all__ = ["relative_error"]


def relative_error(estimate: Any, truth: Any, *, axis: int | None = None) -> FloatArray | float:
    """Relative error after the best complex rescaling, min_c ||c a - b|| / ||b||.

    Gains and signals are known only up to one factor, (d, x) and (d/c, c x) being the same data.

    Parameters
    ----------
    estimate, truth : array_like of equal shape, real or complex
        a and b. A zero estimate has error 1.
    axis : int, optional
        Compare along this axis only, one factor and one error for each of the others; by default
        everything is one vector.

    Returns
    -------
    float or ndarray
        In [0, 1]; accurate down to rounding, also where it is tiny.

    Raises
    ------
    ArgumentError
        If shapes differ, entries are not finite or the truth is zero.

    Notes
    -----
    Computed from the residual of the best multiple, not from 1 - cos^2, which would lose half of
    the digits.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> from rnla.calibration import relative_error
    >>> relative_error([1j, 2j], [1.0, 2.0])
    0.0
    >>> round(relative_error([1.0, 0.0], [1.0, 1.0]), 3)
    0.707
    """
    a, b = check_entries(estimate, "estimate"), check_entries(truth, "truth")
    if a.shape != b.shape:
        remedy = "Transpose or select one of them."
        raise argument_error("estimate", f"shape {a.shape}", f"shape {b.shape}, as truth", remedy)
    if axis is None:
        a, b, axis = a.reshape(-1), b.reshape(-1), 0
    a, b = np.moveaxis(a, axis, -1), np.moveaxis(b, axis, -1)
    size = np.abs(b).max(axis=-1, initial=0.0)
    if not np.all(size > 0.0):
        remedy = "A zero vector has no direction to compare with."
        raise argument_error("truth", "zero", "a vector that is not zero", remedy)
    b = b / size[..., None]
    largest = np.abs(a).max(axis=-1, keepdims=True)
    a = a / np.where(largest > 0.0, largest, 1.0)
    square = (np.abs(a) ** 2).sum(axis=-1)
    c = (a.conj() * b).sum(axis=-1) / np.where(square > 0.0, square, 1.0)
    error: FloatArray = np.linalg.norm(c[..., None] * a - b, axis=-1) / np.linalg.norm(b, axis=-1)
    error = np.minimum(error, 1.0)
    return float(error) if error.ndim == 0 else error
