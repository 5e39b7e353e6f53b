"""Every pass of a tall matrix against plain NumPy, for every kind of input."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from rnla.sketch import SparseSign
from rnla.tall import _cut, as_tall

from .kinds import FLOAT32, KINDS, base_matrix

A = base_matrix()
N, D = A.shape
DENSE = A.astype(float)
RNG = np.random.default_rng(1)
M = RNG.standard_normal((D, 4))
SCALE = RNG.uniform(0.1, 3.0, N)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def tall(kind):
    return as_tall(KINDS[kind](A))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 64 rows, so that 500 rows make eight of them."""
    monkeypatch.setattr(_cut, "_BLOCK_ELEMENTS", 64)


def close(result, expected, rtol=1e-13):
    np.testing.assert_allclose(result, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


def test_shape_dtype_and_kind(tall, kind):
    assert tall.shape == (N, D)
    assert tall.dtype == (np.float32 if kind in FLOAT32 else np.float64)
    assert tall.is_sparse == (kind[:3] in ("CSR", "CSC", "COO"))
    per_row = (DENSE != 0).sum(axis=1) if tall.is_sparse else np.full(N, D)
    assert tall.pair_count == np.sum(per_row**2)
    assert f"shape=({N}, {D})" in repr(tall)


def test_scan(tall):
    scan = tall.scan()
    np.testing.assert_array_equal(scan.column_max, np.abs(DENSE).max(axis=0))
    np.testing.assert_array_equal(scan.row_max, np.abs(DENSE).max(axis=1))
    assert tall.scan() is scan
    assert tall.passes == 1


def test_blocks_cover_the_rows_in_order(tall):
    parts, expected_start = [], 0
    for start, block in tall.blocks():
        assert start == expected_start
        expected_start += block.shape[0]
        if isinstance(block, np.ndarray):
            assert block.dtype == np.float64
            assert block.flags.c_contiguous
        else:
            assert isinstance(block, sp.csr_array)
            assert block.has_canonical_format
            block = block.toarray()
        parts.append(block)
    np.testing.assert_array_equal(np.vstack(parts), DENSE)
    assert len(parts) > 1
    assert tall.passes == 1


def test_scan_with_gram_is_both_in_one_pass(tall):
    plain = as_tall(tall.take(np.arange(N)))
    scan = tall.scan(with_gram=True)
    np.testing.assert_array_equal(scan.column_max, plain.scan().column_max)
    np.testing.assert_array_equal(scan.row_max, plain.scan().row_max)
    np.testing.assert_array_equal(tall.gram(), plain.gram())
    assert tall.passes == (2 if tall.is_sparse else 1)
    tall.gram()[:] = 0.0  # a copy
    np.testing.assert_array_equal(tall.gram(), plain.gram())
    np.testing.assert_array_equal(tall.gram(row_scale=SCALE), plain.gram(row_scale=SCALE))


def test_scan_with_gram_of_entries_whose_squares_overflow():
    tall = as_tall(np.array([[1e200, 1.0], [-1e250, 2.0]]))
    np.testing.assert_array_equal(tall.scan(with_gram=True).column_max, [1e250, 2.0])
    with pytest.raises(ValueError, match="NaN or infinity, the first is row 1"):
        as_tall(np.array([[1e200, 1.0], [np.nan, 2.0], [0.0, np.inf]])).scan(with_gram=True)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("mapped", [False, True])
def test_gram(tall, scaled, mapped):
    B = DENSE @ M if mapped else DENSE
    B = B * SCALE[:, None] if scaled else B
    G = tall.gram(row_scale=SCALE if scaled else None, M=M if mapped else None)
    close(G, B.T @ B)
    np.testing.assert_array_equal(G, G.T)
    assert tall.passes == 1


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("mapped", [False, True])
def test_row_norms(tall, p, mapped):
    B = DENSE @ M if mapped else DENSE
    close(tall.row_norms(M if mapped else None, p=p), np.linalg.norm(B, ord=p, axis=1))
    assert tall.passes == 1


def test_quadratic(tall):
    close(tall.quadratic(M @ M.T), np.einsum("ij,jk,ik->i", DENSE, M @ M.T, DENSE), rtol=1e-12)


@pytest.mark.parametrize("columns", [None, 1, 3])
def test_products(tall, columns):
    shape = () if columns is None else (columns,)
    X, Y = RNG.standard_normal((D, *shape)), RNG.standard_normal((N, *shape))
    close(tall.matmul(X), DENSE @ X)
    close(tall.rmatmul(Y), DENSE.T @ Y)
    assert tall.passes == 2


@pytest.mark.parametrize("row_scaled", [False, True])
@pytest.mark.parametrize("column_scaled", [False, True])
def test_sketch(tall, row_scaled, column_scaled):
    S = SparseSign(20, N).draw(3)
    explicit = S.apply_block(0, np.eye(N))
    B = DENSE * SCALE[:, None] if row_scaled else DENSE
    column = 2.0 ** np.arange(D)
    B = B * column if column_scaled else B
    result = tall.sketch(
        S,
        row_scale=SCALE if row_scaled else None,
        column_scale=column if column_scaled else None,
    )
    close(result, explicit @ B)
    assert tall.passes == 1


def test_take_keeps_kind_dtype_and_order(tall, kind):
    rows = np.array([499, 0, 17, 17])
    taken = tall.take(rows)
    assert taken.dtype == tall.dtype
    assert sp.issparse(taken) == tall.is_sparse
    dense = taken.toarray() if sp.issparse(taken) else taken
    np.testing.assert_array_equal(dense, DENSE[rows])
    assert tall.passes == 0


def test_input_is_not_modified_and_dense_input_not_copied(kind):
    given_input = KINDS[kind](A)
    before = given_input.copy()
    tall = as_tall(given_input)
    tall.scan()
    tall.gram(row_scale=SCALE)
    tall.row_norms(M)
    tall.sketch(SparseSign(20, N).draw(0), row_scale=SCALE, column_scale=np.full(D, 2.0))
    if sp.issparse(before):
        if kind == "COO" or not hasattr(before, "indices"):
            np.testing.assert_array_equal(given_input.toarray(), before.toarray())
        else:
            for name in ("data", "indices", "indptr"):
                np.testing.assert_array_equal(getattr(given_input, name), getattr(before, name))
    else:
        np.testing.assert_array_equal(given_input, before)
    if isinstance(given_input, np.ndarray):
        assert np.shares_memory(tall._engine._source._array, given_input)


@given(n=st.integers(1, 300), d=st.integers(1, 6), elements=st.sampled_from([64, 500, 2**16]))
def test_any_shape_and_block_size(n, d, elements):
    B = np.random.default_rng(n + 1000 * d).standard_normal((n, d))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cut, "_BLOCK_ELEMENTS", elements)
        for kind in (np.asarray, sp.csr_array):
            tall = as_tall(kind(B), require_tall=False)
            close(tall.gram(), B.T @ B)
            close(tall.row_norms(), np.linalg.norm(B, axis=1))
            np.testing.assert_array_equal(tall.scan().row_max, np.abs(B).max(axis=1))


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e170, 1e300])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.5, np.inf])
@pytest.mark.parametrize("kind_of", [np.asarray, sp.csr_array])
def test_row_norms_of_extreme_scales(scale, p, kind_of):
    B = np.array([[3.0, -4.0], [0.0, 0.0], [1.0, 0.0]])
    expected = scale * np.linalg.norm(B, ord=p, axis=1)
    np.testing.assert_allclose(as_tall(kind_of(B * scale)).row_norms(p=p), expected, rtol=1e-13)


def test_as_tall_returns_a_tall_matrix_unchanged():
    tall = as_tall(DENSE)
    assert as_tall(tall) is tall
