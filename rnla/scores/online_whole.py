"""Online scores of a whole matrix, rows in their given order: `OnlineScores` fed with all of it.

Online leverage (Cohen, Musco, Pachocki, APPROX 2016) and online Lewis weights (Yasuda, PhD thesis,
CMU-CS-24-110, Definition 6.6.1); see online.py. One pass and about 4 n d^2 flops.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._result import Status
from ..tall import as_tall
from ._record import Scores
from .online import OnlineScores

__all__ = ["online_scores"]


def online_scores(A: Any, p: float = 2.0, *, ridge: float = 0.0) -> Scores:
    """Online leverage scores (p = 2) or online lp Lewis weights, rows in their given order.

    Parameters
    ----------
    A : array_like, sparse matrix or TallMatrix, shape (n, d)
        Real, any n. Sparse rows are expanded chunk by chunk. Not modified.
    p : float, default 2
        The norm, 1 <= p < inf.
    ridge : float, default 0
        See `OnlineScores`.

    Returns
    -------
    Scores
        ``np.asarray(result)`` is the n-vector. Row i depends on rows 0 ... i only.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN or infinite entries, or a matrix that `as_tall` refuses.

    Notes
    -----
    One pass, and one before it that looks for NaN; about 4 n d^2 flops, one thread, O(d^2) memory.
    For p <= 2 the scores are at least the offline ones; they sum to O(d log kappa) where those sum
    to the rank, which is the price of deciding at once.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    References
    ----------
    Cohen, Musco and Pachocki, *Online row sampling*, APPROX 2016. Yasuda, PhD thesis,
    CMU-CS-24-110, 2024, section 6.6.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.scores import leverage_scores, online_scores
    >>> A = np.random.default_rng(0).standard_normal((1000, 5))
    >>> online, offline = np.asarray(online_scores(A)), np.asarray(leverage_scores(A))
    >>> bool((online >= offline).all()), round(float(offline.sum())), round(float(online.sum()))
    (True, 5, 38)
    """
    tall = as_tall(A, require_tall=False)
    before = tall.passes
    n, d = tall.shape
    state = OnlineScores(p, d, ridge=ridge)
    tall.scan()
    values = state._append(tall, np.zeros(n, dtype=np.int64))
    return Scores(
        values=values.astype(tall.dtype, copy=False),
        kind="online leverage" if state.p == 2.0 else "online lewis",
        p=state.p,
        rank=state.rank,
        condition=state._condition(),
        gap=np.inf,
        path="qr_append",
        passes=tall.passes - before,
        seed=0,
        status=Status.OK if state.rank == d else Status.RANK_DEFICIENT,
        diagnostics={"sum": state.total},
    )
