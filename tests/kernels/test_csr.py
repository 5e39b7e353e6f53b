"""csr_gram, csr_row_norms, csr_quadratic: sparse row kernels against dense NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from rnla.kernels.csr_gram import add_csr_gram
from rnla.kernels.csr_quadratic import csr_quadratic
from rnla.kernels.csr_row_norms import csr_row_norms


def sparse_rows(dtype=np.float64, index_dtype=np.int32, n=50, d=9, density=0.3, seed=0):
    A = sp.random_array((n, d), density=density, rng=np.random.default_rng(seed), format="csr")
    A.data -= 0.5
    A = A.astype(dtype)
    A.indices, A.indptr = A.indices.astype(index_dtype), A.indptr.astype(index_dtype)
    return A


@pytest.fixture(params=[(np.float64, np.int32), (np.float32, np.int64)], ids=["f64-i32", "f32-i64"])
def A(request):
    return sparse_rows(*request.param)


@pytest.mark.parametrize("scaled", [False, True])
def test_gram_adds_the_upper_triangle(A, scaled):
    dense = A.toarray().astype(float)
    scale = np.random.default_rng(1).uniform(0.0, 2.0, 50) if scaled else None
    before = np.random.default_rng(2).standard_normal((9, 9))
    out = before.copy()
    add_csr_gram(A.data, A.indices, A.indptr, scale, out)
    weighted = dense if scale is None else dense * scale[:, None]
    np.testing.assert_allclose(out, before + np.triu(weighted.T @ weighted), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0, np.inf])
@pytest.mark.parametrize("k", [1, 4, 9])
def test_row_norms_match_numpy(A, p, k):
    M = np.random.default_rng(3).standard_normal((9, k))
    result = csr_row_norms(A.data, A.indices, A.indptr, M, p)
    expected = np.linalg.norm(A.toarray().astype(float) @ M, ord=p, axis=1)
    np.testing.assert_allclose(result, expected, rtol=1e-13)


@pytest.mark.parametrize("scale", [1e-300, 1e-250, 1e250, 1e300])
def test_row_norms_neither_overflow_nor_underflow(scale):
    A = sp.csr_array(np.array([[3.0, 4.0], [0.0, 0.0]]))
    result = csr_row_norms(A.data * scale, A.indices, A.indptr, np.eye(2), 2.0)
    np.testing.assert_allclose(result, [5.0 * scale, 0.0], rtol=1e-13)


def test_quadratic_forms_match_numpy(A):
    B = np.random.default_rng(4).standard_normal((9, 9))
    P = B @ B.T
    dense = A.toarray().astype(float)
    np.testing.assert_allclose(
        csr_quadratic(A.data, A.indices, A.indptr, P),
        np.einsum("ij,jk,ik->i", dense, P, dense),
        rtol=1e-12,
    )
