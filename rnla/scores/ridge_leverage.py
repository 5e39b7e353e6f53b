"""Ridge leverage scores a_i^T (A^T A + lambda I)^-1 a_i, with lambda given or chosen for rank k.

With lambda_k = ||A - A_k||_F^2 / k the scores sum to at most 2 k and dominate, up to a constant,
the rank-k subspace sensitivities (Cohen, Musco, Musco, SODA 2017). The tail ||A - A_k||_F comes
from the d x d factor of an orthonormal basis, exactly. Cost: as leverage scores.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.linalg

from .._errors import argument_error, check_positive, check_size
from .._result import FloatArray, Status
from ..basis import Basis, orthonormal_basis
from ..random import RNGLike, resolve_seed
from ..tall import single_threaded_blas, within_range
from ._distributed import distributed, settled, squares
from ._record import Scores
from .leverage import leverage_scores

__all__ = ["ridge_leverage_scores"]


def ridge_leverage_scores(
    A: Any,
    *,
    ridge: float | None = None,
    k: int | None = None,
    method: str = "auto",
    rcond: float | None = None,
    compute: bool = True,
    rng: RNGLike = None,
) -> Scores:
    """Ridge leverage score of every row, for a given ridge or for a target rank.

    Parameters
    ----------
    A : array_like, scipy.sparse array, Dask or CuPy array, or TallMatrix, shape (n, d)
    ridge : float, optional
        lambda > 0. Give either this or `k`.
    k : int, optional
        Target rank: lambda = ||A - A_k||_F^2 / k, with A_k the best rank-k approximation.
    method : {"auto", "exact", "gram", "sketch"}
        As in `leverage_scores`. With `k` the singular values need an exact basis, so "sketch" is
        for a given `ridge` only.
    rcond : float, optional
    compute : bool
        As in `leverage_scores`.
    rng : None, int, numpy.random.Generator or SeedSequence
        Seed of sketches.

    Returns
    -------
    Scores
        ``diagnostics`` holds "ridge" and "sum", the effective dimension sum of
        sigma_j^2 / (sigma_j^2 + lambda), which is at most 2 k when `k` is given.

    Raises
    ------
    ArgumentError
        If not exactly one of `ridge` and `k` is given, or one is out of range.

    Notes
    -----
    Ridge leverage depends on the scales of the columns; put them on a common scale first. If the
    rank of A is at most `k`, lambda is 0 and the scores are plain leverage scores. Passes, flops
    and memory are those of `leverage_scores` plus O(d^3).

    Runs on a GPU: for a CuPy ``A`` the values are a CuPy array.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.vstack([10.0 * np.eye(2), np.ones((2, 2))])
    >>> ridge_leverage_scores(A, ridge=100.0).values.round(3)
    array([0.495, 0.495, 0.01 , 0.01 ])
    >>> ridge_leverage_scores(A, k=1).diagnostics["ridge"]
    100.0
    """
    if (ridge is None) == (k is None):
        got = "both ridge and k" if k is not None else "neither ridge nor k"
        remedy = "Pass k=10 to let the spectrum choose the ridge."
        raise argument_error("ridge", got, "exactly one of ridge and k", remedy)
    tall = distributed(A, compute=compute)
    before, seed = tall.passes, resolve_seed(rng)
    if ridge is not None:
        ridge = check_positive(ridge, "ridge")
        scores = leverage_scores(
            tall, method=method, ridge=ridge, rcond=rcond, compute=compute, rng=seed
        )
        return _with_ridge(scores, ridge, tall.passes - before)
    k = check_size(k, tall.shape[1], name="k")
    if method not in ("auto", "exact", "gram"):
        raise argument_error("method", repr(method), "auto, exact or gram with k", "Pass ridge=.")
    path = "stable" if method == "exact" else method
    tall, units = within_range(tall, together=True)
    basis = orthonormal_basis(tall, rcond=rcond, path=path, seed=seed)
    with single_threaded_blas():
        singular = np.linalg.svd(basis.R, compute_uv=False)
        tail = float(np.sum(singular[k:] ** 2)) / k
        M = basis.M if tail == 0.0 else _ridged(basis, tail)
    last = tall if compute else tall.deferred()
    values, found = settled(squares(last.row_norms(M)), tall.dtype, compute=compute)
    scores = Scores(
        values=values,
        kind="ridge leverage",
        p=2.0,
        rank=basis.rank,
        condition=basis.condition,
        gap=basis.gap,
        path=basis.path,
        passes=tall.passes - before,
        seed=seed,
        status=Status.OK if tail > 0 else basis.status,
        diagnostics=found,
    )
    if units is not None:
        with np.errstate(over="ignore", under="ignore"):
            tail = float(np.float64(tail) / units[0] / units[0])
    return _with_ridge(scores, tail, tall.passes - before)


def _ridged(basis: Basis, ridge: float) -> FloatArray:
    """M with M^T (A^T A + ridge I) M = I from A = Q R: the triangle of [R; sqrt(ridge) I]."""
    stack = np.vstack([basis.R, np.sqrt(ridge) * np.eye(basis.R.shape[1])])
    norm = np.sqrt(np.einsum("ij,ij->j", stack, stack))
    T = np.linalg.qr(stack / norm, mode="r")
    inverse: FloatArray = scipy.linalg.solve_triangular(T, np.eye(len(T))) / norm[:, None]
    return inverse


def _with_ridge(scores: Scores, ridge: float, passes: int) -> Scores:
    return dataclasses.replace(
        scores,
        kind="ridge leverage",
        passes=passes,
        diagnostics={**scores.diagnostics, "ridge": ridge},
    )
