"""18.2, 18.3 and 18.8 for grids, levels and states that nobody chose: Hypothesis draws them."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla.diffusion import (
    Flow,
    Grid,
    Plan,
    VarianceExploding,
    VPCosine,
    get_solver,
    sample,
    solver_names,
)

from .fixtures import VP, constant_end, gmm_a

PRESCRIBED = [name for name in solver_names() if get_solver(name).prescribed]
DETERMINISTIC = [name for name in PRESCRIBED if not get_solver(name).stochastic]
INVARIANT = [name for name in DETERMINISTIC if get_solver(name).invariant]
PATHS = [VP, VPCosine(), VarianceExploding(), Flow()]

# Half log-SNRs from -2.5 up, at least 0.05 and at most 1.2 apart.
LEVELS = st.lists(st.floats(0.05, 1.2), min_size=1, max_size=7).map(
    lambda steps: np.array(list(accumulate([-2.5, *steps])))
)
STATES = st.lists(
    st.tuples(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0)), min_size=1, max_size=4
).map(lambda rows: np.array(rows))


def grid_of(half_log_snr, schedule):
    return Grid(schedule.time_of(half_log_snr))


@settings(max_examples=80)
@given(st.sampled_from(DETERMINISTIC), st.sampled_from(PATHS), LEVELS, STATES)
def test_18_2_constant_models_are_exact_on_any_grid(name, schedule, levels, x):
    solver, grid = get_solver(name), grid_of(levels, schedule)
    start, *_, stop = grid.levels(schedule)
    value = np.array([0.8, -1.7])

    def model(state, time):
        return np.broadcast_to(value, state.shape)

    got = sample(
        model, x, solver=solver, schedule=schedule, grid=grid, prediction=solver.form
    ).values
    expected, ratio = constant_end(x, start, stop, value, solver.form)
    np.testing.assert_allclose(got, expected, rtol=0.0, atol=1e-10 * max(1.0, ratio))


@settings(max_examples=80)
@given(st.sampled_from(INVARIANT), st.sampled_from(PATHS[1:]), LEVELS, STATES)
def test_18_3_all_paths_are_one_path_on_any_grid(name, schedule, levels, x):
    ends = []
    for path in (VP, schedule):
        grid = grid_of(levels, path)
        first, *_, last = grid.levels(path)
        start = 12.0 * first.alpha * x
        end = sample(gmm_a(), start, solver=name, schedule=path, grid=grid)
        ends.append(end.values / last.alpha)
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-10, atol=1e-9)


@settings(max_examples=80)
@given(st.sampled_from(PRESCRIBED), st.sampled_from(PATHS), LEVELS, STATES, st.integers(0, 99))
def test_18_8_counts_json_batches_and_inputs(name, schedule, levels, x, seed):
    solver, grid = get_solver(name), grid_of(levels, schedule)
    plan = solver.compile(schedule, grid)
    assert Plan.from_json(plan.to_json()) == plan
    assert plan.evaluations == solver.evaluations(grid.steps)
    before = x.copy()

    def model(state, time):
        return np.tanh(state)

    def run(states):
        return sample(
            model, states, solver=solver, schedule=schedule, grid=grid, prediction="x0", rng=seed
        )

    whole = run(x)
    assert whole.evaluations == plan.evaluations
    np.testing.assert_array_equal(run(x[:1]).values, whole.values[:1])
    np.testing.assert_array_equal(x, before)
