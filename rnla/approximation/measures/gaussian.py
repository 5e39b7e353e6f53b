"""The normal distribution; its polynomials are Hermite's (probabilists').

Standard variable t ~ N(0, 1): a_j = 0, b_j = sqrt(j), sigma = 1, lambda_j = j.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..._errors import check_finite, check_positive
from ._base import Array, ClassicalMeasure, check_resolution

__all__ = ["Gaussian"]

_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Gaussian(ClassicalMeasure):
    """The normal distribution, whose polynomials are Hermite's.

    Parameters
    ----------
    mean, std : float, default 0, 1
        Mean and standard deviation.

    Examples
    --------
    >>> mu = Gaussian(mean=1.0)
    >>> mu.cdf(1.0).item()
    0.5
    """

    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        check_finite(self.mean, "mean")
        check_positive(self.std, "std")
        check_resolution(self)

    @property
    def location(self) -> float:  # type: ignore[override]
        """The mean."""
        return float(self.mean)

    @property
    def scale(self) -> float:  # type: ignore[override]
        """The standard deviation."""
        return float(self.std)

    @property
    def _standard_support(self) -> tuple[float, float]:
        return (-math.inf, math.inf)

    def recurrence(self, count: int) -> tuple[Array, Array]:
        """a_j = 0 and b_j = sqrt(j)."""
        beside = np.sqrt(np.arange(count + 1, dtype=np.float64))
        beside[0] = 1.0
        return np.zeros(count), beside

    def eigenvalues(self, count: int) -> Array:
        """lambda_j = j."""
        return np.arange(count, dtype=np.float64)

    def _log_standard_pdf(self, t: Array) -> Array:
        value: Array = -0.5 * t * t - _LOG_ROOT_TWO_PI
        return value

    def _log_flux(self, t: Array) -> Array:
        return self._log_standard_pdf(t)

    def _standard_cdf(self, t: Array) -> Array:
        from scipy.special import ndtr

        return np.asarray(ndtr(t))

    def _standard_quantile(self, u: Array) -> Array:
        from scipy.special import ndtri

        return np.asarray(ndtri(u))
