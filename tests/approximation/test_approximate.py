"""One call from a function to a certified surrogate."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import rnla
from rnla.approximation import (
    Discrete,
    Exponential,
    Fourier,
    Gaussian,
    Haar,
    NumericalBasis,
    PiecewiseLegendre,
    Product,
    TensorBasis,
    Uniform,
    approximate,
    is_downward_closed,
    total_degree,
)

LINE, SQUARE = Uniform(), Product([Uniform(), Uniform()])


def true_error(surrogate, f, size=20_000):
    """Root mean square of the difference at points of the measure."""
    x = surrogate.fit.basis.measure.sample(size, rng=99)
    return np.sqrt((np.abs(f(x) - surrogate(x)) ** 2).mean(axis=0))


def ishigami(x):
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


CASES = {
    "analytic": (lambda x: np.exp(x[:, 0]), LINE, 1e-8, 120),
    "runge": (lambda x: 1 / (1 + 25 * x[:, 0] ** 2), LINE, 1e-3, 600),
    "bell": (lambda x: np.exp(-((x[:, 0] - 1) ** 2) / 4), Gaussian(), 1e-4, 300),
    "product": (lambda x: np.exp(x[:, 0]) * np.cos(2 * x[:, 1]), SQUARE, 1e-5, 500),
    "ishigami": (ishigami, [Uniform(-np.pi, np.pi)] * 3, 0.02, 700),
    # 286 functions of total degree 3 would leave an error of 0.03.
    "two of ten": (lambda x: np.exp(x[:, 2]) * np.cos(3 * x[:, 7]), [Uniform()] * 10, 1e-2, 700),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_tolerance_is_met(name, seed):
    f, measure, tol, most = CASES[name]
    surrogate = rnla.approximate(f, measure, tol=tol, rng=seed)
    assert surrogate.status is rnla.Status.OK
    assert surrogate.evaluations <= most
    assert true_error(surrogate, f) <= tol
    fit = surrogate.fit
    assert fit.unbiased
    assert fit.interval[1] <= tol**2
    assert is_downward_closed(fit.basis.indices)
    assert surrogate.history[-1].evaluations == surrogate.evaluations
    assert surrogate.history[-1].dimension == fit.dimension


def test_inactive_coordinates_cost_little():
    f = CASES["two of ten"][0]
    surrogate = rnla.approximate(f, [Uniform()] * 10, tol=1e-2, rng=0)
    degrees = np.array(surrogate.fit.basis.degrees)
    assert degrees[[2, 7]].min() >= 4
    assert np.delete(degrees, [2, 7]).mean() <= 3
    shares = surrogate.fit.sobol.total
    assert np.delete(shares, [2, 7]).max() < 1e-3 < shares[[2, 7]].min()


@pytest.mark.parametrize("budget", [3, 20, 45, 100, 300])
def test_a_budget_is_kept_and_spent(budget):
    calls = []

    def f(x):
        calls.append(len(x))
        return np.abs(x[:, 0] - 0.3) + x[:, 1]

    surrogate = rnla.approximate(f, SQUARE, budget=budget, rng=0)
    assert sum(calls) == surrogate.evaluations == budget
    assert surrogate.status is rnla.Status.OK
    assert surrogate.fit.unbiased
    assert surrogate.fit.level == 0.9
    assert surrogate.fit.size >= surrogate.fit.dimension + 2


def test_more_budget_gives_a_smaller_error():
    f = CASES["product"][0]
    errors = [true_error(rnla.approximate(f, SQUARE, budget=b, rng=0), f) for b in (50, 150, 450)]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


def test_a_function_of_the_space_stops_at_rounding():
    surrogate = rnla.approximate(lambda x: 1 + x[:, 0] * x[:, 1], SQUARE, budget=5000, rng=0)
    assert 100 < surrogate.evaluations < 150
    assert surrogate.squared_error < 1e-28
    too_much = rnla.approximate(lambda x: 1 + x[:, 0] * x[:, 1], SQUARE, tol=1e-18, rng=0)
    assert too_much.status is rnla.Status.ROUNDING_LIMITED
    assert rnla.approximate(lambda x: np.ones(len(x)), SQUARE, tol=1e-9, rng=0).mean == 1.0


def test_the_function_zero():
    for goal in ({"tol": 1e-3}, {"tol": 1e-3, "relative": True}, {"budget": 100}):
        surrogate = rnla.approximate(lambda x: 0.0 * x[:, 0], SQUARE, rng=0, **goal)
        assert surrogate.status is rnla.Status.OK
        assert surrogate.squared_error == 0.0


def test_points_on_one_side_of_a_jump_are_no_proof():
    # The first six values are mostly the same; 100 fresh points, as near the ends as those of
    # volume sampling are, all miss the last 3 % of the measure with probability below 1 %.
    for seed in range(10):
        surrogate = rnla.approximate(lambda x: np.sign(x[:, 0] - 0.94), LINE, budget=200, rng=seed)
        assert surrogate.evaluations == 200


def test_what_stopped_first_is_said():
    f = CASES["runge"][0]
    both = rnla.approximate(f, LINE, tol=1e-3, budget=60, rng=0)
    assert both.status is rnla.Status.BUDGET_SPENT
    assert both.evaluations <= 60
    assert "not certified" in both.guarantee
    fine = rnla.approximate(f, LINE, tol=1e-2, budget=5000, rng=0)
    assert fine.status is rnla.Status.OK
    assert fine.evaluations < 600
    assert "is met" in fine.guarantee
    small = rnla.approximate(f, LINE, tol=1e-3, basis=6, rng=0)
    assert small.status is rnla.Status.BASIS_TOO_SMALL
    # Four values are too few for the space of the lines, so the constants must do.
    few = rnla.approximate(f, LINE, tol=1e-3, budget=4, rng=0)
    assert few.status is rnla.Status.BUDGET_SPENT
    assert few.evaluations <= 4


def test_noise_counts_as_error():
    noise = np.random.default_rng(0)

    def f(x):
        return x[:, 0] + 0.1 * noise.standard_normal(len(x))

    surrogate = rnla.approximate(f, LINE, tol=0.01, budget=400, rng=0)
    assert surrogate.status is rnla.Status.BUDGET_SPENT
    low, high = surrogate.interval
    assert low < 0.01 < high


def test_a_relative_tolerance():
    f = CASES["analytic"][0]
    absolute, relative = (
        rnla.approximate(lambda x: 1e6 * f(x), LINE, tol=tol, relative=relative, rng=0)
        for tol, relative in ((1e-2, False), (1e-4, True))
    )
    assert relative.fit.dimension < absolute.fit.dimension
    assert true_error(relative, lambda x: 1e6 * f(x)) <= 1e-4 * 1e6 * math.sqrt(math.sinh(2) / 2)


def test_every_output_meets_the_tolerance():
    def f(x):
        return np.column_stack([np.exp(x[:, 0]), np.cos(5 * x[:, 1]), x[:, 0] * x[:, 1]])

    surrogate = rnla.approximate(f, SQUARE, tol=1e-3, rng=0)
    assert surrogate(np.zeros((4, 2))).shape == (4, 3)
    assert (true_error(surrogate, f) <= 1e-3).all()
    assert surrogate.history[0].squared_error.shape == (3,)


def test_complex_values():
    surrogate = rnla.approximate(lambda x: np.exp(2j * x[:, 0]), LINE, tol=1e-4, rng=0)
    assert true_error(surrogate, lambda x: np.exp(2j * x[:, 0])) <= 1e-4


FAMILIES = {
    "fourier": (Fourier(Uniform()), lambda x: np.exp(np.cos(np.pi * x[:, 0])), 1e-4),
    "haar": (Haar(Uniform()), lambda x: np.sign(x[:, 0] - 0.25), 1e-6),
    "pieces": (
        PiecewiseLegendre(Uniform(), cells=4, degree=6),
        lambda x: np.abs(x[:, 0] - 0.5),
        1e-6,
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_families_of_other_functions(name):
    family, f, tol = FAMILIES[name]
    surrogate = rnla.approximate(f, LINE, tol=tol, families=[family], rng=0)
    assert surrogate.status is rnla.Status.OK
    assert true_error(surrogate, f) <= tol


def test_a_family_that_ends_is_used_up():
    family = PiecewiseLegendre(Uniform(), cells=2, degree=1)
    surrogate = rnla.approximate(CASES["runge"][0], LINE, tol=1e-6, families=[family], rng=0)
    assert surrogate.status is rnla.Status.BASIS_TOO_SMALL
    assert surrogate.fit.dimension == 4


def test_measures_on_half_lines_and_atoms():
    def f(x):
        return 1.0 / (2.0 + x[:, 0])

    surrogate = rnla.approximate(f, Exponential(), tol=1e-3, rng=0)
    assert true_error(surrogate, f) <= 1e-3
    grid = Discrete(np.linspace(0, 1, 12))
    exact = rnla.approximate(f, grid, tol=1e-3, rng=0)
    assert exact.evaluations <= 12
    assert np.abs(exact(grid.points) - f(grid.points)).max() <= 1e-2


@pytest.mark.parametrize(
    "basis",
    [5, total_degree(2, 5), TensorBasis(SQUARE, 5)],
    ids=["degree", "indices", "basis"],
)
def test_a_given_space_is_kept(basis):
    f = CASES["product"][0]
    surrogate = rnla.approximate(f, SQUARE, basis=basis, budget=60, rng=0)
    assert surrogate.fit.dimension == 21
    assert surrogate.evaluations == 60
    assert len(surrogate.history) == 1


def test_features_of_the_user():
    points = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    measure = Discrete(points)
    basis = NumericalBasis(lambda x: np.exp(x @ np.array([[1.0, 0, 2], [0, 1, 1]])), measure)
    surrogate = rnla.approximate(
        lambda x: np.exp(x[:, 0]) + 3 * np.exp(x[:, 1]), measure, basis=basis, tol=1e-8, rng=0
    )
    assert surrogate.status is rnla.Status.OK


def test_points_of_a_wide_certificate_are_appended():
    # The best line is close enough, but few points do not show it.
    surrogate = rnla.approximate(lambda x: x[:, 0] ** 2, LINE, tol=0.36, basis=1, rng=0)
    assert surrogate.status is rnla.Status.OK
    looks = [entry.evaluations for entry in surrogate.history]
    assert len(looks) > 1
    assert looks == sorted(set(looks))
    assert surrogate.fit.level == pytest.approx(1 - 0.1 / (len(looks) * (len(looks) + 1)))


def test_the_same_seed_gives_the_same_surrogate_however_f_is_called():
    f = CASES["product"][0]
    plain = rnla.approximate(f, SQUARE, tol=1e-3, rng=5)
    with ThreadPoolExecutor(2) as pool:
        others = [
            rnla.approximate(f, SQUARE, tol=1e-3, rng=5, batch_size=7),
            rnla.approximate(f, SQUARE, tol=1e-3, rng=5, workers=2),
            rnla.approximate(f, SQUARE, tol=1e-3, rng=5, workers=pool, batch_size=10),
        ]
    for other in others:
        np.testing.assert_array_equal(other.fit.design.points, plain.fit.design.points)
        np.testing.assert_allclose(other.fit.coefficients, plain.fit.coefficients, atol=1e-12)
    one = rnla.approximate(lambda x: f(x[None])[0], SQUARE, tol=1e-3, rng=5, vectorized=False)
    np.testing.assert_array_equal(one.fit.design.points, plain.fit.design.points)


def test_an_interrupted_run_goes_on(tmp_path):
    f, path = CASES["product"][0], tmp_path / "values.npz"
    whole = rnla.approximate(f, SQUARE, tol=1e-3, rng=5)
    calls = []

    def stopping(x):
        if sum(calls) > 60:
            raise KeyboardInterrupt
        calls.append(len(x))
        return f(x)

    with pytest.raises(KeyboardInterrupt):
        rnla.approximate(stopping, SQUARE, tol=1e-3, rng=5, cache=path, batch_size=8)
    again = []

    def counting(x):
        again.append(len(x))
        return f(x)

    # The seed is in the file.
    resumed = rnla.approximate(counting, SQUARE, tol=1e-3, cache=path, batch_size=8)
    assert sum(calls) + sum(again) == resumed.evaluations == whole.evaluations
    np.testing.assert_array_equal(resumed.fit.design.points, whole.fit.design.points)

    def never(x):
        raise AssertionError("everything is stored")

    last = rnla.approximate(never, SQUARE, tol=1e-3, rng=5, cache=path)
    np.testing.assert_array_equal(last.fit.coefficients, resumed.fit.coefficients)
    assert not last.failures
    with pytest.raises(rnla.ArgumentError, match=r"cache: .*seed"):
        rnla.approximate(f, SQUARE, tol=1e-3, rng=6, cache=path)


def test_failures_are_left_out_and_listed():
    def fragile(x):
        values = CASES["product"][0](x)
        return np.where(np.sin(1e4 * x[:, 0]) > 0.9, np.nan, values)

    surrogate = rnla.approximate(fragile, SQUARE, tol=1e-2, rng=0)
    assert surrogate.status is rnla.Status.OK
    assert surrogate.failures
    assert not surrogate.fit.unbiased
    assert "failed" in surrogate.guarantee
    for failure in surrogate.failures:
        assert math.sin(1e4 * failure.point[0]) > 0.9
    # Points were drawn in the place of those that failed.
    assert surrogate.fit.size >= surrogate.fit.dimension + 16


@pytest.mark.parametrize("budget", [25, 60, 200])
@pytest.mark.parametrize("goal", [{}, {"tol": 1e-6}])
def test_failures_count_in_the_budget(budget, goal):
    calls = []

    def fragile(x):
        calls.append(len(x))
        return np.where(np.sin(1e4 * x[:, 0]) > 0.5, np.nan, np.exp(x[:, 0] * x[:, 1]))

    surrogate = rnla.approximate(fragile, SQUARE, budget=budget, rng=0, **goal)
    assert sum(calls) == surrogate.evaluations <= budget
    assert surrogate.evaluations >= 0.9 * budget


def test_mostly_failing_functions_end_with_a_typed_error():
    def broken(x):
        return np.where(x[:, 0] > -0.9, np.nan, 1.0)

    with pytest.raises(rnla.ArgumentError, match=r"^f: .*failures in .*first at"):
        rnla.approximate(broken, SQUARE, budget=100, rng=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "neither tol nor budget"),
        ({"tol": 0.0}, "tol"),
        ({"tol": -1.0}, "tol"),
        ({"tol": math.nan}, "tol"),
        ({"tol": 1e-300}, "tol: got 1e-300; expected at least 1e-140"),
        ({"budget": 0}, "budget"),
        ({"budget": 2}, "budget.*at least 3"),
        ({"budget": 2.5}, "budget"),
        ({"budget": 30, "basis": 9}, "budget.*at least 57"),
        ({"budget": 30, "level": 1.0}, "level"),
        ({"budget": 30, "basis": TensorBasis(LINE, 3)}, "basis"),
        ({"budget": 30, "basis": [[0, 0, 0]]}, "indices"),
        ({"budget": 30, "basis": TensorBasis(SQUARE, 1), "families": []}, "families"),
        ({"budget": 30, "families": [Haar(Uniform())]}, "families"),
        ({"budget": 30, "families": Haar(Uniform())}, "families: got Haar"),
        ({"budget": 30, "workers": 0}, "workers"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match=message):
        approximate(lambda x: x[:, 0], SQUARE, rng=0, **options)


@pytest.mark.parametrize("measure", [3, [Uniform(), 3], [], Discrete(np.zeros((3, 2)))])
def test_a_measure_must_be_a_product(measure):
    with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match="measure"):
        approximate(lambda x: x[:, 0], measure, budget=100, rng=0)


def test_a_function_of_another_dimension_is_reported_with_its_own_message():
    with pytest.raises(rnla.ArgumentError, match=r"no finite value.*IndexError"):
        approximate(lambda x: x[:, 2], SQUARE, budget=100, rng=0)


@pytest.mark.parametrize("size", [1e-100, 1.0, 1e100])
def test_a_relative_tolerance_has_no_units(size):
    f = CASES["product"][0]
    plain = rnla.approximate(f, SQUARE, tol=1e-3, relative=True, rng=0)
    # A power of two changes no digit.
    unit = 2.0 ** math.frexp(size)[1]
    scaled = rnla.approximate(lambda x: unit * f(x), SQUARE, tol=1e-3, relative=True, rng=0)
    assert (scaled.status, scaled.evaluations) == (plain.status, plain.evaluations)
    np.testing.assert_allclose(scaled.fit.coefficients, unit * plain.fit.coefficients, rtol=1e-12)


def test_values_whose_squares_vanish_meet_no_relative_tolerance():
    with pytest.raises(rnla.ArgumentError, match=r"^f: got coefficients of size .*e-300"):
        rnla.approximate(lambda x: 1e-300 * np.exp(x[:, 0]), SQUARE, tol=1e-2, relative=True, rng=0)
    # For a tolerance in the units of f they are as good as zero.
    surrogate = rnla.approximate(lambda x: 1e-300 * np.exp(x[:, 0]), SQUARE, tol=1e-2, rng=0)
    assert surrogate.status is rnla.Status.OK


def test_degrees_whose_polynomials_overflow_are_explored():
    surrogate = rnla.approximate(
        lambda x: np.abs(x[:, 0] - 1.0), Exponential(), budget=1500, tol=1e-9, rng=0
    )
    basis = surrogate.fit.basis
    assert basis.dimension > 300
    assert np.isinf(basis.christoffel(surrogate.fit.design.points)).any()
    x = np.linspace(0.0, 3.0, 50)
    assert np.abs(surrogate(x) - np.abs(x - 1.0)).max() < 0.1


def test_the_guarantee_says_what_stopping_does():
    f = CASES["product"][0]
    words = "Stopping at a look that succeeds favours small estimates"
    assert words in rnla.approximate(f, SQUARE, tol=1e-2, rng=0).guarantee
    assert words not in rnla.approximate(f, SQUARE, budget=60, rng=0).guarantee
