"""`projection_dpp`: exact draws of the determinantal point process of a column space.

P(S) = det(U_S)^2 for sets S of r rows, U any orthonormal basis of the column space: rows that span
it well together. One leverage pass, then O(r log r) rows are read for each draw. Accept/reject is
that of Barthelme, Tremblay and Amblard (arXiv 2210.17358).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._errors import argument_error, check_size
from .._result import IntArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall import single_threaded_blas
from ._chain import chains
from ._record import DppSample
from ._together import Batch, Propose, accept_draws
from .ground_set import GroundSet, prepared

__all__ = ["METHODS", "draw_sets", "projection_dpp"]

METHODS = ("auto", "rejection", "chain")

_ROWS_TOGETHER = 2**25  # bytes of rows that are fetched for several draws at once
_BEYOND_MEAN = 3.2  # proposals for each row beside their mean number: 2.5 standard deviations
_ON_DEVICE_TOGETHER = 2**29  # on a GPU, where each draw is a block and many run at once


def projection_dpp(
    A: Any,
    *,
    draws: int | None = None,
    method: str = "auto",
    weights: Any = None,
    cap: int | None = None,
    rng: RNGLike = None,
) -> DppSample:
    """Draw as many rows as A has rank, from the determinantal process of its column space.

    Parameters
    ----------
    A : array_like, sparse, Dask or CuPy array, files, TallMatrix or GroundSet, shape (n, d)
        Features of the n points of the ground set, one row each. A `ground_set` has its leverage
        pass behind it.
    draws : int, optional
        Number of independent draws. Without it one draw is made, and `indices` is a vector.
    method : {"auto", "rejection", "chain"}
        "rejection" reads O(r log r) rows per draw after the leverage pass; "chain" computes every
        conditional probability, and keeps n r numbers in memory. "auto" takes the chain for n up
        to 4 d.
    weights : array_like, Dask or CuPy array, shape (n,), optional
        Mass mu_i of each point: the process is that of the rows sqrt(mu_i) a_i. A common factor
        does not matter.
    cap : int, optional
        Most proposals in a row that may be rejected. Default 200 r, which a draw exceeds with
        probability below r exp(-200).
    rng : None, int, numpy.random.Generator or SeedSequence
        The same seed gives the same rows for every home of A, and draw k depends on the seed and
        k alone.

    Returns
    -------
    DppSample
        `indices` increasing, shape (r,) or (draws, r); `weights` 1 / tau_i, one over the leverage
        score, which is the probability that row i is drawn.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable input, NaN or infinite entries, or a matrix of zeros.
    ConvergenceError
        If the cap is reached. Nothing that was rejected is ever returned.

    See Also
    --------
    ground_set : keeps the leverage pass for many calls.
    volume_sample : more rows than the rank.

    Notes
    -----
    The law depends on the column space alone. Its rank r is decided as in `leverage_scores`; if it
    is below d, the process is that of the space that remains, `status` says so and `rank` names it.

    Rows tend to be spread out: P(i and j drawn) <= tau_i tau_j. A least-squares fit on the r rows
    drawn is an interpolation, unbiased for the fit on all rows, with expected loss at most r + 1
    times the smallest. Several draws pooled, ``sample.row_sample()``, make a repeated DPP.

    Cost: two to four passes for the leverage scores, 16 n bytes, then about 4 r^3 log r flops and
    r (log r + 4) rows for each draw. Files and Dask arrays are asked for the rows of many draws at
    once; of a Dask array the leverage scores stay with its rows, and so does `marginals`.

    On a GPU the rows of many draws are fetched at once and a block of the kernel does a draw; only
    indices and scores of proposals come to the host, and the same seed draws the same rows as
    there, but for a threshold met to within rounding.

    Runs on a GPU: many draws from a CuPy ``A`` at once; the rows drawn are NumPy arrays.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> A = np.vander(np.linspace(-1.0, 1.0, 2001), 5)
    >>> sample = rnla.dpp.projection_dpp(A, rng=0)
    >>> sample.indices.size, sample.rank
    (5, 5)
    >>> rnla.dpp.projection_dpp(A, draws=3, rng=0).indices.shape
    (3, 5)
    """
    count = 1 if draws is None else check_size(draws, name="draws")
    if method not in METHODS:
        expected = f"one of {', '.join(METHODS)}"
        raise argument_error("method", repr(method), expected, "Pass method='auto'.")
    if cap is not None:
        cap = check_size(cap, name="cap")
    seed = resolve_seed(rng)
    ground, passes = prepared(A, weights)
    if method == "auto":
        method = "chain" if ground.n <= 4 * ground.A.shape[1] else "rejection"
    indices, proposals = draw_sets(ground, seed, range(count), method=method, cap=cap)
    indices = np.sort(indices, axis=1)
    if draws is None:
        indices = indices[0]
    return DppSample(
        indices=indices,
        law="projection DPP",
        method=method,
        n=ground.n,
        rank=ground.rank,
        seed=seed,
        weights=1.0 / ground.leverage_of(indices),
        proposals=proposals,
        passes=passes,
        status=ground.status,
        marginals=ground.leverage,
    )


def draw_sets(
    ground: GroundSet, seed: int, draws: range, *, method: str = "rejection", cap: int | None = None
) -> tuple[IntArray, IntArray]:
    """Rows of each draw in the order drawn, shape (len(draws), r), and proposals per draw."""
    r = ground.rank
    with single_threaded_blas():
        if method == "chain":
            stream = Stream(seed, "projection_dpp chain")
            U = ground.features(np.arange(ground.n))
            points = np.stack([stream.uniform(range(r), draw=draw) for draw in draws])
            return chains(U, points), np.zeros(len(draws), dtype=np.int64)
        source = _Source(ground, seed)
        limit = 200 * r if cap is None else cap
        groups = (
            draws[first : first + source.together]
            for first in range(0, len(draws), source.together)
        )
        found = [
            accept_draws(source.of(group), len(group), r, cap=limit, first=source.first)
            for group in groups
        ]
    return np.concatenate([rows for rows, _ in found]), np.concatenate([used for _, used in found])


class _Source:
    """Proposals of many draws; the rows that a group of them needs are fetched together."""

    def __init__(self, ground: GroundSet, seed: int) -> None:
        self._ground = ground
        self._rows = Stream(seed, "projection_dpp proposals")
        self._tests = Stream(seed, "projection_dpp tests")
        r, d = ground.rank, ground.A.shape[1]
        harmonic = math.fsum(1.0 / k for k in range(1, r + 1))
        self.first = math.ceil(r * (harmonic + _BEYOND_MEAN))
        together = _ON_DEVICE_TOGETHER if ground.A.is_on_device else _ROWS_TOGETHER
        self.together = max(1, together // (8 * d * self.first))

    def of(self, group: range) -> Propose:
        """``propose(which, start, count)`` for these draws."""

        def propose(which: IntArray, start: int, count: int) -> Batch:
            span = range(start, start + count)
            own = [group[k] for k in which]
            points = np.concatenate([self._rows.uniform(span, draw=draw) for draw in own])
            drawn, envelope = (
                each.reshape(len(own), count) for each in self._ground.propose(points)
            )
            tests = np.stack([self._tests.uniform(span, draw=draw) for draw in own])
            return Batch(drawn, self._ground.features_of_draws(drawn), envelope, tests)

        return propose
