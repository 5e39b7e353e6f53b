"""Splines of degree p on an interval, orthonormal for the uniform measure.

The Gram matrix B of the B-splines is banded; with B = L L^T (banded Cholesky) the functions
phi = L^-1 b are orthonormal, at O(m p) work a point. Integrals of products are exact: Gauss rules
of p + 1 nodes in every cell. Cox and de Boor's recurrence is SciPy's.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from .._errors import argument_error
from ._inversion import invert
from .family import IntArray, OrthonormalFamily, check_degree
from .fourier import check_uniform
from .induced import check_degrees, check_levels
from .measures import Array, Uniform, as_floats, check_points
from .orthogonal_polynomials import OrthogonalPolynomials

__all__ = ["BSplines"]


class BSplines(OrthonormalFamily):
    """Splines with given breaks, orthonormalised from left to right.

    Parameters
    ----------
    measure : Uniform
        The uniform measure on the interval.
    breaks : int or array_like
        Number of equal cells; or the points strictly inside the interval, increasing, where
        cells meet.
    degree : int, default 3
        Degree p of the pieces; p - 1 derivatives are continuous.

    Attributes
    ----------
    breaks : ndarray
        The points strictly inside the interval where cells meet.
    max_degree : int
        Number of the last function: cells + p - 1.

    Notes
    -----
    Function j is a combination of the first j + 1 B-splines. Points outside the interval are
    evaluated on the continued pieces.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform
    >>> mu = Uniform(0, 1)
    >>> family = BSplines(mu, 4)
    >>> basis = TensorBasis(mu, range(family.max_degree + 1), families=[family])
    >>> basis.dimension
    7
    """

    starts_with_one = False

    def __init__(self, measure: Uniform, breaks: int | npt.ArrayLike, *, degree: int = 3) -> None:
        self.measure = check_uniform(measure)
        self.degree = check_degree(degree)
        low, high = float(measure.low), float(measure.high)
        expected = "a number of cells, or increasing points strictly inside the interval"
        if isinstance(breaks, (int, np.integer)):
            if breaks < 1:
                raise argument_error("breaks", breaks, expected, "Pass for instance breaks=8.")
            inner = np.linspace(low, high, int(breaks) + 1)[1:-1]
        else:
            inner = as_floats(breaks, "breaks", expected, "Pass for instance breaks=8.")
            edges = np.concatenate([[low], inner.ravel(), [high]])
            if inner.ndim != 1 or not (np.diff(edges) > 0.0).all():
                raise argument_error(
                    "breaks", np.array2string(inner, threshold=6), expected, "Sort them."
                )
        self.breaks: Array = inner
        self._edges = np.concatenate([[low], inner, [high]])

    def __repr__(self) -> str:
        return f"BSplines({self.measure!r}, {self._edges.size - 1} cells, degree={self.degree})"

    @property
    def max_degree(self) -> int:
        """The number of the last function."""
        return int(self._edges.size - 2 + self.degree)

    @cached_property
    def _rule(self) -> tuple[Array, Array]:
        """Nodes and weights on [0, 1], exact for squares of pieces."""
        return OrthogonalPolynomials(Uniform(0.0, 1.0)).gauss(self.degree + 1)

    @cached_property
    def _spline(self) -> object:
        from scipy.interpolate import BSpline

        ends = np.full(self.degree, 1.0)
        knots = np.concatenate([self._edges[0] * ends, self._edges, self._edges[-1] * ends])
        return BSpline(knots, np.eye(self.max_degree + 1), self.degree)

    @cached_property
    def _factor(self) -> Array:
        """L of the Gram matrix L L^T, in lower banded form."""
        from scipy.linalg import cholesky_banded

        nodes, weights = self._cell_nodes
        values = self._spline(nodes.ravel())  # type: ignore[operator]
        gram = (values * weights.ravel()[:, None]).T @ values
        m = gram.shape[0]
        bands = np.zeros((self.degree + 1, m))
        for k in range(min(self.degree + 1, m)):
            bands[k, : m - k] = np.diagonal(gram, -k)
        factor: Array = cholesky_banded(bands, lower=True)
        return factor

    @cached_property
    def _cell_nodes(self) -> tuple[Array, Array]:
        """Nodes and weights of the measure, (cells, p + 1)."""
        nodes, weights = self._rule
        widths = np.diff(self._edges)
        total = self._edges[-1] - self._edges[0]
        return (
            self._edges[:-1, None] + widths[:, None] * nodes,
            (widths / total)[:, None] * weights,
        )

    @cached_property
    def _sums(self) -> Array:
        """Mass of phi_j^2 up to every edge, (cells + 1, m); the last row is exactly 1."""
        nodes, weights = self._cell_nodes
        values = self._values(nodes.ravel(), self.max_degree)
        masses = (values**2 * weights.ravel()[:, None]).reshape(*nodes.shape, -1).sum(axis=1)
        sums = np.vstack([np.zeros(masses.shape[1]), np.cumsum(masses, axis=0)])
        sums /= sums[-1]
        return sums

    def _solve(self, splines: Array, degree: int) -> Array:
        from scipy.linalg import solve_banded

        # Function j needs the first j + 1 splines only.
        m = degree + 1
        factor = self._factor[: min(self.degree, degree) + 1, :m]
        solved = solve_banded((factor.shape[0] - 1, 0), factor, splines[:, :m].T)
        return np.ascontiguousarray(solved.T)

    def _values(self, x: Array, degree: int) -> Array:
        return self._solve(self._spline(x), degree)  # type: ignore[operator]

    def _values_and_slopes(self, x: Array, degree: int) -> tuple[Array, Array]:
        if self.degree == 0:
            return self._values(x, degree), np.zeros((x.size, degree + 1))
        slopes = self._spline.derivative()(x)  # type: ignore[attr-defined]
        return self._values(x, degree), self._solve(slopes, degree)

    def integrals(self, degree: int) -> Array:
        """Means over the measure of phi_0 … phi_degree, shape (degree + 1,)."""
        nodes, weights = self._cell_nodes
        values = self._values(nodes.ravel(), self.check_degree(degree))
        means: Array = weights.ravel() @ values
        return means

    def _mass_in_cell(self, x: Array, cell: IntArray, degrees: IntArray) -> Array:
        """Integral of phi_j^2 from the left edge of the cell to x."""
        nodes, weights = self._rule
        width = x - self._edges[cell]
        points = self._edges[cell][:, None] + width[:, None] * nodes
        # All functions, so that the bits do not depend on which others are asked for.
        values = self._values(points.ravel(), self.max_degree)
        rows = np.arange(x.size)[:, None] * nodes.size + np.arange(nodes.size)
        chosen = values[rows, degrees[:, None]]
        total = self._edges[-1] - self._edges[0]
        mass: Array = (chosen**2 * weights).sum(axis=1) * (width / total)
        return mass

    def induced_cdf(self, x: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Distribution function of phi_degree^2 dmu at x (n,), shape (n,)."""
        points = check_points(x, 1)[:, 0]
        degrees = self._check_degrees(degree, points.size)
        inside = np.clip(points, self._edges[0], self._edges[-1])
        cell = np.clip(
            np.searchsorted(self._edges, inside, side="right") - 1, 0, self._edges.size - 2
        )
        mass = self._mass_in_cell(inside, cell, degrees)
        return np.clip(self._sums[cell, degrees] + mass, 0.0, 1.0)

    def induced_quantile(self, u: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Inverse of `induced_cdf` at u in (0, 1), one degree for all or one for each u."""
        levels = check_levels(u)
        degrees = self._check_degrees(degree, levels.size)
        cell = np.empty(levels.size, dtype=np.int64)
        for j in np.unique(degrees):
            rows = degrees == j
            cell[rows] = np.searchsorted(self._sums[:, j], levels[rows], side="left") - 1
        wanted = levels - self._sums[cell, degrees]
        total = self._edges[-1] - self._edges[0]

        def function(x: Array, rows: IntArray) -> tuple[Array, Array]:
            j = degrees[rows]
            values = self._values(x, self.max_degree)[np.arange(x.size), j]
            return self._mass_in_cell(x, cell[rows], j), values**2 / total

        low, high = self._edges[cell].copy(), self._edges[cell + 1].copy()
        return invert(function, wanted, low, high, 0.5 * (low + high))

    def _check_degrees(self, degree: int | IntArray, n: int) -> IntArray:
        degrees = check_degrees(degree, n)
        if degrees.size:
            self.check_degree(int(degrees.max()))
        return degrees
