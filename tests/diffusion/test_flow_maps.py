"""Changes of path, losses and flow maps: SPEC 16.2 to 16.4."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla import ArgumentError
from rnla.diffusion import Gaussian, Grid, Level, Prediction, VPLinear, make_grid, sample
from rnla.diffusion.flow_maps import FlowMap, mean_flow_target, mean_velocity, sample_flow_map
from rnla.diffusion.loss_weights import bound_weight, loss_factor
from rnla.diffusion.path_change import change_path
from rnla.diffusion.schedules import Flow, Schedule, Trig, VarianceExploding
from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep

from . import fixtures

SCHEDULES = [VPLinear(), Flow(), Trig(), VarianceExploding()]
SCALAR = Gaussian([0.4], [[0.25]])


def _grid(schedule: Schedule, lambdas: np.ndarray) -> Grid:
    return Grid(schedule.time_of(lambdas))


def test_16_2_solvers_agree_on_all_paths_with_a_model_of_one() -> None:
    lambdas = np.linspace(-3.0, 3.0, 12)
    model = fixtures.gmm_a()
    home = VPLinear()

    def network(x: np.ndarray, time: float) -> np.ndarray:
        return np.asarray(model.eps(x, home.level(time)))

    ends = []
    for schedule in SCHEDULES:
        grid = _grid(schedule, lambdas)
        first = home.level_of(-3.0)
        x, level = change_path(fixtures.STARTS, first, schedule)
        assert abs(level.half_log_snr + 3.0) < 1e-12
        end = sample(
            network,
            x,
            solver=DPMSolverMultistep(),
            schedule=schedule,
            grid=grid,
            prediction="eps",
            trained_on=home,
        )
        ends.append(change_path(np.asarray(end), end.level, home)[0])
    for end in ends[1:]:
        assert np.abs(end - ends[0]).max() < 2e-14


@settings(max_examples=30, deadline=None)
@given(
    schedule=st.sampled_from(SCHEDULES[:3]),
    time=st.floats(0.05, 0.95),
    source=st.sampled_from(["x0", "eps", "score", "v", "velocity", "flow", "edm"]),
    to=st.sampled_from(["x0", "eps", "score", "v", "velocity", "flow", "edm"]),
)
def test_16_3_losses_follow_from_each_other(
    schedule: Schedule, time: float, source: str, to: str
) -> None:
    """Errors of one network, said in two predictions, measured and predicted."""
    level = schedule.level(time)
    rng = np.random.default_rng(0)
    x0, eps, guess = rng.standard_normal((3, 5))
    x = level.alpha * x0 + level.sigma * eps
    guess_eps = (x - level.alpha * guess) / level.sigma
    errors = {}
    for kind in (source, to):
        a, b = Prediction(kind).pair(level, schedule)
        errors[kind] = float(((a * (guess - x0) + b * (guess_eps - eps)) ** 2).sum())
    factor = loss_factor(level, schedule=schedule, source=source, to=to)
    assert abs(errors[source] * factor / errors[to] - 1.0) < 1e-9


def test_16_3_named_weights() -> None:
    level = VPLinear().level(0.3)
    snr = (level.alpha / level.sigma) ** 2
    for source, to, expected in (("x0", "eps", snr), ("eps", "score", level.sigma**-2)):
        factor = loss_factor(level, schedule=VPLinear(), source=source, to=to)
        assert abs(factor / expected - 1) < 1e-13
    # The weight of the bound is the divergence of two posteriors with one variance.
    for s, t in ((0.9, 0.7), (0.3, 0.29)):
        start, stop = VPLinear().levels([s, t])
        forward = start.sigma**2 - (start.alpha / stop.alpha) ** 2 * stop.sigma**2
        shift = stop.alpha * forward / start.sigma**2
        variance = forward * stop.sigma**2 / start.sigma**2
        assert abs(bound_weight(start, stop) / (0.5 * shift**2 / variance) - 1) < 1e-11
        near = VPLinear().level_of(start.half_log_snr + 1e-6)
        rate = bound_weight(start, near) / 1e-6
        assert abs(rate / math.exp(2 * start.half_log_snr) - 1) < 1e-5


def test_16_4_golden_jump_and_mean_velocity() -> None:
    start, stop = Flow().levels([1.0, 0.25])
    x = np.array([[1.2]])
    assert abs(SCALAR.flow(x, start, stop)[0, 0] - 0.8408326913195983) < 1e-14
    assert abs(mean_velocity(SCALAR.flow, x, start, stop)[0, 0] - 0.47888974490720226) < 1e-14


@settings(max_examples=30, deadline=None)
@given(
    schedule=st.sampled_from(SCHEDULES[:3]),
    times=st.lists(st.floats(0.02, 0.98), min_size=3, max_size=3, unique=True),
)
def test_16_4_jumps_compose(schedule: Schedule, times: list[float]) -> None:
    model = fixtures.plane_gaussian()
    s, u, t = schedule.levels(sorted(times, reverse=True))
    x = fixtures.STARTS
    whole = model.flow(x, s, t)
    assert np.abs(model.flow(model.flow(x, s, u), u, t) - whole).max() < 1e-13
    assert np.abs(model.flow(x, s, s) - x).max() < 1e-15


@pytest.mark.parametrize("form", ["map", "consistency_trajectory", "mean_velocity"])
@pytest.mark.parametrize("schedule", SCHEDULES[:3], ids=lambda s: type(s).__name__)
def test_16_4_every_form_is_the_same_map(form: str, schedule: Schedule) -> None:
    model = fixtures.plane_gaussian()

    def network(x: np.ndarray, s: float, t: float) -> np.ndarray:
        start, stop = schedule.levels([s, t])
        end = model.flow(x, start, stop)
        if form == "map":
            return np.asarray(end)
        if form == "mean_velocity":
            return np.asarray((x - end) / (s - t))
        # y' = (ρ'/ρ) y + (1 - ρ'/ρ) g in y = x/α.
        ratio = stop.rho / start.rho
        return np.asarray((end / stop.alpha - ratio * x / start.alpha) / (1 - ratio))

    jump = FlowMap(network, schedule, form=form)  # type: ignore[arg-type]
    start, stop = schedule.levels([0.8, 0.2])
    exact = model.flow(fixtures.STARTS, start, stop)
    assert np.abs(jump(fixtures.STARTS, start, stop) - exact).max() < 1e-12
    g = jump.consistency_trajectory(fixtures.STARTS, start, stop)
    near = jump.consistency_trajectory(fixtures.STARTS, start, schedule.level(0.8 - 1e-7))
    # g tends to the mean of x0 as the jump becomes short.
    assert np.abs(near - model(fixtures.STARTS, start)).max() < 1e-4
    assert np.abs(g - model(fixtures.STARTS, start)).max() > 1e-3


def test_16_4_mean_flow_identity() -> None:
    """ū = u - (s - t) dū/ds along the flow, and a wrong ū is not its own target."""
    schedule = Flow()
    model = fixtures.plane_gaussian()

    def average(x: np.ndarray, s: float, t: float) -> np.ndarray:
        start, stop = schedule.levels([s, t])
        return np.asarray(mean_velocity(model.flow, x, start, stop))

    x, s, t = fixtures.STARTS, 0.8, 0.3
    level = schedule.level(s)
    u = model.eps(x, level) - model(x, level)
    target = mean_flow_target(average, u, x, start=s, stop=t)
    assert np.abs(target - average(x, s, t)).max() < 1e-8
    given = mean_flow_target(
        average,
        u,
        x,
        start=s,
        stop=t,
        derivative=lambda v, one: (
            (average(x + 1e-5 * v, s + 1e-5 * one, t) - average(x, s, t)) / 1e-5
        ),
    )
    assert np.abs(given - target).max() < 1e-4
    wrong = mean_flow_target(lambda x, s, t: 1.1 * average(x, s, t), u, x, start=s, stop=t)
    assert np.abs(wrong - 1.1 * average(x, s, t)).max() > 1e-2


@settings(max_examples=20, deadline=None)
@given(gamma=st.floats(0.0, 1.0), schedule=st.sampled_from(SCHEDULES[:3]))
def test_16_4_exact_maps_have_the_law_of_the_path_for_every_gamma(
    gamma: float, schedule: Schedule
) -> None:
    """Scalar Gaussian data: mean and variance by unit impulses, no sampling."""
    times = [0.9, 0.6, 0.3, 0.1]
    grid = Grid(np.array(times))
    levels = grid.levels(schedule)
    first = levels[0]
    mean, variance = 0.4 * first.alpha, 0.25 * first.alpha**2 + first.sigma**2
    # Rows: origin, unit state, and one unit of noise in each draw.
    rows = np.array([[0.0], [1.0]] + [[0.0]] * 2)

    def noise(draw: int, like: np.ndarray, interval: tuple[Level, Level]) -> np.ndarray:
        return np.array([[float(row == 2 + draw)] for row in range(4)])

    end = sample_flow_map(SCALAR.flow, rows, schedule=schedule, grid=grid, gamma=gamma, noise=noise)
    origin, unit, *kicks = np.asarray(end)[:, 0]
    slope = unit - origin
    stop = levels[-1]
    assert abs(slope * mean + origin - 0.4 * stop.alpha) < 1e-12
    found = slope**2 * variance + sum((kick - origin) ** 2 for kick in kicks)
    assert abs(found - (0.25 * stop.alpha**2 + stop.sigma**2)) < 1e-12


def test_16_4_multistep_consistency_is_gamma_one() -> None:
    schedule = VPLinear()
    grid = make_grid(schedule, 4, end="zero")
    levels = grid.levels(schedule)
    model = fixtures.plane_gaussian()
    clean = schedule.level(0.0)
    draws = np.random.default_rng(0).standard_normal((4, *fixtures.STARTS.shape))
    x = fixtures.STARTS
    for n, (start, stop) in enumerate(pairwise(levels)):
        x = model.flow(x, start, clean)
        if not stop.is_clean:
            x = stop.alpha * x + stop.sigma * draws[n]
    found = sample_flow_map(
        model.flow,
        fixtures.STARTS,
        schedule=schedule,
        grid=grid,
        gamma=1.0,
        noise=lambda draw, like, interval: draws[draw],
    )
    assert np.abs(np.asarray(found) - x).max() < 1e-13
    assert found.evaluations == 4
    assert found.level.is_clean
    seeded = [
        sample_flow_map(
            model.flow, fixtures.STARTS, schedule=schedule, grid=grid, gamma=0.5, rng=seed
        )
        for seed in (3, 3, 4)
    ]
    assert seeded[0].seed == 3
    assert np.array_equal(seeded[0], seeded[1])
    assert not np.array_equal(seeded[0], seeded[2])


def test_bad_input() -> None:
    with pytest.raises(ArgumentError, match="gamma: got 2"):
        sample_flow_map(
            SCALAR.flow, np.ones((1, 1)), schedule=Flow(), grid=make_grid(VPLinear(), 2), gamma=2.0
        )
    with pytest.raises(ArgumentError, match="flow_map: got nan or inf at step 0, time 1"):
        sample_flow_map(
            lambda x, s, t: np.nan * x,
            np.ones((1, 1)),
            schedule=VPLinear(),
            grid=make_grid(VPLinear(), 2),
        )
    with pytest.raises(ArgumentError, match="form: got 'g'"):
        FlowMap(lambda x, s, t: x, Flow(), form="g")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="level: got time 0"):
        change_path(np.ones((1, 1)), VPLinear().level(0.0), Flow())
