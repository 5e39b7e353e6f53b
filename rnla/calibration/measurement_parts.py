"""`measurement_parts`: arrays cut along the measurements, for `calibrate_partitioned`.

Dask arrays are cut along their chunks and stay where they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import argument_error, check_size, import_optional
from .operators._base import refuse_device

__all__ = ["measurement_parts"]


def measurement_parts(Y: Any, operators: Any, weights: Any = None, *, count: int = 1) -> list[Any]:
    """Cut measurements into parts for `calibrate_partitioned`.

    Parameters
    ----------
    Y : array_like or dask.array, shape (p, m)
        A Dask array is cut along its chunks of measurements and stays where it is.
    operators : array_like or dask.array
        Shape (p, m, n), or (m, n) for snapshots through one map.
    weights : array_like or dask.array, shape (p, m), optional
    count : int
        Parts to make of arrays that are not Dask's.

    Returns
    -------
    list of (Y, operators) or (Y, operators, weights), or of Dask Delayed values of these

    Raises
    ------
    ArgumentError
        For shapes that do not fit.

    Notes
    -----
    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import measurement_parts
    >>> [part[0].shape for part in measurement_parts(np.ones((5, 3)), np.ones((3, 2)), count=2)]
    [(3, 3), (2, 3)]
    """
    given = [Y, operators] if weights is None else [Y, operators, weights]
    for one, name in zip(given, ("Y", "operators", "weights"), strict=False):
        refuse_device(one, name)
    lazy = any(hasattr(one, "__dask_graph__") for one in given)
    arrays = [one if hasattr(one, "__dask_graph__") else np.asarray(one) for one in given]
    first, maps = arrays[0], arrays[1]
    shared = maps.ndim == 2
    if first.ndim != 2 or maps.ndim not in (2, 3) or (not shared and len(maps) != len(first)):
        got = f"Y of shape {first.shape} and operators of shape {maps.shape}"
        expected = "(p, m) and (p, m, n), or (m, n)"
        raise argument_error("operators", got, expected, "One matrix for each row of Y, or one.")
    if hasattr(first, "chunks"):
        stops = np.cumsum(first.chunks[0])
    else:
        count = min(check_size(count, name="count"), len(first))
        stops = np.cumsum([len(part) for part in np.array_split(np.arange(len(first)), count)])
    parts: list[Any] = []
    start = 0
    for stop in stops:
        cut = [one if shared and i == 1 else one[start:stop] for i, one in enumerate(arrays)]
        parts.append(_delayed(cut) if lazy else tuple(cut))
        start = int(stop)
    return parts


def _delayed(arrays: list[Any]) -> Any:
    """One task that gathers the pieces of a part."""
    dask = import_optional("dask", extra="dask", purpose="to cut Dask arrays into parts")
    return dask.delayed(_gathered, pure=False)(*arrays)


def _gathered(*arrays: Any) -> tuple[Any, ...]:
    return tuple(np.asarray(one) for one in arrays)
