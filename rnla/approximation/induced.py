"""Induced distributions on the line: the laws phi_j^2 dmu of which nu_m is the mixture.

For classical families F_j(x), the integral of phi_j^2 dmu up to x, has a closed form. Write C_{ij}
for the partial integrals of phi_i phi_j. Sturm-Liouville's equation gives C_{ij} for i != j as a
Wronskian at x; expanding x phi_j phi_{j-1} by the recurrence of either factor gives

    b_j (F_j - F_{j-1}) = b_{j+1} C_{j+1,j-1} - b_{j-1} C_{j,j-2} + (a_j - a_{j-1}) C_{j,j-1},

which starts at F_0, the distribution function of mu, and serves Legendre, Chebyshev, Jacobi,
Hermite and Laguerre alike. O(j) work a point, no quadrature. A discrete measure has cumulative
sums, O(N) for each degree that occurs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error
from ._inversion import invert
from .family import IntArray, OrthonormalFamily
from .measures import Array, ClassicalMeasure, DiscreteLine, as_floats, check_points

__all__ = ["cdf", "check_degrees", "check_levels", "quantile"]


def cdf(family: OrthonormalFamily, x: npt.ArrayLike, degree: int | IntArray) -> Array:
    """Distribution function of phi_degree^2 dmu at x (n,) for the polynomials of a measure."""
    points = check_points(x, 1)[:, 0]
    measure = family.measure
    degrees = check_degrees(degree, points.size)
    if isinstance(measure, ClassicalMeasure):
        return _Classical(measure, int(degrees.max(initial=0))).cdf(
            measure.standardise(points), degrees
        )[0]
    if isinstance(measure, DiscreteLine):
        places = np.searchsorted(measure.points, points, side="right")
        result = np.empty(points.size)
        for j, rows in _by_degree(degrees):
            sums = np.concatenate([[0.0], _cumulative(family, measure, j)])
            result[rows] = sums[places[rows]]
        return result
    raise _unknown(measure)


def quantile(family: OrthonormalFamily, u: npt.ArrayLike, degree: int | IntArray) -> Array:
    """Inverse of `cdf` at u (n,) in (0, 1)."""
    levels = check_levels(u)
    measure = family.measure
    degrees = check_degrees(degree, levels.size)
    if isinstance(measure, ClassicalMeasure):
        standard = _Classical(measure, int(degrees.max(initial=0))).quantile(levels, degrees)
        low, high = measure.support[0]
        values: Array = np.clip(measure.location + measure.scale * standard, low, high)
        return values
    if isinstance(measure, DiscreteLine):
        result = np.empty(levels.size)
        for j, rows in _by_degree(degrees):
            sums = _cumulative(family, measure, j)
            result[rows] = measure.points[np.searchsorted(sums, levels[rows])]
        return result
    raise _unknown(measure)


def check_levels(u: npt.ArrayLike) -> Array:
    """Probabilities strictly inside (0, 1) as a vector, or raise."""
    expected = "a vector of numbers strictly between 0 and 1"
    remedy = "The ends of the support are in measure.support."
    levels = np.atleast_1d(as_floats(u, "u", expected, remedy))
    if levels.ndim != 1 or not ((levels > 0.0) & (levels < 1.0)).all():
        raise argument_error("u", np.array2string(levels, threshold=6), expected, remedy)
    return levels


def check_degrees(degree: int | IntArray, n: int) -> IntArray:
    """One degree for each of n points, or raise."""
    degrees = np.asarray(degree)
    if degrees.dtype.kind not in "iu" or degrees.ndim > 1 or degrees.size not in (1, n):
        raise argument_error(
            "degree", repr(degree), f"an integer or {n} of them", "Pass for instance degree=5."
        )
    if degrees.size and degrees.min() < 0:
        raise argument_error("degree", degrees.min(), "degrees of at least 0", "Pass degree=0.")
    return np.broadcast_to(degrees, (n,)).astype(np.int64)


def _unknown(measure: object) -> Exception:
    return argument_error(
        "measure",
        type(measure).__name__,
        "a measure whose induced distributions are known",
        "Orthonormalise on points of it instead, see NumericalBasis.",
        kind=ArgumentTypeError,
    )


def _by_degree(degrees: IntArray) -> list[tuple[int, IntArray]]:
    """Each degree that occurs, with the places where it does."""
    return [(int(j), np.flatnonzero(degrees == j)) for j in np.unique(degrees)]


def _cumulative(family: OrthonormalFamily, measure: DiscreteLine, j: int) -> Array:
    """Sums of phi_j^2 times the weights over the atoms up to each; the last is exactly 1."""
    sums = np.cumsum(measure.weights * family.evaluate(measure.points, j)[:, j] ** 2)
    sums /= sums[-1]
    return sums


class _Classical:
    """Closed forms and their inverses in the standard variable, for degrees up to p."""

    def __init__(self, measure: ClassicalMeasure, p: int) -> None:
        self.measure = measure
        self.diagonal, self.beside = measure.recurrence(p + 1)
        self.eigenvalues = measure.eigenvalues(p + 2)

    def cdf(self, t: Array, degrees: IntArray) -> tuple[Array, Array]:
        """F and the logarithm of phi^2 at t."""
        from ..kernels import induced_cdf

        values: tuple[Array, Array] = induced_cdf.induced_cdf(
            np.ascontiguousarray(t),
            self.measure._log_flux(t),
            self.measure._standard_cdf(t),
            degrees,
            self.diagonal,
            self.beside,
            self.eigenvalues,
        )
        return values

    def quantile(self, u: Array, degrees: IntArray) -> Array:
        """The t with F(t) = u."""
        result = np.empty(u.size)
        flat = degrees == 0
        result[flat] = self.measure._standard_quantile(u[flat])
        rest = np.flatnonzero(~flat)
        if rest.size == 0:
            return result
        u, degrees = u[rest], degrees[rest]

        def function(t: Array, rows: IntArray) -> tuple[Array, Array]:
            value, log_square = self.cdf(t, degrees[rows])
            with np.errstate(over="ignore", invalid="ignore"):
                return value, np.exp(log_square + self.measure._log_standard_pdf(t))

        low, high = self._bracket(u, degrees)
        # Between its outermost zeros phi_j^2 dmu is close to the arcsine law.
        start = 0.5 * (low + high) - 0.5 * (high - low) * np.cos(np.pi * u)
        result[rest] = invert(function, u, low, high, start)
        return result

    def _bracket(self, u: Array, degrees: IntArray) -> tuple[Array, Array]:
        """Two points with F(low) <= u <= F(high)."""
        low_end, high_end = self.measure._standard_support
        # The Jacobi matrix of degree j has norm at most |a_j| + 2 b_{j+1}: zeros lie within.
        reach = np.abs(self.diagonal[degrees]) + 2.0 * self.beside[degrees + 1] + 2.0
        low = np.maximum(-reach, low_end)
        high = np.minimum(reach, high_end)
        for side, end, sign in ((low, low_end, -1.0), (high, high_end, 1.0)):
            while np.isinf(end):
                outside = sign * (u - self.cdf(side, degrees)[0]) > 0.0
                if not outside.any():
                    break
                side[outside] *= 1.5
        return low, high
