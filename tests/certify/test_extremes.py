"""Certificates of matrices near the ends of the floating-point range, of samples that hold
nothing, and under any number of BLAS threads."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

import rnla
from rnla.certify import certify_embedding, split_test
from rnla.sampling import sample_rows


def matrix(n: int = 2000, d: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("exponent", [-1030, -1000, 1000, 1021])
def test_scaling_by_a_power_of_two_changes_nothing(p: float, exponent: int) -> None:
    A = np.round(matrix() * 256) / 256  # eleven bits: exact even among the denormal numbers
    sample = sample_rows(np.ones(2000), 200, p=p, rng=1)
    plain = certify_embedding(A, sample, p, rng=2)
    extreme = np.ldexp(A, exponent)
    scaled = certify_embedding(extreme, sample, p, rng=2)
    assert scaled.found == pytest.approx(plain.found, rel=1e-6)
    assert scaled.witnesses.check(extreme, sample) == pytest.approx(
        (scaled.lower, scaled.upper), rel=1e-9
    )


@pytest.mark.parametrize("size", [1e-310, 1e307])
def test_embedding_of_an_extreme_matrix_keeps_its_promise(size: float) -> None:
    A = matrix(5000) * size
    embedding = rnla.lp_subspace_embedding(A, 1, size=300, rng=0)
    assert embedding.rank == 4
    assert 0 < embedding.certificate.found < 0.3
    ratios = embedding.certificate.witnesses.check(A, embedding.sample)
    assert ratios == pytest.approx((embedding.certificate.lower, embedding.certificate.upper))


def test_columns_of_opposite_extremes() -> None:
    A = matrix() * np.array([1e307, 1e-307, 1.0, 1e150])
    sample = sample_rows(np.ones(2000), 300, p=1, rng=1)
    plain = certify_embedding(matrix(), sample, 1, rng=2)
    assert certify_embedding(A, sample, 1, rng=2).found == pytest.approx(plain.found, rel=1e-2)


def test_rows_over_three_hundred_decades() -> None:
    rng = np.random.default_rng(1)
    A = matrix(5000) * 10.0 ** rng.uniform(-150, 150, (5000, 1))
    embedding = rnla.lp_subspace_embedding(A, 1, size=300, rng=0)
    assert embedding.certificate.found < 1e-6  # a few huge rows decide, and all are kept


@pytest.mark.parametrize("d", [1, 2, 3, 6])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_sample_of_zero_rows_has_distortion_one(d: int, p: float, sparse: bool) -> None:
    A = np.eye(300, d)
    weights = np.zeros(300)
    weights[d:] = 1.0
    sample = sample_rows(weights, 40, p=p, rng=0)
    certificate = certify_embedding(sp.csr_array(A) if sparse else A, sample, p, rng=0)
    assert (certificate.lower, certificate.upper) == (0.0, 0.0)
    assert not certificate.rank_preserved


def test_a_uniform_sample_that_misses_every_nonzero_row() -> None:
    A = sp.csc_array(sp.eye(5000, 6, dtype=int))
    embedding = rnla.lp_subspace_embedding(A, 1, size=300, rng=0)
    assert embedding.certificate.found < 1e-14
    assert embedding.uniform.found == 1.0


@pytest.mark.parametrize("p", [1.0, 3.0])
def test_blas_threads_do_not_change_a_certificate(p: float) -> None:
    """At this shape results differ unless all of it runs on one BLAS thread (two cores)."""
    A = matrix(20_000, 64)
    first, second = (sample_rows(np.ones(20_000), 1500, p=p, rng=seed) for seed in (1, 2))
    results, splits = [], []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            results.append(certify_embedding(A, first, p, starts=1, budget=1e9, rng=3))
            splits.append(split_test(A, first, second, p, starts=1, budget=1e9, rng=3))
    one, two = results
    assert one.found == two.found
    np.testing.assert_array_equal(one.witnesses.lower, two.witnesses.lower)
    np.testing.assert_array_equal(one.witnesses.upper, two.witnesses.upper)
    assert (splits[0].lower, splits[0].upper) == (splits[1].lower, splits[1].upper)
