"""Tree pivotal sampling: rows duel within ever larger neighbourhoods of space (SPEC A10e).

Shimizu, Cheng, Musco and Weare, Improved active learning via dependent leverage score sampling
(arXiv 2310.04966). A binary tree splits the rows at medians of their coordinates; siblings duel
from the leaves up, so near rows exclude each other first. Fixed size, exact inclusion
probabilities. O(n) a draw after an O(n k log n) build that `spatial_order` does once.
"""

from __future__ import annotations

import numpy.typing as npt

from ..random import RNGLike, Stream, resolve_seed
from ..tall import rows
from ._checks import check_probabilities
from ._ordered import finish, settle, there
from ._rows import DUEL_PURPOSE
from ._steps import unit_steps
from .row_sample import RowSample
from .spatial_order import resolve_order

__all__ = ["tree_pivotal_sample"]


def tree_pivotal_sample(
    probabilities: npt.ArrayLike,
    *,
    coordinates: npt.ArrayLike | None = None,
    split: str = "axes",
    order: npt.ArrayLike | None = None,
    p: float | None = None,
    rng: RNGLike = None,
) -> RowSample:
    """Keep a fixed number of rows, spread evenly over space.

    Parameters
    ----------
    probabilities : array_like or CuPy array, shape (n,)
        Inclusion probabilities in [0, 1], matched exactly. Rows with probability 1 are all kept.
    coordinates : array_like, shape (n, k), optional
        Where each row lives.
    split : {"axes", "principal"}
        See `spatial_order`.
    order : array_like of int, shape (n,), optional
        Instead of coordinates: the leaves of the tree from left to right, for instance a
        `spatial_order` computed once. Without either, the natural order.
    p : float, optional
        Exponent recorded for ``sample @ A``.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`.

    Returns
    -------
    RowSample
        Exactly sum q rows if that is an integer (to 1e-10 relative), otherwise one of its two
        neighbours: the row left at the root is kept with its residual probability.

    Notes
    -----
    The tree depends on the coordinates alone. The duel between two halves of a node uses the number
    of the first row of its right half. Samples of different sizes are not nested. Rows with q below
    2**-64 are never kept.

    Runs on a GPU: CuPy arrays stay there, and the sample is a record in host memory.

    Examples
    --------
    >>> import numpy as np
    >>> grid = np.stack(np.meshgrid(np.arange(4), np.arange(4)), axis=-1).reshape(-1, 2)
    >>> sample = tree_pivotal_sample(np.full(16, 0.25), coordinates=grid, rng=0)
    >>> np.unique(grid[sample.indices] // 2, axis=0)
    array([[0, 0],
           [0, 1],
           [1, 0],
           [1, 1]])
    """
    from ..kernels import tree_pivotal as kernel

    q = check_probabilities(probabilities, "probabilities")
    seed = resolve_seed(rng)
    n = q.shape[0]
    leaves = resolve_order(n, order, coordinates, split)
    uniforms = there(Stream(seed, DUEL_PURPOSE).uniform(range(n), like=q), leaves)
    kept, standing, mass = kernel.tree_pivotal(there(unit_steps(q)[0], leaves), uniforms)
    drawn = settle(rows.host(kept), standing, mass, float(uniforms[0]))
    return finish(q, drawn, leaves, "tree_pivotal", seed, p)
