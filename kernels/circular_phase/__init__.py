"""The phase of a Blaschke product on the circle, whose level sets are random eigenangles.

B_0 = z, B_{k+1} = z B_k conj(w_k) / w_k with w_k = 1 - a_k B_k and |a_k| < 1. The phase increases
with the angle; its derivative follows the same recurrence. 40 flops and an arctangent a step.
"""

from __future__ import annotations

import numpy as np

__all__ = ["circular_phase"]


def circular_phase(coefficients: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Phase of B_m, continuous in theta, and its derivative at theta (n,); complex a_k (m,)."""
    from . import cpu

    angle, slope = np.empty(theta.size), np.empty(theta.size)
    real, imaginary = coefficients.real.copy(), coefficients.imag.copy()
    cpu.circular_phase(real, imaginary, theta, angle, slope)
    return angle, slope
