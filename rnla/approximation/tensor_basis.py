"""Bases of tensor products: phi_alpha(x) = phi_{alpha_1}(x_1) … phi_{alpha_d}(x_d).

One table of values per coordinate, then a gather and a product over the coordinates of degree > 0
only: O(n (p_1 + … + p_d) + n nnz(alpha)). Points at which a value would overflow are evaluated
with binary exponents (`evaluate_normalised` always is).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_size, check_whole
from ..random import RNGLike, Stream, resolve_seed
from ..tall._device import array_module, beside, of_device, on_device, stays_on_device
from .family import OrthonormalFamily
from .index_sets import IntArray, as_index_set, is_downward_closed
from .measures import Array, Measure, check_points

__all__ = ["TensorBasis"]

# Squared lengths between which plain arithmetic is safe.
_SMALL, _LARGE = 1e-200, 1e200


class TensorBasis:
    """An orthonormal basis of products of one-dimensional orthonormal functions.

    Parameters
    ----------
    measure : Measure
        A measure on the line or a product of such, of dimension d.
    indices : array_like of int, shape (m, d), or int
        The index set, see `total_degree`, `hyperbolic_cross`, `tensor_product`, `anisotropic`; or
        one integer p for all total degrees up to p.
    families : sequence of OrthonormalFamily, optional
        One family a coordinate, for other functions than the polynomials of the measure.

    Attributes
    ----------
    measure : Measure
    indices : ndarray of int64, shape (m, d)
    families : tuple of OrthonormalFamily
    dimension : int
        The number m of functions.

    Notes
    -----
    A point x goes in as a row. Everything that takes points takes an array (n, d), or (n,) if
    d = 1.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform, Product, total_degree
    >>> basis = TensorBasis(Product([Uniform(), Uniform()]), total_degree(2, 3))
    >>> basis.dimension
    10
    >>> basis.evaluate([[0.0, 0.5]]).shape
    (1, 10)
    """

    def __init__(
        self,
        measure: Measure,
        indices: npt.ArrayLike,
        *,
        families: Sequence[OrthonormalFamily] | None = None,
    ) -> None:
        marginals = measure.marginals if isinstance(measure, Measure) else ()
        if not marginals:
            raise argument_error(
                "measure",
                type(measure).__name__,
                "a measure on the line or a Product of such",
                "Features on any other measure are orthonormalised by NumericalBasis.",
                kind=ArgumentTypeError,
            )
        d = len(marginals)
        if isinstance(indices, (int, np.integer)) and not isinstance(indices, bool):
            from .index_sets import total_degree

            indices = total_degree(d, int(indices))
        self.measure = measure
        self.indices: IntArray = as_index_set(indices, dimension=d)
        self.indices.flags.writeable = False
        if families is None:
            chosen = tuple(marginal.orthonormal_family() for marginal in marginals)
        else:
            chosen = self._checked_families(families)
        self.families: tuple[OrthonormalFamily, ...] = chosen
        for family, degree in zip(chosen, self.degrees, strict=True):
            family.check_degree(degree)

    def _checked_families(self, given: Any) -> tuple[OrthonormalFamily, ...]:
        marginals = self.measure.marginals
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise argument_error(
                "families",
                type(given).__name__,
                f"a list of {len(marginals)}, one a coordinate",
                "Pass [family] for a measure on the line.",
                kind=ArgumentTypeError,
            )
        families = tuple(given)
        if len(families) != len(marginals):
            raise argument_error(
                "families", len(families), f"{len(marginals)}, one a coordinate", "Pass a list."
            )
        for l, (family, marginal) in enumerate(zip(families, marginals, strict=True)):
            if not isinstance(family, OrthonormalFamily):
                raise argument_error(
                    "families",
                    f"{type(family).__name__} in place {l}",
                    "families of orthonormal functions",
                    "Pass for instance Fourier(Uniform(0, 1)).",
                    kind=ArgumentTypeError,
                )
            if family.measure != marginal:
                raise argument_error(
                    "families",
                    f"a family for {family.measure!r} in place {l}",
                    f"one that is orthonormal for {marginal!r}",
                    "Build each family on the measure of its coordinate.",
                )
        return families

    def __repr__(self) -> str:
        return f"TensorBasis({self.measure!r}, {self.dimension} functions)"

    def __len__(self) -> int:
        return self.dimension

    @property
    def dimension(self) -> int:
        """The number m of functions."""
        return int(self.indices.shape[0])

    @cached_property
    def degrees(self) -> tuple[int, ...]:
        """The largest degree in each coordinate."""
        return tuple(self.indices.max(axis=0).tolist())

    @cached_property
    def is_downward_closed(self) -> bool:
        """Whether every multi-index below a member is a member."""
        return is_downward_closed(self.indices)

    @cached_property
    def _layout(self) -> tuple[IntArray, IntArray, IntArray]:
        """Where each coordinate's table starts; the active entries of every index in CSR form."""
        widths = np.array(self.degrees, dtype=np.int64) + 1
        offsets = np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)
        constant = np.array([family.starts_with_one for family in self.families])
        rows, columns = np.nonzero((self.indices > 0) | ~constant)
        counts = np.bincount(rows, minlength=self.dimension)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        places = offsets[columns] + self.indices[rows, columns]
        return offsets, starts, places.astype(np.int64)

    def _points(self, x: npt.ArrayLike) -> Array:
        """Checked points, which stay on a GPU if all families compute there."""
        if on_device(x):
            for family in self.families:
                if not family.runs_on_device:
                    raise stays_on_device("x", of_device(x), f"values of {family!r}")
        return check_points(x, self.measure.dimension, device=True)

    def evaluate(self, x: npt.ArrayLike) -> Array:
        """Values of all functions.

        Parameters
        ----------
        x : array_like or CuPy array, shape (n, d)

        Returns
        -------
        ndarray, shape (n, m)
            Infinite where a value exceeds the largest float; see `evaluate_normalised`. A CuPy
            array for points on a GPU, where only families of orthogonal polynomials compute.

        Examples
        --------
        >>> from rnla.approximation import TensorBasis, Gaussian
        >>> TensorBasis(Gaussian(), 2).evaluate([2.0]).round(6).tolist()
        [[1.0, 2.0, 2.12132]]
        """
        from ..kernels import gather_product

        points = self._points(x)
        offsets, starts, places = self._layout
        starts, places = beside(points, starts), beside(points, places)
        table = array_module(points).empty((points.shape[0], int(offsets[-1])))
        for l, family in enumerate(self.families):
            part = table[:, int(offsets[l]) : int(offsets[l + 1])]
            part[:] = family._values(points[:, l], self.degrees[l])
            # A recurrence that overflows goes on with inf - inf.
            lost = np.flatnonzero(~np.isfinite(part[:, -1]))
            if lost.size:
                scaled = family.evaluate_scaled(points[lost, l], self.degrees[l])
                with np.errstate(over="ignore"):
                    part[lost] = np.ldexp(scaled[0], np.clip(scaled[1], -4000, 4000))
        values: Array = gather_product.gather_product(table, starts, places)
        return values

    def evaluate_normalised(self, x: npt.ArrayLike) -> Array:
        """Values divided by sqrt(k(x)): rows of length 1, without overflow anywhere.

        Parameters
        ----------
        x : array_like or CuPy array, shape (n, d)

        Returns
        -------
        ndarray, shape (n, m)
            A row of zeros where all functions vanish. On a GPU as by `evaluate`.

        Notes
        -----
        Plain values serve wherever their squares stay far from overflow; only the other points
        are evaluated with binary exponents, at about five times the cost.

        Examples
        --------
        >>> from rnla.approximation import TensorBasis, Gaussian
        >>> TensorBasis(Gaussian(), 2).evaluate_normalised([1e200]).round(6).tolist()
        [[0.0, 0.0, 1.0]]
        """
        points = self._points(x)
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.evaluate(points)
            k = np.einsum("ij,ij->i", values, values)
        plain = (k > _SMALL) & (k < _LARGE)
        values /= np.sqrt(np.where(plain, k, 1.0))[:, None]
        rest = np.flatnonzero(~plain)
        if rest.size:
            values[rest] = self._scaled_rows(points[rest])
        return values

    def _scaled_rows(self, points: Array) -> Array:
        """Normalised rows by arithmetic with binary exponents."""
        from ..kernels import gather_product

        offsets, starts, places = self._layout
        starts, places = beside(points, starts), beside(points, places)
        xp = array_module(points)
        table = xp.empty((points.shape[0], int(offsets[-1])))
        exponents = xp.empty(table.shape, dtype=np.int64)
        for l, family in enumerate(self.families):
            part = slice(int(offsets[l]), int(offsets[l + 1]))
            table[:, part], exponents[:, part] = family.evaluate_scaled(
                points[:, l], self.degrees[l]
            )
        values: Array = gather_product.gather_product_scaled(table, exponents, starts, places)
        return values

    def christoffel(self, x: npt.ArrayLike) -> Array:
        """The inverse Christoffel function k(x) = sum of phi_alpha(x)^2.

        Parameters
        ----------
        x : array_like or CuPy array, shape (n, d)

        Returns
        -------
        ndarray, shape (n,)
            Infinite where it exceeds the largest float. On a GPU as by `evaluate`.

        Notes
        -----
        k(x) is the largest |v(x)|^2 over functions v of the space with norm 1; its mean is m.

        Examples
        --------
        >>> from rnla.approximation import TensorBasis, Uniform
        >>> round(float(TensorBasis(Uniform(), 4).christoffel([1.0])[0]), 9)  # m^2
        25.0
        """
        with np.errstate(over="ignore"):
            values = self.evaluate(x)
            k: Array = np.einsum("ij,ij->i", values, values)
        k[np.isnan(k)] = np.inf  # a product of inf and 0
        return k

    def integrals(self) -> Array:
        """Means of all functions over the measure.

        Returns
        -------
        ndarray, shape (m,)
            The mean of a function with coefficients c is the inner product with c; its variance
            is the sum of the squares of c, less the square of the mean.

        Examples
        --------
        >>> from rnla.approximation import TensorBasis, Uniform
        >>> TensorBasis(Uniform(), 2).integrals().tolist()
        [1.0, 0.0, 0.0]
        """
        means = np.ones(self.dimension)
        for l, family in enumerate(self.families):
            means *= family.integrals(self.degrees[l])[self.indices[:, l]]
        return means

    def gradient(self, x: npt.ArrayLike) -> Array:
        """First derivatives of all functions.

        Parameters
        ----------
        x : array_like, shape (n, d)

        Returns
        -------
        ndarray, shape (n, m, d)
            Entry (i, r, l) is the derivative of function r with respect to x_l at point i.

        Examples
        --------
        >>> from rnla.approximation import TensorBasis, Uniform
        >>> TensorBasis(Uniform(), 1).gradient([0.0]).round(6).tolist()
        [[[0.0], [1.732051]]]
        """
        from ..kernels import gather_product

        points = check_points(x, self.measure.dimension)
        offsets, starts, places = self._layout
        table = np.empty((points.shape[0], int(offsets[-1])))
        slopes = np.empty_like(table)
        for l, family in enumerate(self.families):
            part = slice(int(offsets[l]), int(offsets[l + 1]))
            table[:, part], slopes[:, part] = family._values_and_slopes(
                points[:, l], self.degrees[l]
            )
        out = np.zeros((points.shape[0], self.dimension, len(self.families)))
        for l in range(len(self.families)):
            part = slice(int(offsets[l]), int(offsets[l + 1]))
            mixed = table.copy()
            mixed[:, part] = slopes[:, part]
            out[:, :, l] = gather_product.gather_product(mixed, starts, places)
            if self.families[l].starts_with_one:
                out[:, self.indices[:, l] == 0, l] = 0.0
        return out

    def induced_sample(
        self, n: int, *, rng: RNGLike = None, first: int = 0, draw: int = 0
    ) -> Array:
        """Independent points of the optimal measure nu_m = (k / m) mu.

        Parameters
        ----------
        n : int
            How many.
        rng : None, int, Generator or SeedSequence, optional
            See `rnla.resolve_seed`.
        first : int, default 0
            Number of the first point: point i depends on (seed, draw, first + i) only.
        draw : int, default 0
            Number of the sample among several with the same seed.

        Returns
        -------
        ndarray, shape (n, d)

        Notes
        -----
        nu_m is the mixture of the densities phi_alpha^2 dmu: choose alpha uniformly, then the
        coordinates are independent, each drawn by inversion. Exact, no rejection: the cost grows
        with the active coordinates of alpha, never like 2^d.

        Examples
        --------
        >>> from rnla.approximation import TensorBasis, Uniform
        >>> TensorBasis(Uniform(), 4).induced_sample(3, rng=0).shape
        (3, 1)
        """
        n = check_size(n, name="n")
        first, draw = check_whole(first, "first"), check_whole(draw, "draw")
        stream = Stream(resolve_seed(rng), "induced measure")
        index = range(first, first + n)
        # Philox counters: block 0 of the stream picks the index, block l + 1 is coordinate l.
        chosen = np.minimum(
            (stream.uniform(index, draw=draw) * self.dimension).astype(np.int64),
            self.dimension - 1,
        )
        rows = self.indices[chosen]
        points = np.empty((n, len(self.families)))
        for l, family in enumerate(self.families):
            u = stream.uniform(index, block=l + 1, draw=draw)
            points[:, l] = family.induced_quantile(u, rows[:, l])
        return points
