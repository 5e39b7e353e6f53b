"""Maximum likelihood for Gaussian noise by alternating least squares (SPEC A8).

The residual y_l o s - A_l x that the linear methods minimise is the true one divided by the gains.
From their answer, a sweep solves sum_l A_l^* W_l |d|^2 A_l x = sum_l A_l^* W_l conj(d) y_l for the
signal and then d_i = sum_l w conj(v) y / sum_l w |v|^2, v_l = A_l x_l, for the gains. Each step is
the minimum over its unknowns, so the cost never rises, and nothing is divided by a reciprocal gain:
weak sensors do no harm. A sweep costs p m n + m n^2 with explicit operators (p m n^2 for different
signals), and two products an iteration of conjugate gradients with implicit ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error, check_positive, check_size
from ._anderson import Anderson
from ._conjugate_gradient import conjugate_gradient
from ._reciprocal_subspace import ReciprocalSubspace
from ._sketched_qr import sketched_factor
from ._threads import with_few_threads
from ._whitening import FactoredWhitening, Whitening, whiten
from .operators import DenseOperators
from .operators._base import Array, check_entries
from .problem import Problem

__all__ = ["Constraint", "Polished", "SignalStep", "gain_step", "polish"]

Constraint = Any
_GRAM_ENTRIES = 2**24
_EFFECTIVE_ROWS = 4  # in n


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
    d = np.asarray(gains).astype(problem.dtype, copy=False)
    if d.shape != (*problem.batch_shape, problem.m) or not np.isfinite(d).all():
        got = f"shape {d.shape}, finite: {bool(np.isfinite(d).all())}"
        expected = f"finite gains of shape {(*problem.batch_shape, problem.m)}"
        raise argument_error("gains", got, expected, "Start from canonical_correlation.")
    restrict = _restriction(constraint, problem)
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
    if signal is not None:
        signal = step.coordinates(signal * (unit if problem.repeated else unit[..., None]))
    t = step.solve(y, d, signal)
    v = step.synthesis(t)
    size = (np.abs(y) ** 2).sum(axis=(-2, -1))
    costs = [_cost(y, d, v)]
    old = d[..., None, :] * v
    steady = np.zeros(problem.batch_shape, dtype=bool)
    slow = steady.copy()
    history = Anderson(real=kind is not None)
    least = max(tol, 16.0 * float(np.finfo(problem.real_dtype).eps))
    for _ in range(count):
        top = (v.conj() * y).sum(axis=-2)
        below = (v.real**2 + v.imag**2).sum(axis=-2)
        plain = restrict(top, below)
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
        found = np.where(_outer_axes(steady, t), t, step.solve(y, best, guess))
        v = step.synthesis(found)
        cost = _cost(y, best, v)
        worse = np.asarray(cost > costs[-1]) & ~steady
        if accelerate and worse.any():
            history.forget(worse)
            best = np.where(worse[..., None], plain, best)
            found = np.where(_outer_axes(worse, t), step.solve(y, best, guess), found)
            v = step.synthesis(found)
            cost = _cost(y, best, v)
        d, t = best, found
        costs.append(cost)
        data = d[..., None, :] * v
        change = (np.abs(data - old) ** 2).sum(axis=(-2, -1))
        old = data
        steady |= change <= least**2 * size
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
    """
    v = problem.synthesis(signal)
    weighted = problem.weighted(v.conj())
    below = (weighted * v).sum(axis=-2).real
    return _quotient((weighted * problem.data).sum(axis=-2), below)


