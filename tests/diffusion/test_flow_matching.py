"""Solvers of flow matching: 2.5."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from rnla import ArgumentError
from rnla.diffusion import Flow, Grid, Prediction, make_grid, sample
from rnla.diffusion.solvers.flow_matching import FlowMatching

from .fixtures import STARTS, assert_golden, error, gmm_a, run

FLOW = Flow()
REFERENCE = np.array([[0.184838590641, -0.456243851522], [1.270526726051, 0.236073144049]])


def end(solver, grid):
    return run(solver, grid, schedule=FLOW)


def uniform(steps, last=1e-3):
    return make_grid(FLOW, steps, "time_uniform", last=last)


def shifted(steps):
    """Uniform times from 1 to 1e-3, then shifted by 3."""
    t = uniform(steps).times
    return Grid(3.0 * t / (1.0 + 2.0 * t))


@pytest.mark.parametrize(
    "solver, a, d",
    [
        ("flow_euler", (0.084179357662, -0.410471589119), (1.174850962128, 0.26136675784)),
        ("flow_heun", (0.18052117035, -0.451727584234), (1.277696788455, 0.230964237497)),
        ("flow_midpoint", (0.188034165181, -0.447747531314), (1.271446054638, 0.237311887715)),
    ],
)
def test_2_5_golden_uniform(solver, a, d):
    assert_golden(end(solver, uniform(10)), a, d)


@pytest.mark.parametrize(
    "solver, a, d",
    [
        ("flow_euler", (0.045651652306, -0.3274859075), (1.102426847042, 0.325053750817)),
        ("flow_heun", (0.152767466814, -0.398821073018), (1.288952400172, 0.214723575733)),
    ],
)
def test_2_5_golden_shift_3(solver, a, d):
    assert_golden(end(solver, shifted(10)), a, d)
    # The shift may as well be in the schedule.
    grid = make_grid(Flow(shift=3.0), 10, "time_uniform")
    assert_golden(run(solver, grid, schedule=Flow(shift=3.0)), a, d)


def test_2_5_golden_to_zero():
    assert_golden(
        end("flow_euler", uniform(10, last=0.0)),
        (0.084144385674, -0.411070893853),
        (1.175706912389, 0.261962965316),
    )


def test_2_5_orders():
    for solver, expected in (("flow_euler", 0.99), ("flow_heun", 1.97), ("flow_midpoint", 1.96)):
        counts = [80, 160, 320]
        errors = [error(end(solver, uniform(n))[[0, 3]], REFERENCE) for n in counts]
        slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
        assert abs(slope - expected) < 0.25


def test_18_6_euler_is_ddim_and_edm_euler():
    grid = uniform(10, last=0.0)
    expected = end("flow_euler", grid)
    for solver in ("ddim", "edm_euler"):
        if solver == "edm_euler":
            grid, expected = Grid(grid.times[1:]), end("flow_euler", Grid(grid.times[1:]))
        np.testing.assert_allclose(end(solver, grid), expected, rtol=0.0, atol=5e-16)


def test_2_5_is_the_plain_velocity_method():
    # Heun and midpoint on u = eps - x0 written out, from a model that predicts the velocity.
    mixture = gmm_a()

    def velocity(x, time):
        level = FLOW.level(time)
        return mixture.eps(x, level) - mixture(x, level)

    times = uniform(6).times
    for solver in ("flow_heun", "flow_midpoint"):
        x = STARTS
        for s, t in pairwise(times):
            u = velocity(x, s)
            if solver == "flow_heun":
                x = x + 0.5 * (t - s) * (u + velocity(x + (t - s) * u, t))
            else:
                x = x + (t - s) * velocity(x + 0.5 * (t - s) * u, 0.5 * (s + t))
        for prediction in ("flow", "velocity"):
            got = sample(
                velocity,
                STARTS,
                solver=solver,
                schedule=FLOW,
                grid=uniform(6),
                prediction=Prediction(prediction),
            ).values
            np.testing.assert_allclose(got, x, atol=1e-12)


def test_bad_methods_are_refused():
    with pytest.raises(ArgumentError, match="method: got 'rk4'"):
        FlowMatching("rk4")
