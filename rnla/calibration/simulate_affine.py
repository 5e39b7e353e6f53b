"""`simulate_affine`: sensors with unknown gain and offset that watch signals of a known subspace.

y_t = d o (U c_t + b) + noise (SPEC A11). O(p m n).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._errors import check_size
from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ._draws import check_probability, noise_level

__all__ = ["AffineSimulation", "simulate_affine"]


@dataclass(frozen=True, eq=False)
class AffineSimulation:
    """Readings of sensors, and what they came from.

    Attributes
    ----------
    Y : ndarray, shape (p, m)
        Readings, real; nan where missing.
    basis : ndarray, shape (m, n)
        U, orthonormal columns.
    gains, offsets : ndarray, shape (m,)
        d, uniform on [0.5, 1.5], and b, standard normal, in units of the signal.
    signal : ndarray, shape (p, n)
        c_t.
    noise_std : float
    seed : int
    """

    Y: FloatArray
    basis: FloatArray
    gains: FloatArray
    offsets: FloatArray
    signal: FloatArray
    noise_std: float
    seed: int


def simulate_affine(
    *,
    m: int,
    n: int,
    p: int,
    snr: float | None = None,
    missing: float = 0.0,
    rng: RNGLike = None,
) -> AffineSimulation:
    """Simulate readings y_t = d o (U c_t + b) + noise.

    Parameters
    ----------
    m, n, p : int
        Sensors, dimension of the subspace of signals, readings of all sensors.
    snr : float, optional
        Decibels, 10 log10(mean |d o U c_t|^2 / sigma^2), offsets left out; no noise by default.
    missing : float
        Probability that a value is missing.
    rng : None, int, Generator or SeedSequence

    Returns
    -------
    AffineSimulation

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For counts below 1, n above m, a negative probability.

    Examples
    --------
    >>> from rnla.calibration import simulate_affine
    >>> simulate_affine(m=16, n=4, p=30, rng=0).Y.shape
    (30, 16)
    """
    m, p = check_size(m, name="m"), check_size(p, name="p")
    n = check_size(n, m, name="n")
    missing = check_probability(missing, "missing")
    seed = resolve_seed(rng)
    U = np.linalg.qr(Stream(seed, "affine basis").normal(range(m), n))[0]
    d = 0.5 + Stream(seed, "affine gains").uniform(range(m))
    b = Stream(seed, "affine offsets").normal(range(m))[:, 0]
    c = Stream(seed, "affine signal").normal(range(p), n) * np.sqrt(m / n)
    x = c @ U.T
    sigma = noise_level(d * x, snr)
    Y = d * (x + b) + sigma * Stream(seed, "affine noise").normal(range(p), m)
    lost = Stream(seed, "affine missing").uniform(range(p * m)).reshape(p, m) < missing
    return AffineSimulation(np.where(lost, np.nan, Y), U, d, b, c, sigma, seed)
