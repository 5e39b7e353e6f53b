"""Weighted least squares at the points of a design, with what it proves (SPEC A0, A17, P9).

Minimises (1/n) sum w_i |y_i - v(x_i)|^2 over a space of dimension m by Householder QR, never by
normal equations: 2 n m^2 flops, the factor shared by all outputs. Under volume-rescaled sampling
the fit is unbiased for the best approximation and RSS/(n - m) for its squared error (Derezinski,
Warmuth and Hsu, JMLR 23:167; Nouy and Michel, arXiv 2312.14057).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
from scipy.special import gammaincinv

from .._errors import ArgumentTypeError, argument_error, check_fraction
from ..tall import single_threaded_blas
from ._values import LARGEST_VALUE, as_numbers, scalar
from .designs._features import Basis, check_basis, feature_rows
from .designs._record import Design
from .weighted_fit import WeightedFit

__all__ = ["WeightedFit", "weighted_least_squares"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]


def weighted_least_squares(
    basis: Basis,
    design: Design,
    values: Any,
    *,
    delta: float = 0.5,
    level: float = 0.9,
) -> WeightedFit:
    """Fit a function from its values at the points of a design.

    Parameters
    ----------
    basis : Basis
        Orthonormal basis of the space, such as `rnla.approximation.TensorBasis`; real or complex.
    design : Design
        The points and weights; `Design(points, weights)` takes points from elsewhere.
    values : array_like, shape (n,) or (n, k), or callable
        Values at the points, one row per point, real or complex. Rows with nan, inf or masked
        entries are failed evaluations: they are left out and recorded. A callable is called once
        with the (n, d) points.
    delta : float
        The stability event asked for, lambda_min >= 1 - delta.
    level : float
        Nominal probability of the interval for the squared error.

    Returns
    -------
    WeightedFit
        Coefficients, stability, estimated squared error with interval, leave-one-out residuals.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If shapes disagree, fewer values than functions are left, features are nan, or the features
        at the points are linearly dependent (the numerical rank is named).

    Notes
    -----
    One Householder QR of the (n, m) weighted features: 2 n m^2 flops and O(n m) memory, whatever
    the number of outputs. Nothing is modified.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.approximation import TensorBasis, Uniform, volume_design
    >>> basis = TensorBasis(Uniform(), 6)
    >>> design = volume_design(basis, 30, rng=0)
    >>> fit = weighted_least_squares(basis, design, np.exp(design.points[:, 0]))
    >>> bool(abs(fit(0.5)[0] - np.exp(0.5)) < 1e-5), fit.unbiased
    (True, True)
    >>> round(fit.mean, 5)  # of exp under the uniform measure on [-1, 1]
    1.1752
    """
    m = check_basis(basis)
    check_fraction(delta, "delta")
    check_fraction(level, "level")
    if not isinstance(design, Design):
        raise argument_error(
            "design",
            type(design).__name__,
            "a Design",
            "Wrap points and weights in rnla.approximation.Design(points, weights).",
            kind=ArgumentTypeError,
        )
    table = _values(values(design.points) if callable(values) else values, design.size)
    single = table.ndim == 1
    columns = table[:, None] if single else table
    good = np.isfinite(columns).all(axis=1)
    failed = np.flatnonzero(~good)
    kept = design
    if failed.size:
        if int(good.sum()) < m:
            raise argument_error(
                "values",
                f"{int(good.sum())} finite rows out of {design.size}",
                f"at least {m}, the dimension of the space",
                "Evaluate at more points, or use a smaller space.",
            )
        kept, columns = design.take(good), columns[good]
    elif design.size < m:
        raise argument_error(
            "design",
            f"{design.size} points",
            f"at least {m}, the dimension of the space",
            "Draw more points, or use a smaller space.",
        )
    assert kept.weights is not None
    rows = feature_rows(basis, kept.points, kept.weights, kept.row_norms)
    roots = np.sqrt(kept.weights)[:, None]
    targets = roots * columns
    with single_threaded_blas():
        Q, R = np.linalg.qr(rows)
        singular = np.linalg.svd(R, compute_uv=False)
        _check_rank(singular, m)
        solution = scipy.linalg.solve_triangular(R, Q.conj().T @ targets)
        residuals = targets - Q @ (Q.conj().T @ targets)
    n = kept.size
    leverage = np.minimum((np.abs(Q) ** 2).sum(axis=1), 1.0)
    squares = np.abs(residuals) ** 2
    total = squares.sum(axis=0)
    # RSS without point i is RSS - r_i^2 / (1 - h_i), exactly.
    room = (1.0 - leverage)[:, None]
    removed = np.divide(squares, room, out=np.zeros_like(squares), where=room > 1e-12)
    error, low, high = _squared_error(removed, total, m, level)
    lambda_min, lambda_max = float(singular[-1] ** 2 / n), float(singular[0] ** 2 / n)
    # A design is unbiased for the space that it was drawn for, whose Gram spectrum it recorded.
    drawn_for = design.dimension == m and math.isclose(
        lambda_min, design.lambda_min, rel_tol=1e-6, abs_tol=1e-12
    )
    kept = replace(
        kept,
        lambda_min=lambda_min,
        lambda_max=lambda_max,
        dimension=m,
        unbiased=design.unbiased and drawn_for and not failed.size,
    )

    def shaped(array: Array) -> Any:
        return array[..., 0] if single else array

    return WeightedFit(
        coefficients=shaped(solution),
        basis=basis,
        design=kept,
        residual_sum=scalar(shaped(total)),
        squared_error=scalar(shaped(error)),
        interval=(scalar(shaped(low)), scalar(shaped(high))),
        fit_squared_error=scalar(shaped(removed.sum(axis=0) / (n - m or math.nan))),
        level=level,
        leave_one_out=shaped(_leave_one_out(residuals, leverage, roots)),
        lambda_min=lambda_min,
        lambda_max=lambda_max,
        delta=delta,
        stable=lambda_min >= 1.0 - delta,
        unbiased=kept.unbiased,
        failed=failed,
    )


def _values(values: Any, n: int) -> Array:
    expected = f"{n} rows of numbers, one for each point of the design"
    remedy = "Pass an array of shape (n,) or (n, k); nan marks a failed evaluation."
    array = as_numbers(values, "values", expected, remedy)
    if array.ndim not in (1, 2) or array.shape[0] != n or array.size == 0:
        remedy = "Keep the order of design.points; nan marks a failed evaluation."
        raise argument_error("values", f"shape {array.shape}", expected, remedy)
    with np.errstate(invalid="ignore"):
        large = np.argwhere(np.isfinite(array) & ~(np.abs(array) <= LARGEST_VALUE))
    if large.size:
        raise argument_error(
            "values",
            f"{array[tuple(large[0])]:.3g} in row {large[0][0]}",
            f"numbers up to {LARGEST_VALUE:g} in size, whose squares can be summed",
            "Pass values in larger units, or nan for evaluations that blew up.",
        )
    return array


def _check_rank(singular: Vector, m: int) -> None:
    # Below this the solution has no correct digit.
    tolerance = singular[0] * m * np.finfo(np.float64).eps
    rank = int((singular > tolerance).sum())
    if rank < m:
        raise argument_error(
            "design",
            f"features of numerical rank {rank} at its points",
            f"rank {m}, the dimension of the space",
            "Draw the design for this basis, add points, or drop dependent functions.",
        )


def _squared_error(
    removed: Vector, total: Vector, m: int, level: float
) -> tuple[Vector, Vector, Vector]:
    """RSS/(n - m) and an interval for its mean, per output (see the notes of `WeightedFit`)."""
    n, k = removed.shape
    if n == m:
        return np.full(k, math.nan), np.zeros(k), np.full(k, math.inf)
    error = total / (n - m)
    if n == m + 1:
        return error, np.zeros(k), np.full(k, math.inf)
    without = np.maximum(total - removed, 0.0) / (n - 1 - m)
    # As shares of the estimate: fourth powers of the values need not be in range.
    without = np.divide(without, error, out=np.zeros_like(without), where=error > 0.0)
    deviations = (without - without.mean(axis=0)) ** 2
    # Errors that sit in a small part of the domain fall on few points or none, and then the
    # jackknife sees too little: the largest deviation counts three times.
    variance = (n - 1) / n * (deviations.sum(axis=0) + 2.0 * deviations.max(axis=0))
    most = float(n - m)
    freedom = np.divide(2.0, variance, out=np.full(k, most), where=variance > 0.0)
    freedom = np.clip(freedom, 0.1, most)
    tail = (1.0 - level) / 2.0
    # Quantiles of chi-squared are 2 gammaincinv(freedom / 2, probability).
    half = 0.5 * freedom
    low = error * half / gammaincinv(half, 1.0 - tail)
    high = error * half / gammaincinv(half, tail)
    return error, low, high


def _leave_one_out(residuals: Array, leverage: Vector, roots: Vector) -> Array:
    """Residuals of predictions that did not see the point, in the units of the values."""
    room = (1.0 - leverage)[:, None] * roots
    result: Array = np.full(residuals.shape, math.inf, dtype=residuals.dtype)
    np.divide(residuals, room, out=result, where=room > 1e-12 * roots)
    return result
