"""Dynamic compensation (7): golden numbers, the search, the regression of ratios."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnla._errors import ArgumentError
from rnla.diffusion import Gaussian, get_solver, make_grid, prepare
from rnla.diffusion.compensation_search import (
    golden_section,
    reference_states,
    search_compensation,
)
from rnla.diffusion.execute import run_plan
from rnla.diffusion.plan import Plan
from rnla.diffusion.ratio_regression import RatioRegression, fit_ratios
from rnla.diffusion.solver_scores import endpoint_score
from rnla.diffusion.solver_space import SolverSpace
from rnla.diffusion.solvers import Solver
from rnla.diffusion.solvers.dc_solver import DCSolver
from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep
from rnla.diffusion.solvers.unipc import UniPC
from rnla.diffusion.transforms.dynamic_compensation import dynamic_compensation
from tests.diffusion.fixtures import VP, assert_golden, gmm_a, log_snr_grid, run, slope


def test_7_6_golden() -> None:
    values = run(DCSolver(ratios=(1.0, 1.0, *[1.05] * 6)), log_snr_grid(8))
    a, d = (0.28140183957, -0.38796374585), (1.327168007333, 0.309086923039)
    assert_golden(values, a, d)
    grid = make_grid(VP, 6, "time_uniform", last=1e-2)
    values = run(DCSolver(ratios=(1.0, 1.0, *[1.05] * 4)), grid)
    a, d = (0.151114650276, -0.18048185637), (1.120241515457, 0.285121233894)
    assert_golden(values, a, d)


@pytest.mark.parametrize("base", [UniPC(), DPMSolverMultistep(order=3)])
def test_18_6_ratios_of_one_change_nothing(base: Any) -> None:
    plan = base.compile(VP, log_snr_grid(8))
    assert DCSolver(base, (1.0,) * 8).global_order == base.global_order
    assert DCSolver(base, (1.0, 1.0, 1.1)).global_order == 1
    assert DCSolver(base, (1.0,) * 8).compile(VP, log_snr_grid(8)) == plan
    # The first steps have no history to interpolate.
    assert DCSolver(base, (0.7, 1.3)).compile(VP, log_snr_grid(8)) == plan


def test_7_2_compensated_values_stay_in_the_history() -> None:
    plan = DCSolver(ratios=(1.0, 1.0, 1.1)).compile(VP, log_snr_grid(8))
    assert plan.evaluations == 8
    later = [term.register for term in plan.steps[3].stages[0].terms]  # type: ignore[union-attr]
    assert later == ["x", "m3", "c2", "m1"]
    assert Plan.from_json(plan.to_json()) == plan


def test_7_2_predictor_only_solvers() -> None:
    """In a multistep plan the row comes after the step's own evaluation."""
    plan = DCSolver(get_solver("dpmpp_3m"), (1.0, 1.0, 1.1)).compile(VP, log_snr_grid(12))
    assert [stage.target for stage in plan.steps[2].stages] == ["m2", "c2", "x"]
    assert [term.register for term in plan.steps[2].stages[2].terms] == ["x", "c2", "m1", "m0"]  # type: ignore[union-attr]


class _EveryStep(Solver):
    """UniPC-3 with the same ratio at every step, for any number of steps."""

    name = "every_step"
    order = 1
    form = "x0"

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio

    def compile(self, schedule: Any, grid: Any) -> Plan:
        plan = UniPC(lower_order_final=False).compile(schedule, grid)
        return dynamic_compensation(plan, [self.ratio] * grid.steps)


def test_18_5_fixed_ratio_is_first_order() -> None:
    assert slope(_EveryStep(1.05)) == pytest.approx(1, abs=0.25)
    assert slope(_EveryStep(1.0)) == pytest.approx(4, abs=0.25)


GAUSSIAN = Gaussian([0.7, -0.4], [[0.5, 0.2], [0.2, 0.3]])
SAMPLES = np.random.default_rng(3).normal(size=(10, 2))


def _exact_targets(grid: Any) -> list[Any]:
    levels = grid.levels(VP)
    return [GAUSSIAN.flow(SAMPLES, levels[0], level) for level in levels[1:]]


def test_7_7_search_on_a_gaussian_with_exact_targets() -> None:
    """Every loss is at most that at ratio 1, the last one much smaller, and it costs no NFE."""
    grid = make_grid(VP, 6, "time_uniform", last=1e-2)
    found = search_compensation(
        GAUSSIAN, SAMPLES, schedule=VP, grid=grid, targets=_exact_targets(grid)
    )
    assert (found.losses <= found.uncompensated).all()
    assert (found.ratios[:2] == 1.0).all()
    assert found.solver.compile(VP, grid).evaluations == 6
    plain = run(UniPC(), grid, model=GAUSSIAN, x=SAMPLES)
    tuned = run(found.solver, grid, model=GAUSSIAN, x=SAMPLES)
    target = _exact_targets(grid)[-1]
    assert ((tuned - target) ** 2).mean() < 0.5 * ((plain - target) ** 2).mean()
    # Trials at ratio 1 and by golden section, and the step taken; the last is not evaluated.
    assert found.evaluations <= 1 + 6 * 17


