"""φ-functions against 50 digits (0.5)."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from rnla._errors import ArgumentError
from rnla.diffusion.phi import phi


def _exact(k: int, z: float) -> mpmath.mpf:
    with mpmath.workdps(50):
        return mpmath.hyp1f1(1, k + 1, mpmath.mpf(z)) / mpmath.factorial(k)


POINTS = np.concatenate([-np.logspace(-8, 2, 41), np.logspace(-8, np.log10(30), 41), [-0.999, 1.0]])


@pytest.mark.parametrize("k", range(1, 8))
def test_0_5_relative_error(k: int) -> None:
    worst = max(abs(float(phi(k, float(z)) / _exact(k, float(z)) - 1)) for z in POINTS)
    assert worst <= 5e-15


def test_0_5_printed_values() -> None:
    expected = [
        0.6065306597126334,
        0.7869386805747328,
        0.42612263885053364,
        0.1477547222989326,
        0.03782388873546811,
    ]
    np.testing.assert_allclose([phi(k, -0.5) for k in range(5)], expected, rtol=1e-15)
    expected = [1.718281828459045, 0.7182818284590451, 0.2182818284590451, 0.05161516179237843]
    # The last of these printed values carries the rounding of a recursion.
    np.testing.assert_allclose([phi(k, 1.0) for k in range(1, 5)], expected, rtol=3e-15)


def test_0_5_limits() -> None:
    assert phi(3, 0.0) == pytest.approx(1 / 6, rel=1e-16)
    assert phi(2, float("-inf")) == 0.0


def test_0_5_recursion_alone_fails() -> None:
    """The recursion from expm1, which the safe evaluation avoids, has no digits at -1e-6."""
    z = -1e-6
    value = ((np.expm1(z) / z - 1.0) / z - 0.5) / z
    assert abs(value / float(_exact(3, z)) - 1) > 1e-6
    assert abs(phi(3, z) / float(_exact(3, z)) - 1) < 1e-15


@pytest.mark.parametrize("k", [-1, 1.5, True])
def test_bad_index(k: object) -> None:
    with pytest.raises(ArgumentError, match="k: got"):
        phi(k, 1.0)  # type: ignore[arg-type]
