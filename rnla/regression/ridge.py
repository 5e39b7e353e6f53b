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

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from .._errors import argument_error, check_positive
from .._result import FloatArray
from ..basis import Basis, orthonormal_basis
from ..random import RNGLike, resolve_seed
from ..tall import TallMatrix, as_tall, rows, single_threaded_blas, within_range
from ..tall.extended import Extended
from ._input import prepare
from ._ridge_path import RidgePath

__all__ = ["ridge"]

_PATHS = {"auto": "auto", "exact": "stable", "gram": "gram"}
_ROUNDING = 1e-14  # times the rank: leverage that close to one is one
# The default grid, relative to squares of singular values: from no shrinkage to nothing left.
_FIRST, _LAST, _LEAST, _PER_DECADE = 1e-4, 1e2, 1e-12, 4


def ridge(
    A: Any,
    b: Any,
    *,
    alphas: npt.ArrayLike | None = None,
    intercept: bool = False,
    weights: Any = None,
    method: str = "auto",
    rcond: float | None = None,
    rng: RNGLike = None,
) -> RidgePath:
    """Minimise sum_i w_i (a_i x - b_i)^2 + alpha ||x||_2^2 for many alpha; leave-one-out errors.

    Parameters
    ----------
    A : anything `as_tall` takes, shape (n, d)
        Real and finite, any n and d, of any rank. Sparse stays sparse. Not modified.
    b : array_like or Dask array, shape (n,) or (n, k)
        One response or several.
    alphas : array_like, shape (m,), or float, optional
        Penalties, finite and not negative. By default four a decade, from where nothing is shrunk
        (1e-4 times the least squared singular value, or 1e-16 times the largest) to where nothing
        is left (100 times the largest).
    intercept : bool, default False
        Fit a constant as well, which is not penalised.
    weights : array_like or Dask array, shape (n,), optional
        Finite and not negative. An integer weight fits like a repeated row, but leaving out the
        row leaves out all of its repetitions, so the leave-one-out error is another one.
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
    numbers, plus a block per thread; on Dask those stay with the rows.

    Penalties are not scaled: columns of different units are shrunk differently, so bring them to
    one scale first.

    ``alpha = 0`` gives the least-squares fit of smallest norm. Where a row is the only one in some
    direction (leverage one), the error of leaving it out is the limit for alpha to 0, which is the
    error of the fit of smallest norm to the other rows. Errors of leaving out have a relative
    accuracy of about rounding over one minus the leverage.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((200, 30))
    >>> b = A @ np.full(30, 0.1) + rng.standard_normal(200) + 5.0
    >>> path = rnla.ridge(A, b, alphas=[1.0, 10.0, 100.0, 1000.0], intercept=True)
    >>> path.loo.round(3), path.best_alpha
    (array([1.225, 1.201, 1.133, 1.259]), 100.0)
    >>> others = np.delete(np.arange(200), 7)
    >>> again = rnla.ridge(A[others], b[others], alphas=100.0, intercept=True)
    >>> error = b[7] - A[7] @ again.x - again.intercept  # one of those averaged in path.loo[2]
    """
    if method not in _PATHS:
        raise argument_error(
            "method", repr(method), f"one of {', '.join(_PATHS)}", "Pass method='auto'."
        )
    given = None if alphas is None else _check_alphas(alphas)
    if rcond is not None:
        rcond = check_positive(rcond, "rcond", allow_zero=True)
    tall, seed = as_tall(A, require_tall=False).distributed(), resolve_seed(rng)
    before, with_gram = tall.passes, weights is None and method != "exact"
    tall.scan(with_gram=with_gram and not intercept)
    problem = prepare(tall, b, weights=weights, intercept=intercept)
    tall, units = within_range(problem.A, together=True, with_gram=with_gram)
    weighted = _Weights.of(problem.weights, tall.shape[0])
    if intercept and weighted.largest >= weighted.total:
        raise argument_error(
            "A",
            "1 row that counts",
            "at least 2 rows with an intercept, or there is nothing to predict from",
            "Pass more rows, or intercept=False.",
        )
    z, mean, size = _standardised(problem.b, weighted, intercept)
    basis = orthonormal_basis(
        tall, row_scale=weighted.roots, rcond=rcond, path=_PATHS[method], seed=seed
    )
    spectrum = _Spectrum.of(tall, basis, weighted, z, intercept)

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
        coefficients=coefficients[:, :, 0] if one else coefficients,
        intercepts=intercepts[:, 0] if one else intercepts,
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
    array = np.atleast_1d(np.asarray(alphas))
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


