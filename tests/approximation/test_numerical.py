"""Features of the user: orthonormal on a measure, rank named, the space all that counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rnla import ArgumentError, ArgumentTypeError
from rnla.approximation import (
    Discrete,
    Gaussian,
    NumericalBasis,
    NystromFeatures,
    Uniform,
    projection_dpp_design,
)


def monomials(p):
    return lambda x: x ** np.arange(p + 1)


def weighted_gram(basis):
    values = basis.evaluate(basis.measure.points)
    return (values * basis.measure.weights[:, None]).T @ values


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), m=st.integers(1, 8), scale=st.floats(1e-150, 1e150))
def test_property_orthonormal_for_features_of_any_size(seed, m, scale):
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((30, m)) * scale ** rng.uniform(-1.0, 1.0, m)
    mu = Discrete(np.arange(30.0), rng.uniform(0.1, 1.0, 30))
    basis = NumericalBasis(lambda x: table[x[:, 0].astype(int)], mu)
    assert basis.dimension == m
    np.testing.assert_allclose(weighted_gram(basis), np.eye(m), atol=1e-12)
    k = basis.christoffel(mu.points)
    assert mu.weights @ k == pytest.approx(m, abs=1e-11)
    rows = basis.evaluate_normalised(mu.points)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0)


def test_monomials_on_a_gauss_rule_give_the_legendre_space():
    x, w = Uniform().orthonormal_family().gauss(30)
    basis = NumericalBasis(monomials(12), Discrete(x, w))
    at = np.linspace(-1.0, 1.0, 9)
    k = Uniform().orthonormal_family().christoffel(at, 12)
    np.testing.assert_allclose(basis.christoffel(at), k, rtol=1e-9)


def test_check_10_log_density_does_not_depend_on_the_features_that_span_the_space():
    """P1 under a change T of features with condition number 1e6: 1e-10 per condition number of
    the set, for uniform sets and for draws of the DPP alike.

    1e-10 outright cannot be had in double precision: rounding in the features alone moves the
    space by 1e6 * eps = 2.2e-10, which sets close to singular see enlarged. It does hold for half
    of the uniform sets and nine in ten of those that are drawn.
    """
    rng = np.random.default_rng(3)
    m = 6
    left, _ = np.linalg.qr(rng.standard_normal((m, m)))
    right, _ = np.linalg.qr(rng.standard_normal((m, m)))
    # Few digits, so that the changed features are exact.
    change = np.round(left * np.logspace(0, 6, m) @ right * 32.0) / 32.0
    assert np.linalg.cond(change) > 1e6
    table = np.round(rng.standard_normal((40, m)) * 4096.0) / 4096.0
    mu = Discrete(np.arange(40.0))
    plain = NumericalBasis(lambda x: table[x[:, 0].astype(int)], mu)
    mixed = NumericalBasis(lambda x: table[x[:, 0].astype(int)] @ change, mu)
    uniform = np.array([rng.choice(40, m, replace=False) for _ in range(400)])
    drawn = np.array([projection_dpp_design(plain, rng=i).points[:, 0] for i in range(200)])

    def log_densities(values):
        return 2.0 * np.linalg.slogdet(values)[1]

    for sets, share in ((uniform, 0.5), (drawn.astype(int), 0.9)):
        values = plain.evaluate(mu.points)[sets]
        expected = log_densities(values)
        error = np.abs(log_densities(mixed.evaluate(mu.points)[sets]) - expected)
        assert (error <= 1e-10 * np.linalg.cond(values)).all()
        assert np.mean(error <= 1e-10) >= share
        # Without orthonormalisation the change of features shifts it.
        assert (np.abs(log_densities((table @ change)[sets]) - expected) > 1.0).all()


def test_dependent_features_are_refused_with_the_rank_or_dropped():
    mu = Discrete(np.linspace(0.0, 1.0, 40))

    def features(x):
        return np.hstack([x**0, x, 2.0 - 3.0 * x, np.sin(x)])

    with pytest.raises(ArgumentError, match="numerical rank 3 of 4 features on 40 points"):
        NumericalBasis(features, mu)
    basis = NumericalBasis(features, mu, dependent="drop")
    assert basis.dimension == 3
    assert basis.gap > 1e10
    np.testing.assert_allclose(weighted_gram(basis), np.eye(3), atol=1e-12)


def test_more_features_than_points():
    mu = Discrete(np.linspace(0.0, 1.0, 4))
    with pytest.raises(ArgumentError, match="numerical rank 4 of 6"):
        NumericalBasis(monomials(5), mu)


def test_nearly_dependent_features_are_orthonormal_to_rounding():
    mu = Discrete(np.linspace(0.0, 1.0, 200))
    basis = NumericalBasis(monomials(11), mu, rcond=1e-14)
    np.testing.assert_allclose(weighted_gram(basis), np.eye(12), atol=1e-7)
    frame = np.sqrt(mu.weights)[:, None] * basis.evaluate(mu.points)
    assert np.linalg.cond(frame) < 1 + 1e-6


def test_a_continuous_measure_is_replaced_by_points_drawn_from_it():
    basis = NumericalBasis(monomials(4), Gaussian(), rng=7)
    again = NumericalBasis(monomials(4), Gaussian(), rng=basis.seed)
    assert basis.measure.points.shape == (500, 1)
    np.testing.assert_array_equal(basis.measure.points, again.measure.points)
    np.testing.assert_allclose(weighted_gram(basis), np.eye(5), atol=1e-12)


def test_draws_follow_the_leverage_of_the_atoms():
    """Chi-square at level 1e-4; the companion tests the weights of mu instead."""
    mu = Discrete(np.linspace(-1.0, 1.0, 12))
    basis = NumericalBasis(monomials(3), mu)
    x = basis.induced_sample(6000, rng=2)
    counts = [(x[:, 0] == atom).sum() for atom in mu.points[:, 0]]
    law = mu.weights * basis.christoffel(mu.points) / basis.dimension
    assert stats.chisquare(counts, 6000 * law / law.sum()).pvalue > 1e-4
    assert stats.chisquare(counts).pvalue < 1e-8
    np.testing.assert_array_equal(x[5:9], basis.induced_sample(4, rng=2, first=5))


def test_nystrom_features_reproduce_the_kernel_at_the_landmarks():
    def kernel(x, z):
        return np.exp(-np.abs(x - z.T))

    landmarks = np.linspace(-1.0, 1.0, 9)
    features = NystromFeatures(kernel, landmarks)
    values = features(landmarks)
    np.testing.assert_allclose(values @ values.T, kernel(landmarks[:, None], landmarks[:, None]))
    basis = NumericalBasis(features, Discrete(np.linspace(-1.0, 1.0, 100)))
    assert basis.dimension == features.rank == 9
    np.testing.assert_allclose(weighted_gram(basis), np.eye(9), atol=1e-12)


def test_nystrom_drops_directions_that_are_rounding():
    smooth = NystromFeatures(lambda x, z: np.exp(-((x - z.T) ** 2)), np.linspace(0.0, 1.0, 40))
    assert 3 < smooth.rank < 15
    assert np.isfinite(smooth([0.3, 5.0])).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda mu: NumericalBasis(lambda x: np.log(x - 2.0 + 0j).real / 0.0 * x, mu), "features"),
        (lambda mu: NumericalBasis(lambda x: x * np.nan, mu), "nan in column 0 at the point"),
        (lambda mu: NumericalBasis(lambda x: x[:1], mu), r"shape \(1, 1\) for 20 points"),
        (lambda mu: NumericalBasis(monomials(1), mu, dependent="maybe"), "dependent"),
        (lambda mu: NumericalBasis(monomials(1), mu, rcond=0.0), "rcond"),
        (lambda mu: NumericalBasis(lambda x: 0.0 * x, mu), "numerical rank 0"),
        (lambda mu: NumericalBasis(monomials(1), Uniform(), size=0), "size"),
        (lambda mu: NystromFeatures(lambda x, z: x - z.T, [0.0, 1.0]), "not symmetric"),
        (lambda mu: NystromFeatures(lambda x, z: -np.exp(-np.abs(x - z.T)), [0.0, 1.0]), "eigen"),
        (lambda mu: NystromFeatures(lambda x, z: x, [0.0, 1.0]), "shape"),
        (lambda mu: NystromFeatures(lambda x, z: np.nan * x * z.T, [0.0, 1.0]), "nan or inf"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_values_are_named(call, message):
    with pytest.raises(ArgumentError, match=message):
        call(Discrete(np.linspace(0.0, 1.0, 20)))


@pytest.mark.parametrize(
    "call",
    [
        lambda: NumericalBasis([1.0], Uniform()),
        lambda: NumericalBasis(monomials(1), "uniform"),
        lambda: NumericalBasis(lambda x: x.astype(str), Discrete([0.0, 1.0])),
        lambda: NystromFeatures(3, [0.0]),
    ],
)
def test_bad_types_are_named(call):
    with pytest.raises(ArgumentTypeError):
        call()


def test_landmarks_are_a_copy():
    landmarks = np.linspace(-1.0, 1.0, 5)[:, None]
    features = NystromFeatures(lambda x, z: np.exp(-np.abs(x - z.T)), landmarks)
    before = features([0.3])
    landmarks += 1.0
    np.testing.assert_array_equal(features([0.3]), before)
    with pytest.raises(ValueError, match="read-only"):
        features.landmarks[0] = 0.0
