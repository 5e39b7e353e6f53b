"""Continuous volume sampling and projection in the norm of a kernel's Hilbert space."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

import rnla
from rnla.approximation import (
    TensorBasis,
    Uniform,
    continuous_volume_design,
    kernel_projection,
    projection_dpp_design,
)

from .finite import random_basis, set_probabilities

SIGMA = np.array([1.0, 0.5, 0.2, 0.05])
N, R = 8, 4


def kernel_law(basis, n):
    """P(S) proportional to the masses times det kappa_S, for all n-subsets."""
    rows = np.sqrt(basis.measure.masses)[:, None] * basis.table * np.sqrt(SIGMA)
    sets = list(itertools.combinations(range(N), n))
    grams = [rows[list(S)] @ rows[list(S)].conj().T for S in sets]
    weights = np.array([np.linalg.det(gram).real for gram in grams])
    return sets, weights / weights.sum()


def p_value(draw_set, sets, probabilities, draws=1000):
    places = {frozenset(entry): i for i, entry in enumerate(sets)}
    counts = np.zeros(len(sets))
    for draw in range(draws):
        counts[places[frozenset(draw_set(draw).astype(int).tolist())]] += 1
    expected = draws * probabilities
    statistic = ((counts - expected) ** 2 / expected).sum()
    return float(stats.chi2.sf(statistic, len(sets) - 1))


@pytest.mark.parametrize("imaginary", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_sets_have_the_law_of_kernel_determinants(n, imaginary):
    """Chi-squared over all subsets; 1,000 draws, false-alarm rate 1e-4 for each of six."""
    basis = random_basis(N, R, seed=4, imaginary=imaginary)
    draw = lambda i: continuous_volume_design(basis, SIGMA, n, rng=1, draw=i).points[:, 0]  # noqa: E731
    assert p_value(draw, *kernel_law(basis, n)) > 1e-4


def test_other_eigenvalues_are_told_apart():
    basis = random_basis(N, R, seed=4)
    flat = lambda i: continuous_volume_design(basis, [1, 1, 1, 1], 2, rng=1, draw=i).points[:, 0]  # noqa: E731
    assert p_value(flat, *kernel_law(basis, 2)) < 1e-4


def test_all_functions_give_the_projection_dpp():
    """Chi-square over all sets at level 1e-4; what it must notice is `test_other_eigenvalues_…`."""
    basis = random_basis(N, R, seed=4)
    draw = lambda i: continuous_volume_design(basis, SIGMA, R, rng=1, draw=i).points[:, 0]  # noqa: E731
    assert p_value(draw, *set_probabilities(basis)) > 1e-4
    line = TensorBasis(Uniform(), 4)
    design = continuous_volume_design(line, 0.5 ** np.arange(5), 5, rng=1)
    np.testing.assert_allclose(design.weights, 5 / line.christoffel(design.points))
    assert projection_dpp_design(line, rng=1).size == design.size


def probabilities_of_functions(n):
    """P(j is among the n functions chosen), by enumeration."""
    sets = list(itertools.combinations(range(R), n))
    weights = np.array([SIGMA[list(J)].prod() for J in sets])
    return np.array([weights[[j in J for J in sets]].sum() for j in range(R)]) / weights.sum()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_mean_error_of_interpolation_is_the_probability_of_not_being_chosen(n):
    """E ||e_j - P_x e_j||_H^2 = P(j is not chosen), exactly, by enumeration."""
    basis = random_basis(N, R, seed=5)
    kernel = lambda x, z: (basis.evaluate(x) * SIGMA) @ basis.evaluate(z).T  # noqa: E731
    sets, probabilities = kernel_law(basis, n)
    mean = np.zeros(R)
    for S, p in zip(sets, probabilities, strict=True):
        points = np.array(S, dtype=float)
        for j in range(R):
            unit = lambda x, j=j: basis.evaluate(x)[:, [j]] * np.sqrt(SIGMA[j])  # noqa: E731
            mean[j] += p * (1.0 - kernel_projection(kernel, unit, points).eigenvalues[0])
    np.testing.assert_allclose(mean, 1.0 - probabilities_of_functions(n), atol=1e-10)
    assert (np.diff(mean) > 0.0).all()  # the eigenvalues decrease


def test_weights_belong_to_the_law_of_each_point():
    """w = dmu/dnu with nu(i) = P(i in S) / n, from all subsets."""
    basis = random_basis(N, R, seed=4)
    sets, probabilities = kernel_law(basis, 2)
    marginal = np.array([probabilities[[i in S for S in sets]].sum() / 2 for i in range(N)])
    for draw in range(10):
        design = continuous_volume_design(basis, SIGMA, 2, rng=3, draw=draw)
        places = design.points[:, 0].astype(int)
        np.testing.assert_allclose(
            design.weights, basis.measure.masses[places] / marginal[places], rtol=1e-9
        )


LINE = TensorBasis(Uniform(), 19)
DECAY = 0.6 ** np.arange(20.0)


def line_kernel(x, z):
    return (LINE.evaluate(x) * DECAY) @ LINE.evaluate(z).T


def line_functions(x):
    return LINE.evaluate(x)[:, :4] * np.sqrt(DECAY[:4])


def test_no_error_is_larger_than_mu_times_the_best_and_one_is_as_large():
    """The fit as a matrix on the unit vectors of H: its complement has norm mu on the rest of H."""
    generator = np.random.default_rng(0)
    for n in (5, 6, 9):
        points = generator.uniform(-1, 1, n)
        fit = kernel_projection(
            line_kernel, line_functions, points, LINE.evaluate(points) * np.sqrt(DECAY)
        )
        errors = np.eye(20)
        errors[:4] -= fit.coefficients
        np.testing.assert_allclose(errors[:, :4], 0.0, atol=1e-6)
        assert np.linalg.norm(errors[:, 4:], 2) == pytest.approx(fit.mu, rel=1e-6)
        # With Frobenius norms of I - G in its place the bound would be broken.
        tau = np.linalg.norm(1.0 - fit.eigenvalues)
        assert n < 9 or np.hypot(1.0, fit.mu * tau) < fit.mu


def test_functions_of_the_space_are_found_and_points_only_help():
    points = continuous_volume_design(LINE, DECAY, 8, rng=2).points
    coefficients = np.array([1.0, -2.0, 0.5, 3.0])
    values = line_functions(points) @ coefficients
    fit = kernel_projection(line_kernel, line_functions, points, values)
    np.testing.assert_allclose(fit.coefficients, coefficients, atol=1e-6)
    several = kernel_projection(line_kernel, line_functions, points, np.stack([values] * 2, axis=1))
    np.testing.assert_allclose(several.coefficients[:, 1], fit.coefficients, atol=1e-9)
    mus = [kernel_projection(line_kernel, line_functions, points[:n]).mu for n in range(4, 9)]
    assert (np.diff(mus) <= 1e-9).all()
    few = kernel_projection(line_kernel, line_functions, points[:2], values[:2])
    assert few.mu == np.inf
    assert few.coefficients.shape == (4,)


def test_determinants_spread_points_better_than_chance():
    """Median mu of 40 designs of six points against independent points of the measure."""
    drawn = [
        kernel_projection(
            line_kernel, line_functions, continuous_volume_design(LINE, DECAY, 6, rng=i).points
        ).mu
        for i in range(40)
    ]
    independent = [
        kernel_projection(
            line_kernel, line_functions, np.random.default_rng(i).uniform(-1, 1, 6)
        ).mu
        for i in range(40)
    ]
    assert np.median(drawn) < np.median(independent)


def test_bad_input_is_named():
    with pytest.raises(rnla.ArgumentError, match="eigenvalues: got shape"):
        continuous_volume_design(LINE, [1.0, 2.0], 2)
    with pytest.raises(rnla.ArgumentError, match="eigenvalues"):
        continuous_volume_design(LINE, np.zeros(20), 2)
    with pytest.raises(rnla.ArgumentError, match="n: got 21"):
        continuous_volume_design(LINE, DECAY, 21)
    points = np.linspace(-1, 1, 8)
    with pytest.raises(rnla.ArgumentError, match="functions: got an eigenvalue"):
        kernel_projection(line_kernel, lambda x: 3.0 * line_functions(x), points)
    with pytest.raises(rnla.ArgumentError, match="kernel: got shape"):
        kernel_projection(lambda x, z: x, line_functions, points)
    with pytest.raises(rnla.ArgumentError, match="functions: got nan or inf"):
        kernel_projection(line_kernel, lambda x: np.full((8, 1), np.nan), points)
    with pytest.raises(rnla.ArgumentError, match="values: got shape"):
        kernel_projection(line_kernel, line_functions, points, [1.0])
    with pytest.raises(rnla.ArgumentTypeError, match="values: got a masked array"):
        kernel_projection(line_kernel, line_functions, points, np.ma.masked_less(points, 0.0))
    for wrong in (0.5, [], "a", [[np.nan]]):
        with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match="points: got"):
            kernel_projection(line_kernel, line_functions, wrong)
    for rcond in (0.0, -1.0, 1.0, "a", None):
        with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match="rcond: got"):
            kernel_projection(line_kernel, line_functions, points, rcond=rcond)
