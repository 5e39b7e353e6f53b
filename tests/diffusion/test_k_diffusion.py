"""The samplers of k-diffusion: the golden table of 2.6, orders, noise and ends."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rnla.diffusion import FixedNoise, Flow, Grid, VarianceExploding, get_solver
from rnla.diffusion.execute import run_plan
from rnla.diffusion.solvers.ancestral import Ancestral
from rnla.diffusion.solvers.ddim import DDIM
from rnla.diffusion.solvers.dpm_2 import DPM2
from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep
from rnla.diffusion.solvers.dpmpp_sde import DPMSolverPPSDE
from tests.diffusion.fixtures import (
    STARTS,
    VP,
    assert_golden,
    error,
    gmm_a,
    log_snr_grid,
    run,
    sine_noise,
    slope,
)

VE = VarianceExploding()
GRID = Grid(np.geomspace(20.0, 0.05, 9))

# sampler: (evaluations, A, D)
TABLE = {
    "euler": (8, (0.079449459711, -0.346402258369), (1.170662439435, 0.201264581255)),
    "heun": (16, (0.27611566966, -0.43546163996), (1.347334762468, 0.241705353792)),
    "dpm_2": (16, (0.25922443089, -0.408214362751), (1.313861012628, 0.236803284367)),
    "lms": (8, (0.1438006238, -0.391338093628), (1.240233900324, 0.225146939624)),
    "dpmpp_2m": (8, (0.202457318524, -0.427630256791), (1.313664905874, 0.255608300018)),
    "euler_ancestral": (8, (-0.879932154098, 0.062375535954), (-0.82061438546, 0.069946763763)),
    "dpm_2_ancestral": (16, (-0.911064764396, -0.021958583966), (-0.358633883186, -0.39198167918)),
    "dpmpp_2s_ancestral": (
        16,
        (-0.914473168618, 0.065619934356),
        (-0.730208178082, -0.002998521588),
    ),
    "dpmpp_sde": (16, (-0.641105960624, -0.182757049572), (-0.507020375334, -0.281086164766)),
    "dpmpp_2m_sde": (8, (-1.135665324976, 0.159952753993), (-1.147556475432, 0.195957556667)),
}


def run_ve(solver):
    return run(solver, GRID, schedule=VE, x=20.0 * STARTS, noise=FixedNoise(sine_noise))


@pytest.mark.parametrize("name", TABLE)
def test_2_6_golden(name):
    evaluations, a, d = TABLE[name]
    solver = get_solver(f"sample_{name}")
    if isinstance(solver, DPMSolverMultistep):
        solver = DPMSolverMultistep(
            order=2, eta=solver.eta, solver_type="midpoint", lower_order_final=False
        )
    assert solver.compile(VE, GRID).evaluations == evaluations
    assert_golden(run_ve(solver), a, d)


MULTISTEP = {
    "2m_sde heun": (
        DPMSolverMultistep(order=2, eta=1.0, solver_type="taylor", lower_order_final=False),
        (-1.232753690717, 0.197434684828),
        (-1.269783677974, 0.242605121036),
    ),
    "3m_sde": (
        DPMSolverMultistep(
            order=3,
            eta=1.0,
            solver_type="taylor",
            variant="as_published_code",
            lower_order_final=False,
        ),
        (-1.105593255994, 0.166655542371),
        (-1.236804679983, 0.254864960546),
    ),
    "2m_sde heun, eta 0": (
        DPMSolverMultistep(order=2, eta=0.0, solver_type="taylor", lower_order_final=False),
        (0.223730016786, -0.437120594369),
        (1.334651883346, 0.263475353836),
    ),
}


@pytest.mark.parametrize("name", MULTISTEP)
def test_2_6_golden_multistep(name):
    solver, a, d = MULTISTEP[name]
    assert_golden(run_ve(solver), a, d)


def test_18_5_orders():
    assert abs(slope(DPM2()) - 2) < 0.25
    for base in ("dpm_2", "dpmpp_2s"):
        assert abs(slope(Ancestral(base, eta=0.0)) - 2) < 0.25
    assert abs(slope(DPMSolverPPSDE(eta=0.0)) - 2) < 0.25


def test_18_6_without_noise_ancestral_is_its_base():
    grid = log_snr_grid(8)
    np.testing.assert_allclose(
        run(Ancestral("dpm_2", eta=0.0), grid), run(DPM2(), grid), atol=1e-14
    )
    two_s = run("dpmpp_2s", grid)
    np.testing.assert_allclose(run(Ancestral(eta=0.0), grid), two_s, rtol=0, atol=1e-13)


def test_2_6_euler_ancestral_is_ddim():
    """The down step and the noise of k-diffusion, written out in its own coordinates."""
    rho = GRID.times
    x = 20.0 * STARTS
    model = gmm_a()
    for n in range(8):
        up = min(rho[n + 1], np.sqrt(rho[n + 1] ** 2 * (rho[n] ** 2 - rho[n + 1] ** 2)) / rho[n])
        down = np.sqrt(rho[n + 1] ** 2 - up**2)
        denoised = model(x, VE.level(rho[n])) if model.takes_level else model(x, rho[n])
        x = x + (x - denoised) / rho[n] * (down - rho[n]) + up * sine_noise(n)
    np.testing.assert_allclose(run_ve("euler_ancestral"), x, rtol=0, atol=1e-13)


SOLVERS = (DPM2(), Ancestral("dpm_2"), Ancestral(), DPMSolverPPSDE(), DDIM(eta=1.0))


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_18_3_paths_with_the_same_levels_agree(solver):
    """The state divided by alpha at the end does not depend on the path."""
    lambdas = np.linspace(-2.0, 2.5, 9)
    ends = []
    for schedule in (VP, VE, Flow()):
        grid = Grid(schedule.time_of(lambdas))
        first, last = (schedule.level(t) for t in (grid.times[0], grid.times[-1]))
        y = run(
            solver,
            grid,
            schedule=schedule,
            x=STARTS * first.alpha,
            noise=FixedNoise(sine_noise),
        )
        ends.append(y / last.alpha)
    np.testing.assert_allclose(ends[1], ends[0], rtol=0, atol=2e-14)
    np.testing.assert_allclose(ends[2], ends[0], rtol=0, atol=2e-14)


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_0_7_a_last_step_to_sigma_zero_is_the_denoised_state(solver):
    grid = Grid([*GRID.times, 0.0])
    plan = solver.compile(VE, grid)
    last = plan.steps[-1].stages
    assert len(last) == 2
    assert last[1].noise is None
    assert plan.evaluations == solver.evaluations(8) + 1


def _impulse_response(solver, grid, variance):
    """Mean factor and variance of the end for scalar data N(0, variance): 3.15."""
    plan = solver.compile(VE, grid)

    def model(x, level, form):
        denoised = x * variance / (variance + level.rho**2)
        return denoised if form == "x0" else (x - denoised) / level.rho

    draws = sum(stage.noise is not None for stage in plan.stages if hasattr(stage, "noise"))
    # Sample 0 starts at 1 without noise; sample n + 1 starts at 0 and sees draw n alone.
    x = np.eye(draws + 1, 1)
    noise = FixedNoise(lambda n: np.eye(draws + 1, 1, -n - 1))
    end = [*run_plan(plan, x, model, noise)][-1].x[:, 0]
    return end[0], end[1:] @ end[1:]


V0, VT = 0.49 + 0.05**2, 0.49 + 400.0
MEAN = 0.0012297435641339357


def test_3_15_the_conditional_mean_of_2s_ancestral_has_order_1():
    """DDIM with eta = 1 has it exactly; the two-stage method only to first order."""
    counts = (32, 64, 128)
    grids = [Grid(np.geomspace(20.0, 0.05, n + 1)) for n in counts]
    exact = [abs(_impulse_response(DDIM(eta=1.0), grid, 0.49)[0] / MEAN - 1) for grid in grids]
    assert max(exact) < 1e-12
    errors = [abs(_impulse_response(Ancestral(), grid, 0.49)[0] / MEAN - 1) for grid in grids]
    assert abs(-np.polyfit(np.log(counts), np.log(errors), 1)[0] - 1) < 0.25


@pytest.mark.parametrize("solver", [Ancestral("dpm_2"), Ancestral(), DPMSolverPPSDE()], ids=str)
def test_3_15_the_marginal_variance_converges(solver):
    def marginal_error(n, solver):
        grid = Grid(np.geomspace(20.0, 0.05, n + 1))
        mean, variance = _impulse_response(solver, grid, 0.49)
        return abs(mean**2 * VT + variance - V0)

    assert marginal_error(128, solver) < 0.35 * marginal_error(32, solver)
    assert marginal_error(128, solver) < 0.03
    # With nine tenths of the noise it does not converge.
    wrong = dataclasses.replace(solver, noise_scale=0.9)
    assert marginal_error(128, wrong) > 0.08


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Ancestral("euler"), "base"),
        (lambda: Ancestral(eta=-1.0), "eta"),
        (lambda: DPMSolverPPSDE(r=1.0), "r"),
        (lambda: DPMSolverPPSDE(noise_scale=-1.0), "noise_scale"),
    ],
)
def test_bad_options_are_refused(make, name):
    with pytest.raises(ValueError, match=f"^{name}:"):
        make()


def test_fixture_error_is_the_one_of_the_table():
    """The reference of 2.6 is what a fine run of Heun gives."""
    reference = np.array([[0.223060595497, -0.424598990589], [1.28261935766, 0.23028842355]])
    fine = run("heun", Grid(np.geomspace(20.0, 0.05, 400)), schedule=VE, x=20.0 * STARTS)
    assert error(fine[[0, 3]], reference) < 2e-4
