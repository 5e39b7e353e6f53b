"""Weighted least squares: exact on the space, certified, honest about failed evaluations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

import rnla
from rnla.approximation import (
    BSplines,
    Design,
    Discrete,
    Fourier,
    Gaussian,
    Haar,
    NumericalBasis,
    PiecewiseLegendre,
    Product,
    TensorBasis,
    Uniform,
    greedy_design,
    iid_design,
    projection_dpp_design,
    repeated_dpp_design,
    total_degree,
    volume_design,
)
from tests.counts import count

from .cases import case
from .finite import random_basis

BASES = {
    "legendre": TensorBasis(Uniform(), 29),
    "legendre 200": TensorBasis(Uniform(), 199),
    "hermite": TensorBasis(Gaussian(), 39),
    "total degree": TensorBasis(Product([Uniform(), Gaussian()]), total_degree(2, 6)),
}
LAWS = {
    "iid": lambda basis: iid_design(basis, 12 * basis.dimension, rng=1),
    "mixed": lambda basis: iid_design(basis, 12 * basis.dimension, reference="mixed", rng=1),
    "volume": lambda basis: volume_design(basis, 12 * basis.dimension, rng=1),
    "repeated": lambda basis: repeated_dpp_design(basis, 4 * basis.dimension, rng=1),
    "greedy": lambda basis: greedy_design(
        basis, repeated_dpp_design(basis, 8 * basis.dimension, rng=1), size=6 * basis.dimension
    ),
}


# 400 removals with m = 200 would take seconds and show nothing more.
COMBINED = [(n, law) for n in BASES for law in LAWS if (n, law) != ("legendre 200", "greedy")]


@pytest.mark.parametrize(("name", "law"), COMBINED)
def test_check_05_functions_of_the_space_are_reproduced(name, law):
    basis = BASES[name]
    design = LAWS[law](basis)
    assert design.lambda_min >= 1e-4
    true = np.random.default_rng(0).standard_normal((basis.dimension, 2))
    fit = rnla.weighted_least_squares(basis, design, lambda x: basis.evaluate(x) @ true)
    error = np.linalg.norm(fit.coefficients - true) / np.linalg.norm(true)
    assert error <= 1e-10
    assert fit.lambda_min == pytest.approx(design.lambda_min, rel=1e-8)
    assert fit.unbiased == design.unbiased


def test_coefficients_and_residuals_are_those_of_the_normal_equations():
    basis = random_basis(40, 4, seed=1)
    design = iid_design(basis, 15, reference="mixed", rng=2)
    y = np.random.default_rng(3).standard_normal((15, 3))
    fit = rnla.weighted_least_squares(basis, design, y)
    phi = basis.evaluate(design.points)
    W = np.diag(design.weights)
    expected = np.linalg.solve(phi.T @ W @ phi, phi.T @ W @ y)
    np.testing.assert_allclose(fit.coefficients, expected, rtol=1e-9)
    residuals = y - phi @ expected
    np.testing.assert_allclose(fit.residual_sum, np.diag(residuals.T @ W @ residuals), rtol=1e-9)
    np.testing.assert_allclose(fit.squared_error, fit.residual_sum / 11, rtol=1e-12)
    spectrum = np.linalg.eigvalsh(phi.T @ W @ phi / 15)
    assert fit.lambda_min == pytest.approx(spectrum[0], rel=1e-9)
    assert fit.lambda_max == pytest.approx(spectrum[-1], rel=1e-9)
    assert fit.condition == pytest.approx(spectrum[-1] / spectrum[0], rel=1e-8)


def test_one_output_is_a_column_of_many():
    basis = BASES["legendre"]
    design = volume_design(basis, 60, rng=0)
    y = np.random.default_rng(0).standard_normal((60, 2))
    both = rnla.weighted_least_squares(basis, design, y)
    for k in range(2):
        one = rnla.weighted_least_squares(basis, design, y[:, k])
        np.testing.assert_allclose(one.coefficients, both.coefficients[:, k], rtol=1e-10)
        assert isinstance(one.squared_error, float)
        assert one.squared_error == pytest.approx(both.squared_error[k], rel=1e-12)
        assert one.interval[0] == pytest.approx(both.interval[0][k], rel=1e-9)
        np.testing.assert_allclose(one.leave_one_out, both.leave_one_out[:, k], rtol=1e-9)
    x = np.linspace(-1, 1, 5)
    assert both(x).shape == (5, 2)
    assert both.mean.shape == (2,)
    assert both.variance.shape == (2,)


def test_leave_one_out_residuals_are_those_of_refits():
    basis = random_basis(50, 3, seed=2)
    design = volume_design(basis, 9, rng=1)
    y = np.random.default_rng(1).standard_normal(9)
    fit = rnla.weighted_least_squares(basis, design, y)
    for i in range(9):
        rest = np.delete(np.arange(9), i)
        without = rnla.weighted_least_squares(basis, design.take(rest), y[rest])
        expected = y[i] - without(design.points[i : i + 1])[0]
        assert fit.leave_one_out[i] == pytest.approx(expected, rel=1e-8)


def test_leave_one_out_at_interpolation_is_infinite():
    basis = random_basis(50, 3, seed=2)
    fit = rnla.weighted_least_squares(basis, projection_dpp_design(basis, rng=0), np.ones(3))
    assert np.isinf(fit.leave_one_out).all()
    assert math.isnan(fit.squared_error)
    assert fit.interval == (0.0, math.inf)


def test_complex_features_and_values():
    basis = random_basis(30, 4, seed=3, imaginary=True)
    design = volume_design(basis, 12, rng=4)
    generator = np.random.default_rng(0)
    true = generator.standard_normal(4) + 1j * generator.standard_normal(4)
    fit = rnla.weighted_least_squares(basis, design, basis.evaluate(design.points) @ true)
    np.testing.assert_allclose(fit.coefficients, true, rtol=1e-10)
    masses = basis.measure.masses
    values = basis.table @ true
    assert fit.mean == pytest.approx(masses @ values, rel=1e-9)
    centred = masses @ np.abs(values - masses @ values) ** 2
    assert fit.variance == pytest.approx(centred, rel=1e-9)
    y = generator.standard_normal(12) + 1j * generator.standard_normal(12)
    fit = rnla.weighted_least_squares(basis, design, y)
    phi = np.sqrt(design.weights)[:, None] * basis.evaluate(design.points)
    expected = np.linalg.lstsq(phi, np.sqrt(design.weights) * y, rcond=None)[0]
    np.testing.assert_allclose(fit.coefficients, expected, rtol=1e-9)


def test_mean_and_variance_come_from_the_coefficients():
    exact = case("runge", 11)
    design = volume_design(exact.basis, 60, rng=2)
    fit = rnla.weighted_least_squares(exact.basis, design, lambda x: exact.function(x[:, 0]))
    nodes, weights = Uniform().orthonormal_family().gauss(40)
    values = fit(nodes)
    assert fit.mean == pytest.approx(weights @ values, rel=1e-12)
    assert fit.variance == pytest.approx(weights @ (values - fit.mean) ** 2, rel=1e-10)


FAMILIES = {
    "fourier": Fourier(Uniform(0, 2)),
    "haar": Haar(Uniform()),
    "local": PiecewiseLegendre(Uniform(), 4, degree=2),
    "splines": BSplines(Uniform(), 6, degree=3),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_means_in_every_family(name):
    family = FAMILIES[name]
    size = family.max_degree + 1 if family.max_degree is not None else 8
    for m in (size, size - 2):
        basis = TensorBasis(family.measure, np.arange(m)[:, None], families=[family])
        design = volume_design(basis, 8 * m, rng=1)
        fit = rnla.weighted_least_squares(basis, design, lambda x: np.exp(x[:, 0]))
        u = (np.arange(400_000) + 0.5) / 400_000
        values = fit(family.measure.quantile(u))
        assert fit.mean == pytest.approx(values.mean(), rel=1e-7, abs=1e-7)
        assert fit.variance == pytest.approx(values.var(), rel=1e-5)


def test_means_of_features_of_the_user():
    measure = Discrete(np.linspace(0, 1, 50), np.arange(1.0, 51.0))
    basis = NumericalBasis(lambda x: np.hstack([np.exp(x), x, np.sin(9 * x)]), measure)
    design = volume_design(basis, 12, rng=0)
    fit = rnla.weighted_least_squares(basis, design, lambda x: np.cos(x[:, 0]))
    values = fit(measure.points)
    assert fit.mean == pytest.approx(measure.weights @ values, rel=1e-10)
    spread = measure.weights @ (values - fit.mean) ** 2
    assert fit.variance == pytest.approx(spread, rel=1e-8)


def test_failed_evaluations_are_left_out_and_the_rest_certified_again():
    basis = BASES["legendre"]
    design = volume_design(basis, 200, rng=5)
    true = np.random.default_rng(0).standard_normal(basis.dimension)
    y = basis.evaluate(design.points) @ true
    y[[3, 50]] = np.nan, np.inf
    fit = rnla.weighted_least_squares(basis, design, y)
    assert fit.failed.tolist() == [3, 50]
    assert fit.size == 198
    assert not fit.unbiased
    assert math.isinf(fit.expected_squared_error)
    np.testing.assert_allclose(fit.coefficients, true, rtol=1e-9, atol=1e-9)
    rest = np.delete(np.arange(200), [3, 50])
    again = rnla.weighted_least_squares(basis, design.take(rest), y[rest])
    assert (fit.lambda_min, fit.lambda_max) == (again.lambda_min, again.lambda_max)
    assert fit.design.lambda_min == fit.lambda_min != design.lambda_min


def test_a_failure_in_one_output_drops_the_row_of_all():
    basis = random_basis(20, 2, seed=0)
    design = volume_design(basis, 6, rng=5)
    y = np.ones((6, 2))
    y[1, 1] = np.nan
    assert rnla.weighted_least_squares(basis, design, y).failed.tolist() == [1]


def test_a_design_is_unbiased_for_its_own_space_only():
    design = volume_design(TensorBasis(Uniform(), 5), 30, rng=0)
    y = np.ones(30)
    assert rnla.weighted_least_squares(TensorBasis(Uniform(), 5), design, y).unbiased
    assert not rnla.weighted_least_squares(TensorBasis(Uniform(), 3), design, y).unbiased
    other = TensorBasis(Uniform(), [[0], [1], [2], [3], [4], [6]])
    assert not rnla.weighted_least_squares(other, design, y).unbiased


def test_the_estimated_error_bounds_the_error_on_average():
    exact = case("runge", 11)
    design = volume_design(exact.basis, 44, rng=1)
    fit = rnla.weighted_least_squares(exact.basis, design, lambda x: exact.function(x[:, 0]))
    assert fit.expected_squared_error == pytest.approx(fit.squared_error * (1 + 121 / 44))
    low, high = fit.interval
    assert 0 < low < fit.squared_error < high


def test_the_interval_for_pure_noise_covers_its_variance():
    """Nominal 90 %; at least 85 % of 400, false-alarm rate below 1e-3 if coverage is 90 %."""
    basis = TensorBasis(Uniform(), 5)
    design = volume_design(basis, 40, rng=1)
    y = np.random.default_rng(0).standard_normal((40, 400)) / np.sqrt(design.weights)[:, None]
    low, high = rnla.weighted_least_squares(basis, design, y).interval
    covered = (low <= 1.0) & (high >= 1.0)
    assert covered.mean() >= 0.85
    middle = np.sqrt(low * high)
    assert ((0.9 * middle <= 1.0) & (1.1 * middle >= 1.0)).mean() < 0.85  # a narrow one is caught


HARD = {
    "runge": lambda x: 1.0 / (1.0 + 25.0 * x**2),
    "kink": np.abs,
    "jump": lambda x: np.sign(x - 0.3),
    "end": lambda x: np.sqrt(x + 1.0),
    "bump": lambda x: np.exp(-40.0 * (x - 0.2) ** 2),
    "hinge": lambda x: np.maximum(x - 0.1, 0.0) ** 1.5,
}


@pytest.mark.slow
@pytest.mark.parametrize("m", [6, 11, 21])
def test_intervals_cover_errors_that_sit_in_small_places(m, record_property):
    """Nominal 90 % intervals cover at least 85 % for each function and size, n = 2m and 4m.

    For a coverage of 90 % the false-alarm rate is below 1e-3 for each at 200 draws.
    """
    draws = count(full=1000, check=200)
    basis = TensorBasis(Uniform(), m - 1)
    x = np.linspace(-1, 1, 100_001)
    x = 0.5 * (x[1:] + x[:-1])

    def functions(points):
        return np.stack([function(points) for function in HARD.values()], axis=1)

    values, features = functions(x), basis.evaluate(x)
    true = ((values - features @ (features.T @ values / x.size)) ** 2).mean(axis=0)
    covered = np.zeros((2, len(HARD)))
    narrow = np.zeros((2, len(HARD)))
    for draw in range(draws):
        design = volume_design(basis, 4 * m, rng=1, draw=draw)
        for i, n in enumerate((2 * m, 4 * m)):
            part = design.take(range(n))
            fit = rnla.weighted_least_squares(basis, part, functions(part.points[:, 0]))
            low, high = fit.interval
            covered[i] += (low <= true) & (true <= high)
            # The companion: intervals that trust n - m degrees of freedom.
            ratio = (n - m) * fit.squared_error / true
            narrow[i] += (chi2.ppf(0.05, n - m) <= ratio) & (ratio <= chi2.ppf(0.95, n - m))
    record_property("check", f"44 intervals m={m}")
    record_property("measured", float(covered.min() / draws))
    record_property("threshold", 0.85)
    record_property("count", draws)
    record_property("false_alarm_rate", 12e-3)
    assert (covered >= 0.85 * draws).all()
    assert (narrow < 0.85 * draws).any()


def test_perfect_fits_have_no_error_and_a_finite_interval():
    basis = random_basis(20, 2, seed=0)
    design = volume_design(basis, 8, rng=5)
    fit = rnla.weighted_least_squares(basis, design, np.zeros(8))
    assert fit.squared_error == 0.0
    assert fit.interval == (0.0, 0.0)
    assert fit.coefficients.tolist() == [0.0, 0.0]


def test_far_points_of_hermite_designs_do_not_overflow():
    basis = TensorBasis(Gaussian(), 150)
    design = volume_design(basis, 600, rng=0)
    assert np.abs(design.points).max() > 20.0
    fit = rnla.weighted_least_squares(basis, design, np.sin(design.points[:, 0]))
    assert fit.lambda_min > 0.1
    assert np.isfinite(fit.coefficients).all()


def test_bad_input_is_named():
    basis = random_basis(20, 3, seed=0)
    design = volume_design(basis, 8, rng=5)
    fit = rnla.weighted_least_squares
    with pytest.raises(rnla.ArgumentError, match=r"values: got shape \(7,\)"):
        fit(basis, design, np.ones(7))
    with pytest.raises(rnla.ArgumentTypeError, match="values: got dtype"):
        fit(basis, design, np.array(["a"] * 8))
    with pytest.raises(rnla.ArgumentTypeError, match="design: got ndarray"):
        fit(basis, design.points, np.ones(8))
    with pytest.raises(rnla.ArgumentError, match="basis: got int"):
        fit(3, design, np.ones(8))
    with pytest.raises(rnla.ArgumentError, match="delta"):
        fit(basis, design, np.ones(8), delta=1.0)
    with pytest.raises(rnla.ArgumentError, match="2 finite rows out of 8"):
        fit(basis, design, [1.0, 2.0] + [np.nan] * 6)
    with pytest.raises(rnla.ArgumentError, match="design: got 2 points"):
        fit(basis, Design([0.0, 1.0]), np.ones(2))


def test_check_21_dependent_features_are_an_error_that_names_the_rank():
    basis = random_basis(20, 3, seed=0)
    with pytest.raises(rnla.ArgumentError, match="numerical rank 2"):
        rnla.weighted_least_squares(basis, Design([4.0, 4.0, 7.0, 7.0]), np.ones(4))


def test_check_21_nan_features_are_an_error():
    basis = random_basis(20, 3, seed=0)
    design = volume_design(basis, 8, rng=5)
    basis.table[int(design.points[0, 0])] = np.nan
    with pytest.raises(rnla.ArgumentError, match="nan or inf at the point"):
        rnla.weighted_least_squares(basis, design, np.ones(8))


def test_nothing_is_modified():
    basis = random_basis(20, 3, seed=0)
    design = volume_design(basis, 8, rng=5)
    y = np.arange(8.0)
    y[2] = np.nan
    before = (y.copy(), design.points.copy(), design.weights.copy())
    rnla.weighted_least_squares(basis, design, y)
    for array, copy in zip((y, design.points, design.weights), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_one_point_leaves_every_error_unknown():
    fit = rnla.weighted_least_squares(TensorBasis(Uniform(), 0), Design([0.3]), [2.0])
    assert fit.standard_errors.tolist() == [math.inf]
    assert fit.mean_standard_error == math.inf
    assert fit.interval == (0.0, math.inf)


@pytest.mark.parametrize("exponent", [-440, -200, 0, 200, 440])
def test_errors_and_intervals_follow_the_units(exponent):
    basis = TensorBasis(Uniform(), 3)
    design = rnla.approximation.volume_design(basis, 12, rng=0)
    values = np.exp(design.points[:, 0])
    plain = rnla.weighted_least_squares(basis, design, values)
    unit = 2.0**exponent
    fit = rnla.weighted_least_squares(basis, design, unit * values)
    np.testing.assert_array_equal(fit.coefficients, unit * plain.coefficients)
    for name in ("squared_error", "fit_squared_error", "variance"):
        assert getattr(fit, name) == pytest.approx(getattr(plain, name) * unit**2, rel=1e-12)
    np.testing.assert_allclose(fit.interval, np.multiply(plain.interval, unit**2), rtol=1e-12)
    np.testing.assert_allclose(fit.standard_errors, plain.standard_errors * unit, rtol=1e-12)
    np.testing.assert_array_equal(fit.sobol.total, plain.sobol.total)


@pytest.mark.parametrize("size", [1e150, 1e200, 1.7e308])
def test_values_that_cannot_be_squared_are_refused(size):
    basis = TensorBasis(Uniform(), 1)
    design = rnla.approximation.volume_design(basis, 6, rng=0)
    values = np.ones(6)
    values[4] = size
    with pytest.raises(rnla.ArgumentError, match=r"^values: got .* in row 4"):
        rnla.weighted_least_squares(basis, design, values)


def test_masked_values_are_failed_evaluations():
    basis = TensorBasis(Uniform(), 1)
    design = rnla.approximation.volume_design(basis, 8, rng=0)
    values = np.arange(8)
    masked = np.ma.masked_array(values, values == 3)
    fit = rnla.weighted_least_squares(basis, design, masked)
    assert fit.failed.tolist() == [3]
    missing = np.where(values == 3, np.nan, values)
    same = rnla.weighted_least_squares(basis, design, missing)
    np.testing.assert_array_equal(fit.coefficients, same.coefficients)
