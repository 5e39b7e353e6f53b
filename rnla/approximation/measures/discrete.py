"""Discrete measures: finitely many points with weights, in any dimension.

On the line their orthonormal polynomials come from Lanczos' iteration on the diagonal matrix of
the points with full reorthogonalisation (Gautschi, Orthogonal Polynomials, 2004, section 2.2):
O(N count^2) work for N atoms, once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..._errors import ArgumentTypeError, RnlaError, argument_error
from ...random import Stream
from ._base import Array, Measure, UnivariateMeasure, as_floats, check_probabilities

__all__ = ["Discrete", "DiscreteLine"]


class Discrete(Measure):
    """Finitely many points with weights: a table, a sample, a quadrature rule.

    Parameters
    ----------
    points : array_like, shape (N, d), or (N,) for d = 1
        The atoms.
    weights : array_like, shape (N,), optional
        Non-negative, not all zero; scaled to sum 1. Equal if not given.

    Attributes
    ----------
    points : ndarray, shape (N, d)
    weights : ndarray, shape (N,)

    Examples
    --------
    >>> mu = Discrete([0.0, 1.0, 3.0], [1, 2, 1])
    >>> mu.weights.tolist()
    [0.25, 0.5, 0.25]
    """

    def __init__(self, points: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> None:
        remedy = "Pass one point per row."
        atoms = as_floats(points, "points", "an array of finite numbers of shape (N, d)", remedy)
        if atoms.ndim == 1:
            atoms = atoms[:, None]
        if atoms.ndim != 2 or 0 in atoms.shape:
            raise argument_error("points", f"shape {atoms.shape}", "shape (N, d)", remedy)
        n = atoms.shape[0]
        expected = f"{n} non-negative numbers, not all zero"
        masses = (
            np.ones(n)
            if weights is None
            else as_floats(weights, "weights", expected, "Pass one weight for each point.")
        )
        if masses.shape != (n,) or masses.min() < 0.0 or masses.max() == 0.0:
            got = f"shape {masses.shape}" if masses.shape != (n,) else "other ones"
            raise argument_error("weights", got, expected, "Pass one weight for each point.")
        masses = masses / masses.max()  # sums of huge weights must not overflow
        self.points = atoms
        self.weights = masses / masses.sum()
        self.points.flags.writeable = False
        self.weights.flags.writeable = False

    def __repr__(self) -> str:
        n, d = self.points.shape
        return f"Discrete({n} points in {d}-d)"

    @property
    def dimension(self) -> int:
        """Number of coordinates of a point."""
        return int(self.points.shape[1])

    @property
    def support(self) -> Array:
        """Smallest box that holds the atoms, shape (d, 2)."""
        return np.column_stack([self.points.min(axis=0), self.points.max(axis=0)])

    @property
    def marginals(self) -> tuple[UnivariateMeasure, ...]:
        """The measure itself on the line; empty in higher dimension."""
        return (DiscreteLine(self.points[:, 0], self.weights),) if self.dimension == 1 else ()

    def _draw(self, stream: Stream, index: range, draw: int) -> Array:
        sums = np.cumsum(self.weights)
        u = stream.uniform(index, draw=draw) * sums[-1]
        chosen: Array = self.points[np.minimum(np.searchsorted(sums, u), len(sums) - 1)]
        return chosen


class DiscreteLine(UnivariateMeasure):
    """A discrete measure on the line: atoms in increasing order, equal ones merged."""

    def __init__(self, points: Array, weights: Array) -> None:
        positive = weights > 0.0
        self.points, place = np.unique(points[positive], return_inverse=True)
        self.weights = np.bincount(place, weights=weights[positive])
        sums = np.cumsum(self.weights)
        self._sums: Array = sums / sums[-1]
        low, high = float(self.points[0]), float(self.points[-1])
        self.location = 0.5 * low + 0.5 * high
        self.scale = (0.5 * high - 0.5 * low) or 1.0
        self._lanczos: tuple[Array, Array] = (np.empty(0), np.ones(1))

    def __repr__(self) -> str:
        return f"Discrete({len(self.points)} points in 1-d)"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DiscreteLine)
            and np.array_equal(self.points, other.points)
            and np.array_equal(self.weights, other.weights)
        )

    def __hash__(self) -> int:
        return hash((self.points.tobytes(), self.weights.tobytes()))

    @property
    def support(self) -> Array:
        """First and last atom, shape (1, 2)."""
        return self.points[[0, -1]].reshape(1, 2)

    @property
    def max_degree(self) -> int:
        """One less than the number of atoms."""
        return len(self.points) - 1

    @property
    def _standard_support(self) -> tuple[float, float]:
        return (-1.0, 1.0)

    def recurrence(self, count: int) -> tuple[Array, Array]:
        """Coefficients by Lanczos' iteration; b_N is zero for N atoms."""
        if count > len(self.points):
            raise argument_error(
                "degree",
                count,
                f"at most {self.max_degree}, one less than the number of atoms",
                "Use fewer functions or more points.",
            )
        if count > self._lanczos[0].size:
            self._lanczos = self._iterate(min(len(self.points), max(count, 16)))
        diagonal, beside = self._lanczos
        return diagonal[:count].copy(), beside[: count + 1].copy()

    def _iterate(self, count: int) -> tuple[Array, Array]:
        t = self.standardise(self.points)
        frame = np.empty((count + 1, t.size))
        frame[0] = np.sqrt(self.weights)
        frame[0] /= np.linalg.norm(frame[0])
        diagonal = np.empty(count)
        beside = np.ones(count + 1)
        for j in range(count):
            vector = t * frame[j]
            diagonal[j] = vector @ frame[j]
            known = frame[: j + 1]
            for _ in range(2):
                vector -= known.T @ (known @ vector)
            beside[j + 1] = np.linalg.norm(vector) if j + 1 < t.size else 0.0
            frame[j + 1] = vector / beside[j + 1] if beside[j + 1] > 0.0 else 0.0
        return diagonal, beside

    def _standard_cdf(self, t: Array) -> Array:
        return self.cdf(self.location + self.scale * t)

    def cdf(self, x: npt.ArrayLike) -> Array:
        """Total weight of the atoms up to x, same shape as x."""
        places = np.searchsorted(self.points, np.asarray(x, dtype=np.float64), side="right")
        return np.concatenate([[0.0], self._sums])[places]

    def _standard_quantile(self, u: Array) -> Array:
        return self.standardise(self.quantile(u))

    def quantile(self, u: npt.ArrayLike) -> Array:
        """The first atom with distribution function at least u, same shape as u."""
        return self.points[np.searchsorted(self._sums, check_probabilities(u))]

    def _log_standard_pdf(self, t: Array) -> Array:
        raise self._no_density()

    def pdf(self, x: npt.ArrayLike) -> Array:
        """Raises: atoms have no density."""
        raise self._no_density()

    def _no_density(self) -> RnlaError:
        return argument_error(
            "measure",
            repr(self),
            "a measure with a density",
            "Use cdf, or the weights of the atoms.",
            kind=ArgumentTypeError,
        )
