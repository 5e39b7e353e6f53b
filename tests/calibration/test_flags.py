"""Sensors to distrust: what the data alone say, and the gains they get all the same."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.calibration import Problem, SensorFlag, calibrate, relative_error, sensor_flags
from rnla.calibration.self_calibration import METHODS
from tests.calibration.cases import complex_normal, draw

WEAK, MISSING = int(SensorFlag.WEAK), int(SensorFlag.MISSING)


def noise_problem(powers, p, sigma, seed, *, noise):
    """Sensors whose signals have these mean squares, in noise."""
    rng = np.random.default_rng(seed)
    m = len(powers)
    Y = np.sqrt(powers) * complex_normal(rng, p, m) + sigma * complex_normal(rng, p, m)
    return Problem(Y, complex_normal(rng, p, m, 2), noise=noise)


def test_with_known_noise_sensors_without_signal_are_weak():
    """300 sensors of each kind and p = 8 values. The mean square of 8 values of pure noise is above
    5 with probability 2e-10, and that of 40 times the noise below 5 with 1e-5: one of the 600 is
    wrong with probability 3e-3.
    """
    powers = np.repeat([0.0, 39.0], 300)
    flags = sensor_flags(noise_problem(powers, 8, 1.0, 0, noise=1.0))
    assert (flags[:300] == WEAK).all()
    assert (flags[300:] == 0).all()
    # Companion: without the noise level, 1/40 of the median is not yet weak.
    assert (sensor_flags(noise_problem(powers, 8, 1.0, 0, noise=None)) == 0).all()


def test_without_it_the_median_decides():
    """1e-3 of the median: sensors 40 dB below are flagged, those 20 dB below are not."""
    powers = np.r_[np.ones(50), np.full(10, 1e-4), np.full(10, 1e-2)]
    flags = sensor_flags(noise_problem(powers, 16, 1e-6, 1, noise=None))
    assert (flags[50:60] == WEAK).all()
    assert (np.delete(flags, np.arange(50, 60)) == 0).all()


def test_the_unit_of_the_data_does_not_matter():
    powers = np.r_[np.ones(20), np.full(5, 1e-3)]
    flags = [
        sensor_flags(noise_problem(unit**2 * powers, 8, unit * 0.1, 2, noise=unit * 0.1))
        for unit in (1e-8, 1.0, 1e8)
    ]
    np.testing.assert_array_equal(flags[0], flags[1])
    np.testing.assert_array_equal(flags[2], flags[1])
    assert (flags[1][20:] == WEAK).all()


def test_missing_sensors():
    case = draw("repeated", 16, 8, 5)
    Y = case.Y.copy()
    Y[:, 3], Y[1:, 4], Y[2:, 5] = np.nan, np.nan, np.nan
    flags = sensor_flags(Problem(Y, case.A))
    assert flags[3] == flags[4] == MISSING
    assert flags[5] == 0
    np.testing.assert_array_equal(sensor_flags(Problem(np.stack([Y, case.Y]), case.A))[0], flags)
    # One measurement and a basis of the gains: one value a sensor is all there is.
    basis = np.fft.fft(np.eye(16))[:, :4]
    single = Problem(case.Y[:1], case.A[:1], gain_basis=basis)
    assert (sensor_flags(single) == 0).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("polish", ["als", None])
def test_gains_of_flagged_sensors_are_filled_in(method, polish):
    """A dead sensor and one with a single value: both get the gain that fits them."""
    case = draw("repeated", 64, 32, 8, snr=60.0, dead=[5], dead_gain=2e-2, gains="mild")
    Y = case.Y.copy()
    Y[1:, 9] = np.nan
    found = calibrate(Y, case.A, method=method, polish=polish)
    assert found.flags[5] == WEAK
    assert found.flags[9] == MISSING
    unit = np.vdot(case.d, found.gains) / np.vdot(case.d, case.d)
    # 60 dB below gains of one: the noise of a gain from eight values is 4e-4, from one 1e-3.
    assert abs(found.gains[5] / unit - case.d[5]) < 4e-3
    assert abs(found.gains[9] / unit - case.d[9]) < 3e-2
    assert relative_error(found.gains, case.d) < 1e-2
    assert np.isfinite(found.inverse_gains).all()
