"""Poisson sampling: keep row i if its own uniform number lies below q_i, independently (SPEC A10a).

The sampler of the theory. The size is random, with standard deviation at most sqrt(sum q). Row i's
number depends on the seed and i alone (SPEC K5), so samples are the same for any chunking and grow
with the probabilities: q <= q' row by row gives a sample that contains the smaller one. O(n) time,
O(chunk) memory beyond the result. Of distributed probabilities only the kept rows travel.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .._result import IntArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall import rows
from ._checks import Vector, check_probabilities
from ._rows import CHUNK, ROW_PURPOSE, TINY, side_by_side
from .row_sample import RowSample

__all__ = ["poisson_sample"]


def poisson_sample(
    probabilities: npt.ArrayLike, *, p: float | None = None, rng: RNGLike = None
) -> RowSample:
    """Keep row i with probability q_i, independently of the others.

    Parameters
    ----------
    probabilities : array_like, Dask array or CuPy array, shape (n,)
        Inclusion probabilities in [0, 1]; 0 never keeps, 1 always keeps with weight 1.
    p : float, optional
        Exponent recorded for ``sample @ A``.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`.

    Returns
    -------
    RowSample
        Weights 1/q_i. Rows with q_i below 1e-300 are never kept.

    Notes
    -----
    Nested: with one seed, a larger budget keeps every row that a smaller one kept.

    Runs on a GPU: CuPy arrays stay there, and the sample is a record in host memory.

    Examples
    --------
    >>> poisson_sample([1.0, 0.0, 1.0], rng=0).indices
    array([0, 2])
    """
    return draw_poisson(
        check_probabilities(probabilities, "probabilities", keep=True), resolve_seed(rng), p
    )


def draw_poisson(q: Any, seed: int, p: float | None) -> RowSample:
    """The same for probabilities that have been checked."""
    kept, chances = rows.fold(partial(_kept, seed), side_by_side, q)
    return RowSample(kept, 1.0 / chances, chances, design="poisson", seed=seed, n=q.shape[0], p=p)


def _kept(seed: int, start: int, q: Vector) -> tuple[IntArray, Vector]:
    """Rows kept of one part, and their probabilities."""
    if not rows.is_here(q):  # on a GPU all at once
        there = poisson_rows(q, start, seed)
        return rows.host(there), rows.host(q[there - start])
    kept = [poisson_rows(q[i : i + CHUNK], start + i, seed) for i in range(0, q.size, CHUNK)] or [
        np.empty(0, dtype=np.int64)
    ]
    numbers = np.concatenate(kept)
    return numbers, q[numbers - start]


def poisson_rows(q: Vector, start: int, seed: int) -> IntArray:
    """Rows kept among start ... start + len(q) - 1, whose probabilities are `q`."""
    from ..kernels import poisson_rows as kernel

    kept: IntArray = kernel.poisson_rows(Stream(seed, ROW_PURPOSE).key, start, q, TINY)
    return kept
