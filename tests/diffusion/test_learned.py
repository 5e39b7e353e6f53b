"""Learned coefficients of plans: 17.7."""

from __future__ import annotations

import numpy as np
import pytest

from rnla import ArgumentError
from rnla.diffusion import Plan, prepare
from rnla.diffusion.execute import run_plan
from rnla.diffusion.learned import learn_coefficients
from rnla.diffusion.plan import Row
from rnla.diffusion.solvers.ddim import DDIM
from rnla.diffusion.solvers.dpm_2 import DPM2
from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep
from tests.diffusion.fixtures import VP, gmm_a, log_snr_grid

GRID = log_snr_grid(6)
BASE = DPMSolverMultistep(order=3, lower_order_final=False)
PLAN = BASE.compile(VP, GRID)


def starts(size, seed):
    return np.random.default_rng(seed).standard_normal((size, 2))


def references(x, refinement=40):
    """States of a run on a grid many times finer, at the levels of the coarse one."""
    fine = BASE.compile(VP, log_snr_grid(6 * refinement))
    states = [state.x for state in run_plan(fine, x, prepare(gmm_a(), VP))]
    return states[refinement - 1 :: refinement]


def ends(plan, x):
    return [state.x for state in run_plan(plan, x, prepare(gmm_a(), VP))][-1]


def learn(x, **options):
    return learn_coefficients(PLAN, gmm_a(), x, references(x), schedule=VP, **options)


def test_17_7_learned_coefficients_do_better_on_new_starts():
    """Root mean square error at the end over 400 starts that were not learned from."""
    plan = learn(starts(200, 0))
    x = starts(400, 1)
    exact = references(x)[-1]
    before = np.sqrt(np.mean((ends(PLAN, x) - exact) ** 2))
    after = np.sqrt(np.mean((ends(plan, x) - exact) ** 2))
    assert after < 0.8 * before
    # Fitted to starts that are shuffled, the same recipe must not help.
    shuffled = [state[::-1] for state in references(starts(200, 0))]
    wrong = learn_coefficients(PLAN, gmm_a(), starts(200, 0), shuffled, schedule=VP)
    assert np.sqrt(np.mean((ends(wrong, x) - exact) ** 2)) > before


def test_17_7_the_sum_of_the_weights_is_kept():
    for old, new in zip(PLAN.steps, learn(starts(50, 0)).steps, strict=True):
        rows = [next(s for s in step.stages if isinstance(s, Row)) for step in (old, new)]
        assert rows[0].terms[0] == rows[1].terms[0]
        sums = [sum(t.coefficient for t in row.terms[1:]) for row in rows]
        assert abs(sums[0] - sums[1]) < 1e-13


def test_17_7_a_large_penalty_leaves_the_plan():
    x = starts(20, 0)
    np.testing.assert_allclose(ends(learn(x, ridge=1e12), x), ends(PLAN, x), rtol=0, atol=1e-9)


def test_17_7_one_start_is_reproduced_where_the_weights_can():
    """With two differences and two coordinates the third and later steps are met exactly."""
    x = starts(1, 3)
    plan = learn(x, ridge=0.0)
    np.testing.assert_allclose(ends(plan, x), references(x)[-1], rtol=0, atol=1e-8)


def test_18_8_learned_plans_are_plans():
    plan = learn(starts(20, 0))
    assert plan.evaluations == 6
    assert Plan.from_json(plan.to_json()) == plan
    states = starts(20, 0)
    kept = states.copy()
    learn(states)
    np.testing.assert_array_equal(states, kept)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"reference": []}, "reference"),
        ({"reference": [np.zeros((3, 2))] * 6}, "reference"),
        ({"ridge": -1.0}, "ridge"),
        ({"plan": DDIM(eta=1.0).compile(VP, GRID)}, "plan"),
        ({"plan": DPM2().compile(VP, GRID)}, "plan"),
    ],
)
def test_bad_input_is_refused(options, name):
    x = starts(2, 0)
    given = {"plan": PLAN, "reference": [x] * 6, "model": gmm_a(), "x": x, "schedule": VP}
    with pytest.raises(ArgumentError, match=f"^{name}:"):
        learn_coefficients(**{**given, **options})
