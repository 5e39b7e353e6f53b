"""Calibration by eliminating the signal: an eigenproblem in the gains alone (SPEC A6, T10).

S = Gamma - C G^{-1} C^* is what remains of K^* K. Noise e adds sigma^2 (c_i - h_i) |s_i|^2 to its
quadratic form, c_i the values at sensor i and h_i the leverages of their rows in the eliminated
operators, so the smallest pair of S v = lambda diag(c_i - h_i) v is asymptotically unbiased, unlike
that for |v| = 1, and lambda is an estimate of the variance of the noise. It matters where rows have
very different leverages. Once p m n^2 + m^2 n (times p for different signals), then m^3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._errors import argument_error
from ._equilibration import Equilibration
from ._whitening import FactoredWhitening
from .flags import SensorFlag, sensor_flags
from .operators._base import Array
from .problem import Problem

__all__ = ["Elimination", "elimination"]

NORMALISATIONS = ("noise", "gains")
_SENSORS = 5000


@dataclass(frozen=True, eq=False)
class Elimination:
    """The smallest eigenpair after the signal has been eliminated.

    Attributes
    ----------
    inverse_gains : ndarray, shape (..., m)
        s up to a factor; zero at sensors that took no part.
    signal : ndarray, shape (..., n) or (..., p, n)
        With these s, in units of `Problem.scale`.
    eigenvalue : ndarray, shape (...)
        lambda: with "noise", the variance of the noise in units of `Problem.scale` squared, ten to
        twenty per cent too small, as the smallest one is chosen.
    second : ndarray, shape (...)
        The next eigenvalue.
    leverages : ndarray, shape (..., m)
        h_i; their sum is the number of unknowns of the signal.
    usable : ndarray of bool, shape (..., m)
        Sensors that took part: not missing, and not weak.
    """

    inverse_gains: Array
    signal: Array
    eigenvalue: Array
    second: Array
    leverages: Array
    usable: Array


def elimination(problem: Problem, *, normalisation: str = "noise") -> Elimination:
    """Reciprocal gains from the smallest eigenpair of the reduced system.

    Parameters
    ----------
    problem : Problem
    normalisation : {"noise", "gains"}
        The variance that noise adds, as above; or the norm of the reciprocal gains.

    Returns
    -------
    Elimination

    Raises
    ------
    ArgumentError
        For more than 5000 sensors, or operators too large for their factors.

    Notes
    -----
    Weak sensors are left out, as they have small columns in K and pass for the solution; see
    `sensor_flags`. Dense: memory m^2 and the factors of the operators.

    Works on arrays in host memory.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import Problem, elimination
    >>> rng = np.random.default_rng(0)
    >>> A, x, d = rng.standard_normal((4, 16, 8)), rng.standard_normal(8), 1 + rng.random(16)
    >>> found = elimination(Problem(d * (A @ x), A))
    >>> ratio = found.inverse_gains * d
    >>> bool(np.ptp(ratio) < 1e-10 * abs(ratio[0])), round(float(found.leverages.sum()), 10)
    (True, 8.0)
    """
    if normalisation not in NORMALISATIONS:
        expected = f"one of {', '.join(NORMALISATIONS)}"
        remedy = "For the norm of gains and signal together use spectral."
        raise argument_error("normalisation", repr(normalisation), expected, remedy)
    if problem.m > _SENSORS:
        remedy = "Use canonical_correlation."
        raise argument_error("problem", f"{problem.m} sensors", f"at most {_SENSORS}", remedy)
    system = Equilibration(without_weak(problem))
    whitening = system.whitening
    if not isinstance(whitening, FactoredWhitening):
        remedy = "Use canonical_correlation."
        raise argument_error("problem", repr(problem), "operators small enough to factor", remedy)
    Q = whitening.Q.dense() * whitening.unit  # (..., p or 1, m, r)
    y = system.rooted_data
    squares = (Q.real**2 + Q.imag**2).sum(axis=-1)
    leverages = np.broadcast_to(squares, y.shape).sum(axis=-2) * system.usable
    M = y.conj()[..., None] * Q
    if problem.repeated:
        M = M.sum(axis=-3)
        lost = M @ M.conj().swapaxes(-1, -2)
    else:
        lost = (M @ M.conj().swapaxes(-1, -2)).sum(axis=-3)
    S = _diagonal(system.problem.gamma()) - lost
    N = system.problem.valid_counts - leverages if normalisation == "noise" else 1.0 * system.usable
    N = np.maximum(N, np.finfo(problem.real_dtype).eps * problem.p) * system.usable
    s, value, second = _smallest(S, N, system)
    unit = system.coordinates_of(s)
    return Elimination(
        inverse_gains=s,
        signal=system.solution(unit)[1],
        eigenvalue=value,
        second=second,
        leverages=leverages,
        usable=system.usable,
    )


def without_weak(problem: Problem) -> Problem:
    """The problem without sensors whose signal is weak."""
    strong = sensor_flags(problem) & int(SensorFlag.WEAK) == 0
    if strong.all():
        return problem
    weights = np.ones((), dtype=problem.real_dtype) if problem.weights is None else problem.weights
    return problem.with_weights(weights * strong[..., None, :].astype(problem.real_dtype))


def _smallest(S: Array, N: Array, system: Equilibration) -> tuple[Array, Array, Array]:
    """The smallest pair of S v = lambda N v over usable sensors, and the next value."""
    basis = system.problem.gain_basis
    if basis is None:
        root = np.where(N > 0, 1.0 / np.sqrt(np.where(N > 0, N, 1)), 0)
        H = root[..., :, None] * S * root[..., None, :]
        # Sensors that take no part come last.
        top = 1.0 + np.abs(H).sum(axis=-1).max(axis=-1)
        H = H + _diagonal(np.where(system.usable, 0, top[..., None]))
        values, vectors = np.linalg.eigh(H)
        return root * vectors[..., 0], values[..., 0], values[..., min(1, values.shape[-1] - 1)]
    H = basis.conj().T @ S @ basis
    R = np.linalg.qr(np.sqrt(N)[..., None] * basis, mode="r")
    inverse = np.linalg.inv(R)
    values, vectors = np.linalg.eigh(inverse.conj().swapaxes(-1, -2) @ H @ inverse)
    s = (basis @ inverse @ vectors[..., :1])[..., 0]
    second = values[..., min(1, values.shape[-1] - 1)]
    return s * system.usable, values[..., 0], second


def _diagonal(d: Array) -> Array:
    return np.asarray(d[..., None] * np.eye(d.shape[-1], dtype=d.dtype))
