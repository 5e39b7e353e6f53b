"""The gamma and exponential distributions; their polynomials are Laguerre's.

Standard variable t > 0 with density t^alpha e^-t / Gamma(alpha + 1): a_j = 2 j + alpha + 1,
b_j = sqrt(j (j + alpha)), sigma = t, lambda_j = j. (The sign of phi_j is that of the leading
coefficient, so odd degrees are minus the classical ones.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..._errors import argument_error, check_finite, check_positive
from ._base import Array, ClassicalMeasure, check_resolution

__all__ = ["Exponential", "Gamma"]


@dataclass(frozen=True)
class Gamma(ClassicalMeasure):
    """The gamma distribution: density proportional to x^alpha exp(-x / scale) on x > 0.

    Parameters
    ----------
    alpha : float, default 0
        Laguerre's exponent, above -1: the shape parameter of the distribution less one.
    scale : float, default 1
        The unit of x.

    Examples
    --------
    >>> mu = Gamma(2.0)
    >>> x, w = mu.orthonormal_family().gauss(2)
    >>> round(float(w @ x), 12)  # the mean is alpha + 1
    3.0
    """

    alpha: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        value = check_finite(self.alpha, "alpha")
        if value <= -1.0:
            raise argument_error(
                "alpha", value, "a finite number above -1", "Pass alpha=0 for the exponential law."
            )
        check_positive(self.scale, "scale")
        check_resolution(self)

    @property
    def location(self) -> float:  # type: ignore[override]
        """Zero."""
        return 0.0

    @property
    def _standard_support(self) -> tuple[float, float]:
        return (0.0, math.inf)

    def recurrence(self, count: int) -> tuple[Array, Array]:
        """a_j = 2 j + alpha + 1 and b_j = sqrt(j (j + alpha))."""
        j = np.arange(count + 1, dtype=np.float64)
        alpha = float(self.alpha)
        beside = np.sqrt(j * np.maximum(j + alpha, 0.0))
        beside[0] = 1.0
        return 2.0 * j[:count] + (alpha + 1.0), beside

    def eigenvalues(self, count: int) -> Array:
        """lambda_j = j."""
        return np.arange(count, dtype=np.float64)

    def _log_power(self, t: Array, power: float) -> Array:
        value = np.full(t.shape, -math.lgamma(float(self.alpha) + 1.0)) - t
        if power != 0.0:
            with np.errstate(divide="ignore"):
                value = value + power * np.log(np.maximum(t, 0.0))
        value[t < 0.0] = -np.inf
        return value

    def _log_standard_pdf(self, t: Array) -> Array:
        return self._log_power(t, float(self.alpha))

    def _log_flux(self, t: Array) -> Array:
        return self._log_power(t, float(self.alpha) + 1.0)

    def _standard_cdf(self, t: Array) -> Array:
        from scipy.special import gammainc

        return np.asarray(gammainc(float(self.alpha) + 1.0, np.maximum(t, 0.0)))

    def _standard_quantile(self, u: Array) -> Array:
        from scipy.special import gammaincinv

        return np.asarray(gammaincinv(float(self.alpha) + 1.0, u))


@dataclass(frozen=True)
class Exponential(Gamma):
    """The exponential distribution, whose polynomials are Laguerre's with alpha = 0.

    Parameters
    ----------
    scale : float, default 1
        The mean.

    Examples
    --------
    >>> round(float(Exponential().cdf(1.0)), 6)
    0.632121
    """

    alpha: float = 0.0

    def __init__(self, scale: float = 1.0) -> None:
        object.__setattr__(self, "alpha", 0.0)
        object.__setattr__(self, "scale", scale)
        self.__post_init__()

    def __repr__(self) -> str:
        return f"Exponential(scale={self.scale})"

    def _standard_cdf(self, t: Array) -> Array:
        return np.asarray(-np.expm1(-np.maximum(t, 0.0)))

    def _standard_quantile(self, u: Array) -> Array:
        with np.errstate(divide="ignore"):  # u = 1
            return np.asarray(-np.log1p(-u))
