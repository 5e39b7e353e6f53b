"""Features of the user orthonormalised numerically on points of a measure (SPEC A18).

The matrix sqrt(w_i) psi_j(x_i) over the atoms of a discrete measure is scaled by columns, factored
by QR with column pivoting to find its numerical rank, and the kept columns by QR a second time, so
that the basis is orthonormal to rounding however nearly dependent the features are. A continuous
measure is replaced by points drawn from it. O(N M^2) work, once; O(M^2) at every later point.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_fraction, check_size, check_whole
from ..random import RNGLike, Stream, resolve_seed
from ..tall import single_threaded_blas
from .index_sets import IntArray
from .measures import Array, Discrete, Measure, check_points
from .measures._base import refuse_device

__all__ = ["NumericalBasis"]

Features = Callable[[Array], npt.ArrayLike]


class NumericalBasis:
    """An orthonormal basis of the span of given features.

    Parameters
    ----------
    features : callable
        Takes points (n, d) and returns their features (n, M), finite real numbers.
    measure : Measure
        A `Discrete` measure is used as it is; of any other, `size` points are drawn, and the
        basis is orthonormal for these points with equal weights.
    size : int, optional
        Points to draw from a measure that is not discrete: 100 M if not given. The mean of
        squares over them is close to that over the measure once size is well above
        sup k log m.
    dependent : {"error", "drop"}
        What to do if features are numerically dependent: raise, or keep as many as the rank.
    rcond : float, default 1e-10
        A feature is dependent if what the others leave of it, in columns scaled to length 1, is
        below rcond times the largest.
    rng : None, int, Generator or SeedSequence, optional
        Seed of the points.

    Attributes
    ----------
    measure : Discrete
        The measure for which the basis is orthonormal.
    dimension : int
        Number m of functions: the numerical rank.
    kept : ndarray of int64, shape (m,)
        Features that were kept, most independent first.
    gap : float
        How far the first dropped feature falls below the last kept one; inf if none is dropped.
    seed : int or None
        Seed of the points drawn; None for a discrete measure.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If features are not finite, or dependent, which names the numerical rank.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.approximation import Discrete, NumericalBasis
    >>> mu = Discrete(np.linspace(0, 1, 50))
    >>> basis = NumericalBasis(lambda x: np.hstack([x**0, np.exp(x), np.sin(9 * x)]), mu)
    >>> basis.dimension
    3
    >>> round(float(mu.weights @ basis.christoffel(mu.points)), 9)
    3.0
    """

    def __init__(
        self,
        features: Features,
        measure: Measure,
        *,
        size: int | None = None,
        dependent: str = "error",
        rcond: float = 1e-10,
        rng: RNGLike = None,
    ) -> None:
        if not callable(features):
            raise argument_error(
                "features",
                type(features).__name__,
                "a function from points (n, d) to features (n, M)",
                "Pass for instance lambda x: np.hstack([x**0, x]).",
                kind=ArgumentTypeError,
            )
        if not isinstance(measure, Measure):
            raise argument_error(
                "measure",
                type(measure).__name__,
                "a measure",
                "Pass for instance Discrete(points).",
                kind=ArgumentTypeError,
            )
        if dependent not in ("error", "drop"):
            raise argument_error("dependent", dependent, "'error' or 'drop'", "Pass 'drop'.")
        rcond = check_fraction(rcond, "rcond")
        self._features = features
        self.seed: int | None = None
        if isinstance(measure, Discrete):
            self.measure = measure
        else:
            self.seed = resolve_seed(rng)
            if size is None:
                size = 100 * self._raw(measure.sample(1, rng=self.seed), None).shape[1]
            size = check_size(size)
            self.measure = Discrete(measure.sample(size, rng=self.seed))
        self._orthonormalise(dependent, rcond)

    def __repr__(self) -> str:
        return f"NumericalBasis({self.dimension} functions, {self.measure!r})"

    def __len__(self) -> int:
        return self.dimension

    @property
    def dimension(self) -> int:
        """The number m of functions."""
        return int(self.kept.size)

    def _raw(self, points: Array, width: int | None) -> Array:
        """Features at points, checked."""
        expected = "one row of finite real features for each point"
        remedy = "Check the function at that point."
        given = self._features(points)
        refuse_device(given, "features")
        raw = np.asarray(given)
        n = points.shape[0]
        if raw.ndim == 1 and raw.size == n:
            raw = raw[:, None]
        if raw.dtype.kind not in "fiub":
            raise argument_error(
                "features", f"dtype {raw.dtype}", expected, remedy, kind=ArgumentTypeError
            )
        if raw.ndim != 2 or raw.shape[0] != n or raw.shape[1] == 0:
            raise argument_error(
                "features", f"shape {raw.shape} for {n} points", expected, "Return (n, M)."
            )
        if width is not None and raw.shape[1] != width:
            raise argument_error(
                "features", f"{raw.shape[1]} columns", f"{width} as before", "Return (n, M)."
            )
        finite = np.isfinite(raw)
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            raise argument_error(
                "features",
                f"{raw[row, column]} in column {column} at the point {points[row].tolist()}",
                expected,
                remedy,
            )
        return raw.astype(np.float64)

    def _orthonormalise(self, dependent: str, rcond: float) -> None:
        from scipy.linalg import qr, solve_triangular

        raw = self._raw(self.measure.points, None)
        self._width = raw.shape[1]
        roots = np.sqrt(self.measure.weights)[:, None]
        # Powers of two: scaling must not round what is then nearly cancelled.
        largest = np.abs(raw).max(axis=0)
        scale = _power_of_two(largest)
        raw *= scale
        lengths = np.linalg.norm(raw * roots, axis=0)
        finer = _power_of_two(lengths)
        raw *= finer
        rows = raw * roots
        with single_threaded_blas():
            triangle, order = qr(rows, mode="r", pivoting=True, check_finite=False)
            pivots = np.abs(np.diagonal(triangle))
            rank = int((pivots > rcond * pivots.max()).sum()) if pivots.max() > 0.0 else 0
            if rank < self._width and (dependent == "error" or rank == 0):
                raise argument_error(
                    "features",
                    f"numerical rank {rank} of {self._width} features on "
                    f"{self.measure.points.shape[0]} points",
                    "linearly independent features",
                    "Pass dependent='drop' to keep as many as the rank, or use more points.",
                )
            self.kept: IntArray = order[:rank].astype(np.int64)
            self.gap = float(pivots[rank - 1] / pivots[rank]) if rank < pivots.size else np.inf
            self._scales = scale[self.kept], finer[self.kept]
            self._first = np.linalg.qr(rows[:, self.kept], mode="r")
            # The second time the functions as they are evaluated, rounding errors included.
            once = solve_triangular(
                self._first, raw[:, self.kept].T, trans="T", check_finite=False
            ).T
            frame, self._second = np.linalg.qr(once * roots)
        shares = (frame**2).sum(axis=1)
        self._cumulative = np.cumsum(shares)

    def evaluate(self, x: npt.ArrayLike) -> Array:
        """Values of all functions at points x (n, d), shape (n, m)."""
        from scipy.linalg import solve_triangular

        points = check_points(x, self.measure.dimension)
        rows = self._raw(points, self._width)[:, self.kept]
        for scale in self._scales:
            rows *= scale
        for triangle in (self._first, self._second):
            rows = solve_triangular(triangle, rows.T, trans="T", check_finite=False).T
        return np.ascontiguousarray(rows)

    def evaluate_normalised(self, x: npt.ArrayLike) -> Array:
        """Values divided by sqrt(k(x)), shape (n, m); zeros where all functions vanish."""
        values = self.evaluate(x)
        lengths = np.linalg.norm(values, axis=1, keepdims=True)
        normalised: Array = values / np.where(lengths > 0.0, lengths, 1.0)
        return normalised

    def christoffel(self, x: npt.ArrayLike) -> Array:
        """k(x), the sum of the squares of all functions, shape (n,)."""
        values = self.evaluate(x)
        return np.asarray(np.einsum("ij,ij->i", values, values))

    def integrals(self) -> Array:
        """Means of all functions over the measure, shape (m,)."""
        means: Array = self.measure.weights @ self.evaluate(self.measure.points)
        return means

    def induced_sample(
        self, n: int, *, rng: RNGLike = None, first: int = 0, draw: int = 0
    ) -> Array:
        """Independent points of nu_m = (k / m) mu, which are atoms of the measure.

        Parameters
        ----------
        n : int
            How many.
        rng : None, int, Generator or SeedSequence, optional
            See `rnla.resolve_seed`.
        first, draw : int, default 0
            Point i depends on (seed, draw, first + i) only.

        Returns
        -------
        ndarray, shape (n, d)
        """
        n = check_size(n, name="n")
        first, draw = check_whole(first, "first"), check_whole(draw, "draw")
        stream = Stream(resolve_seed(rng), "induced measure")
        u = stream.uniform(range(first, first + n), draw=draw) * self._cumulative[-1]
        places = np.minimum(np.searchsorted(self._cumulative, u), self._cumulative.size - 1)
        chosen: Array = self.measure.points[places]
        return chosen


def _power_of_two(sizes: Array) -> Array:
    """Factors that bring sizes close to 1; 1 for a size of 0."""
    exponents = np.clip(np.frexp(sizes)[1], -1000, 1000)
    factors: Array = np.ldexp(1.0, -exponents)
    return factors
