"""Tensor powers: inner products are k-th powers, and the view is read like any tall matrix."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla.basis import orthonormal_basis
from rnla.basis.power import power_dimension, power_features, power_view
from rnla.tall import as_tall
from tests.families import gaussian, rank_deficient, sparse_power_law


@given(seed=st.integers(0, 10**6), d=st.integers(1, 5), k=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_inner_products_are_kth_powers(seed: int, d: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    A, X = rng.standard_normal((7, d)), rng.standard_normal((3, d))
    features = power_features(A, k)
    assert features.shape == (7, math.comb(d + k - 1, k)) == (7, power_dimension(d, k))
    exact = (A @ X.T) ** k
    size = np.outer(np.linalg.norm(A, axis=1), np.linalg.norm(X, axis=1)) ** k
    assert np.all(np.abs(features @ power_features(X, k).T - exact) <= 1e-13 * size)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_view_reads_the_features_block_by_block(k: int) -> None:
    A = sparse_power_law(3000, 6, 1)
    dense = A.toarray()
    view = power_view(as_tall(A), k)
    scale = 2.0 ** -np.round(np.log2(np.abs(dense).max(axis=0)))
    expected = power_features(dense * scale, k)
    np.testing.assert_allclose(np.vstack([b for _, b in view.blocks()]), expected, rtol=1e-14)
    rows = np.array([2999, 0, 17])
    np.testing.assert_allclose(view.take(rows), expected[rows], rtol=1e-14)
    np.testing.assert_allclose(view.gram(), expected.T @ expected, rtol=1e-10, atol=1e-12)
    assert view.passes == 2
    assert view.dtype == np.float64


def test_change_of_variables_keeps_the_column_space() -> None:
    A = as_tall(gaussian(200, 4, 2).astype(np.float32))
    plain = power_view(A, 2)
    changed = power_view(A, 2, M=orthonormal_basis(A).M)
    leverage = [view.row_norms(orthonormal_basis(view).M) for view in (plain, changed)]
    np.testing.assert_allclose(leverage[0], leverage[1], rtol=1e-9)


@pytest.mark.parametrize("scale", [1e150, 1e-150])
def test_extreme_scales_neither_overflow_nor_vanish(scale: float) -> None:
    A = gaussian(300, 3, 0)
    view = power_view(as_tall(A * scale), 4)
    basis = orthonormal_basis(view)
    assert basis.rank == 15
    reference = power_view(as_tall(A), 4)
    np.testing.assert_allclose(
        view.row_norms(basis.M), reference.row_norms(orthonormal_basis(reference).M), rtol=1e-9
    )


def test_rank_of_the_power_follows_the_rank_of_the_matrix() -> None:
    A = as_tall(rank_deficient(200, 6, 0))
    rank = orthonormal_basis(A).rank
    assert orthonormal_basis(power_view(A, 2)).rank == power_dimension(rank, 2)


def test_sparse_rows_with_a_basis_are_never_more_than_a_block() -> None:
    A = sp.csr_array(gaussian(50, 3, 0))
    view = power_view(as_tall(A), 2, M=np.eye(3))
    np.testing.assert_allclose(view.take(np.arange(50)), power_features(A.toarray(), 2), rtol=1e-14)


def test_degree_must_be_positive() -> None:
    with pytest.raises(ValueError, match="k: got 0"):
        power_features(np.ones((2, 2)), 0)
