"""Norms, maxima, powers and kept rows on the emulated GPU, against the CPU and plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from rnla.kernels import philox, poisson_rows, power_rows, row_norms, scan
from rnla.kernels.csr_row_norms import csr_row_norms

from .test_power_rows import rows as rows_of_powers

POWERS = [1.0, 1.5, 2.0, 4.0, np.inf]
SHAPES = [(1, 1), (1, 9), (9, 1), (65, 64), (130, 5), (40, 70), (0, 5), (5, 0)]


def csr(shape, density, dtype=np.float64, index=np.int32, seed=0):
    A = sp.random_array(shape, density=density, rng=np.random.default_rng(seed), format="csr")
    return (A.data - 0.5).astype(dtype), A.indices.astype(index), A.indptr.astype(index)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_row_norms(gpu, shape, dtype):
    rng = np.random.default_rng(1)
    A = rng.standard_normal(shape).astype(dtype)
    Y = A.astype(np.float64)
    for p in POWERS:
        found = row_norms.row_norms(gpu.put(A), p)
        np.testing.assert_allclose(found, row_norms.row_norms(Y, p), rtol=1e-14)
        if shape[1]:
            np.testing.assert_allclose(found, np.linalg.norm(Y, ord=p, axis=1), rtol=1e-14)
    for k, p in zip((0, 1, 3, 65, 40), POWERS, strict=True):
        M = rng.standard_normal((shape[1], k))
        found = row_norms.product_row_norms(gpu.put(A), gpu.put(M), p)
        expected = row_norms.product_row_norms(Y, M, p)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("types", [(np.float64, np.int32), (np.float32, np.int64)])
@pytest.mark.parametrize("shape,density", [((70, 9), 0.3), ((1, 4), 1.0), ((5, 5), 0.0)])
def test_csr_row_norms(gpu, shape, density, types):
    A = csr(shape, density, *types)
    there = [gpu.put(array) for array in A]
    for p in POWERS:
        for k in (0, 1, 4, 40, 150):
            M = np.random.default_rng(3).standard_normal((shape[1], k))
            found = csr_row_norms(*there, gpu.put(M), p)
            expected = csr_row_norms(A[0].astype(np.float64), A[1], A[2], M, p)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


EXTREME = {
    "huge": [3e300, 4e300, 0.0],
    "tiny": [3e-300, 4e-300, 0.0],
    "subnormal": [5e-324, 0.0, 0.0],
    "zero": [0.0, -0.0, 0.0],
    "infinite": [np.inf, 1.0, -np.inf],
    "not a number": [1.0, np.nan, 2.0],
    "neither": [np.inf, 1.0, np.nan],
    "wide": [1e300, 1e-300, 1.0],
}


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, np.inf])
@pytest.mark.parametrize("name", EXTREME)
def test_extreme_rows_have_the_same_norms_everywhere(gpu, name, p):
    """The largest entry times a number of 1 to 3; NaN and infinity stay what they are."""
    row = np.array(EXTREME[name])
    largest = np.abs(row).max()
    with np.errstate(all="ignore"):
        factor = np.linalg.norm(row / largest, ord=p) if 0 < largest < np.inf else 1.0
    # A subnormal number has few digits.
    expected, tolerance = largest * factor, {"rtol": 1e-14, "atol": 0.0}
    order = np.argsort(np.random.default_rng(0).random(3))
    for y in (row, row[order]):
        rows = np.stack([y, np.ones(3)])
        identity = np.eye(3)
        data = y[y != 0.0], np.flatnonzero(y).astype(np.int32)
        starts = np.array([0, data[0].size], dtype=np.int32)
        answers = {
            "cpu": row_norms.row_norms(rows, p)[0],
            "gpu": row_norms.row_norms(gpu.put(rows), p)[0],
        }
        if np.isfinite(y).all():  # 0 * inf in the product is NaN
            answers["product"] = row_norms.product_row_norms(gpu.put(rows), gpu.put(identity), p)[0]
            answers["csr"] = csr_row_norms(*map(gpu.put, (*data, starts)), gpu.put(identity), p)[0]
        for where, found in answers.items():
            np.testing.assert_allclose(found, expected, **tolerance, err_msg=where)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("k", [1, 64, 70])
def test_an_infinite_entry_makes_its_row_infinite(gpu, p, k):
    """Tiles are filled with zeros beyond k columns, and zero times infinity is not counted."""
    A, M = np.ones((3, 2)), np.ones((2, k))
    A[1, 0] = np.inf
    found = row_norms.product_row_norms(gpu.put(A), gpu.put(M), p)
    expected = row_norms.product_row_norms(A, M, p)
    assert np.isinf(found[1])
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("p", POWERS)
def test_products_that_are_not_finite(gpu, p):
    """inf - inf in the product: NaN from every kernel, and only in its row."""
    A = np.array([[1.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
    M = np.array([[np.inf, 1.0], [-np.inf, 1.0]])
    sparse = sp.csr_array(A)
    csr_ = sparse.data, sparse.indices, sparse.indptr
    expected = np.array([np.nan, np.inf, np.nan])
    np.testing.assert_array_equal(csr_row_norms(*csr_, M, p), expected)
    np.testing.assert_array_equal(csr_row_norms(*map(gpu.put, csr_), gpu.put(M), p), expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_maxima(gpu, shape, dtype):
    block = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    for found, expected in zip(
        scan.column_and_row_max(gpu.put(block)), scan.column_and_row_max(block), strict=True
    ):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("types", [(np.float64, np.int32), (np.float32, np.int64)])
@pytest.mark.parametrize("shape,density", [((70, 9), 0.3), ((1, 4), 1.0), ((5, 5), 0.0)])
def test_csr_maxima(gpu, shape, density, types):
    A = csr(shape, density, *types)
    found = scan.csr_column_and_row_max(*map(gpu.put, A), shape[1])
    for one, other in zip(found, scan.csr_column_and_row_max(*A, shape[1]), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_bad_entries_are_found_where_they_are(gpu, bad):
    block = np.random.default_rng(2).standard_normal((6, 4))
    block[2, 1] = bad
    sparse = sp.csr_array(block)
    for column, row in (
        scan.column_and_row_max(gpu.put(block)),
        scan.csr_column_and_row_max(
            gpu.put(sparse.data), gpu.put(sparse.indices), gpu.put(sparse.indptr), 4
        ),
    ):
        np.testing.assert_array_equal(~np.isfinite(column), np.arange(4) == 1)
        np.testing.assert_array_equal(~np.isfinite(row), np.arange(6) == 2)


@pytest.mark.parametrize("count", [0, 1, 777, 5000])
@pytest.mark.parametrize("start", [0, 2**33 - 7])
def test_rows_that_a_poisson_sample_keeps(gpu, count, start):
    rng = np.random.default_rng(4)
    q = rng.random(count) ** 3
    q[rng.random(count) < 0.1] = 1.0
    q[rng.random(count) < 0.1] = 0.0
    q[:1] = 1e-301
    key = 99
    plain = start + np.flatnonzero((philox.uniform_range(key, start, count) < q) & (q >= 1e-300))
    for found in (
        poisson_rows.poisson_rows(key, start, q, 1e-300),
        poisson_rows.poisson_rows(key, start, gpu.put(q), 1e-300),
    ):
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, plain)


def test_no_row_or_all_rows_or_not_a_number(gpu):
    for value, kept in [(0.0, 0), (1.0, 2100), (np.nan, 0)]:
        q = np.full(2100, value)
        for one in (q, gpu.put(q)):
            assert poisson_rows.poisson_rows(1, 0, one, 1e-300).size == kept


@pytest.mark.parametrize("n", [0, 1, 777, 5000])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_of_powers(gpu, n, weighted):
    """To rounding: the CPU may reassociate its sums and products."""
    p = 1.3
    if n < 4:
        r, held, power, w = np.full((4, n), 0.7)
    else:
        r, held, power, w, _ = rows_of_powers(p, n)
    rng = np.random.default_rng(1)
    known = np.column_stack([rng.standard_normal(n), rng.uniform(0.1, 3.0, n)])
    bend = rng.standard_normal(n)
    w = w if weighted else None
    on_gpu = [None if a is None else gpu.put(a) for a in (r, held, power, known, bend, w)]
    g_r, g_held, g_power, g_known, g_bend, g_w = on_gpu
    for found, expected in [
        (
            power_rows.power_rows(g_r, g_power, g_w, 3.0, 0.1),
            power_rows.power_rows(r, power, w, 3.0, 0.1),
        ),
        (
            power_rows.guided_power_rows(g_r, g_held, g_power, g_known, g_bend, g_w, p, 0.3),
            power_rows.guided_power_rows(r, held, power, known, bend, w, p, 0.3),
        ),
        (power_rows.held_rows(g_r, g_bend, 3.0, 0.5), power_rows.held_rows(r, bend, 3.0, 0.5)),
        ([power_rows.scaled_rows(g_known, g_bend)], [power_rows.scaled_rows(known, bend)]),
    ]:
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-13)
    for launch in gpu.launches:
        assert launch.grid[0] <= max(1, -(-n // 128))
