"""Mean-reverting diffusion and the MR Sampler: SPEC 10."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnla import ArgumentError
from rnla.diffusion import Gaussian, Level, Prediction, make_grid, sample
from rnla.diffusion.mean_reverting import sample_mean_reverting
from rnla.diffusion.models.mean_shift import MeanShifted
from rnla.diffusion.schedules import MeanReverting, MeanRevertingTable
from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep
from rnla.diffusion.solvers.mr_sampler import MRSampler, published_orders

from . import fixtures

SCHEDULE = MeanReverting(50.0 / 255.0, first=4.0, last=1e-3)
MU = np.array([0.3, -0.2])
DATA_MEAN = np.array([0.6, 0.1])
DATA_VARIANCE = np.array([0.25**2, 0.15**2])
STARTS = np.array([[0.5, -0.1], [0.2, 0.4]])
EXACT = np.array([[0.8475730444, 0.1720529151], [0.4652602481, 0.5548502756]])


def _denoise(x: np.ndarray, level: Level) -> np.ndarray:
    """E[x0 | x] in the image's own coordinates."""
    alpha, sigma = level.alpha, level.sigma
    gain = alpha * DATA_VARIANCE / (alpha**2 * DATA_VARIANCE + sigma**2)
    return np.asarray(DATA_MEAN + gain * (x - alpha * DATA_MEAN - (1 - alpha) * MU))


class _Network:
    """The exact model as a network of any prediction, written in x, for the tests only."""

    def __init__(self, kind: str) -> None:
        self.prediction, self.times = kind, []

    def __call__(self, x: np.ndarray, time: float) -> np.ndarray:
        self.times.append(time)
        level = SCHEDULE.level(time)
        x0 = _denoise(x, level)
        alpha, sigma, saturation = level.alpha, level.sigma, SCHEDULE.sigma_infinity
        eps = (x - alpha * x0 - (1 - alpha) * MU) / sigma
        if self.prediction == "x0":
            return x0
        if self.prediction == "eps":
            return np.asarray(eps)
        if self.prediction == "score":
            return np.asarray(-eps / sigma)
        if self.prediction == "flow":
            return np.asarray(eps - x0)
        if self.prediction == "v":
            return np.asarray(saturation * alpha * eps - sigma / saturation * (x0 - MU))
        # dx/dt, with dα/dt = -α and σ² = s² (1 - α²).
        return np.asarray(-alpha * (x0 - MU) + saturation**2 * alpha**2 / sigma * eps)


def _run(kind: str = "x0", *, steps: int = 20, **options: Any) -> np.ndarray:
    solver = MRSampler(**options)
    found = sample_mean_reverting(
        _Network(kind), MU + 0 * STARTS, x=STARTS, solver=solver, schedule=SCHEDULE, steps=steps
    )
    assert found.evaluations == steps
    return np.asarray(found)


def test_10_5_grid_and_exact_end() -> None:
    grid = make_grid(SCHEDULE, 20)
    lambdas = SCHEDULE.half_log_snr(grid.times)
    assert abs(lambdas[0] + 2.370591700815681) < 1e-13
    assert abs(lambdas[-1] - 4.736044505608045) < 1e-12
    levels = grid.levels(SCHEDULE)
    moved = Gaussian(DATA_MEAN - MU, np.diag(DATA_VARIANCE)).flow(
        STARTS - MU, levels[0], levels[-1]
    )
    assert np.abs(moved + MU - EXACT).max() < 1e-10


def test_10_5_golden() -> None:
    first = [[0.8265388529, 0.1659238044], [0.4766686541, 0.5162938293]]
    for form in ("x0", "eps"):
        found = _run(order=1, form=form, variant="as_published_code")
        assert np.abs(found - first).max() < 1e-10
    data = [[0.850981074, 0.1730319165], [0.4634118202, 0.5610088876]]
    found = _run(order=2, variant="as_published_code")
    assert np.abs(found - data).max() < 1e-10
    noise = [[0.8445729043, 0.1711728238], [0.4668874471, 0.5493138781]]
    found = _run("eps", order=2, form="eps", variant="as_published_code")
    assert np.abs(found - noise).max() < 1e-10


