"""Calibration of measurements that are spread over workers (SPEC A1, check 21).

Each part holds some of the y_l with their A_l. An iteration of the canonical correlation takes an
m-vector to each part and brings one back (and, for one signal, an n-vector each way); a sweep of
alternating least squares two m-vectors. Data, operators and the signals of different measurements
stay where they are until the end; one signal needs an n x n factor once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._errors import argument_error, check_positive, check_size, import_optional
from .._result import IntArray, Status
from ..random import RNGLike, resolve_seed
from ._anderson import Anderson
from ._conjugate_gradient import conjugate_gradient
from ._equilibration import usable_sensors
from ._models import check_model
from ._whitening import Whitening, whiten
from ._workers import Workers
from .canonical_correlation import largest_correlation
from .flags import SensorFlag
from .identifiability import check_identifiable
from .operators._base import Array
from .polish import SignalStep
from .problem import Problem

__all__ = ["PartitionedCalibration", "calibrate_partitioned", "measurement_parts"]

_GAP = 1e-3


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
    seed = resolve_seed(rng)
    if len(parts) == 0:
        raise argument_error("parts", "none", "one part at least", "Pass a list of (Y, operators).")
    workers = Workers(parts)
    workers.update(_opened, model)
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
    if start.gap < max(3.0 * (1.0 - start.sigma[0]), _GAP):
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


def measurement_parts(Y: Any, operators: Any, weights: Any = None, *, count: int = 1) -> list[Any]:
    """Cut measurements into parts for `calibrate_partitioned`.

    Parameters
    ----------
    Y : array_like or dask.array, shape (p, m)
        A Dask array is cut along its chunks of measurements and stays where it is.
    operators : array_like or dask.array
        Shape (p, m, n), or (m, n) for snapshots through one map.
    weights : array_like or dask.array, shape (p, m), optional
    count : int
        Parts to make of arrays that are not Dask's.

    Returns
    -------
    list of (Y, operators) or (Y, operators, weights), or of Dask Delayed values of these

    Raises
    ------
    ArgumentError
        For shapes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import measurement_parts
    >>> [part[0].shape for part in measurement_parts(np.ones((5, 3)), np.ones((3, 2)), count=2)]
    [(3, 3), (2, 3)]
    """
    given = [Y, operators] if weights is None else [Y, operators, weights]
    lazy = any(hasattr(one, "__dask_graph__") for one in given)
    arrays = [one if hasattr(one, "__dask_graph__") else np.asarray(one) for one in given]
    first, maps = arrays[0], arrays[1]
    shared = maps.ndim == 2
    if first.ndim != 2 or maps.ndim not in (2, 3) or (not shared and len(maps) != len(first)):
        got = f"Y of shape {first.shape} and operators of shape {maps.shape}"
        expected = "(p, m) and (p, m, n), or (m, n)"
        raise argument_error("operators", got, expected, "One matrix for each row of Y, or one.")
    if hasattr(first, "chunks"):
        stops = np.cumsum(first.chunks[0])
    else:
        count = min(check_size(count, name="count"), len(first))
        stops = np.cumsum([len(part) for part in np.array_split(np.arange(len(first)), count)])
    parts: list[Any] = []
    start = 0
    for stop in stops:
        cut = [one if shared and i == 1 else one[start:stop] for i, one in enumerate(arrays)]
        parts.append(_delayed(cut) if lazy else tuple(cut))
        start = int(stop)
    return parts


def _delayed(arrays: list[Any]) -> Any:
    """One task that gathers the pieces of a part."""
    dask = import_optional("dask", extra="dask", purpose="to cut Dask arrays into parts")
    return dask.delayed(_gathered, pure=False)(*arrays)


def _gathered(*arrays: Any) -> tuple[Any, ...]:
    return tuple(np.asarray(one) for one in arrays)


# -- on the workers ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Held:
    """One part: its problem, that without unusable sensors, and factors for signals of its own."""

    problem: Problem
    linear: Problem | None = None
    whitening: Whitening | None = None
    step: SignalStep | None = None


def _opened(part: Any, model: str) -> _Held:
    Y, operators = part[0], part[1]
    problem = Problem(Y, operators, model=model, weights=part[2] if len(part) > 2 else None)
    if problem.batch_shape:
        raise argument_error("parts", f"Y of shape {np.shape(Y)}", "shape (q, m)", "One problem.")
    return _Held(problem)


def _summary(held: _Held) -> tuple[Any, ...]:
    problem = held.problem
    scale = float(problem.scale[0, 0])
    counts = problem.valid_counts
    gram = problem.operators.scalar_gram if problem.weights is None else None
    kind = problem.dtype.kind
    shape = (problem.p, problem.m, problem.n)
    return shape, kind, gram, scale**2 * float(counts.sum()), problem.gamma() * scale**2, counts


def _prepared(held: _Held, scale: float, usable: Array) -> _Held:
    problem = held.problem.rescaled(scale)
    linear = problem
    if not usable.all():
        weights = np.ones(()) if problem.weights is None else problem.weights
        linear = problem.with_weights(weights * usable)
    if problem.repeated:
        return replace(held, problem=problem, linear=linear)
    whitening = whiten(problem)
    step = SignalStep(problem, whitening)
    own = whitening if linear is problem else whiten(linear)
    return _Held(problem, linear, own, step)


def _triangle(held: _Held) -> Array:
    assert held.linear is not None
    A = held.linear.operators.dense()
    if held.linear.weights is not None:
        A = np.sqrt(held.linear.weights)[..., None] * A
    return np.asarray(np.linalg.qr(A.reshape(-1, A.shape[-1]), mode="r"))


def _to_signal(held: _Held, s: Array) -> Array:
    """C^* s of one signal."""
    assert held.linear is not None
    return held.linear.cross_adjoint(s)


def _to_gains(held: _Held, x: Array) -> Array:
    """C x of one signal."""
    assert held.linear is not None
    return held.linear.cross(x)


def _there_and_back(held: _Held, s: Array) -> Array:
    """The projection of diag(y_l) s on the signals of this part, back in the gains."""
    assert held.linear is not None
    assert held.whitening is not None
    y = held.whitening.rooted(held.linear.data)
    image = held.whitening.project(y * s[..., None, :])
    return np.asarray((y.conj() * image).sum(axis=-2))


def _own_signals(held: _Held, d: Array) -> tuple[Array, Array]:
    """The best signals of this part, in coordinates, and W^{1/2} A x."""
    assert held.step is not None
    y = held.step.whitening.rooted(held.problem.data)
    t = held.step.solve(y, d, None)
    return t, held.step.synthesis(t)


def _sums(held: _Held, d: Array, x: Array | None) -> tuple[Array, Array, Array]:
    """What the step for the gains needs, and the cost of d with the signal (its own if None)."""
    problem = held.problem
    root = np.ones(()) if problem.weights is None else np.sqrt(problem.weights)
    y = root * problem.data
    v = _own_signals(held, d)[1] if x is None else root * problem.synthesis(x)
    cost = (np.abs(y - d * v) ** 2).sum()
    return (v.conj() * y).sum(axis=0), (np.abs(v) ** 2).sum(axis=0), np.asarray(cost)


def _normal_product(held: _Held, powers: Array, x: Array) -> Array:
    """A^* W |D|^2 A x."""
    problem = held.problem
    return problem.analysis(problem.weighted(powers * problem.synthesis(x)))


def _right_side(held: _Held, d: Array) -> Array:
    """A^* W D^* y."""
    problem = held.problem
    return problem.analysis(d.conj() * problem.weighted(problem.data))


def _signals(held: _Held, d: Array) -> Array:
    assert held.step is not None
    return held.step.signal(_own_signals(held, d)[0])


# -- here ----------------------------------------------------------------------------------------


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
        found = workers.visit(_summary)
        p, m, n = _common_shape([one[0] for one in found])
        counts = np.sum([one[5] for one in found], axis=0)
        self.scale = float(np.sqrt(sum(one[3] for one in found) / counts.sum()))
        gamma = np.sum([one[4] for one in found], axis=0) / self.scale**2
        dtype = np.complex128 if any(one[1] == "c" for one in found) else np.float64
        self.problem = _Totals(model, (p, m, n), gamma, counts, dtype)
        facade: Any = self.problem
        check_identifiable(facade)
        self.usable = usable_sensors(facade)
        root = np.sqrt(np.where(self.usable, gamma, 1.0))
        self.diagonal = np.where(self.usable, 1.0 / root, 0.0)
        workers.update(_prepared, self.scale, self.usable)
        self.gram: float | None = None
        self.factor: Array | None = None
        if self.repeated:
            grams = {one[2] for one in found}
            if self.usable.all() and len(grams) == 1 and None not in grams:
                self.gram = p * grams.pop()
            else:
                R = np.linalg.qr(np.concatenate(workers.visit(_triangle)), mode="r")
                self.factor = np.linalg.inv(R)
        self.rank_deficient = np.zeros((), dtype=bool)
        self.products = 0
        self.gain_size = m

    @property
    def whitening(self) -> _System:
        """Where `largest_correlation` looks for the rank and the products."""
        return self

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
            return np.asarray(self.workers.total(_there_and_back, s) * self.diagonal)
        x = self.solve(self.workers.total(_to_signal, s))
        return np.asarray(self.workers.total(_to_gains, x) * self.diagonal)

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
        b = self.workers.total(_right_side, d)
        guess = np.zeros_like(b) if self.x is None else self.x
        self.x, _ = conjugate_gradient(
            lambda x: self.workers.total(_normal_product, powers, x),
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
        result: tuple[Array, Array, Array] = self.workers.total(_sums, d, self.signal_step(d))
        return result

    def signal(self, d: Array) -> Array:
        """All signals, brought here."""
        if self.system.repeated:
            assert self.x is not None
            return self.x
        return np.concatenate(self.workers.visit(_signals, d))


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
