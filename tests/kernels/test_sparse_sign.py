"""sparse_sign: places, signs and products against a plain reference; any block, the same bits."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from rnla.kernels import sparse_sign

from .test_philox import plain_words

KEY = 0xFEDCBA9876543210


def plain_column(index, rows, nonzeros):
    """Column `index` of S on Python integers: Floyd's sampling from 31 bits, sign from the last."""
    taken, signs = [], []
    for entry in range(nonzeros):
        word = plain_words(KEY, index, entry // 4, 0)[entry % 4]
        choices = rows - nonzeros + entry + 1
        place = ((word >> 1) * choices) >> 31
        taken.append(choices - 1 if place in taken else place)
        signs.append(1.0 - 2.0 * (word & 1))
    return taken, signs


def plain_matrix(start, count, rows, nonzeros):
    S = np.zeros((rows, count))
    for i in range(count):
        taken, signs = plain_column(start + i, rows, nonzeros)
        S[taken, i] = np.array(signs) / np.sqrt(nonzeros)
    return S


@pytest.mark.parametrize("rows,nonzeros", [(1, 1), (8, 8), (9, 8), (40, 8), (1000, 3), (17, 13)])
def test_columns_match_the_plain_reference(rows, nonzeros):
    places, signs = sparse_sign.columns(KEY, 2**33, 25, rows, nonzeros)
    expected = [plain_column(2**33 + i, rows, nonzeros) for i in range(25)]
    np.testing.assert_array_equal(places, [taken for taken, _ in expected])
    np.testing.assert_array_equal(signs, [sign for _, sign in expected])


def test_places_are_distinct_and_in_range():
    places, _ = sparse_sign.columns(KEY, 0, 2000, 12, 8)
    assert places.min() >= 0
    assert places.max() < 12
    assert all(len(set(row)) == 8 for row in places)


@pytest.mark.parametrize("start", [0, 5, 2**40])
@pytest.mark.parametrize("kind", ["dense", "csr32", "csr64"])
def test_products_match_the_explicit_matrix(start, kind):
    block = np.random.default_rng(0).standard_normal((30, 7))
    block[np.abs(block) < 0.5] = 0.0
    before = np.random.default_rng(1).standard_normal((20, 7))
    out = before.copy()
    if kind == "dense":
        sparse_sign.add_dense_sketch(KEY, start, block, 8, out)
    else:
        if kind == "csr32":
            block = block.astype(np.float32).astype(float)
        csr = sp.csr_array(block.astype(np.float32) if kind == "csr32" else block)
        sparse_sign.add_csr_sketch(KEY, start, csr.data, csr.indices, csr.indptr, 8, out)
    expected = before + plain_matrix(start, 30, 20, 8) @ block
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-14)
