"""`volume_sample`: both laws by enumeration, every algorithm, and what fits on the rows give."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import scipy.stats

import rnla
from rnla.dpp import ground_set, volume_sample
from rnla.dpp._pools import remove_rows
from rnla.random import Stream
from tests.certify.homes import streamed
from tests.counts import count
from tests.dpp.reference import chi_square, orthonormal, removal_law, small_features, volume_law

ALARM = 1e-4  # false-alarm rate of every chi-square test here


def record(record_property, check, measured, threshold, draws, rate):
    record_property("check", check)
    record_property("measured", measured)
    record_property("threshold", threshold)
    record_property("count", draws)
    record_property("false_alarm_rate", rate)


# --- check 16: volume sampling without replacement ------------------------------------------------


@pytest.mark.parametrize("method", ["reverse", "dpp"])
@pytest.mark.parametrize("n, d, size", [(6, 2, 3), (8, 3, 5), (7, 2, 2), (9, 2, 8)])
def test_check_16_law(method, n, d, size, record_property):
    """4000 draws against all subsets; both phases of "reverse"; false alarm 1e-4."""
    A = small_features(n, d)
    sample = volume_sample(A, size, replace=False, method=method, draws=4_000, rng=5)
    p = chi_square(sample.indices, volume_law(A, size), n)
    record(record_property, f"16 {method} {n},{d},{size}", p, ALARM, 4_000, ALARM)
    assert p >= ALARM


@pytest.mark.slow
@pytest.mark.parametrize("method", ["reverse", "dpp"])
def test_check_16_law_with_many_draws(method, record_property):
    """2e5 draws (2e4 in `make check`), 6 rows; false alarm 1e-4 at either count."""
    draws = count(full=200_000, check=20_000)
    A = small_features(6, 2)
    sample = volume_sample(A, 3, replace=False, method=method, draws=draws, rng=6)
    p = chi_square(sample.indices, volume_law(A, 3), 6)
    record(record_property, f"16 {method}", p, ALARM, draws, ALARM)
    assert p >= ALARM


def test_check_16_catches_uniform_removals():
    """Companion: rows removed uniformly, whatever h says, are noticed."""
    A = small_features(6, 2)
    drawn = np.argsort(np.random.default_rng(0).random((4_000, 6)), axis=1)[:, :3]
    assert chi_square(drawn, volume_law(A, 3), 6) < ALARM


@pytest.mark.parametrize("size", [1, 3, 5])
def test_check_16_ridge(size):
    """The law that the removals define, below the rank too; 4000 draws, false alarm 1e-4."""
    A = small_features(7, 2)
    sample = volume_sample(A, size, ridge=0.5, draws=4_000, rng=3)
    assert chi_square(sample.indices, removal_law(A, size, 0.5), 7) >= ALARM


def test_check_16_a_vanishing_ridge_is_no_ridge():
    """4000 draws, false alarm 1e-4; and a ridge that is not small is told from none."""
    A = small_features(7, 2)
    assert np.allclose(removal_law(A, 3, 0.0), volume_law(A, 3))
    tiny = volume_sample(A, 3, ridge=1e-13, draws=4_000, rng=3)
    assert chi_square(tiny.indices, volume_law(A, 3), 7) >= ALARM
    large = volume_sample(A, 3, ridge=5.0, draws=4_000, rng=3)
    assert chi_square(large.indices, volume_law(A, 3), 7) < ALARM


def test_check_16_many_removals_keep_the_marginals():
    """600 rows to 12, 400 draws: sum of the inclusion frequencies of 60 rows of large leverage
    within 4 standard errors; indicators of these designs are negatively correlated, so the
    binomial error is an upper bound and the false-alarm rate below 6.4e-5."""
    rng = np.random.default_rng(4)
    A = rng.standard_normal((600, 8)) * np.where(np.arange(600) < 60, 3.0, 1.0)[:, None]
    for method in ("reverse", "dpp"):
        sample = volume_sample(A, 12, replace=False, method=method, draws=400, rng=8)
        kept = (sample.indices < 60).sum() / 400
        expected = sample.marginals[:60].sum()
        variance = (sample.marginals[:60] * (1 - sample.marginals[:60])).sum()
        assert abs(kept - expected) <= 4.0 * math.sqrt(variance / 400)
        assert abs(sample.marginals.sum() - 12) < 1e-9


def test_check_16_nearly_singular_subsets():
    """Rows that alone carry a direction always stay; no warning, no lost digits."""
    rng = np.random.default_rng(5)
    A = rng.standard_normal((200, 4))
    A[:, 3] = 0.0
    A[17, 3] = 1e-7
    sample = volume_sample(A, 6, replace=False, method="reverse", draws=20, rng=0)
    assert np.all((sample.indices == 17).any(axis=1))


# --- leveraged volume sampling -------------------------------------------------------------------


def multisets(n, size):
    return np.array(list(itertools.combinations_with_replacement(range(n), size)))


def leveraged_law(A, size, reference="christoffel", mu=None):
    """P of every multiset: sum over its orders of ((n-m)!/n!) det(sum w u u^T) times nu^n."""
    U = orthonormal(A)
    m = U.shape[1]
    nu = (U**2).sum(axis=1) / m
    if reference != "christoffel":
        nu = mu if reference == "plain" else 0.5 * mu + 0.5 * nu
    sets = multisets(len(A), size)
    with np.errstate(divide="ignore"):
        rows = U[sets] * np.where(nu > 0.0, nu**-0.5, 0.0)[sets][..., None]
    volumes = np.maximum(np.linalg.det(rows.swapaxes(1, 2) @ rows), 0.0)
    nu = np.prod(nu[sets], axis=1)
    orders = [
        math.factorial(size) / math.prod(math.factorial(c) for c in np.bincount(one))
        for one in sets
    ]
    return volumes * nu * orders * math.factorial(size - m) / math.factorial(size)


def multiset_p_value(drawn, law, n):
    sets = multisets(n, drawn.shape[1])
    place = {tuple(one): k for k, one in enumerate(sets.tolist())}
    counts = np.bincount([place[tuple(one)] for one in drawn.tolist()], minlength=len(sets))
    expected = len(drawn) * law
    rare = expected < 5.0
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    statistic = ((counts - expected) ** 2 / np.maximum(expected, 1e-300)).sum()
    return float(scipy.stats.chi2.sf(statistic, counts.size - 1))


@pytest.mark.parametrize("method", ["dpp", "rejection"])
@pytest.mark.parametrize("size", [2, 4])
def test_leveraged_law(method, size, record_property):
    """4000 draws against all multisets of 5 rows; false alarm 1e-4."""
    A = small_features(5, 2)
    law = leveraged_law(A, size)
    assert abs(law.sum() - 1.0) < 1e-12
    sample = volume_sample(A, size, method=method, draws=4_000, rng=7)
    p = multiset_p_value(sample.indices, law, 5)
    record(record_property, f"leveraged {method} {size}", p, ALARM, 4_000, ALARM)
    assert p >= ALARM


def test_leveraged_law_catches_independent_rows():
    """Companion: as many independent leverage draws, without the determinant, are noticed."""
    A = small_features(5, 2)
    leverage = (orthonormal(A) ** 2).sum(axis=1)
    drawn = np.sort(np.random.default_rng(1).choice(5, size=(4_000, 4), p=leverage / 2), axis=1)
    assert multiset_p_value(drawn, leveraged_law(A, 4), 5) < ALARM


def test_check_15_acceptance_of_determinantal_rejection():
    """m = 6, n0 = 72: 0.8075; 600 draws within 4 standard errors, false alarm 6.4e-5."""
    A = np.random.default_rng(2).standard_normal((500, 6))
    sample = volume_sample(A, 72, method="rejection", draws=600, rng=4)
    tries = sample.proposals.sum() / 72
    a = math.prod(1 - i / 72 for i in range(6))
    assert abs(600 / tries - a) <= 4.0 * math.sqrt(a * (1 - a) / tries)
    assert round(a, 4) == 0.8075


# --- other reference distributions ---------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, np.array([1.0, 4.0, 0.0, 2.0, 0.5])])
@pytest.mark.parametrize("reference", ["mixed", "plain"])
@pytest.mark.parametrize("size", [2, 4])
def test_law_of_other_references(reference, weights, size, record_property):
    """4000 draws against all multisets of 5 rows; false alarm 1e-4. The law by leverage, which
    differs, is told from it where rows are drawn beside the DPP."""
    A = small_features(5, 2)
    mu = np.full(5, 0.2) if weights is None else weights / weights.sum()
    scaled = A * np.sqrt(mu)[:, None]
    law = leveraged_law(scaled, size, reference, mu)
    assert abs(law.sum() - 1.0) < 1e-12
    sample = volume_sample(A, size, reference=reference, weights=weights, draws=4_000, rng=7)
    p = multiset_p_value(sample.indices, law, 5)
    record(record_property, f"VS {reference} {size}", p, ALARM, 4_000, ALARM)
    assert p >= ALARM
    if size > 2:
        assert multiset_p_value(sample.indices, leveraged_law(scaled, size), 5) < ALARM
    # P3, by enumeration.
    sets = multisets(5, size)
    expected = law @ np.array([np.bincount(one, minlength=5) for one in sets])
    assert np.allclose(sample.marginals, expected, atol=1e-12)
    assert sample.law.endswith(f"with the {reference} reference")


@pytest.mark.parametrize("reference", ["mixed", "plain"])
def test_other_references_grow_and_bound_the_weights(reference):
    A = np.random.default_rng(7).standard_normal((1_000, 4)) ** 3
    many = volume_sample(A, 20, reference=reference, draws=3, rng=2)
    one = volume_sample(A, 30, reference=reference, rng=2)
    assert np.all(
        np.bincount(many.indices[0], minlength=1_000) <= np.bincount(one.indices, minlength=1_000)
    )
    most = 1_000 / 30 * (2.0 if reference == "mixed" else 1.0)
    assert one.weights.max() <= most * (1 + 1e-12)
    assert volume_sample(A, 30, rng=2).weights.max() > 2.0 * most


# --- checks 15 and 19: the same law by whole sets and by a DPP -----------------------------------


@pytest.mark.slow
def test_check_15_acceptance_at_fifty_features(record_property):
    """m = 50, n0 = 5000: 0.782, 27000 tries (1500 in `make check`) within 4 standard errors of
    the exact rate, which is .01 at the full count; false alarm 6.4e-5 at either."""
    draws = count(full=21_000, check=1_200)
    a = math.prod(1 - i / 5_000 for i in range(50))
    assert round(a, 3) == 0.782
    ground = ground_set(np.random.default_rng(2).standard_normal((1_000, 50)))
    tries = sum(
        volume_sample(ground, 5_000, method="rejection", rng=seed).proposals[0]
        for seed in range(draws)
    )
    measured = draws / (tries / 5_000)
    error = 4.0 * math.sqrt(a * a * (1 - a) / draws)
    record(record_property, "15 m=50", measured, f"{a:.4f} +- {error:.4f}", draws, 6.4e-5)
    assert abs(measured - a) <= error


def summaries(A, sample):
    """Smallest eigenvalue and determinant of G, and places of the smallest and the middle row."""
    U = orthonormal(A)
    rows = U[sample.indices] * np.sqrt(sample.weights)[..., None]
    values = np.linalg.eigvalsh(rows.swapaxes(1, 2) @ rows)
    middle = sample.indices[:, sample.indices.shape[1] // 2]
    return values[:, 0], values.prod(axis=1), sample.indices[:, 0], middle


@pytest.mark.parametrize("m, size", [(6, 12), (4, 6)])
def test_checks_15_and_19_two_samplers_agree(m, size, record_property):
    """Kolmogorov-Smirnov for four summaries of 600 draws each (5000 in `make slow`), p >= 1e-3
    each: false alarm 4e-3, fixed seeds. Independent rows are told from both."""
    draws = count(full=5_000, check=600)
    A = np.random.default_rng(m).standard_normal((300, m)) ** 3
    one = summaries(A, volume_sample(A, size, draws=draws, rng=1))
    two = summaries(A, volume_sample(A, size, method="rejection", draws=draws, rng=2))
    p = min(scipy.stats.ks_2samp(*pair).pvalue for pair in zip(one, two, strict=True))
    record(record_property, f"15/19 m={m} n={size}", p, 1e-3, draws, 4e-3)
    assert p >= 1e-3
    sample = volume_sample(A, size, draws=draws, rng=3)
    scores = sample.marginals / size
    rows = np.sort(np.random.default_rng(0).choice(300, size=(draws, size), p=scores), axis=1)
    wrong = dataclasses.replace(sample, indices=rows, weights=1.0 / (size * scores[rows]))
    assert scipy.stats.ks_2samp(one[0], summaries(A, wrong)[0]).pvalue < 1e-3


# --- what fits give ------------------------------------------------------------------------------


def fits(A, b, sample):
    """Coefficients and estimates of the smallest loss, one line per draw."""
    x, loss = [], []
    for rows, weights in zip(sample.sets(), sample.weights, strict=True):
        root = np.sqrt(weights)
        one = np.linalg.lstsq(A[rows] * root[:, None], b[rows] * root)[0]
        x.append(one)
        loss.append(sample.loss_factor * (weights * (b[rows] - A[rows] @ one) ** 2).sum())
    return np.array(x), np.array(loss)


@pytest.mark.parametrize(
    "law",
    [{}, {"replace": False}, {"reference": "mixed"}, {"reference": "plain"}],
    ids=["leverage", "without replacement", "mixed", "plain"],
)
def test_fits_and_estimates_of_the_loss_are_unbiased(law, record_property):
    """3000 draws of 12 of 40 rows, 3 coefficients and the loss within 4 standard errors: false
    alarm 4 * 6.4e-5 = 2.6e-4."""
    rng = np.random.default_rng(6)
    A, b = small_features(40, 3), rng.standard_normal(40) ** 2
    whole = np.linalg.lstsq(A, b)[0]
    smallest = ((b - A @ whole) ** 2).sum()
    sample = volume_sample(A, 12, draws=3_000, rng=1, **law)
    x, loss = fits(A, b, sample)
    z = np.abs(x.mean(axis=0) - whole) / (x.std(axis=0) / math.sqrt(3_000))
    z = max(z.max(), abs(loss.mean() - smallest) / (loss.std() / math.sqrt(3_000)))
    record(record_property, f"P6, P9 {law}", z, 4.0, 3_000, 2.6e-4)
    assert z <= 4.0


def test_fits_with_other_weights_are_biased():
    """Companion: the leveraged sample of above, fitted with equal weights, misses the whole fit."""
    rng = np.random.default_rng(6)
    A, b = small_features(40, 3), rng.standard_normal(40) ** 2
    whole = np.linalg.lstsq(A, b)[0]
    sample = volume_sample(A, 12, draws=3_000, rng=1)
    equal = dataclasses.replace(sample, weights=np.ones(sample.indices.shape))
    x, _ = fits(A, b, equal)
    z = np.abs(x.mean(axis=0) - whole) / (x.std(axis=0) / math.sqrt(3_000))
    assert z.max() > 4.0


# --- homes, draws, bad input ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"replace": False}, {"method": "reverse"}, {"method": "rejection"}, {"ridge": 2.0}],
)
def test_check_20_same_rows_for_every_home(options, tmp_path):
    da = pytest.importorskip("dask.array")
    A = np.random.default_rng(7).standard_normal((3_000, 4))
    np.save(tmp_path / "A.npy", A)
    here = volume_sample(A, 9, draws=3, rng=2, **options)
    for home in (
        tmp_path / "A.npy",
        streamed(A, memory=700_000),
        da.from_array(A, chunks=(777, 4)),
    ):
        there = volume_sample(home, 9, draws=3, rng=2, **options)
        assert np.array_equal(there.indices, here.indices)
        assert np.array_equal(there.weights, here.weights)


def test_check_20_draws_and_growing_samples():
    A = np.random.default_rng(7).standard_normal((1_000, 4))
    many = volume_sample(A, 20, draws=3, rng=2)
    assert np.array_equal(volume_sample(A, 20, rng=2).indices, many.indices[0])
    larger = volume_sample(A, 30, rng=2)
    short = np.bincount(many.indices[0], minlength=1_000)
    assert np.all(short <= np.bincount(larger.indices, minlength=1_000))
    rows = many.row_sample()
    assert int(rows.multiplicities.sum()) == 60


def test_a_whole_matrix_is_a_sample_of_itself():
    A = small_features(6, 2)
    for method in ("dpp", "reverse"):
        sample = volume_sample(A, 6, replace=False, method=method, rng=0)
        assert sample.indices.tolist() == [0, 1, 2, 3, 4, 5]
        assert np.array_equal(sample.weights, np.ones(6))


def test_check_21_dependent_features():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 5))
    sample = volume_sample(A, 4, rng=0)
    assert sample.rank == 3
    assert sample.status is rnla.Status.RANK_DEFICIENT
    with pytest.raises(rnla.ArgumentError, match="at least 3, the numerical rank"):
        volume_sample(A, 2, rng=0)


@pytest.mark.parametrize(
    "change, match",
    [
        ({"size": 1}, "size"),
        ({"size": 2.5}, "size"),
        ({"size": 99, "replace": False}, "size"),
        ({"method": "fast"}, "method"),
        ({"method": "reverse", "replace": True}, "method"),
        ({"reference": "leverage"}, "reference"),
        ({"reference": "plain", "replace": False}, "reference"),
        ({"reference": "mixed", "method": "rejection"}, "reference"),
        ({"method": "rejection", "replace": False}, "method"),
        ({"ridge": -1.0}, "ridge"),
        ({"ridge": 1.0, "replace": True}, "ridge"),
        ({"ridge": 1.0, "weights": np.ones(6)}, "weights"),
        ({"ridge": 1.0, "reference": "plain"}, "reference"),
        ({"A": np.full((6, 2), np.inf)}, "infinity"),
        ({"draws": -1}, "draws"),
    ],
)
def test_check_21_bad_input(change, match):
    options = {"A": small_features(6, 2), "size": 3, **change}
    with pytest.raises(rnla.RnlaError, match=match):
        volume_sample(options.pop("A"), options.pop("size"), **options)


def test_check_21_a_cap_raises():
    """A pool of 72 rows is rejected with probability 0.19: none of 40 is with probability 2e-4."""
    A = np.random.default_rng(2).standard_normal((500, 6))
    failed = 0
    for seed in range(40):
        try:
            volume_sample(A, 6, method="rejection", cap=1, rng=seed)
        except rnla.ConvergenceError:
            failed += 1
    assert 0 < failed < 40


def test_rows_that_never_leave_are_an_error():
    """Rows far from orthonormal, as no basis should be: no endless loop."""
    stream = Stream(0, "volume_sample reverse")
    U = 1e3 * orthonormal(np.random.default_rng(0).standard_normal((30, 3)))
    with pytest.raises(rnla.ConvergenceError, match="no row left in 1000 trials"):
        remove_rows(U, 5, stream, np.arange(2))
