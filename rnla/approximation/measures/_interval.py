"""Measures on an interval: uniform (Legendre), arcsine (Chebyshev) and beta (Jacobi).

Standard variable t in [-1, 1], sigma = 1 - t^2, lambda_j = j (j + a + b + 1) for the density
proportional to (1 - t)^a (1 + t)^b. Recurrence coefficients: Gautschi, Orthogonal Polynomials
(2004), table 1.1, divided into factors that neither overflow nor cancel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..._errors import argument_error, check_finite
from ._base import Array, ClassicalMeasure, check_resolution

__all__ = ["Chebyshev", "Jacobi", "Uniform"]


@dataclass(frozen=True)
class Jacobi(ClassicalMeasure):
    """The beta distribution on [low, high], whose polynomials are Jacobi's.

    Its density is proportional to (high - x)^a (x - low)^b.

    Parameters
    ----------
    a, b : float
        Exponents at the upper and the lower end, above -1.
    low, high : float, default -1, 1
        Ends of the interval.

    Examples
    --------
    >>> import numpy as np
    >>> mu = Jacobi(0.5, 0.5)
    >>> x, w = mu.orthonormal_family().gauss(3)
    >>> bool(np.isclose(w @ x**4, 1 / 8))
    True
    """

    a: float
    b: float
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        ends = check_finite(self.low, "low"), check_finite(self.high, "high")
        if not ends[0] < ends[1]:
            raise argument_error(
                "low, high", ends, "finite numbers with low < high", "Pass low=-1, high=1."
            )
        check_resolution(self)
        for name in ("a", "b"):
            value = check_finite(getattr(self, name), name)
            if value <= -1.0:
                raise argument_error(
                    name, value, "a finite number above -1", f"Pass {name}=0 for no factor."
                )

    @property
    def location(self) -> float:  # type: ignore[override]
        """Middle of the interval."""
        return 0.5 * float(self.low) + 0.5 * float(self.high)

    @property
    def scale(self) -> float:  # type: ignore[override]
        """Half of its length."""
        return 0.5 * float(self.high) - 0.5 * float(self.low)

    @property
    def support(self) -> Array:
        """Ends of the interval, shape (1, 2)."""
        return np.array([[float(self.low), float(self.high)]])

    @property
    def _standard_support(self) -> tuple[float, float]:
        return (-1.0, 1.0)

    def recurrence(self, count: int) -> tuple[Array, Array]:
        """Coefficients of the orthonormal Jacobi polynomials in the standard variable."""
        a, b = float(self.a), float(self.b)
        diagonal = np.empty(count)
        beside = np.ones(count + 1)
        j = np.arange(count + 1, dtype=np.float64)
        total = a + b
        if count > 0:
            diagonal[0] = (b - a) / (total + 2.0)
            k = j[1:count]
            diagonal[1:] = (b - a) / (2.0 * k + total) * ((b + a) / (2.0 * k + total + 2.0))
            beside[1] = math.sqrt(4.0 * (1.0 + a) * (1.0 + b) / (total + 3.0)) / (total + 2.0)
            k = j[2:]
            s = 2.0 * k + total
            beside[2:] = np.sqrt(
                (2.0 * k / s)
                * (2.0 * (k + a) / s)
                * ((k + b) / (s + 1.0))
                * ((k + total) / (s - 1.0))
            )
        return diagonal, beside

    def eigenvalues(self, count: int) -> Array:
        """lambda_j = j (j + a + b + 1)."""
        j = np.arange(count, dtype=np.float64)
        values: Array = j * (j + (float(self.a) + float(self.b) + 1.0))
        return values

    @property
    def _log_constant(self) -> float:
        a, b = float(self.a), float(self.b)
        beta = math.lgamma(a + 1.0) + math.lgamma(b + 1.0) - math.lgamma(a + b + 2.0)
        return -(a + b + 1.0) * math.log(2.0) - beta

    def _log_powers(self, t: Array, a: float, b: float) -> Array:
        """log of constant (1 - t)^a (1 + t)^b; -inf outside the interval."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.full(t.shape, self._log_constant)
            for power, gap in ((a, 1.0 - t), (b, 1.0 + t)):
                if power != 0.0:
                    value = value + power * np.log(np.maximum(gap, 0.0))
        value[np.abs(t) > 1.0] = -np.inf
        return value

    def _log_standard_pdf(self, t: Array) -> Array:
        return self._log_powers(t, float(self.a), float(self.b))

    def _log_flux(self, t: Array) -> Array:
        return self._log_powers(t, float(self.a) + 1.0, float(self.b) + 1.0)

    def _standard_cdf(self, t: Array) -> Array:
        from scipy.special import betainc

        u = np.clip(0.5 * (1.0 + t), 0.0, 1.0)
        values: Array = np.asarray(betainc(float(self.b) + 1.0, float(self.a) + 1.0, u))
        return values

    def _standard_quantile(self, u: Array) -> Array:
        from scipy.special import betaincinv

        values: Array = np.asarray(
            2.0 * betaincinv(float(self.b) + 1.0, float(self.a) + 1.0, u) - 1.0
        )
        return values


@dataclass(frozen=True)
class Uniform(Jacobi):
    """The uniform distribution on [low, high], whose polynomials are Legendre's.

    Parameters
    ----------
    low, high : float, default -1, 1
        Ends of the interval.

    Examples
    --------
    >>> mu = Uniform(0, 2)
    >>> mu.cdf(0.5).item()
    0.25
    """

    a: float = 0.0
    b: float = 0.0

    def __init__(self, low: float = -1.0, high: float = 1.0) -> None:
        object.__setattr__(self, "a", 0.0)
        object.__setattr__(self, "b", 0.0)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        self.__post_init__()

    def __repr__(self) -> str:
        return f"Uniform(low={self.low}, high={self.high})"

    def _standard_cdf(self, t: Array) -> Array:
        return np.clip(0.5 * (1.0 + t), 0.0, 1.0)

    def _standard_quantile(self, u: Array) -> Array:
        return 2.0 * u - 1.0


@dataclass(frozen=True)
class Chebyshev(Jacobi):
    """The arcsine distribution on [low, high], whose polynomials are Chebyshev's first kind.

    Parameters
    ----------
    low, high : float, default -1, 1
        Ends of the interval.

    Examples
    --------
    >>> mu = Chebyshev()
    >>> round(float(mu.cdf(0.5)), 6)
    0.666667
    """

    a: float = -0.5
    b: float = -0.5

    def __init__(self, low: float = -1.0, high: float = 1.0) -> None:
        object.__setattr__(self, "a", -0.5)
        object.__setattr__(self, "b", -0.5)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        self.__post_init__()

    def __repr__(self) -> str:
        return f"Chebyshev(low={self.low}, high={self.high})"

    def _standard_cdf(self, t: Array) -> Array:
        # atan2 keeps its accuracy at both ends, where arccos loses half the digits.
        t = np.clip(t, -1.0, 1.0)
        return np.asarray(np.arctan2(np.sqrt(1.0 + t), np.sqrt(1.0 - t)) * (2.0 / np.pi))

    def _standard_quantile(self, u: Array) -> Array:
        return np.asarray(-np.cos(np.pi * u))
