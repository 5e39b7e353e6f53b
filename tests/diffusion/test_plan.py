"""Plans as values, and the executor: 17.2."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from rnla import ArgumentError
from rnla.diffusion import FixedNoise, Plan, VarianceExploding, VPLinear, get_solver
from rnla.diffusion.execute import lincomb, run_plan, run_step
from rnla.diffusion.plan import Evaluation, Level, Noise, Row, Step, Term

from .fixtures import STARTS, VP, log_snr_grid

A, B, C = VPLinear().levels([1.0, 0.5, 0.1])


def two_step_plan():
    """x <- x + 2 m0 + 3 z; then x <- x - m0 + 0.5 m1, with a vector of coefficients."""
    first = Step(
        (
            Evaluation("x", "m0", A, "x0"),
            Row("x", (Term("x", 1.0), Term("m0", 2.0)), Noise(3.0, 0, A, B)),
        ),
        A,
        B,
    )
    second = Step(
        (
            Evaluation("x", "m1", B, "eps"),
            Row("x", (Term("x", 1.0), Term("m0", -1.0), Term("m1", np.array([0.5, 0.25])))),
        ),
        B,
        C,
    )
    return Plan("made up", (first, second))


def double(x, level, form):
    return 2.0 * x


def test_a_plan_is_run_by_hand():
    z = np.full_like(STARTS, 0.1)
    states = list(run_plan(two_step_plan(), STARTS, double, FixedNoise([z])))
    m0 = 2.0 * STARTS
    x1 = STARTS + 2.0 * m0 + 3.0 * z
    x2 = x1 - m0 + np.array([0.5, 0.25]) * (2.0 * x1)
    np.testing.assert_allclose(states[0].x, x1, rtol=1e-15)
    np.testing.assert_allclose(states[1].x, x2, rtol=1e-15)
    assert [state.evaluations for state in states] == [1, 2]
    assert [state.level for state in states] == [B, C]
    # What is not read again is dropped.
    assert set(states[0].registers) == {"x", "m0"}
    assert set(states[1].registers) == {"x"}


def test_a_plan_knows_its_cost():
    plan = two_step_plan()
    assert (plan.evaluations, plan.stochastic) == (2, True)
    assert plan.keeps == (frozenset({"x", "m0"}), frozenset({"x"}))
    assert not get_solver("ddim").compile(VP, log_snr_grid(3)).stochastic


def test_a_step_leaves_its_registers_alone():
    step = two_step_plan().steps[1]
    registers = {"x": STARTS, "m0": 0.5 * STARTS}
    after = run_step(step, registers, double)
    assert set(registers) == {"x", "m0"}
    assert after["x"] is not STARTS
    np.testing.assert_array_equal(after["m0"], registers["m0"])


def test_18_8_json_keeps_every_bit():
    plan = two_step_plan()
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.steps[1].stages[1].terms[2].coefficient.dtype == np.float64
    assert again != Plan("made up", plan.steps[:1])
    # Clean ends and pure noise have infinite logarithms, which JSON does not know.
    schedule = VarianceExploding()
    odd = Level(0.0, -math.inf, 0.0)
    step = Step((Row("x", (Term("x", 0.1),)),), odd, schedule.level(0.0))
    ends = Plan("ends", (step,))
    json.loads(ends.to_json(), parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
    assert Plan.from_json(ends.to_json()) == ends


def test_other_json_is_refused():
    with pytest.raises(ArgumentError, match="text: got JSON of something else"):
        Plan.from_json("[1, 2]")


def test_registers_are_written_before_they_are_read():
    row = Row("x", (Term("x", 1.0), Term("m7", 1.0)))
    with pytest.raises(ArgumentError, match="register 'm7' read at step 0"):
        Plan("bad", (Step((row,), A, B),))


def test_outputs_of_the_model_are_written_once():
    call = Evaluation("x", "m0", A, "x0")
    with pytest.raises(ArgumentError, match="'m0' written again at step 1"):
        Plan("bad", (Step((call,), A, B), Step((call,), B, C)))
    with pytest.raises(ArgumentError, match="'m0' written again at step 1"):
        Plan("bad", (Step((call,), A, B), Step((Row("m0", (Term("x", 1.0),)),), B, C)))


def test_17_5_lincomb_keeps_the_dtype():
    single = STARTS.astype(np.float32)
    assert lincomb([0.1, 2.0], [single, single]).dtype == np.float32
    assert lincomb([np.array([0.1, 0.2])], [single]).dtype == np.float32
    assert lincomb([0.1], [STARTS.astype(np.float16)]).dtype == np.float16
    np.testing.assert_array_equal(lincomb([0.0, 0.0], [STARTS, STARTS]), 0.0 * STARTS)
    # A zero leaves its array out, whatever is in it.
    np.testing.assert_array_equal(lincomb([1.0, 0.0], [STARTS, STARTS * np.inf]), STARTS)


def test_a_stochastic_plan_needs_noise():
    with pytest.raises(ArgumentError, match="noise: got None"):
        list(run_plan(two_step_plan(), STARTS, double))


def test_levels_print_what_matters():
    assert str(B) == "time 0.5, half log-SNR -1.22757"


def test_the_register_of_ones_adds_a_constant():
    level = VP.level(0.5)
    shift = np.array([1.0, 2.0])
    row = Row("x", (Term("x", 0.5), Term("1", shift)))
    plan = Plan("constant", (Step((row,), level, level),))
    x = np.array([[2.0, 4.0], [0.0, 0.0]])
    after = run_step(plan.steps[0], {"x": x}, None)
    np.testing.assert_array_equal(after["x"], 0.5 * x + shift)
    assert Plan.from_json(plan.to_json()) == plan
    assert plan.keeps == (frozenset({"x"}),)
