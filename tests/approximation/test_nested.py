"""Nested designs: exact laws on finite measures, marginal laws on the line, refusals."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import rnla
from rnla.approximation import (
    Gaussian,
    TensorBasis,
    Uniform,
    classical_dpp_design,
    conditioned_design,
    iid_design,
    nested_design,
    repeated_dpp_design,
    volume_design,
)

from .finite import FiniteBasis

N = 5
FEATURES = np.random.default_rng(3).standard_normal((N, 3))
MASSES = np.array([0.1, 0.3, 0.25, 0.15, 0.2])
SPACES = {m: FiniteBasis(FEATURES[:, :m], MASSES) for m in (1, 2, 3)}


def tuple_probabilities(n, *, volume):
    """P of every ordered n-tuple for the largest space, by determinants or as a product."""
    basis = SPACES[3]
    nu = MASSES * basis.k / 3
    rows = np.sqrt(3 / basis.k)[:, None] * basis.table
    tuples = np.array(list(itertools.product(range(N), repeat=n)))
    probabilities = nu[tuples].prod(axis=1)
    if volume:
        gram = np.einsum("tia,tib->tab", rows[tuples], rows[tuples])
        probabilities *= np.maximum(np.linalg.det(gram), 0.0)
    return tuples, probabilities / probabilities.sum()


def p_value(draw_places, n, *, volume, draws):
    """Chi-squared of tuples against their probabilities; volume designs are taken as sets."""
    tuples, probabilities = tuple_probabilities(n, volume=volume)
    keys = np.sort(tuples, axis=1) if volume else tuples
    code = N ** np.arange(n)
    expected = np.bincount(keys @ code, weights=draws * probabilities, minlength=N**n)
    found = np.array([draw_places(draw) for draw in range(draws)]).astype(int)
    found = np.sort(found, axis=1) if volume else found
    counts = np.bincount(found @ code, minlength=N**n)
    possible = expected > 1e-9
    if counts[~possible].any():
        return 0.0
    # Cells too thin for the approximation are taken together.
    thin = possible & (expected < 5.0)
    thick = possible & ~thin
    expected = np.append(expected[thick], expected[thin].sum())
    counts = np.append(counts[thick], counts[thin].sum())
    if expected[-1] < 5.0:
        expected, counts = expected[:-1], counts[:-1]
        expected *= counts.sum() / expected.sum()
    return float(stats.chisquare(counts, expected).pvalue)


def grow(make, draw):
    """Through spaces of dimensions 1, 2 and 3."""
    design = make(SPACES[1], 3, rng=1, draw=draw)
    design = nested_design(SPACES[2], 3, design, SPACES[1], rng=1, draw=draw)
    return nested_design(
        SPACES[3], 4 if make is volume_design else 3, design, SPACES[2], rng=1, draw=draw
    )


def test_nested_independent_points_have_the_law_of_independent_points():
    """Chi-squared over all 125 triples, 2,000 draws; false-alarm rate 1e-4."""
    places = lambda draw: grow(iid_design, draw).points[:, 0]  # noqa: E731
    assert p_value(places, 3, volume=False, draws=2000) > 1e-4


def test_keeping_every_old_point_is_noticed():
    """Without thinning, three old points of nu are taken for three points of nu'."""

    def unthinned(draw):
        return iid_design(SPACES[2], 3, rng=1, draw=draw).points[:, 0]

    assert p_value(unthinned, 3, volume=False, draws=2000) < 1e-4


def test_nested_volume_designs_have_their_law():
    """Chi-squared over all sets of four with repetition, 2,000 draws; false-alarm rate 1e-4."""
    places = lambda draw: grow(volume_design, draw).points[:, 0]  # noqa: E731
    assert p_value(places, 4, volume=True, draws=2000) > 1e-4


def test_keeping_points_of_an_old_dpp_is_noticed():
    """Two old points of the smaller DPP and two new ones: not volume sampling of the larger."""

    def recycled(draw):
        old = volume_design(SPACES[2], 2, rng=1, draw=draw)
        new = iid_design(SPACES[3], 3, rng=2, draw=draw)
        return np.append(old.points[:, 0], new.points[:2, 0])

    assert p_value(recycled, 4, volume=True, draws=2000) < 1e-4


def mixture_cdf(basis):
    family = basis.families[0]
    return lambda x: np.mean([family.induced_cdf(x, j) for j in range(basis.dimension)], axis=0)


@pytest.mark.parametrize("measure", [Uniform(), Gaussian()])
def test_nested_points_on_the_line_follow_the_density_of_the_larger_space(measure):
    """Kolmogorov-Smirnov of 4,000 points, p >= 1e-4; points of the old law alone fail it."""
    small, middle, large = (TensorBasis(measure, degree) for degree in (0, 3, 8))
    first = iid_design(small, 1500, rng=5)
    second = nested_design(middle, 2500, first, small, rng=5)
    third = nested_design(large, 4000, second, middle, rng=5)
    assert (third.origin >= 0).sum() > 1500
    law = mixture_cdf(large)
    assert stats.kstest(third.points[:, 0], law).pvalue > 1e-4
    assert stats.kstest(iid_design(small, 4000, rng=5).points[:, 0], law).pvalue < 1e-4
    unthinned = np.concatenate([first.points, iid_design(large, 2500, rng=6).points])[:, 0]
    assert stats.kstest(unthinned, law).pvalue < 1e-4