@dataclass(frozen=True, eq=False)
class _Weights:
    """Weights in a unit that brings the largest near one, and their square roots."""

    values: Any
    roots: Any
    total: float
    squares: float
    largest: float
    unit_root: float

    @classmethod
    def of(cls, w: Any, n: int) -> _Weights:
        if w is None:
            return cls(None, None, float(n), float(n), 1.0, 1.0)
        largest = rows.largest(w)
        unit = math.ldexp(1.0, max(-1000, min(1000, -math.frexp(largest)[1])))
        w = rows.settle(w * unit)
        roots = rows.each(np.sqrt, w)
        return cls(w, roots, rows.total(w), rows.total(w * w), largest * unit, math.sqrt(unit))


def _standardised(b: Any, weighted: _Weights, centred: bool) -> tuple[Any, FloatArray, FloatArray]:
    """(b - mean) size as (n, k), the means, and powers of two that bring responses near one."""
    if len(b.shape) == 1:
        b = b[:, None]
    k = b.shape[1]
    mean, size = np.zeros(k), np.ones(k)
    for j in range(k):
        column = b[:, j]
        largest = max(abs(value) for value in rows.extremes(column))
        unit = math.ldexp(1.0, max(-1000, min(1000, -math.frexp(largest)[1])))
        if centred:
            column = column * unit
            shares = column if weighted.values is None else column * weighted.values
            mean[j] = rows.total(shares) / weighted.total / unit
            largest = max(abs(value / unit - mean[j]) for value in rows.extremes(column))
        size[j] = math.ldexp(1.0, max(-1000, min(1000, -math.frexp(largest)[1])))
    return rows.settle((b - mean) * size), mean, size


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """Singular value decomposition U S V^T of the weighted and centred rows; U_i = a_i P Y."""

    P: FloatArray | Extended
    Y: FloatArray | None
    s: FloatArray  # (r,), positive
    V: FloatArray  # (d, r)
    c: FloatArray  # (r, k)
    centre: FloatArray  # (d,), the weighted means of the columns
    intercept: bool

    @classmethod
    def of(
        cls, tall: TallMatrix, basis: Basis, weighted: _Weights, z: Any, intercept: bool
    ) -> _Spectrum:
        product: FloatArray | Extended = basis.M
        if basis.low is not None:
            scale = np.ldexp(1.0, -np.frexp(tall.scan().column_max)[1])
            product = Extended.prepare(basis.M, basis.low, scale)
        if basis.path == "gram":
            scaled = z if weighted.values is None else z * weighted.values[:, None]
            R, c = basis.R, basis.M.T @ tall.rmatmul(scaled)
        else:  # R from the triangular factors carries rounding times the condition number
            visit = partial(_project, product)
            d, k = tall.shape[1], z.shape[1]
            both = tall.fold(visit, (basis.rank, d + k), rows=_present(z, weighted.roots))
            R, c = both[:, :d], both[:, d:]
        with single_threaded_blas():
            centre = np.zeros(R.shape[1] - intercept)
            if intercept:
                constant = R[:, -1] / np.abs(R[:, -1]).max()
                constant = constant / np.linalg.norm(constant)
                R = R[:, :-1]
                along = constant @ R
                centre = along / math.sqrt(weighted.total)
                R = R - np.outer(constant, along)
            X, s, V = _svd(R)
            r = min(basis.rank - intercept, int(np.count_nonzero(s)))
            X, s, V = X[:, :r], s[:r], V[:, :r]
            c = X.T @ c
        if isinstance(product, Extended):
            return cls(product, X, s, V, c, centre, intercept)
        return cls(product @ X, None, s, V, c, centre, intercept)

    def default_roots(self) -> FloatArray:
        """Square roots of the default penalties."""
        if not self.s.size:
            return np.ones(1)
        first, last = self.s[-1] / self.s[0], 1.0
        low = math.log10(max(first**2, _LEAST) * _FIRST)
        high = math.log10(last * _LAST)
        count = math.ceil(_PER_DECADE * (high - low)) + 1
        grid: FloatArray = self.s[0] * np.logspace(low / 2, high / 2, count)
        return grid

    def solutions(self, roots: FloatArray) -> FloatArray:
        """V (S^2 + alpha)^-1 S c for every penalty: (m, d, k)."""
        (r, k), m = self.c.shape, roots.size
        s = self.s[:, None]
        shrunk = self.c[:, :, None] / (s + roots / s * roots)[:, None, :]
        X = self.V @ shrunk.reshape(r, k * m)
        return np.ascontiguousarray(X.reshape(-1, k, m).transpose(2, 0, 1))

    def degrees_of_freedom(self, roots: FloatArray) -> FloatArray:
        """Sum of s^2 / (s^2 + alpha)."""
        shares: FloatArray = (1.0 / (1.0 + (roots / self.s[:, None]) ** 2)).sum(axis=0)
        return shares

    def leave_one_out(
        self, tall: TallMatrix, weighted: _Weights, z: Any, roots: FloatArray
    ) -> FloatArray:
        """Sums over the rows of l, l^2 and w l, l being w times a squared error: (3, k, m)."""
        zero = roots == 0.0
        shrink = 1.0 / (1.0 + (self.s[:, None] / np.where(zero, 1.0, roots)) ** 2)
        if zero.any():  # the limit, up to a factor that cancels
            shrink[:, zero] = (self.s[-1:] / self.s)[:, None] ** 2
        curve = _Curve(
            self.P,
            self.Y,
            self.c,
            shrink,
            zero,
            1.0 / weighted.total if self.intercept else 0.0,
            _ROUNDING * (self.s.size + 1),
        )
        shape = (3, self.c.shape[1], roots.size)
        return tall.fold(partial(_add_errors, curve), shape, rows=_present(z, weighted.values))


