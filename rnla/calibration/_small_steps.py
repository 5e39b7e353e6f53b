"""Alternating least squares for a batch of small problems: each in cache, ended ones left alone.

The steps of `_signal_step` for explicit operators in compiled loops; see their kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels import als_sweep
from .operators._base import Array
from .problem import Problem

__all__ = ["SmallSteps", "is_batch_of_small"]

_LARGEST = 64  # unknowns of a signal: above, the loops of LAPACK are faster
_ENTRIES = 2**24


def is_batch_of_small(problem: Problem, Q: Array) -> bool:
    """Whether the steps are meant for the orthonormal operators of a problem."""
    entries = Q.size * Q.shape[-1]
    small = Q.shape[-1] <= _LARGEST and entries <= _ENTRIES * (
        Q.shape[-3] if problem.repeated else 1
    )
    return bool(problem.batch_shape) and problem.real_dtype == np.float64 and small


class SmallSteps:
    """Steps of all problems of a batch, with the same operators Q or one for each."""

    def __init__(self, problem: Problem, Q: Array) -> None:
        self.problem = problem
        shared = Q.ndim == 3
        known = problem.factors.get(SmallSteps) if shared else None
        if known is None or known[0] is not Q:
            flat = Q if shared else Q.reshape(-1, *Q.shape[-3:])
            known = Q, als_sweep.squares(flat, one_signal=problem.repeated)
            if shared:
                problem.factors[SmallSteps] = known
        self.squares = known[1]

    def solve(self, d: Array, b: Array, active: Array | None) -> Array:
        """Signals for gains and b = Q^* conj(d) y, both (..., m) and of the shape of the signal."""
        gains, right = self._flat(d, 1), self._flat(b, b.ndim - len(self.problem.batch_shape))
        right = right.reshape(len(gains), -1, right.shape[-1])
        t = np.zeros_like(right)
        wanted = self._wanted(active)
        good = als_sweep.signal_step(self.squares, gains, right, wanted, t)
        for k in np.flatnonzero(~good):  # too few gains that are not zero
            own = self.squares[k if len(self.squares) > 1 else 0]
            gram = np.einsum("i,gijk->gjk", np.abs(gains[k]) ** 2, own)
            for index in range(right.shape[1]):
                full = _unpacked(gram[index if len(gram) > 1 else 0], b.dtype)
                t[k, index] = np.linalg.pinv(full, hermitian=True) @ right[k, index]
        return t.reshape(b.shape)

    def sums(
        self, y: Array, d: Array, v: Array, before: Any, active: Array | None
    ) -> tuple[Array, ...]:
        """Sums over l, data, cost and change for v = Q t."""
        problem = self.problem
        batch, shape = problem.batch_shape, (problem.p, problem.m)
        rows, own, flat = self._flat(y, 2), self._flat(d, 1), self._flat(v, 2)
        if before is None:
            count, active = len(rows), None
            old = als_sweep.Sums(
                np.zeros_like(own),
                np.zeros(own.shape),
                np.zeros_like(rows),
                np.zeros(count),
                np.zeros(count),
            )
        else:
            old = als_sweep.Sums(
                self._flat(before.top, 1),
                self._flat(before.below, 1),
                self._flat(before.data, 2),
                before.cost.reshape(-1),
                np.zeros(before.change.size),
            )
        after = als_sweep.gain_sums(rows, own, flat, self._wanted(active), old)
        tails: tuple[tuple[int, ...], ...] = (shape[1:], shape[1:], shape, (), ())
        return tuple(
            np.reshape(one, (*batch, *tail)) for one, tail in zip(after, tails, strict=True)
        )

    def _flat(self, array: Array, axes: int) -> Array:
        """All problems along one axis, contiguous."""
        tail = array.shape[array.ndim - axes :]
        whole = np.broadcast_to(array, (*self.problem.batch_shape, *tail))
        return np.ascontiguousarray(whole).reshape(-1, *tail)

    def _wanted(self, active: Array | None) -> Array:
        if active is None:
            return np.ones(int(np.prod(self.problem.batch_shape)), dtype=bool)
        return np.ascontiguousarray(active).reshape(-1)


def _unpacked(gram: Array, dtype: Any) -> Array:
    """A Hermitian matrix from real parts below and imaginary parts above its diagonal."""
    lower = np.tril(gram).astype(dtype)
    if lower.dtype.kind == "c":
        lower += 1j * np.triu(gram, 1).T
    return np.asarray(lower + np.tril(lower, -1).conj().T)
