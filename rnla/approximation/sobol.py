"""Sobol's indices of a function, exactly from its coefficients in a basis of tensor products.

Functions phi_alpha with the same set u of active coordinates span the part f_u of the analysis of
variance, so its variance is the sum of |c_alpha|^2 over them (Sudret, Reliab. Eng. Syst. Saf. 93,
2008). A family without the constant is rotated, coordinate by coordinate, onto the constant and
functions of mean 0. O(m d) work after that, no sampling.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_size
from ._values import scalar
from .index_sets import IntArray
from .measures._base import refuse_device
from .tensor_basis import TensorBasis

__all__ = [
    "SobolIndices",
    "check_coordinates",
    "check_independent",
    "sobol_indices",
    "without_mean",
]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SobolIndices:
    """Shares of the variance that come from coordinates and from groups of them.

    With k outputs every share is an array with a last axis of length k. Shares of a function
    without variance are nan.

    Attributes
    ----------
    dimension : int
        Number d of coordinates.
    variance : float or ndarray, shape (k,)
        What the shares are shares of.
    subsets : tuple of tuples of int
        The groups of coordinates that interact, in order of size; all others have share 0.
    shares : ndarray, shape (len(subsets),) or (len(subsets), k)
        S_u of each: the share of what depends on all of u together and on nothing else. Their sum
        is 1.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.approximation import Product, TensorBasis, Uniform
    >>> basis = TensorBasis(Product([Uniform()] * 2), 2)
    >>> basis.indices.tolist()
    [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]]
    >>> sobol = sobol_indices(basis, [5.0, 2.0, 1.0, 0.0, 1.0, 0.0])
    >>> sobol.first_order.round(6).tolist(), sobol.total.round(6).tolist()
    ([0.666667, 0.166667], [0.833333, 0.333333])
    >>> round(sobol.index((0, 1)), 6)
    0.166667
    """

    dimension: int
    variance: Any
    subsets: tuple[tuple[int, ...], ...]
    shares: Vector

    def __repr__(self) -> str:
        return f"SobolIndices({self.dimension} coordinates, {len(self.subsets)} parts)"

    @property
    def first_order(self) -> Vector:
        """S_l of every coordinate alone, shape (d,) or (d, k)."""
        return np.array([self.index(l) for l in range(self.dimension)])

    @property
    def total(self) -> Vector:
        """S_Tl of every coordinate with all its interactions, shape (d,) or (d, k)."""
        return np.array([self.total_of(l) for l in range(self.dimension)])

    @property
    def mean_dimension(self) -> Any:
        """Mean number of coordinates of a part, weighted by share: 1 for an additive function."""
        return scalar(self.total.sum(axis=0))

    @cached_property
    def _members(self) -> npt.NDArray[np.bool_]:
        """Whether each group holds each coordinate, shape (len(subsets), d)."""
        members = np.zeros((len(self.subsets), self.dimension), dtype=np.bool_)
        for row, subset in zip(members, self.subsets, strict=True):
            row[list(subset)] = True
        return members

    def index(self, subset: int | Iterable[int]) -> Any:
        """S_u: the share of the interaction of exactly these coordinates."""
        return self._sum((self._members == self._mask(subset)).all(axis=1))

    def closed(self, subset: int | Iterable[int]) -> Any:
        """The share that these coordinates explain by themselves: sum of S_v over v within u."""
        return self._sum(~self._members[:, ~self._mask(subset)].any(axis=1))

    def total_of(self, subset: int | Iterable[int]) -> Any:
        """The share lost if these coordinates were fixed: sum of S_v over v that meet u."""
        return self._sum(self._members[:, self._mask(subset)].any(axis=1))

    def interactions(self, order: int = 2) -> dict[tuple[int, ...], Any]:
        """S_u of all groups of `order` coordinates that interact, by group.

        Examples
        --------
        >>> from rnla.approximation import Product, TensorBasis, Uniform
        >>> basis = TensorBasis(Product([Uniform()] * 2), 1)
        >>> sobol_indices(basis, [0.0, 2.0, 1.0]).interactions(1)
        {(0,): 0.8, (1,): 0.2}
        """
        size = check_size(order, name="order")
        return {
            u: scalar(share)
            for u, share in zip(self.subsets, self.shares, strict=True)
            if len(u) == size
        }

    def _mask(self, subset: int | Iterable[int]) -> npt.NDArray[np.bool_]:
        mask = np.zeros(self.dimension, dtype=np.bool_)
        mask[list(check_coordinates(subset, self.dimension, "subset"))] = True
        return mask

    def _sum(self, chosen: Any) -> Any:
        # A constant has no parts; its shares are undefined.
        empty = np.where(np.asarray(self.variance) > 0.0, 0.0, np.nan)
        return scalar(empty + self.shares[chosen].sum(axis=0))


def sobol_indices(basis: TensorBasis, coefficients: npt.ArrayLike) -> SobolIndices:
    """Analysis of variance of the function with given coefficients.

    Parameters
    ----------
    basis : TensorBasis
        Of any families: the coordinates are independent under its measure.
    coefficients : array_like, shape (m,) or (m, k)
        Real or complex; one column per output.

    Returns
    -------
    SobolIndices

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the basis is no TensorBasis, whose coordinates are independent, or shapes disagree.

    Notes
    -----
    O(m d) work if all families start with the constant. Every other coordinate fills in the
    degrees that the index set leaves out.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> from rnla.approximation import Product, TensorBasis, Uniform
    >>> basis = TensorBasis(Product([Uniform()] * 3), 1)
    >>> sobol_indices(basis, [1.0, 3.0, 0.0, 4.0]).total.tolist()
    [0.36, 0.0, 0.64]
    """
    check_independent(basis)
    refuse_device(coefficients, "coefficients")
    table = np.asarray(coefficients)
    if table.ndim not in (1, 2) or table.shape[0] != basis.dimension:
        raise argument_error(
            "coefficients",
            f"shape {table.shape}",
            f"({basis.dimension},) or ({basis.dimension}, k)",
            "Pass one row per function of the basis.",
        )
    # Shares have no units, and squares of any of them must be in range.
    columns = table.reshape(basis.dimension, -1)
    size = np.abs(columns).max(axis=0)
    units = np.ldexp(1.0, np.frexp(np.where(np.isfinite(size), size, 1.0))[1] - 1)
    degrees, squares = _centred_squares(basis, columns / units)
    active = degrees > 0
    varying = active.any(axis=1)
    rows, place = np.unique(active[varying], axis=0, return_inverse=True)
    parts = np.zeros((rows.shape[0], squares.shape[1]))
    np.add.at(parts, place.ravel(), squares[varying])
    subsets = [tuple(np.flatnonzero(row).tolist()) for row in rows]
    order = sorted(range(len(subsets)), key=lambda i: (len(subsets[i]), subsets[i]))
    parts = parts[order].reshape(len(order), *table.shape[1:])
    variance = parts.sum(axis=0)
    shares = np.full(parts.shape, np.nan)
    np.divide(parts, variance, out=shares, where=np.broadcast_to(variance > 0.0, parts.shape))
    return SobolIndices(
        dimension=len(basis.families),
        variance=scalar(_in_units(variance, units)),
        subsets=tuple(subsets[i] for i in order),
        shares=shares,
    )


def _in_units(variance: Vector, units: Vector) -> Vector:
    with np.errstate(over="ignore"):
        result: Vector = variance * units.reshape(variance.shape) ** 2
    return result


def check_independent(basis: Any) -> None:
    """Raise unless the coordinates are independent under the measure of the basis."""
    if not isinstance(basis, TensorBasis):
        raise argument_error(
            "basis",
            type(basis).__name__,
            "a TensorBasis: functions of independent coordinates",
            "Fit in a TensorBasis on a product measure.",
            kind=ArgumentTypeError,
        )


def check_coordinates(given: Any, dimension: int, name: str) -> tuple[int, ...]:
    """One coordinate or several, each once, in the order given; or raise."""
    expected = f"coordinates between 0 and {dimension - 1}, each once"
    remedy = "Pass for instance 0."
    entries: tuple[int, ...]
    try:
        entries = (operator.index(given),)
    except TypeError:
        try:
            entries = tuple(operator.index(entry) for entry in given)
        except TypeError:
            raise argument_error(
                name, repr(given), expected, remedy, kind=ArgumentTypeError
            ) from None
    if not entries or len(set(entries)) < len(entries) or not set(entries) <= set(range(dimension)):
        raise argument_error(name, entries, expected, remedy)
    return entries


def without_mean(means: Array, coefficients: Array) -> Array:
    """Coefficients of functions less their means, in functions that are orthonormal again.

    With means v (m,), the functions phi - v have the Gram matrix I - v v^*, of which this is the
    square root applied to coefficients (m, k): no large mean is squared and subtracted.
    """
    length = float(np.vdot(means, means).real)
    if length == 0.0:
        return coefficients
    # If the constant is in the span, the length of v is 1 but for rounding.
    left = 1.0 - length
    root = np.sqrt(left) if left > 1e-12 else 0.0
    result: Array = coefficients - np.multiply.outer(
        (1.0 - root) / length * means.conj(), np.tensordot(means, coefficients, axes=1)
    )
    return result


def _centred_squares(basis: TensorBasis, table: Array) -> tuple[IntArray, Vector]:
    """Multi-indices in which 0 means constant in that coordinate, and squared coefficients."""
    codes = basis.indices
    for l, family in enumerate(basis.families):
        if family.starts_with_one:
            continue
        means = family.integrals(basis.degrees[l])
        rest, group = np.unique(np.delete(codes, l, axis=1), axis=0, return_inverse=True)
        block = np.zeros((means.size, rest.shape[0], table.shape[1]), dtype=table.dtype)
        block[codes[:, l], group.ravel()] = table
        constant = np.tensordot(means, block, axes=1)[None]
        block = np.concatenate([constant, without_mean(means, block)])
        table = block.reshape(-1, table.shape[1])
        codes = np.insert(
            np.tile(rest, (block.shape[0], 1)),
            l,
            np.repeat(np.arange(block.shape[0]), rest.shape[0]),
            axis=1,
        )
    return codes, np.abs(table) ** 2
