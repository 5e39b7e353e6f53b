"""[A v 1] must be the matrix that NumPy would put together, bit by bit, at any home of the rows."""

from __future__ import annotations

from functools import partial

import dask.array as da
import numpy as np
import pytest
import scipy.sparse as sp

import rnla

N, D = 5_000, 7


def _data():
    rng = np.random.default_rng(3)
    return rng.standard_normal((N, D)), rng.standard_normal(N)


def _npy(A, folder):
    np.save(folder / "A.npy", A)
    return folder / "A.npy"


HOMES = {
    "memory": lambda A, folder: A,
    "sparse": lambda A, folder: sp.csr_array(A),
    "blocks": lambda A, folder: [A[:17], A[17:4000], A[4000:]],
    "npy": _npy,
    "dask": lambda A, folder: da.from_array(A, chunks=(900, 3)),
}


@pytest.mark.parametrize("home", HOMES)
def test_border_is_the_dense_matrix(home, tmp_path):
    A, v = _data()
    whole = np.column_stack([A, v, np.ones(N)])
    tall = rnla.as_tall(HOMES[home](A, tmp_path))
    bordered = tall.with_columns(v, ones=True)
    assert bordered.shape == whole.shape
    plain = rnla.as_tall(sp.csr_array(whole) if home == "sparse" else whole)
    np.testing.assert_array_equal(bordered.scan().column_max, plain.scan().column_max)
    np.testing.assert_allclose(bordered.gram(), plain.gram(), rtol=1e-13, atol=1e-10)
    np.testing.assert_array_equal(bordered.matmul(np.eye(D + 2)), whole)
    rows = bordered.take(np.array([0, 2, N - 1]))
    rows = rows if isinstance(rows, np.ndarray) else rows.toarray()
    np.testing.assert_array_equal(rows, whole[[0, 2, N - 1]])
    joined = [
        block if isinstance(block, np.ndarray) else block.toarray()
        for _, block in bordered.blocks()
    ]
    np.testing.assert_array_equal(np.concatenate(joined), whole)
    twin = bordered.twin(np.arange(1.0, D + 3.0))
    np.testing.assert_array_equal(twin.matmul(np.eye(D + 2)), whole * np.arange(1.0, D + 3.0))


def test_passes_over_the_border_are_passes_over_the_matrix():
    A, v = _data()
    tall = rnla.as_tall(A)
    bordered = tall.with_columns(v)
    bordered.gram()
    bordered.row_norms()
    assert tall.passes == 2 == bordered.passes


def test_other_row_vectors_still_reach_the_visit():
    A, v = _data()
    tall = rnla.as_tall(A).with_columns(v)
    weights = np.random.default_rng(0).uniform(size=N)
    whole = np.column_stack([A, v])
    found = tall.gram(row_scale=weights)
    np.testing.assert_allclose(found, (whole * weights[:, None] ** 2).T @ whole, atol=1e-10)
    np.testing.assert_allclose(tall.rmatmul(weights), whole.T @ weights, atol=1e-10)


def test_ones_keep_single_precision():
    A, _ = _data()
    tall = rnla.as_tall(A.astype(np.float32)).with_columns(ones=True)
    assert tall.dtype == np.float32
    assert tall.take(np.arange(3)).dtype == np.float32


def test_a_vector_that_stays_on_workers():
    A, v = _data()
    tall = rnla.as_tall(da.from_array(A, chunks=(900, D))).distributed()
    bordered = tall.with_columns(da.from_array(v, chunks=1024), ones=True)
    whole = np.column_stack([A, v, np.ones(N)])
    here = rnla.as_tall(A).with_columns(v, ones=True)
    np.testing.assert_array_equal(bordered.gram(), here.gram())
    assert rnla.leverage_scores(bordered).values.sum().compute() == pytest.approx(D + 2)
    np.testing.assert_array_equal(bordered.take(np.array([5, 4444])), whole[[5, 4444]])


def test_leverage_scores_of_a_border():
    A, v = _data()
    found = rnla.leverage_scores(rnla.as_tall(A).with_columns(v))
    wanted = rnla.leverage_scores(np.column_stack([A, v]))
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-10)


def test_a_visit_of_a_border_can_be_sent_elsewhere():
    import pickle

    from rnla.tall import _visits
    from rnla.tall.bordered import _visit_bordered

    visit = partial(_visit_bordered, _visits.rmatmul, 1, True, ())
    pickle.loads(pickle.dumps(visit))
