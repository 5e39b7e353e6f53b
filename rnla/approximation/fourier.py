"""Trigonometric polynomials on an interval, orthonormal for the uniform measure.

With s = (x - low) / (high - low): 1, sqrt(2) cos 2 pi s, sqrt(2) sin 2 pi s, sqrt(2) cos 4 pi s, …
The first m of them have k = m everywhere when m is odd, so the optimal measure is uniform. Induced
distributions are s + sin(4 pi f s) / (4 pi f) for cosines of frequency f, with a minus for sines.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error
from ._inversion import invert
from .family import IntArray, OrthonormalFamily
from .induced import check_degrees, check_levels
from .measures import Array, Uniform, UnivariateMeasure, check_points

__all__ = ["Fourier", "check_uniform"]

_TWO_PI = 2.0 * np.pi


def check_uniform(measure: UnivariateMeasure) -> Uniform:
    """The uniform measure, or raise."""
    if not isinstance(measure, Uniform):
        raise argument_error(
            "measure",
            repr(measure),
            "a Uniform measure",
            "Pass for instance Uniform(0, 1).",
            kind=ArgumentTypeError,
        )
    return measure


class Fourier(OrthonormalFamily):
    """Real trigonometric functions with the interval as their period.

    Parameters
    ----------
    measure : Uniform
        The uniform measure on one period.

    Notes
    -----
    Function number 2 f - 1 is the cosine, number 2 f the sine of frequency f. Index sets count
    these numbers: a tensor product of degree 4 has frequencies up to 2.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform
    >>> mu = Uniform(0, 1)
    >>> basis = TensorBasis(mu, 4, families=[Fourier(mu)])
    >>> basis.christoffel([0.1, 0.7]).round(12).tolist()
    [5.0, 5.0]
    """

    def __init__(self, measure: Uniform) -> None:
        self.measure = check_uniform(measure)
        self._low = float(self.measure.low)
        self._length = float(self.measure.high) - self._low

    def __repr__(self) -> str:
        return f"Fourier({self.measure!r})"

    def _values_and_slopes(self, x: Array, degree: int) -> tuple[Array, Array]:
        # Angles of the position within the period: large x lose no accuracy to the frequency.
        s = np.mod((x - self._low) / self._length, 1.0)[:, None]
        frequency = np.arange(1, degree // 2 + 2)
        angle = _TWO_PI * np.mod(s * frequency, 1.0)
        cosine, sine = np.sqrt(2.0) * np.cos(angle), np.sqrt(2.0) * np.sin(angle)
        values = np.ones((x.size, 2 * frequency.size + 1))
        values[:, 1::2], values[:, 2::2] = cosine, sine
        slopes = np.zeros_like(values)
        factor = _TWO_PI * frequency / self._length
        slopes[:, 1::2], slopes[:, 2::2] = -factor * sine, factor * cosine
        return values[:, : degree + 1], slopes[:, : degree + 1]

    def _values(self, x: Array, degree: int) -> Array:
        return np.ascontiguousarray(self._values_and_slopes(x, degree)[0])

    def induced_cdf(self, x: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Distribution function of phi_degree^2 dmu at x (n,), shape (n,)."""
        points = check_points(x, 1)[:, 0]
        s = np.clip((points - self._low) / self._length, 0.0, 1.0)
        return _distribution(s, check_degrees(degree, s.size))[0]

    def induced_quantile(self, u: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Inverse of `induced_cdf` at u in (0, 1), one degree for all or one for each u."""
        levels = check_levels(u)
        degrees = check_degrees(degree, levels.size)
        s = levels.copy()
        waves = np.flatnonzero(degrees > 0)
        if waves.size:
            chosen, wanted = degrees[waves], levels[waves]
            # Half a wave of frequency f carries the mass 1 / (2 f).
            halves = 2.0 * ((chosen + 1) // 2)
            low = np.floor(wanted * halves) / halves
            high = low + 1.0 / halves

            def function(t: Array, rows: IntArray) -> tuple[Array, Array]:
                return _distribution(t, chosen[rows])

            s[waves] = invert(function, wanted, low, high, wanted.copy())
        values: Array = np.clip(
            self._low + self._length * s, self._low, float(self._low + self._length)
        )
        return values


def _distribution(s: Array, degrees: IntArray) -> tuple[Array, Array]:
    """F and its density at positions s of [0, 1]."""
    frequency = (degrees + 1) // 2
    sign = np.where(degrees % 2 == 1, 1.0, -1.0)
    sign[degrees == 0] = 0.0
    turn = 2.0 * _TWO_PI * np.maximum(frequency, 1)
    angle = turn * s
    return s + sign * np.sin(angle) / turn, 1.0 + sign * np.cos(angle)
