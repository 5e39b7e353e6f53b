"""DDIM and DDPM: 2.1, 2.2, and the law of 3.15 at first order."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnla import ArgumentError
from rnla.diffusion import FixedNoise, Gaussian, Grid, Tabulated, VarianceExploding, make_grid
from rnla.diffusion.plan import Row
from rnla.diffusion.solvers.ddim import DDIM

from .fixtures import STARTS, VP, assert_golden, log_snr_grid, run, slope
from .impulse import exact_law, impulse_response


def test_2_1_coefficients_of_the_posterior():
    plan = DDIM(eta=1.0).compile(VP, Grid([0.5, 0.4]))
    row = plan.steps[0].stages[1]
    assert isinstance(row, Row)
    got = [row.terms[0].coefficient, row.terms[1].coefficient, row.noise.coefficient]
    expected = [0.5554552955070074, 0.2860123891354268, 0.7213355061615138]
    np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_2_1_posterior_is_bayes_rule_on_any_path():
    # 0.8 in terms of the two variances.
    for schedule, times in ((VP, [0.7, 0.2]), (VarianceExploding(), [5.0, 0.3])):
        s, t = schedule.levels(times)
        (_, row), *_ = (step.stages for step in DDIM(eta=1.0).compile(schedule, Grid(times)).steps)
        a = s.alpha / t.alpha
        added = s.sigma**2 - a**2 * t.sigma**2
        expected = [
            a * t.sigma**2 / s.sigma**2,
            t.alpha * added / s.sigma**2,
            math.sqrt(added * t.sigma**2 / s.sigma**2),
        ]
        got = [row.terms[0].coefficient, row.terms[1].coefficient, row.noise.coefficient]
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_18_7_ddim_rotates_data_of_unit_variance():
    angles = np.linspace(math.atan2(VP.sigma(1.0), VP.alpha(1.0)), 0.0, 11)
    last = math.atan2(VP.sigma(1e-2), VP.alpha(1e-2))
    angles = np.linspace(angles[0], last, 11)
    grid = Grid(VP.time_of(-np.log(np.tan(angles))))
    got = run("ddim", grid, x=np.array([[1.0]]), model=Gaussian([0.0], [[1.0]]))
    np.testing.assert_allclose(got[0, 0], 0.8905631849115974, rtol=1e-13)
    np.testing.assert_allclose(math.cos(angles[0] - angles[1]) ** 10, got[0, 0], rtol=1e-13)


DDPM = Tabulated.linear()


@pytest.mark.parametrize(
    "kind, end, a, d",
    [
        ("leading", "zero", (0.0560329, -0.3215911), (1.1108240, 0.3202049)),
        ("leading", "sigma_min", (0.0561274, -0.3210755), (1.1110455, 0.3197394)),
        ("trailing", "zero", (0.0448640, -0.3296167), (1.1024762, 0.3319993)),
    ],
)
def test_2_2_golden_discrete_ddim(kind, end, a, d):
    # The reference computes its table in float32.
    grid = make_grid(DDPM, 10, kind, end=end)
    assert_golden(run("ddim", grid, schedule=DDPM), a, d, tolerance=2e-6)


def test_2_2_linspace_of_diffusers_steps_by_a_fixed_stride():
    # Its timesteps are 999, 888, …, 0, but each step goes to the timestep less 100: the state is
    # at another level than the one the network is told. A grid cannot say that; single steps can.
    grid = make_grid(DDPM, 10, "linspace", end="zero")
    x = STARTS
    for index in range(999, -1, -111):
        stop = DDPM.clean if index < 100 else DDPM.time_of_index(index - 100)
        x = run("ddim", Grid([DDPM.time_of_index(index), stop]), schedule=DDPM, x=x)
    assert_golden(x, (0.1532331, -0.2774158), (1.1553852, 0.2453123), tolerance=2e-6)
    ours = run("ddim", grid, schedule=DDPM)
    assert abs(x - ours).max() > 0.1


def test_2_2_golden_discrete_ddim_in_double():
    grid = make_grid(DDPM, 10, "leading", end="zero")
    np.testing.assert_allclose(grid.times[:3], [0.901, 0.801, 0.701], rtol=1e-15)
    assert_golden(
        run("ddim", grid, schedule=DDPM),
        (0.056032557215, -0.32159099882),
        (1.110823389301, 0.320205576076),
    )


def test_18_5_ddim_has_order_1():
    assert abs(slope("ddim") - 1.0) < 0.25


def test_3_15_ddpm_reproduces_the_conditional_mean_and_its_variance_errors():
    schedule = VarianceExploding(0.05, 20.0)
    factor, variance = exact_law(20.0, 0.05)
    np.testing.assert_allclose(factor, 0.0012297435641339357, rtol=1e-13)
    np.testing.assert_allclose(variance, 0.49189435129466397, rtol=1e-13)
    errors = []
    for steps in (16, 32, 64, 128):
        c, v = impulse_response("ddpm", schedule, make_grid(schedule, steps))
        np.testing.assert_allclose(c, factor, rtol=1e-11)
        errors.append(abs(v - variance))
    np.testing.assert_allclose(errors, [1.5e-1, 8.1e-2, 4.3e-2, 2.2e-2], rtol=0.05)


def test_3_15_too_little_noise_is_caught():
    schedule = VarianceExploding(0.05, 20.0)
    _, variance = exact_law(20.0, 0.05)
    c, v = impulse_response(DDIM(eta=0.5), schedule, make_grid(schedule, 128))
    assert abs(v - variance) > 0.1
    assert c > 0.01


def test_2_1_fixed_large_adds_the_forward_variance():
    grid = Grid([0.5, 0.4])
    s, t = grid.levels(VP)
    zero, ones = np.zeros_like(STARTS), np.ones_like(STARTS)
    solver = DDIM(eta=1.0, variance="large")
    shift = run(solver, grid, noise=FixedNoise([ones])) - run(
        solver, grid, noise=FixedNoise([zero])
    )
    forward = s.sigma**2 - (s.alpha / t.alpha) ** 2 * t.sigma**2
    np.testing.assert_allclose(shift, math.sqrt(forward), rtol=1e-12)
    mean = run(DDIM(eta=1.0), grid, noise=FixedNoise([zero]))
    np.testing.assert_array_equal(run(solver, grid, noise=FixedNoise([zero])), mean)


def test_eta_that_needs_more_noise_than_there_is_names_the_step():
    with pytest.raises(ArgumentError, match=r"eta: got 3\.0 .* at step 0"):
        DDIM(eta=3.0).compile(VP, log_snr_grid(8))
