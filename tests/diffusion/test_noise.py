"""Sources of noise: seeded normals, one Brownian path for all grids, fixed arrays (17.3)."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from rnla import ArgumentError, ArgumentTypeError
from rnla.diffusion import (
    BrownianNoise,
    FixedNoise,
    Grid,
    SeededNoise,
    VarianceExploding,
    ZeroNoise,
    make_grid,
    sample,
)
from rnla.random import Stream

from .fixtures import STARTS, VP, gmm_a, log_snr_grid
from .impulse import scalar_gaussian

ENDS = VP.levels([1.0, 1e-3])
LIKE = np.zeros((6, 3, 5))


def test_a_sample_has_its_own_noise_whatever_the_batch():
    noise = SeededNoise(1)
    whole = noise(4, LIKE, ENDS)
    for b in range(6):
        np.testing.assert_array_equal(SeededNoise(1, first=b)(4, LIKE[:1], ENDS)[0], whole[b])
    assert np.unique(whole).size == whole.size
    assert not np.any(noise(5, LIKE, ENDS) == whole)
    assert not np.any(SeededNoise(2)(4, LIKE, ENDS) == whole)


def test_large_batches_may_be_sampled_in_parts():
    grid = log_snr_grid(5)
    x = np.random.default_rng(0).normal(size=(10, 2))
    whole = sample(gmm_a(), x, solver="ddpm", grid=grid, rng=9).values
    parts = [
        sample(
            gmm_a(), x[i : i + 4], solver="ddpm", grid=grid, noise=SeededNoise(9, first=i)
        ).values
        for i in range(0, 10, 4)
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-12)


def test_noise_follows_the_state_in_dtype():
    assert SeededNoise(0)(0, LIKE.astype(np.float32), ENDS).dtype == np.float32
    np.testing.assert_allclose(
        SeededNoise(0)(0, LIKE.astype(np.float32), ENDS), SeededNoise(0)(0, LIKE, ENDS), rtol=1e-6
    )


def test_seeded_noise_is_normal():
    """Kolmogorov's test on 90,000 numbers at level 1e-4: that is the false-alarm rate."""
    z = SeededNoise(11)(0, np.zeros((300, 300)), ENDS)
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-4
    assert not stats.kstest(1.05 * z.ravel(), "norm").pvalue > 1e-4  # 5 % too wide is seen
    rows = np.corrcoef(z)[np.triu_indices(300, 1)]
    assert np.abs(rows).max() < 6.5 / math.sqrt(300)


def test_fixed_and_zero_noise():
    z = [np.full((4, 2), 0.5), np.full((4, 2), -1.0)]
    noise = FixedNoise(z)
    np.testing.assert_array_equal(noise(1, STARTS, ENDS), z[1])
    np.testing.assert_array_equal(FixedNoise(lambda n: z[n])(0, STARTS, ENDS), z[0])
    assert noise(0, STARTS.astype(np.float32), ENDS).dtype == np.float32
    np.testing.assert_array_equal(ZeroNoise()(0, STARTS, ENDS), np.zeros((4, 2)))
    with pytest.raises(ArgumentError, match="noise: got 2 arrays, and draw number 2"):
        noise(2, STARTS, ENDS)
    with pytest.raises(ArgumentError, match=r"noise: got shape \(4, 2\) at draw 0"):
        noise(0, STARTS[:1], ENDS)


@pytest.mark.parametrize("clock", ["snr", "rho", "half_log_snr"])
def test_brownian_increments_add_up(clock):
    clocks = {
        "snr": lambda l: math.exp(2 * l.half_log_snr),
        "rho": lambda l: -l.rho,
        "half_log_snr": lambda l: l.half_log_snr,
    }
    levels = VP.levels(make_grid(VP, 7).times)
    noise = BrownianNoise(levels[0], levels[-1], 5, clock=clock, depth=26)

    def increment(a, b):
        width = clocks[clock](b) - clocks[clock](a)
        return math.sqrt(width) * noise(0, STARTS, (a, b))

    whole = increment(levels[0], levels[-1])
    pieces = sum(increment(a, b) for a, b in pairwise(levels))
    np.testing.assert_allclose(pieces, whole, rtol=1e-10)


