"""What a family of orthonormal functions on the line offers; `TensorBasis` multiplies them."""

from __future__ import annotations

import abc

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_whole
from .measures import Array, UnivariateMeasure, check_points

__all__ = ["OrthonormalFamily", "check_degree"]

IntArray = npt.NDArray[np.int64]


def check_degree(degree: object) -> int:
    """Return a degree, an integer of at least 0, or raise."""
    return check_whole(degree, "degree", example=5)


class OrthonormalFamily(abc.ABC):
    """Functions phi_0, phi_1, phi_2, … on the line, orthonormal for a measure.

    Attributes
    ----------
    measure : UnivariateMeasure
        The measure mu for which the integral of phi_i phi_j is 1 if i = j, else 0.
    starts_with_one : bool
        Whether phi_0 = 1, as for all families but bases of splines and of local polynomials.
    """

    measure: UnivariateMeasure
    starts_with_one: bool = True
    runs_on_device: bool = False  # whether values are computed for points on a GPU

    @property
    def max_degree(self) -> int | None:
        """The largest number of a function; None if there is none."""
        return None

    def check_degree(self, degree: object) -> int:
        """The number of a function of this family, or raise."""
        number = check_degree(degree)
        if self.max_degree is not None and number > self.max_degree:
            raise argument_error(
                "degree",
                number,
                f"at most {self.max_degree} for {self!r}",
                "Use fewer functions in this coordinate.",
            )
        return number

    @abc.abstractmethod
    def _values(self, x: Array, degree: int) -> Array:
        """phi_0 … phi_degree at checked points (n,), shape (n, degree + 1)."""

    @abc.abstractmethod
    def _values_and_slopes(self, x: Array, degree: int) -> tuple[Array, Array]:
        """The same and the derivatives."""

    @abc.abstractmethod
    def induced_cdf(self, x: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Distribution function of the density phi_degree^2 dmu at x, shape (n,)."""

    @abc.abstractmethod
    def induced_quantile(self, u: npt.ArrayLike, degree: int | IntArray) -> Array:
        """Its inverse at u in (0, 1), shape (n,); one degree for all, or one for each u."""

    def integrals(self, degree: int) -> Array:
        """Means over the measure of phi_0 … phi_degree, shape (degree + 1,)."""
        means = np.zeros(self.check_degree(degree) + 1)
        means[0] = 1.0
        return means

    def evaluate(self, x: npt.ArrayLike, degree: int) -> Array:
        """phi_0 … phi_degree at points x (n,), shape (n, degree + 1)."""
        points = check_points(x, 1, device=self.runs_on_device)
        return self._values(points[:, 0], self.check_degree(degree))

    def derivative(self, x: npt.ArrayLike, degree: int) -> Array:
        """First derivatives of phi_0 … phi_degree at points x (n,), shape (n, degree + 1)."""
        points = check_points(x, 1, device=self.runs_on_device)
        return self._values_and_slopes(points[:, 0], self.check_degree(degree))[1]

    def evaluate_scaled(self, x: npt.ArrayLike, degree: int) -> tuple[Array, IntArray]:
        """Mantissas and binary exponents of `evaluate`, which cannot overflow."""
        values = self.evaluate(x, degree)
        return values, np.zeros(values.shape, dtype=np.int64)

    def evaluate_normalised(self, x: npt.ArrayLike, degree: int) -> Array:
        """`evaluate` with every row divided by its length sqrt(k(x)); never overflows."""
        mantissas, exponents = self.evaluate_scaled(x, degree)
        shifted = exponents - exponents.max(axis=1)[:, None]
        values = np.ldexp(mantissas, np.maximum(shifted, -3000))
        normalised: Array = values / np.sqrt(np.einsum("ij,ij->i", values, values))[:, None]
        return normalised

    def christoffel(self, x: npt.ArrayLike, degree: int) -> Array:
        """k(x) = phi_0^2 + … + phi_degree^2, shape (n,)."""
        values = self.evaluate(x, degree)
        k: Array = np.einsum("ij,ij->i", values, values)
        return k
