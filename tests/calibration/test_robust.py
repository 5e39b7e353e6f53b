"""Gross errors: what ruins the plain method and leaves the robust one as it was."""

from __future__ import annotations

import numpy as np
import pytest

from rnla import ArgumentError
from rnla.calibration import (
    Problem,
    canonical_correlation,
    polish,
    relative_error,
    robust_polish,
    without_spikes,
)
from tests.calibration.cases import MODELS, draw, draw_batch

NOISY = (64, 32, 8)


def robust(case, model="repeated", **options):
    problem = Problem(case.Y, case.A, model=model, weights=case.weights)
    start = canonical_correlation(without_spikes(problem))
    gains = 1.0 / np.where(start.usable, start.inverse_gains, 1)
    return problem, robust_polish(problem, gains, start.signal, **options)


def plain(case):
    problem = Problem(case.Y, case.A)
    start = canonical_correlation(problem)
    return polish(problem, 1.0 / start.inverse_gains)


@pytest.mark.parametrize("share", [0.0, 0.005, 0.02, 0.05])
def test_check_16_outliers_do_not_move_the_answer(share):
    """Median of five seeds at 40 dB of values 30 times too large."""
    errors, ruined = [], []
    for seed in range(5):
        case = draw("repeated", *NOISY, snr=40.0, seed=seed, outliers=share)
        errors.append(relative_error(robust(case)[1].polished.signal, case.x))
        ruined.append(relative_error(plain(case).signal, case.x))
    assert np.median(errors) < 0.0035
    # Companion: least squares is fine without them, and lost with half a per cent.
    assert np.median(ruined) < 0.0035 if share == 0.0 else np.median(ruined) > 0.4
    assert share < 0.05 or np.median(ruined) > 0.5


def test_outliers_are_named_and_the_noise_is_that_of_the_rest():
    """The scale is a median of 512 residuals: it scatters by 5 per cent."""
    data = draw("repeated", *NOISY, snr=40.0, outliers=0.05, seed=1)
    clean = draw("repeated", *NOISY, snr=40.0, seed=1)
    wrong = data.Y != clean.Y
    assert 10 < wrong.sum() < 45
    problem, found = robust(data)
    np.testing.assert_array_equal(found.outliers, wrong)
    assert found.converged
    sigma = found.scale * problem.scale[0, 0]
    assert 0.8 < sigma / data.sigma < 1.2
    # Companion: the root mean square of all residuals says nothing of the noise.
    y = np.abs(problem.data - problem.predict(found.polished.gains, found.polished.signal))
    assert np.sqrt((y**2).mean()) > 10 * found.scale


@pytest.mark.parametrize("model", MODELS)
def test_other_models(model):
    m, n, p = {"repeated": NOISY, "diverse": (64, 16, 12), "snapshots": (64, 16, 24)}[model]
    clean = draw(model, m, n, p, snr=40.0, seed=2)
    dirty = draw(model, m, n, p, snr=40.0, seed=2, outliers=0.02)
    expected = relative_error(robust(clean, model)[1].polished.gains, clean.d)
    assert relative_error(robust(dirty, model)[1].polished.gains, dirty.d) < 1.3 * expected


def test_a_batch_gives_what_its_problems_give():
    case = draw_batch("repeated", 32, 12, 6, 3, snr=30.0)
    case.Y[1, 2, 5] *= 40.0
    _, together = robust(case)
    assert np.argwhere(together.outliers).tolist() == [[1, 2, 5]]
    for b in range(3):
        single = draw("repeated", 32, 12, 6)
        single.Y, single.A, single.weights = case.Y[b], case.A, None
        _, one = robust(single)
        assert relative_error(together.polished.gains[b], one.polished.gains) < 1e-3


def test_missing_values_and_exact_data():
    case = draw("repeated", *NOISY, missing=0.2)
    problem, found = robust(case)
    assert relative_error(found.polished.signal, case.x) < 1e-6
    assert not (found.outliers & (problem.weights == 0)).any()
    assert np.isfinite(found.scale)


def test_spikes_are_left_out_but_no_sensor_is():
    Y = np.ones((4, 3))
    Y[1, 2] = 100.0
    Y[:, 0] = [0.0, 0.0, 0.0, 1.0]  # the only value that is not zero is above four medians
    kept = without_spikes(Problem(Y, np.ones((4, 3, 2)), weights=[2.0, 1.0, 3.0]))
    np.testing.assert_array_equal(kept.weights[:, 2], [3.0, 0.0, 3.0, 3.0])
    assert (kept.weights[:, 0] > 0).any()
    assert (kept.weights[:, 1] == 1.0).all()


@pytest.mark.parametrize("name", ["rounds", "sweeps", "width", "tol"])
def test_bad_options(name):
    case = draw("repeated", 16, 8, 4)
    with pytest.raises(ArgumentError, match=name):
        robust_polish(Problem(case.Y, case.A), case.d, case.x, **{name: 0})
    with pytest.raises(ArgumentError, match="factor"):
        without_spikes(Problem(case.Y, case.A), factor=0.0)
