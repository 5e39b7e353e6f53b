"""DualFast: golden end points and identities of section 11."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.diffusion import Plan
from rnla.diffusion.solvers.ddim import DDIM
from rnla.diffusion.solvers.dpm_2 import DPM2
from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep
from rnla.diffusion.solvers.dual_fast import DualFast
from rnla.diffusion.solvers.ipndm import IPNDM
from rnla.diffusion.transforms.dual_fast import dual_fast, linear_strength
from tests.diffusion.fixtures import VP, assert_golden, error, log_snr_grid, run, slope

GOLDEN = {
    0.25: ((0.070584457306, -0.366909352801), (1.198850321796, 0.21505215729), 0.2468),
    0.5: ((0.121385583547, -0.402053892525), (1.256886049543, 0.236859843613), 0.1171),
    1.0: ((0.222750129995, -0.455919979718), (1.338759712488, 0.257943282285), 0.0657),
}
BASES = (DDIM(), IPNDM(1))  # the same method on the data and on the noise prediction


@pytest.mark.parametrize("base", BASES, ids=str)
@pytest.mark.parametrize("c", GOLDEN)
def test_11_4_golden(c, base):
    a, d, printed = GOLDEN[c]
    end = run(DualFast(base, c), log_snr_grid(8))
    assert_golden(end, a, d)
    assert abs(error(end) - printed) < 6e-5


def test_11_3_one_half_is_adams_bashforth_2():
    grid = log_snr_grid(8)
    end = run(DualFast(DDIM(), 0.5), grid)
    np.testing.assert_allclose(end, run(IPNDM(2), grid), rtol=0, atol=1e-13)
    two_m = DPMSolverMultistep(order=2, form="eps", lower_order_final=False)
    np.testing.assert_allclose(end, run(two_m, grid), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("c", "order"), [(0.25, 1), (0.5, 2), (1.0, 1)])
def test_18_5_orders(c, order):
    solver = DualFast(DDIM(), c)
    assert solver.global_order == order
    assert abs(slope(solver) - order) < 0.25


@pytest.mark.parametrize(
    "base",
    [DDIM(), DPM2(), DPMSolverMultistep(order=2), DPMSolverMultistep(order=2, form="eps")],
    ids=str,
)
def test_11_2_strength_zero_changes_nothing(base):
    grid = log_snr_grid(6)
    np.testing.assert_array_equal(run(DualFast(base), grid), run(base, grid))
    plan = base.compile(VP, grid)
    assert dual_fast(plan, strength=0.3).evaluations == plan.evaluations


def test_11_2_data_and_noise_form_extrapolate_the_same_noise():
    """On two steps of order 1, whatever the reference and the strengths."""
    grid = log_snr_grid(5)
    for reference in ("previous", "first"):
        for strength in (0.4, linear_strength(5, 0.4)):
            ends = [run(DualFast(base, strength, reference), grid) for base in BASES]
            np.testing.assert_allclose(ends[0], ends[1], rtol=0, atol=1e-13)


def test_11_2_the_first_reference_stays_the_first():
    plan = dual_fast(IPNDM(1).compile(VP, log_snr_grid(4)), strength=0.5, reference="first")
    rows = [step.stages[1] for step in plan.steps[1:]]
    assert [row.terms[1].register for row in rows] == ["m0"] * 3
    assert all(row.terms[1].coefficient == -0.5 for row in rows)


def test_11_2_differences_see_the_extrapolated_outputs():
    """In 2M the correction also goes into the history: written out for the third step."""
    base = DPMSolverMultistep(order=2, form="eps", lower_order_final=False)
    plan = base.compile(VP, log_snr_grid(4))
    changed = dual_fast(plan, strength=0.3)
    old, new = plan.steps[2].stages[1], changed.steps[2].stages[2]
    assert [term.coefficient for term in new.terms] == [term.coefficient for term in old.terms]
    assert [term.register for term in new.terms] == ["x", "d2", "d1"]


def test_11_2_a_second_evaluation_at_a_level_is_compared_with_a_noisier_one():
    """Heun's second slope and the next first slope are at one level."""
    plan = dual_fast(DPM2().compile(VP, log_snr_grid(2)), strength=0.5)
    levels = {e.target: e.level.half_log_snr for e in plan.stages if hasattr(e, "level")}
    for stage in plan.stages:
        if getattr(stage, "target", "").startswith("d"):
            own, other = (term.register for term in stage.terms)
            assert levels[other] < levels[own]


def test_18_8_plans_survive_json():
    plan = DualFast(DDIM(), 0.5).compile(VP, log_snr_grid(4))
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"reference": "last"}, "reference"),
        ({"strength": (0.1, 0.2)}, "strength"),
        ({"strength": float("nan")}, "strength"),
    ],
)
def test_bad_options_are_refused(options, name):
    with pytest.raises(ValueError, match=f"^{name}:"):
        run(DualFast(DDIM(), **options), log_snr_grid(4))
