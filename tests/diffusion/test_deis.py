"""DEIS: coefficients, golden end points, orders and equivalences of section 5."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnla.diffusion import Grid, make_grid
from rnla.diffusion.execute import run_step
from rnla.diffusion.solvers.deis import DEIS, deis_coefficients
from rnla.diffusion.solvers.rho_rk import TABLEAUS, RhoRungeKutta
from tests.diffusion.fixtures import (
    STARTS,
    VP,
    assert_golden,
    error,
    log_snr_grid,
    plane_gaussian,
    run,
    slope,
)
from tests.diffusion.polynomials import X_FIRST, polynomial_grid

QUADRATIC = make_grid(VP, 10, "time_quadratic", last=1e-2)
QUADRATURES = ("gauss_legendre", "riemann")


def test_5_5_coefficients():
    table = deis_coefficients(VP, QUADRATIC, DEIS(3))
    printed = {
        0: (4.816226271799931, [-3.816623269089]),
        1: (3.2222618593429693, [-3.008823942969, 0.782962316504]),
        2: (2.3244147019489874, [-2.201741546836, 1.190791116178, -0.329848627252]),
        3: (
            1.7937546516019496,
            [-1.586765975353, 1.285125373154, -0.675070561056, 0.139175465915],
        ),
        9: (
            1.0073176135837143,
            [-0.136791194601, 0.076885700583, -0.029120731177, 0.004511392122],
        ),
    }
    for step, (psi, C) in printed.items():
        assert math.isclose(table[step].state, psi, rel_tol=1e-13)
        np.testing.assert_allclose(table[step].outputs, C, rtol=0, atol=6e-13)


def test_5_5_riemann_sum_of_the_published_program():
    row = deis_coefficients(VP, QUADRATIC, DEIS(3, quadrature="riemann"))[3]
    printed = [-1.586732039866, 1.285005057739, -0.675002519598, 0.139160979110]
    np.testing.assert_allclose(row.outputs, printed, rtol=0, atol=6e-13)


@pytest.mark.parametrize("variable", ["t", "rho", "log_rho"])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_5_1_constant_models_give_the_ddim_step(variable, degree):
    levels = QUADRATIC.levels(VP)
    for n, row in enumerate(deis_coefficients(VP, QUADRATIC, DEIS(degree, variable))):
        expected = levels[n + 1].sigma - row.state * levels[n].sigma
        assert abs(sum(row.outputs) - expected) < 4e-15 * np.abs(row.outputs).sum()


GOLDEN = {
    (0, "t"): ((0.082858183805, -0.382611100774), (1.187963197218, 0.227139728787)),
    (1, "t"): ((0.147728490135, -0.428448173311), (1.245062855443, 0.24200816435)),
    (2, "t"): ((0.172691596906, -0.441735242437), (1.259318140286, 0.240300205975)),
    (3, "t"): ((0.183302793963, -0.44650334008), (1.264746006351, 0.237815376119)),
    (1, "rho"): ((0.126535080068, -0.427324567998), (1.233297040447, 0.235875968951)),
    (2, "rho"): ((0.139713892529, -0.441057987211), (1.243782724497, 0.232261911251)),
    (3, "rho"): ((0.14465740976, -0.445138289012), (1.247613344664, 0.229347343661)),
}


@pytest.mark.parametrize(("degree", "variable"), GOLDEN)
def test_5_6_golden(degree, variable):
    assert_golden(run(DEIS(degree, variable), QUADRATIC), *GOLDEN[degree, variable])


def test_5_6_golden_of_the_published_program():
    end = run(DEIS(3, quadrature="riemann"), QUADRATIC)
    assert_golden(end, (0.182845409308, -0.446534912004), (1.264550716395, 0.237855800771))


def _errors(solver, counts):
    return [error(run(solver, make_grid(VP, n, "time_quadratic", last=1e-2))) for n in counts]


@pytest.mark.parametrize("variable", ["t", "rho"])
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_18_5_orders_multistep(degree, variable):
    counts = (80, 160, 320)
    errors = _errors(DEIS(degree, variable), counts)
    order = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(order - (degree + 1)) < (0.5 if degree == 3 and variable == "t" else 0.25)


def test_5_7_errors_of_tab3():
    printed = (3.3e-3, 4.4e-4, 3.2e-5, 1.7e-6, 6.7e-8)
    np.testing.assert_allclose(_errors(DEIS(3), (20, 40, 80, 160, 320)), printed, rtol=0.016)


def test_5_2_error_of_the_riemann_sum_stagnates():
    exact, riemann = (_errors(DEIS(3, quadrature=q), [320])[0] for q in QUADRATURES)
    assert exact < 1e-7
    assert riemann > 1e-5


@pytest.mark.parametrize("method", TABLEAUS)
def test_18_5_orders_runge_kutta(method):
    solver = RhoRungeKutta(method)
    assert abs(slope(solver, counts=(40, 80, 160)) - solver.order) < 0.25


@pytest.mark.parametrize("method", TABLEAUS)
def test_tableaus_satisfy_the_order_conditions(method):
    tableau = TABLEAUS[method]
    s = len(tableau.weights)
    A = np.zeros((s, s))
    for i, row in enumerate(tableau.stages, start=1):
        A[i, : len(row)] = row
    b, c = np.array(tableau.weights), A.sum(axis=1)
    conditions = [
        (1, b.sum(), 1),
        (2, b @ c, 1 / 2),
        (3, b @ c**2, 1 / 3),
        (3, b @ A @ c, 1 / 6),
        (4, b @ c**3, 1 / 4),
        (4, (b * c) @ A @ c, 1 / 8),
        (4, b @ A @ c**2, 1 / 12),
        (4, b @ A @ A @ c, 1 / 24),
    ]
    for order, got, expected in conditions:
        if order <= tableau.order:
            assert abs(got - expected) < 1e-15
    higher = [abs(got - e) for order, got, e in conditions if order == tableau.order + 1]
    assert tableau.order == 4 or max(higher) > 1e-3


VARIABLES = {
    "t": lambda lam: VP.time_of(lam),
    "rho": lambda lam: np.exp(-lam),
    "log_rho": lambda lam: lam,
}


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_18_1_polynomials_deis(variable, degree):
    """From exact starts, models that are polynomials of the degree are integrated exactly."""
    levels = polynomial_grid().levels(VP)
    plan = DEIS(degree, variable).compile(VP, polynomial_grid())
    first = levels[0].half_log_snr
    nodes, weights = np.polynomial.legendre.leggauss(120)

    def exact(level, power):
        h = level.half_log_snr - first
        lam = first + 0.5 * (nodes + 1) * h
        integral = (VARIABLES[variable](lam) ** power * np.exp(-lam)) @ weights * 0.5 * h
        return level.alpha * (X_FIRST / levels[0].alpha - integral)

    def error_of(power):
        def model(x, level, form):
            return np.full_like(x, VARIABLES[variable](level.half_log_snr) ** power)

        registers = {"x": np.full((1, 1), X_FIRST)}
        for n, step in enumerate(plan.steps):
            registers = run_step(step, registers, model)
            if n < degree:
                registers["x"] = np.full((1, 1), exact(levels[n + 1], power))
        return abs(float(registers["x"][0, 0]) - exact(levels[-1], power))

    for power in range(degree + 1):
        assert error_of(power) < 3e-13 * max(1.0, abs(VARIABLES[variable](first)) ** power)
    assert error_of(degree + 1) > 1e-6


def test_18_6_log_rho_is_the_taylor_form_of_dpm_solver():
    from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep

    grid = log_snr_grid(12)
    for order in (2, 3):
        taylor = DPMSolverMultistep(
            order=order, form="eps", solver_type="taylor", lower_order_final=False
        )
        ours = run(DEIS(order - 1, "log_rho"), grid)
        np.testing.assert_allclose(ours, run(taylor, grid), rtol=0, atol=1e-14)


def test_18_6_quadrature_in_log_rho_agrees_with_the_closed_form():
    """The integrals of Lagrange polynomials in log rho, by the quadrature used for time."""
    from rnla.diffusion.interpolation import lagrange
    from rnla.diffusion.solvers import deis

    levels = QUADRATIC.levels(VP)
    nodes, weights = deis._gauss_legendre()
    h = levels[5].half_log_snr - levels[4].half_log_snr
    lam = 0.5 * (nodes + 1) * h + levels[4].half_log_snr
    known = np.array([levels[4 - j].half_log_snr for j in range(3)])
    integrals = levels[5].alpha * lagrange(known, lam) @ (-0.5 * h * weights * np.exp(-lam))
    closed = deis_coefficients(VP, QUADRATIC, DEIS(2, "log_rho"))[4].outputs
    np.testing.assert_allclose(integrals, closed, rtol=0, atol=1e-14)


def test_0_7_the_last_step_may_end_at_sigma_zero():
    grid = make_grid(VP, 10, "time_quadratic", end="zero")
    for variable in ("t", "rho", "log_rho"):
        end = run(DEIS(2, variable), grid)
        assert np.isfinite(end).all()
        assert np.abs(end - run("ddim", grid)).max() < 0.3


def test_18_8_a_batch_of_one_gives_the_same():
    end = run(DEIS(), QUADRATIC, model=plane_gaussian(), x=STARTS[:1])
    np.testing.assert_array_equal(end, run(DEIS(), QUADRATIC, model=plane_gaussian())[:1])


@pytest.mark.parametrize(
    "options",
    [
        {"degree": -1},
        {"degree": 1.5},
        {"variable": "lambda"},
        {"quadrature": "simpson"},
        {"variable": "rho", "quadrature": "riemann"},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises((ValueError, TypeError), match=next(iter(options))[:3]):
        DEIS(**options)
    with pytest.raises(ValueError, match="method"):
        RhoRungeKutta("simpson")


def test_a_step_is_a_step_whatever_the_grid_before():
    """Weights in rho depend on the levels used only."""
    long = Grid([1.0, 0.8, 0.5, 0.3, 0.1])
    short = Grid([0.8, 0.5, 0.3, 0.1])
    of_long = deis_coefficients(VP, long, DEIS(2, "rho"))[3]
    of_short = deis_coefficients(VP, short, DEIS(2, "rho"))[2]
    assert of_long == of_short
