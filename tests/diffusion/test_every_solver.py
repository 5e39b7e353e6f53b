"""What holds for every registered solver: 18.2, 18.3, 18.8 and the refusal of bad input.

A solver is put through all of this by registering itself; nothing here knows one by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnla import ArgumentError, ArgumentTypeError
from rnla.diffusion import (
    Flow,
    Grid,
    Plan,
    SeededNoise,
    VarianceExploding,
    VPLinear,
    ZeroNoise,
    get_solver,
    make_grid,
    prepare,
    sample,
    solver_aliases,
    solver_names,
    trajectory,
)

from .fixtures import STARTS, VP, constant_end, gmm_a, log_snr_grid

NAMES = solver_names()
PRESCRIBED = [name for name in NAMES if get_solver(name).prescribed]
DETERMINISTIC = [name for name in NAMES if not get_solver(name).stochastic]
STOCHASTIC = [name for name in NAMES if get_solver(name).stochastic]
STEPS = 9


def constant(value: Any, form: str) -> Any:
    def model(x: Any, time: float) -> Any:
        return np.broadcast_to(np.asarray(value, dtype=x.dtype), x.shape)

    model.prediction = form
    return model


def smooth(x: Any, time: float) -> Any:
    """A model that works entry by entry, so that a sample cannot depend on its batch."""
    return np.tanh(x + np.asarray(0.5, dtype=x.dtype))


@pytest.mark.parametrize("name", DETERMINISTIC)
@pytest.mark.parametrize("schedule", [VP, VarianceExploding(0.05, 20.0)], ids=["vp", "ve"])
def test_18_2_constant_model_is_integrated_exactly(name, schedule):
    solver = get_solver(name)
    grid = make_grid(schedule, STEPS)
    start, *_, stop = grid.levels(schedule)
    value = np.array([0.8, -1.7])
    got = sample(
        constant(value, solver.form), STARTS, solver=solver, schedule=schedule, grid=grid
    ).values
    expected, ratio = constant_end(STARTS, start, stop, value, solver.form)
    np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-11 * max(1.0, ratio))


@pytest.mark.parametrize("name", [n for n in STOCHASTIC if get_solver(n).form == "x0"])
def test_18_2_constant_data_are_a_fixed_line_of_stochastic_solvers(name):
    grid = log_snr_grid(STEPS)
    levels = grid.levels(VP)
    value = np.array([[0.8, -1.7]])
    got = sample(
        constant(value, "x0"), levels[0].alpha * value, solver=name, grid=grid, noise=ZeroNoise()
    ).values
    np.testing.assert_allclose(got, levels[-1].alpha * value, rtol=1e-12)


@pytest.mark.parametrize(
    "name", [n for n in PRESCRIBED if n in DETERMINISTIC and get_solver(n).invariant]
)
def test_18_3_paths_with_the_same_snr_give_the_same_samples(name):
    half_log_snr = np.linspace(-3.0, 3.0, STEPS + 1)
    ends = []
    for schedule in (VP, VarianceExploding(), Flow()):
        grid = Grid(schedule.time_of(half_log_snr))
        first, *_, last = grid.levels(schedule)
        end = sample(
            gmm_a(), first.alpha * 20.0 * STARTS, solver=name, schedule=schedule, grid=grid
        )
        ends.append(end.values / last.alpha)
    np.testing.assert_allclose(ends[1], ends[0], rtol=0.0, atol=2e-12)
    np.testing.assert_allclose(ends[2], ends[0], rtol=0.0, atol=2e-12)


@pytest.mark.parametrize("name", PRESCRIBED)
def test_18_8_evaluations_are_what_the_formula_says(name):
    solver = get_solver(name)
    grid = log_snr_grid(STEPS)
    plan = solver.compile(VP, grid)
    result = sample(gmm_a(), STARTS, solver=solver, grid=grid, rng=0)
    assert plan.evaluations == solver.evaluations(STEPS) == result.evaluations
    assert plan.stochastic == solver.stochastic


@pytest.mark.parametrize("name", NAMES)
def test_18_8_calls_are_counted(name):
    solver = get_solver(name)
    model = prepare(gmm_a(), VP)
    grid = log_snr_grid(STEPS)
    *_, last = solver.states(model, STARTS, VP, grid, SeededNoise(0))
    assert model.evaluations == last.evaluations


@pytest.mark.parametrize("name", NAMES)
def test_18_8_no_input_is_changed(name):
    x = STARTS.copy()
    grid = log_snr_grid(STEPS)
    times = grid.times.copy()
    sample(gmm_a(), x, solver=name, grid=grid, rng=0)
    np.testing.assert_array_equal(x, STARTS)
    np.testing.assert_array_equal(grid.times, times)


@pytest.mark.parametrize("name", PRESCRIBED)
def test_18_8_a_sample_does_not_depend_on_its_batch(name):
    grid = log_snr_grid(STEPS)
    kwargs: dict[str, Any] = {"solver": name, "grid": grid, "prediction": "x0", "rng": 5}
    whole = sample(smooth, STARTS, **kwargs).values
    alone = sample(smooth, STARTS[:1], **kwargs).values
    np.testing.assert_array_equal(alone, whole[:1])


@pytest.mark.parametrize("name", PRESCRIBED)
def test_18_8_plans_survive_json(name):
    plan = get_solver(name).compile(VP, make_grid(VP, STEPS, end="denoise"))
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.to_json() == plan.to_json()


@pytest.mark.parametrize("name", PRESCRIBED)
def test_18_8_single_precision_stays_close(name):
    grid = log_snr_grid(8)
    double = sample(gmm_a(), STARTS, solver=name, grid=grid, rng=0).values
    single = sample(gmm_a(), STARTS.astype(np.float32), solver=name, grid=grid, rng=0).values
    assert single.dtype == np.float32
    assert np.abs(single - double).max() < 5e-6 * max(1.0, np.abs(double).max())


@pytest.mark.parametrize("name", PRESCRIBED)
@pytest.mark.parametrize("end", ["zero", "denoise"])
def test_1_5_a_grid_may_end_without_noise(name, end):
    solver, grid = get_solver(name), make_grid(VP, 8, end=end)
    got = sample(gmm_a(), STARTS, solver=solver, grid=grid, rng=0)
    assert got.level.is_clean
    assert np.isfinite(got.values).all()
    value = np.array([0.8, -1.7])
    end = sample(constant(value, "x0"), STARTS, solver=solver, grid=grid, rng=0).values
    np.testing.assert_allclose(end, np.broadcast_to(value, STARTS.shape), rtol=1e-9)


@pytest.mark.parametrize("name", STOCHASTIC)
def test_the_seed_repeats_a_sample_and_another_does_not(name):
    grid = log_snr_grid(STEPS)
    first = sample(gmm_a(), STARTS, solver=name, grid=grid, rng=3)
    again = sample(gmm_a(), STARTS, solver=name, grid=grid, rng=first.seed)
    other = sample(gmm_a(), STARTS, solver=name, grid=grid, rng=4)
    np.testing.assert_array_equal(first.values, again.values)
    assert np.abs(first.values - other.values).max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_a_trajectory_ends_where_the_sample_does(name):
    grid = log_snr_grid(STEPS)
    states = list(trajectory(gmm_a(), STARTS, solver=name, grid=grid, rng=3))
    end = sample(gmm_a(), STARTS, solver=name, grid=grid, rng=3)
    np.testing.assert_array_equal(states[-1].x, end.values)
    assert [state.step for state in states] == list(range(1, len(states) + 1))
    assert states[-1].level == end.level


@pytest.mark.parametrize("name", NAMES)
def test_bad_outputs_name_the_step(name):
    calls = 0

    def broken(x: Any, time: float) -> Any:
        nonlocal calls
        calls += 1
        return x * np.nan if calls > 3 else 0.5 * x

    with pytest.raises(ArgumentError, match=r"model: got nan or inf at step \d+, time"):
        sample(broken, STARTS, solver=name, grid=log_snr_grid(STEPS), prediction="x0", rng=0)
    with pytest.raises(ArgumentError, match=r"model: got shape \(4, 3\) at step 0"):
        sample(lambda x, t: np.ones((4, 3)), STARTS, solver=name, prediction="x0", rng=0)
    with pytest.raises(ArgumentTypeError, match=r"model: got dtype float32 at step 0"):
        sample(lambda x, t: x.astype(np.float32), STARTS, solver=name, prediction="x0", rng=0)


def test_aliases_lead_to_names():
    for alias, name in solver_aliases().items():
        assert name in NAMES
        assert get_solver(alias) == get_solver(name)


@pytest.mark.parametrize("name", NAMES)
def test_solvers_are_values(name):
    solver = get_solver(name)
    assert solver == get_solver(name)
    assert solver.form in ("x0", "eps")
    assert solver.order >= 1
    with pytest.raises(AttributeError):
        solver.order = 3


def test_unknown_solvers_are_refused():
    with pytest.raises(ArgumentError, match="solver: got 'no_such'"):
        get_solver("no_such")
    with pytest.raises(ArgumentTypeError, match="solver: got int"):
        sample(gmm_a(), STARTS, solver=3, schedule=VPLinear())
