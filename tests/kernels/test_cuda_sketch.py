"""Sketches on the emulated GPU: the draws of the CPU, its sums too, or to rounding if atomic."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp

from rnla.kernels import count_sketch, sparse_columns, sparse_sign

from .cuda_host.device import EmulatedArray, EmulatorError
from .test_sparse_sign import plain_column

KEY = 0xFEDCBA9876543210
SHAPES = [(1, 1), (700, 1), (33, 2), (300, 3), (1, 70), (100, 33), (64, 32), (0, 4), (5, 0)]


def block_of(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("count", [0, 1, 257, 1000])
@pytest.mark.parametrize("rows", [1, 7, 2**32])
def test_columns_of_a_count_sketch(gpu, count, rows):
    found = count_sketch.columns(KEY, 2**33 - 5, count, rows, 3, like=gpu.zeros(1, np.int64))
    for one, other in zip(found, count_sketch.columns(KEY, 2**33 - 5, count, rows, 3), strict=True):
        assert isinstance(one, EmulatedArray)
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("rows,nonzeros", [(1, 1), (8, 8), (9, 8), (40, 8), (1000, 3), (17, 13)])
def test_columns_of_a_sparse_sign_sketch(gpu, rows, nonzeros):
    places, signs = sparse_sign.columns(
        KEY, 2**33, 300, rows, nonzeros, like=gpu.zeros(1, np.int64)
    )
    expected = sparse_sign.columns(KEY, 2**33, 300, rows, nonzeros)
    np.testing.assert_array_equal(places, expected[0])
    np.testing.assert_array_equal(signs, expected[1])
    for i in (0, 299):
        np.testing.assert_array_equal(places[i], plain_column(2**33 + i, rows, nonzeros)[0])


@pytest.mark.parametrize("counts", [[3, 0, 1, 8, 0, 5], [0, 0], []])
def test_ragged_columns(gpu, counts):
    indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    found = sparse_sign.ragged_columns(KEY, 7, 11, gpu.put(indptr))
    for one, other in zip(found, sparse_sign.ragged_columns(KEY, 7, 11, indptr), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["count_sketch", "sparse_sign"])
def test_sketches_of_blocks(gpu, kind, shape, dtype):
    """Deterministic ones add in the order of the CPU: the same bits. Atomic ones differ by less
    than the number of terms times the unit roundoff times the sum of their sizes."""
    block = block_of(shape, dtype)
    rows = 11
    before = block_of((rows, shape[1]), np.float64, seed=1)

    def sketch(block, out, **options):
        if kind == "count_sketch":
            count_sketch.add_dense(KEY, 1000, block, out, **options)
        else:
            sparse_sign.add_dense(KEY, 1000, block, 5, out, **options)
        return out

    expected = sketch(block.astype(np.float64), before.copy())
    found = sketch(gpu.put(block), gpu.put(before))
    np.testing.assert_array_equal(found, expected)
    loose = sketch(gpu.put(block), gpu.put(before), deterministic=False)
    sizes = abs(block).astype(np.float64).sum(axis=0) + abs(before).max(axis=0, initial=0.0)
    assert np.all(abs(loose - expected) <= (shape[0] + 1) * 2.0**-53 * sizes)


def test_more_entries_than_are_sorted_at_a_time_and_than_shared_memory_holds(gpu, monkeypatch):
    from rnla.kernels.sparse_columns import cuda

    block = block_of((90, 3), np.float64)
    expected = np.zeros((200, 3))
    sparse_sign.add_dense(KEY, 0, block, 100, expected)
    loose = gpu.zeros((200, 3), np.float64)
    sparse_sign.add_dense(KEY, 0, gpu.put(block), 100, loose, deterministic=False)
    np.testing.assert_allclose(loose, expected, rtol=1e-12, atol=1e-13)
    monkeypatch.setattr(cuda, "MOST_ENTRIES", 1000)
    found = gpu.zeros((200, 3), np.float64)
    sparse_sign.add_dense(KEY, 0, gpu.put(block), 100, found)
    np.testing.assert_array_equal(found, expected)
    assert sum(launch.function == "entry_keys" for launch in gpu.launches) == 9


def columns_of(counts, rows, seed=0):
    """Columns with so many entries each, in distinct rows."""
    rng = np.random.default_rng(seed)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    places = [rng.permutation(rows)[:count] for count in counts]
    return indptr, np.concatenate([*places, []]).astype(np.int64), rng.standard_normal(indptr[-1])


@pytest.mark.parametrize("d", [1, 5, 40])
@pytest.mark.parametrize("density", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("types", [(np.float64, np.int32), (np.float32, np.int64)])
def test_products_with_sparse_columns(gpu, d, density, types):
    S = columns_of([3, 0, 1, 4, 9, 2] * 20, 9)
    A = sp.random_array((120, d), density=density, rng=np.random.default_rng(2), format="csr")
    csr = A.data.astype(types[0]), A.indices.astype(types[1]), A.indptr.astype(types[1])
    dense = A.toarray().astype(types[0])
    on_gpu = [gpu.put(array) for array in S]
    for method, block in [
        (sparse_columns.add_dense, (dense,)),
        (sparse_columns.add_csr, csr),
    ]:
        expected = block_of((9, d), np.float64, seed=3)
        found, loose = gpu.put(expected), gpu.put(expected)
        as_double = (block[0].astype(np.float64), *block[1:])
        method(*S, *as_double, expected)
        given = [gpu.put(array) for array in block]
        method(*on_gpu, *given, found)
        method(*on_gpu, *given, loose, deterministic=False)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(loose, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("k", [0, 1, 7, 40])
def test_transposed_products(gpu, k):
    S = columns_of([3, 0, 1, 4, 9, 2] * 20, 9)
    Y = block_of((9, k), np.float64)
    found = sparse_columns.transposed(*map(gpu.put, S), gpu.put(Y))
    np.testing.assert_array_equal(found, sparse_columns.transposed(*S, Y))


def test_not_a_number_stays_in_its_column(gpu):
    block = block_of((50, 4), np.float64)
    block[17, 2] = np.nan
    block[3, 1] = np.inf
    for deterministic in (True, False):
        out = gpu.zeros((6, 4), np.float64)
        sparse_sign.add_dense(KEY, 0, gpu.put(block), 2, out, deterministic=deterministic)
        assert np.isnan(out[:, 2]).sum() == 2
        assert np.isinf(out[:, 1]).sum() == 2
        assert np.isfinite(out[:, [0, 3]]).all()


def test_arrays_of_two_kinds_and_unfit_results_are_refused(gpu):
    block, out = block_of((4, 2), np.float64), gpu.zeros((3, 2), np.float64)
    with pytest.raises(TypeError, match=r"arrays: got .*numpy.*; expected arrays of one kind"):
        count_sketch.add_dense(KEY, 0, block, out)
    with pytest.raises(TypeError, match="out: got float32"):
        count_sketch.add_dense(KEY, 0, gpu.put(block), gpu.zeros((3, 2), np.float32))


def test_a_result_that_is_too_small_is_caught(gpu):
    """Companion: what a wrong launch would write over is guarded."""
    out = gpu.zeros((2, 3), np.float64)
    count_sketch.add_dense(KEY, 0, gpu.put(np.ones((64, 3))), out, deterministic=False)
    launch = gpu.launches[-1]
    assert launch.function == "add_dense"
    small = gpu.zeros((1, 3), np.float64)
    arguments = (*launch.arguments[:-1], small)  # one row where two are drawn
    with pytest.raises(EmulatorError, match="outside of all memory"):
        gpu.run(dataclasses.replace(launch, arguments=arguments))
