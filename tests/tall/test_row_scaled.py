"""diag(s) A must be the matrix that NumPy would put together, at any home of the rows."""

from __future__ import annotations

import pickle
from functools import partial

import dask.array as da
import numpy as np
import pytest

import rnla
from rnla.tall import _visits
from rnla.tall.row_scaled import _visit_scaled
from tests.tall.test_bordered import HOMES, D, N, _data


@pytest.mark.parametrize("home", HOMES)
def test_scaled_rows_are_the_dense_product(home, tmp_path):
    A, v = _data()
    s = np.abs(v)
    whole = A * s[:, None]
    tall = rnla.as_tall(HOMES[home](A, tmp_path))
    scaled = tall.scaled_rows(s)
    np.testing.assert_array_equal(scaled.scan().column_max, np.abs(whole).max(axis=0))
    np.testing.assert_array_equal(scaled.matmul(np.eye(D)), whole)
    np.testing.assert_allclose(scaled.gram(row_scale=s), (whole * s[:, None] ** 2).T @ whole)
    rows = scaled.take(np.array([0, 2, N - 1]))
    rows = rows if isinstance(rows, np.ndarray) else rows.toarray()
    np.testing.assert_array_equal(rows, whole[[0, 2, N - 1]])
    blocks = [b if isinstance(b, np.ndarray) else b.toarray() for _, b in scaled.blocks()]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    units = np.arange(1.0, D + 1.0)
    twin = scaled.twin(units)
    np.testing.assert_array_equal(twin.matmul(np.eye(D)), whole * units)
    assert scaled.passes == tall.passes


def test_a_border_can_be_scaled():
    A, v = _data()
    s = np.abs(v)
    scaled = rnla.as_tall(A).with_columns(v, ones=True).scaled_rows(s)
    whole = np.column_stack([A, v, np.ones(N)]) * s[:, None]
    np.testing.assert_array_equal(scaled.matmul(np.eye(D + 2)), whole)


def test_factors_that_stay_on_workers():
    A, v = _data()
    s = np.abs(v)
    tall = rnla.as_tall(da.from_array(A, chunks=(900, D))).distributed()
    scaled = tall.scaled_rows(rnla.tall.rows.aligned(da.from_array(s, chunks=900)))
    np.testing.assert_array_equal(scaled.gram(), rnla.as_tall(A).scaled_rows(s).gram())
    np.testing.assert_array_equal(scaled.take(np.array([4])), A[[4]] * s[4])


def test_a_visit_of_scaled_rows_can_be_sent_elsewhere():
    pickle.loads(pickle.dumps(partial(_visit_scaled, _visits.rmatmul, ())))
