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

__all__ = ["circular_positions"]

Vector = npt.NDArray[np.float64]
IntVector = npt.NDArray[np.int64]

# What the phase, a sum of m terms, is accurate to, as a share of its total 2 pi m.
_ACCURACY = 2e-15


def circular_positions(m: int, generator: np.random.Generator) -> Vector:
    """Positions in [0, 1) of the m eigenangles over 2 pi, increasing."""
    from ...kernels import circular_phase

    radii = np.sqrt(generator.beta(1.0, np.arange(m - 1.0, 0.0, -1.0)))
    coefficients = radii * np.exp(2j * np.pi * generator.random(m - 1))
    levels = (generator.random() + np.arange(m)) / m
    origin = circular_phase.circular_phase(coefficients, np.zeros(1))[0][0]

    def turned(t: Vector, rows: IntVector) -> tuple[Vector, Vector]:
        angle, slope = circular_phase.circular_phase(coefficients, 2.0 * np.pi * t)
        return (angle - origin) / (2.0 * np.pi * m), slope / m

    return invert(turned, levels, np.zeros(m), np.ones(m), levels.copy(), tolerance=_ACCURACY)