def test_7_7_optimum_solves_a_cubic() -> None:
    """With a linear model the loss is a quartic in the ratio: its minimiser is what is found."""
    grid = make_grid(VP, 6, "time_uniform", last=1e-2)
    targets = _exact_targets(grid)
    plan = UniPC().compile(VP, grid)
    prepared = prepare(GAUSSIAN, VP)

    def loss(ratio: float) -> float:
        trial = dynamic_compensation(plan, [1.0, 1.0, ratio])
        states = list(run_plan(trial, SAMPLES, prepared))
        return float(((states[2].x - targets[2]) ** 2).mean())

    places = np.linspace(0.0, 2.0, 5)
    quartic = np.polynomial.Polynomial.fit(places, [loss(r) for r in places], 4)
    for ratio in (0.3, 0.9, 1.7):
        assert quartic(ratio) == pytest.approx(loss(ratio), rel=1e-8)
    roots = quartic.deriv().roots()
    real = roots[abs(roots.imag) < 1e-9].real
    inside = [r for r in real if 0.0 < r < 2.0]
    best = min(inside, key=loss)
    found = search_compensation(
        GAUSSIAN, SAMPLES, schedule=VP, grid=grid, targets=targets, iterations=30
    )
    assert found.ratios[2] == pytest.approx(best, abs=1e-4)


def test_7_3_search_helps_on_samples_it_has_not_seen() -> None:
    grid = make_grid(VP, 6, "time_uniform", last=1e-2)
    found = search_compensation(gmm_a(), SAMPLES, schedule=VP, grid=grid)
    others = np.random.default_rng(4).normal(size=(200, 2))
    target = reference_states(prepare(gmm_a(), VP), others, schedule=VP, grid=grid)[-1]
    errors = [
        ((run(solver, grid, x=others) - target) ** 2).mean() for solver in (found.solver, UniPC())
    ]
    assert errors[0] < 0.7 * errors[1]


def test_7_3_reference_states_and_clean_ends() -> None:
    """The fine run meets the exact flow at every level, σ = 0 included."""
    grid = make_grid(VP, 5, "time_uniform", end="zero")
    states = reference_states(prepare(GAUSSIAN, VP), SAMPLES, schedule=VP, grid=grid, refinement=60)
    assert len(states) == 5
    for state, level in zip(states, grid.levels(VP)[1:], strict=True):
        exact = GAUSSIAN.flow(SAMPLES, grid.levels(VP)[0], level)
        np.testing.assert_allclose(state, exact, atol=2e-2)


def test_7_4_regression_recovers_its_own_curves() -> None:
    """36 numbers from noiseless curves at 3 x 4 settings, used at settings not among them."""
    table = np.random.default_rng(5).normal(size=(4, 3, 3))
    truth = RatioRegression(table)
    curves = {
        (g, n): truth.predict(g, n).tolist() for g in (3.0, 7.5, 11.0) for n in (6, 8, 10, 15)
    }
    fitted = fit_ratios(curves)
    np.testing.assert_allclose(fitted.coefficients, table, atol=1e-6)
    np.testing.assert_allclose(fitted.predict(5.0, 12), truth.predict(5.0, 12), atol=1e-7)
    assert (fitted.predict(5.0, 12)[:2] == 1.0).all()
    heavy = fit_ratios(curves, ridge=1e3)
    assert np.abs(heavy.coefficients).max() < 0.1 * np.abs(table).max()


def test_golden_section() -> None:
    calls = []

    def function(u: float) -> float:
        calls.append(u)
        return (u - 0.7) ** 2

    point, value = golden_section(function, (0.0, 2.0), iterations=20)
    assert len(calls) == 20
    assert point == pytest.approx(0.7, abs=1e-3)
    assert value == function(point)
    assert golden_section(function, (0.0, 2.0), iterations=1)[0] == calls[-1]


def test_bad_input() -> None:
    plan = UniPC().compile(VP, log_snr_grid(4))
    with pytest.raises(ArgumentError, match="ratios: got 5 for 4 steps"):
        dynamic_compensation(plan, [1.0] * 5)
    with pytest.raises(ArgumentError, match="points: got 1"):
        dynamic_compensation(plan, [], points=1)
    with pytest.raises(ArgumentError, match="solver: got one that adds noise"):
        search_compensation(
            gmm_a(), SAMPLES, schedule=VP, grid=log_snr_grid(4), solver=get_solver("dpmpp_2m_sde")
        )
    with pytest.raises(ArgumentError, match="targets: got 1 states for 4"):
        search_compensation(gmm_a(), SAMPLES, schedule=VP, grid=log_snr_grid(4), targets=[SAMPLES])
    with pytest.raises(ArgumentError, match="bracket: got"):
        golden_section(abs, (1.0, 1.0), iterations=3)
    with pytest.raises(ArgumentError, match="coefficients: got shape"):
        RatioRegression(np.zeros((3, 3, 3)))
    with pytest.raises(ArgumentError, match="curves: got 4 ratios"):
        fit_ratios({(1.0, 5): [1.0] * 4})
    with pytest.raises(ArgumentError, match="curves: got no curve"):
        fit_ratios({(1.0, 2): [1.0, 1.0]})


@pytest.mark.torch
def test_17_5_searches_take_tensors() -> None:
    """Ratios and scores of a tensor are those of the array."""
    torch = pytest.importorskip("torch", reason="PyTorch is an optional extra")
    grid = make_grid(VP, 5, "time_uniform", last=1e-2)
    tensors = torch.tensor(SAMPLES)
    found = [search_compensation(gmm_a(), x, schedule=VP, grid=grid) for x in (SAMPLES, tensors)]
    np.testing.assert_allclose(found[1].ratios, found[0].ratios, atol=1e-6)
    target = run(UniPC(), log_snr_grid(50), x=SAMPLES)
    scores = [
        endpoint_score(gmm_a(), x, y, schedule=VP)(SolverSpace(VP, 5, last=1e-2).presets()[0])
        for x, y in ((SAMPLES, target), (tensors, torch.tensor(target)))
    ]
    assert scores[1] == pytest.approx(scores[0], rel=1e-12)
