"""Put rows in an order in which neighbours are close in space (SPEC A10e, its k-d tree).

Recursive median splits, the axes taking turns or along each node's first principal direction, as in
Shimizu, Cheng, Musco and Weare (arXiv 2310.04966). The order serves every ordered design; tree
pivotal sampling uses the splits themselves. O(n k log n) time, O(n k) memory.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error
from .._result import IntArray
from ._checks import check_order, refuse_device

__all__ = ["resolve_order", "spatial_order"]


def spatial_order(coordinates: npt.ArrayLike, *, split: str = "axes") -> IntArray:
    """Order rows by recursive median splits of their coordinates.

    Parameters
    ----------
    coordinates : array_like, shape (n, k) or (n,)
        Where each row lives: grid position, time, features. Only differences matter.
    split : {"axes", "principal"}
        Split along the axes in turn, or along each node's first principal direction. Axes suit a
        few coordinates of comparable meaning; principal suits many, and does not change under
        rotation. With "principal" two machines may order near-ties differently.

    Returns
    -------
    ndarray of int64, shape (n,)
        A permutation of the rows. Equal coordinates are ordered by row.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the coordinates are not a finite real array with at least one row and one column, or are
        on a GPU: the order is made on the host, once per data set.

    Notes
    -----
    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> spatial_order([0.3, 0.1, 0.2, 0.0])
    array([3, 1, 2, 0])
    """
    from ..kernels import spatial_order as kernel

    expected = "a finite real array of shape (n, k) or (n,)"
    refuse_device(coordinates, "coordinates")
    points = np.asarray(coordinates)
    if points.dtype.kind not in "fiub":
        remedy = "Convert first, for example np.asarray(coordinates, dtype=float)."
        raise argument_error(
            "coordinates", f"dtype {points.dtype}", expected, remedy, kind=ArgumentTypeError
        )
    points = points.astype(np.float64)
    if points.ndim == 1:
        points = points[:, None]
    if points.ndim != 2 or points.size == 0:
        remedy = "Pass one row of coordinates per row of the matrix."
        raise argument_error("coordinates", f"shape {points.shape}", expected, remedy)
    largest = float(np.abs(points).max())
    if not np.isfinite(largest):
        row = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        remedy = "Fill in or drop rows without a position."
        raise argument_error("coordinates", f"NaN or infinity in row {row}", expected, remedy)
    if split not in ("axes", "principal"):
        remedy = "Use 'axes' if unsure."
        raise argument_error("split", repr(split), "'axes' or 'principal'", remedy)
    if split == "principal" and largest > 0.0:
        points /= largest
    order: IntArray = kernel.spatial_order(points, split == "principal")
    return order


def resolve_order(
    n: int, order: npt.ArrayLike | None, coordinates: npt.ArrayLike | None, split: str = "axes"
) -> IntArray | None:
    """The visiting order asked for: given, from coordinates, or None for the natural one."""
    if coordinates is None:
        return None if order is None else check_order(order, n)
    if order is not None:
        raise argument_error(
            "order",
            "both order and coordinates",
            "at most one of them",
            "Coordinates are turned into an order; drop one of the two.",
        )
    resolved = spatial_order(coordinates, split=split)
    if resolved.size != n:
        raise argument_error(
            "coordinates",
            f"{resolved.size} rows",
            f"one row of coordinates for each of the {n} rows",
            "Pass the coordinates of the whole matrix.",
        )
    return resolved
