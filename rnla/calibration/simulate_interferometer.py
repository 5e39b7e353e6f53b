"""`simulate_interferometer`: visibilities of point sources through antennas of unknown gain.

V_pq = g_p M_pq conj(g_q) + noise with M_pq = sum_k f_k exp(-2 pi i (u_p - u_q) . l_k), a Hermitian
matrix of rank at most the number of sources (SPEC A13, E7). O(P^2 sources).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._errors import argument_error, check_positive, check_size
from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ._draws import check_probability, complex_normal, noise_level, random_gains

__all__ = ["InterferometerSimulation", "simulate_interferometer"]


@dataclass(frozen=True, eq=False)
class InterferometerSimulation:
    """Visibilities, the model they follow, and the gains.

    Attributes
    ----------
    V : ndarray of complex, shape (P, P)
        Measured visibilities, Hermitian; nan where missing, and on the diagonal.
    model : ndarray of complex, shape (P, P)
        M, Hermitian.
    gains : ndarray of complex, shape (P,)
    noise_std : float
        sigma, E|noise|^2 = sigma^2 for every pair of antennas.
    positions : ndarray, shape (P, 2)
        Antennas in wavelengths.
    directions : ndarray, shape (sources, 2)
        Direction cosines.
    fluxes : ndarray, shape (sources,)
    seed : int
    """

    V: FloatArray
    model: FloatArray
    gains: FloatArray
    noise_std: float
    positions: FloatArray
    directions: FloatArray
    fluxes: FloatArray
    seed: int


def simulate_interferometer(
    antennas: int,
    sources: int,
    *,
    gains: str = "random",
    snr: float | None = None,
    missing: float = 0.0,
    extent: float = 100.0,
    field: float = 0.1,
    rng: RNGLike = None,
) -> InterferometerSimulation:
    """Simulate an interferometer that looks at a few point sources.

    Parameters
    ----------
    antennas, sources : int
        P antennas, uniform in a disc; sources uniform in a disc of directions, with exponential
        fluxes.
    gains : {"mild", "random", "log-normal"}
        As for `simulate`.
    snr : float, optional
        Decibels, 10 log10(mean |g M g*|^2 / sigma^2) over pairs of different antennas; no noise by
        default.
    missing : float
        Probability that a pair is not measured.
    extent : float
        Radius of the array in wavelengths.
    field : float
        Radius of the field in direction cosines.
    rng : None, int, Generator or SeedSequence

    Returns
    -------
    InterferometerSimulation

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable numbers or names.

    Notes
    -----
    The noise of V_qp is the conjugate of that of V_pq: one measurement a pair. The diagonal
    (autocorrelations) is missing.

    Examples
    --------
    >>> from rnla.calibration import simulate_interferometer
    >>> array = simulate_interferometer(20, 3, snr=20.0, rng=0)
    >>> array.V.shape, int(np.isnan(array.V).sum())
    ((20, 20), 20)
    """
    P = check_size(antennas, name="antennas")
    if P < 2:
        raise argument_error("antennas", P, "at least 2", "One antenna measures no pair.")
    count = check_size(sources, name="sources")
    missing = check_probability(missing, "missing")
    seed = resolve_seed(rng)
    positions = check_positive(extent, "extent") * _disc(seed, "antenna positions", P)
    directions = check_positive(field, "field") * _disc(seed, "source directions", count)
    fluxes = -np.log(Stream(seed, "source fluxes").uniform(range(count)))
    waves = np.exp(-2j * np.pi * (positions @ directions.T)) * np.sqrt(fluxes)
    M = waves @ waves.conj().T
    g = random_gains(gains, P, seed)
    clean = g[:, None] * M * g.conj()
    upper = np.triu(np.ones((P, P), dtype=bool), 1)
    sigma = 0.0
    if snr is not None:
        sigma = noise_level(clean[upper], snr)
    noise = np.where(upper, sigma * complex_normal(seed, "visibility noise", P, P), 0.0)
    V = clean + noise + noise.conj().T
    lost = Stream(seed, "missing visibilities").uniform(range(P * P)).reshape(P, P) < missing
    lost = np.triu(lost, 1)
    V[lost | lost.T | np.eye(P, dtype=bool)] = np.nan
    return InterferometerSimulation(V, M, g, sigma, positions, directions, fluxes, seed)


def _disc(seed: int, purpose: str, count: int) -> FloatArray:
    """Uniform points of the unit disc, shape (count, 2)."""
    stream = Stream(seed, purpose)
    radius = np.sqrt(stream.uniform(range(count)))
    angle = 2.0 * np.pi * stream.uniform(range(count), draw=1)
    points: FloatArray = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return points
