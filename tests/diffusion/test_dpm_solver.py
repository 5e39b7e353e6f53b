"""DPM-Solver singlestep, the budgeted version and the adaptive one (3.3, 3.4, 3.7, 3.8, 3.13)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnla._errors import ArgumentError
from rnla.diffusion import VPLinear, get_solver, make_grid, prepare, sample
from rnla.diffusion.plan import Evaluation
from rnla.diffusion.solvers.dpm_adaptive import DPMSolverAdaptive
from rnla.diffusion.solvers.dpm_solver import DPMSolver
from rnla.diffusion.solvers.dpm_solver_fast import DPMSolverFast, fast_orders
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
from tests.diffusion.polynomials import polynomial_error


@pytest.mark.parametrize(
    ("options", "steps", "a", "d"),
    [
        ({"form": "x0"}, 4, (0.073695804220, -0.344911083559), (1.188538274648, 0.187607969344)),
        ({}, 4, (0.296996033099, -0.464568920766), (1.786730606316, 0.256688114122)),
        ({"order": 3}, 3, (0.224555268962, -0.365953597611), (1.344915950584, 0.164986232995)),
        (
            {"order": 3, "form": "x0"},
            3,
            (0.109321699510, -0.467723542224),
            (1.279769991649, 0.210293093016),
        ),
    ],
)
def test_3_13_golden_singlestep(options: dict[str, Any], steps: int, a: Any, d: Any) -> None:
    solver = DPMSolver(**options)
    assert solver.compile(VP, log_snr_grid(steps)).evaluations == solver.evaluations(steps)
    assert_golden(run(solver, log_snr_grid(steps)), a, d)


@pytest.mark.parametrize(
    ("budget", "a", "d"),
    [
        (8, (0.177884258820, -0.790136170610), (1.616120181127, 0.148453530073)),
        (9, (0.346722707672, -0.294144947408), (1.417966051067, 0.362014492030)),
        (10, (0.286318892023, -0.281906534657), (1.173283456582, 0.382170727926)),
    ],
)
def test_3_13_golden_fast(budget: int, a: Any, d: Any) -> None:
    assert_golden(run(DPMSolverFast(), log_snr_grid(budget)), a, d)


def test_3_7_budget_is_used_exactly() -> None:
    for budget in range(1, 16):
        for order in (2, 3):
            assert sum(fast_orders(budget, order)) == budget
            for kind in ("log_snr", "time_uniform"):
                for end in ("sigma_min", "zero"):
                    grid = make_grid(VP, budget, kind, end=end)
                    plan = DPMSolverFast(order=order, form="x0").compile(VP, grid)
                    assert plan.evaluations == budget


def test_3_7_other_grids_take_inner_levels_from_the_grid() -> None:
    grid = make_grid(VP, 8, "time_uniform", last=1e-2)
    plan = DPMSolverFast().compile(VP, grid)
    times = [stage.level.time for stage in plan.stages if isinstance(stage, Evaluation)]
    np.testing.assert_allclose(times, grid.times[:-1])


@pytest.mark.parametrize(
    ("options", "evaluations", "worst"),
    [
        ({"order": 2, "atol": 1e-3, "rtol": 1e-3}, 158, 9.9e-4),
        ({"atol": 1e-3, "rtol": 1e-3}, 132, 2.0e-4),
        ({}, 54, 9.2e-4),
    ],
)
def test_3_13_adaptive(options: dict[str, Any], evaluations: int, worst: float) -> None:
    result = sample(
        gmm_a(), STARTS, solver=DPMSolverAdaptive(**options), schedule=VP, grid=log_snr_grid(1)
    )
    assert result.evaluations == evaluations
    assert error(result.values) == pytest.approx(worst, rel=0.03)


def test_3_8_tolerance_and_controllers() -> None:
    """Tighter tolerances cost more and err less, under either rule, and rejections are counted."""
    model = prepare(gmm_a(), VP)
    for controller in ("paper", "pid"):
        found = []
        for tolerance in (1e-2, 1e-4):
            solver = DPMSolverAdaptive(atol=tolerance, rtol=tolerance, controller=controller)  # type: ignore[arg-type]
            before = model.evaluations
            *_, state = solver.states(model, STARTS, VP, log_snr_grid(1))
            assert model.evaluations - before == state.evaluations >= 3 * state.step
            assert state.level.time == pytest.approx(1e-2)
            found.append((state.evaluations, error(state.x)))
        assert found[0][0] < found[1][0]
        assert found[1][1] < min(found[0][1], 1e-3)


def test_3_8_refuses_infinite_ends_and_gives_up() -> None:
    model = prepare(gmm_a(), VP)
    with pytest.raises(ArgumentError, match="grid: got an end with infinite"):
        next(DPMSolverAdaptive().states(model, STARTS, VP, make_grid(VP, 2, end="zero")))
    with pytest.raises(ArgumentError, match="maximum: got 3 trials"):
        list(DPMSolverAdaptive(maximum=3).states(model, STARTS, VP, log_snr_grid(1)))
    with pytest.raises(ArgumentError, match="solver: got an adaptive solver"):
        DPMSolverAdaptive().compile(VP, log_snr_grid(1))


def test_3_8_a_trial_that_overflows_is_halved() -> None:
    """A first step far too long in a model that overflows there is rejected, not followed."""

    def model(x: Any, level: Any, form: str) -> Any:
        far = level.half_log_snr > -4.0 and model.calls < 3  # type: ignore[attr-defined]
        model.calls += 1  # type: ignore[attr-defined]
        return np.full_like(x, np.inf) if far else 0.1 * x

    model.calls = 0  # type: ignore[attr-defined]
    solver = DPMSolverAdaptive(h_init=4.0)
    with np.errstate(invalid="ignore"):
        *_, state = solver.states(model, STARTS, VP, log_snr_grid(1))  # type: ignore[arg-type]
    assert np.isfinite(state.x).all()
    assert state.evaluations > 3 * state.step


@pytest.mark.parametrize("form", ["x0", "eps"])
def test_18_1_polynomials_singlestep(form: str) -> None:
    """The Taylor type of order p is exact up to degree p - 1 and not beyond; one half is not."""
    for order in (1, 2, 3):
        solver = DPMSolver(order=order, form=form, solver_type="taylor")  # type: ignore[arg-type]
        for k in range(order):
            assert abs(polynomial_error(solver, k, start_up=0)) <= 3e-14
        assert abs(polynomial_error(solver, order, start_up=0)) > 1e-3
    half = DPMSolver(form=form)  # type: ignore[arg-type]
    assert abs(polynomial_error(half, 1, start_up=0)) > 1e-3


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("form", ["x0", "eps"])
@pytest.mark.parametrize("solver_type", ["dpmsolver", "taylor"])
def test_18_5_orders(order: int, form: Any, solver_type: Any) -> None:
    solver = DPMSolver(order=order, form=form, solver_type=solver_type)
    assert slope(solver, counts=(40, 80, 160)) == pytest.approx(order, abs=0.25)


def test_3_4_other_nodes() -> None:
    """The second order holds for every r1; the third for every r1 but only for r2 = 2/3."""
    assert slope(DPMSolver(nodes=(0.8,)), counts=(40, 80, 160)) == pytest.approx(2, abs=0.25)
    for r2, expected in ((2 / 3, 3.0), (0.75, 2.0)):
        solver = DPMSolver(order=3, nodes=(0.25, r2), solver_type="taylor", form="x0")
        assert slope(solver, counts=(80, 160, 320)) == pytest.approx(expected, abs=0.25)


def test_clean_end_and_names() -> None:
    schedule = VPLinear()
    grid = make_grid(schedule, 4, end="zero")
    for name in ("dpmpp_2s", "dpmpp_3s", "dpm_solver_2", "dpm_solver_3", "dpm_solver_fast"):
        assert np.isfinite(run(name, grid, schedule=schedule)).all()
    assert get_solver("dpmpp_3s").compile(schedule, grid).evaluations == 10


@pytest.mark.parametrize("options", [{"order": 4}, {"nodes": (0.5, 0.7)}, {"nodes": (1.2,)}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="got"):
        DPMSolver(**options)
