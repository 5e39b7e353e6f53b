"""Eigenangles of a random unitary matrix: the DPP of consecutive Fourier modes (SPEC A5).

A Haar unitary matrix of order m has the eigenvalues of a five-diagonal one with independent
Verblunsky coefficients, |a_k|^2 ~ Beta(1, m - 1 - k) with uniform phases (Killip and Nenciu 2004).
Its eigenangles are where the phase of B_{m-1}, B_0 = z, B_{k+1} = z B_k conj(w)/w, w = 1 - a_k B_k,
passes a random level: the phase grows by 2 pi m around the circle, and all roots are found together
by bracketed Newton steps (Killip and Stoiciu 2009). O(m^2) a step, O(m) memory, no matrix.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._inversion import invert

__all__ = ["circular_positions", "phase"]

Vector = npt.NDArray[np.float64]
IntVector = npt.NDArray[np.int64]

# What the phase, a sum of m terms, is accurate to, as a share of its total 2 pi m.
_ACCURACY = 2e-15
Complex = npt.NDArray[np.complex128]


def circular_positions(m: int, generator: np.random.Generator) -> Vector:
    """Positions in [0, 1) of the m eigenangles over 2 pi, increasing."""
    radii = np.sqrt(generator.beta(1.0, np.arange(m - 1.0, 0.0, -1.0)))
    coefficients = radii * np.exp(2j * np.pi * generator.random(m - 1))
    levels = (generator.random() + np.arange(m)) / m
    origin = phase(coefficients, np.zeros(1))[0][0]

    def turned(t: Vector, rows: IntVector) -> tuple[Vector, Vector]:
        angle, slope = phase(coefficients, 2.0 * np.pi * t)
        return (angle - origin) / (2.0 * np.pi * m), slope / m

    return invert(turned, levels, np.zeros(m), np.ones(m), levels.copy(), tolerance=_ACCURACY)


def phase(coefficients: Complex, theta: Vector) -> tuple[Vector, Vector]:
    """Phase of B_{m-1} on the circle, continuous in theta, and its derivative."""
    z = np.exp(1j * theta)
    B, angle, slope = z.copy(), theta.copy(), np.ones_like(theta)
    for a in coefficients:
        w = 1.0 - a * B
        square = w.real**2 + w.imag**2
        # w has a positive real part, so its phase is the principal one.
        angle += theta - 2.0 * np.arctan2(w.imag, w.real)
        slope = 1.0 + slope * (1.0 - abs(a) ** 2) / square
        B *= z * w.conj() ** 2 / square
    return angle, slope
