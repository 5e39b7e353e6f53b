"""Ordered pivotal sampling: rows duel along an order, neighbours exclude each other (SPEC A10d).

Deville and Tille, Biometrika 1998; for regression, Shimizu, Cheng, Musco and Weare (arXiv
2310.04966). Fixed size, exact inclusion probabilities, negatively correlated neighbours. The
number of a duel is the newcomer's own, keyed by the seed and its row. Masses are 64-bit integers
whose sum is associative: the draw is the same to the bit for any chunking or parallel scan, and a
size that should be m is m exactly. O(n) in one compiled pass.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..random import RNGLike, Stream, resolve_seed
from ..tall import rows
from ._checks import check_order, check_probabilities
from ._ordered import finish, settle, there
from ._rows import CHUNK, DUEL_PURPOSE
from ._steps import unit_steps
from .row_sample import RowSample

__all__ = ["ordered_pivotal_sample"]


def ordered_pivotal_sample(
    probabilities: npt.ArrayLike,
    *,
    order: npt.ArrayLike | None = None,
    p: float | None = None,
    rng: RNGLike = None,
) -> RowSample:
    """Keep a fixed number of rows, spread evenly along `order`.

    Parameters
    ----------
    probabilities : array_like or CuPy array, shape (n,)
        Inclusion probabilities in [0, 1], matched exactly. Rows with probability 1 are all kept.
    order : array_like of int, shape (n,), optional
        Permutation of the rows; the natural order if not given. See `spatial_order`.
    p : float, optional
        Exponent recorded for ``sample @ A``.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`.

    Returns
    -------
    RowSample
        Exactly sum q rows if that is an integer (to 1e-10 relative), otherwise one of its two
        neighbours: the row left at the end is kept with its residual probability.

    Notes
    -----
    Samples of different sizes are not nested: one duel that ends differently changes later ones.
    Rows with q below 2**-64 are never kept.

    Runs on a GPU: CuPy arrays stay there, and the sample is a record in host memory.

    Examples
    --------
    >>> ordered_pivotal_sample(np.full(12, 0.25), rng=0).size
    3
    """
    from ..kernels import ordered_pivotal as kernel

    q = check_probabilities(probabilities, "probabilities")
    seed = resolve_seed(rng)
    n = q.shape[0]
    visited = None if order is None else check_order(order, n)
    steps = there(unit_steps(q)[0], visited)
    stream = Stream(seed, DUEL_PURPOSE)
    # Along an order, numbers are drawn row by row and then rearranged, which is faster.
    uniforms = None if visited is None else there(stream.uniform(range(n), like=q), visited)
    accepted, standing, mass = [], -1, 0
    chunk = CHUNK if rows.is_here(q) else n
    for start in range(0, n, chunk):
        part = range(start, min(start + chunk, n))
        u = stream.uniform(part, like=q) if uniforms is None else uniforms[part.start : part.stop]
        kept, standing, mass = kernel.ordered_pivotal(
            steps[part.start : part.stop], u, start, standing, mass
        )
        accepted.append(rows.host(kept))
    first = stream.uniform(range(1) if visited is None else visited[:1])
    drawn = settle(np.concatenate(accepted), standing, mass, float(first[0]))
    return finish(q, drawn, visited, "ordered_pivotal", seed, p)
