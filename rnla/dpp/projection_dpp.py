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
from .._result import FloatArray, IntArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall import single_threaded_blas
from ._chain import chain
from ._record import DppSample
from ._rejection import Proposals, accept
from .ground_set import GroundSet, prepared

__all__ = ["METHODS", "draw_sets", "projection_dpp"]

METHODS = ("auto", "rejection", "chain")

_ROWS_TOGETHER = 2**25  # bytes of rows that are fetched for several draws at once


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
    A : array_like, scipy.sparse array, Dask array, files, TallMatrix or GroundSet, shape (n, d)
        Features of the n points of the ground set, one row each. A `ground_set` has its leverage
        pass behind it.
    draws : int, optional
        Number of independent draws. Without it one draw is made, and `indices` is a vector.
    method : {"auto", "rejection", "chain"}
        "rejection" reads O(r log r) rows per draw after the leverage pass; "chain" computes every
        conditional probability, and keeps n r numbers in memory. "auto" takes the chain for n up
        to 4 d.
    weights : array_like or Dask array, shape (n,), optional
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
    indices = np.empty((len(draws), ground.rank), dtype=np.int64)
    proposals = np.zeros(len(draws), dtype=np.int64)
    with single_threaded_blas():
        if method == "chain":
            stream = Stream(seed, "projection_dpp chain")
            U = ground.features(np.arange(ground.n))
            for k, draw in enumerate(draws):
                indices[k] = chain(U, stream.uniform(range(ground.rank), draw=draw))
            return indices, proposals
        source = _Source(ground, seed)
        limit = 200 * ground.rank if cap is None else cap
        for first in range(0, len(draws), source.together):
            group = draws[first : first + source.together]
            source.fetch(group)
            for k, draw in enumerate(group, start=first):
                propose = source.of(draw)
                indices[k], proposals[k], _ = accept(
                    propose, ground.rank, cap=limit, first=source.first
                )
    return indices, proposals


class _Source:
    """Proposals of many draws; the rows that each begins with are fetched for a group of them."""

    def __init__(self, ground: GroundSet, seed: int) -> None:
        self._ground = ground
        self._rows = Stream(seed, "projection_dpp proposals")
        self._tests = Stream(seed, "projection_dpp tests")
        r, d = ground.rank, ground.A.shape[1]
        harmonic = math.fsum(1.0 / k for k in range(1, r + 1))
        # Mean plus two and a half standard deviations of the number of proposals.
        self.first = math.ceil(r * (harmonic + 3.2))
        self.together = max(1, _ROWS_TOGETHER // (8 * d * self.first))
        self._ready: dict[int, Proposals] = {}

    def fetch(self, group: range) -> None:
        """Read the first proposals of these draws together."""
        span = range(self.first)
        points = np.concatenate([self._rows.uniform(span, draw=draw) for draw in group])
        drawn, envelope = self._ground.propose(points)
        union, places = np.unique(drawn, return_inverse=True)
        taken = self._ground.A.take(union)
        self._ready = {}
        for k, draw in enumerate(group):
            own = slice(k * self.first, (k + 1) * self.first)
            # One product per draw: what a draw computes must not depend on its company.
            U = self._ground.features_of(taken[places[own]], drawn[own])
            self._ready[draw] = self._proposals(draw, 0, drawn[own], U, envelope[own])

    def of(self, draw: int) -> Any:
        """``propose(start, count)`` of one draw."""

        def propose(start: int, count: int) -> Proposals:
            if start == 0:
                return self._ready.pop(draw)
            points = self._rows.uniform(range(start, start + count), draw=draw)
            rows, envelope = self._ground.propose(points)
            return self._proposals(draw, start, rows, self._ground.features(rows), envelope)

        return propose

    def _proposals(
        self, draw: int, start: int, rows: IntArray, U: FloatArray, envelope: FloatArray
    ) -> Proposals:
        points = self._tests.uniform(range(start, start + rows.size), draw=draw)
        return Proposals(rows, U, envelope, points)
