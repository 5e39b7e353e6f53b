"""sparse_sign: places and signs against a plain reference; any block, the same bits."""

from __future__ import annotations

import numpy as np
import pytest

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


def test_ragged_columns_match_the_plain_reference():
    counts = [3, 0, 1, 8, 0, 5]
    indptr = np.concatenate([[0], np.cumsum(counts)])
    places, signs = sparse_sign.ragged_columns(KEY, 7, 11, indptr)
    for i, count in enumerate(counts):
        here = slice(indptr[i], indptr[i + 1])
        taken, expected = plain_column(7 + i, 11, count)
        np.testing.assert_array_equal(places[here], taken)
        np.testing.assert_array_equal(signs[here], expected)


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_batches_of_columns_end_anywhere(count):
    places, signs = sparse_sign.columns(KEY, 3, count, 20, 5)
    more_places, more_signs = sparse_sign.columns(KEY, 0, 200, 20, 5)
    np.testing.assert_array_equal(places, more_places[3 : 3 + count])
    np.testing.assert_array_equal(signs, more_signs[3 : 3 + count])
