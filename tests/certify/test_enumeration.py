"""Tier V3 (p = 1, rank <= 4) against brute force, and check 26: V2 recovers what V3 proves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla.certify import certify_embedding
from rnla.sampling import sample_rows
from tests.certify.references import extremes_by_enumeration, sample_of, uniform_sample
from tests.counts import count
from tests.families import FAMILIES, gaussian

LOW_RANK_FAMILIES = [
    "gaussian", "cauchy", "student_t", "coherent", "flat", "legendre", "low_rank_plus_sparse",
    "duplicated_rows", "zero_rows", "scaled_rows", "random_graph", "integer", "sparse_power_law",
    "one_hot", "time_series", "hadamard", "vandermonde", "near_deficient", "spatial",
    "augmentation",
]  # fmt: skip


@given(
    seed=st.integers(0, 10**6),
    d=st.integers(1, 4),
    family=st.sampled_from(["gaussian", "student_t", "integer", "zero_rows", "scaled_rows"]),
)
@settings(max_examples=30)
def test_extremes_match_brute_force(seed, d, family):
    A = FAMILIES[family](16, d, seed)
    sample = uniform_sample(A, 12, 1, seed)
    if np.linalg.matrix_rank(A) < d or np.linalg.matrix_rank(A[sample.indices]) < d:
        return
    certificate = certify_embedding(A, sample, 1, rng=0)
    assert certificate.tier == "enumeration"
    expected = extremes_by_enumeration(A, sample)
    np.testing.assert_allclose((certificate.lower, certificate.upper), expected, rtol=1e-9)
    assert certificate.certified_lower <= certificate.lower
    assert certificate.certified_upper >= certificate.upper


def test_no_random_direction_leaves_the_enclosure():
    A = FAMILIES["student_t"](400, 3, 1)
    sample = uniform_sample(A, 80, 1, 1)
    certificate = certify_embedding(A, sample, 1, rng=0)
    y = np.abs(A @ np.random.default_rng(0).standard_normal((3, 20_000)))
    ratios = (sample.weights @ y[sample.indices]) / y.sum(axis=0)
    assert certificate.certified_lower <= ratios.min()
    assert ratios.max() <= certificate.certified_upper


@pytest.mark.parametrize("d", [2, 3, 4])
def test_duplicates_cost_nothing(d):
    distinct = gaussian(20, d, 0)
    A = np.repeat(distinct, 60, axis=0) * np.tile([1.0, -2.0, 0.5], 400)[:, None]
    sample = uniform_sample(A, 300, 1, 0)
    certificate = certify_embedding(A, sample, 1, tiers="enumeration", rng=0)
    assert certificate.diagnostics["enumeration"].details["directions"] == 20
    merged = certify_embedding(A, sample, 1, tiers="ascent", rng=0)
    np.testing.assert_allclose(
        (certificate.lower, certificate.upper), (merged.lower, merged.upper), rtol=1e-3
    )


def _recovered(d, n, instances, starts):
    """Shares of |log extreme| that the ascent recovers, two for every instance of full rank."""
    shares = []
    for instance in range(instances):
        family = LOW_RANK_FAMILIES[instance % len(LOW_RANK_FAMILIES)]
        A = FAMILIES[family](n, d, instance)
        rows = A.shape[0]
        sample = sample_rows(np.ones(rows), min(rows, max(10 * d, rows // 3)), p=1, rng=instance)
        exact = certify_embedding(A, sample, 1, tiers="enumeration", rng=instance)
        if not exact.rank_preserved:
            continue
        found = certify_embedding(A, sample, 1, tiers="ascent", starts=starts, rng=instance)
        # V3 is exact: nothing beyond its enclosure, 1e-11 wide unless A is ill-conditioned.
        assert exact.certified_lower <= found.lower
        assert found.upper <= exact.certified_upper
        for true, measured in ((exact.lower, found.lower), (exact.upper, found.upper)):
            if abs(np.log(true)) > 1e-9:
                shares.append(np.log(measured) / np.log(true))
                if family != "near_deficient":  # condition 2e10: only its own enclosure holds
                    assert shares[-1] <= 1.0 + 1e-7
    return np.array(shares)


def _assert_recovered(shares, instances):
    assert shares.size >= 1.5 * instances
    assert shares.min() >= 0.97


def test_check_26_ascent_recovers_the_exact_extremes():
    """No chance is involved beyond the fixed seeds: every one of the instances must pass."""
    _assert_recovered(_recovered(3, 120, 40, 10), 40)


@pytest.mark.slow
def test_check_26_ascent_recovers_the_exact_extremes_on_200_instances(record_property):
    instances = count(200, 100)
    shares = _recovered(3, 120, instances, 10)
    record_property("check", "26")
    record_property("measured", f"worst share {shares.min():.4f} of |log|")
    record_property("threshold", "at least 0.97")
    record_property("count", instances)
    record_property("false_alarm_rate", 0.0)
    _assert_recovered(shares, instances)


def test_check_26_fails_for_random_directions():
    """Must fail: random x in place of the ascent miss far more than 3 % of the extremes."""
    A = gaussian(120, 3, 0)
    sample = uniform_sample(A, 40, 1, 0)
    exact = certify_embedding(A, sample, 1, rng=0)
    y = np.abs(A @ np.random.default_rng(0).standard_normal((3, 20)))
    ratios = (sample.weights @ y[sample.indices]) / y.sum(axis=0)
    share = min(
        np.log(ratios.min()) / np.log(exact.lower), np.log(ratios.max()) / np.log(exact.upper)
    )
    assert share < 0.97


def test_rank_4_of_more_columns_is_enumerated():
    A = gaussian(30, 2, 0) @ gaussian(2, 7, 1)
    certificate = certify_embedding(A, uniform_sample(A, 20, 1, 0), 1, rng=0)
    assert (certificate.rank, certificate.tier, certificate.certified) == (2, "enumeration", True)


def test_one_column():
    A = gaussian(50, 1, 0)
    sample = sample_of([1, 5, 7], [10.0, 20.0, 5.0], 50, 1)
    certificate = certify_embedding(A, sample, 1, rng=0)
    a = np.abs(A[:, 0])
    expected = (10.0 * a[1] + 20.0 * a[5] + 5.0 * a[7]) / a.sum()
    np.testing.assert_allclose((certificate.lower, certificate.upper), expected, rtol=1e-12)
