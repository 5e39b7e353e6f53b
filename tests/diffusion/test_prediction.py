"""One rule for all kinds of prediction (16.1), change of path (16.2), and singular cases."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla import ArgumentError, ArgumentTypeError
from rnla.diffusion import (
    Flow,
    Grid,
    MeanReverting,
    Prediction,
    Tabulated,
    Trig,
    VarianceExploding,
    VPCosine,
    VPLinear,
    convert,
    prepare,
    sample,
)

from .fixtures import STARTS, VP, gmm_a, log_snr_grid, run

KINDS = ["x0", "eps", "score", "v", "velocity", "flow", "edm"]
SCHEDULES = [VP, VPCosine(), VarianceExploding(), Flow(), Trig(), MeanReverting()]


def made(kind, x0, eps, level, schedule):
    """The output that a perfect network of this kind gives."""
    a, b = Prediction(kind).pair(level, schedule)
    return a * x0 + b * eps


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s.name)
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(u=st.floats(0.02, 0.98), seed=st.integers(0, 1000))
def test_16_1_round_trip(schedule, kind, u, seed):
    time = schedule.last + u * (schedule.first - schedule.last)
    level = schedule.level(time)
    rng = np.random.default_rng(seed)
    x0, eps = rng.normal(size=(2, 3, 2))
    x = level.alpha * x0 + level.sigma * eps
    output = made(kind, x0, eps, level, schedule)
    # An error of the state is worth 1 / alpha in x0 and 1 / sigma in eps.
    scale = np.abs(x).max()
    got_x0 = convert(output, x, level, prediction=kind, schedule=schedule, to="x0")
    got_eps = convert(output, x, level, prediction=kind, schedule=schedule, to="eps")
    assert np.abs(got_x0 - x0).max() <= 1e-13 * (1.0 + scale / level.alpha)
    assert np.abs(got_eps - eps).max() <= 1e-13 * (1.0 + scale / level.sigma)


def test_16_1_all_ordered_pairs_agree_at_the_middle():
    level, (x0, eps) = VP.level(0.3), np.random.default_rng(0).normal(size=(2, 4, 2))
    x = level.alpha * x0 + level.sigma * eps
    for first, second in itertools.permutations(KINDS, 2):
        output = made(first, x0, eps, level, VP)
        x0_there = convert(output, x, level, prediction=first, schedule=VP, to="x0")
        eps_there = convert(output, x, level, prediction=first, schedule=VP, to="eps")
        a, b = Prediction(second).pair(level, VP)
        np.testing.assert_allclose(
            a * x0_there + b * eps_there, made(second, x0, eps, level, VP), atol=1e-13
        )


@pytest.mark.parametrize(
    "kind, determinant",
    [
        ("x0", lambda l, s: -l.sigma),
        ("eps", lambda l, s: l.alpha),
        ("score", lambda l, s: -l.alpha / l.sigma),
        ("v", lambda l, s: l.alpha**2 + l.sigma**2),
        ("velocity", lambda l, s: -l.alpha * l.sigma * s.d_half_log_snr(l.time)),
        ("flow", lambda l, s: l.alpha + l.sigma),
    ],
)
def test_16_1_determinants(kind, determinant):
    for schedule, time in ((VP, 0.4), (Flow(), 0.7), (Trig(), 0.5)):
        level = schedule.level(time)
        a, b = Prediction(kind).pair(level, schedule)
        got = level.alpha * b - level.sigma * a
        np.testing.assert_allclose(got, determinant(level, schedule), rtol=1e-12)


def test_16_1_velocity_of_vp_is_the_probability_flow():
    level = VP.level(0.4)
    drift = float(VP.d_log_alpha(0.4))
    diffusion = -2.0 * level.sigma**2 * float(VP.d_half_log_snr(0.4))
    x0, eps = np.random.default_rng(1).normal(size=(2, 4, 2))
    x = level.alpha * x0 + level.sigma * eps
    expected = drift * x + diffusion / (2.0 * level.sigma) * eps
    np.testing.assert_allclose(made("velocity", x0, eps, level, VP), expected, rtol=1e-12)


def test_16_1_tweedie():
    level, model = VP.level(0.4), gmm_a()
    left = level.alpha * model(STARTS, level)
    right = STARTS + level.sigma**2 * model.score(STARTS, level)
    np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-13)


def test_16_1_raw_edm_at_unit_deviation_is_minus_v():
    level = VP.level(0.4)
    a, b = Prediction("edm", sigma_data=1.0).pair(level, VP)
    np.testing.assert_allclose([a, b], [-p for p in Prediction("v").pair(level, VP)], rtol=1e-13)


def test_10_3_v_of_mean_reverting_diffusion():
    schedule = MeanReverting(0.3)
    level = schedule.level(0.5)
    x0, eps = np.random.default_rng(2).normal(size=(2, 4, 2))
    v = 0.3 * level.alpha * eps - level.sigma / 0.3 * x0
    np.testing.assert_allclose(made("v", x0, eps, level, schedule), v, rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_sample(kind):
    mixture = gmm_a()

    class Network:
        prediction, takes_level = kind, True

        def __call__(self, x, level):
            return made(kind, mixture(x, level), mixture.eps(x, level), level, VP)

    got = run("edm", log_snr_grid(8), model=Network())
    np.testing.assert_allclose(got, run("edm", log_snr_grid(8)), atol=1e-11)


def test_bad_input_singular_predictions_name_step_and_value():
    # eps at zero terminal SNR says nothing about x0.
    table = Tabulated([0.9, 0.5, 0.0])
    with pytest.raises(ArgumentError, match=r"prediction: got 'eps' at step 0, time 1, .* alpha=0"):
        sample(
            lambda x, t: x,
            STARTS,
            solver="ddim",
            schedule=table,
            grid=Grid([1.0, 0.5]),
            prediction="eps",
        )
    # v does.
    ok = sample(
        lambda x, t: 0.0 * x,
        STARTS,
        solver="ddim",
        schedule=table,
        grid=Grid([1.0, 2 / 3, 1 / 3]),
        prediction="v",
    )
    assert np.isfinite(ok.values).all()
    with pytest.raises(ArgumentError, match="'score' at time 0"):
        convert(STARTS, STARTS, VP.level(0.0), prediction="score", schedule=VP, to="eps")
    with pytest.raises(ArgumentError, match="'x0' at time 0"):
        convert(STARTS, STARTS, VP.level(0.0), prediction="x0", schedule=VP, to="eps")


def test_flow_models_start_from_pure_noise():
    model = prepare(gmm_a(), Flow())
    x0 = model(STARTS, Flow().level(1.0), "x0")
    np.testing.assert_allclose(x0, np.broadcast_to([-0.2, -0.09], x0.shape), atol=1e-12)
    for kind in ("flow", "velocity", "x0", "v"):
        assert np.isfinite(Prediction(kind).weights(Flow().level(1.0), Flow(), "x0")).all()


def test_16_2_a_model_may_be_run_along_another_path():
    mixture = gmm_a()

    def network(x, time):  # knows VP-linear and nothing else
        assert 0.0 < time <= 1.0
        return mixture.eps(x, VP.level(time))

    half_log_snr = np.linspace(-3.0, 3.0, 9)
    ends = []
    for schedule in (VP, VarianceExploding(), Flow()):
        grid = Grid(schedule.time_of(half_log_snr))
        first, *_, last = grid.levels(schedule)
        got = sample(
            network,
            20.0 * first.alpha * STARTS,
            solver="dpmpp_2m",
            schedule=schedule,
            grid=grid,
            prediction="eps",
            trained_on=VP,
        )
        ends.append(got.values / last.alpha)
    np.testing.assert_allclose(ends[1], ends[0], atol=1e-12)
    np.testing.assert_allclose(ends[2], ends[0], atol=1e-12)


def test_a_path_change_carries_every_kind_of_prediction():
    mixture, flow = gmm_a(), Flow()
    level = flow.level(0.3)
    expected = mixture(STARTS, level)
    for kind in KINDS:

        def network(x, time, kind=kind):
            there = VPLinear().level(time)
            return made(kind, mixture(x, there), mixture.eps(x, there), there, VP)

        prepared = prepare(network, flow, kind, trained_on=VP)
        np.testing.assert_allclose(prepared(STARTS, level, "x0"), expected, atol=1e-11)


def test_names_and_aliases():
    assert Prediction("epsilon") == Prediction("noise") == Prediction("eps")
    assert Prediction("v_prediction").name == "v"
    with pytest.raises(ArgumentError, match="prediction: got 'logits'"):
        Prediction("logits")
    assert math.isclose(Prediction("edm", sigma_data=1.0).pair(Flow().level(1.0), Flow())[0], 1.0)


def test_models_of_the_wrong_library_are_refused():
    with pytest.raises(ArgumentTypeError, match="model: got list at step 0"):
        sample(lambda x, t: x.tolist(), STARTS, solver="ddim", prediction="x0")
