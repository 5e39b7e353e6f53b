"""Systematic sampling along an order: a random start, then every unit of probability (SPEC A10c).

Rows are laid end to end as intervals of length q_i; the row that covers start + k is kept, k = 0,
1, … (Madow 1949). The size is fixed: sum q, or one of its two neighbours if that is no integer.
Positions are kept modulo 1 as 64-bit integers whose sum is associative: the draw is the same to
the bit for any chunking or parallel scan, and a size that should be m is m exactly. O(n).
"""

from __future__ import annotations

import numpy.typing as npt

from ..random import RNGLike, Stream, resolve_seed
from ..tall import rows
from ._checks import check_order, check_probabilities
from ._ordered import finish, there
from ._rows import OFFSET_PURPOSE
from ._steps import unit_steps
from .row_sample import RowSample

__all__ = ["systematic_sample"]

_MASK = (1 << 64) - 1


def systematic_sample(
    probabilities: npt.ArrayLike,
    *,
    order: npt.ArrayLike | None = None,
    p: float | None = None,
    rng: RNGLike = None,
) -> RowSample:
    """Keep rows at equal steps of cumulative probability, along `order`.

    Parameters
    ----------
    probabilities : array_like or CuPy array, shape (n,)
        Inclusion probabilities in [0, 1], matched exactly. Rows with probability 1 are all kept.
    order : array_like of int, shape (n,), optional
        Permutation of the rows; the natural order if not given. Rows that resemble each other
        should be neighbours: the order is what makes this design better than independent draws.
    p : float, optional
        Exponent recorded for ``sample @ A``.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`.

    Returns
    -------
    RowSample
        floor(sum q) or ceil(sum q) rows, exactly sum q if that is an integer (to 1e-10 relative).

    Notes
    -----
    Many pairs of rows are never kept together, so there is no unbiased variance
    estimate. Nested for sizes m and k m with k an integer, as long as no probability is clipped to
    1 or lifted to a floor in between; otherwise not. Rows with q below 2**-64 are never kept.

    Runs on a GPU: CuPy arrays stay there, and the sample is a record in host memory.

    Examples
    --------
    >>> sample = systematic_sample([0.25] * 12, rng=3)
    >>> sample.indices[1:] - sample.indices[:-1]
    array([4, 4])
    """
    from ..kernels import unit_steps as kernel

    q = check_probabilities(probabilities, "probabilities")
    seed = resolve_seed(rng)
    visited = None if order is None else check_order(order, q.shape[0])
    steps, total = unit_steps(q)
    kept, _ = kernel.crossings(there(steps, visited), _offset(seed, total))
    return finish(q, rows.host(kept), visited, "systematic", seed, p)


def _offset(seed: int, total: int) -> int:
    """Start position modulo 2**64, minus the random start.

    For an integer total m the start is the fractional part of m phi, phi uniform: with one seed the
    starts of sizes m and k m then fall on a common grid, which nests the samples.
    """
    high, low = (int(word) for word in Stream(seed, OFFSET_PURPOSE).words(range(1))[0, :2])
    phi = (high << 32) | low
    if total and total & _MASK == 0:
        phi *= total >> 64
    return -phi & _MASK
