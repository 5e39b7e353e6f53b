"""The linear system of a problem whose measurements are in parts (SPEC A1, check 21).

What `_equilibration` is to a problem in one place: an m-vector goes to each part and one comes back
(and, for one signal, an n-vector each way). Here are sums over the parts, of which one signal needs
an n x n factor once, from the triangular factors of the parts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import IntArray
from . import _partition_tasks as tasks
from ._connectivity import first_of
from ._equilibration import check_counts, usable_sensors
from ._whitening import orthonormal
from ._workers import Workers
from .identifiability import check_identifiable
from .operators._base import Array

__all__ = ["PartitionedSystem"]


class _Totals:
    """What of a problem is known here: sums over the parts."""

    gain_basis = None
    batch_shape: tuple[int, ...] = ()
    real_dtype = np.dtype(np.float64)

    def __init__(
        self,
        model: str,
        shape: tuple[int, int, int],
        gamma: Array,
        counts: IntArray,
        seen_unknowns: int,
        dtype: Any,
    ) -> None:
        self.model = model
        self.p, self.m, self.n = shape
        self.k = self.m
        self.seen_unknowns = seen_unknowns
        self._gamma, self.valid_counts = gamma, counts
        self.dtype = np.dtype(dtype)

    def gamma(self) -> Array:
        """See `Problem`."""
        return self._gamma


class PartitionedSystem:
    """The products of `Equilibration` by visits of the parts."""

    def __init__(self, workers: Workers, model: str) -> None:
        self.workers = workers
        self.repeated = model == "repeated"
        found = workers.visit(tasks.summary)
        p, m, n = _common_shape([one.shape for one in found])
        counts = np.sum([one.counts for one in found], axis=0)
        largest = max(one.scale for one in found)
        if largest == 0.0:
            remedy = "There is nothing to calibrate on."
            got = "nothing but zeros and missing values"
            raise argument_error("parts", got, "a value that is not zero", remedy)
        # By way of the largest, whose square may be out of range.
        squares = sum((one.scale / largest) ** 2 * float(one.counts.sum()) for one in found)
        self.scale = largest * math.sqrt(squares / counts.sum())
        gamma = np.sum([one.gamma * (one.scale / self.scale) ** 2 for one in found], axis=0)
        dtype = np.complex128 if any(one.kind == "c" for one in found) else np.float64
        seen = n if self.repeated else sum(one.seen_unknowns for one in found)
        self.has_zeros = any(one.has_zeros for one in found)
        self.problem = _Totals(model, (p, m, n), gamma, counts, seen, dtype)
        facade: Any = self.problem
        check_identifiable(facade)
        self.usable = usable_sensors(facade)
        root = np.sqrt(np.where(self.usable, gamma, 1.0))
        self.diagonal = np.where(self.usable, 1.0 / root, 0.0)
        workers.update(tasks.prepared, self.scale, self.usable)
        self.gram: float | None = None
        self.factor: Array | None = None
        self.rank_deficient: Array = np.zeros((), dtype=bool)
        unknowns = n
        if self.repeated:
            grams = {one.gram for one in found}
            if self.usable.all() and len(grams) == 1 and None not in grams:
                self.gram = p * grams.pop()
            else:
                R = np.linalg.qr(np.concatenate(workers.visit(tasks.triangle)), mode="r")
                _, self.factor, self.rank_deficient = orthonormal(np.asarray(R))
        else:
            missed, seen_by_usable = zip(*workers.visit(tasks.fitted), strict=True)
            self.rank_deficient = np.asarray(any(missed))
            unknowns = sum(seen_by_usable)
        check_counts(counts * self.usable, self.usable, unknowns, name="parts")
        self.products = 0
        self.gain_size = m

    @property
    def whitening(self) -> PartitionedSystem:
        """Where `largest_correlation` looks for the rank and the products."""
        return self

    def connected(self) -> bool:
        """Whether measurements tie the sensors together, as in `_connectivity`."""
        if self.repeated and not self.has_zeros:
            return True
        reached = first_of(self.usable)
        while True:
            ends = reached
            if self.repeated:
                ends = np.any(self.workers.visit(tasks.touched, reached), axis=0)
            found = np.any(self.workers.visit(tasks.linked, ends), axis=0) & self.usable
            new = np.asarray(reached | found)
            if (new == reached).all():
                return bool((new == self.usable).all())
            reached = new

    def matrices(self) -> None:
        """There are none."""

    def arranged(self, u: Array) -> Array:
        """Coordinates are in the order of the sensors."""
        return u

    def inverse_gains(self, u: Array) -> Array:
        """s from its coordinates."""
        return np.asarray(u * self.diagonal)

    def solve(self, b: Array) -> Array:
        """G^{-1} b of one signal."""
        if self.gram is not None:
            return np.asarray(b / self.gram)
        assert self.factor is not None
        return np.asarray((b @ self.factor.conj()) @ self.factor.T)

    def product(self, u: Array) -> Array:
        """E E^* u."""
        s = self.inverse_gains(u)
        self.products += 2
        if not self.repeated:
            return np.asarray(self.workers.total(tasks.there_and_back, s) * self.diagonal)
        x = self.solve(self.workers.total(tasks.to_signal, s))
        return np.asarray(self.workers.total(tasks.to_gains, x) * self.diagonal)

    def solution(self, u: Array) -> tuple[Array, Array]:
        """Reciprocal gains; the signals stay where they are."""
        return self.inverse_gains(u), np.zeros(0)


def _common_shape(shapes: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    sizes = {shape[1:] for shape in shapes}
    if len(sizes) > 1:
        remedy = "Every part has all sensors, and signals of the same length."
        raise argument_error("parts", f"(m, n) = {sorted(sizes)}", "one pair", remedy)
    m, n = sizes.pop()
    return sum(shape[0] for shape in shapes), m, n
