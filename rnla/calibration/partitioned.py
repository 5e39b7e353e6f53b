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
from ._models import check_model
from ._partition_polish import PartitionedPolish, mean_one
from ._partition_system import PartitionedSystem
from ._verdict import statuses
from ._workers import Workers
from .canonical_correlation import largest_correlation
from .flags import SensorFlag
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
    system = PartitionedSystem(workers, model)
    width = 8 if solver == "block_krylov" else 1
    start = largest_correlation(
        system, solver=solver, tol=tol, max_iter=steps, block=width, start=None, seed=seed
    )
    s = start.inverse_gains
    d = np.where(s != 0, 1.0 / np.where(s != 0, s, 1), 0)
    alternating = PartitionedPolish(system, tol, steps)
    d, cost, sweeps, converged = alternating.run(mean_one(d), max_sweeps)
    signal = alternating.signal(d)
    good = d != 0
    factor = np.abs(d).sum() / good.sum() if good.any() else 1.0
    mean = d.sum()
    factor = factor * (mean / abs(mean) if mean != 0 else 1.0)
    counts = system.problem.valid_counts
    freedom = int(counts.sum() - (counts > 0).sum() - system.problem.seen_unknowns + 1)
    split = np.asarray(not system.connected())
    status = statuses(start, start.converged & converged, split)[()]
    mean_square = cost / freedom if freedom > 0 else np.zeros(())
    with np.errstate(over="ignore"):  # of data near the end of the range
        variance = np.minimum(mean_square * system.scale * system.scale, np.finfo(float).max)
    flags = np.where(counts < 2, int(SensorFlag.MISSING), 0).astype(np.int64)
    flags[~good] |= int(SensorFlag.NO_GAIN)
    return PartitionedCalibration(
        gains=d / factor,
        signal=signal * factor * system.scale,
        status=status,
        sigma=start.sigma,
        gap=float(start.gap),
        residual_variance=float(variance),
        flags=flags,
        iterations=start.iterations,
        sweeps=sweeps,
        rounds=workers.rounds,
        sent=workers.sent,
        received=workers.received,
        parts=len(workers),
        seed=seed,
    )
