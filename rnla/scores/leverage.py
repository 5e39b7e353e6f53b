"""Leverage scores tau_i = a_i^T (A^T A)^+ a_i: exact, of a dominant subspace, or sketched.

tau_i is the largest share of ||Ax||_2^2 that row i can have, and the squared norm of row i of any
orthonormal basis of the column space. Computed as ||a_i M||^2 on the original rows, with M from
`rnla.basis`: the rows of a computed orthonormal factor would carry rounding noise instead of small
scores. Cost: see the table of `leverage_scores`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .._errors import argument_error, check_positive, check_size
from .._result import FloatArray, Status
from ..basis import Basis, orthonormal_basis
from ..random import RNGLike, resolve_seed
from ..tall import TallMatrix, single_threaded_blas, within_range
from ._distributed import distributed, settled, squares
from ._record import Scores
from .sketched_leverage import default_sketch_size, sketched_leverage

__all__ = ["leverage_scores"]

_LARGEST_RIDGE = 1e250
_PATHS = {"auto": "auto", "exact": "stable", "gram": "gram"}


def leverage_scores(
    A: Any,
    *,
    method: str = "auto",
    ridge: float = 0.0,
    rank: int | None = None,
    rcond: float | None = None,
    sketch_size: int | None = None,
    projection: int | None = None,
    compute: bool = True,
    rng: RNGLike = None,
) -> Scores:
    """Leverage score of every row: how much of the column space hangs on it.

    Parameters
    ----------
    A : array_like, scipy.sparse array, Dask or CuPy array, or TallMatrix, shape (n, d)
        n at least d; float32, float64 or integer.
    method : {"auto", "exact", "gram", "sketch"}
        "auto" is accurate for every row and takes the fast Gram matrix only where that is safe;
        "exact" never takes it; "gram" prefers it even for small matrices; "sketch" approximates
        within a small factor. The table in Notes says what runs.
    ridge : float
        lambda >= 0 gives ridge leverage a_i^T (A^T A + lambda I)^-1 a_i; see
        `ridge_leverage_scores`.
    rank : int, optional
        Leverage with respect to the `rank` largest singular directions, the rows of U_k of the
        truncated SVD. Right for low-rank structure (principal components, column or row subset
        selection); with all directions counted, such scores flatten to about d / n. Leave it out
        for regression and subspace embedding, which need every direction. It depends on the
        scales of the columns; full-rank leverage does not.
    rcond : float, optional
        Columns whose pivot is below rcond times the largest, after scaling columns to equal size,
        count as dependent. Default eps (10 + sqrt(d)) with the eps of A's dtype, plus
        (d + sqrt(n)) times that of float64.
    sketch_size : int, optional
        Rows of the sketch of method "sketch". Default 5.6 (sqrt(d) + 3)^2.
    projection : int, optional
        Random directions onto which method "sketch" projects before it takes row norms; 0 for
        none. Default 14 log(1000 n), or none if that is not less than the rank.
    compute : bool
        False, for Dask input only: everything but the last pass, and `values` is a Dask array that
        runs it when it is asked for.
    rng : None, int, numpy.random.Generator or SeedSequence
        Seed of sketches. Exact scores depend on it by rounding only.

    Returns
    -------
    Scores
        `values` of shape (n,), float32 if A is float32; for Dask input a Dask array that stays on
        the workers until ``np.asarray(scores)``, for CuPy input a CuPy array. They are raw: their
        sum, which exact arithmetic makes equal to the rank (the effective dimension with a ridge),
        is in ``diagnostics["sum"]`` (not with ``compute=False``).

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable input, NaN or infinite entries.

    See Also
    --------
    ridge_leverage_scores, root_leverage_scores

    Notes
    -----
    ===========  =========================================  ===============  ==================
    method       condition                                  path             passes, flops
    ===========  =========================================  ===============  ==================
    auto, exact  n d <= 65536 or n <= 4 d                   householder      3, 6 n d^2
    auto, gram   eps d / lambda_min(G) <= 1e-10             gram             2, 3 n d^2
    auto, gram   eps d / lambda_min(G) <= 1e-3              cholesky_qr2     3, 6 n d^2
    these three  otherwise, also rank-deficient             sketch           4, (16 + 6 d) n d
    sketch       sketch_size < n                            sketched         3, (16 + 2 d) n d
    sketch       otherwise, or with `rank`                  as exact
    ===========  =========================================  ===============  ==================

    G is the Gram matrix of the columns scaled to equal norm; the first pass looks for scales, NaN
    and infinities, and computes G if the method may want it (a pass of its own for CSR). For a CSR
    matrix read nnz for n d, and nnz_i^2 for d^2 in the gram path (in the others too if rows are so
    sparse that this is less). Memory beyond the input is one or two n-vectors, O(d^2) and a block
    per thread; no n x d array is formed. On Dask n-vectors are cut like A and stay where its chunks
    are, and d x d matrices travel.

    Every score has a small relative error, about 1e-10 or better, whatever the sizes of the rows
    and columns and whatever the condition number: if rounding times ``result.condition`` exceeds
    1e-10, products with the rows are formed in extended precision, at up to three times the cost
    of a pass. Scores of an ill-conditioned matrix react to changes of its entries all the same:
    they are as uncertain as eps times the condition number if the data are only rounded.

    The method "sketch" is that of Drineas, Magdon-Ismail, Mahoney and Woodruff (JMLR 2012) and
    Clarkson and Woodruff (STOC 2013) with a sparse sign embedding. With the default sizes no
    score should leave [0.3, 3] times its exact value in 99 of 100 runs. Sample three times as many
    rows by such scores to be on the safe side.

    Runs on a GPU: for a CuPy ``A`` the values are a CuPy array.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    >>> scores = leverage_scores(A)
    >>> scores.values.round(12)
    array([0.5, 0.5, 1. ])
    >>> scores.rank, scores.path
    (2, 'householder')
    """
    tall = distributed(A, compute=compute)
    if method not in (*_PATHS, "sketch"):
        methods = ", ".join([*_PATHS, "sketch"])
        raise argument_error("method", repr(method), f"one of {methods}", "Pass method='auto'.")
    ridge = check_positive(ridge, "ridge", allow_zero=True)
    if rank is not None:
        rank = check_size(rank, tall.shape[1], name="rank")
        if ridge > 0:
            remedy = "Pass one of them."
            raise argument_error("rank", rank, "no rank together with a ridge", remedy)
    if rcond is not None:
        rcond = check_positive(rcond, "rcond", allow_zero=True)
    if sketch_size is None:
        sketch_size = default_sketch_size(tall.shape[1])
    sketch_size = check_size(sketch_size, name="sketch_size")
    if projection:
        projection = check_size(projection, name="projection")
    before, seed = tall.passes, resolve_seed(rng)
    kind = "ridge leverage" if ridge else "leverage"
    # A ridge and the choice of a dominant subspace compare columns with one another.
    together = ridge > 0 or rank is not None
    tall, units = within_range(tall, together=together, with_gram=method in ("auto", "gram"))
    if ridge and units is not None:
        ridge = _ridge_in_units(ridge, units)

    if method == "sketch" and rank is None and sketch_size < tall.shape[0]:
        sketched = sketched_leverage(
            tall,
            ridge=ridge,
            rcond=rcond,
            sketch_size=sketch_size,
            projection=projection,
            seed=seed,
            kind=kind,
            compute=compute,
        )
        return dataclasses.replace(sketched, passes=tall.passes - before)
    path = _PATHS.get(method, "stable")
    basis = orthonormal_basis(tall, rcond=rcond, ridge=ridge, path=path, seed=seed)
    status = basis.status
    if method == "sketch" and status is Status.OK:
        status = Status.EXACT
    kept, gap = basis.rank, basis.gap
    last = tall if compute else tall.deferred()
    if rank is not None and rank < basis.rank:
        kept = rank
        values, gap = _dominant(last, basis, rank)
        if status is Status.RANK_DEFICIENT:
            status = Status.OK
    else:
        values = basis.leverage(last)
    values, found = settled(values, tall.dtype, compute=compute)
    return Scores(
        values=values,
        kind=kind,
        p=2.0,
        rank=kept,
        condition=basis.condition,
        gap=gap,
        path=basis.path,
        passes=tall.passes - before,
        seed=seed,
        status=status,
        diagnostics=found,
    )


def _ridge_in_units(ridge: float, units: FloatArray) -> float:
    """The ridge that suits A times units[0]; zero if it is too small to matter."""
    with np.errstate(over="ignore", under="ignore"):
        scaled = float(ridge * units[0] * units[0])
    if scaled > _LARGEST_RIDGE:
        raise argument_error(
            "ridge",
            f"{ridge:g}, above {_LARGEST_RIDGE:g} times the squares of the entries of A",
            "a ridge comparable to the squared singular values of A",
            "Rescale A by a power of two.",
        )
    return scaled


def _dominant(A: TallMatrix, basis: Basis, k: int) -> tuple[Any, float]:
    """Squared row norms of U_k = A V_k / sigma, and sigma_k / sigma_(k+1), from the SVD of R."""
    with single_threaded_blas():
        _, singular, V = np.linalg.svd(basis.R, full_matrices=False)
    gap = float(singular[k - 1] / singular[k]) if singular[k] > 0 else np.inf
    return squares(A.row_norms(V[:k].T / singular[:k])), gap
