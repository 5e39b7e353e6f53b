"""Heavy ball, Nesterov and GHVB: golden numbers, orders and stability of section 9."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from rnla.diffusion import Grid, VarianceExploding, prepare
from rnla.diffusion.execute import run_step
from rnla.diffusion.solvers._adams_bashforth import ADAMS_BASHFORTH
from rnla.diffusion.solvers.ddim import DDIM
from rnla.diffusion.solvers.deis import DEIS
from rnla.diffusion.solvers.dpm_2 import DPM2
from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep
from rnla.diffusion.solvers.ghvb import GHVB, ghvb_weights, momentum_number
from rnla.diffusion.solvers.ipndm import IPNDM
from rnla.diffusion.solvers.momentum import Momentum
from rnla.diffusion.stability import stability_region
from tests.diffusion.fixtures import (
    STARTS,
    VP,
    assert_golden,
    error,
    gmm_a,
    log_snr_grid,
    run,
    slope,
)

VE = VarianceExploding()


# --- the toy problem of 9.4 ---------------------------------------------------------------------

MATRIX = np.array([[0.0, 1.0], [-9.0, -10.0]])
# Time runs from rho = 4 down to rho = 1, so the slope in rho has the other sign.
TOY_GRID = Grid(np.linspace(4.0, 1.0, 27))


class Toy:
    prediction = "eps"

    def __call__(self, x, time):
        return -x @ MATRIX.T


TOY = {
    "Euler": (IPNDM(1), (-0.046426849284, 0.046426849284)),
    "AB2": (IPNDM(2), (0.102270186545, -1.373138510524)),
    "HB(.8)+AB2": (Momentum(IPNDM(2), 0.8), (-0.05154231172, 0.051542307397)),
    "HB(.9)+AB2": (Momentum(IPNDM(2), 0.9), (-0.054284616192, 0.053732008909)),
    "GHVB-2 .8": (GHVB(2, 0.8), (-0.056674509915, 0.055741580596)),
    "GHVB-2 .9": (GHVB(2, 0.9), (-0.051376452214, 0.00896458478)),
}


@pytest.mark.parametrize("name", TOY)
def test_9_4_toy_problem(name):
    solver, printed = TOY[name]
    end = run(solver, TOY_GRID, schedule=VE, model=Toy(), x=np.array([[-1.0, 0.0]]))
    np.testing.assert_allclose(end[0], printed, rtol=0, atol=1e-10)


def test_9_4_what_diverges_lies_outside_its_region():
    z = -9.0 * 3.0 / 26.0  # the stiff mode
    assert not stability_region(2).contains(z)
    assert stability_region(1).contains(z)
    for beta in (0.8, 0.9):
        assert stability_region(2, beta=beta).contains(z)
        assert stability_region(2, momentum="ghvb", beta=beta).contains(z)


# --- golden end points --------------------------------------------------------------------------

GOLDEN = {
    "PLMS4": (IPNDM(4), (0.213267626267, -0.432346996437), (1.293130321216, 0.2365116474)),
    "GHVB1.8": (
        GHVB(*momentum_number(1.8)),
        (0.131266440451, -0.412106556078),
        (1.257196153623, 0.235203974757),
    ),
    "GHVB3.8": (
        GHVB(*momentum_number(3.8)),
        (0.209285252452, -0.436941947044),
        (1.293241852534, 0.234279221567),
    ),
    "HB(.8)+PLMS4": (
        Momentum(),
        (0.154245110758, -0.409928042301),
        (1.245380131156, 0.221870950403),
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_9_4_golden(name):
    solver, a, d = GOLDEN[name]
    assert_golden(run(solver, log_snr_grid(10)), a, d)


def test_9_1_heavy_ball_on_2m_is_momentum_on_the_extrapolated_output():
    """The formula for DPM-Solver++ 2M midpoint, written out."""
    grid, beta = log_snr_grid(8), 0.7
    levels = grid.levels(VP)
    model = prepare(gmm_a(), VP)
    x, v, outputs = STARTS, None, []
    for n, (s, t) in enumerate(pairwise(levels)):
        outputs.append(model(x, s, "x0"))
        h = t.half_log_snr - s.half_log_snr
        u = outputs[-1]
        if n:
            r = (s.half_log_snr - levels[n - 1].half_log_snr) / h
            u = u + 0.5 * (outputs[-1] - outputs[-2]) / r
        v = u if v is None else (1 - beta) * v + beta * u
        x = t.sigma / s.sigma * x - t.alpha * math.expm1(-h) * v
    base = DPMSolverMultistep(order=2, lower_order_final=False)
    np.testing.assert_allclose(run(Momentum(base, beta), grid), x, rtol=0, atol=1e-14)


# --- weights and orders -------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_18_6_without_momentum_ghvb_is_adams_bashforth(order):
    np.testing.assert_allclose(ghvb_weights(order, 1.0), ADAMS_BASHFORTH[order], rtol=1e-14)
    for solver in (
        GHVB(order, 1.0),
        Momentum(IPNDM(order), 1.0),
        Momentum(IPNDM(order), 1.0, True),
    ):
        ours = run(solver, log_snr_grid(9))
        np.testing.assert_allclose(ours, run(IPNDM(order), log_snr_grid(9)), rtol=0, atol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("beta", [1.0, 0.8, 0.3])
def test_9_1_weights_integrate_polynomials_of_the_filter(order, beta):
    """In the steady state of the filter the mixture is the integral over the next step."""
    lag = np.arange(4000)
    filter_ = beta * (1 - beta) ** lag if beta < 1 else (lag == 0).astype(float)
    for k in range(order):
        velocities = [filter_ @ (-(j + lag).astype(float)) ** k for j in range(order)]
        integral = float(np.dot(ghvb_weights(order, beta), velocities))
        assert abs(integral - 1 / (k + 1)) < 1e-10 * max(np.abs(velocities))


def test_9_1_momentum_numbers():
    for number, order in ((1.8, 2), (3.8, 4), (0.5, 1), (2.0, 2), (5, 5)):
        got, beta = momentum_number(number)
        assert got == order
        assert math.isclose(beta, number - order + 1, abs_tol=1e-12)


def _error_after_a_warm_start(solver, steps, *, equal=True):
    """On rho from 2 to .5, after 40 steps for the filter to forget its start: 9.2."""
    places = np.arange(-40, steps + 1) / steps
    rho = 2.0 - 1.5 * places if equal else 2.0 * 0.25**places
    plan = solver.compile(VE, Grid(rho))
    registers = {"x": np.full((1, 1), 0.7)}

    def model(x, level, form):
        return np.full_like(x, math.cos(2.0 * level.rho))

    for n, step in enumerate(plan.steps):
        if n == 40:
            registers["x"] = np.full((1, 1), 0.7)
        registers = run_step(step, registers, model)
    exact = 0.7 + 0.5 * (math.sin(2.0 * 0.5) - math.sin(2.0 * 2.0))
    return abs(float(registers["x"][0, 0]) - exact)


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("beta", [1.0, 0.8])
def test_9_2_order_on_equal_steps(order, beta):
    counts = (40, 80, 160)
    errors = [_error_after_a_warm_start(GHVB(order, beta), n) for n in counts]
    assert abs(-np.polyfit(np.log(counts), np.log(errors), 1)[0] - order) < 0.25


def test_9_2_heavy_ball_and_nesterov_fall_to_order_1():
    counts = (40, 80, 160)
    for nesterov in (False, True):
        solver = Momentum(IPNDM(3), 0.8, nesterov)
        assert solver.global_order == 1
        errors = [_error_after_a_warm_start(solver, n) for n in counts]
        assert abs(-np.polyfit(np.log(counts), np.log(errors), 1)[0] - 1) < 0.25


@pytest.mark.parametrize("history", [2, 3, 4])
def test_9_2_repaired_weights_have_the_order_on_unequal_steps(history):
    counts = (160, 320, 640) if history == 3 else (40, 80, 160)

    def order(solver):
        errors = [_error_after_a_warm_start(solver, n, equal=False) for n in counts]
        return -np.polyfit(np.log(counts), np.log(errors), 1)[0]

    assert abs(order(GHVB(history, 0.8, "actual")) - history) < 0.25
    assert order(GHVB(history, 0.8)) < 2.6  # falling to 2


@pytest.mark.parametrize("history", [2, 3])
def test_9_2_repaired_weights_on_the_mixture(history):
    assert abs(slope(GHVB(history, 0.8, "actual")) - history) < 0.3


@pytest.mark.parametrize("history", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("beta", [1.0, 0.8, 0.3])
def test_18_1_repaired_weights_reproduce_polynomials_in_rho(history, beta):
    rho = np.array([3.0, 2.6, 2.0, 1.7, 1.1, 0.9, 0.6, 0.5])
    plan = GHVB(history, beta, "actual").compile(VE, Grid(rho))

    def exact(level, k):
        return 0.7 + (level ** (k + 1) - rho[0] ** (k + 1)) / (k + 1)

    def error_of(k):
        registers = {"x": np.full((1, 1), 0.7)}
        for n, step in enumerate(plan.steps):
            registers = run_step(
                step, registers, lambda x, level, form: np.full_like(x, level.rho**k)
            )
            if n < history - 1:
                registers["x"] = np.full((1, 1), exact(rho[n + 1], k))
        return abs(float(registers["x"][0, 0]) - exact(rho[-1], k))

    for k in range(history):
        assert error_of(k) < 1e-10 * rho[0] ** k
    assert error_of(history) > 1e-5


def test_repaired_weights_without_momentum_are_deis_in_rho():
    grid = log_snr_grid(10)
    for history in (1, 2, 3):
        ours = run(GHVB(history, 1.0, "actual"), grid)
        np.testing.assert_allclose(ours, run(DEIS(history - 1, "rho"), grid), rtol=0, atol=1e-12)


# --- stability ----------------------------------------------------------------------------------

BETAS = (1.0, 0.9, 0.8, 0.5, 0.2)
ADAMS_BASHFORTH_LIMITS = (2.0, 1.0, 6 / 11, 3 / 10)


def _ghvb_limit(order, beta):
    return {
        1: 2 * (2 - beta) / beta,
        2: 2 - beta,
        3: 6 * (2 - beta) / (12 - beta),
        4: 3 * (2 - beta) / (11 - beta),
    }[order]


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_9_3_real_axis_limits(order, beta):
    """The printed lengths, confirmed by the roots inside and outside."""
    heavy = stability_region(order, beta=beta)
    ghvb = stability_region(order, momentum="ghvb", beta=beta)
    limit = ADAMS_BASHFORTH_LIMITS[order - 1] * (2 - beta) / beta
    assert math.isclose(heavy.real_axis_limit, limit, rel_tol=1e-12)
    assert math.isclose(ghvb.real_axis_limit, _ghvb_limit(order, beta), rel_tol=1e-12)
    for region in (heavy, ghvb):
        inside = -region.real_axis_limit * np.linspace(1e-3, 1 - 1e-6, 60)
        assert region.contains(inside).all()
        assert not region.contains(-region.real_axis_limit * 1.001)


@pytest.mark.parametrize("momentum", ["heavy_ball", "nesterov", "ghvb"])
def test_9_3_the_region_is_that_of_the_compiled_solver(momentum):
    """Growth of the plan itself on y' = zeta y, against the largest root."""
    solver = {
        "heavy_ball": Momentum(IPNDM(3), 0.7),
        "nesterov": Momentum(IPNDM(3), 0.7, True),
        "ghvb": GHVB(3, 0.7),
    }[momentum]
    region = stability_region(3, momentum=momentum, beta=0.7)
    width = 0.01
    grid = Grid(5.0 - width * np.arange(301))
    for z in (-0.2, -0.9, -3.0):

        def model(x, level, form, z=z):
            return -z / width * x

        registers = {"x": np.ones((1, 1))}
        sizes = []
        for step in solver.compile(VE, grid).steps:
            registers = run_step(step, registers, model)
            sizes.append(abs(float(registers["x"][0, 0])))
        growth = (sizes[299] / sizes[199]) ** 0.01
        assert math.isclose(growth, region.amplification(z), rel_tol=0.02)


