"""The sampler of projection DPPs coordinate by coordinate: exact laws on grids, and its pieces."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from rnla.approximation import (
    Discrete,
    Fourier,
    Gaussian,
    Haar,
    Product,
    TensorBasis,
    Uniform,
    hyperbolic_cross,
    total_degree,
)
from rnla.approximation.designs import projection_dpp, tensor_dpp
from rnla.random import Stream

GRID = [Discrete([0.0, 1.0, 3.0], [1, 2, 1]), Discrete([-1.0, 0.5, 1.0]), Discrete([0.0, 2.0])]
SPACES = {
    "plane": TensorBasis(Product(GRID[:2]), 1),
    "not downward closed": TensorBasis(Product(GRID[:2]), [[0, 2], [1, 0], [2, 1]]),
    "three coordinates": TensorBasis(Product(GRID), [[0, 0, 1], [1, 0, 0], [1, 2, 1], [0, 2, 0]]),
}


def law(basis):
    """The atoms, and P of every m-subset of them by determinants."""
    marginals = basis.measure.marginals
    atoms = np.array(list(itertools.product(*[part.points.ravel() for part in marginals])))
    masses = np.array([np.prod(w) for w in itertools.product(*[p.weights for p in marginals])])
    rows = np.sqrt(masses)[:, None] * basis.evaluate(atoms)
    sets = list(itertools.combinations(range(len(atoms)), basis.dimension))
    return atoms, sets, np.array([np.linalg.det(rows[list(S)]) ** 2 for S in sets])


def p_value(basis, sampler, draws, *, expected_of=None):
    atoms, sets, probabilities = law(expected_of or basis)
    assert probabilities.sum() == pytest.approx(1.0, rel=1e-9)
    places = {frozenset(entry): i for i, entry in enumerate(sets)}
    counts = np.zeros(len(sets))
    for i in range(draws):
        points = sampler.draw_points(basis, Stream(2, f"{i}"))[0]
        rows = (points[:, None] == atoms).all(axis=2).argmax(axis=1)
        counts[places[frozenset(rows.tolist())]] += 1
    expected = draws * probabilities
    assert not counts[expected < 1e-9].any()
    thick = expected >= 5.0
    thin = ~thick & (expected >= 1e-9)
    pairs = [(counts[thick], expected[thick])]
    if expected[thin].sum() >= 5.0:
        pairs.append((counts[thin].sum(), expected[thin].sum()))
    observed, wanted = (np.hstack(part) for part in zip(*pairs, strict=True))
    statistic = ((observed - wanted) ** 2 / wanted).sum()
    return float(stats.chi2.sf(statistic, observed.size - 1))


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("sampler", [tensor_dpp, projection_dpp])
def test_check_11_sets_on_a_grid_have_the_law_of_the_projection_dpp(name, sampler):
    """Chi-squared over all subsets; 1,200 draws, false-alarm rate 1e-4 for each of six."""
    assert p_value(SPACES[name], sampler, 1200) > 1e-4


def test_check_11_another_space_is_told_apart():
    basis = SPACES["plane"]
    other = TensorBasis(basis.measure, [[0, 0], [1, 0], [1, 1]])
    assert p_value(basis, tensor_dpp, 1200, expected_of=other) < 1e-4


def brute_marginal(basis, frame, given, l):
    """M_l by its definition: M times the values at the coordinates given, over equal tails."""
    matrix = np.eye(basis.dimension) - frame.T @ frame
    for j, x in enumerate(given):
        values = basis.families[j].evaluate([x], basis.degrees[j])[0][basis.indices[:, j]]
        matrix *= np.outer(values, values)
    result = np.zeros((basis.degrees[l] + 1,) * 2)
    for a, first in enumerate(basis.indices):
        for b, second in enumerate(basis.indices):
            if (first[l + 1 :] == second[l + 1 :]).all():
                result[first[l], second[l]] += matrix[a, b]
    return result


@pytest.mark.parametrize(
    "indices",
    [total_degree(3, 3), hyperbolic_cross(3, 5), [[0, 4, 0], [2, 0, 1], [3, 0, 1], [0, 1, 0]]],
)
def test_merged_columns_give_the_marginals_of_every_coordinate(indices):
    basis = TensorBasis(Product([Uniform(), Gaussian(), Uniform(0, 1)]), indices)
    m = basis.dimension
    frame = np.linalg.qr(np.random.default_rng(0).standard_normal((m, m)))[0][: m // 2]
    given = [0.3, -1.2, 0.9]
    order = np.lexsort(basis.indices.T)
    columns, masses = frame[:, order], np.ones(m)
    for l, level in enumerate(tensor_dpp._levels(basis.indices[order])):
        expected = brute_marginal(basis, frame, given[:l], l)
        found = level.gram(columns, masses)
        np.testing.assert_allclose(
            found / np.trace(found), expected / np.trace(expected), atol=1e-12
        )
        values = basis.families[l].evaluate_normalised([given[l]], basis.degrees[l])[0]
        columns, masses = level.merge(columns, masses, values)


@pytest.mark.parametrize(
    "basis",
    [
        TensorBasis(
            Product([Uniform(0, 1)] * 2), 3, families=[Fourier(Uniform(0, 1)), Haar(Uniform(0, 1))]
        ),
        TensorBasis(Product([Gaussian()] * 12), 1),
    ],
)
def test_other_families_and_many_coordinates(basis):
    """Same mean of a linear statistic as by rejection; |z| <= 5."""
    sums = np.array(
        [
            [np.cos(s.draw_points(basis, Stream(4, f"{i}"))[0]).sum() for i in range(60)]
            for s in (tensor_dpp, projection_dpp)
        ]
    )
    z = np.diff(sums.mean(axis=1)) / np.sqrt(sums.var(axis=1).sum() / 60)
    assert abs(z[0]) <= 5.0
