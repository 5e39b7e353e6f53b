"""Alternating least squares by visits of parts: two m-vectors a sweep and part (SPEC A8, check 21).

Signals of different measurements are found where the measurements are; one signal for all by
conjugate gradients, an n-vector each way and iteration, preconditioned by the unweighted problem.
"""

from __future__ import annotations

import numpy as np

from . import _partition_tasks as tasks
from ._anderson import Anderson
from ._conjugate_gradient import conjugate_gradient
from ._partition_system import PartitionedSystem
from .operators._base import Array

__all__ = ["PartitionedPolish", "mean_one"]


class PartitionedPolish:
    """Alternating least squares by visits of the parts."""

    def __init__(self, system: PartitionedSystem, tol: float, max_iter: int) -> None:
        self.system, self.workers = system, system.workers
        self.tol, self.max_iter = tol, max_iter
        self.x: Array | None = None

    def signal_step(self, d: Array) -> Array | None:
        """The one signal for given gains; None where signals stay on the parts."""
        if not self.system.repeated:
            return None
        powers = np.abs(d) ** 2
        b = self.workers.total(tasks.right_side, d)
        guess = np.zeros_like(b) if self.x is None else self.x
        self.x, _ = conjugate_gradient(
            lambda x: self.workers.total(tasks.normal_product, powers, x),
            b,
            guess,
            axes=1,
            tol=min(self.tol, 1e-13),
            max_iter=self.max_iter,
            precondition=self.system.solve,
        )
        return self.x

    def run(self, d: Array, max_sweeps: int) -> tuple[Array, Array, int, bool]:
        """Gains, their cost, sweeps, and whether that was enough."""
        top, below, cost = self._evaluated(d)
        history = Anderson()
        slow = False
        for sweep in range(1, max_sweeps + 1):
            plain = mean_one(np.where(below > 0, top / np.where(below > 0, below, 1), 0))
            new = mean_one(history.propose(d, plain))
            top, below, reached = self._evaluated(new)
            if reached > cost:
                history.forget(np.ones((), dtype=bool))
                new = plain
                top, below, reached = self._evaluated(new)
            change = np.linalg.norm(new - d)
            little = bool(cost - reached <= 1e-10 * reached)
            d, cost = new, reached
            if change <= 1e-8 * np.linalg.norm(d) or (little and slow):
                return d, cost, sweep, True
            slow = little
        return d, cost, max_sweeps, max_sweeps == 0

    def _evaluated(self, d: Array) -> tuple[Array, Array, Array]:
        """The sums for the next gains and the cost, with the best signals for these."""
        result: tuple[Array, Array, Array] = self.workers.total(tasks.sums, d, self.signal_step(d))
        return result

    def signal(self, d: Array) -> Array:
        """All signals, brought here."""
        if self.system.repeated:
            assert self.x is not None
            return self.x
        return np.concatenate(self.workers.visit(tasks.signals, d))


def mean_one(d: Array) -> Array:
    """Gains of mean modulus one."""
    mean = np.abs(d).mean()
    return np.asarray(d / mean if mean > 0 else d)
