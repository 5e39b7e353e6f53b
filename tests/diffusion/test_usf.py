"""The unified sampling framework (8): identities, forms, correctors, AFS, serialisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnla._errors import ArgumentError
from rnla.diffusion import Grid, get_solver
from rnla.diffusion.plan import Evaluation, Plan
from rnla.diffusion.solvers.dpm_solver import DPMSolver
from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep
from rnla.diffusion.solvers.unipc import UniPC
from rnla.diffusion.solvers.usf import USF, Corrector, Decision, ramp
from rnla.diffusion.usf_presets import USF_PRESETS, usf_preset
from tests.diffusion.fixtures import VP, assert_golden, error, log_snr_grid, run

MULTI = DPMSolverMultistep
NAMED: dict[str, Any] = {
    "ddim": get_solver("ddim"),
    "dpmpp_2m": MULTI(lower_order_final=False),
    "dpmpp_2m_taylor": MULTI(solver_type="taylor", lower_order_final=False),
    "dpmpp_3m": MULTI(order=3, lower_order_final=False),
    "dpmpp_3m_as_published_code": MULTI(
        order=3, variant="as_published_code", lower_order_final=False
    ),
    "dpm_solver_2m": MULTI(form="eps", lower_order_final=False),
    "dpm_solver_3m": MULTI(form="eps", order=3, lower_order_final=False),
    "deis_log_rho": MULTI(form="eps", order=3, solver_type="taylor", lower_order_final=False),
    "unip": UniPC(corrector=False, lower_order_final=False),
    "unipc_1": UniPC(order=1, lower_order_final=False),
    "unipc_2": UniPC(order=2, lower_order_final=False),
    "unipc": UniPC(lower_order_final=False),
    "unipc_bh1": UniPC(solver_type="bh1", lower_order_final=False),
    "unipc_eps": UniPC(form="eps", lower_order_final=False),
    "dpm_solver_2": DPMSolver(),
    "dpm_solver_3": DPMSolver(order=3),
    "dpmpp_2s": DPMSolver(form="x0"),
    "dpmpp_3s": DPMSolver(order=3, form="x0"),
}


def test_8_3_every_preset_is_tested() -> None:
    assert set(NAMED) == set(USF_PRESETS)


@pytest.mark.parametrize("name", USF_PRESETS)
def test_8_3_presets_are_the_named_solvers(name: str) -> None:
    """Equal end points to rounding, and equal evaluations, on a grid of 12 levels."""
    grid, solver = log_snr_grid(12), NAMED[name]
    outer = grid
    if isinstance(solver, DPMSolver):
        outer = Grid(grid.times[:: solver.order])
    preset = usf_preset(name, 12)
    np.testing.assert_allclose(run(preset, grid), run(solver, outer), rtol=0, atol=2e-13)
    plan = preset.compile(VP, grid)
    assert plan.evaluations == preset.evaluations(12) == solver.evaluations(outer.steps)


def test_8_3_lower_order_final() -> None:
    grid = log_snr_grid(8)
    for name, solver in (
        ("dpmpp_3m", MULTI(order=3, lower_order_final=True)),
        ("unipc", UniPC(lower_order_final=True)),
    ):
        preset = usf_preset(name, 8, lower_order_final=True)
        np.testing.assert_allclose(run(preset, grid), run(solver, grid), rtol=0, atol=1e-13)


@pytest.mark.parametrize("form", ["x0", "eps"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_18_6_full_differences_are_unip_and_corrected_multistep(form: Any, order: int) -> None:
    """Rows equal to 1e-15 relative, for orders 1, 2, 3 and both forms."""
    grid = log_snr_grid(8)
    plans = [
        USF(ramp(8, order, form)),
        UniPC(
            order=order,
            form=form,
            solver_type="vary_coeff",
            corrector=False,
            lower_order_final=False,
        ),
        MULTI(order=order, form=form, solver_type="taylor", lower_order_final=False),
    ]
    rows = [
        [stage.terms for stage in p.compile(VP, grid).stages if not isinstance(stage, Evaluation)]
        for p in plans
    ]
    assert rows[0] == rows[1] == rows[2]


def test_8_4_golden_analytic_first_step() -> None:
    """ε := x is what the published option "zero_x0" does; it saves one evaluation."""
    solver = USF(ramp(8), first="noise")
    a, d = (0.2791044, -0.45897792), (1.28904787, 0.26557422)
    assert_golden(run(solver, log_snr_grid(8)), a, d, tolerance=1e-8)
    assert solver.compile(VP, log_snr_grid(8)).evaluations == solver.evaluations(8) == 7
    zero = run(USF(ramp(8), first="zero"), log_snr_grid(8))
    assert 1e-5 < abs(zero - run(solver, log_snr_grid(8))).max() < 1e-3


def test_8_1_forms_may_change_from_step_to_step() -> None:
    """Converted outputs stand for evaluations in the other form: one evaluation per step."""
    grid = log_snr_grid(40)
    forms: list[Any] = ["x0", "eps", "eps", "x0"]
    mixed = USF(tuple(Decision(d.order, forms[n % 4]) for n, d in enumerate(ramp(40))))
    plan = mixed.compile(VP, grid)
    assert plan.evaluations == 40
    ends = [run(solver, grid) for solver in (mixed, USF(ramp(40)), USF(ramp(40, form="eps")))]
    assert error(ends[0]) < 1e-2
    assert abs(ends[0] - ends[1]).max() > 1e-5
    # With order 1 in every step the form does not matter at all: each is DDIM.
    first = USF(tuple(Decision(1, forms[n % 4]) for n in range(40)))
    np.testing.assert_allclose(run(first, grid), run("ddim", grid), atol=1e-12)


def test_8_2_node_choices_and_relaxation() -> None:
    """Skipping an output, low-order differences and a linear relaxation all change the row."""
    grid = log_snr_grid(8)
    base = ramp(8)
    for change in (
        Decision(2, nodes=(0, 2)),
        Decision(3, differences=(1, 2)),
        Decision(3, relaxation=(("linear", -0.2),)),
        Decision(3, nodes=(0, 1, 3)),
    ):
        solver = USF((*base[:5], change, *base[6:]))
        values = run(solver, grid)
        assert 1e-6 < abs(values - run(USF(base), grid)).max() < 0.5
        assert solver.compile(VP, grid).evaluations == 8


def test_8_4_correctors() -> None:
    """An implicit corrector costs one evaluation per step; either kind gains an order."""
    pseudo = tuple(Decision(d.order, corrector=Corrector(d.order + 1)) for d in ramp(80, 2))
    implicit = tuple(
        Decision(d.order, corrector=Corrector(d.order + 1, kind="implicit")) for d in ramp(80, 2)
    )
    plain = error(run(USF(ramp(80, 2)), log_snr_grid(80)))
    for decisions, evaluations in ((pseudo, 81), (implicit, 160)):
        solver = USF(decisions)
        plan = solver.compile(VP, log_snr_grid(80))
        assert plan.evaluations == solver.evaluations(80) == evaluations
        assert error(run(solver, log_snr_grid(80))) < 0.5 * plain


def test_18_8_serialisation() -> None:
    solver = USF(
        (
            Decision(1, "eps", corrector=Corrector(2, "implicit", ("bh1",))),
            Decision(2, relaxation=(("linear", 0.3),), nodes=(0, 1), differences=(1,)),
            Decision(2, "eps", (1.05,), start=1),
        ),
        "zero",
    )
    assert USF.from_json(solver.to_json()) == solver
    plan = solver.compile(VP, log_snr_grid(3))
    assert Plan.from_json(plan.to_json()) == plan
    with pytest.raises(ArgumentError, match="text: got"):
        USF.from_json("[]")


def test_bad_input() -> None:
    grid = log_snr_grid(3)
    with pytest.raises(ArgumentError, match="decisions: got 2 for a grid of 3"):
        USF(ramp(2)).compile(VP, grid)
    with pytest.raises(ArgumentError, match=r"decisions\[1\]: got an output or a state 2"):
        USF((Decision(), Decision(3), Decision())).compile(VP, grid)
    with pytest.raises(ArgumentError, match="nodes: got"):
        Decision(3, nodes=(0, 1))
    with pytest.raises(ArgumentError, match="start: got -1"):
        Decision(start=-1)
    with pytest.raises(ArgumentError, match="first: got 'mean'"):
        USF(first="mean")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="name: got 'heun'"):
        usf_preset("heun", 3)
    with pytest.raises(ArgumentError, match="steps: got 5"):
        usf_preset("dpm_solver_2", 5)
