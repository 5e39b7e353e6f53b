"""Gram matrices, quadratic forms and exact sums on the emulated GPU: the bits of the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from rnla.kernels import split_rows, two_sum
from rnla.kernels.csr_gram import add_csr_gram
from rnla.kernels.csr_quadratic import csr_quadratic
from rnla.kernels.gram import add_gram

from .test_cuda_rows import csr

TYPES = [(np.float64, np.int32), (np.float32, np.int64)]
MATRICES = [((70, 9), 0.3), ((1, 4), 1.0), ((5, 5), 0.0), ((40, 50), 0.9)]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (7, 70), (300, 5), (90, 130)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scaled", [False, True])
def test_gram_matrices(gpu, monkeypatch, shape, dtype, scaled):
    """To rounding, and symmetric to the last bit; one run of rows, or several."""
    from rnla.kernels.gram import cuda

    rng = np.random.default_rng(6)
    A = rng.standard_normal(shape).astype(dtype)
    scale = rng.uniform(0.0, 2.0, shape[0]) if scaled else None
    before = np.eye(shape[1])
    for shortest in (cuda.SHORTEST_RUN, 32):
        monkeypatch.setattr(cuda, "SHORTEST_RUN", shortest)
        found = gpu.put(before)
        add_gram(gpu.put(A), None if scale is None else gpu.put(scale), found)
        expected = before.copy()
        add_gram(A, scale, expected)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("shape,density", MATRICES)
@pytest.mark.parametrize("scaled", [False, True])
def test_gram_matrices_of_sparse_rows(gpu, monkeypatch, shape, density, types, scaled):
    """With float32 entries the CPU's products are of the same doubles."""
    from rnla.kernels.sparse_columns import cuda

    A = csr(shape, density, *types)
    rng = np.random.default_rng(1)
    scale = rng.uniform(0.0, 2.0, shape[0]) if scaled else None
    expected = rng.standard_normal((shape[1], shape[1]))
    found, cut = gpu.put(expected), gpu.put(expected)
    add_csr_gram(*A, scale, expected)
    there = [*map(gpu.put, A), None if scale is None else gpu.put(scale)]
    add_csr_gram(*there, found)
    np.testing.assert_array_equal(found, expected)
    monkeypatch.setattr(cuda, "MOST_ENTRIES", 100)
    add_csr_gram(*there, cut)
    np.testing.assert_array_equal(cut, expected)


@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("shape,density", MATRICES)
def test_quadratic_forms_of_sparse_rows(gpu, shape, density, types):
    A = csr(shape, density, *types)
    B = np.random.default_rng(2).standard_normal((shape[1], shape[1]))
    found = csr_quadratic(*map(gpu.put, A), gpu.put(B @ B.T))
    np.testing.assert_array_equal(found, csr_quadratic(*A, B @ B.T))


@pytest.mark.parametrize("shape", [(0,), (1,), (700,), (9, 5)])
def test_sums_with_their_errors(gpu, shape):
    rng = np.random.default_rng(3)
    total, term = rng.standard_normal(shape), rng.standard_normal(shape) * 1e-9
    error = np.zeros(shape)
    there = [gpu.put(array) for array in (total, error, term)]
    two_sum.add_to_pair(*there)
    two_sum.add_to_pair(total, error, term)
    np.testing.assert_array_equal(there[0], total)
    np.testing.assert_array_equal(there[1], error)
    assert not error.size or np.abs(error).max() > 0.0


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (70, 5), (9, 70)])
def test_splitting_of_dense_rows(gpu, shape):
    rng = np.random.default_rng(4)
    block = rng.standard_normal(shape) * 10.0 ** rng.integers(-9, 9, shape)
    block[:1] = 0.0
    scale = 2.0 ** rng.integers(-3, 3, shape[1])
    found = split_rows.split_dense(gpu.put(block), gpu.put(scale), 20)
    np.testing.assert_array_equal(found, split_rows.split_dense(block, scale, 20))


@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("shape,density", MATRICES)
def test_splitting_of_sparse_rows(gpu, shape, density, types):
    A = csr(shape, density, *types)
    scale = 2.0 ** np.random.default_rng(5).integers(-3, 3, shape[1])
    found = split_rows.split_csr(*map(gpu.put, A), gpu.put(scale), 20)
    for one, other in zip(found, split_rows.split_csr(*A, scale, 20), strict=True):
        np.testing.assert_array_equal(one, other)
    dense = sp.csr_array((found[0] + found[1], A[1], A[2]), shape=shape).toarray()
    given = sp.csr_array(A, shape=shape).toarray().astype(np.float64)
    np.testing.assert_array_equal(dense, given * scale)
