"""Orthonormal polynomials of a measure on the line, by their three-term recurrence.

Values come from the recurrence in orthonormal scaling, forward, in the standard variable of the
measure; far outside the zone of oscillation, where Hermite and Laguerre polynomials overflow, a
binary exponent is carried along. Gauss rules are the eigenvalues of the Jacobi matrix (Golub and
Welsch, Math. Comp. 23, 1969), with weights 1/k at the nodes. 5 flops per value.
"""

from __future__ import annotations

import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_size
from ..tall._device import beside
from .family import IntArray, OrthonormalFamily
from .measures import Array, UnivariateMeasure, check_points

__all__ = ["OrthogonalPolynomials"]


class OrthogonalPolynomials(OrthonormalFamily):
    """The polynomials phi_0, phi_1, … of degree 0, 1, …, orthonormal for a measure on the line.

    Parameters
    ----------
    measure : UnivariateMeasure
        Uniform gives Legendre, Gaussian Hermite, Gamma Laguerre, Chebyshev and Jacobi their own,
        a discrete measure its discrete polynomials. Leading coefficients are positive.

    Examples
    --------
    >>> from rnla.approximation import OrthogonalPolynomials, Uniform
    >>> legendre = OrthogonalPolynomials(Uniform())
    >>> legendre.evaluate([1.0], 2).round(6).tolist()  # sqrt(2 j + 1)
    [[1.0, 1.732051, 2.236068]]
    >>> x, w = legendre.gauss(3)
    >>> round(float(w @ x**4), 12)  # the mean of x^4 is 1/5
    0.2
    """

    runs_on_device = True

    def __init__(self, measure: UnivariateMeasure) -> None:
        if not isinstance(measure, UnivariateMeasure):
            raise argument_error(
                "measure",
                type(measure).__name__,
                "a measure on the line",
                "Pass for instance Uniform(-1, 1); TensorBasis takes products.",
                kind=ArgumentTypeError,
            )
        self.measure = measure

    def __repr__(self) -> str:
        return f"OrthogonalPolynomials({self.measure!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OrthogonalPolynomials) and self.measure == other.measure

    def __hash__(self) -> int:
        return hash((type(self), self.measure))

    @property
    def max_degree(self) -> int | None:
        """None, or one less than the number of atoms of a discrete measure."""
        return self.measure.max_degree

    def recurrence(self, degree: int) -> tuple[Array, Array]:
        """Coefficients a (degree,), b (degree + 1,) in the standard variable, b[0] = 1."""
        return self.measure.recurrence(self.check_degree(degree))

    def _recurrence_beside(self, x: Array, degree: int) -> tuple[Array, Array]:
        """The recurrence in the standard variable, where the points are."""
        a, b = self.measure.recurrence(degree)
        return beside(x, a), beside(x, b)

    def _values(self, x: Array, degree: int) -> Array:
        from ..kernels import three_term

        values: Array = three_term.evaluate(
            self.measure.standardise(x), *self._recurrence_beside(x, degree)
        )
        return values

    def _values_and_slopes(self, x: Array, degree: int) -> tuple[Array, Array]:
        from ..kernels import three_term

        values, slopes = three_term.derivatives(
            self.measure.standardise(x), *self._recurrence_beside(x, degree)
        )
        slopes /= self.measure.scale
        return values, slopes

    def evaluate_scaled(self, x: npt.ArrayLike, degree: int) -> tuple[Array, IntArray]:
        """Mantissas and int64 exponents, each (n, degree + 1): phi = mantissa * 2**exponent."""
        from ..kernels import three_term

        points = check_points(x, 1, device=True)[:, 0]
        mantissas, exponents = three_term.evaluate_scaled(
            self.measure.standardise(points),
            *self._recurrence_beside(points, self.check_degree(degree)),
        )
        return mantissas, exponents

    def gauss(self, n: int) -> tuple[Array, Array]:
        """The Gauss rule of n nodes: exact for polynomials of degree up to 2 n - 1.

        Parameters
        ----------
        n : int

        Returns
        -------
        nodes : ndarray, shape (n,)
            Increasing.
        weights : ndarray, shape (n,)
            Positive, with sum 1.

        Notes
        -----
        O(n^2): eigenvalues of a tridiagonal matrix, then the recurrence at each of them.
        """
        from scipy.linalg import eigh_tridiagonal

        n = check_size(n, name="n")
        diagonal, beside = self.measure.recurrence(n)
        standard = eigh_tridiagonal(diagonal, beside[1:n], eigvals_only=True)
        nodes: Array = self.measure.location + self.measure.scale * standard
        weights = self.evaluate_normalised(nodes, n - 1)[:, 0] ** 2
        return nodes, weights / weights.sum()

    def induced_cdf(self, x: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Distribution function of phi_degree^2 dmu at x (n,), in closed form; shape (n,)."""
        from . import induced

        return induced.cdf(self, x, degree)

    def induced_quantile(self, u: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Inverse of `induced_cdf` at u in (0, 1), one degree for all or one for each u."""
        from . import induced

        return induced.quantile(self, u, degree)
