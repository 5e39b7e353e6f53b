"""Laws and error identities of the designs on continuous measures, by simulation.

Thresholds are four standard errors of the sample, a false-alarm rate of 6e-5 for each comparison of
a mean with its exact value; each group has a companion that a wrong law must fail.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pytest
from scipy import stats

import rnla
from rnla.approximation import (
    Gaussian,
    TensorBasis,
    Uniform,
    determinantal_rejection_design,
    iid_design,
    volume_design,
)
from rnla.approximation.designs import classical_dpp, projection_dpp, tensor_dpp
from rnla.random import Stream
from tests.counts import count, is_full

from .cases import case
from .experiments import draw_points, fits, legendre

pytestmark = pytest.mark.slow

BASES = {
    "legendre": TensorBasis(Uniform(), 7),
    "hermite": TensorBasis(Gaussian(), 7),
}
MEANS = {"legendre": 1.8092, "hermite": -0.2715}
VARIANCES = {"legendre": 0.2549, "hermite": 1.7017}
FAR = 6e-5


def by_stream(draw_points):
    return lambda basis, draw: draw_points(basis, Stream(11, f"test/{draw}"))[0]


SAMPLERS = {
    "A3": (by_stream(projection_dpp.draw_points), (20_000, 2_000)),
    "A4": (by_stream(tensor_dpp.draw_points), (20_000, 1_000)),
    "A5": (by_stream(classical_dpp.draw_points), (20_000, 4_000)),
    "A6": (
        lambda basis, draw: determinantal_rejection_design(basis, 8, rng=11, draw=draw).points,
        (10_000, 600),
    ),
}


def z_scores(sample, mean, variance):
    """How far mean and variance of a sample are from the claimed, in standard errors."""
    n = len(sample)
    centred = (sample - sample.mean()) ** 2
    return (
        (sample.mean() - mean) / np.sqrt(sample.var() / n),
        (centred.mean() - variance) / np.sqrt(centred.var() / n),
    )


@pytest.mark.parametrize("family", BASES)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_check_12_a_linear_statistic_has_its_mean_and_variance(sampler, family, record_property):
    draw_points, (full, check) = SAMPLERS[sampler]
    draws = count(full=full, check=check)
    basis = BASES[family]
    sample = np.array([np.cos(2 * draw_points(basis, i)).sum() for i in range(draws)])
    z = z_scores(sample, MEANS[family], VARIANCES[family])
    record_property("check", f"12 {sampler} {family}")
    record_property("measured", float(max(map(abs, z))))
    record_property("threshold", 4.0)
    record_property("count", draws)
    record_property("false_alarm_rate", 2 * FAR)
    assert max(map(abs, z)) <= 4.0


@pytest.mark.parametrize("family", BASES)
def test_check_12_independent_points_are_told_apart(family):
    sample = np.array(
        [np.cos(2 * iid_design(BASES[family], 8, rng=1, draw=i).points).sum() for i in range(1000)]
    )
    mean, variance = z_scores(sample, MEANS[family], VARIANCES[family])
    assert abs(mean) <= 4.0
    assert variance > 4.0


@pytest.mark.parametrize(("family", "expected"), [("legendre", 2.345), ("hermite", 2.523)])
def test_check_13_one_dpp_spreads_its_gram_matrix_less(family, expected, record_property):
    """P17: E ||G - I||_F^2 = m - Q for one DPP, m - 1 for m independent points."""
    draws = count(full=20_000, check=3_000)
    basis = BASES[family]

    def spread(points):
        phi = basis.evaluate_normalised(points)
        return ((8 * phi.T @ phi / len(points) - np.eye(8)) ** 2).sum()

    draw_points = by_stream(classical_dpp.draw_points)
    sample = np.array([spread(draw_points(basis, i)) for i in range(draws)])
    error = sample.std() / np.sqrt(draws)
    record_property("check", f"13 {family}")
    record_property("measured", sample.mean())
    record_property("threshold", f"{expected} +- {4 * error + 5e-4:.4f}")
    record_property("count", draws)
    record_property("false_alarm_rate", FAR)
    assert abs(sample.mean() - expected) <= 4 * error + 5e-4  # the expected has three decimals
    wrong = [spread(iid_design(basis, 8, rng=1, draw=i).points) for i in range(500)]
    assert np.mean(wrong) > 5.0


def test_check_15_acceptance_of_whole_sets(record_property):
    """Mean acceptance n0! / ((n0 - m)! n0^m) = .8075 at m = 6, n0 = 72."""
    accepted = count(full=5_000, check=1_000)
    basis = TensorBasis(Uniform(), 5)
    tries = sum(
        determinantal_rejection_design(basis, 12, rng=3, draw=i).tries for i in range(accepted)
    )
    a = float(np.prod(1 - np.arange(6) / 72))
    assert a == pytest.approx(0.8075, abs=5e-4)
    # Tries to get this many acceptances: a negative binomial variable.
    z = (tries - accepted / a) / np.sqrt(accepted * (1 - a) / a**2)
    record_property("check", "15 acceptance")
    record_property("measured", accepted / tries)
    record_property("threshold", a)
    record_property("count", accepted)
    record_property("false_alarm_rate", FAR)
    assert abs(z) <= 4.0


def test_check_15_acceptance_of_large_sets(record_property):
    """a = .782 at m = 50, n0 = 5000: the mean of det G, which is the probability of acceptance, is
    within .01 and four standard errors; coins decide as it says: false-alarm rate 6e-5 each."""
    m, size = 50, 5000
    sets, accepted = count(full=2_000, check=130), count(full=1_000, check=40)
    basis = legendre(m)
    a = float(np.prod(1 - np.arange(m) / size))
    assert a == pytest.approx(0.782, abs=5e-4)
    determinants = np.empty(sets)
    for i in range(sets):
        rows = basis.evaluate_normalised(basis.induced_sample(size, rng=4, draw=i))
        determinants[i] = np.linalg.det((m / size) * rows.T @ rows)
    error = determinants.std() / np.sqrt(sets)
    tries = sum(
        determinantal_rejection_design(basis, size, pool=size, rng=3, draw=i).tries
        for i in range(accepted)
    )
    record_property("check", "15 acceptance m=50")
    record_property("measured", determinants.mean())
    record_property("threshold", f"{a:.4f} +- .01")
    record_property("count", sets)
    record_property("false_alarm_rate", 2 * FAR)
    assert abs(determinants.mean() - a) <= min(0.01, 4 * error)
    assert (determinants <= 1.0 + 1e-9).all()
    assert abs(tries - accepted / a) <= 4 * np.sqrt(accepted * (1 - a)) / a


def summaries(design, basis):
    G = basis.evaluate_normalised(design.points)
    G = basis.dimension * G.T @ G / design.size
    ordered = np.sort(design.points[:, 0])
    return design.lambda_min, np.linalg.det(G), ordered[0], ordered[design.size // 2]


@pytest.mark.parametrize(("m", "n", "pool"), [(6, 12, None), (4, 6, 6)])
def test_checks_15_and_19_volume_designs_by_two_samplers_agree(m, n, pool, record_property):
    """Kolmogorov-Smirnov for four summaries: p >= 1e-3 for lambda_min, 1e-4 for the others.

    With pool = n whole sets are accepted by their determinant: the density itself.
    """
    draws = count(full=5_000, check=1_000)
    basis = TensorBasis(Uniform(), m - 1)
    direct = partial(determinantal_rejection_design, basis, n, pool=pool, cap=10**6, rng=5)
    first = np.array([summaries(direct(draw=i), basis) for i in range(draws)])
    second = np.array(
        [summaries(volume_design(basis, n, rng=6, draw=i), basis) for i in range(draws)]
    )
    wrong = np.array([summaries(iid_design(basis, n, rng=6, draw=i), basis) for i in range(draws)])
    p = [stats.ks_2samp(a, b).pvalue for a, b in zip(first.T, second.T, strict=True)]
    record_property("check", f"15/19 m={m} n={n}")
    record_property("measured", min(p))
    record_property("threshold", "1e-3 for lambda_min, 1e-4")
    record_property("count", draws)
    record_property("false_alarm_rate", 1.3e-3)
    assert p[0] >= 1e-3
    assert min(p) >= 1e-4
    assert stats.ks_2samp(first[:, 0], wrong[:, 0]).pvalue < 1e-4


def inverse_traces(law, n, draws):
    """tr(G^-1) / m for Legendre, m = 5."""
    basis = legendre(5)
    found = []
    for first in range(0, draws, 20_000):
        points = draw_points(basis, law, n, min(20_000, draws - first), seed=2, first=first)
        phi = basis.evaluate_normalised(points.reshape(-1, 1)).reshape(-1, n, 5)
        singular = np.linalg.svd(phi, compute_uv=False)
        found.append(n / 25 * (singular**-2).sum(axis=1))
    return np.concatenate(found)


@pytest.mark.parametrize(
    ("n", "expected", "full"), [(10, 10 / 6, 5_000_000), (15, 15 / 11, 200_000)]
)
def test_check_22_mean_of_the_inverse_gram_matrix(n, expected, full, record_property):
    """P7: E tr(G^-1) / m = n / (n - m + 1), within .01 at full counts.

    One value spreads by 5.7 at n = 10 (.66 at 15), hence as many draws: .01 is four of their
    standard errors, and four standard errors are allowed with fewer.
    """
    draws = count(full=full, check=40_000)
    sample = inverse_traces("volume", n, draws)
    error = sample.std() / np.sqrt(draws)
    allowed = 0.01 if is_full() else 4 * error
    record_property("check", f"22 n={n}")
    record_property("measured", sample.mean())
    record_property("threshold", f"{expected:.4f} +- {allowed:.4f}")
    record_property("count", draws)
    record_property("false_alarm_rate", 1e-4)
    assert abs(sample.mean() - expected) <= allowed
    assert inverse_traces("iid", n, 20_000).mean() > 2 * expected


def coefficient_errors(exact, make, draws):
    def error(design):
        fit = rnla.weighted_least_squares(exact.basis, design, lambda x: exact.function(x[:, 0]))
        return fit.coefficients - exact.coefficients

    return np.array([error(make(draw=i)) for i in range(draws)])


def test_check_23_bias(record_property):
    """P6: at most .01 sqrt(e2) under volume sampling at full counts, where the noise is .0025.

    At every count Hotelling's statistic of the mean coefficient error, false-alarm rate 1e-4. The
    companion is the bias of at least .4 of 20 000 independent designs, noise .05.
    """
    draws = count(full=200_000, check=2_000)
    exact = case("absolute", 5)
    errors = coefficient_errors(exact, partial(volume_design, exact.basis, 10, rng=1), draws)
    mean = errors.mean(axis=0)
    statistic = draws * mean @ np.linalg.solve(np.cov(errors.T), mean)
    scale = np.sqrt(exact.squared_error)
    found = float(np.linalg.norm(mean) / scale)
    record_property("check", "23 bias of volume sampling")
    record_property("measured", found)
    record_property("threshold", 0.01 if is_full() else "noise")
    record_property("count", draws)
    record_property("false_alarm_rate", 1e-4)
    assert statistic <= stats.chi2.ppf(1 - 1e-4, 5)
    assert found <= 0.01 or not is_full()
    points = draw_points(exact.basis, "iid", 10, 20_000, seed=1)
    wrong = fits([exact], points, [10])[2][:, 0, :, 0]
    assert np.linalg.norm(wrong.mean(axis=0)) / scale >= 0.4


E3 = [(("bell",), 11), (("runge",), 11), (("runge", "absolute"), 21)]


@cache
def experiment(names, m, law):
    """Error ratios and estimated errors over true ones, (draws, sizes, functions)."""
    draws = count(full=20_000, check=1_000)
    exact = [case(name, m) for name in names]
    basis = exact[0].basis
    errors = np.array([entry.squared_error for entry in exact])
    coefficients = np.stack([entry.coefficients for entry in exact], axis=1)
    make = {"volume": volume_design, "iid": iid_design}[law]
    ratios = np.empty((draws, 2, len(exact)))
    estimates = np.empty_like(ratios)
    for draw in range(draws):
        design = make(basis, 4 * m, rng=9, draw=draw)
        values = np.stack([entry.function(design.points[:, 0]) for entry in exact], axis=1)
        for i, n in enumerate((2 * m, 4 * m)):
            # Both laws are nested: the first points have the law of their number.
            fit = rnla.weighted_least_squares(basis, design.take(range(n)), values[:n])
            squared = ((fit.coefficients - coefficients) ** 2).sum(axis=0)
            ratios[draw, i] = 1 + squared / errors
            estimates[draw, i] = fit.squared_error / errors
    return ratios, estimates


@pytest.mark.parametrize(("names", "m"), E3)
def test_check_24_the_residual_sum_estimates_the_best_error(names, m, record_property):
    """P9: eight means over both sizes and all cases, within .03 at full counts.

    5000 draws would know the mean for |x| at n = 2m to .013 only; 20 000 know it to .006.
    """
    _, estimates = experiment(names, m, "volume")
    draws = len(estimates)
    mean, error = estimates.mean(axis=0), estimates.std(axis=0) / np.sqrt(draws)
    record_property("check", f"24 {' '.join(names)} m={m}")
    record_property("measured", np.round(mean, 4).tolist())
    record_property("threshold", "1 +- .03" if is_full() else 1.0)
    record_property("count", draws)
    record_property("false_alarm_rate", mean.size * FAR)
    assert (np.abs(mean - 1.0) <= 4 * error).all()
    assert (np.abs(mean - 1.0) <= 0.03).all() or not is_full()


@pytest.mark.parametrize(("names", "m"), E3)
def test_check_25_the_error_bound_of_volume_sampling(names, m, record_property):
    """P12: the mean squared error is at most 1 + m^2/n times the best, at n = 2m and 4m."""
    ratios, _ = experiment(names, m, "volume")
    draws = len(ratios)
    upper = ratios.mean(axis=0) + 4 * ratios.std(axis=0) / np.sqrt(draws)
    bounds = 1 + m / np.array([2.0, 4.0])
    record_property("check", f"25 {' '.join(names)} m={m}")
    record_property("measured", np.round(upper, 3).tolist())
    record_property("threshold", bounds.tolist())
    record_property("count", draws)
    record_property("false_alarm_rate", 0.0)
    assert (upper <= bounds[:, None]).all()


def test_checks_24_and_25_independent_points_fail():
    ratios, estimates = experiment(("runge",), 11, "iid")
    error = estimates[:, 0].std() / np.sqrt(len(estimates))
    assert estimates[:, 0].mean() < 1.0 - 4 * error
    assert ratios[:, 0].mean() > 1 + 11 / 2


def test_check_26_averages_of_interpolants_and_one_pooled_fit(record_property):
    """P13: four averaged interpolants err by m/4 = 2.75 times the best; pooling wins by far.

    One average spreads by 10.5, so .15 is one standard error of 5000 draws and 4.5 of the 1e5 of
    the full count; with fewer four standard errors are allowed.
    """
    draws = count(full=100_000, check=5_000)
    exact = case("runge", 11)
    averaged, pooled = [], []
    for first in range(0, draws, 5_000):
        points = draw_points(exact.basis, "volume", 11, 20_000, seed=4, first=4 * first)
        separate = fits([exact], points, [11])[2][:, 0, :, 0]
        averaged.append((separate.reshape(-1, 4, 11).mean(axis=1) ** 2).sum(axis=1))
        together = fits([exact], points.reshape(-1, 44, 1), [44])[0][:, 0, 0]
        pooled.append(together - 1.0)
    ratios = np.concatenate(averaged) / exact.squared_error
    error = ratios.std() / np.sqrt(draws)
    allowed = 0.15 if is_full() else 4 * error
    record_property("check", "26 averages")
    record_property("measured", ratios.mean())
    record_property("threshold", f"2.75 +- {allowed:.3f}")
    record_property("count", draws)
    record_property("false_alarm_rate", FAR)
    assert abs(ratios.mean() - 2.75) <= allowed
    assert np.concatenate(pooled).mean() <= 0.25


def test_check_27_noise_adds_its_variance(record_property):
    """P20: E RSS/(n-m) = e2 + sigma^2 with homoscedastic noise, sigma = .1, within 3 %."""
    draws = count(full=20_000, check=4_000)
    exact = case("absolute", 5)
    noise = np.random.default_rng(0).normal(0.0, 0.1, (draws, 20))
    sample = np.empty(draws)
    for draw in range(draws):
        design = volume_design(exact.basis, 20, rng=8, draw=draw)
        values = exact.function(design.points[:, 0]) + noise[draw]
        sample[draw] = rnla.weighted_least_squares(exact.basis, design, values).squared_error
    expected = exact.squared_error + 0.01
    error = sample.std() / np.sqrt(draws)
    record_property("check", "27 noise")
    record_property("measured", sample.mean() / expected)
    record_property("threshold", f"1 +- {4 * error / expected:.3f}")
    record_property("count", draws)
    record_property("false_alarm_rate", FAR)
    assert abs(sample.mean() - expected) <= min(4 * error, 0.03 * expected)
    assert abs(sample.mean() - exact.squared_error) > 4 * error
