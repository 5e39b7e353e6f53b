"""The phase on the circle against a plain recurrence with complex numbers."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import circular_phase


def reference(coefficients, theta):
    z = np.exp(1j * theta)
    B, angle, slope = z.copy(), theta.copy(), np.ones_like(theta)
    for a in coefficients:
        w = 1.0 - a * B
        angle += theta - 2.0 * np.angle(w)
        slope = 1.0 + slope * (1.0 - abs(a) ** 2) / abs(w) ** 2
        B *= z * w.conj() / w
    return angle, slope


@pytest.mark.parametrize("m", [0, 1, 2, 50])
def test_circular_phase_agrees_with_a_plain_recurrence(m):
    generator = np.random.default_rng(m)
    a = generator.uniform(0.0, 0.9, m) * np.exp(2j * np.pi * generator.random(m))
    theta = generator.uniform(0.0, 2 * np.pi, 30)
    for found, expected in zip(
        circular_phase.circular_phase(a, theta), reference(a, theta), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert circular_phase.circular_phase(a, theta[:0])[0].shape == (0,)
