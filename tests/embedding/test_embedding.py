"""`lp_subspace_embedding`: the loop, the exits, the explanations, degenerate input."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla.embedding.method import METHODS
from tests import families


def gaussian(n=4000, d=4, seed=0):
    return families.gaussian(n, d, seed)


def powers(A, x, p):
    return np.sum(np.abs(A @ x) ** p)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
def test_found_distortion_meets_eps_and_can_be_checked_by_hand(p):
    A = gaussian()
    embedding = rnla.lp_subspace_embedding(A, p, eps=0.3, rng=1)
    assert embedding.status is rnla.Status.OK
    assert embedding.size < len(A)
    certificate = embedding.certificate
    assert certificate.found <= 0.3
    SA = embedding @ A
    for x in np.random.default_rng(2).standard_normal((20, 4)):
        ratio = powers(SA, x, p) / powers(A, x, p)
        # The certificate searched for the extremes, so no random direction may lie beyond them.
        assert certificate.lower - 1e-9 <= ratio <= certificate.upper + 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_weights_that_are_inverse_probabilities(method):
    p = 4.0 if method in ("mixed", "even_power") else 1.0
    A = families.student_t(600, 3, 1)
    embedding = rnla.lp_subspace_embedding(A, p, size=200, method=method, certify=False, rng=3)
    sample = embedding.sample
    assert embedding.method == method
    np.testing.assert_allclose(sample.weights * sample.probabilities, 1.0)
    np.testing.assert_array_equal(embedding.indices, sample.indices)
    np.testing.assert_allclose(
        embedding @ A, A[sample.indices] * sample.weights[:, None] ** (1 / p)
    )


def test_same_seed_same_rows_and_other_seed_other_rows():
    A = gaussian()
    draws = [rnla.lp_subspace_embedding(A, 1, size=300, certify=False, rng=s) for s in (5, 5, 6)]
    np.testing.assert_array_equal(draws[0].indices, draws[1].indices)
    assert not np.array_equal(draws[0].indices, draws[2].indices)


def test_the_recorded_seed_repeats_a_run_without_a_seed():
    A = gaussian()
    first = rnla.lp_subspace_embedding(A, 1, size=300, certify=False)
    again = rnla.lp_subspace_embedding(A, 1, size=300, certify=False, rng=first.seed)
    np.testing.assert_array_equal(first.indices, again.indices)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_number_of_threads_does_not_matter(threads, monkeypatch):
    A = gaussian(30_000, 5)
    monkeypatch.setenv("RNLA_THREADS", "2")
    expected = rnla.lp_subspace_embedding(A, 1, size=500, certify=False, rng=0)
    monkeypatch.setenv("RNLA_THREADS", threads)
    answer = rnla.lp_subspace_embedding(A, 1, size=500, certify=False, rng=0)
    np.testing.assert_array_equal(expected.indices, answer.indices)
    np.testing.assert_array_equal(expected.weights, answer.weights)


@given(seed=st.integers(0, 50), small=st.integers(20, 200))
def test_smaller_samples_lie_inside_larger_ones(seed, small):
    A = gaussian(1000, 3, 7)
    few = rnla.lp_subspace_embedding(A, 2, size=small, certify=False, rng=seed)
    many = rnla.lp_subspace_embedding(A, 2, size=2 * small, certify=False, rng=seed)
    assert set(few.indices) <= set(many.indices)


def test_memory_order_dtype_and_sparsity_do_not_change_the_rows():
    A = families.sparse_power_law(800, 5, 0)
    dense = A.toarray()
    expected = rnla.lp_subspace_embedding(dense, 1, size=200, certify=False, rng=0)
    for variant in (np.asfortranarray(dense), A, A.tocsc(), A.tocoo(), np.repeat(dense, 2, 0)[::2]):
        answer = rnla.lp_subspace_embedding(variant, 1, size=200, certify=False, rng=0)
        np.testing.assert_array_equal(answer.indices, expected.indices)
    assert sp.issparse(rnla.lp_subspace_embedding(A, 1, size=200, certify=False, rng=0) @ A)


def test_float32_stays_float32_and_input_is_not_modified():
    A = gaussian(2000, 4).astype(np.float32)
    before = A.copy()
    A.flags.writeable = False
    embedding = rnla.lp_subspace_embedding(A, 1, size=300, rng=0)
    assert (embedding @ A).dtype == np.float32
    np.testing.assert_array_equal(A, before)


def test_few_rows_are_all_kept_and_the_result_says_so():
    A = gaussian(60, 4)
    embedding = rnla.lp_subspace_embedding(A, 1, eps=0.1, rng=0)
    assert embedding.status is rnla.Status.EXACT
    np.testing.assert_array_equal(embedding.indices, np.arange(60))
    np.testing.assert_array_equal(embedding.weights, np.ones(60))
    assert embedding.certificate.found <= 1e-12
    assert "EXACT" in embedding.explain()


def test_size_n_keeps_everything():
    A = gaussian(500, 3)
    embedding = rnla.lp_subspace_embedding(A, 3, size=500, rng=0)
    assert embedding.status is rnla.Status.EXACT
    np.testing.assert_array_equal(embedding @ A, A)


def test_an_unreachable_eps_is_admitted_with_the_best_sample_attached(monkeypatch):
    """With no doublings left a coherent matrix defeats uniform sampling, and the status says so."""
    A = families.coherent(6000, 3, 0)
    embedding = rnla.lp_subspace_embedding(A, 2, eps=0.5, method="uniform", rng=0)
    if embedding.status is rnla.Status.EPS_NOT_MET:
        assert embedding.certificate.found > 0.5
        assert embedding.certificate.found == min(a.found for a in embedding.attempts)
    else:
        assert embedding.certificate.found <= 0.5
    small = rnla.lp_subspace_embedding(A, 2, size=60, method="uniform", rng=0)
    assert small.certificate.found > 0.5, "60 uniform rows must miss the three rows that matter"


def test_the_search_shrinks_where_the_default_is_more_than_enough():
    A = families.cauchy(20_000, 4, 0)
    embedding = rnla.lp_subspace_embedding(A, 1, eps=0.2, rng=0)
    sizes = [attempt.size for attempt in embedding.attempts]
    assert embedding.sizes["used"] in sizes
    passing = [a.size for a in embedding.attempts if a.found <= 0.2]
    assert embedding.sizes["used"] <= 2 * min(passing)


def test_explanation_names_every_decision():
    A = gaussian()
    text = rnla.lp_subspace_embedding(A, 1, eps=0.3, rng=0).explain()
    for part in (
        "Kept",
        "Method: lewis",
        "Cohen and Peng",
        "Found distortion",
        "Uniform",
        "seed 0",
    ):
        assert part in text


def test_without_certificate_nothing_is_claimed():
    embedding = rnla.lp_subspace_embedding(gaussian(), 1, eps=0.3, certify=False, rng=0)
    assert embedding.certificate is None
    assert "not measured" in embedding.explain()


@pytest.mark.parametrize(
    "A",
    [
        families.zero_rows(600, 4, 0),
        families.duplicated_rows(600, 4, 0),
        families.rank_deficient(600, 6, 0),
        families.scaled_columns(600, 4, 0),
        families.gaussian(600, 1, 0),
        families.gaussian(600, 4, 0) * 1e150,
        families.gaussian(600, 4, 0) * 1e-150,
    ],
    ids=["zero rows", "duplicates", "rank deficient", "columns", "d=1", "1e150", "1e-150"],
)
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_degenerate_matrices_get_right_answers(A, p):
    embedding = rnla.lp_subspace_embedding(A, p, size=300, rng=0)
    certificate = embedding.certificate
    assert 0 < certificate.lower <= certificate.upper < 3
    zero = ~np.any(families.dense(A), axis=1)
    assert not np.any(zero[embedding.indices]), "a zero row is never worth keeping"
    size = np.abs(families.dense(A)).max(axis=0)
    assert embedding.rank == np.linalg.matrix_rank(A / np.where(size > 0, size, 1.0))


def test_one_row():
    embedding = rnla.lp_subspace_embedding([[2.0]], 1, rng=0)
    assert embedding.status is rnla.Status.EXACT
    np.testing.assert_array_equal(embedding @ np.array([[2.0]]), [[2.0]])


@pytest.mark.parametrize("size", [None, 10])
@pytest.mark.parametrize("A", [np.zeros((50, 3)), sp.csr_array((50, 3))], ids=["dense", "sparse"])
def test_all_zero_matrix_is_kept_whole(A, size):
    embedding = rnla.lp_subspace_embedding(A, 1, size=size, rng=0)
    assert embedding.status is rnla.Status.EXACT
    assert embedding.rank == 0


def test_spatial_designs_are_chosen_from_what_is_passed():
    A = gaussian(900, 3)
    coordinates = np.random.default_rng(0).random((900, 2))
    tree = rnla.lp_subspace_embedding(A, 2, size=90, coordinates=coordinates, rng=0)
    assert tree.design == "tree_pivotal"
    assert tree.size == 90
    walk = rnla.lp_subspace_embedding(A, 2, size=90, order=np.arange(900)[::-1], rng=0)
    assert walk.design == "systematic"
    assert walk.size == 90


@pytest.mark.parametrize("design", ["poisson", "tree_pivotal", "systematic"])
def test_recursive_thins_first_and_its_weights_multiply(design):
    A = gaussian(20_000, 3)
    place = {
        "poisson": {},
        "tree_pivotal": {"coordinates": A[:, :2]},
        "systematic": {"order": np.argsort(A[:, 0])},
    }[design]
    embedding = rnla.lp_subspace_embedding(
        A, 1, eps=0.3, method="recursive", design=design, rng=0, **place
    )
    assert embedding.method == "recursive"
    assert "->" in embedding.bound
    assert embedding.certificate.found <= 0.3
    sample = embedding.sample
    np.testing.assert_allclose(sample.weights * sample.probabilities, 1.0)
    kept = np.flatnonzero(embedding.scores)
    assert embedding.size < kept.size < 20_000, "drawn from what thinning left"
    assert set(embedding.indices) <= set(kept)


def test_auto_thins_first_where_lewis_iterations_cost_too_much(monkeypatch):
    from rnla.embedding import method

    monkeypatch.setattr(method, "_LEWIS_BUDGET_FLOPS", 1.0)
    embedding = rnla.lp_subspace_embedding(gaussian(), 1, size=200, certify=False, rng=0)
    assert embedding.method == "recursive"


def test_even_power_comes_with_a_proof():
    A = gaussian(3000, 3)
    embedding = rnla.lp_subspace_embedding(A, 4, size=800, method="even_power", rng=0)
    certificate = embedding.certificate
    assert certificate.certified
    assert certificate.certified_lower <= certificate.lower
    assert certificate.upper <= certificate.certified_upper


@pytest.mark.parametrize("d", [1, 3])
def test_auto_beyond_the_reach_of_lewis_weights(d):
    embedding = rnla.lp_subspace_embedding(families.gaussian(2000, d, 0), 30, size=300, rng=0)
    assert embedding.method in ("sensitivity", "mixed")
    assert embedding.certificate.found < 1


def test_auto_prefers_sensitivities_where_they_are_small():
    """M9 at p = 6: S = 20 against d^(p/2) = 1000 (SPEC §8), so Lewis weights are not chosen."""
    A = families.legendre(1200, 10, 0)
    embedding = rnla.lp_subspace_embedding(A, 6, size=600, certify=False, rng=0)
    assert embedding.method in ("sensitivity", "mixed")
    assert "total sensitivity" in embedding.reason
