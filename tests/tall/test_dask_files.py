"""Files that workers of Dask read themselves: the bits of rows in memory, little that travels."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import rnla
from rnla.tall import _cut, as_tall, dask_files

from .array_homes import DENSE, SPARSE

dask = pytest.importorskip("dask")

N, D = 5000, 6
FILES = [home for home in (*DENSE, *SPARSE) if "block" not in home and "generator" not in home]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(_cut, "_BLOCK_ELEMENTS", 2**8)  # strips of 1024 rows
    monkeypatch.setattr(dask_files, "_CHUNK_BYTES", 1)  # chunks of one strip


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


def matrix():
    rng = np.random.default_rng(7)
    return rng.standard_normal((N, D)) * (rng.uniform(size=(N, D)) < 0.7)


@pytest.mark.parametrize("home", FILES)
def test_passes_have_the_bits_of_rows_in_memory(home, tmp_path):
    A = matrix()
    make = DENSE.get(home) or SPARSE[home]
    there = as_tall(make(A, tmp_path), dask=True)
    here = as_tall(sp.csr_array(A) if home in SPARSE else A)
    assert (there.shape, there.dtype, there.is_sparse) == (here.shape, here.dtype, here.is_sparse)
    np.testing.assert_array_equal(there.gram(), here.gram())
    np.testing.assert_array_equal(there.row_norms(), here.row_norms())
    rows = np.array([0, 1023, 1024, 4999])
    taken, wanted = there.take(rows), here.take(rows)
    if home in SPARSE:
        taken, wanted = taken.toarray(), wanted.toarray()
    np.testing.assert_array_equal(taken, wanted)


def test_categories_are_spread_with_their_names(tmp_path):
    frame = pd.DataFrame({"x": matrix()[:, 0], "city": np.arange(N) % 3})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=700)
    options = {"one_hot": ["city"], "drop": "first"}
    there = as_tall(tmp_path / "t.parquet", dask=True, **options)
    here = as_tall(tmp_path / "t.parquet", **options)
    assert there.column_names == here.column_names == ("x", "city=1", "city=2")
    np.testing.assert_array_equal(there.gram(), here.gram())


def test_an_embedding_is_the_one_in_memory(tmp_path):
    A = matrix()
    np.save(tmp_path / "a.npy", A)
    options = {"size": 200, "certify": False, "rng": 3}
    there = rnla.lp_subspace_embedding(as_tall(tmp_path / "a.npy", dask=True), 1, **options)
    here = rnla.lp_subspace_embedding(A, 1, **options)
    np.testing.assert_array_equal(there.indices, here.indices)
    np.testing.assert_array_equal(there.weights, here.weights)
    np.testing.assert_array_equal(there.sample.take(as_tall(tmp_path / "a.npy")), A[here.indices])


def test_a_few_hundred_bytes_describe_a_file(tmp_path):
    np.save(tmp_path / "a.npy", matrix())
    engine = as_tall(tmp_path / "a.npy", dask=True)._engine
    assert len(pickle.dumps(engine._rows.collection.compute())) < 2000


def test_blocks_and_arrays_are_refused(tmp_path):
    with pytest.raises(rnla.ArgumentError, match=r"^dask: got True, with A an iterable of blocks"):
        as_tall([matrix(), matrix()], dask=True)
    with pytest.raises(rnla.ArgumentError, match=r"^dask: got True for a matrix in memory"):
        as_tall(matrix(), dask=True)


def test_a_file_that_changes_between_passes_is_named(tmp_path):
    np.save(tmp_path / "a.npy", matrix())
    there = as_tall(tmp_path / "a.npy", dask=True)
    there.gram()
    np.save(tmp_path / "a.npy", matrix()[:-1])
    with pytest.raises(rnla.DamagedFileError, match=r"a\.npy.*has changed"):
        there.gram()
