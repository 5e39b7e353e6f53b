"""Maximum likelihood for Gaussian noise by alternating least squares (SPEC A8).

The residual y_l o s - A_l x that the linear methods minimise is the true one divided by the gains.
From their answer, a sweep solves sum_l A_l^* W_l |d|^2 A_l x = sum_l A_l^* W_l conj(d) y_l for the
signal and then d_i = sum_l w conj(v) y / sum_l w |v|^2, v_l = A_l x_l, for the gains. Each step is
the minimum over its unknowns, so the cost never rises, and nothing is divided by a reciprocal gain:
weak sensors do no harm. A sweep costs p m n + m n^2 with explicit operators (p m n^2 for different
signals), and two products an iteration of conjugate gradients with implicit ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._errors import argument_error, check_positive, check_size
from ._anderson import Anderson
from ._restrictions import Constraint, quotient, restriction
from ._signal_step import SignalStep
from ._squares import squares
from ._threads import with_few_threads
from ._whitening import whiten
from .operators._base import Array, refuse_device
from .problem import Problem

__all__ = ["Constraint", "Polished", "SignalStep", "gain_step", "polish"]


@dataclass(frozen=True, eq=False)
class Polished:
    """Gains and signal after alternating least squares.

    Attributes
    ----------
    gains : ndarray, shape (..., m)
        d, zero at sensors about which the data say nothing.
    signal : ndarray, shape (..., n) or (..., p, n)
        In units of `Problem.scale`.
    costs : ndarray, shape (sweeps + 1, ...)
        sum w |y - D A x|^2 before the first sweep and after each, in units of `Problem.scale`.
    sweeps : int
    converged : ndarray of bool, shape (...)
    products : int
        Products with all A_l or all A_l^*.
    """

    gains: Array
    signal: Array
    costs: Array
    sweeps: int
    converged: Array
    products: int


@with_few_threads
def polish(
    problem: Problem,
    gains: Array,
    *,
    signal: Array | None = None,
    constraint: Constraint = None,
    max_sweeps: int = 50,
    tol: float = 1e-8,
    accelerate: bool = True,
) -> Polished:
    """Minimise sum w |y - D A x|^2 from a start by alternating least squares.

    Parameters
    ----------
    problem : Problem
    gains : ndarray, shape (..., m)
        Where to start.
    signal : ndarray, optional
        Start of the iteration for the first signal, in units of `Problem.scale`; the minimum for
        the gains given is found from any.
    constraint : None, "phase", "positive", array_like of shape (m, k), or callable
        Gains of modulus one; real gains that are not negative; gains in the span of the columns;
        or what a function makes of the best gains of each sweep, shape (..., m) to (..., m).
    max_sweeps : int
    tol : float
        Ends where a sweep changes D A x by less than `tol` relative to it, or lowers the cost by
        less than 1e-10 of it, twice in a row.
    accelerate : bool
        Extrapolate from the last five sweeps, and take the plain step where that is worse. Not
        with a callable.

    Returns
    -------
    Polished

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For gains of the wrong shape or an unknown constraint.

    Notes
    -----
    Plain sweeps converge linearly, as slowly as power iteration if the gap is small; extrapolation
    makes of them what Lanczos makes of power iteration. To a local minimum: start from a linear
    method. With a callable the cost falls only if the function returns minimisers of its own class.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import Problem, polish
    >>> rng = np.random.default_rng(0)
    >>> A, x, d = rng.standard_normal((4, 16, 8)), rng.standard_normal(8), 1 + rng.random(16)
    >>> found = polish(Problem(d * (A @ x), A), d + 0.01 * rng.standard_normal(16))
    >>> bool(found.costs[-1] < 1e-8 * found.costs[0])
    True
    """
    count = check_size(max_sweeps, name="max_sweeps")
    tol = check_positive(tol, "tol")
    refuse_device(gains, "gains")
    refuse_device(signal, "signal")
    d = np.asarray(gains).astype(problem.dtype, copy=False)
    if d.shape != (*problem.batch_shape, problem.m) or not np.isfinite(d).all():
        got = f"shape {d.shape}, finite: {bool(np.isfinite(d).all())}"
        expected = f"finite gains of shape {(*problem.batch_shape, problem.m)}"
        raise argument_error("gains", got, expected, "Start from canonical_correlation.")
    restrict = restriction(constraint, problem)
    whitening = whiten(problem)
    step = SignalStep(problem, whitening)
    y = whitening.rooted(problem.data)
    kind = constraint if isinstance(constraint, str) else None
    d = _aligned(d) if kind == "positive" else d
    if constraint is not None:
        d = _confined(restrict(d, np.ones_like(d.real)), d)
    scaled = kind != "phase" and not callable(constraint)
    accelerate = accelerate and not callable(constraint)
    unit = _mean_modulus(d) if scaled else np.ones_like(d.real[..., :1])
    d = d / unit
    if signal is not None and not step.direct:
        signal = step.coordinates(signal * (unit if problem.repeated else unit[..., None]))
    t = step.solve(y, d, signal)
    size = squares(y, "...lm", "...")
    sums = step.gain_sums(y, d, t, None)
    costs = [sums.cost]
    steady = np.zeros(problem.batch_shape, dtype=bool)
    slow = steady.copy()
    history = Anderson(real=kind is not None)
    least = max(tol, 16.0 * float(np.finfo(problem.real_dtype).eps))
    for _ in range(count):
        plain = restrict(sums.top, sums.below)
        unit = _mean_modulus(plain) if scaled else np.ones_like(plain.real[..., :1])
        plain = plain / unit
        guess = t * (unit if problem.repeated else unit[..., None])
        best = plain
        if accelerate:
            best = history.propose(d, plain)
            best = restrict(best, np.ones_like(best.real)) if kind is not None else best
            best = best / _mean_modulus(best) if scaled else best
        # Problems that have ended stay as they are while the others of the batch go on.
        best = np.where(steady[..., None], d, best)
        active = ~steady
        found = np.where(_outer_axes(steady, t), t, step.solve(y, best, guess, active))
        after = step.gain_sums(y, best, found, sums, active)
        worse = np.asarray(after.cost > costs[-1]) & ~steady
        if accelerate and worse.any():
            history.forget(worse)
            best = np.where(worse[..., None], plain, best)
            found = np.where(_outer_axes(worse, t), step.solve(y, best, guess, worse), found)
            after = step.gain_sums(y, best, found, sums, active)
        d, t, sums = best, found, after
        costs.append(sums.cost)
        step.changed(np.sqrt(sums.change / size))
        steady |= sums.change <= least**2 * size
        # An extrapolated step may gain little by chance: twice in a row.
        little = costs[-2] - costs[-1] <= 1e-10 * costs[-1]
        steady |= little & (slow | (not accelerate))
        slow = little
        if steady.all():
            break
    return Polished(
        gains=d,
        signal=step.signal(t),
        costs=np.array(costs),
        sweeps=len(costs) - 1,
        converged=steady,
        products=whitening.products,
    )


def gain_step(problem: Problem, signal: Array) -> Array:
    """The gains that fit a signal best.

    Parameters
    ----------
    problem : Problem
    signal : ndarray, shape (..., n) or (..., p, n)
        In units of `Problem.scale`.

    Returns
    -------
    ndarray, shape (..., m)
        d_i = sum_l w conj(v) y / sum_l w |v|^2, v_l = A_l x_l; zero where that is 0 / 0.

    Notes
    -----
    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.
    """
    refuse_device(signal, "signal")
    v = problem.synthesis(signal)
    weighted = problem.weighted(v.conj())
    below = (weighted * v).sum(axis=-2).real
    return quotient((weighted * problem.data).sum(axis=-2), below)


def _outer_axes(mask: Array, t: Array) -> Array:
    return mask.reshape(*mask.shape, *(1,) * (t.ndim - mask.ndim))


def _mean_modulus(d: Array) -> Array:
    mean = np.abs(d).mean(axis=-1, keepdims=True)
    return np.asarray(np.where(mean > 0, mean, 1))


def _aligned(d: Array) -> Array:
    """The common phase taken out."""
    total = d.sum(axis=-1, keepdims=True)
    size = np.abs(total)
    return np.asarray(d * np.where(size > 0, total.conj() / np.where(size > 0, size, 1), 1))


def _confined(d: Array, unconstrained: Array) -> Array:
    """The start may be anything; one that the constraint wipes out is replaced by ones."""
    empty = ~np.any(d != 0, axis=-1, keepdims=True)
    return np.asarray(np.where(empty, np.ones_like(unconstrained), d))
