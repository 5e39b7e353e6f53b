"""sparse_columns: products with columns of any number of entries, against the explicit matrix."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from rnla.kernels import count_sketch, sparse_columns, sparse_sign


def columns(s, m, seed):
    """A sparse s x m matrix with 0 to s entries per column, and its parts."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, s + 1, m)
    places = [rng.permutation(s)[:count] for count in counts]
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    flat = np.concatenate([np.zeros(0, dtype=np.int64), *places]).astype(np.int64)
    values = rng.standard_normal(flat.size)
    dense = np.zeros((s, m))
    dense[flat, np.repeat(np.arange(m), counts)] = values
    return (indptr, flat, values), dense


@given(s=st.integers(1, 9), m=st.integers(0, 40), d=st.integers(0, 20), seed=st.integers(0, 99))
def test_products_match_the_explicit_matrix(s, m, d, seed):
    parts, S = columns(s, m, seed)
    rng = np.random.default_rng(seed + 1)
    block, before, Y = (rng.standard_normal(shape) for shape in ((m, d), (s, d), (s, d)))
    out = before.copy()
    sparse_columns.add_dense(*parts, block, out)
    np.testing.assert_allclose(out, before + S @ block, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(sparse_columns.transposed(*parts, Y), S.T @ Y, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_csr_products_match_the_explicit_matrix(dtype, index):
    parts, S = columns(6, 30, 0)
    block = sp.random_array((30, 12), density=0.3, rng=np.random.default_rng(1), format="csr")
    block = block.astype(dtype)
    out = np.zeros((6, 12))
    sparse_columns.add_csr(
        *parts, block.data, block.indices.astype(index), block.indptr.astype(index), out
    )
    np.testing.assert_allclose(out, S @ block.toarray().astype(float), atol=1e-12)


@pytest.mark.parametrize("d", [1, 5, 8, 64])
@pytest.mark.parametrize("count", [0, 1, 65, 300])
def test_drawing_on_the_way_gives_the_same_bits(count, d):
    block = np.random.default_rng(0).standard_normal((count, d))
    before = np.random.default_rng(1).standard_normal((20, d))
    fused, apart = before.copy(), before.copy()
    sparse_sign.add_dense(7, 2**33, block, 8, fused)
    places, values = sparse_sign.columns(7, 2**33, count, 20, 8)
    values *= 1.0 / np.sqrt(8)
    indptr = np.arange(0, 8 * count + 1, 8)
    sparse_columns.add_dense(indptr, places.ravel(), values.ravel(), block, apart)
    np.testing.assert_array_equal(fused, apart)
    count_sketch.add_dense(7, 2**33, block, fused)
    places, values = count_sketch.columns(7, 2**33, count, 20)
    sparse_columns.add_dense(np.arange(count + 1), places, values, block, apart)
    np.testing.assert_array_equal(fused, apart)
