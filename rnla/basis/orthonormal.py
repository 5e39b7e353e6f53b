"""`orthonormal_basis`: picks the cheapest algorithm that keeps every row accurate."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .._errors import argument_error, check_positive, check_size
from ..tall import TallMatrix, single_threaded_blas
from ._factor import Factor, condition, default_rcond, pivoted, rank_status
from ._operand import Operand
from ._record import Basis
from .gram import cholesky_qr2, gram, is_accurate
from .householder import householder
from .sketched import preconditioned, sketched

__all__ = ["orthonormal_basis", "sketched_preconditioner"]

PATHS = ("auto", "stable", "gram", "householder", "sketch")

_SMALL = 2**16  # entries: one row block, so a dense copy is no more than any pass uses


def orthonormal_basis(
    A: TallMatrix,
    *,
    row_scale: Any = None,
    start: Basis | None = None,
    rank: int | None = None,
    rcond: float | None = None,
    ridge: float = 0.0,
    path: str = "auto",
    seed: int = 0,
) -> Basis:
    """Coefficients M that make diag(row_scale) A M orthonormal, and the rank decision behind them.

    Parameters
    ----------
    A : TallMatrix, shape (n, d)
    row_scale : row vector, shape (n,), optional
        Nonnegative factors of the rows.
    start : Basis, optional
        Basis of the same matrix with other row scales: it preconditions, and its rank and pivots
        are kept, so that a reweighting iteration decides them once.
    rank : int, optional
        Number of pivots to keep, instead of deciding by `rcond`. No more than have a nonzero pivot.
    rcond : float, optional
        Pivots below rcond times the first are dropped; default eps (10 + sqrt(d)) with the eps of
        the data's dtype, plus (d + sqrt(n)) times that of float64.
    ridge : float
        Appends sqrt(ridge) times the identity to the rows; they take part in orthonormality.
    path : {"auto", "stable", "gram", "householder", "sketch"}
        "auto" follows the table in Notes, "stable" leaves out its two Gram lines and "gram" its
        first line; the others force their algorithm.
    seed : int
        Seed of the sketch.

    Returns
    -------
    Basis

    Notes
    -----
    Decision table of ``path="auto"``, after scaling columns by powers of two:

    ====================================================  ================  ==================
    when                                                  path              passes, flops
    ====================================================  ================  ==================
    n d at most 65536, or n at most 4 d (not on a GPU)    householder       1, 4 n d^2
    estimated error eps d / lambda_min(G) below 1e-10     gram              1, n d^2
    the same below 1e-3                                   cholesky_qr2      2, 4 n d^2
    otherwise: ill-conditioned or rank-deficient          sketch            3, (8 + 4 d) n d
    ====================================================  ================  ==================

    G is the Gram matrix of the columns at equal norm. If rounding times the condition number would
    exceed 1e-10, the last step runs on products in extended precision (`Basis.low`), three times
    the work of that step; then A (M + low) is orthonormal to 1e-10 and better. One scan comes
    first unless A has been scanned. Temporary memory is O(d^2) and a block per thread. With
    `start` the first that applies of "householder", "gram" (if `start` came from it) and
    "preconditioned" (1 pass, working precision) runs.

    Rounding is relative to the largest row, as in any QR factorisation with a rank decision: a
    direction in which no row exceeds `rcond` times the largest counts as dependent.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> A = np.vander(np.linspace(-1.0, 1.0, 50), 4)
    >>> basis = orthonormal_basis(rnla.as_tall(A))
    >>> Q = A @ basis.M
    >>> bool(np.allclose(Q.T @ Q, np.eye(4))), basis.rank, basis.path
    (True, 4, 'householder')
    """
    n, d = A.shape
    if path not in PATHS:
        raise argument_error("path", repr(path), f"one of {', '.join(PATHS)}", "Pass path='auto'.")
    if rank is not None:
        rank = check_size(rank, d, name="rank")
    rcond = _rcond(A, rcond)
    ridge = check_positive(ridge, "ridge", allow_zero=True)
    if row_scale is not None and np.shape(row_scale) != (n,):
        raise argument_error(
            "row_scale", f"shape {np.shape(row_scale)}", f"shape {(n,)}", "Pass one factor per row."
        )
    B = Operand(A, row_scale, ridge)
    if start is not None:
        factor, path = _restart(B, start)
    else:
        factor, path = _decide(B, rank, rcond, path, seed)
    return _basis(B, factor, path, given=rank is not None or start is not None)


def sketched_preconditioner(
    A: TallMatrix,
    *,
    rcond: float | None = None,
    ridge: float = 0.0,
    rows: int,
    seed: int = 0,
) -> Basis:
    """Coefficients from the sketch alone: A M is well conditioned, not orthonormal; one pass.

    Parameters
    ----------
    A, rcond, ridge, seed
        As in `orthonormal_basis`.
    rows : int
        Rows of the sketch.

    Returns
    -------
    Basis
        Its path is "sketched"; the singular values of A M lie near 1 / (1 +- (d / rows)^(1/2)).
    """
    B = Operand(A, None, ridge)
    C = B.sketch(seed, rows)
    with single_threaded_blas():
        factor = pivoted(C, None, _rcond(A, rcond))
    return _basis(B, factor, "sketched", given=False)


def _basis(B: Operand, factor: Factor, path: str, *, given: bool) -> Basis:
    with single_threaded_blas():
        kappa = condition(factor)
    return Basis(
        M=B.coefficients(factor.M),
        R=B.factor(factor.R),
        rank=factor.pivots.size,
        condition=kappa,
        gap=factor.gap,
        path=path,
        pivots=factor.pivots,
        status=rank_status(factor, B.d, given=given),
        low=None if factor.low is None else B.coefficients(factor.low),
    )


def _rcond(A: TallMatrix, rcond: float | None) -> float:
    if rcond is None:
        return default_rcond(*A.shape, A.dtype)
    return check_positive(rcond, "rcond", allow_zero=True)


def _is_small(B: Operand) -> bool:
    if B.n * B.d <= _SMALL:
        return True
    return B.n <= 4 * B.d and not B.A.is_on_device  # whose rows would come to the host


def _decide(B: Operand, rank: int | None, rcond: float, path: str, seed: int) -> tuple[Factor, str]:
    if path == "householder" or (path in ("auto", "stable") and _is_small(B)):
        return householder(B, rank, rcond), "householder"
    if path in ("auto", "gram") and (rank is None or rank == np.count_nonzero(B.alive)):
        attempt = gram(B, rcond)
        if attempt is not None:
            factor, error = attempt
            if is_accurate(error):
                return factor, "gram"
            return cholesky_qr2(B, factor), "cholesky_qr2"
    return sketched(B, rank, rcond, seed), "sketch"


def _restart(B: Operand, start: Basis) -> tuple[Factor, str]:
    if _is_small(B):
        factor = householder(B, None, 0.0, start.pivots)
        return dataclasses.replace(factor, gap=start.gap), "householder"
    if start.path == "gram":
        attempt = gram(B, 0.0)
        if attempt is not None and is_accurate(attempt[1]):
            return attempt[0], "gram"
    factor = Factor(
        start.M / B.column_scale[:, None] / B.unit,
        start.R * B.column_scale * B.unit,
        start.pivots,
        start.gap,
    )
    return preconditioned(B, factor), "preconditioned"
