"""Diagonals of the Cramer-Rao bound from solves with random right-hand sides.

Hutchinson (1989); Bekas, Kokiopoulou and Saad (2007). Each probe is one system J^* J z = b, solved
by conjugate gradients with a diagonal preconditioner: two products an iteration.
"""

from __future__ import annotations

import numpy as np

from ..random import Stream
from ._conjugate_gradient import conjugate_gradient
from ._cramer_rao_model import model_parts, seen
from ._tangent import Tangent
from .operators._base import Array
from .problem import Problem

__all__ = ["Probes"]

PURPOSE = "calibration.cramer_rao"


class Probes:
    """Diagonals of the covariance from solves with random right-hand sides."""

    def __init__(self, problem: Problem, d: Array, x: Array, frame: Tangent) -> None:
        self.problem, self.d, self.x, self.frame = problem, d, x, frame
        self.root, self.v, self.g = model_parts(problem, d, x)
        self.products = 1
        self.uncertainty = 0.0
        self.converged = True

    def forward(self, z: Array) -> Array:
        """J z of rows z = (h, x)."""
        size = self.frame.size
        h, x = z[..., :size], z[..., size:].reshape(*z.shape[:-1], *self.problem.signal_shape)
        self.products += 1
        image = self.problem.synthesis(x) * (self.root * self.d)
        return np.asarray(image + self.v * self.frame.gains(h)[..., None, :])

    def backward(self, u: Array) -> Array:
        """J^* u."""
        self.products += 1
        h = self.frame.gains_adjoint((self.v.conj() * u).sum(axis=-2))
        x = self.problem.analysis(u * (self.root * self.d.conj()))
        return np.concatenate([h, x.reshape(*h.shape[:-1], -1)], axis=-1)

    def gauged(self, z: Array, *, adjoint: bool) -> Array:
        """Without the common factor, in gains and in signals."""
        size, frame = self.frame.size, self.frame
        h, x = z[..., :size], z[..., size:]
        u = self.x.ravel() / max(np.linalg.norm(self.x), np.finfo(float).tiny)
        h = frame.projected_adjoint(h.T).T if adjoint else frame.projected(h.T).T
        x = x - frame.along(u[:, None], x.T).T
        return np.concatenate([h, x], axis=-1)

    def estimate(self, count: int, tol: float, max_iter: int, seed: int) -> tuple[Array, Array]:
        """Variances of gains and signal for unit noise."""
        problem, frame = self.problem, self.frame
        m = problem.m
        z = self._random(m + problem.signal_size, count, seed)
        # Probes in the units of the errors: what is correlated adds less scatter.
        units = np.concatenate([self._gain_units(), self._signal_units(z[:, m:])])
        scaled = z * np.where(units > 0, 1.0 / np.where(units > 0, units, 1), 0)
        b = np.concatenate([frame.gains_adjoint(scaled[:, :m]), scaled[:, m:]], axis=-1)
        b = self.gauged(b, adjoint=True)
        diagonal = np.concatenate([frame.units(self.g), units[m:]]) ** 2
        solution, _ = conjugate_gradient(
            lambda w: self.backward(self.forward(w)),
            b,
            np.zeros_like(b),
            axes=1,
            tol=tol,
            max_iter=max_iter,
            precondition=lambda r: r * diagonal,
        )
        rest = self.backward(self.forward(solution)) - b
        self.converged = bool(
            (np.linalg.norm(rest, axis=-1) <= 2.0 * tol * np.linalg.norm(b, axis=-1)).all()
        )
        solution = self.gauged(solution, adjoint=False)
        k = frame.size
        moved = np.concatenate([frame.gains(solution[:, :k]), solution[:, k:]], axis=-1)
        samples = (z.conj() * moved).real * units
        means = samples.mean(axis=0)
        if frame.matrix is None:  # not below a part of the variance with all else known
            means = np.maximum(means, 0.1 * units**2)
        means = np.maximum(means, 0.0)
        if count > 1:
            scatter = samples.std(axis=0, ddof=1) / np.sqrt(count)
            scatter = scatter[means > 0] / means[means > 0]
            self.uncertainty = float(0.5 * np.sqrt(np.mean(scatter**2)))
        gains = means[:m] * frame.factor
        gains[~seen(self.g)] = np.inf
        return gains, means[m:].reshape(self.x.shape)

    def _gain_units(self) -> Array:
        """Standard errors of gains with everything else known."""
        known = seen(self.g)
        root = np.where(known, 1.0 / np.sqrt(np.where(known, self.g, 1)), 0)
        if self.frame.diagonal is not None:
            root = np.where(self.frame.diagonal != 0, root, 0)
        return np.asarray(root)

    def _random(self, size: int, count: int, seed: int) -> Array:
        stream = Stream(seed, PURPOSE)
        signs = stream.signs(range(count * size)).reshape(count, size)
        if self.problem.dtype.kind != "c":
            return signs
        # Quarter turns: what is not complex linear averages out, and the modulus is one.
        turns = stream.signs(range(count * size), draw=1).reshape(count, size)
        z = signs * np.where(turns > 0, 1.0, 1j)
        if self.frame.real:  # along T, where the signs are those of real coordinates
            assert self.frame.diagonal is not None
            turn = np.where(self.frame.diagonal != 0, self.frame.diagonal, 1)
            m = self.problem.m
            z[:, :m] = signs[:, :m] * (turn / np.abs(turn))
        return z

    def _signal_units(self, z: Array) -> Array:
        """One over the root mean square of the columns of W^{1/2} D A, for every signal."""
        problem = self.problem
        x = z.reshape(-1, *problem.signal_shape)
        image = problem.synthesis(x) * (self.root * self.d)
        self.products += 1
        axes = (-2, -1) if problem.repeated else (-1,)
        mean = (np.abs(image) ** 2).sum(axis=axes).mean(axis=0) / problem.n
        unit = np.where(mean > 0, 1.0 / np.sqrt(np.where(mean > 0, mean, 1)), 0)
        return np.repeat(np.atleast_1d(unit), problem.n)
