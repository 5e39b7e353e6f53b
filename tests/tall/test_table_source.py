"""Tables in files: the rows of the same table in memory, however it is cut; errors name the file.

The reference is pandas: `get_dummies` for categories, and the plain array for numbers.
"""

from __future__ import annotations

import datetime
import itertools
import os
import pathlib
import tempfile

import hypothesis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather as feather
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
from hypothesis import strategies as st

import rnla
from rnla.tall import _table_csv, _table_files
from rnla.tall._digest import digest
from rnla.tall._engine import LocalEngine
from rnla.tall._source import DenseSource, SparseSource
from rnla.tall.files import read_matrix
from rnla.tall.matrix import TallMatrix
from rnla.tall.table_source import open_table

SUFFIXES = ("parquet", "feather", "csv")
CITIES = np.array(["Oslo", 'Ro"me', "São, Paulo", "two\nlines", "-"])


def random_table(n, *, seed=0, categories=False, single=False):
    """Numbers of several types; float32 only if `single`; text and codes if `categories`."""
    rng = np.random.default_rng(seed)
    if single:
        return pa.table({"a": rng.standard_normal(n).astype(np.float32)})
    columns = {
        "a": rng.standard_normal(n) * np.exp(rng.uniform(-300, 300, n)),
        "k": rng.integers(-(2**60), 2**60, n),
        "flag": rng.random(n) < 0.5,
        "zero. some": rng.integers(0, 2, n).astype(np.float64),
    }
    if categories:
        columns["city"] = pa.array(CITIES[rng.integers(0, len(CITIES), n)])
        columns["code"] = rng.integers(8, 12, n).astype(np.int32)
    return pa.table(columns)


def expected(table, *, drop=False):
    """The matrix and its column names, by pandas."""
    frame = table.to_pandas()
    hot = [name for name in ("city", "code") if name in frame]
    if not hot:
        values = frame.to_numpy(dtype=np.float32 if frame.dtypes.iloc[0] == np.float32 else float)
        return values, tuple(frame.columns)
    frame = pd.get_dummies(frame, columns=hot, prefix_sep="=", drop_first=drop)
    return frame.to_numpy(dtype=float), tuple(frame.columns)


def write(table, path, unit=1000, *, dictionary=()):
    """Write a table in units of some rows; `dictionary` columns are stored as categories."""
    for name in dictionary:
        column = table.column(name).dictionary_encode()
        table = table.set_column(table.schema.get_field_index(name), name, column)
    suffix = path.suffix
    if suffix == ".parquet":
        pq.write_table(table, path, row_group_size=unit)
    elif suffix == ".csv":
        table.to_pandas().to_csv(path, index=False)
    else:
        with ipc.new_file(path, table.schema) as writer:
            writer.write_table(table.unify_dictionaries(), max_chunksize=unit)


def write_shards(table, folder, suffix, cuts, unit, **options):
    edges = [0, *sorted(cuts), table.num_rows]
    for i, (start, stop) in enumerate(itertools.pairwise(edges)):
        write(table.slice(start, stop - start), folder / f"part-{i:02}.{suffix}", unit, **options)


def dense(block):
    return block.toarray() if sp.issparse(block) else block


def loaded(source, edges):
    """All rows, loaded in the given ranges."""
    pieces = []
    for start, stop in itertools.pairwise(edges):
        piece = source.load(start, stop)
        assert piece.shape == (stop - start, source.shape[1])
        pieces.append(dense(piece.read_raw(0, stop - start)))
    return np.concatenate(pieces)


@pytest.fixture
def small_pieces(monkeypatch):
    """Batches and chunks so small that a few rows make several."""
    make_small(monkeypatch)


def make_small(monkeypatch):
    monkeypatch.setattr(_table_files, "BATCH_BYTES", 1)
    monkeypatch.setattr(_table_files, "FEWEST_ROWS", 3)
    monkeypatch.setattr(_table_csv, "_CHUNK", 150)


# The same rows ---------------------------------------------------------------------------------


