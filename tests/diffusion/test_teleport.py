"""Gaussian score approximation and analytical teleportation: SPEC 13."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.integrate import solve_ivp

import rnla
from rnla import ArgumentError, ArgumentTypeError
from rnla.diffusion import Gaussian, Level, VPLinear, make_grid, sample
from rnla.diffusion.models.analytic import LowRankGaussian
from rnla.diffusion.randomized_pca import principal_components
from rnla.diffusion.schedules import VarianceExploding
from rnla.diffusion.teleportation import teleport

from . import fixtures

VE = VarianceExploding()
MEAN = np.array([-0.2, -0.09])
COVARIANCE = np.array([[0.849, 0.132], [0.132, 0.4439]])


def _ve(rho: float) -> Level:
    return VE.level(rho)


def _tight(model: object, x: np.ndarray, start: float, stop: float) -> np.ndarray:
    """DOP853 of dx/dσ = (x - D) / σ in log σ."""

    def rate(u: float, y: np.ndarray) -> np.ndarray:
        state = y.reshape(x.shape)
        return (state - model(state, _ve(math.exp(u)))).ravel()  # type: ignore[operator]

    span = (math.log(start), math.log(stop))
    end = solve_ivp(rate, span, x.ravel(), method="DOP853", rtol=1e-13, atol=1e-13)
    return np.asarray(end.y[:, -1]).reshape(x.shape)


def test_13_5_golden_flow_of_a_gaussian() -> None:
    model = fixtures.plane_gaussian()
    x = 80.0 * fixtures.STARTS
    printed = {
        10.0: ((5.621673213244, -3.349525282287), (20.654602126665, -7.340690041822)),
        1.0: ((1.275182086367, -0.693770454926), (3.073911425661, -1.021416297617)),
        0.002: ((0.988955948185, -0.472825807139), (1.954049088205, -0.433714756622)),
    }
    grid = VE.levels([80.0, *printed])
    for level in grid[1:]:
        moved = model.flow(x, grid[0], level)
        fixtures.assert_golden(moved, *printed[level.time])
        assert np.abs(moved - _tight(model, x, 80.0, level.time)).max() < 1e-11
    start, stop = VPLinear().levels([1.0, 0.3])
    moved = model.flow(fixtures.STARTS, start, stop)
    fixtures.assert_golden(
        moved, (0.870202137855, -0.48171286222), (2.19347212228, -0.753040423138)
    )


def test_13_5_distance_to_the_mixtures_trajectory_falls_as_the_square_of_the_level() -> None:
    model, close = fixtures.gmm_a(), Gaussian(MEAN, COVARIANCE)
    x = 80.0 * fixtures.STARTS
    printed = {20.0: 2.25e-4, 10.0: 9.00e-4, 5.0: 3.54e-3, 2.0: 2.60e-2, 1.0: 0.113, 0.5: 0.325}
    true, before = x, 80.0
    for rho, distance in printed.items():
        true, before = _tight(model, true, before, rho), rho
        moved = close.flow(x, _ve(80.0), _ve(rho))
        found = float(np.abs(moved - true).max())
        assert abs(found - distance) < 0.5 * 10.0 ** (math.floor(math.log10(distance)) - 2) * 1.02
        if rho == 5.0:
            fixtures.assert_golden(
                moved, (2.35074881935, -1.591003961011), (9.971312615454, -3.589135306514)
            )


def test_13_5_half_of_the_steps_are_free() -> None:
    model, close = fixtures.gmm_a(), Gaussian(MEAN, COVARIANCE)
    grid = make_grid(VE, 17, "karras")
    x = 80.0 * fixtures.STARTS
    reference = _tight(model, x, 80.0, 0.002)
    printed = {
        0: (34, 0.03987),
        2: (30, 0.03986),
        4: (26, 0.03982),
        6: (22, 0.03956),
        8: (18, 0.03749),
        9: (16, 0.03375),
        10: (14, 0.02994),
    }
    for index, (evaluations, error) in printed.items():
        start = teleport(x, close, schedule=VE, grid=grid, index=index)
        assert start.skipped == index
        assert abs(start.level.time - grid.times[index]) < 1e-12 * grid.times[index]
        found = sample(model, start.x, schedule=VE, grid=start.grid, solver="edm")
        assert found.evaluations == evaluations
        end = found.values
        assert abs(fixtures.error(end, reference) - error) < 0.6e-5
        if index == 8:
            fixtures.assert_golden(
                end, (0.216757926199, -0.462791199647), (1.309993870503, 0.235928694652)
            )


def test_18_7_teleporting_gaussian_data_is_exact_on_every_schedule() -> None:
    model = fixtures.plane_gaussian()
    for schedule in (VPLinear(), VE):
        grid = make_grid(schedule, 12)
        x = fixtures.STARTS * schedule.level(schedule.first).sigma
        start = teleport(x, model, schedule=schedule, grid=grid, index=5)
        levels = grid.levels(schedule)
        whole = model.flow(x, levels[0], levels[-1])
        rest = model.flow(start.x, start.level, levels[-1])
        assert np.abs(whole - rest).max() < 1e-12
        end = sample(model, start.x, schedule=schedule, grid=start.grid, solver="ddim")
        assert end.evaluations == 7


def _images(n: int, d: int, *, seed: int = 0, noise: float = 0.05) -> np.ndarray:
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((d, 12))).Q
    scales = 3.0 * 0.8 ** np.arange(12)
    return 5.0 + rng.standard_normal((n, 12)) * scales @ Q.T + noise * rng.standard_normal((n, d))


@pytest.mark.parametrize("form", ["dense", "float32", "sparse"])
def test_13_4_randomized_components_agree_with_the_covariance(form: str) -> None:
    A = _images(400, 300)
    if form == "float32":
        A = A.astype(np.float32)
    elif form == "sparse":
        A = np.where(np.abs(A - 5.0) > 0.3, A, 0.0)
    data = sp.csr_array(A) if form == "sparse" else A
    C = np.cov(A.astype(np.float64).T, bias=True)
    values = np.linalg.eigvalsh(C)[::-1]
    found = principal_components(data, rank=8, powers=4, method="randomized", rng=1)
    assert found.method == "randomized"
    assert found.passes == 2 + 4 + 1
    assert np.abs(found.mean - A.astype(np.float64).mean(axis=0)).max() < 1e-12
    assert np.all(found.values <= values[:8] * (1 + 1e-12))
    assert np.abs(found.values / values[:8] - 1).max() < (1e-6 if form != "sparse" else 2e-2)
    assert np.abs(found.vectors.T @ found.vectors - np.eye(8)).max() < 1e-12
    assert abs(found.tail * 292 + found.values.sum() - np.trace(C)) < 1e-9 * np.trace(C)
    exact = principal_components(data, rank=8, method="exact", rng=1)
    assert np.abs(exact.values / values[:8] - 1).max() < 1e-10
    again = principal_components(rnla.as_tall(data), rank=8, powers=4, method="randomized", rng=1)
    assert np.array_equal(again.values, found.values)


def test_13_4_choice_of_method_and_ranks() -> None:
    A = _images(60, 40)
    whole = principal_components(A, rank=40)
    assert whole.method == "exact"
    assert whole.tail == 0.0
    assert whole.passes == 2
    assert principal_components(_images(60, 300), rank=8, rng=0).method == "randomized"
    # More directions than samples: the rest of the variance is nothing, and stays so.
    few = principal_components(A[:5], rank=6)
    assert np.all(few.values >= 0)
    assert few.values[4] < 1e-12
    assert few.tail < 1e-12


def test_13_2_low_rank_flow_is_the_flow_of_its_covariance() -> None:
    A = _images(200, 30)
    found = principal_components(A, rank=6)
    for tail in (True, False):
        low = found.gaussian(tail=tail)
        rest = found.tail if tail else 0.0
        U = found.vectors
        C = U @ np.diag(found.values - rest) @ U.T + rest * np.eye(30)
        full = Gaussian(found.mean, C)
        x = np.random.default_rng(3).standard_normal((5, 30))
        start, stop = VPLinear().levels([0.9, 0.2])
        assert np.abs(low.flow(x, start, stop) - full.flow(x, start, stop)).max() < 1e-11
        assert np.abs(low.score(x, stop) - full.score(x, stop)).max() < 1e-9
    pictures = found.gaussian(shape=(5, 6))
    moved = pictures.flow(x.reshape(5, 5, 6), start, stop)
    assert np.abs(moved.reshape(5, 30) - found.gaussian().flow(x, start, stop)).max() == 0


def test_bad_input() -> None:
    grid = make_grid(VE, 4)
    x = np.ones((1, 2))
    model = fixtures.plane_gaussian()
    with pytest.raises(ArgumentError, match="index: got 4"):
        teleport(x, model, schedule=VE, grid=grid, index=4)
    with pytest.raises(ArgumentTypeError, match="gaussian: got GaussianMixture"):
        teleport(x, fixtures.gmm_a(), schedule=VE, grid=grid, index=1)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="samples: got 1 row"):
        principal_components(np.ones((1, 3)), rank=1)
    with pytest.raises(ArgumentError, match="rank: got 4"):
        principal_components(np.ones((2, 3)), rank=4)
    with pytest.raises(ArgumentError, match="vectors: got columns that are not orthonormal"):
        LowRankGaussian(np.zeros(2), np.ones((2, 1)), [1.0])
    with pytest.raises(ArgumentError, match="vectors: got shape"):
        LowRankGaussian(np.zeros(2), np.eye(2), [1.0])
    with pytest.raises(ArgumentError, match="values: got -1"):
        LowRankGaussian(np.zeros(2), np.eye(2), [1.0, -1.0])
    with pytest.raises(ArgumentError, match="method: got 'svd'"):
        principal_components(np.ones((2, 3)), rank=1, method="svd")
