"""`sample` and `trajectory`: records, callbacks, progress, starts, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from rnla import ArgumentError, ArgumentTypeError
from rnla.diffusion import (
    FixedNoise,
    Flow,
    Grid,
    VarianceExploding,
    make_grid,
    sample,
    start_from_data,
    start_from_noise,
    trajectory,
)

from .fixtures import STARTS, VP, gmm_a, log_snr_grid


def test_the_record_says_how_it_was_made():
    result = sample(gmm_a(), STARTS, solver="edm", steps=5, end="zero")
    assert (result.steps, result.evaluations, result.seed) == (5, 9, None)
    assert result.level.is_clean
    assert result.solver.name == "edm"
    assert result.grid.steps == 5
    assert len(result) == 4
    np.testing.assert_array_equal(np.asarray(result), result.values)
    assert np.asarray(result, dtype=np.float32).dtype == np.float32
    assert repr(result) == "Sample(shape (4, 2), EDM, 9 evaluations)"


def test_a_callback_sees_every_state_and_may_stop_by_raising():
    seen = []
    sample(gmm_a(), STARTS, solver="ddim", steps=4, callback=seen.append)
    assert [state.step for state in seen] == [1, 2, 3, 4]
    assert [state.evaluations for state in seen] == [1, 2, 3, 4]
    expected = list(trajectory(gmm_a(), STARTS, solver="ddim", steps=4))
    for one, other in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(one.x, other.x)

    def stop(state):
        if state.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(gmm_a(), STARTS, solver="ddim", steps=4, callback=stop)


def test_a_trajectory_runs_no_further_than_it_is_asked():
    calls = []

    def model(x, time):
        calls.append(time)
        return 0.5 * x

    states = trajectory(model, STARTS, solver="ddim", steps=50, prediction="x0")
    assert calls == []
    next(states)
    next(states)
    assert len(calls) == 2


def test_progress_is_shown_on_request(capsys):
    plain = sample(gmm_a(), STARTS, solver="ddim", steps=4)
    assert capsys.readouterr().err == ""
    shown = sample(gmm_a(), STARTS, solver="ddim", steps=4, progress=True)
    assert "sampling" in capsys.readouterr().err
    np.testing.assert_array_equal(plain.values, shown.values)


def test_a_callers_noise_is_used():
    zero = FixedNoise(lambda n: np.zeros_like(STARTS))
    got = sample(gmm_a(), STARTS, solver="ddpm", grid=log_snr_grid(4), noise=zero)
    assert got.seed is None
    assert np.isfinite(got.values).all()


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"schedule": "vp"}, ArgumentTypeError, "schedule: got str"),
        ({"steps": 0}, ArgumentError, "steps: got 0"),
        ({"steps": 2.5}, ArgumentTypeError, r"steps: got 2\.5"),
        ({"grid": "cosine"}, ArgumentError, "kind: got 'cosine'"),
        ({"grid": 7}, ArgumentError, "kind: got 7"),
        ({"prediction": "noise2"}, ArgumentError, "prediction: got 'noise2'"),
        ({"rng": -1, "solver": "ddpm"}, ArgumentError, "rng: got -1"),
        ({"solver": "ddmi"}, ArgumentError, "solver: got 'ddmi'"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        sample(gmm_a(), STARTS, **arguments)


def test_bad_arguments_of_a_trajectory_are_refused_at_once():
    with pytest.raises(ArgumentError, match="solver: got 'ddmi'"):
        trajectory(gmm_a(), STARTS, solver="ddmi")


def test_starts_have_the_level_they_are_asked_for():
    schedule = VarianceExploding()
    x = start_from_noise(schedule, (500, 3, 2), rng=0)
    assert x.shape == (500, 3, 2)
    assert abs(x.std() / 80.0 - 1.0) < 5 / np.sqrt(2 * x.size)
    np.testing.assert_array_equal(start_from_noise(schedule, (2, 3, 2), rng=0, first=7), x[7:9])
    half = start_from_noise(schedule, (4, 2), time=1.0, rng=0, like=np.empty(0, np.float16))
    assert half.dtype == np.float16
    np.testing.assert_array_equal(start_from_noise(Flow(), (4, 2), rng=3).shape, (4, 2))


def test_noised_data_come_back_where_the_noise_was_small():
    points = np.array([[-1.0, 0.0], [1.0, 0.5], [0.0, -1.2]])
    x = start_from_data(VP, points, time=0.05, rng=0)
    level = VP.level(0.05)
    assert np.abs(x - level.alpha * points).max() < 5 * level.sigma
    got = sample(gmm_a(), x, solver="dpmpp_2m", grid=make_grid(VP, 10, first=0.05)).values
    assert np.abs(got - points).max() < 1.5
    other = start_from_data(VP, points, time=0.05, rng=1)
    assert np.abs(other - x).max() > 1e-3
    with pytest.raises(ArgumentTypeError, match="data: got str"):
        start_from_data(VP, "image", time=0.5)
    with pytest.raises(ArgumentError, match="shape: got 0"):
        start_from_noise(VP, (0, 2))


def test_grids_and_steps_agree():
    grid = Grid(make_grid(VP, 6).times)
    by_grid = sample(gmm_a(), STARTS, solver="ddim", grid=grid).values
    by_steps = sample(gmm_a(), STARTS, solver="ddim", steps=6).values
    np.testing.assert_array_equal(by_grid, by_steps)
