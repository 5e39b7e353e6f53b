"""UniPC (4): golden numbers, orders, polynomial reproduction, the published corrector."""

from __future__ import annotations

from typing import Any

import pytest

from rnla._errors import ArgumentError
from rnla.diffusion import get_solver
from rnla.diffusion.plan import Plan
from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep
from rnla.diffusion.solvers.exponential import coefficients
from rnla.diffusion.solvers.unipc import UniPC
from tests.diffusion.fixtures import VP, assert_golden, error, log_snr_grid, run, slope
from tests.diffusion.polynomials import NODES, exact, polynomial_error


def _solver(**options: Any) -> UniPC:
    return UniPC(**({"lower_order_final": False} | options))


@pytest.mark.parametrize(
    ("options", "a", "d"),
    [
        (
            {"solver_type": "bh1", "order": 1},
            (0.088509207446, -0.380287874341),
            (1.235239980441, 0.231616067046),
        ),
        (
            {"solver_type": "bh1", "order": 2},
            (0.289172566092, -0.484447256945),
            (1.415475287086, 0.315128216640),
        ),
        (
            {"solver_type": "bh1"},
            (0.242596882589, -0.483528445419),
            (1.231616387397, 0.224901978082),
        ),
        ({"order": 1}, (0.060358544142, -0.359463590559), (1.190496776581, 0.212354240040)),
        ({"order": 2}, (0.181767021993, -0.440031479228), (1.325714649841, 0.272361909322)),
        ({}, (0.242546878942, -0.483550695013), (1.231601009944, 0.224905157465)),
        (
            {"lower_order_final": True},
            (0.249844660363, -0.383488976012),
            (1.313045293081, 0.299467131498),
        ),
        (
            {"solver_type": "bh1", "order": 2, "form": "eps"},
            (0.228118282292, -0.455019716708),
            (1.324762562789, 0.234715016023),
        ),
    ],
)
def test_4_7_golden(options: dict[str, Any], a: Any, d: Any) -> None:
    assert_golden(run(_solver(**options), log_snr_grid(8)), a, d)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("solver_type", ["bh1", "bh2", "vary_coeff"])
def test_18_5_orders(order: int, solver_type: Any) -> None:
    """UniPC-p has order p + 1; the first-order warm-up is felt at p = 3 below 80 steps."""
    solver = _solver(order=order, solver_type=solver_type)
    assert solver.global_order == order + 1
    assert slope(solver) == pytest.approx(order + 1, abs=0.25)


def test_4_4_errors_of_unipc_3() -> None:
    counts = (20, 40, 80, 160, 320)
    errors = [error(run(_solver(solver_type="bh1"), log_snr_grid(n))) for n in counts]
    assert errors == pytest.approx([1.22e-2, 1.48e-3, 7.3e-5, 3.2e-6, 2.5e-7], rel=0.03)


@pytest.mark.parametrize("order", [2, 3])
def test_18_5_published_vary_coeff_is_first_order(order: int) -> None:
    """The indexing slip of the published corrector costs all orders; the predictor is fine."""
    wrong = _solver(order=order, solver_type="vary_coeff", variant="as_published_code")
    assert slope(wrong) == pytest.approx(1, abs=0.25)
    assert wrong.global_order == 1
    alone = _solver(order=order, solver_type="vary_coeff", corrector=False)
    assert slope(alone) == pytest.approx(order, abs=0.25)


def _corrector_error(order: int, k: int, form: Any) -> float:
    """Error at λ = 2 of UniC-p with exact outputs λ^k, all steps corrected."""
    state = exact(k, NODES[order - 1], form)
    levels = [VP.level_of(v) for v in NODES]
    for n in range(order - 1, len(NODES) - 1):
        nodes = [NODES[n], NODES[n + 1], *(NODES[n - j] for j in range(1, order))]
        step = coefficients(levels[n], levels[n + 1], nodes, form=form)
        state = step.state * state + sum(w * v**k for w, v in zip(step.outputs, nodes, strict=True))
    return state - exact(k, NODES[-1], form)


@pytest.mark.parametrize("form", ["x0", "eps"])
def test_18_1_polynomials(form: Any) -> None:
    for order, failures in ((1, (0.0602, -0.342)), (2, (0.0411, -0.186))):
        for k in range(order + 1):
            assert abs(_corrector_error(order, k, form)) <= 3e-14
        failure = _corrector_error(order, order + 1, form)
        assert failure == pytest.approx(failures[0 if form == "x0" else 1], rel=2e-2)
    for order in (1, 2, 3, 4):
        solver = _solver(order=order, form=form, solver_type="vary_coeff")
        for k in range(order):
            assert abs(polynomial_error(solver, k, start_up=order - 1)) <= 1e-13


@pytest.mark.parametrize("form", ["x0", "eps"])
def test_18_6_predictors_are_the_multistep_solvers(form: Any) -> None:
    """UniP-2 bh2 is 2M midpoint, UniP-3 and UniP-2 solved are the Taylor steps: equal rows."""
    grid = log_snr_grid(8)
    for order, solver_type, other in (
        (2, "bh2", "midpoint"),
        (2, "vary_coeff", "taylor"),
        (3, "vary_coeff", "taylor"),
    ):
        solver = _solver(order=order, solver_type=solver_type, corrector=False, form=form)
        same = DPMSolverMultistep(
            order=order,
            form=form,
            solver_type=other,
            lower_order_final=False,  # type: ignore[arg-type]
        )
        for a, b in zip(solver.compile(VP, grid).steps, same.compile(VP, grid).steps, strict=True):
            row = next(stage for stage in a.stages if stage.target == "x")
            assert row == b.stages[-1]


def test_4_3_disabled_correctors() -> None:
    grid = log_snr_grid(6)
    none = run(_solver(disable_corrector=tuple(range(6))), grid)
    assert (none == run(_solver(corrector=False), grid)).all()
    some = _solver(disable_corrector=(0, 1)).compile(VP, grid)
    assert some.evaluations == 6
    assert [len(step.stages) for step in some.steps] == [3, 2, 3, 3, 3, 1]


def test_18_8_evaluations_json_and_names() -> None:
    for name in ("unipc", "unip", "UniPCMultistepScheduler"):
        solver = get_solver(name)
        plan = solver.compile(VP, log_snr_grid(7))
        assert plan.evaluations == solver.evaluations(7) == 7
        assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    "options", [{"order": 5}, {"solver_type": "bh3"}, {"variant": "as_published_code"}]
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="got"):
        UniPC(**options)
