"""The record and its promises: witnesses hold up, rank loss is seen, wrong weights are caught."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla.certify import Certificate, certify_embedding
from rnla.sampling import RowSample, sample_rows
from tests.certify.references import ratio, sample_of, uniform_sample
from tests.families import FAMILIES, gaussian

FAMILY_NAMES = [
    "gaussian", "cauchy", "coherent", "block_identity", "legendre", "scaled_rows",
    "scaled_columns", "duplicated_rows", "zero_rows", "rank_deficient", "sparse_power_law",
    "one_hot", "time_series", "road_network", "growing_rows", "augmentation",
]  # fmt: skip


@given(
    seed=st.integers(0, 10**6),
    family=st.sampled_from(FAMILY_NAMES),
    p=st.sampled_from([1.0, 1.5, 2.0, 3.0, 4.0, 9.0]),
)
def test_witnesses_show_what_the_certificate_says(seed, family, p):
    A = FAMILIES[family](120, 5, seed)
    sample = uniform_sample(A, A.shape[0] // 2, p, seed)
    certificate = certify_embedding(A, sample, p, starts=3, rng=seed)
    low, high = certificate.check(A, sample)
    assert high == pytest.approx(certificate.upper, rel=1e-12)
    assert ratio(A, sample, certificate.witnesses.upper, p) == pytest.approx(high, rel=1e-5)
    if certificate.rank_preserved:
        assert low == pytest.approx(certificate.lower, rel=1e-12)
        assert certificate.lower <= 1.0 + 1e-9 or certificate.upper > 1.0
    else:
        assert certificate.lower == 0.0
        assert low < 1e-8
    assert certificate.lower <= certificate.upper
    if certificate.certified:
        assert certificate.certified_lower <= certificate.lower
        assert certificate.certified_upper >= certificate.upper


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 4])
def test_every_row_with_weight_one_is_exact(p):
    A = gaussian(300, 5, 0)
    certificate = certify_embedding(A, sample_of(np.arange(300), np.ones(300), 300), p, rng=0)
    assert certificate.found < 1e-9
    assert certificate.rank_preserved
    assert certificate.diagnostics["statistical"].details["warnings"] == ()


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 4])
@pytest.mark.parametrize("kept", [2, 20])
def test_rank_loss_is_seen_with_a_witness(p, kept):
    """Two rows, or twenty from a subspace, cannot span five columns."""
    A = gaussian(200, 5, 0)
    A[:40, 4] = A[:40, 0]
    sample = sample_of(np.arange(kept), np.full(kept, 200.0 / kept), 200)
    certificate = certify_embedding(A, sample, p, rng=0)
    assert not certificate.rank_preserved
    assert (certificate.lower, certificate.found >= 1.0) == (0.0, True)
    x = certificate.witnesses.lower
    assert np.abs(A[:kept] @ x).max() < 1e-12 * np.abs(A @ x).max()
    assert "LOST" in str(certificate)


def test_a_direction_carried_by_tiny_rows_is_not_lost():
    A = np.vstack([gaussian(100, 3, 0) * [1.0, 1.0, 0.0], 1e-30 * np.eye(3)])
    sample = sample_of(np.arange(103), np.ones(103), 103)
    certificate = certify_embedding(A * [1, 1, 1e25], sample, 1, rng=0)
    assert certificate.rank_preserved
    assert certificate.found < 1e-9


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 4])
def test_a_corrupted_weight_is_caught(p):
    """Must fail: one weight in five hundred, forty times too large, on an otherwise good sample."""
    A = gaussian(5000, 6, 0)
    good = uniform_sample(A, 1500, p, 0)
    weights = good.weights.copy()
    weights[700] *= 40.0
    bad = sample_of(good.indices, weights, 5000, p)
    good_certificate = certify_embedding(A, good, p, rng=0)
    bad_certificate = certify_embedding(A, bad, p, rng=0)
    assert bad_certificate.upper > good_certificate.upper + 0.02
    # and the witnesses of the good sample's certificate expose it without any search:
    heavy = A[good.indices[700]]
    assert ratio(A, bad, heavy, p) > ratio(A, good, heavy, p)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_forgotten_weights_are_caught(p):
    """Must fail: weights of one in place of 1 / q."""
    A = gaussian(2000, 5, 0)
    kept = uniform_sample(A, 500, p, 0).indices
    certificate = certify_embedding(A, sample_of(kept, np.ones(kept.size), 2000), p, rng=0)
    assert certificate.found > 0.6


@pytest.mark.parametrize("p", [1, 2, 3])
def test_kinds_of_matrix_agree(p):
    A = gaussian(400, 4, 1).astype(np.float32)
    sample = uniform_sample(A, 150, p, 0)
    found = {
        name: certify_embedding(B, sample, p, rng=0)
        for name, B in {
            "float32": A,
            "float64": A.astype(np.float64),
            "fortran": np.asfortranarray(A),
            "csr": sp.csr_array(A),
            "csc": sp.csc_matrix(A),
            "tall": rnla.as_tall(A),
        }.items()
    }
    reference = found["float64"]
    for name, certificate in found.items():
        values = (certificate.lower, certificate.upper)
        expected = (reference.lower, reference.upper)
        np.testing.assert_allclose(values, expected, rtol=1e-2, err_msg=name)


@pytest.mark.parametrize("scale", [1e150, 1e-150])
@pytest.mark.parametrize("p", [1, 2, 3, 4, 20])
def test_extreme_scales(scale, p):
    A = gaussian(200, 3, 0)
    sample = uniform_sample(A, 100, p, 0)
    here, there = (certify_embedding(B, sample, p, rng=0) for B in (A, A * scale))
    np.testing.assert_allclose(
        np.log([there.lower, there.upper]), np.log([here.lower, here.upper]), rtol=0.05
    )
    np.testing.assert_allclose(there.check(A * scale, sample), (there.lower, there.upper))


def test_a_matrix_of_zeros_is_preserved_by_any_sample():
    certificate = certify_embedding(np.zeros((10, 2)), sample_of([3], [10.0], 10), 1, rng=0)
    assert (certificate.rank, certificate.lower, certificate.upper) == (0, 1.0, 1.0)
    assert certificate.certified


def test_same_seed_same_certificate():
    A = gaussian(3000, 6, 0)
    sample = uniform_sample(A, 300, 1, 0)
    one, two = (certify_embedding(A, sample, 1, rng=11) for _ in range(2))
    assert (one.lower, one.upper, one.seed) == (two.lower, two.upper, 11)
    np.testing.assert_array_equal(one.witnesses.lower, two.witnesses.lower)
    assert isinstance(certify_embedding(A, sample, 1, starts=1).seed, int)


def test_input_is_not_modified():
    A = gaussian(300, 4, 0)
    S = sp.csr_array(A)
    sample = uniform_sample(A, 100, 3, 0)
    copies = A.copy(), S.copy(), sample.weights.copy()
    A.flags.writeable = False
    for B in (A, S):
        certify_embedding(B, sample, 3, lewis_weights=np.full(300, 0.01), rng=0)
    np.testing.assert_array_equal(A, copies[0])
    np.testing.assert_array_equal(S.data, copies[1].data)
    np.testing.assert_array_equal(sample.weights, copies[2])


def test_tiers_are_chosen_as_documented():
    A, wide = gaussian(500, 3, 0), gaussian(500, 7, 0)
    sample = uniform_sample(A, 100, 1, 0)

    def tiers(matrix, p, **options):
        return list(certify_embedding(matrix, sample, p, rng=0, **options).diagnostics)

    w = np.full(500, 0.01)
    assert tiers(A, 2) == ["spectral", "statistical"]
    assert tiers(A, 1) == ["enumeration", "statistical"]
    assert tiers(A, 1, budget=1e6) == ["ascent", "statistical"]
    assert tiers(wide, 1) == ["ascent", "statistical"]
    assert tiers(wide, 4) == ["ascent", "khatri_rao", "statistical"]
    assert tiers(wide, 4, budget=1e4) == ["ascent", "statistical"]
    assert tiers(wide, 3, lewis_weights=w) == ["ascent", "sandwich", "statistical"]
    assert tiers(wide, 4, lewis_weights=w) == ["ascent", "khatri_rao", "statistical"]
    assert tiers(wide, 3, tiers=("statistical",)) == ["statistical"]
    assert tiers(wide, 3, tiers=["sandwich", "ascent"]) == ["ascent", "sandwich"]


def test_passes_are_counted():
    tall = rnla.as_tall(gaussian(500, 6, 0))
    certificate = certify_embedding(tall, uniform_sample(tall, 100, 3, 0), 3, rng=0)
    assert 3 <= certificate.passes == tall.passes <= 8


def test_the_record_reads_well():
    A = gaussian(2000, 4, 0)
    sample = uniform_sample(A, 400, 4, 0)
    certificate = certify_embedding(A, sample, 4, rng=0)
    text = certificate.summary()
    assert str(certificate) == text
    for word in ("found", "proved", "typical", "weights", "cost", "of 2000", "khatri_rao"):
        assert word in text
    assert "Certificate(p=4" in repr(certificate)
    assert certificate.certified_distortion == max(
        certificate.certified_upper - 1.0, 1.0 - certificate.certified_lower
    )
    found_only = certify_embedding(A, sample, 4, tiers="ascent", rng=0)
    assert found_only.certified_distortion == math.inf
    assert "nothing from above" in found_only.summary()
    with pytest.raises(dataclasses.FrozenInstanceError):
        certificate.lower = 1.0
    assert isinstance(certificate, Certificate)


GOOD = np.arange(40.0).reshape(20, 2) ** 1.5 + 1.0
KEPT = RowSample([1, 5, 11], [2.0] * 3, [0.5] * 3, design="poisson", seed=0, n=20, p=1)


@pytest.mark.parametrize(
    "arguments, options, name",
    [
        ((GOOD, KEPT, 0.5), {}, "p"),
        ((GOOD, KEPT, np.nan), {}, "p"),
        ((GOOD, KEPT, np.inf), {}, "p"),
        ((GOOD, "rows", 1), {}, "sample"),
        ((GOOD[:10], KEPT, 1), {}, "sample"),
        ((np.where(GOOD > 50, np.nan, GOOD), KEPT, 1), {}, "A"),
        ((GOOD.T, KEPT, 1), {}, "A"),
        ((GOOD, KEPT, 1), {"starts": 0}, "starts"),
        ((GOOD, KEPT, 1), {"budget": -1.0}, "budget"),
        ((GOOD, KEPT, 1), {"tiers": "exact"}, "tiers"),
        ((GOOD, KEPT, 1), {"tiers": ("ascent", "typo")}, "tiers"),
        ((GOOD, KEPT, 1), {"tiers": "spectral"}, "tiers"),
        ((GOOD, KEPT, 1), {"tiers": "khatri_rao"}, "tiers"),
        ((GOOD, KEPT, 3), {"tiers": "enumeration"}, "tiers"),
        ((GOOD, KEPT, 1), {"reference": 3}, "reference"),
        ((GOOD, KEPT, 1), {"lewis_weights": np.ones(3)}, "lewis_weights"),
        ((GOOD, KEPT, 1), {"lewis_weights": -np.ones(20)}, "lewis_weights"),
        ((GOOD, KEPT, 1), {"lewis_weights": "lewis"}, "lewis_weights"),
        ((GOOD, KEPT, 1), {"rng": -1}, "rng"),
    ],
)
def test_bad_input_is_named(arguments, options, name):
    with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match=rf"^{name}: got .*; "):
        certify_embedding(*arguments, **options)


def test_samples_that_keep_nothing_or_count_negatively_are_refused():
    class Plain:
        indices, n = np.array([0, 1]), 20

        def __init__(self, weights):
            self.weights = np.array(weights)

    for weights, word in (([0.0, 0.0], "no row"), ([1.0, -1.0], "negative")):
        with pytest.raises(rnla.ArgumentError, match=word):
            certify_embedding(GOOD, Plain(weights), 1)
    certificate = certify_embedding(GOOD, Plain([5.0, 0.0]), 1, rng=0)
    assert not certificate.rank_preserved


def test_check_refuses_another_matrix():
    A = gaussian(50, 3, 0)
    sample = uniform_sample(A, 20, 1, 0)
    certificate = certify_embedding(A, sample, 1, rng=0)
    with pytest.raises(rnla.ArgumentError, match="A: got 2 columns"):
        certificate.check(A[:, :2], sample)
    with pytest.raises(rnla.ArgumentError, match="A x = 0"):
        certificate.check(np.zeros((50, 3)), sample)


def test_every_design_can_be_certified():
    A = gaussian(1000, 4, 0)
    scores = np.linalg.norm(A, axis=1)
    for design in ("poisson", "with_replacement", "priority", "systematic", "ordered_pivotal"):
        sample = sample_rows(scores, 300, design=design, p=1.5, rng=0)
        certificate = certify_embedding(A, sample, 1.5, rng=0)
        assert certificate.found < 0.5
        assert certificate.diagnostics["statistical"].details["warnings"] == ()