def test_10_4_published_orders() -> None:
    assert published_orders(8, 2) == (1, 2, 2, 2, 2, 2, 1, 2)
    assert published_orders(8, 3) == (1, 2, 3, 3, 3, 2, 1, 3)
    assert published_orders(1, 3) == (1,)
    assert published_orders(10, 2) == (1, *[2] * 9)


@pytest.mark.parametrize(
    "options, order",
    [
        ({"order": 1}, 1),
        ({"order": 2}, 2),
        ({"order": 2, "form": "eps"}, 2),
        ({"order": 2, "variant": "as_published_code"}, 2),
        ({"order": 3, "variant": "as_published_code"}, 2),
    ],
    ids=str,
)
def test_10_5_orders(options: dict[str, Any], order: int) -> None:
    counts = (160, 320, 640)
    model = Gaussian(DATA_MEAN - MU, np.diag(DATA_VARIANCE))
    exact = model.flow(STARTS - MU, *SCHEDULE.levels([4.0, 1e-3])) + MU
    errors = [np.abs(_run(steps=n, **options) - exact).max() for n in counts]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(slope - order) < 0.25


def test_18_5_third_order_on_the_mixture() -> None:
    assert abs(fixtures.slope(MRSampler(order=3)) - 3) < 0.25
    assert 1.75 < fixtures.slope(MRSampler(order=3, variant="as_published_code")) < 2.5


@pytest.mark.parametrize("kind", ["eps", "score", "flow", "v", "velocity"])
def test_10_3_parameterizations_agree(kind: str) -> None:
    for form in ("x0", "eps"):
        assert np.abs(_run(kind, form=form) - _run("x0", form=form)).max() < 1e-11
    network = _Network(kind)
    shifted = MeanShifted(network, MU)
    assert shifted.prediction == Prediction(kind)
    for time in (3.0, 0.4):
        level = SCHEDULE.level(time)
        y = STARTS - MU
        a, b = shifted.prediction.pair(level, SCHEDULE)
        x0 = _denoise(STARTS, level) - MU
        eps = (y - level.alpha * x0) / level.sigma
        assert np.abs(shifted(y, time) - (a * x0 + b * eps)).max() < 1e-12
    assert network.times == [3.0, 0.4]


def test_10_2_first_order_step_in_the_images_coordinates() -> None:
    start, stop = SCHEDULE.levels([2.0, 1.5])
    h = stop.half_log_snr - start.half_log_snr
    ratio = stop.sigma / start.sigma
    x0 = _denoise(STARTS, start)
    by_hand = ratio * STARTS + (1 - ratio) * MU - stop.alpha * np.expm1(-h) * (x0 - MU)
    eps = (STARTS - start.alpha * x0 - (1 - start.alpha) * MU) / start.sigma
    other = stop.alpha / start.alpha
    again = other * STARTS + (1 - other) * MU - stop.sigma * np.expm1(h) * eps
    assert np.abs(by_hand - again).max() < 1e-14
    grid = make_grid(SCHEDULE, 1, "time_uniform", first=2.0, last=1.5)
    found = sample_mean_reverting(
        _Network("x0"), MU + 0 * STARTS, x=STARTS, solver="ddim", schedule=SCHEDULE, grid=grid
    )
    assert np.abs(np.asarray(found) - by_hand).max() < 1e-14


def test_18_6_mr_sampler_is_mean_shifted_dpm_solver_pp_with_taylor_weights() -> None:
    shifted = Gaussian(DATA_MEAN - MU, np.diag(DATA_VARIANCE))
    grid = make_grid(SCHEDULE, 12)
    for order in (1, 2, 3):
        for form in ("x0", "eps"):
            for eta in (0.0, 1.0):
                plain = DPMSolverMultistep(
                    order=order,
                    form=form,
                    solver_type="taylor",
                    eta=eta,
                    lower_order_final=False,
                )
                end = sample(
                    shifted, STARTS - MU, solver=plain, schedule=SCHEDULE, grid=grid, rng=1
                )
                found = _run(steps=12, order=order, form=form, eta=0.0) if eta == 0.0 else None
                if found is None:
                    found = np.asarray(
                        sample_mean_reverting(
                            _Network("x0"),
                            MU + 0 * STARTS,
                            x=STARTS,
                            solver=MRSampler(order=order, form=form, eta=1.0),
                            schedule=SCHEDULE,
                            grid=grid,
                            rng=1,
                        )
                    )
                assert np.abs(np.asarray(end) + MU - found).max() < 1e-13


