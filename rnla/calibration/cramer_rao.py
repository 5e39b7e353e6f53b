"""Standard errors of gains and signals from the Cramer-Rao bound (SPEC T9, A10).

The data D A_l x_l have the Jacobian J = W^{1/2} [diag(A_l x_l), D A_l]; no unbiased estimate has a
covariance below sigma^2 (J^* J)^+, and alternating least squares from the canonical correlation
attains it. The free factor, (d, x) -> (d / c, c x), is projected out of gains and of signals each.
Small problems: the signals are eliminated by QR factors, m + n unknowns are left (p m n^2 + m^3
flops, m p n numbers). Large ones: diagonals by random signs (Hutchinson, 1989; Bekas, Kokiopoulou
and Saad, 2007), one solve by conjugate gradients a probe, two products an iteration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import argument_error, check_positive, check_size
from ..random import RNGLike, resolve_seed
from ._cramer_rao_dense import dense_variances
from ._cramer_rao_probes import Probes
from ._tangent import tangent
from .operators._base import Array, refuse_device
from .polish import Constraint
from .problem import Problem

__all__ = ["CramerRao", "cramer_rao", "is_small"]

METHODS = ("auto", "dense", "probes")
_UNKNOWNS = 2000
_ENTRIES = 2**24


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
    probes: int = 32,
    tol: float = 1e-3,
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

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

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
    refuse_device(gains, "gains")
    refuse_device(signal, "signal")
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
            variances = dense_variances(one, d[place], x[place], frame)
        else:
            solver = Probes(one, d[place], x[place], frame)
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
    refuse_device(noise, "noise")
    level = np.asarray(problem.noise if noise is None else noise, dtype=np.float64)
    if not (np.isfinite(level) & (level >= 0)).all():
        got = f"{level.min()} to {level.max()}"
        raise argument_error("noise", got, "finite, not negative", "Pass a standard deviation.")
    return level