def test_kept_points_are_old_points_and_weights_those_of_the_larger_space():
    small, large = TensorBasis(Uniform(), 4), TensorBasis(Uniform(), 6)
    for make in (iid_design, volume_design):
        previous = make(small, 50, rng=1)
        design = nested_design(large, 70, previous, small, rng=1)
        old = design.origin >= 0
        np.testing.assert_array_equal(design.points[old], previous.points[design.origin[old]])
        assert not np.isin(design.points[~old], previous.points).any()
        assert len(np.unique(design.origin[old])) == old.sum() >= 40
        np.testing.assert_allclose(design.weights, 7 / large.christoffel(design.points))
        assert design.unbiased == (make is volume_design)
        assert design.law == previous.law
        again = nested_design(large, 70, previous, small, rng=1)
        np.testing.assert_array_equal(design.points, again.points)
    # Of a volume design only the independent points are kept.
    assert design.origin[:7].tolist() == [-1] * 7
    assert design.origin.max() == previous.size - 1
    assert design.origin[old].min() >= 5


def test_the_number_of_points_kept_is_binomial():
    """Mean n m/m' = 20 while there are more old points; 400 designs, |z| <= 4."""
    small, large = TensorBasis(Uniform(), 4), TensorBasis(Uniform(), 9)
    previous = iid_design(small, 100, rng=0)
    kept = [
        (nested_design(large, 40, previous, small, rng=0, draw=draw).origin >= 0).sum()
        for draw in range(400)
    ]
    assert abs(np.mean(kept) - 20) <= 4 * np.sqrt(40 / 4 / 400)


def test_the_same_space_keeps_everything():
    basis = TensorBasis(Uniform(), 4)
    for make in (iid_design, volume_design, lambda basis, n, rng: classical_dpp_design(basis)):
        previous = make(basis, 12, rng=1)
        design = nested_design(basis, 30, previous, basis, rng=1)
        np.testing.assert_array_equal(design.points[: previous.size], previous.points)
        assert design.origin.tolist() == [
            *range(previous.size),
            *[-1] * (30 - previous.size),
        ]
        fewer = nested_design(basis, 5, previous, basis, rng=1)
        np.testing.assert_array_equal(fewer.points, previous.points[:5])


def test_a_nested_design_travels_in_a_file_and_grows_on(tmp_path):
    small, large = TensorBasis(Uniform(), 4), TensorBasis(Uniform(), 6)
    design = nested_design(large, 40, volume_design(small, 30, rng=1), small, rng=1)
    design.save(tmp_path / "design.npz")
    back = type(design).load(tmp_path / "design.npz")
    np.testing.assert_array_equal(back.origin, design.origin)
    assert back.origin.dtype == np.int64
    assert back.independent == 33
    grown = [
        nested_design(TensorBasis(Uniform(), 7), 50, d, large, rng=1).points for d in (design, back)
    ]
    np.testing.assert_array_equal(*grown)
    assert design.take([3, 0]).origin.tolist() == [design.origin[3], design.origin[0]]
    assert design.take([3, 0]).independent == 0


def test_what_cannot_be_used_again_is_refused():
    small, large = TensorBasis(Uniform(), 4), TensorBasis(Uniform(), 6)
    previous = iid_design(small, 30, rng=0)
    with pytest.raises(rnla.ArgumentError, match="n: got 5; expected at least the dimension 7"):
        nested_design(large, 5, previous, small)
    for wrong in (
        iid_design(small, 30, reference="mixed", rng=0),
        conditioned_design(iid_design, small, 60, rng=0),
        repeated_dpp_design(small, 30, rng=0),
        volume_design(small, 30, shuffle=True, rng=0),
        previous.take(range(20)),
        volume_design(small, 30, rng=0).take(range(5, 10)),
    ):
        with pytest.raises(rnla.ArgumentError, match="previous: got law"):
            nested_design(large, 40, wrong, small)
    with pytest.raises(rnla.ArgumentError, match="previous: got ndarray"):
        nested_design(large, 40, previous.points, small)
    with pytest.raises(rnla.ArgumentError, match="previous_basis: got a space of dimension 6"):
        nested_design(large, 40, previous, TensorBasis(Uniform(), 5))
    with pytest.raises(rnla.ArgumentError, match="previous_basis: got a space of dimension 5"):
        nested_design(large, 40, previous, TensorBasis(Uniform(), [[0], [1], [2], [3], [5]]))
    with pytest.raises(rnla.ArgumentError, match="basis: got k/k'"):
        nested_design(TensorBasis(Uniform(), 3), 40, previous, small)
    assert replace(previous, law="user").independent == 30  # a law is needed as well
