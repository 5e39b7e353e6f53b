"""Rows in dask.dataframe: the same matrix as that of the same table in memory."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from rnla import ArgumentError
from rnla.tall import _cut, as_tall
from rnla.tall.dask_collections import open_dask

pd = pytest.importorskip("pandas")
dd = pytest.importorskip("dask.dataframe")
dask = pytest.importorskip("dask")

N = 5000


@pytest.fixture(autouse=True)
def small_strips(monkeypatch):
    """Blocks of 64 rows, strips of 1024."""
    monkeypatch.setattr(_cut, "_BLOCK_ELEMENTS", 2**9)


def numbers():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.standard_normal(N),
            "count": rng.integers(0, 3, N),
            "flag": rng.uniform(size=N) < 0.5,
            "nullable": pd.array(rng.integers(0, 9, N), dtype="Int64"),
        }
    )


def with_categories():
    rng = np.random.default_rng(1)
    frame = numbers()
    cities = pd.Categorical(rng.choice(["Rome", "Oslo"], N), categories=["Rome", "Nowhere", "Oslo"])
    frame.insert(1, "city", cities)
    frame["year"] = pd.Categorical(rng.choice(["10", "9"], N))
    return frame


def encoded(frame):
    """The 0/1 columns written out."""
    columns = [frame["x"], frame["city"] == "Oslo", frame["city"] == "Rome"]
    columns += [frame[name] for name in ("count", "flag", "nullable")]
    columns += [frame["year"] == "9", frame["year"] == "10"]
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])


def test_numbers_become_a_dense_matrix():
    frame = numbers()
    tall = as_tall(dd.from_pandas(frame, npartitions=7))
    here = as_tall(frame.to_numpy(dtype=np.float64))
    assert (tall.shape, tall.is_sparse, tall.dtype) == (here.shape, False, np.float64)
    np.testing.assert_array_equal(tall.gram(), here.gram())
    np.testing.assert_array_equal(tall.row_norms(), here.row_norms())
    np.testing.assert_array_equal(tall.take([4999, 0]), here.take([4999, 0]))


def test_single_precision_is_kept_if_all_columns_have_it():
    frame = numbers()[["x"]].astype(np.float32)
    assert as_tall(dd.from_pandas(frame, npartitions=2)).dtype == np.float32
    frame["y"] = 1
    assert as_tall(dd.from_pandas(frame, npartitions=2)).dtype == np.float64


@pytest.mark.parametrize("known", [True, False])
def test_categories_become_sparse_columns_of_the_values_that_occur(known):
    frame = with_categories()
    collection = dd.from_pandas(frame, npartitions=6)
    if not known:
        collection = collection.assign(city=collection["city"].cat.as_unknown())
    engine = open_dask(collection, "A")
    assert engine.column_names == (
        *("x", "city=Oslo", "city=Rome", "count", "flag", "nullable"),
        *("year=9", "year=10"),  # numbers in text are sorted as numbers
    )
    tall, here = as_tall(collection), as_tall(sp.csr_array(encoded(frame)))
    assert (tall.shape, tall.entry_count) == (here.shape, here.entry_count)
    assert tall.pair_count == here.pair_count
    np.testing.assert_array_equal(tall.gram(), here.gram())
    taken = tall.take([17, 3, 4999])
    assert sp.issparse(taken)
    np.testing.assert_array_equal(taken.toarray(), encoded(frame)[[17, 3, 4999]])


def test_partitions_may_differ_in_their_categories():
    frame = with_categories()
    halves = [frame.iloc[:2000].copy(), frame.iloc[2000:].copy()]
    halves[0]["city"] = halves[0]["city"].cat.reorder_categories(["Oslo", "Rome", "Nowhere"])
    meta = frame.iloc[:0].assign(city=frame["city"].iloc[:0])
    collection = dd.from_delayed(
        [dask.delayed(half) for half in halves], meta=meta, verify_meta=False
    )
    np.testing.assert_array_equal(
        as_tall(collection).gram(), as_tall(sp.csr_array(encoded(frame))).gram()
    )


def test_filtered_frames_with_empty_partitions():
    frame = numbers().sort_values("x")
    collection = dd.from_pandas(frame, npartitions=5, sort=False)
    positive = collection[collection["x"] > 0.5]
    expected = frame[frame["x"] > 0.5].to_numpy(dtype=np.float64)
    np.testing.assert_array_equal(as_tall(positive).gram(), as_tall(expected).gram())


def test_text_and_dates_are_refused_by_name():
    frame = numbers().assign(name="a", when=pd.Timestamp("2020-01-01"))
    with pytest.raises(TypeError, match=r"2 column\(s\).*'name'.*'when'.*categorize"):
        as_tall(dd.from_pandas(frame, npartitions=2))


def test_missing_values_are_refused_by_name_and_place():
    frame = with_categories()
    frame.loc[4000, "x"] = np.nan
    frame.loc[10, "city"] = np.nan
    frame.loc[4999, "nullable"] = pd.NA
    with pytest.raises(ArgumentError, match=r"3 column.*'x' \(1 missing, the first in partition 3"):
        as_tall(dd.from_pandas(frame, npartitions=4))


def test_a_series_and_mixed_categories_are_refused():
    collection = dd.from_pandas(numbers(), npartitions=2)
    with pytest.raises(ArgumentError, match="to_frame"):
        as_tall(collection["x"])
    frame = numbers().assign(mixed=pd.Categorical(["a", 1] * (N // 2)))
    with pytest.raises(TypeError, match="categories of different types in column 'mixed'"):
        as_tall(dd.from_pandas(frame, npartitions=2))


def test_rows_are_named_by_partition():
    frame = numbers()
    frame.loc[4000, "x"] = np.inf
    with pytest.raises(ArgumentError, match=r"row 4000 \(partition 2\)"):
        as_tall(dd.from_pandas(frame, npartitions=3)).scan()
