"""The course of one calibration: linear start, polish, certificates, verdict.

Large batches are cut into parts that fit in cache, and solved in threads.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._result import IntArray
from ..tall import single_threaded_blas, thread_count
from ._connectivity import is_connected
from ._reciprocal_subspace import ReciprocalSubspace
from ._record import Calibration, joined, worst_status
from ._starts import Start, gains_of, linear_start
from ._threads import blas_threads
from ._verdict import End, misfit, normalised, statuses
from .canonical_correlation import CanonicalCorrelation, canonical_correlation, default_tolerance
from .cramer_rao import cramer_rao
from .flags import SensorFlag, sensor_flags
from .gap import predicted_correlation
from .operators import UserOperators
from .operators._base import Array
from .polish import Constraint, polish
from .problem import Problem
from .robust import robust_polish, without_spikes
from .sampled import FULL_SWEEPS

__all__ = ["Options", "solve"]

_PART = 2**16  # values of Y solved at a time, by each thread
_PART_FACTORS = 2**22  # entries of factors, where weights make them differ


@dataclass(frozen=True)
class Options:
    """What the user asked for, checked."""

    method: str
    solver: str
    constraint: Constraint
    polishing: bool
    robust: bool
    errors: bool
    reference: int | None
    precision: str
    tol: float
    max_iter: int
    max_sweeps: int
    seed: int
    reason: str
    snapshots: IntArray | None = None


def solve(problem: Problem, options: Options) -> Calibration:
    """Calibrate, the problems of a large batch in parts."""
    parts = [] if callable(options.constraint) else _parts(problem)
    if len(parts) > 1:
        return joined(_solve_parts(parts, options), problem.batch_shape)
    return _solve(problem, options)


def _parts(problem: Problem) -> list[Problem]:
    """A large batch in pieces that fit in cache, and whose factors fit in memory."""
    size = math.prod(problem.batch_shape)
    numbers = problem.p * problem.m
    step = max(1, _PART // numbers)
    if problem.weights is not None:
        step = max(1, min(step, _PART_FACTORS // (numbers * problem.n)))
    return [problem.part(slice(at, min(at + step, size))) for at in range(0, size, step)]


def _solve_parts(parts: list[Problem], options: Options) -> list[Calibration]:
    """In threads, which change nothing: parts share nothing but the operators."""
    alone = isinstance(parts[0].operators, UserOperators)  # whose products may not bear threads
    workers = 1 if alone else min(thread_count(), len(parts))
    with single_threaded_blas(), ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda part: _solve(part, options), parts))


def _solve(problem: Problem, options: Options) -> Calibration:
    flags = sensor_flags(problem)
    with blas_threads(problem):
        linear = without_spikes(problem) if options.robust else problem
        sampled = options.snapshots is not None
        if options.snapshots is not None:
            linear = problem.take(options.snapshots)
        certificate = _certificate(linear, options)
        start = linear_start(
            linear,
            options.method,
            certificate,
            flags,
            reference=options.reference,
            max_iter=options.max_iter,
            seed=options.seed,
        )
        gains = gains_of(linear, start)
        finish, converged = options, start.converged
        if sampled:
            first = _finish(linear, start, gains, options)
            gains, converged = first.gains, start.converged & first.converged
            finish = replace(options, max_sweeps=min(FULL_SWEEPS, options.max_sweeps))
        end = _finish(problem, start, gains, finish)
        gains, signal, convention = normalised(
            problem, end.gains, end.signal, flags, options.constraint, options.reference
        )
        variance, chi2, freedom = misfit(problem, end, options.constraint)
        errors = _errors(problem, gains, signal, variance, end.outliers, options)
        split = ~is_connected(linear, certificate.usable)
        if errors[0] is not None:  # directions in which all standard errors are infinite
            split |= (np.isinf(errors[0]) & (gains != 0)).sum(axis=-1) > 1
        status = statuses(certificate, converged & (end.converged | sampled), split)
    k = None if problem.gain_basis is None else problem.k
    predicted = predicted_correlation(problem.model, m=problem.m, n=problem.n, p=problem.p, k=k)
    return Calibration(
        gains=gains,
        signal=signal,
        inverse_gains=np.where(gains == 0, 0, 1.0 / np.where(gains == 0, 1, gains)),
        status=worst_status(status),
        statuses=status,
        sigma=certificate.sigma,
        gap=certificate.gap,
        predicted_gap=1.0 - predicted,
        runner_up=certificate.runner_up,
        residual_variance=variance,
        chi2=chi2,
        degrees_of_freedom=freedom,
        gains_error=errors[0],
        signal_error=errors[1],
        flags=np.where(gains == 0, flags | int(SensorFlag.NO_GAIN), flags),
        outliers=end.outliers,
        iterations=start.iterations,
        sweeps=end.sweeps,
        products=certificate.products + end.products,
        costs=end.costs,
        method=options.method,
        reason=options.reason,
        convention=convention,
        seed=options.seed,
    )


def _certificate(problem: Problem, options: Options) -> CanonicalCorrelation:
    start = None
    steps, seed, solver = options.max_iter, options.seed, options.solver
    if options.precision == "mixed":
        single = problem.astype(np.float32)
        tol = default_tolerance(single)
        rough = canonical_correlation(single, solver=solver, tol=tol, max_iter=steps, rng=seed)
        start = rough.inverse_gains
    return canonical_correlation(
        problem, solver=solver, tol=options.tol, max_iter=steps, start=start, rng=seed
    )


def _finish(problem: Problem, start: Start, gains: Array, options: Options) -> End:
    if options.robust:
        best = robust_polish(problem, gains, start.signal, constraint=options.constraint)
        run = best.polished
        return End(
            run.gains,
            run.signal,
            run.costs[-1],
            run.costs,
            best.converged,
            best.sweeps,
            best.products,
            outliers=best.outliers,
            variance=best.scale**2,
        )
    if options.polishing:
        constraint = options.constraint
        if problem.gain_basis is not None:
            basis = problem.gain_basis
            constraint = ReciprocalSubspace(basis, start.inverse_gains, start.usable)
            gains = constraint.gains
        fits = start.signal.shape == (*problem.batch_shape, *problem.signal_shape)
        run = polish(
            problem,
            gains,
            signal=start.signal if fits else None,  # not that of a sample
            constraint=constraint,
            max_sweeps=options.max_sweeps,
        )
        return End(
            run.gains, run.signal, run.costs[-1], run.costs, run.converged, run.sweeps, run.products
        )
    residual = problem.data - problem.predict(gains, start.signal)
    cost = problem.weighted(np.abs(residual) ** 2).sum(axis=(-2, -1))
    converged = np.ones(problem.batch_shape, dtype=bool)
    return End(gains, start.signal, cost, None, converged, 0, 1)


def _errors(
    problem: Problem,
    gains: Array,
    signal: Array,
    variance: Array,
    outliers: Array | None,
    options: Options,
) -> tuple[Array | None, Array | None]:
    """Standard errors without the outliers, with the noise given or else the noise found."""
    if not options.errors:
        return None, None
    if outliers is not None and outliers.any():
        full: Any = 1.0 if problem.weights is None else problem.weights
        problem = problem.with_weights((full * ~outliers).astype(problem.real_dtype))
    noise = np.sqrt(variance) if problem.noise is None else problem.noise
    unit = problem.scale[..., 0] if problem.repeated else problem.scale
    bound = cramer_rao(
        problem,
        gains,
        signal / unit,
        noise=noise,
        constraint=options.constraint,
        rng=options.seed,
    )
    return bound.gains, bound.signal * unit
