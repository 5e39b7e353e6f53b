"""`calibrate`: from measurements and operators to gains, signals and a verdict.

Counting check, flags, linear start, test for ambiguity, maximum-likelihood polish, certificates.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_positive, check_size
from .._result import IntArray, Status
from ..random import RNGLike, resolve_seed
from ..tall import single_threaded_blas, thread_count
from ._connectivity import is_connected
from ._reciprocal_subspace import ReciprocalSubspace
from ._record import Calibration, joined, worst_status
from ._starts import STARTS, Start, gains_of, linear_start
from ._threads import blas_threads
from .canonical_correlation import (
    SOLVERS,
    CanonicalCorrelation,
    canonical_correlation,
    default_tolerance,
)
from .cramer_rao import cramer_rao, is_small
from .flags import SensorFlag, sensor_flags
from .gap import predicted_correlation
from .identifiability import check_identifiable
from .operators import UserOperators
from .operators._base import Array
from .polish import Constraint
from .polish import polish as polish_gains
from .problem import Problem
from .robust import robust_polish, without_spikes
from .sampled import FULL_SWEEPS, sample_snapshots

__all__ = ["calibrate"]

METHODS = ("auto", *STARTS)
_GAP = 1e-3
_SAMPLED = f", on a sample of the snapshots first and then {FULL_SWEEPS} times on all"
_PART = 2**16  # values of Y solved at a time, by each thread
_PART_FACTORS = 2**22  # entries of factors, where weights make them differ
_PROBLEMS_WITH_ERRORS = 16


def calibrate(
    Y: npt.ArrayLike,
    operators: Any,
    *,
    model: str = "repeated",
    method: str = "auto",
    solver: str = "lanczos",
    weights: npt.ArrayLike | None = None,
    gain_basis: npt.ArrayLike | None = None,
    constraint: Constraint = None,
    polish: str | None = "auto",
    robust: bool = False,
    sample: int | None = None,
    standard_errors: bool | str = "auto",
    noise: float | None = None,
    reference: int | None = None,
    precision: str = "full",
    tol: float | None = None,
    max_iter: int = 1000,
    max_sweeps: int = 50,
    rng: RNGLike = 0,
) -> Calibration:
    """Find the gains of sensors and the signals they measured, from the measurements alone.

    Parameters
    ----------
    Y : array_like, shape (..., p, m)
        Measurement l at sensor i, real or complex; nan where missing. Leading axes number
        independent problems with the same operators.
    operators : Operators, array_like, sparse arrays or LinearOperators
        A_1, …, A_p from n unknowns to m sensors, or one map for ``model="snapshots"``: see
        `rnla.calibration.as_operators`.
    model : {"repeated", "diverse", "snapshots"}
        y_l = D A_l x; y_l = D A_l x_l; y_l = D A x_l, with D = diag(gains).
    method : str
        The linear method: "auto", "canonical_correlation", "linear_least_squares", "spectral",
        "elimination" or "reweighting"; see Notes.
    solver : {"lanczos", "power", "block_krylov"}
        Of the canonical correlation.
    weights : array_like, optional
        Reciprocal variances of the noise, 0 for missing; broadcast to Y.
    gain_basis : array_like, shape (m, k), optional
        The reciprocal gains are combinations of these columns.
    constraint : None, "phase", "positive", array_like of shape (m, k), or callable
        On the gains, met by the polish: modulus one, real and not negative, in the span of the
        columns, or what a function makes of them.
    polish : {"auto", "als", None}
        Alternating least squares after the linear method ("auto" and "als" are the same), within
        the `gain_basis` if there is one.
    robust : bool
        Leave out values above four medians of their sensor in the linear method, and reweight by
        residuals in the polish: for gross errors in a few per cent of the data.
    sample : int, optional
        With ``model="snapshots"`` and far more snapshots than unknowns: solve on this many, drawn
        by leverage, and finish with three sweeps over all. 8 n is a good number.
    standard_errors : bool or "auto"
        Whether to compute the Cramer-Rao bound at the answer. "auto": for up to 16 problems of
        m + n <= 2000 unknowns.
    noise : float, optional
        Root mean square of the noise of a value of weight one.
    reference : int, optional
        Sensor whose gain is made positive; without one the mean of all gains is. It is also the
        sensor that linear least squares fixes.
    precision : {"full", "mixed"}
        "mixed" finds the canonical correlation in single precision first and refines it.
    tol : float, optional
        Of the canonical correlation: default 1e-12, or 2e-6 for data in single precision.
    max_iter : int
        Iterations of the linear method.
    max_sweeps : int
        Sweeps of the polish.
    rng : int, Generator, SeedSequence or None
        For the start vectors.

    Returns
    -------
    Calibration

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For shapes that do not fit, infinities, data that are zero; for fewer measurements than
        unknowns, with the bound and the smallest p that would do; for p = 1 without `gain_basis`.

    Notes
    -----
    What "auto" chooses: the canonical correlation, always. It is exact for exact data like the
    other two, is not misled by weak sensors or random phases, needs the fewest products, and its
    gap is the certificate. "linear_least_squares" and "spectral" are the baselines of Ling and
    Strohmer (arXiv 1611.04196); "elimination" and "reweighting" suit pipelines that must end with
    a linear solve (``polish=None``). With them the canonical correlation still supplies `sigma`
    and `status`.

    The test for ambiguity is gap < max(3 (1 - sigma_1), 1e-3), or sensors that share no unknowns
    with the others, or standard errors that are infinite. Memory: a few arrays of the size of
    Y, the factors of dense operators, one vector of length m for each iteration of Lanczos.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla import calibrate
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((4, 16, 8)) + 1j * rng.standard_normal((4, 16, 8))
    >>> x, d = rng.standard_normal(8), np.exp(2j * np.pi * rng.random(16))
    >>> found = calibrate(d * (A @ x), A)
    >>> found.status.name
    'OK'
    >>> bool(np.allclose(found.gains * (A @ found.signal), d * (A @ x)))
    True
    """
    chosen = _check_options(method, solver, polish, precision, robust, standard_errors)
    problem = Problem(
        Y, operators, model=model, weights=weights, gain_basis=gain_basis, noise=noise
    )
    check_identifiable(problem)
    basis = gain_basis is not None
    polishing = robust or polish is not None
    if constraint is not None and not polishing:
        remedy = "Leave polish out; for reciprocal gains in a subspace gain_basis is enough."
        got = "a constraint without the polish that meets it"
        raise argument_error("constraint", got, "None for polish=None", remedy)
    if basis and (robust or constraint is not None):
        name = "robust" if robust else "constraint"
        got, remedy = "one with a gain_basis", "Leave out one of them."
        raise argument_error(name, got, "one of the two", remedy)
    if sample is not None and (robust or not polishing):
        remedy = "Leave out one of them."
        got = "a sample with robust=True or without a polish"
        raise argument_error("sample", got, "polish='als' alone", remedy)
    few = is_small(problem) and math.prod(problem.batch_shape) <= _PROBLEMS_WITH_ERRORS
    options = _Options(
        method=chosen,
        solver=solver,
        constraint=constraint,
        polishing=polishing,
        robust=robust,
        errors=few if standard_errors == "auto" else bool(standard_errors),
        reference=None if reference is None else _sensor(reference, problem.m),
        precision=precision,
        tol=default_tolerance(problem) if tol is None else check_positive(tol, "tol"),
        max_iter=check_size(max_iter, name="max_iter"),
        max_sweeps=check_size(max_sweeps, name="max_sweeps"),
        seed=resolve_seed(rng),
        reason=_reason(method, polishing, robust, basis),
    )
    if sample is not None:
        # Outside of the parts of a batch, so that all problems share the snapshots.
        chosen_snapshots = sample_snapshots(problem, sample, seed=options.seed)
        if len(chosen_snapshots) < problem.p:
            options = replace(options, snapshots=chosen_snapshots, reason=options.reason + _SAMPLED)
    parts = [] if callable(constraint) else _parts(problem)
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


def _solve_parts(parts: list[Problem], options: _Options) -> list[Calibration]:
    """In threads, which change nothing: parts share nothing but the operators."""
    alone = isinstance(parts[0].operators, UserOperators)  # whose products may not bear threads
    workers = 1 if alone else min(thread_count(), len(parts))
    with single_threaded_blas(), ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda part: _solve(part, options), parts))


def _solve(problem: Problem, options: _Options) -> Calibration:
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
        gains, signal, convention = _normalised(problem, end.gains, end.signal, flags, options)
        variance, chi2, freedom = _misfit(problem, end, options.constraint)
        errors = _errors(problem, gains, signal, variance, end.outliers, options)
        split = ~is_connected(linear, certificate.usable)
        if errors[0] is not None:  # directions in which all standard errors are infinite
            split |= (np.isinf(errors[0]) & (gains != 0)).sum(axis=-1) > 1
        status = _statuses(certificate, converged & (end.converged | sampled), split)
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


@dataclass(frozen=True)
class _Options:
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


@dataclass(frozen=True)
class _End:
    """Gains and signal in units of the scaled data, with their cost."""

    gains: Array
    signal: Array
    cost: Array
    costs: Array | None
    converged: Array
    sweeps: int
    products: int
    outliers: Array | None = None
    variance: Array | None = None


def _check_options(
    method: str,
    solver: str,
    polish: str | None,
    precision: str,
    robust: bool,
    standard_errors: bool | str,
) -> str:
    for name, value, allowed in (
        ("method", method, METHODS),
        ("solver", solver, SOLVERS),
        ("polish", polish, ("auto", "als", None)),
        ("precision", precision, ("full", "mixed")),
        ("robust", robust, (False, True)),
        ("standard_errors", standard_errors, ("auto", False, True)),
    ):
        if value not in allowed:
            expected = f"one of {', '.join(map(str, allowed))}"
            remedy = "The first is the one to take if unsure."
            raise argument_error(name, repr(value), expected, remedy)
    return "canonical_correlation" if method == "auto" else method


def _sensor(reference: object, m: int) -> int:
    if isinstance(reference, bool) or not isinstance(reference, (int, np.integer)):
        got = f"{reference!r} ({type(reference).__name__})"
        remedy = "Pass the number of a sensor, counted from 0."
        kind = ArgumentTypeError
        raise argument_error("reference", got, "an integer", remedy, kind=kind)
    if not 0 <= reference < m:
        remedy = "Pass the number of a sensor, counted from 0."
        raise argument_error("reference", reference, f"an integer of 0 to {m - 1}", remedy)
    return int(reference)


def _certificate(problem: Problem, options: _Options) -> CanonicalCorrelation:
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


def _finish(problem: Problem, start: Start, gains: Array, options: _Options) -> _End:
    if options.robust:
        best = robust_polish(problem, gains, start.signal, constraint=options.constraint)
        run = best.polished
        return _End(
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
        run = polish_gains(
            problem,
            gains,
            signal=start.signal if fits else None,  # not that of a sample
            constraint=constraint,
            max_sweeps=options.max_sweeps,
        )
        return _End(
            run.gains, run.signal, run.costs[-1], run.costs, run.converged, run.sweeps, run.products
        )
    residual = problem.data - problem.predict(gains, start.signal)
    cost = problem.weighted(np.abs(residual) ** 2).sum(axis=(-2, -1))
    converged = np.ones(problem.batch_shape, dtype=bool)
    return _End(gains, start.signal, cost, None, converged, 0, 1)


def _errors(
    problem: Problem,
    gains: Array,
    signal: Array,
    variance: Array,
    outliers: Array | None,
    options: _Options,
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


def _statuses(certificate: CanonicalCorrelation, converged: Array, split: Array) -> Any:
    """SPEC A10; a gap counts where the first correlation is known well enough to have one.

    Parts without a link may differ in noise, and then the gap does not show that they are `split`.
    """
    sigma = certificate.sigma[..., 0]
    ambiguous = certificate.gap < np.maximum(3.0 * (1.0 - sigma), _GAP)
    ambiguous &= certificate.converged | (certificate.residual < _GAP)
    status = np.full(sigma.shape, Status.OK, dtype=object)
    status[~np.asarray(converged)] = Status.NOT_CONVERGED
    status[certificate.rank_deficient] = Status.RANK_DEFICIENT
    status[ambiguous | split] = Status.AMBIGUOUS
    return status


def _normalised(
    problem: Problem,
    gains: Array,
    signal: Array,
    flags: IntArray,
    options: _Options,
) -> tuple[Array, Array, str]:
    """The free factor: mean modulus one over sensors without a flag, and a phase."""
    constraint, reference = options.constraint, options.reference
    good = (flags == int(SensorFlag.GOOD)) & (gains != 0)
    good |= ~good.any(axis=-1, keepdims=True)
    kind = constraint if isinstance(constraint, str) or callable(constraint) else None
    modulus = np.abs(gains)
    if kind is None or kind == "positive":
        factor = (modulus * good).sum(axis=-1, keepdims=True) / good.sum(axis=-1, keepdims=True)
        factor = np.where(factor > 0, factor, 1)
        parts = ["the mean modulus of the gains without a flag is 1"]
    else:
        factor = np.ones_like(modulus[..., :1])
        parts = ["the modulus of the gains is that of the constraint"]
    if kind is None or kind == "phase":
        mean = (gains * good).sum(axis=-1, keepdims=True)
        name = "mean gain"
        if reference is not None:
            own, name = gains[..., [reference]], f"gain of sensor {reference}"
            if not own.all():
                name += " (the mean gain where that is zero)"
            mean = np.where(own != 0, own, mean)
        size = np.abs(mean)
        factor = factor * np.where(size > 0, mean / np.where(size > 0, size, 1), 1)
        parts.append(f"the {name} is positive")
    unit = problem.scale[..., 0] * factor
    d = gains / factor
    if kind == "phase":
        d = np.asarray(d / np.where(modulus > 0, np.abs(d), 1))
    x = signal * (unit if problem.repeated else unit[..., None])
    return d.astype(problem.dtype), x.astype(problem.dtype), "; ".join(parts)


def _misfit(
    problem: Problem, end: _End, constraint: Constraint
) -> tuple[Array, Array | None, IntArray]:
    counts = problem.valid_counts
    gains = np.minimum((counts > 0).sum(axis=-1), problem.k) - 1
    if isinstance(constraint, str):
        # A phase or a size is half of a complex number; real data leave signs or all.
        gains = gains - gains // 2 if problem.dtype.kind == "c" else gains * (constraint != "phase")
    elif constraint is not None and not callable(constraint):
        gains = np.minimum(gains, np.shape(constraint)[-1] - 1)
    freedom = np.asarray(counts.sum(axis=-1) - gains - problem.seen_unknowns, dtype=np.int64)
    mean = np.where(freedom > 0, end.cost / np.maximum(freedom, 1), 0.0)
    if end.variance is not None:
        mean = end.variance
    unit = problem.scale[..., 0, 0]
    with np.errstate(over="ignore"):  # of data near the end of the range
        largest = np.finfo(problem.real_dtype).max
        variance = np.asarray(np.minimum(mean * unit * unit, largest))
        chi2 = None
        if problem.noise is not None:
            ratio = unit / problem.noise
            chi2 = np.asarray(np.minimum(mean * ratio * ratio, largest))
    return variance, chi2, freedom


def _reason(method: str, polishing: bool, robust: bool, basis: bool) -> str:
    if method == "auto":
        text = "canonical correlation: fewest products, not misled by weak sensors or phases"
    else:
        text = f"{method} as asked for"
    if robust:
        return text + "; polished by reweighted alternating least squares"
    if polishing:
        where = " within the subspace of the reciprocal gains" if basis else ""
        return text + "; polished by alternating least squares" + where
    return text + "; not polished, as asked for"
