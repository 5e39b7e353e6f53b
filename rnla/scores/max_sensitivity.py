"""Largest l_p sensitivity, with the row and the vector that attain it, from a few convex programs.

Rows are taken in falling order of their upper bounds (Lewis weights and leverage scores, then the
multiplier of the Lewis quadratic), so the search may stop as soon as the next upper bound is below
the best value found: the maximum is then exact. Stopped early it is an interval. Already the first
program is within r^|1-p/2| of the maximum, because every upper bound is within that factor of the
sensitivity (Chen and Derezinski, COLT 2021, for p <= 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import check_p, check_size
from .._result import FloatArray, Status
from ..constrained import ConstrainedProblem
from ..random import RNGLike, resolve_seed
from ..tall import as_tall, within_range
from ._sensitivity_rows import dense_rows, distinct_rows, in_memory
from .sensitivity_bounds import screen

__all__ = ["MaxSensitivity", "max_sensitivity"]

_CANDIDATES = 2_000  # rows whose bounds are sharpened by the Lewis quadratic
_GROUP = 16
_TOL = 1e-8


@dataclass(frozen=True, eq=False)
class MaxSensitivity:
    """Largest l_p sensitivity; ``float(largest)`` gives `value`.

    Attributes
    ----------
    value : float
        The upper end: no row has a larger sensitivity.
    lower, upper : float
        Proven bounds on the maximum; equal to about 1e-8 if the search was completed.
    row : int
        The row with the largest lower bound; -1 if all rows are zero.
    x : ndarray, shape (d,)
        |a_row x|^p / ||A x||_p^p = lower. Zero if all rows are.
    p : float
    rank, solves, passes, seed : int
    status : Status
        OK, NOT_CONVERGED if `solves` ran out first, or what was found about the rank.
    """

    value: float
    lower: float
    upper: float
    row: int
    x: FloatArray
    p: float
    rank: int
    solves: int
    passes: int
    seed: int
    status: Status

    def __float__(self) -> float:
        return self.value


def max_sensitivity(A: Any, p: float, *, solves: int = 100, rng: RNGLike = None) -> MaxSensitivity:
    """Find the largest l_p sensitivity with at most `solves` convex programs.

    Parameters
    ----------
    A : array_like, sparse array or TallMatrix, shape (n, d)
    p : float
        1 <= p < inf.
    solves : int
        Most programs. Matrices whose rows are all alike need one for each distinct row.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence

    Returns
    -------
    MaxSensitivity

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable input.

    Notes
    -----
    Ten or so Lewis iterations, 2 passes each; then 4 n d flops for each of at most 2,000 candidates
    and 5 to 20 iterations of n d^2 flops for each program. A is held in memory.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> A = np.vstack([np.ones((9, 1)), [[3.0]]])
    >>> found = rnla.max_sensitivity(A, 1)
    >>> found.row, round(found.value, 6)
    (9, 0.25)
    """
    p = check_p(p)
    solves = check_size(solves, name="solves")
    tall = as_tall(A).gathered()
    before, seed = tall.passes, resolve_seed(rng)
    tall, _ = within_range(tall)
    known = screen(tall, p, seed=seed)
    best, row, x, used = 0.0, -1, np.zeros(tall.shape[1]), 0
    upper = float(np.max(known.upper))
    if upper > 0.0:
        held = in_memory(tall)
        problem = ConstrainedProblem(held, p, rank=known.rank)
        form = known.form(p)
        rows = np.flatnonzero(known.upper >= np.max(known.lower))
        rows = rows[np.argsort(-known.upper[rows], kind="stable")]
        rest = float(known.upper[rows[_CANDIDATES]]) if len(rows) > _CANDIDATES else 0.0
        first, _ = distinct_rows(held, rows[:_CANDIDATES])
        quick = problem.minimise_many(dense_rows(held, first), weights=form, quick=True)
        high = np.minimum(known.upper[first], _powers(quick.norm_lower, p))
        order = np.argsort(-high, kind="stable")
        row, x = int(first[np.argmin(quick.norm)]), quick.x[np.argmin(quick.norm)]
        best = float(np.max(_powers(quick.norm, p)))
        upper = 0.0  # over the rows solved
        while used < min(solves, len(order)) and high[order[used]] > best * (1.0 + _TOL):
            part = order[used : min(used + _GROUP, solves)]
            found = problem.minimise_many(dense_rows(held, first[part]), weights=form, tol=_TOL)
            used += len(part)
            upper = max(upper, float(np.max(_powers(found.norm_lower, p))))
            winner = int(np.argmin(found.norm))
            if _powers(found.norm, p)[winner] > best:
                best, row = float(_powers(found.norm, p)[winner]), int(first[part[winner]])
                x = found.x[winner]
        unsolved = float(high[order[used]]) if used < len(order) else 0.0
        upper = min(1.0, max(upper, unsolved, rest, best))
    complete = upper <= best * (1.0 + 10.0 * _TOL)
    return MaxSensitivity(
        value=upper,
        lower=best,
        upper=upper,
        row=row,
        x=x,
        p=p,
        rank=known.rank,
        solves=used,
        passes=tall.passes - before,
        seed=seed,
        status=known.status if complete else Status.NOT_CONVERGED,
    )


def _powers(norm: FloatArray, p: float) -> FloatArray:
    with np.errstate(over="ignore", divide="ignore"):
        result: FloatArray = np.minimum(norm**-p, 1.0)
    return result
