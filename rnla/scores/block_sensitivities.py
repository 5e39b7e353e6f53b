"""Upper bounds for whole blocks of rows from random signs (Padmanabhan, Woodruff, Zhang 2023).

For a block B of alpha rows and signs xi, est = sup_x |xi^T A_B x|^p / ||A x||_p^p is one convex
program. Take the x that attains sigma_i: the other rows' sum has the sign of xi_i a_i x or the
opposite one, each with probability 1/2, so |xi^T A_B x| >= |a_i x| at least half the time. With k
independent xi the largest est is below sigma_i with probability at most 2^-k, and every row of the
block gets it. On the other side est <= alpha^(p-1) sum_B sigma_j. Cost: k n / alpha programs.
"""

from __future__ import annotations

import numpy as np

from .._result import FloatArray, IntArray
from ..random import Stream
from ..tall import TallMatrix
from ._sensitivity_reference import Reference
from ._sensitivity_rows import dense_rows, in_memory
from .exact_sensitivities import Intervals
from .sensitivity_bounds import Screen

__all__ = ["block_sensitivities"]

_TOL = 0.02  # the dual bound is used, so a loose program only raises the estimate
_GROUP = 256


def block_sensitivities(
    A: TallMatrix,
    p: float,
    known: Screen,
    against: Reference,
    *,
    block_size: int,
    signs: int,
    seed: int,
) -> Intervals:
    """Raise nothing above the known upper bounds; lower bounds stay as they are."""
    rows = np.flatnonzero(known.upper > 0.0)
    order = rows[np.argsort(Stream(seed, "sensitivity blocks").uniform(rows), kind="stable")]
    blocks = np.array_split(order, max(1, -(-len(order) // block_size))) if len(order) else []
    sums = _signed_sums(in_memory(A), blocks, signs, seed)
    nonzero = np.flatnonzero(np.any(sums != 0.0, axis=1))
    estimate = np.zeros(len(sums))
    for start in range(0, len(nonzero), _GROUP):
        part = nonzero[start : start + _GROUP]
        found = against.problem.minimise_many(sums[part], weights=against.form, tol=_TOL)
        with np.errstate(over="ignore", divide="ignore"):
            estimate[part] = found.norm_lower**-p
    upper = known.upper.copy()
    for number, block in enumerate(blocks):
        largest = float(np.max(estimate[number * signs : (number + 1) * signs]))
        upper[block] = np.maximum(np.minimum(upper[block], largest), known.lower[block])
    return Intervals(known.lower.copy(), upper, len(nonzero), True)


def _signed_sums(A: TallMatrix, blocks: list[IntArray], signs: int, seed: int) -> FloatArray:
    """xi^T A_B for every block and every draw of signs, shape (blocks * signs, d)."""
    stream = Stream(seed, "sensitivity signs")
    sums = np.empty((len(blocks) * signs, A.shape[1]))
    for number, block in enumerate(blocks):
        members = dense_rows(A, block)
        xi = np.array([stream.signs(block, draw=k) for k in range(signs)])
        sums[number * signs : (number + 1) * signs] = xi @ members
    return sums
