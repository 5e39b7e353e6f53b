"""Ridge regression for a whole grid of penalties, with the exact leave-one-out curve.

With B = diag(w)^(1/2) (A - mean) = U S V^T and c = U^T b, the fit for a penalty alpha is
x = V (S^2 + alpha)^-1 S c, its residual in row i is U_i (alpha / (S^2 + alpha)) c + r_i, and one
minus its leverage is U_i^2 (alpha / (S^2 + alpha)) + 1 - tau_i, where r_i and tau_i are residual
and leverage without a penalty. Their quotient is the error at row i of the fit to all other rows
(Allen, Technometrics 1974; Golub, Heath, Wahba, Technometrics 1979): the update for a row taken out
is of rank one, whatever the penalty, weights and intercept. Sums of two products that do not
cancel keep the quotient accurate for small penalties as well. U is never stored: U_i = a_i P.
Cost: an orthonormal basis (1 to 4 passes), one pass for c and one for the curve.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_positive
from .._result import FloatArray
from ..basis import orthonormal_basis
from ..random import RNGLike, resolve_seed
from ..tall import as_tall, rows, within_range
from ..tall._device import on_host
from ._input import prepare
from .least_squares.ridge_data import Weights, standardised
from .least_squares.ridge_path import RidgePath
from .least_squares.ridge_spectrum import Spectrum

__all__ = ["ridge"]

_PATHS = {"auto": "auto", "exact": "stable", "gram": "gram"}


def ridge(
    A: Any,
    b: Any,
    *,
    alphas: npt.ArrayLike | None = None,
    intercept: bool = False,
    weights: Any = None,
    leave_out: str = "row",
    method: str = "auto",
    rcond: float | None = None,
    rng: RNGLike = None,
) -> RidgePath:
    """Minimise sum_i w_i (a_i x - b_i)^2 + alpha ||x||_2^2 for many alpha; leave-one-out errors.

    Parameters
    ----------
    A : anything `as_tall` takes, shape (n, d)
        Real and finite, any n and d, of any rank. Sparse stays sparse. Not modified.
    b : array_like, Dask or CuPy array, shape (n,) or (n, k)
        One response or several.
    alphas : array_like, shape (m,), or float, optional
        Penalties, finite and not negative. By default four a decade, from where nothing is shrunk
        (1e-4 times the least squared singular value, or 1e-16 times the largest) to where nothing
        is left (100 times the largest).
    intercept : bool, default False
        Fit a constant as well, which is not penalised.
    weights : array_like, Dask or CuPy array, shape (n,), optional
        Finite and not negative. A row of weight 3 fits like three copies of it.
    leave_out : {"row", "copy"}
        What is left out at a time: a row with all of its weight, which then measures precision; or
        one copy, if weights count copies, as if the row had been repeated (the whole row if its
        weight is below one). The copies that stay help to predict the one that does not.
    method : {"auto", "exact", "gram"}
        How A is orthonormalised; see `leverage_scores`.
    rcond : float, optional
        Columns whose pivot is below rcond times the largest, after scaling columns to equal size,
        count as dependent; see `leverage_scores`.
    rng : None, int, numpy Generator or SeedSequence
        Seed of the sketch that ill-conditioned matrices are preconditioned by. Results depend on it
        by rounding only.

    Returns
    -------
    RidgePath
        ``alphas``, ``coefficients``, ``intercepts``, ``loo``, ``loo_error``; ``best_alpha``, ``x``
        and ``intercept`` for the least leave-one-out error.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For values that are not finite, lengths that differ, negative weights or penalties, and one
        row only with an intercept.

    Notes
    -----
    One factorisation serves all penalties and responses. Passes: one that looks for NaN and scales
    (two with an intercept), those of the basis (none or one for a well-conditioned matrix, up to
    three for an ill-conditioned one), one for c and one for the curve. That last one costs
    2 n d r + 2 n r m (k + 1) flops for rank r. Memory O(d^2 + m d k) beyond the input and n k
    numbers, plus a block per thread; on Dask and on a GPU those stay with the rows.

    Penalties are not scaled: columns of different units are shrunk differently, so bring them to
    one scale first.

    ``alpha = 0`` gives the least-squares fit of smallest norm. Where a row is the only one in some
    direction (leverage one), the error of leaving it out is the limit for alpha to 0, which is the
    error of the fit of smallest norm to the other rows. Errors of leaving out have a relative
    accuracy of about rounding over one minus the leverage.

    Runs on a GPU: with CuPy ``A``, ``b`` and ``weights``, coefficients and intercepts are CuPy
    arrays.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((200, 30))
    >>> b = A @ np.full(30, 0.1) + rng.standard_normal(200) + 5.0
    >>> path = rnla.ridge(A, b, alphas=[1.0, 10.0, 100.0, 1000.0], intercept=True)
    >>> path.loo.round(3), path.best_alpha
    (array([1.245, 1.224, 1.176, 1.352]), 100.0)
    >>> path.x.shape, path.passes
    ((30,), 5)
    """
    if method not in _PATHS:
        raise argument_error(
            "method", repr(method), f"one of {', '.join(_PATHS)}", "Pass method='auto'."
        )
    if leave_out not in ("row", "copy"):
        remedy = "Use 'copy' if weights count equal observations."
        raise argument_error("leave_out", repr(leave_out), "'row' or 'copy'", remedy)
    given = None if alphas is None else _check_alphas(alphas)
    if rcond is not None:
        rcond = check_positive(rcond, "rcond", allow_zero=True)
    tall, seed = as_tall(A, require_tall=False).distributed(), resolve_seed(rng)
    before, with_gram = tall.passes, weights is None and method != "exact"
    tall.scan(with_gram=with_gram and not intercept)
    problem = prepare(tall, b, weights=weights, intercept=intercept, device=True)
    tall, units = within_range(problem.A, together=True, with_gram=with_gram)
    weighted = Weights.of(problem.weights, tall.shape[0], copies=leave_out == "copy")
    if intercept and min(weighted.largest, weighted.copy) >= weighted.total:
        raise argument_error(
            "A",
            "1 row that counts",
            "at least 2 rows with an intercept, or there is nothing to predict from",
            "Pass more rows, or intercept=False.",
        )
    z, mean, size = standardised(problem.b, weighted, intercept)
    basis = orthonormal_basis(
        tall, row_scale=weighted.roots, rcond=rcond, path=_PATHS[method], seed=seed
    )
    spectrum = Spectrum.of(tall, basis, weighted, z, intercept)

    unit = weighted.unit_root * (1.0 if units is None else float(units[0]))
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        if given is None:
            given = _in_range((spectrum.default_roots() / unit) ** 2)
        roots = np.sqrt(given) * unit
        sums = spectrum.leave_one_out(tall, weighted, z, roots)
        loo, error = _errors(sums, weighted)
        solutions = spectrum.solutions(roots)  # (m, d, k) in units of z and of the scaled columns
        shift = np.einsum("j,mjk->mk", spectrum.centre, solutions)
        best = np.argmin(loo, axis=0)
        coefficients = solutions * (unit / weighted.unit_root / size)
        intercepts = mean - shift / size if intercept else np.zeros_like(shift)
        loo, error = loo / size / size, error / size / size
        freedom = spectrum.degrees_of_freedom(roots) + intercept
    one = problem.single
    return RidgePath(
        alphas=given,
        coefficients=rows.beside(problem.b, coefficients[:, :, 0] if one else coefficients),
        intercepts=rows.beside(problem.b, intercepts[:, 0] if one else intercepts),
        loo=loo[:, 0] if one else loo,
        loo_error=error[:, 0] if one else error,
        degrees_of_freedom=freedom,
        singular_values=spectrum.s / unit,
        best=int(best[0]) if one else best,
        rank=basis.rank,
        condition=basis.condition,
        path=basis.path,
        passes=tall.passes - before,
        status=basis.status,
        seed=seed,
    )


def _check_alphas(alphas: npt.ArrayLike) -> FloatArray:
    array = np.atleast_1d(on_host(alphas, "alphas", "penalties"))
    expected = "finite non-negative numbers"
    remedy = "Pass for instance numpy.logspace(-3, 3, 25), or leave alphas out."
    if array.dtype.kind not in "fiu" or array.ndim != 1 or array.size == 0:
        raise argument_error(
            "alphas", f"dtype {array.dtype}, shape {array.shape}", expected, remedy
        )
    found: FloatArray = array.astype(np.float64)
    bad = np.flatnonzero(~(np.isfinite(found) & (found >= 0.0)))
    if bad.size:
        raise argument_error("alphas", f"{float(found[bad[0]])!r}", expected, remedy)
    return found


def _in_range(alphas: FloatArray) -> FloatArray:
    if not np.all(np.isfinite(alphas) & (alphas >= np.finfo(float).tiny)):
        raise argument_error(
            "alphas",
            "none, for a matrix whose squared singular values exceed the floating-point range",
            "penalties, or singular values between 1e-140 and 1e140",
            "Rescale A by a power of two.",
        )
    return alphas


def _errors(sums: FloatArray, weighted: Weights) -> tuple[FloatArray, FloatArray]:
    """Weighted mean of squared errors and its standard error, (m, k) each."""
    mean = sums[0] / weighted.total
    spread = sums[1] - 2.0 * mean * sums[2] + mean * mean * weighted.squares
    return mean.T, (np.sqrt(np.maximum(spread, 0.0)) / weighted.total).T
