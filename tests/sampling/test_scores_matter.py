"""Every design draws by the scores it is given, with the default options of `sample_rows`."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from rnla.sampling import sample_rows
from rnla.sampling.draw import DESIGNS

FALSE_ALARM = 1e-6


def heavy_share(design: str, scores: np.ndarray, size: int, draws: int) -> float:
    """Average number of the heavy rows (score above 1) kept, with repeats, per draw."""
    heavy = np.flatnonzero(scores > 1.0)
    total = 0
    for seed in range(draws):
        sample = sample_rows(scores, size, design=design, rng=seed)
        total += int(sample.multiplicities[np.isin(sample.indices, heavy)].sum())
    return total / draws


def light_and_heavy() -> np.ndarray:
    return np.concatenate([np.ones(1000), np.full(20, 20.0)])


@pytest.mark.parametrize("design", DESIGNS)
def test_heavy_rows_are_drawn_by_their_scores(design):
    """Twenty rows hold 400 of 1400 units; of 50 draws 14.3 hit them, of uniform ones only 1.

    No design has a larger variance of the count than independent draws, so a normal band at the
    false-alarm rate 1e-6 around the mean, widened by the 1 % floor and by 5 % for priority
    sampling, whose inclusion probabilities follow scores only approximately, holds for all.
    """
    draws = 60
    measured = heavy_share(design, light_and_heavy(), 50, draws)
    expected = 50 * 400 / 1400
    band = scipy.stats.norm.isf(FALSE_ALARM / 2) * np.sqrt(expected / draws)
    assert abs(measured - expected) <= band + 0.06 * expected


def test_uniform_draws_are_caught():
    """Companion: the same band rejects draws that forget the scores."""
    uniform = np.mean(
        [np.sum(sample_rows(np.ones(1020), 50, rng=seed).indices >= 1000) for seed in range(60)]
    )
    expected = 50 * 400 / 1400
    assert abs(uniform - expected) > scipy.stats.norm.isf(FALSE_ALARM / 2) * np.sqrt(expected / 60)
