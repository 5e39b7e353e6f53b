"""Tier V1 (p = 2): eigenvalues against multiple precision, at any condition number."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from rnla.certify import certify_embedding
from tests.certify.references import extreme_eigenvalues_exactly, uniform_sample
from tests.families import FAMILIES, dense, gaussian


@pytest.mark.parametrize("kappa", [1.0, 1e6, 1e12])
def test_extremes_match_multiple_precision_at_any_condition(kappa):
    rng = np.random.default_rng(0)
    U = np.linalg.qr(rng.standard_normal((120, 5)))[0]
    V = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    A = (U * np.logspace(0.0, -np.log10(kappa), 5)) @ V.T
    sample = uniform_sample(A, 60, 2, 1)
    certificate = certify_embedding(A, sample, 2, rng=0)
    lowest, highest = extreme_eigenvalues_exactly(A, sample)
    assert certificate.certified_lower == pytest.approx(lowest, abs=1e-12)
    assert certificate.certified_upper == pytest.approx(highest, abs=1e-12)
    assert certificate.lower == pytest.approx(lowest, abs=1e-11)
    assert certificate.upper == pytest.approx(highest, abs=1e-11)
    assert certificate.certified_lower <= lowest + 1e-15
    assert certificate.certified_upper >= highest - 1e-15


@pytest.mark.parametrize("family", ["gaussian", "scaled_columns", "duplicated_rows", "one_hot"])
def test_extremes_match_generalized_eigenvalues(family):
    A = FAMILIES[family](300, 6, 2)
    sample = uniform_sample(A, 150, 2, 3)
    certificate = certify_embedding(A, sample, 2, rng=0)
    Q = scipy.linalg.orth(dense(A) / np.linalg.norm(dense(A), axis=0).clip(1e-300))
    kept = Q[sample.indices] * np.sqrt(sample.weights)[:, None]
    values = np.linalg.eigvalsh(kept.T @ kept)
    assert certificate.rank == Q.shape[1]
    assert (certificate.tier, certificate.proof) == ("spectral", "spectral")
    np.testing.assert_allclose((certificate.lower, certificate.upper), values[[0, -1]], rtol=1e-10)


def test_ascent_at_p_2_finds_the_eigenvalues():
    A = gaussian(500, 7, 0)
    sample = uniform_sample(A, 100, 2, 0)
    exact = certify_embedding(A, sample, 2, rng=0)
    found = certify_embedding(A, sample, 2, tiers="ascent", rng=0)
    np.testing.assert_allclose((found.lower, found.upper), (exact.lower, exact.upper), rtol=1e-3)
