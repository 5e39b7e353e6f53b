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
_NUMBERS = 2**22  # of the probes in work


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
        problem = self.problem
        m, size = problem.m, problem.m + problem.signal_size
        step = max(1, _NUMBERS // (problem.p * m))
        units = np.zeros(0)
        total, squares = np.zeros(size), np.zeros(size)
        for start in range(0, count, step):
            z = self._random(size, range(start, min(start + step, count)), seed)
            if start == 0:
                units = np.concatenate([self._gain_units(), self._signal_units(z[:1, m:])])
            samples = self._samples(z, units, tol, max_iter)
            total += samples.sum(axis=0)
            squares += (samples**2).sum(axis=0)
        means = total / count
        scatter = np.sqrt(np.maximum(squares / count - means**2, 0.0) / max(1, count - 1))
        if self.frame.matrix is None:  # not below a part of the variance with all else known
            means = np.maximum(means, 0.1 * units**2)
        means = np.maximum(means, 0.0)
        if count > 1 and (means > 0).any():
            relative = scatter[means > 0] / means[means > 0]
            self.uncertainty = float(0.5 * np.sqrt(np.mean(relative**2)))
        gains = means[:m] * self.frame.factor
        gains[~seen(self.g)] = np.inf
        return gains, means[m:].reshape(self.x.shape)

    def _samples(self, z: Array, units: Array, tol: float, max_iter: int) -> Array:
        """Unbiased estimates of the diagonal, one a probe, in the units of the errors.

        What is correlated adds less scatter in these units.
        """
        m, frame = self.problem.m, self.frame
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
        limit = 2.0 * tol * np.linalg.norm(b, axis=-1)
        self.converged &= bool((np.linalg.norm(rest, axis=-1) <= limit).all())
        solution = self.gauged(solution, adjoint=False)
        k = frame.size
        moved = np.concatenate([frame.gains(solution[:, :k]), solution[:, k:]], axis=-1)
        return np.asarray((z.conj() * moved).real * units)

    def _gain_units(self) -> Array:
        """Standard errors of gains with everything else known."""
        known = seen(self.g)
        root = np.where(known, 1.0 / np.sqrt(np.where(known, self.g, 1)), 0)
        if self.frame.diagonal is not None:
            root = np.where(self.frame.diagonal != 0, root, 0)
        return np.asarray(root)

    def _random(self, size: int, probes: range, seed: int) -> Array:
        stream = Stream(seed, PURPOSE)
        places = range(probes.start * size, probes.stop * size)
        signs = stream.signs(places).reshape(-1, size)
        if self.problem.dtype.kind != "c":
            return signs
        # Quarter turns: what is not complex linear averages out, and the modulus is one.
        turns = stream.signs(places, draw=1).reshape(-1, size)
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
