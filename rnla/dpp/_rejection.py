"""Accept/reject draws of a projection DPP, in blocks of proposals (Barthelme, Tremblay and Amblard,
arXiv 2210.17358; the sequential conditionals are those of Hough, Krishnapur, Peres and Virag 2006).

A proposal i ~ tau_i / r is accepted with probability rho_i / tau_i, rho_i = ||(I - Q Q^T) u_i||^2
the squared distance of u_i from the features accepted so far, until r rows are accepted. The mean
number of proposals is r (1 + 1/2 + ... + 1/r). A block of proposals is orthogonalised by matrix
products, then scanned in order, so the law is that of one proposal at a time. Cost: about
2 r^3 log r flops for the squared distances, 3 r^3 for the residuals, and r log r rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._errors import ConvergenceError
from .._result import FloatArray, IntArray
from ._selection import NEGLIGIBLE, Selection, squares

__all__ = ["Proposals", "accept", "cap_message"]

_TOGETHER = 16  # acceptances that a block is made for
_LOSS = 1e-2  # share of a squared length below which rounding needs another pass


@dataclass(frozen=True, eq=False)
class Proposals:
    """Consecutive proposals: rows, their features, envelope and uniform test points."""

    rows: IntArray
    features: FloatArray
    envelope: FloatArray
    points: FloatArray


def accept(
    propose: Callable[[int, int], Proposals], r: int, *, cap: int, first: int = 0
) -> tuple[IntArray, int, Selection]:
    """Rows accepted in order, the proposals they took, and the basis of their features.

    Parameters
    ----------
    propose : callable
        ``propose(start, count)`` gives proposals start, start + 1, ...
    r : int
        Number of rows wanted, the dimension of the features.
    cap : int
        Most proposals between two acceptances.
    first : int
        Size of the first batch asked for; 0 for a size that is usually enough.

    Raises
    ------
    ConvergenceError
        If the cap is reached: its `result` holds the rows accepted so far.
    """
    chosen = np.empty(r, dtype=np.int64)
    start, since = 0, 0
    batch = propose(0, first or r)
    kept = Selection(r, batch.features.dtype)
    position = 0
    while True:
        width = min(max(32, _TOGETHER * r // (r - kept.size)), 4096, batch.rows.size - position)
        if width == 0:
            start += batch.rows.size
            batch = propose(start, max(32, 2 * r))
            position = 0
            continue
        stop = position + width
        U = batch.features[position:stop]
        thresholds = batch.points[position:stop] * batch.envelope[position:stop]
        # What is left of each length: off by rounding of the length, which decides nothing.
        coordinates = kept.coordinates(U)
        rho = squares(U) - squares(coordinates)
        likely = (thresholds < rho).nonzero()[0]
        rest = kept.residuals(U[likely], coordinates[likely])
        before, done = kept.size, 0
        for k, row in enumerate(likely.tolist()):
            # What was accepted in this block may have taken too much of the candidate.
            if thresholds[row] >= rho[row]:
                continue
            since += row - done
            done = row + 1
            since += 1
            if since > cap:
                break
            # The candidate is tested on a residual of its own: down-dating leaves no trace.
            exact = kept.residuals(rest[k], first=before)
            square = float(np.vdot(exact, exact).real)
            if square < _LOSS * float(np.vdot(rest[k], rest[k]).real):
                # What is left is small beside what the first pass left: again from the start.
                exact = kept.residuals(U[row])
                square = float(np.vdot(exact, exact).real)
            envelope = batch.envelope[position + row]
            if thresholds[row] >= square or square <= NEGLIGIBLE * envelope:
                continue
            chosen[kept.size] = batch.rows[position + row]
            v = kept.append(exact)
            since = 0
            if kept.size == r:
                return chosen, start + position + done, kept
            rho[done:] -= squares(U[done:] @ v.conj())
        since += width - done
        if since > cap:
            raise ConvergenceError(cap_message(cap, kept.size, r), result=chosen[: kept.size])
        position = stop


def cap_message(cap: int, size: int, r: int) -> str:
    """What to say when the cap is reached."""
    return (
        f"cap: got {cap}, and more proposals in a row were rejected after {size} of {r} points, "
        f"features so far being of numerical rank {size}; expected a point within them. "
        "Raise cap, or check that the features are independent and orthonormal."
    )
