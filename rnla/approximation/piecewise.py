"""Functions by cells of an interval: Haar's wavelets and local Legendre polynomials.

Both are orthonormal for the uniform measure. Haar's functions 0 … 2^J - 1 span the step functions
on 2^J equal cells. Local polynomials of degree p on c equal cells span the discontinuous piecewise
polynomials; their projection DPP draws p + 1 points in each cell, independently of the others. All
multiwavelets of order p up to level J span what local polynomials on 2^J cells do, and Haar's the
step functions; fits and laws depend on the span alone, so a full level needs no wavelets.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._errors import check_size
from .family import IntArray, OrthonormalFamily, check_degree
from .fourier import check_uniform
from .induced import check_degrees, check_levels
from .measures import Array, Uniform, check_points
from .orthogonal_polynomials import OrthogonalPolynomials

__all__ = ["Haar", "PiecewiseLegendre"]


class Haar(OrthonormalFamily):
    """Haar's wavelets on an interval.

    Parameters
    ----------
    measure : Uniform
        The uniform measure on the interval.

    Notes
    -----
    Function 0 is 1; function 2^j + k is 2^(j/2) on the left half and -2^(j/2) on the right half of
    cell k out of 2^j. O(log degree) of them are not 0 at a point.

    Examples
    --------
    >>> from rnla.approximation import Uniform
    >>> Haar(Uniform(0, 1)).evaluate([0.6], 3).round(6).tolist()
    [[1.0, -1.0, 0.0, 1.414214]]
    """

    def __init__(self, measure: Uniform) -> None:
        self.measure = check_uniform(measure)
        self._low = float(self.measure.low)
        self._length = float(self.measure.high) - self._low

    def __repr__(self) -> str:
        return f"Haar({self.measure!r})"

    def _position(self, x: Array) -> Array:
        return (x - self._low) / self._length

    def _values(self, x: Array, degree: int) -> Array:
        # The right end belongs to the last cell.
        s = np.clip(self._position(x), 0.0, np.nextafter(1.0, 0.0))
        values = np.zeros((x.size, degree + 1))
        values[:, 0] = 1.0
        rows = np.arange(x.size)
        for level in range(degree.bit_length()):
            cells = 2**level
            place = s * cells
            cell = place.astype(np.int64)
            number = cells + cell
            sign = np.where(place - cell < 0.5, 1.0, -1.0)
            kept = number <= degree
            values[rows[kept], number[kept]] = sign[kept] * np.sqrt(float(cells))
        return values

    def _values_and_slopes(self, x: Array, degree: int) -> tuple[Array, Array]:
        values = self._values(x, degree)
        return values, np.zeros_like(values)

    def _cells(self, degrees: IntArray) -> tuple[Array, Array]:
        """Where the support of each function begins in [0, 1], and its length."""
        length = np.ones(degrees.size)
        positive = degrees > 0
        length[positive] = np.ldexp(1.0, 1 - np.frexp(degrees[positive].astype(np.float64))[1])
        start = np.where(positive, degrees * length - 1.0, 0.0)
        return start, length

    def induced_cdf(self, x: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Distribution function of phi_degree^2 dmu at x (n,), shape (n,)."""
        points = check_points(x, 1)[:, 0]
        start, length = self._cells(check_degrees(degree, points.size))
        return np.clip((self._position(points) - start) / length, 0.0, 1.0)

    def induced_quantile(self, u: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Inverse of `induced_cdf` at u in (0, 1), one degree for all or one for each u."""
        levels = check_levels(u)
        start, length = self._cells(check_degrees(degree, levels.size))
        values: Array = self._low + self._length * (start + length * levels)
        return values


class PiecewiseLegendre(OrthonormalFamily):
    """Legendre polynomials on each of several equal cells of an interval, zero elsewhere.

    Parameters
    ----------
    measure : Uniform
        The uniform measure on the interval.
    cells : int
        Number of cells.
    degree : int, default 0
        Largest degree p in a cell; 0 gives step functions.

    Notes
    -----
    Function number c (p + 1) + q has degree q on cell c. There are cells (p + 1) of them.

    Examples
    --------
    >>> from rnla.approximation import Uniform
    >>> family = PiecewiseLegendre(Uniform(0, 1), 4)
    >>> family.evaluate([0.3], 3).tolist()
    [[0.0, 2.0, 0.0, 0.0]]
    """

    starts_with_one = False

    def __init__(self, measure: Uniform, cells: int, *, degree: int = 0) -> None:
        self.measure = check_uniform(measure)
        self.cells = check_size(cells, name="cells")
        self.degree = check_degree(degree)
        self._low = float(self.measure.low)
        self._length = float(self.measure.high) - self._low
        self._local = OrthogonalPolynomials(Uniform(0.0, 1.0))

    def __repr__(self) -> str:
        return f"PiecewiseLegendre({self.measure!r}, {self.cells}, degree={self.degree})"

    @property
    def max_degree(self) -> int:
        """The number of the last function."""
        return self.cells * (self.degree + 1) - 1

    def _place(self, x: Array) -> tuple[IntArray, Array]:
        """Cell and position within it; the right end belongs to the last cell."""
        s = (x - self._low) / self._length * self.cells
        cell = np.clip(np.floor(s), 0, self.cells - 1).astype(np.int64)
        return cell, s - cell

    def _spread(self, local: Array, cell: IntArray, degree: int) -> Array:
        """Values of the functions of a cell put at their numbers."""
        values = np.zeros((cell.size, self.max_degree + 1))
        columns = cell[:, None] * (self.degree + 1) + np.arange(self.degree + 1)
        values[np.arange(cell.size)[:, None], columns] = local
        return np.ascontiguousarray(values[:, : degree + 1])

    def _values(self, x: Array, degree: int) -> Array:
        return self._values_and_slopes(x, degree)[0]

    def _values_and_slopes(self, x: Array, degree: int) -> tuple[Array, Array]:
        cell, inside = self._place(x)
        values, slopes = self._local._values_and_slopes(inside, self.degree)
        root = np.sqrt(float(self.cells))
        factor = root * self.cells / self._length
        return (
            self._spread(root * values, cell, degree),
            self._spread(factor * slopes, cell, degree),
        )

    def integrals(self, degree: int) -> Array:
        """Means over the measure of phi_0 … phi_degree, shape (degree + 1,)."""
        means = np.zeros(self.check_degree(degree) + 1)
        means[:: self.degree + 1] = 1.0 / np.sqrt(float(self.cells))
        return means

    def induced_cdf(self, x: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Distribution function of phi_degree^2 dmu at x (n,), shape (n,)."""
        points = check_points(x, 1)[:, 0]
        cell, local = self._split(degree, points.size)
        inside = (points - self._low) / self._length * self.cells - cell
        return self._local.induced_cdf(np.clip(inside, 0.0, 1.0), local)

    def induced_quantile(self, u: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Inverse of `induced_cdf` at u in (0, 1), one degree for all or one for each u."""
        levels = check_levels(u)
        cell, local = self._split(degree, levels.size)
        inside = self._local.induced_quantile(levels, local)
        values: Array = self._low + self._length * (cell + inside) / self.cells
        return values

    def _split(self, degree: int | IntArray, n: int) -> tuple[IntArray, IntArray]:
        """Cell and local degree of each function number."""
        degrees = check_degrees(degree, n)
        if degrees.size:
            self.check_degree(int(degrees.max()))
        return degrees // (self.degree + 1), degrees % (self.degree + 1)
