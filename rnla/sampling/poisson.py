"""Poisson sampling: keep row i if its own uniform number lies below q_i, independently (SPEC A10a).

The sampler of the theory. The size is random, with standard deviation at most sqrt(sum q). Row i's
number depends on the seed and i alone (SPEC K5), so samples are the same for any chunking and grow
with the probabilities: q <= q' row by row gives a sample that contains the smaller one. O(n) time,
O(chunk) memory beyond the result.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..random import RNGLike, Stream, resolve_seed
from ._checks import Vector, check_probabilities
from ._rows import CHUNK, ROW_PURPOSE, TINY
from .row_sample import RowSample

__all__ = ["poisson_sample"]


def poisson_sample(
    probabilities: npt.ArrayLike, *, p: float | None = None, rng: RNGLike = None
) -> RowSample:
    """Keep row i with probability q_i, independently of the others.

    Parameters
    ----------
    probabilities : array_like, shape (n,)
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

    Examples
    --------
    >>> poisson_sample([1.0, 0.0, 1.0], rng=0).indices
    array([0, 2])
    """
    q = check_probabilities(probabilities, "probabilities")
    seed = resolve_seed(rng)
    kept = [poisson_rows(q[i : i + CHUNK], i, seed) for i in range(0, q.size, CHUNK)]
    rows = np.concatenate(kept)
    return RowSample(rows, 1.0 / q[rows], q[rows], design="poisson", seed=seed, n=q.size, p=p)


def poisson_rows(q: Vector, start: int, seed: int) -> npt.NDArray[np.int64]:
    """Rows kept among start ... start + len(q) - 1, whose probabilities are `q`."""
    uniforms = Stream(seed, ROW_PURPOSE).uniform(range(start, start + q.size))
    rows: npt.NDArray[np.int64] = start + np.flatnonzero((uniforms < q) & (q >= TINY))
    return rows
