"""Gross errors: what ruins the plain method and leaves the robust one as it was."""

from __future__ import annotations

import numpy as np
import pytest

import rnla.calibration.robust as module
from rnla import ArgumentError, calibrate
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
    """The scale has 417 degrees of freedom: it scatters by 2.5 per cent."""
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


DESIGNS = {"repeated": (32, 16, 4), "diverse": (32, 16, 6), "snapshots": (24, 10, 8)}


@pytest.mark.parametrize("model", MODELS)
def test_the_noise_found_is_right_with_few_degrees_of_freedom(model, monkeypatch):
    """chi2 on average over 16 seeds, 65 to 89 degrees of freedom: standard deviation 0.03 at most.

    The bias is up to 0.05, so that 0.1 is passed in one of thirty draws of the seeds at worst.
    Companion: the median of the residuals is a sixth too small.
    """

    def chi2():
        found = []
        for seed in range(16):
            case = draw(model, *DESIGNS[model], snr=30.0, seed=seed, outliers=0.01)
            options = {"model": model, "robust": True, "standard_errors": False}
            found.append(calibrate(case.Y, case.A, noise=case.sigma, **options).chi2)
        return np.mean(found)

    assert abs(chi2() - 1.0) < 0.1
    monkeypatch.setattr(module, "noise_scale", lambda problem, r, o, start, width: start)
    assert chi2() < 0.9


def test_the_noise_found_of_real_numbers():
    """Weights bend sooner: without the correction for it the variance is 7 per cent too small."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(12):
        A, x, d = rng.standard_normal((8, 48, 16)), rng.standard_normal(16), 1 + rng.random(48)
        Y = d * (A @ x)
        noise = 0.03 * np.sqrt((Y**2).mean())
        Y = Y + noise * rng.standard_normal(Y.shape)
        found.append(calibrate(Y, A, noise=noise, robust=True, standard_errors=False).chi2)
    assert abs(np.mean(found) - 1.0) < 0.06  # standard deviation 0.02


def test_problems_of_a_batch_end_by_themselves():
    """One that has converged stays as it is, and converged, while others go on."""
    rng = np.random.default_rng(3)
    A = rng.standard_normal((1, 7, 4)) + 1j * rng.standard_normal((1, 7, 4))
    x = rng.standard_normal((12, 5, 4)) + 1j * rng.standard_normal((12, 5, 4))
    d = rng.uniform(0.5, 1.5, (12, 7)) * np.exp(2j * np.pi * rng.random((12, 7)))
    Y = d[:, None, :] * (A @ x[..., None])[..., 0]
    Y += 0.05 * (rng.standard_normal(Y.shape) + 1j * rng.standard_normal(Y.shape))
    options = {"model": "snapshots", "robust": True, "standard_errors": False}
    together = calibrate(Y, A, **options)
    alone = [calibrate(one, A, **options) for one in Y]
    assert len({one.sweeps for one in alone}) > 2
    for k, one in enumerate(alone):
        assert together.statuses[k] == one.status
        np.testing.assert_allclose(together.gains[k], one.gains, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(together.outliers[k], one.outliers)