class SignalStep:
    """Weighted least squares for the signal, in the coordinates of a `Whitening`."""

    def __init__(self, problem: Problem, whitening: Whitening) -> None:
        self.problem, self.whitening = problem, whitening
        self.outer: Array | None = None
        self.rows: Array | None = None
        if isinstance(whitening, FactoredWhitening) and isinstance(whitening.Q, DenseOperators):
            Q = whitening.Q.A
            if Q.size * Q.shape[-1] <= _GRAM_ENTRIES * (Q.shape[-3] if problem.repeated else 1):
                self.outer = self._outer(Q) * whitening.unit**2
            elif problem.repeated and Q.ndim == 3 and not problem.batch_shape:
                self.rows = Q

    def _outer(self, Q: Array) -> Array:
        """q_i^* q_i for every row (summed over l for one signal), shape (..., m, n^2)."""
        n = Q.shape[-1]
        if self.problem.repeated:
            rows = Q.swapaxes(-2, -3)  # (..., m, p, n): the gain is one for all l
            gram = rows.conj().swapaxes(-1, -2) @ rows
        else:
            gram = Q.conj()[..., :, None] * Q[..., None, :]
        return np.ascontiguousarray(gram.reshape(*gram.shape[:-2], n * n))

    def coordinates(self, x: Array) -> Array:
        """t of a signal."""
        whitening = self.whitening
        if not isinstance(whitening, FactoredWhitening):
            return x
        return whitening.analysis(whitening.rooted(self.problem.synthesis(x)))

    def signal(self, t: Array) -> Array:
        """The signal of t."""
        whitening = self.whitening
        if not isinstance(whitening, FactoredWhitening):
            return t
        return whitening.coordinates_to_signal(t)

    def synthesis(self, t: Array) -> Array:
        """W^{1/2} A x."""
        whitening = self.whitening
        if isinstance(whitening, FactoredWhitening):
            return whitening.synthesis(t)
        whitening.products += 1
        return whitening.rooted(self.problem.synthesis(t))

    def analysis(self, u: Array) -> Array:
        """The adjoint of `synthesis`."""
        whitening = self.whitening
        if isinstance(whitening, FactoredWhitening):
            return whitening.analysis(u)
        whitening.products += 1
        return self.problem.analysis(whitening.rooted(u))

    def solve(self, y: Array, d: Array, start: Array | None) -> Array:
        """The minimiser of ||y - d o synthesis(t)||."""
        b = self.analysis(d.conj()[..., None, :] * y)
        power = d.real**2 + d.imag**2
        if self.outer is not None:
            return self._direct(power, b)
        guess = np.zeros_like(b) if start is None else start
        square = power[..., None, :]
        t, _ = conjugate_gradient(
            lambda t: self.analysis(square * self.synthesis(t)),
            b,
            guess,
            axes=1,
            tol=64.0 * float(np.finfo(self.problem.real_dtype).eps),
            max_iter=500,
            precondition=self._preconditioner(power),
        )
        return t

    def _preconditioner(self, power: Array) -> Callable[[Array], Array] | None:
        """From a sketch of the weighted rows, where few sensors carry most of the weight.

        Random rows with equal weights make a well-conditioned matrix from four times as many rows
        as columns on; what counts here is the effective number of rows.
        """
        if self.rows is None:
            return None
        p, m, n = self.rows.shape
        effective = p * power.sum() ** 2 / max(float((power**2).sum()), np.finfo(float).tiny)
        if effective > _EFFECTIVE_ROWS * n or p * m < 2 * _EFFECTIVE_ROWS * n:
            return None
        inverse = sketched_factor((np.sqrt(power)[:, None] * self.rows).reshape(-1, n))
        if inverse is None:
            return None
        back = inverse.conj().T
        return lambda r: inverse @ (back @ r)

    def _direct(self, power: Array, b: Array) -> Array:
        outer = self.outer
        assert outer is not None
        n = b.shape[-1]
        if self.problem.repeated and outer.ndim == 2:  # one product for the whole batch
            numbers = outer.view(outer.real.dtype)  # real times complex is two real products
            flat = (power.reshape(-1, power.shape[-1]) @ numbers).view(outer.dtype)
            gram = flat.reshape(*power.shape[:-1], n * n)
        elif self.problem.repeated:
            gram = (power[..., None, :] @ outer)[..., 0, :]
        elif outer.ndim == 3:  # (maps, m, n^2): one product per map
            flat = np.moveaxis(power.reshape(-1, power.shape[-1]) @ outer, 0, -2)
            gram = flat.reshape(*power.shape[:-1], len(outer), n * n)
        else:
            gram = (power[..., None, None, :] @ outer)[..., 0, :]
        diagonal = np.arange(0, n * n, n + 1)
        trace = gram[..., diagonal].real.sum(axis=-1)
        ridge = np.finfo(self.problem.real_dtype).eps * np.where(trace > 0, trace, 1.0) / n
        gram[..., diagonal] += ridge[..., None]
        gram = gram.reshape(*gram.shape[:-1], n, n)
        try:
            return np.asarray(np.linalg.solve(gram, b[..., None])[..., 0])
        except np.linalg.LinAlgError:  # too few gains that are not zero, and a ridge rounded away
            return np.asarray((np.linalg.pinv(gram, hermitian=True) @ b[..., None])[..., 0])


def _mean_modulus(d: Array) -> Array:
    mean = np.abs(d).mean(axis=-1, keepdims=True)
    return np.asarray(np.where(mean > 0, mean, 1))


def _outer_axes(mask: Array, t: Array) -> Array:
    return mask.reshape(*mask.shape, *(1,) * (t.ndim - mask.ndim))


