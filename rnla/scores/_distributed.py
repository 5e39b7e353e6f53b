"""Scores of Dask input: row vectors stay where the rows are, and may wait to be computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import FloatArray
from ..tall import TallMatrix, as_tall, rows

__all__ = ["distributed", "settled", "squares"]


def distributed(A: Any, *, compute: bool = True) -> TallMatrix:
    """A as a matrix whose row vectors stay where its rows are; lazy results need a Dask home."""
    tall = as_tall(A).distributed()
    if not compute and (tall.is_on_device or not tall.is_distributed):
        raise argument_error(
            "compute",
            "False for a matrix that is not a Dask collection",
            "compute=True, since only Dask arrays can be computed later",
            "Pass dask.array.from_array(A, chunks=...), or leave compute out.",
        )
    return tall


def settled(
    values: Any, dtype: np.dtype[Any], *, compute: bool = True
) -> tuple[Any, dict[str, Any]]:
    """Scores in the dtype of the matrix, and their sum for the diagnostics if they are computed."""
    if not compute:
        return values.astype(dtype), {}
    total, (kept,) = rows.settled_total(values, values.astype(dtype, copy=False))
    return kept, {"sum": total}


def squares(norms: Any) -> Any:
    """Squared row norms of a basis, at most 1."""
    return rows.each(_squares, norms)


def _squares(norms: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):  # of directions that are nothing but rounding
        shares: FloatArray = np.minimum(norms**2, 1.0)
    return shares
