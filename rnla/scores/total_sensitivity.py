"""Total sensitivity S_p(A) = sum of all sigma_i from a few convex programs.

Rows are drawn with probability proportional to g_i, the geometric mean of the bounds that Lewis
weights and leverage scores give, and sigma_i sum(g) / g_i is averaged. Padmanabhan, Woodruff and
Zhang (NeurIPS 2023) draw by Lewis weights; where no bound is cut at 1 the two agree. The terms stay
within a factor r^|p/2-1| of each other, and on most matrices they hardly vary. Cost: Lewis weights,
then `solves` programs, on a sample of A if A has more than 50,000 rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import check_p, check_size
from .._result import Status
from ..random import RNGLike, Stream, resolve_seed
from ..tall import as_tall, within_range
from ._sensitivity_reference import reference, reference_size
from ._sensitivity_rows import count_distinct, dense_rows, distinct_rows
from .sensitivity_bounds import screen

__all__ = ["TotalSensitivity", "total_sensitivity"]

_TOL = 1e-3
_ROWS_IN_FULL = 50_000
_OVERSIZE = 16  # times the constant-factor size, for a distortion of about 1/8


@dataclass(frozen=True)
class TotalSensitivity:
    """Estimate of the total l_p sensitivity; ``float(total)`` gives `value`.

    Attributes
    ----------
    value : float
        The estimate, inside [lower, upper].
    standard_error : float
        Of `value`, from the spread of the terms; 0 if every row was solved or p = 2. It leaves out
        the distortion of the sample that replaces A above 50,000 rows.
    lower, upper : float
        Proven bounds: sums of the bounds of all rows.
    p : float
    rank, solves, passes, seed : int
    status : Status
        OK, EXACT if every row was solved, or what was found about the rank.
    """

    value: float
    standard_error: float
    lower: float
    upper: float
    p: float
    rank: int
    solves: int
    passes: int
    seed: int
    status: Status

    def __float__(self) -> float:
        return self.value


def total_sensitivity(
    A: Any, p: float, *, solves: int = 30, rng: RNGLike = None
) -> TotalSensitivity:
    """Estimate the sum of all l_p sensitivities from at most `solves` convex programs.

    Parameters
    ----------
    A : array_like, sparse array or TallMatrix, shape (n, d)
    p : float
        1 <= p < inf.
    solves : int
        Rows to draw; with as many as there are distinct rows the sum is exact.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence

    Returns
    -------
    TotalSensitivity

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable input.

    Notes
    -----
    Ten or so Lewis iterations, 2 passes each, and `solves` programs of 5 to 20 iterations of n d^2
    flops. For relative accuracy g about r^|1-p/2| / g^2 solves are enough in general. The total
    lies between r^(p/2) and r, in either order, r the rank.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> A = np.vstack([np.eye(3), -np.eye(3)])
    >>> round(float(rnla.total_sensitivity(A, 1, rng=0)), 6)
    3.0
    """
    p = check_p(p)
    solves = check_size(solves, name="solves")
    tall = as_tall(A).gathered()
    before, seed = tall.passes, resolve_seed(rng)
    tall, _ = within_range(tall)
    known = screen(tall, p, seed=seed)
    lower, upper = float(np.sum(known.lower)), float(np.sum(known.upper))
    rows = np.flatnonzero(known.upper > 0.0)
    value, error, used, status = 0.5 * (lower + upper), 0.0, 0, known.status
    if p != 2.0 and rows.size:
        everything = count_distinct(tall, rows, solves + 1) <= solves
        if everything:
            first, group = distinct_rows(tall, rows)
            chosen, counts = first, np.bincount(group).astype(np.float64)
        else:
            guess = np.sqrt(known.lower * known.upper)
            cumulative = np.cumsum(guess)
            u = Stream(seed, "total sensitivity").uniform(range(solves)) * cumulative[-1]
            drawn = np.minimum(np.searchsorted(cumulative, u, side="right"), rows[-1])
            chosen, repeats = np.unique(drawn, return_counts=True)
            counts = repeats.astype(np.float64)
        size = tall.shape[0]
        if size > _ROWS_IN_FULL:
            size = min(size, _OVERSIZE * reference_size(p, known.rank))
        against = reference(tall, p, known, size=size, seed=seed)
        found = against.problem.minimise_many(
            dense_rows(tall, chosen), weights=against.form, tol=_TOL if not everything else 1e-10
        )
        sigma = np.minimum(np.sqrt(found.norm * found.norm_lower) ** -p, 1.0)
        sigma = np.clip(sigma, known.lower[chosen], known.upper[chosen])
        used = len(chosen)
        if everything:
            value = float(counts @ sigma)
            status = Status.EXACT if status is Status.OK else status
        else:
            terms = np.repeat(sigma / guess[chosen], counts.astype(int)) * cumulative[-1]
            value = float(np.clip(np.mean(terms), lower, upper))
            error = float(np.std(terms, ddof=1) / np.sqrt(len(terms))) if len(terms) > 1 else upper
    return TotalSensitivity(
        value=value,
        standard_error=error,
        lower=lower,
        upper=upper,
        p=p,
        rank=known.rank,
        solves=used,
        passes=tall.passes - before,
        seed=seed,
        status=status,
    )
