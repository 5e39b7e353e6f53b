"""What every measure offers, and what a measure on the line adds.

A measure is a probability measure mu on R^d. On the line it knows its density, distribution
function, quantiles and the recurrence of its orthonormal polynomials, all through a standard
variable t with x = location + scale t.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..._errors import ArgumentTypeError, argument_error, check_size, check_whole
from ...random import RNGLike, Stream, resolve_seed
from ...tall._device import array_module, on_device
from ...tall._device import refuse_device as _refuse_device

if TYPE_CHECKING:
    from ..family import OrthonormalFamily

__all__ = [
    "Array",
    "Measure",
    "UnivariateMeasure",
    "as_floats",
    "check_points",
    "check_probabilities",
    "check_resolution",
]

Array = npt.NDArray[np.float64]

_SMALLEST, _LARGEST = 1e-300, 1e300
_NUMBERS = 1 << 20


def as_floats(
    values: object, name: str, expected: str, remedy: str, *, finite: bool = True
) -> Array:
    """A float64 copy of real numbers, or raise."""
    refuse_device(values, name)
    try:
        array = None if isinstance(values, np.ma.MaskedArray) else np.array(values)
        got = "a masked array" if array is None else f"dtype {array.dtype}"
    except (TypeError, ValueError) as error:
        array, got = None, f"{type(values).__name__} ({error})"
    if array is None or array.dtype.kind not in "fiub":
        raise argument_error(name, got, expected, remedy, kind=ArgumentTypeError)
    numbers: Array = array.astype(np.float64, copy=False)
    if finite and not np.isfinite(numbers).all():
        rows = np.argwhere(~np.isfinite(numbers))
        place = f" in row {rows[0][0]}" if numbers.ndim else ""
        raise argument_error(name, f"nan or inf{place}", expected, remedy)
    return numbers


def refuse_device(values: object, name: str) -> None:
    """Raise for an array on a GPU, with the conversion."""
    _refuse_device(values, name, "a function that works on the host")


def check_probabilities(u: object) -> Array:
    """Numbers from 0 to 1 as float64, or raise."""
    expected, remedy = "numbers from 0 to 1", "The ends of the support are in measure.support."
    levels = as_floats(u, "u", expected, remedy)
    if levels.size and not 0.0 <= levels.min() <= levels.max() <= 1.0:
        got = np.array2string(levels, threshold=6)
        raise argument_error("u", got, expected, remedy)
    return levels


def _numbers(x: object) -> Array:
    return as_floats(x, "x", "an array of real numbers", "Pass one number a point.", finite=False)


def check_points(
    x: npt.ArrayLike, dimension: int, *, name: str = "x", device: bool = False
) -> Array:
    """Points as a C-contiguous float64 (n, dimension) array, or raise; with `device` points on a
    GPU are good and stay there."""
    expected = f"an array of shape (n, {dimension})" + (" or (n,)" if dimension == 1 else "")
    remedy = "Pass one point per row."
    points = (
        _on_device(x, name, expected)
        if device and on_device(x)
        else as_floats(x, name, expected, remedy, finite=False)
    )
    if dimension == 1 and points.ndim <= 1:
        points = points.reshape(-1, 1)
    elif points.ndim == 1 and points.size == dimension:
        points = points.reshape(1, -1)
    if points.ndim != 2 or points.shape[1] != dimension:
        raise argument_error(name, f"shape {points.shape}", expected, remedy)
    finite = np.isfinite(points)
    if not finite.all():
        row, column = divmod(int((~finite).ravel().argmax()), dimension)
        raise argument_error(
            name,
            f"{float(points[row, column])} in row {row}",
            "finite coordinates",
            "Remove or repair that point.",
        )
    contiguous: Array = array_module(points).ascontiguousarray(points)
    return contiguous


def _on_device(x: Any, name: str, expected: str) -> Any:
    """Points on a GPU in double precision."""
    if x.dtype.kind not in "fiub":
        remedy = f"Convert first, for example {name}.astype(float)."
        raise argument_error(name, f"dtype {x.dtype}", expected, remedy, kind=ArgumentTypeError)
    return x.astype(np.float64, copy=False)


def check_resolution(measure: UnivariateMeasure) -> None:
    """Raise if so few numbers of float64 lie within the scale that points could not follow the law,
    or if densities leave the range of float64."""
    location, scale = measure.location, measure.scale
    if not (_SMALLEST <= scale <= _LARGEST) or scale < _NUMBERS * np.spacing(abs(location)):
        raise argument_error(
            "measure",
            f"scale {scale:g} about {location:g}",
            f"a scale from {_SMALLEST:g} to {_LARGEST:g} with {_NUMBERS} numbers of float64 in it",
            "Shift and rescale the variable, for example to mean 0 and scale 1.",
        )


class Measure(abc.ABC):
    """A probability measure on R^d.

    Attributes
    ----------
    dimension : int
        The d of R^d.
    support : ndarray, shape (d, 2)
        Lower and upper ends of the support, coordinate by coordinate; possibly infinite.
    marginals : tuple
        The measures on the line whose product this is, or an empty tuple if it is no product.
    """

    @property
    @abc.abstractmethod
    def dimension(self) -> int:
        """Number of coordinates of a point."""

    @property
    @abc.abstractmethod
    def support(self) -> Array:
        """Ends of the support, shape (d, 2)."""

    @property
    def marginals(self) -> tuple[UnivariateMeasure, ...]:
        """The factors of a product measure; empty for any other."""
        return ()

    @abc.abstractmethod
    def _draw(self, stream: Stream, index: range, draw: int) -> Array:
        """Points (len(index), d): point i is a function of the stream, index[i] and draw."""

    def sample(self, n: int, *, rng: RNGLike = None, first: int = 0, draw: int = 0) -> Array:
        """Independent points of the measure.

        Parameters
        ----------
        n : int
            How many.
        rng : None, int, Generator or SeedSequence, optional
            See `rnla.resolve_seed`.
        first : int, default 0
            Number of the first point: point i depends on (seed, draw, first + i) only, so a
            long sample can be taken in pieces.
        draw : int, default 0
            Number of the sample among several with the same seed.

        Returns
        -------
        ndarray, shape (n, d)

        Examples
        --------
        >>> from rnla.approximation import Uniform
        >>> mu = Uniform(0, 1)
        >>> bool((mu.sample(5, rng=0)[3:] == mu.sample(2, rng=0, first=3)).all())
        True
        """
        n = check_size(n, name="n")
        first, draw = check_whole(first, "first"), check_whole(draw, "draw")
        stream = Stream(resolve_seed(rng), "measure")
        return self._draw(stream, range(first, first + n), draw)

    def contains(self, x: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether points lie in the box spanned by the support, shape (n,)."""
        points = check_points(x, self.dimension)
        low, high = self.support.T
        inside: npt.NDArray[np.bool_] = ((points >= low) & (points <= high)).all(axis=1)
        return inside


