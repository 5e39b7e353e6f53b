"""k-DPPs: the law by enumeration, exact inclusion probabilities, spectra of any range."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
import scipy.fft
import scipy.sparse

import rnla
from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.dpp import _spectrum, k_dpp, k_dpp_inclusion_probabilities
from rnla.dpp._elementary import choose_eigenvectors, eigenvector_probabilities, log_elementary
from tests.dpp.kernel_laws import (
    FALSE_ALARM,
    chain_on_the_kernel,
    chi_square,
    inclusion,
    law_of_likelihood,
    positive,
    record,
)

DRAWS = 4000


@pytest.mark.parametrize("n, k", [(8, 3), (10, 2)])  # by the chain rule, by accept/reject
@pytest.mark.parametrize("complex_entries", [False, True])
@pytest.mark.parametrize("how", ["L", "factor", "eigen"])
def test_law_by_enumeration(how, complex_entries, n, k, record_property):
    """Chi-square over all C(n, k) sets; false alarm 1e-4 for each of the twelve."""
    B, L = positive(n, 6, complex_entries=complex_entries)
    kernel = {"L": L, "factor": B, "eigen": tuple(np.linalg.eigh(L))}[how]
    if how == "eigen":  # rounding made two of the eigenvalues negative or tiny
        kernel = (np.where(kernel[0] < 1e-12, 0.0, kernel[0]), kernel[1])
    sample = k_dpp(k=k, draws=DRAWS, rng=1, **{how: kernel})
    p = chi_square(sample.sets(), law_of_likelihood(L, k))
    record(record_property, p, DRAWS)
    assert p >= FALSE_ALARM
    assert sample.rank == 6
    assert (sample.proposals > 0).all() == (n > 4 * k)


def test_the_chi_square_catches_the_chain_rule_on_the_kernel():
    """Must fail: the chain rule applied to a kernel that is not a projection."""
    _, L = positive(8, 6)
    points = np.random.default_rng(1).random((DRAWS, 3))
    sets = [chain_on_the_kernel(L, 3, u) for u in points]
    assert chi_square(sets, law_of_likelihood(L, 3)) < FALSE_ALARM


@pytest.mark.parametrize("k", [1, 2, 5, 11, 12])
def test_check_17_exact_inclusion_probabilities(k):
    B, L = positive(12, 12)
    exact = inclusion(law_of_likelihood(L, k), 12)
    for kernel in ({"L": L}, {"factor": B}, {"eigen": tuple(np.linalg.eigh(L))}):
        found = k_dpp_inclusion_probabilities(k=k, **kernel)
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-9)
        assert found.sum() == pytest.approx(k, rel=1e-12)
    np.testing.assert_allclose(k_dpp(L, k, rng=0).marginals, exact, rtol=0, atol=1e-9)


def test_check_17_ten_decades_of_eigenvalues(record_property):
    """N = 10^4 items, all 10^4 eigenvalues over 10 decades, k = 200: no overflow, no warning.

    Warnings are errors here. The mean rank of the eigenvectors chosen is compared with the exact
    one, |z| <= 4: false alarm 6e-5.
    """
    n, k, draws = 10_000, 200, 20
    log_values = np.linspace(0.0, -10.0 * math.log(10.0), n) + 300.0
    table = log_elementary(log_values, k)
    assert np.isfinite(table[k:]).all()
    uniforms = np.random.default_rng(0).random((draws, n))
    chosen = choose_eigenvectors(log_values, table, uniforms)
    assert (chosen.sum(axis=1) == k).all()
    exact = eigenvector_probabilities(log_values, table)
    assert exact.sum() == pytest.approx(k, rel=1e-9)
    assert (np.diff(exact) <= 1e-9).all()
    place = np.arange(n)
    mean = exact @ place / k
    # Choices repel, so independent ones bound the variance from above.
    spread = math.sqrt(float((exact * (1.0 - exact)) @ (place - mean) ** 2) / (draws * k**2))
    z = abs((chosen @ place).mean() / k - mean) / spread
    record(record_property, z, draws, threshold=4.0, rate=6e-5, check=17)
    assert z <= 4.0


@pytest.mark.parametrize("scale", [1e-250, 1.0, 1e250])
def test_check_17_two_hundred_of_ten_thousand_items(scale):
    """The whole sampler: N = 10^4, 400 eigenvalues over 10 decades, in any units."""
    n, r, k = 10_000, 400, 200
    vectors = scipy.fft.idct(np.eye(n, r), axis=0, norm="ortho")
    values = np.logspace(0.0, -10.0, r) * scale
    sample = k_dpp(k=k, eigen=(values, vectors), draws=2, rng=0)
    assert all(np.unique(S).size == k for S in sample.sets())
    assert np.isfinite(sample.marginals).all()
    assert sample.marginals.sum() == pytest.approx(k, rel=1e-9)


def test_elementary_polynomials_against_fifty_digits():
    rng = np.random.default_rng(3)
    log_values = rng.uniform(-400.0, 400.0, 9)
    with mpmath.workdps(50):
        values = [mpmath.e ** mpmath.mpf(float(x)) for x in log_values]
        for k in range(1, 10):
            sets = list(itertools.combinations(range(9), k))
            weights = [mpmath.fprod(values[i] for i in J) for J in sets]
            total = mpmath.fsum(weights)
            table = log_elementary(log_values, k)
            assert table[-1, k] == pytest.approx(float(mpmath.log(total)), rel=1e-13, abs=1e-12)
            kept = eigenvector_probabilities(log_values, table)
            for i in range(9):
                share = mpmath.fsum(w for J, w in zip(sets, weights, strict=True) if i in J) / total
                assert kept[i] == pytest.approx(float(share), rel=1e-11)


def test_all_items_of_a_full_rank_kernel():
    _, L = positive(5, 5)
    np.testing.assert_array_equal(k_dpp(L, 5, rng=0).indices, np.arange(5))


def test_a_projection_kernel_and_its_rank_make_the_projection_process():
    Q = np.linalg.qr(positive(8, 3)[0])[0]
    sample = k_dpp(Q @ Q.T, 3, rng=0)
    np.testing.assert_allclose(sample.marginals, (Q**2).sum(axis=1), atol=1e-12)


def test_check_20_draws_are_keyed_by_seed_and_number():
    _, L = positive(30, 30)
    many = k_dpp(L, 5, draws=6, rng=3)
    assert many.indices.shape == (6, 5)
    np.testing.assert_array_equal(many.indices[0], k_dpp(L, 5, rng=3).indices)
    np.testing.assert_array_equal(many.indices[:2], k_dpp(L, 5, draws=2, rng=3).indices)
    assert not np.array_equal(many.indices, k_dpp(L, 5, draws=6, rng=4).indices)


def test_check_20_chunks_of_a_factor_do_not_matter():
    da = pytest.importorskip("dask.array")
    B, _ = positive(500, 6)
    whole = k_dpp(k=4, factor=rnla.as_tall(B), draws=3, rng=0)
    parts = k_dpp(k=4, factor=da.from_array(B, chunks=(130, 6)), draws=3, rng=0)
    np.testing.assert_array_equal(whole.indices, parts.indices)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"k": 4}, ArgumentError, r"^k: got 4 for a kernel of numerical rank 3"),
        ({"k": 9}, ArgumentError, r"^k: got 9"),
        ({"k": 0}, ArgumentError, r"^k: got 0"),
        ({}, ArgumentTypeError, r"^k: got None"),
        ({"k": 2.0}, ArgumentTypeError, r"^k: got 2\.0"),
        ({"k": 2, "draws": 0}, ArgumentError, r"^draws: got 0"),
        ({"k": 2, "factor": np.eye(8)}, ArgumentTypeError, "L and factor"),
        ({"k": 2, "eigen": (1.0, 2.0)}, ArgumentTypeError, "L and eigen"),
    ],
)
def test_check_21_options_that_are_refused(options, kind, words):
    _, L = positive(8, 3)
    with pytest.raises(kind, match=words):
        k_dpp(L, **options)


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        ({"L": np.diag([1.0, np.nan])}, r"L\[1, 1\] = nan"),
        ({"L": np.diag([1.0, -1.0])}, "the eigenvalue -1"),
        ({"L": np.ones((2, 3))}, "square"),
        ({"L": np.zeros((2, 2))}, r"rank 0.*\. Add a small multiple"),
        ({"L": np.ma.masked_less(np.eye(2), 0.5)}, "a masked array"),
        ({"factor": np.array([[1.0], [np.inf]])}, "inf"),
        ({"eigen": ([1.0, -1.0], np.eye(2))}, r"eigen\[0\]\[1\] = -1\.0"),
        ({"eigen": ([1.0, np.nan], np.eye(2))}, r"eigen\[0\]\[1\] = nan"),
        ({"eigen": ([1.0, 1.0], np.ones((2, 2)))}, "orthonormal"),
        ({"eigen": ([1.0], np.eye(2))}, "shapes"),
    ],
)
def test_check_21_kernels_that_are_refused(kernel, words):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=words):
        k_dpp(k=1, **kernel)


def test_a_pair_is_wanted_for_eigen():
    with pytest.raises(ArgumentTypeError, match=r"^eigen: got ndarray"):
        k_dpp(k=1, eigen=np.eye(2))


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("source", ["array", "tall", "sparse"])
def test_a_factor_of_any_home_and_units(source, scale):
    B, L = positive(300, 5)
    factor = {"array": np.asarray, "tall": rnla.as_tall, "sparse": scipy.sparse.csr_array}[source]
    sample = k_dpp(k=3, factor=factor(B * scale), draws=3, rng=0)
    np.testing.assert_allclose(sample.marginals, k_dpp_inclusion_probabilities(L, 3), atol=1e-11)
    assert (sample.passes > 0) == (source != "array")
    assert sample.rank == 5


@pytest.mark.parametrize("share", [0.0, np.inf], ids=["own lengths", "bounds"])
def test_law_of_a_factor_read_in_passes(share, record_property, monkeypatch):
    """Chi-square over all C(12, 2) sets, by accept/reject; false alarm 1e-4."""
    monkeypatch.setattr(_spectrum, "_SHARE", share)
    B, L = positive(12, 4)
    sample = k_dpp(k=2, factor=rnla.as_tall(B), draws=DRAWS, rng=1)
    # Basis and marginals, and then a pass for each draw or one for all.
    assert (sample.passes > DRAWS) == (share == 0.0)
    p = chi_square(sample.sets(), law_of_likelihood(L, 2))
    record(record_property, p, DRAWS)
    assert p >= FALSE_ALARM
    assert (sample.proposals >= 2).all()


def test_a_factor_read_in_passes_over_ten_decades():
    n, r, k = 3000, 40, 20
    vectors = scipy.fft.idct(np.eye(n, r), axis=0, norm="ortho")
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((r, r)))[0]
    values = np.logspace(0.0, -10.0, r)
    B = vectors * np.sqrt(values) @ rotation
    exact = k_dpp_inclusion_probabilities(k=k, eigen=(values, vectors))
    sample = k_dpp(k=k, factor=rnla.as_tall(B), rng=0)
    np.testing.assert_allclose(sample.marginals, exact, rtol=1e-6)
    assert sample.rank == r


def test_bounds_cost_proposals_in_proportion(record_property):
    """r H_k proposals on average instead of k H_k: 200 draws within 4 standard errors of the exact
    variance, false alarm 6.4e-5; rows are read for the draws, but in no further pass."""
    r, k, draws = 30, 10, 200
    B = np.random.default_rng(0).standard_normal((3_000, r))
    sample = k_dpp(k=k, factor=rnla.as_tall(B), draws=draws, rng=0)
    assert sample.passes == k_dpp(k=k, factor=rnla.as_tall(B), rng=0).passes
    p = np.arange(1, k + 1) / r  # of acceptance, with so many items missing
    z = abs(sample.proposals.mean() - (1 / p).sum()) / math.sqrt(((1 - p) / p**2).sum() / draws)
    record(record_property, z, draws, threshold=4.0, rate=6.4e-5)
    assert z <= 4.0


def test_a_factor_with_more_columns_than_rows():
    B, L = positive(5, 9)
    for factor in (B, rnla.as_tall(B, require_tall=False)):
        found = k_dpp_inclusion_probabilities(k=3, factor=factor)
        np.testing.assert_allclose(found, k_dpp_inclusion_probabilities(L, 3), atol=1e-12)


def test_complex_factors_are_numpy_arrays():
    with pytest.raises(ArgumentTypeError, match="complex"):
        k_dpp(k=1, factor=scipy.sparse.csr_array(np.eye(3) * 1j))
