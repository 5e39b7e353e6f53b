"""scan: maxima of absolute values, dense and CSR, with NaN and infinity kept."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from rnla.kernels import scan

SHAPES = [(1, 1), (1, 5), (7, 3), (40, 16), (5, 0), (0, 5)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dense_maxima_match_numpy(shape, dtype):
    block = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    column, row = scan.column_and_row_max(block)
    np.testing.assert_array_equal(column, np.abs(block).max(axis=0, initial=0.0))
    np.testing.assert_array_equal(row, np.abs(block).max(axis=1, initial=0.0))
    assert column.dtype == row.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
def test_csr_maxima_match_numpy(dtype, index_dtype):
    block = sp.random_array((30, 8), density=0.2, rng=np.random.default_rng(1), format="csr")
    block = block.astype(dtype)
    arrays = block.data, block.indices.astype(index_dtype), block.indptr.astype(index_dtype)
    column, row = scan.csr_column_and_row_max(*arrays, 8)
    np.testing.assert_array_equal(column, np.abs(block.toarray()).max(axis=0))
    np.testing.assert_array_equal(row, np.abs(block.toarray()).max(axis=1))


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("sparse", [False, True])
def test_nan_and_infinity_appear_exactly_where_they_are(bad, sparse):
    block = np.random.default_rng(2).standard_normal((6, 4))
    block[2, 1] = bad
    if sparse:
        csr = sp.csr_array(block)
        column, row = scan.csr_column_and_row_max(csr.data, csr.indices, csr.indptr, 4)
    else:
        column, row = scan.column_and_row_max(block)
    np.testing.assert_array_equal(~np.isfinite(column), np.arange(4) == 1)
    np.testing.assert_array_equal(~np.isfinite(row), np.arange(6) == 2)


def test_zeros_of_either_sign_and_subnormals():
    block = np.array([[0.0, -0.0], [-5e-324, 1e-310]])
    column, row = scan.column_and_row_max(block)
    np.testing.assert_array_equal(column, [5e-324, 1e-310])
    np.testing.assert_array_equal(row, [0.0, 1e-310])