class UnivariateMeasure(Measure):
    """A probability measure on the line with orthonormal polynomials.

    Attributes
    ----------
    location, scale : float
        x = location + scale t relates a point to the standard variable.
    """

    location: float
    scale: float

    @property
    def dimension(self) -> int:
        """One."""
        return 1

    @property
    def marginals(self) -> tuple[UnivariateMeasure, ...]:
        """The measure itself."""
        return (self,)

    @property
    def support(self) -> Array:
        """Ends of the support, shape (1, 2)."""
        return self.location + self.scale * np.array([self._standard_support])

    @property
    def max_degree(self) -> int | None:
        """Largest degree of its orthonormal polynomials; None if there is none."""
        return None

    @property
    @abc.abstractmethod
    def _standard_support(self) -> tuple[float, float]:
        """Ends of the support in the standard variable."""

    @abc.abstractmethod
    def recurrence(self, count: int) -> tuple[Array, Array]:
        """Coefficients a_0 … a_{count-1} and b_0 … b_count (b_0 = 1) in the standard variable.

        They satisfy t phi_j = b_{j+1} phi_{j+1} + a_j phi_j + b_j phi_{j-1}.
        """

    @abc.abstractmethod
    def _standard_cdf(self, t: Array) -> Array:
        """Distribution function in the standard variable."""

    @abc.abstractmethod
    def _standard_quantile(self, u: Array) -> Array:
        """Inverse of the distribution function in the standard variable."""

    @abc.abstractmethod
    def _log_standard_pdf(self, t: Array) -> Array:
        """Logarithm of the density in the standard variable, -inf outside the support."""

    def standardise(self, x: npt.ArrayLike) -> Array:
        """The standard variable t of points x (any shape)."""
        points: Any = x if on_device(x) else np.asarray(x, dtype=np.float64)
        t: Array = (points - self.location) / self.scale
        return t

    def pdf(self, x: npt.ArrayLike) -> Array:
        """Density with respect to length, same shape as x."""
        t = self.standardise(_numbers(x))
        density: Array = np.exp(self._log_standard_pdf(t)) / self.scale
        return density

    def cdf(self, x: npt.ArrayLike) -> Array:
        """Distribution function, same shape as x."""
        return self._standard_cdf(self.standardise(_numbers(x)))

    def quantile(self, u: npt.ArrayLike) -> Array:
        """Inverse of the distribution function for u in [0, 1], same shape as u."""
        levels = check_probabilities(u)
        values: Array = self.location + self.scale * self._standard_quantile(levels)
        return values

    def orthonormal_family(self) -> OrthonormalFamily:
        """The orthonormal polynomials of this measure."""
        from ..orthogonal_polynomials import OrthogonalPolynomials

        return OrthogonalPolynomials(self)

    def _draw(self, stream: Stream, index: range, draw: int) -> Array:
        return self.quantile(stream.uniform(index, draw=draw)).reshape(-1, 1)


class ClassicalMeasure(UnivariateMeasure):
    """A measure whose density w solves (sigma w)' = tau w with polynomials sigma, tau.

    Its orthonormal polynomials solve (sigma w phi_j')' = -lambda_j w phi_j, which gives their
    partial integrals in closed form (`rnla.approximation.induced`).
    """

    @abc.abstractmethod
    def eigenvalues(self, count: int) -> Array:
        """lambda_0 … lambda_{count-1}, strictly increasing from 0."""

    @abc.abstractmethod
    def _log_flux(self, t: Array) -> Array:
        """log(sigma w) in the standard variable: -inf at the ends of the support."""
