"""`WeightedFit`: a function fitted by weighted least squares, and what is known about it.

Mean, variance, covariance and Sobol indices are exact from the coefficients, derivatives from those
of the basis, standard errors from the jackknife.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error
from ..tall.rows import beside
from ._values import scalar
from .conditional_mean import conditional_mean
from .designs._record import Design
from .jackknife import moves, standard_errors
from .measures import check_points
from .measures._base import refuse_device
from .sobol import (
    SobolIndices,
    check_coordinates,
    check_independent,
    sobol_indices,
    without_mean,
)

__all__ = ["WeightedFit"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]

# Numbers in a block of derivatives of all functions.
_BLOCK = 1 << 22


@dataclass(frozen=True, eq=False)
class WeightedFit:
    """A function of the space fitted at the points of a design, and what is known about it.

    Call it to evaluate it. With k outputs, every number per output is an array of shape (k,).

    Attributes
    ----------
    coefficients : ndarray, shape (m,) or (m, k)
        In the orthonormal basis.
    basis : Basis
        The basis they refer to.
    design : Design
        The points that were used: those of the failed evaluations are gone.
    residual_sum : float or ndarray, shape (k,)
        RSS, the weighted sum of squared residuals.
    squared_error : float or ndarray, shape (k,)
        RSS / (n - m): under an unbiased design an unbiased estimate of the squared L2 error of the
        best approximation, plus the variance of the noise, unless all functions of the space vanish
        somewhere (see `volume_design`). nan for n = m.
    interval : tuple of two floats or ndarrays
        Interval of nominal probability `level` for what `squared_error` estimates. Its coverage is
        approximate: it rests on the variation between the points (Notes).
    fit_squared_error : float or ndarray, shape (k,)
        sum w_i r_i^2 / (1 - h_i) / (n - m): under volume sampling an unbiased estimate of the mean
        squared L2 error of the *fit*, with one point fewer (Notes). nan for n = m.
    level : float
        That probability.
    leave_one_out : ndarray, shape (n,) or (n, k)
        y_i minus the prediction at x_i of the fit without that point; inf where the fit without
        it is not determined.
    lambda_min, lambda_max : float
        Extreme eigenvalues of the weighted Gram matrix at the points used.
    delta : float
        `stable` says whether lambda_min >= 1 - delta.
    stable : bool
        The stability event; on it the error in the coefficients is at most the weighted mean square
        of the residual of the best approximation over 1 - delta.
    unbiased : bool
        Whether the design makes the fit unbiased: never with failed evaluations, nor in another
        space than the one that it was drawn for.
    failed : ndarray of int
        Rows of the design given whose values were nan or inf, and which were left out.

    Notes
    -----
    The interval takes the sum of squares as a multiple of a chi-squared variable. Its degrees of
    freedom are at most the n - m of Gaussian noise, and match the jackknife variance of
    `squared_error`, in which the largest deviation counts three times: under volume sampling
    nominal 90 % intervals then covered the error in 88 to 99 % of the draws, whether the error
    was noise, smooth, or sat at a kink, a jump or an end. It is wide for n close to m.

    Why `fit_squared_error` is unbiased: without point i the determinant is 1 - h_i times what it
    was, so volume sampling of n points weighted by 1 - h_i is volume sampling of n - 1 points and
    an independent point of nu, apart from the constant (n - m)/n. At that point the squared
    residual of the fit to the others, times w_i, has the squared L2 error of that fit as its mean;
    and times 1 - h_i it is w_i r_i^2 / (1 - h_i).
    """

    coefficients: Array
    basis: Any
    design: Design
    residual_sum: Any
    squared_error: Any
    interval: tuple[Any, Any]
    fit_squared_error: Any
    level: float
    leave_one_out: Array
    lambda_min: float
    lambda_max: float
    delta: float
    stable: bool
    unbiased: bool
    failed: npt.NDArray[np.int64]

    def __repr__(self) -> str:
        return (
            f"WeightedFit(m={self.dimension}, n={self.size}, lambda_min={self.lambda_min:.3g}, "
            f"stable={self.stable}, unbiased={self.unbiased}, failed={self.failed.size})"
        )

    def __call__(self, x: Any) -> Array:
        """Evaluate the fit at points x, shape (n, d) or (n,); the result is (n,) or (n, k)."""
        values = self.basis.evaluate(x)
        result: Array = values @ beside(values, self.coefficients)
        return result

    @property
    def dimension(self) -> int:
        """Dimension m of the space."""
        return int(self.coefficients.shape[0])

    @property
    def size(self) -> int:
        """Number n of points used."""
        return self.design.size

    @property
    def condition(self) -> float:
        """Condition number of the weighted Gram matrix."""
        return self.lambda_max / self.lambda_min

    @property
    def expected_squared_error(self) -> Any:
        """(1 + m^2/n) RSS/(n - m): on average at least the squared L2 error of such fits.

        Unbiased for a bound of the mean squared error under volume-rescaled sampling with weights
        m/k; inf for other designs, and nan for n = m.
        """
        factor = self.design.error_factor
        if math.isinf(factor):
            return scalar(np.full(np.shape(self.squared_error), factor))
        return self.squared_error * factor

    @property
    def mean(self) -> Any:
        """Mean of the fit under the measure."""
        return scalar(self.basis.integrals() @ self.coefficients)

    @property
    def variance(self) -> Any:
        """Variance of the fit under the measure, exactly from the coefficients."""
        return scalar((np.abs(self._centred) ** 2).sum(axis=0))

    @property
    def std(self) -> Any:
        """Standard deviation of the fit under the measure."""
        return scalar(np.sqrt(self.variance))

    @property
    def covariance(self) -> Any:
        """Covariances E[(f_i - E f_i) conj(f_j - E f_j)] of the outputs, shape (k, k).

        The variance, a float, for a single output.
        """
        if self.coefficients.ndim == 1:
            return self.variance
        result: Array = self._centred.T @ self._centred.conj()
        return result

    @cached_property
    def sobol(self) -> SobolIndices:
        """Sobol indices of the fit, exactly from the coefficients; needs a `TensorBasis`."""
        return sobol_indices(self.basis, self.coefficients)

    def conditional_mean(self, coordinates: int | Iterable[int], x: Any) -> Array:
        """Means of the fit over all other coordinates, exactly from the coefficients.

        Parameters
        ----------
        coordinates : int or iterable of int
            The u of E[f | x_u]: for a single one the curve of its main effect.
        x : array_like, shape (n, |u|) or (n,)
            Values of these coordinates.

        Returns
        -------
        ndarray, shape (n,) or (n, k)

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If coordinates do not exist or are no independent ones of a `TensorBasis`.

        Notes
        -----
        Its variance is `variance` times `sobol.closed(coordinates)`.

        Examples
        --------
        >>> from rnla.approximation import Product, TensorBasis, Uniform, volume_design
        >>> from rnla.approximation import weighted_least_squares
        >>> basis = TensorBasis(Product([Uniform(0, 1)] * 2), 2)
        >>> design = volume_design(basis, 12, rng=0)
        >>> fit = weighted_least_squares(basis, design, lambda x: x[:, 0] * x[:, 1])
        >>> fit.conditional_mean(0, [0.2, 1.0]).round(9).tolist()
        [0.1, 0.5]
        """
        check_independent(self.basis)
        chosen = check_coordinates(coordinates, len(self.basis.families), "coordinates")
        return conditional_mean(self.basis, self.coefficients, chosen, x)

    @property
    def _centred(self) -> Array:
        return without_mean(self.basis.integrals(), self.coefficients)

    def gradient(self, x: Any) -> Array:
        """First derivatives of the fit.

        Parameters
        ----------
        x : array_like, shape (n, d) or (n,)

        Returns
        -------
        ndarray, shape (n, d) or (n, k, d)
            The last axis is the coordinate that is moved.

        Raises
        ------
        ArgumentTypeError
            If the basis has no derivatives.

        Notes
        -----
        O(n m d) work, in blocks of points.

        Examples
        --------
        >>> from rnla.approximation import Design, TensorBasis, Uniform, weighted_least_squares
        >>> fit = weighted_least_squares(TensorBasis(Uniform(), 2), Design([-1, 0, 1]), [1, 0, 1])
        >>> fit.gradient([0.5]).round(9).tolist()
        [[1.0]]
        """
        if not hasattr(self.basis, "gradient"):
            raise argument_error(
                "basis",
                f"{type(self.basis).__name__} without derivatives",
                "a basis with the method gradient",
                "Fit in a TensorBasis, or take differences of the fit.",
                kind=ArgumentTypeError,
            )
        d = self.design.points.shape[1]
        points = check_points(x, d)
        # All functions in all directions of a block of points are in memory at once.
        rows = max(1, _BLOCK // (self.dimension * d))
        result = np.empty(
            (points.shape[0], *self.coefficients.shape[1:], d), dtype=self.coefficients.dtype
        )
        for start in range(0, points.shape[0], rows):
            slopes = self.basis.gradient(points[start : start + rows])
            result[start : start + rows] = np.einsum("nml,m...->n...l", slopes, self.coefficients)
        return result

    @cached_property
    def _moves(self) -> Array:
        return moves(self.basis, self.design)

    def _standard_errors(self, functionals: Array) -> Any:
        errors = standard_errors(self._moves, self.leave_one_out, functionals)
        return errors.reshape(functionals.shape[0], *self.coefficients.shape[1:])

    @property
    def standard_errors(self) -> Any:
        """Standard errors of the coefficients by the jackknife, shape (m,) or (m, k).

        They take the points as independent, which tends to be careful: two standard errors of the
        mean held it in 92 to 99 % of the draws of volume, repeated and independent designs tried,
        with n = 4 m; for smaller n they are too large. Infinite for n = m.
        """
        return self._standard_errors(np.eye(self.dimension))

    @property
    def mean_standard_error(self) -> Any:
        """Standard error of `mean` by the jackknife; see `standard_errors`."""
        return scalar(self._standard_errors(self.basis.integrals()[None])[0])

    def standard_error(self, x: Any) -> Array:
        """Standard errors of the fitted values at points x by the jackknife.

        Parameters
        ----------
        x : array_like, shape (n, d) or (n,)

        Returns
        -------
        ndarray, shape (n,) or (n, k)

        Notes
        -----
        They tell how far the fit moves with other points and noise, not how far the space is from
        the function: that is `squared_error`, on average over the measure.
        """
        refuse_device(x, "x")
        result: Array = self._standard_errors(self.basis.evaluate(x))
        return result
