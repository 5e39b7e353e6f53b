"""Cauchy, p-stable and reciprocal exponential sketches: distributions and estimates of lp norms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnla._errors import ArgumentError
from rnla.sketch import Cauchy, PStable, ReciprocalExponential, estimate_size
from rnla.sketch.p_stable import distribution_function, median_of_absolute

ALARM = 1e-6  # of every Kolmogorov-Smirnov test here

EXPONENTS = [0.5, 0.89, 0.9, 0.99, 1.0, 1.01, 1.5, 2.0]


def ks(sample, cdf):
    return stats.kstest(sample, cdf).pvalue


def test_entries_of_a_cauchy_sketch_are_cauchy():
    entries = Cauchy(50, 400).draw(0).toarray().ravel()
    assert ks(entries, stats.cauchy.cdf) > ALARM
    assert ks(1.2 * entries, stats.cauchy.cdf) < ALARM  # companion: twenty per cent too wide


@pytest.mark.parametrize("p", EXPONENTS)
def test_entries_are_p_stable(p):
    """Against the distribution function, on a grid; the companion has a neighbouring exponent."""
    entries = np.sort(PStable(50, 800, p=p).draw(0).toarray().ravel())
    grid = np.quantile(np.abs(entries), np.linspace(0.02, 0.9, 45))
    grid = np.concatenate([-grid[::-1], grid])
    found = np.searchsorted(entries, grid) / entries.size
    expected = np.array([distribution_function(p, x) for x in grid])
    threshold = np.sqrt(np.log(2 / ALARM) / (2 * entries.size))  # Dvoretzky-Kiefer-Wolfowitz
    assert np.abs(found - expected).max() < threshold
    other = np.array([distribution_function(p * 0.8, x) for x in grid])
    assert np.abs(found - other).max() > threshold


@pytest.mark.parametrize("p", EXPONENTS)
def test_distribution_function(p):
    """Monotone, symmetric, and in agreement with known cases."""
    x = np.array([-3.0, -1.0, -0.2, 0.0, 0.2, 1.0, 3.0])
    F = np.array([distribution_function(p, value) for value in x])
    assert np.all(np.diff(F) > 0)
    np.testing.assert_allclose(F + F[::-1], 1.0, atol=1e-10)
    known = {1.0: stats.cauchy.cdf(x), 2.0: stats.norm.cdf(x / np.sqrt(2))}
    if p in known:
        np.testing.assert_allclose(F, known[p], atol=1e-10)
    else:
        np.testing.assert_allclose(F, stats.levy_stable.cdf(x, p, 0.0), atol=2e-5)


def test_medians():
    assert median_of_absolute(1.0) == 1.0
    np.testing.assert_allclose(median_of_absolute(2.0), np.sqrt(2) * stats.norm.ppf(0.75))
    near = [median_of_absolute(p) for p in (0.998, 1.0, 1.002)]
    assert near[0] > near[1] > near[2]
    np.testing.assert_allclose(near, 1.0, atol=1e-3)


@pytest.mark.parametrize("p", [0.7, 1.0, 1.5, 2.0])
def test_estimates_of_the_theorem_s_size(p, record_property):
    """Forty vectors within 1 +- 0.25 with probability 1 - 40 * 1e-8: false alarm 4e-7."""
    rng, n = np.random.default_rng(0), 300
    X = rng.standard_t(1.5, size=(n, 40))
    S = PStable(estimate_size(p, 0.25, 1e-8), n, p=p).draw(0)
    norms = np.sum(np.abs(X) ** p, axis=0) ** (1 / p)
    error = np.abs(S.estimate(S @ X) / norms - 1).max()
    record_property("check", f"p-stable estimate, p = {p:g}")
    record_property("measured", error)
    record_property("threshold", 0.25)
    record_property("count", 40)
    record_property("false_alarm_rate", 4e-7)
    assert error < 0.25
    wrong = np.sum(np.abs(X) ** (p / 1.5), axis=0) ** (1.5 / p)
    assert np.abs(S.estimate(S @ X) / wrong - 1).max() > 0.25  # companion: another norm


def test_cauchy_estimates():
    X = np.random.default_rng(0).standard_t(1.5, size=(300, 40))
    S = Cauchy(estimate_size(1, 0.25, 1e-8), 300).draw(0)
    assert np.abs(S.estimate(S @ X) / np.abs(X).sum(axis=0) - 1).max() < 0.25


@pytest.mark.parametrize("p", [1.0, 2.0, 4.0])
def test_reciprocal_exponentials_are_max_stable(p):
    """max |x_i| / E_i^(1/p) over ||x||_p is E^(-1/p): Kolmogorov-Smirnov over 1000 draws."""
    n = 60
    x = np.random.default_rng(0).standard_normal(n)
    norm = np.sum(np.abs(x) ** p) ** (1 / p)
    found = []
    for seed in range(1000):
        _, _, values = ReciprocalExponential(50, n, p=p).draw(seed).entries(0, n)
        found.append((norm / np.abs(values * x).max()) ** p)
    assert ks(found, stats.expon.cdf) > ALARM
    assert ks(np.array(found) * 1.3, stats.expon.cdf) < ALARM  # companion: a wrong scale


def test_reciprocal_exponential_estimates():
    """The median over 200 draws is within 30 per cent, which is 0.5 +- 0.22 as a quantile:
    Hoeffding gives 8e-9, without collisions.
    """
    n = 200
    x = np.random.default_rng(0).standard_normal(n)
    draws = [ReciprocalExponential(400, n, p=3).draw(seed) for seed in range(200)]
    ratio = np.median([S.estimate(S @ x) for S in draws]) / np.linalg.norm(x, 3)
    assert 0.7 < ratio < 1.3


@pytest.mark.parametrize("p", [0.0, -1.0, 2.5, np.inf])
def test_exponents_without_a_stable_distribution_are_refused(p):
    with pytest.raises(ArgumentError, match=r"^p: got .*; expected .*\. "):
        PStable(4, 5, p=p)


@pytest.mark.parametrize("p", [0.5, np.inf, np.nan])
def test_reciprocal_exponentials_need_a_norm(p):
    with pytest.raises(ArgumentError, match=r"^p: got .*; expected .*\. "):
        ReciprocalExponential(4, 5, p=p)
