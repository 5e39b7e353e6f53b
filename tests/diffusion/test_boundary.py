"""Optimal boundary conditions: SPEC 14."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnla import ArgumentError, ArgumentTypeError
from rnla.diffusion import LowRankGaussian, VPLinear, make_grid, sample
from rnla.diffusion.boundary import best_of, mean_squared_error

D, PAIRS, NOISE = 3, 5, 0.4
SCHEDULE = VPLinear()
GRID = make_grid(SCHEDULE, 6)
RNG = np.random.default_rng(0)
ROOT = RNG.standard_normal((D, D))
COVARIANCE = ROOT @ ROOT.T / D + 0.1 * np.eye(D)
FORWARD = RNG.standard_normal((2, D))
WANTED = RNG.standard_normal((PAIRS, D)) @ np.linalg.cholesky(COVARIANCE).T
CONDITIONS = WANTED @ FORWARD.T + NOISE * RNG.standard_normal((PAIRS, 2))
# x0 given y = F x0 + noise is normal with mean G y.
GAIN = (
    COVARIANCE @ FORWARD.T @ np.linalg.inv(FORWARD @ COVARIANCE @ FORWARD.T + NOISE**2 * np.eye(2))
)
POSTERIOR = COVARIANCE - GAIN @ FORWARD @ COVARIANCE


class _Conditional:
    """The exact denoiser of N(G y, P), one y for each sample."""

    prediction, takes_level = "x0", True

    def __init__(self, means: np.ndarray) -> None:
        values, vectors = np.linalg.eigh(POSTERIOR)
        self.means = means
        self.centred = LowRankGaussian(np.zeros(D), vectors, np.maximum(values, 0.0))

    def __call__(self, x: np.ndarray, level: Any) -> np.ndarray:
        return np.asarray(self.means + self.centred(x - level.alpha * self.means, level))


def solve(noise: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    model = _Conditional(conditions @ GAIN.T)
    return np.asarray(sample(model, noise, solver="dpmpp_2m", schedule=SCHEDULE, grid=GRID).values)


def _affine() -> tuple[np.ndarray, np.ndarray]:
    """A and b(y) of the map h = A x_T + b(y), read off the sampler."""
    zero = solve(np.zeros((PAIRS, D)), CONDITIONS)
    columns = solve(np.eye(D), np.repeat(CONDITIONS[:1], D, axis=0)) - zero[0]
    return columns.T, zero


def _minimiser() -> np.ndarray:
    A, zero = _affine()
    return np.linalg.solve(A.T @ A, A.T @ (WANTED - zero).mean(axis=0))


def test_14_4_the_objective_is_quadratic_and_the_best_approaches_its_minimiser() -> None:
    A, zero = _affine()
    exact = _minimiser()
    floor = float((((zero + A @ exact) - WANTED) ** 2).mean())
    found = best_of(solve, CONDITIONS, WANTED, count=300, rng=0)
    # Scores are the quadratic's values.
    candidates = best_of(solve, CONDITIONS, WANTED, count=1, rng=0).noise
    value = float(((zero + candidates @ A.T - WANTED) ** 2).mean())
    assert abs(found.scores[0] - value) < 1e-12
    assert np.all(found.scores >= floor - 1e-12)
    excess = [
        best_of(solve, CONDITIONS, WANTED, count=k, rng=0).scores.min() - floor
        for k in (1, 30, 300)
    ]
    assert excess[2] < 0.1 * excess[0]
    # The minimiser, put among the candidates, is the one chosen.
    among = np.concatenate([np.random.default_rng(3).standard_normal((20, D)), exact[None]])
    best = best_of(solve, CONDITIONS, WANTED, candidates=among)
    assert best.index == 20
    assert abs(best.scores[20] - floor) < 1e-12
    assert best.seed is None


def test_14_4_the_excess_over_the_minimum_falls_as_it_must() -> None:
    """K candidates are nested: never worse with more, for any seed."""
    for seed in range(5):
        whole = best_of(solve, CONDITIONS, WANTED, count=40, rng=seed)
        for k in (1, 7, 20):
            fewer = best_of(solve, CONDITIONS, WANTED, count=k, rng=seed)
            assert np.array_equal(fewer.scores, whole.scores[:k])
            assert fewer.scores.min() >= whole.scores.min()


def test_14_4_order_and_size_of_batches_do_not_matter() -> None:
    whole = best_of(solve, CONDITIONS, WANTED, count=12, rng=1)
    for batch in (1, 7, 1000):
        other = best_of(solve, CONDITIONS, WANTED, count=12, batch=batch, rng=1)
        assert np.abs(other.scores - whole.scores).max() < 1e-13
        assert other.index == whole.index
    order = np.array([3, 0, 4, 2, 1])
    turned = best_of(solve, CONDITIONS[order], WANTED[order], count=12, rng=1)
    assert np.abs(turned.scores - whole.scores).max() < 1e-13


def test_14_3_the_metric_is_the_callers() -> None:
    furthest = best_of(
        solve, CONDITIONS, WANTED, count=12, rng=1, metric=lambda a, b: -mean_squared_error(a, b)
    )
    plain = best_of(solve, CONDITIONS, WANTED, count=12, rng=1)
    assert furthest.index == int(np.argmax(plain.scores))
    start = plain.start(4)
    assert start.shape == (4, D)
    assert np.array_equal(start[3], plain.noise)
    assert plain.seed == 1


def test_14_2_the_best_noise_beats_a_random_one_on_new_conditions() -> None:
    """Over 400 new pairs, mean squared error of one chosen start against fresh noise."""
    rng = np.random.default_rng(7)
    truth = rng.standard_normal((400, D)) @ np.linalg.cholesky(COVARIANCE).T
    seen = truth @ FORWARD.T + NOISE * rng.standard_normal((400, 2))
    best = best_of(solve, CONDITIONS, WANTED, count=100, rng=0)
    chosen = mean_squared_error(solve(best.start(400), seen), truth).mean()
    random = mean_squared_error(solve(rng.standard_normal((400, D)), seen), truth).mean()
    assert chosen < 0.9 * random


def test_bad_input() -> None:
    with pytest.raises(ArgumentError, match="count: got count=None"):
        best_of(solve, CONDITIONS, WANTED)
    with pytest.raises(ArgumentError, match="conditions: got 4"):
        best_of(solve, CONDITIONS[:4], WANTED, count=2)
    with pytest.raises(ArgumentError, match="candidates: got samples of shape"):
        best_of(solve, CONDITIONS, WANTED, candidates=np.zeros((2, D + 1)))
    with pytest.raises(ArgumentTypeError, match="solve: got int"):
        best_of(3, CONDITIONS, WANTED, count=2)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="metric: got shape"):
        best_of(solve, CONDITIONS, WANTED, count=2, metric=lambda a, b: np.zeros(1))
    with pytest.raises(ArgumentError, match="metric: got nan"):
        best_of(solve, CONDITIONS, WANTED, count=2, metric=lambda a, b: np.full(len(a), np.nan))
