"""L-ensembles: the law by enumeration, marginal kernels there and back, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import threadpoolctl

import rnla
from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.dpp import l_ensemble, likelihood_kernel, marginal_kernel
from tests.dpp.kernel_laws import (
    FALSE_ALARM,
    chi_square,
    inclusion,
    independent,
    law_of_likelihood,
    law_of_marginal,
    minor,
    positive,
    record,
)

DRAWS = 4000


@pytest.mark.parametrize("complex_entries", [False, True])
@pytest.mark.parametrize("how", ["L", "factor"])
def test_law_by_enumeration(how, complex_entries, record_property):
    """Chi-square over all 2^7 sets; false alarm 1e-4 for each of the four."""
    B, L = positive(7, 5, complex_entries=complex_entries)
    sample = l_ensemble(**{how: L if how == "L" else B}, draws=DRAWS, rng=1)
    p = chi_square(sample.sets(), law_of_likelihood(L))
    record(record_property, p, DRAWS)
    assert p >= FALSE_ALARM
    assert sample.rank == 5


def test_the_chi_square_catches_independent_items():
    """Must fail: the right inclusion probabilities, but no repulsion."""
    _, L = positive(7, 5)
    law = law_of_likelihood(L)
    full = {S: max(p, 1e-300) for S, p in law.items()}
    points = np.random.default_rng(1).random((DRAWS, 7))
    sets = [independent(inclusion(law, 7), u) for u in points]
    assert chi_square(sets, full) < FALSE_ALARM


@pytest.mark.parametrize("complex_entries", [False, True])
def test_minors_of_the_marginal_kernel_are_inclusion_probabilities(complex_entries):
    _, L = positive(6, 6, complex_entries=complex_entries)
    law, K = law_of_likelihood(L), marginal_kernel(L)
    for T in law:
        included = sum(p for S, p in law.items() if set(T) <= set(S))
        assert minor(K, T) == pytest.approx(included, abs=1e-12)
    other = law_of_marginal(K)
    assert all(other[S] == pytest.approx(p, abs=1e-12) for S, p in law.items())
    np.testing.assert_allclose(l_ensemble(L, rng=0).marginals, np.diagonal(K).real, atol=1e-13)


def test_kernels_there_and_back():
    B, L = positive(8, 8, complex_entries=True)
    np.testing.assert_allclose(likelihood_kernel(marginal_kernel(L)), L, rtol=0, atol=1e-12)
    np.testing.assert_allclose(marginal_kernel(factor=B), marginal_kernel(L), rtol=0, atol=1e-13)


def test_check_20_draws_are_keyed_by_seed_and_number():
    _, L = positive(30, 30)
    many = l_ensemble(L, draws=5, rng=3)
    again = l_ensemble(L, draws=2, rng=3)
    for left, right in zip(again.sets(), many.sets()[:2], strict=True):
        np.testing.assert_array_equal(left, right)
    np.testing.assert_array_equal(l_ensemble(L, rng=3).indices, many.indices[0])
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(many.sets(), l_ensemble(L, draws=5, rng=4).sets(), strict=True)
    )


def test_check_20_chunks_of_a_factor_do_not_matter():
    da = pytest.importorskip("dask.array")
    B, _ = positive(500, 6)
    whole = l_ensemble(factor=rnla.as_tall(B), draws=3, rng=0)
    parts = l_ensemble(factor=da.from_array(B, chunks=(130, 6)), draws=3, rng=0)
    for left, right in zip(whole.sets(), parts.sets(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert whole.passes > 0


def test_a_tall_source_has_the_same_spectrum_as_an_array():
    B, _ = positive(200, 5)
    B[:, 4] = B[:, 0] - B[:, 1]  # rank 4
    tall, dense = l_ensemble(factor=rnla.as_tall(B), rng=0), l_ensemble(factor=B, rng=0)
    assert tall.rank == dense.rank == 4
    np.testing.assert_allclose(tall.marginals, dense.marginals, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_any_units(scale):
    sample = l_ensemble(np.diag([1.0, 2.0, 3.0]) * scale, rng=0)
    assert sample.indices.size == (3 if scale > 1 else 0)


@pytest.mark.parametrize(
    ("L", "kind", "words"),
    [
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), ArgumentError, r"L\[0, 1\] = nan"),
        (np.ones((2, 3)), ArgumentError, "square"),
        (np.ones(3), ArgumentError, "shape"),
        (np.empty((0, 0)), ArgumentError, "shape"),
        (np.array([[1.0, 2.0], [0.0, 1.0]]), ArgumentError, "Hermitian"),
        (np.array([[1.0, 1j], [1j, 1.0]]), ArgumentError, "Hermitian"),
        (np.diag([1.0, -0.5]), ArgumentError, "the eigenvalue -0.5"),
        (np.array([["a", "b"], ["b", "a"]]), ArgumentTypeError, "dtype"),
    ],
)
def test_check_21_kernels_that_are_refused(L, kind, words):
    with pytest.raises(kind, match=words) as caught:
        l_ensemble(L)
    assert str(caught.value).startswith("L: got")


@pytest.mark.parametrize("K", [np.diag([0.5, 1.0]), np.diag([0.5, 1.5]), np.diag([0.5, -0.5])])
def test_no_likelihood_kernel_outside_zero_to_one(K):
    with pytest.raises(ArgumentError, match=r"^K: got eigenvalues from .*dpp_lu"):
        likelihood_kernel(K)


def test_exactly_one_kernel():
    with pytest.raises(ArgumentTypeError, match="no kernel"):
        l_ensemble()
    with pytest.raises(ArgumentTypeError, match="L and factor"):
        l_ensemble(np.eye(2), factor=np.eye(2))
    with pytest.raises(ArgumentError, match="draws"):
        l_ensemble(np.eye(2), draws=0)


def test_a_kernel_of_zeros_gives_empty_sets():
    assert [S.size for S in l_ensemble(np.zeros((3, 3)), draws=2, rng=0).sets()] == [0, 0]
    assert l_ensemble(factor=np.zeros((3, 2)), rng=0).indices.size == 0


def test_zeros_read_in_passes():
    sample = l_ensemble(factor=rnla.as_tall(np.zeros((5, 2))), draws=2, rng=0)
    assert [S.size for S in sample.sets()] == [0, 0]
    assert sample.rank == 0
    np.testing.assert_array_equal(marginal_kernel(np.zeros((3, 3))), np.zeros((3, 3)))


def test_law_of_a_factor_read_in_passes(record_property):
    """Chi-square over all sets of at most two of 9 items; false alarm 1e-4."""
    B, L = positive(9, 2)
    sample = l_ensemble(factor=rnla.as_tall(B), draws=DRAWS, rng=1)
    law = {S: p for S, p in law_of_likelihood(L).items() if len(S) <= 2}
    p = chi_square(sample.sets(), law)
    record(record_property, p, DRAWS)
    assert p >= FALSE_ALARM


@pytest.mark.parametrize("threads", [1, 2])
def test_check_20_threads_do_not_matter(threads):
    """Equal eigenvalues: their eigenvectors are a matter of rounding, which must not change."""
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((150, 40)))[0]
    expected = l_ensemble(Q @ Q.T, draws=2, rng=0)
    with threadpoolctl.threadpool_limits(threads):
        found = l_ensemble(Q @ Q.T, draws=2, rng=0)
    for left, right in zip(found.sets(), expected.sets(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_kernels_in_single_precision():
    """A factor of rank 3: the eigenvalues that are rounding do not count, of either sign."""
    B = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    sample = l_ensemble(B @ B.T, rng=0)
    assert sample.rank == 3
    np.testing.assert_allclose(sample.marginals, l_ensemble(factor=B, rng=0).marginals, atol=1e-5)


@pytest.mark.parametrize("kind", ["L", "factor"])
def test_eigenvalues_beyond_the_range_of_float64(kind):
    """Entries are finite, the largest eigenvalue is not: every item that counts is drawn."""
    B, L = positive(8, 3)
    given = {"L": L * (1e308 / np.abs(L).max())} if kind == "L" else {"factor": B * 1e300}
    sample = l_ensemble(**given, rng=0)
    assert sample.rank == 3
    assert sample.indices.size == 3
    # A kernel this large is a projection DPP on its range.
    assert sample.marginals.sum() == pytest.approx(3.0, rel=1e-12)
    np.testing.assert_allclose(sample.marginals, np.diagonal(L @ np.linalg.pinv(L)), rtol=1e-9)
