"""Standard errors of gains and signals from the Cramer-Rao bound (SPEC T9, A10).

The data D A_l x_l have the Jacobian J = W^{1/2} [diag(A_l x_l), D A_l]; no unbiased estimate has a
covariance below sigma^2 (J^* J)^+, and alternating least squares from the canonical correlation
attains it. The free factor, (d, x) -> (d / c, c x), is projected out of gains and of signals each.
Small problems: the signals are eliminated by QR factors, m + n unknowns are left (p m n^2 + m^3
flops, m p n numbers). Large ones: diagonals by random signs (Hutchinson, 1989; Bekas, Kokiopoulou
and Saad, 2007), one solve by conjugate gradients a probe, two products an iteration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import argument_error, check_positive, check_size
from ..random import RNGLike, Stream, resolve_seed
from ._conjugate_gradient import conjugate_gradient
from ._tangent import Tangent, tangent
from ._whitening import orthonormal
from .operators._base import Array
from .polish import Constraint
from .problem import Problem

__all__ = ["CramerRao", "cramer_rao", "is_small"]

METHODS = ("auto", "dense", "probes")
PURPOSE = "calibration.cramer_rao"
_UNKNOWNS = 2000
_ENTRIES = 2**24
_BLOCK = 2**17  # numbers
_SINGULAR = 1e-12  # of the scaled information: a direction that the data do not determine
_MASS = 1e-6  # of such a direction at one entry


@dataclass(frozen=True, eq=False)
class CramerRao:
    """Standard errors, the root of E|error|^2 of each entry after the best common factor.

    Attributes
    ----------
    gains : ndarray, shape (..., m)
        inf at sensors about which the data say nothing; 0 where a constraint holds a gain fixed.
    signal : ndarray, shape (..., n) or (..., p, n)
        In units of `Problem.scale`.
    method : {"dense", "probes"}
    probes : int
        Random vectors used; 0 for "dense".
    uncertainty : float
        Root mean square relative error of the standard errors themselves, estimated from the
        spread between probes; 0 for "dense".
    products : int
        Products with all A_l or all A_l^*.
    converged : bool
        Whether the solves of "probes" met their tolerance.
    seed : int
    """

    gains: Array
    signal: Array
    method: str
    probes: int
    uncertainty: float
    products: int
    converged: bool
    seed: int


def is_small(problem: Problem) -> bool:
    """Whether the dense method is meant for this size."""
    entries = problem.p * problem.m * problem.n
    return problem.m + problem.n <= _UNKNOWNS and entries <= _ENTRIES


def cramer_rao(
    problem: Problem,
    gains: Array,
    signal: Array,
    *,
    noise: Any = None,
    constraint: Constraint = None,
    method: str = "auto",
    probes: int = 64,
    tol: float = 1e-4,
    max_iter: int = 1000,
    rng: RNGLike = 0,
) -> CramerRao:
    """Standard errors of gains and signals.

    Parameters
    ----------
    problem : Problem
        With a `gain_basis` the reciprocal gains keep to it.
    gains : ndarray, shape (..., m)
        d, where the bound is evaluated: the truth, or an estimate.
    signal : ndarray, shape (..., n) or (..., p, n)
        In units of `Problem.scale`.
    noise : float or array_like of shape (...), optional
        Root mean square |e| of a value of weight one, in units of the data; that of the problem
        if not given.
    constraint : None, "phase", "positive", array_like of shape (m, k), or callable
        As in `polish`. Gains at zero under "positive" count as fixed. What a callable does is not
        known: the errors are those without it.
    method : {"auto", "dense", "probes"}
        "auto" is "dense" for m + n <= 2000 and p m n <= 2^24.
    probes : int
        Random vectors for "probes".
    tol : float
        Of the conjugate gradients for "probes".
    max_iter : int
    rng : int, Generator, SeedSequence or None

    Returns
    -------
    CramerRao

    Raises
    ------
    ArgumentError
        Without a noise level; for unknown options.

    Notes
    -----
    First order in the noise: right where errors are small against the gap. "After the best common
    factor" means that of gains and that of signals, each fitted by itself: what `relative_error`
    measures. With "phase" only the common phase is free, with "positive" only the scale.

    Problems of a batch are done one after the other.

    Examples
    --------
    One sensor in two is twice as noisy as the other half.

    >>> import numpy as np
    >>> from rnla.calibration import Problem, cramer_rao
    >>> rng = np.random.default_rng(0)
    >>> A, x, d = rng.standard_normal((8, 16, 4)), rng.standard_normal(4), 1 + rng.random(16)
    >>> weights = np.tile([1.0, 0.25], 8)
    >>> problem = Problem(d * (A @ x), A, weights=weights, noise=0.01)
    >>> errors = cramer_rao(problem, d, x / problem.scale[0, 0])
    >>> bool(1.5 < errors.gains[1::2].mean() / errors.gains[::2].mean() < 2.5)
    True
    """
    if method not in METHODS:
        remedy = "auto chooses by size."
        raise argument_error("method", repr(method), f"one of {', '.join(METHODS)}", remedy)
    count, tol = check_size(probes, name="probes"), check_positive(tol, "tol")
    steps = check_size(max_iter, name="max_iter")
    seed = resolve_seed(rng)
    d, x = np.asarray(gains), np.asarray(signal)
    for name, array, shape in (
        ("gains", d, (problem.m,)),
        ("signal", x, problem.signal_shape),
    ):
        if array.shape != (*problem.batch_shape, *shape):
            expected = f"shape {(*problem.batch_shape, *shape)}"
            raise argument_error(name, f"shape {array.shape}", expected, "Pass one for each.")
    sigma = np.broadcast_to(_level(problem, noise), problem.batch_shape)
    small = method == "dense" or (method == "auto" and is_small(problem))
    gain_errors = np.empty(d.shape)
    signal_errors = np.empty(x.shape)
    products, spread, converged = 0, 0.0, True
    for place in np.ndindex(problem.batch_shape):
        one = problem.select(place) if place else problem
        frame = tangent(one, d[place], constraint)
        if small:
            variances = _dense(one, d[place], x[place], frame)
        else:
            solver = _Probes(one, d[place], x[place], frame)
            variances = solver.estimate(count, tol, steps, seed)
            products += solver.products
            spread = max(spread, solver.uncertainty)
            converged &= solver.converged
        level = sigma[place] / one.scale[0, 0]
        gain_errors[place], signal_errors[place] = (_times(part, level) for part in variances)
    return CramerRao(
        gains=gain_errors.astype(problem.real_dtype),
        signal=signal_errors.astype(problem.real_dtype),
        method="dense" if small else "probes",
        probes=0 if small else count,
        uncertainty=spread,
        products=products,
        converged=converged,
        seed=seed,
    )


def _times(variance: Array, level: Any) -> Array:
    """Standard errors; what is not determined is not, however small the noise."""
    known = np.isfinite(variance)
    return np.where(known, np.sqrt(np.where(known, variance, 0.0)) * level, np.inf)


def _level(problem: Problem, noise: Any) -> Array:
    if noise is None and problem.noise is None:
        expected = "the root mean square of the noise"
        remedy = "Pass noise=, for example the root of residual_variance of calibrate."
        raise argument_error("noise", "None", expected, remedy)
    level = np.asarray(problem.noise if noise is None else noise, dtype=np.float64)
    if not (np.isfinite(level) & (level >= 0)).all():
        got = f"{level.min()} to {level.max()}"
        raise argument_error("noise", got, "finite, not negative", "Pass a standard deviation.")
    return level


def _parts(problem: Problem, d: Array, x: Array) -> tuple[Array, Array, Array]:
    """W^{1/2}, W^{1/2} A x, and its squares summed over l, in double precision."""
    wide = np.result_type(problem.dtype, np.float64)
    root = np.ones((problem.p, problem.m))
    if problem.weights is not None:
        root = np.sqrt(problem.weights.astype(np.float64))
    v = root * problem.synthesis(x).astype(wide)
    return root, v, np.asarray((v.real**2 + v.imag**2).sum(axis=-2))


def _dense(problem: Problem, d: Array, x: Array, frame: Tangent) -> tuple[Array, Array]:
    """Variances of gains and signal for unit noise."""
    system = _Reduced(problem, d, x)
    covariance, lost = _inverse(frame, system.information(), system.g)
    gain_variance = frame.variance(covariance)
    gain_variance[frame.mass(lost) > _MASS] = np.inf
    gain_variance[~_seen(system.g)] = np.inf
    u = x / max(float(np.linalg.norm(x)), np.finfo(float).tiny)
    # x - x0 = (noise seen with known gains) + L h, h the coordinates of the errors of the gains.
    along = frame.free(system.along(u, frame))
    signal_variance = system.known_gains(u, frame.share)
    moved = np.zeros(x.shape)
    for part, L in system.rows(frame):
        L = L - u[part][..., None] * along
        signal_variance[part] += ((L @ covariance) * L.conj()).sum(axis=-1).real * frame.factor
        if lost.shape[-1]:
            moved[part] = (np.abs(L @ lost) ** 2).sum(axis=-1)
    signal_variance[(moved > _MASS * moved.max()) | system.unseen()] = np.inf
    return gain_variance, signal_variance


class _Reduced:
    """J^* J of one problem with the signal eliminated: diag(g) - sum_l M_l M_l^*.

    W_l^{1/2} D A_l = Q_l R_l and M_l = diag(conj v_l) Q_l, v_l = W_l^{1/2} A_l x; one sum over all
    l for one signal. Different signals are visited in blocks that stay in cache.
    """

    def __init__(self, problem: Problem, d: Array, x: Array) -> None:
        self.problem, self.x = problem, x
        root, self.v, self.g = _parts(problem, d, x)
        A = problem.operators.dense().astype(self.v.dtype)
        self.stack = (root if problem.weights is not None else root[:1])[..., None] * d[:, None] * A
        if problem.repeated:
            self.stack = self.stack.reshape(-1, problem.n)
        self.Q, self.inverse, self.deficient = orthonormal(self.stack)

    def _blocks(self) -> Iterator[tuple[Any, Array, Array]]:
        """Places among the signals, their M and R^{-1}."""
        problem, v, Q = self.problem, self.v.conj()[..., None], self.Q
        if problem.repeated:
            M = (v * Q.reshape(*self.v.shape, -1)).sum(axis=0)
            yield slice(None), M, self.inverse
            return
        step = max(1, _BLOCK // (problem.m * problem.n))
        for start in range(0, problem.p, step):
            part = slice(start, start + step)
            own = slice(None) if len(Q) == 1 else part
            yield part, v[part] * Q[own], self.inverse[own]

    def information(self) -> Array:
        """What the data say about the gains."""
        total = np.diag(self.g).astype(self.v.dtype)
        for _, M, _ in self._blocks():
            flat = M if M.ndim == 2 else M.transpose(1, 0, 2).reshape(len(self.g), -1)
            total -= flat @ flat.conj().T
        return total

    def rows(self, frame: Tangent) -> Iterator[tuple[Any, Array]]:
        """L = R^{-1} M^* T in blocks."""
        for part, M, inverse in self._blocks():
            yield part, frame.rows(inverse @ M.conj().swapaxes(-1, -2))

    def along(self, u: Array, frame: Tangent) -> Array:
        """u^* L."""
        total = np.zeros(len(self.g), dtype=self.v.dtype)
        for part, M, inverse in self._blocks():
            image = M @ (inverse.conj().swapaxes(-1, -2) @ u[part][..., None])
            total += image[..., 0].reshape(-1, len(self.g)).sum(axis=0)
        return frame.rows(total.conj())

    def known_gains(self, u: Array, share: float) -> Array:
        """Variances with known gains, without a share of the direction u."""
        inverse = self.inverse
        variance = (np.abs(inverse) ** 2).sum(axis=-1)
        image = (inverse @ (inverse.conj().swapaxes(-1, -2) @ u[..., None]))[..., 0]
        change = np.abs(u) ** 2 * np.vdot(u, image).real - 2.0 * (u.conj() * image).real
        return np.asarray(np.maximum(variance + share * change, 0.0))

    def unseen(self) -> Array:
        """Entries of the signal with a part that no operator sees."""
        if not np.any(self.deficient):
            return np.zeros(self.x.shape, dtype=bool)
        image = self.Q.conj().swapaxes(-1, -2) @ self.stack
        kept = np.einsum("...ij,...ji->...i", self.inverse, image).real
        return np.broadcast_to(kept < 1.0 - _MASS, self.x.shape)


def _seen(g: Array) -> Array:
    return np.asarray(g > np.finfo(np.float64).eps * g.max(initial=0.0))


def _inverse(frame: Tangent, information: Array, g: Array) -> tuple[Array, Array]:
    """Covariance of the coordinates without the free factor; directions that are undetermined."""
    S = frame.compress(information)
    unit = frame.units(g)
    H = unit[:, None] * S * unit
    H[np.diag_indices_from(H)] += unit == 0
    u = np.where(unit > 0, frame.gauge / np.where(unit > 0, unit, 1), 0)
    norm = np.linalg.norm(u)
    if norm > 0:
        H = H + np.outer(u, u.conj()) / norm**2
    values, vectors = np.linalg.eigh(0.5 * (H + H.conj().T))
    kept = values > _SINGULAR * max(values.max(initial=0.0), 1.0)
    vectors = frame.projected(unit[:, None] * vectors)
    found = vectors[:, kept]
    covariance = np.asarray((found / values[kept]) @ found.conj().T)
    lost = vectors[:, ~kept]
    size = np.linalg.norm(lost, axis=0)
    return covariance, lost[:, size > 0] / size[size > 0]


class _Probes:
    """Diagonals of the covariance from solves with random right-hand sides."""

    def __init__(self, problem: Problem, d: Array, x: Array, frame: Tangent) -> None:
        self.problem, self.d, self.x, self.frame = problem, d, x, frame
        self.root, self.v, self.g = _parts(problem, d, x)
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
        problem, frame = self.problem, self.frame
        m = problem.m
        z = self._random(m + problem.signal_size, count, seed)
        # Probes in the units of the errors: what is correlated adds less scatter.
        units = np.concatenate([self._gain_units(), self._signal_units(z[:, m:])])
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
        self.converged = bool(
            (np.linalg.norm(rest, axis=-1) <= 2.0 * tol * np.linalg.norm(b, axis=-1)).all()
        )
        solution = self.gauged(solution, adjoint=False)
        k = frame.size
        moved = np.concatenate([frame.gains(solution[:, :k]), solution[:, k:]], axis=-1)
        samples = (z.conj() * moved).real * units
        means = samples.mean(axis=0)
        if frame.matrix is None:  # not below a part of the variance with all else known
            means = np.maximum(means, 0.1 * units**2)
        means = np.maximum(means, 0.0)
        if count > 1:
            scatter = samples.std(axis=0, ddof=1) / np.sqrt(count)
            scatter = scatter[means > 0] / means[means > 0]
            self.uncertainty = float(0.5 * np.sqrt(np.mean(scatter**2)))
        gains = means[:m] * frame.factor
        gains[~_seen(self.g)] = np.inf
        return gains, means[m:].reshape(self.x.shape)

    def _gain_units(self) -> Array:
        """Standard errors of gains with everything else known."""
        seen = _seen(self.g)
        root = np.where(seen, 1.0 / np.sqrt(np.where(seen, self.g, 1)), 0)
        if self.frame.diagonal is not None:
            root = np.where(self.frame.diagonal != 0, root, 0)
        return np.asarray(root)

    def _random(self, size: int, count: int, seed: int) -> Array:
        stream = Stream(seed, PURPOSE)
        signs = stream.signs(range(count * size)).reshape(count, size)
        if self.problem.dtype.kind != "c":
            return signs
        # Quarter turns: what is not complex linear averages out, and the modulus is one.
        turns = stream.signs(range(count * size), draw=1).reshape(count, size)
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