@hypothesis.settings(max_examples=15)
@hypothesis.given(st.data())
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("categories", [False, True])
def test_rows_do_not_depend_on_how_the_table_is_cut(tmp_path_factory, suffix, categories, data):
    n = data.draw(st.integers(1, 40), label="rows")
    table = random_table(n, seed=data.draw(st.integers(0, 9)), categories=categories)
    cuts = data.draw(st.lists(st.integers(0, n), max_size=3), label="files end at")
    unit = data.draw(st.integers(1, 20), label="rows of a unit")
    drop = "first" if categories and data.draw(st.booleans(), label="drop") else None
    folder = tmp_path_factory.mktemp("cut")
    stored = (
        ["city"] if categories and data.draw(st.booleans(), label="stored as categories") else ()
    )
    write_shards(table, folder, suffix, cuts, unit, dictionary=stored)
    matrix, names = expected(table, drop=drop == "first")
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        one_hot = ["city", "code"] if categories else []
        source, found = open_table(folder, one_hot=one_hot, drop=drop)
        assert found == source.column_names == names
        assert source.shape == matrix.shape
        assert source.is_sparse == categories
        for _ in range(2):  # the second pass rewinds
            edges = sorted({0, n, *data.draw(st.lists(st.integers(0, n), max_size=4))})
            assert np.array_equal(loaded(source, edges), matrix)
        rows = np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=6)), dtype=np.int64)
        assert np.array_equal(dense(source.take(rows)), matrix[rows])
        start = data.draw(st.integers(0, n))
        assert np.array_equal(loaded(source, [start, n]), matrix[start:])
        source.close()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_sparse_rows_are_those_of_the_csr_form(tmp_path, suffix, small_pieces):
    table = random_table(200, categories=True)
    write_shards(table, tmp_path, suffix, [30, 30, 120], 17, dictionary=["city"])
    source, _ = open_table(tmp_path, one_hot=["city", "code"])
    csr = sp.csr_array(expected(table)[0])
    memory = SparseSource(csr)
    for attribute in ("row_cost", "entry_count", "pair_count", "shape", "dtype"):
        assert getattr(source, attribute) == getattr(memory, attribute), attribute
    piece = source.load(0, 200).read(0, 200)
    for part in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(piece, part), getattr(csr, part))
        assert getattr(piece, part).dtype == getattr(csr, part).dtype
    taken = source.take(np.array([3, 199, 4]))
    assert taken.has_canonical_format
    assert (taken != csr[[3, 199, 4]]).nnz == 0


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("categories", [False, True])
def test_passes_are_those_of_the_matrix_in_memory(tmp_path, suffix, categories):
    table = random_table(3000, categories=categories).drop_columns(["a", "k"])
    write_shards(table, tmp_path, suffix, [1000, 1001], 700)
    one_hot = ["city", "code"] if categories else ()
    source, _ = open_table(tmp_path, one_hot=one_hot)
    matrix, _ = expected(table)
    memory = SparseSource(sp.csr_array(matrix)) if categories else DenseSource(matrix)
    there, here = (TallMatrix(LocalEngine(home)) for home in (source, memory))
    assert np.array_equal(there.gram(), here.gram())
    assert np.array_equal(there.row_norms(p=1.5), here.row_norms(p=1.5))
    assert np.array_equal(there.scan().column_max, here.scan().column_max)
    rows = np.array([0, 999, 1000, 2999])
    assert np.array_equal(dense(there.take(rows)), dense(here.take(rows)))


def test_the_matrix_is_the_same_whatever_the_type_of_the_files(tmp_path):
    table = random_table(50, categories=True)
    read = []
    for suffix in SUFFIXES:
        write(table, tmp_path / f"t.{suffix}", 9)
        source, names = open_table(tmp_path / f"t.{suffix}", one_hot=["city", "code"])
        read.append((names, source.load(0, 50).read(0, 50).toarray()))
    for names, matrix in read[1:]:
        assert names == read[0][0]
        assert np.array_equal(matrix, read[0][1])


