"""The EDM sampler: 2.3, the grid of 1.3 with it, and its orders."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnla import ArgumentError
from rnla.diffusion import FixedNoise, VarianceExploding, get_solver, make_grid, sample
from rnla.diffusion.solvers.edm import EDM

from .fixtures import STARTS, assert_golden, error, gmm_a, log_snr_grid, run, sine_noise, slope

VE = VarianceExploding()
REFERENCE = np.array([[0.193778370017, -0.450834640492], [1.27250621005, 0.236830838541]])
DENOISED = np.array([[0.193773362205, -0.450853237686], [1.272478962108, 0.236857152201]])


def end(solver, steps):
    grid = make_grid(VE, steps, "karras", end="zero")
    return run(solver, grid, schedule=VE, x=80.0 * STARTS)


@pytest.mark.parametrize(
    "solver, steps, a, d",
    [
        ("edm", 18, (0.218732128543, -0.461946098404), (1.312343477707, 0.237501521249)),
        ("edm_euler", 18, (0.082186065893, -0.369982263723), (1.177651266539, 0.226655913269)),
        ("edm_midpoint", 18, (0.188970156347, -0.441218746444), (1.272908489337, 0.239247295427)),
        ("edm", 5, (0.057669516734, -1.136694438888), (3.581683261488, 0.634291470004)),
    ],
)
def test_2_3_golden(solver, steps, a, d):
    assert_golden(end(solver, steps), a, d)


def test_2_3_evaluations_are_2n_minus_1():
    grid = make_grid(VE, 18, "karras", end="zero")
    assert EDM().compile(VE, grid).evaluations == 35
    assert EDM(node=None).compile(VE, grid).evaluations == 18


def test_2_3_reference_is_the_limit_and_denoising_ends_it():
    fine = run("edm", make_grid(VE, 2000, "karras"), schedule=VE, x=80.0 * STARTS)[[0, 3]]
    np.testing.assert_allclose(fine, REFERENCE, atol=5e-6)
    denoised = gmm_a().denoise(REFERENCE, VE.level(0.002))
    np.testing.assert_allclose(denoised, DENOISED, atol=2e-11)


def test_2_3_orders_to_the_last_level():
    # The printed local slopes of Heun: 2.27, 1.79, 1.91, 1.96 for N = 18 … 288.
    counts = [18, 36, 72, 144, 288]
    errors = []
    for n in counts:
        grid = make_grid(VE, n - 1, "karras")
        got = run("edm", grid, schedule=VE, x=80.0 * STARTS)[[0, 3]]
        errors.append(error(got, REFERENCE))
    slopes = np.log2(np.divide(errors[:-1], errors[1:]))
    np.testing.assert_allclose(slopes, [2.27, 1.79, 1.91, 1.96], atol=0.1)


@pytest.mark.parametrize("solver, order", [("edm", 2), ("edm_euler", 1), ("edm_midpoint", 2)])
def test_18_5_orders(solver, order):
    assert abs(slope(solver) - order) < 0.25


def test_18_6_euler_in_rho_is_ddim():
    grid = log_snr_grid(8)
    np.testing.assert_allclose(run("edm_euler", grid), run("ddim", grid), atol=1e-14)


def test_2_3_churn_is_the_published_algorithm():
    # Written out plainly, one step after the other.
    steps = 6
    grid = make_grid(VE, steps, "karras", end="zero")
    solver = EDM(churn=4.0, churn_min=0.05, churn_max=30.0, noise_scale=1.003)
    rho = grid.times
    x, model = 80.0 * STARTS, gmm_a()
    draws = 0
    for i in range(steps):
        gamma = min(4.0 / steps, math.sqrt(2.0) - 1.0) if 0.05 <= rho[i] <= 30.0 else 0.0
        hat = rho[i] * (1.0 + gamma)
        x_hat = x
        if gamma > 0.0:
            x_hat = x + math.sqrt(hat**2 - rho[i] ** 2) * 1.003 * sine_noise(i)
            draws += 1
        d = (x_hat - model(x_hat, VE.level(hat))) / hat
        x = x_hat + (rho[i + 1] - hat) * d
        if rho[i + 1] != 0.0:
            late = (x - model(x, VE.level(rho[i + 1]))) / rho[i + 1]
            x = x_hat + (rho[i + 1] - hat) * 0.5 * (d + late)
    assert 0 < draws < steps
    got = sample(
        model, 80.0 * STARTS, solver=solver, schedule=VE, grid=grid, noise=FixedNoise(sine_noise)
    )
    np.testing.assert_allclose(got.values, x, rtol=1e-11, atol=1e-12)


def test_bad_options_are_refused():
    with pytest.raises(ArgumentError, match=r"node: got 1\.5"):
        EDM(node=1.5)
    with pytest.raises(ArgumentError, match="churn"):
        EDM(churn=-1.0)
    assert get_solver("edm_stochastic").stochastic
