"""`simulate`: data of the three self-calibration models with known answers (SPEC 5.2, E1 to E4).

y_l = D A_l x (repeated), D A_l x_l (diverse) or D A x_l (snapshots), D = diag(gains), plus noise,
missing samples, outliers. Every number depends on the seed, its purpose and its place alone: the
first snapshots of a longer simulation are those of a shorter one. O(p m n) flops and memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error, check_finite, check_positive, check_size
from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ._draws import check_probability, complex_normal, noise_level, random_gains
from ._models import check_model
from .operators._base import refuse_device

__all__ = ["Simulation", "simulate"]


@dataclass(frozen=True, eq=False)
class Simulation:
    """Simulated measurements and everything they came from.

    Attributes
    ----------
    Y : ndarray of complex, shape (p, m)
        Measurements; zero where missing.
    operators : ndarray, shape (p, m, n), or (m, n) for model "snapshots"
        A_l, or A.
    gains : ndarray of complex, shape (m,)
        d.
    signal : ndarray of complex, shape (n,) for model "repeated", else (p, n)
        x, or all x_l.
    noise : ndarray of complex, shape (p, m)
        The Gaussian noise in Y.
    noise_std : float
        sigma, E|noise|^2 = sigma^2; 0 without noise.
    weights : ndarray of shape (p, m) or None
        1 where measured and 0 where missing; None if nothing is missing.
    outliers : ndarray of bool, shape (p, m)
        Samples that were replaced by gross errors.
    gain_basis : ndarray of complex, shape (m, k), or None
        B of reciprocal gains in a subspace, 1/d = B v.
    model : {"repeated", "diverse", "snapshots"}
    seed : int
    """

    Y: FloatArray
    operators: FloatArray
    gains: FloatArray
    signal: FloatArray
    noise: FloatArray
    noise_std: float
    weights: FloatArray | None
    outliers: FloatArray
    gain_basis: FloatArray | None
    model: str
    seed: int

    @property
    def clean(self) -> FloatArray:
        """Measurements without noise, outliers and gaps, shape (p, m)."""
        clean: FloatArray = self.gains * _apply(self.operators, self.signal, len(self.Y))
        return clean


def simulate(
    model: str,
    *,
    m: int,
    n: int,
    p: int,
    operators: str = "gaussian",
    gains: str | Any = "random",
    spread: float = 1.0,
    dead: Sequence[int] = (),
    dead_gain: float = 1e-3,
    gain_subspace: int | None = None,
    nonzeros: int | None = None,
    snr: float | None = None,
    missing: float = 0.0,
    outliers: float = 0.0,
    outlier_size: float = 30.0,
    rng: RNGLike = None,
) -> Simulation:
    """Simulate measurements through sensors of unknown gain.

    Parameters
    ----------
    model : {"repeated", "diverse", "snapshots"}
        y_l = D A_l x, D A_l x_l or D A x_l.
    m, n, p : int
        Sensors, unknowns of a signal, measurements y_l.
    operators : {"gaussian", "fourier"}
        Independent CN(0, 1) entries; or the first n columns of the unnormalised DFT of length m
        times random signs of the unknowns ("snapshots": without signs would be the same).
    gains : {"mild", "random", "log-normal"} or array_like of shape (m,)
        |d| uniform on [0.5, 1.5] with phases uniform within 30 degrees ("mild") or on the circle
        ("random"); |d| = exp(spread N(0, 1)) with phases on the circle; or the gains themselves.
    spread : float
        Standard deviation of log|d| of "log-normal".
    dead : sequence of int
        Sensors whose gain has size `dead_gain` instead.
    gain_subspace : int, optional
        k: reciprocal gains 1/d = B v with B the first k columns of the unitary DFT and v CN(0, 1);
        `gains` is not used then.
    nonzeros : int, optional
        Each signal has this many non-zero entries, at random places.
    snr : float, optional
        Decibels, 10 log10(mean |D A x|^2 / sigma^2); no noise by default. The realised ratio of
        norms fluctuates about it.
    missing, outliers : float
        Probability that a sample is missing, and that it is replaced by one `outlier_size` times
        as large with a random phase.
    rng : None, int, Generator or SeedSequence

    Returns
    -------
    Simulation

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unknown names, counts below 1, n above m with "fourier", probabilities outside [0, 1).

    Notes
    -----
    O(p m n) flops and memory; the operators are plain arrays. Draws of Ling and Strohmer's
    experiments (arXiv 1611.04196) as far as they are stated there.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> from rnla.calibration import simulate
    >>> data = simulate("repeated", m=16, n=8, p=3, snr=40.0, rng=0)
    >>> data.Y.shape, data.operators.shape, data.gains.shape, data.signal.shape
    ((3, 16), (3, 16, 8), (16,), (8,))
    >>> longer = simulate("repeated", m=16, n=8, p=5, rng=0)
    >>> bool((longer.clean[:3] == data.clean).all())
    True
    """
    check_model(model)
    m, n, p = check_size(m, name="m"), check_size(n, name="n"), check_size(p, name="p")
    seed = resolve_seed(rng)
    A = _operators(operators, 1 if model == "snapshots" else p, m, n, seed)
    A = A[0] if model == "snapshots" else A
    basis = None
    if gain_subspace is not None:
        basis = _fourier(m, check_size(gain_subspace, m, name="gain_subspace")) / math.sqrt(m)
        d = 1.0 / (basis @ complex_normal(seed, "calibration subspace", basis.shape[1], 1)[:, 0])
    elif isinstance(gains, str):
        d = random_gains(gains, m, seed, spread=check_positive(spread, "spread", allow_zero=True))
    else:
        d = _given_gains(gains, m)
    dead_gain = check_finite(dead_gain, "dead_gain")
    for sensor in _sensors(dead, m):
        d[sensor] = dead_gain * np.exp(1j * np.angle(d[sensor]))
    x = _signals(1 if model == "repeated" else p, n, nonzeros, seed)
    x = x[0] if model == "repeated" else x
    clean = d * _apply(A, x, p)
    sigma = noise_level(clean, snr)
    noise = sigma * complex_normal(seed, "calibration noise", p, m)
    Y = clean + noise
    wrong = _events(seed, "outliers", outliers, p, m)
    phase = Stream(seed, "calibration outlier phase").uniform(range(p * m)).reshape(p, m)
    Y = np.where(
        wrong,
        check_finite(outlier_size, "outlier_size") * np.abs(Y) * np.exp(2j * np.pi * phase),
        Y,
    )
    weights = None
    if missing:
        weights = 1.0 - _events(seed, "missing", missing, p, m)
        Y = np.where(weights > 0.0, Y, 0.0)
    return Simulation(Y, A, d, x, noise, sigma, weights, wrong, basis, model, seed)


def _given_gains(gains: Any, m: int) -> FloatArray:
    refuse_device(gains, "gains")
    d = np.asarray(gains)
    expected, remedy = (
        f"'mild', 'random', 'log-normal' or {m} finite numbers",
        "One for each sensor.",
    )
    if d.dtype.kind not in "iufc":
        got = f"{type(gains).__name__} of dtype {d.dtype}"
        raise argument_error("gains", got, expected, remedy, kind=ArgumentTypeError)
    if d.shape != (m,) or not np.isfinite(d).all():
        got = f"shape {d.shape}" if d.shape != (m,) else "nan or infinity"
        raise argument_error("gains", got, expected, remedy)
    return d.astype(np.complex128)


def _sensors(dead: Any, m: int) -> FloatArray:
    numbers = np.atleast_1d(np.asarray(dead))
    expected, remedy = f"integers of 0 to {m - 1}", "Pass the numbers of the sensors."
    if numbers.size and numbers.dtype.kind not in "iu":
        got = f"dtype {numbers.dtype}"
        raise argument_error("dead", got, expected, remedy, kind=ArgumentTypeError)
    if ((numbers < 0) | (numbers >= m)).any():
        raise argument_error("dead", numbers.tolist(), expected, remedy)
    return numbers.astype(np.int64)


def _apply(A: FloatArray, x: FloatArray, p: int) -> FloatArray:
    """A_l x_l for all l, shape (p, m)."""
    AX = (A @ np.broadcast_to(x, (p, x.shape[-1]))[..., None])[..., 0]
    return np.asarray(AX)


def _fourier(m: int, n: int) -> FloatArray:
    """The first n columns of the unnormalised DFT of length m."""
    columns: FloatArray = np.exp(-2j * np.pi * (np.outer(np.arange(m), np.arange(n)) % m) / m)
    return columns


def _operators(kind: str, p: int, m: int, n: int, seed: int) -> FloatArray:
    if kind == "gaussian":
        return complex_normal(seed, "calibration operators", p * m, n).reshape(p, m, n)
    if kind != "fourier":
        remedy = "Build other operators yourself and multiply."
        raise argument_error("operators", repr(kind), "'gaussian' or 'fourier'", remedy)
    check_size(n, m, name="n")
    signs = Stream(seed, "calibration signs").signs(range(p * n)).reshape(p, 1, n)
    A: FloatArray = _fourier(m, n) * signs
    return A


def _signals(count: int, n: int, nonzeros: int | None, seed: int) -> FloatArray:
    x = complex_normal(seed, "calibration signal", count, n)
    if nonzeros is not None:
        nonzeros = check_size(nonzeros, n, name="nonzeros")
        keys = Stream(seed, "calibration support").uniform(range(count * n)).reshape(count, n)
        x[np.argsort(np.argsort(keys, axis=1), axis=1) >= nonzeros] = 0.0
    return x


def _events(seed: int, name: str, probability: float, p: int, m: int) -> FloatArray:
    probability = check_probability(probability, name)
    draws = Stream(seed, f"calibration {name}").uniform(range(p * m)).reshape(p, m)
    return np.asarray(draws < probability)