def test_10_4_start_is_the_mean_plus_noise() -> None:
    mean = np.zeros((4000, 1)) + 0.3
    kept = []

    def network(x: np.ndarray, time: float) -> np.ndarray:
        kept.append(x)
        return 0.0 * x

    found = sample_mean_reverting(network, mean, steps=1, prediction="x0", rng=3)
    # Chebyshev: false-alarm rate below 1e-3 for the mean, 2e-3 for the variance.
    spread = float(MeanReverting().sigma(4.0))
    assert abs(kept[0].mean() - 0.3) < 33 * spread / np.sqrt(4000)
    assert abs(kept[0].std() / spread - 1) < 33 / np.sqrt(8000)
    again = sample_mean_reverting(network, mean, steps=1, prediction="x0", rng=3)
    assert np.array_equal(found, again)


def test_10_4_table_of_a_restoration_network() -> None:
    """Cumulative rates times dt, the index as time, and a first index that is not clean."""
    table = MeanRevertingTable.cosine(100)
    x = np.arange(103) / 102
    square = np.cos((x + 0.008) / 1.008 * np.pi / 2) ** 2
    thetas = 1 - (square / square[0])[1:-1]
    dt = -np.log(0.005) / thetas.sum()
    alphas = np.exp(-np.cumsum(thetas) * dt)
    indices = np.arange(101)
    assert np.abs(table.alpha(indices) - alphas).max() < 1e-14
    sigmas = 50 / 255 * np.sqrt(1 - alphas**2)
    assert np.abs(table.sigma(indices) - sigmas).max() < 1e-14
    assert table.alpha(0.0) < 1.0
    assert table.level(table.clean).is_clean
    times = np.linspace(0.3, 99.7, 40)
    assert np.abs(table.time_of(table.half_log_snr(times)) - times).max() < 1e-9
    h = 1e-6
    for slope, value in (
        (table.d_log_alpha, table.log_alpha),
        (table.d_half_log_snr, table.half_log_snr),
    ):
        numeric = (value(times + h) - value(times - h)) / (2 * h)
        assert np.abs(slope(times) / numeric - 1).max() < 1e-5
    seen: list[float] = []

    def network(x: np.ndarray, time: float) -> np.ndarray:
        seen.append(time)
        return _denoise(x, table.level(time))

    model = Gaussian(DATA_MEAN - MU, np.diag(DATA_VARIANCE))
    exact = model.flow(STARTS - MU, table.level(100.0), table.level(0.0)) + MU
    errors = []
    for steps in (20, 100):
        seen.clear()
        grid = make_grid(table, steps, "time_uniform")
        found = sample_mean_reverting(
            network, MU + 0 * STARTS, x=STARTS, schedule=table, grid=grid, prediction="x0"
        )
        assert np.abs(np.array(seen) - np.linspace(100.0, 0.0, steps + 1)[:-1]).max() < 1e-12
        errors.append(np.abs(np.asarray(found) - exact).max())
    assert errors[1] < 0.15 * errors[0] < 0.15 * 0.05
    assert table == MeanRevertingTable.cosine(100)
    assert hash(table) == hash(MeanRevertingTable.cosine(100))
    assert table != MeanRevertingTable.cosine(99)
    with pytest.raises(ArgumentError, match="rates_table: got"):
        MeanRevertingTable([1.0, -1.0])  # type: ignore[arg-type]


def test_bad_input() -> None:
    with pytest.raises(ArgumentError, match="prediction: got None"):
        sample_mean_reverting(lambda x, t: x, STARTS)
    with pytest.raises(ArgumentError, match="x: got shape"):
        sample_mean_reverting(_Network("x0"), STARTS, x=STARTS[:1])
    with pytest.raises(ArgumentError, match="order: got 4"):
        MRSampler(order=4)
    with pytest.raises(ArgumentError, match="order: got 3 with eta"):
        MRSampler(order=3, eta=1.0, variant="as_published_code")
    with pytest.raises(ArgumentError, match="eta: got -1"):
        MRSampler(eta=-1.0)
