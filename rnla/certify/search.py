"""Tier V2: the largest distortion that can be found, by ascents from the best of many guesses.

Both extremes of N(x) / D(x), N = ||SAx||_p^p and D = ||Ax||_p^p, are searched: N / D with N
linearised, D / N with D linearised. If A has many more rows than the sample and would take more
than about a million numbers, D is replaced during the search by a sample of A that is independent
of the one certified (given as `reference`, or drawn here with 16 times its rows), and the most
promising vectors are improved by a few steps on all rows, see `full_steps`: measured for
n = 100,000, this finds 97 to 101 % of the distortion that a search on all rows finds, for p = 1 at
a fifth of its time.
Whatever the search saw, every ratio reported is measured on all rows, so a found extreme is a true
ratio; that none is more extreme is not proved.

`details`: ``starts`` and ``steps`` taken, ``flops``, ``explored`` ("all rows" or "reference"),
``explored_rows``, ``history_lower`` and ``history_upper`` (log ratios along the best ascents).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .._result import FloatArray
from ..tall import single_threaded_blas
from ._certificate import TierResult
from ._problem import Problem
from ._reference import draw_reference
from ._rows import HeldRows
from ._starts import pool_ratios, select, start_pool
from ._sums import SampleLike
from .ascent import Ascent, ascend
from .full_steps import improve
from .vertices import polish_vertex

__all__ = ["HELD_AT_MOST", "ascent_tier", "search_extremes"]

_HELD_ALWAYS = 600_000  # numbers of A (non-zeros if sparse, and then four times as many)
HELD_AT_MOST = 4_000_000
_OVERSIZE = 16  # rows of the reference per row of the sample, if that fits; else four
_POLISHED = 3


@dataclass
class _Direction:
    """The search of one extreme: ends of its ascents, best first once sorted, and its cost."""

    upper: HeldRows
    lower: HeldRows
    p: float
    ends: list[Ascent] = field(default_factory=list)
    steps: int = 0
    flops: float = 0.0

    @property
    def history(self) -> tuple[float, ...]:
        """Log ratios along the best ascent."""
        return self.ends[0].history if self.ends else ()

    def run(self, starts: FloatArray, budget: float) -> None:
        for z in starts.T:
            if self.ends and self.flops >= budget:
                break
            end = ascend(self.upper, self.lower, self.p, z)
            steps = len(end.history)
            self.steps += steps
            self.flops += steps * _step_flops(self.upper, self.lower)
            self.ends.append(end)
        self.ends.sort(key=lambda end: -end.log_ratio)
        if self.p == 1.0:
            self._polish(budget)

    def _polish(self, budget: float) -> None:
        """Walk to a local maximum among vertices from the best few ends."""
        products = self.upper.product_flops + self.lower.product_flops
        pivots = int((budget - self.flops) / (2 * _POLISHED * products * self.lower.rank))
        for position, end in enumerate(self.ends[:_POLISHED]):
            if pivots < 1:
                break
            z, value = polish_vertex(
                self.upper, self.lower, end.z, max_pivots=min(pivots, 5 * self.lower.rank)
            )
            if value > end.log_ratio:
                self.ends[position] = Ascent(z, value, (*end.history, value))
        self.ends.sort(key=lambda end: -end.log_ratio)


def search_extremes(
    sampled: HeldRows,
    full: HeldRows,
    p: float,
    pool: FloatArray,
    *,
    starts: int,
    budget: float,
    lowest_known: bool = False,
) -> tuple[_Direction, _Direction]:
    """Search the smallest N / D, unless it is known to be zero, and the largest."""
    log_ratio = pool_ratios(sampled, full, pool, p)
    lowest, highest = _Direction(full, sampled, p), _Direction(sampled, full, p)
    if not lowest_known:
        lowest.run(select(pool, -log_ratio, starts), budget / 2)
    highest.run(select(pool, log_ratio, starts), budget / 2)
    return lowest, highest


def ascent_tier(
    problem: Problem,
    *,
    starts: int,
    budget: float,
    reference: SampleLike | None = None,
    lewis: FloatArray | None = None,
    rank_lost: bool = False,
) -> TierResult:
    """Search both extremes; at least one ascent each, then as many as `budget` flops allow.

    If the sample has lost rank, the smallest ratio is zero and only the largest is searched.
    """
    sampled, whole = problem.held, problem.whole
    rows = _rows_to_explore(problem)
    stands_in = reference is not None or rows < problem.A.shape[0]
    if reference is not None:
        weights = np.asarray(reference.weights, dtype=np.float64)
        full = whole.hold(whole.take(np.asarray(reference.indices)), weights)
    else:
        full = draw_reference(whole, rows) if stands_in else whole.held
    with single_threaded_blas():  # thousands of small products: threads would wait for each other
        pool = start_pool(problem, sampled, full, lewis)
        directions = search_extremes(
            sampled,
            full,
            problem.p,
            pool,
            starts=starts,
            budget=budget,
            lowest_known=rank_lost,
        )
    candidates = [[end.z for end in direction.ends[:_POLISHED]] for direction in directions]
    found = [np.column_stack(ends) for ends in candidates if ends]
    if stands_in:
        found += improve(problem, full, candidates)
    Z = np.hstack(found)
    lowest, highest = directions
    return TierResult(
        "ascent",
        whole.lift(Z),
        details={
            "starts": len(lowest.ends) + len(highest.ends),
            "steps": lowest.steps + highest.steps,
            "flops": lowest.flops + highest.flops,
            "explored": "reference" if stands_in else "all rows",
            "explored_rows": len(full),
            "history_lower": tuple(-value for value in lowest.history),
            "history_upper": highest.history,
        },
    )


def _rows_to_explore(problem: Problem) -> int:
    """How many rows stand for D in the search; n if a stand-in would not save a third of them.

    Samples of about the same size get the same stand-in, so that it is read once for several.
    """
    n, m = problem.A.shape[0], problem.indices.size
    m = math.ceil(2.0 ** (math.ceil(2.0 * math.log2(m)) / 2.0))
    per_row = max(problem.whole.entries / n, 1.0) / (4.0 if problem.A.is_sparse else 1.0)
    wanted = max(_HELD_ALWAYS / per_row, float(_OVERSIZE * m))
    rows = min(wanted, max(HELD_AT_MOST / per_row, 4.0 * m))
    return n if rows > n / 1.5 else int(rows)


def _step_flops(upper: HeldRows, lower: HeldRows) -> float:
    products = 2.0 * (upper.product_flops + lower.product_flops)
    return lower.gram_flops + products + lower.rank**3 / 3.0