@pytest.mark.parametrize("suffix", SUFFIXES[:2])
def test_dtypes(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    table = random_table(20, single=True)
    write(table, path)
    source, _ = open_table(path)
    assert source.dtype == np.float32
    assert source.load(0, 20).dtype == source.take(np.array([1])).dtype == np.float32
    assert np.array_equal(loaded(source, [0, 20]), expected(table)[0])
    write(table.append_column("k", pa.array(np.arange(20))), path)
    source, _ = open_table(path)
    assert source.dtype == source.load(0, 20).dtype == np.float64


def test_decimals_half_precision_and_unsigned_numbers(tmp_path):
    table = pa.table(
        {
            "money": pa.array([1, 2]).cast(pa.decimal128(30, 2)),
            "half": pa.array(np.array([0.5, 2.0], dtype=np.float16)),
            "big": pa.array([2**64 - 1, 0], pa.uint64()),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    source, _ = open_table(tmp_path / "t.parquet")
    assert np.array_equal(loaded(source, [0, 2]), [[1, 0.5, 2.0**64], [2, 2, 0]])


def test_pandas_rows_labels_are_no_data(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=pd.Index([7, 8], name="label"))
    frame.to_parquet(tmp_path / "t.parquet")
    assert open_table(tmp_path / "t.parquet")[1] == ("a",)
    frame.rename_axis(None).to_parquet(tmp_path / "t.parquet")
    assert open_table(tmp_path / "t.parquet")[1] == ("a",)


def test_pandas_categories_and_those_that_never_occur(tmp_path):
    for i, values in enumerate((["b", "a"], ["c", "b"])):
        pandas = pd.DataFrame({"s": pd.Categorical(values, ["never", *sorted(values)[::-1]])})
        pandas.to_parquet(tmp_path / f"{i}.parquet")
    source, names = open_table(tmp_path)
    assert names == ("s=a", "s=b", "s=c")
    assert source.load(0, 4).read(0, 4).toarray().tolist() == [
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_by_name_or_number_in_the_order_asked(tmp_path, suffix):
    table = random_table(9, categories=True)
    write(table, tmp_path / f"t.{suffix}")
    path = tmp_path / f"t.{suffix}"
    source, names = open_table(path, columns=["zero. some", 0])
    assert names == ("zero. some", "a")
    plain = table.select(["zero. some", "a"]).to_pandas().to_numpy(float)
    assert np.array_equal(loaded(source, [0, 9]), plain)
    source, names = open_table(path, columns=["code", "a"], one_hot=[5])
    assert names[0].startswith("code=")
    assert names[-1] == "a"
    assert np.array_equal(loaded(source, [0, 9])[:, -1], table["a"].to_numpy())
    with pytest.raises(rnla.ArgumentError, match=r"^columns: got 'z'; expected names among a, k"):
        open_table(path, columns=["z"])
    with pytest.raises(rnla.ArgumentError, match=r"^one_hot: got city; expected chosen columns"):
        open_table(path, columns=["a"], one_hot=["city"])
    with pytest.raises(rnla.ArgumentError, match=r"^drop: got 'last'; expected None or 'first'"):
        open_table(path, drop="last")


def test_columns_of_shards_may_stand_in_another_order(tmp_path):
    for suffix in SUFFIXES:
        folder = tmp_path / suffix
        folder.mkdir()
        write(pa.table({"a": [1.0], "b": [2.0]}), folder / f"1.{suffix}")
        write(pa.table({"b": [4], "a": [3]}), folder / f"2.{suffix}")
        source, names = open_table(folder)
        assert names == ("a", "b")
        assert np.array_equal(loaded(source, [0, 2]), [[1, 2], [3, 4]])


def test_text_of_a_csv_file_reads_to_the_last_bit_and_as_pandas_would(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(
        b'\xef\xbb\xbfa,b,flag,note\r\n0.1, 3e-310,True,"x\r\ny"\r\n\r\n-1e23,inf,False,\xe9\r\n'
    )
    source, _ = open_table(path, columns=["a", "b", "flag"])
    assert np.array_equal(loaded(source, [0, 2]), [[0.1, 3e-310, 1], [-1e23, np.inf, 0]])
    assert source.where(1).endswith("t.csv', line 5, row 1 of the file")


# Which rows are read ---------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_only_units_with_wanted_rows_are_read(tmp_path, suffix, small_pieces, monkeypatch):
    table = random_table(60)
    write_shards(table, tmp_path, suffix, [20, 40], 5)
    source, _ = open_table(tmp_path)
    read = []
    original = _table_files.TableFile.batches

    def batches(self, units):
        units = list(units)
        for row, batch in original(self, units):
            read.append(batch.num_rows)
            yield row, batch
        assert len(units) < len(self.starts) - 1

    monkeypatch.setattr(_table_files.TableFile, "batches", batches)
    assert np.array_equal(source.take(np.array([21, 59])), expected(table)[0][[21, 59]])
    assert 0 < sum(read) <= 12, read


def test_a_load_decodes_each_row_once_and_no_more_than_a_batch_ahead(
    tmp_path, small_pieces, monkeypatch
):
    write(random_table(60), tmp_path / "t.parquet", 20)
    source, _ = open_table(tmp_path / "t.parquet")
    read = [0]
    original = _table_files.TableFile.batches

    def batches(self, units):
        for row, batch in original(self, units):
            read[0] += batch.num_rows
            yield row, batch

    monkeypatch.setattr(_table_files.TableFile, "batches", batches)
    for start in range(0, 60, 4):
        source.load(start, start + 4)
        assert start + 4 <= read[0] <= start + 4 + 3
    assert read[0] == 60


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_of_a_long_file_stays_within_unit_bytes(tmp_path, suffix):
    rng = np.random.default_rng(0)
    table = pa.table({f"c{j}": rng.standard_normal(400_000) for j in range(4)})
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        pacsv.write_csv(table, path)
    elif suffix == "parquet":
        pq.write_table(table, path, row_group_size=400_000)
    else:
        feather.write_feather(table, path)
    del table
    source, _ = open_table(path)
    before = pa.total_allocated_bytes()
    most = 0
    for start in range(0, 400_000, 5000):
        source.load(start, start + 5000)
        most = max(most, pa.total_allocated_bytes() - before)
    assert most <= source.unit_bytes <= 4e7
    assert most < 400_000 * 4 * 8, "the file would fit anyway"
    source.close()
    assert pa.total_allocated_bytes() <= before + 2**22


# Paths -----------------------------------------------------------------------------------------


def numbers(values):
    return pa.table({"a": np.asarray(values, dtype=float)})


def first_column(source):
    return loaded(source, [0, source.shape[0]])[:, 0].tolist()


def test_folders_patterns_and_lists(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "_delta_log").mkdir()
    places = ["b.parquet", "a.parquet", "deep/z.parquet", "deep/er/c.PARQUET", "_metadata.parquet"]
    for i, place in enumerate([*places, ".hidden.parquet", "_delta_log/x.parquet"]):
        pq.write_table(numbers([i]), tmp_path / place)
    (tmp_path / "README.md").write_text("not data")
    assert first_column(open_table(tmp_path)[0]) == [1, 0, 3, 2]
    assert first_column(open_table(str(tmp_path / "*.parquet"))[0]) == [4, 1, 0]
    assert first_column(open_table(tmp_path / "**" / "*.parquet")[0]) == [6, 4, 1, 0, 2]
    assert first_column(open_table(tmp_path / "deep*")[0]) == [3, 2]
    listed = open_table([tmp_path / "b.parquet", tmp_path / "a.parquet"])[0]
    assert first_column(listed) == [0, 1]
    assert [os.path.basename(file) for file in listed.files] == ["b.parquet", "a.parquet"]
    bracket = tmp_path / "x[1].parquet"
    pq.write_table(numbers([7]), bracket)
    assert first_column(open_table(bracket)[0]) == [7]


def test_keys_of_folders_are_columns_of_categories(tmp_path):
    for year, city in ((2020, "S%C3%A3o Paulo"), (999, "Rome")):
        folder = tmp_path / f"year={year}" / f"city={city}"
        folder.mkdir(parents=True)
        pq.write_table(numbers([year, year + 1]), folder / "part.parquet")
    source, names = open_table(tmp_path)
    assert names == ("a", "year=999", "year=2020", "city=Rome", "city=São Paulo")
    rows = [[2020, 0, 1, 0, 1], [2021, 0, 1, 0, 1], [999, 1, 0, 1, 0], [1000, 1, 0, 1, 0]]
    assert loaded(source, [0, 4]).tolist() == rows
    assert source.take(np.array([2])).toarray().tolist() == rows[2:3]
    assert open_table(tmp_path, columns=["a"])[0].is_sparse is False
    assert open_table(tmp_path, columns=["year"])[1] == ("year=999", "year=2020")
    assert open_table(tmp_path / "year=*")[1] == names
    assert open_table(tmp_path / "year=999" / "*")[1] == ("a", "city=Rome")
    unknown = tmp_path / "year=__HIVE_DEFAULT_PARTITION__" / "city=x"
    unknown.mkdir(parents=True)
    pq.write_table(numbers([1]), unknown / "part.parquet")
    with pytest.raises(rnla.ArgumentError, match=r"'year' \(1 missing, the first in row 0 of .*__"):
        open_table(tmp_path)
    pq.write_table(numbers([1]), tmp_path / "part.parquet")
    with pytest.raises(rnla.ArgumentError, match=r"^path: got .*expected the same keys"):
        open_table(tmp_path)


def test_paths_that_are_no_tables(tmp_path):
    (tmp_path / "README.md").write_text("not data")
    for path, pattern in (
        (tmp_path, "a folder without such files"),
        (tmp_path / "*.parquet", "which matches no such file"),
        (tmp_path / "absent.parquet", "which does not exist"),
    ):
        with pytest.raises(
            FileNotFoundError, match=rf"^path: got '.*', {pattern}; expected a file"
        ):
            open_table(path)
    with pytest.raises(rnla.ArgumentError, match=r"README\.md'; expected a file that ends in"):
        open_table(tmp_path / "README.md")
    with pytest.raises(rnla.ArgumentError, match=r"^path: got an empty list"):
        open_table([])
    pq.write_table(numbers([1]), tmp_path / "a.parquet")
    write(numbers([1]), tmp_path / "b.csv")
    with pytest.raises(rnla.ArgumentError, match=r"files of 2 types: .*a\.parquet.*, .*b\.csv"):
        open_table(tmp_path)
    with pytest.raises(rnla.ArgumentError, match=r"a\.parquet' twice; expected different files"):
        open_table([tmp_path / "a.parquet", tmp_path / "*.parquet"])


def test_a_folder_that_may_not_be_listed_is_named(tmp_path, monkeypatch):
    def refuses(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refuses)
    with pytest.raises(PermissionError, match=str(tmp_path)):
        open_table(tmp_path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_may_not_be_read_is_named(suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"t.{suffix}"
        write(numbers([1]), path)
        path.chmod(0)
        os.chmod(folder, 0o755)
        user = os.geteuid()
        try:
            if user == 0:  # who may read everything
                os.seteuid(65534)
            with pytest.raises(PermissionError, match=str(path)):
                open_table(path)
        finally:
            os.seteuid(user)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_without_rows(tmp_path, suffix):
    # pandas cannot know the types of an empty shard.
    empty = pd.DataFrame({"a": [], "b": []}, dtype=object)
    for name in ("0", "2"):
        path = tmp_path / f"{name}.{suffix}"
        empty.to_csv(path, index=False) if suffix == "csv" else write(
            pa.Table.from_pandas(empty), path
        )
    with pytest.raises(rnla.ArgumentError, match="2 files without rows; expected rows of numbers"):
        open_table(tmp_path)
    write(pa.table({"a": [1.0, 2.0], "b": [3, 4]}), tmp_path / f"1.{suffix}")
    source, _ = open_table(tmp_path)
    assert np.array_equal(loaded(source, [0, 1, 2]), [[1, 3], [2, 4]])
    assert source.take(np.array([], dtype=np.int64)).shape == (0, 2)


# Bad content -----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_shards_with_other_columns_are_named(tmp_path, suffix):
    write(pa.table({"a": [1.0], "b": [2.0]}), tmp_path / f"1.{suffix}")
    write(pa.table({"a": [1.0], "z": [2.0]}), tmp_path / f"2.{suffix}")
    with pytest.raises(rnla.ArgumentError) as caught:
        open_table(tmp_path)
    message = str(caught.value)
    assert f"2.{suffix}' without column 'b' and with additional 'z'; expected" in message
    assert f"1.{suffix}' in every file. Choose columns that all files have: --columns a" in message
    assert first_column(open_table(tmp_path, columns=["a"])[0]) == [1, 1]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_shards_with_other_types_are_named(tmp_path, suffix):
    write(pa.table({"a": [1.0], "b": [2.0]}), tmp_path / f"1.{suffix}")
    write(pa.table({"a": [1.0], "b": ["x"]}), tmp_path / f"2.{suffix}")
    got = r"text 'x' in line 2" if suffix == "csv" else "string"
    pattern = rf"2\.{suffix}' with {got} in column 'b', and '.*1\.{suffix}' with double; expected"
    with pytest.raises(rnla.ArgumentError, match=pattern):
        open_table(tmp_path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_without_numbers_are_named(tmp_path, suffix):
    table = pa.table({"a": [1.0], "s": ["x"], "day": [datetime.date(2020, 1, 1)], "l": [[1]]})
    if suffix == "csv":
        table = table.drop_columns(["l"])
    write(table, tmp_path / f"t.{suffix}")
    with pytest.raises(rnla.ArgumentError) as caught:
        open_table(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"columns: got {table.num_columns - 1} without numbers: 's' (")
    assert "text 'x' in line 2" in message or suffix != "csv"
    assert message.endswith(
        "Pass one_hot=['s'] to make 0/1 columns of categories, or choose others: --columns a"
    )


def test_a_text_cell_far_down_a_csv_file_is_named(tmp_path, small_pieces):
    path = tmp_path / "t.csv"
    lines = ["a,b,c", *(f"{i},{i}.5,x" for i in range(400))]
    lines[300] = '1,"twelve, about",x'
    path.write_text("\n".join(lines))
    with pytest.raises(rnla.ArgumentError) as caught:
        open_table(path, columns=["a", "b"])
    message = str(caught.value)
    assert message.startswith("path: got '")
    assert "t.csv' with 'twelve, about' in line 301, column 'b'; expected a number" in message
    assert open_table(path, columns=["a"])[0].shape == (400, 1)


def test_a_line_of_another_length_in_a_csv_file_is_named(tmp_path, small_pieces):
    path = tmp_path / "t.csv"
    for line in ("1", "1,2,3"):
        path.write_text("a,b\n" + "1,2\n" * 300 + line + "\n" + "1,2\n" * 300)
        with pytest.raises(rnla.DamagedFileError, match=r"t\.csv'.*line 302 has \d fields, the"):
            open_table(path)
    path.write_text('a,b\n1,2\n"1,2\n' + "1,2\n" * 300)
    with pytest.raises(rnla.DamagedFileError, match=r"t\.csv"):
        open_table(path)


def test_a_csv_file_of_one_column_has_no_empty_cells(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n2\n\n\n")
    assert first_column(open_table(path)[0]) == [1, 2]
    path.write_text("a\n1\n\n2\n")
    with pytest.raises(rnla.ArgumentError, match=r"'a' \(1 missing, the first in row 1 of '"):
        open_table(path)


@pytest.mark.parametrize(
    "suffix, statistics", [("parquet", True), ("parquet", False), ("feather", None), ("csv", None)]
)
def test_missing_values_are_counted_by_file_and_column(tmp_path, suffix, statistics, small_pieces):
    for i, gaps in enumerate(((), (3, 17), (5,))):
        frame = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0), "c": "x"})
        frame.loc[list(gaps), "b"] = np.nan
        frame.loc[list(gaps[:1]), "c"] = None
        path = tmp_path / f"{i}.{suffix}"
        if suffix == "parquet":
            frame.to_parquet(path, row_group_size=4, write_statistics=statistics)
        else:
            write(pa.Table.from_pandas(frame), path, 4)

    def pass_over(columns, one_hot=()):
        source, _ = open_table(tmp_path, columns=columns, one_hot=one_hot)
        return loaded(source, [0, 60])

    with pytest.raises(rnla.ArgumentError) as caught:
        pass_over(["a", "b"])
    message = str(caught.value)
    assert message.startswith("columns: got 1 with missing values: 'b' (3 missing, the first in")
    assert f"the first in row 3 of '{tmp_path}/1.{suffix}'; 2 in '{tmp_path}/1." in message
    assert f", 1 in '{tmp_path}/2.{suffix}')" in message
    assert message.endswith("or choose others: --columns a")
    with pytest.raises(rnla.ArgumentError) as caught:
        pass_over(None, ["c"])
    assert "got 2 with missing values: 'b' (3 missing" in str(caught.value)
    assert "'c' (2 missing, the first in row 3" in str(caught.value)
    assert pass_over(["a"]).shape == (60, 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nan_is_found_by_the_first_pass_and_located(tmp_path, suffix):
    values = np.arange(50.0)
    if suffix == "csv":  # where nan is a missing value, and infinity a number
        values[37] = np.inf
    else:
        values[37] = np.nan
    write(numbers(values[:20]), tmp_path / f"1.{suffix}", 6)
    write(numbers(values[20:]), tmp_path / f"2.{suffix}", 6)
    source, _ = open_table(tmp_path)
    place = "line 19" if suffix == "csv" else "row group 2"
    place = "record batch 2" if suffix == "feather" else place
    assert source.where(37) == f"in '{tmp_path}/2.{suffix}', {place}, row 17 of the file"
    with pytest.raises(rnla.ArgumentError, match=rf"row 37 \(in '.*{place}, row 17 of the file\)"):
        TallMatrix(LocalEngine(source)).scan()


# Damage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES[:2])
def test_a_file_cut_short_is_named(tmp_path, suffix):
    write(random_table(50), tmp_path / f"1.{suffix}")
    write(random_table(50), tmp_path / f"2.{suffix}")
    content = (tmp_path / f"2.{suffix}").read_bytes()
    for length in (0, 3, 11, len(content) // 2, len(content) - 1):
        (tmp_path / f"2.{suffix}").write_bytes(content[:length])
        with pytest.raises(rnla.DamagedFileError, match=rf"2\.{suffix}', which cannot be read"):
            open_table(tmp_path)


def test_damaged_row_groups_are_named(tmp_path):
    path = tmp_path / "t.parquet"
    rng = np.random.default_rng(0)
    pq.write_table(numbers(rng.integers(0, 50, 3000)), path, row_group_size=1000)
    chunk = pq.ParquetFile(path).metadata.row_group(2).column(0)
    start = chunk.dictionary_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + 40] = bytes(40)
    path.write_bytes(bytes(content))
    source, _ = open_table(path)
    assert source.load(0, 2000).shape == (2000, 1)
    with pytest.raises(rnla.DamagedFileError, match=r"t\.parquet', row group 2, which cannot be"):
        source.load(2000, 3000)
    assert source.load(0, 1000).shape == (1000, 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("happening", ["vanishes", "changes"])
def test_a_file_that_is_another_one_in_the_next_pass_is_named(tmp_path, suffix, happening):
    for i in (1, 2):
        write(random_table(50, seed=i), tmp_path / f"{i}.{suffix}")
    source, _ = open_table(tmp_path)
    assert loaded(source, [0, 70, 100]).shape == (100, 4)
    if happening == "vanishes":
        (tmp_path / f"2.{suffix}").unlink()
    else:
        write(random_table(50, seed=3), tmp_path / f"2.{suffix}")
        os.utime(tmp_path / f"2.{suffix}", (1, 1))
    word = "vanished" if happening == "vanishes" else "changed"
    pattern = rf"2\.{suffix}'.*has {word} since the matrix was opened; expected the same"
    with pytest.raises(rnla.DamagedFileError, match=pattern):
        loaded(source, [0, 100])
    with pytest.raises(rnla.DamagedFileError, match=pattern):
        source.take(np.array([99]))
    with pytest.raises(rnla.DamagedFileError, match=pattern):
        source.check()
    assert source.take(np.array([49])).shape == (1, 4)


def test_a_matrix_is_recognised_by_its_files_and_columns(tmp_path):
    for name in ("1", "2"):
        write(random_table(20, categories=True), tmp_path / f"{name}.parquet")

    def identity(path, **options):
        return digest(open_table(path, one_hot=["city", "code"], **options)[0].identity())

    first = identity(tmp_path)
    assert identity(tmp_path) == first
    others = [
        identity(tmp_path / "1.parquet"),
        identity([tmp_path / "2.parquet", tmp_path / "1.parquet"]),
        identity(tmp_path, columns=["city", "code"]),
        identity(tmp_path, columns=["code", "city"]),
        identity(tmp_path, drop="first"),
    ]
    os.utime(tmp_path / "1.parquet", (1, 1))
    others.append(identity(tmp_path))
    assert len({first, *others}) == 7


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_same_name_twice(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        path.write_text("a,a\n1,2\n")
    else:
        table = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["a", "a"])
        pq.write_table(table, path) if suffix == "parquet" else write(table, path)
    with pytest.raises(rnla.ArgumentError, match=rf"t\.{suffix}', .* 'a' twice; expected diff"):
        open_table(path)


def test_a_column_that_identifies_rows_is_no_category(tmp_path, monkeypatch):
    monkeypatch.setattr("rnla.tall._table_columns._MOST_CATEGORIES", 5)
    write(pa.table({"a": np.arange(9.0), "id": np.arange(9)}), tmp_path / "t.parquet")
    with pytest.raises(rnla.ArgumentError, match=r"'id' with more than 5 different values; exp"):
        open_table(tmp_path / "t.parquet", one_hot=["id"])


def test_small_files_are_read_the_same_way(tmp_path):
    table = random_table(30, categories=True)
    for suffix in ("parquet", "feather"):
        path = pathlib.Path(tmp_path / f"t.{suffix}")
        write(table.drop_columns(["code"]), path, dictionary=["city"])
        read = read_matrix(path)
        matrix, names = expected(table.drop_columns(["code"]))
        assert read.column_names == names
        assert np.array_equal(read.matrix.toarray(), matrix)
