"""Root leverage scores tau^(p/2): the cheapest upper bounds on lp sensitivities.

p <= 2: sigma_i <= tau_i^(p/2), sum at most n^(1-p/2) d^(p/2). p > 2: sigma_i <= min(1, n^(p/2-1)
tau_i^(p/2)), sum at most 2 n^(1-2/p) d (Yasuda, thesis 2024, chapter 8). Cost: leverage scores.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from .._errors import check_p
from .._result import FloatArray
from ..random import RNGLike
from ..tall import rows
from ._distributed import distributed, settled
from ._record import Scores
from .leverage import leverage_scores

__all__ = ["root_leverage_scores"]


def root_leverage_scores(
    A: Any,
    p: float,
    *,
    method: str = "auto",
    rcond: float | None = None,
    compute: bool = True,
    rng: RNGLike = None,
) -> Scores:
    """Root leverage score of every row: tau^(p/2), times n^(p/2-1) and at most 1 for p > 2.

    Parameters
    ----------
    A : array_like, scipy.sparse array, Dask or CuPy array, or TallMatrix, shape (n, d)
    p : float
        1 <= p < inf.
    method, rcond, compute, rng
        As in `leverage_scores`.

    Returns
    -------
    Scores
        Upper bounds on the lp sensitivities. ``diagnostics["sum"]`` is their sum.

    Raises
    ------
    ArgumentError
        If p is out of range, or for unusable input.

    Notes
    -----
    Passes, flops and memory are those of `leverage_scores`.

    Runs on a GPU: for a CuPy ``A`` the values are a CuPy array.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    >>> root_leverage_scores(A, 1).values.round(3)
    array([0.707, 0.707, 1.   ])
    """
    p = check_p(p)
    tall = distributed(A, compute=compute)
    leverage = leverage_scores(tall, method=method, rcond=rcond, compute=compute, rng=rng)
    values = rows.each(partial(_root, p, tall.shape[0]), rows.float64(leverage.values))
    values, found = settled(values, tall.dtype, compute=compute)
    if compute:
        found["leverage_sum"] = leverage.diagnostics["sum"]
    return dataclasses.replace(
        leverage,
        values=values,
        kind="root leverage",
        p=p,
        diagnostics=found,
    )


def _root(p: float, n: int, tau: FloatArray) -> FloatArray:
    scores: FloatArray
    if p <= 2.0:
        scores = tau ** (p / 2.0)
        return scores
    # In the logarithm: n^(p/2-1) overflows on its own.
    with np.errstate(divide="ignore"):
        logarithm = (p / 2.0 - 1.0) * np.log(n) + (p / 2.0) * np.log(tau)
    scores = np.exp(np.minimum(logarithm, 0.0))
    return scores
