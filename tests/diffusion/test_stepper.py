"""A plan driven from outside gives what the executor gives."""

from __future__ import annotations

import numpy as np
import pytest

from rnla import ArgumentError
from rnla.diffusion import FixedNoise, get_solver, prepare, solver_names
from rnla.diffusion.execute import run_plan
from rnla.diffusion.stepper import Stepper, evaluation_levels

from .fixtures import STARTS, VP, gmm_a, log_snr_grid


@pytest.mark.parametrize("name", solver_names())
def test_the_same_bits_as_the_executor(name: str) -> None:
    solver, grid = get_solver(name), log_snr_grid(5)
    try:
        plan = solver.compile(VP, grid)
    except (ArgumentError, NotImplementedError):
        pytest.skip(f"{name} has no plan: its steps depend on the data")
    noise = FixedNoise(lambda draw: np.sin(1.0 + draw + np.arange(8.0).reshape(4, 2)))
    model = prepare(gmm_a(), VP)
    *_, last = run_plan(plan, STARTS, model, noise)
    stepper, levels = Stepper(plan, STARTS), []
    while stepper.evaluation is not None:
        level, form = stepper.evaluation.level, stepper.evaluation.form
        levels.append(level)
        stepper.send(model(stepper.shown, level, form), noise=noise)
    np.testing.assert_array_equal(stepper.shown, last.x)
    assert tuple(levels) == evaluation_levels(plan)
    assert len(levels) == plan.evaluations


def test_a_state_that_was_changed_in_between_is_taken() -> None:
    plan = get_solver("ddim").compile(VP, log_snr_grid(3))
    model = prepare(gmm_a(), VP)
    plain, moved = Stepper(plan, STARTS), Stepper(plan, STARTS)
    for stepper, shift in ((plain, 0.0), (moved, 1.0)):
        while stepper.evaluation is not None:
            shown = stepper.shown + shift
            output = model(shown, stepper.evaluation.level, stepper.evaluation.form)
            stepper.send(output, shown=shown)
    assert np.abs(plain.shown - moved.shown).min() > 1e-3


def test_one_output_too_many() -> None:
    stepper = Stepper(get_solver("ddim").compile(VP, log_snr_grid(1)), STARTS)
    stepper.send(STARTS)
    with pytest.raises(ArgumentError, match="output"):
        stepper.send(STARTS)
