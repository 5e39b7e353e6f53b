"""Root leverage scores tau^(p/2): the cheapest upper bounds on lp sensitivities.

p <= 2: sigma_i <= tau_i^(p/2), sum at most n^(1-p/2) d^(p/2). p > 2: sigma_i <= min(1, n^(p/2-1)
tau_i^(p/2)), sum at most 2 n^(1-2/p) d (Yasuda, thesis 2024, chapter 8). Cost: leverage scores.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .._errors import check_p
from ..random import RNGLike
from ..tall import as_tall
from ._record import Scores
from .leverage import leverage_scores

__all__ = ["root_leverage_scores"]


def root_leverage_scores(
    A: Any,
    p: float,
    *,
    method: str = "auto",
    rcond: float | None = None,
    rng: RNGLike = None,
) -> Scores:
    """Root leverage score of every row: tau^(p/2), times n^(p/2-1) and at most 1 for p > 2.

    Parameters
    ----------
    A : array_like, scipy.sparse array or TallMatrix, shape (n, d)
    p : float
        1 <= p < inf.
    method, rcond, rng
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

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    >>> root_leverage_scores(A, 1).values.round(3)
    array([0.707, 0.707, 1.   ])
    """
    p = check_p(p)
    tall = as_tall(A)
    leverage = leverage_scores(tall, method=method, rcond=rcond, rng=rng)
    tau = leverage.values.astype(np.float64)
    if p <= 2.0:
        values = tau ** (p / 2.0)
    else:  # in the logarithm: n^(p/2-1) overflows on its own
        with np.errstate(divide="ignore"):
            logarithm = (p / 2.0 - 1.0) * np.log(tall.shape[0]) + (p / 2.0) * np.log(tau)
        values = np.exp(np.minimum(logarithm, 0.0))
    return dataclasses.replace(
        leverage,
        values=values.astype(tall.dtype, copy=False),
        kind="root leverage",
        p=p,
        diagnostics={"sum": float(values.sum()), "leverage_sum": leverage.diagnostics["sum"]},
    )
