"""Equilibrated coordinates: reciprocal gains by Gamma^{-1/2}, signals by `Whitening`.

In these coordinates K^* K is [I, -E; -E^*, I] and the singular values of E are the canonical
correlations between the two blocks of K: the smallest singular value of K belongs to the largest
of E, and rescaling a sensor changes nothing (SPEC A2, A5). One product with E and its adjoint is
one with every A_l and one with every A_l^*.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from .._errors import argument_error
from ._cross import cross_adjoint, cross_matrix, matvec, normal_matrix
from ._split_transform import SplitTransform
from ._successive import successive
from ._whitening import FactoredWhitening, is_scaled, whiten
from .operators._base import Array
from .problem import Problem

__all__ = ["Equilibration", "check_counts", "usable_sensors"]

_SMALL = 256  # sensors: below, vectors of a problem fit in cache


def usable_sensors(problem: Problem) -> Array:
    """Sensors with two values (one, with a basis of the gains) that are not negligible."""
    gamma = problem.gamma()
    limit = float(np.finfo(problem.real_dtype).eps) * gamma.max(axis=-1, keepdims=True)
    least = 2 if problem.gain_basis is None else 1
    return np.asarray((problem.valid_counts >= least) & (gamma > limit))


class Equilibration:
    """The linear system of a problem in coordinates in which both diagonal blocks are I.

    Attributes
    ----------
    usable : ndarray of bool, shape (..., m)
        Sensors that take part.
    problem : Problem
        With weight zero at the others.
    """

    def __init__(self, problem: Problem) -> None:
        self.usable = usable_sensors(problem)
        if not self.usable.all():
            weights = np.ones((), dtype=problem.real_dtype)
            if problem.weights is not None:
                weights = problem.weights
            problem = problem.with_weights(weights * self.usable[..., None, :])
        self.problem = problem
        if problem.weights is not None:
            columns = None if problem.gain_basis is None else problem.k
            counts, unknowns = problem.valid_counts, problem.seen_unknowns
            check_counts(counts, self.usable, unknowns, columns=columns)
        self.whitening = whiten(problem)
        self.rooted_data = self.whitening.rooted(problem.data)
        self.successive = successive(problem) if is_scaled(self.whitening) else None
        self._arrangement: SplitTransform | None = None
        gamma = problem.gamma()
        root = np.sqrt(np.where(self.usable, gamma, 1.0))
        if problem.gain_basis is None:
            self._columns = None
            self._diagonal = np.where(self.usable, 1.0 / root, 0.0).astype(problem.real_dtype)
            if self.successive is not None:  # coordinates are in its order
                self._arrangement = self.successive.split
                self._diagonal = self._arrangement.arranged(self._diagonal)
        else:
            R = np.linalg.qr(np.sqrt(gamma)[..., None] * problem.gain_basis, mode="r")
            pivots = np.abs(np.diagonal(R, axis1=-2, axis2=-1))
            limit = 16.0 * problem.k * float(np.finfo(problem.real_dtype).eps)
            if not (pivots.min(axis=-1) > limit * pivots.max(axis=-1)).all():
                remedy = "Leave out functions that are zero where nothing is measured."
                expected = "independent columns at the usable sensors"
                raise argument_error("gain_basis", "dependent columns there", expected, remedy)
            self._columns = problem.gain_basis @ np.linalg.inv(R)
        # With coordinates on both sides, or without where a basis makes these.
        scale = self._diagonal if self._columns is None else np.ones_like(root)
        self._cross = cross_matrix(problem, self.whitening, self.rooted_data)
        if self._cross is not None:
            self._cross *= scale[..., None]
        self._normal = normal_matrix(problem, self.whitening, self.rooted_data, scale)

    @property
    def gain_size(self) -> int:
        """Number of coordinates of the reciprocal gains."""
        return self.problem.k

    def arranged(self, u: Array) -> Array:
        """Numbers of the sensors in the order that coordinates have."""
        return u if self._arrangement is None else self._arrangement.arranged(u)

    def inverse_gains(self, u: Array) -> Array:
        """s from its coordinates."""
        if self._columns is None:
            s = np.asarray(u * self._diagonal)
            return s if self._arrangement is None else self._arrangement.in_order(s)
        return np.asarray((self._columns @ u[..., None])[..., 0])

    def coordinates(self, s: Array) -> Array:
        """The adjoint of `inverse_gains`."""
        if self._columns is None:
            return np.asarray(self.arranged(s) * self._diagonal)
        return np.asarray((self._columns.conj().swapaxes(-1, -2) @ s[..., None])[..., 0])

    def coordinates_of(self, s: Array) -> Array:
        """The coordinates of s (of its part in the span of the basis)."""
        return self.coordinates(self.problem.gamma() * s)

    def spread(self, u: Array) -> Array:
        """The orthonormal block of the gains: W^{1/2} diag(y_l) s, shape (..., p, m)."""
        return self.rooted_data * self.inverse_gains(u)[..., None, :]

    def gather(self, r: Array) -> Array:
        """The adjoint of `spread`."""
        return self.coordinates(np.einsum("...lm,...lm->...m", self._conjugate, r))

    @cached_property
    def _conjugate(self) -> Array:
        return np.asarray(self.rooted_data.conj())

    def product(self, u: Array) -> Array:
        """E E^* u."""
        if self.successive is not None:
            rows = np.reshape(u, (-1, u.shape[-1]))
            images = [self._one_product(row) for row in rows]
            return (images[0] if len(images) == 1 else np.stack(images)).reshape(u.shape)
        if self._cross is not None or self._normal is not None:
            self.whitening.products += 2
            s = u if self._columns is None else self.inverse_gains(u)
            if self._cross is not None:
                image = matvec(self._cross, cross_adjoint(self._cross, s))
            else:
                assert self._normal is not None
                image = matvec(self._normal, s)
            return image if self._columns is None else self.coordinates(image)
        return self.gather(self.whitening.project(self.spread(u)))

    def matrices(self) -> tuple[Array, bool] | None:
        """Of a batch with small matrices, these: E E^* is A A^*, or A if they are square.

        In double precision; None for others.
        """
        A = self._cross if self._cross is not None else self._normal
        batch, m = self.problem.batch_shape, self.problem.m
        if A is None or not batch or self._columns is not None or m > _SMALL:
            return None
        if A.real.dtype != np.float64 or A.shape[:-2] != batch:
            return None
        return A.reshape(-1, *A.shape[-2:]), self._cross is None

    def solution(self, u: Array) -> tuple[Array, Array]:
        """Reciprocal gains, and the signal that fits them best."""
        s = self.inverse_gains(u)
        if self.successive is not None and isinstance(self.whitening, FactoredWhitening):
            self.whitening.products += 1
            arranged = self.successive.split.arranged(s)
            return s, self.successive.analysis(arranged) * self.whitening.unit**2
        return s, self.whitening.signal(self.spread(u))

    def _one_product(self, u: Array) -> Array:
        assert self.successive is not None
        assert isinstance(self.whitening, FactoredWhitening)
        self.whitening.products += 2
        one, unit = self.successive, self.whitening.unit
        if self._arrangement is None:
            image = one.product(one.split.arranged(self.inverse_gains(u)))
            return self.coordinates(one.split.in_order(image)) * unit**2
        factor = self._diagonal * unit
        image = one.product(u * factor)
        image *= factor
        return image


def check_counts(
    counts: Array, usable: Array, unknowns: Any, *, columns: int | None = None, name: str = "Y"
) -> None:
    """Raise where fewer equations are left at usable sensors than unknowns.

    `counts` (..., m) are values at each sensor, `unknowns` (...) those of the signals and `columns`
    those of a basis of the gains.
    """
    values = counts.sum(axis=-1)
    sensors = usable.sum(axis=-1)
    needed = (sensors if columns is None else np.minimum(columns, sensors)) + unknowns - 1
    if ((values < needed) | (sensors == 0)).any():
        got = f"{int(values.min())} values left at usable sensors, not identifiable"
        expected = f"at least {int(np.max(needed))}, one less than the number of unknowns"
        remedy = "Measure more, or pass gain_basis with few columns."
        raise argument_error(name, got, expected, remedy)
    if columns is not None and (sensors < columns).any():
        got = f"{int(sensors.min())} usable sensors, not identifiable"
        remedy = "Use fewer columns in gain_basis."
        raise argument_error(name, got, f"at least k = {columns}", remedy)