def test_9_3_points_of_the_boundary_have_a_root_of_modulus_1():
    for region in (stability_region(4), stability_region(3, momentum="ghvb", beta=0.6)):
        z = region.boundary(np.linspace(0.1, 2 * np.pi - 0.1, 50))
        for point in z:
            lower = np.zeros(len(region.numerator), dtype=complex)
            lower[-len(region.denominator) :] = region.denominator
            roots = np.roots(np.asarray(region.numerator) - point * lower)
            assert np.abs(np.abs(roots) - 1).min() < 1e-7


def test_9_3_momentum_widens_and_costs_accuracy():
    grid = log_snr_grid(20)
    assert stability_region(4, beta=0.8).real_axis_limit > stability_region(4).real_axis_limit
    assert error(run(Momentum(IPNDM(4), 0.8), grid)) > error(run(IPNDM(4), grid))


@pytest.mark.parametrize(
    ("solver", "order"), [(Momentum(), 1), (Momentum(DDIM(), 0.5), 1), (GHVB(2), 2)]
)
def test_18_5_orders(solver, order):
    assert abs(slope(solver) - order) < 0.25


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Momentum(beta=0.0), "beta"),
        (lambda: Momentum(beta=1.2), "beta"),
        (lambda: GHVB(6), "order"),
        (lambda: GHVB(2, -1.0), "beta"),
        (lambda: GHVB(2, 0.8, "new"), "weights"),
        (lambda: momentum_number(0), "number"),
        (lambda: stability_region(0), "order"),
        (lambda: stability_region(2, momentum="adam"), "momentum"),
        (lambda: run(Momentum(DPM2()), log_snr_grid(4)), "plan"),
    ],
)
def test_bad_options_are_refused(make, name):
    with pytest.raises(ValueError, match=f"^{name}:"):
        make()
