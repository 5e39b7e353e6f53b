"""Calibration in spite of gross errors: alternating least squares with weights (SPEC A9).

A single outlier ruins the null space of K. First values above four medians of their sensor are left
out for the linear start; then a few sweeps at a time, each value weighs as (1 + (r / 3c)^2)^-2, r
its residual and c 1.48 medians of all, corrected for the unknowns fitted: the weight of Geman and
McClure (1987) at three normal deviations, so that good data keep nearly all of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._errors import check_positive, check_size
from ._equilibration import usable_sensors
from ._robust_scale import noise_scale
from .operators._base import Array, refuse_device
from .polish import Constraint, Polished, polish
from .problem import Problem

__all__ = ["RobustPolished", "robust_polish", "without_spikes"]

_NORMAL = 1.4826  # from the median of |r| to a standard deviation
_LEFT_OUT = 0.05  # of the full weight: r above 5.6 c, which is 6.9 sigma of complex noise


@dataclass(frozen=True, eq=False)
class RobustPolished:
    """Gains and signal after reweighted alternating least squares.

    Attributes
    ----------
    polished : Polished
        The end of the last round of each problem; `costs` with the weights of the last of all.
    outliers : ndarray of bool, shape (..., p, m)
        Values whose weight ended below a twentieth of what they came with.
    scale : ndarray, shape (...)
        Standard deviation of the noise of a value of weight one, in units of `Problem.scale`: from
        weighted squares of residuals without the outliers. Its square is right on average to 10
        per cent from 60 degrees of freedom on (a test); the median alone is 20 to 40 per cent too
        small where half of the values or more are spent on unknowns.
    rounds : int
    sweeps : int
        Of all rounds.
    products : int
    converged : ndarray of bool, shape (...)
        Whether a round changed the gains by less than `tol`; it was the last of this problem.
    """

    polished: Polished
    outliers: Array
    scale: Array
    rounds: int
    sweeps: int
    products: int
    converged: Array


def without_spikes(problem: Problem, *, factor: float = 4.0) -> Problem:
    """The problem without values above `factor` medians of their sensor.

    A start for `robust_polish` that a linear method survives. It needs three values a sensor to
    tell the odd one, and more where the signals differ.

    Parameters
    ----------
    problem : Problem
    factor : float

    Returns
    -------
    Problem

    Notes
    -----
    Works on arrays in host memory.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import Problem, without_spikes
    >>> Y = np.ones((4, 3))
    >>> Y[1, 2] = 100.0
    >>> without_spikes(Problem(Y, np.ones((4, 3, 2)))).weights[:, 2]
    array([1., 0., 1., 1.])
    """
    factor = check_positive(factor, "factor")
    size = np.abs(problem.data)
    median = _median(size, problem.weights, axes=(-2,))
    kept = (size <= factor * median).astype(problem.real_dtype)
    weights = kept if problem.weights is None else problem.weights * kept
    # Never everything of a sensor: then it is left as it is, and the rounds decide.
    empty = ~(weights > 0).any(axis=-2, keepdims=True)
    old = np.ones_like(kept) if problem.weights is None else problem.weights
    return problem.with_weights(np.where(empty, old, weights))


def robust_polish(
    problem: Problem,
    gains: Array,
    signal: Array,
    *,
    constraint: Constraint = None,
    rounds: int = 15,
    sweeps: int = 3,
    width: float = 3.0,
    tol: float = 1e-6,
) -> RobustPolished:
    """Alternating least squares that gross errors in a part of the data do not move.

    Parameters
    ----------
    problem : Problem
    gains, signal : ndarray, shape (..., m) and that of the signal
        Where to start: from a linear method on `without_spikes`.
    constraint : optional
        As in `polish`.
    rounds : int
        Updates of the weights at most.
    sweeps : int
        Sweeps of `polish` in each.
    width : float
        Residuals of this many robust standard deviations have a quarter of the weight.
    tol : float
        Ends where a round changes the gains by less than this, relative.

    Returns
    -------
    RobustPolished

    Raises
    ------
    ArgumentError
        For counts or numbers that are not positive.

    Notes
    -----
    The minimum of a cost that is not convex: as good as its start. `rounds` times `sweeps` sweeps.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import Problem, robust_polish
    >>> rng = np.random.default_rng(0)
    >>> A, x, d = rng.standard_normal((6, 16, 4)), rng.standard_normal(4), 1 + rng.random(16)
    >>> Y = d * (A @ x) + 1e-3 * rng.standard_normal((6, 16))
    >>> Y[2, 3] += 50.0
    >>> problem = Problem(Y, A)
    >>> found = robust_polish(problem, d + 0.01, x / problem.scale[0, 0])
    >>> np.argwhere(found.outliers).tolist()
    [[2, 3]]
    """
    count, inner = check_size(rounds, name="rounds"), check_size(sweeps, name="sweeps")
    width, tol = check_positive(width, "width"), check_positive(tol, "tol")
    refuse_device(gains, "gains")
    refuse_device(signal, "signal")
    total = products = done = 0
    steady = np.zeros(problem.batch_shape, dtype=bool)
    for _ in range(count):
        weights, _ = _weights(problem, problem.data - problem.predict(gains, signal), width)
        polished = polish(
            problem.with_weights(weights),
            gains,
            signal=signal,
            constraint=constraint,
            max_sweeps=inner,
        )
        # Problems that have ended stay as they are while the others of the batch go on.
        now = steady | (_distance(gains, polished.gains) <= tol)
        gains = np.where(steady[..., None], gains, polished.gains)
        ended = steady.reshape(*steady.shape, *(1,) * len(problem.signal_shape))
        signal = np.where(ended, signal, polished.signal)
        total += polished.sweeps
        products += polished.products + 1
        done += 1
        steady = now
        if steady.all():
            break
    residual = problem.data - problem.predict(gains, signal)
    weights, median = _weights(problem, residual, width)
    full = np.ones((), dtype=problem.real_dtype) if problem.weights is None else problem.weights
    outliers = np.asarray((weights < _LEFT_OUT * full) & (full > 0))
    return RobustPolished(
        polished=replace(polished, gains=gains, signal=signal),
        outliers=outliers,
        scale=noise_scale(problem, residual, outliers, median, width=width),
        rounds=done,
        sweeps=total,
        products=products,
        converged=steady,
    )


def _weights(problem: Problem, residual: Array, width: float) -> tuple[Array, Array]:
    """Weights for residuals, and the standard deviation of those of weight one."""
    full: Array | None = problem.weights
    r = np.abs(residual)
    if full is not None:
        r = r * np.sqrt(full)
    # Sensors without a signal have residuals of zero that say nothing of the noise. The others are
    # smaller than the noise by the unknowns that were fitted to them.
    counted = usable_sensors(problem)[..., None, :] * (1.0 if full is None else full)
    median = _median(r, counted, axes=(-2, -1)) * np.sqrt(_inflation(problem))[..., None, None]
    floor = 16.0 * float(np.finfo(problem.real_dtype).eps)  # of data with unit mean square
    c = _NORMAL * np.maximum(median, floor)
    weights = 1.0 / (1.0 + (r / (width * c)) ** 2) ** 2
    if full is not None:
        weights = weights * full
    # The median of |r| is 0.83 sigma for complex numbers and 0.67 sigma for real ones.
    unit = 1.0 / np.sqrt(np.log(2.0)) if problem.dtype.kind == "c" else _NORMAL
    return weights.astype(problem.real_dtype), np.asarray(median[..., 0, 0] * unit)


def _inflation(problem: Problem) -> Array:
    """Values by degrees of freedom."""
    counts = problem.valid_counts
    values = counts.sum(axis=-1)
    gains = np.minimum((counts > 0).sum(axis=-1), problem.k)
    freedom = values - gains - problem.seen_unknowns + 1
    return np.asarray(values / np.maximum(freedom, 1))


def _median(values: Array, weights: Array | None, *, axes: tuple[int, ...]) -> Array:
    """Median of the values with a weight, 0 where there is none."""
    if weights is None:
        return np.asarray(np.median(values, axis=axes, keepdims=True))
    known = np.broadcast_to(weights > 0, values.shape)
    some = known.any(axis=axes, keepdims=True)
    numbers = np.where(known, values, np.where(some, np.nan, 0.0))
    return np.asarray(np.nanmedian(numbers, axis=axes, keepdims=True))


def _distance(old: Array, new: Array) -> Array:
    """Relative change of gains apart from a common factor."""
    size = np.linalg.norm(new, axis=-1)
    base = np.linalg.norm(old, axis=-1)
    factor = (old.conj() * new).sum(axis=-1) / np.where(base > 0, base**2, 1)
    change = np.linalg.norm(new - factor[..., None] * old, axis=-1)
    return np.asarray(change / np.where(size > 0, size, 1))
