"""DPM-Solver-v3 and model statistics: exactness, golden errors and orders of section 6."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rnla import ArgumentError, ArgumentTypeError, DamagedFileError
from rnla.diffusion import Gaussian, Grid, Plan, make_grid
from rnla.diffusion.estimate_statistics import estimate_statistics
from rnla.diffusion.model_statistics import ModelStatistics
from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep
from rnla.diffusion.solvers.dpm_solver_v3 import DPMSolverV3
from tests.counts import count
from tests.diffusion.fixtures import (
    DEVIATIONS,
    MEANS,
    STARTS,
    VP,
    WEIGHTS,
    error,
    gmm_a,
    log_snr_grid,
    run,
)
from tests.diffusion.polynomials import polynomial_error

MEAN, DEVIATION = np.array([0.7, -0.4]), np.array([0.5, 1.3])


def levels(points, last=1e-2):
    return np.linspace(*VP.half_log_snr(np.array([1.0, last])), points + 1)


DEGENERATE = ModelStatistics.constant(levels(1200), 1.0)


def diagonal_gaussian():
    return Gaussian(MEAN, np.diag(DEVIATION**2))


def mixture_data(size, seed):
    """Samples of GMM-A."""
    rng = np.random.default_rng(seed)
    pick = rng.choice(3, size, p=WEIGHTS)
    spread = np.array(DEVIATIONS)[pick][:, None]
    return np.array(MEANS)[pick] + spread * rng.standard_normal((size, 2))


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("l", [0.0, 1.0])
def test_6_8_a_degenerate_statistics_give_the_taylor_multistep(order, l):
    """Up to the trapezoidal rule, about 1e-5 at 1200 cells: l = 1 for the data form; l = 0 and
    s = -1 for the noise form, whose f is exp(-lambda) eps."""
    solver = DPMSolverV3(
        ModelStatistics.constant(levels(1200), l, l - 1.0),
        order,
        corrector="none",
        lower_order_final=False,
    )
    taylor = DPMSolverMultistep(
        order=order,
        form="x0" if l else "eps",
        solver_type="taylor",
        lower_order_final=False,
    )
    ours, theirs = run(solver, log_snr_grid(8)), run(taylor, log_snr_grid(8))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5 if l else 1e-4)


@pytest.mark.parametrize("corrector", ["none", "all"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_18_1_polynomials(order, corrector):
    """In the noise form; the corrector is exact for one degree more, all steps but the last."""
    table = ModelStatistics.constant(np.linspace(-2.0, 2.0, 20001), 0.0, -1.0)
    solver = DPMSolverV3(table, order, corrector=corrector, lower_order_final=False)
    for k in range(order):
        assert abs(polynomial_error(solver, k, start_up=order - 1)) < 1e-6
    missed = polynomial_error(solver, order, start_up=order - 1)
    of_last_step = polynomial_error(solver, order, start_up=7)
    assert abs(missed) > 0.01
    assert (abs(missed - of_last_step) < 1e-6) == (corrector == "all")


DEGENERATE_ERRORS = {
    (1, "none", False): (0.822, 0.724, 0.447, 0.290, 0.160, 0.110, 0.068),
    (2, "all", True): (0.263, 0.161, 0.051, 0.024, 0.014, 0.012, 0.006),
}
COUNTS = (5, 6, 8, 10, 15, 20, 30)


@pytest.mark.parametrize(("order", "corrector", "pseudo"), DEGENERATE_ERRORS)
def test_6_8_c_golden_errors_of_the_degenerate_solver(order, corrector, pseudo):
    solver = DPMSolverV3(DEGENERATE, order, corrector=corrector, pseudo_corrector=pseudo)
    errors = [error(run(solver, log_snr_grid(n))) for n in COUNTS]
    expected = DEGENERATE_ERRORS[order, corrector, pseudo]
    np.testing.assert_allclose(errors, expected, rtol=0, atol=6e-4)


def _slope(solver):
    counts = (40, 80, 160)
    errors = [error(run(solver, log_snr_grid(n))) for n in counts]
    return -np.polyfit(np.log(counts), np.log(errors), 1)[0]


SMOOTH = ModelStatistics.gaussian(levels(6000), 0.25)


@pytest.mark.parametrize(
    ("order", "corrector", "pseudo", "expected"),
    [
        (1, "none", False, 1),
        (2, "none", False, 2),
        (3, "none", False, 3),
        (3, "none", True, 2),
        (2, "all", False, 3),
        (3, "all", False, 4),
        (3, "all", True, 3),
    ],
)
def test_18_5_orders(order, corrector, pseudo, expected):
    """With any statistics; the table is fine enough for its trapezoids not to be seen."""
    solver = DPMSolverV3(
        SMOOTH, order, corrector=corrector, pseudo_predictor=pseudo, lower_order_final=False
    )
    assert solver.global_order == expected
    assert abs(_slope(solver) - expected) < 0.35


def test_6_8_a_pseudo_order_caps_the_corrector_at_order_2():
    solver = DPMSolverV3(SMOOTH, 3, lower_order_final=False)
    pseudo = dataclasses.replace(solver, pseudo_corrector=True)
    assert solver.global_order == 4
    assert pseudo.global_order == 2
    assert _slope(solver) > 2.6
    assert _slope(pseudo) < 2.4


@pytest.mark.parametrize(("cells", "printed"), [(300, 3.0e-5), (1200, 1.9e-6), (4800, 1.2e-7)])
@pytest.mark.parametrize("rounded", [False, True])
def test_6_8_b_first_order_is_exact_on_diagonal_gaussians(cells, printed, rounded):
    """Up to the trapezoidal rule, whose error falls with the square of the cell."""
    model = diagonal_gaussian()
    grid = make_grid(VP, 2, last=1e-2)
    statistics = ModelStatistics.gaussian(levels(cells), DEVIATION**2)
    solver = DPMSolverV3(statistics, 1, round_to_grid=rounded)
    end = run(solver, grid, model=model)
    start, *_, stop = grid.levels(VP)
    wrong = np.abs(end - model.flow(STARTS, start, stop)).max()
    assert wrong < 1.5 * printed


def test_6_8_b_statistics_of_another_model_are_not_exact():
    model, grid = diagonal_gaussian(), make_grid(VP, 2, last=1e-2)
    start, *_, stop = grid.levels(VP)
    statistics = ModelStatistics.gaussian(levels(1200), 2.0 * DEVIATION**2)
    end = run(DPMSolverV3(statistics, 1), grid, model=model)
    assert np.abs(end - model.flow(STARTS, start, stop)).max() > 0.01


def test_6_1_estimates_are_exact_on_a_diagonal_gaussian():
    """l by the whole Jacobian; f is the same for all data, so all of f' goes into b."""
    table = estimate_statistics(
        diagonal_gaussian(), STARTS, schedule=VP, points=200, last=1e-2, probes=2, rng=0
    )
    exact = ModelStatistics.gaussian(table.half_log_snr, DEVIATION**2)
    np.testing.assert_allclose(table.l, exact.l, rtol=0, atol=1e-8)
    assert not table.s.any()
    slope = 2.0 * exact.l * (1.0 - exact.l) * MEAN  # f' = -l' mu and l' = -2 l (1 - l)
    np.testing.assert_allclose(table.b[1:-1], slope[1:-1], rtol=0, atol=2e-3)
    # The constant rows carry b: the first-order step is exact with these curves too.
    grid = make_grid(VP, 3, last=1e-2)
    model = diagonal_gaussian()
    start, *_, stop = grid.levels(VP)
    end = run(DPMSolverV3(table, 1), grid, model=model)
    np.testing.assert_allclose(end, model.flow(STARTS, start, stop), rtol=0, atol=6e-4)
    without = dataclasses.replace(table, b=0.0 * table.b)
    wrong = run(DPMSolverV3(without, 1), grid, model=model)
    assert np.abs(wrong - model.flow(STARTS, start, stop)).max() > 0.01