def test_brownian_increments_are_independent_normals():
    """Kolmogorov's test at level 1e-4 per interval, and correlations at 6 sigma: under 1e-3."""
    levels = VP.levels(make_grid(VP, 4).times)
    noise = BrownianNoise(levels[0], levels[-1], 3)
    like = np.zeros((2000, 1))
    z = [noise(0, like, (a, b)).ravel() for a, b in pairwise(levels)]
    for increment in z:
        assert stats.kstest(increment, "norm").pvalue > 1e-4
    correlations = np.corrcoef(z)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 6 / math.sqrt(2000)
    # Overlapping intervals are not independent, and this test says so.
    overlap = noise(0, like, (levels[2], levels[4])).ravel()
    assert abs(np.corrcoef(overlap, z[3])[0, 1]) > 6 / math.sqrt(2000)


def test_brownian_noise_makes_grids_of_any_fineness_agree_path_by_path():
    # The SDE of Gaussian data by the exact posterior steps: with one path the ends approach each
    # other as the grid grows finer, with fresh noise they do not.
    schedule = VarianceExploding(0.05, 20.0)
    model = scalar_gaussian()
    x = 20.0 * np.linspace(-1.0, 1.0, 32)[:, None]

    def end(steps, noise):
        grid = make_grid(schedule, steps)
        return sample(model, x, solver="ddpm", schedule=schedule, grid=grid, noise=noise).values

    path = BrownianNoise(schedule.level(20.0), schedule.level(0.05), 7)
    ends = [end(steps, path) for steps in (8, 32, 128, 512)]
    gaps = [np.sqrt(np.mean((a - ends[-1]) ** 2)) for a in ends[:-1]]
    assert gaps[0] > 2.5 * gaps[1] > 2.5 * 2.5 * gaps[2]
    assert gaps[2] < 0.04
    fresh = np.sqrt(np.mean((end(128, SeededNoise(1)) - end(512, SeededNoise(2))) ** 2))
    assert fresh > 0.5


def test_brownian_noise_of_a_sample_does_not_depend_on_the_batch():
    noise = BrownianNoise(*ENDS, 5)
    whole = noise(0, LIKE, VP.levels([0.5, 0.2]))
    one = BrownianNoise(*ENDS, 5, first=4)(0, LIKE[:1], VP.levels([0.5, 0.2]))
    np.testing.assert_array_equal(one[0], whole[4])


def test_bad_noise_is_refused():
    with pytest.raises(ArgumentError, match=r"noise: got an interval that ends at time 0\.0001"):
        BrownianNoise(*ENDS, 5)(0, LIKE, VP.levels([0.5, 1e-4]))
    with pytest.raises(ArgumentError, match="stop: got"):
        BrownianNoise(ENDS[1], ENDS[0])
    with pytest.raises(ArgumentError, match="clock: got 'time'"):
        BrownianNoise(*ENDS, clock="time")
    with pytest.raises(ArgumentTypeError, match="noise: got int"):
        sample(gmm_a(), STARTS, solver="ddpm", noise=3, grid=Grid([1.0, 0.5]))


def test_seeds_are_recorded_and_streams_are_the_librarys():
    result = sample(gmm_a(), STARTS, solver="ddpm", steps=3)
    again = sample(gmm_a(), STARTS, solver="ddpm", steps=3, rng=result.seed)
    np.testing.assert_array_equal(result.values, again.values)
    assert sample(gmm_a(), STARTS, solver="ddim", steps=3).seed is None
    index = np.array([3 * 2**32, 3 * 2**32 + 1])
    plain = Stream(8, "diffusion noise").normal(index, 2, draw=2).ravel()[:3]
    np.testing.assert_array_equal(SeededNoise(8, first=3)(2, np.zeros((1, 3)), ENDS)[0], plain)
