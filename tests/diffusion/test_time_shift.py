"""Time-Shift sampler: SPEC 12."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla import ArgumentError, ArgumentTypeError
from rnla.diffusion import Gaussian, GaussianMixture, SeededNoise, VPLinear, make_grid, sample
from rnla.diffusion.models import Counted
from rnla.diffusion.schedules import Tabulated
from rnla.diffusion.solvers.ddim import DDIM
from rnla.diffusion.time_shift import (
    TimeShift,
    data_variance,
    matching_index,
    noise_variance,
    sample_variance,
)

TABLE = Tabulated.linear()
BAR = np.asarray(TABLE.alphas_cumprod)
WIDTH = 64
GRID = make_grid(TABLE, 10, "leading")


def _model() -> GaussianMixture:
    rng = np.random.default_rng(0)
    return GaussianMixture([1.0, 1.0, 1.0], rng.standard_normal((3, WIDTH)), deviations=[0.1] * 3)


def _starts(count: int = 4) -> np.ndarray:
    scales = np.array([0.97, 1.0, 1.01, 1.04, 1.0, 0.99])[:count, None]
    return scales * np.random.default_rng(1).standard_normal((count, WIDTH))


def _end(solver: Any, x: np.ndarray, **options: Any) -> np.ndarray:
    model = options.pop("model", None) or _model()
    return np.asarray(sample(model, x, solver=solver, schedule=TABLE, grid=GRID, **options))


def test_12_5_levels_of_given_variance() -> None:
    found = matching_index(np.array([0.1, 0.5, 0.9, 0.99]), TABLE)
    assert found.tolist() == [97, 258, 475, 673]
    variances = [f"{1 - BAR[i]:.7f}" for i in found]
    assert variances == ["0.0992709", "0.4997553", "0.9004325", "0.9900089"]


def test_12_5_states_of_known_variance_pick_their_index_each() -> None:
    signs = np.where(np.arange(WIDTH) % 2, 1.0, -1.0)
    targets = np.array([120, 258, 400, 673])
    # The unbiased variance of ±1 patterns of zero mean is w / (w - 1).
    scale = np.sqrt((1 - BAR[targets]) * (WIDTH - 1) / WIDTH)
    x = (scale[:, None] * signs).reshape(4, 8, 8)
    assert np.abs(sample_variance(x) - (1 - BAR[targets])).max() < 1e-14
    assert matching_index(sample_variance(x), TABLE).tolist() == targets.tolist()
    for k in range(4):
        assert matching_index(sample_variance(x[[k]]), TABLE)[0] == targets[k]


@pytest.mark.parametrize("variant", ["paper", "as_published_code"])
@pytest.mark.parametrize("base", ["ddim", "ddpm", "dpmpp_2m"])
def test_12_5_no_window_or_no_level_above_the_cutoff_is_the_base_solver(
    variant: str, base: str
) -> None:
    x = _starts()
    plain = _end(base, x, rng=5)
    for options in ({"window": 0}, {"cutoff": TABLE.size}, {"window": 1}):
        solver = TimeShift(base=base, variant=variant, **options)
        assert np.array_equal(_end(solver, x, rng=5), plain)
    shifted = _end(TimeShift(base=base, variant=variant, window=80), x, rng=5)
    assert np.abs(shifted - plain).max() > 1e-6


def _reference(x: np.ndarray, *, window: int, cutoff: int, published: bool) -> np.ndarray:
    """DDIM with shifted levels, one sample at a time, written out from the description."""
    model, half = _model(), window // 2
    nominal = [round(t * 1000 - 1) for t in GRID.times]
    ends = []
    for state in x:
        y, at = state[None], nominal[0]
        for n, (index, following) in enumerate(pairwise(nominal)):
            start = index if published else at
            target = following
            if published and following > cutoff and n + 2 < len(nominal):
                target = _nearest(y, following, half)
            level = TABLE.level(TABLE.time_of_index(start))
            x0 = model(y, level)
            eps = (y - level.alpha * x0) / level.sigma
            bar = BAR[target]
            y = np.sqrt(bar) * x0 + np.sqrt(1 - bar) * eps
            at = following
            if not published and following > cutoff and n + 2 < len(nominal):
                at = _nearest(y, following, half)
        ends.append(y[0])
    return np.asarray(ends)


def _nearest(y: np.ndarray, index: int, half: int) -> int:
    window = np.arange(max(index - half, 0), min(index + half, 999) + 1)
    return int(window[np.argmin(np.abs(np.var(y, ddof=1) - (1 - BAR[window])))])


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("window", [30, 80])
def test_12_2_agrees_with_a_loop_over_samples(published: bool, window: int) -> None:
    x = _starts(6)
    variant = "as_published_code" if published else "paper"
    found = _end(TimeShift(window=window, cutoff=300, variant=variant), x)
    expected = _reference(x, window=window, cutoff=300, published=published)
    assert np.abs(found - expected).max() < 1e-12
    # The two variants differ, and each is caught by the other's reference.
    other = _reference(x, window=window, cutoff=300, published=not published)
    assert np.abs(found - other).max() > 1e-4


def test_12_3_the_published_code_keeps_nominal_times_for_the_network() -> None:
    times: dict[str, set[float]] = {}
    for variant in ("paper", "as_published_code"):
        seen: set[float] = set()

        def network(x: np.ndarray, time: float, seen: set[float] = seen) -> np.ndarray:
            seen.add(round(float(time), 6))
            return _model()(x, TABLE.level(TABLE.time_of_index(time)))

        solver = TimeShift(window=80, variant=variant)
        _end(solver, _starts(), model=network, prediction="x0")
        times[variant] = seen
    nominal = {round(float(t * 1000 - 1), 6) for t in GRID.times[:-1]}
    assert times["as_published_code"] == nominal
    assert not times["paper"] <= nominal


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(5)), window=st.sampled_from([10, 50]))
def test_18_8_samples_do_not_depend_on_their_batch(order: list[int], window: int) -> None:
    x = _starts(5)
    solver = TimeShift(window=window)
    whole = _end(solver, x)
    assert np.abs(_end(solver, x[order]) - whole[order]).max() < 1e-12
    assert np.abs(_end(solver, x[[order[0]]]) - whole[[order[0]]]).max() < 1e-12


def test_12_2_noise_belongs_to_the_sample() -> None:
    x = _starts(5)
    solver = TimeShift(base=DDIM(eta=1.0), window=60)
    whole = _end(solver, x, noise=SeededNoise(3))
    part = _end(solver, x[2:], noise=SeededNoise(3, first=2))
    assert np.abs(whole[2:] - part).max() < 1e-12


def test_12_5_no_evaluations_are_added() -> None:
    model = Counted(_model())
    found = sample(model, _starts(), solver=TimeShift(window=60), schedule=TABLE, grid=GRID)
    plain = sample(_model(), _starts(), solver="ddim", schedule=TABLE, grid=GRID)
    assert found.evaluations == plain.evaluations
    assert model.samples == 4 * found.evaluations


def test_12_4_data_of_unit_variance_cannot_be_told_apart() -> None:
    levels = TABLE.levels(TABLE.time_of_index(np.arange(0, 1000, 50)))
    assert max(abs(data_variance(1.0)(level) - 1.0) for level in levels) < 1e-14
    assert all(data_variance(0.0)(level) == noise_variance(level) for level in levels)
    # With the right variance of the data a state drawn at a level is found there again.
    deviation, index = 0.5, 300
    level = TABLE.level(TABLE.time_of_index(index))
    truth = float(data_variance(deviation)(level))
    exact = matching_index(np.array([truth]), TABLE, level_variance=data_variance(deviation))
    plain = matching_index(np.array([truth]), TABLE)
    assert exact[0] == index
    assert plain[0] > index + 20


@pytest.mark.parametrize("base", ["pndm", "unipc", "dpmpp_2s", "ghvb", "dpmpp_sde"])
@pytest.mark.parametrize("variant", ["paper", "as_published_code"])
def test_12_2_any_base_keeps_its_count_of_evaluations(base: str, variant: str) -> None:
    x = _starts(3)
    solver = TimeShift(base=base, window=60, variant=variant)
    found = sample(_model(), x, solver=solver, schedule=TABLE, grid=GRID, rng=0)
    plain = sample(_model(), x, solver=base, schedule=TABLE, grid=GRID, rng=0)
    assert found.evaluations == plain.evaluations
    assert 1e-6 < np.abs(found.values - plain.values).max() < 1.0


def test_bad_input() -> None:
    with pytest.raises(ArgumentError, match="base: got dpm_solver_fast"):
        _end(TimeShift(base="dpm_solver_fast"), _starts())
    with pytest.raises(ArgumentError, match="got an adaptive solver"):
        _end(TimeShift(base="dpm_solver_adaptive"), _starts())
    with pytest.raises(ArgumentTypeError, match="schedule: got VPLinear"):
        sample(
            Gaussian(np.zeros(4), np.eye(4)),
            np.ones((1, 4)),
            solver=TimeShift(),
            schedule=VPLinear(),
        )
    with pytest.raises(ArgumentError, match="window: got -1"):
        TimeShift(window=-1)
    with pytest.raises(ArgumentError, match="variant: got 'code'"):
        TimeShift(variant="code")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="solver: got 'nothing'"):
        TimeShift(base="nothing")
    with pytest.raises(ArgumentError, match="high: got 3"):
        matching_index(np.array([0.5]), TABLE, low=7, high=3)
    with pytest.raises(ArgumentError, match="x: got shape"):
        sample_variance(np.ones((3, 1)))
