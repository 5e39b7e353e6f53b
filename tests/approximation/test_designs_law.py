"""Laws of the designs on finite measures, against probabilities by enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaincc

from rnla.approximation import (
    determinantal_rejection_design,
    iid_design,
    projection_dpp_design,
    volume_design,
)

from .finite import random_basis, set_probabilities

DRAWS = 2000


def p_value(basis, draw_set):
    """p-value of the chi-squared test of sets drawn against the projection DPP."""
    sets, probabilities = set_probabilities(basis)
    places = {frozenset(entry): i for i, entry in enumerate(sets)}
    counts = np.zeros(len(sets) + 1)
    for draw in range(DRAWS):
        drawn = frozenset(draw_set(draw).astype(int).tolist())
        counts[places.get(drawn, len(sets))] += 1
    if counts[-1]:
        return 0.0  # a point drawn twice has probability zero
    expected = DRAWS * probabilities
    statistic = ((counts[:-1] - expected) ** 2 / expected).sum()
    return float(gammaincc(0.5 * (len(sets) - 1), 0.5 * statistic))


SAMPLERS = {
    "rejection": lambda basis, draw: projection_dpp_design(basis, rng=1, draw=draw),
    "determinantal": lambda basis, draw: determinantal_rejection_design(basis, 3, rng=2, draw=draw),
    "volume": lambda basis, draw: volume_design(basis, 3, reference="mixed", rng=3, draw=draw),
}


@pytest.mark.parametrize("imaginary", [False, True])
@pytest.mark.parametrize("name", SAMPLERS)
def test_check_11_sets_have_the_law_of_the_projection_dpp(name, imaginary):
    """Chi-squared over all C(8, 3) subsets; false-alarm rate 1e-4 for each of six."""
    basis = random_basis(8, 3, seed=4, imaginary=imaginary)
    assert p_value(basis, lambda draw: SAMPLERS[name](basis, draw).points[:, 0]) > 1e-4


def test_check_11_the_test_notices_independent_points():
    basis = random_basis(8, 3, seed=4)
    assert p_value(basis, lambda draw: iid_design(basis, 3, rng=1, draw=draw).points[:, 0]) < 1e-4
    first = random_basis(8, 3, seed=5)
    wrong = lambda draw: projection_dpp_design(first, rng=1, draw=draw).points[:, 0]  # noqa: E731
    assert p_value(basis, wrong) < 1e-4