def _cost(y: Array, d: Array, v: Array) -> Array:
    return np.asarray((np.abs(y - d[..., None, :] * v) ** 2).sum(axis=(-2, -1)))


def _quotient(top: Array, below: Array) -> Array:
    """top / below, zero where there is nothing to divide by."""
    tiny = np.finfo(below.dtype).tiny / np.finfo(below.dtype).eps
    known = below > tiny
    return np.asarray(np.where(known, top / np.where(known, below, 1), 0))


def _aligned(d: Array) -> Array:
    """The common phase taken out."""
    total = d.sum(axis=-1, keepdims=True)
    size = np.abs(total)
    return np.asarray(d * np.where(size > 0, total.conj() / np.where(size > 0, size, 1), 1))


def _confined(d: Array, unconstrained: Array) -> Array:
    """The start may be anything; one that the constraint wipes out is replaced by ones."""
    empty = ~np.any(d != 0, axis=-1, keepdims=True)
    return np.asarray(np.where(empty, np.ones_like(unconstrained), d))


def _restriction(constraint: Constraint, problem: Problem) -> Callable[[Array, Array], Array]:
    """The minimiser over the gains allowed, of sum below |d|^2 - 2 Re(conj(d) top)."""
    if constraint is None:
        return _quotient
    if isinstance(constraint, str):
        if constraint == "phase":
            return _phases
        if constraint == "positive":
            return lambda top, below: np.maximum(_quotient(top.real, below), 0).astype(top.dtype)
        expected = "None, 'phase', 'positive', an array or a function"
        remedy = "Pass a basis of the gains as an array of shape (m, k)."
        raise argument_error("constraint", repr(constraint), expected, remedy)
    if isinstance(constraint, ReciprocalSubspace):
        return constraint.restrict
    if callable(constraint):
        return _checked(constraint, problem)
    return _in_span(constraint, problem)


def _phases(top: Array, below: Array) -> Array:
    size = np.abs(top)
    return np.asarray(np.where(size > 0, top / np.where(size > 0, size, 1), 1))


def _checked(function: Callable[[Array], Array], problem: Problem) -> Callable[..., Array]:
    def restrict(top: Array, below: Array) -> Array:
        best = _quotient(top, below)
        d = np.asarray(function(best.copy()))
        expected = f"finite gains of shape {best.shape}, real for real data, not all zero"
        remedy = "The function maps gains to gains."
        if d.dtype.kind not in ("fiu" if best.dtype.kind == "f" else "fiuc"):
            got = f"a result of dtype {d.dtype}"
            raise argument_error("constraint", got, expected, remedy, kind=ArgumentTypeError)
        if d.shape != best.shape or not np.isfinite(d).all():
            got = f"a result of shape {d.shape}, or entries not finite"
            raise argument_error("constraint", got, expected, remedy)
        if (best.any(axis=-1) & ~d.any(axis=-1)).any():
            raise argument_error("constraint", "a result that is zero", expected, remedy)
        return d.astype(best.dtype)

    return restrict


def _in_span(constraint: Any, problem: Problem) -> Callable[[Array, Array], Array]:
    basis = check_entries(constraint, "constraint")
    if basis.ndim != 2 or basis.shape[0] != problem.m or basis.shape[1] > problem.m:
        expected = f"shape ({problem.m}, k) with k <= {problem.m}"
        remedy = "One row for each sensor."
        raise argument_error("constraint", f"shape {basis.shape}", expected, remedy)
    if np.linalg.matrix_rank(basis) < basis.shape[1]:
        remedy = "Drop redundant columns."
        raise argument_error("constraint", "dependent columns", "independent columns", remedy)
    if basis.dtype.kind == "c" and problem.dtype.kind != "c":
        remedy = "Convert Y to complex."
        kind = ArgumentTypeError
        raise argument_error(
            "constraint", "a complex basis", "real for real data", remedy, kind=kind
        )
    Q = np.linalg.qr(basis)[0].astype(np.result_type(basis.dtype, problem.real_dtype))

    def restrict(top: Array, below: Array) -> Array:
        gram = Q.conj().T @ (below[..., :, None] * Q)
        trace = np.trace(gram, axis1=-2, axis2=-1).real[..., None, None]
        ridge = np.finfo(below.dtype).eps * np.where(trace > 0, trace, 1.0) * np.eye(Q.shape[1])
        h = np.linalg.solve(gram + ridge, (Q.conj().T @ top[..., None]))
        return np.asarray((Q @ h)[..., 0]).astype(top.dtype)

    return restrict