def _svd(R: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """U, s, V with R = U diag(s) V^T, every singular value accurate in units of its own column.

    One-sided Jacobi after pivoting (Drmac and Veselic, SIMAX 2008), since penalties may lie between
    the sizes of columns that are many powers of ten apart.
    """
    if 0 in R.shape:
        return np.zeros((R.shape[0], 0)), np.zeros(0), np.zeros((R.shape[1], 0))
    wide = R.shape[0] < R.shape[1]
    X = np.asfortranarray(R.T if wide else R)
    k = X.shape[1]
    values, U, V, work, _, _ = scipy.linalg.lapack.dgejsv(X, joba=2)
    s = values * (work[0] / work[1])
    return (V, s, U[:, :k]) if wide else (U[:, :k], s, V)


def _present(z: Any, weights: Any) -> tuple[Any, ...]:
    return (z,) if weights is None else (z, weights)


def _times(block: Any, P: FloatArray | Extended) -> FloatArray:
    product: FloatArray = P.product(block) if isinstance(P, Extended) else block @ P
    return product


def _project(
    P: FloatArray | Extended,
    block: Any,
    start: int,
    out: FloatArray,
    z: FloatArray,
    root: FloatArray | None = None,
) -> None:
    """Q^T [A z] with Q = diag(root) A P."""
    Q, d = _times(block, P), block.shape[1]
    if root is not None:
        Q *= (root * root)[:, None]
    out[:, :d] += (block.T @ Q).T
    out[:, d:] += Q.T @ z


@dataclass(frozen=True, eq=False)
class _Curve:
    """What a pass over the rows needs for their leave-one-out errors at all penalties."""

    P: FloatArray | Extended
    Y: FloatArray | None
    c: FloatArray  # (r, k)
    shrink: FloatArray  # (r, m): alpha / (s^2 + alpha)
    zero: npt.NDArray[np.bool_]  # (m,)
    share: float  # leverage of the intercept per unit of weight
    rounding: float


def _add_errors(
    curve: _Curve,
    block: Any,
    start: int,
    out: FloatArray,
    z: FloatArray,
    w: FloatArray | None = None,
) -> None:
    U = _times(block, curve.P)
    if curve.Y is not None:
        U = U @ curve.Y
    shares: Any = curve.share
    if w is not None:
        root = np.sqrt(w)[:, None]
        U, z = U * root, z * root
        shares = w * curve.share
    squares = U * U
    outside = 1.0 - squares.sum(axis=1) - shares
    rest = z - U @ curve.c
    alone = outside <= curve.rounding
    outside[alone], rest[alone] = 0.0, 0.0
    below = squares @ curve.shrink
    if curve.zero.any():
        below[:, curve.zero] *= alone[:, None]
    below += outside[:, None]
    for k in range(curve.c.shape[1]):
        error = U @ (curve.shrink * curve.c[:, k : k + 1])
        if curve.zero.any():
            error[:, curve.zero] *= alone[:, None]
        error += rest[:, k : k + 1]
        error /= below
        np.multiply(error, error, out=error)
        total = error.sum(axis=0)
        out[0, k] += total
        out[1, k] += np.einsum("im,im->m", error, error)
        out[2, k] += total if w is None else w @ error


def _errors(sums: FloatArray, weighted: _Weights) -> tuple[FloatArray, FloatArray]:
    """Weighted mean of squared errors and its standard error, (m, k) each."""
    mean = sums[0] / weighted.total
    spread = sums[1] - 2.0 * mean * sums[2] + mean * mean * weighted.squares
    return mean.T, (np.sqrt(np.maximum(spread, 0.0)) / weighted.total).T