def test_6_1_products_supplied_and_by_differences_agree():
    """The derivative of the noise prediction of a Gaussian is a matrix."""
    variance = np.array([[0.5, 0.2], [0.2, 0.3]])
    model = Gaussian([0.7, -0.4], variance)

    def product(x, v, level):
        return (
            level.sigma * v @ np.linalg.inv(level.alpha**2 * variance + level.sigma**2 * np.eye(2))
        )

    options = {"schedule": VP, "points": 6, "rng": 3, "data": STARTS[:3]}
    given = estimate_statistics(model, product=product, **options)
    differences = estimate_statistics(model, **options)
    np.testing.assert_allclose(given.l, differences.l, rtol=0, atol=1e-8)
    exact = estimate_statistics(model, probes=2, **options)
    assert np.abs(exact.l - differences.l).max() > 1e-3  # one probe sees the other coordinate


def test_6_1_batches_do_not_matter():
    data = mixture_data(40, 0)
    options = {"schedule": VP, "points": 5, "probes": 2, "rng": 0}
    whole = estimate_statistics(gmm_a(), data, **options)
    parts = estimate_statistics(gmm_a(), data, batch=7, **options)
    for name in ("l", "s", "b"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-4)


def test_6_6_limits_of_the_curves():
    table = estimate_statistics(
        gmm_a(),
        mixture_data(1000, 1),
        schedule=VP,
        points=120,
        last=1e-3,
        probes=2,
        rng=0,
        batch=1000,
    )
    assert np.abs(table.l[0] - 1.0).max() < 1e-3
    assert np.abs(table.l[-1]).max() < 0.01
    assert np.abs(table.s[0] - 1.0).max() < 0.1
    assert np.abs(table.s[-1] + 2.0).max() < 0.2


MONTE_CARLO_ERRORS = {
    (1, "none", False): (0.301, 0.208, 0.160, 0.132, 0.093, 0.071, 0.048),
    (2, "all", True): (0.156, 0.064, 0.039, 0.038, 0.019, 0.012, 0.005),
}


