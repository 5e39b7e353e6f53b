"""Least absolute deviations, min sum_i w_i |a_i x - b_i|, by its dual linear program.

The dual is max b^T u subject to A^T u = 0, |u_i| <= w_i (Wagner, JASA 1959): d equality rows for
any number of observations, n boxed variables, and x is the vector of multipliers. SciPy's HiGHS
solves it. The multipliers are then refined on the rows that the fit interpolates, and u is made
feasible, so that the value comes with a lower bound that does not depend on the solver's
tolerances. About 0.1 s for n = 10,000 and d = 10; O(n d) memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .._errors import ArgumentTypeError, argument_error
from .._result import FloatArray, Status
from ..basis import Basis, orthonormal_basis
from ..tall import TallMatrix, as_tall, single_threaded_blas
from ._record import LpFit

__all__ = ["least_absolute_deviations"]

_TOLERANCE = 1e-10  # the smallest that HiGHS accepts
_ACCEPTED_GAP = 1e-6
_ROUNDING = 1e-14


def least_absolute_deviations(
    A: Any, b: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> LpFit:
    """Fit b by A x so that the weighted sum of absolute residuals is least (median regression).

    Parameters
    ----------
    A : array_like, sparse matrix or TallMatrix, shape (n, d)
        Real and finite, any n. Rank-deficient is allowed. Not modified.
    b : array_like, shape (n,)
        Real and finite.
    weights : array_like, shape (n,), optional
        Finite and non-negative, for instance the weights of a `RowSample`. Default ones.

    Returns
    -------
    LpFit
        A vertex: it interpolates rank(A) of the rows.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For values that are not finite, lengths that differ, or a negative weight.

    Notes
    -----
    Where the minimum is not unique, some minimiser is returned.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.regression import least_absolute_deviations
    >>> fit = least_absolute_deviations(np.ones((5, 1)), [1.0, 2.0, 3.0, 4.0, 1000.0])
    >>> round(float(fit.x[0]), 9), round(fit.objective, 9), fit.status.name
    (3.0, 1001.0, 'OK')
    """
    tall = as_tall(A, require_tall=False)
    target = check_column(b, "b", tall.shape[0])
    w = np.ones(target.size) if weights is None else check_column(weights, "weights", target.size)
    if w.min() < 0.0:
        remedy = "Weights count observations; drop the rows that should not count."
        raise argument_error("weights", f"{w.min()!r}", "non-negative numbers", remedy)
    tall.scan()
    used = np.flatnonzero(w)
    if not used.size:
        return LpFit(np.zeros(tall.shape[1]), 0.0, 0.0, 1.0, 0, "nothing to fit", Status.OK)
    return _solve(
        as_tall(_weighted(tall, used, w[used]), require_tall=False), w[used] * target[used]
    )


def check_column(values: npt.ArrayLike, name: str, n: int) -> FloatArray:
    """Return n finite float64 numbers, or raise."""
    array = np.asarray(values)
    expected = f"{n} finite real numbers, one per row"
    if array.dtype.kind not in "fiub":
        remedy = f"Convert first, for example np.asarray({name}, dtype=float)."
        raise argument_error(name, f"dtype {array.dtype}", expected, remedy, kind=ArgumentTypeError)
    if array.shape != (n,):
        remedy = f"Pass a one-dimensional {name} as long as A has rows."
        raise argument_error(name, f"shape {array.shape}", expected, remedy)
    column: FloatArray = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(column))
    if bad.size:
        got = f"{name}[{bad[0]}] = {column[bad[0]]!r}"
        raise argument_error(name, got, expected, "Drop or impute those rows first.")
    return column


def _weighted(tall: TallMatrix, rows: npt.NDArray[np.intp], w: FloatArray) -> Any:
    taken = tall.take(rows)
    if sp.issparse(taken):
        return sp.csr_array(sp.diags_array(w) @ taken.astype(np.float64))
    return taken * w[:, None]


def _solve(B: TallMatrix, c: FloatArray) -> LpFit:
    """min ||B x - c||_1 without weights, in coordinates in which B has orthonormal columns."""
    import scipy.optimize

    basis = orthonormal_basis(B)
    if basis.rank == 0 or not c.any():
        value = float(np.abs(c).sum())
        return LpFit(np.zeros(B.shape[1]), value, value, 1.0, 0, "nothing to fit", Status.OK)
    # The solver's tolerances are absolute: the typical observation counts, not a gross outlier.
    unit = float(np.median(np.abs(c[c != 0.0])))
    columns = _pivot_columns(B, basis)
    result = scipy.optimize.linprog(
        -c / unit,
        A_eq=columns.T,
        b_eq=np.zeros(basis.rank),
        bounds=(-1.0, 1.0),
        method="highs",
        options={
            "primal_feasibility_tolerance": _TOLERANCE,
            "dual_feasibility_tolerance": _TOLERANCE,
        },
    )
    x = np.zeros(B.shape[1])
    u = np.zeros(c.size)
    if result.x is not None and result.status == 0:
        u = result.x
        x[basis.pivots] = -unit * result.eqlin.marginals * _scales(B)[basis.pivots]
    x = _refined(B, c, x, u, basis)
    residual = c - B.matmul(x)
    objective = float(np.abs(residual).sum())
    if objective <= _ROUNDING * float(np.abs(c).sum()):
        lower = objective  # a perfect fit, up to rounding
    else:
        u = u - B.matmul(basis.M @ (basis.M.T @ B.rmatmul(u)))
        u /= max(1.0, float(np.abs(u).max()))
        # The residual has the products of c with u, and smaller numbers to cancel.
        lower = max(0.0, float(residual @ u))
    close = objective - lower <= _ACCEPTED_GAP * objective
    return LpFit(
        x,
        objective,
        min(lower, objective),
        1.0,
        int(result.nit),
        "highs",
        Status.OK if close else Status.NOT_CONVERGED,
    )


def _scales(B: TallMatrix) -> FloatArray:
    """A power of two near the largest entry of each column."""
    largest = B.scan().column_max
    scales: FloatArray = np.ldexp(1.0, -np.frexp(np.where(largest > 0.0, largest, 1.0))[1])
    return scales


def _pivot_columns(B: TallMatrix, basis: Basis) -> Any:
    """Independent columns of B, scaled to entries of at most 1; sparse stays sparse."""
    scale = _scales(B)[basis.pivots]
    rows = B.take(np.arange(B.shape[0]))
    if sp.issparse(rows):
        return sp.csc_array(rows)[:, basis.pivots] @ sp.diags_array(scale)
    return rows[:, basis.pivots] * scale


def _refined(
    B: TallMatrix, c: FloatArray, x: FloatArray, u: FloatArray, basis: Basis
) -> FloatArray:
    """Fit the rows whose multiplier is off its bounds exactly; keep what has the smaller value."""
    inner = np.flatnonzero(np.abs(u) < 1.0 - 1e-9)
    if not 0 < inner.size <= 4 * basis.rank:
        return x
    rows = B.take(inner)
    dense = rows.toarray() if sp.issparse(rows) else np.asarray(rows)
    scale = _scales(B)[basis.pivots]
    with single_threaded_blas():
        step = np.linalg.lstsq(dense[:, basis.pivots] * scale, c[inner] - dense @ x, rcond=None)[0]
    better = x.copy()
    better[basis.pivots] += step * scale
    value, known = (float(np.abs(c - B.matmul(candidate)).sum()) for candidate in (better, x))
    return better if value <= known else x
