"""The Cramer-Rao bound by elimination of the signals: m + n unknowns as matrices.

p m n^2 + m^3 multiply-adds, p m n m for the errors of different signals; p m n numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._cramer_rao_model import model_parts, seen
from ._tangent import Tangent
from ._whitening import orthonormal
from .operators._base import Array
from .problem import Problem

__all__ = ["dense_variances"]

_BLOCK = 2**17  # numbers
_SINGULAR = 1e-12  # of the scaled information: a direction that the data do not determine
_MASS = 1e-6  # of such a direction at one entry


def dense_variances(problem: Problem, d: Array, x: Array, frame: Tangent) -> tuple[Array, Array]:
    """Variances of gains and signal for unit noise."""
    system = _Reduced(problem, d, x)
    covariance, lost = _inverse(frame, system.information(), system.g)
    gain_variance = frame.variance(covariance)
    gain_variance[frame.mass(lost) > _MASS] = np.inf
    gain_variance[~seen(system.g)] = np.inf
    u = x / max(float(np.linalg.norm(x)), np.finfo(float).tiny)
    # x - x0 = (noise seen with known gains) + L h, h the coordinates of the errors of the gains.
    along = frame.free(system.along(u, frame))
    signal_variance = system.known_gains(u, frame.share)
    moved = np.zeros(x.shape)
    for part, L in system.rows(frame):
        L = L - u[part][..., None] * along
        signal_variance[part] += ((L @ covariance) * L.conj()).sum(axis=-1).real * frame.factor
        if lost.shape[-1]:
            moved[part] = (np.abs(L @ lost) ** 2).sum(axis=-1)
    signal_variance[(moved > _MASS * moved.max()) | system.unseen()] = np.inf
    return gain_variance, signal_variance


class _Reduced:
    """J^* J of one problem with the signal eliminated: diag(g) - sum_l M_l M_l^*.

    W_l^{1/2} D A_l = Q_l R_l and M_l = diag(conj v_l) Q_l, v_l = W_l^{1/2} A_l x; one sum over all
    l for one signal. Different signals are visited in blocks that stay in cache.
    """

    def __init__(self, problem: Problem, d: Array, x: Array) -> None:
        self.problem, self.x = problem, x
        root, self.v, self.g = model_parts(problem, d, x)
        A = problem.operators.dense().astype(self.v.dtype)
        self.stack = (root if problem.weights is not None else root[:1])[..., None] * d[:, None] * A
        if problem.repeated:
            self.stack = self.stack.reshape(-1, problem.n)
        self.Q, self.inverse, self.deficient = orthonormal(self.stack)

    def _blocks(self) -> Iterator[tuple[Any, Array, Array]]:
        """Places among the signals, their M and R^{-1}."""
        problem, v, Q = self.problem, self.v.conj()[..., None], self.Q
        if problem.repeated:
            M = (v * Q.reshape(*self.v.shape, -1)).sum(axis=0)
            yield slice(None), M, self.inverse
            return
        step = max(1, _BLOCK // (problem.m * problem.n))
        for start in range(0, problem.p, step):
            part = slice(start, start + step)
            own = slice(None) if len(Q) == 1 else part
            yield part, v[part] * Q[own], self.inverse[own]

    def information(self) -> Array:
        """What the data say about the gains."""
        total = np.diag(self.g).astype(self.v.dtype)
        for _, M, _ in self._blocks():
            flat = M if M.ndim == 2 else M.transpose(1, 0, 2).reshape(len(self.g), -1)
            total -= flat @ flat.conj().T
        return total

    def rows(self, frame: Tangent) -> Iterator[tuple[Any, Array]]:
        """L = R^{-1} M^* T in blocks."""
        for part, M, inverse in self._blocks():
            yield part, frame.rows(inverse @ M.conj().swapaxes(-1, -2))

    def along(self, u: Array, frame: Tangent) -> Array:
        """u^* L."""
        total = np.zeros(len(self.g), dtype=self.v.dtype)
        for part, M, inverse in self._blocks():
            image = M @ (inverse.conj().swapaxes(-1, -2) @ u[part][..., None])
            total += image[..., 0].reshape(-1, len(self.g)).sum(axis=0)
        return frame.rows(total.conj())

    def known_gains(self, u: Array, share: float) -> Array:
        """Variances with known gains, without a share of the direction u."""
        inverse = self.inverse
        variance = (np.abs(inverse) ** 2).sum(axis=-1)
        image = (inverse @ (inverse.conj().swapaxes(-1, -2) @ u[..., None]))[..., 0]
        change = np.abs(u) ** 2 * np.vdot(u, image).real - 2.0 * (u.conj() * image).real
        return np.asarray(np.maximum(variance + share * change, 0.0))

    def unseen(self) -> Array:
        """Entries of the signal with a part that no operator sees."""
        if not np.any(self.deficient):
            return np.zeros(self.x.shape, dtype=bool)
        image = self.Q.conj().swapaxes(-1, -2) @ self.stack
        kept = np.einsum("...ij,...ji->...i", self.inverse, image).real
        return np.broadcast_to(kept < 1.0 - _MASS, self.x.shape)


def _inverse(frame: Tangent, information: Array, g: Array) -> tuple[Array, Array]:
    """Covariance of the coordinates without the free factor; directions that are undetermined."""
    S = frame.compress(information)
    unit = frame.units(g)
    H = unit[:, None] * S * unit
    H[np.diag_indices_from(H)] += unit == 0
    u = np.where(unit > 0, frame.gauge / np.where(unit > 0, unit, 1), 0)
    norm = np.linalg.norm(u)
    if norm > 0:
        H = H + np.outer(u, u.conj()) / norm**2
    values, vectors = np.linalg.eigh(0.5 * (H + H.conj().T))
    kept = values > _SINGULAR * max(values.max(initial=0.0), 1.0)
    vectors = frame.projected(unit[:, None] * vectors)
    found = vectors[:, kept]
    covariance = np.asarray((found / values[kept]) @ found.conj().T)
    lost = vectors[:, ~kept]
    size = np.linalg.norm(lost, axis=0)
    return covariance, lost[:, size > 0] / size[size > 0]