@pytest.mark.slow
def test_6_8_c_errors_with_measured_statistics(record_property):
    """Errors on GMM-A with statistics from 4000 data and one probe, seed 0.

    Statistical. The printed errors are of one draw of statistics. The ratios of ours to the
    printed ones, 14 in each draw, stayed between 0.86 and 1.14 for the seeds 0 to 6, and the one
    that varies most has a standard deviation of 0.09. The bounds 0.6 and 1.4 are beyond 4.4 of
    these: false-alarm rate 14 * 1.1e-5 < 2e-4, at either count. Statistics of a wrong model,
    l = 1 and s = b = 0, must fail the bounds of order 1.
    """
    size = count(4000, 4000)
    statistics = estimate_statistics(
        gmm_a(), mixture_data(size, 0), schedule=VP, points=300, last=1e-2, rng=0, batch=size
    )
    ratios = []
    for (order, corrector, pseudo), printed in MONTE_CARLO_ERRORS.items():
        solver = DPMSolverV3(statistics, order, corrector=corrector, pseudo_corrector=pseudo)
        ratios.append([error(run(solver, log_snr_grid(n))) for n in COUNTS] / np.array(printed))
    low, high = np.min(ratios), np.max(ratios)
    record_property("check", "6.8c")
    record_property("measured", high)
    record_property("threshold", 1.4)
    record_property("count", size)
    record_property("false_alarm_rate", 2e-4)
    assert 0.6 < low <= high < 1.4
    printed = np.array(MONTE_CARLO_ERRORS[1, "none", False])
    wrong = DPMSolverV3(DEGENERATE, 1, corrector="none")
    assert max([error(run(wrong, log_snr_grid(n))) for n in COUNTS] / printed) > 1.4


def test_6_3_half_of_the_steps_are_corrected():
    """The paper corrects the steps that end at t <= 1/2, its program the others."""
    grid = Grid([1.0, 0.8, 0.6, 0.4, 0.2, 0.05])

    def corrected(corrector):
        plan = DPMSolverV3(DEGENERATE, 2, corrector=corrector).compile(VP, grid)
        return [any(stage.target.startswith("u") for stage in s.stages) for s in plan.steps]

    assert corrected("all") == [True] * 4 + [False]
    assert corrected("half") == [False, False, True, True, False]
    assert corrected("half_as_published_code") == [True, True, False, False, False]
    assert corrected("none") == [False] * 5


def test_6_4_rounding_moves_the_grid_to_the_table():
    coarse = ModelStatistics.constant(levels(40), 1.0)
    plan = DPMSolverV3(coarse, 1, round_to_grid=True).compile(VP, log_snr_grid(7))
    for step in plan.steps:
        gaps = np.abs(coarse.half_log_snr - step.start.half_log_snr)
        assert gaps.min() < 1e-9
    with pytest.raises(ArgumentError, match=r"^round_to_grid: got two levels"):
        DPMSolverV3(coarse, 1, round_to_grid=True).compile(VP, log_snr_grid(80))


def test_18_3_evaluations_json_and_ends():
    statistics = ModelStatistics.gaussian(levels(60), DEVIATION**2)
    plan = DPMSolverV3(statistics, 3).compile(VP, log_snr_grid(9))
    assert plan.evaluations == 9
    assert Plan.from_json(plan.to_json()) == plan
    grid = Grid([1.0, 0.5, 0.1, 0.0])
    end = run(DPMSolverV3(ModelStatistics.constant(levels(60, 0.05), 1.0)), grid)
    assert np.isfinite(end).all()


def test_statistics_are_saved_and_loaded(tmp_path):
    statistics = estimate_statistics(gmm_a(), STARTS, schedule=VP, points=4, rng=5)
    path = tmp_path / "statistics.npz"
    statistics.save(path)
    again = ModelStatistics.load(path)
    for name in ("half_log_snr", "l", "s", "b"):
        np.testing.assert_array_equal(getattr(again, name), getattr(statistics, name))
    assert (again.samples, again.seed) == (4, 5)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DamagedFileError):
        ModelStatistics.load(path)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: ModelStatistics([1.0, 0.0], [1, 1], [0, 0], [0, 0]), "half_log_snr"),
        (lambda: ModelStatistics([0.0, 1.0], [1, 1], [0, 0, 0], [0, 0]), "s"),
        (lambda: ModelStatistics([0.0, 1.0], [1, np.nan], [0, 0], [0, 0]), "l"),
        (lambda: DPMSolverV3(DEGENERATE, 4), "order"),
        (lambda: DPMSolverV3(DEGENERATE, corrector="some"), "corrector"),
        (lambda: run(DPMSolverV3(DEGENERATE), make_grid(VP, 5, last=1e-3)), "statistics"),
        (lambda: estimate_statistics(gmm_a(), STARTS, points=0), "points"),
        (lambda: estimate_statistics(gmm_a(), STARTS, first=0.1, last=0.5), "first"),
    ],
)
def test_bad_input_is_refused(make, name):
    with pytest.raises(ArgumentError, match=f"^{name}:"):
        make()
    with pytest.raises(ArgumentTypeError, match=r"^statistics: got dict"):
        DPMSolverV3({})
