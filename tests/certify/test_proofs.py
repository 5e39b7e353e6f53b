"""Tier V4: the tensor power and the sandwich enclose every ratio, found or not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla.basis.power import power_features
from rnla.certify import certify_embedding
from rnla.scores import lewis_weights
from tests.certify.references import sample_of, uniform_sample
from tests.counts import count
from tests.families import FAMILIES, dense, gaussian, legendre

PROOF_FAMILIES = ["gaussian", "student_t", "legendre", "duplicated_rows", "integer", "one_hot"]


def assert_enclosed(certificate):
    """V4 >= V2: no measured ratio lies outside what was proved."""
    assert certificate.certified
    assert certificate.certified_lower <= certificate.lower
    assert certificate.upper <= certificate.certified_upper
    assert certificate.found <= certificate.certified_distortion


@given(
    seed=st.integers(0, 10**6),
    family=st.sampled_from(PROOF_FAMILIES),
    p=st.sampled_from([4.0, 6.0]),
)
def test_check_26_tensor_power_encloses_what_is_found(seed, family, p):
    A = FAMILIES[family](200, 4, seed)
    certificate = certify_embedding(A, uniform_sample(A, 120, p, seed), p, starts=4, rng=seed)
    assert certificate.proof == "khatri_rao"
    assert_enclosed(certificate)


@given(
    seed=st.integers(0, 10**6),
    family=st.sampled_from(PROOF_FAMILIES),
    p=st.sampled_from([1.0, 1.5, 2.5, 3.0]),
)
def test_check_26_sandwich_encloses_what_is_found(seed, family, p):
    A = FAMILIES[family](200, 4, seed)
    certificate = certify_embedding(
        A, uniform_sample(A, 120, p, seed), p, tiers=("ascent", "sandwich"), starts=4, rng=seed
    )
    if certificate.rank_preserved:
        assert_enclosed(certificate)


@pytest.mark.slow
@pytest.mark.parametrize("p", [1.0, 1.5, 3.0, 4.0])
def test_check_26_proofs_enclose_what_is_found_on_many_instances(p):
    for seed in range(count(200, 50)):
        A = FAMILIES[PROOF_FAMILIES[seed % len(PROOF_FAMILIES)]](400, 5, seed)
        sample = uniform_sample(A, 200, p, seed)
        tiers = ("ascent", "sandwich", "khatri_rao") if p == 4.0 else ("ascent", "sandwich")
        certificate = certify_embedding(A, sample, p, tiers=tiers, rng=seed)
        if certificate.rank_preserved:
            assert_enclosed(certificate)


def test_a_wrong_enclosure_would_be_noticed():
    """Must fail: spectral bounds of A itself are no bounds at p = 4, and the check says so."""
    A, p = FAMILIES["student_t"](300, 4, 2), 4.0
    sample = uniform_sample(A, 60, p, 2)
    wrong = certify_embedding(A, sample, 2, rng=0)
    right = certify_embedding(A, sample, p, rng=0)
    assert right.upper > wrong.certified_upper or right.lower < wrong.certified_lower


@pytest.mark.parametrize("p", [4.0, 6.0])
def test_tensor_power_bounds_are_its_eigenvalues(p):
    A = gaussian(250, 3, 0)
    sample = uniform_sample(A, 150, p, 0)
    certificate = certify_embedding(A, sample, p, tiers="khatri_rao", rng=0)
    Q = np.linalg.qr(power_features(A, int(p) // 2))[0]
    kept = Q[sample.indices] * np.sqrt(sample.weights)[:, None]
    values = np.linalg.eigvalsh(kept.T @ kept)
    assert certificate.certified_lower == pytest.approx(values[0], rel=1e-9)
    assert certificate.certified_upper == pytest.approx(values[-1], rel=1e-9)
    assert_enclosed(certificate)


def test_tensor_power_is_typically_close_to_what_is_found():
    A = gaussian(20_000, 4, 0)
    certificate = certify_embedding(A, uniform_sample(A, 2000, 4, 0), 4, rng=0)
    assert 1.0 <= certificate.certified_distortion / certificate.found < 3.0


def test_eigenvectors_of_the_power_are_good_directions():
    A = legendre(400, 4)
    sample = uniform_sample(A, 100, 4, 1)
    power = certify_embedding(A, sample, 4, tiers="khatri_rao", rng=0)
    found = certify_embedding(A, sample, 4, tiers="ascent", rng=0)
    assert power.found > 0.5 * found.found


def test_lewis_weights_tighten_the_sandwich():
    A = FAMILIES["scaled_rows"](400, 4, 0)
    p = 4.0
    weights = np.asarray(lewis_weights(A, p, rng=0).values)
    order = np.argsort(-weights)[:150]
    kept = np.sort(order)
    sample = sample_of(kept, np.ones(150), 400, p)
    plain = certify_embedding(A, sample, p, tiers=("ascent", "sandwich"), rng=0)
    better = certify_embedding(
        A, sample, p, tiers=("ascent", "sandwich"), lewis_weights=weights, rng=0
    )
    assert_enclosed(plain)
    assert_enclosed(better)
    details = better.diagnostics["sandwich"].details
    assert details["gamma"] == pytest.approx(1.0, abs=1e-3)
    assert details["total"] == pytest.approx(4.0, abs=1e-3)
    assert better.certified_upper <= plain.certified_upper


def test_sandwich_follows_the_hoelder_constants():
    """At p = 1 with Lewis weights: ratio <= (rank-like total)^(1/2) times the root eigenvalue."""
    A = gaussian(300, 3, 1)
    sample = uniform_sample(A, 150, 1, 1)
    w = np.asarray(lewis_weights(A, 1, rng=0).values)
    certificate = certify_embedding(A, sample, 1, tiers="sandwich", lewis_weights=w, rng=0)
    details = certificate.diagnostics["sandwich"].details
    kept_total = float(sample.weights @ w[sample.indices])
    expected = np.sqrt(details["gamma"] * kept_total * details["eigenvalues"][1])
    assert certificate.certified_upper == pytest.approx(expected, rel=1e-6)


def test_sandwich_proves_nothing_if_a_row_has_weight_zero():
    A = gaussian(100, 3, 0)
    w = np.full(100, 0.03)
    w[7] = 0.0
    sample = uniform_sample(A, 50, 3, 0)
    certificate = certify_embedding(A, sample, 3, tiers="sandwich", lewis_weights=w, rng=0)
    assert not certificate.certified


def test_zero_rows_may_have_weight_zero():
    A = FAMILIES["zero_rows"](120, 3, 0)
    sample = uniform_sample(A, 60, 3, 0)
    w = np.asarray(lewis_weights(A, 3, rng=0).values)
    assert w.min() == 0.0
    certificate = certify_embedding(
        A, sample, 3, tiers=("ascent", "sandwich"), lewis_weights=w, rng=0
    )
    assert_enclosed(certificate)


def test_power_of_a_rank_deficient_matrix():
    A = FAMILIES["rank_deficient"](200, 6, 0)
    certificate = certify_embedding(A, uniform_sample(A, 150, 4, 0), 4, rng=0)
    assert certificate.rank == np.linalg.matrix_rank(dense(A))
    assert_enclosed(certificate)
