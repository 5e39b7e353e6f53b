"""Identities of volume-rescaled sampling by enumeration of all n-tuples of a finite measure."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest

import rnla
from rnla.approximation import Design, PiecewiseLegendre, TensorBasis, Uniform, volume_design
from rnla.approximation.designs._reference import REFERENCES, reference_weights
from rnla.approximation.designs.projection_dpp import draw_points
from rnla.random import Stream

from .finite import FiniteBasis, random_basis, set_probabilities

POINTS, M = 9, 3


@dataclass
class Enumeration:
    """All tuples with their probabilities under nu^n and under volume-rescaled sampling."""

    basis: FiniteBasis
    tuples: np.ndarray
    weights: np.ndarray  # of the points
    independent: np.ndarray
    volume: np.ndarray
    rows: np.ndarray  # sqrt(w) phi at the points of each tuple
    gram: np.ndarray
    total: float
    nu: np.ndarray


def enumerate_tuples(basis, n, reference):
    points = np.arange(len(basis.table), dtype=float)[:, None]
    weights, norms = reference_weights(basis, points, reference)
    nu = basis.measure.masses / weights
    tuples = np.array(list(itertools.product(range(len(points)), repeat=n)))
    rows = (np.sqrt(weights)[:, None] * basis.table)[tuples]
    gram = np.einsum("tia,tib->tab", rows.conj(), rows) / n
    independent = nu[tuples].prod(axis=1)
    m = basis.dimension
    determinants = np.linalg.det(gram).real
    determinants[determinants < 1e-13] = 0.0
    density = determinants * math.factorial(n - m) * n**m / math.factorial(n)
    np.testing.assert_allclose(norms**2, weights * basis.k, rtol=1e-12)
    volume = independent * density
    return Enumeration(
        basis, tuples, weights, independent, volume, rows, gram, float(volume.sum()), nu
    )


def fit_all(cases, values):
    """Coefficients and weighted residual sums of all tuples of positive density."""
    live = cases.volume > 0.0
    targets = (np.sqrt(cases.weights) * values)[cases.tuples[live]]
    rows = cases.rows[live]
    right = np.einsum("tia,ti->ta", rows.conj(), targets) / rows.shape[1]
    coefficients = np.linalg.solve(cases.gram[live], right[..., None])[..., 0]
    residuals = targets - np.einsum("tia,ta->ti", rows, coefficients)
    return live, coefficients, (np.abs(residuals) ** 2).sum(axis=1)


def projection(basis, values):
    """Coefficients of the best approximation, and its squared error."""
    masses = basis.measure.masses
    coefficients = basis.table.conj().T @ (masses * values)
    return coefficients, float(masses @ np.abs(values - basis.table @ coefficients) ** 2)


SIZES = (3, 4, 5)
CASES = [
    (n, reference, imaginary)
    for n in SIZES
    for reference in REFERENCES
    for imaginary in (False, True)
    if n < 5 or not imaginary
]


@pytest.fixture(scope="module")
def cases():
    made = {}

    def get(n, reference, imaginary=False):
        key = (n, reference, imaginary)
        if key not in made:
            basis = random_basis(POINTS, M, seed=11, imaginary=imaginary)
            made[key] = enumerate_tuples(basis, n, reference)
        return made[key]

    return get


@pytest.mark.parametrize(("n", "reference", "imaginary"), CASES)
def test_check_06_the_density_integrates_to_one(cases, n, reference, imaginary):
    enumeration = cases(n, reference, imaginary)
    assert enumeration.total == pytest.approx(1.0, abs=1e-10)
    mean = float(enumeration.independent @ np.linalg.det(enumeration.gram).real)
    assert mean == pytest.approx({3: 2 / 9, 4: 0.375, 5: 0.48}[n], abs=1e-10)


@pytest.mark.parametrize("imaginary", [False, True])
@pytest.mark.parametrize("reference", REFERENCES)
def test_the_error_of_the_fit_is_estimated_without_bias(cases, reference, imaginary):
    values = np.random.default_rng(5).standard_normal(POINTS)
    four, three = (cases(n, reference, imaginary) for n in (4, 3))
    masses = four.basis.measure.masses
    # The mean squared error of the fit at three points, from all triples.
    live, coefficients, _ = fit_all(three, values)
    misfits = np.abs(values - coefficients @ four.basis.table.T) ** 2 @ masses
    true = float(three.volume[live] @ misfits)
    # Its estimate from four points, by the library, over all quadruples up to order.
    mean = naive = 0.0
    for quadruple, probability in zip(four.tuples, four.volume, strict=True):
        if probability == 0.0 or (np.diff(quadruple) < 0).any():
            continue
        orders = math.factorial(4) / math.prod(
            math.factorial(int(c)) for c in np.unique(quadruple, return_counts=True)[1]
        )
        design = Design(quadruple[:, None].astype(float), four.weights[quadruple])
        fit = rnla.weighted_least_squares(four.basis, design, values[quadruple])
        mean += orders * probability * fit.fit_squared_error
        naive += orders * probability * fit.squared_error
    assert mean == pytest.approx(true, rel=1e-9)
    assert naive < 0.9 * true  # RSS / (n - m) knows nothing of the error in the coefficients


@pytest.mark.parametrize(("n", "reference", "imaginary"), CASES)
def test_check_07_marginals_bias_and_residuals(cases, n, reference, imaginary):
    enumeration = cases(n, reference, imaginary)
    basis = enumeration.basis
    masses = basis.measure.masses
    # P3: the law of one point.
    marginal = np.bincount(enumeration.tuples[:, 0], enumeration.volume, minlength=POINTS)
    expected = (M / n) * basis.k / M * masses + (1 - M / n) * enumeration.nu
    np.testing.assert_allclose(marginal, expected, atol=1e-10)
    # P6: no bias; P9: the residual sum estimates the squared best error.
    values = np.random.default_rng(n).standard_normal(POINTS)
    best, error = projection(basis, values)
    live, coefficients, residuals = fit_all(enumeration, values)
    probabilities = enumeration.volume[live]
    np.testing.assert_allclose(probabilities @ coefficients, best, atol=1e-10)
    assert float(probabilities @ residuals) == pytest.approx((n - M) * error, abs=1e-10)


def test_check_07_independent_points_are_biased(cases):
    """The companion: without the determinant both identities fail by far."""
    enumeration = cases(4, "christoffel")
    values = np.random.default_rng(4).standard_normal(POINTS)
    best, error = projection(enumeration.basis, values)
    live, coefficients, residuals = fit_all(enumeration, values)
    probabilities = enumeration.independent[live] / enumeration.independent[live].sum()
    assert np.linalg.norm(probabilities @ coefficients - best) > 0.01 * np.sqrt(error)
    assert abs(float(probabilities @ residuals) / error - 1.0) > 0.05


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_check_08_expected_error_of_interpolation_and_beyond(cases, seed):
    """P10: factor m exactly at n = m; P12: at most m^2 / n with optimal weights.

    One instance is said to have 1.989 at n = 4 and 1.404 at n = 5. Which is not known, and the
    factors depend on it: random ones have 1.85 to 2.03 and 1.25 to 1.45, so the bounds, 2.25 and
    1.8, are what can be checked.
    """
    values = np.random.default_rng(seed).standard_normal(POINTS)
    for n in SIZES:
        enumeration = cases(n, "christoffel")
        best, error = projection(enumeration.basis, values)
        live, coefficients, _ = fit_all(enumeration, values)
        squared = (np.abs(coefficients - best) ** 2).sum(axis=1)
        factor = float(enumeration.volume[live] @ squared) / error
        assert factor <= M**2 / n + 1e-10
        if n == M:
            assert factor == pytest.approx(M, abs=1e-10)
        else:
            assert factor > 1.2  # not vacuous


@pytest.mark.parametrize("n", SIZES)
def test_check_08_inverse_determinants(cases, n):
    """P8: the mean of 1/det G is P(det G > 0) n^m (n-m)! / n!."""
    enumeration = cases(n, "mixed")
    live = enumeration.volume > 0.0
    mean = float((enumeration.volume[live] / np.linalg.det(enumeration.gram[live])).sum())
    a = math.factorial(n) / math.factorial(n - M) / n**M
    assert mean == pytest.approx(enumeration.independent[live].sum() / a, rel=1e-10)


@pytest.mark.parametrize("reference", REFERENCES)
def test_check_08_a_projection_dpp_and_independent_points(cases, reference):
    """P14: the density is the average over where the points of the DPP stand in the tuple."""
    enumeration = cases(4, reference)
    sets, probabilities = set_probabilities(enumeration.basis)
    ordered = np.zeros((POINTS,) * M)
    for entry, probability in zip(sets, probabilities, strict=True):
        for order in itertools.permutations(entry):
            ordered[order] = probability / math.factorial(M)
    tuples = enumeration.tuples
    mixture = np.zeros(len(tuples))
    for alone in range(4):
        others = [i for i in range(4) if i != alone]
        mixture += ordered[tuple(tuples[:, others].T)] * enumeration.nu[tuples[:, alone]] / 4
    np.testing.assert_allclose(mixture, enumeration.volume, atol=1e-12)


def test_check_08_closure(cases):
    """P15: a triple taken from five points in proportion to its determinant is the DPP."""
    enumeration = cases(5, "mixed")
    triples = list(itertools.combinations(range(5), M))
    shares = np.stack(
        [np.abs(np.linalg.det(enumeration.rows[:, list(T)])) ** 2 for T in triples], axis=1
    )
    live = enumeration.volume > 0.0
    shares = shares[live] / shares[live].sum(axis=1, keepdims=True)
    sets, probabilities = set_probabilities(enumeration.basis)
    places = np.full((POINTS,) * M, -1)
    for i, entry in enumerate(sets):
        for order in itertools.permutations(entry):
            places[order] = i
    drawn = np.zeros(len(sets))
    for j, T in enumerate(triples):
        where = places[tuple(enumeration.tuples[live][:, list(T)].T)]
        kept = where >= 0
        drawn += np.bincount(
            where[kept], (enumeration.volume[live] * shares[:, j])[kept], minlength=len(sets)
        )
    np.testing.assert_allclose(drawn, probabilities, atol=1e-10)


def test_check_08_noise_adds_its_variance():
    """P20: with values f + eps, eps = +-s, the residual sum estimates e2 + s^2, without bias."""
    basis = random_basis(5, 2, seed=3)
    s = 0.3
    doubled = FiniteBasis.__new__(FiniteBasis)
    doubled.table = np.repeat(basis.table, 2, axis=0)
    masses = np.repeat(basis.measure.masses, 2) / 2
    doubled.measure = type(basis.measure)(masses)
    doubled.dimension, doubled.k = 2, np.repeat(basis.k, 2)
    values = np.random.default_rng(1).standard_normal(5)
    best, error = projection(basis, values)
    noisy = np.repeat(values, 2) + np.tile([s, -s], 5)
    for n in (3, 4):
        enumeration = enumerate_tuples(doubled, n, "christoffel")
        live, coefficients, residuals = fit_all(enumeration, noisy)
        probabilities = enumeration.volume[live]
        np.testing.assert_allclose(probabilities @ coefficients, best, atol=1e-10)
        expected = (n - 2) * (error + s**2)
        assert float(probabilities @ residuals) == pytest.approx(expected, abs=1e-10)


def test_check_08_on_cells_the_projection_dpp_is_stratified():
    """P11: piecewise constants on 8 cells, f = e^x: total factor exactly 2, not m + 1 = 9.

    One point falls in every cell; the mean over 1000 draws is within .01 or four standard errors.
    """
    basis = TensorBasis(
        Uniform(), np.arange(8)[:, None], families=[PiecewiseLegendre(Uniform(), 8)]
    )
    draws = 1000
    points = np.array([draw_points(basis, Stream(0, f"{draw}"))[0][:, 0] for draw in range(draws)])
    cells = np.floor((points + 1) * 4).astype(int)
    assert (np.sort(cells, axis=1) == np.arange(8)).all()
    edges = np.linspace(-1, 1, 9)
    means = np.diff(np.exp(edges)) / 0.25
    best = (np.diff(np.exp(2 * edges)) / 2 - 0.25 * means**2).sum() / 2
    squared = ((np.exp(points) - means[cells]) ** 2).mean(axis=1)
    factor = 1 + squared / best
    assert abs(factor.mean() - 2.0) <= max(0.01, 4 * factor.std() / np.sqrt(draws))


def test_the_fit_is_the_one_enumerated(cases):
    enumeration = cases(4, "mixed")
    basis = enumeration.basis
    values = np.random.default_rng(2).standard_normal(POINTS)
    live, coefficients, residuals = fit_all(enumeration, values)
    chosen = np.random.default_rng(0).choice(np.flatnonzero(live), 20, replace=False)
    places = np.cumsum(live) - 1
    for t in chosen:
        rows = enumeration.tuples[t]
        design = Design(rows.astype(float), enumeration.weights[rows])
        fit = rnla.weighted_least_squares(basis, design, values[rows])
        np.testing.assert_allclose(fit.coefficients, coefficients[places[t]], rtol=1e-6)
        assert fit.residual_sum == pytest.approx(residuals[places[t]], rel=1e-6, abs=1e-12)


def test_an_error_where_all_functions_vanish_is_seen_by_points_of_mu_only():
    """Cells 0 and 1 of three; the function lives on cell 2, with squared norm 1.

    The mean of RSS/(n - m) over 400 designs is 1 within four standard errors for "mixed" and
    "plain", false alarm 6e-5 each; by the optimal measure it is 0 without fail.
    """
    families = [PiecewiseLegendre(Uniform(), 3)]
    space = TensorBasis(Uniform(), [[0], [1]], families=families)
    missed = TensorBasis(Uniform(), [[2]], families=families)
    for reference in ("christoffel", "mixed", "plain"):
        errors = []
        for draw in range(400):
            design = volume_design(space, 10, reference=reference, rng=1, draw=draw)
            values = missed.evaluate(design.points)[:, 0]
            errors.append(rnla.weighted_least_squares(space, design, values).squared_error)
        if reference == "christoffel":
            assert not np.any(errors)
        else:
            assert abs(np.mean(errors) - 1.0) <= 4.0 * np.std(errors) / np.sqrt(400)
