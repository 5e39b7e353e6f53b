"""Calibration of measurements that are spread over workers (SPEC A1, check 21).

Each part holds some of the y_l with their A_l. An iteration of the canonical correlation takes an
m-vector to each part and brings one back (and, for one signal, an n-vector each way); a sweep of
alternating least squares two m-vectors. Data, operators and the signals of different measurements
stay where they are until the end; one signal needs an n x n factor once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import (
    ArgumentTypeError,
    argument_error,
    check_positive,
    check_size,
    check_whole,
)
from .._result import IntArray, Status
from ..random import RNGLike, resolve_seed
from . import _partition_tasks as tasks
from ._ambiguity import is_ambiguous
from ._anderson import Anderson
from ._conjugate_gradient import conjugate_gradient
from ._equilibration import usable_sensors
from ._models import check_model
from ._workers import Workers
from .canonical_correlation import largest_correlation
from .flags import SensorFlag
from .identifiability import check_identifiable
from .operators._base import Array

__all__ = ["PartitionedCalibration", "calibrate_partitioned"]


@dataclass(frozen=True, eq=False)
class PartitionedCalibration:
    """Gains and signals from measurements in parts, and what went to and fro.

    Attributes
    ----------
    gains : ndarray, shape (m,)
        Mean modulus one over sensors with data, mean positive; zero where the data say nothing.
    signal : ndarray, shape (n,) or (p, n)
        In the units of the data.
    status : Status
    sigma : ndarray, shape (2,)
        See `Calibration`.
    gap : float
    residual_variance : float
        Weighted sum of squared residuals over the degrees of freedom.
    flags : ndarray of int, shape (m,)
        MISSING and NO_GAIN of `SensorFlag`.
    iterations, sweeps : int
        Of the canonical correlation and of the polish.
    rounds : int
        Visits of all parts.
    sent, received : int
        Numbers in arrays, all parts together, without the data themselves; what does not grow with
        the iterations included (the factors, the signals at the end).
    parts : int
    seed : int
    """

    gains: Array
    signal: Array
    status: Status
    sigma: Array
    gap: float
    residual_variance: float
    flags: IntArray
    iterations: int
    sweeps: int
    rounds: int
    sent: int
    received: int
    parts: int
    seed: int


def calibrate_partitioned(
    parts: Sequence[Any],
    *,
    model: str = "repeated",
    solver: str = "lanczos",
    tol: float = 1e-12,
    max_iter: int = 1000,
    max_sweeps: int = 50,
    rng: RNGLike = 0,
) -> PartitionedCalibration:
    """Calibrate from measurements that live in parts, here or on Dask workers.

    Parameters
    ----------
    parts : sequence of (Y, operators) or (Y, operators, weights), or of Dask Delayed values of such
        Y of shape (q, m) with q of the measurements, operators as `calibrate` takes them for those,
        one map for ``model="snapshots"``.
    model : {"repeated", "diverse", "snapshots"}
    solver : {"lanczos", "power", "block_krylov"}
    tol : float
        Of the canonical correlation, and of the conjugate gradients of the polish.
    max_iter : int
        Iterations of either.
    max_sweeps : int
        Of alternating least squares, as in `polish`; 0 for none.
    rng : int, Generator, SeedSequence or None

    Returns
    -------
    PartitionedCalibration

    Raises
    ------
    ArgumentError
        For parts that do not fit together, or fewer measurements than unknowns.

    Notes
    -----
    The answer does not depend on the parts, up to rounding. For one signal, operators without
    orthogonal columns are multiplied by the inverse of a common triangular factor, which loses
    digits in proportion to their condition number squared. Double precision, no `gain_basis`.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> from rnla.calibration import calibrate_partitioned, relative_error, simulate
    >>> data = simulate("diverse", m=32, n=12, p=8, rng=0)
    >>> parts = [(data.Y[l : l + 2], data.operators[l : l + 2]) for l in range(0, 8, 2)]
    >>> found = calibrate_partitioned(parts, model="diverse")
    >>> found.status.name, bool(relative_error(found.gains, data.gains) < 1e-10)
    ('OK', True)
    """
    check_model(model)
    tol, steps = check_positive(tol, "tol"), check_size(max_iter, name="max_iter")
    seed, max_sweeps = resolve_seed(rng), check_whole(max_sweeps, "max_sweeps", example=50)
    if not isinstance(parts, (list, tuple)):
        got, remedy, kind = (
            type(parts).__name__,
            "Pass a list of (Y, operators).",
            ArgumentTypeError,
        )
        raise argument_error("parts", got, "a list or tuple", remedy, kind=kind)
    if len(parts) == 0:
        raise argument_error("parts", "none", "one part at least", "Pass a list of (Y, operators).")
    workers = Workers(parts)
    workers.update(tasks.opened, model)
    system = _System(workers, model)
    width = 8 if solver == "block_krylov" else 1
    start = largest_correlation(
        system, solver=solver, tol=tol, max_iter=steps, block=width, start=None, seed=seed
    )
    s = start.inverse_gains
    d = np.where(s != 0, 1.0 / np.where(s != 0, s, 1), 0)
    alternating = _Alternating(system, tol, steps)
    d, cost, sweeps, converged = alternating.run(_unit(d), max_sweeps)
    signal = alternating.signal(d)
    good = d != 0
    factor = np.abs(d).sum() / max(1, good.sum())
    mean = d.sum()
    factor = factor * (mean / abs(mean) if mean != 0 else 1.0)
    counts = system.problem.valid_counts
    freedom = int(counts.sum() - (counts > 0).sum() - system.problem.signal_size + 1)
    status = Status.OK if bool(start.converged) and converged else Status.NOT_CONVERGED
    if not system.connected() or is_ambiguous(start.sigma[0], start.gap):
        status = Status.AMBIGUOUS
    flags = np.where(counts < 2, int(SensorFlag.MISSING), 0).astype(np.int64)
    flags[~good] |= int(SensorFlag.NO_GAIN)
    return PartitionedCalibration(
        gains=d / factor,
        signal=signal * factor * system.scale,
        status=status,
        sigma=start.sigma,
        gap=float(start.gap),
        residual_variance=float(cost) * system.scale**2 / freedom if freedom > 0 else 0.0,
        flags=flags,
        iterations=start.iterations,
        sweeps=sweeps,
        rounds=workers.rounds,
        sent=workers.sent,
        received=workers.received,
        parts=len(workers),
        seed=seed,
    )


class _Totals:
    """What of a problem is known here: sums over the parts."""

    gain_basis = None
    batch_shape: tuple[int, ...] = ()
    real_dtype = np.dtype(np.float64)

    def __init__(
        self, model: str, shape: tuple[int, int, int], gamma: Array, counts: IntArray, dtype: Any
    ) -> None:
        self.model = model
        self.p, self.m, self.n = shape
        self.k = self.m
        self.signal_size = self.n if model == "repeated" else self.p * self.n
        self._gamma, self.valid_counts = gamma, counts
        self.dtype = np.dtype(dtype)

    def gamma(self) -> Array:
        """See `Problem`."""
        return self._gamma


class _System:
    """The products of `Equilibration` by visits of the parts."""

    def __init__(self, workers: Workers, model: str) -> None:
        self.workers = workers
        self.repeated = model == "repeated"
        found = workers.visit(tasks.summary)
        p, m, n = _common_shape([one[0] for one in found])
        counts = np.sum([one[5] for one in found], axis=0)
        if not any(one[3] > 0 for one in found):
            remedy = "There is nothing to calibrate on."
            got = "nothing but zeros and missing values"
            raise argument_error("parts", got, "a value that is not zero", remedy)
        self.scale = float(np.sqrt(sum(one[3] for one in found) / counts.sum()))
        gamma = np.sum([one[4] for one in found], axis=0) / self.scale**2
        dtype = np.complex128 if any(one[1] == "c" for one in found) else np.float64
        self.problem = _Totals(model, (p, m, n), gamma, counts, dtype)
        facade: Any = self.problem
        check_identifiable(facade)
        self.usable = usable_sensors(facade)
        root = np.sqrt(np.where(self.usable, gamma, 1.0))
        self.diagonal = np.where(self.usable, 1.0 / root, 0.0)
        workers.update(tasks.prepared, self.scale, self.usable)
        self.gram: float | None = None
        self.factor: Array | None = None
        if self.repeated:
            grams = {one[2] for one in found}
            if self.usable.all() and len(grams) == 1 and None not in grams:
                self.gram = p * grams.pop()
            else:
                R = np.linalg.qr(np.concatenate(workers.visit(tasks.triangle)), mode="r")
                self.factor = np.linalg.inv(R)
        self.rank_deficient = np.zeros((), dtype=bool)
        self.products = 0
        self.gain_size = m

    @property
    def whitening(self) -> _System:
        """Where `largest_correlation` looks for the rank and the products."""
        return self

    def connected(self) -> bool:
        """Whether measurements tie the sensors together; of one signal the gap alone says it."""
        if self.repeated:
            return True
        reached = np.asarray(np.cumsum(self.usable) * self.usable == 1)
        while True:
            found = np.any(self.workers.visit(tasks.linked, reached), axis=0) & self.usable
            new = reached | found
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


class _Alternating:
    """Alternating least squares by visits of the parts."""

    def __init__(self, system: _System, tol: float, max_iter: int) -> None:
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
            plain = _unit(np.where(below > 0, top / np.where(below > 0, below, 1), 0))
            new = _unit(history.propose(d, plain))
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


def _unit(d: Array) -> Array:
    mean = np.abs(d).mean()
    return np.asarray(d / mean if mean > 0 else d)


def _common_shape(shapes: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    sizes = {shape[1:] for shape in shapes}
    if len(sizes) > 1:
        remedy = "Every part has all sensors, and signals of the same length."
        raise argument_error("parts", f"(m, n) = {sorted(sizes)}", "one pair", remedy)
    m, n = sizes.pop()
    return sum(shape[0] for shape in shapes), m, n
