"""Surrogates: derivatives, moments, standard errors, and files that read back the same bits."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

import rnla
from rnla._result import Status
from rnla.approximation import (
    BSplines,
    Chebyshev,
    Discrete,
    Exponential,
    Failure,
    Fourier,
    Gamma,
    Gaussian,
    Haar,
    Jacobi,
    NumericalBasis,
    PiecewiseLegendre,
    Product,
    Round,
    Surrogate,
    TensorBasis,
    Uniform,
    iid_design,
    repeated_dpp_design,
    total_degree,
    volume_design,
    weighted_least_squares,
)
from rnla.sampling._archive import read_archive, write_archive

from .cases import case

UNIT = Uniform(0.0, 1.0)
PLANE = Product([Uniform(0.0, 1.0), Gaussian(1.0, 2.0)])


def two_outputs(x):
    return np.column_stack([np.exp(0.3 * x[:, 0] + 0.2 * x[:, 1]), x[:, 0] * x[:, 1] ** 2])


def fitted(*, complex_values=False, outputs=2, degree=3, n=40, seed=0):
    basis = TensorBasis(PLANE, total_degree(2, degree))
    design = volume_design(basis, n, rng=seed)
    values = two_outputs(design.points)[:, :outputs]
    if complex_values:
        values = values * np.exp(1j * design.points[:, :1])
    return weighted_least_squares(basis, design, values[:, 0] if outputs == 1 else values)


@pytest.mark.parametrize("complex_values", [False, True])
@pytest.mark.parametrize("outputs", [1, 2])
def test_gradient_is_that_of_finite_differences(outputs, complex_values):
    surrogate = Surrogate(fitted(outputs=outputs, complex_values=complex_values))
    x = PLANE.sample(7, rng=1)
    gradient = surrogate.gradient(x)
    assert gradient.shape == ((7, 2) if outputs == 1 else (7, 2, 2))
    assert np.iscomplexobj(gradient) == complex_values
    h = 1e-5
    for l in range(2):
        step = h * np.eye(2)[l]
        difference = (surrogate(x + step) - surrogate(x - step)) / (2.0 * h)
        np.testing.assert_allclose(gradient[..., l], difference, rtol=1e-5, atol=1e-7)


def test_gradients_in_blocks_are_those_of_one(monkeypatch):
    fit = fitted()
    x = PLANE.sample(11, rng=1)
    whole = fit.gradient(x)
    monkeypatch.setattr("rnla.approximation.weighted_fit._BLOCK", 50)
    np.testing.assert_array_equal(fit.gradient(x), whole)


def test_gradient_needs_derivatives_and_points():
    with pytest.raises(rnla.ArgumentError, match=r"^x: got shape"):
        fitted().gradient(np.ones((3, 3)))
    basis = NumericalBasis(lambda x: np.hstack([x**0, x]), Discrete(np.arange(9.0)))
    fit = weighted_least_squares(basis, volume_design(basis, 4, rng=0), np.ones(4))
    with pytest.raises(rnla.ArgumentTypeError, match=r"^basis: got NumericalBasis"):
        fit.gradient([1.0])


@pytest.mark.parametrize("complex_values", [False, True])
def test_moments_are_those_of_quadrature(complex_values):
    surrogate = Surrogate(fitted(complex_values=complex_values))
    rules = [marginal.orthonormal_family().gauss(8) for marginal in PLANE.marginals]
    points = np.array(list(itertools.product(*(x for x, _ in rules))))
    weights = np.prod(list(itertools.product(*(w for _, w in rules))), axis=1)
    values = surrogate(points)
    mean = weights @ values
    np.testing.assert_allclose(surrogate.mean, mean, rtol=1e-10)
    centred = values - mean
    covariance = centred.T @ (weights[:, None] * centred.conj())
    np.testing.assert_allclose(surrogate.covariance, covariance, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(surrogate.variance, np.diag(covariance).real, rtol=1e-9)
    np.testing.assert_allclose(surrogate.std**2, surrogate.variance, rtol=1e-12)
    np.testing.assert_allclose(surrogate.sobol.variance, surrogate.variance, rtol=1e-12)


def test_moments_of_one_output_are_numbers():
    surrogate = Surrogate(fitted(outputs=1))
    assert isinstance(surrogate.mean, float)
    assert isinstance(surrogate.std, float)
    assert surrogate.covariance == surrogate.variance
    assert isinstance(surrogate.fit.mean_standard_error, float)


def test_features_without_families_have_moments_but_no_sobol_indices():
    mu = Discrete(np.random.default_rng(0).random((50, 2)))
    basis = NumericalBasis(lambda x: np.column_stack([np.ones(len(x)), x]), mu)
    fit = weighted_least_squares(basis, volume_design(basis, 12, rng=0), lambda x: x @ [1.0, 2.0])
    values = mu.points @ [1.0, 2.0]
    assert fit.mean == pytest.approx(values.mean(), rel=1e-12)
    assert fit.variance == pytest.approx(values.var(), rel=1e-10)
    with pytest.raises(rnla.ArgumentTypeError, match=r"^basis: got NumericalBasis"):
        _ = fit.sobol


@pytest.mark.parametrize("complex_values", [False, True])
def test_standard_errors_are_those_of_refits_without_each_point(complex_values):
    fit = fitted(n=14, complex_values=complex_values)
    points = fit.design.points
    values = two_outputs(points) * (np.exp(1j * points[:, :1]) if complex_values else 1.0)
    x = PLANE.sample(3, rng=2)
    coefficients, at_x = 0.0, 0.0
    for i in range(14):
        rest = np.delete(np.arange(14), i)
        without = weighted_least_squares(fit.basis, fit.design.take(rest), values[rest])
        coefficients += np.abs(without.coefficients - fit.coefficients) ** 2
        at_x += np.abs(without(x) - fit(x)) ** 2
    expected = np.sqrt(13 / 14 * coefficients)
    np.testing.assert_allclose(fit.standard_errors, expected, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(fit.mean_standard_error, expected[0], rtol=1e-7, atol=1e-12)
    at_x = np.sqrt(13 / 14 * at_x)
    np.testing.assert_allclose(fit.standard_error(x), at_x, rtol=1e-7, atol=1e-12)


def test_interpolation_has_no_standard_errors():
    basis = TensorBasis(UNIT, 3)
    fit = weighted_least_squares(basis, volume_design(basis, 4, rng=0), np.ones(4))
    assert np.isinf(fit.standard_errors).all()


@settings(max_examples=25, deadline=None)
@given(
    shift=st.floats(-3, 3),
    factor=st.floats(0.1, 10.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_moments_follow_affine_changes_of_the_values(shift, factor, seed):
    basis = TensorBasis(PLANE, 2)
    design = volume_design(basis, 15, rng=seed)
    values = two_outputs(design.points)[:, 1]
    one = weighted_least_squares(basis, design, values)
    other = weighted_least_squares(basis, design, shift + factor * values)
    close = {"rtol": 1e-7, "atol": 1e-8}
    np.testing.assert_allclose(other.mean, shift + factor * one.mean, **close)
    np.testing.assert_allclose(other.std, factor * one.std, **close)
    np.testing.assert_allclose(other.sobol.total, one.sobol.total, **close)
    np.testing.assert_allclose(other.standard_errors, factor * one.standard_errors, **close)


@pytest.mark.parametrize("complex_values", [False, True])
def test_conditional_means_are_those_of_quadrature(complex_values):
    fit = fitted(complex_values=complex_values)
    x, w = PLANE.marginals[1].orthonormal_family().gauss(6)
    first = np.array([0.1, 0.7])
    expected = [w @ fit(np.column_stack([np.full(6, value), x])) for value in first]
    got = fit.conditional_mean(0, first)
    np.testing.assert_allclose(got, expected, rtol=1e-10)
    np.testing.assert_array_equal(Surrogate(fit).conditional_mean([0], first), got)
    points = PLANE.sample(5, rng=0)
    np.testing.assert_allclose(fit.conditional_mean((0, 1), points), fit(points), rtol=1e-10)
    swapped = fit.conditional_mean((1, 0), points[:, ::-1])
    np.testing.assert_allclose(swapped, fit(points), rtol=1e-10)


@pytest.mark.parametrize("name", ["splines", "local"])
def test_conditional_means_of_any_family_have_the_closed_share_as_variance(name):
    family = FAMILIES[name](UNIT)
    basis = TensorBasis(Product([UNIT] * 3), 3, families=[family] * 3)
    design = iid_design(basis, 200, rng=0)
    fit = weighted_least_squares(basis, design, lambda x: np.exp(x[:, 0] * x[:, 1]) + x[:, 2] ** 2)
    x, w = UNIT.orthonormal_family().gauss(5)
    breaks = np.array([0.0, 0.2, 0.5, 0.7, 1.0])
    line = (breaks[:-1, None] + np.diff(breaks)[:, None] * x).ravel()
    mass = (np.diff(breaks)[:, None] * w).ravel()
    for l in range(3):
        values = fit.conditional_mean(l, line)
        assert mass @ values == pytest.approx(fit.mean, rel=1e-10)
        share = mass @ (values - fit.mean) ** 2 / fit.variance
        assert share == pytest.approx(fit.sobol.first_order[l], rel=1e-9)


def test_conditional_means_check_their_coordinates():
    fit = fitted()
    for bad in (2, -1, (), (0, 0)):
        with pytest.raises(rnla.ArgumentError, match=r"^coordinates: got"):
            fit.conditional_mean(bad, [0.5])
    with pytest.raises(rnla.ArgumentTypeError, match=r"^coordinates: got 'x'"):
        fit.conditional_mean("x", [0.5])
    with pytest.raises(rnla.ArgumentError, match=r"^x: got shape"):
        fit.conditional_mean(0, np.ones((3, 2)))
    basis = TensorBasis(PLANE, [[1, 0], [2, 0]])  # no function of the second coordinate alone
    fit = weighted_least_squares(basis, iid_design(basis, 9, rng=0), np.arange(9.0))
    np.testing.assert_array_equal(fit.conditional_mean(1, [0.0, 1.0]), np.zeros(2))


FAMILIES = {
    "polynomials": lambda mu: mu.orthonormal_family(),
    "fourier": Fourier,
    "haar": Haar,
    "local": lambda mu: PiecewiseLegendre(mu, 2, degree=1),
    "splines": lambda mu: BSplines(mu, [0.2, 0.7], degree=2),
}
MEASURES = [
    Uniform(0, 1),
    Chebyshev(0.0, 2.0),
    Jacobi(0.5, 1.5, -1.0, 3.0),
    Gaussian(1.0, 0.5),
    Gamma(0.7, 2.0),
    Exponential(3.0),
    Discrete(np.linspace(0.1, 1.0, 7) ** 2, np.arange(1.0, 8.0)),
]


def same(one, other):
    """Whether two records hold the same bits."""
    for name in one.__dataclass_fields__:
        a, b = getattr(one, name), getattr(other, name)
        if name == "basis":
            assert repr(a) == repr(b)
            np.testing.assert_array_equal(a.indices, b.indices)
        elif hasattr(a, "__dataclass_fields__"):
            same(a, b)
        elif isinstance(a, tuple) and a and hasattr(a[0], "__dataclass_fields__"):
            assert len(a) == len(b)
            for first, second in zip(a, b, strict=True):
                same(first, second)
        else:
            np.testing.assert_array_equal(a, b)
            assert type(a) is type(b)


@pytest.mark.parametrize("complex_values", [False, True])
@pytest.mark.parametrize("outputs", [1, 2])
def test_files_read_back_the_same_bits(tmp_path, outputs, complex_values):
    fit = fitted(outputs=outputs, complex_values=complex_values)
    history = [Round(20, 6, fit.squared_error, fit.interval, 0.4), Round(40, 10, 0.1, (0, 1), 0.5)]
    surrogate = Surrogate(
        fit,
        history=history,
        evaluations=43,
        guarantee="on average at most 3.5 times the best",
        status=Status.NOT_CONVERGED,
        failures=[Failure((0.5, 1.0), "ValueError: no")],
    )
    path = tmp_path / "surrogate.npz"
    surrogate.save(path)
    again = Surrogate.load(path)
    same(surrogate, again)
    x = PLANE.sample(5, rng=3)
    np.testing.assert_array_equal(again(x), surrogate(x))
    np.testing.assert_array_equal(again.gradient(x), surrogate.gradient(x))
    np.testing.assert_array_equal(again.sobol.total, surrogate.sobol.total)
    with np.load(path, allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "fcuib" for name in archive.files)


def test_an_approximation_with_failures_reads_back(tmp_path):
    def model(x):
        values = two_outputs(x)
        values[x[:, 0] > 0.97] = np.nan
        return values

    surrogate = rnla.approximate(model, PLANE, budget=80, rng=0)
    assert surrogate.failures
    surrogate.save(tmp_path / "a.npz")
    same(surrogate, Surrogate.load(tmp_path / "a.npz"))


@pytest.mark.parametrize("measure", MEASURES, ids=repr)
def test_every_measure_is_written(tmp_path, measure):
    for mu in (measure, Product([measure, UNIT])):
        basis = TensorBasis(mu, 2)
        fit = weighted_least_squares(basis, iid_design(basis, 20, rng=0), lambda x: x[:, 0] ** 3)
        Surrogate(fit).save(tmp_path / "a.npz")
        again = Surrogate.load(tmp_path / "a.npz")
        x = mu.sample(6, rng=0)
        np.testing.assert_array_equal(again(x), fit(x))
        assert again.fit.basis.measure.marginals == basis.measure.marginals
        assert type(again.fit.basis.measure) is type(mu)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_written(tmp_path, name):
    basis = TensorBasis(UNIT, 3, families=[FAMILIES[name](UNIT)])
    fit = weighted_least_squares(basis, volume_design(basis, 30, rng=0), lambda x: x[:, 0] ** 3)
    Surrogate(fit).save(tmp_path / "a.npz")
    again = Surrogate.load(tmp_path / "a.npz")
    x = np.linspace(0, 1, 9)
    np.testing.assert_array_equal(again(x), fit(x))
    assert type(again.fit.basis.families[0]) is type(basis.families[0])


def test_what_cannot_be_written_is_refused_and_leaves_no_file(tmp_path):
    features = NumericalBasis(lambda x: np.hstack([x**0, x]), Discrete(np.arange(9.0)))
    own_measure = type("Own", (Uniform,), {})(0.0, 1.0)
    own_family = type("Own", (Fourier,), {})(UNIT)
    for basis in (
        features,
        TensorBasis(own_measure, 2),
        TensorBasis(UNIT, 2, families=[own_family]),
    ):
        fit = weighted_least_squares(basis, volume_design(basis, 9, rng=0), np.ones(9))
        with pytest.raises(rnla.ArgumentTypeError, match="which cannot be written"):
            Surrogate(fit).save(tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_typed_errors(tmp_path):
    path = tmp_path / "a.npz"
    surrogate = Surrogate(fitted())
    surrogate.save(path)
    content = path.read_bytes()
    for damaged in (b"", content[:100], content[: len(content) // 2], b"x" + content[5:]):
        path.write_bytes(damaged)
        with pytest.raises(rnla.DamagedFileError, match=r"^path: got"):
            Surrogate.load(path)
    broken = bytearray(content)
    broken[len(content) // 2] ^= 255
    path.write_bytes(bytes(broken))
    with pytest.raises(rnla.DamagedFileError):
        Surrogate.load(path)
    surrogate.fit.design.save(path)
    with pytest.raises(rnla.DamagedFileError, match=r"Design"):
        Surrogate.load(path)
    with pytest.raises(FileNotFoundError):
        Surrogate.load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"OrthogonalPolynomials"', '"Wavelets"'),
        ('"Gaussian"', '"Cauchy"'),
        ('"Uniform", 0.0, 1.0', '"Uniform", 1.0, 0.0'),
        ('"record": "WeightedFit"', '"record": "subprocess"'),
        ('"status": "OK"', '"status": "FINE"'),
        ('"array": "array0"', '"array": "array99"'),
        ('"array": "array0"', '"array": "array1"'),
        ('"lambda_max"', '"lambda_most"'),
        ('"fit": {', '"fit": {"tuple": [], "was": 1, '),
        ('"content"', '"contents"'),
    ],
)
def test_a_file_that_says_something_else_is_a_typed_error(tmp_path, old, new):
    path = tmp_path / "a.npz"
    Surrogate(fitted()).save(path)
    arrays, meta = read_archive(path, "Surrogate")
    text = json.dumps(meta)
    assert old in text
    write_archive(path, arrays, json.loads(text.replace(old, new)), "Surrogate")
    with pytest.raises(rnla.DamagedFileError, match=r"^path: got"):
        Surrogate.load(path)


def test_a_surrogate_is_its_fit():
    fit = fitted()
    surrogate = Surrogate(fit)
    x = PLANE.sample(4, rng=0)
    np.testing.assert_array_equal(surrogate(x), fit(x))
    assert surrogate.interval is fit.interval
    assert surrogate.squared_error is fit.squared_error
    assert surrogate.stability == fit.lambda_min
    assert surrogate.evaluations == 40
    assert (surrogate.history, surrogate.failures) == ((), ())
    np.testing.assert_array_equal(surrogate.expected_squared_error, fit.expected_squared_error)
    assert "m=10" in repr(surrogate)
    with pytest.raises(rnla.ArgumentTypeError, match=r"^fit: got ndarray"):
        Surrogate(np.ones(3))
    assert not math.isnan(surrogate.stability)


LAWS = {"volume": volume_design, "iid": iid_design, "repeated": repeated_dpp_design}


def errors_of_the_mean(name, m, law, n, residuals_of=None):
    """Errors of the means of 300 fits and their standard errors."""
    exact = case(name, m)
    errors = np.empty((300, 2))
    for seed in range(300):
        design = LAWS[law](exact.basis, n, rng=seed)
        fit = weighted_least_squares(exact.basis, design, exact.function(design.points[:, 0]))
        if residuals_of is not None:
            fit = replace(fit, leave_one_out=residuals_of(fit, exact.function))
        errors[seed] = fit.mean - exact.coefficients[0], fit.mean_standard_error
    return errors.T


def covered(errors, standard_errors):
    """Share of the draws within two standard errors."""
    return float(np.mean(np.abs(errors) <= 2.0 * standard_errors))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("name", "m"), [("runge", 11), ("absolute", 8)])
def test_two_standard_errors_hold_the_mean(record_property, name, m, law):
    """92 % are stated; 300 draws of 92 % fall below 85 % with probability 2e-5 (6 tests: 1e-4)."""
    share = covered(*errors_of_the_mean(name, m, law, 4 * m))
    for key, value in {
        "check": "standard error of the mean",
        "measured": share,
        "threshold": 0.85,
        "count": 300,
        "false_alarm_rate": 2e-5,
    }.items():
        record_property(key, value)
    assert share >= 0.85
    assert binom.cdf(0.85 * 300 - 1, 300, 0.92) < 2e-5


def test_with_few_points_standard_errors_are_too_large_and_not_too_small():
    errors, standard_errors = errors_of_the_mean("runge", 11, "volume", 22)
    assert covered(errors, standard_errors) >= 0.85
    assert np.median(standard_errors) > 2.0 * np.median(np.abs(errors))


def test_residuals_of_the_fit_itself_would_be_caught():
    def residuals(fit, function):
        points = fit.design.points
        return function(points[:, 0]) - fit(points)

    assert covered(*errors_of_the_mean("runge", 11, "volume", 22, residuals)) < 0.85
