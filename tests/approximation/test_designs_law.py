"""Laws of the designs on finite measures, against probabilities by enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaincc

from rnla.approximation import (
    determinantal_rejection_design,
    iid_design,
    projection_dpp_design,
    repeated_dpp_design,
    volume_design,
)
from tests.counts import count

from .finite import random_basis, set_probabilities

DRAWS = 2000


def p_value(basis, draw_set, draws=DRAWS):
    """p-value of the chi-squared test of sets drawn against the projection DPP."""
    sets, probabilities = set_probabilities(basis)
    places = {frozenset(entry): i for i, entry in enumerate(sets)}
    counts = np.zeros(len(sets) + 1)
    for draw in range(draws):
        drawn = frozenset(draw_set(draw).astype(int).tolist())
        counts[places.get(drawn, len(sets))] += 1
    if counts[-1]:
        return 0.0  # a point drawn twice has probability zero
    expected = draws * probabilities
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


@pytest.mark.slow
def test_check_11_law_with_many_draws(record_property):
    """2e5 draws (1e4 in `make check`) of blocks of proposals; false-alarm rate 1e-4 at either."""
    draws = count(full=200_000, check=10_000)
    basis = random_basis(8, 3, seed=4)
    p = p_value(basis, lambda draw: SAMPLERS["rejection"](basis, draw).points[:, 0], draws)
    record_property("check", "11 blocked rejection")
    record_property("measured", p)
    record_property("threshold", 1e-4)
    record_property("count", draws)
    record_property("false_alarm_rate", 1e-4)
    assert p > 1e-4


def test_check_11_the_test_notices_independent_points():
    basis = random_basis(8, 3, seed=4)
    assert p_value(basis, lambda draw: iid_design(basis, 3, rng=1, draw=draw).points[:, 0]) < 1e-4
    first = random_basis(8, 3, seed=5)
    wrong = lambda draw: projection_dpp_design(first, rng=1, draw=draw).points[:, 0]  # noqa: E731
    assert p_value(basis, wrong) < 1e-4


def marginal_z(basis, make, expected):
    """Largest |z| over the points of the mean number of visits against n times a law."""
    N = len(expected)
    counts = np.array(
        [np.bincount(make(draw).points[:, 0].astype(int), minlength=N) for draw in range(DRAWS)]
    )
    n = counts[0].sum()
    error = counts.std(axis=0) / np.sqrt(DRAWS)
    return float(np.abs((counts.mean(axis=0) - n * expected) / error).max())


def reference_law(basis, reference):
    masses, m = basis.measure.masses, basis.dimension
    christoffel = masses * basis.k / m
    return {
        "christoffel": christoffel,
        "mixed": 0.5 * masses + 0.5 * christoffel,
        "plain": masses,
    }[reference]


@pytest.mark.parametrize("reference", ["christoffel", "mixed", "plain"])
@pytest.mark.parametrize("n", [3, 5])
def test_points_of_each_reference_have_their_marginal_law(reference, n):
    """P3: (m/n) (k/m) mu + (1 - m/n) nu under volume sampling, nu for independent points.

    |z| <= 5 over nine points each: false-alarm rate below 1e-5.
    """
    basis = random_basis(9, 3, seed=6)
    nu, christoffel = reference_law(basis, reference), reference_law(basis, "christoffel")
    volume = 3 / n * christoffel + (1 - 3 / n) * nu

    def independent(draw):
        return iid_design(basis, n, reference=reference, rng=4, draw=draw)

    def rescaled(draw):
        return volume_design(basis, n, reference=reference, rng=4, draw=draw)

    assert marginal_z(basis, independent, nu) <= 5.0
    assert marginal_z(basis, rescaled, volume) <= 5.0
    if reference == "plain":
        assert marginal_z(basis, rescaled, nu) > 5.0


@pytest.mark.parametrize("n", [4, 6, 8])
def test_points_of_repeated_dpps_have_the_optimal_marginal_law(n):
    """Also where the last DPP is cut short; |z| <= 5, false-alarm rate below 1e-5."""
    basis = random_basis(9, 3, seed=6)
    z = marginal_z(
        basis,
        lambda draw: repeated_dpp_design(basis, n, rng=4, draw=draw),
        reference_law(basis, "christoffel"),
    )
    assert z <= 5.0


def test_a_weight_belongs_to_its_reference():
    """w = dmu/dnu: on a finite measure, mass over probability."""
    basis = random_basis(9, 3, seed=6)
    for reference in ("christoffel", "mixed", "plain"):
        design = volume_design(basis, 40, reference=reference, rng=1)
        places = design.points[:, 0].astype(int)
        expected = (basis.measure.masses / reference_law(basis, reference))[places]
        np.testing.assert_allclose(design.weights, expected, rtol=1e-12)
